// SubmitFile: NDJSON, one notify a line, sent as one chunked request while the broker's lines of answer come back; where the broker restarts in place
// in the middle, in another one from the first line on that it had not taken. Memory holds what is not answered yet, and a few buffers, however
// long the file is. Invariants:
//   (I1) what is sent holds no blank line, so the broker's index n is the n-th line that is not blank of what its request was sent;
//   (I2) answers come in order: each index is the one before plus one;
//   (I3) no line is sent twice unless the broker said that it had not taken it, or nothing was sent over the connection.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "cli/client/http_client.h"
#include "cli/client/patience.h"

namespace notifyd {

/// Where notifies are submitted. `window_ms`: for how long their idempotency keys are remembered; 0: as the broker's settings say.
std::string SubmitPath(int64_t window_ms);

struct FileCounts {
  uint64_t bytes = 0;  // read from the file
  uint64_t sent = 0;   // lines that are not blank
  uint64_t accepted = 0, refused = 0;
  uint64_t for_now = 0;               // of those refused, by a rate or a limit (429)
  uint64_t duplicates = 0, kept = 0;  // of those accepted
  uint64_t answered() const { return accepted + refused; }
};

struct FileOutcome {
  FileCounts counts;
  std::string first_id, last_id;  // of those accepted
  uint64_t answered_line = 0;     // the number in the file (1, 2, ...) of the last line that was answered; 0: none was
  bool refused_whole = false;     // the broker refused the request itself: `fault` is its detail
  bool unreachable = false;       // it broke, or could not be found again
  bool rest_not_taken = false;    // none of the lines behind answered_line was taken; false with a fault: that is not known
  Status fault;                   // not ok: why it stopped before the end
};

struct FileHooks {
  /// Each line of the broker's answer that answers a line, without its line end; its index counts over all requests. False: nobody wants more, and
  /// the submit ends. May be empty.
  std::function<bool(std::string_view line)> answered;
  /// Each line that was refused: its number in the file, and why. May be empty.
  std::function<void(uint64_t number, const std::string& why)> refused;
  /// After each round of sending and receiving, at least once a second. May be empty.
  std::function<void(const FileCounts& counts)> progress;
  /// Asked as often. True: it ends, whatever is on its way. May be empty.
  std::function<bool()> stopped;
};

/// Reads `input` (borrowed) to its end. It may be a pipe or a terminal: what has come is sent at once. A broker that restarts is looked for again for
/// up to `reconnect_ms`; 0: once. `path`: SubmitPath's.
FileOutcome SubmitFile(int input, HttpClient* client, const FileHooks& hooks, int64_t reconnect_ms = kReconnectMs,
                       const std::string& path = SubmitPath(0));

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

/// Text on its way, from the first line on that is not answered: what is to be sent, and what may have to be sent again. Pure.
class UnansweredLines {
 public:
  /// What the broker and the kernels hold of lines that are not answered is less; beyond it nothing can be sent again.
  static constexpr size_t kMostBytes = 64 << 20;

  void Add(std::string_view lines);
  /// Valid until the next call.
  std::string_view to_send() const { return std::string_view(text_).substr(sent_); }
  void Sent(size_t bytes);
  /// The first line that was not is; that may be one whose end has not come.
  void Answered();
  /// Sends all that is not answered again. Only where it is complete.
  void Rewind();
  bool complete() const { return complete_; }

 private:
  static constexpr size_t kTrimBytes = 1 << 20;

  void EndLine(size_t end);
  void Trim();

  std::string text_;
  size_t sent_ = 0, answered_ = 0;  // of text_
  uint64_t dropped_ = 0;            // bytes that text_ once had in front
  std::deque<uint64_t> ends_;       // of the lines behind answered_, counted over all that was added
  bool open_answered_ = false;      // the line that has no end yet was answered
  bool skipping_ = false;           // the line that comes was answered in an earlier request
  bool complete_ = true;
};

}  // namespace notifyd
