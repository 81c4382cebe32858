// A breaker's settings: of how many calls which part opens it, and what a change of them does to one that is open.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "base/random.h"
#include "broker/breaker_rig.h"

using namespace notifyd;

namespace {

using Turned = Breaker::Change;
constexpr Contact kAway = Contact::kUnreached, kThere = Contact::kReached;

}  // namespace

TEST_CASE("breaker: one that reached it opens nothing, however many before it did not") {
  BreakerRig r, most;
  for (const char end : std::string("BBBBGBBBBGBGGGGGGGGGGGGGGG")) CHECK(r.Call(end == 'B' ? kAway : kThere) == Turned::kNone);
  for (const char end : std::string("BBBBGBBBBGB")) CHECK(most.Call(end == 'B' ? kAway : kThere) == Turned::kNone);
  CHECK(most.Call(kAway) == Turned::kOpened);  // not once eight good ones are behind it
  // Nor where a setting says less than it did when the others ended.
  BreakerRig other;
  other.settings.ratio_percent = 100;
  for (int i = 0; i < 10; ++i) CHECK(other.Call(i % 5 == 4 ? kThere : kAway) == Turned::kNone);
  other.settings.ratio_percent = 5;
  for (int i = 0; i < 10; ++i) CHECK(other.Call(kThere) == Turned::kNone);
  CHECK(other.Call(Contact::kUnknown) == Turned::kNone);
  CHECK(other.Call(kAway) == Turned::kOpened);
}

TEST_CASE("breaker: the last ones alone decide, and it makes no difference whether one is known that was well for long") {
  Random random(7);
  uint64_t openings = 0;
  for (int round = 0; round < 2'000; ++round) {
    BreakerRig known, fresh;
    known.settings.failures = fresh.settings.failures = 1'000;
    known.settings.window = fresh.settings.window = static_cast<uint32_t>(1 + random.Below(30));
    known.settings.ratio_percent = fresh.settings.ratio_percent = static_cast<double>(1 + random.Below(100));
    for (int i = 0; i < 40; ++i) known.Call(kThere);
    std::vector<bool> ends(known.settings.window, false);
    const double bad = random.Unit();
    for (int i = 0; i < 60; ++i) {
      const bool is_bad = random.Unit() < bad;
      ends.erase(ends.begin());
      ends.push_back(is_bad);
      const auto of_these = static_cast<uint64_t>(std::count(ends.begin(), ends.end(), true));
      const bool opens = is_bad && 100 * of_these >= static_cast<uint64_t>(known.settings.ratio_percent) * ends.size();
      const Contact contact = is_bad ? kAway : kThere;
      REQUIRE(known.Call(contact) == (opens ? Turned::kOpened : Turned::kNone));
      REQUIRE(fresh.Call(contact) == (opens ? Turned::kOpened : Turned::kNone));
      openings += opens;
      if (opens) break;
    }
  }
  CHECK(openings > 500);
}

TEST_CASE("breaker: what is set to wait for less shortens the wait under way, and what grew from it") {
  BreakerRig r;
  r.settings.open_ms = 60'000;
  r.Open();
  r.Pass(2'000);
  r.WaitAtFirst(3'600'000);
  REQUIRE(r.WaitMs() == 58'000);
  r.WaitAtFirst(10'000);
  REQUIRE(r.WaitMs() == 8'000);
  r.WaitAtFirst(10'000);
  REQUIRE(r.WaitMs() == 8'000);
  r.Pass(8'000);
  REQUIRE(r.Call(kAway) == Turned::kNone);
  REQUIRE(r.WaitMs() == 20'000);
  r.Pass(15'000);
  r.WaitAtFirst(5'000);
  CHECK(r.WaitMs() == 0);  // 10 s are over
  REQUIRE(r.breaker.MayBegin(r.now));
  const Breaker::Call probe = r.breaker.Begin(r.now);
  r.WaitAtFirst(1'000);
  CHECK_FALSE(r.breaker.MayBegin(r.now));
  CHECK(r.breaker.End(probe, kAway, r.now, r.settings) == Turned::kNone);
  CHECK(r.WaitMs() == 4'000);
  // It was asked for by hand: that stays so.
  r.breaker.ProbeNow(r.now);
  r.WaitAtFirst(500);
  CHECK(r.WaitMs() == 0);
  CHECK(r.Call(kThere) == Turned::kClosed);
  // Of the ramp, too.
  r.WaitAtFirst(3'600'000);
  r.breaker.Reached(r.breaker.Begin(r.now), r.now, r.settings);
  CHECK(r.breaker.MoreFrom() == MonoTime{r.now.ms + 3'600'000});
  r.WaitAtFirst(1'000);
  CHECK(r.breaker.MoreFrom() == MonoTime{r.now.ms + 1'000});
}

TEST_CASE("breaker: a probe of which nothing is heard is waited for no longer than what is set by now says") {
  BreakerRig r;
  r.settings.open_ms = 3'600'000;
  r.Open();
  r.Pass(3'600'000);
  r.breaker.Begin(r.now);
  REQUIRE(r.breaker.MoreFrom() == MonoTime{r.now.ms + 3'600'000});
  r.settings.open_ms = 10'000;
  r.breaker.OnSettings(r.now, r.settings);
  CHECK(r.breaker.MoreFrom() == MonoTime{r.now.ms + Breaker::kMostOpenMs});
}
