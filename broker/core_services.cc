// See core_services.h. This file: which instance an attempt goes to, what its end says of it, and time. Requests: core_service_requests.cc.
#include "broker/core_services.h"

#include <algorithm>
#include <utility>

#include "base/canonical_json.h"
#include "base/json_tree.h"
#include "broker/core_history.h"
#include "broker/flow.h"
#include "broker/flow_settings.h"
#include "broker/service_records.h"
#include "broker/spec.h"

namespace notifyd {
namespace {

/// How long a notify that named a pool or an instance of its own waits until it is looked for again.
constexpr int64_t kLookAgainMs = 5'000;
/// How long a probe that would be due is put off while no call begins.
constexpr int64_t kHeldMs = 1'000;

}  // namespace

// ---- the start

Service* Core::Impl::ServicePart::Find(std::string_view name) const {
  auto found = services_.find(name);
  return found == services_.end() ? nullptr : found->second.get();
}

std::vector<std::string> Core::Impl::ServicePart::AliveOf(std::string_view name, std::string_view pool) const {
  core_.CheckCatalog();
  std::vector<std::string> ids;
  const Service* service = Find(name);
  if (!service) return ids;
  for (const auto& [id, instance] : service->instances) {
    const std::vector<std::string>& pools = instance->settings.pools;
    if (instance->settings.weight > 0 && (pool.empty() || std::find(pools.begin(), pools.end(), pool) != pools.end())) ids.push_back(id);
  }
  return ids;
}

Service* Core::Impl::ServicePart::ServiceOf(const Entry& entry) const {
  return Find(notifyd::ServiceOf(entry.envelope->host));
}

Service* Core::Impl::ServicePart::Create(std::string_view name, const ServiceSettings& settings) {
  std::unique_ptr<Service>& service = services_[std::string(name)];
  service = std::make_unique<Service>(std::string(name));
  service->settings = settings;
  service->stored = settings;
  return service.get();
}

void Core::Impl::ServicePart::OnRow(RecordKind kind, const RecordRow& row) {
  if (kind == RecordKind::kService) {
    Result<ServiceSettings> settings = DecodeService(row.record.value);
    if (!settings.ok()) return core_.Fatal(std::move(settings).status());
    Create(row.key, *settings);
    return;
  }
  Result<InstanceSettings> settings = DecodeInstance(row.record.value);
  if (!settings.ok()) return core_.Fatal(std::move(settings).status());
  const auto [name, id] = SplitInstanceKey(row.key);
  Service* service = Find(name);
  if (!service) {
    service = Create(name, {});
    service->stored.reset();  // the file had said it
  }
  Instance* instance = Add(service, std::string(id));
  Say(service, instance, *settings);
  // Nobody could be heard while the broker was down.
  if (instance->settings.ttl_ms > 0) instance->gone_at = {core_.now_.mono.ms + instance->settings.ttl_ms};
  SetTimer(*service, instance);
}

void Core::Impl::ServicePart::OnCatalogKnown() {
  ApplyFile();
  std::vector<std::string> names;
  for (const auto& [name, host] : core_.hosts_)
    if (IsService(*host)) names.push_back(name);
  std::sort(names.begin(), names.end());  // who gets its turn first follows from no hash
  for (const std::string& name : names) ReviewHostOf(name);
}

// ---- who waits

bool Core::Impl::ServicePart::Shuts(const Host& host) const {
  if (!IsService(host)) return false;
  if (!core_.catalog_.known) return true;
  const Service* service = Find(notifyd::ServiceOf(host.name));
  if (host.name.find('?') != std::string::npos)
    return IsPaused(host) || (service && !Refuses(host) && service->WaitsForHosts(WantedAt(host.name), core_.now_.mono));
  return !service || (!service->HasOne({}, core_.now_.mono) && !Refuses(host));
}

const Service* Core::Impl::ServicePart::ServiceAt(const Host& host) const {
  return IsService(host) ? Find(notifyd::ServiceOf(host.name)) : nullptr;
}

const BreakerSettings& Core::Impl::ServicePart::BreakerOf(const Host& host) const {
  const Service* service = ServiceAt(host);
  if (service) return BreakerOf(*service);
  return host.rule && host.rule->breaker ? *host.rule->breaker : core_.limits_.breaker;
}

bool Core::Impl::ServicePart::Refuses(const Host& host) const {
  if (!IsService(host)) return host.Refuses(core_.now_.mono, BreakerOf(host));
  const Service* service = ServiceAt(host);
  if (!service || !BreakerOf(*service).fail_on_open) return false;
  const Service::Wanted wanted = WantedAt(host.name);
  return service->OpenSince(wanted) && !service->HasOne(wanted, core_.now_.mono);
}

std::optional<MonoTime> Core::Impl::ServicePart::OpenSince(const Host& host) const {
  if (IsService(host)) {
    const Service* service = ServiceAt(host);
    return service ? service->OpenSince(WantedAt(host.name)) : std::nullopt;
  }
  return host.breaker.is_open() ? std::optional(host.breaker.open_since()) : std::nullopt;
}

MonoTime Core::Impl::ServicePart::FirstWaitOver() const {
  MonoTime first = kMonoNever;
  if (open_ == 0 && core_.breakers_.open == 0) return first;
  for (const auto& [name, service] : services_)
    if (const std::optional<MonoTime> since = service->OpenSince({})) first = std::min(first, MonoTime{since->ms + BreakerOf(*service).max_wait_ms});
  return first;
}

int64_t Core::Impl::ServicePart::LeastMaxWaitMs() const {
  int64_t least = core_.limits_.breaker.max_wait_ms;
  for (const auto& [name, service] : services_) least = std::min(least, BreakerOf(*service).max_wait_ms);
  if (!core_.flow_settings_) return least;
  for (const HostRule& rule : core_.flow_settings_->hosts)
    if (rule.breaker) least = std::min(least, rule.breaker->max_wait_ms);
  return least;
}

void Core::Impl::ServicePart::ReviewHostOf(const std::string& name) {
  auto found = core_.hosts_.find(name);
  if (found == core_.hosts_.end()) return;
  core_.ReviewHost(found->second.get());
  core_.CheckSleepers(found->second.get());
}

// ---- attempts

Service::Wanted Core::Impl::ServicePart::WantedOf(const Entry& entry) {
  Service::Wanted wanted;
  if (const auto& flow = entry.envelope->flow) {
    wanted.pool = flow->pool;
    wanted.pool_fallback = flow->pool_fallback;
    wanted.instance = flow->instance;
  }
  return wanted;
}

/// What a notify is balanced by. One that has no such value is spread over all.
uint64_t Core::Impl::ServicePart::HashOf(const Service& service, const Entry& entry, const std::string& spec) const {
  if (service.settings.balance != Balance::kHash) return 0;
  if (service.settings.hash_by.empty()) return Hash64(entry.envelope->lane.name);
  if (Result<NotifySpec> decoded = DecodeSpec(spec); decoded.ok() && decoded->payload_kind == PayloadKind::kData)
    if (Result<JsonTree> data = JsonTree::Parse(decoded->payload); data.ok())
      if (std::optional<JsonTree::Value> value = data->root().At(service.settings.hash_by)) return Hash64(CanonicalJson(*value));
  return Hash64(entry.id.ToString());
}

std::shared_ptr<const StartAttempt::Instance> Core::Impl::ServicePart::Begin(Entry* entry, const std::string& spec) {
  Service* service = ServiceOf(*entry);
  if (!service) return nullptr;
  Service::Wanted wanted = WantedOf(*entry);
  wanted.hash = HashOf(*service, *entry, spec);
  auto known = calls_.find(entry->id);
  if (known != calls_.end()) wanted.avoid = &known->second.tried;
  std::shared_ptr<Instance> chosen = service->Choose(wanted, core_.now_.mono, &core_.random_);
  if (!chosen) return nullptr;
  StopLooking(*entry);
  Call& call = calls_[entry->id];
  call.instance = chosen;
  call.call = chosen->breaker.Begin(core_.now_.mono);
  ++chosen->active;
  call.seat = Sit(*chosen, entry->host->name);
  if (chosen->breaker.state() != Breaker::State::kClosed) {
    SetTimer(*service, chosen.get());
    Review(*service);
  }
  return std::make_shared<const StartAttempt::Instance>(StartAttempt::Instance{chosen->id, chosen->settings.url, service->settings.host_header});
}

void Core::Impl::ServicePart::PutBack(Entry* entry) {
  Lane* lane = entry->lane;
  const Kept kept(&core_, lane);
  core_.TakeBackTurn(entry);
  if (Shuts(*entry->host)) {
    // The last instance has gone since its turn came: it waits with all others.
    core_.ReviewHost(entry->host);
    core_.EnterLane(entry);
  } else {
    entry->repeats = false;
    core_.Gate(lane);
    core_.RemoveIndex(entry);
    entry->state.phase = Phase::kRetrying;
    entry->state.retry_at = {core_.now_.mono.ms + kLookAgainMs};
    entry->state.next_attempt_at = {core_.now_.wall.ms + kLookAgainMs};
    core_.AwaitRetry(entry, lane, lane->fifo(), std::nullopt);
    Look(*entry);
    core_.Kick(lane);
    core_.RefillTail(lane);
    core_.MaybeDrop(entry);
  }
}

void Core::Impl::ServicePart::Follow(Service* service, Instance* instance, Breaker::Change change, MonoTime open_since, const std::string& error) {
  if (change == Breaker::Change::kOpened) {
    ++opened_;
    core_.breakers_.next_sweep = std::min(core_.breakers_.next_sweep, MonoTime{core_.now_.mono.ms + BreakerOf(*service).max_wait_ms});
    const std::string probe_at = FormatRfc3339(core_.WallAt(instance->breaker.next_probe()));
    core_.out_->flow_logs.push_back(
        {true, "instance breaker opened", {{"service", service->name()}, {"instance", instance->id}, {"error", error}, {"next_probe", probe_at}}});
  } else if (change == Breaker::Change::kClosed) {
    const std::string open_ms = std::to_string(core_.now_.mono.ms - open_since.ms);
    core_.out_->flow_logs.push_back(
        {false, "instance breaker closed", {{"service", service->name()}, {"instance", instance->id}, {"open_ms", open_ms}}});
  }
  SetTimer(*service, instance);
  Review(*service);
  if (change != Breaker::Change::kNone) TellWatchers(*service);
}

bool Core::Impl::ServicePart::End(Entry* entry, AttemptResult* result) {
  auto found = calls_.find(entry->id);
  if (found == calls_.end() || !found->second.instance) return false;
  Call& call = found->second;
  const std::shared_ptr<Instance> instance = std::exchange(call.instance, nullptr);
  --instance->active;
  result->record.instance = instance->id;
  // Where this instance may not be called, another one may.
  if (result->verdict == Verdict::kFatal && result->record.error == "destination_refused") result->verdict = Verdict::kFailure;
  if (call.failovers == 0) call.tried.clear();  // a round begins anew with it, whichever ended the one before
  call.tried.push_back(instance->id);
  core_.history_->OnEndedAt(call.seat.host->name, *result);
  const bool host_in_vain = Leave(&call.seat, *result);
  Service* service = ServiceOf(*entry);
  if (!service || service->Find(instance->id) != instance.get()) return host_in_vain;  // it has gone meanwhile
  const MonoTime since = instance->breaker.open_since();
  const bool probe = instance->breaker.IsProbe(call.call), was_closed = instance->breaker.state() == Breaker::State::kClosed;
  const Breaker::Change change = instance->breaker.End(call.call, ContactOf(*result), core_.now_.mono, BreakerOf(*service));
  if (was_closed && change == Breaker::Change::kNone) return host_in_vain;
  Follow(service, instance.get(), change, since, result->record.error);
  const bool in_vain = probe && instance->breaker.is_open();
  if (in_vain) MaybeDisable(*service);
  return in_vain || host_in_vain;
}

bool Core::Impl::ServicePart::IsToTell(const Entry& entry) const {
  if (!IsService(*entry.host)) return entry.host->breaker.state() != Breaker::State::kClosed;
  const Call& call = calls_.at(entry.id);
  return call.instance->breaker.state() != Breaker::State::kClosed || IsToTell(call.seat);
}

bool Core::Impl::ServicePart::Reached(const Entry& entry) {
  auto found = calls_.find(entry.id);
  if (found == calls_.end() || !found->second.instance) return false;
  const Call& call = found->second;
  ReachAt(call.seat);
  Service* service = ServiceOf(entry);
  Instance* instance = call.instance.get();
  if (!service || service->Find(instance->id) != instance || instance->breaker.state() == Breaker::State::kClosed) return true;
  const MonoTime since = instance->breaker.open_since();
  Follow(service, instance, instance->breaker.Reached(call.call, core_.now_.mono, BreakerOf(*service)), since, "");
  return true;
}

bool Core::Impl::ServicePart::FailsOver(Entry* entry, const AttemptResult& result) {
  auto found = calls_.find(entry->id);
  if (found == calls_.end()) return false;
  Call& call = found->second;
  const Service* service = ServiceOf(*entry);
  Service::Wanted wanted = WantedOf(*entry);
  wanted.avoid = &call.tried;
  const bool unsent = result.unsent && result.verdict == Verdict::kFailure;
  if (unsent && service && call.failovers < service->settings.failover_max && service->HasAnother(wanted, core_.now_.mono)) {
    ++call.failovers;
    return true;
  }
  // The next round begins with another one than this, where there is one.
  call.failovers = 0;
  if (call.tried.size() > 1) call.tried.erase(call.tried.begin(), call.tried.end() - 1);
  return false;
}

// ---- breakers, and time

void Core::Impl::ServicePart::ProbeByHand(const Host& host) {
  Service* service = Find(notifyd::ServiceOf(host.name));
  if (!service) return;
  for (const auto& [id, instance] : service->instances) {
    if (!instance->breaker.is_open()) continue;
    instance->breaker.ProbeNow(core_.now_.mono);
    SetTimer(*service, instance.get());
  }
  Review(*service);
}

void Core::Impl::ServicePart::OnBreakerSettings() {
  for (const auto& [name, service] : services_) {
    FollowSettings(service.get());
    TellWatchers(*service);
  }
}

void Core::Impl::ServicePart::FollowSettings(Service* service) {
  for (const auto& [id, instance] : service->instances) {
    instance->breaker.OnSettings(core_.now_.mono, BreakerOf(*service));
    SetTimer(*service, instance.get());
  }
  if (open_ > 0 || core_.breakers_.open > 0) core_.breakers_.next_sweep = core_.now_.mono;  // some may have waited for long enough
  Review(*service);
}

void Core::Impl::ServicePart::CountOpen(Instance* instance) {
  const bool open = instance->breaker.is_open();
  if (open == std::exchange(instance->counted_open, open)) return;
  open ? ++open_ : --open_;
}

/// Registers the instance for when it is to be looked at again: where it is not heard of until then, and where its breaker lets a probe go.
void Core::Impl::ServicePart::SetTimer(const Service& service, Instance* instance) {
  Untime(service, instance);
  CountOpen(instance);
  MonoTime at = instance->gone_at;
  const Breaker& breaker = instance->breaker;
  if (breaker.state() == Breaker::State::kOpen && (breaker.next_probe() > core_.now_.mono || (instance->host_takes && Probes(service))))
    at = std::min(at, std::max(breaker.next_probe(), MonoTime{core_.now_.mono.ms + (core_.holding_ ? kHeldMs : 0)}));
  else if (breaker.MoreFrom() > core_.now_.mono) at = std::min(at, breaker.MoreFrom());
  instance->timer = at;
  if (at != kMonoNever) timed_.insert({at, {service.name(), instance->id}});
}

void Core::Impl::ServicePart::Untime(const Service& service, Instance* instance) {
  if (instance->timer != kMonoNever) timed_.erase({instance->timer, {service.name(), instance->id}});
  instance->timer = kMonoNever;
}

void Core::Impl::ServicePart::Fire() {
  for (const NotifyId id : std::exchange(woken_, {})) core_.RunTask(MakeTask(WaitOver{id}));
  while (!timed_.empty() && timed_.begin()->first <= core_.now_.mono) {
    const auto [name, id] = timed_.begin()->second;
    Service* service = Find(name);
    CHECK(service);
    Instance* instance = service->Find(id);
    CHECK(instance);
    if (instance->gone_at <= core_.now_.mono && !core_.stopping_) {
      Gone(service, instance);
    } else if (instance->gone_at <= core_.now_.mono) {
      Untime(*service, instance);  // whoever starts next gives it a fresh ttl
    } else {
      MaybeProbe(service, instance);
      SetTimer(*service, instance);
      Review(*service);
    }
  }
  while (!watch_ends_.empty() && watch_ends_.begin()->first <= core_.now_.mono) AnswerUnchanged(watch_ends_.begin()->second);
}

MonoTime Core::Impl::ServicePart::NextWake() const {
  MonoTime wake = !woken_.empty() ? core_.now_.mono : timed_.empty() ? kMonoNever : timed_.begin()->first;
  return watch_ends_.empty() ? wake : std::min(wake, watch_ends_.begin()->first);
}

void Core::Impl::ServicePart::Gone(Service* service, Instance* instance) {
  const std::string ttl_ms = std::to_string(instance->settings.ttl_ms);
  core_.out_->flow_logs.push_back(
      {true, "instance gone", {{"service", service->name()}, {"instance", instance->id}, {"url", instance->settings.url}, {"ttl_ms", ttl_ms}}});
  Remove(service, instance);
  TellWatchers(*service);
}

Instance* Core::Impl::ServicePart::Add(Service* service, const std::string& id) {
  auto instance = std::make_shared<Instance>();
  instance->id = id;
  ++instances_;
  return (service->instances[id] = std::move(instance)).get();
}

/// Takes it out, on disk too. Calls that it has go on.
void Core::Impl::ServicePart::Remove(Service* service, Instance* instance) {
  Untime(*service, instance);
  if (std::exchange(instance->counted_open, false)) --open_;
  Move(service, instance, "");
  if (!instance->from_file) core_.RemoveRecord(RecordKey{RecordKind::kInstance, InstanceKey(service->name(), instance->id)}, /*was_there=*/true);
  instances_ -= service->instances.erase(std::string(instance->id));
  Review(*service);
}

// ---- explain

std::string Core::Impl::ServicePart::WhomItWants(const Entry& entry, const Service& service, const char* not_one, const char* none) {
  const Service::Wanted wanted = WantedOf(entry);
  if (!wanted.instance.empty()) return "the instance " + std::string(wanted.instance) + " of the service " + service.name() + not_one;
  const auto [pool, fallback] = service.PoolsOf(wanted);
  std::string whom = "no instance of the service " + service.name();
  if (!pool.empty()) whom += " in the pool " + std::string(pool);
  if (!pool.empty() && !fallback.empty()) whom += " or " + std::string(fallback);
  return whom + none;
}

std::optional<std::string> Core::Impl::ServicePart::NoInstanceFor(const Entry& entry) const {
  core_.CheckCatalog();
  const Service* service = ServiceOf(entry);
  if (!service) return "the service " + std::string(notifyd::ServiceOf(entry.envelope->host)) + " is not there any more";
  const Service::Wanted wanted = WantedOf(entry);
  if (service->IsAlive(wanted)) return std::nullopt;
  const size_t draining = service->CountDraining(wanted);
  if (draining == 0) return WhomItWants(entry, *service, " is not there", " is there");
  const std::string others = draining == 1 ? "; 1 drains" : "; " + std::to_string(draining) + " drain";
  return WhomItWants(entry, *service, " drains: it starts nothing new", " starts anything new") + (wanted.instance.empty() ? others : "");
}

void Core::Impl::ServicePart::ExplainBreakers(const Entry& entry, Explained* out) const {
  const Service* service = ServiceOf(entry);
  if (!service || service->HasOne(WantedOf(entry), core_.now_.mono)) return;
  if (!service->HeldBack(WantedOf(entry), core_.now_.mono).empty()) return ExplainHosts(entry, *service, out);
  const MonoTime next = service->NextProbe(WantedOf(entry));
  const MonoTime probing = service->ProbingSince(WantedOf(entry));
  const WallTime probe = next == kMonoNever ? core_.now_.wall : core_.WallAt(std::max(next, core_.now_.mono));
  const std::string when = next != kMonoNever      ? "; the next probe may go out at " + FormatRfc3339(probe)
                           : probing != kMonoNever ? "; a probe is under way since " + FormatRfc3339(core_.WallAt(probing))
                                                   : "; a call tells when it is back";
  out->reasons.push_back({"breaker_open", WhomItWants(entry, *service, " cannot be reached", " can be reached") + when});
  if (next == kMonoNever) return out->AwaitOthers(core_.now_.wall);
  if (out->expected_at) out->expected_at = std::max(*out->expected_at, probe);
}

}  // namespace notifyd
