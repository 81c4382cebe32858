// Reclaimer: gives back, namespace by namespace, the room of what is over or was deleted, by compacting its keys. On a thread of its own, one at a
// time, beside everything else. What a stop breaks off of a namespace that was dropped, or what fails of it, the next start takes up; of another one
// it is left to compaction.
//
// I1 whole tables go only once what deleted their keys is in tables, too: at no time do the tables have a namespace without its notifies, or half of
//    them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "base/ids.h"
#include "storage/database.h"
#include "storage/keys.h"
#include "storage/sweeper.h"

namespace rocksdb {
class Status;
}  // namespace rocksdb

namespace notifyd {

class Reclaimer {
 public:
  /// Both are borrowed.
  Reclaimer(const Database* database, Sweeper* sweeper) : database_(*database), sweeper_(*sweeper) {}
  ~Reclaimer() { Stop(); }

  void Start();
  /// Breaks off what is under way, and joins.
  void Stop();
  /// Any thread. What waits already is not taken twice.
  void Add(NamespaceNumber number) { Add(Task::Of(number)); }
  /// Was it added, and is not done? Any thread.
  bool Has(NamespaceNumber number);
  /// Its keys are deleted, durably, and will never be written again.
  void AddDropped(NamespaceNumber number) { Add({RangeOf(number), /*files=*/true, /*memtables=*/false}); }
  /// The keys of `first` to `last`, which were deleted at some time: where a crash, or a stop, kept them from being given back.
  void AddLeft(NamespaceNumber first, NamespaceNumber last) { Add({{RangeOf(first).from, RangeOf(last).to}, /*files=*/false, /*memtables=*/false}); }

 private:
  struct Task {
    KeyRange keys;
    bool files = false;      // whole tables may go
    bool memtables = false;  // what lies in memtables alone is to become a table for it, or go, too
    static Task Of(NamespaceNumber number) { return {RangeOf(number), /*files=*/false, /*memtables=*/true}; }
    bool operator==(const Task&) const = default;
  };
  void Add(Task task);
  void Run();
  bool Reclaim(const Task& task);
  bool Done(const rocksdb::Status& status) const;

  const Database& database_;
  Sweeper& sweeper_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> waiting_;
  std::optional<Task> doing_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// What keys and values take in the tables, and where asked for in the memtables, too. Approximate. Any thread.
uint64_t BytesIn(const Database& database, const KeyRange& keys, bool memtables);

}  // namespace notifyd
