#include "cli/client/top_data.h"

#include <algorithm>
#include <utility>

namespace notifyd {
namespace {

constexpr int kLanePages = 4;
constexpr size_t kPageLanes = 500, kFailures = 5;

using Value = JsonTree::Value;

Result<std::string> BodyOf(const std::string& path, HttpAnswer answer) {
  if (!answer.Done()) return Status(Code::kUnacceptable, path + ": " + ProblemText(answer));
  return std::move(answer.body);
}

/// The answer's body, or why there is none.
Result<std::string> Fetch(HttpClient* client, const std::string& path) {
  Result<HttpAnswer> answer = client->Call("GET", path);
  if (!answer.ok()) return answer.status();
  return BodyOf(path, *std::move(answer));
}

Result<JsonTree> FetchJson(HttpClient* client, const std::string& path) {
  Result<std::string> body = Fetch(client, path);
  if (!body.ok()) return body.status();
  Result<JsonTree> tree = JsonTree::Parse(*body);
  if (!tree.ok() || tree->root().kind() != JsonTree::Kind::kObject) return Status(Code::kMalformed, path + ": the answer is not a JSON object");
  return tree;
}

TopLane LaneOf(Value value) {
  TopLane lane;
  lane.json = std::string(value.raw());
  lane.name = TextAt(value, "/name");
  lane.mode = TextAt(value, "/mode");
  lane.oldest_due_at = TextAt(value, "/oldest_due_at");
  lane.paused = Cell(value.At("/paused")) == "true";
  lane.paused_by = TextAt(value, "/own/paused_by");
  for (const char* state : kPendingStates) lane.pending += NumberAt(value, std::string("/states/") + state);
  lane.ready = NumberAt(value, "/states/ready");
  lane.retrying = NumberAt(value, "/states/retrying");
  lane.in_flight = NumberAt(value, "/in_flight");
  if (uint64_t age_ms = NumberAt(value, "/head_age_ms", UINT64_MAX); age_ms != UINT64_MAX) lane.head_age_ms = age_ms;
  return lane;
}

Status FetchLanes(HttpClient* client, TopView* view) {
  std::string cursor;
  for (int page = 0; page < kLanePages; ++page) {
    std::string path = "/v1/lanes?limit=" + std::to_string(kPageLanes) + (cursor.empty() ? "" : "&cursor=" + HttpClient::Encode(cursor));
    Result<JsonTree> tree = FetchJson(client, path);
    if (!tree.ok()) return tree.status();
    if (std::optional<Value> items = tree->root().At("/items"); items && items->kind() == JsonTree::Kind::kArray)
      items->ForEach([&](Value, Value lane) { view->lanes.push_back(LaneOf(lane)); });
    cursor = TextAt(tree->root(), "/next");
    if (cursor.empty()) return Status::Ok();
  }
  view->all_lanes = false;
  return Status::Ok();
}

Status FetchFailures(HttpClient* client, TopView* view) {
  Result<JsonTree> tree = FetchJson(client, "/v1/notifies?state=failed&limit=" + std::to_string(kFailures));
  if (!tree.ok()) return tree.status();
  std::optional<Value> items = tree->root().At("/items");
  if (!items || items->kind() != JsonTree::Kind::kArray) return Status::Ok();
  items->ForEach([&](Value, Value item) {
    view->failures.push_back(
        {std::string(item.raw()), TextAt(item, "/id"), TextAt(item, "/settled_at"), TextAt(item, "/url"), TextAt(item, "/reason")});
  });
  return Status::Ok();
}

/// Totals only grow; where one went back, the broker is another one.
TopRates RatesBetween(const TopLook& before, const TopLook& now) {
  double seconds = std::max(0.001, std::chrono::duration<double>(now.at - before.at).count());
  auto rate = [&](uint64_t was, uint64_t is) { return is < was ? 0 : static_cast<double>(is - was) / seconds; };
  return {rate(before.accepted, now.accepted), rate(before.succeeded, now.succeeded), rate(before.failed, now.failed),
          rate(before.attempts, now.attempts), rate(before.retries, now.retries)};
}

}  // namespace

void SortLanes(LaneOrder order, std::vector<TopLane>* lanes) {
  auto age = [](const TopLane& lane) { return lane.head_age_ms ? static_cast<double>(*lane.head_age_ms) : -1.0; };
  std::stable_sort(lanes->begin(), lanes->end(), [&](const TopLane& a, const TopLane& b) {
    if (order == LaneOrder::kOldest && age(a) != age(b)) return age(a) > age(b);
    if (a.pending != b.pending) return a.pending > b.pending;
    return age(a) > age(b);
  });
}

Result<TopLook> LookAtCounters(HttpClient* client) {
  Result<JsonTree> stats = FetchJson(client, "/v1/stats");
  if (!stats.ok()) return stats.status();
  TopLook look;
  look.at = std::chrono::steady_clock::now();
  Value root = stats->root();
  look.stats = std::string(root.raw());
  look.accepted = NumberAt(root, "/totals/accepted");
  look.succeeded = NumberAt(root, "/totals/succeeded");
  look.failed = NumberAt(root, "/totals/failed");
  look.attempts = NumberAt(root, "/totals/attempts");
  look.retries = NumberAt(root, "/totals/retries");
  look.in_flight = static_cast<double>(NumberAt(root, "/states/sending"));
  // They are the broker's as a whole, and not for everybody.
  if (!client->space().empty()) return look;
  Result<HttpAnswer> answer = client->Call("GET", "/metrics");
  if (!answer.ok()) return answer.status();
  if (answer->status == 403 || answer->status == 404) return look;
  Result<std::string> metrics = BodyOf("/metrics", *std::move(answer));
  if (!metrics.ok()) return metrics.status();
  look.lateness = MetricBuckets(*metrics, "notifyd_lateness_seconds");
  look.acknowledgement = MetricBuckets(*metrics, "notifyd_acknowledgement_seconds");
  look.in_flight = MetricValue(*metrics, "notifyd_calls_in_flight");
  return look;
}

Result<TopView> LookAtAll(HttpClient* client, const TopLook* before, const TopLook& now, LaneOrder order) {
  TopView view;
  view.server = client->server();
  view.stats = now.stats;
  view.in_flight = static_cast<uint64_t>(now.in_flight.value_or(0));
  if (before) {
    view.rates = RatesBetween(*before, now);
    view.lateness_p50_s = QuantileBetween(before->lateness, now.lateness, 0.5);
    view.lateness_p99_s = QuantileBetween(before->lateness, now.lateness, 0.99);
    view.acknowledgement_p99_s = QuantileBetween(before->acknowledgement, now.acknowledgement, 0.99);
  }
  if (Status fault = FetchLanes(client, &view); !fault.ok()) return fault;
  SortLanes(order, &view.lanes);
  for (const TopLane& lane : view.lanes) {
    // RFC 3339 in UTC with milliseconds: its order is the text's.
    if (!lane.oldest_due_at.empty() && (view.oldest_due_at.empty() || lane.oldest_due_at < view.oldest_due_at))
      view.oldest_due_at = lane.oldest_due_at;
    if (lane.head_age_ms) view.oldest_age_ms = std::max(view.oldest_age_ms.value_or(0), *lane.head_age_ms);
  }
  if (Status fault = FetchFailures(client, &view); !fault.ok()) return fault;
  return view;
}

}  // namespace notifyd
