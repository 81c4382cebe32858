#include "cli/client/cluster_commands.h"

#include <utility>
#include <vector>

#include "cli/client/table.h"
#include "cli/client/team_commands.h"

namespace notifyd {
namespace {

const Collection& Members() {
  static const Collection of = {"/v1/cluster/members", {}};
  return of;
}

/// Text, a number, "yes" for what is true, texts with commas between them; nothing for all else.
std::string CellOf(JsonTree::Value item, const char* pointer) {
  const std::optional<JsonTree::Value> value = item.At(pointer);
  if (!value) return {};
  if (value->raw() == "true") return "yes";
  if (value->kind() == JsonTree::Kind::kArray) {
    std::string texts;
    value->ForEach([&](JsonTree::Value, JsonTree::Value each) { texts += (texts.empty() ? "" : ",") + std::string(each.text()); });
    return texts;
  }
  return value->kind() == JsonTree::Kind::kNumber ? std::string(value->raw()) : TextAt(item, pointer);
}

/// One row for each element of the array that `pointer` leads to; nothing where it has none.
std::string TableOf(JsonTree::Value document, const char* pointer, const std::vector<Collection::Column>& columns) {
  const std::optional<JsonTree::Value> all = document.At(pointer);
  if (!all || all->size() == 0) return {};
  std::vector<std::string> heads;
  for (const Collection::Column& column : columns) heads.emplace_back(column.head);
  Table table(std::move(heads));
  all->ForEach([&](JsonTree::Value, JsonTree::Value item) {
    std::vector<std::string> cells;
    for (const Collection::Column& column : columns) cells.push_back(CellOf(item, column.pointer));
    table.Row(std::move(cells));
  });
  return table.ToString();
}

std::string Render(JsonTree::Value document) {
  std::string text = TableOf(document, "/members",
                             {{"MEMBER", "/name"},
                              {"ADDRESS", "/address"},
                              {"LEADS", "/leading"},
                              {"DRAINING", "/draining"},
                              {"ALIVE", "/alive"},
                              {"CUT_OFF", "/cut_off"},
                              {"UNREACHED_BY", "/unreached_by"},
                              {"NAMESPACES", "/namespaces"},
                              {"SEEN_MS", "/heartbeat_age_ms"},
                              {"CLOCK_AHEAD_MS", "/clock_ahead_ms"},
                              {"VERSION", "/version"}});
  const std::string spaces = TableOf(document, "/namespaces",
                                     {{"NAMESPACE", "/name"},
                                      {"OWNER", "/owner"},
                                      {"PLACED", "/placed"},
                                      {"EPOCH", "/epoch"},
                                      {"LOAD", "/load"},
                                      {"CELL", "/cell"},
                                      {"MOVING_TO", "/moving_to"}});
  const std::string moves = TableOf(document, "/moves", {{"MOVED", "/at"}, {"NAMESPACE", "/namespace"}, {"FROM", "/from"}, {"TO", "/to"}});
  for (const std::string& each : {spaces, moves})
    if (!each.empty()) text += "\n" + each;
  return text;
}

}  // namespace

Exit ShowCluster(const Context& context) {
  return Show(context, Ask(context, "GET", "/v1/cluster"), Render);
}

Exit DrainMember(const Context& context, const std::string& member, bool draining) {
  const std::string path = PathIn(Members(), member, "/drain");
  return Ask(context, draining ? "POST" : "DELETE", path).exit;
}

}  // namespace notifyd
