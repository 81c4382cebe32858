// Topics from outside: what is published comes to whoever subscribed, once, in order, over kill -9; and again where that is asked for.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "cli/e2e_broker.h"
#include "support/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

ScriptedAnswer AnswersOk(const SeenRequest&) {
  return {200, "{}"};
}

/// Says it of a subscription; it must be taken.
void Subscribe(Broker* broker, const std::string& name, const std::string& fields) {
  const HttpAnswer answer = broker->Call("PUT", "/v1/subscriptions/" + name, "{" + fields + "}");
  INFO(answer.body);
  REQUIRE(answer.Done());
}

std::string Quoted(const std::string& name, const std::string& value) {
  return "\"" + name + "\":\"" + value + "\"";
}

/// The answer to it; it must be taken.
std::string Publish(Broker* broker, const std::string& topic, const std::string& event) {
  const HttpAnswer answer = broker->Call("POST", "/v1/topics/" + topic + "/publish", event);
  INFO(answer.body);
  REQUIRE(answer.Done());
  return answer.body;
}

/// Those that went to `path`.
std::vector<SeenRequest> At(const std::vector<SeenRequest>& all, const std::string& path) {
  std::vector<SeenRequest> some;
  std::copy_if(all.begin(), all.end(), std::back_inserter(some), [&](const SeenRequest& request) { return request.target == path; });
  return some;
}

/// Until an event shows so many settled notifies, and all that it has; it as JSON.
std::string SettledEvent(Broker* broker, const std::string& id, size_t count) {
  for (int tries = 0; tries < kDeadlineSeconds * 20; ++tries) {
    const std::string event = broker->Call("GET", "/v1/events/" + id + "?limit=1000").body;
    size_t settled = 0;
    const std::string wanted = R"("state":"succeeded")";
    for (size_t at = event.find(wanted); at != std::string::npos; at = event.find(wanted, at + 1)) ++settled;
    if (settled == count) return event;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return "";
}

}  // namespace

TEST_CASE("topics: one event comes to those that match it, filtered, transformed, and says where it comes from") {
  TempDir dir;
  Broker broker(dir.path());
  ScriptedServer receiver(AnswersOk);
  Subscribe(&broker, "all", Quoted("topic", "#") + "," + Quoted("url", receiver.url() + "/all"));
  Subscribe(&broker, "orders",
            Quoted("topic", "order.*") + "," + Quoted("url", receiver.url() + "/orders") + R"(,"transform":{"order":"/id","sum":"/total"})");
  Subscribe(
      &broker, "germany",
      Quoted("topic", "order.#") + "," + Quoted("url", receiver.url() + "/germany") + R"(,"filter":{"data":{"country":"DE"}},"headers":{"X-A":"b"})");

  const std::string german = Publish(&broker, "order.created", R"({"data":{"id":1,"country":"DE","total":9.90},"labels":{"shop":"x"},"key":"k"})");
  CHECK(JsonAt(german, "/matched") == "3");
  const std::string french = Publish(&broker, "order.created", R"({"data":{"id":2,"country":"FR"}})");
  CHECK(JsonAt(french, "/matched") == "2");
  CHECK(JsonAt(Publish(&broker, "mail", R"({"body":"text","content_type":"text/plain"})"), "/matched") == "1");

  const std::vector<SeenRequest> seen = receiver.WaitFor(6);
  REQUIRE(seen.size() == 6);
  REQUIRE(At(seen, "/germany").size() == 1);
  const SeenRequest request = At(seen, "/germany")[0];
  CHECK(request.body == R"({"id":1,"country":"DE","total":9.90})");
  CHECK(request.Header("Notify-Event") == JsonAt(german, "/id"));
  CHECK(request.Header("Notify-Topic") == "order.created");
  CHECK(request.Header("Notify-Subscription") == "germany");
  CHECK(request.Header("X-A") == "b");
  std::set<std::string> sums;
  for (const SeenRequest& order : At(seen, "/orders")) sums.insert(order.body);
  CHECK(sums == std::set<std::string>{R"({"order":1,"sum":9.90})", R"({"order":2})"});
  CHECK(At(seen, "/all").size() == 3);

  const std::string event = SettledEvent(&broker, JsonAt(german, "/id"), 3);
  CHECK(JsonAt(event, "/data/total") == "9.90");
  CHECK(JsonAt(event, "/labels/shop") == "x");
  CHECK(JsonAt(event, "/matched") == "3");
  const std::string notify = broker.Call("GET", "/v1/notifies/" + JsonAt(event, "/notifies/0/id")).body;
  CHECK(JsonAt(notify, "/event") == JsonAt(german, "/id"));
  CHECK(JsonAt(notify, "/topic") == "order.created");
  CHECK(broker.BooksBalance());
}

TEST_CASE("topics: what a transform cannot make is not sent as it was, and a deleted subscription sends nothing of what it held back, over kill -9") {
  TempDir dir;
  auto broker = std::make_unique<Broker>(dir.path());
  ScriptedServer receiver(AnswersOk);
  std::string picks;
  for (int i = 0; i < 60; ++i) picks += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + R"(":"/public")";
  Subscribe(broker.get(), "picks", Quoted("topic", "card") + "," + Quoted("url", receiver.url() + "/picks") + ",\"transform\":{" + picks + "}");
  const std::string large = Publish(broker.get(), "card", R"({"data":{"secret":"4111","public":")" + std::string(30'000, 'p') + "\"}}");
  const std::string raw = Publish(broker.get(), "card", R"({"body":"{\"secret\":\"4111\",\"public\":1}"})");
  const std::string last = Publish(broker.get(), "card", R"({"data":{"secret":"4111","public":1}})");
  SettledEvent(broker.get(), JsonAt(last, "/id"), 1);
  for (const std::string& event : {large, raw})
    CHECK(JsonAt(broker->Call("GET", "/v1/events/" + JsonAt(event, "/id")).body, "/not_transformed/0") == "picks");
  CHECK(JsonAt(broker->Call("GET", "/v1/subscriptions/picks").body, "/skipped") == "2");
  CHECK(broker->Call("GET", "/metrics").body.find("\nnotifyd_events_untransformed_total 2\n") != std::string::npos);
  CHECK(receiver.seen().size() == 1);

  const std::string held = Quoted("topic", "held") + "," + Quoted("url", receiver.url() + "/held");
  Subscribe(broker.get(), "held", held + R"(,"paused":true)");
  for (int i = 0; i < 10; ++i) {
    std::string events;
    for (int j = 0; j < 100; ++j) events += std::string(j > 0 ? "," : "") + R"({"topic":"held","data":1})";
    REQUIRE(broker->Call("POST", "/v1/publish", "[" + events + "]").Done());
  }
  REQUIRE(broker->Call("DELETE", "/v1/subscriptions/held").Done());
  Subscribe(broker.get(), "held", held);
  broker->process().Signal(SIGKILL);
  broker->process().Wait();
  broker = std::make_unique<Broker>(dir.path());
  const std::string fresh = Publish(broker.get(), "held", R"({"data":2})");
  SettledEvent(broker.get(), JsonAt(fresh, "/id"), 1);
  for (int tries = 0; tries < kDeadlineSeconds * 20 && JsonAt(broker->Call("GET", "/v1/subscriptions/held").body, "/pending") != "0"; ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(receiver.seen().size() == 2);
  for (const SeenRequest& request : receiver.seen()) CHECK(request.body.find("4111") == std::string::npos);
  CHECK(broker->BooksBalance());
}

TEST_CASE("topics: events of one key come in order, others side by side") {
  constexpr int kKeys = 7, kEach = 20;
  TempDir dir;
  Broker broker(dir.path());
  ScriptedServer receiver(AnswersOk);
  Subscribe(&broker, "s", Quoted("topic", "t") + "," + Quoted("url", receiver.url() + "/") + R"(,"order_by":"key","partitions":4)");
  for (int i = 0; i < kEach; ++i) {
    std::string batch;
    for (int k = 0; k < kKeys; ++k)
      batch += (k == 0 ? "[" : ",") + std::string(R"({"data":{"k":)") + std::to_string(k) + R"(,"i":)" + std::to_string(i) + R"(},"key":"k)" +
               std::to_string(k) + "\"}";
    Publish(&broker, "t", batch + "]");
  }
  const std::vector<SeenRequest> seen = receiver.WaitFor(kKeys * kEach);
  REQUIRE(seen.size() == kKeys * kEach);
  std::map<std::string, int> next;
  for (const SeenRequest& request : seen) CHECK(JsonAt(request.body, "/i") == std::to_string(next[JsonAt(request.body, "/k")]++));
  CHECK(next.size() == kKeys);
}

TEST_CASE("topics: a fan-out to 2,000 subscriptions that is killed in the middle goes on, each gets it once") {
  constexpr int kSubscriptions = 2'000, kThreads = 8;
  TempDir dir;
  ScriptedServer receiver(AnswersOk);
  auto broker = std::make_unique<Broker>(dir.path());
  std::vector<std::thread> threads;
  std::atomic<int> taken{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      HttpClient client(broker->url());
      for (int i = t; i < kSubscriptions; i += kThreads) {
        const std::string body = R"({"topic":"t","url":")" + receiver.url() + "/s" + std::to_string(i) + "\"}";
        Result<HttpAnswer> answer = client.Call("PUT", "/v1/subscriptions/s" + std::to_string(i), &body);
        taken += answer.ok() && answer->status == 201;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(taken == kSubscriptions);

  const std::string published = Publish(broker.get(), "t", R"({"data":{"n":1}})");
  CHECK(JsonAt(published, "/matched") == std::to_string(kSubscriptions));
  broker->process().Signal(SIGKILL);
  broker->process().Wait();
  broker = std::make_unique<Broker>(dir.path());

  // Each at a path of its own. What was in flight when it was killed may come again, under the same id.
  std::map<std::string, std::set<std::string>> ids;
  for (size_t wanted = kSubscriptions; ids.size() < kSubscriptions; ++wanted) {
    const std::vector<SeenRequest> seen = receiver.WaitFor(wanted);
    for (const SeenRequest& request : seen) ids[request.target].insert(request.Header("Notify-Id"));
    if (seen.size() < wanted) break;  // the deadline
  }
  CHECK(ids.size() == kSubscriptions);
  CHECK(std::all_of(ids.begin(), ids.end(), [](const auto& of) { return of.second.size() == 1; }));
  const std::string event = SettledEvent(broker.get(), JsonAt(published, "/id"), 1'000);
  CHECK(JsonAt(event, "/matched") == std::to_string(kSubscriptions));
  CHECK(broker->Stat("/totals/accepted") == kSubscriptions);
  CHECK(broker->BooksBalance());
}

TEST_CASE("topics: events that are past come again, to one subscription or to all, once a key") {
  TempDir dir;
  Broker broker(dir.path());
  ScriptedServer receiver(AnswersOk);
  Subscribe(&broker, "a", Quoted("topic", "t") + "," + Quoted("url", receiver.url() + "/a"));
  const std::string first = JsonAt(Publish(&broker, "t", R"({"data":1})"), "/id"), second = JsonAt(Publish(&broker, "t", R"({"data":2})"), "/id");
  REQUIRE(receiver.WaitFor(2).size() == 2);

  SECTION("a new subscription that begins in the past") {
    Subscribe(&broker, "b", Quoted("topic", "t") + "," + Quoted("url", receiver.url() + "/b") + R"(,"mode":"fifo","from":"2026-01-01T00:00:00Z")");
    Publish(&broker, "t", R"({"data":3})");
    const std::vector<SeenRequest> seen = At(receiver.WaitFor(6), "/b");
    REQUIRE(seen.size() == 3);
    for (int i = 0; i < 3; ++i) CHECK(seen[i].body == std::to_string(i + 1));
  }
  SECTION("one event") {
    for (bool again : {false, true}) {
      const HttpAnswer replayed = broker.Call("POST", "/v1/events/" + first + "/replay", R"({"idempotency_key":"k"})");
      CHECK(replayed.status == (again ? 200 : 202));
    }
    const std::vector<SeenRequest> seen = receiver.WaitFor(3);
    REQUIRE(seen.size() == 3);
    CHECK(seen[2].body == "1");
    CHECK(seen[2].Header("Notify-Event") == first);
    CHECK(seen[2].Header("Notify-Id") != seen[0].Header("Notify-Id"));
    CHECK(broker.Stat("/totals/accepted") == 3);
  }
  SECTION("all of a stretch of time") {
    CHECK(broker.Call("POST", "/v1/subscriptions/a/replay", R"({"from":"2026-01-01T00:00:00Z"})").status == 202);
    std::multiset<std::string> events;
    for (const SeenRequest& request : receiver.WaitFor(4)) events.insert(request.Header("Notify-Event"));
    CHECK(events == std::multiset<std::string>{first, first, second, second});
  }
  CHECK(broker.BooksBalance());
}

TEST_CASE("topics: a subscription that is deleted takes what waits along, or leaves it") {
  TempDir dir;
  Broker broker(dir.path());
  ScriptedServer receiver(AnswersOk);
  const bool keep = GENERATE(false, true);
  Subscribe(&broker, "s", Quoted("topic", "t") + "," + Quoted("url", receiver.url() + "/") + R"(,"delay_ms":3600000)");
  const std::string event = JsonAt(Publish(&broker, "t", R"({"data":1})"), "/id");
  const std::string notify = JsonAt(broker.Call("GET", "/v1/events/" + event).body, "/notifies/0/id");
  CHECK(broker.Call("DELETE", std::string("/v1/subscriptions/s") + (keep ? "?pending=keep" : "")).status == 204);
  CHECK(broker.Call("GET", "/v1/subscriptions/s").status == 404);
  CHECK(JsonAt(Publish(&broker, "t", R"({"data":2})"), "/matched") == "0");
  if (keep) {
    CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + notify).body, "/state") == "scheduled");
  } else {
    const std::string settled = broker.Settled(notify);
    CHECK(JsonAt(settled, "/state") == "cancelled");
    CHECK(JsonAt(settled, "/reason") == "unsubscribed");
  }
  CHECK(broker.BooksBalance());
}

TEST_CASE("topics: what is said survives kill -9, and is refused where a condition does not hold") {
  TempDir dir;
  auto broker = std::make_unique<Broker>(dir.path());
  const std::string said = R"({"topic":"t","url":"http://127.0.0.1:9/"})";
  const HttpAnswer made = broker->Call("PUT", "/v1/subscriptions/s", said);
  CHECK(made.status == 201);
  REQUIRE_FALSE(made.etag.empty());
  CHECK(broker->Call("PUT", "/v1/topics/t", R"({"retention_ms":5000})").status == 201);
  const std::string event = JsonAt(Publish(broker.get(), "other", R"({"data":1})"), "/id");
  broker->process().Signal(SIGKILL);
  broker->process().Wait();
  broker = std::make_unique<Broker>(dir.path());
  const HttpAnswer again = broker->Call("PUT", "/v1/subscriptions/s", said);
  CHECK(again.status == 200);
  CHECK(again.etag == made.etag);
  CHECK(JsonAt(broker->Call("GET", "/v1/topics/t").body, "/retention_ms") == "5000");
  CHECK(JsonAt(broker->Call("GET", "/v1/events/" + event).body, "/data") == "1");
  CHECK(JsonAt(broker->Call("GET", "/v1/subscriptions").body, "/items/0/name") == "s");
  HttpClient client(broker->url());
  for (bool absent : {true, false}) {
    HttpCall call;
    call.method = "PUT";
    call.path = "/v1/subscriptions/s";
    call.body = &said;
    call.only_new = absent;
    if (!absent) call.if_match = "\"0\"";
    Result<HttpAnswer> answer = client.Send(call);
    REQUIRE(answer.ok());
    CHECK(answer->status == 412);
  }
}
