// A store in PostgreSQL with a cell, in another database: what lies where, who may write it, and what does without a cell that is not reached.
#include <chrono>
#include <string>
#include <thread>

#include "storage/cells_harness.h"
#include "storage/postgres/pg_schema.h"

namespace notifyd {

TEST_CASE("postgres cells: what is written of a namespace in a cell lies there, survives a restart, and is removed there when it is dropped") {
  CellHarness store;
  store.Commit({Put(MakeRecord(1))});
  const char* of_it = "SELECT count(*) FROM log WHERE unit = 5";
  CHECK(Ask(store.east(), of_it) > 0);
  CHECK(Ask(store.home(), of_it) == 0);
  CHECK(Ask(store.east(), "SELECT count(*) FROM log WHERE unit <> 5") == 0);
  store.Reopen();
  CHECK(store.LoadNotify({1}).record);
  CHECK(Ask(store.east(), "SELECT claim FROM claimed WHERE unit = 5") == 2);

  store.LetGo();
  store.Drop();
  CHECK(Ask(store.home(), "SELECT count(*) FROM leftovers") == 1);
  // What the cell still has to sync of it goes first.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (Ask(store.home(), "SELECT count(*) FROM leftovers") != 0 && std::chrono::steady_clock::now() < until) {
    CHECK(store.cells().Clean().ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  CHECK(Ask(store.home(), "SELECT count(*) FROM leftovers") == 0);
  CHECK(Ask(store.east(), "SELECT count(*) FROM log") == 0);
  CHECK(Ask(store.east(), "SELECT count(*) FROM claimed") == 0);
  CHECK(Ask(store.east(), "SELECT count(*) FROM owners") == 0);
}

TEST_CASE("postgres cells: from the next owner's claim on an older one's transactions are refused, and so is a claim of its that comes late") {
  CellHarness store;
  auto connection = Connect(store.east());
  const auto owner = connection->Run("SELECT epoch, incarnation FROM owners WHERE unit = 5");
  REQUIRE(owner.ok());
  const int64_t epoch = owner->Int(0, 0);
  const std::string incarnation(owner->Bytes(0, 1));
  const auto next = connection->Run(kPgClaim, PgParams().Int(9).Bytes(std::string(16, 'n')).Int(kInCell));
  REQUIRE(next.ok());
  CHECK(next->Int(0, 1) == epoch + 1);

  const auto late = connection->Run(kPgClaim, PgParams().Int(8).Bytes(incarnation).Int(kInCell));
  CHECK_FALSE(late.ok());
  CHECK(connection->sqlstate() == kPgFenced);
  const auto again = connection->Run(kPgRenewUnits, PgParams().Int(1).Bytes(incarnation).Ints({kInCell}));
  CHECK_FALSE(again.ok());
  CHECK(connection->sqlstate() == kPgFenced);
  const PgParams fence = std::move(PgParams().Int(kInCell).Int(epoch).Bytes(incarnation).Int(0).Int(99).Null().Bool(true).Bool(false));
  CHECK_FALSE(connection->Run(kPgFence, fence).ok());
  CHECK(connection->sqlstate() == kPgFenced);
  CHECK(Ask(store.east(), "SELECT count(*) FROM log WHERE unit = 5 AND n = 99") == 0);
}

TEST_CASE("postgres cells: one that is not reached is its namespaces' affair alone, and used again once it is there") {
  CellHarness store;
  store.Close();
  const std::string dsn = store.east().dsn;
  store.options().postgres.cells["east"] = "host=/nowhere dbname=postgres";
  store.OpenStore();
  WaitingSink sink;
  CHECK(store.cells().OpenNamespace(kInCell, &sink).status().code() == Code::kUnavailable);
  CHECK(store.cells().Lost(kInCell));
  CHECK_FALSE(store.cells().Lost(kAtHome));
  CHECK(store.cells().OpenNamespace(kAtHome, &sink).ok());
  store.Close();
  store.options().postgres.cells["east"] = dsn;
  store.OpenStore();
  store.OpenSpace();
  CHECK_FALSE(store.cells().Lost(kInCell));
}

TEST_CASE("postgres cells: another database under a cell's name is refused, and so are a cell as a store, and a store as a cell") {
  CellHarness store;
  store.Close();
  const auto refused = [&](const std::string& dsn) {
    StoreOptions options = store.options();
    options.postgres.cells["east"] = dsn;
    auto opened = PgCells::Open(options);
    return !opened.ok() && opened.status().code() == Code::kUnacceptable && opened.status().field() == "/store/postgres/cells/east";
  };
  CHECK(refused(In("west", store.home()).dsn));
  CHECK(refused(store.home().dsn));
  StoreOptions alone = store.options();
  alone.postgres.cells.clear();
  alone.postgres.dsn = store.east().dsn;
  CHECK(PgStore::Open(alone).status().code() == Code::kUnacceptable);
}

}  // namespace notifyd
