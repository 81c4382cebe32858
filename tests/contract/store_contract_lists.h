// Part of store_contract.h: lists.
#pragma once

#include "broker/flow.h"
#include "broker/spec.h"
#include "contract/store_harness.h"

namespace notifyd {
namespace {

TEMPLATE_TEST_CASE("store: a list is newest first, and its filters hold one by one and together", "", STORE_HARNESS) {
  TestType h;
  NotifyRecord other = MakeRecord(2, kFifoLane), twin = MakeRecord(3, {Mode::kFifo, kConcurrentLane.name});
  auto envelope = std::make_shared<Envelope>(*other.envelope);
  envelope->caller = "billing";
  other.envelope = envelope;
  h.Commit({Put(MakeRecord(1)), Put(other), Put(twin), Put(MakeRecord(4))});
  CHECK(IdsOf(h.List({})) == Ids{4, 3, 2, 1});
  ListQuery query;
  query.lane = kConcurrentLane.name;
  CHECK(IdsOf(h.List(query)) == Ids{4, 3, 1});
  query.mode = Mode::kConcurrent;
  CHECK(IdsOf(h.List(query)) == Ids{4, 1});
  query.created_after = WallTime{StoreHarness::kStart + 2};
  CHECK(IdsOf(h.List(query)) == Ids{4});
  query = {};
  query.caller = "billing";
  CHECK(IdsOf(h.List(query)) == Ids{2});
  query = {};
  query.host = "elsewhere:80";
  CHECK(IdsOf(h.List(query)).empty());
  query.host = envelope->host;
  CHECK(IdsOf(h.List(query)).size() == 4);
  query = {};
  query.created_after = WallTime{StoreHarness::kStart + 2};
  query.created_before = WallTime{StoreHarness::kStart + 4};
  CHECK(IdsOf(h.List(query)) == Ids{3, 2});
}

TEMPLATE_TEST_CASE("store: a list filters by labels, all of them, and by when they settled", "", STORE_HARNESS) {
  TestType h;
  auto with = [](uint64_t id, Labels labels) {
    NotifyRecord record = MakeRecord(id);
    auto envelope = std::make_shared<Envelope>(*record.envelope);
    envelope->labels = std::make_shared<const Labels>(std::move(labels));
    record.envelope = envelope;
    return Put(record);
  };
  NotifyState early = SettledState(Phase::kFailed), late = early;
  late.settled_at.ms += 10;
  h.Commit({with(1, {{"env", "prod"}, {"team", "a"}}), with(2, {{"env", "prod"}, {"team", "b"}}), with(3, {{"team", "a"}}), Put(MakeRecord(4)),
            Change({2}, early), Change({3}, late)});
  ListQuery query;
  query.labels = {{"env", "prod"}};
  CHECK(IdsOf(h.List(query)) == Ids{2, 1});
  query.labels = {{"team", "a"}, {"env", "prod"}};
  CHECK(IdsOf(h.List(query)) == Ids{1});
  query.labels = {{"team", "a"}, {"team", "b"}};
  CHECK(IdsOf(h.List(query)).empty());
  query = {};
  query.settled_after = late.settled_at;
  CHECK(IdsOf(h.List(query)) == Ids{3});
  query = {};
  query.settled_before = late.settled_at;
  CHECK(IdsOf(h.List(query)) == Ids{2});
}

TEMPLATE_TEST_CASE("store: a list tells held, scheduled, ready and retrying by the clocks it is given", "", STORE_HARNESS) {
  TestType h;
  Now now{{StoreHarness::kStart}, {500}};
  auto with = [](uint64_t id, Phase phase, WallTime due, int64_t retry_at) {
    NotifyRecord record = MakeRecord(id);
    record.state.phase = phase;
    record.state.due = due;
    record.state.retry_at = {retry_at};
    return Put(record);
  };
  WallTime past{StoreHarness::kStart}, future{StoreHarness::kStart + 1};
  h.Commit({with(1, Phase::kHeld, kWallNever, 0), with(2, Phase::kHeld, future, 0), with(3, Phase::kHeld, past, 0),
            with(4, Phase::kWaiting, future, 0), with(5, Phase::kWaiting, past, 0), with(6, Phase::kRetrying, past, 501),
            with(7, Phase::kRetrying, past, 500), Put(MakeRecord(8)), Change({8}, SettledState(Phase::kSucceeded))});
  CHECK(IdsOf(h.List(StateQuery({State::kHeld}), now)) == Ids{2, 1});
  CHECK(IdsOf(h.List(StateQuery({State::kScheduled}), now)) == Ids{4});
  CHECK(IdsOf(h.List(StateQuery({State::kReady}), now)) == Ids{7, 5, 3});
  CHECK(IdsOf(h.List(StateQuery({State::kSending}), now)) == Ids{7, 5, 3});
  CHECK(IdsOf(h.List(StateQuery({State::kRetrying}), now)) == Ids{6});
  CHECK(IdsOf(h.List(StateQuery({State::kSucceeded, State::kScheduled}), now)) == Ids{8, 4});
}

TEMPLATE_TEST_CASE("store: a list by state knows what is due at once, what stands in a tail, and what may be in memory, whatever the clock says", "",
                   STORE_HARNESS) {
  TestType h;
  WallTime future{StoreHarness::kStart + 1000};
  auto with = [&](uint64_t id, Phase phase, bool at_once) {
    NotifyRecord record = MakeRecord(id);
    record.state.phase = phase;
    record.state.due = future;
    record.state.at_once = at_once;
    record.state.retry_at = {10'000};
    return Put(record);
  };
  auto tail = [&](uint64_t id) { return PutTail{kConcurrentLane, {5, future, {id}}}; };
  h.Commit({with(1, Phase::kWaiting, true), with(2, Phase::kWaiting, false), with(3, Phase::kWaiting, false), tail(3), with(4, Phase::kHeld, false),
            with(5, Phase::kHeld, false), tail(5), with(6, Phase::kRetrying, false), with(7, Phase::kRetrying, false), tail(7)});
  ListEffect list;
  list.now = {{StoreHarness::kStart}, {500}};
  auto ids = [&](State state) {
    list.query = StateQuery({state});
    h.store().List(list);
    return IdsOf(h.template Next<ListDone>());
  };
  CHECK(ids(State::kReady) == Ids{7, 5, 3, 1});
  CHECK(ids(State::kSending) == Ids{7, 5, 3, 1});
  list.query = StateQuery({State::kReady});
  h.store().List(list);
  for (const LoadedNotify& item : h.template Next<ListDone>().items) CHECK(item.in_tail == (item.record->id.value != 1));
  // Those of other states are taken too where memory may know them to be ready: it takes its pick.
  list.reached = future;
  CHECK(ids(State::kReady) == Ids{7, 5, 4, 3, 2, 1});
  list.reached = {future.ms - 1};
  list.any_tail = false;
  CHECK(ids(State::kReady) == Ids{1});
  CHECK(ids(State::kScheduled) == Ids{3, 2});
  CHECK(ids(State::kHeld) == Ids{5, 4});
  CHECK(ids(State::kRetrying) == Ids{7, 6});
}

TEMPLATE_TEST_CASE("store: a list of failed, cancelled and expired ones merges them by id", "", STORE_HARNESS) {
  TestType h;
  std::vector<WriteOp> ops;
  for (uint64_t id = 1; id <= 80; ++id) {
    Phase phase = id % 4 == 0 ? Phase::kSucceeded : static_cast<Phase>(5 + id % 4);
    NotifyRecord record = MakeRecord(id, id % 2 ? kFifoLane : kConcurrentLane);
    record.state = SettledState(phase);
    ops.push_back(Put(record));
    if (phase != Phase::kSucceeded) ops.push_back(PutSettled{phase, {id}, {StoreHarness::kStart}});
  }
  h.Commit(std::move(ops));
  Ids failed_or_expired, fifo_cancelled;
  for (uint64_t id = 80; id > 0; --id) {
    if (id % 4 == 1 || id % 4 == 3) failed_or_expired.push_back(id);
  }
  CHECK(IdsOf(h.List(StateQuery({State::kExpired, State::kFailed}))) == failed_or_expired);
  ListQuery query = StateQuery({State::kCancelled});
  query.mode = Mode::kFifo;
  CHECK(h.List(query).items.empty());
  // Page by page it is the same list.
  Ids paged;
  query = StateQuery({State::kExpired, State::kFailed}, 7);
  for (;;) {
    ListDone page = h.List(query);
    REQUIRE(page.items.size() <= 7);
    for (uint64_t id : IdsOf(page)) paged.push_back(id);
    if (page.next.value == 0) break;
    query.below = page.next;
  }
  CHECK(paged == failed_or_expired);
}

TEMPLATE_TEST_CASE("store: one that was settled and sent again is listed by what it is now", "", STORE_HARNESS) {
  TestType h;
  NotifyRecord record = MakeRecord(1);
  record.state = SettledState(Phase::kFailed);
  h.Commit({Put(record), PutSettled{Phase::kFailed, {1}, {StoreHarness::kStart}}});
  CHECK(IdsOf(h.List(StateQuery({State::kFailed}))) == Ids{1});
  h.Commit({Put(MakeRecord(1)), DeleteSettled{Phase::kFailed, {1}}});
  CHECK(h.List(StateQuery({State::kFailed})).items.empty());
  record.state = SettledState(Phase::kExpired);
  h.Commit({Put(record), PutSettled{Phase::kExpired, {1}, {StoreHarness::kStart}}});
  CHECK(IdsOf(h.List(StateQuery({State::kFailed, State::kExpired}))) == Ids{1});
}

TEMPLATE_TEST_CASE("store: a list pages by its cursor and ends with none", "", STORE_HARNESS) {
  TestType h;
  std::vector<WriteOp> ops;
  for (uint64_t id = 1; id <= 10; ++id) ops.push_back(Put(MakeRecord(id)));
  h.Commit(std::move(ops));
  ListQuery query;
  query.limit = 4;
  ListDone page = h.List(query);
  CHECK(IdsOf(page) == Ids{10, 9, 8, 7});
  CHECK(page.next.value == 7);
  query.below = page.next;
  page = h.List(query);
  CHECK(IdsOf(page) == Ids{6, 5, 4, 3});
  query.below = page.next;
  page = h.List(query);
  CHECK(IdsOf(page) == Ids{2, 1});
  CHECK(page.next.value == 0);
  query.below = {5};
  page = h.List(query);
  CHECK(IdsOf(page) == Ids{4, 3, 2, 1});
  CHECK(page.next.value == 0);
}

TEMPLATE_TEST_CASE("store: a list by fkey, by its beginning and by the beginning of the URL", "", STORE_HARNESS) {
  TestType h;
  std::vector<WriteOp> ops;
  auto put = [&](uint64_t id, const std::string& fkey, const std::string& url) {
    NotifyRecord record = MakeRecord(id);
    auto envelope = std::make_shared<Envelope>(*record.envelope);
    envelope->fkey = fkey;
    record.envelope = std::move(envelope);
    NotifySpec spec;
    spec.url = url;
    spec.headers = {{"X-Url", "http://other/"}};
    record.spec = std::make_shared<const std::string>(EncodeSpec(spec));
    ops.push_back(Put(record));
  };
  put(1, "", "http://shop/a");
  put(2, "order-1", "http://shop/ab");
  put(3, "order-17", "http://shop/b");
  put(4, "Order-1", "http://other/");
  put(5, "order-1", "https://shop/a");
  h.Commit(std::move(ops));
  ListQuery query;
  query.fkey = "order-1";
  CHECK(IdsOf(h.List(query)) == Ids{5, 2});
  query.url_prefix = "http://";
  CHECK(IdsOf(h.List(query)) == Ids{2});
  query = {};
  query.fkey_prefix = "order-1";
  CHECK(IdsOf(h.List(query)) == Ids{5, 3, 2});
  query = {};
  query.url_prefix = "http://shop/a";
  CHECK(IdsOf(h.List(query)) == Ids{2, 1});
  query.url_prefix = "http://shop/abc";
  CHECK(h.List(query).items.empty());
}

TEMPLATE_TEST_CASE("store: lists filter by where a notify goes and comes from, and by the error of its newest attempt", "", STORE_HARNESS) {
  TestType h;
  std::vector<WriteOp> ops;
  auto put = [&](uint64_t id, auto fill) {
    NotifyRecord record = MakeRecord(id);
    auto envelope = std::make_shared<Envelope>(*record.envelope);
    auto flow = std::make_shared<FlowFields>();
    fill(envelope.get(), flow.get(), &record);
    if (!flow->IsDefault()) envelope->flow = std::move(flow);
    record.envelope = std::move(envelope);
    ops.push_back(Put(record));
  };
  auto attempt = [](NotifyRecord* record, const char* error) {
    AttemptRecord& made = record->attempts.emplace_back();
    made.number = static_cast<uint32_t>(record->attempts.size());
    made.error = error;
    record->state.attempts_made = made.number;
  };
  put(1, [&](Envelope*, FlowFields*, NotifyRecord* record) { attempt(record, "timeout"); });
  put(2, [&](Envelope* envelope, FlowFields*, NotifyRecord*) { envelope->host = "service://shop"; });
  put(3, [&](Envelope*, FlowFields* flow, NotifyRecord*) {
    flow->event = {9};
    flow->topic = "order.paid";
    flow->subscription = "mail";
  });
  put(4, [&](Envelope*, FlowFields* flow, NotifyRecord* record) {
    flow->group = {3};
    flow->group_place = 0;
    attempt(record, "timeout");
    attempt(record, "unexpected_answer");
  });
  put(5, [&](Envelope*, FlowFields* flow, NotifyRecord*) { flow->schedule = "nightly"; });
  put(6, [&](Envelope*, FlowFields* flow, NotifyRecord* record) {
    flow->group = {3};
    flow->group_place = 1;
    attempt(record, "timeout");
  });
  h.Commit(std::move(ops));
  auto ids = [&](auto set) {
    ListQuery query;
    set(&query);
    return IdsOf(h.List(query));
  };
  CHECK(ids([](ListQuery* q) { q->service = "shop"; }) == Ids{2});
  CHECK(ids([](ListQuery* q) { q->service = "sho"; }).empty());
  CHECK(ids([](ListQuery* q) { q->event = {9}; }) == Ids{3});
  CHECK(ids([](ListQuery* q) { q->topic = "order.paid"; }) == Ids{3});
  CHECK(ids([](ListQuery* q) { q->subscription = "mail"; }) == Ids{3});
  CHECK(ids([](ListQuery* q) { q->schedule = "nightly"; }) == Ids{5});
  CHECK(ids([](ListQuery* q) { q->group = {3}; }) == Ids{6, 4});
  CHECK(ids([](ListQuery* q) { q->error = "timeout"; }) == Ids{6, 1});
  CHECK(ids([](ListQuery* q) { q->error = "unexpected_answer"; }) == Ids{4});
  CHECK(ids([](ListQuery* q) {
          q->error = "timeout";
          q->group = {3};
        }) == Ids{6});
  CHECK(ids([](ListQuery* q) { q->error = "dns"; }).empty());
}

TEMPLATE_TEST_CASE("store: a list oldest first is the same list backwards, over records and over the index, page by page too", "", STORE_HARNESS) {
  TestType h;
  std::vector<WriteOp> ops;
  for (uint64_t id = 1; id <= 90; ++id) {
    NotifyRecord record = MakeRecord(id);
    if (id % 3 != 0) {
      Phase phase = id % 3 == 1 ? Phase::kFailed : Phase::kExpired;
      record.state = SettledState(phase);
      ops.push_back(PutSettled{phase, {id}, {StoreHarness::kStart}});
    }
    ops.push_back(Put(record));
  }
  h.Commit(std::move(ops));
  for (const std::vector<State>& states : {std::vector<State>{}, {State::kFailed, State::kExpired}, {State::kReady}}) {
    ListQuery query = StateQuery(states, 1000);
    Ids newest_first = IdsOf(h.List(query)), paged;
    REQUIRE(newest_first.size() >= 30);
    query.oldest_first = true;
    Ids oldest_first = IdsOf(h.List(query));
    CHECK(Ids(oldest_first.rbegin(), oldest_first.rend()) == newest_first);
    query.limit = 7;
    do {
      ListDone page = h.List(query);
      REQUIRE(page.items.size() <= 7);
      for (uint64_t id : IdsOf(page)) paged.push_back(id);
      query.above = page.next;
    } while (query.above.value != 0);
    CHECK(paged == oldest_first);
  }
}

TEMPLATE_TEST_CASE("store: a list by due times begins with what is due soonest, and goes on behind its cursor", "", STORE_HARNESS) {
  TestType h;
  std::vector<WriteOp> ops;
  const auto add = [&ops](NotifyRecord record) {
    ops.push_back(Put(record));
    ops.push_back(PutDue{Clock::kWall, {record.state.due.ms, record.id}});
  };
  Ids expected;
  // The later they came the sooner they are due; two of a time go by their ids.
  for (uint64_t id = 1; id <= 70; ++id) {
    NotifyRecord record = MakeRecord(id);
    record.state.due = WallTime{StoreHarness::kStart + 1'000'000 - static_cast<int64_t>(id / 2) * 1'000};
    add(record);
  }
  for (uint64_t pair = 35; pair > 0; --pair)
    for (uint64_t id : {2 * pair, 2 * pair + 1})
      if (id <= 70) expected.push_back(id);
  expected.push_back(1);
  NotifyRecord ready = MakeRecord(80);  // due by now, and not in its lane yet
  ready.state.due = WallTime{StoreHarness::kStart - 1};
  add(ready);
  NotifyRecord held = MakeRecord(81);
  held.state.phase = Phase::kHeld;
  held.state.due = WallTime{StoreHarness::kStart + 10};
  add(held);
  h.Commit(std::move(ops));
  ListQuery query = StateQuery({State::kScheduled}, 9);
  query.by_due = true;
  Ids listed;
  do {
    ListDone page = h.List(query);
    CHECK(page.next.value == 0);
    for (uint64_t id : IdsOf(page)) listed.push_back(id);
    query.due_after = page.next_due;
  } while (query.due_after);
  CHECK(listed == expected);
  query.lane = "elsewhere";
  CHECK(h.List(query).items.empty());
}

TEMPLATE_TEST_CASE("store: both cursors bound a list whatever its order, and ones that crossed leave nothing", "", STORE_HARNESS) {
  TestType h;
  std::vector<WriteOp> ops;
  for (uint64_t id = 1; id <= 9; ++id) {
    NotifyRecord record = MakeRecord(id);
    record.state = SettledState(Phase::kCancelled);
    ops.insert(ops.end(), {Put(record), PutSettled{Phase::kCancelled, {id}, {StoreHarness::kStart}}});
  }
  h.Commit(std::move(ops));
  for (const std::vector<State>& states : {std::vector<State>{}, {State::kCancelled}}) {
    ListQuery query = StateQuery(states);
    query.above = {3};
    query.below = {7};
    CHECK(IdsOf(h.List(query)) == Ids{6, 5, 4});
    query.oldest_first = true;
    CHECK(IdsOf(h.List(query)) == Ids{4, 5, 6});
    query.below = {};
    query.above = {UINT64_MAX};
    CHECK(h.List(query).items.empty());
    query.above = {7};
    query.below = {3};
    CHECK(h.List(query).items.empty());
    query.oldest_first = false;
    CHECK(h.List(query).items.empty());
  }
}

TEMPLATE_TEST_CASE("store: the items of a list come without their attempts", "", STORE_HARNESS) {
  TestType h;
  h.Commit({Put(MakeFullRecord(1))});
  ListDone list = h.List({});
  REQUIRE(list.items.size() == 1);
  CHECK(list.items[0].record->attempts.empty());
  CHECK(h.LoadNotify({1}).record->attempts.size() == 2);
}

TEMPLATE_TEST_CASE("store: a list that is shown has no payloads, and ends where its records take too many bytes", "", STORE_HARNESS) {
  TestType h;
  auto record = [](uint64_t id, size_t url_bytes, size_t body_bytes) {
    NotifyRecord made = MakeRecord(id);
    NotifySpec spec;
    spec.url = "http://h/" + std::string(url_bytes, 'u');
    spec.payload_kind = PayloadKind::kBody;
    spec.payload = std::string(body_bytes, 'x');
    made.spec = std::make_shared<const std::string>(EncodeSpec(spec));
    return made;
  };
  for (uint64_t id = 1; id <= 6; ++id) h.Commit({Put(record(id, 5'000, 100'000))});
  ListQuery query;
  CHECK(IdsOf(h.List(query)) == Ids{6, 5, 4, 3, 2, 1});
  query.show_bytes = 12'000;
  ListDone page = h.List(query);
  CHECK(IdsOf(page) == Ids{6, 5, 4});
  CHECK(page.next == NotifyId{4});
  for (const LoadedNotify& item : page.items) {
    NotifySpec spec = *DecodeSpec(*item.record->spec);
    CHECK(spec.payload.empty());
    CHECK(spec.url.size() == 5'009);
    CHECK(item.record->spec->size() < 6'000);
  }
  query.below = page.next;
  page = h.List(query);
  CHECK(IdsOf(page) == Ids{3, 2, 1});
  CHECK(page.next.value == 0);
}

}  // namespace
}  // namespace notifyd
