// The insides of the core: the functions that move what it has in memory (broker/core_state.h). Included by broker/core*.cc alone, each of which
// implements the section of its name; docs/design.md says in which order to read them.
//
// What is in memory is a cache of the store plus what cannot be stored: what is in flight, whose turn it is, who waits for an answer.
// Everything looked up by key is a Slot (a notify's Entry, a Lane, an fkey, an idempotency key):
//   I1  A slot is kept at least until all batches that change it are written, so a load never misses a change (the load starts only where no
//       slot is, and all earlier writes are then visible).
//   I2  A handler first asks for all slots that it needs (Need...); where one is not known it is parked, and run again from its
//       start when it is. It changes nothing before all are known. Parked handlers pin their slots.
// Time indexes (DueWindow): one for the wall clock, one for the monotonic one, one for expiry.
//   I3  Every pending notify whose key lies below its window's horizon is placed in memory (wheel, lane, in flight), unless it was spilled.
//       Being in memory above the horizon is harmless, being absent below is not: `cover` is the horizon, or the end of the page under way.
//       What is due at once may have its key ahead of a clock that stepped back, among any number that cannot go yet: it is searched for there
//       (AtOnceSearch), and all of it that lies below Searched() is placed, too.
//   I4  A page or a lane's tail is read only once every batch that was open when it was decided is written.
//   I5  While a page is under way no entry is dropped (the graveyard): a page never brings back what was settled meanwhile.
// Lanes:
//   I6  With disk_tail, everything of the lane with a key below tail_next is in memory or in the due index, and what is at or above is in the tail.
//   I7  A fifo lane starts its next notify only when nothing is in flight, no attempted head blocks it, the last end is written, its front is
//       durable and every due notify that sorts before the front is loaded (AllDueLoaded).
//   I8  A paused lane has nothing in memory but what is in flight, on its way in or sent although it is paused: all else that is ready of it is in
//       its tail, its attempted head too. Whoever resumes it fetches that head; that of another lane is fetched in its turn in its host's list.
//   I9  A lane that falls asleep after it has started attempts in its place in its host's list gets the last place there: those that sleep go first.
// Answers:
//   I10  An answer that shows a notify shows its state as it was decided (Shown), laid over the record that is read afterwards; whoever removes that
//       record, or puts another envelope or spec into it, keeps the old one for those answers first.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/random.h"
#include "broker/books.h"
#include "broker/caller_figures.h"
#include "broker/core.h"
#include "broker/core_state.h"
#include "broker/due_window.h"
#include "broker/journal.h"
#include "broker/long_polls.h"
#include "broker/turns.h"

namespace notifyd {

class Core::Impl {
 public:
  Impl(const CoreLimits& limits, const Totals& totals, const Now& now, uint64_t seed);
  ~Impl();
  void Step(const Now& now, Event event, Effects* out);
  void Finish(const Now& now, Effects* out);
  void SetNow(const Now& now);
  Wake NextWake() const;
  bool ready() const { return !stopping_ && !closed_ && !disk_low_ && !lost_ && !fatal_; }
  const Totals& totals() const { return books_.totals(); }
  CoreUsage usage() const;
  void TakeSharedUses(std::vector<SharedUse>* out);
  std::optional<WallTime> idle(WallTime now) const;
  void CheckInvariants() const;
  void MaybeDrop(Slot* slot);

 private:
  friend class Core;  // core_held.cc counts what is here, core.cc shows it
  // ---- core_checks.cc
  struct Counted;
  void CheckEntry(const Entry& entry, Counted* counted) const;
  void CheckLane(const Lane& lane, Counted* counted) const;

  // ---- core.cc: events, batches, replies
  /// Runs the handler of a request that may have to look something up.
  template <class Request>
  requires IsTaskEvent<Request>
  void On(Request& e) { RunTask(MakeTask(std::move(e))); }
  void On(GetRequest& e);
  void On(BulkRequest& e);
  void On(LanesRequest& e);
  void On(ListRequest& e);
  void On(StatsRequest& e);
  void On(Disconnected& e);
  void On(Committed& e);
  void On(WriteFailed& e);
  void On(DiskSpace& e);
  void On(Loaded& e);
  void On(PageLoaded& e);
  void On(ReadDone& e);
  void On(ListDone& e);
  void On(LanesDone& e);
  void On(AttemptReached& e);
  void On(AttemptEnded& e);
  void On(Tick&) {}
  void On(StopRequested&);
  void On(HoldAttempts& e);
  void On(LimitsChanged& e);
  void On(FlowSettingsChanged& e);
  // core_namespace.cc: of a namespace among others
  void On(GrantChanged& e);
  void On(CloseIfEmpty&);
  void On(Drain&);
  void On(PrepareSleep&);
  void On(StoredBytes& e);
  void BeginStop();
  void ReportRemoval();
  /// What a notify takes on disk beside its spec, keys and indexes counted.
  static constexpr uint64_t kRecordBytes = 256;
  static uint64_t BytesOf(const SubmitItem& item, const std::string& spec);
  /// Is there room for so many more bytes below max_stored_bytes, beside what is promised? Notes where there is not.
  Status CheckStored(uint64_t more);
  /// As CheckStored, for what replaces something of `before` bytes by `after`; counts it where there is.
  Status StoreMore(size_t before, size_t after);
  TokenRate SubmitRate() const { return {limits_.submits_per_s, limits_.submit_burst}; }
  double SubmitTokens() const { return SubmitRate().limits() ? submits_.Tokens(now_.mono, SubmitRate()) : std::numeric_limits<double>::infinity(); }
  Status SubmitsTooFast() const;
  Status TooManyPending() const;
  bool MayRest() const;
  bool TookBeyond(PageLoaded& page);
  /// Nothing is in flight, waiting for an answer or a batch; all is durable.
  bool AtRest() const { return turns_.in_flight() == 0 && journal_.idle() && parked_.empty() && explaining_.empty() && reads_under_way_ == 0; }
  bool ReadsNothing() const { return loads_.empty() && page_tickets_.empty(); }
  void ReleaseUnstarted();
  void RunTask(std::unique_ptr<Task> task);
  void DecideRequest(const TaskEvent& event);
  void Fatal(Status status);
  Status Room(const std::string& refused) const;  // ok, or why nothing more is stored at present
  template <class T>
  void Write(T op) {
    journal_.Write(std::move(op));
  }
  /// Notes what was just carried out, where a checker listens (Effects::decided).
  void Decide(Decided::Kind kind, NotifyId id, RequestId request = {}) {
    if (out_->decided) out_->decided->push_back({kind, request, id, journal_.open(), journal_.ops()});
  }
  // Each carries on with what waited for a batch that is written (synced) now.
  void OnWritten(Lane* lane);
  void OnWritten(Task* task) { Unpark(task); }
  void OnWritten(const ReadEffect& read) { ReadFor(read); }
  void OnSynced(Entry* entry);
  void OnSynced(Reply& reply) { out_->replies.push_back(std::move(reply)); }
  void OnSynced(const ReadEffect& read) { ReadFor(read); }
  void OnSynced(LanesEffect& lanes) { out_->lanes.push_back(std::move(lanes)); }
  // Each answers a request, now or once a batch is synced, and says that it is handled.
  Handled ReplyNow(RequestId request, ReplyBody body);
  Handled ReplyAfter(uint64_t batch, RequestId request, ReplyBody body, bool unchanged = false);
  Handled Refuse(RequestId request, Code code, std::string detail, std::string field = {}, NotifyId holder = {});
  Handled Refuse(RequestId request, const Status& status) { return Refuse(request, status.code(), status.detail(), status.field()); }
  /// Refuses a request because of an earlier change: once that is durable.
  Handled RefuseAfter(RequestId request, Code code, std::string detail, std::string field = {}, NotifyId holder = {});
  Turns::Caps Caps() const { return {std::min(limits_.max_in_flight, grant_.max_in_flight), limits_.max_in_flight_per_host}; }
  bool RefusedStopping(RequestId request);
  /// Returns the state that users see. `entry`: what memory has of the notify, or null. `in_tail`: where that knows nothing, as the store had it.
  State StateOf(const NotifyState& state, const Entry* entry, bool in_tail = false) const;
  State StateOf(const LoadedNotify& loaded) const { return StateOf(loaded.record->state, FindEntry(loaded.record->id), loaded.in_tail); }
  ListEffect ListOf(RequestId request, const ListQuery& query) const;
  void ListDecided(RequestId request, ListQuery query);

  // ---- core_answers.cc: answers that show a notify as it was when they were decided, though the whole of it is read only later
  /// Answers with the notify as it is now, once the batch is durable.
  void ShowAfter(uint64_t batch, RequestId request, const Entry& entry);
  /// As ShowAfter, as soon as the batch is written: for a plain look.
  void ShowWritten(uint64_t batch, RequestId request, const Entry& entry);
  void DecideAnswer(RequestId request, const Entry& entry);
  void ReadFor(const ReadEffect& read);
  Shown TakeShown(RequestId request);
  /// The store is not reached, and has not been for some seconds: refuses what waits for it to be durable. Whether it will be is not known.
  void AnswerUnknown();
  void Show(RequestId request, std::shared_ptr<NotifyRecord> read);
  bool IsShown(NotifyId id) const { return shown_by_id_.count(id) > 0; }
  /// Keeps the notify's record, loaded whole, for answers that are still to show it (IsShown): before it goes, or gets another spec or envelope.
  void KeepForAnswers(const Entry& entry);

  // ---- core_slots.cc: what is looked up by key
  /// Of what memory does not have it reads so much at least. Whole ones are for one at a time: of many, what that takes in memory has no bound.
  Entry* NeedEntry(Task* task, NotifyId id, Reads reads = Reads::kBeginning);
  /// Reads all of it at once where memory does not have it, since its spec is wanted next. For one at a time.
  Entry* NeedEntryToSend(Task* task, NotifyId id);
  Lane* NeedLane(Task* task, const LaneKey& key);
  bool NeedHolder(Task* task, const std::string& fkey, Entry** entry, bool to_send = false);
  FkeySlot* NeedFkey(Task* task, const std::string& key);
  IdempotencySlot* NeedIdempotency(Task* task, const IdempotencyKey& key);
  /// Asks for data that was left out of what is remembered under an fkey, whose slot is known. Returns false where the task must wait.
  bool NeedRemembered(Task* task, FkeySlot* slot);
  bool Known(Task* task, Slot* slot);
  void Pin(Task* task, Slot* slot);
  void LoadSlot(Slot* slot, LoadKey key);
  void FillSlot(Slot* slot, LoadedValue& value);
  void LoadRecord(Entry* entry, Reads reads);
  void WakeWaiters(Slot* slot);
  /// Counts down what a parked task waits for, and runs it again where that was the last.
  void Unpark(Task* task);
  Entry* FindEntry(NotifyId id) const;
  Entry* MakeEntry(NotifyId id);
  void FillEntry(Entry* entry, const LoadedNotify& loaded);
  Entry* EntryOfPage(NotifyId id, const LoadedNotify& loaded);
  void KeepSpec(Entry* entry, std::shared_ptr<const std::string> spec);
  void SetEnvelope(Entry* entry, std::shared_ptr<const Envelope> envelope);
  /// Returns how many notifies are in memory, those with a large envelope (callback, patterns) counted as several.
  size_t LoadedWeight() const { return entries_.size() + envelope_bytes_ / kBytesALoaded; }
  static constexpr size_t kBytesALoaded = 1024;
  Lane* GetLane(const LaneKey& key);
  Host* GetHost(const std::string& name);
  void UnrefHost(Host* host);
  void MaybeDropHost(Host* host);
  void Touch(Slot* slot);
  void DropEntry(Entry* entry);
  void SweepGraveyard();

  // ---- core_requests.cc
  Handled Handle(Task* task, SubmitRequest& r);
  Handled Handle(Task* task, TriggerRequest& r);
  Handled Handle(Task* task, FkeyGetRequest& r);
  Handled Handle(Task* task, FkeyCancelRequest& r);
  Handled Handle(Task* task, GetRequest& r);
  Handled Handle(Task* task, CancelRequest& r);
  Handled Handle(Task* task, RetryRequest& r);
  Handled Handle(Task* task, ExpiryDue& r);
  class Submits;  // core_submits.h: what becomes of the items of a submit
  /// Makes the notify of an item. `spec`: in place of the item's. `early`: the trigger that was remembered for it, or null.
  Entry* ApplySubmit(const SubmitItem& item, std::shared_ptr<const std::string> spec, const RememberedTrigger* early);
  bool RememberTrigger(TriggerRequest& r);
  /// Returns whether the fkey names a trigger that waits for its notify.
  bool IsRemembered(const FkeySlot& slot) const { return slot.record && slot.record->remembered && slot.record->expires_at > now_.wall; }
  /// Lets a notify that is not in flight be sent again now. Its lane must be known, and its record where it is settled, as it is stored at least.
  bool ApplyRetry(Entry* entry, const std::string& via);  // false: it was on its way already
  void RememberKey(const SubmitItem& item, NotifyId id);
  /// Gives a pending notify its due time and puts it where it belongs. Its lane must be known.
  void SetDue(Entry* entry, const DueTime& due);
  DueTime DueOf(const When& when) const;
  /// Returns whether it lies further ahead than a due time may.
  bool IsTooFar(const DueTime& due) const { return !due.at_once && due.at.ms > now_.wall.ms + kMaxAheadMs; }
  /// Returns the order key's time of what is due at once: now, or the last that was given, or one later, where the id would sort before that.
  WallTime AtOnce(NotifyId id);
  void AddPoll(RequestId request, Entry* entry, int64_t wait_ms);
  /// Ends the wait of a request. `read`: and answers with the notify as it is.
  void EndPoll(RequestId request, bool read);
  void EndPollsInTime();

  // ---- core_changes.cc: what users change about one that waits
  Handled Handle(Task* task, ChangeReadRequest& r);
  Handled Handle(Task* task, ChangeRequest& r);
  void CarryOutChange(Entry* entry, ChangeRequest& r, const DueTime& due, std::shared_ptr<const std::string> written);
  bool RefusedChange(RequestId request, const Entry& entry);

  // ---- core_bulk.cc
  void OnBulkList(ListDone& e);
  Handled Handle(Task* task, BulkApply& r);
  static bool Applies(BulkKind kind, const Entry& entry);
  void ApplyPurge(Entry* entry);

  // ---- core_explain.cc
  Handled Handle(Task* task, ExplainRequest& r);
  Explained Explain(const Entry& entry, const Lane* lane, const TailAhead& tail) const;
  bool ExplainHead(const Entry* head, const Lane& lane, Explained* out) const;
  void ExplainReady(const Entry& entry, const Lane& lane, const TailAhead& tail, Explained* out) const;
  void ExplainSwitches(const Entry& entry, Explained* out) const;
  void ExplainBreaker(const Entry& entry, Explained* out) const;
  void OnTailCount(const Explaining& explaining, PageLoaded& page);

  // ---- core_lane_requests.cc: lanes seen and steered
  Handled Handle(Task* task, LaneChangeRequest& r);
  Handled Handle(Task* task, LanePauseOver& r);
  LaneView ViewOf(const LaneRow& row) const;
  void ShowLaneAfter(uint64_t batch, RequestId request, const Lane& lane);
  void PutSettings(Lane* lane, const LaneSettings& settings);
  void RefreshLimits(Lane* lane);
  void PauseLane(Lane* lane);
  void ResumeLane(Lane* lane);
  // Takes the attempted head of a paused lane to its tail, and back.
  void ShelveHead(Lane* lane, Entry* entry);
  void FetchHead(Entry* entry);
  void PauseOnFailure(Lane* lane, NotifyId failed);
  /// Lets an attempted head go among the others, where on_retry has become `skip`.
  void FreeHead(Lane* lane);

  // ---- core_switches.cc: callers and hosts seen, and switched off by hand
  Handled Handle(Task* task, CallersRequest& r);
  Handled Handle(Task* task, CallerChangeRequest& r);
  Handled Handle(Task* task, HostsRequest& r);
  Handled Handle(Task* task, HostChangeRequest& r);
  bool NeedSwitches(Task* task);
  /// Nothing of that caller is sent.
  bool IsPaused(const std::string& caller) const;
  void ApplyHosts(const Switches& before);
  struct HostLimits;  // core_host_limits.h: what holds for a host, of what operators and the file say
  class SharedHosts;  // core_shared_hosts.h: what it is lent of rules that hold for all namespaces together
  class Shedding;     // core_shedding.h: what goes to the disk where memory is full
  Handled Handle(Task* task, HeadDue& r);
  void ReviewHost(Host* host);
  Status ChangeHost(const std::string& name, const HostPatch& patch);
  void ForgetToken(Host* host);
  void TakeHostToken(Host* host);
  void FireHostTokens();
  bool RatesAreFull() const;
  Status CheckCaller(const std::string& caller, uint64_t fresh, bool whole) const;
  void TakeOfCaller(const std::string& caller, uint64_t fresh);
  int64_t CallerMayAgainIn(const std::string& caller) const;
  void PutSwitched(Switches switches);
  static Status TooManySwitched(const char* what);
  CallerView ViewOfCaller(CallerRates rates) const;
  HostView ViewOfHost(const std::string& name) const;

  // ---- core_breakers.cc: hosts that cannot be reached
  Breaker::Call BeginAtBreaker(Host* host);
  /// Returns whether it was a probe that did not reach the host: it uses up nothing of its notify's budget.
  bool EndAtBreaker(Host* host, Breaker::Call call, const AttemptResult& result);
  void ReachAtBreaker(Host* host, Breaker::Call call);
  void KeepWaiting(NotifyState* state) const;
  void MaybeDisable(Host* host);
  void ProbeByHand(Host* host);
  void FollowBreaker(Host* host);
  void TimeBreaker(Host* host);
  void UntimeBreaker(Host* host);
  void FireBreakers();
  void OnBreakerSettings(const BreakerSettings& before);
  bool WaitedAtBreaker(const Entry& entry) const;
  void SweepBreakers();
  bool TookSweep(ListDone& e);
  Handled Handle(Task* task, WaitOver& r);
  WallTime WallAt(MonoTime time) const { return {now_.wall.ms + time.ms - now_.mono.ms}; }

  // ---- core_records.cc: what is kept beside notifies, and the catalog
  RecordSlot* NeedRecord(Task* task, RecordKind kind, std::string key);
  RecordSlot* FindRecord(const RecordKey& key) const;
  /// Puts a record in the place of what a slot has, which must be known, or removes that; counts it.
  void WriteRecord(RecordSlot* slot, std::string value, WallTime expires_at = kWallNever);
  void RemoveRecord(RecordSlot* slot);
  /// Puts one that is looked up by its key and is new; until it is written memory has it, so that no load finds nothing in its place.
  void WriteNewRecord(RecordKey key, std::string value);
  /// Puts or removes a record of which memory must hold no slot. `fresh`: there was none, so that it counts; `was_there`: there was one.
  void WriteRecord(RecordKey key, std::string value, WallTime expires_at, bool fresh);
  void RemoveRecord(RecordKey key, bool was_there);
  /// Reads a page of records as they are once all that is decided is written, and hands it to `then`.
  using ThenRecords = std::function<void(std::vector<RecordRow>& rows, bool more)>;
  void AskRecords(RecordsPage page, size_t limit, ThenRecords then);
  /// Pins the catalog for the task. Returns false where the task must wait for it.
  bool NeedCatalog(Task* task) { return Known(task, &catalog_); }
  void CheckCatalog() const { CHECK(catalog_.known); }  // by whoever answers from it: what is not read yet may be there all the same
  void LoadCatalogFrom(size_t place, std::string from);
  void PageCatalog();
  /// A record of the catalog, at the start.
  void OnCatalogRow(RecordKind kind, const RecordRow& row);

  // ---- core_agenda.cc: what was begun and goes on, over restarts
  /// Adds an item (its kind, and what that needs), durable with the open batch; carried out in a later turn, once those of its sort before it began.
  uint64_t AddToAgenda(std::string what);
  /// The item is not done: it goes on with `what` in a later turn.
  void KeepOnAgenda(uint64_t serial, std::string what);
  void DropFromAgenda(uint64_t serial);
  void RunAgenda();
  void PageAgenda();
  void RunLine(AgendaLine* line);
  void EndDue(const AgendaDue& due) { --agenda_.Of(due.what).running; }  // the item's task is over
  /// Something of it, or of the catalog, is to be done in a turn of its own.
  bool AgendaWantsTurn() const { return catalog_page_ || (!stopping_ && agenda_.WantsTurn()); }
  Handled Handle(Task* task, AgendaDue& r);

  // ---- What parts 3 and 4 of the contract add, each with what it has in memory: in core_services.h and so on. They may use all of this class.
  class ServicePart;
  class TopicPart;
  class GroupPart;
  class SchedulePart;
  class ResponsePart;
  class HistoryPart;
  class AlertPart;
  class PausePart;
  class MergePart;
  Handled Handle(Task* task, ServiceRequest& r);
  Handled Handle(Task* task, TopicRequest& r);
  Handled Handle(Task* task, GroupRequest& r);
  Handled Handle(Task* task, ScheduleRequest& r);
  Handled Handle(Task* task, ScheduleDue& r);
  Handled Handle(Task* task, ResponseRequest& r);
  Handled Handle(Task* task, FiguresRequest& r);
  Handled Handle(Task* task, AlertRequest& r);

  // ---- core_attempts.cc: attempts and their ends
  void StartAttemptOf(Entry* entry, Caller* caller);
  bool IsHeldBack(const Entry& entry) const;
  void EmitStart(Entry* entry);
  void AwaitRetry(Entry* entry, Lane* lane, bool blocks, std::optional<AttemptRecord> attempt);
  void Settle(Entry* entry, Phase phase, std::string reason, std::optional<AttemptRecord> attempt, std::string via = {});
  void Expire(Entry* entry);
  void ChangeState(Entry* entry, std::optional<AttemptRecord> attempt);
  void Log(const Entry& entry, const AttemptRecord* record, bool settled);
  /// Returns whether a callback or a group must tell of the notify's last attempt, and that is not in memory.
  static bool LacksLastAttempt(const Entry& entry);
  void CountSending(Entry* entry, int change);
  void GiveBackPlace(Entry* entry);
  void TakeBackTurn(Entry* entry);
  /// Lets what its fkey names be as good as gone from `until` on, where that is still this notify.
  void EndFkey(const Entry& entry, WallTime until);

  // ---- core_index.cc: due indexes, paging
  void WriteLaneCounts();
  void AddIndex(Entry* entry, Index index);
  void RemoveIndex(Entry* entry);
  void SetPromoted(Entry* entry, bool promoted);
  void PutExpiryOf(Entry* entry);
  ExpiryTimer* AddExpiryTimer(DueKey key);
  /// Deletes a timer that is in no wheel any more.
  static void DropExpiryTimer(ExpiryTimer* timer);
  void TrackExpiry(Entry* entry);
  void UntrackExpiry(Entry* entry);
  /// Puts a pending entry whose place is kIdle where I3 wants it.
  void PlaceEntry(Entry* entry);
  /// Returns whether an entry of the wall index must be in memory (I3).
  bool Covered(const Entry& entry) const;
  /// Returns the key below which all that is due at once is in memory.
  DueKey Searched() const { return std::max(wall_.horizon().at(), search_.done.at()); }
  bool SearchedAll() const { return Searched().time_ms > totals_.last_due_at_once.ms; }
  bool IsCaughtUp() const { return wall_.horizon().at().time_ms > now_.wall.ms; }
  /// Returns whether all of the wall index that is due and sorts before `key` is in memory.
  bool AllDueLoaded(const DueKey& key) const { return key < wall_.horizon().at() || (IsCaughtUp() && (SearchedAll() || key < Searched())); }
  void Promote(Entry* entry);
  void Unplace(Entry* entry);
  void AdvanceWindows();
  void PageWindows();
  /// Asks for a page, once all that was decided is written (I4). Returns its ticket.
  uint64_t AskPage(PageEffect page);
  void OnDuePage(Clock clock, PageLoaded& page);
  void OnSearchPage(PageLoaded& page);
  void OnExpiryPage(PageLoaded& page);
  void EvictFarther(Clock clock);
  bool WindowRoom(Clock clock) const;
  bool SearchRoom() const { return search_.ticket == 0 && IsCaughtUp() && !SearchedAll() && LoadedWeight() < limits_.max_loaded; }
  bool ExpiryRoom() const;
  bool MayLookUpMore() const;
  void UpdateMarks();
  /// Returns how many keys the due index of that clock has.
  uint64_t KeysOf(Clock clock) const {
    const auto& counts = books_.totals().by_index;
    return clock == Clock::kWall ? counts[Index::kDue] + counts[Index::kHeldDue] : counts[Index::kRetrying];
  }
  DueEntries& WindowOf(Clock clock) { return clock == Clock::kWall ? wall_ : mono_; }
  const DueEntries& WindowOf(Clock clock) const { return clock == Clock::kWall ? wall_ : mono_; }
  int64_t NowOf(Clock clock) const { return clock == Clock::kWall ? now_.wall.ms : now_.mono.ms; }
  bool PagesUnderWay() const { return !page_tickets_.empty(); }

  // ---- core_lanes.cc: what of a lane is in memory, which lanes sleep
  void EnterLane(Entry* entry);
  void AwaitDurable(Entry* entry);
  void InsertIntoLane(Lane* lane, Entry* entry);
  void Enqueue(Lane* lane, Entry* entry);
  void Dequeue(Entry* entry);
  bool MustSpill(const Lane& lane, const Entry& entry, size_t queued) const;
  bool HoldsPaused(const Lane& lane) const;
  void Spill(Lane* lane, Entry* entry);
  void Enlist(Lane* lane);
  void Delist(Lane* lane);
  void NoteSpilled(Lane* lane, const Entry& entry);
  void SpillQueue(Lane* lane);
  bool ShortOfMemory() const;
  bool Pressed() const;
  size_t LaneRoom(const Host& host) const;
  size_t HostRoom() const;
  void DropTailIfEmpty(Lane* lane);
  void Gate(Lane* lane);
  void DirtyLane(Lane* lane);
  void WriteLanes();
  void Activate(Lane* lane, bool has_room = false);
  void RefillTail(Lane* lane);
  void OnTailPage(Lane* lane, PageLoaded& page);
  void FallAsleep(Lane* lane, bool in_turn = true);
  bool Crowded(const Host& host) const;
  bool MustGiveWay(const Lane& lane, const Host& host) const;
  void GiveWay(Lane* lane, Host* host);
  size_t RoomToWake(const Host& host) const;
  void BeginWaking(Lane* lane, Host* host);
  void EndWaking(Lane* lane);
  void WakeFrom(Lane* lane, uint64_t order, Host* host);
  void CheckSleepers(Host* host);
  /// Returns whether no notify of a fifo lane with that key, or a later one, can start yet (I7).
  bool IsAhead(const Lane& lane, const OrderKey& key) const { return lane.fifo() && !AllDueLoaded({key.due.ms, key.id}); }
  void HoldAtHorizon(Lane* lane);
  void ReleaseHorizon();
  void OnSleepersPage(const std::string& host, PageLoaded& page);
  void OnSleeperHosts(PageLoaded& page);
  void WakeSleepers();
  void AskSleepers(Host* host, size_t limit, uint64_t from);
  void GiveTurn(Host* host, uint64_t order);

  // ---- core_turns.cc: whose turn it is
  Entry* NextOf(const Lane& lane) const;
  /// Returns whether the lane waits for that before it starts `next` (NextOf; null where there is none in memory), and until when.
  Blocked BlockedBy(Wait wait, const Lane& lane, const Entry* next) const;
  /// Returns the first of kWaits that the lane waits for.
  Blocked BlockedOn(const Lane& lane, const Entry* next) const;
  bool CanStart(Lane* lane);
  bool HasToken(const Lane& lane) const { return lane.bucket.HasOne(now_.mono, lane.rate()); }
  MonoTime WhenTokens(const Lane& lane, double tokens) const { return lane.bucket.When(tokens, now_.mono, lane.rate()); }  // it has a rate
  void Throttle(Lane* lane, MonoTime until);
  void Unthrottle(Lane* lane);
  void FireThrottled();
  /// Returns whether the lane waits for its next token on disk, because memory is for what can be sent. The token wakes it.
  bool Benched(const Lane& lane) const { return lane.throttled() && LoadedWeight() > limits_.max_loaded / 2 && !HasToken(lane); }
  /// May memory hold one more lane for its rate alone: twice as many as notifies at most? A further one is forgotten, and begins with a full bucket.
  bool RemembersRates() const { return throttled_.size() < std::max<size_t>(2 * limits_.max_loaded, 1024); }
  void Kick(Lane* lane);
  void Unring(Lane* lane);
  void NoteCaller(Lane* lane, const Entry& entry);
  size_t WaitingAt(const Host& host) const;
  void TakeTurn(Lane* lane, Host* host);
  void Schedule();

  CoreLimits limits_;
  GrantChanged grant_{0, UINT32_MAX, SIZE_MAX};
  size_t own_max_loaded_;                     // limits_.max_loaded is the lesser of this and the grant, which counts as kLeastLoaded at least:
  static constexpr size_t kLeastLoaded = 16;  // with less the windows would never ask for a page
  Books books_;
  Totals& totals_ = *books_.mutable_totals();  // what rides along with the counts
  Random random_;
  Now now_;
  WallTime reached_;  // the latest that the wall clock was
  Effects* out_ = nullptr;

  // Batches.
  Journal<std::variant<Lane*, Task*, ReadEffect>, std::variant<Reply, ReadEffect, LanesEffect, Entry*>> journal_;
  std::deque<std::pair<uint64_t, std::vector<Slot*>>> touched_;
  std::vector<Slot*> open_touched_;
  std::deque<std::pair<uint64_t, PageEffect>> pages_waiting_;
  std::deque<std::pair<uint64_t, std::pair<RequestId, ListQuery>>> lists_waiting_;
  std::vector<Lane*> dirty_lanes_;

  // Slots.
  std::unordered_map<NotifyId, std::unique_ptr<Entry>> entries_;
  std::unordered_map<LaneKey, std::unique_ptr<Lane>> lanes_;
  std::unordered_map<std::string, std::unique_ptr<FkeySlot>> fkeys_;
  std::unordered_map<IdempotencyKey, std::unique_ptr<IdempotencySlot>> idempotency_;
  std::unordered_map<std::string, std::unique_ptr<Host>> hosts_;
  SwitchesSlot switches_;
  std::map<RecordKey, std::unique_ptr<RecordSlot>> records_;
  CatalogSlot catalog_;
  std::optional<RecordsPage> catalog_page_;                 // to be asked for
  std::unordered_map<uint64_t, ThenRecords> record_pages_;  // by ticket
  Agenda agenda_;
  std::shared_ptr<const FlowSettings> flow_settings_;
  CallerFigures figures_;
  std::unordered_map<std::string, TokenBucket> caller_buckets_;
  std::multimap<MonoTime, Host*> host_tokens_;
  Breakers breakers_;
  std::unique_ptr<SharedHosts> shared_;
  std::unique_ptr<Shedding> shedding_;
  std::unique_ptr<ServicePart> services_;
  std::unique_ptr<TopicPart> topics_;
  std::unique_ptr<GroupPart> groups_;
  std::unique_ptr<SchedulePart> schedules_;
  std::unique_ptr<ResponsePart> responses_;
  std::unique_ptr<HistoryPart> history_;
  std::unique_ptr<AlertPart> alerts_;
  std::unique_ptr<PausePart> pauses_;
  std::unique_ptr<MergePart> merging_;
  std::map<Task*, std::unique_ptr<Task>> parked_;
  LoadEffect open_load_;
  std::vector<Slot*> open_load_slots_;
  std::unordered_map<uint64_t, std::vector<Slot*>> loads_;
  uint64_t next_ticket_ = 1, reads_under_way_ = 0, pending_sending_ = 0;  // the last: of those in flight
  size_t spec_bytes_ = 0, envelope_bytes_ = 0, catalog_place_ = 0, sleeper_pages_ = 0;
  std::deque<std::pair<uint64_t, NotifyId>> graveyard_;
  std::map<uint64_t, Page> page_tickets_;

  // Time.
  DueEntries wall_, mono_;
  DueWindow<ExpiryTimer> expiry_;
  std::deque<NotifyId> expired_;  // their timers have run out, and nobody has looked at them yet
  AtOnceSearch search_;
  bool caught_up_ = true, hosts_asked_ = false;                          // the first: as of the last turn
  MonoTime next_mark_, answer_unknown_at_;                               // the latter while the store is not reached

  // Lanes and hosts.
  Turns turns_;
  std::vector<Host*> sleeper_checks_;  // those whose sleepers may be woken now
  std::vector<Lane*> at_horizon_;
  std::multimap<MonoTime, Lane*> throttled_;

  // Requests that wait.
  LongPolls polls_;
  std::map<RequestId, Shown> shown_;
  std::unordered_map<NotifyId, std::vector<RequestId>> shown_by_id_;
  std::map<RequestId, std::vector<State>> lists_;
  std::map<RequestId, Bulk> bulks_;
  std::map<RequestId, LaneList> lane_lists_;
  std::unordered_map<uint64_t, Explaining> explaining_;  // by the ticket of its page

  // Of the namespace.
  TokenBucket submits_;
  StoredUse stored_;
  bool closed_ = false, closing_ = false;                                         // it takes nothing any more; Effects::closed is owed
  bool draining_ = false, discarded_ = false;                                     // it is being removed; Effects::discarded was reported
  Beyond due_beyond_, expiry_beyond_;
  bool holding_ = false, quiet_ = false, stopping_ = false, stop_asked_ = false, drained_ = false, disk_low_ = false, lost_ = false, fatal_ = false;
};

}  // namespace notifyd
