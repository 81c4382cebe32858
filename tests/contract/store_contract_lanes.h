// Part of store_contract.h: what lanes are said to do, how much waits in each, and lists of them.
#pragma once

#include "contract/store_harness.h"

namespace notifyd {
namespace {

std::vector<LaneKey> LanesOf(const LanesDone& done) {
  std::vector<LaneKey> lanes;
  for (const LaneRow& row : done.rows) lanes.push_back(row.lane);
  return lanes;
}

LaneSettings FullSettings() {
  LaneSettings settings;
  settings.paused = Paused::kByFailure;
  settings.concurrency = 100'000;
  settings.rate_per_s = 0.25;
  settings.burst = 3;
  settings.on_retry = OnRetry::kSkip;
  settings.on_failure = OnFailure::kPause;
  settings.pause.note = std::make_shared<const PauseNote>(PauseNote{{1'700'000'000'000}, "token t1", "deployment", {7}});
  return settings;
}

LaneKey Fifo(std::string name) {
  return {Mode::kFifo, std::move(name)};
}
LaneKey Concurrent(std::string name) {
  return {Mode::kConcurrent, std::move(name)};
}

TEMPLATE_TEST_CASE("store: a lane loads with its record and its settings, either of which may be missing", "", STORE_HARNESS) {
  TestType h;
  LaneRecord record;
  record.blocked_head = {7};
  LaneSettings zero;  // said, and yet not different from the default
  zero.concurrency = 1;
  h.Commit({PutLane{Fifo("both"), record}, PutLaneSettings{Fifo("both"), FullSettings()}, PutLaneSettings{Fifo("settings"), zero},
            PutLane{Fifo("record"), record}});
  h.Reopen();
  LoadedLane both = h.LoadWholeLane(Fifo("both"));
  REQUIRE(both.record);
  CHECK(both.record->blocked_head.value == 7);
  REQUIRE(both.settings);
  CHECK(*both.settings == FullSettings());
  CHECK_FALSE(h.LoadWholeLane(Fifo("settings")).record);
  CHECK(*h.LoadWholeLane(Fifo("settings")).settings == zero);
  CHECK_FALSE(h.LoadWholeLane(Fifo("record")).settings);
  CHECK_FALSE(h.LoadWholeLane(Concurrent("both")).settings);
  h.Commit({PutLaneSettings{Fifo("both"), zero}, DeleteLaneSettings{Fifo("settings")}, DeleteLane{Fifo("record")}});
  CHECK(*h.LoadWholeLane(Fifo("both")).settings == zero);
  CHECK_FALSE(h.LoadWholeLane(Fifo("settings")).settings);
  CHECK_FALSE(h.LoadWholeLane(Fifo("record")).record);
}

TEMPLATE_TEST_CASE("store: what was said of callers and hosts loads as it was put last", "", STORE_HARNESS) {
  TestType h;
  auto load = [&] {
    auto values = h.Load({SwitchesKey{}});
    return std::get<std::shared_ptr<const Switches>>(values.at(0));
  };
  CHECK(load() == nullptr);
  Switches switches;
  switches.callers["a"].paused = true;
  switches.callers["b"].submits_per_s = 0.25;
  switches.hosts["h:80"] = {true, 100'000, 2.5};
  switches.lanes[{Mode::kConcurrent, "l"}] = WallTime{-5};
  switches.lanes[{Mode::kFifo, "l"}] = WallTime{1'700'000'000'000};
  h.Commit({PutSwitches{std::make_shared<const Switches>(switches)}});
  h.Reopen();
  REQUIRE(load());
  CHECK(*load() == switches);
  switches.callers.clear();
  h.Commit({PutSwitches{std::make_shared<const Switches>(switches)}});
  REQUIRE(load());
  CHECK(*load() == switches);
}

TEMPLATE_TEST_CASE("store: many lanes in one load come in the order asked for", "", STORE_HARNESS) {
  TestType h;
  std::vector<WriteOp> ops;
  std::vector<LoadKey> keys;
  for (uint32_t i = 1; i <= 100; ++i) {
    LaneKey lane = Fifo("lane " + std::to_string(i));
    LaneRecord record;
    record.blocked_head = {i};
    LaneSettings settings;
    settings.burst = i;
    if (i % 3 != 0) ops.push_back(PutLane{lane, record});
    if (i % 2 != 0) ops.push_back(PutLaneSettings{lane, settings});
    keys.push_back(lane);
  }
  h.Commit(std::move(ops));
  auto values = h.Load(keys);
  REQUIRE(values.size() == 100);
  for (uint32_t i = 1; i <= 100; ++i) {
    const auto& lane = std::get<LoadedLane>(values[i - 1]);
    REQUIRE(lane.record.has_value() == (i % 3 != 0));
    REQUIRE(lane.settings.has_value() == (i % 2 != 0));
    if (lane.record) REQUIRE(lane.record->blocked_head.value == i);
    if (lane.settings) REQUIRE(lane.settings->burst == i);
  }
}

TEMPLATE_TEST_CASE("store: what is added to a lane's counts adds up, in one batch and over several", "", STORE_HARNESS) {
  TestType h;
  IndexCounts sum;
  for (int64_t i = 1; i <= 20; ++i) {
    IndexCounts one{i, 2 * i, 3, -i, 5 - i}, two{1, -1, 0, 2 * i, i};
    h.Commit({AddLaneCounts{kFifoLane, one}, AddLaneCounts{kConcurrentLane, {0, 0, 1, 0, 0}}, AddLaneCounts{kFifoLane, two}}, i % 4 == 0);
    (sum += one) += two;
  }
  auto check = [&] {
    auto only = [&](const LaneKey& lane) {
      LanesQuery query;
      query.only = lane;
      return h.ListLanes(query);
    };
    LanesDone fifo = only(kFifoLane), concurrent = only(kConcurrentLane);
    REQUIRE(fifo.rows.size() == 1);
    CHECK(fifo.rows[0].lane == kFifoLane);
    CHECK(fifo.rows[0].counts == sum);
    CHECK(fifo.rows[0].settings.IsDefault());
    CHECK_FALSE(fifo.rows[0].tail_front);
    REQUIRE(concurrent.rows.size() == 1);
    CHECK(concurrent.rows[0].counts == IndexCounts{0, 0, 20, 0, 0});
    CHECK(only({Mode::kConcurrent, kFifoLane.name}).rows.empty());
  };
  check();
  h.Reopen();
  check();
}

TEMPLATE_TEST_CASE("store: a lane whose counts came back to zero and that has no settings is in no list", "", STORE_HARNESS) {
  TestType h;
  LaneSettings settings;
  settings.paused = Paused::kByRequest;
  h.Commit({AddLaneCounts{Fifo("a"), {0, 0, 3, 0, 0}}, AddLaneCounts{Fifo("b"), {0, 0, 1, 0, 0}}, PutLaneSettings{Fifo("c"), settings}});
  h.Commit({AddLaneCounts{Fifo("a"), {0, 0, -2, 0, 1}}, AddLaneCounts{Fifo("b"), {0, 0, -1, 0, 0}}});
  CHECK(LanesOf(h.ListLanes({})) == std::vector<LaneKey>{Fifo("a"), Fifo("c")});
  h.Commit({AddLaneCounts{Fifo("a"), {0, 0, -1, 0, -1}}, PutLaneSettings{Fifo("c"), {}}});
  LanesQuery query;
  CHECK(h.ListLanes(query).rows.empty());
  query.only = Fifo("a");
  CHECK(h.ListLanes(query).rows.empty());
  h.Commit({AddLaneCounts{Fifo("a"), {1, 0, 0, 0, 0}}});
  CHECK(h.ListLanes(query).rows.at(0).counts == IndexCounts{1, 0, 0, 0, 0});
}

TEMPLATE_TEST_CASE("store: lanes are listed by name, then mode, whether they have counts, settings or both", "", STORE_HARNESS) {
  TestType h;
  LaneSettings settings;
  settings.burst = 9;
  IndexCounts one{0, 0, 1, 0, 0};
  std::string zero("a\0", 2);
  h.Commit({AddLaneCounts{Fifo("b"), one}, AddLaneCounts{Concurrent("b"), one}, PutLaneSettings{Fifo("b"), settings},
            PutLaneSettings{Fifo("a"), settings}, AddLaneCounts{Concurrent("ab"), one}, PutLaneSettings{Concurrent("c"), settings},
            AddLaneCounts{Fifo(zero), one}, AddLaneCounts{Fifo("\xff"), one}});
  LanesDone all = h.ListLanes({});
  CHECK_FALSE(all.more);
  CHECK(LanesOf(all) == std::vector<LaneKey>{Fifo("a"), Fifo(zero), Concurrent("ab"), Concurrent("b"), Fifo("b"), Concurrent("c"), Fifo("\xff")});
  CHECK(all.rows[0].counts.IsZero());
  CHECK(all.rows[0].settings == settings);
  CHECK(all.rows[2].settings.IsDefault());
  CHECK(all.rows[4].counts == one);
  CHECK(all.rows[4].settings == settings);

  LanesQuery query;
  query.prefix = "a";
  CHECK(LanesOf(h.ListLanes(query)) == std::vector<LaneKey>{Fifo("a"), Fifo(zero), Concurrent("ab")});
  query.prefix = zero;
  CHECK(LanesOf(h.ListLanes(query)) == std::vector<LaneKey>{Fifo(zero)});
  query.prefix = "\xff";
  CHECK(LanesOf(h.ListLanes(query)) == std::vector<LaneKey>{Fifo("\xff")});
  query.prefix = "";
  query.configured = true;
  LanesDone configured = h.ListLanes(query);
  CHECK(LanesOf(configured) == std::vector<LaneKey>{Fifo("a"), Fifo("b"), Concurrent("c")});
  CHECK(configured.rows[1].counts == one);
  query.only = Concurrent("ab");  // all else is ignored then
  CHECK(LanesOf(h.ListLanes(query)) == std::vector<LaneKey>{Concurrent("ab")});
}

TEMPLATE_TEST_CASE("store: lanes page by their cursor, with and without a prefix, and end with none", "", STORE_HARNESS) {
  TestType h;
  std::vector<WriteOp> ops;
  std::vector<LaneKey> all, configured;
  for (int i = 100; i < 140; ++i) {
    for (const LaneKey& lane : {Concurrent("p" + std::to_string(i)), Fifo("p" + std::to_string(i))}) {
      all.push_back(lane);
      if (i % 3 != 0) ops.push_back(AddLaneCounts{lane, {1, 0, 0, 0, 0}});
      if (i % 3 == 1) continue;
      ops.push_back(PutLaneSettings{lane, FullSettings()});
      configured.push_back(lane);
    }
  }
  ops.push_back(AddLaneCounts{Fifo("o"), {1, 0, 0, 0, 0}});
  ops.push_back(AddLaneCounts{Fifo("q"), {1, 0, 0, 0, 0}});
  h.Commit(std::move(ops));
  for (bool only_configured : {false, true}) {
    LanesQuery query;
    query.prefix = "p";
    query.limit = 7;
    query.configured = only_configured;
    std::vector<LaneKey> paged;
    for (;;) {
      LanesDone page = h.ListLanes(query);
      REQUIRE(page.rows.size() <= 7);
      for (const LaneKey& lane : LanesOf(page)) paged.push_back(lane);
      if (!page.more) break;
      REQUIRE(page.rows.size() == 7);
      CHECK(*page.next == page.rows.back().lane);
      query.after = page.next;
    }
    CHECK(paged == (only_configured ? configured : all));
  }
  // A cursor counts whether that lane is still there or not, also where it lies beside the prefix.
  LanesQuery query;
  query.prefix = "p";
  query.limit = 1;
  query.after = Fifo("a");
  CHECK(LanesOf(h.ListLanes(query)) == std::vector<LaneKey>{Concurrent("p100")});
  query.after = Fifo("p1");
  CHECK(LanesOf(h.ListLanes(query)) == std::vector<LaneKey>{Concurrent("p100")});
  query.after = Fifo("z");
  CHECK(h.ListLanes(query).rows.empty());
  CHECK_FALSE(h.ListLanes(query).more);
}

TEMPLATE_TEST_CASE("store: a page of lanes that ends at its limit says more only where another lane follows", "", STORE_HARNESS) {
  TestType h;
  IndexCounts one{0, 0, 1, 0, 0}, back{0, 0, -1, 0, 0};
  h.Commit({AddLaneCounts{Fifo("a"), one}, AddLaneCounts{Fifo("b"), one}, AddLaneCounts{Fifo("c"), one}});
  LanesQuery query;
  query.limit = 2;
  CHECK(h.ListLanes(query).more);
  h.Commit({AddLaneCounts{Fifo("c"), back}});
  CHECK_FALSE(h.ListLanes(query).more);
}

TEMPLATE_TEST_CASE("store: a page of lanes that would have to look at too many ends before its limit, and the next goes on", "", STORE_HARNESS) {
  TestType h;
  size_t silent = h.ListExamined() + 10;
  auto lane = [](size_t i) { return Fifo("lane " + std::to_string(100'000 + i)); };
  for (size_t i = 0; i < silent;) {
    std::vector<WriteOp> ops;
    for (; i < silent && ops.size() < 5000; ++i) ops.push_back(PutLaneSettings{lane(i), {}});
    h.Commit(std::move(ops), false);
  }
  h.Commit({AddLaneCounts{lane(3), {1, 0, 0, 0, 0}}, PutLaneSettings{lane(silent), FullSettings()}});
  for (bool configured : {false, true}) {
    LanesQuery query;
    query.configured = configured;
    LanesDone first = h.ListLanes(query);
    CHECK(first.rows.size() == (configured ? 0 : 1));
    REQUIRE(first.more);
    CHECK(*first.next == lane(h.ListExamined() - 1));
    query.after = first.next;
    LanesDone second = h.ListLanes(query);
    CHECK(LanesOf(second) == std::vector<LaneKey>{lane(silent)});
    CHECK_FALSE(second.more);
  }
}

TEMPLATE_TEST_CASE("store: a lane with a tail is listed with the first of it, from its mark on", "", STORE_HARNESS) {
  TestType h;
  LaneRecord record;
  record.tail = true;
  record.tail_from = {0, {10}, {2}};
  IndexCounts two{0, 0, 0, 0, 2};
  h.Commit({PutLane{Fifo("a"), record}, AddLaneCounts{Fifo("a"), two}, PutTail{Fifo("a"), {0, {10}, {1}}}, PutTail{Fifo("a"), {0, {10}, {3}}},
            PutTail{Fifo("a"), {0, {20}, {4}}}, AddLaneCounts{Fifo("b"), two}, PutTail{Fifo("b"), {0, {10}, {5}}}, PutLane{Fifo("c"), record},
            AddLaneCounts{Fifo("c"), two}, PutTail{Fifo("d"), {0, {10}, {6}}}});
  LanesDone lanes = h.ListLanes({});
  REQUIRE(LanesOf(lanes) == std::vector<LaneKey>{Fifo("a"), Fifo("b"), Fifo("c")});
  REQUIRE(lanes.rows[0].tail_front);
  CHECK((*lanes.rows[0].tail_front == OrderKey{0, {10}, {3}}));
  CHECK_FALSE(lanes.rows[1].tail_front);  // its record knows of none
  CHECK_FALSE(lanes.rows[2].tail_front);
  LanesQuery query;
  query.only = Fifo("a");
  CHECK((*h.ListLanes(query).rows.at(0).tail_front == OrderKey{0, {10}, {3}}));
}

}  // namespace
}  // namespace notifyd
