// What requests ask of a namespace's figures, and what answers them (FiguresRequest, FiguresAnswered): history, what falls due, figures of now. Plain
// values. Contract section 16.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"

namespace notifyd {

/// How calls to a host, or to an instance of a service, went of late.
struct HostFigures {
  uint64_t attempts = 0, failed = 0;      // that ended in the last five minutes; of those, that were answered in another way than was expected
  std::optional<int64_t> p50_ms, p99_ms;  // of those attempts; nothing where there were none
  std::optional<WallTime> failing_since;  // the first failure since the last success
  std::string last_error;                 // the last failure's error word, or "status 503"
};

struct FiguresAsk {};
struct FiguresAnswer {};

}  // namespace notifyd
