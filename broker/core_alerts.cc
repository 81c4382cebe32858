// See core_alerts.h.
#include "broker/core_alerts.h"

namespace notifyd {

Handled Core::Impl::Handle(Task* task, AlertRequest& r) {
  return alerts_->Handle(task, r);
}

Handled Core::Impl::AlertPart::Handle(Task*, AlertRequest& r) {
  return core_.Refuse(r.request, Code::kNotImplemented, "this is not built yet");
}

}  // namespace notifyd
