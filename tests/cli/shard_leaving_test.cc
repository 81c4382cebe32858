// What becomes of a namespace of a shard, and of whoever waits for it, while it stands still, leaves, cannot be opened, or all of them stop.
#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "cli/daemon/shard.h"
#include "cli/shard_stage.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

constexpr NamespaceNumber kOne = 7;

CoreFixture::Fields Later() {
  CoreFixture::Fields later;
  later.when = {When::Kind::kDelay, 3'600'000};
  return later;
}

/// It was awake, and stands still now.
void AwaitStandsStill(ShardStage* stage) {
  REQUIRE(stage->Accepted(stage->Submit(kOne, Later())) == NotifyId::Of(kOne, 1));
  std::atomic<bool> stood = false;
  stage->loop.Post([&] { stage->shard->StandStill(kOne, [&] { stood = true; }); });
  stage->Await([&] { return stood.load(); });
}

std::string RefusedDetail(ShardStage* stage, uint64_t token) {
  const Reply reply = stage->Answer(token);
  const auto* refused = std::get_if<Refused>(&reply.body);
  return refused ? refused->status.detail() : std::string();
}

}  // namespace

TEST_CASE("shard: whoever waits for a namespace that stands still for too long is told so, though nothing else happens") {
  ShardStage stage;
  stage.PutRow("team", kOne);
  stage.Run();
  AwaitStandsStill(&stage);
  CHECK(RefusedDetail(&stage, stage.Submit(kOne, Later())) == "the namespace is being moved to another cell");
}

TEST_CASE("shard: whoever waits for a namespace that stands still is told of a stop before that is over") {
  ShardStage stage;
  stage.PutRow("team", kOne);
  stage.Run();
  AwaitStandsStill(&stage);
  const uint64_t waits = stage.Submit(kOne, Later());
  // In the turn that the outer call is of it is put aside, the inner one comes behind that.
  std::atomic<bool> aside = false;
  stage.loop.Post([&] { stage.loop.Post([&] { aside = true; }); });
  stage.Await([&] { return aside.load(); });
  stage.loop.Post([&] { stage.shard->Stop(); });
  stage.Await([&] { return stage.drained; });
  {
    std::lock_guard<std::mutex> lock(stage.mutex);
    REQUIRE(stage.replies.contains(waits));
  }
  CHECK(RefusedDetail(&stage, waits) == "the broker is stopping");
  CHECK(RefusedDetail(&stage, stage.Submit(kOne, Later())) == "the broker is stopping");
}

TEST_CASE("shard: a namespace that is to leave and to stand still, whichever comes first, tells both once it is let go of") {
  ShardStage stage;
  stage.PutRow("team", kOne);
  stage.Run();
  REQUIRE(stage.Accepted(stage.Submit(kOne)) == NotifyId::Of(kOne, 1));
  stage.Await([&] { return stage.starts.size() == 1; });
  const bool leaves_first = GENERATE(true, false);
  std::atomic<int> told = 0;
  stage.loop.Post([&] {
    if (leaves_first) stage.shard->Leave(kOne, [&] { told += 1; });
    stage.shard->StandStill(kOne, [&] { told += 10; });
    if (!leaves_first) stage.shard->Leave(kOne, [&] { told += 1; });
  });
  stage.End(stage.starts.at(0));
  stage.Await([&] { return told == 11; });
  CHECK(stage.shared.Open().empty());
}

TEST_CASE("shard: of a namespace that has left it is told that it is gone, of one that stands still it is not") {
  ShardStage stage;
  stage.PutRow("team", kOne);
  stage.PutRow("other", kOne + 1);
  stage.Run();
  AwaitStandsStill(&stage);
  REQUIRE(stage.Accepted(stage.Submit(kOne + 1, Later())) == NotifyId::Of(kOne + 1, 1));
  std::atomic<bool> left = false;
  stage.loop.Post([&] { stage.shard->Leave(kOne + 1, [&] { left = true; }); });
  stage.Await([&] { return left.load(); });
  std::lock_guard<std::mutex> lock(stage.mutex);
  CHECK(stage.gone == std::vector<NamespaceNumber>{kOne + 1});
}

TEST_CASE("shard: a hold waits for no namespace that cannot be opened, though one was being opened as it came") {
  ShardStage stage;
  NamespaceSettings in_cell;
  in_cell.cell = "east";
  stage.PutRow("team", kOne, in_cell);
  stage.shared.fails = true;
  // It is tried again soon, or after a minute.
  stage.shared.fails_as = GENERATE(Code::kUnavailable, Code::kCorrupt);
  stage.shared.holds_openings = true;
  stage.Run();
  const uint64_t waits = stage.Submit(kOne);
  stage.Await([&] { return stage.shared.begun.load(); });
  const bool leaves = GENERATE(false, true);
  std::atomic<bool> left = false;
  stage.loop.Post([&] {
    if (leaves) stage.shard->Leave(kOne, [&] { left = true; });
    stage.shard->Hold();
    stage.shared.holds_openings = false;
  });
  CHECK(stage.RefusedCode(waits) == Code::kUnavailable);
  stage.Await([&] { return stage.quiet && left == leaves; });
  CHECK(stage.fatal.empty());
}

TEST_CASE("shard: the default namespace that cannot be opened yet as all stops is gone then, and is not looked for any more") {
  ShardStage stage;
  stage.shared.fails = true;
  stage.shared.fails_as = Code::kUnavailable;
  const bool meanwhile = GENERATE(false, true);
  stage.shared.holds_openings = meanwhile;
  stage.Run();
  // As of several brokers whoever is to serve it from now on.
  stage.loop.Post([&] { stage.shard->Gain(std::vector<NamespaceAtStart>(1)); });
  const uint64_t before = stage.Submit(kDefaultNumber);
  if (meanwhile) stage.Await([&] { return stage.shared.begun.load(); });
  else CHECK(stage.RefusedCode(before) == Code::kUnavailable);
  stage.loop.Post([&] {
    stage.shard->Stop();
    stage.shared.holds_openings = false;
  });
  stage.Await([&] { return stage.drained; });
  CHECK(stage.RefusedCode(before) == Code::kUnavailable);
  CHECK(RefusedDetail(&stage, stage.Submit(kDefaultNumber)) == "the broker is stopping");
  // Past the moment at which it would have been tried again.
  std::this_thread::sleep_for(std::chrono::milliseconds(1'500));
  CHECK(RefusedDetail(&stage, stage.Submit(kDefaultNumber)) == "the broker is stopping");
  CHECK(stage.shared.Opened().empty());
}

TEST_CASE("shard: the default namespace that it is given once more while it is being opened is opened once, and serves") {
  ShardStage stage;
  stage.shared.holds_openings = true;
  stage.Run();
  stage.loop.Post([&] {
    for (int times = 0; times < 2; ++times) stage.shard->Gain(std::vector<NamespaceAtStart>(1));
    stage.shared.holds_openings = false;
  });
  CHECK(stage.Accepted(stage.Submit(kDefaultNumber)).value != 0);
  CHECK(stage.shared.Opened() == std::map<NamespaceNumber, int>{{kDefaultNumber, 1}});
}

}  // namespace notifyd::test
