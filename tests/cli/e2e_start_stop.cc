// How the real broker starts, stops and refuses to start.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <regex>

#include "cli/e2e_broker.h"
#include "support/held_receiver.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

TEST_CASE("notifyd: wrong usage or configuration exits with 2 and makes nothing") {
  TempDir dir;
  std::string data = dir.path() + "/data", error;
  CHECK(ExitOf({"--data-dir", data, "--no-such"}, &error) == 2);
  CHECK_THAT(error, Catch::Contains("--no-such"));
  CHECK(ExitOf({"--data-dir", data, "--io-threads", "0"}, &error) == 2);
  CHECK_THAT(error, Catch::Contains("io_threads"));
  CHECK(ExitOf({"--data-dir", data, "--config", dir.path() + "/none"}, &error) == 2);
  CHECK(ExitOf({"--data-dir", data, "--config", dir.Write("bad", "[limits]\nnope = 1\n")}, &error) == 2);
  CHECK_THAT(error, Catch::Contains("limits.nope"));
  CHECK(ExitOf({"--data-dir", data, "--check-config", "--listen", "x"}, &error) == 2);
  CHECK(access(data.c_str(), F_OK) != 0);
}

TEST_CASE("notifyd: --check-config, --version and --help exit with 0 and start nothing") {
  TempDir dir;
  std::string data = dir.path() + "/data", output;
  CHECK(ExitOf({"--data-dir", data, "--check-config"}, nullptr, &output) == 0);
  CHECK(output == "ok\n");
  CHECK(ExitOf({"--version"}, nullptr, &output) == 0);
  CHECK_THAT(output, Catch::StartsWith("notifyd "));
  CHECK(ExitOf({"--help"}, nullptr, &output) == 0);
  CHECK_THAT(output, Catch::Contains("--data-dir"));
  CHECK(access(data.c_str(), F_OK) != 0);
}

TEST_CASE("notifyd: an output that cannot be written exits with 1 and says so") {
  const char* flag = GENERATE("--version", "--help", "--print-config", "--print-manual", "--check-config");
  Process process(NOTIFYD_BINARY, {{flag}, {}, "/dev/null", true, "/dev/full"});
  INFO(flag);
  CHECK(process.Wait() == 1);
  CHECK(process.error() == "notifyd: cannot write to standard output: No space left on device\n");
}

TEST_CASE("notifyd: with standard descriptors closed no file of the store takes their place") {
  TempDir dir;
  std::string data = dir.path() + "/data";
  // It holds all three for its own, so that a log line never lands in a file of the store.
  Process process("/bin/sh", {{"-c", "exec \"$0\" --listen 127.0.0.1:0 --data-dir \"$1\" <&- >&- 2>&-", NOTIFYD_BINARY, data}, {}});
  for (int i = 0; i < kDeadlineSeconds * 100 && !std::filesystem::exists(data + "/CURRENT"); ++i) usleep(10'000);
  REQUIRE(std::filesystem::exists(data + "/CURRENT"));
  for (const char* fd : {"0", "1", "2"}) CHECK(std::filesystem::read_symlink("/proc/" + std::to_string(process.pid()) + "/fd/" + fd) == "/dev/null");
  process.Signal(SIGTERM);
  CHECK(process.Wait() == 0);
}

TEST_CASE("notifyd: the line that says where it listens, as text and as JSON") {
  TempDir dir;
  {
    Broker broker(dir.path(), {"--log-format", "text"});
    CHECK(std::regex_search(broker.process().error(), std::regex("listening on 127\\.0\\.0\\.1:[1-9][0-9]*\n")));
  }
  Broker broker(dir.path(), {"--log-format", "json"});
  std::string log = broker.process().error();
  size_t at = log.find("listening on"), from = log.rfind('\n', at) + 1;
  CHECK(JsonAt(log.substr(from, log.find('\n', at) - from), "/event") == "listening on " + broker.address());
}

TEST_CASE("notifyd: the line that says where it listens comes whatever the level is") {
  TempDir dir;
  Broker broker(dir.path(), {"--log-level", "error", "--log-format", "json"});
  REQUIRE(broker.process().WaitForError("}\n"));
  std::string log = broker.process().error();
  CHECK(std::count(log.begin(), log.end(), '\n') == 1);
  CHECK(JsonAt(log, "/event") == "listening on " + broker.address());
  CHECK(JsonAt(log, "/level") == "info");
}

TEST_CASE("notifyd: a port that is taken exits with 1 and is named") {
  TempDir one, two;
  Broker broker(one.path());
  std::string error;
  CHECK(ExitOf({"--listen", broker.address(), "--data-dir", two.path() + "/data"}, &error) == 1);
  CHECK_THAT(error, Catch::Contains(broker.address()) && !Catch::Contains("\"field\""));
}

TEST_CASE("notifyd: a data directory that cannot be made exits with 1 and is named") {
  TempDir dir;
  std::string file = dir.Write("file", ""), error;
  CHECK(ExitOf({"--listen", "127.0.0.1:0", "--data-dir", file + "/data"}, &error) == 1);
  CHECK_THAT(error, Catch::Contains(file));
}

TEST_CASE("notifyd: SIGTERM and SIGINT end it with 0") {
  for (int number : {SIGTERM, SIGINT}) {
    TempDir dir;
    Broker broker(dir.path());
    CHECK(broker.Call("GET", "/readyz").status == 200);
    broker.process().Signal(number);
    CHECK(broker.process().Wait() == 0);
    CHECK_THAT(broker.process().error(), Catch::Contains("stopped"));
  }
}

TEST_CASE("notifyd: after SIGTERM submits are refused, the call in flight ends and counts") {
  TempDir dir;
  HeldReceiver receiver;
  std::string id;
  {
    Broker broker(dir.path());
    id = broker.Submit(R"({"url":")" + receiver.server().url() + R"(/"})");
    REQUIRE(receiver.server().WaitFor(1).size() == 1);
    broker.process().Signal(SIGTERM);
    REQUIRE(broker.process().WaitForError("stopping"));
    HttpAnswer refused = broker.Call("POST", "/v1/notifies", R"({"url":"http://127.0.0.1:9/"})");
    CHECK(refused.status == 503);
    CHECK(broker.Call("GET", "/readyz").status == 503);
    CHECK(broker.Call("GET", "/healthz").status == 200);
    receiver.Open();
    CHECK(broker.process().Wait() == 0);
  }
  Broker broker(dir.path());
  CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + id).body, "/state") == "succeeded");
  CHECK(broker.Stat("/totals/accepted") == 1);
  CHECK(receiver.server().seen().size() == 1);
}

TEST_CASE("notifyd: a call in flight that does not end is given up after the grace, and sent again with its number") {
  TempDir dir;
  HeldReceiver receiver;
  std::string id;
  {
    Broker broker(dir.path(), {"--shutdown-grace-ms", "50"});
    id = broker.Submit(R"({"url":")" + receiver.server().url() + R"(/"})");
    REQUIRE(receiver.server().WaitFor(1).size() == 1);
    broker.process().Signal(SIGTERM);
    CHECK(broker.process().Wait() == 0);
  }
  receiver.Open();
  Broker broker(dir.path());
  CHECK(JsonAt(broker.Settled(id), "/state") == "succeeded");
  std::vector<SeenRequest> seen = receiver.server().seen();
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].Header("notify-attempt") == seen[1].Header("notify-attempt"));
}

TEST_CASE("notifyd: a second signal ends it at once, though a call is in flight") {
  TempDir dir;
  HeldReceiver receiver;
  Broker broker(dir.path(), {"--shutdown-grace-ms", "3600000"});
  broker.Submit(R"({"url":")" + receiver.server().url() + R"(/"})");
  REQUIRE(receiver.server().WaitFor(1).size() == 1);
  broker.process().Signal(SIGTERM);
  REQUIRE(broker.process().WaitForError("stopping"));
  broker.process().Signal(SIGTERM);
  CHECK(broker.process().Wait() == 0);
}

TEST_CASE("notifyd: SIGPIPE does not end it") {
  TempDir dir;
  Broker broker(dir.path());
  broker.process().Signal(SIGPIPE);
  CHECK(broker.Call("GET", "/healthz").status == 200);
}

TEST_CASE("notifyd: an environment variable that names no setting is a warning") {
  TempDir dir;
  Process process(NOTIFYD_BINARY, {{"--listen", "127.0.0.1:0", "--data-dir", dir.path() + "/data"}, {"NOTIFYD_LIMITS_PENDIGN=5"}});
  CHECK(process.WaitForError("listening on"));
  CHECK_THAT(process.error(), Catch::Contains("NOTIFYD_LIMITS_PENDIGN"));
}
