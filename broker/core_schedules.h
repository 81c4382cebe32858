// The core's part of schedules: contract section 15. Included by broker/core*.cc alone. See core_impl.h.
#pragma once

#include "broker/core_impl.h"

namespace notifyd {

class Core::Impl::SchedulePart {
 public:
  explicit SchedulePart(Core::Impl* core) : core_(*core) {}
  Handled Handle(Task* task, ScheduleRequest& r);

 private:
  Core::Impl& core_;
};

}  // namespace notifyd
