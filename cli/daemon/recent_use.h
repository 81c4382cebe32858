// RecentUse: what the process used of late, from counters that only grow: the share of a core, and the 99th percentile of commits. It keeps a few
// samples, taken where somebody asks; it reads no clock. Any thread; each call holds a lock for a moment.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>

#include "base/histogram.h"
#include "base/time.h"

namespace notifyd {

class RecentUse {
 public:
  struct Use {
    double cpu = 0;                       // of one core
    std::optional<double> commit_p99_ms;  // as its buckets tell; nothing: there was no commit
  };
  /// `commits` is borrowed.
  explicit RecentUse(const Histogram* commits) : commits_(commits) {}
  /// What was used since the oldest sample of the last minute; where there is none, since the newest before. `cpu_seconds`: by now.
  Use Read(MonoTime now, double cpu_seconds);

 private:
  static constexpr int64_t kEveryMs = 1'000, kKeptMs = 60'000;
  struct Sample {
    MonoTime at;
    double cpu_seconds = 0;
    Histogram::Snapshot commits;
  };
  const Histogram* const commits_;
  std::mutex mutex_;
  std::deque<Sample> samples_;  // oldest first
};

}  // namespace notifyd
