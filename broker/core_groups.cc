// See core_groups.h.
#include "broker/core_groups.h"

namespace notifyd {

Handled Core::Impl::Handle(Task* task, GroupRequest& r) {
  return groups_->Handle(task, r);
}

Handled Core::Impl::GroupPart::Handle(Task*, GroupRequest& r) {
  return core_.Refuse(r.request, Code::kNotImplemented, "this broker has no groups yet");
}

}  // namespace notifyd
