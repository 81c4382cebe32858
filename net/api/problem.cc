#include "net/api/problem.h"

#include "base/check.h"
#include "base/json.h"

namespace notifyd {
namespace {

struct Kind {
  int status;
  const char* word;   // stable: the end of `type`
  const char* title;  // the same for every problem of a kind
};

constexpr Kind kKinds[] = {
    {400, "malformed", "Malformed request"},
    {403, "forbidden", "Forbidden"},
    {404, "not-found", "Not found"},
    {405, "method-not-allowed", "Method not allowed"},
    {408, "too-slow", "The request took too long"},
    {409, "conflict", "The present state forbids it"},
    {412, "precondition-failed", "Precondition failed"},
    {413, "too-large", "Too large"},
    {414, "target-too-long", "Request target too long"},
    {415, "unsupported-media-type", "Unsupported media type"},
    {417, "expectation", "Expectation cannot be met"},
    {421, "misdirected", "Misdirected request"},
    {422, "unacceptable", "Content not acceptable"},
    {429, "too-many", "Too many"},
    {431, "head-too-large", "Request head too large"},
    {500, "internal", "Internal error"},
    {501, "not-implemented", "Not implemented"},
    {503, "unavailable", "Not available at present"},
    {505, "http-version", "HTTP version not supported"},
    {507, "disk-full", "Disk full"},
    {508, "loop", "Loop detected"},
};

// Not by the status alone: a client goes on by itself after these.
constexpr Kind kStopping = {503, "stopping", "The broker stops"};
constexpr Kind kRestarting = {503, "restarting", "The broker restarts"};

Kind KindOf(int status) {
  for (const Kind& kind : kKinds)
    if (kind.status == status) return kind;
  return {status, "other", "Refused"};
}

struct Members {
  std::string_view field = {};
  NotifyId holder = {};
  std::optional<uint64_t> next_index = {};
};

HttpResponse Build(const Kind& kind, std::string_view detail, const Members& members) {
  HttpResponse response;
  response.status = kind.status;
  response.content_type = "application/problem+json";
  if (kind.status == 429 || kind.status == 503) response.headers.emplace_back("Retry-After", "1");
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
  switch (code) {
    case Code::kOk:
      break;
    case Code::kMalformed:
      return 400;
    case Code::kForbidden:
      return 403;
    case Code::kNotFound:
      return 404;
    case Code::kConflict:
      return 409;
    case Code::kTooLarge:
      return 413;
    case Code::kUnsupportedMedia:
      return 415;
    case Code::kUnacceptable:
      return 422;
    case Code::kTooMany:
      return 429;
    case Code::kNotBuilt:
      return 501;
    case Code::kUnavailable:
      return 503;
    case Code::kDiskFull:
      return 507;
    case Code::kLoop:
      return 508;
    case Code::kCorrupt:
    case Code::kIo:
      return 500;
  }
  CHECK(code != Code::kOk);
  return 500;
}

HttpResponse ProblemResponse(const Status& status, NotifyId holder) {
  return Build(KindOf(HttpStatusOf(status.code())), status.detail(), {.field = status.field(), .holder = holder});
}

HttpResponse ProblemResponse(int http_status, std::string_view detail) {
  return Build(KindOf(http_status), detail, {});
}

HttpResponse LeavingResponse(Leaving why, std::optional<uint64_t> next_index) {
  bool restarting = why == Leaving::kRestarting;
  std::string detail = restarting ? "the broker restarts; " : "the broker is stopping; ";
  detail += next_index ? "lines from index " + std::to_string(*next_index) + " on were not taken" : std::string("nothing was taken");
  if (restarting) detail += ": send them again";
  return Build(restarting ? kRestarting : kStopping, detail, {.next_index = next_index});
}

}  // namespace notifyd
