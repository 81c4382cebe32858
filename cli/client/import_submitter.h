// ImportSubmitter: submits documents in batches, and does not give up while the broker is away, restarts or is full, until its patience ends or it is
// stopped. What was sent may be sent again, so each document needs an idempotency key. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client/context.h"
#include "cli/client/patience.h"
#include "cli/import/old_calls.h"

namespace notifyd {

/// How a step of an import ended.
enum class ImportEnd {
  kDone,
  kStopped,      // by whoever runs it
  kUnreachable,  // something was away for too long
  kRefused,      // somebody refuses what would be refused again
};

/// What became of one document.
struct ImportAnswer {
  enum class Kind {
    kNew,      // accepted by this very call: 201
    kKnown,    // accepted: by an earlier call, or one whose answer was lost
    kKeyUsed,  // its key was accepted with other fields
    kRefused,
  };
  Kind kind = Kind::kRefused;
  std::string id;   // kNew, kKnown
  std::string why;  // kKeyUsed, kRefused
};

class ImportSubmitter {
 public:
  /// `stopped` is asked while it waits, and about once a second while a call is under way; `say` shows people a line. Borrows `context`.
  ImportSubmitter(const Context& context, int64_t reconnect_ms, std::function<bool()> stopped, std::function<void(const std::string&)> say);

  struct Batch {
    ImportEnd end = ImportEnd::kDone;
    std::vector<std::optional<ImportAnswer>> answers;  // one a call; nothing: not known, where it did not end well
  };
  /// Submits them in order. `meanwhile` is called before each pause; may be empty. Why it did not end well is said.
  Batch Submit(const std::vector<OldCall>& calls, const std::function<void()>& meanwhile = {});

  /// Cancels a notify. False where it is settled, or cannot be asked.
  bool Cancel(const std::string& id);

 private:
  /// Of one try: what is still to be done, and why.
  enum class Try { kDone, kAgain, kRefused };
  Try SubmitOnce(const std::vector<OldCall>& calls, Batch* batch);
  Try Take(std::string_view line, const std::vector<size_t>& sent, size_t* next, Batch* batch);
  Try Judge(const Result<HttpAnswer>& answer);

  const Context& context_;
  const std::function<bool()> stopped_;
  const std::function<void(const std::string&)> say_;
  Patience patience_;
  std::string why_;  // it is to be tried again, or was refused
  bool away_ = false, said_away_ = false;
  bool lanes_stay_ = false;  // the broker lets nothing be said of lanes
};

}  // namespace notifyd
