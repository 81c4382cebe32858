// HttpServer over TLS, on real sockets, against OpenSSL's own API.

#include <catch2/catch.hpp>

#include <thread>

#include <openssl/x509v3.h>

#include "net/http_fixture.h"
#include "net/tls_client.h"
#include "support/slowness.h"

namespace notifyd {
namespace {

TEST_CASE("http tls: requests are answered over TLS 1.2 and 1.3, on one connection, in pipelines, and however large") {
  TlsPlace place;
  HttpFixture fixture({}, nullptr, &place.listener);
  for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    PeerContext context = place.Client(version);
    TlsClient client(fixture.port(), context.get());
    REQUIRE(client.shaken());
    CHECK(SSL_version(client.ssl()) == version);
    CHECK(Served(&client));
    REQUIRE(client.Send(kGet + kGet + kGet));
    for (int i = 0; i < 3; ++i) CHECK(client.ReadResponse().body == "GET /target a");
    std::string body(3'000'000, 'b');
    body[1'234'567] = 'c';
    // What is sent and what comes back would wait for each other.
    std::thread sender([&] { client.Send(Post("/echo", body)); });
    sender.join();
    CHECK(client.ReadResponse().body == body);
    REQUIRE(client.Send("GET /bytes/5000000 HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK(client.ReadResponse().body == std::string(5'000'000, 'x'));
    // Around the size of a record, head included.
    for (int size : {16'000, 16'200, 16'300, 16'384, 16'385, 33'000}) {
      REQUIRE(client.Send("GET /bytes/" + std::to_string(size) + " HTTP/1.1\r\nHost: a\r\n\r\n"));
      CHECK(client.ReadResponse().body.size() == static_cast<size_t>(size));
    }
    CHECK(Served(&client));
  }
  CHECK(fixture.WaitForEmptyBudget());
}

TEST_CASE("http tls: the server ends a connection with close_notify, and a client's close_notify ends its side alone") {
  TlsPlace place;
  HttpFixture fixture({}, nullptr, &place.listener);
  PeerContext context = place.Client();
  SECTION("the server") {
    TlsClient client(fixture.port(), context.get());
    client.Send("GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(client.ReadResponse().status == 200);
    CHECK(client.ReadAll().empty());
    CHECK(client.told_end());
  }
  SECTION("the client, between two requests") {
    TlsClient client(fixture.port(), context.get());
    REQUIRE(Served(&client));
    client.CloseNotify();
    CHECK(client.ReadAll().empty());
    CHECK(client.told_end());
    CHECK(fixture.WaitForConnections(0));
  }
  SECTION("the client, behind a request") {
    TlsClient client(fixture.port(), context.get());
    client.Send(kWait);
    client.CloseNotify();
    fixture.Answer("late");
    CHECK(client.ReadResponse().body == "late");
    CHECK(client.ReadAll().empty());
    CHECK(client.told_end());
  }
  SECTION("a client that goes without a word") {
    TlsClient client(fixture.port(), context.get());
    client.Send(kWait);
    uint64_t token = fixture.WaitForPending();
    client.Reset();
    CHECK(fixture.WaitForClose(token));
    CHECK(fixture.WaitForConnections(0));
  }
}

TEST_CASE("http tls: an idle connection is closed with close_notify") {
  HttpLimits limits;
  limits.idle_timeout_ms = 50;
  TlsPlace place;
  HttpFixture fixture(limits, nullptr, &place.listener);
  PeerContext context = place.Client();
  TlsClient client(fixture.port(), context.get());
  REQUIRE(Served(&client));
  CHECK(client.ReadAll().empty());
  CHECK(client.told_end());
}

TEST_CASE("http tls: a client that stops within the handshake, or draws it out, is cut off when a head's time is over") {
  HttpLimits limits;
  limits.head_timeout_ms = 300;
  TlsPlace place;
  HttpFixture fixture(limits, nullptr, &place.listener);
  SECTION("says nothing") {
    RawClient client(fixture.port());
    CHECK(client.ReadAll().empty());
  }
  SECTION("stops in the middle of its first record") {
    RawClient client(fixture.port());
    client.Send(std::string_view("\x16\x03\x01\x02\x00\x01\x00", 7));
    CHECK(client.ReadAll().empty());
  }
  SECTION("sends byte by byte") {
    RawClient client(fixture.port());
    client.Send(std::string_view("\x16\x03\x01\x40\x00\x01", 6));
    // Far more bytes than the time lasts for; each starts no time anew.
    auto begun = std::chrono::steady_clock::now();
    size_t sent = 0;
    while (sent < 16'000 && client.Send(std::string_view("\0", 1))) {
      ++sent;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    CHECK(sent < 16'000);
    CHECK(std::chrono::steady_clock::now() - begun < test::AtMostSeconds(30));
  }
  SECTION("is through, and asks for nothing") {
    PeerContext context = place.Client();
    TlsClient client(fixture.port(), context.get());
    REQUIRE(client.shaken());
    CHECK(client.ReadAll().empty());
    CHECK(client.told_end());
  }
  CHECK(fixture.WaitForConnections(0));
  CHECK(fixture.budget().bytes == 0);
}

TEST_CASE("http tls: what is no handshake, or too long for one, is refused, and nothing of it is a request") {
  TlsPlace place;
  HttpFixture fixture({}, nullptr, &place.listener);
  SECTION("plain HTTP") {
    RawClient client(fixture.port());
    client.Send(kWait);
    const std::string said = client.ReadAll();
    // At most an alert.
    CHECK(said.size() < 32);
    CHECK(said.find("HTTP") == std::string::npos);
  }
  SECTION("TLS 1.1") {
    PeerContext context = place.Client();
    SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context.get(), TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");
    TlsClient client(fixture.port(), context.get());
    CHECK_FALSE(client.shaken());
  }
  SECTION("endless fragments of a first message") {
    RawClient client(fixture.port());
    // A ClientHello of 16 MB, by its own account.
    std::string record = std::string("\x16\x03\x01\x40\x00", 5) + std::string("\x01\xff\xff\xff", 4) + std::string(16'380, '\0');
    std::string next = std::string("\x16\x03\x01\x40\x00", 5) + std::string(16'384, '\0');
    client.Send(record);
    for (int i = 0; i < 100; ++i) client.Send(next);
    client.ShutdownWrite();
    const std::string said = client.ReadAll();
    CHECK(said.substr(0, 1) == "\x15");
    CHECK(said.size() < 32);
    CHECK(fixture.budget().peak < 100'000);
  }
  CHECK(fixture.WaitForConnections(0));
  CHECK(fixture.pending() == 0);
}

TEST_CASE("http tls: renegotiation ends the connection, and the request that was under way") {
  TlsPlace place;
  HttpFixture fixture({}, nullptr, &place.listener);
  PeerContext context = place.Client(TLS1_2_VERSION);
  TlsClient client(fixture.port(), context.get());
  REQUIRE(Served(&client));
  client.Send(kWait);
  uint64_t token = fixture.WaitForPending();
  REQUIRE(SSL_renegotiate(client.ssl()) == 1);
  SSL_do_handshake(client.ssl());
  CHECK(fixture.WaitForClose(token));
  CHECK_FALSE(Served(&client));
}

TEST_CASE("http tls: a session is resumed, but where certificates are asked for") {
  for (bool asks : {false, true}) {
    TlsPlace place(asks);
    HttpFixture fixture({}, nullptr, &place.listener);
    const Pair shown = place.authority.Issue("DNS:client.example");
    for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      PeerContext context = place.Client(version, shown);
      TlsClient first(fixture.port(), context.get());
      REQUIRE(Served(&first));
      SSL_SESSION* session = SSL_get1_session(first.ssl());
      TlsClient second(fixture.port(), context.get(), session);
      CHECK(Served(&second));
      CHECK((SSL_session_reused(second.ssl()) == 1) == !asks);
      SSL_SESSION_free(session);
    }
  }
}

TEST_CASE("http tls: each request knows the names of its client's certificate") {
  TlsPlace place(true);
  HttpFixture fixture({}, nullptr, &place.listener);
  const std::string ask = "GET /peer HTTP/1.1\r\nHost: a\r\n\r\n";
  PeerContext context = place.Client(0, place.authority.Issue("DNS:Billing.example,URI:spiffe://a/b"));
  TlsClient client(fixture.port(), context.get());
  for (int i = 0; i < 2; ++i) {
    client.Send(ask);
    CHECK(client.ReadResponse().body == "127.0.0.1 DNS:billing.example URI:spiffe://a/b");
  }
  SECTION("none is shown") {
    PeerContext none = place.Client();
    TlsClient other(fixture.port(), none.get());
    other.Send(ask);
    CHECK(other.ReadResponse().status == 0);
  }
  SECTION("another authority's") {
    const CertificateAuthority foreign;
    PeerContext shown = place.Client(0, foreign.Issue("DNS:billing.example"));
    TlsClient other(fixture.port(), shown.get());
    other.Send(ask);
    CHECK(other.ReadResponse().status == 0);
  }
}

TEST_CASE("http tls: an answer that its client does not take is counted, as it is held") {
  constexpr size_t kBytes = 8 << 20;
  TlsPlace place;
  HttpFixture fixture({}, nullptr, &place.listener);
  PeerContext context = place.Client();
  TlsClient client(fixture.port(), context.get(), nullptr, 4096);
  client.Send("GET /bytes/" + std::to_string(kBytes) + " HTTP/1.1\r\nHost: a\r\n\r\n");
  auto deadline = std::chrono::steady_clock::now() + test::AtMostSeconds(10);
  while (fixture.budget().bytes < kBytes / 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  CHECK(fixture.budget().bytes > kBytes / 2);
  CHECK(fixture.budget().bytes < kBytes + kBytes / 8);
  CHECK(client.ReadResponse().body.size() == kBytes);
  CHECK(fixture.WaitForEmptyBudget());
}

TEST_CASE("http tls: another certificate serves who comes from then on, while those who are there notice nothing") {
  TlsPlace place;
  HttpFixture fixture({}, nullptr, &place.listener);
  PeerContext context = place.Client();
  auto name = [&](TlsClient& client) {
    X509* certificate = SSL_get1_peer_certificate(client.ssl());
    const bool swapped = certificate != nullptr && X509_check_host(certificate, "swapped.example", 0, 0, nullptr) == 1;
    X509_free(certificate);
    return std::string(swapped ? "swapped" : "first");
  };
  TlsClient before(fixture.port(), context.get());
  REQUIRE(Served(&before));
  CHECK(name(before) == "first");

  std::atomic<bool> stop{false};
  std::atomic<int> served{0}, refused{0};
  std::thread load([&] {
    while (!stop) {
      TlsClient each(fixture.port(), context.get());
      ++(Served(&each) ? served : refused);
    }
  });
  auto wait = [&](int more) {
    auto deadline = std::chrono::steady_clock::now() + test::AtMostSeconds(20);
    for (int until = served + more; served < until && std::chrono::steady_clock::now() < deadline;) std::this_thread::yield();
  };
  wait(5);
  // Half of a pair changes nothing.
  place.folder.Write("key", place.authority.Issue("DNS:half.example").key);
  CHECK_FALSE(place.files->Load().ok());
  wait(5);
  for (int i = 0; i < 20; ++i) {
    place.Swap("DNS:swapped.example,IP:127.0.0.1");
    CHECK(*place.files->Load());
    wait(2);
  }
  stop = true;
  load.join();
  CHECK(refused == 0);
  CHECK(served >= 50);
  CHECK(Served(&before));
  TlsClient after(fixture.port(), context.get());
  CHECK(Served(&after));
  CHECK(name(after) == "swapped");
}

}  // namespace
}  // namespace notifyd
