#include "broker/topic_records.h"

#include <utility>

#include "base/bytes.h"

namespace notifyd {
namespace {

constexpr uint8_t kTopicVersion = 1;
constexpr uint8_t kEventVersion = 1;

Status Unreadable(const char* what) {
  return Status(Code::kCorrupt, std::string(what) + " that does not parse, or is of an unknown version");
}

}  // namespace

std::string EncodeTopic(const TopicRecord& topic) {
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.U8(kTopicVersion);
  encoder.Varint(static_cast<uint64_t>(topic.retention_ms));
  encoder.Text(topic.schema);
  encoder.Text(topic.description);
  return bytes;
}

Result<TopicRecord> DecodeTopic(std::string_view bytes) {
  Decoder decoder(bytes);
  TopicRecord topic;
  if (decoder.U8() != kTopicVersion) decoder.Fail();
  topic.retention_ms = static_cast<int64_t>(decoder.Varint());
  topic.schema = decoder.Text();
  topic.description = decoder.Text();
  if (!decoder.done() || topic.retention_ms < 0) return Unreadable("a topic");
  return topic;
}

std::string EncodeEvent(const EventRecord& event) {
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.U8(kEventVersion);
  encoder.Text(event.topic);
  encoder.Signed(event.published_at.ms);
  encoder.Text(event.caller);
  encoder.Text(event.key);
  encoder.Varint(event.labels.size());
  for (const auto& [key, value] : event.labels) {
    encoder.Text(key);
    encoder.Text(value);
  }
  encoder.U8(static_cast<uint8_t>(event.payload_kind));
  encoder.Text(event.payload);
  encoder.Text(event.content_type);
  encoder.Varint(event.matched ? *event.matched + 1 : 0);
  return bytes;
}

Result<EventRecord> DecodeEvent(std::string_view bytes) {
  Decoder decoder(bytes);
  EventRecord event;
  if (decoder.U8() != kEventVersion) decoder.Fail();
  event.topic = decoder.Text();
  event.published_at.ms = decoder.Signed();
  event.caller = decoder.Text();
  event.key = decoder.Text();
  for (uint64_t left = decoder.Varint(); left > 0 && decoder.ok(); --left) {
    std::string key(decoder.Text());
    event.labels.emplace_back(std::move(key), decoder.Text());
  }
  const uint8_t kind = decoder.U8();
  if (kind > static_cast<uint8_t>(PayloadKind::kBodyBase64)) decoder.Fail();
  event.payload_kind = static_cast<PayloadKind>(kind);
  event.payload = decoder.Text();
  event.content_type = decoder.Text();
  if (const uint64_t matched = decoder.Varint(); matched > 0) event.matched = matched - 1;
  if (!decoder.done()) return Unreadable("an event");
  return event;
}

std::string KeyOfEvent(NotifyId id) {
  std::string key;
  Encoder(&key).Big64(id.value);
  return key;
}

std::string KeyOfTopicEvent(std::string_view topic, NotifyId id) {
  std::string key(topic);
  key.push_back('\0');
  Encoder(&key).Big64(id.value);
  return key;
}

}  // namespace notifyd
