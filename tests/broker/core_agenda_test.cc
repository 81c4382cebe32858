// What a start finds beside notifies: the agenda is read to its end, the catalog whole, and neither again. What is of one sort on the agenda waits
// for none of another.
#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "broker/group_events.h"
#include "broker/service_records.h"
#include "broker/topics_fixture.h"

namespace notifyd {
namespace {

FakeImage ImageWith(uint64_t agenda, uint64_t services) {
  FakeImage image;
  for (uint64_t serial = 1; serial <= agenda; ++serial) {
    std::string key;
    Encoder(&key).Big64(serial);
    image.records[{RecordKind::kAgenda, key}] = {"\x7f of no kind that is known", kWallNever};
  }
  for (uint64_t i = 0; i < services; ++i) image.records[{RecordKind::kService, "s" + std::to_string(i)}] = {EncodeService({}), kWallNever};
  image.totals.next_serial = agenda + 1;
  image.totals.records[RecordKind::kAgenda] = agenda;
  image.totals.records[RecordKind::kService] = services;
  return image;
}

uint64_t CountOf(const FakeImage& image, RecordKind kind) {
  uint64_t count = 0;
  for (const auto& [key, record] : image.records) count += key.kind == kind;
  return count;
}

}  // namespace

TEST_CASE("agenda: all that a start finds is carried out, page by page, whatever a crash left of it; then the core may rest") {
  CoreLimits limits;
  limits.page_items = 16;
  CoreFixture f(limits, ImageWith(200, 50));
  const uint64_t crashes = GENERATE(0, 1, 4);
  f.reads().ClosePages();
  f.Run();
  uint64_t left = 200;
  for (uint64_t i = 0; i < crashes; ++i) {
    f.reads().OpenPages();
    f.reads().ClosePages();
    f.Run();
    const uint64_t now_left = CountOf(f.image(), RecordKind::kAgenda);
    CHECK(now_left == left - 16);  // a page of them
    CHECK_FALSE(f.core().idle(f.now.wall));
    left = now_left;
    f.Restart(CrashKind::kKill, /*pages=*/false);
    CHECK(CountOf(f.image(), RecordKind::kAgenda) == left);
    CHECK(f.image().totals.records[RecordKind::kAgenda] == left);
  }
  f.reads().OpenPages();
  f.Run();
  f.Pass(1000);
  CHECK(CountOf(f.image(), RecordKind::kAgenda) == 0);
  CHECK(f.image().totals.records[RecordKind::kAgenda] == 0);
  CHECK(CountOf(f.image(), RecordKind::kService) == 50);
  CHECK(f.image().totals.records[RecordKind::kService] == 50);
  CHECK(f.core().idle(f.now.wall));
}

TEST_CASE("agenda: a core that stops begins nothing of it any more, and leaves it for the next") {
  CoreLimits limits;
  limits.page_items = 16;
  CoreFixture f(limits, ImageWith(200, 0));
  f.Post(StopRequested{});
  f.Run();
  f.Pass(100);
  CHECK(f.drained);
  CHECK(CountOf(f.image(), RecordKind::kAgenda) == 200);
  f.Restart();
  f.Pass(1000);
  CHECK(CountOf(f.image(), RecordKind::kAgenda) == 0);
}

namespace {

/// Events that wait for their turn behind others that take many turns, and what else was begun meanwhile.
struct Behind : Topics {
  using Topics::Topics;
  static constexpr int kLarge = 20, kSubs = 1'100, kPast = 100;
  NotifyId group;
  std::vector<NotifyId> past;

  void Begin(TopicAsk ask) {
    Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(std::move(ask))});
    Turn();
  }
  void Step() {
    Post(Tick{});
    Turn();
  }
  /// Whose second member is cancelled, where the first one fails.
  void MakeGroup() {
    GroupPost post;
    post.submit.batch = true;
    Fields once, later;
    once.retry.emplace().max_attempts = 1;
    later.when = Delay(60'000);
    for (const Fields& fields : {once, later}) post.submit.items.push_back(CoreFixture::Item(fields));
    post.caller = "shop";
    post.cancel_rest = true;
    GroupRequest request;
    request.ask = std::make_shared<const GroupAsk>(GroupAsk{std::move(post), 0});
    group = std::get<GroupView>(std::get<GroupAnswered>(Do(std::move(request)).body).answer->what).id;
  }
  void Fill(int small) {
    for (int i = 0; i < kPast; ++i) past.push_back(Emit(Topics::Item("past", "{}")).id);
    for (int i = 0; i < kSubs; ++i) Subscribe("s" + std::to_string(i), {.topic = "large", .paused = true});
    for (const char* name : {"one", "gone"}) Subscribe(name, {.topic = "small", .paused = true});
    Emit(Topics::Item("small", "{}"));
    MakeGroup();
    Publish all;
    all.batch = true;
    for (int i = 0; i < kLarge; ++i) all.events.push_back(Topics::Item("large", "{}"));
    for (int i = 0; i < small; ++i) all.events.push_back(Topics::Item("small", "{}"));
    Begin({std::move(all)});
  }
  void FailMember() {
    REQUIRE(starts.size() == 1);
    const StartAttempt first = starts.front();
    End(first, Verdict::kFailure);
  }
  void AskRest() {
    Begin({PutOf("late", {.topic = "past", .paused = true, .from = WallTime{0}})});
    Begin({SubscriptionDelete{"gone", true, {}}});
  }
  /// What is of other sorts is at its end.
  bool IsRestDone() const {
    if (image().notifies.at(MemberOf(group, 1))->state.phase != Phase::kCancelled) return false;
    size_t cancelled = 0;
    for (const auto& [id, record] : image().notifies)
      cancelled += record->envelope->flow && record->envelope->flow->subscription == "gone" && record->state.phase == Phase::kCancelled;
    const auto made = Made();
    return cancelled == 1 && made.contains("late") && made.at("late").size() == kPast;
  }
};

}  // namespace

TEST_CASE("agenda: nothing else stands behind events that wait for their turn, however many these are, in memory or on disk, nor after a start") {
  const int small = GENERATE(200, 6'000);
  const bool restart = GENERATE(false, true);
  CoreLimits limits;
  if (small == 200) limits.page_items = 16;
  Behind f(limits);
  f.check_every = 100'000;
  f.Fill(small);
  if (restart) {
    // What the member's end asks for stays on the agenda.
    f.Post(StopRequested{});
    f.Run();
  }
  f.FailMember();
  if (restart) {
    f.Run();
    CHECK(f.drained);
    f.Restart(CrashKind::kKill, /*pages=*/false);
    f.reads().OpenPages();
  }
  f.AskRest();
  for (int i = 0; i < 2'000 && !f.IsRestDone(); ++i) f.Step();
  REQUIRE(f.IsRestDone());
  CHECK(f.CountOf(RecordKind::kAgenda) >= static_cast<uint64_t>(small) / 2);
  for (const auto& held : f.core().held())
    if (std::string(held.kind) == "agenda") CHECK(held.count <= 4'096);
  // And all of them have their turn, one after the other.
  for (int i = 0; i < 20'000 && f.CountOf(RecordKind::kAgenda) > 0; ++i) f.Step();
  REQUIRE(f.CountOf(RecordKind::kAgenda) == 0);
  auto made = f.Made();
  CHECK(made.at("late") == f.past);
  CHECK(made.at("s7").size() == Behind::kLarge);
  CHECK(made.at("one").size() == static_cast<size_t>(small) + 1);
  CHECK(std::is_sorted(made.at("one").begin(), made.at("one").end()));
  CHECK(made.at("gone").size() == 1);
  f.Pass(10);
  CHECK(f.image().totals.records[RecordKind::kAgenda] == 0);
}

TEST_CASE("agenda: a core of a namespace that has nothing beside notifies reads nothing for it") {
  CoreFixture f;
  const uint64_t rows = f.store().rows();
  f.Run();
  f.Pass(100);
  CHECK(f.store().rows() == rows);
  CHECK(f.core().idle(f.now.wall));
}

}  // namespace notifyd
