// Members of groups that are sent again by hand, while their group does not know yet how they ended.
#include <catch2/catch.hpp>

#include "broker/groups_fixture.h"

namespace notifyd {

TEST_CASE("groups: a member that is sent again before its group knows how it ended is pending to that, and goes with a DELETE") {
  CoreLimits limits;
  limits.page_items = GENERATE(1, 16);
  const bool in_flight = GENERATE(false, true), at_once = GENERATE(false, true);
  GroupFixture f(limits);
  const NotifyId group = f.Make(GroupFixture::WithCallback(GroupFixture::PostOf({GroupFixture::Fields{}}))).id, member = MemberOf(group, 0);
  // A core that stops begins nothing of its agenda: the next one finds there how the member ended.
  f.Post(StopRequested{});
  f.Run();
  f.EndFirst(Verdict::kFatal);
  f.Pass(100);
  REQUIRE(f.image().totals.records[RecordKind::kAgenda] == 1);
  f.Restart(CrashKind::kKill, /*pages=*/false);
  if (!in_flight) f.Pause(kLane);
  REQUIRE(std::holds_alternative<Retried>(f.ById<RetryRequest>(member).body));
  REQUIRE(f.StateOf(member) == (in_flight ? State::kSending : State::kReady));
  if (at_once) CHECK(f.CodeOf(f.DoGroup(GroupCancel{group})) == Code::kOk);

  f.reads().OpenPages();
  f.reads().ClosePages();
  f.Run();
  if (!at_once) {
    CHECK_FALSE(f.See(group).record.was_settled());
    CHECK(f.CallbacksMade().empty());
    CHECK(f.CodeOf(f.DoGroup(GroupCancel{group})) == Code::kOk);
  }
  f.reads().OpenPages();
  f.Run();
  if (in_flight) CHECK(f.EndFirst(Verdict::kFailure) == member);
  f.Pass(100);
  CHECK(f.StateOf(member) == State::kCancelled);
  CHECK(f.Get(member).record->state.reason == "cancelled");
  CHECK(f.See(group).record.was_settled());
  CHECK(f.CallbacksMade().size() == 1);
  CHECK(f.image().totals.records[RecordKind::kAgenda] == 0);
  CHECK(f.Balances());
}

}  // namespace notifyd
