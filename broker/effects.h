// What comes out of the core: what the driver carries out through the ports, in the order in which it stands in Effects.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/breaker.h"
#include "broker/events.h"
#include "broker/lane_limits.h"
#include "broker/notify.h"

namespace notifyd {

// ---- writes. One batch is atomic.

struct PutNotify {
  std::shared_ptr<const NotifyRecord> record;  // replaces whatever was there, changes included
};
/// Applied over what is there (ApplyChange), without reading it.
struct ChangeNotify {
  NotifyId id;
  std::shared_ptr<const StateChange> change;
};
/// Purge. Of a settled one alone.
struct DeleteNotify {
  NotifyId id;
};
struct PutDue {
  Clock clock;
  DueKey key;
};
/// `once`: it is there, and was put this once in all its life, so that a store may let it vanish together with that. (A store may let the two vanish
/// while an older put of the same key is still buried; so having been deleted in between is not enough.)
struct DeleteDue {
  Clock clock;
  DueKey key;
  bool once = false;
};
struct PutExpiry {
  DueKey key;
};
struct DeleteExpiry {
  DueKey key;
};
struct PutTail {
  LaneKey lane;
  OrderKey key;
};
struct DeleteTail {
  LaneKey lane;
  OrderKey key;
};
struct PutLane {
  LaneKey lane;
  LaneRecord record;
};
struct DeleteLane {
  LaneKey lane;
};
struct PutLaneSettings {
  LaneKey lane;
  LaneSettings settings;
};
struct DeleteLaneSettings {
  LaneKey lane;
};
/// All of them, in place of those of before.
struct PutSwitches {
  std::shared_ptr<const Switches> switches;
};
/// Adds to the lane's counts, without reading them; counts that are all zero are as good as not there.
struct AddLaneCounts {
  LaneKey lane;
  IndexCounts change;
};
struct PutSleeper {
  std::string host;
  Sleeper lane;
};
struct DeleteSleeper {
  std::string host;
  Sleeper lane;
};
struct PutFkey {
  std::string fkey;
  FkeyRecord record;
};
/// Sets expires_at where the record still names `id`, without reading it; nothing else.
struct ExpireFkey {
  std::string fkey;
  NotifyId id;
  WallTime expires_at;
};
struct PutIdempotency {
  IdempotencyKey key;
  IdempotencyRecord record;
};
/// The index of failed, cancelled and expired ones, by state, then id. The store drops entries by itself once retention is over.
struct PutSettled {
  Phase phase;
  NotifyId id;
  WallTime settled_at;
};
struct DeleteSettled {
  Phase phase;
  NotifyId id;
};

/// Replaces whatever was there. One that has expired is as good as not there, and vanishes by itself.
struct PutRecord {
  RecordKey key;
  std::shared_ptr<const StoredRecord> record;
};
struct DeleteRecord {
  RecordKey key;
};
/// Adds to a count that is kept as a record (kDueCount), without reading it; what is not there counts as zero.
struct AddToCount {
  RecordKey key;
  int64_t by = 0;
  WallTime expires_at = kWallNever;  // as PutRecord's; the last one counts
};

using WriteOp = std::variant<PutNotify, ChangeNotify, DeleteNotify, PutDue, DeleteDue, PutExpiry, DeleteExpiry, PutTail, DeleteTail, PutLane,
                             DeleteLane, PutLaneSettings, DeleteLaneSettings, PutSwitches, AddLaneCounts, PutSleeper, DeleteSleeper, PutFkey,
                             ExpireFkey, PutIdempotency, PutSettled, DeleteSettled, PutRecord, DeleteRecord, AddToCount>;

/// Numbered 1, 2, ... without gaps. May be empty of ops: then it only asks for the sync of what came before.
struct WriteBatch {
  uint64_t number = 0;
  bool sync = false;
  std::vector<WriteOp> ops;
  Totals totals;
};

// ---- reads. A load, page, read or list sees at least every batch that was reported Committed before it was asked for.

/// Asks for a notify without its spec, which stays null, and without its attempts: what a look at it takes does not grow with its body.
struct BeginningKey {
  NotifyId id;
};
/// Asks for a notify as it stands in the store. Where its payload stands with its event `spec` stays null, and `bare` is there.
struct StoredKey {
  NotifyId id;
};
/// Asks for what a notify's end needs: of its attempts the newest alone, and its spec without the payload, which is `bare`; `spec` stays null.
struct EndKey {
  NotifyId id;
};
/// Asks for what an fkey names with all of its data. A plain fkey's leaves out what is long (LeaveOutData).
struct RememberedKey {
  std::string fkey;
};
/// A LaneKey asks for both the lane's record and its settings.
struct SwitchesKey {};
using LoadKey =
    std::variant<NotifyId, std::string /* fkey */, IdempotencyKey, LaneKey, SwitchesKey, RecordKey, BeginningKey, StoredKey, EndKey, RememberedKey>;
struct LoadEffect {
  uint64_t ticket = 0;
  std::vector<LoadKey> keys;
};

/// Due index of one clock: keys >= from, time < to_ms; with records.
struct DuePage {
  Clock clock;
  DueKey from;
  int64_t to_ms;
};
struct ExpiryPage {
  DueKey from;
  int64_t to_ms;
};
/// A lane's tail: keys >= from; with records.
struct TailPage {
  LaneKey lane;
  OrderKey from;
};
/// How many keys of a lane's tail are >= from and < to, counted up to the page's limit; into a TailCount.
struct TailCountPage {
  LaneKey lane;
  OrderKey from, to;
};
/// Lanes that sleep at a host: order >= from.
struct SleepersPage {
  std::string host;
  uint64_t from;
};
/// Hosts that have sleeping lanes: names > after, in order.
struct SleeperHostsPage {
  std::string after;
};
/// Records of a kind with keys >= from, and < to where that is not empty; from the last one back with `newest_first`. Those that have expired are not
/// among them.
struct RecordsPage {
  RecordKind kind;
  std::string from, to;
  bool newest_first = false;
  /// The page ends with the row that brings what it holds to so many bytes. 0: as many as any page may hold.
  size_t most_bytes = 0;
  /// Of kTopicEvent: each row brings the event that it names, without its payload (RecordRow::event). Such a page may end early, too, since those
  /// payloads were much to read.
  bool with_events = false;
};
using Page = std::variant<DuePage, ExpiryPage, TailPage, TailCountPage, SleepersPage, SleeperHostsPage, RecordsPage>;
struct PageEffect {
  uint64_t ticket = 0;
  size_t limit = 0;
  Page page;
};
/// `even_over`: a settled one that retention hides is read too, where it is still there.
struct ReadEffect {
  RequestId request;
  NotifyId id;
  bool even_over = false;
};
/// By state a store takes what TakesByState (below) says: all that may be in one of the states asked for. The core, which knows what memory has in
/// its lane and in flight, takes its pick of that.
struct ListEffect {
  RequestId request;
  ListQuery query;
  Now now;
  /// The latest that the wall clock was: what is due until then may be in its lane, though the clock stepped back since.
  WallTime reached = {std::numeric_limits<int64_t>::min()};
  bool any_tail = true;  // false: nothing is in a lane's tail
};
enum class Takes { kNo, kYes, kWhereInTail };
/// Whether a list takes a record in this state, or does where its place is in its lane's tail.
Takes TakesByState(const ListEffect& list, const NotifyState& state);
/// All other filters but those that look at the rest of the record.
bool TakesByEnvelope(const ListQuery& query, const Envelope& envelope, WallTime created_at, WallTime settled_at, bool settled);
/// Those two: by the URL, and by the newest attempt.
bool TakesByRest(const ListQuery& query, const NotifyRecord& record);

struct LanesEffect {
  RequestId request;
  LanesQuery query;
};

// ---- attempts

struct StartAttempt {
  NotifyId id;
  uint32_t number = 0;
  WallTime at;
  int64_t late_ms = 0;  // behind its due time, or behind the end of its wait
  std::shared_ptr<const Envelope> envelope;
  std::shared_ptr<const std::string> spec;
  /// Over what connection: a new one, where the attempt before was lost with one that had served others (AttemptResult::lost_reused); a new one or
  /// one that has just answered, where no other attempt follows.
  enum class Over : uint8_t { kAny, kSure, kNew } over = Over::kAny;
  /// The breaker of where it goes is not closed: AttemptReached is to tell that it is there. It goes over a connection that says so, a new one or one
  /// that has just answered.
  bool tell_reached = false;
  // These three are for contract part 3.
  /// Where it goes in place of the spec's URL, a service's; null: to that.
  struct Instance {
    std::string id;           // AttemptRecord::instance
    std::string url;          // its own; the path and query of the spec's are appended to it
    std::string host_header;  // in place of the instance's; empty: that
  };
  std::shared_ptr<const Instance> instance = nullptr;
  /// The payload in place of the spec's, of the kind that the spec says (PayloadKind); null: the spec's.
  std::shared_ptr<const std::string> payload = nullptr;
  /// So much of the answer's body is handed back whole (AttemptResult::response), with the headers that may be shown; 0: nothing.
  uint32_t capture_bytes = 0;
  /// For so long from its start what is captured is of use: kMonoNever where it is kept, else to the end of who waits longest for the notify's end.
  int64_t capture_ms = 0;
};

// ---- replies

/// The state as users see it, laid over a record: only the core knows what is in flight.
struct NotifyView {
  std::shared_ptr<const NotifyRecord> record;
  State state = State::kHeld;
};

struct SubmittedItem {
  NotifyId id;
  State state = State::kHeld;
  WallTime due;  // kWallNever: held without one
  LaneKey lane;
  bool duplicate = false;  // idempotency key seen before
  bool kept = false;       // on_held keep
  bool id_alone = false;   // kept, or a duplicate of what was kept: of another caller's, so that nothing but `id` is told (SubmitItem)
  bool removed = false;    // a duplicate whose first is not there any more, by retention or purge: `state` and `due` say nothing
  bool lane_set = false;   // its lane has got on_retry: skip with it (SubmitItem::steps_aside), which is a change of the lane
  Status refused;          // SubmitRequest::each only: why it was not taken, its field without the index; nothing but `id` counts then
                           // (kConflict: the notify that is in the way)
};
/// Of an fkey under which nothing is held.
inline constexpr const char* kNotHeld = "no notify is held under this fkey";
struct Refused {
  Status status;
  NotifyId holder;             // kConflict: the notify that is in the way; 0 where none is
  int64_t retry_after_ms = 0;  // kTooMany: when a rate allows it; 0 where nobody can tell
};
struct Submitted {
  std::vector<SubmittedItem> items;
  bool batch = false;
};
struct Triggered {
  NotifyId id;
  State state = State::kReady;
  bool fresh = true;  // 202; false: a repeat, 200
};
/// Answers a TriggerRequest with data that is not merged yet, or was merged into another spec than the notify has by now: that is `spec`.
struct Unmerged {
  std::shared_ptr<const std::string> spec;
};
/// Answers a TriggerRequest with remember_ms where there was nothing to trigger.
struct Remembered {};
/// Answers a FkeyGetRequest where a trigger is remembered.
struct RememberedViewed {
  std::string fkey;
  std::shared_ptr<const RememberedTrigger> trigger;
  WallTime expires_at;
};
/// Answers a FkeyCancelRequest where a trigger was remembered: it is not any more.
struct Withdrawn {};
/// Answers a SubmitRequest with wait_ms. `view`: where it settled in time, with its answer where there was one.
struct Waited {
  SubmittedItem item;
  std::optional<NotifyView> view;
  std::shared_ptr<const Response> response;
};
/// A view of one notify: answers get, cancel (200), change and FkeyGet, FkeyCancel.
struct Viewed {
  NotifyView view;
};
struct Retried {
  NotifyId id;
  State state = State::kReady;
};
struct Listed {
  std::vector<NotifyView> items;
  NotifyId next;
  std::optional<DueKey> next_due = {};  // of a list by_due, in place of `next`
};
/// Answers a ChangeRequest whose base is out of date: read again.
struct Stale {};
/// `next`: 0 when complete, else what goes into query.above to go on.
struct BulkDone {
  uint64_t count = 0;
  NotifyId next;
};
/// Why a notify is where it is (contract section 3, explain).
struct Explained {
  struct Reason {
    std::string code;    // a stable word
    std::string detail;  // for people
  };
  NotifyId id;
  State state = State::kHeld;
  std::vector<Reason> reasons;
  /// The earliest time at which it can be sent; nothing: that depends on others (a trigger, a resume, calls that have to end first), it expires
  /// before, it is in flight, or it is settled.
  std::optional<WallTime> expected_at;

  /// It waits for something that ends nobody knows when: where it could go now otherwise, that depends on this.
  void AwaitOthers(WallTime now) {
    if (expected_at && *expected_at <= now) expected_at.reset();
  }
};
struct LaneView {
  LaneKey lane;
  uint64_t held = 0, scheduled = 0, ready = 0, sending = 0, retrying = 0;
  uint32_t in_flight = 0;              // cancelled ones whose attempt has not ended included
  std::optional<WallTime> oldest_due;  // of the head: the one that is sent next, or in flight in a fifo lane; nothing where none is ready
  std::optional<int64_t> head_age_ms;  // how long ago that was
  LaneSettings own;                    // as it was said for this lane
  LaneLimits limits;                   // what holds
  WallTime paused_until = kWallNever;  // it is paused, and resumes by itself then; kWallNever: it does not
};
struct LanesListed {
  std::vector<LaneView> lanes;
  bool more = false;
  std::optional<LaneKey> next;  // with `more`: what goes into query.after to go on
};
struct LaneViewed {
  LaneView lane;
};
/// What a caller did in some time.
struct CallerCounts {
  uint64_t accepted = 0;  // notifies
  uint64_t failed = 0;    // that failed or expired
  uint64_t late = 0;      // first attempts that started kLateMs or more behind their due time
  uint64_t bytes = 0;     // of what was accepted, as max_stored_bytes counts them
  CallerCounts& operator+=(const CallerCounts& other) {
    accepted += other.accepted;
    failed += other.failed;
    late += other.late;
    bytes += other.bytes;
    return *this;
  }
  bool operator==(const CallerCounts&) const = default;
};
inline constexpr int64_t kLateMs = 1'000;
/// Until now, but for the day before: 24 to 48 hours ago.
struct CallerRates {
  std::string caller;  // empty: all those that made room for others, together
  CallerCounts since, minute, hour, day, day_before;
  int64_t day_before_ms = 0;  // for how much of the day before it was counted: less for one that made room for others
};
struct CallerView {
  CallerRates rates;
  CallerSettings own;
  uint32_t in_flight = 0;
};
struct CallerViewed {
  CallerView caller;
};
struct CallersListed {
  std::vector<CallerView> callers;
  bool more = false;
  int64_t counted_for_ms = 0;  // so long: not over restarts
};
struct HostFigures;  // broker/figures_events.h
struct HostView {
  std::string host;
  HostSettings own;
  HostSettings effective;  // of its own and what the file says of it
  uint32_t in_flight = 0;
  uint64_t waiting_lanes = 0, queued = 0;  // lanes that could send if the host might have more, and notifies in memory for it
  bool sleeping_lanes = false;             // further ones wait on disk
  bool at_cap = false;                     // it has as many calls in flight as it may now
  Breaker::State breaker = Breaker::State::kClosed;
  std::optional<WallTime> open_since, next_probe;  // its breaker: where it is open, and until its probe is in flight
  std::shared_ptr<const HostFigures> figures;      // how calls to it went; null: nothing is known
};
struct HostViewed {
  HostView host;
};
struct HostsListed {
  std::vector<HostView> hosts;
  bool more = false;
};
// What answers the requests of contract parts 3 and 4; each stands in the header of its request.
struct ServiceAnswer;
struct TopicAnswer;
struct GroupAnswer;
struct ScheduleAnswer;
struct FiguresAnswer;
struct AlertAnswer;
struct ServiceAnswered {
  std::shared_ptr<const ServiceAnswer> answer;
};
struct TopicAnswered {
  std::shared_ptr<const TopicAnswer> answer;
};
struct GroupAnswered {
  std::shared_ptr<const GroupAnswer> answer;
};
struct ScheduleAnswered {
  std::shared_ptr<const ScheduleAnswer> answer;
};
struct FiguresAnswered {
  std::shared_ptr<const FiguresAnswer> answer;
};
struct AlertAnswered {
  std::shared_ptr<const AlertAnswer> answer;
};
struct ResponseViewed {
  NotifyId id;
  std::shared_ptr<const Response> response;
};
struct TopicFigures;  // broker/topic_events.h
struct StatsView : PendingByState {
  Totals totals;
  // What the core has in memory.
  uint64_t loaded_notifies = 0, lanes = 0, hosts = 0, spec_bytes = 0, parked = 0, in_flight = 0;
  uint64_t hosts_at_cap = 0, callers_at_cap = 0;  // that have something to send, and as much in flight as they may
  uint64_t open_breakers = 0;                     // of hosts, now
  uint64_t breaker_opened = 0;                    // how often one opened, since the core was made
  std::shared_ptr<const TopicFigures> topics;     // null: nothing of them
};
using ReplyBody =
    std::variant<Refused, Submitted, Triggered, Unmerged, Remembered, RememberedViewed, Withdrawn, Viewed, Stale, Retried, Listed, BulkDone,
                 Explained, LanesListed, LaneViewed, CallersListed, CallerViewed, HostsListed, HostViewed, Waited, ServiceAnswered, TopicAnswered,
                 GroupAnswered, ScheduleAnswered, FiguresAnswered, AlertAnswered, ResponseViewed, StatsView>;
struct Reply {
  RequestId request;
  ReplyBody body;
  bool unchanged = false;  // what was asked for was so already: the audit has no entry of it
};

/// An attempt ended, or a notify settled, or both: for logs and metrics.
struct AttemptLog {
  NotifyId id;
  std::shared_ptr<const Envelope> envelope;
  bool attempt = false;  // an attempt ended; else the next four say nothing
  uint32_t number = 0;
  uint16_t status = 0;
  int64_t duration_ms = 0;
  std::string error;
  bool settled = false;
  Phase phase = Phase::kWaiting;  // where settled
  std::string reason;             // why cancelled or failed
  uint32_t attempts_made = 0;
};
/// A lane paused itself (on_failure).
struct LaneLog {
  LaneKey lane;
  NotifyId id;  // the notify that failed
};

/// Something happened that operators are told of, by what contract part 3 has: a service's instance came or went, a breaker opened or closed, a
/// subscription was skipped, a run was missed.
struct FlowLog {
  bool warning = false;
  std::string event;  // a stable word: the log event, and what an alert is named by
  std::vector<std::pair<std::string, std::string>> fields;
};

/// One thing that the core carried out. For a checker that steps a model of its own in the order in which the core decided: it names what was
/// decided, never how that came out.
struct Decided {
  enum class Kind : uint8_t {
    kRequest,  // `request` is handled; its answer may still wait for a read or a sync
    kItem,     // `request`, a bulk one, is carried out on `id`
    kTurn,     // it is the turn of `id`: it takes a place in flight; what is to be sent may still have to be read
    kStart,    // the attempt of `id` starts
    kReturn,   // `id` gives its place in flight back, and was not sent
    kReached,  // a connection came about for the attempt of `id`
    kEnd,      // the attempt of `id` has ended
    kExpiry,   // the ttl of `id` is over, or its wait at an open breaker
    kDisk,     // submits are refused, or taken again
    kStop,
    kClose,  // requests that change anything are refused for good: the namespace is removed
    kLimits,
  };
  Kind kind = Kind::kRequest;
  RequestId request;
  NotifyId id;
  uint64_t batch = 0;  // what it changes goes into this batch,
  size_t ops = 0;      // into its first so many operations
};

/// In the order in which the driver carries them out.
struct Effects {
  /// What the core decided, in that order; recorded only where somebody put a vector here.
  std::optional<std::vector<Decided>> decided;
  std::vector<WriteBatch> writes;
  std::vector<LoadEffect> loads;
  std::vector<PageEffect> pages;
  std::vector<ReadEffect> reads;
  std::vector<ListEffect> lists;
  std::vector<LanesEffect> lanes;
  std::vector<Reply> replies;
  std::vector<StartAttempt> starts;
  std::vector<AttemptLog> logs;
  std::vector<LaneLog> lane_logs;
  std::vector<FlowLog> flow_logs;
  /// Set once, after HoldAttempts: nothing is in flight.
  bool quiet = false;
  /// Set once, after StopRequested: nothing is in flight any more and all is durable.
  bool drained = false;
  /// Answers a CloseIfEmpty. None is left: it takes nothing any more, and all that it decided is durable; else nothing has changed.
  std::optional<WorkLeft> closed;
  /// Set once, after Drain: nothing is in flight, all is durable, nothing of it is under way in the store. The totals with what waited counted as
  /// cancelled; the store keeps its records and indexes as they are, to be dropped as a whole.
  std::optional<Totals> discarded;
  /// Set where the broker must stop at once, unclean: a write failed, or the store could not be read.
  std::optional<Status> fatal;
};

}  // namespace notifyd
