// What one of several brokers found of its own figures, for whoever judges alerts: of each rule what fires, and of what it is known that it does not.
// So it is about as long as what fires, not as all that there is. Pure. Contract sections 17 and 23.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "broker/alert_readings.h"

namespace notifyd {

/// OwnReadings, but for what need not be said.
struct AlertRuleReport {
  std::string rule;  // its name
  uint64_t print = 0;
  bool known = false;                  // of a cause that is not among `readings` it is known that it is not so
  std::vector<std::string> unknown;    // but of these namespaces, sorted
  std::vector<AlertReading> readings;  // causes without their member
  uint64_t unkept = 0;                 // that fire besides, for which there was no room
};

struct AlertReport {
  std::string member;  // whose it is
  /// The namespaces that it serves, by number, and for how many ms it counts what happens there.
  std::vector<std::pair<NamespaceNumber, int64_t>> spaces;
  std::vector<AlertRuleReport> rules;
};

/// Of rules that judge alike.
uint64_t PrintOf(const AlertRule& rule);
/// Null: it says nothing of such a rule; the settings of whose it is may be others.
const AlertRuleReport* FindRule(const AlertReport& report, const AlertRule& rule);
/// Does it say something of each rule?
bool Covers(const AlertReport& report, const AlertSettings& settings);
/// Nothing: its member does not serve it.
std::optional<int64_t> AgeOf(const AlertReport& report, NamespaceNumber number);

/// Readings of all rules take so much together, about; what fires goes before what does not, and is counted where there is no room for it.
inline constexpr size_t kMostReportBytes = 512 << 10;
/// Of `figures`' own, with settings.
AlertReport ReportOf(const AlertFigures& figures, WallTime now);

}  // namespace notifyd
