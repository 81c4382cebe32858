// What waits of a subscription that is deleted, moved or resumed: what goes with it is not sent, and what stays held back stays so.
#include <catch2/catch.hpp>

#include "broker/topics_fixture.h"

namespace notifyd {
namespace {

uint64_t CountCancelled(const Topics& f) {
  uint64_t count = 0;
  for (const auto& [id, record] : f.image().notifies) count += record->state.phase == Phase::kCancelled && record->state.reason == "unsubscribed";
  return count;
}

/// Carries the core over so many turns, and over a crash where there are any.
void CrashAfter(Topics* f, int turns) {
  for (int i = 0; i < turns; ++i) {
    f->Post(Tick{});
    f->Turn();
  }
  if (turns > 0) f->Restart();
}

LanePatch OneAtOnce() {
  LanePatch patch;
  patch.concurrency.emplace(1);
  return patch;
}

}  // namespace

TEST_CASE("unsubscribe: nothing of what a paused subscription held back is sent, over crashes and where its name is put anew") {
  const std::string order_by = GENERATE("", "key");
  const bool anew = GENERATE(false, true);
  const int crash_at = GENERATE(0, 1, 2, 4, 7);
  Topics f;
  f.check_every = 100'000;
  f.Subscribe("gone", {.order_by = order_by, .paused = true});
  for (int i = 0; i < 1'200; ++i) f.Emit(Topics::Item("a.b", "{}", "k" + std::to_string(i)));
  f.Tell({SubscriptionDelete{"gone", true, {}}});
  if (anew) f.Subscribe("gone", {.order_by = order_by});
  CrashAfter(&f, crash_at);
  f.Pass(50);
  CHECK(f.sent.empty());
  CHECK(CountCancelled(f) == 1'200);
  if (!anew) return;
  // The new one of that name is another.
  f.Emit(Topics::Item("a.b", "{}", "k"));
  f.ServeAll();
  CHECK(f.sent.size() == 1);
  CHECK(f.See("gone").pending == 0);
  CHECK(f.Balances());
}

TEST_CASE("unsubscribe: what was made of events a moment before, and is not written yet, is cancelled with the rest") {
  Topics f;
  f.Subscribe("gone", {.paused = true});
  f.Emit(Topics::Item("a.b", "{}"));
  f.reads().CloseCommits();
  const auto tell = [&](TopicAsk ask) { f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(std::move(ask))}); };
  Publish publish;
  for (int i = 0; i < 20; ++i) publish.events.push_back(Topics::Item("a.b", "{}"));
  publish.batch = true;
  tell({std::move(publish)});
  f.Run();
  tell({SubscriptionDelete{"gone", true, {}}});
  f.Run();
  f.reads().OpenCommits();
  f.ServeAll();
  CHECK(f.sent.empty());
  CHECK(CountCancelled(f) == 21);
  CHECK(f.Balances());
}

TEST_CASE("unsubscribe: of one that was not paused nothing begins any more, and what is in flight ends") {
  const bool crash = GENERATE(false, true);
  Topics f;
  f.Subscribe("gone", {.lane = "shared"});
  f.Subscribe("stays", {.topic = "c", .lane = "shared"});
  f.SetLane({Mode::kConcurrent, "shared"}, OneAtOnce());
  for (int i = 0; i < 30; ++i) f.Emit(Topics::Item("a.b", "{}"));
  const NotifyId other = f.Event(f.Emit(Topics::Item("c", "{}")).id).notifies.at(0).id;
  REQUIRE(f.sent.size() == 1);
  const NotifyId in_flight = f.sent.front().id;
  // Seen before anything of it is cancelled by the agenda, which reads what there is first.
  f.reads().ClosePages();
  const uint64_t token = f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{SubscriptionDelete{"gone", true, {}}})});
  f.Run();
  REQUIRE(f.replies.contains(token));
  f.reads().OpenPages();
  if (crash) f.Restart();
  else f.EndFirst(Verdict::kFailure);
  f.ServeAll();
  f.Pass(120'000);
  for (const StartAttempt& start : f.sent) CHECK((start.id == in_flight || start.id == other));
  CHECK(f.StateOf(other) == State::kSucceeded);
  CHECK(f.StateOf(in_flight) == State::kCancelled);
  CHECK(CountCancelled(f) == 30);
}

TEST_CASE("unsubscribe: a paused subscription that moves to another lane holds back what waits in the one before, until it is resumed") {
  const bool restart = GENERATE(false, true);
  Topics f;
  f.Subscribe("one", {.lane = "a", .paused = true});
  for (int i = 0; i < 3; ++i) f.Emit(Topics::Item("a.b", "{}"));
  f.Subscribe("one", {.lane = "b", .paused = true});
  f.Subscribe("one", {.order_by = "key", .lane = "c", .paused = true});
  f.Emit(Topics::Item("a.b", "{}", "k"));
  if (restart) f.Restart();
  f.Pass(50);
  CHECK(f.sent.empty());
  f.Subscribe("one", {.order_by = "key", .lane = "c"});
  f.ServeAll();
  CHECK(f.sent.size() == 4);
  CHECK(Topics::CodeOf(f.TryLane({Mode::kConcurrent, "a"})) == Code::kNotFound);  // it has no settings any more
}

TEST_CASE("unsubscribe: a lane of several paused subscriptions stays paused as long as one of them is") {
  Topics f;
  f.Subscribe("one", {.order_by = "key", .lane = "l", .paused = true});
  f.Subscribe("two", {.order_by = "key", .lane = "l", .paused = true});
  f.Subscribe("three", {.order_by = "key", .lane = "l", .paused = true});
  for (int i = 0; i < 8; ++i) f.Emit(Topics::Item("a.b", "{}", "k" + std::to_string(i)));
  f.Subscribe("one", {.order_by = "key", .lane = "l"});
  f.Tell({SubscriptionDelete{"two", false, {}}});
  f.Pass(50);
  CHECK(f.sent.empty());
  f.Tell({SubscriptionDelete{"three", true, {}}});
  f.ServeAll();
  CHECK(f.sent.size() == 16);
}

TEST_CASE("topics: what was skipped of a subscription is over once it is deleted, whatever is still pending of it") {
  const bool cancel = GENERATE(false, true), restart = GENERATE(false, true);
  Topics f;
  f.Subscribe("slow", {.paused = true, .max_pending = 2});
  for (int i = 0; i < 5; ++i) f.Emit(Topics::Item("a.b", "{}"));
  CHECK(f.See("slow").skipped == 3);
  SECTION("deleted and made again at once") {
    f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{SubscriptionDelete{"slow", cancel, {}}})});
    f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{Topics::PutOf("slow", {.paused = true, .max_pending = 2})})});
    f.Run();
  }
  SECTION("made again later") {
    f.Tell({SubscriptionDelete{"slow", cancel, {}}});
    if (restart) f.Restart();
    f.Subscribe("slow", {.paused = true, .max_pending = 2});
  }
  SECTION("deleted by an earlier notifyd, which kept it as long as something was pending") {
    FakeImage image = f.image();
    image.records.erase({RecordKind::kSubscription, "slow"});
    --image.totals.records[RecordKind::kSubscription];
    Topics later({}, std::move(image));
    later.Subscribe("slow", {.paused = true, .max_pending = 2});
    CHECK(later.See("slow").skipped == 0);
    CHECK(later.See("slow").pending == 2);
    return;
  }
  if (restart) f.Restart();
  CHECK(f.See("slow").skipped == 0);
  CHECK(f.See("slow").pending == (cancel ? 0 : 2));
  // Its own count from the first.
  for (int i = 0; i < 4; ++i) f.Emit(Topics::Item("a.b", "{}"));
  CHECK(f.See("slow").skipped == (cancel ? 2 : 4));
}

TEST_CASE("unsubscribe: a retry of what is still to be cancelled with its subscription is refused, and kept once that is over") {
  Topics f;
  f.check_every = 100'000;
  f.Subscribe("gone", {.paused = true});
  const NotifyId event = f.Emit(Topics::Item("a.b", "{}")).id;
  NotifyId id;
  for (const auto& [each, record] : f.image().notifies) id = each;
  REQUIRE(event.value != 0);
  f.Do(CancelRequest{{}, id});
  for (int i = 0; i < 1'200; ++i) f.Emit(Topics::Item("a.b", "{}", "k" + std::to_string(i)));
  f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{SubscriptionDelete{"gone", true, {}}})});
  const bool bulk = GENERATE(false, true);
  const uint64_t retried = bulk ? 0 : f.Ask(RetryRequest{{}, id});
  f.Post(Tick{});
  f.Turn();
  if (bulk) {
    CHECK(f.Bulk(BulkKind::kRetry, {State::kCancelled}).count == 0);
  } else {
    f.Run();
    CHECK(Topics::CodeOf(f.replies.at(retried)) == Code::kConflict);
  }
  f.Pass(100);
  CHECK(CountCancelled(f) == 1'200);
  CHECK(std::holds_alternative<Retried>(f.Do(RetryRequest{{}, id}).body));
  f.Pass(100);
  CHECK(f.UnderWay() == std::vector{id});
}

}  // namespace notifyd
