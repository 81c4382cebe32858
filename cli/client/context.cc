#include "cli/client/context.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <set>
#include <utility>

#include "base/json.h"
#include "base/standard_output.h"
#include "base/terminal_text.h"
#include "cli/client/patience.h"
#include "cli/client/table.h"

namespace notifyd {
namespace {

constexpr size_t kPageMost = 1000;

using Value = JsonTree::Value;

/// What is to be done about a token that is missing, or which one it was that is not enough.
std::string CredentialHint(const HttpAnswer& answer) {
  if (answer.status != 401 && answer.status != 403) return "";
  if (!answer.shown_from.empty()) return " (asked with the token of " + answer.shown_from + ")";
  if (answer.status == 403) return "";
  return " (no token was found: NOTIFYD_TOKEN holds one, NOTIFYD_TOKEN_FILE names a file of one, or ~/.config/notifyd/token is one)";
}

/// How a namespace that is asked for and is not there is made. The registry's and the admission's word for it.
std::string NamespaceHint(const HttpAnswer& answer, const std::string& text) {
  return answer.status == 404 && text.rfind("there is no namespace \"", 0) == 0 ? " (notifyctl namespace create NAME makes one)" : "";
}

/// A parameter of the API that a refusal names is a flag here.
std::string WithFlags(std::string text) {
  constexpr std::string_view kParameter = "discard_pending=true";
  if (const size_t at = text.find(kParameter); at != text.npos) text.replace(at, kParameter.size(), "--discard-pending");
  return text;
}

/// Is an answer to this put together from those of a cluster's members?
bool IsGathered(std::string_view path) {
  if (path.find("namespaces=all") != std::string_view::npos) return true;
  path = path.substr(0, path.find('?'));
  if (path == "/v1/namespaces" || path == "/v1/cluster") return true;
  constexpr std::string_view kOne = "/v1/namespaces/";
  return path.starts_with(kOne) && path.find('/', kOne.size()) == std::string_view::npos;
}

}  // namespace

bool Print(std::string_view text) {
  static const bool on_terminal = isatty(STDOUT_FILENO) != 0;
  return PrintOut(on_terminal ? EscapeLinesForTerminal(text) : text);
}

bool PrintLine(std::string_view text) {
  return Print(text) && PrintOut("\n");
}

void Complain(const std::string& text) {
  Remark("notifyctl: " + text);
}

void Remark(const std::string& text) {
  std::fprintf(stderr, "%s\n", EscapeForTerminal(text).c_str());
}

std::string Cell(const std::optional<Value>& value) {
  if (!value || value->kind() == JsonTree::Kind::kNull) return "-";
  return std::string(value->kind() == JsonTree::Kind::kString ? value->text() : value->raw());
}

std::string TextAt(Value object, std::string_view pointer) {
  std::optional<Value> value = object.At(pointer);
  return value && value->kind() == JsonTree::Kind::kString ? std::string(value->text()) : "";
}

uint64_t NumberAt(Value object, std::string_view pointer, uint64_t otherwise) {
  std::optional<Value> value = object.At(pointer);
  if (!value || value->kind() != JsonTree::Kind::kNumber) return otherwise;
  std::string_view raw = value->raw();
  uint64_t number = 0;
  auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), number);
  return error == std::errc() && end == raw.data() + raw.size() ? number : otherwise;
}

std::string ProblemText(Value problem) {
  std::string detail = TextAt(problem, "/detail");
  if (detail.empty()) detail = TextAt(problem, "/title");
  std::string holder = TextAt(problem, "/id");
  if (!holder.empty() && detail.find(holder) == std::string::npos) detail += " [" + holder + "]";
  std::string field = TextAt(problem, "/field");
  return detail.empty() || field.empty() ? detail : detail + " (" + field + ")";
}

std::string ProblemText(const HttpAnswer& answer) {
  std::string text;
  if (Result<JsonTree> problem = JsonTree::Parse(answer.body); problem.ok()) text = ProblemText(problem->root());
  if (text.empty()) text = "the broker answered " + std::to_string(answer.status);
  return WithFlags(text) + CredentialHint(answer) + NamespaceHint(answer, text);
}

std::vector<std::string> MissingMembers(const HttpAnswer& answer) {
  std::vector<std::string> names;
  if (answer.body.find("\"missing\":[") == std::string::npos) return names;
  const Result<JsonTree> tree = JsonTree::Parse(answer.body);
  const std::optional<Value> missing = tree.ok() ? tree->root().At("/missing") : std::nullopt;
  if (missing && missing->kind() == JsonTree::Kind::kArray) missing->ForEach([&](Value, Value name) { names.emplace_back(name.text()); });
  return names;
}

Outcome Ask(const Context& context, const HttpCall& call) {
  Result<HttpAnswer> answer = context.client->Send(call);
  const bool unknown = !answer.ok() && call.method != "GET" && context.client->lost();
  Outcome outcome = Judge(std::move(answer));
  if (unknown && context.takes_key) Complain("it may have been taken all the same; with --idempotency-key, the same one again, a repeat is harmless");
  else if (unknown) Complain("it may have been done all the same");
  if (outcome.exit != kDone || !IsGathered(call.path)) return outcome;
  static std::set<std::string> told;  // by earlier pages
  std::string names;
  for (const std::string& name : MissingMembers(outcome.answer))
    if (told.insert(name).second) names += (names.empty() ? "" : ", ") + name;
  if (!names.empty()) Complain("no answer from " + names + ": what is known there alone is not in this");
  return outcome;
}

Outcome Judge(Result<HttpAnswer> answer) {
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

Outcome Ask(const Context& context, const std::string& method, const std::string& path, const std::string* body, int64_t wait_ms) {
  HttpCall call;
  call.method = method;
  call.path = path;
  call.body = body;
  call.wait_ms = wait_ms;
  return Ask(context, call);
}

Outcome AskUntil(const Context& context, const std::string& path, std::optional<int64_t> wait_ms, int64_t reconnect_ms,
                 const std::function<bool(Value)>& settled, bool found) {
  using std::chrono::milliseconds;
  using std::chrono::steady_clock;
  const auto started = steady_clock::now();
  const auto left = [&] {
    if (!wait_ms) return milliseconds(0);
    if (*wait_ms < 0) return milliseconds::max();
    return std::max(milliseconds(0), milliseconds(*wait_ms) - std::chrono::duration_cast<milliseconds>(steady_clock::now() - started));
  };
  Patience patience(reconnect_ms), between(kForeverMs);
  for (;;) {
    const int64_t step_ms = std::min<int64_t>(left().count(), kMostWaitMs);
    HttpCall call;
    call.method = "GET";
    call.path = step_ms > 0 ? path + "?wait_ms=" + std::to_string(step_ms) : path;
    call.wait_ms = step_ms;
    const auto asked = steady_clock::now();
    Result<HttpAnswer> answer = context.client->Send(call);
    // It was there once: what went away with the request comes back like what had answered before.
    found = found || answer.ok() || context.client->lost();
    const bool away = answer.ok() ? answer->status == 503 : found;
    if (step_ms > 0 && away && left().count() > 0 && patience.Wait(left())) continue;
    Outcome outcome = Judge(std::move(answer));
    const Result<JsonTree> tree = JsonTree::Parse(outcome.answer.body);
    if (step_ms == 0 || outcome.exit != kDone || !tree.ok() || settled(tree->root())) return outcome;
    patience.Reset();
    // One that stops lets nobody wait.
    if (steady_clock::now() - asked < milliseconds(step_ms) / 2) between.Wait(left());
    else between.Reset();
  }
}

std::string WithEtag(const HttpAnswer& answer, Value root) {
  if (answer.etag.empty() || root.kind() != JsonTree::Kind::kObject) return answer.body;
  std::string json(root.raw());
  json.pop_back();
  if (root.size() > 0) json += ',';
  std::string member;
  JsonWriter writer(&member);
  writer.BeginObject();
  writer.Key("etag");
  writer.String(answer.etag);
  writer.EndObject();
  return json + member.substr(1);
}

std::string Fields(Value object, const std::vector<std::string>& without, const std::vector<std::pair<std::string, std::string>>& more) {
  Table table;
  object.ForEach([&](Value key, Value value) {
    std::string name(key.text());
    if (value.kind() == JsonTree::Kind::kNull || std::find(without.begin(), without.end(), name) != without.end()) return;
    table.Row({name, Cell(value)});
  });
  for (const auto& [name, value] : more) table.Row({name, value});
  return table.ToString();
}

std::vector<std::string> FilterValues(const std::string& name, const std::string& value) {
  if (name != "label") return {value};
  std::vector<std::string> values;
  for (size_t from = 0; from <= value.size();) {
    const size_t to = std::min(value.find('\n', from), value.size());
    values.push_back(value.substr(from, to - from));
    from = to + 1;
  }
  return values;
}

std::string QueryOf(const std::map<std::string, std::string>& parameters) {
  std::string query;
  for (const auto& [name, joined] : parameters)
    for (const std::string& value : FilterValues(name, joined)) query += (query.empty() ? "?" : "&") + name + "=" + HttpClient::Encode(value);
  return query;
}

Pages AskPages(const Context& context, const std::string& path, std::map<std::string, std::string> parameters, uint64_t limit) {
  Pages pages;
  do {
    parameters["limit"] = std::to_string(std::min<uint64_t>(limit - pages.items.size(), kPageMost));
    Outcome outcome = Ask(context, "GET", path + QueryOf(parameters));
    pages.exit = outcome.exit;
    if (outcome.exit != kDone) return pages;
    Result<JsonTree> tree = JsonTree::Parse(outcome.answer.body);
    std::optional<Value> page = tree.ok() && tree->root().kind() == JsonTree::Kind::kObject ? tree->root().At("/items") : std::nullopt;
    if (!page || page->kind() != JsonTree::Kind::kArray) {
      Complain("the answer has no items");
      pages.exit = kRefused;
      return pages;
    }
    page->ForEach([&](Value, Value item) { pages.items.emplace_back(item.raw()); });
    std::string next = TextAt(tree->root(), "/next");
    if (!next.empty() && next == pages.next) {
      Complain("the broker answers the same cursor again");
      pages.exit = kRefused;
      return pages;
    }
    pages.next = next;
    parameters["cursor"] = next;
  } while (!pages.next.empty() && pages.items.size() < limit);
  return pages;
}

std::string QuotedTags(std::string_view text) {
  if (text == "*" || text.find('"') != std::string_view::npos) return std::string(text);
  std::string quoted;
  while (!text.empty()) {
    std::string_view tag = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), tag.size() + 1));
    while (tag.starts_with(' ')) tag.remove_prefix(1);
    while (tag.ends_with(' ')) tag.remove_suffix(1);
    bool weak = tag.starts_with("W/");
    if (weak) tag.remove_prefix(2);
    quoted.append(quoted.empty() ? "" : ", ").append(weak ? "W/\"" : "\"").append(tag).append("\"");
  }
  return quoted;
}

std::string ItemsJson(const std::vector<std::string>& items, const std::string& next) {
  std::string out;
  JsonWriter writer(&out);
  writer.BeginObject();
  writer.Key("items");
  writer.BeginArray();
  for (const std::string& item : items) writer.Raw(item);
  writer.EndArray();
  writer.Key("next");
  if (next.empty()) writer.Null();
  else writer.String(next);
  writer.EndObject();
  return out;
}

}  // namespace notifyd
