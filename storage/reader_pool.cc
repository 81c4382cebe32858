#include "storage/reader_pool.h"

#include <algorithm>
#include <utility>

namespace notifyd {

void ReaderPool::Start(int threads) {
  threads = std::max(threads, 1);
  max_lists_ = std::max(threads - 1, 1);
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

void ReaderPool::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void ReaderPool::Add(const std::shared_ptr<Queue>& queue, Task task) {
  {
    std::lock_guard lock(mutex_);
    if (queue->tasks_.empty()) tasks_.push_back(queue);
    queue->tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void ReaderPool::AddList(const std::shared_ptr<Queue>& queue, Task list) {
  {
    std::lock_guard lock(mutex_);
    if (queue->lists_.empty()) lists_.push_back(queue);
    queue->lists_.push_back(std::move(list));
  }
  wake_.notify_one();
}

void ReaderPool::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !tasks_.empty() || (!lists_.empty() && lists_running_ < max_lists_); });
    if (stopping_) return;
    const bool list = tasks_.empty();
    std::deque<std::shared_ptr<Queue>>& turns = list ? lists_ : tasks_;
    std::shared_ptr<Queue> queue = std::move(turns.front());
    turns.pop_front();
    std::deque<Task>& tasks = list ? queue->lists_ : queue->tasks_;
    Task task = std::move(tasks.front());
    tasks.pop_front();
    if (!tasks.empty()) turns.push_back(std::move(queue));
    lists_running_ += list;
    lock.unlock();
    task();
    // What it held, and the queue, where nobody else does, go outside of the lock.
    task = nullptr;
    queue.reset();
    lock.lock();
    lists_running_ -= list;
  }
}

}  // namespace notifyd
