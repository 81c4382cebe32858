// How much longer what is tested may take where it was built with a sanitizer (NOTIFYD_SANITIZE), which makes it several times slower: what a test
// waits for at most is that many times as long. What it asserts stays as it is (but for STOPPING_S of tests/torture). In other languages it is the
// variable NOTIFYD_TEST_SLOWNESS, which ctest sets.
#pragma once

#include <chrono>

#ifndef NOTIFYD_TEST_SLOWNESS
#define NOTIFYD_TEST_SLOWNESS 1
#endif

namespace notifyd::test {

inline constexpr int kSlowness = NOTIFYD_TEST_SLOWNESS;

/// How long to wait at most for what takes much less than so many seconds.
constexpr std::chrono::seconds AtMostSeconds(int count) {
  return std::chrono::seconds(count * kSlowness);
}

}  // namespace notifyd::test
