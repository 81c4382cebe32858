// Topics over the core: what is said of topics and subscriptions, and what events become by it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "broker/alert_meter.h"
#include "broker/topics_fixture.h"

namespace notifyd {

TEST_CASE("topics: an event makes a notify for each subscription that wants it, and is kept where nobody does") {
  Topics f;
  CHECK(f.Subscribe("one").created);
  f.Subscribe("two", {.topic = "#"});
  f.Subscribe("off", {.enabled = false});
  f.Subscribe("other", {.topic = "b"});
  f.Subscribe("paid", {.filter = R"({"data":{"paid":true}})", .transform = R"({"id":"/order/id"})"});
  const Published::Item event = f.Emit(Topics::Item("a.b", R"({"order":{"id":1.50},"paid":true})"));
  CHECK(event.matched == 3);
  REQUIRE(f.starts.size() == 3);
  std::map<std::string, std::string> sent;
  for (const StartAttempt& start : f.starts) {
    CHECK(start.envelope->flow->event == event.id);
    CHECK(start.envelope->flow->topic == "a.b");
    CHECK(start.envelope->caller == "owner");
    sent[start.envelope->flow->subscription] = DecodeSpec(*start.spec)->payload;
  }
  CHECK(sent == std::map<std::string, std::string>{
                    {"one", R"({"order":{"id":1.50},"paid":true})"}, {"two", R"({"order":{"id":1.50},"paid":true})"}, {"paid", R"({"id":1.50})"}});
  const EventViewed seen = f.Event(event.id);
  CHECK(seen.event.matched == 3);
  CHECK(seen.notifies.size() == 3);
  CHECK(seen.notifies.at(0).state == State::kSending);
  CHECK(f.Emit(Topics::Item("c", "{}")).matched == 1);
  CHECK(f.Emit(Topics::Item("a.b", R"({"paid":false})")).matched == 2);
  f.Subscribe("two", {.topic = "z"});
  const Published::Item nobody = f.Emit(Topics::Item("c", "{}"));
  CHECK(nobody.matched == 0);
  CHECK(f.Event(nobody.id).event.record->topic == "c");
  CHECK(f.Balances());
  f.ServeAll();
  CHECK(f.See("one").pending == 0);
}

TEST_CASE("topics: what stands in the catalog is put, changed, listed and removed, and outlives the core") {
  Topics f;
  TopicRecord said;
  said.description = "d";
  CHECK(std::get<TopicViewed>(f.Tell({TopicPut{"a.b", said, {}}}).what).created);
  CHECK_FALSE(std::get<TopicViewed>(f.Tell({TopicPut{"a.b", said, {}}}).what).created);
  ResourceCondition absent;
  absent.absent = true;
  CHECK(std::holds_alternative<Stale>(f.Try({TopicPut{"a.b", said, absent}}).body));
  f.Subscribe("s1");
  f.Subscribe("s2");
  const uint64_t writes = f.store().writes();
  CHECK_FALSE(f.Subscribe("s1").created);  // the same: nothing is written
  CHECK(f.store().writes() == writes);
  f.Restart();
  CHECK(std::get<TopicViewed>(f.Tell({TopicGet{"a.b"}}).what).topic.said == said);
  const auto listed = std::get<SubscriptionsListed>(f.Tell({SubscriptionList{{1, "", "s"}}}).what);
  CHECK(listed.items.at(0).name == "s1");
  CHECK(listed.next == "s1");
  CHECK(f.Emit(Topics::Item("a.b", "{}")).matched == 2);
  f.Tell({SubscriptionDelete{"s1", true, {}}});
  f.Tell({TopicDelete{"a.b", {}}});
  CHECK(Topics::CodeOf(f.Try({SubscriptionGet{"s1"}})) == Code::kNotFound);
  CHECK(Topics::CodeOf(f.Try({TopicGet{"a.b"}})) == Code::kNotFound);
  CHECK(f.Emit(Topics::Item("a.b", "{}")).matched == 1);
  Publish strict;
  strict.strict = true;
  strict.events = {Topics::Item("a.b", "{}")};
  CHECK(Topics::CodeOf(f.Try({std::move(strict)})) == Code::kUnacceptable);
  Sub bad{.filter = "["};
  CHECK(Topics::CodeOf(f.Try({Topics::PutOf("s3", bad)})) == Code::kUnacceptable);
}

TEST_CASE("topics: what a topic's schema does not allow is refused, with its pointer; a change of it judges later events alone") {
  Topics f;
  f.Subscribe("one");
  TopicRecord said;
  said.schema = R"({"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]})";
  f.Tell({TopicPut{"a.b", said, {}}});
  const bool restart = GENERATE(false, true);
  if (restart) f.Restart();
  CHECK(f.Emit(Topics::Item("a.b", R"({"n":1})")).matched == 1);
  Publish publish;
  publish.batch = true;
  publish.events = {Topics::Item("a.b", R"({"n":1})"), Topics::Item("a.b", R"({"n":"x"})")};
  const Reply& refused = f.Try({publish});
  CHECK(Topics::CodeOf(refused) == Code::kUnacceptable);
  CHECK(std::get<Refused>(refused.body).status.field() == "/1/data/n");
  publish.batch = false;
  publish.events = {Topics::Item("a.b", "raw")};
  publish.events[0].payload_kind = PayloadKind::kBody;
  CHECK(Topics::CodeOf(f.Try({publish})) == Code::kUnacceptable);
  CHECK(f.Made().at("one").size() == 1);
  said.schema = R"({"type":7})";
  const Reply& bad = f.Try({TopicPut{"a.b", said, {}}});
  CHECK(std::get<Refused>(bad.body).status.field().starts_with("/schema"));
  said.schema.clear();
  f.Tell({TopicPut{"a.b", said, {}}});
  CHECK(f.Emit(Topics::Item("a.b", "7")).matched == 1);
}

TEST_CASE("topics: the events of one request share what their schemas may cost; those of another have it anew") {
  Topics f;
  f.Subscribe("one");
  TopicRecord said;
  std::string all = "{}";
  for (int i = 1; i < 100; ++i) all += ",{}";
  said.schema = R"({"items":{"allOf":[)" + all + "]}}";
  f.Tell({TopicPut{"a.b", said, {}}});
  std::string values = "1";
  for (int i = 1; i < 12'000; ++i) values += ",1";
  // More than half of what is allowed, each.
  const EventItem dear = Topics::Item("a.b", "[" + values + "]");
  for (int i = 0; i < 3; ++i) CHECK(f.Emit(dear).matched == 1);
  Publish publish;
  publish.batch = true;
  publish.events = {dear, Topics::Item("a.b", "[1]"), dear};
  const Reply& refused = f.Try({publish});
  CHECK(Topics::CodeOf(refused) == Code::kUnacceptable);
  CHECK(std::get<Refused>(refused.body).status.field().starts_with("/2/data"));
  CHECK(f.Made().at("one").size() == 3);
  publish.events.pop_back();
  CHECK(std::get<Published>(f.Tell({publish}).what).events.size() == 2);
}

TEST_CASE("topics: an idempotency key is its topic's; a batch is taken whole or not") {
  Topics f;
  f.Subscribe("one");
  EventItem item = Topics::Item("a.b", "{}");
  item.idempotency_key = "k";
  item.fields = FingerprintOf("1");
  const Published::Item first = f.Emit(item);
  const Published::Item again = f.Emit(item);
  CHECK(again.duplicate);
  CHECK(again.id == first.id);
  CHECK(again.matched == 1);
  EventItem elsewhere = item;
  elsewhere.topic = "a.c";
  CHECK_FALSE(f.Emit(elsewhere).duplicate);
  EventItem differs = item;
  differs.fields = FingerprintOf("2");
  Publish batch;
  batch.batch = true;
  batch.events = {Topics::Item("a.d", "{}"), differs};
  const Reply& refused = f.Try({batch});
  CHECK(std::get<Refused>(refused.body).status.field() == "/1/idempotency_key");
  CHECK(f.Made().at("one").size() == 2);
  CHECK(f.CountOf(RecordKind::kEvent) == 2);
}

TEST_CASE("topics: events keep their order in a subscription, and by key where it orders by that") {
  Topics f;
  f.Subscribe("all", {.order_by = "key"});
  for (int i = 0; i < 20; ++i) f.Emit(Topics::Item("a.b", std::to_string(i), "key" + std::to_string(i % 5)));
  std::map<std::string, std::string> lanes;
  std::map<std::string, std::vector<int>> seen;
  for (int i = 0; i < 20; ++i) {
    REQUIRE_FALSE(f.starts.empty());
    const StartAttempt start = f.starts.front();
    seen[start.envelope->lane.name].push_back(std::stoi(DecodeSpec(*start.spec)->payload));
    f.End(start, Verdict::kSuccess);
    f.Run();
  }
  CHECK(f.starts.empty());
  for (auto& [lane, numbers] : seen) {
    CHECK(std::is_sorted(numbers.begin(), numbers.end()));
    CHECK(lane.starts_with("subscription/all~"));
  }
  std::map<int, std::string> by_key;
  for (const auto& [lane, numbers] : seen)
    for (int number : numbers) {
      if (!by_key.contains(number % 5)) by_key[number % 5] = lane;
      CHECK(by_key[number % 5] == lane);
    }
}

TEST_CASE("topics: a subscription with too much pending is skipped, which is counted, and said once") {
  Topics f;
  f.Subscribe("slow", {.paused = true, .max_pending = 2});
  for (int i = 0; i < 4; ++i) f.Emit(Topics::Item("a.b", "{}"));
  CHECK(f.See("slow").pending == 2);
  CHECK(f.See("slow").skipped == 2);
  REQUIRE(f.flow_logs.size() == 2);
  CHECK(f.flow_logs[0].event == "subscription skipped");
  // Alerts count the others.
  Publish publish;
  publish.events = {Topics::Item("a.b", "{}"), Topics::Item("a.b", "{}"), Topics::Item("a.b", "{}")};
  publish.batch = true;
  f.Tell({publish});
  REQUIRE(f.flow_logs.size() == 3);
  AlertMeter meter(f.now.wall);
  for (const FlowLog& log : f.flow_logs) meter.Take("default", log, f.now.wall);
  CHECK((f.flow_logs[1].event == kSkippedOn && f.flow_logs[2].event == kSkippedOn));
  AlertFigures figures;
  meter.AddTo(&figures, f.now.wall);
  REQUIRE(figures.happenings.size() == 1);
  CHECK(figures.happenings[0].count == 5);
  f.Restart();
  CHECK(f.See("slow").pending == 2);
  CHECK(f.See("slow").skipped == 5);
  f.Subscribe("slow", {.max_pending = 2});  // resumed
  f.ServeAll();
  CHECK(f.See("slow").pending == 0);
  CHECK(f.Emit(Topics::Item("a.b", "{}")).matched == 1);
}

TEST_CASE("topics: events of a paused subscription pile up in its lane, and explain says so") {
  Topics f;
  f.Subscribe("one", {.paused = true});
  const Published::Item event = f.Emit(Topics::Item("a.b", "{}"));
  CHECK(f.starts.empty());
  const NotifyId notify = f.Event(event.id).notifies.at(0).id;
  CHECK(f.Why(notify).at(0) == "subscription_paused");
  f.Restart();
  CHECK(f.starts.empty());
  f.Subscribe("one");
  f.Pass(10);
  CHECK(f.starts.size() == 1);
}

TEST_CASE("topics: who unsubscribes loses what waits, or keeps it; also over a crash") {
  const int crash_at = GENERATE(0, 1, 2, 3, 5, 8);
  Topics f;
  f.check_every = 100'000;
  f.Subscribe("gone", {.paused = true});
  f.Subscribe("kept", {.paused = true});
  for (int i = 0; i < 1200; ++i) f.Emit(Topics::Item("a.b", "{}"));
  f.Tell({SubscriptionDelete{"kept", false, {}}});
  f.Tell({SubscriptionDelete{"gone", true, {}}});
  f.Subscribe("gone", {.paused = true});  // another one of that name
  const Published::Item later = f.Emit(Topics::Item("a.b", "{}"));
  CHECK(later.matched == 1);
  for (int i = 0; i < crash_at; ++i) {
    f.Post(Tick{});
    f.Turn();
  }
  if (crash_at > 0) f.Restart();
  f.Pass(50);
  uint64_t cancelled = 0;
  for (const auto& [id, record] : f.image().notifies) {
    if (record->state.phase != Phase::kCancelled) continue;
    ++cancelled;
    CHECK(record->state.reason == "unsubscribed");
    CHECK(record->envelope->flow->subscription == "gone");
  }
  CHECK(cancelled == 1200);
  CHECK(f.See("gone").pending == 1);
  f.ServeAll();
  CHECK(f.Stats().totals.succeeded == 1200);
}

TEST_CASE("topics: a lane that is paused with its subscription says by whom") {
  Topics f;
  SubscriptionPut put = Topics::PutOf("one", {.lane = "l", .paused = true});
  put.by = "token a";
  f.Tell({put});
  const LaneKey lane = put.said->envelope->lane;
  CHECK(*f.LaneOf(lane).own.pause.note == PauseNote{f.now.wall, "token a", "the subscription one was paused", {}});
}

TEST_CASE("topics: a lane that was resumed by hand is paused again once the subscription is said to be paused again") {
  Topics f;
  const bool changed = GENERATE(false, true);
  SubscriptionPut put = Topics::PutOf("one", {.paused = true, .max_pending = 10});
  f.Tell({put});
  f.Emit(Topics::Item("a.b", "{}"));
  f.Resume(put.said->envelope->lane);
  f.Pass(10);
  CHECK(f.starts.size() == 1);
  if (changed) put = Topics::PutOf("one", {.paused = true, .max_pending = 20});
  put.by = "token a";
  f.Tell({put});
  CHECK(f.LaneOf(put.said->envelope->lane).own.pause.note->by == "token a");
  f.Emit(Topics::Item("a.b", "{}"));
  f.Restart();
  f.Pass(10);
  CHECK(f.starts.empty());
}

TEST_CASE("topics: what the notifies of an event may keep of answers counts when it is published and when it is sent again") {
  CoreLimits limits;
  limits.max_stored_bytes = 100'000;
  Topics f(limits);
  SubscriptionPut put = Topics::PutOf("one", {.paused = true});
  auto said = std::make_shared<Subscription>(*put.said);
  auto envelope = std::make_shared<Envelope>(*said->envelope);
  auto flow = std::make_shared<FlowFields>();
  flow->keep_response_bytes = 60'000;
  envelope->flow = flow;
  said->envelope = envelope;
  put.said = said;
  f.Tell({put});
  const Published::Item first = f.Emit(Topics::Item("a.b", "{}"));
  CHECK(first.matched == 1);
  Publish publish;
  publish.events = {Topics::Item("b.b", "{}"), Topics::Item("a.b", "{}")};
  publish.batch = true;
  const Reply refused = f.Try({publish});
  REQUIRE(Topics::CodeOf(refused) == Code::kDiskFull);
  CHECK(std::get<Refused>(refused.body).status.field() == "/1");
  CHECK(Topics::CodeOf(f.Try({EventReplay{first.id, {}, {}}})) == Code::kDiskFull);
  CHECK(Topics::CodeOf(f.Try({SubscriptionReplay{.name = "one"}})) == Code::kDiskFull);
  CHECK(f.Emit(Topics::Item("b.b", "{}")).matched == 0);
  CHECK(f.See("one").pending == 1);
}

TEST_CASE("topics: what waits keeps its template until the one of now is applied to it") {
  Topics f;
  f.Subscribe("one", {.paused = true});
  for (int i = 0; i < 3; ++i) f.Emit(Topics::Item("a.b", Long('x')));
  SubscriptionPut put = Topics::PutOf("one", {.paused = true});
  auto said = std::make_shared<Subscription>(*put.said);
  auto envelope = std::make_shared<Envelope>(*said->envelope);
  envelope->host = "elsewhere:80";
  said->envelope = envelope;
  NotifySpec spec = *DecodeSpec(*said->spec);
  spec.url = "http://elsewhere/";
  said->spec = std::make_shared<const std::string>(EncodeSpec(spec));
  put.said = said;
  f.Tell({put});
  for (const auto& [id, record] : f.image().notifies) CHECK(record->envelope->host == "one:80");
  const Reply& applied = f.Try({SubscriptionApply{"one", {}}});
  CHECK(std::get<Applied>(std::get<TopicAnswered>(applied.body).answer->what).count == 3);
  CHECK_FALSE(applied.unchanged);
  for (const auto& [id, record] : f.image().notifies) {
    CHECK(record->envelope->host == "elsewhere:80");
    CHECK(record->spec->size() < 1000);  // the payload stands with the event alone, as before
  }
  const Reply& again = f.Try({SubscriptionApply{"one", {}}});
  CHECK(std::get<Applied>(std::get<TopicAnswered>(again.body).answer->what).count == 0);
  CHECK(again.unchanged);  // the audit has no entry of it
  auto resumed = std::make_shared<Subscription>(*said);
  resumed->paused = false;
  put.said = resumed;
  f.Tell({put});
  f.Pass(10);
  REQUIRE(f.starts.size() == 3);
  CHECK(DecodeSpec(*f.starts.front().spec)->url == "http://elsewhere/");
  CHECK(DecodeSpec(*f.starts.front().spec)->payload == Long('x'));
  f.ServeAll();
}

TEST_CASE("topics: what waits is given a template, and cancelled, within the lanes that are named, over a restart; and under a condition") {
  Topics f;
  f.Subscribe("one", {.lane = "b/l", .paused = true});
  const NotifyId out = f.Event(f.Emit(Topics::Item("a.b", "{}")).id).notifies.at(0).id;
  f.Subscribe("one", {.lane = "a/l", .paused = true});
  const NotifyId in = f.Event(f.Emit(Topics::Item("a.b", "{}")).id).notifies.at(0).id;
  SubscriptionPut put = Topics::PutOf("one", {.lane = "a/l", .paused = true});
  auto said = std::make_shared<Subscription>(*put.said);
  NotifySpec spec = *DecodeSpec(*said->spec);
  spec.url = "http://elsewhere/";
  said->spec = std::make_shared<const std::string>(EncodeSpec(spec));
  put.said = said;
  f.Tell({put});
  SubscriptionApply apply{"one", {}, {}, {"a/"}};
  apply.condition.prints = {FingerprintOf("another")};
  CHECK(std::holds_alternative<Stale>(f.Try({apply}).body));
  CHECK(std::holds_alternative<Stale>(f.Try({SubscriptionReplay{.name = "one", .condition = apply.condition}}).body));
  apply.condition.prints = {FingerprintOf(f.See("one").bytes)};
  CHECK(std::get<Applied>(f.Tell({apply}).what).count == 1);
  CHECK(DecodeSpec(*f.image().notifies.at(in)->spec)->url == "http://elsewhere/");
  CHECK(DecodeSpec(*f.image().notifies.at(out)->spec)->url == "http://one/");
  f.Tell({SubscriptionDelete{"one", true, {}, {"a/"}}});
  f.Restart();
  f.Pass(50);
  CHECK(f.image().notifies.at(in)->state.phase == Phase::kCancelled);
  CHECK(f.image().notifies.at(out)->state.phase != Phase::kCancelled);
}

TEST_CASE("topics: an event tells of its notifies by their envelopes, and under which fkey it is held") {
  Topics f;
  f.Subscribe("one", {.lane = "a/l"});
  EventItem item = Topics::Item("a.b", "{}");
  const EventViewed sent = f.Event(f.Emit(item).id);
  CHECK(sent.notifies.at(0).envelope->lane.name == "a/l");
  CHECK(sent.fkey.empty());
  item.fkey = "k";
  CHECK(f.Event(f.Emit(item).id).fkey == "k");
}

TEST_CASE("topics: a template is given to a part of what waits in a turn; after a crash who asks again ends with each having it, and sent once") {
  const int crash_at = GENERATE(1, 2, 3, 5, 8);
  Topics f;
  f.check_every = 100'000;
  f.Subscribe("one", {.paused = true});
  for (int i = 0; i < 650; ++i) f.Emit(Topics::Item("a.b", std::to_string(i)));
  SubscriptionPut put = Topics::PutOf("one", {});
  auto said = std::make_shared<Subscription>(*put.said);
  said->paused = true;
  NotifySpec spec = *DecodeSpec(*said->spec);
  spec.url = "http://one/new";
  said->spec = std::make_shared<const std::string>(EncodeSpec(spec));
  put.said = said;
  f.Tell({put});
  auto changed = [&] {
    size_t count = 0;
    for (const auto& [id, record] : f.image().notifies) count += DecodeSpec(*record->spec)->url == "http://one/new";
    return count;
  };
  f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{SubscriptionApply{"one", {}}})});
  size_t before = 0;
  for (int i = 0; i < crash_at; ++i) {
    f.Post(Tick{});
    f.Turn();
    CHECK(changed() - before <= 200);  // what two turns decide may be written at once
    before = changed();
  }
  CHECK(before < 650);
  f.Restart();
  CHECK(std::get<Applied>(f.Tell({SubscriptionApply{"one", {}}}).what).count + before >= 650);
  CHECK(changed() == 650);
  f.Subscribe("one", {});
  f.Pass(10);
  f.ServeAll();
  CHECK(f.sent.size() == 650);
  for (const StartAttempt& start : f.sent) CHECK(DecodeSpec(*start.spec)->url == "http://one/new");
}

TEST_CASE("topics: a namespace has 20,000 subscriptions and 100,000 topics at most") {
  Topics f;
  f.check_every = 1'000'000;
  for (int i = 0; i < 20'000; ++i) f.Subscribe("s" + std::to_string(i));
  CHECK(Topics::CodeOf(f.Try({Topics::PutOf("more", {})})) == Code::kTooMany);
  CHECK_FALSE(f.Subscribe("s7", {.topic = "b"}).created);  // one that is there may be changed
  f.Tell({SubscriptionDelete{"s8"}});
  CHECK(f.Subscribe("more").created);
  for (int i = 0; i < 100'000; ++i) f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{TopicPut{"t" + std::to_string(i), {}, {}}})});
  f.Run();
  CHECK(Topics::CodeOf(f.Try({TopicPut{"more", {}, {}}})) == Code::kTooMany);
  TopicRecord said;
  said.description = "changed";
  f.Tell({TopicPut{"t7", said, {}}});
}

TEST_CASE("topics: events are listed newest first, and go once their time is over and none of their notifies is left") {
  CoreLimits limits;
  limits.retention_succeeded_ms = 24 * 3600 * 1000;
  limits.retention_settled_ms = 24 * 3600 * 1000;
  Topics f(limits);
  TopicRecord brief;
  brief.retention_ms = 1000;
  f.Tell({TopicPut{"a.b", brief, {}}});
  brief.retention_ms = 0;
  f.Tell({TopicPut{"a.c", brief, {}}});
  f.Subscribe("one", {.topic = "a.*"});
  const NotifyId sent = f.Emit(Topics::Item("a.b", Long('x'))).id;
  const NotifyId follows = f.Emit(Topics::Item("a.c", Long('x'))).id;
  const NotifyId stays = f.Emit(Topics::Item("a.d", "{}")).id;
  const auto listed = std::get<EventsListed>(f.Tell({EventList{"a.b", 10, {}}}).what);
  REQUIRE(listed.items.size() == 1);
  CHECK(listed.items[0].record->payload.empty());
  f.ServeAll();
  f.Pass(7'300'000);
  // Hidden, but there: its notifies have their payload from it.
  CHECK(Topics::CodeOf(f.Try({EventGet{sent, 100, {}}})) == Code::kNotFound);
  CHECK(f.CountOf(RecordKind::kEvent) == 3);
  CHECK(f.Event(follows).notifies.size() == 1);
  f.Restart();
  f.Pass(30LL * 3600 * 1000);
  CHECK(f.CountOf(RecordKind::kEvent) == 1);
  CHECK(f.CountOf(RecordKind::kTopicEvent) == 1);
  CHECK(f.image().totals.records[RecordKind::kEvent] == 1);
  CHECK(f.Event(stays).event.record->topic == "a.d");
}

TEST_CASE("topics: an event under an fkey is held, and fanned out once it is triggered, with the trigger's data") {
  const bool crash = GENERATE(false, true);
  Topics f;
  f.Subscribe("one");
  EventItem item = Topics::Item("a.b", R"({"a":1})");
  item.fkey = "order/1";
  const Published::Item held = f.Emit(item);
  CHECK(held.held);
  CHECK_FALSE(held.matched);
  CHECK(f.StateOf(held.id) == State::kHeld);
  CHECK(f.Event(held.id).event.held);
  CHECK(Topics::CodeOf(f.Try({EventReplay{held.id, "", {}}})) == Code::kConflict);
  Publish again;
  again.events = {item};
  const Reply& refused = f.Try({again});
  CHECK(Topics::CodeOf(refused) == Code::kConflict);
  CHECK(std::get<Refused>(refused.body).holder == held.id);
  f.Subscribe("two");  // those that are there when it is triggered
  if (crash) f.Restart();
  CHECK(std::get<Triggered>(f.Trigger("order/1", R"({"b":2})").body).id == held.id);
  f.Turn();
  if (crash) f.Restart();
  f.Pass(10);
  CHECK(f.Event(held.id).event.matched == 2);
  CHECK(f.Event(held.id).event.record->payload == R"({"a":1,"b":2})");
  REQUIRE(f.starts.size() == 2);
  CHECK(DecodeSpec(*f.starts.front().spec)->payload == R"({"a":1,"b":2})");
  f.ServeAll();
  CHECK(f.Balances());
  // Triggered before it comes: at once.
  TriggerRequest early;
  early.fkey = "order/2";
  early.remember_ms = 10'000;
  f.Do(early);
  item.fkey = "order/2";
  CHECK_FALSE(f.Emit(item).held);
  f.Pass(10);
  CHECK(f.starts.size() == 2);
  f.ServeAll();
  // Cancelled: nobody gets it.
  item.fkey = "order/3";
  const Published::Item cancelled = f.Emit(item);
  FkeyCancelRequest cancel;
  cancel.fkey = "order/3";
  f.Do(cancel);
  f.Pass(10);
  CHECK(f.starts.empty());
  CHECK(f.Event(cancelled.id).event.held);
}

TEST_CASE("topics: what a trigger makes of a held event is judged by the topic's schema, too") {
  Topics f;
  f.Subscribe("one");
  TopicRecord said;
  said.schema = R"({"type":"object","properties":{"n":{"type":"integer"}}})";
  f.Tell({TopicPut{"a.b", said, {}}});
  EventItem item = Topics::Item("a.b", R"({"a":1})");
  item.fkey = "k";
  const NotifyId held = f.Emit(item).id;
  const Reply refused = f.Trigger("k", R"({"n":"bad"})");
  REQUIRE(Topics::CodeOf(refused) == Code::kUnacceptable);
  CHECK(std::get<Refused>(refused.body).status.field() == "/data/n");
  CHECK(f.StateOf(held) == State::kHeld);
  CHECK(std::get<Triggered>(f.Trigger("k", R"({"n":2})").body).id == held);
  // Remembered, for an event that comes later.
  TriggerRequest early;
  early.fkey = "later";
  early.remember_ms = 10'000;
  early.data = R"({"n":"bad"})";
  f.Do(early);
  item.fkey = "later";
  Publish publish;
  publish.events = {item};
  CHECK(Topics::CodeOf(f.Try({publish})) == Code::kUnacceptable);
}

TEST_CASE("topics: a subscription cannot begin in the future") {
  Topics f;
  SubscriptionPut put = Topics::PutOf("one", {});
  put.from = WallTime{f.now.wall.ms + 1};
  const Reply refused = f.Try({put});
  REQUIRE(Topics::CodeOf(refused) == Code::kUnacceptable);
  CHECK(std::get<Refused>(refused.body).status.field() == "/from");
}

TEST_CASE("topics: an event that is due later makes notifies that are") {
  Topics f;
  f.Subscribe("one");
  f.Subscribe("two", {.delay_ms = 9000});
  EventItem item = Topics::Item("a.b", "{}");
  item.when = Delay(5000);
  CHECK(f.Emit(item).matched == 2);
  f.Pass(4000);
  CHECK(f.starts.empty());
  f.Pass(2000);
  CHECK(f.starts.size() == 2);
}

}  // namespace notifyd
