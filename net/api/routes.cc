#include "net/api/routes.h"

#include <algorithm>

#include "net/api/admin_requests.h"
#include "net/api/alert_requests.h"
#include "net/api/backup_requests.h"
#include "net/api/cluster_requests.h"
#include "net/api/console_requests.h"
#include "net/api/debug_requests.h"
#include "net/api/demand.h"
#include "net/api/fields.h"
#include "net/api/figures_requests.h"
#include "net/api/list_of_all.h"
#include "net/api/requests.h"
#include "net/api/responses.h"
#include "net/api/schedule_requests.h"
#include "net/api/service_requests.h"
#include "net/api/topic_requests.h"

namespace notifyd {
namespace {

using enum Parameters;
using Sphere = Need::Sphere;

constexpr ScopeSet kNobody = {};
constexpr ScopeSet kAnyScope = ScopeSet::All();
constexpr ScopeSet kLooks = {Scope::kRead, Scope::kAdmin};
constexpr ScopeSet kRegisters = {Scope::kRegister, Scope::kOperate};
constexpr ScopeSet kOwn = {Scope::kSubmit, Scope::kRead};  // who submits sees what his own caller submitted

constexpr RouteRow kRoutes[] = {
    {"/v1/notifies", Verb::kGet, kRead, ReadList, {Scope::kRead}, DemandOfList, nullptr, Sphere::kNamespace, false, /*sums=*/true},
    {"/v1/notifies", Verb::kPost, kRead, ReadSubmit, {Scope::kSubmit}, DemandOfSubmit, nullptr, Sphere::kNamespace, /*lines=*/true},
    {"/v1/notifies/retry", Verb::kPost, kNone, ReadBulk<BulkKind::kRetry>, {Scope::kOperate}, nullptr, "notifies_retried"},
    {"/v1/notifies/cancel", Verb::kPost, kNone, ReadBulk<BulkKind::kCancel>, {Scope::kOperate}, nullptr, "notifies_cancelled"},
    {"/v1/notifies/purge", Verb::kPost, kNone, ReadBulk<BulkKind::kPurge>, {Scope::kOperate}, nullptr, "notifies_purged"},
    {"/v1/notifies/{id}", Verb::kGet, kRead, ReadGet, kOwn, DemandOfNotify},
    {"/v1/notifies/{id}", Verb::kPatch, kNone, ReadChange, {Scope::kOperate}, DemandOfNotify, "notify_changed"},
    {"/v1/notifies/{id}", Verb::kDelete, kNone, ReadCancel, {Scope::kOperate}, DemandOfNotify, "notify_cancelled"},
    {"/v1/notifies/{id}/explain", Verb::kGet, kNone, ReadExplain, kOwn},
    {"/v1/notifies/{id}/response", Verb::kGet, kRead, ReadResponse, {Scope::kReadBodies, Scope::kSubmit}, DemandOfResponse},
    {"/v1/notifies/{id}/retry", Verb::kPost, kRead, ReadRetryOfOne, {Scope::kOperate}, nullptr, "notify_retried"},
    {"/v1/groups", Verb::kGet, kRead, ReadGroups, {Scope::kRead}, DemandOfPage},
    {"/v1/groups", Verb::kPost, kRead, ReadGroupMaking, {Scope::kSubmit}, DemandOfGroup},
    {"/v1/groups/{id}", Verb::kGet, kRead, ReadGroupGet, kOwn, DemandOfGroup},
    {"/v1/groups/{id}", Verb::kDelete, kNone, ReadGroupCancel, {Scope::kOperate}, DemandOfGroup, "group_cancelled"},
    {"/v1/fkeys/{fkey}", Verb::kGet, kNone, ReadFkeyGet, kOwn, DemandOfNotify},
    {"/v1/fkeys/{fkey}", Verb::kDelete, kNone, ReadFkeyCancel, {Scope::kOperate}, DemandOfNotify, "fkey_cancelled"},
    {"/v1/fkeys/{fkey}/trigger", Verb::kPost, kRead, ReadTrigger, {Scope::kSubmit}},
    {"/v1/topics", Verb::kGet, kRead, ReadTopics, {Scope::kRead}, DemandOfPage},
    {"/v1/topics/{topic}", Verb::kGet, kNone, ReadTopic, {Scope::kRead}, DemandOfDocument},
    {"/v1/topics/{topic}", Verb::kPut, kNone, ReadTopicPut, {Scope::kOperate}, nullptr, "topic_put"},
    {"/v1/topics/{topic}", Verb::kDelete, kNone, ReadTopicRemoval, {Scope::kOperate}, nullptr, "topic_removed"},
    {"/v1/topics/{topic}/publish", Verb::kPost, kNone, ReadPublish, {Scope::kSubmit}, DemandOfSubmit, nullptr, Sphere::kNamespace, /*lines=*/true},
    {"/v1/topics/{topic}/events", Verb::kGet, kRead, ReadEvents, {Scope::kRead}, DemandOfPage},
    {"/v1/publish", Verb::kPost, kNone, ReadPublishOfMany, {Scope::kSubmit}, DemandOfSubmit, nullptr, Sphere::kNamespace, /*lines=*/true},
    {"/v1/events/{id}", Verb::kGet, kRead, ReadEvent, kOwn, DemandOfEvent},
    {"/v1/events/{id}/replay", Verb::kPost, kNone, ReadEventReplay, {Scope::kOperate}, nullptr, "event_replayed"},
    {"/v1/subscriptions", Verb::kGet, kRead, ReadSubscriptions, {Scope::kRead}, DemandOfPage},
    {"/v1/subscriptions/{name}", Verb::kGet, kNone, ReadSubscription, {Scope::kRead}, DemandOfDocument},
    {"/v1/subscriptions/{name}", Verb::kPut, kNone, ReadSubscriptionPut, {Scope::kOperate}, nullptr, "subscription_put"},
    {"/v1/subscriptions/{name}", Verb::kDelete, kRead, ReadSubscriptionRemoval, {Scope::kOperate}, nullptr, "subscription_removed"},
    {"/v1/subscriptions/{name}/replay", Verb::kPost, kNone, ReadSubscriptionReplay, {Scope::kOperate}, nullptr, "subscription_replayed"},
    {"/v1/subscriptions/{name}/apply", Verb::kPost, kNone, ReadSubscriptionApply, {Scope::kOperate}, nullptr, "subscription_applied"},
    {"/v1/schedules", Verb::kGet, kRead, ReadSchedules, {Scope::kRead}, DemandOfPage},
    {"/v1/schedules/{name}", Verb::kGet, kNone, ReadScheduleGet, {Scope::kRead}, DemandOfDocument},
    {"/v1/schedules/{name}", Verb::kPut, kNone, ReadSchedulePut, {Scope::kOperate}, DemandOfDocument, "schedule_put"},
    {"/v1/schedules/{name}", Verb::kPatch, kNone, ReadScheduleChange, {Scope::kOperate}, DemandOfDocument, "schedule_changed"},
    {"/v1/schedules/{name}", Verb::kDelete, kNone, ReadScheduleRemoval, {Scope::kOperate}, nullptr, "schedule_removed"},
    {"/v1/schedules/{name}/run", Verb::kPost, kNone, ReadScheduleRun, {Scope::kOperate}, nullptr, "schedule_run"},
    {"/v1/lanes", Verb::kGet, kRead, ReadLanes, {Scope::kRead}, DemandOfPage},
    {"/v1/lanes/{mode}/{name}", Verb::kGet, kNone, ReadLane, {Scope::kRead}},
    {"/v1/lanes/{mode}/{name}", Verb::kPatch, kNone, ReadLaneChange, {Scope::kOperate}, nullptr, "lane_changed"},
    {"/v1/callers", Verb::kGet, kRead, ReadCallers, {Scope::kRead}, DemandOfWhole},
    {"/v1/callers/{caller}", Verb::kGet, kNone, ReadCaller, {Scope::kRead}},
    {"/v1/callers/{caller}", Verb::kPatch, kNone, ReadCallerChange, {Scope::kOperate}, nullptr, "caller_changed"},
    {"/v1/hosts", Verb::kGet, kRead, ReadHosts, {Scope::kRead}, DemandOfPage},
    {"/v1/hosts/{host}", Verb::kGet, kNone, ReadHost, {Scope::kRead}},
    {"/v1/hosts/{host}", Verb::kPatch, kNone, ReadHostChange, {Scope::kOperate}, nullptr, "host_changed"},
    {"/v1/hosts/{host}/probe", Verb::kPost, kNone, ReadHostProbe, {Scope::kOperate}, nullptr, "host_probed"},
    {"/v1/services", Verb::kGet, kRead, ReadServices, {Scope::kRead}, DemandOfPage},
    {"/v1/services/{name}", Verb::kGet, kNone, ReadService, {Scope::kRead}, DemandOfDocument},
    {"/v1/services/{name}", Verb::kPut, kNone, ReadServicePut, {Scope::kOperate}, DemandOfDocument, "service_put"},
    {"/v1/services/{name}", Verb::kDelete, kNone, ReadServiceRemoval, {Scope::kOperate}, nullptr, "service_deleted"},
    {"/v1/services/{name}/instances", Verb::kGet, kRead, ReadInstances, {Scope::kRead}, DemandOfInstances},
    {"/v1/services/{name}/instances/{id}", Verb::kGet, kNone, ReadInstance, {Scope::kRead}},
    {"/v1/services/{name}/instances/{id}", Verb::kPut, kNone, ReadInstancePut, kRegisters, nullptr, "instance_registered", Sphere::kNamespace, false,
     false, /*first_alone=*/true},
    {"/v1/services/{name}/instances/{id}", Verb::kDelete, kNone, ReadInstanceRemoval, kRegisters, nullptr, "instance_deleted"},
    {"/v1/stats", Verb::kGet, kRead, ReadStats, {Scope::kRead}, nullptr, nullptr, Sphere::kNamespace, false, /*sums=*/true},
    {"/v1/history", Verb::kGet, kRead, ReadHistory, {Scope::kRead}, DemandOfHistory},
    {"/v1/due", Verb::kGet, kRead, ReadDue, {Scope::kRead}, DemandOfWhole},
    {"/v1/live", Verb::kGet, kNone, ReadLive, {Scope::kRead}},
    {"/v1/namespaces", Verb::kGet, kRead, ReadNamespaces, kLooks, DemandOfPage, nullptr, Sphere::kNone},
    {"/v1/namespaces/{ns}", Verb::kGet, kNone, ReadNamespace, kLooks},
    {"/v1/namespaces/{ns}", Verb::kPut, kNone, ReadNamespacePut, {Scope::kAdmin}, nullptr, nullptr, Sphere::kNone},
    {"/v1/namespaces/{ns}", Verb::kPatch, kNone, ReadNamespaceChange, {Scope::kAdmin}},
    {"/v1/namespaces/{ns}", Verb::kDelete, kRead, ReadNamespaceRemoval, {Scope::kAdmin}},
    {"/v1/namespaces/{ns}/keys", Verb::kPost, kNone, ReadKeyMaking, {Scope::kAdmin}},
    {"/v1/namespaces/{ns}/keys/{name}", Verb::kDelete, kNone, ReadKeyRemoval, {Scope::kAdmin}},
    {"/v1/tokens", Verb::kGet, kRead, ReadTokens, {Scope::kAdmin}, DemandOfPage, nullptr, Sphere::kNone},
    {"/v1/tokens", Verb::kPost, kNone, ReadTokenMaking, {Scope::kAdmin}, nullptr, nullptr, Sphere::kNone},
    {"/v1/tokens/{id}", Verb::kGet, kNone, ReadToken, {Scope::kAdmin}, nullptr, nullptr, Sphere::kNone},
    {"/v1/tokens/{id}", Verb::kPatch, kNone, ReadTokenChange, {Scope::kAdmin}, nullptr, nullptr, Sphere::kNone},
    {"/v1/tokens/{id}", Verb::kDelete, kNone, ReadTokenRemoval, {Scope::kAdmin}, nullptr, nullptr, Sphere::kNone},
    {"/v1/tokens/{id}/rotate", Verb::kPost, kNone, ReadTokenRotation, {Scope::kAdmin}, nullptr, nullptr, Sphere::kNone},
    {"/v1/audit", Verb::kGet, kRead, ReadAudit, {Scope::kAdmin}, DemandOfPage, nullptr, Sphere::kNone},
    {"/v1/alerts", Verb::kGet, kNone, ReadAlerts, {Scope::kRead}, DemandOfWhole, nullptr, Sphere::kAll},
    {"/v1/alerts/{name}", Verb::kGet, kNone, ReadAlert, {Scope::kRead}, DemandOfDocument, nullptr, Sphere::kAll},
    {"/v1/alerts/{name}/test", Verb::kPost, kNone, ReadAlertTest, {Scope::kOperate}, nullptr, "alert_tested", Sphere::kAll},
    {"/v1/rekey", Verb::kGet, kNone, ReadRekey, {Scope::kAdmin}, nullptr, nullptr, Sphere::kAll},
    {"/v1/rekey", Verb::kPost, kNone, ReadRekeyBeginning, {Scope::kAdmin}, nullptr, "rekey_begun", Sphere::kAll},
    {"/v1/backups", Verb::kGet, kRead, ReadBackups, {Scope::kAdmin}, DemandOfPage, nullptr, Sphere::kAll},
    {"/v1/backups", Verb::kPost, kNone, ReadBackupMaking, {Scope::kAdmin}, nullptr, "backup_begun", Sphere::kAll},
    {"/v1/backups/{name}", Verb::kGet, kNone, ReadBackup, {Scope::kAdmin}, nullptr, nullptr, Sphere::kAll},
    {"/v1/backups/{name}", Verb::kDelete, kNone, ReadBackupRemoval, {Scope::kAdmin}, nullptr, "backup_removed", Sphere::kAll},
    {"/v1/cluster", Verb::kGet, kNone, ReadCluster, {Scope::kAdmin}, DemandOfWhole, nullptr, Sphere::kAll},
    {"/v1/cluster/members/{name}/drain", Verb::kPost, kNone, ReadMemberDrain, {Scope::kAdmin}, nullptr, "member_drained", Sphere::kAll},
    {"/v1/cluster/members/{name}/drain", Verb::kDelete, kNone, ReadMemberDrainEnd, {Scope::kAdmin}, nullptr, "member_drain_ended", Sphere::kAll},
    {"/v1/whoami", Verb::kGet, kNone, ReadWhoami, kAnyScope, nullptr, nullptr, Sphere::kNone},
    {"/console", Verb::kGet, kIgnored, ReadConsoleRedirect, kNobody},
    {"/console/", Verb::kGet, kIgnored, ReadConsole, kNobody, DemandOfConsole},
    {"/console/{file}", Verb::kGet, kIgnored, ReadConsole, kNobody, DemandOfConsole},
    {"/v1/debug/profile", Verb::kGet, kRead, ReadDebugProfile, {Scope::kAdmin}, nullptr, nullptr, Sphere::kAll},
    {"/v1/debug/state", Verb::kGet, kNone, ReadDebugState, {Scope::kAdmin}, DemandOfWhole, nullptr, Sphere::kAll},
    {"/.well-known/jwks.json", Verb::kGet, kRead, ReadJwks, kNobody},
    {"/metrics", Verb::kGet, kIgnored, ReadMetrics, {Scope::kMetrics}, DemandOfMetrics, nullptr, Sphere::kAll},
    {"/healthz", Verb::kGet, kIgnored, ReadHealthz, kNobody, DemandOfProbe},
    {"/readyz", Verb::kGet, kIgnored, ReadReadyz, kNobody, DemandOfProbe},
};

/// Says its query "namespaces=all"? What else it says is for the reader.
bool AsksForAll(std::string_view query) {
  Result<QueryParameters> parameters = ParseQuery(query);
  return parameters.ok() && notifyd::AsksForAll(*parameters);
}

}  // namespace

bool AsksMembers(std::string_view query) {
  Result<QueryParameters> parameters = ParseQuery(query);
  return parameters.ok() && std::any_of(parameters->begin(), parameters->end(),
                                        [](const auto& parameter) { return parameter.first == "members" && parameter.second == "all"; });
}

std::span<const RouteRow> AllRoutes() {
  return kRoutes;
}

Need NeedOf(const Result<Route>& route) {
  if (!route.ok() || !route->row) return {.known = false};
  const RouteRow& row = *route->row;
  Need need{.open = row.open(), .scopes = row.scopes, .sphere = row.sphere, .changes = row.changes()};
  if (row.sphere == Sphere::kNamespace) need.named = route->space;
  if (row.sums && !route->space && !route->query.empty() && AsksForAll(route->query)) need.sphere = Sphere::kAll;
  if (!row.names_notify() && !row.names_group() && !row.names_event()) return need;
  if (std::optional<NotifyId> id = ReadId(route->argument)) need.id_number = id->number();
  return need;
}

bool Serves(const ServedParts& parts, const RouteRow& row) {
  if (row.of_console()) return parts.console;
  if (parts.control) return row.path.starts_with("/v1/tokens") || row.path.starts_with("/v1/backups") || row.path == "/v1/rekey";
  if (row.path == "/healthz" || row.path == "/readyz") return parts.health;
  if (row.scopes.Has(Scope::kMetrics)) return parts.metrics;
  return row.scopes.HasAny({Scope::kRead, Scope::kReadBodies, Scope::kOperate, Scope::kAdmin}) ? parts.admin : parts.rest;
}

}  // namespace notifyd
