// A message of an AMQP 0-9-1 queue as plain values, copied out of the library's memory. Whatever a producer wrote: nothing in it is checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace notifyd {

struct AmqpHeader {
  enum class Kind : uint8_t { kText, kNumber, kOther };

  std::string name;
  Kind kind = Kind::kOther;
  std::string text;       // kText: its bytes; kNumber: a whole number in decimal; kOther (tables, arrays, times, ...): empty
  size_t wire_bytes = 0;  // what it takes of raw_headers, its name included
};

struct AmqpMessage {
  std::string body;
  std::string exchange, routing_key;
  // Empty: the property is absent, or is empty, which says no more.
  std::string message_id, app_id, reply_to, correlation_id, content_type, content_encoding, type, expiration, user_id;
  std::optional<uint64_t> timestamp_s;
  std::optional<uint8_t> priority;
  std::vector<AmqpHeader> headers;  // the top level, in order
  std::string raw_headers;          // the whole table as it is on the wire (its length, then one after the other); empty: there is none

  /// About what it takes in memory.
  size_t bytes() const {
    constexpr size_t kOfItself = 1024;
    return kOfItself + body.size() + 3 * raw_headers.size();
  }
  const AmqpHeader* Header(const std::string& name) const {
    for (const AmqpHeader& header : headers)
      if (header.name == name) return &header;
    return nullptr;
  }
};

}  // namespace notifyd
