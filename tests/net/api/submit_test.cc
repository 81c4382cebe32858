// Submits: every field's good and bad values, with the exact status and field of a refusal.
#include "api_fixture.h"
#include "net/api/fields.h"
#include "net/api/submit_parser.h"

namespace notifyd {
namespace {

struct SubmitRow {
  const char *fields, *outcome;
};

TEST_CASE("submit: a URL alone gives all defaults") {
  ApiFixture f;
  REQUIRE(f.SubmitOutcome(R"({"url":"http://Example.com/a?b#c"})") == "posted");
  NotifySpec spec = f.Spec();
  CHECK(spec == [] {
    NotifySpec expected;
    expected.url = "http://Example.com/a?b#c";
    return expected;
  }());
  const Envelope& envelope = f.Head();
  CHECK(envelope.lane == LaneKey{Mode::kConcurrent, "http://example.com/a"});
  CHECK(envelope.host == "example.com:80");
  CHECK(envelope.priority == 4);
  CHECK_FALSE(envelope.reply_none);
  CHECK(envelope.fkey.empty());
  CHECK(envelope.caller == "unknown");
  CHECK(envelope.retry == nullptr);
  CHECK(f.Item().when.kind == When::Kind::kDefault);
  CHECK(f.Item().ttl.kind == When::Kind::kDefault);
  CHECK(f.Item().idempotency_key.empty());
  const SubmitRequest& submit = f.Posted<SubmitRequest>();
  CHECK(submit.request == RequestId{3, f.last_token});
  CHECK_FALSE(submit.batch);
}

TEST_CASE("submit: a URL that the file does not let be called is refused, a callback's too, and one with a key only where it is new") {
  SubmitParser parser(1000, 5, kMostTimeoutMs, [](std::string_view url) {
    return url.find("/../") == url.npos ? Status::Ok() : Status(Code::kUnacceptable, "crooked");
  });
  const auto field_of = [&](std::string body) {
    Result<ParsedSubmit> parsed = parser.Parse(body, nullptr);
    return parsed.ok() ? std::string() : parsed.status().field();
  };
  CHECK(field_of(R"({"url":"http://a/b"})").empty());
  CHECK(field_of(R"({"url":"http://a/b/../c"})") == "/url");
  CHECK(field_of(R"({"url":"http://a/b","callback_url":"http://a/b/../c"})") == "/callback_url");
  CHECK(field_of(R"([{"url":"http://a/b"},{"url":"http://a/b/../c"}])") == "/1/url");
  std::string keyed = R"({"url":"http://a/b/../c","idempotency_key":"k"})", document = R"({"url":"http://a/b/../c"})";
  Result<ParsedSubmit> parsed = parser.Parse(keyed, nullptr);
  REQUIRE(parsed.ok());
  CHECK(parsed->items[0].refused.field() == "/url");
  CHECK(parser.ParseDocument(document, {}, true).status().field() == "/url");
}

TEST_CASE("submit: a timeout_ms above the setting is refused by name, and one that is left out is not") {
  SubmitParser parser(1000, 5, 40'000);
  auto field_of = [&](std::string body) {
    Result<ParsedSubmit> parsed = parser.Parse(body, nullptr);
    if (parsed.ok()) return std::string("taken");
    CHECK(parsed.status().code() == Code::kUnacceptable);
    CHECK(parsed.status().detail().find("limits.timeout_ms") != std::string::npos);
    return parsed.status().field();
  };
  CHECK(field_of(R"({"url":"http://h/"})") == "taken");
  CHECK(field_of(R"({"url":"http://h/","timeout_ms":40000})") == "taken");
  CHECK(field_of(R"({"url":"http://h/","timeout_ms":40001})") == "/timeout_ms");
  CHECK(field_of(R"([{"url":"http://h/"},{"url":"http://h/","timeout_ms":3600000}])") == "/1/timeout_ms");
}

TEST_CASE("submit: what a limit refuses is left to the core where there is a key, which may be an earlier one's") {
  SubmitParser earlier(1000, 5), parser(5, 5, 40'000);
  struct KeyedRow {
    const char* fields;
    Code code;
    const char* field;
  };
  auto row = GENERATE(values<KeyedRow>({{R"("timeout_ms":60000)", Code::kUnacceptable, "/timeout_ms"},
                                        {R"("body":"longer")", Code::kTooLarge, "/body"},
                                        {R"("body_base64":"bG9uZ2Vy")", Code::kTooLarge, "/body_base64"},
                                        {R"("data":[1,2,3,4])", Code::kTooLarge, "/data"},
                                        {R"("data":{"a":"b c d"},"method":"GET")", Code::kTooLarge, "/data"},
                                        {R"("body":"longer","timeout_ms":60000)", Code::kTooLarge, "/body"}}));
  CAPTURE(row.fields);
  std::string plain = std::string(R"({"url":"http://h/",)") + row.fields;
  std::string unkeyed = plain + "}", keyed = plain + R"(,"idempotency_key":"k"})", before = keyed, batch = "[" + keyed + "]";
  Result<ParsedSubmit> refused = parser.Parse(unkeyed, nullptr);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.status().code() == row.code);
  CHECK(refused.status().field() == row.field);

  std::string header = "k";
  Result<ParsedSubmit> first = earlier.Parse(before, nullptr);
  REQUIRE(first.ok());
  CHECK(first->items[0].refused.ok());
  for (auto [body, key] : {std::pair<std::string*, const std::string*>(&keyed, nullptr), {&unkeyed, &header}, {&batch, nullptr}}) {
    Result<ParsedSubmit> parsed = parser.Parse(*body, key);
    REQUIRE(parsed.ok());
    const SubmitItem& item = parsed->items[0];
    CHECK(item.refused.code() == row.code);
    CHECK(item.refused.field() == row.field);
    CHECK(item.fields == first->items[0].fields);
  }
  // What is wrong whatever the settings are is said at once.
  std::string wrong = plain + R"(,"idempotency_key":"k","priority":99})";
  Result<ParsedSubmit> bad = parser.Parse(wrong, nullptr);
  REQUIRE_FALSE(bad.ok());
  CHECK(bad.status().field() == "/priority");
}

TEST_CASE("submit: every field at once is stored as it was said") {
  ApiFixture f;
  REQUIRE(f.SubmitOutcome(R"({"url":"https://h:8443/x","method":"PUT","headers":{"X-A":" b\t","Authorization":"Bearer \u00e9"},
      "data":{"n":1.10,"big":123456789012345678901234567890},"content_type":"application/json; charset=utf-8","delay_ms":5000,"fkey":"f","on_held":"keep",
      "group":"g","mode":"concurrent","priority":9,"reply":"none","expect":{"status":[200,"3xx"],"contains":"OK","json":{"/a":1.0,"":{"b":[1]}}},
      "retry":{"max_attempts":3,"initial_ms":10,"factor":1.5,"max_ms":100,"jitter":0,"fatal_on":{"status":["4xx"]}},"timeout_ms":1,"connect_timeout_ms":2,
      "ttl_ms":60000,"idempotency_key":"k","caller":"c","callback_url":null})") == "posted");
  NotifySpec expected;
  expected.url = "https://h:8443/x";
  expected.method = Method::kPut;
  expected.headers = {{"X-A", "b"}, {"Authorization", "Bearer \xc3\xa9"}};
  expected.payload_kind = PayloadKind::kData;
  expected.payload = R"({"n":1.10,"big":123456789012345678901234567890})";
  expected.content_type = "application/json; charset=utf-8";
  expected.content_type_given = true;
  expected.group = "g";
  expected.on_held = OnHeld::kKeep;
  expected.expect = AnswerPattern{{200, 3}, "OK", {{"/a", "1.0"}, {"", R"({"b":[1]})"}}};
  expected.timeout_ms = 1;
  expected.connect_timeout_ms = 2;
  expected.idempotency_key = "k";
  expected.delay_ms = 5000;
  expected.ttl_ms = 60000;
  CHECK(f.Spec() == expected);
  const Envelope& envelope = f.Head();
  CHECK(envelope.lane == LaneKey{Mode::kConcurrent, "https://h:8443/x#g"});
  CHECK(envelope.host == "h:8443");
  CHECK(envelope.priority == 9);
  CHECK(envelope.reply_none);
  CHECK(envelope.fkey == "f");
  CHECK(envelope.caller == "c");
  REQUIRE(envelope.retry);
  RetryPolicy retry;
  retry.max_attempts = 3;
  retry.initial_ms = 10;
  retry.factor = 1.5;
  retry.max_ms = 100;
  retry.jitter = 0;
  retry.fatal_on = AnswerPattern{{4}, std::nullopt, {}};
  CHECK(*envelope.retry == retry);
  CHECK(f.Item().on_held == OnHeld::kKeep);
  CHECK(f.Item().when.kind == When::Kind::kDelay);
  CHECK(f.Item().when.ms == 5000);
  CHECK(f.Item().ttl.kind == When::Kind::kDelay);
  CHECK(f.Item().ttl.ms == 60000);
  CHECK(f.Item().idempotency_key == "k");
}

TEST_CASE("submit: fields and their values") {
  auto row = GENERATE(values<SubmitRow>({
      // unknown, unbuilt, of another kind
      {R"("nope":1)", "422 /nope"},
      {R"("nope":null)", "422 /nope"},
      {R"("URL":"http://h/")", "422 /URL"},
      {R"("a/b~c":1)", "422 /a~1b~0c"},
      {R"("later_on":{})", "422 /later_on"},
      // callback
      {R"("callback_url":"http://h/")", "posted"},
      {R"("callback_url":null)", "posted"},
      {R"("callback_url":"")", "422 /callback_url"},
      {R"("callback_url":"h/")", "422 /callback_url"},
      {R"("callback_url":"ftp://h/")", "422 /callback_url"},
      {R"("callback_url":"http://u@h/")", "422 /callback_url"},
      {R"("callback_url":"http://h/\u00e9")", "422 /callback_url"},
      {R"("callback_url":"http://h/\u0000")", "422 /callback_url"},
      {R"("callback_url":["http://h/"])", "422 /callback_url"},
      // method
      {R"("method":"GET")", "posted"},
      {R"("method":"HEAD")", "posted"},
      {R"("method":null)", "posted"},
      {R"("method":"post")", "422 /method"},
      {R"("method":"TRACE")", "422 /method"},
      {R"("method":"")", "422 /method"},
      {R"("method":1)", "422 /method"},
      // headers
      {R"("headers":{})", "posted"},
      {R"("headers":{"A":"","b":"x"})", "posted"},
      {R"("headers":{"Content-Type":"text/x"})", "posted"},
      {R"("headers":{"Content-Type":"text/x"},"content_type":"text/y")", "422 /headers/Content-Type"},
      {R"("headers":{"Authorization":"***"})", "422 /headers/Authorization"},
      {R"("headers":{"A":" *** "})", "422 /headers/A"},
      {R"("headers":{"A":"****","Authorization":"Bearer ***"})", "posted"},
      {R"("headers":[])", "422 /headers"},
      {R"("headers":"a: b")", "422 /headers"},
      {R"("headers":{"A":1})", "422 /headers/A"},
      {R"("headers":{"A":null,"b":"x"})", "posted"},
      {R"("headers":{"A":["x"]})", "422 /headers/A"},
      {R"("headers":{"":"x"})", "422 /headers/"},
      {R"("headers":{"A B":"x"})", "422 /headers/A B"},
      {R"("headers":{"A:":"x"})", "422 /headers/A:"},
      {R"("headers":{"\u00e9":"x"})", "422 /headers/\xc3\xa9"},
      {R"("headers":{"A":"x\ny"})", "422 /headers/A"},
      {R"("headers":{"A":"x\r\nHost: y"})", "422 /headers/A"},
      {R"("headers":{"A":"\u0000"})", "422 /headers/A"},
      {R"("headers":{"A":"\u007f"})", "422 /headers/A"},
      {R"("headers":{"A":"x\ty"})", "posted"},
      {R"("headers":{"A":"1","a":"2"})", "422 /headers/a"},
      {R"("headers":{"Host":"x"})", "422 /headers/Host"},
      {R"("headers":{"CONTENT-LENGTH":"1"})", "422 /headers/CONTENT-LENGTH"},
      {R"("headers":{"transfer-encoding":"chunked"})", "422 /headers/transfer-encoding"},
      {R"("headers":{"Connection":"close"})", "422 /headers/Connection"},
      {R"("headers":{"TE":"x"})", "422 /headers/TE"},
      {R"("headers":{"Trailer":"x"})", "422 /headers/Trailer"},
      {R"("headers":{"Upgrade":"x"})", "422 /headers/Upgrade"},
      {R"("headers":{"Expect":"100-continue"})", "422 /headers/Expect"},
      {R"("headers":{"notify-id":"x"})", "422 /headers/notify-id"},
      {R"("headers":{"Notify-":"x"})", "422 /headers/Notify-"},
      {R"("headers":{"Notifyx":"x"})", "posted"},
      {R"("headers":{"webhook-id":"x"})", "422 /headers/webhook-id"},
      {R"("headers":{"Webhook-Signature":"x"})", "422 /headers/Webhook-Signature"},
      {R"("headers":{"webhook":"x"})", "posted"},
      // data and bodies
      {R"("data":{})", "posted"},
      {R"("data":null)", "posted"},
      {R"("data":"x")", "posted"},
      {R"("data":{"a":null,"b":"\u0000"})", "posted"},
      {R"("data":1,"body":"x")", "422 /body"},
      {R"("body":"x","data":1)", "422 /data"},
      {R"("body":"x","body_base64":"eA==")", "422 /body_base64"},
      {R"("data":1,"body_base64":"eA==")", "422 /body_base64"},
      {R"("data":1,"body":null)", "posted"},
      {R"("body":"")", "posted"},
      {R"("body":1)", "422 /body"},
      {R"("body":{})", "422 /body"},
      {R"("body_base64":"eA==")", "posted"},
      {R"("body_base64":"eA")", "422 /body_base64"},
      {R"("body_base64":"e A=")", "422 /body_base64"},
      {R"("body_base64":"eB==")", "422 /body_base64"},
      {R"("body_base64":1)", "422 /body_base64"},
      {R"("content_type":"text/plain")", "posted"},
      {R"("content_type":"text/plain","body":"x")", "posted"},
      {R"("content_type":"text/plain; charset=\"a;b\"; x=y","body":"x")", "posted"},
      {R"("content_type":"text/plain","data":1)", "422 /content_type"},
      {R"("content_type":"application/json;charset=utf-8","data":1)", "posted"},
      {R"("content_type":"Application/JSON","data":1)", "posted"},
      {R"("content_type":"application/x-www-form-urlencoded","data":{"a":1})", "posted"},
      {R"("content_type":"application/x-www-form-urlencoded","data":1)", "422 /data"},
      {R"("content_type":"","body":"x")", "422 /content_type"},
      {R"("content_type":"text","body":"x")", "422 /content_type"},
      {R"("content_type":"text/","body":"x")", "422 /content_type"},
      {R"("content_type":"text/plain;x","body":"x")", "422 /content_type"},
      {R"("content_type":"text/plain\r\nX: y","body":"x")", "422 /content_type"},
      {R"("content_type":"text/plain; a=\"\n\"","body":"x")", "422 /content_type"},
      {R"("content_type":5)", "422 /content_type"},
      {R"("method":"GET","data":{"a":1})", "posted"},
      {R"("method":"GET","data":[1])", "422 /data"},
      {R"("method":"DELETE","data":"x")", "422 /data"},
      {R"("method":"HEAD","data":1)", "422 /data"},
      // times
      {R"("delay_ms":0)", "posted"},
      {R"("delay_ms":315619200000)", "posted"},
      {R"("delay_ms":315619200001)", "422 /delay_ms"},
      {R"("delay_ms":-1)", "422 /delay_ms"},
      {R"("delay_ms":1.0)", "posted"},
      {R"("delay_ms":1e3)", "posted"},
      {R"("delay_ms":1.5)", "422 /delay_ms"},
      {R"("delay_ms":1e-1)", "422 /delay_ms"},
      {R"("delay_ms":1e99)", "422 /delay_ms"},
      {R"("delay_ms":"1")", "422 /delay_ms"},
      {R"("delay_ms":99999999999999999999)", "422 /delay_ms"},
      {R"("delay_ms":true)", "422 /delay_ms"},
      {R"("due_at":"2030-01-02T03:04:05.678+01:00")", "posted"},
      {R"("due_at":1893553445678)", "posted"},
      {R"("due_at":-5)", "posted"},
      {R"("due_at":0)", "posted"},
      {R"("due_at":999999999)", "posted"},
      {R"("due_at":1000000000)", "422 /due_at"},
      {R"("due_at":1893553445)", "422 /due_at"},
      {R"("due_at":31535999999)", "422 /due_at"},
      {R"("due_at":31536000000)", "posted"},
      {R"("due_at":"1970-01-01T00:00:01Z")", "posted"},
      {R"("due_at":1.893553445678e12)", "posted"},
      {R"("expires_at":1893553445)", "422 /expires_at"},
      {R"("due_at":"tomorrow")", "422 /due_at"},
      {R"("due_at":"2030-01-02T03:04:05")", "422 /due_at"},
      {R"("due_at":1.5)", "422 /due_at"},
      {R"("due_at":9223372036854775807)", "422 /due_at"},
      {R"("due_at":[])", "422 /due_at"},
      {R"("delay_ms":1,"due_at":1)", "422 /due_at"},
      {R"("due_at":1,"delay_ms":1)", "422 /delay_ms"},
      {R"("due_at":null,"delay_ms":1)", "posted"},
      {R"("ttl_ms":1)", "posted"},
      {R"("ttl_ms":0)", "422 /ttl_ms"},
      {R"("ttl_ms":"1")", "422 /ttl_ms"},
      {R"("expires_at":"2030-01-01T00:00:00Z")", "posted"},
      {R"("expires_at":"x")", "422 /expires_at"},
      {R"("ttl_ms":1,"expires_at":1)", "422 /expires_at"},
      {R"("expires_at":1,"ttl_ms":1)", "422 /ttl_ms"},
      // keys and lanes
      {R"("fkey":"a")", "posted"},
      {R"("fkey":"")", "422 /fkey"},
      {R"("fkey":1)", "422 /fkey"},
      {R"("fkey":"a\u0000b")", "422 /fkey"},
      {R"("on_held":"replace")", "422 /on_held"},
      {R"("on_held":"reject")", "422 /on_held"},
      {R"("on_held":"replace","fkey":null)", "422 /on_held"},
      {R"("on_held":"replace","fkey":"a")", "posted"},
      {R"("on_held":"drop","fkey":"a")", "422 /on_held"},
      {R"("lane":"a")", "posted"},
      {R"("lane":"")", "422 /lane"},
      {R"("lane":7)", "422 /lane"},
      {R"("lane":"\u0000")", "422 /lane"},
      {R"("group":"g")", "posted"},
      {R"("group":"")", "422 /group"},
      {R"("group":"g","lane":"a")", "posted"},
      {R"("mode":"fifo")", "posted"},
      {R"("mode":"FIFO")", "422 /mode"},
      {R"("mode":0)", "422 /mode"},
      {R"("priority":0)", "posted"},
      {R"("priority":9)", "posted"},
      {R"("priority":10)", "422 /priority"},
      {R"("priority":-1)", "422 /priority"},
      {R"("priority":"4")", "422 /priority"},
      {R"("priority":4,"mode":"fifo")", "422 /priority"},
      {R"("priority":null,"mode":"fifo")", "posted"},
      {R"("reply":"expected")", "posted"},
      {R"("reply":"none")", "posted"},
      {R"("reply":false)", "422 /reply"},
      {R"("idempotency_key":"k")", "posted"},
      {R"("idempotency_key":"")", "422 /idempotency_key"},
      {R"("idempotency_key":1)", "422 /idempotency_key"},
      {R"("caller":"c")", "posted"},
      {R"("caller":"")", "422 /caller"},
      {R"("caller":null)", "posted"},
      // timeouts
      {R"("timeout_ms":1)", "posted"},
      {R"("timeout_ms":3600000)", "posted"},
      {R"("timeout_ms":0)", "422 /timeout_ms"},
      {R"("timeout_ms":3600001)", "422 /timeout_ms"},
      {R"("connect_timeout_ms":0)", "422 /connect_timeout_ms"},
      {R"("connect_timeout_ms":3600000)", "posted"},
      // expect
      {R"("expect":{})", "posted"},
      {R"("expect":null)", "posted"},
      {R"("expect":[])", "422 /expect"},
      {R"("expect":{"x":1})", "422 /expect/x"},
      {R"("expect":{"status":null,"contains":null,"json":null})", "posted"},
      {R"("expect":{"status":[200,"2xx",599,100]})", "posted"},
      {R"("expect":{"status":[]})", "422 /expect/status"},
      {R"("expect":{"status":200})", "422 /expect/status"},
      {R"("expect":{"status":[200,99]})", "422 /expect/status/1"},
      {R"("expect":{"status":[600]})", "422 /expect/status/0"},
      {R"("expect":{"status":["6xx"]})", "422 /expect/status/0"},
      {R"("expect":{"status":["200"]})", "422 /expect/status/0"},
      {R"("expect":{"status":[null]})", "422 /expect/status/0"},
      {R"("expect":{"status":[200.0]})", "posted"},
      {R"("expect":{"status":[200.5]})", "422 /expect/status/0"},
      {R"("expect":{"contains":""})", "422 /expect/contains"},
      {R"("expect":{"contains":1})", "422 /expect/contains"},
      {R"("expect":{"json":{"/a/0/~1~0":null}})", "posted"},
      {R"("expect":{"json":{"a":1}})", "422 /expect/json/a"},
      {R"("expect":{"json":{"/~2":1}})", "422 /expect/json/~1~02"},
      {R"("expect":{"json":[]})", "422 /expect/json"},
      // retry
      {R"("retry":{})", "posted"},
      {R"("retry":5)", "422 /retry"},
      {R"("retry":{"x":1})", "422 /retry/x"},
      {R"("retry":{"max_attempts":null,"initial_ms":null,"factor":null,"max_ms":null,"jitter":null,"schedule_ms":null,"fatal_on":null})", "posted"},
      {R"("retry":{"max_attempts":1})", "posted"},
      {R"("retry":{"max_attempts":0})", "422 /retry/max_attempts"},
      {R"("retry":{"max_attempts":101})", "422 /retry/max_attempts"},
      {R"("retry":{"initial_ms":-1})", "422 /retry/initial_ms"},
      {R"("retry":{"initial_ms":0})", "posted"},
      {R"("retry":{"factor":1})", "posted"},
      {R"("retry":{"factor":0.99})", "422 /retry/factor"},
      {R"("retry":{"factor":1e400})", "422 /retry/factor"},
      {R"("retry":{"factor":"2"})", "422 /retry/factor"},
      {R"("retry":{"max_ms":-1})", "422 /retry/max_ms"},
      {R"("retry":{"jitter":1})", "posted"},
      {R"("retry":{"jitter":1.01})", "422 /retry/jitter"},
      {R"("retry":{"jitter":-0.1})", "422 /retry/jitter"},
      {R"("retry":{"schedule_ms":[0,1000]})", "posted"},
      {R"("retry":{"schedule_ms":[]})", "422 /retry/schedule_ms"},
      {R"("retry":{"schedule_ms":5})", "422 /retry/schedule_ms"},
      {R"("retry":{"schedule_ms":[1,-1]})", "422 /retry/schedule_ms/1"},
      {R"("retry":{"schedule_ms":[1],"initial_ms":1})", "422 /retry/initial_ms"},
      {R"("retry":{"factor":2,"schedule_ms":[1]})", "422 /retry/factor"},
      {R"("retry":{"factor":null,"schedule_ms":[1]})", "posted"},
      {R"("retry":{"fatal_on":{}})", "422 /retry/fatal_on"},
      {R"("retry":{"fatal_on":{"status":["9xx"]}})", "422 /retry/fatal_on/status/0"},
      {R"("retry":{"fatal_on":{"json":{"/a":1}}})", "posted"},
      {R"("retry":{"later_on":{"status":[202]}},"ttl_ms":5)", "posted"},
      {R"("retry":{"later_on":{"status":[202]}},"expires_at":"2030-01-01T00:00:00Z")", "posted"},
      {R"("retry":{"later_on":{"status":[202]}})", "422 /retry/later_on"},
      {R"("retry":{"later_on":{"status":[202]}},"ttl_ms":null)", "422 /retry/later_on"},
      {R"("retry":{"later_on":null})", "posted"},
      {R"("retry":{"later_on":{}},"ttl_ms":5)", "422 /retry/later_on"},
      {R"("retry":{"later_on":[]},"ttl_ms":5)", "422 /retry/later_on"},
      {R"("retry":{"later_on":{"status":[99]}},"ttl_ms":5)", "422 /retry/later_on/status/0"},
      {R"("retry":{"only_on":{"status":[503]}})", "posted"},
      {R"("retry":{"only_on":null})", "posted"},
      {R"("retry":{"only_on":{}})", "422 /retry/only_on"},
      {R"("retry":{"only_on":{"status":["9xx"]}})", "422 /retry/only_on/status/0"},
      // labels
      {R"("labels":{"team":"a","":"b"})", "422 /labels/"},
      {R"("labels":{"a:b":"c"})", "422 /labels/a:b"},
      {R"("labels":{"a":1})", "422 /labels/a"},
      {R"("labels":["a"])", "422 /labels"},
      {R"("labels":{"a":""})", "posted"},
      {R"("labels":{})", "posted"},
      {R"("labels":{"1":"","2":"","3":"","4":"","5":"","6":"","7":"","8":"","9":"","10":"","11":"","12":"","13":"","14":"","15":"","16":""})",
       "posted"},
      {R"("labels":{"1":"","2":"","3":"","4":"","5":"","6":"","7":"","8":"","9":"","10":"","11":"","12":"","13":"","14":"","15":"","16":"","17":""})",
       "422 /labels"},
      // order_by
      {R"("order_by":"/a","data":{"a":1})", "posted"},
      {R"("order_by":"a","data":{"a":1})", "422 /order_by"},
      {R"("order_by":"/b","data":{"a":1})", "422 /order_by"},
      {R"("order_by":"/b","data":{"a":1},"order_by_missing":"refuse")", "422 /order_by"},
      {R"("order_by":"/b","data":{"a":1},"order_by_missing":"spread")", "posted"},
      {R"("order_by":"/b","body":"{}")", "422 /order_by"},
      {R"("order_by":"/a","data":{"a":1},"order_by_missing":"x")", "422 /order_by_missing"},
      {R"("order_by":"/a","data":{"a":1},"partitions":0)", "422 /partitions"},
      {R"("order_by":"/a","data":{"a":1},"partitions":1025)", "422 /partitions"},
      {R"("partitions":4)", "422 /partitions"},
      {R"("order_by_missing":"spread")", "422 /order_by_missing"},
      {R"("order_by":"/a","data":{"a":1},"mode":"concurrent")", "422 /mode"},
      {R"("order_by":"/a","data":{"a":1},"mode":"fifo")", "posted"},
      {R"("order_by":"/a","data":{"a":1},"priority":1)", "422 /priority"},
      // repeated keys
      {R"("url":"http://h/")", "422 /url"},
      {R"("headers":{"A":"1","A":"2"})", "422 /headers/A"},
      {R"("data":{"a":{"b":1,"b":1}})", "422 /data/a/b"},
      {R"("retry":{"factor":2,"factor":2})", "422 /retry/factor"},
      {R"("expect":{"json":{"/a":{"x":1,"x":2}}})", "422 /expect/json/~1a/x"},
  }));
  CAPTURE(row.fields);
  ApiFixture f;
  CHECK(f.WithFields(row.fields) == row.outcome);
  CHECK(f.sink.events.size() == (std::string(row.outcome) == "posted" ? 1 : 0));
}

TEST_CASE("submit: lengths are bounded in bytes") {
  struct Bound {
    const char* field;
    size_t most;
  };
  auto bound = GENERATE(values<Bound>({{"fkey", 255}, {"lane", 255}, {"group", 255}, {"idempotency_key", 255}, {"caller", 100}}));
  ApiFixture f;
  auto outcome = [&](size_t bytes) { return f.WithFields("\"" + std::string(bound.field) + "\":\"" + std::string(bytes - 2, 'x') + "\xc3\xa9\""); };
  CHECK(outcome(bound.most) == "posted");
  CHECK(outcome(bound.most + 1) == "422 /" + std::string(bound.field));
}

TEST_CASE("submit: a caller has no control characters, which stand before what the broker keeps for itself beside callers") {
  ApiFixture f;
  for (const char* caller : {"\\u0001topic pay", "\\u0001replay e1", "a\\nb", "a\\u007f"})
    CHECK(f.WithFields(R"("caller":")" + std::string(caller) + "\"") == "422 /caller");
  CHECK(f.WithFields(R"("caller":"p\u00e4y 1")") == "posted");
}

TEST_CASE("submit: the URL is needed and checked") {
  ApiFixture f;
  CHECK(f.SubmitOutcome("{}") == "422 /url");
  CHECK(f.SubmitOutcome(R"({"url":null})") == "422 /url");
  CHECK(f.SubmitOutcome(R"({"url":1})") == "422 /url");
  CHECK(f.SubmitOutcome(R"({"url":"ftp://h"})") == "422 /url");
  CHECK(f.SubmitOutcome(R"({"url":"http://u@h"})") == "422 /url");
  CHECK(f.SubmitOutcome(R"({"url":"http://h/\u0000"})") == "422 /url");
}

TEST_CASE("submit: a body is bounded as it is sent") {
  ApiFixture f;  // 1,000 bytes
  std::string most(1000, 'x'), over(1001, 'x');
  CHECK(f.WithFields("\"body\":\"" + most + "\"") == "posted");
  CHECK(f.WithFields("\"body\":\"" + over + "\"") == "413 /body");
  CHECK(f.WithFields("\"data\":\"" + most.substr(2) + "\"") == "posted");
  CHECK(f.WithFields("\"data\":\"" + over.substr(2) + "\"") == "413 /data");
  std::string base64;
  for (int i = 0; i < 333; ++i) base64 += "AAAA";
  CHECK(f.WithFields("\"body_base64\":\"" + base64 + "AA==\"") == "posted");
  CHECK(f.WithFields("\"body_base64\":\"" + base64 + "AAA=\"") == "413 /body_base64");
  CHECK(f.WithFields(R"("content_type":"application/x-www-form-urlencoded","data":{"a":")" + most.substr(2) + "\"}") == "posted");
  CHECK(f.WithFields(R"("content_type":"application/x-www-form-urlencoded","data":{"a":")" + most.substr(1) + "\"}") == "413 /data");
  CHECK(f.WithFields(R"("method":"GET","data":{"a":")" + over + "\"}") == "413 /data");
  std::string spaces(2000, ' ');
  CHECK(f.WithFields("\"data\":" + spaces + "1" + spaces) == "posted");
}

TEST_CASE("submit: headers for the receiver are bounded in number and size") {
  auto headers = [](int count, size_t value_bytes) {
    std::string text = "\"headers\":{";
    for (int i = 0; i < count; ++i) text += (i ? ",\"h" : "\"h") + std::to_string(i) + "\":\"" + std::string(value_bytes, 'x') + "\"";
    return text + "}";
  };
  ApiFixture f;
  CHECK(f.WithFields(headers(100, 1)) == "posted");
  CHECK(f.WithFields(headers(101, 1)) == "422 /headers");
  CHECK(f.WithFields(headers(1, 16 * 1024 - 6)) == "posted");
  CHECK(f.WithFields(headers(1, 16 * 1024 - 5)) == "422 /headers");
}

TEST_CASE("submit: raw bodies keep their bytes") {
  ApiFixture f;
  REQUIRE(f.WithFields(R"("body":"a\u0000\u00e9")") == "posted");
  CHECK(f.Spec().payload_kind == PayloadKind::kBody);
  CHECK(f.Spec().payload == std::string("a\0\xc3\xa9", 4));
  REQUIRE(f.WithFields(R"("body_base64":"AP8=")") == "posted");
  CHECK(f.Spec().payload_kind == PayloadKind::kBodyBase64);
  CHECK(f.Spec().payload == std::string("\0\xff", 2));
}

TEST_CASE("submit: a lane's rule puts what goes there into a partition, by a value of its data, as a notify's own order_by does") {
  auto rules = std::make_shared<std::vector<LaneRule>>();
  rules->push_back({"mine", Mode::kFifo, {}, "/never", {}, {}});
  rules->push_back({"mine", {}, {}, "/id", 4, {}});
  rules->push_back({"spread*", {}, {}, "/id", {}, true});
  rules->push_back({"*", {}, {}, {}, {}, {}});
  SubmitParser parser(
      SubmitLimits{.max_body_bytes = 1000, .max_batch_items = 5, .max_timeout_ms = kMostTimeoutMs, .lane_rules = [rules] { return rules; }});
  auto parse = [&](const std::string& fields) {
    std::string body = R"({"url":"http://h/",)" + fields + "}";
    return parser.Parse(body, nullptr);
  };
  auto lane = [&](const std::string& fields) {
    Result<ParsedSubmit> parsed = parse(fields);
    REQUIRE(parsed.ok());
    return parsed->items.at(0).envelope->lane;
  };
  const LaneKey own = lane(R"("lane":"mine","order_by":"/id","partitions":4,"data":{"id":7})");
  CHECK(own.name.starts_with("mine~"));
  CHECK(lane(R"("lane":"mine","data":{"id":7})") == own);
  CHECK(lane(R"("lane":"mine","data":{"id":7.0},"priority":9)") == own);
  CHECK(own.mode == Mode::kFifo);
  CHECK(lane(R"("lane":"mine","order_by":"/other","partitions":1,"data":{"id":7,"other":1})") == LaneKey{Mode::kFifo, "mine~0"});
  CHECK(lane(R"("lane":"other","data":{"id":7})") == LaneKey{Mode::kConcurrent, "other"});
  CHECK(lane(R"("data":{"id":7})") == LaneKey{Mode::kConcurrent, "http://h/"});
  CHECK(lane(R"("lane":"spread","body":"x")").name.starts_with("spread~"));
  CHECK(lane(R"("lane":"spread","body":"x")") != lane(R"("lane":"spread","body":"x")"));  // one after the other
  CHECK(parse(R"("lane":"mine","data":{"a":7})").status().field() == "/data");
  CHECK(parse(R"("lane":"mine","body":"7")").status().field() == "/data");
  // A repeat of what was accepted before the rule was there is known by what was said.
  Result<ParsedSubmit> keyed = parse(R"("lane":"mine","data":{"a":7},"idempotency_key":"k")");
  REQUIRE(keyed.ok());
  CHECK(keyed->items.at(0).refused.code() == Code::kUnacceptable);
  std::string body = R"({"url":"http://h/","lane":"mine","data":{"a":7},"idempotency_key":"k"})";
  SubmitParser without(1000, 5);
  CHECK(without.Parse(body, nullptr)->items.at(0).fields == keyed->items.at(0).fields);
}

}  // namespace
}  // namespace notifyd
