#include "cli/client/team_commands.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "cli/client/table.h"

namespace notifyd {
namespace {

constexpr size_t kCellMost = 48;

using Value = JsonTree::Value;
using Kind = JsonTree::Kind;

/// Of an array its items, with commas.
std::string Text(const std::optional<Value>& value) {
  if (!value || value->kind() != Kind::kArray) return Cell(value);
  std::string text;
  value->ForEach([&](Value, Value item) { text += (text.empty() ? "" : ", ") + Cell(item); });
  return text.empty() ? "-" : text;
}

void AddRows(Value object, const std::string& before, Table* table) {
  object.ForEach([&](Value key, Value value) {
    std::string name = before + std::string(key.text());
    if (value.kind() == Kind::kObject) AddRows(value, name + ".", table);
    else if (value.kind() != Kind::kNull) table->Row({name, Text(value)});
  });
}

/// Name and value, one a line; a member of an object within as "destinations.allow".
std::string AllFields(Value object, const std::string& etag) {
  Table table;
  AddRows(object, "", &table);
  if (!etag.empty()) table.Row({"etag", etag});
  return table.ToString();
}

Exit ShowAnswer(const Context& context, const Outcome& outcome) {
  if (outcome.exit == kDone && outcome.answer.body.empty()) return kDone;
  return Show(context, outcome, [&](Value answer) { return AllFields(answer, outcome.answer.etag); });
}

Outcome Sent(const Context& context, const Sending& sending) {
  HttpCall call;
  call.method = sending.method;
  call.path = sending.path;
  call.if_match = QuotedTags(sending.if_match);
  call.only_new = sending.only_new;
  if (sending.method == "PATCH") call.content_type = "application/merge-patch+json";
  std::string body;
  if (sending.flags) {
    Result<std::string> json = FieldsJson(*sending.flags, sending.values);
    if (!json.ok()) {
      Complain(json.status().detail());
      return {kUsage, {}};
    }
    body = *std::move(json);
    call.body = &body;
  }
  return Ask(context, call);
}

}  // namespace

const Collection& Tokens() {
  static const Collection of = {"/v1/tokens",
                                {{"ID", "/id"},
                                 {"NAME", "/name"},
                                 {"NAMESPACES", "/namespaces"},
                                 {"SCOPES", "/scopes"},
                                 {"CALLER", "/caller"},
                                 {"DISABLED", "/disabled"},
                                 {"EXPIRES", "/expires_at"},
                                 {"LAST USED", "/last_used_at"}}};
  return of;
}

const Collection& Namespaces() {
  static const Collection of = {"/v1/namespaces",
                                {{"NAME", "/name"},
                                 {"STATE", "/state"},
                                 {"AWAKE", "/awake"},
                                 {"PENDING", "/pending"},
                                 {"IN FLIGHT", "/in_flight"},
                                 {"BYTES", "/stored_bytes"},
                                 {"SUBMITS/MIN", "/submits_last_minute"},
                                 {"ATTEMPTS/MIN", "/attempts_last_minute"},
                                 {"CELL", "/settings/cell", /*where_any=*/true},
                                 {"MOVING TO", "/moving/to", /*where_any=*/true},
                                 {"MOVE", "/moving/state", /*where_any=*/true},
                                 {"COPIED", "/moving/copied_keys", /*where_any=*/true}}};
  return of;
}

const Collection& Hosts() {
  static const Collection of = {"/v1/hosts",
                                {{"HOST", "/host"},
                                 {"PAUSED", "/paused"},
                                 {"IN FLIGHT", "/in_flight"},
                                 {"QUEUED", "/queued"},
                                 {"AT CAP", "/at_cap"},
                                 {"BREAKER", "/breaker/state"},
                                 {"CONCURRENCY", "/effective/concurrency"},
                                 {"RATE", "/effective/rate_per_s"}}};
  return of;
}

const Collection& Callers() {
  static const Collection of = {"/v1/callers",
                                {{"CALLER", "/caller"},
                                 {"PAUSED", "/paused"},
                                 {"SUBMITS/S", "/submits_per_s"},
                                 {"IN FLIGHT", "/in_flight"},
                                 {"ACCEPTED", "/accepted"},
                                 {"FAILED", "/failed"},
                                 {"LATE", "/late"},
                                 {"BYTES", "/bytes"}}};
  return of;
}

const Collection& Audit() {
  static const Collection of = {"/v1/audit",
                                {{"TIME", "/at"},
                                 {"WHO", "/who"},
                                 {"FROM", "/from"},
                                 {"WHAT", "/what"},
                                 {"NAMESPACE", "/namespace"},
                                 {"OBJECT", "/object"},
                                 {"COUNT", "/count"},
                                 {"SAID", "/said"}}};
  return of;
}

namespace {

std::string RowsOf(const Collection& of, const std::vector<std::string>& items) {
  std::vector<std::vector<std::string>> columns(of.columns.size());
  for (const std::string& item : items) {
    Result<JsonTree> tree = JsonTree::Parse(item);
    if (!tree.ok()) continue;
    for (size_t i = 0; i < columns.size(); ++i) columns[i].push_back(Clipped(Text(tree->root().At(of.columns[i].pointer)), kCellMost));
  }
  std::vector<std::string> heads;
  std::vector<size_t> shown;
  for (size_t i = 0; i < columns.size(); ++i) {
    const bool any = std::any_of(columns[i].begin(), columns[i].end(), [](const std::string& cell) { return cell != "-"; });
    if (of.columns[i].where_any && !any) continue;
    heads.emplace_back(of.columns[i].head);
    shown.push_back(i);
  }
  Table table(heads);
  for (size_t row = 0; row < columns.front().size(); ++row) {
    std::vector<std::string> cells;
    for (size_t i : shown) cells.push_back(columns[i][row]);
    table.Row(std::move(cells));
  }
  return table.ToString();
}

}  // namespace

Exit ListOf(const Context& context, const Collection& of, const std::map<std::string, std::string>& filters, uint64_t limit) {
  Pages pages = AskPages(context, of.path, filters, limit);
  if (pages.exit != kDone) return pages.exit;
  if (context.json) {
    PrintLine(ItemsJson(pages.items, pages.next));
    return kDone;
  }
  Print(RowsOf(of, pages.items));
  if (!pages.next.empty()) Remark("more with --cursor " + pages.next);
  return kDone;
}

Exit ShowOf(const Context& context, const Collection& of, const std::string& name) {
  return ShowAnswer(context, Ask(context, "GET", PathIn(of, name)));
}

Exit SendTo(const Context& context, const Sending& sending) {
  return ShowAnswer(context, Sent(context, sending));
}

namespace {

/// What is printed alone of an answer, and what stands beside it on standard error.
struct Alone {
  std::string text, note;
};

Exit ShowAlone(const Context& context, const Outcome& outcome, const std::function<Alone(Value)>& of) {
  std::string note;
  const Exit exit = Show(context, outcome, [&](Value answer) {
    Alone alone = of(answer);
    note = std::move(alone.note);
    return alone.text + "\n";
  });
  if (!note.empty()) Remark(note);
  return exit;
}

}  // namespace

Exit SendForToken(const Context& context, const Sending& sending) {
  return ShowAlone(context, Sent(context, sending), [](Value answer) {
    return Alone{TextAt(answer, "/token"), TextAt(answer, "/id") + ": it is shown this once, and kept by nobody but you"};
  });
}

Exit SendForKey(const Context& context, const Sending& sending) {
  return ShowAlone(context, Sent(context, sending), [](Value answer) {
    const std::string public_key = TextAt(answer, "/public_key"), name = TextAt(answer, "/name");
    if (public_key.empty())
      return Alone{TextAt(answer, "/secret"), name + ": receivers verify by it; the broker keeps it to sign by, and shows it this once"};
    return Alone{public_key, name + ": receivers verify by it, and nobody can sign by it; what signs stays with the broker"};
  });
}

Exit RemoveFrom(const Context& context, const std::string& path) {
  return ShowAnswer(context, Ask(context, "DELETE", path));
}

std::string PathIn(const Collection& of, const std::string& name, const std::string& below) {
  return of.path + ("/" + HttpClient::Encode(name)) + below;
}

}  // namespace notifyd
