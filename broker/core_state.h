// What the core has in memory: notifies (entries), lanes, hosts, keys, and the tasks that wait for them. Plain structures; broker/core_impl.h says
// what holds between them (I1 to I10), broker/core_checks.cc checks it. Included by broker/core*.cc alone.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "broker/breaker.h"
#include "broker/due_window.h"
#include "broker/events.h"
#include "broker/lane_limits.h"
#include "broker/notify.h"
#include "broker/stored_record.h"
#include "broker/token_bucket.h"
#include "broker/turns.h"

namespace notifyd {

/// "At most ten years ahead" (contract section 3), leap days counted generously.
inline constexpr int64_t kMaxAheadMs = 3653LL * 24 * 3600 * 1000;

/// Returns the refusal of a due time beyond that, given as `when`.
inline Status TooFarAhead(const When& when) {
  const char* field = when.kind == When::Kind::kDelay ? "delay_ms" : "due_at";
  return Status(Code::kUnacceptable, std::string(field) + " is more than ten years ahead", std::string("/") + field);
}
/// Returns the refusal of an expires_at that lies behind.
inline Status ExpiryHasPassed() {
  return Status(Code::kUnacceptable, "expires_at has passed", "/expires_at");
}
/// NotifyState::reason of a notify in whose place another was held. Its callback is not told of that.
inline constexpr const char* kReplaced = "replaced";

struct ExpiryTimer;
struct Task;
struct Host;
struct Lane;

/// What is looked up by key, and kept as long as somebody needs it or a batch that changes it is not written (I1).
struct Slot {
  enum class Kind : uint8_t { kEntry, kLane, kFkey, kIdempotency, kSwitches, kRecord, kCatalog };
  explicit Slot(Kind k) : kind(k) {}
  Kind kind;
  bool known = false;
  bool loading = false;
  uint32_t pins = 0;
  uint64_t written = 0;  // the newest batch that changes it
  std::vector<Task*> waiters;
};

/// Keeps a slot for whoever goes on with it behind calls that may drop it (of a lane: all that start, end or move a notify), and drops it after that,
/// where nothing else keeps it.
template <class Dropper>
class Kept {
 public:
  Kept(Dropper* core, Slot* slot) : core_(core), slot_(slot) { ++slot_->pins; }
  ~Kept() {
    --slot_->pins;
    core_->MaybeDrop(slot_);
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;

 private:
  Dropper* const core_;
  Slot* const slot_;
};

struct FkeySlot : Slot {
  explicit FkeySlot(std::string k) : Slot(Kind::kFkey), key(std::move(k)) {}
  std::string key;
  std::optional<FkeyRecord> record;
};

struct IdempotencySlot : Slot {
  explicit IdempotencySlot(IdempotencyKey k) : Slot(Kind::kIdempotency), key(std::move(k)) {}
  IdempotencyKey key;
  std::optional<IdempotencyRecord> record;
};

/// Whether what was accepted with this print under an idempotency key is what `item` says, too: as it is read now, or as an earlier notifyd read it.
template <class Item>
bool HasFields(const Fingerprint& earlier, const Item& item) {
  return earlier == item.fields || earlier == item.fields_1;
}

/// Always in memory.
struct SwitchesSlot : Slot {
  SwitchesSlot() : Slot(Kind::kSwitches) { pins = 1; }
  std::shared_ptr<const Switches> all = std::make_shared<const Switches>();
};

struct RecordSlot : Slot {
  explicit RecordSlot(RecordKey k) : Slot(Kind::kRecord), key(std::move(k)) {}
  RecordKey key;
  std::shared_ptr<const StoredRecord> record;  // null: there is none
};

/// Known once all records that memory holds as long as the core lives (services, instances, topics, subscriptions) are there.
struct CatalogSlot : Slot {
  CatalogSlot() : Slot(Kind::kCatalog) { pins = 1; }
};

/// Where an entry is in memory, beyond being looked at.
enum class Place : uint8_t {
  kIdle,      // nowhere: it may be dropped
  kTimer,     // in a window's wheel
  kArriving,  // its lane is being loaded
  kAwaiting,  // its batch is not durable yet
  kQueue,     // in its lane's queue
  kHead,      // a fifo lane's attempted head, ready again
  kFlight,    // an attempt is under way
};

/// How much of a notify is read. Each is more than those before it.
enum class Reads : uint8_t {
  kBeginning,  // what stands before its attempts and its spec
  kEnd,        // what its end tells of it, too: its newest attempt, and its spec without the payload (EndKey)
  kStored,     // all but a payload that stands with its event (StoredKey)
  kWhole,      // all
};

/// A set of enumerators below 16.
template <class E>
class Bits {
 public:
  constexpr Bits() = default;
  constexpr Bits(std::initializer_list<E> all) {
    for (E one : all) Add(one);
  }
  constexpr bool Has(E one) const { return (bits_ >> static_cast<unsigned>(one) & 1) != 0; }
  constexpr void Add(E one) { bits_ |= static_cast<uint16_t>(1u << static_cast<unsigned>(one)); }
  constexpr void Remove(E one) { bits_ &= static_cast<uint16_t>(~(1u << static_cast<unsigned>(one))); }
  constexpr bool Any() const { return bits_ != 0; }

 private:
  uint16_t bits_ = 0;
};

/// The combinations of index, phase and place that a notify in memory may be in; there are no others (CheckInvariants).
struct LegalState {
  Index index;
  Bits<Phase> phases;
  Bits<Place> places;
};
inline constexpr Bits<Place> kInTime = {Place::kIdle, Place::kTimer, Place::kArriving, Place::kAwaiting, Place::kQueue, Place::kFlight};
inline constexpr LegalState kLegalStates[] = {
    // Held until it is triggered: nowhere.
    {Index::kHeld, {Phase::kHeld}, {Place::kIdle}},
    // Its time is known: on disk or in a wheel until then, later on its way into its lane, in that, or in flight. A held one whose time has come
    // stays held until it ends: nobody needs to know better.
    {Index::kHeldDue, {Phase::kHeld}, kInTime},
    {Index::kDue, {Phase::kWaiting}, kInTime},
    {Index::kRetrying, {Phase::kRetrying}, kInTime},
    {Index::kRetrying, {Phase::kRetrying}, {Place::kHead}},
    // Its time has come, and it was spilled: on disk, or read back into its lane. It leaves the tail once it has ended, or its attempt failed.
    {Index::kTail, {Phase::kHeld, Phase::kWaiting, Phase::kRetrying}, {Place::kIdle, Place::kQueue, Place::kFlight}},
    // Settled. In flight where it was cancelled there.
    {Index::kNone, {Phase::kSucceeded, Phase::kFailed, Phase::kCancelled, Phase::kExpired}, {Place::kIdle, Place::kFlight}},
};

struct Entry : Slot {
  explicit Entry(NotifyId i) : Slot(Kind::kEntry), id(i) { timer.entry = this; }
  NotifyId id;
  bool exists = false;
  bool promoted = false;  // its time has come
  bool buried = false;    // in the graveyard, since page ticket buried_at
  uint64_t buried_at = 0;
  uint32_t changes = 0;  // counts changes, so that a record read meanwhile is known to be old
  uint32_t changes_at_load = 0;
  Reads asked = Reads::kBeginning;  // what the last load of it was to read
  uint32_t envelope_bytes = 0;  // what its envelope takes beyond the usual
  bool start_waits = false;     // in flight, but its spec is still being read
  // Its newest attempt was lost with a used connection: the one that follows, or is in flight, repeats that at once.
  bool repeats = false;
  bool although_paused = false;  // somebody wants it to be sent now, though its lane is paused: until it is in flight and that has ended
  bool refused = false;  // it has its turn at an open breaker to fail there (BreakerSettings::fail_on_open)
  Index index = Index::kNone;
  bool fresh = false;      // its id is new: no index ever had a key with it
  bool first_key = false;  // what `index` has of it is the first such key (DeleteDue::once); false: unknown
  Place place = Place::kIdle;
  uint32_t number = 0;     // of the attempt in flight
  Breaker::Call call = 0;  // the same, as its host's breaker knows it
  uint64_t durable = 0;    // no attempt before this batch is synced
  WallTime created_at;
  ExpiryTimer* expiry = nullptr;  // its timer in the expiry window, where it was in memory when that was set
  std::shared_ptr<const Envelope> envelope;
  std::shared_ptr<const std::string> spec;  // null: not kept
  std::shared_ptr<NotifyRecord> full;       // as loaded, while a handler needs it: so much of it as `full_as` says, kEnd at least
  Reads full_as = Reads::kEnd;
  NotifyState state;
  Lane* lane = nullptr;  // while in kQueue, kHead or kFlight
  Host* host = nullptr;
  Caller* caller = nullptr;  // while in kFlight
  struct Timer : TimerNode {
    Entry* entry = nullptr;
    DueKey key() const { return {when_ms, entry->id}; }
  } timer;

  bool pending() const { return exists && !IsSettled(state.phase); }
  bool in_flight() const { return place == Place::kFlight; }
  OrderKey order() const { return {static_cast<uint8_t>(envelope->lane.mode == Mode::kFifo ? 0 : 9 - envelope->priority), state.due, id}; }
  /// Held under its fkey, and not yet sent for another reason.
  /// Returns whether it, whose record is loaded, is not `base` any more as far as users change it. A null base is whatever it is.
  bool IsOtherThan(const std::shared_ptr<const NotifyRecord>& base) const;
  bool held(WallTime now) const { return state.phase == Phase::kHeld && !promoted && state.due > now; }
};

/// What a lane waits for, so that it starts nothing now. A closed list, in the order in which it is asked. Scheduling (CanStart), the question
/// whether a lane may be dropped, explain and the invariant checks all read it. What joins it (an open breaker, no instance alive, a group's turn)
/// gets its line here, its case in Core::Impl::BlockedBy and, where users are told, its word in ExplainReady. Whose turn it is among those that wait
/// for nothing of this, and shares, Turns knows.
enum class Wait : uint8_t {
  kNothing,
  kRestart,  // the broker stops, or holds its attempts: for ever
  kResume,   // it is paused: its resume ends that
  kCaller,   // what comes next of it is of a caller that is paused: that one's resume ends that
  kAttempt,  // fifo: its attempted head waits for its next attempt, until the head's retry_at
  kCall,     // it has as many calls in flight as it may: the end of one ends that
  kTail,     // what comes next of it is in its tail on disk: a page of that ends it
  kSync,     // what comes next of it is not durable yet: Committed ends that
  kWrite,    // fifo: the end before is not written yet: Committed ends that
  kWindow,   // fifo: due notifies that may sort before its next one are not loaded yet: the window, or the search, ends that
  kToken,    // its rate is used up, until its next token
};
inline constexpr Wait kWaits[] = {Wait::kRestart, Wait::kResume, Wait::kCaller, Wait::kAttempt, Wait::kCall,
                                  Wait::kTail,    Wait::kSync,   Wait::kWrite,  Wait::kWindow,  Wait::kToken};
struct Blocked {
  Wait on = Wait::kNothing;
  MonoTime until = kMonoNever;  // it ends by itself then; kMonoNever: somebody ends it
  explicit operator bool() const { return on != Wait::kNothing; }
};

struct Lane : Slot, RingNode {
  explicit Lane(LaneKey k) : Slot(Kind::kLane), key(std::move(k)) {}
  LaneKey key;
  LaneRecord record;
  LaneSettings settings;   // its own
  LaneLimits limits;       // what holds: its own, the configuration's, the defaults
  bool stored = false;     // the store has a record of it
  bool dirty = false;      // its record goes into the open batch
  bool active = false;     // takes part; else it sleeps in the store, or is only looked at
  bool disk_tail = false;  // the store has tail keys at or above tail_next that are not in memory
  // What somebody holds a pointer to it for, and comes back to it: kTail, a page of its tail is under way, from page_from; kWindow, it is in
  // at_horizon_; kToken, it is in throttled_, until a token is there or its bucket is full; kAttempt, its attempted head is fetched (Shedding).
  Bits<Wait> registered;
  std::optional<uint64_t> wake;  // to be woken once it is loaded, if this is its place in its host's list
  Host* waking = nullptr;        // the host in whose turn it is being woken
  uint32_t turns = 0;            // attempts started since it woke up
  bool served = false;           // one was started since it got its place in its host's list
  OrderKey tail_next, page_from;
  std::optional<OrderKey> spilled;  // the least key spilled while the page is under way
  std::map<OrderKey, Entry*> queue;
  std::set<OrderKey> tail_keys;  // of the tail, those in memory
  bool head_in_tail = false;     // its attempted head was put there since it is in memory: where it was before that, nobody knows who has not looked
  std::optional<std::list<Lane*>::iterator> shedding;  // its place among those that have something waiting in memory
  std::vector<Entry*> arriving;
  // Whose notifies came into it since it is in memory; `mixed`: of more than one caller, so that no caller's share holds it up.
  std::optional<std::string> caller;
  bool mixed = false;
  uint32_t in_flight = 0;
  uint32_t sending = 0;  // of those in flight, not settled
  IndexCounts promoted;  // of its entries, those whose time has come
  TokenBucket bucket;    // of its rate, where it has one
  std::multimap<MonoTime, Lane*>::iterator throttle;
  uint32_t awaiting = 0;  // entries on their way into the queue that are not durable yet
  Entry* head = nullptr;  // fifo: in flight, or attempted and ready again
  uint64_t gate = 0;      // fifo: nothing starts before this batch is written

  bool fifo() const { return key.mode == Mode::kFifo; }
  bool paused() const { return limits.paused != Paused::kNo; }
  /// An attempted head stands at its front, whether it waits for its next attempt, is in flight again or in the tail.
  bool has_attempted_head() const { return record.blocked_head.value != 0; }
  bool tail_page() const { return registered.Has(Wait::kTail); }
  bool at_horizon() const { return registered.Has(Wait::kWindow); }
  bool fetching() const { return registered.Has(Wait::kAttempt); }
  /// What it is woken with is on its way.
  bool waking_up() const { return tail_page() || at_horizon() || fetching(); }
  bool throttled() const { return registered.Has(Wait::kToken); }
  TokenRate rate() const { return {limits.rate_per_s, limits.burst}; }
  /// Its attempted head is in memory, and ready again.
  bool has_ready_head() const { return head && head->place == Place::kHead; }
  /// Something of it is in memory.
  bool HoldsNotifies() const { return !queue.empty() || in_flight > 0 || head || !arriving.empty() || awaiting > 0; }
  /// The store knows all of it, and nobody comes back to it: it may be dropped, as far as it is not pinned, loading or being written.
  bool MayGo() const { return !HoldsNotifies() && !waits() && !registered.Any() && !dirty && !(active && disk_tail); }
};

/// Where calls go, as turns know it, with what the core keeps for it.
struct HostRule;  // broker/flow_settings.h
struct Host : Target {
  std::string name;
  uint32_t refs = 0;  // entries
  size_t queued = 0;  // entries in queues of lanes
  HostSettings settings;           // as an operator says
  const HostRule* rule = nullptr;  // of the file; null: none
  HostSettings limits;             // what holds, of both
  TokenBucket bucket;              // of its rate, where it has one
  bool awaits_token = false;       // it is in host_tokens_, at `token`
  bool lingers = false;            // likewise, until its bucket is full: a new one would be
  bool serves = false;             // instances of services are there
  bool by_name = false;            // the last call that began there named it, and no service
  std::multimap<MonoTime, Host*>::iterator token;
  Breaker breaker;
  bool breaker_open = false;   // it is counted as open
  bool breaker_timed = false;  // it is in Breakers::by_time, at `breaker_time`
  std::multimap<MonoTime, Host*>::iterator breaker_time;
  /// What has its turn is to fail here, without an attempt.
  bool Refuses(MonoTime now, const BreakerSettings& as) const { return as.fail_on_open && breaker.is_open() && !breaker.MayBegin(now); }
  /// Nobody has a turn, as far as its breaker goes.
  bool ShutByBreaker(MonoTime now, const BreakerSettings& as) const { return !breaker.MayBegin(now) && !Refuses(now, as); }
  // Lanes that sleep in the store.
  bool sleepers = false;
  bool page = false;
  bool check = false;                 // in sleeper_checks_
  size_t waking = 0;                  // lanes that were woken and have no place in the ring yet
  size_t gave_way = 0;                // places that lanes gave up since the last page of sleepers was asked for
  uint64_t cursor = 0;                // the least order that may sleep
  uint64_t fell_asleep = UINT64_MAX;  // the least order that fell asleep while a page is under way
};

/// The search for what is due at once beyond the wall window's horizon. It begins once that is ahead of the clock, and ends at the last key that
/// was given to anything due at once; what it passes over stays on disk. A start that finds the clock behind that key needs one.
struct AtOnceSearch {
  Horizon done{DueKey{INT64_MIN, {}}};  // so far
  uint64_t ticket = 0;                  // of the page under way; 0: none
  NotifyId last;                        // the id of that last key; after a start, which does not know it, the newest of all
};

/// NotifyState::reason of one that failed at an open breaker.
inline constexpr const char* kFailedByBreaker = "breaker_open";

/// The breakers of all hosts, beside what each of those has of its own.
struct Breakers {
  std::multimap<MonoTime, Host*> by_time;  // those that are not calm, by when they are looked at again
  size_t open = 0;
  uint64_t opened = 0;
  // The search for those who waited at an open one for long (SweepBreakers).
  MonoTime next_sweep = kMonoNever;
  bool sweeping = false, listing = false;
  NotifyId swept;  // as far as this
};

/// An explain that waits until it is counted who stands before its notify.
struct Explaining {
  RequestId request;
  Entry* entry;  // both pinned
  Lane* lane;
};

/// How many attempts an awake lane may start before it gives way to lanes that sleep. Small, since a lane that comes late waits for a quantum of
/// each that sleeps before it; not one, since giving way costs three writes (two keys of the host's list, the lane's record).
inline constexpr uint32_t kQuantum = 4;
/// How many lanes one page wakes where each takes the place of one that gave way.
inline constexpr size_t kWakeTogether = 16;
/// How many pages of sleeping lanes may be under way at once, over all hosts.
inline constexpr uint32_t kSleeperPages = 8;

/// Within the core: the ttl of that notify is over.
struct ExpiryDue {
  NotifyId id;
};
/// Within the core: the time until which the lane is paused is over.
struct LanePauseOver {
  LaneKey lane;
};
/// Within the core: the lane's attempted head is fetched from its tail, where it is there.
struct HeadDue {
  LaneKey lane;
};
/// Within the core: that notify may have waited at an open breaker for as long as one does.
struct WaitOver {
  NotifyId id;
};
/// Within the core: the notifies that a bulk request found, to be looked at again and changed.
struct BulkApply {
  BulkRequest bulk;
  std::vector<NotifyId> ids;
  NotifyId next;
};
/// Within the core: an item of the agenda goes on (core_agenda.cc).
struct AgendaDue {
  uint64_t serial = 0;
  std::string what;
};
/// Kinds of items of the agenda whose items begin one after another, and wait for none of another kind.
enum class AgendaSort : uint8_t { kGroups, kFanOuts, kScans, kUnsubscribes, kOthers };
/// Items of one of them.
struct AgendaLine {
  std::deque<AgendaDue> due;  // those that memory has, not begun
  size_t running = 0;         // tasks under way
  uint64_t from = 0, until = 0;
  /// There are items that memory has not: those from `from` on, below `until`.
  bool OnDisk() const { return from < until; }
  bool empty() const { return due.empty() && !OnDisk(); }
};
struct Agenda {
  std::array<AgendaLine, 5> lines;  // by AgendaSort
  bool paging = false;
  AgendaLine& operator[](AgendaSort sort) { return lines[static_cast<size_t>(sort)]; }
  const AgendaLine& operator[](AgendaSort sort) const { return lines[static_cast<size_t>(sort)]; }
  AgendaLine& Of(const std::string& what);
  size_t InMemory() const;
  bool HasRoomFor(const AgendaLine& line) const;
  bool IsIdle() const;
  bool WantsTurn() const;
};
/// Within the core: a schedule's next run is due (core_runs.cc).
struct ScheduleDue {
  int64_t due_ms = 0;
  uint64_t serial = 0;
  std::string schedule;
};
using TaskEvent = std::variant<SubmitRequest, TriggerRequest, FkeyGetRequest, FkeyCancelRequest, GetRequest, CancelRequest, RetryRequest,
                               ChangeReadRequest, ChangeRequest, ExplainRequest, LaneChangeRequest, CallersRequest, CallerChangeRequest, HostsRequest,
                               HostChangeRequest, ServiceRequest, TopicRequest, GroupRequest, ScheduleRequest, FiguresRequest, AlertRequest,
                               ResponseRequest, BulkApply, ExpiryDue, WaitOver, LanePauseOver, HeadDue, AgendaDue, ScheduleDue>;
template <class T, class Variant>
inline constexpr bool kIsAlternative = false;
template <class T, class... All>
inline constexpr bool kIsAlternative<T, std::variant<All...>> = (std::is_same_v<T, All> || ...);
template <class T>
concept IsTaskEvent = kIsAlternative<T, TaskEvent>;

/// What became of a task: answered, or to be run again from its start once what it needs is there.
enum class Handled : uint8_t { kDone, kParked };

/// What an item becomes with the data of a trigger that came before it (core_merging.cc).
struct MergedEarly {
  std::shared_ptr<const RememberedTrigger> early;  // the trigger
  std::shared_ptr<const std::string> spec;         // null: refused
  Status refused;
  bool beyond = false;  // refused for what items before it have of data, which may be less by the next turn
};

struct Task {
  TaskEvent event;
  std::vector<Slot*> pinned;
  uint32_t missing = 0;
  std::map<size_t, MergedEarly> merged = {};  // by the item's place in the request
  std::set<size_t> to_merge = {};        // items that planning found to be merged, too
  bool unmerged = false;                 // planning has just found one
  std::shared_ptr<const char> merging = {};  // it is this task's turn to merge (MergePart)
};
inline std::unique_ptr<Task> MakeTask(TaskEvent event) {
  auto task = std::make_unique<Task>();
  task->event = std::move(event);
  return task;
}

/// A key of the expiry index in memory; owned by the expiry window.
struct ExpiryTimer : TimerNode {
  explicit ExpiryTimer(NotifyId i) : id(i) {}
  NotifyId id;
  Entry* entry = nullptr;  // while that is in memory
  DueKey key() const { return {when_ms, id}; }
};

/// What an answer shows of a notify.
struct Shown {
  NotifyId id;
  NotifyState state;
  State as = State::kHeld;
  std::shared_ptr<const NotifyRecord> kept;  // the rest of it, where what is in the store is not that any more
  bool unchanged = false;                    // Reply::unchanged
};

/// A bulk request whose notifies are looked for.
struct Bulk {
  BulkRequest asked;
  std::vector<NotifyId> ids;
  uint32_t pages = 0;
  size_t bytes = 0;  // that memory takes at once of these
};

/// A request for lanes that the store is asked about.
struct LaneList {
  bool one = false;              // asked for one lane, not a list
  std::optional<LaneKey> known;  // it is answered for even where the store has nothing of it
  LaneSettings decided;          // with `known`: its settings, whatever was decided about them before the store is read
  bool unchanged = false;        // Reply::unchanged
};

/// The least key of an index of the wall clock that lies beyond its window: looked up before the core sleeps.
struct Beyond {
  uint64_t ticket = 0;          // of the page under way; 0: none
  DueKey asked;                 // its horizon
  bool stale = false;           // the index has got a key since
  std::optional<DueKey> above;  // `first` is known for this horizon
  WallTime first = kWallNever;  // kWallNever: there is none
  bool KnownFor(const DueKey& horizon) const { return above == horizon; }
  void Forget() {
    above.reset();
    stale = true;
  }
};

/// How many stand before a notify in its lane's tail on disk, and the first of them.
struct TailAhead {
  uint64_t count = 0;
  NotifyId first;
};

using DueEntries = DueWindow<Entry::Timer>;

}  // namespace notifyd
