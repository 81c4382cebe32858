// The broker as its own receiver: its listeners are refused, and Notify-Via says where a request has been.
#include "net/sender_fixture.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

/// The value of the header line, "(none)" where there is none.
std::string ViaOf(const std::string& request) {
  const std::string start = "\r\nNotify-Via: ";
  const size_t at = request.find(start);
  return at == std::string::npos ? "(none)" : request.substr(at + start.size(), request.find("\r\n", at + 2) - at - start.size());
}

Listener At(const TinyReceiver& receiver) {
  return {*IpAddress::Parse("127.0.0.1"), receiver.port()};
}

}  // namespace

TEST_CASE("self: a call to an own listener is refused where it would connect, for good") {
  TinyReceiver own(200, ""), other(200, "");
  SenderFixture sender;
  sender.SetSelf({"me", {At(own)}});
  for (const std::string host : {"127.0.0.1", "127.1", "[::ffff:127.0.0.1]"}) {
    CAPTURE(host);
    const AttemptResult refused = sender.Send(SpecFor("http://" + host + ":" + std::to_string(own.port()) + "/"));
    CHECK(refused.verdict == Verdict::kFatal);
    CHECK(refused.record.error == "destination_refused");
    CHECK(refused.record.detail.find("listens itself") != std::string::npos);
  }
  CHECK(own.connections() == 0);
  CHECK(sender.Send(SpecFor(other.Url("/"))).verdict == Verdict::kSuccess);
}

TEST_CASE("self: a redirect to an own listener is refused, and a reload can allow it") {
  TinyReceiver own(200, "");
  TinyReceiver other([&](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) peer.Answer(307, "", "Location: " + own.Url("/") + "\r\n");
  });
  SenderOptions options;
  options.follow_redirects = true;
  SenderFixture sender(options);
  sender.SetSelf({"me", {At(own)}});
  CHECK(sender.Send(SpecFor(other.Url("/"))).record.error == "destination_refused");
  options.allow = {"127.0.0.1"};
  REQUIRE(sender.Reload(options).ok());
  CHECK(sender.Send(SpecFor(other.Url("/"))).verdict == Verdict::kSuccess);
  CHECK(ViaOf(own.requests().at(0)) == "me");
}

TEST_CASE("self: each attempt names this broker behind those that the notify came through") {
  TinyReceiver receiver(500, "");
  SenderFixture sender;
  NotifySpec spec = SpecFor(receiver.Url("/"));
  CHECK(sender.Send(spec).via.empty());
  CHECK(ViaOf(receiver.requests().back()) == "(none)");
  sender.SetSelf({"me", {}});
  sender.Send(spec);
  CHECK(ViaOf(receiver.requests().back()) == "me");
  spec.via = "a, b";
  CHECK(sender.Send(spec).via == "a, b");
  CHECK(ViaOf(receiver.requests().back()) == "a, b, me");
}
