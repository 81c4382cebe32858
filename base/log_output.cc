#include "base/log_output.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <utility>

#include "base/quiet_thread.h"

namespace notifyd {
namespace {

bool IsFile(int fd) {
  struct stat about {};
  return fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

uint64_t LinesIn(std::string_view text) {
  return static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

LogOutput::LogOutput(int fd, std::function<std::string(uint64_t count)> lost_line, size_t most_bytes)
    : fd_(fd), is_file_(IsFile(fd)), lost_line_(std::move(lost_line)), most_bytes_(most_bytes) {}

LogOutput::~LogOutput() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    came_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void LogOutput::Replace(int fd) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (next_fd_ >= 0) close(next_fd_);
  next_fd_ = fd;
  if (!thread_.joinable()) TakeNext();
  else came_.notify_one();
}

void LogOutput::TakeNext() {
  close(std::exchange(fd_, std::exchange(next_fd_, -1)));
  is_file_ = IsFile(fd_);
  cut_ = broken_ = false;
}

void LogOutput::Drop(uint64_t lines) {
  dropped_ += lines;
  dropped_ever_.fetch_add(lines, std::memory_order_relaxed);
}

std::string LogOutput::TakeLost() {
  return (std::exchange(cut_, false) ? "\n" : "") + lost_line_(std::exchange(dropped_, 0));
}

void LogOutput::Append(std::string_view line, bool urgent) {
  std::lock_guard<std::mutex> lock(mutex_);
  // Once lines were dropped, ordinary ones wait until half of the room is free again: one gap, not many.
  const size_t room = urgent ? 2 * most_bytes_ : dropped_ > 0 ? most_bytes_ / 2 : most_bytes_;
  if (waiting_.size() + writing_bytes_ + line.size() > room) {
    Drop(1);
    return;
  }
  if (dropped_ > 0) waiting_ += TakeLost();
  waiting_ += line;
  broken_ = false;
  hurry_ = hurry_ || urgent;
  if (!thread_.joinable()) thread_ = StartQuietThread([this] { Run(); });
  else if (urgent || asleep_) came_.notify_one();
}

bool LogOutput::WaitWritten(int64_t most_ms) {
  std::unique_lock<std::mutex> lock(mutex_);
  hurry_ = true;
  came_.notify_one();
  return written_.wait_for(lock, std::chrono::milliseconds(most_ms),
                           [&] { return waiting_.empty() && writing_bytes_ == 0 && (dropped_ == 0 || broken_); });
}

void LogOutput::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    if (next_fd_ >= 0) TakeNext();
    if (waiting_.empty() && dropped_ > 0 && !broken_) waiting_ = TakeLost();
    hurry_ = false;
    if (waiting_.empty()) {
      written_.notify_all();
      asleep_ = true;
      came_.wait(lock, [&] { return !waiting_.empty() || next_fd_ >= 0 || stopping_; });
      asleep_ = false;
      continue;
    }
    const std::string text = std::exchange(waiting_, {});
    writing_bytes_ = text.size();
    lock.unlock();
    const bool good = Write(text);
    lock.lock();
    broken_ = !good;
    if (broken_) Drop(LinesIn(std::string_view(text).substr(text.size() - std::exchange(writing_bytes_, 0))));
    came_.wait_for(lock, std::chrono::milliseconds(kPaceMs), [&] { return hurry_ || stopping_; });
  }
}

bool LogOutput::Write(const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    // A pipe that is writable takes PIPE_BUF bytes without blocking (pipe(7)).
    pollfd entry{fd_, POLLOUT, 0};
    const bool ready = is_file_ || poll(&entry, 1, kLookMs) > 0;
    const size_t most = is_file_ ? text.size() - done : std::min<size_t>(text.size() - done, PIPE_BUF);
    const ssize_t size = ready ? write(fd_, text.data() + done, most) : 0;
    if (size < 0 && errno != EINTR && errno != EAGAIN) return false;
    if (size > 0) done += static_cast<size_t>(size);
    std::lock_guard<std::mutex> lock(mutex_);
    writing_bytes_ = text.size() - done;
    cut_ = done > 0 && text[done - 1] != '\n';
    if (stopping_) return true;
  }
  return true;
}

}  // namespace notifyd
