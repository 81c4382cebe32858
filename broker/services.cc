#include "broker/services.h"

#include <algorithm>
#include <cmath>

#include "base/bytes.h"

namespace notifyd {
namespace {

constexpr std::pair<Balance, const char*> kBalances[] = {
    {Balance::kLeastActive, "least_active"}, {Balance::kRoundRobin, "round_robin"}, {Balance::kRandom, "random"}, {Balance::kHash, "hash"}};

constexpr size_t kMostNameBytes = 100;

bool IsSmall(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool IsIn(const Instance& instance, std::string_view pool) {
  const std::vector<std::string>& pools = instance.settings.pools;
  return pool.empty() || std::find(pools.begin(), pools.end(), pool) != pools.end();
}

bool IsAvoided(const Service::Wanted& wanted, const Instance& instance) {
  return wanted.avoid && std::find(wanted.avoid->begin(), wanted.avoid->end(), instance.id) != wanted.avoid->end();
}

/// Of weighted rendezvous hashing (Mosko 2015): the highest wins. It depends on the instance and the hash alone.
double ScoreOf(const Instance& instance, uint64_t hash) {
  std::string text = instance.id;
  Encoder(&text).Big64(hash);
  const double unit = (static_cast<double>(Hash64(text) >> 11) + 0.5) * 0x1.0p-53;  // above 0, below 1
  return -static_cast<double>(instance.settings.weight) / std::log(unit);
}

}  // namespace

const char* ToString(Balance balance) {
  for (const auto& [each, word] : kBalances)
    if (each == balance) return word;
  return "least_active";
}

std::optional<Balance> ParseBalance(std::string_view word) {
  for (const auto& [each, text] : kBalances)
    if (word == text) return each;
  return std::nullopt;
}

namespace {
constexpr std::pair<std::string_view, std::string_view Service::Wanted::*> kWants[] = {
    {"pool=", &Service::Wanted::pool}, {"pool_fallback=", &Service::Wanted::pool_fallback}, {"instance=", &Service::Wanted::instance}};
}  // namespace

std::string HostOf(std::string host, const Service::Wanted& wanted) {
  host.resize(std::min(host.find('?'), host.size()));
  char joint = '?';
  for (const auto& [name, member] : kWants) {
    if ((wanted.*member).empty()) continue;
    host.append(1, joint).append(name).append(wanted.*member);
    joint = '&';
  }
  return host;
}

Service::Wanted WantedAt(std::string_view host) {
  Service::Wanted wanted;
  size_t at = host.find('?');
  while (at < host.size()) {
    const size_t end = std::min(host.find('&', at + 1), host.size());
    const std::string_view part = host.substr(at + 1, end - at - 1);
    for (const auto& [name, member] : kWants)
      if (part.starts_with(name)) wanted.*member = part.substr(name.size());
    at = end;
  }
  return wanted;
}

std::string UrlAt(std::string_view instance_url, std::string_view url) {
  constexpr size_t kSchemeBytes = 10;  // service://
  const size_t behind = url.find_first_of("/?#", std::min(kSchemeBytes, url.size()));
  const std::string_view rest = behind == url.npos ? std::string_view() : url.substr(behind);
  if (rest.starts_with('/') && instance_url.ends_with('/')) instance_url.remove_suffix(1);
  return std::string(instance_url).append(rest);
}

bool IsServiceName(std::string_view text) {
  if (text.empty() || text.size() > kMostNameBytes || !IsSmall(text[0])) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return IsSmall(c) || c == '.' || c == '-'; });
}

bool IsInstanceId(std::string_view text) {
  if (text.empty() || text.size() > kMostNameBytes) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return IsSmall(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == ':' || c == '-'; });
}

Instance* Service::Find(std::string_view id) const {
  auto found = instances.find(id);
  return found == instances.end() ? nullptr : found->second.get();
}

std::pair<std::string_view, std::string_view> Service::PoolsOf(const Wanted& wanted) const {
  const bool own = !wanted.pool.empty();
  const std::string_view fallback = !wanted.pool_fallback.empty() ? wanted.pool_fallback : own ? std::string_view() : settings.pool_fallback;
  return {own ? wanted.pool : std::string_view(settings.pool), fallback};
}

bool Service::IsWanted(const Wanted& wanted, const Instance& instance) const {
  if (!wanted.instance.empty()) return instance.id == wanted.instance;
  const auto [pool, fallback] = PoolsOf(wanted);
  return IsIn(instance, pool) || (!fallback.empty() && IsIn(instance, fallback));
}

size_t Service::CountDraining(const Wanted& wanted) const {
  return static_cast<size_t>(std::count_if(instances.begin(), instances.end(),
                                           [&](const auto& each) { return each.second->settings.weight == 0 && IsWanted(wanted, *each.second); }));
}

MonoTime Service::NextProbe(const Wanted& wanted) const {
  MonoTime next = kMonoNever;
  for (const auto& [id, instance] : instances)
    if (instance->settings.weight > 0 && instance->breaker.state() == Breaker::State::kOpen && IsWanted(wanted, *instance))
      next = std::min(next, instance->breaker.next_probe());
  return next;
}

MonoTime Service::ProbingSince(const Wanted& wanted) const {
  MonoTime since = kMonoNever;
  for (const auto& [id, instance] : instances)
    if (instance->settings.weight > 0 && instance->breaker.state() == Breaker::State::kProbing && IsWanted(wanted, *instance))
      since = std::min(since, instance->breaker.probing_since());
  return since;
}

/// Shows `see` those that `takes` takes of the pool that is wanted, or where that has none of its fallback, until it returns false.
template <class Takes, class See>
void Service::Each(const Wanted& wanted, Takes takes, See see) const {
  if (!wanted.instance.empty()) {
    auto found = instances.find(wanted.instance);
    if (found != instances.end() && found->second->settings.weight > 0 && takes(*found->second)) see(found->second);
    return;
  }
  // Returns whether there was one.
  auto show = [&](std::string_view pool) {
    bool any = false;
    for (const auto& [id, instance] : instances) {
      if (instance->settings.weight == 0 || !IsIn(*instance, pool) || !takes(*instance)) continue;
      any = true;
      if (!see(instance)) break;
    }
    return any;
  };
  const auto [pool, fallback] = PoolsOf(wanted);
  if (!show(pool) && !fallback.empty()) show(fallback);
}

template <class Takes>
Service::Picks Service::Of(const Wanted& wanted, Takes takes) const {
  Picks picks;
  Each(wanted, takes, [&](const std::shared_ptr<Instance>& instance) {
    picks.push_back(instance);
    return true;
  });
  return picks;
}

template <class Takes>
bool Service::Any(const Wanted& wanted, Takes takes) const {
  bool any = false;
  Each(wanted, takes, [&](const std::shared_ptr<Instance>&) {
    any = true;
    return false;
  });
  return any;
}

/// As far as its own breaker goes.
bool Service::MayTake(const Instance& instance, MonoTime now) const {
  return instance.breaker.MayBegin(now) && !(settings.probe && instance.breaker.is_open());
}

Service::Picks Service::Candidates(const Wanted& wanted, MonoTime now) const {
  return Of(wanted, [&](const Instance& instance) { return instance.host_takes && MayTake(instance, now); });
}

bool Service::HasOne(const Wanted& wanted, MonoTime now) const {
  return Any(wanted, [&](const Instance& instance) { return instance.host_takes && MayTake(instance, now); });
}

Service::Picks Service::HeldBack(const Wanted& wanted, MonoTime now) const {
  return Of(wanted, [&](const Instance& instance) { return !instance.host_takes && MayTake(instance, now); });
}

bool Service::WaitsForHosts(const Wanted& wanted, MonoTime now) const {
  auto waits = [&](const Instance& instance) { return instance.host_open_since == kMonoNever && MayTake(instance, now); };
  return !HasOne(wanted, now) && Any(wanted, waits);
}

bool Service::HasClosed(const Wanted& wanted) const {
  auto closed = [](const Instance& instance) {
    return instance.breaker.state() == Breaker::State::kClosed && instance.host_open_since == kMonoNever;
  };
  return Any(wanted, closed);
}

bool Service::IsAlive(const Wanted& wanted) const {
  return Any(wanted, [](const Instance&) { return true; });
}

std::optional<MonoTime> Service::OpenSince(const Wanted& wanted) const {
  std::optional<MonoTime> since;
  Each(
      wanted, [](const Instance&) { return true; },
      [&](const std::shared_ptr<Instance>& instance) {
        const MonoTime own = instance->breaker.is_open() ? instance->breaker.open_since() : kMonoNever;
        const MonoTime open = std::min(own, instance->host_open_since);
        since = open == kMonoNever ? std::nullopt : std::optional(std::max(since.value_or(MonoTime{0}), open));
        return since.has_value();
      });
  return since;
}

bool Service::HasAnother(const Wanted& wanted, MonoTime now) const {
  const Picks among = Candidates(wanted, now);
  return std::any_of(among.begin(), among.end(), [&](const auto& instance) { return !IsAvoided(wanted, *instance); });
}

/// Smooth weighted round robin, as nginx has it: over any stretch each gets its share, spread evenly.
std::shared_ptr<Instance> Service::NextInTurn(const Picks& among) const {
  std::shared_ptr<Instance> next;
  int64_t weights = 0;
  for (const auto& instance : among) {
    instance->turn += instance->settings.weight;
    weights += instance->settings.weight;
    if (!next || instance->turn > next->turn) next = instance;
  }
  if (next) next->turn -= weights;
  return next;
}

std::shared_ptr<Instance> Service::Choose(const Wanted& wanted, MonoTime now, Random* random) {
  Picks among = Candidates(wanted, now);
  if (std::any_of(among.begin(), among.end(), [&](const auto& instance) { return !IsAvoided(wanted, *instance); }))
    std::erase_if(among, [&](const auto& instance) { return IsAvoided(wanted, *instance); });
  if (among.size() < 2) return among.empty() ? nullptr : among.front();
  switch (settings.balance) {
    case Balance::kRoundRobin:
      return NextInTurn(among);
    case Balance::kRandom: {
      uint64_t weights = 0;
      for (const auto& instance : among) weights += instance->settings.weight;
      uint64_t at = random->Below(weights);
      for (const auto& instance : among) {
        if (at < instance->settings.weight) return instance;
        at -= instance->settings.weight;
      }
      break;
    }
    case Balance::kHash:
      return *std::max_element(among.begin(), among.end(),
                               [&](const auto& a, const auto& b) { return ScoreOf(*a, wanted.hash) < ScoreOf(*b, wanted.hash); });
    case Balance::kLeastActive:
      break;
  }
  // a/x < b/y is a*y < b*x.
  auto load = [](const Instance& a, const Instance& b) { return uint64_t{a.active} * b.settings.weight; };
  auto least = std::min_element(among.begin(), among.end(), [&](const auto& a, const auto& b) { return load(*a, *b) < load(*b, *a); });
  const std::shared_ptr<Instance> best = *least;
  std::erase_if(among, [&](const auto& instance) { return load(*best, *instance) < load(*instance, *best); });
  return NextInTurn(among);
}

}  // namespace notifyd
