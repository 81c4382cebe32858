// CurlSender: makes the calls with libcurl's multi interface on one loop. One a loop; Start on the loop's thread only.
#pragma once

#include <cstdint>
#include <memory>

#include "base/status.h"
#include "broker/ports.h"
#include "net/sender/sender_options.h"

namespace notifyd {

class Loop;

class CurlSender : public Sender {
 public:
  /// Error: kUnacceptable for a CIDR that does not parse, with field "/destinations/allow/0" or the like, and for a ca_file that cannot be
  /// read, with field "/destinations/ca_file". `loop` and `sink` are borrowed.
  static Result<std::unique_ptr<CurlSender>> Create(Loop* loop, EventSink* sink, const SenderOptions& options);
  ~CurlSender() override;

  /// Before the first attempt.
  void SetSelf(SenderSelf self);
  void Start(StartAttempt attempt) override;
  /// The settings were read anew: what of `options` can change while running (allow and deny, recorded bytes, follow_redirects,
  /// max_response_bytes, secret_headers, and for http max_connection_age_ms) holds for attempts that start from now on; the rest is ignored. Those
  /// under way keep what they began with; no connection that was opened under other destinations is used again. Error, and nothing changed: a CIDR
  /// that does not parse, as for Create.
  Status Reload(const SenderOptions& options);
  /// Stops all calls under way; no AttemptEnded follows for them. The sender can go on to be used; a second Abort does nothing.
  void Abort();
  /// Those whose answer is being judged included.
  size_t in_flight() const;
  /// How many answers were judged away from the loop, because they were large. Loop thread.
  uint64_t judged_apart() const;

 private:
  class Impl;
  explicit CurlSender(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
