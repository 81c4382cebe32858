// Books: how many notifies there are, by what became of them and, while they are pending, by the index that holds them: of all, and of each lane what
// a batch changes. It knows indexes and lanes; it holds no notify and looks nothing up. Not thread-safe.
// I1 (contract promise 8): accepted + revived == pending + succeeded + failed + cancelled + expired, after every call but between Settle and Leave.
// I2: of each index, no more have had their time come than it holds.
#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/notify.h"

namespace notifyd {

class Books {
 public:
  /// `totals`: as the store kept them.
  explicit Books(const Totals& totals) : totals_(totals) {}

  const Totals& totals() const { return totals_; }
  /// What rides along with the counts (ids, orders, marks, clocks) is the caller's to set; the counts change by the functions below alone.
  Totals* mutable_totals() { return &totals_; }

  void Accept() { ++totals_.accepted; }
  /// A settled one is pending again.
  void Revive() { ++totals_.revived; }
  /// A pending one has settled as `phase`, which must be a settled one.
  void Settle(Phase phase);
  /// The attempt with that number has ended.
  void EndAttempt(uint32_t number);

  /// A pending notify enters an index, or leaves it. `index` is not kNone.
  void Enter(Index index, const LaneKey& lane);
  void Leave(Index index, const LaneKey& lane);
  /// The time of one in `index` has come (1), or it has left it, or its clock stepped back (-1).
  void CountPromoted(Index index, int change) { promoted_[index] += change; }
  const IndexCounts& promoted() const { return promoted_; }

  /// Calls `write(lane, change)` for each lane whose counts have changed since the last call, in the order in which they first did, and forgets the
  /// changes: so a lane costs one write a batch, however many notifies it was.
  template <class Write>
  void TakeLaneChanges(Write write) {
    for (const auto* changed : changed_order_)
      if (!changed->second.IsZero()) write(changed->first, changed->second);
    changed_order_.clear();
    lane_changes_.clear();
  }

 private:
  IndexCounts& ChangeOf(const LaneKey& lane);

  Totals totals_;
  IndexCounts promoted_;
  std::unordered_map<LaneKey, IndexCounts> lane_changes_;
  std::vector<const std::pair<const LaneKey, IndexCounts>*> changed_order_;  // nodes of that one, which do not move
};

}  // namespace notifyd
