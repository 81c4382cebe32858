// What one member of a cluster says to another directly: its lease, and what it found of its own figures for alerts. Any text is refused, or reads as
// what says the same again; and whoever judges alerts by such a report comes to an end with it, whatever it says.
// Input: a byte that says which of them, then the text.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "broker/alert_readings.h"
#include "broker/alert_report.h"
#include "net/cluster/member_word.h"
#include "net/cluster/report_word.h"

using namespace notifyd;

namespace {

constexpr WallTime kNow{1'800'000'000'000};

/// The figures of one that judges: two namespaces are its own, three are another's, one is nobody's, and each kind of alert has a rule.
AlertFigures Figures() {
  AlertFigures figures;
  auto settings = std::make_shared<AlertSettings>();
  for (const AlertKind& kind : AlertKinds()) {
    AlertRule& rule = settings->rules.emplace_back();
    rule.name = kind.word;
    rule.when = kind.when;
    rule.threshold = kind.threshold.value_or(3);
  }
  figures.settings = settings;
  figures.member = "a";
  for (const char* name : {"alpha", "beta", "default", "gamma", "nobodys", "system"}) {
    AlertSpace& space = figures.spaces.emplace_back();
    space.name = name;
    space.number = static_cast<NamespaceNumber>(figures.spaces.size());
    space.since = {kNow.ms - 60'000};
    if (space.name == "nobodys") space.member = "";
    else if (space.number % 2 == 0) space.member = "b";
  }
  return figures;
}

/// A print as the report says it is one of no rule: each of them is taken for that of the rule of its name.
AlertReport AsOfTheseRules(AlertReport report, const AlertSettings& settings) {
  for (AlertRuleReport& said : report.rules)
    for (const AlertRule& rule : settings.rules)
      if (rule.name == said.rule) said.print = PrintOf(rule);
  return report;
}

void Judge(const AlertReport& report) {
  static const AlertFigures of_itself = Figures();
  AlertFigures figures = of_itself;
  figures.members.push_back({"b", std::make_shared<const AlertReport>(AsOfTheseRules(report, *figures.settings))});
  for (const AlertRule& rule : figures.settings->rules) {
    const AlertReadings readings = ReadingsOf(rule, figures, kNow);
    for (const AlertReading& reading : readings.known) {
      CHECK(reading.over == IsOver(rule, reading.value));
      CHECK(IsOfProcess(rule.when) ? reading.cause.member == "b" : reading.cause.member.empty());
      (void)readings.is_known(reading.cause);
    }
    for (const char* space : {"alpha", "beta", "nobodys", "elsewhere"}) (void)readings.is_known({.space = space});
  }
}

void ReadReport(std::string_view text) {
  MeantMember to, to_again;
  const std::optional<AlertReport> report = DecodeAlertReport(text, &to);
  if (!report) return;
  CHECK(!report->member.empty());
  for (const auto& [number, age_ms] : report->spaces) CHECK(AgeOf(*report, number));
  const std::string said = EncodeAlertReport(*report, to);
  const std::optional<AlertReport> again = DecodeAlertReport(said, &to_again);
  CHECK(again);
  CHECK(again->spaces == report->spaces);
  CHECK(to_again == to);
  CHECK(EncodeAlertReport(*again, to) == said);
  Judge(*report);
}

void ReadWord(std::string_view text) {
  MeantMember to, to_again;
  const std::optional<MemberWord> word = DecodeMemberWord(text, &to);
  if (!word) return;
  CHECK(!word->from.empty());
  CHECK(DecodeMemberWord(EncodeMemberWord(*word, to), &to_again) == word);
  CHECK(to_again == to);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  (data[0] & 1) != 0 ? ReadReport(text) : ReadWord(text);
  return 0;
}
