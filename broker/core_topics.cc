// See core_topics.h.
#include "broker/core_topics.h"

namespace notifyd {

Handled Core::Impl::Handle(Task* task, TopicRequest& r) {
  return topics_->Handle(task, r);
}

Handled Core::Impl::TopicPart::Handle(Task*, TopicRequest& r) {
  return core_.Refuse(r.request, Code::kNotImplemented, "this broker has no topics, subscriptions and events yet");
}

}  // namespace notifyd
