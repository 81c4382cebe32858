// GuardedFiles: RocksDB's way to the disk. Before each file that it makes, renames or deletes, it looks whether the directory is still the one in
// which the store was opened (storage/directory_guard.h), and refuses otherwise. Writing to files that are open, as each commit does, is as before.
// Also says which log RocksDB wrote to last.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "storage/directory_guard.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace notifyd {

class GuardedFiles {
 public:
  /// `guard` is borrowed and must outlive every database that was opened with env().
  explicit GuardedFiles(const DirectoryGuard* guard);
  ~GuardedFiles();

  rocksdb::Env* env() const { return env_.get(); }
  /// The number of the log that was written to last through env(); 0: none. Where one thread writes, it is the one that has its last record. Any
  /// thread.
  uint64_t written_log() const { return written_log_->load(std::memory_order_acquire); }

 private:
  std::shared_ptr<std::atomic<uint64_t>> written_log_;
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace notifyd
