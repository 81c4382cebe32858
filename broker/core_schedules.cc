// The core's part of schedules: contract section 15. See core_impl.h.
#include "broker/core_impl.h"

namespace notifyd {

Handled Core::Impl::Handle(Task*, ScheduleRequest& r) {
  return Refuse(r.request, Code::kNotImplemented, "this broker has no schedules yet");
}

}  // namespace notifyd
