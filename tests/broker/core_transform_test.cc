// What subscriptions' transforms make: nothing that was meant to be left out is sent, and however much it is, it is made bit by bit and bounded.
#include <catch2/catch.hpp>
#include <set>

#include "broker/service_events.h"
#include "broker/topics_fixture.h"

namespace notifyd {
namespace {

/// Picks the whole data so many times.
std::string Whole(int times) {
  std::string transform = "{";
  for (int i = 0; i < times; ++i) transform += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":\"\"";
  return transform + "}";
}

std::string Data(size_t bytes) {
  return R"({"public":1,"secret":")" + std::string(bytes, 's') + "\"}";
}

CoreLimits Bodies(size_t bytes) {
  CoreLimits limits;
  limits.max_body_bytes = bytes;
  return limits;
}

/// 40 notifies of 960 KB each from 15 KB: far more than a turn makes.
class Growing : public Topics {
 public:
  explicit Growing(CoreLimits limits = {}) : Topics(limits) { check_every = 100'000; }
  static constexpr int kSubs = 40;
  void SubscribeAll() {
    for (int i = 0; i < kSubs; ++i) Subscribe("s" + std::to_string(i), {.transform = Whole(64), .paused = true});
  }
  uint64_t BytesOfAll() const {
    uint64_t bytes = 0;
    for (const auto& [id, record] : image().notifies) bytes += record->spec->size();
    return bytes;
  }
  /// One turn; returns how many bytes of notifies it wrote.
  uint64_t Step() {
    const uint64_t before = BytesOfAll();
    Post(Tick{});
    Turn();
    return BytesOfAll() - before;
  }
  /// Asks, and goes no further than the answer.
  TopicAnswer Begin(TopicAsk ask) {
    const uint64_t token = Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(std::move(ask))});
    for (int i = 0; i < 10 && !replies.contains(token); ++i) most = std::max(most, Step());
    REQUIRE(replies.contains(token));
    REQUIRE(std::holds_alternative<TopicAnswered>(replies.at(token).body));
    return *std::get<TopicAnswered>(replies.at(token).body).answer;
  }
  std::optional<uint64_t> Publish1() {
    Publish publish;
    publish.events.push_back(Topics::Item("a.b", Data(15'000)));
    const Published::Item item = std::get<Published>(Begin({std::move(publish)}).what).events.at(0);
    last = item.id;
    return item.matched;
  }
  void Finish() {
    for (int i = 0; i < 1'000 && CountOf(RecordKind::kAgenda) > 0; ++i) most = std::max(most, Step());
    REQUIRE(CountOf(RecordKind::kAgenda) == 0);
  }
  uint64_t most = 0;  // bytes that a turn wrote
  NotifyId last;
};

/// A turn's bytes, and one notify that reaches beyond.
constexpr uint64_t kMostOfATurn = (8 << 20) + (1 << 20);

}  // namespace

TEST_CASE("transform: what it would make too long, and a raw body, is not sent; that is counted, said and shown") {
  Topics f(Bodies(5'000));
  f.Subscribe("picks", {.transform = Whole(3)});
  f.Subscribe("plain");
  const bool raw = GENERATE(false, true);
  EventItem item = Topics::Item("a.b", Data(2'000));
  if (raw) item.payload_kind = PayloadKind::kBody;
  const Published::Item event = f.Emit(item);
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts.front().envelope->flow->subscription == "plain");
  CHECK(f.See("picks").skipped == 1);
  CHECK(f.See("picks").pending == 0);
  CHECK(f.Event(event.id).untransformed == std::vector<std::string>{"picks"});
  CHECK(f.Stats().topics->untransformed == 1);
  REQUIRE(f.flow_logs.size() == 1);
  CHECK(f.flow_logs[0].event == "subscription skipped");
  CHECK(f.flow_logs[0].fields.back().second == (raw ? "transform_raw_body" : "transform_too_long"));
  f.Restart();
  CHECK(f.Event(event.id).untransformed == std::vector<std::string>{"picks"});
  // What it can pick from is sent again.
  f.ServeAll();
  f.sent.clear();
  CHECK(f.Emit(Topics::Item("a.b", R"({"x":1})")).matched == 2);
  f.Subscribe("picks", {.transform = R"({"p":"/public"})"});
  CHECK(std::get<Replayed>(f.Tell({EventReplay{event.id, "", {}}}).what).accepted == (raw ? 1 : 2));
  CHECK(f.Event(event.id).untransformed == (raw ? std::vector<std::string>{"picks"} : std::vector<std::string>()));
  f.ServeAll();
  for (const StartAttempt& start : f.sent) {
    if (start.envelope->flow->subscription != "picks") continue;
    CHECK(DecodeSpec(*start.spec)->payload.find("sss") == std::string::npos);
  }
  // An event without any data has nothing to leave out.
  EventItem none;
  none.topic = "a.b";
  none.caller = "publisher";
  CHECK(f.Emit(none).matched == 2);
}

TEST_CASE("transform: what comes to many bytes is made over several turns, each notify once, over a crash") {
  const int crash_at = GENERATE(0, 1, 3, 5);
  Growing f;
  f.SubscribeAll();
  CHECK(f.Publish1() == Growing::kSubs);
  const NotifyId large = f.last;
  const Published::Item small = f.Emit(Topics::Item("a.b", "{}"));
  for (int i = 0; i < crash_at; ++i) f.most = std::max(f.most, f.Step());
  if (crash_at > 0) f.Restart();
  f.Finish();
  CHECK(f.BytesOfAll() > Growing::kSubs * 900'000);
  if (crash_at == 0) CHECK(f.most > 0);
  CHECK(f.most <= kMostOfATurn);
  const auto made = f.Made();
  REQUIRE(made.size() == Growing::kSubs);
  for (const auto& [name, events] : made) CHECK(events == std::vector<NotifyId>{large, small.id});
  CHECK(f.Event(large).event.matched == Growing::kSubs);
}

TEST_CASE("transform: a replay, and a subscription's past, come bit by bit, too") {
  Growing f;
  f.SubscribeAll();
  CHECK(f.Publish1() == Growing::kSubs);
  f.Finish();
  CHECK(std::get<Replayed>(f.Begin({EventReplay{f.last, "", {}}}).what).accepted == Growing::kSubs);
  CHECK(f.CountOf(RecordKind::kAgenda) == 1);
  f.Finish();
  for (const auto& [name, events] : f.Made()) CHECK(events.size() == 2);
  for (int i = 0; i < Growing::kSubs; ++i) f.Tell({SubscriptionDelete{"s" + std::to_string(i), false, {}}});
  for (int i = 0; i < 30; ++i) f.Publish1();
  f.Begin({Topics::PutOf("late", {.transform = Whole(64), .paused = true, .from = WallTime{0}})});
  f.Finish();
  CHECK(f.Made().at("late").size() == 31);
  SubscriptionReplay range;
  range.name = "late";
  CHECK_FALSE(std::get<Replayed>(f.Begin({range}).what).accepted);
  f.Finish();
  CHECK(f.Made().at("late").size() == 62);
  CHECK(f.most <= kMostOfATurn);
}

TEST_CASE("transform: while the disk is slow no more is made than a turn's bytes") {
  Growing f;
  f.SubscribeAll();
  const uint64_t accepted = f.core().totals().accepted;
  f.reads().CloseCommits();
  Publish publish;
  publish.events.push_back(Topics::Item("a.b", Data(15'000)));
  f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{std::move(publish)})});
  for (int i = 0; i < 50; ++i) f.Step();
  CHECK(f.core().totals().accepted - accepted > 0);
  CHECK(f.core().totals().accepted - accepted <= kMostOfATurn / 900'000);
  f.reads().OpenCommits();
  f.Pass(10);
  f.Finish();
  CHECK(f.core().totals().accepted - accepted == Growing::kSubs);
}

TEST_CASE("transform: for the instances of a service it comes bit by bit, once for each, over a crash") {
  const int crash_at = GENERATE(0, 1, 2, 4);
  const bool replay = GENERATE(false, true);
  Growing f;
  auto tell = [&](auto ask) { f.Do(ServiceRequest{{}, std::make_shared<const ServiceAsk>(ServiceAsk{std::move(ask)})}); };
  for (int i = 0; i < Growing::kSubs; ++i) {
    const std::string id = "i" + std::to_string(i);
    tell(PutInstance{"cache", id, {"http://" + id, 1, {}, 0}, {}});
  }
  SubscriptionPut put = Topics::PutOf("each", {.topic = replay ? "none" : "a.*", .transform = Whole(64), .paused = true});
  auto said = std::make_shared<Subscription>(*put.said);
  auto envelope = std::make_shared<Envelope>(*said->envelope);
  envelope->host = "service://cache";
  said->envelope = envelope;
  said->each_instance = true;
  put.said = said;
  f.Tell({put});
  f.Publish1();
  if (replay) {
    f.Finish();
    auto wants = std::make_shared<Subscription>(*said);
    wants->topic = "a.*";
    put.said = wants;
    f.Tell({put});
    SubscriptionReplay range;
    range.name = "each";
    f.Begin({range});
  }
  for (int i = 0; i < crash_at; ++i) f.most = std::max(f.most, f.Step());
  if (crash_at > 0) f.Restart();
  f.Finish();
  std::set<std::string> instances;
  for (const auto& [id, record] : f.image().notifies) instances.insert(record->envelope->flow->instance);
  CHECK(f.image().notifies.size() == Growing::kSubs);
  CHECK(instances.size() == Growing::kSubs);
  CHECK(f.most <= kMostOfATurn);
}

TEST_CASE("transform: what it makes counts below max_stored_bytes; what is left waits for room, or goes with its subscription") {
  CoreLimits limits;
  limits.max_stored_bytes = 3'000'000;
  Growing f(limits);
  f.SubscribeAll();
  // Behind the large one there are more than the agenda begins at once.
  Publish publish;
  publish.batch = true;
  publish.events.push_back(Topics::Item("a.b", Data(15'000)));
  for (int i = 0; i < 99; ++i) publish.events.push_back(Topics::Item("a.b", "{}"));
  f.Begin({std::move(publish)});
  for (int i = 0; i < 50; ++i) f.Step();
  CHECK(f.BytesOfAll() <= 3'000'000 + kMostOfATurn);
  CHECK(f.Made().size() < Growing::kSubs);
  CHECK(std::count_if(f.flow_logs.begin(), f.flow_logs.end(), [](const FlowLog& log) { return log.event == "fan-out waits"; }) == 1);
  Publish more;
  more.events.push_back(Topics::Item("a.b", "{}"));
  CHECK(Topics::CodeOf(f.Try({std::move(more)})) == Code::kDiskFull);
  const bool restart = GENERATE(false, true);
  if (restart) {
    f.Restart();
    f.Post(StoredBytes{5'000'000});
    for (int i = 0; i < 50; ++i) f.Step();
    CHECK(f.Made().size() < Growing::kSubs);
  }
  SECTION("room") {
    for (int i = 0; i < 60; ++i) {
      f.Post(StoredBytes{0});
      f.Step();
      f.Step();
    }
    CHECK(f.Made().size() == Growing::kSubs);
    f.Finish();
    for (const auto& [name, events] : f.Made()) CHECK(events.size() == 100);
  }
  SECTION("what else the agenda has goes on") {
    REQUIRE(f.Made().contains("s1"));
    f.Tell({SubscriptionDelete{"s1", true, {}}});
    for (int i = 0; i < 50; ++i) f.Step();
    for (const auto& [id, record] : f.image().notifies)
      if (record->envelope->flow->subscription == "s1") CHECK(record->state.phase == Phase::kCancelled);
  }
  SECTION("their subscriptions go") {
    for (int i = 0; i < Growing::kSubs; ++i) f.Tell({SubscriptionDelete{"s" + std::to_string(i), false, {}}});
    f.Finish();
    CHECK(f.Made().size() < Growing::kSubs);
  }
}

}  // namespace notifyd
