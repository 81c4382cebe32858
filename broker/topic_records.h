// What the store keeps of topics, subscriptions and events (RecordKind::kTopic, kSubscription, kBacklog, kEvent, kTopicEvent), as bytes. Pure.
// Layout: docs/storage-format.md. Contract section 12.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "base/time.h"
#include "broker/events.h"
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

/// So many notifies of a subscription wait at most, where it says nothing else.
inline constexpr uint64_t kDefaultMaxPending = 1'000'000;

/// What was said of a subscription: which events it wants, and what notifies are made of them.
struct Subscription {
  std::string topic;      // a pattern
  std::string filter;     // JSON text; empty: all
  std::string transform;  // JSON text; empty: data goes as it is
  bool each_instance = false;
  bool paused = false;
  bool enabled = true;
  uint64_t max_pending = kDefaultMaxPending;
  /// The template, as a SubmitItem has it, without a payload: an event's takes its place. NotifySpec::order_by may be "key": that of the event; the
  /// lane is the one without "~n". `flow` may say the pool and the like; the rest of it the fan-out fills in.
  std::shared_ptr<const Envelope> envelope;
  std::shared_ptr<const std::string> spec;
  When when, ttl;        // kDefault or kDelay
  std::string document;  // as it was said, to be shown: JSON text
};

/// A subscription as it is kept.
struct SubscriptionRecord {
  uint64_t serial = 0;  // in the order in which they were made
  WallTime created_at;
  NotifyId live_after;       // events with ids above this one are fanned out to it as they come
  bool unreachable = false;  // it is paused since its destination was not reached for long, and by nobody
  bool catching_up = false;  // not yet: past ones are still on their way to it, as far as that one so far
  std::shared_ptr<const Subscription> said;
  std::vector<LaneKey> left_lanes = {};  // of what it was before, paused as long as it is: what waits of it stays in them
};

/// How much of a subscription waits. Kept also when that is gone, until nothing does.
struct BacklogRecord {
  /// It was deleted with what waits: those with ids below, in lanes of these prefixes (none: in all), are not sent any more, and go bit by bit.
  struct Leaving {
    NotifyId below;
    std::vector<std::string> lanes;
    bool operator==(const Leaving&) const = default;
  };
  uint64_t pending = 0;  // notifies of it that are not settled
  uint64_t skipped = 0;  // events that were not fanned out to it, since so many were pending
  std::vector<Leaving> leaving = {};
  bool operator==(const BacklogRecord&) const = default;
};

/// An event as it was published or, where it was held, as its trigger left it; its payload stands here once, whatever it was fanned out to.
struct EventRecord {
  std::string topic;
  WallTime published_at;
  std::string caller;
  std::string key;  // empty: none
  Labels labels;    // sorted by key
  PayloadKind payload_kind = PayloadKind::kNone;
  std::string payload;
  std::string content_type;                    // of a raw body; empty: the default
  std::optional<WallTime> due_at;              // of its notifies; nothing: as their subscriptions say
  std::string trace_parent, trace_state, via;  // of the request
  std::string schedule;                        // whose run published it; empty: none
  WallTime scheduled_at;                       // what time that is for
  bool operator==(const EventRecord&) const = default;
};

/// What became of an event: changed as that goes on, while its payload stays as it is.
struct EventPlace {
  /// Its topic's retention counts from then: when it was published or, where that is later, is due, or was fanned out, which it waited for until
  /// then.
  WallTime counted_from;
  /// The notify of its own id waits, held under an fkey, for what fans it out; or it did, and ended otherwise; or the fan-out waits for its turn. By
  /// then the event itself has what that notify had for it.
  bool held = false;
  std::optional<uint64_t> matched;  // notifies that were made of it, without replays; nothing: it is not fanned out to the end yet
  /// The ids of all of its notifies: of each run the first, and how many. As long as one of them is there, the event stays.
  struct Run {
    NotifyId first;
    uint64_t count = 0;
    bool operator==(const Run&) const = default;
  };
  std::vector<Run> runs;
  /// Subscriptions that want it and did not get it, since their transform made nothing of it that may be sent. The first ones, so many at most.
  std::vector<std::string> untransformed = {};
  static constexpr size_t kMostUntransformed = 64;
  bool operator==(const EventPlace&) const = default;
};

/// Envelope::host of what holds an event under an fkey, with its topic behind; its URL likewise.
inline constexpr std::string_view kHeldHost = "topic:";
/// Its turn means that an event is fanned out, which was held: no request goes out.
inline bool IsHeldEvent(const Envelope& envelope) {
  return envelope.host.starts_with(kHeldHost);
}

/// Version byte first.
std::string EncodeTopic(const TopicRecord& topic);
std::string EncodeSubscription(const Subscription& said);
std::string EncodeSubscriptionRecord(const SubscriptionRecord& record);
std::string EncodeBacklog(const BacklogRecord& backlog);
std::string EncodeEvent(const EventRecord& event);
std::string EncodeEventPlace(const EventPlace& place);
/// Errors: kCorrupt.
Result<TopicRecord> DecodeTopic(std::string_view bytes);
Result<Subscription> DecodeSubscription(std::string_view bytes);
Result<SubscriptionRecord> DecodeSubscriptionRecord(std::string_view bytes);
Result<BacklogRecord> DecodeBacklog(std::string_view bytes);
Result<EventRecord> DecodeEvent(std::string_view bytes);
Result<EventPlace> DecodeEventPlace(std::string_view bytes);

/// The key of an event, and the one under which its topic finds it: of one topic in the order in which they were published.
std::string KeyOfEvent(NotifyId id);
std::string KeyOfTopicEvent(std::string_view topic, NotifyId id);
/// The id in either. 0 where these are none.
NotifyId EventOfKey(std::string_view key);

}  // namespace notifyd
