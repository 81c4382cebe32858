// A member of a cluster that passes requests on to another one, and stops or restarts in place meanwhile: real brokers on one real PostgreSQL.
#include <signal.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdio>
#include <list>
#include <string>
#include <thread>

#include "cli/await.h"
#include "cli/cluster_stage.h"
#include "cli/e2e_broker.h"
#include "support/raw_client.h"

#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

/// Two members, and the one of them that passes on what is of `s1`.
struct PassingPair {
  PassingPair() : cluster({"a", "b"}) {
    REQUIRE(Await([&] { return !cluster.Of("b", "name").empty(); }));
    cluster.Make("s1");
    REQUIRE(Await([&] { return cluster.OwnerOf("s1") != "null"; }));
    owner = cluster.OwnerOf("s1");
    passes = owner == "a" ? "b" : "a";
  }
  bool Accepted(int count) {
    return Await([&] { return JsonAt(cluster.Ask(owner, "GET", "/v1/namespaces/s1/stats").body, "/totals/accepted") == std::to_string(count); });
  }
  uint16_t port() { return PortOfUrl(cluster.At(passes).url()); }

  Cluster cluster;
  std::string owner, passes;
};

std::string PostTo(const std::string& path, const std::string& body, const std::string& headers = "") {
  return "POST /v1/namespaces/s1" + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("postgres cluster: what waits where another member serves it is answered with 202 as its own broker restarts in place, or stops") {
  PassingPair pair;
  const std::string notify = R"({"url":"http://127.0.0.1:1/","delay_ms":600000})";
  int accepted = 0;
  for (const int signal : {SIGUSR1, SIGTERM}) {
    CAPTURE(signal);
    std::list<RawClient> clients;
    for (const std::string& request : {PostTo("/notifies?wait_ms=60000", notify), PostTo("/notifies", notify, "Prefer: wait=60\r\n"),
                                       PostTo("/groups?wait_ms=60000", "{\"notifies\":[" + notify + "]}")})
      REQUIRE(clients.emplace_back(pair.port(), 0, 60).Send(request));
    accepted += 3;
    REQUIRE(pair.Accepted(accepted));
    pair.cluster.At(pair.passes).process().Signal(signal);
    for (RawClient& client : clients) {
      const RawResponse answer = client.ReadResponse();
      INFO(answer.head << answer.body);
      CHECK(answer.status == 202);
      CHECK_FALSE(JsonAt(answer.body, "/id").empty());
    }
    if (signal == SIGUSR1) CHECK(Await([&] { return pair.cluster.Ask(pair.passes, "GET", "/v1/namespaces/s1/stats").status == 200; }));
    else CHECK(pair.cluster.At(pair.passes).process().Wait() == 0);
  }
}

TEST_CASE("postgres cluster: a bulk submit that comes fast, and is passed on, ends with a line that says so as its broker restarts, or stops") {
  PassingPair pair;
  std::string lines;
  while (lines.size() < 64 << 10) lines += "{\"url\":\"http://127.0.0.1:1/\",\"delay_ms\":600000}\n";
  char size[24];
  std::snprintf(size, sizeof size, "%zx\r\n", lines.size());
  for (const int signal : {SIGUSR1, SIGTERM}) {
    CAPTURE(signal);
    RawClient client(pair.port(), 0, 60);
    REQUIRE(client.Send(
        "POST /v1/namespaces/s1/notifies HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"));
    std::atomic<bool> over{false};
    std::thread sender([&] {
      while (!over && client.Send(size + lines + "\r\n")) continue;
    });
    std::string told, chunk;
    bool goes_on = client.ReadResponse(/*no_body=*/true).status == 200 && client.ReadChunk(&chunk);
    pair.cluster.At(pair.passes).process().Signal(signal);
    for (; goes_on && !chunk.empty(); goes_on = client.ReadChunk(&chunk)) told += chunk;
    over = true;
    shutdown(client.fd(), SHUT_RDWR);
    sender.join();
    CHECK(goes_on);
    REQUIRE(told.ends_with("}\n"));
    const std::string last = told.substr(told.rfind('\n', told.size() - 2) + 1);
    CHECK(last.starts_with("{\"type\":\"urn:notifyd:problem:"));
    if (signal == SIGUSR1) CHECK(Await([&] { return pair.cluster.Ask(pair.passes, "GET", "/v1/namespaces/s1/stats").status == 200; }));
    else CHECK(pair.cluster.At(pair.passes).process().Wait() == 0);
  }
}

}  // namespace notifyd::test
