// What harnesses of stores with threads of their own wait on.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>

#include "broker/ports.h"
#include "support/slowness.h"

#include <catch2/catch.hpp>

namespace notifyd {

class WaitingSink : public EventSink {
 public:
  void Post(Event event) override {
    {
      std::lock_guard lock(mutex_);
      events_.push_back(std::move(event));
    }
    wake_.notify_one();
  }
  /// The time is a safety net for a broken store, not something a passing test waits for.
  Event Take() {
    std::unique_lock lock(mutex_);
    if (!wake_.wait_for(lock, test::AtMostSeconds(60), [this] { return !events_.empty(); })) FAIL("no event came");
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }
  size_t size() {
    std::lock_guard lock(mutex_);
    return events_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Event> events_;
};

/// What a store says that is no namespace's.
class WaitingEvents : public StoreEvents {
 public:
  void OnRegistryCommitted(uint64_t number) override {
    {
      std::lock_guard lock(mutex_);
      committed_ = number;
    }
    wake_.notify_all();
  }
  void OnWriteFailed(Status) override { ++failures; }
  void AwaitCommitted(uint64_t number) {
    std::unique_lock lock(mutex_);
    if (!wake_.wait_for(lock, test::AtMostSeconds(60), [&] { return committed_ >= number; })) FAIL("the registry's batch was not reported");
  }
  std::atomic<int> failures = 0;

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  uint64_t committed_ = 0;
};

}  // namespace notifyd
