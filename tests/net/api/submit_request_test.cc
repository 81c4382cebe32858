// Submits: what fields mean together, whose trace a notify has, media types, batches and idempotency keys.
#include <set>

#include "api_fixture.h"
#include "base/bytes.h"

namespace notifyd {
namespace {

TEST_CASE("submit: due and expiry times are absolute where they were given so") {
  ApiFixture f;
  REQUIRE(f.WithFields(R"("due_at":"2030-01-01T01:00:00.5+01:00","expires_at":1893456001000)") == "posted");
  CHECK(f.Item().when.kind == When::Kind::kAt);
  CHECK(f.Item().when.ms == 1893456000500);
  CHECK(f.Item().ttl.kind == When::Kind::kAt);
  CHECK(f.Item().ttl.ms == 1893456001000);
  CHECK_FALSE(f.Spec().delay_ms);
  CHECK_FALSE(f.Spec().ttl_ms);
}

TEST_CASE("submit: a retry policy that says the default is the default") {
  ApiFixture f;
  REQUIRE(f.WithFields(R"("retry":{"max_attempts":10,"factor":2.0})") == "posted");
  CHECK(f.Head().retry == nullptr);
}

TEST_CASE("submit: expect without status keeps 2xx, fatal_on without status takes any") {
  ApiFixture f;
  REQUIRE(f.WithFields(R"("expect":{"contains":"x"},"retry":{"fatal_on":{"contains":"y"}})") == "posted");
  CHECK(f.Spec().expect.status == std::vector<uint16_t>{2});
  CHECK(f.Head().retry->fatal_on->status.empty());
}

TEST_CASE("submit: labels are kept by key") {
  ApiFixture f;
  REQUIRE(f.WithFields(R"("labels":{"team":"billing","env":"prod"})") == "posted");
  REQUIRE(f.Head().labels);
  CHECK(*f.Head().labels == Labels{{"env", "prod"}, {"team", "billing"}});
}

TEST_CASE("submit: order_by puts equal values into one fifo partition of the lane") {
  ApiFixture f;
  auto lane = [&](const std::string& fields) {
    REQUIRE(f.WithFields(fields) == "posted");
    CHECK(f.Head().lane.mode == Mode::kFifo);
    return f.Head().lane.name;
  };
  // xxHash64 of `"c1"` and of `42`, computed apart from the library, by the algorithm's description.
  CHECK(Hash64("\"c1\"") == 0xb93479254997f61fULL);
  CHECK(Hash64("42") == 0x6de6f5d076d742b9ULL);
  CHECK(lane(R"("order_by":"/c","partitions":1024,"lane":"orders","data":{"c":"c1"})") == "orders~543");
  const std::string forty_two = lane(R"("order_by":"/c","partitions":1024,"lane":"orders","data":{"c":42})");
  CHECK(forty_two == "orders~697");
  CHECK(lane(R"("order_by":"/c","partitions":1024,"lane":"orders","data":{"x":[1],"c":42.0})") == forty_two);
  CHECK(lane(R"("order_by":"/c","partitions":1024,"lane":"orders","data":{"c":"42"})") != forty_two);
  CHECK(lane(R"("order_by":"/c","partitions":1,"data":{"c":42})").ends_with("~0"));
  CHECK(f.Spec().order_by == "/c");
  CHECK(f.Spec().partitions == 1);
  const std::string longest(255, 'l');
  CHECK(lane(R"("order_by":"/c","partitions":1024,"lane":")" + longest + R"(","data":{"c":42})") == longest + forty_two.substr(6));
}

TEST_CASE("submit: what has no value to order by is spread over the partitions in turn, where that is asked for") {
  ApiFixture f;
  std::set<std::string> lanes;
  for (int i = 0; i < 8; ++i) {
    REQUIRE(f.WithFields(R"("order_by":"/c","partitions":4,"order_by_missing":"spread","lane":"l","data":{})") == "posted");
    lanes.insert(f.Head().lane.name);
  }
  CHECK(lanes == std::set<std::string>{"l~0", "l~1", "l~2", "l~3"});
}

TEST_CASE("submit: later_on without status takes any") {
  ApiFixture f;
  REQUIRE(f.WithFields(R"("retry":{"later_on":{"contains":"y"}},"ttl_ms":5)") == "posted");
  CHECK(f.Head().retry->later_on == AnswerPattern{{}, "y", {}});
}

TEST_CASE("submit: a callback knows its lane and host, and the URL of its notify") {
  ApiFixture f;
  REQUIRE(f.SubmitOutcome(R"({"url":"http://h/#x","group":"g","mode":"fifo","callback_url":"HTTPS://Back.example/a?b#c"})") == "posted");
  REQUIRE(f.Head().callback);
  CHECK(*f.Head().callback == Callback{"HTTPS://Back.example/a?b#c", "https://back.example/a", "back.example:443", "http://h/#x"});
  REQUIRE(f.SubmitOutcome(R"({"url":"http://h/"})") == "posted");
  CHECK(f.Head().callback == nullptr);
}

TEST_CASE("submit: the length of a callback's URL is bounded as any URL's") {
  ApiFixture f;
  std::string base = "http://h/";
  CHECK(f.WithFields("\"callback_url\":\"" + base + std::string(8192 - base.size(), 'x') + "\"") == "posted");
  CHECK(f.WithFields("\"callback_url\":\"" + base + std::string(8193 - base.size(), 'x') + "\"") == "422 /callback_url");
}

const std::string kTraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST_CASE("submit: the trace of the request is its notify's") {
  ApiFixture f;
  REQUIRE(f.SubmitOutcome(R"({"url":"http://h/"})", {{"TraceParent", kTraceParent}, {"tracestate", "a=1"}}) == "posted");
  CHECK(f.Head().trace_parent == kTraceParent);
  CHECK(f.Spec().trace_state == "a=1");
  REQUIRE(f.SubmitOutcome(R"({"url":"http://h/"})", {{"traceparent", "00-0-0-01"}, {"tracestate", "a=1"}}) == "posted");
  CHECK(f.Head().trace_parent.empty());
  CHECK(f.Spec().trace_state.empty());
}

TEST_CASE("submit: a traceparent among the notify's own headers wins and is not sent as it is") {
  ApiFixture f;
  std::string own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  REQUIRE(f.SubmitOutcome(R"({"url":"http://h/","headers":{"A":"1","TraceParent":")" + own + R"("}})", {{"traceparent", kTraceParent}}) == "posted");
  CHECK(f.Head().trace_parent == own);
  CHECK(f.Spec().headers == std::vector<std::pair<std::string, std::string>>{{"A", "1"}});
}

TEST_CASE("submit: a traceparent among the notify's own headers that is not valid does not count") {
  ApiFixture f;
  const char* body = R"({"url":"http://h/","headers":{"A":"1","traceparent":"mine","tracestate":"b=2"}})";
  REQUIRE(f.SubmitOutcome(body, {{"traceparent", kTraceParent}, {"tracestate", "a=1"}}) == "posted");
  CHECK(f.Head().trace_parent == kTraceParent);
  CHECK(f.Spec().trace_state == "a=1");
  CHECK(f.Spec().headers == Headers{{"A", "1"}});
  REQUIRE(f.SubmitOutcome(body) == "posted");
  CHECK(f.Head().trace_parent.empty());
  CHECK(f.Spec().headers.size() == 3);
}

TEST_CASE("submit: beside a lane a group is shown, and has no effect") {
  ApiFixture f;
  REQUIRE(f.SubmitOutcome(R"({"url":"http://h/","lane":"l","group":"g"})") == "posted");
  CHECK(f.Head().lane == LaneKey{Mode::kConcurrent, "l"});
  Json shown = f.Shown(f.RecordOf(f.Item()), State::kReady);
  CHECK(shown.At("/lane") == "l");
  CHECK(shown.At("/group") == "g");
}

TEST_CASE("submit: another media type is answered with those that a submit may have") {
  ApiFixture f;
  REQUIRE(f.SubmitOutcome(R"({"url":"http://h/"})", {{"Content-Type", "text/plain"}}) == "415");
  CHECK(f.Answer().body.find("application/json or application/x-ndjson") != std::string::npos);
}

TEST_CASE("batch: the trace of the request is each notify's") {
  ApiFixture f;
  REQUIRE(f.SubmitOutcome(R"([{"url":"http://a/"},{"url":"http://b/"}])", {{"traceparent", kTraceParent}}) == "posted");
  for (const SubmitItem& item : f.Posted<SubmitRequest>().items) CHECK(item.envelope->trace_parent == kTraceParent);
}

TEST_CASE("idempotency key: the trace of the request is no field") {
  ApiFixture f;
  REQUIRE(f.SubmitOutcome(R"({"url":"http://a/","idempotency_key":"k"})") == "posted");
  Fingerprint plain = f.Item().fields;
  REQUIRE(f.SubmitOutcome(R"({"url":"http://a/","idempotency_key":"k"})", {{"traceparent", kTraceParent}}) == "posted");
  CHECK(f.Item().fields == plain);
}

TEST_CASE("submit: media types of the request") {
  struct Row {
    const char *fields, *outcome;
  };
  auto row = GENERATE(values<Row>({{"application/json", "posted"},
                                   {"Application/JSON ; charset=utf-8", "posted"},
                                   {"application/json;charset=\"UTF-8\"", "posted"},
                                   {"application/json; version=1; Charset=us-ascii", "posted"},
                                   {"application/json; charset", "posted"},
                                   {"", "posted"},
                                   {"application/json; charset=iso-8859-1", "415"},
                                   {"application/json; a=b;charset=\"utf-16\"", "415"},
                                   {"text/plain", "415"},
                                   {"application/x-www-form-urlencoded", "415"},
                                   {"application/jsonx", "415"}}));
  CAPTURE(row.fields);
  ApiFixture f;
  CHECK(f.SubmitOutcome(R"({"url":"http://h/"})", {{"content-type", row.fields}}) == row.outcome);
}

TEST_CASE("submit: a compressed body is not taken") {
  ApiFixture f;
  CHECK(f.SubmitOutcome(R"({"url":"http://h/"})", {{"Content-Encoding", "br"}}) == "415");
  CHECK(f.SubmitOutcome(R"({"url":"http://h/"})", {{"Content-Encoding", "identity"}}) == "posted");
}

TEST_CASE("submit: malformed JSON is 400, other documents are 422") {
  ApiFixture f;
  CHECK(f.SubmitOutcome("") == "400");
  CHECK(f.SubmitOutcome("{\"url\":\"http://h/\"") == "400");
  CHECK(f.SubmitOutcome("{\"url\":\"\xff\"}") == "400");
  CHECK(f.SubmitOutcome(R"({"url":"http://h/","data":"\ud800"})") == "400");
  CHECK(f.SubmitOutcome(R"({"url":"bad","nope":1}x)") == "400");
  CHECK(f.SubmitOutcome("7") == "422");
  CHECK(f.SubmitOutcome("null") == "422");
}

TEST_CASE("batch: items are taken in order") {
  ApiFixture f;
  REQUIRE(f.SubmitOutcome(R"([{"url":"http://a/"},{"url":"http://b/","fkey":"x"}])") == "posted");
  const SubmitRequest& submit = f.Posted<SubmitRequest>();
  CHECK(submit.batch);
  REQUIRE(submit.items.size() == 2);
  CHECK(submit.items[0].envelope->host == "a:80");
  CHECK(submit.items[1].envelope->fkey == "x");
}

TEST_CASE("batch: one item in an array is a batch") {
  ApiFixture f;
  REQUIRE(f.SubmitOutcome(R"([{"url":"http://a/"}])") == "posted");
  CHECK(f.Posted<SubmitRequest>().batch);
}

TEST_CASE("batch: the first bad item refuses the whole, named by its index") {
  ApiFixture f;
  CHECK(f.SubmitOutcome(R"([{"url":"http://a/"},{"url":"http://a/","retry":{"factor":0}},{"nope":1}])") == "422 /1/retry/factor");
  CHECK(f.SubmitOutcome(R"([{"url":"http://a/"},7])") == "422 /1");
  CHECK(f.SubmitOutcome(R"([null])") == "422 /0");
  CHECK(f.SubmitOutcome(R"([[]])") == "422 /0");
  CHECK(f.SubmitOutcome(R"([{"url":"http://a/"},{"url":"http://a/","url":"http://a/"}])") == "422 /1/url");
  CHECK(f.sink.events.empty());
}

TEST_CASE("batch: its size is bounded on both sides") {
  ApiFixture f;  // five
  std::string item = R"({"url":"http://a/"})";
  CHECK(f.SubmitOutcome("[]") == "422");
  CHECK(f.SubmitOutcome("[" + item + "," + item + "," + item + "," + item + "," + item + "]") == "posted");
  CHECK(f.SubmitOutcome("[" + item + "," + item + "," + item + "," + item + "," + item + "," + item + "]") == "413");
}

TEST_CASE("idempotency key: the header stands for the field") {
  ApiFixture f;
  REQUIRE(f.SubmitOutcome(R"({"url":"http://a/"})", {{"idempotency-key", "k"}}) == "posted");
  CHECK(f.Item().idempotency_key == "k");
  CHECK(f.Spec().idempotency_key == "k");
  Fingerprint by_header = f.Item().fields;
  REQUIRE(f.SubmitOutcome(R"({ "idempotency_key":"k", "url":"http:\/\/a/"})") == "posted");
  CHECK(f.Item().fields == by_header);
  REQUIRE(f.SubmitOutcome(R"({"idempotency_key":"k","url":"http://a/","delay_ms":1})") == "posted");
  CHECK_FALSE(f.Item().fields == by_header);
}

TEST_CASE("idempotency key: header and field must agree") {
  ApiFixture f;
  CHECK(f.SubmitOutcome(R"({"url":"http://a/","idempotency_key":"k"})", {{"Idempotency-Key", "k"}}) == "posted");
  CHECK(f.SubmitOutcome(R"({"url":"http://a/","idempotency_key":"k"})", {{"Idempotency-Key", "other"}}) == "422 /idempotency_key");
}

TEST_CASE("idempotency key: the query says for how long the keys of a submit are remembered") {
  ApiFixture f;
  const std::string one = R"({"url":"http://a/","idempotency_key":"k"})";
  auto outcome = [&](const std::string& query, const std::string& body, const std::string& type = "application/json") {
    f.Ask("POST", "/v1/notifies" + query, body, {{"Content-Type", type}});
    return f.Outcome();
  };
  auto windows = [&] {
    std::vector<int64_t> all;
    for (const SubmitItem& item : f.Posted<SubmitRequest>().items) all.push_back(item.idempotency_window_ms);
    return all;
  };
  REQUIRE(outcome("", one) == "posted");
  CHECK(windows() == std::vector<int64_t>{0});
  REQUIRE(outcome("?idempotency_window_ms=2592000000", "[" + one + "," + one + "]") == "posted");
  CHECK(windows() == std::vector<int64_t>(2, 2'592'000'000));
  REQUIRE(outcome("?idempotency_window_ms=1&wait_ms=5", one) == "posted");
  CHECK(windows() == std::vector<int64_t>{1});
  CHECK(f.Posted<SubmitRequest>().wait_ms == 5);
  REQUIRE(outcome("?idempotency_window_ms=7", one + "\n" + one + "\n", "application/x-ndjson") == "posted");
  CHECK(windows() == std::vector<int64_t>(2, 7));
  for (const char* type : {"application/json", "application/x-ndjson"}) {
    CHECK(outcome("?idempotency_window_ms=0", one, type) == "422 /idempotency_window_ms");
    CHECK(outcome("?idempotency_window_ms=2592000001", one, type) == "422 /idempotency_window_ms");
    CHECK(outcome("?idempotency_window_ms=1&idempotency_window_ms=1", one, type) == "422 /idempotency_window_ms");
  }
  CHECK(outcome("?wait_ms=5", one, "application/x-ndjson") == "422 /wait_ms");
  f.Ask("POST", "/v1/publish?idempotency_window_ms=1", R"({"topic":"t"})", {{"Content-Type", "application/x-ndjson"}});
  CHECK(f.Outcome() == "422 /idempotency_window_ms");
}

TEST_CASE("submit: the query says that others pass in the lanes of what is tried again") {
  ApiFixture f;
  const std::string one = R"({"url":"http://a/"})";
  for (const auto& [type, body] : {std::pair("application/json", one), std::pair("application/json", "[" + one + "," + one + "]"),
                                   std::pair("application/x-ndjson", one + "\n" + one)}) {
    f.Ask("POST", "/v1/notifies?on_retry=skip", body, {{"Content-Type", type}});
    REQUIRE(f.Outcome() == "posted");
    for (const SubmitItem& item : f.Posted<SubmitRequest>().items) CHECK(item.steps_aside);
    f.Ask("POST", "/v1/notifies", body, {{"Content-Type", type}});
    REQUIRE(f.Outcome() == "posted");
    for (const SubmitItem& item : f.Posted<SubmitRequest>().items) CHECK_FALSE(item.steps_aside);
    for (const char* query : {"?on_retry=block", "?on_retry=", "?on_retry=skip&on_retry=skip"}) {
      f.Ask("POST", std::string("/v1/notifies") + query, body, {{"Content-Type", type}});
      CHECK(f.Outcome() == "422 /on_retry");
    }
  }
}

TEST_CASE("idempotency key: a bad header is refused") {
  ApiFixture f;
  std::string body = R"({"url":"http://a/"})";
  CHECK(f.SubmitOutcome(body, {{"Idempotency-Key", ""}}) == "422");
  CHECK(f.SubmitOutcome(body, {{"Idempotency-Key", std::string(256, 'x')}}) == "422");
  CHECK(f.SubmitOutcome(body, {{"Idempotency-Key", "\xff"}}) == "422");
  CHECK(f.SubmitOutcome(body, {{"Idempotency-Key", "a"}, {"Idempotency-Key", "a"}}) == "422");
  CHECK(f.SubmitOutcome("[" + body + "]", {{"Idempotency-Key", "a"}}) == "422");
}

TEST_CASE("submit: a detail quotes only the beginning of what was wrong") {
  ApiFixture f;
  f.WithFields("\"" + std::string(5000, 'n') + "\":1");
  CHECK(f.Answer().status == 422);
  CHECK(f.Answer().body.size() < 1000);
}

}  // namespace
}  // namespace notifyd
