// Database: RocksDB's database as it is open, with its column families: notifies have one of their own, all else is in the default one.
//
// I1 what a notify's record is lies in `notifies`, and nothing else does. Only while a store of an older format is upgraded are there notifies, which
//    have not been moved yet, in the default family.
// I2 all families become tables together (atomic_flush): one sequence number says for both up to where the tables reach, and which logs are done
// with.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
}  // namespace rocksdb

namespace notifyd {

/// As RocksDB knows it; its id is in every log.
inline constexpr const char* kNotifiesFamily = "notifies";

class Database {
 public:
  Database();  // none is open
  /// Takes all of them over. `handles`: what RocksDB's Open gave.
  Database(std::unique_ptr<rocksdb::DB> db, std::vector<rocksdb::ColumnFamilyHandle*> handles);
  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  /// Close(), where that was not called.
  ~Database();

  bool open() const { return db_ != nullptr; }
  rocksdb::DB* db() const { return db_.get(); }
  rocksdb::ColumnFamilyHandle* main() const { return main_; }
  /// Null: a store of an older format, which has none yet.
  rocksdb::ColumnFamilyHandle* notifies() const { return notifies_; }
  /// The family in which this key lies.
  rocksdb::ColumnFamilyHandle* Of(std::string_view key) const;
  /// Another family of it, which was just made.
  void Add(rocksdb::ColumnFamilyHandle* handle);

  /// Nothing is open afterwards, whatever it returns. Error: kIo, kDiskFull; `directory` is for its words.
  Status Close(const std::string& directory);

 private:
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  rocksdb::ColumnFamilyHandle* main_ = nullptr;
  rocksdb::ColumnFamilyHandle* notifies_ = nullptr;
};

}  // namespace notifyd
