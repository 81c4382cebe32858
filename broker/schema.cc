// Judging data by a compiled schema.
#include "broker/schema.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "base/json_number.h"
#include "base/json_reader.h"
#include "broker/schema_impl.h"

namespace notifyd {
namespace {

using Value = JsonTree::Value;
using Kind = JsonTree::Kind;

constexpr uint64_t kBytesAStep = 32;  // of texts that are searched or compared

/// Where in the data a value stands: borrowed from the frames of who called.
struct Path {
  const Path* up = nullptr;
  std::string_view key;
  std::optional<size_t> index;

  std::string Pointer() const {
    std::string pointer = up == nullptr ? "" : up->Pointer();
    if (index) pointer += "/" + std::to_string(*index);
    else if (up != nullptr) AppendPointer(key, &pointer);
    return pointer;
  }
};

size_t CodePoints(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// How a size, or a number's text, stands to a bound.
std::strong_ordering Against(size_t size, std::string_view bound) {
  return CompareJsonNumbers(std::to_string(size), bound);
}

void AppendExact(Value value, std::string* out);

/// Each text behind its length, so that none can be taken for what follows it.
void AppendSized(std::string_view text, std::string* out) {
  out->append(std::to_string(text.size())).append(":").append(text);
}

void AppendMembers(Value object, std::string* out) {
  std::map<std::string_view, Value> members;
  object.ForEach([&](Value key, Value member) { members.insert_or_assign(key.text(), member); });
  for (const auto& [key, member] : members) {
    AppendSized(key, out);
    AppendExact(member, out);
  }
}

/// Appends one text for all values that are equal, and for them alone.
void AppendExact(Value value, std::string* out) {
  switch (value.kind()) {
    case Kind::kNumber:
      out->append(ExactNumber(value.raw()));
      break;
    case Kind::kString:
      out->push_back('s');
      AppendSized(value.text(), out);
      break;
    case Kind::kArray:
      out->push_back('[');
      value.ForEach([&](Value, Value element) { AppendExact(element, out); });
      break;
    case Kind::kObject:
      out->push_back('{');
      AppendMembers(value, out);
      break;
    default:
      out->append(value.raw());
  }
  out->push_back(';');
}

bool Finds(const re2::RE2& pattern, std::string_view text) {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

}  // namespace

class Schema::Judge {
 public:
  Judge(const std::vector<Node>& nodes, uint64_t steps) : nodes_(nodes), steps_(steps) {}

  uint64_t steps() const { return steps_; }

  Status Run(Value data) {
    Status fault;
    const Path top;
    if (Fits(0, data, top, &fault) && !too_much_) return Status::Ok();
    return too_much_ ? Status(Code::kUnacceptable, "it takes too long to tell whether the schema allows this data") : fault;
  }

 private:
  /// Does the value fit? Where not, `fault` (may be null) gets the first reason.
  bool Fits(int number, Value value, const Path& path, Status* fault) {
    const Node& node = nodes_[static_cast<size_t>(number)];
    if (!Spend(1) || nesting_ == kMaxNesting) {
      too_much_ = true;
      return false;
    }
    if (node.fixed) return *node.fixed || Fails(fault, path, "the schema allows nothing here");
    ++nesting_;
    const bool fits = node.ref != Node::kNone
                          ? Fits(node.ref, value, path, fault)
                          : FitsValues(node, value, path, fault) && FitsKind(node, value, path, fault) && FitsOthers(node, value, path, fault);
    --nesting_;
    return fits;
  }

  /// Where there is none, anything fits.
  bool FitsIf(int number, Value value, const Path& path, Status* fault) { return number == Node::kNone || Fits(number, value, path, fault); }

  bool Spend(uint64_t steps) {
    steps_ += steps;
    too_much_ = too_much_ || steps_ > kMaxSteps;
    return !too_much_;
  }

  static bool Fails(Status* fault, const Path& path, const std::string& detail) {
    if (fault != nullptr && fault->ok()) *fault = Status(Code::kUnacceptable, detail, path.Pointer());
    return false;
  }

  bool Equal(Value a, Value b) {
    if (a.kind() != b.kind()) return false;
    return Spend(1 + std::max(a.raw().size(), b.raw().size()) / kBytesAStep) && JsonEqual(a, b);
  }

  // ---- Keywords for any kind ----

  static uint8_t TypesOf(Value value) {
    switch (value.kind()) {
      case Kind::kNull:
        return Node::kNull;
      case Kind::kFalse:
      case Kind::kTrue:
        return Node::kBoolean;
      case Kind::kNumber:
        return IsWholeNumber(value.raw()) ? Node::kNumber | Node::kInteger : Node::kNumber;
      case Kind::kString:
        return Node::kString;
      case Kind::kArray:
        return Node::kArray;
      case Kind::kObject:
        return Node::kObject;
    }
    return 0;
  }

  static std::string NamesOf(uint8_t types) {
    static constexpr const char* kNames[] = {"null", "true or false", "an object", "an array", "a number", "a string", "a whole number"};
    std::string names;
    for (int i = 0; i < 7; ++i)
      if ((types >> i & 1) != 0) names += (names.empty() ? "" : " or ") + std::string(kNames[i]);
    return names;
  }

  bool FitsValues(const Node& node, Value value, const Path& path, Status* fault) {
    if (node.types != 0 && (node.types & TypesOf(value)) == 0) return Fails(fault, path, "must be " + NamesOf(node.types));
    if (node.only && !Equal(value, *node.only)) return Fails(fault, path, "is not the value that the schema names");
    if (!node.one_of_values) return true;
    const bool found =
        std::any_of(node.one_of_values->begin(), node.one_of_values->end(), [&](Value each) { return Spend(1) && Equal(value, each); });
    return found || Fails(fault, path, "is none of the values that the schema names");
  }

  bool FitsOthers(const Node& node, Value value, const Path& path, Status* fault) {
    for (int schema : node.all_of)
      if (!Fits(schema, value, path, fault)) return false;
    if (!node.any_of.empty()) {
      const bool any = std::any_of(node.any_of.begin(), node.any_of.end(), [&](int schema) { return Fits(schema, value, path, nullptr); });
      if (!any) return Fails(fault, path, "is nothing of what the schema has in \"anyOf\"");
    }
    if (!node.one_of.empty()) {
      const auto fitting = std::count_if(node.one_of.begin(), node.one_of.end(), [&](int schema) { return Fits(schema, value, path, nullptr); });
      if (fitting != 1)
        return Fails(fault, path,
                     fitting == 0 ? "is nothing of what the schema has in \"oneOf\"" : "is more than one of what the schema has in \"oneOf\"");
    }
    if (node.not_this != Node::kNone && Fits(node.not_this, value, path, nullptr)) return Fails(fault, path, "is what the schema has in \"not\"");
    if (node.if_this == Node::kNone) return true;
    return FitsIf(Fits(node.if_this, value, path, nullptr) ? node.then_this : node.else_this, value, path, fault);
  }

  // ---- Keywords for one kind, which say nothing of the others ----

  bool FitsKind(const Node& node, Value value, const Path& path, Status* fault) {
    switch (value.kind()) {
      case Kind::kNumber:
        return FitsNumber(node, value, path, fault);
      case Kind::kString:
        return FitsText(node, value.text(), path, fault);
      case Kind::kArray:
        return FitsArray(node, value, path, fault);
      case Kind::kObject:
        return FitsObject(node, value, path, fault);
      default:
        return true;
    }
  }

  static bool FitsNumber(const Node& node, Value value, const Path& path, Status* fault) {
    const auto fails = [&](const char* what, std::string_view bound) { return Fails(fault, path, std::string(what) + std::string(bound)); };
    const auto order = [&](std::string_view bound) { return CompareJsonNumbers(value.raw(), bound); };
    if (node.minimum && order(*node.minimum) < 0) return fails("must be at least ", *node.minimum);
    if (node.maximum && order(*node.maximum) > 0) return fails("must be at most ", *node.maximum);
    if (node.exclusive_minimum && order(*node.exclusive_minimum) <= 0) return fails("must be more than ", *node.exclusive_minimum);
    if (node.exclusive_maximum && order(*node.exclusive_maximum) >= 0) return fails("must be less than ", *node.exclusive_maximum);
    if (node.multiple_of && !IsMultipleOf(value.raw(), *node.multiple_of)) return fails("must be a multiple of ", *node.multiple_of);
    return true;
  }

  /// Of a text's characters, an array's elements or an object's members.
  static bool FitsSize(size_t size, const std::optional<std::string_view>& least, const std::optional<std::string_view>& most, const char* what,
                       const Path& path, Status* fault) {
    if (least && Against(size, *least) < 0) return Fails(fault, path, "must have at least " + std::string(*least) + what);
    if (most && Against(size, *most) > 0) return Fails(fault, path, "must have at most " + std::string(*most) + what);
    return true;
  }

  bool FitsText(const Node& node, std::string_view text, const Path& path, Status* fault) {
    if ((node.min_length || node.max_length) && !FitsSize(CodePoints(text), node.min_length, node.max_length, " characters", path, fault))
      return false;
    if (node.pattern == nullptr) return true;
    return (Spend(text.size() / kBytesAStep) && Finds(*node.pattern, text)) || Fails(fault, path, "does not match the pattern of the schema");
  }

  bool FitsArray(const Node& node, Value array, const Path& path, Status* fault) {
    const size_t size = array.size();
    if (!FitsSize(size, node.min_items, node.max_items, " elements", path, fault)) return false;
    bool fits = true, contained = node.contains == Node::kNone;
    size_t at = 0;
    array.ForEach([&](Value, Value element) {
      const size_t index = at++;
      if (!fits || too_much_) return;
      const Path inside{&path, {}, index};
      const int schema = !node.tuple ? node.items : index < node.tuple->size() ? (*node.tuple)[index] : node.additional_items;
      fits = FitsIf(schema, element, inside, fault);
      contained = contained || Fits(node.contains, element, inside, nullptr);
    });
    if (!fits) return false;
    if (!contained) return Fails(fault, path, "has no element that the schema has in \"contains\"");
    return !node.unique_items || IsUnique(array) || Fails(fault, path, "must not have the same element twice");
  }

  bool IsUnique(Value array) {
    std::unordered_set<std::string> seen;
    bool unique = true;
    array.ForEach([&](Value, Value element) {
      if (!unique || !Spend(1 + element.raw().size() / kBytesAStep)) return;
      std::string exact;
      AppendExact(element, &exact);
      unique = seen.insert(std::move(exact)).second;
    });
    return unique;
  }

  bool FitsObject(const Node& node, Value object, const Path& path, Status* fault) {
    std::unordered_map<std::string_view, Value> members;
    object.ForEach([&](Value key, Value value) { members.insert_or_assign(key.text(), value); });
    if (!FitsSize(members.size(), node.min_properties, node.max_properties, " members", path, fault)) return false;
    for (std::string_view name : node.required)
      if (!members.contains(name)) return Fails(fault, Path{&path, name, {}}, "is required");
    bool fits = true;
    object.ForEach([&](Value key, Value value) { fits = fits && !too_much_ && FitsMember(node, key, value, path, fault); });
    return fits && FitsDependencies(node, members, object, path, fault);
  }

  bool FitsMember(const Node& node, Value key, Value value, const Path& path, Status* fault) {
    const std::string_view name = key.text();
    const Path inside{&path, name, {}};
    bool known = false;
    if (auto property = node.properties.find(name); property != node.properties.end()) {
      known = true;
      if (!Fits(property->second, value, inside, fault)) return false;
    }
    for (const auto& [pattern, schema] : node.pattern_properties) {
      if (!Spend(1 + name.size() / kBytesAStep) || !Finds(*pattern, name)) continue;
      known = true;
      if (!Fits(schema, value, inside, fault)) return false;
    }
    if (!known && node.additional_properties != Node::kNone) {
      if (nodes_[static_cast<size_t>(node.additional_properties)].fixed == false) return Fails(fault, inside, "is not known to the schema");
      if (!Fits(node.additional_properties, value, inside, fault)) return false;
    }
    return FitsIf(node.property_names, key, inside, fault);
  }

  bool FitsDependencies(const Node& node, const std::unordered_map<std::string_view, Value>& members, Value object, const Path& path, Status* fault) {
    for (const auto& [name, others] : node.needs) {
      if (!members.contains(name)) continue;
      for (std::string_view other : others)
        if (!members.contains(other)) return Fails(fault, Path{&path, other, {}}, "is required beside \"" + std::string(name) + "\"");
    }
    for (const auto& [name, schema] : node.needs_schema)
      if (members.contains(name) && !Fits(schema, object, path, fault)) return false;
    return true;
  }

  const std::vector<Node>& nodes_;
  uint64_t steps_;
  int nesting_ = 0;
  bool too_much_ = false;
};

Status Schema::Validate(JsonTree::Value data, uint64_t* spent) const {
  Judge judge(impl_->nodes, spent ? *spent : 0);
  Status status = judge.Run(data);
  if (spent) *spent = judge.steps();
  return status;
}

}  // namespace notifyd
