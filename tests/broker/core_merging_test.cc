// The core without any I/O: what submits and publishes load of what their keys name, and how much they merge in a turn. One behaviour a case.
#include "broker/topics_fixture.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

using Fields = CoreFixture::Fields;

void RememberFor(CoreFixture& f, const std::string& fkey, std::string data) {
  TriggerRequest r;
  r.fkey = fkey;
  r.remember_ms = 1'000'000;
  r.data = std::move(data);
  REQUIRE(std::holds_alternative<Remembered>(f.Do(std::move(r)).body));
}

std::string Long(size_t bytes) {
  return R"({"long":")" + std::string(bytes, 'x') + "\"}";
}

Fields Under(const std::string& fkey, std::string data = R"({"a":1})") {
  Fields f;
  f.fkey = fkey;
  f.data = std::move(data);
  f.lane = "of " + fkey;
  return f;
}

SubmitRequest Batch(const std::vector<Fields>& items) {
  SubmitRequest r;
  r.batch = true;
  for (const Fields& item : items) r.items.push_back(CoreFixture::Item(item));
  return r;
}

/// `count` items with this data, "k0" and so on, each under a remembered trigger with `triggers`.
std::vector<Fields> Remembering(CoreFixture& f, int count, const std::string& data, const std::string& triggers = R"({"b":2})") {
  std::vector<Fields> items;
  for (int i = 0; i < count; ++i) {
    items.push_back(Under("k" + std::to_string(i), data));
    RememberFor(f, items.back().fkey, triggers);
  }
  return items;
}

/// Turns until it is answered. `between`: before each of them.
size_t TurnsUntilAnswered(CoreFixture& f, uint64_t token, const std::function<void()>& between = {}) {
  size_t turns = 0;
  while (!f.replies.contains(token)) {
    REQUIRE(++turns < 1'000);
    if (between) between();
    f.Post(Tick{});
    f.Turn();
  }
  return turns;
}

TEST_CASE("keys: what submits and publishes look up by them is loaded without its body, however many they are") {
  Topics f;
  f.Tell({TopicPut{"a.b", {}, {}}});
  std::vector<Fields> items;
  Publish publish;
  publish.batch = true;
  for (int i = 0; i < 40; ++i) {
    Fields item = Under("k" + std::to_string(i), Long(10'000));
    item.idempotency_key = "once " + std::to_string(i);
    items.push_back(item);
    EventItem event = Topics::Item("a.b", Long(10'000));
    event.fkey = "event " + std::to_string(i);
    publish.events.push_back(event);
  }
  REQUIRE(std::holds_alternative<Submitted>(f.TrySubmit(items).body));
  f.Tell({publish});
  f.Restart();
  const size_t before = f.reads().whole();
  for (const SubmittedItem& item : std::get<Submitted>(f.TrySubmit(items).body).items) CHECK(item.duplicate);
  for (Fields& item : items) {
    item.idempotency_key.clear();
    item.on_held = OnHeld::kKeep;
  }
  for (const SubmittedItem& item : std::get<Submitted>(f.TrySubmit(items).body).items) CHECK(item.kept);
  for (Fields& item : items) item.on_held = OnHeld::kReject;
  CHECK(CoreFixture::CodeOf(f.TrySubmit(items)) == Code::kConflict);
  for (EventItem& event : publish.events) event.on_held = OnHeld::kKeep;
  f.Tell({publish});
  for (Fields& item : items) item.on_held = OnHeld::kReplace;
  CHECK(std::holds_alternative<Submitted>(f.TrySubmit(items).body));
  CHECK(f.reads().whole() == before);
  CHECK(f.Stats().totals.cancelled == 40);
}

TEST_CASE("keys: what was looked up without its body is triggered, cancelled and sent with it") {
  CoreFixture f;
  Fields told = Under("told", Long(5'000));
  told.callback = "told:80";
  f.Submit(told);
  f.Submit(Under("sent", Long(5'000)));
  f.Restart();
  for (const char* fkey : {"told", "sent"}) CHECK(CoreFixture::CodeOf(f.TrySubmit({Under(fkey)}, false)) == Code::kConflict);
  f.Trigger("sent", R"({"b":2})");
  REQUIRE(f.starts.size() == 1);
  CHECK(DecodeSpec(*f.starts[0].spec)->payload == Long(5'000).substr(0, 5'010) + R"(,"b":2})");
  FkeyCancelRequest cancel;
  cancel.fkey = "told";
  CHECK(std::holds_alternative<Viewed>(f.Do(cancel).body));
  CHECK(f.starts.size() == 2);  // the callback
}

TEST_CASE("remembered trigger: of long data one request loads 8 MiB at most, and is refused in words beyond that") {
  CoreFixture f;
  std::vector<Fields> items = Remembering(f, 12, R"({"a":1})", Long(1'000'000));
  f.Restart();
  const uint64_t whole = f.Ask(Batch(items));
  TurnsUntilAnswered(f, whole);
  REQUIRE(CoreFixture::CodeOf(f.replies.at(whole)) == Code::kTooLarge);
  const Status& status = std::get<Refused>(f.replies.at(whole).body).status;
  CHECK(status.field() == "/8/fkey");
  CHECK_THAT(status.detail(), Catch::Contains("8 MiB of data"));
  CHECK(f.reads().remembered() == 8);
  CHECK(f.Stats().totals.accepted == 0);
  // Each by itself: as many as there is room for.
  SubmitRequest each = Batch(items);
  each.each = true;
  each.batch = false;
  const uint64_t lines = f.Ask(std::move(each));
  TurnsUntilAnswered(f, lines);
  const auto& taken = std::get<Submitted>(f.replies.at(lines).body).items;
  for (size_t i = 0; i < 12; ++i) CHECK(taken.at(i).refused.code() == (i < 8 ? Code::kOk : Code::kTooMany));
  CHECK(f.reads().remembered() == 16);
  // The rest, in a request of their own.
  const uint64_t rest = f.Ask(Batch({items.begin() + 8, items.end()}));
  TurnsUntilAnswered(f, rest);
  CHECK(std::holds_alternative<Submitted>(f.replies.at(rest).body));
  CHECK(f.Stats().totals.accepted == 12);
}

TEST_CASE("remembered trigger: of many requests one at a time loads data, and merges") {
  CoreFixture f;
  constexpr size_t kRequests = 20, kEach = 4;
  for (size_t i = 0; i < kRequests * kEach; ++i) RememberFor(f, "k" + std::to_string(i), Long(100'000));
  f.Restart();
  const size_t before = f.reads().remembered();
  std::vector<uint64_t> tokens;
  for (size_t i = 0; i < kRequests; ++i) {
    std::vector<Fields> items;
    for (size_t k = 0; k < kEach; ++k) items.push_back(Under("k" + std::to_string(i * kEach + k)));
    tokens.push_back(f.Ask(Batch(items)));
  }
  // So many are loaded as those that are answered needed, and one that is decided and not written yet, and the next one.
  size_t answered = 0;
  while (answered < kRequests) {
    f.Post(Tick{});
    f.Turn();
    answered = static_cast<size_t>(std::count_if(tokens.begin(), tokens.end(), [&](uint64_t token) { return f.replies.contains(token); }));
    REQUIRE(f.reads().remembered() - before <= (answered + 2) * kEach);
  }
  f.Run();
  CHECK(f.Stats().totals.accepted == kRequests * kEach);
}

TEST_CASE("remembered trigger: long data is shown, and merged, after a restart") {
  CoreFixture f;
  RememberFor(f, "k", Long(50'000));
  f.Restart();
  FkeyGetRequest get;
  get.fkey = "k";
  CHECK(std::get<RememberedViewed>(f.Do(get).body).trigger->data == Long(50'000));
  f.Restart();
  f.Submit(Under("k"));
  REQUIRE(f.starts.size() == 1);
  CHECK(DecodeSpec(*f.starts[0].spec)->payload == R"({"a":1,)" + Long(50'000).substr(1));
}

TEST_CASE("remembered trigger: a turn merges little of a batch, others are served between, and it is taken whole or not at all") {
  CoreFixture f;
  std::vector<Fields> items = Remembering(f, 40, Long(60'000));
  const uint64_t batch = f.Ask(Batch(items));
  std::vector<uint64_t> between;
  uint64_t answered = 0, before = 0;
  const size_t turns = TurnsUntilAnswered(f, batch, [&] {
    // Nothing of it is taken before all of it is.
    if (const uint64_t accepted = f.core().totals().accepted; accepted != before) {
      if (!between.empty()) CHECK((accepted == before + 1 || accepted == before + 41));
      before = accepted;
    }
    answered = static_cast<uint64_t>(std::count_if(between.begin(), between.end(), [&](uint64_t token) { return f.replies.contains(token); }));
    Fields other;
    other.lane = "other";
    between.push_back(f.Ask(Batch({other})));
  });
  CHECK(turns >= 10);  // of 256 KiB each: four of 60,000 bytes
  CHECK(answered >= 7);
  CHECK(std::get<Submitted>(f.replies.at(batch).body).items.size() == 40);
  f.Run();
  for (const StartAttempt& start : f.sent)
    if (start.envelope->lane.name != "other") CHECK(DecodeSpec(*start.spec)->payload.ends_with(R"(,"b":2})"));
  // One that cannot be merged, far behind: nothing was taken.
  const uint64_t accepted = f.core().totals().accepted;
  for (int i = 0; i < 40; ++i) RememberFor(f, items[i].fkey = "again" + std::to_string(i), R"({"b":2})");
  items.back().data = "[1]";
  const uint64_t refused = f.Ask(Batch(items));
  CHECK(TurnsUntilAnswered(f, refused) >= 10);
  CHECK(CoreFixture::CodeOf(f.replies.at(refused)) == Code::kUnacceptable);
  CHECK(std::get<Refused>(f.replies.at(refused).body).status.field() == "/39/fkey");
  CHECK(f.core().totals().accepted == accepted);
}

TEST_CASE("remembered trigger: a request that waits for its turn to merge is decided as its keys stand then") {
  CoreFixture f;
  std::vector<Fields> items = Remembering(f, 4, Long(300'000));
  const uint64_t batch = f.Ask(Batch(items));
  // It waits. Meanwhile one of its triggers is withdrawn, and another is another.
  for (int i = 0; i < 4 && f.core().NextWake().mono > f.now.mono; ++i) f.Turn();
  REQUIRE_FALSE(f.replies.contains(batch));
  CHECK(f.core().NextWake().mono <= f.now.mono);
  FkeyCancelRequest withdraw;
  withdraw.fkey = "k3";
  f.Ask(withdraw);
  TriggerRequest newer;
  newer.fkey = "k0";
  newer.remember_ms = 1'000'000;
  newer.data = R"({"c":3})";
  f.Ask(newer);
  TurnsUntilAnswered(f, batch);
  const auto taken = std::get<Submitted>(f.replies.at(batch).body).items;
  CHECK(taken.at(3).state == State::kHeld);
  f.Run();
  REQUIRE(f.starts.size() == 3);
  for (const StartAttempt& start : f.starts)
    CHECK(DecodeSpec(*start.spec)->payload.ends_with(start.envelope->fkey == "k0" ? R"(,"c":3})" : R"(,"b":2})"));
}

TEST_CASE("remembered trigger: an item takes it that stands behind one that was refused") {
  CoreFixture f;
  RememberFor(f, "k", R"({"b":2})");
  SubmitRequest each = Batch({Under("k", "[1]"), Under("k"), Under("k")});
  each.each = true;
  each.batch = false;
  const auto taken = std::get<Submitted>(f.Do(std::move(each)).body).items;
  CHECK(taken.at(0).refused.code() == Code::kUnacceptable);
  CHECK(taken.at(1).state == State::kReady);
  CHECK(taken.at(2).state == State::kHeld);
  REQUIRE(f.starts.size() == 1);
  CHECK(DecodeSpec(*f.starts[0].spec)->payload == R"({"a":1,"b":2})");
}

TEST_CASE("remembered trigger: events are merged a few a turn, too") {
  Topics f;
  f.Subscribe("one");
  Publish publish;
  publish.batch = true;
  for (int i = 0; i < 12; ++i) {
    EventItem event = Topics::Item("a.b", R"({"a":1})");
    event.fkey = "k" + std::to_string(i);
    publish.events.push_back(event);
    RememberFor(f, event.fkey, Long(1'000'000));
  }
  f.Restart();
  const uint64_t refused = f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{publish})});
  TurnsUntilAnswered(f, refused);
  REQUIRE(Topics::CodeOf(f.replies.at(refused)) == Code::kTooLarge);
  CHECK(std::get<Refused>(f.replies.at(refused).body).status.field() == "/8/fkey");
  publish.events.resize(8);
  const uint64_t taken = f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{publish})});
  CHECK(TurnsUntilAnswered(f, taken) >= 8);
  CHECK(std::get<Published>(std::get<TopicAnswered>(f.replies.at(taken).body).answer->what).events.size() == 8);
}

TEST_CASE("remembered trigger: a stop refuses what waits for its turn to merge") {
  CoreFixture f;
  std::vector<Fields> items = Remembering(f, 4, Long(300'000));
  const uint64_t batch = f.Ask(Batch(items));
  f.Turn();
  REQUIRE_FALSE(f.replies.contains(batch));
  f.Post(StopRequested{});
  TurnsUntilAnswered(f, batch);
  CHECK(CoreFixture::CodeOf(f.replies.at(batch)) == Code::kUnavailable);
  f.Run();
  CHECK(f.drained);
}

}  // namespace
}  // namespace notifyd
