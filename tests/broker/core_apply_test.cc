// A changed subscription that is given to what waits of it, ten thousand a call and some in a turn: what comes between two of these turns, and what
// whoever asked is told of how far it came.
#include "broker/topics_fixture.h"

namespace notifyd {
namespace {

constexpr size_t kWaiting = 650;
constexpr const char* kUrl = "http://one/new";

class Apply : public Topics {
 public:
  Apply() {
    check_every = 100'000;
    Subscribe("one", {.paused = true});
    for (size_t i = 0; i < kWaiting; ++i) Emit(Item("a.b", std::to_string(i)));
    Tell({Put(kUrl)});
  }
  static SubscriptionPut Put(const std::string& url) {
    SubscriptionPut put = PutOf("one", {.paused = true});
    auto said = std::make_shared<Subscription>(*put.said);
    NotifySpec spec = *DecodeSpec(*said->spec);
    spec.url = url;
    said->spec = std::make_shared<const std::string>(EncodeSpec(spec));
    put.said = said;
    return put;
  }
  uint64_t Begin(SubscriptionApply ask = {"one", {}}) { return Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{std::move(ask)})}); }
  /// Runs until so many have the template at least, and not all.
  void RunUntilChanged(size_t least) {
    while (Changed() < least) {
      Post(Tick{});
      Turn();
    }
    REQUIRE(Changed() < kWaiting);
  }
  /// The database is not reached for so long.
  void LoseDatabase(int64_t for_ms) {
    reads().CloseCommits();
    Post(DiskSpace{.lost = true});
    Run();
    Pass(for_ms);
  }
  void FindDatabase() {
    reads().OpenCommits();
    Post(DiskSpace{.lost = false});
    Run();
  }
  size_t Changed(const std::string& url = kUrl) const {
    size_t count = 0;
    for (const auto& [id, record] : image().notifies) count += DecodeSpec(*record->spec)->url == url;
    return count;
  }
  const Applied& AnswerTo(uint64_t token) {
    REQUIRE(replies.contains(token));
    if (const auto* refused = std::get_if<Refused>(&replies.at(token).body)) FAIL(refused->status.detail());
    REQUIRE(std::holds_alternative<TopicAnswered>(replies.at(token).body));
    return std::get<Applied>(std::get<TopicAnswered>(replies.at(token).body).answer->what);
  }
};

}  // namespace

TEST_CASE("apply: a broker that stops between two turns of it says how many it changed and where to go on, and the next one changes the rest") {
  const size_t at = GENERATE(1, 200, 500);
  Apply f;
  const uint64_t token = f.Begin();
  f.RunUntilChanged(at);
  f.Post(StopRequested{});
  f.Run();
  const Applied applied = f.AnswerTo(token);
  CHECK(applied.count == f.Changed());
  REQUIRE(applied.next.value != 0);
  CHECK(f.drained);
  f.Restart();
  const Applied rest = std::get<Applied>(f.Tell({SubscriptionApply{"one", applied.next}}).what);
  CHECK(rest.next.value == 0);
  CHECK(applied.count + rest.count == kWaiting);
  CHECK(f.Changed() == kWaiting);
}

TEST_CASE("apply: a broker that stops before it changed anything refuses it, to be asked again of another one") {
  Apply f;
  const uint64_t token = f.Begin();
  f.Post(StopRequested{});
  f.Run();
  REQUIRE(f.replies.contains(token));
  CHECK(Apply::CodeOf(f.replies.at(token)) == Code::kUnavailable);
  CHECK(f.Changed() == 0);
}

TEST_CASE("apply: a subscription that somebody changes or deletes meanwhile ends it, with how many were changed and where to go on") {
  const bool deletes = GENERATE(true, false);
  Apply f;
  SubscriptionApply ask{"one", {}};
  ask.condition.prints = {FingerprintOf(f.See("one").bytes)};
  const uint64_t token = f.Begin(ask);
  f.RunUntilChanged(200);
  if (deletes) f.Tell({SubscriptionDelete{"one", false, {}, {}}});
  else f.Tell({Apply::Put("http://one/newer")});
  f.Run();
  const Applied applied = f.AnswerTo(token);
  CHECK(applied.count == f.Changed());
  CHECK(applied.count < kWaiting);
  REQUIRE(applied.next.value != 0);
  ask.above = applied.next;
  const Reply& rest = f.Try({ask});
  if (deletes) CHECK(Apply::CodeOf(rest) == Code::kNotFound);
  else CHECK(std::holds_alternative<Stale>(rest.body));
}

TEST_CASE("apply: one that the database interrupts for a moment counts what it changed before and after that") {
  Apply f;
  const uint64_t token = f.Begin();
  f.RunUntilChanged(200);
  f.LoseDatabase(4'000);
  CHECK_FALSE(f.replies.contains(token));
  f.FindDatabase();
  const Applied applied = f.AnswerTo(token);
  CHECK(applied.count == kWaiting);
  CHECK(applied.next.value == 0);
  CHECK(f.Changed() == kWaiting);
}

TEST_CASE("apply: one that the database interrupts for long is said to be unknown, once, and done all the same where it comes back") {
  Apply f;
  const uint64_t token = f.Begin();
  f.RunUntilChanged(200);
  f.LoseDatabase(6'000);
  REQUIRE(f.replies.contains(token));
  CHECK(Apply::CodeOf(f.replies.at(token)) == Code::kOutcomeUnknown);
  f.replies.clear();
  f.FindDatabase();
  CHECK(f.replies.empty());
  CHECK(f.Changed() == kWaiting);
}

TEST_CASE("apply: what is to be asked again without end has an end, though it was made without one") {
  Topics f;
  f.Subscribe("one", {.order_by = "/id", .paused = true});
  f.Emit(Topics::Item("a.b", R"({"id":1})"));
  SubscriptionPut put = Topics::PutOf("one", {.order_by = "/id", .paused = true});
  auto said = std::make_shared<Subscription>(*put.said);
  auto envelope = std::make_shared<Envelope>(*said->envelope);
  RetryPolicy policy;
  policy.later_on.emplace();
  envelope->retry = std::make_shared<RetryPolicy>(policy);
  said->envelope = envelope;
  said->ttl = Delay(60'000);
  put.said = said;
  f.Tell({put});
  CHECK(std::get<Applied>(f.Tell({SubscriptionApply{"one", {}}}).what).count == 1);
  const bool restart = GENERATE(false, true);
  if (restart) f.Restart();
  f.Pass(60'001);
  CHECK(f.Stats().totals.expired == 1);
}

}  // namespace notifyd
