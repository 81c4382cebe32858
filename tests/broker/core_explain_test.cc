// The core without any I/O: explain. One behaviour a case.
#include "broker/core_fixture.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

using Fields = CoreFixture::Fields;

using Codes = std::vector<std::string>;

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

TEST_CASE("explain: what expires before it could be sent is not expected, and says so") {
  CoreFixture f;
  Fields later;
  later.when = Delay(3'600'000);
  later.ttl = Delay(5'000);
  Fields held = later;
  held.fkey = "k";
  Fields retried = Fifo();
  retried.ttl = Delay(5'000);
  const std::string at = FormatRfc3339({f.now.wall.ms + 5'000});
  const NotifyId due = f.Submit(later).id, holds = f.Submit(held).id, fails = f.Submit(retried).id;
  f.EndFirst(Verdict::kFailure);
  for (const auto& [id, code] : {std::pair(due, "not_due"), {holds, "held"}, {fails, "waiting_to_retry"}}) {
    CHECK(f.Why(id) == Codes{"expires", code});
    CHECK_FALSE(f.Explain(id).expected_at);
    CHECK_THAT(f.Explain(id).reasons[0].detail, Catch::Contains(at));
  }
  // And behind a head that is attempted again by then; not where it is sent before.
  const NotifyId behind = f.Submit(retried).id;
  CHECK(f.Why(behind) == Codes{"expires", "blocked_by_head", "behind"});
  Fields soon = later;
  soon.when = Delay(4'999);
  CHECK(f.Why(f.Submit(soon).id) == Codes{"not_due"});
}

TEST_CASE("explain: one behind others depends on them, and is not expected now") {
  CoreFixture f;
  const NotifyId head = f.Submit(Fifo()).id, next = f.Submit(Fifo()).id;
  CHECK(f.Why(next) == Codes{"behind"});
  CHECK_FALSE(f.Explain(next).expected_at);
  f.ById<CancelRequest>(head);
  f.EndFirst(Verdict::kSuccess);

  // Nor behind a head that cannot go, of which it says why.
  const bool host = GENERATE(true, false);
  if (host) {
    HostChangeRequest pause;
    pause.host = "other:80";
    pause.patch.paused = true;
    f.Do(std::move(pause));
  } else {
    CallerChangeRequest pause;
    pause.caller = "other";
    pause.patch.paused = true;
    f.Do(std::move(pause));
  }
  Fields shut;
  shut.lane = "mixed";
  shut.host = "other:80";
  shut.caller = "other";
  Fields open = shut;
  open.host = "host:80";
  open.caller = "unknown";
  f.Submit(shut);
  const NotifyId waits = f.Submit(open).id;
  CHECK(f.Why(waits) == Codes{"behind"});
  CHECK_FALSE(f.Explain(waits).expected_at);
  CHECK_THAT(f.Explain(waits).reasons[0].detail, Catch::EndsWith(host ? "(its host, other:80, is paused)" : "(its caller, other, is paused)"));
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

TEST_CASE("explain: an attempted head in its lane's tail is counted once") {
  CoreFixture f;
  f.Submit(Fifo());
  NotifyId next = f.Submit(Fifo()).id;
  f.EndFirst(Verdict::kFailure);
  f.Pause(kFifoLane);
  f.Pass(6'000);
  Explained why = f.Explain(next);
  REQUIRE(why.reasons.size() == 2);
  CHECK(why.reasons[1].detail.find("behind 1 other ") != std::string::npos);
}

TEST_CASE("explain: a call in flight that came from the tail is counted once") {
  CoreFixture f;
  f.Pause(kFifoLane);
  for (int i = 0; i < 3; ++i) f.Submit(Fifo());
  NotifyId last = f.Submit(Fifo()).id;
  f.Resume(kFifoLane);
  REQUIRE(f.starts.size() == 1);
  Explained why = f.Explain(last);
  REQUIRE(why.reasons.size() == 1);
  CHECK(why.reasons[0].detail.find("behind 3 others") != std::string::npos);
}

}  // namespace
}  // namespace notifyd
