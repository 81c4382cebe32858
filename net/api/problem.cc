#include "net/api/problem.h"

#include "base/check.h"
#include "base/json.h"

namespace notifyd {
namespace {

struct ProblemKind {
  Code code;  // kOk: only HTTP knows it
  int status;
  const char* word;   // stable: the end of `type`
  const char* title;  // the same for every problem of a kind
};

constexpr ProblemKind kKinds[] = {
    {Code::kMalformed, 400, "malformed", "Malformed request"},
    {Code::kOk, 401, "unauthorized", "Credential needed"},
    {Code::kForbidden, 403, "forbidden", "Forbidden"},
    {Code::kNotFound, 404, "not-found", "Not found"},
    {Code::kOk, 405, "method-not-allowed", "Method not allowed"},
    {Code::kOk, 408, "too-slow", "The request took too long"},
    {Code::kConflict, 409, "conflict", "The present state forbids it"},
    {Code::kOk, 412, "precondition-failed", "Precondition failed"},
    {Code::kTooLarge, 413, "too-large", "Too large"},
    {Code::kOk, 414, "target-too-long", "Request target too long"},
    {Code::kUnsupportedMedia, 415, "unsupported-media-type", "Unsupported media type"},
    {Code::kOk, 417, "expectation", "Expectation cannot be met"},
    {Code::kOk, 421, "misdirected", "Misdirected request"},
    {Code::kUnacceptable, 422, "unacceptable", "Content not acceptable"},
    {Code::kTooMany, 429, "too-many", "Too many"},
    {Code::kOk, 431, "head-too-large", "Request head too large"},
    {Code::kIo, 500, "internal", "Internal error"},
    {Code::kNotImplemented, 501, "not-implemented", "Not implemented"},
    {Code::kUnavailable, 503, "unavailable", "Not available at present"},
    {Code::kOutcomeUnknown, 504, "outcome-unknown", "Outcome unknown"},
    {Code::kOk, 505, "http-version", "HTTP version not supported"},
    {Code::kDiskFull, 507, "disk-full", "Disk full"},
    {Code::kLoop, 508, "loop", "Loop detected"},
};

// Not by the status alone: a client goes on by itself after these.
constexpr ProblemKind kStopping = {Code::kOk, 503, "stopping", "The broker stops"};
constexpr ProblemKind kRestarting = {Code::kOk, 503, "restarting", "The broker restarts"};

ProblemKind KindOf(int status) {
  for (const ProblemKind& kind : kKinds)
    if (kind.status == status) return kind;
  return {Code::kOk, status, "other", "Refused"};
}

struct Members {
  std::string_view field = {};
  NotifyId holder = {};
  std::optional<uint64_t> next_index = {};
  int64_t retry_after_ms = 1000;
};

HttpResponse Build(const ProblemKind& kind, std::string_view detail, const Members& members) {
  HttpResponse response;
  response.status = kind.status;
  response.content_type = "application/problem+json";
  if (kind.status == 429 || kind.status == 503) response.headers.emplace_back("Retry-After", std::to_string((members.retry_after_ms + 999) / 1000));
  JsonWriter json(&response.body);
  json.BeginObject();
  json.Key("type");
  json.String(std::string("urn:notifyd:problem:") + kind.word);
  json.Key("title");
  json.String(kind.title);
  json.Key("status");
  json.Int(kind.status);
  json.Key("detail");
  json.String(detail);
  if (!members.field.empty()) {
    json.Key("field");
    json.String(members.field);
  }
  if (members.holder.value != 0) {
    json.Key("id");
    json.String(members.holder.ToString());
  }
  if (members.next_index) {
    json.Key("next_index");
    json.Uint(*members.next_index);
  }
  json.EndObject();
  return response;
}

}  // namespace

int HttpStatusOf(Code code) {
  CHECK(code != Code::kOk);
  for (const ProblemKind& kind : kKinds)
    if (kind.code == code) return kind.status;
  return 500;  // what was found corrupt
}

HttpResponse ProblemResponse(const Status& status, NotifyId holder, int64_t retry_after_ms) {
  return Build(KindOf(HttpStatusOf(status.code())), status.detail(), {.field = status.field(), .holder = holder, .retry_after_ms = retry_after_ms});
}

HttpResponse ProblemResponse(int http_status, std::string_view detail, std::optional<uint64_t> next_index) {
  return Build(KindOf(http_status), detail, {.next_index = next_index});
}

HttpResponse LeavingResponse(Leaving why, std::optional<uint64_t> next_index) {
  bool restarting = why == Leaving::kRestarting;
  std::string detail = restarting ? "the broker restarts; " : "the broker is stopping; ";
  detail += next_index ? "lines from index " + std::to_string(*next_index) + " on were not taken" : std::string("nothing was taken");
  if (restarting) detail += ": send them again";
  return Build(restarting ? kRestarting : kStopping, detail, {.next_index = next_index});
}

}  // namespace notifyd
