// HttpServer over real sockets: sockets that go from one server to the next, as they do over a restart in place.

#include "net/http_fixture.h"
#include "support/slowness.h"
#include <catch2/catch.hpp>

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <future>
#include <thread>

namespace notifyd {
namespace {

HttpServer::Sockets Release(HttpFixture* fixture) {
  HttpServer::Sockets sockets;
  fixture->OnLoop([&](HttpServer& server) {
    server.StopAccepting();
    sockets = server.Release();
  });
  return sockets;
}

bool ServedAndKept(RawClient* client) {
  client->Send(kGet);
  RawResponse response = client->ReadResponse();
  return response.status == 200 && response.body == "GET /target a" && response.Header("Connection").empty();
}

TEST_CASE("http restart: a kept connection is served by the next server") {
  HttpFixture first;
  RawClient client(first.port());
  REQUIRE(ServedAndKept(&client));
  RawClient fresh(first.port());
  REQUIRE(first.WaitForConnections(2));
  HttpServer::Sockets sockets = Release(&first);
  CHECK(sockets.listening >= 0);
  CHECK(sockets.connections.size() == 2);
  CHECK(first.connections() == 0);
  CHECK(first.budget().connections == 0);
  HttpFixture second({}, &sockets);
  CHECK(second.port() == first.port());
  CHECK(ServedAndKept(&client));
  CHECK(ServedAndKept(&fresh));
  CHECK(second.connections() == 2);
  CHECK(second.budget().connections == 2);
  RawClient later(second.port());
  CHECK(ServedAndKept(&later));
}

TEST_CASE("http restart: a client that connects in between is served by the next server") {
  auto first = std::make_unique<HttpFixture>();
  first->OnLoop([](HttpServer& server) { server.StopAccepting(); });
  RawClient waiting(first->port());
  REQUIRE(waiting.connected());
  waiting.Send(kGet);
  for (int turn = 0; turn < 20; ++turn) first->OnLoop([](HttpServer&) {});
  CHECK(first->connections() == 0);
  HttpServer::Sockets sockets = Release(first.get());
  RawClient between(first->port());
  REQUIRE(between.connected());
  between.Send(kGet);
  first.reset();
  HttpFixture second({}, &sockets);
  CHECK(waiting.ReadResponse().status == 200);
  CHECK(between.ReadResponse().status == 200);
}

TEST_CASE("http restart: a request that has come but is not read goes to the next server") {
  HttpFixture first;
  RawClient client(first.port());
  REQUIRE(ServedAndKept(&client));
  HttpServer::Sockets sockets;
  first.OnLoop([&](HttpServer& server) {
    client.Send(kGet);
    server.StopAccepting();
    sockets = server.Release();
  });
  REQUIRE(sockets.connections.size() == 1);
  HttpFixture second({}, &sockets);
  CHECK(client.ReadResponse().body == "GET /target a");
}

TEST_CASE("http restart: a connection with a request under way is finished by the first server") {
  HttpFixture first;
  RawClient pending(first.port());
  pending.Send(kWait);
  uint64_t token = first.WaitForPending();
  REQUIRE(token != 0);
  RawClient ahead(first.port());
  ahead.Send(kWait + kGet);
  uint64_t second_token = first.WaitForPending();
  REQUIRE(second_token != 0);
  RawClient half(first.port());
  half.Send("GET /target HTTP/1.1\r\n");
  // The half request has been read once this was answered on the same loop.
  RawClient idle(first.port());
  REQUIRE(ServedAndKept(&idle));
  size_t busy = 0;
  first.OnLoop([&](HttpServer& server) { busy = server.busy(); });
  CHECK(busy == 3);
  HttpServer::Sockets sockets = Release(&first);
  CHECK(sockets.connections.size() == 1);
  HttpFixture second({}, &sockets);
  CHECK(ServedAndKept(&idle));

  first.OnLoop([&](HttpServer& server) {
    server.Respond(token, HttpFixture::Text(200, "by the first"));
    server.Respond(second_token, HttpFixture::Text(200, "by the first, too"));
  });
  RawResponse response = pending.ReadResponse();
  CHECK(response.body == "by the first");
  CHECK(response.Header("Connection") == "close");
  CHECK(pending.ReadEnd());
  CHECK(ahead.ReadResponse().body == "by the first, too");
  half.Send("Host: a\r\n\r\n");
  CHECK(half.ReadResponse().Header("Connection") == "close");
  CHECK(half.ReadEnd());
  first.OnLoop([&](HttpServer& server) { busy = server.busy(); });
  CHECK(busy == 0);
}

TEST_CASE("http restart: a connection is busy until its response is written") {
  HttpFixture first;
  RawClient client(first.port(), 4096);
  client.Send("GET /bytes/20000000 HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(first.WaitForConnections(1));
  size_t busy = 0;
  while (first.budget().bytes == 0) first.OnLoop([](HttpServer&) {});
  first.OnLoop([&](HttpServer& server) { busy = server.busy(); });
  CHECK(busy == 1);
  CHECK(client.ReadResponse().body.size() == 20'000'000);
  for (int i = 0; i < 10'000 && busy > 0; ++i) first.OnLoop([&](HttpServer& server) { busy = server.busy(); });
  CHECK(busy == 0);
  CHECK(Release(&first).connections.size() == 1);
}

TEST_CASE("http restart: connections go on between StopAccepting and Release") {
  HttpFixture first;
  RawClient client(first.port());
  REQUIRE(ServedAndKept(&client));
  first.OnLoop([](HttpServer& server) { server.StopAccepting(); });
  CHECK(ServedAndKept(&client));
  HttpServer::Sockets sockets = Release(&first);
  REQUIRE(sockets.connections.size() == 1);
  HttpFixture second({}, &sockets);
  CHECK(ServedAndKept(&client));
}

TEST_CASE("http restart: held requests wait for the next server, one under way is answered by the first") {
  HttpFixture first;
  RawClient idle(first.port()), pending(first.port());
  REQUIRE(ServedAndKept(&idle));
  pending.Send(kWait);
  uint64_t token = first.WaitForPending();
  REQUIRE(token != 0);
  first.OnLoop([](HttpServer& server) {
    server.StopAccepting();
    server.HoldRequests();
  });
  idle.Send(kGet);
  pending.Send(kGet);
  size_t busy = 0;
  for (int turn = 0; turn < 20; ++turn) first.OnLoop([&](HttpServer& server) { busy = server.busy(); });
  CHECK(busy == 1);
  first.OnLoop([&](HttpServer& server) { server.Respond(token, HttpFixture::Text(200, "late")); });
  CHECK(pending.ReadResponse().body == "late");
  for (int turn = 0; turn < 20; ++turn) first.OnLoop([&](HttpServer& server) { busy = server.busy(); });
  CHECK(busy == 0);
  HttpServer::Sockets sockets = Release(&first);
  REQUIRE(sockets.connections.size() == 2);
  HttpFixture second({}, &sockets);
  CHECK(idle.ReadResponse().body == "GET /target a");
  CHECK(pending.ReadResponse().body == "GET /target a");
}

TEST_CASE("http restart: while requests are held an idle connection keeps what it is sent for the next server") {
  HttpFixture first;
  RawClient client(first.port());
  REQUIRE(ServedAndKept(&client));
  RawClient pending(first.port());
  pending.Send(kWait);
  uint64_t token = first.WaitForPending();
  REQUIRE(token != 0);
  first.OnLoop([](HttpServer& server) {
    server.StopAccepting();
    server.HoldRequests();
  });
  client.Send(kWait);
  pending.Send(kGet);
  for (int turn = 0; turn < 20; ++turn) first.OnLoop([](HttpServer&) {});
  CHECK(first.pending() == 0);
  size_t busy = 0;
  first.OnLoop([&](HttpServer& server) {
    server.Respond(token, HttpFixture::Text(200, "by the first"));
    busy = server.busy();
  });
  CHECK(busy == 0);
  HttpServer::Sockets sockets = Release(&first);
  CHECK(sockets.connections.size() == 2);
  HttpFixture second({}, &sockets);
  CHECK(pending.ReadResponse().body == "by the first");
  CHECK(pending.ReadResponse().body == "GET /target a");
  second.Answer("by the second");
  CHECK(client.ReadResponse().body == "by the second");
}

TEST_CASE("http restart: while requests are held one that has begun is read to its end") {
  HttpFixture first;
  RawClient client(first.port());
  client.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nhal");
  // It has been read once this was answered on the same loop.
  RawClient other(first.port());
  REQUIRE(ServedAndKept(&other));
  first.OnLoop([](HttpServer& server) {
    server.StopAccepting();
    server.HoldRequests();
  });
  client.Send("ves" + kGet + kGet);
  CHECK(client.ReadResponse().body == "halves");
  // What came with its end was read, and is served here.
  for (int i = 0; i < 2; ++i) CHECK(client.ReadResponse().body == "GET /target a");
  CHECK(Release(&first).connections.size() == 2);
}

TEST_CASE("http restart: requests that were held are served where the server drains instead") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  REQUIRE(ServedAndKept(&client));
  fixture.OnLoop([](HttpServer& server) {
    server.StopAccepting();
    server.HoldRequests();
  });
  client.Send(kGet);
  for (int turn = 0; turn < 20; ++turn) fixture.OnLoop([](HttpServer&) {});
  fixture.OnLoop([](HttpServer& server) { server.Drain(); });
  CHECK(client.ReadResponse().body == "GET /target a");
  CHECK(client.ReadEnd());
}

TEST_CASE("http restart: what is released stays open over exec, what is adopted does not") {
  HttpFixture first;
  RawClient client(first.port());
  REQUIRE(ServedAndKept(&client));
  HttpServer::Sockets sockets = Release(&first);
  REQUIRE(sockets.connections.size() == 1);
  CHECK((fcntl(sockets.listening, F_GETFD) & FD_CLOEXEC) == 0);
  CHECK((fcntl(sockets.connections[0], F_GETFD) & FD_CLOEXEC) == 0);
  HttpFixture second({}, &sockets);
  CHECK((fcntl(sockets.listening, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((fcntl(sockets.connections[0], F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("http restart: two servers of one loop hand over, and one may take back its own sockets") {
  Loop loop;
  HttpServer::Budget budget;
  struct Handler : HttpHandler {
    HttpServer* server = nullptr;
    void OnRequest(uint64_t token, HttpRequest) override { server->Respond(token, HttpFixture::Text(200, "GET /target a")); }
    void OnClose(uint64_t) override {}
    HttpResponse OnRefused(int status, std::string_view) override { return HttpFixture::Text(status, {}); }
  } handlers[2];
  HttpServer first(&loop, {}, &budget, &handlers[0]);
  HttpServer second(&loop, {}, &budget, &handlers[1]);
  handlers[0].server = &first;
  handlers[1].server = &second;
  uint16_t port = *first.Listen("127.0.0.1", 0, false);
  std::thread thread([&] { loop.Run(); });
  RawClient client(port);
  CHECK(ServedAndKept(&client));
  for (HttpServer* to : {&second, &second, &first}) {
    std::promise<bool> done;
    loop.Post([&] {
      HttpServer* from = first.connections() > 0 ? &first : &second;
      from->StopAccepting();
      done.set_value(to->Adopt(from->Release()).ok());
    });
    CHECK(done.get_future().get());
    CHECK(ServedAndKept(&client));
    RawClient fresh(port);
    CHECK(ServedAndKept(&fresh));
  }
  loop.Stop();
  thread.join();
  CHECK(first.connections() > 0);
}

TEST_CASE("http restart: an adopted connection has the time of an idle one") {
  HttpFixture first;
  RawClient client(first.port());
  REQUIRE(ServedAndKept(&client));
  HttpServer::Sockets sockets = Release(&first);
  HttpLimits limits;
  limits.head_timeout_ms = 40;
  HttpFixture second(limits, &sockets);
  // It would have run into the shorter time by then.
  for (int i = 0; i < 2; ++i) {
    RawClient fresh(second.port());
    CHECK(fresh.ReadEnd());
  }
  CHECK(ServedAndKept(&client));
}

TEST_CASE("http restart: connections beyond the limit are told so by the next server") {
  HttpFixture first;
  RawClient one(first.port());
  RawClient two(first.port());
  REQUIRE(first.WaitForConnections(2));
  HttpServer::Sockets sockets = Release(&first);
  HttpLimits limits;
  limits.max_connections = 1;
  HttpFixture second(limits, &sockets);
  int statuses = 0;
  for (RawClient* client : {&one, &two}) {
    client->Send(kGet);
    statuses += client->ReadResponse().status;
  }
  CHECK(statuses == 200 + 503);
}

TEST_CASE("http restart: descriptors that are no sockets are skipped, and one that does not listen is an error") {
  HttpFixture first;
  RawClient client(first.port());
  REQUIRE(ServedAndKept(&client));
  HttpServer::Sockets sockets = Release(&first);
  int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  int closed = fcntl(file, F_DUPFD_CLOEXEC, 500);
  close(closed);
  Loop loop;
  HttpServer::Budget budget;
  HttpServer server(&loop, {}, &budget, &first);
  for (int fd : {-1, file, closed, sockets.connections[0]}) {
    HttpServer::Sockets wrong;
    wrong.listening = fd;
    Result<uint16_t> port = server.Adopt(wrong);
    REQUIRE_FALSE(port.ok());
    CHECK(port.status().code() == Code::kIo);
  }
  sockets.connections.insert(sockets.connections.begin(), {-1, file, closed});
  HttpFixture second({}, &sockets);
  CHECK(second.connections() == 1);
  CHECK(ServedAndKept(&client));
  CHECK(fcntl(file, F_GETFD) >= 0);
  close(file);
}

TEST_CASE("http restart: a further listening socket may come among the connections") {
  HttpFixture first;
  HttpFixture other;
  HttpServer::Sockets sockets = Release(&first);
  HttpServer::Sockets more = Release(&other);
  sockets.connections.push_back(more.listening);
  {
    HttpFixture second({}, &sockets);
    RawClient client(first.port());
    CHECK(ServedAndKept(&client));
    RawClient further(other.port());
    CHECK(ServedAndKept(&further));
    // And goes on from there in the same way.
    sockets = Release(&second);
  }
  HttpFixture third({}, &sockets);
  RawClient client(first.port());
  CHECK(ServedAndKept(&client));
  RawClient further(other.port());
  CHECK(ServedAndKept(&further));
}

/// Until `holds` says so on the loop.
bool Until(HttpFixture* fixture, const std::function<bool(HttpServer&)>& holds) {
  auto deadline = std::chrono::steady_clock::now() + test::AtMostSeconds(10);
  for (bool held = false; std::chrono::steady_clock::now() < deadline; std::this_thread::yield()) {
    fixture->OnLoop([&](HttpServer& server) { held = holds(server); });
    if (held) return true;
  }
  return false;
}

constexpr int64_t kHour = 3'600'000;

/// A callback, and whether it was called.
class Called {
 public:
  std::function<void()> then() {
    return [this] { called_.set_value(); };
  }
  bool Comes() { return future_.wait_for(test::AtMostSeconds(10)) == std::future_status::ready; }
  /// Has it come, now that the loop did all that it had to do?
  bool CameBy(HttpFixture* fixture) {
    for (int turn = 0; turn < 3; ++turn) fixture->OnLoop([](HttpServer&) {});
    return future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

 private:
  std::promise<void> called_;
  std::future<void> future_ = called_.get_future();
};

TEST_CASE("http waiting: a server is idle once the last response is written, and not before") {
  HttpFixture fixture;
  RawClient client(fixture.port()), other(fixture.port());
  Called none, idle;
  fixture.OnLoop([&](HttpServer& server) { server.OnIdle(kHour, none.then()); });
  CHECK(none.Comes());
  client.Send(kWait);
  other.Send(kWait);
  uint64_t first = fixture.WaitForPending(), second = fixture.WaitForPending();
  fixture.OnLoop([&](HttpServer& server) {
    server.StopAccepting();
    server.HoldRequests();
    server.OnIdle(kHour, idle.then());
    server.Respond(first, HttpFixture::Text(200, "one"));
  });
  CHECK_FALSE(idle.CameBy(&fixture));
  fixture.OnLoop([&](HttpServer& server) { server.Respond(second, HttpFixture::Text(200, std::string(8 << 20, 'x'))); });
  CHECK_FALSE(idle.CameBy(&fixture));  // nobody has read it
  CHECK(client.ReadResponse().status == 200);
  CHECK(other.ReadResponse().status == 200);
  CHECK(idle.Comes());
}

TEST_CASE("http waiting: a request that comes slowly keeps a server from being idle for so long and no longer") {
  HttpFixture fixture;
  RawClient slow(fixture.port());
  slow.Send("GET /target HTTP/1.1\r\nHo");
  REQUIRE(Until(&fixture, [&](HttpServer&) { return fixture.budget().bytes > 0; }));
  Called never, idle;
  fixture.OnLoop([&](HttpServer& server) { server.OnIdle(kHour, never.then()); });
  CHECK_FALSE(never.CameBy(&fixture));
  fixture.OnLoop([&](HttpServer& server) { server.OnIdle(20, idle.then()); });  // in place of the other
  CHECK(idle.Comes());
  CHECK_FALSE(never.CameBy(&fixture));
}

TEST_CASE("http waiting: of the requests that are coming, those that have been for long are waited for") {
  HttpFixture fixture;
  RawClient slow(fixture.port());
  slow.Send("GET /target HTTP/1.1\r\nHo");
  REQUIRE(Until(&fixture, [&](HttpServer&) { return fixture.budget().bytes > 0; }));
  Called young, received;
  fixture.OnLoop([&](HttpServer& server) { server.OnReceived(kHour, young.then()); });
  CHECK(young.Comes());
  fixture.OnLoop([&](HttpServer& server) { server.OnReceived(0, received.then()); });
  CHECK_FALSE(received.CameBy(&fixture));
  slow.Send("st: a\r\n\r\n");
  CHECK(received.Comes());
  CHECK(slow.ReadResponse().status == 200);
}

TEST_CASE("http waiting: a server tells once its last connection is gone") {
  HttpFixture fixture;
  auto client = std::make_unique<RawClient>(fixture.port());
  REQUIRE(fixture.WaitForConnections(1));
  Called closed;
  fixture.OnLoop([&](HttpServer& server) { server.OnClosed(closed.then()); });
  CHECK_FALSE(closed.CameBy(&fixture));
  client.reset();
  CHECK(closed.Comes());
}

TEST_CASE("http restart: where a listener has a farewell, a connection that the server ends between two requests ends with it") {
  HttpListener members;
  members.farewell = "HTTP/1.1 503 Service Unavailable\r\nNot-Here: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  HttpLimits limits;
  limits.idle_timeout_ms = 60'000;
  HttpFixture fixture(limits, nullptr, &members);
  RawClient client(fixture.port());
  REQUIRE(ServedAndKept(&client));
  if (GENERATE(false, true)) fixture.Pass(limits.idle_timeout_ms + 1);
  else fixture.OnLoop([](HttpServer& server) { server.Drain(); });
  const RawResponse said = client.ReadResponse();
  CHECK(said.status == 503);
  CHECK(said.Header("Not-Here") == "1");
  // What the client still sends takes that not back, and is for nobody.
  client.Send(kWait);
  CHECK(client.ReadAll().empty());
  CHECK(fixture.pending() == 0);
}

TEST_CASE("http restart: a request that is not complete is refused, and what its client still sends does not take the answer back") {
  const char* part = GENERATE("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf", "GET /x HTTP/1.1\r\nHo");
  HttpFixture first;
  RawClient slow(first.port()), idle(first.port());
  REQUIRE(ServedAndKept(&idle));
  slow.Send(part);
  REQUIRE(Until(&first, [&](HttpServer&) { return first.budget().bytes > 0; }));
  HttpServer::Sockets sockets;
  Called idle_again;
  first.OnLoop([&](HttpServer& server) {
    server.StopAccepting();
    server.HoldRequests();
    server.OnIdle(kHour, idle_again.then());
    server.RefuseUnfinished();
  });
  REQUIRE(idle_again.Comes());
  // Nobody reads this before the next server has the socket: closing it now would reset the connection.
  first.OnLoop([&](HttpServer& server) {
    slow.Send("more");
    sockets = server.Release();
  });
  CHECK(sockets.connections.size() == 2);
  HttpFixture second({}, &sockets);
  slow.Send("and more");
  RawResponse response = slow.ReadResponse();
  CHECK(response.status == 503);
  CHECK(response.Header("Connection") == "close");
  CHECK(ServedAndKept(&idle));
  CHECK(second.closed().empty());
}

}  // namespace
}  // namespace notifyd
