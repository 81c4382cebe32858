// BatchQueue: texts on their way to somebody who may be slow, or away: whoever adds one never waits. A thread of its own hands them over, several at
// a time. Any thread.
//
// I1. Items are handed over in the order in which they were added, each once; whoever takes a batch keeps it until it is delivered or lost.
// I2. What waits, the batch that is under way included, is bounded. What comes beyond that is dropped and counted.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace notifyd {

class BatchQueue {
 public:
  struct Limits {
    size_t most_bytes = 4 << 20;   // that wait
    size_t batch_bytes = 1 << 20;  // of one batch, but for an item that is larger by itself
    size_t batch_items = 1000;     // of one batch
    int64_t pace_ms = 5;           // between two batches, unless one is full
  };
  using Batch = std::vector<std::string>;
  /// On the queue's thread: delivers a batch and returns how many of it were lost. It may wait, by Pause alone.
  using Deliver = std::function<size_t(const Batch& batch)>;

  BatchQueue(Limits limits, Deliver deliver);
  /// What still waits is lost: call Finish first.
  ~BatchQueue() { Stop(); }
  BatchQueue(const BatchQueue&) = delete;
  BatchQueue& operator=(const BatchQueue&) = delete;

  /// False: there was no room.
  bool Add(std::string item);
  /// Returns true once all is delivered or lost, false after `most_ms`. While it waits, pauses are short.
  bool Finish(int64_t most_ms);
  /// Items that wait, and those of the batch that is under way.
  size_t left();
  /// Ends the thread; what still waits, and what comes later, is lost.
  void Stop();
  /// Items that found no room, or that were lost when they were delivered, since the start.
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  static constexpr int64_t kHurriedPauseMs = 20;

  /// Within Deliver: waits; where somebody waits in Finish, or begins to, for `hurried_ms` in all. False: it is to give up at once.
  bool Pause(int64_t ms, int64_t hurried_ms = kHurriedPauseMs);
  /// Within Deliver, or what it calls: does somebody wait in Finish?
  bool finishing() const { return finishing_.load(std::memory_order_relaxed) > 0; }
  /// Within Deliver, or what it calls: is it to give up?
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }

 private:
  void Run();
  Batch TakeBatch();

  const Limits limits_;
  const Deliver deliver_;
  std::atomic<uint64_t> dropped_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> finishing_{0};  // who waits in Finish

  std::mutex mutex_;  // guards all below
  std::condition_variable came_, done_;
  Batch waiting_;
  size_t bytes_ = 0;      // of all that wait, and of the batch under way
  size_t under_way_ = 0;  // items of the batch under way
  std::thread thread_;    // from the first item on
};

/// Waits that double, for what is tried again: the first, then up to `most_ms`.
class Backoff {
 public:
  Backoff(int64_t first_ms, int64_t most_ms) : first_ms_(first_ms), most_ms_(most_ms), next_ms_(first_ms) {}
  int64_t Next() {
    const int64_t wait_ms = next_ms_;
    next_ms_ = next_ms_ * 2 < most_ms_ ? next_ms_ * 2 : most_ms_;
    return wait_ms;
  }
  void Reset() { next_ms_ = first_ms_; }

 private:
  const int64_t first_ms_, most_ms_;
  int64_t next_ms_;
};

}  // namespace notifyd
