#include "storage/store_tool.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include "storage/database.h"
#include "storage/keys.h"
#include "storage/rocks_kv.h"
#include "storage/store_options.h"

namespace notifyd {

class StoreTool::Impl {
 public:
  explicit Impl(Database opened) : database(std::move(opened)) {}
  Database database;
  const RocksKv kv{&database};
};

namespace {

Result<Database> OpenDb(rocksdb::Options options, const std::string& directory) {
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::Status status = rocksdb::DB::Open(options, directory, FamiliesOf(options, FamiliesIn(options, directory)), &handles, &db);
  if (!status.ok()) return TranslateStatus(status, "cannot open " + directory);
  return Database(std::unique_ptr<rocksdb::DB>(db), std::move(handles));
}

}  // namespace

StoreTool::StoreTool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StoreTool::~StoreTool() = default;

Result<std::unique_ptr<StoreTool>> StoreTool::Open(const StoreOptions& options) {
  auto db = OpenDb(MakeRocksOptions(options), options.directory);
  if (!db.ok()) return std::move(db).status();
  return std::unique_ptr<StoreTool>(new StoreTool(std::make_unique<Impl>(std::move(*db))));
}

Result<std::unique_ptr<StoreTool>> StoreTool::OpenForeign(const std::string& directory) {
  auto db = OpenDb(rocksdb::Options(), directory);
  if (!db.ok()) return std::move(db).status();
  return std::unique_ptr<StoreTool>(new StoreTool(std::make_unique<Impl>(std::move(*db))));
}

template <class Run>
Status StoreTool::ForEachFamily(Run run, const char* what) {
  for (rocksdb::ColumnFamilyHandle* family : {impl_->database.main(), impl_->database.notifies()}) {
    if (!family) continue;
    if (Status status = TranslateStatus(run(impl_->database.db(), family), what); !status.ok()) return status;
  }
  return Status::Ok();
}

Status StoreTool::Put(std::string_view key, std::string_view value) {
  return TranslateStatus(impl_->database.db()->Put(rocksdb::WriteOptions(), impl_->database.Of(key), key, value), "cannot write");
}
Status StoreTool::Merge(std::string_view key, std::string_view operand) {
  return TranslateStatus(impl_->database.db()->Merge(rocksdb::WriteOptions(), impl_->database.Of(key), key, operand), "cannot write");
}
Status StoreTool::Delete(std::string_view key) {
  return TranslateStatus(impl_->database.db()->Delete(rocksdb::WriteOptions(), impl_->database.Of(key), key), "cannot write");
}

Status StoreTool::DeleteRange(std::string_view from, std::string_view to) {
  return ForEachFamily(
      [&](rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family) { return db->DeleteRange(rocksdb::WriteOptions(), family, from, to); },
      "cannot write");
}

Result<std::optional<std::string>> StoreTool::Get(std::string_view key) {
  std::string value;
  rocksdb::Status status = impl_->database.db()->Get(rocksdb::ReadOptions(), impl_->database.Of(key), key, &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return TranslateStatus(status, "cannot read");
  return std::optional<std::string>(std::move(value));
}

Status StoreTool::ForEach(const std::function<void(std::string_view key, std::string_view value)>& take) {
  return ForEachFamily(
      [&](rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family) {
        std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(rocksdb::ReadOptions(), family));
        for (it->SeekToFirst(); it->Valid(); it->Next()) take({it->key().data(), it->key().size()}, {it->value().data(), it->value().size()});
        return it->status();
      },
      "cannot read");
}

const OrderedKv& StoreTool::kv() const {
  return impl_->kv;
}

Status StoreTool::Write(const std::function<void(KvWrites&)>& fill) {
  rocksdb::WriteBatch batch;
  RocksWrites writes(&impl_->database, &batch);
  fill(writes);
  return TranslateStatus(impl_->database.db()->Write(rocksdb::WriteOptions(), &batch), "cannot write");
}

Status StoreTool::Flush() {
  return ForEachFamily([](rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family) { return db->Flush(rocksdb::FlushOptions(), family); },
                       "cannot flush");
}

Status StoreTool::Compact() {
  rocksdb::CompactRangeOptions how;
  how.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  return ForEachFamily([&](rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family) { return db->CompactRange(how, family, nullptr, nullptr); },
                       "cannot compact");
}

Result<uint64_t> StoreTool::TableEntries(std::string_view key) {
  rocksdb::TablePropertiesCollection tables;
  rocksdb::Status status = impl_->database.db()->GetPropertiesOfAllTables(impl_->database.Of(key), &tables);
  if (!status.ok()) return TranslateStatus(status, "cannot read");
  uint64_t entries = 0;
  for (const auto& [name, properties] : tables) entries += properties->num_entries;
  return entries;
}

Status StoreTool::ToOneFamily() {
  const Database& database = impl_->database;
  if (!database.notifies()) return Status::Ok();
  std::unique_ptr<rocksdb::Iterator> it(database.db()->NewIterator(rocksdb::ReadOptions(), database.notifies()));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    rocksdb::Status status = database.db()->Put(rocksdb::WriteOptions(), database.main(), it->key(), it->value());
    if (!status.ok()) return TranslateStatus(status, "cannot write");
  }
  if (!it->status().ok()) return TranslateStatus(it->status(), "cannot read");
  it.reset();
  return TranslateStatus(database.db()->DropColumnFamily(database.notifies()), "cannot drop");
}

}  // namespace notifyd
