#include "broker/alert_readings.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "broker/alert_report.h"

namespace notifyd {
namespace {

std::string CountText(uint64_t count, std::string_view of) {
  return std::to_string(count) + " " + std::string(of);
}

/// What the rule is not about any more, since the file says so, is over.
bool IsAbout(const AlertRule& rule, const AlertCause& cause) {
  return PassesFilter(rule.namespaces, cause.space) && PassesFilter(rule.hosts, cause.host);
}

/// Null: there is none.
const AlertSpace* FindSpace(const AlertFigures& figures, const std::string& name) {
  const auto found = std::lower_bound(figures.spaces.begin(), figures.spaces.end(), name,
                                      [](const AlertSpace& space, const std::string& of) { return space.name < of; });
  return found == figures.spaces.end() || found->name != name ? nullptr : &*found;
}

/// Gathers the readings of one rule.
class Reader {
 public:
  Reader(const AlertRule& rule, const AlertFigures& figures, WallTime now) : rule_(rule), figures_(figures), now_(now) {}

  OwnReadings Read() {
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
  /// What was counted for less than a figure looks back may be too small. `sure`: it is not, all the same.
  void AddCounted(AlertCause cause, double value, std::string detail, bool sure) {
    if (sure || IsOver(rule_, value)) Add(std::move(cause), value, std::move(detail));
  }
  /// `since`: it has been counted from then on, at the earliest.
  bool IsWhole(WallTime since) const {
    const int64_t span_ms = SpanOf(rule_.when);
    return span_ms == 0 || now_.ms - std::max(since, figures_.happenings_since).ms >= span_ms;
  }
  OwnReadings OfProcess(std::optional<double> value) {
    out_.others = value && (IsWhole({}) || IsOver(rule_, *value));
    if (out_.others) Add({.member = figures_.member}, *value);
    return std::move(out_);
  }

  OwnReadings OfAttempts() {
    for (const AlertRuleAttempts& attempts : figures_.attempts) {
      if (attempts.rule != rule_.name) continue;
      for (const AlertAttempts& host : attempts.hosts)
        if (IsHere(host.space)) AddAttempts(host, IsWhole(std::max(attempts.since, SinceOf(host.space))));
      out_.others = now_.ms - attempts.since.ms >= MemoryOf(rule_.when);
    }
    return DoneCounting();
  }
  /// Of a namespace that came a moment ago nothing is known but what was counted since.
  OwnReadings DoneCounting() {
    for (const AlertSpace& space : figures_.spaces)
      if (!space.member && space.since.ms > 0 && now_.ms - space.since.ms < MemoryOf(rule_.when)) out_.unknown.push_back(space.name);
    return std::move(out_);
  }
  /// What another member serves by now is that one's to say.
  bool IsHere(const std::string& space) const {
    if (figures_.member.empty()) return true;
    const AlertSpace* row = FindSpace(figures_, space);
    return row && !row->member;
  }
  /// Of one of several brokers.
  WallTime SinceOf(const std::string& space) const {
    const AlertSpace* row = figures_.member.empty() ? nullptr : FindSpace(figures_, space);
    return row ? row->since : WallTime{};
  }
  void AddAttempts(const AlertAttempts& host, bool whole) {
    AlertCause cause{.space = host.space, .host = host.host};
    const bool enough = host.attempts >= kAlertLeastAttempts;
    switch (rule_.when) {
      case AlertWhen::kFailing:
        return AddCounted(std::move(cause), static_cast<double>(host.failed_in_a_row), host.last_error,
                          whole || host.succeeded || host.failed_in_a_row == 0);
      case AlertWhen::kFailedRate:
        return AddCounted(std::move(cause), enough ? 100.0 * static_cast<double>(host.failed) / static_cast<double>(host.attempts) : 0,
                          CountText(host.failed, "of " + CountText(host.attempts, "attempts")), whole || enough);
      default:
        return AddCounted(std::move(cause), static_cast<double>(host.p99_ms.value_or(0)), CountText(host.attempts, "attempts"), whole || enough);
    }
  }

  OwnReadings OfHappenings() {
    for (const AlertHappening& each : figures_.happenings)
      if (each.when == rule_.when && PassesFilter(rule_.namespaces, each.space) && IsHere(each.space))
        AddCounted({.space = each.space, .object = each.object}, static_cast<double>(each.count), each.detail, IsWhole(SinceOf(each.space)));
    out_.others = now_.ms - figures_.happenings_since.ms >= MemoryOf(rule_.when);
    return DoneCounting();
  }

  OwnReadings OfSpaces() {
    for (const AlertSpace& space : figures_.spaces)
      if (!space.member && PassesFilter(rule_.namespaces, space.name) && (!AddSpace(space) || !IsWhole(space.since)))
        out_.unknown.push_back(space.name);
    out_.others = true;
    std::sort(out_.unknown.begin(), out_.unknown.end());
    return std::move(out_);
  }

  /// Returns whether what it says of the space is known.
  bool AddSpace(const AlertSpace& space) {
    const AlertCause cause{.space = space.name};
    switch (rule_.when) {
      case AlertWhen::kQuota:
        return AddOne(cause, space.quota_percent, space.quota);
      case AlertWhen::kLatenessP99:
        return AddLateness(space);
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
  bool AddLateness(const AlertSpace& space) {
    if (space.lateness_p99_ms) AddCounted({.space = space.name}, static_cast<double>(*space.lateness_p99_ms), {}, IsWhole(space.since));
    return space.lateness_p99_ms.has_value();
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
    if (!rates || (rule_.when == AlertWhen::kRateRatio && !space.knows_day_before)) return false;
    for (const AlertRate& rate : *rates) {
      if (!PassesFilter(filter, rate.name)) continue;
      AlertCause cause{.space = space.name};
      cause.*part = rate.name;
      AddCounted(std::move(cause), rule_.when == AlertWhen::kRate ? rate.per_s : rate.ratio.value_or(0), {}, IsWhole(space.since));
    }
    return true;
  }

  const AlertRule& rule_;
  const AlertFigures& figures_;
  const WallTime now_;
  OwnReadings out_;
};

bool Contains(const std::vector<std::string>& sorted, const std::string& text) {
  return std::binary_search(sorted.begin(), sorted.end(), text);
}

/// Of which causes something is known, and what other members say.
class Merger {
 public:
  Merger(const AlertRule& rule, const AlertFigures& figures, OwnReadings own) : rule_(rule), figures_(figures), own_(std::move(own)) {}

  AlertReadings Merge() && {
    AlertReadings out;
    out.known = std::exchange(own_.known, {});
    for (const AlertMember& member : figures_.members) {
      const AlertRuleReport* said = SaidBy(member);
      if (!said) continue;
      out.unkept += said->unkept;
      for (const AlertReading& reading : said->readings) Add(member, reading, &out);
    }
    out.is_known = [merger = std::move(*this)](const AlertCause& cause) { return merger.IsKnown(cause); };
    return out;
  }

 private:
  const AlertRuleReport* SaidBy(const AlertMember& member) const { return member.report ? FindRule(*member.report, rule_) : nullptr; }

  void Add(const AlertMember& member, const AlertReading& said, AlertReadings* out) const {
    AlertReading reading = said;
    if (IsOfProcess(rule_.when)) {
      reading.cause = {.member = member.name};
    } else {
      reading.cause.member.clear();
      const AlertSpace* space = FindSpace(figures_, reading.cause.space);
      if (!space || space->member != member.name || !AgeOf(*member.report, space->number)) return;
    }
    reading.over = IsOver(rule_, reading.value);
    out->known.push_back(std::move(reading));
  }

  bool IsKnown(const AlertCause& cause) const {
    if (figures_.member.empty()) return IsKnownHere(cause);
    if (IsOfProcess(rule_.when)) {
      if (cause.member == figures_.member) return own_.others;
      const AlertMember* member = Find(cause.member);
      if (!member) return true;
      const AlertRuleReport* said = SaidBy(*member);
      return said && said->known;
    }
    if (!IsAbout(rule_, cause)) return true;
    const AlertSpace* space = FindSpace(figures_, cause.space);
    if (!space) return true;
    if (!space->member) return IsKnownHere(cause);
    const AlertMember* member = Find(*space->member);
    const AlertRuleReport* said = member ? SaidBy(*member) : nullptr;
    const std::optional<int64_t> age_ms = said ? AgeOf(*member->report, space->number) : std::nullopt;
    return age_ms && *age_ms >= MemoryOf(rule_.when) && said->known && !Contains(said->unknown, cause.space);
  }
  bool IsKnownHere(const AlertCause& cause) const {
    if (IsOfProcess(rule_.when)) return own_.others;
    return !IsAbout(rule_, cause) || (own_.others && !Contains(own_.unknown, cause.space));
  }
  const AlertMember* Find(const std::string& name) const {
    for (const AlertMember& member : figures_.members)
      if (member.name == name) return &member;
    return nullptr;
  }

  const AlertRule& rule_;
  const AlertFigures& figures_;
  OwnReadings own_;
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

int64_t MemoryOf(AlertWhen when) {
  switch (when) {
    case AlertWhen::kFailing:
      return kFailingMemoryMs;
    case AlertWhen::kFailedRate:
    case AlertWhen::kSlow:
    case AlertWhen::kScheduleMissed:
    case AlertWhen::kSkipped:
      return kAlertMemoryMs;
    default:
      return 0;
  }
}

int64_t SpanOf(AlertWhen when) {
  constexpr int64_t kMinuteMs = 60'000, kBreakerMemoryMs = 3'600'000;
  switch (when) {
    case AlertWhen::kFailedRate:
    case AlertWhen::kSlow:
      return 5 * kMinuteMs;
    case AlertWhen::kRate:
    case AlertWhen::kLatenessP99:
    case AlertWhen::kCommitP99:
      return kMinuteMs;
    case AlertWhen::kBreakerOpen:
      return kBreakerMemoryMs;  // so long one at which nothing happens is remembered (core_breakers.cc)
    default:
      return MemoryOf(when);
  }
}

bool IsOfProcess(AlertWhen when) {
  return KindOf(when).filters == 0;
}

OwnReadings OwnReadingsOf(const AlertRule& rule, const AlertFigures& figures, WallTime now) {
  return Reader(rule, figures, now).Read();
}

AlertReadings ReadingsOf(const AlertRule& rule, const AlertFigures& figures, WallTime now) {
  return Merger(rule, figures, OwnReadingsOf(rule, figures, now)).Merge();
}

}  // namespace notifyd
