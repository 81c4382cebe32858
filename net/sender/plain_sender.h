// PlainSender: makes the calls to http:// receivers itself, over TCP and HTTP/1.1. One a loop; Start on the loop's thread only.
//
// I1  Exactly one AttemptEnded is posted for each Start, none of them from inside Start, unless Abort comes first.
// I2  One attempt is one request on the wire, or none: nothing is ever sent again by itself.
// I3  In the steady state, calls over connections that are there, a call makes no timer, no handle and no socket: it is one write and one read.
// I4  A reply: none ends once its request was written and the answer, if one is sent at all, had kAnswerGraceMs to come. After that its call only
//     lingers: many servers drop a request whose client hangs up. Of those that linger the oldest give way to newer ones beyond kMaxLingering.
#pragma once

#include <memory>

#include "base/status.h"
#include "broker/ports.h"
#include "net/sender/sender_options.h"

namespace notifyd {

class Loop;

class PlainSender : public Sender {
 public:
  /// Error: as CurlSender::Create for a CIDR. `loop`, `sink` and `resolver` are borrowed; redirects are not followed, whatever `options` say.
  static Result<std::unique_ptr<PlainSender>> Create(Loop* loop, EventSink* sink, Resolver* resolver, const SenderOptions& options);
  ~PlainSender() override;

  // As CurlSender's functions of the same names, but that the URL's scheme must be http.
  void SetSelf(SenderSelf self);
  void Start(StartAttempt attempt) override;
  Status Reload(const SenderOptions& options);
  void Abort();
  size_t in_flight() const;
  uint64_t judged_apart() const;

 private:
  class Impl;
  explicit PlainSender(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
