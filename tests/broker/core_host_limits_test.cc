// What the file says of hosts, under what operators say of them.
#include <catch2/catch.hpp>

#include "broker/core_fixture.h"
#include "broker/flow_settings.h"

using namespace notifyd;

namespace {

HostRule For(const char* match) {
  HostRule rule;
  rule.match = *UrlPattern::Parse(match);
  return rule;
}
HostRule Concurrency(const char* match, uint32_t n) {
  HostRule rule = For(match);
  rule.concurrency = n;
  return rule;
}
HostRule Rate(const char* match, double per_s) {
  HostRule rule = For(match);
  rule.rate_per_s = per_s;
  return rule;
}
HostRule WithBreaker(const char* match, BreakerSettings breaker) {
  HostRule rule = For(match);
  rule.breaker = breaker;
  return rule;
}

HostRule Command(const char* name, uint32_t n) {
  HostRule rule;
  rule.command = name;
  rule.concurrency = n;
  return rule;
}

class Rig : public CoreFixture {
 public:
  using CoreFixture::CoreFixture;
  void File(std::vector<HostRule> rules, std::vector<HostRule> commands = {}) {
    auto flow = std::make_shared<FlowSettings>();
    flow->commands = std::move(commands);
    for (HostRule& rule : rules) {
      flow->hosts.push_back(std::move(rule));
      flow->hosts.back().place = static_cast<uint32_t>(flow->hosts.size());
    }
    Post(FlowSettingsChanged{std::move(flow)});
    Run();
  }
  /// Each in a lane of its own.
  NotifyId To(const std::string& host, int n = 1) {
    NotifyId last;
    for (int i = 0; i < n; ++i) {
      Fields fields;
      fields.host = host;
      fields.lane = "lane" + std::to_string(lanes_++);
      fields.retry = Waits({1'000}, 1'000);
      last = Submit(fields).id;
    }
    return last;
  }
  HostView Patch(const std::string& host, const HostPatch& patch) {
    HostChangeRequest r;
    r.host = host;
    r.patch = patch;
    return std::get<HostViewed>(Do(std::move(r)).body).host;
  }
  void Unreached() {
    AttemptEnded e;
    const StartAttempt start = starts.at(0);
    e.id = start.id;
    e.result.verdict = Verdict::kFailure;
    e.result.unsent = true;
    e.result.record.number = start.number;
    e.result.record.started_at = start.at;
    e.result.record.error = "connect_failed";
    starts.pop_front();
    Post(std::move(e));
    Run();
  }
  Breaker::State BreakerAt(const std::string& host) { return Patch(host, {}).breaker; }

 private:
  int lanes_ = 0;
};

}  // namespace

TEST_CASE("host rules: the first that is for host and port counts, whatever the scheme; services have none, commands their own") {
  const std::vector<HostRule> rules{Concurrency("https://a.test", 1),
                                    Concurrency("*.a.test:*", 2),
                                    Concurrency("b.test", 3),
                                    Concurrency("[::1]:8080", 4),
                                    For("c.test:81"),
                                    Concurrency("*:81", 5)};
  const auto of = [&](const char* host) {
    const HostRule* rule = RuleOfHost(host, rules);
    return rule ? rule->concurrency.value_or(0) : 99;
  };
  CHECK(of("a.test:443") == 1);
  CHECK(of("a.test.:443") == 1);
  CHECK(of("a.test:80") == 99);
  CHECK(of("x.a.test:5") == 2);
  CHECK(of("b.test:80") == 3);
  CHECK(of("b.test:443") == 3);
  CHECK(of("b.test:444") == 99);
  CHECK(of("[::1]:8080") == 4);
  CHECK(of("c.test:81") == 0);
  CHECK(of("d.test:81") == 5);
  CHECK(of("service://x:81") == 99);
  CHECK(of("command:81") == 99);
  CHECK(of("nonsense") == 99);
  const std::vector<HostRule> commands{Command("a", 6), Command("81", 7)};
  CHECK(RuleOfHost("command:81", commands)->concurrency == 7);
  CHECK(RuleOfHost("command:b", commands) == nullptr);
  CHECK(RuleOfHost("command:81", {Concurrency("*:*", 1)}) == nullptr);
  CHECK(RuleOfHost("a:80", commands) == nullptr);
}

TEST_CASE("host rules: max_running of a command is its host's cap, which the file changes, and an operator lowers only") {
  Rig f;
  f.File({Concurrency("*:*", 5)}, {Command("a", 2)});
  const NotifyId waits = f.To("command:a", 4);
  f.To("command:b", 4);
  CHECK(f.starts.size() == 6);
  CHECK(f.Why(waits) == std::vector<std::string>{"host_at_cap"});
  CHECK(f.Patch("command:a", {}).at_cap);
  f.File({}, {Command("a", 3)});
  CHECK(f.starts.size() == 7);

  HostPatch patch;
  patch.concurrency.emplace(9);
  CHECK(f.Patch("command:a", patch).effective.concurrency == 3);
  CHECK(f.starts.size() == 7);
  patch.concurrency.emplace(1);
  CHECK(f.Patch("command:a", patch).effective.concurrency == 1);
  f.EndFirst(Verdict::kSuccess);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.starts.size() == 5);
  // It is not in the file any more: what waits goes, to be refused.
  patch.concurrency.emplace(std::nullopt);
  f.Patch("command:a", patch);
  f.File({});
  CHECK(f.starts.size() == 6);
  CHECK(f.Balances());
}

TEST_CASE("host rules: a concurrency holds for each host by itself, for those in memory too, and no longer than the file says so") {
  Rig f;
  f.To("a.test:80", 5);
  CHECK(f.starts.size() == 5);
  f.File({Concurrency("*.test", 2)});
  NotifyId waits = f.To("a.test:80");
  f.To("b.test:80", 5);
  f.To("other:80", 5);
  CHECK(f.starts.size() == 12);
  CHECK(f.Why(waits) == std::vector<std::string>{"host_at_cap"});
  while (f.starts.front().envelope->host == "a.test:80") f.EndFirst(Verdict::kSuccess);
  CHECK(f.starts.size() == 8);
  f.File({Concurrency("*.test", 3)});
  CHECK(f.starts.size() == 9);
  f.File({});
  CHECK(f.starts.size() == 11);
  CHECK(f.Balances());
}

TEST_CASE("host rules: what an operator says of a host goes first, and null gives it back to the file") {
  Rig f;
  f.File({Concurrency("*", 2)});
  HostPatch patch;
  patch.concurrency.emplace(4);
  CHECK(f.Patch("a:80", patch).effective.concurrency == 4);
  f.To("a:80", 9);
  CHECK(f.starts.size() == 4);
  patch.concurrency.emplace(std::nullopt);
  HostView view = f.Patch("a:80", patch);
  CHECK_FALSE(view.own.concurrency);
  CHECK(view.effective.concurrency == 2);
  f.EndFirst(Verdict::kSuccess);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.starts.size() == 2);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.starts.size() == 2);
  // A host that is not in memory is told of by the same rule.
  CHECK(f.Patch("unknown:80", {}).effective.concurrency == 2);
  CHECK_FALSE(f.Patch("unknown:81", {}).effective.concurrency);
}

TEST_CASE("host rules: a rate spaces the calls to each host, also where nothing is left to do for it meanwhile") {
  Rig f;
  f.File({Rate("*", 2)});
  NotifyId last = f.To("a:80", 3);
  CHECK(f.starts.size() == 1);
  CHECK(f.Why(last) == std::vector<std::string>{"host_rate_limited"});
  f.To("b:80");
  CHECK(f.starts.size() == 2);
  f.Pass(499);
  CHECK(f.starts.size() == 2);
  f.Pass(1);
  CHECK(f.starts.size() == 3);
  f.Pass(500);
  CHECK(f.starts.size() == 4);
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  // All is over; the next one waits for its token all the same.
  f.To("a:80");
  CHECK(f.starts.empty());
  f.Pass(500);
  REQUIRE(f.starts.size() == 1);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.Stats().hosts == 1);
  f.Pass(500);
  CHECK(f.Stats().hosts == 0);
}

TEST_CASE("host rules: a rate that is taken back lets go what waits for it") {
  Rig f;
  f.File({Rate("*", 0.001)});
  f.To("a:80", 3);
  CHECK(f.starts.size() == 1);
  f.File({});
  CHECK(f.starts.size() == 3);
}

TEST_CASE("host rules: a breaker of its own opens as it says, others' as the settings say, and none where it is off") {
  BreakerSettings quick;
  quick.failures = 1;
  quick.open_ms = 3'000;
  Rig f;
  f.File({WithBreaker("quick:*", quick), WithBreaker("off:*", {.enabled = false})});
  f.To("quick:80");
  f.Unreached();
  CHECK(f.BreakerAt("quick:80") == Breaker::State::kOpen);
  f.To("plain:80");
  f.Unreached();
  CHECK(f.BreakerAt("plain:80") == Breaker::State::kClosed);
  for (int i = 0; i < 20; ++i) {
    f.To("off:80");
    f.Unreached();
  }
  CHECK(f.BreakerAt("off:80") == Breaker::State::kClosed);
  // Off from now on: what waited goes.
  NotifyId waits = f.To("quick:80");
  CHECK(f.Why(waits) == std::vector<std::string>{"breaker_open"});
  f.File({WithBreaker("quick:*", {.enabled = false})});
  CHECK(f.BreakerAt("quick:80") == Breaker::State::kClosed);
  CHECK(f.UnderWay() == std::vector<NotifyId>{waits});
}

TEST_CASE("host rules: a host that was not reached for the rule's disable_after_ms is paused, others after that of the settings") {
  BreakerSettings soon, plain;
  soon.failures = plain.failures = 1;
  soon.disable_after_ms = 25'000;
  plain.disable_after_ms = 0;
  Rig f;
  f.File({WithBreaker("soon:80", soon), WithBreaker("*:*", plain)});
  f.To("soon:80");
  f.To("plain:80");
  f.Unreached();
  f.Unreached();
  for (int64_t passed = 0; passed < 120'000; passed += 1'000) {
    f.Pass(1'000);
    while (!f.starts.empty()) f.Unreached();  // probes
  }
  CHECK(f.Patch("soon:80", {}).own.paused);
  CHECK_FALSE(f.Patch("plain:80", {}).own.paused);
}

TEST_CASE("host rules: who waited at an open breaker fails after the rule's wait, or at once where it says so") {
  BreakerSettings short_wait, at_once;
  short_wait.failures = at_once.failures = 1;
  short_wait.max_wait_ms = 60'000;
  at_once.fail_on_open = true;
  Rig f;
  f.File({WithBreaker("short:80", short_wait), WithBreaker("once:80", at_once)});
  f.To("once:80");
  f.Unreached();
  NotifyId fails = f.To("once:80");
  CHECK(f.Get(fails).record->state.reason == "breaker_open");
  f.To("short:80");
  f.Unreached();
  NotifyId waits = f.To("short:80");
  for (int64_t passed = 0; passed < 150'000; passed += 1'000) {
    f.Pass(1'000);
    while (!f.starts.empty()) f.Unreached();  // probes
  }
  CHECK(f.StateOf(waits) == State::kFailed);
  CHECK(f.Get(waits).record->state.reason == "breaker_open");
  CHECK(f.Balances());
}
