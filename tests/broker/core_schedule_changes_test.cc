// What becomes of times that have come and were not made yet where their schedule is put anew, or paused.
#include <catch2/catch.hpp>

#include "broker/schedule_fixture.h"

using namespace notifyd;

namespace {

constexpr int64_t kYear = 365 * ScheduleFixture::kDay;

CoreLimits OnePending() {
  CoreLimits limits;
  limits.max_pending = 1;
  return limits;
}

/// Has room for one notify, which another one has until Succeed().
class FullBroker : public ScheduleFixture {
 public:
  FullBroker() : ScheduleFixture(OnePending()) {
    Submit({.host = "other:80"});
    sent.clear();
  }
  WallTime InAYear() const { return {now.wall.ms + kYear}; }
};

}  // namespace

TEST_CASE_METHOD(FullBroker, "schedule changes: a run that is refused stays due over a PUT whose times have it") {
  const Schedule said = Every(kMinute);
  Put("a", said);
  Pass(kMinute + 1'500);
  Schedule changed = said;
  SECTION("end_at") {
    changed.end_at = InAYear();
  }
  SECTION("jitter_ms") {
    changed.jitter_ms = 1;
  }
  SECTION("jitter_ms, much") {
    changed.jitter_ms = 50'000;
  }
  SECTION("start_at") {
    changed.start_at = WallTime{now.wall.ms - 1'500 - kMinute};
  }
  SECTION("every_ms") {
    changed.every_ms = kMinute / 2;
  }
  Put("a", changed);
  CHECK(Next("a", 1) == "03-01T00:01");
  CHECK(Outcomes(Get("a")) == "");
  Succeed();
  Pass(1'000);
  CHECK(Sent() == "03-01T00:01");
  CHECK(Outcomes(Get("a")) == "made");
  CHECK(Get("a").missed == 0);
  CHECK(flow_logs.empty());
  CHECK(Runs() == 1);
}

TEST_CASE_METHOD(FullBroker, "schedule changes: a run that is refused and no time any more is missed, and says so") {
  Put("a", Every(kMinute));
  Pass(kMinute + 1'500);
  Put("a", Every(2 * kMinute));
  CHECK(Outcomes(Get("a")) == "missed(1,changed)");
  CHECK(Short(Get("a").runs[0].scheduled_at) == "03-01T00:01");
  CHECK(Get("a").missed == 1);
  CHECK(Next("a", 1) == "03-01T00:02");
  REQUIRE(flow_logs.size() == 1);
  CHECK(flow_logs[0].event == "run missed");
  Succeed();
  Pass(kMinute);
  CHECK(Sent() == "03-01T00:02");
  CHECK(Runs() == 1);
}

TEST_CASE_METHOD(FullBroker, "schedule changes: a PUT of denser times makes none of those that were over before it, nor calls them missed") {
  Put("a", Every(kMinute));
  Pass(kMinute + 21'500);
  Put("a", Every(5'000));
  CHECK(Outcomes(Get("a")) == "missed(1,changed)");
  CHECK(Short(Get("a").runs[0].scheduled_at) == "03-01T00:01");
  Succeed();
  Pass(1'000);
  CHECK(sent.empty());
  Pass(3'000);
  CHECK(Outcomes(Get("a")) == "missed(1,changed) made");
  CHECK(Get("a").missed == 1);
}

TEST_CASE_METHOD(FullBroker, "schedule changes: a pause skips a run that is refused, which stands in its runs and is not missed") {
  Put("a", Every(kMinute));
  Pass(kMinute + 1'500);
  Ask(SchedulePause{"a", true});
  CHECK(Outcomes(Get("a")) == "skipped");
  CHECK(Get("a").runs[0].reason == "paused");
  CHECK(Get("a").runs[0].count == 1);
  CHECK(Runs() == 0);
  Ask(SchedulePause{"a", false});
  Succeed();
  Pass(1'000);
  CHECK(sent.empty());
  CHECK(Next("a", 1) == "03-01T00:02");
  Pass(kMinute);
  CHECK(Sent() == "03-01T00:02");
  CHECK(Outcomes(Get("a")) == "skipped made");
  CHECK(Get("a").missed == 0);
  CHECK(flow_logs.empty());
}

TEST_CASE_METHOD(ScheduleFixture, "schedule changes: what waits for its jitter stays over a PUT, and waits for the new jitter") {
  Schedule said = Every(kMinute);
  said.jitter_ms = 50'000;
  const std::vector<std::string> names = {"a", "b", "c", "d", "e", "f", "g", "h"};
  for (const std::string& name : names) Put(name, said);
  Pass(kMinute + 1'000);
  const auto made = [&] { return std::count_if(names.begin(), names.end(), [&](const auto& name) { return Outcomes(Get(name)) == "made"; }); };
  REQUIRE(made() < 8);
  const bool at_once = GENERATE(false, true);
  if (at_once) said.jitter_ms = 0;
  else said.end_at = WallTime{now.wall.ms + kYear};
  for (const std::string& name : names) Put(name, said);
  Pass(at_once ? 100 : 49'500);
  CHECK(made() == 8);
  for (const std::string& name : names) CHECK(Short(Get(name).runs.at(0).scheduled_at) == "03-01T00:01");
  CHECK(Runs() == 8);
  CHECK(flow_logs.empty());
}

TEST_CASE_METHOD(FullBroker, "schedule changes: of what was missed and is being made up for, a PUT drops what is no time any more, and says so") {
  Schedule said = Every(kMinute);
  Put("a", said);
  // 00:01:30 to 00:10:30; the last of them is made, once there is room.
  Stop(10 * kMinute + 15'000);
  Pass(1'000);
  CHECK(Outcomes(Get("a")) == "");
  CHECK(Next("a", 1) == "03-01T00:01");
  std::string dropped, first, made;
  SECTION("all are times still") {
    said.end_at = InAYear();
    made = "missed(9,not_running) made";
  }
  SECTION("those behind its end are none") {
    said.end_at = *ParseRfc3339("2026-03-01T00:05:30Z");
    dropped = "missed(5,changed)";
    first = "03-01T00:06";
    made = "missed(5,changed) missed(4,not_running) made";
  }
  SECTION("every second one is none") {
    said.every_ms = 2 * kMinute;
    said.start_at = *ParseRfc3339("2026-03-01T00:01:30Z");
    dropped = "missed(5,changed)";
    first = "03-01T00:02";
    made = "missed(5,changed) missed(4,not_running) made";
  }
  SECTION("it is paused") {
    said.paused = true;
    dropped = made = "skipped";
    first = "03-01T00:01";
  }
  Put("a", said);
  CHECK(Outcomes(Get("a")) == dropped);
  if (!first.empty()) CHECK(Short(Get("a").runs.at(0).scheduled_at) == first);
  if (said.paused) CHECK(Get("a").runs.at(0).count == 10);
  Succeed();
  Pass(1'500);
  CHECK(Outcomes(Get("a")) == made);
  CHECK(Get("a").missed == (said.paused ? 0u : 9u));
  CHECK(Balances());
}

TEST_CASE_METHOD(ScheduleFixture,
                 "schedule changes: with runs held no time makes one; those that are dropped are skipped, the others missed as ever") {
  Schedule said = Every(kMinute);
  said.missed = Missed::kAll;
  Put("a", said);
  Put("b", Cron("* * * * *"));
  Post(HoldAttempts{.runs = true});
  Run();
  Pass(5 * kMinute);
  CHECK(Stats().totals.accepted == 0);
  const WallTime before = *ParseRfc3339("2026-03-01T00:03:00Z");
  for (const char* name : {"a", "b"}) {
    CAPTURE(name);
    for (int again = 0; again < 2; ++again) {
      Ask(ScheduleDrop{name, before});
      const ScheduleView view = Get(name);
      REQUIRE(Outcomes(view) == "skipped");
      CHECK(view.runs[0].reason == kDropped);
      CHECK(Short(view.runs[0].scheduled_at) == "03-01T00:01");
      CHECK(view.runs[0].count == 2);
      CHECK(view.next.front() >= before);
      CHECK(view.next.front().ms < before.ms + kMinute);
    }
  }
  CHECK(CodeOf(Ask(ScheduleDrop{"none", before})) == Code::kNotFound);
  CHECK(Runs() == 2);
  Stop(0);
  PassBusy(1'000);
  CHECK(Get("a").missed == 0);
  CHECK(Outcomes(Get("a")) == "skipped made made made");
  CHECK(Outcomes(Get("b")) == "skipped missed(2,not_running) made");
  CHECK(Runs() == 2);
  CHECK(Balances());
}

TEST_CASE_METHOD(ScheduleFixture, "schedule changes: times to come are dropped likewise, up to the end of the schedule") {
  Schedule said = Every(kMinute);
  said.end_at = WallTime{now.wall.ms + 3 * kMinute + 1'000};
  Put("a", said);
  Put("b", Cron("* * * * *"));
  Ask(ScheduleDrop{"a", *ParseRfc3339("9999-12-31T23:59:59Z")});
  Ask(ScheduleDrop{"b", WallTime{now.wall.ms + kDay}});
  CHECK(Get("a").next.empty());
  CHECK(Get("a").runs.at(0).count == 3);
  CHECK(Get("b").runs.at(0).count == 24 * 60);
  CHECK(Next("b", 1) == "03-02T00:01");
  Pass(kDay - kMinute);
  CHECK(sent.empty());
  Pass(2 * kMinute);
  CHECK(Sent() == "03-02T00:01");
  CHECK(Runs() == 1);
}

TEST_CASE_METHOD(ScheduleFixture,
                 "schedule changes: one is paused whatever its template needs and is not there any more, and resumed only once it is") {
  Schedule said = Every(kMinute);
  Code code = Code::kUnacceptable;
  bool put = false;
  SECTION("its topic, where topics must be known") {
    said = Publishing(std::move(said), "gone");
    Put("a", said);
    Tell(/*strict=*/true);
  }
  SECTION("a disk that is nearly full") {
    Put("a", said);
    Post(DiskSpace{.low = true});
    Run();
    code = Code::kDiskFull;
  }
  SECTION("its zone; by a whole PUT") {
    said = Cron("* * * * *", "Europe/Berlin");
    Put("a", said);
    Post(FlowSettingsChanged{std::make_shared<FlowSettings>()});  // which knows none
    Run();
    put = true;
  }
  Pass(kMinute + 1'500);
  said.paused = true;
  const Reply& paused = put ? TryPut("a", said) : Ask(SchedulePause{"a", true});
  REQUIRE(std::holds_alternative<ScheduleAnswered>(paused.body));
  CHECK(Get("a").said->paused);
  CHECK(Get("a").next.empty());
  sent.clear();
  Pass(10 * kMinute);
  CHECK(sent.empty());
  CHECK(CodeOf(Ask(SchedulePause{"a", false})) == code);
}
