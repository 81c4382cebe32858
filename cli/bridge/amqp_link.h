// AmqpLink: one connection to an AMQP 0-9-1 server with one channel, to take messages from a queue or to publish to one. librabbitmq's headers stand
// in amqp_link.cc alone. Not thread-safe. What of librabbitmq 0.11 shapes it:
// - It answers and sends heartbeats only while it is inside of a call: whoever holds a link calls Next, or where it must not read on Beat, at least
//   every few seconds. Beat alone keeps no connection for long: RabbitMQ closes one that it could not write to for 30 s, whatever comes over it, so
//   that whoever takes messages does without Next for a part of that at most.
// - Its own calls that wait have no end unless they are given one: each gets one here.
// - What arrives is kept until its buffers are given back: they are, frame by frame, so that memory is that of the messages themselves.
// - Without being asked it does not tell that the server ended a consumer (its queue was deleted): it is asked.
// - With TLS it checks certificate and name, but knows no authority by itself: the system's are given to it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "cli/bridge/amqp_message.h"

namespace notifyd {

struct AmqpAddress {
  std::string host, user, password, vhost;
  int port = 0;
  bool tls = false;
  std::string ca_file = {};                   // of amqps: the authorities; empty: the system's
  std::string cert_file = {}, key_file = {};  // PEM, for a server that wants its client's certificate; empty: none

  /// Without user and password: "amqp://host:5672/vhost".
  std::string ToString() const;
};

/// "amqp://user:password@host:port/vhost", or amqps; percent-encoded where need be. Without them: guest, guest, 5672 (5671), the vhost "/". Error:
/// kUnacceptable; its detail never holds the text.
Result<AmqpAddress> ParseAmqpUrl(const std::string& url);

struct AmqpDelivery {
  uint64_t tag = 0;
  AmqpMessage message;
};

// Errors of all of it: kNotFound (no such queue, or the consumer was ended with it), kForbidden (the server knows who asks, and does not allow it; or
// its certificate is another's), kConflict (another consumer has the queue for itself), kUnavailable (all else: it may be tried again).
class AmqpLink {
 public:
  /// Connects and logs in. `name`: as whom the server lists it.
  static Result<std::unique_ptr<AmqpLink>> Open(const AmqpAddress& address, const std::string& name);
  /// Without a goodbye: what was not acknowledged goes back into its queue.
  ~AmqpLink();
  AmqpLink(const AmqpLink&) = delete;

  struct Counts {
    uint32_t waiting = 0;    // messages, for somebody to take them; of one that takes, beside what it was sent
    uint32_t consumers = 0;  // of a stream none, whoever takes from it
  };
  Result<Counts> LookAt(const std::string& queue);
  Status Consume(const std::string& queue, uint16_t prefetch, bool exclusive);
  /// Takes what has come, without waiting: true and a whole message, or false.
  Result<bool> Next(AmqpDelivery* delivery);
  /// Readable where Next may have something.
  int fd() const;
  /// Sends a heartbeat.
  Status Beat();
  /// Acknowledges it, and all before it.
  Status Acknowledge(uint64_t tag);

  /// Publishes to a queue by its name, persistent, with the properties and headers of `message` and `more` text headers, and waits until the server
  /// has confirmed it. What stays behind: expiration, user_id, the headers CC, BCC and notifyd-..., and those that do not fit into 64 KiB with the
  /// ones before. kNotFound where the queue is not there.
  Status Publish(const std::string& queue, const AmqpMessage& message, const std::vector<std::pair<std::string, std::string>>& more);

  /// Says goodbye, behind all that was acknowledged.
  void Close();

  static constexpr int kHeartbeatS = 20;

 private:
  class Impl;
  explicit AmqpLink(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
