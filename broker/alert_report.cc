#include "broker/alert_report.h"

#include <algorithm>
#include <cstddef>

#include "base/bytes.h"
#include "broker/alert_records.h"

namespace notifyd {
namespace {

/// Of a reading beside its texts, and of a name in a list.
constexpr size_t kReadingBytes = 100, kNameBytes = 8;

size_t SizeOf(const AlertReading& reading) {
  const AlertCause& cause = reading.cause;
  return kReadingBytes + cause.space.size() + cause.lane.size() + cause.host.size() + cause.caller.size() + cause.object.size() +
         reading.detail.size();
}

/// Takes from `left` what it costs; false: there is not so much.
bool Pay(size_t cost, size_t* left) {
  if (cost > *left) return false;
  *left -= cost;
  return true;
}

AlertReading Without(AlertReading reading) {
  reading.cause.member.clear();
  return reading;
}

}  // namespace

uint64_t PrintOf(const AlertRule& rule) {
  std::string bytes;
  Encoder e(&bytes);
  e.Text(KindOf(rule.when).word);
  e.Double(rule.threshold);
  for (const std::vector<std::string>* filter : {&rule.namespaces, &rule.lanes, &rule.hosts, &rule.callers}) {
    e.Varint(filter->size());
    for (const std::string& pattern : *filter) e.Text(pattern);
  }
  for (const auto& [key, value] : rule.labels) {
    e.Text(key);
    e.Text(value);
  }
  return Hash64(bytes);
}

const AlertRuleReport* FindRule(const AlertReport& report, const AlertRule& rule) {
  for (const AlertRuleReport& each : report.rules)
    if (each.rule == rule.name) return each.print == PrintOf(rule) ? &each : nullptr;
  return nullptr;
}

bool Covers(const AlertReport& report, const AlertSettings& settings) {
  return std::all_of(settings.rules.begin(), settings.rules.end(), [&](const AlertRule& rule) { return FindRule(report, rule) != nullptr; });
}

std::optional<int64_t> AgeOf(const AlertReport& report, NamespaceNumber number) {
  const auto found =
      std::lower_bound(report.spaces.begin(), report.spaces.end(), number, [](const auto& each, NamespaceNumber of) { return each.first < of; });
  if (found == report.spaces.end() || found->first != number) return std::nullopt;
  return found->second;
}

AlertReport ReportOf(const AlertFigures& figures, WallTime now) {
  AlertReport report;
  report.member = figures.member;
  for (const AlertSpace& space : figures.spaces)
    if (!space.member) report.spaces.emplace_back(space.number, std::max<int64_t>(0, now.ms - space.since.ms));
  std::sort(report.spaces.begin(), report.spaces.end());
  size_t left = kMostReportBytes;
  std::vector<OwnReadings> all;
  for (const AlertRule& rule : figures.settings->rules) {
    OwnReadings own = OwnReadingsOf(rule, figures, now);
    AlertRuleReport& out = report.rules.emplace_back();
    out.rule = rule.name;
    out.print = PrintOf(rule);
    out.known = own.others;
    for (const AlertReading& reading : own.known) {
      if (!reading.over) continue;
      if (out.readings.size() < kMostAlertCauses && Pay(SizeOf(reading), &left)) out.readings.push_back(Without(reading));
      else ++out.unkept;
    }
    all.push_back(std::move(own));
  }
  for (size_t i = 0; i < all.size(); ++i) {
    AlertRuleReport& out = report.rules[i];
    const OwnReadings& own = all[i];
    const int64_t memory_ms = MemoryOf(figures.settings->rules[i].when);
    // Of what is counted that follows from how long its namespace has been here.
    for (const std::string& name : own.unknown) {
      if (memory_ms > 0 || !out.known) break;
      if (Pay(kNameBytes + name.size(), &left)) out.unknown.push_back(name);
      else out.known = false;
    }
    // That one does not fire is known of most without saying it.
    const auto implied = [&](const AlertReading& reading) {
      return own.others && !std::binary_search(own.unknown.begin(), own.unknown.end(), reading.cause.space);
    };
    for (const AlertReading& reading : own.known)
      if (!reading.over && !implied(reading) && Pay(SizeOf(reading), &left)) out.readings.push_back(Without(reading));
  }
  return report;
}

}  // namespace notifyd
