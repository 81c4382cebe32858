// The quotas of a namespace: what is judged by them, and what never is.
#include <catch2/catch.hpp>

#include "broker/core_fixture.h"

using namespace notifyd;

namespace {

CoreLimits Submits(double per_s, uint32_t burst) {
  CoreLimits limits;
  limits.submits_per_s = per_s;
  limits.submit_burst = burst;
  return limits;
}

CoreLimits Bytes(uint64_t most) {
  CoreLimits limits;
  limits.max_stored_bytes = most;
  return limits;
}

const Refused& RefusalOf(const Reply& reply) {
  REQUIRE(std::holds_alternative<Refused>(reply.body));
  return std::get<Refused>(reply.body);
}

CoreFixture::Fields With(std::string data) {
  CoreFixture::Fields fields;
  fields.data = std::move(data);
  return fields;
}

std::string Data(size_t bytes) {
  return R"({"a":")" + std::string(bytes, 'x') + R"("})";
}

/// Pauses a lane, a caller and a host.
struct Pauses {
  LaneChangeRequest lane;
  CallerChangeRequest caller;
  HostChangeRequest host;
  Pauses() {
    lane.lane = {Mode::kConcurrent, "l"};
    caller.caller = "c";
    host.host = "h:80";
    lane.patch.paused = caller.patch.paused = host.patch.paused = true;
  }
};

}  // namespace

// ---- max_pending

TEST_CASE("quota: the limit of pending notifies is named, the namespace's or the broker's") {
  const bool own = GENERATE(false, true);
  CoreLimits limits;
  limits.max_pending = 1;
  limits.own_max_pending = own;
  CoreFixture f(limits);
  f.Submit({});
  const Refused& refused = RefusalOf(f.TrySubmit({{}}, false));
  CHECK(refused.status.code() == Code::kTooMany);
  CHECK_THAT(refused.status.detail(), Catch::Matchers::EndsWith(own ? "max_pending of the namespace is 1" : "limits.pending of the broker is 1"));
}

TEST_CASE("quota: what settled and is retried by hand counts for the limit of pending notifies as what is new does") {
  CoreLimits limits;
  limits.max_pending = 2;
  CoreFixture f(limits);
  std::vector<NotifyId> failed;
  for (int i = 0; i < 3; ++i) {
    failed.push_back(f.Submit({}).id);
    f.EndFirst(Verdict::kFatal);
  }
  BulkRequest all;
  all.kind = BulkKind::kRetry;
  all.query.states = {State::kFailed};
  all.query.limit = 10;
  CHECK(RefusalOf(f.Do(std::move(all))).status.code() == Code::kTooMany);
  CHECK(f.Bulk(BulkKind::kRetry, {State::kFailed}, 1).count == 1);
  CHECK(CoreFixture::CodeOf(f.ById<CancelRequest>(failed[0])) == Code::kOk);
  const NotifyId waits = f.Submit({}).id;
  CHECK(CoreFixture::CodeOf(f.ById<RetryRequest>(failed[1])) == Code::kOk);
  CHECK(CoreFixture::CodeOf(f.ById<RetryRequest>(failed[2])) == Code::kTooMany);
  CHECK(f.Get(failed[2]).record->state.phase == Phase::kFailed);
  CHECK(CoreFixture::CodeOf(f.ById<CancelRequest>(waits)) == Code::kOk);
}

// ---- submits_per_s

TEST_CASE("quota: submits above the rate are refused, with when it allows the next") {
  CoreFixture f(Submits(2, 3));
  for (int i = 0; i < 3; ++i) f.Submit({});
  const Refused& refused = RefusalOf(f.TrySubmit({{}}, false));
  CHECK(refused.status.code() == Code::kTooMany);
  CHECK(refused.status.detail().find("submits_per_s is 2") != std::string::npos);
  CHECK(refused.retry_after_ms == 500);
  f.Pass(500);
  f.Submit({});
  CHECK(f.CodeOf(f.TrySubmit({{}}, false)) == Code::kTooMany);
}

TEST_CASE("quota: each notify of a batch counts one, and one longer than the burst is paid for afterwards") {
  CoreFixture f(Submits(2, 3));
  CHECK(f.CodeOf(f.TrySubmit({{}, {}})) == Code::kOk);
  CHECK(RefusalOf(f.TrySubmit({{}, {}})).retry_after_ms == 500);
  f.Pass(1'000);
  CHECK(f.CodeOf(f.TrySubmit({{}, {}, {}, {}, {}})) == Code::kOk);  // two below empty
  CHECK(RefusalOf(f.TrySubmit({{}}, false)).retry_after_ms == 1'500);
}

TEST_CASE("quota: lines of a bulk submit count one each, and those beyond the rate are refused by themselves") {
  CoreFixture f(Submits(1, 2));
  SubmitRequest bulk;
  bulk.each = true;
  for (int i = 0; i < 4; ++i) bulk.items.push_back(f.Item({}));
  const auto& submitted = std::get<Submitted>(f.Do(std::move(bulk)).body);
  REQUIRE(submitted.items.size() == 4);
  CHECK(submitted.items[0].refused.ok());
  CHECK(submitted.items[1].refused.ok());
  CHECK(submitted.items[2].refused.code() == Code::kTooMany);
  CHECK(submitted.items[3].refused.code() == Code::kTooMany);
  CHECK(f.Stats().totals.accepted == 2);
  f.Pass(1'000);
  f.Submit({});
}

TEST_CASE("quota: a duplicate and one that is kept cost nothing, one in another's place does") {
  CoreFixture f(Submits(0.001, 3));
  CoreFixture::Fields keyed;
  keyed.idempotency_key = "k";
  f.Submit(keyed);
  for (int i = 0; i < 5; ++i) CHECK(f.Submit(keyed).duplicate);
  CoreFixture::Fields held;
  held.fkey = "f";
  f.Submit(held);
  held.on_held = OnHeld::kKeep;
  for (int i = 0; i < 5; ++i) CHECK(f.Submit(held).kept);
  held.on_held = OnHeld::kReplace;
  f.Submit(held);
  CHECK(f.CodeOf(f.TrySubmit({held}, false)) == Code::kTooMany);
}

TEST_CASE("quota: a refused batch takes nothing of the rate") {
  CoreFixture f(Submits(0.001, 2));
  CoreFixture::Fields held;
  held.fkey = "f";
  CHECK(f.CodeOf(f.TrySubmit({held, held})) == Code::kConflict);
  f.Submit({});
  f.Submit({});
}

TEST_CASE("quota: triggers, retries, cancels, callbacks and ends are not held up by the rate") {
  CoreFixture f(Submits(0.001, 2));
  CoreFixture::Fields held;
  held.fkey = "f";
  held.callback = "watcher:80";
  held.retry = Waits({0});
  f.Submit(held);
  NotifyId other = f.Submit({}).id;
  CHECK(f.CodeOf(f.TrySubmit({{}}, false)) == Code::kTooMany);
  CHECK(f.CodeOf(f.Trigger("f")) == Code::kOk);
  CHECK(f.CodeOf(f.ById<CancelRequest>(other)) == Code::kOk);
  CHECK(f.CodeOf(f.ById<RetryRequest>(other)) == Code::kConflict);  // its attempt is in flight
  while (!f.starts.empty() && f.sent.size() < 6) f.EndFirst(Verdict::kSuccess);
  CHECK(f.CodeOf(f.ById<RetryRequest>(other)) == Code::kOk);
  CHECK(f.Stats().totals.accepted == 3);  // two, and the callback
}

TEST_CASE("quota: a new rate holds from the reload on") {
  CoreFixture f(Submits(0.001, 1));
  f.Submit({});
  CHECK(f.CodeOf(f.TrySubmit({{}}, false)) == Code::kTooMany);
  f.Post(LimitsChanged{std::make_shared<CoreLimits>()});
  f.Run();
  f.Submit({});
}

// ---- max_stored_bytes

TEST_CASE("quota: what was measured and what was accepted since bound what is stored") {
  CoreFixture f(Bytes(10'000));
  f.Post(StoredBytes{6'000});
  f.Run();
  f.Submit(With(Data(2'000)));
  const Refused& refused = RefusalOf(f.TrySubmit({With(Data(2'000))}, false));
  CHECK(refused.status.code() == Code::kDiskFull);
  CHECK(refused.status.detail().find("max_stored_bytes is 10000") != std::string::npos);
  f.Post(StoredBytes{1'000});  // it was compressed, or purged
  f.Run();
  f.Submit(With(Data(2'000)));
  f.Post(StoredBytes{20'000});
  f.Run();
  CHECK(f.CodeOf(f.TrySubmit({{}}, false)) == Code::kDiskFull);
}

TEST_CASE("quota: what is stored is told as it is judged, with how often there was no room and what was purged") {
  CoreFixture f(Bytes(10'000));
  f.Post(StoredBytes{6'000});
  f.Run();
  CHECK(f.core().stored().bytes == 6'000);
  f.Submit(With(Data(2'000)));
  const uint64_t stored = f.core().stored().bytes;
  CHECK(stored > 8'000);
  CHECK(f.core().stored().refused == 0);
  CHECK(f.CodeOf(f.TrySubmit({With(Data(2'000))}, false)) == Code::kDiskFull);
  CHECK(f.core().stored().bytes == stored);
  CHECK(f.core().stored().refused == 1);
  f.EndFirst(Verdict::kSuccess);
  BulkRequest purge;
  purge.kind = BulkKind::kPurge;
  purge.query.states = {State::kSucceeded};
  purge.dry_run = true;
  f.Do(purge);
  CHECK(f.core().stored().purged == 0);
  purge.dry_run = false;
  CHECK(std::get<BulkDone>(f.Do(purge).body).count == 1);
  CHECK(f.core().stored().purged == 1);
}

TEST_CASE("quota: a batch is measured as a whole, lines by themselves") {
  CoreFixture f(Bytes(10'000));
  CHECK(f.CodeOf(f.TrySubmit({With(Data(4'000)), With(Data(4'000)), With(Data(4'000))})) == Code::kDiskFull);
  CHECK(f.Stats().totals.accepted == 0);
  SubmitRequest bulk;
  bulk.each = true;
  for (int i = 0; i < 3; ++i) bulk.items.push_back(f.Item(With(Data(4'000))));
  bulk.items.push_back(f.Item({}));
  const auto& submitted = std::get<Submitted>(f.Do(std::move(bulk)).body);
  CHECK(submitted.items[1].refused.ok());
  CHECK(submitted.items[2].refused.code() == Code::kDiskFull);
  CHECK(submitted.items[3].refused.ok());
}

TEST_CASE("quota: a trigger counts what it adds, remembered or merged, and a change what it makes longer") {
  CoreFixture f(Bytes(10'000));
  CoreFixture::Fields held = With(Data(3'000));
  held.fkey = "f";
  NotifyId id = f.Submit(held).id;
  CHECK(f.CodeOf(f.Trigger("f", R"({"b":")" + std::string(8'000, 'y') + R"("})")) == Code::kDiskFull);
  CHECK(f.StateOf(id) == State::kHeld);
  TriggerRequest early;
  early.fkey = "g";
  early.remember_ms = 60'000;
  early.data = Data(8'000);
  CHECK(f.CodeOf(f.Do(early)) == Code::kDiskFull);
  auto change_to = [&](size_t bytes) {
    return f.CodeOf(f.Change(id, [&](ChangeRequest& r) {
      NotifySpec spec = *DecodeSpec(*r.base->spec);
      spec.payload = Data(bytes);
      r.spec = std::make_shared<const std::string>(EncodeSpec(spec));
    }));
  };
  CHECK(change_to(12'000) == Code::kDiskFull);
  CHECK(change_to(1'000) == Code::kOk);  // shorter
  CHECK(f.CodeOf(f.Trigger("f")) == Code::kOk);
}

TEST_CASE("quota: labels and where a callback goes count as all else of a notify does") {
  CoreFixture f(Bytes(10'000));
  SubmitItem item = f.Item({});
  auto envelope = std::make_shared<Envelope>(*item.envelope);
  SECTION("labels") {
    envelope->labels = std::make_shared<const Labels>(Labels{{"a", std::string(6'000, 'x')}});
  }
  SECTION("a callback") {
    envelope->callback = std::make_shared<const Callback>(Callback{"http://h/" + std::string(6'000, 'x'), "h", "h:80", "http://host:80/"});
  }
  item.envelope = std::move(envelope);
  SubmitRequest r;
  r.items = {item};
  CHECK(f.CodeOf(f.Do(r)) == Code::kOk);
  CHECK(f.core().stored().bytes > 6'000);
  CHECK(f.CodeOf(f.Do(r)) == Code::kDiskFull);
}

TEST_CASE("quota: what is said of lanes, callers and hosts counts, and what takes it back is never refused") {
  CoreFixture f(Bytes(100'000));
  auto [lane, caller, host] = Pauses{};
  for (int i = 0; i < 2; ++i) {
    CHECK(f.CodeOf(f.Do(lane)) == Code::kOk);
    CHECK(f.CodeOf(f.Do(caller)) == Code::kOk);
    CHECK(f.CodeOf(f.Do(host)) == Code::kOk);
  }
  const uint64_t stored = f.core().stored().bytes;
  CHECK(stored > 600);
  CHECK(stored < 1'200);  // the second time nothing was added
  f.Post(StoredBytes{100'000});
  f.Run();
  lane.patch.paused = caller.patch.paused = host.patch.paused = false;
  CHECK(f.CodeOf(f.Do(lane)) == Code::kOk);
  CHECK(f.CodeOf(f.Do(caller)) == Code::kOk);
  CHECK(f.CodeOf(f.Do(host)) == Code::kOk);
  lane.patch.paused = caller.patch.paused = host.patch.paused = true;
  CHECK(f.CodeOf(f.Do(lane)) == Code::kDiskFull);
  CHECK(f.CodeOf(f.Do(caller)) == Code::kDiskFull);
  CHECK(f.CodeOf(f.Do(host)) == Code::kDiskFull);
  CHECK_FALSE(std::holds_alternative<LaneViewed>(f.TryLane(lane.lane).body));  // nothing is kept of it
}

TEST_CASE("quota: a new key for what is held already counts") {
  CoreFixture f(Bytes(10'000));
  CoreFixture::Fields held;
  held.fkey = "f";
  held.on_held = OnHeld::kKeep;
  f.Submit(held);
  held.idempotency_key = "k";
  const uint64_t before = f.core().stored().bytes;
  CHECK(f.Submit(held).kept);
  CHECK(f.core().stored().bytes > before + 200);
  f.Post(StoredBytes{10'000});
  f.Run();
  CHECK(f.Submit(held).duplicate);
  held.idempotency_key = "another";
  CHECK(f.CodeOf(f.TrySubmit({held}, false)) == Code::kDiskFull);
}

TEST_CASE("changes: what says what is so already is told apart") {
  CoreFixture f;
  const NotifyId id = f.Submit({}).id;
  auto [lane, caller, host] = Pauses{};
  for (bool again : {false, true}) {
    CHECK(f.Do(lane).unchanged == again);
    CHECK(f.Do(caller).unchanged == again);
    CHECK(f.Do(host).unchanged == again);
  }
  lane.patch.paused_until.emplace(WallTime{f.now.wall.ms + 60'000});
  CHECK_FALSE(f.Do(lane).unchanged);
  CHECK(f.Do(lane).unchanged);
  const uint64_t in_flight = f.starts.size();
  REQUIRE(in_flight == 1);
  f.EndFirst(Verdict::kFailure);
  CHECK(f.Change(id, [](ChangeRequest&) {}).unchanged);
  CHECK_FALSE(f.Change(id, [](ChangeRequest& r) { r.ttl = When{When::Kind::kDelay, 60'000}; }).unchanged);
  CHECK_FALSE(f.ById<RetryRequest>(id).unchanged);
}

TEST_CASE("quota: ends, callbacks and cancels go on where too much is stored") {
  CoreFixture f(Bytes(100'000));
  CoreFixture::Fields told;
  told.callback = "watcher:80";
  f.Submit(told);
  NotifyId other = f.Submit(told).id;
  f.Post(StoredBytes{200'000});
  f.Run();
  CHECK(f.CodeOf(f.ById<CancelRequest>(other)) == Code::kOk);
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  CHECK(f.Stats().totals.accepted == 4);
  CHECK(f.Stats().totals.succeeded == 3);
}

// ---- explain

TEST_CASE("explain: it tells the broker's cap, the namespace's own and what it is lent apart") {
  auto why = [](CoreLimits limits, std::optional<GrantChanged> grant) {
    CoreFixture f(limits);
    if (grant) f.Post(*grant);
    CoreFixture::Fields fields;
    fields.lane = "a";
    fields.host = "a:80";
    f.Submit(fields);
    fields.lane = "b";
    fields.host = "b:80";
    fields.caller = "another";
    return f.Why(f.Submit(fields).id);
  };
  CoreLimits limits;
  limits.max_in_flight = 1;
  CHECK(why(limits, std::nullopt) == std::vector<std::string>{"broker_at_cap"});
  CHECK(why(limits, GrantChanged{1, 1, 1'000}) == std::vector<std::string>{"broker_at_cap"});
  limits.own_max_in_flight = true;
  CHECK(why(limits, std::nullopt) == std::vector<std::string>{"namespace_at_cap"});
  limits.max_in_flight = 2;
  CHECK(why(limits, GrantChanged{1, 1, 1'000}) == std::vector<std::string>{"namespace_at_share"});
}
