// What requests ask of schedules, and what answers them (ScheduleRequest, ScheduleAnswered). Plain values: whoever asks has read and checked what
// stands in them (net/api), the core decides. Contract section 15.
//
// A refusal is Refused as ever: kNotFound, kUnacceptable (with the field), kTooMany, kDiskFull, kUnavailable; a condition that does not hold is
// Stale.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "broker/effects.h"
#include "broker/events.h"
#include "broker/resource.h"
#include "broker/schedule_records.h"
#include "broker/topic_events.h"

namespace notifyd {

/// Puts a schedule in the place of what was said of it. Answered by ScheduleViewed. Errors: kUnacceptable at "/cron" or "/timezone", or at
/// "/publish/topic" where that is not known, and topics must be.
struct SchedulePut {
  std::string name;
  std::shared_ptr<const Schedule> said;
  ResourceCondition condition = {};
};
/// The same of `paused` alone.
struct SchedulePause {
  std::string name;
  bool paused = true;
  ResourceCondition condition = {};
};
/// Answered by ScheduleViewed.
struct ScheduleGet {
  std::string name;
};
/// Its runs so far stay. Answered by ScheduleRemoved.
struct ScheduleDelete {
  std::string name;
  ResourceCondition condition = {};
};
/// By name. Answered by SchedulesListed.
struct ScheduleList {
  ResourcesQuery query;
};
/// Makes a run of it, a notify or an event, now, whatever its times, and though it is paused. Answered by ScheduleRan; refused for what a submit is refused for.
struct ScheduleRunNow {
  std::string name;
  ResourceCondition condition = {};
  std::string idempotency_key = {};  // of the schedule: asked once more it answers with what was made the first time
};

/// Skips those of its times before `before` that are not made yet (kDropped): no run is made of them, and none of them is missed. Answered by
/// ScheduleViewed. Error: kUnacceptable at "/timezone", where that is not known here.
struct ScheduleDrop {
  std::string name;
  WallTime before;
};

struct ScheduleAsk {
  std::variant<SchedulePut, SchedulePause, ScheduleGet, ScheduleDelete, ScheduleList, ScheduleRunNow, ScheduleDrop> what;
};

struct ScheduleView {
  std::string name;
  std::shared_ptr<const Schedule> said;
  std::string bytes;  // what its ETag is made of
  WallTime created_at;
  std::vector<WallTime> next;     // its next times, at most kNextShown; of a list's the first alone
  std::vector<ScheduleRun> runs;  // the newest, oldest first; of a list's none
  uint64_t missed = 0;            // times, ever
};
inline constexpr size_t kNextShown = 10;
struct ScheduleViewed {
  ScheduleView schedule;
  bool created = false;
};
struct SchedulesListed {
  std::vector<ScheduleView> items;
  std::optional<std::string> next;  // goes into ResourcesQuery::after to go on; nothing: complete
};
struct ScheduleRemoved {};
struct ScheduleRan {
  std::variant<SubmittedItem, Published::Item> item;
  WallTime scheduled_at;
};

struct ScheduleAnswer {
  std::variant<ScheduleViewed, SchedulesListed, ScheduleRemoved, ScheduleRan> what;
};

}  // namespace notifyd
