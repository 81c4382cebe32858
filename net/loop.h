// Loop: one libuv event loop, one thread. libuv's headers stand in net/*.cc alone; this is what others see of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/histogram.h"

struct uv_loop_s;

namespace notifyd {

class Loop {
 public:
  /// `ahead_ms`: how far NowMs is ahead of the real clock, so that a test may let time pass without waiting for it; borrowed. Null: not at all.
  /// Timers run by the real clock all the same.
  explicit Loop(const std::atomic<int64_t>* ahead_ms = nullptr);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs until Stop. Call once, on the thread that is to be the loop's.
  void Run();
  /// Any thread.
  void Stop();
  /// Runs `task` on the loop, soon, in the order of the posts. Any thread. Cheap: one wake-up for many posts.
  void Post(std::function<void()> task);
  /// Makes a turn begin, or go on to its end (OnTurn), after this call. Any thread. Costs a system call only where the loop sleeps.
  void Wake();
  /// Lets turn follow turn for `us` from now on, without sleep, for what is known to come soon; whoever else wants the processor has it in between,
  /// and where that takes longer than `away_most_us` this is over. 0: not any more. Loop thread, or before Run. Whoever calls this bounds how often
  /// (base/patience.h).
  void Linger(int64_t us, int64_t away_most_us);
  /// Returns for how many us others had the processor at the longest while it lingered last. Loop thread.
  int64_t away_us() const;
  /// Returns how often somebody paid for waking the loop so far. Any thread.
  uint64_t wakes() const;
  /// Runs `work` on a thread of a small pool, then `then` on the loop. Loop thread, or before Run. For what takes long, and touches nothing of the
  /// loop's. One that is under way when the loop is destroyed is waited for, `then` included.
  void Aside(std::function<void()> work, std::function<void()> then);
  /// Has `turn` run once a loop turn, after the I/O of that turn was handled and before the loop sleeps: where gathered work is
  /// carried out in one go. Must be set before Run.
  void OnTurn(std::function<void()> turn);
  /// Counts into `lag` (borrowed; before Run) for each turn how long it was at work, from when it woke up until it could sleep again: so long did the
  /// next event have to wait.
  void MeasureTurns(Histogram* lag);
  /// Runs `task` once, in max(0, delay_ms). Loop thread, or before Run. A new call replaces the one of the same number; a negative delay clears it.
  /// Numbers are small, and made by the caller. Cheap to call often.
  void SetTimer(int number, int64_t delay_ms, std::function<void()> task);
  uv_loop_s* raw();
  /// Returns milliseconds of a clock that only goes forward, as of when this turn began. Loop thread. What decides by time on a loop asks here.
  static int64_t NowMs(const uv_loop_s* raw);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
