// What is cleaned up beside everything else, in small steps over a connection of its own: what retention ended (by the removals, hour by hour), and
// rows whose operands have grown long (a value in their place). A step takes a row as it was read, or leaves it: whatever was written since stays.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/status.h"
#include "storage/keys.h"
#include "storage/postgres/pg_kv.h"
#include "storage/retention.h"

namespace notifyd {

class PgSweeper {
 public:
  /// Pointers are borrowed.
  PgSweeper(PgPool* pool, const RetentionTable* retention, std::function<int64_t()> wall_ms)
      : pool_(pool), retention_(retention), wall_ms_(std::move(wall_ms)) {}
  ~PgSweeper() { Stop(); }

  /// `removes`: what retention ended in the whole store is its affair, as far as nobody else removes it.
  void Start(bool removes);
  void Stop();
  /// Whoever removed it before is gone. Any thread.
  void Remove() {
    rests_ = false;
    removes_ = true;
  }
  /// Another one removes it: what is under way ends with its next step. Any thread.
  void Rest() {
    removes_ = false;
    rests_ = true;
  }
  /// Any thread.
  void Fold(std::vector<std::string> keys);
  /// Looks at all of the namespace's notifies and what else may be over. Any thread.
  void AddNamespace(NamespaceNumber number);
  /// Is that still to be done, or under way? Any thread.
  bool Has(NamespaceNumber number);
  /// As PgSizeOf has it, which waits for the server; where that is not reached as it was last, 0 where it never was. Any thread.
  uint64_t BytesOf(NamespaceNumber number);
  /// Whether the server names no standby that commits wait for, as it was some seconds ago; SetNoStandby says so first.
  bool no_standby() const { return no_standby_; }
  void SetNoStandby(bool none) { no_standby_ = none; }
  uint64_t removed() const { return removed_; }
  uint64_t folded() const { return folded_; }

  /// All whose hour has passed, on the caller's thread. Errors: kUnavailable, kIo.
  Status RemoveDue();
  /// One key.
  Status FoldKey(const std::string& key);

 private:
  void Run();
  bool Ending();
  Status RemoveStep(std::pair<int64_t, std::string>* mark, bool* more);
  Status Measure();
  Status SweepNamespace(NamespaceNumber number);
  Status RemoveCounts(PgConnection* connection, const std::vector<std::string>& keys, std::vector<std::pair<int64_t, std::string>>* later);
  Status FoldCount(const std::string& key);
  Status RemoveOver(PgConnection* connection, const std::vector<std::string>& keys, std::vector<std::pair<int64_t, std::string>>* later);

  PgPool* const pool_;
  const RetentionTable* const retention_;
  const std::function<int64_t()> wall_ms_;
  std::atomic<uint64_t> removed_ = 0, folded_ = 0;
  std::atomic<bool> no_standby_ = false;
  std::atomic<bool> removes_ = false, rests_ = false;
  uint64_t passes_ = 0;  // over what is due; of the thread that makes them, as the next
  int64_t swept_ = 0;    // of what was due before this hour the last one left nothing

  std::mutex mutex_;
  std::condition_variable wake_;
  std::set<std::string> long_keys_;
  std::set<NamespaceNumber> namespaces_, sweeping_;  // to be swept, and being swept
  std::map<NamespaceNumber, uint64_t> sizes_;  // as they were last
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace notifyd
