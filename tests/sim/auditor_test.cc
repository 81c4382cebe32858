// The auditor and its model over one namespace whose world the test moves by hand: what they must not say of a core that does what it may, and that
// they say it of one that does not.
#include "sim/auditor.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "broker/spec.h"
#include "sim/space.h"

namespace notifyd::sim {
namespace {

/// A namespace over a store that carries all out at once.
struct World : SpaceHost, StoreEvents {
  explicit World(Profile profile = {}) : disk(Options()), lives(this, std::move(profile), SimClock()) {
    disk.Start(static_cast<StoreEvents*>(this));
    lives.Open();
  }
  FakeStore* store() override { return &disk; }
  Random& random() override { return dice; }
  Mutation mutation() const override { return Mutation::kNone; }
  Trace& trace() override { return lines; }
  int64_t t() const override { return now_t; }
  void OnStarted() override {}
  void OnRegistryCommitted(uint64_t) override {}
  void OnWriteFailed(Status) override {}

  FakeStoreOptions Options() {
    FakeStoreOptions options;
    options.on_written = [this](NamespaceNumber, uint64_t batch) { lives.auditor.OnWritten(batch); };
    return options;
  }
  /// Until nothing is left to do at this moment.
  void Run() {
    do {
      lives.receiver.AdvanceTo(now_t);
      lives.Run();
      disk.Deliver();
    } while (!lives.inbox.empty());
  }
  /// A millisecond after the other; what stands still is looked for now and then.
  void Pass(int64_t ms) {
    for (const int64_t until = now_t + ms; now_t < until;) {
      lives.clock.AdvanceTo(++now_t);
      Run();
      if (now_t % 100 == 0) lives.auditor.OnTime();
    }
  }
  RequestId Next() { return lives.workload.NewRequest(); }
  SubmitItem Item(const std::string& host, const LaneKey& lane, const std::string& caller) {
    auto envelope = std::make_shared<Envelope>();
    envelope->host = host;
    envelope->lane = lane;
    envelope->caller = caller;
    NotifySpec spec;
    spec.url = "http://" + host + "/t" + std::to_string(next_token++);
    SubmitItem item;
    item.envelope = std::move(envelope);
    item.spec = std::make_shared<const std::string>(EncodeSpec(spec));
    return item;
  }
  SubmitItem Held(const LaneKey& lane, const std::string& fkey) {
    SubmitItem item = Item("h0.test:80", lane, "c");
    auto envelope = std::make_shared<Envelope>(*item.envelope);
    envelope->fkey = fkey;
    item.envelope = std::move(envelope);
    return item;
  }
  void Submit(SubmitItem item, bool each = false) {
    SubmitRequest submit{Next(), {std::move(item)}, false};
    submit.each = each;
    lives.Request(std::move(submit));
  }
  void Pause(const LaneKey& lane) {
    LaneChangeRequest pause{Next(), lane, {}};
    pause.patch.paused = true;
    lives.Request(std::move(pause));
  }
  void Sleep() {
    for (int i = 0; i < 10 && !lives.core->idle(lives.clock.now().wall); ++i) {
      lives.inbox.push_back(PrepareSleep{});
      Pass(100);
    }
    const std::optional<WallTime> until = lives.core->idle(lives.clock.now().wall);
    REQUIRE(until);
    lives.FallAsleep(*until);
    disk.Deliver();
  }
  const std::vector<std::string>& violations() const { return lives.auditor.violations(); }
  bool Said(const std::string& text) const {
    for (const std::string& violation : violations())
      if (violation.find(text) != std::string::npos) return true;
    return false;
  }

  int64_t now_t = 0;
  uint64_t next_token = 1;
  Random dice{1};
  Trace lines{Tracing::kNone};
  FakeStore disk;
  Space lives;
};

const LaneKey kLane{Mode::kConcurrent, "lane"}, kOther{Mode::kConcurrent, "other"};

/// One that is held until a time which came, in a lane that is paused, and then the clock was stepped back.
void HoldUntilThenBack(World* w) {
  w->Pause(kLane);
  w->Run();
  SubmitItem item = w->Held(kLane, "f");
  item.when = {When::Kind::kDelay, 500};
  w->Submit(std::move(item));
  w->Run();
  w->Pass(600);
  w->lives.clock.StepWall(-550);
  w->lives.auditor.OnWallStep();
  w->Pass(10);
}

TEST_CASE("auditor: where the clock stepped back over a held one's time, what the core writes tells whether a submit found it held") {
  Profile profile;
  profile.limits.max_pending = 1;  // who does not find it held is refused for want of room
  World w(profile);
  HoldUntilThenBack(&w);
  const bool each = GENERATE(true, false);
  SubmitItem item = w.Held(kOther, "f");
  item.on_held = OnHeld::kKeep;
  item.idempotency_key = "k";
  item.fields = FingerprintOf("fields");
  w.Submit(item, each);
  w.Submit(item, each);
  w.Pause(kOther);  // it is written, whatever else is
  w.Pass(10);
  for (const std::string& violation : w.violations()) UNSCOPED_INFO(violation);
  CHECK(w.violations().empty());
}

TEST_CASE("auditor: a fifo lane lets others pass from the first submit on that asks for it, where nobody has said what it does") {
  World w;
  const LaneKey lane{Mode::kFifo, "fifo"};
  const bool said = GENERATE(false, true);
  if (said) {
    LaneChangeRequest block{w.Next(), lane, {}};
    block.patch.on_retry.emplace(OnRetry::kBlock);
    w.lives.Request(std::move(block));
    w.Run();
  }
  SubmitItem item = w.Item("h0.test:80", lane, "c");
  item.steps_aside = true;
  w.Submit(item);
  w.Pause(lane);  // its answer shows the lane's settings
  w.Pass(100);
  for (const std::string& violation : w.violations()) UNSCOPED_INFO(violation);
  CHECK(w.violations().empty());
  REQUIRE(w.disk.written().lane_settings.contains(lane));
  CHECK(w.disk.written().lane_settings.at(lane).on_retry == (said ? OnRetry::kBlock : OnRetry::kSkip));
}

TEST_CASE("auditor: what a bulk request that woke a namespace passes over is what was there before it, not what came with it") {
  World w;
  for (const char* fkey : {"f1", "f2", "f3", "f4"}) {
    w.Submit(w.Held(kOther, fkey));
    w.Run();
  }
  w.Sleep();
  BulkRequest cancel;
  cancel.request = w.Next();
  cancel.kind = BulkKind::kCancel;
  cancel.query.states = {State::kHeld};
  cancel.query.lane = kLane.name;
  cancel.query.limit = 10;
  w.Submit(w.Held(kLane, "f5"));
  w.lives.Request(cancel);
  w.lives.Open();
  w.Pass(10);
  for (const std::string& violation : w.violations()) UNSCOPED_INFO(violation);
  CHECK(w.violations().empty());
}

TEST_CASE("auditor: a pause whose client is gone is under way until it is written") {
  World w;
  w.Pause(kLane);
  const auto request = std::get<LaneChangeRequest>(w.lives.inbox.back()).request;
  w.lives.Request(Disconnected{request});
  CHECK_FALSE(w.lives.auditor.HasRequests());
  CHECK(w.lives.auditor.ChangesLanes());
  w.Pass(5);
  CHECK_FALSE(w.lives.auditor.ChangesLanes());
  REQUIRE(w.disk.written().lane_settings.contains(kLane));
  CHECK(w.disk.written().lane_settings.at(kLane).paused == Paused::kByRequest);
}

/// Two calls of caller "a" hang while a third lane of his waits, and another's lane has its turns at the same host, one after the other. The core is
/// lent three calls in flight; does the auditor know of it?
void LetOneCallerHang(World* w, bool is_told) {
  const GrantChanged grant{1, 3, 1'000};
  Effects none;
  if (is_told) w->lives.inbox.push_back(grant);
  else w->lives.core->Step(w->lives.clock.now(), Event(grant), &none);
  w->Run();
  w->Submit(w->Item("h1.test:80", {Mode::kConcurrent, "hung1"}, "a"));
  w->Submit(w->Item("h2.test:80", {Mode::kConcurrent, "hung2"}, "a"));
  w->Run();
  for (int i = 0; i < 60; ++i) w->Submit(w->Item("h0.test:80", kOther, "b"));
  w->Submit(w->Item("h0.test:80", kLane, "a"));
  w->Pass(2'500);
  REQUIRE(w->lives.auditor.tally().starts > 30);
}

Profile WithHungHosts() {
  Profile profile;
  profile.hosts = {HostKind::kHealthy, HostKind::kHung, HostKind::kHung};
  profile.hung_timeout_ms = 60'000;
  profile.healthy_ms_max = 60;
  return profile;
}

TEST_CASE("auditor: a lane whose caller has as much in flight as it may is not passed over by those that have their turns meanwhile") {
  World w(WithHungHosts());
  LetOneCallerHang(&w, true);
  for (const std::string& violation : w.violations()) UNSCOPED_INFO(violation);
  CHECK(w.violations().empty());
}

TEST_CASE("auditor: a lane that may start a call, and waits while another has one turn after the other, is noticed") {
  World w(WithHungHosts());
  LetOneCallerHang(&w, false);
  CHECK(w.Said("waits while lane other has more than 12 turns"));
}

TEST_CASE("auditor: more calls in flight than the core was lent are noticed") {
  World w(WithHungHosts());
  w.lives.auditor.OnGrant({1, 1, 1'000});
  w.Submit(w.Item("h1.test:80", {Mode::kConcurrent, "hung1"}, "a"));
  w.Submit(w.Item("h2.test:80", {Mode::kConcurrent, "hung2"}, "b"));
  w.Pass(5);
  CHECK(w.Said("more in flight than 1"));
}

}  // namespace
}  // namespace notifyd::sim
