// The core's part of answers that are kept: contract section 13, "Results". Included by broker/core*.cc alone. See core_impl.h.
#pragma once

#include "broker/core_impl.h"

namespace notifyd {

class Core::Impl::ResponsePart {
 public:
  explicit ResponsePart(Core::Impl* core) : core_(*core) {}
  Handled Handle(Task* task, ResponseRequest& r);

 private:
  Core::Impl& core_;
};

}  // namespace notifyd
