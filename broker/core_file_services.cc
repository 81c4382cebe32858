// Services that the configuration's file says: in memory alone, in the place of what was said by the API of the same names, which comes back once the
// file says it no more. See core_services.h.
#include <algorithm>
#include <set>
#include <utility>

#include "broker/core_host_limits.h"
#include "broker/core_services.h"
#include "broker/core_shared_hosts.h"
#include "broker/flow_settings.h"
#include "broker/service_records.h"

namespace notifyd {

void Core::Impl::On(FlowSettingsChanged& e) {
  if (e.settings->grant) return shared_->On(*e.settings->grant);
  // What hosts point to lives until they have what counts now.
  const std::shared_ptr<const FlowSettings> before = std::exchange(flow_settings_, std::move(e.settings));
  HostLimits::ApplyRules(*this);
  services_->OnRules();
  if (catalog_.known) services_->ApplyFile();
}

void Core::Impl::ServicePart::ApplyFile() {
  if (!core_.flow_settings_) return;
  std::set<std::string> said;
  for (const FileService& of_file : core_.flow_settings_->services) {
    said.insert(of_file.name);
    ApplyFileService(of_file);
  }
  std::vector<Service*> left;
  for (const auto& [name, service] : services_)
    if (service->from_file && !said.contains(name)) left.push_back(service.get());
  for (Service* service : left) LeaveFile(service);
}

void Core::Impl::ServicePart::ApplyFileService(const FileService& of_file) {
  Service* service = Find(of_file.name);
  if (!service) {
    service = Create(of_file.name, of_file.settings);
    service->stored.reset();
  }
  service->from_file = true;
  service->settings = of_file.settings;
  std::set<std::string> said;
  for (const auto& [id, settings] : of_file.instances) {
    said.insert(id);
    Instance* instance = service->Find(id);
    if (instance && !instance->from_file) {
      Remove(service, instance);  // what was registered under this id is not any more
      instance = nullptr;
    }
    if (!instance) {
      instance = Add(service, id);
      instance->from_file = true;
    }
    Say(service, instance, settings);
  }
  RemoveOfFile(service, said);
  FollowSettings(service);
  TellWatchers(*service);
}

/// Takes out the file's instances but for these.
void Core::Impl::ServicePart::RemoveOfFile(Service* service, const std::set<std::string>& but) {
  std::vector<std::string> gone;
  for (const auto& [id, instance] : service->instances)
    if (instance->from_file && !but.contains(id)) gone.push_back(id);
  for (const std::string& id : gone) Remove(service, service->Find(id));
}

void Core::Impl::ServicePart::LeaveFile(Service* service) {
  RemoveOfFile(service, {});
  service->from_file = false;
  service->settings = service->stored.value_or(ServiceSettings());
  const bool empty = !service->stored && service->instances.empty();
  FollowSettings(service);
  TellWatchers(*service);
  if (empty) services_.erase(std::string(service->name()));
}

}  // namespace notifyd
