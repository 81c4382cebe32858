// AlertMeter: how attempts went by host, of those that each rule about attempts takes, and what happened, both for some minutes: what no core's
// figures tell for a lane, a caller or a label. Not thread-safe; no clock.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "broker/alert_events.h"
#include "broker/effects.h"
#include "broker/figures.h"

namespace notifyd {

/// The event of a FlowLog that has a count of what follows a "subscription skipped" for the same reason: no line of the log says it.
inline constexpr std::string_view kSkippedOn = "subscription skipped on";
/// The event of a FlowLog that says what a schedule missed shortly before its core began, "count" times, the newest of them noted "at" (ms): whoever
/// was told of it then may not have lived to tell anybody. No line of the log says it again.
inline constexpr std::string_view kMissedBefore = "run missed before";
inline bool IsForAlertsAlone(std::string_view event) {
  return event == kSkippedOn || event == kMissedBefore;
}

class AlertMeter {
 public:
  explicit AlertMeter(WallTime now) : since_(now) {}

  /// Rules that take the same attempts as one of before keep its counts.
  void SetSettings(std::shared_ptr<const AlertSettings> settings, WallTime now);
  /// An attempt ended.
  void Take(const std::string& space, const AttemptLog& log, WallTime now);
  /// Something happened, of the kinds that AlertHappening has. `space_since`: what happened in the namespace from then on was told as it happened; of
  /// one broker alone, from its start on.
  void Take(const std::string& space, const FlowLog& log, WallTime now, WallTime space_since = {});
  /// These namespaces are another member's, or came from there: of what was counted of them nothing holds any more.
  void Forget(const std::set<std::string>& spaces);
  /// Adds what is known now.
  void AddTo(AlertFigures* figures, WallTime now);

  /// So many hosts a rule; further ones are not seen.
  static constexpr size_t kMostHosts = 2'000;

 private:
  static constexpr int64_t kMinuteMs = 60'000;
  static constexpr size_t kMinutes = 5;
  struct Minute {
    int64_t number = 0;
    uint64_t attempts = 0, failed = 0;
    DurationCounts durations;
  };
  struct Host {
    std::array<Minute, kMinutes> minutes;
    uint64_t failed_in_a_row = 0;
    bool succeeded = false;
    std::string last_error;
    WallTime last_at;
  };
  using HostKey = std::pair<std::string, std::string>;  // namespace, host
  struct Counts {
    AlertRule rule;
    WallTime since;
    std::map<HostKey, Host> hosts;
  };
  struct Happened {
    std::string detail;
    std::array<uint64_t, 11> counts{};  // by minute
    int64_t newest = 0;                 // minute
    bool knows_before = false;          // kMissedBefore was said of it
  };

  std::shared_ptr<const AlertSettings> settings_;
  std::map<std::string, Counts> counts_;  // by rule
  std::map<std::tuple<AlertWhen, std::string, std::string>, Happened> happened_;
  const WallTime since_;
};

}  // namespace notifyd
