// Large documents: refused at the first byte that decides it, and batches taken apart before they are parsed.
#include "api_fixture.h"
#include "net/api/json_shape.h"
#include "net/api/submit_parser.h"

#include <functional>

namespace notifyd {
namespace {

constexpr size_t kBody = 1 << 20;
const JsonShapeLimits kLimits{10'000, kBody};
constexpr const char* kItem = R"({"url":"http://h/"})";

std::string Zeros(size_t bytes) {
  std::string text = "[0";
  while (text.size() < bytes) text += ",0";
  return text + "]";
}

/// The status of it, and that nothing behind `most` bytes is looked at: they are out of reach, and a look would end the test.
Status Early(const std::string& text, size_t most, const JsonShapeLimits& limits = kLimits) {
  std::vector<std::string_view> items;
  Status whole = ReadShape(text, limits, &items);
  // Cut off there, a document of which more was needed would be one that does not end.
  Status cut = ReadShape(std::string_view(text).substr(0, most), limits, &items);
  CHECK(whole.code() == cut.code());
  CHECK(whole.detail() == cut.detail());
  return whole;
}

TEST_CASE("json shape: what is too deep is refused at that level, without a look at the rest") {
  for (const std::string& start : {std::string(), std::string(R"({"url":"http://h/","data":)"), std::string(R"([{"url":"http://h/","data":)")}) {
    CAPTURE(start);
    Status status = Early(start + std::string(1 << 20, '['), start.size() + 65);
    CHECK(status.code() == Code::kMalformed);
    CHECK_THAT(status.detail(), Catch::Contains("64 levels"));
  }
}

TEST_CASE("json shape: data is refused once it is longer than any body, wherever it stands") {
  std::string zeros = Zeros(8 << 20);
  Status one = Early(R"({"url":"http://h/","data":)" + zeros + "}", 3 << 20);
  CHECK(one.code() == Code::kTooLarge);
  CHECK(one.field() == "/data");
  CHECK_THAT(one.detail(), Catch::Contains("what is sent as a form has 2162688 bytes of JSON at most"));
  Status third = Early("[" + std::string(kItem) + "," + kItem + R"(,{"data":)" + zeros + "}]", 3 << 20);
  CHECK(third.code() == Code::kTooLarge);
  CHECK(third.field() == "/2/data");
  // Without a content type it goes as it is, so that its length is known; with one the encoding is still to be seen.
  std::string more = R"({"url":"http://h/","data":)" + Zeros(kBody + 2);
  std::vector<std::string_view> items;
  CHECK(ReadShape(more + "}", kLimits, &items).code() == Code::kTooLarge);
  CHECK(ReadShape(more + R"(,"content_type":"application/x-www-form-urlencoded"})", kLimits, &items).ok());
  CHECK(ReadShape(more + R"(,"content\u005ftype":"application/x-www-form-urlencoded"})", kLimits, &items).ok());
  CHECK(ReadShape(R"({"url":"http://h/","d\u0061ta":)" + Zeros(kBody + 2) + "}", kLimits, &items).code() == Code::kTooLarge);
  CHECK(ReadShape(R"({"url":"http://h/","data":)" + Zeros(kBody - 2) + "}", kLimits, &items).ok());
}

TEST_CASE("json shape: a text may be as long as all its bytes escaped, and no longer") {
  std::vector<std::string_view> items;
  std::string escaped;
  for (size_t i = 0; i < kBody; ++i) escaped += "\\u0001";
  CHECK(ReadShape(R"({"url":"http://h/","body":")" + escaped + "\"}", kLimits, &items).ok());
  Status status = ReadShape(R"({"url":"http://h/","body":")" + escaped + std::string(100'000, 'x') + "\"}", kLimits, &items);
  CHECK(status.code() == Code::kTooLarge);
  CHECK(status.field() == "/body");
}

TEST_CASE("json shape: whatever has no members to be measured has a bound as a whole") {
  for (const char* start : {"{", "[[", "[", "[{", "{\"a\""}) {
    CAPTURE(start);
    std::string text = start;
    for (size_t i = 0; i < (12 << 20); ++i) text += text[0] == '{' || text[1] == '[' || text[1] == '{' ? "0 " : "0";
    CHECK(Early(text, 10 << 20).code() == Code::kTooLarge);
  }
}

TEST_CASE("json shape: one with a key is looked at as far as the higher bound goes, wherever the key stands") {
  JsonShapeLimits limits{10, 1000, kBody};
  std::vector<std::string_view> items;
  const std::string key = GENERATE(R"("idempotency_key":"k")", R"("idempotency\u005fke\u0079":"k")");
  std::string data = R"("data":)" + Zeros(kBody - 2);
  CHECK(ReadShape("{" + data + "," + key + "}", limits, &items).ok());
  CHECK(ReadShape("{" + key + "," + data + "}", limits, &items).ok());
  CHECK(ReadShape("[" + std::string(kItem) + ",{" + data + "," + key + "}]", limits, &items).ok());
  Status status = ReadShape("[{" + key + "},{" + data + "}]", limits, &items);
  CHECK(status.code() == Code::kTooLarge);
  CHECK(status.field() == "/1/data");
  status = ReadShape("{\"body\":\"" + std::string(kBody, 'x') + "\"}", limits, &items);
  CHECK(status.code() == Code::kTooLarge);
  CHECK(status.field() == "/body");
  // The key inside of the data is none.
  CHECK(ReadShape(R"({"data":{"pad":)" + Zeros(kBody / 2) + "," + key + "}}", limits, &items).code() == Code::kTooLarge);
  // A header's is that of an object.
  limits.has_key = true;
  CHECK(ReadShape("{" + data + "}", limits, &items).ok());
  CHECK(ReadShape("[{" + data + "}]", limits, &items).code() == Code::kTooLarge);
  // Far beyond what any has, a key does not matter.
  CHECK(Early("{" + key + ",\"data\":" + Zeros(8 << 20) + "}", 3 << 20, limits).code() == Code::kTooLarge);
}

TEST_CASE("json shape: a large line with a key is left to the core, too") {
  SubmitParser parser(1000, 5);
  std::string start = R"({"url":"http://h/","body":")" + std::string(100'000, 'x') + "\"";
  std::string line = start + R"(,"idempotency_key":"k"})", whole = line, unkeyed = start + "}";
  Result<SubmitItem> item = parser.ParseLine(line, line.size());
  REQUIRE(item.ok());
  CHECK(item->refused.code() == Code::kTooLarge);
  Result<ParsedSubmit> parsed = parser.Parse(whole, nullptr);
  REQUIRE(parsed.ok());
  CHECK(parsed->items[0].refused.code() == Code::kTooLarge);
  CHECK(parser.ParseLine(unkeyed, unkeyed.size()).status().code() == Code::kTooLarge);
}

TEST_CASE("json shape: a batch ends at its limit of items") {
  std::string text = "[";
  for (int i = 0; i < 20'000; ++i) text += "0,";
  Status status = Early(text, 2 * 10'001 + 2);
  CHECK(status.code() == Code::kTooLarge);
}

TEST_CASE("json shape: a batch is taken apart between its items, not inside of them") {
  std::vector<std::string_view> items;
  REQUIRE(ReadShape("\xEF\xBB\xBF [ {\"a\":\"],[\\\"\"} ,[1,[2,3]],  -5e1\n,\"x,\\\\\" ] \n", kLimits, &items).ok());
  CHECK(items == std::vector<std::string_view>{"{\"a\":\"],[\\\"\"}", "[1,[2,3]]", "-5e1", "\"x,\\\\\""});
  REQUIRE(ReadShape(R"({"a":[1,2]})", kLimits, &items).ok());
  CHECK(items.empty());
}

TEST_CASE("json shape: what is no batch between its items is malformed") {
  auto text = GENERATE(as<std::string>(), "[1,,2]", "[1,2,]", "[,1]", "[1", "[1]]", "[1] x", "{\"a\":1", "{\"a", "[\"", "[\"\\\"]");
  CAPTURE(text);
  std::vector<std::string_view> items;
  CHECK(ReadShape(text, kLimits, &items).code() == Code::kMalformed);
  CHECK(ReadShape("[ ]", kLimits, &items).code() == Code::kUnacceptable);
  CHECK(ReadShape("[1]", {0, kBody}, &items).code() == Code::kUnacceptable);
}

/// A batch whose second item is `item`, small, and large enough to be taken apart.
std::string Batch(const std::string& item, bool large) {
  std::string other = R"({"url":"http://h/","body":")" + std::string(large ? 50'000 : 5, 'x') + "\"}";
  return "[" + other + "," + item + "," + other + "]";
}

TEST_CASE("json shape: a large batch is refused in the same words as a small one") {
  auto item = GENERATE(as<std::string>(), "{}", "5", "[]", "\"x\"", R"({"url":"nope"})", R"({"url":"http://h/","nope":1})",
                       R"({"url":"http://h/","url":"http://h/"})", R"({"url":"http://h/","data":{"a":1,"a":2}})",
                       R"({"url":"http://h/","data":{"a":tru}})", "{\"url\":\"http://h/\",\"data\":\"\xff\"}", R"({"url":)", R"({"url" "x"})");
  CAPTURE(item);
  SubmitParser parser(kBody, 10);
  std::string small = Batch(item, false), large = Batch(item, true);
  Result<ParsedSubmit> one = parser.Parse(small, nullptr), other = parser.Parse(large, nullptr);
  REQUIRE_FALSE(one.ok());
  REQUIRE_FALSE(other.ok());
  CHECK(one.status().code() == other.status().code());
  CHECK(one.status().field() == other.status().field());
}

TEST_CASE("json shape: malformed wins over unacceptable in a large batch, too, and a good one is taken whole") {
  SubmitParser parser(kBody, 10);
  std::string bad = "[{},{\"url\":\"http://h/\",\"body\":\"" + std::string(100'000, 'x') + "\"},{\"url\":tru}]";
  CHECK(parser.Parse(bad, nullptr).status().code() == Code::kMalformed);
  std::string good = Batch(R"({"url":"http://h/","lane":"second"})", true);
  Result<ParsedSubmit> parsed = parser.Parse(good, nullptr);
  REQUIRE(parsed.ok());
  CHECK(parsed->batch);
  REQUIRE(parsed->items.size() == 3);
  CHECK(parsed->items[1].envelope->lane.name == "second");
  std::string key = "k";
  CHECK(parser.Parse(good, &key).status().code() == Code::kUnacceptable);
}

TEST_CASE("large documents: they are read aside, and what comes of it is posted or answered on the loop") {
  std::function<void()> work, then;
  FakeSwitchboard sink;
  FakeResponder responder;
  ApiOptions options;
  options.max_timeout_ms = 40'000;
  options.aside = [&](std::function<void()> w, std::function<void()> t) {
    work = std::move(w);
    then = std::move(t);
  };
  Api api(options, &sink);
  api.SetResponder(&responder);
  auto submit = [&](uint64_t token, std::string body) {
    work = then = nullptr;
    HttpRequest request;
    request.method = "POST";
    request.target = "/v1/notifies";
    request.body = std::move(body);
    api.OnRequest(token, std::move(request));
  };
  submit(1, kItem);
  CHECK_FALSE(work);
  CHECK(sink.events.size() == 1);
  std::string large = R"({"url":"http://h/","body":")" + std::string(100'000, 'x') + "\"}";
  submit(2, large);
  REQUIRE(work);
  CHECK(sink.events.size() == 1);
  work();
  then();
  REQUIRE(sink.events.size() == 2);
  CHECK(std::get<SubmitRequest>(sink.events[1]).request.token == 2);
  submit(3, large + "x");
  work();
  CHECK(responder.answers.empty());
  then();
  CHECK(responder.answers.at(3).status == 400);
  // The limits are those of the loop.
  std::string slow = large;
  slow.insert(1, R"("timeout_ms":60000,)");
  submit(5, slow);
  work();
  then();
  CHECK(responder.answers.at(5).status == 422);
  // One that goes away meanwhile leaves nothing behind, and the core never heard of it.
  submit(4, large);
  work();
  api.OnClose(4);
  then();
  CHECK(sink.events.size() == 2);
  CHECK(responder.answers.size() == 2);
}

TEST_CASE("large documents: a large change is made aside, step by step") {
  std::function<void()> work, then;
  ApiFixture f;
  ApiOptions options = f.Options();
  options.max_body_bytes = kBody;
  options.aside = [&](std::function<void()> w, std::function<void()> t) {
    work = std::move(w);
    then = std::move(t);
  };
  Api api(options, &f.sink);
  api.SetResponder(&f.responder);
  auto run = [&] {
    REQUIRE(work);
    std::exchange(work, nullptr)();
    std::exchange(then, nullptr)();
  };
  f.Submit(R"({"url":"http://h/"})");
  auto record = std::make_shared<const NotifyRecord>(f.RecordOf(f.Item()));
  HttpRequest request;
  request.method = "PATCH";
  request.target = "/v1/notifies/n000000000000001f";
  std::string data = Zeros(200'000);
  request.body = "{\"data\":" + data + "}";
  size_t before = f.sink.events.size();
  api.OnRequest(50, request);
  CHECK(f.sink.events.size() == before);
  run();
  CHECK(f.Posted<ChangeReadRequest>().request.token == 50);
  api.OnReply({{3, 50}, Viewed{{record, State::kReady}}});
  CHECK_FALSE(f.sink.events.size() == before + 2);
  run();
  CHECK(DecodeSpec(*f.Posted<ChangeRequest>().spec)->payload == data);
  api.OnReply({{3, 50}, Stale{}});
  run();
  CHECK(std::holds_alternative<ChangeReadRequest>(f.sink.events.back()));
  CHECK(f.answers.count(50) == 0);
  // What cannot be is answered from there, too.
  request.body = "{\"url\":" + data + "}";
  api.OnRequest(51, request);
  run();
  CHECK(f.answers.at(51).status == 422);
}

}  // namespace
}  // namespace notifyd
