// KeepFiles: while it lives the database deletes no file.
#pragma once

#include <rocksdb/db.h>

namespace notifyd {

class KeepFiles {
 public:
  /// Borrows it.
  explicit KeepFiles(rocksdb::DB* db) : db_(db), status_(db->DisableFileDeletions()) {}
  ~KeepFiles() {
    if (status_.ok()) db_->EnableFileDeletions(/*force=*/false).PermitUncheckedError();
  }
  KeepFiles(const KeepFiles&) = delete;
  KeepFiles& operator=(const KeepFiles&) = delete;
  const rocksdb::Status& status() const { return status_; }

 private:
  rocksdb::DB* db_;
  rocksdb::Status status_;
};

}  // namespace notifyd
