// notifyctl as a process: retry, cancel and purge by filter, and lanes.
#include <atomic>

#include "cli/ctl.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

/// Three calls to the end.
ScriptedAnswer BulkAnswer(const SeenRequest& request) {
  if (request.body.find("\"cursor\":\"c2\"") != std::string::npos) return {200, R"({"count":34,"next":null})"};
  if (request.body.find("\"cursor\":\"c1\"") != std::string::npos) return {200, R"({"count":0,"next":"c2"})"};
  return {200, R"({"count":1200,"next":"c1"})"};
}

const char kLane[] =
    R"({"name":"http://x/#a","mode":"fifo","paused":true,"states":{"held":1,"scheduled":2,"ready":3,"sending":0,"retrying":4},"in_flight":0,)"
    R"("oldest_due_at":"2030-01-01T00:00:00.000Z","head_age_ms":65000,)"
    R"("settings":{"paused":true,"concurrency":1,"rate_per_s":2.5,"burst":1,"on_retry":"skip","on_failure":"continue"},)"
    R"("own":{"paused":true,"paused_by":"failure","on_retry":"skip"}})";

}  // namespace

TEST_CASE("notifyctl retry, cancel and purge by filter: go on by cursor to the end, and sum up") {
  auto [command, verb] = GENERATE(std::pair("retry", "retried"), std::pair("cancel", "cancelled"), std::pair("purge", "purged"));
  ScriptedServer broker(BulkAnswer);
  CtlRun run = CtlAt(broker, {command, "--state", "failed,expired", "--lane", "l"});
  CHECK(run.code == 0);
  CHECK(run.output == "count  1234\n");
  CHECK(run.error == std::string("notifyctl: ") + verb + " 1,234 notifies where lane is l, state is failed,expired\n");
  std::vector<SeenRequest> seen = broker.seen();
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].method == "POST");
  CHECK(seen[0].target == std::string("/v1/notifies/") + command);
  CHECK(seen[0].body == R"({"filter":{"lane":"l","state":"failed,expired"},"limit":10000})");
  CHECK(seen[1].body == R"({"filter":{"lane":"l","state":"failed,expired"},"cursor":"c1","limit":10000})");
}

TEST_CASE("notifyctl by filter: every filter has a flag, --dry-run and --cursor go along") {
  ScriptedServer broker(Always(200, R"({"count":1,"next":null})"));
  CtlRun run =
      CtlAt(broker, {"--json",   "retry", "--state",      "failed", "--mode",          "fifo", "--fkey",           "k", "--fkey-prefix", "p",
                     "--caller", "c",     "--url-prefix", "u",      "--created-after", "1",    "--created-before", "2", "--dry-run",     "--cursor",
                     "c9"});
  CHECK(run.code == 0);
  CHECK(run.output == "{\"count\":1,\"next\":null}\n");
  CHECK_THAT(run.error, Catch::Contains("would have retried 1 notify where"));
  CHECK(broker.seen().at(0).body ==
        R"({"filter":{"caller":"c","created_after":"1","created_before":"2","fkey":"k","fkey_prefix":"p","mode":"fifo","state":"failed",)"
        R"("url_prefix":"u"},"cursor":"c9","dry_run":true,"limit":10000})");
}

TEST_CASE("notifyctl cancel --fkey: alone it is the held one, with --state one more filter") {
  ScriptedServer broker(Always(200, R"({"count":1,"next":null,"id":"n1","state":"cancelled"})"));
  CHECK(CtlAt(broker, {"cancel", "--fkey", "k"}).code == 0);
  CHECK(CtlAt(broker, {"cancel", "--fkey", "k", "--state", "held"}).code == 0);
  CHECK(broker.seen().at(0).method + broker.seen().at(0).target == "DELETE/v1/fkeys/k");
  CHECK(broker.seen().at(1).body == R"({"filter":{"fkey":"k","state":"held"},"limit":10000})");
}

TEST_CASE("notifyctl by filter: a refusal on the way says how far it came and how to go on") {
  ScriptedServer broker([](const SeenRequest& request) {
    return request.body.find("cursor") == std::string::npos ? ScriptedAnswer{200, R"({"count":7,"next":"c1"})"}
                                                            : ScriptedAnswer{503, R"({"status":503,"detail":"the broker stops"})"};
  });
  CtlRun run = CtlAt(broker, {"purge", "--state", "failed"});
  CHECK(run.code == 1);
  CHECK(run.output.empty());
  CHECK_THAT(run.error, Catch::Contains("the broker stops") && Catch::Contains("purged 7 notifies before it stopped; go on with --cursor c1"));
}

TEST_CASE("notifyctl by filter: what is not answered over a connection that was kept is not sent once more without a word") {
  ScriptedServer broker([](const SeenRequest& request) {
    return request.body.find("cursor") == std::string::npos ? ScriptedAnswer{200, R"({"count":7,"next":"c1"})"} : ScriptedAnswer{0};
  });
  CtlRun run = CtlAt(broker, {"retry", "--state", "failed"});
  CHECK(broker.seen().size() == 2);
  CHECK(run.code == 3);
  CHECK(run.output.empty());
  CHECK_THAT(run.error, Catch::Contains("it may have been done all the same") &&
                            Catch::Contains("retried 7 notifies before it stopped; go on with --cursor c1"));
}

TEST_CASE("notifyctl by filter: a broker that goes round in circles, or answers nonsense, is left") {
  const char* answer = GENERATE(R"({"count":1,"next":"c1"})", "{}", "nonsense");
  ScriptedServer broker(Always(200, answer));
  CHECK(CtlAt(broker, {"retry", "--state", "failed"}).code == 1);
}

TEST_CASE("notifyctl lanes: a table of all, paged; --prefix and --limit are passed on") {
  ScriptedServer broker([](const SeenRequest& request) {
    bool first = request.target.find("cursor") == std::string::npos;
    return ScriptedAnswer{200, std::string("{\"items\":[") + kLane + "],\"next\":" + (first ? "\"c1\"" : "null") + "}"};
  });
  CtlRun run = CtlAt(broker, {"lanes", "--prefix", "http://x", "--limit", "7"});
  CHECK(run.code == 0);
  CHECK(run.output ==
        "LANE         MODE  PAUSED      HELD  SCHEDULED  READY  SENDING  RETRYING  HEAD AGE\n"
        "http://x/#a  fifo  by failure  1     2          3      0        4         1m 05s\n"
        "http://x/#a  fifo  by failure  1     2          3      0        4         1m 05s\n");
  CHECK(broker.seen().at(0).target == "/v1/lanes?limit=7&prefix=http%3A%2F%2Fx");
  CHECK(broker.seen().at(1).target == "/v1/lanes?cursor=c1&limit=6&prefix=http%3A%2F%2Fx");
  run = CtlAt(broker, {"--json", "lanes", "--limit", "1"});
  CHECK(run.output == std::string("{\"items\":[") + kLane + "],\"next\":\"c1\"}\n");
}

TEST_CASE("notifyctl lanes NAME: those of that name that there are, each with its settings") {
  ScriptedServer broker([](const SeenRequest& request) {
    return request.target.find("/fifo/") != std::string::npos ? ScriptedAnswer{200, kLane}
                                                              : ScriptedAnswer{404, R"({"status":404,"detail":"no such lane"})"};
  });
  CtlRun run = CtlAt(broker, {"lanes", "http://x/#a"});
  CHECK(run.code == 0);
  CHECK_THAT(run.output, Catch::Contains("on_retry     skip (set for this lane)\n") && Catch::Contains("rate_per_s   2.5\n") &&
                             Catch::Contains("head age     1m 05s\n"));
  CHECK(broker.seen().at(0).target == "/v1/lanes/concurrent/http%3A%2F%2Fx%2F%23a");
  CHECK(CtlAt(broker, {"--json", "lanes", "http://x/#a", "--mode", "fifo"}).output == std::string(kLane) + "\n");
  run = CtlAt(broker, {"lanes", "http://x/#a", "--mode", "concurrent"});
  CHECK(run.code == 1);
  CHECK_THAT(run.error, Catch::Contains("no such lane"));
}

TEST_CASE("notifyctl lanes NAME: a name that no lane has exits with 1") {
  ScriptedServer broker(Always(404, R"({"status":404,"detail":"no such lane"})"));
  CHECK(CtlAt(broker, {"lanes", "l"}).code == 1);
}

TEST_CASE("notifyctl pause and resume: both modes, or the one that is named") {
  auto [command, body] = GENERATE(std::pair("pause", R"({"paused":true})"), std::pair("resume", R"({"paused":false})"));
  ScriptedServer broker(Always(200, kLane));
  CHECK(CtlAt(broker, {command, "http://x/a b"}).code == 0);
  CHECK(CtlAt(broker, {"--json", command, "l", "--mode", "fifo"}).output == std::string(kLane) + "\n");
  std::vector<SeenRequest> seen;
  for (const SeenRequest& request : broker.seen())
    if (request.method != "GET") seen.push_back(request);
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].method + seen[0].target == "PATCH/v1/lanes/concurrent/http%3A%2F%2Fx%2Fa%20b");
  CHECK(seen[1].method + seen[1].target == "PATCH/v1/lanes/fifo/http%3A%2F%2Fx%2Fa%20b");
  CHECK(seen[2].target == "/v1/lanes/fifo/l");
  for (const SeenRequest& request : seen) {
    CHECK(request.body == body);
    CHECK(request.Header("content-type") == "application/json");
  }
}

TEST_CASE("notifyctl pause --until: the lane goes on by itself then") {
  ScriptedServer broker(Always(200, kLane));
  CHECK(CtlAt(broker, {"pause", "l", "--mode", "fifo", "--until", "2027-03-01T08:00:00Z"}).code == 0);
  CHECK(broker.seen().back().body == R"({"paused":true,"paused_until":"2027-03-01T08:00:00Z"})");
  std::string paused = kLane;
  paused.replace(paused.find(R"("paused_by":"failure")"), 21, R"("paused_by":"request","paused_until":"2027-03-01T08:00:00.000Z")");
  ScriptedServer shown(Always(200, paused));
  CHECK(CtlAt(shown, {"lanes", "l", "--mode", "fifo"}).output.find("by request until 2027-03-01T08:00:00.000Z") != std::string::npos);
}

TEST_CASE("notifyctl pause --reason: why it is paused, since when and by whom, is kept and shown") {
  std::string paused = kLane;
  paused.replace(paused.find(R"("paused_by":"failure")"), 21,
                 R"("paused_by":"request","paused_since":"2027-03-01T07:00:00.000Z","paused_who":"token t1","paused_reason":"deployment")");
  ScriptedServer broker(Always(200, paused));
  CtlRun run = CtlAt(broker, {"pause", "l", "--mode", "fifo", "--reason", "deployment"});
  CHECK(broker.seen().back().body == R"({"paused":true,"reason":"deployment"})");
  CHECK_THAT(run.output, Catch::Contains("by token t1: deployment") && Catch::Contains("2027-03-01T07:00:00.000Z"));
}

TEST_CASE("notifyctl pause and resume: a name that no lane has is done, and said") {
  auto [command, mode] = GENERATE(std::pair("pause", ""), std::pair("pause", "fifo"), std::pair("resume", ""));
  ScriptedServer broker([](const SeenRequest& request) {
    return request.method == "GET" ? ScriptedAnswer{404, R"({"status":404,"detail":"no such lane"})"} : ScriptedAnswer{200, kLane};
  });
  std::vector<std::string> arguments = {command, "typo"};
  if (*mode) arguments.insert(arguments.end(), {"--mode", mode});
  CtlRun run = CtlAt(broker, arguments);
  CHECK(run.code == 0);
  CHECK_THAT(run.output, Catch::Contains("http://x/#a"));
  CHECK_THAT(run.error, Catch::StartsWith("notifyctl: there was no lane \"typo\" yet"));
}

TEST_CASE("notifyctl pause: of a new lane that is not paused, since that time is over, it is not said that anything waits") {
  const bool over = GENERATE(true, false);
  ScriptedServer broker([over](const SeenRequest& request) {
    const std::string lane = std::string(R"({"name":"new","mode":"fifo","paused":)") + (over ? "false}" : "true}");
    return request.method == "GET" ? ScriptedAnswer{404, R"({"status":404,"detail":"no such lane"})"} : ScriptedAnswer{200, lane};
  });
  CtlRun run = CtlAt(broker, {"pause", "new", "--mode", "fifo", "--until", "2020-01-01T00:00:00Z"});
  CHECK(run.code == 0);
  CHECK_THAT(run.error, Catch::Contains(over ? "nothing was paused" : "what is submitted to it from now on waits"));
}

TEST_CASE("notifyctl pause: of a lane that is there in either mode nothing is said") {
  ScriptedServer broker([](const SeenRequest& request) {
    bool missing = request.method == "GET" && request.target.find("/concurrent/") != std::string::npos;
    return missing ? ScriptedAnswer{404, "{}"} : ScriptedAnswer{200, kLane};
  });
  CtlRun run = CtlAt(broker, {"pause", "l"});
  CHECK(run.code == 0);
  CHECK(run.error.empty());
}

TEST_CASE("notifyctl pause --json without a mode: one document for both lanes") {
  ScriptedServer broker(Always(200, "{\"name\":\"l\"}"));
  CHECK(CtlAt(broker, {"--json", "pause", "l"}).output == "{\"items\":[{\"name\":\"l\"},{\"name\":\"l\"}],\"next\":null}\n");
}

TEST_CASE("notifyctl pause: where the second mode is refused, the first is shown and the exit code is 1") {
  std::atomic<int> calls{0};
  ScriptedServer broker([&](const SeenRequest& request) {
    if (request.method == "GET") return ScriptedAnswer{200, kLane};
    return ++calls == 1 ? ScriptedAnswer{200, "{\"name\":\"l\",\"mode\":\"concurrent\"}"}
                        : ScriptedAnswer{503, R"({"status":503,"detail":"stopping"})"};
  });
  CtlRun run = CtlAt(broker, {"pause", "l"});
  CHECK(run.code == 1);
  CHECK_THAT(run.output, Catch::Contains("concurrent"));
  CHECK_THAT(run.error, Catch::Contains("stopping"));
}

TEST_CASE("notifyctl configure: numbers as they are written, words as text, default as null") {
  ScriptedServer broker(Always(200, kLane));
  CHECK(CtlAt(broker, {"configure", "l", "--mode", "concurrent", "--concurrency", "8", "--rate", "2.50", "--burst", "default"}).code == 0);
  CHECK(CtlAt(broker, {"configure", "l", "--mode", "fifo", "--on-retry", "skip", "--on-failure", "default"}).code == 0);
  CHECK(broker.seen().at(0).method + broker.seen().at(0).target == "PATCH/v1/lanes/concurrent/l");
  CHECK(broker.seen().at(0).body == R"({"burst":null,"concurrency":8,"rate_per_s":2.50})");
  CHECK(broker.seen().at(1).body == R"({"on_failure":null,"on_retry":"skip"})");
}
