// The core without any I/O: callbacks, "not ready yet" answers, remembered triggers, bulk submits. One behaviour a case.
#include "broker/core_fixture.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

using Fields = CoreFixture::Fields;

Fields Told() {
  Fields f;
  f.callback = "told:80";
  f.retry = Waits({1000}, 3);
  return f;
}

/// The payload of the callback under way.
std::string Payload(const StartAttempt& start) {
  return DecodeSpec(*start.spec)->payload;
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// ---- callbacks

TEST_CASE("callback: one that succeeded tells so in the same batch, with its last attempt") {
  CoreFixture f;
  NotifyId id = f.Submit(Told()).id;
  f.EndFirst(Verdict::kSuccess);
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].envelope->host == "told:80");
  std::string payload = Payload(f.starts[0]);
  CHECK(Has(payload, "\"id\":\"" + id.ToString() + "\""));
  CHECK(Has(payload, "\"state\":\"succeeded\""));
  CHECK(Has(payload, "\"last_attempt\":{"));
  CHECK(f.Stats().totals.accepted == 2);
  CHECK(f.Balances());
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.starts.empty());  // a callback has no callback of its own
}

TEST_CASE("callback: survives a crash right after the end was written") {
  CoreFixture f;
  f.Submit(Told());
  f.EndFirst(Verdict::kSuccess);
  f.Restart();
  f.Pass(10);
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].envelope->host == "told:80");
}

TEST_CASE("callback: a cancelled one tells about the attempt before, which is read for it") {
  CoreFixture f;
  NotifyId id = f.Submit(Told()).id;
  f.EndFirst(Verdict::kFailure);
  CHECK(CoreFixture::CodeOf(f.ById<CancelRequest>(id)) == Code::kOk);
  REQUIRE(f.starts.size() == 1);
  std::string payload = Payload(f.starts[0]);
  CHECK(Has(payload, "\"state\":\"cancelled\""));
  CHECK(Has(payload, "\"unexpected_answer\""));
}

TEST_CASE("callback: an expired one tells, whether it waits, or its turn comes just then") {
  for (bool attempted : {false, true}) {
    CoreFixture f;
    Fields fields = Told();
    fields.ttl = Delay(500);
    if (!attempted) fields.when = Delay(60'000);
    NotifyId id = f.Submit(fields).id;
    if (attempted) f.EndFirst(Verdict::kFailure);
    f.Pass(500);
    CHECK(f.StateOf(id) == State::kExpired);
    REQUIRE(f.starts.size() == 1);
    CHECK(Has(Payload(f.starts[0]), "\"state\":\"expired\""));
    CHECK(Has(Payload(f.starts[0]), "\"last_attempt\":null") == !attempted);
  }
}

TEST_CASE("callback: one that was replaced tells nobody") {
  CoreFixture f;
  Fields held = Told();
  held.fkey = "k";
  held.on_held = OnHeld::kReplace;
  f.Submit(held);
  f.Submit(held);
  CHECK(f.starts.empty());
  CHECK(f.Stats().totals.cancelled == 1);
  CHECK(f.Stats().totals.accepted == 2);
}

TEST_CASE("callback: a failed one tells each time that it settles") {
  CoreFixture f;
  Fields once = Told();
  once.retry = Waits({100}, 1);
  NotifyId id = f.Submit(once).id;
  f.EndFirst(Verdict::kFailure);
  CHECK(Has(Payload(f.starts.at(0)), "\"reason\":\"attempts_exhausted\""));
  f.EndFirst(Verdict::kSuccess);
  f.ById<RetryRequest>(id);
  f.EndFirst(Verdict::kSuccess);
  CHECK(Has(Payload(f.starts.at(0)), "\"state\":\"succeeded\""));
}

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

// ---- later_on

TEST_CASE("later: the budget is not used up, and the wait does not grow") {
  CoreFixture f;
  Fields fields;
  fields.retry = RetryPolicy{};
  fields.retry->max_attempts = 2;
  fields.retry->jitter = 0;
  fields.retry->later_on = AnswerPattern{{202}, std::nullopt, {}};
  fields.ttl = Delay(60'000);
  NotifyId id = f.Submit(fields).id;
  for (int i = 0; i < 10; ++i) {
    f.EndFirst(Verdict::kLater);
    f.Pass(999);
    CHECK(f.starts.empty());
    f.Pass(1);
    REQUIRE(f.starts.size() == 1);
  }
  CHECK(f.starts[0].number == 11);
  f.EndFirst(Verdict::kFailure);
  CHECK(f.StateOf(id) == State::kRetrying);
  f.Pass(1000);
  f.EndFirst(Verdict::kFailure);
  CHECK(f.StateOf(id) == State::kFailed);
}

TEST_CASE("later: its ttl ends it, over a restart too") {
  CoreFixture f;
  Fields fields;
  fields.retry = RetryPolicy{};
  fields.retry->max_attempts = 1;
  fields.retry->later_on = AnswerPattern{{202}, std::nullopt, {}};
  fields.ttl = Delay(3'000);
  NotifyId id = f.Submit(fields).id;
  f.EndFirst(Verdict::kLater);
  f.Restart();
  f.Pass(1'500);
  f.EndFirst(Verdict::kLater);
  CHECK(f.StateOf(id) == State::kRetrying);
  f.Pass(3'000);
  f.EndFirst(Verdict::kLater);  // in flight when the ttl ended
  CHECK(f.StateOf(id) == State::kExpired);
}

// ---- remembered triggers

const Reply& Remember(CoreFixture& f, const std::string& fkey, int64_t ms, std::optional<std::string> data = {}, When when = {}) {
  TriggerRequest r;
  r.fkey = fkey;
  r.remember_ms = ms;
  r.data = std::move(data);
  r.when = when;
  return f.DoTrigger(std::move(r));
}

TEST_CASE("remembered trigger: the next submit under its fkey is due at once, with its data, over a power cut") {
  CoreFixture f;
  CHECK(std::holds_alternative<Remembered>(Remember(f, "k", 10'000, "{\"b\":2}").body));
  f.Restart(CrashKind::kPower);
  Fields held;
  held.fkey = "k";
  held.data = "{\"a\":1}";
  SubmittedItem item = f.Submit(held);
  CHECK(item.state == State::kReady);
  REQUIRE(f.starts.size() == 1);
  CHECK(Payload(f.starts[0]) == "{\"a\":1,\"b\":2}");
  CHECK(!std::get<Triggered>(f.Trigger("k").body).fresh);
  f.EndFirst(Verdict::kSuccess);
  // Used up: the one after it is held.
  CHECK(f.Submit(held).state == State::kHeld);
}

TEST_CASE("remembered trigger: forgotten when its time is over, replaced by a later one") {
  CoreFixture f;
  Remember(f, "k", 1'000);
  f.Pass(1'000);
  Fields held;
  held.fkey = "k";
  NotifyId id = f.Submit(held).id;
  CHECK(f.StateOf(id) == State::kHeld);
  Remember(f, "other", 10'000, "{\"v\":1}");
  Remember(f, "other", 10'000, "{\"v\":2}");
  held.fkey = "other";
  f.Submit(held);
  REQUIRE(f.starts.size() == 1);
  CHECK(Payload(f.starts[0]) == "{\"v\":2}");
}

TEST_CASE("remembered trigger: where something is held it triggers that, and where something was it says so") {
  CoreFixture f;
  Fields held;
  held.fkey = "k";
  NotifyId id = f.Submit(held).id;
  CHECK(std::get<Triggered>(Remember(f, "k", 1'000).body).id == id);
  CHECK(!std::get<Triggered>(Remember(f, "k", 1'000).body).fresh);
  held.fkey = "gone";
  f.ById<CancelRequest>(f.Submit(held).id);
  CHECK(CoreFixture::CodeOf(Remember(f, "gone", 1'000)) == Code::kNotFound);
  f.Bulk(BulkKind::kPurge, {State::kCancelled});
  CHECK(std::holds_alternative<Remembered>(Remember(f, "gone", 1'000).body));
}

TEST_CASE("remembered trigger: one that cannot be merged refuses the submit, which changes nothing") {
  CoreFixture f;
  Remember(f, "k", 10'000, "{\"b\":2}");
  Fields held;
  held.fkey = "k";
  held.data = "[1]";
  const Reply& reply = f.TrySubmit({held}, false);
  CHECK(CoreFixture::CodeOf(reply) == Code::kUnacceptable);
  // What the request has of it is the fkey.
  const Status& status = std::get<Refused>(reply.body).status;
  CHECK(status.field() == "/fkey");
  CHECK_THAT(status.detail(), Catch::StartsWith("the trigger of this fkey that came before has data") &&
                                  Catch::EndsWith("that is no object, which nothing can be merged into"));
  CHECK(f.Stats().totals.accepted == 0);
}

TEST_CASE("remembered trigger: within one batch the first takes it, the second is held") {
  CoreFixture f;
  Remember(f, "k", 10'000);
  Fields held;
  held.fkey = "k";
  Submitted both = std::get<Submitted>(f.TrySubmit({held, held}).body);
  CHECK(both.items[0].state == State::kReady);
  CHECK(both.items[1].state == State::kHeld);
}

TEST_CASE("remembered trigger: postponed, it sends at that time") {
  CoreFixture f;
  Remember(f, "k", 10'000, std::nullopt, Delay(5'000));
  f.Pass(1'000);
  Fields held;
  held.fkey = "k";
  NotifyId id = f.Submit(held).id;
  CHECK(f.StateOf(id) == State::kScheduled);
  f.Pass(4'000);
  CHECK(f.UnderWay() == std::vector{id});
}

// ---- bulk submits

TEST_CASE("bulk submit: each line is accepted or refused by itself, in order") {
  CoreFixture f;
  Fields held;
  held.fkey = "k";
  Fields same;
  same.idempotency_key = "i";
  Fields differs = same;
  differs.data = "1";
  SubmitRequest r;
  r.each = true;
  for (const Fields& fields : {held, held, same, same, differs, Fields{}}) r.items.push_back(CoreFixture::Item(fields));
  Submitted reply = std::get<Submitted>(f.Do(r).body);
  REQUIRE(reply.items.size() == 6);
  CHECK(reply.items[0].refused.ok());
  CHECK(reply.items[1].refused.code() == Code::kConflict);
  CHECK(reply.items[1].refused.field() == "/fkey");
  CHECK(reply.items[1].id == reply.items[0].id);
  CHECK(reply.items[3].duplicate);
  CHECK(reply.items[3].id == reply.items[2].id);
  CHECK(reply.items[4].refused.code() == Code::kUnacceptable);
  CHECK(reply.items[5].refused.ok());
  CHECK(f.Stats().totals.accepted == 3);
}

TEST_CASE("bulk submit: what goes over the limit of pending ones is refused alone") {
  CoreLimits limits;
  limits.max_pending = 2;
  CoreFixture f(limits);
  SubmitRequest r;
  r.each = true;
  for (int i = 0; i < 4; ++i) r.items.push_back(CoreFixture::Item(Fifo()));
  Submitted reply = std::get<Submitted>(f.Do(r).body);
  CHECK(reply.items[1].refused.ok());
  CHECK(reply.items[2].refused.code() == Code::kTooMany);
  CHECK(f.Stats().totals.accepted == 2);
}

TEST_CASE("at the limit of pending ones: a duplicate, a kept and a replacing one are answered as ever, and a conflict too") {
  CoreLimits limits;
  limits.max_pending = 1;
  CoreFixture f(limits);
  Fields held;
  held.fkey = "k";
  held.idempotency_key = "i";
  NotifyId id = f.Submit(held).id;
  CHECK(f.Submit(held).duplicate);
  held.idempotency_key.clear();
  CHECK(CoreFixture::CodeOf(f.TrySubmit({held}, false)) == Code::kConflict);
  held.on_held = OnHeld::kKeep;
  CHECK(f.Submit(held).id == id);
  held.on_held = OnHeld::kReplace;
  CHECK(f.Submit(held).id != id);
  CHECK(CoreFixture::CodeOf(f.TrySubmit({Fields{}}, false)) == Code::kTooMany);
}

TEST_CASE("bulk submit: a refused line leaves its idempotency key free") {
  CoreFixture f;
  Fields held;
  held.fkey = "k";
  f.Submit(held);
  held.idempotency_key = "i";
  SubmitRequest r;
  r.each = true;
  Fields free;
  free.idempotency_key = "i";
  r.items = {CoreFixture::Item(held), CoreFixture::Item(free)};
  Submitted reply = std::get<Submitted>(f.Do(r).body);
  CHECK(reply.items[0].refused.code() == Code::kConflict);
  CHECK(reply.items[1].refused.ok());
  CHECK(!reply.items[1].duplicate);
}

// ---- who may act for his caller alone

/// A submit of a caller who may act for himself alone.
SubmitRequest OfCaller(Fields fields, const std::string& caller, OnHeld on_held) {
  fields.caller = caller;
  fields.on_held = on_held;
  SubmitRequest r;
  r.items = {CoreFixture::Item(fields)};
  r.items[0].for_caller_alone = true;
  return r;
}

TEST_CASE("submit: another caller's held notify is not replaced, and of one that is kept the id alone is told") {
  CoreFixture f;
  Fields held;
  held.fkey = "k";
  held.caller = "shop";
  const NotifyId id = f.Submit(held).id;
  const Reply refused = f.Do(OfCaller(held, "billing", OnHeld::kReplace));
  CHECK(CoreFixture::CodeOf(refused) == Code::kConflict);
  CHECK(std::get<Refused>(refused.body).holder == id);
  CHECK(f.Get(id).state == State::kHeld);
  const SubmittedItem kept = std::get<Submitted>(f.Do(OfCaller(held, "billing", OnHeld::kKeep)).body).items.at(0);
  CHECK(kept.id == id);
  CHECK(kept.kept);
  CHECK(kept.id_alone);
  // One's own, as ever.
  CHECK_FALSE(std::get<Submitted>(f.Do(OfCaller(held, "shop", OnHeld::kKeep)).body).items.at(0).id_alone);
  CHECK(std::get<Submitted>(f.Do(OfCaller(held, "shop", OnHeld::kReplace)).body).items.at(0).id != id);
  CHECK(f.Get(id).state == State::kCancelled);
}

TEST_CASE("submit: a repeat of what kept another caller's notify tells its id alone, too") {
  CoreFixture f;
  Fields held;
  held.fkey = "k";
  held.caller = "shop";
  const NotifyId id = f.Submit(held).id;
  held.idempotency_key = "i";
  f.Do(OfCaller(held, "billing", OnHeld::kKeep));
  const SubmittedItem repeat = std::get<Submitted>(f.Do(OfCaller(held, "billing", OnHeld::kKeep)).body).items.at(0);
  CHECK(repeat.duplicate);
  CHECK(repeat.id == id);
  CHECK(repeat.id_alone);
}

// ---- what a setting refuses

SubmitItem Keyed(const std::string& key, bool refused) {
  Fields fields;
  fields.idempotency_key = key;
  SubmitItem item = CoreFixture::Item(fields);
  if (refused) item.refused = Status(Code::kUnacceptable, "timeout_ms must be at most 30000 here", "/timeout_ms");
  return item;
}

SubmitRequest Many(std::vector<SubmitItem> items) {
  SubmitRequest r;
  r.batch = items.size() > 1;
  r.items = std::move(items);
  return r;
}

TEST_CASE("submit: what a setting refuses by now is a duplicate where its key is known, and refused where it is not") {
  CoreFixture f;
  NotifyId id = std::get<Submitted>(f.Do(Many({Keyed("old", false)})).body).items.at(0).id;
  Submitted again = std::get<Submitted>(f.Do(Many({Keyed("old", true)})).body);
  CHECK(again.items.at(0).duplicate);
  CHECK(again.items.at(0).id == id);
  Refused fresh = std::get<Refused>(f.Do(Many({Keyed("new", true)})).body);
  CHECK(fresh.status.code() == Code::kUnacceptable);
  CHECK(fresh.status.field() == "/timeout_ms");
  // A refusal is not remembered.
  CHECK_FALSE(std::get<Submitted>(f.Do(Many({Keyed("new", false)})).body).items.at(0).duplicate);
  // Other fields are said first: the key was used.
  SubmitItem other = Keyed("old", true);
  other.fields = FingerprintOf("other");
  CHECK(std::get<Refused>(f.Do(Many({other})).body).status.field() == "/idempotency_key");
}

TEST_CASE("submit: a batch is refused for what a setting refuses only where that is no duplicate") {
  CoreFixture f;
  f.Do(Many({Keyed("a", false)}));
  Submitted mixed = std::get<Submitted>(f.Do(Many({Keyed("a", true), Keyed("b", false)})).body);
  CHECK(mixed.items.at(0).duplicate);
  CHECK_FALSE(mixed.items.at(1).duplicate);
  Refused refused = std::get<Refused>(f.Do(Many({Keyed("c", false), Keyed("d", true)})).body);
  CHECK(refused.status.field() == "/1/timeout_ms");
  CHECK_FALSE(std::get<Submitted>(f.Do(Many({Keyed("c", false)})).body).items.at(0).duplicate);
  // Of the lines of a bulk submit it alone is refused.
  SubmitRequest lines = Many({Keyed("e", true), Keyed("a", true), Keyed("f", false)});
  lines.batch = false;
  lines.each = true;
  Submitted each = std::get<Submitted>(f.Do(std::move(lines)).body);
  CHECK(each.items.at(0).refused.field() == "/timeout_ms");
  CHECK(each.items.at(1).duplicate);
  CHECK(each.items.at(2).refused.ok());
}

// ---- what refusals say

TEST_CASE("refusals: a time that is too far or has passed is named in the sentence, wherever it is given") {
  CoreFixture f;
  auto said = [](const Reply& reply) { return std::get<Refused>(reply.body).status.detail(); };
  When far{When::Kind::kAt, int64_t{1} << 52}, past{When::Kind::kAt, 1};
  Fields late;
  late.when = far;
  CHECK(said(f.TrySubmit({late}, false)) == "due_at is more than ten years ahead");
  Fields over;
  over.ttl = past;
  CHECK(said(f.TrySubmit({over}, false)) == "expires_at has passed");
  Fields held;
  held.fkey = "k";
  NotifyId id = f.Submit(held).id;
  CHECK(said(f.Trigger("k", {}, far)) == "due_at is more than ten years ahead");
  CHECK(said(Remember(f, "none", 1'000, std::nullopt, far)) == "due_at is more than ten years ahead");
  CHECK(said(f.Change(id, [&](ChangeRequest& r) { r.when = far; })) == "due_at is more than ten years ahead");
  CHECK(said(f.Change(id, [&](ChangeRequest& r) { r.ttl = past; })) == "expires_at has passed");
  CHECK_THAT(said(Remember(f, "none", 1'000, "{\"a\":\"" + std::string(2 << 20, 'x') + "\"}")), Catch::StartsWith("data is longer"));
}

}  // namespace
}  // namespace notifyd
