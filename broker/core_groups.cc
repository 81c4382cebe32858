// The core's part of groups: contract section 13. See core_impl.h.
#include "broker/core_impl.h"

namespace notifyd {

Handled Core::Impl::Handle(Task*, GroupRequest& r) {
  return Refuse(r.request, Code::kNotImplemented, "this broker has no groups yet");
}

}  // namespace notifyd
