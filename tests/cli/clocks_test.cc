#include "cli/daemon/clocks.h"

#include <catch2/catch.hpp>

using namespace notifyd;

TEST_CASE("broker clock: a new store begins at zero") {
  BrokerClock clock(WallTime{0}, MonoTime{0}, WallTime{1'700'000'000'000}, 5'000);
  CHECK(clock.MonoAt(5'000).ms == 0);
  CHECK(clock.MonoAt(5'250).ms == 250);
}

TEST_CASE("broker clock: after a restart the time that it was down counts, by the wall clock") {
  BrokerClock clock(WallTime{1'000'000}, MonoTime{300}, WallTime{1'060'000}, 77);
  CHECK(clock.MonoAt(77).ms == 60'300);
}

TEST_CASE("broker clock: where the store says when it was written, the time since then counts, whatever the wall clocks say") {
  BrokerClock clock(MonoTime{300}, 77 - 60'000);
  CHECK(clock.MonoAt(77).ms == 60'300);
  CHECK(clock.BootAt(MonoTime{60'300}) == 77);
}

TEST_CASE("broker clock: a wall clock that stepped back does not take the time line back") {
  BrokerClock clock(WallTime{1'000'000}, MonoTime{300}, WallTime{10}, 77);
  CHECK(clock.MonoAt(77).ms == 300);
}

TEST_CASE("broker clock: a wall clock that is off by centuries moves the time line by ten years at most") {
  BrokerClock clock(WallTime{1}, MonoTime{300}, WallTime{253'402'300'799'000}, 0);
  CHECK(clock.MonoAt(0).ms == 300 + BrokerClock::kDowntimeMostMs);
}
