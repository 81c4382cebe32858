// HttpServer over real sockets: responses in pieces, how they are framed and written, and slow clients.

#include "net/http_stream_fixture.h"
#include <catch2/catch.hpp>

#include <linux/tcp.h>

namespace notifyd {
namespace {

/// Leaves a request without an answer until the test gives one.
StreamScript Later() {
  StreamScript script;
  script.request = [](HttpServer&, uint64_t, HttpRequest) {};
  return script;
}

/// Begins a response for each request, with `pieces`, and ends it.
StreamScript AtOnce(std::vector<std::string> pieces, int status = 200) {
  StreamScript script;
  script.request = [pieces, status](HttpServer& server, uint64_t token, HttpRequest) {
    server.BeginStream(token, HttpFixture::Text(status, {}));
    for (const std::string& piece : pieces) server.Stream(token, piece);
    server.EndStream(token);
  };
  return script;
}

/// Segments that came so far; on loopback one a write, beside those without data.
uint32_t DataSegments(const RawClient& client) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(client.fd(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) std::abort();
  return info.tcpi_data_segs_in;
}

TEST_CASE("http stream: a response in pieces is chunked, each piece a chunk") {
  StreamFixture fixture(AtOnce({"one", "", "two", std::string(300, 'x')}));
  RawClient client(fixture.port());
  for (int i = 0; i < 2; ++i) {
    client.Send(kGet);
    RawResponse response = client.ReadResponse(true);
    CHECK(response.status == 200);
    CHECK(response.Header("Transfer-Encoding") == "chunked");
    CHECK(response.Header("Content-Type") == "text/plain");
    CHECK(response.Header("Content-Length") == "");
    CHECK(response.Header("Connection") == "");
    for (const std::string& expected : {std::string("one"), std::string("two"), std::string(300, 'x'), std::string()}) {
      std::string chunk = "none";
      REQUIRE(client.ReadChunk(&chunk));
      CHECK(chunk == expected);
    }
  }
  CHECK(fixture.WaitForEmptyBudget());
}

TEST_CASE("http stream: pieces are sent as they come, not only at the end") {
  StreamFixture fixture(Later());
  RawClient client(fixture.port());
  client.Send(kGet);
  REQUIRE(fixture.WaitForEvent("request"));
  uint64_t token = fixture.token();
  fixture.OnLoop([&](HttpServer& server) { server.BeginStream(token, HttpFixture::Text(200, {})); });
  CHECK(client.ReadResponse(true).status == 200);
  for (const std::string piece : {"one", "two"}) {
    fixture.OnLoop([&](HttpServer& server) { server.Stream(token, piece); });
    std::string chunk;
    REQUIRE(client.ReadChunk(&chunk));
    CHECK(chunk == piece);
  }
  fixture.OnLoop([&](HttpServer& server) { server.EndStream(token); });
  std::string chunk = "none";
  REQUIRE(client.ReadChunk(&chunk));
  CHECK(chunk.empty());
}

TEST_CASE("http stream: the small pieces of one turn are one write") {
  StreamFixture fixture(Later());
  RawClient client(fixture.port());
  client.Send(kGet);
  REQUIRE(fixture.WaitForEvent("request"));
  uint64_t token = fixture.token();
  size_t waits = 0;
  fixture.OnLoop([&](HttpServer& server) {
    server.BeginStream(token, HttpFixture::Text(200, {}));
    for (int i = 0; i < 100; ++i) waits = server.Stream(token, "a line\n");
  });
  CHECK(waits > 700);
  CHECK(client.ReadResponse(true).status == 200);
  std::string chunk;
  for (int i = 0; i < 100; ++i) REQUIRE(client.ReadChunk(&chunk));
  CHECK(DataSegments(client) == 1);
  fixture.OnLoop([&](HttpServer& server) {
    for (int i = 0; i < 100; ++i) waits = server.Stream(token, "a line\n");
    server.EndStream(token);
  });
  // What was taken by the client does not wait any more.
  CHECK(waits < 2000);
  for (int i = 0; i < 101; ++i) REQUIRE(client.ReadChunk(&chunk));
  CHECK(DataSegments(client) == 2);
}

TEST_CASE("http stream: the body of the head that begins it is its first piece") {
  StreamScript script;
  script.request = [](HttpServer& server, uint64_t token, HttpRequest) {
    server.BeginStream(token, HttpFixture::Text(200, "first "));
    server.Stream(token, "second");
    server.EndStream(token);
  };
  StreamFixture fixture(script);
  RawClient client(fixture.port());
  client.Send(kGet);
  CHECK(client.ReadResponse().body == "first second");
}

TEST_CASE("http stream: an HTTP/1.0 client gets it bare, up to the end of the connection") {
  StreamFixture fixture(AtOnce({"one", "two"}));
  RawClient client(fixture.port());
  client.Send("GET /target HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  RawResponse response = client.ReadResponse(true);
  CHECK(response.Header("Transfer-Encoding") == "");
  CHECK(response.Header("Content-Length") == "");
  CHECK(response.Header("Connection") == "close");
  CHECK(client.ReadAll() == "onetwo");
  CHECK(client.ReadEnd());
}

TEST_CASE("http stream: an HTTP/1.0 client may send a body in pieces and have it streamed back") {
  StreamFixture fixture(StreamScript::Echo());
  RawClient client(fixture.port());
  std::string body(300'000, 'x');
  client.Send("POST / HTTP/1.0\r\nContent-Length: 300000\r\n\r\n");
  std::thread sender([&] { client.Send(body); });
  CHECK(client.ReadResponse(true).status == 200);
  std::string all = client.ReadAll();
  sender.join();
  CHECK((all == body));
}

TEST_CASE("http stream: HEAD and a status without a body get the head only, and the connection goes on") {
  StreamFixture head(AtOnce({"one", "two"}));
  RawClient client(head.port());
  client.Send("HEAD /target HTTP/1.1\r\nHost: a\r\n\r\n" + kGet);
  CHECK(client.ReadResponse(true).status == 200);
  CHECK(client.ReadResponse().body == "onetwo");

  StreamFixture empty(AtOnce({"one"}, 204));
  RawClient other(empty.port());
  other.Send(kGet + kGet);
  for (int i = 0; i < 2; ++i) {
    RawResponse response = other.ReadResponse(true);
    CHECK(response.status == 204);
    CHECK(response.Header("Transfer-Encoding") == "");
  }
}

TEST_CASE("http stream: either side may ask to close after it") {
  StreamScript script = AtOnce({"one"});
  StreamFixture fixture(script);
  RawClient client(fixture.port());
  client.Send("GET /target HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + kGet);
  RawResponse response = client.ReadResponse();
  CHECK(response.Header("Connection") == "close");
  CHECK(response.body == "one");
  CHECK(client.ReadEnd());

  StreamScript closing;
  closing.request = [](HttpServer& server, uint64_t token, HttpRequest) {
    HttpResponse head = HttpFixture::Text(200, "last");
    head.close = true;
    server.BeginStream(token, std::move(head));
    server.EndStream(token);
  };
  StreamFixture other(closing);
  RawClient second(other.port());
  second.Send(kGet + kGet);
  CHECK(second.ReadResponse().body == "last");
  CHECK(second.ReadEnd());
}

TEST_CASE("http stream: the next request of a pipeline begins after the end of the response and of the body") {
  StreamScript script;
  script.head = [](HttpServer& server, uint64_t token, const HttpRequest&) {
    server.BeginStream(token, HttpFixture::Text(200, "begun"));
  };
  StreamFixture fixture(script);
  RawClient client(fixture.port());
  client.Send("POST /pieces HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody" + kGet + kGet);
  REQUIRE(fixture.WaitForEvent("end"));
  for (int turn = 0; turn < 5; ++turn) fixture.OnLoop([](HttpServer&) {});
  CHECK(fixture.events() == Events{"head", "end"});
  fixture.OnLoop([&](HttpServer& server) {
    server.Stream(fixture.token(), ", ended");
    server.EndStream(fixture.token());
    // Not from inside End.
    if (fixture.events().size() != 2) std::abort();
  });
  CHECK(client.ReadResponse().body == "begun, ended");
  CHECK(client.ReadResponse().body == "GET /target a");
  CHECK(client.ReadResponse().body == "GET /target a");
}

TEST_CASE("http stream: many pipelined requests are streamed in order") {
  StreamScript script;
  script.request = [](HttpServer& server, uint64_t token, HttpRequest request) {
    if (request.target.ends_with("0")) {
      server.Respond(token, HttpFixture::Text(200, request.target));
      return;
    }
    server.BeginStream(token, HttpFixture::Text(200, {}));
    server.Stream(token, request.target);
    server.EndStream(token);
  };
  StreamFixture fixture(script);
  RawClient client(fixture.port());
  std::string bytes;
  for (int i = 0; i < 500; ++i) bytes += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  client.Send(bytes);
  for (int i = 0; i < 500; ++i) REQUIRE(client.ReadResponse().body == "/" + std::to_string(i));
}

TEST_CASE("http stream: OnWritable comes once when a slow client has taken most of it, and not when little waited") {
  StreamFixture fixture(Later());
  RawClient client(fixture.port(), 4096);
  client.Send(kGet);
  REQUIRE(fixture.WaitForEvent("request"));
  uint64_t token = fixture.token();
  size_t waits = 0;
  fixture.OnLoop([&](HttpServer& server) {
    server.BeginStream(token, HttpFixture::Text(200, {}));
    waits = server.Stream(token, "little");
  });
  CHECK(waits < HttpServer::kStreamLowBytes);
  for (int turn = 0; turn < 5; ++turn) fixture.OnLoop([](HttpServer&) {});
  CHECK(fixture.events() == Events{"request"});
  constexpr size_t kMuch = 10 << 20;
  fixture.OnLoop([&](HttpServer& server) { waits = server.Stream(token, std::string(kMuch, 'x')); });
  CHECK(waits >= kMuch);
  // What waits is in the budget.
  for (int turn = 0; turn < 5; ++turn) fixture.OnLoop([](HttpServer&) {});
  CHECK(fixture.budget().bytes > kMuch / 4);
  CHECK(fixture.events() == Events{"request"});
  CHECK(client.ReadResponse(true).status == 200);
  std::string chunk;
  REQUIRE(client.ReadChunk(&chunk));
  REQUIRE(client.ReadChunk(&chunk));
  CHECK(chunk.size() == kMuch);
  REQUIRE(fixture.WaitForEvent("writable"));
  fixture.OnLoop([&](HttpServer& server) {
    waits = server.Stream(token, "end");
    server.EndStream(token);
  });
  CHECK(waits < 100);
  REQUIRE(client.ReadChunk(&chunk));
  CHECK(chunk == "end");
  CHECK(fixture.events() == Events{"request", "writable"});
  CHECK(fixture.WaitForEmptyBudget());
}

TEST_CASE("http stream: a client that takes nothing of it is cut off") {
  HttpLimits limits;
  limits.request_timeout_ms = 50;
  bool ended = GENERATE(true, false);
  StreamFixture fixture(Later(), limits);
  RawClient client(fixture.port(), 4096);
  client.Send(kGet);
  REQUIRE(fixture.WaitForEvent("request"));
  uint64_t token = fixture.token();
  fixture.OnLoop([&](HttpServer& server) {
    server.BeginStream(token, HttpFixture::Text(200, {}));
    server.Stream(token, std::string(50 << 20, 'x'));
    if (ended) server.EndStream(token);
  });
  CHECK(fixture.WaitForConnections(0));
  CHECK(fixture.WaitForEmptyBudget());
  // An ended one has no token that could be void.
  if (ended) {
    fixture.OnLoop([](HttpServer&) {});
    CHECK(fixture.closed().empty());
  } else {
    CHECK(fixture.WaitForClose(token));
  }
}

TEST_CASE("http stream: a client that takes a little now and then is not cut off") {
  HttpLimits limits;
  limits.request_timeout_ms = 600 * test::kSlowness;
  StreamFixture fixture(Later(), limits);
  RawClient client(fixture.port(), 4096), idle(fixture.port(), 4096);
  uint64_t token = 0;
  for (RawClient* each : {&client, &idle}) {
    each->Send(kGet);
    REQUIRE(fixture.WaitForEvent("request", each == &client ? 1 : 2));
    token = fixture.token();
    fixture.OnLoop([&](HttpServer& server) {
      server.BeginStream(token, HttpFixture::Text(200, {}));
      server.Stream(token, std::string(20 << 20, 'x'));
    });
  }
  std::string some(64 << 10, 0);
  for (int round = 0; round < 8; ++round) {
    fixture.Pass(200);
    // So much that the server gets to write more.
    for (size_t taken = 0; taken < 1 << 20;) {
      const ssize_t got = recv(client.fd(), some.data(), some.size(), 0);
      REQUIRE(got > 0);
      taken += static_cast<size_t>(got);
    }
  }
  CHECK(fixture.WaitForConnections(1));
  CHECK(fixture.WaitForClose(token));
  CHECK(fixture.closed().size() == 1);
}

TEST_CASE("http stream: while nothing waits it is under no timeout") {
  HttpLimits limits;
  limits.head_timeout_ms = limits.request_timeout_ms = limits.idle_timeout_ms = 40;
  StreamFixture fixture(Later(), limits);
  RawClient client(fixture.port());
  client.Send(kGet);
  REQUIRE(fixture.WaitForEvent("request"));
  uint64_t token = fixture.token();
  fixture.OnLoop([&](HttpServer& server) { server.BeginStream(token, HttpFixture::Text(200, {})); });
  for (int i = 0; i < 2; ++i) {
    RawClient idle(fixture.port());
    CHECK(idle.ReadEnd());
  }
  fixture.OnLoop([&](HttpServer& server) {
    server.Stream(token, "late");
    server.EndStream(token);
  });
  CHECK(client.ReadResponse().body == "late");
}

TEST_CASE("http stream: a client that went away is found by writing, and the token is void") {
  StreamFixture fixture(Later());
  RawClient client(fixture.port());
  client.Send(kGet);
  REQUIRE(fixture.WaitForEvent("request"));
  uint64_t token = fixture.token();
  fixture.OnLoop([&](HttpServer& server) {
    server.BeginStream(token, HttpFixture::Text(200, {}));
    client.Reset();
    // A write fails now, but not from inside this call.
    if (server.Stream(token, std::string(1 << 20, 'x')) == 0) std::abort();
    if (!fixture.closed().empty()) std::abort();
  });
  REQUIRE(fixture.WaitForClose(token));
  size_t waits = 1;
  fixture.OnLoop([&](HttpServer& server) {
    waits = server.Stream(token, "x");
    server.EndStream(token);
  });
  CHECK(waits == 0);
  CHECK(fixture.closed().size() == 1);
  CHECK(fixture.WaitForEmptyBudget());
}

TEST_CASE("http stream: a client that only ended its side gets all of it") {
  StreamFixture fixture(Later());
  RawClient client(fixture.port());
  client.Send(kGet);
  client.ShutdownWrite();
  REQUIRE(fixture.WaitForEvent("request"));
  uint64_t token = fixture.token();
  fixture.OnLoop([&](HttpServer& server) { server.BeginStream(token, HttpFixture::Text(200, {})); });
  fixture.OnLoop([&](HttpServer& server) { server.Stream(token, std::string(5 << 20, 'x')); });
  fixture.OnLoop([&](HttpServer& server) { server.EndStream(token); });
  CHECK(client.ReadResponse().body.size() == 5 << 20);
  CHECK(client.ReadEnd());
  CHECK(fixture.closed().empty());
}

TEST_CASE("http stream: draining lets it come to its end") {
  StreamFixture fixture(Later());
  RawClient client(fixture.port());
  client.Send(kGet);
  REQUIRE(fixture.WaitForEvent("request"));
  uint64_t token = fixture.token();
  fixture.OnLoop([&](HttpServer& server) {
    server.BeginStream(token, HttpFixture::Text(200, {}));
    server.Drain();
    server.Stream(token, "to the end");
  });
  fixture.OnLoop([&](HttpServer& server) { server.EndStream(token); });
  CHECK(client.ReadResponse().body == "to the end");
  CHECK(client.ReadEnd());
}

TEST_CASE("http stream: any function may be called from inside any callback") {
  uint64_t held = 0;
  StreamScript script;
  script.request = [&](HttpServer& server, uint64_t token, HttpRequest) {
    held = token;
    server.BeginStream(token, HttpFixture::Text(200, "held"));
  };
  script.head = [&](HttpServer& server, uint64_t token, const HttpRequest&) {
    server.Stream(held, " head");
    server.PauseBody(token);
    server.BeginStream(token, HttpFixture::Text(200, "own"));
    server.ResumeBody(token);
  };
  script.body = [&](HttpServer& server, uint64_t token, std::string_view) {
    server.Stream(held, " body");
    // More than the client takes, so that OnWritable follows.
    server.Stream(token, std::string(10 << 20, 'x'));
  };
  script.end = [&](HttpServer& server, uint64_t) { server.Stream(held, " end"); };
  script.writable = [&](HttpServer& server, uint64_t token) {
    server.Stream(held, " writable");
    server.EndStream(token);
  };
  script.close = [&](HttpServer& server, uint64_t token) {
    server.Stream(token, "nobody");
    server.Stream(held, " close");
    server.EndStream(held);
    server.Drain();
  };
  StreamFixture fixture(script);
  RawClient holder(fixture.port());
  holder.Send(kGet);
  REQUIRE(fixture.WaitForEvent("request"));
  {
    RawClient client(fixture.port(), 4096);
    client.Send("POST /pieces HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    CHECK(client.ReadResponse().body.size() == 3 + (10 << 20));
  }
  RawClient broken(fixture.port());
  broken.Send("POST /pieces HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
  REQUIRE(fixture.WaitForEvent("head", 2));
  broken.Reset();
  CHECK(holder.ReadResponse().body == "held head body end writable head close");
  CHECK(holder.ReadEnd());
}

TEST_CASE("http stream: a server can be destroyed with streams in every state") {
  StreamScript script = StreamScript::Echo();
  script.request = [](HttpServer& server, uint64_t token, HttpRequest) { server.BeginStream(token, HttpFixture::Text(200, "begun")); };
  script.body = [](HttpServer& server, uint64_t token, std::string_view) { server.PauseBody(token); };
  StreamFixture fixture(script);
  RawClient paused(fixture.port());
  paused.Send("POST /pieces HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nbody");
  REQUIRE(fixture.WaitForBody(4));
  RawClient slow(fixture.port(), 4096);
  slow.Send(kGet);
  REQUIRE(fixture.WaitForEvent("request"));
  uint64_t token = fixture.token();
  fixture.OnLoop([&](HttpServer& server) { server.Stream(token, std::string(20 << 20, 'x')); });
  RawClient gathered(fixture.port());
  gathered.Send(kGet);
  REQUIRE(fixture.WaitForEvent("request", 2));
  CHECK(fixture.closed().empty());
}

}  // namespace
}  // namespace notifyd
