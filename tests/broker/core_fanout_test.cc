// Topics over the core: what is published reaches each subscription once, in order, whatever comes between; and so does the past.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "broker/flow.h"
#include "broker/service_events.h"
#include "broker/services.h"
#include "broker/topics_fixture.h"

namespace notifyd {

TEST_CASE("topics: a thousand notifies of one event are in its commit, with its payload once") {
  Topics f;
  f.check_every = 100'000;
  for (int i = 0; i < 1000; ++i) f.Subscribe("s" + std::to_string(i));
  const std::string data = Long('x');
  const uint64_t batches = f.image().batch;
  const Published::Item event = f.Emit(Topics::Item("a.b", data));
  CHECK(event.matched == 1000);
  CHECK(f.Event(event.id).event.matched == 1000);
  CHECK(f.image().batch <= batches + 2);  // the one, and what its attempts begin
  uint64_t bytes = 0;
  for (const auto& [id, record] : f.image().notifies) bytes += record->spec->size();
  CHECK(bytes < 100 * 1000);
  // Each is sent whole, and read whole.
  REQUIRE_FALSE(f.starts.empty());
  CHECK(DecodeSpec(*f.starts.front().spec)->payload == data);
  CHECK(DecodeSpec(*f.Get(f.starts.front().id).record->spec)->payload == data);
  f.Restart();
  f.ServeAll();
  CHECK(f.sent.size() >= 1000);
  for (const StartAttempt& start : f.sent) REQUIRE(DecodeSpec(*start.spec)->payload == data);
  CHECK(f.Stats().totals.succeeded == 1000);
}

TEST_CASE("topics: a larger fan-out goes on after a crash between any two steps, and makes each notify once, in order") {
  const CrashKind kind = GENERATE(CrashKind::kKill, CrashKind::kPower);
  const int crash_at = GENERATE(1, 2, 3, 4, 5, 6, 8, 11);
  Topics f;
  f.check_every = 100'000;
  for (int i = 0; i < 2500; ++i) f.Subscribe("s" + std::to_string(i), {.paused = true});
  const Published::Item first = f.Emit(Topics::Item("a.b", Long('1')));
  Publish more;
  more.batch = true;
  more.events = {Topics::Item("a.b", "2"), Topics::Item("a.c", Long('3'))};
  const auto behind = std::get<Published>(f.Tell({more}).what).events;
  CHECK(first.matched == 2500);
  for (int i = 0; i < crash_at; ++i) {
    f.Post(Tick{});
    f.Turn();
  }
  f.Restart(kind);
  f.Pass(100);
  const auto made = f.Made();
  REQUIRE(made.size() == 2500);
  const std::vector<NotifyId> all = {first.id, behind[0].id, behind[1].id};
  for (const auto& [name, events] : made) REQUIRE(events == all);
  for (NotifyId id : all) CHECK(f.Event(id).event.matched == 2500);
  CHECK(f.CountOf(RecordKind::kAgenda) == 0);
  CHECK(f.See("s7").pending == 3);
  // One after the other: all of an event come before any of the next.
  NotifyId last;
  for (const auto& [id, record] : f.image().notifies) {
    CHECK(record->envelope->flow->event >= last);
    last = record->envelope->flow->event;
  }
}

TEST_CASE("topics: what comes behind a large fan-out is matched later, many events a turn") {
  Topics f;
  f.check_every = 100'000;
  for (int i = 0; i < 1500; ++i) f.Subscribe("s" + std::to_string(i), {.topic = "big", .paused = true});
  f.Subscribe("one", {.topic = "small", .paused = true});
  Publish all;
  all.batch = true;
  all.events.push_back(Topics::Item("big", "{}"));
  for (int i = 0; i < 400; ++i) all.events.push_back(Topics::Item("small", std::to_string(i)));
  const uint64_t asked = f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{all})});
  f.Turn();
  const uint64_t stats = f.Ask(StatsRequest{});
  f.Turn();
  CHECK(std::get<StatsView>(f.replies.at(stats).body).topics->backlog > 0);
  const auto answers = std::get<Published>(std::get<TopicAnswered>(f.replies.at(asked).body).answer->what).events;
  CHECK(answers.front().matched == 1500);
  CHECK_FALSE(answers.back().matched);
  CHECK(f.CountOf(RecordKind::kAgenda) > 200);
  int turns = 0;
  while (f.CountOf(RecordKind::kAgenda) > 0 && turns < 400) {
    f.Post(Tick{});
    f.Turn();
    ++turns;
  }
  CHECK(turns < 100);
  CHECK(f.Stats().topics->backlog == 0);
  CHECK(f.Stats().topics->published == 401);
  CHECK(f.Made().at("one").size() == 400);
  CHECK(f.Event(answers.back().id).event.matched == 1);
  // A stop leaves what has not begun to the next start.
  f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{all})});
  f.Turn();
  f.Turn();
  f.Post(StopRequested{});
  f.Run();
  f.Pass(100);
  CHECK(f.drained);
  CHECK(f.CountOf(RecordKind::kAgenda) > 200);
  f.Restart();
  f.Pass(200);
  CHECK(f.Made().at("one").size() == 800);
  CHECK(f.CountOf(RecordKind::kAgenda) == 0);
}

TEST_CASE("topics: a fan-out that goes on before its event is written finds it all the same") {
  Topics f;
  f.check_every = 100'000;
  for (int i = 0; i < 1500; ++i) f.Subscribe("s" + std::to_string(i), {.paused = true});
  f.reads().CloseCommits();
  EventItem item = Topics::Item("a.b", Long('x'));
  item.idempotency_key = "k";
  Publish publish;
  publish.events = {item};
  f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{publish})});
  f.Turn();
  f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{publish})});  // a repeat
  for (int i = 0; i < 5; ++i) {
    f.Post(Tick{});
    f.Turn();
  }
  f.reads().OpenCommits();
  f.Run();
  f.Pass(50);
  CHECK(f.Made().size() == 1500);
  CHECK(f.CountOf(RecordKind::kEvent) == 1);
  CHECK(f.image().totals.records[RecordKind::kEvent] == 1);
  CHECK(f.CountOf(RecordKind::kAgenda) == 0);
}

TEST_CASE("topics: what is published while a start still reads who is subscribed goes behind the events that it found on the agenda") {
  CoreLimits limits;
  limits.page_items = 16;
  Topics f(limits);
  f.check_every = 100'000;
  for (int i = 0; i < 40; ++i) f.Subscribe("s" + std::to_string(i), {.paused = true});
  Publish all;
  all.batch = true;
  for (int i = 0; i < 100; ++i) all.events.push_back(Topics::Item("a.b", std::to_string(i)));
  f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{all})});
  f.Turn();
  f.Restart(CrashKind::kKill, /*pages=*/false);
  REQUIRE(f.CountOf(RecordKind::kAgenda) > 0);
  REQUIRE(f.CountOf(RecordKind::kAgenda) <= 16);  // one page, and those who are subscribed are more
  Publish last;
  last.events.push_back(Topics::Item("a.b", "{}"));
  f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{last})});
  f.Turn();
  f.reads().OpenPages();
  f.Run();
  f.Pass(100);
  for (const auto& [name, events] : f.Made()) {
    REQUIRE(events.size() == 101);
    CHECK(std::is_sorted(events.begin(), events.end()));
  }
  CHECK(f.CountOf(RecordKind::kAgenda) == 0);
}

TEST_CASE("topics: more than ten thousand are refused") {
  Topics f;
  f.check_every = 100'000;
  for (int i = 0; i < 10'001; ++i) f.Subscribe("s" + std::to_string(i), {.paused = true});
  Publish publish;
  publish.events = {Topics::Item("a.b", "1")};
  CHECK(Topics::CodeOf(f.Try({publish})) == Code::kUnacceptable);
  CHECK(f.CountOf(RecordKind::kEvent) == 0);
}

TEST_CASE("topics: a subscription that begins in the past gets that first, then what comes, each once") {
  const int crash_at = GENERATE(0, 1, 2, 3, 4, 6, 9);
  Topics f;
  f.check_every = 100'000;
  std::vector<NotifyId> ids;
  for (int i = 0; i < 600; ++i) {
    f.now.wall.ms += 1;
    f.now.mono.ms += 1;
    const NotifyId id = f.Emit(Topics::Item("a.b", Long('x'))).id;
    if (i >= 100) ids.push_back(id);
  }
  CHECK(f.Subscribe("late", {.paused = true, .from = WallTime{f.now.wall.ms - 499}}).subscription.catching_up);
  for (int i = 0; i < 5; ++i) {
    ids.push_back(f.Emit(Topics::Item("a.b", "{}")).id);
    f.Post(Tick{});
    f.Turn();
  }
  for (int i = 0; i < crash_at; ++i) {
    f.Post(Tick{});
    f.Turn();
  }
  if (crash_at > 0) f.Restart();
  ids.push_back(f.Emit(Topics::Item("a.b", "{}")).id);
  f.Pass(50);
  CHECK_FALSE(f.See("late").catching_up);
  ids.push_back(f.Emit(Topics::Item("a.b", "{}")).id);
  CHECK(f.Made().at("late") == ids);
  CHECK(f.CountOf(RecordKind::kAgenda) == 0);
}

TEST_CASE("topics: an event, and a subscription's past, are replayed, once for a key") {
  Topics f;
  f.Subscribe("one");
  const NotifyId first = f.Emit(Topics::Item("a.b", Long('x'))).id;
  f.now.wall.ms += 1000;
  f.Emit(Topics::Item("a.b", "{}"));
  f.ServeAll();
  EventReplay replay{first, "k", FingerprintOf("1")};
  CHECK(std::get<Replayed>(f.Tell({replay}).what).accepted == 1);
  const auto again = std::get<Replayed>(f.Tell({replay}).what);
  CHECK(again.duplicate);
  CHECK(again.accepted == 1);
  CHECK(f.Event(first).notifies.size() == 2);
  CHECK(f.Event(first).event.matched == 1);
  SubscriptionReplay range;
  range.name = "one";
  range.from = WallTime{f.now.wall.ms - 500'000};
  range.to = WallTime{f.now.wall.ms};
  CHECK(std::get<Replayed>(f.Tell({range}).what).accepted == 2);
  f.ServeAll();
  CHECK(f.Stats().totals.succeeded == 5);
  // Without an end it goes up to now, with what was published this very millisecond.
  f.Emit(Topics::Item("a.b", "{}"));
  range.from = f.now.wall;
  range.to.reset();
  CHECK(std::get<Replayed>(f.Tell({range}).what).accepted == 1);
  CHECK(Topics::CodeOf(f.Try({EventReplay{{12345}, "", {}}})) == Code::kNotFound);
}

TEST_CASE("topics: a replay that comes to nobody has changed nothing: the audit has no entry of it") {
  Topics f;
  f.Subscribe("one");
  f.Subscribe("other", {.topic = "none.*"});
  const NotifyId event = f.Emit(Topics::Item("a.b", "{}")).id;
  const NotifyId unmatched = f.Emit(Topics::Item("z", "{}")).id;
  f.ServeAll();
  const auto past_of = [&](const std::string& name) { return f.Try({SubscriptionReplay{name, {}, {}, "", {}, {}}}).unchanged; };
  CHECK_FALSE(f.Try({EventReplay{event, "", {}}}).unchanged);
  CHECK(f.Try({EventReplay{unmatched, "", {}}}).unchanged);
  CHECK_FALSE(past_of("one"));
  CHECK(past_of("other"));
}

TEST_CASE("topics: a subscription's past is replayed whole, however the clock stepped while it was published") {
  // More than a page of them where the agenda goes on.
  const int count = GENERATE(3, 700);
  Topics f;
  f.check_every = 100'000;
  f.Subscribe("one", {.paused = true});
  f.now.wall.ms += 3'600'000;
  const NotifyId ahead = f.Emit(Topics::Item("a.b", "{}")).id;
  f.now.wall.ms -= 3'600'000;
  std::vector<NotifyId> ids;
  for (int i = 0; i < count; ++i) {
    ++f.now.wall.ms;
    ids.push_back(f.Emit(Topics::Item("a.b", "{}")).id);
  }
  const size_t had = f.Made().at("one").size();
  SubscriptionReplay range;
  range.name = "one";
  range.from = WallTime{f.now.wall.ms - 600'000};
  if (GENERATE(false, true)) {
    range.to = WallTime{f.now.wall.ms};
    ids.pop_back();
  }
  const auto replayed = std::get<Replayed>(f.Tell({range}).what);
  if (count == 3) CHECK(replayed.accepted == ids.size());
  f.Pass(100);
  const std::vector<NotifyId> made = f.Made().at("one");
  CHECK(std::vector<NotifyId>(made.begin() + static_cast<ptrdiff_t>(had), made.end()) == ids);
  CHECK(std::count(made.begin(), made.end(), ahead) == 1);
  CHECK(f.CountOf(RecordKind::kAgenda) == 0);
}

TEST_CASE("topics: the keys of an event's replays are not those of a subscription that is named like it") {
  Topics f;
  const NotifyId event = f.Emit(Topics::Item("a.b", "{}")).id;
  f.Subscribe(event.ToString(), {.paused = true});
  CHECK(std::get<Replayed>(f.Tell({EventReplay{event, "k", FingerprintOf("1")}}).what).accepted == 1);
  SubscriptionReplay range;
  range.name = event.ToString();
  range.idempotency_key = "k";
  range.fields = FingerprintOf("1");
  const auto replayed = std::get<Replayed>(f.Tell({range}).what);
  CHECK_FALSE(replayed.duplicate);
  CHECK(replayed.accepted == 1);
}

TEST_CASE("topics: an event that is held while a subscription catches up reaches it once, whichever comes first") {
  const int turns = GENERATE(0, 1, 2, 3, 4, 5, 6);
  const bool crash = GENERATE(false, true);
  Topics f;
  f.check_every = 100'000;
  std::vector<NotifyId> ids;
  for (int i = 0; i < 600; ++i) {
    EventItem item = Topics::Item("a.b", "{}");
    if (i == 100) item.fkey = "k";
    ids.push_back(f.Emit(item).id);
  }
  f.Subscribe("late", {.paused = true, .from = WallTime{0}});
  for (int i = 0; i < turns; ++i) {
    f.Post(Tick{});
    f.Turn();
  }
  TriggerRequest trigger;
  trigger.fkey = "k";
  f.Ask(trigger);
  f.Turn();
  f.Turn();
  if (crash) f.Restart();
  f.Pass(100);
  if (crash) f.Trigger("k");  // it may not have been durable
  f.Pass(100);
  std::vector<NotifyId> made = f.Made().at("late");
  std::sort(made.begin(), made.end());
  CHECK(made == ids);
}

TEST_CASE("topics: a subscription to each instance of a service gets a notify for each that is alive") {
  Topics f;
  SubscriptionPut put = Topics::PutOf("each", {});
  auto said = std::make_shared<Subscription>(*put.said);
  auto envelope = std::make_shared<Envelope>(*said->envelope);
  envelope->host = "service://cache";
  said->envelope = envelope;
  NotifySpec spec = *DecodeSpec(*said->spec);
  spec.url = "service://cache/drop";
  said->spec = std::make_shared<const std::string>(EncodeSpec(spec));
  said->each_instance = true;
  put.said = said;
  CHECK(std::get<Refused>(f.Try({put}).body).status.field() == "/url");  // no such service
  auto tell = [&](auto ask) { f.Do(ServiceRequest{{}, std::make_shared<const ServiceAsk>(ServiceAsk{std::move(ask)})}); };
  tell(PutInstance{"cache", "a", {"http://a", 1, {}, 0}, {}});
  tell(PutInstance{"cache", "b", {"http://b", 1, {}, 0}, {}});
  tell(PutInstance{"cache", "c", {"http://c", 0, {}, 0}, {}});
  f.Tell({put});
  CHECK(f.Emit(Topics::Item("a.b", "{}")).matched == 2);
  REQUIRE(f.starts.size() == 2);
  std::set<std::string> to;
  for (const StartAttempt& start : f.starts) {
    REQUIRE(start.instance);
    CHECK(start.instance->id == start.envelope->flow->instance);
    to.insert(start.instance->id);
  }
  CHECK(to == std::set<std::string>{"a", "b"});
  f.ServeAll();
  tell(DeleteInstance{"cache", "a", {}});
  CHECK(f.Emit(Topics::Item("a.b", "{}")).matched == 1);
}

TEST_CASE("topics: what is applied to notifies to each instance leaves each to its own; of another service it wants what the template does") {
  Topics f;
  auto tell = [&](auto ask) { f.Do(ServiceRequest{{}, std::make_shared<const ServiceAsk>(ServiceAsk{std::move(ask)})}); };
  for (const char* id : {"a", "b"}) tell(PutInstance{"cache", id, {std::string("http://") + id, 1, {"near"}, 0}, {}});
  tell(PutInstance{"store", "x", {"http://x", 1, {"far"}, 0}, {}});
  auto put = [&](const std::string& host, const std::string& pool) {
    SubscriptionPut put = Topics::PutOf("each", {.paused = true});
    auto said = std::make_shared<Subscription>(*put.said);
    auto envelope = std::make_shared<Envelope>(*said->envelope);
    FlowFields flow;
    flow.pool = pool;
    if (!pool.empty()) envelope->flow = std::make_shared<const FlowFields>(flow);
    envelope->host = HostOf(host, {flow.pool, {}, {}});
    said->envelope = envelope;
    NotifySpec spec = *DecodeSpec(*said->spec);
    spec.url = host + "/drop/" + pool;
    said->spec = std::make_shared<const std::string>(EncodeSpec(spec));
    said->each_instance = true;
    put.said = said;
    f.Tell({put});
  };
  auto hosts = [&] {
    std::set<std::string> all;
    for (const auto& [id, record] : f.image().notifies) {
      all.insert(record->envelope->host);
      const FlowFields& flow = *record->envelope->flow;
      CHECK(record->envelope->host == HostOf(record->envelope->host, {flow.pool, flow.pool_fallback, flow.instance}));
    }
    return all;
  };
  auto apply = [&] { return std::get<Applied>(f.Tell({SubscriptionApply{"each", {}}}).what).count; };
  put("service://cache", "");
  f.Emit(Topics::Item("a.b", "{}"));
  CHECK(hosts() == std::set<std::string>{"service://cache?instance=a", "service://cache?instance=b"});
  put("service://cache", "near");
  CHECK(apply() == 2);
  CHECK(hosts() == std::set<std::string>{"service://cache?instance=a", "service://cache?instance=b"});
  put("service://store", "far");
  CHECK(apply() == 2);
  CHECK(hosts() == std::set<std::string>{"service://store?pool=far"});
  put("plain:80", "");
  CHECK(apply() == 2);
  CHECK(hosts() == std::set<std::string>{"plain:80"});
}

TEST_CASE("topics: more fan-outs than go on at a time come to their end, though the first one goes on turn after turn") {
  Topics f;
  f.check_every = 100'000;
  constexpr int kSubs = 2'100, kReplays = 70;
  for (int i = 0; i < kSubs; ++i) f.Subscribe("s" + std::to_string(i), {.paused = true});
  const NotifyId event = f.Emit(Topics::Item("a.b", "1")).id;
  f.Pass(10);
  REQUIRE(f.CountOf(RecordKind::kAgenda) == 0);
  for (int i = 0; i < kReplays; ++i) f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{EventReplay{event, "", {}}})});
  for (int i = 0; i < 1'000 && (i < 10 || f.CountOf(RecordKind::kAgenda) > 0); ++i) {
    f.Post(Tick{});
    f.Turn();
  }
  CHECK(f.CountOf(RecordKind::kAgenda) == 0);
  CHECK(f.core().totals().pending() == uint64_t{kSubs} * (kReplays + 1));
}

}  // namespace notifyd
