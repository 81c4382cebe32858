// notifyctl bridge amqp --until-empty before a server that answers how full the queue is ahead of what it has handed out, as RabbitMQ does now and then.
#include <amqp.h>
#include <amqp_framing.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "cli/amqp_bridge.h"
#include "support/scripted_server.h"
#include "support/threaded_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

constexpr uint8_t kMethodFrame = 1, kHeaderFrame = 2, kBodyFrame = 3, kFrameEnd = 0xce;

std::string BigEndian(uint64_t number, size_t bytes) {
  std::string text;
  while (bytes > 0) text += static_cast<char>(number >> (8 * --bytes));
  return text;
}
uint64_t NumberOf(std::string_view text) {
  uint64_t number = 0;
  for (const char c : text) number = number << 8 | static_cast<uint8_t>(c);
  return number;
}

/// One queue that is empty, and a message that was handed out of it and is still on its way: it is sent 200 ms behind the answer of the first look at
/// the queue by whoever consumes it.
class LateServer {
 public:
  explicit LateServer(std::string body) : body_(std::move(body)), server_([this](Stream& stream, int) { Serve(stream); }) {}
  std::string url() const { return "amqp://127.0.0.1:" + std::to_string(server_.port()); }
  uint64_t acknowledged() const { return acknowledged_; }

 private:
  static void SendFrame(Stream& stream, uint8_t type, uint16_t channel, const std::string& payload) {
    stream.Send(BigEndian(type, 1) + BigEndian(channel, 2) + BigEndian(payload.size(), 4) + payload + static_cast<char>(kFrameEnd));
  }
  template <typename Method>
  static void SendMethod(Stream& stream, uint16_t channel, amqp_method_number_t number, Method method) {
    std::string fields(4096, '\0');
    fields.resize(static_cast<size_t>(amqp_encode_method(number, &method, {fields.size(), fields.data()})));
    SendFrame(stream, kMethodFrame, channel, BigEndian(number, 4) + fields);
  }

  void Serve(Stream& stream) {
    std::string text;
    if (!stream.ReadBytes(8, &text)) return;  // the protocol's name
    SendMethod(stream, 0, AMQP_CONNECTION_START_METHOD,
               amqp_connection_start_t{0, 9, amqp_empty_table, amqp_cstring_bytes("PLAIN"), amqp_cstring_bytes("en_US")});
    bool consumed = false, sent = false;
    while (stream.ReadBytes(7, &text)) {
      const uint16_t channel = static_cast<uint16_t>(NumberOf(text.substr(1, 2)));
      const uint8_t type = static_cast<uint8_t>(text[0]);
      if (!stream.ReadBytes(NumberOf(text.substr(3, 4)) + 1, &text)) return;
      if (type != kMethodFrame) continue;
      const auto number = static_cast<amqp_method_number_t>(NumberOf(text.substr(0, 4)));
      consumed = consumed || number == AMQP_BASIC_CONSUME_METHOD;
      if (number == AMQP_BASIC_ACK_METHOD) acknowledged_ = NumberOf(text.substr(4, 8));
      Answer(stream, channel, number);
      if (number == AMQP_QUEUE_DECLARE_METHOD && consumed && !std::exchange(sent, true)) SendLate(stream, channel);
    }
  }

  static void Answer(Stream& stream, uint16_t channel, amqp_method_number_t number) {
    const amqp_bytes_t tag = amqp_cstring_bytes("one");
    if (number == AMQP_CONNECTION_START_OK_METHOD) SendMethod(stream, channel, AMQP_CONNECTION_TUNE_METHOD, amqp_connection_tune_t{1, 131072, 0});
    else if (number == AMQP_CONNECTION_OPEN_METHOD) SendMethod(stream, channel, AMQP_CONNECTION_OPEN_OK_METHOD, amqp_connection_open_ok_t{});
    else if (number == AMQP_CHANNEL_OPEN_METHOD) SendMethod(stream, channel, AMQP_CHANNEL_OPEN_OK_METHOD, amqp_channel_open_ok_t{});
    else if (number == AMQP_QUEUE_DECLARE_METHOD) SendMethod(stream, channel, AMQP_QUEUE_DECLARE_OK_METHOD, amqp_queue_declare_ok_t{tag, 0, 0});
    else if (number == AMQP_BASIC_QOS_METHOD) SendMethod(stream, channel, AMQP_BASIC_QOS_OK_METHOD, amqp_basic_qos_ok_t{});
    else if (number == AMQP_BASIC_CONSUME_METHOD) SendMethod(stream, channel, AMQP_BASIC_CONSUME_OK_METHOD, amqp_basic_consume_ok_t{tag});
    else if (number == AMQP_CHANNEL_CLOSE_METHOD) SendMethod(stream, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, amqp_channel_close_ok_t{});
    else if (number == AMQP_CONNECTION_CLOSE_METHOD) SendMethod(stream, channel, AMQP_CONNECTION_CLOSE_OK_METHOD, amqp_connection_close_ok_t{});
  }

  void SendLate(Stream& stream, uint16_t channel) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    SendMethod(stream, channel, AMQP_BASIC_DELIVER_METHOD,
               amqp_basic_deliver_t{amqp_cstring_bytes("one"), 1, 0, amqp_empty_bytes, amqp_cstring_bytes("queue")});
    SendFrame(stream, kHeaderFrame, channel, BigEndian(AMQP_BASIC_CLASS, 2) + BigEndian(0, 2) + BigEndian(body_.size(), 8) + BigEndian(0, 2));
    SendFrame(stream, kBodyFrame, channel, body_);
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
