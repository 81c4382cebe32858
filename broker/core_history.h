// The core's part of what a namespace did, minute by minute, what falls due, and its figures of now (contract section 16).
// Included by broker/core*.cc alone. See core_impl.h.
#pragma once

#include "broker/core_impl.h"

namespace notifyd {

class Core::Impl::HistoryPart {
 public:
  explicit HistoryPart(Core::Impl* core) : core_(*core) {}
  Handled Handle(Task* task, FiguresRequest& r);

 private:
  Core::Impl& core_;
};

}  // namespace notifyd
