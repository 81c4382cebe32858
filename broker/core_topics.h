// The core's part of topics, subscriptions and events: contract section 12. Included by broker/core*.cc alone. See core_impl.h.
#pragma once

#include "broker/core_impl.h"

namespace notifyd {

class Core::Impl::TopicPart {
 public:
  explicit TopicPart(Core::Impl* core) : core_(*core) {}
  Handled Handle(Task* task, TopicRequest& r);

 private:
  Core::Impl& core_;
};

}  // namespace notifyd
