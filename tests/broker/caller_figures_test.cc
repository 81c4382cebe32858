// The sums of callers: spans that move on, and memory that stays bounded.
#include "broker/caller_figures.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

constexpr int64_t kMinute = 60'000, kHour = 3'600'000, kDay = 24 * kHour;

}  // namespace

TEST_CASE("caller figures: what was counted leaves the minute, the hour, the day, and shows as the day before") {
  CallerFigures figures({0});
  const MonoTime start{10 * kDay};
  figures.Accepted("a", 100, start);
  auto at = [&](int64_t later) { return figures.Of("a", {start.ms + later}, kDay); };
  CHECK(at(0).minute.accepted == 1);
  CHECK(at(0).minute.bytes == 100);
  CHECK(at(40'000).minute.accepted == 1);
  CHECK(at(kMinute + 10'000).minute.accepted == 0);
  CHECK(at(kMinute + 10'000).hour.accepted == 1);
  CHECK(at(kHour + kMinute).hour.accepted == 0);
  CHECK(at(kHour + kMinute).day.accepted == 1);
  CHECK(at(kDay + kHour).day.accepted == 0);
  CHECK(at(kDay + kHour).day_before.accepted == 1);
  CHECK(at(2 * kDay + kHour).day_before.accepted == 0);
}

TEST_CASE("caller figures: sums over any time are made of the finest spans that reach so far back") {
  CallerFigures figures({0});
  for (int64_t minute = 0; minute < 180; ++minute) figures.Accepted("a", 1, {kDay + minute * kMinute});
  const MonoTime now{kDay + 179 * kMinute};
  CHECK(figures.Of("a", now, 30 * kMinute).since.accepted == 30);
  CHECK(figures.Of("a", now, 2 * kHour).since.accepted == 120);
  CHECK(figures.Of("a", now, 2 * kDay).since.accepted == 180);
}

TEST_CASE("caller figures: a long rest leaves nothing behind from the spans of before") {
  CallerFigures figures({0});
  figures.Failed("a", {kDay});
  figures.Failed("a", {9 * kDay});
  CHECK(figures.Of("a", {9 * kDay}, 2 * kDay).since.failed == 1);
  CHECK(figures.Of("a", {9 * kDay}, 2 * kDay).minute.failed == 1);
}

TEST_CASE("caller figures: beyond a bound the one seen longest ago makes room, and nothing is lost of the sums") {
  CallerFigures figures({0});
  MonoTime now{kDay};
  figures.Accepted("first", 5, now);
  for (size_t i = 0; i < 2 * CallerFigures::kMost; ++i) {
    now.ms += 100;
    figures.Accepted("c" + std::to_string(i), 5, now);
    figures.Accepted("always", 5, now);
  }
  const std::vector<CallerRates> list = figures.List(now, kDay);
  CHECK(list.size() == CallerFigures::kMost + 1);
  uint64_t accepted = 0, of_always = 0;
  for (const CallerRates& rates : list) {
    accepted += rates.since.accepted;
    if (rates.caller == "always") of_always = rates.since.accepted;
  }
  CHECK(accepted == 1 + 4 * CallerFigures::kMost);
  CHECK(of_always == 2 * CallerFigures::kMost);
  CHECK(figures.Of("first", now, kDay).since.accepted == 0);
}

TEST_CASE("caller figures: one that made room and came back says for how much of the day before it was counted") {
  CallerFigures figures({kDay});
  auto others = [&](MonoTime now) {
    for (size_t i = 0; i < CallerFigures::kMost; ++i) figures.Accepted("c" + std::to_string(i), 1, now);
  };
  figures.Accepted("a", 1, {kDay});
  auto known = [&](const char* caller, int64_t at) { return figures.Of(caller, {at}, kDay).day_before_ms; };
  CHECK(known("a", 2 * kDay) == kHour);
  CHECK(known("a", 3 * kDay) == kDay);
  others({kDay + 20 * kHour});  // it makes room
  figures.Accepted("a", 1, {kDay + 22 * kHour});
  CHECK(known("a", 2 * kDay) == 0);
  CHECK(known("a", 3 * kDay) == 5 * kHour);
  CHECK(known("a", 4 * kDay) == kDay);
  // The others were there from before that.
  CHECK(known("c200", 3 * kDay) == kDay);
}
