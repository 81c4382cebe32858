// What is said of a host holds for the calls that reach it as an instance of a service: caps, rates, pauses, breakers.
#include <algorithm>
#include <functional>
#include <set>

#include "broker/figures_events.h"
#include "broker/service_rig.h"

using namespace notifyd;

namespace {

HostRule ForInstances(const char* match) {
  HostRule rule;
  rule.match = *UrlPattern::Parse(match);
  rule.place = 1;
  return rule;
}
HostRule InstanceConcurrency(const char* match, uint32_t n) {
  HostRule rule = ForInstances(match);
  rule.concurrency = n;
  return rule;
}
HostRule RateRule(const char* match, double per_s) {
  HostRule rule = ForInstances(match);
  rule.rate_per_s = per_s;
  return rule;
}
HostRule InstanceBreaker(const char* match, BreakerSettings breaker) {
  HostRule rule = ForInstances(match);
  rule.breaker = breaker;
  return rule;
}

class InstanceRig : public ServiceRig {
 public:
  using ServiceRig::ServiceRig;
  void File(std::vector<HostRule> rules) {
    auto flow = std::make_shared<FlowSettings>();
    flow->hosts = std::move(rules);
    Post(FlowSettingsChanged{std::move(flow)});
    Run();
  }
  HostView Patch(const std::string& host, const HostPatch& patch = {}) {
    HostChangeRequest r;
    r.host = host;
    r.patch = patch;
    return std::get<HostViewed>(Do(std::move(r)).body).host;
  }
  void SetPaused(const std::string& host, bool paused) {
    HostPatch patch;
    patch.paused = paused;
    Patch(host, patch);
  }
  void SetConcurrency(const std::string& host, std::optional<uint32_t> n) {
    HostPatch patch;
    patch.concurrency.emplace(n);
    Patch(host, patch);
  }
  /// One that names the host itself, in a lane of its own.
  NotifyId Plain(const std::string& host = "a:80") {
    Fields fields;
    fields.host = host;
    fields.lane = "plain" + std::to_string(lanes_++);
    fields.retry = Waits({1'000'000}, 1'000);
    return Submit(fields).id;
  }
  /// One to the service, in a lane of its own.
  NotifyId ToService(FlowFields flow = {}) {
    const Fields fields = To("service" + std::to_string(lanes_++));
    return flow == FlowFields() ? ServiceRig::Send(fields) : ServiceRig::Send(fields, std::move(flow));
  }
  bool IsUnderWay(NotifyId id) const {
    return std::any_of(starts.begin(), starts.end(), [&](const StartAttempt& start) { return start.id == id; });
  }
  StartAttempt StartOf(NotifyId id) const {
    for (const StartAttempt& start : starts)
      if (start.id == id) return start;
    FAIL("it is not under way");
    return {};
  }
  void EndOf(NotifyId id, Verdict verdict = Verdict::kSuccess) {
    CoreFixture::End(StartOf(id), verdict);
    Run();
  }
  void UnreachedOf(NotifyId id) { Unreached(StartOf(id)); }

 private:
  int lanes_ = 0;
};

FlowFields One(const char* id) {
  FlowFields flow;
  flow.instance = id;
  return flow;
}
FlowFields Pool(const char* pool) {
  FlowFields flow;
  flow.pool = pool;
  return flow;
}

/// What holds the host a:80 back, how that is said, and what ends it.
struct Hold {
  const char* what;
  std::function<void(InstanceRig&)> begin;
  const char* code;
  std::function<void(InstanceRig&)> end;
};
BreakerSettings OneFailure() {
  BreakerSettings settings;
  settings.failures = 1;
  settings.open_ms = 10'000;
  return settings;
}
const Hold kHolds[] = {
    {"the file's cap, filled by one that names it",
     [](InstanceRig& f) {
       f.File({InstanceConcurrency("a", 1)});
       f.Plain();
     },
     "host_at_cap", [](InstanceRig& f) { f.EndFirst(Verdict::kSuccess); }},
    {"an operator's cap, which is taken back",
     [](InstanceRig& f) {
       f.SetConcurrency("a:80", 1);
       f.Plain();
     },
     "host_at_cap", [](InstanceRig& f) { f.SetConcurrency("a:80", std::nullopt); }},
    {"the file's cap, which a reload takes back",
     [](InstanceRig& f) {
       f.File({InstanceConcurrency("a", 1)});
       f.Plain();
     },
     "host_at_cap", [](InstanceRig& f) { f.File({}); }},
    {"the cap of all hosts, which a reload raises",
     [](InstanceRig& f) {
       auto limits = std::make_shared<CoreLimits>();
       limits->max_in_flight_per_host = 1;
       f.Post(LimitsChanged{std::move(limits)});
       f.Plain();
     },
     "host_at_cap",
     [](InstanceRig& f) {
       f.Post(LimitsChanged{std::make_shared<CoreLimits>()});
       f.Run();
     }},
    {"the file's cap, filled by another service",
     [](InstanceRig& f) {
       f.File({InstanceConcurrency("a", 1)});
       f.Told(PutInstance{"other", "x", {"http://A.:80/path", 1, {}, 0}, {}});
       CoreFixture::Fields fields = InstanceRig::To("other");
       fields.host = "service://other";
       f.Submit(fields);
       REQUIRE(f.starts.size() == 1);
     },
     "host_at_cap", [](InstanceRig& f) { f.EndFirst(Verdict::kSuccess); }},
    {"a cap whose call ends after its instance has gone",
     [](InstanceRig& f) {
       f.File({InstanceConcurrency("a", 1)});
       f.Told(PutInstance{"other", "x", {"http://a:80", 1, {}, 0}, {}});
       CoreFixture::Fields fields = InstanceRig::To("other");
       fields.host = "service://other";
       f.Submit(fields);
       f.Told(DeleteService{"other", {}});
     },
     "host_at_cap", [](InstanceRig& f) { f.EndFirst(Verdict::kSuccess); }},
    {"a pause", [](InstanceRig& f) { f.SetPaused("a:80", true); }, "host_paused", [](InstanceRig& f) { f.SetPaused("a:80", false); }},
    {"a rate",
     [](InstanceRig& f) {
       f.File({RateRule("a", 1)});
       f.Plain();
       f.EndFirst(Verdict::kSuccess);
     },
     "host_rate_limited",
     [](InstanceRig& f) {
       f.Pass(999);
       CHECK(f.starts.empty());
       f.Pass(1);
     }},
    {"its breaker",
     [](InstanceRig& f) {
       f.File({InstanceBreaker("a", OneFailure())});
       f.UnreachedOf(f.Plain());
     },
     "breaker_open",
     [](InstanceRig& f) {
       f.Pass(9'999);
       CHECK(f.starts.empty());
       f.Pass(1);
     }},
};

}  // namespace

TEST_CASE("instance hosts: what holds a host back holds back who would reach it as an instance, until that ends") {
  const Hold& hold = kHolds[GENERATE(Catch::Generators::range<size_t>(0, std::size(kHolds)))];
  const int wants = GENERATE(0, 1, 2);
  const bool fifo = GENERATE(false, true);
  CAPTURE(hold.what, wants, fifo);
  InstanceRig f;
  f.Register("a", {"http://a", 1, {"eu"}, 0});
  hold.begin(f);
  f.Run();
  const size_t before = f.starts.size(), sent = f.sent.size();
  CoreFixture::Fields fields = InstanceRig::To("waits");
  fields.mode = fifo ? Mode::kFifo : Mode::kConcurrent;
  auto send = [&] { return wants == 0 ? f.Send(fields) : f.Send(fields, wants == 1 ? One("a") : Pool("eu")); };
  const NotifyId first = send(), second = send();
  f.Pass(0);
  CHECK(f.starts.size() == before);
  CHECK(f.sent.size() == sent);
  // Who names a pool or an instance that cannot be reached holds up nobody in its lane: it looks again.
  const bool looks = wants > 0 && hold.code == std::string("breaker_open");
  CHECK(f.StateOf(first) == (looks ? State::kRetrying : State::kReady));
  CHECK(f.Why(first).back() == hold.code);
  CHECK(f.Why(first).size() == (looks ? 2 : 1));
  CHECK(f.Explain(first).reasons.back().detail.find("a:80") != std::string::npos);
  CHECK(f.State(first).attempts_made == 0);
  hold.end(f);
  CHECK(f.IsUnderWay(first));
  while (f.State(second).phase != Phase::kSucceeded) {
    REQUIRE(f.sent.size() < 20);
    while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
    f.Pass(1'000);
  }
  CHECK(f.State(first).phase == Phase::kSucceeded);
  CHECK(f.State(first).attempts_made == 1);
  CHECK(f.Balances());
}

TEST_CASE("instance hosts: a call to an instance takes the place of one that names the host, and gives it back when it ends, however that is") {
  InstanceRig f;
  f.File({InstanceConcurrency("a", 1)});
  f.Register("a");
  const NotifyId at_instance = f.ToService();
  const NotifyId waits = f.Plain();
  CHECK(f.UnderWay() == std::vector<NotifyId>{at_instance});
  CHECK(f.Why(waits) == std::vector<std::string>{"host_at_cap"});
  CHECK(f.Patch("a:80").in_flight == 1);
  CHECK(f.Patch("a:80").at_cap);
  CHECK(f.Patch("service://billing").in_flight == 1);
  const int how = GENERATE(0, 1, 2, 3, 4);
  CAPTURE(how);
  if (how == 1) f.ById<CancelRequest>(at_instance);
  if (how == 2) f.Told(DeleteInstance{"billing", "a", {}});
  if (how == 3) f.Register("a", {"http://elsewhere", 1, {}, 0});
  if (how == 4) f.Told(DeleteService{"billing", {}});
  CHECK_FALSE(f.IsUnderWay(waits));
  f.EndOf(at_instance, how == 0 ? Verdict::kFatal : Verdict::kSuccess);
  CHECK(f.UnderWay() == std::vector<NotifyId>{waits});
  f.EndOf(waits);
  CHECK(f.Patch("a:80").in_flight == 0);
  CHECK(f.Balances());
}

TEST_CASE("instance hosts: figures of a host tell of calls that reached it as an instance") {
  InstanceRig f;
  f.Register("a");
  f.EndOf(f.ToService());
  f.EndOf(f.ToService(), Verdict::kFatal);
  const HostView view = f.Patch("a:80");
  REQUIRE(view.figures);
  CHECK(view.figures->attempts == 2);
  CHECK(view.figures->failed == 1);
  CHECK(f.Patch("service://billing").figures->attempts == 2);
}

TEST_CASE("instance hosts: each way to balance takes of those that may take one") {
  InstanceRig f;
  ServiceSettings settings;
  settings.balance = GENERATE(Balance::kLeastActive, Balance::kRoundRobin, Balance::kRandom, Balance::kHash);
  CAPTURE(ToString(settings.balance));
  f.Service(settings);
  f.File({InstanceConcurrency("a", 2), InstanceConcurrency("b", 3)});
  for (const char* id : {"a", "b", "c"}) f.Register(id);
  f.SetPaused("c:80", true);
  std::vector<NotifyId> ids;
  for (int i = 0; i < 9; ++i) ids.push_back(f.ToService());
  CHECK(f.Active() == std::map<std::string, uint32_t>{{"a", 2}, {"b", 3}, {"c", 0}});
  CHECK(f.Why(ids.back()) == std::vector<std::string>{"host_at_cap", "host_paused"});
  f.SetPaused("c:80", false);
  CHECK(f.Active() == std::map<std::string, uint32_t>{{"a", 2}, {"b", 3}, {"c", 4}});
  f.SetPaused("c:80", true);
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  for (const NotifyId id : ids) CHECK(f.State(id).phase == Phase::kSucceeded);
  CHECK(f.Balances());
}

TEST_CASE("instance hosts: a pool whose hosts take none leaves its calls to the fallback") {
  InstanceRig f;
  f.File({InstanceConcurrency("a", 1)});
  ServiceSettings settings;
  settings.pool = "near";
  settings.pool_fallback = "far";
  f.Service(settings);
  f.Register("a", {"http://a", 1, {"near"}, 0});
  f.Register("b", {"http://b", 1, {"far"}, 0});
  f.ToService();
  f.ToService();
  CHECK(f.Active() == std::map<std::string, uint32_t>{{"a", 1}, {"b", 1}});
}

TEST_CASE("instance hosts: a call goes over to another instance only where the host of that takes it") {
  InstanceRig f;
  f.Register("a");
  f.Register("b");
  f.SetPaused("b:80", true);
  const NotifyId id = f.ToService();
  f.UnreachedOf(id);
  CHECK(f.starts.empty());
  CHECK(f.State(id).phase == Phase::kRetrying);
  f.SetPaused("b:80", false);
  f.Pass(1'000);
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].instance->id == "b");
  CHECK(f.Balances());
}

TEST_CASE("instance hosts: a fifo lane keeps its order through pauses, caps and restarts") {
  InstanceRig f;
  f.File({InstanceConcurrency("a", 1)});
  f.Register("a");
  f.Plain();
  CoreFixture::Fields fields = InstanceRig::To("ordered");
  fields.mode = Mode::kFifo;
  std::vector<NotifyId> ids, done;
  for (int i = 0; i < 12; ++i) ids.push_back(f.Send(fields));
  CHECK(f.starts.size() == 1);
  for (int round = 0; done.size() < ids.size(); ++round) {
    REQUIRE(round < 100);
    if (round == 3) f.SetPaused("a:80", true);
    if (round == 6) f.SetPaused("a:80", false);
    if (round % 7 == 5) {
      f.Restart();
      f.File({InstanceConcurrency("a", 1)});
    }
    f.Pass(1'000);
    REQUIRE(f.starts.size() <= 1);
    if (f.starts.empty()) continue;
    const NotifyId id = f.starts[0].id;
    f.EndFirst(round == 9 ? Verdict::kFailure : Verdict::kSuccess);
    if (f.State(id).phase == Phase::kSucceeded && id.value >= ids.front().value) done.push_back(id);
  }
  CHECK(done == ids);
  CHECK(f.Balances());
}

TEST_CASE("instance hosts: many that wait for a host at its cap wait on disk, and go one by one") {
  CoreLimits limits;
  limits.max_loaded = 64;
  limits.max_loaded_per_lane = 8;
  limits.max_waiting_lanes_per_host = 8;
  limits.page_items = 16;
  InstanceRig f(limits);
  const bool one = GENERATE(false, true), lanes = GENERATE(false, true);
  CAPTURE(one, lanes);
  f.check_every = 37;
  f.File({InstanceConcurrency("a", 1)});
  f.Register("a");
  f.SetPaused("a:80", true);
  constexpr int kMany = 1'000;
  for (int i = 0; i < kMany; ++i) {
    const CoreFixture::Fields fields = InstanceRig::To("lane" + std::to_string(lanes ? i % 300 : 0));
    one ? f.Send(fields, One("a")) : f.Send(fields);
  }
  f.Pass(60'000);
  CHECK(f.sent.empty());
  CHECK(f.core().usage().loaded <= 2 * limits.max_loaded);
  f.SetPaused("a:80", false);
  std::set<uint64_t> seen;
  while (!f.starts.empty()) {
    REQUIRE(f.starts.size() == 1);
    CHECK(seen.insert(f.EndFirst(Verdict::kSuccess).value).second);
    if (f.starts.empty()) f.Pass(10);
  }
  CHECK(seen.size() == kMany);
  CHECK(f.Balances());
}

TEST_CASE("instance hosts: those who name a host, and all whose calls reach it as an instance, take its places in turn") {
  InstanceRig f;
  const bool rate = GENERATE(false, true);
  CAPTURE(rate);
  f.File({rate ? RateRule("a", 100) : InstanceConcurrency("a", 1)});
  f.Register("a");
  f.Told(PutInstance{"other", "x", {"http://a", 1, {}, 0}, {}});
  std::map<NotifyId, std::string> of;
  for (int i = 0; i < 40; ++i) {
    of[f.Plain()] = "plain";
    of[f.ToService()] = "service";
    of[f.ToService(One("a"))] = "one";
    CoreFixture::Fields fields = InstanceRig::To("other" + std::to_string(i));
    fields.host = "service://other";
    of[f.Submit(fields).id] = "other";
  }
  std::map<std::string, int> ended;
  for (int i = 0; i < 80; ++i) {
    if (rate && f.starts.empty()) f.Pass(10);
    REQUIRE_FALSE(f.starts.empty());
    ++ended[of[f.EndFirst(Verdict::kSuccess)]];
  }
  for (const char* each : {"plain", "service", "one", "other"}) {
    INFO(each);
    CHECK(ended[each] >= 10);
  }
}

TEST_CASE("instance hosts: the breaker that the file says for a host counts calls to instances there; a probe in vain costs its notify nothing") {
  InstanceRig f;
  BreakerSettings at_host = OneFailure();
  at_host.failures = 3;
  f.File({InstanceBreaker("a", at_host)});
  ServiceSettings settings;
  settings.breaker = BreakerSettings{.enabled = false};
  f.Service(settings);
  f.Register("a");
  for (int i = 0; i < 3; ++i) f.UnreachedOf(f.ToService());
  CHECK(f.Patch("a:80").breaker == Breaker::State::kOpen);
  const NotifyId waits = f.ToService(), plain = f.Plain();
  CHECK(f.Why(waits) == std::vector<std::string>{"breaker_open"});
  CHECK(f.Why(plain) == std::vector<std::string>{"breaker_open"});
  f.Pass(10'000);
  REQUIRE(f.starts.size() == 1);
  const NotifyId probe = f.starts[0].id;
  f.UnreachedOf(probe);
  CHECK(f.State(probe).laters == f.State(probe).attempts_made - (f.State(probe).attempts_made > 1 ? 1 : 0));
  CHECK(f.starts.empty());
  f.Pass(20'000);
  REQUIRE(f.starts.size() == 1);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.Patch("a:80").breaker == Breaker::State::kRamp);
  for (int i = 0; i < 20; ++i) {
    while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
    f.Pass(1'000);
  }
  CHECK(f.State(waits).phase == Phase::kSucceeded);
  CHECK(f.State(plain).phase == Phase::kSucceeded);
  CHECK(f.Balances());
}

TEST_CASE("instance hosts: an instance's own breaker is what counts where the file says none for its host") {
  InstanceRig f;
  ServiceSettings settings;
  settings.breaker = BreakerSettings{.enabled = false};
  f.Service(settings);
  f.Register("a");
  for (int i = 0; i < 20; ++i) f.UnreachedOf(f.ToService());
  CHECK(f.Patch("a:80").breaker == Breaker::State::kClosed);
  f.Plain();
  CHECK(f.starts.size() == 1);
}

TEST_CASE("instance hosts: who waited for max_wait_ms at the open breaker of the only host fails with that") {
  InstanceRig f;
  BreakerSettings at_host = OneFailure();
  at_host.open_ms = 3'600'000;
  f.File({InstanceBreaker("a", at_host)});
  ServiceSettings settings;
  settings.breaker = BreakerSettings{.max_wait_ms = 60'000};
  f.Service(settings);
  f.Register("a");
  f.UnreachedOf(f.Plain());
  const NotifyId waits = f.ToService(), one = f.ToService(One("a"));
  f.Pass(50'000);
  CHECK(f.State(waits).phase == Phase::kWaiting);
  f.Pass(30'000);
  for (const NotifyId id : {waits, one}) {
    CHECK(f.State(id).phase == Phase::kFailed);
    CHECK(f.State(id).reason == "breaker_open");
    CHECK(f.State(id).attempts_made == 0);
  }
  settings.breaker->fail_on_open = true;
  f.Service(settings);
  CHECK(f.State(f.ToService()).reason == "breaker_open");
  CHECK(f.State(f.ToService(One("a"))).reason == "breaker_open");
  f.Register("b");
  CHECK(f.IsUnderWay(f.ToService()));
  CHECK(f.Balances());
}

TEST_CASE("instance hosts: a service's own probes count at the host, and wait while it takes none") {
  InstanceRig f;
  ServiceSettings settings;
  settings.breaker = BreakerSettings{.failures = 1, .open_ms = 10'000};
  settings.probe = ServiceProbe{"/healthz", 700};
  f.Service(settings);
  f.Register("a");
  f.UnreachedOf(f.ToService());
  f.SetPaused("a:80", true);
  f.Pass(100'000);
  CHECK(f.starts.empty());
  f.SetPaused("a:80", false);
  f.Pass(1'000);
  REQUIRE(f.starts.size() == 1);
  CHECK(f.Patch("a:80").in_flight == 1);
  f.SetConcurrency("a:80", 1);
  const NotifyId plain = f.Plain();
  CHECK_FALSE(f.IsUnderWay(plain));
  f.Told(DeleteService{"billing", {}});
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.UnderWay() == std::vector<NotifyId>{plain});
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.Patch("a:80").in_flight == 0);
}

TEST_CASE("instance hosts: one that moves waits for the host where it is then") {
  InstanceRig f;
  f.Register("a");
  f.SetPaused("a:80", true);
  f.SetPaused("b:443", true);
  const NotifyId waits = f.ToService();
  f.Register("a", {"https://b", 1, {}, 0});
  CHECK(f.Explain(waits).reasons.at(0).detail.find("b:443") != std::string::npos);
  f.SetPaused("a:80", false);
  CHECK(f.starts.empty());
  f.SetPaused("b:443", false);
  CHECK(f.IsUnderWay(waits));
  const NotifyId next = f.ToService();
  f.SetPaused("b:443", true);
  CHECK(f.IsUnderWay(next));
  const NotifyId last = f.ToService();
  CHECK_FALSE(f.IsUnderWay(last));
  f.Register("c");
  CHECK(f.IsUnderWay(last));
}

TEST_CASE("instance hosts: a host that is forgotten holds nobody back") {
  CoreLimits limits;
  limits.max_loaded = 16;
  InstanceRig f(limits);
  f.check_every = 10;
  // More than are remembered for their rates.
  f.File({RateRule("*", 0.001)});
  for (int i = 0; i < 1'100; ++i) {
    f.Plain("h" + std::to_string(i) + ":80");
    f.EndFirst(Verdict::kSuccess);
  }
  f.Register("a");
  f.EndOf(f.ToService());
  CHECK(f.IsUnderWay(f.ToService()));
}
