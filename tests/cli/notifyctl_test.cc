// notifyctl as a process, against a broker that answers as each case says.
#include <atomic>

#include "base/json_tree.h"
#include "base/status.h"
#include "cli/ctl.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

TEST_CASE("notifyctl: wrong usage exits with 2 and asks nobody") {
  ScriptedServer broker(Always(200, "{}"));
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"bogus"},
                                             {"get"},
                                             {"get", "n1", "n2"},
                                             {"submit"},
                                             {"submit", "http://x/", "--data", "{bad"},
                                             {"submit", "http://x/", "--priority", "high"},
                                             {"submit", "http://x/", "--header", "novalue"},
                                             {"submit", "http://x/", "--file", "f"},
                                             {"submit", "--file", "/no/such/file"},
                                             {"cancel"},
                                             {"cancel", "n1", "--fkey", "k"},
                                             {"list", "--limit", "0"},
                                             {"list", "--nope"},
                                             {"list", "--lane=", "--json"},
                                             {"cancel", "--state", "held", "--lane=", "--dry-run"},
                                             {"get", "n1", "--wait=soon"},
                                             {"trigger"},
                                             {"trigger", "k", "--data", "{"},
                                             {"trigger", "k", "--remember", "0"},
                                             {"trigger", "k", "--remember", "2592000001"},
                                             {"get", "n1", "--fkey", "k"},
                                             {"get", "--fkey", "k", "--wait"},
                                             {"trigger", ""},
                                             {"get", ""},
                                             {"get", "--fkey", ""},
                                             {"explain", ""},
                                             {"change", "", "--priority", "1"},
                                             {"cancel", ""},
                                             {"cancel", "--fkey", ""},
                                             {"retry", ""},
                                             {"purge", "--state", "failed", "--fkey", ""},
                                             {"purge", "--state", "failed", "--url-prefix", ""},
                                             {"purge", "--state", ""},
                                             {"lanes", ""},
                                             {"pause", ""},
                                             {"list", "--lane", ""},
                                             {"get", "n1", "--wait-ms", "soon"},
                                             {"explain"},
                                             {"submit", "http://x/", "--retry-factor", "two"},
                                             {"submit", "http://x/", "--retry-schedule-ms", "1,,2"},
                                             {"submit", "http://x/", "--retry", "{}", "--max-attempts", "2"},
                                             {"submit", "--file", "/"},
                                             {"change", "n1"},
                                             {"change", "--priority", "1"},
                                             {"change", "n1", "--reset", "url"},
                                             {"change", "n1", "--priority", "1", "--reset", "priority"},
                                             {"cancel", "n1", "--state", "held"},
                                             {"cancel", "--lane", "l"},
                                             {"cancel", "--fkey", "k", "--if-match", "v7"},
                                             {"cancel", "--state", "held", "--if-match", "v7"},
                                             {"cancel", "n1", "--if-match", ""},
                                             {"retry"},
                                             {"retry", "n1", "--dry-run"},
                                             {"retry", "--lane", "l"},
                                             {"retry", "--state", "failed", "--if-match", "v7"},
                                             {"retry", "n1", "--if-match", ""},
                                             {"purge"},
                                             {"purge", "--lane", "l"},
                                             {"lanes", "l", "--prefix", "p"},
                                             {"lanes", "--mode", "fifo"},
                                             {"pause"},
                                             {"pause", "l", "--mode", "lifo"},
                                             {"resume"},
                                             {"configure", "l", "--rate", "1"},
                                             {"configure", "l", "--mode", "fifo"},
                                             {"configure", "l", "--mode", "fifo", "--rate", "fast"},
                                             {"top", "--interval", "1"},
                                             {"top", "--sort", "name"},
                                             {"--generate", "pdf"}}) {
    std::vector<std::string> all = {"--server", broker.url()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    CtlRun run = Ctl(all);
    INFO(run.error << (arguments.empty() ? "" : arguments.back()));
    CHECK(run.code == 2);
    CHECK(run.output.empty());
    CHECK_FALSE(run.error.empty());
  }
  CHECK(Ctl({"--server", "ftp://x", "stats"}).code == 2);
  CHECK(Ctl({"--server", "", "stats"}).code == 2);
  CHECK(broker.seen().empty());
}

TEST_CASE("notifyctl: what is missing or wrong is said in a sentence, and once") {
  auto [arguments, said] = GENERATE(table<std::vector<std::string>, std::string>({
      {{"pause"}, "pause needs LANE: the lane's name"},
      {{"trigger"}, "trigger needs FKEY: the key that it is held under"},
      {{"explain"}, "explain needs ID: the notify's id"},
      {{"configure", "l", "--rate", "1"}, "configure needs --mode MODE: concurrent or fifo"},
      {{"submit", "--data"}, "--data needs a value"},
      {{"trigger", ""}, "fkey: must not be empty"},
      {{"submit", "http://x/", "--timeout", "5"}, "not expected: --timeout 5"},
      {{"explain", "n1", "n2", "--nope", "n3"}, "not expected: n2 --nope n3"},
      {{"submit", "http://x/", "--wait", "5000"}, "not expected: 5000; what --wait takes stands behind a =: --wait=5000"},
      {{"get", "--wait", "5000", "n1"}, "not expected: n1; what --wait takes stands behind a =: --wait=5000"},
      {{"change", "n1"}, "change needs at least one flag that says what to change"},
  }));
  CtlRun run = Ctl(arguments);
  CHECK(run.code == 2);
  CHECK(run.error == "notifyctl: " + said + "\nTry: notifyctl " + arguments[0] + " --help\n");
  CHECK(Ctl({"--server", "127.0.0.1:20003", "stats"}).error ==
        "notifyctl: --server: \"127.0.0.1:20003\" is not an http:// or https:// URL, such as http://127.0.0.1:20003\nTry: notifyctl --help\n");
  CHECK_THAT(Ctl({"namespace", "key", "create"}).error, Catch::EndsWith("Try: notifyctl namespace key create --help\n"));
  CHECK_THAT(Ctl({"namespace", "update", "n"}).error, Catch::EndsWith("Try: notifyctl namespace update --help\n"));
  CHECK_THAT(Ctl({"namespace", "key", "mint"}).error, Catch::EndsWith("Try: notifyctl namespace key --help\n"));
  CHECK_THAT(Ctl({"nope"}).error, Catch::EndsWith("Try: notifyctl --help\n"));
  for (const char* none : {"http://", "https://", "http:///x", "http://:80", "http://h:0"}) {
    run = Ctl({"--server", none, "stats"});
    CHECK(run.code == 2);
    CHECK(run.error == "notifyctl: --server: \"" + std::string(none) + "\" names no host, or none that can be\nTry: notifyctl --help\n");
  }
  CHECK_THAT(Ctl({"--server", "ftp://x", "stats"}).error, Catch::Contains("such as http://127.0.0.1:7300\n"));
  CHECK(Ctl({"submit", "http://x/", "--data", "{bad"}).error == "notifyctl: --data: not JSON\n");
  ScriptedServer broker(Always(200, "nonsense"));
  CHECK(CtlAt(broker, {"stats"}).error == "notifyctl: the answer is not JSON\n");
}

TEST_CASE("notifyctl: a broker that cannot be reached exits with 3") {
  CtlRun run = Ctl({"--server", "http://127.0.0.1:" + std::to_string(ClosedPort()), "stats"});
  CHECK(run.code == 3);
  CHECK_THAT(run.error, Catch::Contains("127.0.0.1"));
}

TEST_CASE("notifyctl: a refusal exits with 1 and its detail stands on standard error") {
  ScriptedServer broker(Always(422, R"({"type":"about:blank","title":"Unprocessable","status":422,"detail":"url must be absolute","field":"/url"})"));
  CtlRun run = Ctl({"--server", broker.url(), "submit", "nonsense"});
  CHECK(run.code == 1);
  CHECK(run.output.empty());
  CHECK_THAT(run.error, Catch::Contains("url must be absolute") && Catch::Contains("/url"));
}

TEST_CASE("notifyctl: a refusal that is no problem document names the status") {
  ScriptedServer broker(Always(502, "<html>"));
  CtlRun run = Ctl({"--server", broker.url(), "stats"});
  CHECK(run.code == 1);
  CHECK_THAT(run.error, Catch::Contains("502"));
}

TEST_CASE("notifyctl: NOTIFYD_URL names the broker, and --server goes before it") {
  ScriptedServer broker(Always(200, R"({"pid":1})"));
  CHECK(Ctl({"stats"}, {"NOTIFYD_URL=" + broker.url() + "/"}).code == 0);
  CHECK(Ctl({"stats", "--server", broker.url()}, {"NOTIFYD_URL=http://127.0.0.1:" + std::to_string(ClosedPort())}).code == 0);
  REQUIRE(broker.seen().size() == 2);
  CHECK(broker.seen()[0].target == "/v1/stats");
}

TEST_CASE("notifyctl: proxy variables are ignored") {
  ScriptedServer broker(Always(200, "{}"));
  std::string dead = "http://127.0.0.1:" + std::to_string(ClosedPort());
  CHECK(Ctl({"--server", broker.url(), "stats"}, {"http_proxy=" + dead, "ALL_PROXY=" + dead}).code == 0);
}

TEST_CASE("notifyctl submit: every flag becomes its field, JSON and numbers as they were written") {
  ScriptedServer broker(Always(201, R"({"id":"n1","state":"ready","due_at":"2026-01-01T00:00:00.000Z","lane":"l","mode":"fifo"})"));
  CtlRun run = Ctl({"--server",
                    broker.url(),
                    "submit",
                    "http://x/é?a=\"b\"",
                    "--method",
                    "PUT",
                    "--data",
                    "[1.10, 123456789012345678901234567890]",
                    "--delay",
                    "250",
                    "--header",
                    "X-A: 1: 2 ",
                    "-H",
                    "X-B:",
                    "--fkey",
                    "k",
                    "--on-held",
                    "keep",
                    "--lane",
                    "l",
                    "--group",
                    "g",
                    "--mode",
                    "fifo",
                    "--priority",
                    "7",
                    "--reply",
                    "none",
                    "--expect",
                    R"({"status":[200]})",
                    "--retry",
                    R"({"max_attempts":2})",
                    "--timeout-ms",
                    "5",
                    "--connect-timeout-ms",
                    "6",
                    "--ttl-ms",
                    "7",
                    "--idempotency-key",
                    "i",
                    "--caller",
                    "me",
                    "--callback-url",
                    "http://y/",
                    "--content-type",
                    "application/json"});
  INFO(run.error);
  REQUIRE(run.code == 0);
  REQUIRE(broker.seen().size() == 1);
  SeenRequest request = broker.seen()[0];
  CHECK(request.method == "POST");
  CHECK(request.target == "/v1/notifies");
  CHECK(request.Header("content-type") == "application/json");
  CHECK(
      request.body ==
      R"({"url":"http://x/é?a=\"b\"","method":"PUT","data":[1.10, 123456789012345678901234567890],"content_type":"application/json","delay_ms":250,)"
      R"("fkey":"k","on_held":"keep","lane":"l","group":"g","mode":"fifo","priority":7,"reply":"none","expect":{"status":[200]},)"
      R"("retry":{"max_attempts":2},"timeout_ms":5,"connect_timeout_ms":6,"ttl_ms":7,"idempotency_key":"i","caller":"me","callback_url":"http://y/",)"
      R"("headers":{"X-A":"1: 2","X-B":""}})");
  CHECK_THAT(run.output, Catch::Contains("id      n1\n") && Catch::Contains("state   ready\n"));
}

TEST_CASE("notifyctl submit: the parts of retry have flags of their own, in one object") {
  ScriptedServer broker(Always(201, R"({"id":"n1"})"));
  CtlRun run =
      CtlAt(broker, {"submit", "http://x/", "--max-attempts", "3", "--retry-initial-ms", "10", "--retry-factor", "1.50", "--retry-max-ms", "99",
                     "--retry-jitter", "0", "--fatal-on", R"({"status":["4xx"]})", "--later-on", R"({"status":[202]})", "--ttl", "60000"});
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(broker.seen().at(0).body ==
        R"({"url":"http://x/","retry":{"max_attempts":3,"initial_ms":10,"factor":1.50,"max_ms":99,"jitter":0,"fatal_on":{"status":["4xx"]},)"
        R"("later_on":{"status":[202]}},"ttl_ms":60000})");
  CHECK(CtlAt(broker, {"submit", "http://x/", "--retry-schedule-ms", "1000, 5000"}).code == 0);
  CHECK(broker.seen().at(1).body == R"({"url":"http://x/","retry":{"schedule_ms":[1000,5000]}})");
}

TEST_CASE("notifyctl submit: for how long idempotency keys are remembered is said in front of all ways to submit") {
  ScriptedServer broker(Always(200, R"({"id":"n1","state":"succeeded","attempts":[]})"));
  const std::vector<std::string> submit = {"submit", "http://x/", "--idempotency-key", "i", "--idempotency-window", "1000"};
  CHECK(CtlAt(broker, submit).code == 0);
  CHECK(broker.seen().back().target == "/v1/notifies?idempotency_window_ms=1000");
  std::vector<std::string> waits = submit;
  waits.push_back("--wait=50");
  CHECK(CtlAt(broker, waits).code == 0);
  CHECK(broker.seen().back().target == "/v1/notifies?idempotency_window_ms=1000&wait_ms=50");
  TempDir dir;
  const std::string lines = dir.Write("lines", "{\"url\":\"http://x/\"}\n");
  CtlAt(broker, {"submit", "--file", lines, "--idempotency-window-ms", "2000"});
  CHECK(broker.seen().back().target == "/v1/notifies?idempotency_window_ms=2000");
  CHECK(CtlAt(broker, {"submit", "http://x/", "--idempotency-window", "0"}).code == 2);
}

TEST_CASE("notifyctl: a flag with a name of its own has its field's name as well") {
  ScriptedServer broker(Always(200, "{\"name\":\"l\",\"state\":\"ready\"}"));
  CHECK(CtlAt(broker, {"submit", "http://x/", "--retry-max-attempts", "3", "--retry-fatal-on", "{}", "--retry-later-on", "{}", "--headers", "A: b"})
            .code == 0);
  CHECK(broker.seen().back().body == R"({"url":"http://x/","retry":{"max_attempts":3,"fatal_on":{},"later_on":{}},"headers":{"A":"b"}})");
  CHECK(CtlAt(broker, {"trigger", "k", "--remember-ms", "5"}).code == 0);
  CHECK(broker.seen().back().target == "/v1/fkeys/k/trigger?remember_ms=5");
  CHECK(CtlAt(broker, {"configure", "l", "--mode", "fifo", "--rate-per-s", "2.5"}).code == 0);
  CHECK(broker.seen().back().body == R"({"rate_per_s":2.5})");
  CHECK(CtlAt(broker, {"get", "n1", "--wait-ms", "1"}).code == 0);
  CHECK(broker.seen().back().target == "/v1/notifies/n1");
}

TEST_CASE("notifyctl submit: times are RFC 3339 or milliseconds") {
  ScriptedServer broker(Always(201, R"({"id":"n1"})"));
  CHECK(Ctl({"--server", broker.url(), "submit", "--url", "http://x/", "--due-at", "2030-01-01T00:00:00Z", "--expires-at", "1893456000000"}).code ==
        0);
  REQUIRE(broker.seen().size() == 1);
  CHECK(broker.seen()[0].body == R"({"url":"http://x/","due_at":"2030-01-01T00:00:00Z","expires_at":1893456000000})");
}

TEST_CASE("notifyctl trigger: the key is encoded, data and delay go in the body") {
  ScriptedServer broker(Always(202, R"({"id":"n1","state":"ready"})"));
  CHECK(Ctl({"--server", broker.url(), "trigger", "a/b c", "--data", R"({"x":1})", "--delay-ms", "5"}).code == 0);
  CHECK(Ctl({"--server", broker.url(), "trigger", "k"}).code == 0);
  REQUIRE(broker.seen().size() == 2);
  CHECK(broker.seen()[0].target == "/v1/fkeys/a%2Fb%20c/trigger");
  CHECK(broker.seen()[0].body == R"({"data":{"x":1},"delay_ms":5})");
  CHECK(broker.seen()[1].method == "POST");
  CHECK(broker.seen()[1].body.empty());
}

TEST_CASE("notifyctl trigger --remember: says for how long, and prints what the broker says") {
  ScriptedServer broker(Always(202, R"({"remembered":true})"));
  CtlRun run = CtlAt(broker, {"trigger", "k", "--remember", "60000", "--data", "{}"});
  CHECK(run.code == 0);
  CHECK(run.output == "remembered  true\n");
  CHECK(broker.seen().at(0).target == "/v1/fkeys/k/trigger?remember_ms=60000");
  CHECK(broker.seen().at(0).body == R"({"data":{}})");
}

TEST_CASE("notifyctl get: a table of the fields and one of the attempts; --json prints the answer") {
  std::string body =
      R"({"id":"n1","state":"failed","reason":null,"data":{"n":12345678901234567890123},"attempts":[)"
      R"({"number":1,"started_at":"2026-01-01T00:00:00.000Z","duration_ms":12,"status":500,"error":"unexpected_answer","detail":"x"}]})";
  ScriptedServer broker(Always(200, body));
  CtlRun run = Ctl({"--server", broker.url(), "get", "n1"});
  CHECK(run.code == 0);
  CHECK(run.output ==
        "id     n1\nstate  failed\ndata   {\"n\":12345678901234567890123}\n\n"
        "ATTEMPT  STARTED                   MS  STATUS  ERROR              DETAIL\n"
        "1        2026-01-01T00:00:00.000Z  12  500     unexpected_answer  x\n");
  CHECK(Ctl({"--server", broker.url(), "--json", "get", "n1"}).output == body + "\n");
}

TEST_CASE("notifyctl get: what came back stands below the attempts, where something did, escaped and cut") {
  std::string much(1000, 'x');
  ScriptedServer broker(Always(
      200, R"({"id":"n1","attempts":[{"number":1,"status":null,"response_body":""},{"number":2,"status":500,"response_body":"no\u001b[2J\nroom"},)"
           R"({"number":3,"status":502,"response_body":")" +
               much + R"("}]})"));
  CtlRun run = CtlAt(broker, {"get", "n1"});
  CHECK(run.code == 0);
  size_t at = run.output.find("\n\nATTEMPT  CAME BACK\n");
  REQUIRE(at != std::string::npos);
  CHECK(run.output.substr(at + 2) == "ATTEMPT  CAME BACK\n2        no\\u001b[2J\\nroom\n3        " + much.substr(0, 397) + "...\n");
}

TEST_CASE("notifyctl get: the ETag stands among the fields; --fkey asks for what is held under a key") {
  ScriptedServer broker([](const SeenRequest&) {
    return ScriptedAnswer{200, R"({"id":"n1","attempts":[]})", "application/json", "ETag: \"v7\"\r\n"};
  });
  CHECK(CtlAt(broker, {"get", "n1"}).output == "id    n1\netag  \"v7\"\n");
  CHECK(CtlAt(broker, {"get", "--fkey", "a/b"}).code == 0);
  CHECK(broker.seen().at(1).target == "/v1/fkeys/a%2Fb");
}

TEST_CASE("notifyctl explain: the reasons as a table, the answer with --json") {
  std::string body = R"({"id":"n1","state":"ready","reasons":[{"code":"lane_paused","detail":"the lane is paused by request"}],"expected_at":null})";
  ScriptedServer broker(Always(200, body));
  CHECK(CtlAt(broker, {"explain", "n1"}).output == "id     n1\nstate  ready\n\nREASON       DETAIL\nlane_paused  the lane is paused by request\n");
  CHECK(CtlAt(broker, {"--json", "explain", "n1"}).output == body + "\n");
  CHECK(broker.seen().at(0).target == "/v1/notifies/n1/explain");
}

TEST_CASE("notifyctl change: flags become a merge patch, with If-Match") {
  ScriptedServer broker([](const SeenRequest&) {
    return ScriptedAnswer{200, R"({"id":"n1","priority":9})", "application/json", "ETag: \"v8\"\r\n"};
  });
  CtlRun run = CtlAt(broker, {"change", "n1", "--priority", "9", "--max-attempts", "2", "--header", "X-A: 1", "--remove-header", "X-B", "--reset",
                              "ttl_ms", "--due-at", "2030-01-01T00:00:00Z", "--if-match", "\"v7\""});
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK_THAT(run.output, Catch::Contains("priority  9\n") && Catch::Contains("\"v8\""));
  SeenRequest request = broker.seen().at(0);
  CHECK(request.method == "PATCH");
  CHECK(request.target == "/v1/notifies/n1");
  CHECK(request.Header("content-type") == "application/merge-patch+json");
  CHECK(request.Header("if-match") == "\"v7\"");
  CHECK(request.body ==
        R"({"due_at":"2030-01-01T00:00:00Z","priority":9,"retry":{"max_attempts":2},"headers":{"X-A":"1","X-B":null},"ttl_ms":null})");
}

TEST_CASE("notifyctl change: an ETag that lost its quotes in the shell gets them again") {
  struct Row {
    const char *given, *sent;
  };
  auto row = GENERATE(values<Row>({{"v7", "\"v7\""},
                                   {"\"v7\"", "\"v7\""},
                                   {"*", "*"},
                                   {"W/\"v7\"", "W/\"v7\""},
                                   {"W/v7", "W/\"v7\""},
                                   {"v7, v8", "\"v7\", \"v8\""},
                                   {"\"v7\", \"v8\"", "\"v7\", \"v8\""}}));
  CAPTURE(row.given);
  ScriptedServer broker(Always(200, R"({"id":"n1"})"));
  CHECK(CtlAt(broker, {"change", "n1", "--priority", "9", "--if-match", row.given}).code == 0);
  CHECK(broker.seen().at(0).Header("if-match") == row.sent);
}

TEST_CASE("notifyctl change: an empty --if-match is refused, not left out") {
  ScriptedServer broker(Always(200, R"({"id":"n1"})"));
  CtlRun run = CtlAt(broker, {"change", "n1", "--priority", "9", "--if-match", ""});
  CHECK(run.code == 2);
  CHECK_THAT(run.error, Catch::Contains("--if-match") && Catch::Contains("must not be empty"));
  CHECK(broker.seen().empty());
}

TEST_CASE("notifyctl --json: the ETag of the header is the last member of the answer") {
  for (const char* body : {R"({"id":"n1","priority":9})", " {\"id\":\"n1\",\"priority\":9} \n"}) {
    ScriptedServer broker([&](const SeenRequest&) { return ScriptedAnswer{200, body, "application/json", "ETag: \"v8\"\r\n"}; });
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"get", "n1"}, {"get", "--wait", "n1"}, {"change", "n1", "--priority", "9"}}) {
      std::vector<std::string> arguments = {"--json"};
      arguments.insert(arguments.end(), words.begin(), words.end());
      Result<JsonTree> tree = JsonTree::Parse(CtlAt(broker, arguments).output);
      REQUIRE(tree.ok());
      CHECK(tree->root().At("/etag")->text() == "\"v8\"");
      CHECK(tree->root().At("/priority")->raw() == "9");
    }
  }
  ScriptedServer none([](const SeenRequest&) { return ScriptedAnswer{200, "{}", "application/json", "ETag: \"v8\"\r\n"}; });
  CHECK(CtlAt(none, {"--json", "get", "n1"}).output == "{\"etag\":\"\\\"v8\\\"\"}\n");
}

TEST_CASE("notifyctl change: a refusal exits with 1") {
  ScriptedServer broker(Always(412, R"({"status":412,"detail":"the ETag is another one"})"));
  CtlRun run = CtlAt(broker, {"change", "n1", "--body", "x", "--if-match", "\"v7\""});
  CHECK(run.code == 1);
  CHECK_THAT(run.error, Catch::Contains("the ETag is another one"));
}

TEST_CASE("notifyctl get --wait: asks again until the notify is settled") {
  std::atomic<int> calls{0};
  ScriptedServer broker([&](const SeenRequest&) { return ScriptedAnswer{200, ++calls < 3 ? R"({"state":"ready"})" : R"({"state":"succeeded"})"}; });
  CtlRun run = Ctl({"--server", broker.url(), "get", "--wait", "n1"});
  CHECK(run.code == 0);
  CHECK_THAT(run.output, Catch::Contains("succeeded"));
  REQUIRE(broker.seen().size() == 3);
  CHECK(broker.seen()[0].target == "/v1/notifies/n1?wait_ms=60000");
}

TEST_CASE("notifyctl get --wait: goes on when a broker that stops answers 503, for a while") {
  std::atomic<int> calls{0};
  ScriptedServer broker([&](const SeenRequest&) {
    int call = ++calls;
    if (call == 1) return ScriptedAnswer{200, R"({"state":"ready"})"};
    return call < 4 ? ScriptedAnswer{503, R"({"status":503,"detail":"stopping"})"} : ScriptedAnswer{200, R"({"state":"succeeded"})"};
  });
  CtlRun run = CtlAt(broker, {"get", "--wait", "n1"});
  CHECK(run.code == 0);
  CHECK(run.error.empty());
  CHECK(calls == 4);
  calls = 1;
  run = CtlAt(broker, {"get", "--wait", "--reconnect-ms", "0", "n1"});
  CHECK(run.code == 1);
  CHECK_THAT(run.error, Catch::Contains("stopping"));
}

TEST_CASE("notifyctl get --wait: a broker that goes away is looked for as long as was said, one that was never there is not") {
  auto broker = std::make_unique<ScriptedServer>(
      [](StreamedRequest* request) { request->Send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 17\r\n\r\n{\"state\":\"ready\"}"); });
  std::vector<std::string> arguments = {"--server", broker->url(), "get", "--wait", "--reconnect-ms", "300", "n1"};
  Process process(NOTIFYCTL_BINARY, {arguments, {}});
  REQUIRE(broker->WaitFor(2).size() >= 2);
  broker.reset();
  CHECK(process.Wait() == 3);
  CHECK_THAT(process.error(), Catch::Contains("127.0.0.1"));
  arguments[5] = "600000";
  CHECK(Ctl(arguments).code == 3);
}

TEST_CASE("notifyctl get --wait: a broker that goes away during the first question is looked for, as long as was said") {
  std::atomic<int> asked{0};
  ScriptedServer broker([&](StreamedRequest* request) {
    // Killed: the connection ends without an answer. Then it is there again.
    if (++asked > 1) request->Send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 21\r\n\r\n{\"state\":\"succeeded\"}");
  });
  CtlRun run = CtlAt(broker, {"get", "--wait", "n1"});
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(run.error.empty());
  CHECK_THAT(run.output, Catch::Contains("succeeded"));
  CHECK(asked == 2);
  // Half an answer is none either.
  ScriptedServer halting([&](StreamedRequest* request) { request->Send("HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{\"sta"); });
  CHECK(CtlAt(halting, {"get", "--wait", "--reconnect-ms", "300", "n1"}).code == 3);
  CHECK(halting.seen().size() > 1);
  CHECK(CtlAt(halting, {"get", "--wait", "--reconnect-ms", "0", "n1"}).code == 3);
  // What speaks no HTTP is no broker, and without --wait nobody waits.
  ScriptedServer other([&](StreamedRequest* request) { request->Send("220 ready\r\n"); });
  CHECK(CtlAt(other, {"get", "--wait", "--reconnect-ms", "600000", "n1"}).code == 3);
  CHECK(other.seen().size() == 1);
  asked = 0;
  CHECK(CtlAt(broker, {"get", "n1"}).code == 3);
  CHECK(asked == 1);
}

TEST_CASE("notifyctl get --wait=MS: asks with that time, and takes what it gets at its end") {
  ScriptedServer broker(Always(200, R"({"state":"ready"})"));
  CtlRun run = Ctl({"--server", broker.url(), "get", "n1", "--wait=1"});
  CHECK(run.code == 0);
  CHECK_THAT(run.output, Catch::Contains("ready"));
  CHECK(broker.seen().back().target == "/v1/notifies/n1");
}

TEST_CASE("notifyctl list: filters become parameters, pages are followed up to the limit") {
  ScriptedServer broker([](const SeenRequest& request) {
    bool first = request.target.find("cursor") == std::string::npos;
    return ScriptedAnswer{
        200, first ? R"({"items":[{"id":"n3","state":"held","due_at":null,"attempts_made":0,"method":"POST","url":"http://x/"}],"next":"c1"})"
                   : R"({"items":[{"id":"n1","state":"failed","due_at":"t","attempts_made":2,"method":"GET","url":"http://y/"}],"next":null})"};
  });
  CtlRun run = Ctl({"--server", broker.url(), "list", "--state", "held,failed", "--lane", "a&b", "--created-after", "2026-01-01T00:00:00+01:00"});
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(run.output ==
        "ID  STATE   DUE  ATTEMPTS  METHOD  URL\n"
        "n3  held    -    0         POST    http://x/\n"
        "n1  failed  t    2         GET     http://y/\n");
  REQUIRE(broker.seen().size() == 2);
  CHECK(broker.seen()[0].target == "/v1/notifies?created_after=2026-01-01T00%3A00%3A00%2B01%3A00&lane=a%26b&limit=100&state=held%2Cfailed");
  CHECK_THAT(broker.seen()[1].target, Catch::Contains("cursor=c1") && Catch::Contains("limit=99"));
}

TEST_CASE("notifyctl list: every filter has a flag") {
  ScriptedServer broker(Always(200, R"({"items":[],"next":null})"));
  CHECK(CtlAt(broker, {"list", "--state", "held", "--lane", "l", "--mode", "fifo", "--fkey", "k", "--fkey-prefix", "p", "--caller", "c",
                       "--url-prefix", "http://x", "--created-after", "1", "--created-before", "2"})
            .code == 0);
  CHECK(
      broker.seen().at(0).target ==
      "/v1/notifies?caller=c&created_after=1&created_before=2&fkey=k&fkey_prefix=p&lane=l&limit=100&mode=fifo&state=held&url_prefix=http%3A%2F%2Fx");
}

TEST_CASE("notifyctl list: a broker that goes round in circles is left") {
  ScriptedServer broker(Always(200, R"({"items":[],"next":"c1"})"));
  CtlRun run = CtlAt(broker, {"list"});
  CHECK(run.code == 1);
  CHECK_THAT(run.error, Catch::Contains("same cursor"));
}

TEST_CASE("notifyctl list --limit: stops at the limit and says how to go on") {
  ScriptedServer broker(Always(200, R"({"items":[{"id":"n3"}],"next":"c1"})"));
  CtlRun run = Ctl({"--server", broker.url(), "list", "--limit", "1"});
  CHECK(run.code == 0);
  CHECK_THAT(run.error, Catch::Contains("--cursor c1"));
  CHECK(Ctl({"--server", broker.url(), "--json", "list", "--limit", "1"}).output == "{\"items\":[{\"id\":\"n3\"}],\"next\":\"c1\"}\n");
}

TEST_CASE("notifyctl cancel and retry: the right method and path") {
  ScriptedServer broker(Always(200, R"({"id":"n1","state":"cancelled","url":"http://x/"})"));
  CHECK(Ctl({"--server", broker.url(), "cancel", "n1"}).output == "id     n1\nstate  cancelled\n");
  CHECK(Ctl({"--server", broker.url(), "cancel", "--fkey", "a b"}).code == 0);
  CHECK(Ctl({"--server", broker.url(), "retry", "n1"}).code == 0);
  std::vector<SeenRequest> seen = broker.seen();
  REQUIRE(seen.size() == 3);
  CHECK((seen[0].method + seen[0].target) == "DELETE/v1/notifies/n1");
  CHECK((seen[1].method + seen[1].target) == "DELETE/v1/fkeys/a%20b");
  CHECK((seen[2].method + seen[2].target) == "POST/v1/notifies/n1/retry");
}

TEST_CASE("notifyctl cancel and retry: --if-match goes along, and without it no condition does") {
  ScriptedServer broker(Always(200, R"({"id":"n1","state":"cancelled"})"));
  CHECK(CtlAt(broker, {"cancel", "n1", "--if-match", "v7"}).code == 0);
  CHECK(CtlAt(broker, {"retry", "n1", "--if-match", "\"v7\""}).code == 0);
  CHECK(CtlAt(broker, {"retry", "n1", "--paused", "--if-match", "v7"}).code == 0);
  CHECK(CtlAt(broker, {"cancel", "n1"}).code == 0);
  CHECK(CtlAt(broker, {"retry", "n1"}).code == 0);
  std::vector<SeenRequest> seen = broker.seen();
  REQUIRE(seen.size() == 5);
  for (size_t i = 0; i < 3; ++i) CHECK(seen[i].Header("if-match") == "\"v7\"");
  CHECK(seen[2].target == "/v1/notifies/n1/retry?paused=true");
  for (size_t i = 3; i < 5; ++i) CHECK(seen[i].Header("if-match").empty());
}

TEST_CASE("notifyctl verify: exits with 0 where the books balance, else 1") {
  auto stats = [](int succeeded) {
    return R"({"states":{"held":1,"scheduled":2,"ready":3,"sending":4,"retrying":5},"totals":{"accepted":100,"revived":2,"succeeded":)" +
           std::to_string(succeeded) + R"(,"failed":10,"cancelled":6,"expired":7,"attempts":1,"retries":0}})";
  };
  ScriptedServer good(Always(200, stats(64))), bad(Always(200, stats(63))), broken(Always(200, "{}"));
  CtlRun run = Ctl({"--server", good.url(), "verify"});
  CHECK(run.code == 0);
  CHECK_THAT(run.output, Catch::Contains("the books balance") && Catch::Contains("accepted + revived  102"));
  CHECK(Ctl({"--server", good.url(), "--json", "verify"}).output ==
        "{\"balance\":true,\"accepted_and_revived\":102,\"pending\":15,\"settled\":87}\n");
  CHECK(Ctl({"--server", bad.url(), "verify"}).code == 1);
  CHECK(Ctl({"--server", broken.url(), "verify"}).code == 1);
}

TEST_CASE("notifyctl: help and version exit with 0, and help names every command") {
  CtlRun run = Ctl({"--help"});
  CHECK(run.code == 0);
  for (const char* command : {"submit", "trigger", "get", "explain", "list", "change", "cancel", "retry", "purge", "lanes", "pause", "resume",
                              "configure", "stats", "verify", "top", "version"}) {
    CHECK_THAT(run.output, Catch::Contains(std::string("  ") + command + " "));
    CHECK(Ctl({command, "--help"}).code == 0);
  }
  CHECK_THAT(Ctl({"version"}).output, Catch::StartsWith("notifyctl "));
  for (const char* flag : {"--version", "-V"}) CHECK(Ctl({flag}).output == Ctl({"version"}).output);
  CHECK(Ctl({"--json", "-V"}).output == Ctl({"--json", "version"}).output);
  CHECK_THAT(Ctl({"--json", "version"}).output, Catch::StartsWith("{\"version\":\"") && Catch::EndsWith("\"}\n"));
}
