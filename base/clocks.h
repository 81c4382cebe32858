// The clocks. Who decides anything by time is handed it; these are for those who hand it out, and for what only measures. Any thread.
#pragma once

#include <sched.h>
#include <time.h>

#include <cstdint>

#include "base/time.h"

namespace notifyd {

/// Returns microseconds of CLOCK_MONOTONIC, CLOCK_BOOTTIME, ...
inline int64_t ReadClockUs(clockid_t clock) {
  timespec at{};
  clock_gettime(clock, &at);
  return static_cast<int64_t>(at.tv_sec) * 1'000'000 + at.tv_nsec / 1000;
}
inline int64_t ReadClockMs(clockid_t clock) {
  return ReadClockUs(clock) / 1000;
}
/// Lets others have the processor, where any wait for it. Returns for how many microseconds of CLOCK_MONOTONIC.
inline int64_t GiveWayUs() {
  const int64_t begun_us = ReadClockUs(CLOCK_MONOTONIC);
  sched_yield();
  return ReadClockUs(CLOCK_MONOTONIC) - begun_us;
}
inline WallTime ReadWall() {
  return WallTime{ReadClockMs(CLOCK_REALTIME)};
}

}  // namespace notifyd
