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
#include "storage/keys.h"
#include "storage/log_check.h"
#include "storage/reader.h"
#include "storage/records.h"
#include "storage/store_options.h"
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

/// A new store gets its format and empty totals; in an old one they must be there and fit the FORMAT file. True: the format is an older one, or
/// an upgrade from such a one was cut short.
Result<bool> CheckFormat(rocksdb::DB* db, const std::string& directory, const FormatRecord& expected) {
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
    return std::min(record->version, expected.version) < kFormatVersion;
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
  return expected.version < kFormatVersion;
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

}  // namespace

class RocksStore::Impl {
 public:
  Impl(PreparedDirectory directory, OpenedDb opened, const StoreOptions& options, const Totals& totals)
      : options(options),
        totals(totals),
        store(directory.format.store),
        lock(std::move(directory.lock)),
        opened(std::move(opened)),
        committer(this->opened.db.get(), options.directory, directory.format.store, options.min_free_bytes, options.commit_histogram),
        reader(this->opened.db.get(), {options.retention_succeeded_ms, options.retention_settled_ms}, options.wall_ms),
        readers(&reader) {}

  const StoreOptions options;
  const Totals totals;
  const Fingerprint store;
  DirectoryLock lock;  // let go of when the database is closed
  OpenedDb opened;
  Committer committer;
  Reader reader;
  ReaderPool readers;
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
  rocksdb::Options rocks = MakeRocksOptions(options);
  rocks.create_if_missing = true;  // PrepareDirectory has seen to it that nothing is lost by that
  auto opened = OpenChecked(rocks, options.directory, directory->format.store);
  if (!opened.ok()) return std::move(opened).status();
  rocksdb::DB* db = opened->db.get();
  if (Status status = CheckNewestTables(db, rocks, kTablesCheckedBytes); !status.ok()) return status;
  auto older = CheckFormat(db, options.directory, directory->format);
  if (!older.ok()) return std::move(older).status();
  if (Status status = BeginLog(db, directory->format.store); !status.ok()) return status;
  if (*older) {
    if (Status status = UpgradeStore(db, options.directory, directory->format); !status.ok()) return status;
  }
  auto totals = ReadTotals(db, options.directory);
  if (!totals.ok()) return std::move(totals).status();
  auto impl = std::make_unique<Impl>(std::move(*directory), std::move(*opened), options, *totals);
  return std::unique_ptr<RocksStore>(new RocksStore(std::move(impl)));
}

RocksStore::RocksStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RocksStore::~RocksStore() {
  Stop();
  if (!impl_->committer.failed()) return;
  // Closing would flush the log whose writer failed, at which Debian's RocksDB, built with its assertions, aborts. What is on the disk is
  // unknown anyway: the database is left as a kill would leave it, locked until the process ends, and reachable for leak checkers.
  static auto* abandoned = new std::vector<std::unique_ptr<Impl>>;
  rocksdb::CancelAllBackgroundWork(impl_->opened.db.get(), true);
  abandoned->push_back(std::move(impl_));
}

std::string RocksStore::name() const {
  return NameOfStore(impl_->store);
}

const Totals& RocksStore::totals() const {
  return impl_->totals;
}

void RocksStore::Start(EventSink* sink) {
  impl_->committer.Start(sink);
  impl_->readers.Start(sink, impl_->options.reader_threads);
}

void RocksStore::Stop() {
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
  // One lane is a few look-ups.
  if (lanes.query.only) impl_->readers.Add(std::move(lanes));
  else impl_->readers.AddList(std::move(lanes));
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
  rocksdb::DB* db = impl_->opened.db.get();
  db->GetIntProperty(rocksdb::DB::Properties::kSizeAllMemTables, &stats.memtable_bytes);
  db->GetIntProperty(rocksdb::DB::Properties::kBlockCacheUsage, &stats.block_cache_bytes);
  db->GetIntProperty(rocksdb::DB::Properties::kBlockCachePinnedUsage, &stats.block_cache_pinned_bytes);
  db->GetIntProperty(rocksdb::DB::Properties::kEstimateTableReadersMem, &stats.table_readers_bytes);
  return stats;
}

Status RocksStore::Compact() {
  rocksdb::CompactRangeOptions how;
  // Otherwise the deepest level, where most of what retention ended lies, is left alone.
  how.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  return TranslateStatus(impl_->opened.db->CompactRange(how, nullptr, nullptr), "cannot compact the store");
}

}  // namespace notifyd
