// Judging data by a compiled schema.
#include "broker/schema.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>

#include "base/json_number.h"
#include "base/json_reader.h"
#include "broker/schema_impl.h"

namespace notifyd {
namespace {

using Value = JsonTree::Value;
using Kind = JsonTree::Kind;

// What is done in a step, beside looking at a value.
constexpr uint64_t kBytesAStep = 32;    // of texts that are counted or compared
constexpr uint64_t kDigitsAStep = 16;   // of numbers that are compared,
constexpr uint64_t kDividedAStep = 4;   // or divided
constexpr uint64_t kElementsAStep = 8;  // that are counted and not looked at
constexpr uint64_t kNamesAStep = 32;    // of a schema's that are gone through
constexpr uint64_t kKeptSteps = 3;      // for a value that is kept to be found again (in order: hashes can be made to meet)

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

/// Each text behind its length, so that none can be taken for what follows it.
void AppendSized(std::string_view text, std::string* out) {
  out->append(std::to_string(text.size())).append(":").append(text);
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
    if (node.fixed != Node::Fixed::kNo) return node.fixed == Node::Fixed::kAnything || Fails(fault, path, "the schema allows nothing here");
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

  /// `detail`: pieces of the sentence, which is made only where somebody wants it.
  static bool Fails(Status* fault, const Path& path, std::initializer_list<std::string_view> detail) {
    if (fault == nullptr || !fault->ok()) return false;
    std::string text;
    for (std::string_view piece : detail) text.append(piece);
    *fault = Status(Code::kUnacceptable, std::move(text), path.Pointer());
    return false;
  }
  static bool Fails(Status* fault, const Path& path, std::string_view detail) {
    return Fails(fault, path, std::initializer_list<std::string_view>{detail});
  }

  // ---- Values by all that is in them; each counts as it goes, and stops once that is too much ----

  std::strong_ordering Compare(std::string_view number, std::string_view other) {
    if (!Spend(1 + (number.size() + other.size()) / kDigitsAStep)) return std::strong_ordering::equal;
    return CompareJsonNumbers(number, other);
  }

  /// By key; of a repeated one the last.
  std::map<std::string_view, Value> MembersOf(Value object) {
    std::map<std::string_view, Value> members;
    for (auto at = object.inside(); !at.at_end() && Spend(kKeptSteps + at.key().text().size() / kBytesAStep); at.Next())
      members.insert_or_assign(at.key().text(), at.value());
    return members;
  }

  bool Equal(Value a, Value b) {
    if (a.kind() != b.kind()) return false;
    switch (a.kind()) {
      case Kind::kNumber:
        return Compare(a.raw(), b.raw()) == 0;
      case Kind::kString:
        return Spend(1 + std::min(a.text().size(), b.text().size()) / kBytesAStep) && a.text() == b.text();
      case Kind::kArray: {
        auto left = a.inside(), right = b.inside();
        for (; !left.at_end() && !right.at_end(); left.Next(), right.Next())
          if (!Spend(1) || !Equal(left.value(), right.value())) return false;
        return left.at_end() && right.at_end();
      }
      case Kind::kObject: {
        const auto left = MembersOf(a), right = MembersOf(b);
        return std::equal(left.begin(), left.end(), right.begin(), right.end(), [this](const auto& x, const auto& y) {
          return Spend(1 + std::min(x.first.size(), y.first.size()) / kBytesAStep) && x.first == y.first && Equal(x.second, y.second);
        });
      }
      default:
        return true;
    }
  }

  /// Appends one text for all values that are equal, and for them alone.
  void AppendExact(Value value, std::string* out) {
    if (!Spend(kKeptSteps)) return;
    switch (value.kind()) {
      case Kind::kNumber:
        if (Spend(value.raw().size() / kDigitsAStep)) out->append(ExactNumber(value.raw()));
        break;
      case Kind::kString:
        out->push_back('s');
        if (Spend(value.text().size() / kBytesAStep)) AppendSized(value.text(), out);
        break;
      case Kind::kArray:
        out->push_back('[');
        for (auto at = value.inside(); !at.at_end() && !too_much_; at.Next()) AppendExact(at.value(), out);
        break;
      case Kind::kObject:
        out->push_back('{');
        for (const auto& [key, member] : MembersOf(value)) {
          AppendSized(key, out);
          AppendExact(member, out);
        }
        break;
      default:
        out->append(value.raw());
    }
    out->push_back(';');
  }

  // ---- Keywords for any kind ----

  static uint8_t TypeOf(Kind kind) {
    switch (kind) {
      case Kind::kNull:
        return Node::kNull;
      case Kind::kFalse:
      case Kind::kTrue:
        return Node::kBoolean;
      case Kind::kNumber:
        return Node::kNumber;
      case Kind::kString:
        return Node::kString;
      case Kind::kArray:
        return Node::kArray;
      case Kind::kObject:
        return Node::kObject;
    }
    return 0;
  }

  bool IsOf(uint8_t types, Value value) {
    if ((types & TypeOf(value.kind())) != 0) return true;
    return value.kind() == Kind::kNumber && (types & Node::kInteger) != 0 && Spend(value.raw().size() / kDigitsAStep) && IsWholeNumber(value.raw());
  }

  static std::string NamesOf(uint8_t types) {
    static constexpr const char* kNames[] = {"null", "true or false", "an object", "an array", "a number", "a string", "a whole number"};
    std::string names;
    for (int i = 0; i < 7; ++i)
      if ((types >> i & 1) != 0) names += (names.empty() ? "" : " or ") + std::string(kNames[i]);
    return names;
  }

  bool FitsValues(const Node& node, Value value, const Path& path, Status* fault) {
    if (node.types != 0 && !IsOf(node.types, value)) return fault != nullptr && Fails(fault, path, {"must be ", NamesOf(node.types)});
    if (!node.values) return true;
    const Node::Values& asked = *node.values;
    if (asked.only && !Equal(value, *asked.only)) return Fails(fault, path, "is not the value that the schema names");
    return !asked.listed || IsListed(asked, value) || Fails(fault, path, "is none of the values that the schema names");
  }

  bool IsListed(const Node::Values& asked, Value value) {
    if (value.kind() == Kind::kString)
      return Spend(1 + value.text().size() / kBytesAStep) && std::binary_search(asked.texts.begin(), asked.texts.end(), value.text());
    return Spend(asked.others.size() / kNamesAStep) &&
           std::any_of(asked.others.begin(), asked.others.end(), [&](Value each) { return Equal(value, each); });
  }

  bool FitsOthers(const Node& node, Value value, const Path& path, Status* fault) {
    if (!node.combined) return true;
    const Node::Combined& asked = *node.combined;
    for (int schema : asked.all_of)
      if (!Fits(schema, value, path, fault)) return false;
    const auto fits = [&](int schema) { return Fits(schema, value, path, nullptr); };
    if (!asked.any_of.empty() && !std::any_of(asked.any_of.begin(), asked.any_of.end(), fits))
      return Fails(fault, path, "is nothing of what the schema has in \"anyOf\"");
    if (!asked.one_of.empty()) {
      const auto fitting = std::count_if(asked.one_of.begin(), asked.one_of.end(), fits);
      if (fitting == 0) return Fails(fault, path, "is nothing of what the schema has in \"oneOf\"");
      if (fitting > 1) return Fails(fault, path, "is more than one of what the schema has in \"oneOf\"");
    }
    if (asked.not_this != Node::kNone && fits(asked.not_this)) return Fails(fault, path, "is what the schema has in \"not\"");
    if (asked.if_this == Node::kNone) return true;
    return FitsIf(fits(asked.if_this) ? asked.then_this : asked.else_this, value, path, fault);
  }

  // ---- Keywords for one kind, which say nothing of the others ----

  bool FitsKind(const Node& node, Value value, const Path& path, Status* fault) {
    switch (value.kind()) {
      case Kind::kNumber:
        return !node.numbers || FitsNumber(*node.numbers, value.raw(), path, fault);
      case Kind::kString:
        return !node.texts || FitsText(*node.texts, value.text(), path, fault);
      case Kind::kArray:
        return !node.arrays || FitsArray(*node.arrays, value, path, fault);
      case Kind::kObject:
        return !node.objects || FitsObject(*node.objects, value, path, fault);
      default:
        return true;
    }
  }

  bool FitsNumber(const Node::Numbers& asked, std::string_view number, const Path& path, Status* fault) {
    const auto fails = [&](const char* what, std::string_view bound) { return Fails(fault, path, {what, bound}); };
    if (asked.minimum && Compare(number, *asked.minimum) < 0) return fails("must be at least ", *asked.minimum);
    if (asked.maximum && Compare(number, *asked.maximum) > 0) return fails("must be at most ", *asked.maximum);
    if (asked.exclusive_minimum && Compare(number, *asked.exclusive_minimum) <= 0) return fails("must be more than ", *asked.exclusive_minimum);
    if (asked.exclusive_maximum && Compare(number, *asked.exclusive_maximum) >= 0) return fails("must be less than ", *asked.exclusive_maximum);
    if (!asked.multiple_of) return true;
    return (Spend(1 + (number.size() + asked.multiple_of->size()) / kDividedAStep) && IsMultipleOf(number, *asked.multiple_of)) ||
           fails("must be a multiple of ", *asked.multiple_of);
  }

  /// Of a text's characters, an array's elements or an object's members.
  static bool FitsSize(uint64_t size, const Node::Bounds& asked, const char* what, const Path& path, Status* fault) {
    if (asked.least <= size && size <= asked.most) return true;
    if (fault == nullptr) return false;
    const bool few = size < asked.least;
    return Fails(fault, path, {few ? "must have at least " : "must have at most ", std::to_string(few ? asked.least : asked.most), what});
  }

  bool FitsText(const Node::Texts& asked, std::string_view text, const Path& path, Status* fault) {
    // A character has four bytes at most.
    if (text.size() > asked.length.most || text.size() / 4 < asked.length.least) {
      if (!Spend(text.size() / kBytesAStep) || !FitsSize(CodePoints(text), asked.length, " characters", path, fault)) return false;
    }
    return asked.pattern == nullptr || Finds(*asked.pattern, text) || Fails(fault, path, "does not match the pattern of the schema");
  }

  bool Finds(const SchemaPattern& pattern, std::string_view text) { return Spend(pattern.StepsFor(text.size())) && pattern.Finds(text); }

  bool FitsArray(const Node::Arrays& asked, Value array, const Path& path, Status* fault) {
    if (asked.size.given() && !FitsSize(CountElements(array, asked.size), asked.size, " elements", path, fault)) return false;
    bool contained = asked.contains == Node::kNone;
    size_t index = 0;
    for (auto at = array.inside(); !at.at_end() && !too_much_; at.Next(), ++index) {
      const int schema = !asked.tuple ? asked.items : index < asked.tuple->size() ? (*asked.tuple)[index] : asked.additional_items;
      if (schema == Node::kNone && contained) break;  // nor is anything asked of what follows
      const Path inside{&path, {}, index};
      if (!FitsIf(schema, at.value(), inside, fault)) return false;
      contained = contained || Fits(asked.contains, at.value(), inside, nullptr);
    }
    if (!contained) return Fails(fault, path, "has no element that the schema has in \"contains\"");
    return !asked.unique_items || IsUnique(array) || Fails(fault, path, "must not have the same element twice");
  }

  /// Counts as far as it must be known.
  uint64_t CountElements(Value array, const Node::Bounds& asked) {
    uint64_t count = 0;
    for (auto at = array.inside(); !at.at_end() && count <= asked.most; at.Next()) {
      if (asked.most == Node::Bounds::kAny && count == asked.least) break;
      if (++count % kElementsAStep == 0 && !Spend(1)) break;
    }
    return count;
  }

  bool IsUnique(Value array) {
    std::set<std::string> seen;
    for (auto at = array.inside(); !at.at_end() && Spend(1); at.Next()) {
      std::string exact;
      AppendExact(at.value(), &exact);
      if (!seen.insert(std::move(exact)).second) return false;
    }
    return true;
  }

  bool FitsObject(const Node::Objects& asked, Value object, const Path& path, Status* fault) {
    if (asked.size.given() && !FitsSize(CountMembers(object), asked.size, " members", path, fault)) return false;
    std::vector<bool> there;
    if (asked.AsksWhichAreThere()) {
      there = WhichAreThere(asked, object);
      for (uint32_t name : asked.required)
        if (!there[name]) return Fails(fault, Path{&path, asked.names[name].text, {}}, "is required");
    }
    if (asked.JudgesMembers())
      for (auto at = object.inside(); !at.at_end(); at.Next())
        if (!FitsMember(asked, at.key(), at.value(), path, fault)) return false;
    return FitsDependencies(asked, there, object, path, fault);
  }

  /// Different ones.
  size_t CountMembers(Value object) {
    std::set<std::string_view> keys;
    for (auto at = object.inside(); !at.at_end() && Spend(kKeptSteps + at.key().text().size() / kBytesAStep); at.Next()) keys.insert(at.key().text());
    return keys.size();
  }

  /// Where the schema names it; SIZE_MAX: it does not.
  static size_t PlaceOf(const Node::Objects& asked, std::string_view name) {
    const auto at = std::lower_bound(asked.names.begin(), asked.names.end(), name,
                                     [](const Node::Name& each, std::string_view wanted) { return each.text < wanted; });
    return at != asked.names.end() && at->text == name ? static_cast<size_t>(at - asked.names.begin()) : SIZE_MAX;
  }

  /// One of each name of the schema.
  std::vector<bool> WhichAreThere(const Node::Objects& asked, Value object) {
    std::vector<bool> there(asked.names.size());
    Spend(asked.names.size() / (kNamesAStep * 8));
    for (auto at = object.inside(); !at.at_end() && Spend(1 + at.key().text().size() / kBytesAStep); at.Next())
      if (const size_t place = PlaceOf(asked, at.key().text()); place != SIZE_MAX) there[place] = true;
    return there;
  }

  bool FitsMember(const Node::Objects& asked, Value key, Value value, const Path& path, Status* fault) {
    const std::string_view name = key.text();
    if (!Spend(1 + name.size() / kBytesAStep)) return false;
    const Path inside{&path, name, {}};
    bool known = false;
    if (const size_t place = PlaceOf(asked, name); place != SIZE_MAX && asked.names[place].schema != Node::kNone) {
      known = true;
      if (!Fits(asked.names[place].schema, value, inside, fault)) return false;
    }
    for (const auto& [pattern, schema] : asked.pattern_properties) {
      if (!Finds(*pattern, name)) continue;
      known = true;
      if (!Fits(schema, value, inside, fault)) return false;
    }
    if (!known && asked.additional_properties != Node::kNone) {
      if (nodes_[static_cast<size_t>(asked.additional_properties)].fixed == Node::Fixed::kNothing)
        return Fails(fault, inside, "is not known to the schema");
      if (!Fits(asked.additional_properties, value, inside, fault)) return false;
    }
    return FitsIf(asked.property_names, key, inside, fault);
  }

  /// `there`: of each name, where the schema asks for it.
  bool FitsDependencies(const Node::Objects& asked, const std::vector<bool>& there, Value object, const Path& path, Status* fault) {
    Spend((asked.needs.size() + asked.needs_schema.size()) / kNamesAStep);
    for (const auto& [name, others] : asked.needs) {
      if (!there[name] || !Spend(others.size() / kNamesAStep)) continue;
      for (uint32_t other : others) {
        if (!there[other]) return Fails(fault, Path{&path, asked.names[other].text, {}}, {"is required beside \"", asked.names[name].text, "\""});
      }
    }
    for (const auto& [name, schema] : asked.needs_schema)
      if (there[name] && !Fits(schema, object, path, fault)) return false;
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
