// What the core takes of payloads, in memory and on disk, where it changes, ends or makes many notifies at once: what it has to, some at a time.
#include "broker/topics_fixture.h"

namespace notifyd {
namespace {

constexpr size_t kMegabyte = 1 << 20;

std::string DataOf(size_t bytes) {
  return '"' + std::string(bytes, 'x') + '"';
}
CoreFixture::Fields Large(When when = {}) {
  CoreFixture::Fields f;
  f.data = DataOf(kMegabyte);
  f.when = when;
  return f;
}

/// Notifies of an event, of paused subscriptions.
class EventNotifies : public Topics {
 public:
  explicit EventNotifies(size_t count, CoreLimits limits = {}) : Topics(limits) {
    for (size_t i = 0; i < count; ++i) Subscribe("s" + std::to_string(i), {.paused = true});
    Emit(Item("a.b", Long('x')));
    for (const auto& [id, record] : image().notifies) ids.push_back(id);
  }
  /// Nothing stands with them that stands with the event.
  bool StandApart() const {
    return std::all_of(ids.begin(), ids.end(), [&](NotifyId id) { return IsPayloadOfEvent(*image().notifies.at(id)->spec); });
  }
  /// All subscriptions go on, and all is sent with the event's payload.
  void CheckSent() {
    for (size_t i = 0; i < ids.size(); ++i) Subscribe("s" + std::to_string(i));
    Pass(1);
    REQUIRE(starts.size() == ids.size());
    for (const StartAttempt& start : starts) CHECK(DecodeSpec(*start.spec)->payload == Long('x'));
  }
  std::vector<NotifyId> ids;
};

void PointTo(ChangeRequest& change, const std::string& url) {
  NotifySpec spec = *DecodeSpec(*change.spec);
  spec.url = url;
  change.spec = std::make_shared<const std::string>(EncodeSpec(spec));
}

}  // namespace

TEST_CASE("bytes: what is sent again of an event leaves the payload where it stands") {
  EventNotifies f(3);
  REQUIRE(f.Bulk(BulkKind::kCancel, {State::kReady}).count == 3);
  f.Restart();
  SECTION("in bulk: nothing is read of it either") {
    CHECK(f.Bulk(BulkKind::kRetry, {State::kCancelled}).count == 3);
    CHECK(f.reads().whole() == 0);
  }
  SECTION("in bulk, of any state") {
    CHECK(f.Bulk(BulkKind::kRetry, {State::kReady, State::kCancelled}).count == 3);
    CHECK(f.reads().whole() == 0);
  }
  SECTION("in bulk, with a chain") {
    BulkRequest r;
    r.kind = BulkKind::kRetry;
    r.query.states = {State::kCancelled};
    r.query.limit = 10;
    r.via = "another";
    CHECK(std::get<BulkDone>(f.Do(std::move(r)).body).count == 3);
    for (NotifyId id : f.ids) CHECK(ViaOfSpec(*f.image().notifies.at(id)->spec) == "another");
  }
  SECTION("one by one") {
    for (NotifyId id : f.ids) REQUIRE(std::holds_alternative<Retried>(f.ById<RetryRequest>(id).body));
  }
  SECTION("one by one, as they were read before") {
    for (NotifyId id : f.ids) {
      RetryRequest r;
      r.id = id;
      r.base = f.Get(id).record;
      REQUIRE(std::holds_alternative<Retried>(f.Do(std::move(r)).body));
    }
  }
  CHECK(f.StandApart());
  f.CheckSent();
}

TEST_CASE("bytes: a change of an event's notify leaves the payload where it stands, unless that is what is changed") {
  CoreLimits limits;
  limits.max_stored_bytes = 1 << 30;
  EventNotifies f(1, limits);
  const NotifyId id = f.ids[0];
  f.Restart();
  const uint64_t before = f.core().stored().bytes;
  SECTION("another URL") {
    REQUIRE(std::holds_alternative<Viewed>(f.Change(id, [](ChangeRequest& change) { PointTo(change, "http://s0/new"); }).body));
    CHECK(f.StandApart());
    CHECK(f.core().stored().bytes < before + 100);
    CHECK(DecodeSpec(*f.Get(id).record->spec)->url == "http://s0/new");
    f.CheckSent();
  }
  SECTION("another priority") {
    const auto more = [](ChangeRequest& change) {
      auto envelope = std::make_shared<Envelope>(*change.envelope);
      envelope->priority = 9;
      change.envelope = envelope;
    };
    REQUIRE(std::holds_alternative<Viewed>(f.Change(id, more).body));
    CHECK(f.StandApart());
    f.CheckSent();
  }
  SECTION("another payload") {
    const auto other = [](ChangeRequest& change) {
      NotifySpec spec = *DecodeSpec(*change.spec);
      spec.payload = Long('y');
      change.spec = std::make_shared<const std::string>(EncodeSpec(spec));
    };
    REQUIRE(std::holds_alternative<Viewed>(f.Change(id, other).body));
    CHECK_FALSE(f.StandApart());
    CHECK(f.core().stored().bytes > before + 4'000);  // it takes room of its own now, which quotas count
    CHECK(DecodeSpec(*f.Get(id).record->spec)->payload == Long('y'));
  }
}

TEST_CASE("bytes: a subscription's new template is given to what waits without a look at the event's payload") {
  EventNotifies f(1);
  f.Restart();
  SubscriptionPut put = Topics::PutOf("s0", {.paused = true});
  auto said = std::make_shared<Subscription>(*put.said);
  NotifySpec spec = *DecodeSpec(*said->spec);
  spec.url = "http://s0/new";
  said->spec = std::make_shared<const std::string>(EncodeSpec(spec));
  put.said = said;
  f.Tell({put});
  CHECK(std::get<Applied>(f.Tell({SubscriptionApply{"s0", {}}}).what).count == 1);
  CHECK(f.reads().whole() == 0);
  CHECK(f.StandApart());
  CHECK(DecodeSpec(*f.image().notifies.at(f.ids[0])->spec)->url == "http://s0/new");
  f.CheckSent();
}

TEST_CASE("bytes: a bulk retry ends where what it writes again takes many bytes, and goes on behind that") {
  CoreFixture f;
  f.Pause(kLane);
  for (int i = 0; i < 12; ++i) f.Submit(Large());
  REQUIRE(f.Bulk(BulkKind::kCancel, {State::kReady}).count == 12);
  f.Restart();
  CHECK(f.Bulk(BulkKind::kRetry, {State::kCancelled}, 10'000, {}, /*dry_run=*/true).count == 12);
  const BulkDone first = f.Bulk(BulkKind::kRetry, {State::kCancelled});
  CHECK(first.count == 8);
  REQUIRE(first.next.value != 0);
  const BulkDone rest = f.Bulk(BulkKind::kRetry, {State::kCancelled}, 10'000, first.next);
  CHECK(rest.count == 4);
  CHECK(rest.next.value == 0);
  CHECK(f.Stats().totals.revived == 12);
}

TEST_CASE("bytes: a bulk retry that ends at its very last notify says that it is complete") {
  CoreFixture f;
  f.Pause(kLane);
  for (int i = 0; i < 8; ++i) f.Submit(Large());
  REQUIRE(f.Bulk(BulkKind::kCancel, {State::kReady}).count == 8);
  const BulkDone done = f.Bulk(BulkKind::kRetry, {State::kCancelled});
  CHECK(done.count == 8);
  CHECK(done.next.value == 0);
}

TEST_CASE("bytes: what only moves is not read") {
  CoreFixture f;
  f.Pause(kLane);
  for (int i = 0; i < 12; ++i) f.Submit(Large(Delay(3'600'000)));
  f.Restart();
  CHECK(f.Bulk(BulkKind::kRetry, {State::kScheduled}).count == 12);
  CHECK(f.reads().whole() == 0);
}

TEST_CASE("bytes: what ends needs its last attempt and its chain, and no payload") {
  CoreLimits limits;
  limits.page_items = 4;
  CoreFixture f(limits);
  constexpr size_t kCount = 40;
  const bool cancelled = GENERATE(false, true);
  for (size_t i = 0; i < kCount; ++i) {
    CoreFixture::Fields fields;
    fields.data = DataOf(1000);
    fields.ttl = Delay(60'000);
    fields.retry = Waits({3'000'000});
    fields.callback = "told:80";
    SubmitRequest r;
    r.items.push_back(CoreFixture::Item(fields));
    NotifySpec spec = *DecodeSpec(*r.items[0].spec);
    spec.via = "came";
    r.items[0].spec = std::make_shared<const std::string>(EncodeSpec(spec));
    REQUIRE(std::holds_alternative<Submitted>(f.Do(std::move(r)).body));
    f.EndFirst(Verdict::kFailure);
  }
  f.Restart();
  if (cancelled) {
    CHECK(f.Bulk(BulkKind::kCancel, {State::kRetrying}).count == kCount);
  } else {
    f.Pass(60'001);
    CHECK(f.Stats().totals.expired == kCount);
    CHECK(f.reads().most_notifies() <= 2 * limits.page_items);  // however many end together
  }
  CHECK(f.reads().whole() == 0);
  size_t told = 0;
  for (const auto& [id, record] : f.image().notifies) {
    if (record->envelope->host != "told:80") continue;
    ++told;
    const NotifySpec spec = *DecodeSpec(*record->spec);
    CHECK(spec.via == "came");
    CHECK(spec.payload.find("unexpected_answer") != std::string::npos);
  }
  CHECK(told == kCount);
}

TEST_CASE("bytes: few scans have a page of events at a time, and the others follow") {
  Topics f;
  constexpr size_t kScans = 20;
  for (int i = 0; i < 30; ++i) f.Emit(Topics::Item("a.b", std::to_string(i)));
  f.reads().ClosePages();
  for (size_t i = 0; i < kScans; ++i) f.Subscribe("s" + std::to_string(i), {.paused = true, .from = WallTime{0}});
  f.Run();
  CHECK(f.reads().held_event_pages() <= 4);
  // Page after page, each seen.
  size_t most = 0;
  for (int i = 0; i < 1000 && f.core().totals().accepted < 30 * kScans; ++i) {
    f.reads().OpenPages();
    f.reads().ClosePages();
    f.Pass(1);
    most = std::max(most, f.reads().held_event_pages());
  }
  CHECK(most <= 4);
  f.reads().OpenPages();
  f.Pass(10);
  const auto made = f.Made();
  CHECK(made.size() == kScans);
  for (const auto& [name, events] : made) CHECK(events.size() == 30);
}

TEST_CASE("bytes: few of those scans come to memory that are to have a page, however many are asked for; a stop leaves them where they are") {
  Topics f;
  constexpr size_t kScans = 200;
  f.Emit(Topics::Item("a.b", "1"));
  f.reads().ClosePages();
  for (size_t i = 0; i < kScans; ++i) f.Subscribe("s" + std::to_string(i), {.paused = true, .from = WallTime{0}});
  f.Pass(10);
  const HeldKinds kinds = f.core().held();
  const auto waiting = std::find_if(kinds.begin(), kinds.end(), [](const auto& each) { return each.kind == std::string("waiting_scans"); });
  REQUIRE(waiting != kinds.end());
  CHECK(waiting->count > 0);
  CHECK(waiting->count <= 64);
  const bool stopped = GENERATE(false, true);
  if (stopped) {
    f.Post(StopRequested{});
    f.Run();
    f.reads().OpenPages();
    f.Run();
    f.Restart(CrashKind::kKill);
  }
  f.reads().OpenPages();
  f.Pass(10);
  CHECK(f.Made().size() == kScans);
}

TEST_CASE("bytes: few of those who ask for a replay have a page of events at a time, and none is refused") {
  Topics f;
  f.Emit(Topics::Item("a.b", "1"));
  for (int i = 0; i < 20; ++i) f.Subscribe("s" + std::to_string(i), {.paused = true});
  f.reads().ClosePages();
  std::vector<uint64_t> asked;
  for (int i = 0; i < 20; ++i) {
    SubscriptionReplay replay;
    replay.name = "s" + std::to_string(i);
    asked.push_back(f.Ask(TopicRequest{{}, std::make_shared<const TopicAsk>(TopicAsk{std::move(replay)})}));
  }
  f.Run();
  CHECK(f.reads().held_event_pages() <= 8);
  f.reads().OpenPages();
  f.Pass(10);
  size_t known = 0;
  for (uint64_t token : asked) {
    REQUIRE(std::holds_alternative<TopicAnswered>(f.replies.at(token).body));
    known += std::get<Replayed>(std::get<TopicAnswered>(f.replies.at(token).body).answer->what).accepted == 1;
  }
  CHECK(known > 0);
  const auto made = f.Made();
  CHECK(made.size() == 20);
  for (const auto& [name, events] : made) CHECK(events.size() == 1);
}

TEST_CASE("bytes: a turn goes through so many bytes of past events, however few these are") {
  Topics f;
  constexpr uint64_t kEvents = 60;
  for (uint64_t i = 0; i < kEvents; ++i) f.Emit(Topics::Item("a.b", DataOf(kMegabyte)));
  f.Subscribe("s", {.paused = true, .from = WallTime{0}});
  uint64_t most = 0;
  for (int i = 0; i < 1000 && f.core().totals().accepted < kEvents; ++i) {
    const uint64_t before = f.core().totals().accepted;
    f.Post(Tick{});
    f.Turn();
    most = std::max(most, f.core().totals().accepted - before);
  }
  CHECK(f.core().totals().accepted == kEvents);
  CHECK(most <= 20);
}

}  // namespace notifyd
