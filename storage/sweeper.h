// Sweeper: reads what tables of notifies say is in them, and once a minute drops or rewrites those that storage/sweep.h names.
//
// I1 what is dropped is what PlanSweep saw: while it looks and drops no compaction runs among the notifies, or begins. Compactions alone move what is
//    newer into the levels that are dropped from; a memtable that becomes a table meanwhile goes to level 0.
// I2 one that is over takes no part in anything: it is settled, and nothing but a new record, which replaces it whole, makes it pending again.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "base/status.h"
#include "storage/database.h"
#include "storage/retention.h"
#include "storage/sweep.h"

namespace notifyd {

class Sweeper {
 public:
  struct Counters {
    std::atomic<uint64_t> dropped_tables = 0, dropped_bytes = 0, rewritten_bytes = 0;
  };

  /// `database` and `retention` are borrowed. `wall_ms`: any thread.
  Sweeper(const Database* database, const RetentionTable* retention, std::function<int64_t()> wall_ms)
      : database_(*database), retention_(retention), wall_ms_(std::move(wall_ms)) {}
  ~Sweeper() { Stop(); }

  /// From now on once a minute, on a thread of its own.
  void Start();
  /// Ends what is under way, and joins.
  void Stop();
  /// One sweep, on the caller's thread. Error: kCorrupt, kIo. One at a time, whoever calls.
  Status Run();
  /// While it lives no sweep is under way: for whoever compacts by hand, which I1 does not expect.
  std::unique_lock<std::mutex> Hold() { return std::unique_lock(sweeping_); }
  const Counters& counters() const { return counters_; }

 private:
  Status Look(std::vector<SweptTable>* tables);
  Status Drop();
  Status Rewrite(const std::vector<SweptTable>& tables, const Sweep::Rewrite& rewrite);
  Sweep Plan(const std::vector<SweptTable>& tables) const;
  /// False: nobody sweeps any more.
  bool WaitFor(std::chrono::milliseconds time);

  const Database& database_;
  const RetentionTable* const retention_;
  const std::function<int64_t()> wall_ms_;
  Counters counters_;
  std::mutex sweeping_;
  std::unordered_map<uint64_t, std::optional<TableAges>> ages_;  // of tables by number, as far as looked at; under sweeping_

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace notifyd
