#include "base/time.h"

#include <catch2/catch.hpp>

#include "base/random.h"

using namespace notifyd;

namespace {

int64_t Rfc3339(std::string_view text) {
  Result<WallTime> time = ParseRfc3339(text);
  INFO(text);
  REQUIRE(time.ok());
  return time->ms;
}

void CheckRefused(Result<WallTime> time, std::string_view text) {
  INFO(text);
  REQUIRE_FALSE(time.ok());
  CHECK(time.status().code() == Code::kUnacceptable);
}

}  // namespace

TEST_CASE("format: known moments come out in UTC with milliseconds") {
  CHECK(FormatRfc3339(WallTime{0}) == "1970-01-01T00:00:00.000Z");
  CHECK(FormatRfc3339(WallTime{1}) == "1970-01-01T00:00:00.001Z");
  CHECK(FormatRfc3339(WallTime{-1}) == "1969-12-31T23:59:59.999Z");
  CHECK(FormatRfc3339(WallTime{784111777000}) == "1994-11-06T08:49:37.000Z");
  CHECK(FormatRfc3339(WallTime{951782400000}) == "2000-02-29T00:00:00.000Z");
}

TEST_CASE("format: what lies outside the years 0000 to 9999 becomes the nearest end") {
  CHECK(FormatRfc3339(kWallNever) == "9999-12-31T23:59:59.999Z");
  CHECK(FormatRfc3339(WallTime{253402300800000}) == "9999-12-31T23:59:59.999Z");
  CHECK(FormatRfc3339(WallTime{-62167219200000}) == "0000-01-01T00:00:00.000Z");
  CHECK(FormatRfc3339(WallTime{std::numeric_limits<int64_t>::min()}) == "0000-01-01T00:00:00.000Z");
}

TEST_CASE("RFC 3339: the examples of section 5.8") {
  CHECK(Rfc3339("1985-04-12T23:20:50.52Z") == 482196050520);
  CHECK(Rfc3339("1996-12-19T16:39:57-08:00") == 851042397000);
  CHECK(Rfc3339("1990-12-31T23:59:60Z") == Rfc3339("1991-01-01T00:00:00Z"));
  CHECK(Rfc3339("1990-12-31T15:59:60-08:00") == Rfc3339("1991-01-01T00:00:00Z"));
  CHECK(FormatRfc3339(WallTime{Rfc3339("1937-01-01T12:00:27.87+00:20")}) == "1937-01-01T11:40:27.870Z");
}

TEST_CASE("RFC 3339: fractions of any length are cut to milliseconds") {
  CHECK(Rfc3339("1970-01-01T00:00:00.9Z") == 900);
  CHECK(Rfc3339("1970-01-01T00:00:00.98Z") == 980);
  CHECK(Rfc3339("1970-01-01T00:00:00.987Z") == 987);
  CHECK(Rfc3339("1970-01-01T00:00:00.98799999999999999999999999Z") == 987);
  CHECK(Rfc3339("1969-12-31T23:59:59.9999Z") == -1);
}

TEST_CASE("RFC 3339: lower-case letters and every offset") {
  CHECK(Rfc3339("1970-01-01t00:00:00z") == 0);
  CHECK(Rfc3339("1970-01-01T23:59:00+23:59") == 0);
  CHECK(Rfc3339("1969-12-31T00:01:00-23:59") == 0);
  CHECK(Rfc3339("1970-01-01T00:00:00-00:00") == 0);
}

TEST_CASE("RFC 3339: month lengths and leap years") {
  CHECK(Rfc3339("2000-02-29T00:00:00Z") == 951782400000);
  CHECK(Rfc3339("2024-02-29T00:00:00Z") == 1709164800000);
  for (std::string_view text :
       {"2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2024-02-30T00:00:00Z", "2024-04-31T00:00:00Z", "2024-06-31T00:00:00Z",
        "2024-01-32T00:00:00Z", "2024-00-10T00:00:00Z", "2024-13-10T00:00:00Z", "2024-01-00T00:00:00Z"})
    CheckRefused(ParseRfc3339(text), text);
}

TEST_CASE("RFC 3339: a leap second stands at the end of a month only") {
  CHECK(Rfc3339("2016-12-31T23:59:60.5Z") == Rfc3339("2017-01-01T00:00:00.5Z"));
  for (std::string_view text :
       {"2016-12-31T23:58:60Z", "2016-12-30T23:59:60Z", "2016-12-31T12:00:60Z", "2016-12-31T23:59:60+01:00", "2016-12-31T23:59:61Z"})
    CheckRefused(ParseRfc3339(text), text);
}

TEST_CASE("RFC 3339: what is not one is refused") {
  for (std::string_view text : {"",
                                "2026",
                                "2026-11-21",
                                "2026-11-21T21:31:22",
                                "2026-11-21 21:31:22Z",
                                "2026-11-21T21:31Z",
                                "2026-11-21T24:00:00Z",
                                "2026-11-21T21:60:00Z",
                                "2026-11-21T21:31:22.Z",
                                "2026-11-21T21:31:22,5Z",
                                "2026-11-21T21:31:22+24:00",
                                "2026-11-21T21:31:22+01:60",
                                "2026-11-21T21:31:22+0100",
                                "2026-11-21T21:31:22+01",
                                "2026-11-21T21:31:22 +01:00",
                                "2026-11-21T21:31:22ZZ",
                                " 2026-11-21T21:31:22Z",
                                "2026-11-21T21:31:22Z ",
                                "26-11-21T21:31:22Z",
                                "02026-11-21T21:31:22Z",
                                "+2026-11-21T21:31:22Z",
                                "-026-11-21T21:31:22Z",
                                "2026-1-21T21:31:22Z",
                                "20261121T213122Z",
                                "2026-11-21T21:31:2xZ",
                                "2026-11-21T21:31:22\xE2\x88\x92"
                                "01:00",
                                "2026-W47-6T21:31:22Z"})
    CheckRefused(ParseRfc3339(text), text);
  CheckRefused(ParseRfc3339(std::string_view("2026-11-21T21:31:22Z\0", 21)), "a NUL behind it");
}

TEST_CASE("RFC 3339: every moment from 0000 to 9999 reads back as it was printed") {
  Random random(20261121);
  for (int i = 0; i < 20'000; ++i) {
    WallTime time{-62167219200000 + static_cast<int64_t>(random.Below(315569520000000))};
    std::string text = FormatRfc3339(time);
    INFO(text);
    Result<WallTime> back = ParseRfc3339(text);
    REQUIRE(back.ok());
    REQUIRE(back->ms == time.ms);
  }
}

TEST_CASE("RFC 3339: dates follow each other without a gap through 800 years") {
  int64_t at_ms = Rfc3339("1600-01-01T00:00:00Z");
  std::string before = FormatRfc3339(WallTime{at_ms});
  for (int day = 1; day < 2 * 146'097; ++day) {
    std::string text = FormatRfc3339(WallTime{at_ms + day * 86'400'000LL});
    REQUIRE(text > before);
    before = text;
  }
  CHECK(FormatRfc3339(WallTime{at_ms + 2 * 146'097 * 86'400'000LL}) == "2400-01-01T00:00:00.000Z");
}

TEST_CASE("dates: no input of any shape is read beyond its end or accepted by chance") {
  Random random(7);
  const std::string_view seeds[] = {"1985-04-12T23:20:50.52+01:00", "1994-11-06T08:49:37Z"};
  for (std::string_view seed : seeds) {
    for (size_t size = 0; size < seed.size(); ++size) {
      // An exact-size copy: a read past the end is seen by the sanitizer.
      std::string cut(seed.substr(0, size));
      CHECK_FALSE(ParseRfc3339(cut).ok());
    }
    for (int i = 0; i < 2000; ++i) {
      std::string changed(seed);
      changed[random.Below(changed.size())] = static_cast<char>(random.Next());
      Result<WallTime> time = ParseRfc3339(changed);
      if (time.ok()) CHECK(ParseRfc3339(FormatRfc3339(*time))->ms == time->ms);
    }
  }
}
