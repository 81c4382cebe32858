// Part of store_contract.h: records that are kept beside notifies.
#pragma once

#include "broker/flow.h"
#include "broker/spec.h"
#include "broker/topic_records.h"
#include "contract/store_harness.h"

namespace notifyd {
namespace {

TEMPLATE_TEST_CASE("store: a notify's beginning comes without its body, and long data of a trigger where all of it is asked for", "", STORE_HARNESS) {
  TestType h;
  NotifyRecord record = MakeRecord(1);
  record.spec = std::make_shared<const std::string>(100'000, 's');
  const auto remembered = [](size_t bytes) {
    return FkeyRecord{
        {}, {StoreHarness::kStart + 1000}, std::make_shared<RememberedTrigger>(RememberedTrigger{std::string(bytes, 'd'), {true, {5}}})};
  };
  h.Commit({Put(record), PutFkey{"short", remembered(kRememberedKept)}, PutFkey{"long", remembered(100'000)}});
  auto values = h.Load({BeginningKey{{1}}, BeginningKey{{2}}, NotifyId{1}, std::string("short"), std::string("long"), RememberedKey{"long"}});
  REQUIRE(values.size() == 6);
  const std::shared_ptr<NotifyRecord> beginning = std::get<LoadedNotify>(values[0]).record, whole = std::get<LoadedNotify>(values[2]).record;
  REQUIRE(beginning);
  CHECK(beginning->id.value == 1);
  CHECK(beginning->spec == nullptr);
  CHECK(beginning->attempts.empty());
  CHECK(beginning->created_at == record.created_at);
  CHECK(beginning->state.due == record.state.due);
  CHECK(beginning->envelope->lane == record.envelope->lane);
  CHECK(std::get<LoadedNotify>(values[0]).in_tail == std::get<LoadedNotify>(values[2]).in_tail);
  CHECK_FALSE(std::get<LoadedNotify>(values[1]).record);
  CHECK(whole->spec->size() == 100'000);
  const auto trigger = [&](size_t i) { return std::get<std::optional<FkeyRecord>>(values[i])->remembered; };
  CHECK(trigger(3)->data == std::string(kRememberedKept, 'd'));
  CHECK_FALSE(trigger(4)->data);
  CHECK(trigger(4)->left_out == 100'000);
  CHECK(trigger(4)->due == trigger(5)->due);
  CHECK(trigger(5)->data == std::string(100'000, 'd'));
  CHECK(trigger(5)->left_out == 0);
}

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

TEMPLATE_TEST_CASE("store: counts are added to without being read, over restarts, and end as other records do", "", STORE_HARNESS) {
  TestType h;
  const RecordKey minute{RecordKind::kDueCount, "m"}, other{RecordKind::kDueCount, "n"};
  const WallTime end{StoreHarness::kStart + 10};
  auto count = [&](RecordKey key) -> std::optional<int64_t> {
    auto record = std::get<std::optional<StoredRecord>>(h.Load({std::move(key)}).at(0));
    return record ? DecodeCount(record->value) : std::nullopt;
  };
  h.Commit({AddToCount{minute, 3, end}, AddToCount{minute, 4, end}});
  CHECK(count(minute) == 7);
  h.Reopen();
  h.Commit({AddToCount{minute, -2, end}, AddToCount{other, -1, end}});
  CHECK(count(minute) == 5);
  CHECK(count(other) == -1);
  h.Reopen();
  h.Commit({AddToCount{minute, 1, end}});
  CHECK(count(minute) == 6);
  PageLoaded page = h.LoadPage(RecordsPage{RecordKind::kDueCount, "", "", false});
  REQUIRE(page.records().size() == 2);
  CHECK(DecodeCount(page.records()[0].record.value) == 6);
  h.wall_ms = end.ms;
  CHECK_FALSE(count(minute));
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

TEMPLATE_TEST_CASE("store: a page of records ends where it holds what it may, and one of events has these without their payloads", "",
                   STORE_HARNESS) {
  TestType h;
  std::vector<WriteOp> ops;
  auto put = [&](RecordKind kind, std::string key, std::string value) {
    ops.push_back(PutRecord{{kind, std::move(key)}, std::make_shared<const StoredRecord>(StoredRecord{std::move(value), kWallNever})});
  };
  EventRecord event;
  event.topic = "a.b";
  event.key = std::string(1'000, 'k');
  event.payload_kind = PayloadKind::kData;
  event.payload = '"' + std::string(200'000, 'x') + '"';
  for (uint64_t id = 1; id <= 20; ++id) {
    put(RecordKind::kTopicEvent, KeyOfTopicEvent("a.b", {id}), EncodeEventPlace({}));
    if (id != 3) put(RecordKind::kEvent, KeyOfEvent({id}), EncodeEvent(event));
  }
  h.Commit(std::move(ops));
  event.payload.clear();
  RecordsPage page{RecordKind::kTopicEvent, KeyOfTopicEvent("a.b", {}), KeyOfTopicEvent("a.b", {21}), true, 0, true};
  PageLoaded all = h.LoadPage(page);
  REQUIRE(all.records().size() == 20);
  CHECK_FALSE(all.more);
  for (const RecordRow& row : all.records()) {
    if (EventOfKey(row.key).value == 3) {
      CHECK(row.event == nullptr);
      continue;
    }
    REQUIRE(row.event);
    CHECK(*row.event == event);
    CHECK(row.event->payload.capacity() < 100);
  }
  // What is read at once may go beyond.
  page.most_bytes = 5'000;
  PageLoaded some = h.LoadPage(page);
  CHECK(some.records().size() >= 5);
  CHECK(some.records().size() <= 8);
  CHECK(some.more);
  PageLoaded bare = h.LoadPage(RecordsPage{RecordKind::kEvent, "", "", false, 300'000});
  CHECK(bare.records().size() == 2);
  CHECK(bare.more);
}

TEMPLATE_TEST_CASE("store: a notify that is written without its event's payload is read with it, by whatever door", "", STORE_HARNESS) {
  TestType h;
  EventRecord event;
  event.topic = "a.b";
  event.payload_kind = PayloadKind::kBodyBase64;
  event.payload = std::string("x\0y", 3);
  auto of_event = [](uint64_t id, NotifyId of) {
    NotifyRecord record = MakeRecord(id);
    auto envelope = std::make_shared<Envelope>(*record.envelope);
    FlowFields flow;
    flow.event = of;
    envelope->flow = std::make_shared<const FlowFields>(flow);
    record.envelope = envelope;
    NotifySpec spec;
    spec.url = "http://h/";
    spec.payload_of_event = true;
    record.spec = std::make_shared<const std::string>(EncodeSpec(spec));
    return record;
  };
  NotifySpec whole;
  whole.url = "http://h/";
  whole.payload_kind = event.payload_kind;
  whole.payload = event.payload;
  const NotifyRecord first = of_event(1, {9}), second = of_event(2, {9});
  NotifyRecord over = of_event(3, {8});  // whose event is gone
  over.state = SettledState(Phase::kFailed);
  h.Commit({Put(first), PutDue{Clock::kWall, {StoreHarness::kStart, {1}}}, Put(second), PutTail{kConcurrentLane, {5, {StoreHarness::kStart}, {2}}},
            Put(over),
            PutRecord{{RecordKind::kEvent, KeyOfEvent({9})}, std::make_shared<const StoredRecord>(StoredRecord{EncodeEvent(event), kWallNever})}});
  h.wall_ms = StoreHarness::kStart;
  auto is_whole = [&](const LoadedNotify& notify) {
    REQUIRE(notify.record);
    CHECK(*DecodeSpec(*notify.record->spec) == whole);
  };
  is_whole(h.LoadNotify({1}));
  is_whole(h.Read({2}));
  is_whole(h.LoadPage(DuePage{Clock::kWall, {}, StoreHarness::kStart + 1}).due().at(0).notify);
  is_whole(h.LoadPage(TailPage{kConcurrentLane, {}}).tail().at(0).notify);
  CHECK(DecodeSpec(*h.Read({3}).record->spec)->payload_kind == PayloadKind::kNone);
}

TEMPLATE_TEST_CASE("store: of a notify comes what stands of it, or what its end needs, where no more is asked for", "", STORE_HARNESS) {
  TestType h;
  EventRecord event;
  event.topic = "a.b";
  event.payload_kind = PayloadKind::kData;
  event.payload = '"' + std::string(1000, 'x') + '"';
  auto record_of = [](uint64_t id, NotifyId of) {
    NotifyRecord record = MakeRecord(id);
    auto envelope = std::make_shared<Envelope>(*record.envelope);
    FlowFields flow;
    flow.event = of;
    flow.topic = "a.b";
    envelope->flow = std::make_shared<const FlowFields>(flow);
    record.envelope = envelope;
    record.attempts = {MakeAttempt(1), MakeAttempt(2)};
    record.state = SettledState(Phase::kFailed);
    NotifySpec spec;
    spec.url = "http://h/";
    spec.via = "one";
    spec.payload_of_event = true;
    record.spec = std::make_shared<const std::string>(EncodeSpec(spec));
    return record;
  };
  const NotifyRecord of_event = record_of(1, {9}), of_lost = record_of(2, {8});
  NotifyRecord own = record_of(3, {9});
  NotifySpec of_own = *DecodeSpec(*own.spec);
  of_own.payload_of_event = false;
  of_own.payload_kind = PayloadKind::kData;
  of_own.payload = event.payload;
  own.spec = std::make_shared<const std::string>(EncodeSpec(of_own));
  auto put = [](RecordKind kind, std::string key, std::string value) {
    return PutRecord{{kind, std::move(key)}, std::make_shared<const StoredRecord>(StoredRecord{std::move(value), kWallNever})};
  };
  h.Commit({Put(of_event), Put(of_lost), Put(own), put(RecordKind::kEvent, KeyOfEvent({9}), EncodeEvent(event)),
            put(RecordKind::kTopicEvent, KeyOfTopicEvent("a.b", {9}), EncodeEventPlace({}))});
  h.wall_ms = StoreHarness::kStart;
  const auto values = h.Load({StoredKey{{1}}, StoredKey{{2}}, StoredKey{{3}}, StoredKey{{4}}, EndKey{{1}}, EndKey{{3}}, NotifyId{1}});
  const auto record = [&](size_t i) { return std::get<LoadedNotify>(values.at(i)).record; };
  CHECK_FALSE(record(0)->spec);
  CHECK(*record(0)->bare == *of_event.spec);
  CHECK(record(0)->attempts.size() == 2);
  CHECK_FALSE(record(1)->bare);  // its event is gone: it must not be written as if it were there
  CHECK(DecodeSpec(*record(1)->spec)->payload_kind == PayloadKind::kNone);
  CHECK_FALSE(IsPayloadOfEvent(*record(1)->spec));
  CHECK(*record(2)->spec == *own.spec);
  CHECK_FALSE(record(2)->bare);
  CHECK_FALSE(record(3));
  for (size_t i : {4, 5}) {
    CHECK_FALSE(record(i)->spec);
    CHECK(record(i)->bare->size() < 100);
    CHECK(ViaOfSpec(*record(i)->bare) == "one");
    REQUIRE(record(i)->attempts.size() == 1);
    CHECK(record(i)->attempts[0].number == 2);
    CHECK(record(i)->attempts[0].response_body == MakeAttempt(2).response_body);
  }
  CHECK(DecodeSpec(*record(6)->spec)->payload == event.payload);
  CHECK(*record(6)->bare == *of_event.spec);
}

}  // namespace
}  // namespace notifyd
