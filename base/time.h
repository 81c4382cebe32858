// The two clocks as distinct types. Nothing here reads a clock: the edges do, and hand `Now` in.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/status.h"

namespace notifyd {

/// Milliseconds since the Unix epoch. Due times and expiry follow it; it can step either way.
struct WallTime {
  int64_t ms = 0;
  auto operator<=>(const WallTime&) const = default;
};

/// Milliseconds on the broker's own monotonic time line: it never steps back and goes on over restarts
/// (storage keeps where it stood). Waits before retries follow it.
struct MonoTime {
  int64_t ms = 0;
  auto operator<=>(const MonoTime&) const = default;
};

/// "Never": sorts behind every real time.
inline constexpr WallTime kWallNever{std::numeric_limits<int64_t>::max()};
inline constexpr MonoTime kMonoNever{std::numeric_limits<int64_t>::max()};

struct Now {
  WallTime wall;
  MonoTime mono;
};

/// Writes RFC 3339 in UTC with milliseconds: "2026-11-21T21:31:22.000Z". Range: years 0000 to 9999; outside of it the nearest end.
std::string FormatRfc3339(WallTime time);

/// Reads RFC 3339 with any offset and any number of fraction digits (cut to milliseconds). A leap second is read as the next second.
/// Error: kUnacceptable.
Result<WallTime> ParseRfc3339(std::string_view text);

}  // namespace notifyd
