// What events that were taken are still to be made of counts in the quotas, whoever asks, until it is made or nobody is to make it any more.
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "broker/topics_fixture.h"

namespace notifyd {
namespace {

CoreLimits AtMostPending(uint64_t most) {
  CoreLimits limits;
  limits.max_pending = most;
  return limits;
}

class Promising : public Topics {
 public:
  explicit Promising(CoreLimits limits = {}) : Topics(limits) { check_every = 100'000; }
  void SubscribeMany(int count, const Sub& sub) {
    for (int i = 0; i < count; ++i) Subscribe("s" + std::to_string(i), sub);
  }
  /// To be answered in the turn that comes.
  uint64_t Begin(TopicAsk ask) { return Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(std::move(ask))}); }
  uint64_t BeginPublish(std::vector<EventItem> items) {
    Publish publish;
    publish.batch = items.size() > 1;
    publish.events = std::move(items);
    return Begin({std::move(publish)});
  }
  Code TryPublish(const std::string& topic = "a.b") {
    Publish publish;
    publish.events.push_back(Item(topic, "{}"));
    return CodeOf(Try({std::move(publish)}));
  }
  void Step() {
    Post(Tick{});
    Turn();
    core().CheckInvariants();
  }
  void Limit(const CoreLimits& limits) { Post(LimitsChanged{std::make_shared<const CoreLimits>(limits)}); }
  const Totals& totals() { return core().totals(); }
  void CheckKept() {
    CHECK(CountOf(RecordKind::kAgenda) == 0);
    core().CheckInvariants();
    CHECK(totals().promised == 0);
    CHECK(totals().promised_bytes == 0);
    CHECK(image().totals.promised == 0);
    CHECK(image().totals.promised_bytes == 0);
  }
};

}  // namespace

TEST_CASE("promises: publishes at once take no more of max_pending than there is, though they are fanned out later, and nobody else does") {
  Promising f(AtMostPending(3'000));
  f.SubscribeMany(1'200, {.paused = true});
  std::vector<uint64_t> asked;
  for (int i = 0; i < 100; ++i) asked.push_back(f.BeginPublish({Topics::Item("a.b", "{}")}));
  f.Turn();
  f.core().CheckInvariants();
  CHECK(f.totals().pending() < 2'400);
  CHECK(f.totals().claimed() == 2'400);
  CHECK(Topics::CodeOf(f.TrySubmit(std::vector<CoreFixture::Fields>(601))) == Code::kTooMany);
  CHECK(Topics::CodeOf(f.TrySubmit(std::vector<CoreFixture::Fields>(600))) == Code::kOk);
  CHECK(Topics::CodeOf(f.TrySubmit({{}})) == Code::kTooMany);
  f.Pass(100);
  CHECK(f.totals().pending() == 3'000);
  f.CheckKept();
  NotifyId taken;
  int refused = 0;
  for (const uint64_t token : asked) {
    const Reply& reply = f.replies.at(token);
    refused += Topics::CodeOf(reply) == Code::kTooMany;
    if (const auto* answered = std::get_if<TopicAnswered>(&reply.body)) taken = std::get<Published>(answered->answer->what).events.at(0).id;
  }
  CHECK(refused == 98);
  // Of the past nothing is brought again either; what goes makes room.
  CHECK(Topics::CodeOf(f.Try({EventReplay{taken, "", {}}})) == Code::kTooMany);
  CHECK(f.TryPublish("b.b") == Code::kOk);  // nobody wants it
  for (int i = 0; i < 600; ++i) f.Begin({SubscriptionDelete{"s" + std::to_string(i), true, {}}});
  f.Pass(500);
  CHECK(f.totals().pending() == 1'800);
  const uint64_t again = f.Begin({EventReplay{taken, "", {}}}), more = f.Begin({EventReplay{taken, "", {}}}),
                 most = f.Begin({EventReplay{taken, "", {}}});
  f.Pass(100);
  CHECK(Topics::CodeOf(f.replies.at(again)) == Code::kOk);
  CHECK(Topics::CodeOf(f.replies.at(more)) == Code::kOk);
  CHECK(Topics::CodeOf(f.replies.at(most)) == Code::kTooMany);
  CHECK(f.totals().pending() == 3'000);
  f.CheckKept();
}

TEST_CASE("promises: what is made behind others counts below max_stored_bytes from when it is taken on") {
  Promising f;
  f.SubscribeMany(1'200, {.paused = true});
  // Each of the notifies takes 256 bytes and its template.
  CoreLimits limits;
  limits.max_stored_bytes = 1'000'000;
  f.Limit(limits);
  f.Post(StoredBytes{0});
  std::vector<uint64_t> asked;
  for (int i = 0; i < 10; ++i) asked.push_back(f.BeginPublish({Topics::Item("a.b", "{}")}));
  f.Turn();
  CHECK(f.totals().promised_bytes > 0);
  f.Pass(100);
  uint64_t taken = 0;
  for (const uint64_t token : asked) taken += Topics::CodeOf(f.replies.at(token)) == Code::kOk;
  CHECK(taken >= 1);
  CHECK(taken <= 3);
  CHECK(f.totals().pending() == 1'200 * taken);
  f.CheckKept();
  // What is measured from then on has it.
  f.Post(StoredBytes{0});
  CHECK(f.TryPublish() == Code::kOk);
  f.Pass(100);
  f.CheckKept();
}

TEST_CASE("promises: however a fan-out ends, nothing of it stays promised") {
  const int ends = GENERATE(0, 1, 2, 3, 4, 5, 6);
  Promising f;
  const bool transforms = ends == 5;
  f.SubscribeMany(1'500, {.transform = transforms ? R"({"a":"/a"})" : "", .max_pending = ends == 2 ? uint64_t{1} : kDefaultMaxPending});
  f.Tell({TopicPut{"a.b", {}, {}}});
  const uint64_t asked = f.BeginPublish({Topics::Item("a.b", R"({"a":1})"), Topics::Item("a.c", R"({"a":2})"), Topics::Item("a.b", R"({"a":3})")});
  uint64_t made = 4'500;
  for (int i = 0; i < 1'500; ++i) {
    const std::string name = "s" + std::to_string(i);
    if (ends == 0) f.Begin({SubscriptionDelete{name, false, {}}});
    if (ends == 1) f.Begin({Topics::PutOf(name, {.enabled = false})});
    if (ends == 3 && i % 3 == 0) f.Begin({SubscriptionDelete{name, true, {}}});
    if (ends == 6) f.Begin({Topics::PutOf(name, {.topic = "b.*"})});
  }
  if (ends == 0 || ends == 1) made = 0;
  if (ends == 2) made = 1'500;
  if (ends == 3) made = 3'000;
  if (ends == 4) {
    f.Begin({TopicDelete{"a.b", {}}});
    f.Limit(AtMostPending(0));
  }
  if (ends == 5) {
    // What is promised is more than may be stored by now: it goes on all the same, as long as what is there is not.
    CoreLimits limits;
    limits.max_stored_bytes = 50'000;
    f.Limit(limits);
  }
  f.Step();
  for (int i = 0; i < 200 && f.CountOf(RecordKind::kAgenda) > 0; ++i) {
    if (transforms) f.Post(StoredBytes{0});
    f.Step();
  }
  f.Run();
  CHECK(Topics::CodeOf(f.replies.at(asked)) == Code::kOk);
  CHECK(f.totals().accepted == made);
  f.CheckKept();
}

TEST_CASE("promises: a start finds what is promised, whatever a crash or a stop left of it") {
  const int how = GENERATE(0, 1, 2);
  const int after = GENERATE(1, 2, 3, 4, 6);
  Promising f(AtMostPending(5'000));
  f.SubscribeMany(1'500, {.paused = true});
  f.BeginPublish({Topics::Item("a.b", "{}"), Topics::Item("a.c", "{}"), Topics::Item("a.d", "{}")});
  f.Turn();
  CHECK(f.totals().claimed() == 4'500);
  for (int i = 0; i < after; ++i) f.Step();
  if (how == 2) {
    f.Post(StopRequested{});
    f.Run();
    f.Pass(10);
  }
  f.Restart(how == 1 ? CrashKind::kPower : CrashKind::kKill, /*pages=*/false);
  CHECK(f.totals().claimed() == 4'500);
  f.reads().OpenPages();
  f.Step();
  CHECK(f.totals().claimed() == 4'500);
  CHECK(f.TryPublish() == Code::kTooMany);
  CHECK(Topics::CodeOf(f.TrySubmit(std::vector<CoreFixture::Fields>(501))) == Code::kTooMany);
  f.Pass(100);
  CHECK(f.totals().pending() == 4'500);
  f.CheckKept();
  CHECK(f.TryPublish() == Code::kTooMany);
  CHECK(Topics::CodeOf(f.TrySubmit(std::vector<CoreFixture::Fields>(500))) == Code::kOk);
}

TEST_CASE("promises: what an earlier notifyd left promised, and made, is promised no more") {
  FakeImage image;
  image.totals.promised = 7;
  image.totals.promised_bytes = 700;
  if (GENERATE(false, true)) {
    // The agenda has something, and no fan-out.
    std::string key;
    Encoder(&key).Big64(1);
    image.records[{RecordKind::kAgenda, key}] = {"\x7f of no kind that is known", kWallNever};
    image.totals.next_serial = 2;
    image.totals.records[RecordKind::kAgenda] = 1;
  }
  CoreFixture f({}, std::move(image));
  f.Run();
  f.Pass(10);
  CHECK(f.core().totals().promised == 0);
  CHECK(f.core().totals().promised_bytes == 0);
}

TEST_CASE("promises: an event that takes long to match counts for others as all that it could make, until that is known") {
  Promising f(AtMostPending(15));
  // Asks for each of 60 fields that an element may have, and for one that no element has.
  std::string filter = R"({"data":{"$or":[)";
  for (int i = 0; i < 60; ++i) filter += "{\"k" + std::to_string(i) + "\":1},";
  filter += R"({"n":1}]}})";
  for (int i = 0; i < 10; ++i) f.Subscribe("s" + std::to_string(i), {.filter = filter, .paused = true});
  f.Subscribe("all", {.paused = true});
  std::string data = "[";
  for (int i = 0; i < 20'000; ++i) data += R"({"k1":2},)";
  data += "{}]";
  const uint64_t large = f.BeginPublish({Topics::Item("a.b", data)}), small = f.BeginPublish({Topics::Item("a.b", R"({"n":1})")});
  f.Turn();
  f.Turn();
  REQUIRE(f.replies.contains(large));
  CHECK(Topics::CodeOf(f.replies.at(large)) == Code::kOk);
  CHECK(f.totals().claimed() == 11);
  REQUIRE(f.replies.contains(small));
  CHECK(Topics::CodeOf(f.replies.at(small)) == Code::kTooMany);
  for (int i = 0; i < 10'000 && f.CountOf(RecordKind::kAgenda) > 0; ++i) f.Step();
  f.CheckKept();
  CHECK(f.totals().pending() == 1);
  CHECK(f.Emit(Topics::Item("a.b", R"({"n":1})")).matched == 11);
}

TEST_CASE("promises: past events are brought to a subscription as max_pending has room, each once, in order, and over restarts") {
  const bool restart = GENERATE(false, true);
  const bool replay = GENERATE(false, true);
  Promising f(AtMostPending(50));
  std::vector<NotifyId> ids;
  if (replay) f.Subscribe("late");
  for (int i = 0; i < 600; ++i) {
    ids.push_back(f.Emit(Topics::Item("a.b", "{}")).id);
    if (i % 40 == 39) f.ServeAll();
  }
  const uint64_t before = f.totals().accepted;
  auto waits = [&] { return std::count_if(f.flow_logs.begin(), f.flow_logs.end(), [](const FlowLog& log) { return log.event == "fan-out waits"; }); };
  SubscriptionReplay again{.name = "late"};
  if (replay) CHECK_FALSE(std::get<Replayed>(f.Tell({again}).what).accepted);
  else f.Subscribe("late", {.from = WallTime{0}});
  f.Pass(100);
  CHECK(f.totals().pending() == 50);
  CHECK(waits() == 1);
  CHECK(Topics::CodeOf(f.TrySubmit({{}})) == Code::kTooMany);
  if (replay) CHECK(Topics::CodeOf(f.Try({again})) == Code::kTooMany);
  if (restart) f.Restart();
  uint64_t most = 0;
  for (int i = 0; i < 1'000 && f.CountOf(RecordKind::kAgenda) > 0; ++i) {
    while (!f.starts.empty()) f.End(StartAttempt(f.starts.front()), Verdict::kSuccess);
    f.Pass(5);
    most = std::max(most, f.totals().pending());
  }
  CHECK(most == 50);
  CHECK(waits() == 1 + restart);
  CHECK(f.totals().accepted == before + 600);
  std::vector<NotifyId> made = f.Made().at("late");
  REQUIRE(made.size() == (replay ? 1'200 : 600));
  CHECK(std::vector<NotifyId>(made.end() - 600, made.end()) == ids);
  f.CheckKept();
}

TEST_CASE("promises: what was taken is made while scans wait for room, and these go with their subscriptions") {
  Promising f;
  for (int i = 0; i < 5; ++i) f.Emit(Topics::Item("a.b", "{}"));
  f.SubscribeMany(1'200, {.topic = "b.*", .paused = true});
  f.Limit(AtMostPending(2'400));
  const uint64_t asked = f.BeginPublish({Topics::Item("b.c", "{}"), Topics::Item("b.d", "{}")});
  // Far more than the agenda carries out at once.
  for (int i = 0; i < 200; ++i) f.Begin({Topics::PutOf("late" + std::to_string(i), {.paused = true, .from = WallTime{0}})});
  for (int i = 0; i < 100; ++i) f.Step();
  CHECK(Topics::CodeOf(f.replies.at(asked)) == Code::kOk);
  CHECK(f.totals().pending() == 2'400);
  CHECK(f.totals().promised == 0);
  CHECK(f.CountOf(RecordKind::kAgenda) == 200);
  for (int i = 0; i < 200; ++i) f.Begin({SubscriptionDelete{"late" + std::to_string(i), false, {}}});
  f.Pass(1'000);
  CHECK(f.totals().pending() == 2'400);
  f.CheckKept();
}

TEST_CASE("promises: a namespace is not empty while an event is still to be made into notifies") {
  Promising f;
  f.SubscribeMany(1'200, {.paused = true});
  const uint64_t asked = f.BeginPublish({Topics::Item("a.b", "{}")});
  f.Post(CloseIfEmpty{});
  f.Turn();
  REQUIRE(f.closed);
  CHECK(f.closed->pending == 0);
  CHECK(f.closed->promised == 1'200);
  f.Pass(100);
  CHECK(Topics::CodeOf(f.replies.at(asked)) == Code::kOk);
  CHECK(f.totals().pending() == 1'200);
  CHECK(f.TryPublish() == Code::kOk);
  f.Pass(100);
  f.CheckKept();
}

TEST_CASE("promises: a namespace is not empty while past events, or one that was let go, are still to be made into notifies") {
  Promising f;
  const bool past = GENERATE(false, true);
  if (past) {
    f.Emit(Topics::Item("a.b", "{}"));
    f.Begin({Topics::PutOf("late", {.paused = true, .from = WallTime{0}})});
  } else {
    f.SubscribeMany(3, {.paused = true});
    EventItem held = Topics::Item("a.b", "{}");
    held.fkey = "k";
    f.Emit(held);
    TriggerRequest trigger;
    trigger.fkey = "k";
    f.Ask(trigger);
  }
  f.Post(CloseIfEmpty{});
  f.Turn();
  REQUIRE(f.closed);
  CHECK_FALSE(f.closed->none());
  if (past) CHECK((f.closed->pending == 0 && f.closed->begun > 0));
  f.Pass(100);
  CHECK(f.totals().pending() == (past ? 1 : 3));
}

TEST_CASE("promises: an event that was held has none, and takes none of those behind it") {
  Promising f(AtMostPending(5'000));
  f.SubscribeMany(1'200, {.paused = true});
  EventItem held = Topics::Item("a.b", "{}");
  held.fkey = "k";
  f.Emit(held);
  TriggerRequest trigger;
  trigger.fkey = "k";
  f.Ask(trigger);
  f.Turn();
  f.BeginPublish({Topics::Item("a.b", "{}"), Topics::Item("a.c", "{}")});
  f.Step();
  CHECK(f.totals().promised > 0);
  for (int i = 0; i < 100 && f.CountOf(RecordKind::kAgenda) > 0; ++i) f.Step();
  f.Pass(100);
  CHECK(f.totals().pending() == 3'600);
  f.CheckKept();
}

}  // namespace notifyd
