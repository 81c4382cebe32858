// HttpServer over real sockets: bodies that the handler takes in pieces, with back-pressure, timeouts and ends of every kind.

#include "net/http_stream_fixture.h"
#include <catch2/catch.hpp>

#include <thread>

#include "base/random.h"

namespace notifyd {
namespace {

/// Sends until the socket takes nothing more although the loop turns; how much it took.
size_t SendUntilBlocked(HttpFixture* fixture, RawClient* client, size_t most) {
  std::string bytes(64 << 10, 'x');
  size_t sent = 0;
  for (int blocked = 0; blocked < 200 && sent < most;) {
    size_t n = client->TrySend(std::string_view(bytes).substr(0, std::min(bytes.size(), most - sent)));
    sent += n;
    blocked = n == 0 ? blocked + 1 : 0;
    fixture->OnLoop([](HttpServer&) {});
  }
  return sent;
}

TEST_CASE("http pieces: a body is handed out as it comes, before its end") {
  StreamFixture fixture(AnswerAtEnd());
  RawClient client(fixture.port());
  client.Send(Head(10));
  REQUIRE(fixture.WaitForEvent("head"));
  client.Send("01234");
  REQUIRE(fixture.WaitForBody(5));
  CHECK(fixture.events() == Events{"head"});
  client.Send("56789");
  CHECK(client.ReadResponse().body == "taken");
  CHECK(fixture.body() == "0123456789");
  CHECK(fixture.events() == Events{"head", "end"});
  client.Send(kGet);
  CHECK(client.ReadResponse().status == 200);
}

TEST_CASE("http pieces: each chunk is a piece, and what frames it is not seen") {
  StreamFixture fixture(AnswerAtEnd());
  RawClient client(fixture.port());
  client.Send(kChunkedHead + "5\r\nhello\r\n1;x=y\r\n!\r\n3\r\nabc\r\n0\r\nT: v\r\n\r\n" + kChunkedHead + "0\r\n\r\n");
  CHECK(client.ReadResponse().body == "taken");
  CHECK(client.ReadResponse().body == "taken");
  CHECK(fixture.body() == "hello!abc");
  CHECK(fixture.pieces() == 3);
  CHECK(fixture.events() == Events{"head", "end", "head", "end"});
}

TEST_CASE("http pieces: only the bodies that the handler wants come in pieces") {
  StreamScript script = AnswerAtEnd();
  script.takes = [](const HttpRequest& head) { return head.target == "/pieces"; };
  HttpLimits limits;
  limits.max_body_bytes = 1000;
  StreamFixture fixture(script, limits);
  RawClient client(fixture.port());
  client.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nwhole");
  CHECK(client.ReadResponse().body == "whole");
  client.Send(kGet);
  CHECK(client.ReadResponse().body == "GET /target a");
  CHECK(fixture.events() == Events{"request", "request"});
  // What is wanted in pieces may be longer than what is gathered.
  client.Send(Head(5000) + std::string(5000, 'x'));
  CHECK(client.ReadResponse().body == "taken");
  client.Send(kChunkedHead + "7d0\r\n" + std::string(2000, 'x') + "\r\n0\r\n\r\n");
  CHECK(client.ReadResponse().body == "taken");
  client.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
  CHECK(client.ReadResponse().status == 413);
}

TEST_CASE("http pieces: a hundred thousand chunks are echoed with little memory") {
  StreamFixture fixture(StreamScript::Echo());
  RawClient client(fixture.port(), 32 << 10);
  std::string expected;
  std::thread sender([&] {
    client.Send(kChunkedHead);
    std::string bytes;
    for (int i = 0; i < 100'000; ++i) {
      std::string line = "line " + std::to_string(i) + std::string(100, '.') + "\n";
      char size[16];
      std::snprintf(size, sizeof size, "%zx\r\n", line.size());
      bytes.append(size).append(line).append("\r\n");
      if (bytes.size() < 30'000) continue;
      client.Send(bytes);
      bytes.clear();
    }
    client.Send(bytes + "0\r\n\r\n");
  });
  for (int i = 0; i < 100'000; ++i) expected += "line " + std::to_string(i) + std::string(100, '.') + "\n";
  // Nobody reads until the echo had to stop.
  size_t before = 0;
  for (int same = 0; same < 50;) {
    fixture.OnLoop([](HttpServer&) {});
    size_t now = fixture.pieces();
    same = now == before && now > 0 ? same + 1 : 0;
    before = now;
  }
  CHECK(before < 100'000);
  RawResponse response = client.ReadResponse();
  sender.join();
  CHECK(response.status == 200);
  CHECK((response.body == expected));
  CHECK(fixture.WaitForEvent("writable"));
  CHECK(fixture.most_buffered() < 1'000'000);
  CHECK(fixture.WaitForEmptyBudget());
  CHECK(fixture.connections() == 1);
}

TEST_CASE("http pieces: a handler that pauses gets no more, and the client has to wait") {
  StreamScript script = AnswerAtEnd();
  script.body = [](HttpServer& server, uint64_t token, std::string_view) { server.PauseBody(token); };
  StreamFixture fixture(script);
  RawClient client(fixture.port());
  constexpr size_t kLength = 64 << 20;
  client.Send(Head(kLength));
  size_t sent = SendUntilBlocked(&fixture, &client, kLength);
  CHECK(sent < kLength);
  CHECK(fixture.pieces() == 1);
  CHECK(fixture.budget().bytes < 100'000);
  size_t before = fixture.body().size();
  fixture.OnLoop([&](HttpServer& server) { server.ResumeBody(fixture.token()); });
  CHECK(fixture.WaitForBody(before + 1));
}

TEST_CASE("http pieces: a pause in the middle of what was read holds back the rest of it") {
  StreamScript script = AnswerAtEnd();
  script.body = [](HttpServer& server, uint64_t token, std::string_view) { server.PauseBody(token); };
  StreamFixture fixture(script);
  RawClient client(fixture.port());
  client.Send(kChunkedHead + "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n" + kGet);
  for (size_t i = 1; i <= 3; ++i) {
    REQUIRE(fixture.WaitForBody(i));
    for (int turn = 0; turn < 5; ++turn) fixture.OnLoop([](HttpServer&) {});
    CHECK(fixture.body() == std::string("abc").substr(0, i));
    // The end, too, waits for the pause's.
    CHECK(fixture.events() == Events{"head"});
    fixture.OnLoop([&](HttpServer& server) {
      size_t before = fixture.pieces();
      server.ResumeBody(fixture.token());
      // Not from inside Resume.
      if (fixture.pieces() != before) std::abort();
    });
  }
  CHECK(client.ReadResponse().body == "taken");
  CHECK(client.ReadResponse().body == "GET /target a");
}

TEST_CASE("http pieces: the end of a body whose last piece was paused on is told after the pause") {
  StreamScript script = AnswerAtEnd();
  script.body = [](HttpServer& server, uint64_t token, std::string_view) { server.PauseBody(token); };
  StreamFixture fixture(script);
  RawClient client(fixture.port());
  client.Send(Head(3) + "abc" + kGet);
  REQUIRE(fixture.WaitForBody(3));
  for (int turn = 0; turn < 5; ++turn) fixture.OnLoop([](HttpServer&) {});
  CHECK(fixture.events() == Events{"head"});
  fixture.OnLoop([&](HttpServer& server) { server.ResumeBody(fixture.token()); });
  CHECK(client.ReadResponse().body == "taken");
  CHECK(client.ReadResponse().body == "GET /target a");
}

TEST_CASE("http pieces: a pause and its end inside one piece change nothing") {
  StreamScript script = AnswerAtEnd();
  script.head = [](HttpServer& server, uint64_t token, const HttpRequest&) {
    server.PauseBody(token);
    server.ResumeBody(token);
  };
  script.body = [](HttpServer& server, uint64_t token, std::string_view) {
    server.PauseBody(token);
    server.PauseBody(token);
    server.ResumeBody(token);
    server.ResumeBody(token);
  };
  StreamFixture fixture(script);
  RawClient client(fixture.port());
  client.Send(Head(5) + "hello" + kChunkedHead + "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
  CHECK(client.ReadResponse().body == "taken");
  CHECK(client.ReadResponse().body == "taken");
  CHECK(fixture.body() == "helloab");
}

TEST_CASE("http pieces: a handler may pause before the first piece") {
  StreamScript script = AnswerAtEnd();
  script.head = [](HttpServer& server, uint64_t token, const HttpRequest&) {
    server.PauseBody(token);
  };
  StreamFixture fixture(script);
  RawClient client(fixture.port());
  client.Send(Head(5) + "hello");
  REQUIRE(fixture.WaitForEvent("head"));
  for (int turn = 0; turn < 5; ++turn) fixture.OnLoop([](HttpServer&) {});
  CHECK(fixture.pieces() == 0);
  fixture.OnLoop([&](HttpServer& server) { server.ResumeBody(fixture.token()); });
  CHECK(client.ReadResponse().body == "taken");
}

TEST_CASE("http pieces: a body that does not begin to come is cut off with 408") {
  HttpLimits limits;
  limits.request_timeout_ms = 50;
  StreamFixture fixture(AnswerAtEnd(), limits);
  RawClient client(fixture.port());
  client.Send(Head(10));
  RawResponse response = client.ReadResponse();
  CHECK(response.status == 408);
  CHECK(response.Header("Connection") == "close");
  CHECK(client.ReadEnd());
  CHECK(fixture.events() == Events{"head", "close"});
}

TEST_CASE("http pieces: as long as pieces come a body may take any time") {
  HttpLimits limits;
  limits.request_timeout_ms = 600;
  StreamFixture fixture(AnswerAtEnd(), limits);
  RawClient client(fixture.port());
  RawClient stuck(fixture.port());
  stuck.Send(kChunkedHead);
  REQUIRE(fixture.WaitForEvent("head"));
  client.Send(kChunkedHead);
  // Far less than the limit between two of them, and more than it in all.
  for (size_t piece = 1; piece <= 8; ++piece) {
    fixture.Pass(200);
    client.Send("1\r\nx\r\n");
    REQUIRE(fixture.WaitForBody(piece));
  }
  CHECK(stuck.ReadResponse().status == 408);
  client.Send("0\r\n\r\n");
  CHECK(client.ReadResponse().status == 200);
}

TEST_CASE("http pieces: the time of a pause does not count") {
  HttpLimits limits;
  limits.request_timeout_ms = 200;
  StreamScript script = AnswerAtEnd();
  script.body = [](HttpServer& server, uint64_t token, std::string_view) { server.PauseBody(token); };
  StreamFixture fixture(script, limits);
  RawClient client(fixture.port());
  client.Send(kChunkedHead + "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
  REQUIRE(fixture.WaitForBody(1));
  uint64_t token = fixture.token();
  // Two others run into the timeout one after the other, so that it has passed for the first, too.
  for (int i = 0; i < 2; ++i) {
    RawClient stuck(fixture.port());
    stuck.Send("POST /pieces HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    CHECK(stuck.ReadResponse().status == 408);
  }
  fixture.OnLoop([&](HttpServer& server) { server.ResumeBody(token); });
  REQUIRE(fixture.WaitForBody(2));
  fixture.OnLoop([&](HttpServer& server) { server.ResumeBody(token); });
  CHECK(client.ReadResponse().body == "taken");
}

TEST_CASE("http pieces: once the body is there the answer is under no timeout") {
  HttpLimits limits;
  limits.head_timeout_ms = limits.request_timeout_ms = limits.idle_timeout_ms = 40;
  StreamScript script;
  StreamFixture fixture(script, limits);
  RawClient client(fixture.port());
  client.Send(Head(3) + "abc");
  REQUIRE(fixture.WaitForEvent("end"));
  for (int i = 0; i < 2; ++i) {
    RawClient idle(fixture.port());
    CHECK(idle.ReadEnd());
  }
  fixture.OnLoop([&](HttpServer& server) { server.Respond(fixture.token(), HttpFixture::Text(200, "late")); });
  CHECK(client.ReadResponse().body == "late");
}

TEST_CASE("http pieces: a reset in the middle of a body closes the token once") {
  StreamFixture fixture(StreamScript::Echo());
  RawClient client(fixture.port());
  client.Send(Head(10) + "half");
  REQUIRE(fixture.WaitForBody(4));
  client.Reset();
  REQUIRE(fixture.WaitForEvent("close"));
  uint64_t token = fixture.token();
  size_t waits = 1;
  fixture.OnLoop([&](HttpServer& server) {
    waits = server.Stream(token, "to nobody");
    server.PauseBody(token);
    server.ResumeBody(token);
    server.EndStream(token);
    server.BeginStream(token, HttpFixture::Text(200, {}));
  });
  CHECK(waits == 0);
  CHECK(fixture.events() == Events{"head", "close"});
  CHECK(fixture.budget().bytes == 0);
}

TEST_CASE("http pieces: Expect: 100-continue is told to go on once the handler wants the body") {
  StreamFixture fixture(AnswerAtEnd());
  RawClient client(fixture.port());
  client.Send(Head(5, "Expect: 100-continue\r\n"));
  CHECK(client.ReadResponse(true).head == "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("hello");
  CHECK(client.ReadResponse().body == "taken");
  client.Send(Head(5, "Expect: 100-continue\r\n") + "hello");
  CHECK(client.ReadResponse().body == "taken");
}

TEST_CASE("http pieces: Expect: 100-continue gets the answer instead where it was given without the body") {
  StreamScript script;
  script.head = [](HttpServer& server, uint64_t token, const HttpRequest&) {
    server.Respond(token, HttpFixture::Text(422, "no"));
  };
  StreamFixture fixture(script);
  RawClient client(fixture.port());
  client.Send(Head(5, "Expect: 100-continue\r\n"));
  RawResponse response = client.ReadResponse();
  CHECK(response.status == 422);
  // Whether the body comes now is not to be known.
  CHECK(response.Header("Connection") == "close");
  CHECK(client.ReadEnd());
  CHECK(fixture.pieces() == 0);
}

TEST_CASE("http pieces: Expect: 100-continue is told to go on before a streamed answer begins") {
  StreamFixture fixture(StreamScript::Echo());
  RawClient client(fixture.port());
  client.Send(Head(5, "Expect: 100-continue\r\n"));
  CHECK(client.ReadResponse(true).head == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(client.ReadResponse(true).status == 200);
  client.Send("hello");
  std::string chunk;
  REQUIRE(client.ReadChunk(&chunk));
  CHECK(chunk == "hello");
}

TEST_CASE("http pieces: an answer before the end of a small body leaves the connection in step") {
  StreamScript script;
  script.body = [](HttpServer& server, uint64_t token, std::string_view) { server.Respond(token, HttpFixture::Text(422, "enough")); };
  StreamFixture fixture(script);
  RawClient client(fixture.port());
  client.Send(kChunkedHead + "1\r\na\r\n1\r\nb\r\n");
  RawResponse response = client.ReadResponse();
  CHECK(response.body == "enough");
  CHECK(response.Header("Connection") == "");
  client.Send("1\r\nc\r\n0\r\n\r\n" + kGet);
  CHECK(client.ReadResponse().body == "GET /target a");
  // Of what was behind the answer the handler saw nothing.
  CHECK(fixture.body() == "a");
  CHECK(fixture.events() == Events{"head", "request"});
  // The same with the whole body at hand.
  client.Send(Head(3) + "xyz" + kGet);
  CHECK(client.ReadResponse().body == "enough");
  CHECK(client.ReadResponse().body == "GET /target a");
}

TEST_CASE("http pieces: an answer from inside the head leaves the connection in step") {
  StreamScript script;
  script.head = [](HttpServer& server, uint64_t token, const HttpRequest&) {
    server.Respond(token, HttpFixture::Text(422, "enough"));
  };
  StreamFixture fixture(script);
  RawClient client(fixture.port());
  client.Send(Head(3) + "xyz" + kChunkedHead + "1\r\na\r\n0\r\n\r\n" + kGet);
  CHECK(client.ReadResponse().body == "enough");
  CHECK(client.ReadResponse().body == "enough");
  CHECK(client.ReadResponse().body == "GET /target a");
  CHECK(fixture.pieces() == 0);
}

TEST_CASE("http pieces: a client that sends all of a long body before it reads still gets the answer from before its end") {
  bool streamed = GENERATE(true, false);
  bool chunked = GENERATE(true, false);
  StreamScript script;
  script.head = [streamed](HttpServer& server, uint64_t token, const HttpRequest&) {
    if (streamed) {
      server.BeginStream(token, HttpFixture::Text(422, {}));
      server.Stream(token, "enough");
      server.EndStream(token);
    } else {
      server.Respond(token, HttpFixture::Text(422, "enough"));
    }
  };
  StreamFixture fixture(script);
  RawClient client(fixture.port());
  constexpr size_t kLength = 8 << 20;
  if (chunked) {
    CHECK(client.Send(kChunkedHead + "800000\r\n" + std::string(kLength, 'x') + "\r\n0\r\n\r\n"));
  } else {
    CHECK(client.Send(Head(kLength) + std::string(kLength, 'x')));
  }
  RawResponse response = client.ReadResponse();
  CHECK(response.status == 422);
  CHECK(response.body == "enough");
  CHECK(client.ReadEnd());
  CHECK(fixture.pieces() == 0);
}

TEST_CASE("http pieces: what is discarded behind an answer has to come in time") {
  HttpLimits limits;
  limits.request_timeout_ms = 50;
  StreamScript script;
  script.body = [](HttpServer& server, uint64_t token, std::string_view) { server.Respond(token, HttpFixture::Text(422, "enough")); };
  StreamFixture fixture(script, limits);
  RawClient client(fixture.port());
  client.Send(Head(10) + "half");
  CHECK(client.ReadResponse().body == "enough");
  CHECK(client.ReadEnd());
}

TEST_CASE("http pieces: a full budget refuses the head, and does not lose a body under way") {
  HttpLimits limits;
  limits.max_buffered_bytes = 100'000;
  StreamScript script = AnswerAtEnd();
  script.body = [](HttpServer& server, uint64_t token, std::string_view) { server.PauseBody(token); };
  StreamFixture fixture(script, limits);
  RawClient client(fixture.port());
  client.Send(Head(60'000));
  REQUIRE(fixture.WaitForEvent("head"));
  uint64_t token = fixture.token();
  fixture.budget().bytes += 200'000;
  RawClient second(fixture.port());
  second.Send(Head(10));
  CHECK(second.ReadResponse().status == 429);
  CHECK(fixture.events() == Events{"head"});
  std::string body;
  for (int i = 0; i < 60'000; ++i) body += static_cast<char>('a' + i % 26);
  client.Send(body);
  while (fixture.body().size() < body.size()) {
    fixture.OnLoop([&](HttpServer& server) { server.ResumeBody(token); });
  }
  fixture.OnLoop([&](HttpServer& server) { server.ResumeBody(token); });
  CHECK(client.ReadResponse().body == "taken");
  CHECK((fixture.body() == body));
  fixture.budget().bytes -= 200'000;
}

TEST_CASE("http pieces: draining lets a body under way come to its end") {
  StreamFixture fixture(StreamScript::Echo());
  RawClient client(fixture.port());
  client.Send(kChunkedHead + "1\r\na\r\n");
  REQUIRE(fixture.WaitForBody(1));
  fixture.OnLoop([](HttpServer& server) { server.Drain(); });
  client.Send("1\r\nb\r\n0\r\n\r\n");
  CHECK(client.ReadResponse().body == "ab");
  CHECK(client.ReadEnd());
}

TEST_CASE("http pieces: no bytes of a client bring it down") {
  HttpLimits limits;
  limits.max_body_bytes = 100;
  Random random(7);
  StreamScript script = StreamScript::Echo();
  script.body = [&](HttpServer& server, uint64_t token, std::string_view piece) {
    switch (random.Below(8)) {
      case 0:
        server.PauseBody(token);
        break;
      case 1:
        server.EndStream(token);
        return;
      default:
        break;
    }
    server.Stream(token, piece);
  };
  StreamFixture fixture(script, limits);
  std::string seed = Head(5) + "hello" + kChunkedHead + "3\r\nabc\r\n2\r\nde\r\n0\r\nA: b\r\n\r\n" + kGet +
                     "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 200\r\n\r\n" + std::string(200, 'x');
  Random mutations(8);
  for (int i = 0; i < 1500; ++i) {
    std::string bytes = seed;
    for (uint64_t k = mutations.Below(4); k > 0; --k) bytes[mutations.Below(bytes.size())] = static_cast<char>(mutations.Below(256));
    RawClient client(fixture.port());
    size_t cut = mutations.Below(bytes.size());
    client.Send(bytes.substr(0, cut));
    if (mutations.Chance(0.3)) fixture.OnLoop([&](HttpServer& server) { server.ResumeBody(fixture.token()); });
    client.Send(bytes.substr(cut, mutations.Below(bytes.size())));
    switch (mutations.Below(3)) {
      case 0:
        client.Reset();
        break;
      case 1:
        client.ShutdownWrite();
        break;
      default:
        break;
    }
  }
  RawClient client(fixture.port());
  client.Send(kGet);
  CHECK(client.ReadResponse().status == 200);
}

}  // namespace
}  // namespace notifyd
