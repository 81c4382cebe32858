// How the core's replies to a submit and to a get look from outside.
#include "api_fixture.h"
#include "net/http_response.h"

namespace notifyd {
namespace {

constexpr const char* kId = "n000000000000001f";

SubmittedItem Accepted() {
  return {NotifyId{0x1f}, State::kReady, WallTime{1'700'000'000'000}, {Mode::kFifo, "lane \"x\""}, false, false, {}};
}

TEST_CASE("submit: a fresh one answers 201 with its place") {
  ApiFixture f;
  uint64_t token = f.Submit(R"({"url":"http://h/"})");
  f.api.OnReply({{3, token}, Submitted{{Accepted()}, false}});
  CHECK(f.Answer().status == 201);
  CHECK(f.Answer().content_type == "application/json");
  CHECK(f.Header("Location") == std::string("/v1/notifies/") + kId);
  CHECK(f.Answer().body == R"({"id":"n000000000000001f","state":"ready","due_at":"2023-11-14T22:13:20.000Z","lane":"lane \"x\"","mode":"fifo"})");
}

TEST_CASE("submit: one held without a due time has none") {
  ApiFixture f;
  SubmittedItem item = Accepted();
  item.state = State::kHeld;
  item.due = kWallNever;
  f.api.OnReply({{3, f.Submit(R"({"url":"http://h/","fkey":"f"})")}, Submitted{{item}, false}});
  CHECK(Json(f.Answer().body).At("/due_at") == "null");
}

TEST_CASE("submit: duplicates and kept ones answer 200 and say so") {
  ApiFixture f;
  SubmittedItem duplicate = Accepted(), kept = Accepted();
  duplicate.duplicate = true;
  kept.kept = true;
  f.api.OnReply({{3, f.Submit(R"({"url":"http://h/"})")}, Submitted{{duplicate}, false}});
  CHECK(f.Answer().status == 200);
  CHECK(Json(f.Answer().body).At("/duplicate") == "true");
  f.api.OnReply({{3, f.Submit(R"({"url":"http://h/"})")}, Submitted{{kept}, false}});
  CHECK(f.Answer().status == 200);
  CHECK(Json(f.Answer().body).At("/kept") == "true");
}

TEST_CASE("submit: a duplicate of one that was removed says so, and no more of it") {
  ApiFixture f;
  SubmittedItem removed = Accepted();
  removed.duplicate = removed.removed = true;
  f.api.OnReply({{3, f.Submit(R"({"url":"http://h/"})")}, Submitted{{removed}, false}});
  CHECK(f.Answer().status == 200);
  CHECK(f.Answer().body == R"({"id":"n000000000000001f","state":"removed","lane":"lane \"x\"","mode":"fifo","duplicate":true})");
}

TEST_CASE("fkeys: a remembered trigger is shown, and withdrawn") {
  ApiFixture f;
  auto trigger = std::make_shared<RememberedTrigger>();
  trigger->data = R"({"paid":true})";
  f.api.OnReply({{3, f.Ask("GET", "/v1/fkeys/f")}, RememberedViewed{"f", trigger, WallTime{1'700'000'000'000}}});
  CHECK(f.Answer().status == 200);
  CHECK(f.Answer().body == R"({"fkey":"f","remembered":true,"expires_at":"2023-11-14T22:13:20.000Z","due_at":null,"data":{"paid":true}})");
  auto later = std::make_shared<RememberedTrigger>();
  later->due = {false, {1'700'000'000'000}};
  f.api.OnReply({{3, f.Ask("GET", "/v1/fkeys/f")}, RememberedViewed{"f", later, WallTime{1'700'000'000'000}}});
  CHECK(Json(f.Answer().body).At("/due_at") == "2023-11-14T22:13:20.000Z");
  CHECK(Json(f.Answer().body).At("/data") == "null");
  f.api.OnReply({{3, f.Ask("DELETE", "/v1/fkeys/f")}, Withdrawn{}});
  CHECK(f.Answer().status == 200);
  CHECK(f.Answer().body == R"({"remembered":false})");
}

TEST_CASE("batch: answers 201 with its items in order") {
  ApiFixture f;
  SubmittedItem duplicate = Accepted();
  duplicate.id = NotifyId{5};
  duplicate.duplicate = true;
  f.api.OnReply({{3, f.Submit(R"([{"url":"http://h/"},{"url":"http://h/"}])")}, Submitted{{Accepted(), duplicate}, true}});
  CHECK(f.Answer().status == 201);
  Json json(f.Answer().body);
  CHECK(json.At("/items/0/id") == kId);
  CHECK_FALSE(json.Has("/items/0/duplicate"));
  CHECK(json.At("/items/1/id") == "n0000000000000005");
  CHECK(json.At("/items/1/duplicate") == "true");
}

TEST_CASE("refusals: each code has its status") {
  struct Row {
    Code code;
    int status;
  };
  auto row = GENERATE(values<Row>({{Code::kMalformed, 400},
                                   {Code::kForbidden, 403},
                                   {Code::kNotFound, 404},
                                   {Code::kConflict, 409},
                                   {Code::kTooLarge, 413},
                                   {Code::kUnsupportedMedia, 415},
                                   {Code::kUnacceptable, 422},
                                   {Code::kTooMany, 429},
                                   {Code::kCorrupt, 500},
                                   {Code::kIo, 500},
                                   {Code::kNotImplemented, 501},
                                   {Code::kUnavailable, 503},
                                   {Code::kDiskFull, 507},
                                   {Code::kLoop, 508}}));
  ApiFixture f;
  f.api.OnReply({{3, f.Submit(R"({"url":"http://h/"})")}, Refused{Status(row.code, "why \"not\"\xff", "/fkey"), {}}});
  CHECK(f.Outcome() == std::to_string(row.status) + " /fkey");
  std::string head;
  AppendResponseHead(f.Answer(), HttpFraming::kLength, false, false, &head);
  CHECK(head.find(" \r\n") == std::string::npos);  // the status has its phrase
  CHECK(Json(f.Answer().body).At("/detail") == "why \"not\"\xef\xbf\xbd");
  CHECK_FALSE(Json(f.Answer().body).Has("/id"));
  CHECK((f.Header("Retry-After") != "(none)") == (row.status == 429 || row.status == 503));
}

TEST_CASE("refusals: a conflict names the notify in the way") {
  ApiFixture f;
  f.api.OnReply({{3, f.Submit(R"({"url":"http://h/","fkey":"f"})")}, Refused{Status(Code::kConflict, "held", "/fkey"), NotifyId{0x1f}}});
  CHECK(f.Outcome() == "409 /fkey");
  CHECK(Json(f.Answer().body).At("/id") == kId);
}

TEST_CASE("get: a notify with defaults shows every field") {
  ApiFixture f;
  f.Submit(R"({"url":"http://H/x"})");
  NotifyRecord record = f.RecordOf(f.Item());
  f.Shown(record, State::kScheduled);
  CHECK(f.Answer().status == 200);
  CHECK(
      f.Answer().body ==
      R"({"id":"n000000000000001f","state":"scheduled","reason":null,"created_at":"2023-11-14T22:13:20.000Z","settled_at":null,)"
      R"("next_attempt_at":"2023-11-14T22:13:21.000Z","due_at":"2023-11-14T22:13:21.000Z","delay_ms":null,"expires_at":null,"ttl_ms":null,)"
      R"("url":"http://H/x","pool":null,"pool_fallback":null,"instance":null,"method":"POST","headers":{},"data":null,"body":null,"body_base64":null,"content_type":"application/json",)"
      R"("lane":"http://h/x","group":null,"order_by":null,"partitions":null,"order_by_missing":null,"mode":"concurrent","priority":4,"reply":"expected",)"
      R"("expect":{"status":["2xx"],"contains":null,"json":null},)"
      R"("retry":{"max_attempts":10,"initial_ms":1000,"factor":2,"max_ms":3600000,"jitter":0.1,"schedule_ms":null,"fatal_on":null,"later_on":null,"only_on":null},)"
      R"("compress":null,"follow_redirects":null,"keep_response_bytes":0,"timeout_ms":30000,"connect_timeout_ms":5000,"fkey":null,"on_held":null,"idempotency_key":null,"caller":"unknown","labels":null,"callback_url":null,)"
      R"("attempts_made":0,"attempts":[]})");
}

TEST_CASE("get: what was submitted is shown again") {
  ApiFixture f;
  f.Submit(R"({"url":"http://h/","data": {"n":1.10, "a":[ 1 ]},"delay_ms":5,"ttl_ms":9,"fkey":"f","group":"g","idempotency_key":"k","caller":"c",
      "expect":{"status":[200,"3xx"],"contains":"ok","json":{"/a":1.00}},"retry":{"schedule_ms":[1,2],"fatal_on":{"status":["4xx"]}},"reply":"none"})");
  NotifyRecord record = f.RecordOf(f.Item());
  record.state.expires_at = WallTime{1'700'000'009'000};
  Json json = f.Shown(record, State::kHeld);
  CHECK(f.Answer().body.find(R"("data":{"n":1.10, "a":[ 1 ]},)") != std::string::npos);
  CHECK(f.Answer().body.find(R"("json":{"/a":1.00})") != std::string::npos);
  CHECK(json.At("/delay_ms") == "5");
  CHECK(json.At("/ttl_ms") == "9");
  CHECK(json.At("/expires_at") == "2023-11-14T22:13:29.000Z");
  CHECK(json.At("/fkey") == "f");
  CHECK(json.At("/on_held") == "reject");
  CHECK(json.At("/group") == "g");
  CHECK(json.At("/lane") == "http://h/#g");
  CHECK(json.At("/idempotency_key") == "k");
  CHECK(json.At("/caller") == "c");
  CHECK(json.At("/reply") == "none");
  CHECK(json.At("/expect/status") == R"([200,"3xx"])");
  CHECK(json.At("/retry/schedule_ms") == "[1,2]");
  CHECK(json.At("/retry/initial_ms") == "null");
  CHECK(json.At("/retry/fatal_on/status") == R"(["4xx"])");
}

TEST_CASE("get: credentials are not shown") {
  ApiFixture f;
  f.Submit(
      R"({"url":"http://h/","headers":{"AUTHORIZATION":"a","cookie":"b","Proxy-Authorization":"c","x-api-key":"d","x-pin":"e","X-Auth-Token":"f","X-Client-Secret":"g","Idempotency-Key":"h"}})");
  Json json = f.Shown(f.RecordOf(f.Item()), State::kReady);
  CHECK(
      json.At("/headers") ==
      R"({"AUTHORIZATION":"***","cookie":"***","Proxy-Authorization":"***","x-api-key":"***","x-pin":"***","X-Auth-Token":"***","X-Client-Secret":"***","Idempotency-Key":"h"})");
}

TEST_CASE("get: raw bodies come back as they were given") {
  ApiFixture f;
  f.Submit(R"({"url":"http://h/","body":"x\u0000y"})");
  CHECK(f.Shown(f.RecordOf(f.Item()), State::kReady).At("/body") == std::string("x\0y", 3));
  f.Submit(R"({"url":"http://h/","body_base64":"AP8="})");
  Json json = f.Shown(f.RecordOf(f.Item()), State::kReady);
  CHECK(json.At("/body_base64") == "AP8=");
  CHECK(json.At("/body") == "null");
}

TEST_CASE("get: attempts are shown, an error only where there was one") {
  ApiFixture f;
  f.Submit(R"({"url":"http://h/"})");
  NotifyRecord record = f.RecordOf(f.Item());
  record.state.phase = Phase::kFailed;
  record.state.settled_at = WallTime{1'700'000'002'000};
  record.state.attempts_made = 2;
  record.state.reason = "attempts_exhausted";
  record.attempts = {{1, WallTime{1'700'000'000'000}, 12, 0, "connect_failed", "refused", ""},
                     {2, WallTime{1'700'000'001'000}, 3, 200, "", "", "\xff!"}};
  Json json = f.Shown(record, State::kFailed);
  CHECK(json.At("/state") == "failed");
  CHECK(json.At("/reason") == "attempts_exhausted");
  CHECK(json.At("/settled_at") == "2023-11-14T22:13:22.000Z");
  CHECK(json.At("/next_attempt_at") == "null");
  CHECK(json.At("/attempts_made") == "2");
  CHECK(
      json.At("/attempts/0") ==
      R"({"number":1,"started_at":"2023-11-14T22:13:20.000Z","duration_ms":12,"status":0,"error":"connect_failed","detail":"refused","response_body":""})");
  CHECK_FALSE(json.Has("/attempts/1/error"));
  CHECK(json.At("/attempts/1/response_body") == "\xef\xbf\xbd!");
}

TEST_CASE("get: the next attempt is where the retry stands") {
  ApiFixture f;
  f.Submit(R"({"url":"http://h/"})");
  NotifyRecord record = f.RecordOf(f.Item());
  record.state.phase = Phase::kRetrying;
  record.state.next_attempt_at = WallTime{1'700'000'005'000};
  CHECK(f.Shown(record, State::kRetrying).At("/next_attempt_at") == "2023-11-14T22:13:25.000Z");
  CHECK(f.Shown(record, State::kSending).At("/next_attempt_at") == "null");
}

TEST_CASE("get: the ETag moves with what users change, not with attempts") {
  ApiFixture f;
  f.Submit(R"({"url":"http://h/"})");
  NotifyRecord record = f.RecordOf(f.Item());
  auto etag = [&](const NotifyRecord& of) {
    f.Shown(of, State::kReady);
    return f.Header("ETag");
  };
  std::string before = etag(record);
  CHECK(before.size() == 34);
  CHECK(before.front() == '"');
  NotifyRecord attempted = record;
  attempted.state.attempts_made = 1;
  attempted.state.phase = Phase::kRetrying;
  attempted.attempts = {{1, WallTime{1}, 12, 500, "unexpected_answer", "", ""}};
  CHECK(etag(attempted) == before);
  NotifyRecord postponed = record;
  postponed.state.due.ms += 1;
  CHECK(etag(postponed) != before);
  f.Submit(R"({"url":"http://h/","priority":5})");
  CHECK(etag(f.RecordOf(f.Item())) != before);
  f.Submit(R"({"url":"http://h/","retry":{"factor":3}})");
  CHECK(etag(f.RecordOf(f.Item())) != before);
  f.Submit(R"({"url":"http://h/","data":1})");
  CHECK(etag(f.RecordOf(f.Item())) != before);
}

TEST_CASE("get: a record that cannot be read is an internal error") {
  ApiFixture f;
  f.Submit(R"({"url":"http://h/"})");
  NotifyRecord record = f.RecordOf(f.Item());
  record.spec = std::make_shared<const std::string>("\x7f");
  f.Shown(record, State::kReady);
  CHECK(f.Outcome() == "500");
}

}  // namespace
}  // namespace notifyd
