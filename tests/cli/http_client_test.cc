// The client's HTTP: what it says of a call that it gives up, and how long it believes in a network that says nothing.
#include "cli/client/http_client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>

#include "support/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

/// This process's socket that is connected to a port of 127.0.0.1; -1: there is none.
int SocketTo(uint16_t port) {
  constexpr int kMostFds = 1024;
  for (int fd = 0; fd < kMostFds; ++fd) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 && peer.sin_family == AF_INET && ntohs(peer.sin_port) == port) return fd;
  }
  return -1;
}

int OptionOf(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(fd, level, name, &value, &size) == 0 ? value : -errno;
}

}  // namespace

TEST_CASE("http client: a call that is given up is said to be, in words of its own") {
  ThreadedServer silent([](Stream& stream, int) { stream.Drain(); });
  HttpClient client("http://127.0.0.1:" + std::to_string(silent.port()));
  client.GiveUpWhen([] { return true; });
  const Result<HttpAnswer> answer = client.Call("GET", "/v1/whoami");
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.status().detail() == client.server() + ": given up");
}

TEST_CASE("http client: of one who says nothing it says what may be so, until something was answered there") {
  std::atomic<int> calls = 0;
  ScriptedServer broker([&](StreamedRequest* request) {
    static constexpr const char* kAnswers[] = {"", "\x15\x03\x01\x02\x02\x02\x46\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", ""};
    request->Send(kAnswers[calls++]);
  });
  HttpClient client(broker.url());
  const auto fault = [&] { return client.Call("GET", "/v1/whoami").status().detail(); };
  CHECK_THAT(fault(), Catch::Contains("the broker may have ended while it was asked") && Catch::Contains("https://"));
  CHECK_THAT(fault(), !Catch::Contains("ended") && Catch::Contains("as of a listener with TLS"));
  // The half of an answer is one.
  for (int i = 0; i < 2; ++i) CHECK_THAT(fault(), !Catch::Contains("TLS") && !Catch::Contains("https://"));
  CHECK(calls.load() == 4);
}

TEST_CASE("http client: what a kept connection loses is sent again only where a repeat changes nothing") {
  ScriptedServer broker([](const SeenRequest& request) { return ScriptedAnswer{request.Header("if-match") == "lost" ? 0 : 200, "{}"}; });
  HttpClient client(broker.url());
  const std::string body = "{}";
  HttpCall call;
  call.path = "/v1/notifies";
  const auto times_sent = [&](const char* method, bool repeatable) {
    REQUIRE(client.Call("GET", "/v1/whoami").ok());
    const size_t before = broker.seen().size();
    call.method = method;
    call.if_match = "lost";
    call.body = call.method == "GET" ? nullptr : &body;
    call.repeatable = repeatable;
    CHECK_FALSE(client.Send(call).ok());
    CHECK(client.lost());
    return broker.seen().size() - before;
  };
  CHECK(times_sent("GET", false) == 2);
  CHECK(times_sent("POST", true) == 2);
  CHECK(times_sent("POST", false) == 1);
  CHECK(times_sent("DELETE", false) == 1);
}

TEST_CASE("http client: a network that swallows what is sent, or the connection's other end, is found out within half a minute") {
  ScriptedServer broker([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  HttpClient client(broker.url());
  REQUIRE(client.Call("GET", "/v1/whoami").ok());
  const int fd = SocketTo(broker.port());
  REQUIRE(fd >= 0);
  CHECK(OptionOf(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == 30'000);
  CHECK(OptionOf(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
  CHECK(OptionOf(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 15);
  CHECK(OptionOf(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 5);
}
