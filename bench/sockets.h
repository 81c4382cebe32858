// Loopback addresses, listening and connecting, and the clocks in nanoseconds. Any thread. I1: an Address is always a loopback one,
// so nothing in this folder can load a machine other than its own.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace notifyd::bench {

inline int64_t ClockNanos(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}
inline int64_t MonoNanos() {
  return ClockNanos(CLOCK_MONOTONIC);
}
inline int64_t WallNanos() {
  return ClockNanos(CLOCK_REALTIME);
}

/// A descriptor that closes itself.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

class Address {
 public:
  /// Reads "127.0.0.1:7300", "[::1]:7300", "localhost:7300". Error: kUnacceptable, also for whatever is not loopback.
  static Result<Address> Parse(std::string_view text);
  /// Reads the same with "http://" before it, and at most "/" after it.
  static Result<Address> ParseUrl(std::string_view url);

  /// Returns "127.0.0.1:7300", as in a Host header.
  std::string ToString() const;
  std::string Url() const { return "http://" + ToString(); }

  /// Binds and listens, non-blocking; port 0 becomes the one taken. Error: kIo.
  Result<Fd> Listen();
  /// Returns a non-blocking connected socket without Nagle's delay. Error: kIo.
  Result<Fd> Connect() const;

 private:
  int family() const { return v6_ ? AF_INET6 : AF_INET; }
  socklen_t Fill(sockaddr_storage* out) const;

  bool v6_ = false;
  uint32_t v4_ = INADDR_LOOPBACK;  // host order, 127.0.0.0/8
  uint16_t port_ = 0;
};

}  // namespace notifyd::bench
