// What contract part 3 adds to a request: where its notify comes from.
#include <catch2/catch.hpp>

#include "broker/flow.h"
#include "net/sender_fixture.h"

using namespace notifyd;

namespace {

bool Has(const std::string& request, const std::string& line) {
  return request.find("\r\n" + line + "\r\n") != std::string::npos;
}

}  // namespace

TEST_CASE("sender: a request says where its notify comes from") {
  TinyReceiver receiver(200, "ok");
  SenderFixture sender;
  FlowFields flow;
  flow.event = NotifyId{0x1a};
  flow.topic = "order.paid";
  flow.subscription = "billing";
  Envelope envelope;
  envelope.flow = std::make_shared<const FlowFields>(flow);
  sender.Send(PostOf(receiver.Url("/hook"), "{}"), envelope);
  CHECK(Has(receiver.requests().back(), "Notify-Event: n000000000000001a"));
  CHECK(Has(receiver.requests().back(), "Notify-Topic: order.paid"));
  CHECK(Has(receiver.requests().back(), "Notify-Subscription: billing"));
  CHECK(receiver.requests().back().find("Notify-Schedule") == std::string::npos);
}
