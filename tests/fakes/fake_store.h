// FakeStore: the store's ports in memory, with a disk that can be crashed. One thread; it reads no clock and starts nothing by itself:
// the owner moves its time on, and what is due by then happens, in order of time. Who needs one namespace alone takes it as a Store, which is
// `default`'s.
//
// Two ways to use it:
//   simple (the default)  every call is carried out and answered when Deliver() is called next, in the order of the calls, durable at once:
//                           FakeStore store({}); store.Start(&sink); store.Commit(...); store.Load(...); store.Deliver();
//   timed (simple=false)  writes, syncs, reads and answers take random times (seeded); batches gather while a sync runs; use AdvanceTo/NextAt.
//
// Invariants:
//   I1 batches are written whole, in the order of the calls, whichever namespace's they are; a namespace's have numbers without gaps.
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
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.h"
#include "broker/ports.h"
#include "fakes/fake_image.h"
#include "fakes/fake_options.h"

namespace notifyd {

enum class CrashKind {
  kKill,   // kill -9: keeps all that is written, and some of what was about to be
  kPower,  // a power cut: of what is not synced, a random beginning is kept
};

class FakeStore : public StoreHost, public NamespaceStore {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  explicit FakeStore(FakeStoreOptions options, FakeDisk disk = {}, int64_t now_ms = 0);
  ~FakeStore() override;

  // As a StoreHost.
  std::string name() const override { return "00000000000000fa"; }
  Result<RegistryImage> LoadRegistry() override { return written_.Image(); }
  void Start(StoreEvents* events) override { events_ = events; }
  Result<OpenedNamespace> OpenNamespace(NamespaceNumber number, EventSink* sink) override;
  void Commit(RegistryBatch batch) override;
  void Audit(AuditEntry entry, std::function<void()> durable) override { Queue(nullptr, Audited{std::move(entry), std::move(durable)}); }
  void ListAudit(AuditQuery query, std::function<void(AuditPage)> done) override;
  void SetRetention(NamespaceNumber number, std::optional<int64_t> succeeded_ms, std::optional<int64_t> settled_ms) override;
  /// Of notifies' specs alone.
  uint64_t StoredBytes(NamespaceNumber number) const override;
  void CompactNamespace(NamespaceNumber) override {}
  bool IsCompacting(NamespaceNumber) const override { return false; }
  void Stop() override { Deliver(); }
  Status Close() override;
  std::vector<StoreFigure> Figures() const override { return {}; }

  // As the Store of `default`.
  const Totals& totals() const { return written().totals; }
  /// Events of `default` go to `sink` (borrowed); before it nothing but totals() may be called.
  void Start(EventSink* sink);
  void Commit(WriteBatch batch) override { own_->Commit(std::move(batch)); }
  void Sleep(WallTime wake) override { own_->Sleep(wake); }
  void Load(LoadEffect load) override { own_->Load(std::move(load)); }
  void LoadPage(PageEffect page) override { own_->LoadPage(std::move(page)); }
  void Read(ReadEffect read) override { own_->Read(std::move(read)); }
  void List(ListEffect list) override { own_->List(std::move(list)); }
  void ListLanes(LanesEffect lanes) override { own_->ListLanes(std::move(lanes)); }

  /// All that is due until `now_ms` (the owner's clock; never back) happens; answers are posted from inside.
  void AdvanceTo(int64_t now_ms);
  /// When something happens next; kNever: nothing is under way, or it is away.
  int64_t NextAt() const { return steps_.empty() || away_ ? kNever : steps_.begin()->first.first; }
  /// Carries out and answers all that was asked, whatever time that takes.
  void Deliver();
  /// Posts DiskSpace{low} to each.
  void SetDiskLow(bool low);
  /// It is not reached, or is again, and posts so to each at once. Meanwhile nothing of what was asked of it happens.
  void SetAway(bool away);
  /// The machine stops here: what a store that is opened afterwards finds. This one is dead from then on.
  FakeDisk CrashDisk(CrashKind kind);
  /// The same, where `default` is all that matters.
  FakeImage Crash(CrashKind kind) { return std::move(CrashDisk(kind).spaces[kDefaultNumber]); }

  /// Operations committed, and rows brought by pages, so far.
  uint64_t writes() const { return writes_; }
  uint64_t rows() const { return rows_; }
  const FakeImage& written(NamespaceNumber number = kDefaultNumber) const { return ImageIn(written_, number); }
  const FakeImage& synced(NamespaceNumber number = kDefaultNumber) const { return ImageIn(synced_, number); }
  bool failed() const { return failed_; }

 private:
  using Step = std::function<void()>;
  /// One namespace while it is open.
  struct Space {
    NamespaceNumber number = kDefaultNumber;
    EventSink* sink = nullptr;  // null: closed
    uint64_t last_number = 0, written_number = 0, synced_number = 0;
    int64_t last_report_ms = 0;
    void Post(Event event) {
      if (sink) sink->Post(std::move(event));
    }
  };
  using SpacePtr = std::shared_ptr<Space>;
  class View;
  struct SleepMark {
    WallTime wake;
  };
  struct Audited {
    AuditEntry entry;
    std::function<void()> durable;
  };
  struct Work {
    SpacePtr space;  // null: the registry's
    std::variant<WriteBatch, SleepMark, RegistryBatch, Audited> what;
  };
  using WorkPtr = std::shared_ptr<const Work>;

  static const FakeImage& ImageIn(const FakeDisk& disk, NamespaceNumber number);
  static void Apply(const Work& work, FakeDisk* disk);
  void At(int64_t delay_ms, Step step);
  int64_t Draw(int64_t max_ms) { return options_.simple ? 0 : static_cast<int64_t>(random_.Below(static_cast<uint64_t>(max_ms) + 1)); }
  bool IsFaulty(const WriteOp& op) const;
  void Commit(const SpacePtr& space, WriteBatch batch);
  void Queue(SpacePtr space, std::variant<WriteBatch, SleepMark, RegistryBatch, Audited> what);
  void WriteGroup();
  void SyncGroup();
  void EndGroup();
  void ReportCommitted(bool synced);
  void Report(const SpacePtr& space, uint64_t synced);
  void Fail();
  /// Runs `run` at a random moment, posts what it returns at a later one.
  template <class Run>
  void ReadLater(const SpacePtr& space, Run run);
  Status ReadStatus();
  FakeStoreOptions OptionsOf(NamespaceNumber number) const;

  FakeStoreOptions options_;
  Random random_;
  StoreEvents* events_ = nullptr;
  int64_t now_ms_;
  uint64_t next_step_ = 0;
  std::map<std::pair<int64_t, uint64_t>, Step> steps_;
  FakeDisk written_, synced_;
  std::map<NamespaceNumber, SpacePtr> open_;
  std::unique_ptr<NamespaceStore> own_;
  std::map<NamespaceNumber, std::pair<int64_t, int64_t>> retention_;
  std::deque<WorkPtr> queued_;            // handed in, not written
  std::deque<WorkPtr> unsynced_;          // written, not synced
  std::vector<SpacePtr> unreported_;      // of the present group
  std::vector<uint64_t> registry_group_;  // the registry's batches in it
  std::vector<std::function<void()>> audited_group_;
  uint64_t writes_ = 0, rows_ = 0;
  uint64_t registry_number_ = 0;
  bool busy_ = false, failed_ = false, dead_ = false, disk_low_ = false, away_ = false;
};

}  // namespace notifyd
