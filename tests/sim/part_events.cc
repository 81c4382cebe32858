// Events beyond those that are published and fanned out at once (contract section 12): held under an fkey, brought once more, and made for a
// subscription that changes while they wait.
#include <map>
#include <set>

#include "broker/flow.h"
#include "broker/payload.h"
#include "broker/topic_events.h"
#include "sim/flow_part.h"

namespace notifyd::sim {
namespace {

Event Topics(RequestId request, TopicAsk ask) {
  TopicRequest topics;
  topics.request = request;
  topics.ask = std::make_shared<const TopicAsk>(std::move(ask));
  return topics;
}

/// What stands of an event on the disk; nothing: it is not there.
std::optional<EventRecord> EventAt(const FakeImage& image, NotifyId id) {
  auto found = image.records.find({RecordKind::kEvent, KeyOfEvent(id)});
  if (found == image.records.end()) return std::nullopt;
  Result<EventRecord> event = DecodeEvent(found->second.value);
  return event.ok() ? std::optional(*std::move(event)) : std::nullopt;
}

/// One that publishes, to a topic and subscriptions of its own.
class EventsPart : public FlowPart {
 public:
  using FlowPart::FlowPart;

 protected:
  std::shared_ptr<Subscription> SubscriptionOf(const std::string& name, const std::string& topic, const std::string& host, Mode mode) {
    auto subscription = std::make_shared<Subscription>();
    subscription->topic = topic;
    subscription->envelope = EnvelopeOf(host, "subscription/" + name, mode, 100);
    subscription->spec = SpecOf("http://" + host + "/" + name);
    return subscription;
  }
  static Make Put(const std::string& name, std::shared_ptr<const Subscription> said, std::optional<WallTime> from = std::nullopt) {
    return [=](RequestId id) { return Topics(id, {SubscriptionPut{name, said, from, {}}}); };
  }
  Take Viewed() {
    return [this](const Reply& reply) { Expect<TopicAnswered>(reply, "a subscription's PUT"); };
  }
  static EventItem ItemOf(const std::string& topic, const std::string& key) {
    EventItem item;
    item.topic = topic;
    item.caller = "c";
    item.payload_kind = PayloadKind::kData;
    item.payload = "{}";
    item.idempotency_key = key;
    item.fields = FingerprintOf(key);
    return item;
  }
  /// What a publish is answered; null: otherwise, which is a violation.
  const Published::Item* PublishedBy(const Reply& reply) {
    const auto* answered = Expect<TopicAnswered>(reply, "a publish");
    const auto* published = answered ? std::get_if<Published>(&answered->answer->what) : nullptr;
    if (!published || published->events.size() != 1) return Violation("a publish has another answer than its id"), nullptr;
    return &published->events[0];
  }
  /// The notifies of each event, by subscription; of all others nothing.
  static std::map<std::string, std::map<NotifyId, size_t>> Counted(const FakeImage& image) {
    std::map<std::string, std::map<NotifyId, size_t>> counts;
    for (const auto& [id, record] : image.notifies)
      if (const FlowFields* flow = record->envelope->flow.get(); flow && flow->event.value != 0) ++counts[flow->subscription][flow->event];
    return counts;
  }
};

// ---- held under an fkey

class HeldPart : public EventsPart {
 public:
  HeldPart(FlowWorld* world, uint64_t seed) : EventsPart(world, seed), forgets_(Random(seed * 159 + 11).Chance(0.5)) {}

  void Begin() override {
    AskFirst(Put("held", SubscriptionOf("held", "hold.#", "held.test:80", random_.Chance(0.5) ? Mode::kFifo : Mode::kConcurrent)), Viewed());
    for (int64_t n = Between(2, 8); n > 0; --n) {
      const std::string fkey = "held" + std::to_string(n);
      Held& held = all_[fkey];
      EventItem item = ItemOf("hold.it", fkey);
      if (random_.Chance(0.3)) {
        held.due = wall().ms + Between(500, world_.busy_ms);
        item.when = {When::Kind::kAt, *held.due};
      }
      held.cancelled = random_.Chance(0.2);
      item.fkey = world_.mutation == Mutation::kUnheldEvent ? "" : fkey;
      AskAt(
          Between(0, world_.busy_ms / 2),
          [item](RequestId id) {
            return Topics(id, {Publish{{item}, false, false}});
          },
          [this, fkey](const Reply& reply) { OnPublished(fkey, reply); });
    }
  }

  void OnStart(const StartAttempt& attempt, AttemptResult*) override {
    const FlowFields* flow = attempt.envelope->flow.get();
    if (!flow || flow->subscription != "held") return;
    for (const auto& [fkey, held] : all_)
      if (held.id == flow->event && !held.let_go && (!held.due || wall().ms < *held.due))
        Violation("event " + fkey + " goes out before it is triggered or due");
    begun_.insert(flow->event);
  }

  void Spoil(WriteBatch* batch) override {
    if (world_.mutation != Mutation::kForgottenTrigger) return;
    std::erase_if(batch->ops, [](const WriteOp& op) {
      const auto* put = std::get_if<PutRecord>(&op);
      if (!put || put->key.kind != RecordKind::kEvent) return false;
      Result<EventRecord> event = DecodeEvent(put->record->value);
      return event.ok() && event->topic == "hold.it" && event->payload != "{}";
    });
  }

  void Check(const FakeImage& image) override {
    std::map<NotifyId, size_t> made = Counted(image)["held"];
    for (const auto& [fkey, held] : all_) {
      if (!EventAt(image, held.id)) return Violation("event " + fkey + " was acknowledged, and is not there");
      const size_t want = held.taken_back ? 0 : 1;
      if (made[held.id] != want)
        Violation("event " + fkey + ", which was " + (want ? "let go" : "taken back") + ", has " + std::to_string(made[held.id]) + " notifies");
      made.erase(held.id);
      ++world_.tally->held;
      // What is due by itself may go before anybody triggers it.
      if (forgets_ && want == 1 && !held.due) CheckData(image, fkey, held.id);
    }
    if (!made.empty()) Violation("event " + made.begin()->first.ToString() + " was held, and is nobody's, or a second time");
  }

 private:
  struct Held {
    NotifyId id;
    std::optional<int64_t> due;
    bool cancelled = false;   // somebody takes it back, and nobody triggers it
    bool let_go = false;      // somebody has asked for that
    bool taken_back = false;  // that was acknowledged
  };

  void OnPublished(const std::string& fkey, const Reply& reply) {
    const Published::Item* item = PublishedBy(reply);
    if (!item) return;
    Held& held = all_[fkey];
    held.id = item->id;
    if (begun_.contains(item->id) && (!held.due || wall().ms < *held.due)) Violation("event " + fkey + " goes out before it is triggered or due");
    const int64_t at = t() + Between(0, world_.busy_ms / 2);
    if (held.cancelled) {
      AskAt(
          at,
          [fkey](RequestId id) {
            return Event(FkeyCancelRequest{id, fkey});
          },
          [this, fkey](const Reply& answer) {
            const auto* refused = std::get_if<Refused>(&answer.body);
            Held& held = all_[fkey];
            // It was due, and went, before; or the answer to the one before this, which took it back, was lost.
            if (refused && held.due && refused->status.code() == Code::kConflict) return;
            held.taken_back = true;
            if (refused && refused->status.code() != Code::kNotFound) Violation("event " + fkey + " is not taken back: " + refused->status.detail());
          });
      return;
    }
    Trigger(fkey, at, {});
  }
  static std::string DataOf(const std::string& fkey) { return "{\"t\":\"" + fkey + "\"}"; }
  void Trigger(const std::string& fkey, int64_t at, std::optional<TriggerRequest::Merge> merge) {
    AskAt(
        at,
        [this, fkey, merge](RequestId id) {
          all_[fkey].let_go = true;
          TriggerRequest trigger;
          trigger.request = id;
          trigger.fkey = fkey;
          if (forgets_) trigger.data = DataOf(fkey);
          trigger.merge = merge;
          return Event(std::move(trigger));
        },
        [this, fkey](const Reply& answer) {
          if (const auto* unmerged = std::get_if<Unmerged>(&answer.body)) {
            NotifySpec merged = *MergeTriggerData(*DecodeSpec(*unmerged->spec), DataOf(fkey), 1 << 20);
            return Trigger(fkey, t(), TriggerRequest::Merge{unmerged->spec, std::make_shared<const std::string>(EncodeSpec(merged))});
          }
          const auto* triggered = Expect<Triggered>(answer, "a trigger of an event");
          if (triggered && triggered->id != all_[fkey].id) Violation("the trigger of event " + fkey + " lets another go");
          for (int n = 0; forgets_ && n < 4; ++n) Purge(fkey, t() + n * Between(0, 10));
        });
  }
  /// What held the event goes, as soon as it may.
  void Purge(const std::string& fkey, int64_t at) {
    AskAt(
        at,
        [fkey](RequestId id) {
          BulkRequest purge;
          purge.request = id;
          purge.kind = BulkKind::kPurge;
          purge.query.states = {State::kSucceeded};
          purge.query.fkey = fkey;
          return Event(std::move(purge));
        },
        [this](const Reply& answer) {
          if (const auto* purged = Expect<BulkDone>(answer, "a purge")) world_.tally->purged += purged->count;
        });
  }
  void CheckData(const FakeImage& image, const std::string& fkey, NotifyId event) {
    const std::string want = DataOf(fkey);
    if (EventAt(image, event)->payload != want) Violation("event " + fkey + " has not what its trigger said");
    for (const auto& [id, record] : image.notifies)
      if (const FlowFields* flow = record->envelope->flow.get(); flow && flow->event == event && flow->subscription == "held")
        if (DecodeSpec(*record->spec)->payload != want) Violation("the notify of event " + fkey + " has not what its trigger said");
  }

  const bool forgets_;  // triggers bring data, and what held the events is purged
  std::map<std::string, Held> all_;
  std::set<NotifyId> begun_;
};

// ---- brought once more

class ReplayPart : public EventsPart {
 public:
  using EventsPart::EventsPart;

  void Begin() override {
    AskFirst(Put("past", SubscriptionOf("past", "past.#", "past.test:80", random_.Chance(0.5) ? Mode::kFifo : Mode::kConcurrent)), Viewed());
    for (int64_t n = Between(3, 20); n > 0; --n) {
      const EventItem item = ItemOf(random_.Chance(0.5) ? "past.a" : "past.x", "past" + std::to_string(n));
      AskAt(
          Between(0, world_.busy_ms),
          [item](RequestId id) {
            return Topics(id, {Publish{{item}, false, false}});
          },
          [this](const Reply& reply) {
            if (const Published::Item* published = PublishedBy(reply)) OnPublished(published->id);
          });
    }
    for (int64_t n = Between(0, 3); n > 0; --n) DrawRange("range" + std::to_string(n), Between(0, world_.busy_ms));
    // One event's replays would reach it, too.
    begins_late_ = random_.Chance(0.5);
    if (begins_late_) DrawLate(Between(0, world_.busy_ms));
  }

  void Spoil(WriteBatch* batch) override {
    if (world_.mutation == Mutation::kSkippedReplay) {
      std::erase_if(batch->ops, [this](const WriteOp& op) {
        const auto* put = std::get_if<PutNotify>(&op);
        const FlowFields* flow = put ? put->record->envelope->flow.get() : nullptr;
        // The first of an event is no replay.
        return flow && flow->subscription == "past" && !first_of_.emplace(flow->event, put->record->id).second &&
               first_of_.at(flow->event) != put->record->id && random_.Chance(0.5);
      });
    }
  }

  void Check(const FakeImage& image) override {
    auto counts = Counted(image);
    for (const NotifyId id : published_) {
      const std::optional<EventRecord> event = EventAt(image, id);
      if (!event) return Violation("event " + id.ToString() + " was acknowledged, and is not there");
      size_t want = 1 + replays_[id];
      for (const auto& [from, to] : ranges_) want += event->published_at.ms >= from && event->published_at.ms < to;
      if (counts["past"][id] != want)
        Violation("event " + id.ToString() + " has " + std::to_string(counts["past"][id]) + " notifies with its replays, in place of " +
                  std::to_string(want));
      world_.tally->replayed += want - 1;
      const size_t late = late_from_ && event->published_at.ms >= *late_from_;
      if (late_from_ && counts["late"][id] != late)
        Violation("event " + id.ToString() + " has " + std::to_string(counts["late"][id]) +
                  " notifies of a subscription that begins in the past, in place of " + std::to_string(late));
    }
    NotifyId last;
    for (const auto& [id, record] : image.notifies) {
      const FlowFields* flow = record->envelope->flow.get();
      if (!flow || flow->subscription != "late") continue;
      if (flow->event < last) Violation(id.ToString() + " of a subscription that begins in the past is not in the order of the events");
      last = flow->event;
    }
  }

 private:
  void OnPublished(NotifyId id) {
    published_.insert(id);
    for (int n = 0; !begins_late_ && random_.Chance(0.3) && n < 3; ++n) {
      const std::string key = "again" + id.ToString() + "/" + std::to_string(n);
      AskAt(
          t() + Between(0, 3'000),
          [this, id, key](RequestId request) {
            // Asked again, it would be known by its key.
            if (world_.mutation == Mutation::kReplayTwice)
              world_.inbox->push_back(Topics({0, (*world_.next_request)++}, {EventReplay{id, key + "again", FingerprintOf(key)}}));
            return Topics(request, {EventReplay{id, key, FingerprintOf(key)}});
          },
          [this, id](const Reply& reply) {
            if (IsReplayed(reply)) ++replays_[id];
          });
    }
  }
  bool IsReplayed(const Reply& reply) {
    const auto* answered = Expect<TopicAnswered>(reply, "a replay");
    const bool replayed = answered && std::holds_alternative<Replayed>(answered->answer->what);
    if (answered && !replayed) Violation("a replay has another answer than how many it made");
    return replayed;
  }
  /// A time that lies behind when it is asked for.
  void DrawRange(const std::string& key, int64_t at) {
    const int64_t begin = wall().ms, from = begin + Between(-500, at), to = begin + Between(0, at);
    AskAt(
        at + 1,
        [key, from, to](RequestId request) {
          return Topics(request, {SubscriptionReplay{"past", WallTime{from}, WallTime{to}, key, FingerprintOf(key), {}}});
        },
        [this, from, to](const Reply& reply) {
          if (IsReplayed(reply)) ranges_.emplace_back(from, to);
        });
  }
  void DrawLate(int64_t at) {
    const int64_t from = wall().ms + Between(-500, at);
    AskAt(at, Put("late", SubscriptionOf("late", "past.#", "late.test:80", Mode::kFifo), WallTime{from}), [this, from](const Reply& reply) {
      if (Expect<TopicAnswered>(reply, "a subscription's PUT")) late_from_ = from;
    });
  }

  std::set<NotifyId> published_;
  std::map<NotifyId, size_t> replays_;
  std::vector<std::pair<int64_t, int64_t>> ranges_;
  bool begins_late_ = false;
  std::optional<int64_t> late_from_;
  std::map<NotifyId, NotifyId> first_of_;
};

// ---- what waits gets the subscription's new address

class ApplyPart : public EventsPart {
 public:
  using EventsPart::EventsPart;

  void Begin() override {
    before_ = SubscriptionOf("moves", "move.#", "before.test:80", random_.Chance(0.5) ? Mode::kFifo : Mode::kConcurrent);
    before_->paused = true;
    AskFirst(Put("moves", before_), Viewed());
    count_ = static_cast<size_t>(Between(2, 15));
    for (size_t n = 0; n < count_; ++n) {
      const EventItem item = ItemOf("move.it", "move" + std::to_string(n));
      AskAt(
          Between(0, world_.busy_ms / 2),
          [item](RequestId id) {
            return Topics(id, {Publish{{item}, false, false}});
          },
          [this](const Reply& reply) {
            if (PublishedBy(reply) && ++published_ == count_) Move();
          });
    }
  }

  void OnStart(const StartAttempt& attempt, AttemptResult*) override {
    const FlowFields* flow = attempt.envelope->flow.get();
    if (!flow || flow->subscription != "moves") return;
    if (!resumed_) Violation("what is of a paused subscription goes out");
    const std::string_view url = PeekUrl(*attempt.spec);
    if (attempt.envelope->host != "after.test:80" || url != "http://after.test:80/moves")
      Violation(attempt.id.ToString() + " goes to " + std::string(url) + ", where its subscription was before that was applied");
  }

  void Check(const FakeImage& image) override {
    size_t made = 0;
    auto counted = Counted(image);
    for (const auto& [id, count] : counted["moves"]) made += count;
    if (made != count_)
      Violation("of " + std::to_string(count_) + " events " + std::to_string(made) + " notifies wait for a subscription that moves");
    world_.tally->applied += made;
  }

 private:
  std::shared_ptr<Subscription> After(bool paused) const {
    auto after = std::make_shared<Subscription>(*before_);
    auto envelope = std::make_shared<Envelope>(*before_->envelope);
    envelope->host = "after.test:80";
    after->envelope = std::move(envelope);
    after->spec = SpecOf("http://after.test:80/moves");
    after->paused = paused;
    return after;
  }
  void Move() {
    AskAt(t(), Put("moves", After(true)), [this](const Reply& reply) {
      if (Expect<TopicAnswered>(reply, "a subscription's PUT")) Apply({});
    });
  }
  void Apply(NotifyId above) {
    AskAt(
        t(),
        [above](RequestId id) {
          return Topics(id, {SubscriptionApply{"moves", above, {}, {}}});
        },
        [this](const Reply& reply) {
          const auto* answered = Expect<TopicAnswered>(reply, "an apply");
          const auto* applied = answered ? std::get_if<Applied>(&answered->answer->what) : nullptr;
          if (!applied) return Violation("an apply has another answer than how many it changed");
          if (applied->next.value != 0) return Apply(applied->next);
          AskAt(
              t(),
              [this](RequestId id) {
                resumed_ = true;
                return Put("moves", After(false))(id);
              },
              Viewed());
        });
  }

  std::shared_ptr<Subscription> before_;
  size_t count_ = 0, published_ = 0;
  bool resumed_ = false;
};

}  // namespace

std::unique_ptr<FlowPart> MakeHeldPart(FlowWorld* world, uint64_t seed) {
  return std::make_unique<HeldPart>(world, seed);
}
std::unique_ptr<FlowPart> MakeReplayPart(FlowWorld* world, uint64_t seed) {
  return std::make_unique<ReplayPart>(world, seed);
}
std::unique_ptr<FlowPart> MakeApplyPart(FlowWorld* world, uint64_t seed) {
  return std::make_unique<ApplyPart>(world, seed);
}

}  // namespace notifyd::sim
