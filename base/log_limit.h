// LogLimit: at most so many lines of one kind a minute. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <utility>

namespace notifyd {

class LogLimit {
 public:
  explicit LogLimit(int most) : most_(most) {}
  LogLimit(const LogLimit&) = delete;
  LogLimit& operator=(const LogLimit&) = delete;

  /// Is there room for one more line? `left_out`: how many had none since the last one that had.
  bool Admit(uint64_t* left_out) {
    const auto now = std::chrono::steady_clock::now();
    std::lock_guard lock(mutex_);
    if (lines_ == 0 || now - began_ >= std::chrono::minutes(1)) {
      began_ = now;
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
  std::chrono::steady_clock::time_point began_;
  int lines_ = 0;  // since began_
  uint64_t left_out_ = 0;
};

}  // namespace notifyd
