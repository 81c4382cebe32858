// Submit and wait, and answers that are kept (contract section 13).
#include <catch2/catch.hpp>

#include "broker/core_fixture.h"
#include "broker/figures_events.h"
#include "broker/flow.h"
#include "broker/response_records.h"

using namespace notifyd;

namespace {

struct Setup : CoreFixture {
  using CoreFixture::CoreFixture;

  SubmitRequest Request(const Fields& fields, uint32_t keep = 0, int64_t wait_ms = 0) {
    SubmitItem item = Item(fields);
    if (keep > 0) {
      auto envelope = std::make_shared<Envelope>(*item.envelope);
      FlowFields flow;
      flow.keep_response_bytes = keep;
      envelope->flow = std::make_shared<const FlowFields>(flow);
      item.envelope = envelope;
    }
    SubmitRequest r;
    r.items.push_back(std::move(item));
    r.wait_ms = wait_ms;
    return r;
  }
  uint64_t SubmitAndWait(const Fields& fields, int64_t wait_ms = 1'000, uint32_t keep = 0) {
    const uint64_t token = Ask(Request(fields, keep, wait_ms));
    Run();
    return token;
  }
  NotifyId SubmitKeeping(const Fields& fields, uint32_t keep) {
    return std::get<Submitted>(Do(Request(fields, keep)).body).items.at(0).id;
  }
  /// The oldest attempt under way ends with this answer, cut as the sender does it.
  NotifyId Answer(Verdict verdict, std::string body) {
    StartAttempt first = starts.at(0);
    AttemptEnded e;
    e.id = first.id;
    e.result.verdict = verdict;
    e.result.record.number = first.number;
    e.result.record.status = verdict == Verdict::kSuccess ? 200 : 500;
    if (first.capture_bytes > 0) {
      auto response = std::make_shared<Response>();
      response->status = e.result.record.status;
      response->headers = {{"Content-Type", "text/plain"}};
      response->truncated = body.size() > first.capture_bytes;
      response->body = body.substr(0, first.capture_bytes);
      response->received_at = now.wall;
      e.result.response = std::move(response);
    }
    starts.pop_front();
    Post(std::move(e));
    Run();
    return first.id;
  }
  const Waited& WaitedOf(uint64_t token) {
    REQUIRE(replies.contains(token));
    REQUIRE(std::holds_alternative<Waited>(replies.at(token).body));
    return std::get<Waited>(replies.at(token).body);
  }
  std::shared_ptr<const Response> Kept(NotifyId id) {
    const Reply& reply = ById<ResponseRequest>(id);
    const auto* viewed = std::get_if<ResponseViewed>(&reply.body);
    if (!viewed) CHECK(CodeOf(reply) == Code::kNotFound);
    return viewed ? viewed->response : nullptr;
  }
};

CoreFixture::Fields Keyed(const std::string& key) {
  CoreFixture::Fields fields;
  fields.idempotency_key = key;
  return fields;
}

RetryPolicy Attempts(uint32_t most) {
  RetryPolicy retry;
  retry.max_attempts = most;
  retry.schedule_ms = {10};
  retry.jitter = 0;
  return retry;
}

void HandOver(Setup* f, bool over) {
  f->Post(FiguresRequest{{}, std::make_shared<const FiguresAsk>(FiguresAsk{HandOverAsk{over}})});
}

void HurryUp(Setup* f, uint64_t token) {
  f->Post(FiguresRequest{{}, std::make_shared<const FiguresAsk>(FiguresAsk{EndWaitAsk{{0, token}}})});
}

uint64_t WaitOn(Setup* f, NotifyId id, TakenAs as) {
  return f->Ask(FiguresRequest{{}, std::make_shared<const FiguresAsk>(FiguresAsk{WaitOnAsk{id, as, 1'000}})});
}

}  // namespace

TEST_CASE("submit and wait: the settled notify comes with its answer, which is not kept") {
  Setup f;
  const uint64_t token = f.SubmitAndWait({});
  CHECK_FALSE(f.replies.contains(token));
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].capture_bytes == 64 << 10);
  const NotifyId id = f.Answer(Verdict::kSuccess, "pong");
  const Waited& waited = f.WaitedOf(token);
  CHECK(waited.item.id == id);
  CHECK_FALSE(waited.item.duplicate);
  REQUIRE(waited.view);
  CHECK(waited.view->state == State::kSucceeded);
  REQUIRE(waited.view->record->attempts.size() == 1);
  CHECK(waited.view->record->attempts[0].status == 200);
  REQUIRE(waited.response);
  CHECK(waited.response->body == "pong");
  CHECK_FALSE(f.Kept(id));
}

TEST_CASE("submit and wait: whoever is not there for long is answered with what the notify is now") {
  Setup f;
  const uint64_t token = f.SubmitAndWait({});
  CHECK_FALSE(f.replies.contains(token));
  HurryUp(&f, token);
  f.Run();
  const Waited& waited = f.WaitedOf(token);
  CHECK_FALSE(waited.view);
  CHECK(f.image().notifies.contains(waited.item.id));
  // Others wait on, and what is answered already is not answered once more.
  const uint64_t other = f.SubmitAndWait({});
  HurryUp(&f, token);
  f.Run();
  CHECK_FALSE(f.replies.contains(other));
  HurryUp(&f, other);
  f.Run();
  CHECK(f.replies.contains(other));
}

TEST_CASE("submit and wait: whoever is not there for long does not wait either where the store is asked first") {
  Setup f;
  const uint64_t submit = f.Ask(f.Request(Keyed("k"), 0, 60'000)), other = f.Ask(f.Request(Keyed("other"), 0, 60'000));
  HurryUp(&f, submit);
  f.Run();
  f.Pass(1);
  const NotifyId id = f.WaitedOf(submit).item.id;
  CHECK(f.image().notifies.contains(id));
  CHECK_FALSE(f.replies.contains(other));
}

TEST_CASE("submit and wait: what is shown is what a look shows afterwards") {
  Setup f;
  CoreFixture::Fields fields;
  fields.data = R"({"a":1})";
  const uint64_t token = f.SubmitAndWait(fields);
  f.Answer(Verdict::kSuccess, "");
  const NotifyRecord& shown = *f.WaitedOf(token).view->record;
  const NotifyView view = f.Get(shown.id);
  CHECK(*shown.spec == *view.record->spec);
  CHECK(shown.created_at == view.record->created_at);
  CHECK(shown.state.settled_at == view.record->state.settled_at);
  CHECK(shown.attempts.size() == view.record->attempts.size());
}

TEST_CASE("submit and wait: whatever the state is, and over several attempts") {
  Setup f;
  CoreFixture::Fields fields;
  fields.retry = Attempts(2);
  const uint64_t token = f.SubmitAndWait(fields);
  f.Answer(Verdict::kFailure, "first");
  CHECK_FALSE(f.replies.contains(token));
  f.Pass(10);
  f.Answer(Verdict::kFailure, "second");
  const Waited& waited = f.WaitedOf(token);
  REQUIRE(waited.view);
  CHECK(waited.view->state == State::kFailed);
  CHECK(waited.view->record->attempts.size() == 2);
  REQUIRE(waited.response);
  CHECK(waited.response->body == "second");
}

TEST_CASE("submit and wait: in time it did not settle") {
  Setup f;
  const uint64_t token = f.SubmitAndWait({}, 500);
  f.Pass(499);
  CHECK_FALSE(f.replies.contains(token));
  f.Pass(1);
  const Waited& waited = f.WaitedOf(token);
  CHECK_FALSE(waited.view);
  CHECK(waited.item.state == State::kSending);
  const NotifyId id = waited.item.id;
  f.Answer(Verdict::kSuccess, "late");
  CHECK(f.StateOf(id) == State::kSucceeded);
}

TEST_CASE("submit and wait: an attempt knows until when somebody waits for its end, and whether its answer is kept") {
  Setup f;
  CoreFixture::Fields fields = Keyed("k");
  fields.retry = Attempts(3);
  f.SubmitAndWait(fields, 300);
  CHECK(f.starts.at(0).capture_ms == 300);
  f.SubmitAndWait(fields, 1'000);
  f.Answer(Verdict::kFailure, "first");
  f.Pass(10);
  CHECK(f.starts.at(0).capture_ms == 990);
  // Nobody waits any more for what comes next.
  f.Pass(990);
  f.Answer(Verdict::kFailure, "second");
  f.Pass(10);
  CHECK(f.starts.at(0).capture_bytes == 0);
  f.Answer(Verdict::kFailure, "third");
  f.SubmitAndWait({}, 300, 1'000);
  CHECK(f.starts.at(0).capture_ms == kMonoNever.ms);
  f.Answer(Verdict::kSuccess, "kept");
  HandOver(&f, true);
  f.Pass(1'000);
  f.Submit({});
  f.Run();
  // What has passed of the five seconds is a second and what the fixture takes for its turns.
  CHECK(f.starts.at(0).capture_ms > 3'500);
  CHECK(f.starts.at(0).capture_ms < 4'500);
}

TEST_CASE("submit and wait: nothing is answered before the submit is durable") {
  Setup f;
  const uint64_t token = f.Ask(f.Request({}, 0, 1'000));
  f.Run();
  // Cancelled as soon as it is there.
  const NotifyId id{f.image().notifies.rbegin()->first};
  f.ById<CancelRequest>(id);
  const Waited& waited = f.WaitedOf(token);
  REQUIRE(waited.view);
  CHECK(waited.view->state == State::kCancelled);
  CHECK_FALSE(waited.response);
  f.Restart(CrashKind::kPower);
  CHECK(f.StateOf(id) == State::kCancelled);
}

TEST_CASE("submit and wait: a duplicate waits for the first one, and says so") {
  Setup f;
  const uint64_t first = f.SubmitAndWait(Keyed("k"));
  const uint64_t second = f.SubmitAndWait(Keyed("k"));
  CHECK_FALSE(f.replies.contains(second));
  const NotifyId id = f.Answer(Verdict::kSuccess, "pong");
  CHECK_FALSE(f.WaitedOf(first).item.duplicate);
  CHECK(f.WaitedOf(second).item.duplicate);
  CHECK(f.WaitedOf(second).item.id == id);
  REQUIRE(f.WaitedOf(second).response);
  CHECK(f.WaitedOf(second).response->body == "pong");
  SECTION("one that comes when it is over gets it at once; its answer is gone") {
    const uint64_t third = f.SubmitAndWait(Keyed("k"));
    CHECK(f.WaitedOf(third).item.duplicate);
    REQUIRE(f.WaitedOf(third).view);
    CHECK(f.WaitedOf(third).view->state == State::kSucceeded);
    CHECK_FALSE(f.WaitedOf(third).response);
  }
}

TEST_CASE("submit and wait: a duplicate of one that kept its answer gets it") {
  Setup f;
  f.Do(f.Request(Keyed("k"), 1'000));
  f.Answer(Verdict::kSuccess, "pong");
  const uint64_t token = f.Ask(f.Request(Keyed("k"), 1'000, 1'000));
  f.Run();
  REQUIRE(f.WaitedOf(token).view);
  REQUIRE(f.WaitedOf(token).response);
  CHECK(f.WaitedOf(token).response->body == "pong");
}

TEST_CASE("submit and wait: whoever goes away loses nothing") {
  Setup f;
  const uint64_t token = f.SubmitAndWait({}, 1'000, 100);
  f.Post(Disconnected{{0, token}});
  f.Run();
  const NotifyId id = f.Answer(Verdict::kSuccess, "pong");
  CHECK_FALSE(f.replies.contains(token));
  CHECK(f.StateOf(id) == State::kSucceeded);
  REQUIRE(f.Kept(id));
  CHECK(f.Kept(id)->body == "pong");
}

TEST_CASE("submit and wait: a stop answers whoever waits") {
  Setup f;
  const uint64_t token = f.SubmitAndWait({}, 60'000);
  f.Post(StopRequested{});
  f.Run();
  CHECK_FALSE(f.WaitedOf(token).view);
}

TEST_CASE("submit and wait: a broker that hands over lets whoever waits for what is in flight wait for that attempt, and nobody else") {
  Setup f;
  CoreFixture::Fields fields;
  fields.retry = Attempts(2);
  const uint64_t flies = f.SubmitAndWait(fields, 60'000);
  CoreFixture::Fields later;
  later.when = {When::Kind::kDelay, 1'000};
  const uint64_t waits = f.SubmitAndWait(later, 60'000);
  HandOver(&f, false);
  f.Post(StopRequested{});
  f.Run();
  CHECK_FALSE(f.WaitedOf(waits).view);
  CHECK_FALSE(f.replies.contains(flies));
  SECTION("which ends it") {
    f.Answer(Verdict::kSuccess, "pong");
    REQUIRE(f.WaitedOf(flies).view);
    CHECK(f.WaitedOf(flies).view->state == State::kSucceeded);
    REQUIRE(f.WaitedOf(flies).response);
    CHECK(f.WaitedOf(flies).response->body == "pong");
  }
  SECTION("which is followed by another one elsewhere") {
    f.Answer(Verdict::kFailure, "no");
    CHECK_FALSE(f.WaitedOf(flies).view);
    CHECK(f.WaitedOf(flies).item.state == State::kRetrying);
  }
  SECTION("until that is not waited for any longer") {
    HandOver(&f, true);
    f.Run();
    CHECK_FALSE(f.WaitedOf(flies).view);
    CHECK(f.WaitedOf(flies).item.state == State::kSending);
  }
}

TEST_CASE("submit and wait: whoever has submitted elsewhere waits on here, as he would have there") {
  Setup f;
  CoreFixture::Fields later;
  later.when = {When::Kind::kDelay, 300};
  const NotifyId id = std::get<Submitted>(f.Do(f.Request(later)).body).items.at(0).id;
  const TakenAs as = GENERATE(TakenAs::kMade, TakenAs::kDuplicate, TakenAs::kKept);
  const uint64_t token = WaitOn(&f, id, as);
  f.Run();
  CHECK_FALSE(f.replies.contains(token));
  const auto check = [&](bool settled) {
    const Waited& waited = f.WaitedOf(token);
    CHECK(waited.item.id == id);
    CHECK(waited.item.duplicate == (as == TakenAs::kDuplicate));
    CHECK(waited.item.kept == (as == TakenAs::kKept));
    CHECK(waited.view.has_value() == settled);
  };
  SECTION("for the end") {
    f.Pass(300);
    f.Answer(Verdict::kSuccess, "pong");
    check(true);
    REQUIRE(f.WaitedOf(token).response);
    CHECK(f.WaitedOf(token).response->body == "pong");
  }
  SECTION("for so long") {
    f.Pass(1'000);
    check(false);
    CHECK(f.WaitedOf(token).item.due == f.Get(id).record->state.due);
  }
  SECTION("not where it stops, too") {
    f.Post(StopRequested{});
    f.Run();
    check(false);
    const uint64_t late = WaitOn(&f, id, as);
    f.Run();
    CHECK(CoreFixture::CodeOf(f.replies.at(late)) == Code::kUnavailable);
  }
  SECTION("and for what is settled not at all") {
    f.Pass(300);
    f.Answer(Verdict::kSuccess, "pong");
    const uint64_t late = WaitOn(&f, id, as);
    f.Run();
    CHECK(f.WaitedOf(late).view);
  }
  SECTION("what is not there is not found") {
    const uint64_t none = WaitOn(&f, NotifyId{id.value + 9}, as);
    f.Run();
    CHECK(CoreFixture::CodeOf(f.replies.at(none)) == Code::kNotFound);
  }
}

TEST_CASE("submit and wait: where a broker has just taken what another one handed over, whoever waits finds the answer that came before him") {
  Setup f;
  const bool taken = GENERATE(true, false);
  if (taken) HandOver(&f, true);
  f.Run();
  const NotifyId id = std::get<Submitted>(f.Do(f.Request({})).body).items.at(0).id;
  CHECK(f.starts.at(0).capture_bytes == (taken ? 64 << 10 : 0));
  f.Answer(Verdict::kSuccess, "pong");
  const bool late = GENERATE(false, true);
  if (late) f.Pass(5'000);
  const uint64_t token = WaitOn(&f, id, TakenAs::kMade);
  f.Run();
  REQUIRE(f.WaitedOf(token).view);
  CHECK((f.WaitedOf(token).response != nullptr) == (taken && !late));
  CHECK(f.SubmitAndWait({}) > 0);
}

TEST_CASE("submit and wait: an answer that came before whoever waits is not that of a later end, and is forgotten without anybody's doing") {
  Setup f;
  HandOver(&f, true);
  f.Run();
  Setup::Fields once;
  once.retry = Attempts(1);
  const NotifyId id = std::get<Submitted>(f.Do(f.Request(once)).body).items.at(0).id;
  f.Answer(Verdict::kFailure, "first");
  CHECK(f.core().NextWake().mono <= MonoTime{f.now.mono.ms + 5'000});
  f.ById<RetryRequest>(id);
  f.EndFirst(Verdict::kSuccess);
  const uint64_t token = WaitOn(&f, id, TakenAs::kMade);
  f.Run();
  REQUIRE(f.WaitedOf(token).view);
  CHECK(f.WaitedOf(token).response == nullptr);
}

TEST_CASE("submit and wait: who waits gets 64 KiB, whatever is kept") {
  Setup f;
  const uint64_t token = f.SubmitAndWait({}, 1'000, 100'000);
  CHECK(f.starts.at(0).capture_bytes == 100'000);
  const NotifyId id = f.Answer(Verdict::kSuccess, std::string(100'000, 'x'));
  CHECK(f.WaitedOf(token).response->body.size() == 64 << 10);
  CHECK(f.WaitedOf(token).response->truncated);
  CHECK(f.Kept(id)->body.size() == 100'000);
  CHECK_FALSE(f.Kept(id)->truncated);
}

TEST_CASE("responses: the answer that ends a notify is kept, over a crash, and goes with it") {
  Setup f;
  CoreFixture::Fields fields;
  fields.retry = Attempts(2);
  const NotifyId id = f.SubmitKeeping(fields, 4);
  CHECK(f.starts.at(0).capture_bytes == 4);
  f.Answer(Verdict::kFailure, "first");
  CHECK_FALSE(f.Kept(id));
  f.Pass(10);
  f.Answer(Verdict::kFailure, "second");
  f.Restart();
  std::shared_ptr<const Response> kept = f.Kept(id);
  REQUIRE(kept);
  CHECK(kept->body == "seco");
  CHECK(kept->truncated);
  CHECK(kept->status == 500);
  SECTION("purge removes it") {
    CHECK(f.Bulk(BulkKind::kPurge, {State::kFailed}).count == 1);
    const auto& records = f.image().records;
    CHECK(std::none_of(records.begin(), records.end(), [](const auto& record) { return record.first.kind == RecordKind::kResponse; }));
  }
  SECTION("sent again, it has none until it ends again") {
    f.ById<RetryRequest>(id);
    CHECK_FALSE(f.Kept(id));
    f.Answer(Verdict::kSuccess, "good");
    REQUIRE(f.Kept(id));
    CHECK(f.Kept(id)->body == "good");
  }
  SECTION("it ends with the retention of its notify") {
    f.now.wall.ms += CoreLimits().retention_settled_ms + 1;
    CHECK_FALSE(f.Kept(id));
  }
}

TEST_CASE("responses: without the wish nothing is captured; with reply none nothing can be") {
  Setup f;
  f.Submit({});
  CHECK(f.starts.at(0).capture_bytes == 0);
  f.Answer(Verdict::kSuccess, "x");
  CoreFixture::Fields none;
  none.reply_none = true;
  f.SubmitKeeping(none, 100);
  CHECK(f.starts.at(0).capture_bytes == 0);
}

TEST_CASE("responses: quotas count what may be kept") {
  CoreLimits limits;
  limits.max_stored_bytes = 100'000;
  Setup f(limits);
  CHECK(CoreFixture::CodeOf(f.Do(f.Request({}, 60'000))) == Code::kOk);
  CHECK(CoreFixture::CodeOf(f.Do(f.Request({}, 60'000))) == Code::kDiskFull);
  CHECK(CoreFixture::CodeOf(f.Do(f.Request({}))) == Code::kOk);
}

TEST_CASE("response records: bytes that never change") {
  Response response;
  response.status = 201;
  response.headers = {{"ETag", "\"1\""}};
  response.body = "ok";
  response.truncated = true;
  response.received_at = {100};
  const std::string bytes = EncodeResponse(response);
  CHECK(bytes == std::string("\x01\xC9\x01\x01\xC8\x01\x01\x04"
                             "ETag\x03\"1\"\x02ok",
                             19));
  Result<Response> decoded = DecodeResponse(bytes);
  REQUIRE(decoded.ok());
  CHECK(EncodeResponse(*decoded) == bytes);
  CHECK(decoded->truncated);
  CHECK(decoded->received_at.ms == 100);
  for (size_t cut = 0; cut < bytes.size(); ++cut) CHECK_FALSE(DecodeResponse(bytes.substr(0, cut)).ok());
  CHECK_FALSE(DecodeResponse(bytes + "x").ok());
}
