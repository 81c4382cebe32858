// What the broker logs: one JSON object a line, and standard error never holds it up.
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <tuple>

#include "base/json_tree.h"
#include "support/counting_receiver.h"
#include "cli/e2e_broker.h"
#include "support/raw_client.h"
#include "support/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The only line of that event and id, once it is there.
std::string LineOf(Broker* broker, const std::string& event, const std::string& id) {
  std::string found;
  // Lines are written in the turn in which they are made, so they may come after the answer of another connection.
  for (int round = 0; found.empty() && round < kDeadlineSeconds * 100; ++round) {
    for (const std::string& line : LinesOf(broker->process().error(), event))
      if (JsonAt(line, "/id") == id) found = line;
    if (found.empty()) broker->process().WaitForError("\"id\":\"" + id + "\"", 1);
  }
  return found;
}

}  // namespace

TEST_CASE("logs: attempts at debug and ends at info, each a JSON object with id, caller, lane, mode and trace") {
  TempDir dir;
  CountingReceiver receiver([](const Delivery& delivery) { return delivery.body == "1" ? 200 : 500; });
  std::string succeeded, failed, cancelled, expired;
  {
    Broker broker(dir.path(), {"--log-level", "debug"});
    std::string common = R"({"url":")" + receiver.url() + R"(","caller":"shop","lane":"billing","headers":{"traceparent":"00-)" + kTrace +
                         R"(-00f067aa0ba902b7-01"},)";
    succeeded = broker.Submit(common + R"("data":1})");
    failed = broker.Submit(common + R"("data":2,"retry":{"max_attempts":2,"schedule_ms":[1]}})");
    cancelled = broker.Submit(common + R"("fkey":"k"})");
    expired = broker.Submit(common + R"("fkey":"l","ttl_ms":1})");
    CHECK(broker.Call("DELETE", "/v1/notifies/" + cancelled).status == 200);
    for (const std::string& id : {succeeded, failed, cancelled, expired}) broker.Settled(id);
    for (auto [event, id] : std::vector<std::pair<std::string, std::string>>{
             {"notify succeeded", succeeded}, {"notify failed", failed}, {"notify cancelled", cancelled}, {"notify expired", expired}}) {
      INFO(event);
      std::string line = LineOf(&broker, event, id);
      REQUIRE_FALSE(line.empty());
      CHECK(JsonAt(line, "/level") == "info");
      CHECK(JsonAt(line, "/caller") == "shop");
      CHECK(JsonAt(line, "/lane") == "billing");
      CHECK(JsonAt(line, "/mode") == "concurrent");
      CHECK(JsonAt(line, "/trace_id") == kTrace);
    }
    broker.process().Signal(SIGTERM);
    REQUIRE(broker.process().Wait() == 0);
    std::string log = broker.process().error();
    std::vector<std::string> attempts = LinesOf(log, "attempt");
    REQUIRE(attempts.size() == 3);
    for (const std::string& line : attempts) {
      CHECK(JsonAt(line, "/level") == "debug");
      CHECK(JsonAt(line, "/trace_id") == kTrace);
      CHECK(JsonAt(line, "/status") == (JsonAt(line, "/id") == succeeded ? "200" : "500"));
    }
    CHECK(JsonAt(LineOf(&broker, "notify failed", failed), "/attempts") == "2");
    // Every line is an object of its own, and they stand in order of time.
    std::istringstream lines(log);
    std::string before;
    for (std::string line; std::getline(lines, line);) {
      INFO(line);
      REQUIRE(JsonTree::Parse(line).ok());
      CHECK(JsonAt(line, "/time") >= before);
      before = JsonAt(line, "/time");
    }
  }
}

TEST_CASE("logs: at info an attempt is no line of its own") {
  TempDir dir;
  CountingReceiver receiver;
  Broker broker(dir.path());
  broker.Settled(broker.Submit(R"({"url":")" + receiver.url() + "\"}"));
  broker.process().Signal(SIGTERM);
  REQUIRE(broker.process().Wait() == 0);
  CHECK(LinesOf(broker.process().error(), "attempt").empty());
  CHECK(LinesOf(broker.process().error(), "notify succeeded").size() == 1);
}

TEST_CASE("logs: a fifo lane that pauses itself is a warning") {
  TempDir dir;
  CountingReceiver receiver([](const Delivery&) { return 500; });
  std::string file = dir.Write("n.toml", "[[lane]]\nmatch = \"orders\"\non_failure = \"pause\"\n");
  Broker broker(dir.path(), {"--config", file});
  std::string id = broker.Submit(R"({"url":")" + receiver.url() + R"(","lane":"orders","mode":"fifo","retry":{"max_attempts":1}})");
  REQUIRE(broker.process().WaitForError("lane paused"));
  std::vector<std::string> said = LinesOf(broker.process().error(), "lane paused");
  REQUIRE(said.size() == 1);
  CHECK(JsonAt(said[0], "/level") == "warn");
  CHECK(JsonAt(said[0], "/lane") == "orders");
  CHECK(JsonAt(said[0], "/mode") == "fifo");
  CHECK(JsonAt(said[0], "/id") == id);
}

TEST_CASE("logs: a standard error that nobody reads does not hold the broker up") {
  TempDir dir;
  CountingReceiver receiver;
  uint16_t port = ClosedPort();
  std::string address = "127.0.0.1:" + std::to_string(port);
  Process process(NOTIFYD_BINARY, {{"--listen", address, "--data-dir", dir.path() + "/data", "--log-level", "debug"}, {}, "/dev/null", false});
  // It says nothing that could be waited for.
  std::unique_ptr<RawConnection> connection;
  for (int i = 0; !connection && i < kDeadlineSeconds * 100; ++i) {
    try {
      connection = std::make_unique<RawConnection>(address);
    } catch (const std::runtime_error&) {
      usleep(10'000);
    }
  }
  REQUIRE(connection);
  // The pipe takes 64 KiB: these are far more than that.
  constexpr size_t kCount = 2000;
  std::string notify = R"({"url":")" + receiver.url() + R"(","caller":")" + std::string(100, 'c') + "\"}", batch = "[" + notify;
  for (size_t i = 1; i < kCount; ++i) batch += "," + notify;
  CHECK(connection->Call("POST", "/v1/notifies", batch + "]").status == 201);
  REQUIRE(receiver.WaitFor(kCount));
  CHECK(connection->Call("GET", "/readyz").status == 200);
  process.Signal(SIGTERM);
  CHECK(process.Wait() == 0);
}

TEST_CASE("logs: they go to a file, syslog and a search engine too; the file is opened anew on SIGHUP, and what is lost is a metric") {
  TempDir dir;
  const std::string syslog = dir.At("syslog"), file = dir.At("n.log");
  const int daemon = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  syslog.copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(bind(daemon, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  timeval most{kDeadlineSeconds, 0};
  setsockopt(daemon, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  ScriptedServer cluster([](const SeenRequest&) { return ScriptedAnswer{200, R"({"errors":true,"items":[{"create":{"status":400}}]})"}; });
  Broker broker(dir.path(), {"--log-file", file, "--log-syslog", syslog, "--log-elasticsearch", cluster.url() + "/logs"});
  char line[4096];
  const ssize_t size = recv(daemon, line, sizeof line, 0);
  close(daemon);
  REQUIRE(size > 0);
  CHECK_THAT(std::string(line, static_cast<size_t>(size)), Catch::StartsWith("<30>") && Catch::Contains(" notifyd["));
  CHECK_THAT(cluster.WaitFor(1).at(0).body, Catch::Contains(R"("message":)"));
  const auto read = [](const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  };
  const auto lost = [&] {
    const std::string page = broker.Call("GET", "/metrics").body, name = "notifyd_log_lines_dropped_total{sink=\"elasticsearch\"} ";
    return std::stoul(page.substr(page.find(name) + name.size()));
  };
  for (int round = 0; lost() == 0 && round < kDeadlineSeconds * 100; ++round) usleep(10'000);
  CHECK(lost() > 0);
  REQUIRE(rename(file.c_str(), dir.At("n.log.1").c_str()) == 0);
  broker.process().Signal(SIGHUP);
  REQUIRE(broker.process().WaitForError("settings reloaded"));
  broker.process().Signal(SIGTERM);
  REQUIRE(broker.process().Wait() == 0);
  CHECK(LinesOf(read(dir.At("n.log.1")), "store opened").size() == 1);
  CHECK(LinesOf(read(dir.At("n.log.1")), "settings reloaded").empty());
  CHECK(LinesOf(read(file), "settings reloaded").size() == 1);
  CHECK(LinesOf(read(file), "stopped").size() == 1);
  CHECK(LinesOf(broker.process().error(), "stopped").size() == 1);
}

TEST_CASE("logs: a place that is not there is refused at the start, by the setting's name") {
  TempDir dir;
  for (const auto& [flag, value, field] : {std::tuple<std::string, std::string, std::string>{"--log-file", dir.At("none/n.log"), "/log/file"},
                                           {"--log-syslog", dir.At("none"), "/log/syslog"}}) {
    INFO(flag);
    std::string error;
    const std::vector<std::string> arguments = {"--listen", "127.0.0.1:0", "--data-dir", dir.At("data"), flag, value};
    CHECK(ExitOf(arguments, &error) == 2);
    CHECK_THAT(error, Catch::Contains(field) && Catch::Contains(value));
    std::vector<std::string> checking = arguments;
    checking.push_back("--check-config");
    CHECK(ExitOf(checking, &error) == 2);
    CHECK_THAT(error, Catch::Contains(flag == "--log-file" ? "log.file: " : "log.syslog: ") && Catch::Contains(value));
  }
  std::string error;
  CHECK(ExitOf({"--log-elasticsearch", "es:9200", "--check-config"}, &error) == 2);
  CHECK_THAT(error, Catch::Contains("log.elasticsearch"));
  CHECK(ExitOf({"--otlp-endpoint", "collector", "--check-config"}) == 2);
}
