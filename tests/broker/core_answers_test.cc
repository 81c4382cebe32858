// Answers say what was decided, whatever is decided behind it before the store is read for them.
#include "broker/core_fixture.h"
#include "broker/figures_events.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

CoreFixture::Fields Held(const std::string& fkey = "f") {
  CoreFixture::Fields f;
  f.fkey = fkey;
  return f;
}

/// Asks, and leaves the answer's read behind a closed gate.
template <class T>
uint64_t AskHeldBack(CoreFixture* f, T request) {
  f->reads().Close();
  uint64_t token = f->Ask(std::move(request));
  f->Run();
  REQUIRE(f->replies.count(token) == 0);
  REQUIRE(f->reads().held() == 1);
  return token;
}
template <class T>
uint64_t AskHeldBack(CoreFixture* f, NotifyId id) {
  T request;
  request.id = id;
  return AskHeldBack(f, std::move(request));
}
/// The view that the request got; fails where it got something else.
NotifyView ViewAfterOpening(CoreFixture* f, uint64_t token) {
  f->reads().Open();
  f->Run();
  REQUIRE(f->replies.count(token) == 1);
  const auto* viewed = std::get_if<Viewed>(&f->replies.at(token).body);
  REQUIRE(viewed);
  return viewed->view;
}

TEST_CASE("answers: a cancel that was carried out shows the cancelled notify though it is purged before it is read") {
  CoreFixture f;
  NotifyId id = f.Submit({}).id;
  f.EndFirst(Verdict::kFailure);
  uint64_t token = AskHeldBack<CancelRequest>(&f, id);
  CHECK(f.Bulk(BulkKind::kPurge, {State::kCancelled}).count == 1);
  NotifyView view = ViewAfterOpening(&f, token);
  CHECK(view.state == State::kCancelled);
  CHECK(view.record->state.reason == "cancelled");
  CHECK(view.record->id == id);
  REQUIRE(view.record->attempts.size() == 1);
  CHECK(view.record->attempts[0].status == 500);
  CHECK(CoreFixture::CodeOf(f.ById<CancelRequest>(id)) == Code::kNotFound);
}

TEST_CASE("answers: a cancel shows the cancelled notify though it is sent again, changed and ends before it is read") {
  CoreFixture f;
  CoreFixture::Fields fields;
  fields.data = "{\"a\":1}";
  NotifyId id = f.Submit(fields).id;
  f.EndFirst(Verdict::kFailure);
  uint64_t cancel = AskHeldBack<CancelRequest>(&f, id);
  f.Do([&] {
    RetryRequest r;
    r.id = id;
    return r;
  }());
  f.EndFirst(Verdict::kFailure);
  SECTION("as it stands") {}
  SECTION("changed") {
    ChangeRequest change;
    change.id = id;
    change.base = std::make_shared<NotifyRecord>(*f.image().Find(id));
    auto envelope = std::make_shared<Envelope>(*change.base->envelope);
    envelope->priority = 9;
    change.envelope = envelope;
    change.spec = std::make_shared<const std::string>(*CoreFixture::Item({}).spec);
    f.Ask(std::move(change));
    f.Run();
    REQUIRE(f.image().Find(id)->envelope->priority == 9);
  }
  NotifyView view = ViewAfterOpening(&f, cancel);
  CHECK(view.state == State::kCancelled);
  CHECK(view.record->state.phase == Phase::kCancelled);
  CHECK(view.record->envelope->priority == 4);
  CHECK(DecodeSpec(*view.record->spec)->payload == "{\"a\":1}");
  CHECK(view.record->attempts.size() == 1);
}

TEST_CASE("answers: a cancel by fkey shows what it cancelled though it is purged before it is read") {
  CoreFixture f;
  NotifyId id = f.Submit(Held()).id;
  FkeyCancelRequest cancel;
  cancel.fkey = "f";
  uint64_t token = AskHeldBack(&f, cancel);
  CHECK(f.Bulk(BulkKind::kPurge, {State::kCancelled}).count == 1);
  NotifyView view = ViewAfterOpening(&f, token);
  CHECK(view.record->id == id);
  CHECK(view.state == State::kCancelled);
}

TEST_CASE("answers: a look at an fkey shows what was held though it is cancelled before it is read") {
  CoreFixture f;
  NotifyId id = f.Submit(Held()).id;
  FkeyGetRequest get;
  get.fkey = "f";
  uint64_t token = AskHeldBack(&f, get);
  f.Ask([&] {
    CancelRequest r;
    r.id = id;
    return r;
  }());
  f.Run();
  REQUIRE(f.image().Find(id)->state.phase == Phase::kCancelled);
  NotifyView view = ViewAfterOpening(&f, token);
  CHECK(view.state == State::kHeld);
  CHECK(view.record->state.phase == Phase::kHeld);
}

TEST_CASE("answers: a change shows what was changed though it is changed again, cancelled and purged before it is read") {
  CoreFixture f;
  CoreFixture::Fields fields;
  fields.when = Delay(60'000);
  NotifyId id = f.Submit(fields).id;
  auto change = [&](uint8_t priority) {
    ChangeRequest r;
    r.id = id;
    r.base = std::make_shared<NotifyRecord>(*f.image().Find(id));
    auto envelope = std::make_shared<Envelope>(*r.base->envelope);
    envelope->priority = priority;
    r.envelope = envelope;
    r.spec = r.base->spec;
    return r;
  };
  uint64_t token = AskHeldBack(&f, change(7));
  f.Ask(change(8));
  f.Run();
  REQUIRE(f.image().Find(id)->envelope->priority == 8);
  SECTION("changed again") {}
  SECTION("cancelled and purged") {
    f.Ask([&] {
      CancelRequest r;
      r.id = id;
      return r;
    }());
    f.Run();
    CHECK(f.Bulk(BulkKind::kPurge, {State::kCancelled}).count == 1);
  }
  NotifyView view = ViewAfterOpening(&f, token);
  CHECK(view.state == State::kScheduled);
  CHECK(view.record->envelope->priority == 7);
}

TEST_CASE("answers: a change starts from what was decided, and is stale where others changed it before it was read") {
  CoreFixture f;
  CoreFixture::Fields fields;
  fields.when = Delay(60'000);
  NotifyId id = f.Submit(fields).id;
  uint64_t token = AskHeldBack<ChangeReadRequest>(&f, id);
  f.Ask([&] {
    CancelRequest r;
    r.id = id;
    return r;
  }());
  f.Run();
  NotifyView view = ViewAfterOpening(&f, token);
  CHECK(view.state == State::kScheduled);
}

TEST_CASE("answers: who waits for the end is shown the end though it is sent again or purged before it is read") {
  CoreFixture f;
  CoreFixture::Fields fields;
  fields.retry = Waits({10}, 1);
  NotifyId id = f.Submit(fields).id;
  GetRequest get;
  get.id = id;
  get.wait_ms = 60'000;
  uint64_t token = f.Ask(get);
  f.Run();
  f.reads().Close();
  f.EndFirst(Verdict::kFailure);
  REQUIRE(f.reads().held() == 1);
  SECTION("sent again") {
    f.ById<RetryRequest>(id);
    f.EndFirst(Verdict::kSuccess);
  }
  SECTION("purged") {
    CHECK(f.Bulk(BulkKind::kPurge, {State::kFailed}).count == 1);
  }
  NotifyView view = ViewAfterOpening(&f, token);
  CHECK(view.state == State::kFailed);
  CHECK(view.record->state.reason == "attempts_exhausted");
  CHECK(view.record->attempts.size() == 1);
}

TEST_CASE("answers: the end of a wait shows what was then, though it settles and is purged before it is read") {
  CoreFixture f;
  NotifyId id = f.Submit({}).id;
  GetRequest get;
  get.id = id;
  get.wait_ms = 1000;
  uint64_t token = f.Ask(get);
  f.Run();
  f.reads().Close();
  f.Pass(1000);
  REQUIRE(f.reads().held() == 1);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.Bulk(BulkKind::kPurge, {State::kSucceeded}).count == 1);
  CHECK(ViewAfterOpening(&f, token).state == State::kSending);
}

TEST_CASE("answers: with a retention of nothing, a cancel and a wait still show the end") {
  CoreLimits limits;
  limits.retention_succeeded_ms = limits.retention_settled_ms = 0;
  CoreFixture f(limits);
  NotifyId id = f.Submit({}).id;
  const Reply& cancelled = f.ById<CancelRequest>(id);
  REQUIRE(std::holds_alternative<Viewed>(cancelled.body));
  CHECK(std::get<Viewed>(cancelled.body).view.state == State::kCancelled);
  f.EndFirst(Verdict::kSuccess);

  NotifyId other = f.Submit({}).id;
  GetRequest get;
  get.id = other;
  get.wait_ms = 60'000;
  uint64_t token = f.Ask(get);
  f.Run();
  f.EndFirst(Verdict::kSuccess);
  REQUIRE(std::holds_alternative<Viewed>(f.replies.at(token).body));
  CHECK(std::get<Viewed>(f.replies.at(token).body).view.state == State::kSucceeded);
}

TEST_CASE("answers: a lane that was paused is shown paused though it is resumed before it is read") {
  CoreFixture f;
  f.Submit({});
  auto set = [](bool paused) {
    LaneChangeRequest r;
    r.lane = kLane;
    r.patch.paused = paused;
    return r;
  };
  f.reads().Close();
  uint64_t pause = f.Ask(set(true));
  f.Run();
  uint64_t resume = f.Ask(set(false));
  f.Run();
  REQUIRE(f.reads().held() == 2);
  f.reads().Open();
  f.Run();
  const LaneView& first = std::get<LaneViewed>(f.replies.at(pause).body).lane;
  const LaneView& second = std::get<LaneViewed>(f.replies.at(resume).body).lane;
  CHECK(first.own.paused == Paused::kByRequest);
  CHECK(first.limits.paused == Paused::kByRequest);
  CHECK(second.own.paused == Paused::kNo);
}

TEST_CASE("a store that is not reached: whoever looks at what ended meanwhile is shown it as the store has it") {
  CoreFixture f;
  const NotifyId id = f.Submit({}).id;
  f.reads().CloseCommits();
  GetRequest get;
  get.id = id;
  get.wait_ms = 60'000;
  const uint64_t before = f.Ask(get);
  f.Run();
  f.EndFirst(Verdict::kSuccess);
  get.wait_ms = 500;
  const uint64_t behind = f.Ask(get);
  f.Run();
  f.Post(DiskSpace{.lost = true});
  f.Pass(4'900);
  CHECK(f.replies.count(before) + f.replies.count(behind) == 0);
  f.Pass(200);
  for (const uint64_t asked : {before, behind}) CHECK(std::get<Viewed>(f.replies.at(asked).body).view.state == State::kReady);
  f.replies.clear();
  f.reads().OpenCommits();
  f.Post(DiskSpace{.lost = false});
  f.Run();
  CHECK(f.replies.empty());
  CHECK(f.StateOf(id) == State::kSucceeded);
}

TEST_CASE("get: whoever waits and is not there for long is answered once, with what the notify is now") {
  CoreFixture f;
  const NotifyId id = f.Submit({}).id;
  GetRequest get;
  get.id = id;
  get.wait_ms = 60'000;
  const uint64_t asked = f.Ask(get);
  f.Run();
  CHECK_FALSE(f.replies.contains(asked));
  const bool ended = GENERATE(false, true);
  if (ended) {
    f.reads().CloseCommits();
    f.EndFirst(Verdict::kSuccess);
  }
  f.Post(FiguresRequest{{}, std::make_shared<const FiguresAsk>(FiguresAsk{EndWaitAsk{{0, asked}}})});
  f.Run();
  CHECK(f.replies.contains(asked) == !ended);
  f.reads().OpenCommits();
  f.Run();
  CHECK(std::get<Viewed>(f.replies.at(asked).body).view.state == (ended ? State::kSucceeded : State::kSending));
}

}  // namespace
}  // namespace notifyd
