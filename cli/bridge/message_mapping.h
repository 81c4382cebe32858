// From a message of an AMQP queue to the notifies that it stands for, as JSON for POST /v1/notifies. Contract section 20, "AMQP"; the tables for
// people stand in docs/bridge-amqp.md. Pure: no clock, no I/O, whatever the message holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/bridge/message_template.h"

namespace notifyd {

/// What a message's body is taken for.
enum class MessageShape : uint8_t {
  kDetect,     // requests: kCallback; url and data: kDeliverBy
  kCallback,   // {"requests":[{"url","method","options"}],"control":{"retryTimes","retryCode","successCode"}}
  kDeliverBy,  // {"url","data","deliverBy"}
  kTemplate,   // any bytes: what they mean the template says
};

struct MappingOptions {
  std::string queue;
  MessageShape shape = MessageShape::kDetect;
  MessageTemplate fields = {};                    // of each notify, beneath what the message's body says
  std::optional<MessageRef> key = {};             // what tells a repeat, before message_id
  std::optional<std::string> header_prefix = {};  // headers become headers of HTTP, named so in front; else labels
  std::string deliver_by = {};                    // for messages of kDeliverBy without one of their own
};

struct MappedMessage {
  std::vector<std::string> notifies;  // a JSON object each, one at least
  bool keyed = false;                 // each has an idempotency key that a repeat of the message has, too
  size_t labels_left_out = 0;         // headers that were too many, or too long by name, to become labels
};

/// `delivery`: stands in the idempotency keys where nothing in the message tells a repeat of it (DeliveryKeyOf); empty: it has none then. Errors:
/// kMalformed (400) where a body that must be JSON is none; kUnacceptable (422), the field a JSON Pointer into the body where it is about one.
Result<MappedMessage> MapMessage(const AmqpMessage& message, const MappingOptions& options, const std::string& delivery = {});

/// What tells that the same delivery is submitted again: no other one has it. `bridge`: random, of one that runs.
std::string DeliveryKeyOf(const std::string& bridge, uint64_t connection, uint64_t tag);

/// "QUEUE/KEY/INDEX" (in the queue's name "/" and "%" are percent-encoded, so that no two are one), or where that is over 255 bytes or no UTF-8
/// "sha256:" with the SHA-256 of it in hex.
std::string IdempotencyKeyOf(const std::string& queue, const std::string& key, size_t index);

}  // namespace notifyd
