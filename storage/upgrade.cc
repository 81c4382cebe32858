#include "storage/upgrade.h"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <memory>

#include "base/crash_point.h"
#include "base/log.h"
#include "storage/directory.h"
#include "storage/encode_batch.h"
#include "storage/keys.h"
#include "storage/log_check.h"
#include "storage/reader.h"
#include "storage/records.h"
#include "storage/rocks_kv.h"
#include "storage/slice_view.h"
#include "storage/store_options.h"

namespace notifyd {
namespace {

// Held at once: notifies (without what they carry) until it is known which are in tails, and lanes until their counts are written.
constexpr size_t kNotifies = 512, kLanes = 4096;
// Moved in one batch: the notifies that make so many bytes, and so many at most. After so many bytes the tables that held them are given back.
constexpr size_t kBatchBytes = 2 << 20, kBatchNotifies = 4096, kGiveBackBytes = 64 << 20;
constexpr uint64_t kProgress = 1'000'000;

/// All keys of notifies lie between them.
const std::string& FirstNotify() {
  static const std::string first(1, static_cast<char>(KeyKind::kNotify));
  return first;
}
const std::string& BehindNotifies() {
  static const std::string behind = PrefixEnd(FirstNotify());
  return behind;
}

/// What is read once only, and must not fill the cache.
rocksdb::ReadOptions ScanUpTo(const rocksdb::Slice* upper) {
  rocksdb::ReadOptions how;
  how.fill_cache = false;
  how.readahead_size = 1 << 20;
  how.iterate_upper_bound = upper;
  return how;
}

Status BeginStep(const StoreOptions& options, CrashPoint point) {
  PassCrashPoint(point);
  return options.upgrade_step ? options.upgrade_step() : Status::Ok();
}

}  // namespace

class Upgrader {
 public:
  explicit Upgrader(const Database* database)
      : database_(*database),
        db_(database->db()),
        kv_(database),
        reader_(&kv_, KeySpace(kDefaultNumber), &kept_, &unsealed_, [] { return int64_t{0}; }) {}

  Status CountLanes() {
    if (Status status = Clear(); !status.ok()) return status;
    rocksdb::Slice upper(BehindNotifies());
    std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(ScanUpTo(&upper)));
    for (it->Seek(FirstNotify()); it->Valid(); it->Next()) {
      if (Status status = Take(View(it->key()), View(it->value())); !status.ok()) return status;
    }
    if (!it->status().ok()) return TranslateStatus(it->status(), "cannot read the store");
    if (Status status = Count(); !status.ok()) return status;
    return WriteChanges();
  }

  uint64_t notifies() const { return taken_; }

 private:
  /// What a walk that was cut short had counted, and whatever an older notifyd, opened in between, has made of that.
  Status Clear() {
    std::string begin(1, static_cast<char>(KeyKind::kLaneCounts)), end = PrefixEnd(begin);
    CHECK(!IsHinted(begin));
    return TranslateStatus(db_->DeleteRange(rocksdb::WriteOptions(), db_->DefaultColumnFamily(), begin, end), "cannot write");
  }

  Status Take(std::string_view key, std::string_view value) {
    std::optional<NotifyId> id = DecodeNotifyKey(key);
    if (!id) return BadKey(key);
    if (IsOrphan(value)) return Status::Ok();
    auto record = DecodeNotify(*id, value);
    if (!record.ok()) return Status(Code::kCorrupt, record.status().detail() + ": " + id->ToString());
    ++taken_;
    if (IsSettled((*record)->state.phase)) return Status::Ok();
    (*record)->spec = nullptr;
    (*record)->attempts.clear();
    pending_.push_back({std::move(*record), false});
    return pending_.size() < kNotifies ? Status::Ok() : Count();
  }

  Status Count() {
    std::vector<LoadedNotify*> notifies;
    for (LoadedNotify& notify : pending_) notifies.push_back(&notify);
    if (Status status = reader_.FindTails(kv_, notifies); !status.ok()) return status;
    for (const LoadedNotify& notify : pending_) ++changes_[notify.record->envelope->lane][IndexOf(notify.record->state, notify.in_tail)];
    pending_.clear();
    return changes_.size() < kLanes ? Status::Ok() : WriteChanges();
  }

  Status WriteChanges() {
    rocksdb::WriteBatch batch;
    RocksWrites writes(&database_, &batch);
    EncodeLaneChanges(KeySpace(kDefaultNumber), changes_, &writes);
    changes_.clear();
    return TranslateStatus(db_->Write(rocksdb::WriteOptions(), &batch), "cannot write");
  }

  const Database& database_;
  rocksdb::DB* const db_;
  const RocksKv kv_;
  const RetentionTable kept_{Retention{}};
  const Sealing unsealed_;  // no older format has anything sealed
  const Reader reader_;
  std::vector<LoadedNotify> pending_;
  LaneChanges changes_;
  uint64_t taken_ = 0;
};

/// Moves the notifies into their family, from wherever an earlier one was cut short: a notify lies in exactly one family at every moment, since a
/// batch puts it into the one and deletes it in the other. What lies in the default family behind the last one that was moved is all that is left to
/// do.
class Mover {
 public:
  Mover(const Database& database, const StoreOptions& options, const Fingerprint& store) : database_(database), options_(options), store_(store) {}

  Status Run() {
    for (;;) {
      if (Status status = BeginStep(options_, CrashPoint::kUpgradeBeforeBatch); !status.ok()) return status;
      if (Status status = Gather(); !status.ok()) return status;
      if (behind_.empty()) break;
      if (Status status = Write(); !status.ok()) return status;
      if (unsynced_bytes_ < kGiveBackBytes) continue;
      if (Status status = GiveBack(); !status.ok()) return status;
    }
    behind_ = BehindNotifies();
    return GiveBack();
  }

  uint64_t notifies() const { return moved_; }

 private:
  /// Fills `batch_` and `behind_`, which stays empty where there is nothing left. An iterator a batch: one that lived longer would keep memtables and
  /// tables that are done with.
  Status Gather() {
    batch_.Clear();
    // What is synced is said in the log, as by the commit thread: the tables that this was read from may be gone by then.
    batch_.PutLogData(EncodeSyncedMark(store_, synced_sequence_));
    rocksdb::Slice upper(BehindNotifies());
    std::unique_ptr<rocksdb::Iterator> it(database_.db()->NewIterator(ScanUpTo(&upper), database_.main()));
    std::string last;
    size_t taken = 0;
    for (it->Seek(behind_.empty() ? FirstNotify() : behind_); it->Valid(); it->Next()) {
      if (taken++ == kBatchNotifies || batch_.GetDataSize() >= kBatchBytes) break;
      last = it->key().ToString();
      if (IsOrphan(View(it->value()))) continue;  // as good as nothing
      batch_.Put(database_.notifies(), it->key(), it->value());
      ++moved_;
    }
    if (!it->status().ok()) return TranslateStatus(it->status(), "cannot read the store", options_.directory);
    std::string from = behind_.empty() ? FirstNotify() : behind_;
    behind_ = last.empty() ? std::string() : last + '\0';
    if (!last.empty()) batch_.DeleteRange(database_.main(), from, behind_);
    return Status::Ok();
  }

  Status Write() {
    unsynced_bytes_ += batch_.GetDataSize();
    if (moved_ / kProgress != logged_) Log(LogLevel::kInfo, "upgrading the store", {{"moved", moved_}});
    logged_ = moved_ / kProgress;
    return TranslateStatus(database_.db()->Write(rocksdb::WriteOptions(), &batch_), "cannot write");
  }

  /// The tables that hold nothing but what was moved are dropped, once that is durable where it is now.
  Status GiveBack() {
    if (Status status = TranslateStatus(database_.db()->SyncWAL(), "cannot sync"); !status.ok()) return status;
    synced_sequence_ = database_.db()->GetLatestSequenceNumber();
    unsynced_bytes_ = 0;
    rocksdb::Slice from(FirstNotify()), to(behind_);
    return TranslateStatus(rocksdb::DeleteFilesInRange(database_.db(), database_.main(), &from, &to, /*include_end=*/false), "cannot drop tables");
  }

  const Database& database_;
  const StoreOptions& options_;
  const Fingerprint store_;
  rocksdb::WriteBatch batch_;
  std::string behind_;
  uint64_t moved_ = 0, logged_ = 0;
  size_t unsynced_bytes_ = 0;
  uint64_t synced_sequence_ = 0;
};

namespace {

Status PutFormat(rocksdb::DB* db, const FormatRecord& format) {
  std::string value;
  EncodeFormat(format, &value);
  rocksdb::WriteOptions how;
  how.sync = true;
  return TranslateStatus(db->Put(how, EncodeMetaKey(kFormatName), value), "cannot write");
}

/// Says in FORMAT that the database may hold what an older notifyd cannot read.
Status RaiseFormatFile(const StoreOptions& options, const FormatRecord& raised) {
  if (Status status = BeginStep(options, CrashPoint::kUpgradeBeforeFormatFile); !status.ok()) return status;
  if (Status status = RewriteFormatFile(options.directory, raised); !status.ok()) return status;
  return BeginStep(options, CrashPoint::kUpgradeAfterFormatFile);
}

Status CountLanes(const Database& database, const StoreOptions& options, const Fingerprint& store) {
  Upgrader upgrader(&database);
  if (Status status = upgrader.CountLanes(); !status.ok()) return status;
  if (Status status = TranslateStatus(database.db()->SyncWAL(), "cannot sync"); !status.ok()) return status;
  // FORMAT keeps an older notifyd from touching the database, so it comes before the database says that all is done: a crash between the two
  // leaves a store that nothing but an upgrade can open.
  const FormatRecord counted{2, store};
  if (Status status = RaiseFormatFile(options, counted); !status.ok()) return status;
  return PutFormat(database.db(), counted);
}

/// Here FORMAT comes first: an older notifyd cannot open a database with a family that it does not know, and would not say why.
Status MoveNotifies(Database* database, const StoreOptions& options, const Fingerprint& store, uint64_t* moved) {
  const FormatRecord raised{3, store};
  if (Status status = RaiseFormatFile(options, raised); !status.ok()) return status;
  if (!database->notifies()) {
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    rocksdb::ColumnFamilyOptions how = NotifiesOptions(database->db()->GetOptions(database->main()));
    if (Status status = TranslateStatus(database->db()->CreateColumnFamily(how, kNotifiesFamily, &handle), "cannot write"); !status.ok())
      return status;
    database->Add(handle);
  }
  Mover mover(*database, options, store);
  if (Status status = mover.Run(); !status.ok()) return status;
  *moved = mover.notifies();
  if (Status status = BeginStep(options, CrashPoint::kUpgradeBeforeFormatRow); !status.ok()) return status;
  return PutFormat(database->db(), raised);
}

}  // namespace

Status UpgradeStore(Database* database, const StoreOptions& options, uint32_t from, const Fingerprint& store) {
  Log(LogLevel::kInfo, "upgrading the store", {{"directory", options.directory}, {"from", from}, {"format", kFormatVersion}});
  if (from < 2) {
    if (Status status = CountLanes(*database, options, store); !status.ok()) return status;
  }
  uint64_t moved = 0;
  // A directory of format 3 whose database was never made has no family yet, either.
  if (from < 3 || !database->notifies()) {
    if (Status status = MoveNotifies(database, options, store, &moved); !status.ok()) return status;
  }
  const FormatRecord present{kFormatVersion, store};
  if (Status status = RaiseFormatFile(options, present); !status.ok()) return status;
  Status status = PutFormat(database->db(), present);
  if (status.ok()) Log(LogLevel::kInfo, "store upgraded", {{"format", kFormatVersion}, {"notifies", moved}});
  return status;
}

}  // namespace notifyd
