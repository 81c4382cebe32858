// A bridge's connection to its queue, before servers that end it: one that cannot get rid of what it sends, as RabbitMQ after 30 s, and one that ends
// each at once.
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cli/amqp_queues.h"
#include "cli/amqp_script.h"
#include "cli/bridge/bridge.h"
#include "support/process.h"
#include "support/threaded_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMessages = 80, kMessageBytes = 200'000;  // more than the buffers of a connection take

/// "http://127.0.0.1:9/17".
std::string NumberedUrl(size_t number) {
  return "http://127.0.0.1:9/" + std::to_string(number);
}

/// A queue of messages, each a call of its number's URL. It hands out as many as are asked for, and those that were not acknowledged again. A
/// connection that takes nothing for a while it gives up.
class ImpatientServer {
 public:
  ImpatientServer() : server_([this](Stream& stream, int) { Serve(stream); }) {}

  AmqpAddress address() const { return {"127.0.0.1", "guest", "guest", "/", server_.port()}; }
  int connections() const { return server_.accepted(); }
  bool gave_up() const { return gave_up_; }
  /// Of all connections.
  size_t sent() const { return sent_; }
  size_t acknowledged() const { return acknowledged_; }

 private:
  void Serve(Stream& stream) {
    const int buffer_bytes = 64 << 10;
    setsockopt(stream.fd(), SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
    const timeval patience{5 * kSlowness, 0};
    setsockopt(stream.fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    AmqpScript script(&stream);
    if (!script.Begin()) return;
    const size_t first = acknowledged_;
    size_t next = first, prefetch = 0;
    bool consumed = false;
    for (AmqpFrame frame; script.Read(&frame);) {
      if (frame.method == AMQP_BASIC_QOS_METHOD) prefetch = NumberOf(frame.fields.substr(4, 2));
      if (frame.method == AMQP_BASIC_ACK_METHOD) acknowledged_ = first + NumberOf(frame.fields.substr(0, 8));
      consumed = consumed || frame.method == AMQP_BASIC_CONSUME_METHOD;
      if (!script.Answer(frame)) return;
      for (; consumed && next < kMessages && next - acknowledged_ < prefetch; ++next, ++sent_)
        if (!script.Deliver(frame.channel, next - first + 1, BodyOf(next))) {
          gave_up_ = true;
          return;
        }
    }
  }
  static std::string BodyOf(size_t number) {
    return R"({"requests":[{"url":")" + NumberedUrl(number) + R"(","method":"POST","options":{"json":")" + std::string(kMessageBytes, 'x') + "\"}}]}";
  }

  std::atomic<bool> gave_up_{false};
  std::atomic<size_t> sent_{0}, acknowledged_{0};
  ThreadedServer server_;
};

/// A broker that accepts all, the first time once `ready` says so.
class StandingBroker : public SubmitPort {
 public:
  explicit StandingBroker(std::function<bool()> ready) : ready_(std::move(ready)) {}

  SubmitAnswer Submit(const std::string& batch) override {
    SubmitAnswer answer;
    answer.status = 201;
    const std::string url = NumberedUrl(0).substr(0, NumberedUrl(0).size() - 1);
    for (size_t at = batch.find(url); at != std::string::npos; at = batch.find(url, at + 1), ++answer.items) {
      std::lock_guard lock(mutex_);
      numbers_.push_back(std::strtoull(batch.c_str() + at + url.size(), nullptr, 10));
    }
    Eventually(ready_);
    return answer;
  }
  SubmitAnswer Probe() override { return {200, {}, {}}; }
  /// Of the calls that were submitted, in their order.
  std::vector<size_t> numbers() const {
    std::lock_guard lock(mutex_);
    return numbers_;
  }

 private:
  const std::function<bool()> ready_;
  mutable std::mutex mutex_;
  std::vector<size_t> numbers_;
};

class NoDeadLetters : public DeadLetterPort {
 public:
  Status Keep(const RefusedMessage& refused) override { return Status(Code::kIo, "refused: " + refused.reason); }
};

/// A bridge that runs until it is stopped.
class RunningBridge {
 public:
  RunningBridge(BridgeOptions options, SubmitPort* submit)
      : bridge_(std::move(options), submit, &dead_letters_, {[this](const std::string& line) { Note(line); }, [](const std::string&) {}}, &counters_),
        thread_([this] { status_ = bridge_.Run(); }) {}
  ~RunningBridge() { bridge_.Stop(); }

  Status Stop() {
    bridge_.Stop();
    thread_.join();
    return status_;
  }
  const BridgeCounters& counters() const { return counters_; }
  std::string notes() const {
    std::lock_guard lock(mutex_);
    return notes_;
  }

 private:
  void Note(const std::string& line) {
    std::lock_guard lock(mutex_);
    notes_ += line + "\n";
  }

  mutable std::mutex mutex_;
  std::string notes_;
  BridgeCounters counters_;
  NoDeadLetters dead_letters_;
  Bridge bridge_;
  Status status_;
  std::jthread thread_;
};

}  // namespace

TEST_CASE("amqp bridge: while the broker stands still and the memory is full the queue's server gets rid of all, and nothing is submitted twice") {
  ImpatientServer server;
  StandingBroker broker([&] { return server.sent() >= kMessages || server.gave_up(); });
  BridgeOptions options{server.address()};
  options.prefetch = kMessages;
  options.buffer_bytes = 500'000;
  options.most_unread_ms = 100;
  options.mapping.queue = "queue";
  RunningBridge bridge(options, &broker);
  uint64_t most_held_bytes = 0;
  CHECK(Eventually([&] {
    most_held_bytes = std::max<uint64_t>(most_held_bytes, bridge.counters().held_bytes);
    return server.acknowledged() == kMessages;
  }));
  CHECK(bridge.Stop().ok());
  INFO(bridge.notes());
  CHECK_FALSE(server.gave_up());
  std::vector<size_t> expected;
  for (size_t i = 0; i < kMessages; ++i) expected.push_back(i);
  CHECK(broker.numbers() == expected);
  CHECK(most_held_bytes < options.buffer_bytes + kMessageBytes + 10'000);
  // The second one asks for no more than there is room for.
  CHECK(server.connections() == 2);
  CHECK(server.sent() == kMessages + kMessages - 3);
  CHECK_THAT(bridge.notes(), Catch::Contains("more of them are let go"));
}

TEST_CASE("amqp bridge: a server that ends each connection at once is tried again more and more seldom") {
  ThreadedServer server([](Stream& stream, int) {
    AmqpScript script(&stream);
    if (!script.Begin()) return;
    for (AmqpFrame frame; script.Read(&frame) && script.Answer(frame) && frame.method != AMQP_BASIC_CONSUME_METHOD;) {
    }
  });
  StandingBroker broker([] { return true; });
  BridgeOptions options{{"127.0.0.1", "guest", "guest", "/", server.port()}};
  options.mapping.queue = "queue";
  const auto begun = Clock::now();
  RunningBridge bridge(options, &broker);
  CHECK(Eventually([&] { return server.accepted() >= 5; }));
  CHECK(Clock::now() - begun >= std::chrono::milliseconds(1400));  // 0.1, 0.2, 0.4 and 0.8 s
  CHECK(bridge.Stop().ok());
}
