// HttpServer over real sockets: memory that answers take is reserved, slow clients lose their connection and nobody else anything, and probes are
// answered beyond the limit of connections.

#include "net/http_connection.h"
#include "net/http_context.h"
#include "net/http_stream_fixture.h"
#include <catch2/catch.hpp>

#include <sys/socket.h>

#include <atomic>

namespace notifyd {
namespace {

/// /bytes/N says beforehand that it takes N bytes, and waits for room; /probe is one. Notes what the loop saw.
class BudgetFixture : public HttpFixture {
 public:
  explicit BudgetFixture(HttpLimits limits) : HttpFixture(limits) {}
  ~BudgetFixture() override { Halt(); }

  HttpDemand Demand(const HttpRequest& request) override {
    HttpDemand demand;
    demand.probe = request.target == "/probe";
    if (request.target.starts_with("/bytes/")) {
      demand.answer_bytes = std::strtoull(request.target.c_str() + 7, nullptr, 10);
      demand.waits = true;
    }
    return demand;
  }
  void OnRequest(uint64_t token, HttpRequest request) override {
    most_bytes = std::max(most_bytes.load(), budget().bytes.load());
    most_answers = std::max(most_answers.load(), budget().answers.load());
    HttpFixture::OnRequest(token, std::move(request));
  }
  void OnHalfClose(uint64_t token) override {
    std::lock_guard lock(mutex_);
    half_closed_.push_back(token);
    changed_.notify_all();
  }
  bool WaitForHalfClose(uint64_t token) {
    return Await([&] { return std::find(half_closed_.begin(), half_closed_.end(), token) != half_closed_.end(); });
  }

  std::atomic<size_t> most_bytes{0}, most_answers{0};

 private:
  std::vector<uint64_t> half_closed_;  // guarded by mutex_
};

TEST_CASE("http budget: answers that nobody reads take no more than their share, and others are answered all the same") {
  HttpLimits limits;
  limits.max_buffered_bytes = 8'000'000;
  BudgetFixture fixture(limits);
  std::vector<std::unique_ptr<RawClient>> deaf;
  for (int i = 0; i < 20; ++i) {
    deaf.push_back(std::make_unique<RawClient>(fixture.port(), 4096));
    deaf.back()->Send(Get("/bytes/1000000"));
  }
  REQUIRE(fixture.WaitForConnections(20));
  // What changes something goes on meanwhile, probes and small things too.
  RawClient client(fixture.port());
  for (int i = 0; i < 20; ++i) {
    client.Send(Post("/echo", std::string(100'000, 'x')));
    REQUIRE(client.ReadResponse().status == 200);
    client.Send(Get("/target"));
    REQUIRE(client.ReadResponse().status == 200);
  }
  // Who reads gets its turn, since those before it lose their connections.
  client.Send(Get("/bytes/1000000"));
  CHECK(client.ReadResponse().body.size() == 1'000'000);
  CHECK(fixture.most_answers <= 4'100'000);
  CHECK(fixture.most_bytes <= 4'500'000);
  deaf.clear();
  CHECK(fixture.WaitForEmptyBudget());
  CHECK(fixture.budget().answers == 0);
}

TEST_CASE("http budget: an answer larger than the share is let through alone") {
  HttpLimits limits;
  limits.max_buffered_bytes = 1'000'000;
  BudgetFixture fixture(limits);
  RawClient client(fixture.port());
  client.Send(Get("/bytes/3000000"));
  CHECK(client.ReadResponse().body.size() == 3'000'000);
}

TEST_CASE("http budget: a request that finds no room in its time is refused, and one whose client goes meanwhile leaves nothing") {
  HttpLimits limits;
  limits.max_buffered_bytes = 1'000'000;
  limits.head_timeout_ms = 100;
  BudgetFixture fixture(limits);
  RawClient first(fixture.port());
  uint64_t token = 0;
  first.Send(Get("/wait"));
  REQUIRE((token = fixture.WaitForPending()) != 0);
  bool some = false, more = true;
  fixture.OnLoop([&](HttpServer& server) {
    some = server.Reserve(token, 500'000);
    more = server.Reserve(token, 600'000);
  });
  CHECK(some);
  CHECK_FALSE(more);
  RawClient second(fixture.port());
  second.Send(Get("/bytes/1000"));
  RawResponse refused = second.ReadResponse();
  CHECK(refused.status == 429);
  CHECK(refused.Header("Retry-After") == "1");
  RawClient third(fixture.port());
  third.Send(Get("/bytes/1000"));
  REQUIRE(fixture.WaitForConnections(2));
  third.Reset();
  REQUIRE(fixture.WaitForConnections(1));
  fixture.OnLoop([&](HttpServer& server) { server.Respond(token, HttpFixture::Text(200, {})); });
  CHECK(first.ReadResponse().status == 200);
  first.Send(Get("/bytes/1000"));
  CHECK(first.ReadResponse().status == 200);
  CHECK(fixture.WaitForEmptyBudget());
}

/// Each request waits for room.
class Waiting : public HttpHandler {
 public:
  void OnRequest(uint64_t, HttpRequest) override {}
  HttpDemand Demand(const HttpRequest&) override { return {false, 1'000, true}; }
  void OnClose(uint64_t) override {}
  HttpResponse OnRefused(int, std::string_view) override { return {}; }
};

TEST_CASE("http budget: a connection that ends while its request waits for room leaves no place behind in the queue") {
  constexpr size_t kClients = 200;
  Waiting handler;
  HttpLimits limits;
  limits.max_buffered_bytes = 1'000;
  HttpServer::Budget budget;
  budget.answers = 1'000;
  HttpListener listener;
  std::unique_ptr<HttpContext> context;
  LoopThread loop;
  std::vector<int> clients;
  bool all_sent = true;
  loop.OnLoop([&] {
    context = std::make_unique<HttpContext>(loop.loop().raw(), limits, &budget, &handler);
    context->resume = context->closed = [] {};
    for (size_t i = 0; i < kClients; ++i) {
      int ends[2];
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
      clients.push_back(ends[0]);
      all_sent &= send(ends[0], "GET / HTTP/1.0\r\n\r\n", 18, 0) == 18;
      HttpConnection::Open(context.get(), ends[1], HttpConnection::Origin::kAccepted, &listener, std::make_shared<const Peer>());
    }
  });
  REQUIRE(all_sent);
  size_t parked = 0;
  // As the server does it, turn by turn.
  while (parked < kClients) {
    loop.OnLoop([&] {
      for (auto* list : {&context->resumable, &context->waiting}) {
        for (; !list->empty(); context->turn_until_us = 0) {
          HttpConnection* first = list->front();
          list->pop_front();
          first->Resume();
        }
      }
      parked = context->parked.size();
    });
  }
  size_t left = 0;
  bool all_open = true;
  loop.OnLoop([&] {
    for (size_t i = 0; i < kClients; ++i) {
      if (i % 4 != 0) context->slots[i]->Close();
    }
    left = context->parked.size();
    for (const HttpConnection* connection : context->parked) all_open &= connection != nullptr && connection->open();
    for (size_t i = 0; i < kClients; i += 4) context->slots[i]->Abandon();
  });
  CHECK(left == kClients / 4);
  CHECK(all_open);
  for (int client : clients) close(client);
}

TEST_CASE("http budget: a client that takes its answer in a trickle is cut off") {
  HttpLimits limits;
  limits.idle_timeout_ms = 100;
  limits.least_bytes_per_s = 50'000'000;
  HttpFixture fixture(limits);
  RawClient client(fixture.port(), 4096);
  client.Send(Get("/bytes/50000000"));
  REQUIRE(fixture.WaitForConnections(1));
  std::thread trickle([&] {
    char bytes[2048];
    for (int i = 0; i < 4000 * test::kSlowness && recv(client.fd(), bytes, sizeof bytes, 0) > 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
  });
  CHECK(fixture.WaitForConnections(0));
  CHECK(fixture.budget().bytes == 0);
  trickle.join();
}

TEST_CASE("http budget: a client that stalls its body while others find no room is cut off") {
  HttpLimits limits;
  limits.max_buffered_bytes = 1'000'000;
  HttpFixture fixture(limits);
  RawClient stalled(fixture.port());
  std::string body = Post("/echo", std::string(900'000, 'x'));
  stalled.Send(body.substr(0, 600'000));
  while (fixture.budget().bytes.load() < 500'000) fixture.OnLoop([](HttpServer&) {});
  fixture.Pass(500);
  int status = 0;
  // As long as it is told to try again.
  for (int i = 0; i < 10'000 && status != 200; ++i) {
    RawClient other(fixture.port());
    other.Send(Post("/echo", std::string(600'000, 'x')));
    status = other.ReadResponse().status;
    REQUIRE((status == 429 || status == 200));
  }
  CHECK(status == 200);
  CHECK(stalled.ReadResponse().status == 408);
}

TEST_CASE("http budget: a body of which the kernel has more is not slow, however late the loop looks at it, though others find no room") {
  HttpLimits limits;
  limits.max_buffered_bytes = 1'000'000;
  limits.request_timeout_ms = 600'000;
  HttpFixture fixture(limits);
  RawClient client(fixture.port()), other(fixture.port());
  const std::string all = Post("/echo", std::string(900'000, 'x'));
  client.Send(all.substr(0, 600'000));
  while (fixture.budget().bytes.load() < 599'000) fixture.OnLoop([](HttpServer&) {});
  bool some = false, more = true;
  size_t sent = 0;
  fixture.block = [&](uint64_t token) {
    some = fixture.server().Reserve(token, 10);
    more = fixture.server().Reserve(token, 900'000);
    sent = client.TrySend(all.substr(600'000, 1'000));
    // 12 KB a second.
    fixture.Advance(50'000);
  };
  other.Send(Get("/block"));
  CHECK(other.ReadResponse().status == 200);
  CHECK(some);
  CHECK_FALSE(more);
  CHECK(sent > 0);
  client.Send(all.substr(600'000 + sent));
  CHECK(client.ReadResponse().body.size() == 900'000);
}

TEST_CASE("http budget: the head of a request under way is counted, until its answer, however its body is taken") {
  constexpr size_t kClients = 10;
  const bool pieces = GENERATE(false, true);
  CAPTURE(pieces);
  std::atomic<size_t> heads{0};
  StreamScript script;
  script.takes = [&](const HttpRequest&) {
    ++heads;
    return pieces;
  };
  script.end = [](HttpServer& server, uint64_t token) { server.Respond(token, HttpFixture::Text(200, "x")); };
  StreamFixture fixture(script);
  std::string fields;
  for (int i = 0; i < 50; ++i) fields += "X-Field-" + std::to_string(i) + ": " + std::string(200, 'x') + "\r\n";
  std::vector<std::unique_ptr<RawClient>> clients;
  for (size_t i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<RawClient>(fixture.port()));
    clients.back()->Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n" + fields + "\r\n");
  }
  while (heads < kClients) fixture.OnLoop([](HttpServer&) {});
  // Behind the read that brought the last of them.
  fixture.OnLoop([](HttpServer&) {});
  CHECK(fixture.budget().bytes >= kClients * fields.size());
  for (auto& client : clients) {
    client->Send("x");
    CHECK(client->ReadResponse().body == "x");
  }
  CHECK(fixture.WaitForEmptyBudget());
  // One without a body, which the handler has.
  clients[0]->Send("GET /wait HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
  const uint64_t token = fixture.WaitForPending();
  REQUIRE(token != 0);
  fixture.OnLoop([](HttpServer&) {});
  CHECK(fixture.budget().bytes >= fields.size());
  fixture.OnLoop([&](HttpServer& server) { server.Respond(token, HttpFixture::Text(200, "late")); });
  CHECK(clients[0]->ReadResponse().body == "late");
  CHECK(fixture.WaitForEmptyBudget());
}

TEST_CASE("http budget: large bodies leave room for small ones") {
  HttpLimits limits;
  limits.max_buffered_bytes = 8 << 20;
  HttpFixture fixture(limits);
  RawClient first(fixture.port());
  first.Send(Post("/wait", std::string(5 << 20, 'x')));
  REQUIRE(fixture.WaitForPending() != 0);
  RawClient large(fixture.port());
  large.Send(Post("/echo", std::string(2 << 20, 'x')));
  CHECK(large.ReadResponse().status == 429);
  RawClient chunked(fixture.port());
  std::string body = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 200; ++i) body += "2710\r\n" + std::string(10'000, 'x') + "\r\n";
  chunked.Send(body + "0\r\n\r\n");
  CHECK(chunked.ReadResponse().status == 429);
  RawClient small(fixture.port());
  small.Send(Post("/echo", std::string(1 << 20, 'x')));
  CHECK(small.ReadResponse().status == 200);
}

TEST_CASE("http budget: once little is left of much, whoever gives memory back is told, once") {
  HttpFixture fixture;
  std::atomic<int> relieved{0};
  fixture.OnLoop([&](HttpServer&) { fixture.budget().relieved = [&] { ++relieved; }; });
  RawClient client(fixture.port());
  client.Send(Get("/bytes/80000000"));
  CHECK(client.ReadResponse().body.size() == 80'000'000);
  CHECK(fixture.WaitForEmptyBudget());
  fixture.OnLoop([](HttpServer&) {});
  CHECK(relieved == 1);
  client.Send(Get("/bytes/8000000"));
  CHECK(client.ReadResponse().body.size() == 8'000'000);
  CHECK(fixture.WaitForEmptyBudget());
  CHECK(relieved == 1);
}

TEST_CASE("http budget: a streamed answer that is broken off has no end") {
  StreamScript script;
  script.request = [](HttpServer& server, uint64_t token, HttpRequest) {
    server.BeginStream(token, HttpFixture::Text(200, "so far"));
    server.BreakStream(token);
  };
  StreamFixture fixture(script);
  RawClient client(fixture.port());
  client.Send(Get("/"));
  CHECK(client.ReadResponse(true).status == 200);
  std::string chunk;
  REQUIRE(client.ReadChunk(&chunk));
  CHECK(chunk == "so far");
  CHECK_FALSE(client.ReadChunk(&chunk));
  CHECK(client.ReadEnd());
  // It never closes its side. The server has begun to wait for that once its own end is out.
  for (int turn = 0; turn < 5; ++turn) fixture.OnLoop([](HttpServer&) {});
  fixture.Pass(2'000);
  CHECK(fixture.WaitForConnections(0));
  CHECK(fixture.closed().empty());
}

TEST_CASE("http probes: they are answered beyond the limit of connections, and nothing else is") {
  HttpLimits limits;
  limits.max_connections = 2;
  BudgetFixture fixture(limits);
  RawClient one(fixture.port()), two(fixture.port());
  REQUIRE(fixture.WaitForConnections(2));
  for (int i = 0; i < 10; ++i) {
    RawClient probe(fixture.port());
    probe.Send(Get("/probe"));
    RawResponse response = probe.ReadResponse();
    CHECK(response.status == 200);
    CHECK(response.Header("Connection") == "close");
    CHECK(probe.ReadEnd());
    RawClient other(fixture.port());
    other.Send(i % 3 == 0 ? Get("/target") : Post("/echo", std::string(i % 3 == 1 ? 1 : 100'000, 'x')));
    CHECK(other.ReadResponse().status == 503);
  }
  CHECK(fixture.budget().connections == 2);
}

TEST_CASE("http probes: on the connections that are kept for them the oldest gives way") {
  HttpLimits limits;
  limits.max_connections = 1;
  limits.max_probe_connections = 4;
  BudgetFixture fixture(limits);
  RawClient one(fixture.port());
  REQUIRE(fixture.WaitForConnections(1));
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 50; ++i) {
    silent.push_back(std::make_unique<RawClient>(fixture.port()));
    silent.back()->Send("GET /pro");
  }
  RawClient probe(fixture.port());
  probe.Send(Get("/probe"));
  CHECK(probe.ReadResponse().status == 200);
  // The first of them are cut off, without a word.
  CHECK(silent[0]->ReadAll().empty());
  CHECK(fixture.connections() <= 5);
}

TEST_CASE("http probes: they are answered however much is buffered, in pieces too") {
  HttpLimits limits;
  limits.max_buffered_bytes = 100'000;
  BudgetFixture fixture(limits);
  RawClient first(fixture.port());
  first.Send(Post("/wait", std::string(99'900, 'x')));
  REQUIRE(fixture.WaitForPending() != 0);
  RawClient probe(fixture.port());
  probe.Send("GET /probe HTTP/1.1\r\n");
  REQUIRE(fixture.WaitForConnections(2));
  for (int i = 0; i < 100; ++i) fixture.OnLoop([](HttpServer&) {});
  probe.Send("Host: a\r\n\r\n");
  CHECK(probe.ReadResponse().status == 200);
}

TEST_CASE("http half-close: the handler is told that the client of a pending request ended its side") {
  HttpLimits limits;
  BudgetFixture fixture(limits);
  bool at_once = GENERATE(false, true);
  RawClient client(fixture.port());
  client.Send(Get("/wait"));
  if (at_once) client.ShutdownWrite();
  uint64_t token = fixture.WaitForPending();
  REQUIRE(token != 0);
  if (!at_once) client.ShutdownWrite();
  CHECK(fixture.WaitForHalfClose(token));
  fixture.OnLoop([&](HttpServer& server) { server.Respond(token, HttpFixture::Text(200, "still")); });
  CHECK(client.ReadResponse().body == "still");
  CHECK(client.ReadEnd());
}

}  // namespace
}  // namespace notifyd
