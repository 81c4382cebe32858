// Distribution: counts of microseconds in buckets whose width grows with the value, as HdrHistogram's do. Not shared between threads: each
// thread fills its own. I1: a percentile is at most 1/128 above the recorded value it stands for; largest and count are exact.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace notifyd::bench {

class Distribution {
 public:
  /// Counts one value in microseconds; below 0 as 0, above about 25 days as that.
  void Add(int64_t us) {
    us = std::clamp<int64_t>(us, 0, kMost);
    ++counts_[Bucket(static_cast<uint64_t>(us))];
    ++count_;
    most_ = std::max(most_, us);
  }

  uint64_t count() const { return count_; }
  int64_t most_us() const { return most_; }

  /// Returns the smallest value that at least `share` (0 to 1) of all do not exceed; 0 where nothing was added.
  int64_t PercentileUs(double share) const {
    uint64_t wanted = std::max<uint64_t>(1, static_cast<uint64_t>(share * static_cast<double>(count_) + 0.999999));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (counts_[i] && seen >= wanted) return std::min(UpperEdge(i), most_);
    }
    return most_;
  }

 private:
  static constexpr int64_t kMost = (int64_t{1} << 41) - 1;
  static constexpr size_t kExact = 256;  // values below have a bucket each; every doubling above has kHalf buckets
  static constexpr size_t kHalf = kExact / 2;

  static size_t Bucket(uint64_t us) {
    if (us < kExact) return us;
    size_t shift = static_cast<size_t>(std::bit_width(us)) - 8;
    return kExact + (shift - 1) * kHalf + ((us >> shift) - kHalf);
  }
  static int64_t UpperEdge(size_t bucket) {
    if (bucket < kExact) return static_cast<int64_t>(bucket);
    size_t shift = (bucket - kExact) / kHalf + 1;
    uint64_t top = (bucket - kExact) % kHalf + kHalf;
    return static_cast<int64_t>(((top + 1) << shift) - 1);
  }

  std::vector<uint64_t> counts_ = std::vector<uint64_t>(kExact + 34 * kHalf, 0);
  uint64_t count_ = 0;
  int64_t most_ = 0;
};

}  // namespace notifyd::bench
