// RekeyState: how far sealing a whole store anew has come. Values alone.
#pragma once

#include <cstdint>
#include <string>

namespace notifyd {

struct RekeyState {
  enum class Phase : uint8_t { kNone, kRunning, kDone, kFailed } phase = Phase::kNone;  // of the last one that was begun
  std::string detail;                                                                   // of a failure
  uint64_t entries = 0;  // that the last look found not to be sealed by the new key yet
  bool sealed = false, due = false;  // is the store sealed; is a rekey due
  std::string needed = {};           // Sealing::needed
  int64_t took_ms = 0;   // of one that is done
};

}  // namespace notifyd
