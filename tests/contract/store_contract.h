// The contract of a Store, as test cases over any implementation. A user names its harness before including this:
//   #define STORE_HARNESS FakeStoreHarness
// Lists and all about lanes stand in files of their own, included at the end.
#pragma once

#include <algorithm>

#include "contract/store_harness.h"

namespace notifyd {
namespace {

using Ids = std::vector<uint64_t>;

Ids IdsOf(const ListDone& list) {
  Ids ids;
  for (const LoadedNotify& item : list.items) ids.push_back(item.record->id.value);
  return ids;
}
Ids IdsOf(const std::vector<LoadedDue>& due) {
  Ids ids;
  for (const LoadedDue& item : due) ids.push_back(item.key.id.value);
  return ids;
}

ListQuery StateQuery(std::vector<State> states, size_t limit = 100) {
  ListQuery query;
  query.states = std::move(states);
  query.limit = limit;
  return query;
}

// ---- loads

TEMPLATE_TEST_CASE("store: what was never written loads as nothing", "", STORE_HARNESS) {
  TestType h;
  CHECK_FALSE(h.LoadNotify({5}).record);
  CHECK_FALSE(h.Read({5}).record);
  CHECK_FALSE(h.LoadFkey("a"));
  CHECK_FALSE(h.LoadIdempotency({"tester", "a"}));
  CHECK_FALSE(h.LoadLane(kFifoLane));
  CHECK(h.LoadPage(DuePage{Clock::kWall, {}, StoreHarness::kStart}).due().empty());
  CHECK(h.List({}).items.empty());
  CHECK(h.totals().next_id << 16 == 1 << 16);  // above it stands the namespace's number
}

TEMPLATE_TEST_CASE("store: every field of a notify comes back by load and by read", "", STORE_HARNESS) {
  TestType h;
  NotifyRecord plain = MakeRecord(1), full = MakeFullestRecord(2);
  h.Commit({Put(plain), Put(full)});
  CheckSame(*h.LoadNotify({1}).record, plain);
  CheckSame(*h.LoadNotify({2}).record, full);
  CheckSame(*h.Read({2}).record, full);
  h.Reopen();
  CheckSame(*h.LoadNotify({1}).record, plain);
  CheckSame(*h.LoadNotify({2}).record, full);
}

TEMPLATE_TEST_CASE("store: the values of one load stand in the order of its keys", "", STORE_HARNESS) {
  TestType h;
  LaneRecord lane;
  lane.blocked_head = {7};
  h.Commit({Put(MakeRecord(1)), PutFkey{"f", {{1}, kWallNever}}, PutLane{kFifoLane, lane},
            PutIdempotency{{"tester", "k"}, {{1}, {3, 4}, {StoreHarness::kStart + 10}}}});
  auto values = h.Load({kFifoLane, std::string("f"), NotifyId{1}, std::string("none"), IdempotencyKey{"tester", "k"}, NotifyId{1}});
  REQUIRE(values.size() == 6);
  CHECK(std::get<LoadedLane>(values[0]).record->blocked_head.value == 7);
  CHECK(std::get<std::optional<FkeyRecord>>(values[1])->id.value == 1);
  CHECK(std::get<LoadedNotify>(values[2]).record);
  CHECK_FALSE(std::get<std::optional<FkeyRecord>>(values[3]));
  CHECK(std::get<std::optional<IdempotencyRecord>>(values[4])->fields == Fingerprint{3, 4});
  CHECK(std::get<LoadedNotify>(values[5]).record);
}

TEMPLATE_TEST_CASE("store: a load of many keys answers every one", "", STORE_HARNESS) {
  TestType h;
  std::vector<WriteOp> ops;
  std::vector<LoadKey> keys;
  for (uint64_t i = 1; i <= 300; ++i) {
    if (i % 3 != 0) ops.push_back(Put(MakeRecord(i)));
    keys.push_back(NotifyId{i});
  }
  h.Commit(std::move(ops));
  auto values = h.Load(keys);
  REQUIRE(values.size() == 300);
  for (uint64_t i = 1; i <= 300; ++i) {
    auto& record = std::get<LoadedNotify>(values[i - 1]).record;
    REQUIRE((record != nullptr) == (i % 3 != 0));
    if (record) REQUIRE(record->id.value == i);
  }
}

TEMPLATE_TEST_CASE("store: a lane's record is replaced and deleted", "", STORE_HARNESS) {
  TestType h;
  LaneRecord lane;
  lane.tail = true;
  lane.tail_from = {3, {StoreHarness::kStart}, {9}};
  lane.listed = true;
  lane.sleeper_host = "shop.example:443";
  lane.sleeper_order = 12;
  lane.blocked_head = {4};
  h.Commit({PutLane{kFifoLane, lane}});
  auto loaded = h.LoadLane(kFifoLane);
  REQUIRE(loaded);
  CHECK(loaded->tail);
  CHECK((loaded->tail_from == OrderKey{3, {StoreHarness::kStart}, {9}}));
  CHECK(loaded->listed);
  CHECK(loaded->sleeper_host == "shop.example:443");
  CHECK(loaded->sleeper_order == 12);
  CHECK(loaded->blocked_head.value == 4);
  CHECK_FALSE(h.LoadLane({Mode::kConcurrent, kFifoLane.name}));
  h.Commit({PutLane{kFifoLane, {}}});
  CHECK_FALSE(h.LoadLane(kFifoLane)->tail);
  h.Commit({DeleteLane{kFifoLane}});
  CHECK_FALSE(h.LoadLane(kFifoLane));
}

TEMPLATE_TEST_CASE("store: names with any bytes are kept apart", "", STORE_HARNESS) {
  TestType h;
  std::string zero("a\0b", 3), longer("a\0", 2);
  h.Commit({PutFkey{"a", {{1}, kWallNever}}, PutFkey{zero, {{2}, kWallNever}}, PutFkey{longer, {{3}, kWallNever}},
            PutIdempotency{{"x", "yz"}, {{4}, {}, {StoreHarness::kStart + 1}}}, PutIdempotency{{"xy", "z"}, {{5}, {}, {StoreHarness::kStart + 1}}}});
  CHECK(h.LoadFkey("a")->id.value == 1);
  CHECK(h.LoadFkey(zero)->id.value == 2);
  CHECK(h.LoadFkey(longer)->id.value == 3);
  CHECK(h.LoadIdempotency({"x", "yz"})->id.value == 4);
  CHECK(h.LoadIdempotency({"xy", "z"})->id.value == 5);
}

// ---- changes

TEMPLATE_TEST_CASE("store: a change replaces the state, keeps the rest and appends its attempt", "", STORE_HARNESS) {
  TestType h;
  NotifyRecord record = MakeFullRecord(1);
  NotifyState next = record.state;
  next.phase = Phase::kFailed;
  next.reason = "attempts used up";
  next.attempts_made = 3;
  next.settled_at = {StoreHarness::kStart};
  h.Commit({Put(record)});
  h.Commit({Change({1}, next, MakeAttempt(3))});
  record.state = next;
  record.attempts.push_back(MakeAttempt(3));
  CheckSame(*h.LoadNotify({1}).record, record);
  h.Reopen();
  CheckSame(*h.LoadNotify({1}).record, record);
}

TEMPLATE_TEST_CASE("store: many changes in one batch and in several leave the newest state and the newest attempts", "", STORE_HARNESS) {
  TestType h;
  NotifyRecord record = MakeRecord(1);
  h.Commit({Put(record)});
  for (uint32_t group = 0; group < 10; ++group) {
    std::vector<WriteOp> ops;
    for (uint32_t i = 1; i <= 3; ++i) {
      StateChange change{record.state, MakeAttempt(group * 3 + i)};
      change.state.attempts_made = group * 3 + i;
      ops.push_back(Change({1}, change.state, change.attempt));
      ApplyChange(change, &record);
    }
    h.Commit(std::move(ops), group % 2 == 0);
  }
  REQUIRE(record.attempts.size() == kAttemptsKept);
  CheckSame(*h.LoadNotify({1}).record, record);
  h.Reopen();
  CheckSame(*h.LoadNotify({1}).record, record);
}

TEMPLATE_TEST_CASE("store: putting a notify again replaces the changes made before", "", STORE_HARNESS) {
  TestType h;
  NotifyRecord record = MakeRecord(1);
  h.Commit({Put(record), Change({1}, SettledState(Phase::kFailed), MakeAttempt(1))});
  record.state.attempts_before = 1;
  h.Commit({Put(record)});
  CheckSame(*h.LoadNotify({1}).record, record);
}

TEMPLATE_TEST_CASE("store: a change of a notify that is not there leaves nothing", "", STORE_HARNESS) {
  TestType h;
  h.Commit({Change({1}, SettledState(Phase::kFailed), MakeAttempt(1)), ExpireFkey{"a", {1}, {StoreHarness::kStart + 10}}});
  CHECK_FALSE(h.LoadNotify({1}).record);
  CHECK_FALSE(h.LoadFkey("a"));
  CHECK(h.List({}).items.empty());
}

TEMPLATE_TEST_CASE("store: the operations of one batch act in their order", "", STORE_HARNESS) {
  TestType h;
  h.Commit({PutFkey{"a", {{1}, kWallNever}}, PutFkey{"a", {{2}, kWallNever}}, PutDue{Clock::kWall, {5, {1}}}, DeleteDue{Clock::kWall, {5, {1}}}});
  CHECK(h.LoadFkey("a")->id.value == 2);
  CHECK(h.LoadPage(DuePage{Clock::kWall, {}, 100}).due().empty());
}

TEMPLATE_TEST_CASE("store: a due key that was put once and is deleted once is gone, and may be put again", "", STORE_HARNESS) {
  TestType h;
  h.Commit({Put(MakeRecord(1)), PutDue{Clock::kWall, {5, {1}}}});
  h.Reopen();  // in a table
  h.Commit({DeleteDue{Clock::kWall, {5, {1}}, true}});
  CHECK(h.LoadPage(DuePage{Clock::kWall, {}, 100}).due().empty());
  h.Reopen();
  CHECK(h.LoadPage(DuePage{Clock::kWall, {}, 100}).due().empty());
  h.Commit({PutDue{Clock::kWall, {5, {1}}}});
  h.Reopen();
  CHECK(h.LoadPage(DuePage{Clock::kWall, {}, 100}).due().size() == 1);
  h.Commit({DeleteDue{Clock::kWall, {5, {1}}}});
  for (int i = 0; i < 2; ++i) {
    CHECK(h.LoadPage(DuePage{Clock::kWall, {}, 100}).due().empty());
    h.Reopen();
  }
}

TEMPLATE_TEST_CASE("store: a deleted notify is gone, its changes with it, and its id may be put again", "", STORE_HARNESS) {
  TestType h;
  NotifyRecord record = MakeRecord(1);
  record.state = SettledState(Phase::kFailed);
  h.Commit({Put(record), PutSettled{Phase::kFailed, {1}, {StoreHarness::kStart}}, Change({1}, record.state, MakeAttempt(1)), Put(MakeRecord(2))});
  h.Commit({DeleteNotify{{1}}, DeleteSettled{Phase::kFailed, {1}}, DeleteNotify{{9}}});
  CHECK_FALSE(h.LoadNotify({1}).record);
  CHECK_FALSE(h.Read({1}).record);
  CHECK(IdsOf(h.List({})) == Ids{2});
  h.Reopen();
  CHECK_FALSE(h.LoadNotify({1}).record);
  h.Commit({Put(MakeRecord(1))});
  CheckSame(*h.LoadNotify({1}).record, MakeRecord(1));
}

// ---- fkeys and idempotency keys

TEMPLATE_TEST_CASE("store: an fkey expires only where its record still names that notify", "", STORE_HARNESS) {
  TestType h;
  h.Commit({PutFkey{"a", {{1}, kWallNever}}});
  h.Commit({ExpireFkey{"a", {9}, {StoreHarness::kStart + 50}}});
  CHECK(h.LoadFkey("a")->expires_at == kWallNever);
  h.Commit({ExpireFkey{"a", {1}, {StoreHarness::kStart + 50}}, ExpireFkey{"a", {8}, {StoreHarness::kStart + 70}}});
  CHECK(h.LoadFkey("a")->expires_at.ms == StoreHarness::kStart + 50);
  h.Commit({ExpireFkey{"a", {1}, {StoreHarness::kStart + 60}}});
  CHECK(h.LoadFkey("a")->expires_at.ms == StoreHarness::kStart + 60);
  h.Commit({PutFkey{"a", {{2}, kWallNever}}, ExpireFkey{"a", {1}, {StoreHarness::kStart + 1}}});
  CHECK(h.LoadFkey("a")->id.value == 2);
  CHECK(h.LoadFkey("a")->expires_at == kWallNever);
}

TEMPLATE_TEST_CASE("store: an expired fkey or idempotency key is as if it were not there", "", STORE_HARNESS) {
  TestType h;
  h.Commit({PutFkey{"a", {{1}, {StoreHarness::kStart + 10}}}, PutIdempotency{{"c", "k"}, {{1}, {1, 2}, {StoreHarness::kStart + 10}}}});
  h.wall_ms = StoreHarness::kStart + 9;
  CHECK(h.LoadFkey("a"));
  CHECK(h.LoadIdempotency({"c", "k"}));
  h.wall_ms = StoreHarness::kStart + 10;
  CHECK_FALSE(h.LoadFkey("a"));
  CHECK_FALSE(h.LoadIdempotency({"c", "k"}));
}

TEMPLATE_TEST_CASE("store: a remembered trigger that was ended is as if it were not there, and may be remembered again", "", STORE_HARNESS) {
  TestType h;
  FkeyRecord record{NotifyId{}, {StoreHarness::kStart + 1000}, std::make_shared<RememberedTrigger>()};
  h.Commit({PutFkey{"f", record}});
  CHECK(h.LoadFkey("f").has_value());
  h.Commit({ExpireFkey{"f", NotifyId{}, {StoreHarness::kStart}}});
  CHECK_FALSE(h.LoadFkey("f").has_value());
  h.Reopen();
  CHECK_FALSE(h.LoadFkey("f").has_value());
  h.Commit({PutFkey{"f", record}});
  CHECK(h.LoadFkey("f")->remembered);
}

TEMPLATE_TEST_CASE("store: a remembered trigger comes back whole, and is as if it were not there once its time is over", "", STORE_HARNESS) {
  TestType h;
  WallTime until{StoreHarness::kStart + 10};
  RememberedTrigger bare, whole{R"({"a":1})", {false, {StoreHarness::kStart + 5}}};
  h.Commit({PutFkey{"bare", {{}, until, std::make_shared<const RememberedTrigger>(bare)}},
            PutFkey{"whole", {{}, until, std::make_shared<const RememberedTrigger>(whole)}}, PutFkey{"held", {{7}, kWallNever}}});
  h.Reopen();
  auto loaded = h.LoadFkey("whole");
  REQUIRE(loaded);
  CHECK(loaded->id.value == 0);
  CHECK(loaded->expires_at == until);
  REQUIRE(loaded->remembered);
  CHECK(*loaded->remembered == whole);
  CHECK(*h.LoadFkey("bare")->remembered == bare);
  CHECK_FALSE(h.LoadFkey("held")->remembered);
  h.Commit({PutFkey{"bare", {{3}, kWallNever}}});
  CHECK(h.LoadFkey("bare")->id.value == 3);
  CHECK_FALSE(h.LoadFkey("bare")->remembered);
  h.wall_ms = until.ms;
  CHECK_FALSE(h.LoadFkey("whole"));
  CHECK(h.LoadFkey("bare"));
}

// ---- pages

TEMPLATE_TEST_CASE("store: the due index pages by time, then id, each clock for itself", "", STORE_HARNESS) {
  TestType h;
  std::vector<WriteOp> ops;
  for (uint64_t id = 1; id <= 6; ++id) ops.push_back(Put(MakeRecord(id)));
  ops.insert(ops.end(), {PutDue{Clock::kWall, {300, {1}}}, PutDue{Clock::kWall, {-200, {2}}}, PutDue{Clock::kWall, {300, {3}}},
                         PutDue{Clock::kWall, {100, {4}}}, PutDue{Clock::kMono, {50, {5}}}, PutDue{Clock::kWall, {301, {6}}}});
  h.Commit(std::move(ops));
  auto page = h.LoadPage(DuePage{Clock::kWall, {-1000, {}}, 301});
  CHECK(IdsOf(page.due()) == Ids{2, 4, 1, 3});
  CHECK(page.due()[0].key.time_ms == -200);
  CHECK_FALSE(page.more);
  for (const LoadedDue& due : page.due()) {
    REQUIRE(due.notify.record);
    CHECK(due.notify.record->id == due.key.id);
    CHECK_FALSE(due.notify.in_tail);
  }
  CHECK(IdsOf(h.LoadPage(DuePage{Clock::kMono, {}, 51}).due()) == Ids{5});
  CHECK(h.LoadPage(DuePage{Clock::kMono, {}, 50}).due().empty());
  CHECK(IdsOf(h.LoadPage(DuePage{Clock::kWall, {300, {2}}, 1000}).due()) == Ids{3, 6});
  h.Commit({DeleteDue{Clock::kWall, {300, {1}}}});
  CHECK(IdsOf(h.LoadPage(DuePage{Clock::kWall, {300, {}}, 1000}).due()) == Ids{3, 6});
}

TEMPLATE_TEST_CASE("store: a page ends at its limit and says whether more follows", "", STORE_HARNESS) {
  TestType h;
  std::vector<WriteOp> ops;
  for (uint64_t id = 1; id <= 100; ++id) {
    ops.push_back(Put(MakeRecord(id)));
    ops.push_back(PutDue{Clock::kWall, {static_cast<int64_t>(id), {id}}});
    ops.push_back(PutExpiry{{static_cast<int64_t>(id), {id}}});
  }
  h.Commit(std::move(ops));
  auto page = h.LoadPage(DuePage{Clock::kWall, {}, 1000}, 70);
  CHECK(page.due().size() == 70);
  CHECK(page.more);
  page = h.LoadPage(DuePage{Clock::kWall, {71, {}}, 1000}, 30);
  CHECK(page.due().size() == 30);
  CHECK_FALSE(page.more);
  CHECK(h.LoadPage(DuePage{Clock::kWall, {71, {}}, 101}, 29).more);
  CHECK_FALSE(h.LoadPage(DuePage{Clock::kWall, {71, {}}, 100}, 29).more);
  CHECK(h.LoadPage(ExpiryPage{{}, 1000}, 99).more);
  CHECK_FALSE(h.LoadPage(ExpiryPage{{}, 1000}, 100).more);
}

TEMPLATE_TEST_CASE("store: the expiry index pages by time, then id", "", STORE_HARNESS) {
  TestType h;
  h.Commit({PutExpiry{{20, {1}}}, PutExpiry{{10, {3}}}, PutExpiry{{10, {2}}}, PutExpiry{{30, {4}}}});
  CHECK((h.LoadPage(ExpiryPage{{}, 30}).expiries() == std::vector<DueKey>{{10, {2}}, {10, {3}}, {20, {1}}}));
  h.Commit({DeleteExpiry{{10, {3}}}});
  CHECK((h.LoadPage(ExpiryPage{{10, {3}}, 31}).expiries() == std::vector<DueKey>{{20, {1}}, {30, {4}}}));
}

TEMPLATE_TEST_CASE("store: a lane's tail pages in the lane's order and holds no other lane's", "", STORE_HARNESS) {
  TestType h;
  LaneKey near{Mode::kConcurrent, kConcurrentLane.name + "#g"}, twin{Mode::kFifo, kConcurrentLane.name};
  std::vector<WriteOp> ops;
  auto spill = [&](uint64_t id, const LaneKey& lane, uint8_t rank, int64_t due_ms) {
    NotifyRecord record = MakeRecord(id, lane);
    auto envelope = std::make_shared<Envelope>(*record.envelope);
    envelope->priority = static_cast<uint8_t>(9 - rank);
    record.envelope = std::move(envelope);
    record.state.due = {due_ms};
    ops.push_back(Put(record));
    ops.push_back(PutTail{lane, {lane.mode == Mode::kFifo ? uint8_t{0} : rank, {due_ms}, {id}}});
  };
  spill(1, kConcurrentLane, 5, 20);
  spill(2, kConcurrentLane, 5, 10);
  spill(3, kConcurrentLane, 0, 90);
  spill(4, kConcurrentLane, 5, 10);
  spill(5, near, 5, 10);
  spill(6, twin, 5, 10);
  h.Commit(std::move(ops));
  auto page = h.LoadPage(TailPage{kConcurrentLane, {}});
  REQUIRE(page.tail().size() == 4);
  CHECK((page.tail()[0].key == OrderKey{0, {90}, {3}}));
  CHECK((page.tail()[1].key == OrderKey{5, {10}, {2}}));
  CHECK((page.tail()[2].key == OrderKey{5, {10}, {4}}));
  CHECK((page.tail()[3].key == OrderKey{5, {20}, {1}}));
  for (const LoadedTail& tail : page.tail()) {
    REQUIRE(tail.notify.record);
    CHECK(tail.notify.record->id == tail.key.id);
    CHECK(tail.notify.in_tail);
  }
  h.Commit({DeleteTail{kConcurrentLane, {5, {10}, {4}}}});
  page = h.LoadPage(TailPage{kConcurrentLane, {5, {10}, {2}}}, 1);
  REQUIRE(page.tail().size() == 1);
  CHECK(page.more);
  page = h.LoadPage(TailPage{kConcurrentLane, {5, {10}, {3}}}, 1);
  REQUIRE(page.tail().size() == 1);
  CHECK(page.tail()[0].key.id.value == 1);
  CHECK_FALSE(page.more);
}

TEMPLATE_TEST_CASE("store: the keys of a lane's tail between two places are counted, up to the limit", "", STORE_HARNESS) {
  TestType h;
  std::vector<WriteOp> ops;
  for (uint64_t id = 1; id <= 40; ++id) ops.push_back(PutTail{kFifoLane, {0, {static_cast<int64_t>(id / 2)}, {id}}});
  ops.push_back(PutTail{{Mode::kConcurrent, kFifoLane.name}, {0, {1}, {99}}});
  ops.push_back(PutTail{{Mode::kFifo, kFifoLane.name + "x"}, {0, {1}, {98}}});
  h.Commit(std::move(ops));
  auto count = [&](OrderKey from, OrderKey to, size_t limit) { return h.LoadPage(TailCountPage{kFifoLane, from, to}, limit); };
  OrderKey all{255, {INT64_MAX}, {UINT64_MAX}};
  CHECK(count({}, all, 1000).tail_count().count == 40);
  CHECK(count({}, all, 1000).tail_count().first == count({}, all, 1).tail_count().first);
  CHECK(count({0, {5}, {10}}, {0, {7}, {14}}, 1000).tail_count().first == OrderKey{0, {5}, {10}});
  CHECK_FALSE(count({0, {7}, {14}}, {0, {7}, {14}}, 1000).tail_count().first);
  CHECK_FALSE(count({}, all, 40).more);
  CHECK(count({}, all, 39).tail_count().count == 39);
  CHECK(count({}, all, 39).more);
  CHECK(count({0, {5}, {10}}, {0, {7}, {14}}, 1000).tail_count().count == 4);
  CHECK(count({0, {5}, {11}}, {0, {7}, {15}}, 1000).tail_count().count == 4);
  CHECK(count({0, {7}, {14}}, {0, {7}, {14}}, 1000).tail_count().count == 0);
  CHECK(count({0, {9}, {18}}, {0, {7}, {14}}, 1000).tail_count().count == 0);
  h.Commit({DeleteTail{kFifoLane, {0, {6}, {12}}}});
  CHECK(count({0, {5}, {10}}, {0, {7}, {14}}, 1000).tail_count().count == 3);
  CHECK(h.LoadPage(TailCountPage{{Mode::kFifo, "none"}, {}, all}).tail_count().count == 0);
}

TEMPLATE_TEST_CASE("store: sleeping lanes page by order, their hosts by name", "", STORE_HARNESS) {
  TestType h;
  h.Commit({PutSleeper{"b:80", {7, kFifoLane}}, PutSleeper{"b:80", {300, kConcurrentLane}}, PutSleeper{"a:80", {9, kFifoLane}},
            PutSleeper{"b:8", {1, kFifoLane}}, PutSleeper{"c:80", {2, kFifoLane}}});
  auto page = h.LoadPage(SleepersPage{"b:80", 0});
  REQUIRE(page.sleepers().size() == 2);
  CHECK(page.sleepers()[0].order == 7);
  CHECK(page.sleepers()[0].lane == kFifoLane);
  CHECK(page.sleepers()[1].order == 300);
  CHECK(page.sleepers()[1].lane == kConcurrentLane);
  CHECK(h.LoadPage(SleepersPage{"b:80", 8}).sleepers().size() == 1);
  CHECK(h.LoadPage(SleepersPage{"b:80", 0}, 1).more);

  CHECK((h.LoadPage(SleeperHostsPage{""}).sleeper_hosts() == std::vector<std::string>{"a:80", "b:8", "b:80", "c:80"}));
  auto hosts = h.LoadPage(SleeperHostsPage{"b:8"}, 1);
  CHECK(hosts.sleeper_hosts() == std::vector<std::string>{"b:80"});
  CHECK(hosts.more);
  CHECK_FALSE(h.LoadPage(SleeperHostsPage{"b:80"}, 1).more);
  h.Commit({DeleteSleeper{"b:80", {7, kFifoLane}}, DeleteSleeper{"b:80", {300, kConcurrentLane}}});
  CHECK((h.LoadPage(SleeperHostsPage{"a:80"}).sleeper_hosts() == std::vector<std::string>{"b:8", "c:80"}));
}

TEMPLATE_TEST_CASE("store: a load says whether a pending notify stands in its lane's tail", "", STORE_HARNESS) {
  TestType h;
  NotifyRecord fifo = MakeRecord(1, kFifoLane), concurrent = MakeRecord(2), retrying = MakeRecord(3), held = MakeRecord(4), outside = MakeRecord(5);
  retrying.state.phase = Phase::kRetrying;
  held.state.phase = Phase::kHeld;
  int64_t due = StoreHarness::kStart;
  h.Commit({Put(fifo), Put(concurrent), Put(retrying), Put(held), Put(outside), PutTail{kFifoLane, {0, {due}, {1}}},
            PutTail{kConcurrentLane, {5, {due}, {2}}}, PutTail{kConcurrentLane, {5, {due}, {3}}}, PutTail{kConcurrentLane, {5, {due}, {4}}},
            PutTail{kConcurrentLane, {5, {due + 1}, {5}}}});
  for (uint64_t id = 1; id <= 4; ++id) {
    CHECK(h.LoadNotify({id}).in_tail);
    CHECK(h.Read({id}).in_tail);
  }
  CHECK_FALSE(h.LoadNotify({5}).in_tail);
  h.Commit({DeleteTail{kFifoLane, {0, {due}, {1}}}});
  CHECK_FALSE(h.LoadNotify({1}).in_tail);
}

// ---- retention

TEMPLATE_TEST_CASE("store: settled notifies are hidden once their retention is over, pending ones never", "", STORE_HARNESS) {
  TestType h;
  std::vector<WriteOp> ops;
  for (uint64_t id = 1; id <= 5; ++id) ops.push_back(Put(MakeRecord(id)));
  h.Commit(std::move(ops));
  h.Commit({Change({1}, SettledState(Phase::kSucceeded)), Change({2}, SettledState(Phase::kFailed)), Change({3}, SettledState(Phase::kCancelled)),
            Change({4}, SettledState(Phase::kExpired)), PutSettled{Phase::kFailed, {2}, {StoreHarness::kStart}},
            PutSettled{Phase::kCancelled, {3}, {StoreHarness::kStart}}, PutSettled{Phase::kExpired, {4}, {StoreHarness::kStart}}});
  h.wall_ms = StoreHarness::kStart + StoreHarness::kRetentionSucceededMs - 1;
  CHECK(IdsOf(h.List({})) == Ids{5, 4, 3, 2, 1});
  h.wall_ms = StoreHarness::kStart + StoreHarness::kRetentionSucceededMs;
  CHECK(IdsOf(h.List({})) == Ids{5, 4, 3, 2});
  CHECK_FALSE(h.LoadNotify({1}).record);
  CHECK_FALSE(h.Read({1}).record);
  h.store().Read({{1, 7}, {1}, true});
  auto over = h.template Next<ReadDone>();
  REQUIRE(over.notify.record);
  CHECK(over.notify.record->state.phase == Phase::kSucceeded);
  h.wall_ms = StoreHarness::kStart + StoreHarness::kRetentionSettledMs;
  CHECK(IdsOf(h.List({})) == Ids{5});
  CHECK(h.List(StateQuery({State::kFailed, State::kCancelled, State::kExpired})).items.empty());
  CHECK(h.LoadNotify({5}).record);
}

// ---- commits

TEMPLATE_TEST_CASE("store: totals come back with the last batch", "", STORE_HARNESS) {
  TestType h;
  Totals& totals = h.next_totals;
  uint64_t n = 100;
  for (uint64_t* field : {&totals.next_id, &totals.accepted, &totals.revived, &totals.succeeded, &totals.failed, &totals.cancelled, &totals.expired,
                          &totals.attempts, &totals.retries, &totals.by_index[Index::kHeld], &totals.by_index[Index::kHeldDue],
                          &totals.by_index[Index::kDue], &totals.by_index[Index::kRetrying], &totals.by_index[Index::kTail], &totals.lane_records,
                          &totals.sleeping_lanes, &totals.next_sleeper_order, &totals.lane_settings, &totals.records[RecordKind::kAgenda],
                          &totals.records[RecordKind::kService], &totals.next_serial})
    *field = ++n;
  totals.last_due_at_once = {-5};
  totals.wall_mark = {11, {12}};
  totals.mono_mark = {13, {14}};
  totals.expiry_mark = {15, {16}};
  totals.run_mark = {17, {18}};
  totals.wall = {StoreHarness::kStart};
  totals.mono = {1234};
  h.Commit({Put(MakeRecord(1))});
  totals.accepted = 7;
  h.Commit({Put(MakeRecord(2))}, false);
  h.Reopen();
  Totals kept = h.totals();
  n = 100;
  CHECK(kept.next_id == 101);
  CHECK(kept.accepted == 7);
  CHECK(kept.revived == 103);
  CHECK(kept.succeeded == 104);
  CHECK(kept.failed == 105);
  CHECK(kept.cancelled == 106);
  CHECK(kept.expired == 107);
  CHECK(kept.attempts == 108);
  CHECK(kept.retries == 109);
  CHECK(kept.by_index[Index::kHeld] == 110);
  CHECK(kept.by_index[Index::kHeldDue] == 111);
  CHECK(kept.by_index[Index::kDue] == 112);
  CHECK(kept.by_index[Index::kRetrying] == 113);
  CHECK(kept.by_index[Index::kTail] == 114);
  CHECK(kept.lane_records == 115);
  CHECK(kept.sleeping_lanes == 116);
  CHECK(kept.next_sleeper_order == 117);
  CHECK(kept.lane_settings == 118);
  CHECK(kept.records[RecordKind::kAgenda] == 119);
  CHECK(kept.records[RecordKind::kService] == 120);
  CHECK(kept.records[RecordKind::kTopic] == 0);
  CHECK(kept.next_serial == 121);
  CHECK((kept.run_mark == DueKey{17, {18}}));
  CHECK(kept.last_due_at_once.ms == -5);
  CHECK((kept.wall_mark == DueKey{11, {12}}));
  CHECK((kept.mono_mark == DueKey{13, {14}}));
  CHECK((kept.expiry_mark == DueKey{15, {16}}));
  CHECK(kept.wall.ms == StoreHarness::kStart);
  CHECK(kept.mono.ms == 1234);
}

TEMPLATE_TEST_CASE("store: a batch that asks for no sync is reported written, and synced with a later one", "", STORE_HARNESS) {
  TestType h;
  CHECK(h.Commit({Put(MakeRecord(1))}, true).synced == 1);
  CHECK(h.Commit({Put(MakeRecord(2))}, false).synced == 1);
  CHECK(h.LoadNotify({2}).record);
  CHECK(h.Commit({Put(MakeRecord(3))}, true).synced == 3);
}

TEMPLATE_TEST_CASE("store: an empty batch syncs what came before it", "", STORE_HARNESS) {
  TestType h;
  h.Commit({Put(MakeRecord(1))}, false);
  CHECK(h.Commit({}, true).synced == 2);
  CHECK(h.Commit({}, true).synced == 3);
  h.Reopen();
  CHECK(h.LoadNotify({1}).record);
}

TEMPLATE_TEST_CASE("store: batches handed in at once are reported in order, and all of them are there", "", STORE_HARNESS) {
  TestType h;
  constexpr uint64_t kBatches = 200;
  for (uint64_t i = 1; i <= kBatches; ++i) {
    WriteBatch batch;
    batch.number = i;
    batch.sync = i % 3 == 0 || i == kBatches;
    batch.ops = {Put(MakeRecord(i)), PutFkey{"last", {{i}, kWallNever}}};
    batch.totals.next_id = i + 1;
    h.store().Commit(std::move(batch));
  }
  uint64_t written = 0, synced = 0;
  while (written < kBatches) {
    auto committed = h.template Next<Committed>();
    REQUIRE(committed.batch > written);
    REQUIRE(committed.synced >= synced);
    REQUIRE(committed.synced <= committed.batch);
    written = committed.batch;
    synced = committed.synced;
  }
  CHECK(synced == kBatches);
  CHECK(h.LoadFkey("last")->id.value == kBatches);
  h.Reopen();
  CHECK(h.totals().next_id == kBatches + 1);
  ListQuery query;
  query.limit = 1000;
  CHECK(h.List(query).items.size() == kBatches);
}

TEMPLATE_TEST_CASE("store: what a caller does to a loaded record does not change the store's", "", STORE_HARNESS) {
  TestType h;
  h.Commit({Put(MakeRecord(1))});
  auto record = h.LoadNotify({1}).record;
  record->state.phase = Phase::kFailed;
  record->attempts.push_back(MakeAttempt(1));
  CheckSame(*h.LoadNotify({1}).record, MakeRecord(1));
}

}  // namespace
}  // namespace notifyd

#include "contract/store_contract_lanes.h"
#include "contract/store_contract_lists.h"
#include "contract/store_contract_records.h"
