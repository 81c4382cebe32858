// notifyctl as a process, against a broker that answers as each case says.
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "broker/json_tree.h"
#include "cli/process.h"
#include "cli/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

struct Run {
  int code = 0;
  std::string output, error;
};

Run Ctl(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {}, const std::string& stdin_file = "/dev/null") {
  Process process(NOTIFYCTL_BINARY, {arguments, environment, stdin_file});
  Run run;
  run.code = process.Wait();
  run.output = process.output();
  run.error = process.error();
  return run;
}

ScriptedServer::Handler Always(int status, const std::string& body) {
  return [=](const SeenRequest&) { return ScriptedAnswer{status, body}; };
}

/// A broker that accepts batches: ids n1, n2, ... in order.
struct BatchBroker {
  std::mutex mutex;
  int next = 1;
  size_t most_items = 1000;

  ScriptedAnswer operator()(const SeenRequest& request) {
    std::lock_guard<std::mutex> lock(mutex);
    Result<JsonTree> tree = JsonTree::Parse(request.body);
    if (!tree.ok()) return {400, R"({"status":400,"detail":"malformed"})"};
    if (tree->root().size() > most_items) return {413, R"({"status":413,"detail":"too many"})"};
    std::string items;
    std::optional<std::string> refusal;
    size_t index = 0;
    tree->root().ForEach([&](JsonTree::Value, JsonTree::Value item) {
      if (item.At("/bad")) refusal = R"({"status":422,"detail":"bad is unknown","field":"/)" + std::to_string(index) + R"(/bad"})";
      ++index;
    });
    if (refusal) return {422, *refusal};
    for (size_t i = 0; i < index; ++i) items += (i ? "," : "") + std::string("{\"id\":\"n") + std::to_string(next++) + "\"}";
    return {201, "{\"items\":[" + items + "]}"};
  }
};

std::string Lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "{\"url\":\"http://x/" + std::to_string(i) + "\"}\n";
  return text;
}

}  // namespace

TEST_CASE("notifyctl: wrong usage exits with 2 and asks nobody") {
  ScriptedServer broker(Always(200, "{}"));
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{{},
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
                                                                                         {"get", "n1", "--wait=soon"},
                                                                                         {"trigger"},
                                                                                         {"trigger", "k", "--data", "{"},
                                                                                         {"explain", "n1"},
                                                                                         {"submit", "http://x/", "--callback-url", "http://y/"}}) {
    std::vector<std::string> all = {"--server", broker.url()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    Run run = Ctl(all);
    INFO(run.error << (arguments.empty() ? "" : arguments.back()));
    CHECK(run.code == 2);
    CHECK(run.output.empty());
    CHECK_FALSE(run.error.empty());
  }
  CHECK(Ctl({"--server", "ftp://x", "stats"}).code == 2);
  CHECK(broker.seen().empty());
}

TEST_CASE("notifyctl: a broker that cannot be reached exits with 3") {
  Run run = Ctl({"--server", "http://127.0.0.1:" + std::to_string(ClosedPort()), "stats"});
  CHECK(run.code == 3);
  CHECK_THAT(run.error, Catch::Contains("127.0.0.1"));
}

TEST_CASE("notifyctl: a refusal exits with 1 and its detail stands on standard error") {
  ScriptedServer broker(Always(422, R"({"type":"about:blank","title":"Unprocessable","status":422,"detail":"url must be absolute","field":"/url"})"));
  Run run = Ctl({"--server", broker.url(), "submit", "nonsense"});
  CHECK(run.code == 1);
  CHECK(run.output.empty());
  CHECK_THAT(run.error, Catch::Contains("url must be absolute") && Catch::Contains("/url"));
}

TEST_CASE("notifyctl: a refusal that is no problem document names the status") {
  ScriptedServer broker(Always(502, "<html>"));
  Run run = Ctl({"--server", broker.url(), "stats"});
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
  Run run = Ctl({"--server",
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
      R"("retry":{"max_attempts":2},"timeout_ms":5,"connect_timeout_ms":6,"ttl_ms":7,"idempotency_key":"i","caller":"me",)"
      R"("headers":{"X-A":"1: 2","X-B":""}})");
  CHECK_THAT(run.output, Catch::Contains("id      n1\n") && Catch::Contains("state   ready\n"));
}

TEST_CASE("notifyctl submit: times are RFC 3339 or milliseconds") {
  ScriptedServer broker(Always(201, R"({"id":"n1"})"));
  CHECK(Ctl({"--server", broker.url(), "submit", "--url", "http://x/", "--due-at", "2030-01-01T00:00:00Z", "--expires-at", "1893456000000"}).code ==
        0);
  REQUIRE(broker.seen().size() == 1);
  CHECK(broker.seen()[0].body == R"({"url":"http://x/","due_at":"2030-01-01T00:00:00Z","expires_at":1893456000000})");
}

TEST_CASE("notifyctl submit --file: lines go in batches of a thousand, in order, blank ones left out") {
  ScriptedServer broker([state = std::make_shared<BatchBroker>()](const SeenRequest& request) { return (*state)(request); });
  TempDir dir;
  Run run = Ctl({"--server", broker.url(), "submit", "--file", dir.Write("f", "\n" + Lines(2500) + "  \r\n")});
  INFO(run.error);
  CHECK(run.code == 0);
  CHECK(run.output == "submitted 2,500 notifies: n1 to n2500\n");
  CHECK(run.error.empty());  // no progress bar where standard error is no terminal
  std::vector<SeenRequest> seen = broker.seen();
  REQUIRE(seen.size() == 3);
  std::string all;
  for (const SeenRequest& request : seen) all += request.body;
  size_t at = 0;
  for (int i = 0; i < 2500; ++i) {
    size_t found = all.find("\"http://x/" + std::to_string(i) + "\"", at);
    REQUIRE(found != std::string::npos);
    at = found;
  }
}

TEST_CASE("notifyctl submit --file -: reads standard input, and prints JSON lines with --json") {
  ScriptedServer broker([state = std::make_shared<BatchBroker>()](const SeenRequest& request) { return (*state)(request); });
  TempDir dir;
  Run run = Ctl({"--server", broker.url(), "--json", "submit", "-f", "-"}, {}, dir.Write("f", Lines(2)));
  CHECK(run.code == 0);
  CHECK(run.output == "{\"id\":\"n1\"}\n{\"id\":\"n2\"}\n");
}

TEST_CASE("notifyctl submit --file: a refused batch names the line, and what was accepted before") {
  ScriptedServer broker([state = std::make_shared<BatchBroker>()](const SeenRequest& request) { return (*state)(request); });
  TempDir dir;
  std::string text = Lines(1000) + "\n" + Lines(2) + "{\"url\":\"http://x/\",\"bad\":1}\n" + Lines(5);
  Run run = Ctl({"--server", broker.url(), "submit", "-f", dir.Write("f", text)});
  CHECK(run.code == 1);
  CHECK_THAT(run.error, Catch::Contains("line 1004: bad is unknown (/bad)") && Catch::Contains("accepted up to line 1000, 1,000 notifies"));
  CHECK(broker.seen().size() == 2);
}

TEST_CASE("notifyctl submit --file: a line that is no JSON object is named, those before it are submitted") {
  ScriptedServer broker([state = std::make_shared<BatchBroker>()](const SeenRequest& request) { return (*state)(request); });
  TempDir dir;
  Run run = Ctl({"--server", broker.url(), "submit", "-f", dir.Write("f", Lines(2) + "{\"url\":\"a\"},{\"url\":\"b\"}\n" + Lines(1))});
  CHECK(run.code == 1);
  CHECK_THAT(run.error, Catch::Contains("line 3: not JSON") && Catch::Contains("accepted up to line 2, 2 notifies"));
  CHECK_THAT(run.output, Catch::Contains("submitted 2 notifies: n1 to n2"));
}

TEST_CASE("notifyctl submit --file: a broker with a lower limit gets smaller batches") {
  auto state = std::make_shared<BatchBroker>();
  state->most_items = 100;
  ScriptedServer broker([state](const SeenRequest& request) { return (*state)(request); });
  TempDir dir;
  Run run = Ctl({"--server", broker.url(), "submit", "-f", dir.Write("f", Lines(300))});
  CHECK(run.code == 0);
  CHECK(run.output == "submitted 300 notifies: n1 to n300\n");
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

TEST_CASE("notifyctl get: a table of the fields and one of the attempts; --json prints the answer") {
  std::string body =
      R"({"id":"n1","state":"failed","reason":null,"data":{"n":12345678901234567890123},"attempts":[)"
      R"({"number":1,"started_at":"2026-01-01T00:00:00.000Z","duration_ms":12,"status":500,"error":"unexpected_answer","detail":"x"}]})";
  ScriptedServer broker(Always(200, body));
  Run run = Ctl({"--server", broker.url(), "get", "n1"});
  CHECK(run.code == 0);
  CHECK(run.output ==
        "id     n1\nstate  failed\ndata   {\"n\":12345678901234567890123}\n\n"
        "ATTEMPT  STARTED                   MS  STATUS  ERROR              DETAIL\n"
        "1        2026-01-01T00:00:00.000Z  12  500     unexpected_answer  x\n");
  CHECK(Ctl({"--server", broker.url(), "--json", "get", "n1"}).output == body + "\n");
}

TEST_CASE("notifyctl get --wait: asks again until the notify is settled") {
  std::atomic<int> calls{0};
  ScriptedServer broker([&](const SeenRequest&) { return ScriptedAnswer{200, ++calls < 3 ? R"({"state":"ready"})" : R"({"state":"succeeded"})"}; });
  Run run = Ctl({"--server", broker.url(), "get", "--wait", "n1"});
  CHECK(run.code == 0);
  CHECK_THAT(run.output, Catch::Contains("succeeded"));
  REQUIRE(broker.seen().size() == 3);
  CHECK(broker.seen()[0].target == "/v1/notifies/n1?wait_ms=60000");
}

TEST_CASE("notifyctl get --wait=MS: asks with that time, and takes what it gets at its end") {
  ScriptedServer broker(Always(200, R"({"state":"ready"})"));
  Run run = Ctl({"--server", broker.url(), "get", "n1", "--wait=1"});
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
  Run run = Ctl({"--server", broker.url(), "list", "--state", "held,failed", "--lane", "a&b", "--created-after", "2026-01-01T00:00:00+01:00"});
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

TEST_CASE("notifyctl list --limit: stops at the limit and says how to go on") {
  ScriptedServer broker(Always(200, R"({"items":[{"id":"n3"}],"next":"c1"})"));
  Run run = Ctl({"--server", broker.url(), "list", "--limit", "1"});
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

TEST_CASE("notifyctl verify: exits with 0 where the books balance, else 1") {
  auto stats = [](int succeeded) {
    return R"({"states":{"held":1,"scheduled":2,"ready":3,"sending":4,"retrying":5},"totals":{"accepted":100,"revived":2,"succeeded":)" +
           std::to_string(succeeded) + R"(,"failed":10,"cancelled":6,"expired":7,"attempts":1,"retries":0}})";
  };
  ScriptedServer good(Always(200, stats(64))), bad(Always(200, stats(63))), broken(Always(200, "{}"));
  Run run = Ctl({"--server", good.url(), "verify"});
  CHECK(run.code == 0);
  CHECK_THAT(run.output, Catch::Contains("the books balance") && Catch::Contains("accepted + revived  102"));
  CHECK(Ctl({"--server", good.url(), "--json", "verify"}).output ==
        "{\"balance\":true,\"accepted_and_revived\":102,\"pending\":15,\"settled\":87}\n");
  CHECK(Ctl({"--server", bad.url(), "verify"}).code == 1);
  CHECK(Ctl({"--server", broken.url(), "verify"}).code == 1);
}

TEST_CASE("notifyctl: help and version exit with 0, and name what is built only") {
  Run run = Ctl({"--help"});
  CHECK(run.code == 0);
  for (const char* command : {"submit", "trigger", "get", "list", "cancel", "retry", "stats", "verify", "version"})
    CHECK_THAT(run.output, Catch::Contains(command));
  for (const char* later : {"explain", "purge", "pause", "resume", "lanes", "top"})
    CHECK_THAT(run.output, !Catch::Contains(std::string("  ") + later + " "));
  CHECK(Ctl({"get", "--help"}).code == 0);
  CHECK_THAT(Ctl({"version"}).output, Catch::StartsWith("notifyctl "));
  CHECK_THAT(Ctl({"--json", "version"}).output, Catch::StartsWith("{\"version\":\"") && Catch::EndsWith("\"}\n"));
}
