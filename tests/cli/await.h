// Await: for what a broker comes to by itself, in tests.
#pragma once

#include <chrono>
#include <thread>

#include "cli/e2e_broker.h"

namespace notifyd::test {

/// Looks every 20 ms until it holds. False: it did not within kDeadlineSeconds, which is a safety net.
template <class Holds>
bool Await(Holds holds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(kDeadlineSeconds);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace notifyd::test
