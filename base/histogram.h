// Histogram: durations counted by size, for Prometheus. Any thread; counting is one relaxed atomic addition or three.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace notifyd {

class Histogram {
 public:
  /// Upper bounds in microseconds, both included in their bucket; what is above the last goes into one more.
  static constexpr std::array<int64_t, 18> kBoundsUs = {100,     250,     500,       1'000,     2'500,     5'000,      10'000,     25'000,      50'000,
                                                        100'000, 250'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 30'000'000, 300'000'000, 3'600'000'000};

  /// Counts one duration; one below 0 as 0.
  void Observe(int64_t us) {
    if (us < 0) us = 0;
    size_t i = 0;
    while (i < kBoundsUs.size() && us > kBoundsUs[i]) ++i;
    buckets_[i].fetch_add(1, std::memory_order_relaxed);
    sum_us_.fetch_add(static_cast<uint64_t>(us), std::memory_order_relaxed);
  }

  struct Snapshot {
    std::array<uint64_t, kBoundsUs.size() + 1> buckets{};  // each for itself, not cumulated
    uint64_t count = 0;
    uint64_t sum_us = 0;
  };
  Snapshot Read() const {
    Snapshot out;
    for (size_t i = 0; i < buckets_.size(); ++i) out.count += out.buckets[i] = buckets_[i].load(std::memory_order_relaxed);
    out.sum_us = sum_us_.load(std::memory_order_relaxed);
    return out;
  }

 private:
  std::array<std::atomic<uint64_t>, kBoundsUs.size() + 1> buckets_{};
  std::atomic<uint64_t> sum_us_{0};
};

/// A histogram as /metrics shows it. `name`: "notifyd_..._seconds".
struct NamedHistogram {
  const char* name;
  const char* help;
  Histogram histogram;
};

}  // namespace notifyd
