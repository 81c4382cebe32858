#include "net/api/requests.h"

#include "base/media_type.h"
#include "base/utf8.h"
#include "broker/figures_events.h"
#include "broker/flow.h"
#include "broker/spec.h"
#include "net/api/body_coding.h"
#include "net/api/bulk_query.h"
#include "net/api/demand.h"
#include "net/api/fields.h"
#include "net/api/group_fields.h"
#include "net/api/group_steps.h"
#include "net/api/guard.h"
#include "net/api/json_shape.h"
#include "net/api/lane_json.h"
#include "net/api/list_of_all.h"
#include "net/api/list_query.h"
#include "net/api/request_tools.h"
#include "net/api/responses.h"
#include "net/api/steps.h"
#include "net/api/switch_json.h"
#include "net/api/topic_fields.h"
#include "net/api/trace_context.h"

namespace notifyd {
namespace {

/// Is it UTF-8, or gzip of that? ASCII is. Error: kUnsupportedMedia.
Status CheckCoding(const HttpRequest& request) {
  if (CodingOf(request) == BodyCoding::kOther) return OtherCoding();
  const std::string* type = request.Header("Content-Type");
  const std::string_view charset = type ? CharsetOf(*type) : std::string_view();
  for (std::string_view read : {"", "utf-8", "utf8", "us-ascii"})
    if (EqualsIgnoringCase(charset, read)) return Status::Ok();
  return Status(Code::kUnsupportedMedia, "the body must be in UTF-8, not " + Quoted(charset));
}

bool IsOfType(const HttpRequest& request, std::string_view essence) {
  const std::string* type = request.Header("Content-Type");
  return type && IsMediaType(*type, essence);
}

bool IsName(const std::string& text, size_t most_bytes = kMaxNameBytes) {
  return !text.empty() && text.size() <= most_bytes && IsValidUtf8(text) && text.find('\0') == std::string::npos;
}

/// Of what is no notify, and never long.
Status CheckShort(const HttpRequest& request) {
  if (request.body.size() <= kLargeJsonBytes) return Status::Ok();
  return Status(Code::kTooLarge, "such a document has at most " + std::to_string(kLargeJsonBytes) + " bytes");
}

/// "n" and 16 hex digits, or decimal; anything else names no notify. Error: kNotFound.
Result<NotifyId> IdOf(const Route& route) {
  if (std::optional<NotifyId> id = ReadId(route.argument)) return *id;
  return Status(Code::kNotFound, "there is no such notify");
}

/// The same of a group.
Result<NotifyId> GroupIdOf(const Route& route) {
  if (std::optional<NotifyId> id = ReadId(route.argument)) return *id;
  return Status(Code::kNotFound, "there is no such group");
}

Asked AskOfGroup(const Asking& asking, GroupAsk ask) {
  return Event(GroupRequest{asking.id, std::make_shared<const GroupAsk>(std::move(ask))});
}

/// The lane that the path names. Errors: kNotFound (the mode), kUnacceptable (the name), kForbidden.
Result<LaneKey> LaneOf(const Asking& asking) {
  const Route& route = asking.route;
  std::optional<Mode> mode = ParseMode(route.argument);
  if (!mode) return Status(Code::kNotFound, "there are lanes of the modes concurrent and fifo only");
  if (!IsName(route.argument2, kMaxLaneBytes)) return Status(Code::kUnacceptable, "a lane's name has 1 to 260 bytes of UTF-8, without NUL", "/name");
  if (!asking.asker.principal.MayUseLane(route.argument2))
    return Status(Code::kForbidden, "this token may not use the lane " + Quoted(route.argument2), "/name");
  return LaneKey{*mode, route.argument2};
}

Status CheckCaller(const Asking& asking) {
  if (IsName(asking.route.argument, kMaxCallerBytes) && !HasControl(asking.route.argument)) return Status::Ok();
  return Status(Code::kUnacceptable, "a caller has 1 to 100 bytes of UTF-8, without control characters", "/caller");
}

template <class Request>
Result<Asked> ById(const Asking& asking) {
  Result<NotifyId> notify = IdOf(asking.route);
  if (!notify.ok()) return std::move(notify).status();
  return Asked(Event(Request{asking.id, *notify}));
}

template <class Request>
Result<Request> ByFkey(const Asking& asking) {
  if (!IsName(asking.route.argument)) return Status(Code::kUnacceptable, "an fkey has 1 to 255 bytes of UTF-8, without NUL", "/fkey");
  if (!asking.asker.principal.MayUseFkey(asking.route.argument))
    return Status(Code::kForbidden, "this token may not use the fkey " + Quoted(asking.route.argument), "/fkey");
  Request request;
  request.request = asking.id;
  request.fkey = asking.route.argument;
  return request;
}

/// An event whose reply is the answer, or why there is none.
template <class Request>
Result<Asked> EventOf(Result<Request> request) {
  if (!request.ok()) return std::move(request).status();
  return Asked(Event(*std::move(request)));
}

/// Is the Content-Type one that the body may have? None at all is JSON. Error: kUnsupportedMedia, a Content-Encoding included.
enum class BodyType { kJson, kPatch, kSubmit };  // kPatch: or a merge patch. kSubmit: NDJSON goes elsewhere, but is named

Status CheckContentType(const HttpRequest& request, BodyType type) {
  NOTIFYD_TRY(CheckCoding(request));
  const std::string* said = request.Header("Content-Type");
  if (!said || IsMediaType(*said, "application/json")) return Status::Ok();
  const std::string essence = MediaTypeEssence(*said);
  if (essence.empty()) return Status::Ok();
  if (type == BodyType::kPatch && essence == "application/merge-patch+json") return Status::Ok();
  std::string_view others = type == BodyType::kPatch    ? " or application/merge-patch+json"
                            : type == BodyType::kSubmit ? " or application/x-ndjson"
                                                        : "";
  return Status(Code::kUnsupportedMedia, "the Content-Type must be application/json" + std::string(others) + ", not " + Quoted(essence));
}

/// kMalformed where a body is needed and there is none, else as above.
Status CheckBody(const HttpRequest& request, BodyType type) {
  NOTIFYD_TRY(CheckContentType(request, type));
  return request.body.empty() ? Status(Code::kMalformed, "the body is missing: it must be JSON") : Status::Ok();
}

/// Error: ForeignCursor's.
Status CheckCursor(const Asker& asker, NotifyId cursor) {
  return cursor.value == 0 || cursor.number() == asker.number() ? Status::Ok() : ForeignCursor();
}

/// Of a route's query, decoded. Error: kMalformed.
Result<QueryParameters> ReadQuery(const Route& route) {
  Result<QueryParameters> query = ParseQuery(route.query);
  if (!query.ok()) return query;
  for (const auto& [name, value] : *query)
    if (!IsValidUtf8(name) || !IsValidUtf8(value)) return Status(Code::kMalformed, "the query string is not UTF-8");
  return query;
}

/// A filter, but for what stands of a URL in it: that may hold a secret.
std::string FilterAsSaid(const JsonValue& filter) {
  std::string text;
  JsonWriter json(&text);
  json.BeginObject();
  for (const JsonValue& value : filter) {
    json.Key(value.key);
    value.key == "url_prefix" ? json.String(kHiddenValue) : json.Raw(value.raw);
  }
  json.EndObject();
  return text;
}

/// For the audit: the names of what stands in a change's document, or a bulk operation's filter. What it is worth is for the reader to
/// say. A subscription's filter is none of those: in it stands what events hold.
std::string SaidBy(JsonReader* reader, const RouteRow& row, const std::string& body) {
  std::string said;
  if (body.empty()) return said;
  bool is_array = false;
  Status read = reader->Read(body, 0, &is_array, [&](const JsonValue& root) {
    for (const JsonValue& value : root) {
      if (row.bulk() && value.key == "filter" && value.kind == JsonValue::Kind::kObject) return said = FilterAsSaid(value), Status::Ok();
      if (!said.empty()) said += ", ";
      said += value.key;
      if (said.size() > kMostSaidBytes) break;
    }
    return Status::Ok();
  });
  if (!read.ok()) return {};
  if (said.size() <= kMostSaidBytes) return said;
  size_t end = kMostSaidBytes;
  while (end > 0 && (static_cast<unsigned char>(said[end]) & 0xc0) == 0x80) --end;
  said.resize(end);
  return said;
}

/// What an admin changes is of a whole namespace, or of all; but for tokens, of which he hands out no more than he has.
Status CheckReach(const RouteRow& row, const Asker& asker) {
  if (!row.changes() || !row.scopes.Has(Scope::kAdmin) || row.path.starts_with("/v1/tokens")) return Status::Ok();
  return RefuseBound(asker, "what is set for a namespace, or for all of them,");
}

/// What clients send where they have no fields to send: nothing, an empty object, an empty array as PHP encodes it, null. Its type does not matter.
bool SaysNothing(std::string_view body) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t from = body.find_first_not_of(kBlanks);
  if (from == body.npos) return true;
  const std::string_view said = body.substr(from, body.find_last_not_of(kBlanks) - from + 1);
  return said == "{}" || said == "[]" || said == "null";
}

/// A body where none is read: nobody is to think that it was done. Of a call that a broker makes it may be a callback's, which asks for nothing.
/// Errors: kMalformed, kUnacceptable with the field, kTooLarge, kUnsupportedMedia.
Status RefuseFields(JsonReader* reader, const HttpRequest& request) {
  if (SaysNothing(request.body) || !ViaOf(request.headers).empty()) return Status::Ok();
  NOTIFYD_TRY(CheckDocument(request, /*patch=*/false));
  bool is_array = false;
  return reader->Read(request.body, 0, &is_array,
                      [](const JsonValue& root) { return root.begin() != root.end() ? UnknownField({}, (*root.begin()).key) : Status::Ok(); });
}

/// What it says of lanes is for those alone who may say it of them.
Result<SubmitQuery> SubmitQueryOf(const QueryParameters& parameters, const Asker& asker) {
  Result<SubmitQuery> query = ParseSubmitQuery(parameters);
  if (query.ok() && query->steps_aside && !asker.anybody() && !asker.principal.Has(Scope::kOperate))
    return Status(Code::kForbidden, "on_retry needs the scope operate", "/on_retry");
  return query;
}

}  // namespace

Result<Asked> ReadRequest(RequestId id, const Route& route, const HttpRequest& request, const std::shared_ptr<RequestTools>& tools, Asker* asker,
                          bool aside) {
  QueryParameters query;
  if (route.row->parameters != Parameters::kIgnored) {
    Result<QueryParameters> read = ReadQuery(route);
    if (!read.ok()) return std::move(read).status();
    query = *std::move(read);
    if (route.row->parameters == Parameters::kNone) NOTIFYD_TRY(RefuseParameters(query));
  }
  NOTIFYD_TRY(CheckReach(*route.row, *asker));
  HttpRequest unpacked;
  const HttpRequest* read = &request;
  if (!request.body.empty() && CodingOf(request) != BodyCoding::kNone) {
    NOTIFYD_TRY(UnpackBody(tools->options->max_request_bytes, request, &unpacked));
    read = &unpacked;
  }
  if (route.row->bodiless()) NOTIFYD_TRY(RefuseFields(&tools->json, *read));
  else if (!asker->anybody() && route.row->changes() && !route.row->scopes.Has(Scope::kSubmit))
    asker->said = SaidBy(&tools->json, *route.row, read->body);
  const Asking asking{id, route, query, read, tools, *asker, aside};
  Result<Asked> asked = route.row->read(asking);
  return asked.ok() ? Guard(asking, *std::move(asked)) : std::move(asked);
}

bool IsBulkSubmit(const HttpRequest& head, const Route& route) {
  return route.row && route.row->lines && IsOfType(head, "application/x-ndjson");
}

Result<BulkHead> ReadBulkHead(const HttpRequest& head, const Route& route, const Asker& asker) {
  NOTIFYD_TRY(CheckCoding(head));
  Result<QueryParameters> parameters = ReadQuery(route);
  if (!parameters.ok()) return std::move(parameters).status();
  BulkHead bulk;
  if (route.row->path == "/v1/notifies") {
    const Result<SubmitQuery> query = SubmitQueryOf(*parameters, asker);
    if (!query.ok()) return query.status();
    if (query->wait_ms) return Status(Code::kUnacceptable, "wait_ms goes with a single notify only", "/wait_ms");
    bulk.idempotency_window_ms = query->idempotency_window_ms;
    bulk.steps_aside = query->steps_aside;
  } else {
    NOTIFYD_TRY(RefuseParameters(*parameters));
  }
  if (route.row->path == "/v1/topics/{topic}/publish") NOTIFYD_TRY(CheckTopicName(route.argument));
  if (!head.Header("Idempotency-Key")) return bulk;
  return Status(Code::kUnacceptable, "the header Idempotency-Key goes with a single notify only; a line has idempotency_key");
}

Status CheckDestinations(const Asking& asking, const Envelope& envelope, const std::string& encoded_spec, const std::string& at) {
  const auto& check = asking.tools->options->check_destination;
  if (!check) return Status::Ok();
  Result<NotifySpec> spec = DecodeSpec(encoded_spec);
  if (!spec.ok()) return std::move(spec).status();
  auto judge = [&](const std::string& url, const char* field) {
    Status status = check(asking.asker.number(), url);
    return status.ok() ? std::move(status) : Status(status.code(), status.detail(), at + field);
  };
  // A service's instances are judged when they register, a command by its name; an event goes nowhere by itself.
  if (!spec->url.empty() && CommandOf(spec->url).empty() && ServiceOf(spec->url).empty()) NOTIFYD_TRY(judge(spec->url, "/url"));
  return envelope.callback ? judge(envelope.callback->url, "/callback_url") : Status::Ok();
}

Status CheckDocument(const HttpRequest& request, bool patch) {
  NOTIFYD_TRY(CheckBody(request, patch ? BodyType::kPatch : BodyType::kJson));
  return CheckShort(request);
}

Status CheckSubmitBody(const HttpRequest& request) {
  return CheckBody(request, BodyType::kSubmit);
}

Result<const std::string*> IdempotencyHeader(const HttpRequest& request) {
  const std::string* key = nullptr;
  for (const auto& [name, value] : request.headers) {
    if (!EqualsIgnoringCase(name, "Idempotency-Key")) continue;
    if (key) return Status(Code::kUnacceptable, "the header Idempotency-Key is given twice");
    key = &value;
  }
  return key;
}

Result<Asked> ReadSubmit(const Asking& asking) {
  const HttpRequest* request = asking.request;
  Result<SubmitQuery> query = SubmitQueryOf(asking.query, asking.asker);
  if (!query.ok()) return std::move(query).status();
  NOTIFYD_TRY(CheckSubmitBody(*request));
  Result<const std::string*> key = IdempotencyHeader(*request);
  if (!key.ok()) return std::move(key).status();
  Result<ParsedSubmit> parsed = asking.tools->submit.Parse(request->body, *key, ContextOf(request->headers), &asking.asker);
  if (!parsed.ok()) return std::move(parsed).status();
  SubmitRequest submit;
  submit.request = asking.id;
  submit.items = std::move(parsed->items);
  for (SubmitItem& item : submit.items) {
    item.idempotency_window_ms = query->idempotency_window_ms;
    item.steps_aside = query->steps_aside;
  }
  submit.batch = parsed->batch;
  if (submit.batch && query->wait_ms) return Status(Code::kUnacceptable, "wait_ms goes with a single notify only", "/wait_ms");
  const Result<AskedWait> wait = AskedWaitOf(*request, *asking.route.row, asking.query);
  if (!wait.ok()) return wait.status();
  if (submit.batch || wait->ms == 0) return Asked(Event(std::move(submit)));
  submit.wait_ms = wait->ms;
  return Asked(MakeWaitSteps(std::move(submit), *wait, asking.asker, *asking.route.row, asking.tools));
}

Result<Asked> ReadList(const Asking& asking) {
  if (AsksForAll(asking.query)) return ReadListOfAll(asking);
  Result<ListQuery> list = ParseListQuery(asking.query);
  if (!list.ok()) return std::move(list).status();
  NOTIFYD_TRY(CheckCursor(asking.asker, list->due_after ? list->due_after->id : list->below));
  NOTIFYD_TRY(CheckFilter(asking.asker, *list, ""));
  list->show_bytes = kListPageBytes;
  return Asked(Event(ListRequest{asking.id, *std::move(list)}));
}

template <BulkKind kind>
Result<Asked> ReadBulk(const Asking& asking) {
  const HttpRequest* request = asking.request;
  NOTIFYD_TRY(CheckBody(*request, BodyType::kJson));
  NOTIFYD_TRY(CheckShort(*request));
  Result<ParsedBulk> parsed = ParseBulk(&asking.tools->json, request->body);
  if (!parsed.ok()) return std::move(parsed).status();
  NOTIFYD_TRY(CheckCursor(asking.asker, parsed->query.above));
  NOTIFYD_TRY(CheckFilter(asking.asker, parsed->query, "/filter"));
  return Asked(Event(BulkRequest{asking.id, kind, std::move(parsed->query), parsed->dry_run, ContextOf(request->headers).via}));
}
template Result<Asked> ReadBulk<BulkKind::kRetry>(const Asking& asking);
template Result<Asked> ReadBulk<BulkKind::kCancel>(const Asking& asking);
template Result<Asked> ReadBulk<BulkKind::kPurge>(const Asking& asking);

Result<Asked> ReadGet(const Asking& asking) {
  Result<int64_t> wait_ms = ParseWait(asking.query);
  if (!wait_ms.ok()) return std::move(wait_ms).status();
  Result<NotifyId> notify = IdOf(asking.route);
  if (!notify.ok()) return std::move(notify).status();
  return Asked(Event(GetRequest{asking.id, *notify, *wait_ms}));
}

Result<Asked> ReadChange(const Asking& asking) {
  Result<NotifyId> notify = IdOf(asking.route);
  if (!notify.ok()) return std::move(notify).status();
  NOTIFYD_TRY(CheckBody(*asking.request, BodyType::kPatch));
  Result<std::unique_ptr<Steps>> steps = MakeChangeSteps(asking.id, *notify, *asking.request, asking.tools, asking.asker, /*heavy=*/asking.aside);
  if (!steps.ok()) return std::move(steps).status();
  return Asked(*std::move(steps));
}

/// What is done to one notify, under the request's If-Match where it has one.
Result<Asked> UnderIfMatch(const Asking& asking, NotifyId notify, ActOnBase act) {
  Result<std::optional<IfMatch>> if_match = IfMatchOf(*asking.request);
  if (!if_match.ok()) return std::move(if_match).status();
  if (!*if_match) return Asked(act(nullptr));
  return Asked(MakeMatchedSteps(asking.id, notify, **std::move(if_match), std::move(act), asking.tools, asking.asker));
}

Result<Asked> ReadCancel(const Asking& asking) {
  Result<NotifyId> notify = IdOf(asking.route);
  if (!notify.ok()) return std::move(notify).status();
  return UnderIfMatch(asking, *notify, [id = asking.id, notify = *notify](auto base) { return CancelRequest{id, notify, std::move(base)}; });
}

Result<Asked> ReadExplain(const Asking& asking) {
  return ById<ExplainRequest>(asking);
}

Result<Asked> ReadRetryOfOne(const Asking& asking) {
  Result<NotifyId> notify = IdOf(asking.route);
  if (!notify.ok()) return std::move(notify).status();
  const Result<std::string> paused = ParseWord(asking.query, "paused", {"false", "true"});
  if (!paused.ok()) return paused.status();
  std::string via = ContextOf(asking.request->headers).via;
  return UnderIfMatch(asking, *notify, [id = asking.id, notify = *notify, via, paused = *paused == "true"](auto base) -> Event {
    if (!paused) return RetryRequest{id, notify, via, std::move(base)};
    return FiguresRequest{id, std::make_shared<const FiguresAsk>(FiguresAsk{SendPausedAsk{notify, via, std::move(base)}})};
  });
}

Result<Asked> ReadGroupMaking(const Asking& asking) {
  const HttpRequest* request = asking.request;
  Result<int64_t> wait_ms = ParseWait(asking.query);
  if (!wait_ms.ok()) return std::move(wait_ms).status();
  NOTIFYD_TRY(CheckBody(*request, BodyType::kJson));
  Result<const std::string*> key = IdempotencyHeader(*request);
  if (!key.ok()) return std::move(key).status();
  Result<GroupPost> post = ReadGroup(request->body, *key, ContextOf(request->headers), asking.asker, &asking.tools->submit, &asking.tools->json);
  if (!post.ok()) return std::move(post).status();
  return AskOfGroup(asking, {*std::move(post), *wait_ms});
}

Result<Asked> ReadGroups(const Asking& asking) {
  Result<GroupList> list = ParseGroupsQuery(asking.query);
  if (!list.ok()) return std::move(list).status();
  NOTIFYD_TRY(CheckCursor(asking.asker, list->below));
  if (IsBounded(asking.asker, *asking.route.row))
    return Status(Code::kForbidden, "this token is bound to lanes or fkeys: it sees its own groups alone, by their ids");
  return AskOfGroup(asking, {*std::move(list), 0});
}

Result<Asked> ReadGroupGet(const Asking& asking) {
  Result<int64_t> wait_ms = ParseWait(asking.query);
  if (!wait_ms.ok()) return std::move(wait_ms).status();
  Result<NotifyId> group = GroupIdOf(asking.route);
  if (!group.ok()) return std::move(group).status();
  if (IsBounded(asking.asker, *asking.route.row)) return Asked(MakeGroupSteps(asking.id, *group, {GroupGet{*group}, *wait_ms}, asking));
  return AskOfGroup(asking, {GroupGet{*group}, *wait_ms});
}

Result<Asked> ReadGroupCancel(const Asking& asking) {
  Result<NotifyId> group = GroupIdOf(asking.route);
  if (!group.ok()) return std::move(group).status();
  if (IsBounded(asking.asker, *asking.route.row)) return Asked(MakeGroupSteps(asking.id, *group, {GroupCancel{*group}, 0}, asking));
  return AskOfGroup(asking, {GroupCancel{*group}, 0});
}

Result<Asked> ReadFkeyGet(const Asking& asking) {
  return EventOf(ByFkey<FkeyGetRequest>(asking));
}

Result<Asked> ReadFkeyCancel(const Asking& asking) {
  return EventOf(ByFkey<FkeyCancelRequest>(asking));
}

Result<Asked> ReadTrigger(const Asking& asking) {
  const HttpRequest* request = asking.request;
  NOTIFYD_TRY(RefuseSystem(asking.asker));  // nothing is held there, and nothing is remembered for what nobody may submit
  Result<int64_t> remember_ms = ParseRemember(asking.query);
  if (!remember_ms.ok()) return std::move(remember_ms).status();
  Result<TriggerRequest> trigger = ByFkey<TriggerRequest>(asking);
  if (!trigger.ok()) return std::move(trigger).status();
  trigger->remember_ms = *remember_ms;
  if (request->body.empty()) return EventOf(std::move(trigger));
  NOTIFYD_TRY(CheckContentType(*request, BodyType::kJson));
  Result<ParsedTrigger> parsed = asking.tools->submit.ParseTrigger(request->body);
  if (!parsed.ok()) return std::move(parsed).status();
  trigger->data = std::move(parsed->data);
  trigger->when = parsed->when;
  if (!trigger->data) return EventOf(std::move(trigger));
  return Asked(MakeTriggerSteps(*std::move(trigger), asking.tools, /*heavy=*/asking.aside));
}

Result<Asked> ReadLanes(const Asking& asking) {
  Result<LanesQuery> lanes = ParseLanesQuery(asking.query, asking.asker.number());
  if (!lanes.ok()) return std::move(lanes).status();
  if (!asking.asker.principal.MayUseLane(lanes->prefix))
    return Status(Code::kForbidden, "this token is bound to lanes: prefix must lie within them", "/prefix");
  return Asked(Event(LanesRequest{asking.id, *std::move(lanes)}));
}

Result<Asked> ReadLane(const Asking& asking) {
  Result<LaneKey> lane = LaneOf(asking);
  if (!lane.ok()) return std::move(lane).status();
  LanesRequest get;
  get.request = asking.id;
  get.query.only = *std::move(lane);
  return Asked(Event(std::move(get)));
}

Result<Asked> ReadLaneChange(const Asking& asking) {
  Result<LaneKey> lane = LaneOf(asking);
  if (!lane.ok()) return std::move(lane).status();
  NOTIFYD_TRY(CheckBody(*asking.request, BodyType::kPatch));
  NOTIFYD_TRY(CheckShort(*asking.request));
  Result<LanePatch> patch = ParseLanePatch(&asking.tools->json, asking.request->body, lane->mode);
  if (!patch.ok()) return std::move(patch).status();
  return Asked(Event(
      LaneChangeRequest{asking.id, *std::move(lane), *std::move(patch), asking.asker.anybody() ? std::string() : asking.asker.principal.name()}));
}

Result<Asked> ReadCallers(const Asking& asking) {
  Result<CallersQuery> query = ParseCallersQuery(asking.query);
  if (!query.ok()) return std::move(query).status();
  return Asked(Event(CallersRequest{asking.id, *std::move(query)}));
}

Result<Asked> ReadCaller(const Asking& asking) {
  NOTIFYD_TRY(CheckCaller(asking));
  CallersRequest get;
  get.request = asking.id;
  get.query.only = asking.route.argument;
  return Asked(Event(std::move(get)));
}

Result<Asked> ReadCallerChange(const Asking& asking) {
  NOTIFYD_TRY(RefuseBound(asking.asker, "what is said of a caller"));
  NOTIFYD_TRY(CheckCaller(asking));
  NOTIFYD_TRY(CheckBody(*asking.request, BodyType::kPatch));
  NOTIFYD_TRY(CheckShort(*asking.request));
  Result<CallerPatch> patch = ParseCallerPatch(&asking.tools->json, asking.request->body);
  if (!patch.ok()) return std::move(patch).status();
  return Asked(Event(CallerChangeRequest{asking.id, asking.route.argument, *std::move(patch)}));
}

Result<Asked> ReadHosts(const Asking& asking) {
  Result<HostsQuery> query = ParseHostsQuery(asking.query);
  if (!query.ok()) return std::move(query).status();
  return Asked(Event(HostsRequest{asking.id, *std::move(query)}));
}

Result<Asked> ReadHost(const Asking& asking) {
  Result<std::string> host = ParseHost(asking.route.argument, "/host", /*with_port=*/true);
  if (!host.ok()) return std::move(host).status();
  HostsRequest get;
  get.request = asking.id;
  get.query.only = *std::move(host);
  return Asked(Event(std::move(get)));
}

Result<Asked> ReadHostChange(const Asking& asking) {
  NOTIFYD_TRY(RefuseBound(asking.asker, "what is said of a host"));
  Result<std::string> host = ParseHost(asking.route.argument, "/host", /*with_port=*/true);
  if (!host.ok()) return std::move(host).status();
  NOTIFYD_TRY(CheckBody(*asking.request, BodyType::kPatch));
  NOTIFYD_TRY(CheckShort(*asking.request));
  Result<HostPatch> patch = ParseHostPatch(&asking.tools->json, asking.request->body);
  if (!patch.ok()) return std::move(patch).status();
  return Asked(Event(HostChangeRequest{asking.id, *std::move(host), *std::move(patch)}));
}

Result<Asked> ReadHostProbe(const Asking& asking) {
  NOTIFYD_TRY(RefuseBound(asking.asker, "what is said of a host"));
  Result<std::string> host = ParseHost(asking.route.argument, "/host", /*with_port=*/true);
  if (!host.ok()) return std::move(host).status();
  return Asked(Event(HostChangeRequest{asking.id, *std::move(host), {}, /*probe=*/true}));
}

Result<Asked> ReadStats(const Asking& asking) {
  NOTIFYD_TRY(CheckAllNamespaces(asking.query));
  if (!asking.query.empty()) return ReadStatsOfAll(asking);
  return Asked(Event(StatsRequest{asking.id}));
}

Result<Asked> ReadMetrics(const Asking& asking) {
  return Asked(MakeMetricsSteps(asking.id, asking.tools, asking.asker.table));
}

Result<Asked> ReadHealthz(const Asking&) {
  return Asked(JsonResponse(200, R"({"status":"ok"})"));
}

Result<Asked> ReadReadyz(const Asking& asking) {
  const ApiOptions& options = *asking.tools->options;
  if (options.ready && !options.ready())
    return Status(Code::kUnavailable, "submits are not taken: the broker starts or stops, or the store refuses writes");
  return Asked(JsonResponse(200, R"({"status":"ready"})"));
}

}  // namespace notifyd
