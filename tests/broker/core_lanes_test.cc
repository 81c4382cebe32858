// The core without any I/O: lanes, their order and spill, hosts, memory. One behaviour a case.
#include "broker/core_fixture.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

using Fields = CoreFixture::Fields;

TEST_CASE("fifo lane: block policy holds the next notify until the first settles") {
  CoreFixture f;
  NotifyId first = f.Submit(Fifo()).id, second = f.Submit(Fifo()).id;
  CHECK(f.UnderWay() == std::vector{first});
  f.EndFirst(Verdict::kFailure);
  CHECK(f.starts.empty());
  CHECK(f.StateOf(first) == State::kRetrying);
  f.Pass(4999);
  CHECK(f.starts.empty());
  f.Pass(1);
  CHECK(f.UnderWay() == std::vector{first});
  CHECK(f.starts[0].number == 2);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.UnderWay() == std::vector{second});
}

TEST_CASE("fifo lane: at-once notifies keep the order of submission when the clock steps back") {
  CoreFixture f;
  std::vector<NotifyId> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(f.Submit(Fifo()).id);
    f.now.wall.ms -= 1000;
  }
  for (NotifyId id : ids) CHECK(f.EndFirst(Verdict::kSuccess) == id);
}

TEST_CASE("fifo lane: what is retried by hand, triggered or moved to now goes to the tail, within a millisecond and with a clock that stepped back") {
  const int64_t back_ms = GENERATE(0, 5000);
  const bool restarts = GENERATE(false, true), submits_first = GENERATE(false, true);
  CoreFixture f;
  std::vector<NotifyId> done;
  for (int i = 0; i < 3; ++i) {
    done.push_back(f.Submit(Fifo()).id);
    f.EndFirst(Verdict::kSuccess);
  }
  Fields held = Fifo();
  held.fkey = "f";
  const NotifyId on_call = f.Submit(held).id;
  Fields later = Fifo();
  later.when = Delay(100'000);
  const NotifyId moved = f.Submit(later).id;
  std::vector<NotifyId> order{f.Submit(Fifo()).id, f.Submit(Fifo()).id};
  f.now.wall.ms -= back_ms;
  if (restarts) f.Restart();
  const auto add = [&](NotifyId id) { order.push_back(id); };
  if (submits_first) add(f.Submit(Fifo()).id);
  // Several in the order of their ids need no time of their own.
  for (size_t i : {1, 2}) {
    REQUIRE(CoreFixture::CodeOf(f.ById<RetryRequest>(done[i])) == Code::kOk);
    add(done[i]);
  }
  CHECK(f.Get(done[1]).record->state.due == f.Get(done[2]).record->state.due);
  REQUIRE(CoreFixture::CodeOf(f.ById<RetryRequest>(done[0])) == Code::kOk);
  add(done[0]);
  add(f.Submit(Fifo()).id);
  REQUIRE(CoreFixture::CodeOf(f.Trigger("f")) == Code::kOk);
  add(on_call);
  add(f.Submit(Fifo()).id);
  REQUIRE(CoreFixture::CodeOf(f.Change(moved, [](ChangeRequest& change) { change.when = Delay(0); })) == Code::kOk);
  add(moved);
  add(f.Submit(Fifo()).id);
  f.Pass(0);
  for (NotifyId id : order) CHECK(f.EndFirst(Verdict::kSuccess) == id);
  CHECK(f.Balances());
}

TEST_CASE("fifo lane: a future-due notify blocks nobody") {
  CoreFixture f;
  Fields later = Fifo();
  later.when = Delay(1000);
  NotifyId delayed = f.Submit(later).id;
  NotifyId now = f.Submit(Fifo()).id;
  CHECK(f.EndFirst(Verdict::kSuccess) == now);
  f.Pass(1000);
  CHECK(f.UnderWay() == std::vector{delayed});
}

TEST_CASE("fifo lane: an arrival that sorts before the spilled tail goes in front of it") {
  CoreLimits limits;
  limits.max_loaded_per_lane = 4;
  CoreFixture f(limits);
  Fields early = Fifo();
  early.when = Delay(50);
  NotifyId scheduled = f.Submit(early).id;
  NotifyId head = f.Submit(Fifo()).id;
  f.Pass(100);  // the scheduled one is due now, and older in order than what follows
  std::vector<NotifyId> order{head, scheduled};
  for (int i = 0; i < 30; ++i) order.push_back(f.Submit(Fifo()).id);
  CHECK(f.Stats().totals.by_index[Index::kTail] > 0);
  for (NotifyId id : order) CHECK(f.EndFirst(Verdict::kSuccess) == id);
  CHECK(f.Stats().totals.by_index[Index::kTail] == 0);
  CHECK(f.Stats().totals.sleeping_lanes == 0);
  CHECK(f.Stats().totals.lane_records == 0);
  CHECK(f.Balances());
}

TEST_CASE("fifo lane: order survives a restart with a spilled tail and an attempted head") {
  CoreLimits limits;
  limits.max_loaded_per_lane = 4;
  limits.page_items = 3;
  CoreFixture f(limits);
  std::vector<NotifyId> order;
  for (int i = 0; i < 40; ++i) order.push_back(f.Submit(Fifo()).id);
  for (int i = 0; i < 10; ++i) CHECK(f.EndFirst(Verdict::kSuccess) == order[i]);
  f.EndFirst(Verdict::kFailure);  // order[10] waits
  f.Restart();
  f.Pass(200);
  CHECK(f.starts.empty());
  order.push_back(f.Submit(Fifo()).id);
  f.Pass(5000);
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].number == 2);
  for (size_t i = 10; i < order.size(); ++i) {
    REQUIRE(!f.starts.empty());
    CHECK(f.EndFirst(Verdict::kSuccess) == order[i]);
  }
}

TEST_CASE("fifo lane: a lane of which only a tail is left is found again after a restart") {
  CoreLimits limits;
  limits.max_loaded_per_lane = 4;
  CoreFixture f(limits);
  std::vector<NotifyId> order;
  for (int i = 0; i < 12; ++i) order.push_back(f.Submit(Fifo()).id);
  for (int i = 0; i < 6; ++i) f.EndFirst(Verdict::kSuccess);
  f.Restart();
  f.Pass(100);
  for (size_t i = 6; i < order.size(); ++i) {
    REQUIRE(!f.starts.empty());
    CHECK(f.EndFirst(Verdict::kSuccess) == order[i]);
  }
}

TEST_CASE("fifo lane: one cancelled in flight is settled at once, the lane goes on when its attempt ends") {
  CoreFixture f;
  NotifyId first = f.Submit(Fifo()).id, second = f.Submit(Fifo()).id;
  CHECK(CoreFixture::CodeOf(f.ById<CancelRequest>(first)) == Code::kOk);
  CHECK(f.StateOf(first) == State::kCancelled);
  CHECK(f.UnderWay() == std::vector{first});
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.StateOf(first) == State::kCancelled);
  CHECK(f.Get(first).record->attempts.size() == 1);
  CHECK(f.UnderWay() == std::vector{second});
  CHECK(f.Stats().totals.cancelled == 1);
  CHECK(f.Balances());
}

TEST_CASE("concurrent lane: as many at once as its cap, by priority, then order") {
  CoreLimits limits;
  limits.max_in_flight_per_lane = 2;
  CoreFixture f(limits);
  NotifyId a = f.Submit({}).id, b = f.Submit({}).id;
  NotifyId low = f.Submit({}).id;
  Fields urgent;
  urgent.priority = 9;
  NotifyId high = f.Submit(urgent).id;
  CHECK(f.UnderWay() == std::vector{a, b});
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.UnderWay() == std::vector{b, high});
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.UnderWay() == std::vector{high, low});
}

TEST_CASE("concurrent lane: a spilled tail is worked off whole") {
  CoreLimits limits;
  limits.max_loaded_per_lane = 8;
  limits.max_in_flight_per_lane = 2;
  CoreFixture f(limits);
  for (int i = 0; i < 100; ++i) f.Submit({});
  CHECK(f.Stats().totals.by_index[Index::kTail] > 0);
  for (int i = 0; i < 100; ++i) f.EndFirst(Verdict::kSuccess);
  CHECK(f.Stats().totals.succeeded == 100);
  CHECK(f.Stats().totals.pending() == 0);
  f.Pass(100);
  CHECK(f.Stats().loaded_notifies == 0);
  CHECK(f.Stats().lanes == 0);
  CHECK(f.Stats().hosts == 0);
}

TEST_CASE("hosts: hung ones leave room for the others") {
  CoreLimits limits;
  limits.max_in_flight = 30;
  limits.max_in_flight_per_host = 20;
  limits.max_in_flight_per_lane = 20;
  CoreFixture f(limits);
  for (int h = 0; h < 4; ++h) {
    for (int i = 0; i < 50; ++i) {
      Fields fields;
      fields.host = "hung" + std::to_string(h) + ":80";
      fields.lane = fields.host;
      f.Submit(fields);
    }
  }
  CHECK(f.starts.size() < 30);
  Fields fine;
  fine.host = "fine:80";
  fine.lane = "fine";
  NotifyId id = f.Submit(fine).id;
  CHECK(f.starts.back().id == id);
}

TEST_CASE("hosts: lanes beyond its room sleep in the store and are woken in turn") {
  CoreLimits limits;
  limits.max_waiting_lanes_per_host = 5;
  limits.max_in_flight_per_host = 2;
  CoreFixture f(limits);
  std::set<NotifyId> ids;
  for (int i = 0; i < 60; ++i) {
    Fields fields = i % 2 ? Fifo() : Fields{};
    fields.lane = "lane" + std::to_string(i);
    ids.insert(f.Submit(fields).id);
  }
  f.Pass(100);
  CHECK(f.Stats().lanes < 15);
  CHECK(f.Stats().totals.sleeping_lanes > 40);
  SECTION("at work") {}
  SECTION("after a restart") {
    f.Restart();
    f.Pass(100);
  }
  while (!f.starts.empty()) ids.erase(f.EndFirst(Verdict::kSuccess));
  CHECK(ids.empty());
  CHECK(f.Stats().totals.sleeping_lanes == 0);
  CHECK(f.Stats().totals.lane_records == 0);
}

TEST_CASE("memory: lanes whose heads wait for long do not stop the others") {
  CoreLimits limits;
  limits.max_loaded = 64;
  limits.max_in_flight_per_host = 200;
  limits.max_in_flight = 400;
  CoreFixture f(limits);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 120; ++i) {
      Fields fields = Fifo("lane" + std::to_string(i));
      fields.host = "dead:80";
      fields.retry = Waits({600'000});
      f.Submit(fields);
      while (!f.starts.empty()) f.EndFirst(Verdict::kFailure);
    }
  }
  CHECK(f.Stats().loaded_notifies <= 64);
  f.Pass(60'000);
  Fields fine;
  fine.host = "fine:80";
  fine.lane = "fine";
  NotifyId id = f.Submit(fine).id;
  f.Pass(10);
  CHECK(f.UnderWay() == std::vector{id});
  f.Pass(600'000);
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  CHECK(f.Stats().totals.pending() == 0);
}

TEST_CASE("memory: nothing is left of lanes and hosts whose work is done") {
  CoreFixture f;
  for (int i = 0; i < 200; ++i) {
    Fields fields = i % 2 ? Fifo() : Fields{};
    fields.lane = "lane" + std::to_string(i);
    fields.host = "host" + std::to_string(i) + ":80";
    f.Submit(fields);
    f.EndFirst(Verdict::kSuccess);
  }
  f.Pass(100);
  StatsView stats = f.Stats();
  CHECK(stats.lanes == 0);
  CHECK(stats.hosts == 0);
  CHECK(stats.loaded_notifies == 0);
  CHECK(stats.spec_bytes == 0);
}

TEST_CASE("fifo lane: the next one waits until the cancellation of the front is written") {
  CoreFixture f;
  NotifyId first = f.Submit(Fifo()).id, second = f.Submit(Fifo()).id;
  f.Submit(Fifo());
  f.End(f.starts[0], Verdict::kSuccess);
  CancelRequest cancel;
  cancel.id = second;
  Effects out;
  AttemptEnded e;
  e.id = first;
  e.result.verdict = Verdict::kSuccess;
  e.result.record.number = 1;
  f.core().Step(f.now, e, &out);
  f.core().Step(f.now, cancel, &out);
  f.core().Finish(f.now, &out);
  CHECK(out.starts.empty());
  uint64_t number = out.writes.back().number;
  f.core().Step(f.now, Committed{number, number}, &out);
  f.core().Finish(f.now, &out);
  CHECK(out.starts.size() == 1);
}

// ---- order of a fifo lane over a crash

TEST_CASE("fifo lane: behind a head that is changed to later, the next one starts only once that is written") {
  WatchedCore f;
  NotifyId head = f.Submit(Fifo()).id, next = f.Submit(Fifo()).id;
  f.EndFirst(Verdict::kFailure);
  bool free = false;
  f.on_start = [&](const StartAttempt& start) {
    if (start.id == next) free = f.image().lanes.count(kFifoLane) == 0 || f.image().lanes.at(kFifoLane).blocked_head != head;
  };
  f.Change(head, [](ChangeRequest& c) { c.when = Delay(20'000); });
  CHECK(f.UnderWay() == std::vector{next});
  CHECK(free);
}

TEST_CASE("fifo lane: behind a front that is changed to later, the next one starts only once that is written") {
  WatchedCore f;
  f.Submit(Fifo());
  NotifyId front = f.Submit(Fifo()).id, next = f.Submit(Fifo()).id;
  ChangeReadRequest read;
  read.id = front;
  ChangeRequest change;
  change.id = front;
  change.base = std::get<Viewed>(f.Do(read).body).view.record;
  change.envelope = change.base->envelope;
  change.spec = change.base->spec;
  change.when = Delay(20'000);
  bool moved = false;
  f.on_start = [&](const StartAttempt& start) {
    if (start.id == next) moved = f.image().Find(front)->state.due.ms == f.now.wall.ms + 20'000;
  };
  f.End(f.starts[0], Verdict::kSuccess);
  // The change is taken in the turn in which the end before it is reported written: the front would start then.
  f.Ask(change);
  f.Run();
  CHECK(f.UnderWay() == std::vector{next});
  CHECK(moved);
}

TEST_CASE("fifo lane: behind a head that on_retry skip sets free, the next one starts only once that is written") {
  WatchedCore f;
  NotifyId head = f.Submit(Fifo()).id, next = f.Submit(Fifo()).id;
  f.EndFirst(Verdict::kFailure);
  bool free = false;
  f.on_start = [&](const StartAttempt& start) {
    if (start.id == next) free = f.image().lanes.count(kFifoLane) == 0 || f.image().lanes.at(kFifoLane).blocked_head != head;
  };
  LanePatch patch;
  patch.on_retry.emplace(OnRetry::kSkip);
  f.SetLane(kFifoLane, patch);
  CHECK(f.UnderWay() == std::vector{next});
  CHECK(free);
}

}  // namespace
}  // namespace notifyd
