// Profile: what one seed's run is like, drawn from the seed; and the trace that a run leaves.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "broker/events.h"
#include "broker/limits.h"
#include "fakes/fake_store.h"

namespace notifyd::sim {

/// Deliberate faults in the ports: the auditor must notice each.
enum class Mutation {
  kNone,
  kSyncedEarly,       // the store reports synced before the sync
  kDropDeleteDue,     // the store forgets to remove from the due index
  kSkipPageItem,      // the store leaves items out of pages
  kLoseChange,        // the store forgets changes of state
  kSilentResend,      // the sender sends a request twice under one number
  kLyingSuccess,      // the sender reports success for what never arrived
  kSwappedReplies,    // two submits get each other's answer
  kLostReply,         // an answer never comes
  kEarlyClock,        // the broker is told a wall time that is ahead
  kLoseSettings,      // the store forgets settings of lanes
  kLoseCounts,        // the store forgets changes of a lane's counts
  kLoseRemembered,    // the store forgets remembered triggers
  kLoseCallback,      // the store forgets callbacks
  kLoseRetry,         // the store forgets that settled ones were sent again
  kForgetRemembered,  // the store does not find remembered triggers when it is asked
  kSwapDecisions,     // the core tells of two requests in the wrong order
  kWrongAfterPurge,   // what is asked about one that was purged is answered as if it were there
  kForgetRepeat,      // the core is not told that a connection which was lost had served others
  kUncountedRepeat,   // what the store writes of such a loss leaves it out of the budget
  kUsedAgain,         // the repeat of such a loss goes over a used connection again
  kStuckBreaker,      // the core's breakers, once open, are never probed
  kNoBreaker,         // the core has no breakers
  kDeafBreaker,       // the core is not told of connections that came about
  kCountedProbe,      // what the store writes of a probe in vain counts it
  kIgnoredBase,       // the core is not told under which base a cancel or a retry stands
  kLosePauses,        // the store forgets which hosts and callers are paused
  kDeafResume,        // the core is not told that a host or a caller is resumed
  // Of several namespaces (several.h).
  kLentEarly,       // what is taken back from one is lent on before that says that it has given it back
  kSharedEarly,     // the same, of what a shared rule allows at a host
  kWrongNamespace,  // some requests reach another namespace
  kMissedWake,      // some that sleep are not woken when they are due
  // Of groups, topics, services and schedules (flows.h).
  kToldTwice,            // the store forgets that a group's end was told of
  kSkippedSubscription,  // the store forgets some notifies of a subscription
  kOutlived,             // the core takes the ttl of instances for a longer one
  kRunTwice,             // the store forgets that a schedule's run was made
  kLostRun,              // the store forgets some runs
  // Of the parts of flows (flow_part.h).
  kLostAnswer,        // the store forgets some answers that are kept
  kOverdueAnswer,     // the store keeps answers for longer than their notifies
  kUnheldEvent,       // the core is not told that events are to be held
  kSkippedReplay,     // the store forgets some notifies of replays
  kReplayTwice,       // the core gets replays twice, under other idempotency keys
  kPublishTwice,      // the store forgets that a schedule's run was made, which published
  kUncappedInstance,  // the core takes the hosts of instances for others
  kAlertTwice,        // the store forgets that an alert was told of
  kUnendedAlert,      // the store forgets some messages that an alert is over
  kForgottenPromise,  // the store forgets what events are still to be made of
  kForgottenTrigger,  // the store forgets what triggers make of events
  kLast = kForgottenTrigger,
};
const char* ToString(Mutation mutation);

enum class HostKind { kHealthy, kFlaky, kSlow, kHung, kDown };  // kDown: away for a while, then back, and so on

struct Profile {
  uint64_t seed = 1;
  NamespaceNumber number = kDefaultNumber;
  int64_t patience_ms = 0;  // how much longer than by itself it may wait for what is lent to others
  CoreLimits limits;
  FakeStoreOptions store;
  std::vector<HostKind> hosts;
  int hot_lanes = 2;
  int cold_lanes = 20;
  double fifo_share = 0.4;
  int operations = 150;
  int64_t workload_ms = 8'000;  // the operations are spread over it
  double burst = 0.3;           // chance that an operation follows the last one at once
  int64_t crash_every_ms = 0;   // mean; 0: none
  int64_t wall_step_every_ms = 0;
  int64_t wall_step_ms_max = 60'000;
  double disk_low = 0;  // chance a second
  double delay_share = 0.3, fkey_share = 0.15, ttl_share = 0.1, key_share = 0.1;
  /// Of the operations: changes of notifies, lanes and many at once (steering.cc). And of the notifies: those with a callback, with later_on.
  double steer_share = 0, callback_share = 0, later_share = 0;
  double stale_share = 0;  // of the attempts: lost with a connection that had served others
  int64_t hung_timeout_ms = 8'000;
  int64_t down_ms = 2'000;      // for so long a host of that kind is away, or there
  /// Hosts and callers are paused so often, and for so long at most; and what memory it may have changes, down to `least_lent`.
  int64_t pause_every_ms = 0, pause_ms_max = 0;  // the first is a mean; 0: never
  int64_t lend_every_ms = 0;
  GrantChanged least_lent;
  int64_t healthy_ms_max = 60;  // a healthy host's answer

  static Profile Draw(uint64_t seed);
};

enum class Tracing { kNone, kHash, kPrint };

/// The run as a stream of lines: hashed and printed where wanted. The same seed must give the same hash.
class Trace {
 public:
  explicit Trace(Tracing tracing) : tracing_(tracing) {}
  /// Does anybody want the lines? Making them costs more than the run.
  bool on() const { return tracing_ != Tracing::kNone; }
  uint64_t hash() const { return hash_; }
  void Add(const std::string& line) {
    if (!on()) return;
    for (char c : line) hash_ = (hash_ ^ static_cast<uint8_t>(c)) * 0x100000001B3ull;
    if (tracing_ == Tracing::kPrint) std::printf("%s\n", line.c_str());
  }

 private:
  Tracing tracing_;
  uint64_t hash_ = 0xCBF29CE484222325ull;
};

}  // namespace notifyd::sim
