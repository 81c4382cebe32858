// What requests ask of topics, subscriptions and events, and what answers them (TopicRequest, TopicAnswered). Plain values: whoever asks has read and
// checked what stands in them (net/api), the core decides. Contract section 12.
//
// A refusal is Refused as ever: kNotFound, kConflict, kUnacceptable (with the field), kTooMany, kDiskFull, kUnavailable; a condition that does not
// hold is Stale.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "base/time.h"
#include "broker/events.h"
#include "broker/resource.h"
#include "broker/topic_records.h"

namespace notifyd {

/// What a core has done with events since it was made, for metrics.
struct TopicFigures {
  uint64_t published = 0;
  uint64_t matched = 0;        // notifies that were made of them, without replays
  uint64_t replayed = 0;       // notifies that replays made
  uint64_t skipped = 0;        // what was not made for a subscription, since that has too many pending
  uint64_t untransformed = 0;  // what was not made for a subscription, since its transform made nothing of the event that may be sent
  uint64_t backlog = 0;        // events whose fan-out has begun, and is not at its end, or waits for that
  uint64_t paused = 0;         // subscriptions whose destination was not reached for so long that they were paused
};

// ---- topics

/// Puts a topic in the place of what was said of it. Answered by TopicViewed. Error: kUnacceptable, "/schema" and the pointer within it.
struct TopicPut {
  std::string topic;
  TopicRecord said;
  ResourceCondition condition = {};
};
struct TopicGet {
  std::string topic;
};
/// Its events stay for as long as they would have. Answered by Removed.
struct TopicDelete {
  std::string topic;
  ResourceCondition condition = {};
};
/// Those that a PUT made, by name. Answered by TopicsListed.
struct TopicList {
  ResourcesQuery query;
};

// ---- subscriptions

/// Puts a subscription in the place of what was said of it. Answered by SubscriptionViewed. Errors: kUnacceptable at "/filter" or "/transform" and
/// the pointer within, or at "/url", where no such service was ever said.
struct SubscriptionPut {
  std::string name;
  std::shared_ptr<const Subscription> said;
  /// Where it is new: past events from then on come first. Nothing: none. Else it does nothing.
  std::optional<WallTime> from;
  ResourceCondition condition = {};
  std::string by = {};  // Principal::name, for the lanes that it pauses; empty where nobody is asked who they are
};
struct SubscriptionGet {
  std::string name;
};
/// What waits of it is cancelled, with the reason `unsubscribed`, or stays. Answered by Removed; the cancelling goes on after that.
struct SubscriptionDelete {
  std::string name;
  bool cancel_pending = true;
  ResourceCondition condition = {};
  std::vector<std::string> lanes = {};  // prefixes: what waits in others is left alone; empty: it is cancelled wherever it is
};
/// By name. Answered by SubscriptionsListed.
struct SubscriptionList {
  ResourcesQuery query;
};
/// Makes new notifies for it of the events that it matches now and that were published from `from` on and before `to`, in order. Answered by
/// Replayed.
struct SubscriptionReplay {
  std::string name;
  std::optional<WallTime> from, to;  // nothing: as far as there are events
  std::string idempotency_key;       // empty: none
  Fingerprint fields;                // of all the others; set where there is a key
  ResourceCondition condition = {};
};
/// Gives url, headers, retry and timeouts of the subscription as it is now to what waits of it, 10,000 a call at most. Answered by Applied.
struct SubscriptionApply {
  std::string name;
  NotifyId above;  // the cursor: those above it; 0: from the oldest
  ResourceCondition condition = {};
  std::vector<std::string> lanes = {};  // prefixes: what waits in others is left alone; empty: it is changed wherever it is
};

// ---- events

/// One event as it is to be published. Its topic's schema and its subscriptions' filters see `payload` where its kind is kData.
struct EventItem {
  std::string topic;
  std::string key;                       // empty: none
  std::string caller;                    // never empty
  std::shared_ptr<const Labels> labels;  // null: none; sorted
  PayloadKind payload_kind = PayloadKind::kNone;
  std::string payload;
  std::string content_type;  // of a raw body; empty: the default
  When when;                 // of its notifies
  std::string fkey;          // held under it, fanned out once it is triggered; empty: none
  OnHeld on_held = OnHeld::kReject;
  std::string idempotency_key;                 // of its topic; empty: none
  Fingerprint fields;                          // of all the others; set where there is a key, like the next
  Fingerprint fields_1;                        // as print version 1 had it (SubmitItem)
  int64_t idempotency_window_ms = 0;           // as SubmitItem has it
  std::string trace_parent, trace_state, via;  // of the request, as of a notify
  std::string schedule;                        // whose run publishes it; empty: none
  WallTime scheduled_at;                       // what time that is for
  bool for_caller_alone = false;               // as SubmitItem has it
};
/// One event, or several, of which all are taken or none. Failures of several carry "/<index>" before the field. Answered by Published. Errors:
/// kUnacceptable where data is not what the schema says ("/data" and the pointer), where an event matches more than 10,000 notifies, where its topic
/// is not known and `strict` (at "/topic"), or its idempotency key was used with other fields; kTooMany and kDiskFull by quotas, judged once for all
/// that an event makes.
struct Publish {
  std::vector<EventItem> events;
  bool batch = false;   // they were an array
  bool strict = false;  // a topic must have been made by a PUT
};
/// One with its notifies. Answered by EventViewed.
struct EventGet {
  NotifyId id;
  size_t limit = 100;  // of its notifies, 1-1,000
  NotifyId above;      // the cursor: only notifies above this one
};
/// Those of a topic, newest first, without their payloads. Answered by EventsListed.
struct EventList {
  std::string topic;
  size_t limit = 100;  // 1-1,000
  NotifyId below;      // the cursor: only ids below this one; 0: from the newest
};
/// Makes new notifies of it for the subscriptions that match it now. Answered by Replayed.
struct EventReplay {
  NotifyId id;
  std::string idempotency_key;  // empty: none
  Fingerprint fields;
};

struct TopicAsk {
  std::variant<TopicPut, TopicGet, TopicDelete, TopicList, SubscriptionPut, SubscriptionGet, SubscriptionDelete, SubscriptionList, SubscriptionReplay,
               SubscriptionApply, Publish, EventGet, EventList, EventReplay>
      what;
};

// ---- answers

struct TopicView {
  std::string topic;
  TopicRecord said;
  std::string bytes;  // what its ETag is made of
};
struct TopicViewed {
  TopicView topic;
  bool created = false;
};
struct TopicsListed {
  std::vector<TopicView> items;
  std::optional<std::string> next;  // goes into ResourcesQuery::after to go on; nothing: complete
};
struct SubscriptionView {
  std::string name;
  std::shared_ptr<const Subscription> said;
  std::string bytes;  // what its ETag is made of
  WallTime created_at;
  uint64_t pending = 0;      // notifies of it that are not settled
  uint64_t skipped = 0;      // events that were not fanned out to it, since so many were pending
  bool catching_up = false;  // past events are still on their way to it
  bool unreachable = false;  // the broker paused it
};
struct SubscriptionViewed {
  SubscriptionView subscription;
  bool created = false;
};
struct SubscriptionsListed {
  std::vector<SubscriptionView> items;
  std::optional<std::string> next;
};
/// A topic or subscription is gone.
struct Removed {};
struct Published {
  struct Item {
    NotifyId id;
    std::optional<uint64_t> matched;  // notifies; nothing: it is matched later
    bool duplicate = false;           // idempotency key seen before: `id` is the first one
    bool held = false;                // under its fkey
    bool kept = false;                // on_held keep: `id` is what its fkey holds, and nothing was taken
    bool fresh() const { return !duplicate && !kept; }
  };
  std::vector<Item> events;  // as they were asked
  bool batch = false;
};
struct EventView {
  NotifyId id;
  std::shared_ptr<const EventRecord> record;
  std::optional<uint64_t> matched;
  bool held = false;  // under an fkey, as the notify of the same id shows it; or that was cancelled, replaced, or expired
};
struct EventViewed {
  struct Notify {
    NotifyId id;
    std::string subscription;
    State state = State::kReady;
    std::shared_ptr<const Envelope> envelope = nullptr;
  };
  EventView event;
  std::vector<Notify> notifies;                 // by id; those that retention removed are not among them
  NotifyId next;                                // goes into EventGet::above to go on; 0: complete
  std::string fkey = {};                        // under which it is held; empty: it is not
  std::vector<std::string> untransformed = {};  // as EventPlace has it
};
struct EventsListed {
  std::vector<EventView> items;  // their records without payload
  NotifyId next;                 // goes into EventList::below to go on; 0: complete
};
struct Replayed {
  std::optional<uint64_t> accepted;  // notifies; nothing: they are made later
  bool duplicate = false;
};
struct Applied {
  uint64_t count = 0;
  NotifyId next;  // goes into SubscriptionApply::above to go on; 0: complete
};

struct TopicAnswer {
  std::variant<TopicViewed, TopicsListed, SubscriptionViewed, SubscriptionsListed, Removed, Published, EventViewed, EventsListed, Replayed, Applied>
      what;
};

}  // namespace notifyd
