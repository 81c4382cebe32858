// The core without any I/O: changes of a notify that waits. One behaviour a case.
#include "broker/core_fixture.h"

#include <catch2/catch.hpp>

#include "broker/figures_events.h"

namespace notifyd {
namespace {

using Fields = CoreFixture::Fields;

TEST_CASE("change: a later due time takes a ready one out of its lane until then") {
  CoreFixture f;
  NotifyId first = f.Submit(Fifo()).id, second = f.Submit(Fifo()).id, third = f.Submit(Fifo()).id;
  CHECK(CoreFixture::CodeOf(f.Change(second, [](ChangeRequest& c) { c.when = Delay(1000); })) == Code::kOk);
  CHECK(f.StateOf(second) == State::kScheduled);
  CHECK(f.EndFirst(Verdict::kSuccess) == first);
  CHECK(f.EndFirst(Verdict::kSuccess) == third);
  f.Pass(1000);
  CHECK(f.UnderWay() == std::vector{second});
  CHECK(f.Balances());
}

TEST_CASE("change: the priority moves one among the ready") {
  CoreFixture f;
  LanePatch patch;
  patch.concurrency.emplace(1);
  f.SetLane(kLane, patch);
  f.Submit(Fields{});
  NotifyId plain = f.Submit(Fields{}).id, urgent = f.Submit(Fields{}).id;
  f.Change(urgent, [](ChangeRequest& c) {
    auto envelope = std::make_shared<Envelope>(*c.envelope);
    envelope->priority = 9;
    c.envelope = envelope;
  });
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.EndFirst(Verdict::kSuccess) == urgent);
  CHECK(f.UnderWay() == std::vector{plain});
}

TEST_CASE("change: new contents are what is sent, after a restart too") {
  for (bool restart : {false, true}) {
    CoreFixture f;
    Fields later;
    later.when = Delay(1000);
    NotifyId id = f.Submit(later).id;
    NotifySpec spec;
    spec.url = "http://changed/";
    f.Change(id, [&](ChangeRequest& c) { c.spec = std::make_shared<const std::string>(EncodeSpec(spec)); });
    if (restart) f.Restart(CrashKind::kPower);
    f.Pass(1000);
    REQUIRE(f.starts.size() == 1);
    CHECK(DecodeSpec(*f.starts[0].spec)->url == "http://changed/");
  }
}

TEST_CASE("change: one that is held stays held, gets a due time, and loses it again") {
  CoreFixture f;
  Fields held;
  held.fkey = "k";
  NotifyId id = f.Submit(held).id;
  f.Change(id, [](ChangeRequest& c) { c.when = Delay(5000); });
  CHECK(f.StateOf(id) == State::kHeld);
  f.Change(id, [](ChangeRequest& c) { c.when = When{}; });
  f.Pass(6000);
  CHECK(f.StateOf(id) == State::kHeld);
  f.Change(id, [](ChangeRequest& c) { c.when = Delay(1000); });
  f.Pass(1000);
  CHECK(f.UnderWay() == std::vector{id});
}

TEST_CASE("change: a ttl is set and taken back") {
  CoreFixture f;
  Fields later;
  later.when = Delay(10'000);
  NotifyId stays = f.Submit(later).id, goes = f.Submit(later).id;
  for (NotifyId id : {stays, goes}) f.Change(id, [](ChangeRequest& c) { c.ttl = Delay(1000); });
  f.Change(stays, [](ChangeRequest& c) { c.ttl = When{}; });
  f.Pass(1000);
  CHECK(f.StateOf(goes) == State::kExpired);
  CHECK(f.StateOf(stays) == State::kScheduled);
  CHECK(f.image().expiries.empty());
}

TEST_CASE("change: a retrying fifo head with a new due time blocks nobody until then") {
  CoreFixture f;
  NotifyId head = f.Submit(Fifo()).id, next = f.Submit(Fifo()).id;
  f.EndFirst(Verdict::kFailure);
  f.Change(head, [](ChangeRequest& c) { c.when = Delay(20'000); });
  CHECK(f.UnderWay() == std::vector{next});
  f.EndFirst(Verdict::kSuccess);
  f.Pass(20'000);
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].id == head);
  CHECK(f.starts[0].number == 2);
}

TEST_CASE("change: refused where it is settled, in flight or unknown, and stale where somebody was faster") {
  CoreFixture f;
  NotifyId flying = f.Submit(Fields{}).id;
  auto nothing = [](ChangeRequest&) {};
  CHECK(CoreFixture::CodeOf(f.Change(flying, nothing)) == Code::kConflict);
  f.EndFirst(Verdict::kSuccess);
  CHECK(CoreFixture::CodeOf(f.Change(flying, nothing)) == Code::kConflict);
  CHECK(CoreFixture::CodeOf(f.Change(NotifyId{99}, nothing)) == Code::kNotFound);
  Fields later;
  later.when = Delay(1000);
  NotifyId id = f.Submit(later).id;
  const Reply& reply = f.Change(id, [&](ChangeRequest& c) {
    f.Change(id, [](ChangeRequest& other) { other.when = Delay(2000); });
    c.when = Delay(3000);
  });
  CHECK(std::holds_alternative<Stale>(reply.body));
  CHECK(f.Get(id).record->state.due.ms == f.now.wall.ms + 2000);
}

TEST_CASE("change: a cancel and a retry of what was read do nothing once that was changed") {
  CoreFixture f;
  Fields later;
  later.when = Delay(1000);
  NotifyId id = f.Submit(later).id;
  auto base = f.Get(id).record;
  f.Change(id, [](ChangeRequest& c) { c.when = Delay(2000); });
  auto send_paused = [&] { return FiguresRequest{{}, std::make_shared<const FiguresAsk>(FiguresAsk{SendPausedAsk{id, {}, base}})}; };
  f.Pause(kLane);
  CHECK(std::holds_alternative<Stale>(f.Do(CancelRequest{{}, id, base}).body));
  CHECK(std::holds_alternative<Stale>(f.Do(RetryRequest{{}, id, "", base}).body));
  CHECK(std::holds_alternative<Stale>(f.Do(send_paused()).body));
  CHECK(f.StateOf(id) == State::kScheduled);
  CHECK(f.starts.empty());
  base = f.Get(id).record;
  CHECK(std::holds_alternative<Retried>(f.Do(send_paused()).body));
  CHECK(f.UnderWay() == std::vector{id});
  // That moved its due time.
  base = f.Get(id).record;
  CHECK(std::holds_alternative<Viewed>(f.Do(CancelRequest{{}, id, base}).body));
  CHECK(CoreFixture::CodeOf(f.Do(ChangeReadRequest{{}, id})) == Code::kConflict);
  CHECK(std::get<Viewed>(f.Do(ChangeReadRequest{{}, id, true}).body).view.state == State::kCancelled);
  CHECK(CoreFixture::CodeOf(f.Do(ChangeReadRequest{{}, NotifyId{99}, true})) == Code::kNotFound);
  f.EndFirst(Verdict::kFailure);
  CHECK(std::holds_alternative<Retried>(f.Do(RetryRequest{{}, id, "", base}).body));
  CHECK(f.Balances());
}

TEST_CASE("change: attempts in between do not make it stale") {
  CoreFixture f;
  NotifyId id = f.Submit(Fifo()).id;
  f.EndFirst(Verdict::kFailure);
  const Reply& reply = f.Change(id, [&](ChangeRequest& c) {
    f.Pass(5000);
    f.EndFirst(Verdict::kFailure);
    c.ttl = Delay(60'000);
  });
  CHECK(std::holds_alternative<Viewed>(reply.body));
  CHECK(f.Get(id).record->attempts.size() == 2);
}

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
  change.envelope = change.base->envelope;
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

}  // namespace
}  // namespace notifyd
