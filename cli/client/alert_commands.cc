#include "cli/client/alert_commands.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/client/patience.h"
#include "cli/client/table.h"
#include "cli/client/team_commands.h"

namespace notifyd {
namespace {

using Value = JsonTree::Value;

const Collection& Alerts() {
  static const Collection of = {"/v1/alerts", {}};
  return of;
}

/// "bills-late, since ...": the table, and what is true of all.
std::string RenderAlerts(Value answer) {
  Table table({"NAME", "STATE", "WHEN", "SINCE", "CAUSES", "LAST MESSAGE", "AT", "UNDELIVERED"});
  if (std::optional<Value> items = answer.At("/items"))
    items->ForEach([&](Value, Value alert) {
      table.Row({Cell(alert.At("/name")), Cell(alert.At("/state")), Cell(alert.At("/when")), Cell(alert.At("/firing_since")),
                 Cell(alert.At("/causes_count")), Cell(alert.At("/last_message")), Cell(alert.At("/last_message_at")),
                 Cell(alert.At("/undelivered"))});
    });
  return table.ToString() + "\n" + Cell(answer.At("/firing")) + " firing, " + Cell(answer.At("/undelivered")) + " messages undelivered\n";
}

std::string RenderAlert(Value alert) {
  std::string text = Fields(alert, {"causes"});
  std::optional<Value> causes = alert.At("/causes");
  if (!causes || causes->size() == 0) return text;
  Table table({"NAMESPACE", "LANE", "HOST", "CALLER", "NAME", "MEMBER", "SINCE", "VALUE", "DETAIL"});
  causes->ForEach([&](Value, Value cause) {
    table.Row({Cell(cause.At("/namespace")), Cell(cause.At("/lane")), Cell(cause.At("/host")), Cell(cause.At("/caller")), Cell(cause.At("/name")),
               Cell(cause.At("/member")), Cell(cause.At("/since")), Cell(cause.At("/value")), Cell(cause.At("/detail"))});
  });
  return text + "\n" + table.ToString();
}

Exit ListAlerts(const Context& context) {
  return Show(context, Ask(context, "GET", "/v1/alerts"), RenderAlerts);
}

/// So long a target has for its first answer, before its message is shown as it is.
constexpr std::chrono::seconds kTestMost{20};
constexpr size_t kWhyMost = 200;

using Row = std::vector<std::string>;

/// Why the last attempt failed: what is known of it, and what came back.
std::string Why(Value notify) {
  std::string why;
  if (std::optional<Value> attempts = notify.At("/attempts"))
    attempts->ForEach([&](Value, Value attempt) {
      why.clear();
      for (const char* field : {"/error", "/detail", "/response_body"})
        if (std::string text = TextAt(attempt, field); !text.empty()) why += (why.empty() ? "" : ": ") + text;
    });
  return why.empty() ? "-" : Clipped(why, kWhyMost);
}

/// What has become of a message once it was tried, or at `end`: its target, its state, and why it was not taken. Nothing where it is not shown.
std::optional<Row> Tried(const Context& context, const std::string& id, std::chrono::steady_clock::time_point end) {
  HttpCall call;
  call.method = "GET";
  call.path = "/v1/namespaces/system/notifies/" + HttpClient::Encode(id);
  for (Patience patience(kForeverMs);;) {
    const Result<HttpAnswer> answer = context.client->Send(call);
    if (!answer.ok() || !answer->Done()) return std::nullopt;
    const Result<JsonTree> tree = JsonTree::Parse(answer->body);
    if (!tree.ok()) return std::nullopt;
    const Value notify = tree->root();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (NumberAt(notify, "/attempts_made", 0) > 0 || left.count() <= 0 || !patience.Wait(left)) {
      const std::string state = TextAt(notify, "/state"), url = TextAt(notify, "/url");
      return Row{id, url.substr(0, url.find('#')), state, state == "succeeded" ? "-" : Why(notify)};
    }
  }
}

/// Sends a test's messages, and shows what their targets said to them; fails where one did not take it. As JSON: the answer, at once.
Exit TestAlert(const Context& context, const std::string& path) {
  const Outcome sent = Ask(context, "POST", path);
  const Result<JsonTree> answer = JsonTree::Parse(sent.answer.body);
  const std::optional<Value> notifies = answer.ok() ? answer->root().At("/notifies") : std::nullopt;
  if (context.json || sent.exit != kDone || !notifies) return Show(context, sent, [](Value value) { return Fields(value); });
  const auto end = std::chrono::steady_clock::now() + kTestMost;
  Table table({"ID", "TO", "STATE", "WHY"});
  Exit exit = kDone;
  notifies->ForEach([&](Value, Value id) {
    const std::string text(id.text());
    const Row row = Tried(context, text, end).value_or(Row{text, "-", "sent", "this token does not see what becomes of it"});
    if (row[2] != "succeeded" && row[2] != "sent") exit = kRefused;
    table.Row(row);
  });
  return Print(table.ToString()) ? exit : kRefused;
}

}  // namespace

void AlertCommands::Add(CLI::App* app) {
  CLI::App* group = app->add_subcommand("alerts", "Alerts of the broker's file; without a command of their own: which fire, and since when.");
  // Whoever asks for alerts most often asks for all of them.
  Does(group, [](const Context& context, const CLI::App*) { return ListAlerts(context); });
  AddCommand(group, "list", "List alerts: which fire, and since when.", [](const Context& context, const CLI::App*) { return ListAlerts(context); });
  CLI::App* show = AddCommand(group, "show", "Show an alert: what it says, and what fires.", [this](const Context& context, const CLI::App*) {
    return Show(context, Ask(context, "GET", PathIn(Alerts(), name())), RenderAlert);
  });
  CLI::App* test = AddCommand(group, "test", "Send a message to each target of an alert, and show which took it.",
                              [this](const Context& context, const CLI::App*) { return TestAlert(context, PathIn(Alerts(), name(), "/test")); });
  for (CLI::App* command : {show, test}) AddName(command, "NAME", "The alert's name.");
}

}  // namespace notifyd
