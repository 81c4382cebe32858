#include "storage/database.h"

#include <rocksdb/db.h>

#include <utility>

#include "storage/keys.h"
#include "storage/store_options.h"

namespace notifyd {

Database::Database() = default;

Database::Database(std::unique_ptr<rocksdb::DB> db, std::vector<rocksdb::ColumnFamilyHandle*> handles) : db_(std::move(db)) {
  for (rocksdb::ColumnFamilyHandle* handle : handles) Add(handle);
}

Database::Database(Database&& other) noexcept {
  *this = std::move(other);
}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(db_, other.db_);
  std::swap(handles_, other.handles_);
  std::swap(main_, other.main_);
  std::swap(notifies_, other.notifies_);
  return *this;
}

Database::~Database() {
  if (db_) (void)Close({});
}

void Database::Add(rocksdb::ColumnFamilyHandle* handle) {
  handles_.push_back(handle);
  if (handle->GetName() == kNotifiesFamily) notifies_ = handle;
  if (handle->GetName() == rocksdb::kDefaultColumnFamilyName) main_ = handle;
}

rocksdb::ColumnFamilyHandle* Database::Of(std::string_view key) const {
  return notifies_ && IsKind(key, KeyKind::kNotify) ? notifies_ : main_;
}

Status Database::Close(const std::string& directory) {
  for (rocksdb::ColumnFamilyHandle* handle : std::exchange(handles_, {})) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  main_ = notifies_ = nullptr;
  Status closed = TranslateStatus(db_->Close(), "cannot close the store in " + directory, directory);
  db_.reset();
  return closed;
}

}  // namespace notifyd
