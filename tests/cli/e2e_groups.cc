// Groups end to end: a thousand with failures, a sequential one over kill -9, and the callback that comes once.
#include <signal.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/e2e_broker.h"
#include "support/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

/// The group, once it is settled.
std::string SettledGroup(Broker& broker, const std::string& id) {
  std::string body;
  for (int i = 0; i < 30; ++i) {
    body = broker.Call("GET", "/v1/groups/" + id + "?wait_ms=5000").body;
    if (JsonAt(body, "/state") != "pending") break;
  }
  return body;
}

/// The ids of the notifies that told of it, each once.
std::set<std::string> Told(const std::vector<SeenRequest>& seen) {
  std::set<std::string> ids;
  for (const SeenRequest& request : seen)
    if (request.target == "/told") ids.insert(request.Header("Notify-Id"));
  return ids;
}

}  // namespace

TEST_CASE("groups: a thousand notifies with failures, over a kill -9; each outcome is known, and the callback comes once") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest& request) { return ScriptedAnswer{request.target.starts_with("/bad") ? 500 : 200, "{}"}; });
  std::string body = R"({"callback_url":")" + receiver.url() + R"(/told","labels":{"run":"7"},"notifies":[)";
  for (int i = 0; i < 1000; ++i) {
    body += std::string(i > 0 ? "," : "") + R"({"url":")" + receiver.url() + (i % 10 == 3 ? "/bad" : "/good") + R"(","data":{"i":)" +
            std::to_string(i) + R"(},"retry":{"max_attempts":2,"initial_ms":1}})";
  }
  body += "]}";
  std::string id;
  {
    Broker broker(dir.path());
    const HttpAnswer made = broker.Call("POST", "/v1/groups", body);
    REQUIRE(made.status == 201);
    id = JsonAt(made.body, "/id");
    CHECK(JsonAt(made.body, "/count") == "1000");
    receiver.WaitFor(300);
    broker.process().Signal(SIGKILL);
    CHECK(broker.process().Wait() == 1000 + SIGKILL);
  }
  Broker broker(dir.path());
  const std::string group = SettledGroup(broker, id);
  CHECK(JsonAt(group, "/state") == "settled");
  CHECK(JsonAt(group, "/counts/succeeded") == "900");
  CHECK(JsonAt(group, "/counts/failed") == "100");
  CHECK(JsonAt(group, "/notifies/3/state") == "failed");
  CHECK(JsonAt(group, "/notifies/3/reason") == "attempts_exhausted");
  CHECK(JsonAt(group, "/notifies/3/status") == "500");
  CHECK(JsonAt(group, "/notifies/4/state") == "succeeded");
  const std::string told = JsonAt(group, "/callback_id");
  CHECK(JsonAt(broker.Settled(told), "/state") == "succeeded");
  CHECK(Told(receiver.seen()) == std::set{told});
  for (const SeenRequest& request : receiver.seen())
    if (request.target == "/told") {
      CHECK(JsonAt(request.body, "/id") == id);
      CHECK(JsonAt(request.body, "/counts/failed") == "100");
      CHECK(JsonAt(request.body, "/labels/run") == "7");
    }
  const std::string listed = broker.Call("GET", "/v1/notifies?limit=1000&group_id=" + id).body;
  CHECK_FALSE(JsonAt(listed, "/items/999/id").empty());
  CHECK(JsonAt(broker.Call("GET", "/v1/notifies?limit=1000&state=failed&error=unexpected_answer&group_id=" + id).body, "/items/99/state") ==
        "failed");
  CHECK(broker.Stat("/totals/accepted") == 1001);
  CHECK(broker.BooksBalance());

  // A later retry changes what became of that one, and tells nobody.
  CHECK(broker.Call("POST", "/v1/notifies/" + JsonAt(group, "/notifies/3/id") + "/retry").status == 202);
  broker.Settled(JsonAt(group, "/notifies/3/id"));
  CHECK(JsonAt(SettledGroup(broker, id), "/notifies/3/attempts_made") == "4");
  CHECK(broker.Stat("/totals/accepted") == 1001);
}

TEST_CASE("groups: a sequential one goes on where it was, however often the broker is killed") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest& request) { return ScriptedAnswer{request.target == "/4" ? 500 : 200, "{}"}; });
  constexpr int kCount = 40;
  std::string body = R"({"sequential":true,"callback_url":")" + receiver.url() + R"(/told","idempotency_key":"k","notifies":[)";
  for (int i = 0; i < kCount; ++i)
    body += std::string(i > 0 ? "," : "") + R"({"url":")" + receiver.url() + "/" + std::to_string(i) +
            R"(","delay_ms":5,"retry":{"max_attempts":2,"initial_ms":5}})";
  body += "]}";
  std::string id;
  for (size_t kill = 0; kill < 4; ++kill) {
    Broker broker(dir.path());
    const HttpAnswer made = broker.Call("POST", "/v1/groups", body);
    CHECK(made.status == (kill == 0 ? 201 : 200));
    id = JsonAt(made.body, "/id");
    receiver.WaitFor((kill + 1) * kCount / 5);
    broker.process().Signal(SIGKILL);
    CHECK(broker.process().Wait() == 1000 + SIGKILL);
  }
  Broker broker(dir.path());
  const std::string group = SettledGroup(broker, id);
  CHECK(JsonAt(group, "/state") == "settled");
  CHECK(JsonAt(group, "/counts/succeeded") == std::to_string(kCount - 1));
  CHECK(JsonAt(group, "/counts/failed") == "1");
  const std::string told = JsonAt(group, "/callback_id");
  CHECK(JsonAt(broker.Settled(told), "/state") == "succeeded");
  CHECK(Told(receiver.seen()) == std::set{told});
  // In order: a repeat after a kill is of the one under way.
  int last = 0;
  std::set<int> places;
  for (const SeenRequest& request : receiver.seen()) {
    if (request.target == "/told") continue;
    const int place = std::stoi(request.target.substr(1));
    CHECK(place >= last);
    CHECK(place <= last + 1);
    last = place;
    places.insert(place);
  }
  CHECK(places.size() == kCount);
  CHECK(broker.Stat("/totals/accepted") == kCount + 1);
  CHECK(broker.BooksBalance());
}

TEST_CASE("groups: submitted and waited for; the rest is cancelled; explained") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest& request) { return ScriptedAnswer{request.target == "/bad" ? 500 : 200, "{}"}; });
  Broker broker(dir.path());
  auto notify = [&](const std::string& path) { return R"({"url":")" + receiver.url() + path + R"(","retry":{"max_attempts":1}})"; };
  HttpAnswer answer = broker.Call("POST", "/v1/groups?wait_ms=20000", R"({"notifies":[)" + notify("/a") + "," + notify("/b") + "]}");
  CHECK(answer.status == 200);
  CHECK(JsonAt(answer.body, "/state") == "settled");
  CHECK(JsonAt(answer.body, "/counts/succeeded") == "2");
  answer =
      broker.Call("POST", "/v1/groups?wait_ms=20000",
                  R"({"sequential":true,"on_failure":"cancel_rest","notifies":[)" + notify("/a") + "," + notify("/bad") + "," + notify("/c") + "]}");
  CHECK(answer.status == 200);
  CHECK(JsonAt(answer.body, "/notifies/1/state") == "failed");
  CHECK(JsonAt(answer.body, "/notifies/2/state") == "cancelled");
  CHECK(JsonAt(answer.body, "/notifies/2/reason") == "group_failed");
  CHECK(JsonAt(answer.body, "/stopped") == "true");

  const std::string waits = R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})";
  answer = broker.Call("POST", "/v1/groups?wait_ms=10", R"({"sequential":true,"notifies":[)" + waits + "," + waits + "]}");
  CHECK(answer.status == 202);
  const std::string id = JsonAt(answer.body, "/id");
  CHECK(JsonAt(answer.body, "/notifies/0/state") == "scheduled");
  CHECK(JsonAt(answer.body, "/notifies/1/state") == "held");
  CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + JsonAt(answer.body, "/notifies/1/id") + "/explain").body, "/reasons/0/code") == "group_turn");
  CHECK(broker.Call("POST", "/v1/notifies/" + JsonAt(answer.body, "/notifies/1/id") + "/retry").status == 409);
  CHECK(JsonAt(broker.Call("DELETE", "/v1/groups/" + id).body, "/counts/cancelled") == "2");
  CHECK(broker.Call("DELETE", "/v1/groups/" + id).status == 409);
  CHECK(JsonAt(broker.Call("GET", "/v1/groups").body, "/items/0/id") == id);
  CHECK(broker.BooksBalance());
}
