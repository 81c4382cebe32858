#include "openapi_document.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "base/json.h"

namespace notifyd {
namespace {

const char* const kSource = NOTIFYD_SOURCE_DIR;

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return text.str();
}

/// "#/components/schemas/Lane" as "Lane".
std::string NameOf(const YAML::Node& ref) {
  std::string text = ref.as<std::string>();
  return text.substr(text.rfind('/') + 1);
}

const char* TypeOf(JsonTree::Value value) {
  switch (value.kind()) {
    case JsonTree::Kind::kNull:
      return "null";
    case JsonTree::Kind::kFalse:
    case JsonTree::Kind::kTrue:
      return "boolean";
    case JsonTree::Kind::kString:
      return "string";
    case JsonTree::Kind::kArray:
      return "array";
    case JsonTree::Kind::kObject:
      return "object";
    case JsonTree::Kind::kNumber:
      break;
  }
  return value.raw().find_first_of(".eE") == std::string_view::npos ? "integer" : "number";
}

bool Equal(JsonTree::Value value, const YAML::Node& expected) {
  Result<JsonTree> tree = JsonTree::Parse(ToJson(expected));
  return tree.ok() && JsonEqual(value, tree->root());
}

}  // namespace

std::string ToJson(const YAML::Node& node) {
  static const std::regex kNumber(R"(-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?)");
  std::string out;
  JsonWriter json(&out);
  std::function<void(const YAML::Node&)> write = [&](const YAML::Node& at) {
    if (at.IsMap()) {
      json.BeginObject();
      for (const auto& member : at) {
        json.Key(member.first.as<std::string>());
        write(member.second);
      }
      json.EndObject();
    } else if (at.IsSequence()) {
      json.BeginArray();
      for (const auto& element : at) write(element);
      json.EndArray();
    } else if (at.IsNull()) {
      json.Null();
    } else {
      std::string text = at.Scalar();
      bool plain = at.Tag() != "!";
      if (plain && (text == "true" || text == "false" || std::regex_match(text, kNumber))) json.Raw(text);
      else json.String(text);
    }
  };
  write(node);
  return out;
}

std::set<std::string> EveryName() {
  static const std::regex kWord("[a-z][a-z0-9_]*");
  std::set<std::string> names;
  auto add = [&](const std::string& text) {
    for (std::sregex_iterator it(text.begin(), text.end(), kWord), end; it != end; ++it) names.insert(it->str());
  };
  add(ReadFile(std::filesystem::path(kSource) / "docs/openapi.yaml"));
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(kSource) / "net/api"))
    if (entry.path().extension() == ".cc" || entry.path().extension() == ".h") add(ReadFile(entry.path()));
  return names;
}

std::set<std::string> ReasonCodes() {
  static const std::regex kReason(R"re((?:reason\(|at_cap\(|Reason\{|reasons\.push_back\(\{)"([a-z_]+)")re");
  std::set<std::string> codes;
  for (const char* file : {"broker/core_explain.cc", "broker/core_pauses.cc"}) {
    const std::string text = ReadFile(std::filesystem::path(kSource) / file);
    for (std::sregex_iterator it(text.begin(), text.end(), kReason), end; it != end; ++it) codes.insert((*it)[1]);
  }
  return codes;
}

OpenApiDocument::OpenApiDocument() : root_(YAML::LoadFile((std::filesystem::path(kSource) / "docs/openapi.yaml").string())) {}

std::set<std::string> OpenApiDocument::Components() const {
  std::set<std::string> out;
  for (const auto& kind : root_["components"])
    for (const auto& component : kind.second) out.insert("#/components/" + kind.first.as<std::string>() + "/" + component.first.as<std::string>());
  return out;
}

std::set<std::string> OpenApiDocument::References() const {
  std::set<std::string> out;
  std::function<void(const YAML::Node&)> look = [&](const YAML::Node& at) {
    for (const auto& child : at) {
      if (at.IsMap() && child.first.as<std::string>() == "$ref") out.insert(child.second.as<std::string>());
      look(at.IsMap() ? child.second : child);
    }
  };
  look(root_);
  // A scheme is referred to by its name.
  auto schemes = [&](const YAML::Node& security) {
    for (const YAML::Node& requirement : security)
      for (const auto& scheme : requirement) out.insert("#/components/securitySchemes/" + scheme.first.as<std::string>());
  };
  schemes(root_["security"]);
  for (const auto& [path, method] : Operations()) schemes(Operation(path, method)["security"]);
  return out;
}

std::set<std::pair<std::string, std::string>> OpenApiDocument::Operations() const {
  std::set<std::pair<std::string, std::string>> out;
  for (const auto& path : root_["paths"])
    for (const auto& member : path.second)
      if (member.first.as<std::string>() != "parameters") out.emplace(path.first.as<std::string>(), member.first.as<std::string>());
  return out;
}

YAML::Node OpenApiDocument::Operation(const std::string& path, const std::string& method) const {
  return root_["paths"][path][method];
}

std::vector<YAML::Node> OpenApiDocument::Parameters(const std::string& path, const std::string& method) const {
  std::vector<YAML::Node> out;
  for (const YAML::Node& list : {root_["paths"][path]["parameters"], Operation(path, method)["parameters"]})
    if (list.IsDefined())
      for (const auto& parameter : list) out.push_back(Resolve(parameter));
  return out;
}

std::set<std::string> OpenApiDocument::Statuses(const std::string& path, const std::string& method) const {
  std::set<std::string> out;
  for (const auto& response : Operation(path, method)["responses"])
    if (response.first.as<std::string>() != "default") out.insert(response.first.as<std::string>());
  return out;
}

YAML::Node OpenApiDocument::Response(const std::string& path, const std::string& method, const std::string& status) const {
  return Resolve(Operation(path, method)["responses"][status]);
}

YAML::Node OpenApiDocument::Resolve(const YAML::Node& node) const {
  if (!node.IsMap() || !node["$ref"].IsDefined()) return node;
  std::string ref = node["$ref"].as<std::string>();
  if (!ref.starts_with("#/components/")) throw std::runtime_error("a reference to elsewhere: " + ref);
  YAML::Node target = Component(ref.substr(13, ref.rfind('/') - 13), NameOf(node["$ref"]));
  if (!target.IsDefined()) throw std::runtime_error("a reference to nothing: " + ref);
  return Resolve(target);
}

std::map<std::string, YAML::Node> OpenApiDocument::Properties(const YAML::Node& schema) const {
  std::map<std::string, YAML::Node> out;
  auto add = [&](const YAML::Node& from) {
    for (const auto& [name, property] : Properties(from)) out.emplace(name, property);
  };
  if (schema["$ref"].IsDefined()) add(Resolve(schema));
  if (schema["allOf"].IsDefined())
    for (const auto& part : schema["allOf"]) add(part);
  if (schema["properties"].IsDefined())
    for (const auto& property : schema["properties"]) out.emplace(property.first.as<std::string>(), property.second);
  return out;
}

/// One run over one value.
class OpenApiDocument::Validator {
 public:
  Validator(const OpenApiDocument& document, std::set<std::string>* seen) : document_(document), seen_(seen) {}

  /// `place`: the schema's name; `pointer`: where in the value.
  void Check(const YAML::Node& schema, JsonTree::Value value, const std::string& place, const std::string& pointer) {
    if (schema["$ref"].IsDefined()) Check(document_.Resolve(schema), value, NameOf(schema["$ref"]), pointer);
    if (schema["allOf"].IsDefined())
      for (const auto& part : schema["allOf"]) Check(part, value, place, pointer);
    if (schema["oneOf"].IsDefined()) CheckOneOf(schema["oneOf"], value, place, pointer);
    if (schema["type"].IsDefined() && !TypeFits(schema["type"], value)) return Fail(pointer, "has the wrong type", value);
    if (schema["const"].IsDefined() && !Equal(value, schema["const"])) Fail(pointer, "is another constant", value);
    if (schema["enum"].IsDefined()) {
      bool found = false;
      for (const auto& word : schema["enum"]) found = found || Equal(value, word);
      if (!found) Fail(pointer, "is none of the enum", value);
    }
    switch (value.kind()) {
      case JsonTree::Kind::kNumber:
        return CheckNumber(schema, value, pointer);
      case JsonTree::Kind::kString:
        return CheckString(schema, value, pointer);
      case JsonTree::Kind::kArray:
        return CheckArray(schema, value, place, pointer);
      case JsonTree::Kind::kObject:
        return CheckObject(schema, value, place, pointer);
      default:
        return;
    }
  }

  std::vector<std::string> violations;

 private:
  void Fail(const std::string& pointer, const std::string& what, JsonTree::Value value) {
    violations.push_back(pointer + " " + what + ": " + std::string(value.raw().substr(0, 100)));
  }

  static bool TypeFits(const YAML::Node& type, JsonTree::Value value) {
    std::string is = TypeOf(value);
    auto fits = [&](const YAML::Node& one) { return one.as<std::string>() == is || (one.as<std::string>() == "number" && is == "integer"); };
    if (type.IsScalar()) return fits(type);
    for (const auto& one : type)
      if (fits(one)) return true;
    return false;
  }

  void CheckOneOf(const YAML::Node& options, JsonTree::Value value, const std::string& place, const std::string& pointer) {
    size_t fitting = 0;
    std::string tried;
    for (const auto& option : options) {
      Validator probe(document_, nullptr);
      probe.Check(option, value, place, pointer);
      for (const std::string& violation : probe.violations) tried += "; " + violation;
      if (!probe.violations.empty()) continue;
      ++fitting;
      Check(option, value, place, pointer);
    }
    if (fitting != 1) Fail(pointer, "fits " + std::to_string(fitting) + " of the options" + tried, value);
  }

  void CheckNumber(const YAML::Node& schema, JsonTree::Value value, const std::string& pointer) {
    double number = std::stod(std::string(value.raw()));
    if (schema["minimum"].IsDefined() && number < schema["minimum"].as<double>()) Fail(pointer, "is too small", value);
    if (schema["maximum"].IsDefined() && number > schema["maximum"].as<double>()) Fail(pointer, "is too large", value);
  }

  void CheckString(const YAML::Node& schema, JsonTree::Value value, const std::string& pointer) {
    std::string text(value.text());
    if (schema["minLength"].IsDefined() && text.size() < schema["minLength"].as<size_t>()) Fail(pointer, "is too short", value);
    if (schema["maxLength"].IsDefined() && text.size() > schema["maxLength"].as<size_t>()) Fail(pointer, "is too long", value);
    if (schema["pattern"].IsDefined() && !std::regex_search(text, std::regex(schema["pattern"].as<std::string>())))
      Fail(pointer, "does not match its pattern", value);
  }

  void CheckArray(const YAML::Node& schema, JsonTree::Value value, const std::string& place, const std::string& pointer) {
    if (schema["minItems"].IsDefined() && value.size() < schema["minItems"].as<size_t>()) Fail(pointer, "has too few items", value);
    if (schema["maxItems"].IsDefined() && value.size() > schema["maxItems"].as<size_t>()) Fail(pointer, "has too many items", value);
    if (!schema["items"].IsDefined()) return;
    size_t index = 0;
    value.ForEach(
        [&](JsonTree::Value, JsonTree::Value item) { Check(schema["items"], item, place + "[]", pointer + "/" + std::to_string(index++)); });
  }

  void CheckObject(const YAML::Node& schema, JsonTree::Value value, const std::string& place, const std::string& pointer) {
    if (schema["required"].IsDefined())
      for (const auto& name : schema["required"])
        if (!value.At("/" + name.as<std::string>())) Fail(pointer, "lacks " + name.as<std::string>(), value);
    auto all = document_.Properties(schema);
    bool closed = IsFalse(schema["additionalProperties"]) || IsFalse(schema["unevaluatedProperties"]);
    value.ForEach([&](JsonTree::Value key, JsonTree::Value member) {
      std::string name(key.text());
      if (closed && !all.contains(name)) Fail(pointer, "has an unknown " + name, value);
      if (schema["properties"].IsDefined() && schema["properties"][name].IsDefined()) {
        if (seen_) seen_->insert(place + "." + name);
        Check(schema["properties"][name], member, place + "." + name, pointer + "/" + name);
      } else if (schema["additionalProperties"].IsDefined() && schema["additionalProperties"].IsMap()) {
        Check(schema["additionalProperties"], member, place, pointer + "/" + name);
      }
    });
  }
  static bool IsFalse(const YAML::Node& node) { return node.IsDefined() && node.IsScalar() && node.Scalar() == "false"; }

  const OpenApiDocument& document_;
  std::set<std::string>* const seen_;
};

std::vector<std::string> OpenApiDocument::Violations(const YAML::Node& schema, const std::string& json, std::set<std::string>* seen) const {
  Result<JsonTree> tree = JsonTree::Parse(json);
  if (!tree.ok()) return {"not JSON: " + json};
  Validator validator(*this, seen);
  validator.Check(schema, tree->root(), "", "");
  return std::move(validator.violations);
}

std::set<std::string> OpenApiDocument::AllProperties(const YAML::Node& schema) const {
  std::set<std::string> out;
  Collect(schema, "", &out);
  return out;
}

void OpenApiDocument::Collect(const YAML::Node& schema, const std::string& place, std::set<std::string>* out) const {
  if (schema["$ref"].IsDefined()) Collect(Resolve(schema), NameOf(schema["$ref"]), out);
  for (const char* several : {"allOf", "oneOf"})
    if (schema[several].IsDefined())
      for (const auto& part : schema[several]) Collect(part, place, out);
  if (schema["items"].IsDefined()) Collect(schema["items"], place + "[]", out);
  if (!schema["properties"].IsDefined()) return;
  for (const auto& property : schema["properties"]) {
    std::string name = place + "." + property.first.as<std::string>();
    out->insert(name);
    Collect(property.second, name, out);
  }
}

}  // namespace notifyd
