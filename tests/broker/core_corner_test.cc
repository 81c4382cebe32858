// The core without any I/O: corners where two of its rules meet. One behaviour a case.
#include "broker/core_fixture.h"

#include <functional>

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

using Fields = CoreFixture::Fields;

CoreLimits RateForAll(double rate_per_s, uint32_t burst) {
  CoreLimits limits;
  limits.lane_rules = {{"*", std::nullopt, {}}};
  limits.lane_rules[0].settings.rate_per_s = rate_per_s;
  limits.lane_rules[0].settings.burst = burst;
  return limits;
}

/// Looks in while a turn's effects are carried out, when nothing of that turn is written yet.
class Watched : public CoreFixture {
 public:
  using CoreFixture::CoreFixture;
  std::function<void(const StartAttempt&)> on_start;
  std::function<void(const Reply&)> on_reply;
  void Start(StartAttempt attempt) override {
    if (on_start) on_start(attempt);
    CoreFixture::Start(std::move(attempt));
  }
  void Send(Reply reply) override {
    if (on_reply) on_reply(reply);
    CoreFixture::Send(std::move(reply));
  }
};

// ---- rates

TEST_CASE("rate: a lane that rested with a bucket half full sends again with the next token, not when the bucket is full") {
  CoreFixture f;
  f.SetLane(kLane, Rate(1, 10));
  for (int i = 0; i < 10; ++i) f.Submit(Fields{});
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  f.Pass(10);
  f.Submit(Fields{});
  CHECK(f.starts.empty());
  f.Pass(1'000);
  CHECK(f.starts.size() == 1);
}

TEST_CASE("rate: lanes that wait for their next token do not fill the memory, nor hold up lanes of other hosts") {
  CoreLimits limits = RateForAll(0.001, 1);
  limits.lane_rules[0].match = "slow*";
  limits.max_loaded = 200;
  CoreFixture f(limits);
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 1'000; ++i) {
      Fields fields;
      fields.lane = "slow" + std::to_string(i);
      f.Submit(fields);
      while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
    }
  CHECK(f.Stats().loaded_notifies < 400);
  Fields other;
  other.lane = other.host = "other:80";
  other.when = Delay(60'000);
  NotifyId id = f.Submit(other).id;
  f.Pass(61'000);
  CHECK(f.UnderWay() == std::vector{id});
}

TEST_CASE("rate: lanes that gave up their place in memory come back with their next token") {
  CoreLimits limits = RateForAll(1, 3);
  limits.max_loaded = 20;
  CoreFixture f(limits);
  for (int i = 0; i < 400; ++i) {
    Fields fields;
    fields.lane = "slow" + std::to_string(i % 100);
    f.Submit(fields);
    while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  }
  CHECK(f.sent.size() == 300);
  for (int i = 0; i < 30; ++i) {
    f.Pass(50);
    while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  }
  CHECK(f.sent.size() == 400);
}

TEST_CASE("limits changed: a lane that was remembered for its rate alone is let go") {
  CoreFixture f(RateForAll(0.1, 1));
  f.Submit(Fields{});
  f.EndFirst(Verdict::kSuccess);
  f.Pass(100);
  f.Post(LimitsChanged{std::make_shared<CoreLimits>()});
  f.Run();
  CHECK(f.Stats().lanes == 0);
}

TEST_CASE("limits changed: fewer calls a host than are under way") {
  CoreFixture f;
  for (int i = 0; i < 10; ++i) f.Submit(Fields{});
  auto fresh = std::make_shared<CoreLimits>();
  fresh->max_in_flight_per_host = 3;
  f.Post(LimitsChanged{fresh});
  f.Run();
  f.Submit(Fields{});
  CHECK(f.starts.size() == 10);
  while (f.starts.size() > 3) f.EndFirst(Verdict::kSuccess);
  CHECK(f.sent.size() == 10);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.sent.size() == 11);
}

// ---- the end of a ttl

TEST_CASE("change: one whose ttl is over is not brought back, though nobody has looked yet: its fkey may be another's") {
  CoreFixture f;
  CoreFixture::Fields held;
  held.fkey = "k";
  held.ttl = Delay(1000);
  NotifyId id = f.Submit(held).id;
  ChangeReadRequest read;
  read.id = id;
  ChangeRequest change;
  change.id = id;
  change.base = std::get<Viewed>(f.Do(read).body).view.record;
  change.head = change.base->head;
  change.spec = change.base->spec;
  change.ttl = When{};
  f.now.wall.ms += 1000;
  f.now.mono.ms += 1000;
  // The turn in which its time is over brings a submit under its fkey first, then the change.
  SubmitRequest submit;
  submit.items = {CoreFixture::Item(held)};
  uint64_t submitted = f.Ask(submit), changed = f.Ask(change);
  f.Run();
  NotifyId other = std::get<Submitted>(f.replies.at(submitted).body).items[0].id;
  CHECK(CoreFixture::CodeOf(f.replies.at(changed)) == Code::kConflict);
  CHECK(f.StateOf(id) == State::kExpired);
  CHECK(f.StateOf(other) == State::kHeld);
  CHECK(f.image().fkeys.at("k").id == other);
  CHECK(f.Balances());
}

TEST_CASE("change: one whose fkey another got when its time had come is not held again by a clock that steps back") {
  CoreFixture f;
  CoreFixture::Fields held;
  held.fkey = "k";
  held.when = Delay(1000);
  f.Pause(kLane);
  NotifyId id = f.Submit(held).id;
  f.Pass(1500);
  NotifyId other = f.Submit(held).id;
  f.now.wall.ms -= 60'000;
  f.Pass(10);
  bool restarts = GENERATE(false, true);
  if (restarts) f.Restart();
  CHECK(CoreFixture::CodeOf(f.Change(id, [](ChangeRequest& c) { c.ttl = Delay(3'600'000); })) == Code::kOk);
  CHECK(f.StateOf(id) != State::kHeld);
  // With nothing held, null is the usual default: at once.
  CHECK(CoreFixture::CodeOf(f.Change(id, [](ChangeRequest& c) { c.when = When{}; })) == Code::kOk);
  CHECK(f.StateOf(id) == State::kReady);
  CHECK(f.StateOf(other) == State::kHeld);
  f.Resume(kLane);
  CHECK(f.UnderWay() == std::vector{id});
}

// ---- order of a fifo lane over a crash

TEST_CASE("fifo lane: behind a head that is changed to later, the next one starts only once that is written") {
  Watched f;
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
  Watched f;
  f.Submit(Fifo());
  NotifyId front = f.Submit(Fifo()).id, next = f.Submit(Fifo()).id;
  ChangeReadRequest read;
  read.id = front;
  ChangeRequest change;
  change.id = front;
  change.base = std::get<Viewed>(f.Do(read).body).view.record;
  change.head = change.base->head;
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
  Watched f;
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

// ---- restart in place

TEST_CASE("hold: one whose body was being read stays ready, and is counted so") {
  CoreLimits limits;
  limits.max_spec_bytes = 0;
  Watched f(limits);
  f.on_reply = [&](const Reply& reply) {
    if (std::holds_alternative<Submitted>(reply.body)) f.Post(HoldAttempts{});
  };
  NotifyId id = f.Submit(Fields{}).id;
  CHECK(f.starts.empty());
  CHECK(f.quiet);
  CHECK(f.StateOf(id) == State::kReady);
  CHECK(f.LaneOf(kLane).ready == 1);
  f.ById<CancelRequest>(id);
  CHECK(f.Balances());
}

// ---- explain

TEST_CASE("explain: an attempted head in its lane's tail is counted once") {
  CoreFixture f;
  f.Submit(Fifo());
  NotifyId next = f.Submit(Fifo()).id;
  f.EndFirst(Verdict::kFailure);
  f.Pause(kFifoLane);
  f.Pass(6'000);
  Explained why = f.Explain(next);
  REQUIRE(why.reasons.size() == 2);
  CHECK(why.reasons[1].detail.find("behind 1 other ") != std::string::npos);
}

TEST_CASE("explain: a call in flight that came from the tail is counted once") {
  CoreFixture f;
  f.Pause(kFifoLane);
  for (int i = 0; i < 3; ++i) f.Submit(Fifo());
  NotifyId last = f.Submit(Fifo()).id;
  f.Resume(kFifoLane);
  REQUIRE(f.starts.size() == 1);
  Explained why = f.Explain(last);
  REQUIRE(why.reasons.size() == 1);
  CHECK(why.reasons[0].detail.find("behind 3 others") != std::string::npos);
}

// ---- lanes seen

TEST_CASE("lanes: behind a cancelled call that is still in flight, the next one is the head") {
  CoreFixture f;
  NotifyId first = f.Submit(Fifo()).id;
  f.Submit(Fifo());
  f.ById<CancelRequest>(first);
  CHECK(f.LaneOf(kFifoLane).oldest_due);
}

// ---- callbacks

TEST_CASE("callback: into the very lane of the one it tells about, paused, full or at its rate") {
  CoreLimits limits;
  limits.max_loaded_per_lane = 4;
  for (bool paused : {false, true}) {
    CoreFixture f(limits);
    Fields told;
    told.lane = "http://host:80/cb";
    told.callback = "host:80";
    told.retry = Waits({0}, 2);
    told.ttl = Delay(5'000);
    LanePatch patch = Rate(100, 1);
    patch.concurrency.emplace(1);
    LaneKey lane{Mode::kConcurrent, told.lane};
    f.SetLane(lane, patch);
    for (int i = 0; i < 30; ++i) f.Submit(told);
    f.EndFirst(Verdict::kFailure);
    if (paused) f.Pause(lane);
    f.Pass(6'000);
    while (!f.starts.empty()) {
      f.EndFirst(Verdict::kFatal);
      f.Pass(20);
    }
    if (paused) f.Resume(lane);
    for (int i = 0; i < 200; ++i) {
      f.Pass(20);
      if (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
    }
    CHECK(f.Stats().totals.accepted == 60);
    CHECK(f.Stats().totals.pending() == 0);
    CHECK(f.Balances());
  }
}

// ---- pause and resume

TEST_CASE("pause: an attempted head that waits in the tail is cancelled, expires, is changed or retried, and the lane goes on in order") {
  for (const char* what : {"cancel", "expire", "change", "later", "retry", "skip"}) {
    CAPTURE(what);
    CoreFixture f;
    Fields first = Fifo();
    first.ttl = Delay(20'000);
    NotifyId head = f.Submit(first).id;
    std::vector<NotifyId> rest;
    for (int i = 0; i < 3; ++i) rest.push_back(f.Submit(Fifo()).id);
    f.EndFirst(Verdict::kFailure);
    f.Pause(kFifoLane);
    f.Pass(6'000);
    std::string how = what;
    bool head_first = false, head_last = false;
    if (how == "cancel") f.ById<CancelRequest>(head);
    if (how == "expire") f.Pass(20'000);
    if (how == "change") f.Change(head, [](ChangeRequest& c) { c.ttl = Delay(100'000); }), head_first = true;
    if (how == "later") f.Change(head, [](ChangeRequest& c) { c.when = When{}; }), head_last = true;
    if (how == "retry") f.ById<RetryRequest>(head), head_first = true;
    if (how == "skip") {
      LanePatch patch;
      patch.on_retry.emplace(OnRetry::kSkip);
      patch.paused = false;
      f.SetLane(kFifoLane, patch);
      head_first = true;
    }
    f.Resume(kFifoLane);
    if (head_first) CHECK(f.EndFirst(Verdict::kSuccess) == head);
    for (NotifyId id : rest) CHECK(f.EndFirst(Verdict::kSuccess) == id);
    if (head_last) CHECK(f.EndFirst(Verdict::kSuccess) == head);
    CHECK(f.starts.empty());
    CHECK(f.Balances());
  }
}

TEST_CASE("pause: paused and resumed within one turn, the lane goes on where it was") {
  for (bool attempted : {false, true}) {
    CoreFixture f;
    std::vector<NotifyId> ids;
    for (int i = 0; i < 4; ++i) ids.push_back(f.Submit(Fifo()).id);
    if (attempted) {
      f.EndFirst(Verdict::kFailure);
      f.Pass(5'000);
    }
    for (bool paused : {true, false, true, false}) {
      LaneChangeRequest r;
      r.lane = kFifoLane;
      r.patch.paused = paused;
      f.Ask(r);
    }
    f.Run();
    for (NotifyId id : ids) CHECK(f.EndFirst(Verdict::kSuccess) == id);
    CHECK(f.Stats().totals.lane_settings == 0);
  }
}

TEST_CASE("on_failure pause: a bulk retry revives those that failed, and each failure pauses the lane once") {
  CoreFixture f;
  LanePatch patch;
  patch.on_failure.emplace(OnFailure::kPause);
  f.SetLane(kFifoLane, patch);
  Fields once = Fifo();
  once.retry = Waits({100}, 1);
  std::vector<NotifyId> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(f.Submit(once).id);
    f.EndFirst(Verdict::kFailure);
    f.Resume(kFifoLane);
  }
  CHECK(f.Bulk(BulkKind::kRetry, {State::kFailed}).count == 3);
  for (NotifyId id : ids) {
    CHECK(f.UnderWay() == std::vector{id});
    f.EndFirst(Verdict::kFailure);
    CHECK(f.starts.empty());
    f.Resume(kFifoLane);
  }
  CHECK(f.starts.empty());
}

}  // namespace
}  // namespace notifyd
