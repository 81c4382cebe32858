// What the file's destination rules add to calls, and whom they add it to.
#include "broker/breaker.h"
#include "net/fake_dns.h"
#include "net/sender_fixture.h"
#include "support/certificates.h"
#include "support/identity.h"
#include "support/sockets.h"
#include "support/temp_dir.h"
#include "support/threaded_server.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <future>

using namespace notifyd;

namespace {

constexpr char kSecret[] = "s3cr3t/\"token\"-0123456789";

DestinationRule RuleFor(const std::string& pattern) {
  DestinationRule rule;
  rule.match = *UrlPattern::Parse(pattern);
  return rule;
}

DestinationRule Bearing(const std::string& pattern) {
  DestinationRule rule = RuleFor(pattern);
  rule.headers = {{"Authorization", std::string("Bearer ") + kSecret}, {"X-Team", "team-of-the-rule"}};
  return rule;
}

SenderOptions With(std::vector<DestinationRule> rules, const std::string& print = "1") {
  SenderOptions options;
  options.rules = std::make_shared<const DestinationRules>(std::move(rules), FingerprintOf(print));
  return options;
}

std::string Host(const TinyReceiver& receiver) {
  return "127.0.0.1:" + std::to_string(receiver.port());
}

bool Has(const std::string& request, const std::string& text) {
  return request.find(text) != std::string::npos;
}

NamespaceRow SpaceRow(const std::string& name, NamespaceNumber number, std::vector<std::string> allow) {
  NamespaceRow row;
  row.name = name;
  row.number = number;
  row.settings.destinations.allow = std::move(allow);
  return row;
}

/// An HTTP proxy that opens what it is asked for by CONNECT, wherever that is said to be, and keeps what it was asked.
class TunnelProxy {
 public:
  /// `to`: where all ways lead; `answer`: in place of opening one, where it is not empty; `opens`: what it says where it opens one.
  explicit TunnelProxy(uint16_t to, std::string answer = {}, std::string opens = "HTTP/1.1 200 Open\r\nX: y\r\n\r\n")
      : to_(to), answer_(std::move(answer)), opens_(std::move(opens)), server_([this](Stream& client, int) { Serve(client); }) {}
  uint16_t port() const { return server_.port(); }
  std::vector<std::string> asked() const {
    std::lock_guard lock(mutex_);
    return asked_;
  }
  /// Of the last that it was asked.
  std::string head() const {
    std::lock_guard lock(mutex_);
    return head_;
  }

 private:
  void Serve(Stream& client) {
    std::string head;
    if (!client.ReadHead(&head)) return;
    {
      std::lock_guard lock(mutex_);
      asked_.push_back(head.substr(0, head.find("\r\n")));
      head_ = head;
    }
    if (!answer_.empty()) {
      client.Send(answer_);
      return;
    }
    const int there = Connect(to_);
    Must(there >= 0, "connect");
    client.Send(opens_);
    pollfd both[2] = {{client.fd(), POLLIN, 0}, {there, POLLIN, 0}};
    for (bool open = true; open && poll(both, 2, -1) > 0;) {
      for (int i = 0; i < 2; ++i) {
        if (both[i].revents == 0) continue;
        char bytes[16384];
        const ssize_t got = recv(both[i].fd, bytes, sizeof bytes, 0);
        open = open && got > 0 && send(both[1 - i].fd, bytes, static_cast<size_t>(got), MSG_NOSIGNAL) == got;
      }
    }
    close(there);
  }

  const uint16_t to_;
  const std::string answer_, opens_;
  mutable std::mutex mutex_;
  std::vector<std::string> asked_;
  std::string head_;
  ThreadedServer server_;
};

ProxyAddress ProxyAt(uint16_t port) {
  return {"127.0.0.1", port};
}

}  // namespace

TEST_CASE("rules: headers take the place of the submitter's, for whom and where the rule holds alone") {
  TinyReceiver receiver(200, "");
  DestinationRule rule = Bearing("http://" + Host(receiver) + "/v1");
  rule.callers = {"shop"};
  SenderFixture sender(With({rule}));
  sender.SetTable({SpaceRow("other", 7, {"127.0.0.0/8"})});
  NotifySpec spec = PostOf(receiver.Url("/v1/orders"), "x");
  spec.headers = {{"authorization", "mine"}, {"X-Own", "kept"}};
  Envelope shop;
  shop.caller = "shop";
  REQUIRE(sender.Send(spec, shop).verdict == Verdict::kSuccess);
  const std::string with = receiver.requests().back();
  CHECK(Has(with, std::string("\r\nAuthorization: Bearer ") + kSecret + "\r\n"));
  CHECK(Has(with, "\r\nX-Team: team-of-the-rule\r\n"));
  CHECK(Has(with, "\r\nX-Own: kept\r\n"));
  CHECK_FALSE(Has(with, "mine"));
  const auto without = [&](const NotifySpec& sent, const Envelope& envelope, NamespaceNumber number) {
    sender.in_namespace = number;
    REQUIRE(sender.Send(sent, envelope).verdict == Verdict::kSuccess);
    CHECK_FALSE(Has(receiver.requests().back(), kSecret));
    CHECK(Has(receiver.requests().back(), "\r\nauthorization: mine\r\n"));
  };
  without(spec, {}, kDefaultNumber);
  without(spec, shop, 7);
  spec.url = receiver.Url("/v10");
  without(spec, shop, kDefaultNumber);
}

TEST_CASE("rules: a crooked path on the origin of a secret is refused at the attempt, too, whoever asks") {
  TinyReceiver receiver(200, "");
  SenderFixture sender(With({Bearing("http://" + Host(receiver) + "/v1")}));
  for (const char* path : {"/v1/../v2", "/v1//x", "/v1/%2e%2e/v2", "/other/%2F"}) {
    CAPTURE(path);
    const AttemptResult refused = sender.Send(SpecFor(receiver.Url(path)));
    CHECK(refused.verdict == Verdict::kFatal);
    CHECK(refused.record.error == "destination_refused");
  }
  CHECK(receiver.connections() == 0);
}

TEST_CASE("rules: a redirect takes the secrets along within the origin, never to another, nor gets those of another") {
  TinyReceiver other(200, "");
  std::string back;
  TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
    for (std::string request; peer.ReadRequest(&request);) {
      if (request.starts_with("POST /v1/here")) peer.Answer(307, "", "Location: /v1/there\r\n");
      else if (request.starts_with("POST /v1/away")) peer.Answer(307, "", "Location: " + other.Url("/") + "\r\n");
      else peer.Answer(200, "");
    }
  });
  TinyReceiver stranger([&](TinyReceiver::Peer& peer) {
    for (std::string request; peer.ReadRequest(&request);)
      peer.Answer(307, "", "Location: " + receiver.Url(request.starts_with("POST /crooked") ? "/v1/../v2" : "/v1/there") + "\r\n");
  });
  DestinationRule here = Bearing("http://" + Host(receiver)), there = RuleFor("http://" + Host(stranger));
  here.follow_redirects = there.follow_redirects = true;
  SenderFixture sender(With({here, there}));
  REQUIRE(sender.Send(SpecFor(receiver.Url("/v1/here"))).verdict == Verdict::kSuccess);
  CHECK(Has(receiver.requests().back(), "/v1/there"));
  CHECK(Has(receiver.requests().back(), kSecret));
  REQUIRE(sender.Send(SpecFor(receiver.Url("/v1/away"))).verdict == Verdict::kSuccess);
  CHECK_FALSE(Has(other.requests().back(), kSecret));
  CHECK_FALSE(Has(other.requests().back(), "X-Team"));
  NotifySpec spec = SpecFor(stranger.Url("/"));
  spec.headers = {{"X-Own", "own"}, {"Accept", "a/b"}};
  REQUIRE(sender.Send(spec).verdict == Verdict::kSuccess);
  CHECK(Has(receiver.requests().back(), "POST /v1/there"));
  CHECK_FALSE(Has(receiver.requests().back(), kSecret));
  CHECK_FALSE(Has(receiver.requests().back(), "X-Own"));
  CHECK(Has(receiver.requests().back(), "Accept: a/b"));
  CHECK(Has(receiver.requests().back(), "Notify-Id: "));
  const size_t before = receiver.requests().size();
  CHECK(sender.Send(SpecFor(stranger.Url("/crooked"))).record.error == "destination_refused");
  CHECK(receiver.requests().size() == before);
}

TEST_CASE("rules: their values do not come back, in whatever way a receiver echoes them") {
  const std::string json = "{\"got\":\"s3cr3t\\/\\\"token\\\"-0123456789\"}", percent = "got=s3cr3t%2F%22token%22-0123456789";
  TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
    for (std::string request; peer.ReadRequest(&request);) {
      if (request.starts_with("POST /json")) peer.Answer(500, json);
      else if (request.starts_with("POST /percent")) peer.Answer(500, percent);
      else if (request.starts_with("POST /cut")) peer.Answer(500, std::string(90, 'x') + kSecret + std::string(5000, 'y'));
      else if (request.starts_with("POST /go")) peer.Answer(307, "", std::string("Location: http://") + "h:x/s3cr3t/\r\n");
      else peer.Answer(500, "you sent Bearer " + std::string(kSecret) + " and team-of-the-rule");
    }
  });
  SenderOptions options = With({Bearing("http://" + Host(receiver))});
  options.recorded_failure_bytes = 100;
  SenderFixture sender(options);
  const auto body = [&](const char* path) { return sender.Send(SpecFor(receiver.Url(path))).record.response_body; };
  CHECK(body("/plain") == "you sent Bearer *** and ***");
  CHECK(body("/json") == "{\"got\":\"***\"}");
  CHECK(body("/percent") == "got=***");
  CHECK_FALSE(Has(body("/cut"), "s3cr3t"));
}

TEST_CASE("rules: a certificate and authorities of a rule's own, and another namespace shows none") {
  CertificateAuthority servers, clients;
  const Pair shown = servers.Issue("IP:127.0.0.1"), ours = clients.Issue("DNS:us.test");
  PeerContext asking = NewPeerContext(true, clients.certificate(), shown);
  TinyReceiver receiver(200, "", "127.0.0.1", 0, asking.get());
  DestinationRule rule = RuleFor("https://" + Host(receiver)), bare = RuleFor("https://" + Host(receiver));
  rule.tls = *TlsContext::ForClient({.ca = servers.certificate(), .certificate = ours.certificate, .key = ours.key});
  rule.tls_without = bare.tls = bare.tls_without = *TlsContext::ForClient({.ca = servers.certificate(), .certificate = {}, .key = {}});
  rule.has_certificate = true;
  rule.follow_redirects = bare.follow_redirects = true;
  bare.namespaces = {"other"};
  SenderFixture sender(With({rule, bare}));
  sender.SetTable({SpaceRow("other", 7, {"127.0.0.0/8"})});
  for (int i = 0; i < 2; ++i) {
    const AttemptResult result = sender.Send(PostOf(receiver.Url("/"), "x"));
    CAPTURE(result.record.detail);
    CHECK(result.verdict == Verdict::kSuccess);
  }
  CHECK(receiver.connections() == 1);
  sender.in_namespace = 7;
  CHECK(sender.Send(PostOf(receiver.Url("/"), "x")).record.error == "tls");
  // Nor does a redirect from elsewhere make it show one.
  sender.in_namespace = kDefaultNumber;
  TinyReceiver stranger([&](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) peer.Answer(307, "", "Location: " + receiver.Url("/") + "\r\n");
  });
  DestinationRule follows = RuleFor("http://" + Host(stranger));
  follows.follow_redirects = true;
  REQUIRE(sender.Reload(With({rule, bare, follows}, "2")).ok());
  CHECK(sender.Send(SpecFor(stranger.Url("/"))).record.error == "tls");
  CHECK(receiver.requests().size() == 2);
}

TEST_CASE("rules: a certificate without authorities of its own is shown to those whom the settings' authorities certify") {
  test::TempDir dir;
  CertificateAuthority servers, clients;
  const Pair shown = servers.Issue("IP:127.0.0.1"), ours = clients.Issue("DNS:us.test"), later = clients.Issue("DNS:us.test");
  PeerContext asking = NewPeerContext(true, clients.certificate(), shown);
  TinyReceiver receiver(200, "", "127.0.0.1", 0, asking.get());
  const auto options = [&](std::shared_ptr<const CertificatePair> pair, const std::string& print) {
    DestinationRule rule = RuleFor("https://" + Host(receiver));
    rule.shown = std::move(pair);
    rule.has_certificate = rule.shown != nullptr;
    SenderOptions with = With({rule}, print);
    with.ca_file = dir.Write("ca.pem", servers.certificate());
    return with;
  };
  const auto pair_of = [](const Pair& of) { return std::make_shared<const CertificatePair>(CertificatePair{of.certificate, of.key}); };
  SenderFixture sender(options(pair_of(ours), "1"));
  const auto error = [&] { return sender.Send(PostOf(receiver.Url("/"), "x")).record.error; };
  CHECK(error() == "");
  REQUIRE(sender.Reload(options(nullptr, "2")).ok());
  CHECK(error() == "tls");
  REQUIRE(sender.Reload(options(pair_of(later), "3")).ok());
  CHECK(error() == "");
  CHECK(receiver.requests().size() == 2);
}

TEST_CASE("rules: whether redirects are followed says the destination's rule, then the notify, then the settings") {
  TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
    for (std::string request; peer.ReadRequest(&request);)
      request.find(" /there ") != std::string::npos ? peer.Answer(200, "") : peer.Answer(307, "", "Location: /there\r\n");
  });
  struct {
    std::optional<bool> rule, notify;
    bool settings, follows;
  } cases[] = {{{}, {}, false, false}, {{}, true, false, true},    {{}, false, true, false},
               {{}, {}, true, true},   {false, true, true, false}, {true, false, false, true}};
  for (const auto& each : cases) {
    DestinationRule rule = RuleFor("http://" + Host(receiver));
    rule.follow_redirects = each.rule;
    SenderOptions options = With({rule});
    options.follow_redirects = each.settings;
    SenderFixture sender(options);
    NotifySpec spec = SpecFor(receiver.Url("/here"));
    spec.follow_redirects = each.notify;
    CHECK((sender.Send(spec).verdict == Verdict::kSuccess) == each.follows);
  }
}

TEST_CASE("rules: other rules close what was opened under those before") {
  CertificateAuthority servers;
  const Pair shown = servers.Issue("IP:127.0.0.1");
  PeerContext server = NewPeerContext(true, "", shown);
  TinyReceiver receiver(200, "", "127.0.0.1", 0, server.get());
  DestinationRule rule = RuleFor("https://" + Host(receiver));
  rule.tls = rule.tls_without = *TlsContext::ForClient({.ca = servers.certificate(), .certificate = {}, .key = {}});
  SenderFixture sender(With({rule}));
  REQUIRE(sender.Send(SpecFor(receiver.Url("/"))).verdict == Verdict::kSuccess);
  // The same ones close nothing.
  REQUIRE(sender.Reload(With({rule})).ok());
  REQUIRE(sender.Send(SpecFor(receiver.Url("/"))).verdict == Verdict::kSuccess);
  CHECK(receiver.connections() == 1);
  CertificateAuthority others;
  rule.tls = rule.tls_without = *TlsContext::ForClient({.ca = others.certificate(), .certificate = {}, .key = {}});
  REQUIRE(sender.Reload(With({rule}, "2")).ok());
  receiver.WaitForOpen(0);
  // And what was proved to the rule before is nothing to this one: the session is not gone on with.
  CHECK(sender.Send(SpecFor(receiver.Url("/"))).record.error == "tls");
}

TEST_CASE("rules: a proxy is asked for the whole URL over http, and for a way by CONNECT for https") {
  TinyReceiver plain(200, "proxied");
  DestinationRule rule = RuleFor("http://behind.test:8080");
  rule.proxy = ProxyAt(plain.port());
  TinyReceiver secure(200, "tunneled", "127.0.0.1", 0, Identity::Get().server());
  TunnelProxy tunnel(secure.port());
  DestinationRule tunneled = RuleFor("https://a.test:*");
  tunneled.proxy = ProxyAt(tunnel.port());
  SenderOptions options = With({rule, tunneled});
  options.ca_file = Identity::Get().file();
  SenderFixture sender(options);
  CHECK(sender.Send(PostOf("http://behind.test:8080/x?y", "body")).record.response_body == "proxied");
  CHECK(plain.requests().back().starts_with("POST http://behind.test:8080/x?y HTTP/1.1\r\nHost: behind.test:8080\r\n"));
  for (int i = 0; i < 2; ++i) {
    const AttemptResult result = sender.Send(PostOf("https://a.test:8443/x", "body"));
    CAPTURE(result.record.error, result.record.detail);
    CHECK(result.record.response_body == "tunneled");
    CHECK(secure.requests().back().starts_with("POST /x HTTP/1.1\r\nHost: a.test:8443\r\n"));
  }
  CHECK(tunnel.asked() == std::vector<std::string>{"CONNECT a.test:8443 HTTP/1.1"});
  // What it leads to is another than another namespace's way, and another host's.
  CHECK(sender.Send(PostOf("https://a.test/x", "body")).record.response_body == "tunneled");
  CHECK(tunnel.asked().size() == 2);
}

TEST_CASE("rules: a proxy gets its credentials with a call and with CONNECT, who is behind it does not, and nobody reads them in an answer") {
  const std::string basic = "Basic cGVyc29uOmEgbG9uZyBzZWNyZXQ=";
  TinyReceiver plain(200, "you said " + basic + ", a long secret");
  DestinationRule rule = RuleFor("http://behind.test:8080");
  rule.proxy = ProxyAt(plain.port());
  TinyReceiver secure(200, "tunneled", "127.0.0.1", 0, Identity::Get().server());
  TunnelProxy tunnel(secure.port());
  DestinationRule tunneled = RuleFor("https://a.test:*");
  tunneled.proxy = ProxyAt(tunnel.port());
  rule.proxy_credentials = tunneled.proxy_credentials = "person:a long secret";
  SenderOptions options = With({rule, tunneled});
  options.ca_file = Identity::Get().file();
  SenderFixture sender(options);
  NotifySpec spec = PostOf("http://behind.test:8080/x", "body");
  spec.headers = {{"proxy-authorization", "Basic b3RoZXI6b3RoZXI="}};
  CHECK(sender.Send(spec).record.response_body == "you said Basic ***, ***");
  CHECK(Has(plain.requests().back(), "\r\nProxy-Authorization: " + basic + "\r\n"));
  CHECK_FALSE(Has(plain.requests().back(), "b3RoZXI6"));
  CHECK(sender.Send(PostOf("https://a.test:8443/x", "body")).record.response_body == "tunneled");
  CHECK(Has(tunnel.head(), "\r\nProxy-Authorization: " + basic + "\r\n"));
  CHECK_FALSE(Has(secure.requests().back(), "Proxy-Authorization"));
}

TEST_CASE("rules: HTTP/2 is not offered where a rule says so") {
  TinyReceiver secure(200, "1.1", "127.0.0.1", 0, Identity::Get().http2());
  DestinationRule rule = RuleFor("https://" + Host(secure));
  rule.http2 = false;
  SenderOptions options = With({rule});
  options.ca_file = Identity::Get().file();
  SenderFixture sender(options);
  CHECK(sender.Send(PostOf(secure.Url("/"), "x")).record.response_body == "1.1");
}

TEST_CASE("rules: a proxy's answer to CONNECT is read as a receiver's is: behind provisional ones, and whatever its lines end with") {
  TinyReceiver receiver(200, "there", "127.0.0.1", 0, Identity::Get().server());
  for (const char* opens : {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Wait\r\nX: y\r\n\r\nHTTP/1.1 200 Open\r\n\r\n", "HTTP/1.1 200 Open\nX: y\n\n",
                            "HTTP/1.0 200 Open\r\nX: y\n\r\n"}) {
    CAPTURE(opens);
    TunnelProxy proxy(receiver.port(), {}, opens);
    DestinationRule rule = RuleFor("https://a.test:*");
    rule.proxy = ProxyAt(proxy.port());
    SenderOptions options = With({rule});
    options.ca_file = Identity::Get().file();
    SenderFixture sender(options);
    const AttemptResult result = sender.Send(PostOf("https://a.test/", "x"));
    CAPTURE(result.record.error, result.record.detail);
    CHECK(result.record.response_body == "there");
  }
}

TEST_CASE("rules: a proxy that refuses, hangs up, says too much or is not there is a failure that is told") {
  DestinationRule rule = RuleFor("https://a.test:*");
  const auto detail = [&](ProxyAddress proxy) {
    rule.proxy = proxy;
    SenderFixture sender(With({rule}));
    const AttemptResult result = sender.Send(PostOf("https://a.test/", "x"));
    CHECK(result.verdict == Verdict::kFailure);
    CHECK(result.record.error == "connect_failed");
    return result.record.detail;
  };
  TunnelProxy refusing(0, "HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n"), silent(0, "\r\n"), chatty(0, "HTTP/1.1 200 OK\r\n\r\nhello"),
      endless(0, "HTTP/1.1 200 OK\r\nX: " + std::string(20 << 10, 'x')), odd(0, "HELLO\r\n\r\n"),
      switching(0, "HTTP/1.1 100 Continue\n\nHTTP/1.1 101 Other\n\n"), again(0, [] {
        std::string many;
        while (many.size() < (20 << 10)) many += "HTTP/1.1 100 Continue\r\n\r\n";
        return many;
      }());
  CHECK_THAT(detail(ProxyAt(refusing.port())), Catch::Contains("answered 407"));
  CHECK_THAT(detail(ProxyAt(silent.port())), Catch::Contains("closed the connection"));
  CHECK_THAT(detail(ProxyAt(chatty.port())), Catch::Contains("says more"));
  CHECK_THAT(detail(ProxyAt(endless.port())), Catch::Contains("too long"));
  CHECK_THAT(detail(ProxyAt(odd.port())), Catch::Contains("something else"));
  CHECK_THAT(detail(ProxyAt(switching.port())), Catch::Contains("answered 101"));
  CHECK_THAT(detail(ProxyAt(again.port())), Catch::Contains("too long"));
  DeafPort deaf;
  CHECK_THAT(detail(ProxyAt(deaf.port())), Catch::StartsWith("the proxy 127.0.0.1:"));
}

TEST_CASE("rules: a proxy at a closed address is not called, nor asked for what is closed to the namespace") {
  TinyReceiver proxy(200, "");
  DestinationRule rule = RuleFor("*:*");
  rule.proxy = ProxyAt(proxy.port());
  rule.namespaces = {"default", "closed", "open"};
  SenderFixture sender(With({rule}));
  sender.SetTable({SpaceRow("default", kDefaultNumber, {}), SpaceRow("open", 7, {"10.0.0.0/8"}), SpaceRow("closed", 8, {})});
  const auto error = [&](NamespaceNumber number, const std::string& url) {
    sender.in_namespace = number;
    return sender.Send(SpecFor(url)).record.error;
  };
  // Literal addresses are judged as if they were called, names cannot be.
  for (const std::string url : {"http://10.0.0.1/", "http://[64:ff9b::10.0.0.1]/", "http://127.0.0.1:1/", "http://name.test/"}) {
    CAPTURE(url);
    CHECK(error(8, url) == "destination_refused");
  }
  CHECK(error(7, "http://name.test/") == "destination_refused");
  CHECK(error(7, "http://127.0.0.1/") == "destination_refused");
  CHECK(error(kDefaultNumber, "http://169.254.169.254/") == "destination_refused");
  CHECK(proxy.connections() == 0);
  CHECK(error(7, "http://10.0.0.1/") == "");
  CHECK(error(kDefaultNumber, "http://name.test/") == "");
  CHECK(proxy.requests().size() == 2);
  rule.unchecked = true;
  REQUIRE(sender.Reload(With({rule}, "2")).ok());
  CHECK(error(8, "http://name.test/") == "");
  CHECK(error(8, "http://10.0.0.1/") == "destination_refused");
  // The proxy itself is judged by the file: a listener of the broker's own is none, nor is a metadata address.
  SenderFixture other(With({rule}));
  other.SetSelf({"me", {{*IpAddress::Parse("127.0.0.1"), proxy.port()}}});
  CHECK(other.Send(SpecFor("http://name.test/")).record.error == "destination_refused");
  rule.proxy = ProxyAddress{"169.254.169.254", 80};
  REQUIRE(other.Reload(With({rule}, "2")).ok());
  CHECK(other.Send(SpecFor("http://name.test/")).record.error == "destination_refused");
  CHECK(proxy.requests().size() == 3);
}

TEST_CASE("rules: no more connections at a time than a rule says, and all calls are made") {
  std::promise<void> may_end, may_go_on;
  std::shared_future<void> end = may_end.get_future().share(), go_on = may_go_on.get_future().share();
  // The second connection ends behind its first answer, while the first one's is still to come: its place is a third one's.
  TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) {
      if (peer.number() == 0) go_on.wait();
      if (peer.number() == 1) {
        end.wait();
        peer.Answer(200, "", "Connection: close\r\n");
        return;
      }
      if (!peer.Answer(200, "")) return;
    }
  });
  DestinationRule rule = RuleFor("http://" + Host(receiver));
  rule.connections = 2;
  SenderFixture sender(With({rule}));
  std::vector<NotifyId> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(sender.Start(PostOf(receiver.Url("/"), "x")));
  while (receiver.requests().size() < 2) std::this_thread::yield();
  CHECK(receiver.connections() == 2);
  may_end.set_value();
  while (sender.ended() < 19) std::this_thread::yield();
  CHECK(receiver.connections() == 3);
  may_go_on.set_value();
  for (NotifyId id : calls) CHECK(sender.Wait(id).verdict == Verdict::kSuccess);
  CHECK(receiver.requests().size() == 20);
  CHECK(receiver.connections() == 3);
}

TEST_CASE("rules: a call that is to have a new connection gets the place of an idle one") {
  TinyReceiver receiver(200, "");
  DestinationRule rule = RuleFor("http://" + Host(receiver));
  rule.connections = 1;
  SenderFixture sender(With({rule}));
  REQUIRE(sender.Send(PostOf(receiver.Url("/"), "x")).verdict == Verdict::kSuccess);
  REQUIRE(sender.Send(PostOf(receiver.Url("/"), "x"), {}, StartAttempt::Over::kNew).verdict == Verdict::kSuccess);
  CHECK(receiver.connections() == 2);
}

TEST_CASE("rules: calls that wait for a connection are judged anew when other rules or destinations hold") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    peer.ReadRequest();
    peer.WaitForClose();
  });
  DestinationRule rule = RuleFor("http://" + Host(receiver));
  rule.connections = 1;
  SenderFixture sender(With({rule}));
  const NotifyId first = sender.Start(PostOf(receiver.Url("/"), "x"));
  while (receiver.requests().empty()) std::this_thread::yield();
  std::vector<NotifyId> waiting;
  for (int i = 0; i < 5; ++i) waiting.push_back(sender.Start(PostOf(receiver.Url("/"), "x")));
  SenderOptions closed = With({rule});
  closed.deny = {"127.0.0.0/8"};
  REQUIRE(sender.Reload(closed).ok());
  CHECK(sender.Wait(first).record.error == "connection_lost");
  for (NotifyId id : waiting) CHECK(sender.Wait(id).record.error == "destination_refused");
  CHECK(receiver.connections() == 1);
  CHECK(sender.in_flight() == 0);
}

TEST_CASE("rules: calls that wait for a connection end where their namespace is closed altogether") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    peer.ReadRequest();
    peer.WaitForClose();
  });
  DestinationRule rule = RuleFor("http://" + Host(receiver));
  rule.connections = 1;
  rule.namespaces = {"other"};
  SenderFixture sender(With({rule}));
  NamespaceRow row = SpaceRow("other", 7, {"127.0.0.0/8"});
  sender.SetTable({row});
  sender.in_namespace = 7;
  const NotifyId first = sender.Start(PostOf(receiver.Url("/"), "x")), second = sender.Start(PostOf(receiver.Url("/"), "x"));
  while (receiver.requests().empty()) std::this_thread::yield();
  row.settings.destinations.https_only = true;
  sender.SetTable({row});
  CHECK(sender.Wait(first).record.error == "connection_lost");
  CHECK(sender.Wait(second).record.error == "destination_refused");
}

TEST_CASE("rules: a call that waits for a connection ends in time, and a sender that is stopped lets go of all") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    peer.ReadRequest();
    peer.WaitForClose();
  });
  DestinationRule rule = RuleFor("http://" + Host(receiver));
  rule.connections = 1;
  SenderFixture sender(With({rule}));
  sender.Start(PostOf(receiver.Url("/"), "x"));
  NotifySpec spec = PostOf(receiver.Url("/"), "x");
  spec.connect_timeout_ms = 50;
  const AttemptResult result = sender.Send(spec);
  CHECK(result.record.error == "timeout");
  CHECK(result.record.detail == "no connection was free in time");
  CHECK(ContactOf(result) == Contact::kUnknown);
  for (int i = 0; i < 3; ++i) sender.Start(PostOf(receiver.Url("/"), "x"));
  // Under another policy they look again; then they are stopped.
  REQUIRE(sender.Reload(With({rule}, "2")).ok());
  sender.Abort();
  CHECK(sender.in_flight() == 0);
}
