// What clients send to any endpoint: its path, what stands behind the question mark, headers and body. Any request is refused with a problem that is
// JSON, or read; and read once more it comes to the same.
// Input: who asks (1 byte), then a line with method and target, headers, a line each, an empty line, the body.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/json_tree.h"
#include "broker/spec.h"
#include "net/api/problem.h"
#include "net/api/request_tools.h"
#include "net/api/requests.h"
#include "net/api/router.h"
#include "net/api/routes.h"
#include "net/api/steps.h"
#include "net/api/topic_fields.h"

using namespace notifyd;

namespace {

std::string_view TakeUntil(char end, std::string_view* text) {
  const size_t at = std::min(text->find(end), text->size());
  const std::string_view part = text->substr(0, at);
  text->remove_prefix(std::min(at + 1, text->size()));
  return part;
}

/// A request as the parser of HTTP lets one through: nothing where it would not.
bool Take(std::string_view text, HttpRequest* request) {
  std::string_view line = TakeUntil('\n', &text);
  request->method = TakeUntil(' ', &line);
  request->target = line;
  const auto bad = [](char c) { return static_cast<uint8_t>(c) <= 0x20 || static_cast<uint8_t>(c) >= 0x7f || c == '#'; };
  if (line.empty() || std::any_of(line.begin(), line.end(), bad)) return false;
  for (line = TakeUntil('\n', &text); !line.empty(); line = TakeUntil('\n', &text)) {
    const std::string_view name = TakeUntil(':', &line);
    if (std::any_of(line.begin(), line.end(), [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; })) return false;
    request->headers.emplace_back(name, line);
  }
  request->body.reserve(text.size() + HttpRequest::kPaddingBytes);
  request->body = text;
  return true;
}

/// One that has a namespace of its own, with rules.
std::shared_ptr<const NamespaceRow> Space() {
  auto row = std::make_shared<NamespaceRow>();
  row->name = "default";
  row->number = kDefaultNumber;
  row->settings.timeout_ms = 5'000;
  row->settings.lane_rules.emplace_back();
  return row;
}

Principal Who(uint8_t choice) {
  if (choice % 3 == 0) return Principal::Anybody();
  auto token = std::make_shared<TokenRow>();
  token->id = "abcdefgh1234";
  token->grant = Grant::Everything();
  if (choice % 3 == 2) {
    token->grant.namespaces = NamespaceSet::Of({"default"});
    token->grant.caller = "shop";
    token->grant.lanes = token->grant.fkeys = token->grant.services = {"o"};
    token->grant.submits_per_s = 5;
  }
  return Principal(token, token->secret, std::nullopt);
}

const ApiOptions& Options() {
  static const ApiOptions options = [] {
    ApiOptions made;
    made.max_body_bytes = 1 << 16;
    made.max_request_bytes = 1 << 17;
    made.max_batch_items = 100;
    made.wall = [] { return WallTime{1'800'000'000'000}; };
    return made;
  }();
  return options;
}

/// What a client is told of a refusal.
void CheckProblem(const Status& status) {
  const HttpResponse problem = ProblemResponse(status);
  CHECK(problem.status >= 400 && problem.status < 600);
  CHECK(JsonTree::Parse(problem.body).ok());
}

void CheckRead(const Asked& asked) {
  if (const auto* answer = std::get_if<HttpResponse>(&asked)) CHECK(answer->status >= 100 && answer->status < 600);
  const auto* event = std::get_if<Event>(&asked);
  const auto* submit = event ? std::get_if<SubmitRequest>(event) : nullptr;
  if (!submit) return;
  CHECK(!submit->items.empty());
  for (const SubmitItem& item : submit->items) CHECK(item.envelope && DecodeSpec(*item.spec).ok());
}

/// A line of a bulk submit.
void ReadLine(const Route& route, const HttpRequest& request, const Asker& asker, RequestTools* tools) {
  const Result<BulkHead> head = ReadBulkHead(request, route, asker);
  if (!head.ok()) return CheckProblem(head.status());
  const std::string_view line = std::string_view(request.body).substr(0, request.body.find('\n'));
  if (route.row->path == "/v1/notifies") {
    const Result<SubmitItem> item = tools->submit.ParseLine(line, request.body.size(), {}, &asker);
    if (!item.ok()) CheckProblem(item.status());
    return;
  }
  const std::string* topic = route.row->path == "/v1/publish" ? nullptr : &route.argument;
  const Result<EventItem> item = ParseEventLine(&tools->submit, topic, line, request.body.size(), {}, asker);
  if (!item.ok()) CheckProblem(item.status());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto tools = std::make_shared<RequestTools>(&Options(), SecretNames());
  static const auto space = Space();
  static const auto table = std::make_shared<const AccessTable>();
  if (size < 1) return 0;
  HttpRequest request;
  if (!Take(std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1), &request)) return 0;
  const Result<Route> route = FindRoute(request.method, request.target);
  if (!route.ok()) {
    CheckProblem(route.status());
    return 0;
  }
  if (!route->row) return 0;
  Asker asker{.principal = Who(data[0]), .space = space, .table = table, .from = "127.0.0.1", .said = {}}, again_asker = asker;
  if (IsBulkSubmit(request, *route)) {
    ReadLine(*route, request, asker, tools.get());
    return 0;
  }
  const HttpRequest again = request;  // with less behind its body
  const Result<Asked> asked = ReadRequest({0, 7}, *route, request, tools, &asker, /*aside=*/false);
  if (asked.ok()) CheckRead(*asked);
  else CheckProblem(asked.status());
  const Result<Asked> twice = ReadRequest({0, 7}, *route, again, tools, &again_asker, /*aside=*/false);
  CHECK(asked.ok() == twice.ok() && asker.said == again_asker.said);
  if (asked.ok()) CHECK(asked->index() == twice->index());
  else CHECK(asked.status().code() == twice.status().code() && asked.status().field() == twice.status().field());
  return 0;
}
