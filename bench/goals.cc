#include "bench/goals.h"

#include <fmt/format.h>

#include <algorithm>

namespace notifyd::bench {
namespace {

/// As many decimals as the bound is given with, and one more for the figure, so that a near miss is seen.
int Decimals(double limit) {
  for (int decimals = 0; decimals < 3; ++decimals)
    if (std::stod(fmt::format("{:.{}f}", limit, decimals)) == limit) return decimals;
  return 3;
}

std::string Shown(const Goal& goal) {
  return fmt::format("{} {}", goal.bound == Goal::Bound::kAtMost ? "at most" : "at least", Grouped(goal.limit, Decimals(goal.limit)));
}

}  // namespace

Goal AtMost(std::string what, std::string field, double limit) {
  return {std::move(what), std::move(field), Goal::Bound::kAtMost, limit};
}
Goal AtLeast(std::string what, std::string field, double limit) {
  return {std::move(what), std::move(field), Goal::Bound::kAtLeast, limit};
}

std::vector<Record> Judge(const std::vector<Goal>& goals, const std::vector<Record>& records) {
  std::vector<Record> rows;
  for (const Goal& goal : goals) {
    std::vector<double> values;
    for (const Record& record : records)
      if (std::optional<double> number = record.Number(goal.field)) values.push_back(*number);
    if (values.empty()) continue;
    double figure = Median(std::move(values));
    Record row;
    row.Text("what", goal.what).Text("field", goal.field).Text("bound", goal.bound == Goal::Bound::kAtMost ? "at most" : "at least");
    row.Real("goal", goal.limit, Decimals(goal.limit)).Real("figure", figure, Decimals(goal.limit) + 1).Bool("met", goal.Met(figure));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string TableOfVerdicts(const std::vector<Goal>& goals, const std::vector<Record>& records) {
  std::vector<Record> shown;
  for (const Record& row : Judge(goals, records)) {
    const auto of = [&](const Goal& goal) { return row.Shown("what") == goal.what && row.Shown("field") == goal.field; };
    const Goal& goal = *std::find_if(goals.begin(), goals.end(), of);
    Record line;
    line.Text("what", goal.what).Text("goal", Shown(goal)).Text("figure", row.Shown("figure"));
    line.Text("verdict", row.Shown("met") == "true" ? "met" : "missed");
    shown.push_back(std::move(line));
  }
  return shown.empty() ? "" : TableOfRows("goals", shown);
}

}  // namespace notifyd::bench
