// Mailbox: events on their way to the core. Post from any thread; Take and the wake-up belong to the thread that runs the core.
//
// I1. Events are taken in the order in which they were posted.
// I2. An event that another thread posts into an empty mailbox wakes the core's thread; one that the core's own thread posts does not, because
//     that thread looks into the mailbox before it sleeps (AdoptThread).
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "broker/ports.h"

namespace notifyd {

class Mailbox : public EventSink {
 public:
  /// `wake` is called on the posting thread, outside of any lock. Set it before another thread posts.
  void OnWake(std::function<void()> wake) { wake_ = std::move(wake); }
  /// The calling thread is the core's, from now on.
  void AdoptThread() { adopted = this; }

  void Post(Event event) override {
    bool first;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      first = events_.empty();
      events_.push_back(std::move(event));
    }
    if (first && adopted != this) wake_();
  }

  /// All that is there.
  std::vector<Event> Take() {
    std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(events_, {});
  }
  bool empty() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return events_.empty();
  }

 private:
  static inline thread_local const Mailbox* adopted = nullptr;
  std::function<void()> wake_ = [] {};
  mutable std::mutex mutex_;
  std::vector<Event> events_;
};

}  // namespace notifyd
