// The core without any I/O: lanes seen and steered, changes of notifies, bulk requests, explain. One behaviour a case.
#include "broker/core_fixture.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

using Fields = CoreFixture::Fields;
using Codes = std::vector<std::string>;

// ---- pause and resume

TEST_CASE("pause: nothing of the lane starts, what is in flight ends by itself, and a resume sends the rest in order") {
  CoreFixture f;
  std::vector<NotifyId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(f.Submit(Fifo()).id);
  CHECK(f.Pause(kFifoLane).limits.paused == Paused::kByRequest);
  CHECK(f.EndFirst(Verdict::kSuccess) == ids[0]);
  ids.push_back(f.Submit(Fifo()).id);
  f.Pass(10'000);
  CHECK(f.starts.empty());
  CHECK(f.LaneOf(kFifoLane).ready == 5);
  f.Resume(kFifoLane);
  for (size_t i = 1; i < ids.size(); ++i) CHECK(f.EndFirst(Verdict::kSuccess) == ids[i]);
  CHECK(f.Stats().totals.lane_settings == 0);
  CHECK(f.Balances());
}

TEST_CASE("pause: a paused lane survives a restart, with its tail and its order") {
  CoreFixture f;
  std::vector<NotifyId> ids;
  f.Pause(kFifoLane);
  for (int i = 0; i < 5; ++i) ids.push_back(f.Submit(Fifo()).id);
  f.Restart();
  f.Pass(1000);
  CHECK(f.starts.empty());
  CHECK(f.LaneOf(kFifoLane).own.paused == Paused::kByRequest);
  f.Resume(kFifoLane);
  for (NotifyId id : ids) CHECK(f.EndFirst(Verdict::kSuccess) == id);
}

TEST_CASE("pause: a fifo lane's attempted head stays its head over pause, restart and resume") {
  for (bool restart : {false, true}) {
    CoreFixture f;
    NotifyId head = f.Submit(Fifo()).id, next = f.Submit(Fifo()).id;
    f.EndFirst(Verdict::kFailure);
    f.Pause(kFifoLane);
    f.Pass(6'000);  // its wait is over
    CHECK(f.starts.empty());
    if (restart) f.Restart();
    f.Pass(100);
    f.Resume(kFifoLane);
    REQUIRE(f.starts.size() == 1);
    CHECK(f.starts[0].id == head);
    CHECK(f.starts[0].number == 2);
    f.EndFirst(Verdict::kSuccess);
    CHECK(f.EndFirst(Verdict::kSuccess) == next);
  }
}

TEST_CASE("pause: paused lanes hold no notifies in memory") {
  CoreFixture f;
  for (int i = 0; i < 50; ++i) f.Pause({Mode::kConcurrent, "l" + std::to_string(i)});
  for (int i = 0; i < 500; ++i) {
    Fields fields;
    fields.lane = "l" + std::to_string(i % 50);
    f.Submit(fields);
  }
  CHECK(f.Stats().loaded_notifies == 0);
  CHECK(f.Stats().lanes == 0);
  CHECK(f.Stats().ready == 500);
}

TEST_CASE("pause: a ttl ends what waits in a paused lane") {
  CoreFixture f;
  f.Pause(kLane);
  Fields fields;
  fields.ttl = Delay(1000);
  NotifyId id = f.Submit(fields).id;
  f.Pass(1000);
  CHECK(f.StateOf(id) == State::kExpired);
}

TEST_CASE("pause: only the lane of that mode is paused") {
  CoreFixture f;
  f.Pause(kFifoLane);
  f.Submit(Fields{});
  CHECK(f.starts.size() == 1);
}

TEST_CASE("on_failure pause: the lane pauses itself when its head fails, and goes on when it is resumed") {
  CoreFixture f;
  LanePatch patch;
  patch.on_failure.emplace(OnFailure::kPause);
  f.SetLane(kFifoLane, patch);
  Fields once = Fifo();
  once.retry = Waits({100}, 1);
  NotifyId first = f.Submit(once).id, second = f.Submit(once).id;
  f.EndFirst(Verdict::kFailure);
  CHECK(f.StateOf(first) == State::kFailed);
  CHECK(f.starts.empty());
  CHECK(f.LaneOf(kFifoLane).limits.paused == Paused::kByFailure);
  CHECK(f.Why(second).front() == "lane_paused");
  f.Restart();
  f.Pass(1000);
  CHECK(f.starts.empty());
  f.Resume(kFifoLane);
  CHECK(f.UnderWay() == std::vector{second});
}

TEST_CASE("on_failure pause: one that expires after an attempt pauses the lane, one that was never attempted does not") {
  CoreFixture f;
  LanePatch patch;
  patch.on_failure.emplace(OnFailure::kPause);
  f.SetLane(kFifoLane, patch);
  Fields shortly = Fifo();
  shortly.ttl = Delay(1000);
  f.Submit(shortly);
  f.Submit(shortly);  // expires behind the first, unattempted
  f.Pass(1000);
  CHECK(f.LaneOf(kFifoLane).limits.paused == Paused::kNo);
  f.EndFirst(Verdict::kFailure);
  CHECK(f.LaneOf(kFifoLane).limits.paused == Paused::kByFailure);
}

// ---- on_retry, concurrency, rates

TEST_CASE("on_retry skip: the next goes on, and the one that stepped aside comes back at its place") {
  CoreFixture f;
  LanePatch patch;
  patch.on_retry.emplace(OnRetry::kSkip);
  f.SetLane(kFifoLane, patch);
  std::vector<NotifyId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(f.Submit(Fifo()).id);
  f.EndFirst(Verdict::kFailure);
  CHECK(f.UnderWay() == std::vector{ids[1]});
  f.Pass(5'000);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.UnderWay() == std::vector{ids[0]});
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.UnderWay() == std::vector{ids[2]});
}

TEST_CASE("on_retry skip: set while a head blocks, the lane goes on at once") {
  CoreFixture f;
  NotifyId first = f.Submit(Fifo()).id, second = f.Submit(Fifo()).id;
  f.EndFirst(Verdict::kFailure);
  CHECK(f.starts.empty());
  LanePatch patch;
  patch.on_retry.emplace(OnRetry::kSkip);
  f.SetLane(kFifoLane, patch);
  CHECK(f.UnderWay() == std::vector{second});
  f.EndFirst(Verdict::kSuccess);
  f.Pass(5'000);
  CHECK(f.UnderWay() == std::vector{first});
}

TEST_CASE("concurrency of a lane: its own number holds, and null goes back to the default") {
  CoreFixture f;
  LanePatch patch;
  patch.concurrency.emplace(2);
  CHECK(f.SetLane(kLane, patch).limits.concurrency == 2);
  for (int i = 0; i < 5; ++i) f.Submit(Fields{});
  CHECK(f.starts.size() == 2);
  NotifyId last = f.Submit(Fields{}).id;
  Codes why = f.Why(last);
  CHECK(std::count(why.begin(), why.end(), "lane_at_cap") == 1);
  patch.concurrency.emplace();
  CHECK(f.SetLane(kLane, patch).limits.concurrency == 64);
  CHECK(f.starts.size() == 6);
}

TEST_CASE("rate: a lane starts its burst at once, and then as many as its rate gives") {
  CoreFixture f;
  f.SetLane(kLane, Rate(10, 3));
  for (int i = 0; i < 20; ++i) f.Submit(Fields{});
  CHECK(f.starts.size() == 3);
  f.Pass(1'000);
  CHECK(f.starts.size() == 13);
  NotifyId last = f.Submit(Fields{}).id;
  Explained why = f.Explain(last);
  CHECK(std::any_of(why.reasons.begin(), why.reasons.end(), [](auto& reason) { return reason.code == "rate_limited"; }));
  REQUIRE(why.expected_at);
  CHECK(*why.expected_at > f.now.wall);
  LanePatch off;
  off.rate_per_s.emplace();
  f.SetLane(kLane, off);
  CHECK(f.starts.size() == 21);
}

TEST_CASE("rate: a lane with nothing left to send is remembered until its bucket is full again, not longer") {
  CoreFixture f;
  f.SetLane(kLane, Rate(1, 1));
  f.Submit(Fields{});
  f.EndFirst(Verdict::kSuccess);
  f.Submit(Fields{});
  CHECK(f.starts.empty());
  f.Pass(1'000);
  CHECK(f.starts.size() == 1);
  f.EndFirst(Verdict::kSuccess);
  f.Pass(2'000);
  CHECK(f.Stats().lanes == 0);
}

TEST_CASE("lane rules: the first that matches holds, the lane's own settings win, and a reload changes them") {
  CoreLimits limits;
  limits.lane_rules = {{"bill*", std::nullopt, {}}, {"*", std::nullopt, {}}};
  limits.lane_rules[0].settings.concurrency = 3;
  limits.lane_rules[1].settings.concurrency = 5;
  CoreFixture f(limits);
  Fields billing;
  billing.lane = "billing";
  for (int i = 0; i < 10; ++i) f.Submit(billing);
  CHECK(f.starts.size() == 3);
  Fields other;
  other.lane = "other";
  for (int i = 0; i < 10; ++i) f.Submit(other);
  CHECK(f.starts.size() == 8);
  LanePatch own;
  own.concurrency.emplace(4);
  CHECK(f.SetLane({Mode::kConcurrent, "billing"}, own).limits.concurrency == 4);
  CHECK(f.starts.size() == 9);
  auto fresh = std::make_shared<CoreLimits>(limits);
  fresh->lane_rules[1].settings.concurrency = 7;
  f.Post(LimitsChanged{fresh});
  f.Run();
  CHECK(f.starts.size() == 11);
}

// ---- lanes seen

TEST_CASE("lanes: counts by state, in flight and the head's age") {
  CoreFixture f;
  Fields held;
  held.fkey = "k";
  Fields later;
  later.when = Delay(60'000);
  LanePatch patch;
  patch.concurrency.emplace(1);
  f.SetLane(kLane, patch);
  f.Submit(held);
  f.Submit(later);
  for (int i = 0; i < 3; ++i) f.Submit(Fields{});
  f.Pass(500);
  LaneView view = f.LaneOf(kLane);
  CHECK(view.held == 1);
  CHECK(view.scheduled == 1);
  CHECK(view.ready == 2);
  CHECK(view.sending == 1);
  CHECK(view.retrying == 0);
  CHECK(view.in_flight == 1);
  REQUIRE(view.head_age_ms);
  CHECK(*view.head_age_ms == 500);
  f.EndFirst(Verdict::kFailure);
  CHECK(f.LaneOf(kLane).retrying == 1);
}

TEST_CASE("lanes: one with nothing pending and no settings is not there") {
  CoreFixture f;
  CHECK(CoreFixture::CodeOf(f.TryLane(kLane)) == Code::kNotFound);
  NotifyId id = f.Submit(Fields{}).id;
  CHECK(CoreFixture::CodeOf(f.TryLane(kLane)) == Code::kOk);
  f.ById<CancelRequest>(id);
  CHECK(CoreFixture::CodeOf(f.TryLane(kLane)) == Code::kNotFound);
}

TEST_CASE("lanes: the list goes by name, a page after the other, fifo and concurrent ones apart") {
  CoreFixture f;
  for (const char* name : {"b", "a", "c"}) {
    Fields fields;
    fields.lane = name;
    f.Submit(fields);
    f.Submit(Fifo(name));
  }
  std::vector<LaneKey> seen;
  LanesQuery query;
  query.limit = 4;
  while (true) {
    LanesRequest r;
    r.query = query;
    LanesListed page = std::get<LanesListed>(f.Do(r).body);
    for (const LaneView& view : page.lanes) seen.push_back(view.lane);
    if (!page.more) break;
    query.after = page.next;
    REQUIRE(query.after);
  }
  REQUIRE(seen.size() == 6);
  CHECK(seen[0] == LaneKey{Mode::kConcurrent, "a"});
  CHECK(seen[1] == LaneKey{Mode::kFifo, "a"});
  CHECK(seen[5] == LaneKey{Mode::kFifo, "c"});
}

// ---- changes of a notify

TEST_CASE("change: a later due time takes a ready one out of its lane until then") {
  CoreFixture f;
  NotifyId first = f.Submit(Fifo()).id, second = f.Submit(Fifo()).id, third = f.Submit(Fifo()).id;
  CHECK(CoreFixture::CodeOf(f.Change(second, [](ChangeRequest& c) { c.when = Delay(1000); })) == Code::kOk);
  CHECK(f.StateOf(second) == State::kScheduled);
  CHECK(f.EndFirst(Verdict::kSuccess) == first);
  CHECK(f.EndFirst(Verdict::kSuccess) == third);
  f.Pass(1000);
  CHECK(f.UnderWay() == std::vector{second});
  CHECK(f.Balances());
}

TEST_CASE("change: the priority moves one among the ready") {
  CoreFixture f;
  LanePatch patch;
  patch.concurrency.emplace(1);
  f.SetLane(kLane, patch);
  f.Submit(Fields{});
  NotifyId plain = f.Submit(Fields{}).id, urgent = f.Submit(Fields{}).id;
  f.Change(urgent, [](ChangeRequest& c) {
    auto head = std::make_shared<NotifyHead>(*c.head);
    head->priority = 9;
    c.head = head;
  });
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.EndFirst(Verdict::kSuccess) == urgent);
  CHECK(f.UnderWay() == std::vector{plain});
}

TEST_CASE("change: new contents are what is sent, after a restart too") {
  for (bool restart : {false, true}) {
    CoreFixture f;
    Fields later;
    later.when = Delay(1000);
    NotifyId id = f.Submit(later).id;
    NotifySpec spec;
    spec.url = "http://changed/";
    f.Change(id, [&](ChangeRequest& c) { c.spec = std::make_shared<const std::string>(EncodeSpec(spec)); });
    if (restart) f.Restart(CrashKind::kPower);
    f.Pass(1000);
    REQUIRE(f.starts.size() == 1);
    CHECK(DecodeSpec(*f.starts[0].spec)->url == "http://changed/");
  }
}

TEST_CASE("change: one that is held stays held, gets a due time, and loses it again") {
  CoreFixture f;
  Fields held;
  held.fkey = "k";
  NotifyId id = f.Submit(held).id;
  f.Change(id, [](ChangeRequest& c) { c.when = Delay(5000); });
  CHECK(f.StateOf(id) == State::kHeld);
  f.Change(id, [](ChangeRequest& c) { c.when = When{}; });
  f.Pass(6000);
  CHECK(f.StateOf(id) == State::kHeld);
  f.Change(id, [](ChangeRequest& c) { c.when = Delay(1000); });
  f.Pass(1000);
  CHECK(f.UnderWay() == std::vector{id});
}

TEST_CASE("change: a ttl is set and taken back") {
  CoreFixture f;
  Fields later;
  later.when = Delay(10'000);
  NotifyId stays = f.Submit(later).id, goes = f.Submit(later).id;
  for (NotifyId id : {stays, goes}) f.Change(id, [](ChangeRequest& c) { c.ttl = Delay(1000); });
  f.Change(stays, [](ChangeRequest& c) { c.ttl = When{}; });
  f.Pass(1000);
  CHECK(f.StateOf(goes) == State::kExpired);
  CHECK(f.StateOf(stays) == State::kScheduled);
  CHECK(f.image().expiries.empty());
}

TEST_CASE("change: a retrying fifo head with a new due time blocks nobody until then") {
  CoreFixture f;
  NotifyId head = f.Submit(Fifo()).id, next = f.Submit(Fifo()).id;
  f.EndFirst(Verdict::kFailure);
  f.Change(head, [](ChangeRequest& c) { c.when = Delay(20'000); });
  CHECK(f.UnderWay() == std::vector{next});
  f.EndFirst(Verdict::kSuccess);
  f.Pass(20'000);
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].id == head);
  CHECK(f.starts[0].number == 2);
}

TEST_CASE("change: refused where it is settled, in flight or unknown, and stale where somebody was faster") {
  CoreFixture f;
  NotifyId flying = f.Submit(Fields{}).id;
  auto nothing = [](ChangeRequest&) {};
  CHECK(CoreFixture::CodeOf(f.Change(flying, nothing)) == Code::kConflict);
  f.EndFirst(Verdict::kSuccess);
  CHECK(CoreFixture::CodeOf(f.Change(flying, nothing)) == Code::kConflict);
  CHECK(CoreFixture::CodeOf(f.Change(NotifyId{99}, nothing)) == Code::kNotFound);
  Fields later;
  later.when = Delay(1000);
  NotifyId id = f.Submit(later).id;
  const Reply& reply = f.Change(id, [&](ChangeRequest& c) {
    f.Change(id, [](ChangeRequest& other) { other.when = Delay(2000); });
    c.when = Delay(3000);
  });
  CHECK(std::holds_alternative<Stale>(reply.body));
  CHECK(f.Get(id).record->state.due.ms == f.now.wall.ms + 2000);
}

TEST_CASE("change: attempts in between do not make it stale") {
  CoreFixture f;
  NotifyId id = f.Submit(Fifo()).id;
  f.EndFirst(Verdict::kFailure);
  const Reply& reply = f.Change(id, [&](ChangeRequest& c) {
    f.Pass(5000);
    f.EndFirst(Verdict::kFailure);
    c.ttl = Delay(60'000);
  });
  CHECK(std::holds_alternative<Viewed>(reply.body));
  CHECK(f.Get(id).record->attempts.size() == 2);
}

// ---- many at once

TEST_CASE("bulk: retry sends failed ones again, oldest first, and passes over what the cursor left behind") {
  CoreFixture f;
  std::vector<NotifyId> ids;
  for (int i = 0; i < 6; ++i) {
    Fields once = Fifo();
    once.retry = Waits({100}, 1);
    ids.push_back(f.Submit(once).id);
    f.EndFirst(Verdict::kFailure);
  }
  CHECK(f.Bulk(BulkKind::kRetry, {State::kFailed}, 10'000, {}, true).count == 6);
  CHECK(f.starts.empty());
  BulkDone first = f.Bulk(BulkKind::kRetry, {State::kFailed}, 4);
  CHECK(first.count == 4);
  REQUIRE(first.next.value != 0);
  BulkDone rest = f.Bulk(BulkKind::kRetry, {State::kFailed}, 4, first.next);
  CHECK(rest.count == 2);
  CHECK(rest.next.value == 0);
  for (NotifyId id : ids) CHECK(f.EndFirst(Verdict::kSuccess) == id);
  CHECK(f.Balances());
  CHECK(f.Stats().totals.revived == 6);
}

TEST_CASE("bulk: cancel takes what waits and leaves what is settled") {
  CoreFixture f;
  NotifyId done = f.Submit(Fields{}).id;
  f.EndFirst(Verdict::kSuccess);
  Fields later;
  later.when = Delay(1000);
  NotifyId waits = f.Submit(later).id;
  CHECK(f.Bulk(BulkKind::kCancel, {State::kScheduled, State::kSucceeded}).count == 1);
  CHECK(f.StateOf(done) == State::kSucceeded);
  CHECK(f.StateOf(waits) == State::kCancelled);
}

TEST_CASE("bulk: purge removes settled ones for good, and the totals stay") {
  CoreFixture f;
  Fields keyed;
  keyed.fkey = "k";
  keyed.idempotency_key = "i";
  NotifyId id = f.Submit(keyed).id;
  f.Trigger("k");
  f.EndFirst(Verdict::kSuccess);
  Fields later;
  later.when = Delay(1000);
  NotifyId waits = f.Submit(later).id;
  CHECK(f.Bulk(BulkKind::kPurge, {State::kSucceeded, State::kScheduled}).count == 1);
  CHECK(CoreFixture::CodeOf(f.ById<GetRequest>(id)) == Code::kNotFound);
  CHECK(f.StateOf(waits) == State::kScheduled);
  CHECK(f.Stats().totals.succeeded == 1);
  CHECK(f.Balances());
  CHECK(CoreFixture::CodeOf(f.Trigger("k")) == Code::kNotFound);
  CHECK(f.Submit(keyed).duplicate);
  f.Restart();
  CHECK(CoreFixture::CodeOf(f.ById<GetRequest>(id)) == Code::kNotFound);
}

TEST_CASE("bulk: one that is cancelled in flight is not purged before its attempt ends") {
  CoreFixture f;
  NotifyId id = f.Submit(Fields{}).id;
  f.ById<CancelRequest>(id);
  CHECK(f.Bulk(BulkKind::kPurge, {State::kCancelled}).count == 0);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.Bulk(BulkKind::kPurge, {State::kCancelled}).count == 1);
}

// ---- explain

TEST_CASE("explain: a reason for each state, and when it can be sent") {
  CoreFixture f;
  Fields held;
  held.fkey = "k";
  NotifyId holds = f.Submit(held).id;
  CHECK(f.Why(holds) == Codes{"held"});
  CHECK(!f.Explain(holds).expected_at);
  Fields later;
  later.when = Delay(1000);
  NotifyId scheduled = f.Submit(later).id;
  CHECK(f.Why(scheduled) == Codes{"not_due"});
  CHECK(f.Explain(scheduled).expected_at == WallTime{f.now.wall.ms + 1000});
  NotifyId first = f.Submit(Fifo()).id, second = f.Submit(Fifo()).id, third = f.Submit(Fifo()).id;
  CHECK(f.Why(first) == Codes{"sending"});
  Explained behind = f.Explain(third);
  REQUIRE(behind.reasons.size() == 1);
  CHECK(behind.reasons[0].code == "behind");
  CHECK(behind.reasons[0].detail.find("2 others") != std::string::npos);
  CHECK(behind.reasons[0].detail.find(first.ToString()) != std::string::npos);
  f.EndFirst(Verdict::kFailure);
  CHECK(f.Why(first) == Codes{"waiting_to_retry"});
  CHECK(f.Why(second) == Codes{"blocked_by_head", "behind"});
  CHECK(f.Explain(second).expected_at == WallTime{f.now.wall.ms + 5000});
  f.ById<CancelRequest>(second);
  CHECK(f.Why(second) == Codes{"settled"});
  CHECK(CoreFixture::CodeOf(f.ById<ExplainRequest>(NotifyId{999})) == Code::kNotFound);
}

TEST_CASE("explain: who stands before it in a tail on disk is counted, up to 1,000") {
  CoreFixture f;
  f.Pause(kFifoLane);
  NotifyId head, some, last;
  for (int i = 0; i < 1'200; ++i) {
    last = f.Submit(Fifo()).id;
    if (i == 0) head = last;
    if (i == 700) some = last;
  }
  Explained why = f.Explain(some);
  REQUIRE(why.reasons.size() == 2);
  CHECK(why.reasons[0].code == "lane_paused");
  CHECK(why.reasons[1].detail.find("700 others") != std::string::npos);
  CHECK(why.reasons[1].detail.find(head.ToString()) != std::string::npos);
  CHECK(!why.expected_at);
  CHECK(f.Explain(last).reasons[1].detail.find("1000 or more") != std::string::npos);
}

// ---- restart in place

TEST_CASE("hold: no attempt starts any more, submits go on, and quiet comes once nothing is in flight") {
  CoreFixture f;
  f.Submit(Fields{});
  f.Post(HoldAttempts{});
  f.Run();
  CHECK(!f.quiet);
  NotifyId id = f.Submit(Fields{}).id;
  CHECK(f.StateOf(id) == State::kReady);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.quiet);
  CHECK(f.starts.empty());
  CHECK(f.Why(id) == Codes{"stopping"});
  f.Restart();
  f.Pass(100);
  CHECK(f.UnderWay() == std::vector{id});
}

TEST_CASE("lane: a burst is refused where no rate holds, together with what was said before") {
  CoreLimits limits;
  LaneRule rule;
  rule.match = "ruled";
  rule.settings.rate_per_s = 5;
  limits.lane_rules = {rule};
  CoreFixture f(limits);
  auto change = [&](const char* lane, auto edit) {
    LaneChangeRequest r;
    r.lane = {Mode::kConcurrent, lane};
    edit(r.patch);
    const Reply& reply = f.Do(std::move(r));
    const Refused* refused = std::get_if<Refused>(&reply.body);
    return refused ? refused->status.field() : std::string("ok");
  };
  auto burst = [](LanePatch& patch) { patch.burst.emplace(3); };
  auto rate = [](LanePatch& patch) { patch.rate_per_s.emplace(2.0); };
  auto no_rate = [](LanePatch& patch) { patch.rate_per_s.emplace(); };
  auto no_burst = [](LanePatch& patch) { patch.burst.emplace(); };
  CHECK(change("l", burst) == "/burst");
  CHECK(CoreFixture::CodeOf(f.TryLane({Mode::kConcurrent, "l"})) == Code::kNotFound);  // nothing was kept of it
  CHECK(change("ruled", burst) == "ok");
  CHECK(change("l", rate) == "ok");
  CHECK(change("l", burst) == "ok");
  CHECK(change("l", [&](LanePatch& patch) { no_rate(patch), burst(patch); }) == "/burst");
  CHECK(f.LaneOf({Mode::kConcurrent, "l"}).limits.rate_per_s == 2);
  CHECK(change("l", no_rate) == "ok");  // and its burst with it
  CHECK(CoreFixture::CodeOf(f.TryLane({Mode::kConcurrent, "l"})) == Code::kNotFound);  // nothing is left that was said of it
  CHECK(change("l", [&](LanePatch& patch) { rate(patch), burst(patch); }) == "ok");
  CHECK(change("l", no_burst) == "ok");
  CHECK(change("l", no_rate) == "ok");
}

// ---- remembered triggers

TEST_CASE("remembered trigger: it is shown with its data and times, and withdrawn") {
  CoreFixture f;
  TriggerRequest early;
  early.fkey = "f";
  early.data = "{\"a\":1}";
  early.remember_ms = 60'000;
  early.when = Delay(5000);
  f.Do(early);
  FkeyGetRequest get;
  get.fkey = "f";
  const RememberedViewed shown = std::get<RememberedViewed>(f.Do(get).body);
  CHECK(shown.fkey == "f");
  CHECK(shown.trigger->data == "{\"a\":1}");
  CHECK(shown.trigger->due.ms == f.now.wall.ms + 5000);
  CHECK(shown.expires_at.ms == f.now.wall.ms + 60'000);

  FkeyCancelRequest cancel;
  cancel.fkey = "f";
  CHECK(std::holds_alternative<Withdrawn>(f.Do(cancel).body));
  CHECK(f.Balances());
  bool restart = GENERATE(true, false);
  if (restart) f.Restart(CrashKind::kPower);
  CHECK(CoreFixture::CodeOf(f.Do(cancel)) == Code::kNotFound);
  CHECK(CoreFixture::CodeOf(f.Do(get)) == Code::kNotFound);
  CoreFixture::Fields held;
  held.fkey = "f";
  CHECK(f.Submit(held).state == State::kHeld);
}

TEST_CASE("remembered trigger: one that was withdrawn may be remembered again, one that is over is gone by itself") {
  CoreFixture f;
  TriggerRequest early;
  early.fkey = "f";
  early.remember_ms = 1000;
  FkeyGetRequest get;
  get.fkey = "f";
  FkeyCancelRequest cancel;
  cancel.fkey = "f";
  f.Do(early);
  f.Do(cancel);
  CHECK(std::holds_alternative<Remembered>(f.Do(early).body));
  CHECK(std::holds_alternative<RememberedViewed>(f.Do(get).body));
  f.Pass(1000);
  CHECK(CoreFixture::CodeOf(f.Do(get)) == Code::kNotFound);
  CHECK(CoreFixture::CodeOf(f.Do(cancel)) == Code::kNotFound);
  f.Do(early);
  CoreFixture::Fields held;
  held.fkey = "f";
  NotifyId id = f.Submit(held).id;
  CHECK(std::get<Viewed>(f.Do(get).body).view.record->id == id);
  CHECK(CoreFixture::CodeOf(f.Do(cancel)) == Code::kConflict);
}

// ---- after a clock that stepped back

/// What each way of looking says: its state by GET, the states that the stats and the lists count it in, and what a bulk cancel finds.
void CheckAllSay(CoreFixture& f, NotifyId id, State state) {
  CHECK(f.StateOf(id) == state);
  StatsView stats = f.Stats();
  LaneView lane = f.LaneOf(f.Get(id).record->head->lane);
  for (State other : {State::kHeld, State::kScheduled, State::kReady, State::kSending, State::kRetrying}) {
    CAPTURE(ToString(other), ToString(state));
    uint64_t expected = other == state;
    auto of = [&](const auto& view) {
      const uint64_t counts[] = {view.held, view.scheduled, view.ready, view.sending, view.retrying};
      return counts[static_cast<size_t>(other)];
    };
    CHECK(of(stats) == expected);
    CHECK(of(lane) == expected);
    ListRequest list;
    list.query.states = {other};
    CHECK(std::get<Listed>(f.Do(list).body).items.size() == expected);
    CHECK(f.Bulk(BulkKind::kCancel, {other}, 10, {}, true).count == expected);
  }
}

TEST_CASE("clock stepped back: get, stats, lanes, lists and bulk agree about what its time had come for") {
  CoreFixture f;
  CoreFixture::Fields fields;
  NotifyId id;
  SECTION("at once, in a paused lane") {
    f.Pause(kLane);
    id = f.Submit(fields).id;
  }
  SECTION("scheduled, came due, in a paused lane") {
    f.Pause(kLane);
    fields.when = Delay(1000);
    id = f.Submit(fields).id;
    f.Pass(2000);
  }
  SECTION("held, came due, in a paused lane") {
    f.Pause(kLane);
    fields.when = Delay(1000);
    fields.fkey = "f";
    id = f.Submit(fields).id;
    f.Pass(2000);
  }
  SECTION("scheduled, came due, behind another in a fifo lane") {
    fields.mode = Mode::kFifo;
    CoreFixture::Fields first = fields;
    NotifyId head = f.Submit(first).id;
    fields.when = Delay(1000);
    id = f.Submit(fields).id;
    f.Pass(2000);
    f.now.wall.ms -= 3'600'000;
    f.ById<CancelRequest>(head);
  }
  f.now.wall.ms -= 3'600'000;
  f.Ask(StatsRequest{});
  f.Run();
  CheckAllSay(f, id, State::kReady);
  CHECK(f.Bulk(BulkKind::kCancel, {State::kReady}).count == 1);
  CHECK(f.StateOf(id) == State::kCancelled);
}

TEST_CASE("clock stepped back: what is in a paused lane's tail is ready after a restart, too") {
  CoreFixture f;
  f.Pause(kLane);
  CoreFixture::Fields fields;
  fields.when = Delay(1000);
  NotifyId id = f.Submit(fields).id;
  f.Pass(2000);
  f.now.wall.ms -= 3'600'000;
  f.Restart();
  CheckAllSay(f, id, State::kReady);
}

TEST_CASE("clock stepped back: what was not due yet is scheduled as before") {
  CoreFixture f;
  f.Submit({});
  f.Pass(5000);
  f.now.wall.ms -= 3000;
  CoreFixture::Fields fields;
  fields.lane = "other";
  fields.when = Delay(1000);
  NotifyId id = f.Submit(fields).id;
  ListRequest list;
  list.query.states = {State::kReady};
  CHECK(std::get<Listed>(f.Do(list).body).items.empty());
  list.query.states = {State::kScheduled};
  CHECK(std::get<Listed>(f.Do(list).body).items.size() == 1);
  CHECK(f.StateOf(id) == State::kScheduled);
}

}  // namespace
}  // namespace notifyd
