// What the store keeps of topics and events (RecordKind::kTopic, kEvent, kTopicEvent), as bytes. Pure. Layout: docs/storage-format.md. Contract
// section 12.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"
#include "base/time.h"
#include "broker/notify.h"
#include "broker/spec.h"

namespace notifyd {

/// Of a topic that says nothing of it: seven days.
inline constexpr int64_t kDefaultRetentionMs = 7LL * 24 * 3600 * 1000;

/// What was said of a topic.
struct TopicRecord {
  int64_t retention_ms = kDefaultRetentionMs;  // 0: events stay as long as their notifies
  std::string schema;                          // JSON text; empty: none
  std::string description;
  bool operator==(const TopicRecord&) const = default;
};

/// An event as it was published; its payload stands here once, whatever it was fanned out to.
struct EventRecord {
  std::string topic;
  WallTime published_at;
  std::string caller;
  std::string key;  // empty: none
  Labels labels;    // sorted by key
  PayloadKind payload_kind = PayloadKind::kNone;
  std::string payload;
  std::string content_type;         // of a raw body; empty: the default
  std::optional<uint64_t> matched;  // nothing: it is not fanned out to the end yet
  bool operator==(const EventRecord&) const = default;
};

/// Version byte first.
std::string EncodeTopic(const TopicRecord& topic);
std::string EncodeEvent(const EventRecord& event);
/// Errors: kCorrupt.
Result<TopicRecord> DecodeTopic(std::string_view bytes);
Result<EventRecord> DecodeEvent(std::string_view bytes);

/// The key of an event, and the one under which its topic finds it: of one topic in the order in which they were published.
std::string KeyOfEvent(NotifyId id);
std::string KeyOfTopicEvent(std::string_view topic, NotifyId id);

}  // namespace notifyd
