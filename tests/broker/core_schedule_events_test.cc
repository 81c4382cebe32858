// Schedules that publish events: each time once, over crashes and steps of the clock, and what becomes of one that is refused.
#include <catch2/catch.hpp>
#include <set>

#include "broker/schedule_fixture.h"

using namespace notifyd;

TEST_CASE_METHOD(ScheduleFixture, "schedules: a run publishes one event, whose notifies say what they come from") {
  Subscribe("a", {.topic = "day.*"});
  Subscribe("b", {.topic = "#"});
  Put("close", Publishing(Cron("*/10 * * * *"), "day.closed", R"({"at":"{{scheduled_at}}"})"));
  Pass(10 * kMinute);
  REQUIRE(starts.size() == 2);
  const ScheduleRun run = Get("close").runs.at(0);
  CHECK(run.event);
  CHECK(Event(run.notify).event.record->key == "k");
  CHECK(Event(run.notify).notifies.size() == 2);
  for (const StartAttempt& start : starts) {
    CHECK(start.envelope->flow->event == run.notify);
    CHECK(start.envelope->flow->schedule == "close");
    CHECK(start.envelope->flow->scheduled_at == *ParseRfc3339("2026-03-01T00:10:00Z"));
    CHECK(DecodeSpec(*start.spec)->payload == R"({"at":"2026-03-01T00:10:00.000Z"})");
  }
  const ScheduleRan ran = std::get<ScheduleRan>(std::get<ScheduleAnswered>(Ask(ScheduleRunNow{"close"}).body).answer->what);
  CHECK(std::get<Published::Item>(ran.item).matched == 2);
  CHECK(Outcomes(Get("close")) == "made by_hand");
}

TEST_CASE("schedules: a run by hand under an idempotency key is made once, also over a crash") {
  const bool publishes = GENERATE(false, true), crash = GENERATE(false, true);
  ScheduleFixture t;
  t.Subscribe("a", {.topic = "t"});
  t.Put("s", publishes ? ScheduleFixture::Publishing(ScheduleFixture::Every(3'600'000), "t") : ScheduleFixture::Every(3'600'000));
  // What it made, and whether that was there.
  const auto run = [&](const std::string& key) -> std::pair<NotifyId, bool> {
    ScheduleRunNow ask{"s"};
    ask.idempotency_key = key;
    const ScheduleRan ran = std::get<ScheduleRan>(std::get<ScheduleAnswered>(t.Ask(ask).body).answer->what);
    if (const auto* event = std::get_if<Published::Item>(&ran.item)) return {event->id, event->duplicate};
    const auto& item = std::get<SubmittedItem>(ran.item);
    return {item.id, item.duplicate};
  };
  const std::pair<NotifyId, bool> first = run("k");
  CHECK_FALSE(first.second);
  t.Pass(10);
  if (crash) t.Stop(0);
  CHECK((run("k") == std::pair<NotifyId, bool>(first.first, true)));
  CHECK_FALSE(run("other").second);
  CHECK_FALSE(run("").second);
  CHECK_FALSE(run("").second);
  CHECK(Outcomes(t.Get("s")) == "by_hand by_hand by_hand by_hand");
  CHECK(t.Stats().totals.accepted == 4);
}

TEST_CASE("schedules: where an fkey keeps what it holds a run makes nothing, and is shown as skipped; one by hand is not shown") {
  const bool publishes = GENERATE(false, true);
  ScheduleFixture t;
  ScheduleFixture::Fields held;
  held.fkey = "k";
  const Schedule each = ScheduleFixture::Every(10'000);
  Schedule said = publishes ? ScheduleFixture::Publishing(each, "t", "{}", "k") : ScheduleFixture::WithTemplate(each, held);
  said.on_held = OnHeld::kKeep;
  t.Put("s", said);
  t.Pass(21'000);
  CHECK(Outcomes(t.Get("s")) == "made skipped");
  const ScheduleRun kept = t.Get("s").runs.at(1);
  CHECK(kept.reason == "kept");
  CHECK(kept.notify.value == 0);
  CHECK_FALSE(kept.event);
  t.Ask(ScheduleRunNow{"s"});
  CHECK(Outcomes(t.Get("s")) == "made skipped");
}

TEST_CASE("schedules: a run by hand that made nothing has changed nothing: the audit has no entry of it") {
  const bool publishes = GENERATE(false, true), kept = GENERATE(false, true);
  ScheduleFixture t;
  t.Subscribe("a", {.topic = "t"});
  ScheduleFixture::Fields fields;
  if (kept) fields.fkey = "f";
  const Schedule each = ScheduleFixture::Every(3'600'000);
  Schedule said = publishes ? ScheduleFixture::Publishing(each, "t", "{}", fields.fkey) : ScheduleFixture::WithTemplate(each, fields);
  said.on_held = OnHeld::kKeep;
  t.Put("s", said);
  const auto changes = [&](const std::string& key) {
    ScheduleRunNow ask{"s"};
    ask.idempotency_key = key;
    return !t.Ask(ask).unchanged;
  };
  CHECK(changes("k"));
  CHECK_FALSE(changes("k"));
  // Where an fkey holds what the first one made another key makes nothing, either.
  CHECK(changes("other") == !kept);
  CHECK(changes("") == !kept);
}

TEST_CASE("schedules: each time is published once, whenever the broker is killed, and where the clock is set back") {
  const int64_t step = GENERATE(700, 3'333, 10'000);
  CAPTURE(step);
  ScheduleFixture t;
  t.Subscribe("a", {.topic = "tick"});
  Schedule said = ScheduleFixture::Publishing(ScheduleFixture::Every(10'000), "tick");
  said.missed = Missed::kAll;
  t.Put("s", said);
  const int64_t start = t.now.wall.ms;
  while (t.now.wall.ms < start + 101'000) {
    t.Pass(step);
    t.Stop(0);
  }
  t.now.wall.ms -= 35'000;
  t.Pass(30'000);
  t.Stop(0);
  t.Pass(1'000);
  std::set<NotifyId> events;
  const auto made = t.Made();
  for (NotifyId event : made.at("a")) CHECK(events.insert(event).second);
  std::set<int64_t> times;
  for (NotifyId event : events) CHECK(times.insert(t.Event(event).event.record->scheduled_at.ms).second);
  CHECK(times.size() >= 10);
  CHECK(times.size() == static_cast<size_t>((*times.rbegin() - *times.begin()) / 10'000 + 1));
  CHECK(t.CountOf(RecordKind::kEvent) == events.size());
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: no event is published while one notify of the last one is not settled, where overlap is skip") {
  for (int i = 0; i < 70; ++i) Subscribe("s" + std::to_string(i), {.topic = "tick"});
  Schedule said = Publishing(Every(10'000), "tick");
  said.skip_overlap = true;
  Put("s", said);
  Pass(10'000);
  while (starts.size() > 1) End(StartAttempt(starts.front()), Verdict::kSuccess);
  Pass(10'000);
  CHECK(Outcomes(Get("s")) == "made skipped");
  Stop(0);
  Pass(10'000);
  CHECK(Outcomes(Get("s")) == "made skipped skipped");
  Succeed();
  Pass(10'000);
  CHECK(Outcomes(Get("s")) == "made skipped skipped made");
  // One that is held waits, too.
  Put("h", [&] {
    Schedule held = Publishing(Every(10'000), "tick", "{}", "f");
    held.skip_overlap = true;
    return held;
  }());
  Pass(20'000);
  CHECK(Outcomes(Get("h")) == "made skipped");
}

TEST_CASE("schedules: overlap skip: an event that was let go and waits for its turn is under way, though what held it is gone") {
  CoreLimits limits;
  limits.max_stored_bytes = 3'000'000;
  limits.retention_succeeded_ms = 0;
  ScheduleFixture f(limits);
  f.Subscribe("picks", {.topic = "tick", .transform = R"({"a":"/a"})"});
  Schedule said = ScheduleFixture::Publishing(ScheduleFixture::Every(10'000), "tick", "{}", "f");
  said.skip_overlap = true;
  f.Put("h", said);
  f.Pass(10'000);
  EventItem before = Topics::Item("tick", "{}");
  before.fkey = "before";
  f.Emit(before);
  f.Post(StoredBytes{5'000'000});
  f.Trigger("before");
  f.Trigger("f");
  f.Pass(10'000);
  CHECK(Outcomes(f.Get("h")) == "made skipped");
}

TEST_CASE_METHOD(ScheduleFixture, "schedules: an event that is refused is tried again where that may pass, and else missed at once") {
  Subscribe("a", {.topic = "#"});
  Put("disk", Publishing(Every(10'000), "tick"));
  Pass(9'000);
  Post(DiskSpace{true});
  Pass(5'000);
  CHECK(Get("disk").runs.empty());
  Post(DiskSpace{false});
  Pass(1'500);
  CHECK(Outcomes(Get("disk")) == "made");
  Ask(SchedulePause{"disk", true, {}});
  Succeed();
  TopicPut topic{"typed", {}, {}};
  topic.said.schema = R"({"required":["n"]})";
  Tell(TopicAsk{topic});
  Put("typed", Publishing(Every(10'000), "typed"));
  Put("held", Publishing(Every(10'000), "tick", "{}", "f"));
  Pass(20'000);
  CHECK(Outcomes(Get("typed")) == "missed(1,unacceptable) missed(1,unacceptable)");
  CHECK(Outcomes(Get("held")) == "made missed(1,conflict)");
  CHECK(sent.empty() == false);
  Tell(/*strict=*/true);
  CHECK(CodeOf(TryPut("x", Publishing(Every(10'000), "unknown"))) == Code::kUnacceptable);
  CHECK(Put("x", Publishing(Every(10'000), "typed")).name == "x");
}
