#include "net/sender/retry_after.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <string>

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
  // Takes the three forms of RFC 9110 section 5.6.7, and some more; it knows neither locales nor time zones of the system.
  const time_t date_s = curl_getdate(std::string(value).c_str(), nullptr);
  if (date_s == -1) return -1;
  return std::clamp<int64_t>(date_s - now.ms / 1000, 0, kMaxSeconds) * 1000;
}

}  // namespace notifyd
