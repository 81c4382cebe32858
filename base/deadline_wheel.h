// DeadlineWheel: coarse deadlines of many connections, on a TimerWheel. One thread; reads no clock.
// Moving a deadline further away, the common case (a request on a kept-alive connection), writes one number: the entry stays where it is in the
// wheel, and is put where it belongs when that comes up. I1: an entry fires at or after its deadline, at most about two ticks late. I2: an entry is
// not in the wheel once Disarm was called.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/timer_wheel.h"

namespace notifyd {

class DeadlineWheel {
 public:
  static constexpr int64_t kNever = TimerWheel::kNever;

  /// Base of what is watched. Must be disarmed before it dies.
  struct Entry : private TimerNode {
    int64_t deadline_ms = kNever;

   private:
    friend class DeadlineWheel;
  };

  DeadlineWheel(int64_t tick_ms, int64_t now_ms) : tick_ms_(tick_ms), now_ms_(now_ms), wheel_(now_ms) {}

  int64_t tick_ms() const { return tick_ms_; }

  /// Replaces the entry's deadline; kNever: none.
  void Arm(Entry* entry, int64_t deadline_ms) {
    entry->deadline_ms = deadline_ms;
    if (deadline_ms == kNever) return;
    // At the tick behind it, and behind the present one: what Advance calls may arm for a time that has passed, and Advance ends all the same.
    const int64_t when_ms = (std::max(deadline_ms, now_ms_) / tick_ms_ + 1) * tick_ms_;
    if (entry->linked()) {
      if (entry->when_ms <= when_ms) return;
      wheel_.Remove(entry);
    }
    wheel_.Insert(entry, when_ms);
  }

  void Disarm(Entry* entry) {
    entry->deadline_ms = kNever;
    if (entry->linked()) wheel_.Remove(entry);
  }

  /// Calls `expired(entry)` for each whose deadline has come. It may arm and disarm any entry.
  template <class Expired>
  void Advance(int64_t now_ms, Expired expired) {
    now_ms_ = std::max(now_ms_, now_ms);
    while (TimerNode* node = wheel_.Pop(now_ms_)) {
      auto* entry = static_cast<Entry*>(node);
      if (entry->deadline_ms > now_ms_) Arm(entry, entry->deadline_ms);
      else expired(entry);
    }
  }

 private:
  const int64_t tick_ms_;
  int64_t now_ms_;
  TimerWheel wheel_;
};

}  // namespace notifyd
