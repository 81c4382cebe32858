// The core's part of topics, subscriptions and events: contract section 12. Included by broker/core*.cc alone. See core_impl.h.
//
//   core_topics.cc         topics and subscriptions: what stands in the catalog, and is put, shown and removed
//   core_publish.cc        an event is taken
//   core_matching.cc       who wants it: filters are asked, so many steps a turn
//   core_fanout.cc         its notifies are made, by the agenda where they are many
//   core_release.cc        one that was held under an fkey is let go
//   core_replays.cc        past events are brought to subscriptions: replays and catch-ups
//   core_events.cc         events are shown, and go once their time is over
//   core_subscribers.cc    what waits of a subscription: counted, given a new template, cancelled
//
// An event is two records: itself, with its payload, written once (kEvent), and what became of it, under its topic (kTopicEvent). Its notifies are
// made in the same batch, as long as they are few; else the agenda has an item that goes on from a cursor, the serial of the last subscription that
// had its notify.
//   T1  Events are fanned out one after another: while one is on its way no other makes notifies but behind it.
//   T2  A subscription gets an event from the fan-out or from its own catch-up, never from both: live_after and catching_up decide.
//   T3  An event stays as long as one of the notifies that it names is in the store, since those have their payload from it.
//   T4  A subscription's count of pending notifies moves in the batch in which one of them is made, settles or is revived.
//   T5  No attempt begins of what waits of a subscription from the batch on that deletes it with that, over restarts: what comes to its turn before
//       the agenda has come to it ends there.
//   T6  Nothing that waits of a paused subscription is in a lane that is not paused, as far as that was not resumed by itself: not in those of what
//       it was before, nor in one that another subscription had paused, too, and resumes.
//   T7  What was not paused with a subscription does not go on with one: a lane that somebody paused, or that paused itself, stays so.
//   T8  What quotas were told that an event makes, and is made later, is promised, in the batch that takes the event: it counts in them until it is
//       made, or its fan-out is over. All promises come to Totals::promised, and to nothing where no fan-out is under way. An event that was held was
//       judged as one notify: nothing is promised of it.
//   T9  What stands on the agenda needs nothing but the event: that stays as long as it does, and has its data from the batch on that puts it there.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/json_tree.h"
#include "broker/core_impl.h"
#include "broker/event_filter.h"
#include "broker/filter_guards.h"
#include "broker/schema_cache.h"
#include "broker/topic_events.h"
#include "broker/topic_patterns.h"
#include "broker/transform.h"

namespace notifyd {

// First bytes of items of the agenda. Stored: never renumber.
inline constexpr char kFanOut = 2, kScan = 3, kUnsubscribe = 4, kCounted = 7, kUnreachableHost = 8;
/// The same of what no agenda keeps.
inline constexpr char kSweepEvents = '\x82', kReleaseHeld = '\x83';
/// RequestId::thread of lists that are asked for here.
inline constexpr uint32_t kTopicLists = UINT32_MAX - 1;
/// So many notifies are made in one turn, and in the batch of what began that; of more the rest goes on in turns of as many.
inline constexpr size_t kMadeInOneTurn = 1'000;
/// So many an event may make at most.
inline constexpr size_t kMostMatched = 10'000;
/// So many bytes they come to; then the rest goes on once these are written, so that memory has no more of them.
inline constexpr size_t kBytesInOneTurn = 8 << 20;
/// A payload that is not longer is written with each notify: to read it with the event would cost more.
inline constexpr size_t kShortPayload = 128;
inline constexpr const char* kNoEvent = "there is no such event";

class Core::Impl::TopicPart {
 public:
  explicit TopicPart(Core::Impl* core);

  Handled Handle(Task* task, TopicRequest& r);

  // ---- what the rest of the core tells and asks
  void OnCatalogRow(RecordKind kind, const RecordRow& row);
  /// Carries out an item of the agenda. Returns nothing where it is of another's kind.
  std::optional<Handled> HandleDue(Task* task, AgendaDue& r);
  /// Takes the answer of a list that was asked for here. Returns false, and does nothing, where it is another one.
  bool TookList(ListDone& e);
  void OnSettled(const Envelope& envelope) { CountPending(envelope, -1); }
  void OnRevived(const Envelope& envelope) { CountPending(envelope, 1); }
  /// A probe of the host failed, or of all instances of the service, to which no call came through for so long: subscriptions to it are paused, until
  /// somebody resumes them. `destination`: an Envelope::host, of a service without what stands behind its name.
  void OnUnreachable(const std::string& destination, int64_t open_ms);
  /// Once a turn: what is counted goes into the batch, and events whose time is over are looked for.
  void EndTurn();
  /// The database does not write. Of an apply that changed something it is known once it does again whether that was done; the rest follows then.
  void AnswerAppliesUnknown();
  MonoTime NextWake() const { return MayGoOn() ? core_.now_.mono : SweepsEvents() && !sweeping_ ? next_sweep_ : kMonoNever; }
  // The catalog must be known, as for all that answers from it.
  bool IsPaused(const std::string& subscription) const;
  /// Returns the name of a paused subscription with which the lane is paused; null: there is none.
  const std::string* PauserOf(const LaneKey& lane) const;
  /// Does it go with its subscription, which was deleted (T5)?
  bool IsLeaving(const Entry& entry) const;
  /// Can that be said? As long as it cannot nothing is started.
  bool KnowsLeaving() const { return core_.catalog_.known || core_.totals_.records[RecordKind::kBacklog] == 0; }
  /// Ends such a notify, where its turn has come, in place of an attempt.
  void Unsubscribe(Entry* entry);
  /// Is what a trigger makes of such a notify what its topic's schema asks for? The catalog must be known. Error: kUnacceptable with the
  /// pointer.
  Status JudgeHeld(const Envelope& envelope, const NotifySpec& spec);
  /// Ends such a notify, which must be in flight, in place of an attempt, and lets its event be fanned out. `spec`: its own. Where the event must be
  /// read first, its start waits for that: then Core::Impl::EmitStart is called again.
  void Release(Entry* entry, const std::string& spec);
  /// Was the event that such a notify held let go by it? Then the notify has nothing more to do.
  template <class Notify>
  static bool HasReleased(const Notify& notify) {
    return notify.state.phase == Phase::kSucceeded && IsHeldEvent(*notify.envelope);
  }
  TopicFigures figures() const;
  void AddHeld(HeldKinds* kinds) const {
    kinds->push_back({"topics", topics_.size()});
    kinds->push_back({"subscriptions", subscriptions_.size()});
    kinds->push_back({"subscription_backlogs", backlogs_.size()});
    kinds->push_back({"fan_outs", matchings_.size()});
    kinds->push_back({"waiting_scans", full_.size() + waiting_scans_.size()});
  }
  /// Is it a topic that a PUT made? The catalog must be known. Error: kUnacceptable, "/topic".
  Status CheckKnown(std::string_view topic) const;
  /// What was published, or why it was not.
  using Taken = std::variant<Refused, Published>;
  /// Publishes all events, or none. Nothing: what that needs is not known yet, and nothing was done. The catalog must be known.
  std::optional<Taken> TakeAll(Task* task, const Publish& ask);
  /// Memory and the open batch take more of what is made in turns. Else that is so once this batch is written.
  bool MayMakeMore() const;
  /// Something of so many bytes was made, and is written in the open batch.
  void CountMade(size_t bytes);
  /// Is one of the event's notifies not settled, or not made yet? Nothing: that is not known yet.
  std::optional<bool> IsUnderWay(Task* task, NotifyId event);
  /// Nothing of it waits for room that comes by what others do.
  bool MayRest() const { return full_.empty(); }
  /// How many parked tasks wait for room, of memory or in the store: others make it, and must not wait for these.
  size_t TasksWithoutRoom() const { return waiting_.size() + short_.size(); }
  /// T8, for tests and the simulator.
  void CheckPromises() const;

 private:
  using Name = std::string;
  enum class FanOutKind : uint8_t { kLive = 0, kReplay = 1, kHeld = 2 };  // stored: never renumber
  struct KnownTopic {
    TopicRecord said;
    std::string bytes;
  };
  struct Known {
    Name name;
    SubscriptionRecord record;
    std::string bytes;  // of what was said
    std::optional<EventFilter> filter;
    std::optional<Transform> transform;
    bool told = false;           // TopicIndex::IsTold of its pattern
    NotifySpec spec;             // its template's
    bool skipping = false;       // the last event was not fanned out to it, since it has too many pending
    bool untransformed = false;  // nor, since its transform made nothing of it
  };
  struct Backlog {
    BacklogRecord record;
    bool stored = false;
  };
  /// An event while notifies are made of it: its data is parsed once, and only where somebody looks at it.
  struct Hand {
    NotifyId id;
    std::shared_ptr<const EventRecord> event;
    std::optional<JsonTree> data = {};
    bool parsed = false;
    std::shared_ptr<const TopicWords> words = {};  // of the event's topic, once one was compared with it
    const JsonTree* Data();
    /// Does the pattern stand for its topic?
    bool IsOf(std::string_view pattern, int64_t* steps);
  };
  /// A filter that was begun and not ended, and where it stands.
  struct Judging {
    std::optional<EventFilter> filter;
    EventFilter::Pause pause;
  };
  /// A subscription to each instance has its notifies of an event up to that one's. `of`: its serial or the event's id, whichever comes after the
  /// other here; 0: there is none.
  struct Partly {
    uint64_t of = 0;
    std::string instance;
  };
  /// Who wants an event, as far as that is known. The answer does not depend on how many turns it takes; each filter is asked once.
  struct Matching {
    std::vector<uint64_t> wants;  // serials, ascending
    size_t made = 0;              // so many of them have their notifies
    Partly partly;                // of the next one
    uint64_t judged = 0;          // all up to that serial are
    bool done = false;            // all are
    bool held = false;            // its event was: nothing is promised (T8)
    // Of those whose pattern may take the topic and that are not judged, as it was at `version`.
    std::vector<uint64_t> serials;
    size_t next = 0;
    uint64_t version = 0;
    Judging judging;
    std::optional<Hand> hand;  // into which `judging` looks
  };
  /// A fan-out that has begun.
  struct Begun {
    NotifyId event;
    FanOutKind kind = FanOutKind::kLive;
    uint64_t judged = 0;  // all subscriptions up to that serial are, as far as is known
    bool taken_over = false;  // TakeOver has nothing more to do
  };
  /// What notifies of an event come to.
  struct Weight {
    uint64_t count = 0;
    uint64_t bytes = 0;  // that they store without what is the event's, with what they may keep of answers
    int64_t steps = 0;
    Weight& operator+=(const Weight& other) {
      count += other.count, bytes += other.bytes, steps += other.steps;
      return *this;
    }
  };
  /// What is left of what a fan-out was judged to make; or all that lie between two, in the order of the agenda's serials.
  struct Promise {
    uint64_t first = 0, last = 0;
    uint64_t count = 0, bytes = 0;
  };
  /// What notifies of an event were made, and where that is noted.
  struct Made {
    EventPlace* place;
    uint64_t count = 0;
    uint64_t passed = 0;  // beside those that were not made after all
  };
  /// An event's notifies as far as they were looked at, for whoever wants to see it: of the ids that are asked for, those below `next`.
  struct Viewing {
    size_t next = 0;
    std::vector<EventViewed::Notify> seen = {};
  };
  /// Events that a page brought, for whoever asked.
  struct Rows {
    std::vector<RecordRow> rows;
    bool more = false;
    uint64_t published = 0;  // figures_.published as it was when they were asked for
    uint64_t released = 0;   // and released_
    // As far as they were judged: those below `next` that are wanted and have no notify yet.
    size_t next = 0;
    NotifyId last = {};  // below `next`
    std::vector<Hand> wanted = {};
    Partly partly = {};             // of the first of `wanted`
    std::optional<Hand> hand = {};  // of `next`, where that was begun
    Judging judging = {};
  };
  /// What came of a page of events: the last one that was looked at, how many notifies were made.
  struct Looked {
    NotifyId last;
    uint64_t made = 0;
    bool paused = false;  // the page is not at its end
  };
  /// How far a subscription's template has been given to what waits.
  struct Applying {
    std::vector<NotifyId> ids;
    NotifyId done;    // all up to it have it
    NotifyId cursor;  // behind `ids`; 0: nothing is there
    uint64_t count = 0, looked_at = 0;
    bool begun = false, listed = false;
    bool answered = false;  // as unknown; it goes on all the same
  };
  /// Notifies that a list found.
  struct Found {
    std::vector<NotifyId> ids;
    std::vector<size_t> bytes;  // LoadedNotify::bytes of each
    NotifyId next;
  };

  // ---- core_topics.cc
  Handled On(Task* task, RequestId request, const TopicPut& ask);
  Handled On(Task* task, RequestId request, const TopicGet& ask);
  Handled On(Task* task, RequestId request, const TopicDelete& ask);
  Handled On(Task* task, RequestId request, const TopicList& ask);
  Handled On(Task* task, RequestId request, const SubscriptionPut& ask);
  Handled On(Task* task, RequestId request, const SubscriptionGet& ask);
  Handled On(Task* task, RequestId request, const SubscriptionDelete& ask);
  Handled On(Task* task, RequestId request, const SubscriptionList& ask);
  Handled Answer(RequestId request, TopicAnswer answer, bool unchanged = false);
  static Status Compile(const Subscription& said, Known* out);
  Status Keep(const Name& name, SubscriptionRecord record);
  void Forget(const Name& name);
  void WriteSubscription(const Known& known, bool fresh);
  static std::vector<LaneKey> LanesOf(const Subscription& said);
  static std::vector<LaneKey> PausedLanesOf(const SubscriptionRecord& record);
  bool NeedLanes(Task* task, const std::vector<LaneKey>& lanes);
  std::unordered_set<LaneKey> NotPausedByOthers(const Name& name, const std::vector<LaneKey>& lanes) const;
  /// `by`: who says so, Principal::name; empty: nobody, or it is not known.
  void SetPaused(const Name& name, const LaneKey& key, bool paused, const std::string& by);
  void PauseLanes(const Name& name, const std::vector<LaneKey>& before, const std::vector<LaneKey>& after, const std::string& by);
  SubscriptionView ViewOf(const Known& known) const;
  const Known* Find(const Name& name) const;

  // ---- core_publish.cc
  Handled On(Task* task, RequestId request, const Publish& ask);
  struct Plan;
  struct Planning;
  void NeedFor(Task* task, const Publish& ask);
  Status PlanKeyed(const Publish& ask, size_t i, Planning* planning, Plan* plan);
  Status Judge(const EventItem& item, const Plan& plan, Planning* planning, int64_t* retry_after_ms) const;
  Status JudgeKept(const EventItem& item, Planning* planning) const;
  std::optional<Refused> PlanAll(Task* task, const Publish& ask, int64_t* steps, std::vector<Plan>* plans);
  class EventSource;
  static NotifySpec SpecOfHeld(const EventItem& item);
  static uint64_t BytesOfKey(const EventItem& item) { return kRecordBytes + item.idempotency_key.size(); }
  Published::Item Take(const EventItem& item, Plan* plan, bool later);
  Status PlanHeld(const Publish& ask, size_t i, Planning* planning, Plan* plan);
  Published::Item Keep(const EventItem& item, const Published::Item& held);
  Published::Item Hold(const EventItem& item, Plan* plan);
  Status PlanEvent(const Publish& ask, size_t i, Planning* planning, Plan* plan);
  struct Judged;
  Status Judge(std::string_view topic, const std::function<const JsonTree*()>& data, Judged* judged);
  Status JudgeHeld(const Envelope& envelope, const NotifySpec& spec, Judged* judged);
  static IdempotencyKey KeyOf(const EventItem& item);
  /// Lets an idempotency key, whose slot must be known, answer with `id` from now on.
  void Remember(IdempotencyKey key, const Fingerprint& fields, NotifyId id, int64_t window_ms = 0);
  bool IsBusy() const;

  // ---- core_matching.cc
  /// Steps of those that ask, and of the agenda, are counted apart; in a turn each of its own may take so many at least.
  int64_t StepsToAsk() const;
  int64_t StepsOfAgenda() const;
  /// Goes on until all are judged, `*steps` are used up or `most` want it whose notifies are not made. Returns whether all are.
  bool Match(Hand* hand, FanOutKind kind, size_t most, int64_t* steps, Matching* matching);
  static bool MayGet(const Known& known, NotifyId event, FanOutKind kind);
  std::optional<bool> Wants(const Known& known, Hand* hand, int64_t* steps, Judging* judging) const;
  /// Returns what the notifies come to at most of those that are not judged.
  Weight MayStillGet(const Hand& hand, FanOutKind kind, const Matching& matching) const;
  /// The instances of its service to each of which it wants a notify; nothing: it wants one.
  std::optional<std::vector<std::string>> InstancesOf(const Known& known) const;
  /// Returns what the notifies come to of all that want the event, from that place on.
  Weight WeightOf(const Hand& hand, const std::vector<uint64_t>& wants, size_t from = 0) const;
  static int64_t StepsToMake(const Known& known, const Hand& hand);
  /// An event that is judged in part goes to the agenda: that goes on from there, as long as memory has it.
  void HandOver(uint64_t serial, Matching matching);

  // ---- core_fanout.cc
  /// Makes the event's notify for a subscription, or one for each instance behind `partly->instance`, unless that has too many pending. Returns
  /// whether that is all of them, as far as a turn goes (HasRoomFor).
  bool MakeNotifies(Known* known, Hand* hand, bool replay, Partly* partly, Made* made);
  /// `instance`: empty where it is of none.
  void MakeNotify(Known* known, Hand* hand, bool replay, const std::string& instance, Made* made);
  std::optional<SubmitItem> ItemFor(const Known& known, Hand* hand, bool replay, const std::string& instance, NotifySpec* spec) const;
  bool TakePayload(const Known& known, Hand* hand, NotifySpec* spec) const;
  uint64_t MakeSome(Hand* hand, FanOutKind kind, uint64_t cursor, Matching* matching, Made* made);
  Handled WaitForRoom(Task* task);
  /// More is stored than may be, whatever is promised: what goes on makes that less.
  bool IsStoreFull() const { return core_.limits_.max_stored_bytes && core_.stored_.bytes >= *core_.limits_.max_stored_bytes; }
  bool LacksSpace(const Known& known) const { return known.transform && IsStoreFull(); }
  bool HasRoomFor(const Known& known) const { return MayMakeMore() && !LacksSpace(known); }
  void NoteLackOfSpace(const Name& subscription, NotifyId event);
  std::string LaneFor(const Known& known, Hand* hand) const;
  std::optional<Handled> NeedEvent(Task* task, NotifyId id, Hand* hand, EventPlace* place, RecordSlot** slot);
  uint64_t BeginFanOut(NotifyId event, FanOutKind kind, const Weight& weight);
  uint64_t GoOnFanningOut(const Hand& hand, FanOutKind kind, uint64_t cursor, const Matching& matching, uint64_t made);
  void NoteBegun(const AgendaDue& r);
  bool IsOnAgenda(NotifyId event) const;
  bool IsLeftToFanOut(const Known& known, NotifyId event, const EventPlace& place) const;
  void EndFanOut(uint64_t serial);
  /// Lets the fan-out whose turn it is go on, where it waits for that alone.
  void GoOn();
  bool MayGoOn() const { return !begun_.empty() && waiting_.contains(begun_.begin()->first) && MayMakeMore() && HasSpace(); }
  /// What is made next of the fan-out whose turn it is has room, as far as is known.
  bool HasSpace() const { return !lacks_space_ || !IsStoreFull(); }
  void EndFanOuts();
  Handled FanOut(Task* task, AgendaDue& r);
  bool MatchSome(uint64_t serial, Hand* hand, FanOutKind kind, Matching* matching);
  void FanOutSome(AgendaDue& r, Hand* hand, EventPlace* place, RecordSlot* slot);
  void SetPromise(Promise* promise, uint64_t count, uint64_t bytes);
  void AddPromise(uint64_t serial, const Weight& weight);
  void Reweigh(uint64_t serial, const Weight& weight);
  void Fulfil(uint64_t serial, uint64_t count);
  void EndPromises(uint64_t last);

  // ---- core_release.cc
  Handled ReleaseHeld(Task* task, const AgendaDue& r);
  void NoteLostEvent(NotifyId event);
  void LetGo(std::string_view spec, Hand* hand);
  bool TakeOver(Task* task, uint64_t serial, Hand* hand);
  bool IsStale(const Rows& rows) const;

  // ---- core_replays.cc
  Status MayMake(uint64_t most, const Weight& weight) const;
  std::optional<Handled> AnswerRepeat(RequestId request, const IdempotencyKey& key, const Fingerprint& fields);
  /// Begins to bring past events to a subscription.
  void CatchUp(uint64_t serial, WallTime from);
  struct Range;
  bool JudgeRows(const Known& known, const Range& range, int64_t* steps, Rows* rows);
  std::optional<Handled> TakeRows(Task* task, Known* known, const Range& range, int64_t* steps, Rows* rows, Looked* out);
  void GoOnLater(AgendaDue& r, std::string what);
  /// The quotas have no room for anything that nobody judged.
  bool IsFull() const { return core_.totals_.claimed() >= core_.limits_.max_pending || !core_.CheckStored(1).ok(); }
  Handled WaitWhileFull(AgendaDue& r, const Name& subscription, NotifyId event);
  void GoOnScanning();
  void ReadPage(AgendaDue& r);
  /// How many scans have a page of events, or will in a moment.
  size_t PagesHeld() const { return reading_ + rows_.size(); }
  /// May the scan that was just put on the agenda have one although it has not begun? Only if it goes on next: others wait for those pages.
  bool MayHavePage() const {
    const AgendaLine& line = core_.agenda_[AgendaSort::kScans];
    return waiting_scans_.empty() && !line.OnDisk() && line.running + line.due.size() <= kMostPages && PagesHeld() < kMostPages;
  }
  void MoveLive(Known* known, NotifyId last);
  Handled Scan(Task* task, AgendaDue& r);
  void AskEvents(NotifyId above, std::function<void(Rows)> then);
  Handled On(Task* task, RequestId request, const EventReplay& ask);
  Handled On(Task* task, RequestId request, const SubscriptionReplay& ask);

  // ---- core_events.cc
  Handled On(Task* task, RequestId request, const EventGet& ask);
  bool LookAtNotifies(Task* task, const std::vector<NotifyId>& ids, size_t payload_bytes, Viewing* viewing);
  Handled On(Task* task, RequestId request, const EventList& ask);
  bool IsOver(const EventRecord& event, const EventPlace& place) const;
  int64_t RetentionOf(const std::string& topic) const;
  bool SweepsEvents() const { return core_.catalog_.known && core_.totals_.records[RecordKind::kTopicEvent] > 0; }
  void AskSweep();
  Handled SweepRows(Task* task);

  // ---- core_subscribers.cc
  void CountPending(const Envelope& envelope, int64_t change);
  void Count(const Name& name, int64_t change);
  Handled Counted(AgendaDue& r);
  Handled PauseUnreachable(Task* task, AgendaDue& r);
  bool HasRoom(Known* known, NotifyId event);
  void NoteSkipped(const Known& known, NotifyId event, const char* reason, bool* noted);
  void TellSkips();
  void NoteUntransformed(Known* known, Hand* hand, EventPlace* place);
  static bool MayHavePayloadOfEvent(const NotifyRecord& record, const Known& known);
  bool HasPayloadOfItsEvent(const Entry& entry, const NotifySpec& spec) const;
  bool EndApply(RequestId request);
  bool ApplyTemplate(Entry* entry, const Known& known);
  void WriteBacklogs();
  Handled On(Task* task, RequestId request, const SubscriptionApply& ask);
  void ForgetSkipped(const Name& name);
  /// A subscription is gone: what it has pending goes with it, or stays.
  void Leave(const SubscriptionDelete& ask);
  void EndLeaving(const Name& name, const BacklogRecord::Leaving& leaving);
  Handled Unsubscribe(Task* task, AgendaDue& r);
  void ListPending(const Name& subscription, NotifyId above, size_t limit, std::function<void(Found)> then);

  Core::Impl& core_;
  std::map<Name, KnownTopic, std::less<>> topics_;
  SchemaCache schemas_;  // of topics that events were published to
  std::map<Name, std::unique_ptr<Known>, std::less<>> subscriptions_;
  std::unordered_map<uint64_t, Known*> by_serial_;
  TopicIndex index_;     // by serial
  FilterGuards guards_;  // likewise
  std::map<Name, Backlog> backlogs_;
  std::set<Name> changed_;  // of these, which are not written yet
  // Fan-outs.
  std::map<uint64_t, Begun> begun_;    // by the agenda's serial: the first one's turn it is
  std::map<uint64_t, Task*> waiting_;  // those of the others that have read their event, and wait for their turn
  // Events that were let go: so many, and the last of them.
  uint64_t released_ = 0;
  std::deque<NotifyId> last_released_;
  // Steps of matching that one turn's notifies take at most, too: see core_matching.cc.
  static constexpr int64_t kStepsToMake = 250'000;
  uint64_t made_ = 0;                  // notifies, in this turn
  size_t made_bytes_ = 0;              // of specs, in that batch
  uint64_t made_batch_ = 0;
  std::deque<Promise> promises_;  // in the order of their serials
  bool lacks_space_ = false;      // the fan-out whose turn it is waits for room below max_stored_bytes
  bool lack_noted_ = false;
  std::map<uint64_t, std::string> full_;        // scans that wait while the quotas are full (IsFull): items of the agenda, by their serials
  bool let_go_ = false;                         // the first of them looks whether there is room
  bool full_gone_ = false;                      // some of them may have no subscription any more
  uint64_t full_noted_ = 0;                     // the last of which it was said that it waits
  std::vector<Task*> short_;                    // other tasks of the agenda that wait for that, or for what was made to be written
  std::map<uint64_t, Matching> matchings_;      // of those, by the agenda's serial; and of some that have not begun
  size_t handed_over_ = 0;                      // how many want events that have not begun
  uint64_t version_ = 0;                        // of subscriptions_
  int64_t asked_steps_ = 0, agenda_steps_ = 0;  // of matching, in this turn
  // What was read for a task that is run again then: by the agenda's serial, or by the request.
  std::map<uint64_t, Rows> rows_;
  std::map<RequestId, Rows> rows_of_;
  // So many pages scans have at a time, and so many those who ask: each may be as large as the store makes one.
  static constexpr size_t kMostPages = 4;
  size_t reading_ = 0, asking_ = 0;      // pages under way, of these and of those
  std::deque<AgendaDue> waiting_scans_;  // those that are to have a page once there is one; they count as running, or all would come to memory
  std::map<RequestId, Viewing> viewing_;
  std::map<uint64_t, Found> found_;
  std::map<RequestId, Applying> applying_;
  std::map<uint64_t, std::function<void(Found)>> lists_;  // by token
  uint64_t next_list_ = 1;
  // The look for events whose time is over.
  MonoTime next_sweep_;
  bool sweeping_ = false;
  std::string swept_;  // as far as this key
  Rows sweep_rows_;
  size_t sweep_row_ = 0, sweep_run_ = 0;  // where in them, and where in the event's runs
  uint64_t sweep_at_ = 0;
  TopicFigures figures_;
  std::map<Name, std::pair<uint64_t, NotifyId>> skips_;  // in this turn, without a line in the log: how many, and the last event
};

}  // namespace notifyd
