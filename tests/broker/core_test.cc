// The core without any I/O: one behaviour a case.
#include "broker/core_fixture.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

using Fields = CoreFixture::Fields;

When Delay(int64_t ms) { return {When::Kind::kDelay, ms}; }
When At(int64_t ms) { return {When::Kind::kAt, ms}; }
RetryPolicy Waits(std::vector<int64_t> waits, uint32_t max_attempts = 10) {
  RetryPolicy policy;
  policy.schedule_ms = std::move(waits);
  policy.max_attempts = max_attempts;
  policy.jitter = 0;
  return policy;
}
Fields Fifo(std::string lane = "lane") {
  Fields f;
  f.mode = Mode::kFifo;
  f.lane = std::move(lane);
  f.retry = Waits({5000});
  return f;
}

TEST_CASE("submit: sent at once and settled by the expected answer") {
  CoreFixture f;
  SubmittedItem item = f.Submit({});
  CHECK(item.state == State::kReady);
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].number == 1);
  CHECK(f.StateOf(item.id) == State::kSending);
  f.EndFirst(Verdict::kSuccess);
  NotifyView view = f.Get(item.id);
  CHECK(view.state == State::kSucceeded);
  CHECK(view.record->attempts.size() == 1);
  CHECK(f.Stats().totals.succeeded == 1);
  CHECK(f.Balances());
}

TEST_CASE("submit: neither answered nor sent before its batch is durable") {
  CoreFixture f;
  SubmitRequest r;
  r.request = {0, 99};
  r.items.push_back(CoreFixture::Item({}));
  Effects out;
  f.core().Step(f.now, r, &out);
  f.core().Finish(f.now, &out);
  REQUIRE(out.writes.size() == 1);
  CHECK(out.writes[0].sync);
  CHECK(out.replies.empty());
  CHECK(out.starts.empty());
  uint64_t number = out.writes[0].number;
  out = {};
  f.core().Step(f.now, Committed{number, number - 1}, &out);  // written, not synced
  f.core().Finish(f.now, &out);
  CHECK(out.replies.empty());
  CHECK(out.starts.empty());
  f.core().Step(f.now, Committed{number, number}, &out);
  f.core().Finish(f.now, &out);
  CHECK(out.replies.size() == 1);
  CHECK(out.starts.size() == 1);
}

TEST_CASE("submit: a delayed one is sent when it is due, not before") {
  CoreFixture f;
  Fields fields;
  fields.when = Delay(2500);
  SubmittedItem item = f.Submit(fields);
  CHECK(item.state == State::kScheduled);
  f.Pass(2499);
  CHECK(f.starts.empty());
  f.Pass(1);
  CHECK(f.UnderWay() == std::vector{item.id});
}

TEST_CASE("submit: what is far off is on disk only and is paged in when it comes near") {
  CoreLimits limits;
  limits.lookahead_ms = 1000;
  CoreFixture f(limits);
  Fields fields;
  fields.when = Delay(60'000);
  for (int i = 0; i < 50; ++i) f.Submit(fields);
  f.Pass(100);
  CHECK(f.Stats().loaded_notifies == 0);
  CHECK(f.Stats().scheduled == 50);
  f.Pass(60'000);
  CHECK(f.sent.size() == 50);
}

TEST_CASE("clock: a step forward makes due what is then due, a step back sends nothing twice") {
  CoreFixture f;
  Fields fields;
  fields.when = At(f.now.wall.ms + 3'600'000);
  f.Submit(fields);
  f.now.wall.ms += 3'600'000;
  f.Pass(1);
  CHECK(f.sent.size() == 1);
  f.EndFirst(Verdict::kSuccess);
  f.now.wall.ms -= 7'200'000;
  f.Pass(10);
  CHECK(f.sent.size() == 1);
}

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
  CHECK(f.Stats().totals.tail > 0);
  for (NotifyId id : order) CHECK(f.EndFirst(Verdict::kSuccess) == id);
  CHECK(f.Stats().totals.tail == 0);
  CHECK(f.Stats().totals.dormant_lanes == 0);
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
  CHECK(f.Stats().totals.tail > 0);
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
  CHECK(f.Stats().totals.dormant_lanes > 40);
  SECTION("at work") {}
  SECTION("after a restart") {
    f.Restart();
    f.Pass(100);
  }
  while (!f.starts.empty()) ids.erase(f.EndFirst(Verdict::kSuccess));
  CHECK(ids.empty());
  CHECK(f.Stats().totals.dormant_lanes == 0);
  CHECK(f.Stats().totals.lane_records == 0);
}

TEST_CASE("retry: waits grow, the budget ends in failed") {
  CoreFixture f;
  Fields fields;
  fields.retry = Waits({10, 20}, 3);
  NotifyId id = f.Submit(fields).id;
  f.EndFirst(Verdict::kFailure);
  f.Pass(60);
  REQUIRE(f.starts.size() == 1);
  f.EndFirst(Verdict::kFailure);
  f.Pass(60);
  REQUIRE(f.starts.size() == 1);
  f.EndFirst(Verdict::kFailure);
  NotifyView view = f.Get(id);
  CHECK(view.state == State::kFailed);
  CHECK(view.record->state.reason == "attempts_exhausted");
  CHECK(view.record->attempts.size() == 3);
  CHECK(f.Stats().totals.retries == 2);
}

TEST_CASE("retry: the number after an end is sent only once that end is durable") {
  CoreFixture f;
  Fields fields;
  fields.retry = Waits({0});
  f.Submit(fields);
  f.End(f.starts[0], Verdict::kFailure);
  Effects out;
  AttemptEnded e;
  e.id = f.sent[0].id;
  e.result.record.number = 1;
  f.core().Step(f.now, e, &out);
  f.core().Finish(f.now, &out);
  CHECK(out.starts.empty());
  uint64_t number = out.writes.back().number;
  for (int turn = 0; turn < 3; ++turn) {
    f.core().Step(f.now, Tick{}, &out);
    f.core().Finish(f.now, &out);
  }
  number = out.writes.back().number;
  f.core().Step(f.now, Committed{number, 1}, &out);
  f.core().Finish(f.now, &out);
  CHECK(out.starts.empty());
  f.core().Step(f.now, Committed{number, number}, &out);
  f.core().Finish(f.now, &out);
  REQUIRE(out.starts.size() == 1);
  CHECK(out.starts[0].number == 2);
}

TEST_CASE("retry: of a settled one starts over with a fresh budget, and the number goes on") {
  CoreFixture f;
  Fields fields;
  fields.retry = Waits({10}, 1);
  NotifyId id = f.Submit(fields).id;
  f.EndFirst(Verdict::kFailure);
  CHECK(f.StateOf(id) == State::kFailed);
  CHECK(CoreFixture::CodeOf(f.ById<RetryRequest>(id)) == Code::kOk);
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].number == 2);
  CHECK(CoreFixture::CodeOf(f.ById<RetryRequest>(id)) == Code::kConflict);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.Get(id).record->attempts.size() == 2);
  Totals totals = f.Stats().totals;
  CHECK(totals.revived == 1);
  CHECK(totals.failed == 1);
  CHECK(totals.succeeded == 1);
  CHECK(f.Balances());
}

TEST_CASE("retry: a waiting one is moved to now") {
  CoreFixture f;
  Fields fields;
  fields.when = Delay(100'000);
  NotifyId id = f.Submit(fields).id;
  f.ById<RetryRequest>(id);
  CHECK(f.UnderWay() == std::vector{id});
  f.EndFirst(Verdict::kFailure);
  f.ById<RetryRequest>(id);
  CHECK(f.UnderWay() == std::vector{id});
}

TEST_CASE("fkey: held until triggered, a repeat sends nothing") {
  CoreFixture f;
  Fields fields;
  fields.fkey = "order-1";
  fields.data = R"({"a":1,"b":2})";
  NotifyId id = f.Submit(fields).id;
  f.Pass(1000);
  CHECK(f.starts.empty());
  CHECK(f.StateOf(id) == State::kHeld);
  Triggered fresh = std::get<Triggered>(f.Trigger("order-1", R"({"b":3,"c":4})").body);
  CHECK(fresh.fresh);
  CHECK(fresh.id == id);
  REQUIRE(f.starts.size() == 1);
  CHECK(DecodeSpec(*f.starts[0].spec)->payload == R"({"a":1,"b":3,"c":4})");
  Triggered repeat = std::get<Triggered>(f.Trigger("order-1").body);
  CHECK(!repeat.fresh);
  CHECK(repeat.id == id);
  f.EndFirst(Verdict::kSuccess);
  CHECK(!std::get<Triggered>(f.Trigger("order-1").body).fresh);
  CHECK(f.sent.size() == 1);
  CHECK(CoreFixture::CodeOf(f.Trigger("never")) == Code::kNotFound);
}

TEST_CASE("fkey: with a due time it is sent at whichever comes first") {
  CoreFixture f;
  Fields fields;
  fields.fkey = "k";
  fields.when = Delay(1000);
  NotifyId id = f.Submit(fields).id;
  f.Pass(1000);
  CHECK(f.UnderWay() == std::vector{id});
  CHECK(!std::get<Triggered>(f.Trigger("k").body).fresh);
  CHECK(f.Balances());
}

TEST_CASE("fkey: on_held says what a second submit does") {
  CoreFixture f;
  Fields fields;
  fields.fkey = "k";
  NotifyId first = f.Submit(fields).id;
  SECTION("reject names the holder") {
    const Reply& reply = f.TrySubmit({fields}, false);
    CHECK(CoreFixture::CodeOf(reply) == Code::kConflict);
    CHECK(std::get<Refused>(reply.body).holder == first);
  }
  SECTION("keep answers the held one") {
    fields.on_held = OnHeld::kKeep;
    SubmittedItem item = f.Submit(fields);
    CHECK(item.id == first);
    CHECK(item.kept);
    CHECK(f.Stats().totals.accepted == 1);
    fields.idempotency_key = "once";
    f.Submit(fields);
    f.Trigger("k");
    CHECK(f.Submit(fields).id == first);  // a repeat of the kept one, though nothing is held any more
    CHECK(f.Stats().totals.accepted == 1);
  }
  SECTION("replace cancels it") {
    fields.on_held = OnHeld::kReplace;
    NotifyId second = f.Submit(fields).id;
    CHECK(f.Get(first).record->state.reason == "replaced");
    f.Trigger("k");
    CHECK(f.UnderWay() == std::vector{second});
  }
  CHECK(f.Balances());
}

TEST_CASE("fkey: a cancelled one is as if never held, its key is free") {
  CoreFixture f;
  Fields fields;
  fields.fkey = "k";
  f.Submit(fields);
  FkeyCancelRequest cancel;
  cancel.fkey = "k";
  CHECK(CoreFixture::CodeOf(f.Do(cancel)) == Code::kOk);
  CHECK(CoreFixture::CodeOf(f.Trigger("k")) == Code::kNotFound);
  NotifyId second = f.Submit(fields).id;
  f.Trigger("k");
  CHECK(f.UnderWay() == std::vector{second});
  CHECK(CoreFixture::CodeOf(f.Do(cancel)) == Code::kConflict);
}

TEST_CASE("batch: refused as a whole, with the index before the field") {
  CoreFixture f;
  Fields held;
  held.fkey = "k";
  const Reply& reply = f.TrySubmit({{}, held, held});
  REQUIRE(CoreFixture::CodeOf(reply) == Code::kConflict);
  CHECK(std::get<Refused>(reply.body).status.field() == "/2/fkey");
  CHECK(f.Stats().totals.accepted == 0);
  CHECK(f.starts.empty());
}

TEST_CASE("idempotency: the same fields answer the first one's id, others are refused") {
  CoreFixture f;
  Fields fields;
  fields.idempotency_key = "x";
  NotifyId id = f.Submit(fields).id;
  SubmittedItem again = f.Submit(fields);
  CHECK(again.id == id);
  CHECK(again.duplicate);
  f.Restart();
  CHECK(f.Submit(fields).duplicate);
  fields.data = "{}";
  CHECK(CoreFixture::CodeOf(f.TrySubmit({fields}, false)) == Code::kUnacceptable);
  fields.caller = "other";
  CHECK(!f.Submit(fields).duplicate);
  f.now.wall.ms += 25 * 3600 * 1000;
  CHECK(!f.Submit(fields).duplicate);
}

TEST_CASE("ttl: what waits expires, held ones too; one in flight may still succeed") {
  CoreFixture f;
  Fields held;
  held.fkey = "k";
  held.ttl = Delay(1000);
  NotifyId waits = f.Submit(held).id;
  Fields sending;
  sending.ttl = Delay(1000);
  NotifyId flies = f.Submit(sending).id;
  f.Pass(1000);
  CHECK(f.StateOf(waits) == State::kExpired);
  CHECK(f.StateOf(flies) == State::kSending);
  CHECK(CoreFixture::CodeOf(f.Trigger("k")) == Code::kNotFound);
  SECTION("success") {
    f.EndFirst(Verdict::kSuccess);
    CHECK(f.StateOf(flies) == State::kSucceeded);
  }
  SECTION("failure") {
    f.EndFirst(Verdict::kFailure);
    CHECK(f.StateOf(flies) == State::kExpired);
  }
  CHECK(f.Balances());
}

TEST_CASE("crash: an attempt whose end was not written is repeated with the same number") {
  CoreFixture f;
  NotifyId id = f.Submit({}).id;
  f.Restart();
  REQUIRE(f.UnderWay() == std::vector{id});
  CHECK(f.starts[0].number == 1);
  f.EndFirst(Verdict::kFailure);
  f.Restart();
  f.Pass(2000);
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].number == 2);
}

TEST_CASE("get: wait_ms answers once it is settled, or after the time") {
  CoreFixture f;
  NotifyId id = f.Submit({}).id;
  GetRequest get;
  get.id = id;
  get.wait_ms = 500;
  uint64_t first = f.Ask(get);
  f.Run();
  CHECK(!f.replies.count(first));
  f.Pass(500);
  REQUIRE(f.replies.count(first));
  CHECK(std::get<Viewed>(f.replies.at(first).body).view.state == State::kSending);
  uint64_t second = f.Ask(get);
  f.Run();
  f.EndFirst(Verdict::kSuccess);
  REQUIRE(f.replies.count(second));
  CHECK(std::get<Viewed>(f.replies.at(second).body).view.state == State::kSucceeded);
}

TEST_CASE("batch: one sent at once in place of a held one leaves its fkey free for the next item") {
  CoreFixture f;
  Fields held;
  held.fkey = "k";
  NotifyId first = f.Submit(held).id;
  Fields past = held;
  past.on_held = OnHeld::kReplace;
  past.when = At(f.now.wall.ms - 1000);
  Fields next = held;
  next.on_held = OnHeld::kReplace;
  const Reply& reply = f.TrySubmit({past, next});
  REQUIRE(CoreFixture::CodeOf(reply) == Code::kOk);
  CHECK(f.StateOf(first) == State::kCancelled);
  CHECK(f.UnderWay().size() == 1);
  CHECK(f.Stats().held == 1);
  CHECK(f.Balances());
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

TEST_CASE("ttl: one settled in time costs no look at the store when its ttl would have ended") {
  CoreFixture f;
  Fields fields;
  fields.ttl = Delay(500);
  f.Submit(fields);
  f.EndFirst(Verdict::kSuccess);
  Effects out;
  f.now.wall.ms += 500;
  f.now.mono.ms += 500;
  f.core().Step(f.now, Tick{}, &out);
  f.core().Finish(f.now, &out);
  CHECK(out.loads.empty());
}

TEST_CASE("stop: nothing is started, those in flight end, then all is durable") {
  CoreFixture f;
  f.Submit(Fifo());
  NotifyId next = f.Submit(Fifo()).id;
  f.Post(StopRequested{});
  f.Run();
  CHECK(!f.core().ready());
  CHECK(!f.drained);
  CHECK(CoreFixture::CodeOf(f.TrySubmit({{}}, false)) == Code::kUnavailable);
  f.EndFirst(Verdict::kSuccess);
  f.Pass(100);
  CHECK(f.drained);
  CHECK(f.starts.empty());
  CHECK(f.image().totals.pending() == 1);
  f.Restart();
  CHECK(f.UnderWay() == std::vector{next});
}

TEST_CASE("limits: pending ones above the limit are refused, a low disk refuses submits") {
  CoreLimits limits;
  limits.max_pending = 2;
  CoreFixture f(limits);
  Fields fields;
  fields.fkey = "a";
  f.Submit(fields);
  fields.fkey = "b";
  f.Submit(fields);
  CHECK(CoreFixture::CodeOf(f.TrySubmit({{}}, false)) == Code::kTooMany);
  f.Trigger("a");
  f.EndFirst(Verdict::kSuccess);
  f.Post(DiskSpace{true});
  CHECK(CoreFixture::CodeOf(f.TrySubmit({{}}, false)) == Code::kDiskFull);
  f.Post(DiskSpace{false});
  CHECK(CoreFixture::CodeOf(f.TrySubmit({{}}, false)) == Code::kOk);
}

TEST_CASE("write failure: fatal, and nothing is answered any more") {
  CoreFixture f;
  Effects out;
  SubmitRequest r;
  r.items.push_back(CoreFixture::Item({}));
  f.core().Step(f.now, r, &out);
  f.core().Finish(f.now, &out);
  out = {};
  f.core().Step(f.now, WriteFailed{Status(Code::kIo, "sync failed")}, &out);
  f.core().Step(f.now, Committed{1, 1}, &out);
  f.core().Finish(f.now, &out);
  CHECK(out.fatal);
  CHECK(out.replies.empty());
  CHECK(out.starts.empty());
}

}  // namespace
}  // namespace notifyd
