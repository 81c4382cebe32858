// What is left of a namespace that was dropped: nothing else waits for it, and it goes, in steps.
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "broker/stored_record.h"
#include "storage/cells_harness.h"
#include "storage/keys.h"
#include "storage/postgres/pg_connection.h"
#include "storage/postgres/pg_leftovers.h"
#include "storage/postgres/pg_move.h"
#include "storage/postgres_harness.h"

namespace notifyd {
namespace {

constexpr NamespaceNumber kDropped = 3, kOnTheSameLine = 1;  // as the registry
constexpr int64_t kRows = 3 * PgEmptying::kStepRows + 500;

NamespaceRow RowOf(NamespaceNumber number) {
  return SpaceRow(number, std::nullopt);
}

/// Notes of each transaction how many rows of a table it removes.
constexpr char kNoteRemovals[] =
    "CREATE TABLE gone (tx bigint, n bigint); CREATE FUNCTION note_gone() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN INSERT INTO gone SELECT txid_current(), count(*) FROM old_rows; RETURN NULL; END $$";
constexpr char kMostAtOnce[] = "SELECT coalesce(max(n), 0)::bigint FROM (SELECT sum(n) AS n FROM gone GROUP BY tx) AS each";
constexpr char kGoneInAll[] = "SELECT coalesce(sum(n), 0)::bigint FROM gone";

/// Puts many rows of the namespace there, in three tables.
void Fill(PgConnection* beside, NamespaceNumber number) {
  REQUIRE(beside->RunScript(kNoteRemovals).ok());
  const KeySpace space(number);
  const auto fill = [&](const std::string& table, char kind, const std::string& columns, const std::string& values) {
    const std::string keys = PgLiteral(space.In(std::string(1, kind))) + " || int8send(i)";
    REQUIRE(beside
                ->RunScript("INSERT INTO " + table + " (k" + columns + ") SELECT " + keys + values + " FROM generate_series(1001, " +
                            std::to_string(1000 + kRows) + ") AS i; CREATE TRIGGER note AFTER DELETE ON " + table +
                            " REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION note_gone()")
                .ok());
  };
  fill("kv_notifies", static_cast<char>(KeyKind::kNotify), ", v", ", 'x'");
  fill("kv_hot", static_cast<char>(KeyKind::kDue), ", v", ", 'x'");
  fill("count_changes", static_cast<char>(KeyKind::kLaneCounts), ", n, ops", ", i, 'x'");
}

int64_t AskBeside(PgConnection* session, const std::string& sql) {
  auto rows = session->Run(sql.c_str());
  if (!rows.ok()) FAIL(rows.status().detail());
  REQUIRE(rows->size() == 1);
  return rows->Int(0, 0);
}

int64_t LeftIn(PgConnection* session, NamespaceNumber number) {
  const KeyRange range = RangeOf(number);
  const std::string in = " WHERE k >= " + PgLiteral(range.from) + " AND k < " + PgLiteral(range.to) + ")";
  std::string sum = "SELECT 0";
  for (const char* table : {"kv_main", "kv_notifies", "kv_hot", "counted", "count_bases", "count_changes"})
    sum += std::string(" + (SELECT count(*) FROM ") + table + in;
  return AskBeside(session, sum);
}

/// The time is a safety net.
template <class Holds>
void AwaitThat(Holds holds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(test::kDeadlineSeconds);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) FAIL("it did not come to that");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

/// A store with a namespace that has many rows, the last of which somebody holds.
struct HeldRow {
  HeldRow() {
    h.Commit(kDropped, {Put(MakeRecord(1))});
    h.CommitRegistry({PutNamespaceRow{std::make_shared<const NamespaceRow>(RowOf(kDropped))}});
    h.CloseAt(kDropped);
    Fill(beside.get(), kDropped);
    REQUIRE(holder->RunScript("BEGIN; SELECT k FROM kv_notifies ORDER BY k DESC LIMIT 1 FOR UPDATE").ok());
  }
  void Drop() { h.CommitRegistry({DropNamespace{kDropped}}); }
  void LetGo() { REQUIRE(holder->RunScript("COMMIT").ok()); }
  int64_t Leftovers() { return AskBeside(beside.get(), "SELECT count(*) FROM leftovers"); }

  PostgresHostHarness h;
  std::unique_ptr<PgConnection> beside = Connect(h.options().postgres), holder = Connect(h.options().postgres);
};

TEST_CASE("postgres: however many rows a namespace has, its removal is done at once, all else goes on, and they go in steps behind it") {
  HeldRow of;
  of.Drop();
  CHECK(AskBeside(of.beside.get(), "SELECT count(*) FROM log WHERE unit = 3") == 0);
  CHECK(AskBeside(of.beside.get(), "SELECT count(*) FROM owners WHERE unit = 3") == 0);
  CHECK(of.h.Registry().namespaces.empty());
  // Somebody still holds one of its rows: whoever waits for them all waits.
  of.h.Commit(kOnTheSameLine, {Put(MakeRecord(1))});
  of.h.CommitRegistry({PutNamespaceRow{std::make_shared<const NamespaceRow>(RowOf(kOnTheSameLine))}});
  CHECK(of.Leftovers() == 1);
  CHECK(LeftIn(of.beside.get(), kDropped) > 0);

  of.LetGo();
  AwaitThat([&] { return of.Leftovers() == 0; });
  CHECK(LeftIn(of.beside.get(), kDropped) == 0);
  CHECK(AskBeside(of.beside.get(), kGoneInAll) >= 3 * kRows);
  CHECK(AskBeside(of.beside.get(), kMostAtOnce) == PgEmptying::kStepRows);
  CHECK(of.h.ListIds(kOnTheSameLine) == std::vector<uint64_t>{1});
  // Whoever hears late that it is gone has an empty one.
  CHECK(of.h.ListIds(kDropped).empty());
}

TEST_CASE("postgres: what was left of a namespace when the store ended goes once it is opened again") {
  HeldRow of;
  of.Drop();
  AwaitThat([&] { return LeftIn(of.beside.get(), kDropped) < 3 * kRows; });  // it has begun
  of.h.Close();
  CHECK(of.Leftovers() == 1);
  CHECK(LeftIn(of.beside.get(), kDropped) > 0);
  of.LetGo();
  of.h.Reopen();
  AwaitThat([&] { return of.Leftovers() == 0; });
  CHECK(LeftIn(of.beside.get(), kDropped) == 0);
  CHECK(AskBeside(of.beside.get(), kMostAtOnce) == PgEmptying::kStepRows);
}

TEST_CASE("postgres: of a database that was put back to when a namespace was there nothing of it is removed, and what is left moves nowhere") {
  HeldRow of;
  of.LetGo();
  of.h.Close();
  PgConnection* beside = of.beside.get();
  const std::string leave = "INSERT INTO leftovers VALUES (3, '')";
  REQUIRE(beside->RunScript(leave).ok());
  const int64_t all = LeftIn(beside, kDropped);
  PgLeftovers leftovers;
  const auto removed_all = [&](int steps) {
    auto all_gone = leftovers.RemoveSome(beside, steps);
    REQUIRE(all_gone.ok());
    return *all_gone;
  };
  CHECK_FALSE(removed_all(1));
  CHECK(leftovers.namespaces() == 1);
  CHECK(LeftIn(beside, kDropped) == all - PgEmptying::kStepRows);
  REQUIRE(beside->RunScript("DELETE FROM leftovers").ok());
  CHECK(removed_all(100));
  CHECK(leftovers.namespaces() == 0);
  CHECK(LeftIn(beside, kDropped) == all - PgEmptying::kStepRows);

  REQUIRE(beside->RunScript(leave).ok());
  auto source = OpenPgSource(of.h.options());
  REQUIRE(source.ok());
  CHECK(LeftIn(beside, kDropped) == 0);
  CHECK(of.Leftovers() == 0);
}

TEST_CASE("postgres cells: what a namespace that is dropped has in its cell goes from there in steps") {
  CellHarness store;
  store.Commit({Put(MakeRecord(1))});
  auto beside = Connect(store.east());
  Fill(beside.get(), kInCell);
  store.LetGo();
  store.Drop();
  AwaitThat([&] { return store.cells().Clean().ok() && Ask(store.home(), "SELECT count(*) FROM leftovers") == 0; });
  CHECK(LeftIn(beside.get(), kInCell) == 0);
  CHECK(AskBeside(beside.get(), kMostAtOnce) == PgEmptying::kStepRows);
  for (const char* table : {"log", "owners", "claimed"}) CHECK(AskBeside(beside.get(), std::string("SELECT count(*) FROM ") + table) == 0);
}

TEST_CASE("postgres: what is left of a namespace goes to its end, too, where the server crashes between two steps") {
  // Only who waits for the disk has it there.
  test::PostgresServer server({"wal_writer_delay=10s", "wal_writer_flush_after=1GB"});
  StoreOptions options = PostgresStoreOptions();
  options.postgres.dsn = server.dsn();
  PostgresHostHarness h(options);
  h.Close();
  auto beside = Connect(options.postgres);
  Fill(beside.get(), kDropped);
  REQUIRE(beside->RunScript("INSERT INTO leftovers VALUES (3, '')").ok());
  PgLeftovers leftovers;
  REQUIRE(leftovers.RemoveSome(beside.get(), 2).ok());
  server.Kill();
  server.Start();
  beside = Connect(options.postgres);
  const auto all = leftovers.RemoveSome(beside.get(), 100);
  REQUIRE(all.ok());
  CHECK(*all);
  CHECK(LeftIn(beside.get(), kDropped) == 0);
}

TEST_CASE("postgres cells: what goes in several rounds goes on where the round before ended, whoever's transaction keeps what is gone in the index") {
  const bool moved = GENERATE(false, true);
  CellHarness store;
  store.Commit({Put(MakeRecord(1))});
  auto beside = Connect(store.east()), idle = Connect(store.east());
  Fill(beside.get(), kInCell);
  REQUIRE(beside->RunScript("ALTER TABLE kv_hot SET (autovacuum_enabled = false)").ok());
  REQUIRE(idle->RunScript("BEGIN ISOLATION LEVEL REPEATABLE READ").ok());
  CHECK(AskBeside(idle.get(), "SELECT count(*) FROM owners") > 0);
  store.LetGo();
  if (moved) {
    // As behind a move: by its row it lies at home, and the cell says that it went there.
    REQUIRE(beside->RunScript("INSERT INTO transits (unit, move, arriving, whole, other) VALUES (5, 1000, false, true, 'home')").ok());
    REQUIRE(Connect(store.home())->RunScript("INSERT INTO leftovers VALUES (5, 'east')").ok());
    store.cells().Commit({2, true, {PutNamespaceRow{std::make_shared<const NamespaceRow>(RowOf(kInCell))}}});
    store.events().AwaitCommitted(2);
  } else {
    store.Drop();
  }
  const auto left = [&] { return Ask(store.home(), "SELECT count(*) FROM leftovers WHERE cell = 'east'"); };
  // What the cell still has to sync of it goes first.
  AwaitThat([&] { return store.cells().Clean(std::chrono::milliseconds(0)).ok() && LeftIn(beside.get(), kInCell) < 3 * kRows; });
  // Each round is a step or two, and there are four in each of three tables, one in each other.
  for (int rounds = 0; left() > 0 && rounds < 40; ++rounds) REQUIRE(store.cells().Clean(std::chrono::milliseconds(0)).ok());
  CHECK(left() == 0);
  CHECK(LeftIn(beside.get(), kInCell) == 0);
  REQUIRE(idle->RunScript("COMMIT").ok());
}

TEST_CASE("postgres cells: what a later move copied to where an older copy was being removed goes with a namespace that is dropped meanwhile") {
  CellHarness store;
  WaitingSink sink;
  {
    auto space = store.cells().OpenNamespace(kAtHome, &sink);
    REQUIRE(space.ok());
    WriteBatch batch{1, true, {Put(MakeRecord(1))}, {}};
    space->store->Commit(std::move(batch));
    REQUIRE(std::holds_alternative<Committed>(sink.Take()));
  }
  // A copy that nobody goes on with, which is removed as far as behind where the notify will lie.
  auto beside = Connect(store.east());
  Fill(beside.get(), kAtHome);
  REQUIRE(beside->RunScript("INSERT INTO transits (unit, move, arriving, whole, other) VALUES (6, 1000, true, false, 'home')").ok());
  REQUIRE(Connect(store.home())->RunScript("INSERT INTO leftovers VALUES (6, 'east')").ok());
  const char* copied = "SELECT count(*) FROM kv_notifies";
  AwaitThat([&] { return store.cells().Clean(std::chrono::milliseconds(0)).ok() && AskBeside(beside.get(), copied) < kRows; });
  REQUIRE(AskBeside(beside.get(), copied) > 0);

  NamespaceRow row = RowOf(kAtHome);
  row.moving_to = "east";
  store.cells().Commit({2, true, {PutNamespaceRow{std::make_shared<const NamespaceRow>(row)}}});
  store.events().AwaitCommitted(2);
  const CellWish wish{kAtHome, "n6", kHomeCell, "east"};
  CellStore& mover = *store.cells().mover();
  REQUIRE(mover.Begin(wish).status.ok());
  for (bool more = true; more;) {
    const CellStep step = mover.Copy(wish);
    REQUIRE(step.status.ok());
    more = step.more;
  }
  CHECK(AskBeside(beside.get(), copied) == 1);
  mover.End(wish);

  store.cells().Commit({3, true, {DropNamespace{kAtHome}}});
  store.events().AwaitCommitted(3);
  AwaitThat([&] { return store.cells().Clean().ok() && Ask(store.home(), "SELECT count(*) FROM leftovers WHERE cell = 'east'") == 0; });
  CHECK(LeftIn(beside.get(), kAtHome) == 0);
  CHECK(AskBeside(beside.get(), "SELECT count(*) FROM transits") == 0);
}

TEST_CASE("postgres cells: what cannot be removed yet, however much that is, keeps nothing else from going") {
  constexpr NamespaceNumber kLast = 400;
  CellHarness store;
  RegistryBatch rows{2, true, {PutNamespaceRow{std::make_shared<const NamespaceRow>(SpaceRow(kLast, "east"))}}};
  // Of half of them, which come first: their move waits.
  for (NamespaceNumber number = 200; number < 320; ++number) {
    NamespaceRow row = SpaceRow(number, "east");
    row.moving_to = kHomeCell;
    rows.writes.push_back(PutNamespaceRow{std::make_shared<const NamespaceRow>(row)});
  }
  store.cells().Commit(std::move(rows));
  store.events().AwaitCommitted(2);
  auto home = Connect(store.home());
  REQUIRE(home->RunScript("INSERT INTO leftovers SELECT i, 'east' FROM generate_series(200, 319) AS i").ok());
  // No settings name it any more.
  REQUIRE(home->RunScript("INSERT INTO leftovers SELECT i, 'gone' FROM generate_series(20, 139) AS i").ok());
  WaitingSink sink;
  REQUIRE(store.cells().OpenNamespace(kLast, &sink).ok());
  store.cells().Commit({3, true, {DropNamespace{kLast}}});
  store.events().AwaitCommitted(3);
  AwaitThat([&] {
    return store.cells().Clean().ok() && AskBeside(home.get(), "SELECT count(*) FROM leftovers WHERE unit = " + std::to_string(kLast)) == 0;
  });
  CHECK(Ask(store.east(), "SELECT count(*) FROM owners WHERE unit = 400") == 0);
  CHECK(AskBeside(home.get(), "SELECT count(*) FROM leftovers") == 240);
}

}  // namespace
}  // namespace notifyd
