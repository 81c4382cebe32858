#include "broker/core_shared_hosts.h"

#include <algorithm>
#include <utility>

#include "broker/core_host_limits.h"
#include "broker/core_services.h"

namespace notifyd {

void Core::Impl::TakeSharedUses(std::vector<SharedUse>* out) {
  shared_->Take(out);
}

void Core::Impl::SharedHosts::Follow(const Host& host) {
  const bool shared = host.rule && host.rule->shared;
  auto found = hosts_.find(host.name);
  if (found != hosts_.end() && shared && found->second.told.rule == host.rule->place) return;
  if (found != hosts_.end()) Forget(host.name);
  if (!shared) return;
  // Above all that any core before this one said: the time line goes on over restarts.
  last_joined_ = std::max<uint64_t>(last_joined_ + 1, static_cast<uint64_t>(core_.now_.mono.ms));
  Shared& fresh = hosts_[host.name];
  fresh.joined = last_joined_;
  fresh.told.rule = host.rule->place;
}

void Core::Impl::SharedHosts::Forget(const std::string& host) {
  auto found = hosts_.find(host);
  if (found == hosts_.end()) return;
  SharedUse gone = std::move(found->second.told);
  hosts_.erase(found);
  if (gone.joined == 0) return;  // nobody heard of it
  gone.gone = true;
  gone_.push_back(std::move(gone));
}

HostSettings Core::Impl::SharedHosts::Bound(const std::string& host, HostSettings all) const {
  auto found = hosts_.find(host);
  if (found == hosts_.end()) return all;
  const SharedGrant& lent = found->second.lent;
  // Until something is lent, lent.number is 0 and so is the rest.
  all.concurrency = std::min(all.concurrency.value_or(UINT32_MAX), lent.concurrency);
  if (lent.rate_per_s > 0) all.rate_per_s = std::min(all.rate_per_s.value_or(lent.rate_per_s), lent.rate_per_s);
  return all;
}

void Core::Impl::SharedHosts::On(const SharedGrant& grant) {
  auto found = hosts_.find(grant.host);
  if (found == hosts_.end() || found->second.joined != grant.joined || grant.number <= found->second.lent.number) return;
  Host* host = core_.GetHost(grant.host);
  const bool first = found->second.lent.number == 0;
  // What came back until now came back at the rate of before.
  host->bucket.Take(core_.now_.mono, HostLimits::RateOf(*host), 0);
  found->second.lent = grant;
  HostLimits::Weigh(core_, host);
  const TokenRate rate = HostLimits::RateOf(*host);
  // A full bucket each would let as many go at once as there are namespaces.
  if (first && !grant.alone && rate.limits()) {
    host->bucket.Take(core_.now_.mono, rate, host->bucket.Tokens(core_.now_.mono, rate));
    HostLimits::Weigh(core_, host);
  }
  core_.MaybeDropHost(host);
}

bool Core::Impl::SharedHosts::HasRules() const {
  if (!core_.flow_settings_) return false;
  const std::vector<HostRule>& rules = core_.flow_settings_->hosts;
  return std::any_of(rules.begin(), rules.end(), [](const HostRule& rule) { return rule.shared; });
}

SharedUse Core::Impl::SharedHosts::UseOf(const Host& host, const Shared& shared) const {
  SharedUse use;
  use.host = host.name;
  use.rule = host.rule->place;
  use.joined = shared.joined;
  use.concurrency = host.rule->concurrency.value_or(0);
  use.rate_per_s = host.rule->rate_per_s.value_or(0);
  use.grant = shared.lent.number;
  use.in_flight = host.in_flight;
  // More is of no use where it may have no more by itself.
  const uint32_t most = HostLimits::Of(host.settings, host.rule).concurrency.value_or(UINT32_MAX);
  const bool at_grant = !host.shut && host.cap < most && host.in_flight >= host.cap;
  use.wants = at_grant && (host.stopped || host.sleepers || core_.services_->WaitsAt(host)) && !core_.stopping_ && !core_.holding_;
  return use;
}

bool Core::Impl::SharedHosts::IsWorthTelling(const SharedUse& told, const SharedUse& now, uint32_t lent) {
  if (told.joined != now.joined || told.grant != now.grant || told.wants != now.wants) return true;
  if (told.concurrency != now.concurrency || told.rate_per_s != now.rate_per_s) return true;
  if ((told.in_flight == 0) != (now.in_flight == 0)) return true;
  return told.in_flight != now.in_flight && (told.in_flight > lent || now.in_flight > lent);
}

void Core::Impl::SharedHosts::Take(std::vector<SharedUse>* out) {
  std::move(gone_.begin(), gone_.end(), std::back_inserter(*out));
  gone_.clear();
  for (auto& [name, shared] : hosts_) {
    SharedUse now = UseOf(*core_.hosts_.at(name), shared);
    if (!IsWorthTelling(shared.told, now, shared.lent.concurrency)) continue;
    shared.told = now;
    out->push_back(std::move(now));
  }
}

}  // namespace notifyd
