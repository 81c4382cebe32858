#include "storage/reader_pool.h"

#include <algorithm>

namespace notifyd {
namespace {

struct Answer {
  const Reader& reader;
  Event operator()(const LoadEffect& load) const { return reader.Load(load); }
  Event operator()(const PageEffect& page) const { return reader.LoadPage(page); }
  Event operator()(const ReadEffect& read) const { return reader.Read(read); }
  Event operator()(const ListEffect& list) const { return reader.List(list); }
  Event operator()(const LanesEffect& lanes) const { return reader.ListLanes(lanes); }
};

}  // namespace

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

void ReaderPool::Add(const std::shared_ptr<Queue>& queue, Job job) {
  {
    std::lock_guard lock(mutex_);
    if (queue->jobs_.empty()) jobs_.push_back(queue);
    queue->jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void ReaderPool::AddList(const std::shared_ptr<Queue>& queue, Job list) {
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
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty() || (!lists_.empty() && lists_running_ < max_lists_); });
    if (stopping_) return;
    const bool list = jobs_.empty();
    std::deque<std::shared_ptr<Queue>>& turns = list ? lists_ : jobs_;
    std::shared_ptr<Queue> queue = std::move(turns.front());
    turns.pop_front();
    std::deque<Job>& jobs = list ? queue->lists_ : queue->jobs_;
    Job job = std::move(jobs.front());
    jobs.pop_front();
    if (!jobs.empty()) turns.push_back(queue);
    lists_running_ += list;
    lock.unlock();
    queue->outlet_->Post(std::visit(Answer{queue->reader_}, job));
    queue.reset();
    lock.lock();
    lists_running_ -= list;
  }
}

}  // namespace notifyd
