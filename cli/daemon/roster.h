// Roster: when each namespace of a shard needs its core next, and which of those that are awake have had nothing to do for a while. Pure: it is told
// the time, which on the monotonic side is the process's own line. One thread.
//
// I1. TakeDue gives each namespace once for a wake that was set; it is heard of again once another one is set.
// I2. TakeRested gives each namespace once for a Busy that was noted.
#pragma once

#include <cstdint>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "broker/core.h"
#include "broker/ports.h"

namespace notifyd {

class Roster {
 public:
  /// `rest_ms`: how long one that is awake is left alone before it is to sleep, give or take a sixteenth. Where more than `most_awake` are, those
  /// that have rested for longest wait for a sixteenth of that only.
  Roster(int64_t rest_ms, size_t most_awake) : rest_ms_(rest_ms), most_awake_(most_awake) {}

  /// In place of the one before.
  void SetWake(NamespaceNumber number, const Wake& wake);
  /// It is awake, and had something to do now.
  void Busy(NamespaceNumber number, MonoTime now);
  /// It is asleep, with that wake, or gone.
  void Rest(NamespaceNumber number);

  /// Those whose wake has come.
  std::vector<NamespaceNumber> TakeDue(const Now& now);
  /// Those that have rested for long enough, the longest first.
  std::vector<NamespaceNumber> TakeRested(MonoTime now);
  /// When one of the two brings something next; may be over already.
  Wake Next() const;

 private:
  void Unset(NamespaceNumber number, const Wake& wake);
  int64_t AShare() const { return rest_ms_ / 16; }
  /// When the one that has rested for longest has done so for long enough.
  MonoTime NextRested() const;

  const int64_t rest_ms_;
  const size_t most_awake_;
  std::unordered_map<NamespaceNumber, Wake> wakes_;
  std::set<std::pair<WallTime, NamespaceNumber>> by_wall_;
  std::set<std::pair<MonoTime, NamespaceNumber>> by_mono_;
  std::unordered_map<NamespaceNumber, MonoTime> busy_at_;
  std::set<std::pair<MonoTime, NamespaceNumber>> resting_;  // by busy_at_
};

}  // namespace notifyd
