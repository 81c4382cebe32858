#include "broker/event_filter.h"

#include <algorithm>
#include <compare>
#include <cstring>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/json_number.h"
#include "base/json_reader.h"

namespace notifyd {
namespace {

using Value = JsonTree::Value;
using Kind = JsonTree::Kind;

enum class Op {
  kAll,       // each child
  kAny,       // one child at least
  kNot,       // not the only child
  kRoot,      // the child, of what `name` says of the event
  kFields,    // each child of the field that it names; without any: is it an object?
  kElements,  // each child, of one element at least
  kIs,        // a scalar that stands for itself
  kEq,
  kNeq,
  kGt,
  kGte,
  kLt,
  kLte,
  kIn,
  kNin,
  kStartsWith,
  kEndsWith,
  kExist,
};

struct OperatorName {
  std::string_view name;
  Op op;
};
constexpr OperatorName kOperators[] = {
    {"$and", Op::kAll},           {"$or", Op::kAny},      {"$not", Op::kNot}, {"$eq", Op::kEq}, {"$neq", Op::kNeq}, {"$gt", Op::kGt},
    {"$gte", Op::kGte},           {"$lt", Op::kLt},       {"$lte", Op::kLte}, {"$in", Op::kIn}, {"$nin", Op::kNin}, {"$startsWith", Op::kStartsWith},
    {"$endsWith", Op::kEndsWith}, {"$exist", Op::kExist},
};

std::optional<Op> OperatorOf(std::string_view name) {
  for (const OperatorName& row : kOperators)
    if (row.name == name) return row.op;
  return std::nullopt;
}

bool IsScalar(Kind kind) {
  return kind != Kind::kArray && kind != Kind::kObject;
}

bool IsText(Value value) {
  return value.kind() == Kind::kString;
}

/// Does `test` hold for one element at least?
template <class Test>
bool OneOf(Value array, Test test) {
  bool found = false;
  array.ForEach([&](Value, Value element) { found = found || test(element); });
  return found;
}

/// Scalars to be found among many at once.
struct ScalarSet {
  struct ByNumber {
    bool operator()(std::string_view a, std::string_view b) const { return CompareJsonNumbers(a, b) < 0; }
  };
  std::set<std::string_view> texts;
  std::set<std::string_view, ByNumber> numbers;
  std::set<Kind> others;

  void Add(Value scalar) {
    if (IsText(scalar)) texts.insert(scalar.text());
    else if (scalar.kind() == Kind::kNumber) numbers.insert(scalar.raw());
    else others.insert(scalar.kind());
  }
  bool Holds(Value value) const {
    if (IsText(value)) return texts.contains(value.text());
    return value.kind() == Kind::kNumber ? numbers.contains(value.raw()) : others.contains(value.kind());
  }
};

}  // namespace

struct EventFilter::Node {
  Op op = Op::kAll;
  std::string name;              // of a field or root
  std::optional<Value> operand;  // looks into `tree`
  ScalarSet set;                 // of an operand that is an array to look into
  std::vector<Node> children;
  std::optional<JsonTree> tree;  // of the topmost alone
};

// ---- Compiling ----

class EventFilter::Compiler {
 public:
  /// An object over the roots.
  Status Filter(Value value, const std::string& pointer, size_t depth, Node* node) {
    if (value.kind() != Kind::kObject) return Refused("a filter must be an object with \"data\", \"labels\", \"key\" or \"topic\"", pointer);
    NOTIFYD_TRY(Deeper(&depth, pointer));
    node->op = Op::kAll;
    return Members(value, pointer, [&](std::string_view name, Value member, const std::string& at) -> Status {
      Node* child = &node->children.emplace_back();
      if (name == "data" || name == "labels" || name == "key" || name == "topic") {
        child->op = Op::kRoot;
        child->name = name;
        return Condition(member, at, depth, &child->children.emplace_back());
      }
      std::optional<Op> op = OperatorOf(name);
      if (op == Op::kNot) {
        child->op = Op::kNot;
        return Filter(member, at, depth, &child->children.emplace_back());
      }
      if (op != Op::kAll && op != Op::kAny)
        return Refused("a filter begins with \"data\", \"labels\", \"key\" or \"topic\", or with \"$and\", \"$or\" or \"$not\"", at);
      return EachOf(member, at, *op, child, [&](Value each, const std::string& below, Node* one) { return Filter(each, below, depth, one); });
    });
  }

 private:
  static Status Refused(std::string detail, std::string pointer) { return Status(Code::kUnacceptable, std::move(detail), std::move(pointer)); }

  static Status Deeper(size_t* depth, const std::string& pointer) {
    if (++*depth <= kMaxDepth) return Status::Ok();
    return Refused("a filter must not be deeper than " + std::to_string(kMaxDepth) + " levels", pointer);
  }

  Status Counted(const std::string& pointer) {
    if (++conditions_ <= kMaxConditions) return Status::Ok();
    return Refused("a filter must not have more than " + std::to_string(kMaxConditions) + " conditions", pointer);
  }

  /// Calls `visit(name, value, pointer)` for each until one fails.
  template <class Visit>
  static Status Members(Value object, const std::string& pointer, Visit visit) {
    Status status;
    object.ForEach([&](Value key, Value value) {
      if (!status.ok()) return;
      std::string at = pointer;
      AppendPointer(key.text(), &at);
      status = visit(key.text(), value, at);
    });
    return status;
  }

  /// What "$and" and "$or" are given.
  template <class Compile>
  static Status EachOf(Value array, const std::string& pointer, Op op, Node* node, Compile compile) {
    node->op = op;
    if (array.kind() != Kind::kArray || array.size() == 0) return Refused("must be an array with at least one condition", pointer);
    Status status;
    array.ForEach([&](Value, Value each) {
      if (!status.ok()) return;
      const std::string at = pointer + "/" + std::to_string(node->children.size());
      status = compile(each, at, &node->children.emplace_back());
    });
    return status;
  }

  Status Condition(Value value, const std::string& pointer, size_t depth, Node* node) {
    if (IsScalar(value.kind())) {
      node->op = Op::kIs;
      node->operand = value;
      return Counted(pointer);
    }
    NOTIFYD_TRY(Deeper(&depth, pointer));
    if (value.kind() == Kind::kArray)
      return EachOf(value, pointer, Op::kElements, node,
                    [&](Value each, const std::string& at, Node* one) { return Condition(each, at, depth, one); });
    Node fields;
    fields.op = Op::kFields;
    NOTIFYD_TRY(Members(value, pointer, [&](std::string_view name, Value member, const std::string& at) -> Status {
      if (name.starts_with('$')) return Operator(name, member, at, depth, &node->children.emplace_back());
      Node* field = &fields.children.emplace_back();
      field->name = name;
      return Condition(member, at, depth, &field->children.emplace_back());
    }));
    if (fields.children.empty() && node->children.empty()) NOTIFYD_TRY(Counted(pointer));
    if (!fields.children.empty() || node->children.empty()) node->children.push_back(std::move(fields));
    return Status::Ok();
  }

  Status Operator(std::string_view name, Value operand, const std::string& pointer, size_t depth, Node* node) {
    std::optional<Op> op = OperatorOf(name);
    if (!op) return Refused("there is no such operator", pointer);
    node->op = *op;
    const auto condition = [&](Value each, const std::string& at, Node* one) { return Condition(each, at, depth, one); };
    if (*op == Op::kNot) return condition(operand, pointer, &node->children.emplace_back());
    if (*op == Op::kAll || *op == Op::kAny) return EachOf(operand, pointer, *op, node, condition);
    node->operand = operand;
    NOTIFYD_TRY(Counted(pointer));
    NOTIFYD_TRY(Fits(*op, operand, pointer));
    if (*op == Op::kIn || *op == Op::kNin) operand.ForEach([&](Value, Value each) { node->set.Add(each); });
    return Status::Ok();
  }

  static Status Fits(Op op, Value operand, const std::string& pointer) {
    switch (op) {
      case Op::kGt:
      case Op::kGte:
      case Op::kLt:
      case Op::kLte:
        if (operand.kind() != Kind::kNumber && !IsText(operand)) return Refused("must be a number or a string", pointer);
        break;
      case Op::kIn:
      case Op::kNin:
        if (operand.kind() == Kind::kArray ? OneOf(operand, [](Value each) { return !IsScalar(each.kind()); }) : !IsScalar(operand.kind()))
          return Refused("must be a scalar, or an array of scalars", pointer);
        break;
      case Op::kStartsWith:
      case Op::kEndsWith:
        if (operand.kind() == Kind::kArray ? OneOf(operand, [](Value each) { return !IsText(each); }) : !IsText(operand))
          return Refused("must be a string, or an array of strings", pointer);
        break;
      case Op::kExist:
        if (operand.kind() != Kind::kTrue && operand.kind() != Kind::kFalse) return Refused("must be true or false", pointer);
        break;
      default:
        break;
    }
    return Status::Ok();
  }

  size_t conditions_ = 0;
};

Result<EventFilter> EventFilter::Compile(std::string_view json_text) {
  if (json_text.size() > kMaxBytes) return Status(Code::kUnacceptable, "a filter must not be longer than " + std::to_string(kMaxBytes) + " bytes");
  Result<JsonTree> tree = JsonTree::Parse(json_text);
  if (!tree.ok()) return Status(Code::kUnacceptable, tree.status().detail());
  auto root = std::make_shared<Node>();
  NOTIFYD_TRY(Compiler().Filter(tree->root(), "", 0, root.get()));
  root->tree = *std::move(tree);
  return EventFilter(std::move(root));
}

// ---- Matching ----

/// What a condition looks at: a JSON value, a text or the labels of an event, or nothing.
class EventFilter::Seen {
 public:
  Seen() = default;
  explicit Seen(Value value) : value_(value), there_(true) {}
  explicit Seen(std::string_view text) : text_(text), there_(true) {}
  explicit Seen(const Labels* labels) : labels_(labels), there_(true) {}

  static Seen Root(const std::string& name, const Subject& subject) {
    if (name == "data") return Seen(*subject.data);
    if (name == "topic") return Seen(subject.topic);
    if (name == "key") return subject.key.empty() ? Seen() : Seen(subject.key);
    return subject.labels == nullptr || subject.labels->empty() ? Seen() : Seen(subject.labels);
  }

  bool Meets(const Node& node) const {
    const auto meets = [this](const Node& child) { return Meets(child); };
    switch (node.op) {
      case Op::kAll:
        return std::all_of(node.children.begin(), node.children.end(), meets);
      case Op::kAny:
        return std::any_of(node.children.begin(), node.children.end(), meets);
      case Op::kNot:
        return !Meets(node.children[0]);
      case Op::kFields:
        return MeetsFields(node);
      case Op::kElements:
        return value_ && value_->kind() == Kind::kArray && std::all_of(node.children.begin(), node.children.end(), [this](const Node& child) {
                 return OneOf(*value_, [&](Value element) { return Seen(element).Meets(child); });
               });
      case Op::kIs:
        return Is(*node.operand);
      case Op::kEq:
      case Op::kNeq:
        return Equals(*node.operand) == (node.op == Op::kEq);
      case Op::kIn:
      case Op::kNin:
        return IsIn(node) == (node.op == Op::kIn);
      case Op::kExist:
        return there_ == (node.operand->kind() == Kind::kTrue);
      case Op::kStartsWith:
      case Op::kEndsWith:
        return HasEnd(*node.operand, node.op == Op::kStartsWith);
      default:
        return IsOrdered(*node.operand, node.op);
    }
  }

 private:
  bool IsArray() const { return value_ && value_->kind() == Kind::kArray; }

  std::optional<std::string_view> Text() const {
    if (text_) return text_;
    if (value_ && IsText(*value_)) return value_->text();
    return std::nullopt;
  }

  Seen Field(std::string_view name) const {
    Seen found;
    if (labels_ != nullptr) {
      for (const auto& [key, value] : *labels_)
        if (key == name) found = Seen(std::string_view(value));
    } else if (value_ && value_->kind() == Kind::kObject) {
      value_->ForEach([&](Value key, Value value) {
        if (key.text() == name) found = Seen(value);
      });
    }
    return found;
  }

  bool MeetsFields(const Node& node) const {
    if (IsArray() && value_->size() > 0) return OneOf(*value_, [&](Value element) { return Seen(element).MeetsFields(node); });
    if (node.children.empty()) return labels_ != nullptr || (value_ && value_->kind() == Kind::kObject);
    return std::all_of(node.children.begin(), node.children.end(), [this](const Node& field) { return Field(field.name).Meets(field.children[0]); });
  }

  bool Is(Value scalar) const {
    return Equals(scalar) || (IsArray() && OneOf(*value_, [&](Value element) { return Seen(element).Is(scalar); }));
  }

  bool Equals(Value other) const {
    if (value_) return JsonEqual(*value_, other);
    if (text_) return IsText(other) && other.text() == *text_;
    if (labels_ == nullptr || other.kind() != Kind::kObject || other.size() != labels_->size()) return false;
    return std::all_of(labels_->begin(), labels_->end(), [&](const auto& label) {
      std::optional<Seen> member = Seen(other).Field(label.first);
      return member && member->Text() == label.second;
    });
  }

  bool IsIn(const Node& node) const {
    const Value operand = *node.operand;
    const std::optional<std::string_view> text = Text();
    if (operand.kind() == Kind::kArray) {
      if (text) return node.set.texts.contains(*text);
      return value_ && (IsArray() ? OneOf(*value_, [&](Value element) { return node.set.Holds(element); }) : node.set.Holds(*value_));
    }
    // memmem is linear in both, which a plain search is not.
    if (text && IsText(operand)) return memmem(text->data(), text->size(), operand.text().data(), operand.text().size()) != nullptr;
    return IsArray() ? OneOf(*value_, [&](Value element) { return JsonEqual(element, operand); }) : Equals(operand);
  }

  bool HasEnd(Value operand, bool first) const {
    std::optional<std::string_view> text = Text();
    if (!text) return false;
    const auto fits = [&](Value end) { return first ? text->starts_with(end.text()) : text->ends_with(end.text()); };
    return operand.kind() == Kind::kArray ? OneOf(operand, fits) : fits(operand);
  }

  bool IsOrdered(Value operand, Op op) const {
    std::strong_ordering order = std::strong_ordering::equal;
    if (std::optional<std::string_view> text = Text(); text && IsText(operand)) order = text->compare(operand.text()) <=> 0;
    else if (value_ && value_->kind() == Kind::kNumber && operand.kind() == Kind::kNumber) order = CompareJsonNumbers(value_->raw(), operand.raw());
    else return false;
    switch (op) {
      case Op::kGt:
        return order > 0;
      case Op::kGte:
        return order >= 0;
      case Op::kLt:
        return order < 0;
      default:
        return order <= 0;
    }
  }

  std::optional<Value> value_;
  std::optional<std::string_view> text_;
  const Labels* labels_ = nullptr;
  bool there_ = false;
};

bool EventFilter::Matches(const Subject& subject) const {
  const auto meets = [&](const auto& self, const Node& node) -> bool {
    const auto each = [&](const Node& child) { return self(self, child); };
    switch (node.op) {
      case Op::kRoot:
        return (node.name != "data" || subject.data != nullptr) && Seen::Root(node.name, subject).Meets(node.children[0]);
      case Op::kAny:
        return std::any_of(node.children.begin(), node.children.end(), each);
      case Op::kNot:
        return !each(node.children[0]);
      default:
        return std::all_of(node.children.begin(), node.children.end(), each);
    }
  };
  return meets(meets, *root_);
}

}  // namespace notifyd
