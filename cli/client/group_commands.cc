#include "cli/client/group_commands.h"

#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <utility>

#include "base/json.h"
#include "cli/client/patience.h"
#include "cli/client/table.h"

namespace notifyd {
namespace {

using Value = JsonTree::Value;

std::optional<std::string> TextOfFile(const std::string& name) {
  if (name == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream file(name, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

bool IsSettled(Value group) {
  return TextAt(group, "/state") != "pending";
}

/// Its counts by state in one line, those that are not 0.
std::string CountsOf(Value group) {
  std::string text;
  if (std::optional<Value> counts = group.At("/counts"))
    counts->ForEach([&](Value key, Value count) {
      if (Cell(count) != "0") text += (text.empty() ? "" : ", ") + Cell(count) + " " + std::string(key.text());
    });
  return text.empty() ? "-" : text;
}

/// The fields, then a row for each notify.
std::string RenderGroup(Value group) {
  std::string text = Fields(group, {"notifies", "counts"}, {{"counts", CountsOf(group)}});
  std::optional<Value> notifies = group.At("/notifies");
  if (!notifies) return text;
  Table table({"ID", "STATE", "STATUS", "ATTEMPTS", "REASON", "SETTLED"});
  notifies->ForEach([&](Value, Value notify) {
    table.Row({Cell(notify.At("/id")), Cell(notify.At("/state")), Cell(notify.At("/status")), Cell(notify.At("/attempts_made")),
               Cell(notify.At("/reason")), Cell(notify.At("/settled_at"))});
  });
  return text + "\n" + table.ToString();
}

std::string GroupPath(const std::string& id) {
  return PathIn(Groups(), id);
}

}  // namespace

const Collection& Groups() {
  static const Collection of = {"/v1/groups",
                                {{"ID", "/id"},
                                 {"STATE", "/state"},
                                 {"CALLER", "/caller"},
                                 {"COUNT", "/count"},
                                 {"PENDING", "/counts/pending"},
                                 {"SUCCEEDED", "/counts/succeeded"},
                                 {"FAILED", "/counts/failed"},
                                 {"CANCELLED", "/counts/cancelled"},
                                 {"EXPIRED", "/counts/expired"},
                                 {"CREATED", "/created_at"}}};
  return of;
}

Exit MakeGroup(const Context& context, const std::string& file, const std::string& idempotency_key, int64_t wait_ms) {
  std::optional<std::string> body = TextOfFile(file);
  if (!body) {
    Complain("cannot read " + file);
    return kUsage;
  }
  if (!idempotency_key.empty()) {
    // The file stays what it is: the key goes before what it has.
    const size_t brace = body->find('{');
    std::string member;
    JsonWriter json(&member);
    json.String(idempotency_key);
    if (brace != std::string::npos) {
      const size_t next = body->find_first_not_of(" \t\r\n", brace + 1);
      const bool empty = next == std::string::npos || (*body)[next] == '}';
      body->insert(brace + 1, "\"idempotency_key\":" + member + (empty ? "" : ","));
    }
  }
  HttpCall call;
  call.method = "POST";
  call.path = std::string(Groups().path) + (wait_ms > 0 ? "?wait_ms=" + std::to_string(wait_ms) : "");
  call.body = &*body;
  call.wait_ms = wait_ms;
  const auto asked = std::chrono::steady_clock::now();
  Outcome outcome = Ask(context, call);
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - asked).count();
  const Result<JsonTree> made = JsonTree::Parse(outcome.answer.body);
  if (outcome.exit == kDone && wait_ms > passed && made.ok() && !IsSettled(made->root())) {
    // One that stops lets nobody wait. It is accepted, whatever comes of asking again.
    Outcome later = AskUntil(context, GroupPath(TextAt(made->root(), "/id")), wait_ms - passed, kReconnectMs, &IsSettled, /*found=*/true);
    if (later.exit == kDone) outcome = std::move(later);
  }
  return Show(context, outcome, RenderGroup);
}

Exit ShowGroup(const Context& context, const std::string& id) {
  return Show(context, Ask(context, "GET", GroupPath(id)), RenderGroup);
}

Exit WaitForGroup(const Context& context, const std::string& id, int64_t wait_ms, int64_t reconnect_ms) {
  return Show(context, AskUntil(context, GroupPath(id), wait_ms, reconnect_ms, &IsSettled), RenderGroup);
}

Exit CancelGroup(const Context& context, const std::string& id) {
  return Show(context, Ask(context, "DELETE", GroupPath(id)), RenderGroup);
}

}  // namespace notifyd
