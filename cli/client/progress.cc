#include "cli/client/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/terminal_text.h"
#include "cli/client/table.h"

namespace notifyd {
namespace {

constexpr size_t kBarWidth = 30;
constexpr std::chrono::milliseconds kStep{100};

}  // namespace

Progress::Progress() : on_(isatty(STDERR_FILENO) != 0) {}

void Progress::Show(const std::string& text) {
  auto now = std::chrono::steady_clock::now();
  if (!on_ || now < next_) return;
  next_ = now + kStep;
  std::fprintf(stderr, "\r%s\x1b[K", EscapeForTerminal(text).c_str());
  drawn_ = true;
}

void Progress::Clear() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
  drawn_ = false;
  next_ = {};
}

std::string ProgressText(const FileCounts& counts, uint64_t total_bytes) {
  std::string text;
  if (total_bytes > 0) {
    uint64_t read = std::min(counts.bytes, total_bytes);  // the file may have grown
    size_t full = static_cast<size_t>(static_cast<double>(read) / static_cast<double>(total_bytes) * kBarWidth);
    int percent = static_cast<int>(static_cast<double>(read) / static_cast<double>(total_bytes) * 100);
    char number[16];
    std::snprintf(number, sizeof number, "%3d%%", percent);
    text = "[" + std::string(full, '#') + std::string(kBarWidth - full, '.') + "] " + number + " of " + BytesText(total_bytes) + "  ";
  } else {
    text = BytesText(counts.bytes) + "  ";
  }
  return text + Grouped(counts.sent) + " sent, " + Grouped(counts.accepted) + " accepted, " + Grouped(counts.refused) + " refused";
}

}  // namespace notifyd
