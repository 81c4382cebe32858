// The core's part of topics, subscriptions and events: contract section 12. See core_impl.h.
#include "broker/core_impl.h"

namespace notifyd {

Handled Core::Impl::Handle(Task*, TopicRequest& r) {
  return Refuse(r.request, Code::kNotImplemented, "this broker has no topics, subscriptions and events yet");
}

}  // namespace notifyd
