#include "storage/rocks_store.h"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/wal_filter.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <variant>
#include <vector>

#include "base/log.h"
#include "storage/committer.h"
#include "storage/directory.h"
#include "storage/directory_guard.h"
#include "storage/guarded_files.h"
#include "storage/keys.h"
#include "storage/log_check.h"
#include "storage/reader.h"
#include "storage/records.h"
#include "storage/store_options.h"
#include "storage/sweeper.h"
#include "storage/synced_file.h"
#include "storage/table_check.h"
#include "storage/upgrade.h"

namespace notifyd {
namespace {

constexpr uint64_t kTablesCheckedBytes = 64 << 20;

/// The readers' threads. Loads go first; lists, which may take long, never hold all of the threads where there are several.
class ReaderPool {
 public:
  explicit ReaderPool(const Reader* reader) : reader_(reader) {}
  ~ReaderPool() { Stop(); }

  void Start(EventSink* sink, int threads) {
    sink_ = sink;
    threads = std::max(threads, 1);
    max_lists_ = std::max(threads - 1, 1);
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
  }

  /// What was not begun is dropped.
  void Stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  using Job = std::variant<LoadEffect, PageEffect, ReadEffect, ListEffect, LanesEffect>;
  void Add(Job job) {
    {
      std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
  }
  void AddList(Job list) {
    {
      std::lock_guard lock(mutex_);
      lists_.push_back(std::move(list));
    }
    wake_.notify_one();
  }

 private:
  Event Answer(const LoadEffect& load) const { return reader_->Load(load); }
  Event Answer(const PageEffect& page) const { return reader_->LoadPage(page); }
  Event Answer(const ReadEffect& read) const { return reader_->Read(read); }
  Event Answer(const ListEffect& list) const { return reader_->List(list); }
  Event Answer(const LanesEffect& lanes) const { return reader_->ListLanes(lanes); }
  void Carry(const Job& job) {
    sink_->Post(std::visit([this](const auto& effect) { return Answer(effect); }, job));
  }

  void Run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty() || (!lists_.empty() && lists_running_ < max_lists_); });
      if (stopping_) return;
      if (!jobs_.empty()) {
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        Carry(job);
        lock.lock();
        continue;
      }
      Job list = std::move(lists_.front());
      lists_.pop_front();
      ++lists_running_;
      lock.unlock();
      Carry(list);
      lock.lock();
      --lists_running_;
    }
  }

  const Reader* const reader_;
  EventSink* sink_ = nullptr;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  std::deque<Job> lists_;
  int lists_running_ = 0, max_lists_ = 1;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

/// A new store gets its format and empty totals; in an old one they must be there and fit the FORMAT file. Returns the format from which it is to be
/// upgraded, where it is an older one or an upgrade from such a one was cut short.
Result<uint32_t> CheckFormat(rocksdb::DB* db, const std::string& directory, const FormatRecord& expected) {
  const std::string what = "cannot read the store in " + directory;
  std::string value;
  rocksdb::Status status = db->Get(rocksdb::ReadOptions(), EncodeMetaKey(kFormatName), &value);
  if (status.ok()) {
    auto record = DecodeFormat(value);
    if (!record.ok()) return std::move(record).status();
    if (record->version > kFormatVersion)
      return Status(Code::kUnacceptable, "the store in " + directory + " has format " + std::to_string(record->version) +
                                             ", and this notifyd reads up to format " + std::to_string(kFormatVersion));
    if (record->store != expected.store) return Status(Code::kCorrupt, directory + "/FORMAT belongs to another store than the database beside it");
    return std::min(record->version, expected.version);
  }
  if (!status.IsNotFound()) return TranslateStatus(status, what);
  std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(rocksdb::ReadOptions()));
  it->SeekToFirst();
  if (!it->status().ok()) return TranslateStatus(it->status(), what);
  if (it->Valid()) return Status(Code::kUnacceptable, directory + " is not a notifyd store: its database has no format version");
  rocksdb::WriteBatch first;
  value.clear();
  EncodeFormat(expected, &value);
  first.Put(EncodeMetaKey(kFormatName), value);
  value.clear();
  EncodeTotals(Totals(), &value);
  first.Put(EncodeMetaKey(kTotalsName), value);
  rocksdb::WriteOptions how;
  how.sync = true;
  if (Status written = TranslateStatus(db->Write(how, &first), "cannot write the store in " + directory); !written.ok()) return written;
  return expected.version;
}

Result<Totals> ReadTotals(rocksdb::DB* db, const std::string& directory) {
  std::string value;
  rocksdb::Status status = db->Get(rocksdb::ReadOptions(), EncodeMetaKey(kTotalsName), &value);
  if (status.IsNotFound()) return Status(Code::kCorrupt, "the store in " + directory + " is damaged: its totals are missing");
  if (!status.ok()) return TranslateStatus(status, "cannot read the store in " + directory);
  return DecodeTotals(value);
}

/// On a small file system memtables and logs are small too, so that the reserve (committer.cc) has room for one more of each: a table that cannot be
/// written stops all writes.
void BoundToDisk(StoreOptions* options) {
  uint64_t free_bytes = 0, total_bytes = 0;
  if (!MeasureDisk(options->directory, &free_bytes, &total_bytes)) return;
  options->memtable_bytes = std::min<uint64_t>(options->memtable_bytes, std::max<uint64_t>(total_bytes / 32, 1 << 20));
  options->max_wal_bytes = std::min<uint64_t>(options->max_wal_bytes, std::max<uint64_t>(total_bytes / 8, 4 << 20));
}

/// What is open, in the order in which it is closed from below: the lock last.
struct OpenStore {
  PreparedDirectory directory;
  std::unique_ptr<DirectoryGuard> guard;
  std::unique_ptr<GuardedFiles> files;
  SyncedFile synced;
  OpenedDb opened;
};

/// The database behind its checks. From here on SYNCED says that the store is open.
Result<OpenStore> OpenDatabase(const StoreOptions& options, PreparedDirectory directory) {
  const Fingerprint store = directory.format.store;
  auto guard = DirectoryGuard::Make(options.directory, directory.lock.get());
  if (!guard.ok()) return std::move(guard).status();
  auto held = std::make_unique<DirectoryGuard>(*guard);
  auto files = std::make_unique<GuardedFiles>(held.get());
  auto before = SyncedFile::Read(options.directory, store);
  if (!before.ok()) return std::move(before).status();
  rocksdb::Options rocks = MakeRocksOptions(options);
  rocks.create_if_missing = true;
  rocks.env = files->env();
  // An older one gets its families where it is upgraded, so that until then its own notifyd opens it.
  auto opened = OpenChecked(rocks, options.directory, store, *before, directory.format.version == kFormatVersion);
  if (!opened.ok()) return std::move(opened).status();
  if (Status status = CheckNewestTables(opened->database.db(), rocks, kTablesCheckedBytes); !status.ok()) return status;
  // All that was in logs is in tables now; the new log has nothing yet.
  SyncedRecord now;
  now.store = store;
  now.sequence = opened->database.db()->GetLatestSequenceNumber();
  now.manifest = CurrentManifest(options.directory);
  auto synced = SyncedFile::Open(options.directory, now);
  if (!synced.ok()) return std::move(synced).status();
  return OpenStore{std::move(directory), std::move(held), std::move(files), std::move(*synced), std::move(*opened)};
}

/// The new log's beginning is synced (BeginLog), and SYNCED says so.
Status NoteLogBegun(OpenStore* open) {
  SyncedRecord record = open->synced.record();
  record.sequence = open->opened.database.db()->GetLatestSequenceNumber();
  record.logs.push_back({open->files->written_log(), 0});
  return open->synced.Write(std::move(record));
}

}  // namespace

class RocksStore::Impl {
 public:
  Impl(OpenStore opened, const StoreOptions& with, const Totals& last)
      : options(with),
        totals(last),
        open(std::move(opened)),
        committer({db(), open.opened.database.notifies(), open.files.get(), &open.synced, options.directory, open.directory.format.store,
                   options.min_free_bytes, options.commit_histogram}),
        reader(&open.opened.database, {options.retention_succeeded_ms, options.retention_settled_ms}, options.wall_ms),
        readers(&reader),
        sweeper(&open.opened.database, {options.retention_succeeded_ms, options.retention_settled_ms}, options.wall_ms) {}

  rocksdb::DB* db() const { return open.opened.database.db(); }

  const StoreOptions options;
  const Totals totals;
  OpenStore open;
  Committer committer;
  Reader reader;
  ReaderPool readers;
  Sweeper sweeper;
};

Result<std::unique_ptr<RocksStore>> RocksStore::Open(const StoreOptions& given) {
  StoreOptions options = given;
  if (!options.wall_ms)
    options.wall_ms = [] {
      return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    };
  auto directory = PrepareDirectory(options.directory);
  if (!directory.ok()) return std::move(directory).status();
  BoundToDisk(&options);
  auto open = OpenDatabase(options, std::move(*directory));
  if (!open.ok()) return std::move(open).status();
  Database* database = &open->opened.database;
  rocksdb::DB* db = database->db();
  const FormatRecord& format = open->directory.format;
  auto older = CheckFormat(db, options.directory, format);
  if (!older.ok()) return std::move(older).status();
  if (Status status = BeginLog(db, format.store); !status.ok()) return status;
  if (*older < kFormatVersion) {
    if (Status status = UpgradeStore(database, options, *older, format.store); !status.ok()) return status;
  }
  auto totals = ReadTotals(db, options.directory);
  if (!totals.ok()) return std::move(totals).status();
  if (Status status = NoteLogBegun(&*open); !status.ok()) return status;
  if (Status status = NoteBegun(options.directory); !status.ok()) return status;
  return std::unique_ptr<RocksStore>(new RocksStore(std::make_unique<Impl>(std::move(*open), options, *totals)));
}

RocksStore::RocksStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RocksStore::~RocksStore() {
  Status closed = Close();
  if (!closed.ok()) Log(LogLevel::kError, "the store did not close", {{"detail", closed.detail()}});
}

Status RocksStore::Close() {
  if (!impl_) return Status::Ok();
  Stop();
  OpenStore& open = impl_->open;
  Status status = impl_->committer.failure();
  if (status.ok()) status = open.files->Check();
  if (status.ok()) status = CloseChecked(&open.opened.database, impl_->options.directory, open.directory.format.store, *open.files, &open.synced);
  if (!open.opened.database.open()) {
    impl_.reset();
    return status;
  }
  // Closing would flush the log whose writer failed, at which Debian's RocksDB, built with its assertions, aborts. What is on the disk is
  // unknown anyway: the database is left as a kill would leave it, locked until the process ends, and reachable for leak checkers.
  static auto* abandoned = new std::vector<std::unique_ptr<Impl>>;
  rocksdb::CancelAllBackgroundWork(open.opened.database.db(), true);
  abandoned->push_back(std::move(impl_));
  return status;
}

std::string RocksStore::name() const {
  return NameOfStore(impl_->open.directory.format.store);
}

const Totals& RocksStore::totals() const {
  return impl_->totals;
}

void RocksStore::Start(EventSink* sink) {
  impl_->committer.Start(sink);
  impl_->readers.Start(sink, impl_->options.reader_threads);
  impl_->sweeper.Start();
}

void RocksStore::Stop() {
  if (!impl_) return;
  impl_->sweeper.Stop();
  impl_->readers.Stop();
  impl_->committer.Stop();
}

void RocksStore::Commit(WriteBatch batch) {
  impl_->committer.Commit(std::move(batch));
}
void RocksStore::Load(LoadEffect load) {
  impl_->readers.Add(std::move(load));
}
void RocksStore::LoadPage(PageEffect page) {
  impl_->readers.Add(std::move(page));
}
void RocksStore::Read(ReadEffect read) {
  impl_->readers.Add(std::move(read));
}
void RocksStore::List(ListEffect list) {
  impl_->readers.AddList(std::move(list));
}
void RocksStore::ListLanes(LanesEffect lanes) {
  // One lane is a few look-ups. Lanes with settings are few, and are what /metrics shows: it must not wait behind lists.
  if (lanes.query.only || lanes.query.configured) impl_->readers.Add(std::move(lanes));
  else impl_->readers.AddList(std::move(lanes));
}

std::vector<StoreFigure> RocksStore::Figures() const {
  using enum StoreFigure::Part;
  const StoreStats now = Stats();
  return {
      {kStore, "disk_bytes", "Size of the store on disk, its log included.", now.disk_bytes},
      {kStore, "wal_bytes", "Size of the store's log.", now.wal_bytes},
      {kStore, "free_bytes", "Free space where the store lies.", now.free_disk_bytes},
      {kStore, "dropped_bytes", "Size of the tables that retention dropped as a whole since the start.", now.dropped_bytes, /*grows=*/true},
      {kStore, "rewritten_bytes", "Size of the tables that retention had rewritten since the start.", now.rewritten_bytes, /*grows=*/true},
      {kCommits, "batches", "Batches written since the start.", now.batches, /*grows=*/true},
      {kCommits, "groups", "Groups of batches written in one go since the start.", now.groups, /*grows=*/true},
      {kCommits, "syncs", "Syncs to disk since the start.", now.syncs, /*grows=*/true},
      {kMemory, "memtable_bytes", "Memory of the store's memtables.", now.memtable_bytes},
      {kMemory, "block_cache_bytes", "Memory of the store's block cache.", now.block_cache_bytes},
      {kMemory, "table_readers_bytes", "Memory of the store's table readers.", now.table_readers_bytes},
  };
}

StoreStats RocksStore::Stats() const {
  StoreStats stats;
  const Committer::Counters& counters = impl_->committer.counters();
  stats.disk_bytes = counters.disk_bytes;
  stats.wal_bytes = counters.wal_bytes;
  stats.free_disk_bytes = counters.free_disk_bytes;
  stats.batches = counters.batches;
  stats.groups = counters.groups;
  stats.syncs = counters.syncs;
  stats.written_bytes = counters.written_bytes;
  stats.dropped_tables = impl_->sweeper.counters().dropped_tables;
  stats.dropped_bytes = impl_->sweeper.counters().dropped_bytes;
  stats.rewritten_bytes = impl_->sweeper.counters().rewritten_bytes;
  rocksdb::DB* db = impl_->db();
  db->GetAggregatedIntProperty(rocksdb::DB::Properties::kSizeAllMemTables, &stats.memtable_bytes);
  db->GetIntProperty(rocksdb::DB::Properties::kBlockCacheUsage, &stats.block_cache_bytes);
  db->GetIntProperty(rocksdb::DB::Properties::kBlockCachePinnedUsage, &stats.block_cache_pinned_bytes);
  db->GetAggregatedIntProperty(rocksdb::DB::Properties::kEstimateTableReadersMem, &stats.table_readers_bytes);
  return stats;
}

Status RocksStore::Compact() {
  rocksdb::CompactRangeOptions how;
  // Otherwise the deepest level, where most of what retention ended lies, is left alone.
  how.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  const Database& database = impl_->open.opened.database;
  auto held = impl_->sweeper.Hold();
  for (rocksdb::ColumnFamilyHandle* family : {database.main(), database.notifies()}) {
    Status status = TranslateStatus(database.db()->CompactRange(how, family, nullptr, nullptr), "cannot compact the store");
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

Status RocksStore::Sweep() {
  return impl_->sweeper.Run();
}

}  // namespace notifyd
