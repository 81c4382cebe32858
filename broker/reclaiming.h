// Reclaiming: when all that a namespace stores is rewritten, to give back the room of what was purged or is over by retention
// (StoreHost::CompactNamespace). That costs as much as the namespace is large, and whoever shares the disk pays for it, while only its outcome says
// how much there was to give back. So after one that gave back little the next one waits. Pure: it is told the time. Of one namespace.
//
// I1. Nothing is rewritten unless room is lacking, or something was purged.
// I2. One that gives back less than an eighth is followed by a wait of eight times what it took, and of twice the wait before it, from kShortestMs up
//     to kLongestMs; one that gives back more halves the wait. Where more is stored by an eighth than the last one left, nobody waits.
// I3. What is purged has a wait of its own: it is not kept waiting by rewrites that came to little where nothing had been purged.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace notifyd {

class Reclaiming {
 public:
  static constexpr int64_t kShortestMs = 80'000, kLongestMs = 3'600'000;

  /// What is known as the namespace is measured.
  struct Seen {
    MonoTime at;
    uint64_t bytes = 0;       // stored
    bool compacting = false;  // the rewrite that was begun last had not ended by then
    bool lacks = false;       // as much is stored as may be, or more was to be stored since it was measured before
    bool purged = false;      // something was, since then
  };
  /// Returns whether a rewrite is to begin now.
  bool Measured(const Seen& seen);
  /// One was begun, and is not known to have ended.
  bool under_way() const { return began_.has_value(); }

 private:
  void End(const Seen& seen);
  bool IsDue(const Seen& seen) const;

  std::optional<MonoTime> began_, ended_;  // the latter of the last one
  uint64_t before_ = 0, left_ = 0;         // stored as the last one began, and ended
  bool purged_ = false;                    // something was, since the last one began
  bool after_purge_ = false;               // something had been as it began
  int64_t wait_ms_ = 0, purge_wait_ms_ = 0;
};

}  // namespace notifyd
