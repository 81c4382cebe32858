#include "cli/client/top_view.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/json.h"
#include "base/terminal_text.h"
#include "cli/client/table.h"

namespace notifyd {
namespace {

constexpr size_t kLaneColumn = 60, kJsonLanes = 100;
constexpr size_t kHeadingColumn = 13, kItemGap = 3;  // of the counters

using Value = JsonTree::Value;

std::string RateText(double rate) {
  constexpr double kMost = 1e18;  // beyond it, it is no broker's, and no whole number has room for some of it
  char text[32];
  if (rate >= 100) return Grouped(static_cast<uint64_t>(std::min(rate, kMost) + 0.5));
  std::snprintf(text, sizeof text, "%.1f", rate);
  return text;
}

std::string SecondsText(const std::optional<double>& seconds) {
  if (!seconds) return "-";
  char text[32];
  double ms = *seconds * 1000;
  if (ms >= 1000) return DurationText(static_cast<uint64_t>(ms));
  std::snprintf(text, sizeof text, ms < 10 ? "%.1f ms" : "%.0f ms", ms);
  return text;
}

class Screen {
 public:
  Screen(size_t columns, size_t rows) : columns_(columns), rows_(rows) {}
  void Line(const std::string& text) {
    if (lines_.size() < rows_) lines_.push_back(Cut(EscapeForTerminal(text)));
  }
  /// A heading and what stands behind it, on as many lines as that needs: between two items a line may break.
  void Items(const std::string& heading, const std::vector<std::string>& items) {
    std::string line = heading;
    line.resize(std::max(line.size(), kHeadingColumn), ' ');
    bool first = true;
    for (const std::string& item : items) {
      if (!first && Width(line) + kItemGap + Width(item) > columns_) {
        Line(line);
        line.assign(kHeadingColumn, ' ');
        first = true;
      }
      line += (first ? "" : std::string(kItemGap, ' ')) + item;
      first = false;
    }
    Line(line);
  }
  /// The first `most` lines of a table, its heads among them.
  void Rows(const Table& table, size_t most) {
    std::string text = table.ToString();
    for (size_t at = 0; at < text.size() && most > 0; --most) {
      size_t end = text.find('\n', at);
      Line(text.substr(at, end - at));
      at = end + 1;
    }
  }
  size_t room() const { return rows_ - lines_.size(); }
  std::vector<std::string> Take() { return std::move(lines_); }

 private:
  std::string Cut(const std::string& text) const { return columns_ < 4 ? text.substr(0, columns_) : Clipped(text, columns_); }
  size_t columns_, rows_;
  std::vector<std::string> lines_;
};

void Counters(const TopView& view, Screen* screen) {
  Result<JsonTree> stats = JsonTree::Parse(view.stats);
  if (!stats.ok()) return;
  Value root = stats->root();
  std::vector<std::string> states = {""};
  uint64_t pending = 0;
  for (const char* state : kPendingStates) {
    uint64_t count = NumberAt(root, std::string("/states/") + state);
    pending += count;
    states.push_back(std::string(state) + " " + Grouped(count));
  }
  states[0] = Grouped(pending);
  screen->Items("pending", states);
  std::vector<std::string> rates = {"-"};
  if (view.rates)
    rates = {"accepted " + RateText(view.rates->accepted), "succeeded " + RateText(view.rates->succeeded), "failed " + RateText(view.rates->failed),
             "attempts " + RateText(view.rates->attempts), "retries " + RateText(view.rates->retries)};
  screen->Items("each second", rates);
  screen->Items("in flight",
                {Grouped(view.in_flight), "oldest due " + (view.oldest_age_ms ? DurationText(*view.oldest_age_ms) + " ago" : std::string("-")),
                 "lateness p50 " + SecondsText(view.lateness_p50_s) + ", p99 " + SecondsText(view.lateness_p99_s),
                 "acknowledgement p99 " + SecondsText(view.acknowledgement_p99_s)});
  screen->Items("memory", {BytesText(NumberAt(root, "/memory/rss_bytes")),
                           "disk " + BytesText(NumberAt(root, "/store/disk_bytes")) + ", free " + BytesText(NumberAt(root, "/store/free_bytes"))});
}

Table LaneTable(const TopView& view, size_t most) {
  Table table({"LANE", "MODE", "PENDING", "READY", "IN FLIGHT", "RETRYING", "HEAD AGE", "PAUSED"});
  for (size_t i = 0; i < std::min(most, view.lanes.size()); ++i) {
    const TopLane& lane = view.lanes[i];
    table.Row({Clipped(lane.name, kLaneColumn), lane.mode, Grouped(lane.pending), Grouped(lane.ready), Grouped(lane.in_flight),
               Grouped(lane.retrying), lane.head_age_ms ? DurationText(*lane.head_age_ms) : "-",
               lane.paused ? "paused" + (lane.paused_by.empty() ? "" : " by " + lane.paused_by) : "-"});
  }
  return table;
}

void Object(JsonWriter* json, const char* key, const std::vector<std::pair<const char*, std::optional<double>>>& members) {
  json->Key(key);
  json->BeginObject();
  for (const auto& [name, value] : members) {
    json->Key(name);
    if (value) json->Double(*value);
    else json->Null();
  }
  json->EndObject();
}

std::optional<double> Ms(const std::optional<double>& seconds) {
  return seconds ? std::optional<double>(*seconds * 1000) : std::nullopt;
}

}  // namespace

std::vector<std::string> TopLines(const TopView& view, LaneOrder order, const std::string& note, size_t columns, size_t rows) {
  Screen screen(columns, rows);
  std::string title = "notifyd";
  if (Result<JsonTree> stats = JsonTree::Parse(view.stats); stats.ok()) {
    Value root = stats->root();
    title += " " + Cell(root.At("/version")) + "   " + view.server + "   pid " + Cell(root.At("/pid")) + "   up " +
             DurationText(NumberAt(root, "/uptime_ms"));
  }
  screen.Line(title);
  if (!note.empty()) screen.Line(note);
  Counters(view, &screen);
  screen.Line("");
  // Failures have their place at the bottom: two lines of heads, and theirs.
  size_t for_failures = view.failures.empty() ? 2 : view.failures.size() + 3;
  size_t for_lanes = screen.room() > for_failures + 2 ? screen.room() - for_failures - 1 : 1;
  std::string heading = "LANES by " + std::string(order == LaneOrder::kOldest ? "oldest head" : "most pending") + ": " + Grouped(view.lanes.size());
  screen.Line(heading + (view.all_lanes ? "" : " looked at, there are more"));
  if (!view.lanes.empty()) screen.Rows(LaneTable(view, for_lanes), for_lanes);
  screen.Line("");
  screen.Line(view.failures.empty() ? "NEWEST FAILURES: none" : "NEWEST FAILURES");
  if (!view.failures.empty()) {
    Table table({"ID", "SETTLED", "REASON", "URL"});
    for (const TopFailure& failure : view.failures)
      table.Row({failure.id, failure.settled_at, failure.reason.empty() ? "-" : failure.reason, failure.url});
    screen.Rows(table, view.failures.size() + 1);
  }
  return screen.Take();
}

std::string TopJson(const TopView& view) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  json.Key("server");
  json.String(view.server);
  json.Key("stats");
  json.Raw(view.stats);
  auto rate = [&](double TopRates::*member) { return view.rates ? std::optional<double>((*view.rates).*member) : std::nullopt; };
  Object(&json, "rates",
         {{"accepted_per_s", rate(&TopRates::accepted)},
          {"succeeded_per_s", rate(&TopRates::succeeded)},
          {"failed_per_s", rate(&TopRates::failed)},
          {"attempts_per_s", rate(&TopRates::attempts)},
          {"retries_per_s", rate(&TopRates::retries)}});
  Object(&json, "lateness_ms", {{"p50", Ms(view.lateness_p50_s)}, {"p99", Ms(view.lateness_p99_s)}});
  Object(&json, "acknowledgement_ms", {{"p99", Ms(view.acknowledgement_p99_s)}});
  json.Key("in_flight");
  json.Uint(view.in_flight);
  json.Key("oldest_due_at");
  if (view.oldest_due_at.empty()) json.Null();
  else json.String(view.oldest_due_at);
  json.Key("lanes");
  json.BeginArray();
  for (size_t i = 0; i < std::min(kJsonLanes, view.lanes.size()); ++i) json.Raw(view.lanes[i].json);
  json.EndArray();
  json.Key("all_lanes");
  json.Bool(view.all_lanes && view.lanes.size() <= kJsonLanes);
  json.Key("failures");
  json.BeginArray();
  for (const TopFailure& failure : view.failures) json.Raw(failure.json);
  json.EndArray();
  json.EndObject();
  return out;
}

}  // namespace notifyd
