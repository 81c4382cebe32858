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
/// What one broker's figures say by themselves.
struct OwnReadings {
  std::vector<AlertReading> known;
  bool others = false;               // of a cause that is not among them it is known that it is not so
  std::vector<std::string> unknown;  // but of these namespaces, sorted
};
/// Of several brokers: of what this one serves, and of its process.
OwnReadings OwnReadingsOf(const AlertRule& rule, const AlertFigures& figures, WallTime now);

struct AlertReadings {
  std::vector<AlertReading> known;
  uint64_t unkept = 0;  // causes that fire besides, at other members
  /// Of a cause that is not among them: is it known that it is not so any more? (No: the broker has just begun, say.) Good for as long as what it is
  /// of.
  std::function<bool(const AlertCause& cause)> is_known;
};
/// With what other members said, each of the namespaces that it serves and of its process. What is said of a namespace by one that does not serve it
/// counts for nothing; of a member that says nothing nothing is known, and of one that is gone it is known that nothing is so.
AlertReadings ReadingsOf(const AlertRule& rule, const AlertFigures& figures, WallTime now);

/// Is the value one that fires?
bool IsOver(const AlertRule& rule, double value);

/// So long after a start is it known that a host to which nothing was sent is one to which nothing is sent; and so long does what happened count.
inline constexpr int64_t kAlertMemoryMs = 600'000;
/// That the last attempts of a host failed holds until one succeeds, or for so long: retries may be hours apart.
inline constexpr int64_t kFailingMemoryMs = 86'400'000;
/// For so long what was counted of attempts or happenings says something; 0: the kind counts nothing.
int64_t MemoryOf(AlertWhen when);
/// So far back a figure looks. Of one that was counted for less, since the broker or the namespace began, it is not known that it is below the
/// threshold, unless something else says so: what fired goes on. 0: it is of the moment.
int64_t SpanOf(AlertWhen when);
/// Is it of a process, not of a namespace?
bool IsOfProcess(AlertWhen when);
/// Of fewer attempts in five minutes no part is taken.
inline constexpr uint64_t kAlertLeastAttempts = 10;

}  // namespace notifyd
