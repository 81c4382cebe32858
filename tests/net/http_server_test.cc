// HttpServer over real sockets: what a client sees of requests, answers and connections.

#include "net/http_fixture.h"
#include <catch2/catch.hpp>

#include <string>
#include <thread>
#include <vector>

#include "base/random.h"

namespace notifyd {
namespace {

/// Headers of each answer.
const std::string kEach = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";

TEST_CASE("http server: a request is answered and the connection kept for the next") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  for (int i = 0; i < 3; ++i) {
    client.Send(Post("/echo", "hello " + std::to_string(i)));
    RawResponse response = client.ReadResponse();
    CHECK(response.status == 200);
    CHECK(response.body == "hello " + std::to_string(i));
    CHECK(response.Header("Content-Type") == "text/plain");
    CHECK(response.Header("Connection") == "");
  }
  CHECK(fixture.connections() == 1);
}

TEST_CASE("http server: a pipeline is answered in order, one request at a time") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  std::string bytes;
  for (int i = 0; i < 500; ++i) bytes += Post("/echo", std::to_string(i));
  client.Send(bytes);
  for (int i = 0; i < 500; ++i) REQUIRE(client.ReadResponse().body == std::to_string(i));
}

TEST_CASE("http server: the next request of a pipeline is handed over only after the response") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  client.Send(Get("/wait") + Get("/wait") + Get("/target"));
  uint64_t first = fixture.WaitForPending();
  REQUIRE(first != 0);
  fixture.OnLoop([](HttpServer&) {});
  CHECK(fixture.pending() == 0);
  fixture.OnLoop([&](HttpServer& server) {
    server.Respond(first, HttpFixture::Text(200, "one"));
    // Not from inside Respond.
    if (fixture.pending() != 0) std::abort();
  });
  uint64_t second = fixture.WaitForPending();
  REQUIRE(second != 0);
  CHECK(second != first);
  fixture.OnLoop([&](HttpServer& server) {
    server.Respond(first, HttpFixture::Text(200, "a spent token"));
    server.Respond(second, HttpFixture::Text(200, "two"));
  });
  CHECK(client.ReadResponse().body == "one");
  CHECK(client.ReadResponse().body == "two");
  CHECK(client.ReadResponse().body == "GET /target a");
}

TEST_CASE("http server: a long pipeline behind a pending request is read to the end later") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  client.Send(Get("/wait"));
  std::thread sender([&] {
    for (int i = 0; i < 50; ++i) client.Send(Post("/echo", std::string(20'000, static_cast<char>('a' + i % 26))));
  });
  fixture.Answer("first");
  CHECK(client.ReadResponse().body == "first");
  for (int i = 0; i < 50; ++i) REQUIRE(client.ReadResponse().body == std::string(20'000, static_cast<char>('a' + i % 26)));
  sender.join();
}

TEST_CASE("http server: a request cut into single bytes is put together") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  for (char c : Post("/echo", "slow but sure")) client.Send(std::string(1, c));
  CHECK(client.ReadResponse().body == "slow but sure");
}

TEST_CASE("http server: each request knows its peer's address") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  client.Send("GET /peer HTTP/1.1\r\nHost: a\r\n\r\nGET /peer HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.ReadResponse().body == "127.0.0.1");
  CHECK(client.ReadResponse().body == "127.0.0.1");
}

TEST_CASE("http server: a chunked body is taken") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  client.Send(head + "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nT: v\r\n\r\n" + head + "0\r\n\r\n");
  CHECK(client.ReadResponse().body == "hello!");
  CHECK(client.ReadResponse().status == 200);
}

TEST_CASE("http server: large bodies go both ways") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  std::string body(9 << 20, 0);
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 >> 8);
  std::thread sender([&] { client.Send(Post("/echo", body)); });
  RawResponse response = client.ReadResponse();
  sender.join();
  CHECK(response.status == 200);
  CHECK(response.body == body);
  CHECK(fixture.connections() == 1);
}

TEST_CASE("http server: Expect: 100-continue is told to go on before the body") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  client.Send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  RawResponse interim = client.ReadResponse(true);
  CHECK(interim.head == "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("hello");
  CHECK(client.ReadResponse().body == "hello");
  // With the body at hand there is nothing to tell.
  client.Send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
  CHECK(client.ReadResponse().status == 200);
}

TEST_CASE("http server: HEAD gets the headers of the answer and no body") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  client.Send("HEAD /bytes/1234 HTTP/1.1\r\nHost: a\r\n\r\n" + Get("/target"));
  RawResponse response = client.ReadResponse(true);
  CHECK(response.status == 200);
  CHECK(response.Header("Content-Length") == "1234");
  CHECK(client.ReadResponse().body == "GET /target a");
}

TEST_CASE("http server: 204 and 304 have no body") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  client.Send(Get("/status/204") + Get("/status/304") + Get("/target"));
  CHECK(client.ReadResponse().head == "HTTP/1.1 204 No Content\r\n" + kEach + "\r\n");
  CHECK(client.ReadResponse().head == "HTTP/1.1 304 Not Modified\r\n" + kEach + "\r\n");
  CHECK(client.ReadResponse().body == "GET /target a");
}

TEST_CASE("http server: HTTP/1.0 closes unless it asks to be kept") {
  HttpFixture fixture;
  RawClient kept(fixture.port());
  kept.Send("GET /target HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(kept.ReadResponse().Header("Connection") == "keep-alive");
  kept.Send("GET /target HTTP/1.0\r\n\r\n");
  RawResponse response = kept.ReadResponse();
  CHECK(response.Header("Connection") == "close");
  CHECK(response.body == "GET /target -");
  CHECK(kept.ReadEnd());
}

TEST_CASE("http server: either side may ask to close after an answer") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  client.Send(Get("/target", "Connection: close\r\n") + Get("/target"));
  CHECK(client.ReadResponse().Header("Connection") == "close");
  CHECK(client.ReadEnd());
  RawClient other(fixture.port());
  other.Send(Get("/close") + Get("/target"));
  CHECK(other.ReadResponse().Header("Connection") == "close");
  CHECK(other.ReadEnd());
}

TEST_CASE("http server: line breaks in a header's value cannot split a response") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  client.Send(Get("/wait"));
  uint64_t token = fixture.WaitForPending();
  fixture.OnLoop([&](HttpServer& server) {
    HttpResponse response = HttpFixture::Text(200, "ok");
    response.headers.emplace_back("Location", "/a\r\nX-Evil: 1");
    server.Respond(token, std::move(response));
  });
  RawResponse response = client.ReadResponse();
  CHECK(response.Header("Location") == "/a  X-Evil: 1");
  CHECK(response.body == "ok");
}

TEST_CASE("http server: a reset tells the handler that its token is void") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  client.Send(Get("/wait"));
  uint64_t token = fixture.WaitForPending();
  REQUIRE(token != 0);
  client.Reset();
  CHECK(fixture.WaitForClose(token));
  fixture.OnLoop([&](HttpServer& server) { server.Respond(token, HttpFixture::Text(200, "to nobody")); });
  CHECK(fixture.connections() == 0);
  CHECK(fixture.closed().size() == 1);
}

TEST_CASE("http server: a client that only ended its side gets all its answers") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  client.Send(Get("/wait") + Get("/target") + Get("/wait"));
  client.ShutdownWrite();
  fixture.Answer("first");
  fixture.Answer("third");
  CHECK(client.ReadResponse().body == "first");
  CHECK(client.ReadResponse().body == "GET /target a");
  RawResponse last = client.ReadResponse();
  CHECK(last.body == "third");
  CHECK(client.ReadEnd());
  CHECK(fixture.closed().empty());
}

TEST_CASE("http server: draining closes what is idle and lets the rest end") {
  HttpFixture fixture;
  RawClient idle(fixture.port());
  idle.Send(Get("/target"));
  CHECK(idle.ReadResponse().status == 200);
  RawClient pending(fixture.port());
  pending.Send(Get("/wait"));
  uint64_t token = fixture.WaitForPending();
  RawClient halfway(fixture.port());
  halfway.Send("GET /target HTTP/1.1\r\n");
  RawClient fresh(fixture.port());
  REQUIRE(fixture.WaitForConnections(4));
  // The half request has been read once this was answered on the same loop.
  RawClient last(fixture.port());
  last.Send(Get("/target"));
  CHECK(last.ReadResponse().status == 200);

  fixture.OnLoop([&](HttpServer& server) {
    server.Drain();
    // Under way when the server began to drain.
    fresh.Send(Get("/target"));
  });
  CHECK(idle.ReadEnd());
  CHECK(last.ReadEnd());
  CHECK_FALSE(RawClient(fixture.port()).connected());
  halfway.Send("Host: a\r\n\r\n");
  CHECK(halfway.ReadResponse().Header("Connection") == "close");
  CHECK(halfway.ReadEnd());
  CHECK(fresh.ReadResponse().Header("Connection") == "close");
  fixture.OnLoop([&](HttpServer& server) { server.Respond(token, HttpFixture::Text(200, "last")); });
  RawResponse response = pending.ReadResponse();
  CHECK(response.body == "last");
  CHECK(response.Header("Connection") == "close");
  CHECK(pending.ReadEnd());
}

TEST_CASE("http server: draining does not wait for a connection that never sends anything") {
  HttpFixture fixture;
  RawClient fresh(fixture.port());
  REQUIRE(fixture.WaitForConnections(1));
  fixture.OnLoop([](HttpServer& server) { server.Drain(); });
  fixture.Pass(500);
  CHECK(fresh.ReadEnd());
  CHECK(fixture.WaitForConnections(0));
}

TEST_CASE("http server: hundreds of connections are served side by side") {
  HttpFixture fixture;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 400; ++i) {
    clients.push_back(std::make_unique<RawClient>(fixture.port()));
    REQUIRE(clients.back()->connected());
  }
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < clients.size(); ++i) clients[i]->Send(Post("/echo", std::to_string(i)));
    for (size_t i = 0; i < clients.size(); ++i) REQUIRE(clients[i]->ReadResponse().body == std::to_string(i));
  }
  CHECK(fixture.connections() == 400);
  CHECK(fixture.WaitForEmptyBudget());
  clients.clear();
  CHECK(fixture.WaitForConnections(0));
  CHECK(fixture.budget().connections == 0);
}

TEST_CASE("http server: listening on a port that is taken or an address that is none is an error") {
  HttpFixture fixture;
  fixture.OnLoop([&](HttpServer& server) {
    bool taken = !server.Listen("127.0.0.1", fixture.port(), false).ok();
    bool none = !server.Listen("localhost", 0, false).ok();
    if (!taken || !none) std::abort();
  });
  Loop loop;
  HttpServer::Budget budget;
  HttpServer one(&loop, {}, &budget, &fixture);
  HttpServer two(&loop, {}, &budget, &fixture);
  Result<uint16_t> port = one.Listen("127.0.0.1", 0, true);
  REQUIRE(port.ok());
  Result<uint16_t> shared = two.Listen("127.0.0.1", *port, true);
  REQUIRE(shared.ok());
  CHECK(*shared == *port);
}

TEST_CASE("http server: it can be destroyed with connections in every state") {
  HttpFixture fixture;
  RawClient fresh(fixture.port());
  RawClient pending(fixture.port());
  pending.Send(Get("/wait"));
  RawClient unread(fixture.port(), 4096);
  unread.Send(Get("/bytes/20000000"));
  RawClient refused(fixture.port());
  refused.Send("nonsense\r\n\r\n");
  CHECK(refused.ReadResponse().status == 400);
  RawClient half(fixture.port());
  half.Send("GET /");
  CHECK(fixture.WaitForPending() != 0);
  CHECK(fixture.WaitForConnections(5));
}

TEST_CASE("http server: no bytes of a client bring it down") {
  HttpLimits limits;
  limits.max_body_bytes = 100'000;
  HttpFixture fixture(limits);
  Random random(99);
  std::string seed = Post("/echo", "hello") + Get("/bytes/1000") +
                     "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" +
                     "HEAD /target HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  for (int i = 0; i < 1500; ++i) {
    std::string bytes = seed;
    for (uint64_t k = random.Below(5); k > 0; --k) bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
    RawClient client(fixture.port());
    size_t cut = random.Below(bytes.size());
    client.Send(bytes.substr(0, cut));
    if (random.Chance(0.3)) fixture.OnLoop([](HttpServer&) {});
    client.Send(bytes.substr(cut, random.Below(bytes.size())));
    switch (random.Below(3)) {
      case 0:
        client.Reset();
        break;
      case 1:
        client.ShutdownWrite();
        client.ReadAll();
        break;
      default:
        break;
    }
  }
  RawClient client(fixture.port());
  client.Send(Get("/target"));
  CHECK(client.ReadResponse().status == 200);
}

TEST_CASE("http server: no answer is kept by a cache, or taken for something else by a browser") {
  auto request = GENERATE(as<std::string>(), Get("/target"), Post("/echo", "x"), Get("/status/304"), "nonsense\r\n\r\n");
  HttpFixture fixture;
  RawClient client(fixture.port());
  client.Send(request);
  RawResponse response = client.ReadResponse(true);
  CHECK(response.Header("Cache-Control") == "no-store");
  CHECK(response.Header("X-Content-Type-Options") == "nosniff");
}

TEST_CASE("http server: what an answer says of caches stands alone") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  client.Send(Get("/kept"));
  CHECK(client.ReadResponse(true).Header("Cache-Control") == "no-cache");
}

TEST_CASE("http server: one that may not answer any more says nothing, and closes") {
  HttpFixture fixture;
  std::atomic<bool> may{true};
  fixture.OnLoop([&](HttpServer& server) { server.AnswerOnlyWhile([&] { return may.load(); }); });
  RawClient client(fixture.port());
  client.Send(Get("/target"));
  CHECK(client.ReadResponse().status == 200);
  may = false;
  client.Send(Get("/target"));
  CHECK(client.ReadAll().empty());
  fixture.OnLoop([](HttpServer& server) { server.AnswerOnlyWhile({}); });
}

}  // namespace
}  // namespace notifyd
