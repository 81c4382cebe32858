// One of a paused lane is sent although it is paused: that one alone, and once.
#include <catch2/catch.hpp>

#include "broker/figures_events.h"
#include "core_fixture.h"

using namespace notifyd;

namespace {

struct PausedFixture : CoreFixture {
  using CoreFixture::CoreFixture;
  const Reply& SendPaused(NotifyId id) {
    return Do(FiguresRequest{{}, std::make_shared<const FiguresAsk>(FiguresAsk{SendPausedAsk{id, {}}})});
  }
  Code Sent(NotifyId id) { return CodeOf(SendPaused(id)); }
};

}  // namespace

TEST_CASE("send paused: one of a paused lane is sent, and the lane stays paused with all others") {
  const bool restarted = GENERATE(false, true);
  PausedFixture f;
  f.Pause(kLane);
  const NotifyId a = f.Submit({}).id, b = f.Submit({}).id, c = f.Submit({}).id;
  CHECK(f.starts.empty());
  if (restarted) f.Restart();
  CHECK(std::get<Retried>(f.SendPaused(b).body).id == b);
  CHECK(f.UnderWay() == std::vector{b});
  CHECK(f.Sent(b) == Code::kConflict);
  f.EndFirst(Verdict::kSuccess);
  f.Pass(10'000);
  CHECK(f.starts.empty());
  CHECK(f.StateOf(b) == State::kSucceeded);
  CHECK(f.LaneOf(kLane).ready == 2);
  f.Resume(kLane);
  CHECK(f.UnderWay() == std::vector{a, c});
}

TEST_CASE("send paused: where its attempt fails it is what it was before, and is not tried again while the lane is paused") {
  PausedFixture f;
  f.Pause(kLane);
  CoreFixture::Fields fields;
  fields.retry = Waits({1'000});
  const NotifyId id = f.Submit(fields).id;
  CHECK(f.Sent(id) == Code::kOk);
  f.EndFirst(Verdict::kFailure);
  f.Pass(5'000);
  CHECK(f.starts.empty());
  CHECK(f.StateOf(id) == State::kReady);
  CHECK(f.Sent(id) == Code::kOk);
  CHECK(f.UnderWay() == std::vector{id});
  f.EndFirst(Verdict::kFailure);
  // It waits for its next attempt: that is now.
  CHECK(f.Sent(id) == Code::kOk);
  CHECK(f.UnderWay() == std::vector{id});
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.StateOf(id) == State::kSucceeded);
}

TEST_CASE("send paused: in a fifo lane it goes before those before it, and takes nobody's place where it fails") {
  PausedFixture f;
  const NotifyId a = f.Submit(Fifo()).id, b = f.Submit(Fifo()).id, c = f.Submit(Fifo()).id;
  f.EndFirst(Verdict::kFailure);
  f.Pass(5'000);
  CHECK(f.UnderWay() == std::vector{a});
  f.Pause(kFifoLane);
  f.EndFirst(Verdict::kFailure);
  f.Pass(6'000);
  CHECK(f.starts.empty());
  CHECK(f.Sent(c) == Code::kOk);
  CHECK(f.UnderWay() == std::vector{c});
  // One at a time: the next waits for its end.
  CHECK(f.Sent(b) == Code::kOk);
  CHECK(f.UnderWay() == std::vector{c});
  f.EndFirst(Verdict::kFailure);
  CHECK(f.UnderWay() == std::vector{b});
  f.EndFirst(Verdict::kSuccess);
  f.Pass(20'000);
  CHECK(f.starts.empty());
  f.Resume(kFifoLane);
  f.Pass(1);
  CHECK(f.UnderWay() == std::vector{a});
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.UnderWay() == std::vector{c});
}

TEST_CASE("send paused: the attempted head of a fifo lane may be the one, and stays the head") {
  PausedFixture f;
  const NotifyId a = f.Submit(Fifo()).id, b = f.Submit(Fifo()).id;
  f.EndFirst(Verdict::kFailure);
  f.Pause(kFifoLane);
  f.Pass(6'000);
  CHECK(f.starts.empty());
  CHECK(f.Sent(a) == Code::kOk);
  CHECK(f.UnderWay() == std::vector{a});
  f.EndFirst(Verdict::kFailure);
  f.Pass(6'000);
  CHECK(f.starts.empty());
  f.Restart();
  CHECK(f.Sent(a) == Code::kOk);
  CHECK(f.UnderWay() == std::vector{a});
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.starts.empty());
  f.Resume(kFifoLane);
  CHECK(f.UnderWay() == std::vector{b});
}

TEST_CASE("send paused: the attempted head's time may come while one is under way that was sent ahead of it; it goes next once that is over") {
  PausedFixture f;
  const int how = GENERATE(0, 1, 2, 3);
  const bool shelved = GENERATE(false, true);
  CAPTURE(how, shelved);
  const NotifyId a = f.Submit(Fifo()).id, b = f.Submit(Fifo()).id, c = f.Submit(Fifo()).id;
  f.EndFirst(Verdict::kFailure);
  f.Pause(kFifoLane);
  if (shelved) f.Pass(6'000);  // its time came in the paused lane
  CHECK(f.Sent(b) == Code::kOk);
  REQUIRE(f.UnderWay() == std::vector{b});
  if (how == 0) f.Pass(6'000);
  if (how == 1) f.Do(RetryRequest{{}, a});
  if (how == 2) f.Resume(kFifoLane);
  if (how == 3) f.Sent(a);
  f.Pass(6'000);
  CHECK(f.UnderWay() == std::vector{b});
  const bool fails = GENERATE(false, true);
  f.EndFirst(fails ? Verdict::kFailure : Verdict::kSuccess);
  if (how != 2) f.Resume(kFifoLane);
  f.Pass(1);
  CHECK(f.UnderWay() == std::vector{a});
  f.EndFirst(Verdict::kSuccess);
  f.Pass(1);
  CHECK(f.UnderWay() == std::vector{c});
  f.EndFirst(Verdict::kSuccess);
  f.Pass(6'000);
  CHECK(f.UnderWay() == (fails ? std::vector{b} : std::vector<NotifyId>()));
}

TEST_CASE("send paused: a settled one, a held one and one that is due later are sent at once; what is not there or settled by now is refused") {
  PausedFixture f;
  const NotifyId settled = f.Submit({}).id;
  f.EndFirst(Verdict::kSuccess);
  f.Pause(kLane);
  CoreFixture::Fields held, later;
  held.fkey = "k";
  later.when = Delay(100'000);
  for (NotifyId id : {settled, f.Submit(held).id, f.Submit(later).id}) {
    CHECK(f.Sent(id) == Code::kOk);
    CHECK(f.UnderWay() == std::vector{id});
    f.EndFirst(Verdict::kSuccess);
    CHECK(f.StateOf(id) == State::kSucceeded);
  }
  CHECK(f.Sent({12345}) == Code::kNotFound);
  CHECK(f.Balances());
}

TEST_CASE("send paused: where the lane is not paused it is a retry like any other") {
  PausedFixture f;
  CoreFixture::Fields later;
  later.when = Delay(100'000);
  const NotifyId id = f.Submit(later).id;
  CHECK(f.Sent(id) == Code::kOk);
  CHECK(f.UnderWay() == std::vector{id});
  CHECK(f.Sent(id) == Code::kConflict);
}

TEST_CASE("send paused: what waits for its host is sent in its turn; a resume meanwhile, a second pause and an expiry take it as any other") {
  CoreLimits limits;
  limits.max_in_flight_per_host = 1;
  limits.max_in_flight = 1;
  PausedFixture f(limits);
  CoreFixture::Fields other;
  other.lane = "other";
  f.Submit(other);
  f.Pause(kLane);
  const NotifyId a = f.Submit({}).id, b = f.Submit({}).id;
  CHECK(f.Sent(b) == Code::kOk);
  CHECK(f.starts.size() == 1);
  SECTION("its turn comes") {
    f.EndFirst(Verdict::kSuccess);
    CHECK(f.UnderWay() == std::vector{b});
  }
  SECTION("a resume") {
    f.Resume(kLane);
    f.EndFirst(Verdict::kSuccess);
    f.EndFirst(Verdict::kSuccess);
    f.EndFirst(Verdict::kSuccess);
    CHECK(f.StateOf(a) == State::kSucceeded);
    CHECK(f.StateOf(b) == State::kSucceeded);
  }
  SECTION("it is cancelled") {
    f.ById<CancelRequest>(b);
    f.EndFirst(Verdict::kSuccess);
    CHECK(f.starts.empty());
  }
  SECTION("a resume and a pause") {
    f.Resume(kLane);
    f.Pause(kLane);
    f.EndFirst(Verdict::kSuccess);
    CHECK(f.starts.empty());
    CHECK(f.LaneOf(kLane).ready == 2);
  }
  CHECK(f.Balances());
}
