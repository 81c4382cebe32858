// Where an alert stands: what of it fires, since when, and what was said of it; how the store keeps that, and what becomes of it at each look. Pure.
//
// I1  What fires is told before it can be over: a message says that it began, and another one that it ended.
// I2  Of one alert there is one message at a time, of all that changed until then: a storm of causes is one message.
// I3  Between two messages of an alert that goes on firing lies group_ms, and twice as long after each, up to kMostGapMs; its end does not wait for
// that, unless it has ended before of late: one that comes and goes is told as one that goes on, and what ends and begins again between is no news.
// I4  A target that the rule names while it fires is told that it fires, also where the file got it only then; none that it keeps is told so twice.
// That it is over is told to those alone that were told so.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "broker/alert_readings.h"

namespace notifyd {

struct AlertState {
  struct Cause {
    WallTime since;       // it is so
    bool firing = false;  // for long enough
    bool told = false;    // a message said that it fires
    bool ended = false;   // of one that was told: it is not so any more, which no message said yet
    double value = 0;
    std::string detail;
  };
  std::optional<AlertWhen> when;  // of the rule that all of this is of; nothing: not known, a version that kept none wrote it
  std::map<AlertCause, Cause> causes;
  uint64_t unkept = 0;                 // causes that there was no room for, now
  WallTime firing_since = kWallNever;  // kWallNever: nothing fires, or is to be told
  WallTime changed_at = kWallNever;    // the first change that no message said yet; kWallNever: none
  WallTime last_message_at = kWallNever;
  std::string last_message;           // as AlertView has it
  uint32_t messages = 0;              // since it fires
  std::set<std::string> told;         // AlertTarget::id of those that were told that it fires; of a version that kept none: empty
  uint32_t ends = 0;                  // how often it was told to be over, without kCalmMs between two messages
  std::vector<NotifyId> undelivered;  // of its messages, the newest kMostUndelivered at most

  bool firing() const { return firing_since != kWallNever; }
};
inline constexpr size_t kMostAlertCauses = 1000;
inline constexpr size_t kMostUndelivered = 1000;
inline constexpr int64_t kMostGapMs = 300'000;
inline constexpr int64_t kCalmMs = 3'600'000;

/// What a message says of one alert.
struct AlertNews {
  const AlertRule* rule = nullptr;  // borrowed
  enum class What : uint8_t { kFiring, kRepeat, kOver, kTest } what = What::kFiring;
  WallTime since;                      // it fires
  std::vector<AlertCauseView> firing;  // those that are new first
  std::vector<AlertCauseView> ended;
  uint64_t firing_count = 0, new_count = 0, ended_count = 0;  // of which the first kMostCausesShown are there
  std::vector<std::shared_ptr<const AlertTarget>> to;         // whom it is for
};
std::string_view ToString(AlertNews::What what);

struct AlertJudgement {
  std::optional<AlertNews> news;
  bool changed = false;  // the state is to be written
};
/// Takes over what the readings say. Where there is news, the state is already as it is once that is said.
AlertJudgement JudgeAlert(const AlertRule& rule, const AlertReadings& readings, WallTime now, AlertState* state);

/// Version byte first; documented in docs/storage-format.md.
std::string EncodeAlertState(const AlertState& state);
/// Error: kCorrupt.
Result<AlertState> DecodeAlertState(std::string_view bytes);

}  // namespace notifyd
