#include "broker/callback.h"

#include "base/json_tree.h"
#include "broker/payload.h"
#include "broker/spec.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

AttemptRecord SomeAttempt() {
  AttemptRecord attempt;
  attempt.number = 7;
  attempt.started_at = WallTime{1'700'000'000'123};
  attempt.duration_ms = 45;
  attempt.status = 500;
  attempt.error = "unexpected_answer";
  attempt.detail = "status 500 is not an expected one";
  attempt.response_body = "a \"quote\"\n";
  return attempt;
}

std::string Written(const AttemptRecord& attempt) {
  std::string text;
  JsonWriter json(&text);
  WriteAttempt(attempt, &json);
  return text;
}

Envelope SomeHead() {
  Envelope envelope;
  envelope.lane = {Mode::kFifo, "orders \"1\""};
  envelope.host = "shop.example:443";
  envelope.fkey = "order/1";
  envelope.labels = std::make_shared<const Labels>(Labels{{"env", "prod"}});
  envelope.caller = "shop";
  envelope.priority = 9;
  envelope.reply_none = true;
  RetryPolicy retry;
  retry.max_attempts = 3;
  envelope.retry = std::make_shared<const RetryPolicy>(retry);
  envelope.trace_parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  envelope.callback = std::make_shared<const Callback>(
      Callback{"https://Back.example/done?x=%7e#f", "https://back.example/done", "back.example:443", "https://shop.example/a?b=c#d"});
  return envelope;
}

NotifyState Settled(Phase phase) {
  NotifyState state;
  state.phase = phase;
  state.settled_at = WallTime{1'700'000'001'000};
  state.attempts_made = 7;
  return state;
}

NotifySpec SpecOf(const Envelope& envelope, const NotifyState& state, const AttemptRecord* last_attempt) {
  Result<NotifySpec> spec = DecodeSpec(EncodeSpec(CallbackSpec(NotifyId{0x1a}, envelope, state, last_attempt)));
  REQUIRE(spec.ok());
  return *spec;
}

}  // namespace

TEST_CASE("attempt: all of it, its error and detail only where there are such") {
  AttemptRecord attempt = SomeAttempt();
  CHECK(Written(attempt) == R"({"number":7,"started_at":"2023-11-14T22:13:20.123Z","duration_ms":45,"status":500,"error":"unexpected_answer",)"
                            R"("detail":"status 500 is not an expected one","response_body":"a \"quote\"\n"})");
  attempt.detail.clear();
  CHECK(Written(attempt).find("detail") == std::string::npos);
  attempt.error.clear();
  attempt.detail = "not shown without an error";
  CHECK(Written(attempt) == R"({"number":7,"started_at":"2023-11-14T22:13:20.123Z","duration_ms":45,"status":500,"response_body":"a \"quote\"\n"})");
  attempt.truncated = true;
  CHECK(Written(attempt).ends_with(R"("response_body":"a \"quote\"\n","truncated":true})"));
}

TEST_CASE("callback: its spec is a POST of JSON to the callback's URL, all else at its default") {
  NotifySpec spec = SpecOf(SomeHead(), Settled(Phase::kSucceeded), nullptr);
  NotifySpec expected;
  expected.url = "https://Back.example/done?x=%7e#f";
  expected.payload_kind = PayloadKind::kData;
  expected.payload = spec.payload;
  CHECK(spec == expected);
  Result<WireRequest> request = BuildWireRequest(spec);
  REQUIRE(request.ok());
  CHECK(request->body == spec.payload);
  CHECK(request->content_type == "application/json");
}

TEST_CASE("callback: its body says which notify it was and how it ended") {
  NotifyState state = Settled(Phase::kFailed);
  state.reason = "attempts_exhausted";
  AttemptRecord last = SomeAttempt();
  CHECK(
      SpecOf(SomeHead(), state, &last).payload ==
      R"({"id":"n000000000000001a","state":"failed","reason":"attempts_exhausted","url":"https://shop.example/a?b=c#d","lane":"orders \"1\"",)"
      R"("mode":"fifo","fkey":"order/1","caller":"shop","labels":{"env":"prod"},"settled_at":"2023-11-14T22:13:21.000Z","attempts_made":7,"last_attempt":)" +
          Written(last) + "}");
}

TEST_CASE("callback: what is not set is null") {
  Envelope envelope = SomeHead();
  envelope.fkey.clear();
  envelope.labels = nullptr;
  NotifyState state = Settled(Phase::kCancelled);
  state.attempts_made = 0;
  Result<JsonTree> body = JsonTree::Parse(SpecOf(envelope, state, nullptr).payload);
  REQUIRE(body.ok());
  for (const char* pointer : {"/reason", "/fkey", "/labels", "/last_attempt"}) {
    CAPTURE(pointer);
    std::optional<JsonTree::Value> value = body->root().At(pointer);
    REQUIRE(value);
    CHECK(value->raw() == "null");
  }
  CHECK(body->root().At("/attempts_made")->raw() == "0");
}

TEST_CASE("callback: each settled state by its name") {
  for (auto [phase, name] :
       {std::pair(Phase::kSucceeded, "succeeded"), {Phase::kFailed, "failed"}, {Phase::kCancelled, "cancelled"}, {Phase::kExpired, "expired"}}) {
    Result<JsonTree> body = JsonTree::Parse(SpecOf(SomeHead(), Settled(phase), nullptr).payload);
    REQUIRE(body.ok());
    CHECK(body->root().At("/state")->text() == name);
  }
}

TEST_CASE("callback: bytes that are no UTF-8 do not break its body") {
  AttemptRecord last = SomeAttempt();
  last.response_body = "\xFF\x00 \xE2\x82";
  Envelope envelope = SomeHead();
  envelope.lane.name = "\xFE";
  Result<JsonTree> body = JsonTree::Parse(SpecOf(envelope, Settled(Phase::kFailed), &last).payload);
  REQUIRE(body.ok());
  CHECK(body->root().At("/last_attempt/number")->raw() == "7");
}

TEST_CASE("callback: its head has the callback's lane and host, the caller and the trace, and no callback of its own") {
  Envelope envelope = SomeHead();
  std::shared_ptr<const Envelope> callback = CallbackEnvelope(envelope);
  CHECK(callback->lane == LaneKey{Mode::kConcurrent, "https://back.example/done"});
  CHECK(callback->host == "back.example:443");
  CHECK(callback->caller == "shop");
  CHECK(callback->trace_parent == envelope.trace_parent);
  CHECK(callback->callback == nullptr);
  CHECK(callback->retry == nullptr);
  CHECK(callback->fkey.empty());
  CHECK(callback->priority == Envelope().priority);
  CHECK_FALSE(callback->reply_none);
}
