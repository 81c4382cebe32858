// The commit thread: takes all that is queued, writes it as one RocksDB batch, synced where any of it asks for that, and reports it.
// While one sync runs the next group gathers; that is the whole of group commit.
//
// I1 batches are written in the order of Commit, each whole, each in one RocksDB batch.
// I2 after a write or sync that failed nothing is written any more, and WriteFailed was posted once: what reached the disk is unknown.
// I3 Committed{batch, synced}: `batch` is in the log (write(2) came back), `synced` is under a sync that came back.
// Commit may be called from any thread; it only queues. All else happens on the one thread, which also looks at the free disk space.
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
#include "broker/ports.h"

namespace rocksdb {
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

  /// `db` is borrowed, as is `commits` (may be null): how long each synced write took, in it. All that `db` holds is taken as synced.
  Committer(rocksdb::DB* db, std::string directory, const Fingerprint& store, uint64_t min_free_bytes, Histogram* commits);
  ~Committer();

  void Start(EventSink* sink);
  /// Writes and syncs what is queued, then joins.
  void Stop();
  void Commit(WriteBatch batch);
  const Counters& counters() const { return counters_; }
  /// A write or sync failed. After Stop.
  bool failed() const { return failed_; }

 private:
  void Run();
  bool WaitForWork(std::deque<WriteBatch>* work);
  void WriteGroup(std::deque<WriteBatch>* work);
  void Observe(std::chrono::steady_clock::time_point began);
  void Sync();
  void WriteMark();
  void CheckDisk();
  void CheckSpace();
  bool Check(const Status& status);

  rocksdb::DB* const db_;
  const std::string directory_;
  const Fingerprint store_;
  const uint64_t min_free_bytes_;
  Histogram* const commits_;
  EventSink* sink_ = nullptr;
  Counters counters_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<WriteBatch> queue_;
  bool stopping_ = false;
  std::thread thread_;

  // Of the thread alone.
  bool failed_ = false;
  bool unsynced_ = false;         // something was written since the last sync
  uint64_t last_number_ = 0;      // of the newest batch written
  uint64_t synced_number_ = 0;    // of the newest batch synced
  uint64_t synced_sequence_ = 0;  // RocksDB's sequence number up to which all is synced
  uint64_t marked_sequence_ = 0;  // the newest of them that the log says (storage/log_check.h)
  bool disk_low_ = false;
  int64_t disk_checked_ms_ = 0;
};

/// What is added to the counts of each lane.
using LaneChanges = std::unordered_map<LaneKey, LaneCounts>;
/// Adds an operand to `out` for each lane whose change is not zero.
void EncodeLaneChanges(const LaneChanges& changes, rocksdb::WriteBatch* out);

}  // namespace notifyd
