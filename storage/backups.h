// Backups: copies of the store, made while it is in use, below one directory. A thread of its own, which yields the processor and the disk to
// everybody else; one backup at a time. Contract section 19.
//
// A backup is a checkpoint (storage/checkpoint.h), copied, and a manifest of it (storage/backup_manifest.h). A table that the newest backup before
// has, too, is not copied but linked: each backup is whole by itself, and any may be removed.
//
// I1 a directory without ".partial" behind its name is a whole backup, and durable. What a kill leaves of one is removed by the next.
// I2 nothing is written outside of the directory, but for the checkpoint in the store's own.
// I3 a backup ends before the disk is as full as it may be, the store's and its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/backup_manifest.h"
#include "storage/backup_state.h"
#include "storage/checkpoint.h"
#include "storage/database.h"
#include "storage/sealing.h"

namespace notifyd {

class Backups : public std::enable_shared_from_this<Backups> {
 public:
  struct Setup {
    const Database* database = nullptr;  // borrowed, as is the next
    const Sealing* sealing = nullptr;
    std::string store_directory;
    Fingerprint store;
    std::string directory;  // empty: none is ever made
    uint64_t min_free_bytes = 0;
    std::function<int64_t()> wall_ms;
  };
  explicit Backups(Setup setup) : setup_(std::move(setup)) {}
  ~Backups() { Stop(); }

  /// Removes what a kill left in the store's directory, and begins to look for the newest backup that there is.
  void Start();
  /// Ends what is under way, which leaves nothing behind, and joins; nothing is begun any more. Where the directory does not answer (another
  /// machine's, say) it waits no longer than kStopMostMs twice: then a thread is left behind that waits there, and touches nothing else but what it
  /// keeps itself.
  void Stop();
  static constexpr int64_t kStopMostMs = 5'000;
  /// Stop left a thread behind: the process is to end without waiting for it.
  bool left() const { return left_; }

  // Any thread, after Start; all block on the disk for moments.

  /// Begins one. `full`: all is copied, whatever older ones have. Errors: kUnacceptable (no directory is set, or none that can be written to; or with
  /// "/name"), kConflict (that name is there, or one is being made), kDiskFull, kIo.
  Result<BackupState> Begin(const std::string& name, bool full);
  /// All that are there, oldest first, then one that runs, or the last one where that failed. Error: kUnacceptable where no directory is set, kIo.
  Result<std::vector<BackupState>> List() const;
  /// Error: those, kNotFound.
  Result<BackupState> Get(const std::string& name) const;
  /// Removes one for good. Errors: those, kConflict while one is being made.
  Status Remove(const std::string& name);

  // Any thread, at once.

  /// When the newest good backup began, in ms since the epoch: all of before is in it. Nothing where there is none. Holds over restarts.
  std::optional<int64_t> newest_ms() const;
  /// When the store was made, in ms since the epoch: since then a backup is missed where there is none.
  int64_t made_ms() const { return made_ms_; }
  uint64_t newest_bytes() const { return newest_bytes_; }
  BackupCounts counts() const { return {done_, failed_}; }
  bool configured() const { return !setup_.directory.empty(); }
  /// Whether newest_ms() knows yet.
  bool looked() const { return newest_ms_ >= 0; }

 private:
  struct Job;
  /// On the thread, which has ended; `this` lives as long as that.
  void RunAside(std::function<void()> work);
  void Run(Job* job);
  Status Make(Job* job);
  Result<Checkpoint> MakeCheckpoint(BackupManifest* manifest);
  Status CopyAll(Job* job, const Checkpoint& checkpoint);
  Result<BackupFile> CopyOne(Job* job, const Checkpoint& checkpoint, const Checkpoint::File& file);
  Status CheckSpace(uint64_t bytes) const;
  Status CheckDirectory() const;
  std::string PathOf(const std::string& name) const;
  std::vector<BackupManifest> ReadAll() const;
  void NoteNewest();

  const Setup setup_;
  std::atomic<int64_t> newest_ms_ = -1;  // 0: none; below: nobody has looked yet
  std::atomic<int64_t> made_ms_ = 0;
  std::atomic<uint64_t> newest_bytes_ = 0, done_ = 0, failed_ = 0, copied_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> left_ = false;
  std::timed_mutex begin_mutex_;  // of whoever begins, removes or stops
  std::thread thread_;
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  bool working_ = false;             // the thread is
  bool in_store_ = false;            // it is at the database, which must stay there meanwhile
  std::optional<BackupState> last_;  // that was begun since the start
};

}  // namespace notifyd
