// What is pending in a store that no broker has open, steered by whoever owns its directory: notifyd restore. The cores of its namespaces decide, as
// ever; they start no attempt.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "base/time.h"
#include "cli/daemon/settings.h"

namespace notifyd {

struct SteeredPending {
  uint64_t lanes = 0, schedules = 0;  // that were paused
  uint64_t dropped = 0;               // notifies that were cancelled
  uint64_t runs = 0;                  // times of schedules that were skipped
};

/// Pauses all lanes in which something is pending, and all schedules, whose times since are skipped. Errors: those of opening a store, kIo,
/// kUnacceptable (a schedule's timezone that is not known here).
Result<SteeredPending> PausePending(const Options& options);

/// Cancels what is pending and was due before `before`, or would have been by then in its group's turn, with callbacks as any cancellation has them.
/// Of times of schedules before that none is made any more. Errors: as above.
Result<SteeredPending> DropDueBefore(const Options& options, WallTime before);

}  // namespace notifyd
