// Outlet: a namespace's way to its sink. Threads of the store hold it for as long as they may post; its owner closes it once nothing may be posted
// any more. Any thread.
#pragma once

#include <mutex>
#include <utility>

#include "broker/ports.h"

namespace notifyd {

class Outlet {
 public:
  /// `sink` is borrowed until Close.
  explicit Outlet(EventSink* sink) : sink_(sink) {}

  /// What comes after Close is dropped.
  void Post(Event event) {
    std::lock_guard lock(mutex_);
    if (sink_) sink_->Post(std::move(event));
  }
  /// When it returns, nobody is inside of the sink, or will be.
  void Close() {
    std::lock_guard lock(mutex_);
    sink_ = nullptr;
  }

 private:
  std::mutex mutex_;
  EventSink* sink_;
};

}  // namespace notifyd
