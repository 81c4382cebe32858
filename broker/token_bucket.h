// TokenBucket: how many attempts a rate allows now. A value: it remembers what it held at one moment, and knows no clock and no lane; rate and burst
// are arguments, since settings change them while the bucket lives.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/time.h"

namespace notifyd {

/// Tokens that come back a second, and how many a full bucket holds. `per_s` 0: no limit.
struct TokenRate {
  double per_s = 0;
  uint32_t burst = 1;  // >= 1
  bool limits() const { return per_s > 0; }
};

class TokenBucket {
 public:
  /// Returns the tokens at `now`, 0 to rate.burst (below 0 where more were taken than there were). A new bucket is full.
  double Tokens(MonoTime now, const TokenRate& rate) const {
    if (at_.ms < 0) return rate.burst;
    return std::min<double>(rate.burst, tokens_ + static_cast<double>(now.ms - at_.ms) * rate.per_s / 1000);
  }
  /// Returns whether one attempt may start. True where there is no rate.
  bool HasOne(MonoTime now, const TokenRate& rate) const { return !rate.limits() || Tokens(now, rate) >= 1; }
  bool IsFull(MonoTime now, const TokenRate& rate) const { return !rate.limits() || Tokens(now, rate) >= rate.burst; }
  /// Returns when it will hold `tokens` (at most the burst); never before the next millisecond. Needs a rate.
  MonoTime When(double tokens, MonoTime now, const TokenRate& rate) const {
    double wait_ms = std::ceil((tokens - Tokens(now, rate)) * 1000 / rate.per_s);
    return {now.ms + std::max<int64_t>(1, static_cast<int64_t>(wait_ms))};
  }
  /// Takes one token, or `n`. Without a rate nothing is counted.
  void Take(MonoTime now, const TokenRate& rate, double n = 1) {
    if (!rate.limits()) return;
    tokens_ = Tokens(now, rate) - n;
    at_ = now;
  }

 private:
  double tokens_ = 0;  // at `at_`
  MonoTime at_{-1};    // -1: full
};

}  // namespace notifyd
