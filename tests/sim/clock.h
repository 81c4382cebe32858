// SimClock: simulated time. `t` only grows; the wall clock stands at an offset to it that steps now and then; the broker's monotonic line
// stands at another, set anew at each start of the broker. All in milliseconds. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

#include "base/time.h"

namespace notifyd::sim {

class SimClock {
 public:
  int64_t t() const { return t_; }
  Now now() const { return {WallAt(t_), MonoTime{t_ + mono_offset_}}; }

  void AdvanceTo(int64_t t) { t_ = std::max(t_, t); }
  void StepWall(int64_t by_ms) { offsets_[t_] = offsets_.rbegin()->second + by_ms; }
  /// The monotonic line stands at `mono` now.
  void SetMono(MonoTime mono) { mono_offset_ = mono.ms - t_; }

  /// When the clock shows it, if it does not step meanwhile; not before now.
  int64_t WhenWall(WallTime wall) const { return When(wall.ms, wall == kWallNever, offsets_.rbegin()->second); }
  int64_t WhenMono(MonoTime mono) const { return When(mono.ms, mono == kMonoNever, mono_offset_); }

  /// The highest that the wall clock showed from `from` to `to`.
  int64_t HighestWall(int64_t from, int64_t to) const {
    int64_t highest = std::max(WallAt(from).ms, WallAt(to).ms);
    for (auto it = offsets_.upper_bound(from); it != offsets_.end() && it->first <= to; ++it)
      highest = std::max({highest, it->first + it->second, it->first + std::prev(it)->second});
    return highest;
  }

  static constexpr int64_t kNever = INT64_MAX;

 private:
  static constexpr int64_t kEpoch = 1'800'000'000'000;

  WallTime WallAt(int64_t t) const { return {t + std::prev(offsets_.upper_bound(t))->second}; }
  int64_t When(int64_t time, bool never, int64_t offset) const { return never ? kNever : std::max(t_, time - offset); }

  int64_t t_ = 0;
  int64_t mono_offset_ = 0;
  std::map<int64_t, int64_t> offsets_{{INT64_MIN, kEpoch}};  // from when, wall - t
};

}  // namespace notifyd::sim
