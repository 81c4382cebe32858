#include "storage/upgrade.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include "base/log.h"
#include "storage/committer.h"
#include "storage/directory.h"
#include "storage/keys.h"
#include "storage/reader.h"
#include "storage/store_options.h"

namespace notifyd {
namespace {

// Held at once: notifies (without what they carry) until it is known which are in tails, and lanes until their counts are written.
constexpr size_t kNotifies = 512, kLanes = 4096;

std::string_view View(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

}  // namespace

class Upgrader {
 public:
  explicit Upgrader(rocksdb::DB* db) : db_(db), reader_(db, {}, [] { return int64_t{0}; }) {}

  Status CountLanes() {
    if (Status status = Clear(); !status.ok()) return status;
    rocksdb::ReadOptions how;
    how.fill_cache = false;
    how.readahead_size = 1 << 20;
    std::string begin(1, static_cast<char>(KeyKind::kNotify)), end = PrefixEnd(begin);
    rocksdb::Slice upper(end);
    how.iterate_upper_bound = &upper;
    std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(how));
    for (it->Seek(begin); it->Valid(); it->Next()) {
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
    if (Status status = reader_.FindTails(rocksdb::ReadOptions(), notifies); !status.ok()) return status;
    for (const LoadedNotify& notify : pending_) ++changes_[notify.record->head->lane][IndexOf(notify.record->state, notify.in_tail)];
    pending_.clear();
    return changes_.size() < kLanes ? Status::Ok() : WriteChanges();
  }

  Status WriteChanges() {
    rocksdb::WriteBatch batch;
    EncodeLaneChanges(changes_, &batch);
    changes_.clear();
    return TranslateStatus(db_->Write(rocksdb::WriteOptions(), &batch), "cannot write");
  }

  rocksdb::DB* const db_;
  const Reader reader_;
  std::vector<LoadedNotify> pending_;
  LaneChanges changes_;
  uint64_t taken_ = 0;
};

Status UpgradeStore(rocksdb::DB* db, const std::string& directory, const FormatRecord& format) {
  Log(LogLevel::kInfo, "upgrading the store", {{"directory", directory}, {"format", kFormatVersion}});
  Upgrader upgrader(db);
  if (Status status = upgrader.CountLanes(); !status.ok()) return status;
  if (Status status = TranslateStatus(db->SyncWAL(), "cannot sync"); !status.ok()) return status;
  // FORMAT keeps an older notifyd from touching the database, so it comes before the database says that all is done: a crash between the two
  // leaves a store that nothing but an upgrade can open.
  FormatRecord raised{kFormatVersion, format.store};
  if (Status status = RewriteFormatFile(directory, raised); !status.ok()) return status;
  std::string value;
  EncodeFormat(raised, &value);
  rocksdb::WriteOptions how;
  how.sync = true;
  Status status = TranslateStatus(db->Put(how, EncodeMetaKey(kFormatName), value), "cannot write");
  if (status.ok()) Log(LogLevel::kInfo, "store upgraded", {{"format", kFormatVersion}, {"notifies", upgrader.notifies()}});
  return status;
}

}  // namespace notifyd
