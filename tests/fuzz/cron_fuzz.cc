// Any text is a cron expression or is refused. Of one that is, the next times are those of a second implementation that looks at one day after the
// other, by the grammar of broker/cron.h alone, and expands no list. Input: minutes since 1970 from which on it is asked (3 bytes), then the
// expression.
#include "broker/cron.h"

#include <cctype>
#include <chrono>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"

using namespace notifyd;

namespace {

std::vector<std::string> Cut(const std::string& text, const char* by) {
  std::vector<std::string> parts;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find_first_of(by, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string WithNumbers(std::string text, const std::string& names, int first) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (size_t i = 0; i + 3 <= names.size(); i += 3)
    for (size_t at; (at = text.find(names.substr(i, 3))) != std::string::npos;) text.replace(at, 3, std::to_string(first + static_cast<int>(i / 3)));
  return text;
}

/// Does a list of numbers, ranges and steps name `n`? `most`: the field's greatest.
bool Names(const std::string& list, int n, int least, int most) {
  for (const std::string& part : Cut(list, ",")) {
    const std::vector<std::string> halves = Cut(part, "/"), ends = Cut(halves[0], "-");
    const int step = halves.size() > 1 ? std::stoi(halves[1]) : 1;
    int from = least, to = most;
    if (ends[0] != "*" && ends[0] != "?") {
      from = std::stoi(ends[0]);
      to = ends.size() > 1 ? std::stoi(ends[1]) : halves.size() > 1 ? most : from;
    }
    if (n >= from && n <= to && (n - from) % step == 0) return true;
  }
  return false;
}

struct Day {
  int of_month, month, last, weekday, weekday_of_first;
};
Day DayAt(int64_t day) {
  const std::chrono::year_month_day date = std::chrono::sys_days(std::chrono::days(day));
  const auto last = static_cast<unsigned>((date.year() / date.month() / std::chrono::last).day());
  auto weekday = [](std::chrono::sys_days at) { return static_cast<int>(std::chrono::weekday(at).c_encoding()); };
  return {static_cast<int>(static_cast<unsigned>(date.day())), static_cast<int>(static_cast<unsigned>(date.month())), static_cast<int>(last),
          weekday(std::chrono::sys_days(date)), weekday(std::chrono::sys_days(date.year() / date.month() / 1))};
}

/// The weekday nearest to `wanted`, within the month: the nearest of all days that are one.
int Nearest(const Day& day, int wanted) {
  for (int away = 0; away < 4; ++away)
    for (int at : {wanted - away, wanted + away}) {
      const int weekday = (day.weekday_of_first + at - 1 + 35) % 7;
      if (at >= 1 && at <= day.last && weekday != 0 && weekday != 6) return at;
    }
  return 0;
}

bool NamesDay(const std::string& field, const Day& day) {
  for (const std::string& part : Cut(field, ",")) {
    if (part == "L") {
      if (day.of_month == day.last) return true;
    } else if (part == "LW") {
      if (day.of_month == Nearest(day, day.last)) return true;
    } else if (part.starts_with("L-")) {
      if (day.of_month == day.last - std::stoi(part.substr(2))) return true;
    } else if (part.ends_with("W")) {
      const int wanted = std::stoi(part);
      if (wanted <= day.last && day.of_month == Nearest(day, wanted)) return true;
    } else if (Names(part, day.of_month, 1, 31)) {
      return true;
    }
  }
  return false;
}

/// 7 is the Sunday at a week's end, 0 the one at its beginning.
bool NamesWeekday(const std::string& part, int weekday) {
  const std::vector<std::string> halves = Cut(part, "/"), ends = Cut(halves[0], "-");
  if (ends[0] == "*") return Names(part, weekday, 0, 6);
  std::string from = ends[0];
  const bool goes_on = ends.size() > 1 || halves.size() > 1;
  if (std::stoi(from) == 7 && goes_on) from = "0";
  std::string to = ends.size() > 1 ? ends[1] : halves.size() > 1 ? (std::stoi(from) == 0 ? "6" : "7") : from;
  if (std::stoi(to) == 0 && std::stoi(from) > 0) to = "7";
  const std::string whole = from + "-" + to + (halves.size() > 1 ? "/" + halves[1] : "");
  return Names(whole, weekday, 0, 7) || (weekday == 0 && Names(whole, 7, 0, 7));
}

bool NamesWeek(const std::string& field, const Day& day) {
  for (const std::string& part : Cut(field, ",")) {
    const size_t hash = part.find('#');
    if (hash != std::string::npos) {
      if (std::stoi(part) % 7 == day.weekday && (day.of_month + 6) / 7 == std::stoi(part.substr(hash + 1))) return true;
    } else if (part.size() > 1 && part.ends_with("L")) {
      if (std::stoi(part) % 7 == day.weekday && day.of_month > day.last - 7) return true;
    } else if (NamesWeekday(part, day.weekday)) {
      return true;
    }
  }
  return false;
}

/// The first minute from `from` on, in so many days; -1: none.
int64_t FirstOf(const std::vector<std::string>& fields, int64_t from, int64_t days) {
  auto any = [](const std::string& field) { return field == "*" || field == "?"; };
  for (int64_t day = from / 1440; day < from / 1440 + days; ++day) {
    const Day at = DayAt(day);
    if (!Names(fields[3], at.month, 1, 12)) continue;
    const bool any_day = any(fields[2]), any_week = any(fields[4]);
    if (!(any_day && any_week) && !(!any_day && NamesDay(fields[2], at)) && !(!any_week && NamesWeek(fields[4], at))) continue;
    for (int hour = 0; hour < 24; ++hour) {
      if (!Names(fields[1], hour, 0, 23)) continue;
      for (int minute = 0; minute < 60; ++minute) {
        const int64_t found = day * 1440 + hour * 60 + minute;
        if (found >= from && Names(fields[0], minute, 0, 59)) return found;
      }
    }
  }
  return -1;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  Decoder input(std::string_view(reinterpret_cast<const char*>(bytes), size));
  int64_t from = input.U8();
  for (int i = 0; i < 2; ++i) from = from << 8 | input.U8();
  if (!input.ok()) return 0;
  const std::string text(input.rest());
  Result<Cron> cron = Cron::Parse(text);
  if (!cron.ok()) {
    CHECK(cron.status().code() == Code::kUnacceptable && !cron.status().detail().empty());
    return 0;
  }
  const std::optional<WallTime> next = cron->Next({from * 60'000 - 1}, TimeZone());
  if (next) CHECK(next->ms >= from * 60'000 && next->ms % 60'000 == 0);
  if (text.starts_with("@")) return 0;
  std::vector<std::string> fields;
  for (std::string& field : Cut(text, " \t"))
    if (!field.empty()) fields.push_back(std::move(field));
  CHECK(fields.size() == 5);
  for (std::string& field : fields)
    if (&field != &fields[4]) field = WithNumbers(field, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC", 1);
  fields[4] = WithNumbers(fields[4], "SUNMONTUEWEDTHUFRISAT", 0);
  constexpr int64_t kDays = 400;
  const int64_t first = FirstOf(fields, from, kDays);
  if (first >= 0) CHECK(next && next->ms == first * 60'000);
  else CHECK(!next || next->ms / 60'000 >= from + (kDays - 1) * 1440);
  return 0;
}
