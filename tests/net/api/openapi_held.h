// Answers of the API, held to docs/openapi.yaml.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "api_fixture.h"
#include "openapi_document.h"

namespace notifyd {

/// What stats say of a store in PostgreSQL, in place of the embedded one's, and in a cluster: seen by postgres_daemon_test.cc and members_test.cc.
inline const std::set<std::string> kStatsOfPostgres = {
    "Stats.store.database_lost", "Stats.store.database_reconnects", "Stats.store.folded",           "Stats.store.no_standby",
    "Stats.store.removed",       "Stats.store.left_over",           "Stats.store.pages_given_back", "Stats.store.cells",
    "Stats.store.cell_moves",    "Stats.store.cell_copied",         "Stats.store.cells_lost",       "Stats.member"};

/// Holds answers to the document, and remembers which of its properties were seen.
class Held {
 public:
  /// The newest answer of `f`, to that operation.
  void Check(ApiFixture& f, const std::string& path, const std::string& method) {
    const HttpResponse& answer = f.Answer();
    CAPTURE(path, method, answer.status, answer.body);
    std::string status = std::to_string(answer.status);
    REQUIRE(document.Statuses(path, method).contains(status));
    YAML::Node response = document.Response(path, method, status);
    YAML::Node content = response["content"][answer.content_type];
    REQUIRE(content.IsDefined());
    CHECK(document.Violations(content["schema"], answer.body, &seen) == std::vector<std::string>());
    std::set<std::string> headers, declared;
    for (const auto& [name, value] : answer.headers) headers.insert(name);
    if (response["headers"].IsDefined())
      for (const auto& header : response["headers"]) declared.insert(header.first.as<std::string>());
    // A remembered trigger has no version.
    if (answer.body.find("\"remembered\":") != std::string::npos) declared.erase("ETag");
    // A batch has no one place.
    if (answer.body.starts_with("{\"items\"")) declared.erase("Location");
    // Of what was there already the place is told to whoever waits.
    if (status == "200" && !headers.contains("Location")) declared.erase("Location");
    CHECK(headers == declared);
  }

  /// Was everything that `schema` names seen? `elsewhere`: but for what another suite sees.
  void CheckAllSeen(const char* schema, const std::set<std::string>& elsewhere = {}) {
    YAML::Node ref;
    ref["$ref"] = std::string("#/components/schemas/") + schema;
    for (const std::string& property : document.AllProperties(ref)) {
      CAPTURE(property);
      CHECK(seen.contains(property) != elsewhere.contains(property));
    }
  }

  OpenApiDocument document;
  std::set<std::string> seen;
};

}  // namespace notifyd
