// What becomes of a message of an AMQP queue: each shape and property by a table, and whatever a producer may write.
#include "cli/bridge/message_mapping.h"

#include <functional>
#include <random>

#include "base/utf8.h"
#include <catch2/catch.hpp>

namespace notifyd {
namespace {

AmqpHeader TextHeader(const std::string& name, const std::string& text) {
  return {name, AmqpHeader::Kind::kText, text};
}

MessageTemplate TemplateFrom(const std::string& json) {
  Result<MessageTemplate> made = MessageTemplate::Parse(json);
  REQUIRE(made.ok());
  return *std::move(made);
}

/// The notifies as one array, or "CODE FIELD: DETAIL".
std::string MappedText(const AmqpMessage& message, const MappingOptions& options) {
  Result<MappedMessage> mapped = MapMessage(message, options);
  if (!mapped.ok()) {
    const char* code = mapped.status().code() == Code::kMalformed ? "400" : mapped.status().code() == Code::kTooLarge ? "413" : "422";
    return std::string(code) + " " + mapped.status().field() + ": " + mapped.status().detail();
  }
  std::string all = "[";
  for (const std::string& notify : mapped->notifies) all += (all.size() > 1 ? "," : "") + notify;
  return all + "]";
}

/// By value where both are JSON, else as texts; of an error the beginning is enough.
bool Same(const std::string& got, const std::string& expected) {
  Result<JsonTree> a = JsonTree::Parse(got), b = JsonTree::Parse(expected);
  if (a.ok() && b.ok()) return JsonEqual(a->root(), b->root());
  return !a.ok() && got.starts_with(expected);
}

struct BodyRow {
  const char* body;
  const char* expected;
};

void CheckRows(const std::vector<BodyRow>& rows, const MappingOptions& options) {
  for (const BodyRow& row : rows) {
    AmqpMessage message;
    message.body = row.body;
    const std::string got = MappedText(message, options);
    INFO(row.body << "\ngave     " << got << "\nexpected " << row.expected);
    CHECK(Same(got, row.expected));
  }
}

}  // namespace

TEST_CASE("bridge mapping: a callback's requests, as Guzzle would send them") {
  CheckRows(
      {
          {R"({"requests":[{"url":"http://a/x"}]})", R"([{"url":"http://a/x","method":"GET","retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/x","method":"post","options":{"json":{"n":1.50,"s":"ü"}}}]})",
           R"([{"url":"http://a/x","method":"POST","body":"{\"n\":1.50,\"s\":\"ü\"}","content_type":"application/json","retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/x","method":"POST","options":{"form_params":{"a":[1,"b c"],"t":true,"n":null}}}]})",
           R"([{"url":"http://a/x","method":"POST","body":"a%5B0%5D=1&a%5B1%5D=b+c&t=1","content_type":"application/x-www-form-urlencoded","retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/x","method":"PUT","options":{"body":"<x/>","headers":{"content-type":"text/xml","X-A":[1,"b"]}}}]})",
           R"([{"url":"http://a/x","method":"PUT","body":"<x/>","content_type":"text/xml","headers":{"X-A":"1, b"},"retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/x","method":"PUT","options":{"body":"raw"}}]})",
           R"([{"url":"http://a/x","method":"PUT","body":"raw","content_type":"application/octet-stream","retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/x?old=1#f","options":{"query":{"q":"a b~c","l":["x"]}}}]})",
           R"([{"url":"http://a/x?q=a%20b~c&l%5B0%5D=x#f","method":"GET","retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/x?old=1","options":{"query":"a=ü#&b=%20"}}]})",
           R"([{"url":"http://a/x?a=%C3%BC%23&b=%20","method":"GET","retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/x?old=1","options":{"query":{}}}]})",
           R"([{"url":"http://a/x","method":"GET","retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/ü b"}]})", R"([{"url":"http://a/%C3%BC%20b","method":"GET","retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/x","options":{"timeout":2.5,"connect_timeout":"1"}}]})",
           R"([{"url":"http://a/x","method":"GET","timeout_ms":2500,"connect_timeout_ms":1000,"retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/x","options":{"timeout":0,"connect_timeout":1e99}}]})",
           R"([{"url":"http://a/x","method":"GET","timeout_ms":3600000,"connect_timeout_ms":3600000,"retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/x","options":{"auth":["u","p:w"],"headers":{"authorization":"old"}}}]})",
           R"([{"url":"http://a/x","method":"GET","headers":{"authorization":"Basic dTpwOnc="},"retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/x","options":{"auth":["u","p","Basic"]}}]})",
           R"([{"url":"http://a/x","method":"GET","headers":{"Authorization":"Basic dTpw"},"retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/x","options":{"auth":["u","p",null]}}]})",
           R"([{"url":"http://a/x","method":"GET","headers":{"Authorization":"Basic dTpw"},"retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/5%?c=%zz%20","options":{"query":"a=100%&b=%4"}}]})",
           R"([{"url":"http://a/5%25?a=100%25&b=%254","method":"GET","retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/x","options":[]}],"control":[]})", R"([{"url":"http://a/x","method":"GET","retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/x","method":null,"options":{"headers":[],"json":null,"query":null,"auth":null,"timeout":null}}]})",
           R"([{"url":"http://a/x","method":"GET","retry":{"max_attempts":1}}])"},
          // What cannot be carried over is said by name.
          {R"({"requests":[{"url":"http://a/x","options":{"verify":false}}]})", "422 /requests/0/options/verify: the option verify"},
          {R"({"requests":[{"url":"http://a/x"},{"url":"http://a/x","options":{"a/~b":1}}]})", "422 /requests/1/options/a~1~0b: the option a/~b"},
          {R"({"requests":[{"url":"http://a/x","options":{"multipart":[]}}]})", "422 /requests/0/options/multipart: "},
          {R"({"requests":[{"url":"http://a/x","options":{"json":1,"body":"x"}}]})", "422 /requests/0/options/body: body does not go with json"},
          {R"({"requests":[{"url":"http://a/x","options":{"auth":["u","p","digest"]}}]})", "422 /requests/0/options/auth/2: "},
          {R"({"requests":[{"url":"http://a/x","options":{"auth":"u:p"}}]})", "422 /requests/0/options/auth: "},
          {R"({"requests":[{"url":"http://a/x","options":{"timeout":"soon"}}]})", "422 /requests/0/options/timeout: "},
          {R"({"requests":[{"url":"http://a/x","options":{"timeout":-1}}]})", "422 /requests/0/options/timeout: "},
          {R"({"requests":[{"url":"http://a/x","options":{"headers":{"X":{}}}}]})", "422 /requests/0/options/headers/X: "},
          {R"({"requests":[{"url":"http://a/x","options":{"query":7}}]})", "422 /requests/0/options/query: "},
          {R"({"requests":[{"url":"http://a/x","options":{"form_params":"a=1"}}]})", "422 /requests/0/options/form_params: "},
          {R"({"requests":[{"url":"http://a/x","options":7}]})", "422 /requests/0/options: "},
          {R"({"requests":[{"url":"http://a/x","body":"x"}]})", "422 /requests/0/body: "},
          {R"({"requests":[{"url":7}]})", "422 /requests/0/url: "},
          {R"({"requests":[{"url":"http://a/x","method":7}]})", "422 /requests/0/method: "},
          {R"({"requests":["http://a/x"]})", "422 /requests/0: "},
          {R"({"requests":[]})", "422 /requests: there is no request"},
      },
      {"q"});
}

TEST_CASE("bridge mapping: a callback's control") {
  CheckRows(
      {
          {R"({"requests":[{"url":"http://a/x"}],"control":{"retryTimes":3,"retryCode":[500,"502"],"successCode":200}})",
           R"([{"url":"http://a/x","method":"GET","retry":{"max_attempts":4,"only_on":{"status":[500,502]}},"expect":{"status":[200]}}])"},
          {R"({"requests":[{"url":"http://a/x"}],"control":{"retryTimes":"2","retryCode":503,"successCode":["200",201],"x":null}})",
           "422 /control/x: control has"},
          {R"({"requests":[{"url":"http://a/x"}],"control":{"retryTimes":"2","retryCode":503}})",
           R"([{"url":"http://a/x","method":"GET","retry":{"max_attempts":3,"only_on":{"status":[503]}}}])"},
          {R"({"requests":[{"url":"http://a/x"}],"control":{"retryTimes":null,"retryCode":[],"successCode":null}})",
           R"([{"url":"http://a/x","method":"GET","retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/x"},{"url":"http://a/y"}],"control":{"retryTimes":3,"retryCode":500,"successCode":200}})",
           R"([{"url":"http://a/x","method":"GET","retry":{"max_attempts":1}},{"url":"http://a/y","method":"GET","retry":{"max_attempts":1}}])"},
          {R"({"requests":[{"url":"http://a/x"}],"control":{"retryTimes":-1}})", "422 /control/retryTimes: "},
          {R"({"requests":[{"url":"http://a/x"}],"control":{"retryTimes":100}})", "422 /control/retryTimes: "},
          {R"({"requests":[{"url":"http://a/x"}],"control":{"retryTimes":1.5}})", "422 /control/retryTimes: "},
          {R"({"requests":[{"url":"http://a/x"}],"control":{"retryCode":"often"}})", "422 /control/retryCode: "},
          {R"({"requests":[{"url":"http://a/x"}],"control":{"successCode":[{}]}})", "422 /control/successCode: "},
          {R"({"requests":[{"url":"http://a/x"}],"control":"no"})", "422 /control: "},
      },
      {"q"});
}

TEST_CASE("bridge mapping: url and data, in the order of a member") {
  MappingOptions options{"q"};
  CheckRows(
      {
          {R"({"url":"http://a/x","data":{"id":7,"n":1.10}})", R"([{"url":"http://a/x","data":{"id":7,"n":1.10}}])"},
          {R"({"url":"http://a/x","data":{"id":7},"deliverBy":"id","from":"somebody"})",
           R"([{"url":"http://a/x","data":{"id":7},"order_by":"/id"}])"},
          {R"({"url":"http://a/x","data":{"a/b~":7},"deliverBy":"a/b~"})", R"([{"url":"http://a/x","data":{"a/b~":7},"order_by":"/a~1b~0"}])"},
          {R"({"url":"http://a/x","data":{"o":{"id":7}},"deliverBy":"/o/id"})", R"([{"url":"http://a/x","data":{"o":{"id":7}},"order_by":"/o/id"}])"},
          {R"({"url":"http://a/x","data":null,"method":"PUT","deliverBy":""})", R"([{"url":"http://a/x","method":"PUT"}])"},
          {R"({"url":"http://a/x","data":null,"method":"post"})", R"([{"url":"http://a/x","method":"POST"}])"},
          {R"({"url":"http://a/x","data":null,"method":7})", "422 /method: "},
          {R"({"url":"http://a/x","data":{},"deliverBy":7})", "422 /deliverBy: "},
          {R"({"url":7,"data":{}})", "422 : the body has neither"},
          {R"({"data":{}})", "422 : the body has neither"},
          {R"([1])", "422 : the body has neither"},
          {"not json", "422 : the body has neither"},
          {"", "422 : the body has neither"},
      },
      options);
  options.deliver_by = "customer";
  CheckRows({{R"({"url":"http://a/x","data":{}})", R"([{"url":"http://a/x","data":{},"order_by":"/customer"}])"},
             {R"({"url":"http://a/x","data":{},"deliverBy":"id"})", R"([{"url":"http://a/x","data":{},"order_by":"/id"}])"}},
            options);
  options.shape = MessageShape::kDeliverBy;
  CheckRows({{R"({"data":{}})", "422 /url: "}, {"{", "400 : the body is not JSON"}, {"7", "422 : the body must be an object"}}, options);
  options.fields = TemplateFrom(R"({"url":"http://always/","order_by_missing":"spread"})");
  CheckRows({{R"({"data":{}})", R"([{"url":"http://always/","order_by_missing":"spread","data":{},"order_by":"/customer"}])"}}, options);
}

TEST_CASE("bridge mapping: a template, with raw bodies") {
  AmqpMessage message;
  message.routing_key = "order.paid/ü";
  message.exchange = "shop";
  message.message_id = "m 1";
  message.headers = {TextHeader("region", "eu west"), {"n", AmqpHeader::Kind::kNumber, "7"}, {"t", AmqpHeader::Kind::kOther, ""}};
  MappingOptions options{"q"};
  options.shape = MessageShape::kTemplate;
  struct Row {
    const char* fields;
    std::string body, content_type, content_encoding;
    const char* expected;  // without what each has
  };
  const std::vector<Row> rows = {
      {R"({"url":"http://a/{routing_key}?r={header:region}&n={header:n}","lane":"{exchange}/{queue}","mode":"fifo"})", "text", "text/plain", "",
       R"("url":"http://a/order.paid%2F%C3%BC?r=eu%20west&n=7","lane":"shop/q","mode":"fifo","body":"text","content_type":"text/plain")"},
      {R"({"url":"http://a/{body:/o/id}","headers":{"X-Type":"{body:/o/s}","x-b":"{{}}"}})", R"({"o":{"id":18446744073709551617,"s":"a\u00fc"}})",
       "application/json", "gzip",
       R"("url":"http://a/18446744073709551617","body":"{\"o\":{\"id\":18446744073709551617,\"s\":\"a\\u00fc\"}}","content_type":"application/json","headers":{"X-Type":"aü","x-b":"{}","Content-Encoding":"gzip"})"},
      {R"({"url":"http://a/","content_type":"text/csv","retry":{"max_attempts":3}})", std::string("\xff\x00\x01", 3), "x/y", "identity",
       R"("url":"http://a/","content_type":"text/csv","retry":{"max_attempts":3},"body_base64":"/wAB")"},
      {R"({"url":"http://a/"})", "x", "", "", R"("url":"http://a/","body":"x","content_type":"application/octet-stream")"},
      {R"({"url":"http://a/","content_type":"text/csv"})", "", "x/y", "", R"("url":"http://a/")"},
  };
  for (const Row& row : rows) {
    options.fields = TemplateFrom(row.fields);
    message.body = row.body;
    message.content_type = row.content_type;
    message.content_encoding = row.content_encoding;
    const std::string got = MappedText(message, options);
    INFO(row.fields << "\ngave " << got);
    CHECK(Same(got, std::string("[{") + row.expected + R"(,"labels":{"region":"eu west"},"idempotency_key":"q/m 1/0"}])"));
  }
  for (const char* fields : {R"({"url":"http://a/{body:/x}"})", R"({"url":"http://a/{type}"})", R"({"url":"http://a/{header:none}"})",
                             R"({"url":"http://a/{header:t}"})", R"({"url":"http://a/","labels":{"a":"{correlation_id}"}})", R"({"lane":"x"})"}) {
    options.fields = TemplateFrom(fields);
    INFO(fields);
    CHECK(MappedText(message, options).starts_with("422 : "));
  }
}

TEST_CASE("bridge mapping: what fills a URL leads to no other path") {
  MappingOptions options{"q"};
  options.shape = MessageShape::kTemplate;
  options.fields = TemplateFrom(R"({"url":"http://a/./hooks/{header:a}{header:b}/x?at={header:a}"})");
  auto map = [&](const std::string& a, const std::string& b) {
    AmqpMessage message;
    message.body = "x";
    message.headers = {TextHeader("a", a), TextHeader("b", b)};
    return MappedText(message, options);
  };
  CHECK(map("..", "").starts_with("422 : "));
  CHECK(map(".", ".").starts_with("422 : "));
  CHECK(map(".", "").starts_with("422 : "));
  CHECK_THAT(map("..", "x"), Catch::Contains("http://a/./hooks/..x/x?at=.."));
  CHECK_THAT(map("../..", ""), Catch::Contains("http://a/./hooks/..%2F../x?at=..%2F.."));
}

TEST_CASE("bridge mapping: a template that is none is refused") {
  for (const char* fields : {"[]", "7", "{", R"({"data":{}})", R"({"body":"x"})", R"({"body_base64":"x"})", R"({"idempotency_key":"x"})",
                             R"({"url":"{nothing}"})", R"({"url":"{"})", R"({"url":"}"})", R"({"url":"{header:}"})", R"({"url":"{body:x}"})",
                             R"({"url":"{queue:x}"})", R"({"retry":{"schedule_ms":["{never"]}})"}) {
    INFO(fields);
    CHECK_FALSE(MessageTemplate::Parse(fields).ok());
  }
}

TEST_CASE("bridge mapping: the properties of a message") {
  MappingOptions options{"q"};
  struct Row {
    const char* name;
    std::function<void(AmqpMessage*)> set;
    const char* expected;  // beside url, method and retry; or the error
  };
  const std::vector<Row> rows = {
      {"none", [](AmqpMessage*) {}, ""},
      {"app_id", [](AmqpMessage* m) { m->app_id = "shop"; }, R"(,"caller":"shop")"},
      {"app_id not UTF-8", [](AmqpMessage* m) { m->app_id = "\xff"; }, "422 : app_id"},
      {"priority", [](AmqpMessage* m) { m->priority = 7; }, R"(,"priority":7)"},
      {"priority 0", [](AmqpMessage* m) { m->priority = 0; }, R"(,"priority":0)"},
      {"priority above", [](AmqpMessage* m) { m->priority = 255; }, R"(,"priority":9)"},
      {"expiration", [](AmqpMessage* m) { m->expiration = "60000"; }, R"(,"ttl_ms":60000)"},
      {"expiration 0", [](AmqpMessage* m) { m->expiration = "0"; }, R"(,"ttl_ms":1)"},
      {"expiration and timestamp",
       [](AmqpMessage* m) {
         m->expiration = "1500";
         m->timestamp_s = 1'700'000'000;
       },
       R"(,"expires_at":"2023-11-14T22:13:21.500Z")"},
      {"timestamp alone", [](AmqpMessage* m) { m->timestamp_s = 1'700'000'000; }, ""},
      {"timestamp beyond",
       [](AmqpMessage* m) {
         m->expiration = "1";
         m->timestamp_s = UINT64_MAX;
       },
       "422 : timestamp"},
      {"expiration no number", [](AmqpMessage* m) { m->expiration = "-1"; }, "422 : expiration"},
      {"expiration beyond", [](AmqpMessage* m) { m->expiration = "18446744073709551615"; }, ""},
      {"expiration too long", [](AmqpMessage* m) { m->expiration = std::string(255, '9'); }, "422 : expiration"},
      {"labels",
       [](AmqpMessage* m) {
         m->reply_to = "answers";
         m->correlation_id = "c\xff";
         m->headers = {TextHeader("region", "eu"), {"n", AmqpHeader::Kind::kNumber, "7"}, {"t", AmqpHeader::Kind::kOther, ""}};
       },
       R"(,"labels":{"reply_to":"answers","correlation_id":"c�","region":"eu"})"},
      {"labels that cannot be",
       [](AmqpMessage* m) {
         m->headers = {TextHeader("", "x"),
                       TextHeader("a:b", "x"),
                       TextHeader(std::string("a\0b", 3), "x"),
                       TextHeader(std::string(65, 'n'), "x"),
                       TextHeader("\xff", "x"),
                       TextHeader("same", "1"),
                       TextHeader("same", "2")};
       },
       R"(,"labels":{"same":"1"})"},
      {"CR LF", [](AmqpMessage* m) { m->headers = {TextHeader("a\r\nX-Evil: 1", "v\r\nX: 2")}; }, R"(,"labels":{"a\r\nX-Evil: 1":"v\r\nX: 2"})"},
  };
  for (const Row& row : rows) {
    AmqpMessage message;
    message.body = R"({"requests":[{"url":"http://a/x"}]})";
    row.set(&message);
    const std::string got = MappedText(message, options);
    const bool refused = std::string(row.expected).starts_with("422");
    // A label's name may hold no colon.
    const bool left_out = std::string(row.name) == "CR LF";
    const std::string fields = left_out ? "" : row.expected;
    INFO(row.name << " gave " << got);
    CHECK(Same(got, refused ? row.expected : R"([{"url":"http://a/x","method":"GET","retry":{"max_attempts":1})" + fields + "}]"));
  }
}

TEST_CASE("bridge mapping: as many labels as a notify has, cut to what it takes; the rest is counted") {
  AmqpMessage message;
  message.body = R"({"requests":[{"url":"http://a/x"}]})";
  for (int i = 0; i < 20; ++i) message.headers.push_back(TextHeader("h" + std::to_string(i), std::string(300, 'v')));
  Result<MappedMessage> mapped = MapMessage(message, {"q"});
  REQUIRE(mapped.ok());
  CHECK(mapped->labels_left_out == 4);
  Result<JsonTree> notify = JsonTree::Parse(mapped->notifies[0]);
  REQUIRE(notify.ok());
  CHECK(notify->root().At("/labels")->size() == 16);
  CHECK(notify->root().At("/labels/h15")->text().size() == 256);
  CHECK_FALSE(notify->root().At("/labels/h16"));
}

TEST_CASE("bridge mapping: a NUL in a label or in what makes the key is not worth the message") {
  AmqpMessage message;
  message.body = R"({"requests":[{"url":"http://a/x"}]})";
  message.headers = {TextHeader("h", std::string("a\0b", 3))};
  message.correlation_id = std::string("\0", 1);
  message.message_id = std::string("i\0d", 3);
  Result<MappedMessage> mapped = MapMessage(message, {"q"});
  REQUIRE(mapped.ok());
  Result<JsonTree> notify = JsonTree::Parse(mapped->notifies[0]);
  REQUIRE(notify.ok());
  CHECK(notify->root().At("/labels/h")->text() == "a b");
  CHECK(notify->root().At("/labels/correlation_id")->text() == " ");
  CHECK(notify->root().At("/idempotency_key")->text().starts_with("sha256:"));
}

TEST_CASE("bridge mapping: headers of HTTP, where they are asked for") {
  AmqpMessage message;
  message.body = R"({"requests":[{"url":"http://a/x","options":{"headers":{"x-amqp-region":"old","Accept":"*/*"}}}]})";
  message.headers = {TextHeader("Region", " eu "), {"n", AmqpHeader::Kind::kNumber, "7"}};
  message.correlation_id = "c1";
  MappingOptions options{"q"};
  options.header_prefix = "X-Amqp-";
  const std::string got = MappedText(message, options);
  INFO(got);
  CHECK(Same(got, R"([{"url":"http://a/x","method":"GET","retry":{"max_attempts":1},"labels":{"correlation_id":"c1"},
                       "headers":{"x-amqp-region":"eu","Accept":"*/*"}}])"));
  for (const AmqpHeader& hostile : {TextHeader("a\r\nX-Evil", "1"), TextHeader("a b", "1"), TextHeader("", "1\r\nX-Evil: 2"), TextHeader("a:", "1"),
                                    TextHeader("v", "1\r\nX-Evil: 2"), TextHeader("v", std::string("\0", 1)), TextHeader("v", "\xff")}) {
    message.headers = {hostile};
    INFO(hostile.name << ": " << hostile.text);
    CHECK(MappedText(message, options).starts_with("422 : the header "));
  }
}

TEST_CASE("bridge mapping: what the template says stands above properties, and beneath what a body says") {
  AmqpMessage message;
  message.body = R"({"requests":[{"url":"http://a/x","options":{"timeout":1}}],"control":{"successCode":204}})";
  message.app_id = "somebody";
  message.priority = 9;
  message.expiration = "5";
  message.headers = {TextHeader("region", "eu"), TextHeader("team", "b")};
  MappingOptions options{"q"};
  options.fields = TemplateFrom(R"({"caller":"shop","priority":1,"ttl_ms":99,"timeout_ms":7,"connect_timeout_ms":8,"expect":{"status":["2xx"]},
                                    "labels":{"team":"a"},"headers":{"X":"1"}})");
  const std::string got = MappedText(message, options);
  INFO(got);
  CHECK(Same(got, R"([{"caller":"shop","priority":1,"ttl_ms":99,"timeout_ms":1000,"connect_timeout_ms":8,"expect":{"status":[204]},"url":"http://a/x",
                       "method":"GET","retry":{"max_attempts":1},"labels":{"team":"a","region":"eu"},"headers":{"X":"1"}}])"));
  options.fields = TemplateFrom(R"({"mode":"fifo"})");
  CHECK(MappedText(message, options).find("priority") == std::string::npos);  // a fifo lane has none
}

TEST_CASE("bridge mapping: the idempotency key") {
  CHECK(IdempotencyKeyOf("q", "id", 0) == "q/id/0");
  CHECK(IdempotencyKeyOf("a/b%", "c/d", 12) == "a%2Fb%25/c/d/12");
  CHECK(IdempotencyKeyOf("a", "b/c/0", 0) != IdempotencyKeyOf("a/b", "c/0", 0));
  CHECK(IdempotencyKeyOf("q", std::string(251, 'i'), 0).size() == 255);
  // printf 'q/iii...i/0' | sha256sum, of 252 i
  CHECK(IdempotencyKeyOf("q", std::string(252, 'i'), 0) == "sha256:204db3736909cf95c90e2ffa37e45fb74fe11d89012ca885c556d13e81ad18a5");
  CHECK(IdempotencyKeyOf("q", "\xff", 0) == "sha256:5a76bfbba4dca0c3937dfca6d5d6d3963ca75d8277574ff936d0a7598287b927");

  AmqpMessage message;
  message.body = R"({"requests":[{"url":"http://a/x"},{"url":"http://a/y"}],"order":{"id":7}})";
  message.headers = {TextHeader("event", "e1"), {"number", AmqpHeader::Kind::kNumber, "42"}};
  auto keys = [&](const char* from) {
    MappingOptions options{"q"};
    if (from) options.key = *ParseMessageRef(from);
    Result<MappedMessage> mapped = MapMessage(message, options);
    REQUIRE(mapped.ok());
    std::string text = mapped->keyed ? "keyed" : "not keyed";
    for (const std::string& notify : mapped->notifies) {
      const Result<JsonTree> parsed = JsonTree::Parse(notify);
      REQUIRE(parsed.ok());
      std::optional<JsonTree::Value> key = parsed->root().At("/idempotency_key");
      if (key) text += " " + std::string(key->text());
    }
    return text;
  };
  CHECK(keys(nullptr) == "not keyed");
  CHECK(keys("header:event") == "keyed q/e1/0 q/e1/1");
  CHECK(keys("header:number") == "keyed q/42/0 q/42/1");
  CHECK(keys("body:/order/id") == "keyed q/7/0 q/7/1");
  CHECK(keys("body:/order") == "not keyed");
  message.message_id = "m";
  CHECK(keys(nullptr) == "keyed q/m/0 q/m/1");
  CHECK(keys("header:event") == "keyed q/e1/0 q/e1/1");
  CHECK(keys("header:none") == "keyed q/m/0 q/m/1");
}

TEST_CASE("bridge mapping: bodies that are deep, broken, or no text come to an end") {
  MappingOptions options{"q"};
  auto map = [&](std::string body) {
    AmqpMessage message;
    message.body = std::move(body);
    return MappedText(message, options);
  };
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  CHECK(map(deep).starts_with("422 : the body has neither"));
  CHECK(map(R"({"requests":[{"url":"http://a/x","options":{"json":)" + deep + "}}]}").starts_with("422 : the body has neither"));
  CHECK(map("{\"requests\":[{\"url\":\"http://a/\xff\"}]}").starts_with("422 : the body has neither"));
  CHECK(map(R"({"requests":[{"url":"\ud800"}]})").starts_with("422 : the body has neither"));
  options.shape = MessageShape::kCallback;
  CHECK(map(deep).starts_with("400 : the body is not JSON"));
  CHECK(map("null").starts_with("422 /requests: "));
  std::string many = R"({"requests":[)";
  for (int i = 0; i < 10'001; ++i) many += i == 0 ? "{\"url\":\"http://a/\"}" : ",{\"url\":\"http://a/\"}";
  CHECK(map(many + "]}").starts_with("413 /requests: "));
}

TEST_CASE("bridge mapping: whatever becomes of a good body by chance, a notify is JSON and an error has words") {
  std::mt19937 random(20261128);
  const std::string seeds[] = {
      R"({"requests":[{"url":"http://a/x","method":"POST","options":{"json":{"a":[1,null]},"query":{"q":"ä"},"headers":{"A":"b"},"auth":["u","p"],"timeout":1}}],"control":{"retryTimes":1,"retryCode":[500]}})",
      R"({"url":"http://a/x","data":{"id":1},"deliverBy":"id"})"};
  size_t mapped_count = 0;
  for (int i = 0; i < 20'000; ++i) {
    AmqpMessage message;
    message.body = seeds[i % 2];
    for (unsigned n = random() % 4; n > 0; --n) {
      const size_t at = random() % message.body.size();
      if (random() % 3 == 0) message.body.erase(at, 1 + random() % 8);
      else message.body[at] = static_cast<char>(random() % 2 ? "{}[]\",:0123eE-\\ua"[random() % 17] : static_cast<char>(random()));
      if (message.body.empty()) message.body = "{";
    }
    message.message_id = std::string(random() % 8, static_cast<char>(random()));
    message.headers = {TextHeader(std::string(1, static_cast<char>(random())), std::string(3, static_cast<char>(random())))};
    Result<MappedMessage> mapped = MapMessage(message, {"q"});
    if (!mapped.ok()) {
      REQUIRE(!mapped.status().detail().empty());
      continue;
    }
    ++mapped_count;
    for (const std::string& notify : mapped->notifies) {
      INFO(message.body << "\n" << notify);
      REQUIRE(JsonTree::Parse(notify).ok());
    }
  }
  CHECK(mapped_count > 1000);
}

}  // namespace notifyd
