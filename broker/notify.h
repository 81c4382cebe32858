// The domain in one header: what a notify is, the states that it goes through, and what is kept about it.
// Plain values; no behaviour but small derivations. Contract section 1 (words) and section 3 ("A notify").
//
// A notify is kept as three parts, by who needs them:
//   Envelope   all that the core needs to schedule it; immutable once submitted
//   spec bytes   all the rest that its submitter said (broker/spec.h), opaque to the core
//   NotifyState  what moves: phase, times, attempts
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "broker/stored_record.h"

namespace notifyd {

/// Stored: never renumber.
enum class Mode : uint8_t { kConcurrent = 0, kFifo = 1 };
enum class Method : uint8_t { kPost = 0, kGet = 1, kPut = 2, kPatch = 3, kDelete = 4, kHead = 5 };
enum class OnHeld : uint8_t { kReject = 0, kReplace = 1, kKeep = 2 };

/// The states that users see (contract section 1).
enum class State : uint8_t {
  kHeld = 0,
  kScheduled = 1,
  kReady = 2,
  kSending = 3,
  kRetrying = 4,
  kSucceeded = 5,
  kFailed = 6,
  kCancelled = 7,
  kExpired = 8,
};

/// What is stored of a state. Scheduled, ready and sending follow from the due time and from what is in flight. Never renumber.
enum class Phase : uint8_t {
  kHeld = 0,      // under its fkey; sent at `due` where that is not kWallNever
  kWaiting = 1,   // scheduled, ready or sending
  kRetrying = 2,  // waits for its next attempt at `retry_at`, or is ready or sending once that has passed
  kSucceeded = 5,
  kFailed = 6,
  kCancelled = 7,
  kExpired = 8,
};
constexpr bool IsSettled(Phase phase) {
  return phase >= Phase::kSucceeded;
}
constexpr bool IsSettled(State state) {
  return state >= State::kSucceeded;
}

/// "held", "fifo", "POST", ...: the contract's words.
const char* ToString(State state);
const char* ToString(Mode mode);
const char* ToString(Method method);
const char* ToString(OnHeld on_held);
std::optional<State> ParseState(std::string_view text);
std::optional<Mode> ParseMode(std::string_view text);
std::optional<Method> ParseMethod(std::string_view text);
std::optional<OnHeld> ParseOnHeld(std::string_view text);

/// A lane's identity: a fifo and a concurrent lane of one name are two lanes. `name`: 1-255 bytes.
struct LaneKey {
  Mode mode = Mode::kConcurrent;
  std::string name;
  auto operator<=>(const LaneKey&) const = default;
};

/// What answer counts (contract section 3, "An answer pattern"): all that are given must hold.
struct AnswerPattern {
  /// Each 100-599, or 1-5 for the class 1xx-5xx. Empty: any status.
  std::vector<uint16_t> status;
  /// A substring of the trimmed body, whatever the case: by Unicode's simple folding where the body is UTF-8, else of ASCII alone.
  std::optional<std::string> contains;
  /// JSON Pointer (RFC 6901) and the JSON text of the value that must be there, equal by value.
  std::vector<std::pair<std::string, std::string>> json;
  /// `contains` is the whole trimmed body, in its own case, and not a part of it: what alerts' robots mean. No field of the API.
  bool whole = false;
  bool operator==(const AnswerPattern&) const = default;
};

struct RetryPolicy {
  uint32_t max_attempts = 10;        // 1-100
  int64_t initial_ms = 1000;         // >= 0
  double factor = 2;                 // >= 1
  int64_t max_ms = 3'600'000;        // >= 0
  double jitter = 0.1;               // 0-1: a wait times 1 +- jitter
  std::vector<int64_t> schedule_ms;  // the waits one by one, the last repeated; replaces initial_ms and factor
  std::optional<AnswerPattern> fatal_on;
  std::optional<AnswerPattern> later_on;  // not ready yet: ask again after the wait without using up the budget
  std::optional<AnswerPattern> only_on = {};  // any other unexpected answer fails at once; what is no answer is tried again as ever
  bool operator==(const RetryPolicy&) const = default;
};

/// Who is told once a notify is settled (contract section 3, callback_url). All that the core needs to write that notify.
struct Callback {
  std::string url;         // as submitted
  std::string lane;        // the default lane of `url`, a concurrent one
  std::string host;        // as Envelope::host
  std::string notify_url;  // of the notify that it belongs to
  bool operator==(const Callback&) const = default;
};

/// What a submitter says about a notify, for filters, callbacks and logs: at most 16 pairs, by key, no key twice.
using Labels = std::vector<std::pair<std::string, std::string>>;

struct FlowFields;  // broker/flow.h
struct Response;    // broker/response.h

struct Envelope {
  LaneKey lane;
  std::string host;  // "name:port" in lower case, or "[v6]:port": what the cap per host counts by
  uint8_t priority = 4;
  bool reply_none = false;
  std::string fkey;    // empty: none
  std::string caller;  // never empty; "unknown" by default
  /// Null: the default policy. Judging needs its patterns, the core the rest.
  std::shared_ptr<const RetryPolicy> retry;
  std::shared_ptr<const Callback> callback;  // null: none
  std::shared_ptr<const Labels> labels;      // null: none
  std::shared_ptr<const FlowFields> flow;    // null: a plain notify
  /// W3C Trace Context, version 00: "00-<trace id>-<parent id>-<flags>", 55 characters, as it came with the notify; empty: none.
  /// Each attempt passes it on with a parent id of its own.
  std::string trace_parent;

  /// 32 hex digits, or empty.
  std::string_view trace_id() const { return trace_parent.size() == 55 ? std::string_view(trace_parent).substr(3, 32) : std::string_view(); }

  const RetryPolicy& retry_policy() const;
};

/// Are these among its labels, each with this value. None wanted: true.
bool HasLabels(const Envelope& envelope, const Labels& wanted);

/// A lane's order (contract promise 3): priority first in concurrent lanes (all equal in fifo ones), then due time, then submission.
struct OrderKey {
  uint8_t rank = 0;  // 9 - priority; 0 in a fifo lane
  WallTime due;
  NotifyId id;
  auto operator<=>(const OrderKey&) const = default;
};

/// One HTTP request that was sent for a notify, once it ended.
struct AttemptRecord {
  uint32_t number = 0;  // 1, 2, ...: never goes back, over restarts and retries of a settled notify too
  WallTime started_at;
  int64_t duration_ms = 0;
  uint16_t status = 0;        // 0: no answer came
  std::string error;          // empty on success, else a stable word (contract section 3, last paragraph)
  std::string detail;         // for people
  std::string response_body;  // its beginning: 4 KiB of a failed one, 256 bytes of a success (settings)
  bool truncated = false;     // that broke off, or stayed away, behind an outcome that was decided
  std::string instance = {};  // of a service, which it went to; empty: none
};

struct NotifyState {
  Phase phase = Phase::kWaiting;
  /// The due time and the order key's time: from then it may be sent. kWallNever: held without a due time.
  WallTime due;
  /// Phase kRetrying only: when the wait is over.
  MonoTime retry_at;
  /// For people only: the wall time that retry_at was expected to be at when it was set.
  WallTime next_attempt_at;
  /// kWallNever: no ttl.
  WallTime expires_at = kWallNever;
  WallTime settled_at;
  uint32_t attempts_made = 0;    // the number of the newest attempt that ended
  uint32_t attempts_before = 0;  // of those, made before the present budget began (a retry of a settled one begins a new one)
  uint32_t laters = 0;           // of those of the present budget, which they do not use up: answered by what later_on matches, or a probe in vain
  std::string reason;            // why cancelled or failed, empty else
  /// Due at once: it may be sent whatever the clock says. `due` is its place in order, and may be ahead of a clock that stepped back.
  bool at_once = false;
};

/// When something is to be due: at once, in its place behind all that was so before, or at a time.
struct DueTime {
  bool at_once = true;
  WallTime at;  // where not at once
  bool operator==(const DueTime&) const = default;
};

/// The state that users see of a notify of which nothing is in flight. `in_lane`: it stands in its lane, since its time came at some moment: in
/// memory, or in the lane's tail on disk. Then it is ready, whatever the clocks say by now.
State StateSeen(const NotifyState& state, const Now& now, bool in_lane);

/// The newest attempts that a record keeps (contract section 3, GET).
inline constexpr size_t kAttemptsKept = 20;

/// All that the store knows of one notify.
struct NotifyRecord {
  NotifyId id;
  WallTime created_at;
  std::shared_ptr<const Envelope> envelope;
  std::shared_ptr<const std::string> spec;  // EncodeSpec's bytes
  NotifyState state;
  std::vector<AttemptRecord> attempts;  // oldest first, at most kAttemptsKept
  /// As read, never written: the spec without its payload. Null: there is no other than `spec`. Of one whose payload stands with its event it is what
  /// the store has, so that whoever writes the record again writes this, and the payload goes on standing once.
  std::shared_ptr<const std::string> bare = nullptr;

  /// The spec as the store has it.
  const std::shared_ptr<const std::string>& stored_spec() const { return bare ? bare : spec; }
};

/// A change of state, with the attempt that made it where one did. Applying a change: state replaces state, the attempt is
/// appended, the oldest beyond kAttemptsKept are dropped.
struct StateChange {
  NotifyState state;
  std::optional<AttemptRecord> attempt;
};
void ApplyChange(const StateChange& change, NotifyRecord* record);

/// Where the due index keeps a pending notify. Never renumber: the byte stands in keys.
enum class Clock : uint8_t { kWall = 0, kMono = 1 };

/// A place in the due index: of all with one clock, by time, then id. Times in milliseconds of that clock.
struct DueKey {
  int64_t time_ms = 0;
  NotifyId id;
  auto operator<=>(const DueKey&) const = default;
};

/// A trigger that came before there was anything to trigger (contract section 3, remember_ms).
struct RememberedTrigger {
  std::optional<std::string> data;  // JSON text of an object
  DueTime due;
  /// As read: the store has so many bytes of data that were left out here (LeaveOutData). Never written.
  uint64_t left_out = 0;
  bool HasData() const { return data || left_out > 0; }
  uint64_t DataBytes() const { return data ? data->size() : left_out; }
  bool operator==(const RememberedTrigger&) const = default;
};

/// What the key under which something is held or was triggered points to: a notify, or a trigger that waits for one.
struct FkeyRecord {
  NotifyId id;  // 0: `remembered` is set
  /// Set once that notify settled, and for a remembered trigger: the record is as good as gone from then on.
  WallTime expires_at = kWallNever;
  std::shared_ptr<const RememberedTrigger> remembered = nullptr;
};

/// A look-up by the fkey brings so much of a remembered trigger's data; of more it tells the size alone, so that whoever looks up many may judge
/// first whether they are too much.
inline constexpr size_t kRememberedKept = 1024;
void LeaveOutData(FkeyRecord* record, size_t kept = kRememberedKept);

struct IdempotencyKey {
  std::string caller;
  std::string key;
  auto operator<=>(const IdempotencyKey&) const = default;
};
struct IdempotencyRecord {
  NotifyId id;
  Fingerprint fields;  // of all fields (docs/storage-format.md)
  WallTime expires_at;
};

/// What a lane must remember beyond its notifies. A lane all of whose fields are at their defaults has no record.
struct LaneRecord {
  /// Some of its notifies are in the spilled tail.
  bool tail = false;
  /// No tail key below this one is left: iterators start here.
  OrderKey tail_from;
  /// It stands in its host's list, at this place, so that it is found again: where it has a tail and is not paused.
  bool listed = false;
  std::string sleeper_host;
  uint64_t sleeper_order = 0;
  /// fifo: the head that was attempted and blocks the lane until it settles. 0: none.
  NotifyId blocked_head;

  bool IsDefault() const { return !tail && !listed && blocked_head.value == 0; }
};

enum class Paused : uint8_t { kNo = 0, kByRequest = 1, kByFailure = 2 };  // stored: never renumber, like the next two
enum class OnRetry : uint8_t { kBlock = 0, kSkip = 1 };
enum class OnFailure : uint8_t { kContinue = 0, kPause = 1 };
const char* ToString(OnRetry on_retry);
const char* ToString(OnFailure on_failure);
std::optional<OnRetry> ParseOnRetry(std::string_view text);
std::optional<OnFailure> ParseOnFailure(std::string_view text);

/// Of a lane that is paused: since when, and by whom and why where that is known.
struct PauseNote {
  WallTime since;      // 0: not known; it was paused by a version that kept none
  std::string by;      // Principal::name; empty: not known
  std::string reason;  // as they put it, at most kMaxPauseReasonBytes
  NotifyId failed;     // the notify whose failure it was; 0: none
  bool operator==(const PauseNote&) const = default;
};
inline constexpr size_t kMaxPauseReasonBytes = 600;
/// None, or one that never changes. Few lanes have one, so that the others pay for a pointer alone.
struct PauseNoteRef {
  std::shared_ptr<const PauseNote> note;
  bool operator==(const PauseNoteRef& other) const { return note == other.note || (note && other.note && *note == *other.note); }
};

/// What was said for one lane (PATCH /v1/lanes/...), or by a rule of the configuration. What is not set is at its default.
struct LaneSettings {
  Paused paused = Paused::kNo;
  std::optional<uint32_t> concurrency;  // concurrent lanes only; 1-100,000
  std::optional<double> rate_per_s;     // attempts started; 0.001-1,000,000
  std::optional<uint32_t> burst;        // 1-1,000,000
  std::optional<OnRetry> on_retry;      // fifo lanes only
  std::optional<OnFailure> on_failure;  // fifo lanes only
  PauseNoteRef pause = {};              // where it is paused, but for lanes that an older version paused
  bool operator==(const LaneSettings&) const = default;
  bool IsDefault() const { return *this == LaneSettings(); }
};

/// What an operator said of a caller, and of a host (PATCH /v1/callers/..., /v1/hosts/...). What is not set is at its default.
struct CallerSettings {
  bool paused = false;                  // nothing that it submitted is sent
  std::optional<double> submits_per_s;  // 0.001-1,000,000
  bool operator==(const CallerSettings&) const = default;
  bool IsDefault() const { return *this == CallerSettings(); }
};
struct HostSettings {
  bool paused = false;                  // nothing is sent to it
  std::optional<uint32_t> concurrency;  // 1-100,000; the least of it and the limits counts
  std::optional<double> rate_per_s;     // attempts started; 0.001-1,000,000
  bool operator==(const HostSettings&) const = default;
  bool IsDefault() const { return *this == HostSettings(); }
};
/// All of a namespace that are not at their defaults: one record.
struct Switches {
  std::map<std::string, CallerSettings> callers;
  std::map<std::string, HostSettings> hosts;  // by Envelope::host
  std::map<LaneKey, WallTime> lanes;          // those that are paused by request, and go on by themselves then
  bool operator==(const Switches&) const = default;
};
/// How many callers, and how many hosts, may have settings.
inline constexpr size_t kMostSwitched = 1000;

/// Which index of the store holds a pending notify; each is in exactly one. The numbers are places in CountsByIndex.
enum class Index : uint8_t {
  kHeld = 0,      // none: held without a due time
  kHeldDue = 1,   // the due index of the wall clock, held
  kDue = 2,       // the due index of the wall clock
  kRetrying = 3,  // the due index of the monotonic clock
  kTail = 4,      // its lane's tail
  kNone = 5,      // it is settled
};
inline constexpr size_t kIndexes = 5;
/// `in_tail`: its lane's tail has it, which its state does not say.
Index IndexOf(const NotifyState& state, bool in_tail);

/// A number for each index but kNone. Stored in this order: append, never insert.
template <class T>
struct CountsByIndex {
  std::array<T, kIndexes> of{};

  T& operator[](Index index) { return of[static_cast<size_t>(index)]; }
  const T& operator[](Index index) const { return of[static_cast<size_t>(index)]; }
  T Sum() const { return of[0] + of[1] + of[2] + of[3] + of[4]; }
  bool operator==(const CountsByIndex&) const = default;
  bool IsZero() const { return *this == CountsByIndex(); }
  CountsByIndex& operator+=(const CountsByIndex& other) {
    for (size_t i = 0; i < kIndexes; ++i) of[i] += other.of[i];
    return *this;
  }
};
/// How many pending notifies of a lane each index holds (as Totals has them for all lanes); or a change of that.
using IndexCounts = CountsByIndex<int64_t>;

/// Totals and pending counts: absolute, in every batch, so the books balance by construction (contract promise 8).
/// accepted + revived == pending() + succeeded + failed + cancelled + expired.
struct Totals {
  uint64_t next_id = 1;
  uint64_t accepted = 0, revived = 0;
  uint64_t succeeded = 0, failed = 0, cancelled = 0, expired = 0;
  uint64_t attempts = 0, retries = 0;
  CountsByIndex<uint64_t> by_index;  // pending
  uint64_t lane_records = 0;
  uint64_t lane_settings = 0;  // lanes that have settings of their own
  uint64_t sleeping_lanes = 0;
  uint64_t next_sleeper_order = 1;
  /// The last order key's time given to something due at once (contract promise 3).
  WallTime last_due_at_once;
  /// Low-water marks: no key of that index is below.
  DueKey wall_mark, mono_mark, expiry_mark;
  /// Where the clocks stood at this batch: the monotonic line goes on from here after a restart.
  WallTime wall;
  MonoTime mono;
  RecordCounts records;
  uint64_t next_serial = 1;  // of the agenda, and of schedules
  DueKey run_mark;           // as the marks above, of the schedules' runs
  /// Notifies that events which were taken are still to be made of, and what these will store: as the quotas were told (Core::Impl::TopicPart).
  uint64_t promised = 0, promised_bytes = 0;

  uint64_t pending() const { return by_index.Sum(); }
  /// What counts for max_pending: what is promised is as good as there.
  uint64_t claimed() const { return pending() + promised; }
};

/// Pending notifies, by state.
struct PendingByState {
  uint64_t held = 0, scheduled = 0, ready = 0, sending = 0, retrying = 0;
  PendingByState& operator+=(const PendingByState& other) {
    held += other.held;
    scheduled += other.scheduled;
    ready += other.ready;
    sending += other.sending;
    retrying += other.retrying;
    return *this;
  }
};
/// `promoted`: those of each index that wait no more for their time; `sending`: those whose attempt is under way. Of what sleeps there are neither.
inline PendingByState PendingByStateOf(const CountsByIndex<uint64_t>& counts, const IndexCounts& promoted, uint64_t sending) {
  auto waiting = [&](Index index) { return counts[index] - static_cast<uint64_t>(promoted[index]); };
  PendingByState states;
  states.held = counts[Index::kHeld] + waiting(Index::kHeldDue);
  states.scheduled = waiting(Index::kDue);
  states.retrying = waiting(Index::kRetrying);
  states.sending = sending;
  states.ready = counts.Sum() - states.held - states.scheduled - states.retrying - states.sending;
  return states;
}

/// What a namespace still has to do, so that it is not empty.
struct WorkLeft {
  uint64_t pending = 0;   // notifies
  uint64_t promised = 0;  // Totals::promised
  uint64_t begun = 0;     // what stands on its agenda: replays, events that go to their subscriptions, what follows from the end of a group's member
  bool none() const { return pending == 0 && promised == 0 && begun == 0; }
};

/// What makes one whole attempt's end, as the sender reports it: judged by JudgeAnswer (broker/expectation.h).
enum class Verdict : uint8_t {
  kSuccess,
  kFailure,  // try again while the budget lasts
  kFatal,    // fail at once: fatal_on matched, or the destination is forbidden
  kLater,    // later_on matched: ask again after the wait, the budget is untouched
};
struct AttemptResult {
  Verdict verdict = Verdict::kFailure;
  AttemptRecord record;
  /// From Retry-After on 429 and 503, in ms from the answer; -1: none.
  int64_t retry_after_ms = -1;
  /// NotifySpec::via, which a callback carries on.
  std::string via;
  /// It went over a connection that had served others, which was lost before a byte of an answer: the receiver may well have closed it before the
  /// request arrived.
  bool lost_reused = false;
  /// Not a byte of a request was sent: no connection came about, for another reason than that none was free.
  bool unsent = false;
  /// It had no connection of its own, nor tried for one: the request was not made yet, or none was free. Nothing of it says whether the destination
  /// is there.
  bool unasked = false;
  /// The answer, where StartAttempt::capture_bytes asked for it.
  std::shared_ptr<const Response> response = nullptr;
};

}  // namespace notifyd

template <>
struct std::hash<notifyd::LaneKey> {
  size_t operator()(const notifyd::LaneKey& key) const noexcept { return std::hash<std::string>()(key.name) * 2 + static_cast<size_t>(key.mode); }
};
template <>
struct std::hash<notifyd::IdempotencyKey> {
  size_t operator()(const notifyd::IdempotencyKey& key) const noexcept {
    return std::hash<std::string>()(key.key) * 31 + std::hash<std::string>()(key.caller);
  }
};
