#include "cli/client/topic_commands.h"

#include <optional>

#include "cli/client/table.h"

namespace notifyd {

const Collection& Topics() {
  static const Collection of = {"/v1/topics",
                                {{"TOPIC", "/name"}, {"RETENTION MS", "/retention_ms"}, {"SCHEMA", "/schema"}, {"DESCRIPTION", "/description"}}};
  return of;
}

const Collection& Subscriptions() {
  static const Collection of = {"/v1/subscriptions",
                                {{"NAME", "/name"},
                                 {"TOPIC", "/topic"},
                                 {"URL", "/url"},
                                 {"ENABLED", "/enabled"},
                                 {"PAUSED", "/paused"},
                                 {"PENDING", "/pending"},
                                 {"SKIPPED", "/skipped"},
                                 {"FILTER", "/filter"}}};
  return of;
}

Collection EventsOf(const std::string& path) {
  return {path, {{"ID", "/id"}, {"TOPIC", "/topic"}, {"PUBLISHED", "/published_at"}, {"KEY", "/key"}, {"MATCHED", "/matched"}}};
}

const Collection& Events() {
  static const Collection of = EventsOf("/v1/events");
  return of;
}

Exit ShowEvent(const Context& context, const std::string& id) {
  return Show(context, Ask(context, "GET", PathIn(Events(), id)), [](JsonTree::Value event) {
    std::string text = Fields(event, {"notifies"});
    std::optional<JsonTree::Value> notifies = event.At("/notifies");
    if (!notifies || notifies->size() == 0) return text;
    Table table({"SUBSCRIPTION", "NOTIFY", "STATE"});
    notifies->ForEach([&](JsonTree::Value, JsonTree::Value notify) {
      table.Row({Cell(notify.At("/subscription")), Cell(notify.At("/id")), Cell(notify.At("/state"))});
    });
    return text + "\n" + table.ToString();
  });
}

}  // namespace notifyd
