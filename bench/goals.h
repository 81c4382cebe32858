// Goals: what figures are to be, and whether they are. A verdict is said, never enforced: a machine that is slow or busy breaks no promise.
// The numbers stand here alone, so that scenarios, help and tests say the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/report.h"

namespace notifyd::bench {

/// A bound for one number of a scenario's records.
struct Goal {
  enum class Bound { kAtMost, kAtLeast };
  std::string what;   // for people, with the unit: "broker CPU s per 1,000"
  std::string field;  // the record's number
  Bound bound = Bound::kAtMost;
  double limit = 0;

  bool Met(double figure) const { return bound == Bound::kAtMost ? figure <= limit : figure >= limit; }
};
Goal AtMost(std::string what, std::string field, double limit);
Goal AtLeast(std::string what, std::string field, double limit);

/// Returns a row for each goal whose number the records have: what, goal, figure (the median of the records), met. Times and shares keep their
/// decimals.
std::vector<Record> Judge(const std::vector<Goal>& goals, const std::vector<Record>& records);
/// Returns the same as a table, "goal, figure, verdict" (met or missed); empty where no goal applies.
std::string TableOfVerdicts(const std::vector<Goal>& goals, const std::vector<Record>& records);

}  // namespace notifyd::bench
