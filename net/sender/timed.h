// Timed: what a DeadlineWheel of the plain client watches. Calls, and connections that are watched for a while after theirs.
#pragma once

#include <cstdint>

#include "base/deadline_wheel.h"

namespace notifyd {

struct Timed : DeadlineWheel::Entry {
  virtual ~Timed() = default;
  /// Its deadline has come. It may arm itself again, or go.
  virtual void OnDeadline(int64_t now_ms) = 0;
};

/// The clock of these deadlines: monotonic milliseconds.
int64_t MonotonicMs();

}  // namespace notifyd
