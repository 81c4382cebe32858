// Patience: how long a thread that waits for something near goes on looking for it, instead of falling asleep until somebody wakes it. To fall asleep
// and to be woken takes some ten microseconds on a processor that is awake, and many times that on one that was put to rest meanwhile. Whoever looks
// gives way to whoever else wants the processor (sched_yield). What that may cost is bounded here: a part of all time, and less where what was looked
// for did not come. Where others want the processor for longer than what is looked for takes, looking is worse than sleeping: who sleeps and is woken
// goes before those that are at work, and who gave way goes behind them, for milliseconds. So one that was away for so long does not look again for a
// good while. Pure: the caller reads the clock. One thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace notifyd {

class Patience {
 public:
  /// One part of so many of all time may go by with looking.
  static constexpr int64_t kShare = 4;
  /// So much of that is kept for later at most; less than kLeastUs is not worth beginning.
  static constexpr int64_t kSavedMostUs = 4'000, kLeastUs = 20;
  /// So many chances are passed over at most behind looks that were in vain.
  static constexpr int kPassedMost = 63;
  /// Whoever was away for longer found others at work; so long he does not look then: doubled with each time that he finds them again.
  static constexpr int64_t kAwayMostUs = 200, kCrowdedUs = 10'000'000, kCrowdedMostUs = 640'000'000;

  /// Returns for how long to look, at most `most_us`; 0: not at all. Where it is more, Looked must follow before the next call.
  int64_t Grant(int64_t now_us, int64_t most_us) {
    saved_us_ = std::min(kSavedMostUs, saved_us_ + std::max<int64_t>(now_us - earned_us_, 0) / kShare);
    earned_us_ = now_us;
    if (now_us < crowded_until_us_) return 0;
    if (pass_ > 0) return --pass_, 0;
    const int64_t granted_us = std::min(most_us, saved_us_);
    return granted_us < kLeastUs ? 0 : granted_us;
  }

  /// So long it looked, until `now_us`. `came`: that for which it did. `away_us`: for how long others had the processor, at the longest.
  void Looked(int64_t now_us, int64_t us, bool came, int64_t away_us) {
    saved_us_ -= us;
    if (away_us > kAwayMostUs) return Crowded(now_us);
    crowded_us_ /= 2;
    vain_ = came ? 0 : std::min(2 * vain_ + 1, kPassedMost);
    pass_ = vain_;
  }

  /// Others want the processor.
  void Crowded(int64_t now_us) {
    crowded_us_ = std::clamp(2 * crowded_us_, kCrowdedUs, kCrowdedMostUs);
    crowded_until_us_ = now_us + crowded_us_;
  }

  /// Until then it does not look because of others.
  int64_t crowded_until_us() const { return crowded_until_us_; }

 private:
  int64_t saved_us_ = kSavedMostUs, earned_us_ = 0;
  int64_t crowded_us_ = 0, crowded_until_us_ = 0;
  int vain_ = 0, pass_ = 0;
};

}  // namespace notifyd
