// A store in PostgreSQL that was put back: the gap that its restore in place leaves in ids, whoever is kept out meanwhile, and cells.
#include "storage/postgres/pg_restore.h"

#include <future>
#include <memory>
#include <string>
#include <utility>

#include "storage/cells_harness.h"
#include "storage/postgres/pg_store.h"
#include "storage/registry_records.h"

namespace notifyd {
namespace {

constexpr uint64_t kLeftOut = 100'000'000'000;

Totals TotalsBefore(NamespaceNumber number, uint64_t sequence) {
  Totals totals;
  totals.next_id = NotifyId::Of(number, sequence).value;
  totals.accepted = sequence - 1;
  return totals;
}

uint64_t IdOf(NamespaceNumber number, uint64_t sequence) {
  return NotifyId::Of(number, sequence).value;
}

Status RestoreInPlace(const StoreOptions& options) {
  auto begun = BeginPgRestore(options, kLeftOut);
  if (!begun.ok()) return std::move(begun).status();
  return (*begun)->Finish();
}

}  // namespace

TEST_CASE("postgres restore: each namespace goes on above the gap, whatever state it is in, and so does one that is made later; twice adds up") {
  PostgresHostHarness store;
  store.CommitRegistry({PutNamespaceRow{MakeSpace(5, "five")}, PutNamespaceRow{MakeSpace(6, "six")}, PutNamespaceRow{MakeSpace(7, "seven")}});
  store.Commit(kDefaultNumber, {Put(MakeRecord(41))}, true, TotalsBefore(kDefaultNumber, 42));
  store.Commit(5, {Put(MakeRecord(IdOf(5, 9)))}, true, TotalsBefore(5, 10));
  store.Commit(6, {Put(MakeRecord(IdOf(6, 2)))}, true, TotalsBefore(6, 3));
  store.At(6).Sleep({77});
  store.Close();
  const PostgresOptions& place = store.options().postgres;
  REQUIRE(Connect(place)->RunScript("UPDATE log SET at = at - interval '1 hour'").ok());
  for (const uint64_t times : {1u, 2u}) {
    CAPTURE(times);
    REQUIRE(RestoreInPlace(store.options()).detail() == "");
    // Waits go on from when it was written.
    CHECK(Ask(place, "SELECT count(*) FROM log WHERE unit >= 0 AND at > now() - interval '1 minute'") == 0);
    store.Reopen();
    CHECK(store.StateOf(6).totals.next_id == IdOf(6, 3 + times * kLeftOut));
    CHECK(store.StateOf(6).next_wake.ms == 77);
    CHECK(store.TotalsAt(kDefaultNumber).next_id == 42 + times * kLeftOut);
    CHECK(store.TotalsAt(kDefaultNumber).accepted == 41);
    CHECK(store.TotalsAt(5).next_id == IdOf(5, 10 + times * kLeftOut));
    CHECK(store.TotalsAt(6).next_id == IdOf(6, 3 + times * kLeftOut));
    CHECK(store.TotalsAt(7).next_id == IdOf(7, 1 + times * kLeftOut));
    CHECK(store.TotalsAt(8).next_id == IdOf(8, 1 + times * kLeftOut));
    store.Close();
    REQUIRE(Connect(place)->RunScript("UPDATE log SET at = at - interval '1 hour'").ok());
  }
}

TEST_CASE("postgres restore: one that a broker has is refused, and one that was cut short is opened by nobody until it is done again") {
  PostgresHostHarness store;
  store.Commit(kDefaultNumber, {Put(MakeRecord(1))}, true, TotalsBefore(kDefaultNumber, 2));
  auto begun = BeginPgRestore(store.options(), kLeftOut);
  REQUIRE_FALSE(begun.ok());
  CHECK(begun.status().code() == Code::kIo);
  CHECK_THAT(begun.status().detail(), Catch::Contains("in use"));
  store.Commit(kDefaultNumber, {Put(MakeRecord(2))}, true, TotalsBefore(kDefaultNumber, 3));
  store.Close();

  begun = BeginPgRestore(store.options(), kLeftOut);
  REQUIRE(begun.ok());
  for (const bool cut_short : {false, true}) {
    if (cut_short) *begun = nullptr;
    const auto opened = PgStore::Open(store.options());
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.status().code() == Code::kUnacceptable);
    CHECK_THAT(opened.status().detail(), Catch::Contains("restored in place"));
  }
  REQUIRE(RestoreInPlace(store.options()).detail() == "");
  store.Reopen();
  CHECK(store.TotalsAt(kDefaultNumber).next_id == 3 + 2 * kLeftOut);

  StoreOptions none = store.options();
  none.postgres.schema = "none of it";
  begun = BeginPgRestore(none, kLeftOut);
  REQUIRE_FALSE(begun.ok());
  CHECK(begun.status().code() == Code::kNotFound);
}

TEST_CASE("postgres restore: a log that takes longer than a broker waits for a statement is waited for") {
  PostgresHostHarness store;
  store.Commit(kDefaultNumber, {Put(MakeRecord(1))}, true, TotalsBefore(kDefaultNumber, 2));
  store.Close();
  auto beside = Connect(store.options().postgres);
  REQUIRE(beside->RunScript("SET statement_timeout = 0; BEGIN; LOCK TABLE log IN SHARE MODE").ok());
  auto held = std::async(std::launch::async, [&] { return beside->RunScript("SELECT pg_sleep(8); COMMIT"); });
  CHECK(RestoreInPlace(store.options()).detail() == "");
  REQUIRE(held.get().ok());
  store.Reopen();
  CHECK(store.TotalsAt(kDefaultNumber).next_id == 2 + kLeftOut);
}

TEST_CASE("postgres restore: ids have their gap in cells, too, which take claims of a home cell that is older than they are") {
  CellHarness store;
  store.next_totals = TotalsBefore(kInCell, 10);
  store.Commit({Put(MakeRecord(IdOf(kInCell, 9)))});
  store.Close();
  REQUIRE(Connect(store.east())->RunScript("UPDATE claimed SET claim = 1000").ok());
  REQUIRE(RestoreInPlace(store.options()).detail() == "");
  store.Reopen();
  CHECK(store.totals().next_id == IdOf(kInCell, 10 + kLeftOut));
  CHECK(Ask(store.east(), "SELECT claim FROM claimed WHERE unit = 5") == 1001);
  WaitingSink sink;
  const auto at_home = store.cells().OpenNamespace(kAtHome, &sink);
  REQUIRE(at_home.ok());
  CHECK(at_home->totals.next_id == IdOf(kAtHome, 1 + kLeftOut));
}

TEST_CASE("postgres restore: a cell that is added later begins above the gap, too, and so does one that was made without it") {
  constexpr NamespaceNumber kFirst = 7, kSecond = 8;
  CellHarness store;
  store.Close();
  for (int times = 0; times < 2; ++times) REQUIRE(RestoreInPlace(store.options()).detail() == "");
  const PostgresOptions west = In("west", store.home());
  store.options().postgres.cells["west"] = west.dsn;
  store.OpenStore();
  RegistryBatch rows{1, true, {}};
  for (const NamespaceNumber number : {kFirst, kSecond})
    rows.writes.push_back(PutNamespaceRow{std::make_shared<const NamespaceRow>(SpaceRow(number, "west"))});
  store.cells().Commit(std::move(rows));
  store.events().AwaitCommitted(1);
  WaitingSink sink;
  {
    const auto opened = store.cells().OpenNamespace(kFirst, &sink);
    REQUIRE(opened.ok());
    CHECK(opened->totals.next_id == IdOf(kFirst, 1 + 2 * kLeftOut));
  }
  store.Close();
  // As a version before this one made it.
  REQUIRE(Connect(west)->RunScript("DELETE FROM kv_main WHERE k = " + PgLiteral(EncodeMetaKey(kIdsName))).ok());
  store.OpenStore();
  {
    const auto opened = store.cells().OpenNamespace(kSecond, &sink);
    REQUIRE(opened.ok());
    CHECK(opened->totals.next_id == IdOf(kSecond, 1 + 2 * kLeftOut));
  }
  // Again with a gap of its own, as each cell.
  store.Close();
  REQUIRE(RestoreInPlace(store.options()).detail() == "");
  store.OpenStore();
  const auto opened = store.cells().OpenNamespace(kSecond, &sink);
  REQUIRE(opened.ok());
  CHECK(opened->totals.next_id == IdOf(kSecond, 1 + 3 * kLeftOut));
}

TEST_CASE(
    "postgres restore: cells that were put back to another moment than the home cell, or to one within a move, are refused, and nothing changes") {
  CellHarness store;
  store.next_totals = TotalsBefore(kInCell, 2);
  store.Commit({Put(MakeRecord(IdOf(kInCell, 1)))});
  store.Close();
  const auto refused_with = [&](const std::string& words) {
    const Status refused = RestoreInPlace(store.options());
    CHECK(refused.code() == Code::kUnacceptable);
    CHECK_THAT(refused.detail(), Catch::Contains(words));
    CHECK(Ask(store.home(), "SELECT count(*) FROM meta WHERE name = 'restoring'") == 0);
  };
  REQUIRE(Connect(store.east())->RunScript("INSERT INTO transits (unit, move, arriving, whole, other) VALUES (5, 9, false, true, 'home')").ok());
  refused_with("the namespace n5 was on its way");
  REQUIRE(Connect(store.east())->RunScript("DELETE FROM transits").ok());
  // As the home cell was before the namespace was made.
  const std::string row = PgLiteral(EncodeNamespaceKey(kInCell));
  REQUIRE(Connect(store.home())
              ->RunScript("CREATE TABLE kept AS SELECT * FROM kv_main WHERE k = " + row + "; DELETE FROM kv_main WHERE k = " + row)
              .ok());
  refused_with("in the cell east lies a namespace (number 5)");
  REQUIRE(Connect(store.home())->RunScript("INSERT INTO leftovers VALUES (5, 'east')").ok());
  CHECK(RestoreInPlace(store.options()).detail() == "");
  REQUIRE(Connect(store.home())->RunScript("INSERT INTO kv_main SELECT * FROM kept; DROP TABLE kept; DELETE FROM leftovers").ok());
  store.Reopen();
  CHECK(store.totals().next_id == IdOf(kInCell, 2 + kLeftOut));
}

TEST_CASE("postgres cells: whoever opens the store removes what is over by the retention of each namespace, wherever it lies") {
  CellHarness store;
  NamespaceRow row = SpaceRow(kInCell, "east");
  row.settings.retention_succeeded_ms = 7 * StoreHarness::kRetentionSucceededMs;
  store.cells().Commit({2, true, {PutNamespaceRow{std::make_shared<const NamespaceRow>(row)}}});
  store.events().AwaitCommitted(2);
  store.Reopen();
  size_t cells = 0;
  REQUIRE(store.cells()
              .ForEachCell([&](PgStore* cell) {
                ++cells;
                CHECK(cell->retention()->Of(kInCell).succeeded_ms == 7 * StoreHarness::kRetentionSucceededMs);
                CHECK(cell->retention()->Of(kInCell).settled_ms == StoreHarness::kRetentionSettledMs);
                CHECK(cell->retention()->Of(kAtHome).succeeded_ms == StoreHarness::kRetentionSucceededMs);
                return Status::Ok();
              })
              .ok());
  CHECK(cells == 2);
}

}  // namespace notifyd
