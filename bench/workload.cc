#include "bench/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/check.h"
#include "base/random.h"

namespace notifyd::bench {
// It stands behind the first "n": of the body, which the broker may have written anew with blanks.
bool NumberOf(std::string_view body, uint64_t* number) {
  constexpr std::string_view kName = "\"n\"";
  size_t at = body.substr(0, 256).find(kName);
  if (at == std::string_view::npos) return false;
  at = body.find_first_not_of(" :", at + kName.size());
  if (at == std::string_view::npos) return false;
  return std::from_chars(body.data() + at, body.data() + body.size(), *number).ec == std::errc();
}

WorkloadPlan FarOffPlan(uint64_t seed, int64_t ahead_ms, int64_t spread_ms) {
  WorkloadPlan plan;
  plan.url = "http://127.0.0.1:9/n";
  plan.batch = 1000;
  plan.connections = 4;
  plan.seed = seed;
  const int64_t begin_ms = WallNanos() / 1'000'000 + ahead_ms;
  plan.due_ms = [begin_ms, spread_ms, seed](uint64_t number) {
    return begin_ms + static_cast<int64_t>(Random(seed ^ number << 20).Below(static_cast<uint64_t>(spread_ms)));
  };
  return plan;
}

Workload::Workload(WorkloadPlan plan)
    : plan_(std::move(plan)), payloads_(plan_.seed, plan_.payload_bytes), sent_ns_(new std::atomic<int64_t>[plan_.count]) {
  CHECK(plan_.batch > 0 && plan_.lanes > 0 && (!plan_.fifo || static_cast<uint64_t>(plan_.connections) <= plan_.lanes));
  for (uint64_t i = 0; i < plan_.count; ++i) sent_ns_[i].store(0, std::memory_order_relaxed);
  SetUrl(plan_.url);
  for (int i = 0; i < plan_.connections; ++i) cursors_.push_back({static_cast<uint64_t>(i), 0});
}

void Workload::SetUrl(const std::string& url) {
  before_lane_ = fmt::format(R"({{"url":"{}"{}{},"lane":"{}-)", url, plan_.fifo ? R"(,"mode":"fifo")" : "", plan_.more_fields, plan_.lane_name);
}

bool Workload::Take(int connection, uint64_t* number) {
  if (!plan_.fifo) {
    if (next_ == plan_.count) return false;
    *number = next_++;
    return true;
  }
  // Lane by lane, then the next number of each: rising within a lane.
  Cursor& cursor = cursors_[static_cast<size_t>(connection)];
  if (cursor.lane >= plan_.lanes) {
    cursor.lane = static_cast<uint64_t>(connection);
    ++cursor.round;
  }
  *number = cursor.round * plan_.lanes + cursor.lane;
  cursor.lane += static_cast<uint64_t>(plan_.connections);
  return *number < plan_.count;
}

void Workload::Write(uint64_t number, std::string* body) const {
  auto out = std::back_inserter(*body);
  body->append(before_lane_);
  fmt::format_to(out, "{}\"", number % plan_.lanes);
  if (plan_.due_ms) fmt::format_to(out, ",\"due_at\":{}", plan_.due_ms(number));
  body->append(",\"data\":");
  payloads_.Append(number, body);
  body->push_back('}');
}

size_t Workload::Next(int connection, int64_t now_ns, std::string* body) {
  size_t taken = 0;
  uint64_t number = 0;
  if (plan_.until_ns != 0 && now_ns >= plan_.until_ns) return 0;
  if (plan_.batch > 1) body->push_back('[');
  while (taken < plan_.batch && Take(connection, &number)) {
    if (taken++) body->push_back(',');
    sent_ns_[number].store(now_ns, std::memory_order_relaxed);
    Write(number + plan_.first, body);
  }
  if (plan_.batch > 1) body->push_back(']');
  return taken;
}

Arrivals::Arrivals(ArrivalsPlan plan) : plan_(plan), seen_(plan.count, false), highest_(plan.fifo ? plan.lanes : 0, -1) {}

void Arrivals::OnRequest(const ReceivedRequest& request) {
  uint64_t number = 0;
  if (!NumberOf(request.body, &number) || number >= plan_.count) {
    ++strangers_;
    return;
  }
  if (seen_[number]) {
    ++duplicates_;
    return;
  }
  seen_[number] = true;
  last_arrival_ns_ = request.arrived_mono_ns;
  if (plan_.fifo) {
    int64_t& highest = highest_[number % plan_.lanes];
    if (static_cast<int64_t>(number) < highest) ++order_violations_;
    highest = std::max(highest, static_cast<int64_t>(number));
  }
  if (plan_.workload) latency_.Add((request.arrived_mono_ns - plan_.workload->SubmittedAtNs(number)) / 1000);
  if (plan_.due_ms) {
    int64_t late_ns = request.arrived_wall_ns - (*plan_.due_ms)[number] * 1'000'000;
    if (late_ns < 0) ++early_;
    lateness_.Add(late_ns / 1000);
  }
  unique_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace notifyd::bench
