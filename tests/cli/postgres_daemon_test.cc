// The real broker on a real PostgreSQL: one that owns the store, one that waits for it.
#include <signal.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>

#include "cli/e2e_broker.h"
#include "support/counting_receiver.h"
#include "support/postgres_server.h"

#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

std::vector<std::string> On(const PostgresServer& server) {
  return {"--store-engine", "postgres", "--store-postgres-dsn", server.dsn()};
}

/// The time is a safety net.
template <class Holds>
bool Await(Holds holds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(kDeadlineSeconds);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

int StatusOf(const std::string& url) {
  HttpClient client(url);
  Result<HttpAnswer> answer = client.Call("GET", "/v1/stats", nullptr);
  return answer.ok() ? answer->status : 0;
}

}  // namespace

TEST_CASE("postgres: a broker that is killed is followed by the one that waited, which has all that was acknowledged") {
  PostgresServer server;
  CountingReceiver receiver;
  TempDir first_place, second_place;
  Broker first(first_place.path(), On(server));
  REQUIRE(first.process().WaitForError("store opened"));
  CHECK(JsonAt(first.Call("GET", "/v1/stats").body, "/store/database_lost") == "0");
  Broker second(second_place.path(), On(server));
  CHECK(second.Call("GET", "/healthz").status == 200);
  CHECK(second.Call("GET", "/v1/stats").status == 503);

  std::set<std::string> acknowledged;
  auto submit = [&] { acknowledged.insert(first.Submit(R"({"url":")" + receiver.url() + R"(","data":{"n":1}})")); };
  for (int i = 0; i < 20; ++i) submit();
  REQUIRE(receiver.WaitFor(20));
  receiver.Withhold();
  for (int i = 0; i < 20; ++i) submit();
  REQUIRE(receiver.WaitForWithheld(1));
  first.process().Signal(SIGKILL);
  first.process().Wait();
  REQUIRE(receiver.NextRun());
  receiver.Release();
  REQUIRE(Await([&] { return StatusOf(second.url()) == 200; }));
  CHECK(Await([&] { return second.Stat("/totals/succeeded") == acknowledged.size(); }));
  CHECK(second.BooksBalance());
  std::set<std::string> arrived;
  for (const Delivery& delivery : receiver.deliveries()) arrived.insert(delivery.id);
  CHECK(arrived == acknowledged);
  const std::string id = second.Submit(R"({"url":")" + receiver.url() + R"("})");
  CHECK(JsonAt(second.Settled(id), "/state") == "succeeded");
  second.process().Signal(SIGTERM);
  CHECK(second.process().Wait() == 0);
  // What was given back may be had at once.
  Broker third(second_place.path(), On(server));
  CHECK(third.process().WaitForError("store opened"));
  CHECK(third.Stat("/totals/succeeded") == acknowledged.size() + 1);
}

TEST_CASE("postgres: what is the embedded store's alone is refused in words, and no password is said") {
  std::string error;
  CHECK(ExitOf({"--store-engine", "postgres"}, &error) != 0);
  CHECK(error.find("where it is must be said") != std::string::npos);
  CHECK(ExitOf({"restore", "/nowhere", "--store-engine", "postgres"}, &error) == 2);
  CHECK(error.find("PostgreSQL") != std::string::npos);
  TempDir place;
  Broker broker(place.path(), {"--store-engine", "postgres", "--store-postgres-dsn", "host=" + place.path() + " user=u password=hunter2"});
  CHECK(broker.Call("GET", "/v1/stats").status == 503);
  CHECK(broker.process().error().find("hunter2") == std::string::npos);
}

}  // namespace notifyd::test
