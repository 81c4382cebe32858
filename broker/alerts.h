// Alerts: what the file says of them, and what they may be about. Plain values and one table. Contract section 17.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/limits.h"
#include "broker/notify.h"

namespace notifyd {

enum class AlertWhen : uint8_t {
  kOldestDueAge,
  kFailing,
  kFailedRate,
  kSlow,
  kLatenessP99,
  kRate,
  kRateRatio,
  kPending,
  kDiskFree,
  kMemory,
  kCpu,
  kBreakerOpen,
  kLanePaused,
  kCommitP99,
  kScheduleMissed,
  kSkipped,
  kQuota,
  kBackupAge,
  kNoStandby,
};

/// What an alert can be narrowed by.
enum class AlertFilter : uint8_t { kNamespace = 1, kLane = 2, kHost = 4, kCaller = 8, kLabel = 16 };

/// One kind of alert. A figure fires where it is more than the threshold, at least it, or below it.
struct AlertKind {
  enum class Unit : uint8_t { kNone, kMs, kPercent, kBytes, kPerSecond, kTimes, kCount };
  enum class Fires : uint8_t { kAbove, kFrom, kBelow };
  AlertWhen when;
  std::string_view word;  // as the file has it
  Unit unit;
  Fires fires;
  std::optional<double> threshold;  // by default; nothing: it must be said
  int64_t for_ms;                   // by default
  uint8_t filters;                  // AlertFilter, of those that it takes
  std::string_view about;           // for people: what the figure is
};
/// In the order of AlertWhen.
std::span<const AlertKind> AlertKinds();
const AlertKind& KindOf(AlertWhen when);
std::optional<AlertWhen> ParseAlertWhen(std::string_view word);
inline bool IsFilteredBy(const AlertKind& kind, AlertFilter filter) {
  return (kind.filters & static_cast<uint8_t>(filter)) != 0;
}
/// "75 s", "12.5 %", "3.2 GB", "40 a second": a figure of that unit for people.
std::string AlertFigureText(AlertKind::Unit unit, double value);

/// Where messages go.
struct AlertTarget {
  enum class Kind : uint8_t { kWebhook, kWecom, kDingtalk, kFeishu, kSlack, kMail, kLog };
  Kind kind = Kind::kWebhook;
  std::string address;  // a URL, an address of mail, a URI: may hold what is secret
  std::string secret;   // kDingtalk, kFeishu: what calls are signed with; empty: they are not
  /// What it is called where it is shown and stored, "wecom:qyapi.weixin.qq.com#1f0c55a3": no secret is in it, and no two targets share one.
  std::string id;
  bool operator==(const AlertTarget&) const = default;
};
/// "webhook", "wecom", ...
std::string_view ToString(AlertTarget::Kind kind);
std::optional<AlertTarget::Kind> ParseAlertTargetKind(std::string_view word);
/// A call by HTTP, not a mail or a line of the log.
inline bool IsCall(AlertTarget::Kind kind) {
  return kind != AlertTarget::Kind::kMail && kind != AlertTarget::Kind::kLog;
}
/// What AlertTarget::id is to be. `authority`: the URL's; of what has none, empty.
std::string AlertTargetId(AlertTarget::Kind kind, std::string_view address, std::string_view authority);
/// What answer says that the robot took the message, whatever its status says.
AnswerPattern ExpectationOf(AlertTarget::Kind kind);

struct AlertRule {
  std::string name;
  AlertWhen when = AlertWhen::kFailing;
  double threshold = 0;
  int64_t for_ms = 0;     // how long it must be so before it fires
  int64_t repeat_ms = 0;  // how often it is said again while it is so; 0: never
  int64_t group_ms = 0;   // a message waits so long for what else fires
  // Of these alone; none: of all. "*" stands for any run of characters.
  std::vector<std::string> namespaces, lanes, hosts, callers;
  Labels labels;  // each must be there
  std::vector<std::shared_ptr<const AlertTarget>> to;
  bool operator==(const AlertRule& other) const;
};
/// Does one of the patterns match, or are there none?
bool PassesFilter(const std::vector<std::string>& patterns, std::string_view text);

/// All that the file says of alerts.
struct AlertSettings {
  std::vector<AlertRule> rules;
  std::string source;  // which broker it is, in messages
  bool operator==(const AlertSettings&) const = default;
};
/// Null where there is none of that id.
std::shared_ptr<const AlertTarget> FindTarget(const AlertSettings& settings, std::string_view id);

/// 1 to 63 of a-z, 0-9, '-' and '_', the first a letter or digit.
bool IsAlertName(std::string_view text);

/// Rules for the lanes of `system`, which are targets': what each robot takes in a minute.
std::vector<LaneRule> AlertLaneRules();

}  // namespace notifyd
