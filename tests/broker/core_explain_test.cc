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
