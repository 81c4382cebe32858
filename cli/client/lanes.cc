#include "cli/client/lanes.h"

#include <cstdio>
#include <utility>
#include <vector>

#include "base/json.h"
#include "cli/client/table.h"

namespace notifyd {
namespace {

constexpr size_t kNameMost = 60, kReasonMost = 60;
constexpr const char* kModes[] = {"concurrent", "fifo"};

using Value = JsonTree::Value;

std::string LanePath(const std::string& name, const std::string& mode) {
  return "/v1/lanes/" + HttpClient::Encode(mode) + "/" + HttpClient::Encode(name);
}

std::vector<std::string> ModesOf(const std::string& mode) {
  if (!mode.empty()) return {mode};
  return {kModes[0], kModes[1]};
}

std::string PausedText(Value lane) {
  if (Cell(lane.At("/paused")) != "true") return "-";
  std::string by = TextAt(lane, "/own/paused_who");
  if (by.empty()) by = TextAt(lane, "/own/paused_by");
  const std::string until = TextAt(lane, "/own/paused_until"), reason = TextAt(lane, "/own/paused_reason");
  return (by.empty() ? "yes" : "by " + by) + (until.empty() ? "" : " until " + until) + (reason.empty() ? "" : ": " + Clipped(reason, kReasonMost));
}

std::string AgeText(Value lane) {
  uint64_t age_ms = NumberAt(lane, "/head_age_ms", UINT64_MAX);
  return age_ms == UINT64_MAX ? "-" : DurationText(age_ms);
}

std::string RenderLanes(const std::vector<std::string>& items) {
  Table table({"LANE", "MODE", "PAUSED", "HELD", "SCHEDULED", "READY", "SENDING", "RETRYING", "HEAD AGE"});
  for (const std::string& item : items) {
    Result<JsonTree> tree = JsonTree::Parse(item);
    if (!tree.ok()) continue;
    Value lane = tree->root();
    std::vector<std::string> cells = {Clipped(Cell(lane.At("/name")), kNameMost), Cell(lane.At("/mode")), PausedText(lane)};
    for (const char* state : kPendingStates) cells.push_back(Cell(lane.At(std::string("/states/") + state)));
    cells.push_back(AgeText(lane));
    table.Row(std::move(cells));
  }
  return table.ToString();
}

/// All of one lane. A setting that was made for this lane alone is marked.
std::string RenderLane(Value lane) {
  Table table;
  auto row = [&](const std::string& name, const std::string& value) {
    if (value != "-") table.Row({name, value});
  };
  row("name", Cell(lane.At("/name")));
  row("mode", Cell(lane.At("/mode")));
  row("paused", PausedText(lane) == "-" ? "no" : PausedText(lane));
  row("paused since", Cell(lane.At("/own/paused_since")));
  row("reason", Cell(lane.At("/own/paused_reason")));
  row("without success", Cell(lane.At("/own/paused_notify")));
  for (const char* state : kPendingStates) row(state, Cell(lane.At(std::string("/states/") + state)));
  row("in flight", Cell(lane.At("/in_flight")));
  row("oldest due", Cell(lane.At("/oldest_due_at")));
  row("head age", AgeText(lane));
  for (const char* name : {"concurrency", "rate_per_s", "burst", "on_retry", "on_failure"}) {
    std::string value = Cell(lane.At(std::string("/settings/") + name));
    bool own = Cell(lane.At(std::string("/own/") + name)) != "-";
    row(name, own ? value + " (set for this lane)" : value);
  }
  return table.ToString();
}

/// Some lanes, one after the other; as JSON a list.
Exit PrintLanes(const Context& context, const std::vector<std::string>& lanes, bool as_list) {
  if (context.json) {
    PrintLine(as_list ? ItemsJson(lanes, "") : lanes.front());
    return kDone;
  }
  for (size_t i = 0; i < lanes.size(); ++i) {
    Result<JsonTree> tree = JsonTree::Parse(lanes[i]);
    if (!tree.ok()) {
      Complain("the answer is not JSON");
      return kRefused;
    }
    Print((i > 0 ? "\n" : "") + RenderLane(tree->root()));
  }
  return kDone;
}

/// The same patch for each mode. What was done before a refusal is printed all the same. `paused`: is any of them then? Null: nobody asks.
Exit PatchLanes(const Context& context, const std::string& name, const std::string& mode, const std::string& patch, bool* paused = nullptr) {
  std::vector<std::string> lanes;
  Exit exit = kDone;
  for (const std::string& each : ModesOf(mode)) {
    HttpCall call;
    call.method = "PATCH";
    call.path = LanePath(name, each);
    call.body = &patch;
    Outcome outcome = Ask(context, call);
    exit = outcome.exit;
    if (exit != kDone) break;
    if (const Result<JsonTree> tree = JsonTree::Parse(outcome.answer.body); paused && tree.ok() && Cell(tree->root().At("/paused")) == "true")
      *paused = true;
    lanes.push_back(std::move(outcome.answer.body));
  }
  if (lanes.empty()) return exit;
  Exit printed = PrintLanes(context, lanes, mode.empty());
  return exit != kDone ? exit : printed;
}

/// Whether any of these lanes has notifies or settings. Error: kUnavailable where no answer came.
Result<bool> IsThere(const Context& context, const std::string& name, const std::string& mode) {
  for (const std::string& each : ModesOf(mode)) {
    Result<HttpAnswer> answer = context.client->Call("GET", LanePath(name, each));
    if (!answer.ok()) return answer.status();
    if (answer->status != 404) return true;
  }
  return false;
}

}  // namespace

Exit ListLanes(const Context& context, const LaneListArguments& arguments) {
  std::map<std::string, std::string> parameters;
  if (!arguments.prefix.empty()) parameters["prefix"] = arguments.prefix;
  if (!arguments.cursor.empty()) parameters["cursor"] = arguments.cursor;
  Pages pages = AskPages(context, "/v1/lanes", parameters, arguments.limit);
  if (pages.exit != kDone) return pages.exit;
  if (context.json) {
    PrintLine(ItemsJson(pages.items, pages.next));
    return kDone;
  }
  Print(RenderLanes(pages.items));
  if (!pages.next.empty()) Remark("more with --cursor " + pages.next);
  return kDone;
}

Exit ShowLane(const Context& context, const std::string& name, const std::string& mode) {
  std::vector<std::string> lanes;
  for (const std::string& each : ModesOf(mode)) {
    Result<HttpAnswer> answer = context.client->Call("GET", LanePath(name, each));
    if (!answer.ok()) {
      Complain(answer.status().detail());
      return kUnreachable;
    }
    if (answer->Done()) {
      lanes.push_back(std::move(answer->body));
      continue;
    }
    bool missing = answer->status == 404, last = each == ModesOf(mode).back();
    if (missing && (!last || !lanes.empty())) continue;
    Complain(ProblemText(*answer));
    return kRefused;
  }
  return PrintLanes(context, lanes, mode.empty());
}

Exit SetLanePaused(const Context& context, const std::string& name, const std::string& mode, bool paused, const std::string& until,
                   const std::string& reason) {
  Result<bool> there = IsThere(context, name, mode);
  if (!there.ok()) {
    Complain(there.status().detail());
    return kUnreachable;
  }
  std::string patch;
  JsonWriter writer(&patch);
  writer.BeginObject();
  writer.Key("paused");
  writer.Bool(paused);
  if (!until.empty()) {
    writer.Key("paused_until");
    writer.String(until);
  }
  if (!reason.empty()) {
    writer.Key("reason");
    writer.String(reason);
  }
  writer.EndObject();
  bool is_paused = false;  // not where `until` is over
  Exit exit = PatchLanes(context, name, mode, patch, &is_paused);
  // Else a name that is misspelled looks like success.
  if (exit == kDone && !*there)
    Complain("there was no lane \"" + name + "\" yet: " + (is_paused ? "what is submitted to it from now on waits" : "nothing was paused"));
  return exit;
}

Exit ConfigureLane(const Context& context, const std::string& name, const std::string& mode, const std::map<std::string, std::string>& settings) {
  std::string patch;
  JsonWriter writer(&patch);
  writer.BeginObject();
  for (const auto& [field, value] : settings) {
    writer.Key(field);
    if (value == "default") {
      writer.Null();
    } else if (field == "on_retry" || field == "on_failure") {
      writer.String(value);
    } else {
      Result<JsonTree> tree = JsonTree::Parse(value);
      bool number = tree.ok() && tree->root().kind() == JsonTree::Kind::kNumber;
      if (!number) {
        Complain("--" + (field == "rate_per_s" ? "rate-per-s" : field) + ": \"" + value + "\" is not a number");
        return kUsage;
      }
      writer.Raw(tree->root().raw());
    }
  }
  writer.EndObject();
  return PatchLanes(context, name, mode, patch);
}

}  // namespace notifyd
