// Api: who asks, requests and their steps. See api_impl.h.
#include "net/api/api.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "broker/span_ids.h"
#include "net/access/content_digest.h"
#include "net/api/api_impl.h"
#include "net/api/body_coding.h"
#include "net/api/demand.h"
#include "net/api/fields.h"
#include "net/api/group_json.h"
#include "net/api/group_steps.h"
#include "net/api/json_shape.h"
#include "net/api/problem.h"
#include "net/api/requests.h"
#include "net/api/responses.h"
#include "net/api/service_json.h"
#include "net/api/submit_parser.h"
#include "net/api/topic_requests.h"
#include "net/api/trace_context.h"
#include "net/api/waits.h"

namespace notifyd {
namespace {

/// From here on a body waits until its head is judged, where anybody is asked who he is: a head that is refused must not cost one.
constexpr size_t kBodyThatCosts = 16 << 10;

/// The sampled trace of a request that submits or publishes something, which goes to the notifies of a body that can be read. Empty: there is none.
std::string TraceOfSubmit(const HttpRequest& request, const RouteRow& row) {
  if (request.method != "POST" || (!row.lines && row.path != "/v1/groups")) return {};
  std::string parent = TraceOf(request.headers).parent;
  return IsSampled(parent) ? parent : std::string();
}

}  // namespace

void Api::Impl::SetResponder(HttpResponder* responder) {
  responder_ = responder;
  failed_attempts_.SetResponder(responder);
  live_.SetResponder(responder);
  if (passing_) passing_->SetResponder(responder), gather_->SetResponder(responder);
}

void Api::Impl::SetTable(std::shared_ptr<const AccessTable> table) {
  access_.SetTable(std::move(table));
  if (!access_.asks()) return;
  EndWhatIsOver();
  // Behind that, or what is judged by would be what nobody held them against.
  RenewStreams();
}

void Api::Impl::SetAuth(std::shared_ptr<const AuthSettings> settings) {
  access_.SetAuth(std::move(settings));
  if (responder_) EndWhatIsOver();
}

HttpDemand Api::Impl::Demand(const HttpRequest& request) {
  HttpDemand demand = DemandOf(request, RouteOf(request), options_);
  // What it unpacks to is held with it.
  if (const size_t unpacked = UnpackedBytes(request, options_.max_request_bytes); unpacked > 0) {
    demand.answer_bytes += unpacked;
    demand.waits = true;
  }
  if (demand.answer_bytes == 0 || !access_.asks()) return demand;
  return std::holds_alternative<Granted>(Look(request)) ? demand : HttpDemand{.probe = demand.probe};
}

void Api::Impl::TakeUp(uint64_t token, HttpRequest request, Underway underway) {
  int64_t since_us = NowUs();
  Result<Route> route = TakeRoute(request);
  Origin origin;
  WallTime served_since;
  if (passing_ && PassOn(token, &request, route, &underway, &origin.subject, &served_since)) return;
  std::variant<Granted, Refusal> judged =
      underway.admitted ? access_.Look(request, route, Wall()) : access_.Admit(request, route, Wall(), served_since);
  if (Refusal* refusal = std::get_if<Refusal>(&judged)) {
    if (underway.so_far || underway.in_doubt) return Conclude(token, underway, std::move(refusal->response));
    if (LooksAnew(token, request, *refusal, /*in_pieces=*/false)) return;
    return Refuse(token, request, std::move(*refusal), /*body_waits=*/false);
  }
  Granted& granted = std::get<Granted>(judged);
  NoteUse(granted);
  if (options_.expects_batch && route->row->scopes.Has(Scope::kSubmit) && request.method != "GET") options_.expects_batch();
  if (std::string begun = TraceToBegin(request); !begun.empty()) BeginTrace(std::move(begun), &request.headers);
  if (IsBulkSubmit(request, *route)) return WholeBulkSubmit(token, request, *route, std::move(granted.asker));
  origin.passed_on = granted.passed_on;
  origin.looks = !route->row->changes();
  origin.underway = std::move(underway);
  if (granted.passed_on) origin.underway.progress = granted.progress;
  if (origin.underway.progress.carried_out) origin.underway.begun = true;  // elsewhere
  if (granted.nonce) origin.underway.nonce = granted.nonce;
  if (options_.aside && (request.body.size() > kLargeJsonBytes || UnpackedBytes(request, options_.max_request_bytes) > kLargeJsonBytes))
    return ReadAside(token, std::move(request), *route, std::move(granted), std::move(origin), since_us);
  const std::string method = request.method == "PATCH" ? request.method : std::string();
  const std::string trace = options_.tracer ? TraceOfSubmit(request, *route->row) : std::string();
  const HttpRequest* read = Keep(&request, &*route, &origin);
  const std::optional<CarriedOut> carried_out = origin.underway.progress.carried_out;
  const Underway known = origin.underway;
  // Of one that was carried out nothing but its head counts.
  Status status = carried_out ? Status::Ok() : CheckSigned(granted, read->body);
  if (status.ok()) {
    Asker& asker = granted.asker;
    Result<Asked> asked = carried_out ? ReadWaitOn({Id(token), *route, {}, read, tools_, asker}, *carried_out)
                                      : ReadRequest(Id(token), *route, *read, tools_, &asker, /*aside=*/false);
    origin_ = std::move(origin);
    status = Take(token, asker.number(), BoundsOf(asker, route->row, ObjectOf(*route)), std::move(asked), since_us);
  }
  if (status.ok()) return;
  if (!trace.empty()) Traced({{0, trace}}, Refused{status, {}}, since_us);
  Conclude(token, known, RefusalOf(status, method));
}

bool Api::Impl::TakesPieces(const HttpRequest& head) {
  const Result<Route>& route = RouteOf(head);
  if (route.ok() && IsBulkSubmit(head, *route)) return true;
  if (!access_.asks() || !HasCostlyBody(head)) return false;
  std::variant<Granted, Refusal> judged = Look(head);
  if (Refusal* refusal = std::get_if<Refusal>(&judged)) refused_head_ = std::move(*refusal);
  return refused_head_.has_value();
}

void Api::Impl::OnHead(uint64_t token, const HttpRequest& head) {
  if (std::optional<Refusal> refusal = std::exchange(refused_head_, std::nullopt)) {
    if (LooksAnew(token, head, *refusal, /*in_pieces=*/true)) return;
    return Refuse(token, head, *std::move(refusal), /*body_waits=*/true);
  }
  Result<Route> route = FindRoute(head.method, head.target);
  if (passing_ && PassOnInPieces(token, head, route)) return;
  std::variant<Granted, Refusal> judged = access_.Admit(head, route, Wall());
  if (Refusal* refusal = std::get_if<Refusal>(&judged)) {
    if (LooksAnew(token, head, *refusal, /*in_pieces=*/true)) return;
    return Refuse(token, head, std::move(*refusal), /*body_waits=*/true);
  }
  Granted& granted = std::get<Granted>(judged);
  NoteUse(granted);
  BulkHead said;
  std::optional<HttpResponse> refusal = RefuseBulkSubmit(head, *route, granted.asker, &said);
  if (!refusal) {
    OpenStream(token, head, *route, std::move(granted.asker), said);
    return;
  }
  refusal->close = true;  // the body is not wanted
  responder_->Respond(token, *std::move(refusal));
}

void Api::Impl::OnClose(uint64_t token) {
  failed_attempts_.OnClose(token);
  if (kept_.erase(token) > 0) return;
  if (live_.Close(token) || (passing_ && (passing_->OnClose(token) || gather_->OnClose(token)))) return;
  std::optional<NamespaceNumber> under_way;  // where
  if (auto posted = posted_.find(token); posted != posted_.end()) {
    const bool waits = posted->second.wait != Wait::kNone;
    EndWait(&posted->second);
    // What it changes is in the audit whoever waits for the answer: it goes on, and nobody takes that.
    if (posted->second.bounds && (posted->second.bounds->row->audit || posted->second.may_set_lanes)) {
      if (waits) PostEndOfWait(posted->second.space, token);
      return;
    }
    if (!posted->second.aside) under_way = posted->second.space;
    posted_.erase(posted);
  }
  if (auto stream = streams_.find(token); stream != streams_.end()) {
    if (stream->second->under_way) under_way = stream->second->space;
    stream->second->gone = true;
    streams_.erase(stream);
  }
  if (under_way) switchboard_->Post(*under_way, Disconnected{Id(token)});
}

void Api::Impl::Post(uint64_t token, Event event, Posted posted) {
  const NamespaceNumber space = posted.space;
  if (options_.tracer) posted.traces = SampledOf(event);
  posted.origin.underway.begun = true;
  CHECK(posted_.emplace(token, std::move(posted)).second);
  switchboard_->Post(space, std::move(event));
}

std::string Api::Impl::TraceToBegin(const HttpRequest& head) const {
  return options_.tracer && head.method == "POST" && TraceOf(head.headers).parent.empty() ? options_.tracer->Begin() : std::string();
}

std::variant<Granted, Refusal> Api::Impl::Look(const HttpRequest& head) {
  std::variant<Granted, Refusal> judged = access_.Look(head, RouteOf(head), Wall());
  if (const Granted* granted = std::get_if<Granted>(&judged)) NoteUse(*granted);
  return judged;
}

const Result<Route>& Api::Impl::RouteOf(const HttpRequest& head) {
  if (found_ && found_->method == head.method && found_->target == head.target) return found_->route;
  found_.reset();
  found_.emplace(head.method, head.target);
  found_->route = FindRoute(found_->method, found_->target);
  return found_->route;
}

Result<Route> Api::Impl::TakeRoute(const HttpRequest& request) {
  if (!found_ || found_->method != request.method || found_->target != request.target) return FindRoute(request.method, request.target);
  Result<Route> route = std::move(found_->route);
  // Borrowed from the request from now on.
  if (route.ok() && !route->query.empty())
    route->query = std::string_view(request.target).substr(static_cast<size_t>(route->query.data() - found_->target.data()), route->query.size());
  found_.reset();
  return route;
}

void Api::Impl::NoteUse(const Granted& granted) {
  if (granted.first_use) switchboard_->Post(RegistryEvent(TokenUsed{std::string(granted.asker.principal.token_id())}));
}

bool Api::Impl::HasCostlyBody(const HttpRequest& head) {
  if (head.Header("Transfer-Encoding")) return true;
  const std::string* length = head.Header("Content-Length");
  return length && ParseInteger(*length).value_or(kBodyThatCosts) >= static_cast<int64_t>(kBodyThatCosts);
}

void Api::Impl::Refuse(uint64_t token, const HttpRequest& head, Refusal refusal, bool body_waits) {
  if (body_waits) refusal.response.close = true;  // the body is not wanted
  if (*refusal.reason == '\0') return responder_->Respond(token, std::move(refusal.response));
  failed_attempts_.Answer(token, head, std::move(refusal), body_waits, MonoTime{NowUs() / 1000});
}

Status Api::Impl::CheckSigned(const Granted& granted, std::string_view body) {
  if (!granted.content_digest || granted.content_digest->empty()) return Status::Ok();  // without a digest there is no body
  return CheckContentDigest(*granted.content_digest, body);
}

std::string Api::Impl::ObjectOf(const Route& route) {
  if (!route.row->audit) return {};
  return route.argument2.empty() ? route.argument : route.argument + "/" + route.argument2;
}

std::shared_ptr<const Api::Impl::Bounds> Api::Impl::BoundsOf(const Asker& asker, const RouteRow* row, std::string object) {
  if (asker.anybody()) return nullptr;
  return std::make_shared<const Bounds>(Bounds{asker, row, std::move(object)});
}

int64_t Api::Impl::WaitForRate(const Asker& asker, size_t count) {
  const Grant* grant = asker.principal.grant();
  if (!grant || !grant->submits_per_s) return 0;
  return options_.rates->Take(asker.principal.name(), *grant->submits_per_s, count, MonoTime{NowUs() / 1000});
}

size_t Api::Impl::SomeByRate(const Asker& asker, size_t count) {
  const Grant* grant = asker.principal.grant();
  if (!grant || !grant->submits_per_s) return count;
  return options_.rates->TakeSome(asker.principal.name(), *grant->submits_per_s, count, MonoTime{NowUs() / 1000});
}

Status Api::Impl::Take(uint64_t token, NamespaceNumber space, std::shared_ptr<const Bounds> bounds, Result<Asked> asked, int64_t since_us) {
  if (!asked.ok()) return std::move(asked).status();
  if (bounds) NOTIFYD_TRY(CheckAuditRoom(*bounds));
  if (auto* response = std::get_if<HttpResponse>(&*asked)) {
    Conclude(token, std::exchange(origin_, {}).underway, std::move(*response));
    return Status::Ok();
  }
  if (const auto* listening = std::get_if<Listening>(&*asked)) {
    if (!leaving_) return live_.Open(token, listening->asker);
    responder_->Respond(token, origin_.passed_on ? NotHereResponse() : LeavingResponse(*leaving_));
    return Status::Ok();
  }
  Posted posted{.space = space, .since_us = since_us, .bounds = std::move(bounds), .origin = std::exchange(origin_, {})};
  if (auto* ask = std::get_if<AskElsewhere>(&*asked)) {
    Elsewhere(token, std::move(posted), *ask);
    return Status::Ok();
  }
  if (auto* steps = std::get_if<std::unique_ptr<Steps>>(&*asked)) {
    NextStep first = (*steps)->First();
    if (const Event* event = std::get_if<Event>(&first); event && RefusedByRate(token, posted, *event)) return Status::Ok();
    posted.steps = std::move(*steps);
    GoOn(token, std::move(posted), std::move(first));
    return Status::Ok();
  }
  Event& event = std::get<Event>(*asked);
  NOTIFYD_TRY(CheckGroupCallback(space, event));
  if (RefusedByRate(token, posted, event)) return Status::Ok();
  if (const BulkRequest* bulk = std::get_if<BulkRequest>(&event)) posted.dry_run = bulk->dry_run;
  return PostLast(token, std::move(event), std::move(posted));
}

Status Api::Impl::CheckGroupCallback(NamespaceNumber space, const Event& event) const {
  const GroupRequest* group = std::get_if<GroupRequest>(&event);
  const GroupPost* post = group ? std::get_if<GroupPost>(&group->ask->what) : nullptr;
  if (!post || !post->callback || !options_.check_destination) return Status::Ok();
  Status status = options_.check_destination(space, post->callback->url);
  return status.ok() ? std::move(status) : Status(status.code(), status.detail(), "/callback_url");
}

bool Api::Impl::RefusedByRate(uint64_t token, const Posted& posted, const Event& event) {
  const size_t count = posted.bounds ? NotifiesIn(event) : 0;
  const int64_t wait_ms = count > 0 ? WaitForRate(posted.bounds->asker, count) : 0;
  if (wait_ms == 0) return false;
  if (const SampledTraces traces = options_.tracer ? SampledOf(event) : SampledTraces(); !traces.empty())
    Traced(traces, Refused{OverRate(), {}}, posted.since_us);
  Conclude(token, posted.origin.underway, ProblemResponse(OverRate(), {}, wait_ms));
  return true;
}

Status Api::Impl::PostLast(uint64_t token, Event event, Posted posted) {
  const std::optional<Subject>& subject = posted.origin.subject;
  // It has moved since it was looked for: while what was asked was read, or by the answer to an earlier step.
  if (subject && !passing_->ServedHere(*subject) && (!posted.steps || posted.steps->BeginsAnew())) {
    GoElsewhere(token, std::move(posted));
    return Status::Ok();
  }
  if (const int64_t asked_ms = WaitOf(event); asked_ms > 0) {
    int64_t wait_ms = std::clamp<int64_t>(asked_ms - posted.origin.underway.progress.waited_ms, 1, asked_ms);
    // Nobody waits longer than his credential holds.
    if (posted.bounds) {
      const WallTime until = posted.bounds->asker.principal.HoldsUntil(*access_.table());
      if (until != kWallNever) wait_ms = std::clamp<int64_t>(until.ms - Wall().ms, 1, wait_ms);
    }
    if (wait_ms != asked_ms) SetWait(wait_ms, &event);
    const bool has_share = access_.table()->namespaces() > kOwnNamespaces;
    switch (options_.waiters->Take(posted.space, options_.max_waiters, has_share ? ShareOf(options_.max_waiters) : options_.max_waiters)) {
      case Waiters::Answer::kShare:
        return Status(Code::kTooMany, "too many requests of this namespace wait for the end of a notify; ask without wait_ms");
      case Waiters::Answer::kFull:
        return Status(Code::kTooMany, "too many requests wait for the end of a notify; ask without wait_ms");
      case Waiters::Answer::kTaken:
        break;
    }
    posted.wait = std::holds_alternative<GetRequest>(event) ? Wait::kLook : Wait::kOther;
    posted.waited = true;
  }
  if (const SubmitRequest* submit = std::get_if<SubmitRequest>(&event))
    posted.may_set_lanes = std::any_of(submit->items.begin(), submit->items.end(), [](const SubmitItem& item) { return item.steps_aside; });
  Post(token, std::move(event), std::move(posted));
  return Status::Ok();
}

void Api::Impl::Elsewhere(uint64_t token, Posted posted, const AskElsewhere& ask) {
  posted.aside = true;
  posted.origin.underway.begun = true;
  CHECK(posted_.emplace(token, std::move(posted)).second);
  ask([this, token, alive = std::weak_ptr<bool>(alive_)](HttpResponse response) {
    if (alive.expired()) return;
    auto asked = posted_.extract(token);
    if (!asked.empty()) Answer(token, std::move(asked.mapped()), std::move(response), 1);
  });
}

void Api::Impl::ReadAside(uint64_t token, HttpRequest request, const Route& route, Granted granted, Origin origin, int64_t since_us) {
  struct Job {
    HttpRequest request;  // where none is kept
    Origin origin;
    const HttpRequest* read = nullptr;
    std::string method, trace;
    Granted granted;
    std::shared_ptr<RequestTools> tools;
    Result<Asked> asked = Status(Code::kIo, "");
  };
  auto job = std::make_shared<Job>();
  std::string object = ObjectOf(route);
  job->method = request.method;
  if (options_.tracer) job->trace = TraceOfSubmit(request, *route.row);
  job->request = std::move(request);
  job->origin = std::move(origin);
  Route unused;  // it is looked for anew there
  job->read = Keep(&job->request, &unused, &job->origin);
  job->granted = std::move(granted);
  job->tools = std::make_shared<RequestTools>(&options_, tools_->secrets);
  Aside(
      token,
      [job, id = Id(token)] {
        Result<Route> again = FindRoute(job->read->method, job->read->target);
        CHECK(again.ok());
        Status status = CheckSigned(job->granted, job->read->body);
        job->asked =
            status.ok() ? ReadRequest(id, *again, *job->read, job->tools, &job->granted.asker, /*aside=*/true) : Result<Asked>(std::move(status));
        job->tools.reset();
        job->request = HttpRequest();
      },
      [this, job, token, row = route.row, object = std::move(object)](int64_t asked_us) {
        std::shared_ptr<const Bounds> bounds = BoundsOf(job->granted.asker, row, object);
        const Underway known = job->origin.underway;
        origin_ = std::move(job->origin);
        Status status = Take(token, job->granted.asker.number(), std::move(bounds), std::move(job->asked), asked_us);
        if (status.ok()) return;
        if (!job->trace.empty()) Traced({{0, job->trace}}, Refused{status, {}}, asked_us);
        Conclude(token, known, RefusalOf(status, job->method));
      },
      since_us);
}

void Api::Impl::StepAside(uint64_t token, Posted posted, ReplyBody reply) {
  struct Job {
    Posted posted;
    ReplyBody reply;
    NextStep next = HttpResponse();
  };
  auto job = std::make_shared<Job>(Job{std::move(posted), std::move(reply)});
  std::shared_ptr<const RequestTools> tools;
  if (!job->posted.steps) tools = std::make_shared<const RequestTools>(&options_, tools_->secrets);
  Aside(
      token,
      [job, tools] {
        if (tools) job->next = Render(tools->replies, job->posted, job->reply);
        else job->next = job->posted.steps->Next(std::move(job->reply));
      },
      [this, job, token](int64_t) { GoOn(token, std::move(job->posted), std::move(job->next)); }, 0, job->posted.bounds);
}

void Api::Impl::GoOn(uint64_t token, Posted posted, NextStep next) {
  posted.aside = false;
  if (auto* response = std::get_if<HttpResponse>(&next)) return Answer(token, std::move(posted), std::move(*response), 1);
  if (auto* event = std::get_if<RegistryEvent>(&next)) {
    posted.aside = true;
    posted.origin.underway.begun = true;
    CHECK(posted_.emplace(token, std::move(posted)).second);
    return switchboard_->Post(std::move(*event));
  }
  if (auto* other = std::get_if<ToNamespace>(&next)) {
    posted.space = other->number;
    return Post(token, std::move(other->event), std::move(posted));
  }
  const Underway known = posted.origin.underway;
  Status status = PostLast(token, std::get<Event>(std::move(next)), std::move(posted));
  if (!status.ok()) Conclude(token, known, ProblemResponse(status));
}

void Api::Impl::Aside(uint64_t token, std::function<void()> work, std::function<void(int64_t)> then, int64_t since_us,
                      std::shared_ptr<const Bounds> bounds) {
  Posted posted;
  posted.since_us = since_us;
  posted.bounds = std::move(bounds);
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
Api::Api(const ApiOptions& options, Switchboard* switchboard) : impl_(std::make_unique<Impl>(options, switchboard)) {}
Api::~Api() = default;
void Api::SetResponder(HttpResponder* responder) {
  impl_->SetResponder(responder);
}
void Api::SetSelf(const OwnMember& self) {
  impl_->SetSelf(self);
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
bool Api::CutPassed() {
  return impl_->CutPassed();
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
void Api::LeaveNamespace(NamespaceNumber number) {
  impl_->LeaveNamespace(number);
}
void Api::EndNamespace(NamespaceNumber number) {
  impl_->EndNamespace(number);
}
bool Api::GiveUp(std::optional<NamespaceNumber> number) {
  return impl_->GiveUp(number);
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
