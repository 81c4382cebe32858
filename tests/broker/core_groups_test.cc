// Groups: all or none, their outcomes, turns, the end of the rest, the callback that comes once, and all of it over crashes.
#include <catch2/catch.hpp>

#include <map>

#include "broker/figures_events.h"
#include "broker/flow.h"
#include "broker/groups_fixture.h"
#include "broker/response.h"

namespace notifyd {
namespace {

GroupFixture::Fields Once(std::string lane = "lane") {
  GroupFixture::Fields f;
  f.lane = std::move(lane);
  RetryPolicy retry;
  retry.max_attempts = 1;
  f.retry = retry;
  return f;
}

}  // namespace

TEST_CASE("groups: members are notifies of their own, settled together, told of once") {
  GroupFixture f;
  const GroupView made = f.Make(GroupFixture::WithCallback(GroupFixture::PostOf({Once(), Once(), Once()})));
  CHECK(made.as == GroupAs::kMade);
  CHECK(made.envelopes.empty());
  GroupGet look{made.id};
  look.envelopes = true;
  CHECK(GroupFixture::ViewOf(f.DoGroup(look)).envelopes.at(2)->lane.name == "lane");
  CHECK(made.counts[static_cast<size_t>(State::kReady)] + made.counts[static_cast<size_t>(State::kSending)] == 3);
  REQUIRE(f.starts.size() == 3);
  for (size_t place = 0; place < 3; ++place) {
    CHECK(f.starts[place].id == MemberOf(made.id, place));
    CHECK(f.starts[place].envelope->flow->group == made.id);
    CHECK(f.starts[place].envelope->flow->group_place == place);
  }
  CHECK(f.image().totals.records[RecordKind::kGroup] == 1);
  const NotifyId failed = f.EndFirst(Verdict::kFailure);
  f.EndFirst(Verdict::kSuccess);
  GroupView seen = f.See(made.id);
  CHECK_FALSE(seen.settled());
  CHECK(seen.counts[static_cast<size_t>(State::kSending)] == 1);
  CHECK(seen.record.members[0].reason == "attempts_exhausted");
  CHECK(seen.record.members[0].status == 500);
  CHECK(f.CallbacksSent() == 0);
  f.EndFirst(Verdict::kSuccess);
  seen = f.See(made.id);
  CHECK(seen.settled());
  CHECK(seen.record.was_settled());
  CHECK(seen.counts[static_cast<size_t>(State::kSucceeded)] == 2);
  CHECK(f.CallbacksSent() == 1);
  CHECK(seen.record.callback_id == f.starts.at(0).id);
  CHECK(f.image().totals.records[RecordKind::kGroup] == 0);  // it ends by itself from now on
  REQUIRE(f.flow_logs.size() == 1);
  CHECK(f.flow_logs[0].event == "group settled");
  f.EndFirst(Verdict::kSuccess);

  SECTION("a later retry changes the outcome of that one, and tells nobody") {
    f.ById<RetryRequest>(failed);
    seen = f.See(made.id);
    CHECK_FALSE(seen.settled());
    f.EndFirst(Verdict::kSuccess);
    seen = f.See(made.id);
    CHECK(seen.counts[static_cast<size_t>(State::kSucceeded)] == 3);
    CHECK(f.CallbacksSent() == 1);
    CHECK(f.flow_logs.size() == 1);
  }
  SECTION("it is gone with its retention") {
    f.Pass(CoreLimits().retention_settled_ms - 1000);
    CHECK(f.See(made.id).settled());
    f.Pass(2000);
    CHECK(f.CodeOf(f.DoGroup(GroupGet{made.id})) == Code::kNotFound);
  }
  SECTION("outcomes outlive the notifies") {
    f.Bulk(BulkKind::kPurge, {State::kSucceeded, State::kFailed});
    seen = f.See(made.id);
    CHECK(seen.counts[static_cast<size_t>(State::kSucceeded)] == 2);
    CHECK(seen.record.members[0].reason == "attempts_exhausted");
  }
  CHECK(f.Balances());
}

TEST_CASE("groups: all are accepted or none, and the one at fault is named") {
  CoreLimits limits;
  limits.max_pending = 5;
  GroupFixture f(limits);
  GroupFixture::Fields late;
  late.ttl = {When::Kind::kAt, 1};
  const Reply& reply = f.DoGroup(GroupFixture::PostOf({{}, late}));
  REQUIRE(f.CodeOf(reply) == Code::kUnacceptable);
  CHECK(std::get<Refused>(reply.body).status.field() == "/notifies/1/expires_at");
  CHECK(f.Stats().totals.accepted == 0);
  CHECK(f.CodeOf(f.DoGroup(GroupFixture::PostOf(std::vector<GroupFixture::Fields>(6)))) == Code::kTooMany);
  CHECK(f.Stats().totals.accepted == 0);
  CHECK(f.Make(GroupFixture::PostOf(std::vector<GroupFixture::Fields>(5))).states.size() == 5);
  CHECK(f.CodeOf(f.DoGroup(GroupGet{{1u << 20}})) == Code::kNotFound);
  CHECK(f.CodeOf(f.DoGroup(GroupGet{{2}})) == Code::kNotFound);  // a notify
}

TEST_CASE("groups: the idempotency key answers with the first, also over a crash, and refuses other fields") {
  GroupFixture f;
  GroupPost post = GroupFixture::PostOf({Once(), Once()});
  post.idempotency_key = "once";
  post.fields = {1, 2};
  const NotifyId id = f.Make(post).id;
  f.Restart();
  const GroupView again = f.Make(post);
  CHECK(again.id == id);
  CHECK(again.as == GroupAs::kDuplicate);
  CHECK(again.states.size() == 2);
  CHECK(f.Stats().totals.accepted == 2);
  post.fields = {1, 3};
  CHECK(f.CodeOf(f.DoGroup(post)) == Code::kUnacceptable);
}

TEST_CASE("groups: who asks with wait_ms is answered once all are settled, or in time") {
  GroupFixture f;
  const uint64_t post = f.AskGroup(GroupFixture::PostOf({Once(), Once()}), 5000);
  f.Run();
  CHECK(f.replies.count(post) == 0);
  const NotifyId id{f.starts.at(0).id.value - 1};
  const uint64_t get = f.AskGroup(GroupGet{id}, 1000), gone = f.AskGroup(GroupGet{id}, 1000);
  f.Run();
  Disconnected left;
  left.request = {0, gone};
  f.Post(left);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.replies.count(get) == 0);
  f.Pass(1000);
  REQUIRE(f.replies.count(get) == 1);
  CHECK_FALSE(GroupFixture::ViewOf(f.replies.at(get)).settled());
  CHECK(f.replies.count(gone) == 0);
  f.EndFirst(Verdict::kSuccess);
  REQUIRE(f.replies.count(post) == 1);
  const GroupView view = GroupFixture::ViewOf(f.replies.at(post));
  CHECK(view.settled());
  CHECK(view.waited);
  CHECK(view.as == GroupAs::kMade);
  SECTION("whoever made one elsewhere waits on here") {
    const NotifyId other = f.Make(GroupFixture::PostOf({Once()})).id;
    const uint64_t waits = f.AskGroup(GroupGet{other, GroupAs::kMade, /*waited=*/true}, 5000);
    f.Run();
    CHECK(f.replies.count(waits) == 0);
    f.EndFirst(Verdict::kSuccess);
    REQUIRE(f.replies.count(waits) == 1);
    CHECK(GroupFixture::ViewOf(f.replies.at(waits)).settled());
    CHECK(GroupFixture::ViewOf(f.replies.at(waits)).as == GroupAs::kMade);
    CHECK(GroupFixture::ViewOf(f.replies.at(waits)).waited);
  }
  SECTION("whoever is not there for long is answered at once") {
    const uint64_t makes = f.AskGroup(GroupFixture::PostOf({Once()}), 5000);
    f.Run();
    CHECK(f.replies.count(makes) == 0);
    f.Post(FiguresRequest{{}, std::make_shared<const FiguresAsk>(FiguresAsk{EndWaitAsk{{0, makes}}})});
    f.Run();
    REQUIRE(f.replies.count(makes) == 1);
    CHECK_FALSE(GroupFixture::ViewOf(f.replies.at(makes)).settled());
    CHECK(GroupFixture::ViewOf(f.replies.at(makes)).as == GroupAs::kMade);
  }
  SECTION("a stop answers whoever waits") {
    const uint64_t waits = f.AskGroup(GroupFixture::PostOf({Once()}), 5000);
    f.Run();
    f.Post(StopRequested{});
    f.Run();
    CHECK(f.replies.count(waits) == 1);
  }
}

TEST_CASE("groups: a sequential one lets go of a member once the one before is settled; delay and ttl count from then") {
  GroupFixture f;
  GroupPost post = GroupFixture::PostOf({Once("a"), Once("b"), Once("c"), Once("d")});
  post.sequential = true;
  post.submit.items[1].when = {When::Kind::kDelay, 500};
  post.submit.items[2].ttl = {When::Kind::kDelay, 700};
  const NotifyId id = f.Make(GroupFixture::WithCallback(std::move(post))).id;
  auto member = [&](size_t place) { return MemberOf(id, place); };
  CHECK(f.UnderWay() == std::vector{member(0)});
  CHECK(f.Count(id, State::kHeld) == 3);
  CHECK(f.Why(member(2)) == std::vector<std::string>{"group_turn"});

  // Nobody else lets go of it.
  CHECK(f.CodeOf(f.ById<RetryRequest>(member(2))) == Code::kConflict);
  CHECK(f.Bulk(BulkKind::kRetry, {State::kHeld}).count == 0);
  CHECK(f.CodeOf(f.Change(member(2), [](ChangeRequest& change) { change.when = When{When::Kind::kDelay, 1}; })) == Code::kConflict);
  CHECK(std::holds_alternative<Viewed>(f.Change(member(2), [](ChangeRequest&) {}).body));
  CHECK(f.StateOf(member(2)) == State::kHeld);
  f.Pass(10'000);
  CHECK(f.UnderWay() == std::vector{member(0)});

  f.EndFirst(Verdict::kFailure);  // settled at all
  CHECK(f.StateOf(member(1)) == State::kScheduled);
  f.Pass(499);
  CHECK(f.starts.empty());
  f.Pass(1);
  CHECK(f.UnderWay() == std::vector{member(1)});
  const bool crash = GENERATE(false, true);
  if (crash) f.Restart();
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.UnderWay() == std::vector{member(2)});
  CHECK(f.Get(member(2)).record->state.expires_at == WallTime{f.now.wall.ms + 700});
  f.EndFirst(Verdict::kSuccess);
  if (crash) f.Restart();
  CHECK(f.UnderWay() == std::vector{member(3)});
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.See(id).settled());
  CHECK(f.CallbacksSent() == 1);
  CHECK(f.Balances());
}

TEST_CASE("groups: a member that is cancelled before its turn has its ttl when it is retried by hand") {
  GroupFixture f;
  GroupPost post = GroupFixture::PostOf({Once("a"), Once("b")});
  post.sequential = true;
  post.submit.items[1].ttl = {When::Kind::kDelay, 700};
  NotifySpec spec = *DecodeSpec(*post.submit.items[1].spec);
  spec.ttl_ms = 700;
  post.submit.items[1].spec = std::make_shared<const std::string>(EncodeSpec(spec));
  const NotifyId id = f.Make(std::move(post)).id;
  f.ById<CancelRequest>(MemberOf(id, 1));
  f.Pass(10'000);
  if (GENERATE(false, true)) f.Restart();
  f.ById<RetryRequest>(MemberOf(id, 1));
  CHECK(f.Get(MemberOf(id, 1)).record->state.expires_at == WallTime{f.now.wall.ms + 700});
}

TEST_CASE("groups: one that is cancelled by hand is passed over; retries stay inside the turn") {
  GroupFixture f;
  GroupFixture::Fields retried;
  GroupPost post = GroupFixture::PostOf({retried, Once("b"), Once("c")});
  post.sequential = true;
  const NotifyId id = f.Make(std::move(post)).id;
  f.ById<CancelRequest>(MemberOf(id, 1));
  f.EndFirst(Verdict::kFailure);
  CHECK(f.Count(id, State::kRetrying) == 1);
  CHECK(f.Count(id, State::kHeld) == 1);
  f.Pass(5000);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.UnderWay() == std::vector{MemberOf(id, 2)});
}

TEST_CASE("groups: where the namespace is removed, who waits for one hears that at once; who made one has its id") {
  GroupFixture f;
  GroupFixture::Fields later = Once();
  later.when = Delay(60'000);
  const GroupView group = f.Make(GroupFixture::PostOf({later}));
  const uint64_t looks = f.AskGroup(GroupGet{group.id}, 60'000), makes = f.AskGroup(GroupFixture::PostOf({later}), 60'000);
  f.Run();
  CHECK_FALSE(f.replies.contains(looks));
  CHECK_FALSE(f.replies.contains(makes));
  f.Post(Drain{});
  f.Run();
  REQUIRE(f.replies.contains(looks));
  CHECK(GroupFixture::CodeOf(f.replies.at(looks)) == Code::kNotFound);
  REQUIRE(f.replies.contains(makes));
  CHECK(GroupFixture::ViewOf(f.replies.at(makes)).as == GroupAs::kMade);
}

TEST_CASE("groups: cancel_rest cancels what waits, and what comes to wait, when one has failed") {
  GroupFixture f;
  const bool sequential = GENERATE(false, true);
  GroupFixture::Fields slow;
  slow.mode = Mode::kFifo;
  GroupPost post = GroupFixture::PostOf({Once("a"), slow, slow, slow});
  post.cancel_rest = true;
  post.sequential = sequential;
  const NotifyId id = f.Make(GroupFixture::WithCallback(std::move(post))).id;
  CHECK(f.starts.size() == (sequential ? 1 : 2));
  f.EndFirst(Verdict::kFailure);
  CHECK(f.Count(id, State::kFailed) == 1);
  CHECK(f.Count(id, State::kCancelled) == (sequential ? 3 : 2));
  CHECK(f.See(id).record.members[3].reason == kGroupFailed);
  if (!sequential) {
    CHECK(f.CallbacksSent() == 0);
    SECTION("in flight, it ends as it ends") {
      f.EndFirst(Verdict::kSuccess);
      CHECK(f.Count(id, State::kSucceeded) == 1);
    }
    SECTION("it comes to wait for another attempt") {
      f.EndFirst(Verdict::kFailure);
      CHECK(f.Count(id, State::kCancelled) == 3);
      CHECK(f.See(id).record.members[1].attempts_made == 1);
    }
    SECTION("a crash comes between") {
      f.Restart();
      if (!f.starts.empty()) f.EndFirst(Verdict::kFailure);  // it was sent again before the rest of it was looked at
      CHECK(f.Count(id, State::kCancelled) == 3);
    }
  }
  CHECK(f.See(id).settled());
  CHECK(f.CallbacksMade().size() == 1);
  CHECK(f.image().totals.records[RecordKind::kAgenda] == 0);
  CHECK(f.Balances());
}

TEST_CASE("groups: DELETE cancels what waits, and is refused once all are settled") {
  GroupFixture f;
  GroupFixture::Fields slow;
  slow.mode = Mode::kFifo;
  const NotifyId id = f.Make(GroupFixture::PostOf({slow, slow, slow})).id;
  const GroupView view = GroupFixture::ViewOf(f.DoGroup(GroupCancel{id}));
  CHECK(view.record.was_settled() == view.settled());
  CHECK(view.counts[static_cast<size_t>(State::kCancelled)] == 2);
  CHECK(view.counts[static_cast<size_t>(State::kSending)] == 1);
  CHECK(view.record.members[2].reason == "cancelled");
  CHECK_FALSE(view.unchanged);
  // All is as the first one said, while one of them is in flight: the audit has no entry of it.
  CHECK(f.DoGroup(GroupCancel{id}).unchanged);
  f.EndFirst(Verdict::kFailure);
  CHECK(f.Count(id, State::kCancelled) == 3);
  CHECK(f.CodeOf(f.DoGroup(GroupCancel{id})) == Code::kConflict);
  CHECK(f.CodeOf(f.DoGroup(GroupCancel{{77}})) == Code::kNotFound);
  CHECK(f.image().totals.records[RecordKind::kAgenda] == 0);
}

TEST_CASE("groups: a member that is cancelled in flight has what its attempt brings in the group's record, too, and nobody is told once more") {
  GroupFixture f;
  const bool sequential = GENERATE(false, true);
  GroupPost post = GroupFixture::WithCallback(GroupFixture::PostOf({Once(), Once()}));
  post.sequential = sequential;
  const NotifyId group = f.Make(std::move(post)).id, cancelled = MemberOf(group, 0);
  f.ById<CancelRequest>(cancelled);
  // Of a sequential one the next has begun by now.
  REQUIRE(f.starts.size() == 2);
  const StartAttempt member = f.starts.at(0);
  REQUIRE(member.id == cancelled);
  const auto outcome = [&] {
    const GroupView seen = f.See(group);
    return seen.record.members.at(0);
  };
  const WallTime settled_at = outcome().settled_at;
  CHECK(outcome().phase == Phase::kCancelled);
  CHECK(outcome().attempts_made == 0);
  const bool last = GENERATE(false, true);
  if (last) {
    // All are settled, and that was told, before the attempt ends.
    f.starts.pop_front();
    f.EndFirst(Verdict::kSuccess);
    CHECK(f.CallbacksMade().size() == 1);
    f.starts.push_front(member);
  }
  CHECK(f.EndFirst(Verdict::kSuccess) == cancelled);
  const auto check = [&] {
    CHECK(outcome().phase == Phase::kCancelled);
    CHECK(outcome().reason == "cancelled");
    CHECK(outcome().attempts_made == 1);
    CHECK(outcome().status == 200);
    CHECK(outcome().settled_at == settled_at);
  };
  check();
  f.Restart(CrashKind::kKill);
  check();
  if (!last) {
    while (f.See(group).counts[static_cast<size_t>(State::kSucceeded)] == 0) f.EndFirst(Verdict::kSuccess);
    check();
  }
  CHECK(f.See(group).settled());
  CHECK(f.CallbacksMade().size() == 1);
}

TEST_CASE("groups: one that is sent again by hand after its group was stopped stays, whenever a crash comes") {
  GroupFixture f;
  const bool by_failure = GENERATE(false, true), bulk = GENERATE(false, true), crash = GENERATE(false, true);
  GroupFixture::Fields paused;
  paused.lane = "c";
  f.Pause({Mode::kConcurrent, "c"});
  GroupPost post = GroupFixture::PostOf({Once("a"), {}, paused, paused});
  post.cancel_rest = by_failure;
  const NotifyId id = f.Make(std::move(post)).id, slow = MemberOf(id, 1), again = MemberOf(id, 2);
  if (by_failure) f.EndFirst(Verdict::kFailure);
  else f.DoGroup(GroupCancel{id});
  CHECK(f.StateOf(slow) == State::kSending);
  REQUIRE(f.StateOf(again) == State::kCancelled);
  if (bulk) CHECK(f.Bulk(BulkKind::kRetry, {State::kCancelled}).count == 2);
  else f.ById<RetryRequest>(again);
  CHECK(f.StateOf(again) == State::kReady);
  if (crash) f.Restart();
  CHECK(f.StateOf(again) == State::kReady);
  SECTION("another comes to wait") {
    while (!f.starts.empty()) f.EndFirst(Verdict::kFailure);
    CHECK(f.StateOf(slow) == State::kCancelled);
    CHECK(f.Get(slow).record->state.reason == (by_failure ? kGroupFailed : "cancelled"));
    CHECK(f.StateOf(again) == State::kReady);
    f.Resume({Mode::kConcurrent, "c"});
    f.EndFirst(Verdict::kFailure);
    CHECK(f.StateOf(again) == State::kRetrying);
    if (crash) f.Restart();
    CHECK(f.StateOf(again) == State::kRetrying);
    f.Pass(5000);
    while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
    CHECK(f.StateOf(again) == State::kSucceeded);
    CHECK(f.See(id).settled());
  }
  SECTION("a DELETE from then on cancels it too, and what is in flight of it comes to no other attempt") {
    if (GENERATE(false, true)) f.Resume({Mode::kConcurrent, "c"});
    f.DoGroup(GroupCancel{id});
    while (!f.starts.empty()) f.EndFirst(Verdict::kFailure);
    CHECK(f.StateOf(again) == State::kCancelled);
    CHECK(f.Get(again).record->state.reason == "cancelled");
    CHECK(f.See(id).settled());
  }
  CHECK(f.image().totals.records[RecordKind::kAgenda] == 0);
  CHECK(f.Balances());
}

TEST_CASE("groups: what a DELETE ends has its reason, whatever a failure would mean") {
  GroupFixture f;
  GroupPost post = GroupFixture::PostOf({{}, Once()});
  post.cancel_rest = true;
  post.sequential = GENERATE(false, true);
  const NotifyId id = f.Make(std::move(post)).id;
  f.DoGroup(GroupCancel{id});
  if (GENERATE(false, true)) f.Restart();
  while (!f.starts.empty()) f.EndFirst(Verdict::kFailure);
  CHECK(f.StateOf(MemberOf(id, 0)) == State::kCancelled);
  CHECK(f.Get(MemberOf(id, 0)).record->state.reason == "cancelled");
}

TEST_CASE("groups: one of which a member is sent again stays as long as that is pending, and is kept anew from its end on") {
  CoreLimits limits;
  limits.retention_succeeded_ms = 60'000;
  GroupFixture f(limits);
  const NotifyId group = f.Make(GroupFixture::PostOf({{}, {}})).id;
  const NotifyId first = f.starts.front().id;
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  f.Pass(50'000);
  f.Do(RetryRequest{{}, first});
  f.Pass(100'000);
  CHECK(f.Count(group, State::kSucceeded) == 1);
  f.EndFirst(Verdict::kSuccess);
  f.Pass(50'000);
  CHECK(f.Count(group, State::kSucceeded) == 2);
  f.Pass(11'000);
  CHECK(CoreFixture::CodeOf(f.DoGroup(GroupGet{group})) == Code::kNotFound);
}

TEST_CASE("groups: a list goes through them, newest first") {
  GroupFixture f;
  std::vector<NotifyId> made;
  for (int i = 0; i < 5; ++i) made.insert(made.begin(), f.Make(GroupFixture::PostOf({Once(), Once()})).id);
  std::vector<NotifyId> listed;
  NotifyId below;
  do {
    const GroupsListed page = std::get<GroupsListed>(std::get<GroupAnswered>(f.DoGroup(GroupList{2, below}).body).answer->what);
    CHECK(page.groups.size() <= 2);
    for (const GroupView& view : page.groups) {
      listed.push_back(view.id);
      CHECK(view.record.members.capacity() == 0);
      CHECK(view.counts[static_cast<size_t>(State::kReady)] == 2);
    }
    below = page.next;
  } while (below.value != 0);
  CHECK(listed == made);
}

TEST_CASE("groups: a thousand with failures; the outcome of each is kept, the callback comes once, whenever a crash comes") {
  GroupFixture f;
  f.check_every = 50;
  const bool crashes = GENERATE(false, true);
  std::vector<GroupFixture::Fields> members;
  for (int i = 0; i < 1000; ++i) members.push_back(Once("lane" + std::to_string(i % 7)));
  const NotifyId id = f.Make(GroupFixture::WithCallback(GroupFixture::PostOf(members))).id;
  std::map<NotifyId, bool> ended;
  for (int turn = 0; f.CallbacksSent() == 0 && turn < 3000; ++turn) {
    if (f.starts.empty()) f.Pass(100);
    std::deque<StartAttempt> under_way = f.starts;
    for (size_t i = 0; i < under_way.size() && i < 90; ++i) {
      const StartAttempt& start = under_way[i];
      if (start.envelope->host == "back:80") continue;
      const bool well = start.id.value % 3 != 0;
      f.End(start, well ? Verdict::kSuccess : Verdict::kFailure);
      ended[start.id] = well;
    }
    if (crashes && turn % 3 == 1) f.Restart();  // whatever of this is not written never came
    f.Run();
  }
  CHECK(ended.size() == 1000);
  const GroupView view = f.See(id);
  REQUIRE(view.settled());
  for (size_t place = 0; place < 1000; ++place) {
    const bool well = MemberOf(id, place).value % 3 != 0;
    CHECK(view.record.members[place].phase == (well ? Phase::kSucceeded : Phase::kFailed));
  }
  f.Restart();
  f.Pass(1000);
  CHECK(f.CallbacksMade().size() == 1);
  CHECK(f.image().totals.records[RecordKind::kAgenda] == 0);
  CHECK(f.Balances());
}

TEST_CASE("groups: the answers that are kept for members are shown with them, as many as there is room for") {
  GroupFixture f;
  GroupPost post = GroupFixture::PostOf(std::vector<GroupFixture::Fields>(20, Once()));
  for (size_t place = 0; place < 20; place += 2) {
    auto envelope = std::make_shared<Envelope>(*post.submit.items[place].envelope);
    FlowFields flow;
    flow.keep_response_bytes = 200'000;
    envelope->flow = std::make_shared<const FlowFields>(flow);
    post.submit.items[place].envelope = std::move(envelope);
  }
  const NotifyId id = f.Make(std::move(post)).id;
  CHECK(f.See(id).responses == std::vector<std::shared_ptr<const Response>>(20));
  while (!f.starts.empty()) {
    const StartAttempt start = f.starts.front();
    f.starts.pop_front();
    AttemptEnded e;
    e.id = start.id;
    e.result.verdict = Verdict::kSuccess;
    e.result.record.number = start.number;
    e.result.record.status = 200;
    if (start.capture_bytes > 0) {
      Response response;
      response.status = 200;
      response.body = std::string(150'000, 'a') + start.id.ToString();
      e.result.response = std::make_shared<const Response>(std::move(response));
    }
    f.Post(std::move(e));
    f.Run();
  }
  if (GENERATE(false, true)) f.Restart();
  const GroupView view = f.See(id);
  REQUIRE(view.responses.size() == 20);
  for (size_t place = 0; place < 20; ++place) {
    const bool shown = place % 2 == 0 && place < 12;  // six times 150,000 bytes are within a MiB
    CHECK((view.responses[place] != nullptr) == shown);
    if (shown) CHECK(view.responses[place]->body.ends_with(MemberOf(id, place).ToString()));
  }
}

}  // namespace notifyd
