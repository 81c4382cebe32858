// Compiling a JSON Schema: each object of keywords becomes a node, once, whatever refers to it. References are followed when all nodes that keywords
// lead to are there, since one may name any place of the document.
#include <algorithm>
#include <functional>
#include <unordered_map>

#include "base/json_number.h"
#include "base/json_reader.h"
#include "broker/schema_impl.h"
#include "broker/schema_reference.h"

namespace notifyd {
namespace {

using Value = JsonTree::Value;
using Kind = JsonTree::Kind;

Status Unfit(std::string detail, std::string pointer) {
  return Status(Code::kUnacceptable, std::move(detail), std::move(pointer));
}

/// Of a whole number that is not below 0: what it is; where that is too large, the largest.
uint64_t SaturatedSize(std::string_view number) {
  const std::string exact = ExactNumber(number);  // "0", or 0.DIGITSeEXPONENT
  if (exact == "0") return 0;
  const size_t e = exact.find('e');
  std::string digits = exact.substr(2, e - 2);
  const std::string exponent = exact.substr(e + 1);
  if (exponent.size() > 2 || std::stoul(exponent) > 19) return UINT64_MAX;
  digits.resize(std::stoul(exponent), '0');
  return std::stoull(digits);
}

}  // namespace

class Schema::Compiler {
 public:
  explicit Compiler(Impl* impl) : impl_(impl) {}

  Status Run() {
    const Value root = impl_->tree->root();
    NOTIFYD_TRY(CheckDialect(root));
    int top = Node::kNone;
    NOTIFYD_TRY(Compile(root, {nullptr, root, std::make_shared<const std::string>()}, &top));
    // A reference may lead to what no keyword leads to, which is compiled then, and may refer on.
    for (size_t i = 0; i < references_.size(); ++i) {
      const Reference reference = references_[i];
      int target = Node::kNone;
      NOTIFYD_TRY(Follow(reference, &target));
      impl_->nodes[static_cast<size_t>(reference.node)].ref = target;
    }
    NOTIFYD_TRY(CheckCircles());
    impl_->nodes.shrink_to_fit();
    CountBytes();
    return Status::Ok();
  }

 private:
  struct Step {
    std::shared_ptr<const Step> up;
    std::string key;

    std::string Pointer() const {
      std::string pointer = up ? up->Pointer() : "";
      AppendPointer(key, &pointer);
      return pointer;
    }
  };
  /// Where a schema stands, and the document that "#" means there, with what it is called. A cheap copy, however deep and however long the names are.
  struct Place {
    std::shared_ptr<const Step> at;  // null: at the top
    Value document;
    std::shared_ptr<const std::string> base;

    std::string Pointer() const { return at ? at->Pointer() : ""; }
    Place Below(std::string_view key) const { return {std::make_shared<const Step>(Step{at, std::string(key)}), document, base}; }
  };
  struct Reference {
    int node;
    std::string text;
    Place place;
  };

  /// What an object says of names, until all of it is known.
  struct OfMembers {
    std::map<std::string_view, int> properties;
    std::vector<std::string_view> required;
    std::vector<std::pair<std::string_view, std::vector<std::string_view>>> needs;
    std::vector<std::pair<std::string_view, int>> needs_schema;
  };

  std::string PointerOf(int node) const {
    const std::shared_ptr<const Step>& place = places_[static_cast<size_t>(node)];
    return place ? place->Pointer() : "";
  }

  Node& At(int node) { return impl_->nodes[static_cast<size_t>(node)]; }

  /// What a node has apart, which is made where it is not there yet.
  template <class Part>
  Part& PartOf(int node, std::unique_ptr<Part> Node::*part) {
    std::unique_ptr<Part>& there = At(node).*part;
    if (!there) {
      there = std::make_unique<Part>();
      impl_->bytes += sizeof(Part);
    }
    return *there;
  }
  Node::Arrays& Arrays(int node) { return PartOf(node, &Node::arrays); }
  Node::Objects& Objects(int node) { return PartOf(node, &Node::objects); }
  Node::Combined& Combined(int node) { return PartOf(node, &Node::combined); }

  /// What lists and texts take is not counted one by one: each of their items is a value of the tree, or the name of one.
  void CountBytes() {
    constexpr size_t kOfAValue = sizeof(JsonValue) + 64;
    impl_->bytes += sizeof(Impl) + impl_->tree->values() * kOfAValue + 2 * impl_->tree->root().raw().size() + impl_->nodes.size() * sizeof(Node);
    for (const auto& [text, pattern] : impl_->patterns) impl_->bytes += pattern->bytes();
  }

  static Status CheckDialect(Value root) {
    std::optional<Value> dialect = root.At("/$schema");
    if (!dialect || root.kind() != Kind::kObject) return Status::Ok();
    std::string_view name = dialect->text();
    if (name.ends_with('#')) name.remove_suffix(1);
    if (name == "http://json-schema.org/draft-07/schema" || name == "https://json-schema.org/draft-07/schema") return Status::Ok();
    return Unfit("only draft 7 is known, http://json-schema.org/draft-07/schema#", "/$schema");
  }

  /// true, false and {} are one node each, however often they stand in the text.
  bool TakeTrivial(Value value, const Place& place, int* out) {
    const bool nothing = value.kind() == Kind::kFalse;
    if (!nothing && value.kind() != Kind::kTrue && (value.kind() != Kind::kObject || !value.inside().at_end())) return false;
    int& node = nothing ? nothing_ : anything_;
    if (node == Node::kNone) {
      node = Add(place);
      At(node).fixed = nothing ? Node::Fixed::kNothing : Node::Fixed::kAnything;
    }
    *out = node;
    return true;
  }

  int Add(const Place& place) {
    impl_->nodes.emplace_back();
    places_.push_back(place.at);
    return static_cast<int>(impl_->nodes.size()) - 1;
  }

  Status Compile(Value value, Place place, int* out) {
    if (TakeTrivial(value, place, out)) return Status::Ok();
    // A value's text begins where no other's does.
    auto [known, fresh] = compiled_.emplace(value.raw().data(), static_cast<int>(impl_->nodes.size()));
    *out = known->second;
    if (!fresh) return Status::Ok();
    const int self = Add(place);
    if (value.kind() != Kind::kObject) return Unfit("a schema must be an object, true or false", place.Pointer());

    std::map<std::string_view, Value> keywords;
    value.ForEach([&](Value key, Value each) { keywords.insert_or_assign(key.text(), each); });
    if (auto ref = keywords.find("$ref"); ref != keywords.end()) {
      if (ref->second.kind() != Kind::kString) return Unfit("must be a string", place.Below("$ref").Pointer());
      references_.push_back({self, std::string(ref->second.text()), place});
      // The draft says that nothing beside it counts; but it may hold what others refer to.
      return Definitions(keywords, place);
    }
    if (auto id = keywords.find("$id"); id != keywords.end()) NOTIFYD_TRY(Named(id->second, value, self, &place));
    for (const auto& [name, each] : keywords) NOTIFYD_TRY(Keyword(name, each, place.Below(name), self));
    Seal(self);
    return Status::Ok();
  }

  /// All that its object keywords name is known.
  void Seal(int self) {
    auto found = named_.find(self);
    if (found == named_.end()) return;
    const OfMembers named = std::move(found->second);
    named_.erase(found);
    std::vector<std::string_view> names = named.required;
    for (const auto& [name, schema] : named.properties) names.push_back(name);
    for (const auto& [name, schema] : named.needs_schema) names.push_back(name);
    for (const auto& [name, others] : named.needs) {
      names.push_back(name);
      names.insert(names.end(), others.begin(), others.end());
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    const auto place = [&](std::string_view name) {
      return static_cast<uint32_t>(std::lower_bound(names.begin(), names.end(), name) - names.begin());
    };
    Node::Objects& objects = Objects(self);
    objects.has_properties = !named.properties.empty();
    objects.names.reserve(names.size());
    for (std::string_view name : names) {
      auto property = named.properties.find(name);
      objects.names.push_back({name, property == named.properties.end() ? Node::kNone : property->second});
    }
    std::vector<bool> required(names.size());
    for (std::string_view name : named.required) {
      if (!required[place(name)]) objects.required.push_back(place(name));
      required[place(name)] = true;
    }
    for (const auto& [name, schema] : named.needs_schema) objects.needs_schema.emplace_back(place(name), schema);
    for (const auto& [name, others] : named.needs) {
      std::vector<uint32_t>& places = objects.needs.emplace_back(place(name), std::vector<uint32_t>()).second;
      for (std::string_view other : others) places.push_back(place(other));
    }
  }

  Status Named(Value id, Value schema, int self, Place* place) {
    if (id.kind() != Kind::kString) return Unfit("must be a string", place->Below("$id").Pointer());
    const std::string_view text = id.text(), document = text.substr(0, text.find('#'));
    if (!document.empty()) {
      place->base = std::make_shared<const std::string>(ResolvedReference(*place->base, document));
      place->document = schema;
      documents_.emplace(*place->base, schema);
    }
    if (document.size() + 1 < text.size()) anchors_.emplace(*place->base + std::string(text.substr(document.size())), self);
    return Status::Ok();
  }

  Status Definitions(const std::map<std::string_view, Value>& keywords, const Place& place) {
    auto found = keywords.find("definitions");
    return found == keywords.end() ? Status::Ok() : Keyword("definitions", found->second, place.Below("definitions"), Node::kNone);
  }

  // ---- Keywords, by what they are given ----

  Status Keyword(std::string_view name, Value value, const Place& place, int self) {
    using Take = Status (Compiler::*)(std::string_view, Value, const Place&, int);
    static const std::unordered_map<std::string_view, Take> kTakes = {
        {"type", &Compiler::TakeType},
        {"enum", &Compiler::TakeValues},
        {"const", &Compiler::TakeValues},
        {"multipleOf", &Compiler::TakeNumber},
        {"maximum", &Compiler::TakeNumber},
        {"exclusiveMaximum", &Compiler::TakeNumber},
        {"minimum", &Compiler::TakeNumber},
        {"exclusiveMinimum", &Compiler::TakeNumber},
        {"maxLength", &Compiler::TakeSize},
        {"minLength", &Compiler::TakeSize},
        {"maxItems", &Compiler::TakeSize},
        {"minItems", &Compiler::TakeSize},
        {"maxProperties", &Compiler::TakeSize},
        {"minProperties", &Compiler::TakeSize},
        {"pattern", &Compiler::TakePattern},
        {"items", &Compiler::TakeItems},
        {"additionalItems", &Compiler::TakeSchema},
        {"contains", &Compiler::TakeSchema},
        {"uniqueItems", &Compiler::TakeUnique},
        {"properties", &Compiler::TakeSchemas},
        {"patternProperties", &Compiler::TakeSchemas},
        {"definitions", &Compiler::TakeSchemas},
        {"additionalProperties", &Compiler::TakeSchema},
        {"propertyNames", &Compiler::TakeSchema},
        {"required", &Compiler::TakeRequired},
        {"dependencies", &Compiler::TakeDependencies},
        {"allOf", &Compiler::TakeList},
        {"anyOf", &Compiler::TakeList},
        {"oneOf", &Compiler::TakeList},
        {"not", &Compiler::TakeSchema},
        {"if", &Compiler::TakeSchema},
        {"then", &Compiler::TakeSchema},
        {"else", &Compiler::TakeSchema},
    };
    auto take = kTakes.find(name);
    return take == kTakes.end() ? Status::Ok() : (this->*take->second)(name, value, place, self);
  }

  Status TakeType(std::string_view, Value value, const Place& place, int self) {
    static constexpr std::pair<std::string_view, Node::Type> kTypes[] = {
        {"null", Node::kNull},     {"boolean", Node::kBoolean}, {"object", Node::kObject},   {"array", Node::kArray},
        {"number", Node::kNumber}, {"string", Node::kString},   {"integer", Node::kInteger},
    };
    Status status;
    const auto take = [&](Value name) {
      for (const auto& [word, type] : kTypes) {
        if (name.kind() != Kind::kString || name.text() != word) continue;
        At(self).types = static_cast<uint8_t>(At(self).types | type);
        return;
      }
      status = Unfit("must be null, boolean, object, array, number, string or integer, or an array of them", place.Pointer());
    };
    if (value.kind() != Kind::kArray) take(value);
    else value.ForEach([&](Value, Value each) { take(each); });
    if (status.ok() && At(self).types == 0) return Unfit("must name a type at least", place.Pointer());
    return status;
  }

  Status TakeValues(std::string_view name, Value value, const Place& place, int self) {
    Node::Values& values = PartOf(self, &Node::values);
    if (name == "const") {
      values.only = value;
      return Status::Ok();
    }
    if (value.kind() != Kind::kArray) return Unfit("must be an array", place.Pointer());
    values.listed = true;
    value.ForEach([&](Value, Value each) {
      if (each.kind() == Kind::kString) values.texts.push_back(each.text());
      else values.others.push_back(each);
    });
    std::sort(values.texts.begin(), values.texts.end());
    return Status::Ok();
  }

  Status TakeNumber(std::string_view name, Value value, const Place& place, int self) {
    static const std::unordered_map<std::string_view, std::optional<std::string_view> Node::Numbers::*> kMembers = {
        {"multipleOf", &Node::Numbers::multiple_of},
        {"maximum", &Node::Numbers::maximum},
        {"exclusiveMaximum", &Node::Numbers::exclusive_maximum},
        {"minimum", &Node::Numbers::minimum},
        {"exclusiveMinimum", &Node::Numbers::exclusive_minimum},
    };
    if (value.kind() != Kind::kNumber) return Unfit("must be a number", place.Pointer());
    if (name == "multipleOf" && !IsDivisor(value.raw())) return Unfit("must be above 0, with at most 18 digits", place.Pointer());
    PartOf(self, &Node::numbers).*kMembers.at(name) = value.raw();
    return Status::Ok();
  }

  Status TakeSize(std::string_view name, Value value, const Place& place, int self) {
    if (value.kind() != Kind::kNumber) return Unfit("must be a number", place.Pointer());
    if (!IsWholeNumber(value.raw()) || CompareJsonNumbers(value.raw(), "0") < 0) return Unfit("must be a whole number, 0 or more", place.Pointer());
    Node::Bounds& bounds = name.ends_with("Length")  ? PartOf(self, &Node::texts).length
                           : name.ends_with("Items") ? Arrays(self).size
                                                     : Objects(self).size;
    (name.starts_with("min") ? bounds.least : bounds.most) = SaturatedSize(value.raw());
    return Status::Ok();
  }

  Status TakePattern(std::string_view, Value value, const Place& place, int self) {
    if (value.kind() != Kind::kString) return Unfit("must be a string", place.Pointer());
    const SchemaPattern* pattern = nullptr;
    NOTIFYD_TRY(Pattern(value.text(), place, &pattern));
    PartOf(self, &Node::texts).pattern = pattern;
    return Status::Ok();
  }

  Status Pattern(std::string_view text, const Place& place, const SchemaPattern** out) {
    std::unique_ptr<SchemaPattern>& pattern = impl_->patterns[std::string(text)];
    if (!pattern) {
      if (impl_->patterns.size() > kMaxPatterns)
        return Unfit("a schema must not have more than " + std::to_string(kMaxPatterns) + " different patterns", place.Pointer());
      Result<std::unique_ptr<SchemaPattern>> made = SchemaPattern::Compile(text);
      if (!made.ok()) return Unfit(made.status().detail(), place.Pointer());
      pattern = *std::move(made);
      impl_->patterns_size += pattern->size();
      if (impl_->patterns_size > kMaxPatternsSize)
        return Unfit("a schema's patterns must not be so large, together: repeat less in them", place.Pointer());
    }
    *out = pattern.get();
    return Status::Ok();
  }

  int& SchemaOf(std::string_view name, int self) {
    if (name == "additionalItems") return Arrays(self).additional_items;
    if (name == "contains") return Arrays(self).contains;
    if (name == "additionalProperties") return Objects(self).additional_properties;
    if (name == "propertyNames") return Objects(self).property_names;
    if (name == "not") return Combined(self).not_this;
    if (name == "if") return Combined(self).if_this;
    return name == "then" ? Combined(self).then_this : Combined(self).else_this;
  }

  Status TakeSchema(std::string_view name, Value value, const Place& place, int self) {
    int schema = Node::kNone;
    NOTIFYD_TRY(Compile(value, place, &schema));
    SchemaOf(name, self) = schema;
    return Status::Ok();
  }

  Status TakeItems(std::string_view, Value value, const Place& place, int self) {
    if (value.kind() != Kind::kArray) {
      int schema = Node::kNone;
      NOTIFYD_TRY(Compile(value, place, &schema));
      Arrays(self).items = schema;
      return Status::Ok();
    }
    std::vector<int> tuple;
    NOTIFYD_TRY(List(value, place, &tuple));
    Arrays(self).tuple = std::move(tuple);
    return Status::Ok();
  }

  Status List(Value value, const Place& place, std::vector<int>* out) {
    Status status;
    value.ForEach([&](Value, Value each) {
      int schema = Node::kNone;
      if (!status.ok()) return;
      status = Compile(each, place.Below(std::to_string(out->size())), &schema);
      out->push_back(schema);
    });
    return status;
  }

  Status TakeList(std::string_view name, Value value, const Place& place, int self) {
    if (value.kind() != Kind::kArray || value.size() == 0) return Unfit("must be an array with at least one schema", place.Pointer());
    std::vector<int> schemas;
    NOTIFYD_TRY(List(value, place, &schemas));
    Node::Combined& combined = Combined(self);
    (name == "allOf" ? combined.all_of : name == "anyOf" ? combined.any_of : combined.one_of) = std::move(schemas);
    return Status::Ok();
  }

  Status TakeUnique(std::string_view, Value value, const Place& place, int self) {
    if (value.kind() != Kind::kTrue && value.kind() != Kind::kFalse) return Unfit("must be true or false", place.Pointer());
    Arrays(self).unique_items = value.kind() == Kind::kTrue;
    return Status::Ok();
  }

  Status TakeSchemas(std::string_view name, Value value, const Place& place, int self) {
    if (value.kind() != Kind::kObject) return Unfit("must be an object of schemas", place.Pointer());
    Status status;
    value.ForEach([&](Value key, Value each) {
      int schema = Node::kNone;
      if (status.ok()) status = Compile(each, place.Below(key.text()), &schema);
      if (!status.ok()) return;
      if (name == "properties") named_[self].properties[key.text()] = schema;
      if (name != "patternProperties") return;
      const SchemaPattern* pattern = nullptr;
      status = Pattern(key.text(), place.Below(key.text()), &pattern);
      Objects(self).pattern_properties.emplace_back(pattern, schema);
    });
    return status;
  }

  static Status Names(Value value, const Place& place, std::vector<std::string_view>* out) {
    bool texts = value.kind() == Kind::kArray;
    value.ForEach([&](Value, Value each) {
      texts = texts && each.kind() == Kind::kString;
      out->push_back(each.text());
    });
    return texts ? Status::Ok() : Unfit("must be an array of strings", place.Pointer());
  }

  Status TakeRequired(std::string_view, Value value, const Place& place, int self) { return Names(value, place, &named_[self].required); }

  Status TakeDependencies(std::string_view, Value value, const Place& place, int self) {
    if (value.kind() != Kind::kObject) return Unfit("must be an object", place.Pointer());
    Status status;
    value.ForEach([&](Value key, Value each) {
      if (!status.ok()) return;
      if (each.kind() == Kind::kArray) {
        std::vector<std::string_view> names;
        status = Names(each, place.Below(key.text()), &names);
        named_[self].needs.emplace_back(key.text(), std::move(names));
      } else {
        int schema = Node::kNone;
        status = Compile(each, place.Below(key.text()), &schema);
        named_[self].needs_schema.emplace_back(key.text(), schema);
      }
    });
    return status;
  }

  // ---- References ----

  Status Follow(const Reference& reference, int* target) {
    const std::string& text = reference.text;
    const size_t hash = std::min(text.find('#'), text.size());
    const std::string fragment = hash < text.size() ? WithoutPercents(std::string_view(text).substr(hash + 1)) : "";
    // What is wrong there is told where it was referred to, unless keywords lead there.
    Place place = reference.place.Below("$ref");
    if (hash > 0) {
      place.base = std::make_shared<const std::string>(ResolvedReference(*place.base, std::string_view(text).substr(0, hash)));
      auto document = documents_.find(*place.base);
      if (document == documents_.end()) return Unfit("refers to another document: a schema may refer into itself alone", place.Pointer());
      place.document = document->second;
    }
    if (!IsJsonPointer(fragment)) {
      auto anchor = anchors_.find(*place.base + "#" + fragment);
      if (anchor == anchors_.end()) return Unfit("refers to a place that is not there", place.Pointer());
      *target = anchor->second;
      return Status::Ok();
    }
    std::optional<Value> value = Lookup(place.document, fragment);
    if (!value) return Unfit("refers to a place that is not there", place.Pointer());
    return Compile(*value, place, target);
  }

  /// Value::At, for many pointers: what is in a value is gone through once.
  std::optional<Value> Lookup(Value at, std::string_view pointer) {
    while (!pointer.empty()) {
      if (at.kind() != Kind::kObject && at.kind() != Kind::kArray) return std::nullopt;
      auto [inside, fresh] = inside_.try_emplace(at.raw().data());
      size_t index = 0;
      if (fresh) {
        at.ForEach([&, all = &inside->second](Value key, Value value) {
          all->insert_or_assign(at.kind() == Kind::kArray ? std::to_string(index++) : std::string(key.text()), value);
        });
      }
      const size_t end = std::min(pointer.find('/', 1), pointer.size());
      auto found = inside->second.find(UnescapedToken(pointer.substr(1, end - 1)));
      if (found == inside->second.end()) return std::nullopt;
      at = found->second;
      pointer.remove_prefix(end);
    }
    return at;
  }

  /// Refuses a schema that needs itself for the same value, which could never be judged.
  Status CheckCircles() {
    enum Mark : uint8_t { kNew, kOpen, kDone };
    std::vector<Mark> marks(impl_->nodes.size(), kNew);
    // Depth first without recursion: a row of references may be as long as the text.
    struct Open {
      int node;
      std::vector<int> next;
    };
    for (size_t start = 0; start < marks.size(); ++start) {
      if (marks[start] != kNew) continue;
      std::vector<Open> path;
      const auto enter = [&](int node) {
        marks[static_cast<size_t>(node)] = kOpen;
        path.push_back({node, InPlace(At(node))});
      };
      enter(static_cast<int>(start));
      while (!path.empty()) {
        if (path.back().next.empty()) {
          marks[static_cast<size_t>(path.back().node)] = kDone;
          path.pop_back();
          continue;
        }
        const int next = path.back().next.back();
        path.back().next.pop_back();
        if (marks[static_cast<size_t>(next)] == kOpen) return Unfit("refers back to itself without going into the value", PointerOf(next));
        if (marks[static_cast<size_t>(next)] == kNew) enter(next);
      }
    }
    return Status::Ok();
  }

  /// The schemas that it applies to the same value.
  static std::vector<int> InPlace(const Node& node) {
    std::vector<int> all;
    const auto add = [&](int schema) {
      if (schema != Node::kNone) all.push_back(schema);
    };
    add(node.ref);
    if (node.objects)
      for (const auto& [name, schema] : node.objects->needs_schema) add(schema);
    if (!node.combined) return all;
    const Node::Combined& combined = *node.combined;
    for (const std::vector<int>* list : {&combined.all_of, &combined.any_of, &combined.one_of}) all.insert(all.end(), list->begin(), list->end());
    for (int schema : {combined.not_this, combined.if_this, combined.then_this, combined.else_this}) add(schema);
    return all;
  }

  Impl* impl_;
  std::unordered_map<const char*, int> compiled_;
  int anything_ = Node::kNone, nothing_ = Node::kNone;
  std::unordered_map<int, OfMembers> named_;         // by node
  std::vector<std::shared_ptr<const Step>> places_;  // of each node
  std::vector<Reference> references_;
  std::map<std::string, Value> documents_;
  std::unordered_map<const char*, std::map<std::string, Value>> inside_;  // of arrays and objects that references led into
  std::map<std::string, int> anchors_;
};

Schema::Schema() : impl_(std::make_unique<Impl>()) {}
Schema::~Schema() = default;

size_t Schema::bytes() const {
  return impl_->bytes;
}

size_t Schema::compiled_bytes() const {
  constexpr size_t kBytesAnInstruction = 16;
  return impl_->tree->root().raw().size() + kBytesAnInstruction * impl_->patterns_size;
}

Result<std::shared_ptr<const Schema>> Schema::Compile(std::string_view json_text) {
  if (json_text.size() > kMaxBytes) return Status(Code::kUnacceptable, "a schema must not be longer than " + std::to_string(kMaxBytes) + " bytes");
  Result<JsonTree> tree = JsonTree::Parse(json_text);
  if (!tree.ok()) return Status(Code::kUnacceptable, tree.status().detail());
  auto schema = std::make_shared<Schema>();
  schema->impl_->tree = *std::move(tree);
  NOTIFYD_TRY(Compiler(schema->impl_.get()).Run());
  return std::shared_ptr<const Schema>(std::move(schema));
}

}  // namespace notifyd
