#include "cli/client/commands.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <utility>
#include <vector>

#include "base/json.h"
#include "cli/client/table.h"

namespace notifyd {
namespace {

constexpr size_t kUrlMost = 60;
/// Of what came back, or of why nothing did, in characters: what fills a few lines of a terminal. All that is kept stands in JSON.
constexpr size_t kResponseMost = 400;

using Value = JsonTree::Value;

/// A cancelled notify is answered whole; its id and state say enough.
std::string RenderIdAndState(Value answer) {
  Table table;
  table.Row({"id", Cell(answer.At("/id"))});
  table.Row({"state", Cell(answer.At("/state"))});
  return table.ToString();
}

/// What an fkey has in place of a notify: a trigger that is remembered, or was until now.
bool IsRemembered(Value answer) {
  return answer.At("/remembered").has_value();
}

std::string RenderExplain(Value answer) {
  std::string out = Fields(answer, {"reasons"});
  Table table({"REASON", "DETAIL"});
  std::optional<Value> reasons = answer.At("/reasons");
  if (!reasons || reasons->kind() != JsonTree::Kind::kArray || reasons->size() == 0) return out;
  reasons->ForEach([&](Value, Value reason) { table.Row({Cell(reason.At("/code")), Cell(reason.At("/detail"))}); });
  return out + "\n" + table.ToString();
}

std::string NotifyPath(const std::string& id) {
  return "/v1/notifies/" + HttpClient::Encode(id);
}

std::string StatsPath(bool all) {
  return all ? "/v1/stats?namespaces=all" : "/v1/stats";
}

/// The body, or nothing and a complaint.
std::optional<std::string> BodyOf(const FieldValues& values) {
  Result<std::string> body = NotifyJson(values);
  if (body.ok()) return *std::move(body);
  Complain(body.status().detail());
  return std::nullopt;
}

}  // namespace

std::string RenderNotify(Value notify, const std::string& etag) {
  std::vector<std::pair<std::string, std::string>> more;
  if (!etag.empty()) more.emplace_back("etag", etag);
  std::string out = Fields(notify, {"attempts", "response"}, more);
  std::optional<Value> attempts = notify.At("/attempts");
  if (!attempts || attempts->kind() != JsonTree::Kind::kArray || attempts->size() == 0) return out;
  bool instances = false;
  attempts->ForEach([&](Value, Value attempt) { instances = instances || attempt.At("/instance"); });
  std::vector<std::string> columns = {"ATTEMPT", "STARTED", "MS", "STATUS", "ERROR", "DETAIL"};
  if (instances) columns.insert(columns.begin() + 1, "INSTANCE");
  Table table(columns), responses({"ATTEMPT", "CAME BACK"});
  bool any = false;
  attempts->ForEach([&](Value, Value attempt) {
    std::vector<std::string> row = {Cell(attempt.At("/number")),      Cell(attempt.At("/started_at")),
                                    Cell(attempt.At("/duration_ms")), Cell(attempt.At("/status")),
                                    Cell(attempt.At("/error")),       Clipped(Cell(attempt.At("/detail")), kResponseMost)};
    if (instances) row.insert(row.begin() + 1, Cell(attempt.At("/instance")));
    table.Row(std::move(row));
    std::string response = TextAt(attempt, "/response_body");
    if (response.empty()) return;
    any = true;
    responses.Row({Cell(attempt.At("/number")), Clipped(response, kResponseMost)});
  });
  out += "\n" + table.ToString();
  return any ? out + "\n" + responses.ToString() : out;
}

Exit Trigger(const Context& context, const std::string& fkey, const FieldValues& values, int64_t remember_ms) {
  std::optional<std::string> body = BodyOf(values);
  if (!body) return kUsage;
  std::string path = "/v1/fkeys/" + HttpClient::Encode(fkey) + "/trigger";
  if (remember_ms != 0) path += "?remember_ms=" + std::to_string(remember_ms);
  return Show(context, Ask(context, "POST", path, values.fields.empty() ? nullptr : &*body), [](Value answer) { return Fields(answer); });
}

Exit Get(const Context& context, const std::string& id, std::optional<int64_t> wait_ms, int64_t reconnect_ms) {
  const Outcome outcome = AskUntil(context, NotifyPath(id), wait_ms, reconnect_ms, [](Value notify) {
    return std::find(std::begin(kPendingStates), std::end(kPendingStates), Cell(notify.At("/state"))) == std::end(kPendingStates);
  });
  return Show(context, outcome, [&](Value notify) { return RenderNotify(notify, outcome.answer.etag); });
}

Exit GetFkey(const Context& context, const std::string& fkey) {
  Outcome outcome = Ask(context, "GET", "/v1/fkeys/" + HttpClient::Encode(fkey));
  return Show(context, outcome, [&](Value answer) { return IsRemembered(answer) ? Fields(answer, {}) : RenderNotify(answer, outcome.answer.etag); });
}

Exit Explain(const Context& context, const std::string& id) {
  return Show(context, Ask(context, "GET", NotifyPath(id) + "/explain"), RenderExplain);
}

Exit List(const Context& context, const std::map<std::string, std::string>& filters, uint64_t limit) {
  Pages pages = AskPages(context, "/v1/notifies", filters, limit);
  if (pages.exit != kDone) return pages.exit;
  if (context.json) {
    PrintLine(ItemsJson(pages.items, pages.next));
    return kDone;
  }
  Table table({"ID", "STATE", "DUE", "ATTEMPTS", "METHOD", "URL"});
  for (const std::string& item : pages.items) {
    Result<JsonTree> tree = JsonTree::Parse(item);
    if (!tree.ok()) continue;
    Value root = tree->root();
    table.Row({Cell(root.At("/id")), Cell(root.At("/state")), Cell(root.At("/due_at")), Cell(root.At("/attempts_made")), Cell(root.At("/method")),
               Clipped(Cell(root.At("/url")), kUrlMost)});
  }
  Print(table.ToString());
  if (!pages.next.empty()) Remark("more with --cursor " + pages.next);
  return kDone;
}

Exit Cancel(const Context& context, const std::string& id, const std::string& if_match) {
  HttpCall call;
  call.method = "DELETE";
  call.path = NotifyPath(id);
  call.if_match = QuotedTags(if_match);
  return Show(context, Ask(context, call), RenderIdAndState);
}

Exit CancelFkey(const Context& context, const std::string& fkey) {
  return Show(context, Ask(context, "DELETE", "/v1/fkeys/" + HttpClient::Encode(fkey)),
              [](Value answer) { return IsRemembered(answer) ? Fields(answer, {}) : RenderIdAndState(answer); });
}

Exit Retry(const Context& context, const std::string& id, bool paused, const std::string& if_match) {
  HttpCall call;
  call.method = "POST";
  call.path = NotifyPath(id) + (paused ? "/retry?paused=true" : "/retry");
  call.if_match = QuotedTags(if_match);
  return Show(context, Ask(context, call), RenderIdAndState);
}

Exit Change(const Context& context, const std::string& id, const FieldValues& values, const std::string& if_match) {
  std::optional<std::string> body = BodyOf(values);
  if (!body) return kUsage;
  HttpCall call;
  call.method = "PATCH";
  call.path = NotifyPath(id);
  call.body = &*body;
  call.content_type = "application/merge-patch+json";
  call.if_match = QuotedTags(if_match);
  Outcome outcome = Ask(context, call);
  return Show(context, outcome, [&](Value notify) { return RenderNotify(notify, outcome.answer.etag); });
}

Exit Ready(const Context& context) {
  return Show(context, Ask(context, "GET", "/readyz"), [](Value answer) { return Fields(answer); });
}

Exit Whoami(const Context& context) {
  return Show(context, Ask(context, "GET", "/v1/whoami"), [](Value answer) { return Fields(answer); });
}

Exit Stats(const Context& context, bool all) {
  return Show(context, Ask(context, "GET", StatsPath(all)), [](Value stats) {
    Table table;
    stats.ForEach([&](Value key, Value value) {
      if (value.kind() != JsonTree::Kind::kObject) {
        table.Row({std::string(key.text()), Cell(value)});
        return;
      }
      table.Row({""});
      value.ForEach([&](Value name, Value number) { table.Row({std::string(key.text()) + "." + std::string(name.text()), Cell(number)}); });
    });
    return table.ToString();
  });
}

Exit Verify(const Context& context, bool all) {
  Outcome outcome = Ask(context, "GET", StatsPath(all));
  if (outcome.exit != kDone) return outcome.exit;
  Result<JsonTree> stats = JsonTree::Parse(outcome.answer.body);
  bool whole = stats.ok();
  auto number = [&](const std::string& pointer) -> uint64_t {
    uint64_t value = whole ? NumberAt(stats->root(), pointer, UINT64_MAX) : UINT64_MAX;
    whole = whole && value != UINT64_MAX;
    return value;
  };
  uint64_t pending = 0, settled = 0, come = 0;
  // Of all together no states are told.
  if (all) pending = number("/pending");
  else
    for (const char* state : kPendingStates) pending += number(std::string("/states/") + state);
  for (const char* total : {"succeeded", "failed", "cancelled", "expired"}) settled += number(std::string("/totals/") + total);
  for (const char* total : {"accepted", "revived"}) come += number(std::string("/totals/") + total);
  if (!whole) {
    Complain("the answer to /v1/stats lacks a number");
    return kRefused;
  }
  bool balance = come == pending + settled;
  if (context.json) {
    std::string out;
    JsonWriter writer(&out);
    writer.BeginObject();
    writer.Key("balance");
    writer.Bool(balance);
    for (auto [name, value] : {std::pair("accepted_and_revived", come), std::pair("pending", pending), std::pair("settled", settled)}) {
      writer.Key(name);
      writer.Uint(value);
    }
    writer.EndObject();
    PrintLine(out);
  } else {
    Table table;
    table.Row({"accepted + revived", Grouped(come)});
    table.Row({"pending", Grouped(pending)});
    table.Row({"settled", Grouped(settled)});
    Print(table.ToString());
    PrintLine(balance ? "the books balance" : "the books do not balance");
  }
  if (!balance) Complain("accepted + revived is not pending + succeeded + failed + cancelled + expired");
  // Of the members of a cluster that answered: of the others nobody knows.
  return balance && MissingMembers(outcome.answer).empty() ? kDone : kRefused;
}

}  // namespace notifyd
