// Patience: how long a command looks for a broker that it had found before and that is away: it restarts, or was stopped and is started again.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>

namespace notifyd {

inline constexpr int64_t kReconnectMs = 60'000;
/// One request waits for no longer: the API takes no more.
inline constexpr int64_t kMostWaitMs = 60'000;
inline constexpr int64_t kForeverMs = int64_t{100} * 365 * 24 * 3'600'000;

class Patience {
 public:
  explicit Patience(int64_t most_ms) : most_(most_ms) {}

  /// Notes that the broker is there.
  void Reset() {
    waiting_ = false;
    pause_ = kFirstPause;
  }
  /// Notes that it is away, or has nothing to say: pauses, the longer the more often (1 s at most, and not beyond `most`), and returns true; false
  /// once the time is over that began with the first of these calls after a Reset.
  bool Wait(std::chrono::milliseconds most = std::chrono::milliseconds::max()) {
    auto now = Clock::now();
    if (!waiting_) since_ = now;
    waiting_ = true;
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(since_ + most_ - now);
    if (left.count() <= 0) return false;
    std::this_thread::sleep_for(std::min({pause_, left, most}));
    pause_ = std::min(2 * pause_, kLongestPause);
    return true;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kFirstPause{50}, kLongestPause{1000};

  const std::chrono::milliseconds most_;
  std::chrono::milliseconds pause_ = kFirstPause;
  bool waiting_ = false;
  Clock::time_point since_;
};

}  // namespace notifyd
