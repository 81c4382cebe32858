#include "storage/store_tool.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include "storage/store_options.h"

namespace notifyd {

class StoreTool::Impl {
 public:
  std::unique_ptr<rocksdb::DB> db;
};

namespace {

Result<std::unique_ptr<rocksdb::DB>> OpenDb(rocksdb::Options options, const std::string& directory) {
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(options, directory, &db);
  if (!status.ok()) return TranslateStatus(status, "cannot open " + directory);
  return std::unique_ptr<rocksdb::DB>(db);
}

}  // namespace

StoreTool::StoreTool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StoreTool::~StoreTool() = default;

Result<std::unique_ptr<StoreTool>> StoreTool::Open(const StoreOptions& options) {
  auto db = OpenDb(MakeRocksOptions(options), options.directory);
  if (!db.ok()) return std::move(db).status();
  return std::unique_ptr<StoreTool>(new StoreTool(std::make_unique<Impl>(Impl{std::move(*db)})));
}

Result<std::unique_ptr<StoreTool>> StoreTool::OpenForeign(const std::string& directory) {
  auto db = OpenDb(rocksdb::Options(), directory);
  if (!db.ok()) return std::move(db).status();
  return std::unique_ptr<StoreTool>(new StoreTool(std::make_unique<Impl>(Impl{std::move(*db)})));
}

Status StoreTool::Put(std::string_view key, std::string_view value) {
  return TranslateStatus(impl_->db->Put(rocksdb::WriteOptions(), key, value), "cannot write");
}
Status StoreTool::Merge(std::string_view key, std::string_view operand) {
  return TranslateStatus(impl_->db->Merge(rocksdb::WriteOptions(), key, operand), "cannot write");
}
Status StoreTool::Delete(std::string_view key) {
  return TranslateStatus(impl_->db->Delete(rocksdb::WriteOptions(), key), "cannot write");
}

Result<std::optional<std::string>> StoreTool::Get(std::string_view key) {
  std::string value;
  rocksdb::Status status = impl_->db->Get(rocksdb::ReadOptions(), key, &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return TranslateStatus(status, "cannot read");
  return std::optional<std::string>(std::move(value));
}

Status StoreTool::Flush() {
  return TranslateStatus(impl_->db->Flush(rocksdb::FlushOptions()), "cannot flush");
}

Status StoreTool::Compact() {
  rocksdb::CompactRangeOptions how;
  how.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  return TranslateStatus(impl_->db->CompactRange(how, nullptr, nullptr), "cannot compact");
}

}  // namespace notifyd
