// Outage: when it is to be said that something does not work, why, and that it works again, so that a journal has each reason that lasts and is not
// filled by what comes and goes. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace notifyd {

class Outage {
 public:
  static constexpr int64_t kQuietMs = 10'000, kLongestQuietMs = 600'000;

  /// It failed. Is that to be said? The first time; from then on only where the reason is another one than was said last, and not before some time
  /// has passed since, the longer the more often.
  bool Failed(const std::string& reason, int64_t now_ms) {
    worked_ms_.reset();
    if (said_ && (*said_ == reason || now_ms - said_ms_ < quiet_ms_)) return false;
    quiet_ms_ = said_ ? std::min(2 * quiet_ms_, kLongestQuietMs) : kQuietMs;
    said_ = reason;
    said_ms_ = now_ms;
    return true;
  }
  /// It works, or still does. Is it to be said that it does again? Once, when nothing has failed for a while.
  bool Worked(int64_t now_ms) {
    if (!worked_ms_) worked_ms_ = now_ms;
    return now_ms - *worked_ms_ >= kQuietMs && End();
  }
  /// It works, whatever was before: had something been said?
  bool End() { return std::exchange(*this, Outage()).said_.has_value(); }

 private:
  std::optional<std::string> said_;
  int64_t said_ms_ = 0, quiet_ms_ = 0;
  std::optional<int64_t> worked_ms_;  // since when
};

}  // namespace notifyd
