#include "net/api/demand.h"

#include <algorithm>
#include <optional>

#include "broker/response_records.h"
#include "broker/service_events.h"
#include "broker/topic_events.h"
#include "broker/topic_records.h"
#include "net/api/fields.h"
#include "net/api/group_json.h"
#include "net/api/json_shape.h"
#include "net/api/list_query.h"
#include "net/api/resource.h"
#include "net/api/routes.h"
#include "net/api/waits.h"

namespace notifyd {
namespace {

/// Names and defaults of one notify, and what its attempts usually say.
constexpr size_t kShownBesideBytes = 128 << 10;
/// The shortest notify of a batch, and what its answer takes beside the lane's name, which is the submitter's or made of the URL.
constexpr size_t kLeastItemBytes = 18, kItemAnswerBytes = 200;
/// Of a row in a list of notifies: a long URL with headers.
constexpr size_t kRowMostBytes = 32 << 10;
/// The greatest `limit` of a list.
constexpr int64_t kMostListed = 1000;
/// Bodies below it have no answer that is worth reserving for.
constexpr size_t kSmallBodyBytes = 16 << 10;

/// The metrics of several members, each with its lanes and namespaces.
constexpr size_t kMetricsOfMembersBytes = 1 << 20;

/// What waits holds nothing meanwhile: there is room to be found once what it waits for has come.
bool Waits(std::string_view query) {
  return AskedWaitMs(query) > 0;
}

/// How many items a list is asked for. What no reader takes is refused.
size_t LimitOf(std::string_view query) {
  if (Result<QueryParameters> parameters = ParseQuery(query); parameters.ok()) {
    for (const auto& [name, value] : *parameters)
      if (const std::optional<int64_t> limit = name == "limit" ? ParseInteger(value) : std::nullopt)
        return static_cast<size_t>(std::clamp<int64_t>(*limit, 1, kMostListed));
  }
  return ListQuery().limit;
}

size_t ListAnswerBytes(std::string_view query) {
  const size_t limit = LimitOf(query);
  // Escapes take some more. The page's last row may go beyond; few rows cannot take that much.
  return std::min(kListPageBytes * 5 / 4, limit * kRowMostBytes) + limit * kListRowBytes;
}

HttpDemand Shows(size_t bytes) {
  return {.answer_bytes = bytes, .waits = true};
}

/// Of what is stored of it.
size_t BytesIn(const NotifyView& view) {
  size_t bytes = view.record->spec->size();
  for (const AttemptRecord& attempt : view.record->attempts) bytes += attempt.response_body.size() + attempt.detail.size();
  return bytes;
}

}  // namespace

HttpDemand DemandOf(const HttpRequest& request, const Result<Route>& route, const ApiOptions& options) {
  if (!route.ok() || !route->row || !route->row->demand) return {};
  return route->row->demand(*route, request.body.size(), options);
}

HttpDemand DemandOfProbe(const Route&, size_t, const ApiOptions&) {
  return {.probe = true};
}

HttpDemand DemandOfMetrics(const Route& route, size_t, const ApiOptions& options) {
  if (options.places == nullptr || !AsksMembers(route.query)) return {.probe = true};
  return {.answer_bytes = kMetricsOfMembersBytes, .waits = true};
}

HttpDemand DemandOfList(const Route& route, size_t, const ApiOptions&) {
  return Shows(ListAnswerBytes(route.query));
}

HttpDemand DemandOfSubmit(const Route&, size_t body_bytes, const ApiOptions& options) {
  if (body_bytes <= kSmallBodyBytes) return {};
  size_t items = std::min(options.max_batch_items, body_bytes / kLeastItemBytes);
  return {.answer_bytes = items * kItemAnswerBytes + std::min(body_bytes, items * 256)};
}

HttpDemand DemandOfNotify(const Route& route, size_t, const ApiOptions& options) {
  return Waits(route.query) ? HttpDemand() : Shows(2 * options.max_body_bytes + kShownBesideBytes);
}

HttpDemand DemandOfGroup(const Route& route, size_t, const ApiOptions&) {
  return Waits(route.query) ? HttpDemand() : Shows(kListPageBytes + 2 * kMostResponseBytes);
}

HttpDemand DemandOfInstances(const Route& route, size_t body_bytes, const ApiOptions& options) {
  return Waits(route.query) ? HttpDemand() : DemandOfPage(route, body_bytes, options);
}

HttpDemand DemandOfPage(const Route& route, size_t, const ApiOptions&) {
  // The rows as they are stored and as they are decoded, and the answer; beside each row's own, what it takes in memory and what stands around it.
  return Shows(3 * kListPageBytes + LimitOf(route.query) * 2 * kListRowBytes);
}

HttpDemand DemandOfEvent(const Route& route, size_t body_bytes, const ApiOptions& options) {
  // Its payload as it is stored, decoded and shown, and with those of its notifies that are read at once, before and after (LookAtNotifies).
  const HttpDemand page = DemandOfPage(route, body_bytes, options);
  return Shows(page.answer_bytes + 5 * options.max_body_bytes);
}

HttpDemand DemandOfWhole(const Route&, size_t, const ApiOptions&) {
  return Shows(2 * kListPageBytes);
}

HttpDemand DemandOfDocument(const Route&, size_t, const ApiOptions&) {
  return Shows(2 * kLargeJsonBytes + kShownBesideBytes);
}

size_t BytesToShow(const NotifyView& view) {
  return kShownBesideBytes + 2 * BytesIn(view);
}

size_t BytesIn(const ReplyBody& reply) {
  if (const Viewed* viewed = std::get_if<Viewed>(&reply)) return BytesIn(viewed->view);
  if (const Unmerged* unmerged = std::get_if<Unmerged>(&reply)) return unmerged->spec->size();
  if (const ResponseViewed* viewed = std::get_if<ResponseViewed>(&reply)) return viewed->response->body.size();
  if (const GroupAnswered* group = std::get_if<GroupAnswered>(&reply)) return BytesToShow(*group->answer);
  if (const RememberedViewed* viewed = std::get_if<RememberedViewed>(&reply)) return viewed->trigger->data ? viewed->trigger->data->size() : 0;
  if (const Waited* waited = std::get_if<Waited>(&reply))
    return (waited->view ? BytesIn(*waited->view) : 0) + (waited->response ? waited->response->body.size() : 0);
  if (const TopicAnswered* answered = std::get_if<TopicAnswered>(&reply)) {
    const EventViewed* viewed = std::get_if<EventViewed>(&answered->answer->what);
    return viewed ? viewed->event.record->payload.size() : 0;
  }
  size_t bytes = 0;
  if (const Listed* listed = std::get_if<Listed>(&reply))
    for (const NotifyView& view : listed->items) bytes += view.record->spec->size();
  return bytes;
}

}  // namespace notifyd
