// notifyd restore --in-place, as a process, on databases of a real PostgreSQL that were put back.
#include <signal.h>

#include <set>
#include <string>
#include <vector>

#include "base/crash_point.h"
#include "cli/cluster_stage.h"
#include "cli/e2e_broker.h"
#include "cli/token_create.h"
#include "storage/postgres/pg_connection.h"
#include "support/counting_receiver.h"
#include "support/postgres_server.h"

#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

std::vector<std::string> AtDatabase(const PostgresServer& server, const std::string& name) {
  return {"--store-engine", "postgres", "--store-postgres-dsn", server.dsn() + " dbname=" + name};
}

/// Of a database that nobody uses.
void CopyDatabase(const PostgresServer& server, const std::string& from, const std::string& to) {
  PostgresOptions options;
  options.dsn = server.dsn() + " dbname=template1";
  auto session = PgConnection::Open(options);
  if (!session.ok()) FAIL(session.status().detail());
  REQUIRE((*session)->RunScript("CREATE DATABASE " + to + " TEMPLATE " + from).detail() == "");
}

/// notifyd restore --in-place.
std::vector<std::string> InPlace(const TempDir& place, const PostgresServer& server, const std::string& name, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"restore", "--in-place", "--data-dir", place.At("data")};
  for (const std::string& each : AtDatabase(server, name)) arguments.push_back(each);
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

void EndInOrder(Broker* broker) {
  broker->process().Signal(SIGTERM);
  REQUIRE(broker->process().Wait() == 0);
}

}  // namespace

TEST_CASE("notifyd restore --in-place: a database that was put back gives no id twice, its tokens are disabled, what is pending is as was said") {
  PostgresServer server;
  CountingReceiver receiver;
  TempDir place;
  const std::string sent = R"({"url":")" + receiver.url() + R"("})";
  const std::string later = R"({"url":")" + receiver.url() + R"(","lane":"later","delay_ms":3600000})";
  const std::string allows = R"({"destinations":{"allow":["127.0.0.0/8"]}})";
  std::string pending, token;
  {
    Broker broker(place.path(), AtDatabase(server, "postgres"));
    REQUIRE(broker.process().WaitForError("store opened"));
    pending = broker.Submit(later);
    CHECK(JsonAt(broker.Settled(broker.Submit(sent)), "/state") == "succeeded");
    CHECK(broker.Call("PUT", "/v1/schedules/hourly", R"({"every_ms":3600000,"notify":)" + sent + "}").status == 201);
    std::vector<std::string> with = AtDatabase(server, "postgres");
    with.insert(with.end(), {"--scopes", "admin"});
    token = Create(place.path(), with).token;
    REQUIRE(!token.empty());
    EndInOrder(&broker);
  }
  CopyDatabase(server, "postgres", "put_back");
  std::set<std::string> since;
  // The namespace is made since, too: its number is given again.
  const auto submit = [&](Broker* broker, const std::string& path) {
    const HttpAnswer answer = broker->Call("POST", path, sent);
    REQUIRE(answer.status == 201);
    return JsonAt(answer.body, "/id");
  };
  {
    Broker broker(place.path(), AtDatabase(server, "postgres"));
    REQUIRE(broker.process().WaitForError("store opened"));
    REQUIRE(broker.Call("PUT", "/v1/namespaces/since", allows).status == 201);
    for (const char* path : {"/v1/notifies", "/v1/namespaces/since/notifies"})
      for (int i = 0; i < 3; ++i) since.insert(submit(&broker, path));
    REQUIRE(since.size() == 6);
    EndInOrder(&broker);
  }
  std::string error, output;
  REQUIRE(ExitOf(InPlace(place, server, "put_back", {"--pending", "pause"}), &error, &output) == 0);
  INFO(error << output);
  CHECK_THAT(output, Catch::Contains("restored in place: ids go on 100000000000 above") && Catch::Contains("1 tokens are disabled") &&
                         Catch::Contains("1 lanes and 1 schedules are paused"));
  // Once more does no harm.
  REQUIRE(ExitOf(InPlace(place, server, "put_back", {"--pending", "drop-due-before", "2200-01-01T00:00:00Z"}), &error, &output) == 0);
  CHECK_THAT(output, Catch::Contains("notifies that were due before") && !Catch::Contains("tokens are disabled"));

  Broker broker(place.path(), AtDatabase(server, "put_back"));
  REQUIRE(broker.process().WaitForError("store opened"));
  CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + pending).body, "/state") == "cancelled");
  CHECK(JsonAt(broker.Call("GET", "/v1/schedules/hourly").body, "/paused") == "true");
  CHECK(JsonAt(broker.Call("GET", "/v1/tokens/" + token.substr(4, token.find('_', 4) - 4)).body, "/disabled") == "true");
  REQUIRE(broker.Call("PUT", "/v1/namespaces/another", allows).status == 201);
  for (const char* path : {"/v1/notifies", "/v1/namespaces/another/notifies"})
    for (int i = 0; i < 6; ++i) CHECK(since.count(submit(&broker, path)) == 0);
  CHECK(broker.BooksBalance());
}

TEST_CASE("notifyd restore --in-place: is refused while a broker or a member runs; a crash leaves what brokers refuse until it was done again") {
  PostgresServer server;
  TempDir place;
  std::string error, output;
  const std::vector<std::string> restore = InPlace(place, server, "postgres", {});
  {
    Broker broker(place.path(), AtDatabase(server, "postgres"));
    REQUIRE(broker.process().WaitForError("store opened"));
    CHECK(ExitOf(restore, &error) == 1);
    CHECK_THAT(error, Catch::Contains("not restored: the store is in use"));
    CHECK(!broker.Submit(R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})").empty());
    broker.process().Signal(SIGKILL);
    broker.process().Wait();
  }
  std::vector<std::string> start = AtDatabase(server, "postgres");
  start.insert(start.end(), {"--data-dir", place.At("data"), "--listen", "127.0.0.1:0"});
  for (const char* point : {"restore.copied", "restore.before_rename"}) {
    CAPTURE(point);
    // Whoever died before had the lease, which is waited for.
    Process cut_short(NOTIFYD_BINARY, {restore, {std::string(kCrashVariable) + "=" + point}});
    CHECK(cut_short.Wait() == 1000 + SIGKILL);
    CHECK(ExitOf(start, &error) == 1);
    CHECK_THAT(error, Catch::Contains("run notifyd restore --in-place again"));
  }
  REQUIRE(ExitOf(restore, &error, &output) == 0);
  CHECK_THAT(output, Catch::Contains("restored in place"));
  Broker broker(place.path(), AtDatabase(server, "postgres"));
  REQUIRE(broker.process().WaitForError("store opened"));
  CHECK(broker.Stat("/totals/accepted") == 1);

  Cluster cluster({"a"});
  cluster.AskUntil(200, "GET", "/v1/stats");
  CHECK(ExitOf(InPlace(place, cluster.server(), "postgres", {}), &error) == 1);
  CHECK_THAT(error, Catch::Contains("not restored: the store is in use"));
}

TEST_CASE("notifyd restore --in-place: what it is not for is refused in words") {
  TempDir place;
  std::string error;
  const std::vector<std::pair<std::vector<std::string>, std::string>> refused = {
      {{"restore"}, "or --in-place"},
      {{"restore", "--in-place", place.At("backup")}, "or --in-place"},
      {{"restore", "--in-place", "--check"}, "without --check"},
      {{"restore", "--in-place", "--data-dir", place.At("data")}, "notifyd restore DIR"},
      {{"restore", place.At("backup"), "--store-engine", "postgres", "--store-postgres-dsn", "host=/none"}, "restore --in-place"},
  };
  for (const auto& [arguments, words] : refused) {
    CHECK(ExitOf(arguments, &error) == 2);
    CHECK_THAT(error, Catch::Contains(words));
  }
}

}  // namespace notifyd::test
