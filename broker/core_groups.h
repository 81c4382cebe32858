// The core's part of groups: contract section 13. Included by broker/core*.cc alone. See core_impl.h.
#pragma once

#include "broker/core_impl.h"

namespace notifyd {

class Core::Impl::GroupPart {
 public:
  explicit GroupPart(Core::Impl* core) : core_(*core) {}
  Handled Handle(Task* task, GroupRequest& r);

 private:
  Core::Impl& core_;
};

}  // namespace notifyd
