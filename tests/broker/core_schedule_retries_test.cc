// Runs of schedules that are refused for now, over stops and steps of the clock; and a clock that was ahead.
#include <catch2/catch.hpp>

#include <string>

#include "broker/schedule_fixture.h"

namespace notifyd {
namespace {

/// One more pending notify is refused while something is held.
CoreLimits OfOne() {
  CoreLimits limits;
  limits.max_pending = 1;
  return limits;
}

class ScheduleRetries : public ScheduleFixture {
 public:
  using ScheduleFixture::ScheduleFixture;
  static Schedule Of(int64_t every_ms, Missed missed) {
    Schedule said = Every(every_ms);
    said.missed = missed;
    return said;
  }
  void Fill() { Submit({.fkey = "full"}); }
  void MakeRoom() {
    FkeyCancelRequest cancel;
    cancel.fkey = "full";
    Do(std::move(cancel));
  }
  /// As Pass, of a broker that has something to do ten times a second.
  void PassAwake(int64_t ms) {
    for (int64_t passed = 0; passed < ms; passed += 100) {
      Pass(100);
      Post(Tick{});
      Run();
      Succeed();
    }
  }
  void Step(int64_t ms) {
    now.wall.ms += ms;
    Post(Tick{});
    Run();
  }
};

}  // namespace

TEST_CASE_METHOD(ScheduleRetries, "schedule retries: behind a clock that was ahead and is set right no time to come is late") {
  const bool began_ahead = GENERATE(false, true);
  CAPTURE(began_ahead);
  Step(kHour);
  if (began_ahead) Stop(0);
  PassAwake(3'000);
  Step(-kHour);
  for (const auto& [name, missed] : {std::pair("skip", Missed::kSkip), {"one", Missed::kOne}, {"all", Missed::kAll}}) Put(name, Of(1'000, missed));
  PassAwake(1'005'000);
  for (const char* name : {"skip", "one", "all"}) {
    CAPTURE(name);
    CHECK(Get(name).missed == 0);
    CHECK(Get(name).next.front().ms <= now.wall.ms + 1'000);
  }
  CHECK(sent.size() == 3 * 1'005);
  CHECK(Balances());
}

TEST_CASE("schedule retries: of one that makes up for one time each that is refused until the next one is missed, behind a stop, too") {
  ScheduleRetries f(OfOne());
  f.Fill();
  f.Put("a", ScheduleRetries::Of(2'000, Missed::kOne));
  f.PassAwake(5'000);
  CHECK(Outcomes(f.Get("a")) == "missed(1,quota)");
  f.Stop(6'000);
  f.flow_logs.clear();
  f.PassAwake(500);
  // Those of 4 to 8 s came in the stop; that of 10 s is in time, and tried.
  CHECK(Outcomes(f.Get("a")) == "missed(1,quota) missed(3,not_running)");
  f.PassAwake(6'800);
  const std::string missed = "missed(1,quota) missed(3,not_running) missed(1,quota) missed(1,quota) missed(1,quota) missed(1,quota)";
  CHECK(Outcomes(f.Get("a")) == missed);
  CHECK(f.flow_logs.size() == 4);
  CHECK(f.sent.empty());
  f.MakeRoom();
  f.PassAwake(1'200);
  CHECK(Outcomes(f.Get("a")) == missed + " made");
  CHECK(f.Runs() == 1);
  CHECK(f.Balances());
}

TEST_CASE("schedule retries: one that makes up for one time tries the last one of a stop until the next one comes, which is missed by itself") {
  ScheduleRetries f(OfOne());
  f.Fill();
  f.Put("a", ScheduleRetries::Of(ScheduleRetries::kHour, Missed::kOne));
  f.Stop(3 * ScheduleRetries::kHour + 10 * ScheduleRetries::kMinute);
  f.Pass(5'000);
  CHECK(Outcomes(f.Get("a")).empty());
  f.Pass(ScheduleRetries::kHour);
  CHECK(Outcomes(f.Get("a")) == "missed(3,not_running)");
  f.Pass(ScheduleRetries::kHour);
  CHECK(Outcomes(f.Get("a")) == "missed(3,not_running) missed(1,quota)");
  f.MakeRoom();
  f.Pass(1'500);
  CHECK(Outcomes(f.Get("a")) == "missed(3,not_running) missed(1,quota) made");
  CHECK(f.Balances());
}

TEST_CASE("schedule retries: what came in time and is refused is tried behind a stop and a step of the clock, until the next one comes") {
  const Missed missed = GENERATE(Missed::kSkip, Missed::kOne, Missed::kAll);
  const int way = GENERATE(0, 1, 2);
  CAPTURE(missed, way);
  ScheduleRetries f(OfOne());
  f.Fill();
  f.Put("a", ScheduleRetries::Of(ScheduleRetries::kDay, missed));
  f.PassAwake(ScheduleRetries::kDay + 3'500);
  CHECK(f.Get("a").missed == 0);
  if (way == 0) f.Stop(0);
  if (way == 1) f.Stop(60'000);
  if (way == 2) f.Step(3'000);
  f.PassAwake(2'000);
  CHECK(Outcomes(f.Get("a")).empty());
  f.MakeRoom();
  f.PassAwake(1'500);
  CHECK(Outcomes(f.Get("a")) == "made");
  // What no broker was there for is missed as ever.
  f.Stop(ScheduleRetries::kDay + 5'000);
  f.PassAwake(1'500);
  CHECK(Outcomes(f.Get("a")) == (missed == Missed::kSkip ? "made missed(1,not_running)" : "made made"));
}

TEST_CASE("schedule retries: what came in time and is refused is for `missed` once the next one came in a stop") {
  ScheduleRetries f(OfOne());
  f.Fill();
  f.Put("a", ScheduleRetries::Of(ScheduleRetries::kHour, Missed::kSkip));
  f.PassAwake(ScheduleRetries::kHour + 1'500);
  f.MakeRoom();
  f.Stop(ScheduleRetries::kHour + 5'000);
  f.PassAwake(1'500);
  CHECK(Outcomes(f.Get("a")) == "missed(2,not_running)");
  f.PassAwake(ScheduleRetries::kHour);
  CHECK(Outcomes(f.Get("a")) == "missed(2,not_running) made");
}

TEST_CASE("schedule retries: a time is made once, however short the keys of submitters are remembered") {
  const bool publishes = GENERATE(false, true);
  CAPTURE(publishes);
  CoreLimits limits;
  limits.idempotency_window_ms = 0;
  ScheduleRetries f(limits);
  const auto said = [&](const char* cron) {
    return publishes ? ScheduleRetries::Publishing(ScheduleRetries::Cron(cron), "t") : ScheduleRetries::Cron(cron);
  };
  f.Put("a", said("* * * * *"));
  f.PassAwake(31'000);
  CHECK(Outcomes(f.Get("a")) == "made");
  f.Step(-5'000);
  f.Put("a", said("*/1 * * * *"));
  f.PassAwake(10'000);
  const ScheduleView view = f.Get("a");
  REQUIRE(view.runs.size() == 2);
  CHECK(view.runs[0].notify == view.runs[1].notify);
  CHECK(view.runs[0].scheduled_at == view.runs[1].scheduled_at);
}

}  // namespace notifyd
