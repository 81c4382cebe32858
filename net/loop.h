// Loop: one libuv event loop, one thread. libuv's headers stand in net/*.cc alone; this is what others see of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/histogram.h"

struct uv_loop_s;

namespace notifyd {

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs until Stop. Call once, on the thread that is to be the loop's.
  void Run();
  /// Any thread.
  void Stop();
  /// Any thread: `task` runs on the loop, soon, in the order of the posts. Cheap: one wake-up for many posts.
  void Post(std::function<void()> task);
  /// Any thread: a turn begins, or goes on to its end (OnTurn), after this call. Costs a system call only where the loop sleeps.
  void Wake();
  /// Loop thread, or before Run: `work` runs on a thread of a small pool, then `then` on the loop. For what takes long, and touches nothing of the
  /// loop's. One that is under way when the loop is destroyed is waited for, `then` included.
  void Aside(std::function<void()> work, std::function<void()> then);
  /// Loop thread. `turn` runs once a loop turn, after the I/O of that turn was handled and before the loop sleeps: where gathered work is
  /// carried out in one go. Must be set before Run.
  void OnTurn(std::function<void()> turn);
  /// Before Run: into `lag` goes for each turn how long it was at work, from when it woke up until it could sleep again: so long did the next
  /// event have to wait. Borrowed.
  void MeasureTurns(Histogram* lag);
  /// Loop thread (or before Run). One shot; runs in max(0, delay_ms). A new call replaces the one of the same slot; a negative delay clears it.
  /// Slots are small integers, made by the caller. Cheap to call often.
  void SetTimer(int slot, int64_t delay_ms, std::function<void()> task);
  uv_loop_s* raw();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
