// What RocksStore does beyond the contract suite: retention in compaction, damage that only reading finds, failures, bounds.
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "storage/keys.h"
#include "storage/records.h"
#include "storage/raw.h"
#include "storage/rocks_harness.h"

namespace notifyd {
namespace {

namespace fs = std::filesystem;

template <class Encode, class Record>
std::string EncodedRecord(Encode encode, const Record& record) {
  std::string out;
  encode(record, &out);
  return out;
}

// ---- retention

TEST_CASE("retention: compaction removes what is over and nothing else") {
  RocksHarness store;
  const int64_t start = StoreHarness::kStart;
  NotifyRecord pending = MakeRecord(1), done = MakeRecord(2), failed = MakeRecord(3), held = MakeRecord(4);
  pending.state.settled_at = {1};  // means nothing while it is pending
  done.state = SettledState(Phase::kSucceeded);
  failed.state = SettledState(Phase::kFailed);
  held.state.phase = Phase::kHeld;
  store.Commit({Put(pending), Put(done), Put(failed), Put(held), PutSettled{Phase::kFailed, {3}, {start}}, PutFkey{"kept", {{4}, kWallNever}},
                PutFkey{"over", {{2}, {start + 2000}}}, PutIdempotency{{"c", "over"}, {{2}, {}, {start + 2000}}},
                PutIdempotency{{"c", "kept"}, {{2}, {}, {start + 2001}}}});
  store.wall_ms = start + 2000;  // past the retention of succeeded ones, not of failed ones
  REQUIRE(store.rocks().Compact().ok());
  Raw(store, [&](StoreTool& tool) {
    CHECK(Has(tool, EncodeNotifyKey({1})));
    CHECK_FALSE(Has(tool, EncodeNotifyKey({2})));
    CHECK(Has(tool, EncodeNotifyKey({3})));
    CHECK(Has(tool, EncodeNotifyKey({4})));
    CHECK(Has(tool, EncodeSettledKey(Phase::kFailed, {3})));
    CHECK(Has(tool, EncodeFkeyKey("kept")));
    CHECK_FALSE(Has(tool, EncodeFkeyKey("over")));
    CHECK(Has(tool, EncodeIdempotencyKey({"c", "kept"})));
    CHECK_FALSE(Has(tool, EncodeIdempotencyKey({"c", "over"})));
  });
  store.wall_ms = start + StoreHarness::kRetentionSettledMs;
  REQUIRE(store.rocks().Compact().ok());
  Raw(store, [&](StoreTool& tool) {
    CHECK(Has(tool, EncodeNotifyKey({1})));
    CHECK_FALSE(Has(tool, EncodeNotifyKey({3})));
    CHECK_FALSE(Has(tool, EncodeSettledKey(Phase::kFailed, {3})));
    CHECK(Has(tool, EncodeMetaKey(kTotalsName)));
  });
}

TEST_CASE("retention: compaction does not judge a record by changes that it has not met yet") {
  RocksHarness store;
  store.Commit({Put(MakeRecord(1))});
  REQUIRE(store.rocks().Compact().ok());
  store.Commit({Change({1}, SettledState(Phase::kSucceeded), MakeAttempt(1))});
  NotifyRecord again = MakeRecord(1);
  again.state.attempts_before = 1;
  store.wall_ms += 10 * StoreHarness::kRetentionSettledMs;
  store.Commit({Put(again)});
  REQUIRE(store.rocks().Compact().ok());
  CheckSame(*store.LoadNotify({1}).record, again);
}

TEST_CASE("retention: a change that comes after its record was removed stays without effect and goes in turn") {
  RocksHarness store;
  NotifyRecord record = MakeRecord(1);
  record.state = SettledState(Phase::kCancelled);
  store.Commit({Put(record), PutFkey{"a", {{1}, {StoreHarness::kStart + 1}}}});
  store.wall_ms += StoreHarness::kRetentionSettledMs;
  REQUIRE(store.rocks().Compact().ok());
  store.Commit({Change({1}, SettledState(Phase::kCancelled, store.wall_ms), MakeAttempt(1)), ExpireFkey{"a", {1}, kWallNever}});
  auto check_absent = [&] {
    CHECK_FALSE(store.LoadNotify({1}).record);
    CHECK_FALSE(store.LoadFkey("a"));
    CHECK(store.List({}).items.empty());
  };
  check_absent();
  REQUIRE(store.rocks().Compact().ok());
  check_absent();
  REQUIRE(store.rocks().Compact().ok());
  Raw(store, [&](StoreTool& tool) {
    CHECK_FALSE(Has(tool, EncodeNotifyKey({1})));
    CHECK_FALSE(Has(tool, EncodeFkeyKey("a")));
  });
}

TEST_CASE("retention: what compaction removed at one level does not come back from a deeper one") {
  RocksHarness store;
  store.Commit({Put(MakeRecord(1))});
  REQUIRE(store.rocks().Compact().ok());
  NotifyRecord settled = MakeRecord(1);
  settled.state = SettledState(Phase::kSucceeded);
  store.Commit({Put(settled)});
  store.wall_ms += StoreHarness::kRetentionSucceededMs;
  REQUIRE(store.rocks().Compact().ok());
  store.wall_ms = StoreHarness::kStart;  // so that nothing but its absence hides it
  CHECK_FALSE(store.LoadNotify({1}).record);
}

// ---- what becomes of short-lived ones

TEST_CASE("tables: of a notify that is sent at once nothing reaches them but its record, with its end in it") {
  RocksHarness store;
  constexpr uint64_t kStoredNotifies = 3000;
  std::vector<WriteOp> begin, end;
  for (uint64_t id = 1; id <= kStoredNotifies; ++id) {
    begin.push_back(PutDue{Clock::kWall, {5, {id}}});
    begin.push_back(Put(MakeRecord(id)));
    end.push_back(Change({id}, SettledState(Phase::kSucceeded), MakeAttempt(1)));
    end.push_back(DeleteDue{Clock::kWall, {5, {id}}, true});
  }
  store.Commit(std::move(begin));
  store.Commit(std::move(end));
  store.Close();
  // What it replays is in tables then.
  auto tool = StoreTool::Open(store.Options());
  REQUIRE(tool.ok());
  CHECK(*(*tool)->TableEntries(EncodeNotifyKey({1})) == kStoredNotifies);
  CHECK(*(*tool)->TableEntries(EncodeMetaKey(kTotalsName)) < 10);
}

// ---- damage

TEST_CASE("damage: a value that does not decode is an error of every read that meets it") {
  RocksHarness store;
  store.Commit({Put(MakeRecord(1)), PutDue{Clock::kWall, {5, {1}}}, PutFkey{"a", {{1}, kWallNever}}});
  Raw(store, [&](StoreTool& tool) {
    std::string value = **tool.Get(EncodeNotifyKey({1}));
    value[value.size() / 2] ^= 1;
    REQUIRE(tool.Put(EncodeNotifyKey({1}), value).ok());
    REQUIRE(tool.Put(EncodeFkeyKey("a"), "nonsense").ok());
  });
  store.store().Load({1, {NotifyId{1}}});
  auto loaded = store.Next<Loaded>();
  CHECK(loaded.status.code() == Code::kCorrupt);
  CHECK_THAT(loaded.status.detail(), Catch::Contains(NotifyId{1}.ToString()));
  CHECK(loaded.values.empty());
  store.store().Load({2, {std::string("a")}});
  CHECK(store.Next<Loaded>().status.code() == Code::kCorrupt);
  store.store().LoadPage({3, 10, DuePage{Clock::kWall, {}, 10}});
  CHECK(store.Next<PageLoaded>().status.code() == Code::kCorrupt);
  store.store().Read({{1, 1}, {1}});
  CHECK(store.Next<ReadDone>().status.code() == Code::kCorrupt);
  store.store().List({{1, 2}, {}, {}});
  CHECK(store.Next<ListDone>().status.code() == Code::kCorrupt);
}

TEST_CASE("damage: a damaged change is an error before and after compaction, until the notify is put anew") {
  RocksHarness store;
  store.Commit({Put(MakeRecord(1))});
  Raw(store, [&](StoreTool& tool) {
    std::string operand = EncodedRecord(EncodeChange, StateChange{SettledState(Phase::kFailed), MakeAttempt(1)});
    operand[7] ^= 1;
    REQUIRE(tool.Merge(EncodeNotifyKey({1}), operand).ok());
  });
  store.Commit({Change({1}, SettledState(Phase::kFailed), MakeAttempt(2))});
  auto read_code = [&] {
    store.store().Read({{1, 1}, {1}});
    return store.Next<ReadDone>().status.code();
  };
  CHECK(read_code() == Code::kCorrupt);
  store.wall_ms += 10 * StoreHarness::kRetentionSettledMs;
  REQUIRE(store.rocks().Compact().ok());
  REQUIRE(store.rocks().Compact().ok());
  CHECK(read_code() == Code::kCorrupt);
  store.Commit({Put(MakeRecord(1))});
  CheckSame(*store.LoadNotify({1}).record, MakeRecord(1));
}

TEST_CASE("damage: an index key without its record is an error, one of a settled record is passed over") {
  RocksHarness store;
  NotifyRecord settled = MakeRecord(1);
  settled.state = SettledState(Phase::kSucceeded);
  store.Commit({Put(settled), Put(MakeRecord(2)), PutDue{Clock::kWall, {1, {1}}}, PutDue{Clock::kWall, {2, {2}}}});
  auto page = store.LoadPage(DuePage{Clock::kWall, {}, 10}, 1);
  REQUIRE(page.due().size() == 1);
  CHECK(page.due()[0].key.id.value == 2);
  CHECK_FALSE(page.more);
  store.Commit({PutDue{Clock::kWall, {3, {3}}}});
  store.store().LoadPage({7, 10, DuePage{Clock::kWall, {}, 10}});
  auto failed = store.Next<PageLoaded>();
  CHECK(failed.ticket == 7);
  CHECK(failed.status.code() == Code::kCorrupt);
  CHECK_THAT(failed.status.detail(), Catch::Contains(NotifyId{3}.ToString()));
  CHECK(failed.due().empty());
}

// ---- bounds

TEST_CASE("bounds: a page of large records ends early and says that more follows") {
  RocksHarness store;
  NotifyRecord large = MakeRecord(0);
  large.spec = std::make_shared<const std::string>(std::string(1 << 20, 'x'));
  for (uint64_t id = 1; id <= 50; ++id) {
    large.id = {id};
    store.Commit({Put(large), PutDue{Clock::kWall, {static_cast<int64_t>(id), {id}}}}, false);
  }
  uint64_t next = 1, pages = 0;
  for (bool more = true; more; ++pages) {
    auto page = store.LoadPage(DuePage{Clock::kWall, {0, {next}}, 100}, 512);
    if (pages > 0) page = store.LoadPage(DuePage{Clock::kWall, {static_cast<int64_t>(next), {}}, 100}, 512);
    REQUIRE_FALSE(page.due().empty());
    CHECK(page.due().size() < 50);
    for (const LoadedDue& due : page.due()) REQUIRE(due.key.id.value == next++);
    more = page.more;
  }
  CHECK(next == 51);
  ListQuery query;
  query.limit = 1000;
  uint64_t seen = 0;
  do {
    ListDone page = store.List(query);
    CHECK(page.items.size() < 50);
    seen += page.items.size();
    query.below = page.next;
  } while (query.below.value != 0);
  CHECK(seen == 50);
}

TEST_CASE("bounds: a list with a rare filter gives up in between and goes on from its cursor") {
  RocksHarness store;
  constexpr uint64_t kRecords = 45'000;
  for (uint64_t id = 1; id <= kRecords;) {
    std::vector<WriteOp> ops;
    for (; id <= kRecords && ops.size() < 5000; ++id) ops.push_back(Put(MakeRecord(id, id == 3 ? kFifoLane : kConcurrentLane)));
    store.Commit(std::move(ops), false);
  }
  ListQuery query;
  query.mode = Mode::kFifo;
  for (uint64_t left = kRecords; left > kListExamined; left -= kListExamined) {
    ListDone page = store.List(query);
    CHECK(page.items.empty());
    REQUIRE(page.next.value == left - kListExamined + 1);
    query.below = page.next;
  }
  ListDone last = store.List(query);
  REQUIRE(last.items.size() == 1);
  CHECK(last.items[0].record->id.value == 3);
  CHECK(last.next.value == 0);
}

TEST_CASE("bounds: a list by state passes over the others, and a damaged one among them is an error all the same") {
  RocksHarness store;
  std::vector<WriteOp> ops;
  for (uint64_t id = 1; id <= 20; ++id) {
    NotifyRecord record = MakeRecord(id);
    if (id % 5 != 0) record.state = SettledState(Phase::kSucceeded);
    ops.push_back(Put(record));
  }
  store.Commit(std::move(ops));
  ListQuery query;
  query.states = {State::kReady, State::kScheduled};
  CHECK(store.List(query).items.size() == 4);
  query.states = {State::kSucceeded};
  CHECK(store.List(query).items.size() == 16);
  Raw(store, [&](StoreTool& tool) {
    std::string value = **tool.Get(EncodeNotifyKey({7}));
    value.back() ^= 1;
    REQUIRE(tool.Put(EncodeNotifyKey({7}), value).ok());
  });
  query.states = {State::kReady};
  store.store().List({{1, 2}, query, {}});
  CHECK(store.Next<ListDone>().status.code() == Code::kCorrupt);
}

TEST_CASE("bounds: a page of ten thousand small ones comes as one") {
  RocksHarness store;
  std::vector<WriteOp> ops;
  for (uint64_t id = 1; id <= 10'050; ++id) ops.push_back(Put(MakeRecord(id)));
  store.Commit(std::move(ops), false);
  ListQuery query;
  query.limit = 10'000;
  query.oldest_first = true;
  ListDone page = store.List(query);
  CHECK(page.items.size() == 10'000);
  CHECK(page.next.value == 10'000);
  query.above = page.next;
  page = store.List(query);
  CHECK(page.items.size() == 50);
  CHECK(page.next.value == 0);
}

TEST_CASE("bounds: list items come without attempts, with their spec") {
  RocksHarness store;
  store.Commit({Put(MakeFullRecord(1))});
  ListDone list = store.List({});
  REQUIRE(list.items.size() == 1);
  CHECK(list.items[0].record->attempts.empty());
  CHECK(*list.items[0].record->spec == *MakeFullRecord(1).spec);
}

// ---- failures and shutting down

TEST_CASE("failure: a write that fails is reported once, and nothing is written after it") {
  RocksHarness store;
  store.Commit({Put(MakeRecord(1))});
  // No file may grow any more: what a full disk does to a write, without a full disk.
  struct rlimit before;
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit none = before;
  none.rlim_cur = 1;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &none) == 0);
  for (uint64_t n = 2; n <= 4; ++n) {
    WriteBatch batch;
    batch.number = n;
    batch.sync = true;
    batch.ops = {Put(MakeRecord(n))};
    store.store().Commit(std::move(batch));
  }
  Event event = store.NextEvent();
  while (std::holds_alternative<DiskSpace>(event)) event = store.NextEvent();
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  REQUIRE(std::holds_alternative<WriteFailed>(event));
  CHECK_FALSE(std::get<WriteFailed>(event).status.ok());
  WriteBatch late;
  late.number = 5;
  late.sync = true;
  late.ops = {Put(MakeRecord(5))};
  store.store().Commit(std::move(late));
  // A load is answered, so all that was queued before had its time; no commit is.
  store.store().Load({9, {NotifyId{1}}});
  CHECK(store.Next<Loaded>().status.ok());
  TempDir temp;
  fs::path copy = temp.path() / "copy";
  store.CopyTo(copy);
  store.Close();
  RocksHarness reopened(&copy);
  CHECK(reopened.LoadNotify({1}).record);
  for (uint64_t id = 2; id <= 5; ++id) CHECK_FALSE(reopened.LoadNotify({id}).record);
}

TEST_CASE("stop: all that was committed is written and durable, whether it asked for a sync or not") {
  RocksHarness store;
  for (uint64_t n = 1; n <= 100; ++n) {
    WriteBatch batch;
    batch.number = n;
    batch.ops = {Put(MakeRecord(n))};
    store.store().Commit(std::move(batch));
  }
  store.rocks().Stop();
  auto stats = store.rocks().Stats();
  CHECK(stats.batches == 100);
  CHECK(stats.syncs == 1);
  store.Close();
  store.Open();
  CHECK(store.List({}).items.size() == 100);
}

TEST_CASE("sync: an empty batch that asks for a sync costs none where nothing was written since the last") {
  RocksHarness store;
  store.Commit({Put(MakeRecord(1))}, true);
  uint64_t syncs = store.rocks().Stats().syncs;
  CHECK(store.Commit({}, true).synced == 2);
  CHECK(store.rocks().Stats().syncs == syncs);
  store.Commit({Put(MakeRecord(2))}, false);
  CHECK(store.Commit({}, true).synced == 4);
  CHECK(store.rocks().Stats().syncs == syncs + 1);
}

TEST_CASE("expect: a commit thread that has rested is woken for what comes, once, and what does not come costs it no more than that") {
  RocksHarness store;
  store.Commit({Put(MakeRecord(1))}, true);
  const StoreStats before = store.rocks().Stats();
  const auto now = [] { return std::chrono::steady_clock::now(); };
  const auto begun = now();
  while (!store.rocks().Expect()) std::this_thread::yield();
  int64_t woken = 1;
  for (int i = 0; i < 100'000; ++i) woken += store.rocks().Expect();
  // It rests for a millisecond, at least, before each.
  CHECK(woken <= 1 + std::chrono::duration_cast<std::chrono::milliseconds>(now() - begun).count());
  // Nothing but what was committed is written, and that as ever.
  const StoreStats behind = store.rocks().Stats();
  CHECK(behind.groups == before.groups);
  CHECK(behind.syncs == before.syncs);
  CHECK(store.Commit({Put(MakeRecord(2))}, true).synced == 2);
  store.rocks().Expect();
  store.rocks().Stop();
  CHECK_FALSE(store.rocks().Expect());
}

TEST_CASE("disk: a reserve that the disk does not have is reported as low") {
  TempDir temp;
  StoreOptions options;
  options.directory = (temp.path() / "store").string();
  options.min_free_bytes = UINT64_MAX;
  WaitingSink sink;  // outlive the store's threads
  WaitingEvents events;
  auto store = RocksStore::Open(options);
  REQUIRE(store.ok());
  (*store)->Start(&events);
  auto space = (*store)->OpenNamespace(kDefaultNumber, &sink);
  REQUIRE(space.ok());
  Event first = sink.Take();
  StoreStats stats = (*store)->Stats();
  CHECK(stats.free_disk_bytes > 0);
  REQUIRE(std::holds_alternative<DiskSpace>(first));
  CHECK(std::get<DiskSpace>(first).low);
}

TEST_CASE("stats: each write that is synced is timed, and no other") {
  TempDir temp;
  Histogram commits;
  WaitingSink sink;  // outlive the store's threads
  WaitingEvents events;
  StoreOptions options;
  options.directory = (temp.path() / "store").string();
  options.min_free_bytes = 0;
  options.commit_histogram = &commits;
  auto store = RocksStore::Open(options);
  REQUIRE(store.ok());
  (*store)->Start(&events);
  auto space = (*store)->OpenNamespace(kDefaultNumber, &sink);
  REQUIRE(space.ok());
  uint64_t number = 0;
  auto commit = [&](bool sync, bool ops) {
    WriteBatch batch;
    batch.number = ++number;
    batch.sync = sync;
    if (ops) batch.ops = {Put(MakeRecord(number))};
    space->store->Commit(std::move(batch));
    REQUIRE(std::get<Committed>(sink.Take()).batch == number);
    return commits.Read().count;
  };
  CHECK(commit(true, true) == 1);
  CHECK(commit(false, true) == 1);
  CHECK(commit(true, false) == 2);  // syncs the one before
  CHECK(commit(true, false) == 2);  // nothing to sync
  CHECK(commit(true, true) == 3);
  CHECK(commits.Read().sum_us > 0);
}

TEST_CASE("stats: sizes are there once something was written") {
  RocksHarness store;
  store.Commit({Put(MakeRecord(1))});
  StoreStats stats = store.rocks().Stats();
  CHECK(stats.batches == 1);
  CHECK(stats.groups == 1);
  CHECK(stats.syncs == 1);
  CHECK(stats.written_bytes > 100);
  CHECK(stats.memtable_bytes > 0);
  CHECK(stats.block_cache_bytes > 0);  // the memtables are charged to it, and cannot be given back
  CHECK(stats.block_cache_pinned_bytes > 0);
  CHECK(stats.block_cache_pinned_bytes <= stats.block_cache_bytes);
  CHECK(stats.disk_bytes > 0);
}

}  // namespace
}  // namespace notifyd
