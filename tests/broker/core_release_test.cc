// Events that were held under an fkey are let go: what was acknowledged of them stays, whatever becomes of the notify that held them. Contract
// section 12.
#include "broker/topics_fixture.h"

namespace notifyd {
namespace {

constexpr int64_t kStoredTooMuch = 5'000'000;

CoreLimits ReleaseLimits(int64_t retention_ms = 24 * 3600 * 1000) {
  CoreLimits limits;
  limits.max_stored_bytes = 3'000'000;
  limits.retention_succeeded_ms = limits.retention_settled_ms = retention_ms;
  return limits;
}

/// Fan-outs wait behind one whose notify has no room below max_stored_bytes.
class HeldEvents : public Topics {
 public:
  explicit HeldEvents(CoreLimits limits = ReleaseLimits(), FakeImage image = {}) : Topics(limits, std::move(image)) {}

  NotifyId Hold(const std::string& fkey, const std::string& data = R"({"a":1,"b":"as it was published"})") {
    EventItem item = Item("a.b", data);
    item.fkey = fkey;
    return Emit(item).id;
  }
  /// Topics of these events keep them for a second.
  void KeepBriefly() {
    TopicRecord brief;
    brief.retention_ms = 1000;
    Tell({TopicPut{"a.b", brief, {}}});
  }
  /// Lets an event go that waits behind another.
  NotifyId LetGoBehind() {
    Subscribe("picks", {.transform = R"({"a":"/a","b":"/b"})"});
    Hold("first");
    const NotifyId id = Hold("k");
    Post(StoredBytes{kStoredTooMuch});
    Trigger("first");
    CHECK(std::get<Triggered>(Trigger("k", R"({"b":2})").body).id == id);
    CHECK(Made()["picks"].empty());
    return id;
  }
  /// Restarts, and is told that it stores too much before it goes on with anything.
  void RestartFull() {
    Restart(CrashKind::kKill, /*pages=*/false);
    Post(StoredBytes{kStoredTooMuch});
    Run();
    reads().OpenPages();
    Run();
  }
  void MakeRoom() {
    Post(StoredBytes{0});
    Run();
    Pass(10);
  }
  bool IsThere(NotifyId event) { return !std::holds_alternative<Refused>(Try({EventGet{event, 100, {}}}).body); }
  size_t Listed() { return std::get<EventsListed>(Tell({EventList{"a.b", 100, {}}}).what).items.size(); }
  /// What the notifies of the event had for their receivers, so far.
  std::vector<std::string> SentOf(NotifyId event) const {
    std::vector<std::string> payloads;
    for (const StartAttempt& start : sent)
      if (start.envelope->flow && start.envelope->flow->event == event) payloads.push_back(DecodeSpec(*start.spec)->payload);
    return payloads;
  }
  std::ptrdiff_t Lost() const {
    return std::count_if(flow_logs.begin(), flow_logs.end(), [](const FlowLog& log) { return log.event == "event lost"; });
  }
};

using Sent = std::vector<std::string>;
const Sent kAsTriggered = {R"({"a":1,"b":2})"};

/// The store as a notifyd left it that had the trigger's data with the notify alone.
FakeImage AsOfBefore(FakeImage image, NotifyId id) {
  const StoredRecord& place = image.records.at({RecordKind::kTopicEvent, KeyOfTopicEvent("a.b", id)});
  REQUIRE(DecodeEventPlace(place.value)->held);
  StoredRecord& record = image.records.at({RecordKind::kEvent, KeyOfEvent(id)});
  EventRecord event = *DecodeEvent(record.value);
  event.payload = R"({"a":1,"b":"as it was published"})";
  record.value = EncodeEvent(event);
  return image;
}

}  // namespace

TEST_CASE("release: an event that waits for its turn goes out as it was triggered, whatever becomes of the notify that held it") {
  const bool retention = GENERATE(false, true), crash = GENERATE(false, true), brief = GENERATE(false, true);
  HeldEvents f(ReleaseLimits(retention ? 0 : 24 * 3600 * 1000));
  if (brief) f.KeepBriefly();
  const NotifyId id = f.LetGoBehind();
  if (!retention) CHECK(f.Bulk(BulkKind::kPurge, {State::kSucceeded}).count == 2);
  CHECK(f.Event(id).event.record->payload == kAsTriggered[0]);
  CHECK_FALSE(f.Event(id).event.matched);
  for (int i = 0; i < 2; ++i) {
    if (crash) f.RestartFull();
    f.Pass(3'700'000);  // events whose time is over are looked for
    CHECK(f.Listed() == 2);
  }
  f.MakeRoom();
  CHECK(f.SentOf(id) == kAsTriggered);
  CHECK(f.Event(id).event.matched == 1);
  CHECK(f.Lost() == 0);
  f.ServeAll();
  CHECK(f.Balances());
  CHECK(std::get<Replayed>(f.Tell({EventReplay{id, "", {}}}).what).accepted == 1);
  f.Pass(10);
  CHECK(f.SentOf(id).size() == 2);
  CHECK(f.SentOf(id)[1] == kAsTriggered[0]);
}

TEST_CASE("release: an event whose trigger said nothing, or whose body it became, is let go likewise") {
  HeldEvents f(ReleaseLimits(0));
  f.Subscribe("all");
  const NotifyId as_it_was = f.Hold("k", R"({"a":1})");
  f.Trigger("k");
  EventItem bare = Topics::Item("a.b", "");
  bare.payload_kind = PayloadKind::kNone;
  bare.fkey = "bare";
  const NotifyId filled = f.Emit(bare).id;
  f.Trigger("bare", R"({"b":2})");
  f.Pass(10);
  CHECK(f.SentOf(as_it_was) == Sent{R"({"a":1})"});
  CHECK(f.SentOf(filled) == Sent{R"({"b":2})"});
  CHECK(f.Event(filled).event.record->payload_kind == PayloadKind::kData);
}

TEST_CASE("release: many large events that are triggered at once are written bit by bit") {
  CoreLimits limits = ReleaseLimits(0);
  limits.max_stored_bytes.reset();
  HeldEvents f(limits);
  f.Subscribe("all");
  const std::string large = R"({"x":")" + std::string(900'000, 'x') + R"("})";
  std::vector<NotifyId> ids;
  for (int i = 0; i < 30; ++i) ids.push_back(f.Hold("k" + std::to_string(i), large));
  f.Pause({Mode::kConcurrent, "topic/a.b"});
  for (int i = 0; i < 30; ++i) f.Trigger("k" + std::to_string(i), R"({"n":)" + std::to_string(i) + "}");
  f.Restart();
  f.Resume({Mode::kConcurrent, "topic/a.b"});
  f.Pass(100);
  f.ServeAll();
  for (size_t i = 0; i < ids.size(); ++i) {
    REQUIRE(f.SentOf(ids[i]).size() == 1);
    CHECK(f.SentOf(ids[i])[0].ends_with(R"(,"n":)" + std::to_string(i) + "}"));
  }
}

TEST_CASE("release: a stop or a hold while the event is read leaves it held, and it is let go afterwards") {
  const bool stop = GENERATE(false, true);
  const int turns = GENERATE(1, 2, 3, 4);
  HeldEvents f;
  f.Subscribe("all");
  const NotifyId id = f.Hold("k");
  f.Restart();
  TriggerRequest trigger;
  trigger.fkey = "k";
  f.Ask(trigger);
  for (int i = 0; i < turns; ++i) f.Turn();
  if (stop) f.Post(StopRequested{});
  else f.Post(HoldAttempts{});
  f.Run();
  if (stop) CHECK(f.drained);
  else CHECK(f.quiet);
  f.Restart();
  f.Trigger("k");
  f.Pass(10);
  CHECK(f.SentOf(id).size() == 1);
}

TEST_CASE("release: an event that an earlier notifyd let go still gets what its trigger made of it") {
  HeldEvents f;
  const NotifyId id = f.LetGoBehind();
  FakeImage image = AsOfBefore(f.image(), id);
  const bool gone = GENERATE(false, true);
  if (gone) image.notifies.erase(id);
  HeldEvents g(ReleaseLimits(), std::move(image));
  g.Post(StoredBytes{kStoredTooMuch});
  g.Run();
  if (!gone) CHECK(g.Bulk(BulkKind::kPurge, {State::kSucceeded}).count == 2);
  g.MakeRoom();
  CHECK(g.SentOf(id) == (gone ? Sent{R"({"a":1,"b":"as it was published"})"} : kAsTriggered));
}

TEST_CASE("release: an event that is not there is told of, and what held it fails") {
  HeldEvents f;
  f.Subscribe("all");
  const NotifyId id = f.Hold("k");
  FakeImage image = f.image();
  image.records.erase({RecordKind::kEvent, KeyOfEvent(id)});
  image.records.erase({RecordKind::kTopicEvent, KeyOfTopicEvent("a.b", id)});
  --image.totals.records[RecordKind::kEvent];
  --image.totals.records[RecordKind::kTopicEvent];
  HeldEvents g(ReleaseLimits(), std::move(image));
  g.Trigger("k");
  CHECK(g.StateOf(id) == State::kFailed);
  CHECK(g.Get(id).record->state.reason == "event_gone");
  CHECK(g.Lost() == 1);
  CHECK(g.Balances());
}

TEST_CASE("release: a replay that waits for its turn keeps its event, though none of its notifies is left") {
  const bool crash = GENERATE(false, true);
  CoreLimits limits = ReleaseLimits(0);
  limits.max_stored_bytes.reset();
  HeldEvents f(limits);
  f.check_every = 1'000'000;
  f.KeepBriefly();
  f.Subscribe("one");
  for (int i = 0; i < 9000; ++i) f.Subscribe("s" + std::to_string(i), {.topic = "many", .paused = true});
  const NotifyId id = f.Emit(Topics::Item("a.b", "{}")).id;
  f.ServeAll();
  // Hours go by while one is fanned out, a part a turn.
  Publish publish;
  publish.events.push_back(Topics::Item("many", "{}"));
  f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{std::move(publish)})});
  f.Turn();
  const uint64_t asked = f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{EventReplay{id, "", {}}})});
  for (int i = 0; i < 8 && !f.replies.contains(asked); ++i) f.Turn();
  const auto* answered = f.replies.contains(asked) ? std::get_if<TopicAnswered>(&f.replies.at(asked).body) : nullptr;
  REQUIRE(answered);
  CHECK(std::holds_alternative<Replayed>(answered->answer->what));
  CHECK(f.Made().size() < 9000);
  f.now.wall.ms += 7'300'000;
  f.now.mono.ms += 7'300'000;
  if (crash) f.Restart();
  f.Run();
  f.Pass(10);
  CHECK(f.SentOf(id).size() == 2);
}

TEST_CASE("release: what a catch-up has read of an event that was held is not what it makes of it once that is let go") {
  CoreLimits limits = ReleaseLimits();
  limits.max_pending = 4;
  HeldEvents f(limits);
  const NotifyId id = f.Hold("k");
  for (int i = 0; i < 3; ++i) f.Submit({.when = Delay(3'600'000)});
  f.Subscribe("late", {.filter = GENERATE(R"({"data":{"a":1}})", R"({"data":{"b":2}})"), .from = WallTime{0}});
  f.Pass(100);
  f.Trigger("k", R"({"b":2})");
  f.Pass(100);
  CHECK(f.SentOf(id) == kAsTriggered);
}

TEST_CASE("release: retention counts from when an event is let go, or is due, and hides none that is held") {
  HeldEvents f(ReleaseLimits(0));
  f.KeepBriefly();
  f.Subscribe("all");
  const NotifyId id = f.Hold("k");
  const NotifyId plain = f.Emit(Topics::Item("a.b", "{}")).id;
  f.ServeAll();
  f.Pass(2000);
  CHECK(f.IsThere(id));
  CHECK_FALSE(f.IsThere(plain));
  CHECK(f.Listed() == 1);
  if (GENERATE(false, true)) f.Restart();
  f.Pass(7'300'000);
  CHECK(f.Listed() == 1);
  CHECK(f.CountOf(RecordKind::kEvent) == 1);
  f.Trigger("k", R"({"b":2})");
  f.ServeAll();
  CHECK(f.Event(id).event.matched == 1);
  CHECK(std::get<Replayed>(f.Tell({EventReplay{id, "", {}}}).what).accepted == 1);
  CHECK(std::get<Replayed>(f.Tell({SubscriptionReplay{"all", {}, {}, "", {}, {}}}).what).accepted == 1);
  f.ServeAll();
  f.Pass(2000);
  CHECK_FALSE(f.IsThere(id));
  CHECK(std::get<Replayed>(f.Tell({SubscriptionReplay{"all", {}, {}, "", {}, {}}}).what).accepted == 0);
  f.Pass(3'700'000);
  CHECK(f.CountOf(RecordKind::kEvent) == 0);
  EventItem later = Topics::Item("a.b", "{}");
  later.when = Delay(5000);
  const NotifyId due = f.Emit(later).id;
  f.Pass(5500);
  f.ServeAll();
  CHECK(f.IsThere(due));
  f.Pass(1000);
  CHECK_FALSE(f.IsThere(due));
}

TEST_CASE("release: an event that was taken back stays as long as what held it, which a retry lets go after all") {
  HeldEvents f;
  f.KeepBriefly();
  f.Subscribe("all");
  const NotifyId id = f.Hold("k");
  FkeyCancelRequest cancel;
  cancel.fkey = "k";
  f.Do(cancel);
  f.Pass(7'300'000);
  CHECK(f.IsThere(id));
  f.ById<RetryRequest>(id);
  f.Pass(10);
  CHECK(f.SentOf(id).size() == 1);
  const NotifyId never = f.Hold("k");
  f.Do(cancel);
  f.ServeAll();
  f.Pass(26LL * 3600 * 1000);
  CHECK_FALSE(f.IsThere(never));
  CHECK(f.CountOf(RecordKind::kTopicEvent) == 0);
}

TEST_CASE("release: events that stay for their age do not keep those behind them") {
  HeldEvents f(ReleaseLimits(0));
  f.KeepBriefly();
  for (int i = 0; i < 10; ++i) f.Hold("k" + std::to_string(i));
  f.Emit(Topics::Item("a.b", "{}"));
  f.Pass(3'599'900);
  for (int i = 0; i < 10; ++i) f.Trigger("k" + std::to_string(i));
  f.Pass(500);
  CHECK(f.CountOf(RecordKind::kEvent) == 10);
}

TEST_CASE("release: events are let go where no body is kept in memory, and where one is read late") {
  CoreLimits limits = ReleaseLimits();
  limits.max_spec_bytes = 0;
  HeldEvents f(limits);
  f.Subscribe("all");
  std::vector<NotifyId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(f.Hold("k" + std::to_string(i)));
  if (GENERATE(false, true)) f.Restart();
  for (int i = 0; i < 5; ++i) f.Trigger("k" + std::to_string(i), R"({"b":2})");
  f.Pass(100);
  for (NotifyId id : ids) CHECK(f.SentOf(id) == kAsTriggered);
  CHECK(f.Lost() == 0);
}

TEST_CASE("release: events that are due far ahead do not keep those behind them") {
  HeldEvents f(ReleaseLimits(0));
  f.KeepBriefly();
  for (int i = 0; i < 70; ++i) {
    EventItem later = Topics::Item("a.b", "{}");
    later.when = Delay(30LL * 24 * 3600 * 1000);
    f.Emit(later);
  }
  f.Emit(Topics::Item("a.b", "{}"));
  f.Pass(7'300'000);
  CHECK(f.CountOf(RecordKind::kEvent) == 70);
}

TEST_CASE("release: what held an event that is let go is not sent again, by hand or in bulk") {
  HeldEvents f;
  f.Subscribe("all");
  const NotifyId id = f.Hold("k");
  f.Trigger("k");
  f.Pass(10);
  f.ServeAll();
  CHECK(Topics::CodeOf(f.ById<RetryRequest>(id)) == Code::kConflict);
  CHECK(f.Bulk(BulkKind::kRetry, {State::kSucceeded}, 100, {}, /*dry_run=*/true).count == 1);
  CHECK(f.Bulk(BulkKind::kRetry, {State::kSucceeded}).count == 1);  // its notify is
  f.Pass(10);
  CHECK(f.SentOf(id).size() == 2);
  CHECK(f.Event(id).event.matched == 1);
  CHECK(f.Event(id).notifies.size() == 1);
  CHECK(f.StateOf(id) == State::kSucceeded);
}

TEST_CASE("release: events that wait for room keep no notify from its end, however few are read from the store at once") {
  CoreLimits limits = ReleaseLimits();
  limits.page_items = 2;
  HeldEvents f(limits);
  CoreFixture::Fields fields;
  fields.fkey = "never";
  fields.ttl = Delay(60'000);
  f.Submit(fields);
  f.Subscribe("picks", {.transform = R"({"a":"/a"})"});
  const std::vector<std::string> keys = {"first", "a", "b", "c", "d", "e", "f"};
  for (const std::string& key : keys) f.Hold(key);
  f.Post(StoredBytes{kStoredTooMuch});
  for (const std::string& key : keys) f.Trigger(key);
  REQUIRE(f.Made()["picks"].empty());
  f.Pass(60'001);
  CHECK(f.Stats().totals.expired == 1);
}

}  // namespace notifyd
