// What notifyctl prints: that it arrives, that it cannot steer the terminal that it is shown on, and what it says where no answer came.
#include <atomic>

#include "cli/ctl.h"
#include "support/sockets.h"
#include "support/terminal_process.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

// A C1 control, DEL, an override and a zero-width space.
const std::string kNasty =
    "\xc2\x9b"
    "2J\x7f\xe2\x80\xae\xe2\x80\x8b";
const std::string kEscaped = "\\u009b2J\\u007f\\u202e\\u200b";

bool IsSafe(const std::string& text) {
  for (const char* raw : {"\xc2\x9b", "\x7f", "\xe2\x80\xae", "\xe2\x80\x8b"})
    if (text.find(raw) != std::string::npos) return false;
  return true;
}

}  // namespace

TEST_CASE("notifyctl: on a terminal tables, JSON and details are escaped, whatever the broker sends") {
  bool json = GENERATE(false, true);
  int status = GENERATE(200, 409);
  SKIP_WITHOUT_TERMINAL();
  ScriptedServer broker(Always(status, R"({"id":"n1","detail":")" + kNasty + R"("})"));
  std::vector<std::string> arguments = {"--server", broker.url(), "get", "n1"};
  if (json) arguments.insert(arguments.begin(), "--json");
  TerminalProcess process(NOTIFYCTL_BINARY, arguments, 100);
  CHECK(process.Wait() == (status == 200 ? 0 : 1));
  std::string drawn = process.rest();
  INFO(drawn);
  CHECK(IsSafe(drawn));
  CHECK_THAT(drawn, Catch::Contains(kEscaped));
}

TEST_CASE("notifyctl list, cancel: several labels mean all of them") {
  ScriptedServer broker([](const SeenRequest& request) {
    return ScriptedAnswer{200, request.method == "GET" ? R"({"items":[],"next":null})" : R"({"count":0,"next":null})"};
  });
  CHECK(CtlAt(broker, {"list", "--label", "a:b", "--label", "c:d,e"}).code == 0);
  CHECK(broker.seen().at(0).target == "/v1/notifies?label=a%3Ab&label=c%3Ad%2Ce&limit=100");
  CHECK(CtlAt(broker, {"cancel", "--state", "ready", "--label", "a:b", "--label", "c:d"}).code == 0);
  CHECK_THAT(broker.seen().at(1).body, Catch::Contains(R"({"filter":{"label":["a:b","c:d"],)"));
  CHECK(CtlAt(broker, {"cancel", "--state", "ready", "--label", "a:b"}).code == 0);
  CHECK_THAT(broker.seen().at(2).body, Catch::Contains(R"({"filter":{"label":"a:b",)"));
}

TEST_CASE("notifyctl get: says why an attempt failed to the end, where the way out stands") {
  const std::string detail = "10.0.0.7 is in 10.0.0.0/8 (private; the namespace's destinations.allow does not name it)";
  ScriptedServer broker(Always(200, R"({"id":"n1","attempts":[{"number":1,"status":0,"detail":")" + detail + R"("}]})"));
  CHECK_THAT(CtlAt(broker, {"get", "n1"}).output, Catch::Contains(detail));
}

TEST_CASE("notifyctl get: says which instance an attempt went to, where one went to any") {
  ScriptedServer broker(Always(200, R"({"id":"n1","attempts":[{"number":1,"instance":"i-7","status":200},{"number":2,"status":200}]})"));
  CHECK_THAT(CtlAt(broker, {"get", "n1"}).output, Catch::Contains("ATTEMPT  INSTANCE") && Catch::Contains("i-7"));
  ScriptedServer plain(Always(200, R"({"id":"n1","attempts":[{"number":1,"status":200}]})"));
  CHECK_THAT(CtlAt(plain, {"get", "n1"}).output, Catch::Contains("ATTEMPT  STARTED"));
}

TEST_CASE("notifyctl --json: into a pipe goes what the broker said, byte for byte") {
  const std::string body = R"({"id":"n1","detail":")" + kNasty + R"("})";
  ScriptedServer broker(Always(200, body));
  CHECK(CtlAt(broker, {"--json", "get", "n1"}).output == body + "\n");
  CHECK(IsSafe(CtlAt(broker, {"get", "n1"}).output));
}

TEST_CASE("notifyctl: an output that cannot be written exits with 1 and says so") {
  std::string text = GENERATE(as<std::string>{}, "submit http://x/", "get n1", "--json get n1", "list", "stats", "version", "--version", "--help",
                              "submit --help", "--generate man");
  ScriptedServer broker(Always(200, R"({"id":"n1","state":"ready","items":[],"next":null})"));
  std::vector<std::string> arguments = {"--server", broker.url()};
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find(' ', at), text.size());
    arguments.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  CtlRun run = CtlFull(arguments);
  INFO(text << ": " << run.error);
  CHECK(run.code == 1);
  CHECK(run.error == "notifyctl: cannot write to standard output: No space left on device\n");
}

TEST_CASE("notifyctl submit -f --json: stops where its answers cannot be written") {
  std::atomic<int> lines{0};
  ScriptedServer broker([&](StreamedRequest* request) {
    request->SendHead(200, "application/x-ndjson");
    for (std::string piece; request->Read(&piece);)
      for (char c : piece)
        if (c == '\n' && !request->SendChunk("{\"index\":" + std::to_string(lines++) + ",\"id\":\"n1\"}\n")) return;
    request->SendEnd();
  });
  TempDir dir;
  std::string line = "{\"url\":\"http://x/\",\"body\":\"" + std::string(1000, 'x') + "\"}\n", text;
  constexpr int kCount = 50'000;
  for (int i = 0; i < kCount; ++i) text += line;
  CtlRun run = CtlFull({"--server", broker.url(), "--json", "submit", "-f", dir.Write("f", text)});
  INFO(run.error);
  CHECK(run.code == 1);
  CHECK_THAT(run.error, Catch::Contains("cannot write to standard output: No space left on device"));
  // How far it came is the one trace of what was accepted.
  CHECK_THAT(run.error, Catch::Contains("answered up to line "));
  CHECK(lines < kCount);
}

TEST_CASE("notifyctl: a standard output that is closed is a failure, and no socket of its own takes its place") {
  ScriptedServer broker(Always(200, R"({"id":"n1","state":"ready"})"));
  CtlRun run = Shell("exec \"$@\" >&-", {"--server", broker.url(), "get", "n1"});
  CHECK(run.code == 1);
  CHECK_THAT(run.error, Catch::Contains("cannot write to standard output: Bad file descriptor"));
  CHECK(broker.seen().size() == 1);
}

TEST_CASE("notifyctl: a reader that goes away ends it as it ends other tools, without a word") {
  std::string items;
  for (int i = 0; i < 1000; ++i) items += (i > 0 ? "," : "") + (R"({"id":"n1","url":")" + std::string(300, 'x') + "\"}");
  ScriptedServer broker(Always(200, R"({"items":[)" + items + R"(],"next":null})"));
  // The status of the first of the pipe goes to standard error; 128 + SIGPIPE.
  CtlRun run = Shell("{ \"$@\"; echo \"exit $?\" >&2; } | head -c 1", {"--server", broker.url(), "--json", "list", "--limit", "1000"});
  CHECK(run.output == "{");
  CHECK(run.error == "exit 141\n");
}

TEST_CASE("notifyctl: fkeys and lanes named like dot segments are reached") {
  std::string name = GENERATE(as<std::string>{}, ".", "..");
  ScriptedServer broker(Always(200, R"({"id":"n1","state":"ready","items":[],"next":null})"));
  std::string dots = name == "." ? "%2E" : "%2E%2E";
  CtlAt(broker, {"trigger", name});
  CtlAt(broker, {"get", "--fkey", name});
  CtlAt(broker, {"pause", name, "--mode", "fifo"});
  std::vector<SeenRequest> seen = broker.WaitFor(3);
  REQUIRE(seen.size() >= 3);
  CHECK(seen[0].target == "/v1/fkeys/" + dots + "/trigger");
  CHECK(seen[1].target == "/v1/fkeys/" + dots);
  CHECK(seen[2].target == "/v1/lanes/fifo/" + dots);
}

TEST_CASE("notifyctl: where the answer to a change is lost it says that it may have been taken, and what makes a repeat harmless") {
  ScriptedServer broker([](StreamedRequest* request) {
    for (std::string piece; request->Read(&piece);) continue;
  });
  for (const std::vector<std::string>& submit : std::vector<std::vector<std::string>>{{"submit", "http://x/"}, {"publish", "t", "--data", "1"}}) {
    CtlRun run = CtlAt(broker, submit);
    CHECK(run.code == 3);
    CHECK_THAT(run.error, Catch::Contains("may have been taken") && Catch::Contains("--idempotency-key"));
  }
  for (const std::vector<std::string>& change : std::vector<std::vector<std::string>>{
           {"cancel", "n1"}, {"change", "n1", "--priority", "1"}, {"namespace", "delete", "n"}, {"retry", "--state", "failed"}}) {
    CtlRun run = CtlAt(broker, change);
    CHECK(run.code == 3);
    CHECK_THAT(run.error, Catch::Contains("may have been done") && !Catch::Contains("--idempotency-key"));
  }
  CtlRun read = CtlAt(broker, {"stats"});
  CHECK(read.code == 3);
  // It may be a listener with TLS, too, but a broker that ends says no more than that.
  CHECK_THAT(read.error, !Catch::Contains("may have been") && Catch::Contains("may have ended") && Catch::Contains("https://"));
  CHECK_THAT(Ctl({"--server", "http://127.0.0.1:" + std::to_string(ClosedPort()), "submit", "http://x/"}).error,
             !Catch::Contains("may have been") && !Catch::Contains("https://"));
}

TEST_CASE("notifyctl backup: one that a restart ended is named, not only said to be unknown") {
  ScriptedServer broker([](const SeenRequest& request) {
    if (request.method == "POST") return ScriptedAnswer{202, R"({"name":"b","state":"running"})"};
    return ScriptedAnswer{404, R"({"title":"not found","status":404,"detail":"there is no such backup"})", "application/problem+json"};
  });
  const CtlRun run = CtlAt(broker, {"backup", "b"});
  CHECK(run.code == 1);
  CHECK(run.error == "notifyctl: no backup was made: the broker ended, or was restarted, before it was done\n");
  CHECK(CtlAt(broker, {"backups", "show", "b"}).error == "notifyctl: there is no such backup\n");
}
