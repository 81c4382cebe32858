// What the store keeps of schedules (RecordKind::kSchedule, kRun), as bytes. Pure. Layout: docs/storage-format.md. Contract section 15.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "base/time.h"
#include "broker/events.h"

namespace notifyd {

/// What becomes of times at which no broker ran. Stored: never renumber.
enum class Missed : uint8_t { kSkip = 0, kOne = 1, kAll = 2 };

/// What was said of a schedule: when, and the notify that each of its runs makes, or the event that it publishes.
struct Schedule {
  std::string cron;      // empty: every_ms
  int64_t every_ms = 0;  // 0: cron
  std::string timezone = "UTC";
  std::optional<WallTime> start_at, end_at;
  Missed missed = Missed::kOne;
  bool skip_overlap = false;
  bool paused = false;
  int64_t jitter_ms = 0;
  /// The template, as a SubmitItem has it, but that with order_by its lane is the one that each run gets a partition of, by its own data. `when` and
  /// `ttl`: kDefault or kDelay.
  std::shared_ptr<const Envelope> envelope;
  std::shared_ptr<const std::string> spec;
  When when, ttl;
  OnHeld on_held = OnHeld::kReject;
  /// It publishes an event of this topic, and no notify: caller, labels and fkey of the event stand in `envelope`, its payload in `spec`. Empty: it
  /// makes a notify.
  std::string topic;
  std::string key;  // of the event; empty: none
  bool publishes() const { return !topic.empty(); }
};

/// A schedule as it is kept.
struct ScheduleRecord {
  uint64_t serial = 0;
  WallTime created_at;
  std::shared_ptr<const Schedule> said;
};

/// What became of one of its times, or of several that were missed one after another.
struct ScheduleRun {
  enum class Outcome : uint8_t { kMade = 0, kByHand = 1, kSkipped = 2, kMissed = 3 };  // stored: never renumber
  Outcome outcome = Outcome::kMade;
  WallTime scheduled_at;
  WallTime at;         // when that was decided
  NotifyId notify;     // kMade, kByHand: what was made
  uint64_t count = 1;  // kMissed, and kSkipped by a pause or as kDropped: of how many times this is the first
  std::string reason;  // kSkipped, kMissed: a stable word
  bool event = false;  // what was made is one
  bool operator==(const ScheduleRun&) const = default;
};

/// ScheduleRun::reason of times that whoever restored the store wanted dropped.
inline constexpr const char* kDropped = "dropped";

/// Where a schedule stands.
struct ScheduleState {
  struct Next {
    WallTime due;           // with its jitter: the time in its run's key
    WallTime scheduled_at;  // without
    bool operator==(const Next&) const = default;
  };
  std::optional<Next> next;  // nothing: it is paused, or over
  // With `all`: of the times that are missed now, so many were made. With `skip` 1: the next one came in time, and was refused for now.
  uint64_t caught_up = 0;
  uint64_t missed = 0;  // ever
  NotifyId last;        // what its last run made; 0: nothing
  bool last_is_event = false;
  std::vector<ScheduleRun> runs;  // the newest kRunsKept, oldest first
  bool operator==(const ScheduleState&) const = default;
};
inline constexpr size_t kRunsKept = 20;

/// A run that is to come, found by its time.
struct NextRun {
  std::string schedule;
  bool operator==(const NextRun&) const = default;
};

/// Version byte first.
std::string EncodeSchedule(const Schedule& said);
std::string EncodeScheduleRecord(const ScheduleRecord& record);
std::string EncodeScheduleState(const ScheduleState& state);
std::string EncodeNextRun(const NextRun& run);
/// Errors: kCorrupt.
Result<Schedule> DecodeSchedule(std::string_view bytes);
Result<ScheduleRecord> DecodeScheduleRecord(std::string_view bytes);
Result<ScheduleState> DecodeScheduleState(std::string_view bytes);
Result<NextRun> DecodeNextRun(std::string_view bytes);

/// Under its name there is what was said of a schedule; right behind that, where it stands.
std::string KeyOfScheduleState(std::string_view name);

/// When a schedule's next run is due, and its serial: the order of runs.
struct RunKey {
  int64_t due_ms = 0;
  uint64_t serial = 0;
  auto operator<=>(const RunKey&) const = default;
};
std::string EncodeRunKey(const RunKey& key);
/// Nothing where these bytes are none.
std::optional<RunKey> DecodeRunKey(std::string_view bytes);

}  // namespace notifyd
