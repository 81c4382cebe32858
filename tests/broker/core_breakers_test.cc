// Breakers of hosts: what waits in front of an open one, the probe, the ramp behind it, and the ends of those who waited for too long.
#include <catch2/catch.hpp>

#include "broker/core_fixture.h"

using namespace notifyd;

namespace {

using Stage = Breaker::State;

class Rig : public CoreFixture {
 public:
  explicit Rig(CoreLimits limits = {}) : CoreFixture(limits) {}
  static Fields To(std::string lane, std::string host = "h:80") {
    Fields fields;
    fields.lane = std::move(lane);
    fields.host = std::move(host);
    fields.retry = Waits({1'000}, 1'000);
    return fields;
  }
  void Unreached(const StartAttempt& start) {
    AttemptEnded e;
    e.id = start.id;
    e.result.verdict = Verdict::kFailure;
    e.result.unsent = true;
    e.result.record.number = start.number;
    e.result.record.started_at = start.at;
    e.result.record.error = "connect_failed";
    std::erase_if(starts, [&](const StartAttempt& s) { return s.id == e.id; });
    Post(std::move(e));
    Run();
  }
  /// Opens the breaker of h:80 by one notify each; their next attempts are due within a second.
  void Open() {
    for (int i = 0; i < 5; ++i) {
      Submit(To("opens" + std::to_string(i)));
      REQUIRE(starts.size() == 1);
      Unreached(StartAttempt(starts.at(0)));
    }
    REQUIRE(Host().breaker == Stage::kOpen);
  }
  /// Where set: is called once, between the turn in which something got its place in flight and the load of its spec.
  std::function<void()> before_load;
  void Post(Event event) override {
    if (std::holds_alternative<Loaded>(event) && before_load) std::exchange(before_load, nullptr)();
    CoreFixture::Post(std::move(event));
  }
  HostView Host(const std::string& name = "h:80") {
    HostsRequest r;
    r.query.only = name;
    return std::get<HostViewed>(Do(std::move(r)).body).host;
  }
  NotifyState State(NotifyId id) { return Get(id).record->state; }
};

CoreLimits With(BreakerSettings breaker) {
  CoreLimits limits;
  limits.breaker = breaker;
  return limits;
}

}  // namespace

TEST_CASE("core breaker: in front of an open one all waits, budgets untouched, other hosts go on") {
  Rig f;
  f.Open();
  NotifyId waits = f.Submit(Rig::To("waits")).id;
  NotifyId other = f.Submit(Rig::To("other", "other:80")).id;
  CHECK(f.UnderWay() == std::vector<NotifyId>{other});
  f.Pass(9'999);  // retries come due meanwhile
  CHECK(f.starts.size() == 1);
  CHECK(f.Why(waits) == std::vector<std::string>{"breaker_open"});
  CHECK(f.State(waits).attempts_made == 0);
  f.Pass(1);
  CHECK(f.starts.size() == 2);  // one probe
  CHECK(f.Host().breaker == Stage::kProbing);
  f.Pass(60'000);
  CHECK(f.starts.size() == 2);
  CHECK(f.Balances());
}

TEST_CASE("core breaker: a host is probed by hand: what is next goes out now, and the others follow once it is reached") {
  Rig f;
  f.Open();
  const NotifyId waits = f.Submit(Rig::To("waits")).id;
  const auto probe = [&f](const std::string& host) {
    HostChangeRequest r;
    r.host = host;
    r.probe = true;
    return f.Do(std::move(r));
  };
  const Reply probed = probe("h:80");
  CHECK(std::get<HostViewed>(probed.body).host.host == "h:80");
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].id == waits);
  CHECK(f.Host().breaker == Stage::kProbing);
  f.Unreached(StartAttempt(f.starts.at(0)));
  CHECK(f.Host().breaker == Stage::kOpen);
  // Once more, with more luck. Of one that is reached it says nothing.
  probe("h:80");
  REQUIRE(f.starts.size() == 1);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.Host().breaker != Stage::kOpen);
  CHECK(std::holds_alternative<HostViewed>(probe("h:80").body));

  CHECK(CoreFixture::CodeOf(probe("unheard:80")) == Code::kNotFound);
  HostChangeRequest pause;
  pause.host = "h:80";
  pause.patch.paused = true;
  f.Do(std::move(pause));
  CHECK(CoreFixture::CodeOf(probe("h:80")) == Code::kConflict);
  CHECK(f.Balances());
}

TEST_CASE("core breaker: what is said of an open one") {
  Rig f;
  f.Open();
  NotifyId waits = f.Submit(Rig::To("waits")).id;
  Explained why = f.Explain(waits);
  REQUIRE(why.expected_at);
  CHECK(why.expected_at->ms == f.now.wall.ms + 10'000);
  HostView host = f.Host();
  CHECK(host.open_since == f.now.wall);
  CHECK(host.next_probe == why.expected_at);
  CHECK(f.Stats().open_breakers == 1);
  CHECK(f.Stats().breaker_opened == 1);
  REQUIRE(f.flow_logs.size() == 1);
  CHECK(f.flow_logs[0].event == "breaker opened");
  CHECK(f.flow_logs[0].warning);
  f.Pass(10'000);
  f.EndFirst(Verdict::kSuccess);
  REQUIRE(f.flow_logs.size() == 2);
  CHECK(f.flow_logs[1].event == "breaker closed");
  CHECK(f.flow_logs[1].fields == std::vector<std::pair<std::string, std::string>>{{"host", "h:80"}, {"open_ms", "10000"}});
  CHECK(f.Host().breaker == Stage::kRamp);
  CHECK_FALSE(f.Host().open_since);
  CHECK(f.Stats().open_breakers == 0);
}

TEST_CASE("core breaker: answers of any kind open nothing, and a failed probe that was answered closes it") {
  Rig f;
  for (int i = 0; i < 30; ++i) {
    f.Submit(Rig::To("lane" + std::to_string(i)));
    f.End(StartAttempt(f.starts.at(0)), Verdict::kFailure, -1, i % 2 == 0 ? "unexpected_answer" : "timeout");
    f.Run();
  }
  CHECK(f.Host().breaker == Stage::kClosed);
  Rig g;
  g.Open();
  g.Pass(10'000);
  g.EndFirst(Verdict::kFailure);
  CHECK(g.Host().breaker == Stage::kRamp);
}

TEST_CASE("core breaker: after it closes one call at a time, twice as many with each that reaches the host") {
  Rig f;
  f.Open();
  for (int i = 0; i < 40; ++i) f.Submit(Rig::To("lane" + std::to_string(i)));
  f.Pass(10'000);
  REQUIRE(f.starts.size() == 1);
  std::vector<size_t> at_once;
  for (int i = 0; i < 6; ++i) {
    f.EndFirst(Verdict::kSuccess);
    at_once.push_back(f.starts.size());
  }
  CHECK(at_once == std::vector<size_t>{1, 2, 4, 8, 16, 32});
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  CHECK(f.Stats().totals.succeeded == 45);
}

TEST_CASE("core breaker: many thousand wait on disk at an open one, a probe a wait, and all go once it closes, fifo in order") {
  CoreLimits limits;
  limits.max_loaded = 400;
  limits.max_loaded_per_lane = 32;
  limits.max_waiting_lanes_per_host = 16;
  limits.page_items = 16;
  Rig f(limits);
  f.check_every = 500;
  f.Open();
  std::map<std::string, std::vector<NotifyId>> in_order;
  size_t most_loaded = 0;
  constexpr int kMany = 6'000;
  for (int i = 0; i < kMany; i += 60) {
    std::vector<CoreFixture::Fields> batch;
    for (int j = 0; j < 60; ++j) {
      batch.push_back(Rig::To("lane" + std::to_string((i + j) % 300)));
      if (j % 3 == 0) batch.back().mode = Mode::kFifo;
    }
    const Reply& reply = f.TrySubmit(batch);
    const auto& items = std::get<Submitted>(reply.body).items;
    for (size_t j = 0; j < items.size(); ++j)
      if (batch[j].mode == Mode::kFifo) in_order[batch[j].lane].push_back(items[j].id);
    most_loaded = std::max<size_t>(most_loaded, f.Stats().loaded_notifies);
  }
  CHECK(most_loaded < 500);
  const size_t before = f.sent.size();
  for (int i = 0; i < 3; ++i) {  // 10, 20, 40 s
    f.Pass(10'000 << i);
    REQUIRE(f.starts.size() == 1);
    f.Unreached(StartAttempt(f.starts.at(0)));
  }
  CHECK(f.sent.size() == before + 3);
  f.Pass(80'000);
  while (!f.starts.empty() || f.Stats().totals.succeeded < kMany + 5) {
    REQUIRE(f.now.wall.ms < 10'000'000);
    if (f.starts.empty()) f.Pass(100);
    else f.EndFirst(Verdict::kSuccess);
  }
  std::map<NotifyId, uint32_t> attempts;
  std::map<std::string, std::vector<NotifyId>> sent;
  for (const StartAttempt& start : f.sent)
    if (++attempts[start.id] == 1 && start.envelope->lane.mode == Mode::kFifo) sent[start.envelope->lane.name].push_back(start.id);
  CHECK(sent == in_order);
  uint32_t most = 0;
  for (const auto& [id, n] : attempts) most = std::max(most, n);
  CHECK(most <= 4);  // none but the probes cost an attempt
  CHECK(f.Balances());
}

TEST_CASE("core breaker: a probe in vain uses up nothing of a budget, keeps the order of its lane, and fails in the end as those that only waited") {
  BreakerSettings breaker;
  breaker.max_wait_ms = 3'600'000;
  Rig f(With(breaker));
  f.Open();
  CoreFixture::Fields fields = Rig::To("row");
  fields.mode = Mode::kFifo;
  fields.retry = Waits({1'000}, 1);
  NotifyId first = f.Submit(fields).id;
  NotifyId second = f.Submit(fields).id;
  uint32_t probes = 0, of_first = 0;
  auto probe = [&](int64_t until_ms) {
    for (; f.now.wall.ms < until_ms; f.Pass(10'000)) {
      while (!f.starts.empty()) {
        ++probes;
        CHECK(f.starts.size() == 1);
        CHECK(f.starts[0].id != second);
        of_first += f.starts[0].id == first;
        f.Unreached(StartAttempt(f.starts.at(0)));
      }
    }
  };
  const int64_t begun_ms = f.now.wall.ms;
  probe(begun_ms + 1'800'000);
  CHECK(of_first > 0);
  CHECK(probes < 12);
  CHECK(f.State(first).phase == Phase::kRetrying);
  CHECK(f.State(first).attempts_made == of_first);
  CHECK(f.Why(first) == std::vector<std::string>{"breaker_open"});
  f.Restart();
  CHECK(f.State(first).laters == of_first);
  breaker.enabled = false;
  auto off = std::make_shared<CoreLimits>(With(breaker));
  f.Post(LimitsChanged{off});
  f.Run();
  // No breaker any more: now its one attempt is made.
  auto start = std::find_if(f.starts.begin(), f.starts.end(), [&](const StartAttempt& s) { return s.id == first; });
  REQUIRE(start != f.starts.end());
  f.Unreached(StartAttempt(*start));
  CHECK(f.State(first).reason == "attempts_exhausted");
  CHECK(std::any_of(f.starts.begin(), f.starts.end(), [&](const StartAttempt& s) { return s.id == second; }));
  CHECK(f.Balances());
}

TEST_CASE("core breaker: whoever was the probe has waited for as long as any other") {
  BreakerSettings breaker;
  breaker.max_wait_ms = 600'000;
  Rig f(With(breaker));
  f.Open();
  NotifyId waits = f.Submit(Rig::To("waits")).id;
  for (int64_t until = f.now.wall.ms + 720'000; f.now.wall.ms < until; f.Pass(5'000))
    while (!f.starts.empty()) f.Unreached(StartAttempt(f.starts.at(0)));
  CHECK(f.State(waits).phase == Phase::kFailed);
  CHECK(f.State(waits).reason == "breaker_open");
  CHECK(f.Balances());
}

TEST_CASE("core breaker: a retry by hand is a probe at once, and only one") {
  Rig f;
  f.Open();
  NotifyId waits = f.Submit(Rig::To("waits")).id;
  CHECK(f.starts.empty());
  CHECK(CoreFixture::CodeOf(f.ById<RetryRequest>(waits)) == Code::kOk);
  CHECK(f.UnderWay() == std::vector<NotifyId>{waits});
  NotifyId more = f.Submit(Rig::To("more")).id;
  f.ById<RetryRequest>(more);
  CHECK(f.starts.size() == 1);
  f.Unreached(StartAttempt(f.starts.at(0)));
  CHECK(f.starts.empty());
  CHECK(f.Host().next_probe->ms == f.now.wall.ms + 20'000);
}

TEST_CASE("core breaker: a restart begins closed") {
  Rig f;
  f.Open();
  f.Submit(Rig::To("waits"));
  CHECK(f.starts.empty());
  f.Restart();
  CHECK(f.starts.size() >= 1);
  CHECK(f.Host().breaker == Stage::kClosed);
}

TEST_CASE("core breaker: whoever has the namespace next sends what waited at an open one, whatever that one waited for") {
  Rig f;
  f.Open();
  for (int i = 0; i < 3; ++i) {
    f.Pass(f.Host().next_probe->ms - f.now.wall.ms);
    f.Unreached(StartAttempt(f.starts.at(0)));
  }
  REQUIRE(f.Host().next_probe->ms == f.now.wall.ms + 80'000);
  for (int i = 0; i < 13; ++i) {
    Rig::Fields fields = Rig::To("lane" + std::to_string(i % 3));
    fields.mode = i % 3 == 0 ? Mode::kFifo : Mode::kConcurrent;
    f.Submit(std::move(fields));
  }
  const uint64_t pending = f.Stats().totals.pending();
  REQUIRE(pending == 18);
  REQUIRE(f.starts.empty());
  SECTION("between two probes") {}
  SECTION("with a probe in flight, which is repeated") {
    f.Pass(80'000);
    REQUIRE(f.starts.size() == 1);
  }
  f.Restart();
  // Its host is there by now. What was due waits for no breaker: no time but that of the retries of those that opened it need pass.
  for (uint64_t ended = 0; ended < pending; ++ended) {
    if (f.starts.empty()) f.Pass(1'000);
    REQUIRE_FALSE(f.starts.empty());
    CHECK(f.Host().breaker == Stage::kClosed);
    f.EndFirst(Verdict::kSuccess);
  }
  CHECK(f.Stats().totals.pending() == 0);
  CHECK(f.Balances());
}

TEST_CASE("core breaker: it is remembered while nothing of its host is in memory, and forgotten once nothing happens any more") {
  Rig f;
  f.Open();
  f.Bulk(BulkKind::kCancel, {notifyd::State::kReady, notifyd::State::kRetrying});
  CHECK(f.Host().breaker == Stage::kOpen);
  f.Pass(5'000);
  f.Submit(Rig::To("late"));
  CHECK(f.starts.empty());
  f.Bulk(BulkKind::kCancel, {notifyd::State::kReady});
  f.Pass(3'700'000);
  CHECK(f.Stats().hosts == 0);
  CHECK(f.Stats().open_breakers == 0);
  f.Submit(Rig::To("new"));
  CHECK(f.starts.size() == 1);
}

TEST_CASE("core breaker: how many hosts are remembered for their breakers alone is bounded") {
  CoreLimits limits;
  limits.max_loaded = 64;
  limits.breaker.failures = 1;
  Rig f(limits);
  f.check_every = 200;
  for (int i = 0; i < 1'500; ++i) {
    CoreFixture::Fields fields = Rig::To("lane", "h" + std::to_string(i) + ":80");
    fields.retry = Waits({1'000}, 1);
    f.Submit(fields);
    f.Unreached(StartAttempt(f.starts.at(0)));
  }
  CHECK(f.Stats().hosts <= 1'026);
  CHECK(f.Stats().hosts > 900);
}

TEST_CASE("core breaker: switched off it lets all go, and counts nothing") {
  Rig f;
  f.Open();
  for (int i = 0; i < 9; ++i) f.Submit(Rig::To("lane" + std::to_string(i)));
  CHECK(f.starts.empty());
  auto limits = std::make_shared<CoreLimits>();
  limits->breaker.enabled = false;
  f.Post(LimitsChanged{limits});
  f.Run();
  CHECK(f.starts.size() == 9);
  while (!f.starts.empty()) f.Unreached(StartAttempt(f.starts.at(0)));
  CHECK(f.Host().breaker == Stage::kClosed);
  CHECK(f.Stats().open_breakers == 0);
}

TEST_CASE("core breaker: a probe that is not sent, since something ends it while its spec is read, leaves its place to another") {
  CoreLimits limits;
  limits.max_spec_bytes = 0;
  Rig f(limits);
  for (int i = 0; i < 5; ++i) {
    f.Submit(Rig::To("opens" + std::to_string(i)));
    f.Unreached(StartAttempt(f.starts.at(0)));
  }
  f.Bulk(BulkKind::kCancel, {notifyd::State::kReady, notifyd::State::kRetrying});
  CoreFixture::Fields fields = Rig::To("a");
  fields.ttl = Delay(10'001);
  NotifyId first = f.Submit(fields).id, second = f.Submit(Rig::To("b")).id;
  const bool expires = GENERATE(true, false);
  INFO(expires);
  f.before_load = [&] {
    if (expires) {
      f.now.wall.ms += 2;
      f.now.mono.ms += 2;
      return;
    }
    LaneChangeRequest pause;
    pause.lane = {Mode::kConcurrent, "a"};
    pause.patch.paused = true;
    f.Ask(pause);
  };
  f.Pass(10'000);
  CHECK_FALSE(f.before_load);
  CHECK(f.State(first).attempts_made == 0);
  CHECK(f.State(first).phase == (expires ? Phase::kExpired : Phase::kWaiting));
  CHECK(f.UnderWay() == std::vector<NotifyId>{second});
  CHECK(f.Host().breaker == Stage::kProbing);
}

TEST_CASE("core breaker: who waited at an open one for max_wait_ms fails, and not before") {
  BreakerSettings breaker;
  breaker.max_wait_ms = 240'000;  // looked for every 10 s
  breaker.open_ms = 3'600'000;    // no probe meanwhile, which would be an attempt of one of them
  Rig f(With(breaker));
  f.Open();
  CoreFixture::Fields told = Rig::To("told");
  told.callback = "cb:80";
  NotifyId early = f.Submit(told).id;
  f.Pass(100'000);
  NotifyId late = f.Submit(Rig::To("late")).id;
  NotifyId later = f.Submit([] {
                      auto fields = Rig::To("later");
                      fields.when = Delay(3'600'000);
                      return fields;
                    }())
                       .id;
  f.Pass(135'000);
  CHECK(f.State(early).phase == Phase::kWaiting);
  f.Pass(20'000);
  CHECK(f.State(early).phase == Phase::kFailed);
  CHECK(f.State(early).reason == "breaker_open");
  CHECK(f.State(late).phase == Phase::kWaiting);
  CHECK(std::any_of(f.starts.begin(), f.starts.end(), [](const StartAttempt& s) { return s.envelope->host == "cb:80"; }));
  f.Pass(100'000);
  CHECK(f.State(late).reason == "breaker_open");
  CHECK(f.State(later).phase == Phase::kWaiting);
  CHECK(f.Balances());
}

TEST_CASE("core breaker: max_wait_ms reaches what sleeps on disk; a paused lane waits for its resume") {
  CoreLimits limits;
  limits.max_loaded = 400;
  limits.max_waiting_lanes_per_host = 16;
  limits.page_items = 16;
  limits.breaker.max_wait_ms = 60'000;
  Rig f(limits);
  f.check_every = 200;
  f.Open();
  f.Pause({Mode::kConcurrent, "paused"});
  NotifyId paused = f.Submit(Rig::To("paused")).id;
  for (int i = 0; i < 3'000; ++i) f.Submit(Rig::To("lane" + std::to_string(i % 700)));
  for (int t = 0; t < 90; ++t) {
    f.Pass(1'000);
    while (!f.starts.empty()) f.Unreached(StartAttempt(f.starts.at(0)));
  }
  CHECK(f.Stats().totals.failed >= 3'000);
  CHECK(f.State(paused).phase == Phase::kWaiting);
  CHECK(f.Stats().totals.pending() >= 1);
  CHECK(f.Balances());
}

TEST_CASE("core breaker: a fifo lane that pauses where one fails keeps those behind it") {
  BreakerSettings breaker;
  breaker.max_wait_ms = 60'000;
  breaker.open_ms = 3'600'000;
  Rig f(With(breaker));
  f.Open();
  LanePatch patch;
  patch.on_failure.emplace(OnFailure::kPause);
  f.SetLane(kFifoLane, patch);
  CoreFixture::Fields fields = Fifo();
  fields.host = "h:80";
  NotifyId first = f.Submit(fields).id, second = f.Submit(fields).id;
  f.Pass(90'000);
  CHECK(f.State(first).reason == "breaker_open");
  CHECK(f.LaneOf(kFifoLane).limits.paused == Paused::kByFailure);
  CHECK(f.State(second).phase == Phase::kWaiting);
}

TEST_CASE("core breaker: with on_open = fail what is due at an open one fails at once, without an attempt, on disk too") {
  CoreLimits limits;
  limits.max_loaded = 200;
  limits.max_waiting_lanes_per_host = 8;
  limits.page_items = 16;
  Rig f(limits);
  f.check_every = 200;
  f.Open();
  f.Bulk(BulkKind::kCancel, {notifyd::State::kReady, notifyd::State::kRetrying});
  std::vector<NotifyId> ids;
  for (int i = 0; i < 1'000; ++i) ids.push_back(f.Submit(Rig::To("lane" + std::to_string(i % 200))).id);
  NotifyId other = f.Submit(Rig::To("other", "other:80")).id;
  const size_t sent = f.sent.size();
  auto other_limits = std::make_shared<CoreLimits>(limits);
  other_limits->breaker.fail_on_open = true;
  f.Post(LimitsChanged{other_limits});
  f.Run();
  CHECK(f.sent.size() == sent);
  for (NotifyId id : ids) REQUIRE(f.State(id).reason == "breaker_open");
  CHECK(f.State(other).phase == Phase::kWaiting);
  CoreFixture::Fields told = Rig::To("told");
  told.callback = "cb:80";
  NotifyId id = f.Submit(told).id;
  CHECK(f.State(id).phase == Phase::kFailed);
  CHECK(f.starts.back().envelope->host == "cb:80");
  CHECK(f.Balances());
  // The probe is a due one all the same.
  f.Pass(10'000);
  NotifyId probe = f.Submit(Rig::To("probe")).id;
  CHECK(f.starts.back().id == probe);
  f.End(StartAttempt(f.starts.back()), Verdict::kSuccess);
  f.Run();
  CHECK(f.Host().breaker == Stage::kRamp);
}

TEST_CASE("core breaker: with on_open = fail one whose callback tells of an attempt that must be read fails too, once") {
  CoreLimits limits;
  limits.max_spec_bytes = 0;
  limits.breaker.fail_on_open = true;
  Rig f(limits);
  CoreFixture::Fields told = Rig::To("told");
  told.callback = "cb:80";
  NotifyId id = f.Submit(told).id;
  f.Unreached(StartAttempt(f.starts.at(0)));
  for (int i = 0; i < 4; ++i) {
    f.Submit(Rig::To("opens" + std::to_string(i)));
    f.Unreached(StartAttempt(f.starts.at(0)));
  }
  REQUIRE(f.Host().breaker == Stage::kOpen);
  f.Pass(1'000);
  CHECK(f.State(id).reason == "breaker_open");
  CHECK(f.State(id).attempts_made == 1);
  size_t callbacks = 0;
  for (const StartAttempt& start : f.sent) callbacks += start.envelope->host == "cb:80";
  CHECK(callbacks == 1);
  CHECK(f.Host().in_flight == 0);
  CHECK(f.Balances());
}

TEST_CASE("core breaker: a ttl ends at an open one as ever") {
  Rig f;
  f.Open();
  CoreFixture::Fields fields = Rig::To("waits");
  fields.ttl = Delay(3'000);
  NotifyId id = f.Submit(fields).id;
  f.Pass(3'001);
  CHECK(f.State(id).phase == Phase::kExpired);
  CHECK(f.State(id).attempts_made == 0);
}

TEST_CASE("core breaker: a core with an open one does not go to sleep") {
  Rig f;
  f.Open();
  f.Bulk(BulkKind::kCancel, {notifyd::State::kReady, notifyd::State::kRetrying});
  f.Pass(1'000);
  CHECK_FALSE(f.core().idle(f.now.wall));
  f.Pass(3'700'000);
  CHECK(f.core().idle(f.now.wall));
}

TEST_CASE("core breaker: a host that was not reached for disable_after_ms is paused, over restarts, until somebody resumes it") {
  BreakerSettings breaker;
  breaker.disable_after_ms = 25'000;
  Rig f(With(breaker));
  f.Open();
  NotifyId waits = f.Submit(Rig::To("waits")).id;
  f.Pass(10'000);
  f.Unreached(StartAttempt(f.starts.at(0)));
  CHECK_FALSE(f.Host().own.paused);  // 10 s are not enough
  f.Pass(20'000);
  CHECK_FALSE(f.Host().own.paused);  // nor is time alone: the probe may reach it
  f.Unreached(StartAttempt(f.starts.at(0)));
  CHECK(f.Host().own.paused);
  CHECK(f.Host().breaker == Stage::kOpen);  // so that it is seen why
  CHECK(f.Host().open_since);
  REQUIRE(f.flow_logs.size() == 2);
  CHECK(f.flow_logs[1].event == "host paused");
  CHECK(f.flow_logs[1].warning);
  CHECK(f.Why(waits).front() == "host_paused");
  f.Pass(3'600'000);
  CHECK(f.starts.empty());
  f.Restart(CrashKind::kPower);
  f.Pass(60'000);
  CHECK(f.starts.empty());
  HostChangeRequest resume;
  resume.host = "h:80";
  resume.patch.paused = false;
  f.Do(std::move(resume));
  CHECK(f.starts.size() == 6);  // those of Open, and the one that waits
  CHECK(f.Balances());
}
