// The core without any I/O: lanes that are paused until some time. One behaviour a case.
#include "broker/core_fixture.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

using Fields = CoreFixture::Fields;

LanePatch Until(WallTime time) {
  LanePatch patch;
  patch.paused_until.emplace(time);
  return patch;
}

TEST_CASE("pause until: the lane goes on by itself then, in order, with its attempted head, over a restart too") {
  for (bool restart : {false, true}) {
    CoreFixture f;
    NotifyId head = f.Submit(Fifo()).id, next = f.Submit(Fifo()).id;
    f.EndFirst(Verdict::kFailure);
    const WallTime until{f.now.wall.ms + 60'000};
    CHECK(f.SetLane(kFifoLane, Until(until)).paused_until == until);
    CHECK(f.LaneOf(kFifoLane).limits.paused == Paused::kByRequest);
    if (restart) f.Restart();
    f.Pass(59'000);
    CHECK(f.starts.empty());
    CHECK(f.LaneOf(kFifoLane).paused_until == until);
    f.Pass(1'000);
    REQUIRE(f.starts.size() == 1);
    CHECK(f.starts[0].id == head);
    CHECK(f.LaneOf(kFifoLane).limits.paused == Paused::kNo);
    CHECK(f.LaneOf(kFifoLane).paused_until == kWallNever);
    f.EndFirst(Verdict::kSuccess);
    CHECK(f.EndFirst(Verdict::kSuccess) == next);
    CHECK(f.Stats().totals.lane_settings == 0);
    CHECK(f.Balances());
  }
}

TEST_CASE("pause until: a time that is over resumes, and what is said later counts") {
  CoreFixture f;
  f.Submit(Fields());
  f.EndFirst(Verdict::kSuccess);
  f.Pause(kLane);
  f.Submit(Fields());
  CHECK(f.SetLane(kLane, Until(f.now.wall)).limits.paused == Paused::kNo);
  CHECK(f.starts.size() == 1);
  f.EndFirst(Verdict::kSuccess);

  // For good, by `paused` alone and by taking the time away.
  LanePatch none;
  none.paused_until.emplace();
  LanePatch paused;
  paused.paused = true;
  for (const LanePatch& patch : {none, paused}) {
    f.SetLane(kLane, Until({f.now.wall.ms + 1'000}));
    CHECK(f.SetLane(kLane, patch).paused_until == kWallNever);
    f.Submit(Fields());
    f.Pass(5'000);
    CHECK(f.starts.empty());
    f.Resume(kLane);
    f.EndFirst(Verdict::kSuccess);
  }
  // A resume by hand, a longer and a shorter pause.
  f.SetLane(kLane, Until({f.now.wall.ms + 1'000}));
  CHECK(f.Resume(kLane).paused_until == kWallNever);
  f.SetLane(kLane, Until({f.now.wall.ms + 1'000}));
  f.SetLane(kLane, Until({f.now.wall.ms + 9'000}));
  f.Submit(Fields());
  f.Pass(5'000);
  CHECK(f.starts.empty());
  f.SetLane(kLane, Until({f.now.wall.ms + 1'000}));
  f.Pass(1'000);
  CHECK(f.starts.size() == 1);
}

TEST_CASE("pause: who paused a lane, since when and why stays with it until it goes on, over a restart too") {
  CoreFixture f;
  NotifyId waiting;
  const auto ask = [&f](const LaneKey& lane, std::optional<bool> paused, std::optional<std::string> reason, std::string by) {
    LaneChangeRequest r;
    r.lane = lane;
    r.patch.paused = paused;
    r.patch.reason = std::move(reason);
    r.by = std::move(by);
    return std::get<LaneViewed>(f.Do(std::move(r)).body).lane.own.pause;
  };
  const WallTime since = f.now.wall;
  REQUIRE(ask(kLane, true, "deployment", "token a").note);
  waiting = f.Submit(Fields()).id;
  f.Pass(1'000);
  f.Restart();
  CHECK(*f.LaneOf(kLane).own.pause.note == PauseNote{since, "token a", "deployment", {}});
  const std::string said = f.Explain(waiting).reasons.at(0).detail;
  CHECK(said == "its lane is paused, since " + FormatRfc3339(since) + ", by token a: deployment");

  // Once more says nothing new, unless it has a reason; since when stays.
  CHECK(*ask(kLane, true, std::nullopt, "token b").note == PauseNote{since, "token a", "deployment", {}});
  CHECK(*ask(kLane, true, "not yet", "token b").note == PauseNote{since, "token b", "not yet", {}});
  // A time alone takes away neither the reason nor who gave it.
  LaneChangeRequest later;
  later.lane = kLane;
  later.patch = Until({f.now.wall.ms + 60'000});
  later.by = "token c";
  CHECK(*std::get<LaneViewed>(f.Do(std::move(later)).body).lane.own.pause.note == PauseNote{since, "token b", "not yet", {}});
  CHECK_FALSE(ask(kLane, false, std::nullopt, "token b").note);
  CHECK(f.Stats().totals.lane_settings == 0);
  CHECK(ask(kLane, true, std::nullopt, "").note->reason.empty());
}

TEST_CASE("pause: a lane that paused itself says at which notify, and a pause until some time ends with its reason") {
  CoreFixture f;
  LanePatch patch;
  patch.on_failure.emplace(OnFailure::kPause);
  f.SetLane(kFifoLane, patch);
  Fields once = Fifo();
  once.retry = Waits({1000}, 1);
  const NotifyId failed = f.Submit(once).id, behind = f.Submit(Fifo()).id;
  f.EndFirst(Verdict::kFailure);
  CHECK(*f.LaneOf(kFifoLane).own.pause.note == PauseNote{f.now.wall, {}, {}, failed});
  // It may have expired, too.
  CHECK(f.Explain(behind).reasons.at(0).detail ==
        "its lane paused itself at " + FormatRfc3339(f.now.wall) + " when " + failed.ToString() + " ended without success");

  LanePatch until = Until({f.now.wall.ms + 1'000});
  until.reason = "wait";
  CHECK(*f.SetLane(kLane, until).own.pause.note == PauseNote{f.now.wall, {}, "wait", {}});
  f.Submit(Fields());
  CHECK(f.LaneOf(kLane).own.pause.note);
  f.Pass(1'000);
  CHECK_FALSE(f.LaneOf(kLane).own.pause.note);
  CHECK(f.starts.size() == 1);
}

TEST_CASE("pause until: a lane whose head fails meanwhile, and that pauses itself then, stays paused until somebody resumes it, over a restart too") {
  for (bool restart : {false, true}) {
    for (Verdict verdict : {Verdict::kFailure, Verdict::kSuccess}) {
      CoreFixture f;
      LanePatch patch;
      patch.on_failure.emplace(OnFailure::kPause);
      f.SetLane(kFifoLane, patch);
      Fields once = Fifo();
      once.retry = Waits({1000}, 1);
      const NotifyId head = f.Submit(once).id, behind = f.Submit(Fifo()).id;
      REQUIRE(f.starts.size() == 1);
      const WallTime until{f.now.wall.ms + 60'000};
      f.SetLane(kFifoLane, Until(until));
      f.EndFirst(verdict);
      if (restart) f.Restart();
      if (verdict == Verdict::kFailure) {
        CHECK(f.LaneOf(kFifoLane).limits.paused == Paused::kByFailure);
        CHECK(f.LaneOf(kFifoLane).paused_until == kWallNever);
        CHECK(f.LaneOf(kFifoLane).own.pause.note->failed == head);
        f.Pass(61'000);
        CHECK(f.starts.empty());
        f.Resume(kFifoLane);
      } else {
        CHECK(f.LaneOf(kFifoLane).paused_until == until);
        f.Pass(61'000);
      }
      CHECK(f.EndFirst(Verdict::kSuccess) == behind);
    }
  }
}

TEST_CASE("pause until: explain says when, and 1,000 lanes may be paused so at a time") {
  CoreFixture f;
  const WallTime until{f.now.wall.ms + 60'000};
  f.SetLane(kFifoLane, Until(until));
  const NotifyId id = f.Submit(Fifo()).id;
  const Explained why = f.Explain(id);
  REQUIRE(why.reasons.size() >= 1);
  CHECK(std::string(why.reasons[0].code) == "lane_paused");
  CHECK(why.reasons[0].detail == "its lane is paused until " + FormatRfc3339(until) + ", since " + FormatRfc3339(f.now.wall));
  CHECK(why.expected_at == until);
  for (size_t i = 1; i < kMostSwitched; ++i) f.SetLane({Mode::kConcurrent, "l" + std::to_string(i)}, Until(until));
  LaneChangeRequest more;
  more.lane = {Mode::kConcurrent, "more"};
  more.patch = Until(until);
  CHECK(std::get<Refused>(f.Do(std::move(more)).body).status.code() == Code::kConflict);
  f.Pass(60'000);
  CHECK(f.starts.size() == 1);
  CHECK(f.Stats().totals.lane_settings == 0);
}

}  // namespace
}  // namespace notifyd
