// notifyctl as a process: topics, subscriptions, events, publish.
#include "cli/ctl.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

TEST_CASE("notifyctl topic, subscription, event, publish: each command is one request") {
  using Arguments = std::vector<std::string>;
  auto [arguments, request, body] = GENERATE(table<Arguments, std::string, std::string>({
      {{"topic", "set", "a.b", "--retention-ms", "0", "--schema", R"({"type":"object"})", "--description", "d"},
       "PUT /v1/topics/a.b",
       R"({"retention_ms":0,"schema":{"type":"object"},"description":"d"})"},
      {{"topic", "show", "a.b"}, "GET /v1/topics/a.b", ""},
      {{"topic", "delete", "a.b"}, "DELETE /v1/topics/a.b", ""},
      {{"subscription", "set", "s", "--topic", "a.#", "--url", "http://h/", "--filter", R"({"key":"k"})", "--order-by", "key", "--paused", "true",
        "--from", "2026-11-01T00:00:00Z", "-H", "X-A: b", "--max-attempts", "3"},
       "PUT /v1/subscriptions/s",
       R"({"topic":"a.#","filter":{"key":"k"},"paused":true,"from":"2026-11-01T00:00:00Z","url":"http://h/","order_by":"key","retry":{"max_attempts":3},)"
       R"("headers":{"X-A":"b"}})"},
      {{"subscription", "show", "s"}, "GET /v1/subscriptions/s", ""},
      {{"subscription", "delete", "s"}, "DELETE /v1/subscriptions/s", ""},
      {{"subscription", "delete", "s", "--pending", "keep"}, "DELETE /v1/subscriptions/s?pending=keep", ""},
      {{"subscription", "replay", "s", "--from", "1", "--to", "2", "--idempotency-key", "k"},
       "POST /v1/subscriptions/s/replay",
       R"({"idempotency_key":"k","from":1,"to":2})"},
      {{"subscription", "replay", "s", "--all", "--to", "2"}, "POST /v1/subscriptions/s/replay", R"({"to":2})"},
      {{"subscription", "apply", "s"}, "POST /v1/subscriptions/s/apply", ""},
      {{"event", "show", "n1"}, "GET /v1/events/n1", ""},
      {{"event", "replay", "n1"}, "POST /v1/events/n1/replay", "{}"},
      {{"publish", "a.b", "--data", R"({"n":1.50})", "--key", "k", "--labels", R"({"a":"b"})", "--delay-ms", "5"},
       "POST /v1/topics/a.b/publish",
       R"({"key":"k","data":{"n":1.50},"delay_ms":5,"labels":{"a":"b"}})"},
  }));
  ScriptedServer broker(Always(200, R"({"name":"s"})"));
  CtlRun run = CtlAt(broker, arguments);
  INFO(run.error);
  CHECK(run.code == 0);
  REQUIRE(broker.seen().size() == 1);
  const SeenRequest seen = broker.seen().front();
  CHECK(seen.method + " " + seen.target + " " + seen.body == request + " " + body);
}

TEST_CASE("notifyctl subscription replay: everything only where that is said") {
  ScriptedServer broker(Always(202, R"({"accepted":1})"));
  CHECK(CtlAt(broker, {"subscription", "replay", "s"}).code == 2);
  CHECK(CtlAt(broker, {"subscription", "replay", "s", "--to", "5"}).code == 2);
  CHECK(CtlAt(broker, {"subscription", "replay", "s", "--from", "1", "--all"}).code == 2);
  CHECK(broker.seen().empty());
}

TEST_CASE("notifyctl topic list, subscription list: goes on behind the last name") {
  for (const char* noun : {"topic", "subscription"}) {
    ScriptedServer broker([](const SeenRequest& request) {
      const bool second = request.target.find("cursor=a") != std::string::npos;
      return ScriptedAnswer{200, second ? R"({"items":[{"name":"b"}],"next":null})" : R"({"items":[{"name":"a"}],"next":"a"})"};
    });
    CtlRun run = CtlAt(broker, {noun, "list", "--prefix", "p"});
    CHECK(run.code == 0);
    CHECK_THAT(run.output, Catch::Contains("\na ") && Catch::Contains("\nb "));
    CHECK_THAT(broker.seen().at(0).target, Catch::Contains("prefix=p"));
    CHECK(CtlAt(broker, {noun, "list", "--limit", "1"}).error == "more with --cursor a\n");
  }
}

TEST_CASE("notifyctl event show: the event, and a row for each notify of it") {
  ScriptedServer broker(
      Always(200, R"({"id":"n1","topic":"t","data":{"a":1},"notifies":[{"id":"n2","subscription":"s","state":"ready"}],"next":null})"));
  CtlRun run = CtlAt(broker, {"event", "show", "n1"});
  CHECK_THAT(run.output, Catch::Contains("topic") && Catch::Contains("SUBSCRIPTION") && Catch::Contains("n2") && Catch::Contains("ready"));
  CHECK_THAT(CtlAt(broker, {"--json", "event", "show", "n1"}).output, Catch::StartsWith(R"({"id":"n1")"));
}

TEST_CASE("notifyctl topic, subscription: their help says what holds for them") {
  const std::string set = Ctl({"subscription", "set", "--help"}).output;
  CHECK_THAT(set, Catch::Contains("subscription/NAME") && !Catch::Contains("default by URL") && !Catch::Contains("Splits the URL's"));
  CHECK_THAT(Ctl({"submit", "--help"}).output, Catch::Contains("default by URL"));
  CHECK_THAT(Ctl({"topic", "list", "--help"}).output, !Catch::Contains("or published to"));
}

TEST_CASE("notifyctl topic, subscription: wrong words are refused before anybody is asked") {
  ScriptedServer broker(Always(200, "{}"));
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"topic"}, {"topic", "set"}, {"subscription", "delete", "s", "--pending", "drop"}, {"publish"}, {"publish", ""}, {"event", "nope", "n1"}})
    CHECK(CtlAt(broker, arguments).code == 2);
  CHECK(broker.seen().empty());
}
