// See core_services.h.
#include "broker/core_services.h"

namespace notifyd {

Handled Core::Impl::Handle(Task* task, ServiceRequest& r) {
  return services_->Handle(task, r);
}

Handled Core::Impl::ServicePart::Handle(Task*, ServiceRequest& r) {
  return core_.Refuse(r.request, Code::kNotImplemented, "this broker has no services and their instances yet");
}

void Core::Impl::On(FlowSettingsChanged& e) {
  flow_settings_ = std::move(e.settings);
}

}  // namespace notifyd
