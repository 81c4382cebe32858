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
};

/// Pauses all lanes in which something is pending, and all schedules, as of the last moment that the store knows of: nothing that would have happened
/// since does. Errors: those of opening a store, kIo.
Result<SteeredPending> PausePending(const Options& options);

/// Cancels what is pending and was due before `before`, callbacks included that this brings about as any cancellation does. Errors: as above.
Result<SteeredPending> DropDueBefore(const Options& options, WallTime before);

}  // namespace notifyd
