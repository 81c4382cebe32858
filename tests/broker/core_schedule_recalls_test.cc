// What was missed shortly before a start is told alerts once more: the broker before may have ended right after it noted that.
#include <algorithm>
#include <catch2/catch.hpp>

#include "broker/alert_meter.h"
#include "broker/schedule_fixture.h"

using namespace notifyd;

namespace {

constexpr int64_t kRecallMinute = 60'000, kRecallHour = 60 * kRecallMinute;

Schedule Skipping(int64_t every_ms) {
  Schedule said = ScheduleFixture::Every(every_ms);
  said.missed = Missed::kSkip;
  return said;
}

std::string FieldOfLog(const FlowLog& log, const std::string& name) {
  for (const auto& [key, text] : log.fields)
    if (key == name) return text;
  return {};
}

}  // namespace

TEST_CASE_METHOD(ScheduleFixture, "schedule recalls: a start tells alerts what was missed in the ten minutes before it, and the log nothing again") {
  Put("a", Skipping(kRecallHour));
  Put("b", Every(kRecallHour));
  Put("c", Every(24 * kRecallHour));
  Stop(2 * kRecallHour + 30 * kRecallMinute);
  Pass(100);
  CHECK(Outcomes(Get("a")) == "missed(2,not_running)");
  CHECK(Outcomes(Get("b")) == "missed(1,not_running) made");
  CHECK(std::none_of(flow_logs.begin(), flow_logs.end(), [](const FlowLog& log) { return log.event == kMissedBefore; }));
  const std::string at = std::to_string(Get("a").runs[0].at.ms);
  for (int start = 0; start < 2; ++start) {
    flow_logs.clear();
    Stop(1'000);
    REQUIRE(flow_logs.size() == 2);
    for (const FlowLog& log : flow_logs) CHECK(log.event == kMissedBefore);
    CHECK(FieldOfLog(flow_logs[0], "schedule") == "a");
    CHECK(FieldOfLog(flow_logs[0], "count") == "2");
    CHECK(FieldOfLog(flow_logs[0], "at") == at);
    CHECK(FieldOfLog(flow_logs[0], "reason") == "not_running");
    CHECK(FieldOfLog(flow_logs[1], "schedule") == "b");
    CHECK(FieldOfLog(flow_logs[1], "count") == "1");
  }
  AlertMeter meter(now.wall);
  for (const FlowLog& log : flow_logs) meter.Take("default", log, now.wall);
  AlertFigures figures;
  meter.AddTo(&figures, now.wall);
  CHECK(figures.happenings.size() == 2);
  flow_logs.clear();
  Stop(10 * kRecallMinute);
  CHECK(flow_logs.empty());
}

TEST_CASE("schedule recalls: of as many schedules as there are") {
  ScheduleFixture f;
  f.check_every = 10'000;
  constexpr int kMany = 1'200;  // two records each: several pages
  for (int i = 0; i < kMany; ++i) f.Put("s" + std::to_string(i), Skipping(kRecallHour));
  f.Stop(kRecallHour + kRecallMinute);
  f.Pass(1'000);
  f.flow_logs.clear();
  f.Stop(1'000);
  f.Pass(1'000);
  std::set<std::string> names;
  for (const FlowLog& log : f.flow_logs) {
    CHECK(log.event == kMissedBefore);
    CHECK(names.insert(FieldOfLog(log, "schedule")).second);
  }
  CHECK(names.size() == kMany);
}
