#include "broker/alert_meter.h"

#include <algorithm>
#include <charconv>

#include "broker/alert_readings.h"

namespace notifyd {
namespace {

constexpr size_t kMostHappened = 2'000;

bool IsOfAttempts(AlertWhen when) {
  return when == AlertWhen::kFailing || when == AlertWhen::kFailedRate || when == AlertWhen::kSlow;
}

/// Do the rules take the same attempts, and remember them for as long?
bool CountsTheSame(const AlertRule& a, const AlertRule& b) {
  return (a.when == AlertWhen::kFailing) == (b.when == AlertWhen::kFailing) && a.namespaces == b.namespaces && a.lanes == b.lanes &&
         a.hosts == b.hosts && a.callers == b.callers && a.labels == b.labels;
}

bool IsTaken(const AlertRule& rule, const std::string& space, const Envelope& envelope) {
  return PassesFilter(rule.namespaces, space) && PassesFilter(rule.hosts, envelope.host) && PassesFilter(rule.lanes, envelope.lane.name) &&
         PassesFilter(rule.callers, envelope.caller) && HasLabels(envelope, rule.labels);
}

std::string_view FieldOf(const FlowLog& log, std::string_view name) {
  for (const auto& [key, text] : log.fields)
    if (key == name) return text;
  return {};
}

template <class Number>
void TakeNumber(std::string_view text, Number* out) {
  std::from_chars(text.data(), text.data() + text.size(), *out);
}

}  // namespace

void AlertMeter::SetSettings(std::shared_ptr<const AlertSettings> settings, WallTime now) {
  const std::map<std::string, Counts> before = std::exchange(counts_, {});
  settings_ = std::move(settings);
  for (const AlertRule& rule : settings_->rules) {
    if (!IsOfAttempts(rule.when)) continue;
    Counts counts{rule, now, {}};
    // What was counted does not depend on thresholds, names and targets: whoever lowers a threshold at night hears of what fails already.
    for (const auto& [name, old] : before) {
      if (!CountsTheSame(old.rule, rule) || old.since > counts.since) continue;
      counts.since = old.since;
      counts.hosts = old.hosts;
    }
    counts_[rule.name] = std::move(counts);
  }
}

void AlertMeter::Take(const std::string& space, const AttemptLog& log, WallTime now) {
  if (!log.attempt || !log.envelope) return;
  for (auto& [name, counts] : counts_) {
    if (!IsTaken(counts.rule, space, *log.envelope)) continue;
    HostKey key{space, log.envelope->host};
    auto found = counts.hosts.find(key);
    if (found == counts.hosts.end()) {
      if (counts.hosts.size() >= kMostHosts) continue;
      found = counts.hosts.try_emplace(std::move(key)).first;
    }
    Host& host = found->second;
    const int64_t number = now.ms / kMinuteMs;
    Minute& minute = host.minutes[static_cast<size_t>(number) % kMinutes];
    if (minute.number != number) minute = {.number = number, .durations = {}};
    const bool failed = !log.error.empty();
    ++minute.attempts;
    minute.failed += failed;
    minute.durations.Add(log.duration_ms);
    host.failed_in_a_row = failed ? host.failed_in_a_row + 1 : 0;
    host.succeeded = host.succeeded || !failed;
    if (failed) host.last_error = log.error == "unexpected_answer" ? "status " + std::to_string(log.status) : log.error;
    host.last_at = now;
  }
}

void AlertMeter::Take(const std::string& space, const FlowLog& log, WallTime now, WallTime space_since) {
  const bool before = log.event == kMissedBefore, missed = before || log.event == "run missed";
  if (!missed && log.event != "subscription skipped" && log.event != kSkippedOn) return;
  const std::string object(FieldOf(log, missed ? "schedule" : "subscription"));
  uint64_t count = 1;
  int64_t at_ms = now.ms;
  TakeNumber(FieldOf(log, "count"), &count);
  if (before) TakeNumber(FieldOf(log, "at"), &at_ms);
  // A core that slept meanwhile says what was told here as it happened.
  if (before && at_ms >= std::max(since_, space_since).ms) return;
  const std::tuple key(missed ? AlertWhen::kScheduleMissed : AlertWhen::kSkipped, space, object);
  if (!happened_.contains(key) && happened_.size() >= kMostHappened) return;
  Happened& happened = happened_[key];
  if (before && std::exchange(happened.knows_before, true)) return;
  const int64_t number = std::min(at_ms, now.ms) / kMinuteMs, size = static_cast<int64_t>(happened.counts.size());
  if (before && number <= happened.newest - size) return;
  for (int64_t i = std::max(happened.newest + 1, number - size + 1); i <= number; ++i) happened.counts[static_cast<size_t>(i % size)] = 0;
  happened.newest = std::max(happened.newest, number);
  happened.counts[static_cast<size_t>(number % size)] += count;
  happened.detail = FieldOf(log, missed ? "reason" : "event_id");
}

void AlertMeter::Forget(const std::set<std::string>& spaces) {
  for (auto& [name, counts] : counts_) std::erase_if(counts.hosts, [&](const auto& each) { return spaces.contains(each.first.first); });
  std::erase_if(happened_, [&](const auto& each) { return spaces.contains(std::get<1>(each.first)); });
}

void AlertMeter::AddTo(AlertFigures* figures, WallTime now) {
  const int64_t number = now.ms / kMinuteMs;
  figures->happenings_since = since_;
  for (auto& [name, counts] : counts_) {
    // One that was not tried for long says nothing any more; but that the last attempts failed stays true, and is not over before one succeeds or
    // nobody has tried for a day, unless the place is needed.
    const bool full = counts.hosts.size() >= kMostHosts;
    const bool kept_while_failing = counts.rule.when == AlertWhen::kFailing && !full;
    std::erase_if(counts.hosts, [&](const auto& each) {
      const bool failing = kept_while_failing && each.second.failed_in_a_row > 0;
      return now.ms - each.second.last_at.ms > (failing ? kFailingMemoryMs : kAlertMemoryMs);
    });
    AlertRuleAttempts& attempts = figures->attempts.emplace_back(AlertRuleAttempts{.rule = name, .since = counts.since});
    attempts.hosts.reserve(counts.hosts.size());
    for (const auto& [key, host] : counts.hosts) {
      AlertAttempts out;
      std::tie(out.space, out.host) = key;
      DurationCounts durations;
      for (const Minute& minute : host.minutes) {
        if (number - minute.number >= static_cast<int64_t>(kMinutes) || minute.number > number) continue;
        out.attempts += minute.attempts;
        out.failed += minute.failed;
        durations += minute.durations;
      }
      out.p99_ms = durations.AtPerMille(990);
      out.failed_in_a_row = host.failed_in_a_row;
      out.succeeded = host.succeeded;
      out.last_error = host.last_error;
      attempts.hosts.push_back(std::move(out));
    }
  }
  for (auto each = happened_.begin(); each != happened_.end();) {
    const auto& [when, space, object] = each->first;
    const Happened& happened = each->second;
    uint64_t count = 0;
    const int64_t size = static_cast<int64_t>(happened.counts.size());
    for (int64_t i = std::max(number - size + 1, happened.newest - size + 1); i <= happened.newest; ++i)
      count += happened.counts[static_cast<size_t>(i % size)];
    if (count == 0) {
      each = happened_.erase(each);
      continue;
    }
    figures->happenings.push_back({when, space, object, happened.detail, count});
    ++each;
  }
}

}  // namespace notifyd
