// The hosts that instances of services are at: a call that goes to an instance counts there as any other, so that what is said of a host (its cap,
// its rate, a pause, its breaker) holds for all that reaches it. Whoever waits for such a host waits at the service's, which is shut for as long.
// See core_services.h.
#include <algorithm>
#include <map>
#include <utility>

#include "base/authority.h"
#include "broker/core_host_limits.h"
#include "broker/core_services.h"
#include "broker/core_shared_hosts.h"
#include "broker/flow_settings.h"

namespace notifyd {
namespace {

/// As Envelope::host; what is no URL of a host leads nowhere, and is at none.
std::string HostOfUrl(std::string_view url) {
  const std::optional<UrlParts> parts = PartsOfUrl(url);
  if (!parts) return {};
  const Result<Authority> authority = ParseAuthority(parts->authority, parts->default_port());
  return authority.ok() ? authority->Key() : std::string();
}

}  // namespace

// ---- who is there

void Core::Impl::ServicePart::Say(Service* service, Instance* instance, const InstanceSettings& settings) {
  const bool elsewhere = instance->settings.url != settings.url;
  instance->settings = settings;
  if (!elsewhere) return;
  instance->breaker.Reset();
  Move(service, instance, HostOfUrl(settings.url));
}

/// The instance is at that host from now on; empty: at none. Calls under way count where they began.
void Core::Impl::ServicePart::Move(Service* service, Instance* instance, std::string host) {
  if (instance->host == host) return;
  const std::string before = std::exchange(instance->host, std::move(host));
  if (auto at = at_hosts_.find(before); at != at_hosts_.end()) {
    auto here = at->second.instances.find(service->name());
    if (--here->second == 0) at->second.instances.erase(here);
    const bool left = at->second.instances.empty();
    if (left) at_hosts_.erase(at);
    if (auto found = core_.hosts_.find(before); found != core_.hosts_.end()) {
      found->second->serves = !left;
      core_.MaybeDropHost(found->second.get());
    }
  }
  instance->host_takes = true;
  instance->host_open_since = kMonoNever;
  if (instance->host.empty()) return;
  AtHost& at = at_hosts_[instance->host];
  ++at.instances[service->name()];
  instance->host_takes = at.takes;
  instance->host_open_since = at.open_since;
  if (auto found = core_.hosts_.find(instance->host); found != core_.hosts_.end()) {
    found->second->serves = true;
    OnHost(found->second.get());
  } else {
    Meet(*service);
  }
}

template <class See>
void Core::Impl::ServicePart::EachHost(std::string_view service, See see) const {
  const std::string name = "service://" + std::string(service), beside = name + "?";
  if (auto found = core_.hosts_.find(name); found != core_.hosts_.end() && !see(found->second.get())) return;
  for (auto at = beside_.lower_bound(beside); at != beside_.end() && at->starts_with(beside); ++at)
    if (!see(core_.hosts_.at(*at).get())) return;
}

bool Core::Impl::ServicePart::InMemory(std::string_view service) const {
  bool any = false;
  EachHost(service, [&](const Host*) { return !(any = true); });
  return any;
}

void Core::Impl::ServicePart::Review(const Service& service) {
  EachHost(service.name(), [&](Host* host) {
    core_.ReviewHost(host);
    core_.CheckSleepers(host);
    return true;
  });
  WakeLookers(service);
}

// ---- hosts in memory

void Core::Impl::ServicePart::OnHostMade(Host* host) {
  if (!IsService(*host)) {
    host->serves = at_hosts_.contains(host->name);
    return OnHost(host);
  }
  if (ShownName(host->name).size() < host->name.size()) beside_.insert(host->name);
  if (const Service* service = ServiceAt(*host)) Meet(*service);
  core_.ReviewHost(host);
}

void Core::Impl::ServicePart::OnHostDropped(const Host& host) {
  if (host.serves) return Tell(host.name, &at_hosts_.find(host.name)->second, {});
  if (!IsService(host)) return;
  beside_.erase(host.name);
  const Service* service = ServiceAt(host);
  if (!service || !core_.shared_->HasRules() || InMemory(service->name())) return;
  for (const auto& [id, instance] : service->instances)
    if (auto found = core_.hosts_.find(instance->host); found != core_.hosts_.end()) core_.MaybeDropHost(found->second.get());
}

void Core::Impl::ServicePart::Meet(const Service& service) {
  if (!core_.shared_->HasRules() || !InMemory(service.name())) return;
  for (const auto& [id, instance] : service.instances)
    if (const HostRule* rule = HostLimits::RuleOf(core_, instance->host); rule && rule->shared) core_.GetHost(instance->host);
}

bool Core::Impl::ServicePart::Keeps(const Host& host) const {
  if (!host.serves || !host.rule || !host.rule->shared) return false;
  const auto& services = at_hosts_.find(host.name)->second.instances;
  return std::any_of(services.begin(), services.end(), [this](const auto& service) { return InMemory(service.first); });
}

bool Core::Impl::ServicePart::WaitsAt(const Host& host) const {
  if (!host.serves) return false;
  bool waits = false;
  for (const auto& [service, count] : at_hosts_.find(host.name)->second.instances)
    EachHost(service, [&](const Host* at) {
      waits |= at->in_flight > 0 || at->ring.size + at->parked > 0 || at->stopped || at->sleepers;
      return !waits;
    });
  return waits;
}

void Core::Impl::ServicePart::OnRules() {
  for (const auto& [name, service] : services_) Meet(*service);
}

void Core::Impl::ServicePart::OnCaps() {
  for (const auto& [name, at] : at_hosts_)
    if (auto found = core_.hosts_.find(name); found != core_.hosts_.end()) OnHost(found->second.get());
}

// ---- whether they take calls

Core::Impl::ServicePart::AtHost Core::Impl::ServicePart::Judge(const Host& host) const {
  AtHost now;
  now.takes = !host.shut && host.breaker.MayBegin(core_.now_.mono) && core_.turns_.HasRoom(host);
  if (host.breaker.is_open()) now.open_since = host.breaker.open_since();
  return now;
}

/// Those who call it by name, and those whose calls reach it as an instance, take its places in turn where it has too few.
void Core::Impl::ServicePart::OnHost(Host* host) {
  if (!host->serves) return;
  AtHost& at = at_hosts_.find(host->name)->second;
  const bool took = at.takes;
  Tell(host->name, &at, Judge(*host));
  if (!took && at.takes && host->by_name) core_.turns_.Yield(host);
}

/// Returns the hosts in memory at which calls wait that may go to instances there, in the order of their turns.
std::vector<Host*> Core::Impl::ServicePart::WhoWaitsFor(const std::string& host, const AtHost& at) const {
  std::vector<Host*> hosts;
  for (const auto& [name, count] : at.instances) {
    const Service* service = Find(name);
    EachHost(name, [&](Host* each) {
      // Of those that name one instance, only where it is there.
      const std::string_view one = WantedAt(each->name).instance;
      const Instance* instance = service->Find(one);
      if (one.empty() || (instance && instance->host == host)) hosts.push_back(each);
      return true;
    });
  }
  std::sort(hosts.begin(), hosts.end(), [](const Host* a, const Host* b) { return a->name < b->name; });
  const auto next = std::find_if(hosts.begin(), hosts.end(), [&](const Host* each) { return each->name > at.last; });
  std::rotate(hosts.begin(), next, hosts.end());
  return hosts;
}

/// Costs O(instances) of each service that has any there, where it is not as it was.
void Core::Impl::ServicePart::Tell(const std::string& host, AtHost* at, const AtHost& now) {
  if (at->takes == now.takes && at->open_since == now.open_since) return;
  at->takes = now.takes;
  at->open_since = now.open_since;
  for (const auto& [name, count] : at->instances) {
    const Service* service = Find(name);
    for (const auto& [id, instance] : service->instances) {
      if (instance->host != host) continue;
      instance->host_takes = now.takes;
      instance->host_open_since = now.open_since;
      if (instance->breaker.is_open()) SetTimer(*service, instance.get());
    }
    if (now.open_since != kMonoNever)
      core_.breakers_.next_sweep = std::min(core_.breakers_.next_sweep, MonoTime{now.open_since.ms + BreakerOf(*service).max_wait_ms});
  }
  for (Host* each : WhoWaitsFor(host, *at)) {
    core_.ReviewHost(each);
    core_.CheckSleepers(each);
  }
  for (const auto& [name, count] : at->instances) WakeLookers(*Find(name));
}

// ---- calls

/// Each instance has a breaker of its own, with what the service says of it. That of its host counts its calls, too, where the file says one for that
/// host, and while it is not closed, since what ends then tells all who wait there.
Core::Impl::ServicePart::Seat Core::Impl::ServicePart::Sit(const Instance& instance, const std::string& turn_of) {
  Seat seat;
  seat.host = core_.GetHost(instance.host);
  Host* host = seat.host;
  ++host->refs;
  core_.turns_.BeginBeside(host);
  if (host->limits.rate_per_s) core_.TakeHostToken(host);
  seat.at_breaker = host->breaker.state() != Breaker::State::kClosed || (host->rule && host->rule->breaker);
  if (seat.at_breaker) seat.call = core_.BeginAtBreaker(host);
  host->by_name = false;
  if (host->serves) at_hosts_.find(host->name)->second.last = turn_of;
  OnHost(host);
  return seat;
}

void Core::Impl::ServicePart::ReachAt(const Seat& seat) {
  if (seat.at_breaker) core_.ReachAtBreaker(seat.host, seat.call);
}

bool Core::Impl::ServicePart::Leave(Seat* seat, const AttemptResult& result) {
  Host* host = std::exchange(seat->host, nullptr);
  core_.turns_.EndBeside(host);
  const bool in_vain = seat->at_breaker && core_.EndAtBreaker(host, seat->call, result);
  OnHost(host);
  core_.CheckSleepers(host);
  core_.UnrefHost(host);
  return in_vain;
}

// ---- explain, and checks

void Core::Impl::ServicePart::ExplainHosts(const Entry& entry, const Service& service, Explained* out) const {
  struct Of {
    std::string first;  // of the first that there is
    size_t others = 0;
  };
  std::map<const char*, Of, std::less<std::string_view>> why;
  std::optional<WallTime> earliest;
  bool probed = false;
  for (const auto& instance : service.HeldBack(WantedOf(entry), core_.now_.mono)) {
    const Host& host = *core_.hosts_.at(instance->host);
    const char* code = "host_at_cap";
    std::string text = " has " + std::to_string(host.in_flight) + " in flight, as many as it may";
    if (host.rule && host.rule->shared) text += " while other namespaces share its rule";
    std::optional<WallTime> at = core_.now_.wall;
    if (host.settings.paused) {
      code = "host_paused";
      text = " is paused";
      at.reset();
    } else if (host.breaker.is_open()) {
      code = "breaker_open";
      text = " cannot be reached since " + FormatRfc3339(core_.WallAt(host.breaker.open_since()));
      if (host.breaker.state() == Breaker::State::kOpen) {
        at = core_.WallAt(std::max(host.breaker.next_probe(), core_.now_.mono));
      } else {
        text += "; a probe is under way since " + FormatRfc3339(core_.WallAt(host.breaker.probing_since()));
        at.reset();
        probed = true;
      }
    } else if (host.awaits_token) {
      code = "host_rate_limited";
      text = "'s rate is used up for now";
      at = core_.WallAt(host.token->first);
    }
    if (at) earliest = std::min(earliest.value_or(*at), *at);
    Of& of = why[code];
    if (of.first.empty()) of.first = "the host of its instance " + instance->id + ", " + host.name + "," + text;
    else ++of.others;
  }
  for (const auto& [code, of] : why)
    out->reasons.push_back({code, of.first + (of.others > 0 ? "; so it is with " + std::to_string(of.others) + " more" : "")});
  if (!earliest && probed) out->AwaitOthers(core_.now_.wall);
  else if (!earliest) out->expected_at.reset();
  else if (out->expected_at) out->expected_at = std::max(*out->expected_at, *earliest);
}

void Core::Impl::ServicePart::CheckHosts(std::map<const Host*, uint32_t>* in_flight) const {
  for (const auto& [id, call] : calls_) {
    CHECK((call.seat.host != nullptr) == (call.instance != nullptr));
    if (call.seat.host) ++(*in_flight)[call.seat.host];
  }
  for (const auto& [id, probe] : probes_) ++(*in_flight)[probe.seat.host];
  for (const auto& [name, host] : core_.hosts_) CHECK(host->serves == at_hosts_.contains(name));
  for (const auto& [name, at] : at_hosts_) {
    // Nobody is forgotten who waits for the host, and nobody goes to one that takes no more.
    auto found = core_.hosts_.find(name);
    const AtHost now = found == core_.hosts_.end() ? AtHost() : Judge(*found->second);
    CHECK(at.takes == now.takes && at.open_since == now.open_since);
  }
  for (const auto& [name, service] : services_)
    for (const auto& [id, instance] : service->instances) {
      auto at = at_hosts_.find(instance->host);
      const AtHost told = at == at_hosts_.end() ? AtHost() : at->second;
      CHECK(instance->host_takes == told.takes && instance->host_open_since == told.open_since);
    }
}

}  // namespace notifyd
