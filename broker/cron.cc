#include "broker/cron.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <string>
#include <vector>

namespace notifyd {
namespace {

constexpr int64_t kDayMinutes = 24 * 60;
constexpr int64_t kNone = INT64_MAX;
constexpr std::string_view kBlank = " \t";
constexpr std::array<std::string_view, 12> kMonthNames = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> kDayNames = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};
constexpr std::pair<std::string_view, std::string_view> kNicknames[] = {
    {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}};

/// A field of the expression: its least and greatest number, and the names of numbers from `first_named` on.
struct Field {
  const char* name;
  int least, most;
  const std::string_view* names = nullptr;
  size_t named = 0;
  int first_named = 0;
};
constexpr Field kMinuteField{"minute", 0, 59}, kHourField{"hour", 0, 23}, kDayField{"day of the month", 1, 31},
    kMonthField{"month", 1, 12, kMonthNames.data(), kMonthNames.size(), 1}, kWeekField{"day of the week", 0, 7, kDayNames.data(), kDayNames.size(), 0};

Status Bad(const Field& field, std::string_view what, const char* why) {
  return Status(Code::kUnacceptable, std::string(field.name) + ": \"" + std::string(what) + "\" " + why);
}

char Upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
bool SameWord(std::string_view a, std::string_view upper) {
  return std::equal(a.begin(), a.end(), upper.begin(), upper.end(), [](char x, char y) { return Upper(x) == y; });
}

/// Digits alone, at most four of them.
std::optional<int> Number(std::string_view text) {
  int number = 0;
  if (text.empty() || text.size() > 4 || !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Result<int> NumberOf(const Field& field, std::string_view text) {
  for (size_t i = 0; i < field.named; ++i)
    if (SameWord(text, field.names[i])) return field.first_named + static_cast<int>(i);
  const std::optional<int> number = Number(text);
  if (!number) return Bad(field, text, field.named > 0 ? "is neither a number nor a name" : "is no number");
  if (*number < field.least || *number > field.most) return Bad(field, text, "is out of range");
  return *number;
}

std::vector<std::string_view> Split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (size_t at = 0;;) {
    const size_t end = text.find(by, at);
    parts.push_back(text.substr(at, end - at));
    if (end == std::string_view::npos) return parts;
    at = end + 1;
  }
}

/// One part of a list: sets a bit for each number that it names.
Status ParsePart(const Field& field, std::string_view part, uint64_t* bits) {
  const size_t slash = part.find('/');
  const std::string_view range = part.substr(0, slash);
  int from = field.least, to = field.most, step = 1;
  if (field.most == 7) to = 6;  // 7 is 0 once more
  if (range != "*") {
    const size_t dash = range.find('-');
    Result<int> first = NumberOf(field, range.substr(0, dash));
    if (!first.ok()) return first.status();
    from = *first;
    const bool to_the_end = dash == std::string_view::npos && slash != std::string_view::npos;
    if (field.most == 7 && from == 7 && (dash != std::string_view::npos || to_the_end)) from = 0;
    if (to_the_end) to = from == 0 && field.most == 7 ? 6 : field.most;
    if (dash != std::string_view::npos) {
      Result<int> last = NumberOf(field, range.substr(dash + 1));
      if (!last.ok()) return last.status();
      to = *last;
      if (field.most == 7 && to == 0 && from > 0) to = 7;  // MON-SUN
      if (*first == 7 && to == 7) to = from;               // 7-7: Sunday alone
      if (from > to) return Bad(field, range, "ends before it begins");
    } else if (slash == std::string_view::npos) {
      to = from;
    }
  }
  if (slash != std::string_view::npos) {
    const std::optional<int> number = Number(part.substr(slash + 1));
    if (!number || *number < 1 || *number > field.most) return Bad(field, part, "has no step that this field can have");
    step = *number;
  }
  for (int n = from; n <= to; n += step) *bits |= uint64_t{1} << n;
  return Status::Ok();
}

Status ParseList(const Field& field, std::string_view text, uint64_t* bits) {
  for (std::string_view part : Split(text, ','))
    if (Status status = ParsePart(field, part, bits); !status.ok()) return status;
  return Status::Ok();
}

bool IsAny(std::string_view field) {
  return field == "*" || field == "?";
}
bool IsNumbersAlone(std::string_view field) {
  return field.find_first_not_of("0123456789,") == std::string_view::npos;
}

std::chrono::year_month_day DateOf(int64_t day) {
  return std::chrono::sys_days(std::chrono::days(day));
}
int64_t DayOf(const std::chrono::year_month_day& date) {
  return std::chrono::sys_days(date).time_since_epoch().count();
}
unsigned LastOf(const std::chrono::year_month_day& date) {
  return static_cast<unsigned>((date.year() / date.month() / std::chrono::last).day());
}
/// 0: Sunday. 1970-01-01 was a Thursday.
unsigned WeekdayOf(int64_t day) {
  return static_cast<unsigned>(((day + 4) % 7 + 7) % 7);
}
/// The day of the month, Monday to Friday, that is nearest to `wanted` in the month whose first has that weekday.
unsigned NearestWeekday(unsigned wanted, unsigned weekday_of_first, unsigned last) {
  const unsigned weekday = (weekday_of_first + wanted - 1) % 7;
  if (weekday == 6) return wanted > 1 ? wanted - 1 : wanted + 2;
  if (weekday == 0) return wanted < last ? wanted + 1 : wanted - 2;
  return wanted;
}

int64_t FloorDiv(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}
int64_t CeilDiv(int64_t a, int64_t b) {
  return -FloorDiv(-a, b);
}

}  // namespace

Result<Cron> Cron::Parse(std::string_view text) {
  for (const auto& [name, meaning] : kNicknames)
    if (text == name) return Parse(meaning);
  std::vector<std::string_view> fields;
  for (size_t at = text.find_first_not_of(kBlank); at != std::string_view::npos; at = text.find_first_not_of(kBlank, at)) {
    const size_t end = std::min(text.find_first_of(kBlank, at), text.size());
    fields.push_back(text.substr(at, end - at));
    at = end;
  }
  if (fields.size() != 5)
    return Status(Code::kUnacceptable,
                  "five fields are needed: minute, hour, day of the month, month, day of the week; or one of @hourly, @daily, "
                  "@midnight, @weekly, @monthly, @yearly, @annually");
  Cron cron;
  uint64_t hours = 0, months = 0;
  NOTIFYD_TRY(ParseList(kMinuteField, fields[0], &cron.minutes_));
  NOTIFYD_TRY(ParseList(kHourField, fields[1], &hours));
  NOTIFYD_TRY(ParseList(kMonthField, fields[3], &months));
  NOTIFYD_TRY(cron.ParseDayOfMonth(fields[2]));
  NOTIFYD_TRY(cron.ParseDayOfWeek(fields[4]));
  cron.hours_ = static_cast<uint32_t>(hours);
  cron.months_ = static_cast<uint32_t>(months);
  cron.fixed_ = IsNumbersAlone(fields[0]) && IsNumbersAlone(fields[1]);
  // The calendar repeats after 400 years.
  const int64_t from = DayOf(std::chrono::year(2000) / 1 / 1) * kDayMinutes, to = DayOf(std::chrono::year(2400) / 1 / 1) * kDayMinutes;
  if (cron.FirstIn(from, to) == kNone) return Status(Code::kUnacceptable, "no year has such a day");
  return cron;
}

Status Cron::ParseDayOfMonth(std::string_view field) {
  any_day_ = IsAny(field);
  if (any_day_) return Status::Ok();
  uint64_t bits = 0;
  for (std::string_view part : Split(field, ',')) {
    if (SameWord(part, "L")) {
      days_before_last_ |= 1;
    } else if (SameWord(part, "LW")) {
      last_weekday_ = true;
    } else if (part.size() > 2 && Upper(part[0]) == 'L' && part[1] == '-') {
      const std::optional<int> before = Number(part.substr(2));
      if (!before || *before > 30) return Bad(kDayField, part, "is no day before the last one");
      days_before_last_ |= uint32_t{1} << *before;
    } else if (part.size() > 1 && Upper(part.back()) == 'W') {
      Result<int> day = NumberOf(kDayField, part.substr(0, part.size() - 1));
      if (!day.ok()) return day.status();
      weekdays_nearest_ |= uint32_t{1} << *day;
    } else {
      NOTIFYD_TRY(ParsePart(kDayField, part, &bits));
    }
  }
  days_ = static_cast<uint32_t>(bits);
  return Status::Ok();
}

Status Cron::ParseDayOfWeek(std::string_view field) {
  any_week_ = IsAny(field);
  if (any_week_) return Status::Ok();
  uint64_t bits = 0;
  for (std::string_view part : Split(field, ',')) {
    const size_t hash = part.find('#');
    if (hash != std::string_view::npos || (part.size() > 1 && Upper(part.back()) == 'L')) {
      Result<int> day = NumberOf(kWeekField, part.substr(0, hash != std::string_view::npos ? hash : part.size() - 1));
      if (!day.ok()) return day.status();
      const std::optional<int> nth = hash != std::string_view::npos ? Number(part.substr(hash + 1)) : 0;
      if (!nth || *nth > 5 || (hash != std::string_view::npos && *nth < 1)) return Bad(kWeekField, part, "needs a number from 1 to 5 behind #");
      nth_of_month_[static_cast<size_t>(*day % 7)] |= static_cast<uint8_t>(1 << *nth);
    } else {
      NOTIFYD_TRY(ParsePart(kWeekField, part, &bits));
    }
  }
  week_ = static_cast<uint8_t>((bits | bits >> 7) & 0x7F);
  return Status::Ok();
}

/// `day`: since the Unix epoch, of local time. Its month is one of months_.
bool Cron::DayMatches(int64_t day) const {
  if (any_day_ && any_week_) return true;
  const std::chrono::year_month_day date = DateOf(day);
  const unsigned of_month = static_cast<unsigned>(date.day()), last = LastOf(date), weekday = WeekdayOf(day);
  if (!any_day_) {
    if ((days_ >> of_month & 1) || (days_before_last_ >> (last - of_month) & 1)) return true;
    const unsigned of_first = WeekdayOf(day - (of_month - 1));
    if (last_weekday_ && NearestWeekday(last, of_first, last) == of_month) return true;
    for (uint32_t wanted = weekdays_nearest_; wanted != 0; wanted &= wanted - 1) {
      const auto n = static_cast<unsigned>(std::countr_zero(wanted));
      if (n <= last && NearestWeekday(n, of_first, last) == of_month) return true;
    }
  }
  if (any_week_) return false;
  const uint8_t nth = nth_of_month_[weekday];
  return (week_ >> weekday & 1) || (nth >> ((of_month - 1) / 7 + 1) & 1) || ((nth & 1) && of_month + 7 > last);
}

/// Returns the first matching minute of local time in [from, to), minutes since the epoch; kNone where there is none.
int64_t Cron::FirstIn(int64_t from, int64_t to) const {
  for (int64_t at = from; at < to;) {
    const int64_t day = FloorDiv(at, kDayMinutes);
    const std::chrono::year_month_day date = DateOf(day);
    if (!(months_ >> static_cast<unsigned>(date.month()) & 1)) {
      at = (day - static_cast<unsigned>(date.day()) + 1 + LastOf(date)) * kDayMinutes;
      continue;
    }
    if (DayMatches(day)) {
      const auto of_day = static_cast<unsigned>(at - day * kDayMinutes);
      // The bits of this hour's minutes that are left, then of a whole hour.
      uint64_t minutes = minutes_ >> (of_day % 60) << (of_day % 60);
      for (unsigned hour = of_day / 60; hour < 24; ++hour, minutes = minutes_) {
        if (!(hours_ >> hour & 1) || minutes == 0) continue;
        const int64_t found = day * kDayMinutes + hour * 60 + std::countr_zero(minutes);
        return found < to ? found : kNone;
      }
    }
    at = (day + 1) * kDayMinutes;
  }
  return kNone;
}

std::optional<WallTime> Cron::Next(WallTime after, const TimeZone& zone) const {
  constexpr int64_t kFarthest_s = int64_t{100} * 366 * 24 * 3600;
  const int64_t from_s = FloorDiv(after.ms, 1000) + 1, until_s = from_s + kFarthest_s;
  TimeZone::Span span = zone.At(from_s);
  TimeZone::Span before = zone.At(span.begin_s - 1);
  for (int64_t at_s = from_s; at_s < until_s;) {
    const int64_t end_s = std::min(span.end_s, until_s);
    int64_t local_s = at_s + span.offset_s;
    if (fixed_) {
      // Local time between where the stretch before ended and where this one begins was left out, or is there for the second time.
      const int64_t ended_s = span.begin_s + before.offset_s, begins_s = span.begin_s + span.offset_s;
      if (at_s == span.begin_s && ended_s < begins_s && FirstIn(CeilDiv(ended_s, 60), CeilDiv(begins_s, 60)) != kNone)
        return WallTime{span.begin_s * 1000};
      local_s = std::max(local_s, ended_s);
    }
    const int64_t found = FirstIn(CeilDiv(local_s, 60), CeilDiv(end_s + span.offset_s, 60));
    if (found != kNone) return WallTime{(found * 60 - span.offset_s) * 1000};
    if (span.end_s >= until_s) break;
    at_s = span.end_s;
    before = span;
    span = zone.At(at_s);
  }
  return std::nullopt;
}

}  // namespace notifyd
