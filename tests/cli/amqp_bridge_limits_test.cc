// notifyctl bridge amqp where there is a limit: of a broker that takes so many submits a second, and of what a queue is.
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

TEST_CASE("amqp bridge: a message without an id that was accepted without an answer is submitted again under the same key") {
  const int failed = GENERATE(503, 504, 408);
  INFO(failed);
  Queues queues("again");
  std::atomic<int> submits{0};
  ScriptedServer broker([&](const SeenRequest& request) {
    if (request.target == "/v1/whoami" || submits++ > 0) return Accepted(request);
    return Problem(failed, "it may have been accepted");
  });
  queues.Publish(queues.name(), {Message(Callback("http://127.0.0.1:9/"))});
  auto bridge = StartBridge(broker.url(), queues.name(), {"--until-empty"});
  CHECK(bridge->Wait() == 0);
  CHECK_THAT(bridge->error(), Catch::Contains("such a message may be submitted twice after a crash"));
  std::vector<std::string> keys;
  for (const SeenRequest& seen : broker.seen()) {
    if (seen.target == "/v1/whoami") continue;
    const size_t at = seen.body.find(R"("idempotency_key":"again/delivery:)");
    REQUIRE(at != std::string::npos);
    keys.push_back(seen.body.substr(at, seen.body.find(R"("})", at) - at));
  }
  REQUIRE(keys.size() == 2);
  CHECK(keys[0] == keys[1]);
}

TEST_CASE("amqp bridge: a stream is no queue, which it says, and takes nothing; a stream's message in a queue is like any other") {
  ScriptedServer broker(Accepted);
  TempDir dir;
  AmqpQueues streams(SharedAmqpServer().port());
  streams.DeclareStream("stream");
  auto refused = StartBridge(broker.url(), "stream", {"--dead-letter-file", dir.At("dead")});
  REQUIRE(refused->WaitForError("connected to "));
  streams.Publish("stream", {Message(Callback("http://127.0.0.1:9/"), "1")});
  CHECK(refused->Wait() == 1);
  CHECK_THAT(refused->error(), Catch::Contains("stream is a stream, and no queue"));
  for (const SeenRequest& seen : broker.seen()) CHECK(seen.target == "/v1/whoami");
  streams.Delete("stream");

  Queues queues("copied");
  PublishedMessage copy = Message(Callback("http://127.0.0.1:9/"), "1");
  copy.headers = {{"x-stream-offset", "17"}};
  queues.Publish(queues.name(), {copy, copy});
  auto bridge = StartBridge(broker.url(), queues.name(), {"--until-empty"});
  CHECK(bridge->Wait() == 0);
  CHECK_THAT(bridge->error(), Catch::Contains("ended: 2 received, 2 accepted"));
}
