// What members say to each other in the heads of requests that are passed on, and of their answers; and what of a request says where it may go, and
// how often. See passing.h.
#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/ascii.h"
#include "base/json_tree.h"
#include "net/api/passing.h"
#include "net/api/stranded.h"
#include "net/http_response.h"

namespace notifyd {
namespace {

/// What is of the connection alone, what frames the body, and what only members may say.
bool IsLeftOut(std::string_view name) {
  constexpr std::string_view kNames[] = {
      "Connection",     "Keep-Alive",        "Proxy-Connection", "TE",           "Trailer",      "Upgrade",    "Expect",
      "Content-Length", "Transfer-Encoding", kPassedOnHeader,    kNotHereHeader, kWaitsOnHeader, kMemberHeader};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](std::string_view each) { return EqualsIgnoringCase(name, each); });
}

}  // namespace

Subject Subject::Of(const RouteRow& row, NamespaceNumber number, bool lines) {
  return {.number = number,
          .registry = row.of_registry(),
          .lines = lines,
          .trigger = row.triggers(),
          .takes_key = row.takes_key(),
          .hurries = row.verb == Verb::kGet && row.path == "/v1/notifies/{id}"};
}

bool BearsKeys(std::string_view body) {
  Result<JsonTree> tree = JsonTree::Parse(body);
  if (!tree.ok()) return false;
  const auto bears = [](const JsonTree::Value& item) {
    const std::optional<JsonTree::Value> key = item.At("/idempotency_key");
    return key && key->kind() == JsonTree::Kind::kString && !key->text().empty();
  };
  const JsonTree::Value root = tree->root();
  if (root.kind() != JsonTree::Kind::kArray) return bears(root);
  bool all = root.size() > 0;
  root.ForEach([&](const JsonTree::Value&, const JsonTree::Value& item) { all = all && bears(item); });
  return all;
}

std::string PassedOnHead(const HttpRequest& request, const PassedProgress& progress, const MeantMember& to) {
  std::string head = request.method + " ";
  head.append(request.target).append(" HTTP/1.1\r\n");
  for (const auto& [name, value] : request.headers)
    if (!IsLeftOut(name)) head.append(name).append(": ").append(value).append("\r\n");
  // HTTP/1.0 may do without.
  if (request.Header("Host") == nullptr) head += "Host: localhost\r\n";
  static const Peer kNobody{};
  head.append(progress.carried_out ? kWaitsOnHeader : kPassedOnHeader).append(": ");
  return head.append(EncodePeer(request.peer ? *request.peer : kNobody, progress, to)).append("\r\n");
}

HttpResponse NotHereResponse() {
  HttpResponse response = ProblemResponse(Status(Code::kUnavailable, "another broker passed this request on, and it is not served here"));
  response.headers.emplace_back(kNotHereHeader, "1");
  return response;
}

HttpResponse OutcomeUnknown() {
  return ProblemResponse(504, "the connection to the broker that serves this broke before its answer: the request may have been carried out, or not");
}

HttpResponse AnswerInDoubt(HttpResponse answer) {
  // Of these each is said of what the request is, or by whoever would know of the first time.
  constexpr int kSettled[] = {400, 405, 409, 413, 415, 422};
  const bool known = answer.status < 300 || std::find(std::begin(kSettled), std::end(kSettled), answer.status) != std::end(kSettled);
  return known ? std::move(answer) : OutcomeUnknown();
}

std::optional<HttpResponse> StrandedResponse(const Place& place) {
  if (place.kind != Place::Kind::kMoving || place.member.empty()) return std::nullopt;
  return ProblemResponse(Status(Code::kUnavailable, "the cell of the namespace is not reached"));
}

std::string NotHereFarewell() {
  const HttpResponse response = NotHereResponse();
  std::string bytes;
  AppendResponseHead(response, HttpFraming::kLength, /*close=*/true, /*keep_alive=*/false, &bytes);
  return bytes + response.body;
}

std::optional<CarriedOut> TakeCarriedOut(HttpResponse* head) {
  std::optional<CarriedOut> carried_out;
  std::erase_if(head->headers, [&](const auto& header) {
    if (!EqualsIgnoringCase(header.first, kWaitsOnHeader)) return false;
    carried_out = DecodeCarriedOut(header.second);
    return true;
  });
  return carried_out;
}

}  // namespace notifyd
