#include "storage/rocks_kv.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/snapshot.h>
#include <rocksdb/write_batch.h>

#include <memory>
#include <utility>

#include "base/check.h"
#include "storage/keys.h"
#include "storage/slice_view.h"
#include "storage/store_options.h"

namespace notifyd {
namespace {

// Read at once: their blocks are in use, and so in the cache beyond its budget, until they are decoded.
constexpr size_t kChunk = 32;
constexpr size_t kReadAheadBytes = 1 << 20;

/// MultiGet in chunks, of keys that may lie in several families.
Status GetEach(const Database& database, const rocksdb::ReadOptions& how, const std::vector<std::string>& keys, const KvTake& take) {
  size_t at[kChunk];
  rocksdb::Slice slices[kChunk];
  for (rocksdb::ColumnFamilyHandle* family : {database.notifies(), database.main()}) {
    for (size_t next = 0; next < keys.size();) {
      size_t count = 0;
      for (; next < keys.size() && count < kChunk; ++next) {
        if (database.Of(keys[next]) != family) continue;
        at[count] = next;
        slices[count++] = keys[next];
      }
      if (count == 0) break;
      rocksdb::PinnableSlice values[kChunk];
      rocksdb::Status statuses[kChunk];
      database.db()->MultiGet(how, family, count, slices, values, statuses);
      for (size_t i = 0; i < count; ++i) {
        if (statuses[i].IsNotFound()) continue;
        if (!statuses[i].ok()) return TranslateStatus(statuses[i], "cannot read the store");
        if (Status status = take(at[i], View(values[i])); !status.ok()) return status;
      }
    }
  }
  return Status::Ok();
}

class RocksCursor : public KvCursor {
 public:
  RocksCursor(const Database& database, rocksdb::ReadOptions how, std::string from, std::string to, const KvScan& scan)
      : from_(std::move(from)), to_(std::move(to)), lower_(from_), upper_(to_), forward_(scan.forward) {
    how.iterate_lower_bound = &lower_;
    how.iterate_upper_bound = &upper_;
    if (scan.expected == KvScan::kWhole) how.readahead_size = kReadAheadBytes;
    it_.reset(database.db()->NewIterator(how, database.Of(from_)));
    if (from_ >= to_) return;  // RocksDB wants its bounds in this order
    if (forward_) it_->SeekToFirst();
    else it_->SeekToLast();
  }
  RocksCursor(const RocksCursor&) = delete;
  RocksCursor& operator=(const RocksCursor&) = delete;

  bool Valid() const override { return it_->Valid(); }
  std::string_view key() const override { return View(it_->key()); }
  std::string_view value() const override { return View(it_->value()); }
  void Next() override {
    if (forward_) it_->Next();
    else it_->Prev();
  }
  void Seek(std::string_view key) override {
    CHECK(forward_);
    it_->Seek(key);
  }
  Status status() const override { return TranslateStatus(it_->status(), "cannot read the store"); }

 private:
  const std::string from_, to_;
  const rocksdb::Slice lower_, upper_;  // into them: RocksDB borrows the bounds
  const bool forward_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

class RocksMoment : public KvMoment {
 public:
  RocksMoment(const Database* database, KvFor use) : database_(*database), snapshot_(database->db()) {
    how_.snapshot = snapshot_.snapshot();
    how_.fill_cache = use == KvFor::kLoads;
  }
  Status GetAll(const std::vector<std::string>& keys, const KvTake& take) const override { return GetEach(database_, how_, keys, take); }
  std::unique_ptr<KvCursor> Walk(std::string from, std::string to, KvScan scan) const override {
    return std::make_unique<RocksCursor>(database_, how_, std::move(from), std::move(to), scan);
  }

 private:
  const Database& database_;
  rocksdb::ManagedSnapshot snapshot_;
  rocksdb::ReadOptions how_;
};

}  // namespace

std::unique_ptr<KvMoment> RocksKv::Now(KvFor use) const {
  return std::make_unique<RocksMoment>(database_, use);
}

std::vector<KvPart> RocksKv::Parts() const {
  // A family each.
  return {{"", KeysEnd()}, {FirstKeyOf(KeyKind::kNotify), KeysEnd()}};
}

Status RocksKv::GetAll(const std::vector<std::string>& keys, const KvTake& take) const {
  return GetEach(*database_, rocksdb::ReadOptions(), keys, take);
}

std::unique_ptr<KvCursor> RocksKv::Walk(std::string from, std::string to, KvScan scan) const {
  rocksdb::ReadOptions how;
  how.fill_cache = false;
  return std::make_unique<RocksCursor>(*database_, how, std::move(from), std::move(to), scan);
}

void RocksWrites::Put(std::string_view key, std::string_view value) {
  batch_->Put(database_->Of(key), key, value);
}

void RocksWrites::Append(std::string_view key, std::string_view operand) {
  batch_->Merge(database_->Of(key), key, operand);
}

void RocksWrites::Delete(std::string_view key) {
  batch_->Delete(database_->Of(key), key);
}

// RocksDB drops a SingleDelete and the put under it as soon as the two meet, at the latest where their memtable becomes a table; a tombstone would
// go down to the last level. It must be the only put of that key ever: while the two vanish, an older put may be buried deeper whose own deletion a
// newer put had displaced, and would come back.
void RocksWrites::DeleteOnce(std::string_view key) {
  batch_->SingleDelete(database_->Of(key), key);
}

void RocksWrites::DeleteRange(std::string_view from, std::string_view to) {
  CHECK(!IsHinted(from));
  batch_->DeleteRange(database_->main(), from, to);
  batch_->DeleteRange(database_->notifies(), from, to);
}

}  // namespace notifyd
