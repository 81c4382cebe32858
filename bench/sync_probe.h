// SyncProbe: what a sync of 4 KiB takes on the disk of a directory, for what is held against it. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "bench/distribution.h"
#include "bench/sockets.h"

namespace notifyd::bench {

/// Syncs over bytes that are there, which is the least, and behind the end of a file, which moves its end too.
class SyncProbe {
 public:
  /// Makes its file in `dir`. Error: kIo.
  Status Open(const std::string& dir);
  /// Writes and syncs once, and adds to `took` what that takes. Error: kIo.
  Status Over(Distribution* took);
  Status Behind(Distribution* took);

 private:
  static constexpr int64_t kBlock = 4096, kThere = 1 << 20;

  Status At(int64_t offset, Distribution* took);
  Status Failed() const;

  std::string path_;
  Fd fd_;
  int64_t over_ = 0, end_ = 0;
};

}  // namespace notifyd::bench
