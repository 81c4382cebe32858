// What goes wrong between PgStore and its server: connections that are cut, a server that is killed, a lease that another one takes, a standby that
// is not waited for.
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <thread>

#include "storage/keys.h"
#include "storage/postgres/pg_connection.h"
#include "storage/postgres/pg_lease.h"
#include "storage/postgres_harness.h"

namespace notifyd {
namespace {

using std::chrono::milliseconds;

/// A session beside the store's, in its schema.
std::unique_ptr<PgConnection> Beside(PostgresHostHarness* h) {
  PostgresOptions options = h->options().postgres;
  options.dsn += " application_name=beside";
  auto opened = PgConnection::Open(options);
  if (!opened.ok()) FAIL(opened.status().detail());
  return *std::move(opened);
}

int64_t Ask(PgConnection* session, const char* sql) {
  auto rows = session->Run(sql);
  if (!rows.ok()) FAIL(rows.status().detail());
  REQUIRE(rows->size() == 1);
  return rows->Int(0, 0);
}

/// Until it holds; the time is a safety net.
template <class Holds>
void Await(Holds holds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(test::kDeadlineSeconds);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) FAIL("it did not come to that");
    std::this_thread::sleep_for(milliseconds(5));
  }
}

/// Begins one that can be counted: a record, and one more in the lane.
uint64_t BeginCounted(PostgresHostHarness* h, NamespaceNumber number, uint64_t id, bool sync) {
  return h->Begin(number, {Put(MakeRecord(id)), AddLaneCounts{kFifoLane, {1, 0, 0, 0, 0}}}, sync);
}

void AwaitBatch(PostgresHostHarness* h, NamespaceNumber number, uint64_t batch) {
  uint64_t reported = 0;
  while (reported < batch) {
    const auto committed = h->Next<Committed>(number);
    CHECK(committed.batch >= reported);
    CHECK(committed.synced <= committed.batch);
    reported = committed.batch;
  }
  CHECK(reported == batch);
}

/// Each of `count` is there, and was counted once.
void CheckCounted(PostgresHostHarness* h, NamespaceNumber number, uint64_t count) {
  CHECK(h->ListIds(number).size() == count);
  h->At(number).ListLanes({{9, 1}, {}});
  auto done = h->Next<LanesDone>(number);
  REQUIRE(done.rows.size() == 1);
  CHECK(done.rows[0].counts.Sum() == static_cast<int64_t>(count));
}

TEST_CASE("postgres: a statement is known by its text, not by where that stood") {
  PostgresHostHarness h;
  const std::unique_ptr<PgConnection> session = Beside(&h);
  // As of a function's own text, where another one's stands later.
  std::string text = "SELECT 1::int8";
  CHECK(Ask(session.get(), text.c_str()) == 1);
  text[7] = '2';
  CHECK(Ask(session.get(), text.c_str()) == 2);
  text[7] = '1';
  CHECK(Ask(session.get(), text.c_str()) == 1);
}

TEST_CASE("postgres: a connection says no SQLSTATE of what went wrong before something that went well") {
  auto opened = PgConnection::Open(PostgresStoreOptions().postgres);
  REQUIRE(opened.ok());
  CHECK_FALSE((*opened)->Run("SELECT 1 / 0").ok());
  CHECK((*opened)->sqlstate() == "22012");
  CHECK((*opened)->Run("SELECT 1").ok());
  CHECK((*opened)->sqlstate().empty());
}

TEST_CASE("postgres: what was under way over a connection that is cut is written once") {
  PostgresHostHarness h;
  auto beside = Beside(&h);
  constexpr uint64_t kCount = 200;
  uint64_t cuts = 0;
  for (uint64_t id = 1; id <= kCount; ++id) {
    for (NamespaceNumber number : {2, 3}) BeginCounted(&h, number, id, id % 3 != 0);
    if (id % 20 != 10) continue;
    cuts += static_cast<uint64_t>(Ask(beside.get(),
                                      "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                                      "AND application_name = 'notifyd'"));
  }
  for (NamespaceNumber number : {2, 3}) {
    AwaitBatch(&h, number, kCount);
    CheckCounted(&h, number, kCount);
  }
  CHECK(cuts > 0);
  CHECK(h.events().failures == 0);
  h.Reopen();
  for (NamespaceNumber number : {2, 3}) CheckCounted(&h, number, kCount);
}

TEST_CASE("postgres: a transaction that meets another one in its way is sent again, with all behind it, in their order") {
  PostgresHostHarness h;
  auto beside = Beside(&h);
  // What a server does by itself where two transactions wait for each other, or cannot be put one after the other: here at every seventeenth record.
  const std::string code = GENERATE(as<std::string>(), "40001", "40P01");
  const std::string fail =
      "CREATE SEQUENCE met; CREATE FUNCTION meet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('met') % 17 = 0 THEN "
      "RAISE EXCEPTION 'in the way' USING ERRCODE = '" +
      code +
      "'; END IF; RETURN NEW; END $$;"
      "CREATE TRIGGER meet BEFORE INSERT ON kv_notifies FOR EACH ROW EXECUTE FUNCTION meet()";
  REQUIRE(beside->RunScript(fail).ok());
  constexpr uint64_t kCount = 60;
  for (uint64_t id = 1; id <= kCount; ++id)
    for (NamespaceNumber number : {2, 3}) {
      const uint64_t batch = BeginCounted(&h, number, id, id % 3 != 0);
      if (id % 10 == 0) AwaitBatch(&h, number, batch);  // a few under way at a time, no more than meet nobody
    }
  CHECK(Ask(beside.get(), "SELECT last_value FROM met") > static_cast<int64_t>(2 * kCount));
  for (NamespaceNumber number : {2, 3}) CheckCounted(&h, number, kCount);
  CHECK(h.events().failures == 0);
  // No number is missing, and none was given twice.
  CHECK(Ask(beside.get(), "SELECT count(*) FROM (SELECT n - lag(n) OVER (PARTITION BY unit ORDER BY n) AS step FROM log) s WHERE step <> 1") == 0);
}

/// A pooler before the server of the test.
class Pooler {
 public:
  /// `more`: lines of its settings.
  explicit Pooler(const std::string& mode, int sessions = 20, const std::string& more = "") {
    const std::string server = OwnPostgres().dsn();
    std::ofstream(directory_.path() + "/pgbouncer.ini")
        << "[databases]\npostgres = " << server.substr(0, server.find(' ')) << " dbname=postgres user=notifyd\n[pgbouncer]\npool_mode = " << mode
        << "\ndefault_pool_size = " << sessions << "\nlisten_addr =\nlisten_port = 6432\nauth_type = any\nunix_socket_dir = " << directory_.path()
        << "\n"
        << more;
    // As root it does not run, and the server's socket is its user's (support/postgres_server.h).
    test::Process::Input input;
    for (const char* name : {"postgres", "nobody"}) {
      const passwd* user = geteuid() == 0 ? getpwnam(name) : nullptr;
      if (!user) continue;
      REQUIRE(chown(directory_.path().c_str(), user->pw_uid, user->pw_gid) == 0);
      input.arguments = {"--reuid=" + std::string(name), "--regid=" + std::to_string(user->pw_gid), "--clear-groups"};
      break;
    }
    for (const std::string& part : {std::string("--pdeathsig=KILL"), std::string("/usr/sbin/pgbouncer"), directory_.path() + "/pgbouncer.ini"})
      input.arguments.push_back(part);
    process_ = std::make_unique<test::Process>("setpriv", input);
    REQUIRE(process_->WaitForError("process up"));
  }
  ~Pooler() {
    process_->Signal(SIGKILL);
    process_->Wait();
  }
  Pooler(const Pooler&) = delete;
  Pooler& operator=(const Pooler&) = delete;
  std::string dsn() const { return "host=" + directory_.path() + " port=6432 user=notifyd dbname=postgres"; }

 private:
  test::TempDir directory_;
  std::unique_ptr<test::Process> process_;
};

TEST_CASE("postgres: a pooler that gives sessions away between transactions is refused in words, one that keeps them is as good as none") {
  StoreOptions options = PostgresStoreOptions();
  {
    const Pooler pooler("transaction");
    options.postgres.dsn = pooler.dsn();
    // The second time a session of the first one's may come.
    for (int time = 0; time < 2; ++time) {
      auto store = PgStore::Open(options);
      REQUIRE_FALSE(store.ok());
      CHECK(store.status().code() == Code::kUnacceptable);
      CHECK(store.status().detail().find("pool_mode = session") != std::string::npos);
    }
  }
  {
    // One that has no session left takes a connection, and does not answer on it.
    const Pooler pooler("session", 1);
    options.postgres.dsn = pooler.dsn();
    auto first = PgConnection::Open(options.postgres);
    if (!first.ok()) FAIL(first.status().detail());
    auto second = PgConnection::Open(options.postgres);
    REQUIRE_FALSE(second.ok());
    CHECK(second.status().code() == Code::kUnavailable);
    CHECK(second.status().detail().find("does not answer") != std::string::npos);
  }
  {
    // One that keeps them, and clears nothing away: the next client finds what the one before prepared.
    const Pooler pooler("session", 1, "server_reset_query =\n");
    options.postgres.dsn = pooler.dsn();
    for (bool first : {true, false}) {
      Await([&] {
        auto client = PgConnection::Open(options.postgres);
        if (!client.ok()) return false;  // the one before still has it
        auto prepared = (*client)->Prepare("SELECT 1");
        REQUIRE(prepared.ok() == first);
        if (!first) CHECK(prepared.status().detail().find("server_reset_query") != std::string::npos);
        return true;
      });
    }
  }
  const Pooler pooler("session");
  options.postgres.dsn = pooler.dsn();
  PostgresHostHarness h(options);
  for (uint64_t id = 1; id <= 20; ++id) BeginCounted(&h, 2, id, true);
  AwaitBatch(&h, 2, 20);
  CheckCounted(&h, 2, 20);
}

/// Whose a store is, decided by the test.
class GivenOwner : public OwnerHandle {
 public:
  explicit GivenOwner(OwnerWord word) : word_(word) {}
  OwnerWord word() const override { return word_; }
  void Fenced() override { ++fenced; }
  std::atomic<int> fenced = 0;

 private:
  const OwnerWord word_;
};

TEST_CASE("postgres: a sync over a new connection does not cover what was committed without one over another before") {
  PostgresHostHarness h;
  for (NamespaceNumber number : {2, 3}) h.Commit(number, {Put(MakeRecord(1))});
  AwaitBatch(&h, 2, h.Begin(2, {Put(MakeRecord(2))}, false));
  // As a server that crashes, or fails over: sessions end, and what no sync covered is gone. Whoever writes namespace 2 anew waits for this one.
  auto beside = Beside(&h);
  REQUIRE(beside->RunScript("BEGIN; SELECT FROM owners WHERE unit = 2 FOR UPDATE").ok());
  const std::string lost = std::to_string(Ask(beside.get(), "SELECT max(n) FROM log WHERE unit = 2"));
  REQUIRE(beside->RunScript("DELETE FROM log WHERE unit = 2 AND n = " + lost).ok());
  REQUIRE(Ask(beside.get(),
              "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = 'notifyd'") > 0);
  AwaitBatch(&h, 3, h.Begin(3, {Put(MakeRecord(2))}));
  REQUIRE(beside->RunScript("COMMIT").ok());
  AwaitBatch(&h, 2, h.Begin(2, {Put(MakeRecord(3))}));
  CHECK(h.events().failures == 0);
  CHECK(Ask(beside.get(), ("SELECT count(*) FROM log WHERE unit = 2 AND n = " + lost).c_str()) == 1);
}

TEST_CASE("postgres: over a new connection nothing is read before what was reported is there again") {
  PostgresHostHarness h;
  h.Commit(2, {Put(MakeRecord(1))});
  AwaitBatch(&h, 2, h.Begin(2, {Put(MakeRecord(2))}, false));
  // As above: a server that lost the second one takes reads before anybody could write it again.
  auto beside = Beside(&h);
  REQUIRE(beside->RunScript("BEGIN; SELECT FROM owners WHERE unit = 2 FOR UPDATE").ok());
  const std::string last = "(SELECT xmin::text FROM log WHERE unit = 2 ORDER BY n DESC LIMIT 1)";
  for (const char* table : {"kv_main", "kv_notifies", "kv_hot"})
    REQUIRE(beside->RunScript("DELETE FROM " + std::string(table) + " WHERE xmin::text = " + last).ok());
  REQUIRE(
      beside->RunScript("DELETE FROM log WHERE unit = 2 AND xmin::text = " + last + "; COMMIT; BEGIN; SELECT FROM owners WHERE unit = 2 FOR UPDATE")
          .ok());
  REQUIRE(Ask(beside.get(),
              "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = 'notifyd'") >
          0);
  h.At(2).List({{5, 1}, {}, {{StoreHarness::kStart}, {0}}});
  // Whoever reads has asked something.
  auto looker = Beside(&h);
  Await([&] {
    return Ask(looker.get(),
               "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'notifyd' AND state LIKE 'idle%' AND "
               "(query LIKE '%FROM log WHERE log.unit%' OR query LIKE '%FROM kv_%')") > 0;
  });
  REQUIRE(beside->RunScript("COMMIT").ok());
  // Beside it what is written again is reported.
  Event event = h.NextEvent(2);
  while (!std::holds_alternative<ListDone>(event)) event = h.NextEvent(2);
  CHECK(std::get<ListDone>(event).items.size() == 2);
  CHECK(h.events().failures == 0);
}

TEST_CASE("postgres: whoever's lease was taken writes nothing any more, and is told so") {
  PostgresHostHarness h;
  h.Commit(2, {Put(MakeRecord(1))});
  PgOwnerStore owners(h.options().postgres);
  const auto [looked, seen] = owners.Do({OwnerAsk::Kind::kLook, {}, false, {}});
  REQUIRE(looked == OwnerAnswer::kYes);
  CHECK_FALSE(seen.free);
  OwnerWord older = seen;
  --older.renewal;
  CHECK(owners.Do({OwnerAsk::Kind::kAcquire, older, false, {5, 6}}).first == OwnerAnswer::kNo);
  const auto [taken, word] = owners.Do({OwnerAsk::Kind::kAcquire, seen, true, {7, 8}});
  REQUIRE(taken == OwnerAnswer::kYes);
  CHECK(word.epoch == seen.epoch + 1);
  CHECK(word.incarnation == Incarnation{7, 8});
  CHECK(owners.Do({OwnerAsk::Kind::kRenew, seen, true, {}}).first == OwnerAnswer::kNo);
  CHECK(owners.Do({OwnerAsk::Kind::kRelease, seen, true, {}}).first == OwnerAnswer::kNo);
  h.Begin(2, {Put(MakeRecord(2))});
  Event event = h.NextEvent(2);
  while (std::holds_alternative<Committed>(event)) event = h.NextEvent(2);
  CHECK(std::holds_alternative<WriteFailed>(event));
  Await([&] { return h.events().failures == 1; });
  // One that it never opened is not written either.
  StoreOptions options = h.options();
  GivenOwner owner(word);
  options.owner = &owner;
  auto next = PgStore::Open(options);
  REQUIRE(next.ok());
  WaitingEvents events;
  (*next)->Start(&events);
  WaitingSink sink;
  auto opened = (*next)->OpenNamespace(2, &sink);
  REQUIRE(opened.ok());
  opened->store->List({{1, 1}, {}, {{StoreHarness::kStart}, {0}}});
  const auto listed = std::get<ListDone>(sink.Take());
  REQUIRE(listed.items.size() == 1);
  CHECK(listed.items[0].record->id == NotifyId{1});
  opened->store.reset();
  CHECK((*next)->Close().ok());
  CHECK(owner.fenced == 0);
  CHECK(owners.Do({OwnerAsk::Kind::kRelease, word, true, {}}).first == OwnerAnswer::kYes);
}

/// The server is as it was for the cases after this one.
class Standby {
 public:
  explicit Standby(PgConnection* session) : session_(session) {}
  ~Standby() { Reset(); }
  Standby(const Standby&) = delete;
  Standby& operator=(const Standby&) = delete;
  void Reset() const {
    const bool done = session_->RunScript("ALTER SYSTEM RESET synchronous_standby_names").ok() && session_->RunScript("SELECT pg_reload_conf()").ok();
    if (!done) WARN("the server keeps its setting");
  }

 private:
  PgConnection* const session_;
};

constexpr char kWaiting[] = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
/// Until commits wait for a standby: so they do once the checkpointer has seen the setting, which may be some time behind a session that reads it.
void AwaitWaiting(PostgresHostHarness* h, PgConnection* beside) {
  auto writer = Beside(h);
  Await([&] {
    auto written = std::async(std::launch::async, [&] {
      return writer->RunScript("SET synchronous_commit = on; SELECT pg_logical_emit_message(true, 'test', 'one')").ok();
    });
    bool waits = false;
    while (written.wait_for(milliseconds(1)) != std::future_status::ready)
      waits |= Ask(beside, "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") > 0;
    return waits;
  });
}

TEST_CASE("postgres: a commit that did not wait for its standby is reported only once it has") {
  // The server says it by a warning, which somebody may have settings against.
  StoreOptions given = PostgresStoreOptions();
  given.postgres.dsn += GENERATE(as<std::string>(), "", " options='-c client_min_messages=error -c synchronous_commit=off'");
  PostgresHostHarness h(given);
  h.Commit(2, {Put(MakeRecord(1)), AddLaneCounts{kFifoLane, {1, 0, 0, 0, 0}}});
  auto beside = Beside(&h);
  const Standby reset(beside.get());
  REQUIRE(beside->RunScript("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").ok());
  CHECK(Ask(beside.get(), "SELECT pg_reload_conf()::int") == 1);
  AwaitWaiting(&h, beside.get());
  const uint64_t batch = BeginCounted(&h, 2, 2, true);
  // Its commit is cancelled, and perhaps others that come before it; then it is acquired anew, which waits as well.
  constexpr char kCancel[] = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query NOT LIKE '%acquire%'";
  Await([&] {
    Ask(beside.get(), kCancel);
    return Ask(beside.get(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE '%acquire%'") > 0;
  });
  CHECK(Ask(beside.get(), kWaiting) > 0);
  CHECK(Ask(beside.get(), "SELECT count(*) FROM kv_notifies") == 2);  // it is in, and seen by all; and nobody was told
  reset.Reset();
  AwaitBatch(&h, 2, batch);
  CheckCounted(&h, 2, 2);
  StoreOptions options = h.options();
  options.postgres.require_standby = true;
  auto alone = PgStore::Open(options);
  REQUIRE_FALSE(alone.ok());
  CHECK(alone.status().code() == Code::kUnacceptable);
}

TEST_CASE("postgres: a server that has no room is said to be full, not away, and what waited is written once it has some") {
  PostgresHostHarness h;
  h.Commit(2, {Put(MakeRecord(1)), AddLaneCounts{kFifoLane, {1, 0, 0, 0, 0}}});
  auto beside = Beside(&h);
  REQUIRE(
      beside
          ->RunScript("CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room' USING ERRCODE = 'disk_full'; END $$;"
                      "CREATE TRIGGER no_room BEFORE INSERT ON kv_notifies FOR EACH STATEMENT EXECUTE FUNCTION no_room()")
          .ok());
  const uint64_t batch = BeginCounted(&h, 2, 2, true);
  const Event said = h.NextEvent(2);
  REQUIRE(std::holds_alternative<DiskSpace>(said));
  CHECK(std::get<DiskSpace>(said).low);
  CHECK(std::get<DiskSpace>(said).lost);
  REQUIRE(beside->RunScript("DROP TRIGGER no_room ON kv_notifies").ok());
  AwaitBatch(&h, 2, batch);
  CheckCounted(&h, 2, 2);
  CHECK(h.events().failures == 0);
}

TEST_CASE("postgres: what retention ended is removed from the tables, what was revived since is not") {
  PostgresHostHarness h;
  auto settled = [](uint64_t id) {
    NotifyRecord record = MakeRecord(id);
    record.state = SettledState(Phase::kSucceeded);
    return record;
  };
  h.Commit(2, {Put(settled(1)), Put(settled(2)), Put(MakeRecord(3)),
               PutRecord{{RecordKind::kResponse, "r"}, std::make_shared<StoredRecord>(StoredRecord{"x", {StoreHarness::kStart + 1}})}});
  h.Commit(2, {Change({3}, SettledState(Phase::kFailed), MakeAttempt(1)), Put(MakeRecord(2))});
  auto beside = Beside(&h);
  REQUIRE(h.postgres().Sweep().ok());
  CHECK(Ask(beside.get(), "SELECT count(*) FROM kv_notifies") == 3);  // its hour is not over
  h.wall_ms += 2 * 3'600'000;
  REQUIRE(h.postgres().Sweep().ok());
  CHECK(Ask(beside.get(), "SELECT count(*) FROM kv_notifies") == 1);
  CHECK(Ask(beside.get(), "SELECT count(*) FROM removals") == 0);
  CHECK(h.LoadNotify(2, {2}).record);
}

TEST_CASE("postgres: a row with many changes is made one value, whatever comes meanwhile") {
  PostgresHostHarness h;
  for (NamespaceNumber number : {2, 3}) h.Commit(number, {Put(MakeRecord(1))});
  for (uint32_t i = 1; i <= 400; ++i)
    for (NamespaceNumber number : {2, 3}) {
      NotifyState state = MakeRecord(1).state;
      state.attempts_made = i;
      h.Begin(number, {Change({1}, state, MakeAttempt(i)), AddLaneCounts{kFifoLane, {1, 0, 0, 0, 0}}}, i % 10 == 0);
    }
  auto beside = Beside(&h);
  for (NamespaceNumber number : {2, 3}) AwaitBatch(&h, number, 401);
  Await([&] { return Ask(beside.get(), "SELECT coalesce(max(octet_length(ops)), 0) FROM kv_notifies") <= 2048; });
  for (NamespaceNumber number : {2, 3}) {
    const LoadedNotify notify = h.LoadNotify(number, {1});
    REQUIRE(notify.record);
    CHECK(notify.record->state.attempts_made == 400);
    CHECK(notify.record->attempts.back().number == 400);
    CHECK(notify.record->attempts.size() == kAttemptsKept);
  }
}

/// Pages of tables and indexes that `work` has looked at in all, by a store that is opened for it and closed behind it: each session says how many
/// when it ends.
template <class Work>
int64_t PagesOf(PostgresHostHarness* h, PgConnection* beside, Work work) {
  constexpr char kPages[] =
      "SELECT (SELECT sum(coalesce(heap_blks_read, 0) + coalesce(heap_blks_hit, 0) + coalesce(idx_blks_read, 0) + coalesce(idx_blks_hit, 0)) FROM "
      "pg_statio_user_tables WHERE schemaname = current_schema())::bigint";
  constexpr char kOthers[] = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'notifyd'";
  h->Close();
  Await([&] { return Ask(beside, kOthers) == 0; });
  const int64_t before = Ask(beside, kPages);
  h->Reopen();
  work();
  h->Close();
  Await([&] { return Ask(beside, kOthers) == 0; });
  return Ask(beside, kPages) - before;
}

TEST_CASE("postgres: under somebody's long open transaction neither a busy lane's commits nor its counts look at more than before") {
  PostgresHostHarness h;
  auto beside = Beside(&h), idle = Beside(&h);
  uint64_t id = 0, count = 0;
  auto work = [&](uint64_t commits) {
    for (uint64_t i = 0; i < commits; ++i) {
      ++id, ++count;
      const DueKey due{{StoreHarness::kStart + static_cast<int64_t>(id)}, {id}};
      h.Commit(2,
               {AddLaneCounts{kFifoLane, {1, 0, 0, 0, 0}}, AddToCount{{RecordKind::kDueCount, "d"}, 1, kWallNever}, PutDue{Clock::kWall, due},
                DeleteDue{Clock::kWall, due}},
               false);  // each a transaction of its own, since it is waited for
    }
  };
  auto look = [&] {
    for (int i = 0; i < 20; ++i) {
      h.At(2).ListLanes({{9, 1}, {}});
      const auto done = h.Next<LanesDone>(2);
      REQUIRE(done.rows.size() == 1);
      CHECK(done.rows[0].counts.Sum() == static_cast<int64_t>(count));
    }
  };
  auto both = [&] {
    work(400);
    look();
  };
  // The server's own cleaning up reads as well, whenever it comes.
  for (const char* table : {"kv_main", "kv_hot", "counted", "count_bases", "count_changes", "removals", "log"})
    REQUIRE(beside->RunScript(std::string("ALTER TABLE ") + table + " SET (autovacuum_enabled = false)").ok());
  PagesOf(&h, beside.get(), both);  // what is new costs more
  const int64_t pages = PagesOf(&h, beside.get(), both);
  REQUIRE(idle->RunScript("BEGIN ISOLATION LEVEL REPEATABLE READ").ok());
  CHECK(Ask(idle.get(), "SELECT count(*) FROM owners") > 0);
  PagesOf(&h, beside.get(), [&] { work(5'000); });
  const int64_t later = PagesOf(&h, beside.get(), both);
  INFO(pages << " pages before, " << later << " after");
  CHECK(later < 2 * pages);
  CHECK(idle->RunScript("COMMIT").ok());
}

/// In KiB, of notifies with their index.
int64_t SizeOf(PgConnection* beside) {
  return Ask(beside, "SELECT pg_total_relation_size('kv_notifies') / 1024");
}

TEST_CASE("postgres: room that tables took under somebody's long open transaction is given back, whatever is written meanwhile") {
  PostgresHostHarness h;
  auto beside = Beside(&h), idle = Beside(&h);
  h.Commit(2, {Put(MakeRecord(1))});
  REQUIRE(idle->RunScript("BEGIN ISOLATION LEVEL REPEATABLE READ").ok());
  CHECK(Ask(idle.get(), "SELECT count(*) FROM owners") > 0);
  // Of each hundred one stays, so that something lives everywhere.
  constexpr uint64_t kBatches = 200, kBatch = 100;
  std::vector<uint64_t> stay = {1};
  uint64_t batch = 0;
  for (uint64_t n = 1; n <= kBatches; ++n) {
    std::vector<WriteOp> put, settle;
    for (uint64_t id = n * kBatch; id < (n + 1) * kBatch; ++id) {
      const DueKey due{{StoreHarness::kStart + static_cast<int64_t>(id)}, {id}};
      put.push_back(Put(MakeRecord(id)));
      put.push_back(PutDue{Clock::kWall, due});
      if (id == n * kBatch) {
        stay.push_back(id);
        continue;
      }
      settle.push_back(Change({id}, SettledState(Phase::kSucceeded), MakeAttempt(1)));
      settle.push_back(DeleteDue{Clock::kWall, due});
    }
    AwaitBatch(&h, 2, h.Begin(2, std::move(put), false));  // otherwise both are one transaction
    batch = h.Begin(2, std::move(settle), false);
  }
  AwaitBatch(&h, 2, batch);
  h.wall_ms += 2 * 3'600'000;
  REQUIRE(h.postgres().Sweep().ok());
  const int64_t most = SizeOf(beside.get());
  REQUIRE(beside->RunScript("VACUUM").ok());
  REQUIRE(h.postgres().Compact().ok());
  CHECK(SizeOf(beside.get()) >= most);  // what is dead is not gone yet
  CHECK(idle->RunScript("COMMIT").ok());
  REQUIRE(beside->RunScript("VACUUM").ok());
  const int64_t cleaned = SizeOf(beside.get());
  // Rows change, go and come while others are moved, and what is over is removed.
  Status compacted;
  std::thread compacts([&] { compacted = h.postgres().Compact(); });
  for (uint64_t id : stay) h.Begin(2, {Change({id}, SettledState(Phase::kFailed), MakeAttempt(2))}, false);
  for (uint64_t id : stay) batch = h.Begin(2, {Put(MakeRecord(id)), Put(MakeRecord(100'000 + id))}, false);
  AwaitBatch(&h, 2, batch);
  compacts.join();
  CHECK(compacted.ok());
  REQUIRE(h.postgres().Compact().ok());
  const int64_t after = SizeOf(beside.get());
  INFO(most << " KiB under it, " << cleaned << " cleaned up, " << after << " in the end");
  CHECK(cleaned > most / 2);
  CHECK(after < most / 4);
  const size_t alive = stay.size();
  for (size_t i = 0; i < alive; ++i) stay.push_back(100'000 + stay[i]);
  std::sort(stay.begin(), stay.end());
  CHECK(h.ListIds(2) == stay);
}

TEST_CASE("postgres: under somebody's long open transaction what retention ended is looked at once, however often it is looked for") {
  PostgresHostHarness h;
  auto beside = Beside(&h), idle = Beside(&h);
  REQUIRE(beside->RunScript("ALTER TABLE removals SET (autovacuum_enabled = false)").ok());
  REQUIRE(idle->RunScript("BEGIN ISOLATION LEVEL REPEATABLE READ").ok());
  CHECK(Ask(idle.get(), "SELECT count(*) FROM owners") > 0);
  constexpr uint64_t kEnded = 2'000;
  std::vector<WriteOp> ops;
  for (uint64_t id = 1; id <= kEnded; ++id) {
    NotifyRecord record = MakeRecord(id);
    record.state = SettledState(Phase::kSucceeded);
    ops.push_back(Put(std::move(record)));
  }
  h.Commit(2, std::move(ops));
  for (int pass = 0; pass < 20; ++pass) {
    h.wall_ms += 2 * 3'600'000;
    REQUIRE(h.postgres().Sweep().ok());
  }
  CHECK(Ask(beside.get(), "SELECT count(*) FROM kv_notifies") == 0);
  h.Close();  // a session says what it looked at when it ends
  Await([&] { return Ask(beside.get(), "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'notifyd'") == 0; });
  CHECK(Ask(beside.get(), "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE schemaname = current_schema() AND indexrelname = 'removals_pkey'") <
        static_cast<int64_t>(5 * kEnded));
  CHECK(idle->RunScript("COMMIT").ok());
}

}  // namespace
}  // namespace notifyd
