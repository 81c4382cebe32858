// A name with several addresses, of which one takes connections and is no good all the same.
#include "net/fake_dns.h"
#include "net/sender/http2_session.h"
#include "net/sender/plain_pool.h"
#include "net/sender_fixture.h"
#include "support/certificates.h"
#include "support/identity.h"
#include "support/threaded_server.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

/// The name two.test: 127.0.0.1, where a test says what happens, and behind it 127.0.0.2, where all is well. Calls go over new connections.
class TwoAddresses {
 public:
  explicit TwoAddresses(TinyReceiver::Script script, bool secure = true, SSL_CTX* first_tls = nullptr)
      : first(std::move(script), INADDR_LOOPBACK, 0, first_tls),
        second(200, "good", "127.0.0.2", first.port(), secure ? Identity::Get().server() : nullptr),
        url_((secure ? "https://two.test:" : "http://two.test:") + std::to_string(first.port())) {
    dns_.Set("two.test", {{"127.0.0.1", "127.0.0.2"}, 60});
  }
  SenderOptions Options() const {
    SenderOptions options;
    options.resolver.servers = dns_.server();
    options.ca_file = Identity::Get().file();
    return options;
  }
  const std::string& url() const { return url_; }
  AttemptResult Call(SenderFixture& sender, int64_t timeout_ms = 50'000) const {
    NotifySpec spec = PostOf(url_ + "/", "x");
    spec.timeout_ms = spec.connect_timeout_ms = timeout_ms;
    return sender.Send(spec, {}, StartAttempt::Over::kNew);
  }

 private:
  FakeDns dns_;

 public:
  TinyReceiver first, second;

 private:
  std::string url_;
};

/// The first attempt goes to where it is well, and so do those behind it, which need not try the other one before. A machine that is busy for long
/// may have some of them do.
void CheckSecondTakesAll(TwoAddresses& addresses) {
  SenderFixture sender(addresses.Options());
  constexpr int kCalls = 10;
  for (int i = 0; i < kCalls; ++i) {
    const AttemptResult result = addresses.Call(sender);
    CAPTURE(result.record.error, result.record.detail);
    CHECK(result.record.response_body == "good");
  }
  CHECK(addresses.first.connections() < kCalls);
  CHECK(addresses.first.requests().empty());
  CHECK(addresses.second.requests().size() == kCalls);
}

/// One attempt is lost, and the others go to where it is well.
void CheckSecondTakesTheRest(TwoAddresses& addresses, const std::string& error, int64_t timeout_ms) {
  SenderFixture sender(addresses.Options());
  int lost = 0;
  for (int i = 0; i < 4; ++i) {
    const AttemptResult result = addresses.Call(sender, timeout_ms);
    if (result.record.response_body == "good") continue;
    ++lost;
    CHECK(result.record.error == error);
  }
  CHECK(lost <= 1);
}

IpAddress At(int last) {
  return *IpAddress::Parse("192.0.2." + std::to_string(last));
}

}  // namespace

TEST_CASE("addresses: where a handshake stands still, the next one is begun beside it, and takes the call") {
  TwoAddresses addresses([](TinyReceiver::Peer& peer) { peer.WaitForClose(); });
  CheckSecondTakesAll(addresses);
}

TEST_CASE("addresses: where a handshake is cut off, the next one takes the call") {
  TwoAddresses addresses([](TinyReceiver::Peer& peer) {
    if (peer.ReadBytes(10)) peer.Reset();
  });
  CheckSecondTakesAll(addresses);
}

TEST_CASE("addresses: where a certificate does not do, the next one takes the call") {
  CertificateAuthority stranger;
  PeerContext context = NewPeerContext(true, "", stranger.Issue("DNS:two.test"));
  TwoAddresses addresses([](TinyReceiver::Peer& peer) { peer.ReadRequest(); }, true, context.get());
  CheckSecondTakesAll(addresses);
}

TEST_CASE("addresses: one that takes a connection and closes it loses one attempt, not each") {
  for (bool secure : {false, true}) {
    CAPTURE(secure);
    TwoAddresses addresses([](TinyReceiver::Peer& peer) { peer.ReadRequest(); }, secure, secure ? Identity::Get().server() : nullptr);
    CheckSecondTakesTheRest(addresses, "connection_lost", 50'000);
  }
}

TEST_CASE("addresses: one that never answers loses one attempt, not each") {
  for (bool secure : {false, true}) {
    CAPTURE(secure);
    TwoAddresses addresses([](TinyReceiver::Peer& peer) { peer.WaitForClose(); }, secure, secure ? Identity::Get().server() : nullptr);
    CheckSecondTakesTheRest(addresses, "timeout", 2000);
  }
}

TEST_CASE("addresses: where a rule bounds connections, one handshake goes on at a time, and the next attempt goes to the next address") {
  TwoAddresses addresses([](TinyReceiver::Peer& peer) { peer.WaitForClose(); });
  SenderOptions options = addresses.Options();
  DestinationRule rule;
  rule.match = *UrlPattern::Parse(addresses.url());
  rule.connections = 1;
  options.rules = std::make_shared<const DestinationRules>(std::vector{rule}, Fingerprint{1, 0});
  SenderFixture sender(options);
  const AttemptResult lost = addresses.Call(sender, 2000);
  CHECK(lost.record.error == "timeout");
  CHECK(lost.record.detail == "the TLS handshake was not over in time");
  CHECK(addresses.second.requests().empty());
  CHECK(addresses.Call(sender).record.response_body == "good");
}

TEST_CASE("addresses: where all are no good they are tried in turn, and told as what they are") {
  const auto cuts = [](Stream& stream, int) {
    if (stream.MoreUntil(10)) stream.ResetOnClose();
  };
  FakeDns dns;
  ThreadedServer first(cuts), second(cuts, "127.0.0.2", first.port());
  dns.Set("two.test", {{"127.0.0.1", "127.0.0.2"}, 60});
  SenderOptions options;
  options.resolver.servers = dns.server();
  SenderFixture sender(options);
  for (int i = 1; i <= 2; ++i) {
    const AttemptResult result = sender.Send(PostOf("https://two.test:" + std::to_string(first.port()) + "/", "x"));
    CHECK(result.record.error == "tls");
    CHECK_THAT(result.record.detail, Catch::StartsWith("the connection was lost within the TLS handshake: "));
    CHECK(first.accepted() >= i);
    CHECK(second.accepted() >= i);
  }
}

TEST_CASE("addresses: one that failed is tried behind the others for a while, unless it answers") {
  DeadlineWheel wheel{5, 0};
  PlainConnection::Shared shared{nullptr, nullptr, 0};
  PlainPool pool{&shared, &wheel, 8, 300'000};
  PlainHost* host = pool.Enter("a.test", 443, true, {});
  const std::vector<IpAddress> all{At(1), At(2), At(3)};
  CHECK(pool.InOrder(host, all, 0) == all);
  pool.NoteFailed(host, At(1), 0);
  CHECK(pool.InOrder(host, all, 1) == std::vector{At(2), At(3), At(1)});
  pool.NoteFailed(host, At(2), 1);
  pool.NoteFailed(host, At(9), 1);
  CHECK(pool.InOrder(host, all, 2) == std::vector{At(3), At(1), At(2)});
  // Where all have failed, the one that did so first has its turn.
  pool.NoteFailed(host, At(3), 2);
  CHECK(pool.InOrder(host, all, 3) == std::vector{At(1), At(2), At(3)});
  pool.NoteFailed(host, At(1), 3);
  CHECK(pool.InOrder(host, all, 4) == std::vector{At(2), At(3), At(1)});
  pool.NoteAnswered(host, At(2));
  CHECK(pool.InOrder(host, all, 4) == std::vector{At(2), At(3), At(1)});
  CHECK(pool.InOrder(host, all, 2 + PlainPool::kFailedMs) == std::vector{At(2), At(3), At(1)});
  CHECK(pool.InOrder(host, all, 3 + PlainPool::kFailedMs) == all);
  CHECK(host->failed.empty());
  for (int i = 0; i < 100; ++i) pool.NoteFailed(host, At(i), 0);
  CHECK(host->failed.size() == PlainPool::kMaxFailed);
  pool.Leave(host);
}
