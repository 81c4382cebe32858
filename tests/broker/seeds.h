// Worlds at random, one a seed, and what they find together.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <utility>

namespace notifyd {

/// What `run` finds with the seeds from 1 to `count`, each added (+=) to those before. The first that is not well() is named where a check fails.
template <class Run>
auto SumOfSeeds(uint64_t count, Run run) {
  decltype(run(uint64_t{1})) sum;
  bool named = false;
  for (uint64_t seed = 1; seed <= count; ++seed) {
    const auto one = run(seed);
    sum += one;
    if (!one.well() && !std::exchange(named, true)) UNSCOPED_INFO("not as it is to be: seed " << seed);
  }
  return sum;
}

}  // namespace notifyd
