// CurlSender: makes the calls with libcurl's multi interface on one loop. One a loop; Start on the loop's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "broker/ports.h"
#include "net/sender/destinations.h"
#include "net/sender/resolver.h"

namespace notifyd {

class Loop;

struct SenderOptions {
  size_t max_response_bytes = 1 << 20;      // read at most, where a pattern needs the body
  size_t recorded_failure_bytes = 4 << 10;  // of the response body kept with a failed attempt
  size_t recorded_success_bytes = 256;
  size_t max_idle_connections = 256;
  int64_t max_connection_age_ms = 300'000;  // a connection serves no further call then, so that a name that moved is followed
  ResolverOptions resolver;
  bool follow_redirects = false;  // then at most 5, method kept on 307 and 308
  std::string user_agent;         // "notifyd/VERSION"
  /// Names, any case, of headers that carry credentials beside those that always do (base/secrets.h): where an answer repeats their values, these
  /// are masked before anything of it is recorded.
  std::vector<std::string> secret_headers;
  /// PEM file of the certificate authorities that receivers' certificates must come from; empty: the system's.
  std::string ca_file;
  /// CIDR lists (contract section 5): what is allowed wins over what is denied; the built-in denials come last.
  std::vector<std::string> allow, deny;
};

/// What the broker is to others, known once it listens.
struct SenderSelf {
  std::string via;                  // its name in Notify-Via; empty: none is sent
  std::vector<Listener> listeners;  // refused as destinations unless `allow` names them
};

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
