// Alerts over several brokers: what each says of its own figures, and what whoever judges makes of that.
#include "broker/alert_report.h"

#include <catch2/catch.hpp>
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "broker/alert_records.h"

using namespace notifyd;

namespace {

constexpr WallTime kNow{1'000'000'000};

AlertRule ReportRule(AlertWhen when, double threshold = 100) {
  AlertRule rule;
  rule.name = std::string(KindOf(when).word);
  rule.when = when;
  rule.threshold = threshold;
  return rule;
}

AlertSpace Space(const std::string& name, NamespaceNumber number, std::optional<std::string> member = std::nullopt,
                 int64_t age_ms = 2 * kFailingMemoryMs) {
  AlertSpace space{.name = name};
  space.number = number;
  space.member = std::move(member);
  space.since = {kNow.ms - age_ms};
  return space;
}

AlertFigures FiguresOf(const std::string& member, const AlertRule& rule, std::vector<AlertSpace> spaces) {
  AlertSettings settings;
  settings.rules = {rule};
  AlertFigures figures;
  figures.settings = std::make_shared<const AlertSettings>(std::move(settings));
  figures.member = member;
  figures.spaces = std::move(spaces);
  return figures;
}

/// Two members: "a" judges; "other" is of "b", as that one sees it, "mine" of "a".
struct Two {
  explicit Two(const AlertRule& of, int64_t age_ms = 2 * kFailingMemoryMs) : rule(of) {
    a = FiguresOf("a", rule, {Space("mine", 1), Space("other", 2, "b")});
    b = FiguresOf("b", rule, {Space("mine", 1, "a"), Space("other", 2, std::nullopt, age_ms)});
  }
  AlertSpace& mine() { return a.spaces[0]; }
  AlertSpace& other() { return b.spaces[1]; }
  /// With what b says.
  AlertReadings Read() {
    a.members = {{"b", std::make_shared<const AlertReport>(ReportOf(b, kNow))}};
    return ReadingsOf(rule, a, kNow);
  }
  AlertReadings ReadSilent() {
    a.members = {{"b", nullptr}};
    return ReadingsOf(rule, a, kNow);
  }
  AlertRule rule;
  AlertFigures a, b;
};

std::vector<AlertCause> Firing(const AlertReadings& readings) {
  std::vector<AlertCause> causes;
  for (const AlertReading& reading : readings.known)
    if (reading.over) causes.push_back(reading.cause);
  std::sort(causes.begin(), causes.end());
  return causes;
}

}  // namespace

TEST_CASE("alert report: what another member serves fires by its figures, and is over once it says so") {
  Two two(ReportRule(AlertWhen::kPending));
  two.mine().pending = 1;
  two.other().pending = 101;
  const AlertCause cause{.space = "other"};
  CHECK(Firing(two.Read()) == std::vector{cause});
  two.other().pending = 1;
  const AlertReadings over = two.Read();
  CHECK(Firing(over).empty());
  CHECK(over.is_known(cause));
  // That one does not know it itself.
  two.other().pending.reset();
  CHECK_FALSE(two.Read().is_known(cause));
  CHECK(two.Read().is_known({.space = "mine"}));
}

TEST_CASE(
    "alert report: of a member that says nothing nothing is known; of one that is gone its process is over, and nothing of what nobody serves") {
  Two two(ReportRule(AlertWhen::kPending));
  two.mine().pending = 1;
  CHECK_FALSE(two.ReadSilent().is_known({.space = "other"}));
  two.a.members.clear();
  CHECK_FALSE(ReadingsOf(two.rule, two.a, kNow).is_known({.space = "other"}));
  two.a.spaces[1].member = "";
  CHECK_FALSE(ReadingsOf(two.rule, two.a, kNow).is_known({.space = "other"}));
  two.a.spaces.pop_back();
  CHECK(ReadingsOf(two.rule, two.a, kNow).is_known({.space = "other"}));

  Two memory(ReportRule(AlertWhen::kMemory));
  memory.a.memory_bytes = 101;
  memory.b.memory_bytes = 102;
  CHECK(Firing(memory.Read()) == std::vector{AlertCause{.member = "a"}, AlertCause{.member = "b"}});
  CHECK_FALSE(memory.ReadSilent().is_known({.member = "b"}));
  memory.a.members.clear();
  CHECK(ReadingsOf(memory.rule, memory.a, kNow).is_known({.member = "b"}));
  // As it stood before the broker was one of several.
  CHECK(ReadingsOf(memory.rule, memory.a, kNow).is_known({}));
}

TEST_CASE("alert report: what a member says of a namespace counts only where it serves it by both its own and the judge's word") {
  Two two(ReportRule(AlertWhen::kPending));
  two.other().pending = 101;
  two.a.spaces[1].member = "c";
  CHECK(Firing(two.Read()).empty());
  CHECK_FALSE(two.Read().is_known({.space = "other"}));
  two.a.spaces[1].member = "b";
  two.other().member = "c";
  CHECK(Firing(two.Read()).empty());
  CHECK_FALSE(two.Read().is_known({.space = "other"}));
}

TEST_CASE("alert report: a member whose file says something else of an alert says nothing of it") {
  Two two(ReportRule(AlertWhen::kPending));
  two.other().pending = 101;
  two.rule.threshold = 50;
  CHECK(Firing(two.Read()).empty());
  CHECK_FALSE(two.Read().is_known({.space = "other"}));
  AlertSettings settings = *two.b.settings;
  CHECK(Covers(ReportOf(two.b, kNow), settings));
  // When and whom it tells is no matter of what it finds.
  settings.rules[0].for_ms = settings.rules[0].repeat_ms = 7;
  CHECK(Covers(ReportOf(two.b, kNow), settings));
  settings.rules[0].lanes = {"x"};
  CHECK_FALSE(Covers(ReportOf(two.b, kNow), settings));
}

TEST_CASE("alert report: a host that failed before its namespace moved goes on failing until an attempt at the new member says something else") {
  const AlertCause cause{.space = "other", .host = "h:1"};
  const auto attempts = [](uint64_t in_a_row) {
    AlertAttempts host;
    host.space = "other";
    host.host = "h:1";
    host.failed_in_a_row = in_a_row;
    return host;
  };
  for (const int64_t age_ms : {int64_t{60'000}, 2 * kFailingMemoryMs}) {
    Two two(ReportRule(AlertWhen::kFailing, 3), age_ms);
    two.b.attempts.push_back({.rule = two.rule.name});
    CHECK(two.Read().is_known(cause) == (age_ms > kFailingMemoryMs));
    two.b.attempts[0].hosts = {attempts(3)};
    CHECK(Firing(two.Read()) == std::vector{cause});
    // One that succeeded is said, unless it need not be.
    two.b.attempts[0].hosts = {attempts(0)};
    const AlertReadings read = two.Read();
    CHECK(Firing(read).empty());
    CHECK((read.is_known(cause) || read.known.size() == 1));
  }
  // What a member still has of a namespace that is another one's by now counts for nothing.
  Two two(ReportRule(AlertWhen::kFailing, 3));
  two.a.attempts.push_back({.rule = two.rule.name, .hosts = {attempts(7)}});
  CHECK(Firing(two.Read()).empty());
}

TEST_CASE("alert report: it is bounded, whatever there is: what fires goes first, and what has no room is counted") {
  Two two(ReportRule(AlertWhen::kLanePaused, 1));
  two.other().lanes.emplace();
  for (size_t i = 0; i < 50'000; ++i) two.other().lanes->push_back({std::string(200, 'l') + std::to_string(i), 0, {}, "by hand"});
  const AlertReport report = ReportOf(two.b, kNow);
  CHECK(report.rules[0].readings.size() == kMostAlertCauses);
  CHECK(report.rules[0].unkept == 50'000 - kMostAlertCauses);
  const AlertReadings read = two.Read();
  CHECK(read.unkept == 50'000 - kMostAlertCauses);
  AlertState state;
  JudgeAlert(two.rule, read, kNow, &state);
  CHECK(state.causes.size() == kMostAlertCauses);
  CHECK(state.unkept == 50'000 - kMostAlertCauses);
  // Texts that are too long together, over several rules.
  AlertSettings settings;
  for (int i = 0; i < 9; ++i) {
    settings.rules.push_back(two.rule);
    settings.rules.back().name = "r" + std::to_string(i);
  }
  two.b.settings = std::make_shared<const AlertSettings>(std::move(settings));
  size_t bytes = 0;
  for (const AlertRuleReport& rule : ReportOf(two.b, kNow).rules) {
    for (const AlertReading& reading : rule.readings) bytes += reading.cause.lane.size();
    CHECK(rule.readings.size() + rule.unkept == 50'000);
  }
  CHECK(bytes < kMostReportBytes);
}

TEST_CASE("alert report: the state of an alert keeps whose process it is about, where a version that knows no members finds a name") {
  AlertState state;
  state.when = AlertWhen::kMemory;
  state.causes[{.member = "b"}] = {kNow, true, true, false, 1.5, ""};
  state.causes[{.space = "s", .object = "nightly"}] = {kNow, true, true, false, 1.5, ""};
  const std::string bytes = EncodeAlertState(state);
  const AlertState read = *DecodeAlertState(bytes);
  CHECK(read.causes.contains({.member = "b"}));
  CHECK(read.causes.contains({.space = "s", .object = "nightly"}));
  CHECK(EncodeAlertState(read) == bytes);
}
