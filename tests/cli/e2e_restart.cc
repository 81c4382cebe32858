// What the real broker acknowledged is there after it ended, in whatever way.
#include <signal.h>

#include "cli/e2e_broker.h"
#include "support/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

TEST_CASE("broker: a scheduled and a held notify outlive a restart, and are sent then") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, ""}; });
  std::string scheduled, held;
  {
    Broker broker(dir.path());
    scheduled = broker.Submit(R"({"url":")" + receiver.url() + R"(/s","delay_ms":3600000})");
    held = broker.Submit(R"({"url":")" + receiver.url() + R"(/h","fkey":"k"})");
    broker.process().Signal(SIGTERM);
    REQUIRE(broker.process().Wait() == 0);
  }
  Broker broker(dir.path());
  CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + scheduled).body, "/state") == "scheduled");
  CHECK(JsonAt(broker.Call("GET", "/v1/fkeys/k").body, "/id") == held);
  CHECK(receiver.seen().empty());
  CHECK(broker.Call("POST", "/v1/notifies/" + scheduled + "/retry").status == 202);
  CHECK(broker.Call("POST", "/v1/fkeys/k/trigger").status == 202);
  CHECK(JsonAt(broker.Settled(scheduled), "/state") == "succeeded");
  CHECK(JsonAt(broker.Settled(held), "/state") == "succeeded");
  CHECK(receiver.seen().size() == 2);
  CHECK(broker.Stat("/totals/accepted") == 2);
  CHECK(broker.BooksBalance());
}

TEST_CASE("broker: a notify that falls due while the broker is down is sent at the start") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, ""}; });
  std::string id;
  {
    Broker broker(dir.path());
    id = broker.Submit(R"({"url":")" + receiver.url() + R"(/","delay_ms":1500})");
    broker.process().Signal(SIGKILL);
    CHECK(broker.process().Wait() == 1000 + SIGKILL);
  }
  Broker broker(dir.path());
  CHECK(JsonAt(broker.Settled(id), "/state") == "succeeded");
  CHECK(receiver.seen().size() == 1);
}

TEST_CASE("broker: all that was acknowledged is there after kill -9") {
  TempDir dir;
  std::vector<std::string> ids;
  {
    Broker broker(dir.path());
    for (int i = 0; i < 100; ++i) ids.push_back(broker.Submit(R"({"url":"http://127.0.0.1:9/","fkey":"k)" + std::to_string(i) + "\"}"));
    broker.process().Signal(SIGKILL);
    CHECK(broker.process().Wait() == 1000 + SIGKILL);
  }
  Broker broker(dir.path());
  CHECK(broker.Stat("/states/held") == 100);
  CHECK(broker.BooksBalance());
  for (const std::string& id : ids) CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + id).body, "/state") == "held");
  // Ids go on behind those that were given.
  CHECK(broker.Submit(R"({"url":"http://127.0.0.1:9/","fkey":"new"})") > ids.back());
}

TEST_CASE("broker: a repeat of an accepted submit is a duplicate, whatever limit was lowered at a restart; a new one is refused") {
  TempDir dir;
  std::string data = dir.path() + "/data", id;
  // Large enough that it is looked at before it is parsed, and far beyond the lowered limit.
  auto submit = [](const std::string& key) {
    return R"({"url":"http://127.0.0.1:9/","delay_ms":3600000,"timeout_ms":60000,"idempotency_key":")" + key + R"(","body":")" +
           std::string(100'000, 'x') + "\"}";
  };
  {
    Broker broker(data);
    id = JsonAt(broker.Call("POST", "/v1/notifies", submit("k")).body, "/id");
    REQUIRE_FALSE(id.empty());
  }
  for (std::string lowered : {"--limits-timeout-ms=30000", "--limits-body-bytes=5"}) {
    CAPTURE(lowered);
    size_t equals = lowered.find('=');
    Broker broker(data, {lowered.substr(0, equals), lowered.substr(equals + 1)});
    HttpAnswer again = broker.Call("POST", "/v1/notifies", submit("k"));
    CHECK(again.status == 200);
    CHECK(JsonAt(again.body, "/duplicate") == "true");
    CHECK(JsonAt(again.body, "/id") == id);
    CHECK(broker.Call("POST", "/v1/notifies", submit("new")).status >= 413);
    CHECK(broker.Call("POST", "/v1/notifies", "[" + submit("k") + "," + submit("new") + "]").status >= 413);
  }
}

TEST_CASE("broker: a second one on the same directory exits with 1 and says why") {
  TempDir dir;
  Broker broker(dir.path());
  Process second(NOTIFYD_BINARY, {{"--listen", "127.0.0.1:0", "--data-dir", dir.path() + "/data"}, {}});
  CHECK(second.Wait() == 1);
  CHECK_THAT(second.error(), Catch::Contains("cannot start") && Catch::Contains(dir.path()));
  CHECK(broker.Call("GET", "/healthz").status == 200);
}
