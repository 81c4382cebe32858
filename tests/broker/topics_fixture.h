// Topics over the core: subscriptions are put, events published, and what came of them is seen.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "broker/core_fixture.h"
#include "broker/flow.h"
#include "broker/topic_events.h"

namespace notifyd {

struct Sub {
  std::string topic = "a.*", filter = {}, transform = {}, order_by = {}, lane = {};
  bool paused = false, enabled = true;
  uint64_t max_pending = kDefaultMaxPending;
  std::optional<WallTime> from = {};
  int64_t delay_ms = 0;
};

class Topics : public CoreFixture {
 public:
  using CoreFixture::CoreFixture;

  const TopicAnswer& Tell(TopicAsk ask) {
    const Reply& reply = Try(std::move(ask));
    const auto* answered = std::get_if<TopicAnswered>(&reply.body);
    if (!answered) {
      if (const auto* refused = std::get_if<Refused>(&reply.body)) FAIL(refused->status.detail());
      FAIL("no answer");
    }
    return *answered->answer;
  }
  const Reply& Try(TopicAsk ask) { return Do(TopicRequest{{}, std::make_shared<const TopicAsk>(std::move(ask))}); }

  static SubscriptionPut PutOf(const std::string& name, const Sub& sub) {
    auto said = std::make_shared<Subscription>();
    said->topic = sub.topic;
    said->filter = sub.filter;
    said->transform = sub.transform;
    said->paused = sub.paused;
    said->enabled = sub.enabled;
    said->max_pending = sub.max_pending;
    auto envelope = std::make_shared<Envelope>();
    envelope->lane = {sub.order_by.empty() ? Mode::kConcurrent : Mode::kFifo, sub.lane.empty() ? "subscription/" + name : sub.lane};
    envelope->host = name + ":80";
    envelope->caller = "owner";
    said->envelope = envelope;
    NotifySpec spec;
    spec.url = "http://" + name + "/";
    if (!sub.order_by.empty()) spec.order_by = sub.order_by;
    spec.partitions = 4;
    said->spec = std::make_shared<const std::string>(EncodeSpec(spec));
    if (sub.delay_ms) said->when = Delay(sub.delay_ms);
    said->document = "{}";
    return {name, said, sub.from, {}};
  }
  SubscriptionViewed Subscribe(const std::string& name, const Sub& sub = {}) { return std::get<SubscriptionViewed>(Tell({PutOf(name, sub)}).what); }
  SubscriptionView See(const std::string& name) { return std::get<SubscriptionViewed>(Tell({SubscriptionGet{name}}).what).subscription; }

  static EventItem Item(std::string topic, std::string data, std::string key = "") {
    EventItem item;
    item.topic = std::move(topic);
    item.caller = "publisher";
    item.key = std::move(key);
    item.payload_kind = PayloadKind::kData;
    item.payload = std::move(data);
    return item;
  }
  Published::Item Emit(EventItem item) {
    Publish publish;
    publish.events.push_back(std::move(item));
    return std::get<Published>(Tell({std::move(publish)}).what).events.at(0);
  }
  EventViewed Event(NotifyId id) { return std::get<EventViewed>(Tell({EventGet{id, 1000, {}}}).what); }

  /// All attempts end well, whatever follows from them.
  void ServeAll() {
    for (int i = 0; i < 10'000 && (!starts.empty() || i < 3); ++i) {
      while (!starts.empty()) {
        StartAttempt start = starts.front();
        End(start, Verdict::kSuccess);
      }
      Pass(1);
    }
  }
  /// What was made, by subscription: the ids of their events, in the order of their own ids. Of the store.
  std::map<std::string, std::vector<NotifyId>> Made() const {
    std::map<std::string, std::vector<NotifyId>> made;
    for (const auto& [id, record] : image().notifies)
      if (record->envelope->flow) made[record->envelope->flow->subscription].push_back(record->envelope->flow->event);
    return made;
  }
  uint64_t CountOf(RecordKind kind) const {
    uint64_t count = 0;
    for (const auto& [key, record] : image().records) count += key.kind == kind;
    return count;
  }
};

/// Data of some size.
inline std::string Long(char c) {
  return "{\"x\":\"" + std::string(5'000, c) + "\"}";
}

}  // namespace notifyd
