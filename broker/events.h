// What goes into the core. Each is a plain, owned value; the time is attached by the driver (Core::Step).
// Requests carry a RequestId and get exactly one Reply (broker/effects.h), unless a Disconnected for it comes first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "base/time.h"
#include "broker/limits.h"
#include "broker/notify.h"

namespace notifyd {

/// `thread` says which io thread asked (0 up); `token` is that thread's own.
struct RequestId {
  uint32_t thread = 0;
  uint64_t token = 0;
  auto operator<=>(const RequestId&) const = default;
};
/// The thread of requests by which the broker looks at its namespaces for alerts: they keep none awake.
inline constexpr uint32_t kObserverThread = UINT32_MAX - 1;

// ---- requests (from net/api)

/// When to send, as submitted: relative times become absolute in the core.
struct When {
  enum class Kind : uint8_t { kDefault, kDelay, kAt } kind = Kind::kDefault;
  int64_t ms = 0;  // kDelay: from now; kAt: wall time, at most ten years ahead (the core checks)
};

struct SubmitItem {
  std::shared_ptr<const Envelope> envelope;
  std::shared_ptr<const std::string> spec;
  When when;
  /// Ttl: kDelay is ttl_ms (>= 1), kAt is expires_at.
  When ttl;
  OnHeld on_held = OnHeld::kReject;
  std::string idempotency_key;  // empty: none
  /// How long the key is remembered, from its first acceptance on: 1 ms to 30 days. 0: as the settings say (CoreLimits::idempotency_window_ms).
  int64_t idempotency_window_ms = 0;
  Fingerprint fields;           // set where there is a key, like the next
  Fingerprint fields_1;         // as print version 1 had it: what was accepted by an earlier notifyd is known by it (docs/storage-format.md)
  /// Not ok: a setting of this broker refuses it, with its field. Said only where the key is new: what was accepted before the setting was changed
  /// is still a duplicate. Set only where there is a key.
  Status refused;
  /// It waits, held, until its group lets it go; `when` and `ttl` count from then.
  bool group_turn = false;
  /// Whoever submits may act for this caller alone: a notify of another caller's that is held under the fkey is not replaced (kConflict), and of one
  /// that is kept the id alone is told (SubmittedItem::id_alone).
  bool for_caller_alone = false;
  /// One that waits for its next attempt lets others pass: its lane, a fifo one, gets on_retry: skip with it, where it may be tried again and nobody
  /// has said what the lane does.
  bool steps_aside = false;
};

/// One notify, or a batch that is accepted or refused as a whole and evaluated in order. Failures of a batch carry
/// "/<index>" before the field.
struct SubmitRequest {
  RequestId request;
  std::vector<SubmitItem> items;
  bool batch = false;
  /// Lines of a bulk submit: evaluated in order, each accepted or refused by itself (SubmittedItem::refused); answered by Submitted.
  bool each = false;
  /// One alone: answered by Waited once it is settled, or once so many ms are over. 0: answered by Submitted as soon as it is durable.
  int64_t wait_ms = 0;
};

/// Where it has data and something is held, it is answered by Unmerged first: whoever asked merges (MergeTriggerData, broker/payload.h) and asks
/// again, with `merge` set.
struct TriggerRequest {
  RequestId request;
  std::string fkey;
  std::optional<std::string> data;  // JSON text of an object
  When when;
  int64_t remember_ms = 0;  // 0: not; else 1 to 30 days
  struct Merge {
    std::shared_ptr<const std::string> of;      // the spec that `data` was merged into, as Unmerged gave it
    std::shared_ptr<const std::string> merged;  // what came of it, within the limits
  };
  std::optional<Merge> merge;
};
struct FkeyGetRequest {
  RequestId request;
  std::string fkey;
};
struct FkeyCancelRequest {
  RequestId request;
  std::string fkey;
};
struct GetRequest {
  RequestId request;
  NotifyId id;
  int64_t wait_ms = 0;  // 0-60,000
};
/// `base` of what follows: only while the notify is that as far as users change it; answered by Stale where it is not any more.
struct CancelRequest {
  RequestId request;
  NotifyId id;
  std::shared_ptr<const NotifyRecord> base = nullptr;
};
struct RetryRequest {
  RequestId request;
  NotifyId id;
  std::string via;  // the request's chain (broker/via.h), with which a settled one begins again
  std::shared_ptr<const NotifyRecord> base = nullptr;
};

/// The first step of a change: answered by Viewed with the notify as it durably is, refused where it is settled or in flight, unless `in_any_state`.
struct ChangeReadRequest {
  RequestId request;
  NotifyId id;
  bool in_any_state = false;
};
/// The second: what the notify is to be, made of `base` and validated whole. Answered by Viewed once durable, or by Stale where the notify is
/// not `base` any more as far as users change it.
struct ChangeRequest {
  RequestId request;
  NotifyId id;
  std::shared_ptr<const NotifyRecord> base;
  std::shared_ptr<const Envelope> envelope;  // lane, host, fkey and caller as in base
  std::shared_ptr<const std::string> spec;
  std::optional<When> when;  // nothing: as it is; kDefault: as if none had been given
  std::optional<When> ttl;   // nothing: as it is; kDefault: none
};

struct ExplainRequest {
  RequestId request;
  NotifyId id;
};

/// Newest first, or oldest first. All filters that are given must hold.
struct ListQuery {
  std::vector<State> states;  // empty: any
  std::optional<std::string> lane;
  std::optional<Mode> mode;
  std::optional<std::string> fkey, fkey_prefix;
  std::optional<std::string> caller;
  std::optional<std::string> url_prefix;
  std::optional<std::string> host;         // as Envelope::host
  std::optional<std::string> service, topic, subscription, schedule;  // as FlowFields has them; `service` as ServiceOf(host)
  NotifyId event, group;                                              // 0: any
  std::optional<std::string> error;                                   // AttemptRecord::error of the newest attempt
  Labels labels;                           // each must be there; the same key with two values never is
  std::optional<WallTime> created_after;   // inclusive
  std::optional<WallTime> created_before;  // exclusive
  std::optional<WallTime> settled_after;   // inclusive; settled ones alone
  std::optional<WallTime> settled_before;  // exclusive; settled ones alone
  size_t limit = 100;                      // 1-1000
  NotifyId below;                          // the cursor: only ids below this one; 0: from the newest
  bool oldest_first = false;
  NotifyId above;  // the cursor of oldest_first: only ids above this one
  /// By when they are due, soonest first; `states` is kScheduled alone. What is due by then is ready, and not among them.
  bool by_due = false;
  std::optional<DueKey> due_after;  // the cursor of by_due
  /// Where not 0: records come without their payloads, and a page ends once they take so many bytes (one record may go beyond).
  size_t show_bytes = 0;
  NotifyId only;  // this one alone, where it is behind the cursor; 0: any

  /// The same with `only` as bounds of ids, so that nothing else is looked at.
  ListQuery Narrowed() const {
    ListQuery narrow = *this;
    if (only.value == 0) return narrow;
    narrow.above = std::max(above, NotifyId{only.value - 1});
    narrow.below = below.value == 0 ? NotifyId{only.value + 1} : std::min(below, NotifyId{only.value + 1});
    return narrow;
  }
};
struct ListRequest {
  RequestId request;
  ListQuery query;
};

enum class BulkKind : uint8_t { kRetry, kCancel, kPurge };
/// Those that `query` finds (its states are never empty; its limit, 10,000 at most, bounds one call), oldest first, behind query.above. What the
/// kind does not apply to (a settled one cancelled, one in flight retried, a pending one purged) is passed over. Answered by BulkDone.
struct BulkRequest {
  RequestId request;
  BulkKind kind = BulkKind::kRetry;
  ListQuery query;
  bool dry_run = false;
  std::string via;  // kRetry: as RetryRequest has it
};

/// Lanes that have pending notifies or settings, by name, then mode.
struct LanesQuery {
  std::optional<LaneKey> only;  // this one alone; all else is ignored then
  std::string prefix;
  std::optional<LaneKey> after;  // the cursor: those behind it
  size_t limit = 100;            // 1-1000
  bool configured = false;       // only those with settings of their own
};
struct LanesRequest {
  RequestId request;
  LanesQuery query;  // `only`: answered by LaneViewed, or refused as not found; else by LanesListed
};
/// Outer nothing: as it is; inner nothing: back to the default.
struct LanePatch {
  /// What says nothing of paused_until takes it away.
  std::optional<bool> paused;
  /// Paused, and resumed by itself then; a time that is over resumes at once. Never false beside `paused`. Inner nothing: only no time any more.
  std::optional<std::optional<WallTime>> paused_until;
  /// Why: beside a pause alone.
  std::optional<std::string> reason;
  std::optional<std::optional<uint32_t>> concurrency;
  std::optional<std::optional<double>> rate_per_s;
  std::optional<std::optional<uint32_t>> burst;
  std::optional<std::optional<OnRetry>> on_retry;
  std::optional<std::optional<OnFailure>> on_failure;
};
/// Values are in their ranges, fields fit the mode. Answered by LaneViewed once durable.
struct LaneChangeRequest {
  RequestId request;
  LaneKey lane;
  LanePatch patch;
  std::string by = {};  // Principal::name; empty where nobody is asked who they are
};

/// Outer nothing: as it is; inner nothing: back to the default. Values are in their ranges. Answered by CallerViewed, HostViewed once durable.
struct CallerPatch {
  std::optional<bool> paused;
  std::optional<std::optional<double>> submits_per_s;
};
struct CallerChangeRequest {
  RequestId request;
  std::string caller;
  CallerPatch patch;
};
struct HostPatch {
  std::optional<bool> paused;
  std::optional<std::optional<uint32_t>> concurrency;
  std::optional<std::optional<double>> rate_per_s;
};
struct HostChangeRequest {
  RequestId request;
  std::string host;  // as Envelope::host
  HostPatch patch;
  /// Besides, where its breaker is open its next probe is due now. Errors: kNotFound for one that is not in memory, kConflict for one that is paused.
  bool probe = false;
};

/// The callers with the most of something in the time from `since_ms` ago (1 to two days) until now. Answered by CallersListed; with `only`
/// by CallerViewed.
struct CallersQuery {
  std::optional<std::string> only;  // this one alone, also where nothing is known of it
  enum class Sort : uint8_t { kAccepted, kFailed, kLate, kBytes } sort = Sort::kAccepted;
  int64_t since_ms = 24 * 3600 * 1000;
  size_t limit = 100;  // 1-1000
};
struct CallersRequest {
  RequestId request;
  CallersQuery query;
};
/// Hosts of which something is in memory, that were called of late, or that have settings, by name. Answered by HostsListed; with `only` by
/// HostViewed, or refused as not found.
struct HostsQuery {
  std::optional<std::string> only;
  std::string prefix;
  std::optional<std::string> after;  // the cursor: those behind it
  size_t limit = 100;                // 1-1000
};
struct HostsRequest {
  RequestId request;
  HostsQuery query;
};

// ---- requests of contract parts 3 and 4. What each asks stands in a header of its own, so that a change of one does not concern all that see
// events.

struct ServiceAsk;  // services, their instances
struct TopicAsk;    // topics, subscriptions, events
struct GroupAsk;
struct ScheduleAsk;
struct FiguresAsk;  // history, what falls due, figures of now
struct AlertAsk;    // alerts; the figures that they are judged by
struct ServiceRequest {
  RequestId request;
  std::shared_ptr<const ServiceAsk> ask;
};
struct TopicRequest {
  RequestId request;
  std::shared_ptr<const TopicAsk> ask;
};
struct GroupRequest {
  RequestId request;
  std::shared_ptr<const GroupAsk> ask;
};
struct ScheduleRequest {
  RequestId request;
  std::shared_ptr<const ScheduleAsk> ask;
  WallTime begun = kWallNever;  // the core's own: when it began with it, however long it waits then for what it needs
};
struct FiguresRequest {
  RequestId request;
  std::shared_ptr<const FiguresAsk> ask;
};
struct AlertRequest {
  RequestId request;  // of figures nothing: they are not answered
  std::shared_ptr<const AlertAsk> ask;
};
/// The answer that is kept for a notify. Answered by ResponseViewed, or refused as not found.
struct ResponseRequest {
  RequestId request;
  NotifyId id;
};
/// What the file says of services, commands and breakers, whole, in place of what it said before.
struct FlowSettings;  // broker/flow_settings.h
struct FlowSettingsChanged {
  std::shared_ptr<const FlowSettings> settings;
};

struct StatsRequest {
  RequestId request;
};
/// The client is gone: whatever waits for it may be dropped. Changes under way go on.
struct Disconnected {
  RequestId request;
};

// ---- from the store

/// Every batch up to `batch` is written; every one up to `synced` is durable. Neither goes back.
struct Committed {
  uint64_t batch = 0;
  uint64_t synced = 0;
};
/// A write or sync failed, its outcome is unknown: the broker must stop (contract promise 1).
struct WriteFailed {
  Status status;
};
/// Whether the store has room: free space fell below the reserve, or is back above it; or where it lies writes nothing, which it hears of by itself
/// once it does again. What was committed meanwhile waits. Both: a database whose disk is full.
struct DiskSpace {
  bool low = false;
  bool lost = false;  // a database that is not reached, or has no room
};

/// A notify as the store has it; `record` is null where there is none (or retention hides it). Of one that a BeginningKey asked for `spec` is null.
struct LoadedNotify {
  std::shared_ptr<NotifyRecord> record;
  bool in_tail = false;  // its index entry is in its lane's tail, not in the due index
  size_t bytes = 0;      // of a list's: what the store has of it takes about so many
};
struct LoadedLane {
  std::optional<LaneRecord> record;
  std::optional<LaneSettings> settings;
};
/// The last but one is a namespace's switches; null where it has none.
using LoadedValue = std::variant<LoadedNotify, std::optional<FkeyRecord>, std::optional<IdempotencyRecord>, LoadedLane,
                                 std::shared_ptr<const Switches>, std::optional<StoredRecord>>;
/// Answers a LoadEffect, values in the order of its keys. A read that failed: `status`, and the core stops the broker.
struct Loaded {
  uint64_t ticket = 0;
  Status status;
  std::vector<LoadedValue> values;
};

struct LoadedDue {
  DueKey key;
  LoadedNotify notify;
};
struct LoadedTail {
  OrderKey key;
  LoadedNotify notify;
};
struct Sleeper {
  uint64_t order = 0;
  LaneKey lane;
};
/// How many keys of a lane's tail there are, and the first of them.
struct TailCount {
  uint64_t count = 0;
  std::optional<OrderKey> first;
};
struct EventRecord;  // broker/topic_records.h
struct RecordRow {
  std::string key;
  StoredRecord record;
  std::shared_ptr<const EventRecord> event = nullptr;  // where it was asked for; null: it is not there
};
/// What a page brings, by what was asked for: DuePage, ExpiryPage, TailPage, TailCountPage, SleepersPage, SleeperHostsPage, RecordsPage. In key
/// order, or the other way round where that was asked for.
using PageRows = std::variant<std::vector<LoadedDue>, std::vector<DueKey>, std::vector<LoadedTail>, TailCount, std::vector<Sleeper>,
                              std::vector<std::string>, std::vector<RecordRow>>;
/// Answers a PageEffect. `more`: the page ended at its limit, not at its end. Where `status` is an error, nothing else counts.
struct PageLoaded {
  uint64_t ticket = 0;
  Status status;
  bool more = false;
  PageRows rows;

  // Each must be what was asked for.
  std::vector<LoadedDue>& due() { return std::get<std::vector<LoadedDue>>(rows); }
  std::vector<DueKey>& expiries() { return std::get<std::vector<DueKey>>(rows); }
  std::vector<LoadedTail>& tail() { return std::get<std::vector<LoadedTail>>(rows); }
  TailCount& tail_count() { return std::get<TailCount>(rows); }
  std::vector<Sleeper>& sleepers() { return std::get<std::vector<Sleeper>>(rows); }
  std::vector<std::string>& sleeper_hosts() { return std::get<std::vector<std::string>>(rows); }
  std::vector<RecordRow>& records() { return std::get<std::vector<RecordRow>>(rows); }
};

/// Answers a ReadEffect.
struct ReadDone {
  RequestId request;
  Status status;
  LoadedNotify notify;
};
/// Answers a ListEffect; records come without their attempts. `next`: 0 when complete, else the id to go on below (oldest first: above); of by_due
/// `next_due`: nothing when complete.
struct ListDone {
  RequestId request;
  Status status;
  std::vector<LoadedNotify> items;
  NotifyId next;
  std::optional<DueKey> next_due = {};
};

/// One lane as the store has it.
struct LaneRow {
  LaneKey lane;
  IndexCounts counts;
  LaneSettings settings;
  std::optional<OrderKey> tail_front;  // the first of its tail
};
/// Answers a LanesEffect. `more`: there may be others behind `next`. A page may end before its limit, with no row at all, where many lanes that
/// do not count had to be looked at.
struct LanesDone {
  RequestId request;
  Status status;
  std::vector<LaneRow> rows;
  bool more = false;
  std::optional<LaneKey> next;  // with `more`: the last lane looked at, the last row's or a later one; goes into query.after to go on
};

// ---- from the sender

/// A connection came about for an attempt that was to tell of that (StartAttempt::tell_reached), and its request goes out over it. At most one,
/// before its AttemptEnded, which may be as far behind as the call takes.
struct AttemptReached {
  NotifyId id;
  uint32_t number = 0;
};
struct AttemptEnded {
  NotifyId id;
  AttemptResult result;  // result.record.number says which attempt
};

// ---- from the wiring

/// Time passed: due timers fire. The driver sends it when Wake says so.
struct Tick {};
/// SIGTERM: refuse submits and changes, start no attempt. Emits `Drained` once nothing is in flight and all is durable.
struct StopRequested {};

/// Restart in place: start no attempt any more, serve all else. Emits `quiet` once nothing is in flight.
struct HoldAttempts {
  bool runs = false;  // of a store that no broker serves: make no run of a schedule by itself either
};
/// The settings were read anew (SIGHUP). What bounds memory keeps its old value.
struct LimitsChanged {
  std::shared_ptr<const CoreLimits> limits;
};

// ---- of a namespace among others

/// What the broker's governor lends from now on: so many calls in flight and notifies loaded at most, and never more than CoreLimits says. What is
/// beyond that already ends in its time. A core that never got one has all that its limits allow. A `number` below the last is not for it.
struct GrantChanged {
  uint64_t number = 0;
  uint32_t max_in_flight = 0;
  size_t max_loaded = 0;
};
/// Before the namespace is removed: where nothing is pending, or promised (Totals::claimed), take nothing any more. Reports Effects::closed.
struct CloseIfEmpty {};
/// The namespace is removed: take nothing any more, start nothing, let end what is in flight; what waits counts as cancelled, without callbacks.
/// Reports Effects::discarded. Not remembered: it comes again to a core that is made after a crash.
struct Drain {};
/// The core is to be put to sleep: find out when it is wanted next, so that Core::idle may tell.
struct PrepareSleep {};
/// The store was measured: so much of it is this namespace's.
struct StoredBytes {
  uint64_t bytes = 0;
};

using Event = std::variant<SubmitRequest, TriggerRequest, FkeyGetRequest, FkeyCancelRequest, GetRequest, CancelRequest, RetryRequest, ListRequest,
                           StatsRequest, ChangeReadRequest, ChangeRequest, ExplainRequest, BulkRequest, LanesRequest, LaneChangeRequest,
                           CallersRequest, CallerChangeRequest, HostsRequest, HostChangeRequest, ServiceRequest, TopicRequest, GroupRequest,
                           ScheduleRequest, FiguresRequest, AlertRequest, ResponseRequest, Disconnected, Committed, WriteFailed, DiskSpace, Loaded,
                           PageLoaded, ReadDone, ListDone, LanesDone, AttemptReached, AttemptEnded, Tick, StopRequested, HoldAttempts, LimitsChanged,
                           FlowSettingsChanged, GrantChanged, CloseIfEmpty, Drain, PrepareSleep, StoredBytes>;

}  // namespace notifyd
