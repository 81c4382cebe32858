// The core's face: dispatch of events, the open batch, what waits for a write or a sync, replies. See core_impl.h.
#include "broker/core.h"

#include <algorithm>
#include <utility>

#include "broker/core_alerts.h"
#include "broker/core_groups.h"
#include "broker/core_history.h"
#include "broker/core_merging.h"
#include "broker/core_pauses.h"
#include "broker/core_responses.h"
#include "broker/core_schedules.h"
#include "broker/core_services.h"
#include "broker/core_shared_hosts.h"
#include "broker/core_shedding.h"
#include "broker/core_topics.h"

namespace notifyd {
namespace {

/// How long an answer waits for a store that is not reached: as long as a request for a namespace that moves does (contract section 23).
constexpr int64_t kMostUnknownMs = 5'000;

}  // namespace

Core::Core(const CoreLimits& limits, const Totals& totals, const Now& now, uint64_t seed) : impl_(new Impl(limits, totals, now, seed)) {}
Core::~Core() = default;
void Core::Step(const Now& now, Event event, Effects* out) {
  impl_->Step(now, std::move(event), out);
}
void Core::Finish(const Now& now, Effects* out) {
  impl_->Finish(now, out);
}
Wake Core::NextWake() const {
  return impl_->NextWake();
}
bool Core::ready() const {
  return impl_->ready();
}
const Totals& Core::totals() const {
  return impl_->totals();
}
PendingByState Core::states() const {
  return impl_->history_->States();
}
void Core::TakeSharedUses(std::vector<SharedUse>* out) {
  impl_->TakeSharedUses(out);
}
CoreUsage Core::usage() const {
  return impl_->usage();
}
const StoredUse& Core::stored() const {
  return impl_->stored_;
}
std::optional<WallTime> Core::idle(WallTime now) const {
  return impl_->idle(now);
}
void Core::CheckInvariants() const {
  impl_->CheckInvariants();
}

Core::Impl::Impl(const CoreLimits& limits, const Totals& totals, const Now& now, uint64_t seed)
    : limits_(limits),
      own_max_loaded_(limits.max_loaded),
      books_(totals),
      random_(seed),
      now_(now),
      reached_(now.wall),
      figures_(now.mono),
      shared_(std::make_unique<SharedHosts>(this)),
      shedding_(std::make_unique<Shedding>(this)),
      services_(std::make_unique<ServicePart>(this)),
      topics_(std::make_unique<TopicPart>(this)),
      groups_(std::make_unique<GroupPart>(this)),
      schedules_(std::make_unique<SchedulePart>(this)),
      responses_(std::make_unique<ResponsePart>(this)),
      history_(std::make_unique<HistoryPart>(this)),
      alerts_(std::make_unique<AlertPart>(this)),
      pauses_(std::make_unique<PausePart>(this)),
      merging_(std::make_unique<MergePart>(this)),
      wall_(now.wall.ms),
      mono_(now.mono.ms),
      expiry_(now.wall.ms),
      next_mark_(now.mono),
      turns_(Caps()) {
  CHECK(now.mono >= totals.mono);
  // An index with nothing in it needs no page: what arrives is in memory at once.
  bool empty = KeysOf(Clock::kWall) == 0;
  wall_.horizon().Set(empty ? DueKey{now.wall.ms + limits.lookahead_ms, {}} : totals.wall_mark);
  if (empty) search_.done.Set({totals.last_due_at_once.ms + 1, {}});
  search_.last = {totals.next_id - 1};
  mono_.horizon().Set(KeysOf(Clock::kMono) == 0 ? DueKey{now.mono.ms + limits.lookahead_ms, {}} : totals.mono_mark);
  expiry_.horizon().Set(totals.expiry_mark);
  LoadSlot(&switches_, SwitchesKey{});
  LoadCatalogFrom(0, "");
  if (totals.records[RecordKind::kAgenda] > 0)
    for (AgendaLine& line : agenda_.lines) line.until = totals.next_serial;
}

Core::Impl::~Impl() {
  expiry_.ForEach([](ExpiryTimer* timer) { delete timer; });
}

void Core::Impl::SetNow(const Now& now) {
  // The monotonic line never steps back, whatever the caller's clock does.
  now_ = {now.wall, std::max(now.mono, now_.mono)};
  reached_ = std::max(reached_, now.wall);
}

void Core::Impl::Step(const Now& now, Event event, Effects* out) {
  if (fatal_) return;
  SetNow(now);
  history_->Roll();
  out_ = out;
  std::visit([this](auto& e) { On(e); }, event);
  out_ = nullptr;
}

void Core::Impl::Finish(const Now& now, Effects* out) {
  if (fatal_) {
    if (out->fatal) out->writes.clear();
    return;
  }
  SetNow(now);
  history_->Roll();
  out_ = out;
  merging_->EndTurn();
  AdvanceWindows();
  FireThrottled();
  FireHostTokens();
  FireBreakers();
  services_->Fire();
  SweepBreakers();
  pauses_->Fire();
  EndPollsInTime();
  groups_->EndInTime();
  responses_->ForgetEarly();
  if (lost_ && now_.mono >= answer_unknown_at_) AnswerUnknown();
  PageWindows();
  schedules_->Fire();
  RunAgenda();
  shedding_->FetchHeads();
  Schedule();
  shedding_->Run();
  WakeSleepers();
  topics_->EndTurn();
  WriteLanes();
  WriteLaneCounts();
  history_->EndTurn();
  reads_under_way_ += out_->reads.size() + out_->lists.size() + out_->lanes.size();
  if (!open_load_.keys.empty()) {
    open_load_.ticket = next_ticket_++;
    loads_.emplace(open_load_.ticket, std::move(open_load_slots_));
    out_->loads.push_back(std::move(open_load_));
    open_load_ = {};
    open_load_slots_.clear();
  }
  if (journal_.MustClose(now_.mono, limits_.sync_delay_ms)) {
    if (now_.mono >= next_mark_) UpdateMarks();
    totals_.wall = now_.wall;
    totals_.mono = now_.mono;
    if (!open_touched_.empty()) touched_.emplace_back(journal_.open(), std::exchange(open_touched_, {}));
    out_->writes.push_back(journal_.Close(now_.mono, totals_));
  }
  // Whoever asked for what is being read is answered first: a namespace that goes to another member leaves its clients where they are.
  if (stop_asked_ && !drained_ && AtRest() && record_pages_.empty()) {
    drained_ = true;
    out_->drained = true;
  }
  if (closing_ || draining_) ReportRemoval();
  if (holding_ && !quiet_ && turns_.in_flight() == 0) quiet_ = out_->quiet = true;
  out_ = nullptr;
}

Wake Core::Impl::NextWake() const {
  Wake wake;
  wake.wall.ms = std::min(wall_.NextWake(now_.wall.ms, limits_.lookahead_ms, WindowRoom(Clock::kWall)),
                          expiry_.NextWake(now_.wall.ms, limits_.lookahead_ms, ExpiryRoom()));
  wake.mono.ms = mono_.NextWake(now_.mono.ms, limits_.lookahead_ms, WindowRoom(Clock::kMono));
  if (SearchRoom()) wake.wall.ms = std::min(wake.wall.ms, now_.wall.ms + 1);
  wake.mono = std::min(wake.mono, journal_.SyncDue(limits_.sync_delay_ms));
  wake.mono = std::min({wake.mono, polls_.NextEnd(), groups_->NextEnd(), responses_->NextForget(), shedding_->NextLook()});
  if (lost_ && now_.mono < answer_unknown_at_) wake.mono = std::min(wake.mono, answer_unknown_at_);
  if (AgendaWantsTurn() || merging_->WantsTurn() || (!expired_.empty() && MayLookUpMore())) wake.mono = now_.mono;
  if (!stopping_) wake.mono = std::min(wake.mono, topics_->NextWake());
  if (!throttled_.empty()) wake.mono = std::min(wake.mono, throttled_.begin()->first);
  if (!host_tokens_.empty()) wake.mono = std::min(wake.mono, host_tokens_.begin()->first);
  wake.mono = std::min(wake.mono, services_->NextWake());
  if (!breakers_.by_time.empty()) wake.mono = std::min(wake.mono, breakers_.by_time.begin()->first);
  if (!breakers_.sweeping && !stopping_) wake.mono = std::min(wake.mono, breakers_.next_sweep);
  schedules_->AddTo(&wake);
  wake.wall = std::min({wake.wall, history_->NextWake(), pauses_->NextEnd()});
  return wake;
}

// ---- batches and what waits for them

Handled Core::Impl::ReplyNow(RequestId request, ReplyBody body) {
  out_->replies.push_back({request, std::move(body)});
  return Handled::kDone;
}

Handled Core::Impl::ReplyAfter(uint64_t batch, RequestId request, ReplyBody body, bool unchanged) {
  Reply reply{request, std::move(body), unchanged};
  if (journal_.IsSynced(batch)) out_->replies.push_back(std::move(reply));
  else journal_.AfterSync(batch, std::move(reply));
  return Handled::kDone;
}

Handled Core::Impl::Refuse(RequestId request, Code code, std::string detail, std::string field, NotifyId holder) {
  return ReplyNow(request, Refused{Status(code, std::move(detail), std::move(field)), holder});
}

Handled Core::Impl::RefuseAfter(RequestId request, Code code, std::string detail, std::string field, NotifyId holder) {
  return ReplyAfter(journal_.Barrier(), request, Refused{Status(code, std::move(detail), std::move(field)), holder});
}

bool Core::Impl::RefusedStopping(RequestId request) {
  if (closed_) {
    Refuse(request, Code::kNotFound, "this namespace is being removed");
    return true;
  }
  if (!stopping_) return false;
  Refuse(request, Code::kUnavailable, "the broker is stopping");
  return true;
}

void Core::Impl::On(Committed& e) {
  journal_.Advance(e.batch, e.synced);
  // Comes first: what follows may drop slots that stand here, which must not be looked at after that.
  while (!touched_.empty() && journal_.IsWritten(touched_.front().first)) {
    std::vector<Slot*> slots = std::move(touched_.front().second);
    uint64_t batch = touched_.front().first;
    touched_.pop_front();
    // Leaves a slot that a later batch changes, too, to that one.
    for (Slot* slot : slots)
      if (slot->written == batch) MaybeDrop(slot);
  }
  responses_->OnWritten(journal_.written());
  while (auto waiting = journal_.TakeWritten()) std::visit([this](auto& what) { OnWritten(what); }, *waiting);
  while (auto waiting = journal_.TakeSynced()) std::visit([this](auto& what) { OnSynced(what); }, *waiting);
  while (!pages_waiting_.empty() && journal_.IsWritten(pages_waiting_.front().first)) {
    out_->pages.push_back(std::move(pages_waiting_.front().second));
    pages_waiting_.pop_front();
  }
  while (!lists_waiting_.empty() && journal_.IsWritten(lists_waiting_.front().first)) {
    const auto& [request, query] = lists_waiting_.front().second;
    out_->lists.push_back(ListOf(request, query));
    lists_waiting_.pop_front();
  }
}

ListEffect Core::Impl::ListOf(RequestId request, const ListQuery& query) const {
  return {request, query.Narrowed(), now_, reached_, books_.totals().by_index[Index::kTail] > 0};
}

/// Lists, in this turn or a later one, so that all is seen that was decided until now, whether anybody was told of it or not.
void Core::Impl::ListDecided(RequestId request, ListQuery query) {
  const uint64_t after = journal_.Decided();
  if (journal_.IsWritten(after)) out_->lists.push_back(ListOf(request, query));
  else lists_waiting_.emplace_back(after, std::pair(request, std::move(query)));
}

void Core::Impl::OnWritten(Lane* lane) {
  --lane->pins;
  Kick(lane);
  MaybeDrop(lane);
}

void Core::Impl::OnSynced(Entry* entry) {
  const Kept kept(this, entry);
  --entry->pins;
  if (entry->place == Place::kAwaiting && journal_.IsSynced(entry->durable)) {
    Unplace(entry);
    EnterLane(entry);
  } else if (entry->lane) {
    Kick(entry->lane);
  }
}

void Core::Impl::Fatal(Status status) {
  if (fatal_) return;
  fatal_ = true;
  // Nothing decided in this turn may reach the store or a client any more.
  out_->writes.clear();
  out_->starts.clear();
  out_->replies.clear();
  out_->fatal = std::move(status);
}

void Core::Impl::On(WriteFailed& e) {
  Fatal(std::move(e.status));
}

void Core::Impl::On(DiskSpace& e) {
  const bool was_away = Room({}).code() == Code::kUnavailable;
  disk_low_ = e.low;
  if (e.lost && !lost_) answer_unknown_at_ = MonoTime{now_.mono.ms + kMostUnknownMs};
  lost_ = e.lost;
  if (was_away && Room({}).code() != Code::kUnavailable) schedules_->OnStoreBack();
  Decide(Decided::Kind::kDisk, {});
}

/// `refused`: what is, meanwhile.
Status Core::Impl::Room(const std::string& refused) const {
  if (disk_low_) return Status(Code::kDiskFull, "the disk is nearly full: " + refused + " until space is free again");
  if (lost_) return Status(Code::kUnavailable, "the database is not reached: " + refused + " until it is again");
  return Status::Ok();
}

// ---- requests

void Core::Impl::RunTask(std::unique_ptr<Task> task) {
  Task* raw = task.get();
  // Lets the pins of an earlier run go only after this one, so that what was loaded for it is still there.
  std::vector<Slot*> before = std::exchange(raw->pinned, {});
  raw->missing = 0;
  bool done = std::visit([this, raw](auto& request) { return Handle(raw, request); }, raw->event) == Handled::kDone;
  CHECK(!done || raw->missing == 0);  // what it waits for would wake it when it is gone
  if (done) DecideRequest(raw->event);
  std::vector<Slot*> release = std::move(before);
  if (done) {
    release.insert(release.end(), raw->pinned.begin(), raw->pinned.end());
  } else {
    parked_.emplace(raw, std::move(task));
  }
  for (Slot* slot : release) --slot->pins;
  // The same slot may stand here twice, and must not be looked at again once it is dropped.
  std::sort(release.begin(), release.end());
  release.erase(std::unique(release.begin(), release.end()), release.end());
  for (Slot* slot : release) MaybeDrop(slot);
}

void Core::Impl::DecideRequest(const TaskEvent& event) {
  std::visit(
      [this](const auto& e) {
        if constexpr (requires { e.request; }) Decide(Decided::Kind::kRequest, {}, e.request);
        else if constexpr (requires { e.bulk; }) Decide(Decided::Kind::kRequest, {}, e.bulk.request);
      },
      event);
}

void Core::Impl::On(GetRequest& e) {
  if (e.wait_ms > 0 && !stopping_) RunTask(MakeTask(std::move(e)));
  else out_->reads.push_back({e.request, e.id});
}

State Core::Impl::StateOf(const NotifyState& state, const Entry* entry, bool in_tail) const {
  if (!IsSettled(state.phase) && entry && entry->in_flight()) return State::kSending;
  return StateSeen(state, now_, entry && entry->known ? entry->promoted : in_tail);
}

void Core::Impl::On(ListRequest& e) {
  lists_[e.request] = e.query.states;
  out_->lists.push_back(ListOf(e.request, e.query));
}

void Core::Impl::On(ListDone& e) {
  --reads_under_way_;
  if (TookSweep(e) || topics_->TookList(e)) return;
  if (bulks_.count(e.request) > 0) return OnBulkList(e);
  auto found = lists_.find(e.request);
  if (found == lists_.end()) return;
  std::vector<State> states = std::move(found->second);
  lists_.erase(found);
  if (!e.status.ok()) return Fatal(std::move(e.status));
  Listed listed;
  listed.next = e.next;
  listed.next_due = e.next_due;
  for (LoadedNotify& item : e.items) {
    State state = StateOf(item);
    // The store cannot tell sending from ready, nor see what happened since its snapshot.
    if (!states.empty() && std::find(states.begin(), states.end(), state) == states.end()) continue;
    listed.items.push_back({std::move(item.record), state});
  }
  ReplyNow(e.request, std::move(listed));
}

void Core::Impl::On(StatsRequest& e) {
  ReplyNow(e.request, history_->Stats());
  Decide(Decided::Kind::kRequest, {}, e.request);
}

void Core::Impl::On(StopRequested&) {
  stop_asked_ = true;
  BeginStop();
}

void Core::Impl::BeginStop() {
  if (stopping_) return;
  stopping_ = true;
  // Whoever waits for the end of a notify gets it as it is.
  responses_->EndPolls();
  groups_->EndAll();
  services_->BeginStop();
  ReleaseUnstarted();
  // All that is unsynced becomes durable.
  journal_.AskSync();
  Decide(Decided::Kind::kStop, {});
}

/// Gives back the places in flight of what only waits for its spec to be read: it is not started any more, and is on disk where it was.
void Core::Impl::ReleaseUnstarted() {
  std::vector<Entry*> unstarted;
  for (auto& [id, entry] : entries_)
    if (entry->start_waits) unstarted.push_back(entry.get());
  std::sort(unstarted.begin(), unstarted.end(), [](const Entry* a, const Entry* b) { return a->id < b->id; });
  for (Entry* entry : unstarted) {
    entry->start_waits = false;
    Lane* lane = entry->lane;
    TakeBackTurn(entry);
    SetPromoted(entry, entry->index == Index::kTail);
    MaybeDrop(lane);
    ++entry->pins;  // stays as it is until the process ends
  }
}

void Core::Impl::On(HoldAttempts& e) {
  if (e.runs) schedules_->Hold();
  if (holding_) return;
  holding_ = true;
  ReleaseUnstarted();
}

void Core::Impl::On(LimitsChanged& e) {
  CoreLimits limits = *e.limits;
  // What is in memory was taken in under these.
  limits.lookahead_ms = limits_.lookahead_ms;
  limits.max_loaded = limits_.max_loaded;
  limits.max_loaded_per_lane = limits_.max_loaded_per_lane;
  limits.max_waiting_lanes_per_host = limits_.max_waiting_lanes_per_host;
  limits.max_spec_bytes = limits_.max_spec_bytes;
  limits.page_items = limits_.page_items;
  const BreakerSettings breaker = std::exchange(limits_, std::move(limits)).breaker;
  OnBreakerSettings(breaker);
  turns_.SetCaps(Caps());
  services_->OnCaps();
  std::vector<Lane*> lanes;
  for (auto& [key, lane] : lanes_) lanes.push_back(lane.get());
  // By their keys: who gets its turn first follows from no hash.
  std::sort(lanes.begin(), lanes.end(), [](const Lane* a, const Lane* b) { return a->key < b->key; });
  for (Lane* lane : lanes) {
    RefreshLimits(lane);
    FreeHead(lane);
    Unthrottle(lane);
    if (lane->disk_tail && lane->known) Activate(lane);
    Kick(lane);
  }
  for (Lane* lane : lanes) MaybeDrop(lane);  // one that its rate alone kept here
  Decide(Decided::Kind::kLimits, {});
  turns_.ReviewBlocked();
}

// ---- GET with wait_ms

void Core::Impl::AddPoll(RequestId request, Entry* entry, int64_t wait_ms) {
  if (!polls_.Add(request, entry->id, {now_.mono.ms + wait_ms})) return;
  ++entry->pins;
  entry->full = nullptr;  // what waits for long holds no bodies
}

void Core::Impl::EndPoll(RequestId request, bool read) {
  std::optional<NotifyId> id = polls_.Remove(request);
  if (!id) return;
  Entry* entry = FindEntry(*id);
  CHECK(entry);
  if (read && !responses_->AnswerUnsettled(request, *entry)) {
    // Of a namespace that goes nothing is shown as if it were still to be sent.
    if (closed_) RefusedStopping(request);
    else ShowWritten(entry->written, request, *entry);
  }
  --entry->pins;
  MaybeDrop(entry);
}

void Core::Impl::EndPollsInTime() {
  // Attempts that were waited for have ended, and are followed by none here.
  if (stopping_) responses_->EndPolls();
  while (std::optional<RequestId> over = polls_.Over(now_.mono)) EndPoll(*over, true);
}

void Core::Impl::On(Disconnected& e) {
  EndPoll(e.request, false);
  groups_->Forget(e.request);
  services_->OnDisconnected(e.request);
  responses_->Forget(e.request);
  lists_.erase(e.request);
  bulks_.erase(e.request);
  lane_lists_.erase(e.request);
}

}  // namespace notifyd
