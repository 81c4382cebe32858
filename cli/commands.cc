#include "cli/commands.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <utility>

#include "base/json.h"
#include "broker/json_tree.h"
#include "cli/notify_fields.h"
#include "cli/submit_file.h"
#include "cli/table.h"

namespace notifyd {
namespace {

constexpr size_t kUrlMost = 60, kPageMost = 1000, kBarWidth = 30;
constexpr int64_t kWaitMostMs = 60'000;

using Value = JsonTree::Value;

void Print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}
void PrintLine(std::string_view text) {
  Print(text);
  Print("\n");
}
void Complain(const std::string& text) {
  std::fprintf(stderr, "notifyctl: %s\n", text.c_str());
}

/// A string without quotes, all else as it stands; "-" for null and what is not there.
std::string Cell(const std::optional<Value>& value) {
  if (!value || value->kind() == JsonTree::Kind::kNull) return "-";
  return std::string(value->kind() == JsonTree::Kind::kString ? value->text() : value->raw());
}

/// Calls, and complains where nothing came back or a refusal.
struct Outcome {
  Exit exit = kDone;
  HttpAnswer answer;
};
Outcome Ask(const Context& context, const std::string& method, const std::string& path, const std::string* body = nullptr, int64_t wait_ms = 0) {
  Result<HttpAnswer> answer = context.client->Call(method, path, body, wait_ms);
  if (!answer.ok()) {
    Complain(answer.status().detail());
    return {kUnreachable, {}};
  }
  if (!answer->Done()) {
    Complain(ProblemText(*answer));
    return {kRefused, *std::move(answer)};
  }
  return {kDone, *std::move(answer)};
}

/// The answer as JSON, or `render` of it. An answer that is not JSON is no broker's.
template <class Render>
Exit Show(const Context& context, const Outcome& outcome, Render render) {
  if (outcome.exit != kDone) return outcome.exit;
  if (context.json) {
    PrintLine(outcome.answer.body);
    return kDone;
  }
  Result<JsonTree> tree = JsonTree::Parse(outcome.answer.body);
  if (!tree.ok()) {
    Complain("the answer is not JSON: " + tree.status().detail());
    return kRefused;
  }
  Print(render(tree->root()));
  return kDone;
}

/// Name and value, one a line; what is null is left out.
std::string Fields(Value object, const std::vector<std::string>& without = {}) {
  Table table;
  object.ForEach([&](Value key, Value value) {
    std::string name(key.text());
    if (value.kind() == JsonTree::Kind::kNull || std::find(without.begin(), without.end(), name) != without.end()) return;
    table.Row({name, Cell(value)});
  });
  return table.ToString();
}

std::string RenderNotify(Value notify) {
  std::string out = Fields(notify, {"attempts"});
  std::optional<Value> attempts = notify.At("/attempts");
  if (!attempts || attempts->kind() != JsonTree::Kind::kArray || attempts->size() == 0) return out;
  Table table({"ATTEMPT", "STARTED", "MS", "STATUS", "ERROR", "DETAIL"});
  attempts->ForEach([&](Value, Value attempt) {
    table.Row({Cell(attempt.At("/number")), Cell(attempt.At("/started_at")), Cell(attempt.At("/duration_ms")), Cell(attempt.At("/status")),
               Cell(attempt.At("/error")), Clipped(Cell(attempt.At("/detail")), kUrlMost)});
  });
  return out + "\n" + table.ToString();
}

// ---- submit of a file

/// On a terminal only, one line that is written over.
class Progress {
 public:
  explicit Progress(uint64_t total_bytes) : on_(isatty(STDERR_FILENO)), total_(total_bytes) {}
  ~Progress() {
    if (drawn_) std::fputs("\n", stderr);
  }
  void operator()(uint64_t bytes, uint64_t notifies) {
    if (!on_) return;
    drawn_ = true;
    if (total_ == 0) {
      std::fprintf(stderr, "\r%s notifies", Grouped(notifies).c_str());
      return;
    }
    size_t full = static_cast<size_t>(std::min(bytes, total_) * kBarWidth / total_);
    std::string bar = std::string(full, '#') + std::string(kBarWidth - full, '.');
    std::fprintf(stderr, "\r[%s] %3d%%  %s notifies", bar.c_str(), static_cast<int>(std::min(bytes, total_) * 100 / total_),
                 Grouped(notifies).c_str());
  }

 private:
  bool on_, drawn_ = false;
  uint64_t total_;
};

uint64_t FileBytes(const std::string& file) {
  struct stat status {};
  return stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) ? static_cast<uint64_t>(status.st_size) : 0;
}

Exit SubmitLines(const Context& context, const std::string& file) {
  std::ifstream opened;
  bool standard_input = file == "-";
  if (!standard_input) {
    opened.open(file, std::ios::binary);
    if (!opened) {
      Complain("cannot read " + file);
      return kUsage;
    }
  }
  FileOutcome outcome;
  {
    Progress progress(standard_input ? 0 : FileBytes(file));
    FileHooks hooks;
    hooks.progress = [&](uint64_t bytes, uint64_t notifies) { progress(bytes, notifies); };
    if (context.json) hooks.accepted = PrintLine;
    outcome = SubmitFile(standard_input ? std::cin : opened, context.client, hooks);
  }
  if (!context.json && outcome.accepted > 0)
    PrintLine("submitted " + Grouped(outcome.accepted) + (outcome.accepted == 1 ? " notify: " : " notifies: ") + outcome.first_id +
              (outcome.accepted == 1 ? "" : " to " + outcome.last_id));
  if (outcome.fault.ok()) return kDone;
  Complain(outcome.fault.detail());
  Complain("accepted up to line " + std::to_string(outcome.lines_done) + ", " + Grouped(outcome.accepted) + " notifies" +
           (outcome.unreachable ? "; whether those of the next batch were is not known" : ""));
  return outcome.unreachable ? kUnreachable : kRefused;
}

}  // namespace

Exit Submit(const Context& context, const SubmitArguments& arguments) {
  if (!arguments.file.empty()) return SubmitLines(context, arguments.file);
  Result<std::string> body = NotifyJson(arguments.fields, arguments.headers);
  if (!body.ok()) {
    Complain(body.status().detail());
    return kUsage;
  }
  return Show(context, Ask(context, "POST", "/v1/notifies", &*body), [](Value answer) { return Fields(answer); });
}

Exit Trigger(const Context& context, const TriggerArguments& arguments) {
  Result<std::string> body = NotifyJson(arguments.fields, {});
  if (!body.ok()) {
    Complain(body.status().detail());
    return kUsage;
  }
  const std::string* sent = arguments.fields.empty() ? nullptr : &*body;
  return Show(context, Ask(context, "POST", "/v1/fkeys/" + HttpClient::Encode(arguments.fkey) + "/trigger", sent),
              [](Value answer) { return Fields(answer); });
}

Exit Get(const Context& context, const std::string& id, std::optional<int64_t> wait_ms) {
  using std::chrono::steady_clock;
  auto started = steady_clock::now();
  std::string path = "/v1/notifies/" + HttpClient::Encode(id);
  for (;;) {
    int64_t step_ms = 0;
    if (wait_ms) {
      int64_t passed_ms = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - started).count();
      step_ms = *wait_ms < 0 ? kWaitMostMs : std::clamp<int64_t>(*wait_ms - passed_ms, 0, kWaitMostMs);
    }
    Outcome outcome = Ask(context, "GET", step_ms > 0 ? path + "?wait_ms=" + std::to_string(step_ms) : path, nullptr, step_ms);
    bool settled = true;
    if (Result<JsonTree> tree = JsonTree::Parse(outcome.answer.body); outcome.exit == kDone && tree.ok()) {
      static const std::vector<std::string> kPending = {"held", "scheduled", "ready", "sending", "retrying"};
      settled = std::find(kPending.begin(), kPending.end(), Cell(tree->root().At("/state"))) == kPending.end();
    }
    if (step_ms == 0 || settled) return Show(context, outcome, RenderNotify);
  }
}

Exit List(const Context& context, const ListArguments& arguments) {
  std::map<std::string, std::string> query = arguments.filters;
  std::vector<std::string> items;  // JSON text each
  std::string next;
  do {
    query["limit"] = std::to_string(std::min<uint64_t>(arguments.limit - items.size(), kPageMost));
    std::string path = "/v1/notifies";
    for (const auto& [name, value] : query) path += (path.size() == 12 ? "?" : "&") + name + "=" + HttpClient::Encode(value);
    Outcome outcome = Ask(context, "GET", path);
    if (outcome.exit != kDone) return outcome.exit;
    Result<JsonTree> tree = JsonTree::Parse(outcome.answer.body);
    std::optional<Value> page = tree.ok() ? tree->root().At("/items") : std::nullopt;
    if (!page || page->kind() != JsonTree::Kind::kArray) {
      Complain("the answer has no items");
      return kRefused;
    }
    page->ForEach([&](Value, Value item) { items.emplace_back(item.raw()); });
    next = Cell(tree->root().At("/next"));
    query["cursor"] = next;
  } while (next != "-" && items.size() < arguments.limit);

  if (context.json) {
    std::string out;
    JsonWriter writer(&out);
    writer.BeginObject();
    writer.Key("items");
    writer.BeginArray();
    for (const std::string& item : items) writer.Raw(item);
    writer.EndArray();
    writer.Key("next");
    if (next == "-") writer.Null();
    else writer.String(next);
    writer.EndObject();
    PrintLine(out);
    return kDone;
  }
  Table table({"ID", "STATE", "DUE", "ATTEMPTS", "METHOD", "URL"});
  for (const std::string& item : items) {
    Result<JsonTree> tree = JsonTree::Parse(item);
    if (!tree.ok()) continue;
    Value root = tree->root();
    table.Row({Cell(root.At("/id")), Cell(root.At("/state")), Cell(root.At("/due_at")), Cell(root.At("/attempts_made")), Cell(root.At("/method")),
               Clipped(Cell(root.At("/url")), kUrlMost)});
  }
  Print(table.ToString());
  if (next != "-") std::fprintf(stderr, "more with --cursor %s\n", next.c_str());
  return kDone;
}

namespace {

/// A cancelled notify is answered whole; its id and state say enough.
std::string RenderIdAndState(Value answer) {
  Table table;
  table.Row({"id", Cell(answer.At("/id"))});
  table.Row({"state", Cell(answer.At("/state"))});
  return table.ToString();
}

}  // namespace

Exit Cancel(const Context& context, const std::string& id) {
  return Show(context, Ask(context, "DELETE", "/v1/notifies/" + HttpClient::Encode(id)), RenderIdAndState);
}

Exit CancelFkey(const Context& context, const std::string& fkey) {
  return Show(context, Ask(context, "DELETE", "/v1/fkeys/" + HttpClient::Encode(fkey)), RenderIdAndState);
}

Exit Retry(const Context& context, const std::string& id) {
  return Show(context, Ask(context, "POST", "/v1/notifies/" + HttpClient::Encode(id) + "/retry"), RenderIdAndState);
}

Exit Stats(const Context& context) {
  return Show(context, Ask(context, "GET", "/v1/stats"), [](Value stats) {
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

Exit Verify(const Context& context) {
  Outcome outcome = Ask(context, "GET", "/v1/stats");
  if (outcome.exit != kDone) return outcome.exit;
  Result<JsonTree> stats = JsonTree::Parse(outcome.answer.body);
  bool whole = stats.ok();
  auto number = [&](const std::string& pointer) -> uint64_t {
    std::optional<Value> value = whole ? stats->root().At(pointer) : std::nullopt;
    whole = whole && value && value->kind() == JsonTree::Kind::kNumber;
    return whole ? std::stoull(std::string(value->raw())) : 0;
  };
  uint64_t pending = 0, settled = 0, come = 0;
  for (const char* state : {"held", "scheduled", "ready", "sending", "retrying"}) pending += number(std::string("/states/") + state);
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
  return balance ? kDone : kRefused;
}

}  // namespace notifyd
