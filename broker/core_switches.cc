// Callers and hosts as operators see them and switch them off by hand: settings, which stand in one record of the namespace and in memory whole, what
// they hold up, and who calls how much. Contract section 8.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "broker/core_history.h"
#include "broker/core_host_limits.h"
#include "broker/core_services.h"

namespace notifyd {
namespace {

constexpr int64_t kDayMs = 24 * 3600 * 1000;

/// A burst that nobody said is what the rate gives in a second.
TokenRate RateOfSubmits(double per_s) {
  return {per_s, static_cast<uint32_t>(std::max(1.0, per_s))};
}

template <class Settings>
const Settings& Of(const std::map<std::string, Settings>& all, const std::string& name) {
  static const Settings none;
  auto found = all.find(name);
  return found == all.end() ? none : found->second;
}

/// Puts the settings in, or takes them out where they say nothing. Returns false, and does nothing, where there would be too many.
template <class Settings>
bool Put(std::map<std::string, Settings>* all, const std::string& name, const Settings& settings) {
  if (settings.IsDefault()) {
    all->erase(name);
    return true;
  }
  if (all->size() >= kMostSwitched && !all->contains(name)) return false;
  (*all)[name] = settings;
  return true;
}

HostSettings Patched(HostSettings settings, const HostPatch& patch) {
  if (patch.paused) settings.paused = *patch.paused;
  if (patch.concurrency) settings.concurrency = *patch.concurrency;
  if (patch.rate_per_s) settings.rate_per_s = *patch.rate_per_s;
  return settings;
}

}  // namespace

// ---- what holds

bool Core::Impl::NeedSwitches(Task* task) {
  return Known(task, &switches_);
}

bool Core::Impl::IsPaused(const std::string& caller) const {
  return !switches_.all->callers.empty() && Of(switches_.all->callers, caller).paused;
}

/// Lets the settings of hosts, as they stand in switches_, hold for those in memory; `before`: what held.
void Core::Impl::ApplyHosts(const Switches& before) {
  for (const auto& [name, settings] : before.hosts)
    if (!switches_.all->hosts.contains(name)) HostLimits::Apply(*this, name, HostSettings());
  for (const auto& [name, settings] : switches_.all->hosts) HostLimits::Apply(*this, name, settings);
}

void Core::Impl::ReviewHost(Host* host) {
  const TokenRate rate = HostLimits::RateOf(*host);
  const bool token = host->bucket.HasOne(now_.mono, rate);
  if (!token && !host->awaits_token) {
    ForgetToken(host);
    host->awaits_token = true;
    host->token = host_tokens_.emplace(host->bucket.When(1, now_.mono, rate), host);
  }
  turns_.SetShut(host, host->settings.paused || !token || host->ShutByBreaker(now_.mono, services_->BreakerOf(*host)) || services_->Shuts(*host));
  services_->OnHost(host);
}

void Core::Impl::ForgetToken(Host* host) {
  if (host->awaits_token || host->lingers) host_tokens_.erase(host->token);
  host->awaits_token = host->lingers = false;
}

/// A call to the host starts.
void Core::Impl::TakeHostToken(Host* host) {
  host->bucket.Take(now_.mono, HostLimits::RateOf(*host));
  ReviewHost(host);
}

void Core::Impl::FireHostTokens() {
  while (!host_tokens_.empty() && host_tokens_.begin()->first <= now_.mono) {
    Host* host = host_tokens_.begin()->second;
    ForgetToken(host);
    ReviewHost(host);
    CheckSleepers(host);
    MaybeDropHost(host);
  }
}

/// Returns whether all rates that were said for the namespace, hosts and callers are as good as unused, so that nothing is forgotten where the core
/// ends.
bool Core::Impl::RatesAreFull() const {
  if (!submits_.IsFull(now_.mono, SubmitRate())) return false;
  for (const auto& [name, host] : hosts_)
    if (!host->bucket.IsFull(now_.mono, HostLimits::RateOf(*host))) return false;
  for (const auto& [caller, bucket] : caller_buckets_)
    if (const auto& settings = Of(switches_.all->callers, caller);
        settings.submits_per_s && !bucket.IsFull(now_.mono, RateOfSubmits(*settings.submits_per_s)))
      return false;
  return true;
}

// ---- the rate of a caller's submits

/// Returns whether the caller may submit one more notify beside `fresh` others of the same request. `whole`: they are taken together or not at all;
/// then a full bucket takes as many as there are.
Status Core::Impl::CheckCaller(const std::string& caller, uint64_t fresh, bool whole) const {
  if (switches_.all->callers.empty()) return Status::Ok();
  const std::optional<double> per_s = Of(switches_.all->callers, caller).submits_per_s;
  if (!per_s) return Status::Ok();
  const TokenRate rate = RateOfSubmits(*per_s);
  auto found = caller_buckets_.find(caller);
  const double tokens = found == caller_buckets_.end() ? rate.burst : found->second.Tokens(now_.mono, rate);
  if (tokens - static_cast<double>(fresh) >= 1 || (whole && tokens >= rate.burst)) return Status::Ok();
  char text[32];
  std::snprintf(text, sizeof text, "%g", *per_s);
  return Status(Code::kTooMany, "the caller \"" + caller + "\" submits faster than it may: submits_per_s is " + text);
}

void Core::Impl::TakeOfCaller(const std::string& caller, uint64_t fresh) {
  const std::optional<double> per_s = Of(switches_.all->callers, caller).submits_per_s;
  if (per_s) caller_buckets_[caller].Take(now_.mono, RateOfSubmits(*per_s), static_cast<double>(fresh));
}

int64_t Core::Impl::CallerMayAgainIn(const std::string& caller) const {
  const std::optional<double> per_s = Of(switches_.all->callers, caller).submits_per_s;
  auto found = caller_buckets_.find(caller);
  if (!per_s || found == caller_buckets_.end()) return 0;
  return found->second.When(1, now_.mono, RateOfSubmits(*per_s)).ms - now_.mono.ms;
}

// ---- changes

void Core::Impl::PutSwitched(Switches switches) {
  auto before = std::exchange(switches_.all, std::make_shared<const Switches>(std::move(switches)));
  Touch(&switches_);
  Write(PutSwitches{switches_.all});
  journal_.AskSync();
  ApplyHosts(*before);
  std::erase_if(caller_buckets_, [this](const auto& bucket) { return !Of(switches_.all->callers, bucket.first).submits_per_s; });
}

Handled Core::Impl::Handle(Task* task, CallerChangeRequest& r) {
  if (RefusedStopping(r.request)) return Handled::kDone;
  if (!NeedSwitches(task)) return Handled::kParked;
  CallerSettings settings = Of(switches_.all->callers, r.caller);
  const CallerSettings before = settings;
  if (r.patch.paused) settings.paused = *r.patch.paused;
  if (r.patch.submits_per_s) settings.submits_per_s = *r.patch.submits_per_s;
  if (settings != before) {
    const size_t after = settings.IsDefault() ? 0 : kRecordBytes + r.caller.size();
    if (Status status = StoreMore(before.IsDefault() ? 0 : after, after); !status.ok()) return Refuse(r.request, status);
    Switches switches = *switches_.all;
    if (!Put(&switches.callers, r.caller, settings)) return Refuse(r.request, TooManySwitched("callers"));
    PutSwitched(std::move(switches));
    if (before.paused && !settings.paused) hosts_asked_ = false;  // lanes that waited for it have no turn (FallAsleep)
    // By their keys: who gets its turn first follows from no hash.
    std::vector<Lane*> lanes;
    for (auto& [key, lane] : lanes_) lanes.push_back(lane.get());
    std::sort(lanes.begin(), lanes.end(), [](const Lane* a, const Lane* b) { return a->key < b->key; });
    for (Lane* lane : lanes) {
      if (const Entry* next = NextOf(*lane); settings.paused && next && lane->waits() && IsPaused(next->envelope->caller)) Unring(lane);
      if (lane->disk_tail && lane->known) Activate(lane);
      Kick(lane);
    }
  }
  return ReplyAfter(journal_.Barrier(), r.request, CallerViewed{ViewOfCaller(figures_.Of(r.caller, now_.mono, kDayMs))}, settings == before);
}

Handled Core::Impl::Handle(Task* task, HostChangeRequest& r) {
  if (RefusedStopping(r.request)) return Handled::kDone;
  if (!NeedSwitches(task)) return Handled::kParked;
  const std::shared_ptr<const Switches> before = switches_.all;
  const HostSettings settings = Patched(Of(before->hosts, r.host), r.patch);
  const size_t after = settings.IsDefault() ? 0 : kRecordBytes + r.host.size();
  if (Status status = StoreMore(before->hosts.contains(r.host) ? after : 0, after); !status.ok()) return Refuse(r.request, status);
  if (Status status = ChangeHost(r.host, r.patch); !status.ok()) return Refuse(r.request, status);
  if (r.probe) {
    auto found = hosts_.find(r.host);
    if (found == hosts_.end()) return Refuse(r.request, Code::kNotFound, "nothing of this host is in memory: there is no breaker to probe");
    if (found->second->settings.paused) return Refuse(r.request, Code::kConflict, "the host is paused: resume it, so that calls may go to it");
    ProbeByHand(found->second.get());
  }
  return ReplyAfter(journal_.Barrier(), r.request, HostViewed{ViewOfHost(r.host)}, /*unchanged=*/!r.probe && switches_.all == before);
}

Status Core::Impl::ChangeHost(const std::string& name, const HostPatch& patch) {
  const HostSettings before = Of(switches_.all->hosts, name), settings = Patched(before, patch);
  if (settings == before) return Status::Ok();
  Switches switches = *switches_.all;
  if (!Put(&switches.hosts, name, settings)) return TooManySwitched("hosts");
  PutSwitched(std::move(switches));
  return Status::Ok();
}

Status Core::Impl::TooManySwitched(const char* what) {
  return Status(Code::kConflict, std::string("there are ") + std::to_string(kMostSwitched) + " " + what + " with settings: take back one first");
}

// ---- views

CallerView Core::Impl::ViewOfCaller(CallerRates rates) const {
  CallerView view;
  view.own = Of(switches_.all->callers, rates.caller);
  if (const Caller* caller = turns_.FindCaller(rates.caller)) view.in_flight = caller->in_flight;
  view.rates = std::move(rates);
  return view;
}

HostView Core::Impl::ViewOfHost(const std::string& name) const {
  HostView view;
  view.host = name;
  view.own = Of(switches_.all->hosts, name);
  view.effective = HostLimits::Of(view.own, HostLimits::RuleOf(*this, name));
  view.figures = history_->FiguresOfHost(name);
  services_->AddBeside(&view);
  auto found = hosts_.find(name);
  if (found == hosts_.end()) return view;
  const Host& host = *found->second;
  view.in_flight += host.in_flight;
  view.waiting_lanes += host.ring.size + host.parked;
  view.queued += host.queued;
  view.sleeping_lanes |= host.sleepers;
  view.at_cap = turns_.AtShare(host);
  view.breaker = host.breaker.state();
  if (const auto since = ServicePart::IsService(host) ? services_->OpenSince(host) : std::nullopt) {  // those of all its instances
    view.breaker = Breaker::State::kOpen;
    view.open_since = WallAt(*since);
    return view;
  }
  if (host.breaker.is_open()) view.open_since = WallAt(host.breaker.open_since());
  if (host.breaker.state() == Breaker::State::kOpen) view.next_probe = WallAt(std::max(host.breaker.next_probe(), now_.mono));
  return view;
}

Handled Core::Impl::Handle(Task* task, CallersRequest& r) {
  if (!NeedSwitches(task)) return Handled::kParked;
  if (r.query.only) return ReplyNow(r.request, CallerViewed{ViewOfCaller(figures_.Of(*r.query.only, now_.mono, r.query.since_ms))});
  CallersListed listed;
  listed.counted_for_ms = now_.mono.ms - figures_.since().ms;
  std::vector<CallerRates> all = figures_.List(now_.mono, r.query.since_ms);
  // Those with settings are there, whether they are heard of or not.
  for (const auto& [caller, settings] : switches_.all->callers)
    if (std::none_of(all.begin(), all.end(), [&caller = caller](const CallerRates& rates) { return rates.caller == caller; }))
      all.push_back(figures_.Of(caller, now_.mono, r.query.since_ms));
  auto key = [&](const CallerRates& rates) {
    switch (r.query.sort) {
      case CallersQuery::Sort::kFailed:
        return rates.since.failed;
      case CallersQuery::Sort::kLate:
        return rates.since.late;
      case CallersQuery::Sort::kBytes:
        return rates.since.bytes;
      case CallersQuery::Sort::kAccepted:
        break;
    }
    return rates.since.accepted;
  };
  std::sort(all.begin(), all.end(),
            [&](const CallerRates& a, const CallerRates& b) { return std::pair(key(b), a.caller) < std::pair(key(a), b.caller); });
  listed.more = all.size() > r.query.limit;
  if (listed.more) all.resize(r.query.limit);
  for (CallerRates& rates : all) listed.callers.push_back(ViewOfCaller(std::move(rates)));
  return ReplyNow(r.request, std::move(listed));
}

Handled Core::Impl::Handle(Task* task, HostsRequest& r) {
  if (!NeedSwitches(task)) return Handled::kParked;
  HostsListed listed;
  if (r.query.only) {
    if (!hosts_.contains(*r.query.only) && !switches_.all->hosts.contains(*r.query.only) && services_->Beside(*r.query.only).empty() &&
        !history_->Remembers(*r.query.only))
      return Refuse(r.request, Code::kNotFound, "nothing of this host is pending in memory, it was not called of late, and it has no settings");
    return ReplyNow(r.request, HostViewed{ViewOfHost(*r.query.only)});
  }
  std::vector<std::string_view> names;
  const auto add = [&](std::string_view name) {
    if (name.starts_with(r.query.prefix) && (!r.query.after || name > *r.query.after)) names.push_back(name);
  };
  std::set<std::string_view> shown_once;     // services, and those that stand among the hosts too
  for (const auto& [name, host] : hosts_) {  // those with settings are among them
    const std::string_view shown = ServicePart::ShownName(name);
    if (!ServicePart::IsService(*host) || shown_once.insert(shown).second) add(shown);
  }
  for (const Destination& host : history_->Remembered())
    if (!hosts_.contains(host.name()) && shown_once.insert(host.name()).second) add(host.name());
  const size_t shown = std::min(names.size(), r.query.limit);
  std::partial_sort(names.begin(), names.begin() + static_cast<ptrdiff_t>(shown), names.end());
  listed.more = names.size() > shown;
  for (size_t i = 0; i < shown; ++i) listed.hosts.push_back(ViewOfHost(std::string(names[i])));
  return ReplyNow(r.request, std::move(listed));
}

}  // namespace notifyd
