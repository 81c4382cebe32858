// The core's part of topics, subscriptions and events: contract section 12. Included by broker/core*.cc alone. See core_impl.h.
//
//   core_topics.cc         topics and subscriptions: what stands in the catalog, and is put, shown and removed
//   core_publish.cc        an event is taken
//   core_fanout.cc         its notifies are made; the agenda's fan-outs, catch-ups and replays
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
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/json_tree.h"
#include "broker/core_impl.h"
#include "broker/event_filter.h"
#include "broker/schema.h"
#include "broker/topic_events.h"
#include "broker/topic_patterns.h"
#include "broker/transform.h"

namespace notifyd {

// First bytes of items of the agenda. Stored: never renumber.
inline constexpr char kFanOut = 2, kScan = 3, kUnsubscribe = 4, kCounted = 7;
/// The same of what no agenda keeps.
inline constexpr char kSweepEvents = '\x82';
/// RequestId::thread of lists that are asked for here.
inline constexpr uint32_t kTopicLists = UINT32_MAX - 1;
inline constexpr const char* kNoEvent = "there is no such event";

class Core::Impl::TopicPart {
 public:
  explicit TopicPart(Core::Impl* core) : core_(*core), next_sweep_(core->now_.mono) {}

  Handled Handle(Task* task, TopicRequest& r);

  // ---- what the rest of the core tells and asks
  void OnCatalogRow(RecordKind kind, const RecordRow& row);
  /// Carries out an item of the agenda. Returns nothing where it is of another's kind.
  std::optional<Handled> HandleDue(Task* task, AgendaDue& r);
  /// Takes the answer of a list that was asked for here. Returns false, and does nothing, where it is another one.
  bool TookList(ListDone& e);
  void OnSettled(const Envelope& envelope) { CountPending(envelope, -1); }
  void OnRevived(const Envelope& envelope) { CountPending(envelope, 1); }
  /// Once a turn: what is counted goes into the batch, and events whose time is over are looked for.
  void EndTurn();
  MonoTime NextWake() const { return MayGoOn() ? core_.now_.mono : SweepsEvents() && !sweeping_ ? next_sweep_ : kMonoNever; }
  bool IsPaused(const std::string& subscription) const;
  /// Is what a trigger makes of such a notify what its topic's schema asks for? Error: kUnacceptable with the pointer.
  Status JudgeHeld(const Envelope& envelope, const NotifySpec& spec) const;
  /// Ends such a notify, which must be in flight, in place of an attempt.
  void Release(Entry* entry);
  TopicFigures figures() const;

 private:
  using Name = std::string;
  enum class FanOutKind : uint8_t { kLive = 0, kReplay = 1, kHeld = 2 };  // stored: never renumber
  struct KnownTopic {
    TopicRecord said;
    std::string bytes;
    std::shared_ptr<const Schema> schema;  // null: none
  };
  struct Known {
    Name name;
    SubscriptionRecord record;
    std::string bytes;  // of what was said
    std::optional<EventFilter> filter;
    std::optional<Transform> transform;
    NotifySpec spec;        // its template's
    bool skipping = false;  // the last event was not fanned out to it
  };
  struct Backlog {
    BacklogRecord record;
    bool stored = false;
  };
  /// An event while notifies are made of it: its data is parsed once, and only where somebody looks at it.
  struct Hand {
    NotifyId id;
    std::shared_ptr<const EventRecord> event;
    std::optional<JsonTree> data;
    bool parsed = false;
    const JsonTree* Data();
  };
  /// What some notifies were made for.
  struct Made {
    uint64_t count = 0;
    std::vector<EventPlace::Run> runs;
  };
  /// Events that a page brought, for whoever asked.
  struct Rows {
    std::vector<RecordRow> rows;
    bool more = false;
    uint64_t published = 0;  // figures_.published as it was when they were asked for
  };
  /// What came of a page of events: the last one that was looked at, how many notifies were made, whether those behind it are too late.
  struct Looked {
    NotifyId last;
    uint64_t made = 0;
    bool over = false;
  };
  /// How far a subscription's template has been given to what waits.
  struct Applying {
    std::vector<NotifyId> ids;
    NotifyId cursor;
    uint64_t count = 0;
    bool begun = false, listed = false;
  };
  /// Notifies that a list found.
  struct Found {
    std::vector<NotifyId> ids;
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
  Handled Answer(RequestId request, TopicAnswer answer);
  static Status Compile(const TopicRecord& said, std::shared_ptr<const Schema>* schema);
  static Status Compile(const Subscription& said, Known* out);
  Status Keep(const Name& name, SubscriptionRecord record);
  void Forget(const Name& name);
  void WriteSubscription(const Known& known, bool fresh);
  static std::vector<LaneKey> LanesOf(const Subscription& said);
  bool NeedLanesOf(Task* task, const Subscription* said);
  void PauseLanes(const Subscription* before, const Subscription* after);
  SubscriptionView ViewOf(const Known& known) const;
  const Known* Find(const Name& name) const;

  // ---- core_publish.cc
  Handled On(Task* task, RequestId request, const Publish& ask);
  struct Plan;
  struct Planning;
  void NeedFor(Task* task, const Publish& ask);
  Status PlanKeyed(const Publish& ask, size_t i, Planning* planning, Plan* plan);
  Status Judge(const EventItem& item, const Plan& plan, Planning* planning, int64_t* retry_after_ms) const;
  std::optional<Refused> PlanAll(const Publish& ask, std::vector<Plan>* plans);
  Published::Item Take(const EventItem& item, Plan* plan, bool later);
  Status PlanHeld(const EventItem& item, Plan* plan);
  Published::Item Hold(const EventItem& item, Plan* plan);
  Status PlanEvent(const EventItem& item, const Publish& ask, Plan* plan);
  Status Judge(std::string_view topic, const JsonTree* data) const;
  static IdempotencyKey KeyOf(const EventItem& item);
  /// Lets an idempotency key, whose slot must be known, answer with `id` from now on.
  void Remember(IdempotencyKey key, const Fingerprint& fields, NotifyId id);
  bool IsBusy() const;

  // ---- core_fanout.cc
  /// Returns those that want the event and whose serial is above `above`, in order.
  std::vector<Known*> WhoWants(Hand* hand, uint64_t above, FanOutKind kind);
  bool Wants(const Known& known, Hand* hand) const;
  /// The instances of its service to each of which it wants a notify; nothing: it wants one.
  std::optional<std::vector<std::string>> InstancesOf(const Known& known) const;
  /// Returns how many notifies all of them get of one event.
  uint64_t CountOf(const std::vector<Known*>& wants) const;
  /// Makes the event's notify for a subscription, or one for each instance, unless that has too many pending.
  void MakeNotifies(Known* known, Hand* hand, bool replay, Made* made);
  /// `instance`: empty where it is of none.
  void MakeNotify(Known* known, Hand* hand, bool replay, const std::string& instance, Made* made);
  SubmitItem ItemFor(const Known& known, Hand* hand, bool replay, const std::string& instance, NotifySpec* spec) const;
  std::string LaneFor(const Known& known, Hand* hand) const;
  std::optional<Handled> NeedEvent(Task* task, NotifyId id, Hand* hand, EventPlace* place, RecordSlot** slot);
  Status MayMake(uint64_t count) const;
  std::optional<Handled> AnswerRepeat(RequestId request, const IdempotencyKey& key, const Fingerprint& fields);
  void BeginFanOut(NotifyId event, FanOutKind kind);
  void TakeTriggered(std::string_view bytes, Hand* hand);
  void EndFanOut(uint64_t serial);
  /// Lets the fan-out whose turn it is go on, where it waits for that alone.
  void GoOn();
  bool MayGoOn() const { return !begun_.empty() && waiting_.contains(*begun_.begin()); }
  void EndFanOuts();
  Handled FanOut(Task* task, AgendaDue& r);
  /// Begins to bring past events to a subscription.
  void CatchUp(uint64_t serial, WallTime from);
  std::optional<Handled> TakeRows(Task* task, Known* known, const Rows& rows, WallTime from, WallTime to, bool replay, Looked* out);
  Handled Scan(Task* task, AgendaDue& r);
  void AskEvents(NotifyId above, std::function<void(Rows)> then);
  Handled On(Task* task, RequestId request, const EventReplay& ask);
  Handled On(Task* task, RequestId request, const SubscriptionReplay& ask);

  // ---- core_events.cc
  Handled On(Task* task, RequestId request, const EventGet& ask);
  Handled On(Task* task, RequestId request, const EventList& ask);
  bool IsOver(const std::string& topic, WallTime published_at) const;
  int64_t RetentionOf(const std::string& topic) const;
  bool SweepsEvents() const { return core_.catalog_.known && core_.totals_.records[RecordKind::kTopicEvent] > 0; }
  void AskSweep();
  Handled SweepRows(Task* task);

  // ---- core_subscribers.cc
  void CountPending(const Envelope& envelope, int64_t change);
  void Count(const Name& name, int64_t change);
  Handled Counted(AgendaDue& r);
  bool HasRoom(Known* known, NotifyId event);
  bool ApplyTemplate(Entry* entry, const Known& known);
  void WriteBacklogs();
  Handled On(Task* task, RequestId request, const SubscriptionApply& ask);
  /// A subscription is gone: what it has pending goes with it, or stays.
  void Leave(const SubscriptionDelete& ask);
  Handled Unsubscribe(Task* task, AgendaDue& r);
  void ListPending(const Name& subscription, NotifyId above, size_t limit, std::function<void(Found)> then);

  Core::Impl& core_;
  std::map<Name, KnownTopic, std::less<>> topics_;
  std::map<Name, std::unique_ptr<Known>, std::less<>> subscriptions_;
  std::unordered_map<uint64_t, Known*> by_serial_;
  TopicIndex index_;  // by serial
  std::map<Name, Backlog> backlogs_;
  std::set<Name> changed_;  // of these, which are not written yet
  // Fan-outs.
  std::set<uint64_t> begun_;           // by the agenda's serial: the first one's turn it is
  std::map<uint64_t, Task*> waiting_;  // those of the others that have read their event, and wait for their turn
  uint64_t made_ = 0;                  // notifies, in this turn
  // What was read for a task that is run again then: by the agenda's serial, or by the request.
  std::map<uint64_t, Rows> rows_;
  std::map<RequestId, Rows> rows_of_;
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
};

}  // namespace notifyd
