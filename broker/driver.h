// Driver: carries the core's effects out through the ports. The same one in production and in the simulator.
// Not thread-safe: it runs where the core runs. It reads no clock: the caller hands `now` in.
#pragma once

#include <functional>

#include "broker/core.h"
#include "broker/ports.h"

namespace notifyd {

class Driver {
 public:
  struct Hooks {
    /// Sees all that comes of a Run, with what was decided, before any of it is carried out. For checks; empty in production.
    std::function<void(const Effects&)> checks;
    std::function<void(const AttemptLog&)> log;  // these six may be empty
    std::function<void(const LaneLog&)> lane_log;
    std::function<void(const FlowLog&)> flow_log;
    std::function<void()> quiet;    // after HoldAttempts
    std::function<void()> drained;  // after StopRequested
    // Of a namespace that is removed; may be empty.
    std::function<void(const WorkLeft&)> closed;   // after CloseIfEmpty: Effects::closed
    std::function<void(const Totals&)> discarded;  // after Drain: Effects::discarded
    std::function<void(const Status&)> fatal;      // the broker must stop, unclean
  };
  /// All are borrowed and must outlive the driver.
  Driver(Core* core, Store* store, Sender* sender, ReplySink* replies, Hooks hooks);

  /// Feeds the events to the core in order and carries out what comes of them: one write batch for all of them.
  void Run(const Now& now, std::vector<Event> events);

  /// Returns the number of the newest batch that was handed to the store; 0: none was.
  uint64_t last_batch() const { return last_batch_; }

 private:
  Core* core_;
  Store* store_;
  Sender* sender_;
  ReplySink* replies_;
  Hooks hooks_;
  Effects effects_;
  uint64_t last_batch_ = 0;
};

}  // namespace notifyd
