// The core without any I/O: lanes seen and steered, bulk requests, restart in place, remembered triggers. One behaviour a case.
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

TEST_CASE("pause: an attempted head that waits in the tail is cancelled, expires, is changed or retried, and the lane goes on in order") {
  for (const char* what : {"cancel", "expire", "change", "later", "retry", "skip"}) {
    CAPTURE(what);
    CoreFixture f;
    Fields first = Fifo();
    first.ttl = Delay(20'000);
    NotifyId head = f.Submit(first).id;
    std::vector<NotifyId> rest;
    for (int i = 0; i < 3; ++i) rest.push_back(f.Submit(Fifo()).id);
    f.EndFirst(Verdict::kFailure);
    f.Pause(kFifoLane);
    f.Pass(6'000);
    std::string how = what;
    bool head_first = false, head_last = false;
    if (how == "cancel") f.ById<CancelRequest>(head);
    if (how == "expire") f.Pass(20'000);
    if (how == "change") f.Change(head, [](ChangeRequest& c) { c.ttl = Delay(100'000); }), head_first = true;
    if (how == "later") f.Change(head, [](ChangeRequest& c) { c.when = When{}; }), head_last = true;
    if (how == "retry") f.ById<RetryRequest>(head), head_first = true;
    if (how == "skip") {
      LanePatch patch;
      patch.on_retry.emplace(OnRetry::kSkip);
      patch.paused = false;
      f.SetLane(kFifoLane, patch);
      head_first = true;
    }
    f.Resume(kFifoLane);
    if (head_first) CHECK(f.EndFirst(Verdict::kSuccess) == head);
    for (NotifyId id : rest) CHECK(f.EndFirst(Verdict::kSuccess) == id);
    if (head_last) CHECK(f.EndFirst(Verdict::kSuccess) == head);
    CHECK(f.starts.empty());
    CHECK(f.Balances());
  }
}

TEST_CASE("pause: paused and resumed within one turn, the lane goes on where it was") {
  for (bool attempted : {false, true}) {
    CoreFixture f;
    std::vector<NotifyId> ids;
    for (int i = 0; i < 4; ++i) ids.push_back(f.Submit(Fifo()).id);
    if (attempted) {
      f.EndFirst(Verdict::kFailure);
      f.Pass(5'000);
    }
    for (bool paused : {true, false, true, false}) {
      LaneChangeRequest r;
      r.lane = kFifoLane;
      r.patch.paused = paused;
      f.Ask(r);
    }
    f.Run();
    for (NotifyId id : ids) CHECK(f.EndFirst(Verdict::kSuccess) == id);
    CHECK(f.Stats().totals.lane_settings == 0);
  }
}

TEST_CASE("on_failure pause: a bulk retry revives those that failed, and each failure pauses the lane once") {
  CoreFixture f;
  LanePatch patch;
  patch.on_failure.emplace(OnFailure::kPause);
  f.SetLane(kFifoLane, patch);
  Fields once = Fifo();
  once.retry = Waits({100}, 1);
  std::vector<NotifyId> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(f.Submit(once).id);
    f.EndFirst(Verdict::kFailure);
    f.Resume(kFifoLane);
  }
  CHECK(f.Bulk(BulkKind::kRetry, {State::kFailed}).count == 3);
  for (NotifyId id : ids) {
    CHECK(f.UnderWay() == std::vector{id});
    f.EndFirst(Verdict::kFailure);
    CHECK(f.starts.empty());
    f.Resume(kFifoLane);
  }
  CHECK(f.starts.empty());
}

// ---- on_retry, concurrency

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

/// Submits one that asks for a lane in which others pass.
static NotifyId StepAside(CoreFixture* f, const CoreFixture::Fields& fields) {
  SubmitRequest r;
  r.items.push_back(f->Item(fields));
  r.items[0].steps_aside = true;
  return std::get<Submitted>(f->Do(std::move(r)).body).items.at(0).id;
}

TEST_CASE("steps_aside: its lane skips from the first notify on that may be tried again, where nobody has said what it does") {
  CoreLimits limits;
  for (const auto& [match, on_retry] : {std::pair("block*", OnRetry::kBlock), std::pair("skip*", OnRetry::kSkip)}) {
    LaneRule& rule = limits.lane_rules.emplace_back();
    rule.match = match;
    rule.settings.on_retry = on_retry;
  }
  CoreFixture f(limits);
  auto own = [&](const char* lane) { return f.LaneOf({Mode::kFifo, lane}).own.on_retry; };
  LanePatch block;
  block.on_retry.emplace(OnRetry::kBlock);
  f.SetLane({Mode::kFifo, "said"}, block);
  for (const char* lane : {"blocks", "skips", "said", "free"}) StepAside(&f, Fifo(lane));
  CHECK_FALSE(own("blocks"));
  CHECK_FALSE(own("skips"));
  CHECK(own("said") == OnRetry::kBlock);
  CHECK(own("free") == OnRetry::kSkip);
  CoreFixture::Fields once = Fifo("once");
  RetryPolicy one;
  one.max_attempts = 1;
  once.retry = one;
  StepAside(&f, once);
  CHECK_FALSE(own("once"));
  // Nobody says it any more: then the next one does.
  LanePatch none;
  none.on_retry.emplace();
  f.SetLane({Mode::kFifo, "free"}, none);
  CHECK_FALSE(own("free"));
  StepAside(&f, Fifo("free"));
  CHECK(own("free") == OnRetry::kSkip);
  CHECK_FALSE(f.LaneOf({Mode::kFifo, "free"}).own.concurrency);
}

TEST_CASE("steps_aside: it is as durable as its notify, and a head that was attempted before is let go") {
  CoreFixture f;
  const NotifyId first = f.Submit(Fifo()).id;
  f.EndFirst(Verdict::kFailure);
  CHECK(f.starts.empty());
  f.Restart();
  const NotifyId second = StepAside(&f, Fifo());
  CHECK(f.UnderWay() == std::vector{second});
  f.Restart();
  CHECK(f.LaneOf(kFifoLane).own.on_retry == OnRetry::kSkip);
  CHECK(f.UnderWay().size() <= 1);
  f.Pass(60'000);
  for (int i = 0; i < 2; ++i) f.EndFirst(Verdict::kSuccess);
  for (NotifyId id : {first, second}) CHECK(f.Get(id).record->state.phase == Phase::kSucceeded);
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

TEST_CASE("lanes: behind a cancelled call that is still in flight, the next one is the head") {
  CoreFixture f;
  NotifyId first = f.Submit(Fifo()).id;
  f.Submit(Fifo());
  f.ById<CancelRequest>(first);
  CHECK(f.LaneOf(kFifoLane).oldest_due);
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

TEST_CASE("bulk: one that is named is purged, and never another in its place") {
  CoreFixture f;
  Fields once;
  once.retry = Waits({}, 1);
  std::vector<NotifyId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(f.Submit(once).id);
  while (!f.starts.empty()) f.EndFirst(Verdict::kFailure);
  BulkRequest purge;
  purge.kind = BulkKind::kPurge;
  purge.query.states = {State::kFailed};
  purge.query.only = ids[1];
  for (size_t count : {1, 0}) {
    BulkRequest again = purge;
    CHECK(std::get<BulkDone>(f.Do(std::move(again)).body).count == count);
    for (NotifyId other : {ids[0], ids[2]}) CHECK(f.StateOf(other) == State::kFailed);
  }
  purge.query.above = ids[1];  // it lies behind the cursor
  CHECK(std::get<BulkDone>(f.Do(std::move(purge)).body).count == 0);
}

TEST_CASE("bulk: one that is cancelled in flight is not purged before its attempt ends") {
  CoreFixture f;
  NotifyId id = f.Submit(Fields{}).id;
  f.ById<CancelRequest>(id);
  CHECK(f.Bulk(BulkKind::kPurge, {State::kCancelled}).count == 0);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.Bulk(BulkKind::kPurge, {State::kCancelled}).count == 1);
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
  CHECK(change("l", no_rate) == "ok");                                                 // and its burst with it
  CHECK(CoreFixture::CodeOf(f.TryLane({Mode::kConcurrent, "l"})) == Code::kNotFound);  // nothing is left that was said of it
  CHECK(change("l", [&](LanePatch& patch) { rate(patch), burst(patch); }) == "ok");
  CHECK(change("l", no_burst) == "ok");
  CHECK(change("l", no_rate) == "ok");
}

TEST_CASE("hold: one whose body was being read stays ready, and is counted so") {
  CoreLimits limits;
  limits.max_spec_bytes = 0;
  WatchedCore f(limits);
  f.on_reply = [&](const Reply& reply) {
    if (std::holds_alternative<Submitted>(reply.body)) f.Post(HoldAttempts{});
  };
  NotifyId id = f.Submit(Fields{}).id;
  CHECK(f.starts.empty());
  CHECK(f.quiet);
  CHECK(f.StateOf(id) == State::kReady);
  CHECK(f.LaneOf(kLane).ready == 1);
  f.ById<CancelRequest>(id);
  CHECK(f.Balances());
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
  CHECK(shown.trigger->due.at.ms == f.now.wall.ms + 5000);
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

}  // namespace
}  // namespace notifyd
