// SubmitFile: NDJSON, one notify a line, sent as one chunked request while the broker's lines of answer come back. Memory holds a few buffers,
// however long the file is. Invariants:
//   (I1) what is sent holds no blank line, so the broker's index n is the n-th line of the file that is not blank;
//   (I2) answers come in order: each index is the one before plus one.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "cli/http_client.h"

namespace notifyd {

struct FileCounts {
  uint64_t bytes = 0;  // read from the file
  uint64_t sent = 0;   // lines that are not blank
  uint64_t accepted = 0, refused = 0;
  uint64_t duplicates = 0, kept = 0;  // of those accepted
  uint64_t answered() const { return accepted + refused; }
};

struct FileOutcome {
  FileCounts counts;
  std::string first_id, last_id;  // of those accepted
  uint64_t answered_line = 0;     // the number in the file (1, 2, ...) of the last line that was answered; 0: none was
  bool refused_whole = false;     // the broker refused the request itself: `fault` is its detail
  bool unreachable = false;       // it broke: whether the lines behind answered_line were taken is not known
  Status fault;                   // not ok: why it stopped before the end
};

struct FileHooks {
  /// Each line of the broker's answer, without its line end. May be empty.
  std::function<void(std::string_view line)> answered;
  /// Each line that was refused: its number in the file, and why. May be empty.
  std::function<void(uint64_t number, const std::string& why)> refused;
  /// After each round of sending and receiving, at least once a second. May be empty.
  std::function<void(const FileCounts& counts)> progress;
};

/// Reads `input` (borrowed) to its end. It may be a pipe or a terminal: what has come is sent at once.
FileOutcome SubmitFile(int input, HttpClient* client, const FileHooks& hooks);

/// Leaves out blank lines and the white space at the start of lines, and remembers which line of the file became which line sent. Pure.
class LineFilter {
 public:
  /// Appends what is to be sent of `piece`.
  void Add(std::string_view piece, std::string* out);
  /// Lines begun so far that are not blank.
  uint64_t lines() const { return lines_; }
  /// The number in the file of the sent line `index`. Indexes must not go back: what is before is forgotten.
  uint64_t NumberOf(uint64_t index);

 private:
  struct Run {
    uint64_t index = 0, number = 0;  // from here on both grow alike
  };
  std::deque<Run> runs_;
  uint64_t number_ = 1, lines_ = 0;  // the line being read; lines begun
  bool at_start_ = true;             // of a line: nothing but white space so far
};

}  // namespace notifyd
