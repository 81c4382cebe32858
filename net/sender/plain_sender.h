// PlainSender: the Sender that the broker uses. Makes the calls itself, over TCP and TLS, HTTP/1.1 and HTTP/2. One a loop; Start on the loop's thread
// only.
//
// I1  Exactly one AttemptEnded is posted for each Start, and before it one AttemptReached where that was asked for and comes about; none of them from
//     inside Start, nor after Abort.
// I2  One attempt is one request on the wire, or none: nothing is ever sent again by itself.
// I3  In the steady state, calls over connections that are there, a call makes no timer, no handle and no socket: it is one write and one read.
// I4  A reply: none ends once its request was written and the answer, if one is sent at all, had kAnswerGraceMs to come. After that its call only
//     lingers: many servers drop a request whose client hangs up. Of those that linger the oldest give way to newer ones beyond kMaxLingering.
// I5  No memory of ours is waited for before a request is sent: the core takes what it started for sent, and would no longer cancel it or let it
// expire.
#pragma once

#include <memory>

#include "base/status.h"
#include "broker/access_table.h"
#include "broker/ports.h"
#include "net/sender/sender_options.h"

namespace notifyd {

class Loop;

class PlainSender : public Sender {
 public:
  /// Error: kUnacceptable for a CIDR that does not parse, with field "/destinations/allow/0" or the like, and for a ca_file that cannot be read, with
  /// field "/destinations/ca_file". `loop` and `sink` are borrowed.
  static Result<std::unique_ptr<PlainSender>> Create(Loop* loop, EventSink* sink, const SenderOptions& options);
  ~PlainSender() override;

  /// Before the first attempt.
  void SetSelf(SenderSelf self);
  void Start(StartAttempt attempt) override;
  /// The settings were read anew: what of `options` can change while running (allow and deny, rules, recorded bytes, follow_redirects,
  /// max_response_bytes, secret_headers, max_connection_age_ms) holds for attempts that start from now on; the rest is ignored. Those under way keep
  /// what they began with but for the destinations and rules: these hold for whatever is connected to from now on, no connection that was opened
  /// under others is used again, idle ones are closed, and calls under way to what is refused now are cut off. Error, and nothing changed: a CIDR
  /// that does not parse, as for Create.
  Status Reload(const SenderOptions& options);
  /// What is known of namespaces is this now: their destinations hold as after a Reload, and their keys sign the attempts that start from now on.
  /// Before the first one there is `default` alone, with the file's destinations, and nothing is signed.
  void SetTable(std::shared_ptr<const AccessTable> table);
  /// Would a call of the namespace to this URL be refused, as far as that can be told before its name is looked up? Error: kUnacceptable. Loop
  /// thread.
  Status CheckDestination(NamespaceNumber number, std::string_view url);
  /// Stops all calls under way; no AttemptEnded follows for them. The sender can go on to be used; a second Abort does nothing.
  void Abort();
  /// The same of those of one namespace.
  void Abort(NamespaceNumber number);
  /// Those whose answer is being judged included.
  size_t in_flight() const;
  /// How many answers were judged away from the loop, because they were large. Loop thread.
  uint64_t judged_apart() const;
  /// How many requests were made away from the loop, because they were large, or many at once. Loop thread.
  uint64_t prepared_apart() const;

 private:
  class Impl;
  explicit PlainSender(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
