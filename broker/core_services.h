// The core's part of services and their instances: contract section 11. Included by broker/core*.cc alone. See core_impl.h.
#pragma once

#include "broker/core_impl.h"

namespace notifyd {

class Core::Impl::ServicePart {
 public:
  explicit ServicePart(Core::Impl* core) : core_(*core) {}
  Handled Handle(Task* task, ServiceRequest& r);

 private:
  Core::Impl& core_;
};

}  // namespace notifyd
