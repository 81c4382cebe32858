// The core's part of services and their instances: contract section 11. See core_impl.h.
#include "broker/core_impl.h"

namespace notifyd {

Handled Core::Impl::Handle(Task*, ServiceRequest& r) {
  return Refuse(r.request, Code::kNotImplemented, "this broker has no services and their instances yet");
}

void Core::Impl::On(FlowSettingsChanged& e) {
  flow_settings_ = std::move(e.settings);
}

}  // namespace notifyd
