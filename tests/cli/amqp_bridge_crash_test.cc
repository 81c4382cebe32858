// kill -9 of bridge, broker and RabbitMQ while messages go over: none is lost, and what comes twice comes under the same idempotency key, so that
// each notify is made once. NOTIFYD_BRIDGE_MESSAGES says how many messages; without it as many as a usual run of the tests has time for.
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <set>

#include "cli/amqp_bridge.h"
#include "cli/amqp_queues.h"
#include "cli/e2e_broker.h"
#include "support/counting_receiver.h"
#include "support/sockets.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

size_t MessageCount() {
  const char* count = std::getenv("NOTIFYD_BRIDGE_MESSAGES");
  return count ? std::stoul(count) : 5000;
}

}  // namespace

TEST_CASE("amqp bridge: kill -9 of bridge, broker and RabbitMQ loses nothing, and makes nothing twice") {
  const size_t count = MessageCount();
  const std::string queue = "crash";
  CountingReceiver receiver;
  std::vector<PublishedMessage> messages(count);
  for (size_t i = 0; i < count; ++i) {
    messages[i].body = R"({"requests":[{"url":")" + receiver.url() + R"(","method":"POST","options":{"json":)" + std::to_string(i) + "}}]}";
    messages[i].message_id = "m" + std::to_string(i);
  }
  {
    AmqpQueues queues(SharedAmqpServer().port());
    queues.Declare(queue);
    queues.Declare(queue + ".dead");
    queues.Publish(queue, messages);
    SharedAmqpServer().SyncQueues();
  }
  TempDir dir;
  const std::vector<std::string> listen = {"--listen", "127.0.0.1:" + std::to_string(ClosedPort())};
  auto broker = std::make_unique<Broker>(dir.path(), listen);
  const auto begun = std::chrono::steady_clock::now();
  // A small prefetch, so that there is something to kill it in.
  const std::vector<std::string> arguments = {"--prefetch", "100"};
  auto bridge = StartBridge(broker->url(), queue, arguments);
  auto wait_for = [&](size_t accepted) {
    return Eventually([&] { return !bridge->running() || broker->Stat("/totals/accepted") >= accepted; }) && bridge->running();
  };
  for (int step = 1; step <= 7; ++step) {
    const bool came = wait_for(count * static_cast<size_t>(step) / 10);
    INFO("step " << step << ": " << broker->Stat("/totals/accepted") << " accepted; of the bridge:\n" << bridge->error());
    REQUIRE(came);
    if (step % 2 == 1) {
      bridge->Signal(SIGKILL);
      REQUIRE(bridge->Wait() == 1000 + SIGKILL);
      bridge = StartBridge(broker->url(), queue, arguments);
    } else if (step == 4) {
      SharedAmqpServer().Kill();
      SharedAmqpServer().Start();
    } else {
      broker->process().Signal(SIGKILL);
      REQUIRE(broker->process().Wait() == 1000 + SIGKILL);
      broker = std::make_unique<Broker>(dir.path(), listen);
    }
  }
  AmqpQueues queues(SharedAmqpServer().port());
  // What is taken and not acknowledged is not ready: the end of the bridge puts it back.
  REQUIRE(wait_for(count));
  REQUIRE(Eventually([&] { return queues.Look(queue).ready == 0; }));
  bridge->Signal(SIGTERM);
  REQUIRE(bridge->Wait() == 0);
  CHECK(queues.Look(queue).ready == 0);
  CHECK(queues.Look(queue + ".dead").ready == 0);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  WARN(count << " messages in " << seconds << " s, with the restarts; the last bridge " << bridge->error().substr(bridge->error().rfind("ended")));

  CHECK(broker->Stat("/totals/accepted") == count);
  CHECK(broker->BooksBalance());
  REQUIRE(receiver.WaitFor(count));
  REQUIRE(Eventually([&] { return broker->Stat("/totals/succeeded") == count; }));
  // Each message is one notify, and their ids are in the order of the queue.
  std::map<size_t, std::set<std::string>> ids;
  for (const Delivery& delivery : receiver.deliveries()) ids[std::stoul(delivery.body)].insert(delivery.id);
  REQUIRE(ids.size() == count);
  std::string last;
  for (const auto& [number, of] : ids) {
    INFO(number);
    REQUIRE(of.size() == 1);
    REQUIRE(*of.begin() > last);
    last = *of.begin();
  }
}
