// Breakers of hosts: what begins and ends at one, what it shuts, what wakes it, and what becomes of those who wait at an open one. Whether a call may
// begin, broker/breaker.h decides. What an open one holds back waits as at a paused host: stopped in the round, on disk where memory is short. Its
// state is in memory alone; a host is kept there as long as its breaker has something to remember. Contract section 11.
#include <algorithm>
#include <utility>

#include "broker/core_services.h"
#include "broker/core_topics.h"

namespace notifyd {
namespace {

/// How long a breaker at which nothing happens any more is remembered.
constexpr int64_t kRememberMs = 3'600'000;
/// The list of a sweep is one of the core's own: no request has this number.
constexpr RequestId kSweepList{UINT32_MAX, 0};
constexpr size_t kSweepItems = 1000;

void LogClosed(const Host& host, int64_t open_ms, Effects* out) {
  out->flow_logs.push_back({false, "breaker closed", {{"host", host.name}, {"open_ms", std::to_string(open_ms)}}});
}

}  // namespace

// ---- calls

Breaker::Call Core::Impl::BeginAtBreaker(Host* host) {
  const Breaker::Call call = host->breaker.Begin(now_.mono);
  if (host->breaker.state() != Breaker::State::kClosed) FollowBreaker(host);
  return call;
}

bool Core::Impl::EndAtBreaker(Host* host, Breaker::Call call, const AttemptResult& result) {
  const bool probe = host->breaker.IsProbe(call);
  const MonoTime since = host->breaker.open_since();
  const BreakerSettings& settings = services_->BreakerOf(*host);
  const Breaker::Change change = host->breaker.End(call, ContactOf(result), now_.mono, settings);
  if (!host->breaker_timed && host->breaker.calm()) return false;
  if (change == Breaker::Change::kOpened) {
    ++breakers_.opened;
    breakers_.next_sweep = std::min(breakers_.next_sweep, MonoTime{now_.mono.ms + settings.max_wait_ms});
    const std::string probe_at = FormatRfc3339(WallAt(host->breaker.next_probe()));
    out_->flow_logs.push_back({true, "breaker opened", {{"host", host->name}, {"error", result.record.error}, {"next_probe", probe_at}}});
  } else if (change == Breaker::Change::kClosed) {
    LogClosed(*host, now_.mono.ms - since.ms, out_);
  }
  const bool in_vain = probe && host->breaker.is_open();
  // An old call may end well while it is open: that is no reason to give the host up.
  if (in_vain) MaybeDisable(host);
  FollowBreaker(host);
  return in_vain;
}

/// A connection came about for the call, whose end is to come.
void Core::Impl::ReachAtBreaker(Host* host, Breaker::Call call) {
  const MonoTime since = host->breaker.open_since();
  if (host->breaker.Reached(call, now_.mono, services_->BreakerOf(*host)) == Breaker::Change::kClosed)
    LogClosed(*host, now_.mono.ms - since.ms, out_);
  if (host->breaker_timed) FollowBreaker(host);
}

/// Makes a notify whose attempt was a probe in vain what it was before: due, for as long as it has been.
void Core::Impl::KeepWaiting(NotifyState* state) const {
  ++state->laters;
  if (state->phase == Phase::kRetrying) return;
  const int64_t waited_ms = std::max<int64_t>(now_.wall.ms - state->due.ms, 0);
  state->phase = Phase::kRetrying;
  state->retry_at = {std::max<int64_t>(now_.mono.ms - waited_ms, 0)};
  state->next_attempt_at = now_.wall;
}

/// Pauses a host whose probe failed and that was not reached for so long that nobody seems to look after it. Its breaker stays open, so that it is
/// seen why, until somebody resumes it (OnHostSettings).
void Core::Impl::MaybeDisable(Host* host) {
  const std::optional<MonoTime> since = services_->OpenSince(*host);
  if (!since || host->breaker.state() == Breaker::State::kProbing) return;
  const int64_t after_ms = services_->BreakerOf(*host).disable_after_ms, open_ms = now_.mono.ms - since->ms;
  if (after_ms == 0 || open_ms < after_ms || host->settings.paused) return;
  topics_->OnUnreachable(host->name, open_ms);
  HostPatch patch;
  patch.paused = true;
  if (!ChangeHost(host->name, patch).ok()) return;  // there is no room for its settings: its breaker holds it back all the same
  out_->flow_logs.push_back({true, "host paused", {{"host", host->name}, {"open_ms", std::to_string(open_ms)}}});
}

/// Somebody asked for a call to the host: where its breaker is open, that is its next probe, without a wait for its time or for a probe before it.
void Core::Impl::ProbeByHand(Host* host) {
  if (ServicePart::IsService(*host)) return services_->ProbeByHand(*host);
  if (!host->breaker.is_open()) return;
  host->breaker.ProbeNow(now_.mono);
  FollowBreaker(host);
}

// ---- time

/// Something changed at the host's breaker.
void Core::Impl::FollowBreaker(Host* host) {
  TimeBreaker(host);
  ReviewHost(host);
  CheckSleepers(host);
}

/// Registers the host for when its breaker is to be looked at again: at its probe, or when else time alone lets one more begin, or once it may be
/// forgotten.
void Core::Impl::TimeBreaker(Host* host) {
  UntimeBreaker(host);
  const Breaker& breaker = host->breaker;
  host->breaker_open = breaker.is_open();
  breakers_.open += host->breaker_open;
  if (breaker.calm()) return;
  const MonoTime more = breaker.MoreFrom();
  const bool awaits = more > now_.mono && more != kMonoNever;
  host->breaker_timed = true;
  host->breaker_time = breakers_.by_time.emplace(awaits ? more : MonoTime{now_.mono.ms + kRememberMs}, host);
}

void Core::Impl::UntimeBreaker(Host* host) {
  breakers_.open -= std::exchange(host->breaker_open, false);
  if (std::exchange(host->breaker_timed, false)) breakers_.by_time.erase(host->breaker_time);
}

void Core::Impl::FireBreakers() {
  while (!breakers_.by_time.empty() && breakers_.by_time.begin()->first <= now_.mono) {
    Host* host = breakers_.by_time.begin()->second;
    const MonoTime more = host->breaker.MoreFrom();
    const bool over = more == kMonoNever || more.ms + kRememberMs <= now_.mono.ms;
    if (over && host->refs == 0 && host->idle() && !host->sleepers) host->breaker.Reset();
    FollowBreaker(host);
    MaybeDropHost(host);
  }
}

/// Other settings hold than `before`.
void Core::Impl::OnBreakerSettings(const BreakerSettings& before) {
  if (limits_.breaker == before) return;
  services_->OnBreakerSettings();
  std::vector<Host*> hosts;
  for (const auto& [time, host] : breakers_.by_time) hosts.push_back(host);
  for (Host* host : hosts) {
    host->breaker.OnSettings(now_.mono, services_->BreakerOf(*host));
    FollowBreaker(host);
    MaybeDropHost(host);
  }
  if (breakers_.open > 0) breakers_.next_sweep = now_.mono;
}

// ---- who waited for long

/// Returns whether the notify waits at an open breaker, and has for as long as one does. Not where something else holds it back, too. One that looks
/// again for an instance waits since it was due.
bool Core::Impl::WaitedAtBreaker(const Entry& entry) const {
  if (!entry.exists || !entry.pending() || entry.in_flight()) return false;
  const std::optional<MonoTime> since = services_->OpenSince(*entry.host);
  if (!since) return false;
  const bool looks = services_->LooksAgain(entry);
  if (services_->IsPaused(*entry.host) || IsPaused(entry.envelope->caller) || (!looks && StateOf(entry.state, &entry) != State::kReady)) return false;
  const int64_t open_ms = now_.mono.ms - since->ms;
  const int64_t ready_ms =
      entry.state.phase == Phase::kRetrying && !looks ? now_.mono.ms - entry.state.retry_at.ms : now_.wall.ms - entry.state.due.ms;
  return std::min(open_ms, ready_ms) >= services_->BreakerOf(*entry.host).max_wait_ms;
}

/// Looks for those among all that wait, on disk too, by lists of the store: as often as is precise enough, and only while some breaker has been open
/// for that long.
void Core::Impl::SweepBreakers() {
  if (stopping_ || breakers_.listing) return;
  if (!breakers_.sweeping) {
    if (breakers_.next_sweep > now_.mono) return;
    MonoTime first = services_->FirstWaitOver();
    for (const auto& [time, host] : breakers_.by_time)
      if (host->breaker.is_open()) first = std::min(first, MonoTime{host->breaker.open_since().ms + services_->BreakerOf(*host).max_wait_ms});
    breakers_.next_sweep = first;
    if (first > now_.mono) return;
    breakers_.next_sweep = {now_.mono.ms + std::clamp<int64_t>(services_->LeastMaxWaitMs() / 24, 1'000, 3'600'000)};
    breakers_.swept = {};
    breakers_.sweeping = true;
  }
  if (!MayLookUpMore()) return;  // each that it found may need a look at the store
  ListQuery query;
  query.states = {State::kReady};
  query.limit = kSweepItems;
  query.oldest_first = true;
  query.above = breakers_.swept;
  query.show_bytes = 1 << 20;
  breakers_.listing = true;
  out_->lists.push_back(ListOf(kSweepList, query));
}

/// Takes the answer of a sweep's list. Returns false, and does nothing, where it is another one.
bool Core::Impl::TookSweep(ListDone& e) {
  if (e.request != kSweepList) return false;
  breakers_.listing = false;
  if (!e.status.ok()) {
    Fatal(std::move(e.status));
    return true;
  }
  for (const LoadedNotify& item : e.items) {
    auto host = hosts_.find(item.record->envelope->host);
    if (host != hosts_.end() && services_->OpenSince(*host->second)) RunTask(MakeTask(WaitOver{item.record->id}));
  }
  breakers_.swept = e.next;
  breakers_.sweeping = e.next.value != 0;
  return true;
}

Handled Core::Impl::Handle(Task* task, WaitOver& r) {
  if (stopping_) return Handled::kDone;
  Entry* entry = NeedEntry(task, r.id);
  if (!entry) return Handled::kParked;
  const bool waited = WaitedAtBreaker(*entry);
  if (!waited && !(entry->exists && entry->pending() && entry->host->name.find('?') != std::string::npos)) return Handled::kDone;
  Lane* lane = NeedLane(task, entry->envelope->lane);
  if (waited && LacksLastAttempt(*entry)) entry = NeedEntry(task, r.id, Reads::kEnd);
  if (!lane || !entry || task->missing > 0) return Handled::kParked;
  if (!waited) return services_->LookNow(entry), Handled::kDone;
  // Behind a head that waits for its next attempt, it is that which it waits for.
  const bool behind = lane->record.blocked_head != r.id && BlockedBy(Wait::kAttempt, *lane, nullptr);
  if (lane->paused() || behind) return Handled::kDone;
  Settle(entry, Phase::kFailed, kFailedByBreaker, std::nullopt);
  Decide(Decided::Kind::kExpiry, entry->id);
  return Handled::kDone;
}

}  // namespace notifyd
