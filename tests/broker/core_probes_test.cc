// Probes of an open breaker: a call tells that it got to its host, or to an instance, before it ends; and probes of which nothing is heard.
#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <vector>

#include "broker/service_rig.h"

using namespace notifyd;

namespace {

using ProbeStage = Breaker::State;

class ProbeRig : public ServiceRig {
 public:
  explicit ProbeRig(CoreLimits limits = {}) : ServiceRig(limits) {}
  static Fields At(std::string lane) {
    Fields fields = To(std::move(lane));
    fields.host = "h:80";
    return fields;
  }
  /// Opens the breaker of h:80 by one notify each; their next attempts are due within a second.
  void Open() {
    for (int i = 0; i < 5; ++i) {
      Submit(At("opens" + std::to_string(i)));
      REQUIRE(starts.size() == 1);
      Unreached(StartAttempt(starts.at(0)));
    }
    REQUIRE(Host().breaker == ProbeStage::kOpen);
  }
  HostView Host() {
    HostsRequest r;
    r.query.only = "h:80";
    return std::get<HostViewed>(Do(std::move(r)).body).host;
  }
};

}  // namespace

TEST_CASE("core breaker: a slow probe holds up nobody once it has got to the host, and neither do those behind it") {
  BreakerSettings settings;
  settings.fail_on_open = GENERATE(false, true);
  CAPTURE(settings.fail_on_open);
  CoreLimits limits;
  limits.breaker = settings;
  ProbeRig f(limits);
  f.Open();
  f.Pass(10'000);
  // With on_open: fail those that were due meanwhile have failed.
  if (f.starts.empty()) f.Submit(ProbeRig::At("probe"));
  REQUIRE(f.starts.size() == 1);
  const StartAttempt probe = f.starts[0];
  CHECK(probe.tell_reached);
  CHECK(f.Host().breaker == ProbeStage::kProbing);
  f.Reach(probe);
  CHECK(f.Host().breaker == ProbeStage::kRamp);
  CHECK(std::count_if(f.flow_logs.begin(), f.flow_logs.end(), [](const FlowLog& log) { return log.event == "breaker closed"; }) == 1);
  // None of them ends, for an hour: each that got there lets twice as many go after a wait.
  const NotifyId quick = f.Submit(ProbeRig::At("quick")).id;
  const NotifyId other = f.Submit(ProbeRig::At("other")).id;
  for (int i = 0; i < 4 && f.Get(other).state != State::kSending; ++i) {
    for (const StartAttempt& start : std::deque<StartAttempt>(f.starts)) f.Reach(start);
    f.Pass(10'000);
  }
  CHECK(f.Get(quick).state == State::kSending);
  CHECK(f.Get(other).state == State::kSending);
  // The end of the probe, late and bad, says nothing of the host, and is an attempt like any other.
  f.Pass(3'600'000);
  f.End(probe, Verdict::kFailure, -1, "timeout");
  f.Run();
  CHECK(f.Host().breaker == ProbeStage::kRamp);
  CHECK(f.State(probe.id).attempts_made == probe.number);
  CHECK(f.State(probe.id).laters == 0);
  CHECK(f.Balances());
}

TEST_CASE("core breaker: where none of the ramp got there, time lets nobody go") {
  ProbeRig f;
  f.Open();
  f.Pass(10'000);
  REQUIRE(f.starts.size() == 1);
  f.Reach(StartAttempt(f.starts[0]));
  const size_t under_way = f.starts.size();
  f.Submit(ProbeRig::At("waits"));
  f.Pass(600'000);
  CHECK(f.starts.size() == under_way);
}

TEST_CASE("core breaker: what is said of a connection whose attempt is another by now says nothing") {
  ProbeRig f;
  f.Open();
  f.Pass(10'000);
  const StartAttempt first = f.starts.at(0);
  f.Unreached(first);
  f.Reach(first);
  CHECK(f.Host().breaker == ProbeStage::kOpen);
  f.Pass(20'000);
  REQUIRE(f.starts.size() == 1);
  f.Reach(first);
  CHECK(f.Host().breaker == ProbeStage::kProbing);
}

TEST_CASE("core breaker: whoever asks by hand for a probe gets one beside a probe of which nothing is heard") {
  ProbeRig f;
  f.Open();
  f.Pass(10'000);
  REQUIRE(f.starts.size() == 1);
  const StartAttempt silent = f.starts[0];
  const int64_t since_ms = f.now.wall.ms;
  const NotifyId waits = f.Submit(ProbeRig::At("waits")).id;
  f.Pass(12'000);
  const Explained why = f.Explain(waits);
  CHECK(why.reasons.at(0).code == "breaker_open");
  CHECK(why.reasons.at(0).detail.ends_with("; a probe is under way since " + FormatRfc3339({since_ms})));
  CHECK_FALSE(why.expected_at);
  HostChangeRequest by_hand;
  by_hand.host = "h:80";
  by_hand.probe = true;
  f.Do(HostChangeRequest(by_hand));
  REQUIRE(f.starts.size() == 2);
  f.Unreached(StartAttempt(f.starts.at(1)));
  CHECK(f.Host().breaker == ProbeStage::kProbing);  // the older one is to say yet
  f.End(silent, Verdict::kSuccess);
  f.Run();
  CHECK(f.Host().breaker == ProbeStage::kRamp);
}

TEST_CASE("core breaker: a probe of which nothing at all is heard for five minutes leaves its place") {
  ProbeRig f;
  f.Open();
  f.Pass(10'000);
  REQUIRE(f.starts.size() == 1);
  f.Pass(299'999);
  CHECK(f.starts.size() == 1);
  f.Pass(1);
  CHECK(f.starts.size() == 2);
}

TEST_CASE("core services: a slow probe of the only instance fails nobody, and holds up nobody, once it has got there") {
  ProbeRig f;
  ServiceSettings settings;
  settings.breaker = BreakerSettings{.failures = 2};
  settings.breaker->fail_on_open = GENERATE(false, true);
  CAPTURE(settings.breaker->fail_on_open);
  f.Service(settings);
  f.Register("a");
  for (int i = 0; i < 2; ++i) {
    ProbeRig::Fields once = ProbeRig::To("lane" + std::to_string(i));
    once.retry->max_attempts = 1;
    f.Send(once);
    f.Unreached(f.starts.at(0));
  }
  REQUIRE(f.View().instances[0]->breaker == ProbeStage::kOpen);
  f.Pass(10'000);
  const NotifyId slow = f.Send(ProbeRig::To("slow"));
  REQUIRE(f.UnderWay() == std::vector<NotifyId>{slow});
  CHECK(f.starts[0].tell_reached);
  if (!settings.breaker->fail_on_open) {
    const NotifyId waits = f.Send(ProbeRig::To("waits"));
    const Explained why = f.Explain(waits);
    CHECK_THAT(why.reasons.at(0).detail, Catch::Contains("; a probe is under way since " + FormatRfc3339(f.now.wall)));
    CHECK_FALSE(why.expected_at);
    f.ById<CancelRequest>(waits);
  }
  f.Reach(StartAttempt(f.starts[0]));
  CHECK(f.View().instances[0]->breaker == ProbeStage::kRamp);
  CHECK(f.Events().back() == "instance breaker closed");
  const NotifyId quick = f.Send(ProbeRig::To("quick"));
  CHECK(f.UnderWay() == std::vector<NotifyId>{slow, quick});
  // That takes its time, too: the next one goes a wait behind it.
  f.Reach(StartAttempt(f.starts[1]));
  const NotifyId next = f.Send(ProbeRig::To("next"));
  f.Pass(9'999);
  CHECK(f.UnderWay() == std::vector<NotifyId>{slow, quick});
  f.Pass(1);
  CHECK(f.UnderWay() == std::vector<NotifyId>{slow, quick, next});
  f.EndFirst(Verdict::kFailure);
  CHECK(f.View().instances[0]->breaker == ProbeStage::kRamp);
  CHECK(f.Balances());
}

TEST_CASE("core services: that a service's own probe got there is not enough, but its host is there") {
  ProbeRig f;
  ServiceSettings settings;
  settings.breaker = BreakerSettings{.failures = 1};
  settings.probe = ServiceProbe{"/healthy", 5'000};
  f.Service(settings);
  InstanceSettings at;
  at.url = "http://h:80";
  f.Register("a", at);
  f.Open();  // the host's own
  f.Pass(9'999);
  REQUIRE(f.starts.empty());
  f.Pass(1);
  // A call by name is the host's probe, and who calls the service goes behind it.
  REQUIRE(f.starts.size() == 1);
  f.Reach(StartAttempt(f.starts[0]));
  f.EndFirst(Verdict::kSuccess);
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  const NotifyId id = f.Send(ProbeRig::To("fails"));
  REQUIRE(f.UnderWay() == std::vector<NotifyId>{id});
  f.Unreached(f.starts[0]);
  REQUIRE(f.View().instances[0]->breaker == ProbeStage::kOpen);
  f.Pass(20'000);
  REQUIRE(f.starts.size() == 1);
  const StartAttempt probe = f.starts[0];
  REQUIRE(probe.id != id);
  CHECK(probe.tell_reached);
  f.Reach(probe);
  CHECK(f.View().instances[0]->breaker == ProbeStage::kProbing);
  CHECK(f.Host().breaker == ProbeStage::kRamp);
  f.End(probe, Verdict::kFailure);
  f.Run();
  CHECK(f.View().instances[0]->breaker == ProbeStage::kOpen);
}

TEST_CASE("core breaker: a lower open_ms shortens the wait that is under way, and what other waits come of it") {
  ProbeRig f;
  const auto wait_at_first = [&](int64_t open_ms) {
    auto limits = std::make_shared<CoreLimits>();
    limits->breaker.open_ms = open_ms;
    f.Post(LimitsChanged{limits});
    f.Run();
  };
  wait_at_first(600'000);
  f.Open();
  f.Pass(1'000);
  wait_at_first(3'600'000);  // more changes nothing of this one
  CHECK(f.Host().next_probe == WallTime{f.now.wall.ms + 599'000});
  wait_at_first(5'000);
  CHECK(f.Host().next_probe == WallTime{f.now.wall.ms + 4'000});
  f.Pass(3'999);
  REQUIRE(f.starts.empty());
  f.Pass(1);
  REQUIRE(f.starts.size() == 1);
  f.Unreached(StartAttempt(f.starts[0]));
  CHECK(f.Host().next_probe == WallTime{f.now.wall.ms + 10'000});
  f.Pass(8'000);
  wait_at_first(1'000);  // twice as long as that is over
  CHECK(f.starts.size() == 1);
  CHECK(f.Balances());
}

TEST_CASE("core services: what a service says of its breakers holds for what they do already") {
  ProbeRig f;
  ServiceSettings settings;
  settings.breaker = BreakerSettings{.failures = 1, .open_ms = 3'600'000};
  f.Service(settings);
  f.Register("a");
  ProbeRig::Fields once = ProbeRig::To("once");
  once.retry->max_attempts = 1;
  f.Send(once);
  f.Unreached(f.starts.at(0));
  REQUIRE(f.View().instances[0]->breaker == ProbeStage::kOpen);
  const NotifyId waits = f.Send(ProbeRig::To("waits"));
  f.Pass(2'000);
  REQUIRE(f.starts.empty());
  SECTION("a lower open_ms shortens the wait that is under way") {
    settings.breaker->open_ms = 3'000;
    f.Service(settings);
    f.Pass(999);
    CHECK(f.starts.empty());
    f.Pass(1);
    CHECK(f.UnderWay() == std::vector<NotifyId>{waits});
  }
  SECTION("a lower max_wait_ms ends who has waited for so long") {
    settings.breaker->max_wait_ms = 10'000;
    f.Service(settings);
    f.Pass(7'000);
    CHECK(f.State(waits).phase != Phase::kFailed);
    f.Pass(3'000);
    CHECK(f.State(waits).phase == Phase::kFailed);
    CHECK(f.State(waits).reason == "breaker_open");
  }
  SECTION("on_open = fail ends who waits") {
    settings.breaker->fail_on_open = true;
    f.Service(settings);
    CHECK(f.State(waits).phase == Phase::kFailed);
  }
  SECTION("where it is off all goes") {
    settings.breaker->enabled = false;
    f.Service(settings);
    CHECK(f.UnderWay() == std::vector<NotifyId>{waits});
  }
  CHECK(f.Balances());
}

TEST_CASE("core breaker: half of the last calls opens it, whatever was forgotten between them, and none that reached its host does") {
  ProbeRig f;
  const auto call = [&](char kind) {
    // Each is over before the next one: nothing of its host is in memory between them.
    ProbeRig::Fields once = ProbeRig::At("lane");
    once.retry->max_attempts = 1;
    f.Submit(once);
    REQUIRE(f.starts.size() == 1);
    if (kind == 'B') f.Unreached(StartAttempt(f.starts[0]));
    else f.EndFirst(Verdict::kSuccess);
  };
  const auto opened = [&] {
    const std::vector<std::string> events = f.Events();
    return std::count(events.begin(), events.end(), "breaker opened");
  };
  SECTION("nine of the last twenty, and only good ones from then on") {
    for (const char kind : std::string("BBBBGBBBBGBGGGGGGGGGGGGGGGG")) call(kind);
    CHECK(f.Host().breaker == ProbeStage::kClosed);
    CHECK(opened() == 0);
  }
  SECTION("the tenth that fails opens it, with its error") {
    for (const char kind : std::string("GGGGGGGGGGGGGGGGGGGGGGGGGBBBBGBBBBGB")) call(kind);
    REQUIRE(f.Host().breaker == ProbeStage::kClosed);
    call('B');
    REQUIRE(f.Host().breaker == ProbeStage::kOpen);
    REQUIRE(opened() == 1);
    CHECK(f.flow_logs.back().fields.at(1) == std::pair<std::string, std::string>{"error", "connect_failed"});
  }
}
