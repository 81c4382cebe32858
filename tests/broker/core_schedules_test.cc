// Schedules in the core: their runs in time, over stops, crashes, steps of the clock and refusals; and what many of them take in memory.
#include <algorithm>
#include <catch2/catch.hpp>

#include "broker/partition.h"
#include "broker/schedule_fixture.h"
#include "broker/service_events.h"

using namespace notifyd;

namespace {

using Outcome = ScheduleRun::Outcome;

}  // namespace

TEST_CASE_METHOD(ScheduleFixture, "schedules: a run is made at its time, an ordinary notify that says what it comes from") {
  Schedule said = WithTemplate(
      Cron("*/10 * * * *"),
      {.lane = "reports", .caller = "billing", .data = R"({"at":"x {{scheduled_at}}","n":[1,"{{scheduled_at}}"],"{{scheduled_at}}":"\"}"})"});
  const ScheduleView view = Put("report", said);
  CHECK(view.next.size() == 10);
  CHECK(Next("report", 3) == "03-01T00:10 03-01T00:20 03-01T00:30");
  Pass(9 * kMinute + 29'000);
  CHECK(sent.empty());
  Pass(1'000);
  REQUIRE(starts.size() == 1);
  CHECK(now.wall == *ParseRfc3339("2026-03-01T00:10:00Z"));
  CHECK(starts[0].late_ms == 0);
  const Envelope& envelope = *starts[0].envelope;
  CHECK(envelope.flow->schedule == "report");
  CHECK(envelope.flow->scheduled_at == now.wall);
  CHECK(envelope.lane.name == "reports");
  CHECK(envelope.caller == "billing");
  CHECK(DecodeSpec(*starts[0].spec)->payload == R"({"at":"x 2026-03-01T00:10:00.000Z","n":[1,"2026-03-01T00:10:00.000Z"],"{{scheduled_at}}":"\"}"})");
  const NotifyId id = starts[0].id;
  EndFirst(Verdict::kSuccess);
  CHECK(StateOf(id) == State::kSucceeded);
  CHECK(Outcomes(Get("report")) == "made");
  CHECK(Get("report").runs[0].notify == id);
  CHECK(Next("report", 1) == "03-01T00:20");
  CHECK(Balances());
  CHECK(Runs() == 1);
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: every_ms counts from the creation or start_at, and an unchanged PUT moves nothing") {
  Put("a", Every(90'000));
  CHECK(Next("a", 2) == "03-01T00:02 03-01T00:03");
  Pass(60'000);
  const uint64_t writes = store().totals().next_serial;
  Put("a", Every(90'000));
  CHECK(store().totals().next_serial == writes);
  CHECK(Next("a", 2) == "03-01T00:02 03-01T00:03");
  // The template changes, its times do not.
  Put("a", WithTemplate(Every(90'000), {.lane = "other"}));
  CHECK(Next("a", 1) == "03-01T00:02");
  Pass(30'000);
  CHECK(Sent() == "03-01T00:02");
  Schedule said = Every(kHour);
  said.start_at = *ParseRfc3339("2026-03-01T12:15:00Z");
  said.end_at = *ParseRfc3339("2026-03-01T14:15:00Z");
  Put("b", said);
  CHECK(Next("b", 10) == "03-01T12:15 03-01T13:15 03-01T14:15");
  said.start_at = *ParseRfc3339("2026-02-01T12:15:00Z");
  Put("b", said);
  CHECK(Next("b", 2) == "03-01T00:15 03-01T01:15");
  Ask(ScheduleDelete{"a"});
  PassBusy(kDay);
  sent.clear();
  CHECK(Get("b").next.empty());
  CHECK(Get("b").runs.size() == 15);
  CHECK(Runs() == 0);
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: what a PUT requires, what is not there, lists and deletion") {
  ResourceCondition absent, present;
  absent.absent = true;
  present.present = true;
  CHECK(std::holds_alternative<Stale>(TryPut("a", Every(kHour), present).body));
  CHECK(std::get<ScheduleViewed>(std::get<ScheduleAnswered>(TryPut("a", Every(kHour), absent).body).answer->what).created);
  CHECK(std::holds_alternative<Stale>(TryPut("a", Every(kHour), absent).body));
  ResourceCondition print;
  print.prints = {FingerprintOf(Get("a").bytes)};
  CHECK(!std::get<ScheduleViewed>(std::get<ScheduleAnswered>(TryPut("a", Every(2 * kHour), print).body).answer->what).created);
  CHECK(std::holds_alternative<Stale>(TryPut("a", Every(kHour), print).body));
  CHECK(CodeOf(TryPut("b", Cron("0 0 * * *", "Mars/Olympus"))) == Code::kUnacceptable);
  CHECK(CodeOf(TryPut("b", Cron("0 0 30 2 *"))) == Code::kUnacceptable);
  CHECK(CodeOf(Ask(ScheduleGet{"b"})) == Code::kNotFound);
  CHECK(CodeOf(Ask(ScheduleDelete{"b"})) == Code::kNotFound);
  CHECK(CodeOf(Ask(SchedulePause{"b", true})) == Code::kNotFound);
  CHECK(std::holds_alternative<Stale>(Ask(ScheduleDelete{"b", present}).body));
  CHECK(std::holds_alternative<Stale>(Ask(SchedulePause{"b", true, present}).body));
  CHECK(CodeOf(Ask(ScheduleRunNow{"b"})) == Code::kNotFound);
  for (const char* name : {"a-1", "a.1", "b", "c"}) Put(name, Every(kHour));
  auto list = [&](ResourcesQuery query) {
    const SchedulesListed& listed = std::get<SchedulesListed>(std::get<ScheduleAnswered>(Ask(ScheduleList{query}).body).answer->what);
    std::string out;
    for (const ScheduleView& view : listed.items) out += view.name + " ";
    return out + (listed.next ? "> " + *listed.next : "");
  };
  CHECK(list({}) == "a a-1 a.1 b c ");
  CHECK(list({.limit = 2}) == "a a-1 > a-1");
  CHECK(list({.limit = 2, .after = "a-1"}) == "a.1 b > b");
  CHECK(list({.limit = 2, .after = "b"}) == "c ");
  CHECK(list({.limit = 10, .after = "a", .prefix = "a"}) == "a-1 a.1 ");
  CHECK(list({.limit = 10, .prefix = "x"}) == "");
  for (const char* name : {"a", "a-1", "a.1", "b", "c"}) Ask(ScheduleDelete{name});
  CHECK(list({}) == "");
  Pass(kDay);
  CHECK(sent.empty());
  CHECK(image().records.empty());
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: over a stop of a day each `missed` does what it says, and goes on in time") {
  Schedule skip = Every(kHour), one = Every(kHour), all = Every(kHour);
  skip.missed = Missed::kSkip;
  all.missed = Missed::kAll;
  skip = WithTemplate(skip, {.host = "skip:80"});
  one = WithTemplate(one, {.host = "one:80"});
  all = WithTemplate(all, {.host = "all:80"});
  Put("skip", skip);
  Put("one", one);
  Put("all", all);
  PassBusy(kHour);
  CHECK(sent.size() == 3);
  sent.clear();
  Stop(kDay + 1'800'000);
  PassBusy(1'000);
  std::map<std::string, std::string> by_schedule;
  for (const StartAttempt& start : std::exchange(sent, {}))
    by_schedule[start.envelope->flow->schedule] += Short(start.envelope->flow->scheduled_at) + " ";
  CHECK(by_schedule["skip"] == "");
  CHECK(by_schedule["one"] == "03-02T01:00 ");
  std::string expected;
  for (int64_t i = 2; i <= 25; ++i) expected += Short({ParseRfc3339("2026-03-01T00:00:30Z")->ms + i * kHour}) + " ";
  CHECK(by_schedule["all"] == expected);
  CHECK(Outcomes(Get("skip")) == "made missed(24,not_running)");
  CHECK(Outcomes(Get("one")) == "made missed(23,not_running) made");
  CHECK(Get("all").missed == 0);
  PassBusy(kHour);
  CHECK(sent.size() == 3);
  CHECK(Runs() == 3);
  CHECK(Balances());
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: of what was missed at most 1,000 are made, the oldest first, over a crash, too") {
  check_every = 100;
  Schedule all = Every(kMinute);
  all.missed = Missed::kAll;
  Put("all", all);
  PassBusy(kMinute);
  sent.clear();
  Stop(kDay + 30'000);
  Stop(0);
  PassBusy(1'000);
  std::set<int64_t> made;
  for (const StartAttempt& start : sent) made.insert(start.envelope->flow->scheduled_at.ms);
  CHECK(made.size() == 1000);
  CHECK(*made.rbegin() - *made.begin() == 999 * kMinute);
  CHECK(*made.begin() == ParseRfc3339("2026-03-01T00:02:30Z")->ms);
  CHECK(Stats().totals.accepted == 1001);
  CHECK(Get("all").missed == 440);
  sent.clear();
  PassBusy(kMinute);
  CHECK(sent.size() == 1);
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: each stop has its own 1,000") {
  check_every = 100;
  Schedule all = Every(kMinute);
  all.missed = Missed::kAll;
  Put("all", all);
  Stop(2 * kDay + 30'000);
  PassBusy(100);
  CHECK(sent.size() == 1'000);
  CHECK(Get("all").missed == 1'880);
  // So has one behind another that used up all of them, or a part.
  Stop(10 * kMinute);
  PassBusy(100);
  CHECK(sent.size() == 1'010);
  Stop(1'000 * kMinute);
  PassBusy(100);
  CHECK(sent.size() == 2'010);
  CHECK(Get("all").missed == 1'880);
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: all that was missed in years is counted, over several turns where that takes long") {
  check_every = 1'000;
  const bool crash = GENERATE(false, true);
  auto with = [](Schedule said, Missed missed) {
    said.missed = missed;
    return said;
  };
  Put("every", with(Every(1'000), Missed::kSkip));
  Put("skip", with(Cron("* * * * *"), Missed::kSkip));
  Put("one", with(Cron("* * * * *"), Missed::kOne));
  Put("all", with(Cron("* * * * *"), Missed::kAll));
  const int64_t minutes = 100 * 24 * 60;
  now.wall.ms += minutes * kMinute;
  now.mono.ms += minutes * kMinute;
  Restart(CrashKind::kKill, /*pages=*/false);
  flow_logs.clear();
  reads().OpenPages();
  for (int i = 0; crash && i < 8; ++i) Turn();
  if (crash) Stop(0);
  PassBusy(100);
  // What is not two seconds late is on time.
  CHECK(Get("every").missed == static_cast<uint64_t>(minutes) * 60 - 3);
  CHECK(Get("skip").missed == static_cast<uint64_t>(minutes));
  CHECK(Get("one").missed == static_cast<uint64_t>(minutes) - 1);
  CHECK(Get("all").missed == static_cast<uint64_t>(minutes) - 1'000);
  if (crash) return;
  CHECK(Outcomes(Get("skip")) == "missed(144000,not_running)");
  CHECK(std::count_if(flow_logs.begin(), flow_logs.end(), [](const FlowLog& log) { return log.event == "run missed"; }) == 4);
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: after a crash between any two steps a time is made once") {
  Put("a", Cron("* * * * *"));
  for (int i = 0; i < 20; ++i) {
    Pass(30'000);
    Restart(i % 2 ? CrashKind::kKill : CrashKind::kPower);
    Tell();
    Run();
  }
  Pass(10'000);
  std::set<int64_t> times;
  for (const auto& [id, stored] : image().notifies) CHECK(times.insert(stored->envelope->flow->scheduled_at.ms).second);
  CHECK(times.size() == 10);
  CHECK(Stats().totals.accepted == 10);
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: overlap skips while what the last run made is not settled") {
  Schedule said = Every(kMinute);
  said.skip_overlap = true;
  Put("a", said);
  Pass(3 * kMinute);
  CHECK(starts.size() == 1);
  CHECK(Outcomes(Get("a")) == "made skipped skipped");
  EndFirst(Verdict::kFailure);
  Pass(kMinute);
  CHECK(Outcomes(Get("a")) == "made skipped skipped skipped");
  Succeed();
  Pass(kMinute);
  CHECK(Outcomes(Get("a")) == "made skipped skipped skipped made");
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: while it is paused its times are skipped, not missed") {
  Schedule said = Every(kMinute), paused = said;
  paused.paused = true;
  Put("a", said);
  Pass(kMinute);
  Put("a", paused);
  CHECK(Get("a").next.empty());
  Stop(10 * kMinute);
  Pass(kMinute);
  CHECK(Outcomes(Get("a")) == "made");
  CHECK(Runs() == 0);
  Put("a", said);
  Pass(kMinute);
  CHECK(Outcomes(Get("a")) == "made made");
  CHECK(flow_logs.empty());
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: one that has no time before its end is not made; one that is there may end") {
  Schedule said = Every(kMinute);
  said.end_at = now.wall;
  CHECK(CodeOf(Ask(SchedulePut{"a", std::make_shared<const Schedule>(said)})) == Code::kUnacceptable);
  said.end_at = WallTime{now.wall.ms + kMinute / 2};
  CHECK(CodeOf(Ask(SchedulePut{"a", std::make_shared<const Schedule>(said)})) == Code::kUnacceptable);
  said.end_at = WallTime{now.wall.ms + 2 * kMinute};
  Put("a", said);
  said.end_at = now.wall;
  Put("a", said);
  CHECK(Get("a").next.empty());
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: a run by hand is made now, whatever its times, and refused for what a submit is refused for") {
  Schedule said = Every(kHour);
  said.paused = true;
  Put("a", said);
  const ScheduleRan ran = std::get<ScheduleRan>(std::get<ScheduleAnswered>(Ask(ScheduleRunNow{"a"}).body).answer->what);
  CHECK(ran.scheduled_at == now.wall);
  CHECK(starts.at(0).id == std::get<SubmittedItem>(ran.item).id);
  CHECK(Outcomes(Get("a")) == "by_hand");
  ScheduleRunNow other{"a"};
  other.condition.prints = {FingerprintOf("another")};
  CHECK(std::holds_alternative<Stale>(Ask(other).body));
  CHECK(Outcomes(Get("a")) == "by_hand");
  Post(DiskSpace{true});
  CHECK(CodeOf(Ask(ScheduleRunNow{"a"})) == Code::kDiskFull);
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: a run that the disk or a quota refuses is tried each second until the next time") {
  Put("a", Every(10'000));
  Pass(9'000);
  Post(DiskSpace{true});
  Pass(5'000);
  CHECK(sent.empty());
  CHECK(flow_logs.empty());
  Post(DiskSpace{false});
  Pass(1'000);
  CHECK(Sent() == "03-01T00:00");
  // Over a time.
  Succeed();
  Post(DiskSpace{true});
  Pass(20'000);
  REQUIRE(flow_logs.size() == 1);
  CHECK(flow_logs[0].event == "run missed");
  CHECK(flow_logs[0].warning);
  CHECK(flow_logs[0].fields.at(3).second == "disk_full");
  Post(DiskSpace{false});
  Pass(2'000);
  CHECK(Outcomes(Get("a")) == "made missed(1,disk_full) made");
  // It is tried again behind a restart, too.
  Succeed();
  Post(DiskSpace{true});
  Pass(5'000);
  Stop(0);
  Pass(2'000);
  CHECK(sent.size() == 2);
}

TEST_CASE("schedules: max_pending refuses a run until there is room") {
  CoreLimits limits;
  limits.max_pending = 1;
  ScheduleFixture u(limits);
  u.Put("a", ScheduleFixture::Every(10'000));
  u.Submit({.host = "other:80"});
  u.Pass(12'000);
  CHECK(u.sent.size() == 1);
  u.Succeed();
  u.Pass(1'000);
  CHECK(u.sent.size() == 2);
  CHECK(Outcomes(u.Get("a")) == "made");
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: each run has the partition of its own data, or where that has no value, one of its own") {
  const bool missing = GENERATE(false, true);
  Schedule said = WithTemplate(Every(10'000), {.lane = "L~5", .data = R"({"a":"{{scheduled_at}}","b":1})", .mode = Mode::kFifo});
  NotifySpec spec = *DecodeSpec(*said.spec);
  spec.order_by = missing ? "/c" : "/a";
  spec.order_by_spread = missing;
  spec.partitions = 1024;
  said.spec = std::make_shared<const std::string>(EncodeSpec(spec));
  Put("a", said);
  Pass(25'000);
  Stop(0);
  Pass(20'000);
  // By hand it keeps its time, and so its lane, while it waits for that.
  const WallTime begun = now.wall;
  ScheduleRequest by_hand;
  by_hand.ask = std::make_shared<const ScheduleAsk>(ScheduleAsk{ScheduleRunNow{"a"}});
  const uint64_t token = CoreFixture::Ask(std::move(by_hand));
  for (int turns = 0; turns < 100 && !replies.contains(token); ++turns, ++now.wall.ms, ++now.mono.ms) Turn();
  REQUIRE(replies.contains(token));
  CHECK(image().notifies.rbegin()->second->envelope->flow->scheduled_at == begun);
  std::set<std::string> lanes;
  for (const auto& [id, record] : image().notifies) {
    const std::string& lane = record->envelope->lane.name;
    lanes.insert(lane);
    if (missing) continue;
    const NotifySpec made = *DecodeSpec(*record->spec);
    CHECK(lane == "L~5" + PartitionSuffix(*OrderHashAt(*JsonTree::Parse(made.payload), "/a"), 1024));
  }
  CHECK(image().notifies.size() == 5);
  CHECK(lanes.size() == 5);
  CHECK(Get("a").said->envelope->lane.name == "L~5");
  // What says no order stays where it is.
  Put("b", WithTemplate(Every(10'000), {.lane = "M~5", .mode = Mode::kFifo}));
  Ask(ScheduleRunNow{"b"});
  CHECK(image().notifies.rbegin()->second->envelope->lane.name == "M~5");
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: what is refused for good is missed at once") {
  Put("a", WithTemplate(Every(kMinute), {.fkey = "order-1"}));
  Pass(2 * kMinute);
  CHECK(Outcomes(Get("a")) == "made missed(1,conflict)");
  CHECK(flow_logs.size() == 1);
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: the clock steps ahead by a day, and back") {
  Schedule all = Every(kHour);
  Put("a", all);
  Pass(kHour);
  CHECK(sent.size() == 1);
  now.wall.ms += kDay;
  Post(Tick{});
  Run();
  CHECK(sent.size() == 2);
  CHECK(Outcomes(Get("a")) == "made missed(23,not_running) made");
  // What is made is made: it goes on behind that.
  const std::string next = Next("a", 1);
  now.wall.ms -= kHour;
  Pass(kHour);
  CHECK(sent.size() == 2);
  CHECK(Next("a", 1) == next);
  Pass(kHour);
  CHECK(sent.size() == 3);
}

TEST_CASE_METHOD(ScheduleFixture,
                 "schedules: where the clock is set ahead by half a day each `missed` does what it says; set back, nothing is made twice") {
  for (const auto& [name, missed] : {std::pair("skip", Missed::kSkip), {"one", Missed::kOne}, {"all", Missed::kAll}}) {
    Schedule said = Every(kHour);
    said.missed = missed;
    Put(name, WithTemplate(said, {.host = std::string(name) + ":80"}));
  }
  PassBusy(kHour);
  CHECK(sent.size() == 3);
  sent.clear();
  const auto by_schedule = [&] {
    std::map<std::string, std::string> out;
    for (const StartAttempt& start : std::exchange(sent, {}))
      out[start.envelope->flow->schedule] += Short(start.envelope->flow->scheduled_at).substr(6) + " ";
    return out;
  };
  // To half past twelve: 02:00:30 to 12:00:30 were missed.
  now.wall.ms += 11 * kHour + 30 * kMinute;
  Post(Tick{});
  PassBusy(1'000);
  std::map<std::string, std::string> made = by_schedule();
  CHECK(made["skip"].empty());
  CHECK(made["one"] == "12:00 ");
  CHECK(made["all"] == "02:00 03:00 04:00 05:00 06:00 07:00 08:00 09:00 10:00 11:00 12:00 ");
  CHECK(Outcomes(Get("skip")) == "made missed(11,not_running)");
  CHECK(Outcomes(Get("one")) == "made missed(10,not_running) made");
  CHECK(Get("all").missed == 0);

  // Back to half past eight, over a restart too: what was made stays made, and all go on at 13:00:30.
  now.wall.ms -= 4 * kHour;
  Post(Tick{});
  PassBusy(2 * kHour);
  Stop(0);
  PassBusy(2 * kHour);
  CHECK(by_schedule().empty());
  for (const char* name : {"skip", "one", "all"}) CHECK(Next(name, 1) == "03-01T13:00");
  PassBusy(kHour);
  made = by_schedule();
  for (const char* name : {"skip", "one", "all"}) CHECK(made[name] == "13:00 ");
  CHECK(Runs() == 3);
  CHECK(Balances());
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: one to a service that was deleted is refused; one that is there goes on, and waits") {
  const auto tell = [&](decltype(ServiceAsk::what) what) {
    ServiceRequest r;
    r.ask = std::make_shared<const ServiceAsk>(ServiceAsk{std::move(what)});
    return Do(std::move(r));
  };
  const Schedule said = WithTemplate(Every(kMinute), {.host = "service://billing"});
  CHECK(CodeOf(TryPut("a", said)) == Code::kUnacceptable);
  tell(PutService{"billing", {}, {}});
  Put("a", said);
  tell(DeleteService{"billing", {}});
  const Reply refused = TryPut("b", said);
  CHECK(CodeOf(refused) == Code::kUnacceptable);
  CHECK(std::get<Refused>(refused.body).status.field() == "/notify/url");
  CHECK(CodeOf(TryPut("a", WithTemplate(Every(kMinute), {.lane = "other", .host = "service://billing"}))) == Code::kUnacceptable);
  // The same as it is there changes nothing, and its runs wait.
  Put("a", said);
  Pass(kMinute);
  CHECK(starts.empty());
  CHECK(Outcomes(Get("a")) == "made");
  tell(PutInstance{"billing", "x", {"http://x:80"}, {}});
  CHECK(starts.size() == 1);
}

TEST_CASE("schedules: a body that is too long with the time in it is refused by the PUT, and by a run where less is allowed by then") {
  CoreLimits limits;
  limits.max_body_bytes = 100;
  ScheduleFixture f(limits);
  const auto with = [](size_t bytes, bool publishes) {
    const std::string data = R"({"at":"{{scheduled_at}}","x":")" + std::string(bytes - 30 - 2, 'x') + "\"}";
    Schedule said = publishes ? ScheduleFixture::Publishing(ScheduleFixture::Every(ScheduleFixture::kMinute), "a.b", data)
                              : ScheduleFixture::WithTemplate(ScheduleFixture::Every(ScheduleFixture::kMinute), {.data = data});
    return said;
  };
  for (bool publishes : {false, true}) {
    CAPTURE(publishes);
    // The time takes 8 bytes more than what stands for it.
    const Reply refused = f.TryPut("a", with(93, publishes));
    CHECK(ScheduleFixture::CodeOf(refused) == Code::kTooLarge);
    CHECK(std::get<Refused>(refused.body).status.field() == (publishes ? "/publish/data" : "/notify/data"));
    f.Put(publishes ? "event" : "notify", with(92, publishes));
  }
  f.Pass(ScheduleFixture::kMinute);
  CHECK(f.sent.size() == 1);
  CHECK(DecodeSpec(*f.sent[0].spec)->payload.size() == 100);
  auto less = std::make_shared<CoreLimits>(limits);
  less->max_body_bytes = 99;
  f.Post(LimitsChanged{less});
  f.Pass(ScheduleFixture::kMinute);
  for (const char* name : {"event", "notify"}) CHECK(Outcomes(f.Get(name)) == "made missed(1,too_large)");
  CHECK(ScheduleFixture::CodeOf(f.Ask(ScheduleRunNow{"notify"})) == Code::kTooLarge);
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: clocks are changed, forth and back, in five zones") {
  struct Row {
    const char *zone, *cron, *from, *times;
  };
  const std::vector<Row> rows = {
      {"Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00Z", "03-29T01:00 03-30T00:30"},
      {"Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", "10-25T00:30 10-26T01:30"},
      {"America/New_York", "30 2 * * *", "2026-03-07T12:00:00Z", "03-08T07:00 03-09T06:30"},
      {"America/New_York", "30 1 * * *", "2026-10-31T12:00:00Z", "11-01T05:30 11-02T06:30"},
      {"Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00:00Z", "10-03T15:30 10-04T15:15"},
      {"Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00:00Z", "04-04T14:45 04-05T15:15"},
      {"America/Santiago", "0 0 * * *", "2026-09-05T12:00:00Z", "09-06T04:00 09-07T03:00"},
      {"America/Santiago", "30 23 * * *", "2026-04-04T12:00:00Z", "04-05T02:30 04-06T03:30"},
      {"Pacific/Auckland", "30 2 * * *", "2026-09-26T00:00:00Z", "09-26T14:00 09-27T13:30"},
      {"Pacific/Auckland", "30 2 * * *", "2026-04-04T00:00:00Z", "04-04T13:30 04-05T14:30"},
  };
  for (const Row& row : rows) {
    INFO(row.zone << " " << row.cron << " " << row.from);
    ScheduleFixture t;
    t.now.wall = *ParseRfc3339(row.from);
    t.Put("a", Cron(row.cron, row.zone));
    t.Pass(2 * kDay);
    CHECK(t.Sent() == row.times);
  }
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: jitter is the same each time, less than there is to the next run") {
  Schedule said = Every(kMinute);
  said.jitter_ms = kHour;
  Put("a", said);
  PassBusy(20 * kMinute);
  CHECK(sent.size() >= 19);
  std::set<int64_t> late;
  for (const ScheduleRun& run : Get("a").runs) {
    const int64_t by = run.at.ms - run.scheduled_at.ms;
    CHECK(by >= 0);
    CHECK(by < kMinute);
    late.insert(by);
  }
  CHECK(late.size() > 10);
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: a core that sleeps is wanted for its next run") {
  Put("a", Cron("0 * * * *"));
  Put("b", Cron("30 * * * *"));
  Pass(1'000);
  CHECK(core().idle(now.wall) == *ParseRfc3339("2026-03-01T00:30:00Z"));
  Stop(10'000);
  Pass(100);
  CHECK(core().idle(now.wall) == *ParseRfc3339("2026-03-01T00:30:00Z"));
  PassBusy(kHour);
  CHECK(sent.size() == 2);
}

TEST_CASE("schedules: 100,000 cost no memory, and each runs in time") {
  ScheduleFixture t;
  t.check_every = 10'000;
  constexpr int64_t kMany = 100'000;
  for (int64_t i = 0; i < kMany; ++i) {
    Schedule said = ScheduleFixture::WithTemplate(ScheduleFixture::Every(ScheduleFixture::kDay), {.lane = "lane" + std::to_string(i % 10)});
    said.start_at = WallTime{t.now.wall.ms + ScheduleFixture::kHour + i * 7};
    t.Ask(SchedulePut{"s" + std::to_string(i), std::make_shared<const Schedule>(std::move(said)), {}});
    t.replies.clear();
  }
  t.Stop(0);
  CHECK(t.Runs() == kMany);
  t.check_every = 1'000'000;
  const int64_t start = t.now.wall.ms;
  t.Pass(ScheduleFixture::kHour - 1);
  CHECK(t.sent.empty());
  // A thousand of them, each at its own millisecond.
  size_t seen = 0;
  for (int i = 0; i < 70; ++i) {
    t.Pass(100);
    for (const StartAttempt& at : std::exchange(t.sent, {})) {
      const int64_t due = at.envelope->flow->scheduled_at.ms;
      CHECK(at.at.ms - due <= 10);
      CHECK(due >= start + ScheduleFixture::kHour);
      ++seen;
    }
    t.Succeed();
  }
  CHECK(seen == 1000);
  // A stop of a minute, behind which some ten thousand are due at once.
  t.Stop(ScheduleFixture::kMinute);
  const uint64_t due = static_cast<uint64_t>(t.now.wall.ms - start - ScheduleFixture::kHour) / 7 + 1;
  CHECK(due > 9'000);
  for (int i = 0; i < 10'000 && t.Stats().totals.accepted < due; ++i) {
    t.Post(Tick{});
    t.Run();
    t.Succeed();
    CHECK(t.Stats().loaded_notifies < 2'000);
    t.replies.clear();
  }
  CHECK(t.Stats().totals.accepted == due);
  CHECK(t.Runs() == kMany);
}
