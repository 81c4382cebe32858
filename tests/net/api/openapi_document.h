// docs/openapi.yaml as a test looks at it: operations, schemas, and whether a JSON text is what a schema says (the part of JSON Schema 2020-12 that
// the document uses).
#pragma once

#include "base/json_tree.h"
#include <yaml-cpp/yaml.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace notifyd {

class OpenApiDocument {
 public:
  /// Reads it from the source tree. Throws what yaml-cpp throws.
  OpenApiDocument();

  /// "/v1/notifies", "get": every one of them.
  std::set<std::pair<std::string, std::string>> Operations() const;
  YAML::Node Operation(const std::string& path, const std::string& method) const;
  /// Of an operation and its path, references followed.
  std::vector<YAML::Node> Parameters(const std::string& path, const std::string& method) const;
  /// "200", ...; "default" left out.
  std::set<std::string> Statuses(const std::string& path, const std::string& method) const;
  /// A response, its reference followed.
  YAML::Node Response(const std::string& path, const std::string& method, const std::string& status) const;
  YAML::Node Schema(const std::string& name) const { return root_["components"]["schemas"][name]; }
  YAML::Node Component(const std::string& kind, const std::string& name) const { return root_["components"][kind][name]; }
  /// Follows $ref as long as there is one.
  YAML::Node Resolve(const YAML::Node& node) const;

  /// "#/components/schemas/Lane": all that there are, and all that anything in the document refers to.
  std::set<std::string> Components() const;
  std::set<std::string> References() const;

  /// The properties of an object's schema, those of allOf and $ref included.
  std::map<std::string, YAML::Node> Properties(const YAML::Node& schema) const;

  /// What about `json` is not as `schema` says, one line each. Each property that was there goes into `seen` as "Schema.property" (null: nowhere).
  std::vector<std::string> Violations(const YAML::Node& schema, const std::string& json, std::set<std::string>* seen = nullptr) const;
  /// All that can go into `seen`.
  std::set<std::string> AllProperties(const YAML::Node& schema) const;

 private:
  class Validator;
  void Collect(const YAML::Node& schema, const std::string& place, std::set<std::string>* out) const;

  YAML::Node root_;
};

/// A YAML value as JSON, numbers digit for digit.
std::string ToJson(const YAML::Node& node);
/// Every lower-case word in the document and in the sources of the API: among them is every name that any of the two knows.
std::set<std::string> EveryName();
/// The codes that an explanation may have, out of the core's source.
std::set<std::string> ReasonCodes();

}  // namespace notifyd
