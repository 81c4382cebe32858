// What requests ask of a namespace's figures, and what answers them (FiguresRequest, FiguresAnswered): history, what falls due, figures of now. Plain
// values. Contract section 16.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "broker/breaker.h"
#include "broker/effects.h"
#include "broker/figures.h"
#include "broker/notify.h"

namespace notifyd {

// ---- figures of now

/// How calls to a host, or to an instance of a service, went of late.
struct HostFigures {
  uint64_t attempts = 0, failed = 0;      // that ended in the last five minutes; of those, that were answered in another way than was expected
  std::optional<int64_t> p50_ms, p99_ms;  // of those attempts; nothing where there were none
  std::optional<WallTime> failing_since;  // the first failure since the last success
  std::string last_error;                 // the last failure's error word, or "status 503"
  bool operator==(const HostFigures&) const = default;
};

/// How many notifies were accepted for a host, until now; the day before: 24 to 48 hours ago. As far as the core has been there for.
struct AcceptedSums {
  uint64_t minute = 0, hour = 0, day = 0, day_before = 0;
  bool operator==(const AcceptedSums&) const = default;
};
struct HostNow {
  std::string host;
  HostFigures figures;
  uint32_t in_flight = 0;
  bool paused = false;
  Breaker::State breaker = Breaker::State::kClosed;
  std::optional<WallTime> open_since;
  AcceptedSums accepted;
  int64_t day_before_ms = 0;  // for how much of the day before those were counted: less for one that made room for others
};

/// A lane of which something is in memory, or that is paused as far as memory knows.
struct LaneNow {
  LaneKey lane;
  Paused paused = Paused::kNo;
  uint32_t in_flight = 0;
  uint64_t queued = 0;                 // in memory
  std::optional<int64_t> head_age_ms;  // how long what is sent next has been due
};

/// All of one moment, as far as memory tells.
struct FiguresNow {
  WallTime at;
  StatsView stats;
  RateCounts five_seconds, minute;  // of whole seconds, until now
  /// How long the oldest notify has been due, or behind the end of its wait, that may be sent: its lane is not paused, and it is in memory. Nothing
  /// where none is.
  std::optional<int64_t> oldest_due_age_ms;
  std::optional<int64_t> lateness_p99_ms;                 // of the attempts that started in the last one to two minutes
  std::optional<int64_t> attempt_p50_ms, attempt_p99_ms;  // of those that ended then
  uint64_t max_pending = 0;                               // what may be pending
  uint64_t stored_bytes = 0;                              // StoredUse::bytes
  std::optional<uint64_t> max_stored_bytes;               // what may be stored
  uint64_t schedules_missed = 0, skipped = 0;             // runs that were missed, notifies that a subscription skipped: since the core was made
  uint64_t failing_hosts = 0;  // the last attempts of which failed, or whose breaker is open; of the 256 that are known, and all with an open one
  /// Hosts that were called in the last five minutes, fail, are paused or have a breaker that is not closed: those with most failures now first, then
  /// those that fail for longest, then by name; services as one host. At most FiguresAsk::Now::hosts.
  std::vector<HostNow> hosts;
  std::vector<LaneNow> lanes;        // where asked for; by key
  std::vector<CallerRates> callers;  // where asked for; the one that was heard of last first
  int64_t day_before_ms = 0;         // for how much of the day before callers and hosts were counted, at most: up to 24 hours
};

// ---- requests

/// Each span of that step that began from `from` on, before `to`.
struct HistoryAsk {
  HistoryStep step = HistoryStep::kMinute;
  HistoryOf of = HistoryOf::kNamespace;
  std::string host;  // of kHosts
  WallTime from, to;
};
/// What falls due in the minutes from `from` on, `to` not included; both are whole minutes.
struct DueAsk {
  WallTime from, to;
};
struct NowAsk {
  size_t hosts = 10;  // at most; 256 are known
  bool lanes = false, callers = false;
};
/// What the process is like, to be kept in the history (of `system`). Not answered.
struct ProcessReport {
  ProcessValues values;
};
/// Send this one now although its lane is paused; where that is not, as a RetryRequest. It goes before all others of its lane, which stays paused;
/// where its attempt fails, it is what it was before. Not remembered over a restart. Answered by Retried, refused as a RetryRequest is.
struct SendPausedAsk {
  NotifyId id;
  std::string via;  // this and `base` as RetryRequest has them
  std::shared_ptr<const NotifyRecord> base = nullptr;
};
/// What came of a submit, or of a new group.
enum class TakenAs : uint8_t {
  kMade,
  kDuplicate,  // its idempotency key was seen before
  kKept,       // on_held keep
};
/// Whoever asks has submitted that at a broker that has handed its namespace over since, and waits on here, as the SubmitRequest would: answered by
/// Waited, at the latest once so many ms are over, or refused.
struct WaitOnAsk {
  NotifyId id;
  TakenAs as = TakenAs::kMade;
  int64_t wait_ms = 0;
};
/// The StopRequested that follows hands the namespace over to another broker. Whoever waits goes after it; but whoever has submitted what is in
/// flight waits for that attempt, whose answer is had nowhere else. `over`: nothing is waited for any longer; or it was taken just now. Not answered.
struct HandOverAsk {
  bool over = false;
};
/// Whoever waits with that request will not be there for long: it is answered as where its time is over, also where it only comes to wait
/// once the store was asked. Not answered itself.
struct EndWaitAsk {
  RequestId of;
};
struct FiguresAsk {
  std::variant<NowAsk, HistoryAsk, DueAsk, ProcessReport, SendPausedAsk, WaitOnAsk, HandOverAsk, EndWaitAsk> what;
};

// ---- answers

struct HistoryPoint {
  SpanCounts counts;
  std::optional<GaugeValues> gauges;     // at its end; of a namespace
  std::optional<ProcessValues> process;  // of `system`
};
using HistoryPoints = std::map<int64_t, HistoryPoint>;  // by the ms in which their spans begin
struct HistoryView {
  HistoryAsk asked;
  HistoryPoints points;  // none: nothing was counted then
  /// Of a namespace: what there was at the end of the last point before those.
  std::optional<GaugeValues> before;
};
struct DueView {
  DueAsk asked;
  WallTime at;
  std::map<int64_t, uint64_t> minutes;  // by the ms in which they begin; without those in which nothing falls due
  uint64_t later = 0;                   // from `to` on
  std::optional<WallTime> since;        // what was there before this is not counted: of a store from before there were counts
};
struct FiguresAnswer {
  std::variant<std::shared_ptr<const FiguresNow>, HistoryView, DueView> what;
};

}  // namespace notifyd
