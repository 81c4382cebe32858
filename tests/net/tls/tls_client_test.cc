// The client's side.
#include "net/tls/tls_session.h"

#include <catch2/catch.hpp>

#include "net/tls/openssl_peer.h"

namespace notifyd {
namespace {

using ClientState = TlsSession::State;

struct Stage {
  std::shared_ptr<const TlsContext> Client(const std::string& ca, const Pair& shown = {}) {
    Result<std::shared_ptr<const TlsContext>> made = TlsContext::ForClient({ca, shown.certificate, shown.key});
    REQUIRE(made.ok());
    return *made;
  }
  CertificateAuthority authority;
  Pair shown = authority.Issue("DNS:good.example,DNS:*.wild.example,IP:127.0.0.1,IP:::1");
};

TEST_CASE("tls client: a server with a certificate for the name is talked to, and hears the name") {
  Stage stage;
  PeerContext server = NewPeerContext(true, "", stage.shown);
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(server.get(), version);
  const std::string host = GENERATE(std::string("good.example"), std::string("GOOD.example"), std::string("a.wild.example"));
  Wire wire(TlsSession::Connect(stage.Client(stage.authority.certificate()), host), server.get(), true);
  wire.Settle();
  CAPTURE(wire.session().failure(), host);
  REQUIRE(wire.session().state() == ClientState::kOpen);
  CHECK(std::string(SSL_get_servername(wire.peer(), TLSEXT_NAMETYPE_host_name)) == host);
  wire.session().Write("request");
  wire.PeerWrite("answer");
  wire.PeerClose();
  wire.Settle();
  CHECK(wire.peer_got == "request");
  CHECK(wire.got == "answer");
  CHECK(wire.session().peer_closed());
}

TEST_CASE("tls client: an address is looked for among the certificate's addresses, and no name is sent") {
  Stage stage;
  PeerContext server = NewPeerContext(true, "", stage.shown);
  const std::string host = GENERATE(std::string("127.0.0.1"), std::string("::1"));
  Wire wire(TlsSession::Connect(stage.Client(stage.authority.certificate()), host), server.get(), true);
  wire.Settle();
  CHECK(wire.session().state() == ClientState::kOpen);
  CHECK(SSL_get_servername(wire.peer(), TLSEXT_NAMETYPE_host_name) == nullptr);
}

TEST_CASE("tls client: a certificate for another name, or of somebody who is not trusted, is refused before anything is sent") {
  Stage stage;
  CertificateAuthority other;
  PeerContext server = NewPeerContext(true, "", stage.shown);
  struct Wrong {
    std::string host;
    bool trusted;
    const char* why;
  };
  const Wrong wrong = GENERATE(Wrong{"evil.example", true, "hostname mismatch"}, Wrong{"10.0.0.1", true, "IP address mismatch"},
                               Wrong{"a.b.wild.example", true, "hostname mismatch"}, Wrong{"wild.example", true, "hostname mismatch"},
                               Wrong{"good.example", false, "certificate verify failed"});
  CAPTURE(wrong.host);
  Wire wire(TlsSession::Connect(stage.Client(wrong.trusted ? stage.authority.certificate() : other.certificate()), wrong.host), server.get(), true);
  wire.Settle();
  CHECK(wire.session().state() == ClientState::kFailed);
  CAPTURE(wire.session().failure());
  CHECK(wire.session().failure().find(wrong.why) != std::string::npos);
  wire.session().Write("secret");
  wire.Settle();
  CHECK(wire.peer_got.empty());
}

TEST_CASE("tls client: a name that is none fails at once") {
  Stage stage;
  const std::string host = GENERATE(std::string(), std::string(300, 'a'), std::string("a\0b", 3));
  CAPTURE(host);
  auto session = TlsSession::Connect(stage.Client(stage.authority.certificate()), host);
  CHECK(session->state() == ClientState::kFailed);
  CHECK(session->output_bytes() == 0);
}

TEST_CASE("tls client: it shows its certificate where it is asked for one") {
  Stage stage;
  CertificateAuthority clients;
  PeerContext server = NewPeerContext(true, clients.certificate(), stage.shown);
  Wire wire(TlsSession::Connect(stage.Client(stage.authority.certificate(), clients.Issue("DNS:us.example")), "good.example"), server.get(), true);
  wire.session().Write("too early: not taken");
  wire.Settle();
  REQUIRE(wire.session().state() == ClientState::kOpen);
  wire.session().Write("request");
  wire.Settle();
  CHECK(wire.peer_got == "request");
  X509* seen = SSL_get1_peer_certificate(wire.peer());
  REQUIRE(seen != nullptr);
  CHECK(X509_check_host(seen, "us.example", 0, 0, nullptr) == 1);
  X509_free(seen);
}

TEST_CASE("tls client: both sides are ours") {
  Stage stage;
  auto client = TlsSession::Connect(stage.Client(stage.authority.certificate()), "good.example");
  auto server = TlsSession::Accept(*TlsContext::ForServer({stage.shown.certificate, stage.shown.key, ""}));
  std::string at_server, at_client;
  auto move = [&] {
    for (int i = 0; i < 4; ++i) {
      server->Receive(client->TakeOutput(), &at_server);
      client->Receive(server->TakeOutput(), &at_client);
    }
  };
  move();
  REQUIRE(client->state() == ClientState::kOpen);
  REQUIRE(server->state() == ClientState::kOpen);
  client->Write("to the server");
  server->Write("to the client");
  move();
  server->Close();
  move();
  CHECK(at_server == "to the server");
  CHECK(at_client == "to the client");
  CHECK(client->peer_closed());
}

TEST_CASE("tls client: a dot at a name's end is no part of it") {
  Stage stage;
  PeerContext server = NewPeerContext(true, "", stage.shown);
  Wire wire(TlsSession::Connect(stage.Client(stage.authority.certificate()), "good.example."), server.get(), true);
  wire.Settle();
  CAPTURE(wire.session().failure());
  REQUIRE(wire.session().state() == ClientState::kOpen);
  CHECK(std::string(SSL_get_servername(wire.peer(), TLSEXT_NAMETYPE_host_name)) == "good.example");
}

TEST_CASE("tls client: HTTP/2 is spoken where it was offered and the server chose it") {
  Stage stage;
  PeerContext server = NewPeerContext(true, "", stage.shown);
  SSL_CTX_set_alpn_select_cb(
      server.get(),
      [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered, unsigned offered_size, void*) {
        static constexpr unsigned char kBoth[] = "\x02h2\x08http/1.1";
        unsigned char* chosen = nullptr;
        SSL_select_next_proto(&chosen, size, kBoth, sizeof kBoth - 1, offered, offered_size);
        *out = chosen;
        return SSL_TLSEXT_ERR_OK;
      },
      nullptr);
  const bool offered = GENERATE(false, true);
  Wire wire(TlsSession::Connect(stage.Client(stage.authority.certificate()), "good.example", {.http2 = offered, .memory = nullptr}), server.get(),
            true);
  wire.Settle();
  REQUIRE(wire.session().state() == ClientState::kOpen);
  CHECK(wire.session().http2() == offered);
}

TEST_CASE("tls client: a session is kept where there is a place for it, and gone on with") {
  Stage stage;
  PeerContext server = NewPeerContext(true, "", stage.shown);
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(server.get(), version);
  const auto context = stage.Client(stage.authority.certificate());
  const auto memory = std::make_shared<TlsMemory>();
  auto resumed = [&](std::shared_ptr<TlsMemory> kept) {
    Wire wire(TlsSession::Connect(context, "good.example", {.http2 = false, .memory = std::move(kept)}), server.get(), true);
    wire.PeerWrite("hello");
    wire.Settle();
    REQUIRE(wire.session().state() == ClientState::kOpen);
    return wire.session().resumed();
  };
  CHECK_FALSE(resumed(memory));
  CHECK(memory->session() != nullptr);
  CHECK(resumed(memory));
  CHECK(resumed(memory));
  CHECK_FALSE(resumed(nullptr));
  CHECK_FALSE(resumed(std::make_shared<TlsMemory>()));
}

TEST_CASE("tls client: it is known whether the server said itself why it ends the connection") {
  Stage stage;
  CertificateAuthority clients;
  PeerContext server = NewPeerContext(true, clients.certificate(), stage.shown);
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(server.get(), version);
  Wire wire(TlsSession::Connect(stage.Client(stage.authority.certificate()), "good.example"), server.get(), true);
  wire.Settle();
  CHECK(wire.session().state() == ClientState::kFailed);
  CHECK(wire.session().alerted());
  CertificateAuthority other;
  Wire untrusting(TlsSession::Connect(stage.Client(other.certificate()), "good.example"), server.get(), true);
  untrusting.Settle();
  CHECK(untrusting.session().state() == ClientState::kFailed);
  CHECK_FALSE(untrusting.session().alerted());
}

}  // namespace
}  // namespace notifyd
