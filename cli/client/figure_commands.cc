#include "cli/client/figure_commands.h"

#include <algorithm>
#include <vector>

#include "base/time.h"
#include "cli/client/table.h"

namespace notifyd {
namespace {

using Value = JsonTree::Value;

constexpr const char* kSeries = "accepted,succeeded,failed,attempts_failed,retries,attempt_p99_ms,lateness_p99_ms";
constexpr const char* kNamespaceSeries = ",pending,oldest_due_ms";

/// When the spans of an answer begin, and how long each is.
struct Spans {
  int64_t from_ms = 0, step_ms = 0;
  std::string Begin(size_t i) const { return FormatRfc3339({from_ms + static_cast<int64_t>(i) * step_ms}); }
};

Spans SpansOf(Value answer) {
  const Result<WallTime> from = ParseRfc3339(TextAt(answer, "/from"));
  return {from.ok() ? from->ms : 0, static_cast<int64_t>(NumberAt(answer, "/step_ms"))};
}

std::string RenderHistory(Value answer, uint64_t most) {
  const Spans spans = SpansOf(answer);
  std::vector<std::string> heads = {"FROM"};
  std::vector<std::vector<std::string>> columns;
  if (std::optional<Value> series = answer.At("/series")) {
    series->ForEach([&](Value name, Value values) {
      std::string head(name.text());
      std::transform(head.begin(), head.end(), head.begin(), [](unsigned char c) { return c == '_' ? ' ' : std::toupper(c); });
      heads.push_back(head);
      std::vector<std::string>& column = columns.emplace_back();
      values.ForEach([&](Value, Value value) { column.push_back(Cell(value)); });
    });
  }
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; !columns.empty() && i < columns[0].size(); ++i) {
    std::vector<std::string> row = {spans.Begin(i)};
    for (const auto& column : columns) row.push_back(i < column.size() ? column[i] : "-");
    if (std::any_of(row.begin() + 1, row.end(), [](const std::string& cell) { return cell != "-"; })) rows.push_back(std::move(row));
  }
  Table table(heads);
  for (size_t i = rows.size() - std::min<size_t>(rows.size(), most); i < rows.size(); ++i) table.Row(rows[i]);
  return table.ToString();
}

std::string RenderDue(Value answer) {
  const Spans spans = SpansOf(answer);
  Table table({"FROM", "NOTIFIES"});
  size_t i = 0;
  if (std::optional<Value> counts = answer.At("/counts")) {
    counts->ForEach([&](Value, Value count) {
      if (Cell(count) != "0") table.Row({spans.Begin(i), Cell(count)});
      ++i;
    });
  }
  table.Row({"later", std::to_string(NumberAt(answer, "/later"))});
  std::string text = table.ToString();
  if (const std::string since = TextAt(answer, "/since"); !since.empty()) text += "counted since " + since + ": what waited before is not among them\n";
  return text;
}

}  // namespace

Exit ShowHistory(const Context& context, std::map<std::string, std::string> parameters, uint64_t rows) {
  if (!parameters.count("series")) parameters["series"] = kSeries + std::string(parameters.count("host") ? "" : kNamespaceSeries);
  return Show(context, Ask(context, "GET", "/v1/history" + QueryOf(parameters)), [&](Value answer) { return RenderHistory(answer, rows); });
}

Exit ShowDue(const Context& context, int64_t step_ms) {
  return Show(context, Ask(context, "GET", "/v1/due?step_ms=" + std::to_string(step_ms)), RenderDue);
}

}  // namespace notifyd
