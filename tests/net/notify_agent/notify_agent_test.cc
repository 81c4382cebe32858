// NotifyAgent's calls as notifies: the documents that come of them, key by key. What is expected stands here as text, so that a change of what
// producers get is seen.
#include "net/notify_agent/notify_agent.h"

#include <catch2/catch.hpp>

#include "base/json_tree.h"

using namespace notifyd;

namespace {

/// As `json_encode($notify)` writes it for NotifyMessage's defaults, with the slashes escaped.
constexpr const char* kPut =
    R"({"caller":"unknown","url":"http:\/\/a.demo.test","method":"POST","contentType":"application\/json","data":"{\"id\":1,\"name\":\"zq1\"}",)"
    R"("timeDelayedSend":null,"needResponse":1,"expectResponse":"success","runOnce":1,"queueName":"Q_0F1B3A2C","fKey":""})";

constexpr const char* kAny = R"("expect":{"status":["1xx","2xx","3xx","4xx","5xx"],"contains":"success"})";

NotifyAgentCall Read(const std::string& json) {
  Result<NotifyAgentCall> call = ReadNotifyAgentCall(json);
  INFO(json << (call.ok() ? "" : ": " + call.status().detail()));
  REQUIRE(call.ok());
  return *std::move(call);
}

std::string Made(const std::string& json, const NotifyAgentTerms& terms = {}) {
  return NotifyOfNotifyAgentCall(Read(json), terms);
}

/// What one member of the document is, as text; empty where there is none.
std::string Member(const std::string& json, const std::string& pointer, const NotifyAgentTerms& terms = {}) {
  Result<JsonTree> tree = JsonTree::Parse(Made(json, terms));
  REQUIRE(tree.ok());
  std::optional<JsonTree::Value> value = tree->root().At(pointer);
  return value ? std::string(value->kind() == JsonTree::Kind::kString ? value->text() : value->raw()) : std::string();
}

/// A call with these members beside a queue.
std::string With(const std::string& members) {
  return R"({"queueName":"q","url":"http://h/p",)" + members + "}";
}

std::string Refusal(const std::string& json) {
  Result<NotifyAgentCall> call = ReadNotifyAgentCall(json);
  INFO(json);
  REQUIRE_FALSE(call.ok());
  return (call.status().code() == Code::kMalformed ? "malformed" : call.status().field() + ": " + call.status().detail());
}

}  // namespace

TEST_CASE("NotifyAgent: a put with its defaults is sent once, in its queue's lane") {
  CHECK(Made(kPut) == std::string(R"({"url":"http://a.demo.test","method":"POST","content_type":"application/json",)") +
                          R"("body":"{\"id\":1,\"name\":\"zq1\"}","lane":"Q_0F1B3A2C","mode":"fifo","follow_redirects":true,"timeout_ms":3600000,)" +
                          kAny + R"(,"retry":{"max_attempts":1},"caller":"unknown"})");
}

TEST_CASE("NotifyAgent: a row of its table says the same with strings") {
  const std::string row =
      R"({"id":"7","fKey":null,"queueName":"Q_1","caller":"shop","url":"http://h/p","method":"POST","contentType":"application/x-www-form-urlencoded",)"
      R"("data":"a=1&b=2","needResponse":"1","expectResponse":"success","actualResponse":"","runOnce":"2","retryTimes":"0","timeStartSend":null,)"
      R"("timeDelayedSend":"2027-03-01 08:00:00","timeCreated":"2027-02-01 08:00:00","timeModified":"2027-02-01 08:00:00"})";
  CHECK(Made(row) ==
        std::string(R"({"url":"http://h/p","method":"POST","content_type":"application/x-www-form-urlencoded","body":"a=1&b=2",)") +
            R"("lane":"Q_1","mode":"fifo","follow_redirects":true,"timeout_ms":3600000,)" + kAny +
            R"(,"retry":{"max_attempts":10,"schedule_ms":[18000,36000,72000,144000,288000,576000,1152000,2304000,4608000],"jitter":0},)" +
            R"("caller":"shop","labels":{"timeDelayedSend":"2027-03-01 08:00:00"}})");
}

TEST_CASE("NotifyAgent: attempts that were made are taken off, and the waits go on where they were") {
  CHECK(Member(With(R"("retryTimes":7)"), "/retry") == R"({"max_attempts":3,"schedule_ms":[2304000,4608000],"jitter":0})");
  CHECK(Member(With(R"("retryTimes":"8")"), "/retry") == R"({"max_attempts":2,"schedule_ms":[4608000],"jitter":0})");
  for (const char* most : {"9", "10", "255"}) CHECK(Member(With(std::string(R"("retryTimes":)") + most), "/retry") == R"({"max_attempts":1})");
  CHECK(Member(With(R"("retryTimes":-1)"), "/retry/max_attempts") == "10");
  CHECK(Member(With(R"("retryTimes":3,"runOnce":1)"), "/retry") == R"({"max_attempts":1})");
}

TEST_CASE("NotifyAgent: numbers count by their value, as integer or string") {
  for (const char* one : {"1", "\"1\""}) CHECK(Member(With(std::string(R"("runOnce":)") + one), "/retry/max_attempts") == "1");
  for (const char* more : {"2", "\"2\"", "null", "0", "\"\""})
    CHECK(Member(With(std::string(R"("runOnce":)") + more), "/retry/max_attempts") == "10");
  for (const char* none : {"2", "\"2\""}) {
    const std::string call = With(std::string(R"("needResponse":)") + none);
    CHECK(Member(call, "/reply") == "none");
    CHECK(Member(call, "/timeout_ms") == "1000");
    CHECK(Member(call, "/retry") == "");
    CHECK(Member(call, "/expect") == "");
  }
  for (const char* some : {"1", "\"1\"", "null"}) CHECK(Member(With(std::string(R"("needResponse":)") + some), "/reply") == "");
  // However it is written: PHP compares by value what NotifyMessage checks.
  for (const char* one : {"1.0", "\"1.0\"", "\" 1\"", "\"+1\"", "true"})
    CHECK(Member(With(std::string(R"("runOnce":)") + one), "/retry/max_attempts") == "1");
  CHECK(Member(With(R"("retryTimes":99999999999999999999)"), "/retry/max_attempts") == "1");
  CHECK(Member(With(R"("runOnce":false)"), "/retry/max_attempts") == "10");
  for (const char* none : {"1e400", "\"inf\"", "\"nan\"", "\"1x\"", "\" \"", "[1]", "{}"})
    CHECK(Refusal(With(std::string(R"("runOnce":)") + none)).starts_with("/runOnce: runOnce must be a "));
  CHECK(Refusal(With(R"("needResponse":"yes")")) == "/needResponse: needResponse must be a whole number");
  CHECK(Refusal(With(R"("retryTimes":1.5)")) == "/retryTimes: retryTimes must be a whole number");
}

TEST_CASE("NotifyAgent: what is not POST is a GET with the data behind the URL") {
  auto url = [](const std::string& where, const std::string& data, const std::string& method = "GET") {
    return Member(R"({"queueName":"q","url":")" + where + R"(","method":")" + method + R"(","data":")" + data + "\"}", "/url");
  };
  CHECK(url("http://h/p", "id=3&name=zq3") == "http://h/p?id=3&name=zq3");
  CHECK(url("http://h/p?x=1", "id=3") == "http://h/p?x=1&id=3");
  CHECK(url("http://h/p", "") == "http://h/p?");
  CHECK(url("http://h/p", "[]") == "http://h/p?%5B%5D");
  CHECK(url("http://h/p", R"({\"a\":\"50% \\u00e9\u00e9#\"})") == "http://h/p?%7B%22a%22:%2250%25%20%5Cu00e9%C3%A9%23%22%7D");
  CHECK(url("http://h/p", "a=%20%7e%zz%4") == "http://h/p?a=%20%7e%25zz%254");
  // json_encode gives false for data that it cannot encode: then the URL went out as it stood.
  for (const char* none : {R"("data":null)", R"("data":false)", R"("caller":"c")"}) CHECK(Member(With(none), "/url") == "http://h/p");
  CHECK(url("http://h/p#part", "a=1") == "http://h/p?a=1#part");
  for (const char* method : {"PUT", "get", "", "0"}) {
    const std::string call = With(std::string(R"("data":"a=1","contentType":"application/json","method":")") + method + "\"");
    CHECK(Member(call, "/method") == "GET");
    CHECK(Member(call, "/url") == "http://h/p?a=1");
    CHECK(Member(call, "/body") == "");
    CHECK(Member(call, "/content_type") == "");
  }
  for (const char* method : {"POST", "post", "Post"}) CHECK(Member(With(std::string(R"("method":")") + method + "\""), "/method") == "POST");
}

TEST_CASE("NotifyAgent: data goes out byte for byte, with the type that was said") {
  auto member = [](const std::string& members, const std::string& pointer) { return Member(With(R"("method":"POST",)" + members), pointer); };
  CHECK(member(R"("data":" {\"n\":1.00} \u00e9\n","contentType":"application/json")", "/body") == " {\"n\":1.00} \xC3\xA9\n");
  CHECK(member(R"("data":"","contentType":"application/json")", "/body") == "[]");
  CHECK(member(R"("data":null,"contentType":"application/json")", "/body") == "[]");
  CHECK(member(R"("data":"","contentType":"application/x-www-form-urlencoded")", "/content_type") == "application/x-www-form-urlencoded");
  CHECK(Made(With(R"("method":"POST","data":"")")).find(R"("content_type":"application/x-www-form-urlencoded","body":"")") != std::string::npos);
  CHECK(member(R"("data":"x","contentType":"text/plain")", "/content_type") == "text/plain");
  CHECK(member(R"("data":5)", "/body") == "5");
  CHECK(Refusal(With(R"("data":{"a":1})")) == "/data: data must be a string, a number, true, false or null");
  CHECK(Refusal(With(R"("data":[1])")) == "/data: data must be a string, a number, true, false or null");
  CHECK(Refusal(With(R"("url":[true])")) == "/url: url must be a string, a number, true, false or null");
}

TEST_CASE("NotifyAgent: an answer counts by what it contains, whatever its status") {
  CHECK(Member(With(R"("expectResponse":"OK")"), "/expect") == R"({"status":["1xx","2xx","3xx","4xx","5xx"],"contains":"OK"})");
  for (const char* none : {"\"\"", "null"})
    CHECK(Member(With(std::string(R"("expectResponse":)") + none), "/expect") == R"({"status":["1xx","2xx","3xx","4xx","5xx"]})");
}

TEST_CASE("NotifyAgent: what holds nothing is a label, what holds is none") {
  const std::string call = With(R"("fKey":"f1","timeDelayedSend":"2027-03-01 08:00:00","caller":"shop")");
  CHECK(Member(call, "/labels") == R"({"fKey":"f1","timeDelayedSend":"2027-03-01 08:00:00"})");
  CHECK(Member(call, "/fkey") == "");
  const NotifyAgentTerms row{.due_at = WallTime{1'800'000'000'000}, .held = true};
  CHECK(Member(call, "/labels", row) == "");
  CHECK(Member(call, "/fkey", row) == "f1");
  CHECK(Member(call, "/due_at", row) == "1800000000000");
  const NotifyAgentTerms door{.delay_ms = 5'000, .caller = "door", .idempotency_key = "k"};
  CHECK(Member(call, "/labels", door) == R"({"caller":"shop","fKey":"f1","timeDelayedSend":"2027-03-01 08:00:00"})");
  CHECK(Member(call, "/caller", door) == "door");
  CHECK(Member(call, "/delay_ms", door) == "5000");
  CHECK(Member(call, "/idempotency_key", door) == "k");
  // A notify takes a label of 256 bytes at most, and a caller of 100.
  CHECK(Member(With(R"("fKey":")" + std::string(256, 'f') + "\""), "/labels/fKey").size() == 256);
  CHECK(Member(With(R"("fKey":")" + std::string(257, 'f') + "\""), "/labels") == "");
  CHECK(Member(With(R"("caller":")" + std::string(101, 'c') + "\""), "/labels/caller").size() == 101);
  CHECK(Member(With(R"("caller":")" + std::string(101, 'c') + "\""), "/caller") == "");
  // What cannot be one refuses no call.
  CHECK(Member(With(R"("caller":"a\nb")"), "/caller") == "");
  CHECK(Member(With(R"("caller":"a\nb")"), "/labels/caller") == "a\nb");
  CHECK(Member(With(R"("caller":"a\u0000b","fKey":"\u0000","timeDelayedSend":false)"), "/labels") == "");
  CHECK(Member(With(R"("caller":"a\u0000b")"), "/caller") == "");
}

TEST_CASE("NotifyAgent: what has no queue of beanstalkd's, or is no JSON, is refused") {
  for (const char* none : {R"({"url":"http://h"})", R"({"queueName":""})", R"({"queueName":null})", R"({"queueName":"0"})", R"({"queueName":0})"})
    CHECK(Refusal(none) == "/queueName: queueName is missing");
  for (const std::string& bad : {std::string("a b"), std::string("-a"), std::string("a:b"), std::string(201, 'q'), std::string("\xE9\x98\x9F")})
    CHECK(Refusal(R"({"queueName":")" + bad + "\"}").starts_with("/queueName: queueName must be the name of a tube"));
  CHECK(Read(R"({"queueName":")" + std::string(200, 'q') + "\"}").queue_name.size() == 200);
  for (const char* bad : {"", "success", "{", "{\"queueName\":\"q\"} x", "{\"queueName\":\"\xFF\"}", "{\"queueName\":\"\\ud800\"}"})
    CHECK(Refusal(bad) == "malformed");
  for (const char* bad : {"[]", "null", "1", "\"q\""}) CHECK(Refusal(bad) == ": a call of NotifyAgent must be a JSON object");
}

TEST_CASE("NotifyAgent: unknown keys are passed over, and of one that stands twice the last counts") {
  CHECK(Member(With(R"("status":2,"duration":0,"actualResponse":{"a":[1]},"x":[{}],"data":"a","data":"b","method":"POST")"), "/body") == "b");
}
