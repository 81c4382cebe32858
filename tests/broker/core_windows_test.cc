// What of the due indexes is in memory where the clock lies behind the last key given to something due at once, and what is said of it.
#include <set>

#include "broker/core_fixture.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

using Fields = CoreFixture::Fields;

constexpr int64_t kMinute = 60'000, kHour = 60 * kMinute;

CoreLimits Small() {
  CoreLimits limits;
  limits.max_loaded = 80;
  limits.page_items = 8;
  limits.lookahead_ms = 1000;
  return limits;
}

Fields InLane(Mode mode, const std::string& lane, When when = {}) {
  Fields fields;
  fields.mode = mode;
  fields.lane = lane;
  fields.when = when;
  return fields;
}

/// Due one by one from a second from now on, in lanes of their own.
void SubmitScheduled(CoreFixture* f, int count, int64_t every_ms) {
  for (int i = 0; i < count; ++i) f->Submit(InLane(i % 2 ? Mode::kFifo : Mode::kConcurrent, "later" + std::to_string(i), Delay(1000 + i * every_ms)));
}

std::set<NotifyId> SetOf(const std::vector<NotifyId>& ids) {
  return {ids.begin(), ids.end()};
}

}  // namespace

TEST_CASE("windows: what is due at once is found by a start behind its keys, however many scheduled ones lie before it") {
  CoreFixture f(Small());
  f.Pass(2 * kHour);  // so that no time is before the epoch
  std::vector<NotifyId> at_once;
  for (int i = 0; i < 20; ++i) at_once.push_back(f.Submit(InLane(i % 2 ? Mode::kFifo : Mode::kConcurrent, "now" + std::to_string(i))).id);
  f.now.wall.ms -= kHour;
  SubmitScheduled(&f, 500, 7'000);
  f.Restart();
  REQUIRE(SetOf(f.UnderWay()) == SetOf(at_once));
  CHECK(f.Stats().loaded_notifies <= 80);
  // What comes now has the last key of all, and waits for nobody.
  for (Mode mode : {Mode::kFifo, Mode::kConcurrent}) at_once.push_back(f.Submit(InLane(mode, "new")).id);
  CHECK(SetOf(f.UnderWay()) == SetOf(at_once));
  // The search is over: what it passed over is not read again until it comes near.
  uint64_t rows = f.store().rows();
  f.Pass(900);
  CHECK(f.store().rows() - rows < 20);
  while (f.Stats().totals.pending() > 0) {
    while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
    f.Pass(kMinute);
    REQUIRE(f.now.mono.ms < 4 * kHour);
  }
  CHECK(f.sent.size() == 20 + 522);
}

TEST_CASE("windows: scheduled ones within a step back of the clock do not fill the memory") {
  CoreFixture f(Small());
  f.Pass(2 * kHour);  // so that no time is before the epoch
  f.Submit(Fields{});
  f.now.wall.ms -= kHour;
  for (int start = 0; start < 2; ++start) {
    SubmitScheduled(&f, 500, 5'000);
    CHECK(f.Stats().loaded_notifies <= 80);
    NotifyId id = f.Submit(InLane(Mode::kFifo, "now" + std::to_string(start))).id;
    REQUIRE(!f.starts.empty());
    CHECK(f.starts.back().id == id);
    f.Restart();
  }
  CHECK(f.Stats().loaded_notifies <= 80);
  for (int64_t passed = 0; passed < kHour; passed += kMinute) {
    f.Pass(kMinute);
    while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
    CHECK(f.Stats().loaded_notifies <= 80);
  }
  std::set<NotifyId> sent;
  for (const StartAttempt& start : f.sent) sent.insert(start.id);
  CHECK(sent.size() == 1003);
  CHECK(f.Stats().totals.pending() == 0);
}

TEST_CASE("windows: a fifo lane keeps its order where its keys lie ahead of the clock") {
  CoreFixture f(Small());
  f.Pass(2 * kHour);  // so that no time is before the epoch
  NotifyId first = f.Submit(InLane(Mode::kFifo, "lane")).id, second = f.Submit(InLane(Mode::kFifo, "lane")).id;
  f.now.wall.ms -= kHour;
  NotifyId soon = f.Submit(InLane(Mode::kFifo, "lane", Delay(30'000))).id;
  NotifyId late = f.Submit(InLane(Mode::kFifo, "lane", Delay(40'000))).id;
  SubmitScheduled(&f, 500, 7'000);
  NotifyId third = f.Submit(InLane(Mode::kFifo, "lane")).id;
  f.Restart();
  CHECK(f.UnderWay() == std::vector{first});
  f.Pass(20'000);
  std::vector<NotifyId> order;
  auto end = [&] {
    for (size_t i = 0; i < f.starts.size(); ++i)
      if (NotifyId id = f.starts[i].id; f.Get(id).record->envelope->lane.name == "lane") {
        order.push_back(id);
        f.End(StartAttempt(f.starts[i]), Verdict::kSuccess);
        f.Run();
        return;
      }
  };
  end();
  f.Pass(15'000);  // `soon` is due by now, and sorts before what waits
  end();
  end();
  f.Pass(10'000);  // and `late`
  end();
  end();
  CHECK(order == std::vector{first, second, soon, third, late});
}

TEST_CASE("windows: one that steps aside is repeated by the monotonic clock, wherever its key lies") {
  CoreLimits limits = Small();
  LaneRule skip{"lane", Mode::kFifo, {}};
  skip.settings.on_retry = OnRetry::kSkip;
  limits.lane_rules.push_back(skip);
  CoreFixture f(limits);
  f.Pass(2 * kHour);
  Fields fields = Fifo();
  fields.when = Delay(10'000);
  NotifyId id = f.Submit(fields).id;
  f.Pass(10'000);
  f.EndFirst(Verdict::kFailure);
  f.now.wall.ms -= kHour;
  f.Restart();
  f.Pass(4'900);
  CHECK(f.starts.empty());
  f.Pass(200);
  CHECK(f.UnderWay() == std::vector{id});
}

TEST_CASE("windows: fifo lanes that wait until all before them is loaded leave it the memory that it needs") {
  // Until the window has caught up with the clock, or while what is due at once is searched for beyond it.
  bool searching = GENERATE(false, true);
  CoreFixture f(Small());
  f.Pass(2 * kHour);  // so that no time is before the epoch
  std::set<NotifyId> at_once;
  auto submit = [&](const std::string& name) {
    Fields fields = InLane(Mode::kFifo, name);
    fields.host = name + ":80";
    at_once.insert(f.Submit(fields).id);
  };
  for (int i = 0; i < 20; ++i) submit("old" + std::to_string(i));
  f.now.wall.ms -= kHour;
  SubmitScheduled(&f, 100, 7'000);
  f.Restart(CrashKind::kKill, false);
  if (searching) {
    f.reads().OpenPages();
    f.reads().ClosePages();
    f.Run();
  }
  for (int i = 0; i < 300; ++i) submit("new" + std::to_string(i));
  CHECK(f.Stats().lanes <= 80);
  CHECK(f.starts.empty());
  f.reads().OpenPages();
  f.Run();
  std::set<NotifyId> sent;
  while (!f.starts.empty()) sent.insert(f.EndFirst(Verdict::kSuccess));
  CHECK(sent == at_once);
}

namespace {

// ---- after a clock that stepped back

/// What each way of looking says: its state by GET, the states that the stats and the lists count it in, and what a bulk cancel finds.
void CheckAllSay(CoreFixture& f, NotifyId id, State state) {
  CHECK(f.StateOf(id) == state);
  StatsView stats = f.Stats();
  LaneView lane = f.LaneOf(f.Get(id).record->envelope->lane);
  for (State other : {State::kHeld, State::kScheduled, State::kReady, State::kSending, State::kRetrying}) {
    CAPTURE(ToString(other), ToString(state));
    uint64_t expected = other == state;
    auto of = [&](const auto& view) {
      const uint64_t counts[] = {view.held, view.scheduled, view.ready, view.sending, view.retrying};
      return counts[static_cast<size_t>(other)];
    };
    CHECK(of(stats) == expected);
    CHECK(of(lane) == expected);
    ListRequest list;
    list.query.states = {other};
    CHECK(std::get<Listed>(f.Do(list).body).items.size() == expected);
    CHECK(f.Bulk(BulkKind::kCancel, {other}, 10, {}, true).count == expected);
  }
}

TEST_CASE("clock stepped back: get, stats, lanes, lists and bulk agree about what its time had come for") {
  CoreFixture f;
  CoreFixture::Fields fields;
  NotifyId id;
  SECTION("at once, in a paused lane") {
    f.Pause(kLane);
    id = f.Submit(fields).id;
  }
  SECTION("scheduled, came due, in a paused lane") {
    f.Pause(kLane);
    fields.when = Delay(1000);
    id = f.Submit(fields).id;
    f.Pass(2000);
  }
  SECTION("held, came due, in a paused lane") {
    f.Pause(kLane);
    fields.when = Delay(1000);
    fields.fkey = "f";
    id = f.Submit(fields).id;
    f.Pass(2000);
  }
  SECTION("scheduled, came due, behind another in a fifo lane") {
    fields.mode = Mode::kFifo;
    CoreFixture::Fields first = fields;
    NotifyId head = f.Submit(first).id;
    fields.when = Delay(1000);
    id = f.Submit(fields).id;
    f.Pass(2000);
    f.now.wall.ms -= 3'600'000;
    f.ById<CancelRequest>(head);
  }
  f.now.wall.ms -= 3'600'000;
  f.Ask(StatsRequest{});
  f.Run();
  CheckAllSay(f, id, State::kReady);
  CHECK(f.Bulk(BulkKind::kCancel, {State::kReady}).count == 1);
  CHECK(f.StateOf(id) == State::kCancelled);
}

TEST_CASE("clock stepped back: what is in a paused lane's tail is ready after a restart, too") {
  CoreFixture f;
  f.Pause(kLane);
  CoreFixture::Fields fields;
  fields.when = Delay(1000);
  NotifyId id = f.Submit(fields).id;
  f.Pass(2000);
  f.now.wall.ms -= 3'600'000;
  f.Restart();
  CheckAllSay(f, id, State::kReady);
}

TEST_CASE("clock stepped back: what was not due yet is scheduled as before") {
  CoreFixture f;
  f.Submit({});
  f.Pass(5000);
  f.now.wall.ms -= 3000;
  CoreFixture::Fields fields;
  fields.lane = "other";
  fields.when = Delay(1000);
  NotifyId id = f.Submit(fields).id;
  ListRequest list;
  list.query.states = {State::kReady};
  CHECK(std::get<Listed>(f.Do(list).body).items.empty());
  list.query.states = {State::kScheduled};
  CHECK(std::get<Listed>(f.Do(list).body).items.size() == 1);
  CHECK(f.StateOf(id) == State::kScheduled);
}

}  // namespace
}  // namespace notifyd
