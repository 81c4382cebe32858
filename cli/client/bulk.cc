#include "cli/client/bulk.h"

#include <optional>

#include "base/json.h"
#include "cli/client/progress.h"
#include "cli/client/table.h"

namespace notifyd {
namespace {

constexpr uint64_t kCallMost = 10'000;  // a call is durable as a whole
constexpr int64_t kCallWaitMs = 600'000;

std::string BodyOf(const BulkArguments& arguments, const std::string& cursor) {
  std::string out;
  JsonWriter writer(&out);
  writer.BeginObject();
  writer.Key("filter");
  writer.BeginObject();
  for (const auto& [name, value] : arguments.filters) {
    const std::vector<std::string> values = FilterValues(name, value);
    writer.Key(name);
    if (values.size() > 1) writer.BeginArray();
    for (const std::string& each : values) writer.String(each);
    if (values.size() > 1) writer.EndArray();
  }
  writer.EndObject();
  if (!cursor.empty()) {
    writer.Key("cursor");
    writer.String(cursor);
  }
  if (arguments.dry_run) {
    writer.Key("dry_run");
    writer.Bool(true);
  }
  writer.Key("limit");
  writer.Uint(kCallMost);
  writer.EndObject();
  return out;
}

/// "would have retried", "retried", ...
std::string Done(const BulkArguments& arguments) {
  const char* verb = arguments.operation == "retry" ? "retried" : arguments.operation == "cancel" ? "cancelled" : "purged";
  return arguments.dry_run ? std::string("would have ") + verb : verb;
}

/// ", where state is failed, lane is x".
std::string Where(const BulkArguments& arguments) {
  std::string text;
  for (const auto& [name, joined] : arguments.filters)
    for (const std::string& value : FilterValues(name, joined)) text += (text.empty() ? " where " : ", ") + name + " is " + value;
  return text;
}

}  // namespace

Exit Bulk(const Context& context, const BulkArguments& arguments) {
  std::string cursor = arguments.cursor;
  uint64_t count = 0;
  Exit exit = kDone;
  Progress progress;
  auto report = [&] { return Done(arguments) + " " + Grouped(count) + (count == 1 ? " notify" : " notifies"); };
  for (;;) {
    std::string body = BodyOf(arguments, cursor);
    Outcome outcome = Ask(context, "POST", "/v1/notifies/" + arguments.operation, &body, kCallWaitMs);
    exit = outcome.exit;
    if (exit != kDone) break;
    Result<JsonTree> tree = JsonTree::Parse(outcome.answer.body);
    uint64_t done = tree.ok() ? NumberAt(tree->root(), "/count", UINT64_MAX) : UINT64_MAX;
    std::string next = tree.ok() ? TextAt(tree->root(), "/next") : "";
    if (done == UINT64_MAX || (!next.empty() && next == cursor)) {
      Complain(done == UINT64_MAX ? "the answer has no count" : "the broker answers the same cursor again");
      exit = kRefused;
      break;
    }
    count += done;
    cursor = next;
    if (cursor.empty()) break;
    progress.Show(report() + " so far");
  }
  progress.Clear();
  if (exit != kDone) {
    Complain(report() + " before it stopped" + (cursor.empty() ? "" : "; go on with --cursor " + cursor));
    return exit;
  }
  Complain(report() + Where(arguments));
  if (context.json) {
    std::string out;
    JsonWriter writer(&out);
    writer.BeginObject();
    writer.Key("count");
    writer.Uint(count);
    writer.Key("next");
    writer.Null();
    writer.EndObject();
    PrintLine(out);
  } else {
    Print("count  " + std::to_string(count) + "\n");
  }
  return kDone;
}

}  // namespace notifyd
