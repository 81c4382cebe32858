// The fake store's own ways, beyond the contract that it shares with the real one: time, crashes, failures.
#include "fakes/fake_store.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

struct Sink : EventSink {
  void Post(Event event) override { events.push_back(std::move(event)); }
  std::vector<Event> events;
};

WriteBatch Batch(uint64_t number, bool sync, std::vector<WriteOp> ops) {
  WriteBatch batch;
  batch.number = number;
  batch.sync = sync;
  batch.ops = std::move(ops);
  batch.totals.next_id = number + 1;
  return batch;
}

std::shared_ptr<NotifyRecord> Record(uint64_t id) {
  auto record = std::make_shared<NotifyRecord>();
  record->id = {id};
  record->envelope = std::make_shared<Envelope>();
  record->spec = std::make_shared<std::string>("spec");
  return record;
}

FakeStoreOptions Timed(uint64_t seed) {
  FakeStoreOptions options;
  options.simple = false;
  options.seed = seed;
  return options;
}

TEST_CASE("fake store: a record that was handed in is not aliased") {
  Sink sink;
  FakeStore store({});
  store.Start(&sink);
  auto record = Record(1);
  store.Commit(Batch(1, true, {PutNotify{record}}));
  record->state.phase = Phase::kFailed;
  store.Deliver();
  CHECK(store.synced().Find({1})->state.phase == Phase::kWaiting);
}

TEST_CASE("fake store: in simple mode answers come in the order of the calls, and only from Deliver") {
  Sink sink;
  FakeStore store({});
  store.Start(&sink);
  store.Commit(Batch(1, true, {PutNotify{Record(1)}}));
  store.Read({RequestId{0, 7}, {2}});
  store.Commit(Batch(2, true, {PutNotify{Record(2)}}));
  store.Read({RequestId{0, 8}, {2}});
  CHECK(sink.events.empty());
  store.Deliver();
  REQUIRE(sink.events.size() == 4);
  CHECK(std::get<Committed>(sink.events[0]).synced == 1);
  CHECK(std::get<ReadDone>(sink.events[1]).notify.record == nullptr);
  CHECK(std::get<Committed>(sink.events[2]).synced == 2);
  CHECK(std::get<ReadDone>(sink.events[3]).notify.record != nullptr);
}

TEST_CASE("fake store: kill -9 keeps what is written, a power cut only what is synced") {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Sink sink;
    FakeStore killed(Timed(seed)), cut(Timed(seed));
    for (FakeStore* store : {&killed, &cut}) {
      store->Start(&sink);
      store->Commit(Batch(1, true, {PutNotify{Record(1)}}));
      store->Deliver();
      store->Commit(Batch(2, false, {PutNotify{Record(2)}}));
      store->Deliver();
    }
    INFO("seed " << seed);
    CHECK(killed.Crash(CrashKind::kKill).notifies.size() == 2);
    CHECK(cut.Crash(CrashKind::kPower).Find({1}) != nullptr);
  }
}

TEST_CASE("fake store: a power cut loses unsynced batches in some seeds, whole and from the end") {
  bool lost = false;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Sink sink;
    FakeStore store(Timed(seed));
    store.Start(&sink);
    for (uint64_t number = 1; number <= 4; ++number) store.Commit(Batch(number, false, {PutNotify{Record(number)}, PutNotify{Record(number + 10)}}));
    store.Deliver();
    FakeImage image = store.Crash(CrashKind::kPower);
    INFO("seed " << seed);
    uint64_t kept = image.notifies.size() / 2;
    CHECK(image.notifies.size() % 2 == 0);
    for (uint64_t number = 1; number <= 4; ++number) CHECK((image.Find({number}) != nullptr) == (number <= kept));
    lost |= kept < 4;
  }
  CHECK(lost);
}

TEST_CASE("fake store: synced is reported only for what a power cut keeps") {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Sink sink;
    FakeStore store(Timed(seed));
    store.Start(&sink);
    uint64_t number = 0, synced = 0;
    for (int64_t now = 0; now < 60; ++now) {
      ++number;
      store.Commit(Batch(number, number % 3 == 0, {PutNotify{Record(number)}}));
      store.AdvanceTo(now);
    }
    for (const Event& event : sink.events) synced = std::max(synced, std::get<Committed>(event).synced);
    FakeImage image = store.Crash(CrashKind::kPower);
    INFO("seed " << seed);
    CHECK(synced > 0);
    for (uint64_t id = 1; id <= synced; ++id) CHECK(image.Find({id}) != nullptr);
  }
}

TEST_CASE("fake store: after a failed write nothing more is written or reported") {
  Sink sink;
  FakeStoreOptions options = Timed(3);
  options.write_failure = 1;
  FakeStore store(options);
  store.Start(&sink);
  store.Commit(Batch(1, true, {PutNotify{Record(1)}}));
  store.Deliver();
  store.Commit(Batch(2, true, {PutNotify{Record(2)}}));
  store.Deliver();
  REQUIRE(sink.events.size() == 1);
  CHECK(std::holds_alternative<WriteFailed>(sink.events[0]));
  CHECK(store.written().Find({2}) == nullptr);
}

}  // namespace
}  // namespace notifyd
