// Api's answers: what becomes of replies, of requests whose credentials do not hold any more, and of what is answered of either.
#include <algorithm>
#include <utility>

#include "broker/figures_events.h"
#include "net/api/api_impl.h"
#include "net/api/body_coding.h"
#include "net/api/demand.h"
#include "net/api/group_json.h"
#include "net/api/group_steps.h"
#include "net/api/json_shape.h"
#include "net/api/problem.h"
#include "net/api/requests.h"
#include "net/api/responses.h"
#include "net/api/service_json.h"
#include "net/api/waits.h"

namespace notifyd {
namespace {

constexpr const char* kPatchTypes = "application/merge-patch+json, application/json";
/// Beside its quota, or a 64th of that where it is more, a namespace has so much room for what the audit keeps of changes.
constexpr uint64_t kAuditRoomBytes = 1 << 20;
constexpr const char* kNoRoom = "too much is buffered; try again later";
constexpr const char* kSubmittedBefore = "the credential is not valid any more: what was submitted before may have been taken, or not";

/// A credential's end is seen to so soon. Contract section 8: a change holds within 2 s.
constexpr int64_t kLookAgainMs = 1'000;

/// Has whoever was asked for it refused it before anything of it was done?
bool IsRefusedAtOnce(int status) {
  return status == 429 || status == 503 || status == 507;
}

}  // namespace

void Api::Impl::NoteLanes(const ReplyBody& reply, std::vector<LaneKey>* lanes) {
  const auto note = [lanes](const SubmittedItem& item) {
    if (item.lane_set) lanes->push_back(item.lane);
  };
  if (const Waited* waited = std::get_if<Waited>(&reply)) note(waited->item);
  if (const Submitted* submitted = std::get_if<Submitted>(&reply)) std::for_each(submitted->items.begin(), submitted->items.end(), note);
}

void Api::Impl::OnReply(Reply reply) {
  if (live_.TookReply(reply)) return;
  uint64_t token = reply.request.token;
  if (std::shared_ptr<Stream> stream = FindStream(token)) return OnStreamReply(token, stream, reply);
  auto found = posted_.find(token);
  if (found == posted_.end()) return;  // the client went away
  Posted posted = std::move(found->second);
  posted_.erase(found);
  EndWait(&posted);
  const BulkDone* bulk = std::get_if<BulkDone>(&reply.body);
  NoteLanes(reply.body, &posted.lanes_set);
  posted.unchanged = reply.unchanged || (bulk && bulk->count == 0);
  // Before it is known whether there is room for what is shown of it.
  const std::optional<CarriedOut> carried_out = passing_ && posted.waited ? CarriedOutBy(reply.body) : std::nullopt;
  if (!posted.traces.empty()) Traced(std::exchange(posted.traces, {}), reply.body, posted.since_us);
  if (posted.waited && !FindRoom(token, &reply.body))
    return Conclude(token, posted.origin.underway, ProblemResponse(Status(Code::kTooMany, kNoRoom)));
  if (passing_ && IsGone(posted, reply.body)) return GoElsewhere(token, std::move(posted));
  if (WaitsOnElsewhere(token, &posted, carried_out, &reply.body)) return;
  if (options_.aside && GoesAside(posted, reply.body)) return StepAside(token, std::move(posted), std::move(reply.body));
  if (posted.steps) {
    NextStep next = posted.steps->Next(std::move(reply.body));
    return GoOn(token, std::move(posted), std::move(next));
  }
  bool acknowledged = std::holds_alternative<Submitted>(reply.body);
  const int64_t since_us = posted.since_us;
  HttpResponse response = Render(tools_->replies, posted, reply.body);
  Answer(token, std::move(posted), std::move(response), bulk ? bulk->count : 1);
  if (acknowledged) Acknowledged(since_us);
}

bool Api::Impl::FindRoom(uint64_t token, ReplyBody* reply) {
  if (Waited* end = std::get_if<Waited>(reply)) {
    // It is accepted whatever there is room for: that much is said.
    const size_t shown = end->view ? BytesToShow(end->view.value()) + (end->response ? BytesToShow(*end->response) : 0) : size_t{0};
    if (shown > 0 && !responder_->Reserve(token, shown)) end->view.reset();
    return true;
  }
  if (GroupAnswered* group = std::get_if<GroupAnswered>(reply)) {
    if (responder_->Reserve(token, BytesToShow(*group->answer))) return true;
    const GroupView* view = std::get_if<GroupView>(&group->answer->what);
    if (!view || view->as == GroupAs::kSeen) return false;
    // Likewise.
    GroupView brief = *view;
    brief.responses.clear();
    brief.brief = true;
    group->answer = std::make_shared<const GroupAnswer>(GroupAnswer{std::move(brief)});
    return true;
  }
  size_t bytes = 0;
  if (const Viewed* viewed = std::get_if<Viewed>(reply)) bytes = BytesToShow(viewed->view);
  if (const ServiceAnswered* service = std::get_if<ServiceAnswered>(reply)) bytes = BytesToShow(*service->answer);
  return bytes == 0 || responder_->Reserve(token, bytes);
}

void Api::Impl::OnRegistryReply(RegistryReply reply) {
  const uint64_t token = TokenOfRegistryRequest(reply.request);
  auto found = posted_.find(token);
  if (found == posted_.end()) return;  // the client went away
  Posted posted = std::move(found->second);
  posted_.erase(found);
  NextStep next = posted.steps->Next(std::move(reply));
  GoOn(token, std::move(posted), std::move(next));
}

void Api::Impl::Acknowledged(int64_t since_us) {
  if (options_.acknowledgement) options_.acknowledgement->Observe(NowUs() - since_us);
}

void Api::Impl::Traced(const SampledTraces& traces, const ReplyBody& answer, int64_t since_us) {
  options_.tracer->Submitted(traces, answer, NowUs() - since_us);
}

void Api::Impl::EndWait(Posted* posted) {
  if (std::exchange(posted->wait, Wait::kNone) == Wait::kNone) return;
  options_.waiters->GiveBack(posted->space);
}

void Api::Impl::PostEndOfWait(NamespaceNumber space, uint64_t token) {
  switchboard_->Post(space, FiguresRequest{{}, std::make_shared<const FiguresAsk>(FiguresAsk{EndWaitAsk{Id(token)}})});
}

HttpResponse Api::Impl::RefusalOf(const Status& status, std::string_view method) {
  HttpResponse response = ProblemResponse(status);
  if (IsOtherCoding(status)) response.headers.emplace_back("Accept-Encoding", "gzip");
  // RFC 5789 section 2.2.
  else if (status.code() == Code::kUnsupportedMedia && method == "PATCH") response.headers.emplace_back("Accept-Patch", kPatchTypes);
  return response;
}

bool Api::Impl::GoesOn(const Posted& posted) const {
  if (!posted.bounds) return access_.Holds(Principal::Anybody(), {}, Wall());
  ScopeSet scopes = posted.bounds->row->scopes;
  for (Scope shows : {Scope::kRead, Scope::kReadBodies}) scopes.Add(shows);
  return GoesOn(posted.bounds->asker, scopes);
}

void Api::Impl::EndWhatIsOver() {
  const WallTime now = Wall();
  bool ends = false;
  auto until = [this](const Asker& asker) { return asker.principal.HoldsUntil(*access_.table()); };
  std::vector<std::pair<uint64_t, std::shared_ptr<Stream>>> streams;
  for (auto& [token, stream] : streams_) {
    if (!GoesOn(*stream)) streams.emplace_back(token, stream);
    else ends = ends || until(*stream->asker) != kWallNever;
  }
  for (auto& [token, stream] : streams)
    if (!stream->gone) EndRevoked(token, stream);
  std::vector<uint64_t> waits;
  for (auto& [token, posted] : posted_) {
    if (posted.wait == Wait::kNone) continue;
    const WallTime end = posted.bounds ? until(posted.bounds->asker) : kWallNever;
    // Its time came, as whoever waits knew it would: no outcome is unknown because of that.
    if (end <= now) CutWait(token, &posted);
    else if (!GoesOn(posted)) waits.push_back(token);
    else ends = ends || end != kWallNever;
  }
  for (uint64_t token : waits) {
    Posted posted = std::move(posted_.extract(token).mapped());
    EndWait(&posted);
    switchboard_->Post(posted.space, Disconnected{Id(token)});
    // What it waited for the end of was submitted before.
    const bool begun = !posted.origin.looks;
    Conclude(token, posted.origin.underway, begun ? ProblemResponse(504, kSubmittedBefore) : ProblemResponse(401, kNotValidAnyMore));
  }
  live_.EndWhatIsOver();
  if (ends) LookAgain();
}

void Api::Impl::LookAgain() {
  if (looks_again_ || !options_.hold_timer) return;
  looks_again_ = true;
  options_.hold_timer(kLookAgainMs, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    looks_again_ = false;
    EndWhatIsOver();
  });
}

void Api::Impl::RenewStreams() {
  const std::shared_ptr<const AccessTable>& table = access_.table();
  for (auto& [token, stream] : streams_) {
    auto asker = std::make_shared<Asker>(*stream->asker);
    asker->principal = asker->principal.In(*table);
    if (std::shared_ptr<const NamespaceRow> space = table->FindNamespace(stream->space)) asker->space = std::move(space);
    asker->table = table;
    stream->asker = std::move(asker);
    stream->bulk.SetAsker(stream->asker);
  }
}

void Api::Impl::CutWait(uint64_t token, Posted* posted) {
  EndWait(posted);
  PostEndOfWait(posted->space, token);
}

bool Api::Impl::GoesAside(const Posted& posted, const ReplyBody& reply) const {
  if (posted.steps && posted.steps->heavy()) return true;
  if (BytesIn(reply) <= kLargeJsonBytes) return false;
  return !posted.steps || posted.steps->GoAside(std::make_shared<RequestTools>(&options_, tools_->secrets));
}

HttpResponse Api::Impl::Render(const Replies& replies, const Posted& posted, const ReplyBody& body) {
  const GroupAnswered* group = std::get_if<GroupAnswered>(&body);
  Sight sight{.number = posted.space};
  if (posted.bounds) sight = group ? SightOf(posted.bounds->asker, *group->answer) : SightOf(posted.bounds->asker);
  if (posted.bounds && IsHidden(*posted.bounds, body)) return ProblemResponse(NothingThere(*posted.bounds->row));
  return replies.Render(body, sight);
}

bool Api::Impl::IsHidden(const Bounds& bounds, const ReplyBody& body) {
  if (!bounds.row->scopes.Has(Scope::kSubmit) || !IsBounded(bounds.asker, *bounds.row)) return false;
  if (const GroupAnswered* group = std::get_if<GroupAnswered>(&body)) return bounds.row->names_group() && !MaySee(bounds.asker, *group->answer);
  if (const Viewed* viewed = std::get_if<Viewed>(&body)) return !MaySee(bounds.asker, *viewed->view.record->envelope, /*route_is_own=*/true);
  return std::holds_alternative<RememberedViewed>(body) && !bounds.asker.principal.Has(Scope::kRead);
}

void Api::Impl::Answer(uint64_t token, Posted posted, HttpResponse response, uint64_t count) {
  const RouteRow* row = posted.bounds ? posted.bounds->row : nullptr;
  const bool changed = row && row->audit && response.status < 300 && !posted.dry_run && !posted.unchanged;
  // An instance that says something else of itself is no change by anybody: by whoever operates, it is.
  const bool told = changed && (!row->first_alone || response.status == 201 || posted.bounds->asker.principal.Has(Scope::kOperate));
  if (told) return AnswerAudited(token, std::move(posted), std::move(response), EntryOf(*posted.bounds, count));
  if (posted.bounds && !posted.lanes_set.empty()) {
    AuditEntry entry = EntryOfLanes(posted.bounds->asker, posted.lanes_set);
    return AnswerAudited(token, std::move(posted), std::move(response), std::move(entry));
  }
  Conclude(token, posted.origin.underway, std::move(response));
}

void Api::Impl::AnswerAudited(uint64_t token, Posted posted, HttpResponse response, AuditEntry entry) {
  posted.aside = true;
  CHECK(posted_.emplace(token, std::move(posted)).second);
  auto answer = [this, token, response = std::make_shared<HttpResponse>(std::move(response)), alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    auto audited = posted_.extract(token);
    if (!audited.empty()) Conclude(token, audited.mapped().origin.underway, std::move(*response));
  };
  switchboard_->Audit(std::move(entry), [answer = std::move(answer), later = options_.later] { later ? later(answer) : answer(); });
}

void Api::Impl::Conclude(uint64_t token, const Underway& underway, HttpResponse response) {
  if (response.status >= 300 && underway.so_far) response = std::move(*underway.so_far);
  else if (underway.in_doubt) response = AnswerInDoubt(std::move(response));
  if (underway.nonce && (!underway.begun || IsRefusedAtOnce(response.status))) access_.GiveBack(*underway.nonce);
  responder_->Respond(token, std::move(response));
}

AuditEntry Api::Impl::EntryOfLanes(const Asker& asker, const std::vector<LaneKey>& lanes) const {
  AuditEntry entry{.at = Wall(), .who = asker.principal.name(), .what = "lane_changed", .object = {}, .from = asker.from};
  if (lanes.size() == 1) entry.object = std::string(ToString(lanes[0].mode)) + "/" + lanes[0].name;
  if (asker.space) entry.space = asker.space->name;
  entry.count = lanes.size();
  entry.said = "on_retry";
  return entry;
}

Status Api::Impl::CheckAuditRoom(const Bounds& bounds) const {
  const RouteRow& row = *bounds.row;
  const Grant* grant = bounds.asker.principal.grant();
  // What an instance says again and again is the core's to judge: it knows whether that is new.
  const bool audited = (row.audit && !row.first_alone) || (row.of_registry() && row.changes());
  if (!audited || row.makes_room() || !grant || grant->IsAdminOfAll()) return Status::Ok();
  if (options_.disk_low && options_.disk_low())
    return Status(Code::kDiskFull, "the disk is nearly full: changes that make no room are refused until space is free again");
  const auto check = [this](const NamespaceRow* space) {
    if (!space || !IsFull(*space)) return Status::Ok();
    return Status(Code::kDiskFull, "the namespace " + space->name +
                                       " stores as much as it may, what the audit keeps of it among that: max_stored_bytes is " +
                                       std::to_string(*space->settings.max_stored_bytes));
  };
  if (bounds.asker.space) return check(bounds.asker.space.get());
  for (const std::string& name : grant->namespaces.names) NOTIFYD_TRY(check(access_.table()->FindNamespace(name).get()));
  return Status::Ok();
}

bool Api::Impl::IsFull(const NamespaceRow& space) const {
  const std::optional<uint64_t> most = space.settings.max_stored_bytes;
  if (!most || !options_.board) return false;
  // Of one that sleeps it is not known how much that is by now, but for the audit: what comes wakes it.
  const NamespaceFigures figures = options_.board->Figures(space.number);
  const uint64_t stored =
      figures.awake ? figures.stored_bytes + options_.audit_bytes->Fresh(space.name) : options_.audit_bytes->Of(space.name, Wall());
  // Or nobody could change what fills it.
  return stored >= *most + std::max(*most / 64, kAuditRoomBytes);
}

AuditEntry Api::Impl::EntryOf(const Bounds& bounds, uint64_t count) const {
  const Asker& asker = bounds.asker;
  return {.at = Wall(),
          .who = asker.principal.name(),
          .what = bounds.row->audit,
          .object = bounds.object,
          .from = asker.from,
          .space = asker.space ? asker.space->name : std::string(),
          .count = count,
          .said = asker.said};
}

}  // namespace notifyd
