// The core without any I/O: an attempt that was lost with a used connection is repeated at once, over a new one, once.
#include "broker/core_fixture.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

using Fields = CoreFixture::Fields;
using Over = StartAttempt::Over;

/// The oldest under way ends so: its connection had served others, and was lost before a byte of an answer.
void Lose(CoreFixture* f, bool reused = true) {
  AttemptEnded e;
  e.id = f->starts.at(0).id;
  e.result.record.number = f->starts[0].number;
  e.result.record.error = "connection_lost";
  e.result.lost_reused = reused;
  f->starts.pop_front();
  f->Post(std::move(e));
  f->Run();
}

Fields Waiting(uint32_t max_attempts = 10) {
  Fields f;
  f.retry = Waits({5000}, max_attempts);
  return f;
}

TEST_CASE("repeat: a loss with a used connection is repeated at once, as the next attempt, over a new one") {
  CoreFixture f;
  const NotifyId id = f.Submit(Waiting()).id;
  CHECK(f.starts.at(0).over == Over::kAny);
  Lose(&f);
  REQUIRE(f.UnderWay() == std::vector{id});
  CHECK(f.starts[0].number == 2);
  CHECK(f.starts[0].over == Over::kNew);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.StateOf(id) == State::kSucceeded);
  const Totals totals = f.Stats().totals;
  CHECK(totals.attempts == 2);
  CHECK(totals.retries == 1);
}

TEST_CASE("repeat: the end of what was lost is durable before the repeat goes out") {
  CoreFixture f;
  const NotifyId id = f.Submit(Waiting()).id;
  Lose(&f);
  REQUIRE(f.starts.size() == 1);
  // After a power cut the number does not go back.
  f.Restart(CrashKind::kPower);
  REQUIRE(f.UnderWay() == std::vector{id});
  CHECK(f.starts[0].number == 2);
}

TEST_CASE("repeat: once; what is lost again waits as the policy says") {
  CoreFixture f;
  const NotifyId id = f.Submit(Waiting()).id;
  Lose(&f);
  Lose(&f);
  CHECK(f.starts.empty());
  CHECK(f.StateOf(id) == State::kRetrying);
  f.Pass(4999);
  CHECK(f.starts.empty());
  f.Pass(1);
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].number == 3);
  CHECK(f.starts[0].over == Over::kAny);
}

TEST_CASE("repeat: a loss with a new connection waits as the policy says") {
  CoreFixture f;
  f.Submit(Waiting());
  Lose(&f, false);
  CHECK(f.starts.empty());
}

TEST_CASE("repeat: it counts in the budget, and a budget that is used up has none") {
  CoreFixture f;
  const NotifyId one = f.Submit(Waiting(1)).id;
  Lose(&f);
  CHECK(f.StateOf(one) == State::kFailed);
  const NotifyId two = f.Submit(Waiting(2)).id;
  Lose(&f);
  f.EndFirst(Verdict::kFailure);
  CHECK(f.StateOf(two) == State::kFailed);
}

TEST_CASE("repeat: with reply none there is none") {
  CoreFixture f;
  Fields fields;
  fields.reply_none = true;
  const NotifyId id = f.Submit(fields).id;
  Lose(&f);
  CHECK(f.starts.empty());
  CHECK(f.StateOf(id) == State::kFailed);
}

TEST_CASE("repeat: the last attempt of a budget goes over a connection that is new or has just answered, and so does one without reply") {
  CoreFixture f;
  f.Submit(Waiting(2));
  CHECK(f.starts.at(0).over == Over::kAny);
  f.EndFirst(Verdict::kFailure);
  f.Pass(5000);
  CHECK(f.starts.at(0).over == Over::kSure);
  f.EndFirst(Verdict::kSuccess);
  Fields none;
  none.reply_none = true;
  f.Submit(none);
  CHECK(f.starts.at(0).over == Over::kSure);
  f.EndFirst(Verdict::kSuccess);
  f.Submit(Waiting(1));
  CHECK(f.starts.at(0).over == Over::kSure);
}

TEST_CASE("repeat: what later_on asked for again is no part of the budget's end") {
  CoreFixture f;
  f.Submit(Waiting(2));
  f.EndFirst(Verdict::kLater);
  f.Pass(5000);
  CHECK(f.starts.at(0).over == Over::kAny);
  f.EndFirst(Verdict::kFailure);
  f.Pass(5000);
  CHECK(f.starts.at(0).over == Over::kSure);
}

TEST_CASE("repeat: a fifo head does not step aside for it, whatever its lane does with other failures") {
  for (OnRetry on_retry : {OnRetry::kBlock, OnRetry::kSkip}) {
    CoreFixture f;
    LanePatch patch;
    patch.on_retry.emplace(on_retry);
    f.SetLane(kFifoLane, patch);
    const NotifyId first = f.Submit(Fifo()).id, second = f.Submit(Fifo()).id;
    Lose(&f);
    REQUIRE(f.UnderWay() == std::vector{first});
    CHECK(f.starts[0].number == 2);
    f.EndFirst(Verdict::kFailure);
    // From here on it is as after any failure.
    CHECK(f.UnderWay() == (on_retry == OnRetry::kSkip ? std::vector{second} : std::vector<NotifyId>{}));
    if (on_retry == OnRetry::kSkip) f.EndFirst(Verdict::kSuccess);
    f.Pass(5000);
    CHECK(f.EndFirst(Verdict::kSuccess) == first);
    CHECK(f.Balances());
  }
}

TEST_CASE("repeat: a head that stood still for it in a lane that skips is found again after a crash") {
  CoreFixture f;
  LanePatch patch;
  patch.on_retry.emplace(OnRetry::kSkip);
  f.SetLane(kFifoLane, patch);
  const NotifyId first = f.Submit(Fifo()).id, second = f.Submit(Fifo()).id;
  Lose(&f);
  f.Restart();
  REQUIRE(f.UnderWay() == std::vector{first});
  CHECK(f.starts[0].number == 2);
  f.EndFirst(Verdict::kFailure);
  CHECK(f.UnderWay() == std::vector{second});
  f.EndFirst(Verdict::kSuccess);
  f.Pass(5000);
  CHECK(f.EndFirst(Verdict::kSuccess) == first);
}

TEST_CASE("repeat: one that was cancelled meanwhile is not repeated") {
  CoreFixture f;
  const NotifyId id = f.Submit(Waiting()).id;
  CancelRequest cancel;
  cancel.id = id;
  f.Do(std::move(cancel));
  Lose(&f);
  CHECK(f.starts.empty());
  CHECK(f.StateOf(id) == State::kCancelled);
}

}  // namespace
}  // namespace notifyd
