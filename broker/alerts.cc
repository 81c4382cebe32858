#include "broker/alerts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/ascii.h"
#include "base/bytes.h"
#include "base/check.h"
#include "broker/lane_limits.h"

namespace notifyd {
namespace {

using Unit = AlertKind::Unit;
using Fires = AlertKind::Fires;

constexpr uint8_t kNothing = 0, kSpace = 1, kSpaceLane = 1 | 2, kSpaceHost = 1 | 4, kCalls = 1 | 2 | 4 | 8 | 16, kWho = 1 | 4 | 8;
constexpr int64_t kMinute = 60'000, kHour = 3'600'000;
constexpr double kGb = 1e9;

constexpr AlertKind kKinds[] = {
    {AlertWhen::kOldestDueAge, "oldest_due_age", Unit::kMs, Fires::kAbove, 60'000, 0, kSpaceLane, "the oldest due notify waits for"},
    {AlertWhen::kFailing, "failing", Unit::kCount, Fires::kFrom, 5, kMinute, kCalls, "attempts that failed in a row"},
    {AlertWhen::kFailedRate, "failed_rate", Unit::kPercent, Fires::kAbove, 50, kMinute, kCalls, "attempts of the last five minutes that failed"},
    {AlertWhen::kSlow, "slow", Unit::kMs, Fires::kAbove, 10'000, kMinute, kCalls, "p99 of the attempts of the last five minutes"},
    {AlertWhen::kLatenessP99, "lateness_p99", Unit::kMs, Fires::kAbove, 1'000, kMinute, kSpace, "p99 of how late attempts started"},
    {AlertWhen::kRate, "rate", Unit::kPerSecond, Fires::kAbove, std::nullopt, kMinute, kWho, "notifies accepted in the last minute"},
    {AlertWhen::kRateRatio, "rate_ratio", Unit::kTimes, Fires::kAbove, 3, kMinute, kWho, "the last hour's notifies against the day before"},
    {AlertWhen::kPending, "pending", Unit::kCount, Fires::kAbove, 100'000, kMinute, kSpaceLane, "notifies that are not settled"},
    {AlertWhen::kDiskFree, "disk_free", Unit::kBytes, Fires::kBelow, 5 * kGb, 0, kNothing, "free on the disk of the store"},
    {AlertWhen::kMemory, "memory", Unit::kBytes, Fires::kAbove, 4 * kGb, kMinute, kNothing, "resident memory of the broker"},
    {AlertWhen::kCpu, "cpu", Unit::kPercent, Fires::kAbove, 90, kMinute, kNothing, "of the machine's CPU time that the broker takes"},
    {AlertWhen::kBreakerOpen, "breaker_open", Unit::kNone, Fires::kFrom, 1, 0, kSpaceHost, "no connection comes about"},
    {AlertWhen::kLanePaused, "lane_paused", Unit::kNone, Fires::kFrom, 1, 0, kSpaceLane, "the lane is paused"},
    {AlertWhen::kCommitP99, "commit_p99", Unit::kMs, Fires::kAbove, 100, kMinute, kNothing, "p99 of the last minute's writes to the store"},
    {AlertWhen::kScheduleMissed, "schedule_missed", Unit::kCount, Fires::kFrom, 1, 0, kSpace, "runs missed in the last ten minutes"},
    {AlertWhen::kSkipped, "skipped", Unit::kCount, Fires::kFrom, 1, 0, kSpace, "events a subscription skipped in the last ten minutes"},
    {AlertWhen::kQuota, "quota", Unit::kPercent, Fires::kFrom, 90, 0, kSpace, "of a quota that is used"},
    {AlertWhen::kBackupAge, "backup_age", Unit::kMs, Fires::kAbove, 26 * kHour, 0, kNothing, "since the last backup"},
    {AlertWhen::kNoStandby, "no_standby", Unit::kNone, Fires::kFrom, 1, 0, kNothing, "no standby of the database is waited for"},
};

constexpr std::string_view kTargetKinds[] = {"webhook", "wecom", "dingtalk", "feishu", "slack", "mail", "log"};  // by AlertTarget::Kind

std::string DurationText(double ms) {
  if (ms < 1'000) return fmt::format("{:.0f} ms", ms);
  if (ms < 120'000) return fmt::format("{:g} s", std::round(ms / 100) / 10);
  if (ms < 2.0 * kHour) return fmt::format("{:.0f} min", ms / 60'000);
  if (ms < 48.0 * kHour) return fmt::format("{:g} h", std::round(ms / kHour * 10) / 10);
  return fmt::format("{:g} days", std::round(ms / (24.0 * kHour) * 10) / 10);
}

std::string BytesText(double bytes) {
  if (bytes < 1e6) return fmt::format("{:.0f} kB", bytes / 1e3);
  if (bytes < kGb) return fmt::format("{:.0f} MB", bytes / 1e6);
  return fmt::format("{:.1f} GB", bytes / kGb);
}

}  // namespace

std::span<const AlertKind> AlertKinds() {
  return kKinds;
}

const AlertKind& KindOf(AlertWhen when) {
  const AlertKind& kind = kKinds[static_cast<size_t>(when)];
  CHECK(kind.when == when);
  return kind;
}

std::optional<AlertWhen> ParseAlertWhen(std::string_view word) {
  for (const AlertKind& kind : kKinds)
    if (kind.word == word) return kind.when;
  return std::nullopt;
}

std::string AlertFigureText(Unit unit, double value) {
  switch (unit) {
    case Unit::kNone:
      return {};
    case Unit::kMs:
      return DurationText(value);
    case Unit::kPercent:
      return fmt::format("{:g} %", std::round(value * 10) / 10);
    case Unit::kBytes:
      return BytesText(value);
    case Unit::kPerSecond:
      return fmt::format("{:g} a second", std::round(value * 10) / 10);
    case Unit::kTimes:
      return fmt::format("{:g} times", std::round(value * 10) / 10);
    case Unit::kCount:
      break;
  }
  return fmt::format("{:.0f}", value);
}

std::string_view ToString(AlertTarget::Kind kind) {
  return kTargetKinds[static_cast<size_t>(kind)];
}

std::optional<AlertTarget::Kind> ParseAlertTargetKind(std::string_view word) {
  for (size_t i = 0; i < std::size(kTargetKinds); ++i)
    if (kTargetKinds[i] == word) return static_cast<AlertTarget::Kind>(i);
  return std::nullopt;
}

std::string AlertTargetId(AlertTarget::Kind kind, std::string_view address, std::string_view authority) {
  // What is no URL is no secret, but may be longer than a lane's name.
  const std::string_view shown = IsCall(kind) ? authority : address;
  return fmt::format("{}:{}#{:08x}", ToString(kind), shown.substr(0, 200), static_cast<uint32_t>(Hash64(address)));
}

AnswerPattern ExpectationOf(AlertTarget::Kind kind) {
  AnswerPattern pattern{{2}, std::nullopt, {}};
  if (kind == AlertTarget::Kind::kWecom || kind == AlertTarget::Kind::kDingtalk) pattern.json = {{"/errcode", "0"}};
  if (kind == AlertTarget::Kind::kFeishu) pattern.json = {{"/code", "0"}};
  if (kind == AlertTarget::Kind::kSlack) {
    pattern.contains = "ok";
    pattern.whole = true;
  }
  return pattern;
}

bool AlertRule::operator==(const AlertRule& other) const {
  const auto same = [](const auto& a, const auto& b) { return *a == *b; };
  return name == other.name && when == other.when && threshold == other.threshold && for_ms == other.for_ms && repeat_ms == other.repeat_ms &&
         group_ms == other.group_ms && namespaces == other.namespaces && lanes == other.lanes && hosts == other.hosts && callers == other.callers &&
         labels == other.labels && std::equal(to.begin(), to.end(), other.to.begin(), other.to.end(), same);
}

bool PassesFilter(const std::vector<std::string>& patterns, std::string_view text) {
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const std::string& each) { return MatchesPattern(each, text); });
}

std::shared_ptr<const AlertTarget> FindTarget(const AlertSettings& settings, std::string_view id) {
  for (const AlertRule& rule : settings.rules)
    for (const auto& target : rule.to)
      if (target->id == id) return target;
  return nullptr;
}

bool IsAlertName(std::string_view text) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || IsDigit(c); };
  return !text.empty() && text.size() <= 63 && plain(text[0]) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return plain(c) || c == '-' || c == '_'; });
}

std::vector<LaneRule> AlertLaneRules() {
  std::vector<LaneRule> rules;
  const auto add = [&](AlertTarget::Kind kind, double rate_per_s) {
    LaneRule rule;
    rule.match = std::string(ToString(kind)) + ":*";
    rule.settings.rate_per_s = rate_per_s;
    rule.settings.burst = 1;
    rules.push_back(std::move(rule));
  };
  // 20 a minute: one in 3.2 s, so that the first of a minute and its clock's drift count, too.
  constexpr double kTwentyAMinute = 1000.0 / 3200;
  add(AlertTarget::Kind::kWecom, kTwentyAMinute);
  add(AlertTarget::Kind::kDingtalk, kTwentyAMinute);
  add(AlertTarget::Kind::kFeishu, 1);
  add(AlertTarget::Kind::kSlack, 1);
  add(AlertTarget::Kind::kMail, 1);
  return rules;
}

}  // namespace notifyd
