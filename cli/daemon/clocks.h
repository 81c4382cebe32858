// BrokerClock: the time that the core is given. Any thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clocks.h"
#include "base/time.h"

namespace notifyd {

/// The broker's time line over restarts, and from member to member: where the store says that it stood, then the time that the broker was down by the
/// store's own clock, or, where it has none, by the wall clock (none where that stepped back, or is behind another machine's), then CLOCK_BOOTTIME,
/// which goes on while the machine sleeps.
class BrokerClock {
 public:
  /// `stored`: Totals::wall and Totals::mono; all zero for a new store.
  BrokerClock(WallTime stored_wall, MonoTime stored_mono) : BrokerClock(stored_wall, stored_mono, ReadWall(), ReadClockMs(CLOCK_BOOTTIME)) {}
  /// As above, with the clocks as they stand now; for tests.
  BrokerClock(WallTime stored_wall, MonoTime stored_mono, WallTime wall, int64_t boot_ms)
      : offset_ms_(stored_mono.ms + Downtime(stored_wall, wall) - boot_ms) {}

  /// `written_boot_ms`: OpenedNamespace's.
  BrokerClock(MonoTime stored_mono, int64_t written_boot_ms) : offset_ms_(stored_mono.ms - written_boot_ms) {}

  MonoTime MonoAt(int64_t boot_ms) const { return MonoTime{offset_ms_ + boot_ms}; }
  /// The same the other way round.
  int64_t BootAt(MonoTime mono) const { return mono.ms - offset_ms_; }
  Now Read() const { return {ReadWall(), MonoAt(ReadClockMs(CLOCK_BOOTTIME))}; }

  /// A clock that was wrong by decades must not push the time line out of its range.
  static constexpr int64_t kDowntimeMostMs = int64_t{10} * 366 * 24 * 3600 * 1000;

 private:
  static int64_t Downtime(WallTime stored, WallTime now) { return stored.ms <= 0 ? 0 : std::clamp<int64_t>(now.ms - stored.ms, 0, kDowntimeMostMs); }
  int64_t offset_ms_;
};

}  // namespace notifyd
