#include "broker/retry_policy.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace notifyd {
namespace {

/// Ten thousand years: whatever a policy says, adding a wait to a time cannot overflow.
constexpr double kLongestMs = 315'360'000'000'000.0;

}  // namespace

int64_t NextWaitMs(const RetryPolicy& policy, uint32_t failures, int64_t retry_after_ms, double unit) {
  CHECK(failures >= 1);
  double max_ms = static_cast<double>(policy.max_ms);
  double wait_ms;
  if (!policy.schedule_ms.empty()) {
    wait_ms = static_cast<double>(policy.schedule_ms[std::min<size_t>(failures, policy.schedule_ms.size()) - 1]);
  } else {
    // In floating point a huge factor ends at infinity, which the cap takes; 0 * infinity would be NaN.
    wait_ms = policy.initial_ms == 0 ? 0 : std::min(static_cast<double>(policy.initial_ms) * std::pow(policy.factor, failures - 1), max_ms);
  }
  double asked_ms = std::min(static_cast<double>(retry_after_ms), max_ms);
  const double longer_ms = std::max(wait_ms, asked_ms);
  const double least_ms = longer_ms * (1 - policy.jitter);
  double most_ms = longer_ms * (1 + policy.jitter);
  const bool said_outright = !policy.schedule_ms.empty() && wait_ms >= asked_ms;
  if (!said_outright) most_ms = std::min(most_ms, max_ms);
  const double jittered_ms = least_ms + (most_ms - least_ms) * unit;
  return std::llround(std::clamp(std::max(jittered_ms, asked_ms), 0.0, kLongestMs));
}

}  // namespace notifyd
