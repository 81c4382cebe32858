// Hosts of services in the core: who waits at them for a pool or an instance of its own, what is seen and paused, and what ends there.
#include "broker/service_rig.h"
#include "broker/spec.h"

using namespace notifyd;

namespace {

using Rig = ServiceRig;

}  // namespace

TEST_CASE("core services: a restart between leaves nobody who looks for an instance behind") {
  Rig f;
  f.Register("a");
  FlowFields b;
  b.instance = "b";
  const NotifyId id = f.Send(Rig::To(), b);
  f.Restart(CrashKind::kPower);
  f.Register("b");
  f.Pass(5'000);
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].id == id);
  CHECK(f.Balances());
}

TEST_CASE("core services: explain of one behind a head that was never sent does not say that it failed") {
  Rig f;
  f.Register("a", {"http://a", 1, {"eu"}, 0});
  FlowFields us;
  us.pool = "us";
  Rig::Fields fields = Rig::To();
  fields.mode = Mode::kFifo;
  const NotifyId head = f.Send(fields, us), behind = f.Send(fields);
  REQUIRE(f.State(head).attempts_made == 0);
  const auto says = [&](const char* what) {
    const std::string at = FormatRfc3339(f.State(head).next_attempt_at);
    const Explained why = f.Explain(behind);
    CHECK(why.reasons.at(0).code == "blocked_by_head");
    CHECK(why.reasons.at(0).detail == "the head of its fifo lane, " + head.ToString() + what + at);
  };
  says(", could not go yet; its first attempt is due at ");
  // One that is due later waits for it all the same.
  Rig::Fields later = fields;
  later.when = {When::Kind::kDelay, 1};
  const NotifyId scheduled = f.Send(later);
  const Explained why = f.Explain(scheduled);
  REQUIRE(why.reasons.size() == 2);
  CHECK(why.reasons[0].code == "not_due");
  CHECK(why.reasons[1].code == "blocked_by_head");
  CHECK(why.expected_at == f.State(head).next_attempt_at);
  f.Register("c", {"http://c", 1, {"us"}, 0});
  f.Pass(5'000);
  REQUIRE(f.UnderWay() == std::vector<NotifyId>{head});
  f.EndFirst(Verdict::kFailure);
  says(", failed and is attempted again at ");
}

TEST_CASE("core services: who names an instance whose breaker is open fails with it, as it says") {
  Rig f;
  ServiceSettings settings;
  settings.breaker = BreakerSettings{.failures = 2, .max_wait_ms = 60'000};
  f.Service(settings);
  f.Register("a");
  f.Register("b");
  FlowFields b;
  b.instance = "b";
  for (int i = 0; i < 2; ++i) {
    Rig::Fields once = Rig::To("lane" + std::to_string(i));
    once.retry->max_attempts = 1;
    f.Send(once, b);
    f.Unreached(f.starts.at(0));
  }
  REQUIRE(f.View().instances[1]->breaker == Breaker::State::kOpen);
  const NotifyId first = f.Send(Rig::To("first"), b), second = f.Send(Rig::To("second"), b);
  CHECK(f.Why(first).back() == "breaker_open");
  auto unsettled = [&] { return f.State(first).phase != Phase::kFailed || f.State(second).phase != Phase::kFailed; };
  int64_t passed = 0;
  for (; passed < 58'000; passed += 1'000) {
    f.Pass(1'000);
    while (!f.starts.empty()) f.Unreached(f.starts[0]);  // probes in vain
  }
  CHECK(f.State(first).phase == Phase::kRetrying);
  CHECK(f.State(second).phase == Phase::kRetrying);
  for (; passed < 80'000 && unsettled(); passed += 1'000) {
    f.Pass(1'000);
    while (!f.starts.empty()) f.Unreached(f.starts[0]);
  }
  for (const NotifyId id : {first, second}) {
    CHECK(f.State(id).phase == Phase::kFailed);
    CHECK(f.State(id).reason == "breaker_open");
  }
  settings.breaker->fail_on_open = true;
  f.Service(settings);
  const NotifyId fails = f.Send(Rig::To(), b), goes = f.Send(Rig::To());
  CHECK(f.State(fails).reason == "breaker_open");
  CHECK(f.State(fails).attempts_made == 0);
  CHECK(f.UnderWay() == std::vector<NotifyId>{goes});
  CHECK(f.Balances());
}

TEST_CASE("core services: a service's host is seen, and paused, with those who wait for a pool or an instance of it") {
  Rig f;
  f.Register("a", {"http://a", 1, {"eu"}, 0});
  FlowFields eu;
  eu.pool = "eu";
  f.Send(Rig::To("one"));
  f.Send(Rig::To("two"), eu);
  const std::vector<HostView> hosts = std::get<HostsListed>(f.Do(HostsRequest{}).body).hosts;
  // The host that the instance is at has them, too.
  REQUIRE(hosts.size() == 2);
  CHECK(hosts[0].host == "a:80");
  CHECK(hosts[0].in_flight == 2);
  CHECK(hosts[1].host == "service://billing");
  CHECK(hosts[1].in_flight == 2);
  HostChangeRequest change;
  change.host = "service://billing";
  change.patch.paused = true;
  f.Do(change);
  const NotifyId waits = f.Send(Rig::To("three"), eu);
  CHECK(f.starts.size() == 2);
  CHECK(f.Why(waits) == std::vector<std::string>{"host_paused"});
  f.Restart(CrashKind::kPower);
  f.Pass(60'000);
  CHECK(f.starts.empty());
  change.patch.paused = false;
  f.Do(std::move(change));
  CHECK(f.starts.size() == 3);
  CHECK(f.Balances());
}

TEST_CASE(
    "core services: one none of whose instances was reached for disable_after_ms, its own or all services', is paused, until somebody resumes it") {
  CoreLimits limits;
  const bool own = GENERATE(false, true);
  CAPTURE(own);
  limits.breaker.disable_after_ms = own ? 0 : 25'000;
  Rig f(limits);
  if (own) {
    ServiceSettings settings;
    settings.breaker.emplace().disable_after_ms = 25'000;
    f.Service(settings);
  }
  f.Register("a");
  for (int i = 0; i < 5; ++i) {
    f.Send(Rig::To("lane" + std::to_string(i)));
    f.Unreached(f.starts.at(0));
  }
  REQUIRE(f.View().instances[0]->breaker == Breaker::State::kOpen);
  auto host = [&] {
    HostsRequest r;
    r.query.only = "service://billing";
    return std::get<HostViewed>(f.Do(std::move(r)).body).host;
  };
  f.Pass(10'000);
  f.Unreached(f.starts.at(0));
  CHECK_FALSE(host().own.paused);
  f.Pass(20'000);
  f.Unreached(f.starts.at(0));
  CHECK(host().own.paused);
  CHECK(host().breaker == Breaker::State::kOpen);
  CHECK(host().open_since);
  CHECK(f.Events().back() == "host paused");
  f.Pass(3'600'000);
  CHECK(f.starts.empty());
  HostChangeRequest resume;
  resume.host = "service://billing";
  resume.patch.paused = false;
  f.Do(std::move(resume));
  CHECK(f.starts.size() == 5);
  CHECK(host().breaker == Breaker::State::kClosed);
  CHECK(f.Balances());
}

TEST_CASE("core services: a namespace has 100,000 instances at most") {
  Rig f;
  auto flow = std::make_shared<FlowSettings>();
  for (int i = 0; i < 100; ++i) {
    FileService service{"s" + std::to_string(i), {"default"}, {}, {}};
    for (int j = 0; j < 1'000 - (i == 0); ++j) service.instances.push_back({std::to_string(j), {"http://x", 1, {}, 0}});
    flow->services.push_back(std::move(service));
  }
  f.Post(FlowSettingsChanged{flow});
  f.Run();
  CHECK(f.Register("last").created);
  CHECK(f.Refusal(PutInstance{"billing", "beyond", {"http://x", 1, {}, 0}, {}}) == Code::kTooMany);
  f.Register("last");  // a beat
  f.Told(DeleteInstance{"billing", "last", {}});
  CHECK(f.Register("beyond").created);
}

TEST_CASE("core services: what waits for one that is deleted waits on; a name is not taken anew while it is not there") {
  Rig f;
  f.Service({});
  const NotifyId waits = f.Send(Rig::To());
  f.Told(DeleteService{"billing", {}});
  CHECK(Rig::CodeOf(f.TrySubmit({Rig::To()}, false)) == Code::kUnacceptable);
  FlowFields run;
  run.schedule = "nightly";
  const NotifyId of_schedule = f.Send(Rig::To("runs"), run);
  CHECK(f.Why(waits) == std::vector<std::string>{"no_instance"});
  CHECK(f.Why(of_schedule) == std::vector<std::string>{"no_instance"});
  f.Register("a");
  CHECK(f.starts.size() == 2);
}

TEST_CASE("core services: a probe of the service's own finds out whether an instance is back, and no notify does") {
  Rig f;
  ServiceSettings settings;
  settings.breaker = BreakerSettings{.failures = 1, .open_ms = 10'000};
  settings.probe = ServiceProbe{"/healthz?deep=1", 700};
  f.Service(settings);
  f.Register("a", {"http://a/api", 1, {}, 0});
  const NotifyId id = f.Send(Rig::To());
  f.Unreached(f.starts.at(0));
  REQUIRE(f.View().instances[0]->breaker == Breaker::State::kOpen);
  f.Pass(9'999);
  CHECK(f.starts.empty());
  f.Pass(1);
  REQUIRE(f.starts.size() == 1);
  StartAttempt probe = f.starts[0];
  CHECK(probe.id != id);
  CHECK(probe.instance->url == "http://a/api");
  const NotifySpec spec = *DecodeSpec(*probe.spec);
  CHECK(spec.url == "service://billing/healthz?deep=1");
  CHECK(spec.method == Method::kGet);
  CHECK(spec.timeout_ms == 700);
  CHECK(f.View().instances[0]->breaker == Breaker::State::kProbing);
  f.Pass(60'000);
  CHECK(f.starts.size() == 1);  // one at a time
  // An answer that is none of 2xx is no sign that it is back.
  f.End(probe, Verdict::kFailure);
  f.Run();
  CHECK(f.View().instances[0]->breaker == Breaker::State::kOpen);
  f.Pass(19'999);
  CHECK(f.starts.empty());
  f.ById<RetryRequest>(id);  // by hand: at once
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].id != id);
  CHECK(f.State(id).attempts_made == 1);
  f.End(StartAttempt(f.starts[0]), Verdict::kSuccess);
  f.Run();
  CHECK(f.View().instances[0]->breaker == Breaker::State::kRamp);
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].id == id);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.State(id).phase == Phase::kSucceeded);
  CHECK(f.Balances());
}

TEST_CASE("core services: no probe goes to a service that is paused, or to what is not there any more; one goes once it is resumed") {
  Rig f;
  ServiceSettings settings;
  settings.breaker = BreakerSettings{.failures = 1, .open_ms = 10'000};
  settings.probe = ServiceProbe{"/", 5'000};
  f.Service(settings);
  f.Register("a");
  f.Send(Rig::To());
  f.Unreached(f.starts.at(0));
  HostChangeRequest change;
  change.host = "service://billing";
  change.patch.paused = true;
  f.Do(change);
  f.Pass(100'000);
  CHECK(f.starts.empty());
  change.patch.paused = false;
  f.Do(std::move(change));
  REQUIRE(f.starts.size() == 1);
  f.Told(DeleteInstance{"billing", "a", {}});
  f.End(StartAttempt(f.starts[0]), Verdict::kSuccess);
  f.Run();
  CHECK(f.View().instances.empty());
  CHECK(f.starts.empty());
  CHECK(f.Balances());
}
