// Patience: how much looking is allowed, and what looks in vain cost.
#include "base/patience.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

constexpr int64_t kSecondUs = 1'000'000;

/// Asks every `each_us` of a second for `most_us`; the sum of what was granted and used up.
int64_t LookedInASecond(Patience* patience, int64_t each_us, int64_t most_us, bool comes, int* looks) {
  int64_t sum_us = 0;
  // From when nothing is saved any more.
  int64_t now_us = kSecondUs;
  for (int64_t granted_us; (granted_us = patience->Grant(now_us, most_us)) > 0;) patience->Looked(now_us, granted_us, true, 0);
  for (const int64_t end_us = now_us + kSecondUs; now_us < end_us; now_us += each_us) {
    const int64_t granted_us = patience->Grant(now_us, most_us);
    if (granted_us == 0) continue;
    ++*looks;
    sum_us += granted_us;
    patience->Looked(now_us, granted_us, comes, 0);
  }
  return sum_us;
}

}  // namespace

TEST_CASE("patience: who comes seldom is given what he asks for") {
  Patience patience;
  int looks = 0;
  CHECK(LookedInASecond(&patience, 10'000, 500, /*comes=*/true, &looks) >= 99 * 500);
  CHECK(looks >= 99);
}

TEST_CASE("patience: however often somebody comes, a part of all time is all that he is given") {
  Patience patience;
  int looks = 0;
  const int64_t looked_us = LookedInASecond(&patience, 50, 500, /*comes=*/true, &looks);
  CHECK(looked_us <= kSecondUs / Patience::kShare);
  CHECK(looked_us >= kSecondUs / Patience::kShare * 9 / 10);
}

TEST_CASE("patience: looks in vain become rare, and one that was not ends that") {
  Patience patience;
  int looks = 0;
  LookedInASecond(&patience, 1'000, 100, /*comes=*/false, &looks);
  // One of 64 in the end, after 1, 2, 4, ... passed over.
  CHECK(looks <= 6 + 1'000 / (Patience::kPassedMost + 1) + 1);
  CHECK(looks >= 10);
  int64_t now_us = 10 * kSecondUs;
  while (patience.Grant(now_us, 100) == 0) now_us += 1'000;
  patience.Looked(now_us, 100, /*came=*/true, 0);
  CHECK(patience.Grant(now_us + 1'000, 100) == 100);
}

TEST_CASE("patience: what a look did not use up is there for the next") {
  Patience patience;
  for (int64_t now_us = 0, granted_us; (granted_us = patience.Grant(now_us, 500)) > 0;) patience.Looked(now_us, granted_us, true, 0);
  CHECK(patience.Grant(1'000, 500) == 250);
  patience.Looked(1'000, 50, true, 0);
  CHECK(patience.Grant(1'000, 500) == 200);
}

TEST_CASE("patience: where others are at work it does not look, and finds out ever less often whether they still are") {
  Patience patience;
  int64_t now_us = 0;
  int looks = 0;
  // An hour with a hundred chances a second, each of which costs milliseconds.
  for (int i = 0; i < 360'000; ++i, now_us += 10'000) {
    const int64_t granted_us = patience.Grant(now_us, 500);
    if (granted_us == 0) continue;
    ++looks;
    patience.Looked(now_us, granted_us, /*came=*/true, /*away_us=*/3'000);
  }
  CHECK(looks >= 8);
  CHECK(looks <= 12);
  // They are gone.
  while (patience.Grant(now_us, 500) == 0) now_us += 10'000;
  for (int i = 0; i < 10; ++i, now_us += 10'000) {
    patience.Looked(now_us, 100, /*came=*/true, Patience::kAwayMostUs);
    CHECK(patience.Grant(now_us + 10'000, 500) == 500);
  }
}

}  // namespace notifyd
