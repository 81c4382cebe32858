// ImportSubmitter: submits documents in batches, and does not give up while the broker is away, restarts or is full, until its patience ends or it is
// stopped. What was sent may be sent again, so each document needs an idempotency key. One thread.
//
// Order: nothing is submitted before all that stands in front of it was accepted, or is refused for good. So each request is an array, which the
// broker takes whole or not at all: of lines that stand for themselves it would take those behind one that it refuses for now.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
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
  /// Submits them in order. `meanwhile` is called before each pause, and between requests; may be empty. Why it did not end well is said.
  Batch Submit(const std::vector<OldCall>& calls, const std::function<void()>& meanwhile = {});

  /// Cancels a notify. False where it is settled, or cannot be asked.
  bool Cancel(const std::string& id);

 private:
  /// Of one request: more can be submitted at once; not before a pause; not before the time that was said; or nobody would take any of it.
  enum class Try { kOn, kAgain, kLater, kRefused };
  /// Submits some of the calls from `at` on, and puts `at` behind what is known then.
  Try SubmitSome(const std::vector<OldCall>& calls, size_t* at, Batch* batch);
  /// How far a request may reach that begins there.
  size_t EndOf(const std::vector<OldCall>& calls, size_t from) const;
  void AwaitTurn(const std::function<void()>& meanwhile);
  Try TakeAccepted(const HttpAnswer& answer, size_t count, size_t* at, Batch* batch);
  Try TakeRefused(const HttpAnswer& answer, size_t count, size_t* at, Batch* batch);

  const Context& context_;
  const std::function<bool()> stopped_;
  const std::function<void(const std::string&)> say_;
  Patience patience_;
  std::string why_;  // it is to be tried again, or was refused
  bool away_ = false, said_away_ = false;
  bool lanes_stay_ = false;  // the broker lets nothing be said of lanes
  int64_t wait_ms_ = 0;      // that were said
  size_t most_;              // calls in a request, by what became of those before
};

}  // namespace notifyd
