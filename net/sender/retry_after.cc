// Parsing of Retry-After.
#include "net/sender/retry_after.h"

#include <algorithm>
#include <charconv>

namespace notifyd {
namespace {

// Far from where adding it to a time would overflow.
constexpr int64_t kMaxSeconds = 10LL * 366 * 86'400;

}  // namespace

int64_t ParseRetryAfter(std::string_view value, WallTime now) {
  const size_t begin = value.find_first_not_of(" \t\r\n");
  if (begin == value.npos) return -1;
  value = value.substr(begin, value.find_last_not_of(" \t\r\n") + 1 - begin);
  if (value.find_first_not_of("0123456789") == value.npos) {
    int64_t seconds = 0;
    if (std::from_chars(value.data(), value.data() + value.size(), seconds).ec != std::errc()) seconds = kMaxSeconds;
    return std::min(seconds, kMaxSeconds) * 1000;
  }
  Result<WallTime> date = ParseHttpDate(value);
  if (!date.ok()) return -1;
  return std::clamp<int64_t>(date->ms - now.ms, 0, kMaxSeconds * 1000);
}

}  // namespace notifyd
