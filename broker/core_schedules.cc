// See core_schedules.h.
#include "broker/core_schedules.h"

namespace notifyd {

Handled Core::Impl::Handle(Task* task, ScheduleRequest& r) {
  return schedules_->Handle(task, r);
}

Handled Core::Impl::SchedulePart::Handle(Task*, ScheduleRequest& r) {
  return core_.Refuse(r.request, Code::kNotImplemented, "this broker has no schedules yet");
}

}  // namespace notifyd
