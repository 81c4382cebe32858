// notifyctl bridge amqp --until-empty before a server that answers how full the queue is ahead of what it has handed out, as RabbitMQ does now and
// then.
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "cli/amqp_bridge.h"
#include "cli/amqp_script.h"
#include "support/scripted_server.h"
#include "support/threaded_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

/// One queue that is empty, and a message that was handed out of it and is still on its way: it is sent 200 ms behind the answer of the first look at
/// the queue by whoever consumes it.
class LateServer {
 public:
  explicit LateServer(std::string body) : body_(std::move(body)), server_([this](Stream& stream, int) { Serve(stream); }) {}
  std::string url() const { return "amqp://127.0.0.1:" + std::to_string(server_.port()); }
  uint64_t acknowledged() const { return acknowledged_; }

 private:
  void Serve(Stream& stream) {
    AmqpScript script(&stream);
    if (!script.Begin()) return;
    bool consumed = false, sent = false;
    for (AmqpFrame frame; script.Read(&frame);) {
      consumed = consumed || frame.method == AMQP_BASIC_CONSUME_METHOD;
      if (frame.method == AMQP_BASIC_ACK_METHOD) acknowledged_ = NumberOf(frame.fields.substr(0, 8));
      script.Answer(frame);
      if (frame.method != AMQP_QUEUE_DECLARE_METHOD || !consumed || std::exchange(sent, true)) continue;
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      script.Deliver(frame.channel, 1, body_);
    }
  }

  const std::string body_;
  std::atomic<uint64_t> acknowledged_{0};
  ThreadedServer server_;
};

}  // namespace

TEST_CASE("amqp bridge: --until-empty waits for what has left the queue and is still on its way") {
  ScriptedServer broker([](const SeenRequest& request) -> ScriptedAnswer {
    if (request.target == "/v1/whoami") return {200, "{}"};
    return {201, R"({"items":[{"id":"n1","state":"ready"}]})"};
  });
  LateServer late(R"({"requests":[{"url":"http://127.0.0.1:9/","method":"POST","options":{"json":{}}}]})");
  TempDir dir;
  auto bridge = StartBridge(broker.url(), "queue", {"--until-empty", "--dead-letter-file", dir.At("dead")}, late.url());
  CHECK(bridge->Wait() == 0);
  CHECK_THAT(bridge->error(), Catch::Contains("ended: 1 received, 1 accepted, 0 dead letters, 0 held"));
  CHECK(late.acknowledged() == 1);
}
