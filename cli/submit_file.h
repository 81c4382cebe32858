// SubmitFile: NDJSON, one notify a line, submitted in order in batches that the broker takes or refuses as a whole. Stops at the first refusal and
// says which line it was and how many were accepted before.
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <string>

#include "base/status.h"
#include "cli/http_client.h"

namespace notifyd {

struct FileOutcome {
  uint64_t accepted = 0;
  std::string first_id, last_id;  // of those accepted
  uint64_t lines_done = 0;        // all lines up to this one are accepted (or blank)
  bool unreachable = false;       // `fault` is that no answer came: the lines behind lines_done may have been accepted or not
  Status fault;                   // not ok: why it stopped before the end; the detail names the line
};

struct FileHooks {
  /// Each accepted notify, as JSON text. May be empty.
  std::function<void(std::string_view item)> accepted;
  /// After each batch: bytes read and notifies accepted so far. May be empty.
  std::function<void(uint64_t bytes, uint64_t notifies)> progress;
};

/// Blank lines are skipped, but counted as lines. A batch ends at 1,000 notifies or 4 MiB.
FileOutcome SubmitFile(std::istream& in, HttpClient* client, const FileHooks& hooks);

/// What an answer that is no success says for people: the problem's detail and field, else the status.
std::string ProblemText(const HttpAnswer& answer);

}  // namespace notifyd
