#include "net/api/cluster_requests.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/json.h"
#include "base/json_or_null.h"
#include "net/api/problem.h"
#include "net/api/request_tools.h"
#include "net/api/requests.h"
#include "net/api/steps.h"

namespace notifyd {
namespace {

Status NoCluster() {
  return Status(Code::kNotImplemented, "the broker shares its store with no other one: cluster.advertise is not set");
}

void WriteMember(const Member& member, JsonWriter* json) {
  json->BeginObject();
  json->Key("name");
  json->String(member.name);
  json->Key("address");
  json->String(member.address);
  TextOrNull("version", member.version, json);
  for (const auto& [key, value] : {std::pair("self", member.self), std::pair("leading", member.leading), std::pair("draining", member.draining),
                                   std::pair("alive", member.alive)}) {
    json->Key(key);
    json->Bool(value);
  }
  json->Key("cut_off");
  json->Bool(member.cut_off);
  json->Key("unreached_by");
  json->BeginArray();
  for (const std::string& name : member.unreached_by) json->String(name);
  json->EndArray();
  json->Key("namespaces");
  json->Uint(member.namespaces);
  json->Key("heartbeat_age_ms");
  json->Int(member.heartbeat_age_ms);
  json->Key("clock_ahead_ms");
  member.clock_ahead_ms ? json->Int(*member.clock_ahead_ms) : json->Null();
  json->EndObject();
}

/// Nothing: it is gone by now.
std::string NameOf(const AccessTable& table, NamespaceNumber number) {
  const std::shared_ptr<const NamespaceRow> row = table.FindNamespace(number);
  return row ? row->name : std::string();
}

/// Nothing: the home cell.
std::string CellOf(const AccessTable& table, NamespaceNumber number) {
  const std::shared_ptr<const NamespaceRow> row = table.FindNamespace(number);
  return row ? row->settings.cell.value_or("") : std::string();
}

HttpResponse ClusterResponse(const ClusterReport& report, const AccessTable& table) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  json.Key("members");
  json.BeginArray();
  for (const Member& member : report.members) WriteMember(member, &json);
  json.EndArray();
  json.Key("namespaces");
  json.BeginArray();
  for (const ClusterReport::Space& space : report.namespaces) {
    const std::string name = NameOf(table, space.number);
    if (name.empty()) continue;
    json.BeginObject();
    json.Key("name");
    json.String(name);
    TextOrNull("owner", space.owner, &json);
    TextOrNull("placed", space.placed, &json);
    json.Key("epoch");
    json.Uint(space.epoch);
    json.Key("load");
    json.Uint(space.load);
    TextOrNull("cell", CellOf(table, space.number), &json);
    const std::shared_ptr<const NamespaceRow> row = table.FindNamespace(space.number);
    TextOrNull("moving_to", row ? row->moving_to.value_or("") : "", &json);
    json.EndObject();
  }
  json.EndArray();
  json.Key("moves");
  json.BeginArray();
  for (const ClusterReport::Move& move : report.moves) {
    json.BeginObject();
    json.Key("at");
    json.String(FormatRfc3339(move.at));
    TextOrNull("namespace", NameOf(table, move.number), &json);
    TextOrNull("from", move.from, &json);
    json.Key("to");
    json.String(move.to);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return JsonResponse(200, std::move(body));
}

Result<Asked> AskForDrain(const Asking& asking, bool draining) {
  const auto& drain = asking.tools->options->drain;
  if (!drain) return NoCluster();
  return Asked(AskElsewhere([drain, draining, member = asking.route.argument](std::function<void(HttpResponse)> then) {
    drain(member, draining, [then = std::move(then)](const Status& status) {
      HttpResponse response;
      response.status = 204;
      then(status.ok() ? std::move(response) : ProblemResponse(status));
    });
  }));
}

}  // namespace

Result<Asked> ReadCluster(const Asking& asking) {
  const auto& cluster = asking.tools->options->cluster;
  if (!cluster) return NoCluster();
  return Asked(ClusterResponse(cluster(), *asking.asker.table));
}

Result<Asked> ReadMemberDrain(const Asking& asking) {
  return AskForDrain(asking, /*draining=*/true);
}

Result<Asked> ReadMemberDrainEnd(const Asking& asking) {
  return AskForDrain(asking, /*draining=*/false);
}

}  // namespace notifyd
