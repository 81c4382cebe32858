// A broker and a PostgreSQL that it loses: one that comes back with less than it had, one that has no session left for it, one that is away as it
// stops, one that another file names.
#include <signal.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cli/await.h"
#include "cli/e2e_broker.h"
#include "storage/postgres/pg_connection.h"
#include "support/counting_receiver.h"
#include "support/postgres_server.h"

#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

constexpr const char* kLater = R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})";

std::unique_ptr<PgConnection> SessionAt(const std::string& dsn) {
  PostgresOptions options;
  options.dsn = dsn;
  auto session = PgConnection::Open(options);
  if (!session.ok()) FAIL(session.status().detail());
  return *std::move(session);
}

/// A database of its own, `live`, on a server that others may look after meanwhile.
struct LiveDatabase {
  LiveDatabase() { Run("CREATE DATABASE live"); }
  void Run(const std::string& sql) const {
    if (Status done = beside->RunScript(sql); !done.ok()) FAIL(done.detail());
  }
  /// Lets nobody in any more, until `ALLOW_CONNECTIONS true`.
  void EndSessions() const {
    Run("ALTER DATABASE live ALLOW_CONNECTIONS false");
    Run("SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE datname = 'live'");
  }
  PostgresServer server;
  const std::unique_ptr<PgConnection> beside = SessionAt(server.dsn());
  const std::string dsn = server.dsn() + " dbname=live";
};

bool Answers(Broker* broker) {
  HttpClient client(broker->url());
  const Result<HttpAnswer> answer = client.Call("GET", "/v1/stats", nullptr);
  return answer.ok() && answer->status == 200;
}

}  // namespace

TEST_CASE("postgres: a broker whose database is put back to a copy of seconds before says that it lost what was confirmed, and stops") {
  LiveDatabase live;
  TempDir place;
  const std::vector<std::string> arguments = {"--store-engine", "postgres", "--store-postgres-dsn", live.dsn};
  Broker broker(place.path(), arguments);
  REQUIRE(broker.process().WaitForError("store opened"));
  const std::string kept = broker.Submit(kLater);

  // Within the lease, both times.
  live.EndSessions();
  live.Run("CREATE DATABASE saved TEMPLATE live");
  live.Run("ALTER DATABASE live ALLOW_CONNECTIONS true");
  REQUIRE(Await([&] { return Answers(&broker); }));
  std::string lost;
  REQUIRE(Await([&] {
    const HttpAnswer answer = broker.Call("POST", "/v1/notifies", kLater);
    if (answer.status == 201) lost = JsonAt(answer.body, "/id");
    return answer.status == 201;
  }));
  const auto renewal = [&] {
    auto row = SessionAt(live.dsn)->Run("SELECT renewal FROM notifyd.lease");
    if (!row.ok()) FAIL(row.status().detail());
    return row->Int(0, 0);
  };
  const int64_t before = renewal();
  REQUIRE(Await([&] { return renewal() >= before + 2; }));
  live.EndSessions();
  live.Run("DROP DATABASE live");
  live.Run("ALTER DATABASE saved RENAME TO live");

  CHECK(broker.process().Wait() == 1);
  const std::vector<std::string> said = LinesOf(broker.process().error(), "the store failed, stopping at once");
  REQUIRE_FALSE(said.empty());
  CHECK_THAT(said[0], Catch::Contains("has not what it had confirmed to be durable"));
  CHECK_THAT(broker.process().error(), !Catch::Contains("others own it by now") && !Catch::Contains("others took it"));
  // The next one goes on with what is there.
  Broker next(place.path(), arguments);
  REQUIRE(Await([&] { return Answers(&next); }));
  CHECK(next.Call("GET", "/v1/notifies/" + kept).status == 200);
  CHECK(next.Call("GET", "/v1/notifies/" + lost).status == 404);
}

TEST_CASE("postgres: a broker whose store is gone, or another one, makes none and takes none: it stops, and says so") {
  LiveDatabase live;
  TempDir place, other;
  Broker broker(place.path(), {"--store-engine", "postgres", "--store-postgres-dsn", live.dsn});
  REQUIRE(broker.process().WaitForError("store opened"));
  broker.Submit(kLater);
  const std::string how = GENERATE("its schema is dropped", "an empty database", "an empty database, later than the lease", "another store");
  INFO(how);
  if (how == "its schema is dropped") {
    REQUIRE(SessionAt(live.dsn)->RunScript("DROP SCHEMA notifyd CASCADE").ok());
  } else {
    if (how == "another store") {
      live.Run("CREATE DATABASE another");
      Broker second(other.path(), {"--store-engine", "postgres", "--store-postgres-dsn", live.server.dsn() + " dbname=another"});
      REQUIRE(second.process().WaitForError("store opened"));
      second.process().Signal(SIGTERM);
      CHECK(second.process().Wait() == 0);
    }
    live.EndSessions();
    if (how == "an empty database, later than the lease") REQUIRE(broker.process().WaitForError("going on as a standby"));
    live.Run("DROP DATABASE live");
    live.Run(how == "another store" ? "ALTER DATABASE another RENAME TO live" : "CREATE DATABASE live");
  }
  CHECK(broker.process().Wait() == 1);
  const std::vector<std::string> said = LinesOf(broker.process().error(), "the store failed, stopping at once");
  REQUIRE_FALSE(said.empty());
  CHECK_THAT(said[0], Catch::Contains("has not what it had confirmed to be durable"));
  auto schemas = SessionAt(live.dsn)->Run("SELECT count(*) FROM pg_namespace WHERE nspname = 'notifyd'");
  REQUIRE(schemas.ok());
  CHECK(schemas->Int(0, 0) == (how == "another store" ? 1 : 0));
}

TEST_CASE("postgres: a standby whose store is gone makes none, and goes on once it is there again") {
  PostgresServer server;
  TempDir place, beside;
  const std::vector<std::string> arguments = {"--store-engine", "postgres", "--store-postgres-dsn", server.dsn()};
  auto owner = std::make_unique<Broker>(place.path(), arguments);
  REQUIRE(owner->process().WaitForError("store opened"));
  Broker standby(beside.path(), arguments);
  REQUIRE(standby.process().WaitForError("standby"));
  const std::unique_ptr<PgConnection> session = SessionAt(server.dsn());
  owner->process().Signal(SIGSTOP);
  REQUIRE(session->RunScript("ALTER SCHEMA notifyd RENAME TO put_away").ok());
  REQUIRE(standby.process().WaitForError("there is no store any more"));
  owner.reset();  // killed
  REQUIRE(session->RunScript("ALTER SCHEMA put_away RENAME TO notifyd").ok());
  CHECK(Await([&] { return Answers(&standby); }));
}

TEST_CASE("postgres: a broker that loses a right in its store waits for it as for a database that is away") {
  PostgresServer server;
  const std::unique_ptr<PgConnection> beside = SessionAt(server.dsn());
  REQUIRE(beside->RunScript("CREATE ROLE app LOGIN; GRANT CREATE ON DATABASE postgres TO app").ok());
  TempDir place;
  Broker broker(place.path(), {"--store-engine", "postgres", "--store-postgres-dsn", server.dsn() + " user=app"});
  REQUIRE(broker.process().WaitForError("store opened"));
  const std::string kept = broker.Submit(kLater);
  REQUIRE(beside->RunScript("ALTER TABLE notifyd.kv_main OWNER TO notifyd; ALTER TABLE notifyd.kv_notifies OWNER TO notifyd").ok());
  CHECK(Await([&] { return broker.Call("POST", "/v1/notifies", kLater).status / 100 == 5; }));
  REQUIRE(beside->RunScript("ALTER TABLE notifyd.kv_main OWNER TO app; ALTER TABLE notifyd.kv_notifies OWNER TO app").ok());
  CHECK(Await([&] { return Answers(&broker) && broker.Call("GET", "/v1/notifies/" + kept).status == 200; }));
  CHECK(broker.process().running());
}

TEST_CASE("postgres: a broker that has the lease, and no session to open the store, tries after longer and longer pauses, and says why once") {
  PostgresServer server;
  const std::unique_ptr<PgConnection> beside = SessionAt(server.dsn());
  // One session is the lease's, and opening the store takes two.
  REQUIRE(beside->RunScript("CREATE ROLE few LOGIN CONNECTION LIMIT 2; GRANT CREATE ON DATABASE postgres TO few").ok());
  TempDir place;
  Broker broker(place.path(), {"--store-engine", "postgres", "--store-postgres-dsn", server.dsn() + " user=few"});
  REQUIRE(broker.process().WaitForError("the store was lost while it was opened"));
  std::this_thread::sleep_for(std::chrono::seconds(5));
  const std::string log = broker.process().error();
  CHECK(LinesOf(log, "the store was lost while it was opened").size() == 1);
  CHECK(LinesOf(log, "standby").size() <= 6);
  REQUIRE(beside->RunScript("ALTER ROLE few CONNECTION LIMIT -1").ok());
  CHECK(Await([&] { return Answers(&broker); }));
  broker.process().Signal(SIGTERM);
  CHECK(broker.process().Wait() == 0);
}

TEST_CASE("postgres: a standby whose file names another database by now says so at SIGHUP, and goes on with it at SIGUSR1, in place") {
  PostgresServer server;
  TempDir place;
  const std::string file = place.At("notifyd.toml");
  const auto write = [&](const std::string& dsn) { std::ofstream(file) << "[store]\nengine = \"postgres\"\npostgres.dsn = \"" << dsn << "\"\n"; };
  write(server.dsn() + " dbname=missing");
  Broker broker(place.path(), {"--config", file});
  REQUIRE(broker.process().WaitForError("the store does not answer"));
  const auto said = [&](const std::string& event) { return LinesOf(broker.process().error(), event); };

  std::ofstream(file) << "[store]\nengine = \"another\"\n";
  broker.process().Signal(SIGHUP);
  REQUIRE(broker.process().WaitForError("settings not reloaded, all stay as they were"));
  broker.process().Signal(SIGUSR1);
  REQUIRE(broker.process().WaitForError("no restart, going on as before"));
  CHECK(broker.Call("GET", "/healthz").status == 200);

  write(server.dsn());
  broker.process().Signal(SIGHUP);
  REQUIRE(broker.process().WaitForError("settings that changed hold after a restart only"));
  CHECK_THAT(said("settings that changed hold after a restart only").front(), Catch::Contains("store.postgres.dsn"));
  CHECK_FALSE(Answers(&broker));
  broker.process().Signal(SIGUSR1);
  REQUIRE(Await([&] { return Answers(&broker); }));
  CHECK(said("restart: starting").size() == 1);
  broker.Submit(kLater);
  broker.process().Signal(SIGTERM);
  CHECK(broker.process().Wait() == 0);
}

TEST_CASE("postgres: a broker whose lease ends while it stops ends, and says by its exit code whether something is not written") {
  PostgresServer server;
  CountingReceiver receiver;
  receiver.Withhold();
  TempDir place;
  Broker broker(place.path(), {"--store-engine", "postgres", "--store-postgres-dsn", server.dsn(), "--shutdown-grace-ms", "60000"});
  REQUIRE(broker.process().WaitForError("store opened"));
  broker.Submit(R"({"url":")" + receiver.url() + R"("})");
  REQUIRE(receiver.WaitForWithheld(1));
  broker.process().Signal(SIGTERM);
  std::this_thread::sleep_for(std::chrono::seconds(2));  // what a stop writes as it begins is synced by then
  server.Signal(SIGSTOP);
  const bool unwritten = GENERATE(true, false);
  if (unwritten) receiver.Release();  // the attempt ends
  CHECK(broker.process().Wait() == (unwritten ? 1 : 0));
  const std::string log = broker.process().error();
  CHECK(LinesOf(log, "the store failed while it was closed").size() == (unwritten ? 1 : 0));
  CHECK(LinesOf(log, "stopped").size() == (unwritten ? 0 : 1));
  CHECK_THAT(log, !Catch::Contains("going on as a standby"));
}

}  // namespace notifyd::test
