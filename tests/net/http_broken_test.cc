// HttpServer over real sockets: bodies in pieces that break off, are malformed, or stop coming.

#include "net/http_stream_fixture.h"
#include <catch2/catch.hpp>

namespace notifyd {
namespace {

// What comes behind the head, and whether the client ends its side behind it.
struct Break {
  std::string bytes;
  bool half_close;
};

TEST_CASE("http broken body: a body of which nothing was handed out is refused where it breaks, and the token void") {
  auto broken = GENERATE(values<Break>({{kChunkedHead + "nonsense\r\n", false}, {kChunkedHead + "3\r\n", true}, {Head(10), true}}));
  CAPTURE(broken.bytes);
  StreamFixture fixture(AnswerAtEnd());
  RawClient client(fixture.port());
  client.Send(broken.bytes);
  if (broken.half_close) client.ShutdownWrite();
  CHECK(client.ReadResponse().status == 400);
  CHECK(client.ReadEnd());
  CHECK(fixture.events() == Events{"head", "close"});
  CHECK(fixture.closed() == std::vector<uint64_t>{fixture.token()});
}

/// All ways to break behind the piece "abc"; the break comes in the same write.
const std::vector<Break> kBreaks = {{kChunkedHead + "3\r\nabc\r\nnonsense\r\n", false},
                                    {kChunkedHead + "3\r\nabc\r\nnonsense\r\n" + std::string(100'000, 'x'), false},
                                    {kChunkedHead + "3\r\nabc\r\n0\r\nbad trailer\r\n\r\n" + kGet, false},
                                    {kChunkedHead + "3\r\nabc\r\n", true},
                                    {kChunkedHead + "4\r\nabc", true},
                                    {Head(10) + "abc", true},
                                    {Head(10) + "abc", false}};

TEST_CASE("http broken body: once a piece was handed out, a body that breaks is not refused; its connection ends without an answer") {
  auto broken = GENERATE(from_range(kBreaks));
  CAPTURE(broken.bytes.substr(0, 200), broken.half_close);
  HttpLimits limits;
  limits.request_timeout_ms = 100;  // the last of them is just never complete
  StreamFixture fixture(AnswerAtEnd(), limits);
  RawClient client(fixture.port());
  client.Send(broken.bytes);
  if (broken.half_close) client.ShutdownWrite();
  CHECK(client.ReadAll() == "");
  client.ShutdownWrite();
  CHECK(fixture.body() == "abc");
  CHECK(fixture.WaitForConnections(0));
  CHECK(fixture.events() == Events{"head", "broken", "close"});
  CHECK(fixture.closed() == std::vector<uint64_t>{fixture.token()});
  CHECK(fixture.budget().bytes == 0);
}

TEST_CASE("http broken body: a handler may stream an answer to the part of a broken body that it had, and its client sees that it was cut") {
  auto broken = GENERATE(from_range(kBreaks));
  bool begun = GENERATE(false, true);
  CAPTURE(broken.bytes.substr(0, 200), broken.half_close, begun);
  HttpLimits limits;
  limits.request_timeout_ms = 100;
  StreamScript script;
  script.body = [&](HttpServer& server, uint64_t token, std::string_view) {
    if (begun) server.BeginStream(token, HttpFixture::Text(200, "first "));
  };
  script.broken = [](HttpServer&, uint64_t) { return true; };
  StreamFixture fixture(script, limits);
  RawClient client(fixture.port());
  client.Send(broken.bytes);
  if (broken.half_close) client.ShutdownWrite();
  REQUIRE(fixture.WaitForEvent("broken"));
  uint64_t token = fixture.token();
  fixture.OnLoop([&](HttpServer& server) {
    server.PauseBody(token);
    server.ResumeBody(token);
    if (!begun) server.BeginStream(token, HttpFixture::Text(200, "first "));
  });
  // Another one runs into the timeout meanwhile: who waits for an answer does not.
  RawClient stuck(fixture.port());
  stuck.Send(Head(10));
  CHECK(stuck.ReadResponse().status == 408);
  stuck.Reset();
  fixture.OnLoop([&](HttpServer& server) {
    server.Stream(token, "second");
    server.EndStream(token);
  });
  RawResponse response = client.ReadResponse(true);
  CHECK(response.status == 200);
  if (!begun) CHECK(response.Header("Connection") == "close");
  std::string body;
  bool last = false;
  for (std::string chunk; client.ReadChunk(&chunk); body += chunk) last = last || chunk.empty();
  CHECK(body == "first second");
  CHECK_FALSE(last);
  client.ShutdownWrite();
  CHECK(fixture.WaitForConnections(0));
  CHECK(fixture.events() == Events{"head", "broken", "head", "close"});
  CHECK(fixture.budget().bytes == 0);
}

TEST_CASE("http broken body: a handler may answer a broken body whole, from inside or later") {
  auto broken = GENERATE(from_range(kBreaks));
  bool inside = GENERATE(false, true);
  CAPTURE(broken.bytes.substr(0, 200), broken.half_close, inside);
  HttpLimits limits;
  limits.request_timeout_ms = 100;
  auto answer = [](HttpServer& server, uint64_t token) { server.Respond(token, HttpFixture::Text(200, "so far")); };
  StreamScript script;
  script.broken = [&](HttpServer& server, uint64_t token) {
    if (inside) answer(server, token);
    return true;
  };
  StreamFixture fixture(script, limits);
  RawClient client(fixture.port());
  client.Send(broken.bytes);
  if (broken.half_close) client.ShutdownWrite();
  REQUIRE(fixture.WaitForEvent("broken"));
  if (!inside) fixture.OnLoop([&](HttpServer& server) { answer(server, fixture.token()); });
  RawResponse response = client.ReadResponse();
  CHECK(response.body == "so far");
  CHECK(response.Header("Connection") == "close");
  CHECK(client.ReadEnd());
  CHECK(fixture.events() == Events{"head", "broken"});
}

TEST_CASE("http broken body: a client that resets while its broken body is being answered is noticed as late as the answer") {
  StreamScript script;
  script.broken = [](HttpServer&, uint64_t) { return true; };
  StreamFixture fixture(script);
  RawClient client(fixture.port());
  client.Send(kBreaks[0].bytes);
  REQUIRE(fixture.WaitForEvent("broken"));
  client.Reset();
  fixture.OnLoop([&](HttpServer& server) {
    server.BeginStream(fixture.token(), HttpFixture::Text(200, "first"));
    server.EndStream(fixture.token());
  });
  CHECK(fixture.WaitForConnections(0));
  CHECK(fixture.WaitForEmptyBudget());
}

TEST_CASE("http broken body: a malformed chunk in the middle of a streamed answer ends both, behind what was answered") {
  StreamFixture fixture(StreamScript::Echo());
  RawClient client(fixture.port());
  client.Send(kChunkedHead + "3\r\nabc\r\nnonsense\r\n" + std::string(100'000, 'x'));
  CHECK(client.ReadResponse(true).status == 200);
  std::string chunk;
  REQUIRE(client.ReadChunk(&chunk));
  CHECK(chunk == "abc");
  // No last chunk: the client can tell that this was not all.
  CHECK_FALSE(client.ReadChunk(&chunk));
  CHECK(client.ReadEnd());
  CHECK(fixture.events() == Events{"head", "broken", "close"});
}

TEST_CASE("http broken body: a body that breaks off in the middle of a streamed answer ends both, behind what was answered") {
  StreamFixture fixture(StreamScript::Echo());
  RawClient client(fixture.port());
  client.Send(Head(10) + "half");
  client.ShutdownWrite();
  CHECK(client.ReadResponse(true).status == 200);
  std::string chunk;
  REQUIRE(client.ReadChunk(&chunk));
  CHECK(chunk == "half");
  CHECK_FALSE(client.ReadChunk(&chunk));
  CHECK(fixture.WaitForConnections(0));
  CHECK(fixture.events() == Events{"head", "broken", "close"});
}

TEST_CASE("http broken body: a body that breaks off during a pause is noticed after it") {
  StreamScript script = AnswerAtEnd();
  script.body = [](HttpServer& server, uint64_t token, std::string_view) { server.PauseBody(token); };
  StreamFixture fixture(script);
  RawClient client(fixture.port());
  client.Send(kChunkedHead + "1\r\na\r\n1\r\nb\r\n");
  client.ShutdownWrite();
  REQUIRE(fixture.WaitForBody(1));
  fixture.OnLoop([&](HttpServer& server) { server.ResumeBody(fixture.token()); });
  REQUIRE(fixture.WaitForBody(2));
  fixture.OnLoop([&](HttpServer& server) { server.ResumeBody(fixture.token()); });
  CHECK(client.ReadAll() == "");
  CHECK(fixture.events() == Events{"head", "broken", "close"});
}

TEST_CASE("http broken body: a body that stops coming is cut off without an answer") {
  HttpLimits limits;
  limits.request_timeout_ms = 50;
  StreamFixture fixture(AnswerAtEnd(), limits);
  RawClient client(fixture.port());
  client.Send(Head(10) + "half");
  CHECK(client.ReadEnd());
  CHECK(fixture.events() == Events{"head", "broken", "close"});
}

}  // namespace
}  // namespace notifyd
