// BackupState: a backup as it is seen. Values alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"

namespace notifyd {

struct BackupState {
  enum class Phase : uint8_t { kRunning, kDone, kFailed } phase = Phase::kRunning;
  std::string name;
  std::string detail;  // of a failure
  WallTime started_at;
  std::optional<WallTime> finished_at;  // none while it runs
  uint64_t files = 0, bytes = 0;        // all that it consists of
  uint64_t copied_bytes = 0;            // so far; the rest is there in an older backup
};

/// Counts since the start.
struct BackupCounts {
  uint64_t done = 0, failed = 0;
};

}  // namespace notifyd
