// Events that come to an fkey under which something is held already: what `on_held` says of them, alone, in one request, and again. Contract section
// 3, as section 12 takes it over.
#include "broker/topics_fixture.h"

namespace notifyd {
namespace {

EventItem Under(const std::string& fkey, OnHeld on_held, const std::string& key = "") {
  EventItem item = Topics::Item("a.b", R"({"a":1})");
  item.fkey = fkey;
  item.on_held = on_held;
  item.idempotency_key = key;
  if (!key.empty()) item.fields = FingerprintOf(fkey);
  return item;
}

Publish Batch(std::vector<EventItem> events) {
  Publish publish;
  publish.events = std::move(events);
  publish.batch = true;
  return publish;
}

}  // namespace

TEST_CASE("held events: one that gives way to what is held is none that was published, and its key answers with that from then on") {
  const bool crash = GENERATE(false, true);
  Topics f;
  f.Subscribe("one");
  const NotifyId held = f.Emit(Under("k", OnHeld::kReject)).id;
  const Published::Item kept = f.Emit(Under("k", OnHeld::kKeep, "K"));
  CHECK(kept.id == held);
  CHECK(kept.kept);
  CHECK_FALSE(kept.duplicate);
  if (crash) f.Restart();
  f.Trigger("k");
  f.ServeAll();
  // The same request again, since its answer was lost.
  const Published::Item repeat = f.Emit(Under("k", OnHeld::kKeep, "K"));
  CHECK(repeat.id == held);
  CHECK(repeat.duplicate);
  CHECK_FALSE(repeat.kept);
  CHECK(repeat.matched == 1);
  EventItem other = Under("k", OnHeld::kKeep, "K");
  other.fields = FingerprintOf("others");
  CHECK(Topics::CodeOf(f.Try({Batch({other})})) == Code::kUnacceptable);
  CHECK(f.CountOf(RecordKind::kEvent) == 1);
  CHECK(f.Balances());
}

TEST_CASE("held events: those of one request are judged in its order, as notifies are") {
  Topics f;
  f.Subscribe("one");
  const bool before = GENERATE(false, true);
  const NotifyId first = before ? f.Emit(Under("k", OnHeld::kReject)).id : NotifyId{};
  const OnHeld begins = before ? OnHeld::kReplace : OnHeld::kReject;
  const auto items = std::get<Published>(f.Tell({Batch({Under("k", begins), Under("k", OnHeld::kKeep, "K"), Under("k", OnHeld::kReplace),
                                                        Under("k", OnHeld::kKeep, "K"), Under("k", OnHeld::kKeep)})})
                                             .what)
                         .events;
  REQUIRE(items.size() == 5);
  CHECK(items[0].fresh());
  CHECK(items[1].kept);
  CHECK(items[1].id == items[0].id);
  CHECK(items[2].fresh());
  CHECK(items[2].id != items[0].id);
  CHECK(items[3].duplicate);
  CHECK_FALSE(items[3].kept);
  CHECK(items[3].id == items[0].id);
  CHECK(items[4].kept);
  CHECK(items[4].id == items[2].id);
  if (before) CHECK(f.StateOf(first) == State::kCancelled);
  CHECK(f.StateOf(items[0].id) == State::kCancelled);
  CHECK(f.StateOf(items[2].id) == State::kHeld);
  CHECK(Topics::CodeOf(f.Try({Batch({Under("free", OnHeld::kReject), Under("free", OnHeld::kReject)})})) == Code::kConflict);
  f.Restart();
  CHECK(std::get<Triggered>(f.Trigger("k").body).id == items[2].id);
  f.ServeAll();
  CHECK(f.Made()["one"] == std::vector<NotifyId>{items[2].id});
  CHECK(f.Balances());
}

TEST_CASE("held events: one that takes the place of another needs no further one below max_pending") {
  CoreLimits limits;
  limits.max_pending = 1;
  Topics f(limits);
  f.Emit(Under("k", OnHeld::kReject));
  CHECK(f.Emit(Under("k", OnHeld::kReplace)).fresh());
  CHECK(std::get<Published>(f.Tell({Batch({Under("k", OnHeld::kReplace), Under("k", OnHeld::kReplace)})}).what).events.size() == 2);
  CHECK(Topics::CodeOf(f.Try({Batch({Under("other", OnHeld::kReplace)})})) == Code::kTooMany);
}

TEST_CASE("held events: what a trigger that came before lets go holds nothing for those behind it in the request") {
  Topics f;
  f.Subscribe("one");
  TriggerRequest early;
  early.fkey = "k";
  early.remember_ms = 10'000;
  f.Do(early);
  const auto items = std::get<Published>(f.Tell({Batch({Under("k", OnHeld::kReject), Under("k", OnHeld::kReject)})}).what).events;
  CHECK_FALSE(items.at(0).held);
  CHECK(items.at(1).held);
  f.ServeAll();
  CHECK(f.Made()["one"] == std::vector<NotifyId>{items[0].id});
  CHECK(f.StateOf(items[1].id) == State::kHeld);
}

}  // namespace notifyd
