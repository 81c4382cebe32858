// A store in PostgreSQL with a cell, in another database: what lies where, who may write it, and what does without a cell that is not reached.
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "storage/cells_harness.h"
#include "storage/keys.h"
#include "storage/postgres/pg_cell_move.h"
#include "storage/postgres/pg_lease.h"
#include "storage/postgres/pg_schema.h"
#include "support/slowness.h"

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
  CHECK(Ask(store.home(), "SELECT count(*) FROM leftovers WHERE cell = 'east'") == 1);
  // What the cell still has to sync of it goes first.
  const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(60);
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

namespace {

/// Another broker, which has the store from now on: it saw that the lease was not renewed.
class Successor : public OwnerHandle {
 public:
  explicit Successor(StoreOptions options) {
    auto connection = Connect(options.postgres);
    // Whoever still renews it does so between a look and this now and then.
    for (int tries = 0; tries < 100 && word_.free; ++tries) {
      const auto seen = connection->Run(kPgLook);
      REQUIRE(seen.ok());
      const Incarnation own{8, 8};
      const auto taken = connection->Run(kPgTakeLease, PgParams()
                                                           .Int(seen->Int(0, 0))
                                                           .Int(seen->Int(0, 1))
                                                           .Bytes(seen->Bytes(0, 2))
                                                           .Bool(false)
                                                           .Bytes(EncodeIncarnation(own)));
      if (taken.ok()) word_ = {static_cast<uint64_t>(taken->Int(0, 0)), static_cast<uint64_t>(taken->Int(0, 1)), own, false};
    }
    REQUIRE_FALSE(word_.free);
    options.owner = this;
    auto opened = PgCells::Open(options);
    if (!opened.ok()) FAIL(opened.status().detail());
    cells_ = *std::move(opened);
    REQUIRE(cells_->OpenCluster() == nullptr);
    REQUIRE(cells_->LoadRegistry().ok());
    cells_->Start(&events_);
  }
  OwnerWord word() const override { return word_; }
  void Fenced() override { FAIL("it is fenced"); }
  PgCells& cells() { return *cells_; }
  CellStore& mover() { return *cells_->mover(); }
  void Put(const NamespaceRow& row) {
    cells_->Commit({++batches_, true, {PutNamespaceRow{std::make_shared<const NamespaceRow>(row)}}});
    events_.AwaitCommitted(batches_);
  }

 private:
  OwnerWord word_;
  WaitingEvents events_;
  uint64_t batches_ = 0;
  std::unique_ptr<PgCells> cells_;
};

void WriteOne(NamespaceStore* space, WaitingSink* sink) {
  WriteBatch batch{1, true, {Put(MakeRecord(1))}, {}};
  batch.totals.accepted = 1;
  space->Commit(std::move(batch));
  REQUIRE(std::holds_alternative<Committed>(sink->Take()));
}

void CopyAll(CellStore* mover, const CellWish& wish) {
  for (bool more = true; more;) {
    const CellStep step = mover->Copy(wish);
    REQUIRE(step.status.ok());
    more = step.more;
  }
}

}  // namespace

TEST_CASE("postgres cells: a namespace that nobody ever opened is moved by whoever has the store, and not by who had it") {
  CellHarness store;
  const CellWish wish{kAtHome, "n6", kHomeCell, "east"};
  CellStore& late = *store.cells().mover();
  REQUIRE(late.Look(wish).status.ok());
  REQUIRE(late.Begin(wish).status.ok());
  Successor next(store.options());
  CHECK(late.Begin(wish).status.code() == Code::kConflict);
  REQUIRE(next.mover().Look(wish).status.ok());
  CHECK(next.mover().Begin(wish).status.ok());
}

TEST_CASE("postgres cells: a move of a namespace that fell asleep, of which what it wrote last is not synced, begins without a further write") {
  CellHarness store;
  WaitingSink sink;
  {
    auto space = store.cells().OpenNamespace(kAtHome, &sink);
    REQUIRE(space.ok());
    WriteOne(space->store.get(), &sink);
    space->store->Sleep(kWallNever);
  }
  store.Commit({Put(MakeRecord(1))});
  store.Sleep();
  CellStore& mover = *store.cells().mover();
  for (const CellWish& wish : {CellWish{kAtHome, "n6", kHomeCell, "east"}, CellWish{kInCell, "n5", "east", kHomeCell}}) {
    REQUIRE(mover.Look(wish).status.ok());
    const CellStep begun = mover.Begin(wish);
    INFO(begun.status.detail());
    REQUIRE(begun.status.ok());
    CopyAll(&mover, wish);
    REQUIRE(mover.Follow(wish).status.ok());
    REQUIRE(mover.Finish(wish).status.ok());
    mover.End(wish);
  }
}

TEST_CASE("postgres cells: what goes to another cell is as old there as it was, by that cell's clock") {
  CellHarness store;
  store.Commit({Put(MakeRecord(1))});
  store.LetGo();
  REQUIRE(Connect(store.east())->RunScript("UPDATE log SET at = at - interval '30 seconds'").ok());
  CellStore& mover = *store.cells().mover();
  const CellWish wish{kInCell, "n5", "east", kHomeCell};
  REQUIRE(mover.Look(wish).status.ok());
  REQUIRE(mover.Begin(wish).status.ok());
  CopyAll(&mover, wish);
  REQUIRE(mover.Follow(wish).status.ok());
  REQUIRE(mover.Finish(wish).status.ok());
  CHECK(Ask(store.home(), "SELECT extract(epoch FROM clock_timestamp() - at)::bigint FROM log WHERE unit = 5") >= 30);
  mover.End(wish);
}

namespace {

/// All keys of the namespace that lie there.
std::set<std::string> KeysOf(const PostgresOptions& options, NamespaceNumber number) {
  auto connection = Connect(options);
  const KeyRange range = RangeOf(number);
  std::set<std::string> keys;
  for (const char* table : {"kv_main", "kv_notifies", "kv_hot", "counted"}) {
    const std::string sql = std::string("SELECT k FROM ") + table + " WHERE k >= $1::bytea AND k < $2::bytea";
    auto rows = connection->Run(sql.c_str(), PgParams().Bytes(range.from).Bytes(range.to));
    if (!rows.ok()) FAIL(rows.status().detail());
    for (int i = 0; i < rows->size(); ++i) keys.emplace(rows->Bytes(i, 0));
  }
  return keys;
}

/// The step, again where its server was not reached: connections went as that was killed.
template <class Step>
CellStep Insist(Step step) {
  const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(60);
  for (;;) {
    const CellStep done = step();
    if (done.status.ok()) return done;
    INFO(done.status.detail());
    REQUIRE(done.status.code() == Code::kUnavailable);
    REQUIRE(std::chrono::steady_clock::now() < until);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

/// A namespace at home that is to move to a cell whose server may be killed: what waited for no disk is lost to that then.
struct MoveToLosing {
  MoveToLosing() {
    store.Close();
    store.options().postgres.cells["west"] = server.dsn();
    store.OpenStore();
    west = store.home();
    west.dsn = server.dsn();
    // By its row nobody else cleans the copy up.
    NamespaceRow row = SpaceRow(kAtHome, std::nullopt);
    row.moving_to = "west";
    store.cells().Commit({1, true, {PutNamespaceRow{std::make_shared<const NamespaceRow>(row)}}});
    store.events().AwaitCommitted(1);
    auto opened = store.cells().OpenNamespace(kAtHome, &sink);
    REQUIRE(opened.ok());
    space = *std::move(opened);
  }
  void WriteMore(uint64_t count) {
    WriteBatch batch;
    batch.number = ++batches;
    batch.sync = true;
    for (uint64_t i = 0; i < count; ++i) batch.ops.push_back(Put(MakeRecord(++id)));
    space.store->Commit(std::move(batch));
    for (uint64_t reported = 0; reported < batches;) {
      const Event event = sink.Take();
      if (const auto* committed = std::get_if<Committed>(&event)) reported = committed->batch;
    }
  }
  void Crash() {
    server.Kill();
    server.Start();
  }

  const CellWish wish{kAtHome, "n6", kHomeCell, "west"};
  test::PostgresServer server{{"wal_writer_delay=10s", "wal_writer_flush_after=1GB"}};
  WaitingSink sink;
  CellHarness store;
  PostgresOptions west;
  OpenedNamespace space;
  uint64_t batches = 0, id = 0;
};

}  // namespace

TEST_CASE("postgres cells: what a move copied and removed holds where the server of the cell to which it goes crashes right behind it") {
  const std::string crash_behind = GENERATE(as<std::string>(), "begin", "copy", "follow");
  MoveToLosing of;
  const auto may_crash = [&](const std::string& behind) {
    if (behind == crash_behind) of.Crash();
  };
  for (int times = 0; times < 5; ++times) of.WriteMore(1'000);
  // Of an older copy, which is not there any more where it is copied from.
  const std::string older = KeySpace(kAtHome).In(std::string(1, static_cast<char>(KeyKind::kNotify))) + "older";
  REQUIRE(Connect(of.west)->Run("INSERT INTO kv_notifies (k, v) VALUES ($1, 'x')", PgParams().Bytes(older)).ok());
  CellStore& mover = *of.store.cells().mover();
  REQUIRE(mover.Look(of.wish).status.ok());
  REQUIRE(mover.Begin(of.wish).status.ok());
  may_crash("begin");

  const auto copy = [&] { return mover.Copy(of.wish); };
  CellStep step = Insist(copy);
  while (step.keys == 0 && step.more) step = Insist(copy);
  REQUIRE(step.keys > 0);
  REQUIRE(step.more);
  may_crash("copy");
  while (step.more) step = Insist(copy);

  of.WriteMore(200);
  const auto follow = [&] { return mover.Follow(of.wish); };
  step = Insist(follow);
  REQUIRE(step.keys > 0);
  may_crash("follow");
  while (step.more) step = Insist(follow);

  of.space = {};
  Insist([&] { return mover.Finish(of.wish); });
  Insist([&] { return mover.Depart(of.wish); });
  const std::set<std::string> left = KeysOf(of.store.home(), kAtHome), copied = KeysOf(of.west, kAtHome);
  CHECK(left.size() > 5'000);
  CHECK(copied.size() == left.size());
  const bool the_same = copied == left;
  CHECK(the_same);
  mover.End(of.wish);
}

TEST_CASE("postgres cells: a copy of which somebody began to remove some is none to switch to, however whole it was, and is made anew") {
  CellHarness store;
  NamespaceRow row = SpaceRow(kAtHome, std::nullopt);
  row.moving_to = "east";  // the store itself removes nothing of it
  store.cells().Commit({2, true, {PutNamespaceRow{std::make_shared<const NamespaceRow>(row)}}});
  store.events().AwaitCommitted(2);
  WaitingSink sink;
  {
    auto space = store.cells().OpenNamespace(kAtHome, &sink);
    REQUIRE(space.ok());
    WriteOne(space->store.get(), &sink);
  }
  const CellWish wish{kAtHome, "n6", kHomeCell, "east"};
  CellStore& mover = *store.cells().mover();
  const auto depart = [&] {
    REQUIRE(mover.Begin(wish).status.ok());
    CopyAll(&mover, wish);
    REQUIRE(mover.Follow(wish).status.ok());
    REQUIRE(mover.Finish(wish).status.ok());
    REQUIRE(mover.Depart(wish).status.ok());
  };
  depart();
  mover.End(wish);
  const char* copied = "SELECT count(*) FROM kv_notifies";
  CHECK(Ask(store.east(), copied) == 1);
  PgStore* east = nullptr;
  const auto last = [&](PgStore* each) {
    east = each;
    return Status::Ok();
  };
  REQUIRE(store.cells().ForEachCell(last).ok());
  int steps = 0;
  PgCleaning left{PgEmptying(kAtHome)};
  const Status cleaned = CleanTransit(east, &left, [] { return Result<bool>(true); }, [&] { return ++steps > 2; });
  CHECK(cleaned.code() == Code::kUnavailable);
  CHECK(Ask(store.east(), copied) == 0);

  const CellStep looked = mover.Look(wish);
  REQUIRE(looked.status.ok());
  CHECK_FALSE(looked.more);
  depart();
  CHECK(Ask(store.east(), copied) == 1);
  CHECK(mover.Look(wish).more);
  mover.End(wish);
}

TEST_CASE("postgres cells: who moves a namespace and does not own it any more writes neither to the copy, nor where it lay, nor to its row") {
  CellHarness store;
  WaitingSink sink;
  auto space = store.cells().OpenNamespace(kAtHome, &sink);
  REQUIRE(space.ok());
  WriteOne(space->store.get(), &sink);
  const CellWish wish{kAtHome, "n6", kHomeCell, "east"};
  CellStore& late = *store.cells().mover();
  REQUIRE(late.Look(wish).status.ok());
  REQUIRE(late.Begin(wish).status.ok());
  REQUIRE(late.Copy(wish).more);
  *space = {};

  Successor next(store.options());
  REQUIRE(next.mover().Look(wish).status.ok());
  REQUIRE(next.mover().Begin(wish).status.ok());
  const char *move = "SELECT move FROM transits WHERE unit = 6", *epoch = "SELECT epoch FROM owners WHERE unit = 6";
  const int64_t its_move = Ask(store.east(), move), its_epoch = Ask(store.home(), epoch);
  const auto is_refused = [&](const CellStep& step) { return step.status.code() == Code::kConflict; };
  CHECK(is_refused(late.Copy(wish)));
  CHECK(is_refused(late.Finish(wish)));
  CHECK(is_refused(late.Depart(wish)));
  CHECK(is_refused(late.Begin(wish)));
  CHECK(Ask(store.east(), move) == its_move);
  CHECK(Ask(store.home(), epoch) == its_epoch);
  CHECK(Ask(store.home(), "SELECT count(*) FROM transits") == 0);

  CopyAll(&next.mover(), wish);
  REQUIRE(next.mover().Finish(wish).status.ok());
  CHECK(is_refused(late.Depart(wish)));
  REQUIRE(next.mover().Depart(wish).status.ok());
  CHECK(is_refused(late.Look(wish)));
  CHECK(Ask(store.home(), "SELECT count(*) FROM transits") == 1);
  next.Put(SpaceRow(kAtHome, "east"));
  next.mover().End(wish);
  // It lies in the other cell, and is served there: what comes for its copy late must not empty it.
  WaitingSink served;
  const auto opened = next.cells().OpenNamespace(kAtHome, &served);
  REQUIRE(opened.ok());
  CHECK(opened->totals.accepted == 1);
  CHECK(is_refused(late.Begin(wish)));
  CHECK(Ask(store.east(), "SELECT count(*) FROM kv_notifies") == 1);
  CHECK(Ask(store.east(), "SELECT count(*) FROM transits") == 0);
  store.cells().Commit({9, true, {PutNamespaceRow{std::make_shared<const NamespaceRow>(SpaceRow(kAtHome, std::nullopt))}}});
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (store.events().failures == 0 && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const auto image = next.cells().LoadRegistry();
  REQUIRE(image.ok());
  for (const auto& row : image->namespaces)
    if (row->number == kAtHome) CHECK(row->settings.cell == "east");
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

TEST_CASE(
    "postgres cells: a commit that waits for somebody's lock for long is told to whoever goes over its connection, and takes nothing else away") {
  constexpr NamespaceNumber kBeside = 8;  // goes over the other connection
  CellHarness store;
  store.cells().Commit({2, true, {PutNamespaceRow{std::make_shared<const NamespaceRow>(SpaceRow(kBeside, "east"))}}});
  store.events().AwaitCommitted(2);
  WaitingSink sink;
  auto beside = store.cells().OpenNamespace(kBeside, &sink);
  REQUIRE(beside.ok());
  auto session = Connect(store.east());
  REQUIRE(session->RunScript("BEGIN; SELECT FROM owners WHERE unit = 5 FOR UPDATE").ok());
  const auto batch_of = [](uint64_t number, NotifyId id) {
    WriteBatch batch;
    batch.number = number;
    batch.sync = true;
    batch.ops = {Put(MakeRecord(id.value))};
    return batch;
  };
  store.store().Commit(batch_of(1, {1}));
  const Event said = store.NextEvent();
  REQUIRE(std::holds_alternative<DiskSpace>(said));
  CHECK(std::get<DiskSpace>(said).lost);
  for (NamespaceNumber number : {kInCell, kBeside}) CHECK_FALSE(store.cells().Lost(number));
  beside->store->Commit(batch_of(1, {2}));
  const Event written = sink.Take();
  REQUIRE(std::holds_alternative<Committed>(written));
  CHECK(std::get<Committed>(written).synced == 1);
  beside->store->Read({{1, 1}, {2}});
  const Event read = sink.Take();
  REQUIRE(std::holds_alternative<ReadDone>(read));
  CHECK(std::get<ReadDone>(read).notify.record);
  CHECK(sink.size() == 0);
  REQUIRE(session->RunScript("COMMIT").ok());
  CHECK(store.Next<Committed>().synced == 1);
  CHECK(store.events().failures == 0);
}

TEST_CASE("postgres cells: where the role loses a right in a cell, that is not reached until it has it again, and nothing of it is lost") {
  // As the server says it to one that may not use the schema any more: no such function, no such table.
  const std::string what = GENERATE(as<std::string>(), "FUNCTION %(bigint, bigint, bytea, bigint, bigint, bytea, boolean, boolean)", "TABLE %");
  const std::string name = what.front() == 'F' ? "fence" : "owners";
  const auto rename = [&](const std::string& from, const std::string& to) {
    return "ALTER " + std::string(what).replace(what.find('%'), 1, from) + " RENAME TO " + to;
  };
  CellHarness store;
  store.Commit({Put(MakeRecord(1))});
  auto beside = Connect(store.east());
  REQUIRE(beside->RunScript(rename(name, "gone")).ok());
  WriteBatch batch{2, true, {Put(MakeRecord(2))}, {}};
  store.store().Commit(std::move(batch));
  const Event said = store.NextEvent();
  REQUIRE(std::holds_alternative<DiskSpace>(said));
  CHECK(std::get<DiskSpace>(said).lost);
  CHECK(store.cells().Lost(kInCell));
  CHECK_FALSE(store.cells().Lost(kAtHome));
  REQUIRE(beside->RunScript(rename("gone", name)).ok());
  CHECK(store.Next<Committed>().batch == 2);
  CHECK(store.LoadNotify({2}).record);
  CHECK(store.events().failures == 0);
}

TEST_CASE("postgres: a role that may not use the schema of a store is told that, and not that a table is missing") {
  StoreOptions options = PostgresStoreOptions();
  auto beside = Connect(options.postgres);
  REQUIRE(PgStore::Open(options).ok());
  REQUIRE(beside->RunScript("DROP ROLE IF EXISTS without; CREATE ROLE without LOGIN").ok());
  options.postgres.dsn += " user=without";
  const auto refused = PgStore::Open(options);
  REQUIRE_FALSE(refused.ok());
  CHECK_THAT(refused.status().detail(), Catch::StartsWith("the role lacks a right"));
  CHECK_THAT(refused.status().detail(), Catch::Contains(options.postgres.schema));
  PgOwnerStore owners(options.postgres);
  CHECK(owners.Do({OwnerAsk::Kind::kLook, {}, false, {}}).first == OwnerAnswer::kUnknown);
  CHECK_THAT(owners.Fault(), Catch::StartsWith("the role lacks a right"));
}

TEST_CASE("postgres cells: a commit that waits for somebody's lock keeps nothing else of its cell from being opened") {
  constexpr NamespaceNumber kBeside = 8;
  CellHarness store;
  store.cells().Commit({2, true, {PutNamespaceRow{std::make_shared<const NamespaceRow>(SpaceRow(kBeside, "east"))}}});
  store.events().AwaitCommitted(2);
  auto session = Connect(store.east());
  REQUIRE(session->RunScript("BEGIN; SELECT FROM owners WHERE unit = 5 FOR UPDATE").ok());
  WriteBatch batch;
  batch.number = 1;
  batch.sync = true;
  batch.ops = {Put(MakeRecord(1))};
  store.store().Commit(std::move(batch));
  const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(60);
  const auto await = [&](auto holds) {
    while (!holds() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    REQUIRE(std::chrono::steady_clock::now() < until);
  };
  await([&] { return Ask(store.home(), "SELECT count(*) FROM pg_stat_activity WHERE datname = 'east' AND wait_event_type = 'Lock'") == 1; });
  // Another one is opened over new connections, at whose end not all is there that was written; the one that wrote it is let go of and comes back.
  REQUIRE(Ask(store.home(),
              "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE datname = 'east' AND application_name = 'notifyd' "
              "AND state = 'idle'") > 0);
  WaitingSink sink;
  CHECK(store.cells().OpenNamespace(kBeside, &sink).ok());
  store.LetGo();
  CHECK(store.cells().OpenNamespace(kInCell, &sink).status().code() == Code::kUnavailable);
  for (NamespaceNumber number : {kInCell, kBeside}) CHECK_FALSE(store.cells().Lost(number));
  REQUIRE(session->RunScript("COMMIT").ok());
  await([&] { return store.cells().OpenNamespace(kInCell, &sink).ok(); });
  CHECK(store.events().failures == 0);
}

TEST_CASE("postgres cells: one that the store knows, whose fsync was switched off, is not reached; one that it does not know is refused") {
  test::PostgresServer server;
  PostgresOptions at;
  at.dsn = server.dsn();
  const std::unique_ptr<PgConnection> session = Connect(at);
  REQUIRE(session->RunScript("CREATE DATABASE south").ok());
  CellHarness store;
  store.Close();
  store.options().postgres.cells["west"] = server.dsn();
  store.OpenStore();
  store.Close();
  REQUIRE(session->RunScript("ALTER SYSTEM SET fsync = off").ok());
  REQUIRE(session->RunScript("SELECT pg_reload_conf()").ok());
  // Sessions learn it soon.
  for (uint64_t lost = 0; lost == 0; store.Close()) {
    store.OpenStore();
    for (const StoreFigure& figure : store.cells().Figures())
      if (figure.name == std::string_view("cells_lost")) lost = figure.value;
  }
  store.options().postgres.cells["south"] = at.dsn.substr(0, at.dsn.rfind("dbname=")) + "dbname=south";
  CHECK(PgCells::Open(store.options()).status().code() == Code::kUnacceptable);
}

TEST_CASE("postgres cells: one of which a table is not logged any more is not reached, though it is connected to, until it is logged") {
  CellHarness store;
  store.Commit({Put(MakeRecord(1))});
  auto connection = Connect(store.east());
  for (const bool logged : {false, true}) {
    REQUIRE(connection->RunScript(logged ? "ALTER TABLE kv_hot SET LOGGED" : "ALTER TABLE kv_hot SET UNLOGGED").ok());
    const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(60);
    while (store.cells().Lost(kInCell) == logged && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(store.cells().Lost(kInCell) != logged);
  }
  store.Commit({Put(MakeRecord(2))});
}

TEST_CASE("postgres cells: what lies in a cell that the options do not name is opened nowhere, and whoever has the store alone does not begin") {
  CellHarness store;
  store.Commit({Put(MakeRecord(1))});
  store.Close();
  StoreOptions options = store.options();
  options.postgres.cells.clear();
  {
    auto opened = PgCells::Open(options);
    REQUIRE(opened.ok());
    const auto image = (*opened)->LoadRegistry();
    CHECK(image.status().code() == Code::kUnacceptable);
    CHECK(image.status().field() == "/store/postgres/cells/east");
    WaitingSink sink;
    const auto space = (*opened)->OpenNamespace(kInCell, &sink);
    CHECK(space.status().code() == Code::kUnavailable);
    CHECK_FALSE(space.status().field().empty());
  }
  CHECK(Ask(store.home(), "SELECT count(*) FROM log WHERE unit = 5") == 0);
  store.OpenStore();
  store.OpenSpace();
  CHECK(store.LoadNotify({1}).record);
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
