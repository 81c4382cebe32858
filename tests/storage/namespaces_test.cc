// Several namespaces in one RocksStore beyond the contract suite: whose turn it is, what a kill leaves, what goes when one is dropped, retention in
// tables that hold several.
#include <condition_variable>
#include <mutex>

#include "base/random.h"
#include "storage/keys.h"
#include "storage/registry_records.h"
#include "storage/rocks_host_harness.h"
#include "storage/store_tool.h"
#include "support/slowness.h"

namespace notifyd {
namespace {

namespace fs = std::filesystem;

/// What is posted to several namespaces, in order. The commit thread can be held where it reports.
class Reports {
 public:
  struct Line {
    NamespaceNumber number;
    Committed committed;
  };
  /// Holds whoever reports for the `count`th time from now on.
  void HoldAt(size_t count) {
    std::lock_guard lock(mutex_);
    hold_at_ = lines_.size() + count;
  }
  void AwaitHeld() {
    Await([this] { return held_; });
  }
  void Release() {
    std::lock_guard lock(mutex_);
    hold_at_ = SIZE_MAX;
    wake_.notify_all();
  }
  void AwaitLast(NamespaceNumber number, uint64_t batch) {
    Await([=, this] {
      return std::any_of(lines_.begin(), lines_.end(), [&](const Line& line) { return line.number == number && line.committed.batch >= batch; });
    });
  }
  std::vector<Line> lines() {
    std::lock_guard lock(mutex_);
    return lines_;
  }
  EventSink* SinkOf(NamespaceNumber number) {
    std::unique_ptr<Sink>& sink = sinks_[number];
    if (!sink) sink = std::make_unique<Sink>(this, number);
    return sink.get();
  }

 private:
  struct Sink : EventSink {
    Sink(Reports* to, NamespaceNumber of) : reports(to), number(of) {}
    void Post(Event event) override {
      if (const auto* committed = std::get_if<Committed>(&event)) reports->Take({number, *committed});
    }
    Reports* reports;
    NamespaceNumber number;
  };
  void Take(Line line) {
    std::unique_lock lock(mutex_);
    lines_.push_back(line);
    held_ = lines_.size() >= hold_at_;
    wake_.notify_all();
    wake_.wait(lock, [this] { return lines_.size() < hold_at_; });
    held_ = false;
  }
  template <class Done>
  void Await(Done done) {
    std::unique_lock lock(mutex_);
    if (!wake_.wait_for(lock, test::AtMostSeconds(60), done)) FAIL("no report came");
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Line> lines_;
  size_t hold_at_ = SIZE_MAX;
  bool held_ = false;
  std::map<NamespaceNumber, std::unique_ptr<Sink>> sinks_;
};

struct Views {
  explicit Views(RocksHostHarness* of) : store(of) {}
  ~Views() { reports.Release(); }
  NamespaceStore& At(NamespaceNumber number) {
    auto it = open.find(number);
    if (it == open.end()) it = open.emplace(number, std::move(store->host().OpenNamespace(number, reports.SinkOf(number))->store)).first;
    return *it->second;
  }
  void Begin(NamespaceNumber number, std::vector<WriteOp> ops, bool sync, Totals totals = {}) {
    At(number).Commit({++batches[number], sync, std::move(ops), totals});
  }
  RocksHostHarness* store;
  Reports reports;
  std::map<NamespaceNumber, std::unique_ptr<NamespaceStore>> open;
  std::map<NamespaceNumber, uint64_t> batches;
};

NotifyRecord BigRecord(uint64_t id, size_t bytes) {
  NotifyRecord record = MakeRecord(id);
  // Not compressible.
  std::string spec(bytes, '\0');
  Random random(id + 1);
  for (char& c : spec) c = static_cast<char>(random.Next());
  record.spec = std::make_shared<const std::string>(std::move(spec));
  return record;
}

TEST_CASE("namespaces: what one has waiting to be written keeps another's batch waiting for one group at most") {
  RocksHostHarness store;
  Views views(&store);
  views.reports.HoldAt(1);
  views.Begin(2, {Put(MakeRecord(1))}, true);
  views.reports.AwaitHeld();
  constexpr size_t kBig = 256 << 10, kGroup = 8 << 20;
  constexpr uint64_t kMany = 3 * kGroup / kBig;
  for (uint64_t id = 2; id <= kMany; ++id) views.Begin(2, {Put(BigRecord(id, kBig))}, true);
  views.Begin(3, {Put(MakeRecord(1))}, true);
  views.reports.Release();
  views.reports.AwaitLast(2, kMany);
  size_t groups = 0;
  uint64_t before = 0;
  for (const Reports::Line& line : views.reports.lines()) {
    if (line.number == 3) before = groups;
    else ++groups;
  }
  CHECK(groups >= 4);  // the first one, and three full ones
  CHECK(before <= 2);  // that one, and the one in which it is
}

TEST_CASE("namespaces: that one sleeps is not reported to it") {
  RocksHostHarness store;
  Views views(&store);
  views.At(2).Sleep({5});
  views.Begin(3, {Put(MakeRecord(1))}, true);
  views.reports.AwaitLast(3, 1);
  CHECK(views.reports.lines().size() == 1);
}

TEST_CASE("namespaces: a kill at any moment leaves of each the beginning of what it wrote, all that was reported in it") {
  constexpr NamespaceNumber kNumbers[] = {0, 2, 3, 300};
  constexpr uint64_t kBatchesEach = 60;
  for (size_t moment : {1, 2, 5, 8}) {
    RocksHostHarness store;
    TempDir temp;
    std::map<NamespaceNumber, uint64_t> reported;
    {
      Views views(&store);
      for (NamespaceNumber number : kNumbers) views.At(number);
      views.reports.HoldAt(moment);
      for (uint64_t id = 1; id <= kBatchesEach; ++id) {
        for (NamespaceNumber number : kNumbers) {
          Totals totals;
          totals.accepted = id;
          // Large ones, so that there are many groups.
          views.Begin(number, {Put(BigRecord(id, 100 << 10)), PutDue{Clock::kWall, {StoreHarness::kStart, {id}}}}, id % 3 == 0, totals);
        }
      }
      views.reports.AwaitHeld();
      for (const Reports::Line& line : views.reports.lines()) reported[line.number] = line.committed.batch;
      fs::create_directory(temp.path() / "copy");
      for (const fs::path& file : FilesIn(store.directory())) fs::copy_file(file, temp.path() / "copy" / file.filename());
      views.reports.Release();
      for (NamespaceNumber number : kNumbers) views.reports.AwaitLast(number, kBatchesEach);
      views.open.clear();
    }
    const fs::path directory = temp.path() / "copy";
    RocksHostHarness left(&directory);
    for (NamespaceNumber number : kNumbers) {
      INFO("namespace " << number << " at moment " << moment);
      const std::vector<uint64_t> ids = left.ListIds(number);
      for (size_t i = 0; i < ids.size(); ++i) REQUIRE(ids[i] == i + 1);
      CHECK(ids.size() >= reported[number]);
      CHECK(left.TotalsAt(number).accepted == ids.size());
      CHECK(std::get<std::vector<LoadedDue>>(left.LoadPage(number, DuePage{Clock::kWall, {}, StoreHarness::kStart + 1}).rows).size() == ids.size());
    }
  }
}

TEST_CASE("namespaces: what is opened while the disk is low hears that at once") {
  TempDir temp;
  StoreOptions options;
  options.directory = (temp.path() / "store").string();
  options.min_free_bytes = UINT64_MAX;
  WaitingEvents events;
  WaitingSink first, second;
  auto store = RocksStore::Open(options);
  REQUIRE(store.ok());
  (*store)->Start(&events);
  auto one = (*store)->OpenNamespace(0, &first);
  CHECK(std::get<DiskSpace>(first.Take()).low);
  auto two = (*store)->OpenNamespace(2, &second);
  CHECK(std::get<DiskSpace>(second.Take()).low);
}

/// Waits until `done`, which something in the background brings about.
template <class Done>
void AwaitThat(Done done) {
  for (int i = 0; i < 3000 * test::kSlowness && !done(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(done());
}

uint64_t TableBytes(const fs::path& directory) {
  uint64_t bytes = 0;
  for (const fs::path& table : FilesIn(directory, ".sst")) {
    std::error_code gone;
    const uint64_t size = fs::file_size(table, gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

void Fill(RocksHostHarness* store, NamespaceNumber number, uint64_t count, size_t bytes) {
  for (uint64_t id = 1; id <= count; ++id)
    store->Begin(number, {Put(BigRecord(id, bytes)), PutDue{Clock::kWall, {StoreHarness::kStart, {id}}}}, false);
  store->Commit(number, {});
}

TEST_CASE("namespaces: one that is dropped gives its room back, also where a kill came before that") {
  for (bool killed : {false, true}) {
    RocksHostHarness store(nullptr, 1 << 20);
    store.CommitRegistry(
        {PutHead{{5, 3, {}}}, PutNamespaceRow{MakeSpace(2, "two")}, PutNamespaceRow{MakeSpace(3, "three")}, PutNamespaceRow{MakeSpace(4, "four")}});
    for (NamespaceNumber number : {2, 3, 4}) Fill(&store, number, 150, 40 << 10);
    REQUIRE(store.rocks().Compact().ok());
    const uint64_t before = TableBytes(store.directory());
    CHECK(before > 15 << 20);
    for (NamespaceNumber number : {2, 3, 4}) {
      CHECK(store.host().StoredBytes(number) > 5 << 20);
      CHECK(store.host().StoredBytes(number) < 8 << 20);
    }
    CHECK(store.host().StoredBytes(0) < 1 << 20);
    store.CloseAt(3);
    if (killed) {
      // As if it had been killed with the batch written, and nothing else done.
      store.Close();
      auto tool = StoreTool::Open(store.Options());
      REQUIRE(tool.ok());
      REQUIRE((*tool)->DeleteRange(RangeOf(3).from, RangeOf(3).to).ok());
      REQUIRE((*tool)->Delete(EncodeNamespaceKey(3)).ok());
      REQUIRE((*tool)->Delete(EncodeNamespaceWakeKey(3)).ok());
      tool->reset();
      store.Open();
      CHECK(store.Registry().namespaces.size() == 2);
    } else {
      store.CommitRegistry({DropNamespace{3}});
    }
    AwaitThat([&] { return TableBytes(store.directory()) < before * 3 / 4; });
    AwaitThat([&] { return store.host().StoredBytes(3) < 100'000; });  // a block; of several files one goes after the other
    for (NamespaceNumber number : {2, 4}) {
      CHECK(store.ListIds(number).size() == 150);
      CHECK(std::get<std::vector<LoadedDue>>(store.LoadPage(number, DuePage{Clock::kWall, {}, StoreHarness::kStart + 1}).rows).size() == 100);
    }
    store.Reopen();
    CHECK(store.ListIds(3).empty());
    CHECK(store.ListIds(4).size() == 150);
  }
}

TEST_CASE("namespaces: what was deleted while it lay in memtables alone gives its room back, of another one in them all stays") {
  RocksHostHarness store;
  for (NamespaceNumber number : {2, 3}) Fill(&store, number, 100, 10 << 10);
  for (uint64_t id = 1; id <= 100; ++id) store.Begin(2, {DeleteNotify{{id}}, DeleteDue{Clock::kWall, {StoreHarness::kStart, {id}}}}, false);
  store.Commit(2, {});
  CHECK(TableBytes(store.directory()) < 100'000);
  CHECK(store.host().StoredBytes(2) > 100'000);  // of memtables roughly
  CHECK_FALSE(store.host().IsCompacting(2));
  store.host().CompactNamespace(2);
  AwaitThat([&] { return !store.host().IsCompacting(2); });
  CHECK(store.host().StoredBytes(2) < 50'000);  // blocks
  CHECK(store.host().StoredBytes(3) > 500'000);
  CHECK(store.ListIds(3).size() == 100);
}

TEST_CASE("namespaces: ranges are deleted among keys that a memtable has hints for, and every key stays where it belongs") {
  RocksHostHarness store;
  auto write = [&](NamespaceNumber number, uint64_t from, uint64_t to) {
    for (uint64_t id = from; id < to; ++id) store.Begin(number, {Put(MakeRecord(id)), PutDue{Clock::kWall, {static_cast<int64_t>(id), {id}}}}, false);
    store.Commit(number, {}, false);
  };
  auto due = [&](NamespaceNumber number) {
    store.At(number).LoadPage({1, 10'000, DuePage{Clock::kWall, {}, INT64_MAX}});
    return std::get<std::vector<LoadedDue>>(store.Next<PageLoaded>(number).rows).size();
  };
  // All in the same memtables: the hints of before a range is deleted are used after it.
  for (uint64_t round = 0; round < 20; ++round) {
    const auto dropped = static_cast<NamespaceNumber>(100 + round);
    const uint64_t from = round * 50 + 1;
    for (NamespaceNumber number : {NamespaceNumber{0}, NamespaceNumber{99}, dropped, NamespaceNumber{500}}) write(number, from, from + 25);
    store.CloseAt(dropped);
    store.CommitRegistry({DropNamespace{dropped}});
    for (NamespaceNumber number : {0, 99, 500}) {
      write(number, from + 25, from + 50);
      REQUIRE(due(number) == from + 49);
      REQUIRE(store.ListIds(number).size() == from + 49);
    }
    REQUIRE(due(dropped) == 0);
    REQUIRE(store.ListIds(dropped).empty());
    store.CloseAt(dropped);
  }
  store.Reopen();
  for (NamespaceNumber number : {0, 99, 500}) CHECK(due(number) == 1000);
}

void FillSettled(RocksHostHarness* store, NamespaceNumber number, uint64_t from, uint64_t count) {
  std::vector<WriteOp> ops;
  for (uint64_t id = from; id < from + count; ++id) {
    NotifyRecord record = BigRecord(id, 1000);
    record.state = SettledState(Phase::kSucceeded);
    ops.push_back(Put(record));
  }
  store->Commit(number, std::move(ops));
}

TEST_CASE("retention: compaction drops each namespace's notifies by its own, and a compaction of one leaves the others alone") {
  RocksHostHarness store;
  for (NamespaceNumber number : {0, 2, 3}) FillSettled(&store, number, 1, 500);
  store.host().SetRetention(2, 10, 10);
  store.host().SetRetention(3, 1'000'000, 1'000'000);
  store.wall_ms += 100;
  REQUIRE(store.rocks().Compact().ok());
  CHECK(store.host().StoredBytes(2) < 10'000);
  CHECK(store.host().StoredBytes(3) > 100'000);
  CHECK(store.host().StoredBytes(0) > 100'000);
  store.host().SetRetention(3, 10, 10);
  store.host().CompactNamespace(3);
  AwaitThat([&] { return store.host().StoredBytes(3) < 10'000; });
  CHECK(store.host().StoredBytes(0) > 100'000);
  store.wall_ms += StoreHarness::kRetentionSucceededMs;
  store.host().CompactNamespace(0);
  AwaitThat([&] { return store.host().StoredBytes(0) < 10'000; });
  CHECK(store.TotalsAt(0).next_id == 1);
}

TEST_CASE("retention: a table that holds several namespaces is dropped once it is over by the longest of theirs") {
  RocksHostHarness store;
  for (NamespaceNumber number : {2, 3, 4}) FillSettled(&store, number, 1, 500);
  store.host().SetRetention(3, 50'000, 50'000);
  REQUIRE(store.rocks().Compact().ok());
  store.wall_ms += StoreHarness::kRetentionSettledMs;
  REQUIRE(store.rocks().Sweep().ok());
  CHECK(store.rocks().Stats().dropped_tables == 0);
  CHECK(store.ListIds(3).size() == 500);
  store.wall_ms += 50'000;
  REQUIRE(store.rocks().Sweep().ok());
  CHECK(store.rocks().Stats().dropped_tables == 1);
}

TEST_CASE("retention: the longest within a range of keys is of those whose keys lie there, default's behind all others") {
  RetentionTable table({1000, 5000});
  table.Set(3, 2000, std::nullopt);
  table.Set(7, std::nullopt, 9000);
  table.Set(9, 10, 10);
  const std::shared_ptr<const RetentionRules> rules = table.Now();
  auto key = [](NamespaceNumber number) { return KeySpace(number).In(EncodeNotifyKey({5})); };
  CHECK(rules->LongestWithin(key(3), key(3)) == Retention{2000, 5000});
  CHECK(rules->LongestWithin(key(9), key(9)) == Retention{10, 10});
  CHECK(rules->LongestWithin(key(2), key(7)) == Retention{2000, 9000});
  CHECK(rules->LongestWithin(key(4), key(6)) == Retention{1000, 5000});
  CHECK(rules->LongestWithin(key(4), key(0)) == Retention{1000, 9000});
  CHECK(rules->LongestWithin(key(8), key(0)) == Retention{1000, 5000});
  table.Set(0, 7000, 7000);
  CHECK(table.Now()->LongestWithin(key(8), key(0)) == Retention{7000, 7000});
  CHECK(table.Now()->LongestWithin(key(2), key(8)) == Retention{2000, 9000});
  CHECK(table.Of(0) == Retention{7000, 7000});
}

TEST_CASE("audit: what is older than 90 days is hidden, and goes with a compaction") {
  RocksHostHarness store;
  for (int i = 0; i < 5; ++i) store.host().Audit({{store.wall_ms.load() + i}, "me", "token_made", std::to_string(i)}, [] {});
  store.Commit(0, {Put(MakeRecord(1))});
  store.wall_ms += kAuditKeptMs + 2;
  CHECK(store.ListAudit({}).items.size() == 2);
  const std::string key = EncodeAuditKey({{StoreHarness::kStart}, 0});
  REQUIRE(store.rocks().Compact().ok());
  store.Close();
  auto tool = StoreTool::Open(store.Options());
  REQUIRE(tool.ok());
  CHECK_FALSE((*tool)->Get(key)->has_value());
  CHECK((*tool)->Get(EncodeAuditKey({{StoreHarness::kStart + 4}, 4}))->has_value());
}

}  // namespace
}  // namespace notifyd
