#include "broker/alert_readings.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace notifyd {
namespace {

std::string CountText(uint64_t count, std::string_view of) {
  return std::to_string(count) + " " + std::string(of);
}

/// Gathers the readings of one rule.
class Reader {
 public:
  Reader(const AlertRule& rule, const AlertFigures& figures, WallTime now) : rule_(rule), figures_(figures), now_(now) {}

  AlertReadings Read() {
    switch (rule_.when) {
      case AlertWhen::kDiskFree:
        return OfProcess(figures_.disk_free_bytes);
      case AlertWhen::kMemory:
        return OfProcess(figures_.memory_bytes);
      case AlertWhen::kCpu:
        return OfProcess(figures_.cpu_percent);
      case AlertWhen::kCommitP99:
        return OfProcess(figures_.commit_p99_ms);
      case AlertWhen::kBackupAge:
        return OfProcess(figures_.backup_age_ms);
      case AlertWhen::kNoStandby:
        return OfProcess(figures_.no_standby);
      case AlertWhen::kFailing:
      case AlertWhen::kFailedRate:
      case AlertWhen::kSlow:
        return OfAttempts();
      case AlertWhen::kScheduleMissed:
      case AlertWhen::kSkipped:
        return OfHappenings();
      default:
        return OfSpaces();
    }
  }

 private:
  void Add(AlertCause cause, double value, std::string detail = {}) {
    const bool over = IsOver(rule_, value);
    out_.known.push_back({std::move(cause), value, std::move(detail), over});
  }
  AlertReadings Done(std::function<bool(const AlertCause&)> is_known) {
    out_.is_known = std::move(is_known);
    return std::move(out_);
  }
  AlertReadings OfProcess(std::optional<double> value) {
    if (value) Add({}, *value);
    return Done([known = value.has_value()](const AlertCause&) { return known; });
  }

  AlertReadings OfAttempts() {
    const int64_t memory = rule_.when == AlertWhen::kFailing ? kFailingMemoryMs : kAlertMemoryMs;
    bool known = false;
    for (const AlertRuleAttempts& attempts : figures_.attempts) {
      if (attempts.rule != rule_.name) continue;
      for (const AlertAttempts& host : attempts.hosts) AddAttempts(host);
      known = now_.ms - attempts.since.ms >= memory;
    }
    return Done([known, this_rule = &rule_](const AlertCause& cause) { return known || !IsAbout(*this_rule, cause); });
  }
  /// What the rule is not about any more, since the file says so, is over.
  static bool IsAbout(const AlertRule& rule, const AlertCause& cause) {
    return PassesFilter(rule.namespaces, cause.space) && PassesFilter(rule.hosts, cause.host);
  }
  void AddAttempts(const AlertAttempts& host) {
    AlertCause cause{.space = host.space, .host = host.host};
    switch (rule_.when) {
      case AlertWhen::kFailing:
        return Add(std::move(cause), static_cast<double>(host.failed_in_a_row), host.last_error);
      case AlertWhen::kFailedRate:
        return Add(std::move(cause),
                   host.attempts < kAlertLeastAttempts ? 0 : 100.0 * static_cast<double>(host.failed) / static_cast<double>(host.attempts),
                   CountText(host.failed, "of " + CountText(host.attempts, "attempts")));
      default:
        return Add(std::move(cause), static_cast<double>(host.p99_ms.value_or(0)), CountText(host.attempts, "attempts"));
    }
  }

  AlertReadings OfHappenings() {
    for (const AlertHappening& each : figures_.happenings)
      if (each.when == rule_.when && PassesFilter(rule_.namespaces, each.space))
        Add({.space = each.space, .object = each.object}, static_cast<double>(each.count), each.detail);
    const bool known = now_.ms - figures_.happenings_since.ms >= kAlertMemoryMs;
    return Done([known, this_rule = &rule_](const AlertCause& cause) { return known || !IsAbout(*this_rule, cause); });
  }

  AlertReadings OfSpaces() {
    std::vector<std::string> unknown;
    for (const AlertSpace& space : figures_.spaces)
      if (PassesFilter(rule_.namespaces, space.name) && !AddSpace(space)) unknown.push_back(space.name);
    return Done(
        [unknown = std::move(unknown)](const AlertCause& cause) { return std::find(unknown.begin(), unknown.end(), cause.space) == unknown.end(); });
  }

  /// Returns whether what it says of the space is known.
  bool AddSpace(const AlertSpace& space) {
    const AlertCause cause{.space = space.name};
    switch (rule_.when) {
      case AlertWhen::kQuota:
        return AddOne(cause, space.quota_percent, space.quota);
      case AlertWhen::kLatenessP99:
        return AddOne(cause, space.lateness_p99_ms);
      case AlertWhen::kPending:
        return rule_.lanes.empty() ? AddOne(cause, space.pending) : AddLanes(space);
      case AlertWhen::kOldestDueAge:
        return rule_.lanes.empty() ? AddOne(cause, space.oldest_due_age_ms) : AddLanes(space);
      case AlertWhen::kLanePaused:
        return AddLanes(space);
      case AlertWhen::kBreakerOpen:
        return AddBreakers(space);
      default:
        return rule_.hosts.empty() ? AddRates(space, space.callers, rule_.callers, &AlertCause::caller)
                                   : AddRates(space, space.host_rates, rule_.hosts, &AlertCause::host);
    }
  }
  template <class T>
  bool AddOne(const AlertCause& cause, const std::optional<T>& value, const std::string& detail = {}) {
    if (value) Add(cause, static_cast<double>(*value), detail);
    return value.has_value();
  }
  bool AddLanes(const AlertSpace& space) {
    if (!space.lanes) return false;
    for (const AlertLane& lane : *space.lanes) {
      if (!PassesFilter(rule_.lanes, lane.lane)) continue;
      AlertCause cause{.space = space.name, .lane = lane.lane};
      if (rule_.when == AlertWhen::kLanePaused) Add(std::move(cause), lane.paused.empty() ? 0 : 1, lane.paused);
      else if (rule_.when == AlertWhen::kPending) Add(std::move(cause), static_cast<double>(lane.pending));
      else Add(std::move(cause), static_cast<double>(lane.oldest_due_age_ms.value_or(0)));
    }
    return true;
  }
  bool AddBreakers(const AlertSpace& space) {
    if (!space.hosts) return false;
    for (const AlertHost& host : *space.hosts)
      if (PassesFilter(rule_.hosts, host.host)) Add({.space = space.name, .host = host.host}, host.open ? 1 : 0, host.detail);
    return true;
  }
  bool AddRates(const AlertSpace& space, const std::optional<std::vector<AlertRate>>& rates, const std::vector<std::string>& filter,
                std::string AlertCause::*part) {
    if (!rates) return false;
    for (const AlertRate& rate : *rates) {
      if (!PassesFilter(filter, rate.name)) continue;
      AlertCause cause{.space = space.name};
      cause.*part = rate.name;
      Add(std::move(cause), rule_.when == AlertWhen::kRate ? rate.per_s : rate.ratio.value_or(0));
    }
    return true;
  }

  const AlertRule& rule_;
  const AlertFigures& figures_;
  const WallTime now_;
  AlertReadings out_;
};

}  // namespace

bool IsOver(const AlertRule& rule, double value) {
  switch (KindOf(rule.when).fires) {
    case AlertKind::Fires::kAbove:
      return value > rule.threshold;
    case AlertKind::Fires::kFrom:
      return value >= rule.threshold;
    case AlertKind::Fires::kBelow:
      break;
  }
  return value < rule.threshold;
}

AlertReadings ReadingsOf(const AlertRule& rule, const AlertFigures& figures, WallTime now) {
  return Reader(rule, figures, now).Read();
}

}  // namespace notifyd
