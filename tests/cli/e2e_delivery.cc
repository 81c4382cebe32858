// What is submitted to the real broker reaches a receiver as the contract says.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <set>

#include "cli/e2e_broker.h"
#include "support/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

ScriptedAnswer Fine(const SeenRequest&) {
  return {200, "fine"};
}

}  // namespace

TEST_CASE("broker: a submitted notify is delivered, and its attempt recorded") {
  TempDir dir;
  ScriptedServer receiver(Fine);
  Broker broker(dir.path());
  std::string id = broker.Submit(R"({"url":")" + receiver.url() + R"(/a?b=c","data":{"n":1.10},"headers":{"X-Mine":"1"}})");
  std::string notify = broker.Settled(id);
  INFO(notify);
  CHECK(JsonAt(notify, "/state") == "succeeded");
  CHECK(JsonAt(notify, "/attempts_made") == "1");
  CHECK(JsonAt(notify, "/attempts/0/status") == "200");
  CHECK(JsonAt(notify, "/attempts/0/response_body") == "fine");
  std::vector<SeenRequest> seen = receiver.seen();
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].method == "POST");
  CHECK(seen[0].target == "/a?b=c");
  CHECK(seen[0].body == R"({"n":1.10})");
  CHECK(seen[0].Header("content-type") == "application/json");
  CHECK(seen[0].Header("x-mine") == "1");
  CHECK(seen[0].Header("notify-id") == id);
  CHECK(seen[0].Header("notify-attempt") == "1");
  CHECK(broker.BooksBalance());
}

TEST_CASE("broker: a notify that fails is tried again with the next number, until it succeeds") {
  TempDir dir;
  std::atomic<int> calls{0};
  ScriptedServer receiver([&](const SeenRequest&) { return ScriptedAnswer{++calls < 3 ? 500 : 204, ""}; });
  Broker broker(dir.path());
  std::string notify = broker.Settled(broker.Submit(R"({"url":")" + receiver.url() + R"(/","retry":{"schedule_ms":[1],"jitter":0}})"));
  CHECK(JsonAt(notify, "/state") == "succeeded");
  CHECK(JsonAt(notify, "/attempts_made") == "3");
  CHECK(JsonAt(notify, "/attempts/0/error") == "unexpected_answer");
  std::vector<SeenRequest> seen = receiver.seen();
  REQUIRE(seen.size() == 3);
  for (size_t i = 0; i < 3; ++i) CHECK(seen[i].Header("notify-attempt") == std::to_string(i + 1));
  CHECK(broker.Stat("/totals/retries") == 2);
}

TEST_CASE("broker: a notify that nobody answers fails after its last attempt, and a retry sends it again") {
  TempDir dir;
  Broker broker(dir.path());
  std::string url = "http://127.0.0.1:" + std::to_string(ClosedPort()) + "/";
  std::string id = broker.Submit(R"({"url":")" + url + R"(","retry":{"max_attempts":1}})");
  CHECK(JsonAt(broker.Settled(id), "/state") == "failed");
  CHECK(JsonAt(broker.Settled(id), "/attempts/0/error") == "connect_failed");
  CHECK(broker.Call("POST", "/v1/notifies/" + id + "/retry").status == 202);
  std::string notify = broker.Settled(id);
  CHECK(JsonAt(notify, "/attempts_made") == "2");
  CHECK(JsonAt(notify, "/attempts/1/number") == "2");
  CHECK(broker.Stat("/totals/revived") == 1);
  CHECK(broker.BooksBalance());
}

TEST_CASE("broker: a held notify is sent once it is triggered, with the data merged; a repeat sends nothing") {
  TempDir dir;
  ScriptedServer receiver(Fine);
  Broker broker(dir.path());
  std::string id = broker.Submit(R"({"url":")" + receiver.url() + R"(/","data":{"a":1,"b":2},"fkey":"order/7"})");
  CHECK(JsonAt(broker.Call("GET", "/v1/fkeys/order%2F7").body, "/state") == "held");
  CHECK(broker.Call("POST", "/v1/fkeys/order%2F7/trigger", R"({"data":{"b":3,"c":4}})").status == 202);
  CHECK(JsonAt(broker.Settled(id), "/state") == "succeeded");
  HttpAnswer repeat = broker.Call("POST", "/v1/fkeys/order%2F7/trigger");
  CHECK(repeat.status == 200);
  CHECK(JsonAt(repeat.body, "/id") == id);
  std::string other = broker.Settled(broker.Submit(R"({"url":")" + receiver.url() + R"(/other"})"));
  CHECK(JsonAt(other, "/state") == "succeeded");
  std::vector<SeenRequest> seen = receiver.seen();
  REQUIRE(seen.size() == 2);
  CHECK(JsonAt(seen[0].body, "/a") == "1");
  CHECK(JsonAt(seen[0].body, "/b") == "3");
  CHECK(JsonAt(seen[0].body, "/c") == "4");
  CHECK(broker.Call("POST", "/v1/fkeys/never/trigger").status == 404);
}

TEST_CASE("broker: a fifo lane delivers in the order of submission, one at a time") {
  TempDir dir;
  std::atomic<int> under_way{0}, most{0};
  ScriptedServer receiver([&](const SeenRequest&) {
    most = std::max<int>(most, ++under_way);
    --under_way;
    return ScriptedAnswer{200, ""};
  });
  Broker broker(dir.path());
  constexpr int kCount = 300;
  std::string batch = "[";
  for (int i = 0; i < kCount; ++i)
    batch += (i ? "," : "") + std::string(R"({"mode":"fifo","url":")") + receiver.url() + R"(/","body":")" + std::to_string(i) + "\"}";
  HttpAnswer answer = broker.Call("POST", "/v1/notifies", batch + "]");
  REQUIRE(answer.status == 201);
  broker.Settled(JsonAt(answer.body, "/items/" + std::to_string(kCount - 1) + "/id"));
  std::vector<SeenRequest> seen = receiver.seen();
  REQUIRE(seen.size() == kCount);
  for (int i = 0; i < kCount; ++i) CHECK(seen[static_cast<size_t>(i)].body == std::to_string(i));
  CHECK(most == 1);
}

TEST_CASE("broker: with several io threads every notify is delivered once, over all of them") {
  TempDir dir;
  ScriptedServer one(Fine), two(Fine), three(Fine);
  Broker broker(dir.path(), {"--io-threads", "3"});
  std::vector<std::string> ids;
  for (int i = 0; i < 60; ++i) {
    const ScriptedServer& to = i % 3 == 0 ? one : i % 3 == 1 ? two : three;
    // A connection each, so that the kernel spreads them over the threads.
    HttpClient client(broker.url());
    std::string body = R"({"url":")" + to.url() + R"(/","body":")" + std::to_string(i) + "\"}";
    Result<HttpAnswer> answer = client.Call("POST", "/v1/notifies", &body);
    REQUIRE(answer.ok());
    REQUIRE(answer->status == 201);
    ids.push_back(JsonAt(answer->body, "/id"));
  }
  for (const std::string& id : ids) CHECK(JsonAt(broker.Settled(id), "/state") == "succeeded");
  std::multiset<std::string> bodies;
  for (const ScriptedServer* server : {&one, &two, &three})
    for (const SeenRequest& request : server->seen()) bodies.insert(request.body);
  CHECK(bodies.size() == 60);
  CHECK(std::set<std::string>(bodies.begin(), bodies.end()).size() == 60);
  CHECK(broker.BooksBalance());
  broker.process().Signal(SIGTERM);
  CHECK(broker.process().Wait() == 0);
}

TEST_CASE("broker: settings reach the parts that they are for") {
  TempDir dir;
  ScriptedServer receiver(Fine);
  Broker broker(dir.path(),
                {"--limits-body-bytes", "100", "--limits-batch-items", "2", "--destinations-deny", "127.0.0.0/8", "--secrets-headers", "X-Token"});
  std::string url = R"("url":")" + receiver.url() + R"(/")";
  CHECK(broker.Call("POST", "/v1/notifies", "{" + url + R"(,"body":")" + std::string(101, 'x') + "\"}").status == 413);
  CHECK(broker.Call("POST", "/v1/notifies", "[{" + url + "},{" + url + "},{" + url + "}]").status == 413);
  std::string notify = broker.Settled(broker.Submit("{" + url + R"(,"headers":{"x-token":"secret"}})"));
  CHECK(JsonAt(notify, "/state") == "failed");
  CHECK(JsonAt(notify, "/attempts/0/error") == "destination_refused");
  CHECK(JsonAt(notify, "/headers/x-token") == "***");
  CHECK(receiver.seen().empty());
}

TEST_CASE("broker: what a receiver repeats of a credential is masked in the attempt and in the callback") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest& request) { return ScriptedAnswer{400, request.head}; });
  ScriptedServer called(Fine);
  Broker broker(dir.path());
  std::string id = broker.Submit(R"({"url":")" + receiver.url() + R"(/","callback_url":")" + called.url() +
                                 R"(/","headers":{"X-Api-Key":"0123456789abcdef"},"retry":{"max_attempts":1}})");
  std::string notify = broker.Settled(id);
  INFO(notify);
  REQUIRE(receiver.seen().at(0).Header("X-Api-Key") == "0123456789abcdef");
  CHECK(notify.find("0123456789abcdef") == std::string::npos);
  CHECK(JsonAt(notify, "/headers/X-Api-Key") == "***");
  CHECK_THAT(JsonAt(notify, "/attempts/0/response_body"), Catch::Contains("X-Api-Key: ***"));
  std::vector<SeenRequest> told = called.WaitFor(1);
  REQUIRE(told.size() == 1);
  CHECK_THAT(told[0].body, Catch::Contains("X-Api-Key: ***"));
  CHECK(told[0].body.find("0123456789abcdef") == std::string::npos);
}

TEST_CASE("notifyctl and broker: submit, hold, trigger, wait, list, cancel and verify") {
  TempDir dir;
  ScriptedServer receiver(Fine);
  Broker broker(dir.path());
  auto ctl = [&](std::vector<std::string> arguments, std::string* output = nullptr) {
    arguments.insert(arguments.begin(), {"--server", broker.url(), "--json"});
    Process process(NOTIFYCTL_BINARY, {arguments, {}});
    int code = process.Wait();
    INFO(process.error());
    if (output) *output = process.output();
    return code;
  };
  std::string out;
  REQUIRE(ctl({"submit", receiver.url() + "/", "--data", R"({"x":1})", "--fkey", "k"}, &out) == 0);
  std::string id = JsonAt(out, "/id");
  CHECK(ctl({"trigger", "k", "--data", R"({"y":2})"}) == 0);
  REQUIRE(ctl({"get", id, "--wait"}, &out) == 0);
  CHECK(JsonAt(out, "/state") == "succeeded");
  REQUIRE(ctl({"submit", receiver.url() + "/", "--delay", "3600000"}, &out) == 0);
  std::string later = JsonAt(out, "/id");
  REQUIRE(ctl({"list", "--state", "scheduled"}, &out) == 0);
  CHECK(JsonAt(out, "/items/0/id") == later);
  CHECK(ctl({"cancel", later}) == 0);
  CHECK(ctl({"cancel", later}) == 1);
  CHECK(ctl({"get", "n0000000000000fff"}) == 1);
  CHECK(ctl({"submit", "-f", dir.Write("f", R"({"url":")" + receiver.url() + "/\"}\n")}) == 0);
  CHECK(ctl({"verify"}) == 0);
}

TEST_CASE("broker: each histogram of /metrics counts what it is for") {
  TempDir dir;
  ScriptedServer receiver(Fine);
  std::string io_threads = GENERATE(as<std::string>{}, "1", "2");
  Broker broker(dir.path(), {"--io-threads", io_threads});
  for (int i = 0; i < 3; ++i) broker.Settled(broker.Submit(R"({"url":")" + receiver.url() + R"(/"})"));
  std::string metrics = broker.Call("GET", "/metrics").body;
  auto count = [&](const std::string& name) {
    size_t at = metrics.find("\nnotifyd_" + name + "_seconds_count ");
    return at == std::string::npos ? -1 : std::stoi(metrics.substr(metrics.find(' ', at)));
  };
  CHECK(count("acknowledgement") == 3);
  CHECK(count("lateness") == 3);
  CHECK(count("attempt") == 3);
  CHECK(count("commit") >= 3);
  CHECK(count("loop_lag") >= 3);
}
