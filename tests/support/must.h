// What a test's own machinery needs to go on.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace notifyd {

/// Ends the program with a word where `holds` is false. On any thread, unlike Catch's assertions.
inline void Must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "the test's machinery failed: %s\n", what);
  std::abort();
}

}  // namespace notifyd
