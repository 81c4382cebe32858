// The server's side.
#include "net/tls/tls_session.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "net/tls/openssl_peer.h"
#include "support/slowness.h"
#include "support/sockets.h"

extern char** environ;

namespace notifyd {
namespace {

using State = TlsSession::State;

const CertificateAuthority& TheAuthority() {
  static const CertificateAuthority authority;
  return authority;
}
const Pair& TheServer() {
  static const Pair pair = TheAuthority().Issue("DNS:localhost,IP:127.0.0.1");
  return pair;
}
std::shared_ptr<const TlsContext> ServerContext(const std::string& client_ca = {}) {
  Result<std::shared_ptr<const TlsContext>> made = TlsContext::ForServer({TheServer().certificate, TheServer().key, client_ca});
  REQUIRE(made.ok());
  return *made;
}

std::string Noise(Random& random, size_t size) {
  std::string out(size, 0);
  for (char& c : out) c = static_cast<char>(random.Next());
  return out;
}

struct Case {
  explicit Case(int version, const Pair& shown = {}, const std::string& client_ca = {})
      : client(NewPeerContext(false, TheAuthority().certificate(), shown)), wire(TlsSession::Accept(ServerContext(client_ca)), client.get(), false) {
    SSL_set_min_proto_version(wire.peer(), version);
    SSL_set_max_proto_version(wire.peer(), version);
  }
  PeerContext client;
  Wire wire;
};

TEST_CASE("tls server: both versions carry bytes both ways, and end with a close_notify each") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  Case c(version);
  static const unsigned char kOffer[] = "\x02h2\x08http/1.1";
  SSL_set_alpn_protos(c.wire.peer(), kOffer, sizeof kOffer - 1);
  c.wire.Settle();
  REQUIRE(c.wire.session().state() == State::kOpen);
  CHECK(std::string(c.wire.session().version()) == (version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"));
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(c.wire.peer(), &chosen, &size);
  CHECK(std::string(reinterpret_cast<const char*>(chosen), size) == "http/1.1");

  Random random(1);
  const std::string up = Noise(random, 1 << 20), down = Noise(random, 1 << 20);
  c.wire.PeerWrite(up);
  c.wire.session().Write(down);
  CHECK(c.wire.session().output_bytes() > down.size());
  c.wire.Settle();
  CHECK((c.wire.got == up));
  CHECK((c.wire.peer_got == down));
  CHECK(c.wire.session().output_bytes() == 0);

  c.wire.PeerClose();
  c.wire.Settle();
  CHECK(c.wire.session().peer_closed());
  c.wire.session().Write("still answered");
  c.wire.session().Close();
  c.wire.Settle();
  CHECK(c.wire.peer_got.ends_with("still answered"));
  CHECK(c.wire.peer_saw_close);
  CHECK(c.wire.session().state() == State::kClosed);
}

TEST_CASE("tls server: after Close it neither takes nor gives anything") {
  Case c(TLS1_3_VERSION);
  c.wire.Settle();
  c.wire.session().Close();
  c.wire.session().TakeOutput();
  c.wire.session().Write("more");
  CHECK(c.wire.session().output_bytes() == 0);
  c.wire.PeerWrite("more");
  c.wire.Settle();
  CHECK(c.wire.got.empty());
  CHECK(c.wire.session().state() == State::kClosed);
}

TEST_CASE("tls server: before the handshake is through, Close says nothing") {
  auto session = TlsSession::Accept(ServerContext());
  session->Close();
  CHECK(session->output_bytes() == 0);
}

TEST_CASE("tls server: a peer that is cut off has not said that nothing more comes") {
  Case c(TLS1_3_VERSION);
  c.wire.PeerWrite("half of a reque");
  c.wire.Settle();
  c.wire.CutPeer();
  c.wire.Settle();
  CHECK(c.wire.got == "half of a reque");
  CHECK_FALSE(c.wire.session().peer_closed());
}

TEST_CASE("tls server: whoever offers other protocols alone is refused") {
  Case c(TLS1_3_VERSION);
  static const unsigned char kOffer[] = "\x02h2\x08http/1.0";
  SSL_set_alpn_protos(c.wire.peer(), kOffer, sizeof kOffer - 1);
  c.wire.Settle();
  CHECK(c.wire.session().state() == State::kFailed);
  CHECK(c.wire.peer_error.find("no application protocol") != std::string::npos);
}

TEST_CASE("tls server: old versions, and suites without forward secrecy or authenticated encryption, are not spoken") {
  struct Offer {
    int version;
    const char* suites;
    bool taken;
  };
  const Offer offer =
      GENERATE(Offer{TLS1_VERSION, "ALL:@SECLEVEL=0", false}, Offer{TLS1_1_VERSION, "ALL:@SECLEVEL=0", false},
               Offer{TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA", false},
               Offer{TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", true}, Offer{TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", true});
  CAPTURE(offer.version, offer.suites);
  Case c(offer.version);
  REQUIRE(SSL_set_cipher_list(c.wire.peer(), offer.suites) == 1);
  c.wire.Settle();
  CHECK(c.wire.session().state() == (offer.taken ? State::kOpen : State::kFailed));
}

TEST_CASE("tls server: a client certificate is demanded where an authority is set, and its names come out") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  static const CertificateAuthority clients;
  SECTION("none shown") {
    Case c(version, {}, clients.certificate());
    c.wire.PeerWrite("x");
    c.wire.Settle();
    CHECK(c.wire.session().state() == State::kFailed);
    CHECK(c.wire.got.empty());
    CHECK(c.wire.session().failure().find("did not return a certificate") != std::string::npos);
  }
  SECTION("another authority's") {
    Case c(version, TheAuthority().Issue("DNS:client.example"), clients.certificate());
    c.wire.PeerWrite("x");
    c.wire.Settle();
    CHECK(c.wire.session().state() == State::kFailed);
    CHECK(c.wire.got.empty());
  }
  SECTION("a good one") {
    Case c(version, clients.Issue("DNS:Billing.Example,URI:spiffe://Corp/billing,IP:10.1.2.3,IP:2001:db8::1,email:ops@x.example"),
           clients.certificate());
    c.wire.Settle();
    REQUIRE(c.wire.session().state() == State::kOpen);
    CHECK(c.wire.session().peer_names() ==
          std::vector<std::string>{"DNS:billing.example", "URI:spiffe://Corp/billing", "IP:10.1.2.3", "IP:2001:db8::1", "email:ops@x.example"});
  }
  SECTION("one without such names: its subject is none") {
    Case c(version, clients.Issue("", "billing.example"), clients.certificate());
    c.wire.Settle();
    REQUIRE(c.wire.session().state() == State::kOpen);
    CHECK(c.wire.session().peer_names().empty());
  }
}

/// The session that a client got of its first connection, whatever the version.
SSL_SESSION* g_session = nullptr;

TEST_CASE("tls server: a session is resumed, but not where client certificates are demanded, and never with early data") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const bool certificates = GENERATE(false, true);
  static const CertificateAuthority clients;
  std::shared_ptr<const TlsContext> context = ServerContext(certificates ? clients.certificate() : "");
  PeerContext client = NewPeerContext(false, TheAuthority().certificate(), certificates ? clients.Issue("DNS:a.example") : Pair());
  SSL_CTX_set_min_proto_version(client.get(), version);
  SSL_CTX_set_max_proto_version(client.get(), version);
  SSL_CTX_set_session_cache_mode(client.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(client.get(), [](SSL*, SSL_SESSION* session) {
    if (g_session != nullptr) SSL_SESSION_free(g_session);
    g_session = session;
    return 1;
  });
  {
    Wire first(TlsSession::Accept(context), client.get(), false);
    first.PeerClose();  // one that was not closed in order is not resumed by OpenSSL's client
    first.Settle();
    REQUIRE(first.session().state() == State::kOpen);
    CHECK_FALSE(first.session().resumed());
    first.session().Close();
    first.Settle();
  }
  // In TLS 1.3 a session is what a ticket brought, in TLS 1.2 there is one without a ticket, too.
  if (g_session != nullptr) {
    CHECK(SSL_SESSION_get_max_early_data(g_session) == 0);
    Wire second(TlsSession::Accept(context), client.get(), false);
    SSL_set_session(second.peer(), g_session);
    second.Settle();
    REQUIRE(second.session().state() == State::kOpen);
    CHECK(second.session().resumed() == !certificates);
    SSL_SESSION_free(g_session);
    g_session = nullptr;
  } else {
    CHECK(certificates);
  }
}

TEST_CASE("tls server: a renegotiation ends the connection") {
  Case c(TLS1_2_VERSION);
  c.wire.PeerWrite("one");
  c.wire.Settle();
  REQUIRE(c.wire.session().state() == State::kOpen);
  REQUIRE(SSL_renegotiate(c.wire.peer()) == 1);
  c.wire.PeerWrite("two");
  c.wire.Settle();
  CHECK(c.wire.session().state() == State::kFailed);
  CHECK(c.wire.session().failure() == "the peer asks for another handshake");
  CHECK(c.wire.got == "one");
}

TEST_CASE("tls server: a peer that asks for new keys again and again makes nothing grow: after some thousand times it is cut off") {
  Case c(TLS1_3_VERSION);
  c.wire.Settle();
  const size_t handshake = c.wire.sent;
  int times = 0;
  for (; times < 10'000 && c.wire.session().state() == State::kOpen; ++times) {
    SSL_key_update(c.wire.peer(), SSL_KEY_UPDATE_REQUESTED);
    c.wire.PeerWrite("x");
    c.wire.Settle();
  }
  CHECK(times > 1000);
  CHECK(times < 4000);
  CHECK(c.wire.sent - handshake < TlsSession::kMostOwnBytes + 1000);
  CHECK(c.wire.session().failure() == "the peer asks for new keys again and again");
}

TEST_CASE("tls server: a client that stops within its handshake is seen to be within it") {
  PeerContext client = NewPeerContext(false, TheAuthority().certificate());
  Wire wire(TlsSession::Accept(ServerContext()), client.get(), false);
  size_t budget = 100;
  wire.distort = [&](std::string* bytes) {
    bytes->resize(std::min(bytes->size(), budget));
    budget -= bytes->size();
  };
  wire.Settle();
  CHECK(wire.session().state() == State::kHandshake);
  CHECK(wire.sent == 0);
}

TEST_CASE("tls server: what is no TLS fails, with a word for people and an alert at most") {
  const std::string bytes =
      GENERATE(std::string("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), std::string(70, '\0'), std::string(5000, '\xff'),
               std::string("\x16\x03\x01\xff\xff\x01", 6) + std::string(100, 'x'), std::string("\x15\x03\x01\x00\x02\x01\x00", 7) + "x");
  auto session = TlsSession::Accept(ServerContext());
  std::string plain;
  session->Receive(bytes, &plain);
  session->Receive(bytes, &plain);
  CHECK(session->state() == State::kFailed);
  CHECK_FALSE(session->failure().empty());
  CHECK(plain.empty());
  CHECK(session->output_bytes() < 64);
}

TEST_CASE("tls server: a handshake that goes on and on fails, whatever it consists of") {
  SECTION("a hello of the greatest length that can be said") {
    auto session = TlsSession::Accept(ServerContext());
    std::string plain, hello("\x16\x03\x01\x40\x00\x01\xff\xff\xff", 9);
    hello += std::string(0x4000 - 4, 'x');
    for (int i = 0; i < 64 && session->state() == State::kHandshake; ++i) {
      session->Receive(hello, &plain);
      hello = std::string("\x16\x03\x01\x40\x00", 5) + std::string(0x4000, 'x');
    }
    CHECK(session->state() == State::kFailed);
  }
  SECTION("records of nothing, and warnings") {
    const std::string record = GENERATE(std::string("\x16\x03\x01\x00\x00", 5), std::string("\x15\x03\x01\x00\x02\x01\x5a", 7));
    auto session = TlsSession::Accept(ServerContext());
    std::string plain;
    for (size_t sent = 0; sent < 2 * TlsSession::kMostHandshakeBytes && session->state() == State::kHandshake; sent += record.size())
      session->Receive(record, &plain);
    CHECK(session->state() == State::kFailed);
  }
}

TEST_CASE("tls server: however the bytes are cut, the same comes out") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const uint64_t seed = GENERATE(range(1, 25));
  CAPTURE(version, seed);
  Random random(seed);
  Case c(version);
  const size_t most = seed == 1 ? 1 : size_t{1} << random.Below(15);
  c.wire.split = [&](size_t) { return 1 + random.Below(most); };
  std::string up, down;
  for (int i = 0; i < 20; ++i) {
    const std::string piece = Noise(random, random.Below(seed == 1 ? 100 : 20'000));
    c.wire.PeerWrite(piece);
    up += piece;
    if (random.Chance(0.5)) c.wire.Settle();
    if (c.wire.session().state() == State::kOpen) {
      const std::string back = Noise(random, random.Below(20'000));
      c.wire.session().Write(back);
      down += back;
    }
  }
  c.wire.PeerClose();
  c.wire.Settle();
  REQUIRE(c.wire.session().state() == State::kOpen);
  CHECK((c.wire.got == up));
  CHECK((c.wire.peer_got == down));
  CHECK(c.wire.session().peer_closed());
}

TEST_CASE("tls server: of a stream that somebody changed nothing but its true beginning comes out") {
  const uint64_t seed = GENERATE(range(1, 121));
  CAPTURE(seed);
  Random random(seed);
  Case c(seed % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION);
  const uint64_t at = random.Below(8000);
  uint64_t passed = 0;
  c.wire.distort = [&](std::string* bytes) {
    if (at >= passed && at < passed + bytes->size()) {
      char& c = (*bytes)[at - passed];
      switch (random.Below(3)) {
        case 0:
          c = static_cast<char>(c ^ (1 << random.Below(8)));
          break;
        case 1:
          bytes->erase(at - passed, 1 + random.Below(200));
          break;
        default:
          bytes->insert(at - passed, Noise(random, 1 + random.Below(200)));
      }
    }
    passed += bytes->size();
  };
  std::string up;
  for (int i = 0; i < 40; ++i) {
    const std::string piece = Noise(random, random.Below(400));
    c.wire.PeerWrite(piece);
    up += piece;
    c.wire.Settle();
  }
  CHECK((up.starts_with(c.wire.got)));
  CHECK(c.wire.sent < 16'000);
  if (c.wire.session().state() == State::kFailed) CHECK_FALSE(c.wire.session().failure().empty());
}

TEST_CASE("tls server: another certificate is for new connections, a live one keeps its own") {
  Case c(TLS1_3_VERSION);
  c.wire.Settle();
  Case other(TLS1_3_VERSION);
  std::shared_ptr<const TlsContext> context = ServerContext();
  std::weak_ptr<const TlsContext> old = context;
  Wire live(TlsSession::Accept(context), c.client.get(), false);
  live.Settle();
  const Pair next = TheAuthority().Issue("DNS:next.example");
  context = *TlsContext::ForServer({next.certificate, next.key, ""});
  Wire late(TlsSession::Accept(context), c.client.get(), false);
  late.Settle();
  X509* seen = SSL_get1_peer_certificate(late.peer());
  CHECK(X509_check_host(seen, "next.example", 0, 0, nullptr) == 1);
  X509_free(seen);
  CHECK_FALSE(old.expired());
  live.PeerWrite("still here");
  live.session().Write("so am I");
  live.Settle();
  CHECK(live.got == "still here");
  CHECK(live.peer_got == "so am I");
}

/// The openssl command as a client of one connection of ours: what it prints.
std::string RunClient(std::vector<std::string> arguments, const std::string& input, TlsSession* session, std::string* got) {
  const int listener = Listen();
  int in[2], out[2];
  REQUIRE((pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0));
  std::vector<std::string> all = {"openssl", "s_client", "-connect", "127.0.0.1:" + std::to_string(PortOf(listener))};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& each : all) argv.push_back(each.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, out[1], 2);
  pid_t pid = 0;
  REQUIRE(posix_spawnp(&pid, "openssl", &actions, nullptr, argv.data(), environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  const int connection = accept(listener, nullptr, nullptr);
  std::string printed;
  bool typed = false, open = true;
  char buffer[16 << 10];
  while (open) {
    pollfd fds[2] = {{connection, POLLIN, 0}, {out[0], POLLIN, 0}};
    REQUIRE(poll(fds, 2, 30'000 * test::kSlowness) > 0);
    if (fds[1].revents != 0) {
      const ssize_t count = read(out[0], buffer, sizeof buffer);
      if (count > 0) printed.append(buffer, static_cast<size_t>(count));
      open = count > 0;
    }
    if (fds[0].revents != 0) {
      const ssize_t count = read(connection, buffer, sizeof buffer);
      if (count > 0) session->Receive({buffer, static_cast<size_t>(count)}, got);
      if (session->state() == State::kOpen && !typed) {
        typed = true;
        session->Write("welcome\n");
        REQUIRE(write(in[1], input.data(), input.size()) == static_cast<ssize_t>(input.size()));
      }
      if (got->ends_with("bye\n")) session->Close();
      const std::string answer = session->TakeOutput();
      if (!answer.empty()) send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
      if (count <= 0 || session->state() == State::kFailed || session->state() == State::kClosed) shutdown(connection, SHUT_RDWR);
    }
  }
  close(in[1]);
  close(out[0]);
  close(connection);
  close(listener);
  waitpid(pid, nullptr, 0);
  return printed;
}

TEST_CASE("tls server: openssl s_client talks to it, and does not get to renegotiate") {
  std::string got;
  SECTION("TLS 1.3") {
    auto session = TlsSession::Accept(ServerContext());
    const std::string printed = RunClient({"-tls1_3", "-alpn", "http/1.1", "-ign_eof"}, "hello\nbye\n", session.get(), &got);
    CAPTURE(printed);
    CHECK(got == "hello\nbye\n");
    CHECK(printed.find("ALPN protocol: http/1.1") != std::string::npos);
    CHECK(printed.find("welcome") != std::string::npos);
  }
  SECTION("TLS 1.2, and R for a renegotiation") {
    auto session = TlsSession::Accept(ServerContext());
    const std::string printed = RunClient({"-tls1_2"}, "R\n", session.get(), &got);
    CAPTURE(printed);
    CHECK(session->failure() == "the peer asks for another handshake");
    CHECK(got.empty());
  }
}

}  // namespace
}  // namespace notifyd
