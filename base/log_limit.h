// LogLimit: at most so many lines of one kind a minute. Any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <utility>

#include "base/clocks.h"

namespace notifyd {

class LogLimit {
 public:
  /// `most`: lines a minute.
  explicit LogLimit(int most) : most_(most) {}
  LogLimit(const LogLimit&) = delete;
  LogLimit& operator=(const LogLimit&) = delete;

  /// Is there room for one more line? `left_out`: how many had none since the last one that had.
  bool Admit(uint64_t* left_out) {
    const int64_t now_ms = ReadClockMs(CLOCK_MONOTONIC);
    std::lock_guard lock(mutex_);
    if (lines_ == 0 || now_ms - began_ms_ >= 60'000) {
      began_ms_ = now_ms;
      lines_ = 0;
    }
    if (lines_ == most_) {
      ++left_out_;
      return false;
    }
    ++lines_;
    *left_out = std::exchange(left_out_, 0);
    return true;
  }

 private:
  const int most_;
  std::mutex mutex_;
  int64_t began_ms_ = 0;
  int lines_ = 0;  // since began_ms_
  uint64_t left_out_ = 0;
};

}  // namespace notifyd
