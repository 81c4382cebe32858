// What counts as the same fields under one idempotency key.
#include "api_fixture.h"
#include "net/api/fields.h"

namespace notifyd {
namespace {

/// Of a notify with these fields beside its url and key.
Fingerprint Print(const std::string& fields, Headers headers = {}) {
  ApiFixture f;
  std::string comma = fields.empty() ? "" : ",";
  CAPTURE(fields);
  REQUIRE(f.SubmitOutcome(R"({"url":"http://h/p?q","idempotency_key":"k")" + comma + fields + "}", std::move(headers)) == "posted");
  return f.Item().fields;
}

struct Same {
  const char *a, *b;
};

TEST_CASE("print of fields: a default spelled out, or a null, is the same as the field left out") {
  auto fields = GENERATE(
      as<std::string>(), R"("method":"POST")", R"("headers":{})", R"("headers":null)", R"("data":null)", R"("body":null)",
      R"("content_type":"application/json")", R"("delay_ms":0)", R"("delay_ms":0.0)", R"("due_at":null)", R"("fkey":null)", R"("lane":"http://h/p")",
      R"("lane":null)", R"("group":null)", R"("mode":"concurrent")", R"("priority":4)", R"("priority":4.0)", R"("reply":"expected")",
      R"("expect":{})", R"("expect":{"status":["2xx"]})", R"("expect":{"status":null,"contains":null,"json":{}})", R"("retry":{})",
      R"("retry":{"max_attempts":10})", R"("retry":{"initial_ms":1e3,"factor":2.0,"max_ms":3600000.0,"jitter":1e-1})",
      R"("retry":{"initial_ms":1000,"factor":2,"max_ms":3600000,"jitter":0.1,"schedule_ms":null,"fatal_on":null,"later_on":null,"only_on":null})",
      R"("timeout_ms":30000)", R"("connect_timeout_ms":5000.0)", R"("ttl_ms":null)", R"("expires_at":null)", R"("caller":"unknown")",
      R"("callback_url":null)");
  CHECK(Print(fields) == Print(""));
}

TEST_CASE("print of fields: what means the same is the same") {
  auto pair = GENERATE(values<Same>({
      {R"("fkey":"f","on_held":"reject")", R"("fkey":"f")"},
      {R"("group":"g","lane":"http://h/p#g")", R"("group":"g")"},
      {R"("data":{"a":1,"b":"x"})", R"("data": { "b":"\u0078", "a":1 })"},
      {R"("data":[1],"content_type":"application/json")", R"("data":[1])"},
      {R"("body":"x","content_type":"application/json")", R"("body":"x")"},
      {R"("delay_ms":1000)", R"("delay_ms":1e3)"},
      {R"("due_at":"2030-01-01T01:00:00+01:00")", R"("due_at":1893456000000)"},
      {R"("expires_at":"2030-01-01T00:00:00Z")", R"("expires_at":1893456000000)"},
      {R"("headers":{"A":"1","B":"2"})", R"("headers":{"B":" 2","A":"1"})"},
      {R"("expect":{"contains":"x"})", R"("expect":{"contains":"x","status":["2xx"]})"},
      {R"("expect":{"json":{"/a":{"x":1,"y":2},"/b":1}})", R"("expect":{"json":{"/b":1,"/a":{"y":2, "x":1}}})"},
      {R"("retry":{"schedule_ms":[1,1000]})", R"("retry":{"schedule_ms":[1.0,1e3],"max_attempts":10})"},
      {R"("retry":{"fatal_on":{"json":{"/a":"x"}}})", R"("retry":{"fatal_on":{"json":{"/a":"\u0078"},"status":null}})"},
      {R"("timeout_ms":5)", R"("timeout_ms":5.0)"},
  }));
  CHECK(Print(pair.a) == Print(pair.b));
}

TEST_CASE("print of fields: every field counts") {
  const char* kFields[] = {"",
                           R"("method":"PUT")",
                           R"("headers":{"A":"1"})",
                           R"("headers":{"A":"2"})",
                           R"("headers":{"B":"1"})",
                           R"("data":{"a":1})",
                           R"("data":{"a":1.0})",
                           R"("data":{"a":null})",
                           R"("data":{})",
                           R"("data":[])",
                           R"("data":"")",
                           R"("body":"")",
                           R"("body_base64":"")",
                           R"("body":"[]")",
                           R"("body_base64":"W10=")",
                           R"("body":"x","content_type":"text/plain")",
                           R"("content_type":"text/plain")",
                           R"("delay_ms":1)",
                           R"("due_at":1893456000000)",
                           R"("fkey":"f")",
                           R"("fkey":"f","delay_ms":0)",
                           R"("fkey":"f","on_held":"keep")",
                           R"("fkey":"f","on_held":"replace")",
                           R"("lane":"l")",
                           R"("lane":"http://h/p#g")",
                           R"("group":"g")",
                           R"("group":"l")",
                           R"("lane":"l","group":"g")",
                           R"("mode":"fifo")",
                           R"("priority":5)",
                           R"("reply":"none")",
                           R"("expect":{"status":[200]})",
                           R"("expect":{"contains":"x"})",
                           R"("expect":{"json":{"":1}})",
                           R"("expect":{"json":{"":1.0}})",
                           R"("expect":{"json":{"/a":1}})",
                           R"("retry":{"max_attempts":3})",
                           R"("retry":{"initial_ms":5})",
                           R"("retry":{"factor":3})",
                           R"("retry":{"max_ms":5})",
                           R"("retry":{"jitter":0})",
                           R"("retry":{"schedule_ms":[5]})",
                           R"("retry":{"fatal_on":{"status":[500]}})",
                           R"("retry":{"only_on":{"status":[500]}})",
                           R"("labels":{"a":"b"})",
                           R"("labels":{"a":"c"})",
                           R"("order_by":"","data":{"c":1})",
                           R"("order_by":"/c","data":{"c":1})",
                           R"("order_by":"/c","partitions":4,"data":{"c":1})",
                           R"("order_by":"/c","order_by_missing":"spread","data":{"c":1})",
                           R"("retry":{"later_on":{"status":[500]}},"ttl_ms":5)",
                           R"("compress":"gzip")",
                           R"("follow_redirects":true)",
                           R"("follow_redirects":false)",
                           R"("keep_response_bytes":1)",
                           R"("keep_response_bytes":2)",
                           R"("timeout_ms":5)",
                           R"("connect_timeout_ms":5)",
                           R"("ttl_ms":5)",
                           R"("expires_at":1893456000000)",
                           R"("caller":"c")",
                           R"("callback_url":"http://h/")",
                           R"("callback_url":"http://h/p")"};
  for (size_t i = 0; i < std::size(kFields); ++i)
    for (size_t j = 0; j < i; ++j) {
      CAPTURE(kFields[i], kFields[j]);
      CHECK_FALSE(Print(kFields[i]) == Print(kFields[j]));
    }
}

TEST_CASE("print of fields: the url counts as it was written, the trace of the request and the key not at all") {
  ApiFixture f;
  auto print = [&](const std::string& body) {
    REQUIRE(f.SubmitOutcome(body) == "posted");
    return f.Item().fields;
  };
  Fingerprint plain = print(R"({"url":"http://h/","idempotency_key":"k"})");
  CHECK(print(R"({"idempotency_key":"other","url":"http:\/\/h/"})") == plain);
  CHECK_FALSE(print(R"({"url":"http://H/","idempotency_key":"k"})") == plain);
  CHECK_FALSE(print(R"({"url":"http://h/#x","idempotency_key":"k"})") == plain);
  CHECK(Print("", {{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}) == Print(""));
  CHECK_FALSE(Print(R"("headers":{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})") == Print(""));
}

// Stored prints must be met again by any later notifyd: where this fails, a new print version is due, and this one beside it.
TEST_CASE("print of fields: golden prints, versions 1 and 2") {
  ApiFixture f;
  REQUIRE(f.SubmitOutcome(R"({"url":"https://h:8443/x","method":"PUT","headers":{"X-A":"b"},"data":{"n":1.10},"delay_ms":5000,"fkey":"f",
      "on_held":"keep","group":"g","priority":9,"reply":"none","expect":{"status":[200,"3xx"],"contains":"OK","json":{"/a":1.0}},
      "retry":{"max_attempts":3,"fatal_on":{"status":["4xx"]}},"timeout_ms":1,"connect_timeout_ms":2,"ttl_ms":60000,"idempotency_key":"k",
      "caller":"c","callback_url":"http://cb/"})") == "posted");
  CHECK(f.Item().fields.high == 0x10bf6fc23bc5e386ULL);
  CHECK(f.Item().fields.low == 0xa5d771951616a52fULL);
  CHECK(f.Item().fields_1.high == 0x0daf0510e41aed20ULL);
  CHECK(f.Item().fields_1.low == 0x6bbc637dd0de36ecULL);
}

TEST_CASE("integers: a number counts by its value, exactly") {
  struct Row {
    const char* text;
    std::optional<int64_t> value;
    bool beyond = false;
  };
  auto row = GENERATE(values<Row>({{"0", 0},
                                   {"-0", 0},
                                   {"0.000", 0},
                                   {"0e999999999999999999999", 0},
                                   {"-0.0e-5", 0},
                                   {"1000.0", 1000},
                                   {"1e3", 1000},
                                   {"1E+3", 1000},
                                   {"12.50e1", 125},
                                   {"1200e-2", 12},
                                   {"0.001e3", 1},
                                   {"9223372036854775807", INT64_MAX},
                                   {"9223372036854775807.0", INT64_MAX},
                                   {"922337203685477580.7e1", INT64_MAX},
                                   {"-9223372036854775808", INT64_MIN},
                                   {"-9.223372036854775808e18", INT64_MIN},
                                   {"9223372036854775808", INT64_MAX, true},
                                   {"-9223372036854775809", INT64_MIN, true},
                                   {"99999999999999999999999", INT64_MAX, true},
                                   {"1e99999999999999999999", INT64_MAX, true},
                                   {"-1e400", INT64_MIN, true},
                                   {"9007199254740993", 9007199254740993},
                                   {"1.5", std::nullopt},
                                   {"1e-1", std::nullopt},
                                   {"1e-99999999999999999999", std::nullopt},
                                   {"1000.0000000000000000000000001", std::nullopt},
                                   {"", std::nullopt},
                                   {"-", std::nullopt},
                                   {"1.", std::nullopt},
                                   {".5", std::nullopt},
                                   {"1e", std::nullopt},
                                   {"+1", std::nullopt},
                                   {"1 ", std::nullopt},
                                   {"0x10", std::nullopt},
                                   {"true", std::nullopt}}));
  CAPTURE(row.text);
  bool beyond = true;
  CHECK(ParseInteger(row.text, &beyond) == row.value);
  CHECK(beyond == row.beyond);
  CHECK(ParseInteger(row.text) == (row.beyond ? std::nullopt : row.value));
}

TEST_CASE("integers: 1000.0 and 1e3 are taken wherever an integer is") {
  ApiFixture f;
  CHECK(f.SubmitOutcome(R"({"url":"http://h/","retry":{"max_attempts":3.0,"initial_ms":1e3,"max_ms":1e5},"priority":9.0,"timeout_ms":1e3,
      "connect_timeout_ms":1e2,"ttl_ms":1e6,"due_at":1.893456e12,"expect":{"status":[2e2]}})") == "posted");
  CHECK(f.Head().retry->initial_ms == 1000);
  CHECK(f.Spec().expect.status == std::vector<uint16_t>{200});
  CHECK(f.Item().when.ms == 1'893'456'000'000);
  CHECK((f.Ask("GET", "/v1/notifies?limit=1e2"), f.Outcome()) == "posted");
  CHECK((f.Ask("GET", "/v1/notifies/n0000000000000001?wait_ms=100.0"), f.Outcome()) == "posted");
  CHECK((f.Ask("GET", "/v1/notifies?created_after=1.7e12"), f.Outcome()) == "posted");
  CHECK((f.Ask("POST", "/v1/notifies/cancel", R"({"filter":{"state":"held"},"limit":1e1})"), f.Outcome()) == "posted");
  CHECK((f.Ask("PATCH", "/v1/lanes/concurrent/l", R"({"concurrency":1e1,"rate_per_s":5,"burst":2.0})"), f.Outcome()) == "posted");
}

TEST_CASE("times: what is refused says why") {
  struct Row {
    const char *field, *words;
  };
  auto row = GENERATE(values<Row>({{R"("due_at":9223372036854775807)", "more than ten years ahead"},
                                   {R"("due_at":1e30)", "more than ten years ahead"},
                                   {R"("due_at":1893456000)", "seconds"},
                                   {R"("due_at":1000000000)", "seconds"},
                                   {R"("due_at":31535999999)", "seconds"},
                                   {R"("due_at":-62167219200001)", "before the year 0"},
                                   {R"("due_at":-9223372036854775809)", "before the year 0"},
                                   {R"("due_at":1.5)", "integer milliseconds"},
                                   {R"("expires_at":9223372036854775807)", "year 9999"},
                                   {R"("expires_at":1893456000)", "seconds"},
                                   {R"("expect":{"json":{"/a~2":1}})", "behind a ~ stands 0"},
                                   {R"("expect":{"json":{"/a~":1}})", "behind a ~ stands 0"},
                                   {R"("expect":{"json":{"a":1}})", "begins with a slash"},
                                   {R"("headers":{"a b":"c"})", "a b"}}));
  CAPTURE(row.field);
  ApiFixture f;
  CHECK(f.WithFields(row.field).starts_with("422 /"));
  CHECK_THAT(f.Answer().body, Catch::Contains(row.words));
}

TEST_CASE("times: a + of a query string that was read as a space is named with its remedy") {
  ApiFixture f;
  f.Ask("GET", "/v1/notifies?created_after=2026-11-21T21:31:22+01:00");
  CHECK(f.Outcome() == "422 /created_after");
  CHECK_THAT(f.Answer().body, Catch::Contains("%2B"));
  f.Ask("GET", "/v1/notifies?created_before=2026-11-21T21:31:22%2B01:00");
  CHECK(f.Outcome() == "posted");
  for (const char* text : {"2026-11-21+21:31:22Z", "2026-11-21T21:31:22Z+", "+1:00", "x+01:00"}) {
    f.Ask("GET", std::string("/v1/notifies?created_after=") + text);
    CHECK_THAT(f.Answer().body, !Catch::Contains("%2B"));
  }
}

TEST_CASE("headers: those of one hop, and of the message's framing, are the broker's own") {
  auto name = GENERATE(as<std::string>(), "Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "keep-alive", "Proxy-Connection",
                       "TE", "Trailer", "Upgrade", "Expect", "HTTP2-Settings", "http2-settings", "Notify-Id", "webhook-timestamp");
  ApiFixture f;
  CHECK(f.WithFields("\"headers\":{\"" + name + "\":\"x\"}") == "422 /headers/" + name);
  CHECK((f.Ask("GET", "/v1/stats"), f.Outcome()) == "posted");
}

}  // namespace
}  // namespace notifyd
