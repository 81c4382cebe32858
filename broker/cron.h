// Cron: an expression of five fields, and the times at which it is due in a time zone. Pure; a value. Contract section 15.
//
//   minute 0-59, hour 0-23, day of the month 1-31, month 1-12 or JAN-DEC, day of the week 0-7 or SUN-SAT (0 and 7 are Sunday)
//
// Each is `*`, or a list of: a number or name, a range `a-b`, either or `*` with a step (`*/5`, `10-20/2`; `a/n` is from a on, of a week to its Sunday). A day of the month
// may also be `L` (the last), `L-n` (n days before it), `nW` (the weekday nearest to n, within the month), `LW` (the last weekday); a day of the week
// `d#n` (the n-th of the month), `dL` (the last). `?` is `*` for days. Where both days are restricted (not `*` or `?`), a day that one of them names
// counts. In their place: @hourly, @daily or @midnight, @weekly, @monthly, @yearly or @annually.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/status.h"
#include "base/time.h"
#include "base/time_zone.h"

namespace notifyd {

class Cron {
 public:
  /// Error: kUnacceptable, with what is wrong; also for a day that no year has.
  static Result<Cron> Parse(std::string_view text);

  /// Returns the first time behind `after` at which it is due; nothing where that is more than a hundred years ahead.
  /// Where hour and minute are numbers alone, a local time that does not exist counts as the first that does, and one that there is twice as its
  /// first. Else every real occurrence counts, and none is made up.
  std::optional<WallTime> Next(WallTime after, const TimeZone& zone) const;

 private:
  Cron() = default;
  Status ParseDayOfMonth(std::string_view field);
  Status ParseDayOfWeek(std::string_view field);
  bool DayMatches(int64_t day) const;
  int64_t FirstIn(int64_t from, int64_t to) const;

  uint64_t minutes_ = 0;  // a bit for each value, as all of these
  uint32_t hours_ = 0, days_ = 0, months_ = 0;
  uint32_t days_before_last_ = 0;          // bit n: L-n
  uint32_t weekdays_nearest_ = 0;          // bit n: nW
  bool last_weekday_ = false;              // LW
  uint8_t week_ = 0;                       // bit d: every day d of a week
  std::array<uint8_t, 7> nth_of_month_{};  // of a day of the week; bit n: the n-th, bit 0: the last
  bool any_day_ = false, any_week_ = false;
  bool fixed_ = false;  // hour and minute are numbers alone
};

}  // namespace notifyd
