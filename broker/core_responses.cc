// The core's part of answers that are kept: contract section 13, "Results". See core_impl.h.
#include "broker/core_impl.h"

namespace notifyd {

Handled Core::Impl::Handle(Task*, ResponseRequest& r) {
  return Refuse(r.request, Code::kNotImplemented, "this broker has no answers that are kept yet");
}

}  // namespace notifyd
