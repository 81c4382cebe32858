// Api: tokens, and what each of them waits for. What requests say is in requests.h, what replies look like in replies.h.
// I1: every request gets one answer, from inside OnRequest or from a reply, but for a bulk submit whose body broke. A token in posted_ has one
//     event under way; a token in streams_ has one where its `under_way` is set; any other token has none.
// I2: once a client is gone its token is in neither: replies to it are dropped, and nothing further is posted for it but Disconnected.
#include "net/api/api.h"

#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clocks.h"
#include "net/access/content_digest.h"
#include "net/api/access.h"
#include "net/api/demand.h"
#include "net/api/failed_attempts.h"
#include "net/api/fields.h"
#include "net/api/guard.h"
#include "net/api/json_shape.h"
#include "net/api/ndjson.h"
#include "net/api/problem.h"
#include "net/api/request_tools.h"
#include "net/api/requests.h"
#include "net/api/router.h"
#include "net/api/steps.h"
#include "net/api/submit_parser.h"
#include "net/api/trace_context.h"

namespace notifyd {
namespace {

constexpr const char* kNdjson = "application/x-ndjson";
constexpr const char* kPatchTypes = "application/merge-patch+json, application/json";
/// Each may have 16 MiB of lines in memory (one of the longest, what is gathered, what is under way), which the server does not count: together
/// as much as it buffers in all.
constexpr size_t kMaxBulkSubmits = 16;
/// One that was idle for so long gives way to another where all are taken.
constexpr int64_t kGiveWayUs = 1'000'000;
/// From here on a body waits until its head is judged, where anybody is asked who he is: a head that is refused must not cost one.
constexpr size_t kBodyThatCosts = 16 << 10;
constexpr const char* kNotValidAnyMore = "the credential is not valid any more";
constexpr const char* kNoRoom = "too much is buffered; try again later";

}  // namespace

class Api::Impl {
 public:
  Impl(const ApiOptions& options, Switchboard* switchboard)
      : options_(options),
        switchboard_(switchboard),
        access_(options.hosts, options_.nonces.get(), Wall()),
        failed_attempts_(options_.timer),
        tools_(std::make_shared<RequestTools>(&options_, SecretNames(options.secret_headers))) {}

  ~Impl() {
    for (size_t count; (count = running_->load()) > 0;) running_->wait(count);
  }

  void SetResponder(HttpResponder* responder) {
    responder_ = responder;
    failed_attempts_.SetResponder(responder);
  }
  void SetVia(std::string name) { access_.SetVia(std::move(name)); }
  void SetSecretHeaders(std::vector<std::string> names) { tools_->secrets = SecretNames(std::move(names)); }
  void SetHosts(const std::vector<std::string>& hosts) { access_.SetHosts(hosts); }
  void SetAuth(std::shared_ptr<const AuthSettings> settings) { access_.SetAuth(std::move(settings)); }
  void SetTable(std::shared_ptr<const AccessTable> table) {
    access_.SetTable(std::move(table));
    if (access_.asks()) EndWhatIsOver();
  }

  /// Nothing is reserved for whoever is refused.
  HttpDemand Demand(const HttpRequest& request) {
    HttpDemand demand = DemandOf(request, options_);
    if (demand.answer_bytes == 0 || !access_.asks()) return demand;
    return std::holds_alternative<Granted>(Look(request)) ? demand : HttpDemand{.probe = demand.probe};
  }

  void OnRequest(uint64_t token, HttpRequest request) {
    int64_t since_us = NowUs();
    Result<Route> route = FindRoute(request.method, request.target);
    std::variant<Granted, Refusal> judged = access_.Admit(request, route, Wall());
    if (Refusal* refusal = std::get_if<Refusal>(&judged)) return Refuse(token, request, std::move(*refusal), /*body_waits=*/false);
    Granted& granted = std::get<Granted>(judged);
    NoteUse(granted);
    if (IsBulkSubmit(request, *route)) return WholeBulkSubmit(token, request, *route, std::move(granted.asker));
    if (options_.aside && request.body.size() > kLargeJsonBytes) return ReadAside(token, std::move(request), *route, std::move(granted), since_us);
    const std::string method = request.method == "PATCH" ? request.method : std::string();
    Status status = CheckSigned(granted, request.body);
    if (status.ok()) {
      const Asker& asker = granted.asker;
      Result<Asked> asked = ReadRequest(Id(token), *route, &request, tools_, asker, /*aside=*/false);
      status = Take(token, asker.number(), BoundsOf(asker, *route), std::move(asked), since_us);
    }
    if (!status.ok()) responder_->Respond(token, RefusalOf(status, method));
  }

  bool TakesPieces(const HttpRequest& head) {
    Result<Route> route = FindRoute(head.method, head.target);
    if (route.ok() && IsBulkSubmit(head, *route)) return true;
    if (!access_.asks() || !HasCostlyBody(head)) return false;
    std::variant<Granted, Refusal> judged = Look(head);
    if (Refusal* refusal = std::get_if<Refusal>(&judged)) refused_head_ = std::move(*refusal);
    return refused_head_.has_value();
  }

  void OnHead(uint64_t token, const HttpRequest& head) {
    if (std::optional<Refusal> refusal = std::exchange(refused_head_, std::nullopt))
      return Refuse(token, head, *std::move(refusal), /*body_waits=*/true);
    Result<Route> route = FindRoute(head.method, head.target);
    std::variant<Granted, Refusal> judged = access_.Admit(head, route, Wall());
    if (Refusal* refusal = std::get_if<Refusal>(&judged)) return Refuse(token, head, std::move(*refusal), /*body_waits=*/true);
    Granted& granted = std::get<Granted>(judged);
    NoteUse(granted);
    std::optional<HttpResponse> refusal = RefuseBulkSubmit(head, *route);
    if (!refusal) {
      OpenStream(token, head, std::move(granted.asker));
      return;
    }
    refusal->close = true;  // the body is not wanted
    responder_->Respond(token, *std::move(refusal));
  }

  void OnBody(uint64_t token, std::string_view piece) {
    std::shared_ptr<Stream> stream = FindStream(token);
    if (!stream || !stream->body_open) return;
    stream->bulk.Take(piece);
    // Blanks are no lines: whoever sends nothing else holds a place that others could use.
    if (!Moved(stream.get()) && !stream->under_way && NowUs() - stream->moved_us > options_.bulk_idle_ms * 1000) return EndIdle(token, stream);
    Pump(token, stream);
  }

  /// Its client may have gone, which only a longer wait would show: it is answered now, with what the notify is.
  void OnHalfClose(uint64_t token) {
    auto found = posted_.find(token);
    if (found == posted_.end() || !found->second.waits_for) return;
    NotifyId notify = *found->second.waits_for;
    EndWait(&found->second);
    switchboard_->Post(found->second.space, Disconnected{Id(token)});
    switchboard_->Post(found->second.space, GetRequest{Id(token), notify, 0});
  }

  void OnBodyEnd(uint64_t token) {
    std::shared_ptr<Stream> stream = FindStream(token);
    if (!stream || !stream->body_open) return;
    stream->body_open = false;
    stream->bulk.TakeEnd();
    Pump(token, stream);
  }

  bool OnBodyBroken(uint64_t token) {
    std::shared_ptr<Stream> stream = FindStream(token);
    if (!stream) return false;
    if (std::exchange(stream->body_open, false)) stream->bulk.TakeBreak();
    return !stream->bulk.done();
  }

  void OnWritable(uint64_t token) {
    std::shared_ptr<Stream> stream = FindStream(token);
    if (!stream) return;
    stream->bulk.OnUnsent(0);
    Pump(token, stream);
  }

  void OnClose(uint64_t token) {
    failed_attempts_.OnClose(token);
    std::optional<NamespaceNumber> under_way;  // where
    if (auto posted = posted_.find(token); posted != posted_.end()) {
      if (!posted->second.aside) under_way = posted->second.space;
      EndWait(&posted->second);
      posted_.erase(posted);
    }
    if (auto stream = streams_.find(token); stream != streams_.end()) {
      if (stream->second->under_way) under_way = stream->second->space;
      stream->second->gone = true;
      streams_.erase(stream);
    }
    if (under_way) switchboard_->Post(*under_way, Disconnected{Id(token)});
  }

  void EndBulkSubmits(Leaving why) {
    leaving_ = why;
    // Each may go, or another with it, while it is pumped.
    std::vector<std::pair<uint64_t, std::shared_ptr<Stream>>> all(streams_.begin(), streams_.end());
    for (auto& [token, stream] : all) {
      if (stream->gone) continue;
      stream->body_open = false;
      stream->bulk.TakeStop(why);
      Pump(token, stream);
    }
  }

  void OnReply(Reply reply) {
    uint64_t token = reply.request.token;
    if (std::shared_ptr<Stream> stream = FindStream(token)) return OnStreamReply(token, stream, reply);
    auto found = posted_.find(token);
    if (found == posted_.end()) return;  // the client went away
    Posted posted = std::move(found->second);
    posted_.erase(found);
    EndWait(&posted);
    if (posted.waited) {
      const Viewed* viewed = std::get_if<Viewed>(&reply.body);
      if (viewed && !responder_->Reserve(token, BytesToShow(viewed->view)))
        return responder_->Respond(token, ProblemResponse(Status(Code::kTooMany, kNoRoom)));
    }
    if (posted.steps && posted.steps->heavy() && options_.aside) return StepAside(token, std::move(posted), std::move(reply.body));
    if (posted.steps) {
      NextStep next = posted.steps->Next(std::move(reply.body));
      return GoOn(token, std::move(posted), std::move(next));
    }
    bool acknowledged = std::holds_alternative<Submitted>(reply.body);
    const BulkDone* bulk = std::get_if<BulkDone>(&reply.body);
    Answer(token, posted, Render(posted, reply.body), bulk ? bulk->count : 1);
    if (acknowledged) Acknowledged(posted.since_us);
  }

  void OnRegistryReply(RegistryReply reply) {
    const uint64_t token = TokenOfRegistryRequest(reply.request);
    auto found = posted_.find(token);
    if (found == posted_.end()) return;  // the client went away
    Posted posted = std::move(found->second);
    posted_.erase(found);
    NextStep next = posted.steps->Next(std::move(reply));
    GoOn(token, std::move(posted), std::move(next));
  }

 private:
  /// What an answer is looked at for before it goes out. Null where whoever asks may do and see everything, and is nobody in particular.
  struct Bounds {
    Asker asker;
    const RouteRow* row;
    std::string object;  // of the change, for the audit
  };
  /// What a token waits for, in posted_.
  struct Posted {
    NamespaceNumber space = kDefaultNumber;  // whose core is asked
    int64_t since_us = 0;                    // when its request came
    std::unique_ptr<Steps> steps = nullptr;  // null: its reply is its answer
    bool aside = false;                      // it is on another thread, or at the registry: no core has an event of it
    bool dry_run = false;                    // it changes nothing after all
    bool waited = false;                     // a GET with wait_ms
    std::optional<NotifyId> waits_for = {};  // it counts as a waiter
    std::shared_ptr<const Bounds> bounds = nullptr;
  };
  /// A bulk submit.
  struct Stream {
    Stream(std::shared_ptr<const Asker> by, const BulkLimits& limits, RequestId request, TraceContext of, SubmitParser* parser)
        : asker(std::move(by)), space(asker->number()), trace(of), bulk(limits, request, std::move(of), parser, asker) {}
    const std::shared_ptr<const Asker> asker;
    const NamespaceNumber space;
    const TraceContext trace;
    BulkSubmit bulk;
    bool body_open = true;   // there may come more of it
    bool paused = false;     // the body
    bool begun = false;      // the response
    bool under_way = false;  // an event
    int64_t posted_us = 0;   // when that was
    bool later = false;      // it is to go on once others had their turn
    uint64_t progress = 0;   // as BulkSubmit says, when it last moved
    int64_t moved_us = 0;    // when that was
    bool gone = false;       // the client
  };

  RequestId Id(uint64_t token) const { return {options_.thread, token}; }

  /// `event` carries Id(token).
  void Post(uint64_t token, Event event, Posted posted) {
    const NamespaceNumber space = posted.space;
    CHECK(posted_.emplace(token, std::move(posted)).second);
    switchboard_->Post(space, std::move(event));
  }
  void Acknowledged(int64_t since_us) {
    if (options_.acknowledgement) options_.acknowledgement->Observe(NowUs() - since_us);
  }

  WallTime Wall() const { return options_.wall ? options_.wall() : WallTime{ReadClockMs(CLOCK_REALTIME)}; }
  int64_t NowUs() const { return options_.monotonic_us ? options_.monotonic_us() : ReadClockUs(CLOCK_MONOTONIC); }

  void EndWait(Posted* posted) {
    if (!std::exchange(posted->waits_for, std::nullopt)) return;
    options_.waiters->fetch_sub(1, std::memory_order_relaxed);
  }

  static HttpResponse RefusalOf(const Status& status, std::string_view method) {
    HttpResponse response = ProblemResponse(status);
    // RFC 5789 section 2.2.
    if (status.code() == Code::kUnsupportedMedia && method == "PATCH") response.headers.emplace_back("Accept-Patch", kPatchTypes);
    return response;
  }

  // ---- who asks

  std::variant<Granted, Refusal> Look(const HttpRequest& head) {
    std::variant<Granted, Refusal> judged = access_.Look(head, FindRoute(head.method, head.target), Wall());
    if (const Granted* granted = std::get_if<Granted>(&judged)) NoteUse(*granted);
    return judged;
  }
  void NoteUse(const Granted& granted) {
    if (granted.first_use) switchboard_->Post(RegistryEvent(TokenUsed{std::string(granted.asker.principal.token_id())}));
  }
  static bool HasCostlyBody(const HttpRequest& head) {
    if (head.Header("Transfer-Encoding")) return true;
    const std::string* length = head.Header("Content-Length");
    return length && ParseInteger(*length).value_or(kBodyThatCosts) >= static_cast<int64_t>(kBodyThatCosts);
  }
  void Refuse(uint64_t token, const HttpRequest& head, Refusal refusal, bool body_waits) {
    if (body_waits) refusal.response.close = true;  // the body is not wanted
    if (*refusal.reason == '\0') return responder_->Respond(token, std::move(refusal.response));
    failed_attempts_.Answer(token, head, std::move(refusal), body_waits, MonoTime{NowUs() / 1000});
  }
  /// Is the body what was signed?
  static Status CheckSigned(const Granted& granted, std::string_view body) {
    if (!granted.content_digest || granted.content_digest->empty()) return Status::Ok();  // without a digest there is no body
    return CheckContentDigest(*granted.content_digest, body);
  }
  static std::shared_ptr<const Bounds> BoundsOf(const Asker& asker, const Route& route) {
    if (asker.anybody()) return nullptr;
    std::string object;
    if (route.row->audit) object = route.argument2.empty() ? route.argument : route.argument + "/" + route.argument2;
    return std::make_shared<const Bounds>(Bounds{asker, route.row, std::move(object)});
  }
  /// Of what may be submitted in a second: 0 where these may go on, else in how many milliseconds.
  int64_t WaitForRate(const Asker& asker, size_t count) {
    const Grant* grant = asker.principal.grant();
    if (!grant || !grant->submits_per_s) return 0;
    return options_.rates->Take(asker.principal.name(), *grant->submits_per_s, count, MonoTime{NowUs() / 1000});
  }
  static Status OverRate() { return Status(Code::kTooMany, "this token's rate of submits (submits_per_s) is used up"); }

  /// Of what was begun by a token that does not hold any more: streams break, waits end.
  void EndWhatIsOver() {
    const WallTime now = Wall();
    const AccessTable& table = *access_.table();
    std::vector<std::pair<uint64_t, std::shared_ptr<Stream>>> streams;
    for (auto& [token, stream] : streams_)
      if (!stream->asker->principal.HoldsIn(table, now)) streams.emplace_back(token, stream);
    for (auto& [token, stream] : streams)
      if (!stream->gone) EndRevoked(token, stream);
    std::vector<uint64_t> waits;
    for (auto& [token, posted] : posted_)
      if (posted.waits_for && posted.bounds && !posted.bounds->asker.principal.HoldsIn(table, now)) waits.push_back(token);
    for (uint64_t token : waits) {
      const NamespaceNumber space = posted_.at(token).space;
      EndWait(&posted_.at(token));
      posted_.erase(token);
      switchboard_->Post(space, Disconnected{Id(token)});
      responder_->Respond(token, ProblemResponse(401, kNotValidAnyMore));
    }
  }
  void EndRevoked(uint64_t token, const std::shared_ptr<Stream>& stream) {
    const bool under_way = stream->under_way;
    stream->gone = true;
    streams_.erase(token);
    if (under_way) switchboard_->Post(stream->space, Disconnected{Id(token)});
    if (stream->begun) return responder_->BreakStream(token);
    HttpResponse response = ProblemResponse(401, kNotValidAnyMore);
    response.close = true;
    responder_->Respond(token, std::move(response));
  }

  HttpResponse Render(const Posted& posted, const ReplyBody& body) const {
    const Sight sight = posted.bounds ? SightOf(posted.bounds->asker) : Sight();
    if (posted.bounds && IsHidden(*posted.bounds, body)) return ProblemResponse(NothingThere(*posted.bounds->row));
    return tools_->replies.Render(body, sight);
  }
  /// Another caller's, to whoever may see his own alone.
  static bool IsHidden(const Bounds& bounds, const ReplyBody& body) {
    if (!bounds.row->scopes.Has(Scope::kSubmit) || !IsBounded(bounds.asker, *bounds.row)) return false;
    if (const Viewed* viewed = std::get_if<Viewed>(&body)) return !MaySee(bounds.asker, *viewed->view.record->envelope, /*route_is_own=*/true);
    return std::holds_alternative<RememberedViewed>(body) && !bounds.asker.principal.Has(Scope::kRead);
  }
  /// `count`: of what was changed.
  void Answer(uint64_t token, const Posted& posted, HttpResponse response, uint64_t count) {
    if (posted.bounds && posted.bounds->row->audit && response.status < 300 && !posted.dry_run) Audit(*posted.bounds, count);
    responder_->Respond(token, std::move(response));
  }
  void Audit(const Bounds& bounds, uint64_t count) {
    const Asker& asker = bounds.asker;
    switchboard_->Audit({.at = Wall(),
                         .who = asker.principal.name(),
                         .what = bounds.row->audit,
                         .object = bounds.object,
                         .from = asker.from,
                         .space = asker.space ? asker.space->name : std::string(),
                         .count = count});
  }

  // ---- requests and their steps

  /// Goes on with what was read of a request: answers, posts, or fails with what is to be answered.
  Status Take(uint64_t token, NamespaceNumber space, std::shared_ptr<const Bounds> bounds, Result<Asked> asked, int64_t since_us) {
    if (!asked.ok()) return std::move(asked).status();
    if (auto* response = std::get_if<HttpResponse>(&*asked)) {
      responder_->Respond(token, std::move(*response));
      return Status::Ok();
    }
    Posted posted{.space = space, .since_us = since_us, .bounds = std::move(bounds)};
    if (auto* ask = std::get_if<AskElsewhere>(&*asked)) {
      Elsewhere(token, std::move(posted), *ask);
      return Status::Ok();
    }
    if (auto* steps = std::get_if<std::unique_ptr<Steps>>(&*asked)) {
      NextStep first = (*steps)->First();
      posted.steps = std::move(*steps);
      GoOn(token, std::move(posted), std::move(first));
      return Status::Ok();
    }
    Event& event = std::get<Event>(*asked);
    if (const SubmitRequest* submit = std::get_if<SubmitRequest>(&event); submit && posted.bounds) {
      if (int64_t wait_ms = WaitForRate(posted.bounds->asker, submit->items.size())) {
        responder_->Respond(token, ProblemResponse(OverRate(), {}, wait_ms));
        return Status::Ok();
      }
    }
    if (const BulkRequest* bulk = std::get_if<BulkRequest>(&event)) posted.dry_run = bulk->dry_run;
    return PostLast(token, std::move(event), std::move(posted));
  }

  /// Posts an event, counted as a waiter where it is one. Error: kTooMany, then it was not posted.
  Status PostLast(uint64_t token, Event event, Posted posted) {
    if (const GetRequest* get = std::get_if<GetRequest>(&event); get && get->wait_ms > 0) {
      if (options_.waiters->fetch_add(1, std::memory_order_relaxed) >= options_.max_waiters) {
        options_.waiters->fetch_sub(1, std::memory_order_relaxed);
        return Status(Code::kTooMany, "too many requests wait for the end of a notify; ask without wait_ms");
      }
      posted.waits_for = get->id;
      posted.waited = true;
    }
    Post(token, std::move(event), std::move(posted));
    return Status::Ok();
  }

  /// Answered by somebody else, on the loop.
  void Elsewhere(uint64_t token, Posted posted, const AskElsewhere& ask) {
    posted.aside = true;
    CHECK(posted_.emplace(token, std::move(posted)).second);
    ask([this, token, alive = std::weak_ptr<bool>(alive_)](HttpResponse response) {
      if (alive.expired() || posted_.erase(token) == 0) return;
      responder_->Respond(token, std::move(response));
    });
  }

  /// A large document is read on another thread, with tools of its own: the loop goes on, and its memory goes with it.
  void ReadAside(uint64_t token, HttpRequest request, const Route& route, Granted granted, int64_t since_us) {
    struct Job {
      HttpRequest request;
      std::string method;
      Granted granted;
      std::shared_ptr<RequestTools> tools;
      Result<Asked> asked = Status(Code::kIo, "");
    };
    auto job = std::make_shared<Job>();
    std::shared_ptr<const Bounds> bounds = BoundsOf(granted.asker, route);
    job->method = request.method;
    job->request = std::move(request);
    job->granted = std::move(granted);
    job->tools = std::make_shared<RequestTools>(&options_, tools_->secrets);
    Aside(
        token,
        [job, id = Id(token)] {
          Result<Route> again = FindRoute(job->request.method, job->request.target);
          CHECK(again.ok());
          Status status = CheckSigned(job->granted, job->request.body);
          job->asked = status.ok() ? ReadRequest(id, *again, &job->request, job->tools, job->granted.asker, /*aside=*/true)
                                   : Result<Asked>(std::move(status));
          job->tools.reset();
          job->request = HttpRequest();
        },
        [this, job, token, bounds](int64_t asked_us) {
          Status status = Take(token, job->granted.asker.number(), bounds, std::move(job->asked), asked_us);
          if (!status.ok()) responder_->Respond(token, RefusalOf(status, job->method));
        },
        since_us);
  }

  void StepAside(uint64_t token, Posted posted, ReplyBody reply) {
    struct Job {
      Posted posted;
      ReplyBody reply;
      NextStep next = HttpResponse();
    };
    auto job = std::make_shared<Job>(Job{std::move(posted), std::move(reply)});
    Aside(
        token, [job] { job->next = job->posted.steps->Next(std::move(job->reply)); },
        [this, job, token](int64_t) { GoOn(token, std::move(job->posted), std::move(job->next)); });
  }

  void GoOn(uint64_t token, Posted posted, NextStep next) {
    posted.aside = false;
    if (auto* response = std::get_if<HttpResponse>(&next)) return Answer(token, posted, std::move(*response), 1);
    if (auto* event = std::get_if<RegistryEvent>(&next)) {
      posted.aside = true;
      CHECK(posted_.emplace(token, std::move(posted)).second);
      return switchboard_->Post(std::move(*event));
    }
    if (auto* other = std::get_if<ToNamespace>(&next)) {
      posted.space = other->number;
      return Post(token, std::move(other->event), std::move(posted));
    }
    Status status = PostLast(token, std::get<Event>(std::move(next)), std::move(posted));
    if (!status.ok()) responder_->Respond(token, ProblemResponse(status));
  }

  /// `work` on another thread, then `then` here, unless the client went away meanwhile; it is given since when the request is under way.
  void Aside(uint64_t token, std::function<void()> work, std::function<void(int64_t)> then, int64_t since_us = 0) {
    Posted posted;
    posted.since_us = since_us;
    posted.aside = true;
    CHECK(posted_.emplace(token, std::move(posted)).second);
    running_->fetch_add(1);
    auto counted = [work = std::move(work), running = running_] {
      work();
      running->fetch_sub(1);
      running->notify_all();
    };
    options_.aside(std::move(counted), [this, token, then = std::move(then), alive = std::weak_ptr<bool>(alive_)] {
      if (alive.expired()) return;
      auto found = posted_.find(token);
      if (found == posted_.end()) return;
      int64_t asked_us = found->second.since_us;
      posted_.erase(found);
      then(asked_us);
    });
  }

  // ---- bulk submits

  /// What is not to do with who asks: what its head says, and whether there is room.
  std::optional<HttpResponse> RefuseBulkSubmit(const HttpRequest& head, const Route& route) {
    if (Status status = CheckBulkHead(head, route); !status.ok()) return ProblemResponse(status);
    if (leaving_) {
      HttpResponse response = LeavingResponse(*leaving_);
      response.close = true;  // to the program that comes next
      return response;
    }
    if (Status status = CheckRoom(); !status.ok()) return ProblemResponse(status);
    return std::nullopt;
  }
  /// Where all places are taken the one that has been idle for longest gives way.
  Status CheckRoom() {
    if (streams_.size() < kMaxBulkSubmits) return Status::Ok();
    auto idlest = streams_.end();
    int64_t since_us = NowUs() - kGiveWayUs;
    for (auto it = streams_.begin(); it != streams_.end(); ++it) {
      Stream& stream = *it->second;
      if (Moved(&stream) || stream.under_way || stream.later || stream.moved_us > since_us) continue;
      since_us = stream.moved_us;
      idlest = it;
    }
    if (idlest == streams_.end()) return Status(Code::kTooMany, "too many bulk submits are under way");
    std::shared_ptr<Stream> stream = idlest->second;
    EndIdle(idlest->first, stream);
    return Status::Ok();
  }

  /// Notes whether lines came since it was last looked at.
  bool Moved(Stream* stream) const {
    if (stream->under_way) stream->moved_us = NowUs();
    if (stream->bulk.progress() == stream->progress) return false;
    stream->progress = stream->bulk.progress();
    stream->moved_us = NowUs();
    return true;
  }

  /// Nothing came of it for too long. What was submitted is answered, or was; its client sees that this was not all.
  void EndIdle(uint64_t token, const std::shared_ptr<Stream>& stream) {
    stream->gone = true;
    streams_.erase(token);
    if (stream->begun) return responder_->BreakStream(token);
    HttpResponse response = ProblemResponse(408, "no line of the bulk submit came for too long, and others need its place");
    response.close = true;
    responder_->Respond(token, std::move(response));
  }
  std::shared_ptr<Stream> OpenStream(uint64_t token, const HttpRequest& head, Asker asker) {
    BulkLimits limits;
    limits.max_line_bytes = options_.max_line_bytes;
    if (options_.aside) limits.aside_bytes = kLargeJsonBytes;
    auto stream = std::make_shared<Stream>(std::make_shared<const Asker>(std::move(asker)), limits, Id(token), ContextOf(head.headers), &tools_->submit);
    stream->moved_us = NowUs();
    CHECK(streams_.emplace(token, stream).second);
    return stream;
  }
  std::shared_ptr<Stream> FindStream(uint64_t token) const {
    auto found = streams_.find(token);
    return found == streams_.end() ? nullptr : found->second;
  }

  /// One whose body is there already: none at all.
  void WholeBulkSubmit(uint64_t token, const HttpRequest& request, const Route& route, Asker asker) {
    if (std::optional<HttpResponse> refusal = RefuseBulkSubmit(request, route)) return responder_->Respond(token, *std::move(refusal));
    std::shared_ptr<Stream> stream = OpenStream(token, request, std::move(asker));
    stream->body_open = false;
    stream->bulk.Take(request.body);
    stream->bulk.TakeEnd();
    Pump(token, stream);
  }

  void OnStreamReply(uint64_t token, const std::shared_ptr<Stream>& stream, const Reply& reply) {
    CHECK(std::exchange(stream->under_way, false));
    if (auto* submitted = std::get_if<Submitted>(&reply.body)) {
      stream->bulk.OnReply(*submitted);
      Acknowledged(stream->posted_us);
    } else {
      stream->bulk.OnReply(std::get<Refused>(reply.body));
    }
    Pump(token, stream);
  }

  /// Moves on whatever can: see ndjson.h. The client may go away inside of any call of the responder.
  void Pump(uint64_t token, const std::shared_ptr<Stream>& stream) {
    for (bool more = true; std::exchange(more, false);) {
      if (std::optional<SubmitRequest> request = stream->bulk.NextRequest()) {
        if (stream->asker->principal.grant()->ExpiredAt(Wall())) return EndRevoked(token, stream);
        if (WaitForRate(*stream->asker, request->items.size()) > 0) {
          stream->bulk.OnReply(Refused{OverRate(), {}});
          more = true;
          continue;
        }
        CHECK(!std::exchange(stream->under_way, true));
        stream->posted_us = NowUs();
        switchboard_->Post(stream->space, *std::move(request));
      }
      if (std::optional<std::string> line = stream->bulk.TakeAsideLine()) ParseAside(token, stream, *std::move(line));
      std::string answers = stream->bulk.TakeAnswers();
      if (answers.empty()) {
        if (!stream->bulk.wants_turn()) break;
        if (options_.later) {
          GoOnLater(token, stream);
          break;
        }
        stream->bulk.Continue();
        more = true;
        continue;
      }
      if (!std::exchange(stream->begun, true)) {
        HttpResponse head;
        head.content_type = kNdjson;
        responder_->BeginStream(token, std::move(head));
      }
      if (stream->gone) return;
      size_t unsent = responder_->Stream(token, answers);
      if (stream->gone) return;
      stream->bulk.OnUnsent(unsent);
      more = true;
    }
    if (stream->bulk.done()) return FinishStream(token, *stream);
    if (!stream->body_open) return;
    bool pause = !stream->bulk.wants_body();
    if (std::exchange(stream->paused, pause) == pause) return;
    pause ? responder_->PauseBody(token) : responder_->ResumeBody(token);
  }

  void GoOnLater(uint64_t token, const std::shared_ptr<Stream>& stream) {
    if (std::exchange(stream->later, true)) return;
    options_.later([this, token, weak = std::weak_ptr<Stream>(stream), alive = std::weak_ptr<bool>(alive_)] {
      std::shared_ptr<Stream> again = weak.lock();
      if (alive.expired() || !again || again->gone) return;
      again->later = false;
      again->bulk.Continue();
      Pump(token, again);
    });
  }

  void ParseAside(uint64_t token, const std::shared_ptr<Stream>& stream, std::string line) {
    struct Job {
      std::string line;
      TraceContext trace;
      std::shared_ptr<const Asker> asker;
      Result<SubmitItem> item = Status(Code::kIo, "");
    };
    auto job = std::make_shared<Job>();
    job->line = std::move(line);
    job->trace = stream->trace;
    job->asker = stream->asker;
    options_.aside(
        [job, limits = tools_->submit.limits()] {
          SubmitParser parser(limits);
          job->line.reserve(job->line.size() + JsonReader::kPaddingBytes);
          job->item = parser.ParseLine(job->line, job->line.capacity(), job->trace, job->asker.get());
        },
        [this, job, token, weak = std::weak_ptr<Stream>(stream), alive = std::weak_ptr<bool>(alive_)] {
          std::shared_ptr<Stream> again = weak.lock();
          if (alive.expired() || !again || again->gone) return;
          again->bulk.OnParsed(std::move(job->item));
          Pump(token, again);
        });
  }

  void FinishStream(uint64_t token, const Stream& stream) {
    bool begun = stream.begun, stopped = stream.bulk.stopped();
    streams_.erase(token);
    if (begun) return responder_->EndStream(token, /*close=*/stopped);
    HttpResponse empty;
    empty.content_type = kNdjson;
    responder_->Respond(token, std::move(empty));
  }

  const ApiOptions options_;
  Switchboard* const switchboard_;
  Access access_;
  FailedAttempts failed_attempts_;
  std::optional<Refusal> refused_head_;  // between TakesPieces and OnHead
  HttpResponder* responder_ = nullptr;
  const std::shared_ptr<RequestTools> tools_;  // of the loop
  std::unordered_map<uint64_t, Posted> posted_;
  std::unordered_map<uint64_t, std::shared_ptr<Stream>> streams_;
  std::optional<Leaving> leaving_;
  std::shared_ptr<std::atomic<size_t>> running_ = std::make_shared<std::atomic<size_t>>(0);  // on other threads, with what is borrowed from here
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);                               // what comes back from elsewhere looks at it first
};

Api::Api(const ApiOptions& options, Switchboard* switchboard) : impl_(std::make_unique<Impl>(options, switchboard)) {}
Api::~Api() = default;
void Api::SetResponder(HttpResponder* responder) {
  impl_->SetResponder(responder);
}
void Api::SetVia(std::string name) {
  impl_->SetVia(std::move(name));
}
void Api::SetSecretHeaders(std::vector<std::string> names) {
  impl_->SetSecretHeaders(std::move(names));
}
void Api::SetHosts(const std::vector<std::string>& hosts) {
  impl_->SetHosts(hosts);
}
void Api::SetAuth(std::shared_ptr<const AuthSettings> settings) {
  impl_->SetAuth(std::move(settings));
}
void Api::SetTable(std::shared_ptr<const AccessTable> table) {
  impl_->SetTable(std::move(table));
}
HttpDemand Api::Demand(const HttpRequest& request) {
  return impl_->Demand(request);
}
void Api::OnHalfClose(uint64_t token) {
  impl_->OnHalfClose(token);
}
bool Api::TakesPieces(const HttpRequest& head) {
  return impl_->TakesPieces(head);
}
void Api::OnHead(uint64_t token, const HttpRequest& head) {
  impl_->OnHead(token, head);
}
void Api::OnBody(uint64_t token, std::string_view piece) {
  impl_->OnBody(token, piece);
}
void Api::OnBodyEnd(uint64_t token) {
  impl_->OnBodyEnd(token);
}
bool Api::OnBodyBroken(uint64_t token) {
  return impl_->OnBodyBroken(token);
}
void Api::OnWritable(uint64_t token) {
  impl_->OnWritable(token);
}
void Api::OnRequest(uint64_t token, HttpRequest request) {
  impl_->OnRequest(token, std::move(request));
}
void Api::OnClose(uint64_t token) {
  impl_->OnClose(token);
}
void Api::EndBulkSubmits(Leaving why) {
  impl_->EndBulkSubmits(why);
}
void Api::OnRegistryReply(RegistryReply reply) {
  impl_->OnRegistryReply(std::move(reply));
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
