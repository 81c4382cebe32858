// Lanes that are paused with a subscription, and by somebody else or by themselves, too: what goes on with the subscription, and what does not. One
// behaviour a case.
#include "broker/topics_fixture.h"

namespace notifyd {
namespace {

using Codes = std::vector<std::string>;

const LaneKey kShared{Mode::kConcurrent, "shared"};

/// A lane that subscription "one" goes into.
struct Rig : Topics {
  void Say(bool paused, const std::string& name = "one") { Subscribe(name, {.lane = "shared", .paused = paused}); }
  LaneView ByHand(std::optional<bool> paused, std::optional<std::string> reason = {}, std::optional<WallTime> until = {}) {
    LaneChangeRequest r;
    r.lane = kShared;
    r.patch.paused = paused;
    r.patch.reason = std::move(reason);
    if (until) r.patch.paused_until.emplace(*until);
    r.by = "token a";
    return std::get<LaneViewed>(Do(std::move(r)).body).lane;
  }
  NotifyId Waiting() { return Event(Emit(Item("a.b", "{}")).id).notifies.at(0).id; }
};

}  // namespace

TEST_CASE("subscription: a lane that somebody paused stays so once a subscription to it goes on, or is gone; over a restart too") {
  const bool before = GENERATE(true, false), restart = GENERATE(true, false), gone = GENERATE(true, false);
  Rig f;
  if (before) f.ByHand(true, "bank holiday");
  f.Say(true);
  if (!before) f.ByHand(true, "bank holiday");
  const NotifyId id = f.Waiting();
  if (restart) f.Restart();
  CHECK(f.Why(id) == Codes{"subscription_paused", "lane_paused"});
  CHECK_THAT(f.Explain(id).reasons.at(1).detail, Catch::EndsWith("by token a: bank holiday"));
  if (gone) f.Tell({SubscriptionDelete{"one", false, {}}});
  else f.Say(false);
  f.Pass(10);
  CHECK(f.starts.empty());
  CHECK(f.Why(id) == Codes{"lane_paused"});
  CHECK(f.LaneOf(kShared).own.pause.note->reason == "bank holiday");
  f.Resume(kShared);
  CHECK(f.starts.size() == 1);
}

TEST_CASE("subscription: who pauses a lane that is paused with one says so without a reason, too") {
  Rig f;
  f.Say(true);
  CHECK(*f.ByHand(true).own.pause.note == PauseNote{f.now.wall, "token a", "", {}});
  f.Waiting();
  f.Say(false);
  CHECK(f.starts.empty());
}

TEST_CASE("subscription: a lane that paused itself stays so once the subscription goes on, also where it was paused with that when it did") {
  const bool before = GENERATE(true, false);
  Rig f;
  const LaneKey lane{Mode::kFifo, "shared"};
  LanePatch patch;
  patch.on_failure.emplace(OnFailure::kPause);
  f.SetLane(lane, patch);
  CoreFixture::Fields once = Fifo();
  once.lane = lane.name;
  once.retry = Waits({1000}, 1);
  const NotifyId failed = f.Submit(once).id;
  const NotifyId behind = f.Submit(once).id;
  SubscriptionPut put = Topics::PutOf("one", {.lane = lane.name, .paused = true});
  auto said = std::make_shared<Subscription>(*put.said);
  auto envelope = std::make_shared<Envelope>(*said->envelope);
  envelope->lane = lane;
  said->envelope = envelope;
  put.said = said;
  if (!before) f.Tell({put});
  CHECK(f.EndFirst(Verdict::kFailure) == failed);
  if (before) f.Tell({put});
  f.Restart();
  CHECK(f.Why(behind).at(0) == "lane_paused");
  f.Tell({SubscriptionDelete{"one", false, {}}});
  f.Pass(10);
  CHECK(f.starts.empty());
  CHECK(f.LaneOf(lane).limits.paused == Paused::kByFailure);
  CHECK(f.LaneOf(lane).own.pause.note->failed == failed);
  f.Resume(lane);
  CHECK(f.starts.size() == 1);
}

TEST_CASE("subscription: a lane that is paused until some time goes on then, or with the subscription, whichever is later") {
  const bool subscription_first = GENERATE(true, false), restart = GENERATE(true, false);
  Rig f;
  const WallTime until{f.now.wall.ms + 60'000};
  f.ByHand(std::nullopt, "deployment", until);
  f.Say(true);
  CHECK(f.LaneOf(kShared).paused_until == until);
  const NotifyId id = f.Waiting();
  CHECK_FALSE(f.Explain(id).expected_at);
  if (subscription_first) {
    f.Say(false);
    CHECK(f.Explain(id).expected_at == until);
    if (restart) f.Restart();
    f.Pass(59'999);
    CHECK(f.starts.empty());
    f.Pass(1);
  } else {
    if (restart) f.Restart();
    f.Pass(60'000);
    CHECK(f.starts.empty());
    CHECK(f.LaneOf(kShared).paused_until == kWallNever);
    CHECK(f.Why(id) == Codes{"subscription_paused"});
    f.Say(false);
  }
  CHECK(f.starts.size() == 1);
  CHECK(f.Stats().totals.lane_settings == 0);
}

TEST_CASE("subscription: a lane that several of them paused goes on with the last of them") {
  Rig f;
  f.Say(true);
  f.Say(true, "two");
  // By these words it is known also in stores of before.
  CHECK(f.LaneOf(kShared).own.pause.note->reason == "the subscription one was paused");
  f.Waiting();
  f.Say(false);
  f.Pass(10);
  CHECK(f.starts.empty());
  f.Restart();
  f.Say(false, "two");
  CHECK(f.starts.size() == 2);
}

}  // namespace notifyd
