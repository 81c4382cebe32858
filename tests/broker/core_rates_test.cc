// The core without any I/O: rates of lanes, and the rules of the configuration. One behaviour a case.
#include "broker/core_fixture.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

using Fields = CoreFixture::Fields;

CoreLimits RateForAll(double rate_per_s, uint32_t burst) {
  CoreLimits limits;
  limits.lane_rules = {{"*", std::nullopt, {}}};
  limits.lane_rules[0].settings.rate_per_s = rate_per_s;
  limits.lane_rules[0].settings.burst = burst;
  return limits;
}

TEST_CASE("rate: a lane starts its burst at once, and then as many as its rate gives") {
  CoreFixture f;
  f.SetLane(kLane, Rate(10, 3));
  for (int i = 0; i < 20; ++i) f.Submit(Fields{});
  CHECK(f.starts.size() == 3);
  f.Pass(1'000);
  CHECK(f.starts.size() == 13);
  NotifyId last = f.Submit(Fields{}).id;
  Explained why = f.Explain(last);
  CHECK(std::any_of(why.reasons.begin(), why.reasons.end(), [](auto& reason) { return reason.code == "rate_limited"; }));
  REQUIRE(why.expected_at);
  CHECK(*why.expected_at > f.now.wall);
  LanePatch off;
  off.rate_per_s.emplace();
  f.SetLane(kLane, off);
  CHECK(f.starts.size() == 21);
}

TEST_CASE("rate: who waits for a token behind others can be sent a token later for each of them") {
  CoreFixture f;
  f.SetLane(kLane, Rate(1, 2));
  std::vector<NotifyId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(f.Submit(Fields{}).id);
  CHECK(f.starts.size() == 2);
  std::optional<WallTime> third = f.Explain(ids[2]).expected_at;
  REQUIRE(third);
  CHECK(f.Explain(ids[3]).expected_at == WallTime{third->ms + 1'000});
  CHECK(f.Explain(ids[4]).expected_at == WallTime{third->ms + 2'000});
}

TEST_CASE("rate: a lane with nothing left to send is remembered until its bucket is full again, not longer") {
  CoreFixture f;
  f.SetLane(kLane, Rate(1, 1));
  f.Submit(Fields{});
  f.EndFirst(Verdict::kSuccess);
  f.Submit(Fields{});
  CHECK(f.starts.empty());
  f.Pass(1'000);
  CHECK(f.starts.size() == 1);
  f.EndFirst(Verdict::kSuccess);
  f.Pass(2'000);
  CHECK(f.Stats().lanes == 0);
}

TEST_CASE("rate: a lane that rested with a bucket half full sends again with the next token, not when the bucket is full") {
  CoreFixture f;
  f.SetLane(kLane, Rate(1, 10));
  for (int i = 0; i < 10; ++i) f.Submit(Fields{});
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  f.Pass(10);
  f.Submit(Fields{});
  CHECK(f.starts.empty());
  f.Pass(1'000);
  CHECK(f.starts.size() == 1);
}

TEST_CASE("rate: a lane that waits for its token while the clock steps ahead of what is loaded goes on with both") {
  CoreLimits limits;
  limits.lookahead_ms = 1'000;
  CoreFixture f(limits);
  const LaneKey lane{Mode::kFifo, "slow"};
  LanePatch patch;
  patch.rate_per_s.emplace(1);
  f.SetLane(lane, patch);
  NotifyId first = f.Submit({.lane = "slow", .mode = Mode::kFifo}).id;
  NotifyId second = f.Submit({.lane = "slow", .mode = Mode::kFifo}).id;
  // Their keys lie ahead of the clock, and of what a start loads.
  f.now.wall.ms -= 600'000;
  NotifyId near = f.Submit({.lane = "near", .when = {When::Kind::kDelay, 10'000}}).id;
  f.Restart();
  REQUIRE(f.UnderWay() == std::vector<NotifyId>{first});
  f.EndFirst(Verdict::kSuccess);
  REQUIRE(f.starts.empty());
  REQUIRE(f.Why(second) == std::vector<std::string>{"rate_limited"});
  f.reads().ClosePages();
  f.now.wall.ms += 300'000;
  f.Pass(1);  // its invariants are looked at
  f.Pass(1'100);
  CHECK(f.starts.empty());
  f.reads().OpenPages();
  f.Run();
  CHECK(f.UnderWay() == std::vector<NotifyId>{near, second});
}

TEST_CASE("rate: lanes that wait for their next token do not fill the memory, nor hold up lanes of other hosts") {
  CoreLimits limits = RateForAll(0.001, 1);
  limits.lane_rules[0].match = "slow*";
  limits.max_loaded = 200;
  CoreFixture f(limits);
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 1'000; ++i) {
      Fields fields;
      fields.lane = "slow" + std::to_string(i);
      f.Submit(fields);
      while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
    }
  CHECK(f.Stats().loaded_notifies < 400);
  Fields other;
  other.lane = other.host = "other:80";
  other.when = Delay(60'000);
  NotifyId id = f.Submit(other).id;
  f.Pass(61'000);
  CHECK(f.UnderWay() == std::vector{id});
}

TEST_CASE("rate: lanes that gave up their place in memory come back with their next token") {
  CoreLimits limits = RateForAll(1, 3);
  limits.max_loaded = 20;
  CoreFixture f(limits);
  for (int i = 0; i < 400; ++i) {
    Fields fields;
    fields.lane = "slow" + std::to_string(i % 100);
    f.Submit(fields);
    while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  }
  CHECK(f.sent.size() == 300);
  for (int i = 0; i < 30; ++i) {
    f.Pass(50);
    while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  }
  CHECK(f.sent.size() == 400);
}

TEST_CASE("lane rules: the first that matches holds, the lane's own settings win, and a reload changes them") {
  CoreLimits limits;
  limits.lane_rules = {{"bill*", std::nullopt, {}}, {"*", std::nullopt, {}}};
  limits.lane_rules[0].settings.concurrency = 3;
  limits.lane_rules[1].settings.concurrency = 5;
  CoreFixture f(limits);
  Fields billing;
  billing.lane = "billing";
  for (int i = 0; i < 10; ++i) f.Submit(billing);
  CHECK(f.starts.size() == 3);
  Fields other;
  other.lane = "other";
  for (int i = 0; i < 10; ++i) f.Submit(other);
  CHECK(f.starts.size() == 8);
  LanePatch own;
  own.concurrency.emplace(4);
  CHECK(f.SetLane({Mode::kConcurrent, "billing"}, own).limits.concurrency == 4);
  CHECK(f.starts.size() == 9);
  auto fresh = std::make_shared<CoreLimits>(limits);
  fresh->lane_rules[1].settings.concurrency = 7;
  f.Post(LimitsChanged{fresh});
  f.Run();
  CHECK(f.starts.size() == 11);
}

TEST_CASE("limits changed: a lane that was remembered for its rate alone is let go") {
  CoreFixture f(RateForAll(0.1, 1));
  f.Submit(Fields{});
  f.EndFirst(Verdict::kSuccess);
  f.Pass(100);
  f.Post(LimitsChanged{std::make_shared<CoreLimits>()});
  f.Run();
  CHECK(f.Stats().lanes == 0);
}

TEST_CASE("limits changed: lanes that may go on then do so in the order of their names, whatever memory's is") {
  CoreFixture f(RateForAll(0.001, 1));
  std::vector<std::string> names;
  for (int i = 10; i < 60; ++i) names.push_back("lane" + std::to_string(i));
  for (int round = 0; round < 2; ++round)
    for (size_t i = 0; i < names.size(); ++i) {
      Fields fields;
      fields.lane = names[i * 37 % names.size()];
      f.Submit(fields);
    }
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  REQUIRE(f.sent.size() == names.size());
  f.sent.clear();
  f.Post(LimitsChanged{std::make_shared<CoreLimits>()});
  f.Run();
  std::vector<std::string> went;
  for (const StartAttempt& start : f.sent) went.push_back(start.envelope->lane.name);
  CHECK(went == names);
}

}  // namespace
}  // namespace notifyd
