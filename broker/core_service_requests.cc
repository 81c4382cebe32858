// Services and instances asked for, said and taken back. What changes is written; a beat that says nothing new is not. See core_services.h.
#include <algorithm>
#include <utility>

#include "broker/core_history.h"
#include "broker/core_services.h"
#include "broker/service_records.h"

namespace notifyd {
namespace {

constexpr size_t kMostServices = 10'000, kMostInstances = 1'000, kMostInstancesInAll = 100'000;

RecordKey KeyOf(const Service& service) {
  return {RecordKind::kService, service.name()};
}

}  // namespace

Handled Core::Impl::Handle(Task* task, ServiceRequest& r) {
  return services_->Handle(task, r);
}

Handled Core::Impl::ServicePart::Handle(Task* task, ServiceRequest& r) {
  if (!core_.NeedCatalog(task)) return Handled::kParked;
  return std::visit([&](const auto& ask) { return Do(r.request, ask); }, r.ask->what);
}

Handled Core::Impl::ServicePart::Answer(uint64_t batch, RequestId request, ServiceAnswer answer, bool unchanged) {
  return core_.ReplyAfter(batch, request, ServiceAnswered{std::make_shared<const ServiceAnswer>(std::move(answer))}, unchanged);
}

bool Core::Impl::ServicePart::RefusedFromFile(RequestId request, bool from_file) {
  if (from_file) core_.Refuse(request, Code::kConflict, "the configuration file says this: it is changed there");
  return from_file;
}

// ---- what is seen

/// What changes where the list does: settings, and who can be reached. Time O(instances).
std::string Core::Impl::ServicePart::DigestOfList(const Service& service) {
  std::string bytes;
  Encoder encoder(&bytes);
  for (const auto& [id, instance] : service.instances) {
    encoder.Text(id);
    encoder.Text(EncodeInstance(instance->settings));
    encoder.U8(instance->breaker.is_open());
  }
  const Fingerprint print = FingerprintOf(bytes);
  std::string digest;
  Encoder(&digest).Big64(print.high);
  Encoder(&digest).Big64(print.low);
  return digest;
}

InstanceView Core::Impl::ServicePart::ViewOf(const Service& service, const Instance& instance) const {
  InstanceView view;
  view.id = instance.id;
  view.settings = instance.settings;
  view.from_file = instance.from_file;
  view.in_flight = instance.active;
  if (instance.gone_at != kMonoNever) view.gone_at = core_.WallAt(instance.gone_at);
  view.breaker = instance.breaker.state();
  if (instance.breaker.is_open()) view.open_since = core_.WallAt(instance.breaker.open_since());
  if (instance.breaker.state() == Breaker::State::kOpen) view.next_probe = core_.WallAt(std::max(instance.breaker.next_probe(), core_.now_.mono));
  view.bytes = EncodeInstance(instance.settings);
  view.figures = core_.history_->FiguresOfInstance(service.name(), instance.id);
  return view;
}

ServiceView Core::Impl::ServicePart::ViewOf(const Service& service) const {
  ServiceView view;
  view.name = service.name();
  view.settings = service.settings;
  view.from_file = service.from_file;
  view.bytes = EncodeService(service.settings);
  for (const auto& [id, instance] : service.instances)
    ++view.counts[static_cast<size_t>(InstanceStateOf(instance->settings, instance->breaker.state()))];
  return view;
}

Handled Core::Impl::ServicePart::Do(RequestId request, const ListServices& ask) {
  ServiceAnswer answer;
  answer.kind = ServiceAnswer::Kind::kServices;
  const ResourcesQuery& page = ask.page;
  auto at = page.after.empty() || page.after < page.prefix ? services_.lower_bound(page.prefix) : services_.upper_bound(page.after);
  size_t bytes = 0;
  for (; at != services_.end() && at->first.starts_with(page.prefix); ++at) {
    ServiceView view = ViewOf(*at->second);
    bytes += view.bytes.size();
    answer.more = answer.services.size() == page.limit || (!answer.services.empty() && bytes > kListPageBytes);
    if (answer.more) break;
    answer.services.push_back(std::move(view));
  }
  return Answer(0, request, std::move(answer));
}

Handled Core::Impl::ServicePart::Do(RequestId request, const GetService& ask) {
  const Service* service = Find(ask.name);
  if (!service) return NoService(request);
  ServiceAnswer answer;
  answer.services.push_back(ViewOf(*service));
  answer.bytes = answer.services[0].bytes;
  return Answer(0, request, std::move(answer));
}

ServiceAnswer Core::Impl::ServicePart::PageOf(const Service& service, const ResourcesQuery& page, std::string digest, InstanceViews* views) const {
  ServiceAnswer answer;
  answer.kind = ServiceAnswer::Kind::kInstances;
  answer.bytes = std::move(digest);
  answer.services.push_back(ViewOf(service));
  auto& shown = answer.services[0].instances;
  size_t bytes = 0;
  const auto& all = service.instances;
  auto at = page.after.empty() || page.after < page.prefix ? all.lower_bound(page.prefix) : all.upper_bound(page.after);
  for (; at != all.end() && at->first.starts_with(page.prefix); ++at) {
    answer.more = shown.size() == page.limit || bytes > kInstancesPageBytes;
    if (answer.more) break;
    auto& view = (*views)[at->first];
    if (!view) view = std::make_shared<const InstanceView>(ViewOf(service, *at->second));
    bytes += view->bytes.size();
    shown.push_back(view);
  }
  return answer;
}

Handled Core::Impl::ServicePart::Do(RequestId request, const ListInstances& ask) {
  const Service* service = Find(ask.service);
  if (!service) return NoService(request);
  std::string digest = DigestOfList(*service);
  if (!ask.changed_from || !ask.changed_from->Has(FingerprintOf(digest))) {
    InstanceViews views;
    return Answer(0, request, PageOf(*service, ask.page, std::move(digest), &views));
  }
  const MonoTime until{core_.now_.mono.ms + ask.wait_ms};
  watches_[request] = {ask.service, std::move(digest), ask.changed_from->prints, until, ask.page};
  watchers_of_[ask.service].insert(request);
  watch_ends_.emplace(until, request);
  if (ask.wait_ms <= 0 || core_.stopping_) AnswerUnchanged(request);
  return Handled::kDone;
}

/// Returns what it was; one of no service where the request does not wait.
Core::Impl::ServicePart::Watch Core::Impl::ServicePart::Unwatch(RequestId request) {
  auto node = watches_.extract(request);
  if (node.empty()) return {};
  watch_ends_.erase({node.mapped().until, request});
  auto of_service = watchers_of_.find(node.mapped().service);
  of_service->second.erase(request);
  if (of_service->second.empty()) watchers_of_.erase(of_service);
  return std::move(node.mapped());
}

/// Ends the wait: the list is as the waiting one knows it.
void Core::Impl::ServicePart::AnswerUnchanged(RequestId request) {
  ServiceAnswer answer;
  answer.kind = ServiceAnswer::Kind::kUnchanged;
  answer.bytes = Unwatch(request).digest;
  Answer(0, request, std::move(answer));
}

void Core::Impl::ServicePart::TellWatchers(const Service& service) {
  auto of_service = watchers_of_.find(service.name());
  if (of_service == watchers_of_.end()) return;
  const std::string digest = DigestOfList(service);
  InstanceViews views;
  for (RequestId request : std::set<RequestId>(of_service->second)) {
    Watch& waiting = watches_.at(request);
    if (waiting.digest == digest) continue;
    if (std::find(waiting.known.begin(), waiting.known.end(), FingerprintOf(digest)) != waiting.known.end()) {
      waiting.digest = digest;  // it is another one that he has
      continue;
    }
    const Watch watch = Unwatch(request);
    Answer(0, request, PageOf(service, watch.page, digest, &views));
  }
}

void Core::Impl::ServicePart::BeginStop() {
  while (!watches_.empty()) {
    const RequestId request = watches_.begin()->first;
    if (!core_.closed_) {
      AnswerUnchanged(request);
      continue;
    }
    Unwatch(request);
    core_.RefusedStopping(request);
  }
}

Handled Core::Impl::ServicePart::Do(RequestId request, const GetInstance& ask) {
  const Service* service = Find(ask.service);
  if (!service) return NoService(request);
  const Instance* instance = service->Find(ask.id);
  if (!instance) return NoInstance(request);
  ServiceAnswer answer;
  answer.kind = ServiceAnswer::Kind::kInstance;
  answer.services.push_back(ViewOf(*service));
  answer.services[0].instances.push_back(std::make_shared<const InstanceView>(ViewOf(*service, *instance)));
  answer.bytes = answer.services[0].instances[0]->bytes;
  return Answer(0, request, std::move(answer));
}

// ---- what is changed

Handled Core::Impl::ServicePart::Do(RequestId request, const PutService& ask) {
  if (core_.RefusedStopping(request)) return Handled::kDone;
  Service* service = Find(ask.name);
  if (RefusedFromFile(request, service && service->from_file)) return Handled::kDone;
  const std::string before = service ? EncodeService(service->settings) : std::string(), bytes = EncodeService(ask.settings);
  if (!ask.condition.Holds(service ? std::optional<std::string_view>(before) : std::nullopt)) return core_.ReplyNow(request, notifyd::Stale{});
  const bool created = !service;
  if (ask.settings.https && service)
    for (const auto& [id, instance] : service->instances)
      if (!instance->settings.url.starts_with("https://"))
        return core_.Refuse(request, Code::kUnacceptable, "the instance " + id + " is not one of https", "/https");
  if (created && services_.size() >= kMostServices)
    return core_.Refuse(request, Code::kTooMany, "there are " + std::to_string(kMostServices) + " services already");
  if (before != bytes) {
    if (Status room = core_.Room("nothing is kept"); !room.ok() && core_.disk_low_) return core_.Refuse(request, room);
    if (Status status = core_.StoreMore(before.size(), bytes.size() + (created ? kRecordBytes : 0)); !status.ok())
      return core_.Refuse(request, status);
    if (created) service = Create(ask.name, ask.settings);
    core_.WriteRecord(KeyOf(*service), bytes, kWallNever, /*fresh=*/created || !service->stored);
    service->settings = ask.settings;
    service->stored = ask.settings;
    core_.journal_.AskSync();
    for (const auto& [id, instance] : service->instances) instance->turn = 0;
    FollowSettings(service);
  }
  ServiceAnswer answer;
  answer.created = created;
  answer.services.push_back(ViewOf(*service));
  answer.bytes = answer.services[0].bytes;
  return Answer(core_.journal_.Barrier(), request, std::move(answer), /*unchanged=*/before == bytes);
}

void Core::Impl::ServicePart::LogRemoved(const Service& service, const Instance& instance) {
  core_.out_->flow_logs.push_back(
      {false, "instance removed", {{"service", service.name()}, {"instance", instance.id}, {"url", instance.settings.url}}});
}

Handled Core::Impl::ServicePart::Do(RequestId request, const DeleteService& ask) {
  if (core_.RefusedStopping(request)) return Handled::kDone;
  Service* service = Find(ask.name);
  if (!service) return ask.condition.Holds(std::nullopt) ? NoService(request) : core_.ReplyNow(request, notifyd::Stale{});
  const bool of_file = std::any_of(service->instances.begin(), service->instances.end(), [](const auto& each) { return each.second->from_file; });
  if (RefusedFromFile(request, service->from_file || of_file)) return Handled::kDone;
  if (!ask.condition.Holds(EncodeService(service->settings))) return core_.ReplyNow(request, notifyd::Stale{});
  while (!service->instances.empty()) {
    const std::shared_ptr<Instance> instance = service->instances.begin()->second;
    LogRemoved(*service, *instance);
    Remove(service, instance.get());
  }
  TellWatchers(*service);
  // Whoever knew of no instances is told all the same: there is no service to wait for any more.
  if (auto waiting = watchers_of_.find(ask.name); waiting != watchers_of_.end())
    for (RequestId each : std::set<RequestId>(waiting->second)) {
      Unwatch(each);
      NoService(each);
    }
  if (service->stored) core_.RemoveRecord(KeyOf(*service), /*was_there=*/true);
  core_.journal_.AskSync();
  services_.erase(ask.name);
  ServiceAnswer answer;
  answer.kind = ServiceAnswer::Kind::kDeleted;
  return Answer(core_.journal_.Barrier(), request, std::move(answer));
}

Handled Core::Impl::ServicePart::Do(RequestId request, const PutInstance& ask) {
  if (core_.RefusedStopping(request)) return Handled::kDone;
  Service* service = Find(ask.service);
  Instance* instance = service ? service->Find(ask.id) : nullptr;
  if (RefusedFromFile(request, instance && instance->from_file)) return Handled::kDone;
  const std::string before = instance ? EncodeInstance(instance->settings) : std::string(), bytes = EncodeInstance(ask.settings);
  if (!ask.condition.Holds(instance ? std::optional<std::string_view>(before) : std::nullopt)) return core_.ReplyNow(request, notifyd::Stale{});
  if (service && service->settings.https && !ask.settings.url.starts_with("https://"))
    return core_.Refuse(request, Code::kUnacceptable, "the service's instances are of https alone", "/url");
  const bool created = !instance;
  if (!service && services_.size() >= kMostServices)
    return core_.Refuse(request, Code::kTooMany, "there are " + std::to_string(kMostServices) + " services already");
  if (created && service && service->instances.size() >= kMostInstances)
    return core_.Refuse(request, Code::kTooMany, "the service has " + std::to_string(kMostInstances) + " instances already");
  if (created && instances_ >= kMostInstancesInAll)
    return core_.Refuse(request, Code::kTooMany, "the namespace's services have " + std::to_string(kMostInstancesInAll) + " instances already");
  if (before != bytes) {
    // One that says where it is now, by no more than its own right, is heard all the same: what is there grows by nothing.
    const bool adds = created || ask.audit_bytes > 0;
    if (Status room = core_.Room("nothing is kept"); adds && !room.ok() && core_.disk_low_) return core_.Refuse(request, room);
    const size_t fresh = (created ? kRecordBytes : 0) + (service ? 0 : kRecordBytes);
    const size_t after = std::max(bytes.size() + fresh, before.size()) + ask.audit_bytes;
    if (Status status = core_.StoreMore(before.size(), after); !status.ok()) return core_.Refuse(request, status);
    if (!service) {
      service = Create(ask.service, {});
      core_.WriteRecord(KeyOf(*service), EncodeService({}), kWallNever, /*fresh=*/true);
    }
    if (created) instance = Add(service, ask.id);
    Say(service, instance, ask.settings);
    core_.WriteRecord(RecordKey{RecordKind::kInstance, InstanceKey(service->name(), ask.id)}, bytes, kWallNever, created);
    core_.journal_.AskSync();
    instance->batch = core_.journal_.Barrier();
    if (created)
      core_.out_->flow_logs.push_back({false, "instance registered", {{"service", ask.service}, {"instance", ask.id}, {"url", ask.settings.url}}});
  }
  instance->gone_at = ask.settings.ttl_ms > 0 ? MonoTime{core_.now_.mono.ms + ask.settings.ttl_ms} : kMonoNever;
  SetTimer(*service, instance);
  if (before != bytes) {
    Review(*service);
    TellWatchers(*service);
  }
  ServiceAnswer answer;
  answer.kind = ServiceAnswer::Kind::kInstance;
  answer.created = created;
  answer.services.push_back(ViewOf(*service));
  answer.services[0].instances.push_back(std::make_shared<const InstanceView>(ViewOf(*service, *instance)));
  answer.bytes = answer.services[0].instances[0]->bytes;
  return Answer(instance->batch, request, std::move(answer), /*unchanged=*/before == bytes);
}

Handled Core::Impl::ServicePart::Do(RequestId request, const DeleteInstance& ask) {
  if (core_.RefusedStopping(request)) return Handled::kDone;
  Service* service = Find(ask.service);
  Instance* instance = service ? service->Find(ask.id) : nullptr;
  if (!instance && !ask.condition.Holds(std::nullopt)) return core_.ReplyNow(request, notifyd::Stale{});
  if (!service) return NoService(request);
  if (!instance) return NoInstance(request);
  if (RefusedFromFile(request, instance->from_file)) return Handled::kDone;
  if (!ask.condition.Holds(EncodeInstance(instance->settings))) return core_.ReplyNow(request, notifyd::Stale{});
  LogRemoved(*service, *instance);
  Remove(service, instance);
  core_.journal_.AskSync();
  TellWatchers(*service);
  ServiceAnswer answer;
  answer.kind = ServiceAnswer::Kind::kDeleted;
  return Answer(core_.journal_.Barrier(), request, std::move(answer));
}

}  // namespace notifyd
