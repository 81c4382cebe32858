#include "base/batch_queue.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "base/quiet_thread.h"

namespace notifyd {

BatchQueue::BatchQueue(Limits limits, Deliver deliver) : limits_(limits), deliver_(std::move(deliver)) {}

void BatchQueue::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    came_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

bool BatchQueue::Add(std::string item) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (stopping_ || bytes_ + item.size() > limits_.most_bytes) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  bytes_ += item.size();
  waiting_.push_back(std::move(item));
  if (!thread_.joinable()) thread_ = StartQuietThread([this] { Run(); });
  // While a batch is under way the thread looks by itself.
  else if (under_way_ == 0 && (waiting_.size() == 1 || waiting_.size() == limits_.batch_items)) came_.notify_all();
  return true;
}

bool BatchQueue::Finish(int64_t most_ms) {
  std::unique_lock<std::mutex> lock(mutex_);
  ++finishing_;
  came_.notify_all();
  const bool done = done_.wait_for(lock, std::chrono::milliseconds(most_ms), [&] { return waiting_.empty() && under_way_ == 0; });
  --finishing_;
  return done;
}

size_t BatchQueue::left() {
  std::lock_guard<std::mutex> lock(mutex_);
  return waiting_.size() + under_way_;
}

bool BatchQueue::Pause(int64_t ms, int64_t hurried_ms) {
  std::unique_lock<std::mutex> lock(mutex_);
  const int64_t least_ms = std::min(ms, hurried_ms);
  if (came_.wait_for(lock, std::chrono::milliseconds(least_ms), [&] { return stopping_.load(); })) return false;
  came_.wait_for(lock, std::chrono::milliseconds(ms - least_ms), [&] { return stopping_ || finishing_ > 0; });
  return !stopping_;
}

BatchQueue::Batch BatchQueue::TakeBatch() {
  size_t bytes = 0, count = 0;
  while (count < waiting_.size() && count < limits_.batch_items && (count == 0 || bytes + waiting_[count].size() <= limits_.batch_bytes))
    bytes += waiting_[count++].size();
  const auto end = waiting_.begin() + static_cast<ptrdiff_t>(count);
  Batch batch(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  return batch;
}

void BatchQueue::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    if (waiting_.empty()) {
      done_.notify_all();
      came_.wait(lock, [&] { return !waiting_.empty() || stopping_; });
      continue;
    }
    // What comes within the pace goes along.
    came_.wait_for(lock, std::chrono::milliseconds(limits_.pace_ms),
                   [&] { return waiting_.size() >= limits_.batch_items || finishing_ > 0 || stopping_; });
    if (stopping_) return;
    const Batch batch = TakeBatch();
    under_way_ = batch.size();
    lock.unlock();
    size_t bytes = 0;
    for (const std::string& item : batch) bytes += item.size();
    const size_t lost = deliver_(batch);
    dropped_.fetch_add(lost, std::memory_order_relaxed);
    lock.lock();
    under_way_ = 0;
    bytes_ -= bytes;
  }
}

}  // namespace notifyd
