// notifyctl group as a process: each command is one request, and what it prints.
#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "cli/ctl.h"
#include "support/temp_dir.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

const char kGroup[] =
    R"({"id":"n0000000000000001","state":"settled","labels":null,"count":2,"counts":{"held":0,"succeeded":1,"failed":1},)"
    R"("notifies":[{"id":"n0000000000000002","state":"succeeded","reason":null,"status":200,"attempts_made":1,"settled_at":"t"},)"
    R"({"id":"n0000000000000003","state":"failed","reason":"attempts_exhausted","status":500,"attempts_made":3,"settled_at":"t"}]})";

}  // namespace

TEST_CASE("notifyctl group: each command is one request") {
  using Arguments = std::vector<std::string>;
  TempDir dir;
  const std::string file = dir.Write("g.json", R"( {"notifies":[{"url":"http://h/"}]})");
  const std::string empty = dir.Write("e.json", "{}");
  struct Row {
    Arguments arguments;
    std::string request, body;
  };
  for (const auto& [arguments, request, body] : std::vector<Row>{
      {{"group", "create", "--file", file}, "POST /v1/groups", R"( {"notifies":[{"url":"http://h/"}]})"},
      {{"group", "create", "-f", file, "--wait-ms", "500"}, "POST /v1/groups?wait_ms=500", R"( {"notifies":[{"url":"http://h/"}]})"},
      {{"group", "create", "-f", file, "--idempotency-key", "a\"b"},
       "POST /v1/groups",
       R"( {"idempotency_key":"a\"b","notifies":[{"url":"http://h/"}]})"},
      {{"group", "create", "-f", empty, "--idempotency-key", "k"}, "POST /v1/groups", R"({"idempotency_key":"k"})"},
      {{"group", "show", "n1/"}, "GET /v1/groups/n1%2F", ""},
      {{"group", "wait", "n1", "--wait-ms", "70000"}, "GET /v1/groups/n1?wait_ms=60000", ""},
      {{"group", "wait", "n1"}, "GET /v1/groups/n1?wait_ms=60000", ""},
      {{"group", "cancel", "n1"}, "DELETE /v1/groups/n1", ""},
  }) {
    CAPTURE(request, body);
    ScriptedServer broker(Always(200, kGroup));
    CHECK(CtlAt(broker, arguments).code == 0);
    REQUIRE(broker.seen().size() == 1);
    CHECK(broker.seen()[0].method + " " + broker.seen()[0].target == request);
    CHECK(broker.seen()[0].body == body);
  }
}

TEST_CASE("notifyctl group: what a group is, then what became of each notify") {
  ScriptedServer broker(Always(200, kGroup));
  const CtlRun run = CtlAt(broker, {"group", "show", "n1"});
  CHECK_THAT(run.output, Catch::Contains("counts  1 succeeded, 1 failed\n") &&
                             Catch::Contains("n0000000000000003  failed     500     3         attempts_exhausted"));
  CHECK(CtlAt(broker, {"--json", "group", "show", "n1"}).output == std::string(kGroup) + "\n");
}

TEST_CASE("notifyctl group wait: asks again as long as it is pending, and no longer than it is told to") {
  std::atomic<int> asked = 0;
  ScriptedServer broker([&](const SeenRequest&) { return ScriptedAnswer{200, asked++ < 2 ? R"({"id":"n1","state":"pending"})" : kGroup}; });
  CHECK_THAT(CtlAt(broker, {"group", "wait", "n1"}).output, Catch::Contains("settled"));
  CHECK(broker.seen().size() == 3);
  ScriptedServer never(Always(200, R"({"id":"n1","state":"pending"})"));
  CHECK_THAT(CtlAt(never, {"group", "wait", "n1", "--wait-ms", "0"}).output, Catch::Contains("pending"));
  CHECK(never.seen().size() == 1);
}

TEST_CASE("notifyctl group wait, and create that waits: go on where the broker stops, goes away and comes back") {
  std::atomic<int> asked = 0;
  ScriptedServer broker([&](const SeenRequest&) {
    const int number = asked++;
    if (number == 1) return ScriptedAnswer{503, R"({"status":503,"detail":"the broker stops"})"};
    return number == 2 ? ScriptedAnswer{0} : ScriptedAnswer{200, number < 5 ? R"({"id":"n1","state":"pending"})" : kGroup};
  });
  TempDir dir;
  const bool creates = GENERATE(false, true);
  const CtlRun run =
      creates ? CtlAt(broker, {"group", "create", "-f", dir.Write("g.json", "{}"), "--wait-ms", "60000"}) : CtlAt(broker, {"group", "wait", "n1"});
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(run.error.empty());
  CHECK_THAT(run.output, Catch::Contains("settled"));
  CHECK(broker.seen().size() == 6);
}

TEST_CASE("notifyctl group wait: a broker that does not come back is given up after a while, one that was never there at once") {
  std::atomic<int> asked = 0;
  ScriptedServer broker([&](const SeenRequest&) {
    return asked++ == 0 ? ScriptedAnswer{200, R"({"id":"n1","state":"pending"})"} : ScriptedAnswer{503, R"({"status":503,"detail":"not yet"})"};
  });
  const CtlRun run = CtlAt(broker, {"group", "wait", "n1", "--reconnect-ms", "200"});
  CHECK(run.code == 1);
  CHECK_THAT(run.error, Catch::Contains("not yet"));
  CHECK(broker.seen().size() >= 3);
  CHECK(Ctl({"--server", "http://127.0.0.1:" + std::to_string(ClosedPort()), "group", "wait", "n1"}).code == 3);
}

TEST_CASE("notifyctl group create that waits: shows what was accepted where the broker is gone then") {
  std::atomic<int> asked = 0;
  ScriptedServer broker([&](const SeenRequest&) {
    return asked++ == 0 ? ScriptedAnswer{200, R"({"id":"n1","state":"pending"})"} : ScriptedAnswer{503, R"({"status":503,"detail":"not yet"})"};
  });
  TempDir dir;
  const CtlRun run = CtlAt(broker, {"group", "create", "-f", dir.Write("g.json", "{}"), "--wait-ms", "3000"});
  CHECK(run.code == 0);
  CHECK_THAT(run.output, Catch::Contains("n1") && Catch::Contains("pending"));
  CHECK_THAT(run.error, Catch::Contains("not yet"));
}

TEST_CASE("notifyctl group wait: asks one that lets nobody wait less and less often") {
  using Clock = std::chrono::steady_clock;
  std::mutex mutex;
  std::vector<Clock::time_point> times;
  ScriptedServer broker([&](const SeenRequest&) {
    std::lock_guard<std::mutex> lock(mutex);
    times.push_back(Clock::now());
    return ScriptedAnswer{200, times.size() < 5 ? R"({"id":"n1","state":"pending"})" : kGroup};
  });
  CHECK(CtlAt(broker, {"group", "wait", "n1"}).code == 0);
  std::lock_guard<std::mutex> lock(mutex);
  REQUIRE(times.size() == 5);
  for (size_t i = 1; i < times.size(); ++i) CHECK(times[i] - times[i - 1] >= std::chrono::milliseconds(25 << i));
}

TEST_CASE("notifyctl group create: a file that is not there, and one that was not named") {
  ScriptedServer broker(Always(200, kGroup));
  CHECK(CtlAt(broker, {"group", "create", "--file", "/nowhere/g.json"}).code == 2);
  CHECK(CtlAt(broker, {"group", "create"}).code == 2);
  CHECK(broker.seen().empty());
}
