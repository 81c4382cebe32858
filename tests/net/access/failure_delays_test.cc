#include "net/access/failure_delays.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

TEST_CASE("failure delays: they double up to a second, and are forgotten after a minute") {
  FailureDelays delays;
  auto failed = [&](const char* peer, int64_t ms) {
    const int64_t delay = delays.Failed(peer, MonoTime{ms});
    delays.Answered();
    return delay;
  };
  CHECK(failed("a", 0) == 100);
  CHECK(failed("a", 0) == 200);
  CHECK(failed("b", 0) == 100);
  CHECK(failed("a", 60'000) == 400);
  CHECK(failed("a", 60'000) == 800);
  for (int i = 0; i < 100; ++i) CHECK(failed("a", 60'000) == FailureDelays::kMostMs);
  CHECK(failed("a", 120'001) == 100);
}

TEST_CASE("failure delays: so many are held back, and so many peers remembered") {
  FailureDelays delays;
  for (size_t i = 0; i < FailureDelays::kMostHeld; ++i) REQUIRE(delays.Failed("a", MonoTime{0}) > 0);
  CHECK(delays.Failed("a", MonoTime{0}) == 0);
  CHECK(delays.held() == FailureDelays::kMostHeld);
  delays.Answered();
  CHECK(delays.Failed("a", MonoTime{0}) > 0);
  for (int i = 0; i < 10'000; ++i) delays.Failed("peer " + std::to_string(i), MonoTime{0});
  CHECK(delays.peers() == FailureDelays::kMostPeers);
}

}  // namespace
}  // namespace notifyd
