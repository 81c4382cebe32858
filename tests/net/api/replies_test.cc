// Everything but the body of a submit: routing, queries, and how the core's replies look from outside.
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
      R"("url":"http://H/x","method":"POST","headers":{},"data":null,"body":null,"body_base64":null,"content_type":"application/json",)"
      R"("lane":"http://h/x","group":null,"mode":"concurrent","priority":4,"reply":"expected",)"
      R"("expect":{"status":["2xx"],"contains":null,"json":null},)"
      R"("retry":{"max_attempts":10,"initial_ms":1000,"factor":2,"max_ms":3600000,"jitter":0.1,"schedule_ms":null,"fatal_on":null,"later_on":null,"only_on":null},)"
      R"("timeout_ms":30000,"connect_timeout_ms":5000,"fkey":null,"on_held":null,"idempotency_key":null,"caller":"unknown","callback_url":null,)"
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

TEST_CASE("list: items come without their bodies, with a cursor to go on") {
  ApiFixture f;
  f.Submit(R"({"url":"http://h/","data":{"x":1}})");
  auto record = std::make_shared<const NotifyRecord>(f.RecordOf(f.Item()));
  uint64_t token = f.Ask("GET", "/v1/notifies?limit=1");
  f.api.OnReply({{3, token}, Listed{{{record, State::kReady}}, NotifyId{0x1f}}});
  Json json(f.Answer().body);
  CHECK(json.At("/items/0/id") == kId);
  CHECK(json.At("/items/0/url") == "http://h/");
  CHECK(json.Has("/items/0/attempts_made"));
  for (const char* absent : {"/items/0/data", "/items/0/body", "/items/0/body_base64", "/items/0/attempts"}) CHECK_FALSE(json.Has(absent));
  std::string next = json.At("/next");
  f.Ask("GET", "/v1/notifies?cursor=" + next);
  CHECK(f.Posted<ListRequest>().query.below == NotifyId{0x1f});
  f.api.OnReply({{3, f.last_token}, Listed{}});
  CHECK(f.Answer().body == R"({"items":[],"next":null})");
}

TEST_CASE("list: filters") {
  ApiFixture f;
  f.Ask("GET",
        "/v1/"
        "notifies?state=held,failed,held&lane=http%3A%2F%2Fh%2F&mode=fifo&caller=a+b&created_after=2023-11-14T22%3A13%3A20Z&created_before="
        "31536000000&limit="
        "1000&fkey=a%2Fb&fkey_prefix=a&url_prefix=http%3A%2F%2Fh%2Fx%3F");
  const ListQuery& query = f.Posted<ListRequest>().query;
  CHECK(query.states == std::vector<State>{State::kHeld, State::kFailed});
  CHECK(query.lane == "http://h/");
  CHECK(query.mode == Mode::kFifo);
  CHECK(query.caller == "a b");
  CHECK(query.created_after == WallTime{1'700'000'000'000});
  CHECK(query.created_before == WallTime{31'536'000'000});
  CHECK(query.limit == 1000);
  CHECK(query.fkey == "a/b");
  CHECK(query.fkey_prefix == "a");
  CHECK(query.url_prefix == "http://h/x?");
  CHECK_FALSE(query.oldest_first);
  f.Ask("GET", "/v1/notifies");
  CHECK(f.Posted<ListRequest>().query.limit == 100);
  CHECK(f.Posted<ListRequest>().query.states.empty());
}

TEST_CASE("requests: what they are refused for") {
  struct Row {
    const char *method, *target, *outcome;
  };
  auto row = GENERATE(values<Row>({
      {"GET", "/v1/notifies?state=", "422 /state"},
      {"GET", "/v1/notifies?state=held,", "422 /state"},
      {"GET", "/v1/notifies?state=open", "422 /state"},
      {"GET", "/v1/notifies?lane=", "422 /lane"},
      {"GET", "/v1/notifies?mode=x", "422 /mode"},
      {"GET", "/v1/notifies?caller=", "422 /caller"},
      {"GET", "/v1/notifies?created_after=x", "422 /created_after"},
      {"GET", "/v1/notifies?created_before=", "422 /created_before"},
      {"GET", "/v1/notifies?created_after=1893456000", "422 /created_after"},
      {"GET", "/v1/notifies?created_after=0", "422 /created_after"},
      {"GET", "/v1/notifies?created_before=31535999999", "422 /created_before"},
      {"GET", "/v1/notifies?created_before=-1e30", "422 /created_before"},
      {"GET", "/v1/notifies?limit=0", "422 /limit"},
      {"GET", "/v1/notifies?limit=1001", "422 /limit"},
      {"GET", "/v1/notifies?limit=1x", "422 /limit"},
      {"GET", "/v1/notifies?limit=", "422 /limit"},
      {"GET", "/v1/notifies?cursor=x", "422 /cursor"},
      {"GET", "/v1/notifies?limit=1&limit=2", "422 /limit"},
      {"GET", "/v1/notifies?nope=1", "422 /nope"},
      {"GET", "/v1/notifies?fkey=", "422 /fkey"},
      {"GET", "/v1/notifies?fkey_prefix=", "422 /fkey_prefix"},
      {"GET", "/v1/notifies?url_prefix=", "422 /url_prefix"},
      {"GET", "/v1/notifies?caller=%", "400"},
      {"GET", "/v1/notifies?caller=%ff", "400"},
      {"GET", "/v1/notifies/n000000000000001f?wait_ms=60001", "422 /wait_ms"},
      {"GET", "/v1/notifies/n000000000000001f?wait_ms=-1", "422 /wait_ms"},
      {"GET", "/v1/notifies/n000000000000001f?wait_ms=", "422 /wait_ms"},
      {"GET", "/v1/notifies/n000000000000001f?x=1", "422 /x"},
      {"GET", "/v1/notifies/n000000000000001F", "404"},
      {"GET", "/v1/notifies/17", "404"},
      {"DELETE", "/v1/notifies/x", "404"},
      {"POST", "/v1/notifies/x/retry", "404"},
      {"GET", "/v1/notifies/%zz", "400"},
      {"GET", "/nope", "404"},
      {"POST", "/v1/notifies?x=1", "422 /x"},
      {"PATCH", "/v1/notifies/n000000000000001f", "400"},
      {"PATCH", "/v1/notifies/x", "404"},
      {"PATCH", "/v1/notifies/n000000000000001f?x=1", "422 /x"},
      {"GET", "/v1/notifies/x/explain", "404"},
      {"GET", "/v1/notifies/n000000000000001f/explain?x=1", "422 /x"},
      {"POST", "/v1/notifies", "400"},
      {"POST", "/v1/notifies/retry", "400"},
      {"POST", "/v1/notifies/cancel", "400"},
      {"POST", "/v1/notifies/purge", "400"},
      {"POST", "/v1/notifies/purge?state=failed", "422 /state"},
      {"GET", "/v1/lanes?limit=0", "422 /limit"},
      {"GET", "/v1/lanes?limit=1001", "422 /limit"},
      {"GET", "/v1/lanes?prefix=", "422 /prefix"},
      {"GET", "/v1/lanes?cursor=", "422 /cursor"},
      {"GET", "/v1/lanes?cursor=Zg", "422 /cursor"},
      {"GET", "/v1/lanes?cursor=eGE", "422 /cursor"},
      {"GET", "/v1/lanes?cursor=Zng=", "422 /cursor"},
      {"GET", "/v1/lanes?mode=fifo", "422 /mode"},
      {"GET", "/v1/lanes/nope/x", "404"},
      {"GET", "/v1/lanes/fifo", "404"},
      {"GET", "/v1/lanes/fifo/", "404"},
      {"GET", "/v1/lanes/fifo/a/b", "404"},
      {"GET", "/v1/lanes/fifo/%ff", "422 /name"},
      {"GET", "/v1/lanes/fifo/a%00", "422 /name"},
      {"GET", "/v1/lanes/fifo/x?x=1", "422 /x"},
      {"PATCH", "/v1/lanes/nope/x", "404"},
      {"PATCH", "/v1/lanes/fifo/x", "400"},
      {"POST", "/v1/fkeys/f/trigger?remember_ms=0", "422 /remember_ms"},
      {"POST", "/v1/fkeys/f/trigger?remember_ms=2592000001", "422 /remember_ms"},
      {"POST", "/v1/fkeys/f/trigger?remember_ms=1d", "422 /remember_ms"},
      {"POST", "/v1/fkeys/f/trigger?remember_ms=1&remember_ms=1", "422 /remember_ms"},
      {"POST", "/v1/fkeys/f/trigger?x=5", "422 /x"},
      {"POST", "/v1/fkeys/%ff/trigger", "422 /fkey"},
      {"GET", "/v1/fkeys/%00", "422 /fkey"},
      {"GET", "/v1/stats?x=1", "422 /x"},
  }));
  CAPTURE(row.method, row.target);
  ApiFixture f;
  f.Ask(row.method, row.target);
  CHECK(f.Outcome() == row.outcome);
  CHECK(f.sink.events.empty());
}

TEST_CASE("methods: a known path names those that it takes") {
  struct Row {
    const char *method, *target, *allow;
  };
  auto row = GENERATE(values<Row>({{"PUT", "/v1/notifies", "GET, HEAD, POST"},
                                   {"OPTIONS", "/v1/notifies", "GET, HEAD, POST"},
                                   {"POST", "/v1/notifies/n000000000000001f", "GET, HEAD, PATCH, DELETE"},
                                   {"GET", "/v1/notifies/n000000000000001f/retry", "POST"},
                                   {"GET", "/v1/notifies/purge", "POST"},
                                   {"DELETE", "/v1/notifies/retry", "POST"},
                                   {"POST", "/v1/notifies/n000000000000001f/explain", "GET, HEAD"},
                                   {"POST", "/v1/lanes", "GET, HEAD"},
                                   {"POST", "/v1/fkeys/f", "GET, HEAD, DELETE"},
                                   {"GET", "/v1/fkeys/f/trigger", "POST"},
                                   {"DELETE", "/v1/lanes/fifo/x", "GET, HEAD, PATCH"},
                                   {"POST", "/v1/stats", "GET, HEAD"},
                                   {"get", "/metrics", "GET, HEAD"},
                                   {"POST", "/healthz", "GET, HEAD"},
                                   {"DELETE", "/readyz", "GET, HEAD"}}));
  CAPTURE(row.method, row.target);
  ApiFixture f;
  f.Ask(row.method, row.target);
  CHECK(f.Outcome() == "405");
  CHECK(f.Header("Allow") == row.allow);
}

TEST_CASE("requests: the events that they become") {
  ApiFixture f;
  f.Ask("GET", std::string("/v1/notifies/") + kId + "?wait_ms=60000", "ignored");
  CHECK(f.Posted<GetRequest>().id == NotifyId{0x1f});
  CHECK(f.Posted<GetRequest>().wait_ms == 60000);
  CHECK(f.Posted<GetRequest>().request == RequestId{3, f.last_token});
  f.Ask("HEAD", std::string("/v1/notifies/") + kId);
  CHECK(f.Posted<GetRequest>().wait_ms == 0);
  f.Ask("DELETE", std::string("/v1/notifies/") + kId, "ignored");
  CHECK(f.Posted<CancelRequest>().id == NotifyId{0x1f});
  f.Ask("POST", std::string("/v1/notifies/") + kId + "/retry");
  CHECK(f.Posted<RetryRequest>().id == NotifyId{0x1f});
  f.Ask("GET", "/v1/fkeys/a%2Fb%C3%A9");
  CHECK(f.Posted<FkeyGetRequest>().fkey == "a/b\xc3\xa9");
  f.Ask("DELETE", "/v1/fkeys/a+b");
  CHECK(f.Posted<FkeyCancelRequest>().fkey == "a+b");
}

TEST_CASE("fkeys: 255 bytes are taken, more are not") {
  ApiFixture f;
  f.Ask("GET", "/v1/fkeys/" + std::string(255, 'x'));
  CHECK(f.Outcome() == "posted");
  f.Ask("GET", "/v1/fkeys/" + std::string(256, 'x'));
  CHECK(f.Outcome() == "422 /fkey");
}

TEST_CASE("trigger: without a body it says nothing more") {
  ApiFixture f;
  f.Ask("POST", "/v1/fkeys/f/trigger", "", {{"Content-Type", "text/plain"}});
  const TriggerRequest& trigger = f.Posted<TriggerRequest>();
  CHECK(trigger.fkey == "f");
  CHECK_FALSE(trigger.data);
  CHECK(trigger.when.kind == When::Kind::kDefault);
}

TEST_CASE("trigger: data is kept digit for digit, a time postpones") {
  ApiFixture f;
  f.Ask("POST", "/v1/fkeys/f/trigger", R"({"data": {"a":1.0} ,"delay_ms":5,"due_at":null})");
  CHECK(f.Posted<TriggerRequest>().data == R"({"a":1.0})");
  CHECK(f.Posted<TriggerRequest>().when.kind == When::Kind::kDelay);
  CHECK(f.Posted<TriggerRequest>().when.ms == 5);
}

TEST_CASE("trigger: bad bodies") {
  struct Row {
    const char *body, *outcome;
  };
  auto row = GENERATE(values<Row>({{"{", "400"},
                                   {"[]", "422"},
                                   {"[{}]", "422"},
                                   {"7", "422"},
                                   {R"({"x":1})", "422 /x"},
                                   {R"({"data":[1]})", "422 /data"},
                                   {R"({"data":{"a":1,"a":2}})", "422 /data/a"},
                                   {R"({"delay_ms":-1})", "422 /delay_ms"},
                                   {R"({"delay_ms":1,"due_at":1})", "422 /due_at"},
                                   {R"({"due_at":"x"})", "422 /due_at"}}));
  CAPTURE(row.body);
  ApiFixture f;
  f.Ask("POST", "/v1/fkeys/f/trigger", row.body);
  CHECK(f.Outcome() == row.outcome);
  f.Ask("POST", "/v1/fkeys/f/trigger", "{}", {{"Content-Type", "text/plain"}});
  CHECK(f.Outcome() == "415");
}

TEST_CASE("trigger: a fresh one answers 202, a repeat 200") {
  ApiFixture f;
  f.api.OnReply({{3, f.Ask("POST", "/v1/fkeys/f/trigger")}, Triggered{NotifyId{0x1f}, State::kReady, true}});
  CHECK(f.Answer().status == 202);
  CHECK(f.Answer().body == R"({"id":"n000000000000001f","state":"ready"})");
  f.api.OnReply({{3, f.Ask("POST", "/v1/fkeys/f/trigger")}, Triggered{NotifyId{0x1f}, State::kSending, false}});
  CHECK(f.Answer().status == 200);
}

TEST_CASE("trigger: remember_ms goes with it, and what is remembered answers 202") {
  ApiFixture f;
  f.Ask("POST", "/v1/fkeys/f/trigger?remember_ms=2592000000", R"({"data":{"a":1}})");
  CHECK(f.Posted<TriggerRequest>().remember_ms == 2'592'000'000);
  CHECK(f.Posted<TriggerRequest>().data == R"({"a":1})");
  f.Reply(Remembered{});
  CHECK(f.Answer().status == 202);
  CHECK(f.Answer().body == R"({"remembered":true})");
  f.Ask("POST", "/v1/fkeys/f/trigger");
  CHECK(f.Posted<TriggerRequest>().remember_ms == 0);
}

TEST_CASE("explain: reasons in order, and when") {
  ApiFixture f;
  f.Ask("GET", std::string("/v1/notifies/") + kId + "/explain");
  CHECK(f.Posted<ExplainRequest>().id == NotifyId{0x1f});
  f.Reply(Explained{NotifyId{0x1f}, State::kScheduled, {{"not_due", "due in 5 s"}, {"lane_paused", "by \"request\""}}, WallTime{1'700'000'005'000}});
  CHECK(f.Answer().body == R"({"id":"n000000000000001f","state":"scheduled","reasons":[{"code":"not_due","detail":"due in 5 s"},)"
                           R"({"code":"lane_paused","detail":"by \"request\""}],"expected_at":"2023-11-14T22:13:25.000Z"})");
  f.Ask("HEAD", std::string("/v1/notifies/") + kId + "/explain");
  f.Reply(Explained{NotifyId{0x1f}, State::kHeld, {}, std::nullopt});
  CHECK(Json(f.Answer().body).At("/expected_at") == "null");
}

TEST_CASE("retry: answers 202") {
  ApiFixture f;
  f.api.OnReply({{3, f.Ask("POST", std::string("/v1/notifies/") + kId + "/retry")}, Retried{NotifyId{0x1f}, State::kScheduled}});
  CHECK(f.Answer().status == 202);
  CHECK(f.Answer().body == R"({"id":"n000000000000001f","state":"scheduled"})");
}

StatsView SomeStats() {
  StatsView stats;
  stats.held = 1;
  stats.scheduled = 2;
  stats.ready = 3;
  stats.sending = 4;
  stats.retrying = 5;
  stats.totals.accepted = 30;
  stats.totals.succeeded = 15;
  stats.totals.by_index[Index::kHeld] = 1;
  stats.totals.by_index[Index::kDue] = 9;
  stats.totals.by_index[Index::kRetrying] = 5;
  stats.in_flight = 4;
  return stats;
}

TEST_CASE("stats: what the core and the process know") {
  ApiFixture f;
  f.api.OnReply({{3, f.Ask("GET", "/v1/stats")}, SomeStats()});
  Json json(f.Answer().body);
  CHECK(json.At("/pid") == "42");
  CHECK(json.At("/version") == "1.2.3");
  CHECK(json.At("/started_at") == "2023-11-14T22:13:20.000Z");
  CHECK(json.At("/uptime_ms") == "5000");
  CHECK(json.At("/pending") == "15");
  CHECK(json.At("/states") == R"({"held":1,"scheduled":2,"ready":3,"sending":4,"retrying":5})");
  CHECK(json.At("/totals") == R"({"accepted":30,"revived":0,"succeeded":15,"failed":0,"cancelled":0,"expired":0,"attempts":0,"retries":0})");
  CHECK(json.At("/store/disk_bytes") == "77");
  CHECK(json.At("/memory/rss_bytes") == "1048576");
}

TEST_CASE("probes: healthz always, readyz while submits are taken") {
  ApiFixture f;
  f.ready = false;
  f.Ask("GET", "/healthz");
  CHECK(f.Answer().status == 200);
  CHECK(f.Answer().body == R"({"status":"ok"})");
  f.Ask("GET", "/readyz");
  CHECK(f.Outcome() == "503");
  CHECK(f.Header("Retry-After") == "1");
  f.ready = true;
  f.Ask("HEAD", "/readyz");
  CHECK(f.Outcome() == "200");
}

TEST_CASE("origin: a foreign one is refused everywhere, before anything else") {
  ApiFixture f;
  f.Ask("GET", "/healthz", "", {{"Host", "127.0.0.1:7300"}, {"Origin", "http://evil.com"}});
  CHECK(f.Outcome() == "403");
  f.Ask("OPTIONS", "/nope", "", {{"Host", "127.0.0.1:7300"}, {"Origin", "null"}});
  CHECK(f.Outcome() == "403");
  f.Ask("GET", "/healthz", "", {{"Host", "127.0.0.1:7300"}, {"Origin", "http://127.0.0.1:7300"}});
  CHECK(f.Outcome() == "200");
}

TEST_CASE("via: a request that this broker has made itself is refused everywhere") {
  ApiFixture f;
  f.api.SetVia("me");
  const Headers own = {{"Notify-Via", "other"}, {"notify-via", "another; x=1, me"}};
  f.Submit(R"({"url":"http://h/"})", own);
  CHECK(f.Outcome() == "508");
  f.Ask("POST", "/v1/notifies/n000000000000001f/retry", "", own);
  CHECK(f.Outcome() == "508");
  f.Ask("GET", "/v1/stats", "", own);
  CHECK(f.Outcome() == "508");
  CHECK(Json(f.Answer().body).At("/type") == "urn:notifyd:problem:loop");
  Headers lines = own;
  lines.emplace_back("Content-Type", "application/x-ndjson");
  REQUIRE(f.Open(lines));
  CHECK(f.Outcome() == "508");
  CHECK(f.Answer().close);
  f.Submit(R"({"url":"http://h/"})", {{"Notify-Via", std::string(1025, 'x')}});
  CHECK(f.Outcome() == "508");
  CHECK(f.sink.events.empty());
}

TEST_CASE("via: what a request came through goes into each notify, and into a retry") {
  ApiFixture f;
  f.api.SetVia("me");
  const Headers chain = {{"Notify-Via", "a,b"}, {"Notify-Via", "c"}};
  f.Submit(R"({"url":"http://h/","headers":{"X-A":"1"}})", chain);
  CHECK(f.Spec().via == "a, b, c");
  CHECK(f.Spec().headers == Headers{{"X-A", "1"}});
  // Nothing that is shown, or that a change could take away.
  CHECK(f.Shown(f.RecordOf(f.Item()), State::kReady).At("/headers") == R"({"X-A":"1"})");
  f.Submit(R"({"url":"http://h/","headers":{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}})", chain);
  CHECK(f.Spec().via == "a, b, c");
  f.Submit(R"({"url":"http://h/"})");
  CHECK(f.Spec().via.empty());
  f.Ask("POST", "/v1/notifies/n000000000000001f/retry", "", chain);
  CHECK(f.Posted<RetryRequest>().via == "a, b, c");
  f.Ask("POST", "/v1/notifies/retry", R"({"filter":{"state":"failed"}})", chain);
  CHECK(f.Posted<BulkRequest>().via == "a, b, c");
  Headers lines = chain;
  lines.emplace_back("Content-Type", "application/x-ndjson");
  uint64_t token = f.Open(lines) ? f.last_token : 0;
  f.api.OnBody(token, "{\"url\":\"http://h/\"}\n");
  f.api.OnBodyEnd(token);
  CHECK(DecodeSpec(*f.Posted<SubmitRequest>().items.at(0).spec)->via == "a, b, c");
}

TEST_CASE("waiters: so many at once, and no more; one that is answered or gone does not count") {
  ApiFixture f;
  std::string wait = std::string("/v1/notifies/") + kId + "?wait_ms=60000";
  uint64_t first = f.Ask("GET", wait);
  uint64_t second = f.Ask("GET", wait);
  f.Ask("GET", wait);
  CHECK(f.Outcome() == "429");
  CHECK(f.Header("Retry-After") == "1");
  CHECK_THAT(Json(f.Answer().body).At("/detail"), Catch::Contains("wait_ms"));
  f.Ask("GET", std::string("/v1/notifies/") + kId + "?wait_ms=0");
  CHECK_FALSE(f.answered());
  f.api.OnClose(first);
  f.Ask("GET", wait);
  CHECK_FALSE(f.answered());
  f.api.OnReply({{3, second}, Refused{Status(Code::kNotFound, "gone"), {}}});
  f.Ask("GET", wait);
  CHECK_FALSE(f.answered());
  f.Ask("GET", wait);
  CHECK(f.Outcome() == "429");
}

TEST_CASE("waiters: one whose client ends its side is answered at once, and does not count any more") {
  ApiFixture f;
  uint64_t token = f.Ask("GET", std::string("/v1/notifies/") + kId + "?wait_ms=60000");
  f.Ask("GET", std::string("/v1/notifies/") + kId + "?wait_ms=60000");
  size_t before = f.sink.events.size();
  f.api.OnHalfClose(token);
  REQUIRE(f.sink.events.size() == before + 2);
  CHECK(std::get<Disconnected>(f.sink.events[before]).request.token == token);
  CHECK(f.Posted<GetRequest>().request.token == token);
  CHECK(f.Posted<GetRequest>().wait_ms == 0);
  f.Ask("GET", std::string("/v1/notifies/") + kId + "?wait_ms=60000");
  CHECK_FALSE(f.answered());
  // Any other request goes on.
  before = f.sink.events.size();
  f.Ask("GET", std::string("/v1/notifies/") + kId);
  f.api.OnHalfClose(f.last_token);
  CHECK(f.sink.events.size() == before + 1);
}

TEST_CASE("waiters: room for the answer is asked for once it is known, and where there is none it is refused") {
  ApiFixture f;
  bool room = GENERATE(true, false);
  f.responder.room = room;
  f.Submit(R"({"url":"http://h/","body":")" + std::string(900, 'x') + "\"}");
  auto record = std::make_shared<const NotifyRecord>(f.RecordOf(f.Item()));
  f.Ask("GET", std::string("/v1/notifies/") + kId + "?wait_ms=5");
  f.Reply(Viewed{{record, State::kReady}});
  CHECK(f.Outcome() == (room ? "200" : "429"));
  CHECK(f.responder.reserved > 900);
}

TEST_CASE("demand: probes are known as such, and what shows notifies says what it takes") {
  ApiFixture f;
  auto demand = [&](const std::string& method, const std::string& target, const std::string& body = "") {
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.body = body;
    return f.api.Demand(request);
  };
  for (const char* path : {"/healthz", "/readyz?x", "/metrics"}) {
    CHECK(demand("GET", path).probe);
    CHECK(demand("HEAD", path).probe);
    CHECK_FALSE(demand("POST", path).probe);
  }
  for (const char* path : {"/v1/notifies?limit=5", "/v1/lanes", "/v1/notifies/n000000000000001f", "/v1/fkeys/f"}) {
    CAPTURE(path);
    CHECK_FALSE(demand("GET", path).probe);
    CHECK(demand("GET", path).answer_bytes > 100'000);
    CHECK(demand("GET", path).waits);
  }
  CHECK(demand("GET", "/v1/notifies/n000000000000001f?wait_ms=1000").answer_bytes == 0);
  CHECK(demand("POST", "/v1/notifies", "{}").answer_bytes == 0);
  HttpDemand batch = demand("POST", "/v1/notifies", std::string(100'000, ' '));
  CHECK(batch.answer_bytes > 0);
  CHECK_FALSE(batch.waits);
  CHECK(demand("GET", "/nope").answer_bytes == 0);
}

TEST_CASE("close: a posted request is reported once, an answered one not at all") {
  ApiFixture f;
  uint64_t token = f.Ask("GET", std::string("/v1/notifies/") + kId + "?wait_ms=5");
  f.api.OnClose(token);
  CHECK(f.Posted<Disconnected>().request == RequestId{3, token});
  f.api.OnReply({{3, token}, Retried{}});
  CHECK_FALSE(f.answered());
  f.api.OnClose(token);
  f.Ask("GET", "/healthz");
  f.api.OnClose(f.last_token);
  CHECK(f.sink.events.size() == 2);
}

TEST_CASE("refusals of the server itself are problem documents") {
  ApiFixture f;
  HttpResponse response = f.api.OnRefused(431, "too \"much\"\xff");
  CHECK(response.status == 431);
  CHECK(response.content_type == "application/problem+json");
  CHECK(response.close);
  CHECK(Json(response.body).At("/status") == "431");
  CHECK(Json(response.body).At("/type") == "urn:notifyd:problem:head-too-large");
  CHECK(Json(f.api.OnRefused(418, "").body).At("/status") == "418");
}

}  // namespace
}  // namespace notifyd
