#include "broker/schedule_times.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/bytes.h"

namespace notifyd {
namespace {

constexpr int64_t kSecond = 1000;
constexpr int64_t kLastMs = 253'402'300'799'999;  // of the year 9999

}  // namespace

Result<ScheduleTimes> ScheduleTimes::Of(const Schedule& said, WallTime created_at, const FindZone& find) {
  ScheduleTimes times;
  times.every_ms_ = said.every_ms;
  times.jitter_ms_ = said.jitter_ms;
  times.start_at_ = said.start_at;
  times.end_at_ = said.end_at;
  times.anchor_ = said.start_at.value_or(created_at);
  static const auto* utc = new std::shared_ptr<const TimeZone>(std::make_shared<const TimeZone>());
  times.zone_ = said.timezone == "UTC" ? *utc : find ? find(said.timezone) : nullptr;
  if (!times.zone_) return Status(Code::kUnacceptable, "this system's tz database has no such time zone", "/timezone");
  if (said.cron.empty()) return times;
  Result<Cron> cron = Cron::Parse(said.cron);
  if (!cron.ok()) return std::move(cron).status().Within("/cron");
  times.cron_ = *std::move(cron);
  return times;
}

std::optional<WallTime> ScheduleTimes::After(WallTime time) const {
  if (start_at_) time.ms = std::max(time.ms, start_at_->ms - 1);
  std::optional<WallTime> next;
  if (cron_) {
    next = cron_->Next(time, *zone_);
  } else if (time.ms < kLastMs - every_ms_) {
    const int64_t since = time.ms - anchor_.ms;
    const int64_t least = start_at_ ? 0 : 1;
    next = WallTime{anchor_.ms + (since < 0 ? least : std::max(since / every_ms_ + 1, least)) * every_ms_};
  }
  if (!next || next->ms > kLastMs || (end_at_ && *next > *end_at_)) return std::nullopt;
  return next;
}

WallTime ScheduleTimes::LastUntil(WallTime first, WallTime until) const {
  if (end_at_) until = std::min(until, *end_at_);
  if (until <= first) return first;
  if (!cron_) return {first.ms + (until.ms - first.ms) / every_ms_ * every_ms_};
  // Behind `low` there is one until `until`, behind `high` there is none: times are whole minutes.
  int64_t low = first.ms - 1, high = until.ms;
  while (high - low > kSecond) {
    const int64_t middle = low + (high - low) / 2;
    const std::optional<WallTime> next = After({middle});
    (next && *next <= until ? low : high) = middle;
  }
  return *After({low});
}

ScheduleTimes::Counted ScheduleTimes::Count(WallTime first, WallTime until, uint64_t most) const {
  if (!cron_) {
    const WallTime last = LastUntil(first, until);
    return {until < first ? 0 : static_cast<uint64_t>((last.ms - first.ms) / every_ms_) + 1, last, true};
  }
  Counted counted{0, first, true};
  for (std::optional<WallTime> at = first; at && *at <= until; at = After(*at)) {
    if (counted.count == most) {
      counted.all = false;
      return counted;
    }
    ++counted.count;
    counted.last = *at;
  }
  return counted;
}

WallTime ScheduleTimes::DueOf(std::string_view schedule, WallTime time) const {
  if (jitter_ms_ == 0) return time;
  int64_t most = jitter_ms_;
  if (const std::optional<WallTime> next = After(time)) most = std::min(most, next->ms - time.ms - 1);
  std::string seed(schedule);
  Encoder encoder(&seed);
  encoder.BigSigned64(time.ms);
  return {time.ms + static_cast<int64_t>(Hash64(seed) % static_cast<uint64_t>(most + 1))};
}

WallTime ScheduleTimes::LastDueUntil(std::string_view schedule, WallTime first, WallTime until) const {
  const WallTime last = LastUntil(first, until);
  // Only the last one that has come may wait for its jitter: all others are due before the next one comes.
  return last > first && DueOf(schedule, last) > until ? LastUntil(first, {last.ms - 1}) : last;
}

}  // namespace notifyd
