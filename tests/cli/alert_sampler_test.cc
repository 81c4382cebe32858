// What the sampler asks of whom, and what figures it makes of the answers.
#include "cli/daemon/alert_sampler.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clocks.h"
#include "broker/access_table.h"
#include "broker/alert_records.h"
#include "broker/core_fixture.h"
#include "cli/alert_sampler_rig.h"
#include "cli/daemon/shard_slot.h"
#include "support/slowness.h"

using namespace notifyd;
using namespace notifyd::test;

TEST_CASE("alert sampler: it asks those that are awake and that a rule is about, and nobody for what the board says") {
  Rig rig;
  rig.Set({AlertWhen::kPending, AlertWhen::kDiskFree, AlertWhen::kQuota});
  CHECK(rig.posted.size() == 1);
  const AlertFigures& figures = *rig.judged.at(0);
  CHECK(figures.disk_free_bytes == 5.0);
  CHECK(Space(figures, "orders").pending == 100);
  CHECK(Space(figures, "orders").quota_percent == 50.0);
  CHECK(Space(figures, "orders").quota == "max_pending");
  CHECK(Space(figures, "asleep").quota == "limits.pending");
  CHECK(Space(figures, "asleep").pending == 7);
  CHECK(Space(figures, "asleep").oldest_due_age_ms == 0);
  CHECK_FALSE(Space(figures, "orders").oldest_due_age_ms);
  // Its core is not there yet: that nothing is pending nobody knows.
  CHECK_FALSE(Space(figures, "opening").pending);
  CHECK_FALSE(Space(figures, "opening").quota_percent);

  Rig other;
  other.Set({AlertWhen::kOldestDueAge, AlertWhen::kLanePaused}, {"ord*", "asleep"});
  CHECK(other.AskedOf<FiguresRequest>() == std::vector<NamespaceNumber>{2});
  CHECK(other.AskedOf<LanesRequest>() == std::vector<NamespaceNumber>{2});
}

TEST_CASE("alert sampler: the board is looked at once for each namespace, and while answers and ends of attempts are taken") {
  Rig rig;
  std::future<void> taken;
  rig.at_first_look = [&] {
    taken = std::async(std::launch::async, [&rig] { rig.sampler->OnReply({}); });
    CHECK(taken.wait_for(test::AtMostSeconds(20)) == std::future_status::ready);
  };
  rig.Set({AlertWhen::kLanePaused});
  CHECK(rig.looks == 5);
}

TEST_CASE("alert sampler: what cores answer is in the next figures, and what they do not answer is not known") {
  Rig rig;
  rig.Set({AlertWhen::kOldestDueAge, AlertWhen::kLanePaused, AlertWhen::kBreakerOpen, AlertWhen::kRate, AlertWhen::kRateRatio}, {"orders"});
  auto now = std::make_shared<FiguresNow>();
  now->oldest_due_age_ms = 1'234;
  HostNow open;
  open.host = "h:1";
  open.breaker = Breaker::State::kOpen;
  open.accepted = {60, 300, 0, 2'400};
  now->day_before_ms = open.day_before_ms = 24 * 3'600'000;
  now->hosts = {open};
  now->stats.open_breakers = 1;
  CallerRates caller;
  caller.caller = "shop";
  caller.minute.accepted = 120;
  now->callers = {caller};
  rig.Answer<FiguresRequest>(FiguresAnswered{std::make_shared<const FiguresAnswer>(FiguresAnswer{std::shared_ptr<const FiguresNow>(now)})});
  LanesListed lanes;
  lanes.lanes.resize(2);
  lanes.lanes[0].lane.name = "bills";
  lanes.lanes[0].limits.paused = Paused::kByRequest;
  lanes.lanes[1].lane.name = "mails";
  rig.Answer<LanesRequest>(lanes);
  const AlertSpace space = Space(rig.Next(), "orders");
  CHECK(space.oldest_due_age_ms == 1'234);
  REQUIRE(space.hosts);
  CHECK(space.hosts->at(0).host == "h:1");
  CHECK(space.host_rates->at(0).per_s == 1.0);
  CHECK(space.host_rates->at(0).ratio == 3.0);
  CHECK(space.callers->at(0).per_s == 2.0);
  CHECK_FALSE(space.callers->at(0).ratio);
  REQUIRE(space.lanes);
  CHECK(space.lanes->size() == 1);
  CHECK(space.lanes->at(0).lane == "bills");
  CHECK_FALSE(Space(*rig.judged.back(), "default").oldest_due_age_ms);
}

TEST_CASE("alert sampler: a caller that submits more than the day before fires rate_ratio, by what its core has counted over these days") {
  constexpr int64_t kHourMs = 3'600'000;
  CoreFixture core;
  CoreFixture::Fields later;
  later.when = {When::Kind::kDelay, 100 * kHourMs};
  for (int i = 0; i < 30; ++i) {
    for (const char* caller : {"shop", "steady"}) {
      later.caller = caller;
      core.Submit(later);
    }
  }
  core.Pass(30 * kHourMs);
  for (int i = 0; i < 20; ++i) {
    later.caller = i == 0 ? "steady" : "shop";
    core.Submit(later);
  }
  FiguresRequest ask;
  ask.ask = std::make_shared<const FiguresAsk>(FiguresAsk{NowAsk{256, false, true}});
  Rig rig;
  rig.Set({AlertWhen::kRateRatio}, {"orders"});
  const FiguresAnswered answered = std::get<FiguresAnswered>(core.Do(std::move(ask)).body);
  const auto known_ms = static_cast<double>(std::get<std::shared_ptr<const FiguresNow>>(answered.answer->what)->day_before_ms);
  CHECK(known_ms >= 6 * kHourMs);
  CHECK(known_ms <= 7 * kHourMs);
  rig.Answer<FiguresRequest>(answered);
  const AlertFigures& figures = rig.Next();
  AlertRule rule;
  rule.name = "more";
  rule.when = AlertWhen::kRateRatio;
  rule.threshold = 3;
  rule.for_ms = 60'000;
  AlertState state;
  std::vector<AlertNews> told;
  for (int64_t second = 0; second < 120; ++second) {
    const WallTime now{100'000'000 + second * 1'000};
    if (AlertJudgement judged = JudgeAlert(rule, ReadingsOf(rule, figures, now), now, &state); judged.news) told.push_back(*judged.news);
  }
  REQUIRE(told.size() == 1);
  CHECK(told[0].what == AlertNews::What::kFiring);
  REQUIRE(told[0].firing.size() == 1);
  CHECK(told[0].firing[0].cause == AlertCause{.space = "orders", .caller = "shop"});
  // What is known of the day before are its last hours, in the first of which all thirty came.
  CHECK(told[0].firing[0].value == Approx(19 * known_ms / 3'600'000.0 / 30));
}

TEST_CASE("alert sampler: a caller that is the same as the day before does not fire rate_ratio, however little of that day is known") {
  constexpr int64_t kHourMs = 3'600'000;
  CoreFixture core;
  CoreFixture::Fields later;
  later.caller = "steady";
  later.when = {When::Kind::kDelay, 100 * kHourMs};
  Rig rig;
  for (int hour = 0; hour < 30; ++hour) {
    for (int i = 0; i < 40; ++i) core.Submit(later);
    core.Pass(kHourMs / 2);
    rig.Set({AlertWhen::kRateRatio}, {"orders"});
    FiguresRequest ask;
    ask.ask = std::make_shared<const FiguresAsk>(FiguresAsk{NowAsk{256, false, true}});
    rig.Answer<FiguresRequest>(std::get<FiguresAnswered>(core.Do(std::move(ask)).body));
    rig.Set({AlertWhen::kRateRatio}, {"orders"});
    const AlertSpace space = Space(*rig.judged.back(), "orders");
    const std::optional<double> ratio = space.callers->at(0).ratio;
    INFO(hour);
    // As on the day before, more or less: its first hour may be but a part of one.
    if (ratio) CHECK(*ratio < 2.1);
    if (hour < 24) CHECK_FALSE(ratio);
    if (hour > 25) CHECK(ratio);
    // As many came each hour as a ratio wants of all the day before.
    CHECK(space.knows_day_before == ratio.has_value());
    rig.Answer<AlertRequest>(AlertAnswered{std::make_shared<const AlertAnswer>(AlertAnswer{AlertsJudged{}})});
    core.Pass(kHourMs / 2);
  }
}

TEST_CASE("alert sampler: a caller or a host that made room for others and came back fires rate_ratio by the hours alone that were counted") {
  constexpr int64_t kHourMs = 3'600'000;
  CoreFixture core;
  CoreFixture::Fields later;
  later.when = {When::Kind::kDelay, 100 * kHourMs};
  auto submit = [&](const std::string& name) {
    later.caller = name;
    later.host = name + ":80";
    core.Submit(later);
  };
  Rig rig;
  for (int hour = 0; hour < 50; ++hour) {
    for (int i = 0; hour == 20 && i < 600; ++i) submit("c" + std::to_string(i));
    for (int i = 0; i < 40; ++i) submit("steady");
    core.Pass(kHourMs / 2);
    rig.Set({AlertWhen::kRateRatio}, {"orders"});
    FiguresRequest ask;
    ask.ask = std::make_shared<const FiguresAsk>(FiguresAsk{NowAsk{256, false, true}});
    rig.Answer<FiguresRequest>(std::get<FiguresAnswered>(core.Do(std::move(ask)).body));
    rig.Set({AlertWhen::kRateRatio}, {"orders"});
    const AlertSpace space = Space(*rig.judged.back(), "orders");
    rig.Answer<AlertRequest>(AlertAnswered{std::make_shared<const AlertAnswer>(AlertAnswer{AlertsJudged{}})});
    core.Pass(kHourMs / 2);
    for (const auto& [rates, name] : {std::pair(space.callers, "steady"), std::pair(space.host_rates, "steady:80")}) {
      INFO(hour << ' ' << name);
      REQUIRE(rates);
      auto found = std::find_if(rates->begin(), rates->end(), [name = std::string(name)](const AlertRate& each) { return each.name == name; });
      REQUIRE(found != rates->end());
      if (found->ratio) CHECK(*found->ratio < 2.1);
      if (hour > 46) CHECK(found->ratio);
    }
  }
}

TEST_CASE("alert sampler: settings hold for the figures that follow at once, as does that the last alert is gone") {
  Rig rig;
  rig.Set({AlertWhen::kDiskFree});
  rig.Set({AlertWhen::kMemory});
  REQUIRE(rig.judged.size() == 2);
  CHECK(rig.judged.back()->settings->rules[0].when == AlertWhen::kMemory);
  CHECK(rig.Next().settings->rules[0].when == AlertWhen::kMemory);
}

TEST_CASE("alert sampler: where more breakers are open than a core names, all hosts are gone through") {
  Rig rig;
  rig.Set({AlertWhen::kBreakerOpen}, {"orders"});
  auto now = std::make_shared<FiguresNow>();
  now->hosts.resize(256);
  now->stats.open_breakers = 300;
  for (size_t i = 0; i < 256; ++i) {
    now->hosts[i].host = "h" + std::to_string(i);
    now->hosts[i].breaker = Breaker::State::kOpen;
  }
  rig.Answer<FiguresRequest>(FiguresAnswered{std::make_shared<const FiguresAnswer>(FiguresAnswer{std::shared_ptr<const FiguresNow>(now)})});
  REQUIRE(rig.AskedOf<HostsRequest>().size() == 1);
  HostsListed page;
  page.more = true;
  page.hosts.resize(200);
  for (HostView& host : page.hosts) host.breaker = Breaker::State::kOpen;
  page.hosts.back().host = "last";
  const RequestId first = std::get<HostsRequest>(rig.posted.back().second).request;
  rig.sampler->OnReply({first, page});
  const HostsRequest& second = std::get<HostsRequest>(rig.posted.back().second);
  CHECK(second.query.after == "last");
  page.more = false;
  page.hosts.resize(100);
  rig.sampler->OnReply({second.request, page});
  CHECK(Space(rig.Next(), "orders").hosts->size() == 300);
}

TEST_CASE("alert sampler: a host was reached where its breaker ramps, however long that goes on") {
  Rig rig;
  rig.Set({AlertWhen::kBreakerOpen}, {"orders"});
  const auto answer = [&rig](const std::vector<HostNow>& hosts, uint64_t open_breakers) {
    auto now = std::make_shared<FiguresNow>();
    now->hosts = hosts;
    now->stats.open_breakers = open_breakers;
    rig.Answer<FiguresRequest>(FiguresAnswered{std::make_shared<const FiguresAnswer>(FiguresAnswer{std::shared_ptr<const FiguresNow>(now)})});
  };
  std::vector<HostNow> hosts(3);
  for (size_t i = 0; i < hosts.size(); ++i) hosts[i].host = "h:" + std::to_string(i);
  hosts[0].breaker = Breaker::State::kOpen;
  hosts[1].breaker = Breaker::State::kProbing;
  hosts[2].breaker = Breaker::State::kRamp;
  // Its figures do not say so: nothing else succeeded yet.
  hosts[2].figures.attempts = hosts[2].figures.failed = 2;
  hosts[2].figures.last_error = "connect";
  answer(hosts, 2);
  const AlertSpace few = Space(rig.Next(), "orders");
  REQUIRE(few.hosts);
  REQUIRE(few.hosts->size() == 3);
  CHECK(few.hosts->at(0).open);
  CHECK(few.hosts->at(1).open);
  CHECK_FALSE(few.hosts->at(2).open);

  // Of many hosts those that ramp do not stand for one that is open, and is not among those that are named.
  hosts = std::vector<HostNow>(256, hosts[2]);
  answer(hosts, 1);
  REQUIRE(rig.AskedOf<HostsRequest>().size() == 1);
  HostsListed page;
  page.hosts.resize(2);
  page.hosts[0].host = "ramps";
  page.hosts[0].breaker = Breaker::State::kRamp;
  page.hosts[1].host = "open";
  page.hosts[1].breaker = Breaker::State::kOpen;
  rig.Answer<HostsRequest>(page);
  const AlertSpace many = Space(rig.Next(), "orders");
  REQUIRE(many.hosts);
  REQUIRE(many.hosts->size() == 2);
  CHECK_FALSE(many.hosts->at(0).open);
  CHECK(many.hosts->at(1).open);
}

TEST_CASE("alert sampler: all lanes are gone through, a page a second, and only what a rule fires at is kept") {
  Rig rig;
  rig.Set({AlertWhen::kLanePaused}, {"orders"});
  const auto asked = [&rig] {
    std::vector<LanesRequest> all;
    for (const auto& [to, event] : rig.posted)
      if (const auto* ask = std::get_if<LanesRequest>(&event)) all.push_back(*ask);
    return all;
  };
  REQUIRE(asked().size() == 1);
  LanesListed page;
  page.lanes.resize(1'000);
  for (LaneView& lane : page.lanes) lane.lane.name = "open";
  page.more = true;
  page.next = LaneKey{Mode::kFifo, "m"};
  rig.sampler->OnReply({asked()[0].request, page});
  // It is not known before the last page that all is well.
  CHECK_FALSE(Space(rig.Next(), "orders").lanes);
  REQUIRE(asked().size() == 2);
  CHECK(asked()[1].query.after == page.next);
  // While it waits for that page it asks for no other.
  rig.Next();
  CHECK(asked().size() == 2);
  page.more = false;
  page.lanes.back().lane.name = "zebra";
  page.lanes.back().limits.paused = Paused::kByRequest;
  rig.sampler->OnReply({asked()[1].request, page});
  AlertSpace space = Space(rig.Next(), "orders");
  REQUIRE(space.lanes);
  REQUIRE(space.lanes->size() == 1);
  CHECK(space.lanes->at(0).lane == "zebra");
  // What other rules will fire at has to be looked for.
  rig.Set({AlertWhen::kLanePaused, AlertWhen::kPending}, {"orders"});
  CHECK_FALSE(Space(*rig.judged.back(), "orders").lanes);
}

TEST_CASE("alert sampler: lanes that one page holds are gone through each second, where there are more they are left alone for a while") {
  Rig rig;
  const auto asked = [&rig] {
    std::vector<RequestId> all;
    for (const auto& [to, event] : rig.posted)
      if (const auto* ask = std::get_if<LanesRequest>(&event)) all.push_back(ask->request);
    return all;
  };
  rig.Set({AlertWhen::kLanePaused}, {"orders"});
  REQUIRE(asked().size() == 1);
  LanesListed page;
  page.lanes.resize(1);
  page.lanes[0].lane.name = "bills";
  rig.sampler->OnReply({asked()[0], page});
  CHECK(Space(rig.Next(), "orders").lanes->empty());
  REQUIRE(asked().size() == 2);
  page.lanes[0].limits.paused = Paused::kByRequest;
  rig.sampler->OnReply({asked()[1], page});
  const int64_t began_ms = ReadClockMs(CLOCK_BOOTTIME);
  CHECK(Space(rig.Next(), "orders").lanes->size() == 1);
  REQUIRE(asked().size() == 3);
  page.more = true;
  page.next = LaneKey{Mode::kFifo, "m"};
  rig.sampler->OnReply({asked()[2], page});
  rig.Next();
  REQUIRE(asked().size() == 4);
  page.more = false;
  rig.sampler->OnReply({asked()[3], page});
  rig.Next();
  const size_t in_all = asked().size();
  // It may be that the machine stood still for as long as that.
  if (ReadClockMs(CLOCK_BOOTTIME) - began_ms < 5'000) CHECK(in_all == 4);
}

TEST_CASE("alert sampler: one that sleeps is woken once, where some lane of it has settings, to know what is paused there") {
  Rig rig;
  rig.Set({AlertWhen::kLanePaused}, {"asleep"});
  // No lane of it has settings: none is paused, which nobody need be asked.
  CHECK(Space(*rig.judged.at(0), "asleep").lanes.has_value());
  CHECK(rig.AskedOf<LanesRequest>().empty());

  rig.figures[3].totals.lane_settings = 1;
  CHECK_FALSE(Space(rig.Next(), "asleep").lanes);
  REQUIRE(rig.AskedOf<LanesRequest>() == std::vector<NamespaceNumber>{3});
  for (const auto& [to, event] : rig.posted) {
    if (!std::holds_alternative<LanesRequest>(event)) continue;
    CHECK(IsObserver(event));
    CHECK_FALSE(IsWork(event));
  }
  LanesListed listed;
  listed.lanes.resize(1);
  listed.lanes[0].lane.name = "bills";
  listed.lanes[0].limits.paused = Paused::kByRequest;
  listed.lanes[0].own.pause.note = std::make_shared<const PauseNote>(PauseNote{{1}, "token t1", "deployment", {}});
  rig.Answer<LanesRequest>(listed);
  for (int i = 0; i < 3; ++i) {
    const AlertSpace space = Space(rig.Next(), "asleep");
    REQUIRE(space.lanes);
    REQUIRE(space.lanes->size() == 1);
    CHECK(space.lanes->at(0).paused == "by token t1: deployment");
  }
  CHECK(rig.AskedOf<LanesRequest>().size() == 1);
}

TEST_CASE("alert sampler: it takes what system says, hands out what is not stored, and stops with the last alert") {
  Rig rig;
  rig.Set({AlertWhen::kDiskFree});
  AlertsJudged judged{2, 1, {{NotifyId{5}, nullptr, std::make_shared<const std::string>("text")}}};
  rig.Answer<AlertRequest>(AlertAnswered{std::make_shared<const AlertAnswer>(AlertAnswer{judged})});
  CHECK(rig.sampler->shown().alerts == 1);
  CHECK(rig.sampler->shown().firing == 2);
  REQUIRE(rig.unstored.size() == 1);
  CHECK(rig.unstored[0].id == NotifyId{5});
  CHECK(*rig.unstored[0].spec == "text");
  rig.Set({});
  CHECK(rig.judged.back()->settings->rules.empty());
  CHECK(rig.sampler->shown().alerts == 0);
  // Nothing follows: a loop without a timer would run for ever, so that one is set here.
  const size_t count = rig.judged.size();
  rig.loop.SetTimer(1, 2 * AlertSampler::kEachMs, [&] { rig.loop.Stop(); });
  rig.loop.Run();
  CHECK(rig.judged.size() == count);
}

TEST_CASE("alert sampler: a system that answers nothing is not asked more and more") {
  Rig rig;
  rig.Set({AlertWhen::kDiskFree});
  for (int i = 0; i < 4; ++i) rig.Next();
  CHECK(rig.judged.size() == 5);
  rig.loop.SetTimer(1, 2 * AlertSampler::kEachMs, [&] { rig.loop.Stop(); });
  rig.loop.Run();
  CHECK(rig.judged.size() == 5);
}

TEST_CASE("alert sampler: one of several brokers tells whoever judges what it serves itself, and judges with what others say once that is here") {
  Crew crew;
  crew.places[2] = crew.places[4] = {};
  Rig rig(&crew);
  AlertReport report;
  report.member = "b";
  CHECK_FALSE(rig.sampler->Hear(report));
  rig.figures[2].totals.by_index[Index::kDue] = 200'000;
  rig.Set({AlertWhen::kPending, AlertWhen::kOldestDueAge});
  CHECK(rig.judged.empty());
  REQUIRE(rig.told.size() == 1);
  CHECK(rig.told[0].member == "a");
  CHECK(rig.told[0].spaces == std::vector<std::pair<NamespaceNumber, int64_t>>{{2, 0}, {4, 0}});
  REQUIRE(rig.told[0].rules[0].readings.size() == 1);
  CHECK(rig.told[0].rules[0].readings[0].cause == AlertCause{.space = "orders"});
  CHECK(rig.told[0].rules[0].unknown == std::vector<std::string>{"opening"});
  CHECK(rig.AskedOf<FiguresRequest>() == std::vector<NamespaceNumber>{2});

  rig.sampler->SetJudging(true);
  REQUIRE(rig.judged.size() == 1);
  CHECK(rig.told.size() == 1);
  CHECK(Space(*rig.judged[0], "asleep").member == "b");
  CHECK_FALSE(Space(*rig.judged[0], "orders").member);
  REQUIRE(rig.judged[0]->members.size() == 1);
  CHECK_FALSE(rig.judged[0]->members[0].report);
  CHECK(rig.sampler->Hear(report));
  const AlertFigures& figures = rig.Next();
  REQUIRE(figures.members[0].report);
  CHECK(figures.members[0].report->member == "b");
  CHECK_FALSE(figures.members[0].missing);
}

TEST_CASE("alert sampler: of a namespace that comes from another broker what was counted here before counts no more") {
  Crew crew;
  crew.places[2] = {};
  Rig rig(&crew);
  rig.Set({AlertWhen::kFailing});
  auto envelope = std::make_shared<Envelope>();
  envelope->host = "h:1";
  AttemptLog log;
  log.attempt = true;
  log.envelope = envelope;
  log.error = "timeout";
  for (int i = 0; i < 100; ++i) rig.sampler->TakeAttempt("orders", log);  // fewer may be the rest of what was counted elsewhere
  CHECK(rig.NextTold().rules[0].readings.size() == 1);
  crew.places.clear();
  CHECK(rig.NextTold().rules[0].readings.empty());
  crew.places[2] = {};
  CHECK(rig.NextTold().rules[0].readings.empty());
}

TEST_CASE("alert sampler: what the core of a namespace that comes from another broker says before that is seen counts, what was counted before not") {
  Crew crew;
  Rig rig(&crew);
  rig.Set({AlertWhen::kScheduleMissed});
  const FlowLog missed{true, "run missed", {{"schedule", "nightly"}, {"count", "3"}, {"reason", "not_running"}}};
  const auto values = [&] {
    std::vector<double> values;
    for (const AlertReading& reading : rig.NextTold().rules[0].readings) values.push_back(reading.value);
    return values;
  };
  CHECK(values().empty());
  rig.sampler->TakeFlow("orders", missed);
  crew.places[2] = {};
  CHECK(values() == std::vector<double>{3});
  CHECK(values() == std::vector<double>{3});
  // It goes, and what its core still ends here counts for nothing once it comes again.
  crew.places[2] = {Place::Kind::kMoving, {}, {}};
  CHECK(values().empty());
  rig.sampler->TakeFlow("orders", missed);
  crew.places.clear();
  CHECK(values().empty());
  rig.sampler->TakeFlow("orders", missed);
  rig.sampler->TakeFlow("orders", missed);
  crew.places[2] = {};
  CHECK(values() == std::vector<double>{6});
}

TEST_CASE("alert sampler: what is missed in a namespace right after it came from another broker counts, and what was missed there before") {
  Crew crew;
  Rig rig(&crew);
  rig.Set({AlertWhen::kScheduleMissed});
  crew.places[2] = {};
  const auto tell = [&](std::string_view event, const std::string& at) {
    rig.sampler->TakeFlow("orders", {true, std::string(event), {{"schedule", "nightly"}, {"at", at}, {"count", "2"}, {"reason", "not_running"}}});
  };
  tell("run missed", "");
  tell(kMissedBefore, "999999");
  const AlertReport& report = rig.NextTold();
  REQUIRE(report.rules[0].readings.size() == 1);
  CHECK(report.rules[0].readings[0].cause == AlertCause{.space = "orders", .object = "nightly"});
  CHECK(report.rules[0].readings[0].value == 4);
}
