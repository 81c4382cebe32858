// The core's part of alerts: when they fire, repeat and end, and their messages. It does so in namespace `system` alone (contract section 17).
// Included by broker/core*.cc alone. See core_impl.h.
#pragma once

#include "broker/core_impl.h"

namespace notifyd {

class Core::Impl::AlertPart {
 public:
  explicit AlertPart(Core::Impl* core) : core_(*core) {}
  Handled Handle(Task* task, AlertRequest& r);

 private:
  Core::Impl& core_;
};

}  // namespace notifyd
