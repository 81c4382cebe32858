// TLS: a receiver of the openssl command, with a certificate made for the test.
#include "net/fake_dns.h"
#include "support/certificates.h"
#include "support/identity.h"
#include "support/process.h"
#include "net/receivers/frames.h"
#include "net/receivers/stage.h"
#include "net/sender_fixture.h"

#include <catch2/catch.hpp>
#include <memory>

using namespace notifyd;

namespace {

/// Answers any GET with 200 and a page.
class TlsReceiver {
 public:
  explicit TlsReceiver(const CertificateAuthority& authority) {
    const Pair shown = authority.Issue("IP:127.0.0.1");
    test::Process::Input input;
    input.arguments = {"s_server",
                       "-accept",
                       "127.0.0.1:0",
                       "-cert",
                       directory_.Write("certificate.pem", shown.certificate),
                       "-key",
                       directory_.Write("key.pem", shown.key),
                       "-www"};
    server_ = std::make_unique<test::Process>("openssl", input);
    const std::string said = "ACCEPT 127.0.0.1:";
    Must(server_->WaitForOutput(said), "openssl s_server");
    std::string text;
    do text = server_->output();
    while (text.find('\n', text.find(said)) == text.npos);
    port_ = text.substr(text.find(said) + said.size());
    port_.erase(port_.find('\n'));
  }
  NotifySpec Get(const std::string& host) const {
    NotifySpec spec = SpecFor("https://" + host + ":" + port_ + "/");
    spec.method = Method::kGet;
    return spec;
  }

 private:
  test::TempDir directory_;
  std::unique_ptr<test::Process> server_;
  std::string port_;
};

/// An authority, and a file that says that it is one.
struct Trusted : CertificateAuthority {
  test::TempDir directory;
  SenderOptions Options() const {
    SenderOptions options;
    options.ca_file = directory.Write("ca.pem", certificate());
    return options;
  }
};

}  // namespace

TEST_CASE("tls: a receiver whose certificate comes from the CA of the settings is called") {
  Trusted authority;
  TlsReceiver receiver(authority);
  SenderFixture sender(authority.Options());
  for (int i = 0; i < 3; ++i) {
    const AttemptResult result = sender.Send(receiver.Get("127.0.0.1"));
    CAPTURE(result.record.error, result.record.detail);
    CHECK(result.verdict == Verdict::kSuccess);
    CHECK(result.record.status == 200);
    CHECK(result.record.response_body.find("<HTML>") != std::string::npos);
  }
}

TEST_CASE("tls: one that no CA vouches for is not") {
  Trusted authority, other;
  TlsReceiver receiver(authority);
  SenderFixture by_system, by_other(other.Options());
  for (SenderFixture* sender : {&by_system, &by_other}) {
    const AttemptResult result = sender->Send(receiver.Get("127.0.0.1"));
    CHECK(result.verdict == Verdict::kFailure);
    CHECK(result.record.error == "tls");
    CHECK_FALSE(result.record.detail.empty());
    CHECK(result.record.status == 0);
  }
}

TEST_CASE("tls: one whose certificate is for another name is not") {
  Trusted authority;
  TlsReceiver receiver(authority);
  SenderFixture sender(authority.Options());
  CHECK(sender.Send(receiver.Get("localhost")).record.error == "tls");
  CHECK(sender.Send(receiver.Get("127.0.0.1")).verdict == Verdict::kSuccess);
}

TEST_CASE("tls: a file of CAs that cannot be read is refused when the sender is made") {
  Loop loop;
  struct : EventSink {
    void Post(Event) override {}
  } sink;
  SenderOptions options;
  options.ca_file = "/nonexistent/ca.pem";
  Result<std::unique_ptr<PlainSender>> sender = PlainSender::Create(&loop, &sink, options);
  REQUIRE_FALSE(sender.ok());
  CHECK(sender.status().field() == "/destinations/ca_file");
}

TEST_CASE("tls: a further connection to a receiver goes on with the session of the one before") {
  SSL_CTX* tls = Identity::Get().server();
  TinyReceiver receiver(200, "ok", "127.0.0.1", 0, tls);
  SenderOptions options;
  options.ca_file = Identity::Get().file();
  SenderFixture sender(options);
  REQUIRE(sender.Send(PostOf(receiver.Url("/"), "x")).verdict == Verdict::kSuccess);
  const long before = SSL_CTX_sess_hits(tls);
  REQUIRE(sender.Send(PostOf(receiver.Url("/"), "x"), {}, StartAttempt::Over::kNew).verdict == Verdict::kSuccess);
  CHECK(receiver.connections() == 2);
  CHECK(SSL_CTX_sess_hits(tls) == before + 1);
}

TEST_CASE("tls: redirects lead from http to https and back, and over HTTP/2") {
  TinyReceiver last(200, "end");
  Stage http2({Send(h2::Settings()), Read(), Send(h2::Head(1, "307", {{"location", last.Url("/end")}}, true))}, Identity::Get().http2());
  const auto to = [](std::string url) {
    return [url](TinyReceiver::Peer& peer) {
      while (peer.ReadRequest()) peer.Answer(308, "over there", "Location: " + url + "\r\n");
    };
  };
  TinyReceiver secure(to(http2.Url("/c")), INADDR_LOOPBACK, 0, Identity::Get().server());
  TinyReceiver plain(to(secure.Url("/b#there")));
  SenderOptions options;
  options.ca_file = Identity::Get().file();
  options.follow_redirects = true;
  SenderFixture sender(options);
  NotifySpec spec = PostOf(plain.Url("/a"), "text");
  spec.headers = {{"Authorization", "secret"}, {"Accept", "a/b"}};
  const AttemptResult result = sender.Send(spec);
  CHECK(result.record.error == "");
  CHECK(result.record.response_body == "end");
  CHECK(secure.requests().at(0).starts_with("POST /b HTTP/1.1\r\n"));
  CHECK(last.requests().at(0).starts_with("POST /end HTTP/1.1\r\n"));
  CHECK(last.requests().at(0).ends_with("\r\n\r\ntext"));
  CHECK(last.requests().at(0).find("secret") == std::string::npos);
  CHECK(last.requests().at(0).find("Accept: a/b") != std::string::npos);
}

TEST_CASE("tls: a wildcard stands for one label, and a dot at a name's end is no part of it") {
  FakeDns dns;
  for (const char* name : {"x.wild.test", "x.y.wild.test", "a.test.", "a.test"}) dns.Set(name, {{"127.0.0.1"}, 60});
  TinyReceiver receiver(200, "ok", "127.0.0.1", 0, Identity::Get().server());
  SenderOptions options;
  options.ca_file = Identity::Get().file();
  options.resolver.servers = dns.server();
  SenderFixture sender(options);
  const auto error = [&](const std::string& name) {
    return sender.Send(PostOf("https://" + name + ":" + std::to_string(receiver.port()) + "/", "x")).record.error;
  };
  CHECK(error("x.wild.test") == "");
  CHECK(error("x.y.wild.test") == "tls");
  CHECK(error("a.test.") == "");
}
