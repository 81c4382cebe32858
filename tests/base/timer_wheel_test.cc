#include "base/timer_wheel.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <memory>

#include "base/random.h"

namespace notifyd {
namespace {

std::vector<int64_t> Fire(TimerWheel* wheel, int64_t now) {
  std::vector<TimerNode*> fired;
  wheel->Advance(now, &fired);
  std::vector<int64_t> when;
  for (TimerNode* node : fired) when.push_back(node->when_ms);
  std::sort(when.begin(), when.end());
  return when;
}

TEST_CASE("timer wheel: fires what is due and nothing else") {
  TimerWheel wheel(1000);
  TimerNode a, b, c;
  wheel.Insert(&a, 1001);
  wheel.Insert(&b, 1100);
  wheel.Insert(&c, 900);
  CHECK(Fire(&wheel, 1000) == std::vector<int64_t>{900});
  CHECK(Fire(&wheel, 1099) == std::vector<int64_t>{1001});
  CHECK(wheel.size() == 1);
  CHECK(Fire(&wheel, 5000) == std::vector<int64_t>{1100});
  CHECK(wheel.NextWake() == TimerWheel::kNever);
}

TEST_CASE("timer wheel: a clock that stepped back fires nothing early") {
  TimerWheel wheel(100'000);
  TimerNode a;
  wheel.Insert(&a, 100'500);
  CHECK(Fire(&wheel, 40'000).empty());
  CHECK(Fire(&wheel, 100'499).empty());
  CHECK(Fire(&wheel, 100'500).size() == 1);
}

TEST_CASE("timer wheel: agrees with a sorted map over random inserts, removals and steps of time") {
  Random random(42);
  int64_t now = 1'700'000'000'000;
  TimerWheel wheel(now);
  std::vector<std::unique_ptr<TimerNode>> nodes;
  std::multimap<int64_t, TimerNode*> model;
  for (int i = 0; i < 20'000; ++i) {
    if (random.Chance(0.6)) {
      nodes.push_back(std::make_unique<TimerNode>());
      int64_t when = now + static_cast<int64_t>(random.Below(uint64_t{1} << random.Below(40))) - 5;
      wheel.Insert(nodes.back().get(), when);
      model.emplace(when, nodes.back().get());
    } else if (!model.empty() && random.Chance(0.3)) {
      auto victim = model.lower_bound(now + static_cast<int64_t>(random.Below(100'000)));
      if (victim == model.end()) victim = model.begin();
      wheel.Remove(victim->second);
      model.erase(victim);
    } else {
      now += random.Chance(0.05) ? -static_cast<int64_t>(random.Below(10'000)) : static_cast<int64_t>(random.Below(uint64_t{1} << random.Below(24)));
      std::vector<int64_t> expected;
      while (!model.empty() && model.begin()->first <= now) {
        expected.push_back(model.begin()->first);
        model.erase(model.begin());
      }
      REQUIRE(Fire(&wheel, now) == expected);
      if (!model.empty()) REQUIRE(wheel.NextWake() <= model.begin()->first);
      if (i % 500 == 0) wheel.CheckInvariants();
    }
  }
}

}  // namespace
}  // namespace notifyd
