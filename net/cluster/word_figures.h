// How many words members said to each other, as one of them counts it. Any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace notifyd {

struct WordFigures {
  std::atomic<uint64_t> sent{0}, failed{0};  // failed: of those that were sent, or given up before, which were not taken
  std::atomic<uint64_t> received{0};
};

}  // namespace notifyd
