// LoopThread: a loop that runs on a thread of its own, for tests of what lives on one.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <thread>

#include "net/loop.h"

namespace notifyd {

class LoopThread {
 public:
  /// Runs at once.
  LoopThread() : thread_([this] { loop_.Run(); }) {}
  ~LoopThread() { Stop(); }
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  Loop& loop() { return loop_; }
  bool on_loop() const { return std::this_thread::get_id() == id_; }
  /// Runs `task` on the loop's thread, behind all that was posted before; returns when it has.
  void OnLoop(const std::function<void()>& task) {
    std::promise<void> done;
    loop_.Post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  /// So much more time has passed for what asks Loop::NowMs; returns once the loop's next turn has begun.
  void Pass(int64_t ms) {
    Advance(ms);
    OnLoop([] {});
  }
  /// The same, but does not wait for that turn. Any thread, the loop's included.
  void Advance(int64_t ms) { ahead_ms_ += ms; }
  /// Ends the loop, which calls nobody from then on. Again: does nothing.
  void Stop() {
    if (!thread_.joinable()) return;
    loop_.Stop();
    thread_.join();
  }

 private:
  std::atomic<int64_t> ahead_ms_{0};
  Loop loop_{&ahead_ms_};
  std::thread thread_;
  const std::thread::id id_ = thread_.get_id();
};

}  // namespace notifyd
