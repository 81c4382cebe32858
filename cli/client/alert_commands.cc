#include "cli/client/alert_commands.h"

#include <optional>
#include <string>

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
  Table table({"NAMESPACE", "LANE", "HOST", "CALLER", "NAME", "SINCE", "VALUE", "DETAIL"});
  causes->ForEach([&](Value, Value cause) {
    table.Row({Cell(cause.At("/namespace")), Cell(cause.At("/lane")), Cell(cause.At("/host")), Cell(cause.At("/caller")), Cell(cause.At("/name")),
               Cell(cause.At("/since")), Cell(cause.At("/value")), Cell(cause.At("/detail"))});
  });
  return text + "\n" + table.ToString();
}

Exit ListAlerts(const Context& context) {
  return Show(context, Ask(context, "GET", "/v1/alerts"), RenderAlerts);
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
  CLI::App* test = AddCommand(group, "test", "Send a message to each target of an alert.", [this](const Context& context, const CLI::App*) {
    return SendTo(context, {"POST", PathIn(Alerts(), name(), "/test")});
  });
  for (CLI::App* command : {show, test}) AddName(command, "NAME", "The alert's name.");
}

}  // namespace notifyd
