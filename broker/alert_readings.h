// What an alert's figures say now: of which causes they say something, and whether it fires. Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/time.h"
#include "broker/alert_events.h"

namespace notifyd {

struct AlertReading {
  AlertCause cause;
  double value = 0;
  std::string detail;
  bool over = false;  // the threshold
};
struct AlertReadings {
  std::vector<AlertReading> known;
  /// Of a cause that is not among them: is it known that it is not so any more? (No: the broker has just begun, say.)
  std::function<bool(const AlertCause& cause)> is_known;
};
AlertReadings ReadingsOf(const AlertRule& rule, const AlertFigures& figures, WallTime now);

/// Is the value one that fires?
bool IsOver(const AlertRule& rule, double value);

/// So long after a start is it known that a host to which nothing was sent is one to which nothing is sent; and so long does what happened count.
inline constexpr int64_t kAlertMemoryMs = 600'000;
/// That the last attempts of a host failed holds until one succeeds, or for so long: retries may be hours apart.
inline constexpr int64_t kFailingMemoryMs = 86'400'000;
/// Of fewer attempts in five minutes no part is taken.
inline constexpr uint64_t kAlertLeastAttempts = 10;

}  // namespace notifyd
