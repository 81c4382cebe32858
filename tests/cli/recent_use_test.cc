#include "cli/daemon/recent_use.h"

#include <catch2/catch.hpp>

namespace notifyd::test {

TEST_CASE("recent use: the share of a core and the commits of the last minute, not those before") {
  Histogram commits;
  RecentUse recent(&commits);
  CHECK(recent.Read({1'000}, 5).cpu == 0);
  CHECK_FALSE(recent.Read({1'000}, 5).commit_p99_ms);
  for (int i = 0; i < 100; ++i) commits.Observe(900'000);
  RecentUse::Use use = recent.Read({3'000}, 6);
  CHECK(use.cpu == Approx(0.5));
  CHECK(use.commit_p99_ms.value() > 250);
  CHECK(use.commit_p99_ms.value() <= 1'000);
  for (int64_t at = 4'000; at <= 200'000; at += 1'000) {
    commits.Observe(1'500);
    use = recent.Read({at}, 6);
  }
  CHECK(use.cpu == 0);
  CHECK(use.commit_p99_ms.value() > 1);
  CHECK(use.commit_p99_ms.value() <= 2.5);
  // Nobody asked for long: what was used meanwhile is told as a mean.
  CHECK(recent.Read({1'200'000}, 506).cpu == Approx(0.5));
}

TEST_CASE("recent use: commits beyond all bounds count as the last one") {
  Histogram commits;
  RecentUse recent(&commits);
  recent.Read({0}, 0);
  commits.Observe(INT64_MAX);
  CHECK(recent.Read({1'000}, 0).commit_p99_ms == static_cast<double>(Histogram::kBoundsUs.back()) / 1e3);
}

}  // namespace notifyd::test
