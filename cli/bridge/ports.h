// What the bridge needs from outside: the broker that takes its notifies, somewhere for what it refuses, and somebody who is told how it goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/status.h"
#include "cli/bridge/amqp_message.h"

namespace notifyd {

/// What the broker answered to a batch, or to being asked whether it is there.
struct SubmitAnswer {
  int status = 0;              // 0: none came
  std::string detail;          // for people, why not
  std::string field;           // a JSON Pointer into the batch; empty: none is named
  int64_t retry_after_ms = 0;  // 0: it said nothing
  size_t items = 0;            // of an acceptance: how many it answered for
  size_t duplicates = 0;       // of these: known already
};

class SubmitPort {
 public:
  virtual ~SubmitPort() = default;
  /// POSTs a JSON array to /v1/notifies. May block.
  virtual SubmitAnswer Submit(const std::string& batch) = 0;
  /// Is the broker there, and does it know who asks?
  virtual SubmitAnswer Probe() = 0;
};

/// What follows from a status. Contract section 20: what the content is at fault for is handed on, what time may mend is tried again, and anything
/// else is a fault of the bridge's configuration, for which no message may be touched.
enum class Acceptance : uint8_t { kAccepted, kRefused, kAway, kStop };
inline Acceptance AcceptanceOf(int status) {
  if (status >= 200 && status < 300) return Acceptance::kAccepted;
  if (status == 400 || status == 409 || status == 413 || status == 422) return Acceptance::kRefused;
  if (status == 0 || status == 408 || status == 429 || status >= 500) return Acceptance::kAway;
  return Acceptance::kStop;
}

/// A message that the broker, or the mapping, refused for good.
struct RefusedMessage {
  const AmqpMessage* message = nullptr;  // borrowed
  std::string queue;
  int status = 0;
  std::string reason, field;
  int64_t at_ms = 0;  // since the epoch
};

class DeadLetterPort {
 public:
  virtual ~DeadLetterPort() = default;
  /// Returns once it is kept for good: confirmed, or on disk. Errors: kUnavailable, where it may be tried again; kIo, where nobody knows any more
  /// what is kept. May block.
  virtual Status Keep(const RefusedMessage& refused) = 0;
};

/// Any thread.
struct BridgeReports {
  std::function<void(const std::string& line)> note;       // what people should know: one line
  std::function<void(const std::string& waits_for)> show;  // the counters may be looked at: several times a second. Empty: it waits for nobody
};

}  // namespace notifyd
