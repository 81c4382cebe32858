// SideThread: work that would hold up a loop, on a thread beside it, and what is done with that, on the loop again. Namespaces take turns, and within
// one its hosts, so that one that sends much waits for itself.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "broker/notify.h"

namespace notifyd {

class Loop;

/// All calls on the loop's thread.
class SideThread {
 public:
  /// So much of what is done with the work goes into one turn of the loop, and a single one of any size: the others come in the next turns.
  static constexpr size_t kBytesATurn = 1 << 20;
  /// What costs at most this is done on the loop, however much of it there is: it is no more than what each attempt costs anyway.
  static constexpr size_t kFreeCost = 4 << 10;
  /// And what costs at most this, as long as all of that within one turn costs no more than kCostATurn: some milliseconds.
  static constexpr size_t kCostAtOnce = 64 << 10;
  static constexpr size_t kCostATurn = 256 << 10;

  struct Job {
    NamespaceNumber number = kDefaultNumber;
    std::string host;
    std::function<size_t()> work;  // on the other thread; returns how many bytes it made, as kBytesATurn counts them
    std::function<void()> then;    // on the loop
  };
  /// A job that was added. Whoever drops it does not cancel it.
  class Ticket {
   public:
    /// Neither of its functions begins from now on; `work` may be under way on the other thread until that has done it.
    void Cancel() { cancelled_ = true; }

   private:
    friend class SideThread;
    explicit Ticket(Job its_job) : job_(std::move(its_job)) {}
    Job job_;
    size_t bytes_ = 0;  // what `work` returned
    std::atomic<bool> cancelled_{false};
  };

  /// `loop` is borrowed. The thread is made when the first job comes.
  explicit SideThread(Loop* loop);
  /// Waits for the one that is under way, and cancels all.
  ~SideThread();
  SideThread(const SideThread&) = delete;

  /// May work of this cost, in bytes that are looked at, be done on the loop now? Then it counts.
  bool TakesAtOnce(size_t cost);
  std::shared_ptr<Ticket> Add(Job job);
  /// Cancels all that were added.
  void Drop();
  /// All that were ever added.
  uint64_t added() const { return added_; }

 private:
  struct Shared;
  void Run();

  Loop* const loop_;
  const std::shared_ptr<Shared> shared_;
  int64_t turn_ms_ = -1;  // what began at the same time is one turn
  size_t turn_cost_ = 0;
  uint64_t added_ = 0;
  std::thread thread_;
};

}  // namespace notifyd
