// Who wants an event is found so many steps a turn: what others ask for comes between, and the answer is the one that it would be at once.
#include <catch2/catch.hpp>
#include <map>

#include "broker/topics_fixture.h"

namespace notifyd {
namespace {

constexpr int kElements = 20'000;

/// Asks for each of 60 fields that an element may have, and for one that the last one has.
std::string Large(int last) {
  std::string filter = R"({"data":{"$or":[)";
  for (int i = 0; i < 60; ++i) filter += "{\"k" + std::to_string(i) + "\":1},";
  return filter + "{\"n\":" + std::to_string(last) + "}]}}";
}

std::string ManyElements(int last) {
  std::string data = "[";
  for (int i = 0; i < kElements; ++i) data += R"({"k1":2},)";
  return data + "{\"n\":" + std::to_string(last) + "}]";
}

/// Asks, and goes no further than the answer.
class Stepping : public Topics {
 public:
  Stepping() { check_every = 100'000; }
  void Step() {
    Post(Tick{});
    Turn();
  }
  int StepsUntilDone() {
    int steps = 0;
    for (; CountOf(RecordKind::kAgenda) > 0 && steps < 10'000; ++steps) Step();
    return steps;
  }
  TopicAnswer Begin(TopicAsk ask) {
    const uint64_t token = Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(std::move(ask))});
    for (int i = 0; i < 10 && !replies.contains(token); ++i) Turn();
    REQUIRE(replies.contains(token));
    REQUIRE(std::holds_alternative<TopicAnswered>(replies.at(token).body));
    return *std::get<TopicAnswered>(replies.at(token).body).answer;
  }
  Published::Item BeginEvent(EventItem item) {
    Publish publish;
    publish.events.push_back(std::move(item));
    return std::get<Published>(Begin({std::move(publish)}).what).events.at(0);
  }
};

class LargeFilters : public Stepping {
 public:
  LargeFilters() {
    for (int i = 0; i < 12; ++i) Subscribe("s" + std::to_string(i), {.filter = Large(i % 3), .paused = true});
    Subscribe("all", {.paused = true});
  }
  void CheckMade(const std::vector<NotifyId>& events) {
    const auto made = Made();
    CHECK(made.size() == 5);
    for (const char* name : {"s1", "s4", "s7", "s10", "all"}) {
      INFO(name);
      REQUIRE(made.contains(name));
      CHECK(made.at(name) == events);
    }
  }
};

}  // namespace

TEST_CASE("matching: what takes long goes on in later turns, from where it was, while others are served") {
  LargeFilters f;
  const Published::Item large = f.BeginEvent(Topics::Item("a.b", ManyElements(1)));
  CHECK_FALSE(large.matched);
  // What others ask for is answered in between, in the turn in which they do.
  f.Step();
  const uint64_t asked = f.Ask(StatsRequest{});
  f.Turn();
  CHECK(std::get<StatsView>(f.replies.at(asked).body).topics->backlog == 1);
  const Published::Item small = f.BeginEvent(Topics::Item("a.b", R"({"n":1})"));
  CHECK_FALSE(small.matched);  // it comes behind
  // Each filter looks at each element once for each of its conditions, in some three steps, and at none twice.
  const int turns = f.StepsUntilDone();
  CHECK(turns > 12 * 60 * kElements / 250'000);
  CHECK(turns < 12 * 61 * kElements * 5 / 250'000);
  f.CheckMade({large.id, small.id});
  CHECK(f.Event(large.id).event.matched == 5);
  CHECK(f.Event(small.id).event.matched == 5);
  // One that is judged at once says so.
  CHECK(f.Emit(Topics::Item("a.b", R"({"n":2})")).matched == 5);
}

TEST_CASE("matching: what takes long goes on after a crash between any two turns, and makes each notify once, in order") {
  const CrashKind kind = GENERATE(CrashKind::kKill, CrashKind::kPower);
  const int crash_at = GENERATE(0, 1, 7, 60, 150);
  LargeFilters f;
  const Published::Item large = f.BeginEvent(Topics::Item("a.b", ManyElements(1)));
  const Published::Item small = f.BeginEvent(Topics::Item("a.b", R"({"n":1})"));
  for (int i = 0; i < crash_at; ++i) f.Step();
  f.Restart(kind);
  f.Pass(10);
  f.StepsUntilDone();
  f.CheckMade({large.id, small.id});
}

TEST_CASE("matching: subscriptions that come, change and go while an event is matched neither stop it nor get it wrongly") {
  LargeFilters f;
  const Published::Item large = f.BeginEvent(Topics::Item("a.b", ManyElements(1)));
  for (int i = 0; i < 30; ++i) {
    f.Begin({Topics::PutOf("s0", {.filter = Large(i % 2), .paused = true})});  // the first one, over and over; then it does not want it
    f.Begin({Topics::PutOf("new" + std::to_string(i), {.paused = true})});
    f.Step();
  }
  f.Begin({Topics::PutOf("s0", {.filter = Large(5), .paused = true})});
  f.Begin({SubscriptionDelete{"s4", false, {}}});
  f.Begin({Topics::PutOf("s7", {.topic = "b.*", .paused = true})});
  f.StepsUntilDone();
  const auto made = f.Made();
  CHECK(made.contains("s1"));
  CHECK(made.contains("s10"));
  CHECK(made.contains("all"));
  CHECK_FALSE(made.contains("new1"));
  CHECK_FALSE(made.contains("s4"));
  CHECK_FALSE(made.contains("s7"));
  for (const auto& [name, events] : made) CHECK(events == std::vector<NotifyId>{large.id});
}

TEST_CASE("matching: a replay, and a subscription's past, are judged so, too") {
  LargeFilters f;
  const NotifyId large = f.BeginEvent(Topics::Item("a.b", ManyElements(1))).id;
  f.StepsUntilDone();
  CHECK_FALSE(std::get<Replayed>(f.Begin({EventReplay{large, "", {}}}).what).accepted);
  CHECK(f.StepsUntilDone() > 50);
  f.CheckMade({large, large});
  for (int i = 0; i < 20; ++i) f.Emit(Topics::Item("c.d", ManyElements(i)));
  const bool crash = GENERATE(false, true);
  f.Begin({Topics::PutOf("late", {.topic = "c.*", .filter = Large(7), .paused = true, .from = WallTime{0}})});
  for (int i = 0; i < 9; ++i) f.Step();
  if (crash) f.Restart();
  CHECK(f.StepsUntilDone() > 60);
  CHECK(f.Made().at("late").size() == 1);
  SubscriptionReplay range;
  range.name = "late";
  CHECK_FALSE(std::get<Replayed>(f.Begin({range}).what).accepted);
  for (int i = 0; i < 9; ++i) f.Step();
  if (crash) f.Restart();
  CHECK(f.StepsUntilDone() > 60);
  CHECK(f.Made().at("late").size() == 2);
}

TEST_CASE("matching: notifies whose data is made of large data are made over several turns") {
  Stepping f;
  for (int i = 0; i < 100; ++i) f.Subscribe("s" + std::to_string(i), {.transform = R"({"x":"/a"})", .paused = true});
  const std::string data = R"({"a":1,"b":")" + std::string(500'000, 'x') + "\"}";
  const Published::Item event = f.BeginEvent(Topics::Item("a.b", data));
  CHECK(event.matched == 100);
  CHECK(f.Made().size() < 50);
  CHECK(f.StepsUntilDone() > 5);
  CHECK(f.Made().size() == 100);
  CHECK(f.Event(event.id).event.matched == 100);
  // As many of small data are in the event's commit.
  CHECK(f.Emit(Topics::Item("a.b", R"({"a":1})")).matched == 100);
  CHECK(f.CountOf(RecordKind::kAgenda) == 0);
}

TEST_CASE("matching: more than ten thousand are refused, also where it takes long to tell") {
  Topics f;
  f.check_every = 100'000;
  for (int i = 0; i < 10'001; ++i) f.Subscribe("s" + std::to_string(i), {.filter = Large(1), .paused = true});
  Publish publish;
  publish.events = {Topics::Item("a.b", ManyElements(0))};
  CHECK(Topics::CodeOf(f.Try({publish})) == Code::kUnacceptable);
  CHECK(f.CountOf(RecordKind::kEvent) == 0);
}

TEST_CASE("matching: of many that want a text each, those alone are asked that want the event's") {
  // Some 4,000 steps each, the text last: all of them would take three turns.
  constexpr int kFields = 60, kSubscriptions = 200;
  std::string fields, data;
  for (int i = 0; i < kFields; ++i) {
    fields += "\"k" + std::to_string(i) + R"(":{"$exist":true},)";
    data += "\"k" + std::to_string(i) + "\":1,";
  }
  Stepping f;
  const auto filter_of = [&](int i) { return R"({"data":{)" + fields + R"("id":"v)" + std::to_string(i) + "\"}}"; };
  for (int i = 0; i < kSubscriptions; ++i) f.Subscribe("s" + std::to_string(i), {.filter = filter_of(i), .paused = true});
  const std::string event = "{" + data + R"("id":"v7"})";
  CHECK(f.BeginEvent(Topics::Item("a.b", event)).matched == 1);
  // One that wants another from now on, and one that is gone, are not found by what they wanted.
  f.Subscribe("s7", {.filter = filter_of(8), .paused = true});
  CHECK(f.BeginEvent(Topics::Item("a.b", event)).matched == 0);
  CHECK(f.BeginEvent(Topics::Item("a.b", "{" + data + R"("id":["v8"]})")).matched == 2);
  const auto made = f.Made();
  CHECK(made.at("s7").size() == 2);
  CHECK(made.at("s8").size() == 1);
}

TEST_CASE("matching: an event without payload has no field of data; of one with a raw body nothing is known of data") {
  Topics f;
  for (const auto& [name, filter] : {std::pair("neq", R"({"data":{"a":{"$neq":1}}})"),
                                     {"absent", R"({"data":{"$exist":false}})"},
                                     {"not", R"({"$not":{"data":{"a":1}}})"},
                                     {"eq", R"({"data":{"a":1}})"},
                                     {"keyed", R"({"key":"k"})"}})
    f.Subscribe(name, {.filter = filter, .paused = true});
  EventItem item = Topics::Item("a.b", "", "k");
  item.payload_kind = PayloadKind::kNone;
  CHECK(f.Emit(item).matched == 4);
  item.payload_kind = PayloadKind::kBody;
  item.payload = R"({"a":2})";
  CHECK(f.Emit(item).matched == 1);
  const auto made = f.Made();
  CHECK(made.at("keyed").size() == 2);
  CHECK_FALSE(made.contains("eq"));
  for (const char* name : {"neq", "absent", "not"}) CHECK(made.at(name).size() == 1);
}

TEST_CASE("matching: rows of wildcards, in any number of patterns, are compared so many steps a turn") {
  // As a tree of whole patterns was gone through, one step had up to words times words of each of them.
  constexpr int kSubscriptions = 4'000, kWords = 127;
  Stepping f;
  std::string topic = "a";
  for (int i = 1; i < kWords; ++i) topic += ".a";
  const auto pattern_of = [](int i) {
    std::string pattern;
    for (int bit = 0; bit < 12; ++bit) pattern += i >> bit & 1 ? "#.*." : "#.a.";
    for (int words = 0; words < 45; ++words) pattern += "#.a.";
    return pattern + (i % 1'000 ? "b" : "#");
  };
  for (int i = 0; i < kSubscriptions; ++i) f.Subscribe("s" + std::to_string(i), {.topic = pattern_of(i), .paused = true});
  f.Subscribe("all", {.topic = "#", .paused = true});
  // None of those that end otherwise is looked at.
  const Published::Item event = f.BeginEvent(Topics::Item(topic, "{}"));
  CHECK(event.matched == 5);
  CHECK(f.BeginEvent(Topics::Item(topic + ".c", "{}")).matched == 5);
  // Those that end alike are.
  const Published::Item other = f.BeginEvent(Topics::Item(topic.substr(2) + ".b", "{}"));
  CHECK_FALSE(other.matched);
  const int turns = f.StepsUntilDone();
  CHECK(turns >= 1);
  CHECK(turns < 10);
  CHECK(f.Event(other.id).event.matched == 4'001);
  CHECK(f.Made().size() == 4'001);
}

TEST_CASE("matching: what the events of a request may make is told once for each topic where no steps are left, and for so many") {
  const bool alike = GENERATE(false, true);
  CoreLimits limits;
  limits.max_pending = 450'000;
  Topics f(limits);
  f.check_every = 100'000;
  for (int i = 0; i < 5'000; ++i) f.Subscribe("s" + std::to_string(i), {.topic = "#", .filter = Large(1), .paused = true});
  Publish publish;
  publish.events = {Topics::Item("a.b", ManyElements(0))};
  for (int i = 0; i < 100; ++i) publish.events.push_back(Topics::Item(alike ? "a.c" : "a." + std::to_string(i), R"({"n":2})"));
  // All count in the quota that 5,000 may get each; but of so many topics that is not told.
  CHECK(Topics::CodeOf(f.Try({publish})) == (alike ? Code::kTooMany : Code::kUnacceptable));
  CHECK(f.CountOf(RecordKind::kEvent) == 0);
}

}  // namespace notifyd
