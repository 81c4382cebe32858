// ReaderPool: the threads that answer namespaces' reads. Any thread adds; answers go to the namespace's outlet.
//
// I1 namespaces take turns, one read each: what one has waiting keeps no other one waiting longer than what is being read now.
// I2 loads go first; lists, which may take long, never hold all of the threads where there are several.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "broker/effects.h"
#include "storage/outlet.h"
#include "storage/reader.h"

namespace notifyd {

class ReaderPool {
 public:
  using Job = std::variant<LoadEffect, PageEffect, ReadEffect, ListEffect, LanesEffect>;

  /// A namespace's reads that were not begun.
  class Queue {
   public:
    Queue(Reader reader, std::shared_ptr<Outlet> outlet) : reader_(std::move(reader)), outlet_(std::move(outlet)) {}

   private:
    friend class ReaderPool;
    const Reader reader_;
    const std::shared_ptr<Outlet> outlet_;
    std::deque<Job> jobs_, lists_;  // under the pool's mutex; in the pool's turns while not empty
  };

  ~ReaderPool() { Stop(); }
  void Start(int threads);
  /// What was not begun is dropped.
  void Stop();

  void Add(const std::shared_ptr<Queue>& queue, Job job);
  /// What may take long.
  void AddList(const std::shared_ptr<Queue>& queue, Job list);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Queue>> jobs_, lists_;  // those that have some
  int lists_running_ = 0, max_lists_ = 1;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace notifyd
