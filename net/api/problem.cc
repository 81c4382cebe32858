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
    {422, "unacceptable", "Content not acceptable"},
    {429, "too-many", "Too many"},
    {431, "head-too-large", "Request head too large"},
    {500, "internal", "Internal error"},
    {501, "not-implemented", "Not implemented"},
    {503, "unavailable", "Not available at present"},
    {505, "http-version", "HTTP version not supported"},
    {507, "disk-full", "Disk full"},
};

Kind KindOf(int status) {
  for (const Kind& kind : kKinds)
    if (kind.status == status) return kind;
  return {status, "other", "Refused"};
}

HttpResponse Build(int http_status, std::string_view detail, std::string_view field, NotifyId holder) {
  Kind kind = KindOf(http_status);
  HttpResponse response;
  response.status = http_status;
  response.content_type = "application/problem+json";
  if (http_status == 429 || http_status == 503) response.headers.emplace_back("Retry-After", "1");
  JsonWriter json(&response.body);
  json.BeginObject();
  json.Key("type");
  json.String(std::string("urn:notifyd:problem:") + kind.word);
  json.Key("title");
  json.String(kind.title);
  json.Key("status");
  json.Int(http_status);
  json.Key("detail");
  json.String(detail);
  if (!field.empty()) {
    json.Key("field");
    json.String(field);
  }
  if (holder.value != 0) {
    json.Key("id");
    json.String(holder.ToString());
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
    case Code::kCorrupt:
    case Code::kIo:
      return 500;
  }
  CHECK(code != Code::kOk);
  return 500;
}

HttpResponse ProblemResponse(const Status& status, NotifyId holder) {
  return Build(HttpStatusOf(status.code()), status.detail(), status.field(), holder);
}

HttpResponse ProblemResponse(int http_status, std::string_view detail) {
  return Build(http_status, detail, {}, {});
}

}  // namespace notifyd
