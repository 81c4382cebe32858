// Schedules end to end: runs in time, each once over kill -9, and the commands.
#include <signal.h>

#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/e2e_broker.h"
#include "support/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

/// What each notify of the schedule is for; fails where two are for one time.
std::set<std::string> TimesOf(Broker& broker, const std::string& schedule) {
  std::set<std::string> times;
  const std::string listed = broker.Call("GET", "/v1/notifies?limit=1000&schedule=" + schedule).body;
  for (int i = 0;; ++i) {
    const std::string at = JsonAt(listed, "/items/" + std::to_string(i) + "/scheduled_at");
    if (at.empty()) return times;
    CHECK(times.insert(at).second);
  }
}

/// Waits until the receiver has heard of so many times.
void WaitForTimes(ScriptedServer& receiver, size_t count) {
  for (;;) {
    std::set<std::string> times;
    const std::vector<SeenRequest> seen = receiver.seen();
    for (const SeenRequest& request : seen) times.insert(JsonAt(request.body, "/at"));
    if (times.size() >= count) return;
    REQUIRE(receiver.WaitFor(seen.size() + 1).size() > seen.size());
  }
}

/// Where the last run stands that was made. Behind it may be some that fell due while the schedule was being paused.
std::string LastMade(const std::string& shown) {
  for (int i = 0;; ++i) {
    const std::string run = "/runs/" + std::to_string(i);
    const std::string outcome = JsonAt(shown, run + "/outcome");
    REQUIRE_FALSE(outcome.empty());
    if (outcome == "made") return run;
    CHECK(JsonAt(shown, run + "/reason") == "paused");
  }
}

}  // namespace

TEST_CASE("schedules: each time is made once, however often the broker is killed around it, and none is lost") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  const std::string body = R"({"every_ms":1000,"missed":"all","notify":{"url":")" + receiver.url() + R"(/run","data":{"at":"{{scheduled_at}}"}}})";
  for (size_t kill = 0; kill < 4; ++kill) {
    Broker broker(dir.path());
    CHECK(broker.Call("PUT", "/v1/schedules/tick", body).status == (kill == 0 ? 201 : 200));
    WaitForTimes(receiver, kill + 1);
    broker.process().Signal(SIGKILL);
    CHECK(broker.process().Wait() == 1000 + SIGKILL);
  }
  Broker broker(dir.path());
  WaitForTimes(receiver, 6);
  CHECK(broker.Call("PATCH", "/v1/schedules/tick", R"({"paused":true})").status == 200);
  const std::set<std::string> times = TimesOf(broker, "tick");
  CHECK(times.size() >= 6);
  CHECK(broker.Stat("/totals/accepted") == times.size());
  CHECK(broker.BooksBalance());
  // One a second, none left out.
  const int64_t first = ParseRfc3339(*times.begin())->ms, last = ParseRfc3339(*times.rbegin())->ms;
  CHECK(last - first == static_cast<int64_t>(times.size() - 1) * 1000);
  for (const SeenRequest& request : receiver.seen()) {
    CHECK(request.Header("Notify-Schedule") == "tick");
    CHECK(times.contains(JsonAt(request.body, "/at")));
  }
  const std::string shown = broker.Call("GET", "/v1/schedules/tick").body;
  CHECK(JsonAt(shown, "/paused") == "true");
  CHECK(JsonAt(shown, "/next/0").empty());
  CHECK(JsonAt(shown, LastMade(shown) + "/scheduled_at") == *times.rbegin());
  CHECK(JsonAt(shown, "/missed_total") == "0");
}

TEST_CASE("schedules: a run by hand, preconditions, zones, and what is refused") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  Broker broker(dir.path());
  const std::string body = R"({"cron":"30 2 * * *","timezone":"Europe/Berlin","notify":{"url":")" + receiver.url() + R"(/run"}})";
  CHECK(broker.Call("PUT", "/v1/schedules/night", body).status == 201);
  const std::string shown = broker.Call("GET", "/v1/schedules/night").body;
  CHECK_FALSE(JsonAt(shown, "/next/9").empty());
  CHECK(JsonAt(shown, "/next/10").empty());
  CHECK(JsonAt(shown, "/next/0").substr(14, 2) == "30");
  const HttpAnswer ran = broker.Call("POST", "/v1/schedules/night/run");
  REQUIRE(ran.status == 201);
  CHECK(JsonAt(broker.Settled(JsonAt(ran.body, "/id")), "/state") == "succeeded");
  CHECK(JsonAt(broker.Call("GET", "/v1/schedules/night").body, "/runs/0/outcome") == "by_hand");
  CHECK(broker.Call("PUT", "/v1/schedules/night", R"({"cron":"0 0 * * *","timezone":"Mars/Olympus","notify":{"url":"http://h/"}})").status == 422);
  CHECK(broker.Call("GET", "/v1/schedules/none").status == 404);
  CHECK(broker.Call("DELETE", "/v1/schedules/night").status == 204);
  CHECK(broker.Call("GET", "/v1/schedules/night").status == 404);
}

TEST_CASE("schedules: each time is published once over kill -9, and its notifies say which") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  const std::string body = R"({"every_ms":1000,"missed":"all","publish":{"topic":"day.closed","key":"k","data":{"at":"{{scheduled_at}}"}}})";
  for (size_t kill = 0; kill < 3; ++kill) {
    Broker broker(dir.path());
    CHECK(broker.Call("PUT", "/v1/subscriptions/books", R"({"topic":"day.*","url":")" + receiver.url() + R"(/run"})").status == (kill == 0 ? 201 : 200));
    CHECK(broker.Call("PUT", "/v1/schedules/close", body).status == (kill == 0 ? 201 : 200));
    WaitForTimes(receiver, kill + 1);
    broker.process().Signal(SIGKILL);
    CHECK(broker.process().Wait() == 1000 + SIGKILL);
  }
  Broker broker(dir.path());
  WaitForTimes(receiver, 4);
  CHECK(broker.Call("PATCH", "/v1/schedules/close", R"({"paused":true})").status == 200);
  CHECK(TimesOf(broker, "close").size() >= 4);
  CHECK(broker.BooksBalance());
  for (const SeenRequest& request : receiver.seen()) CHECK(request.Header("Notify-Schedule") == "close");
  const std::string shown = broker.Call("GET", "/v1/schedules/close").body;
  CHECK(JsonAt(shown, "/publish/topic") == "day.closed");
  CHECK(JsonAt(shown, "/publish/data/at") == "{{scheduled_at}}");
  CHECK(JsonAt(broker.Call("GET", "/v1/events/" + JsonAt(shown, LastMade(shown) + "/event")).body, "/matched") == "1");
  const HttpAnswer ran = broker.Call("POST", "/v1/schedules/close/run");
  REQUIRE(ran.status == 201);
  CHECK(JsonAt(ran.body, "/matched") == "1");
}
