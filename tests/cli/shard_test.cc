#include "cli/daemon/shard.h"

#include <algorithm>
#include <vector>

#include "cli/shard_stage.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

constexpr NamespaceNumber kTeam = 7, kOther = 9;
/// One that falls asleep as soon as it has nothing to do.
constexpr Shard::Rest kAtOnce{.after_ms = 16, .most_awake = 512, .shortest_ms = 0};

NamespaceSettings MostPending(uint64_t count) {
  NamespaceSettings settings;
  settings.max_pending = count;
  return settings;
}

}  // namespace

TEST_CASE("shard: several namespaces run side by side, each with ids and books of its own") {
  ShardStage stage;
  stage.PutRow("team", kTeam);
  stage.PutRow("other", kOther);
  REQUIRE(stage.shard->OpenForGood(kDefaultNumber).ok());
  stage.Run();
  const NotifyId a = stage.Accepted(stage.Submit(kDefaultNumber));
  const NotifyId b = stage.Accepted(stage.Submit(kTeam));
  const NotifyId c = stage.Accepted(stage.Submit(kOther));
  CHECK(a == NotifyId::Of(kDefaultNumber, 1));
  CHECK(b == NotifyId::Of(kTeam, 1));
  CHECK(c == NotifyId::Of(kOther, 1));
  stage.Await([&] { return stage.starts.size() == 3; });
  for (const StartAttempt& start : stage.starts) stage.End(start);
  stage.Await([&] { return stage.logs["default"] == 1 && stage.logs["team"] == 1 && stage.logs["other"] == 1; });
  stage.Await([&] { return stage.board.Figures(kTeam).totals.succeeded == 1; });
  stage.Await([&] { return stage.board.Sum().totals.accepted == 3; });
  CHECK(stage.shard->ready());
}

TEST_CASE("shard: what is asked of a namespace that is not there, or is being removed, is refused") {
  ShardStage stage;
  stage.PutRow("team", kTeam, {}, /*deleting=*/true);
  stage.Run();
  CHECK(stage.RefusedCode(stage.Submit(kOther)) == Code::kNotFound);
  CHECK(stage.RefusedCode(stage.Submit(kTeam)) == Code::kNotFound);
  CHECK(stage.shared.Opened().empty());
}

TEST_CASE("shard: what comes while a namespace is opened reaches it in order") {
  ShardStage stage;
  stage.PutRow("team", kTeam);
  std::vector<uint64_t> tokens;
  for (int i = 0; i < 50; ++i) tokens.push_back(stage.Submit(kTeam));
  stage.Run();
  for (int i = 0; i < 500; ++i) tokens.push_back(stage.Submit(kTeam));
  for (size_t i = 0; i < tokens.size(); ++i) CHECK(stage.Accepted(tokens[i]) == NotifyId::Of(kTeam, i + 1));
  CHECK(stage.shared.Opened()[kTeam] == 1);
}

TEST_CASE("shard: who has nothing to do falls asleep, and is woken by what comes") {
  ShardStage stage(kAtOnce);
  stage.PutRow("team", kTeam);
  REQUIRE(stage.shard->OpenForGood(kDefaultNumber).ok());
  stage.Run();
  for (uint64_t round = 1; round <= 3; ++round) {
    CHECK(stage.Accepted(stage.Submit(kTeam)) == NotifyId::Of(kTeam, round));
    stage.Await([&] { return stage.starts.size() == round; });
    stage.End(stage.starts.back());
    stage.Await([&] { return !stage.board.Figures(kTeam).awake && stage.board.Figures(kTeam).totals.succeeded == round; });
    CHECK(stage.shared.Open() == std::vector<NamespaceNumber>{kDefaultNumber});
    CHECK(stage.shard->awake() == 1);
    CHECK(stage.shared.Asleep().at(kTeam) == kWallNever);
    CHECK(stage.board.Figures(kTeam).totals.accepted == round);
  }
  CHECK(stage.shared.Opened()[kTeam] == 3);
  CHECK(stage.shared.Opened()[kDefaultNumber] == 1);
}

TEST_CASE("shard: who is only looked at for alerts falls asleep all the same, and is woken by that where it has to be") {
  ShardStage stage(kAtOnce);
  stage.PutRow("team", kTeam);
  stage.Run();
  CHECK(stage.Accepted(stage.Submit(kTeam)) == NotifyId::Of(kTeam, 1));
  stage.Await([&] { return stage.starts.size() == 1; });
  stage.End(stage.starts.back());
  const auto look = [&stage](uint64_t token) {
    LanesRequest ask;
    ask.request = {kObserverThread, token};
    stage.shard->Post(kTeam, std::move(ask));
  };
  // More often than it would have to rest for.
  uint64_t token = 0;
  stage.Await([&] {
    if (!stage.board.Figures(kTeam).awake) return true;
    look(++token);
    return false;
  });
  const int opened = stage.shared.Opened()[kTeam];
  look(++token);
  stage.Await([&] { return stage.shared.Opened()[kTeam] > opened; });
  stage.Await([&] { return !stage.board.Figures(kTeam).awake; });
}

TEST_CASE("shard: who sleeps is woken when something of it is due") {
  ShardStage stage(kAtOnce, [] {
    CoreLimits limits;
    limits.lookahead_ms = 100;
    return limits;
  }());
  stage.PutRow("team", kTeam);
  stage.Run();
  CoreFixture::Fields later;
  later.when = {When::Kind::kDelay, 1500};
  stage.Accepted(stage.Submit(kTeam, later));
  stage.Await([&] { return stage.shared.Asleep().contains(kTeam); });
  CHECK(stage.shared.Asleep().at(kTeam) != kWallNever);
  CHECK(stage.starts.empty());
  stage.Await([&] { return stage.starts.size() == 1; });
  CHECK(stage.starts[0].id == NotifyId::Of(kTeam, 1));
  CHECK(stage.starts[0].number == 1);
}

TEST_CASE("shard: a start wakes those that were awake or are due") {
  ShardStage stage;
  stage.PutRow("team", kTeam);
  stage.PutRow("other", kOther);
  stage.shard->BeginAwake(kTeam);
  stage.shard->BeginAsleep(kOther, WallTime{1});
  stage.shard->BeginAsleep(11, kWallNever);
  stage.shard->BeginAwake(13);  // its row went with a removal
  stage.Run();
  // Since there is nothing to do they go to sleep again.
  stage.Await([&] { return stage.shared.Asleep().size() == 2; });
  CHECK(stage.shared.Asleep().contains(kTeam));
  CHECK(stage.shared.Asleep().contains(kOther));
  CHECK(stage.shared.Opened().size() == 2);
}

TEST_CASE("shard: who was awake at a kill, and has something to do later only, sleeps again as soon as that is known") {
  FakeDisk disk;
  {
    ShardStage stage;
    stage.PutRow("team", kTeam);
    stage.Run();
    CoreFixture::Fields later;
    later.when = {When::Kind::kDelay, 3'600'000};
    stage.Accepted(stage.Submit(kTeam, later));
    disk = stage.Kill();
  }
  ShardStage stage({}, {}, std::move(disk));
  stage.PutRow("team", kTeam);
  stage.shard->BeginAwake(kTeam);
  stage.Run();
  stage.Await([&] { return stage.shared.Asleep().contains(kTeam); });
  CHECK(stage.shared.Asleep().at(kTeam) != kWallNever);
}

TEST_CASE("shard: holds and stops once all of its namespaces do") {
  ShardStage stage;
  stage.PutRow("team", kTeam);
  stage.PutRow("other", kOther);
  REQUIRE(stage.shard->OpenForGood(kDefaultNumber).ok());
  stage.Run();
  stage.Accepted(stage.Submit(kDefaultNumber));
  stage.Accepted(stage.Submit(kTeam));
  stage.Await([&] { return stage.starts.size() == 2; });
  stage.loop.Post([&] { stage.shard->Hold(); });
  stage.End(stage.starts[0]);
  // All else is served on, and one that is woken now holds, too.
  CHECK(stage.Accepted(stage.Submit(kOther)) == NotifyId::Of(kOther, 1));
  CHECK_FALSE(stage.quiet);
  stage.End(stage.starts[1]);
  stage.Await([&] { return stage.quiet; });
  CHECK(stage.starts.size() == 2);
  stage.loop.Post([&] { stage.shard->Stop(); });
  stage.Await([&] { return stage.drained; });
  CHECK(stage.RefusedCode(stage.Submit(kTeam)) == Code::kUnavailable);
  CHECK(stage.RefusedCode(stage.Submit(11)) == Code::kUnavailable);
}

TEST_CASE("shard: one without any namespace holds and stops at once") {
  ShardStage stage;
  stage.Run();
  stage.loop.Post([&] { stage.shard->Hold(); });
  stage.Await([&] { return stage.quiet; });
  stage.loop.Post([&] { stage.shard->Stop(); });
  stage.Await([&] { return stage.drained; });
}

TEST_CASE("shard: a namespace that is removed says how many are pending, then lets go of the store before it is reported") {
  ShardStage stage;
  stage.PutRow("team", kTeam);
  stage.Run();
  CoreFixture::Fields held;
  held.when = {When::Kind::kDelay, 3'600'000};
  stage.Accepted(stage.Submit(kTeam, held));
  stage.shard->Post(kTeam, CloseIfEmpty{});
  stage.Await([&] { return stage.reports.size() == 1; });
  CHECK(std::get<NamespaceClosed>(stage.reports[0]).number == kTeam);
  CHECK(std::get<NamespaceClosed>(stage.reports[0]).left.pending == 1);
  stage.Accepted(stage.Submit(kTeam, held));

  stage.PutRow("team", kTeam, {}, /*deleting=*/true);
  stage.shard->Post(kTeam, Drain{});
  stage.Await([&] { return stage.reports.size() == 2; });
  const auto& drained = std::get<NamespaceDrained>(stage.reports[1]);
  CHECK(drained.number == kTeam);
  CHECK(drained.totals.accepted == 2);
  CHECK(drained.totals.cancelled == 2);
  CHECK(stage.open_at_report.empty());
  CHECK(stage.RefusedCode(stage.Submit(kTeam)) == Code::kNotFound);
}

TEST_CASE("shard: a namespace that sleeps is woken to be removed, over a restart too") {
  ShardStage stage;
  stage.PutRow("team", kTeam, {}, /*deleting=*/true);
  stage.shard->Post(kTeam, Drain{});
  stage.Run();
  stage.Await([&] { return stage.reports.size() == 1; });
  CHECK(std::holds_alternative<NamespaceDrained>(stage.reports[0]));
}

TEST_CASE("shard: what a namespace says of itself holds for its core, and is changed while it runs") {
  ShardStage stage;
  stage.PutRow("team", kTeam, MostPending(1));
  stage.PutRow("other", kOther);
  stage.Run();
  CoreFixture::Fields held;
  held.when = {When::Kind::kDelay, 3'600'000};
  stage.Accepted(stage.Submit(kTeam, held));
  CHECK(stage.RefusedCode(stage.Submit(kTeam, held)) == Code::kTooMany);
  for (int i = 0; i < 2; ++i) CHECK(stage.Accepted(stage.Submit(kOther, held)) != NotifyId{});
  stage.PutRow("team", kTeam, MostPending(2));
  // The table is told to the shard before what is asked next.
  bool told = false;
  stage.loop.Post([&] {
    std::lock_guard<std::mutex> lock(stage.mutex);
    told = true;
  });
  stage.Await([&] { return told; });
  CHECK(stage.Accepted(stage.Submit(kTeam, held)) != NotifyId{});
  CHECK(stage.RefusedCode(stage.Submit(kTeam, held)) == Code::kTooMany);
}

TEST_CASE("shard: what a namespace may store counts what lies there from before it slept, and from before a start") {
  NamespaceSettings settings;
  settings.max_stored_bytes = 100'000;
  CoreFixture::Fields large;
  large.data = R"({"a":")" + std::string(20'000, 'x') + R"("})";
  large.when = {When::Kind::kDelay, 3'600'000};
  FakeDisk disk;
  {
    ShardStage stage(kAtOnce);
    stage.PutRow("team", kTeam, settings);
    stage.Run();
    size_t accepted = 0;
    while (stage.Accepted(stage.Submit(kTeam, large)) != NotifyId{}) ++accepted;
    CHECK(accepted == 4);
    for (int round = 0; round < 2; ++round) {
      stage.Await([&] { return !stage.board.Figures(kTeam).awake; });
      const int opened = stage.shared.Opened()[kTeam];
      CHECK(stage.RefusedCode(stage.Submit(kTeam, large)) == Code::kDiskFull);
      CHECK(stage.shared.Opened()[kTeam] > opened);
      CHECK(stage.board.Figures(kTeam).stored_bytes > 80'000);
    }
    disk = stage.Kill();
  }
  ShardStage stage(kAtOnce, {}, std::move(disk));
  stage.PutRow("team", kTeam, settings);
  stage.Run();
  CHECK(stage.RefusedCode(stage.Submit(kTeam, large)) == Code::kDiskFull);
}

TEST_CASE("shard: what a namespace stores is shown as its submits are judged by it, measured since or not") {
  NamespaceSettings settings;
  settings.max_stored_bytes = 100'000;
  CoreFixture::Fields large;
  large.data = R"({"a":")" + std::string(20'000, 'x') + R"("})";
  large.when = {When::Kind::kDelay, 3'600'000};
  ShardStage stage(GENERATE(Shard::Rest{}, kAtOnce));
  stage.shared.Measures(0);
  stage.PutRow("team", kTeam, settings);
  stage.Run();
  while (stage.Accepted(stage.Submit(kTeam, large)) != NotifyId{}) {
  }
  stage.Await([&] { return stage.board.Figures(kTeam).stored_bytes > 80'000; });
}

TEST_CASE("shard: a namespace that stores too much is compacted once, not as often as it is tried, and again where something was purged") {
  NamespaceSettings settings;
  settings.max_stored_bytes = 100'000;
  ShardStage stage({}, {}, {}, /*measure_each_ms=*/10);
  stage.PutRow("team", kTeam, settings);
  stage.Run();
  stage.Accepted(stage.Submit(kTeam));
  stage.Await([&] { return stage.starts.size() == 1; });
  stage.End(stage.starts.back());
  stage.Await([&] { return stage.board.Figures(kTeam).totals.succeeded == 1; });
  CHECK(stage.shared.compacted == 0);
  const auto await_measured = [&stage] {
    const int until = stage.shared.measured + 5;
    stage.Await([&] { return stage.shared.measured >= until; });
  };
  stage.shared.Measures(200'000);
  while (stage.RefusedCode(stage.Submit(kTeam)) != Code::kDiskFull) {
  }
  // It is looked at further, though nobody asks for anything.
  await_measured();
  CHECK(stage.shared.compacted == 1);

  stage.shared.compacts = true;
  BulkRequest purge;
  purge.request = {0, 1'000'000};
  purge.kind = BulkKind::kPurge;
  purge.query.states = {State::kSucceeded};
  stage.shard->Post(kTeam, purge);
  CHECK(std::get<BulkDone>(stage.Answer(1'000'000).body).count == 1);
  stage.Await([&] { return stage.shared.compacted == 2; });
  await_measured();
  stage.shared.Measures(50);
  stage.shared.compacts = false;
  stage.Await([&] { return stage.board.Figures(kTeam).stored_bytes == 50; });
  CHECK(stage.Accepted(stage.Submit(kTeam)) != NotifyId{});
  CHECK(stage.shared.compacted == 2);
}

TEST_CASE("shard: a namespace that is refused for room is compacted, though it is measured below what it may store") {
  NamespaceSettings settings;
  settings.max_stored_bytes = 100'000;
  CoreFixture::Fields large;
  large.data = R"({"a":")" + std::string(20'000, 'x') + R"("})";
  ShardStage stage({}, {}, {}, /*measure_each_ms=*/10);
  stage.shared.Measures(90'000);
  stage.PutRow("team", kTeam, settings);
  stage.Run();
  CHECK(stage.RefusedCode(stage.Submit(kTeam, large)) == Code::kDiskFull);
  stage.Await([&] { return stage.shared.compacted == 1; });
}

TEST_CASE("shard: a namespace that stands still ends first what is in flight, for whoever waits for that, too, and then serves what came meanwhile") {
  const bool cut = GENERATE(false, true);
  ShardStage stage;
  stage.PutRow("team", kTeam);
  stage.Run();
  CoreFixture::Fields later;
  later.when = {When::Kind::kDelay, 3'600'000};
  const uint64_t flies = stage.SubmitAndWait(kTeam), waits = stage.SubmitAndWait(kTeam, later);
  stage.Await([&] { return stage.starts.size() == 1; });
  std::atomic<bool> stood = false;
  stage.loop.Post([&] { stage.shard->StandStill(kTeam, [&] { stood = true; }); });
  const Reply so_far = stage.Answer(waits);
  REQUIRE(std::holds_alternative<Waited>(so_far.body));
  CHECK_FALSE(std::get<Waited>(so_far.body).view);
  CHECK(std::get<Waited>(so_far.body).item.state == State::kScheduled);
  const uint64_t meanwhile = stage.Submit(kTeam);
  CHECK_FALSE(stood);
  if (cut) stage.loop.Post([&] { stage.shard->Cut(kTeam); });
  else stage.End(stage.starts.at(0));
  stage.Await([&] { return stood.load() && stage.replies.contains(flies); });
  const Reply end = stage.Answer(flies);
  REQUIRE(std::holds_alternative<Waited>(end.body));
  CHECK(std::get<Waited>(end.body).view.has_value() != cut);
  {
    std::lock_guard<std::mutex> lock(stage.mutex);
    CHECK_FALSE(stage.replies.contains(meanwhile));
  }
  stage.loop.Post([&] { stage.shard->Resume(kTeam); });
  CHECK(stage.Accepted(meanwhile) == NotifyId::Of(kTeam, 3));
  CHECK(stage.shared.Opened()[kTeam] == 2);
}

TEST_CASE("shard: a namespace that stands still answers what it looks something up for before it stops") {
  ShardStage stage;
  stage.PutRow("team", kTeam);
  stage.Run();
  REQUIRE(stage.Accepted(stage.Submit(kTeam)) == NotifyId::Of(kTeam, 1));
  stage.shared.holds_loads = true;
  CoreFixture::Fields keyed;
  keyed.idempotency_key = "k";
  const uint64_t looks = stage.Submit(kTeam, keyed);
  stage.Await([&] { return stage.shared.HoldsSome(); });
  std::atomic<bool> stood = false;
  stage.loop.Post([&] {
    stage.shard->StandStill(kTeam, [&] { stood = true; });
    stage.shared.ReleaseLoads();
  });
  CHECK(stage.Accepted(looks) == NotifyId::Of(kTeam, 2));
  stage.Await([&] { return !stage.starts.empty(); });
  for (;;) {
    std::vector<StartAttempt> starts;
    stage.Await([&] { return stood || !stage.starts.empty(); });
    {
      std::lock_guard<std::mutex> lock(stage.mutex);
      starts = std::exchange(stage.starts, {});
    }
    if (starts.empty()) break;
    for (const StartAttempt& start : starts) stage.End(start);
  }
  CHECK(stood);
}

TEST_CASE("shard: a namespace that stands still and whose cell does not answer answers all that it took in once it is not waited for any more") {
  ShardStage stage;
  stage.PutRow("team", kTeam);
  stage.Run();
  CoreFixture::Fields later;
  later.when = {When::Kind::kDelay, 3'600'000};
  const uint64_t done = stage.Submit(kTeam, later);
  REQUIRE(stage.Accepted(done) == NotifyId::Of(kTeam, 1));
  stage.shared.holds_loads = true;
  CoreFixture::Fields keyed = later;
  keyed.idempotency_key = "k";
  const uint64_t looks = stage.Submit(kTeam, keyed), left = stage.Submit(kTeam, keyed);
  stage.shard->Post(kTeam, Disconnected{{0, left}});
  // Once what comes behind it is answered, the core knows that nobody waits for that one.
  CHECK(stage.Accepted(stage.Submit(kTeam, later)) == NotifyId::Of(kTeam, 2));
  stage.Await([&] { return stage.shared.HoldsSome(); });
  std::atomic<bool> stands = false, stood = false;
  stage.loop.Post([&] {
    stage.shard->StandStill(kTeam, [&] { stood = true; });
    stands = true;
  });
  stage.Await([&] { return stands.load(); });
  // Its read is waited for, then not any more.
  const uint64_t meanwhile = stage.Submit(kTeam, later);
  stage.loop.Post([&] { stage.shard->Cut(kTeam); });
  CHECK(stage.RefusedCode(looks) == Code::kOutcomeUnknown);
  stage.Await([&] { return stood.load(); });
  {
    std::lock_guard<std::mutex> lock(stage.mutex);
    CHECK(stage.replies.size() == 3);
    CHECK_FALSE(stage.replies.contains(meanwhile));
  }
  stage.shared.holds_loads = false;
  stage.loop.Post([&] { stage.shard->Resume(kTeam); });
  CHECK(stage.Accepted(meanwhile) == NotifyId::Of(kTeam, 3));
}

TEST_CASE("shard: whoever waits for a namespace that stands still is told at once where its cell is lost") {
  ShardStage stage;
  stage.PutRow("team", kTeam);
  stage.Run();
  CoreFixture::Fields later;
  later.when = {When::Kind::kDelay, 3'600'000};
  REQUIRE(stage.Accepted(stage.Submit(kTeam, later)) == NotifyId::Of(kTeam, 1));
  std::atomic<bool> stood = false;
  stage.loop.Post([&] { stage.shard->StandStill(kTeam, [&] { stood = true; }); });
  stage.Await([&] { return stood.load(); });
  const auto is_told = [&stage](uint64_t token) {
    const Reply reply = stage.Answer(token);
    REQUIRE(std::holds_alternative<Refused>(reply.body));
    CHECK(std::get<Refused>(reply.body).status.detail() == "the cell of the namespace is not reached");
  };
  const uint64_t before = stage.Submit(kTeam, later);
  stage.lost = true;
  // Though nothing else comes.
  is_told(before);
  is_told(stage.Submit(kTeam, later));
  stage.lost = false;
  stage.loop.Post([&] { stage.shard->Resume(kTeam); });
  CHECK(stage.Accepted(stage.Submit(kTeam, later)) == NotifyId::Of(kTeam, 2));
}

TEST_CASE("shard: a stop does not wait for a namespace whose cell is lost, unless something of it is in flight") {
  ShardStage stage;
  stage.PutRow("team", kTeam);
  stage.Run();
  CoreFixture::Fields later;
  later.when = {When::Kind::kDelay, 3'600'000};
  REQUIRE(stage.Accepted(stage.Submit(kTeam, later)) == NotifyId::Of(kTeam, 1));
  const bool in_flight = GENERATE(false, true);
  if (in_flight) {
    stage.Accepted(stage.Submit(kTeam));
    stage.Await([&] { return stage.starts.size() == 1; });
  }
  stage.shared.holds_loads = true;
  CoreFixture::Fields keyed = later;
  keyed.idempotency_key = "k";
  stage.Submit(kTeam, keyed);
  stage.Await([&] { return stage.shared.HoldsSome(); });
  stage.lost = true;
  stage.loop.Post([&] {
    stage.shard->StopStranded();
    stage.shard->Stop();
  });
  if (in_flight) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2 * Shard::kSleepMostMs));
    {
      std::lock_guard<std::mutex> lock(stage.mutex);
      CHECK_FALSE(stage.drained);
    }
    stage.End(stage.starts.at(0));
  }
  stage.Await([&] { return stage.drained; });
}

TEST_CASE("shard: a namespace that a stop told to end as its cell was lost leaves all the same once that is back") {
  ShardStage stage;
  stage.PutRow("team", kTeam);
  stage.Run();
  CoreFixture::Fields later;
  later.when = {When::Kind::kDelay, 3'600'000};
  REQUIRE(stage.Accepted(stage.Submit(kTeam, later)) == NotifyId::Of(kTeam, 1));
  stage.lost = true;
  stage.loop.Post([&] { stage.shard->StopStranded(); });
  // Its core ends meanwhile, and says so once.
  std::this_thread::sleep_for(std::chrono::milliseconds(2 * Shard::kSleepMostMs));
  stage.lost = false;
  const bool moves = GENERATE(false, true);
  std::atomic<bool> left = false;
  stage.loop.Post([&] {
    if (moves) stage.shard->StandStill(kTeam, [&] { left = true; });
    else stage.shard->Leave(kTeam, [&] { left = true; });
  });
  stage.Await([&] { return left.load(); });
  const std::vector<NamespaceNumber> open = stage.shared.Open();
  CHECK(std::find(open.begin(), open.end(), kTeam) == open.end());
}

TEST_CASE("shard: a namespace in a cell of which something is wrong is not served, and its requests do not wait; all others go on") {
  ShardStage stage;
  NamespaceSettings in_cell;
  in_cell.cell = "east";
  stage.PutRow("team", kTeam, in_cell);
  stage.PutRow("other", kOther);
  stage.shared.fails = true;
  stage.shared.fails_as = GENERATE(Code::kCorrupt, Code::kIo, Code::kUnacceptable);
  std::atomic<bool> left = false;
  stage.Run();
  CHECK(stage.RefusedCode(stage.Submit(kTeam)) == Code::kUnavailable);
  stage.shared.fails = false;
  // It is not tried again for a while, and nobody waits for that.
  const Reply reply = stage.Answer(stage.Submit(kTeam));
  REQUIRE(std::holds_alternative<Refused>(reply.body));
  CHECK(std::get<Refused>(reply.body).status.code() == Code::kUnavailable);
  CHECK_THAT(std::get<Refused>(reply.body).status.detail(), !Catch::Contains("the disk is gone"));
  CHECK(stage.Accepted(stage.Submit(kOther)) == NotifyId::Of(kOther, 1));
  CHECK(stage.fatal.empty());
  // It may go to another member all the same.
  stage.loop.Post([&] { stage.shard->Leave(kTeam, [&] { left = true; }); });
  stage.Await([&] { return left.load(); });
}

TEST_CASE("shard: a namespace that cannot be opened yet refuses what waits for it, and is opened again soon") {
  ShardStage stage;
  stage.PutRow("team", kTeam);
  stage.shared.fails = true;
  stage.shared.fails_as = Code::kUnavailable;
  stage.Run();
  const Reply reply = stage.Answer(stage.Submit(kTeam));
  REQUIRE(std::holds_alternative<Refused>(reply.body));
  CHECK(std::get<Refused>(reply.body).status.code() == Code::kUnavailable);
  CHECK_THAT(std::get<Refused>(reply.body).status.detail(), Catch::StartsWith("the namespace cannot be opened yet"));
  stage.shared.fails = false;
  CHECK(stage.Accepted(stage.Submit(kTeam)) == NotifyId::Of(kTeam, 1));
  CHECK(stage.fatal.empty());
}

TEST_CASE("shard: a namespace in a cell that another owner has is not waited for: the broker stops") {
  ShardStage stage;
  NamespaceSettings in_cell;
  in_cell.cell = "east";
  stage.PutRow("team", kTeam, in_cell);
  stage.shared.fails = true;
  stage.shared.fails_as = Code::kConflict;
  stage.Submit(kTeam);
  stage.Run();
  stage.Await([&] { return !stage.fatal.empty(); });
}

TEST_CASE("shard: a store that cannot be opened stops the broker") {
  ShardStage stage;
  stage.PutRow("team", kTeam);
  stage.shared.fails = true;
  stage.Submit(kTeam);
  stage.Run();
  stage.Await([&] { return !stage.fatal.empty(); });
  CHECK(stage.fatal == "the disk is gone");
}

}  // namespace notifyd::test
