#include "broker/core_host_limits.h"

#include <algorithm>
#include <vector>

#include "broker/core_services.h"
#include "broker/core_shared_hosts.h"
#include "broker/flow.h"

namespace notifyd {

/// Where neither of them says anything there is no limit. The file pauses no host. How many programs the machine bears the file alone says.
HostSettings Core::Impl::HostLimits::Of(const HostSettings& own, const HostRule* rule) {
  HostSettings both = own;
  if (!rule) return both;
  // One namespace's operator does not decide over the others' part, nor over what the machine bears.
  const bool file_only = rule->shared || !rule->command.empty();
  if (!both.concurrency || (file_only && rule->concurrency && *rule->concurrency < *both.concurrency)) both.concurrency = rule->concurrency;
  if (!both.rate_per_s || (file_only && rule->rate_per_s && *rule->rate_per_s < *both.rate_per_s)) both.rate_per_s = rule->rate_per_s;
  return both;
}

const HostRule* Core::Impl::HostLimits::RuleOf(const Core::Impl& core, const std::string& name) {
  if (!core.flow_settings_) return nullptr;
  return RuleOfHost(name, CommandOf(name).empty() ? core.flow_settings_->hosts : core.flow_settings_->commands);
}

/// A burst that nobody said is what a rate of calls gives in 10 ms, as that of a lane.
TokenRate Core::Impl::HostLimits::RateOf(const Host& host) {
  if (!host.limits.rate_per_s) return {};
  return {*host.limits.rate_per_s, static_cast<uint32_t>(std::max(1.0, *host.limits.rate_per_s / 100))};
}

void Core::Impl::HostLimits::Begin(Core::Impl& core, Host* host) {
  host->rule = RuleOf(core, host->name);
  core.shared_->Follow(*host);
  host->limits = core.shared_->Bound(host->name, Of(host->settings, host->rule));
  core.turns_.SetCap(host, host->limits.concurrency.value_or(UINT32_MAX));
}

void Core::Impl::HostLimits::Apply(Core::Impl& core, const std::string& name, const HostSettings& settings) {
  Host* host = core.GetHost(name);
  if (host->settings != settings) {
    const bool resumed = host->settings.paused && !settings.paused;
    host->settings = settings;
    Weigh(core, host);
    core.services_->OnHostSettings(host, resumed);
  }
  core.MaybeDropHost(host);
}

void Core::Impl::HostLimits::Weigh(Core::Impl& core, Host* host) {
  host->limits = core.shared_->Bound(host->name, Of(host->settings, host->rule));
  core.ForgetToken(host);
  core.turns_.SetCap(host, host->limits.concurrency.value_or(UINT32_MAX));
  core.ReviewHost(host);
  core.CheckSleepers(host);
}

void Core::Impl::HostLimits::ApplyRules(Core::Impl& core) {
  // By their names: who gets its turn first follows from no hash.
  std::vector<Host*> hosts;
  for (const auto& [name, host] : core.hosts_) hosts.push_back(host.get());
  std::sort(hosts.begin(), hosts.end(), [](const Host* a, const Host* b) { return a->name < b->name; });
  for (Host* host : hosts) {
    const HostRule* before = host->rule;
    host->rule = RuleOf(core, host->name);
    if (!before && !host->rule) continue;
    core.shared_->Follow(*host);
    host->breaker.OnSettings(core.now_.mono, core.services_->BreakerOf(*host));
    core.TimeBreaker(host);
    Weigh(core, host);
    core.MaybeDropHost(host);
  }
  if (core.breakers_.open > 0) core.breakers_.next_sweep = core.now_.mono;
}

bool Core::Impl::HostLimits::Lingers(Core::Impl& core, Host* host) {
  const TokenRate rate = RateOf(*host);
  // Up to a bound, as hosts with breakers are.
  const bool room = host->lingers || core.host_tokens_.size() < std::max<size_t>(core.limits_.max_loaded / 4, 1024);
  if (!room || host->bucket.IsFull(core.now_.mono, rate)) {
    core.ForgetToken(host);
    return false;
  }
  if (!host->awaits_token && !host->lingers) {
    host->lingers = true;
    host->token = core.host_tokens_.emplace(host->bucket.When(rate.burst, core.now_.mono, rate), host);
  }
  return true;
}

}  // namespace notifyd
