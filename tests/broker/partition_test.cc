// Lanes that a rule orders by a value of data, for what the broker makes by itself.
#include "broker/partition.h"

#include <catch2/catch.hpp>
#include <set>

#include "broker/core_fixture.h"

using namespace notifyd;

namespace {

LaneRule Ordering(const char* match, const char* pointer, std::optional<uint32_t> partitions = {}, std::optional<bool> spread = {}) {
  LaneRule rule;
  rule.match = match;
  rule.order_by = pointer;
  rule.partitions = partitions;
  rule.order_by_spread = spread;
  return rule;
}

Envelope In(const char* lane) {
  Envelope envelope;
  envelope.lane = {Mode::kConcurrent, lane};
  envelope.priority = 9;
  return envelope;
}

std::string LaneOf(const std::vector<LaneRule>& rules, const char* data, uint64_t turn = 0) {
  Envelope envelope = In("a");
  OrderByRule(rules, data, turn, &envelope);
  return (envelope.lane.mode == Mode::kFifo ? "fifo " : "") + envelope.lane.name;
}

}  // namespace

TEST_CASE("partition: the first rule that matches says so, else nothing does") {
  CHECK(LaneOf({}, R"({"id":1})") == "a");
  CHECK(LaneOf({Ordering("b", "/id")}, R"({"id":1})") == "a");
  LaneRule plain;
  plain.match = "*";
  CHECK(LaneOf({plain, Ordering("a", "/id")}, R"({"id":1})") == "a");
  const std::string one = LaneOf({Ordering("a", "/id", 1000)}, R"({"id":1})");
  CHECK(one.starts_with("fifo a~"));
  CHECK(LaneOf({Ordering("a", "/id", 1000)}, R"({"x":0,"id":1.0})") == one);
  CHECK(LaneOf({Ordering("a", "/id", 1000)}, R"({"id":"1"})") != one);
  Envelope envelope = In("a");
  OrderByRule({Ordering("a", "/id")}, R"({"id":1})", 0, &envelope);
  CHECK(envelope.priority == Envelope().priority);
}

TEST_CASE("partition: without the value all go to one, or where the rule spreads them by turn") {
  for (const char* data : {"{}", "[]", "", "no JSON"}) {
    INFO(data);
    CHECK(LaneOf({Ordering("a", "/id", 8)}, data, 5) == "fifo a~0");
    CHECK(LaneOf({Ordering("a", "/id", 8, true)}, data, 13) == "fifo a~5");
  }
}

TEST_CASE("partition: a callback goes where a rule of its lane says, by what it tells") {
  CoreLimits limits;
  limits.lane_rules = {Ordering("http://back:80/cb", "/caller", 1000)};
  CoreFixture f(limits);
  std::set<std::string> lanes;
  for (const char* caller : {"one", "one", "two"}) {
    CoreFixture::Fields fields;
    fields.caller = caller;
    fields.callback = "back:80";
    f.Submit(fields);
    f.EndFirst(Verdict::kSuccess);
    f.Run();
    REQUIRE(f.starts.size() == 1);
    const Envelope& callback = *f.starts[0].envelope;
    CHECK(callback.host == "back:80");
    CHECK(callback.lane.mode == Mode::kFifo);
    CHECK(callback.lane.name.starts_with("http://back:80/cb~"));
    lanes.insert(callback.lane.name);
    f.EndFirst(Verdict::kSuccess);
  }
  CHECK(lanes.size() == 2);
  CHECK(f.Balances());
}
