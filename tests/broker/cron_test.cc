// Cron expressions: their grammar, 200 of them whose next times another implementation computed (data/cron_times.mjs), and what happens where clocks
// are changed, by hand.
#include "broker/cron.h"

#include <catch2/catch.hpp>
#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/zone_database.h"

using namespace notifyd;

namespace {

TimeZone Zone(const std::string& name) {
  std::shared_ptr<const TimeZone> zone = FindSystemZone(name);
  INFO(name);
  REQUIRE(zone);
  return *zone;
}

WallTime Time(const std::string& text) {
  return *ParseRfc3339(text);
}

/// The next times, "2026-03-29T01:00" each.
std::string NextTimes(const std::string& expression, const TimeZone& zone, const std::string& after, size_t count) {
  Result<Cron> cron = Cron::Parse(expression);
  if (!cron.ok()) return cron.status().detail();
  std::string out;
  WallTime at = Time(after);
  for (size_t i = 0; i < count; ++i) {
    std::optional<WallTime> next = cron->Next(at, zone);
    if (!next) break;
    CHECK(*next > at);
    out += (out.empty() ? "" : " ") + FormatRfc3339(*next).substr(0, 16);
    at = *next;
  }
  return out;
}

}  // namespace

TEST_CASE("cron: 200 expressions come to what another implementation says") {
  std::ifstream file(std::string(NOTIFYD_TEST_DATA) + "/cron_times.tsv");
  size_t rows = 0;
  for (std::string line; std::getline(file, line); ++rows) {
    std::istringstream fields(line);
    std::string expression, zone, after, times;
    std::getline(fields, expression, '\t');
    std::getline(fields, zone, '\t');
    std::getline(fields, after, '\t');
    std::getline(fields, times);
    INFO(line);
    const auto count = static_cast<size_t>(std::count(times.begin(), times.end(), ' ')) + 1;
    CHECK(NextTimes(expression, Zone(zone), after, count) == times);
  }
  CHECK(rows == 200);
}

TEST_CASE("cron: W, L-n, and names in any case") {
  const TimeZone utc;
  // 2026-08-01 is a Saturday, 2026-08-31 a Monday, 2026-02-01 a Sunday, 2026-05-31 a Sunday.
  CHECK(NextTimes("0 0 15W 8 *", utc, "2026-01-01T00:00:00Z", 1) == "2026-08-14T00:00");
  CHECK(NextTimes("0 0 16W 8 *", utc, "2026-01-01T00:00:00Z", 1) == "2026-08-17T00:00");
  CHECK(NextTimes("0 0 1W 8 *", utc, "2026-01-01T00:00:00Z", 1) == "2026-08-03T00:00");
  CHECK(NextTimes("0 0 1W 2 *", utc, "2026-01-01T00:00:00Z", 1) == "2026-02-02T00:00");
  CHECK(NextTimes("0 0 31W 5 *", utc, "2026-01-01T00:00:00Z", 1) == "2026-05-29T00:00");
  CHECK(NextTimes("0 0 31W * *", utc, "2026-01-01T00:00:00Z", 3) == "2026-01-30T00:00 2026-03-31T00:00 2026-05-29T00:00");
  CHECK(NextTimes("0 0 LW 5 *", utc, "2026-01-01T00:00:00Z", 1) == "2026-05-29T00:00");
  CHECK(NextTimes("0 0 lw 8 *", utc, "2026-01-01T00:00:00Z", 1) == "2026-08-31T00:00");
  CHECK(NextTimes("0 0 L-2 2 *", utc, "2026-01-01T00:00:00Z", 3) == "2026-02-26T00:00 2027-02-26T00:00 2028-02-27T00:00");
  CHECK(NextTimes("0 0 1,L-1 feb *", utc, "2026-01-01T00:00:00Z", 2) == "2026-02-01T00:00 2026-02-27T00:00");
  CHECK(NextTimes("0 0 * * sat-sun", utc, "2026-08-01T00:00:00Z", 3) == "2026-08-02T00:00 2026-08-08T00:00 2026-08-09T00:00");
  CHECK(NextTimes("0 0 * * 7/3", utc, "2026-08-01T00:00:00Z", 3) == "2026-08-02T00:00 2026-08-05T00:00 2026-08-08T00:00");
  CHECK(NextTimes("  0   0  *\t* *", utc, "2026-08-01T00:00:00Z", 1) == "2026-08-02T00:00");
}

TEST_CASE("cron: Sunday is 0 and 7, in ranges, too") {
  // 2026-03-01 is one.
  const auto days = [](const std::string& field) { return NextTimes("0 0 * * " + field, TimeZone(), "2026-03-01T00:00:00Z", 2); };
  const auto sundays = days("0");
  CHECK(sundays == "2026-03-08T00:00 2026-03-15T00:00");
  for (const char* field : {"7", "7-7", "0-0", "SUN-SUN", "7-7/2", "7-0"}) {
    CAPTURE(field);
    CHECK(days(field) == sundays);
  }
  CHECK(days("6-7") == "2026-03-07T00:00 2026-03-08T00:00");
  CHECK(days("0-7") == "2026-03-02T00:00 2026-03-03T00:00");
}

TEST_CASE("cron: times lie strictly behind what they are asked for") {
  const TimeZone utc;
  CHECK(NextTimes("0 12 * * *", utc, "2026-08-01T11:59:59.999Z", 1) == "2026-08-01T12:00");
  CHECK(NextTimes("0 12 * * *", utc, "2026-08-01T12:00:00.000Z", 1) == "2026-08-02T12:00");
  CHECK(NextTimes("0 12 * * *", utc, "2026-08-01T12:00:00.001Z", 1) == "2026-08-02T12:00");
}

TEST_CASE("cron: what is no expression is refused, also a day that no year has") {
  for (const char* text : {"",
                           "*",
                           "* * * *",
                           "* * * * * *",
                           "60 * * * *",
                           "* 24 * * *",
                           "* * 0 * *",
                           "* * 32 * *",
                           "* * * 0 *",
                           "* * * 13 *",
                           "* * * * 8",
                           "a * * * *",
                           "*/0 * * * *",
                           "*/60 * * * *",
                           "5-1 * * * *",
                           "1- * * * *",
                           "-1 * * * *",
                           "1,,2 * * * *",
                           ",1 * * * *",
                           "1, * * * *",
                           "1/ * * * *",
                           "/5 * * * *",
                           "* * 0W * *",
                           "* * 32W * *",
                           "* * W * *",
                           "* * L-31 * *",
                           "* * L- * *",
                           "* * * * L",
                           "* * * * 1#0",
                           "* * * * 1#6",
                           "* * * * #1",
                           "* * * * 8L",
                           "* * * JANUARY *",
                           "* * * * MONDAY",
                           "@never",
                           "@HOURLY x",
                           "? * * * *x",
                           "0 0 30 2 *",
                           "0 0 31 2,4,6,9,11 *",
                           "0 0 31W 2 *",
                           "0 0 L-30 4 *",
                           "99999999999 * * * *",
                           "1.5 * * * *",
                           "+1 * * * *",
                           "0 0 1-32 * *"}) {
    INFO(text);
    Result<Cron> cron = Cron::Parse(text);
    REQUIRE(!cron.ok());
    CHECK(cron.status().code() == Code::kUnacceptable);
    CHECK(cron.status().detail() != "");
  }
}

TEST_CASE("cron: fixed times where a clock is changed run once, all others when they really occur") {
  struct Row {
    const char *zone, *expression, *after, *times;
  };
  const std::vector<Row> rows = {
      // Forward by an hour at 02:00 on March 29, back at 03:00 on October 25.
      {"Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00 2026-03-30T00:30"},
      {"Europe/Berlin", "0,30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00 2026-03-30T00:00"},
      {"Europe/Berlin", "0 3 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00 2026-03-30T01:00"},
      {"Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30 2026-10-26T01:30"},
      {"Europe/Berlin", "30 2 25 10 *", "2026-10-25T00:30:00Z", "2027-10-25T00:30"},
      {"Europe/Berlin", "30 * * * *", "2026-03-28T23:45:00Z", "2026-03-29T00:30 2026-03-29T01:30 2026-03-29T02:30"},
      {"Europe/Berlin", "30 * * * *", "2026-10-24T23:45:00Z", "2026-10-25T00:30 2026-10-25T01:30 2026-10-25T02:30"},
      {"Europe/Berlin", "*/30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-30T00:00 2026-03-30T00:30"},
      {"Europe/Berlin", "*/30 2 * * *", "2026-10-24T12:00:00Z",
       "2026-10-25T00:00 2026-10-25T00:30 2026-10-25T01:00 2026-10-25T01:30 2026-10-26T01:00"},
      {"Europe/Berlin", "0 1-3 * * *", "2026-03-28T12:00:00Z", "2026-03-29T00:00 2026-03-29T01:00 2026-03-29T23:00"},
      {"Europe/Berlin", "0 */2 * * *", "2026-10-24T21:30:00Z", "2026-10-24T22:00 2026-10-25T00:00 2026-10-25T01:00 2026-10-25T03:00"},
      // At 02:00 on March 8, and on November 1.
      {"America/New_York", "30 2 * * *", "2026-03-07T12:00:00Z", "2026-03-08T07:00 2026-03-09T06:30"},
      {"America/New_York", "30 1 * * *", "2026-10-31T12:00:00Z", "2026-11-01T05:30 2026-11-02T06:30"},
      {"America/New_York", "0 * * * *", "2026-03-08T05:30:00Z", "2026-03-08T06:00 2026-03-08T07:00 2026-03-08T08:00"},
      {"America/New_York", "30 * * * *", "2026-11-01T05:00:00Z", "2026-11-01T05:30 2026-11-01T06:30 2026-11-01T07:30"},
      // By half an hour: forward at 02:00 on October 4, back at 02:00 on April 5.
      {"Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00:00Z", "2026-10-03T15:30 2026-10-04T15:15"},
      {"Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00:00Z", "2026-04-04T14:45 2026-04-05T15:15"},
      {"Australia/Lord_Howe", "15 * * * *", "2026-10-03T14:00:00Z", "2026-10-03T14:45 2026-10-03T16:15"},
      {"Australia/Lord_Howe", "45 * * * *", "2026-04-04T14:00:00Z", "2026-04-04T14:45 2026-04-04T15:15 2026-04-04T16:15"},
      // At midnight: forward on September 6, back on April 5, to 23:00 of the day before.
      {"America/Santiago", "0 0 * * *", "2026-09-05T12:00:00Z", "2026-09-06T04:00 2026-09-07T03:00"},
      {"America/Santiago", "30 23 * * *", "2026-04-04T12:00:00Z", "2026-04-05T02:30 2026-04-06T03:30"},
      {"America/Santiago", "0 0 * * *", "2026-04-04T12:00:00Z", "2026-04-05T04:00 2026-04-06T04:00"},
      {"America/Santiago", "*/30 0 * * *", "2026-09-05T12:00:00Z", "2026-09-07T03:00 2026-09-07T03:30"},
      {"America/Santiago", "30 * * * *", "2026-04-05T02:00:00Z", "2026-04-05T02:30 2026-04-05T03:30 2026-04-05T04:30"},
      // At 02:00 on September 27, and at 03:00 on April 5.
      {"Pacific/Auckland", "30 2 * * *", "2026-09-26T00:00:00Z", "2026-09-26T14:00 2026-09-27T13:30"},
      {"Pacific/Auckland", "30 2 * * *", "2026-04-04T00:00:00Z", "2026-04-04T13:30 2026-04-05T14:30"},
      {"Pacific/Auckland", "30 */1 * * *", "2026-09-26T13:00:00Z", "2026-09-26T13:30 2026-09-26T14:30"},
      {"Pacific/Auckland", "30 2-3 * * *", "2026-04-04T13:00:00Z", "2026-04-04T13:30 2026-04-04T14:30 2026-04-04T15:30"},
      // It had no December 30, 2011.
      {"Pacific/Apia", "0 12 * * *", "2011-12-29T12:00:00Z", "2011-12-29T22:00 2011-12-30T10:00 2011-12-30T22:00"},
      {"Pacific/Apia", "0 12-13 * * *", "2011-12-29T12:00:00Z", "2011-12-29T22:00 2011-12-29T23:00 2011-12-30T22:00"},
      {"Asia/Kolkata", "0 0 * * *", "2026-03-28T12:00:00Z", "2026-03-28T18:30 2026-03-29T18:30"},
  };
  for (const Row& row : rows) {
    INFO(row.zone << " " << row.expression << " " << row.after);
    const std::string times = row.times;
    const auto count = static_cast<size_t>(std::count(times.begin(), times.end(), ' ')) + 1;
    CHECK(NextTimes(row.expression, Zone(row.zone), row.after, count) == times);
  }
}

TEST_CASE("cron: over a year of each zone, fixed times come once a day, and every real occurrence of an hour once") {
  for (const char* name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Pacific/Auckland"}) {
    const TimeZone zone = Zone(name);
    INFO(name);
    const WallTime from = Time("2026-01-10T12:00:00Z"), to = Time("2027-01-10T12:00:00Z");
    for (const char* fixed : {"0 0 * * *", "30 1 * * *", "15 2 * * *", "30 2 * * *", "30 23 * * *"}) {
      const Cron cron = *Cron::Parse(fixed);
      size_t runs = 0;
      for (WallTime at = *cron.Next(from, zone); at <= to; at = *cron.Next(at, zone)) ++runs;
      CHECK(runs == 365);
    }
    const Cron hourly = *Cron::Parse("* * * * *");
    // Each minute that there is, by the clock of UTC.
    WallTime at = Time("2026-04-03T00:00:00Z");
    for (size_t i = 0; i < 3 * 24 * 60; ++i) {
      const WallTime next = *hourly.Next(at, zone);
      REQUIRE(next.ms - at.ms == 60'000);
      at = next;
    }
  }
}

TEST_CASE("cron: a zone that is not there is none, and nothing outside of the database is read") {
  for (const char* name : {"", "localtime", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "tzdata.zi", "leapseconds", "right/Europe/Berlin",
                           "europe/berlin", "Europe"}) {
    INFO(name);
    CHECK(!FindSystemZone(name));
  }
  CHECK(FindSystemZone("UTC"));
  CHECK(FindSystemZone("Europe/Berlin") == FindSystemZone("Europe/Berlin"));
}
