// Reclaimer: gives back, namespace by namespace, the room of what is over or deleted, by compacting its keys. On a thread of its own, one at a time,
// beside everything else.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/ids.h"
#include "storage/database.h"
#include "storage/sweeper.h"

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
  void Add(NamespaceNumber number);

 private:
  void Run();
  void Reclaim(NamespaceNumber number);

  const Database& database_;
  Sweeper& sweeper_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<NamespaceNumber> waiting_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace notifyd
