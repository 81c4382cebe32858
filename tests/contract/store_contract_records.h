// Part of store_contract.h: records that are kept beside notifies.
#pragma once

#include "contract/store_harness.h"

namespace notifyd {
namespace {

TEMPLATE_TEST_CASE("store: records of each kind are put, replaced, loaded and deleted", "", STORE_HARNESS) {
  TestType h;
  auto load = [&](RecordKey key) {
    auto values = h.Load({std::move(key)});
    REQUIRE(values.size() == 1);
    return std::get<std::optional<StoredRecord>>(values[0]);
  };
  auto put = [](RecordKey key, std::string value, WallTime expires_at = kWallNever) {
    return PutRecord{std::move(key), std::make_shared<const StoredRecord>(StoredRecord{std::move(value), expires_at})};
  };
  const std::string zero("a\0b\xff", 4);
  std::vector<WriteOp> ops;
  for (RecordKind kind : kRecordKinds) {
    CHECK_FALSE(load({kind, zero}));
    ops.push_back(put({kind, zero}, std::string("of ") + static_cast<char>(kind)));
  }
  h.Commit(std::move(ops));
  h.Commit({put({RecordKind::kTopic, "a"}, std::string("x\0y", 3)), put({RecordKind::kTopic, "b"}, "short", {StoreHarness::kStart + 10})});
  h.Reopen();
  for (RecordKind kind : kRecordKinds) CHECK(load({kind, zero}) == StoredRecord{std::string("of ") + static_cast<char>(kind), kWallNever});
  CHECK(load({RecordKind::kTopic, "a"}) == StoredRecord{std::string("x\0y", 3), kWallNever});
  CHECK(load({RecordKind::kTopic, "b"}) == StoredRecord{"short", {StoreHarness::kStart + 10}});
  h.wall_ms = StoreHarness::kStart + 10;
  CHECK_FALSE(load({RecordKind::kTopic, "b"}));
  h.Commit({put({RecordKind::kTopic, "a"}, "new"), DeleteRecord{{RecordKind::kTopic, zero}}, DeleteRecord{{RecordKind::kGroup, "none"}}});
  CHECK(load({RecordKind::kTopic, "a"})->value == "new");
  CHECK_FALSE(load({RecordKind::kTopic, zero}));
  CHECK(load({RecordKind::kSubscription, zero}));
}

TEMPLATE_TEST_CASE("store: a page of records has those of its kind and range, in the order of their keys or the other way round", "", STORE_HARNESS) {
  TestType h;
  std::vector<WriteOp> ops;
  for (const char* key : {"a", "ab", "b", "c", "d"})
    ops.push_back(PutRecord{{RecordKind::kEvent, key}, std::make_shared<const StoredRecord>(StoredRecord{std::string("of ") + key, kWallNever})});
  ops.push_back(PutRecord{{RecordKind::kEvent, "bc"}, std::make_shared<const StoredRecord>(StoredRecord{"over", {StoreHarness::kStart - 1}})});
  for (RecordKind kind : {RecordKind::kGroup, RecordKind::kResponse})
    ops.push_back(PutRecord{{kind, "b"}, std::make_shared<const StoredRecord>(StoredRecord{"another", kWallNever})});
  h.Commit(std::move(ops));
  h.wall_ms = StoreHarness::kStart;
  auto keys = [](PageLoaded page) {
    std::string all;
    for (const RecordRow& row : page.records()) {
      CHECK(row.record.value == "of " + row.key);
      all += row.key + " ";
    }
    return all + (page.more ? "..." : "");
  };
  CHECK(keys(h.LoadPage(RecordsPage{RecordKind::kEvent, "", "", false})) == "a ab b c d ");
  CHECK(keys(h.LoadPage(RecordsPage{RecordKind::kEvent, "", "", true})) == "d c b ab a ");
  CHECK(keys(h.LoadPage(RecordsPage{RecordKind::kEvent, "ab", "c", false})) == "ab b ");
  CHECK(keys(h.LoadPage(RecordsPage{RecordKind::kEvent, "ab", "c", true})) == "b ab ");
  CHECK(keys(h.LoadPage(RecordsPage{RecordKind::kEvent, "", "", false}, 2)) == "a ab ...");
  CHECK(keys(h.LoadPage(RecordsPage{RecordKind::kEvent, "c", "", true}, 1)) == "d ...");
  CHECK(keys(h.LoadPage(RecordsPage{RecordKind::kEvent, "c", "b", false})) == "");
  CHECK(keys(h.LoadPage(RecordsPage{RecordKind::kSchedule, "", "", false})) == "");
}

}  // namespace
}  // namespace notifyd
