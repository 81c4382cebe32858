// Lanes in RocksStore beyond the contract suite: what compaction makes of their counts, damage, bounds.
#include "storage/keys.h"
#include "storage/raw.h"
#include "storage/records.h"
#include "storage/rocks_harness.h"

namespace notifyd {
namespace {

std::string CountsKey(const LaneKey& lane) {
  return EncodeNamedLaneKey(KeyKind::kLaneCounts, lane);
}
IndexCounts Due(int64_t due) {
  return {0, 0, due, 0, 0};
}
IndexCounts CountsOf(RocksHarness& store, const LaneKey& lane) {
  LanesQuery query;
  query.only = lane;
  LanesDone done = store.ListLanes(query);
  return done.rows.empty() ? IndexCounts() : done.rows[0].counts;
}

TEST_CASE("lanes: compaction drops counts that are zero, and no others") {
  RocksHarness store;
  store.Commit({AddLaneCounts{kFifoLane, Due(2)}, AddLaneCounts{kConcurrentLane, Due(2)}});
  store.Commit({AddLaneCounts{kFifoLane, Due(-2)}, AddLaneCounts{kConcurrentLane, Due(-1)}});
  // The first makes values of operands, the second sees them.
  REQUIRE(store.rocks().Compact().ok());
  REQUIRE(store.rocks().Compact().ok());
  Raw(store, [](StoreTool& tool) {
    CHECK_FALSE(Has(tool, CountsKey(kFifoLane)));
    CHECK(Has(tool, CountsKey(kConcurrentLane)));
  });
  CHECK(CountsOf(store, kConcurrentLane) == Due(1));
}

TEST_CASE("lanes: an operand that is all that compaction sees of a lane is kept for what lies deeper") {
  RocksHarness store;
  store.Commit({AddLaneCounts{kFifoLane, Due(5)}});
  REQUIRE(store.rocks().Compact().ok());
  Raw(store, [](StoreTool& tool) {
    std::string zero, one;
    EncodeLaneCountsChange({}, &zero);
    EncodeLaneCountsChange(Due(1), &one);
    // In a table of their own, above the one that holds the value.
    REQUIRE(tool.Merge(CountsKey(kFifoLane), zero).ok());
    REQUIRE(tool.Flush().ok());
    REQUIRE(tool.Merge(CountsKey(kFifoLane), one).ok());
    REQUIRE(tool.Flush().ok());
  });
  CHECK(CountsOf(store, kFifoLane) == Due(6));
  REQUIRE(store.rocks().Compact().ok());
  CHECK(CountsOf(store, kFifoLane) == Due(6));
}

TEST_CASE("lanes: batches that are written as one leave one operand a lane, and none where they cancel out") {
  RocksHarness store;
  constexpr uint64_t kBatches = 500;
  for (uint64_t i = 1; i <= kBatches; ++i) {
    WriteBatch batch;
    batch.number = i;
    batch.sync = i == kBatches;
    batch.ops = {AddLaneCounts{kFifoLane, Due(1)}, AddLaneCounts{kConcurrentLane, Due(i % 2 ? 1 : -1)}};
    store.store().Commit(std::move(batch));
  }
  while (store.Next<Committed>().batch < kBatches) {
  }
  CHECK(CountsOf(store, kFifoLane) == Due(kBatches));
  CHECK(CountsOf(store, kConcurrentLane) == IndexCounts());
}

TEST_CASE("lanes: damaged counts and settings are an error of the list that meets them, by the lane's name") {
  RocksHarness store;
  store.Commit({AddLaneCounts{kFifoLane, Due(2)}, PutLaneSettings{kConcurrentLane, {}}});
  auto error_of = [&](LanesQuery query) {
    store.store().ListLanes({{1, 1}, std::move(query)});
    auto done = store.Next<LanesDone>();
    CHECK(done.rows.empty());
    CHECK(done.status.code() == Code::kCorrupt);
    return done.status.detail();
  };
  std::string settings_key = EncodeNamedLaneKey(KeyKind::kLaneSettings, kConcurrentLane), good;
  Raw(store, [&](StoreTool& tool) {
    good = **tool.Get(CountsKey(kFifoLane));
    std::string bad = good;
    bad[3] ^= 1;
    REQUIRE(tool.Put(CountsKey(kFifoLane), bad).ok());
  });
  CHECK_THAT(error_of({}), Catch::Contains(kFifoLane.name));
  // What is added to damaged counts does not make them good again.
  store.Commit({AddLaneCounts{kFifoLane, Due(1)}});
  REQUIRE(store.rocks().Compact().ok());
  CHECK_THAT(error_of({}), Catch::Contains(kFifoLane.name));
  Raw(store, [&](StoreTool& tool) {
    REQUIRE(tool.Put(CountsKey(kFifoLane), good).ok());
    REQUIRE(tool.Put(settings_key, "nonsense").ok());
  });
  CHECK_THAT(error_of({}), Catch::Contains(kConcurrentLane.name));
  LanesQuery query;
  query.only = kConcurrentLane;
  CHECK_THAT(error_of(query), Catch::Contains(kConcurrentLane.name));
  store.store().Load({1, {kConcurrentLane}});
  CHECK(store.Next<Loaded>().status.code() == Code::kCorrupt);
}

TEST_CASE("lanes: a list that meets many lanes with nothing to say gives up in between and goes on from its cursor") {
  RocksHarness store;
  constexpr int kExamined = static_cast<int>(kListExamined), kLanes = 2 * kExamined + kExamined / 2;
  auto lane = [](int i) { return LaneKey{Mode::kFifo, "lane " + std::to_string(100'000 + i)}; };
  for (int i = 1; i <= kLanes;) {
    std::vector<WriteOp> ops, back;
    for (; i <= kLanes && ops.size() < 5000; ++i) {
      ops.push_back(AddLaneCounts{lane(i), Due(1)});
      if (i != 3 && i != kLanes) back.push_back(AddLaneCounts{lane(i), Due(-1)});
    }
    store.Commit(std::move(ops), false);
    store.Commit(std::move(back), false);
  }
  LanesQuery query;
  LanesDone first = store.ListLanes(query);
  REQUIRE(first.rows.size() == 1);
  CHECK(first.rows[0].lane == lane(3));
  REQUIRE(first.more);
  CHECK(*first.next == lane(kExamined));
  query.after = first.next;
  LanesDone second = store.ListLanes(query);
  CHECK(second.rows.empty());
  REQUIRE(second.more);
  query.after = second.next;
  LanesDone third = store.ListLanes(query);
  REQUIRE(third.rows.size() == 1);
  CHECK(third.rows[0].lane == lane(kLanes));
  CHECK_FALSE(third.more);
}

}  // namespace
}  // namespace notifyd
