// See core_responses.h.
#include "broker/core_responses.h"

namespace notifyd {

Handled Core::Impl::Handle(Task* task, ResponseRequest& r) {
  return responses_->Handle(task, r);
}

Handled Core::Impl::ResponsePart::Handle(Task*, ResponseRequest& r) {
  return core_.Refuse(r.request, Code::kNotImplemented, "this broker has no answers that are kept yet");
}

}  // namespace notifyd
