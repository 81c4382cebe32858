#include "cli/import/local_time.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "base/ascii.h"

namespace notifyd {
namespace {

constexpr std::string_view kShape = "dddd-dd-dd dd:dd:dd";
constexpr int64_t kDayS = 86'400;

bool HasShape(std::string_view text) {
  for (size_t i = 0; i < kShape.size(); ++i)
    if (kShape[i] == 'd' ? !IsDigit(text[i]) : text[i] != kShape[i]) return false;
  return true;
}

int Number(std::string_view digits) {
  int number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

}  // namespace

Result<WallTime> ParseLocalTime(std::string_view text, const TimeZone& zone) {
  const auto bad = [&] { return Status(Code::kUnacceptable, "\"" + std::string(text) + "\" is not a time as 2027-03-01 08:00:00"); };
  if (text.size() < kShape.size() || !HasShape(text)) return bad();
  std::string_view fraction = text.substr(kShape.size());
  int64_t ms = 0;
  if (!fraction.empty()) {
    fraction.remove_prefix(1);
    if (text[kShape.size()] != '.' || fraction.empty() || !std::all_of(fraction.begin(), fraction.end(), [](char c) { return IsDigit(c); }))
      return bad();
    ms = Number((std::string(fraction) + "00").substr(0, 3));
  }
  if (text.starts_with("0000-00-00")) return WallTime{0};
  const std::chrono::year_month_day date{std::chrono::year(Number(text.substr(0, 4))),
                                         std::chrono::month(static_cast<unsigned>(Number(text.substr(5, 2)))),
                                         std::chrono::day(static_cast<unsigned>(Number(text.substr(8, 2))))};
  const int hour = Number(text.substr(11, 2)), minute = Number(text.substr(14, 2)), second = Number(text.substr(17, 2));
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return bad();
  const int64_t local_s = int64_t{std::chrono::sys_days(date).time_since_epoch().count()} * kDayS + hour * 3600 + minute * 60 + second;
  TimeZone::Span span = zone.At(local_s - 2 * kDayS);  // no offset is that large
  while (local_s - span.offset_s >= span.end_s) span = zone.At(span.end_s);
  const bool left_out = local_s - span.offset_s < span.begin_s;
  const int64_t at_ms = left_out ? span.begin_s * 1000 : (local_s - span.offset_s) * 1000 + ms;
  return WallTime{std::max<int64_t>(at_ms, 0)};
}

std::string FormatLocalTime(WallTime time, const TimeZone& zone) {
  const int64_t utc_s = time.ms / 1000, local_s = utc_s + zone.At(utc_s).offset_s;
  const std::chrono::sys_seconds moment{std::chrono::seconds(local_s)};
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(moment - day);
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d", int(date.year()), unsigned(date.month()), unsigned(date.day()),
                int(clock.hours().count()), int(clock.minutes().count()), int(clock.seconds().count()));
  return text;
}

}  // namespace notifyd
