// The real broker on a real PostgreSQL: one that owns the store, one that waits for it.
#include <signal.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "cli/await.h"
#include "cli/e2e_broker.h"
#include "cli/token_create.h"
#include "storage/postgres/pg_connection.h"
#include "storage/records.h"
#include "support/counting_receiver.h"
#include "support/postgres_server.h"
#include "support/sockets.h"

#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

std::vector<std::string> On(const PostgresServer& server) {
  return {"--store-engine", "postgres", "--store-postgres-dsn", server.dsn()};
}

std::unique_ptr<PgConnection> SessionOf(const PostgresServer& server) {
  PostgresOptions options;
  options.dsn = server.dsn();
  auto session = PgConnection::Open(options);
  if (!session.ok()) FAIL(session.status().detail());
  return *std::move(session);
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
  std::ofstream(first_place.At("notifyd.toml")) << "[[alert]]\nname = \"alone\"\nwhen = \"no_standby\"\nto = \"log:/alone\"\n";
  std::vector<std::string> arguments = On(server);
  for (const std::string& more : {std::string("--config"), first_place.At("notifyd.toml")}) arguments.push_back(more);
  Broker first(first_place.path(), arguments);
  REQUIRE(first.process().WaitForError("store opened"));
  CHECK(JsonAt(first.Call("GET", "/v1/stats").body, "/store/database_lost") == "0");
  CHECK(JsonAt(first.Call("GET", "/v1/stats").body, "/store/no_standby") == "1");
  CHECK(Await([&] { return JsonAt(first.Call("GET", "/v1/alerts").body, "/firing") == "1"; }));
  Broker second(second_place.path(), On(server));
  CHECK(second.Call("GET", "/healthz").status == 200);
  CHECK(second.Call("GET", "/v1/stats").status == 503);
  // It has its directory, and the control socket in that, from the beginning.
  CHECK(second.process().error().find("no control socket") == std::string::npos);
  CHECK(std::filesystem::exists(second_place.At("data/control.sock")));

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

namespace {

void Stop(Broker* broker) {
  broker->process().Signal(SIGTERM);
  CHECK(broker->process().Wait() == 0);
}

}  // namespace

TEST_CASE("notifyd move: pending calls, fkeys and tokens go on in the other engine, and back again") {
  PostgresServer server;
  CountingReceiver receiver;
  TempDir dir, waiting, back;
  const std::string token = Create(dir.path(), {"--scopes", "admin"}).token;
  const std::string later = R"({"url":")" + receiver.url() + R"(","fkey":"order-1","delay_ms":3600000})";
  const std::string token_id = token.substr(4, token.find('_', 4) - 4);
  std::string pending, state, done, error, output;
  {
    Broker broker(dir.path());
    pending = broker.Submit(later);
    done = broker.Submit(R"({"url":")" + receiver.url() + R"("})");
    CHECK(JsonAt(broker.Settled(done), "/state") == "succeeded");
    state = JsonAt(broker.Call("GET", "/v1/notifies/" + pending).body, "/state");
    CHECK(ExitOf({"move", "--from", "rocksdb:" + dir.At("data"), "--to", "postgres:" + server.dsn()}, &error) != 0);  // it is in use
    Stop(&broker);
  }
  auto goes_on = [&](Broker* broker, uint64_t succeeded) {
    CHECK(JsonAt(broker->Call("GET", "/v1/notifies/" + pending).body, "/state") == state);
    CHECK(broker->Call("POST", "/v1/notifies", later).status == 409);
    CHECK_THAT(broker->Call("GET", "/v1/tokens").body, Catch::Contains("\"" + token_id + "\""));
    CHECK(broker->Stat("/totals/succeeded") == succeeded);
    CHECK(broker->BooksBalance());
    const std::string next = broker->Submit(R"({"url":")" + receiver.url() + R"("})");
    CHECK(next > done);
    CHECK(JsonAt(broker->Settled(next), "/state") == "succeeded");
    done = next;
    Stop(broker);
  };
  REQUIRE(ExitOf({"move", "--from", "rocksdb", "--data-dir", dir.At("data"), "--to", "postgres:" + server.dsn()}, &error, &output) == 0);
  CHECK_THAT(output, Catch::Contains("moved: ") && Catch::Contains(dir.At("data")));
  {
    Broker broker(waiting.path(), On(server));
    goes_on(&broker, 1);
  }
  CHECK(ExitOf({"move", "--from", "rocksdb:" + dir.At("data"), "--to", "postgres:" + server.dsn()}, &error) == 2);
  CHECK_THAT(error, Catch::Contains("there is a store"));
  REQUIRE(ExitOf({"move", "--to", "rocksdb:" + back.At("data"), "--from", "postgres", "--store-postgres-dsn", server.dsn()}, &error) == 0);
  Broker broker(back.path());
  goes_on(&broker, 2);
}

TEST_CASE("notifyd move: what it cannot do it refuses in words, and a broker does not start on half a store") {
  PostgresServer server;
  TempDir dir;
  std::string error, help;
  const std::string from = "rocksdb:" + dir.At("data"), to = "postgres:" + server.dsn();
  const std::vector<std::pair<std::vector<std::string>, std::string>> refused = {
      {{"move"}, "--from"},
      {{"move", "--from", from}, "--to"},
      {{"move", "--from", from, "--to", "rocksdb:" + dir.At("other")}, "from one engine to the other"},
      {{"move", "--from", "files:/tmp", "--to", to}, "names no engine"},
      {{"move", "--from", from, "--to", "host=h user=u password=not-said"}, "names no engine"},
      {{"move", "--from", from, "--to", "postgres"}, "must be said"},
      {{"move", "--from", from, "--to", to, "--store-encryption-key-file", dir.At("keys")}, "sealed"},
      {{"move", "--from", from, "--to", to, "--no-such-flag"}, "--no-such-flag"},
  };
  for (const auto& [arguments, words] : refused) {
    CHECK(ExitOf(arguments, &error) == 2);
    CHECK_THAT(error, Catch::StartsWith("notifyd: ") && Catch::Contains(words) && !Catch::Contains("not-said"));
  }
  // A URI says the engine by itself, and is not taken for the name of a database.
  const DeafPort nobody;
  for (const char* scheme : {"postgres://", "postgresql://", "postgres:postgres://"}) {
    const std::string port = std::to_string(nobody.port());
    CHECK(ExitOf({"move", "--from", scheme + ("u:not-said@127.0.0.1:" + port) + "/db", "--to", from}, &error) == 1);
    CHECK_THAT(error, Catch::Contains("127.0.0.1") && Catch::Contains(port) && !Catch::Contains("not-said"));
  }
  CHECK(ExitOf({"move", "--from", from, "--to", to}, &error) == 1);
  CHECK_THAT(error, Catch::Contains("there is no store in " + dir.At("data")));
  CHECK(ExitOf({"move", "--help"}, nullptr, &help) == 0);
  for (const char* word : {"--from", "--to", "rocksdb:DIRECTORY", "postgres:DSN"}) CHECK_THAT(help, Catch::Contains(word));
  // What a move that was cut short leaves.
  REQUIRE(!Create(dir.path(), {"--scopes", "admin"}).token.empty());
  std::ofstream(dir.At("data") + "/MOVING").close();
  CHECK(ExitOf({"--data-dir", dir.At("data"), "--listen", "127.0.0.1:0"}, &error) != 0);
  CHECK_THAT(error, Catch::Contains("half-made"));
}

TEST_CASE("postgres: a standby opens its log anew on SIGHUP, and applies what that says of the settings once it serves") {
  PostgresServer server;
  TempDir first_place, second_place;
  Broker first(first_place.path(), On(server));
  REQUIRE(first.process().WaitForError("store opened"));
  const std::string file = second_place.At("n.log"), moved = second_place.At("n.log.1");
  std::vector<std::string> arguments = On(server);
  for (const std::string& more : {std::string("--log-file"), file}) arguments.push_back(more);
  Broker second(second_place.path(), arguments);
  REQUIRE(second.process().WaitForError("\"standby\""));
  std::filesystem::rename(file, moved);
  second.process().Signal(SIGHUP);
  CHECK(Await([&] { return std::filesystem::exists(file); }));
  first.process().Signal(SIGTERM);
  CHECK(first.process().Wait() == 0);
  REQUIRE(second.process().WaitForError("settings reloaded"));
  second.process().Signal(SIGTERM);
  CHECK(second.process().Wait() == 0);
  const auto has = [](const std::string& path, const std::string& event) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str().find(event) != std::string::npos;
  };
  CHECK(has(file, "store opened"));
  CHECK_FALSE(has(moved, "store opened"));
}

TEST_CASE("postgres: an owner that stood still for longer than its lease goes on as a standby, with commits under way") {
  PostgresServer server;
  CountingReceiver receiver;
  TempDir first_place, second_place;
  Broker first(first_place.path(), On(server));
  REQUIRE(first.process().WaitForError("store opened"));
  Broker second(second_place.path(), On(server));
  REQUIRE(second.process().WaitForError("standby"));
  // Those that are in the broker when it stops are committed once it goes on, under an epoch that is over.
  std::atomic<bool> stop{false};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i)
    clients.emplace_back([&] {
      HttpClient client(first.url());
      std::string notify = R"({"url":")" + receiver.url() + "\"}";
      while (!stop) {
        const Result<HttpAnswer> answer = client.Call("POST", "/v1/notifies", &notify);
        if (!answer.ok()) std::this_thread::yield();
      }
    });
  const bool came = receiver.WaitFor(50);
  first.process().Signal(SIGSTOP);
  const bool taken = Await([&] { return StatusOf(second.url()) == 200; });
  first.process().Signal(SIGCONT);
  const bool stands_by = first.process().WaitForError("\"standby\"");
  stop = true;
  for (std::thread& client : clients) client.join();
  CHECK(came);
  CHECK(taken);
  CHECK(stands_by);
  CHECK(first.process().running());
  CHECK(first.process().error().find("stopping at once") == std::string::npos);
}

TEST_CASE("postgres: what waits for a database that stands still is answered at the end of a stop's grace, not closed") {
  PostgresServer server;
  TempDir place;
  std::vector<std::string> arguments = On(server);
  arguments.insert(arguments.end(), {"--shutdown-grace-ms", "300"});
  Broker broker(place.path(), arguments);
  REQUIRE(broker.process().WaitForError("store opened"));
  const std::string id = broker.Submit(R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})");
  server.Signal(SIGSTOP);
  const auto status = [&](const std::string& method, const std::string& path, const std::string* body) {
    HttpClient client(broker.url());
    Result<HttpAnswer> answer = client.Call(method, path, body);
    return answer.ok() ? answer->status : 0;
  };
  const std::string submit = R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})";
  int read = -1, submitted = -1;
  std::thread reader([&] { read = status("GET", "/v1/notifies?limit=1", nullptr); });
  std::thread writer([&] { submitted = status("POST", "/v1/notifies", &submit); });
  // They are with the core by then.
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  broker.process().Signal(SIGTERM);
  reader.join();
  writer.join();
  CHECK(read == 503);
  CHECK(submitted == 504);
  server.Signal(SIGCONT);
  broker.process().Wait();
}

TEST_CASE("postgres: what waits to be tried again waits for its time, though the clock of whoever had the store before was behind by hours") {
  PostgresServer server;
  TempDir place;
  auto broker = std::make_unique<Broker>(place.path(), On(server));
  REQUIRE(broker->process().WaitForError("store opened"));
  // Nobody listens there.
  const std::string path = "/v1/notifies/" + broker->Submit(R"({"url":"http://127.0.0.1:9/","retry":{"schedule_ms":[3600000]}})");
  const auto tried = [&] { return JsonAt(broker->Call("GET", path).body, "/attempts_made"); };
  REQUIRE(Await([&] { return tried() == "1"; }));
  broker->process().Signal(SIGTERM);
  CHECK(broker->process().Wait() == 0);
  auto session = SessionOf(server);
  auto last = session->Run("SELECT n, totals FROM notifyd.log WHERE unit = 0 ORDER BY n DESC LIMIT 1");
  REQUIRE(last.ok());
  Result<Totals> totals = DecodeTotals(last->Bytes(0, 1));
  REQUIRE(totals.ok());
  totals->wall.ms -= 2 * 3600 * 1000;
  std::string behind;
  EncodeTotals(*totals, &behind);
  const PgParams put = std::move(PgParams().Bytes(behind).Int(last->Int(0, 0)));
  REQUIRE(session->Run("UPDATE notifyd.log SET totals = $1 WHERE unit = 0 AND n = $2", put).ok());
  broker = std::make_unique<Broker>(place.path(), On(server));
  REQUIRE(broker->process().WaitForError("store opened"));
  std::this_thread::sleep_for(std::chrono::seconds(2));
  CHECK(tried() == "1");
}

TEST_CASE("postgres: a store that is lost again before it is open is waited for") {
  PostgresServer server;
  const std::unique_ptr<PgConnection> session = SessionOf(server);
  // One session is the lease's; the store has none.
  REQUIRE(session->RunScript("CREATE ROLE few LOGIN CONNECTION LIMIT 1; GRANT CREATE ON DATABASE postgres TO few").ok());
  TempDir place;
  Broker broker(place.path(), {"--store-engine", "postgres", "--store-postgres-dsn", server.dsn() + " user=few"});
  REQUIRE(broker.process().WaitForError("too many connections"));
  CHECK(broker.Call("GET", "/healthz").status == 200);
  REQUIRE(session->RunScript("ALTER ROLE few CONNECTION LIMIT -1").ok());
  CHECK(Await([&] { return StatusOf(broker.url()) == 200; }));
  Stop(&broker);
}

TEST_CASE("postgres: why a store does not answer is logged once for each reason, and shown as that") {
  PostgresServer server;
  const std::unique_ptr<PgConnection> session = SessionOf(server);
  TempDir place;
  Broker broker(place.path(), {"--store-engine", "postgres", "--store-postgres-dsn", server.dsn() + " user=late password=hunter2"});
  REQUIRE(broker.process().WaitForError("role \\\"late\\\" does not exist"));
  const HttpAnswer ready = broker.Call("GET", "/readyz");
  CHECK(ready.status == 503);
  CHECK_THAT(ready.body, Catch::Contains("the store does not answer") && !Catch::Contains("late"));
  REQUIRE(session->RunScript("CREATE ROLE late LOGIN CONNECTION LIMIT 0; GRANT CREATE ON DATABASE postgres TO late").ok());
  REQUIRE(broker.process().WaitForError("too many connections"));
  REQUIRE(session->RunScript("ALTER ROLE late CONNECTION LIMIT -1").ok());
  REQUIRE(broker.process().WaitForError("\"the store answers again\""));
  CHECK(Await([&] { return StatusOf(broker.url()) == 200; }));
  CHECK(LinesOf(broker.process().error(), "the store does not answer").size() == 2);
  CHECK(broker.process().error().find("hunter2") == std::string::npos);
  Stop(&broker);
}

TEST_CASE("postgres: a broker that shows a password waits for a server that takes writes, and for its password, and does not end") {
  PostgresServer server;
  const std::unique_ptr<PgConnection> session = SessionOf(server);
  REQUIRE(session->RunScript("CREATE ROLE careful LOGIN PASSWORD 'hunter2'; GRANT CREATE ON DATABASE postgres TO careful").ok());
  auto place_of = session->Run("SELECT current_setting('hba_file')");
  REQUIRE(place_of.ok());
  const std::string hba_file(place_of->Bytes(0, 0));
  std::stringstream before;
  before << std::ifstream(hba_file).rdbuf();
  std::ofstream(hba_file) << "local all careful scram-sha-256\n" << before.str();
  REQUIRE(session->RunScript("SELECT pg_reload_conf()").ok());
  PostgresOptions wrong;
  wrong.dsn = server.dsn() + " user=careful password=wrong";
  CHECK(Await([&] { return !PgConnection::Open(wrong).ok(); }));
  CHECK(PgConnection::Open(wrong).status().code() == Code::kUnavailable);
  TempDir place;
  Broker broker(place.path(), {"--store-engine", "postgres", "--store-postgres-dsn", server.dsn() + " user=careful password=hunter2"});
  CHECK(Await([&] { return StatusOf(broker.url()) == 200; }));
  // As one that follows another one looks to whoever connects, until it is the primary.
  REQUIRE(session
              ->RunScript("ALTER ROLE careful SET default_transaction_read_only = on; SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                          "WHERE usename = 'careful'")
              .ok());
  REQUIRE(broker.process().WaitForError("going on as a standby"));
  CHECK(Await([&] { return StatusOf(broker.url()) == 503; }));
  REQUIRE(session->RunScript("ALTER ROLE careful PASSWORD 'changed'").ok());
  REQUIRE(broker.process().WaitForError("password authentication failed"));
  REQUIRE(session->RunScript("ALTER ROLE careful RESET default_transaction_read_only; ALTER ROLE careful PASSWORD 'hunter2'").ok());
  CHECK(Await([&] { return StatusOf(broker.url()) == 200; }));
  CHECK(broker.process().running());
  CHECK(broker.process().error().find("hunter2") == std::string::npos);
  Stop(&broker);
}

TEST_CASE("postgres: a role that may not make a schema is said in words, in the log and by /readyz, and is waited for until it may") {
  PostgresServer server;
  const std::unique_ptr<PgConnection> session = SessionOf(server);
  REQUIRE(session->RunScript("CREATE ROLE plain LOGIN").ok());
  TempDir place;
  Broker broker(place.path(), {"--store-engine", "postgres", "--store-postgres-dsn", server.dsn() + " user=plain"});
  REQUIRE(broker.process().WaitForError("\"the store refuses this broker\""));
  CHECK(broker.process().error().find("GRANT CREATE ON DATABASE") != std::string::npos);
  const HttpAnswer ready = broker.Call("GET", "/readyz");
  CHECK(ready.status == 503);
  CHECK_THAT(ready.body, Catch::Contains("its role lacks a right") && !Catch::Contains("plain"));
  CHECK_THAT(broker.Call("GET", "/healthz").body, Catch::Contains("its role lacks a right"));
  REQUIRE(session->RunScript("GRANT CREATE ON DATABASE postgres TO plain").ok());
  CHECK(Await([&] { return StatusOf(broker.url()) == 200; }));
  CHECK(LinesOf(broker.process().error(), "the store refuses this broker").size() == 1);
  CHECK(broker.process().error().find("\"the store does not answer\"") == std::string::npos);
  Stop(&broker);
}

TEST_CASE("postgres: a broker whose server's fsync is switched off gives the store up, says why, and goes on once it is on") {
  PostgresServer server;
  const std::unique_ptr<PgConnection> session = SessionOf(server);
  TempDir place, standby_place;
  Broker broker(place.path(), On(server));
  REQUIRE(broker.process().WaitForError("store opened"));
  Broker standby(standby_place.path(), On(server));
  REQUIRE(standby.process().WaitForError("\"standby\""));
  REQUIRE(session->RunScript("ALTER SYSTEM SET fsync = off").ok());
  REQUIRE(session->RunScript("SELECT pg_reload_conf()").ok());
  // The one that waits does not take it either, though it has a connection from before.
  for (Broker* each : {&broker, &standby}) CHECK(each->process().WaitForError("PostgreSQL runs with fsync = off"));
  CHECK(Await([&] { return StatusOf(broker.url()) == 503; }));
  CHECK(broker.Call("POST", "/v1/notifies", R"({"url":"http://127.0.0.1:9/"})").status == 503);
  const HttpAnswer ready = broker.Call("GET", "/readyz");
  CHECK(ready.status == 503);
  CHECK_THAT(ready.body, Catch::Contains("the store does not answer"));
  REQUIRE(session->RunScript("ALTER SYSTEM RESET fsync").ok());
  REQUIRE(session->RunScript("SELECT pg_reload_conf()").ok());
  CHECK(Await([&] { return StatusOf(broker.url()) == 200 || StatusOf(standby.url()) == 200; }));
  for (Broker* each : {&broker, &standby}) CHECK(each->process().running());
}

TEST_CASE("postgres: a broker whose database has no room says that, and not that a connection is lost, and says when it has") {
  PostgresServer server;
  const std::unique_ptr<PgConnection> session = SessionOf(server);
  TempDir place;
  Broker broker(place.path(), On(server));
  REQUIRE(broker.process().WaitForError("store opened"));
  REQUIRE(
      session
          ->RunScript("CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room' USING ERRCODE = 'disk_full'; END $$;"
                      "CREATE TRIGGER no_room BEFORE INSERT ON kv_notifies FOR EACH STATEMENT EXECUTE FUNCTION no_room()")
          .ok());
  CHECK(broker.Call("POST", "/v1/notifies", R"({"url":"http://127.0.0.1:9/"})").status == 504);
  CHECK(broker.Call("POST", "/v1/notifies", R"({"url":"http://127.0.0.1:9/"})").status == 507);
  CHECK(broker.Call("GET", "/readyz").status == 503);
  REQUIRE(session->RunScript("DROP TRIGGER no_room ON kv_notifies").ok());
  CHECK(broker.process().WaitForError("\"the database has room again\""));
  CHECK_THAT(broker.process().error(), Catch::Contains("\"the database has no room\"") && !Catch::Contains("a connection to the database is lost"));
  Stop(&broker);
}

TEST_CASE("postgres: a member that somebody's lock keeps from looking says that, and not that another broker has the store") {
  PostgresServer server;
  const std::unique_ptr<PgConnection> session = SessionOf(server);
  TempDir place;
  std::vector<std::string> arguments = On(server);
  arguments.insert(arguments.end(), {"--cluster-advertise", "127.0.0.1:" + std::to_string(ClosedPort()), "--cluster-insecure", "true"});
  Broker broker(place.path(), arguments);
  REQUIRE(broker.process().WaitForError("this member leads"));
  REQUIRE(session->RunScript("BEGIN; LOCK TABLE places").ok());
  CHECK(broker.process().WaitForError("going on as a standby"));
  CHECK_THAT(broker.process().error(), Catch::Contains("the store did not say in time what the other members do"));
  REQUIRE(session->RunScript("COMMIT").ok());
  Stop(&broker);
}

TEST_CASE("postgres: a server whose ids run out is written to while it only warns, which the log says, and waited for once it takes none") {
  PostgresServer server({"wal_level=logical", "autovacuum_naptime=1s"});
  auto session = SessionOf(server);
  // Holds rows of the catalog that are as old as it is: what the server does against it by itself is in vain.
  REQUIRE(session->RunScript("SELECT pg_create_logical_replication_slot('held', 'pgoutput')").ok());
  auto oldest = session->Run("SELECT min(datfrozenxid::text::int8) FROM pg_database");
  REQUIRE(oldest.ok());
  const uint32_t end = static_cast<uint32_t>(oldest->Int(0, 0)) + (uint32_t{1} << 31);
  session.reset();
  // It warns over the last 40 million (version 14 on; later ones no less), and takes none of the last 3.
  if (!server.SkipTo(end - 28'000'000)) {
    WARN("there is no pg_resetwal beside this server's programs");
    return;
  }
  CountingReceiver receiver;
  TempDir place;
  Broker broker(place.path(), On(server));
  CHECK(Await([&] { return StatusOf(broker.url()) == 200; }));
  const std::string notify = R"({"url":")" + receiver.url() + "\"}";
  constexpr size_t kCount = 20;
  for (size_t i = 0; i < kCount; ++i) CHECK(JsonAt(broker.Settled(broker.Submit(notify)), "/state") == "succeeded");
  CHECK(broker.Stat("/store/database_reconnects") == 0);
  REQUIRE(broker.process().WaitForError("\"PostgreSQL warns\""));
  const std::vector<std::string> warnings = LinesOf(broker.process().error(), "PostgreSQL warns");
  CHECK_THAT(warnings.front(), Catch::Contains("must be vacuumed within") && Catch::Contains("\"hint\""));
  CHECK(warnings.size() < kCount);  // each transaction is warned of

  // Of any other warning nobody knows what it says of the commit.
  session = SessionOf(server);
  REQUIRE(session
              ->RunScript("CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'odd things'; RETURN NULL; END $$;"
                          "CREATE TRIGGER odd AFTER INSERT ON kv_notifies FOR EACH STATEMENT EXECUTE FUNCTION odd()")
              .ok());
  const std::string id = broker.Submit(notify);
  CHECK(broker.Stat("/store/database_reconnects") > 0);
  CHECK(broker.process().WaitForError("odd things"));
  REQUIRE(session->RunScript("DROP TRIGGER odd ON kv_notifies").ok());
  CHECK(JsonAt(broker.Settled(id), "/state") == "succeeded");
  session.reset();

  REQUIRE(server.SkipTo(end - 2'000'000));
  CHECK(Await([&] {
    HttpClient client(broker.url());
    const Result<HttpAnswer> answer = client.Call("POST", "/v1/notifies", &notify);
    return broker.process().error().find("is not accepting commands") != std::string::npos && answer.ok() && answer->status == 503;
  }));
  CHECK(Await([&] { return StatusOf(broker.url()) == 503; }));  // its lease is over
  CHECK(SessionOf(server)->RunScript("SELECT pg_drop_replication_slot('held')").ok());
  CHECK(Await([&] { return StatusOf(broker.url()) == 200; }));
  CHECK(broker.process().running());
  CHECK(JsonAt(broker.Settled(broker.Submit(notify)), "/state") == "succeeded");
}

TEST_CASE("postgres: what is the embedded store's alone is refused in words, and no password is said") {
  std::string error;
  CHECK(ExitOf({"--store-engine", "postgres"}, &error) != 0);
  CHECK(error.find("where it is must be said") != std::string::npos);
  CHECK(ExitOf({"restore", "/nowhere", "--store-engine", "postgres"}, &error) == 2);
  CHECK(error.find("PostgreSQL") != std::string::npos);
  TempDir place;
  // What is not to be used at all is said at the start, and not waited for.
  PostgresServer unsafe({"fsync=off"});
  CHECK(ExitOf({"--data-dir", place.At("data"), "--listen", "127.0.0.1:0", "--store-engine", "postgres", "--store-postgres-dsn", unsafe.dsn()},
               &error) != 0);
  CHECK(error.find("fsync") != std::string::npos);
  Broker broker(place.path(), {"--store-engine", "postgres", "--store-postgres-dsn", "host=" + place.path() + " user=u password=hunter2"});
  CHECK(broker.Call("GET", "/v1/stats").status == 503);
  CHECK(broker.process().error().find("hunter2") == std::string::npos);
}

TEST_CASE("postgres: what make run runs begins beside a ./data that holds a store of the other engine") {
  TempDir clone;
  std::filesystem::permissions(clone.path(), std::filesystem::perms(0755));  // the database's user goes through it
  std::filesystem::create_directories(clone.At("build/release/bin"));
  std::filesystem::create_symlink(NOTIFYD_BINARY, clone.At("build/release/bin/notifyd"));
  REQUIRE(Create(clone.path(), {"--scopes", "admin"}).code == 0);
  Process run("/bin/sh", {{"-c", "cd \"$0\" && exec \"$1\" --listen 127.0.0.1:0", clone.path(), NOTIFYD_SOURCE_DIR "/scripts/run-postgres"}, {}});
  const bool opened = run.WaitForError("store opened");
  INFO(run.error());
  CHECK(opened);
  CHECK(std::filesystem::exists(clone.At("build/postgres/broker")));
  run.Signal(SIGTERM);
  CHECK(run.Wait() == 0);
}

}  // namespace notifyd::test
