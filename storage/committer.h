// The commit thread: takes all that is queued, writes it as one RocksDB batch, synced where any of it asks for that, and reports it.
// While one sync runs the next group gathers; that is the whole of group commit.
//
// I1 batches are written in the order of Commit, each whole, each in one RocksDB batch.
// I2 after a write or sync that failed nothing is written any more, and WriteFailed was posted once: what reached the disk is unknown.
// I3 Committed{batch, synced}: `batch` is in the log (write(2) came back), `synced` is under a sync that came back.
// I4 SYNCED (storage/synced_file.h) says what is synced before it is reported: at most a power cut makes it say less.
// Commit may be called from any thread; it only queues. All else happens on the one thread, which also looks, once a second, at the free disk space
// and whether the directory and the logs in it are still those that were opened.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "base/bytes.h"
#include "base/histogram.h"
#include "base/status.h"
#include "broker/ports.h"
#include "storage/guarded_files.h"
#include "storage/synced_file.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class WriteBatch;
}  // namespace rocksdb

namespace notifyd {

class Committer {
 public:
  struct Counters {
    std::atomic<uint64_t> batches = 0, groups = 0, syncs = 0, written_bytes = 0;
    std::atomic<uint64_t> disk_bytes = 0, wal_bytes = 0, free_disk_bytes = 0;  // about a second old
  };

  /// All pointers are borrowed. All that `db` holds is taken as synced, and its newest log as begun (BeginLog, storage/log_check.h).
  struct Setup {
    rocksdb::DB* db = nullptr;
    rocksdb::ColumnFamilyHandle* notifies = nullptr;  // of `db`
    const GuardedFiles* files = nullptr;              // those of `db`
    SyncedFile* synced = nullptr;
    std::string directory;
    Fingerprint store;
    uint64_t min_free_bytes = 0;
    Histogram* commits = nullptr;  // how long each synced write took; null: nobody asks
  };
  explicit Committer(Setup setup);
  ~Committer();

  void Start(EventSink* sink);
  /// Writes and syncs what is queued, then joins.
  void Stop();
  void Commit(WriteBatch batch);
  const Counters& counters() const { return counters_; }
  /// The write, sync or look at the files that failed. After Stop.
  const Status& failure() const { return failure_; }

 private:
  void Run();
  bool WaitForWork(std::deque<WriteBatch>* work);
  void WriteGroup(std::deque<WriteBatch>* work);
  void Observe(std::chrono::steady_clock::time_point began);
  void Sync();
  void NoteSynced();
  void WriteMark();
  void CheckDisk();
  void CheckSpace();
  bool Check(const Status& status);

  const Setup setup_;
  rocksdb::DB* const db_;
  EventSink* sink_ = nullptr;
  Counters counters_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<WriteBatch> queue_;
  bool stopping_ = false;
  std::thread thread_;

  // Of the thread alone.
  bool failed_ = false;
  Status failure_;
  bool unsynced_ = false;         // something was written since the last sync
  uint64_t last_number_ = 0;      // of the newest batch written
  uint64_t synced_number_ = 0;    // of the newest batch synced
  uint64_t synced_sequence_ = 0;  // RocksDB's sequence number up to which all is synced
  uint64_t marked_sequence_ = 0;  // the newest of them that the log says (storage/log_check.h)
  uint64_t written_log_ = 0;      // in which the newest record that is more than a mark stands
  bool disk_low_ = false;
  int64_t disk_checked_ms_ = 0, space_checked_ms_ = 0;
  uint64_t unlooked_bytes_ = 0;  // written since free space was looked at
  uint64_t sure_bytes_ = 0;      // that may be written before it is looked at again
};

/// What is added to the counts of each lane.
using LaneChanges = std::unordered_map<LaneKey, IndexCounts>;
/// Adds an operand to `out` for each lane whose change is not zero.
void EncodeLaneChanges(const LaneChanges& changes, rocksdb::WriteBatch* out);

}  // namespace notifyd
