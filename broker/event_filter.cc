#include "broker/event_filter.h"

#include <algorithm>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/json_number.h"
#include "base/json_reader.h"
#include "broker/filter_sets.h"

namespace notifyd {
namespace {

using Value = JsonTree::Value;
using Kind = JsonTree::Kind;

enum class Op : uint8_t {
  kAll,       // each child
  kAny,       // one child at least
  kNot,       // not the only child
  kRoot,      // the child, of a part of the event
  kFields,    // each child, which is a field; without any: is it an object?
  kField,     // the child, of the field that it names
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

/// Of an event.
enum class Part : uint8_t { kData, kLabels, kKey, kTopic };

Part PartOf(std::string_view name) {
  return name == "data" ? Part::kData : name == "labels" ? Part::kLabels : name == "key" ? Part::kKey : Part::kTopic;
}

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
  for (Value::Inside at = array.inside(); !at.at_end(); at.Next())
    if (test(at.value())) return true;
  return false;
}

/// An answer, where there is one already.
enum class Told : uint8_t { kNo, kYes, kLater };

Told ToldOf(bool holds) {
  return holds ? Told::kYes : Told::kNo;
}

Told Opposite(Told told) {
  return told == Told::kLater ? told : ToldOf(told == Told::kNo);
}

}  // namespace

struct EventFilter::Draft {
  Op op = Op::kAll;
  std::string name;  // of a field or root
  std::optional<Value> operand;
  std::vector<Draft> children;
};

// ---- Compiling ----

class EventFilter::Compiler {
 public:
  /// An object over the roots.
  Status Filter(Value value, const std::string& pointer, size_t depth, Draft* node) {
    if (value.kind() != Kind::kObject) return Refused("a filter must be an object with \"data\", \"labels\", \"key\" or \"topic\"", pointer);
    NOTIFYD_TRY(Deeper(&depth, pointer));
    node->op = Op::kAll;
    return Members(value, pointer, [&](std::string_view name, Value member, const std::string& at) -> Status {
      Draft* child = &node->children.emplace_back();
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
      return EachOf(member, at, *op, child, [&](Value each, const std::string& below, Draft* one) { return Filter(each, below, depth, one); });
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
  static Status EachOf(Value array, const std::string& pointer, Op op, Draft* node, Compile compile) {
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

  Status Condition(Value value, const std::string& pointer, size_t depth, Draft* node) {
    if (IsScalar(value.kind())) {
      node->op = Op::kIs;
      node->operand = value;
      return Counted(pointer);
    }
    NOTIFYD_TRY(Deeper(&depth, pointer));
    if (value.kind() == Kind::kArray)
      return EachOf(value, pointer, Op::kElements, node,
                    [&](Value each, const std::string& at, Draft* one) { return Condition(each, at, depth, one); });
    Draft fields;
    fields.op = Op::kFields;
    NOTIFYD_TRY(Members(value, pointer, [&](std::string_view name, Value member, const std::string& at) -> Status {
      if (name.starts_with('$')) return Operator(name, member, at, depth, &node->children.emplace_back());
      Draft* field = &fields.children.emplace_back();
      field->op = Op::kField;
      field->name = name;
      return Condition(member, at, depth, &field->children.emplace_back());
    }));
    if (fields.children.empty() && node->children.empty()) NOTIFYD_TRY(Counted(pointer));
    if (!fields.children.empty() || node->children.empty()) node->children.push_back(std::move(fields));
    return Status::Ok();
  }

  Status Operator(std::string_view name, Value operand, const std::string& pointer, size_t depth, Draft* node) {
    std::optional<Op> op = OperatorOf(name);
    if (!op) return Refused("there is no such operator", pointer);
    node->op = *op;
    const auto condition = [&](Value each, const std::string& at, Draft* one) { return Condition(each, at, depth, one); };
    if (*op == Op::kNot) return condition(operand, pointer, &node->children.emplace_back());
    if (*op == Op::kAll || *op == Op::kAny) return EachOf(operand, pointer, *op, node, condition);
    node->operand = operand;
    NOTIFYD_TRY(Counted(pointer));
    return Fits(*op, operand, pointer);
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

// ---- The form that is judged by ----

/// One condition, in the order of the text, each with what is below it behind it.
struct EventFilter::Node {
  Op op;
  Kind kind;         // of its operand
  Part part;         // of a root
  uint32_t end;      // behind all that is below it
  uint32_t text_at;  // a name; an operand that is a string, decoded, or a number, as written; of an array or object, which one of Apart's
  uint32_t text_size;
};

struct EventFilter::Apart {
  JsonTree tree;
  std::vector<Value> operands;  // arrays and objects, of `tree`
  std::vector<ScalarSet> sets;  // of the same places
  std::vector<EndSet> ends;     // likewise
};

class EventFilter::Flattener {
 public:
  explicit Flattener(JsonTree tree) : apart_{std::move(tree), {}, {}, {}} {}

  void Add(const Draft& draft) {
    if (draft.op == Op::kAll && draft.children.size() == 1) return Add(draft.children[0]);
    const size_t place = nodes_.size();
    nodes_.push_back({draft.op, Kind::kNull, draft.op == Op::kRoot ? PartOf(draft.name) : Part::kData, 0, 0, 0});
    if (!draft.name.empty()) SetText(place, draft.name);
    if (draft.operand) SetOperand(place, *draft.operand);
    for (const Draft& child : draft.children) Add(child);
    nodes_[place].end = static_cast<uint32_t>(nodes_.size());
  }

  EventFilter Take() {
    EventFilter filter;
    const size_t bytes = nodes_.size() * sizeof(Node);
    for (Node& node : nodes_)
      if (node.text_size > 0) node.text_at += static_cast<uint32_t>(bytes);
    // Of words, so that it lies as nodes must.
    auto block = std::make_shared<uint64_t[]>((bytes + texts_.size() + sizeof(uint64_t) - 1) / sizeof(uint64_t));
    std::memcpy(block.get(), nodes_.data(), bytes);
    if (!texts_.empty()) std::memcpy(reinterpret_cast<char*>(block.get()) + bytes, texts_.data(), texts_.size());
    filter.block_ = std::move(block);
    if (!apart_.operands.empty()) filter.apart_ = std::make_shared<const Apart>(std::move(apart_));
    return filter;
  }

 private:
  void SetText(size_t place, std::string_view text) {
    nodes_[place].text_at = static_cast<uint32_t>(texts_.size());
    nodes_[place].text_size = static_cast<uint32_t>(text.size());
    texts_.append(text);
  }

  void SetOperand(size_t place, Value operand) {
    nodes_[place].kind = operand.kind();
    if (IsText(operand)) return SetText(place, operand.text());
    if (operand.kind() == Kind::kNumber) return SetText(place, operand.raw());
    if (IsScalar(operand.kind())) return;
    nodes_[place].text_at = static_cast<uint32_t>(apart_.operands.size());
    apart_.operands.push_back(operand);
    ScalarSet* set = &apart_.sets.emplace_back();
    if (nodes_[place].op == Op::kIn || nodes_[place].op == Op::kNin) operand.ForEach([&](Value, Value each) { set->Add(each); });
    EndSet* ends = &apart_.ends.emplace_back();
    const bool from_behind = nodes_[place].op == Op::kEndsWith;
    if (from_behind || nodes_[place].op == Op::kStartsWith) operand.ForEach([&](Value, Value each) { ends->Add(each.text(), from_behind); });
    ends->Sort();
  }

  std::vector<Node> nodes_;
  std::string texts_;
  Apart apart_;
};

Result<EventFilter> EventFilter::Compile(std::string_view json_text) {
  if (json_text.size() > kMaxBytes) return Status(Code::kUnacceptable, "a filter must not be longer than " + std::to_string(kMaxBytes) + " bytes");
  Result<JsonTree> tree = JsonTree::Parse(json_text);
  if (!tree.ok()) return Status(Code::kUnacceptable, tree.status().detail());
  Draft root;
  NOTIFYD_TRY(Compiler().Filter(tree->root(), "", 0, &root));
  Flattener flattener(*std::move(tree));
  flattener.Add(root);
  return flattener.Take();
}

// ---- Judging ----

namespace {

/// What a condition looks at: a JSON value, a text or the labels of an event, or nothing.
struct Seen {
  std::optional<Value> value;
  Kind kind = Kind::kNull;  // of it
  std::string_view text;    // where `is_text`
  const Labels* labels = nullptr;
  bool is_text = false;

  static Seen Of(Value value) {
    const Kind kind = value.kind();
    const bool text = kind == Kind::kString;
    return {value, kind, text ? value.text() : std::string_view(), nullptr, text};
  }
  static Seen Of(std::string_view text) { return {std::nullopt, Kind::kNull, text, nullptr, true}; }
  bool there() const { return value || is_text || labels != nullptr; }
  bool IsArray() const { return value && kind == Kind::kArray; }

  /// `looked_at` is raised by how many there are.
  Seen Field(std::string_view name, int64_t* looked_at) const {
    Seen found;
    if (labels != nullptr) {
      for (const auto& [key, each] : *labels)
        if (key == name) found = Of(std::string_view(each));
    } else if (value && kind == Kind::kObject) {
      std::optional<Value> last;
      value->ForEach([&](Value key, Value each) {
        ++*looked_at;
        if (key.text() == name) last = each;
      });
      if (last) found = Of(*last);
    }
    return found;
  }

  bool Equals(Value other) const {
    if (value) return JsonEqual(*value, other);
    if (is_text) return IsText(other) && other.text() == text;
    if (labels == nullptr || other.kind() != Kind::kObject || other.size() != labels->size()) return false;
    int64_t looked_at = 0;
    return std::all_of(labels->begin(), labels->end(), [&](const auto& label) {
      const Seen member = Of(other).Field(label.first, &looked_at);
      return member.is_text && member.text == label.second;
    });
  }
};

}  // namespace

/// Goes down the conditions and the event. Where the steps are used up, each level leaves its place on the way out, and takes it up again on the way
/// in. It never leaves before it has asked one more, so that whoever goes on comes further, however few steps there are.
class EventFilter::Judge {
 public:
  /// `places`: what was left; is replaced.
  Judge(const char* block, const Apart* apart, const Subject& subject, int64_t steps, std::vector<Pause::Place>* places)
      : block_(block), apart_(apart), subject_(subject), steps_(steps), places_(places), comes_back_(!places->empty()) {}

  Told Meets(const Node& node, const Seen& seen) {
    Spend(1);
    switch (node.op) {
      case Op::kRoot:
        if (node.part == Part::kData && subject_.raw) return ToldOf(negated_);
        return Meets(*(&node + 1), PartSeen(node.part));
      case Op::kField: {
        int64_t looked_at = 0;
        const Seen field = seen.Field(TextOf(node), &looked_at);
        Spend(looked_at);
        return Meets(*(&node + 1), field);
      }
      case Op::kAll:
        return Children(node, Told::kNo, [&](const Node& child) { return Meets(child, seen); });
      case Op::kAny:
        return Children(node, Told::kYes, [&](const Node& child) { return Meets(child, seen); });
      case Op::kNot: {
        negated_ = !negated_;
        const Told told = Opposite(Meets(*(&node + 1), seen));
        negated_ = !negated_;
        return told;
      }
      case Op::kFields:
        return MeetsFields(node, seen);
      case Op::kElements:
        if (!seen.IsArray()) return Told::kNo;
        return Children(node, Told::kNo,
                        [&](const Node& child) { return AnElement(*seen.value, [&](Value element) { return Meets(child, Seen::Of(element)); }); });
      default:
        return ToldOf(Holds(node, seen));
    }
  }

  const Node& top() const { return nodes()[0]; }
  int64_t steps() const { return steps_; }

 private:
  const Node* nodes() const { return reinterpret_cast<const Node*>(block_); }
  std::string_view TextOf(const Node& node) const { return {block_ + node.text_at, node.text_size}; }
  const Value& OperandOf(const Node& node) const { return apart_->operands[node.text_at]; }

  void Spend(int64_t steps) {
    if (!comes_back_) steps_ -= steps;
  }

  Pause::Place TakePlace() {
    Pause::Place place = places_->back();
    places_->pop_back();
    comes_back_ = !places_->empty();
    return place;
  }

  Told Leave(Pause::Place place) {
    places_->push_back(place);
    return Told::kLater;
  }

  /// Asks one child after the other until one answers `last`.
  template <class Test>
  Told Children(const Node& node, Told last, Test test) {
    const Node* child = comes_back_ ? nodes() + TakePlace().node : &node + 1;
    while (child != nodes() + node.end) {
      const Told told = test(*child);
      if (told == last) return told;
      if (told != Told::kLater) child = nodes() + child->end;
      if (told == Told::kLater || (steps_ <= 0 && child != nodes() + node.end)) return Leave({static_cast<uint32_t>(child - nodes()), std::nullopt});
    }
    return Opposite(last);
  }

  /// Does `test` hold for one element at least?
  template <class Test>
  Told AnElement(const Value& array, Test test) {
    Value::Inside at = comes_back_ ? *TakePlace().element : array.inside();
    while (!at.at_end()) {
      const Told told = test(at.value());
      if (told == Told::kYes) return told;
      Spend(1);
      if (told != Told::kLater) at.Next();
      if (told == Told::kLater || (steps_ <= 0 && !at.at_end())) return Leave({0, at});
    }
    return Told::kNo;
  }

  Seen PartSeen(Part part) const {
    switch (part) {
      case Part::kData:
        return subject_.data != nullptr ? Seen::Of(*subject_.data) : Seen();
      case Part::kTopic:
        return Seen::Of(subject_.topic);
      case Part::kKey:
        return subject_.key.empty() ? Seen() : Seen::Of(subject_.key);
      case Part::kLabels:
        break;
    }
    Seen seen;
    if (subject_.labels != nullptr && !subject_.labels->empty()) seen.labels = subject_.labels;
    return seen;
  }

  Told MeetsFields(const Node& node, const Seen& seen) {
    if (seen.IsArray() && !seen.value->inside().at_end())
      return AnElement(*seen.value, [&](Value element) { return MeetsFields(node, Seen::Of(element)); });
    if (node.end == static_cast<uint32_t>(&node - nodes()) + 1) return ToldOf(seen.labels != nullptr || (seen.value && seen.kind == Kind::kObject));
    return Children(node, Told::kNo, [&](const Node& field) { return Meets(field, seen); });
  }

  /// What compares, in one go: a pass over what is seen, at most.
  bool Holds(const Node& node, const Seen& seen) {
    switch (node.op) {
      case Op::kIs:
        return Is(node, seen);
      case Op::kEq:
      case Op::kNeq:
        return Equals(node, seen) == (node.op == Op::kEq);
      case Op::kIn:
      case Op::kNin:
        return IsIn(node, seen) == (node.op == Op::kIn);
      case Op::kExist:
        return seen.there() == (node.kind == Kind::kTrue);
      case Op::kStartsWith:
      case Op::kEndsWith:
        return HasEnd(node, seen);
      default:
        return IsOrdered(node, seen);
    }
  }

  bool Equals(const Node& node, const Seen& seen) {
    if (!IsScalar(node.kind)) {
      if (seen.value && seen.kind == node.kind) Spend(static_cast<int64_t>((OperandOf(node).raw().size() + seen.value->raw().size()) / 4));
      return seen.Equals(OperandOf(node));
    }
    if (seen.is_text) return node.kind == Kind::kString && seen.text == TextOf(node);
    if (!seen.value || seen.kind != node.kind) return false;
    return node.kind != Kind::kNumber || seen.value->raw() == TextOf(node) || CompareJsonNumbers(seen.value->raw(), TextOf(node)) == 0;
  }

  /// As OneOf, each counted.
  template <class Test>
  bool OneElement(const Seen& seen, Test test) {
    return OneOf(*seen.value, [&](Value element) {
      Spend(1);
      return test(element);
    });
  }

  bool Is(const Node& node, const Seen& seen) {
    return Equals(node, seen) || (seen.IsArray() && OneElement(seen, [&](Value element) { return Is(node, Seen::Of(element)); }));
  }

  bool IsIn(const Node& node, const Seen& seen) {
    if (!IsScalar(node.kind)) {
      const ScalarSet& set = apart_->sets[node.text_at];
      if (seen.is_text) return set.texts.contains(seen.text);
      return seen.value && (seen.IsArray() ? OneElement(seen, [&](Value element) { return set.Holds(element); }) : set.Holds(*seen.value));
    }
    const std::string_view part = TextOf(node);
    if (seen.is_text && node.kind == Kind::kString) {
      // memmem is linear in both, which a plain search is not.
      Spend(static_cast<int64_t>(seen.text.size() / 32));
      return memmem(seen.text.data(), seen.text.size(), part.data(), part.size()) != nullptr;
    }
    return seen.IsArray() ? OneElement(seen, [&](Value element) { return Equals(node, Seen::Of(element)); }) : Equals(node, seen);
  }

  bool HasEnd(const Node& node, const Seen& seen) const {
    if (!seen.is_text) return false;
    if (node.kind == Kind::kArray) return apart_->ends[node.text_at].Holds(seen.text);
    return node.op == Op::kStartsWith ? seen.text.starts_with(TextOf(node)) : seen.text.ends_with(TextOf(node));
  }

  bool IsOrdered(const Node& node, const Seen& seen) const {
    std::strong_ordering order = std::strong_ordering::equal;
    if (seen.is_text && node.kind == Kind::kString) order = seen.text.compare(TextOf(node)) <=> 0;
    else if (seen.value && seen.kind == Kind::kNumber && node.kind == Kind::kNumber) order = CompareJsonNumbers(seen.value->raw(), TextOf(node));
    else return false;
    switch (node.op) {
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

  const char* const block_;
  const Apart* const apart_;
  const Subject& subject_;
  int64_t steps_;
  std::vector<Pause::Place>* const places_;
  bool comes_back_;       // to where it was: there are places left to take
  bool negated_ = false;  // what is looked at lies within an odd number of $not
};

bool EventFilter::Matches(const Subject& subject) const {
  Pause pause;
  int64_t steps = INT64_MAX;
  return *Matches(subject, &steps, &pause);
}

std::optional<bool> EventFilter::Matches(const Subject& subject, int64_t* steps, Pause* pause) const {
  Judge judge(reinterpret_cast<const char*>(block_.get()), apart_.get(), subject, *steps, &pause->places);
  const Told told = judge.Meets(judge.top(), Seen());
  *steps = judge.steps();
  if (told == Told::kLater) return std::nullopt;
  return told == Told::kYes;
}

}  // namespace notifyd
