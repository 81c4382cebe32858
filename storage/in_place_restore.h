// Restoring in place: a store whose database its own means put back to an earlier moment becomes one that brokers may go on with, where it lies.
//
// I1 nobody else has it before this goes.
// I2 from the first thing that is changed until Finish has returned no broker opens it, whatever comes in between; all may be done again.
#pragma once

#include "base/status.h"
#include "storage/options.h"

namespace notifyd {

/// One that was begun: ids have their gap (storage/id_gap.h). Until Finish it is half-made.
class InPlaceRestore {
 public:
  virtual ~InPlaceRestore() = default;
  /// What the store is to be opened with meanwhile, as whose it is.
  virtual const StoreOptions& options() const = 0;
  /// Makes it one that brokers open; it is closed by then. Errors: kUnavailable, kIo; then it may be half-made still.
  virtual Status Finish() = 0;
};

}  // namespace notifyd
