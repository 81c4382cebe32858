// The core as one of several: its ids, what it is lent, its removal, when it may sleep.
#include <catch2/catch.hpp>

#include "broker/core_fixture.h"

using namespace notifyd;

namespace {

FakeImage NewNamespace(NamespaceNumber number) {
  FakeImage image;
  image.totals.next_id = NotifyId::Of(number, 1).value;
  return image;
}

/// Tells the core and lets it do what comes of it.
void Tell(CoreFixture& f, Event event) {
  f.Post(std::move(event));
  f.Run();
}

/// As a shard asks it: in several of its runs.
void PrepareToSleep(CoreFixture& f) {
  for (int i = 0; i < 2; ++i) {
    f.Post(PrepareSleep{});
    f.Run();
  }
}

CoreFixture::Fields On(std::string host, std::string lane = "lane") {
  CoreFixture::Fields fields;
  fields.caller = host;  // the last place of all is for a caller that has nothing in flight
  fields.host = std::move(host);
  fields.lane = std::move(lane);
  return fields;
}

CoreFixture::Fields Due(int64_t delay_ms) {
  CoreFixture::Fields fields;
  fields.when = Delay(delay_ms);
  return fields;
}

}  // namespace

TEST_CASE("namespace: its ids name it, over a restart too") {
  CoreFixture f({}, NewNamespace(7));
  CHECK(f.Submit({}).id == NotifyId::Of(7, 1));
  f.Restart();
  CHECK(f.Submit({}).id == NotifyId::Of(7, 2));
}

// ---- what is lent

TEST_CASE("grant: no more calls are in flight than are lent, and what is beyond ends in its time") {
  CoreFixture f;
  for (int i = 0; i < 6; ++i) f.Submit(On("h" + std::to_string(i), "lane" + std::to_string(i)));
  CHECK(f.starts.size() == 6);
  Tell(f, GrantChanged{1, 4, 1000});
  for (int i = 6; i < 9; ++i) f.Submit(On("h" + std::to_string(i), "lane" + std::to_string(i)));
  CHECK(f.starts.size() == 6);
  CHECK(f.core().usage().in_flight == 6);
  CHECK(f.core().usage().grant == 1);
  f.EndFirst(Verdict::kSuccess);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.starts.size() == 4);  // as many as are lent: none in their place
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.starts.size() == 4);  // one in its place
  Tell(f, GrantChanged{2, 100, 1000});
  CHECK(f.starts.size() == 6);
}

TEST_CASE("grant: one that was under way to the core before is not this one's") {
  CoreFixture f;
  Tell(f, GrantChanged{7, 1, 1000});
  Tell(f, GrantChanged{5, 100, 1000});
  CHECK(f.core().usage().grant == 7);
  f.Submit(On("a", "a"));
  f.Submit(On("b", "b"));
  CHECK(f.starts.size() == 1);
}

TEST_CASE("grant: a reload of the limits does not lift it, and it does not lift the limits") {
  CoreLimits limits;
  limits.max_in_flight = 3;
  CoreFixture f(limits);
  Tell(f, GrantChanged{1, 2, 1000});
  for (int i = 0; i < 6; ++i) f.Submit(On("h" + std::to_string(i), "lane" + std::to_string(i)));
  CHECK(f.starts.size() == 2);
  limits.max_in_flight = 4;
  Tell(f, LimitsChanged{std::make_shared<CoreLimits>(limits)});
  CHECK(f.starts.size() == 2);
  Tell(f, GrantChanged{2, 100, 1000});
  CHECK(f.starts.size() == 4);
}

TEST_CASE("grant: who has none starts nothing, says what it wants, and starts once it is lent some") {
  CoreFixture f;
  Tell(f, GrantChanged{1, 0, 1000});
  CHECK_FALSE(f.core().usage().wants_in_flight);
  NotifyId id = f.Submit({}).id;
  CHECK(f.starts.empty());
  CHECK(f.core().usage().wants_in_flight);
  CHECK(f.StateOf(id) == State::kReady);
  Tell(f, GrantChanged{2, 1, 1000});
  CHECK(f.UnderWay() == std::vector<NotifyId>{id});
  CHECK_FALSE(f.core().usage().wants_in_flight);
}

TEST_CASE("grant: a host at its own cap wants no more, one that is held by its share of what is lent does") {
  CoreLimits limits;
  limits.max_in_flight_per_host = 4;
  CoreFixture f(limits);
  Tell(f, GrantChanged{1, 100, 1000});
  for (int i = 0; i < 20; ++i) f.Submit(On("h", "lane" + std::to_string(i)));
  CHECK(f.starts.size() == 4);
  CHECK_FALSE(f.core().usage().wants_in_flight);
  Tell(f, GrantChanged{2, 6, 1000});
  for (int i = 0; i < 10; ++i) f.EndFirst(Verdict::kSuccess);
  CHECK(f.starts.size() == 3);
  // Of six it may have but half: with more it could have its four.
  CHECK(f.core().usage().wants_in_flight);
}

TEST_CASE("grant: what is due comes from the disk once memory for it is lent") {
  CoreLimits limits;
  limits.page_items = 4;
  CoreFixture f(limits);
  for (int i = 0; i < 60; ++i) {
    CoreFixture::Fields fields = Due(1'000);
    fields.lane = "lane" + std::to_string(i % 5);
    f.Submit(fields);
  }
  f.Restart();
  f.Post(GrantChanged{1, 100, 0});
  f.Pass(2'000);
  CHECK(f.starts.size() < 60);
  CHECK(f.core().usage().wants_loaded);
  Tell(f, GrantChanged{2, 1000, 200});
  f.Pass(1);
  CHECK(f.starts.size() == 60);
  CHECK_FALSE(f.core().usage().wants_loaded);
}

TEST_CASE("grant: with next to no memory lent a ttl still ends, and what is due is sent") {
  CoreFixture f;
  CoreFixture::Fields held;
  held.fkey = "k";
  held.ttl = Delay(60'000);
  NotifyId expires = f.Submit(held).id;
  NotifyId due = f.Submit(Due(120'000)).id;
  f.Restart();
  f.Post(GrantChanged{1, 1, 1});
  f.Pass(120'100);
  CHECK(f.StateOf(expires) == State::kExpired);
  CHECK(f.StateOf(due) == State::kSending);
}

// ---- removal

TEST_CASE("close: with something pending nothing changes, and it says how many") {
  CoreFixture f;
  f.Submit({});
  f.Submit(Due(60'000));
  Tell(f, CloseIfEmpty{});
  REQUIRE(f.closed);
  CHECK(f.closed->pending == 2);
  CHECK(f.closed->begun == 0);
  f.Submit({});
}

TEST_CASE("close: with nothing pending it takes nothing any more, and says so once that is durable") {
  CoreFixture f;
  NotifyId id = f.Submit({}).id;
  f.EndFirst(Verdict::kSuccess);
  Tell(f, CloseIfEmpty{});
  REQUIRE(f.closed);
  CHECK(f.closed->none());
  CHECK(f.store().synced().Find(id)->state.phase == Phase::kSucceeded);
  CHECK(f.CodeOf(f.TrySubmit({{}}, false)) == Code::kNotFound);
  CHECK(f.CodeOf(f.ById<RetryRequest>(id)) == Code::kNotFound);
  CHECK_FALSE(f.core().ready());
  CHECK(f.StateOf(id) == State::kSucceeded);
  f.Restart();  // it was not remembered
  f.Submit({});
}

TEST_CASE("drain: what is in flight ends, what waits counts as cancelled, nothing starts and nobody is told") {
  CoreFixture f;
  CoreFixture::Fields told;
  told.callback = "watcher:80";
  NotifyId sent = f.Submit(told).id;
  f.Submit(Due(60'000));
  CoreFixture::Fields held;
  held.fkey = "k";
  f.Submit(held);
  CoreFixture::Fields fifo = Fifo();
  f.Submit(fifo);
  f.Submit(fifo);
  CHECK(f.starts.size() == 2);
  Tell(f, Drain{});
  CHECK_FALSE(f.discarded);
  CHECK(f.CodeOf(f.TrySubmit({{}}, false)) == Code::kNotFound);
  CHECK(f.EndFirst(Verdict::kSuccess) == sent);
  CHECK_FALSE(f.discarded);
  f.EndFirst(Verdict::kFailure);  // its next attempt is not waited for
  f.Pass(100);
  REQUIRE(f.discarded);
  CHECK(f.starts.empty());
  CHECK(f.sent.size() == 2);
  CHECK(f.discarded->accepted == 5);
  CHECK(f.discarded->succeeded == 1);
  CHECK(f.discarded->cancelled == 4);
  CHECK(f.discarded->attempts == 2);
  CHECK(f.discarded->pending() == 0);
  CHECK(f.discarded->accepted + f.discarded->revived == f.discarded->succeeded + f.discarded->cancelled);
  CHECK_FALSE(f.drained);
}

TEST_CASE("drain: who waits for an end hears at once that the namespace goes; what was submitted was accepted all the same") {
  CoreFixture f;
  GetRequest get;
  get.wait_ms = 60'000;
  get.id = f.Submit({}).id;
  const uint64_t for_sent = f.Ask(get);
  get.id = f.Submit(Due(60'000)).id;
  const uint64_t for_due = f.Ask(get);
  SubmitRequest submit;
  submit.items.push_back(CoreFixture::Item(Due(60'000)));
  submit.wait_ms = 60'000;
  const uint64_t submitted = f.Ask(std::move(submit));
  f.Run();
  CHECK_FALSE(f.replies.contains(for_sent));
  CHECK_FALSE(f.replies.contains(for_due));
  CHECK_FALSE(f.replies.contains(submitted));
  Tell(f, Drain{});
  for (uint64_t token : {for_sent, for_due}) {
    REQUIRE(f.replies.contains(token));
    CHECK(f.CodeOf(f.replies.at(token)) == Code::kNotFound);
  }
  REQUIRE(f.replies.contains(submitted));
  const Waited* waited = std::get_if<Waited>(&f.replies.at(submitted).body);
  REQUIRE(waited);
  CHECK_FALSE(waited->view);
  CHECK(waited->item.id.value == get.id.value + 1);
  CHECK_FALSE(f.discarded);
  f.EndFirst(Verdict::kSuccess);
  f.Pass(100);
  CHECK(f.discarded);
}

TEST_CASE("drain: after a crash it begins again and comes to the same") {
  CoreFixture f;
  for (int i = 0; i < 3; ++i) f.Submit({});
  f.Submit(Due(1'000));
  Tell(f, Drain{});
  f.EndFirst(Verdict::kSuccess);
  f.Restart(CrashKind::kPower);
  CHECK_FALSE(f.discarded);
  f.starts.clear();
  f.Restart(CrashKind::kKill);
  Tell(f, Drain{});
  for (size_t under_way = f.starts.size(); under_way > 0; --under_way) f.EndFirst(Verdict::kSuccess);
  f.Pass(100);
  REQUIRE(f.discarded);
  CHECK(f.discarded->accepted == 4);
  CHECK(f.discarded->succeeded + f.discarded->cancelled == 4);
  CHECK(f.starts.empty());
}

TEST_CASE("drain: a core that is asked before its first turn starts nothing and reads nothing in") {
  CoreFixture f;
  for (int i = 0; i < 3; ++i) f.Submit(Due(10));
  FakeImage image = f.image();
  CoreFixture g({}, std::move(image));
  g.now.wall.ms += 60'000;
  g.now.mono.ms += 60'000;
  const uint64_t rows = g.store().rows();
  Tell(g, Drain{});
  CHECK(g.discarded);
  CHECK(g.discarded->cancelled == 3);
  CHECK(g.store().rows() == rows);
  CHECK(g.sent.empty());
}

TEST_CASE("drain: a stop in the midst of it ends in both reports") {
  CoreFixture f;
  f.Submit({});
  Tell(f, Drain{});
  Tell(f, StopRequested{});
  CHECK_FALSE(f.drained);
  f.EndFirst(Verdict::kSuccess);
  f.Pass(100);
  CHECK(f.drained);
  CHECK(f.discarded);
}

// ---- sleep

TEST_CASE("idle: with nothing pending it may sleep until somebody asks") {
  CoreFixture f;
  NotifyId id = f.Submit({}).id;
  CHECK_FALSE(f.core().idle(f.now.wall));
  f.EndFirst(Verdict::kSuccess);
  f.Pass(100);  // the end is synced
  PrepareToSleep(f);
  CHECK(f.core().idle(f.now.wall) == kWallNever);
  GetRequest get;
  get.id = id;
  f.Ask(get);
  f.Run();
  CHECK(f.core().idle(f.now.wall) == kWallNever);
}

TEST_CASE("idle: what is due later wakes it, also where that lies beyond memory") {
  CoreFixture f;
  f.Run();
  const int64_t then = f.now.wall.ms;
  f.Submit(Due(10'000));
  f.Submit(Due(3'600'000));
  CHECK_FALSE(f.core().idle(f.now.wall));
  PrepareToSleep(f);
  REQUIRE(f.core().idle(f.now.wall));
  CHECK(f.core().idle(f.now.wall)->ms <= then + 10'000);
  CHECK(f.core().idle(f.now.wall)->ms > then);
  f.Pass(10'000);
  f.EndFirst(Verdict::kSuccess);
  f.Pass(100);
  PrepareToSleep(f);
  CHECK(f.core().idle(f.now.wall) == WallTime{then + 3'600'000});
  // One that comes earlier is not overlooked.
  f.Submit(Due(60'000));
  CHECK_FALSE(f.core().idle(f.now.wall));
  PrepareToSleep(f);
  CHECK(f.core().idle(f.now.wall)->ms < then + 3'600'000);
}

TEST_CASE("idle: the end of a ttl wakes it, a held notify without one does not") {
  CoreFixture f;
  CoreFixture::Fields held;
  held.fkey = "a";
  f.Submit(held);
  f.Pass(100);
  PrepareToSleep(f);
  CHECK(f.core().idle(f.now.wall) == kWallNever);
  held.fkey = "b";
  held.ttl = Delay(7'200'000);
  const int64_t then = f.now.wall.ms;
  f.Submit(held);
  f.Pass(100);
  CHECK_FALSE(f.core().idle(f.now.wall));
  PrepareToSleep(f);
  CHECK(f.core().idle(f.now.wall) == WallTime{then + 7'200'000});
}

TEST_CASE("idle: the rate of the namespace's submits keeps it awake until that is as good as unused") {
  CoreLimits limits;
  limits.submits_per_s = 1;
  limits.submit_burst = 10;
  CoreFixture f(limits);
  for (int i = 0; i < 10; ++i) {
    f.Submit({});
    f.EndFirst(Verdict::kSuccess);
  }
  f.Pass(5'000);
  PrepareToSleep(f);
  CHECK_FALSE(f.core().idle(f.now.wall));
  f.Pass(5'000);
  PrepareToSleep(f);
  CHECK(f.core().idle(f.now.wall) == kWallNever);
}

TEST_CASE("idle: a wait for the next attempt, a long poll and a rate keep it awake, a paused lane does not") {
  CoreFixture f;
  auto asleep = [&] {
    f.Pass(100);
    PrepareToSleep(f);
    return f.core().idle(f.now.wall).has_value();
  };
  CoreFixture::Fields retried;
  retried.retry = Waits({5'000});
  f.Submit(retried);
  f.EndFirst(Verdict::kFailure);
  CHECK_FALSE(asleep());
  f.Pass(5'000);
  f.EndFirst(Verdict::kSuccess);
  CHECK(asleep());

  CoreFixture::Fields held;
  held.fkey = "k";
  GetRequest poll;
  poll.id = f.Submit(held).id;
  poll.wait_ms = 30'000;
  f.Ask(poll);
  f.Run();
  CHECK_FALSE(asleep());
  f.Pass(30'000);
  CHECK(asleep());

  f.Pause(kLane);
  f.Submit({});
  CHECK(asleep());
  f.Resume(kLane);
  CHECK(f.starts.size() == 1);
  CHECK_FALSE(asleep());
  f.EndFirst(Verdict::kSuccess);
  f.SetLane(kLane, Rate(0.1, 1));
  f.Submit({});
  f.EndFirst(Verdict::kSuccess);
  CHECK_FALSE(asleep());  // its bucket is not full
  f.Pass(10'000);
  CHECK(asleep());
}
