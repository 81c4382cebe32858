// CHECK: our own bugs, on in every build. Never reachable from input, disk or peers: those get a Status.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace notifyd {

[[noreturn]] inline void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "CHECK failed: %s at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace notifyd

/// Ends the process where `condition` does not hold. For headers, which tests read, too.
#define NOTIFYD_CHECK(condition)                              \
  do {                                                        \
    if (!(condition)) [[unlikely]]                            \
      ::notifyd::CheckFailed(__FILE__, __LINE__, #condition); \
  } while (0)

// In a test CHECK is Catch's, whichever of the two headers comes first.
#ifndef CHECK
#define CHECK(condition) NOTIFYD_CHECK(condition)
#endif
