#include "broker/retry_policy.h"

#include <catch2/catch.hpp>
#include <limits>

#include "base/random.h"

using namespace notifyd;

namespace {

constexpr int64_t kNoRetryAfter = -1;
constexpr double kMiddle = 0.5;  // neither shorter nor longer

RetryPolicy Policy(int64_t initial_ms, double factor, int64_t max_ms, double jitter) {
  RetryPolicy policy;
  policy.initial_ms = initial_ms;
  policy.factor = factor;
  policy.max_ms = max_ms;
  policy.jitter = jitter;
  return policy;
}

}  // namespace

TEST_CASE("wait: by default one second, doubled each time, an hour at most") {
  RetryPolicy policy;
  CHECK(NextWaitMs(policy, 1, kNoRetryAfter, kMiddle) == 1000);
  CHECK(NextWaitMs(policy, 2, kNoRetryAfter, kMiddle) == 2000);
  CHECK(NextWaitMs(policy, 9, kNoRetryAfter, kMiddle) == 256'000);
  CHECK(NextWaitMs(policy, 12, kNoRetryAfter, kMiddle) == 2'048'000);
  // Of the longest the middle is below it, so that none is above it.
  CHECK(NextWaitMs(policy, 13, kNoRetryAfter, kMiddle) == 3'420'000);
  CHECK(NextWaitMs(policy, 100, kNoRetryAfter, 1) == 3'600'000);
  policy.jitter = 0;
  CHECK(NextWaitMs(policy, 13, kNoRetryAfter, kMiddle) == 3'600'000);
  CHECK(NextWaitMs(policy, 100, kNoRetryAfter, kMiddle) == 3'600'000);
}

TEST_CASE("wait: jitter goes as far as it says, both ways") {
  RetryPolicy policy;
  CHECK(NextWaitMs(policy, 1, kNoRetryAfter, 0) == 900);
  CHECK(NextWaitMs(policy, 1, kNoRetryAfter, 1) == 1100);
  CHECK(NextWaitMs(Policy(1000, 2, 5000, 1), 1, kNoRetryAfter, 0) == 0);
  CHECK(NextWaitMs(Policy(1000, 2, 5000, 0), 1, kNoRetryAfter, 0) == 1000);
}

TEST_CASE("wait: jitter makes none longer than the maximum, and spreads those that have come to it") {
  const RetryPolicy policy = Policy(1000, 2, 4000, 0.5);
  CHECK(NextWaitMs(policy, 5, kNoRetryAfter, 0) == 2000);
  CHECK(NextWaitMs(policy, 5, kNoRetryAfter, kMiddle) == 3000);
  CHECK(NextWaitMs(policy, 5, kNoRetryAfter, 1) == 4000);
  CHECK(NextWaitMs(Policy(3000, 2, 4000, 0.5), 1, kNoRetryAfter, 1) == 4000);  // 4,500 otherwise
  CHECK(NextWaitMs(policy, 1, 3900, 1) == 4000);
  RetryPolicy scheduled = policy;
  scheduled.schedule_ms = {5000};
  CHECK(NextWaitMs(scheduled, 1, kNoRetryAfter, 1) == 7500);
  scheduled.schedule_ms = {3000};
  CHECK(NextWaitMs(scheduled, 1, kNoRetryAfter, 1) == 4500);
  CHECK(NextWaitMs(scheduled, 1, 3900, 1) == 4000);
}

TEST_CASE("wait: a factor of one stays, one between whole numbers grows") {
  CHECK(NextWaitMs(Policy(700, 1, 5000, 0), 50, kNoRetryAfter, kMiddle) == 700);
  CHECK(NextWaitMs(Policy(1000, 1.5, 60'000, 0), 3, kNoRetryAfter, kMiddle) == 2250);
}

TEST_CASE("wait: a maximum below the first wait caps that too") {
  CHECK(NextWaitMs(Policy(1000, 2, 300, 0), 1, kNoRetryAfter, kMiddle) == 300);
}

TEST_CASE("wait: huge factors and durations end at the cap, never negative") {
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  constexpr double kHugeFactor = std::numeric_limits<double>::max();
  CHECK(NextWaitMs(Policy(1000, kHugeFactor, 5000, 0), 100, kNoRetryAfter, kMiddle) == 5000);
  CHECK(NextWaitMs(Policy(0, kHugeFactor, 5000, 0), 100, kNoRetryAfter, kMiddle) == 0);
  CHECK(NextWaitMs(Policy(kHuge, kHugeFactor, kHuge, 1), std::numeric_limits<uint32_t>::max(), kHuge, 1) > 0);
  // Added to any time of these ten thousand years, it does not overflow.
  CHECK(NextWaitMs(Policy(kHuge, 2, kHuge, 1), 1, kHuge, 1) < kHuge / 1000);
}

TEST_CASE("wait: a schedule is taken one by one, its last repeated, whatever the maximum") {
  RetryPolicy policy = Policy(1, 2, 100, 0);
  policy.schedule_ms = {10, 0, 5000};
  CHECK(NextWaitMs(policy, 1, kNoRetryAfter, kMiddle) == 10);
  CHECK(NextWaitMs(policy, 2, kNoRetryAfter, kMiddle) == 0);
  CHECK(NextWaitMs(policy, 3, kNoRetryAfter, kMiddle) == 5000);
  CHECK(NextWaitMs(policy, 99, kNoRetryAfter, kMiddle) == 5000);
}

TEST_CASE("wait: Retry-After stretches it, and jitter does not shorten that") {
  RetryPolicy policy;
  CHECK(NextWaitMs(policy, 1, 7000, kMiddle) == 7000);
  CHECK(NextWaitMs(policy, 1, 7000, 0) == 7000);
  CHECK(NextWaitMs(policy, 1, 7000, 1) == 7700);
}

TEST_CASE("wait: Retry-After below it changes nothing but how far jitter may shorten it") {
  RetryPolicy policy;
  CHECK(NextWaitMs(policy, 5, 7000, kMiddle) == 16'000);
  CHECK(NextWaitMs(policy, 1, 0, 0) == 900);
  CHECK(NextWaitMs(policy, 1, 950, 0) == 950);
}

TEST_CASE("wait: Retry-After stretches up to the maximum only") {
  CHECK(NextWaitMs(RetryPolicy(), 1, 24 * 3'600'000, 0) == 3'600'000);
  CHECK(NextWaitMs(Policy(1000, 2, 0, 0), 1, 5000, kMiddle) == 0);
}

TEST_CASE("wait: Retry-After stretches a schedule too") {
  RetryPolicy policy;
  policy.jitter = 0;
  policy.schedule_ms = {10};
  CHECK(NextWaitMs(policy, 1, 4000, kMiddle) == 4000);
}

TEST_CASE("wait: for any policy it lies between its bounds") {
  Random random(8);
  for (int i = 0; i < 20'000; ++i) {
    RetryPolicy policy =
        Policy(static_cast<int64_t>(random.Below(100'000)), 1 + random.Unit() * 9, static_cast<int64_t>(random.Below(1'000'000)), random.Unit());
    int64_t retry_after_ms = static_cast<int64_t>(random.Below(2'000'000)) - 1;
    int64_t wait_ms = NextWaitMs(policy, 1 + static_cast<uint32_t>(random.Below(100)), retry_after_ms, random.Unit());
    REQUIRE(wait_ms >= 0);
    REQUIRE(wait_ms >= std::min(retry_after_ms, policy.max_ms));
    REQUIRE(static_cast<double>(wait_ms) <= static_cast<double>(policy.max_ms) * (1 + policy.jitter) + 1);
  }
}
