#include "net/api/requests.h"

#include "base/utf8.h"
#include "net/api/bulk_query.h"
#include "net/api/demand.h"
#include "net/api/fields.h"
#include "net/api/json_shape.h"
#include "net/api/lane_json.h"
#include "net/api/list_query.h"
#include "net/api/trace_context.h"

namespace notifyd {
namespace {

/// The one header Idempotency-Key, null where there is none.
Result<const std::string*> IdempotencyHeader(const HttpRequest& request) {
  const std::string* key = nullptr;
  for (const auto& [name, value] : request.headers) {
    if (!EqualsIgnoringCase(name, "Idempotency-Key")) continue;
    if (key) return Status(Code::kUnacceptable, "the header Idempotency-Key is given twice");
    key = &value;
  }
  return key;
}

Status CheckCoding(const HttpRequest& request) {
  const std::string* coding = request.Header("Content-Encoding");
  if (!coding || coding->empty() || EqualsIgnoringCase(*coding, "identity")) return Status::Ok();
  return Status(Code::kUnsupportedMedia, "the body must be sent without a Content-Encoding");
}

std::string EssenceOf(const HttpRequest& request) {
  const std::string* type = request.Header("Content-Type");
  return type ? MediaTypeEssence(*type) : std::string();
}

bool IsName(const std::string& text) {
  return !text.empty() && text.size() <= kMaxNameBytes && IsValidUtf8(text) && text.find('\0') == std::string::npos;
}

/// Of what is no notify, and never long.
Status CheckShort(const HttpRequest& request) {
  if (request.body.size() <= kLargeJsonBytes) return Status::Ok();
  return Status(Code::kTooLarge, "such a document has at most " + std::to_string(kLargeJsonBytes) + " bytes");
}

template <class Request>
Result<Event> ById(RequestId id, const std::string& text) {
  Result<NotifyId> notify = FindId(text);
  if (!notify.ok()) return std::move(notify).status();
  return Event(Request{id, *notify});
}

template <class Request>
Result<Event> ByFkey(RequestId id, const std::string& fkey) {
  if (!IsName(fkey)) return Status(Code::kUnacceptable, "an fkey has 1 to 255 bytes of UTF-8, without NUL", "/fkey");
  Request request;
  request.request = id;
  request.fkey = fkey;
  return Event(std::move(request));
}

Result<Event> Retry(RequestId id, const std::string& text, const HttpRequest& request) {
  Result<NotifyId> notify = FindId(text);
  if (!notify.ok()) return std::move(notify).status();
  return Event(RetryRequest{id, *notify, ContextOf(request.headers).via});
}

Result<Event> Get(RequestId id, const std::string& text, const QueryParameters& query) {
  Result<int64_t> wait_ms = ParseWait(query);
  if (!wait_ms.ok()) return std::move(wait_ms).status();
  Result<NotifyId> notify = FindId(text);
  if (!notify.ok()) return std::move(notify).status();
  return Event(GetRequest{id, *notify, *wait_ms});
}

Result<Event> List(RequestId id, const QueryParameters& query) {
  Result<ListQuery> list = ParseListQuery(query);
  if (!list.ok()) return std::move(list).status();
  list->show_bytes = kListBytes;
  return Event(ListRequest{id, *std::move(list)});
}

Result<Event> Lanes(RequestId id, const QueryParameters& query) {
  Result<LanesQuery> lanes = ParseLanesQuery(query);
  if (!lanes.ok()) return std::move(lanes).status();
  return Event(LanesRequest{id, *std::move(lanes)});
}

}  // namespace

Result<NotifyId> FindId(const std::string& text) {
  if (std::optional<NotifyId> id = NotifyId::Parse(text)) return *id;
  return Status(Code::kNotFound, "there is no such notify");
}

Result<LaneKey> FindLane(const Route& route) {
  std::optional<Mode> mode = ParseMode(route.argument);
  if (!mode) return Status(Code::kNotFound, "there are lanes of the modes concurrent and fifo only");
  if (!IsName(route.argument2)) return Status(Code::kUnacceptable, "a lane's name has 1 to 255 bytes of UTF-8, without NUL", "/name");
  return LaneKey{*mode, route.argument2};
}

Status CheckContentType(const HttpRequest& request, BodyType type) {
  NOTIFYD_TRY(CheckCoding(request));
  std::string essence = EssenceOf(request);
  if (essence == "application/json" || essence.empty()) return Status::Ok();
  if (type == BodyType::kPatch && essence == "application/merge-patch+json") return Status::Ok();
  std::string_view others = type == BodyType::kPatch    ? " or application/merge-patch+json"
                            : type == BodyType::kSubmit ? " or application/x-ndjson"
                                                        : "";
  return Status(Code::kUnsupportedMedia, "the Content-Type must be application/json" + std::string(others) + ", not " + Quoted(essence));
}

Status CheckBody(const HttpRequest& request, BodyType type) {
  NOTIFYD_TRY(CheckContentType(request, type));
  return request.body.empty() ? Status(Code::kMalformed, "the body is missing: it must be JSON") : Status::Ok();
}

bool IsNdjson(const HttpRequest& request) {
  return EssenceOf(request) == "application/x-ndjson";
}

Status CheckBulkHead(const HttpRequest& request, const Route& route) {
  NOTIFYD_TRY(CheckCoding(request));
  NOTIFYD_TRY(CheckNoParameters(route));
  if (!request.Header("Idempotency-Key")) return Status::Ok();
  return Status(Code::kUnacceptable, "the header Idempotency-Key goes with a single notify only; a line has idempotency_key");
}

Result<QueryParameters> ReadQuery(const Route& route) {
  Result<QueryParameters> query = ParseQuery(route.query);
  if (!query.ok()) return query;
  for (const auto& [name, value] : *query)
    if (!IsValidUtf8(name) || !IsValidUtf8(value)) return Status(Code::kMalformed, "the query string is not UTF-8");
  return query;
}

Status CheckNoParameters(const Route& route) {
  Result<QueryParameters> query = ReadQuery(route);
  return query.ok() ? RefuseParameters(*query) : std::move(query).status();
}

Result<Event> RequestReader::Read(RequestId id, const Route& route, HttpRequest* request) {
  Result<QueryParameters> query = ReadQuery(route);
  if (!query.ok()) return std::move(query).status();
  bool get = route.verb == Verb::kGet;
  if (route.endpoint == Endpoint::kNotifies && get) return List(id, *query);
  if (route.endpoint == Endpoint::kNotify && get) return Get(id, route.argument, *query);
  if (route.endpoint == Endpoint::kLanes) return Lanes(id, *query);
  if (route.endpoint == Endpoint::kFkeyTrigger) return Trigger(id, route.argument, *query, request);
  NOTIFYD_TRY(RefuseParameters(*query));
  switch (route.endpoint) {
    case Endpoint::kNotifies:
      return Submit(id, request);
    case Endpoint::kNotify:
      return ById<CancelRequest>(id, route.argument);
    case Endpoint::kExplain:
      return ById<ExplainRequest>(id, route.argument);
    case Endpoint::kNotifyRetry:
      return Retry(id, route.argument, *request);
    case Endpoint::kBulkRetry:
      return Bulk(id, BulkKind::kRetry, request);
    case Endpoint::kBulkCancel:
      return Bulk(id, BulkKind::kCancel, request);
    case Endpoint::kBulkPurge:
      return Bulk(id, BulkKind::kPurge, request);
    case Endpoint::kFkey:
      return get ? ByFkey<FkeyGetRequest>(id, route.argument) : ByFkey<FkeyCancelRequest>(id, route.argument);
    case Endpoint::kLane:
      return Lane(id, route, request);
    default:
      CHECK(route.endpoint == Endpoint::kStats);
      return Event(StatsRequest{id});
  }
}

Result<Event> RequestReader::Submit(RequestId id, HttpRequest* request) {
  NOTIFYD_TRY(CheckBody(*request, BodyType::kSubmit));
  Result<const std::string*> key = IdempotencyHeader(*request);
  if (!key.ok()) return std::move(key).status();
  Result<ParsedSubmit> parsed = parser_->Parse(&request->body, *key, ContextOf(request->headers));
  if (!parsed.ok()) return std::move(parsed).status();
  SubmitRequest submit;
  submit.request = id;
  submit.items = std::move(parsed->items);
  submit.batch = parsed->batch;
  return Event(std::move(submit));
}

Result<Event> RequestReader::Trigger(RequestId id, const std::string& fkey, const QueryParameters& query, HttpRequest* request) {
  Result<int64_t> remember_ms = ParseRemember(query);
  if (!remember_ms.ok()) return std::move(remember_ms).status();
  Result<Event> event = ByFkey<TriggerRequest>(id, fkey);
  if (!event.ok()) return event;
  TriggerRequest& trigger = std::get<TriggerRequest>(*event);
  trigger.remember_ms = *remember_ms;
  if (request->body.empty()) return event;
  NOTIFYD_TRY(CheckContentType(*request, BodyType::kJson));
  Result<ParsedTrigger> parsed = parser_->ParseTrigger(&request->body);
  if (!parsed.ok()) return std::move(parsed).status();
  trigger.data = std::move(parsed->data);
  trigger.when = parsed->when;
  return event;
}

Result<Event> RequestReader::Bulk(RequestId id, BulkKind kind, HttpRequest* request) {
  NOTIFYD_TRY(CheckBody(*request, BodyType::kJson));
  NOTIFYD_TRY(CheckShort(*request));
  Result<ParsedBulk> parsed = ParseBulk(&reader_, &request->body);
  if (!parsed.ok()) return std::move(parsed).status();
  return Event(BulkRequest{id, kind, std::move(parsed->query), parsed->dry_run, ContextOf(request->headers).via});
}

Result<Event> RequestReader::Lane(RequestId id, const Route& route, HttpRequest* request) {
  Result<LaneKey> lane = FindLane(route);
  if (!lane.ok()) return std::move(lane).status();
  if (route.verb == Verb::kGet) {
    LanesRequest get;
    get.request = id;
    get.query.only = *std::move(lane);
    return Event(std::move(get));
  }
  NOTIFYD_TRY(CheckBody(*request, BodyType::kPatch));
  NOTIFYD_TRY(CheckShort(*request));
  Result<LanePatch> patch = ParseLanePatch(&reader_, &request->body, lane->mode);
  if (!patch.ok()) return std::move(patch).status();
  return Event(LaneChangeRequest{id, *std::move(lane), *std::move(patch)});
}

}  // namespace notifyd
