// notifyctl bridge amqp where there is a limit: of a broker that takes so many submits a second.
#include <atomic>

#include "cli/amqp_bridge.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

TEST_CASE("amqp bridge: a rate limit that takes each second submit does not fill the journal") {
  Queues queues("rate");
  std::atomic<size_t> asked{0}, accepted{0};
  ScriptedServer broker([&](const SeenRequest& request) {
    if (request.target == "/v1/whoami") return Accepted(request);
    if (asked++ % 2 == 0) return Problem(429, "too many");
    accepted += ItemsIn(request.body);
    return Accepted(request);
  });
  queues.Publish(queues.name(), std::vector<PublishedMessage>(8, Message(Callback("http://127.0.0.1:9/"), "m")));
  auto bridge = StartBridge(broker.url(), queues.name(), {"--prefetch", "1"});
  CHECK(Eventually([&] { return accepted == 8; }));
  CHECK(End(bridge.get()) == 0);
  CHECK(bridge->CountsError("the broker does not take submits, which wait: 429: too many", 1));
  CHECK_FALSE(bridge->CountsError("the broker does not take submits", 2));
  CHECK_FALSE(bridge->CountsError("the broker takes submits again", 1));
}
