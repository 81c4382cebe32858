// Compiling a JSON Schema: each object of keywords becomes a node, once, whatever refers to it. References are followed when all nodes that keywords
// lead to are there, since one may name any place of the document.
#include <algorithm>
#include <functional>
#include <unordered_map>

#include "base/ascii.h"
#include "base/json_number.h"
#include "base/json_reader.h"
#include "broker/schema_impl.h"
#include "broker/schema_pattern.h"

namespace notifyd {
namespace {

using Value = JsonTree::Value;
using Kind = JsonTree::Kind;

Status Unfit(std::string detail, std::string pointer) {
  return Status(Code::kUnacceptable, std::move(detail), std::move(pointer));
}

/// "a%25b" is "a%b"; what is no escape stays.
std::string WithoutPercents(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

/// What a reference is under a base (RFC 3986 section 5, but for "." and ".." in paths), without a fragment.
std::string Resolved(const std::string& base, std::string_view reference) {
  if (reference.empty()) return base;
  const size_t colon = reference.find(':');
  if (colon != std::string_view::npos && colon < reference.find('/')) return std::string(reference);
  const size_t scheme = base.find("://");
  if (reference[0] == '/') return base.substr(0, base.find('/', scheme == std::string::npos ? 0 : scheme + 3)) + std::string(reference);
  const size_t slash = base.rfind('/');
  return (slash == std::string::npos ? "" : base.substr(0, slash + 1)) + std::string(reference);
}

}  // namespace

class Schema::Compiler {
 public:
  explicit Compiler(Impl* impl) : impl_(impl) {}

  Status Run() {
    const Value root = impl_->tree->root();
    NOTIFYD_TRY(CheckDialect(root));
    int top = Node::kNone;
    NOTIFYD_TRY(Compile(root, {"", root, ""}, &top));
    // A reference may lead to what no keyword leads to, which is compiled then, and may refer on.
    for (size_t i = 0; i < references_.size(); ++i) {
      const Reference reference = references_[i];
      int target = Node::kNone;
      NOTIFYD_TRY(Follow(reference, &target));
      impl_->nodes[static_cast<size_t>(reference.node)].ref = target;
    }
    return CheckCircles();
  }

 private:
  /// Where a schema stands: its pointer, and the document that "#" means there, with what it is called.
  struct Place {
    std::string pointer;
    Value document;
    std::string base;

    Place Below(std::string_view key) const {
      Place below = *this;
      AppendPointer(key, &below.pointer);
      return below;
    }
  };
  struct Reference {
    int node;
    std::string text;
    Place place;
  };

  Node& At(int node) { return impl_->nodes[static_cast<size_t>(node)]; }

  static Status CheckDialect(Value root) {
    std::optional<Value> dialect = root.At("/$schema");
    if (!dialect || root.kind() != Kind::kObject) return Status::Ok();
    std::string_view name = dialect->text();
    if (name.ends_with('#')) name.remove_suffix(1);
    if (name == "http://json-schema.org/draft-07/schema" || name == "https://json-schema.org/draft-07/schema") return Status::Ok();
    return Unfit("only draft 7 is known, http://json-schema.org/draft-07/schema#", "/$schema");
  }

  Status Compile(Value value, Place place, int* out) {
    // A value's text begins where no other's does.
    auto [known, fresh] = compiled_.emplace(value.raw().data(), static_cast<int>(impl_->nodes.size()));
    *out = known->second;
    if (!fresh) return Status::Ok();
    const int self = *out;
    impl_->nodes.emplace_back();
    pointers_.push_back(place.pointer);
    if (value.kind() == Kind::kTrue || value.kind() == Kind::kFalse) {
      At(self).fixed = value.kind() == Kind::kTrue;
      return Status::Ok();
    }
    if (value.kind() != Kind::kObject) return Unfit("a schema must be an object, true or false", place.pointer);

    std::map<std::string_view, Value> keywords;
    value.ForEach([&](Value key, Value each) { keywords.insert_or_assign(key.text(), each); });
    if (auto ref = keywords.find("$ref"); ref != keywords.end()) {
      if (ref->second.kind() != Kind::kString) return Unfit("must be a string", place.Below("$ref").pointer);
      references_.push_back({self, std::string(ref->second.text()), place});
      // The draft says that nothing beside it counts; but it may hold what others refer to.
      return Definitions(keywords, place);
    }
    if (auto id = keywords.find("$id"); id != keywords.end()) NOTIFYD_TRY(Named(id->second, value, self, &place));
    for (const auto& [name, each] : keywords) NOTIFYD_TRY(Keyword(name, each, place.Below(name), self));
    return Status::Ok();
  }

  Status Named(Value id, Value schema, int self, Place* place) {
    if (id.kind() != Kind::kString) return Unfit("must be a string", place->Below("$id").pointer);
    const std::string_view text = id.text(), document = text.substr(0, text.find('#'));
    if (!document.empty()) {
      place->base = Resolved(place->base, document);
      place->document = schema;
      documents_.emplace(place->base, std::pair(schema, self));
    }
    if (document.size() + 1 < text.size()) anchors_.emplace(place->base + std::string(text.substr(document.size())), self);
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
        {"maxLength", &Compiler::TakeNumber},
        {"minLength", &Compiler::TakeNumber},
        {"maxItems", &Compiler::TakeNumber},
        {"minItems", &Compiler::TakeNumber},
        {"maxProperties", &Compiler::TakeNumber},
        {"minProperties", &Compiler::TakeNumber},
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
      status = Unfit("must be null, boolean, object, array, number, string or integer, or an array of them", place.pointer);
    };
    if (value.kind() != Kind::kArray) take(value);
    else value.ForEach([&](Value, Value each) { take(each); });
    if (status.ok() && At(self).types == 0) return Unfit("must name a type at least", place.pointer);
    return status;
  }

  Status TakeValues(std::string_view name, Value value, const Place& place, int self) {
    if (name == "const") {
      At(self).only = value;
      return Status::Ok();
    }
    if (value.kind() != Kind::kArray) return Unfit("must be an array", place.pointer);
    value.ForEach([values = &At(self).one_of_values.emplace()](Value, Value each) { values->push_back(each); });
    return Status::Ok();
  }

  Status TakeNumber(std::string_view name, Value value, const Place& place, int self) {
    static const std::unordered_map<std::string_view, std::optional<std::string_view> Node::*> kMembers = {
        {"multipleOf", &Node::multiple_of},
        {"maximum", &Node::maximum},
        {"exclusiveMaximum", &Node::exclusive_maximum},
        {"minimum", &Node::minimum},
        {"exclusiveMinimum", &Node::exclusive_minimum},
        {"maxLength", &Node::max_length},
        {"minLength", &Node::min_length},
        {"maxItems", &Node::max_items},
        {"minItems", &Node::min_items},
        {"maxProperties", &Node::max_properties},
        {"minProperties", &Node::min_properties},
    };
    if (value.kind() != Kind::kNumber) return Unfit("must be a number", place.pointer);
    const bool size = name.starts_with("maxL") || name.starts_with("minL") || name.ends_with("Items") || name.ends_with("Properties");
    if (size && (!IsWholeNumber(value.raw()) || CompareJsonNumbers(value.raw(), "0") < 0))
      return Unfit("must be a whole number, 0 or more", place.pointer);
    if (name == "multipleOf" && !IsDivisor(value.raw())) return Unfit("must be above 0, with at most 18 digits", place.pointer);
    At(self).*kMembers.at(name) = value.raw();
    return Status::Ok();
  }

  Status TakePattern(std::string_view, Value value, const Place& place, int self) {
    if (value.kind() != Kind::kString) return Unfit("must be a string", place.pointer);
    const re2::RE2* pattern = nullptr;
    NOTIFYD_TRY(Pattern(value.text(), place.pointer, &pattern));
    At(self).pattern = pattern;
    return Status::Ok();
  }

  Status Pattern(std::string_view text, const std::string& pointer, const re2::RE2** out) {
    std::unique_ptr<re2::RE2>& pattern = impl_->patterns[std::string(text)];
    if (!pattern) {
      if (impl_->patterns.size() > kMaxPatterns)
        return Unfit("a schema must not have more than " + std::to_string(kMaxPatterns) + " different patterns", pointer);
      re2::RE2::Options options;
      options.set_log_errors(false);
      options.set_max_mem(1 << 20);
      const std::optional<std::string> translated = ToRe2Pattern(text);
      if (!translated) return Unfit("this is not a regular expression of ECMA 262", pointer);
      pattern = std::make_unique<re2::RE2>(*translated, options);
    }
    *out = pattern.get();
    if (pattern->ok()) return Status::Ok();
    return Unfit("this pattern cannot be used (there is no look-around and no back reference): " + pattern->error(), pointer);
  }

  Status TakeSchema(std::string_view name, Value value, const Place& place, int self) {
    static const std::unordered_map<std::string_view, int Node::*> kMembers = {
        {"additionalItems", &Node::additional_items},
        {"contains", &Node::contains},
        {"additionalProperties", &Node::additional_properties},
        {"propertyNames", &Node::property_names},
        {"not", &Node::not_this},
        {"if", &Node::if_this},
        {"then", &Node::then_this},
        {"else", &Node::else_this},
    };
    int schema = Node::kNone;
    NOTIFYD_TRY(Compile(value, place, &schema));
    At(self).*kMembers.at(name) = schema;
    return Status::Ok();
  }

  Status TakeItems(std::string_view, Value value, const Place& place, int self) {
    if (value.kind() != Kind::kArray) {
      int schema = Node::kNone;
      NOTIFYD_TRY(Compile(value, place, &schema));
      At(self).items = schema;
      return Status::Ok();
    }
    std::vector<int> tuple;
    NOTIFYD_TRY(List(value, place, &tuple));
    At(self).tuple = std::move(tuple);
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
    if (value.kind() != Kind::kArray || value.size() == 0) return Unfit("must be an array with at least one schema", place.pointer);
    std::vector<int> schemas;
    NOTIFYD_TRY(List(value, place, &schemas));
    (name == "allOf" ? At(self).all_of : name == "anyOf" ? At(self).any_of : At(self).one_of) = std::move(schemas);
    return Status::Ok();
  }

  Status TakeUnique(std::string_view, Value value, const Place& place, int self) {
    if (value.kind() != Kind::kTrue && value.kind() != Kind::kFalse) return Unfit("must be true or false", place.pointer);
    At(self).unique_items = value.kind() == Kind::kTrue;
    return Status::Ok();
  }

  Status TakeSchemas(std::string_view name, Value value, const Place& place, int self) {
    if (value.kind() != Kind::kObject) return Unfit("must be an object of schemas", place.pointer);
    Status status;
    value.ForEach([&](Value key, Value each) {
      int schema = Node::kNone;
      if (status.ok()) status = Compile(each, place.Below(key.text()), &schema);
      if (!status.ok()) return;
      if (name == "properties") At(self).properties[key.text()] = schema;
      if (name != "patternProperties") return;
      const re2::RE2* pattern = nullptr;
      status = Pattern(key.text(), place.Below(key.text()).pointer, &pattern);
      At(self).pattern_properties.emplace_back(pattern, schema);
    });
    return status;
  }

  static Status Names(Value value, const Place& place, std::vector<std::string_view>* out) {
    bool texts = value.kind() == Kind::kArray;
    value.ForEach([&](Value, Value each) {
      texts = texts && each.kind() == Kind::kString;
      out->push_back(each.text());
    });
    return texts ? Status::Ok() : Unfit("must be an array of strings", place.pointer);
  }

  Status TakeRequired(std::string_view, Value value, const Place& place, int self) { return Names(value, place, &At(self).required); }

  Status TakeDependencies(std::string_view, Value value, const Place& place, int self) {
    if (value.kind() != Kind::kObject) return Unfit("must be an object", place.pointer);
    Status status;
    value.ForEach([&](Value key, Value each) {
      if (!status.ok()) return;
      if (each.kind() == Kind::kArray) {
        std::vector<std::string_view> names;
        status = Names(each, place.Below(key.text()), &names);
        At(self).needs.emplace_back(key.text(), std::move(names));
      } else {
        int schema = Node::kNone;
        status = Compile(each, place.Below(key.text()), &schema);
        At(self).needs_schema.emplace_back(key.text(), schema);
      }
    });
    return status;
  }

  // ---- References ----

  Status Follow(const Reference& reference, int* target) {
    const std::string& text = reference.text;
    const std::string pointer = reference.place.Below("$ref").pointer;
    const size_t hash = std::min(text.find('#'), text.size());
    const std::string fragment = hash < text.size() ? WithoutPercents(std::string_view(text).substr(hash + 1)) : "";
    Place place = reference.place;
    if (hash > 0) {
      place.base = Resolved(place.base, std::string_view(text).substr(0, hash));
      auto document = documents_.find(place.base);
      if (document == documents_.end()) return Unfit("refers to another document: a schema may refer into itself alone", pointer);
      place.document = document->second.first;
    }
    if (!IsJsonPointer(fragment)) {
      auto anchor = anchors_.find(place.base + "#" + fragment);
      if (anchor == anchors_.end()) return Unfit("refers to a place that is not there", pointer);
      *target = anchor->second;
      return Status::Ok();
    }
    std::optional<Value> value = place.document.At(fragment);
    if (!value) return Unfit("refers to a place that is not there", pointer);
    place.pointer = pointer;  // what is wrong there is told where it was referred to, unless keywords lead there
    return Compile(*value, place, target);
  }

  /// Refuses a schema that needs itself for the same value, which could never be judged.
  Status CheckCircles() {
    enum Mark : uint8_t { kNew, kOpen, kDone };
    std::vector<Mark> marks(impl_->nodes.size(), kNew);
    // Depth first without recursion: a row of references may be as long as the text.
    struct Step {
      int node;
      std::vector<int> next;
    };
    for (size_t start = 0; start < marks.size(); ++start) {
      if (marks[start] != kNew) continue;
      std::vector<Step> path;
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
        if (marks[static_cast<size_t>(next)] == kOpen)
          return Unfit("refers back to itself without going into the value", pointers_[static_cast<size_t>(next)]);
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
    for (const std::vector<int>* list : {&node.all_of, &node.any_of, &node.one_of}) all.insert(all.end(), list->begin(), list->end());
    for (int schema : {node.ref, node.not_this, node.if_this, node.then_this, node.else_this}) add(schema);
    for (const auto& [name, schema] : node.needs_schema) add(schema);
    return all;
  }

  Impl* impl_;
  std::unordered_map<const char*, int> compiled_;
  std::vector<std::string> pointers_;  // of each node
  std::vector<Reference> references_;
  std::map<std::string, std::pair<Value, int>> documents_;
  std::map<std::string, int> anchors_;
};

Schema::Schema() : impl_(std::make_unique<Impl>()) {}
Schema::~Schema() = default;

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
