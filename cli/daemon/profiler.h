// Profiler: where this process spends its CPU time, by looking at whoever runs, some hundred times in each second of it (SIGPROF). One at a time.
//
// I1. The handler touches what is there already alone: it takes a place of a table by an atomic counter, and writes addresses there. The unwinder
//     that it calls takes no lock and allocates nothing once it was called for the first time (glibc 2.35: _dl_find_object), which happens before.
// I2. Threads that block SIGPROF are not looked at; one that sleeps uses no CPU time, and is not, either.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/status.h"

namespace notifyd {

/// Addresses, the innermost first: where it was, then where each call will return to.
using Stack = std::vector<uint64_t>;

struct Profile {
  int64_t begin_ns = 0, duration_ns = 0;  // since the epoch; how long it was looked at
  int64_t period_ns = 0;                  // of CPU time between two looks
  std::vector<Stack> stacks;              // one a look
  uint64_t lost = 0;                      // looks for which there was no room
};

/// Looks at this process as long as `wait` takes, which sleeps. One at a time (CHECKed).
Profile TakeProfile(const std::function<void()>& wait);

/// The profile as pprof reads it (https://github.com/google/pprof/blob/main/proto/profile.proto), before it is compressed: samples/count and
/// cpu/nanoseconds, with the names of functions as far as this process's files have them.
std::string EncodeProfile(const Profile& profile);

/// Takes profiles on a thread of its own.
class ProfileThread {
 public:
  ProfileThread() = default;
  ~ProfileThread() { Stop(); }
  ProfileThread(const ProfileThread&) = delete;
  ProfileThread& operator=(const ProfileThread&) = delete;

  /// Looks for so long, and hands the encoded profile to `then`, on its thread. Any thread. Error: kConflict, while one is being taken; kUnavailable,
  /// after Stop.
  Status Begin(int64_t duration_ms, std::function<void(std::string)> then);

  /// Ends one that is under way now, so that nobody waits for it.
  void Cut();
  /// Does the same and waits for that; none begins any more. Before another program takes this process: the timer of a profile would outlive what
  /// takes its signals.
  void Stop();

 private:
  std::mutex mutex_;  // guards all below
  std::condition_variable stop_;
  bool stopping_ = false, busy_ = false, cut_ = false;
  std::thread thread_;
};

}  // namespace notifyd
