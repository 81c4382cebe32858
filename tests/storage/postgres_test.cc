// What a store in PostgreSQL does when its server goes, and which servers it does not take.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/clocks.h"
#include "storage/postgres/pg_lease.h"
#include "storage/postgres_harness.h"
#include "support/slowness.h"

namespace notifyd {
namespace {

/// Whoever has the store for good, however long its server is away.
class LastingOwner : public OwnerHandle {
 public:
  explicit LastingOwner(PostgresHarness* store) : store_(*store) {
    store->Close();
    PgOwnerStore owners(store->options().postgres);
    const OwnerWord seen = owners.Do({OwnerAsk::Kind::kLook, {}, false, {}}).second;
    const auto [answer, word] = owners.Do({OwnerAsk::Kind::kAcquire, seen, false, {7, 8}});
    REQUIRE(answer == OwnerAnswer::kYes);
    word_ = word;
    store->SetOwner(this);
    store->Open();
  }
  ~LastingOwner() override {
    store_.Close();
    store_.SetOwner(nullptr);
  }
  OwnerWord word() const override { return word_; }
  void Fenced() override {}

 private:
  PostgresHarness& store_;
  OwnerWord word_;
};

/// One more batch, whose report is not waited for. Numbers go on from the harness's.
uint64_t Begin(PostgresHarness& store, uint64_t number, NotifyId id, bool sync) {
  WriteBatch batch;
  batch.number = number;
  batch.sync = sync;
  batch.ops = {Put(MakeRecord(id.value))};
  store.store().Commit(std::move(batch));
  return number;
}

void AwaitSynced(PostgresHarness& store, uint64_t number) {
  while (store.Next<Committed>().synced < number) {
  }
}

namespace {

/// Until all up to that batch is synced, the list that was asked for is answered, and the server is reached.
void AwaitAll(PostgresHarness& store, uint64_t number, bool lost) {
  bool listed = false;
  for (uint64_t synced = 0; synced < number || !listed || lost;) {
    Event event = store.NextEvent();
    if (const auto* committed = std::get_if<Committed>(&event)) synced = committed->synced;
    else if (const auto* done = std::get_if<ListDone>(&event)) listed = done->status.ok();
    else if (const auto* space = std::get_if<DiskSpace>(&event)) lost = space->lost;
    else FAIL("something else was posted");
  }
}

}  // namespace

TEST_CASE("postgres: while its server is away batches and reads wait, and what was committed is there, and once, when it is back") {
  PostgresHarness store;
  LastingOwner owner(&store);
  store.Commit({Put(MakeRecord(1))});
  uint64_t number = store.number();
  OwnPostgres().Kill();
  for (uint64_t id = 2; id <= 9; ++id) Begin(store, ++number, {id}, true);
  store.store().List({{2, 1}, {}, {{StoreHarness::kStart}, {0}}});
  OwnPostgres().Start();
  AwaitAll(store, number, false);
  CHECK(store.events().failures == 0);
  CHECK(store.List({}).items.size() == 9);
  store.Reopen();
  CHECK(store.List({}).items.size() == 9);
}

TEST_CASE("postgres: a server that stands still is lost to whoever asks it first, is used again once it goes on, and holds up no stop") {
  for (bool reads : {false, true}) {
    INFO("reads: " << reads);
    PostgresHarness store;
    LastingOwner owner(&store);
    store.Commit({Put(MakeRecord(1))});
    uint64_t number = store.number();
    const auto list = [&] { store.store().List({{2, 1}, {}, {{StoreHarness::kStart}, {0}}}); };
    OwnPostgres().Signal(SIGSTOP);
    if (reads) list();
    else Begin(store, ++number, {2}, true);
    CHECK(std::get<DiskSpace>(store.NextEvent()).lost);
    if (reads) Begin(store, ++number, {2}, true);
    else list();
    OwnPostgres().Signal(SIGCONT);
    AwaitAll(store, number, true);
    CHECK(store.events().failures == 0);
    CHECK(store.List({}).items.size() == 2);

    OwnPostgres().Signal(SIGSTOP);
    list();
    store.Close();
    OwnPostgres().Signal(SIGCONT);
  }
}

TEST_CASE("postgres: a stop beside a server that stands still takes as long as it tries to write, whoever else waits for that server") {
  PostgresHarness store;
  LastingOwner owner(&store);
  store.Commit({Put(MakeRecord(1))});
  OwnPostgres().Signal(SIGSTOP);
  Begin(store, store.number() + 1, {2}, true);
  store.store().List({{2, 1}, {}, {{StoreHarness::kStart}, {0}}});
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // it is asked meanwhile
  const auto begun = std::chrono::steady_clock::now();
  store.Close();
  const auto took = std::chrono::steady_clock::now() - begun;
  OwnPostgres().Signal(SIGCONT);
  CHECK(took < test::AtMostSeconds(8));
}

TEST_CASE("postgres: cleaning up is broken off by a stop, and at the server, too, which may stand still meanwhile") {
  for (bool stands : {false, true}) {
    INFO("stands: " << stands);
    PostgresHarness store;
    LastingOwner owner(&store);
    auto opened = PgConnection::Open(store.options().postgres);
    REQUIRE(opened.ok());
    PgConnection& session = **opened;
    // A table of which little is left; whoever moves that waits.
    for (const char* sql :
         {"INSERT INTO kv_hot (k, v) SELECT decode(lpad(to_hex(i), 8, '0'), 'hex'), repeat('x', 500)::bytea FROM generate_series(1, 20000) AS i",
          "DELETE FROM kv_hot WHERE get_byte(k, 3) <> 0", "SELECT pg_stat_force_next_flush()", "VACUUM kv_hot",
          "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$",
          "CREATE TRIGGER linger BEFORE UPDATE ON kv_hot FOR EACH ROW EXECUTE FUNCTION linger()"})
      REQUIRE(session.RunScript(sql).ok());
    const auto comes_to = [&](int64_t count) {
      const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(test::kDeadlineSeconds);
      for (;;) {
        const auto waiting = session.Run("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
        REQUIRE(waiting.ok());
        if (waiting->Int(0, 0) == count) return true;
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    };
    Status compacted;
    std::thread compacts([&] { compacted = store.postgres().Compact(); });
    const bool began = comes_to(1);
    if (stands) OwnPostgres().Signal(SIGSTOP);
    auto stopped = std::async(std::launch::async, [&] { store.postgres().Stop(); });
    CHECK(stopped.wait_for(test::AtMostSeconds(20)) == std::future_status::ready);
    if (stands) OwnPostgres().Signal(SIGCONT);
    stopped.wait();
    compacts.join();
    CHECK(began);
    CHECK_FALSE(compacted.ok());
    CHECK(comes_to(0));
  }
}

TEST_CASE("postgres: a connection that nobody could break off, as no open file is left for that, is none") {
  const PostgresOptions options = PostgresStoreOptions().postgres;
  REQUIRE(PgConnection::Open(options).ok());
  rlimit before = {};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit tight = before;
  tight.rlim_cur = 256;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &tight) == 0);
  std::vector<int> files;
  for (int file = dup(STDERR_FILENO); file >= 0; file = dup(STDERR_FILENO)) files.push_back(file);
  // One is left, for its socket.
  if (!files.empty()) close(files.back());
  const auto opened = PgConnection::Open(options);
  for (size_t i = 0; i + 1 < files.size(); ++i) close(files[i]);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK_FALSE(files.empty());
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.status().code() == Code::kUnavailable);
  CHECK(opened.status().detail().find("no open file is left") != std::string::npos);
  CHECK(PgConnection::Open(options).ok());
}

/// Sets fsync of the server for sessions that are there, too. On again at its end, for the cases after this one.
class Fsync {
 public:
  explicit Fsync(const PostgresOptions& options) {
    auto opened = PgConnection::Open(options);
    if (!opened.ok()) FAIL(opened.status().detail());
    session_ = *std::move(opened);
  }
  ~Fsync() {
    if (!Set("on")) WARN("the server keeps its setting");
  }
  Fsync(const Fsync&) = delete;
  Fsync& operator=(const Fsync&) = delete;
  bool Set(const std::string& to) {
    return session_->RunScript("ALTER SYSTEM SET fsync = " + to).ok() && session_->RunScript("SELECT pg_reload_conf()").ok();
  }
  void EndOthers() {
    REQUIRE(
        session_->RunScript("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = 'notifyd'")
            .ok());
  }

 private:
  std::unique_ptr<PgConnection> session_;
};

TEST_CASE("postgres: while fsync of its server is switched off nothing is reported, and all of it is once it is on") {
  PostgresHarness store;
  LastingOwner owner(&store);
  store.Commit({Put(MakeRecord(1))});
  uint64_t number = store.number(), id = 1;
  Fsync fsync(store.options().postgres);
  REQUIRE(fsync.Set("off"));
  // Sessions learn it one after the other, soon.
  bool lost = false;
  while (!lost) {
    Begin(store, ++number, {++id}, true);
    Event event = store.NextEvent();
    if (const auto* space = std::get_if<DiskSpace>(&event)) lost = space->lost;
    else REQUIRE(std::holds_alternative<Committed>(event));
  }
  // Nor is anything read over a new connection meanwhile; it waits.
  fsync.EndOthers();
  store.store().List({{2, 1}, {}, {{StoreHarness::kStart}, {0}}});
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // it is asked again meanwhile
  REQUIRE(fsync.Set("on"));
  AwaitAll(store, number, lost);
  CHECK(store.events().failures == 0);
  ListQuery all;
  all.limit = 1000;
  CHECK(store.List(all).items.size() == id);
}

TEST_CASE("postgres: a lease is neither looked at nor renewed while fsync of its server is off") {
  PostgresHarness store;
  LastingOwner owner(&store);
  PgOwnerStore owners(store.options().postgres);
  const auto ask = GENERATE(OwnerAsk::Kind::kRenew, OwnerAsk::Kind::kLook);
  auto answer = [&] { return owners.Do({ask, owner.word(), true, {}}).first; };
  auto comes_to = [&](OwnerAnswer wanted) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(test::kDeadlineSeconds);
    while (answer() != wanted && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return std::chrono::steady_clock::now() < until;
  };
  REQUIRE(answer() == OwnerAnswer::kYes);
  Fsync fsync(store.options().postgres);
  REQUIRE(fsync.Set("off"));
  CHECK(comes_to(OwnerAnswer::kUnknown));
  CHECK(owners.Fault() == kPgNoFsync);
  REQUIRE(fsync.Set("on"));
  CHECK(comes_to(OwnerAnswer::kYes));
}

TEST_CASE("postgres: whose fsync is switched off once its lease was taken is waited for; one that had none then is refused") {
  PostgresHarness store;
  LastingOwner owner(&store);
  store.Close();
  Fsync fsync(store.options().postgres);
  REQUIRE(fsync.Set("off"));
  // Sessions learn it soon.
  Status failed;
  while (failed.ok()) {
    auto opened = PgStore::Open(store.options());
    if (!opened.ok()) failed = opened.status();
  }
  CHECK(failed.code() == Code::kUnavailable);
  CHECK(failed.detail() == kPgNoFsync);
  StoreOptions begins = store.options();
  begins.owner = nullptr;
  CHECK(PgStore::Open(begins).status().code() == Code::kUnacceptable);
  REQUIRE(fsync.Set("on"));
  while (!PgStore::Open(store.options()).ok()) {
  }
}

TEST_CASE("postgres: that a commit waits for somebody's lock is told after some seconds, and once it has that, all goes on") {
  PostgresHarness store;
  LastingOwner owner(&store);
  store.Commit({Put(MakeRecord(1))});
  auto session = PgConnection::Open(store.options().postgres);
  REQUIRE(session.ok());
  REQUIRE((*session)->RunScript("BEGIN; LOCK TABLE kv_notifies").ok());
  const uint64_t number = Begin(store, store.number() + 1, {2}, true);
  const Event said = store.NextEvent();
  REQUIRE(std::holds_alternative<DiskSpace>(said));
  CHECK(std::get<DiskSpace>(said).lost);
  CHECK_FALSE(std::get<DiskSpace>(said).low);
  REQUIRE((*session)->RunScript("COMMIT").ok());
  store.store().List({{2, 1}, {}, {{StoreHarness::kStart}, {0}}});
  AwaitAll(store, number, true);
  ListQuery all;
  all.limit = 1000;
  CHECK(store.List(all).items.size() == 2);
  CHECK(store.events().failures == 0);
}

TEST_CASE("postgres: a lease is neither looked at nor renewed while a table, or sequence, is not logged, nor is a store then opened") {
  PostgresHarness store;
  LastingOwner owner(&store);
  store.Close();
  auto session = PgConnection::Open(store.options().postgres);
  REQUIRE(session.ok());
  PostgresOptions of_member = store.options().postgres;
  of_member.member = "m";
  PgOwnerStore owners(store.options().postgres), waiting(of_member);
  const auto renewed = [&] { return owners.Do({OwnerAsk::Kind::kRenew, owner.word(), true, {}}).first; };
  const auto looked = [&] { return waiting.Do({OwnerAsk::Kind::kLook, {}, false, {}}).first; };
  REQUIRE(renewed() == OwnerAnswer::kYes);
  REQUIRE(looked() == OwnerAnswer::kYes);
  const std::string table = GENERATE("kv_hot", "claims");
  REQUIRE((*session)->RunScript("ALTER TABLE " + table + " SET UNLOGGED").ok());
  for (int i = 0; i < 2; ++i) {  // over a connection of before, and over a new one
    CHECK(renewed() == OwnerAnswer::kUnknown);
    CHECK(looked() == OwnerAnswer::kUnknown);
    for (const PgOwnerStore* each : {&owners, &waiting}) CHECK_THAT(each->Fault(), Catch::StartsWith(table + " of the store is UNLOGGED"));
  }
  StoreOptions begins = store.options();
  begins.owner = nullptr;
  CHECK(PgStore::Open(begins).status().code() == Code::kUnacceptable);
  CHECK(PgStore::Open(store.options()).status().code() == Code::kUnavailable);
  REQUIRE((*session)->RunScript("ALTER TABLE " + table + " SET LOGGED").ok());
  CHECK(renewed() == OwnerAnswer::kYes);
  CHECK(looked() == OwnerAnswer::kYes);
  CHECK(PgStore::Open(store.options()).ok());
}

TEST_CASE("postgres: what its server lost of batches that were not synced is written again, before anything that came behind them") {
  PostgresHarness store;
  LastingOwner owner(&store);
  uint64_t number = 0, id = 0;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 20; ++i) Begin(store, ++number, {++id}, false);
    while (store.Next<Committed>().batch < number) {
    }
    OwnPostgres().Kill();
    OwnPostgres().Start();
    AwaitSynced(store, Begin(store, ++number, {++id}, true));
    ListQuery all;
    all.limit = 1000;
    CHECK(store.List(all).items.size() == id);
  }
  CHECK(store.events().failures == 0);
}

TEST_CASE("postgres: when something was written last is said by the database's clock, not by the wall clock of whoever wrote it") {
  PostgresHarness store;
  CHECK_FALSE(store.written_boot_ms());
  // By its clock that was some years ago, or is yet to come.
  store.next_totals.wall = {StoreHarness::kStart};
  store.next_totals.mono = {5};
  store.Commit({Put(MakeRecord(1))});
  store.Close();
  auto connection = PgConnection::Open(store.options().postgres);
  REQUIRE(connection.ok());
  REQUIRE((*connection)->RunScript("UPDATE log SET at = at - interval '30 seconds' WHERE unit = 0").ok());
  store.Open();
  REQUIRE(store.written_boot_ms());
  const int64_t ago_ms = ReadClockMs(CLOCK_BOOTTIME) - *store.written_boot_ms();
  CHECK(ago_ms >= 30'000);
  CHECK(ago_ms < 30'000 + test::AtMostSeconds(60).count() * 1'000);
  // As a stop does: nothing but a sync, which says nothing new of when that was.
  store.Commit({});
  store.Reopen();
  CHECK(ReadClockMs(CLOCK_BOOTTIME) - store.written_boot_ms().value_or(0) >= 30'000);
  CHECK(store.totals().mono.ms == 5);
  // A database that failed over may have a clock that is behind.
  store.Close();
  REQUIRE((*connection)->RunScript("UPDATE log SET at = at + interval '1 day' WHERE unit = 0").ok());
  const int64_t before_ms = ReadClockMs(CLOCK_BOOTTIME);
  store.Open();
  CHECK(store.written_boot_ms().value_or(0) >= before_ms);
}

TEST_CASE("postgres: a store that is open is not opened by another one, and is again once that is closed") {
  PostgresHarness store;
  auto second = PgStore::Open(store.options());
  REQUIRE_FALSE(second.ok());
  INFO(second.status().detail());
  store.Close();
  CHECK(PgStore::Open(store.options()).ok());
}

TEST_CASE("postgres: a schema that is another's is refused in words, and nothing is made in it") {
  const auto [made, says] = GENERATE(table<std::string, std::string>({
      {"CREATE TABLE orders (id int8)", "not empty: it has the table orders"},
      {"CREATE TABLE meta (id int8)", "is not a store's"},
  }));
  StoreOptions options = PostgresStoreOptions();
  auto session = PgConnection::Open(options.postgres);
  if (!session.ok()) FAIL(session.status().detail());
  REQUIRE((*session)->RunScript("CREATE SCHEMA " + PgQuoted(options.postgres.schema)).ok());
  REQUIRE((*session)->RunScript(made).ok());
  auto store = PgStore::Open(options);
  REQUIRE_FALSE(store.ok());
  CHECK(store.status().code() == Code::kUnacceptable);
  CHECK(store.status().detail().find(says) != std::string::npos);
  auto tables = (*session)->Run("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1::text",
                                PgParams().Bytes(options.postgres.schema));
  REQUIRE(tables.ok());
  CHECK(tables->Int(0, 0) == 1);
}

TEST_CASE("postgres: a server without fsync is not taken, nor is one that is not there, and neither says what the DSN holds") {
  StoreOptions options = PostgresStoreOptions();
  {
    test::PostgresServer unsafe({"fsync=off"});
    options.postgres.dsn = unsafe.dsn() + " password=secret";
    auto store = PgStore::Open(options);
    REQUIRE_FALSE(store.ok());
    CHECK(store.status().code() == Code::kUnacceptable);
    CHECK(store.status().detail().find("fsync") != std::string::npos);
    CHECK(store.status().detail().find("secret") == std::string::npos);
  }
  auto store = PgStore::Open(options);
  REQUIRE_FALSE(store.ok());
  CHECK(store.status().code() == Code::kUnavailable);
  CHECK(store.status().detail().find("secret") == std::string::npos);
}

TEST_CASE("postgres: whatever time limits its role was given, a session has none of them") {
  StoreOptions options = PostgresStoreOptions();
  auto session = PgConnection::Open(options.postgres);
  if (!session.ok()) FAIL(session.status().detail());
  const std::string limits = "FROM pg_settings WHERE category = 'Client Connection Defaults / Statement Behavior' AND name LIKE '%timeout'";
  REQUIRE((*session)
              ->RunScript("CREATE ROLE hasty LOGIN; DO $$ DECLARE each text; BEGIN FOR each IN SELECT name " + limits +
                          " LOOP EXECUTE format('ALTER ROLE hasty SET %I = 1234567', each); END LOOP; END $$")
              .ok());
  options.postgres.dsn += " user=hasty";
  auto hasty = PgConnection::Open(options.postgres);
  if (!hasty.ok()) FAIL(hasty.status().detail());
  auto count = [&](const std::string& which) {
    auto rows = (*hasty)->Run(("SELECT count(*) " + limits + " AND " + which).c_str());
    if (!rows.ok()) FAIL(rows.status().detail());
    return rows->Int(0, 0);
  };
  CHECK(count("reset_val = '1234567'") >= 4);  // what the role's sessions begin with
  CHECK(count("setting <> '0'") == 0);
}

TEST_CASE("postgres: what a namespace takes is told with what lies beside the tables, many rows by a look at some, and over a gap in its ids") {
  PostgresHarness store;
  constexpr size_t kLarge = 100'000, kPlain = 3'000;
  std::mt19937 random(11);
  uint64_t written = 0;
  auto write = [&](uint64_t from, uint64_t count, auto large) {
    std::vector<WriteOp> ops;
    for (uint64_t id = from; id < from + count; ++id) {
      std::string spec(large() ? kLarge : kPlain, '\0');
      for (char& byte : spec) byte = static_cast<char>(random());
      written += spec.size();
      NotifyRecord record = MakeRecord(id);
      record.spec = std::make_shared<const std::string>(std::move(spec));
      ops.push_back(Put(record));
    }
    store.Commit(std::move(ops));
  };
  auto told = [&] { return static_cast<double>(store.postgres().StoredBytes(kDefaultNumber)) / static_cast<double>(written); };
  write(1, 40, [] { return true; });
  CHECK(told() > 1);
  CHECK(told() < 1.1);
  for (uint64_t from = 41; from < 2'041; from += 100) write(from, 100, [&] { return random() % 50 == 0; });
  for (uint64_t from = 100'000'000'000; from < 100'000'002'000; from += 100) write(from, 100, [&] { return random() % 50 == 0; });
  CHECK(told() > 0.5);
  CHECK(told() < 2);
}

TEST_CASE("postgres: a walk that large values end early goes on behind them, and misses none") {
  PostgresHarness store;
  constexpr uint64_t kCount = 1'200;
  std::mt19937 random(5);
  for (uint64_t from = 1; from <= kCount; from += 100) {
    std::vector<WriteOp> ops;
    for (uint64_t id = from; id < from + 100; ++id) {
      // Small ones let the pages grow; then some hundred come of which a page has room for few.
      const bool large = id > 700 && id < 900;
      std::string spec(large ? 200'000 : 20, '\0');
      for (char& byte : spec) byte = static_cast<char>(random());
      NotifyRecord record = MakeRecord(id);
      record.spec = std::make_shared<const std::string>(std::move(spec));
      ops.push_back(Put(record));
    }
    store.Commit(std::move(ops));
  }
  for (const bool oldest_first : {false, true}) {
    std::vector<uint64_t> seen;
    ListQuery query;
    query.limit = 1'000;
    query.oldest_first = oldest_first;
    NotifyId& cursor = oldest_first ? query.above : query.below;
    do {
      const ListDone page = store.List(query);
      for (const LoadedNotify& item : page.items) seen.push_back(item.record->id.value);
      cursor = page.next;
    } while (cursor.value != 0);
    CHECK(seen.size() == kCount);
    CHECK((oldest_first ? std::is_sorted(seen.begin(), seen.end()) : std::is_sorted(seen.rbegin(), seen.rend())));
  }
}

}  // namespace
}  // namespace notifyd
