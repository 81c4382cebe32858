#include "base/crash_point.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <string>

namespace notifyd {
namespace {

std::atomic<uint64_t> passages_left = 0;

}  // namespace

namespace internal {

void CountPassage() {
  if (passages_left.fetch_sub(1, std::memory_order_relaxed) != 1) return;
  ::kill(::getpid(), SIGKILL);
  // Nothing goes on behind it, also where the signal takes its time.
  for (;;) ::pause();
}

}  // namespace internal

Status ArmCrashPoint(std::string_view text) {
  const size_t colon = std::min(text.find(':'), text.size());
  const std::string_view name = text.substr(0, colon);
  uint64_t passage = 1;
  if (colon < text.size()) {
    const char* end = text.data() + text.size();
    const auto [behind, error] = std::from_chars(text.data() + colon + 1, end, passage);
    if (error != std::errc() || behind != end || passage == 0)
      return Status(Code::kUnacceptable, std::string(kCrashVariable) + " is NAME:N, with N from 1 on");
  }
  const auto found = std::find(std::begin(kCrashPointNames), std::end(kCrashPointNames), name);
  if (found == std::end(kCrashPointNames)) {
    std::string names;
    for (const char* each : kCrashPointNames) names += (names.empty() ? "" : ", ") + std::string(each);
    return Status(Code::kUnacceptable, std::string(kCrashVariable) + " names no crash point; these are there: " + names);
  }
  passages_left = passage;
  internal::armed_crash_point = static_cast<uint8_t>(found - std::begin(kCrashPointNames));
  return Status::Ok();
}

}  // namespace notifyd
