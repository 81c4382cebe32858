// The core without any I/O: one behaviour a case.
#include "broker/core_fixture.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

using Fields = CoreFixture::Fields;

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
  f.Run();  // it has read what a core needs before its first turn
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

TEST_CASE("submit: it is answered before its first attempt goes out") {
  WatchedCore f;
  std::vector<std::string> order;
  f.on_reply = [&](const Reply& reply) {
    if (std::holds_alternative<Submitted>(reply.body)) order.push_back("answer");
  };
  f.on_start = [&](const StartAttempt&) { order.push_back("attempt"); };
  f.Submit(CoreFixture::Fields{});
  CHECK(order == std::vector<std::string>{"answer", "attempt"});
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

TEST_CASE("trigger: data is merged outside, and what was merged into another spec than the notify has is not taken") {
  CoreFixture f;
  CoreFixture::Fields held;
  held.fkey = "k";
  held.data = R"({"a":1})";
  NotifyId id = f.Submit(held).id;
  TriggerRequest r;
  r.fkey = "k";
  r.data = R"({"b":2})";
  auto asked = std::get<Unmerged>(f.Do(r).body);
  CHECK(DecodeSpec(*asked.spec)->payload == R"({"a":1})");
  CHECK(f.StateOf(id) == State::kHeld);
  auto merged = [&](const Unmerged& unmerged) {
    NotifySpec spec = *MergeTriggerData(*DecodeSpec(*unmerged.spec), *r.data, kNoBodyLimit);
    return TriggerRequest::Merge{unmerged.spec, std::make_shared<const std::string>(EncodeSpec(spec))};
  };
  r.merge = merged(asked);
  // It is changed in between.
  f.Change(id, [](ChangeRequest& c) {
    NotifySpec spec = *DecodeSpec(*c.spec);
    spec.payload = R"({"a":7})";
    c.spec = std::make_shared<const std::string>(EncodeSpec(spec));
  });
  asked = std::get<Unmerged>(f.Do(r).body);
  CHECK(DecodeSpec(*asked.spec)->payload == R"({"a":7})");
  CHECK(f.starts.empty());
  r.merge = merged(asked);
  CHECK(std::get<Triggered>(f.Do(r).body).fresh);
  REQUIRE(f.starts.size() == 1);
  CHECK(DecodeSpec(*f.starts[0].spec)->payload == R"({"a":7,"b":2})");
  // Asked again, it is a repeat, and asks for nothing.
  CHECK_FALSE(std::get<Triggered>(f.Do(r).body).fresh);
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

TEST_CASE("idempotency: a key is remembered for as long as its submit says, from the first on, also over a restart") {
  constexpr int64_t kHourMs = 3600 * 1000, kDayMs = 24 * kHourMs;
  CoreFixture f;
  auto submit = [&](const std::string& key, int64_t window_ms) {
    Fields fields;
    fields.idempotency_key = key;
    SubmitRequest r;
    r.items = {CoreFixture::Item(fields)};
    r.items[0].idempotency_window_ms = window_ms;
    return std::get<Submitted>(f.Do(r).body).items.at(0);
  };
  const NotifyId id = submit("long", 30 * kDayMs).id;
  submit("short", kHourMs);
  submit("as the settings say", 0);
  f.now.wall.ms += kHourMs;
  CHECK(!submit("short", kHourMs).duplicate);
  CHECK(submit("as the settings say", kHourMs).duplicate);
  f.Restart();
  f.now.wall.ms += 29 * kDayMs;
  CHECK(submit("long", 0).id == id);
  CHECK(submit("long", 30 * kDayMs).duplicate);
  CHECK(!submit("as the settings say", 0).duplicate);
  f.now.wall.ms += kDayMs;
  CHECK(!submit("long", 30 * kDayMs).duplicate);
}

TEST_CASE("idempotency: a repeat is known by the print of an earlier notifyd, too") {
  CoreFixture f;
  Fields fields;
  fields.idempotency_key = "x";
  SubmitRequest first;
  first.items = {CoreFixture::Item(fields)};
  first.items[0].fields = {1, 1};  // as it was made then
  NotifyId id = std::get<Submitted>(f.Do(first).body).items[0].id;
  SubmitRequest again = first;
  again.items[0].fields = {2, 2};
  again.items[0].fields_1 = {1, 1};
  const Submitted known = std::get<Submitted>(f.Do(again).body);
  CHECK(known.items[0].duplicate);
  CHECK(known.items[0].id == id);
  again.items[0].fields_1 = {3, 3};
  CHECK(CoreFixture::CodeOf(f.Do(again)) == Code::kUnacceptable);
}

TEST_CASE("idempotency: a duplicate of one that was removed says that it is") {
  bool purged = GENERATE(true, false);
  CoreLimits limits;
  limits.retention_settled_ms = 60'000;
  CoreFixture f(limits);
  Fields fields;
  fields.idempotency_key = "x";
  fields.retry = Waits({10}, 1);
  NotifyId id = f.Submit(fields).id;
  f.EndFirst(Verdict::kFailure);
  CHECK(f.Submit(fields).state == State::kFailed);
  CHECK_FALSE(f.Submit(fields).removed);
  if (purged) CHECK(f.Bulk(BulkKind::kPurge, {State::kFailed}).count == 1);
  else f.Pass(61'000);
  SubmittedItem again = f.Submit(fields);
  CHECK(again.duplicate);
  CHECK(again.removed);
  CHECK(again.id == id);
  CHECK(again.lane == kLane);
}

TEST_CASE("totals: every attempt but a notify's first is a retry, the first after it was sent again too") {
  CoreFixture f;
  Fields fields;
  fields.retry = Waits({10}, 1);
  NotifyId id = f.Submit(fields).id;
  f.EndFirst(Verdict::kFailure);
  CHECK(f.Stats().totals.retries == 0);
  f.ById<RetryRequest>(id);
  f.EndFirst(Verdict::kFailure);
  CHECK(f.Stats().totals.attempts == 2);
  CHECK(f.Stats().totals.retries == 1);
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

TEST_CASE("limits: pending ones above the limit are refused, a low disk, or a store that is not reached, refuses submits") {
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
  f.Post(DiskSpace{.lost = true});
  CHECK(CoreFixture::CodeOf(f.TrySubmit({{}}, false)) == Code::kUnavailable);
  f.Post(DiskSpace{false});
  CHECK(CoreFixture::CodeOf(f.TrySubmit({{}}, false)) == Code::kOk);
}

TEST_CASE("a store that is not reached: what waits for it is answered after some seconds, once, and done all the same where it comes back") {
  CoreFixture f;
  const NotifyId held = f.Submit({.fkey = "held"}).id;
  f.reads().CloseCommits();
  SubmitRequest submit;
  submit.items.push_back(CoreFixture::Item({.fkey = "new"}));
  const uint64_t submitted = f.Ask(std::move(submit));
  TriggerRequest trigger;
  trigger.fkey = "held";
  const uint64_t triggered = f.Ask(std::move(trigger));
  LaneChangeRequest pause;
  pause.lane = {Mode::kFifo, "other"};
  pause.patch.paused = true;
  const uint64_t paused = f.Ask(std::move(pause));
  f.Run();
  f.Post(DiskSpace{.lost = true});
  f.Run();
  CHECK(f.core().NextWake().mono <= MonoTime{f.now.mono.ms + 5'000});
  f.Pass(4'900);
  CHECK(f.replies.count(submitted) + f.replies.count(triggered) + f.replies.count(paused) == 0);
  f.Pass(200);
  CHECK(CoreFixture::CodeOf(f.replies.at(paused)) == Code::kOutcomeUnknown);
  CHECK(CoreFixture::CodeOf(f.replies.at(submitted)) == Code::kOutcomeUnknown);
  CHECK(CoreFixture::CodeOf(f.replies.at(triggered)) == Code::kOutcomeUnknown);
  f.replies.clear();
  f.reads().OpenCommits();
  f.Post(DiskSpace{.lost = false});
  f.Run();
  CHECK(f.replies.empty());
  CHECK(f.UnderWay() == std::vector{held});
  CHECK(f.image().totals.pending() == 2);
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
