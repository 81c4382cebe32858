// What the broker logs: one JSON object a line, and standard error never holds it up.
#include <signal.h>

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
