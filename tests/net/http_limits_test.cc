// HttpServer over real sockets: what it refuses, and where its limits and timeouts are.

#include "net/beanstalkd/beanstalkd_parser.h"
#include "net/http_fixture.h"
#include <catch2/catch.hpp>

#include <sys/resource.h>

#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace notifyd {
namespace {

TEST_CASE("http server: what a client sends ahead of its answer is buffered only in part") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  client.Send(Get("/wait"));
  uint64_t token = fixture.WaitForPending();
  REQUIRE(token != 0);
  std::thread sender([&] { client.Send(Post("/echo", std::string(8 << 20, 'x'))); });
  // The loop turns over and over while the client sends what it can.
  size_t most = 0;
  for (int i = 0; i < 2000; ++i) {
    fixture.OnLoop([](HttpServer&) {});
    most = std::max(most, fixture.budget().bytes.load());
  }
  CHECK(most < 200'000);
  fixture.OnLoop([&](HttpServer& server) { server.Respond(token, HttpFixture::Text(200, "one")); });
  CHECK(client.ReadResponse().body == "one");
  CHECK(client.ReadResponse().body.size() == 8 << 20);
  sender.join();
}

TEST_CASE("http server: the budget is empty again once all is answered and read") {
  HttpFixture fixture;
  {
    RawClient client(fixture.port());
    std::thread sender([&] { client.Send(Post("/echo", std::string(5 << 20, 'x')) + Get("/bytes/3000000")); });
    CHECK(client.ReadResponse().body.size() == 5 << 20);
    CHECK(client.ReadResponse().body.size() == 3'000'000);
    sender.join();
    client.Send(Get("/wait"));
    REQUIRE(fixture.WaitForPending() != 0);
  }
  RawClient other(fixture.port());
  other.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhalf");
  other.Reset();
  // The pending request of a client that only ended its side keeps its place until it is answered.
  fixture.OnLoop([&](HttpServer& server) { server.Drain(); });
  CHECK(fixture.WaitForConnections(1));
  CHECK(fixture.budget().connections == 1);
  CHECK(fixture.budget().bytes < 1000);
}

TEST_CASE("http server: a refusal is answered in the handler's words, and the connection closed") {
  struct Case {
    int status;
    std::string bytes;
  };
  HttpLimits limits;
  limits.max_body_bytes = 1000;
  const Case cases[] = {
      {400, "nonsense\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
      {414, Get("/" + std::string(9000, 'a'))},
      {431, Get("/", "A: " + std::string(20000, 'a') + "\r\n")},
      {413, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n"},
      {413, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n"},
      {501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"},
      {417, Get("/", "Expect: something\r\n")},
  };
  HttpFixture fixture(limits);
  for (const Case& one : cases) {
    CAPTURE(one.bytes.substr(0, 60));
    RawClient client(fixture.port());
    client.Send(one.bytes + Get("/target"));
    RawResponse response = client.ReadResponse();
    CHECK(response.status == one.status);
    CHECK(response.Header("Connection") == "close");
    CHECK_FALSE(response.body.empty());
    CHECK(client.ReadEnd());
  }
}

TEST_CASE("http server: answers to earlier requests come before a refusal") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  client.Send(Get("/wait") + Get("/target") + "nonsense\r\n\r\n");
  fixture.Answer("first");
  CHECK(client.ReadResponse().body == "first");
  CHECK(client.ReadResponse().body == "GET /target a");
  CHECK(client.ReadResponse().status == 400);
  CHECK(client.ReadEnd());
}

TEST_CASE("http server: a client that sends all of a refused body before it reads still gets the answer") {
  HttpLimits limits;
  limits.max_body_bytes = 4 << 20;
  HttpFixture fixture(limits);
  RawClient client(fixture.port());
  CHECK(client.Send(Post("/echo", std::string((4 << 20) + 1, 'x'))));
  RawResponse response = client.ReadResponse();
  CHECK(response.status == 413);
  CHECK(client.ReadEnd());
}

TEST_CASE("http server: a refused HEAD has no body") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  client.Send("HEAD / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n");
  std::string all = client.ReadAll();
  CHECK(all.starts_with("HTTP/1.1 417 "));
  CHECK(all.ends_with("\r\n\r\n"));
}

TEST_CASE("http server: a head that does not come to its end is cut off with 408") {
  HttpLimits limits;
  limits.head_timeout_ms = 50;
  HttpFixture fixture(limits);
  RawClient client(fixture.port());
  client.Send("GET / HTTP/1.1\r\nHo");
  CHECK(client.ReadResponse().status == 408);
  CHECK(client.ReadEnd());
}

TEST_CASE("http server: a body that does not come to its end is cut off with 408") {
  HttpLimits limits;
  limits.request_timeout_ms = 50;
  HttpFixture fixture(limits);
  RawClient client(fixture.port());
  client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  CHECK(client.ReadResponse().status == 408);
  CHECK(client.ReadEnd());
}

TEST_CASE("http server: a trickle of bytes does not prolong the time for a head") {
  HttpLimits limits;
  limits.head_timeout_ms = 100;
  HttpFixture fixture(limits);
  RawClient client(fixture.port());
  std::thread trickle([&] {
    for (int i = 0; i < 2000 * test::kSlowness && client.Send("A"); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  });
  CHECK(client.ReadResponse().status == 408);
  client.ShutdownWrite();
  trickle.join();
}

TEST_CASE("http server: what came in time is served, however late the loop looks at it") {
  struct Case {
    const char* what;
    std::string before, late;
    int status;
  };
  const std::string body = Post("/echo", "abcd");
  const Case one = GENERATE_COPY(Case{"a new connection", "", Get("/target"), 200}, Case{"an idle one", Get("/target"), Get("/target"), 200},
                                 Case{"half a head", "GET /target HTTP/1.1\r\nHo", "st: a\r\n\r\n", 200},
                                 Case{"half a body", body.substr(0, body.size() - 2), "cd", 200},
                                 Case{"more of a head, but not all", "GET /target HTTP/1.1\r\nHo", "st: a\r\n", 408});
  CAPTURE(one.what);
  HttpFixture fixture;
  RawClient client(fixture.port()), other(fixture.port());
  REQUIRE(fixture.WaitForConnections(2));
  client.Send(one.before);
  if (one.before == one.late) {
    REQUIRE(client.ReadResponse().status == 200);
  } else if (!one.before.empty()) {
    while (fixture.budget().bytes.load() == 0) fixture.OnLoop([](HttpServer&) {});
  }
  // The other's request is looked at, and meanwhile it comes, and all times are over.
  fixture.block = [&](uint64_t) {
    client.Send(one.late);
    fixture.Advance(100'000);
  };
  other.Send(Get("/block"));
  CHECK(other.ReadResponse().status == 200);
  CHECK(client.ReadResponse().status == one.status);
}

TEST_CASE("http server: an idle connection is closed without a word") {
  HttpLimits limits;
  limits.idle_timeout_ms = 50;
  HttpFixture fixture(limits);
  RawClient client(fixture.port());
  client.Send(Get("/target"));
  CHECK(client.ReadResponse().status == 200);
  CHECK(client.ReadEnd());
}

TEST_CASE("http server: a connection that never sends anything is closed without a word") {
  HttpLimits limits;
  limits.head_timeout_ms = 50;
  HttpFixture fixture(limits);
  RawClient client(fixture.port());
  CHECK(client.ReadEnd());
}

TEST_CASE("http server: a pending request is under no timeout") {
  HttpLimits limits;
  limits.head_timeout_ms = limits.request_timeout_ms = limits.idle_timeout_ms = 40;
  HttpFixture fixture(limits);
  RawClient waiting(fixture.port());
  waiting.Send(Get("/wait"));
  uint64_t token = fixture.WaitForPending();
  REQUIRE(token != 0);
  // Two others run into the timeout one after the other, so that it has passed for the first, too.
  for (int i = 0; i < 2; ++i) {
    RawClient idle(fixture.port());
    CHECK(idle.ReadEnd());
  }
  fixture.OnLoop([&](HttpServer& server) { server.Respond(token, HttpFixture::Text(200, "late")); });
  CHECK(waiting.ReadResponse().body == "late");
}

TEST_CASE("http server: a client that does not read its answer is cut off") {
  HttpLimits limits;
  limits.idle_timeout_ms = 50;
  HttpFixture fixture(limits);
  RawClient client(fixture.port(), 4096);
  client.Send(Get("/bytes/50000000"));
  REQUIRE(fixture.WaitForConnections(1));
  CHECK(fixture.WaitForConnections(0));
  CHECK(fixture.budget().bytes == 0);
}

TEST_CASE("http server: a client that pipelines and does not read is not served on and on") {
  HttpFixture fixture;
  RawClient client(fixture.port(), 4096);
  std::string bytes;
  for (int i = 0; i < 300; ++i) bytes += Get("/bytes/100000");
  client.Send(bytes);
  fixture.WaitForConnections(1);
  size_t most = 0;
  for (int i = 0; i < 1000; ++i) {
    fixture.OnLoop([](HttpServer&) {});
    most = std::max(most, fixture.budget().bytes.load());
  }
  CHECK(most < 1'000'000);
  for (int i = 0; i < 300; ++i) REQUIRE(client.ReadResponse().body.size() == 100'000);
}

TEST_CASE("http server: a request cut short by the end of the connection is refused") {
  HttpFixture fixture;
  RawClient client(fixture.port());
  client.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  client.ShutdownWrite();
  CHECK(client.ReadResponse().status == 400);
  CHECK(client.ReadEnd());
}

TEST_CASE("http server: a connection above the limit is told so") {
  HttpLimits limits;
  limits.max_connections = 2;
  HttpFixture fixture(limits);
  RawClient first(fixture.port());
  {
    RawClient second(fixture.port());
    REQUIRE(fixture.WaitForConnections(2));
    RawClient third(fixture.port());
    third.Send(Get("/target"));
    RawResponse response = third.ReadResponse();
    CHECK(response.status == 503);
    CHECK(response.Header("Retry-After") == "1");
    CHECK(third.ReadEnd());
    first.Send(Get("/target"));
    CHECK(first.ReadResponse().status == 200);
  }
  REQUIRE(fixture.WaitForConnections(1));
  RawClient next(fixture.port());
  next.Send(Get("/target"));
  CHECK(next.ReadResponse().status == 200);
}

TEST_CASE("http server: a body for which the budget has no room is refused with 429") {
  HttpLimits limits;
  limits.max_buffered_bytes = 1'000'000;
  HttpFixture fixture(limits);
  RawClient first(fixture.port());
  std::string wait = Post("/wait", std::string(600'000, 'x'));
  first.Send(wait);
  uint64_t token = fixture.WaitForPending();
  REQUIRE(token != 0);
  RawClient second(fixture.port());
  second.Send(wait);
  RawResponse response = second.ReadResponse();
  CHECK(response.status == 429);
  CHECK(response.Header("Retry-After") == "1");
  // What needs no buffer still passes.
  RawClient third(fixture.port());
  third.Send(Get("/target"));
  CHECK(third.ReadResponse().status == 200);
  // Once the first is answered there is room again.
  fixture.OnLoop([&](HttpServer& server) { server.Respond(token, HttpFixture::Text(200, {})); });
  third.Send(Post("/echo", std::string(600'000, 'x')));
  CHECK(third.ReadResponse().status == 200);
}

TEST_CASE("http server: chunked bodies stop at the budget, too") {
  HttpLimits limits;
  limits.max_buffered_bytes = 300'000;
  HttpFixture fixture(limits);
  RawClient client(fixture.port());
  std::string body = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 100; ++i) body += "2710\r\n" + std::string(10'000, 'x') + "\r\n";
  client.Send(body + "0\r\n\r\n");
  CHECK(client.ReadResponse().status == 429);
}

TEST_CASE("http server: out of descriptors it waits, and goes on when there are some again") {
  HttpFixture fixture;
  RawClient first(fixture.port());
  first.Send(Get("/target"));
  CHECK(first.ReadResponse().status == 200);
  RawClient second(fixture.port());
  REQUIRE(fixture.WaitForConnections(2));
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  std::vector<std::unique_ptr<RawClient>> waiting;
  // The sockets of both sides are this process's: one descriptor for the client, none left for the server.
  int highest = dup(0);
  close(highest);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(highest) + 1;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &tight) == 0);
  waiting.push_back(std::make_unique<RawClient>(fixture.port()));
  waiting.back()->Send(Get("/target"));
  first.Send(Get("/target"));
  CHECK(first.ReadResponse().status == 200);
  CHECK(fixture.connections() == 2);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(waiting.back()->ReadResponse().status == 200);
}

/// Takes 1 ms or more, of the real clock, for each request, and notes how many of them go to one turn of the loop.
class TurnFixture : public HttpFixture {
 public:
  TurnFixture(HttpLimits limits, HttpListener* as) : HttpFixture(limits, nullptr, as) {}
  ~TurnFixture() override { Halt(); }

  void OnRequest(uint64_t token, HttpRequest request) override {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
    while (std::chrono::steady_clock::now() < end) {
    }
    ++served_;
    const int of_client = ++served_of_[request.target];
    if (of_client == 1) lead = std::max_element(served_of_.begin(), served_of_.end(), [](auto& a, auto& b) { return a.second < b.second; })->second;
    server().Respond(token, Text(200, std::move(request.target)));
  }
  /// Posted from a task, it runs once a turn, as whatever else is posted.
  void Watch() {
    most = std::max(most, std::exchange(served_, 0));
    if (!over) loop().Post([this] { Watch(); });
  }

  // Loop thread.
  int most = 0;  // in one turn
  int lead = 0;  // of one client, when the last one had its first answer
  bool over = false;

 private:
  int served_ = 0;  // since Watch was last called
  std::map<std::string, int> served_of_;
};

TEST_CASE("http server: however much has come from however many, a turn serves a few milliseconds of it, one client after the other") {
  constexpr int kClients = 20, kRequests = 30;
  const bool beanstalkd = GENERATE(false, true);
  CAPTURE(beanstalkd);
  HttpListener as;
  if (beanstalkd) as.make_parser = [] { return std::make_unique<BeanstalkdParser>(1 << 20); };
  // What waits for its turn is not lost, however little may be buffered.
  HttpLimits limits;
  limits.max_buffered_bytes = 1'000;
  TurnFixture fixture(limits, &as);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(std::make_unique<RawClient>(fixture.port(), 0, 120));
  REQUIRE(fixture.WaitForConnections(kClients));
  // All of it is there before the loop looks at any.
  fixture.OnLoop([&](HttpServer&) {
    for (int i = 0; i < kClients; ++i) {
      const std::string name = "t" + std::to_string(i);
      std::string bytes = beanstalkd ? "use " + name + "\r\n" : "";
      for (int k = beanstalkd ? 1 : 0; k < kRequests; ++k) bytes += beanstalkd ? "list-tube-used\r\n" : Get("/" + name);
      clients[static_cast<size_t>(i)]->Send(bytes);
    }
    fixture.Watch();
  });
  for (int i = 0; i < kClients; ++i) {
    CAPTURE(i);
    const std::string name = "t" + std::to_string(i);
    for (int k = 0; k < kRequests; ++k) {
      if (!beanstalkd) {
        REQUIRE(clients[static_cast<size_t>(i)]->ReadResponse().body == "/" + name);
        continue;
      }
      std::string line;
      REQUIRE(clients[static_cast<size_t>(i)]->ReadLine(&line));
      REQUIRE(line == "USING " + name);
    }
  }
  int most = 0, lead = 0;
  fixture.OnLoop([&](HttpServer&) {
    fixture.over = true;
    most = fixture.most;
    lead = fixture.lead;
  });
  // 5 ms for what sockets bring, and as much for those that wait for their turn.
  CHECK(most > 0);
  CHECK(most <= 10);
  CHECK(lead <= 10);
}

}  // namespace
}  // namespace notifyd
