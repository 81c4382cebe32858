// What is counted, and what of it is kept. See core_history.h.
#include "broker/core_history.h"

#include <algorithm>
#include <utility>

#include "broker/core_services.h"
#include "broker/core_topics.h"

namespace notifyd {

// Of those that made room all stay that may be among the busiest.
static_assert(Destinations::kBusiestLeft >= kHistoryHosts);

Core::Impl::HistoryPart::HistoryPart(Core::Impl* core)
    : core_(*core),
      hosts_(core->now_.mono),
      instances_(core->now_.mono),
      life_(static_cast<uint64_t>(core->now_.mono.ms)),
      minute_begin_(BeginOf(MillisOf(HistoryStep::kMinute), core->now_.wall)),
      quarter_begin_(BeginOf(MillisOf(HistoryStep::kQuarter), core->now_.wall)),
      found_uncounted_(core->totals_.records[RecordKind::kDueCount] == 0 && core->KeysOf(Clock::kWall) + core->KeysOf(Clock::kMono) > 0) {}

// ---- what happens

Destination* Core::Impl::HistoryPart::HostOf(const Entry& entry) {
  return hosts_.At(ServicePart::ShownName(entry.host->name), core_.now_.mono);
}

void Core::Impl::HistoryPart::OnAccepted(const Entry& entry) {
  dirty_ = true;
  ++minute_.accepted;
  ++seconds_.At(core_.now_.mono)->accepted;
  Destination* host = HostOf(entry);
  host->Accepted(core_.now_.mono);
  ++host->open.minute.accepted;
}

void Core::Impl::HistoryPart::OnSettled(const Entry& entry) {
  dirty_ = true;
  const Phase phase = entry.state.phase;
  auto count = phase == Phase::kSucceeded   ? &SpanCounts::succeeded
               : phase == Phase::kFailed    ? &SpanCounts::failed
               : phase == Phase::kCancelled ? &SpanCounts::cancelled
                                            : &SpanCounts::expired;
  ++(minute_.*count);
  ++(HostOf(entry)->open.minute.*count);
  RateCounts* second = seconds_.At(core_.now_.mono);
  second->succeeded += phase == Phase::kSucceeded;
  second->failed += phase == Phase::kFailed || phase == Phase::kExpired;
}

void Core::Impl::HistoryPart::OnStarted(int64_t late_ms) {
  dirty_ = true;
  minute_.latenesses.Add(late_ms);
}

void Core::Impl::HistoryPart::OnEnded(const Entry& entry, const AttemptResult& result) {
  dirty_ = true;
  const bool failed = HasFailed(result), again = entry.number > 1;
  Destination* host = HostOf(entry);
  for (SpanCounts* span : {&minute_, &host->open.minute}) {
    ++span->attempts;
    span->attempts_failed += failed;
    span->retries += again;
    span->durations.Add(result.record.duration_ms);
  }
  RateCounts* second = seconds_.At(core_.now_.mono);
  ++second->attempts;
  second->attempts_failed += failed;
  host->Ended(result, core_.now_);
  if (!result.record.instance.empty()) instances_.At(host->name() + '/' + result.record.instance, core_.now_.mono)->Ended(result, core_.now_);
}

// ---- what is kept

void Core::Impl::HistoryPart::CloseMinute() {
  if (dirty_) {
    PutOpen();
  } else if (const GaugeValues now = Gauges(); core_.totals_.pending() != gauges_.pending() || now.ready != gauges_.ready) {
    // Time alone has made something ready, say.
    PutOpen();
  }
  hosts_.CloseMinute();
  quarter_ += minute_;
  last_minute_ = std::exchange(minute_, {});
  const WallTime now = core_.now_.wall;
  const bool stepped_back = now.ms < minute_begin_;
  const int64_t begin = BeginOf(MillisOf(HistoryStep::kMinute), now), quarter = BeginOf(MillisOf(HistoryStep::kQuarter), now);
  if (begin != minute_begin_ + MillisOf(HistoryStep::kMinute)) last_minute_ = {};
  minute_begin_ = begin;
  // A span that was left may be come back to: what is counted then is another life's.
  if (stepped_back) ++life_;
  if (std::exchange(quarter_begin_, quarter) == quarter && !stepped_back) return;
  quarter_ = {};
  hosts_.CloseQuarter();
}

HostSpans Core::Impl::HistoryPart::Busiest(SpanCounts OpenCounts::*span) const {
  HostSpans hosts;
  hosts_.EachOpen([&](const std::string& name, const OpenCounts& open) {
    SpanCounts counts = open.*span;
    if (span == &OpenCounts::quarter) counts += open.minute;
    if (!counts.IsZero()) hosts.emplace_back(name, counts);
  });
  auto busier = [](const auto& a, const auto& b) { return std::pair(b.second.busy(), a.first) < std::pair(a.second.busy(), b.first); };
  if (hosts.size() > kHistoryHosts) {
    std::nth_element(hosts.begin(), hosts.begin() + kHistoryHosts, hosts.end(), busier);
    hosts.resize(kHistoryHosts);
  }
  std::sort(hosts.begin(), hosts.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return hosts;
}

void Core::Impl::HistoryPart::Put(HistoryStep step, HistoryOf of, int64_t begin_ms, std::string value) {
  unsaved_[HistoryKey(step, of, begin_ms, life_)] = {std::move(value), ExpiryOf(step, begin_ms)};
}

void Core::Impl::HistoryPart::PutOpen() {
  dirty_ = false;
  gauges_ = Gauges();
  gauges_.oldest_due_ms = OldestDueMs();
  if (unsaved_.empty()) save_at_ = {minute_begin_ + 2 * MillisOf(HistoryStep::kMinute)};
  SpanCounts quarter = quarter_;
  quarter += minute_;
  Put(HistoryStep::kMinute, HistoryOf::kNamespace, minute_begin_, EncodeSpan({minute_, gauges_}));
  Put(HistoryStep::kQuarter, HistoryOf::kNamespace, quarter_begin_, EncodeSpan({quarter, gauges_}));
  if (HostSpans hosts = Busiest(&OpenCounts::minute); !hosts.empty()) Put(HistoryStep::kMinute, HistoryOf::kHosts, minute_begin_, EncodeHosts(hosts));
  if (HostSpans hosts = Busiest(&OpenCounts::quarter); !hosts.empty())
    Put(HistoryStep::kQuarter, HistoryOf::kHosts, quarter_begin_, EncodeHosts(hosts));
}

void Core::Impl::HistoryPart::EndTurn() {
  WriteDueChanges();
  if (core_.draining_ || core_.closed_) return unsaved_.clear();
  // The last that is counted is that of the calls in flight.
  if (core_.stop_asked_ && core_.turns_.in_flight() == 0) Save();
  if (unsaved_.empty() || (core_.journal_.ops() == 0 && core_.now_.wall < save_at_)) return;
  for (auto& [key, record] : unsaved_) core_.WriteRecord({RecordKind::kHistory, key}, std::move(record.value), record.expires_at, /*fresh=*/true);
  unsaved_.clear();
}

void Core::Impl::HistoryPart::Save() {
  if (dirty_) PutOpen();
  if (unsaved_.empty()) return;
  save_at_ = core_.now_.wall;
  core_.journal_.AskSync();
}

WallTime Core::Impl::HistoryPart::NextWake() const {
  if (core_.draining_ || core_.closed_) return kWallNever;
  if (!unsaved_.empty()) return save_at_;
  return dirty_ ? WallTime{minute_begin_ + 2 * MillisOf(HistoryStep::kMinute)} : kWallNever;
}

// ---- what falls due

void Core::Impl::HistoryPart::OnDueKey(const Entry& entry, int change) {
  const bool waits = entry.index == Index::kRetrying;
  if (!waits && entry.state.at_once) return;
  due_changes_[BeginOf(kDueMinuteMs, waits ? entry.state.next_attempt_at : entry.state.due)] += change;
}

void Core::Impl::HistoryPart::WriteDueChanges() {
  if (due_changes_.empty()) return;
  std::map<int64_t, int64_t> days;
  for (const auto& [minute, by] : due_changes_) {
    if (by == 0) continue;
    days[BeginOf(kDueDayMs, {minute})] += by;
    core_.Write(AddToCount{{RecordKind::kDueCount, DueMinuteKey(minute)}, by, {minute + kDueMinuteMs + kDueKeptMs}});
  }
  for (const auto& [day, by] : days)
    if (by != 0) core_.Write(AddToCount{{RecordKind::kDueCount, DueDayKey(day)}, by, {day + kDueDayMs + kDueKeptMs}});
  due_changes_.clear();
  if (core_.totals_.records[RecordKind::kDueCount] > 0) return;
  core_.WriteRecord({RecordKind::kDueCount, kDueSinceKey}, EncodeCount(found_uncounted_ ? core_.now_.wall.ms : 0), kWallNever, /*fresh=*/true);
}

}  // namespace notifyd
