// What a core holds in memory, by kind: for people who look where memory goes. Plain values.
#pragma once

#include <cstdint>
#include <vector>

namespace notifyd {

struct HeldKind {
  const char* kind;    // a stable word: "notifies", "lanes"; static
  uint64_t count = 0;  // how many of them
  uint64_t bytes = 0;  // what they take, as far as that is counted; 0: it is not
};
using HeldKinds = std::vector<HeldKind>;

}  // namespace notifyd
