// Lookout: what a loop looks for instead of sleeping, by how much there is to do.
#include "cli/daemon/lookout.h"

#include <catch2/catch.hpp>
#include <vector>

namespace notifyd {
namespace {

using Near = Lookout::Near;

/// A namespace whose submits are sent at once and settled by their first attempt, `at_once` of them side by side: each step as a shard's run sees it.
/// Counts what its loop looks for, and how often it goes to sleep before it was answered.
struct Stage {
  Lookout lookout;
  Lookout::Work work;
  uint64_t batch = 0;
  uint32_t in_flight = 0;
  int64_t now_us = 0;
  int looks = 0, sleeps = 0;

  void Run(uint32_t in_flight_then, int64_t until_next_us) {
    const Near near = work.NextOf(batch, in_flight, in_flight_then);
    in_flight = in_flight_then;
    const std::optional<int64_t> for_us = lookout.EndTurn(now_us, /*ran=*/true, near, 0);
    looks += lookout.looks();
    if (!lookout.looks()) ++sleeps;
    if (for_us.value_or(0) > 0) CHECK(*for_us >= until_next_us);
    now_us += until_next_us;
  }
  void Round(uint32_t at_once) {
    work.BeginRun(batch);
    for (uint32_t i = 0; i < at_once; ++i) work.Came();
    ++batch;
    Run(0, 200);  // the sync
    work.BeginRun(batch);
    work.Written(batch);
    Run(at_once, 40);  // the call
    work.BeginRun(batch);
    for (uint32_t i = 0; i < at_once; ++i) work.Came();
    ++batch;
    Run(0, 50);  // the write of its end
    work.BeginRun(batch);
    work.Written(batch);
    Run(0, 5'000);  // answered
  }
};

}  // namespace

TEST_CASE("lookout: the loop of a lone submit sleeps once it is answered, and not before") {
  Stage stage;
  for (int round = 1; round <= 100; ++round) {
    stage.Round(1);
    CHECK(stage.looks == 3 * round);
    CHECK(stage.sleeps == round);
  }
}

TEST_CASE("lookout: where several are under way nothing is looked for") {
  for (const uint32_t at_once : {2U, 32U}) {
    Stage stage;
    for (int round = 0; round < 100; ++round) stage.Round(at_once);
    CHECK(stage.looks == 0);
  }
}

TEST_CASE("lookout: what nobody asked for is not looked for") {
  // As when what was written is synced at last, and when a start reads what is there.
  Lookout::Work work;
  CHECK(work.NextOf(1, 0, 0) == Near::kNothing);
  work.Came();
  CHECK(work.NextOf(0, 0, 0) == Near::kNothing);
  CHECK(work.NextOf(1, 0, 0) == Near::kStore);
  work.Written(1);
  CHECK(work.NextOf(1, 0, 0) == Near::kNothing);
}

TEST_CASE("lookout: a submit behind requests that wrote nothing is a lone one all the same") {
  Lookout::Work work;
  for (int i = 0; i < 3; ++i) {
    work.BeginRun(0);
    work.Came();
    CHECK(work.NextOf(0, 0, 0) == Near::kNothing);
  }
  work.BeginRun(0);
  work.Came();
  CHECK(work.NextOf(1, 0, 0) == Near::kStore);
}

TEST_CASE("lookout: one that comes while another is under way is not alone") {
  Lookout::Work work;
  work.BeginRun(0);
  work.Came();
  CHECK(work.NextOf(1, 3, 3) == Near::kNothing);  // calls
  CHECK(work.NextOf(1, 0, 0) == Near::kStore);
  work.BeginRun(1);
  work.Came();
  CHECK(work.NextOf(2, 0, 0) == Near::kNothing);  // a batch
}

TEST_CASE("lookout: what is not there in time ends the look, and is looked for less often") {
  Lookout lookout;
  int64_t now_us = 0;
  int looks = 0;
  for (int i = 0; i < 640; ++i, now_us += 10'000) {
    const std::optional<int64_t> for_us = lookout.EndTurn(now_us, /*ran=*/true, Near::kCall, 0);
    if (!for_us) continue;
    REQUIRE(*for_us == Lookout::kCallUs);
    ++looks;
    CHECK(lookout.EndTurn(now_us + 50, /*ran=*/false, Near::kNothing, 0) == std::nullopt);
    CHECK(lookout.EndTurn(now_us + 100, /*ran=*/false, Near::kNothing, 0) == 0);
    CHECK(!lookout.looks());
  }
  CHECK(looks < 20);
  CHECK(looks > 10);
}

TEST_CASE("lookout: where others were at work meanwhile neither store nor calls are looked for") {
  for (const Near near : {Near::kStore, Near::kCall}) {
    Lookout lookout;
    REQUIRE(lookout.EndTurn(0, /*ran=*/true, near, 0).value_or(0) > 0);
    CHECK(lookout.EndTurn(10, /*ran=*/false, Near::kNothing, Patience::kAwayMostUs + 1) == 0);
    CHECK_FALSE(lookout.looks());
    for (int64_t now_us = 1'000; now_us < Patience::kCrowdedUs; now_us += 100'000)
      for (const Near then : {Near::kStore, Near::kCall}) CHECK(lookout.EndTurn(now_us, /*ran=*/true, then, 0) == std::nullopt);
    CHECK(lookout.EndTurn(Patience::kCrowdedUs + 1'000, /*ran=*/true, near, 0).value_or(0) > 0);
  }
}

}  // namespace notifyd
