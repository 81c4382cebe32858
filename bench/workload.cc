#include "bench/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/check.h"
#include "base/random.h"

namespace notifyd::bench {
namespace {

constexpr size_t kPadPool = 1 << 20;

/// Letters and digits at random: a payload that compresses no better than most.
std::string PadPool(uint64_t seed) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  Random random(seed);
  std::string pool(kPadPool, '\0');
  for (size_t i = 0; i < pool.size(); i += 8) {
    uint64_t bits = random.Next();
    for (size_t j = i; j < i + 8; ++j, bits >>= 6) pool[j] = kLetters[bits & 63];
  }
  return pool;
}

/// The number behind the first "n": of the body, which the broker may have written anew with blanks.
bool NumberOf(std::string_view body, uint64_t* number) {
  constexpr std::string_view kName = "\"n\"";
  size_t at = body.substr(0, 256).find(kName);
  if (at == std::string_view::npos) return false;
  at = body.find_first_not_of(" :", at + kName.size());
  if (at == std::string_view::npos) return false;
  return std::from_chars(body.data() + at, body.data() + body.size(), *number).ec == std::errc();
}

}  // namespace

Workload::Workload(WorkloadPlan plan) : plan_(std::move(plan)), pad_(PadPool(plan_.seed)), sent_ns_(new std::atomic<int64_t>[plan_.count]) {
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
  size_t begin = body->size();
  fmt::format_to(out, "{{\"n\":{},\"pad\":\"", number);
  size_t written = body->size() - begin + 2;  // the quote and the brace that end it
  size_t wanted = plan_.payload_bytes > written ? plan_.payload_bytes - written : 0;
  size_t from = number * 0x9E3779B97F4A7C15ull % (kPadPool / 2);
  while (wanted > 0) {
    size_t piece = std::min(wanted, kPadPool - from);
    body->append(pad_, from, piece);
    wanted -= piece;
    from = 0;
  }
  body->append("\"}}");
}

size_t Workload::Next(int connection, int64_t now_ns, std::string* body) {
  size_t taken = 0;
  uint64_t number = 0;
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
