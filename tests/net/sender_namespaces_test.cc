// Two teams on one sender: what one namespace may call, and over what, is nothing to another.
#include "net/fake_dns.h"
#include "net/sender_fixture.h"

#include <catch2/catch.hpp>

#include <future>

using namespace notifyd;

namespace {

constexpr NamespaceNumber kOpen = 7, kClosed = 8;

NamespaceRow Row(const std::string& name, NamespaceNumber number, std::optional<std::vector<std::string>> allow = {}) {
  NamespaceRow row;
  row.name = name;
  row.number = number;
  row.settings.destinations.allow = std::move(allow);
  return row;
}

/// default; "open", which allows 127/8; "closed", which says nothing.
std::vector<NamespaceRow> Rows() {
  return {Row("default", kDefaultNumber), Row("open", kOpen, {{"127.0.0.0/8"}}), Row("closed", kClosed)};
}

AttemptResult SendIn(SenderFixture* sender, NamespaceNumber number, const std::string& url) {
  sender->in_namespace = number;
  return sender->Send(SpecFor(url));
}

std::string ErrorIn(SenderFixture* sender, NamespaceNumber number, const std::string& url) {
  return SendIn(sender, number, url).record.error;
}

std::string At(const std::string& host, const TinyReceiver& receiver) {
  return "http://" + host + ":" + std::to_string(receiver.port()) + "/";
}

/// Answers its first request only once it may.
struct Held {
  std::promise<void> may;
  std::shared_future<void> allowed = may.get_future().share();
  TinyReceiver receiver{[this](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) {
      if (peer.number() == 0) allowed.wait();
      if (!peer.Answer(200, "")) return;
    }
  }};
};

}  // namespace

TEST_CASE("namespaces: loopback is open to default, and closed to another one in whatever way it is written") {
  TinyReceiver receiver(200, "");
  FakeDns dns;
  dns.Set("moves.test", {{"127.0.0.1"}, 60});
  dns.Set("mapped.test", {{"::ffff:127.0.0.1"}, 60});
  SenderOptions options;
  options.resolver.servers = dns.server();
  SenderFixture sender(options);
  sender.SetTable(Rows());
  for (const std::string host :
       {"127.0.0.1", "127.1", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "moves.test", "mapped.test"}) {
    CAPTURE(host);
    const AttemptResult refused = SendIn(&sender, kClosed, At(host, receiver));
    CHECK(refused.verdict == Verdict::kFatal);
    CHECK(refused.record.error == "destination_refused");
    CHECK_THAT(refused.record.detail, Catch::Contains("127.0.0.0/8"));
  }
  // What stands for it elsewhere is refused before any packet.
  for (const std::string host : {"[64:ff9b::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[2002:7f00:1::1]", "[::127.0.0.1]", "[::1]"}) {
    CAPTURE(host);
    CHECK(ErrorIn(&sender, kClosed, At(host, receiver)) == "destination_refused");
  }
  CHECK(receiver.connections() == 0);
  CHECK(ErrorIn(&sender, kDefaultNumber, At("127.0.0.1", receiver)) == "");
  CHECK(ErrorIn(&sender, kOpen, At("127.0.0.1", receiver)) == "");
}

TEST_CASE("namespaces: one that nobody knows is closed") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  CHECK(ErrorIn(&sender, kOpen, receiver.Url("/")) == "destination_refused");
  CHECK(ErrorIn(&sender, kDefaultNumber, receiver.Url("/")) == "");
  sender.SetTable(Rows());
  CHECK(ErrorIn(&sender, kOpen, receiver.Url("/")) == "");
  sender.SetTable({});
  CHECK(ErrorIn(&sender, kOpen, receiver.Url("/")) == "destination_refused");
  CHECK(ErrorIn(&sender, kDefaultNumber, receiver.Url("/")) == "");
}

TEST_CASE("namespaces: no connection of one serves another, though both may open it") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  sender.SetTable(Rows());
  CHECK(ErrorIn(&sender, kDefaultNumber, receiver.Url("/")) == "");
  CHECK(ErrorIn(&sender, kClosed, receiver.Url("/")) == "destination_refused");
  CHECK(receiver.connections() == 1);
  for (int i = 0; i < 2; ++i) CHECK(ErrorIn(&sender, kOpen, receiver.Url("/")) == "");
  CHECK(receiver.connections() == 2);
  for (int i = 0; i < 2; ++i) CHECK(ErrorIn(&sender, kDefaultNumber, receiver.Url("/")) == "");
  CHECK(receiver.connections() == 2);
}

TEST_CASE("namespaces: a policy that is tightened closes idle connections at once, of that namespace alone") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  sender.SetTable(Rows());
  CHECK(ErrorIn(&sender, kDefaultNumber, receiver.Url("/")) == "");
  CHECK(ErrorIn(&sender, kOpen, receiver.Url("/")) == "");
  CHECK(receiver.connections() == 2);
  sender.SetTable({Row("default", kDefaultNumber), Row("open", kOpen, {{"127.0.0.2"}})});
  receiver.WaitForOpen(1);
  CHECK(ErrorIn(&sender, kOpen, receiver.Url("/")) == "destination_refused");
  CHECK(ErrorIn(&sender, kDefaultNumber, receiver.Url("/")) == "");
  CHECK(receiver.connections() == 2);
}

TEST_CASE("namespaces: a change of keys, or of another namespace, leaves connections as they are") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  std::vector<NamespaceRow> rows = Rows();
  sender.SetTable(rows);
  CHECK(ErrorIn(&sender, kOpen, receiver.Url("/")) == "");
  rows[1].keys.push_back({"main", SigningKind::kHmac, std::string(32, 'k'), {}, kWallNever});
  rows[2].settings.destinations.allow = {"10.0.0.0/8"};
  sender.SetTable(rows);
  CHECK(ErrorIn(&sender, kOpen, receiver.Url("/")) == "");
  CHECK(receiver.connections() == 1);
}

TEST_CASE("namespaces: a call under way to what is refused now is cut off, one to what is not goes on") {
  Held cut, kept;
  SenderFixture sender;
  std::vector<NamespaceRow> rows = Rows();
  rows[1].settings.destinations.ports = {cut.receiver.port(), kept.receiver.port()};
  sender.SetTable(rows);
  sender.in_namespace = kOpen;
  const NotifyId first = sender.Start(SpecFor(cut.receiver.Url("/"))), second = sender.Start(SpecFor(kept.receiver.Url("/")));
  while (cut.receiver.requests().empty() || kept.receiver.requests().empty()) std::this_thread::yield();
  rows[1].settings.destinations.ports = {kept.receiver.port()};
  sender.SetTable(rows);
  const AttemptResult lost = sender.Wait(first);
  CHECK(lost.verdict == Verdict::kFailure);
  CHECK(lost.record.error == "connection_lost");
  CHECK_THAT(lost.record.detail, Catch::Contains("destinations.ports"));
  cut.may.set_value();
  kept.may.set_value();
  CHECK(sender.Wait(second).verdict == Verdict::kSuccess);
  // But nobody else uses its connection.
  CHECK(ErrorIn(&sender, kOpen, kept.receiver.Url("/")) == "");
  CHECK(kept.receiver.connections() == 2);
}

TEST_CASE("namespaces: what waits for a name when its policy is tightened is judged by the new one") {
  TinyReceiver receiver(200, "");
  FakeDns dns;
  dns.Set("slow.test", {.addresses = {}, .mute = true});
  SenderOptions options;
  options.resolver.servers = dns.server();
  options.resolver.query_timeout_ms = 200;
  SenderFixture sender(options);
  sender.SetTable(Rows());
  sender.in_namespace = kOpen;
  NotifySpec spec = SpecFor(At("slow.test", receiver));
  spec.connect_timeout_ms = 20'000;
  const NotifyId id = sender.Start(spec);
  while (dns.asked("slow.test") == 0) std::this_thread::yield();
  sender.SetTable({Row("open", kOpen)});
  dns.Set("slow.test", {{"127.0.0.1"}, 60});
  CHECK(sender.Wait(id).record.error == "destination_refused");
  CHECK(receiver.connections() == 0);
}

TEST_CASE("namespaces: a name that leads elsewhere the next time is judged by where it leads then") {
  TinyReceiver allowed(200, "", "127.0.0.2");
  TinyReceiver inside(200, "", "127.0.0.1", allowed.port());
  FakeDns dns;
  dns.Set("moves.test", {{"127.0.0.2"}, 0});
  SenderOptions options;
  options.resolver.servers = dns.server();
  options.resolver.min_ttl_ms = 0;
  SenderFixture sender(options);
  sender.SetTable({Row("open", kOpen, {{"127.0.0.2"}})});
  CHECK(ErrorIn(&sender, kOpen, At("moves.test", allowed)) == "");
  dns.Set("moves.test", {{"127.0.0.1"}, 0});
  CHECK(ErrorIn(&sender, kOpen, At("moves.test", allowed)) == "destination_refused");
  // Of two addresses only the one that is allowed is tried.
  dns.Set("both.test", {{"127.0.0.1", "127.0.0.2"}, 0});
  CHECK(ErrorIn(&sender, kOpen, At("both.test", allowed)) == "");
  CHECK(inside.connections() == 0);
}

TEST_CASE("namespaces: a redirect into a closed range is refused, and so are a closed scheme and port") {
  TinyReceiver inside(200, "");
  TinyReceiver outside(
      [&](TinyReceiver::Peer& peer) {
        while (peer.ReadRequest()) peer.Answer(307, "", "Location: " + inside.Url("/") + "\r\n");
      },
      INADDR_ANY);
  SenderOptions options;
  options.follow_redirects = true;
  SenderFixture sender(options);
  std::vector<NamespaceRow> rows{Row("open", kOpen, {{"127.0.0.2"}})};
  sender.SetTable(rows);
  CHECK(ErrorIn(&sender, kOpen, At("127.0.0.2", outside)) == "destination_refused");
  CHECK(inside.connections() == 0);
  rows[0].settings.destinations.allow = {"127.0.0.0/8"};
  sender.SetTable(rows);
  CHECK(ErrorIn(&sender, kOpen, At("127.0.0.2", outside)) == "");
  rows[0].settings.destinations.ports = {outside.port()};
  sender.SetTable(rows);
  CHECK(ErrorIn(&sender, kOpen, At("127.0.0.2", outside)) == "destination_refused");
  rows[0].settings.destinations.ports.reset();
  rows[0].settings.destinations.https_only = true;
  sender.SetTable(rows);
  CHECK(ErrorIn(&sender, kOpen, inside.Url("/")) == "destination_refused");
  CHECK(inside.connections() == 1);
}

TEST_CASE("namespaces: the broker's own listeners are closed to each, whatever it allows, in all forms; the file opens them") {
  TinyReceiver own(200, "");
  SenderFixture sender;
  sender.SetSelf({"me", {{*IpAddress::Parse("127.0.0.1"), own.port()}}});
  sender.SetTable({Row("default", kDefaultNumber), Row("open", kOpen, {{"0.0.0.0/0", "::/0"}}), Row("closed", kClosed)});
  for (const NamespaceNumber number : {kDefaultNumber, kOpen, kClosed}) {
    for (const std::string host :
         {"127.0.0.1", "127.1", "0", "[::ffff:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[2002:7f00:1::]"}) {
      CAPTURE(number, host);
      CHECK(ErrorIn(&sender, number, At(host, own)) == "destination_refused");
    }
  }
  CHECK(own.connections() == 0);
  SenderOptions opened;
  opened.allow = {"127.0.0.1"};
  REQUIRE(sender.Reload(opened).ok());
  for (const NamespaceNumber number : {kDefaultNumber, kOpen, kClosed}) CHECK(ErrorIn(&sender, number, own.Url("/")) == "");
}
