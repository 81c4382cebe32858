// See core_history.h.
#include "broker/core_history.h"

namespace notifyd {

Handled Core::Impl::Handle(Task* task, FiguresRequest& r) {
  return history_->Handle(task, r);
}

Handled Core::Impl::HistoryPart::Handle(Task*, FiguresRequest& r) {
  return core_.Refuse(r.request, Code::kNotImplemented, "this is not built yet");
}

}  // namespace notifyd
