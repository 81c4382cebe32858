// What every StoreHost does with several namespaces and the registry's rows. A file that includes this says which one it is about:
//   #define HOST_HARNESS FakeHostHarness
// with a class of that name that is a HostHarness and opens a new store where it is made.
#pragma once

#include <atomic>
#include <algorithm>
#include <memory>
#include <tuple>

#include "broker/access_table.h"
#include "contract/host_harness.h"

namespace notifyd {
namespace {

RemovedTotals Removed(uint64_t accepted) {
  RemovedTotals totals;
  totals.accepted = accepted;
  return totals;
}

/// One of each kind of key, under the same names and ids in each namespace; `text` tells them apart.
std::vector<WriteOp> OneOfEach(const std::string& text) {
  LaneRecord lane;
  lane.tail = true;
  LaneSettings settings;
  settings.concurrency = 3;
  NotifyRecord record = MakeRecord(1, kFifoLane), failed = MakeRecord(2), tail = MakeRecord(3, kFifoLane);
  record.spec = std::make_shared<const std::string>(text);
  failed.state = SettledState(Phase::kFailed);
  const OrderKey place{0, tail.state.due, tail.id};
  lane.tail_from = place;
  return {Put(record),
          Put(failed),
          Put(tail),
          PutSettled{Phase::kFailed, failed.id, failed.state.settled_at},
          PutDue{Clock::kWall, {StoreHarness::kStart, record.id}},
          PutExpiry{{StoreHarness::kStart, record.id}},
          PutTail{kFifoLane, place},
          PutLane{kFifoLane, lane},
          PutLaneSettings{{Mode::kFifo, "lane " + text}, settings},
          AddLaneCounts{kFifoLane, {1, 0, 0, 0, 0}},
          PutSleeper{"host " + text, {1, kFifoLane}},
          PutFkey{"fkey", {{1}, {StoreHarness::kStart + 1'000'000}, nullptr}},
          PutIdempotency{{"me", "key"}, {{1}, {}, {StoreHarness::kStart + 1'000'000}}}};
}

TEMPLATE_TEST_CASE("namespaces: each sees what is its own under the same names and ids, in loads, pages and lists", "", HOST_HARNESS) {
  TestType made;
  HostHarness& store = made;
  const std::vector<NamespaceNumber> numbers = {0, 2, 3, 255, 256, kMostNumber};
  for (NamespaceNumber number : numbers) store.Commit(number, OneOfEach(std::to_string(number)));
  for (bool reopened : {false, true}) {
    if (reopened) store.Reopen();
    for (NamespaceNumber number : numbers) {
      INFO("namespace " << number);
      const std::string text = std::to_string(number);
      const std::vector<LoadedValue> values =
          store.Load(number, {NotifyId{1}, std::string("fkey"), IdempotencyKey{"me", "key"}, kFifoLane, NotifyId{3}});
      CHECK(*std::get<LoadedNotify>(values[0]).record->spec == text);
      CHECK(std::get<std::optional<FkeyRecord>>(values[1])->id == NotifyId{1});
      CHECK(std::get<std::optional<IdempotencyRecord>>(values[2])->id == NotifyId{1});
      CHECK(std::get<LoadedLane>(values[3]).record->tail);
      CHECK(std::get<LoadedNotify>(values[4]).in_tail);
      CHECK(store.ListIds(number) == std::vector<uint64_t>{1, 2, 3});
      ListQuery failed;
      failed.states = {State::kFailed};
      CHECK(store.ListIds(number, failed) == std::vector<uint64_t>{2});
      CHECK(store.ListLanes(number) == std::vector<std::string>{"lane " + text, "orders"});
      CHECK(std::get<std::vector<LoadedDue>>(store.LoadPage(number, DuePage{Clock::kWall, {}, StoreHarness::kStart + 1}).rows).size() == 1);
      CHECK(std::get<std::vector<DueKey>>(store.LoadPage(number, ExpiryPage{{}, StoreHarness::kStart + 1}).rows).size() == 1);
      CHECK(std::get<std::vector<LoadedTail>>(store.LoadPage(number, TailPage{kFifoLane, {}}).rows).size() == 1);
      CHECK(std::get<TailCount>(store.LoadPage(number, TailCountPage{kFifoLane, {}, {0, kWallNever, {}}}).rows).count == 1);
      CHECK(std::get<std::vector<Sleeper>>(store.LoadPage(number, SleepersPage{"host " + text, 0}).rows).size() == 1);
      CHECK(std::get<std::vector<std::string>>(store.LoadPage(number, SleeperHostsPage{""}).rows) == std::vector<std::string>{"host " + text});
      store.At(number).Read({{1, 7}, {2}});
      CHECK(store.Next<ReadDone>(number).notify.record->state.phase == Phase::kFailed);
    }
    CHECK(store.ListIds(4).empty());
    CHECK(store.ListLanes(4).empty());
  }
  // What one changes and deletes is its own.
  store.Commit(2, {Change({1}, SettledState(Phase::kSucceeded), MakeAttempt(1)), DeleteNotify{{2}}, ExpireFkey{"fkey", {1}, {0}},
                   DeleteDue{Clock::kWall, {StoreHarness::kStart, {1}}, true}, AddLaneCounts{kFifoLane, {-1, 0, 0, 0, 0}}});
  CHECK(store.LoadNotify(2, {1}).record->state.phase == Phase::kSucceeded);
  CHECK(store.ListIds(2) == std::vector<uint64_t>{1, 3});
  for (NamespaceNumber number : {0, 3}) {
    CHECK(store.LoadNotify(number, {1}).record->state.phase == Phase::kWaiting);
    CHECK(store.ListIds(number) == std::vector<uint64_t>{1, 2, 3});
    CHECK(std::get<std::optional<FkeyRecord>>(store.Load(number, {std::string("fkey")})[0]));
    CHECK(std::get<std::vector<LoadedDue>>(store.LoadPage(number, DuePage{Clock::kWall, {}, StoreHarness::kStart + 1}).rows).size() == 1);
    CHECK(store.ListLanes(number).size() == 2);
  }
}

TEMPLATE_TEST_CASE("namespaces: each hears of its own batches, by its own numbers, whatever the others write", "", HOST_HARNESS) {
  TestType made;
  HostHarness& store = made;
  store.Commit(0, {Put(MakeRecord(1))});
  store.Commit(0, {Put(MakeRecord(2))}, false);
  for (uint64_t i = 1; i <= 50; ++i)
    for (NamespaceNumber number : {5, 6, 7}) store.Begin(number, {Put(MakeRecord(i))}, number == 6);
  for (NamespaceNumber number : {5, 6, 7}) {
    uint64_t batch = 0, synced = 0;
    while (batch < 50) {
      const auto committed = store.Next<Committed>(number);
      CHECK(committed.batch > batch);
      CHECK(committed.synced <= committed.batch);
      CHECK(committed.synced >= synced);
      if (number == 6) CHECK(committed.synced == committed.batch);
      std::tie(batch, synced) = std::pair(committed.batch, committed.synced);
    }
    CHECK(batch == 50);
    CHECK(store.ListIds(number).size() == 50);
  }
  CHECK(store.Commit(0, {}, true).synced == 3);
  CHECK(store.Commit(5, {Put(MakeRecord(51))}).synced == 51);
}

TEMPLATE_TEST_CASE("namespaces: a sync of one is a sync of what all others wrote before, as they hear with their next batch", "", HOST_HARNESS) {
  TestType made;
  HostHarness& store = made;
  // An engine may have a connection for each, made when it is first used: its syncs cover what came since.
  CHECK(store.Commit(3, {Put(MakeRecord(1))}).synced == 1);
  CHECK(store.Commit(2, {Put(MakeRecord(1))}, false).synced == 0);
  CHECK(store.Commit(3, {Put(MakeRecord(2))}).synced == 2);
  CHECK(store.Commit(2, {Put(MakeRecord(2))}, false).synced == 1);
}

TEMPLATE_TEST_CASE("namespaces: a new one has new totals with its first id; later it has those of its last batch", "", HOST_HARNESS) {
  TestType made;
  HostHarness& store = made;
  CHECK(store.TotalsAt(0).next_id == 1);
  CHECK(store.TotalsAt(9).next_id == NotifyId::Of(9, 1).value);
  CHECK(store.TotalsAt(9).accepted == 0);
  Totals totals;
  totals.next_id = 77;
  totals.accepted = 9;
  store.Commit(9, {Put(MakeRecord(1))}, true, totals);
  totals.accepted = 4;
  store.Commit(0, {Put(MakeRecord(1))}, true, totals);
  store.CloseAt(9);
  CHECK(store.TotalsAt(9).accepted == 9);
  store.Reopen();
  CHECK(store.TotalsAt(9).accepted == 9);
  CHECK(store.TotalsAt(9).next_id == 77);
  CHECK(store.TotalsAt(0).accepted == 4);
  CHECK(store.TotalsAt(8).next_id == NotifyId::Of(8, 1).value);
}

TEMPLATE_TEST_CASE("namespaces: a start is told which may have changed, which sleep, until when, and with what totals", "", HOST_HARNESS) {
  TestType made;
  HostHarness& store = made;
  store.CommitRegistry({PutNamespaceRow{MakeSpace(0, "default")}, PutNamespaceRow{MakeSpace(2, "two")}, PutNamespaceRow{MakeSpace(3, "three")},
                        PutNamespaceRow{MakeSpace(4, "four")}});
  Totals totals;
  totals.accepted = 5;
  store.Commit(2, {Put(MakeRecord(1))}, true, totals);
  totals.accepted = 6;
  store.Commit(3, {Put(MakeRecord(1))}, true, totals);
  store.At(3).Sleep({12345});
  store.CloseAt(3);
  store.Reopen();
  CHECK(store.StateOf(0).awake);  // of a store that had no others
  CHECK(store.StateOf(2).awake);
  CHECK_FALSE(store.StateOf(3).awake);
  CHECK(store.StateOf(3).next_wake == WallTime{12345});
  CHECK(store.StateOf(3).totals.accepted == 6);
  CHECK_FALSE(store.StateOf(4).awake);  // nothing was ever written
  CHECK(store.StateOf(4).next_wake == kWallNever);
  // To open it, to read in it, or to ask for a sync changes nothing.
  CHECK(store.LoadNotify(3, {1}).record);
  store.Commit(3, {});
  store.CloseAt(3);
  store.Reopen();
  CHECK_FALSE(store.StateOf(3).awake);
  totals.accepted = 7;
  store.Commit(3, {Put(MakeRecord(2))}, true, totals);
  store.Commit(0, {Put(MakeRecord(2))});
  store.At(0).Sleep(kWallNever);
  store.Reopen();
  CHECK(store.StateOf(3).awake);
  CHECK_FALSE(store.StateOf(0).awake);
  store.At(3).Sleep({1});
  store.Commit(3, {Put(MakeRecord(3))}, true, totals);
  store.At(3).Sleep({2});
  store.Reopen();
  CHECK(store.StateOf(3).next_wake == WallTime{2});
  CHECK(store.StateOf(3).totals.accepted == 7);
}

TEMPLATE_TEST_CASE("namespaces: one that is opened again at once finds all that was still to be written of it", "", HOST_HARNESS) {
  TestType made;
  HostHarness& store = made;
  store.CommitRegistry({PutNamespaceRow{MakeSpace(2, "two")}});
  Totals totals;
  for (uint64_t i = 1; i <= 20; ++i) {
    totals.accepted = i;
    store.Commit(2, {Put(MakeRecord(i))}, false, totals);
    store.At(2).Sleep({static_cast<int64_t>(i)});
    store.CloseAt(2);
    CHECK(store.TotalsAt(2).accepted == i);
    CHECK(store.ListIds(2).size() == i);
  }
  store.Reopen();
  CHECK(store.StateOf(2).next_wake == WallTime{20});
}

TEMPLATE_TEST_CASE("registry: rows are there as they were last written, those that were dropped are not", "", HOST_HARNESS) {
  TestType made;
  HostHarness& store = made;
  CHECK(store.Registry().namespaces.empty());
  CHECK(store.Registry().head == RegistryHead{});
  auto token = [](const std::string& id, std::string name) {
    auto row = std::make_shared<TokenRow>();
    row->id = id;
    row->name = std::move(name);
    row->grant.namespaces.all = true;
    row->grant.scopes = {Scope::kRead};
    return row;
  };
  store.CommitRegistry({PutHead{{4, 7, {}}}, PutNamespaceRow{MakeSpace(0, "default")}, PutNamespaceRow{MakeSpace(3, "three")},
                        PutTokenRow{token("aaaaaaaa", "a")}, PutTokenRow{token("bbbbbbbb", "b")}, PutTokenUse{"aaaaaaaa", {60'000}},
                        PutTokenUse{"bbbbbbbb", {60'000}}});
  store.CommitRegistry({PutTokenRow{token("aaaaaaaa", "again")}, PutTokenUse{"aaaaaaaa", {120'000}}}, false);
  store.CommitRegistry({DropToken{"bbbbbbbb"}, PutHead{{5, 9, Removed(3)}}});
  store.Reopen();
  const RegistryImage image = store.Registry();
  CHECK(image.head == RegistryHead{5, 9, Removed(3)});
  REQUIRE(image.namespaces.size() == 2);
  CHECK(*image.namespaces[0] == *MakeSpace(0, "default"));
  CHECK(*image.namespaces[1] == *MakeSpace(3, "three"));
  REQUIRE(image.tokens.size() == 1);
  CHECK(*image.tokens[0] == *token("aaaaaaaa", "again"));
  CHECK(image.uses == std::vector<std::pair<std::string, WallTime>>{{"aaaaaaaa", {120'000}}});
  CHECK(image.states.size() == 2);
}

TEMPLATE_TEST_CASE("registry: a namespace that is dropped is gone with all that it held, and its neighbours are as they were", "", HOST_HARNESS) {
  TestType made;
  HostHarness& store = made;
  for (NamespaceNumber number : {0, 255, 256, 257}) store.Commit(number, OneOfEach(std::to_string(number)));
  for (NamespaceNumber number : {255, 256, 257}) store.CommitRegistry({PutNamespaceRow{MakeSpace(number, "n" + std::to_string(number))}});
  store.At(256).Sleep({5});
  store.CloseAt(256);
  CHECK(store.TotalsAt(256).next_id == 1);  // all is written
  store.CloseAt(256);
  store.CommitRegistry({DropNamespace{256}, PutHead{{300, 1, Removed(2)}}});
  for (bool reopened : {false, true}) {
    if (reopened) store.Reopen();
    CHECK(store.ListIds(256).empty());
    CHECK(store.ListLanes(256).empty());
    CHECK(store.TotalsAt(256).next_id == NotifyId::Of(256, 1).value);
    CHECK_FALSE(store.LoadNotify(256, {1}).record);
    for (NamespaceNumber number : {0, 255, 257}) {
      CHECK(store.ListIds(number) == std::vector<uint64_t>{1, 2, 3});
      CHECK(store.ListLanes(number).size() == 2);
      CHECK(std::get<std::vector<LoadedDue>>(store.LoadPage(number, DuePage{Clock::kWall, {}, StoreHarness::kStart + 1}).rows).size() == 1);
    }
  }
  const RegistryImage image = store.Registry();
  CHECK(image.namespaces.size() == 2);
  CHECK(image.states.size() == 3);
  CHECK(image.head.removed.accepted == 2);
}

TEMPLATE_TEST_CASE("retention: a namespace keeps its settled notifies as long as it says, the others as long as the store does", "", HOST_HARNESS) {
  TestType made;
  HostHarness& store = made;
  for (NamespaceNumber number : {0, 2, 3, 4}) {
    NotifyRecord succeeded = MakeRecord(1), failed = MakeRecord(2);
    succeeded.state = SettledState(Phase::kSucceeded);
    failed.state = SettledState(Phase::kFailed);
    store.Commit(number, {Put(succeeded), Put(failed)});
  }
  store.host().SetRetention(2, 10, std::nullopt);
  store.host().SetRetention(3, std::nullopt, 1'000'000);
  store.host().SetRetention(4, 20, 20);
  store.wall_ms += 500;
  CHECK(store.ListIds(0) == std::vector<uint64_t>{1, 2});
  CHECK(store.ListIds(2) == std::vector<uint64_t>{2});
  CHECK(store.ListIds(3) == std::vector<uint64_t>{1, 2});
  CHECK(store.ListIds(4).empty());
  store.host().SetRetention(4, std::nullopt, std::nullopt);
  CHECK(store.ListIds(4) == std::vector<uint64_t>{1, 2});
  store.wall_ms += StoreHarness::kRetentionSettledMs;
  CHECK(store.ListIds(0).empty());
  CHECK(store.ListIds(2).empty());
  CHECK(store.ListIds(3) == std::vector<uint64_t>{2});
}

TEMPLATE_TEST_CASE("audit: entries are listed newest first, by any of their words, page by page, and are there after a start", "", HOST_HARNESS) {
  TestType made;
  HostHarness& store = made;
  CHECK(store.ListAudit({}).items.empty());
  std::vector<AuditEntry> entries;
  std::atomic<size_t> durable = 0;
  auto count_durable = [&durable] { ++durable; };
  for (int i = 0; i < 12; ++i) {
    AuditEntry entry;
    // Several of one moment, and a clock that was set back.
    entry.at = {StoreHarness::kStart + (i == 7 ? -50 : i / 3)};
    entry.who = i % 2 == 0 ? "ann" : "bob";
    entry.what = i % 3 == 0 ? "token_made" : "namespace_changed";
    entry.object = "o" + std::to_string(i);
    entry.from = "192.0.2.7";
    entry.space = i < 6 ? "billing" : "";
    entry.count = static_cast<uint64_t>(i + 1);
    // With a change of the registry, or by itself.
    if (i % 4 == 1) store.CommitRegistry({PutHead{{2, 1, {}}}, entry});
    else store.host().Audit(entry, count_durable);
    entries.push_back(entry);
  }
  store.CommitRegistry({PutHead{{2, 1, {}}}}, /*sync=*/false);
  CHECK(durable == 9);
  std::stable_sort(entries.begin(), entries.end(), [](const AuditEntry& a, const AuditEntry& b) { return a.at < b.at; });
  std::reverse(entries.begin(), entries.end());
  for (bool reopened : {false, true}) {
    if (reopened) store.Reopen();
    std::vector<AuditEntry> listed;
    AuditQuery query;
    query.limit = 5;
    size_t pages = 0;
    for (;; ++pages) {
      AuditPage page = store.ListAudit(query);
      REQUIRE(page.status.detail() == "");
      for (AuditItem& item : page.items) listed.push_back(std::move(item.entry));
      if (!page.next) break;
      query.below = page.next;
    }
    CHECK(pages == 2);
    CHECK(listed == entries);
    auto count = [&](AuditQuery asked) { return store.ListAudit(std::move(asked)).items.size(); };
    CHECK(count({.who = "ann"}) == 6);
    CHECK(count({.who = "an"}) == 0);
    CHECK(count({.what = "token_made"}) == 4);
    CHECK(count({.object = "o7"}) == 1);
    CHECK(count({.space = "billing"}) == 6);
    CHECK(count({.space = ""}) == 6);
    // Of the namespaces that are there, each since it was made.
    AccessTable table;
    CHECK(count({.there = std::make_shared<const AccessTable>(table)}) == 0);
    auto billing = std::make_shared<NamespaceRow>();
    billing->name = "billing";
    billing->created_at = {StoreHarness::kStart + 1};
    table.PutNamespace("billing", billing);
    CHECK(count({.there = std::make_shared<const AccessTable>(table)}) == 3);
    CHECK(count({.who = "bob", .what = "token_made", .space = "billing"}) == 1);
  }
  // Of the same moment as others of before the start.
  store.host().Audit({{StoreHarness::kStart}, "cid", "token_made", "again"}, count_durable);
  store.CommitRegistry({PutHead{{2, 2, {}}}});
  CHECK(store.ListAudit({}).items.size() == 13);
  CHECK(durable == 10);
}

}  // namespace
}  // namespace notifyd
