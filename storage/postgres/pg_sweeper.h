// What is cleaned up beside everything else, in small steps over a connection of its own: what retention ended (by the removals, hour by hour), and
// rows whose operands have grown long (a value in their place), and what is left of namespaces that were dropped. A step takes a row as it was read,
// or leaves it: whatever was written since stays.
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
#include "storage/postgres/pg_leftovers.h"
#include "storage/retention.h"

namespace notifyd {

class PgSweeper {
 public:
  /// Pointers are borrowed. `home`: of the store itself, in which it is noted what is left of namespaces that were dropped.
  PgSweeper(PgPool* pool, const RetentionTable* retention, std::function<int64_t()> wall_ms, bool home)
      : pool_(pool), retention_(retention), wall_ms_(std::move(wall_ms)), home_(home) {}
  ~PgSweeper() { Stop(); }

  /// `removes`: what retention ended in the whole store, and what is left over, is its affair, as far as nobody else removes it.
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
  /// There is something left over. Any thread.
  void LookForLeftovers();
  /// Namespaces that were dropped, and of which something was still there when it looked last.
  uint64_t left_over() const { return leftovers_.namespaces(); }
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
  Status RemoveLeft(bool* all);
  Status SweepNamespace(NamespaceNumber number);
  Status RemoveCounts(PgConnection* connection, const std::vector<std::string>& keys, std::vector<std::pair<int64_t, std::string>>* later);
  Status FoldCount(const std::string& key);
  Status RemoveOver(PgConnection* connection, const std::vector<std::string>& keys, std::vector<std::pair<int64_t, std::string>>* later);

  PgPool* const pool_;
  const RetentionTable* const retention_;
  const std::function<int64_t()> wall_ms_;
  const bool home_;
  std::atomic<uint64_t> removed_ = 0, folded_ = 0;
  std::atomic<bool> no_standby_ = false;
  std::atomic<bool> removes_ = false, rests_ = false;
  uint64_t passes_ = 0;  // over what is due; of the thread that makes them, as the next
  PgLeftovers leftovers_;
  int64_t swept_ = 0;    // of what was due before this hour the last one left nothing

  std::mutex mutex_;
  std::condition_variable wake_;
  std::set<std::string> long_keys_;
  std::set<NamespaceNumber> namespaces_, sweeping_;  // to be swept, and being swept
  std::map<NamespaceNumber, uint64_t> sizes_;  // as they were last
  bool ending_ = false, left_ = false;
  std::thread thread_;
};

}  // namespace notifyd
