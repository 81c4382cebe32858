// What the API asks and is told of backups, which are the store's: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/time.h"

namespace notifyd {

struct BackupAsk {
  enum class Kind : uint8_t { kList, kGet, kMake, kRemove } kind = Kind::kList;
  std::string name;   // but of kList
  bool full = false;  // kMake: all is copied, whatever older ones have
};

struct BackupReport {
  std::string name;
  const char* state = "running";  // running, done or failed; static
  std::string detail;             // why it failed
  WallTime started_at;
  std::optional<WallTime> finished_at;
  uint64_t files = 0, bytes = 0, copied_bytes = 0;
};

/// kList: all of them; else the one that it is about, but of kRemove.
struct BackupAnswer {
  Status status;
  std::vector<BackupReport> backups;
};

}  // namespace notifyd
