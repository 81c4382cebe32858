// Core: every decision about lanes, due times, retries and states. A state machine: events with the time attached in, effects out.
// No clock, no system call, no thread; the caller serialises. See docs/design.md for what each event reads and writes.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "broker/effects.h"
#include "broker/events.h"
#include "broker/held.h"
#include "broker/limits.h"

namespace notifyd {

/// When the core wants a Tick at the latest, per clock; never: kWallNever, kMonoNever.
struct Wake {
  WallTime wall = kWallNever;
  MonoTime mono = kMonoNever;
};

struct SharedUse;  // broker/shared_caps.h

class Core {
 public:
  /// `totals`: as the store kept them (all zero for a new store). `now.mono` is in the broker's own time line:
  /// it must not be below totals.mono. `seed`: for jitter.
  Core(const CoreLimits& limits, const Totals& totals, const Now& now, uint64_t seed);
  ~Core();

  /// Takes one event. Effects are appended; writes gather in one open batch until Finish.
  void Step(const Now& now, Event event, Effects* out);
  /// Closes the open batch, if there is anything in it, and starts what may be sent. Call once after a run of Steps.
  void Finish(const Now& now, Effects* out);
  Wake NextWake() const;
  /// Takes submits: started, not stopping, the disk is not low.
  bool ready() const;
  /// As decided so far.
  const Totals& totals() const;
  /// Its pending notifies, as decided so far.
  PendingByState states() const;
  /// What it uses of what is shared, as of the last Finish.
  CoreUsage usage() const;
  /// What its namespace stores, as of the last Step.
  const StoredUse& stored() const;
  /// Appends what it has at hosts of shared rules, as far as whoever lends them (broker/shared_caps.h) needs to hear of it. After each Finish.
  void TakeSharedUses(std::vector<SharedUse>* out);
  /// Returns until when the core may sleep, kWallNever: until somebody asks for something: nothing is in flight, in a lane, waiting for an answer or
  /// under way in the store, all is durable, no wait or rate counts by the monotonic clock. Nothing where it may not, or where what lies beyond memory
  /// must be looked up first (PrepareSleep).
  std::optional<WallTime> idle(WallTime now) const;
  /// What it holds in memory now. Costs nothing that grows with it.
  HeldKinds held() const;
  /// Checks every invariant that ties the core's parts together; for tests. Costs O(everything loaded).
  void CheckInvariants() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
