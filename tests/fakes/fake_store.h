// FakeStore: the Store port in memory, with a disk that can be crashed. One thread; it reads no clock and starts nothing by itself:
// the owner moves its time on, and what is due by then happens, in order of time.
//
// Two ways to use it:
//   simple (the default)  every call is carried out and answered when Deliver() is called next, in the order of the calls, durable at once:
//                           FakeStore store({}); store.Start(&sink); store.Commit(...); store.Load(...); store.Deliver();
//   timed (simple=false)  writes, syncs, reads and answers take random times (seeded); batches gather while a sync runs; use AdvanceTo/NextAt.
//
// Invariants:
//   I1 batches are written whole, in order of their numbers, each after the one before it.
//   I2 a read runs at one moment between its call and its answer, on all that is written at that moment: it sees at least every batch
//      reported before it was asked for, maybe later ones.
//   I3 `synced` of a Committed is in synced() when it is posted (unless the fault says otherwise).
//   I4 a new store on a crashed image takes all of that image as durable, as the real one does by syncing what it recovered.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>

#include "base/random.h"
#include "broker/ports.h"
#include "fakes/fake_image.h"

namespace notifyd {

/// Deliberate faults, to show that the simulator's auditor notices.
enum class StoreFault {
  kNone,
  kSyncedEarly,    // reports synced as soon as it is written
  kDropDeleteDue,  // forgets some DeleteDue
  kSkipPageItem,   // leaves an item out of some pages
  kLoseChange,     // forgets some ChangeNotify
  kLoseCounts,     // forgets some AddLaneCounts
};

struct FakeStoreOptions {
  bool simple = true;
  uint64_t seed = 1;
  // Timed mode; each is drawn from 0 up to and including the number, in the owner's milliseconds.
  int64_t write_ms_max = 2;
  int64_t sync_ms_max = 12;
  int64_t read_ms_max = 8;      // until a read runs
  int64_t answer_ms_max = 3;    // from then, or from the end of a sync, until its answer is posted
  double write_failure = 0;     // chance a group
  double read_failure = 0;      // chance a load, page, read or list
  size_t list_examined = 1000;  // records, or lanes, that one list page looks at, at most
  int64_t retention_succeeded_ms = 24 * 3600 * 1000;
  int64_t retention_settled_ms = 30LL * 24 * 3600 * 1000;
  /// For retention, read when a read runs. Empty: nothing is ever hidden.
  std::function<WallTime()> wall;
  StoreFault fault = StoreFault::kNone;
  /// Called whenever one more batch is written; written() has it then. May be empty.
  std::function<void(uint64_t batch)> on_written;
};

enum class CrashKind {
  kKill,   // kill -9: keeps all that is written, and some of what was about to be
  kPower,  // a power cut: of what is not synced, a random beginning is kept
};

class FakeStore : public Store {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  explicit FakeStore(FakeStoreOptions options, FakeImage image = {}, int64_t now_ms = 0);

  const Totals& totals() const { return written_.totals; }
  /// Events go to `sink` (borrowed); before it nothing but totals() may be called.
  void Start(EventSink* sink) { sink_ = sink; }

  void Commit(WriteBatch batch) override;
  void Load(LoadEffect load) override;
  void LoadPage(PageEffect page) override;
  void Read(ReadEffect read) override;
  void List(ListEffect list) override;
  void ListLanes(LanesEffect lanes) override;

  /// All that is due until `now_ms` (the owner's clock; never back) happens; answers are posted from inside.
  void AdvanceTo(int64_t now_ms);
  /// When something happens next; kNever: nothing is under way.
  int64_t NextAt() const { return steps_.empty() ? kNever : steps_.begin()->first.first; }
  /// Carries out and answers all that was asked, whatever time that takes.
  void Deliver();
  /// Posts DiskSpace{low}.
  void SetDiskLow(bool low);
  /// The machine stops here: what a store that is opened afterwards finds. This one is dead from then on.
  FakeImage Crash(CrashKind kind);

  /// Operations committed, and rows brought by pages, so far.
  uint64_t writes() const { return writes_; }
  uint64_t rows() const { return rows_; }
  const FakeImage& written() const { return written_; }
  const FakeImage& synced() const { return synced_; }
  bool failed() const { return failed_; }

 private:
  using Step = std::function<void()>;
  using BatchPtr = std::shared_ptr<const WriteBatch>;

  void At(int64_t delay_ms, Step step);
  int64_t Draw(int64_t max_ms) { return options_.simple ? 0 : static_cast<int64_t>(random_.Below(static_cast<uint64_t>(max_ms) + 1)); }
  bool IsFaulty(const WriteOp& op) const;
  void WriteGroup();
  void SyncGroup();
  void EndGroup();
  void ReportCommitted(uint64_t synced);
  void Fail();
  /// Runs `run` at a random moment, posts what it returns at a later one.
  template <class Run>
  void ReadLater(Run run);

  Status ReadStatus();
  bool Hidden(const NotifyRecord& record) const;
  LoadedNotify Get(NotifyId id, bool even_over = false) const;
  LoadedValue GetValue(const LoadKey& key) const;
  PageLoaded RunPage(const PageEffect& page);
  ListDone RunList(const ListEffect& list) const;
  LanesDone RunLanes(const LanesEffect& lanes) const;
  LaneRow RowOf(const LaneKey& lane) const;

  FakeStoreOptions options_;
  Random random_;
  EventSink* sink_ = nullptr;
  int64_t now_ms_;
  uint64_t next_step_ = 0;
  std::map<std::pair<int64_t, uint64_t>, Step> steps_;
  FakeImage written_, synced_;
  std::deque<BatchPtr> queued_;    // handed in, not written
  std::deque<BatchPtr> unsynced_;  // written, not synced
  uint64_t writes_ = 0, rows_ = 0;
  uint64_t last_number_ = 0, written_number_ = 0, synced_number_ = 0;
  int64_t last_report_ms_ = 0;
  bool busy_ = false, failed_ = false, dead_ = false;
};

}  // namespace notifyd
