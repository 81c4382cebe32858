// A lane's rule says, from a reload or a start on, that it skips: what waits behind its head goes on, also where memory has nothing of the lane.
#include <catch2/catch.hpp>
#include <string_view>

#include "broker/core_fixture.h"

namespace notifyd {
namespace {

CoreLimits Skipping(CoreLimits limits = {}) {
  LaneRule& rule = limits.lane_rules.emplace_back();
  rule.match = "lane";
  rule.settings.on_retry = OnRetry::kSkip;
  return limits;
}

CoreFixture::Fields WaitsLong() {
  CoreFixture::Fields fields = Fifo();
  fields.retry = Waits({3'600'000});
  return fields;
}

void Reload(CoreFixture* f, const CoreLimits& limits) {
  f->Post(LimitsChanged{std::make_shared<const CoreLimits>(limits)});
  f->Run();
}

uint64_t HeldLanes(CoreFixture& f) {
  for (const HeldKind& kind : f.core().held())
    if (std::string_view(kind.kind) == "lanes") return kind.count;
  return UINT64_MAX;
}

/// The one that stepped aside comes back at its time.
void CheckItComesBack(CoreFixture* f, NotifyId first, NotifyId second) {
  CHECK(f->UnderWay() == std::vector{second});
  CHECK(f->Why(first) == std::vector<std::string>{"waiting_to_retry"});
  f->EndFirst(Verdict::kSuccess);
  f->Pass(3'600'000);
  CHECK(f->UnderWay() == std::vector{first});
  f->EndFirst(Verdict::kSuccess);
  CHECK(f->Balances());
}

}  // namespace

TEST_CASE("on_retry by rule: set while a head blocks and memory has nothing of the lane, what comes next goes on at once") {
  CoreFixture f;
  const NotifyId first = f.Submit(WaitsLong()).id;
  f.EndFirst(Verdict::kFailure);
  CHECK(HeldLanes(f) == 0);
  Reload(&f, Skipping());
  const NotifyId second = f.Submit(WaitsLong()).id;
  CheckItComesBack(&f, first, second);
}

TEST_CASE("on_retry by rule: after a start with it a lane whose head blocks goes on, with what waited or with what comes") {
  const bool waited = GENERATE(true, false);
  CoreFixture before;
  const NotifyId first = before.Submit(WaitsLong()).id;
  before.EndFirst(Verdict::kFailure);
  NotifyId second;
  if (waited) second = before.Submit(WaitsLong()).id;
  CHECK(before.starts.empty());
  CoreFixture f(Skipping(), before.store().Crash(CrashKind::kKill));
  f.Run();
  if (!waited) second = f.Submit(WaitsLong()).id;
  CheckItComesBack(&f, first, second);
}

TEST_CASE("on_retry by rule: set while a head blocks, what waits in the store alone goes on at once") {
  CoreLimits limits;
  limits.max_loaded = 16;
  CoreFixture f(limits);
  CoreFixture::Fields busy;
  busy.host = "other:80";
  for (int i = 0; i < 12; ++i) busy.lane = "busy " + std::to_string(i), f.Submit(busy);
  REQUIRE(f.starts.size() == 12);
  const NotifyId first = f.Submit(WaitsLong()).id, second = f.Submit(WaitsLong()).id;
  REQUIRE(f.starts.back().id == first);
  f.End(f.starts.back(), Verdict::kFailure);
  f.Run();
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  f.Run();
  REQUIRE(f.core().totals().by_index[Index::kTail] == 1);
  REQUIRE(HeldLanes(f) == 0);
  SECTION("by a reload") {
    Reload(&f, Skipping(limits));
    CheckItComesBack(&f, first, second);
  }
  SECTION("by a start") {
    CoreFixture again(Skipping(limits), f.store().Crash(CrashKind::kKill));
    again.Run();
    CheckItComesBack(&again, first, second);
  }
  SECTION("but not by a reload that has no rule for it") {
    LaneRule& rule = limits.lane_rules.emplace_back();
    rule.match = "another";
    rule.settings.on_retry = OnRetry::kSkip;
    Reload(&f, limits);
    CHECK(f.starts.empty());
    CHECK(f.Why(second) == std::vector<std::string>{"blocked_by_head", "behind"});
  }
}

TEST_CASE("on_retry by rule: a lane that is paused when its rule says so lets its head go once it is resumed") {
  CoreFixture f;
  const NotifyId first = f.Submit(WaitsLong()).id;
  f.EndFirst(Verdict::kFailure);
  f.Pause(kFifoLane);
  const NotifyId second = f.Submit(WaitsLong()).id;
  Reload(&f, Skipping());
  CHECK(f.starts.empty());
  f.Resume(kFifoLane);
  CheckItComesBack(&f, first, second);
}

}  // namespace notifyd
