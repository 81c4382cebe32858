// A producer and an onlooker of a real AMQP server's queues, for tests: declares, publishes with confirms, counts and takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace notifyd::test {

struct PublishedMessage {
  std::string body, message_id, app_id, correlation_id, reply_to, content_type, expiration, user_id;
  std::optional<uint8_t> priority;
  std::optional<uint64_t> timestamp_s;
  std::map<std::string, std::string> headers = {};
  std::string bytes_header = {};  // the header "bytes", as a byte array
  std::string copy_to = {};       // a queue, in the header CC: RabbitMQ routes by it
  int nested_tables = 0;          // one more header, of so many tables within each other
};

struct TakenMessage {
  std::string body, message_id;
  std::map<std::string, std::string> headers;  // those that are texts; of arrays that they are
  bool persistent = false;
};

class AmqpQueues {
 public:
  /// Throws, as all of it does, where the server does not do it.
  explicit AmqpQueues(uint16_t port);
  ~AmqpQueues();
  AmqpQueues(const AmqpQueues&) = delete;

  /// A durable one.
  void Declare(const std::string& queue, bool single_active_consumer = false);
  void DeclareStream(const std::string& stream);
  /// Waits until all are confirmed.
  void Publish(const std::string& queue, const std::vector<PublishedMessage>& messages);
  struct Counts {
    uint32_t ready = 0, consumers = 0;
  };
  Counts Look(const std::string& queue);
  /// Takes the oldest one away; nothing where it is empty.
  std::optional<TakenMessage> Take(const std::string& queue);
  void Delete(const std::string& queue);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Until `holds`; false at the deadline.
bool Eventually(const std::function<bool()>& holds);

}  // namespace notifyd::test
