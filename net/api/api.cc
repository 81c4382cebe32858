// Endpoints: each takes a request apart, and posts one event or answers at once.
// I1: every request gets one answer, from inside OnRequest or, where an event was posted, from its reply; a token that is not in posted_ has no
//     event under way.
#include "net/api/api.h"

#include <unordered_map>

#include "base/check.h"
#include "base/json.h"
#include "base/utf8.h"
#include "net/api/fields.h"
#include "net/api/list_query.h"
#include "net/api/problem.h"
#include "net/api/render.h"
#include "net/api/router.h"
#include "net/api/stats.h"
#include "net/api/submit_parser.h"

namespace notifyd {
namespace {

constexpr size_t kMaxFkeyBytes = 255;

/// What a request is of, as far as its reply's form depends on it.
enum class Asked : uint8_t { kOther, kMetrics };

HttpResponse Json(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

HttpResponse IdAndState(int status, NotifyId id, State state) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  json.Key("id");
  json.String(id.ToString());
  json.Key("state");
  json.String(ToString(state));
  json.EndObject();
  return Json(status, std::move(body));
}

/// kUnsupportedMedia unless the body is JSON, as said or by default; kNotBuilt for NDJSON where `bulk` has it in the contract.
Status CheckContentType(const HttpRequest& request, bool bulk) {
  const std::string* coding = request.Header("Content-Encoding");
  if (coding && !coding->empty() && !EqualsIgnoringCase(*coding, "identity"))
    return Status(Code::kUnsupportedMedia, "the body must be sent without a Content-Encoding");
  const std::string* type = request.Header("Content-Type");
  if (!type || type->empty()) return Status::Ok();
  std::string essence = MediaTypeEssence(*type);
  if (essence == "application/json" || essence.empty()) return Status::Ok();
  if (bulk && essence == "application/x-ndjson") return Status(Code::kNotBuilt, "application/x-ndjson is not built yet");
  return Status(Code::kUnsupportedMedia, "the Content-Type must be application/json, not " + Quoted(essence));
}

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

}  // namespace

class Api::Impl {
 public:
  Impl(const ApiOptions& options, EventSink* sink)
      : options_(options), sink_(sink), parser_(options.max_body_bytes, options.max_batch_items), renderer_(options.secret_headers) {}

  void SetResponder(Responder responder) { responder_ = std::move(responder); }

  void OnRequest(uint64_t token, HttpRequest request) {
    Status status = Dispatch(token, request);
    if (!status.ok()) Respond(token, ProblemResponse(status));
  }

  void OnClose(uint64_t token) {
    if (posted_.erase(token) > 0) sink_->Post(Disconnected{Id(token)});
  }

  void OnReply(Reply reply) {
    auto posted = posted_.find(reply.request.token);
    if (posted == posted_.end()) return;  // the client went away
    Asked asked = posted->second;
    posted_.erase(posted);
    HttpResponse response = std::visit([&](const auto& body) { return Render(body, asked); }, reply.body);
    Respond(reply.request.token, std::move(response));
  }

 private:
  RequestId Id(uint64_t token) const { return {options_.thread, token}; }
  void Respond(uint64_t token, HttpResponse response) { responder_(token, std::move(response)); }
  /// `event` carries Id(token).
  void Post(uint64_t token, Event event, Asked asked = Asked::kOther) {
    bool added = posted_.emplace(token, asked).second;
    CHECK(added);
    sink_->Post(std::move(event));
  }

  /// Answers, posts, or fails with what is to be answered.
  Status Dispatch(uint64_t token, HttpRequest& request) {
    if (const std::string* origin = request.Header("Origin"); origin && IsForeignOrigin(*origin, request.Header("Host")))
      return Status(Code::kForbidden, "requests from another origin are refused");
    Result<Route> route = FindRoute(request.method, request.target);
    if (!route.ok()) return std::move(route).status();
    Offer offer = OfferOf(route->endpoint, route->verb);
    if (!offer.offered) {
      HttpResponse response = ProblemResponse(405, "this path takes " + std::string(offer.allow));
      response.headers.emplace_back("Allow", offer.allow);
      Respond(token, std::move(response));
      return Status::Ok();
    }
    if (!offer.built) return Status(Code::kNotBuilt, "this is not built yet");
    return Serve(token, request, *route);
  }

  Status Serve(uint64_t token, HttpRequest& request, const Route& route) {
    // Probes may put anything behind the question mark.
    if (route.endpoint == Endpoint::kHealthz) return Answer(token, Json(200, R"({"status":"ok"})"));
    if (route.endpoint == Endpoint::kReadyz) return Readyz(token);
    if (route.endpoint == Endpoint::kMetrics) {
      Post(token, StatsRequest{Id(token)}, Asked::kMetrics);
      return Status::Ok();
    }
    Result<QueryParameters> query = ParseQuery(route.query);
    if (!query.ok()) return std::move(query).status();
    for (const auto& [name, value] : *query)
      if (!IsValidUtf8(name) || !IsValidUtf8(value)) return Status(Code::kMalformed, "the query string is not UTF-8");

    if (route.endpoint == Endpoint::kNotifies && route.verb == Verb::kGet) return List(token, *query);
    if (route.endpoint == Endpoint::kNotify && route.verb == Verb::kGet) return Get(token, route.argument, *query);
    if (route.endpoint == Endpoint::kFkeyTrigger) return Trigger(token, request, route.argument, *query);
    NOTIFYD_TRY(RefuseParameters(*query));
    switch (route.endpoint) {
      case Endpoint::kNotifies:
        return Submit(token, request);
      case Endpoint::kNotify:
        return ById<CancelRequest>(token, route.argument);
      case Endpoint::kNotifyRetry:
        return ById<RetryRequest>(token, route.argument);
      case Endpoint::kFkey:
        return route.verb == Verb::kGet ? ByFkey<FkeyGetRequest>(token, route.argument) : ByFkey<FkeyCancelRequest>(token, route.argument);
      default:
        CHECK(route.endpoint == Endpoint::kStats);
        Post(token, StatsRequest{Id(token)});
        return Status::Ok();
    }
  }

  Status Answer(uint64_t token, HttpResponse response) {
    Respond(token, std::move(response));
    return Status::Ok();
  }

  Status Readyz(uint64_t token) {
    if (options_.ready && !options_.ready())
      return Status(Code::kUnavailable, "submits are not taken: the broker starts or stops, or the store refuses writes");
    return Answer(token, Json(200, R"({"status":"ready"})"));
  }

  Status Submit(uint64_t token, HttpRequest& request) {
    NOTIFYD_TRY(CheckContentType(request, true));
    Result<const std::string*> key = IdempotencyHeader(request);
    if (!key.ok()) return std::move(key).status();
    Result<ParsedSubmit> parsed = parser_.Parse(&request.body, *key);
    if (!parsed.ok()) return std::move(parsed).status();
    Post(token, SubmitRequest{Id(token), std::move(parsed->items), parsed->batch});
    return Status::Ok();
  }

  Status Trigger(uint64_t token, HttpRequest& request, const std::string& fkey, const QueryParameters& query) {
    for (const auto& [name, value] : query)
      if (name == "remember_ms") return Status(Code::kNotBuilt, "remember_ms is not built yet", "/remember_ms");
    NOTIFYD_TRY(RefuseParameters(query));
    NOTIFYD_TRY(CheckFkey(fkey));
    ParsedTrigger trigger;
    if (!request.body.empty()) {
      NOTIFYD_TRY(CheckContentType(request, false));
      Result<ParsedTrigger> parsed = parser_.ParseTrigger(&request.body);
      if (!parsed.ok()) return std::move(parsed).status();
      trigger = *std::move(parsed);
    }
    Post(token, TriggerRequest{Id(token), fkey, std::move(trigger.data), trigger.when});
    return Status::Ok();
  }

  static Status CheckFkey(const std::string& fkey) {
    bool good = !fkey.empty() && fkey.size() <= kMaxFkeyBytes && IsValidUtf8(fkey) && fkey.find('\0') == std::string::npos;
    return good ? Status::Ok() : Status(Code::kUnacceptable, "an fkey has 1 to 255 bytes of UTF-8, without NUL", "/fkey");
  }
  static Result<NotifyId> FindId(const std::string& text) {
    if (std::optional<NotifyId> id = NotifyId::Parse(text)) return *id;
    return Status(Code::kNotFound, "there is no such notify");
  }

  template <class Request>
  Status ById(uint64_t token, const std::string& text) {
    Result<NotifyId> id = FindId(text);
    if (!id.ok()) return std::move(id).status();
    Post(token, Request{Id(token), *id});
    return Status::Ok();
  }
  template <class Request>
  Status ByFkey(uint64_t token, const std::string& fkey) {
    NOTIFYD_TRY(CheckFkey(fkey));
    Post(token, Request{Id(token), fkey});
    return Status::Ok();
  }

  Status Get(uint64_t token, const std::string& text, const QueryParameters& query) {
    Result<int64_t> wait_ms = ParseWait(query);
    if (!wait_ms.ok()) return std::move(wait_ms).status();
    Result<NotifyId> id = FindId(text);
    if (!id.ok()) return std::move(id).status();
    Post(token, GetRequest{Id(token), *id, *wait_ms});
    return Status::Ok();
  }

  Status List(uint64_t token, const QueryParameters& query) {
    Result<ListQuery> list = ParseListQuery(query);
    if (!list.ok()) return std::move(list).status();
    Post(token, ListRequest{Id(token), *std::move(list)});
    return Status::Ok();
  }

  // ---- replies

  HttpResponse Render(const Refused& refused, Asked) { return ProblemResponse(refused.status, refused.holder); }

  HttpResponse Render(const Submitted& submitted, Asked) {
    std::string body;
    JsonWriter json(&body);
    if (submitted.batch) {
      body.reserve(submitted.items.size() * 160);
      json.BeginObject();
      json.Key("items");
      json.BeginArray();
      for (const SubmittedItem& item : submitted.items) Renderer::Item(item, &json);
      json.EndArray();
      json.EndObject();
      return Json(201, std::move(body));
    }
    CHECK(submitted.items.size() == 1);
    const SubmittedItem& item = submitted.items[0];
    Renderer::Item(item, &json);
    bool fresh = !item.duplicate && !item.kept;
    HttpResponse response = Json(fresh ? 201 : 200, std::move(body));
    if (fresh) response.headers.emplace_back("Location", "/v1/notifies/" + item.id.ToString());
    return response;
  }

  HttpResponse Render(const Triggered& triggered, Asked) { return IdAndState(triggered.fresh ? 202 : 200, triggered.id, triggered.state); }
  HttpResponse Render(const Retried& retried, Asked) { return IdAndState(202, retried.id, retried.state); }

  HttpResponse Render(const Viewed& viewed, Asked) {
    std::string body;
    JsonWriter json(&body);
    Status status = renderer_.Notify(viewed.view, false, &json);
    if (!status.ok()) return ProblemResponse(status);
    HttpResponse response = Json(200, std::move(body));
    response.headers.emplace_back("ETag", ETagOf(*viewed.view.record));
    return response;
  }

  HttpResponse Render(const Listed& listed, Asked) {
    std::string body;
    JsonWriter json(&body);
    json.BeginObject();
    json.Key("items");
    json.BeginArray();
    for (const NotifyView& view : listed.items) {
      Status status = renderer_.Notify(view, true, &json);
      if (!status.ok()) return ProblemResponse(status);
    }
    json.EndArray();
    json.Key("next");
    listed.next.value == 0 ? json.Null() : json.String(listed.next.ToString());
    json.EndObject();
    return Json(200, std::move(body));
  }

  HttpResponse Render(const StatsView& stats, Asked asked) {
    ApiOptions::ProcessStats process = options_.process ? options_.process() : ApiOptions::ProcessStats();
    if (asked != Asked::kMetrics) return Json(200, RenderStats(stats, process, options_.version));
    HttpResponse response = Json(200, RenderMetrics(stats, process, options_.version));
    response.content_type = kMetricsContentType;
    return response;
  }

  const ApiOptions options_;
  EventSink* const sink_;
  Responder responder_;
  SubmitParser parser_;
  Renderer renderer_;
  /// Tokens whose event is under way.
  std::unordered_map<uint64_t, Asked> posted_;
};

Api::Api(const ApiOptions& options, EventSink* sink) : impl_(std::make_unique<Impl>(options, sink)) {}
Api::~Api() = default;
void Api::SetResponder(Responder responder) {
  impl_->SetResponder(std::move(responder));
}
void Api::OnRequest(uint64_t token, HttpRequest request) {
  impl_->OnRequest(token, std::move(request));
}
void Api::OnClose(uint64_t token) {
  impl_->OnClose(token);
}
void Api::OnReply(Reply reply) {
  impl_->OnReply(std::move(reply));
}

HttpResponse Api::OnRefused(int status, std::string_view detail) {
  HttpResponse response = ProblemResponse(status, detail);
  response.close = true;
  return response;
}

}  // namespace notifyd
