// Probes of a service: where it says a path, it is a GET to that which finds out whether an instance whose breaker is open is back, not a due notify.
// Decided here, made by the sender as any call; it is no notify's, is in no book, and leaves no trace but what the breaker makes of its end.
#include <utility>

#include "broker/core_services.h"
#include "broker/spec.h"

namespace notifyd {
namespace {

/// Of ids: far above what notifies ever get.
constexpr uint64_t kLastSequence = (uint64_t{1} << 48) - 1;
constexpr uint64_t kProbeIds = 1 << 20;

}  // namespace

bool Core::Impl::ServicePart::Probes(const Service& service) const {
  if (!service.settings.probe || core_.stopping_ || !core_.switches_.known) return false;
  auto host = core_.switches_.all->hosts.find("service://" + service.name());
  return host == core_.switches_.all->hosts.end() || !host->second.paused;
}

void Core::Impl::ServicePart::MaybeProbe(Service* service, Instance* instance) {
  Breaker& breaker = instance->breaker;
  if (core_.holding_ || !Probes(*service) || breaker.state() != Breaker::State::kOpen || !breaker.MayBegin(core_.now_.mono) || !instance->host_takes)
    return;
  const ServiceProbe& probe = *service->settings.probe;
  const std::string host = "service://" + service->name();
  NotifySpec spec;
  spec.url = host + probe.path;
  spec.method = Method::kGet;
  spec.timeout_ms = probe.timeout_ms;
  auto envelope = std::make_shared<Envelope>();
  envelope->host = host;
  envelope->lane.name = host;
  envelope->caller = "unknown";
  const NotifyId id = NotifyId::Of(NotifyId{core_.totals_.next_id}.number(), kLastSequence - next_probe_++ % kProbeIds);
  StartAttempt start;
  start.id = id;
  start.number = 1;
  start.at = core_.now_.wall;
  start.envelope = std::move(envelope);
  start.spec = std::make_shared<const std::string>(EncodeSpec(spec));
  start.over = StartAttempt::Over::kNew;
  start.instance =
      std::make_shared<const StartAttempt::Instance>(StartAttempt::Instance{instance->id, instance->settings.url, service->settings.host_header});
  Probe& sent = probes_[id] = {service->name(), service->instances.find(instance->id)->second, breaker.Begin(core_.now_.mono), Sit(*instance, host)};
  ++core_.reads_under_way_;  // a stop, and a namespace that is removed, wait for its end
  start.tell_reached = IsToTell(sent.seat);
  core_.out_->starts.push_back(std::move(start));
}

/// To the instance that says nothing: it must answer, too. Its host is there.
bool Core::Impl::ServicePart::ReachedProbe(const AttemptReached& e) {
  auto found = probes_.find(e.id);
  if (found == probes_.end()) return false;
  ReachAt(found->second.seat);
  return true;
}

bool Core::Impl::ServicePart::EndedProbe(const AttemptEnded& e) {
  auto found = probes_.find(e.id);
  if (found == probes_.end()) return false;
  Probe probe = std::move(found->second);
  probes_.erase(found);
  --core_.reads_under_way_;
  Leave(&probe.seat, e.result);
  Service* service = Find(probe.service);
  Instance* instance = probe.instance.get();
  if (!service || service->Find(instance->id) != instance) return true;  // it has gone meanwhile
  const MonoTime since = instance->breaker.open_since();
  const bool counts = instance->breaker.IsProbe(probe.call);
  // What was reached, and is not well, is not back.
  const Contact contact = e.result.verdict == Verdict::kSuccess ? Contact::kReached : Contact::kUnreached;
  const Breaker::Change change = instance->breaker.End(probe.call, contact, core_.now_.mono, BreakerOf(*service));
  Follow(service, instance, change, since, e.result.record.error);
  if (counts && instance->breaker.is_open()) MaybeDisable(*service);
  return true;
}

}  // namespace notifyd
