// LogOutput: log lines on their way to a descriptor that must never hold up whoever logs. Any thread.
//
// I1. Lines are written whole and in the order in which they were appended.
// I2. Nothing here waits for the descriptor but Drain, and that only so long: pipes and terminals are written to through a description of our own
// that
//     does not block (the one that was inherited is shared with others and left alone), sockets with MSG_DONTWAIT.
// I3. What waits is bounded. Beyond that lines are dropped and counted, and the count stands as a line where they would have stood.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace notifyd {

class LogOutput {
 public:
  /// About a second of 20,000 lines each: a reader that pauses so long costs no line.
  static constexpr size_t kMostBytes = 4 << 20;
  static constexpr size_t kMuchBytes = 32 << 10;

  /// `fd` is borrowed; it must stay what it is. `lost_line` makes the line (with its end) that says how many were dropped. Ordinary lines
  /// wait up to `most_bytes`, urgent ones up to twice as many.
  LogOutput(int fd, std::function<std::string(uint64_t count)> lost_line, size_t most_bytes = kMostBytes);
  ~LogOutput();
  LogOutput(const LogOutput&) = delete;
  LogOutput& operator=(const LogOutput&) = delete;

  /// `line` with its end; `flush`: and Flush.
  void Append(std::string_view line, bool urgent, bool flush);
  /// Writes what the descriptor takes at once.
  void Flush();
  /// The same, unless it was done within the last `pace_ms` and less than kMuchBytes wait. `now_ms`: of a clock that does not go back.
  void FlushPaced(int64_t now_ms, int64_t pace_ms);
  /// Writes all, waiting up to `most_ms` for a reader that is slow.
  void Drain(int64_t most_ms);
  bool empty() const;

 private:
  void FlushLocked();
  /// Bytes taken; 0: it would block; -1: it is broken.
  ssize_t Write(const char* data, size_t size);
  void Lose();

  const int given_fd_;
  int own_fd_ = -1;  // the same pipe or terminal through a description that does not block; -1: none
  enum class Kind { kFile, kSocket, kOwn, kPolled } kind_ = Kind::kFile;
  const std::function<std::string(uint64_t)> lost_line_;
  const size_t most_bytes_;

  mutable std::mutex mutex_;
  std::string waiting_;
  size_t written_ = 0;    // of waiting_, from its beginning
  bool in_line_ = false;  // what was written last is not the end of a line
  uint64_t dropped_ = 0;  // since the last line that said so
  int64_t paced_ms_ = 0;  // when FlushPaced wrote last
};

}  // namespace notifyd
