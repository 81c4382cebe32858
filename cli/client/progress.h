// Progress: one line on standard error that is written over, on a terminal only; and what a submit of a file shows there.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "cli/client/submit_file.h"

namespace notifyd {

class Progress {
 public:
  Progress();
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  bool on() const { return on_; }
  /// Draws `text` in place of what stood there; ten times a second at most, so that it costs nothing.
  void Show(const std::string& text);
  /// Takes the line away, for other output.
  void Clear();

 private:
  bool on_, drawn_ = false;
  std::chrono::steady_clock::time_point next_;
};

/// "[####....]  12%  3,000 sent, 2,900 accepted, 1 refused". `total_bytes` 0: not known, and no bar.
std::string ProgressText(const FileCounts& counts, uint64_t total_bytes);

}  // namespace notifyd
