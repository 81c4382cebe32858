// What contract part 3 adds to a request: where its notify comes from.
#include <catch2/catch.hpp>

#include "broker/flow.h"
#include "net/sender_fixture.h"

using namespace notifyd;

namespace {

bool HasInHead(const std::string& request, const std::string& line) {
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
  CHECK(HasInHead(receiver.requests().back(), "Notify-Event: n000000000000001a"));
  CHECK(HasInHead(receiver.requests().back(), "Notify-Topic: order.paid"));
  CHECK(HasInHead(receiver.requests().back(), "Notify-Subscription: billing"));
  CHECK(receiver.requests().back().find("Notify-Schedule") == std::string::npos);
}

TEST_CASE("sender: a service's call goes to the instance, with its path behind that one's, under the name that the service says") {
  TinyReceiver receiver(200, "ok");
  SenderFixture sender;
  sender.instance = std::make_shared<const StartAttempt::Instance>(StartAttempt::Instance{"a", receiver.Url("/base/"), ""});
  CHECK(sender.Send(PostOf("service://billing/x?q=1#f", "{}")).verdict == Verdict::kSuccess);
  CHECK(receiver.requests().back().starts_with("POST /base/x?q=1 HTTP/1.1\r\nHost: "));
  CHECK_FALSE(receiver.requests().back().starts_with("POST /base/x?q=1 HTTP/1.1\r\nHost: billing"));
  sender.instance = std::make_shared<const StartAttempt::Instance>(StartAttempt::Instance{"a", receiver.Url(""), "billing.example"});
  CHECK(sender.Send(PostOf("service://billing", "{}")).verdict == Verdict::kSuccess);
  CHECK(receiver.requests().back().starts_with("POST / HTTP/1.1\r\nHost: billing.example\r\n"));
}
