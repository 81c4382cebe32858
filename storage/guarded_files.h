// GuardedFiles: RocksDB's way to the disk. Before each file that it makes, renames or deletes, it looks whether the directory is still the one in
// which the store was opened (storage/directory_guard.h), and its logs still those that RocksDB writes to, and refuses otherwise. Writing to files
// that are open, as each commit does, only looks whether a log is as long as it was: one that somebody removed takes it without an error until
// somebody calls Check, and one that was emptied would hide that behind zeros.
//
// A table is opened only where its properties are sound (storage/table_properties.h).
//
// A log is longer than its records while it is open: zeros are written ahead of them, so that a sync writes data alone, and cut off when it is
// closed.
//
// A log is looked for from when RocksDB made it until RocksDB deletes it, its records being in tables: those of the start before, which were there
// already, are in tables once the database is open.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "storage/directory_guard.h"
#include "storage/synced_file.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace notifyd {

class LiveLogs;

class GuardedFiles {
 public:
  /// `guard` is borrowed and must outlive every database that was opened with env().
  explicit GuardedFiles(const DirectoryGuard* guard);
  ~GuardedFiles();

  rocksdb::Env* env() const { return env_.get(); }
  /// Is the directory the one that was opened, and is each log at its place, the same file, and no shorter than what was written to it? Error: kIo,
  /// which names what is not; or what could not be made of a log that was closed, though RocksDB told nobody. A stat(2) for each, of which there are
  /// few; any thread.
  Status Check() const;
  /// The logs that must be there, oldest first, with as many bytes as were written to them. Any thread.
  std::vector<SyncedRecord::File> Logs() const;
  /// The number of the log that was written to last through env(); 0: none. Where one thread writes, it is the one that has its last record. Any
  /// thread.
  uint64_t written_log() const;

 private:
  const DirectoryGuard* const guard_;
  std::shared_ptr<LiveLogs> logs_;
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace notifyd
