// Real brokers on two real PostgreSQLs, one of which is a cell of the store: a namespace is made in it, served, taken over, and answers 503 while its
// cell is away, which nobody else notices.
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cli/await.h"
#include "cli/e2e_broker.h"
#include "support/counting_receiver.h"
#include "support/postgres_server.h"
#include "support/sockets.h"

#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

constexpr const char* kInEast = R"({"cell":"east","destinations":{"allow":["127.0.0.0/8"]}})";
constexpr const char* kAtHome = R"({"destinations":{"allow":["127.0.0.0/8"]}})";

/// Brokers on one store with the cell "east".
class Store {
 public:
  Store() { std::ofstream(file()) << "[store.postgres.cells]\neast = \"" << east_.dsn() << "\"\n"; }
  std::unique_ptr<Broker> Begin(const std::string& directory, const std::string& member = "") {
    std::vector<std::string> settings = {
        "--config", file(), "--store-engine", "postgres", "--store-postgres-dsn", home_.dsn(), "--store-postgres-connections", "1"};
    if (!member.empty()) {
      const int fd = Bind();
      const std::string address = "127.0.0.1:" + std::to_string(PortOf(fd));
      close(fd);
      settings.insert(settings.end(), {"--cluster-advertise", address, "--cluster-insecure", "true", "--cluster-name", member});
    }
    return std::make_unique<Broker>(directory, settings);
  }
  PostgresServer& east() { return east_; }

 private:
  std::string file() const { return directory_.path() + "/notifyd.toml"; }
  TempDir directory_;
  PostgresServer home_, east_;
};

HttpAnswer Ask(Broker& broker, const std::string& method, const std::string& path, const std::string& body = "") {
  HttpClient client(broker.url());
  Result<HttpAnswer> answer = client.Call(method, path, body.empty() ? nullptr : &body);
  return answer.ok() ? *std::move(answer) : HttpAnswer();
}

bool Becomes(int status, Broker& broker, const std::string& method, const std::string& path, const std::string& body = "") {
  return Await([&] { return Ask(broker, method, path, body).status == status; });
}

bool AllArrive(CountingReceiver& receiver, const std::set<std::string>& ids) {
  return Await([&] {
    std::set<std::string> arrived;
    for (const Delivery& delivery : receiver.deliveries()) arrived.insert(delivery.id);
    return arrived == ids;
  });
}

}  // namespace

TEST_CASE("postgres cells: one broker makes a namespace in a cell, keeps it over a kill, and answers 503 for it alone while the cell is away") {
  Store store;
  TempDir place;
  CountingReceiver receiver;
  const std::string notify = R"({"url":")" + receiver.url() + R"("})";
  std::unique_ptr<Broker> broker = store.Begin(place.path());
  CHECK(Ask(*broker, "PUT", "/v1/namespaces/far", kInEast).status == 201);
  CHECK(Ask(*broker, "PUT", "/v1/namespaces/near", kAtHome).status == 201);
  CHECK(Ask(*broker, "PUT", "/v1/namespaces/none", R"({"cell":"south"})").status == 422);
  CHECK(Ask(*broker, "PUT", "/v1/namespaces/far", R"({"cell":"home"})").status == 409);
  CHECK(Ask(*broker, "PUT", "/v1/namespaces/far", kAtHome).status == 200);  // says nothing of it
  CHECK(JsonAt(Ask(*broker, "GET", "/v1/namespaces/far").body, "/settings/cell") == "east");
  CHECK(JsonAt(Ask(*broker, "GET", "/v1/namespaces/near").body, "/settings/cell") == "null");
  std::set<std::string> ids;
  const auto submit = [&](const std::string& space) {
    const HttpAnswer answer = Ask(*broker, "POST", "/v1/namespaces/" + space + "/notifies", notify);
    REQUIRE(answer.status == 201);
    ids.insert(JsonAt(answer.body, "/id"));
  };
  receiver.Withhold();
  submit("far");
  submit("near");
  REQUIRE(receiver.WaitForWithheld(2));
  broker->process().Signal(SIGKILL);
  broker->process().Wait();
  receiver.Release();
  broker = store.Begin(place.path());
  // It waits until the lease of the one before is over.
  REQUIRE(Becomes(200, *broker, "GET", "/v1/namespaces/far"));
  CHECK(AllArrive(receiver, ids));
  submit("far");
  submit("near");
  CHECK(AllArrive(receiver, ids));

  store.east().Kill();
  CHECK(Await([&] {
    const HttpAnswer answer = Ask(*broker, "POST", "/v1/namespaces/far/notifies", notify);
    return answer.status == 503 && JsonAt(answer.body, "/detail") == "the cell of the namespace is not reached";
  }));
  submit("near");
  store.east().Start();
  // Which of those that were refused are written after all is not known here.
  CHECK(Becomes(201, *broker, "POST", "/v1/namespaces/far/notifies", notify));
  CHECK(Ask(*broker, "DELETE", "/v1/namespaces/far?discard_pending=true").status == 202);
  CHECK(Becomes(404, *broker, "GET", "/v1/namespaces/far"));
}

TEST_CASE("postgres cells: a namespace in a cell is taken over from a member that is killed, with all that was acknowledged") {
  Store store;
  TempDir places[2];
  CountingReceiver receiver;
  const std::string notify = R"({"url":")" + receiver.url() + R"("})";
  std::unique_ptr<Broker> a = store.Begin(places[0].path(), "a"), b = store.Begin(places[1].path(), "b");
  REQUIRE(Await([&] { return Ask(*a, "PUT", "/v1/namespaces/far", kInEast).status / 100 == 2; }));
  std::set<std::string> ids;
  const auto submit = [&](Broker& at) {
    HttpAnswer answer;
    REQUIRE(Await([&] { return (answer = Ask(at, "POST", "/v1/namespaces/far/notifies", notify)).status == 201; }));
    ids.insert(JsonAt(answer.body, "/id"));
  };
  submit(*a);
  submit(*b);
  REQUIRE(receiver.WaitFor(2));
  const std::string report = Ask(*a, "GET", "/v1/cluster").body;
  std::string owner;
  for (int i = 0; owner.empty(); ++i) {
    const std::string at = "/namespaces/" + std::to_string(i);
    REQUIRE(!JsonAt(report, at + "/name").empty());
    if (JsonAt(report, at + "/name") != "far") continue;
    owner = JsonAt(report, at + "/owner");
    CHECK(JsonAt(report, at + "/cell") == "east");
  }
  receiver.Withhold();
  submit(*a);
  REQUIRE(receiver.WaitForWithheld(1));
  std::unique_ptr<Broker>&victim = owner == "a" ? a : b, &other = owner == "a" ? b : a;
  victim->process().Signal(SIGKILL);
  victim->process().Wait();
  receiver.Release();
  submit(*other);
  CHECK(AllArrive(receiver, ids));
}

}  // namespace notifyd::test
