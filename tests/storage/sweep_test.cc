// Which tables retention drops and rewrites, and that it does.
#include "storage/sweep.h"

#include "storage/keys.h"
#include "storage/raw.h"
#include "storage/records.h"
#include "storage/rocks_harness.h"

namespace notifyd {
namespace {

constexpr Retention kRetention{1000, 5000};
constexpr int kLast = 6;
constexpr uint64_t kMost = 1000;

SweptTable Table(int level, char from, char to, std::optional<TableAges> ages, uint64_t bytes = 100) {
  static uint64_t number = 0;
  ++number;
  return {number, "/" + std::to_string(number) + ".sst", level, std::string(1, from), std::string(1, to), bytes, false, kRetention, std::move(ages)};
}
TableAges Ages(uint64_t succeeded, int64_t succeeded_at, uint64_t settled = 0, int64_t settled_at = INT64_MIN, uint64_t other = 0) {
  return {{succeeded, succeeded * 10, succeeded_at}, {settled, settled * 10, settled_at}, {other, other * 10, INT64_MIN}};
}
std::vector<std::vector<size_t>> Rewritten(const Sweep& sweep) {
  std::vector<std::vector<size_t>> tables;
  for (const auto& rewrite : sweep.rewrites) tables.push_back(rewrite.tables);
  return tables;
}
using Indexes = std::vector<size_t>;
using Groups = std::vector<std::vector<size_t>>;

TEST_CASE("sweep: a table is dropped once the last of what it holds is over, by how it ended") {
  std::vector<SweptTable> tables = {Table(6, 'a', 'b', Ages(5, 100)), Table(6, 'c', 'd', Ages(5, 100, 1, 200))};
  CHECK(PlanSweep(tables, 1099, kMost, kLast).drop == Indexes{});
  CHECK(PlanSweep(tables, 1100, kMost, kLast).drop == Indexes{0});
  CHECK(PlanSweep(tables, 5199, kMost, kLast).drop == Indexes{0});
  CHECK(PlanSweep(tables, 5200, kMost, kLast).drop == Indexes{0, 1});
  for (SweptTable& table : tables) table.retention = {INT64_MAX, INT64_MAX};
  CHECK(PlanSweep(tables, INT64_MAX, kMost, kLast).drop == Indexes{});
}

TEST_CASE("sweep: a table with anything that is pending, a change or a deletion is not dropped, nor one that says nothing, nor one that is busy") {
  std::vector<SweptTable> tables = {Table(6, 'a', 'b', Ages(9, 100, 0, INT64_MIN, 1)), Table(6, 'c', 'd', std::nullopt),
                                    Table(6, 'e', 'f', Ages(9, 100))};
  tables[2].busy = true;
  Sweep sweep = PlanSweep(tables, 100'000, kMost, kLast);
  CHECK(sweep.drop == Indexes{});
  CHECK(Rewritten(sweep) == Groups{{0}});
}

TEST_CASE("sweep: a table that meets another in its range of keys is rewritten, since dropping the range would drop both, or show what lies below") {
  for (int other_level : {4, 5}) {
    for (auto [from, to] : {std::pair{'b', 'c'}, std::pair{'a', 'b'}, std::pair{'d', 'x'}, std::pair{'a', 'z'}}) {
      std::vector<SweptTable> tables = {Table(6, 'b', 'd', Ages(5, 100)), Table(other_level, from, to, Ages(0, 0, 0, 0, 5))};
      Sweep sweep = PlanSweep(tables, 100'000, kMost, kLast);
      CHECK(sweep.drop == Indexes{});
      CHECK(Rewritten(sweep) == Groups{{0}});
      // The upper one over, the lower one not: what it shadows would come back.
      std::swap(tables[0].ages, tables[1].ages);
      CHECK(PlanSweep(tables, 100'000, kMost, kLast).drop == Indexes{});
    }
  }
  // Level 0 is never dropped from, and stays.
  std::vector<SweptTable> tables = {Table(6, 'b', 'd', Ages(5, 100)), Table(0, 'a', 'z', Ages(0, 0, 0, 0, 5)), Table(5, 'e', 'f', Ages(5, 100))};
  CHECK(PlanSweep(tables, 100'000, kMost, kLast).drop == Indexes{2, 0});
}

TEST_CASE("sweep: neighbours of which more than half is over are rewritten together, up to a size") {
  std::vector<SweptTable> tables;
  for (char c = 'a'; c < 'h'; ++c) tables.push_back(Table(6, c, c, Ages(6, 100, 0, INT64_MIN, 4), 400));
  tables[2].ages = Ages(5, 100, 0, INT64_MIN, 5);  // half
  CHECK(Rewritten(PlanSweep(tables, 100'000, kMost, kLast)) == Groups{{0, 1}, {3, 4}, {5, 6}});
  CHECK(Rewritten(PlanSweep(tables, 100'000, 1, kLast)).size() == 6);
  CHECK(PlanSweep(tables, 1099, kMost, kLast).rewrites.empty());
}

TEST_CASE("sweep: level 0 goes as a whole, into the first level below that has tables, or the last") {
  std::vector<SweptTable> tables = {Table(0, 'a', 'z', Ages(6, 100)), Table(0, 'b', 'x', Ages(1, 100, 0, INT64_MIN, 4))};
  Sweep sweep = PlanSweep(tables, 100'000, kMost, kLast);
  REQUIRE(Rewritten(sweep) == Groups{{0, 1}});
  CHECK(sweep.rewrites[0].level == kLast);
  tables.push_back(Table(4, 'c', 'd', Ages(0, 0, 0, 0, 5)));
  CHECK(PlanSweep(tables, 100'000, kMost, kLast).rewrites[0].level == 4);
  tables[1].busy = true;
  CHECK(PlanSweep(tables, 100'000, kMost, kLast).rewrites.empty());
}

TEST_CASE("sweep: what a table holds is counted by what may be dropped, and reads as it was written") {
  auto value = [](Phase phase, int64_t at) {
    NotifyRecord record = MakeRecord(1);
    record.state.phase = phase;
    record.state.settled_at = {at};
    std::string out;
    EncodeNotify(record, &out);
    return out;
  };
  TableAges ages;
  std::string orphan, damaged = value(Phase::kSucceeded, 7);
  EncodeOrphan(&orphan);
  damaged[damaged.size() / 2] ^= 1;
  ages.Add("k", value(Phase::kSucceeded, 5), true);
  ages.Add("k", value(Phase::kSucceeded, 3), true);
  ages.Add("k", orphan, true);
  ages.Add("k", value(Phase::kFailed, 9), true);
  for (Phase phase : {Phase::kHeld, Phase::kWaiting, Phase::kRetrying}) ages.Add("k", value(phase, 1), true);
  ages.Add("k", value(Phase::kSucceeded, 1), false);
  ages.Add("k", "", false);
  ages.Add("k", damaged, true);
  CHECK(ages.succeeded.entries == 3);
  CHECK(ages.succeeded.last_settled_ms == 5);
  CHECK(ages.settled.entries == 1);
  CHECK(ages.settled.last_settled_ms == 9);
  CHECK(ages.other.entries == 6);
  std::string bytes = EncodeTableAges(ages);
  CHECK(DecodeTableAges(bytes) == ages);
  CHECK_FALSE(DecodeTableAges(bytes + "x"));
  CHECK_FALSE(DecodeTableAges(bytes.substr(1)));
  CHECK_FALSE(DecodeTableAges(""));
}

void Settle(RocksHarness& store, uint64_t from, uint64_t to, Phase phase = Phase::kSucceeded) {
  std::vector<WriteOp> ops;
  for (uint64_t id = from; id <= to; ++id) {
    NotifyRecord record = MakeRecord(id);
    record.state = SettledState(phase);
    ops.push_back(Put(record));
  }
  store.Commit(std::move(ops));
}

TEST_CASE("retention: a table that is over as a whole is dropped, and one that is not stays") {
  RocksHarness store;
  Settle(store, 1, 100);
  REQUIRE(store.rocks().Compact().ok());
  store.Commit({Put(MakeRecord(200))});
  REQUIRE(store.rocks().Sweep().ok());
  CHECK(store.rocks().Stats().dropped_tables == 0);
  store.wall_ms += StoreHarness::kRetentionSucceededMs;
  REQUIRE(store.rocks().Sweep().ok());
  StoreStats stats = store.rocks().Stats();
  CHECK(stats.dropped_tables == 1);
  CHECK(stats.dropped_bytes > 0);
  CHECK(stats.rewritten_bytes == 0);
  store.wall_ms = StoreHarness::kStart;  // so that nothing but its absence hides it
  CHECK_FALSE(store.LoadNotify({1}).record);
  CHECK(store.LoadNotify({200}).record);
  store.Reopen();
  CHECK_FALSE(store.LoadNotify({100}).record);
  CHECK(store.LoadNotify({200}).record);
}

TEST_CASE("retention: one that was sent again stays, though its table of before is over and dropped") {
  RocksHarness store;
  Settle(store, 1, 100);
  REQUIRE(store.rocks().Compact().ok());
  store.Commit({Put(MakeRecord(50)), PutDue{Clock::kWall, {5, {50}}}});
  store.wall_ms += StoreHarness::kRetentionSucceededMs;
  for (bool in_table : {false, true}) {
    if (in_table) store.Reopen();  // into level 0
    REQUIRE(store.rocks().Sweep().ok());
    CheckSame(*store.LoadNotify({50}).record, MakeRecord(50));
    CHECK(store.LoadPage(DuePage{Clock::kWall, {}, 10}).due().size() == 1);
  }
  REQUIRE(store.rocks().Compact().ok());
  REQUIRE(store.rocks().Sweep().ok());
  CheckSame(*store.LoadNotify({50}).record, MakeRecord(50));
}

TEST_CASE("retention: a table with a few that are pending is rewritten without the others") {
  RocksHarness store;
  Settle(store, 1, 100);
  store.Commit({Put(MakeRecord(40)), Put(MakeRecord(101))});
  REQUIRE(store.rocks().Compact().ok());
  store.wall_ms += StoreHarness::kRetentionSucceededMs;
  REQUIRE(store.rocks().Sweep().ok());
  CHECK(store.rocks().Stats().dropped_tables == 0);
  CHECK(store.rocks().Stats().rewritten_bytes > 0);
  Raw(store, [](StoreTool& tool) {
    CHECK_FALSE(Has(tool, EncodeNotifyKey({1})));
    CHECK(Has(tool, EncodeNotifyKey({40})));
    CHECK(Has(tool, EncodeNotifyKey({101})));
    CHECK(*tool.TableEntries(EncodeNotifyKey({1})) == 2);
  });
}

TEST_CASE("retention: in a store in which little happens level 0 goes too") {
  RocksHarness store;
  Settle(store, 1, 100, Phase::kFailed);
  store.Reopen();
  store.wall_ms += StoreHarness::kRetentionSettledMs;
  REQUIRE(store.rocks().Sweep().ok());
  Raw(store, [](StoreTool& tool) { CHECK(*tool.TableEntries(EncodeNotifyKey({1})) == 0); });
}

}  // namespace
}  // namespace notifyd
