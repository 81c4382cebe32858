// Services alone: who is chosen, how often, and what of that moves when an instance goes.
#include "broker/services.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"

using namespace notifyd;

namespace {

struct Rig {
  explicit Rig(Balance balance) { service.settings.balance = balance; }
  Service service{"billing"};
  Random random{7};
  MonoTime now{1'000};

  Instance* Add(const std::string& id, uint32_t weight = 1, std::vector<std::string> pools = {}) {
    auto instance = std::make_shared<Instance>();
    instance->id = id;
    instance->settings = {"http://" + id + ":80", weight, std::move(pools), 0};
    service.instances[id] = instance;
    return instance.get();
  }
  std::string Choose(const Service::Wanted& wanted = {}) {
    const auto chosen = service.Choose(wanted, now, &random);
    CHECK(service.HasOne(wanted, now) == (chosen != nullptr));
    return chosen ? chosen->id : "";
  }
  std::map<std::string, int> Count(int calls) {
    std::map<std::string, int> counts;
    for (int i = 0; i < calls; ++i) ++counts[Choose()];
    return counts;
  }
  void OpenBreaker(Instance* instance) {
    const BreakerSettings settings;
    for (uint32_t i = 0; i < settings.failures; ++i) instance->breaker.End(instance->breaker.Begin(now), Contact::kUnreached, now, settings);
    REQUIRE(instance->breaker.state() == Breaker::State::kOpen);
  }
};

}  // namespace

TEST_CASE("services: in turn, each by its weight, spread evenly") {
  Rig f(Balance::kRoundRobin);
  f.Add("a", 2);
  f.Add("b");
  f.Add("c");
  std::string order;
  for (int i = 0; i < 8; ++i) order += f.Choose();
  CHECK(order == "abcaabca");
  CHECK(f.Count(4000) == std::map<std::string, int>{{"a", 2000}, {"b", 1000}, {"c", 1000}});
}

TEST_CASE("services: at random, each by its weight") {
  Rig f(Balance::kRandom);
  f.Add("a", 3);
  f.Add("b", 1);
  auto counts = f.Count(8000);
  CHECK(std::abs(counts["a"] - 6000) < 300);
  CHECK(counts["a"] + counts["b"] == 8000);
}

TEST_CASE("services: the least active for its weight; among equals in turn") {
  Rig f(Balance::kLeastActive);
  Instance* a = f.Add("a", 2);
  Instance* b = f.Add("b", 1);
  CHECK(f.Count(3000) == std::map<std::string, int>{{"a", 2000}, {"b", 1000}});
  a->active = 3;
  b->active = 1;
  CHECK(f.Choose() == "b");  // 3/2 is more than 1/1
  a->active = 1;
  CHECK(f.Choose() == "a");
  // Calls that do not end: they fill up by weight.
  a->active = b->active = 0;
  for (int i = 0; i < 300; ++i) ++f.service.instances.at(f.Choose())->active;
  CHECK(a->active == 200);
  CHECK(b->active == 100);
}

TEST_CASE("services: by hash, one going moves only its share, and coming back gets that and no other") {
  Rig f(Balance::kHash);
  for (const char* id : {"a", "b", "c", "d"}) f.Add(id, id[0] == 'd' ? 2 : 1);
  constexpr int kKeys = 10'000;
  auto at = [&](int i) { return f.Choose({.hash = Hash64("key" + std::to_string(i))}); };
  std::vector<std::string> before;
  std::map<std::string, int> counts;
  for (int i = 0; i < kKeys; ++i) ++counts[before.emplace_back(at(i))];
  for (const auto& [id, count] : counts) CHECK(std::abs(count - kKeys / 5 * (id == "d" ? 2 : 1)) < 250);
  const auto gone = f.service.instances.at("b");
  f.service.instances.erase("b");
  std::map<std::string, int> moved;
  for (int i = 0; i < kKeys; ++i) {
    const std::string now = at(i);
    if (before[i] == "b") ++moved[now];
    else REQUIRE(now == before[i]);
  }
  CHECK(moved.size() == 3);  // to all others
  f.service.instances["b"] = gone;
  for (int i = 0; i < kKeys; ++i) REQUIRE(at(i) == before[i]);
}

TEST_CASE("services: weight 0, an open breaker and another pool are passed over") {
  Rig f(Balance::kRoundRobin);
  f.Add("idle", 0);
  CHECK(f.Choose().empty());
  CHECK(f.Choose({.instance = "idle"}).empty());
  CHECK_FALSE(f.service.IsAlive({}));
  Instance* a = f.Add("a", 1, {"eu"});
  f.Add("b", 1, {"us"});
  CHECK(f.Choose({.pool = "eu"}) == "a");
  CHECK(f.Choose({.pool = "asia"}).empty());
  CHECK(f.Choose({.pool = "asia", .pool_fallback = "us"}) == "b");
  CHECK(f.Choose({.pool = "eu", .pool_fallback = "us"}) == "a");
  CHECK(f.Choose({.instance = "b"}) == "b");
  CHECK(f.Choose({.instance = "c"}).empty());
  f.OpenBreaker(a);
  CHECK(f.Count(10) == std::map<std::string, int>{{"b", 10}});
  CHECK(f.Choose({.pool = "eu"}).empty());
  CHECK(f.service.IsAlive({.pool = "eu"}));
  CHECK(f.Choose({.pool = "eu", .pool_fallback = "us"}) == "b");
  f.now.ms += 10'000;  // one probe
  CHECK(f.Choose({.pool = "eu"}) == "a");
}

TEST_CASE("services: the default pool of the service, and its fallback, are for calls that say nothing") {
  Rig f(Balance::kRoundRobin);
  f.service.settings.pool = "eu";
  f.service.settings.pool_fallback = "us";
  f.Add("b", 1, {"us"});
  f.Add("c", 1, {"asia"});
  CHECK(f.Choose() == "b");
  CHECK(f.Choose({.pool = "asia"}) == "c");
  CHECK(f.Choose({.pool = "africa"}).empty());  // it named a pool and no other
  f.Add("a", 1, {"eu"});
  CHECK(f.Choose() == "a");
}

TEST_CASE("services: what is to be avoided is taken where there is nothing else") {
  Rig f(Balance::kRoundRobin);
  f.Add("a");
  f.Add("b");
  const std::vector<std::string> a = {"a"}, both = {"a", "b"};
  for (int i = 0; i < 5; ++i) CHECK(f.Choose({.avoid = &a}) == "b");
  CHECK(f.service.HasAnother({.avoid = &a}, f.now));
  CHECK_FALSE(f.service.HasAnother({.avoid = &both}, f.now));
  CHECK_FALSE(f.Choose({.avoid = &both}).empty());
}

TEST_CASE("services: where a call goes at an instance") {
  CHECK(UrlAt("http://h:8080", "service://billing/a/b?x=1#y") == "http://h:8080/a/b?x=1#y");
  CHECK(UrlAt("http://h/base/", "service://billing/a") == "http://h/base/a");
  CHECK(UrlAt("http://h/base", "service://billing/a") == "http://h/base/a");
  CHECK(UrlAt("http://h/base", "service://billing") == "http://h/base");
  CHECK(UrlAt("http://h", "service://billing?x") == "http://h?x");
  CHECK(UrlAt("http://h/", "service://billing/") == "http://h/");
}

TEST_CASE("services: what names may be") {
  CHECK(IsServiceName("billing.v2-eu"));
  CHECK(IsServiceName(std::string(100, 'a')));
  for (const char* bad : {"", ".a", "-a", "A", "a_b", "a/b", "a b", "a:80"}) CHECK_FALSE(IsServiceName(bad));
  CHECK_FALSE(IsServiceName(std::string(101, 'a')));
  CHECK(IsInstanceId("10.0.0.1:8080"));
  for (const char* bad : {"", "a/b", "a b", "\xc3\xa4"}) CHECK_FALSE(IsInstanceId(bad));
}

TEST_CASE("services: where a service has a probe of its own, no call goes to an instance whose breaker is open") {
  Rig f(Balance::kRoundRobin);
  f.OpenBreaker(f.Add("a"));
  f.now.ms += 3'600'000;
  CHECK(f.Choose() == "a");
  f.service.settings.probe = ServiceProbe{"/healthz"};
  CHECK(f.Choose().empty());
}

TEST_CASE("services: what is wanted of a service makes a host of its own, and stands in its name") {
  CHECK(HostOf("service://x", {}) == "service://x");
  const Service::Wanted wanted{"eu", "us", "a:1"};
  const std::string host = HostOf("service://x", wanted);
  CHECK(host == "service://x?pool=eu&pool_fallback=us&instance=a:1");
  const Service::Wanted read = WantedAt(host);
  CHECK(read.pool == "eu");
  CHECK(read.pool_fallback == "us");
  CHECK(read.instance == "a:1");
  CHECK(WantedAt("service://x").pool.empty());
  CHECK(WantedAt("service://x?pool_fallback=us").pool.empty());
  CHECK(WantedAt(HostOf("service://x", {"", "", "b"})).instance == "b");
}

TEST_CASE("services: one whose host takes no call is not chosen; where it is so with all of a pool, the fallback's are, or it waits for the hosts") {
  Rig f(GENERATE(Balance::kLeastActive, Balance::kRoundRobin, Balance::kRandom, Balance::kHash));
  Instance* a = f.Add("a", 1, {"near"});
  Instance* b = f.Add("b", 1, {"near"});
  Instance* c = f.Add("c", 1, {"far"});
  const Service::Wanted near{.pool = "near"}, either{.pool = "near", .pool_fallback = "far"}, one{.instance = "a"};
  a->host_takes = false;
  for (int i = 0; i < 10; ++i) CHECK(f.Choose(near) == "b");
  CHECK(f.Choose(one).empty());
  CHECK(f.service.WaitsForHosts(one, f.now));
  CHECK_FALSE(f.service.WaitsForHosts(near, f.now));
  CHECK(f.service.HeldBack(near, f.now).size() == 1);
  b->host_takes = false;
  CHECK(f.Choose(near).empty());
  CHECK(f.service.WaitsForHosts(near, f.now));
  CHECK(f.service.IsAlive(near));
  CHECK(f.Choose(either) == "c");
  CHECK_FALSE(f.service.OpenSince(near));
  // Who cannot be reached waits for that, not for its host.
  f.OpenBreaker(a);
  CHECK_FALSE(f.service.WaitsForHosts(one, f.now));
  a->host_open_since = {500};
  b->host_open_since = {700};
  CHECK_FALSE(f.service.WaitsForHosts(near, f.now));
  CHECK_FALSE(f.service.HasClosed(near));
  CHECK(f.service.OpenSince(one) == MonoTime{500});
  CHECK(f.service.OpenSince(near) == MonoTime{700});
  CHECK_FALSE(f.service.OpenSince({}));
  c->host_open_since = {600};
  CHECK(f.service.OpenSince({}) == MonoTime{700});
}
