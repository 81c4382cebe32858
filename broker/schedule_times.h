// ScheduleTimes: the times of one schedule, from what was said of it. Pure; a value. Contract section 15.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/status.h"
#include "base/time_zone.h"
#include "broker/cron.h"
#include "broker/schedule_records.h"

namespace notifyd {

class ScheduleTimes {
 public:
  /// `created_at`: of the schedule, what every_ms counts from where there is no start_at. `find`: may be empty, UTC is known all the same. Errors:
  /// kUnacceptable, at "/cron" or "/timezone".
  static Result<ScheduleTimes> Of(const Schedule& said, WallTime created_at, const FindZone& find);

  /// The first one behind `time`, not before start_at; nothing where that is behind end_at, or there is none.
  std::optional<WallTime> After(WallTime time) const;
  /// The last one until `until`, of which `first` is one.
  WallTime LastUntil(WallTime first, WallTime until) const;
  struct Counted {
    uint64_t count = 0;
    WallTime last;  // of those that were counted
    bool all = false;
  };
  /// How many there are from `first`, which is one, until `until`. Those of a cron are counted one by one: not more than `most`.
  Counted Count(WallTime first, WallTime until, uint64_t most) const;
  /// When the run of that time is due: later by its jitter, the same each time it is asked for, and always before the next time.
  WallTime DueOf(std::string_view schedule, WallTime time) const;
  /// The last one whose run is due until `until`, of which `first` is one.
  WallTime LastDueUntil(std::string_view schedule, WallTime first, WallTime until) const;

 private:
  ScheduleTimes() = default;

  std::optional<Cron> cron_;
  std::shared_ptr<const TimeZone> zone_;
  int64_t every_ms_ = 0, jitter_ms_ = 0;
  WallTime anchor_;
  std::optional<WallTime> start_at_, end_at_;
};

}  // namespace notifyd
