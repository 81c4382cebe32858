// What the auditor makes of starts, arrivals and ends: promises 2, 3 and 6, and the caps of promise 4.
#include "sim/auditor.h"

#include <algorithm>
#include <cmath>

#include "broker/spec.h"
#include "sim/workload.h"

namespace notifyd::sim {

Auditor::Auditor(const Profile& profile, const SimClock* clock) : profile_(profile), clock_(clock) {}

void Auditor::Violation(const std::string& text) {
  if (violations_.size() < 20) violations_.push_back("t=" + std::to_string(t()) + " " + text);
}

Auditor::Item* Auditor::ById(NotifyId id) {
  auto it = tokens_.find(id);
  return it == tokens_.end() ? nullptr : &items_.at(it->second);
}

Auditor::Item* Auditor::Link(NotifyId id, const std::string& spec) {
  uint64_t token = TokenOf(id, spec);
  if (token > kCallbackTokens) {
    // The broker made it: it is known from when it is on disk.
    const NotifyRecord* record = store_ ? written().Find(id) : nullptr;
    Item& item = items_[token];
    if (record && item.id.value == 0) {
      item = {};
      item.token = token;
      item.said.head = record->head;
      item.said.spec = record->spec;
      item.asked_t = item.known_t = t();
      by_lane_[record->head->lane].push_back(token);
      lane_hosts_[record->head->lane].insert(record->head->host);
      lanes_[record->head->lane];
      hosts_[record->head->host];
    }
  }
  auto item = items_.find(token);
  if (item == items_.end()) {
    Violation(id.ToString() + " was never submitted");
    return nullptr;
  }
  auto [known, fresh] = tokens_.emplace(id, token);
  if (known->second != token) Violation(id.ToString() + " stands for two submits");
  if (item->second.id.value != 0 && item->second.id != id)
    Violation("P1 one submit made two notifies: " + item->second.id.ToString() + " and " + id.ToString());
  if (fresh) {
    item->second.id = id;
    item->second.pending = true;
    pending_.insert(token);
    if (auto asked = cancels_asked_.find(id); asked != cancels_asked_.end()) item->second.cancel_asked_t = asked->second;
    if (auto asked = changes_asked_.find(id); asked != changes_asked_.end()) item->second.change_asked_t = asked->second;
    if (auto asked = retries_asked_.find(id); asked != retries_asked_.end()) item->second.retry_asked_t = asked->second;
  }
  return &item->second;
}

int64_t Auditor::StoreDelayMs() const {
  const FakeStoreOptions& store = profile_.store;
  return store.write_ms_max + store.sync_ms_max + store.answer_ms_max + store.read_ms_max + 2;
}

bool Auditor::HealthyHost(const std::string& host) const {
  for (size_t i = 0; i < profile_.hosts.size(); ++i)
    if (Receiver::HostName(i) == host) return profile_.hosts[i] == HostKind::kHealthy;
  return false;
}

bool Auditor::HealthyLane(const LaneKey& lane) const {
  const std::set<std::string>& hosts = lane_hosts_.at(lane);
  return std::all_of(hosts.begin(), hosts.end(), [&](const std::string& host) { return HealthyHost(host); });
}

// ---- the wire

void Auditor::OnStart(const StartAttempt& attempt) {
  ++tally_.starts;
  std::string name = attempt.id.ToString() + "#" + std::to_string(attempt.number);
  Item* item = Link(attempt.id, *attempt.spec);
  const NotifyRecord* durable = synced().Find(attempt.id);
  const NotifyRecord* record = written().Find(attempt.id);
  if (!item) return;
  if (!durable || !record) return Violation("P1 " + name + " starts before its notify is durable");
  if (IsSettled(durable->state.phase)) Violation("P2 " + name + " starts although a settled state is durable");
  if (durable->state.phase == Phase::kHeld && durable->state.due.ms > clock_->HighestWall(item->asked_t, t()))
    Violation("P6 " + name + " starts although it is held");
  if (StaysCancelled(*item)) Violation("P1 " + name + " starts after its cancel was acknowledged");
  if (item->in_flight) Violation("P2 " + name + " starts while another attempt of it is in flight");
  Result<NotifySpec> spec = DecodeSpec(*attempt.spec);
  for (const std::string& mark : item->marks_acked)
    if (!spec.ok() || spec->payload.find(mark) == std::string::npos)
      Violation("P1 " + name + " goes out without the data of its acknowledged trigger");
  if (*attempt.spec != *durable->spec) Violation("P1 " + name + " goes out with other contents than are durable");
  CheckPause(attempt);
  CheckNumber(*item, attempt.number, *record);
  CheckTime(*item, attempt.number, *record);
  CheckCaps(*attempt.head);
  if (attempt.head->lane.mode == Mode::kFifo) CheckFifo(*item, attempt.number, *record);

  if (item->attempts.count(attempt.number)) ++tally_.repeats;
  item->attempts[attempt.number] = Attempt{t(), -1, epoch_, 0, {}};
  item->in_flight = true;
  ++in_flight_;
  last_in_flight_t_ = t();
  for (Progress* progress : {&lanes_[attempt.head->lane], &hosts_[attempt.head->host]}) {
    ++progress->in_flight;
    progress->idle_since = -1;
  }
  last_in_lane_[attempt.head->lane] = {attempt.id, attempt.number};
}

void Auditor::OnArrived(NotifyId id, uint32_t number) {
  Item* item = ById(id);
  if (!item) return;
  if (++item->attempts[number].arrivals > 1) Violation("P2 " + id.ToString() + "#" + std::to_string(number) + " arrived twice without a crash");
}

void Auditor::OnEnded(NotifyId id, const AttemptResult& truth) {
  Item* item = ById(id);
  if (!item) return;
  Attempt& attempt = item->attempts[truth.record.number];
  attempt.end_t = t();
  attempt.truth = truth;
  item->in_flight = false;
  tally_.laters += truth.verdict == Verdict::kLater;
  item->succeeded |= truth.verdict == Verdict::kSuccess;
  --in_flight_;
  last_in_flight_t_ = t();
  --lanes_[item->said.head->lane].in_flight;
  --hosts_[item->said.head->host].in_flight;
}

// ---- promise 2

void Auditor::CheckNumber(const Item& item, uint32_t number, const NotifyRecord& record) {
  std::string name = record.id.ToString() + "#" + std::to_string(number);
  uint32_t last = item.attempts.empty() ? 0 : item.attempts.rbegin()->first;
  if (number < last) return Violation("P2 " + name + ": the number went back from " + std::to_string(last));
  if (number > last + 1) return Violation("P2 " + name + ": the number jumped from " + std::to_string(last));
  if (number == last) {
    if (item.attempts.at(last).epoch == epoch_) Violation("P2 " + name + " is repeated without a crash");
    if (record.state.attempts_made >= number) Violation("P2 " + name + " is repeated although its outcome is on disk");
  } else if (last > 0 && record.state.attempts_made < last) {
    Violation("P2 " + name + " starts before the outcome of the one before it is written");
  }
  uint32_t in_budget = number - record.state.attempts_before - record.state.laters;
  uint32_t budget = item.said.head->reply_none ? 1 : item.said.head->retry_policy().max_attempts;
  if (in_budget > budget) Violation("P2 " + name + " is over its budget of " + std::to_string(budget));
}

// ---- promise 6

int64_t Auditor::DueLowest(const Item& item) const {
  int64_t until = item.acked_t >= 0 ? item.acked_t : t();
  int64_t lowest = INT64_MIN;
  if (item.said.when.kind == When::Kind::kDelay) lowest = clock_->LowestWall(item.asked_t, until) + item.said.when.ms;
  if (item.said.when.kind == When::Kind::kAt) lowest = item.said.when.ms;
  if (item.said.when.kind == When::Kind::kAt && lowest <= clock_->HighestWall(item.asked_t, until)) lowest = INT64_MIN;  // past: at once
  if (!item.said.head->fkey.empty() && item.said.when.kind == When::Kind::kDefault) lowest = INT64_MAX;
  if (item.trigger_asked_t >= 0) lowest = std::min(lowest, item.trigger_due_lowest);
  if (item.retry_asked_t >= 0 || item.change_asked_t >= 0) lowest = INT64_MIN;
  return lowest;
}

int64_t Auditor::WaitLowest(const RetryPolicy& policy, uint32_t failures, int64_t retry_after_ms) {
  double wait = 0;
  if (!policy.schedule_ms.empty()) wait = static_cast<double>(policy.schedule_ms[std::min<size_t>(failures, policy.schedule_ms.size()) - 1]);
  else wait = std::min(static_cast<double>(policy.initial_ms) * std::pow(policy.factor, failures - 1), static_cast<double>(policy.max_ms));
  double asked = std::min(static_cast<double>(retry_after_ms), static_cast<double>(policy.max_ms));
  return static_cast<int64_t>(std::floor(std::max(wait * (1 - policy.jitter), asked))) - 1;
}

void Auditor::CheckTime(const Item& item, uint32_t number, const NotifyRecord& record) {
  std::string name = record.id.ToString() + "#" + std::to_string(number);
  int64_t wall = clock_->now().wall.ms;
  int64_t lowest = DueLowest(item);
  // What fell due while the clock was ahead stays due when it steps back.
  int64_t highest = clock_->HighestWall(item.asked_t, t());
  if (highest < lowest) Violation("P6 " + name + " starts " + (lowest == INT64_MAX ? "untriggered" : std::to_string(lowest - highest) + " ms early"));
  int64_t until = item.acked_t >= 0 ? item.acked_t : t();
  int64_t expires = INT64_MAX;
  if (item.said.ttl.kind == When::Kind::kDelay) expires = clock_->HighestWall(item.asked_t, until) + item.said.ttl.ms;
  if (item.said.ttl.kind == When::Kind::kAt) expires = item.said.ttl.ms;
  if (wall >= expires && item.retry_asked_t < 0 && item.change_asked_t < 0)
    Violation("P6 " + name + " starts " + std::to_string(wall - expires) + " ms after its expiry");

  const Attempt* before = number > 1 && item.attempts.count(number - 1) ? &item.attempts.at(number - 1) : nullptr;
  uint32_t failures = number - 1 - record.state.attempts_before;
  if (failures > 0) failures = std::max<uint32_t>(1, failures - record.state.laters);
  if (before && before->end_t >= 0 && failures > 0 && item.change_asked_t < before->end_t - kOvertakeMs &&
      item.retry_asked_t < before->end_t - kOvertakeMs && !item.attempts.count(number)) {
    int64_t wait = WaitLowest(item.said.head->retry_policy(), failures, before->truth.retry_after_ms);
    if (t() - before->end_t < wait)
      Violation("P6 " + name + " starts " + std::to_string(wait - (t() - before->end_t)) + " ms before its wait is over");
  }
  // Not late either, where nothing at all was in its way: nothing was in flight since it fell due, and nothing else happened to it.
  int64_t late = wall - record.state.due.ms;
  int64_t due_t = t() - late;
  bool undisturbed = number == 1 && record.head->lane.mode == Mode::kConcurrent && item.attempts.empty() && in_flight_ == 0 &&
                     last_in_flight_t_ < due_t && wall_step_t_ < due_t - 1000 && boot_t_ < due_t - 1000 && item.acked_t >= 0 &&
                     item.acked_t < due_t - 1000 && item.trigger_asked_t < due_t - 1000 && item.retry_asked_t < 0 && item.change_asked_t < 0 &&
                     !lane_asks_.count(record.head->lane) && profile_.limits.lane_rules.empty();
  if (undisturbed && late > 100 + 4 * StoreDelayMs())
    Violation("P6 " + name + " starts " + std::to_string(late) + " ms late with nothing in its way");
}

// ---- promises 3 and 4

void Auditor::CheckCaps(const NotifyHead& head) {
  const CoreLimits& limits = profile_.limits;
  if (in_flight_ >= limits.max_in_flight) Violation("P4 more in flight than " + std::to_string(limits.max_in_flight));
  if (hosts_[head.host].in_flight >= limits.max_in_flight_per_host)
    Violation("P4 more in flight at " + head.host + " than " + std::to_string(limits.max_in_flight_per_host));
  uint32_t lane_cap = head.lane.mode == Mode::kFifo ? 1 : std::max(limits.max_in_flight_per_lane, lane_asks_[head.lane].concurrency);
  if (lanes_[head.lane].in_flight >= lane_cap) Violation("P3 more in flight in lane " + head.lane.name + " than " + std::to_string(lane_cap));
}

void Auditor::CheckFifo(const Item& item, uint32_t number, const NotifyRecord& record) {
  std::string name = record.id.ToString() + "#" + std::to_string(number) + " in " + record.head->lane.name;
  auto last = last_in_lane_.find(record.head->lane);
  if (last != last_in_lane_.end() && last->second.first != record.id) {
    auto [before_id, before_number] = last->second;
    const NotifyRecord* before = written().Find(before_id);
    const Item* before_item = ById(before_id);
    bool outcome_lost = before_item && before_item->attempts.at(before_number).epoch != epoch_;  // by a crash
    if (before && before->state.attempts_made < before_number && !outcome_lost)
      Violation("P3 " + name + " starts before the outcome of " + before_id.ToString() + "#" + std::to_string(before_number) + " is written");
  }
  auto attempted = [](const NotifyRecord& r) { return r.state.attempts_made > r.state.attempts_before; };
  // Whose turn it is may have been decided a little earlier, where its body had to be read first: only what was due by then counts.
  int64_t decided_t = std::max(boot_t_, t() - 2 * StoreDelayMs());
  int64_t wall_then = clock_->LowestWall(decided_t, t());
  bool skips = lane_asks_[record.head->lane].ever_skipped || !profile_.limits.lane_rules.empty();
  for (uint64_t token : by_lane_[record.head->lane]) {
    const Item& other = items_.at(token);
    if (&other == &item || other.known_t < 0 || other.known_t > decided_t || !other.pending || other.cancel_asked_t >= 0 ||
        other.said.ttl.kind != When::Kind::kDefault || other.change_asked_t >= 0)
      continue;
    const NotifyRecord* durable = synced().Find(other.id);
    const NotifyRecord* written_one = written().Find(other.id);
    if (!durable || !written_one || IsSettled(durable->state.phase) || IsSettled(written_one->state.phase)) continue;
    // One that stepped aside, maybe: it is not waited for.
    if (skips && (attempted(*durable) || attempted(*written_one))) continue;
    if (attempted(*durable) && attempted(*written_one)) {
      if (!attempted(record)) Violation("P3 " + name + " overtakes the attempted head " + other.id.ToString());
      continue;
    }
    bool eligible = durable->state.due.ms <= wall_then - 2 && written_one->state.due == durable->state.due;
    bool moved = std::max({other.trigger_asked_t, other.retry_asked_t, item.change_asked_t}) > t() - 2 * StoreDelayMs();
    if (eligible && !moved && !attempted(record) && item.attempts.empty() && OrderKeyOf(*durable) < OrderKeyOf(record))
      Violation("P3 " + name + " goes before " + other.id.ToString() + ", which is due and earlier in order");
  }
}

// ---- promise 4: nothing that can go stands still

void Auditor::OnTime() {
  if (!store_) return;
  Now now = clock_->now();
  std::map<LaneKey, NotifyId> lanes;   // with work; one of it
  std::map<LaneKey, bool> head_waits;  // fifo lanes whose attempted head may not go yet
  std::map<std::string, std::set<LaneKey>> hosts;
  for (auto it = pending_.begin(); it != pending_.end();) {
    Item& item = items_.at(*it);
    const NotifyRecord* durable = synced().Find(item.id);
    const NotifyRecord* record = written().Find(item.id);
    if (durable && record && IsSettled(durable->state.phase) && IsSettled(record->state.phase)) {
      item.pending = false;
      it = pending_.erase(it);
      continue;
    }
    ++it;
    if (!durable || !record || IsSettled(record->state.phase) || item.known_t < 0 || item.in_flight) continue;
    const LaneKey& lane = item.said.head->lane;
    if (IsPaused(lane)) continue;
    if (!HealthyHost(item.said.head->host) || !HealthyLane(lane)) continue;
    bool goes = false;
    switch (record->state.phase) {
      case Phase::kRetrying:
        goes = record->state.retry_at <= now.mono;
        break;
      // One submitted as due at once goes, wherever the clock stepped since, over restarts too.
      case Phase::kWaiting:
        goes = record->state.due <= now.wall || (item.said.when.kind == When::Kind::kDefault && item.said.head->fkey.empty() &&
                                                 item.trigger_asked_t < 0 && item.retry_asked_t < 0 && item.change_asked_t < 0);
        break;
      default:
        goes = record->state.due <= now.wall;
    }
    if (lane.mode == Mode::kFifo && record->state.attempts_made > record->state.attempts_before && !goes) head_waits[lane] = true;
    if (!goes || record->state.expires_at <= now.wall || durable->state.phase != record->state.phase) continue;
    lanes.emplace(lane, item.id);
  }
  for (const auto& [lane, waits] : head_waits) lanes.erase(lane);
  for (const auto& [lane, id] : lanes) hosts[ById(id)->said.head->host].insert(lane);
  auto look = [&](Progress* progress, NotifyId work, int64_t bound_ms, const std::string& name) {
    if (work.value == 0 || progress->in_flight > 0 || stopping_) {
      progress->idle_since = -1;
    } else if (progress->idle_since < 0) {
      progress->idle_since = t();
    } else if (t() - progress->idle_since > bound_ms) {
      Violation("P4 " + name + " has had work for " + std::to_string(t() - progress->idle_since) + " ms (" + work.ToString() +
                ") and nothing in flight");
      progress->idle_since = t();
    }
  };
  int64_t base_ms = 3'000 + 10 * StoreDelayMs();
  for (auto& [name, progress] : hosts_) look(&progress, hosts.count(name) ? lanes.at(*hosts[name].begin()) : NotifyId{}, base_ms, name);
  for (auto& [lane, progress] : lanes_) {
    NotifyId work = lanes.count(lane) ? lanes.at(lane) : NotifyId{};
    size_t rivals = 0;
    for (const std::string& host : lane_hosts_[lane]) rivals += hosts.count(host) ? hosts[host].size() : 0;
    // A turn each: at worst one call at a time at the host, each as slow as a healthy one may be (a lane may have to be woken for it).
    look(&progress, work, base_ms + static_cast<int64_t>(rivals) * 3 * (profile_.healthy_ms_max + StoreDelayMs()),
         std::string(notifyd::ToString(lane.mode)) + " lane " + lane.name);
  }
  for (auto& [id, open] : open_) {
    int64_t wait = std::holds_alternative<GetRequest>(open.event) ? std::get<GetRequest>(open.event).wait_ms : 0;
    if (t() - open.t > wait + 5'000) {
      Violation("request " + std::to_string(id.token) + " has no answer after " + std::to_string(t() - open.t) + " ms");
      open.t = INT64_MAX / 2;  // said once
    }
  }
}

}  // namespace notifyd::sim
