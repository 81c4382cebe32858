// StoreHarness: what the contract suite needs around a Store, whichever it is: a place to keep things, a clock, and the events in order.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/flow.h"
#include "broker/ports.h"

#include <catch2/catch.hpp>

namespace notifyd {

class StoreHarness {
 public:
  virtual ~StoreHarness() = default;
  virtual Store& store() = 0;
  virtual Totals totals() = 0;
  /// Stops the store and opens it again on what it kept.
  virtual void Reopen() = 0;
  /// The oldest event not taken yet; waits for it, and fails the test where none comes.
  virtual Event NextEvent() = 0;
  /// How many records, or lanes, one list page looks at, at most.
  virtual size_t ListExamined() const = 0;

  /// For retention. Moves only when a test says so.
  std::atomic<int64_t> wall_ms = kStart;
  static constexpr int64_t kStart = 1'800'000'000'000;
  static constexpr int64_t kRetentionSucceededMs = 1000;
  static constexpr int64_t kRetentionSettledMs = 5000;

  template <class T>
  T Next() {
    for (;;) {
      Event event = NextEvent();
      if (std::holds_alternative<DiskSpace>(event)) continue;  // says something about the machine, not about the store
      if (auto* failed = std::get_if<WriteFailed>(&event)) FAIL(failed->status.detail());
      REQUIRE(std::holds_alternative<T>(event));
      return std::get<T>(std::move(event));
    }
  }

  /// Commits `ops` as one batch and waits until it is reported.
  Committed Commit(std::vector<WriteOp> ops, bool sync = true) {
    WriteBatch batch;
    batch.number = ++number_;
    batch.sync = sync;
    batch.ops = std::move(ops);
    batch.totals = next_totals;
    store().Commit(std::move(batch));
    Committed committed;
    do {
      committed = Next<Committed>();
    } while (committed.batch < number_);
    REQUIRE(committed.batch == number_);
    REQUIRE(committed.synced <= committed.batch);
    return committed;
  }
  /// The number of the last batch; a reopened store counts from 1 again.
  uint64_t number() const { return number_; }

  std::vector<LoadedValue> Load(std::vector<LoadKey> keys) {
    store().Load({++ticket_, std::move(keys)});
    auto loaded = Next<Loaded>();
    CHECK(loaded.ticket == ticket_);
    REQUIRE(loaded.status.detail() == "");
    return std::move(loaded.values);
  }
  LoadedNotify LoadNotify(NotifyId id) { return std::get<LoadedNotify>(Load({id}).at(0)); }
  std::optional<FkeyRecord> LoadFkey(const std::string& fkey) { return std::get<std::optional<FkeyRecord>>(Load({fkey}).at(0)); }
  std::optional<IdempotencyRecord> LoadIdempotency(const IdempotencyKey& key) {
    return std::get<std::optional<IdempotencyRecord>>(Load({key}).at(0));
  }
  LoadedLane LoadWholeLane(const LaneKey& lane) { return std::get<LoadedLane>(Load({lane}).at(0)); }
  std::optional<LaneRecord> LoadLane(const LaneKey& lane) { return LoadWholeLane(lane).record; }

  template <class Page>
  PageLoaded LoadPage(Page page, size_t limit = 100) {
    store().LoadPage({++ticket_, limit, std::move(page)});
    auto loaded = Next<PageLoaded>();
    CHECK(loaded.ticket == ticket_);
    REQUIRE(loaded.status.detail() == "");
    return loaded;
  }
  LoadedNotify Read(NotifyId id) {
    store().Read({{1, ++ticket_}, id});
    auto done = Next<ReadDone>();
    CHECK(done.request == RequestId{1, ticket_});
    REQUIRE(done.status.detail() == "");
    return std::move(done.notify);
  }
  ListDone List(ListQuery query, Now now = {{kStart}, {0}}) {
    store().List({{2, ++ticket_}, std::move(query), now});
    auto done = Next<ListDone>();
    CHECK(done.request == RequestId{2, ticket_});
    REQUIRE(done.status.detail() == "");
    return done;
  }

  LanesDone ListLanes(LanesQuery query) {
    store().ListLanes({{3, ++ticket_}, std::move(query)});
    auto done = Next<LanesDone>();
    CHECK(done.request == RequestId{3, ticket_});
    REQUIRE(done.status.detail() == "");
    REQUIRE(done.more == done.next.has_value());
    return done;
  }

  Totals next_totals;

 protected:
  uint64_t number_ = 0;
  uint64_t ticket_ = 0;
};

// ---- things to store

inline const LaneKey kFifoLane{Mode::kFifo, "orders"};
inline const LaneKey kConcurrentLane{Mode::kConcurrent, "https://shop.example/hook"};

inline NotifyRecord MakeRecord(uint64_t id, LaneKey lane = kConcurrentLane) {
  NotifyRecord record;
  record.id = {id};
  record.created_at = {StoreHarness::kStart + static_cast<int64_t>(id)};
  auto envelope = std::make_shared<Envelope>();
  envelope->lane = std::move(lane);
  envelope->host = "shop.example:443";
  envelope->caller = "tester";
  record.envelope = std::move(envelope);
  record.spec = std::make_shared<const std::string>("spec of " + std::to_string(id));
  record.state.due = {StoreHarness::kStart};
  return record;
}

inline AttemptRecord MakeAttempt(uint32_t number) {
  return {number, {StoreHarness::kStart + number}, 12, 503, "unexpected_answer", "the answer was 503", "busy, try later"};
}

inline PutNotify Put(const NotifyRecord& record) {
  return {std::make_shared<const NotifyRecord>(record)};
}

inline ChangeNotify Change(NotifyId id, NotifyState state, std::optional<AttemptRecord> attempt = {}) {
  return {id, std::make_shared<const StateChange>(StateChange{std::move(state), std::move(attempt)})};
}

inline NotifyState SettledState(Phase phase, int64_t settled_ms = StoreHarness::kStart) {
  NotifyState state;
  state.phase = phase;
  state.due = {StoreHarness::kStart};
  state.settled_at = {settled_ms};
  return state;
}

inline void CheckSame(const AttemptRecord& a, const AttemptRecord& b) {
  CHECK(a.number == b.number);
  CHECK(a.started_at.ms == b.started_at.ms);
  CHECK(a.duration_ms == b.duration_ms);
  CHECK(a.status == b.status);
  CHECK(a.error == b.error);
  CHECK(a.detail == b.detail);
  CHECK(a.response_body == b.response_body);
  CHECK(a.truncated == b.truncated);
  CHECK(a.instance == b.instance);
}

inline void CheckSame(const NotifyState& a, const NotifyState& b) {
  CHECK(a.phase == b.phase);
  CHECK(a.due.ms == b.due.ms);
  CHECK(a.retry_at.ms == b.retry_at.ms);
  CHECK(a.next_attempt_at.ms == b.next_attempt_at.ms);
  CHECK(a.expires_at.ms == b.expires_at.ms);
  CHECK(a.settled_at.ms == b.settled_at.ms);
  CHECK(a.at_once == b.at_once);
  CHECK(a.attempts_made == b.attempts_made);
  CHECK(a.attempts_before == b.attempts_before);
  CHECK(a.laters == b.laters);
  CHECK(a.reason == b.reason);
}

inline void CheckSame(const NotifyRecord& a, const NotifyRecord& b) {
  CHECK(a.id.value == b.id.value);
  CHECK(a.created_at.ms == b.created_at.ms);
  CHECK(a.envelope->lane == b.envelope->lane);
  CHECK(a.envelope->host == b.envelope->host);
  CHECK(a.envelope->priority == b.envelope->priority);
  CHECK(a.envelope->reply_none == b.envelope->reply_none);
  CHECK(a.envelope->fkey == b.envelope->fkey);
  CHECK(a.envelope->caller == b.envelope->caller);
  REQUIRE((a.envelope->retry == nullptr) == (b.envelope->retry == nullptr));
  if (a.envelope->retry) CHECK(*a.envelope->retry == *b.envelope->retry);
  REQUIRE((a.envelope->callback == nullptr) == (b.envelope->callback == nullptr));
  if (a.envelope->callback) CHECK(*a.envelope->callback == *b.envelope->callback);
  CHECK(a.envelope->trace_parent == b.envelope->trace_parent);
  REQUIRE((a.envelope->flow == nullptr) == (b.envelope->flow == nullptr));
  if (a.envelope->flow) CHECK(*a.envelope->flow == *b.envelope->flow);
  CHECK(*a.spec == *b.spec);
  CheckSame(a.state, b.state);
  REQUIRE(a.attempts.size() == b.attempts.size());
  for (size_t i = 0; i < a.attempts.size(); ++i) CheckSame(a.attempts[i], b.attempts[i]);
}

inline NotifyRecord MakeFullRecord(uint64_t id) {
  NotifyRecord record = MakeRecord(id, kFifoLane);
  auto envelope = std::make_shared<Envelope>(*record.envelope);
  envelope->priority = 7;
  envelope->reply_none = true;
  envelope->fkey = std::string("order\0 17", 9);
  RetryPolicy retry;
  retry.max_attempts = 3;
  retry.initial_ms = 250;
  retry.factor = 1.5;
  retry.max_ms = 60'000;
  retry.jitter = 0.25;
  retry.schedule_ms = {1000, 0, 5000};
  retry.fatal_on = AnswerPattern{{4, 503}, "gone", {{"/error/code", "\"E1\""}, {"", "null"}}};
  envelope->retry = std::make_shared<const RetryPolicy>(retry);
  record.envelope = std::move(envelope);
  record.state = {Phase::kRetrying, {StoreHarness::kStart - 5}, {777}, {StoreHarness::kStart + 9}, {StoreHarness::kStart + 99}, {0}, 2, 1, 0,
                  "waits"};
  record.attempts = {MakeAttempt(1), MakeAttempt(2)};
  return record;
}

/// With all that a notify can have, what came with version 2 of the format included.
inline NotifyRecord MakeFullestRecord(uint64_t id) {
  NotifyRecord record = MakeFullRecord(id);
  auto envelope = std::make_shared<Envelope>(*record.envelope);
  RetryPolicy retry = *envelope->retry;
  retry.later_on = AnswerPattern{{202}, "not yet", {}};
  envelope->retry = std::make_shared<const RetryPolicy>(retry);
  envelope->callback = std::make_shared<const Callback>(Callback{"http://c/x?y", "http://c/x", "c:80", "http://h/x"});
  envelope->trace_parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  FlowFields flow;
  flow.pool = "eu";
  flow.pool_fallback = "us";
  flow.instance = "i1";
  flow.event = {77};
  flow.topic = "order.paid";
  flow.subscription = "ship";
  flow.schedule = "nightly";
  flow.scheduled_at = {1000};
  flow.group = {300};
  flow.group_place = 2;
  flow.keep_response_bytes = 4096;
  envelope->flow = std::make_shared<const FlowFields>(flow);
  record.envelope = std::move(envelope);
  record.state.laters = 7;
  record.attempts.back().instance = "b";
  return record;
}

}  // namespace notifyd
