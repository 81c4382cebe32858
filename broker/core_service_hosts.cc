// Hosts of services: "service://NAME", and beside it one for each pool and instance that some notify names. Who waits at those beside is woken here,
// and people see them all as one host. See core_services.h.
#include <utility>

#include "broker/core_services.h"

namespace notifyd {
namespace {

/// Of so many it is known that they look for somebody; further ones look after a while alone.
constexpr size_t kMostLookers = 10'000;

}  // namespace

// ---- who looks for a pool, or an instance, of its own

void Core::Impl::ServicePart::Look(const Entry& entry) {
  // Some may have been cancelled since; the others come back within seconds.
  if (looking_ >= kMostLookers) {
    lookers_.clear();
    looking_ = 0;
  }
  looking_ += lookers_[entry.host->name].insert(entry.id).second;
  // Somebody may have waited for as long as one does.
  if (core_.WaitedAtBreaker(entry)) woken_.push_back(entry.id);
}

void Core::Impl::ServicePart::StopLooking(const Entry& entry) {
  auto found = lookers_.find(entry.host->name);
  if (found == lookers_.end()) return;
  looking_ -= found->second.erase(entry.id);
  if (found->second.empty()) lookers_.erase(found);
}

bool Core::Impl::ServicePart::LooksAgain(const Entry& entry) const {
  auto found = lookers_.find(entry.host->name);
  return found != lookers_.end() && found->second.contains(entry.id) && entry.state.phase == Phase::kRetrying;
}

void Core::Impl::ServicePart::WakeLookers(const Service& service) {
  if (lookers_.empty()) return;
  const std::string beside = "service://" + service.name() + "?";
  for (auto at = lookers_.lower_bound(beside); at != lookers_.end() && at->first.starts_with(beside);) {
    const Service::Wanted wanted = WantedAt(at->first);
    const bool refuses = service.OpenSince(wanted) && BreakerOf(service).fail_on_open;
    if (!refuses && !service.HasOne(wanted, core_.now_.mono)) {
      ++at;
      continue;
    }
    // One that begins with its breaker not closed is reviewed again when it ends.
    const size_t most = refuses || service.HasClosed(wanted) ? at->second.size() : 1;
    const auto last = std::next(at->second.begin(), static_cast<ptrdiff_t>(most));
    woken_.insert(woken_.end(), at->second.begin(), last);
    at->second.erase(at->second.begin(), last);
    looking_ -= most;
    at = at->second.empty() ? lookers_.erase(at) : std::next(at);
  }
}

void Core::Impl::ServicePart::LookNow(Entry* entry) {
  const Service* service = ServiceOf(*entry);
  if (!service || entry->state.phase != Phase::kRetrying || entry->in_flight() || entry->state.retry_at <= core_.now_.mono) return;
  core_.ApplyRetry(entry, "");
}

// ---- as people see them

bool Core::Impl::ServicePart::IsPaused(const Host& host) const {
  if (!core_.switches_.known) return false;
  auto found = core_.switches_.all->hosts.find(std::string(ShownName(host.name)));
  return found != core_.switches_.all->hosts.end() && found->second.paused;
}

std::vector<std::string> Core::Impl::ServicePart::Beside(std::string_view host) const {
  std::vector<std::string> names;
  if (!IsServiceHost(host)) return names;
  const std::string beside = std::string(host) + "?";
  for (auto at = beside_.lower_bound(beside); at != beside_.end() && at->starts_with(beside); ++at) names.push_back(*at);
  return names;
}

void Core::Impl::ServicePart::MaybeDisable(const Service& service) {
  Host* host = core_.GetHost("service://" + service.name());
  core_.MaybeDisable(host);
  core_.MaybeDropHost(host);
}

void Core::Impl::ServicePart::OnHostSettings(Host* host, bool resumed) {
  for (const std::string& name : Beside(host->name)) ReviewHostOf(name);
  const Service* service = ServiceAt(*host);
  if (resumed && service)
    for (const auto& [id, instance] : service->instances) SetTimer(*service, instance.get());
  const std::optional<MonoTime> since = resumed ? OpenSince(*host) : std::nullopt;
  const int64_t after_ms = BreakerOf(*host).disable_after_ms;
  if (!since || after_ms == 0 || core_.now_.mono.ms - since->ms < after_ms) return;
  // It was paused since nothing reached it for so long: whoever resumes it finds it as if that had not been.
  if (!IsService(*host)) {
    host->breaker.Reset();
    return core_.FollowBreaker(host);
  }
  for (const auto& [id, instance] : service->instances) {
    instance->breaker.Reset();
    SetTimer(*service, instance.get());
  }
  Review(*service);
  TellWatchers(*service);
}

void Core::Impl::ServicePart::AddBeside(HostView* view) const {
  for (const std::string& name : Beside(view->host)) {
    const Host& host = *core_.hosts_.at(name);
    view->in_flight += host.in_flight;
    view->waiting_lanes += host.ring.size + host.parked;
    view->queued += host.queued;
    view->sleeping_lanes |= host.sleepers;
  }
}

}  // namespace notifyd
