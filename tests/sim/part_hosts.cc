// What hosts bear (contract sections 8, 9 and 11): caps that a reload changes and pauses by hand, at hosts that are called by name and as instances
// of a service with pools and probes. Looked for: no host has more calls at once than it may, none while it is paused, and a call goes to its pool.
#include <map>
#include <set>

#include "broker/flow.h"
#include "broker/flow_settings.h"
#include "broker/service_events.h"
#include "sim/flow_part.h"

namespace notifyd::sim {
namespace {

constexpr const char* kPool = "service://pool";
struct At {
  const char *id, *host, *pool;
};
constexpr At kInstances[] = {{"p0", "pa.test:80", "near"}, {"p1", "pb.test:80", "near"}, {"p2", "pa.test:80", "far"}};

class HostsPart : public FlowPart {
 public:
  using FlowPart::FlowPart;

  void Begin() override {
    for (const char* host : {"pa.test:80", "pb.test:80"}) caps_[host].now = caps_[host].before = Cap();
    with_breaker_ = random_.Chance(0.3);
    PutService put{"pool", {}, {}};
    put.settings.balance = static_cast<Balance>(random_.Below(4));
    put.settings.pool = "near";
    put.settings.pool_fallback = "far";
    put.settings.breaker = BreakerSettings{.failures = 3, .open_ms = 300};
    if (random_.Chance(0.5)) {
      put.settings.probe = ServiceProbe{"/probe", 1'000};
      put.settings.breaker->failures = 1;
    }
    Say(ServiceAsk{std::move(put)});
    for (const At& at : kInstances) {
      PutInstance instance{"pool", at.id, {}, {}};
      // A core with a fault does not know where instances are, and counts their calls elsewhere.
      instance.settings.url = std::string("http://") + (world_.mutation == Mutation::kUncappedInstance ? "elsewhere.test" : at.host) + "/base";
      instance.settings.pools = {at.pool};
      Say(ServiceAsk{std::move(instance)});
    }
    for (int64_t n = Between(5, 30); n > 0; --n) Draw("pool" + std::to_string(n));
    for (const char* host : {"pa.test:80", "pb.test:80"})
      if (random_.Chance(0.4)) DrawPause(host, Between(0, world_.busy_ms));
  }

  void AtBoot(std::vector<Event>* told) override { told->push_back(Rules()); }

  void OnCrash() override {
    FlowPart::OnCrash();
    in_flight_.clear();
  }

  void OnStart(const StartAttempt& attempt, AttemptResult*) override {
    std::string host = attempt.envelope->host;
    if (host.starts_with(kPool)) {
      if (!attempt.instance) return Violation(attempt.id.ToString() + " goes to a service, and to no instance of it");
      const At* at = std::find_if(std::begin(kInstances), std::end(kInstances), [&](const At& each) { return each.id == attempt.instance->id; });
      const FlowFields* flow = attempt.envelope->flow.get();
      if (flow && !flow->pool.empty() && flow->pool != at->pool)
        Violation(attempt.id.ToString() + " goes to " + at->id + ", which is not of its pool");
      if (flow && !flow->instance.empty() && flow->instance != at->id) Violation(attempt.id.ToString() + " goes to another instance than it names");
      host = at->host;
      ++world_.tally->pool_calls;
      world_.tally->probes += PeekUrl(*attempt.spec).ends_with("/probe");
    }
    auto found = caps_.find(host);
    if (found == caps_.end()) return;
    const Bears& bears = found->second;
    std::set<NotifyId>& calls = in_flight_[host];
    calls.insert(attempt.id);
    const uint32_t most = t() > bears.changed_at ? bears.now : std::max(bears.now, bears.before);
    if (calls.size() > most) Violation(host + " has " + std::to_string(calls.size()) + " calls at once, and bears " + std::to_string(most));
    if (bears.paused_since && t() > *bears.paused_since) Violation(attempt.id.ToString() + " goes to " + host + ", which is paused");
  }
  void OnEnd(const AttemptEnded& end) override {
    for (auto& [host, calls] : in_flight_) calls.erase(end.id);
  }

  void Check(const FakeImage& image) override {
    std::map<std::string, std::set<NotifyId>> made;
    for (const auto& [id, record] : image.notifies) made[std::string(PeekUrl(*record->spec))].insert(id);
    for (const auto& [url, id] : asked_)
      if (made[url] != std::set{id}) Violation("the call of " + url + " is not there once");
  }

 private:
  struct Bears {
    uint32_t now = 1, before = 1;  // calls at once
    int64_t changed_at = -1;
    std::optional<int64_t> paused_since;  // that was acknowledged, and nobody has asked for the end of it
  };

  uint32_t Cap() { return static_cast<uint32_t>(Between(1, 4)); }
  Event Rules() const {
    auto settings = std::make_shared<FlowSettings>();
    for (const auto& [host, bears] : caps_) {
      HostRule rule;
      rule.place = static_cast<uint32_t>(settings->hosts.size()) + 1;
      rule.match = *UrlPattern::Parse(host);
      rule.concurrency = bears.now;
      if (with_breaker_) rule.breaker = BreakerSettings{.failures = 3, .open_ms = 400};
      settings->hosts.push_back(std::move(rule));
    }
    return FlowSettingsChanged{std::move(settings)};
  }
  void Reload() {
    for (auto& [host, bears] : caps_) {
      bears.before = bears.changed_at == t() ? std::max(bears.before, bears.now) : bears.now;
      bears.now = Cap();
      bears.changed_at = t();
    }
    ++world_.tally->reloads;
    world_.inbox->push_back(Rules());
  }
  void Say(ServiceAsk said) {
    AskFirst(
        [said = std::move(said)](RequestId id) {
          ServiceRequest request;
          request.request = id;
          request.ask = std::make_shared<const ServiceAsk>(said);
          return Event(std::move(request));
        },
        [this](const Reply& reply) { Expect<ServiceAnswered>(reply, "what is said of a service"); });
  }

  void Draw(const std::string& name) {
    const int64_t dice = Between(0, 9);
    const bool plain = dice < 3;
    FlowFields flow;
    if (dice == 3) flow.pool = "near";
    if (dice == 4) flow.pool = "far";
    if (dice == 5) flow.instance = "p1";
    const std::string host = plain ? dice == 0 ? "pb.test:80" : "pa.test:80" : kPool;
    const std::string url = (plain ? "http://" + host : host) + "/" + name;
    const bool fifo = random_.Chance(0.3);
    auto envelope = EnvelopeOf(plain ? host : HostOf(host, {flow.pool, flow.pool_fallback, flow.instance}), fifo ? "pool-fifo" : "pool",
                               fifo ? Mode::kFifo : Mode::kConcurrent, static_cast<uint32_t>(Between(1, 4)));
    if (flow != FlowFields()) envelope->flow = std::make_shared<const FlowFields>(std::move(flow));
    SubmitItem item;
    item.envelope = std::move(envelope);
    item.idempotency_key = name;
    item.fields = FingerprintOf(name);
    item.spec = SpecOf(url, name);
    AskAt(
        Between(0, world_.busy_ms),
        [item](RequestId id) {
          return Event(SubmitRequest{id, {item}, false});
        },
        [this, url](const Reply& reply) {
          const auto* submitted = Expect<Submitted>(reply, "a submit");
          if (submitted) asked_[url] = submitted->items.at(0).id;
          if (random_.Chance(0.2)) Reload();
        });
  }

  static Make Pausing(const std::string& host, bool paused) {
    return [=](RequestId id) {
      HostChangeRequest change;
      change.request = id;
      change.host = host;
      change.patch.paused = paused;
      return Event(std::move(change));
    };
  }
  void DrawPause(const std::string& host, int64_t at) {
    AskAt(at, Pausing(host, true), [this, host](const Reply& reply) {
      if (!Expect<HostViewed>(reply, "a pause of a host")) return;
      caps_[host].paused_since = t();
      AskAt(
          t() + Between(100, 2'000),
          [this, host](RequestId id) {
            caps_[host].paused_since.reset();
            return Pausing(host, false)(id);
          },
          [this, host](const Reply& answer) {
            Expect<HostViewed>(answer, "the end of a host's pause");
            if (!world_.calm && random_.Chance(0.5)) DrawPause(host, t() + Between(0, 2'000));
          });
    });
  }

  std::map<std::string, Bears> caps_;
  std::map<std::string, std::set<NotifyId>> in_flight_;
  std::map<std::string, NotifyId> asked_;  // by URL
  bool with_breaker_ = false;
};

}  // namespace

std::unique_ptr<FlowPart> MakeHostsPart(FlowWorld* world, uint64_t seed) {
  return std::make_unique<HostsPart>(world, seed);
}

}  // namespace notifyd::sim
