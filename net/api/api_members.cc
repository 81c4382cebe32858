// Api and the other members of the cluster: what is theirs is passed on (passing.h), what they pass on is this one's or refused, and what waits here
// goes after a namespace that leaves. Contract section 23.
#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "net/api/api_impl.h"
#include "net/api/body_coding.h"
#include "net/api/fields.h"
#include "net/api/figures_requests.h"
#include "net/api/json_shape.h"
#include "net/api/list_query.h"
#include "net/api/passing_figures.h"
#include "net/api/requests.h"
#include "net/api/routes.h"
#include "net/api/stranded.h"

namespace notifyd {
namespace {

constexpr const char* kNoRoom = "too much is buffered; try again later";

/// Of these each member says a part of the answer, whatever the query.
bool IsGathered(const RouteRow& row) {
  return row.verb == Verb::kGet && (row.path == "/v1/namespaces" || row.path == "/v1/namespaces/{ns}" || row.path == "/v1/cluster");
}

bool KnowsItself(const std::vector<Member>& members) {
  return std::any_of(members.begin(), members.end(), [](const Member& member) { return member.self; });
}

/// Of the query's `limit`; one that cannot be read is refused by whoever is asked.
size_t LimitIn(std::string_view query) {
  size_t limit = ListQuery().limit;
  if (Result<QueryParameters> parameters = ParseQuery(query); parameters.ok())
    for (const auto& [name, value] : *parameters)
      if (name == "limit") limit = static_cast<size_t>(std::max<int64_t>(1, ParseInteger(value).value_or(1)));
  return limit;
}

}  // namespace

void Api::Impl::MakePassing() {
  CHECK(options_.members != nullptr && options_.passing != nullptr);
  passing_ = std::make_unique<Passing>(Passing::Setup{
      .places = options_.places,
      .client = options_.members,
      .figures = options_.passing,
      .now_us = [this] { return NowUs(); },
      .is_removed =
          [this](NamespaceNumber number) {
            if (number <= kSystemNumber) return false;  // they exist always
            const std::shared_ptr<const NamespaceRow> row = access_.table()->FindNamespace(number);
            return !row || row->deleting;
          },
      .here = [this](uint64_t token, HttpRequest request, Underway underway) { TakeUp(token, std::move(request), std::move(underway)); },
      .here_in_pieces = [this](uint64_t token, const HttpRequest& head) { OnHead(token, head); },
      .conclude = [this](uint64_t token, const Underway& underway, HttpResponse response) { Conclude(token, underway, std::move(response)); },
  });
  gather_ = std::make_unique<Gather>(options_.members);
}

std::optional<Subject> Api::Impl::SubjectOf(const HttpRequest& head, const Route& route, const Granted& granted) const {
  const RouteRow& row = *route.row;
  if (row.open()) return std::nullopt;
  // Alerts are kept where the leader is, and so is the history of the process.
  if (row.path.starts_with("/v1/alerts")) return Subject::Of(row, kSystemNumber, /*lines=*/false);
  if (row.path == "/v1/history")
    if (Result<QueryParameters> query = ParseQuery(route.query); query.ok() && AsksForProcessAlone(*query))
      return Subject::Of(row, kSystemNumber, /*lines=*/false);
  // What is gathered is asked of each for what it serves itself.
  if (granted.passed_on && IsGathered(row)) return std::nullopt;
  if (!row.of_registry() && (row.sphere != Need::Sphere::kNamespace || !granted.asker.space)) return std::nullopt;
  return Subject::Of(row, granted.asker.number(), IsBulkSubmit(head, route));
}

std::optional<Gather::Plan> Api::Impl::PlanOf(const Route& route, const Granted& granted) const {
  const RouteRow& row = *route.row;
  const bool all = row.sums && NeedOf(route).sphere == Need::Sphere::kAll;
  if (!all && !IsGathered(row) && !(row.path == "/metrics" && AsksMembers(route.query))) return std::nullopt;
  Gather::Plan plan;
  plan.members = options_.places->Members();
  const auto leads = [](const Member& member) { return member.leading; };
  const auto self = [](const Member& member) { return member.self; };
  if (row.path == "/v1/cluster") {
    const auto leader = std::find_if(plan.members.begin(), plan.members.end(), leads);
    plan.join = [name = leader == plan.members.end() ? std::string() : leader->name](const Gathered& gathered) {
      return JoinCluster(gathered, name);
    };
    std::erase_if(plan.members, [&](const Member& member) { return !leads(member); });
  } else if (row.path == "/v1/namespaces/{ns}") {
    plan.join = JoinNamespace;
    const Place place = options_.places->Of(granted.asker.number());
    std::erase_if(plan.members, [&](const Member& member) { return !leads(member) && (place.member.empty() || member.name != place.member); });
  } else if (row.path == "/v1/namespaces") {
    plan.join = JoinNamespaces;
  } else if (row.path == "/metrics") {
    plan.join = JoinMetrics;
  } else if (row.path == "/v1/stats") {
    plan.join = JoinStats;
  } else {
    plan.join = [limit = LimitIn(route.query)](const Gathered& gathered) { return JoinLists(gathered, limit); };
  }
  // Of namespaces the leader's word counts most, of all else one's own.
  if (row.of_registry()) std::stable_partition(plan.members.begin(), plan.members.end(), leads);
  else std::stable_partition(plan.members.begin(), plan.members.end(), self);
  plan.own_first = plan.members.empty() || self(plan.members.front()) || !row.of_registry();
  return plan;
}

bool Api::Impl::AwaitsMembers(uint64_t token, HttpRequest* request) {
  if (awaited_ || KnowsItself(options_.places->Members())) return false;
  kept_[token] = {std::move(*request)};
  // Whoever has `default` is seen with the members, or soon after.
  options_.places->Await(kDefaultNumber, Gather::kMostMs, [this, client = options_.members, token, alive = std::weak_ptr<bool>(alive_)] {
    client->Post([this, token, alive] {
      auto kept = alive.expired() ? decltype(kept_)::node_type() : kept_.extract(token);
      if (kept.empty()) return;
      awaited_ = true;
      TakeUp(token, std::move(kept.mapped().request), {});
      awaited_ = false;
    });
  });
  return true;
}

bool Api::Impl::GatherAll(uint64_t token, HttpRequest* request, const Route& route, const Granted& granted) {
  if (granted.passed_on) return false;
  std::optional<Gather::Plan> plan = PlanOf(route, granted);
  if (!plan) return false;
  if (AwaitsMembers(token, request)) return true;
  const auto self = [](const Member& member) { return member.self; };
  const bool of_members = !IsGathered(*route.row) || route.row->path == "/v1/cluster";
  if (of_members && !KnowsItself(options_.places->Members())) {
    responder_->Respond(token, ProblemResponse(Status(Code::kUnavailable, "this broker is no member of its cluster yet; try again")));
    return true;
  }
  if (route.row->path != "/v1/stats" && !IsGathered(*route.row)) {
    // It takes a core, or several: this one is asked like the others.
    gather_->Begin(token, std::move(*request), *std::move(plan));
    return true;
  }
  std::variant<Granted, Refusal> judged = access_.Admit(*request, route, Wall());
  if (Refusal* refusal = std::get_if<Refusal>(&judged)) {
    Refuse(token, *request, std::move(*refusal), /*body_waits=*/false);
    return true;
  }
  Asker& asker = std::get<Granted>(judged).asker;
  NoteUse(std::get<Granted>(judged));
  Result<Asked> asked = ReadRequest(Id(token), route, *request, tools_, &asker, /*aside=*/false);
  HttpResponse* answer = asked.ok() ? std::get_if<HttpResponse>(&*asked) : nullptr;
  CHECK(answer || !asked.ok());  // of these nobody else is asked here
  HttpResponse own = answer ? std::move(*answer) : RefusalOf(asked.status(), {});
  if (own.status != 200) {
    responder_->Respond(token, std::move(own));
    return true;
  }
  plan->own = std::move(own);
  plan->own_name = options_.member;
  std::erase_if(plan->members, self);
  gather_->Begin(token, std::move(*request), *std::move(plan));
  return true;
}

bool Api::Impl::IsElsewhere(const Posted& posted) const {
  return (leaving_ && posted.origin.passed_on) || options_.places->Of(posted.space).kind != Place::Kind::kHere;
}

bool Api::Impl::IsGone(const Posted& posted, const ReplyBody& reply) const {
  const Refused* refused = std::get_if<Refused>(&reply);
  if (!refused || refused->status.code() != Code::kUnavailable) return false;
  return (!posted.steps || posted.steps->BeginsAnew()) && IsElsewhere(posted);
}

void Api::Impl::GoElsewhere(uint64_t token, Posted posted) {
  Origin& origin = posted.origin;
  if (origin.passed_on) return Conclude(token, origin.underway, NotHereResponse());
  Underway underway = std::move(origin.underway);
  // What is every broker's begins anew here, once.
  const bool again = origin.request && !leaving_ && (origin.subject || !underway.admitted);
  if (!again && leaving_) return Conclude(token, underway, LeavingResponse(*leaving_));
  if (!again)
    return Conclude(token, underway,
                    ProblemResponse(Status(Code::kUnavailable, "what this request is about is on its way to another broker; try again")));
  underway.progress.waited_ms = WaitedMs(posted);
  underway.admitted = true;
  underway.begun = true;  // it may be, there
  HttpRequest request = std::move(*origin.request);
  request.body.reserve(request.body.size() + HttpRequest::kPaddingBytes);
  if (!origin.subject) return TakeUp(token, std::move(request), std::move(underway));
  passing_->Begin(token, std::move(request), *origin.subject, std::move(underway));
}

bool Api::Impl::WaitsOnElsewhere(uint64_t token, Posted* posted, const std::optional<CarriedOut>& what, ReplyBody* reply) {
  if (!what || !IsElsewhere(*posted)) return false;
  Origin& origin = posted->origin;
  HttpResponse so_far;
  if (!posted->steps) so_far = Render(tools_->replies, *posted, *reply);
  else so_far = std::get<HttpResponse>(posted->steps->Next(std::move(*reply)));  // a submit, of which nothing follows
  if (origin.passed_on) {
    so_far.headers.emplace_back(kWaitsOnHeader, EncodeCarriedOut(*what));
    responder_->Respond(token, std::move(so_far));
    return true;
  }
  origin.underway.progress.carried_out = what;
  origin.underway.so_far = std::make_shared<HttpResponse>(std::move(so_far));
  if (origin.request) origin.request->body = std::string();
  GoElsewhere(token, std::move(*posted));
  return true;
}

bool Api::Impl::RefusedAsSecondHop(uint64_t token, const Granted& granted, bool body_waits) {
  if (!granted.passed_on) return false;
  options_.passing->Count(PassingFigures::kSecondHop);
  HttpResponse response = NotHereResponse();
  response.close = body_waits;
  responder_->Respond(token, std::move(response));
  return true;
}

bool Api::Impl::PassOn(uint64_t token, HttpRequest* request, const Result<Route>& route, Underway* underway, std::optional<Subject>* subject,
                       WallTime* served_since) {
  // Looked at only: one that is signed is taken once, by whoever serves it.
  const std::variant<Granted, Refusal> judged = access_.Look(*request, route, Wall());
  const Granted* granted = std::get_if<Granted>(&judged);
  if (!granted) return false;
  if (GatherAll(token, request, *route, *granted)) return true;
  *subject = SubjectOf(*request, *route, *granted);
  const Place place = *subject ? passing_->PlaceOf(**subject) : Place();
  if (place.kind == Place::Kind::kHere) {
    *served_since = place.since;
    NoteUse(*granted);
    return false;
  }
  if (granted->passed_on && !underway->progress.carried_out) {
    if (std::optional<HttpResponse> stranded = StrandedResponse(place)) {
      Conclude(token, *underway, *std::move(stranded));
      return true;
    }
  }
  if (RefusedAsSecondHop(token, *granted, /*body_waits=*/false)) return true;
  if (leaving_) Conclude(token, *underway, LeavingResponse(*leaving_));
  else passing_->Begin(token, std::move(*request), **subject, std::move(*underway));
  return true;
}

bool Api::Impl::PassOnInPieces(uint64_t token, const HttpRequest& head, const Result<Route>& route) {
  const std::variant<Granted, Refusal> judged = access_.Look(head, route, Wall());
  const Granted* granted = std::get_if<Granted>(&judged);
  if (!granted) return false;
  const std::optional<Subject> subject = SubjectOf(head, *route, *granted);
  if (!subject || passing_->ServedHere(*subject)) {
    NoteUse(*granted);
    return false;
  }
  if (std::optional<HttpResponse> stranded = StrandedResponse(passing_->PlaceOf(*subject)); stranded && granted->passed_on) {
    stranded->close = true;
    responder_->Respond(token, *std::move(stranded));
    return true;
  }
  if (RefusedAsSecondHop(token, *granted, /*body_waits=*/true)) return true;
  // Whoever takes no bulk submits any more passes none on, either.
  if (leaving_) return false;
  passing_->BeginPieces(token, head, *subject);
  return true;
}

const HttpRequest* Api::Impl::Keep(HttpRequest* request, Route* route, Origin* origin) const {
  if (!passing_ || origin->passed_on) return request;
  const size_t at = route->query.empty() ? 0 : static_cast<size_t>(route->query.data() - request->target.data());
  origin->request = std::make_unique<HttpRequest>(std::move(*request));
  if (!route->query.empty()) route->query = std::string_view(origin->request->target).substr(at, route->query.size());
  return origin->request.get();
}

bool Api::Impl::LooksAnew(uint64_t token, const HttpRequest& head, const Refusal& refusal, bool in_pieces) {
  if (!passing_ || !refusal.may_be_new || looked_ || options_.places->OfRegistry().kind == Place::Kind::kHere) return false;
  kept_[token] = {head, in_pieces};
  if (in_pieces) responder_->PauseBody(token);
  options_.places->LookAnew([this, client = options_.members, token, alive = std::weak_ptr<bool>(alive_)] {
    client->Post([this, token, alive] {
      if (!alive.expired()) Looked(token);
    });
  });
  return true;
}

void Api::Impl::Looked(uint64_t token) {
  auto kept = kept_.extract(token);
  if (kept.empty()) return;  // the client went away
  HttpRequest request = std::move(kept.mapped().request);
  looked_ = true;
  if (kept.mapped().in_pieces) {
    LookedInPieces(token, std::move(request));
  } else {
    // What was refused had nothing reserved for its answer.
    request.body.reserve(request.body.size() + HttpRequest::kPaddingBytes);
    const size_t bytes = Demand(request).answer_bytes;
    if (bytes > 0 && !responder_->Reserve(token, bytes)) responder_->Respond(token, ProblemResponse(Status(Code::kTooMany, kNoRoom)));
    else OnRequest(token, std::move(request));
  }
  looked_ = false;
}

void Api::Impl::LookedInPieces(uint64_t token, HttpRequest head) {
  const Result<Route> route = FindRoute(head.method, head.target);
  if (route.ok() && IsBulkSubmit(head, *route)) {
    OnHead(token, head);
  } else if (std::variant<Granted, Refusal> judged = access_.Look(head, route, Wall()); std::holds_alternative<Refusal>(judged)) {
    return Refuse(token, head, std::get<Refusal>(std::move(judged)), /*body_waits=*/true);
  } else {
    kept_[token] = {std::move(head), true, /*gathers=*/true};
  }
  // Whoever passes it on says when.
  if (!passing_->Has(token)) responder_->ResumeBody(token);
}

bool Api::Impl::KeepsBody(uint64_t token, std::string_view piece) {
  auto kept = kept_.find(token);
  if (kept == kept_.end()) return false;
  std::string& body = kept->second.request.body;
  const bool fits = body.size() + piece.size() <= options_.max_request_bytes;
  if (fits && responder_->Reserve(token, body.size() + piece.size())) {
    body.append(piece);
    return true;
  }
  kept_.erase(kept);
  HttpResponse refused = fits ? ProblemResponse(Status(Code::kTooMany, kNoRoom)) : ProblemResponse(413, "the request's body is too large");
  refused.close = true;
  responder_->Respond(token, std::move(refused));
  return true;
}

bool Api::Impl::KeepsBodyEnd(uint64_t token) {
  auto kept = kept_.find(token);
  if (kept == kept_.end()) return false;
  kept->second.in_pieces = false;
  Looked(token);
  return true;
}

/// What waits for what is known of tokens and members was begun nowhere. Returns whether there was any.
bool Api::Impl::EndKept() {
  const auto kept = std::exchange(kept_, {});
  for (const auto& [token, waiting] : kept) {
    HttpResponse response = IsPassedOn(waiting.request) ? NotHereResponse() : LeavingResponse(leaving_.value_or(Leaving::kStopping));
    response.close = waiting.in_pieces;
    responder_->Respond(token, std::move(response));
  }
  return !kept.empty();
}

bool Api::Impl::CutPassed() {
  if (!passing_) return false;
  const bool passed = passing_->CutAll(), gathered = gather_->CutAll(), kept = EndKept();
  return passed || gathered || kept;
}

void Api::Impl::LeaveNamespace(NamespaceNumber number) {
  live_.End(number);
  std::vector<std::pair<uint64_t, std::shared_ptr<Stream>>> streams;
  for (auto& [token, stream] : streams_)
    if (stream->space == number) streams.emplace_back(token, stream);
  for (auto& [token, stream] : streams) {
    if (stream->gone) continue;
    stream->body_open = false;
    stream->gunzip.reset();
    stream->bulk.TakeStop(Leaving::kRestarting);
    Pump(token, stream);
  }
  std::vector<uint64_t> waits;
  for (const auto& [token, posted] : posted_)
    if (posted.space == number && posted.wait != Wait::kNone && posted.origin.looks) waits.push_back(token);
  for (uint64_t token : waits) {
    Posted posted = std::move(posted_.extract(token).mapped());
    EndWait(&posted);
    switchboard_->Post(number, Disconnected{Id(token)});
    GoElsewhere(token, std::move(posted));
  }
}

void Api::Impl::EndNamespace(NamespaceNumber number) {
  EndUnanswered(number, "the broker that served this handed it over before its answer: the request may have been carried out, or not");
}

bool Api::Impl::GiveUp(std::optional<NamespaceNumber> number) {
  const bool any = EndUnanswered(number, "the broker stopped before the store answered: the request may have been carried out, or not");
  const bool kept = !number && EndKept();
  return any || kept;
}

bool Api::Impl::EndUnanswered(std::optional<NamespaceNumber> of, const char* unknown) {
  std::vector<std::pair<uint64_t, std::shared_ptr<Stream>>> streams;
  for (auto& [token, stream] : streams_)
    if ((!of || stream->space == *of) && stream->under_way) streams.emplace_back(token, stream);
  for (auto& [token, stream] : streams)
    if (!stream->gone) EndWith(token, stream, ProblemResponse(504, unknown));
  std::vector<uint64_t> unanswered;
  // What is on another thread, and was not begun, comes back from there by itself.
  for (const auto& [token, posted] : posted_)
    if (of ? posted.space == *of && !posted.aside : posted.origin.underway.begun) unanswered.push_back(token);
  for (uint64_t token : unanswered) {
    Posted posted = std::move(posted_.extract(token).mapped());
    EndWait(&posted);
    if (posted.origin.looks) GoElsewhere(token, std::move(posted));
    else Conclude(token, posted.origin.underway, ProblemResponse(504, unknown));
  }
  return !streams.empty() || !unanswered.empty();
}

}  // namespace notifyd
