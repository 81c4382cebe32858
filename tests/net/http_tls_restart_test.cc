// TLS connections over a restart in place: ended with close_notify, with nothing done of what was not answered.

#include <catch2/catch.hpp>

#include "net/http_fixture.h"
#include "net/tls_client.h"

namespace notifyd {
namespace {

HttpServer::Sockets Release(HttpFixture* fixture) {
  HttpServer::Sockets sockets;
  fixture->OnLoop([&](HttpServer& server) { sockets = server.Release(); });
  return sockets;
}

TEST_CASE("http tls restart: an idle connection ends with close_notify, and the next server serves who connects") {
  TlsPlace place;
  HttpFixture first({}, nullptr, &place.listener);
  PeerContext context = place.Client();
  TlsClient client(first.port(), context.get());
  REQUIRE(Served(&client));
  HttpServer::Sockets sockets = Release(&first);
  CHECK(first.connections() == 0);
  CHECK(client.ReadAll().empty());
  CHECK(client.told_end());
  // It is there to be closed by its client alone.
  CHECK(sockets.connections.size() == 1);
  TlsPlace other;
  HttpFixture second({}, &sockets, &other.listener);
  CHECK(second.port() == first.port());
  PeerContext trusting = other.Client();
  TlsClient later(second.port(), trusting.get());
  CHECK(Served(&later));
  CHECK(second.connections() == 2);
}

TEST_CASE("http tls restart: a request of which no answer was begun has had no effect") {
  TlsPlace place;
  HttpFixture first({}, nullptr, &place.listener);
  PeerContext context = place.Client();
  TlsClient client(first.port(), context.get());
  REQUIRE(Served(&client));
  HttpServer::Sockets sockets;
  first.OnLoop([&](HttpServer& server) {
    server.StopAccepting();
    server.HoldRequests();
    // It is in the socket, and not read.
    client.Send(kWait);
    sockets = server.Release();
  });
  CHECK(client.ReadAll().empty());
  CHECK(client.told_end());
  HttpFixture second({}, &sockets, &place.listener);
  // The next server throws away what is left in the socket, until the client has closed its side.
  client.ShutdownWrite();
  CHECK(second.WaitForConnections(0));
  CHECK(first.pending() == 0);
  CHECK(second.pending() == 0);
}

TEST_CASE("http tls restart: where a listener has a farewell, a request that met the end of its connection is answered with that") {
  TlsPlace place;
  place.listener.farewell = "HTTP/1.1 503 Service Unavailable\r\nNot-Here: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  HttpFixture first({}, nullptr, &place.listener);
  PeerContext context = place.Client();
  TlsClient client(first.port(), context.get()), half(first.port(), context.get());
  REQUIRE(Served(&client));
  REQUIRE(Served(&half));
  HttpServer::Sockets sockets;
  half.Send("GET /target HTT");
  // Until its bytes have come.
  for (bool busy = false; !busy;) first.OnLoop([&](HttpServer& server) { busy = server.busy() > 0; });
  first.OnLoop([&](HttpServer& server) {
    server.StopAccepting();
    server.HoldRequests();
    server.RefuseUnfinished();
    // It is in the socket, and not read.
    client.Send(kWait);
    sockets = server.Release();
  });
  for (TlsClient* each : {&client, &half}) {
    const RawResponse said = each->ReadResponse();
    CHECK(said.status == 503);
    CHECK(said.Header("Not-Here") == "1");
    CHECK(each->ReadAll().empty());
    CHECK(each->told_end());
  }
  CHECK(first.pending() == 0);
  HttpFixture second({}, &sockets, &place.listener);
}

TEST_CASE("http tls restart: a request that is not complete is refused, one that is under way is answered") {
  TlsPlace place;
  HttpFixture first({}, nullptr, &place.listener);
  PeerContext context = place.Client();
  TlsClient half(first.port(), context.get()), under_way(first.port(), context.get());
  REQUIRE(Served(&half));
  half.Send("GET /target HTT");
  under_way.Send(kWait);
  uint64_t token = first.WaitForPending();
  REQUIRE(token != 0);
  first.OnLoop([&](HttpServer& server) {
    server.StopAccepting();
    server.HoldRequests();
  });
  auto refuse = [&] {
    size_t busy = 0;
    first.OnLoop([&](HttpServer& server) {
      server.RefuseUnfinished();
      busy = server.busy();
    });
    return busy;
  };
  // Until its bytes have come.
  while (refuse() > 2) {
  }
  RawResponse refused = half.ReadResponse();
  CHECK(refused.status == 503);
  CHECK(half.ReadAll().empty());
  CHECK(half.told_end());
  first.OnLoop([&](HttpServer& server) { server.Respond(token, HttpFixture::Text(200, "done")); });
  CHECK(under_way.ReadResponse().body == "done");
  HttpServer::Sockets sockets = Release(&first);
  CHECK(under_way.ReadAll().empty());
  CHECK(under_way.told_end());
  HttpFixture second({}, &sockets, &place.listener);
}

TEST_CASE("http tls restart: a handshake that is not through is cut off") {
  TlsPlace place;
  HttpFixture first({}, nullptr, &place.listener);
  RawClient client(first.port());
  client.Send(std::string_view("\x16\x03\x01\x02\x00\x01\x00", 7));
  REQUIRE(first.WaitForConnections(1));
  HttpServer::Sockets sockets = Release(&first);
  CHECK(sockets.connections.empty());
  CHECK(client.ReadAll().empty());
  HttpFixture second({}, &sockets, &place.listener);
}

TEST_CASE("http tls restart: a plain connection is not taken over by a listener that has TLS since") {
  HttpFixture first;
  RawClient client(first.port());
  REQUIRE(Served(&client));
  HttpServer::Sockets sockets = Release(&first);
  REQUIRE(sockets.connections.size() == 1);
  TlsPlace place;
  HttpFixture second({}, &sockets, &place.listener);
  CHECK(client.ReadAll().empty());
  CHECK(second.connections() == 0);
}

}  // namespace
}  // namespace notifyd
