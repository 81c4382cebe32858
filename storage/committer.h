// The commit thread: takes what is queued, namespace by namespace in turn, writes it as one RocksDB batch, synced where any of it asks for that, and
// reports it. While one sync runs the next group gathers; that is the whole of group commit.
//
// I1 a namespace's batches are written in the order of Commit, each whole, each in one RocksDB batch; so are the registry's.
// I2 after a write or sync that failed nothing is written any more, and WriteFailed was posted once to each: what reached the disk is unknown.
// I3 Committed{batch, synced}: `batch` is in the log (write(2) came back), `synced` is under a sync that came back. Both are that namespace's
// numbers. I4 SYNCED (storage/synced_file.h) says what is synced before it is reported: at most a power cut makes it say less. I5 a namespace that
// sleeps in the store has changed nothing since: the first batch with operations says in the same write that it is awake. Commit may be called from
// any thread; it only queues. All else happens on the one thread, which also looks, once a second, at the free disk space and whether the directory
// and the logs in it are still those that were opened.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/histogram.h"
#include "base/patience.h"
#include "base/status.h"
#include "broker/ports.h"
#include "storage/database.h"
#include "storage/encode_batch.h"
#include "storage/guarded_files.h"
#include "storage/keys.h"
#include "storage/outlet.h"
#include "storage/sealing.h"
#include "storage/synced_file.h"

namespace rocksdb {
class DB;
}  // namespace rocksdb

namespace notifyd {

/// What one namespace, or the registry, has the committer write.
class CommitQueue {
 public:
  /// `awake`: the store does not say that it sleeps.
  CommitQueue(NamespaceNumber number, std::shared_ptr<Outlet> outlet, const Totals& totals, bool awake)
      : space_(number), outlet_(std::move(outlet)), totals_(totals), awake_(awake) {}

 private:
  friend class Committer;
  struct SleepMark {
    WallTime wake;
  };
  /// A start of sealing, or the end of a rekey.
  struct Renewal {
    Sealing::Renewal renewal;
    std::function<void()> used;
  };
  struct Audited {
    AuditEntry entry;
    std::function<void()> durable;
  };
  using Work = std::variant<WriteBatch, SleepMark, RegistryBatch, Audited, Renewal>;

  const KeySpace space_;
  const std::shared_ptr<Outlet> outlet_;

  // Under the committer's mutex.
  std::deque<Work> arrived_;
  bool listed_ = false;   // among those in which something arrived
  bool pending_ = false;  // something of it is not reported yet
  bool closed_ = false;

  // Of the commit thread alone.
  std::deque<Work> work_;
  size_t taken_ = 0;  // of `work_`, into the present group
  bool in_turn_ = false, in_group_ = false;
  LaneChanges lane_counts_;
  bool wrote_ = false;    // its totals go into the group
  bool reports_ = false;  // a batch of it is in the group
  Totals totals_;         // as of the last batch that wrote anything
  bool awake_;
  uint64_t last_number_ = 0, last_group_ = 0;  // of the newest batch written
  uint64_t synced_number_ = 0;                 // of the newest batch that is known to be synced
};

class Committer {
 public:
  struct Counters {
    std::atomic<uint64_t> batches = 0, groups = 0, syncs = 0, written_bytes = 0;
    std::atomic<uint64_t> disk_bytes = 0, wal_bytes = 0, free_disk_bytes = 0;  // about a second old
  };

  static constexpr int64_t kRestUs = 1'000;

  /// All pointers are borrowed. All that `database` holds is taken as synced, and its newest log as begun (BeginLog, storage/log_check.h).
  struct Setup {
    const Database* database = nullptr;
    const GuardedFiles* files = nullptr;  // those of `database`
    SyncedFile* synced = nullptr;
    Sealing* sealing = nullptr;
    std::string directory;
    Fingerprint store;
    uint64_t min_free_bytes = 0;
    Histogram* commits = nullptr;                       // how long each synced write took; null: nobody asks
    uint32_t audit_serial = 0;                          // of the next entry
    std::function<void(NamespaceNumber)> dropped = {};  // a DropNamespace is durable. On the thread; empty: nobody asks
  };
  explicit Committer(Setup setup);
  ~Committer();

  void Start(StoreEvents* events);
  /// Writes and syncs what is queued, then joins.
  void Stop();

  /// Waits until nothing is left to be written of a namespace that was closed; at once where it was not open, or it has stopped.
  void AwaitClosed(NamespaceNumber number);
  /// Says that something is about to come whose sync will be waited for. A thread that has rested for kRestUs is woken at once and looks for it, so
  /// that it, and its processor, are awake by then. Returns whether it was woken. Any thread.
  bool Expect();
  /// What DiskSpace said last. Any thread.
  bool disk_low() const { return disk_low_; }
  /// Makes the queue of a namespace that is not open. Where the disk is low, or a write has failed, its outlet hears that at once.
  std::shared_ptr<CommitQueue> Open(NamespaceNumber number, std::shared_ptr<Outlet> outlet, const Totals& totals, bool awake);
  /// Takes nothing of the queue any more; what it has is still written. The caller closes its outlet.
  void Close(const std::shared_ptr<CommitQueue>& queue);

  void Commit(const std::shared_ptr<CommitQueue>& queue, WriteBatch batch) { Add(queue, std::move(batch)); }
  void Commit(RegistryBatch batch) { Add(registry_, std::move(batch)); }
  /// `durable` is called on the thread.
  void Audit(AuditEntry entry, std::function<void()> durable) { Add(registry_, CommitQueue::Audited{std::move(entry), std::move(durable)}); }
  void Sleep(const std::shared_ptr<CommitQueue>& queue, WallTime wake) { Add(queue, CommitQueue::SleepMark{wake}); }
  /// Writes its rows, and takes it into use once they are durable; `used` is called on the thread then, or destroyed where that is not to be. The
  /// caller is who may renew (Sealing::BeginRenewal).
  void Renew(Sealing::Renewal renewal, std::function<void()> used) { Add(registry_, CommitQueue::Renewal{std::move(renewal), std::move(used)}); }
  const Counters& counters() const { return counters_; }
  /// Returns the write, the sync or the look at the files that failed. After Stop.
  const Status& failure() const { return failure_; }

 private:
  using Queue = std::shared_ptr<CommitQueue>;
  struct Group;
  static constexpr int64_t kAtWork = INT64_MAX;

  void Add(const Queue& queue, CommitQueue::Work work);
  void Run();
  bool WaitForWork();
  void LookOut(std::unique_lock<std::mutex>* lock);
  void TakeArrived();
  void WriteGroup();
  void TakeTurn(const Queue& queue, Group* group);
  void Encode(CommitQueue* queue, const WriteBatch& batch, Group* group);
  void Encode(CommitQueue* queue, const CommitQueue::SleepMark& mark, Group* group);
  void Encode(CommitQueue* queue, const RegistryBatch& batch, Group* group);
  void Encode(CommitQueue* queue, const CommitQueue::Audited& audited, Group* group);
  void Encode(CommitQueue* queue, const CommitQueue::Renewal& renewal, Group* group);
  void RenewWhereFull();
  void Finish(Group* group);
  void DropWork();
  void Settle(const std::vector<Queue>& queues);
  void Observe(std::chrono::steady_clock::time_point began);
  void Sync();
  void NoteSynced();
  void WriteMark();
  void CheckDisk();
  void CheckSpace();
  bool Check(const Status& status);

  const Setup setup_;
  rocksdb::DB* const db_;
  const Queue registry_;
  StoreEvents* events_ = nullptr;
  Counters counters_;

  std::mutex mutex_;
  std::condition_variable wake_, settled_;
  std::map<NamespaceNumber, Queue> open_;  // those that were closed stay until all of theirs is written
  std::vector<Queue> arrived_;
  std::atomic<bool> arrived_any_ = false;  // `arrived_` is not empty; changed under the mutex
  bool expected_ = false;
  std::atomic<int64_t> expects_from_us_ = 0;       // until then it would not look; changed by the thread alone, as the next
  std::atomic<int64_t> rests_since_us_ = kAtWork;  // changed by the thread alone
  bool stopping_ = false, stopped_ = false;
  std::atomic<bool> disk_low_ = false;  // changed by the thread alone, under the mutex
  std::thread thread_;

  // Of the thread alone.
  Patience patience_;
  std::deque<Queue> turns_;  // those that have something to write
  bool failed_ = false;      // changed under the mutex
  Status failure_;
  bool unsynced_ = false;         // something was written since the last sync
  uint32_t audit_serial_;         // of the next entry
  uint64_t group_ = 0;            // the newest one
  uint64_t synced_group_ = 0;     // the newest one under a sync
  uint64_t synced_sequence_ = 0;  // RocksDB's sequence number up to which all is synced
  uint64_t marked_sequence_ = 0;  // the newest of them that the log says (storage/log_check.h)
  uint64_t written_log_ = 0;      // in which the newest record that is more than a mark stands
  int64_t disk_checked_ms_ = 0, space_checked_ms_ = 0;
  uint64_t unlooked_bytes_ = 0;  // written since free space was looked at
  uint64_t sure_bytes_ = 0;      // that may be written before it is looked at again
};

}  // namespace notifyd
