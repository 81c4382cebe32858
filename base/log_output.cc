#include "base/log_output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "base/clocks.h"

namespace notifyd {
namespace {

/// What was written is cut off the front once it is so much: not at every write.
constexpr size_t kCutBytes = 64 << 10;

bool PollWritable(int fd, int64_t most_ms) {
  pollfd entry{fd, POLLOUT, 0};
  return poll(&entry, 1, static_cast<int>(std::max<int64_t>(0, most_ms))) == 1;
}

}  // namespace

LogOutput::LogOutput(int fd, std::function<std::string(uint64_t count)> lost_line, size_t most_bytes)
    : given_fd_(fd), lost_line_(std::move(lost_line)), most_bytes_(most_bytes) {
  struct stat about {};
  if (fstat(fd, &about) != 0) return;
  if (S_ISSOCK(about.st_mode)) {
    kind_ = Kind::kSocket;
  } else if (S_ISFIFO(about.st_mode) || S_ISCHR(about.st_mode)) {
    own_fd_ = open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    kind_ = own_fd_ >= 0 ? Kind::kOwn : Kind::kPolled;
  }
}

LogOutput::~LogOutput() {
  if (own_fd_ >= 0) close(own_fd_);
}

void LogOutput::Append(std::string_view line, bool urgent, bool flush) {
  std::lock_guard<std::mutex> lock(mutex_);
  size_t waiting = waiting_.size() - written_;
  // Once lines were dropped, ordinary ones wait until half of the room is free again: one gap, not many.
  size_t room = urgent ? 2 * most_bytes_ : dropped_ > 0 ? most_bytes_ / 2 : most_bytes_;
  if (waiting + line.size() > room) {
    ++dropped_;
  } else {
    if (dropped_ > 0) waiting_ += lost_line_(std::exchange(dropped_, 0));
    waiting_ += line;
  }
  if (flush) FlushLocked();
}

void LogOutput::Flush() {
  std::lock_guard<std::mutex> lock(mutex_);
  FlushLocked();
}

void LogOutput::FlushPaced(int64_t now_ms, int64_t pace_ms) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (waiting_.size() == written_ && dropped_ == 0) return;
  if (now_ms - paced_ms_ < pace_ms && waiting_.size() - written_ < kMuchBytes) return;
  paced_ms_ = now_ms;
  FlushLocked();
}

void LogOutput::Drain(int64_t most_ms) {
  std::lock_guard<std::mutex> lock(mutex_);
  int64_t until_ms = ReadClockMs(CLOCK_MONOTONIC) + most_ms;
  for (;;) {
    FlushLocked();
    int64_t left_ms = until_ms - ReadClockMs(CLOCK_MONOTONIC);
    if (waiting_.empty() || left_ms <= 0) return;
    PollWritable(own_fd_ >= 0 ? own_fd_ : given_fd_, left_ms);
  }
}

bool LogOutput::empty() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return waiting_.empty() && dropped_ == 0;
}

void LogOutput::FlushLocked() {
  for (;;) {
    while (written_ < waiting_.size()) {
      ssize_t size = Write(waiting_.data() + written_, waiting_.size() - written_);
      if (size < 0) return Lose();
      if (size == 0) break;
      written_ += static_cast<size_t>(size);
      in_line_ = waiting_[written_ - 1] != '\n';
    }
    if (written_ < waiting_.size()) {
      if (written_ >= kCutBytes) waiting_.erase(0, std::exchange(written_, 0));
      return;
    }
    waiting_.clear();
    written_ = 0;
    if (dropped_ == 0) return;
    waiting_ = lost_line_(std::exchange(dropped_, 0));
  }
}

ssize_t LogOutput::Write(const char* data, size_t size) {
  for (;;) {
    ssize_t done = -1;
    switch (kind_) {
      case Kind::kFile:
        done = write(given_fd_, data, size);
        break;
      case Kind::kSocket:
        done = send(given_fd_, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
      case Kind::kOwn:
        done = write(own_fd_, data, size);
        break;
      case Kind::kPolled:
        // A pipe that is writable takes PIPE_BUF bytes without blocking (pipe(7)).
        if (!PollWritable(given_fd_, 0)) return 0;
        done = write(given_fd_, data, std::min<size_t>(size, PIPE_BUF));
        break;
    }
    if (done > 0) return done;
    if (done < 0 && errno == EINTR) continue;
    return done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
  }
}

/// The reader is gone, or the disk is full: what waits is lost, what comes later may not be.
void LogOutput::Lose() {
  dropped_ += static_cast<uint64_t>(std::count(waiting_.begin() + static_cast<ptrdiff_t>(written_), waiting_.end(), '\n'));
  waiting_ = in_line_ ? "\n" : "";
  written_ = 0;
}

}  // namespace notifyd
