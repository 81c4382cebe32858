#include "storage/rocks_store.h"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/wal_filter.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "base/crash_point.h"
#include "base/log.h"
#include "storage/audit.h"
#include "storage/committer.h"
#include "storage/directory.h"
#include "storage/directory_guard.h"
#include "storage/guarded_files.h"
#include "storage/id_gap.h"
#include "storage/keys.h"
#include "storage/log_check.h"
#include "storage/outlet.h"
#include "storage/reader.h"
#include "storage/reader_pool.h"
#include "storage/reclaimer.h"
#include "storage/records.h"
#include "storage/registry_image.h"
#include "storage/rekeyer.h"
#include "storage/rocks_kv.h"
#include "storage/sealing.h"
#include "storage/store_options.h"
#include "storage/sweeper.h"
#include "storage/synced_file.h"
#include "storage/table_check.h"
#include "storage/upgrade.h"

namespace notifyd {
namespace {

constexpr uint64_t kTablesCheckedBytes = 64 << 20;

Status WriteSynced(const Database& database, rocksdb::WriteBatch* batch, const std::string& what) {
  rocksdb::WriteOptions how;
  how.sync = true;
  return TranslateStatus(database.db()->Write(how, batch), what);
}

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
  PassCrashPoint(CrashPoint::kNewBeforeRows);
  rocksdb::WriteOptions how;
  how.sync = true;
  if (Status written = TranslateStatus(db->Write(how, &first), "cannot write the store in " + directory); !written.ok()) return written;
  PassCrashPoint(CrashPoint::kNewAfterRows);
  return expected.version;
}

uint64_t BackupAgeSeconds(const Backups& backups, int64_t now_ms) {
  return backups.configured() && backups.looked() ? static_cast<uint64_t>(std::max<int64_t>(now_ms - backups.newest_ms().value_or(0), 0)) / 1000 : 0;
}

/// On a small file system memtables and logs are small too, so that the reserve (committer.cc) has room for one more of each: a table that cannot be
/// written stops all writes.
void BoundToDisk(StoreOptions* options) {
  uint64_t free_bytes = 0, total_bytes = 0;
  if (!MeasureDisk(options->directory, &free_bytes, &total_bytes)) return;
  options->memtable_bytes = std::min<uint64_t>(options->memtable_bytes, std::max<uint64_t>(total_bytes / 32, 1 << 20));
  options->max_wal_bytes = std::min<uint64_t>(options->max_wal_bytes, std::max<uint64_t>(total_bytes / 8, 4 << 20));
}

/// What is open. Closed from the last member to the first, the lock last.
struct OpenStore {
  PreparedDirectory directory;
  std::unique_ptr<DirectoryGuard> guard;
  std::unique_ptr<GuardedFiles> files;
  SyncedFile synced;
  OpenedDb opened;
};

/// Checks the files and opens the database. From here on SYNCED says that the store is open.
Result<OpenStore> OpenDatabase(const StoreOptions& options, PreparedDirectory directory, std::shared_ptr<const RetentionTable> retention,
                               std::shared_ptr<const Sealing> sealing) {
  const Fingerprint store = directory.format.store;
  auto guard = DirectoryGuard::Make(options.directory, directory.lock.get());
  if (!guard.ok()) return std::move(guard).status();
  auto held = std::make_unique<DirectoryGuard>(*guard);
  auto files = std::make_unique<GuardedFiles>(held.get());
  auto before = SyncedFile::Read(options.directory, store);
  if (!before.ok()) return std::move(before).status();
  rocksdb::Options rocks = MakeRocksOptions(options, std::move(retention), std::move(sealing));
  rocks.create_if_missing = true;
  rocks.env = files->env();
  // An older one gets its families where it is upgraded, so that until then its own notifyd opens it.
  auto opened = OpenChecked(rocks, options.directory, store, *before, directory.format.version == kFormatVersion);
  if (!opened.ok()) return std::move(opened).status();
  if (Status status = CheckNewestTables(opened->database.db(), rocks, kTablesCheckedBytes); !status.ok()) return status;
  PassCrashPoint(CrashPoint::kStartRecovered);
  // All that was in logs is in tables now; the new log has nothing yet.
  SyncedRecord now;
  now.store = store;
  now.sequence = opened->database.db()->GetLatestSequenceNumber();
  now.manifest = CurrentManifest(options.directory);
  auto synced = SyncedFile::Open(options.directory, now);
  if (!synced.ok()) return std::move(synced).status();
  PassCrashPoint(CrashPoint::kStartSyncedFile);
  return OpenStore{std::move(directory), std::move(held), std::move(files), std::move(*synced), std::move(*opened)};
}

/// Leaves out ids, durably. The write begins with a mark, since the log may be new (storage/log_check.h).
Status LeaveIdGap(const Database& database, const Fingerprint& store, uint64_t gap) {
  rocksdb::WriteBatch batch;
  batch.PutLogData(EncodeSyncedMark(store, database.db()->GetLatestSequenceNumber()));
  RocksWrites writes(&database, &batch);
  NOTIFYD_TRY(EncodeIdGap(RocksKv(&database), gap, &writes));
  return WriteSynced(database, &batch, "cannot write");
}

/// Returns whether there is nothing in it but the store's own rows.
Result<bool> IsEmpty(const Database& database) {
  for (rocksdb::ColumnFamilyHandle* family : {database.main(), database.notifies()}) {
    if (family == nullptr) continue;
    std::unique_ptr<rocksdb::Iterator> it(database.db()->NewIterator(rocksdb::ReadOptions(), family));
    it->SeekToFirst();
    if (!it->status().ok()) return TranslateStatus(it->status(), "cannot read the store");
    if (it->Valid() && it->key()[0] != static_cast<char>(KeyKind::kMeta)) return false;
    it->SeekToLast();
    if (!it->status().ok()) return TranslateStatus(it->status(), "cannot read the store");
    if (it->Valid() && it->key()[0] != static_cast<char>(KeyKind::kMeta)) return false;
  }
  return true;
}

Status BeginSealing(const Database& database, const RocksKv& kv, const std::string& key_file, Sealing* sealing) {
  auto write = [&](const SealRows& rows) {
    rocksdb::WriteBatch batch;
    RocksWrites writes(&database, &batch);
    for (const auto& [key, value] : rows.puts) writes.Put(key, value);
    for (const std::string& key : rows.deletes) writes.Delete(key);
    return WriteSynced(database, &batch, "cannot write the store");
  };
  return sealing->Begin({kv, [&] { return IsEmpty(database); }, write}, key_file);
}

/// Notes in SYNCED that the new log's beginning is synced (BeginLog).
Status NoteLogBegun(OpenStore* open) {
  SyncedRecord record = open->synced.record();
  record.sequence = open->opened.database.db()->GetLatestSequenceNumber();
  record.logs.push_back({open->files->written_log(), 0});
  return open->synced.Write(std::move(record));
}

}  // namespace

class RocksStore::Impl {
 public:
  Impl(OpenStore opened, const StoreOptions& with, std::shared_ptr<RetentionTable> kept, std::shared_ptr<Sealing> sealed, uint32_t audit_serial)
      : options(with),
        retention(std::move(kept)),
        sealing(std::move(sealed)),
        open(std::move(opened)),
        kv(&open.opened.database),
        committer(std::make_shared<Committer>(Committer::Setup{
            &open.opened.database, open.files.get(), &open.synced, sealing.get(), options.directory, open.directory.format.store,
            options.min_free_bytes, options.commit_histogram, audit_serial, [this](NamespaceNumber number) { reclaimer.AddDropped(number); }})),
        readers(std::make_shared<ReaderPool>()),
        sweeper(&open.opened.database, retention.get(), options.wall_ms),
        reclaimer(&open.opened.database, &sweeper),
        rekeyer(&open.opened.database, &sweeper, committer.get(), sealing.get(), options.encryption_key_file),
        backups(std::make_shared<Backups>(Backups::Setup{&open.opened.database, sealing.get(), options.directory, open.directory.format.store,
                                                         options.backup_directory, options.min_free_bytes, options.wall_ms})) {}

  rocksdb::DB* db() const { return open.opened.database.db(); }
  /// Gives back what lies under numbers of namespaces that are gone, which a crash may have left there.
  void ReclaimMissing(const RegistryImage& image) {
    NamespaceNumber next = kSystemNumber + 1;
    for (const auto& row : image.namespaces) {
      if (row->number > next) reclaimer.AddLeft(next, static_cast<NamespaceNumber>(row->number - 1));
      next = std::max<NamespaceNumber>(next, static_cast<NamespaceNumber>(row->number + 1));
    }
    if (image.head.next_number > next) reclaimer.AddLeft(next, static_cast<NamespaceNumber>(image.head.next_number - 1));
  }

  const StoreOptions options;
  const std::shared_ptr<RetentionTable> retention;
  const std::shared_ptr<Sealing> sealing;
  OpenStore open;
  const RocksKv kv;
  // A namespace that is still open where the store is closed holds them, stopped.
  const std::shared_ptr<Committer> committer;
  const std::shared_ptr<ReaderPool> readers;
  const std::shared_ptr<ReaderPool::Queue> audit_reads = std::make_shared<ReaderPool::Queue>();
  Sweeper sweeper;
  Reclaimer reclaimer;
  Rekeyer rekeyer;
  const std::shared_ptr<Backups> backups;
};

namespace {

class RocksNamespace : public NamespaceStore {
 public:
  RocksNamespace(std::shared_ptr<Committer> committer, std::shared_ptr<CommitQueue> writes, std::shared_ptr<ReaderPool> readers, Reader reader,
                 std::shared_ptr<Outlet> outlet)
      : committer_(std::move(committer)),
        writes_(std::move(writes)),
        readers_(std::move(readers)),
        reads_(std::make_shared<ReaderPool::Queue>()),
        answers_(std::make_shared<Answers>(Answers{std::move(reader), std::move(outlet)})) {}
  ~RocksNamespace() override {
    answers_->outlet->Close();
    committer_->Close(writes_);
  }
  RocksNamespace(const RocksNamespace&) = delete;
  RocksNamespace& operator=(const RocksNamespace&) = delete;

  void Commit(WriteBatch batch) override { committer_->Commit(writes_, std::move(batch)); }
  void Sleep(WallTime wake) override { committer_->Sleep(writes_, wake); }
  void Load(LoadEffect load) override { readers_->Add(reads_, Answered(&Reader::Load, std::move(load))); }
  void LoadPage(PageEffect page) override {
    const auto* records = std::get_if<RecordsPage>(&page.page);
    const bool lists = records && records->with_events;
    ReaderPool::Task task = Answered(&Reader::LoadPage, std::move(page));
    if (lists) readers_->AddList(reads_, std::move(task));
    else readers_->Add(reads_, std::move(task));
  }
  void Read(ReadEffect read) override { readers_->Add(reads_, Answered(&Reader::Read, std::move(read))); }
  void List(ListEffect list) override { readers_->AddList(reads_, Answered(&Reader::List, std::move(list))); }
  void ListLanes(LanesEffect lanes) override {
    // One lane is a few look-ups. Lanes with settings are few, and are what /metrics shows: it must not wait behind lists.
    const bool few = lanes.query.only || lanes.query.configured;
    ReaderPool::Task task = Answered(&Reader::ListLanes, std::move(lanes));
    if (few) readers_->Add(reads_, std::move(task));
    else readers_->AddList(reads_, std::move(task));
  }

 private:
  struct Answers {
    const Reader reader;
    const std::shared_ptr<Outlet> outlet;
  };
  template <class Answer, class Effect>
  ReaderPool::Task Answered(Answer (Reader::*read)(const Effect&) const, Effect effect) const {
    return [answers = answers_, read, effect = std::move(effect)] { answers->outlet->Post((answers->reader.*read)(effect)); };
  }

  const std::shared_ptr<Committer> committer_;
  const std::shared_ptr<CommitQueue> writes_;
  const std::shared_ptr<ReaderPool> readers_;
  const std::shared_ptr<ReaderPool::Queue> reads_;
  const std::shared_ptr<Answers> answers_;
};

}  // namespace

Result<std::unique_ptr<RocksStore>> RocksStore::Open(const StoreOptions& given) {
  StoreOptions options = given;
  if (!options.wall_ms)
    options.wall_ms = [] {
      return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    };
  auto directory = PrepareDirectory(options.directory, options.moving);
  if (!directory.ok()) return std::move(directory).status();
  PassCrashPoint(CrashPoint::kStartLocked);
  BoundToDisk(&options);
  // The database compacts from the moment it is open: until it has been read what each namespace keeps for how long, it keeps all.
  auto retention = std::make_shared<RetentionTable>(Retention{kKeptForEver, kKeptForEver});
  auto sealing = std::make_shared<Sealing>();
  auto open = OpenDatabase(options, std::move(*directory), retention, sealing);
  if (!open.ok()) return std::move(open).status();
  Database* database = &open->opened.database;
  rocksdb::DB* db = database->db();
  const FormatRecord& format = open->directory.format;
  auto older = CheckFormat(db, options.directory, format);
  if (!older.ok()) return std::move(older).status();
  if (Status status = BeginLog(db, format.store); !status.ok()) return status;
  PassCrashPoint(CrashPoint::kStartLogBegun);
  if (*older < kFormatVersion) {
    if (Status status = UpgradeStore(database, options, *older, format.store); !status.ok()) return status;
  }
  if (options.id_gap > 0) {
    if (Status status = LeaveIdGap(*database, format.store, options.id_gap); !status.ok()) return status;
  }
  const RocksKv kv(database);
  if (Status status = BeginSealing(*database, kv, options.encryption_key_file, sealing.get()); !status.ok()) return status;
  if (auto beginning = ReadBeginning(kv, kDefaultNumber); !beginning.ok()) return std::move(beginning).status();
  // Where that does not read, LoadRegistry says why.
  const Retention general{options.retention_succeeded_ms, options.retention_settled_ms};
  if (auto rules = ReadRetentionRules(kv, *sealing, general); rules.ok()) retention->Become(*std::move(rules));
  auto serial = NextAuditSerial(kv);
  if (!serial.ok()) return std::move(serial).status();
  if (Status status = NoteLogBegun(&*open); !status.ok()) return status;
  if (Status status = NoteBegun(options.directory); !status.ok()) return status;
  PassCrashPoint(CrashPoint::kStartStoreOpen);
  return std::unique_ptr<RocksStore>(
      new RocksStore(std::make_unique<Impl>(std::move(*open), options, std::move(retention), std::move(sealing), *serial)));
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
  Status status = impl_->committer->failure();
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

Result<RegistryImage> RocksStore::LoadRegistry() {
  Result<RegistryImage> image = ReadRegistry(impl_->kv, *impl_->sealing);
  if (image.ok()) impl_->ReclaimMissing(*image);
  return image;
}

void RocksStore::Start(StoreEvents* events) {
  impl_->committer->Start(events);
  impl_->readers->Start(impl_->options.reader_threads);
  impl_->sweeper.Start();
  impl_->reclaimer.Start();
  impl_->backups->Start();
}

Result<OpenedNamespace> RocksStore::OpenNamespace(NamespaceNumber number, EventSink* sink) {
  impl_->committer->AwaitClosed(number);
  auto beginning = ReadBeginning(impl_->kv, number);
  if (!beginning.ok()) return std::move(beginning).status();
  auto outlet = std::make_shared<Outlet>(sink);
  auto writes = impl_->committer->Open(number, outlet, beginning->totals, beginning->awake);
  Reader reader(&impl_->kv, KeySpace(number), impl_->retention.get(), impl_->sealing.get(), impl_->options.wall_ms);
  auto store = std::make_unique<RocksNamespace>(impl_->committer, std::move(writes), impl_->readers, std::move(reader), std::move(outlet));
  return OpenedNamespace{std::move(store), beginning->totals};
}

void RocksStore::Stop() {
  if (!impl_) return;
  impl_->backups->Stop();
  impl_->rekeyer.Stop();
  impl_->reclaimer.Stop();
  impl_->sweeper.Stop();
  impl_->readers->Stop();
  impl_->committer->Stop();
}

void RocksStore::Commit(RegistryBatch batch) {
  impl_->committer->Commit(std::move(batch));
}

void RocksStore::Audit(AuditEntry entry, std::function<void()> durable) {
  impl_->committer->Audit(std::move(entry), std::move(durable));
}

void RocksStore::ListAudit(AuditQuery query, std::function<void(AuditPage)> done) {
  auto read = [kv = &impl_->kv, wall_ms = impl_->options.wall_ms, query = std::move(query), done = std::move(done)] {
    done(ReadAudit(*kv, query, wall_ms()));
  };
  impl_->readers->AddList(impl_->audit_reads, std::move(read));
}

void RocksStore::SetRetention(NamespaceNumber number, std::optional<int64_t> succeeded_ms, std::optional<int64_t> settled_ms) {
  impl_->retention->Set(number, succeeded_ms, settled_ms);
}

uint64_t RocksStore::StoredBytes(NamespaceNumber number) const {
  return BytesIn(impl_->open.opened.database, RangeOf(number), /*memtables=*/true);
}

void RocksStore::CompactNamespace(NamespaceNumber number) {
  impl_->reclaimer.Add(number);
}

bool RocksStore::IsCompacting(NamespaceNumber number) const {
  return impl_->reclaimer.Has(number);
}

bool RocksStore::DiskIsLow() const {
  return impl_->committer->disk_low();
}

std::vector<StoreFigure> RocksStore::Figures() const {
  using enum StoreFigure::Part;
  const StoreStats now = Stats();
  const BackupCounts backups = impl_->backups->counts();
  return {
      {kStore, "disk_bytes", "Size of the store on disk, its log included.", now.disk_bytes},
      {kStore, "wal_bytes", "Size of the store's log.", now.wal_bytes},
      {kStore, "free_bytes", "Free space where the store lies.", now.free_disk_bytes},
      {kStore, "dropped_bytes", "Size of the tables that retention dropped as a whole since the start.", now.dropped_bytes, /*grows=*/true},
      {kStore, "rewritten_bytes", "Size of the tables that retention had rewritten since the start.", now.rewritten_bytes, /*grows=*/true},
      {kStore, "sealed", "1 where the store is sealed.", impl_->sealing->on()},
      {kStore, "rekey_due", "1 while something in the store is not sealed, or by an older key, which is needed until this is 0: notifyd rekey.",
       impl_->sealing->rekey_due()},
      {kStore, "backups", "Backups made since the start.", backups.done, /*grows=*/true},
      {kStore, "backups_failed", "Backups that failed since the start.", backups.failed, /*grows=*/true},
      {kStore, "backup_age_seconds",
       "Time since the newest good backup began, over restarts; since 1970 where there is none; 0 where backup.directory is not set.",
       BackupAgeSeconds(*impl_->backups, impl_->options.wall_ms())},
      {kStore, "backup_bytes", "Size of the newest good backup.", impl_->backups->newest_bytes()},
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
  const Committer::Counters& counters = impl_->committer->counters();
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

Status RocksStore::Rekey() {
  return impl_->rekeyer.Begin();
}

const OrderedKv& RocksStore::kv() const {
  return impl_->kv;
}

Status RocksStore::Write(const std::function<void(KvWrites&)>& fill) {
  const Database& database = impl_->open.opened.database;
  rocksdb::WriteBatch batch;
  batch.PutLogData(EncodeSyncedMark(impl_->open.directory.format.store, database.db()->GetLatestSequenceNumber()));
  RocksWrites writes(&database, &batch);
  fill(writes);
  return WriteSynced(database, &batch, "cannot write");
}

bool RocksStore::Expect() {
  return impl_->committer->Expect();
}

RekeyState RocksStore::Rekeyed() const {
  return impl_->rekeyer.State();
}

std::shared_ptr<Backups> RocksStore::backups() {
  return impl_->backups;
}

Status RocksStore::Sweep() {
  return impl_->sweeper.Run();
}

}  // namespace notifyd
