// LogOutput: log lines on their way to a descriptor, which a thread of their own writes, so that whoever logs never waits for it. Any thread.
//
// I1. Lines are written whole and in the order in which they were appended.
// I2. What waits is bounded. Beyond that lines are dropped and counted, and the count stands as a line where they would have stood.
// I3. The thread sleeps while nothing waits. It writes the first line after a rest at once, then what came within kPaceMs in one go, so that a busy
//     program pays neither a system call a line nor a wake-up.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace notifyd {

class LogOutput {
 public:
  /// About a second of 20,000 lines each: a reader that pauses so long costs no line.
  static constexpr size_t kMostBytes = 4 << 20;
  static constexpr int64_t kPaceMs = 5;

  /// `fd` is borrowed until the next one comes; it must stay what it is. `lost_line` makes the line (with its end) that says how many were dropped.
  /// Ordinary lines wait up to `most_bytes`, urgent ones up to twice as many.
  LogOutput(int fd, std::function<std::string(uint64_t count)> lost_line, size_t most_bytes = kMostBytes);
  /// What still waits is lost: call WaitWritten first.
  ~LogOutput();
  LogOutput(const LogOutput&) = delete;
  LogOutput& operator=(const LogOutput&) = delete;

  /// Whatever is appended from now on goes to `fd`, which it takes over, to be closed once the next one comes; so is the one before.
  void Replace(int fd);
  /// Lines that were dropped since the start.
  uint64_t dropped() const { return dropped_ever_.load(std::memory_order_relaxed); }

  /// `line` with its end. `urgent`: written at once, with all before it.
  void Append(std::string_view line, bool urgent);
  /// Returns true once all is written or lost, false after `most_ms`.
  bool WaitWritten(int64_t most_ms);

 private:
  void Run();
  /// Writes `text`. False: the descriptor failed, and what it did not take is lost.
  bool Write(const std::string& text);
  void Drop(uint64_t lines);
  /// Closes the descriptor for the next one. Where there is a thread, it alone calls this.
  void TakeNext();
  /// The line that says how many were dropped, which begins anew from then on.
  std::string TakeLost();

  int fd_;  // the writing thread's once there is one
  bool is_file_;
  const std::function<std::string(uint64_t)> lost_line_;
  const size_t most_bytes_;

  std::atomic<uint64_t> dropped_ever_{0};

  std::mutex mutex_;  // guards all below
  std::condition_variable came_, written_;
  std::string waiting_;
  size_t writing_bytes_ = 0;  // taken from waiting_, and not written yet
  int next_fd_ = -1;          // what is taken from waiting_ next goes there
  uint64_t dropped_ = 0;      // since the last line that said so
  bool cut_ = false;          // what was written last is not the end of a line
  bool broken_ = false;       // the descriptor failed, and nothing was appended since
  bool asleep_ = false;       // until something comes
  bool hurry_ = false;        // something urgent came
  bool stopping_ = false;
  std::thread thread_;  // from the first line on
};

}  // namespace notifyd
