// RFC 3339, by calendar arithmetic alone: no locale, no TZ, no libc time function. Pure, any thread.
#include "base/time.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/ascii.h"

namespace notifyd {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr int64_t kSecondMs = 1000;
constexpr int64_t kMinuteMs = 60 * kSecondMs;
constexpr int64_t kHourMs = 60 * kMinuteMs;
constexpr int64_t kDayMs = 24 * kHourMs;

/// 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z.
constexpr int64_t kFirstMs = -62'167'219'200'000;
constexpr int64_t kLastMs = 253'402'300'799'999;

/// Takes a text from the left. After a failure all further reads give 0, so a caller asks once at the end.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// Exactly `width` decimal digits.
  int Digits(size_t width) {
    if (text_.size() < width) return Fail();
    int value = 0;
    for (size_t i = 0; i < width; ++i) {
      if (!IsDigit(text_[i])) return Fail();
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(width);
    return value;
  }
  void Expect(std::string_view literal) {
    if (!Accept(literal)) Fail();
  }
  bool Accept(std::string_view literal) {
    if (!ok_ || !text_.starts_with(literal)) return false;
    text_.remove_prefix(literal.size());
    return true;
  }
  /// A fraction of a second, after its point: one digit or more, cut to milliseconds.
  int Fraction() {
    int ms = 0;
    size_t i = 0;
    for (; i < text_.size() && IsDigit(text_[i]); ++i)
      if (i < 3) ms = ms * 10 + (text_[i] - '0');
    if (i == 0) return Fail();
    for (size_t digits = i; digits < 3; ++digits) ms *= 10;
    text_.remove_prefix(i);
    return ms;
  }
  bool done() const { return ok_ && text_.empty(); }

 private:
  int Fail() {
    ok_ = false;
    text_ = {};
    return 0;
  }
  std::string_view text_;
  bool ok_ = true;
};

struct Fields {
  int year = 0, month = 0, day = 0;
  int hour = 0, minute = 0, second = 0, ms = 0;
  int offset_minutes = 0;  // east of Greenwich
};

/// Nothing where a field is out of its range. Second 60 stands only where a leap second can: at the end of a month, in UTC.
std::optional<WallTime> ToWallTime(const Fields& f) {
  year_month_day date{std::chrono::year(f.year), std::chrono::month(static_cast<unsigned>(f.month)), std::chrono::day(static_cast<unsigned>(f.day))};
  if (!date.ok() || f.hour > 23 || f.minute > 59 || f.second > 60) return std::nullopt;
  int64_t minute_ms = sys_days(date).time_since_epoch().count() * kDayMs + f.hour * kHourMs + (f.minute - f.offset_minutes) * kMinuteMs;
  if (f.second == 60) {
    int64_t next_ms = minute_ms + kMinuteMs;
    if (next_ms % kDayMs != 0 || year_month_day(sys_days(days(next_ms / kDayMs))).day() != std::chrono::day(1)) return std::nullopt;
  }
  return WallTime{minute_ms + f.second * kSecondMs + f.ms};
}

void PutDigits(std::string& text, size_t at, int width, int64_t value) {
  for (int i = width - 1; i >= 0; --i, value /= 10) text[at + static_cast<size_t>(i)] = static_cast<char>('0' + value % 10);
}

}  // namespace

std::string FormatRfc3339(WallTime time) {
  int64_t ms = std::clamp(time.ms, kFirstMs, kLastMs);
  int64_t day = ms / kDayMs;
  int64_t of_day = ms % kDayMs;
  if (of_day < 0) {
    of_day += kDayMs;
    --day;
  }
  year_month_day date{sys_days(days(day))};
  std::string text = "0000-00-00T00:00:00.000Z";
  PutDigits(text, 0, 4, static_cast<int>(date.year()));
  PutDigits(text, 5, 2, static_cast<unsigned>(date.month()));
  PutDigits(text, 8, 2, static_cast<unsigned>(date.day()));
  PutDigits(text, 11, 2, of_day / kHourMs);
  PutDigits(text, 14, 2, of_day / kMinuteMs % 60);
  PutDigits(text, 17, 2, of_day / kSecondMs % 60);
  PutDigits(text, 20, 3, of_day % kSecondMs);
  return text;
}

Result<WallTime> ParseRfc3339(std::string_view text) {
  Scanner scan(text);
  Fields f;
  f.year = scan.Digits(4);
  scan.Expect("-");
  f.month = scan.Digits(2);
  scan.Expect("-");
  f.day = scan.Digits(2);
  if (!scan.Accept("T")) scan.Expect("t");
  f.hour = scan.Digits(2);
  scan.Expect(":");
  f.minute = scan.Digits(2);
  scan.Expect(":");
  f.second = scan.Digits(2);
  if (scan.Accept(".")) f.ms = scan.Fraction();
  if (!scan.Accept("Z") && !scan.Accept("z")) {
    int sign = scan.Accept("-") ? -1 : 1;
    if (sign > 0) scan.Expect("+");
    int hours = scan.Digits(2);
    scan.Expect(":");
    int minutes = scan.Digits(2);
    if (hours > 23 || minutes > 59) return Status(Code::kUnacceptable, "the offset of a time goes from -23:59 to +23:59");
    f.offset_minutes = sign * (hours * 60 + minutes);
  }
  if (!scan.done()) return Status(Code::kUnacceptable, "not an RFC 3339 time such as 2026-11-21T21:31:22Z or 2026-11-21T21:31:22.5+01:00");
  std::optional<WallTime> time = ToWallTime(f);
  if (!time) return Status(Code::kUnacceptable, "there is no such date or time of day");
  return *time;
}

}  // namespace notifyd
