// TimeZone: what the local time of a place is at a moment, as a table. Pure; a value. Where tables come from: base/zone_database.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace notifyd {

class TimeZone {
 public:
  /// A stretch of time with one offset: local time is UTC plus it. `begin_s` and `end_s` (behind it): seconds since the Unix epoch.
  struct Span {
    int64_t begin_s = 0, end_s = 0, offset_s = 0;
  };
  /// A new offset from `at_s` on.
  struct Change {
    int64_t at_s = 0, offset_s = 0;
  };
  /// UTC.
  TimeZone() = default;
  /// `offset_s`: before the first change. `changes`: in the order of their times.
  TimeZone(int64_t offset_s, std::vector<Change> changes) : offset_s_(offset_s), changes_(std::move(changes)) {}

  /// Returns the stretch in which the moment lies; the first has no beginning (kBegin), the last no end (kEnd).
  Span At(int64_t utc_s) const;

  // Beyond the years 0 and 9999, and far from the ends of the numbers.
  static constexpr int64_t kBegin = INT64_C(-1) << 40, kEnd = INT64_C(1) << 40;

 private:
  int64_t offset_s_ = 0;
  std::vector<Change> changes_;
};

/// Finds a zone by its IANA name ("UTC", "Europe/Berlin"); null where there is none. May be called from any thread. Whoever decides by zones is
/// handed one of these, and gets the same table for the same name as long as it lives.
using FindZone = std::function<std::shared_ptr<const TimeZone>(std::string_view name)>;

}  // namespace notifyd
