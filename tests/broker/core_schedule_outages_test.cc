// Schedules while the store is away, a database or a cell that is not reached: nothing can be made then, and nothing is missed before it is back.
#include <catch2/catch.hpp>

#include <map>
#include <string>
#include <utility>

#include "broker/schedule_fixture.h"
#include "broker/schedule_times.h"

namespace notifyd {
namespace {

class ScheduleOutages : public ScheduleFixture {
 public:
  static Schedule Missing(Schedule said, Missed missed) {
    said.missed = missed;
    return said;
  }
  void LoseStore(int64_t for_ms) {
    reads().CloseCommits();
    Post(DiskSpace{.lost = true});
    Run();
    Pass(for_ms);
  }
  void FindStore() {
    reads().OpenCommits();
    Post(DiskSpace{});
    Run();
  }
  /// A name whose run of that time is due as late as that at least, by its jitter.
  static std::string Late(const Schedule& said, WallTime time, int64_t least_ms) {
    const ScheduleTimes times = *ScheduleTimes::Of(said, time, {});
    std::string name = "a";
    while (times.DueOf(name, time).ms - time.ms < least_ms || name.size() > 500) name += "a";
    return name;
  }
  /// What was sent, by schedule: the minutes that it is for.
  std::map<std::string, std::string> Minutes() {
    std::map<std::string, std::string> out;
    for (const StartAttempt& start : std::exchange(sent, {}))
      out[start.envelope->flow->schedule] += Short(start.envelope->flow->scheduled_at).substr(9) + " ";
    return out;
  }
};

}  // namespace

TEST_CASE_METHOD(ScheduleOutages, "schedule outages: of the times that come while the store is away each `missed` makes what it says") {
  for (const auto& [name, missed] : {std::pair("skip", Missed::kSkip), {"one", Missed::kOne}, {"all", Missed::kAll}})
    Put(name, WithTemplate(Missing(Every(kMinute), missed), {.host = std::string(name) + ":80"}));
  PassBusy(kMinute);
  CHECK(Minutes().size() == 3);
  LoseStore(5 * kMinute + 30'000);
  CHECK(sent.empty());
  CHECK(flow_logs.empty());
  FindStore();
  PassBusy(2'000);
  std::map<std::string, std::string> made = Minutes();
  CHECK(made["skip"].empty());
  CHECK(made["one"] == "06 ");
  CHECK(made["all"] == "02 03 04 05 06 ");
  CHECK(Outcomes(Get("skip")) == "made missed(5,unavailable)");
  CHECK(Outcomes(Get("one")) == "made missed(4,unavailable) made");
  CHECK(Outcomes(Get("all")) == "made made made made made made");
  PassBusy(kMinute);
  made = Minutes();
  for (const char* name : {"skip", "one", "all"}) CHECK(made[name] == "07 ");
  CHECK(Runs() == 3);
  CHECK(Balances());
}

TEST_CASE_METHOD(ScheduleOutages, "schedule outages: `all` makes up for a store that goes away again and again, each time once, 1,000 each time") {
  check_every = 100;
  const bool publishes = GENERATE(false, true);
  Subscribe("a", {.topic = "#"});
  Put("a", Missing(publishes ? Publishing(Every(1'000), "tick") : Every(1'000), Missed::kAll));
  for (int64_t away_ms : {30'000, 20'000, 1'500, 60'000}) {
    LoseStore(away_ms);
    FindStore();
    PassBusy(away_ms == 30'000 ? 1'000 : 5'000);
  }
  const int64_t seconds = (now.wall.ms - ParseRfc3339("2026-03-01T00:00:30Z")->ms) / 1'000;
  CHECK(sent.size() == static_cast<size_t>(seconds));
  std::set<int64_t> times;
  for (const StartAttempt& start : sent) times.insert(start.envelope->flow->scheduled_at.ms);
  CHECK(times.size() == sent.size());
  CHECK(Get("a").missed == 0);
  LoseStore(1'100'000);
  FindStore();
  PassBusy(30'000);
  // But for those that were on time again.
  CHECK(Get("a").missed > 90);
  CHECK(Get("a").missed <= 100);
}

TEST_CASE_METHOD(ScheduleOutages, "schedule outages: what is not two seconds late when the store is back is on time") {
  Put("a", Missing(Every(1'000), Missed::kSkip));
  PassBusy(2'500);
  LoseStore(1'600);
  FindStore();
  PassBusy(2'000);
  CHECK(sent.size() == 6);
  CHECK(Get("a").missed == 0);
}

TEST_CASE_METHOD(ScheduleOutages, "schedule outages: a database whose disk is full refuses a run as any full disk does") {
  Put("a", Missing(Every(10'000), Missed::kSkip));
  Pass(9'000);
  Post(DiskSpace{true, true});
  Pass(5'000);
  CHECK(sent.empty());
  // It is tried each second, and so was not missed.
  Post(DiskSpace{});
  Pass(1'000);
  CHECK(sent.size() == 1);
  Succeed();
  Post(DiskSpace{true, true});
  Pass(20'000);
  Post(DiskSpace{});
  Pass(1'000);
  CHECK(Outcomes(Get("a")) == "made missed(1,disk_full) made");
}

TEST_CASE_METHOD(ScheduleOutages, "schedule outages: a time whose jitter is not over when a run can be made again was not missed") {
  const auto missed = GENERATE(Missed::kSkip, Missed::kOne, Missed::kAll);
  const bool stops = GENERATE(true, false);
  Schedule said = Missing(Every(kMinute), missed);
  said.jitter_ms = kMinute - 1;
  said.start_at = *ParseRfc3339("2026-03-01T00:01:00Z");
  const WallTime last = *ParseRfc3339("2026-03-01T00:04:00Z");
  const std::string name = Late(said, last, 20'000);
  Put(name, said);
  // Three times are over; the fourth has come five seconds ago.
  const int64_t away_ms = last.ms + 5'000 - now.wall.ms;
  if (stops) {
    Stop(away_ms);
  } else {
    LoseStore(away_ms);
    FindStore();
  }
  PassBusy(2'000);
  const std::string why = stops ? "not_running" : "unavailable";
  std::string made, outcomes;
  if (missed == Missed::kSkip) outcomes = "missed(3," + why + ")";
  if (missed == Missed::kOne) made = "03-01T00:03", outcomes = "missed(2," + why + ") made";
  if (missed == Missed::kAll) made = "03-01T00:01 03-01T00:02 03-01T00:03", outcomes = "made made made";
  CHECK(Sent() == made);
  CHECK(Outcomes(Get(name)) == outcomes);
  CHECK(Next(name, 1) == "03-01T00:04");
  PassBusy(last.ms + kMinute - now.wall.ms);
  CHECK(Sent() == "03-01T00:04");
  CHECK(Outcomes(Get(name)) == outcomes + " made");
  CHECK(Runs() == 1);
}

TEST_CASE_METHOD(ScheduleOutages, "schedule outages: behind the 1,000 that `all` makes, one whose jitter is not over was not missed either") {
  check_every = 100;
  Schedule said = Missing(Every(kMinute), Missed::kAll);
  said.jitter_ms = kMinute - 1;
  said.start_at = *ParseRfc3339("2026-03-01T00:01:00Z");
  const WallTime last{said.start_at->ms + 1'009 * kMinute};
  const std::string name = Late(said, last, 40'000);
  Put(name, said);
  Stop(last.ms + 5'000 - now.wall.ms);
  PassBusy(20'000);
  CHECK(sent.size() == 1'000);
  CHECK(Get(name).missed == 9);
  PassBusy(last.ms + kMinute - now.wall.ms);
  CHECK(sent.size() == 1'001);
  CHECK(sent.back().envelope->flow->scheduled_at == last);
  CHECK(Get(name).missed == 9);
}

}  // namespace notifyd
