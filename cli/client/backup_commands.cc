#include "cli/client/backup_commands.h"

#include <chrono>
#include <optional>
#include <utility>

#include "base/json.h"
#include "cli/client/patience.h"

namespace notifyd {
namespace {

constexpr std::chrono::milliseconds kAskAgain(500);

std::string StateOf(const Outcome& outcome) {
  Result<JsonTree> tree = JsonTree::Parse(outcome.answer.body);
  return tree.ok() ? TextAt(tree->root(), "/state") : std::string();
}

Exit ShowIt(const Context& context, const Outcome& outcome) {
  return Show(context, outcome, [](JsonTree::Value answer) { return Fields(answer); });
}

}  // namespace

const Collection& Backups() {
  static const Collection of = {"/v1/backups",
                                {{"NAME", "/name"},
                                 {"STATE", "/state"},
                                 {"STARTED", "/started_at"},
                                 {"FINISHED", "/finished_at"},
                                 {"FILES", "/files"},
                                 {"BYTES", "/bytes"},
                                 {"COPIED", "/copied_bytes"},
                                 {"DETAIL", "/detail"}}};
  return of;
}

Exit MakeBackup(const Context& context, const std::string& name, bool full, bool wait) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  json.Key("name");
  json.String(name);
  json.Key("full");
  json.Bool(full);
  json.EndObject();
  Outcome outcome = Ask(context, "POST", Backups().path, &body);
  if (outcome.exit != kDone || !wait) return ShowIt(context, outcome);
  const std::string path = PathIn(Backups(), name);
  Patience away(kReconnectMs);
  while (StateOf(outcome) == "running") {
    Patience pause(kForeverMs);
    pause.Wait(kAskAgain);
    Result<HttpAnswer> answer = context.client->Call("GET", path, nullptr);
    if ((!answer.ok() || answer->status == 503) && away.Wait()) continue;
    // A restart ends it, and who is there then may know nothing of it.
    if (answer.ok() && answer->status == 404) {
      Complain("no backup was made: the broker ended, or was restarted, before it was done");
      return kRefused;
    }
    outcome = Judge(std::move(answer));
    if (outcome.exit != kDone) return outcome.exit;
    away.Reset();
  }
  const Exit shown = ShowIt(context, outcome);
  if (shown != kDone || StateOf(outcome) == "done") return shown;
  Result<JsonTree> tree = JsonTree::Parse(outcome.answer.body);
  Complain("no backup was made: " + (tree.ok() ? TextAt(tree->root(), "/detail") : std::string("the answer is not JSON")));
  return kRefused;
}

}  // namespace notifyd
