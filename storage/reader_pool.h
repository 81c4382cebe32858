// ReaderPool: the threads that answer reads: the namespaces', and those of the audit. Any thread adds.
//
// I1 queues take turns, one task each: what one has waiting keeps no other one waiting longer than what is being read now.
// I2 loads go first; lists, which may take long, never hold all of the threads where there are several.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace notifyd {

class ReaderPool {
 public:
  using Task = std::function<void()>;
  /// What one namespace has waiting.
  class Queue {
    friend class ReaderPool;
    std::deque<Task> tasks_, lists_;  // under the pool's mutex; in the pool's turns while not empty
  };

  ~ReaderPool() { Stop(); }
  void Start(int threads);
  /// What was not begun is dropped.
  void Stop();

  void Add(const std::shared_ptr<Queue>& queue, Task task);
  /// What may take long.
  void AddList(const std::shared_ptr<Queue>& queue, Task list);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Queue>> tasks_, lists_;  // those that have some
  int lists_running_ = 0, max_lists_ = 1;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace notifyd
