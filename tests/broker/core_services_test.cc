// Services in the core: who takes an attempt, what waits where nobody does, how one goes on to another instance, beats, and restarts.
#include <map>
#include <set>

#include "broker/service_rig.h"

using namespace notifyd;

namespace {

using Kind = ServiceAnswer::Kind;

using Rig = ServiceRig;

}  // namespace

TEST_CASE("core services: a name that nobody said is refused; one that was said waits until an instance is there") {
  Rig f;
  CHECK(Rig::CodeOf(f.TrySubmit({Rig::To()}, false)) == Code::kUnacceptable);
  f.Service({});
  NotifyId id = f.Send(Rig::To());
  f.Pass(60'000);
  CHECK(f.starts.empty());
  CHECK(f.Why(id) == std::vector<std::string>{"no_instance"});
  CHECK_FALSE(f.Explain(id).expected_at);
  CHECK(f.State(id).attempts_made == 0);
  CHECK(f.Register("a").created);
  REQUIRE(f.starts.size() == 1);
  REQUIRE(f.starts[0].instance);
  CHECK(f.starts[0].instance->id == "a");
  CHECK(f.starts[0].instance->url == "http://a:80");
  CHECK(f.Active() == std::map<std::string, uint32_t>{{"a", 1}});
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.State(id).phase == Phase::kSucceeded);
  CHECK(f.Get(id).record->attempts.at(0).instance == "a");
  CHECK(f.Active() == std::map<std::string, uint32_t>{{"a", 0}});
  CHECK(f.Balances());
}

TEST_CASE("core services: what is stored comes back after a restart, with one fresh ttl, and what waited is sent") {
  Rig f;
  ServiceSettings settings;
  settings.balance = Balance::kRoundRobin;
  f.Service(settings);
  f.Register("stays");
  f.Register("beats", {"", 1, {}, 10'000});
  f.Told(DeleteInstance{"billing", "stays", {}});
  f.Pass(9'000);
  f.Restart();
  CHECK(f.View().settings.balance == Balance::kRoundRobin);
  REQUIRE(f.View().instances.size() == 1);
  CHECK(f.View().instances[0]->id == "beats");
  f.Pass(9'999);
  CHECK(f.View().instances.size() == 1);
  NotifyId id = f.Send(Rig::To());
  REQUIRE(f.starts.size() == 1);
  f.Pass(1);
  CHECK(f.View().instances.empty());
  f.EndFirst(Verdict::kFailure);  // it ends in its time, though its instance has gone
  CHECK(f.Get(id).record->attempts.at(0).instance == "beats");
  f.Restart();
  CHECK(f.View().instances.empty());
  CHECK(f.Why(id).back() == "no_instance");
  f.Pass(60'000);
  CHECK(f.starts.empty());
  f.Register("new");
  CHECK(f.starts.size() == 1);
}

TEST_CASE("core services: a beat renews, and writes nothing while nothing changes") {
  Rig f;
  const InstanceSettings settings{"http://a", 1, {"eu"}, 5'000};
  f.Register("a", settings);
  const uint64_t written = f.image().batch;
  for (int i = 0; i < 10; ++i) {
    f.Pass(4'999);
    CHECK_FALSE(f.Register("a", settings).created);
  }
  CHECK(f.image().batch == written);
  CHECK(f.View().instances.size() == 1);
  InstanceSettings lighter = settings;
  lighter.weight = 0;
  f.Register("a", lighter);
  CHECK(f.image().batch > written);
  f.Pass(5'000);
  CHECK(f.View().instances.empty());
  CHECK(f.Events() == std::vector<std::string>{"instance registered", "instance gone"});
  CHECK(f.flow_logs.back().warning);
  CHECK(f.Register("a", settings).created);
}

TEST_CASE("core services: what was sent is not sent elsewhere at once; the next attempt prefers another instance") {
  Rig f;
  f.Register("a");
  f.Register("b");
  NotifyId id = f.Send(Rig::To());
  const std::string first = f.starts.at(0).instance->id;
  f.EndFirst(Verdict::kFailure);
  CHECK(f.starts.empty());
  f.Pass(1'000);
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].instance->id != first);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.State(id).attempts_made == 2);
  // With failover_max 0, nothing goes elsewhere at once.
  ServiceSettings settings;
  settings.failover_max = 0;
  f.Service(settings);
  f.Send(Rig::To());
  f.Unreached(f.starts.at(0));
  CHECK(f.starts.empty());
}

TEST_CASE("core services: one try alone may find its way to another instance; one that may not be called is passed over") {
  Rig f;
  f.Register("a");
  f.Register("b");
  Rig::Fields once = Rig::To();
  once.retry = std::nullopt;
  once.reply_none = true;
  NotifyId id = f.Send(once);
  f.Unreached(f.starts.at(0));
  REQUIRE(f.starts.size() == 1);
  f.EndFirst(Verdict::kSuccess);
  CHECK(f.State(id).phase == Phase::kSucceeded);
  id = f.Send(Rig::To());
  f.Unreached(f.starts.at(0), Verdict::kFatal, "destination_refused");
  REQUIRE(f.starts.size() == 1);
  f.Unreached(f.starts.at(0), Verdict::kFatal, "destination_refused");
  CHECK(f.State(id).phase == Phase::kRetrying);
}

TEST_CASE("core services: an instance that is not reached is left out, tried by one call, and back after that") {
  Rig f;
  f.Register("a");
  f.Register("b");
  // Those that go to b end well.
  for (int i = 0; i < 40 && f.View().instances[0]->breaker == Breaker::State::kClosed; ++i) {
    f.Send(Rig::To("lane" + std::to_string(i)));
    while (!f.starts.empty()) {
      if (f.starts[0].instance->id == "a") f.Unreached(f.starts[0]);
      else f.EndFirst(Verdict::kSuccess);
    }
  }
  REQUIRE(f.View().instances[0]->breaker == Breaker::State::kOpen);
  CHECK(f.Events().back() == "instance breaker opened");
  CHECK(f.Stats().open_breakers == 1);
  for (int i = 0; i < 10; ++i) f.Send(Rig::To("more" + std::to_string(i)));
  CHECK(f.Active() == std::map<std::string, uint32_t>{{"a", 0}, {"b", 10}});
  f.Pass(10'000);
  f.Send(Rig::To("probe"));
  f.Send(Rig::To("beside"));
  CHECK(f.Active() == std::map<std::string, uint32_t>{{"a", 1}, {"b", 11}});
  for (const StartAttempt& start : std::deque<StartAttempt>(f.starts))
    if (start.instance->id == "a") f.End(start, Verdict::kSuccess);
  f.Run();
  CHECK(f.View().instances[0]->breaker == Breaker::State::kRamp);
  CHECK(f.Events().back() == "instance breaker closed");
  CHECK(f.Stats().open_breakers == 0);
}

TEST_CASE("core services: where all are out of reach what waits keeps its budget, and a retry by hand is the probe") {
  Rig f;
  f.Register("a");
  NotifyId id;
  for (int i = 0; i < 5; ++i) {
    id = f.Send(Rig::To("lane" + std::to_string(i)));
    REQUIRE(f.starts.size() == 1);
    f.Unreached(f.starts[0]);
  }
  NotifyId waits = f.Send(Rig::To("waits"));
  CHECK(f.Why(waits) == std::vector<std::string>{"breaker_open"});
  f.Pass(9'000);
  CHECK(f.starts.empty());
  CHECK(f.State(waits).attempts_made == 0);
  f.ById<RetryRequest>(id);
  CHECK(f.starts.size() == 1);
  f.EndFirst(Verdict::kSuccess);
  while (!f.starts.empty()) f.EndFirst(Verdict::kSuccess);
  CHECK(f.State(waits).phase == Phase::kSucceeded);
  CHECK(f.Balances());
}

TEST_CASE("core services: who waited for all of them for too long fails, or at once where the service says so") {
  Rig f;
  ServiceSettings settings;
  settings.breaker = BreakerSettings{.failures = 2, .max_wait_ms = 60'000};
  f.Service(settings);
  f.Register("a");
  for (int i = 0; i < 2; ++i) {
    Rig::Fields once = Rig::To("lane" + std::to_string(i));
    once.retry->max_attempts = 1;
    f.Send(once);
    f.Unreached(f.starts.at(0));
  }
  REQUIRE(f.View().instances[0]->breaker == Breaker::State::kOpen);
  NotifyId waits = f.Send(Rig::To());
  int64_t passed = 0;
  for (; passed < 59'000; passed += 1'000) {
    f.Pass(1'000);
    while (!f.starts.empty()) f.Unreached(f.starts[0]);  // probes in vain
  }
  CHECK(f.State(waits).phase == Phase::kRetrying);
  for (; passed < 70'000 && f.State(waits).phase != Phase::kFailed; passed += 1'000) {
    f.Pass(1'000);
    while (!f.starts.empty()) f.Unreached(f.starts[0]);
  }
  CHECK(f.State(waits).phase == Phase::kFailed);
  CHECK(f.State(waits).reason == "breaker_open");
  settings.breaker->fail_on_open = true;
  f.Service(settings);
  REQUIRE(f.View().instances[0]->breaker == Breaker::State::kOpen);
  NotifyId fails = f.Send(Rig::To());
  CHECK(f.State(fails).phase == Phase::kFailed);
  CHECK(f.State(fails).reason == "breaker_open");
  CHECK(f.State(fails).attempts_made == 0);
  CHECK(f.Balances());
}

TEST_CASE("core services: a pool, or an instance, of its own; its neighbours do not wait for it") {
  Rig f;
  f.Register("a", {"http://a", 1, {"eu"}, 0});
  FlowFields us, b;
  us.pool = "us";
  b.instance = "b";
  for (Mode mode : {Mode::kConcurrent, Mode::kFifo}) {
    Rig::Fields fields = Rig::To();
    fields.mode = mode;
    NotifyId first = f.Send(fields, us), second = f.Send(fields, b);
    NotifyId third = f.Send(fields);
    CHECK(f.Why(first).back() == "no_instance");
    if (mode == Mode::kConcurrent) {
      CHECK(f.Why(second).back() == "no_instance");
      CHECK(f.UnderWay() == std::vector<NotifyId>{third});
      f.EndFirst(Verdict::kSuccess);
    } else {
      CHECK(f.starts.empty());  // order is order
    }
    f.Pass(30'000);
    CHECK(f.starts.empty());
    CHECK(f.State(first).attempts_made == 0);
    f.Register("b", {"http://b", 1, {"us"}, 0});  // which wakes them
    std::vector<NotifyId> order;
    while (!f.starts.empty()) {
      if (f.starts[0].id != third) CHECK(f.starts[0].instance->id == "b");
      order.push_back(f.EndFirst(Verdict::kSuccess));
    }
    if (mode == Mode::kFifo) CHECK(order == std::vector<NotifyId>{first, second, third});
    else CHECK(order.size() == 2);
    f.Told(DeleteInstance{"billing", "b", {}});
    CHECK(f.Balances());
  }
}

TEST_CASE("core services: explain says that there is no instance, whether there never was one, all have expired, are taken out, or drain") {
  Rig f;
  f.Service({});
  const NotifyId waits = f.Send(Rig::To());
  const auto why = [&] {
    const Explained explained = f.Explain(waits);
    CHECK_FALSE(explained.expected_at);
    REQUIRE(explained.reasons.size() == 1);
    CHECK(explained.reasons[0].code == "no_instance");
    return explained.reasons[0].detail;
  };
  CHECK(why() == "no instance of the service billing is there");
  const NotifyId behind = f.Send(Rig::To());
  CHECK(f.Why(behind) == std::vector<std::string>{"no_instance", "behind"});
  f.Register("a", {"", 0, {}, 10'000});
  CHECK(why() == "no instance of the service billing starts anything new; 1 drains");
  f.Register("b", {"", 0, {}, 0});
  CHECK(why() == "no instance of the service billing starts anything new; 2 drain");
  f.Pass(10'000);  // a has expired
  CHECK(why() == "no instance of the service billing starts anything new; 1 drains");
  f.Told(DeleteInstance{"billing", "b", {}});
  CHECK(why() == "no instance of the service billing is there");
  f.Told(DeleteService{"billing", {}});
  CHECK(why() == "the service billing is not there any more");
  CHECK(f.starts.empty());
}

TEST_CASE("core services: explain says in which pool there is no instance, and which one is not there, whoever named the pool") {
  Rig f;
  ServiceSettings settings;
  settings.pool = "eu";
  f.Service(settings);
  f.Register("a", {"", 1, {"asia"}, 0});
  const NotifyId of_service = f.Send(Rig::To("one"));
  FlowFields own, named;
  own.pool = "us";
  own.pool_fallback = "canada";
  named.instance = "b";
  const NotifyId of_pool = f.Send(Rig::To("two"), own), of_instance = f.Send(Rig::To("three"), named);
  const auto why = [&](NotifyId id) {
    const Explained::Reason reason = f.Explain(id).reasons.back();
    CHECK(reason.code == "no_instance");
    return reason.detail;
  };
  CHECK(why(of_service) == "no instance of the service billing in the pool eu is there");
  CHECK(why(of_pool) == "no instance of the service billing in the pool us or canada is there");
  CHECK(why(of_instance) == "the instance b of the service billing is not there");
  f.Register("b", {"", 0, {"eu", "canada"}, 0});
  CHECK(why(of_service) == "no instance of the service billing in the pool eu starts anything new; 1 drains");
  CHECK(why(of_pool) == "no instance of the service billing in the pool us or canada starts anything new; 1 drains");
  CHECK(why(of_instance) == "the instance b of the service billing drains: it starts nothing new");
}

TEST_CASE(
    "core services: where those that are wanted cannot be reached explain counts on their probes, not on those of others or of one that drains") {
  Rig f;
  ServiceSettings settings;
  settings.pool = "eu";
  settings.breaker = BreakerSettings{.failures = 1, .open_ms = 10'000};
  f.Service(settings);
  FlowFields us;
  us.pool = "us";
  const auto open = [&](const std::string& id, const std::string& pool) {
    f.Register(id, {"", 1, {pool}, 0});
    Rig::Fields once = Rig::To(id);
    once.retry->max_attempts = 1;
    if (pool == "eu") f.Send(once);
    else f.Send(once, us);
    f.Unreached(f.starts.at(0));
  };
  open("drains", "eu");
  f.Register("drains", {"", 0, {"eu"}, 0});
  open("other", "us");
  f.Pass(2'000);
  open("down", "eu");
  const WallTime probe{f.now.wall.ms + 10'000};
  f.Pass(1'000);
  const Explained why = f.Explain(f.Send(Rig::To("waits")));
  REQUIRE(why.reasons.size() == 1);
  CHECK(why.reasons[0].code == "breaker_open");
  CHECK(why.reasons[0].detail.find(FormatRfc3339(probe)) != std::string::npos);
  CHECK(why.expected_at == probe);
  f.Register("down", {"", 0, {"eu"}, 0});
  CHECK(f.Why(f.Send(Rig::To("drained"))) == std::vector<std::string>{"no_instance"});
}

TEST_CASE("core services: explain does not take a service for empty that is not read yet at a start") {
  Rig f;
  f.Register("a");
  f.Pause({Mode::kConcurrent, "lane"});
  const NotifyId waits = f.Send(Rig::To());
  CHECK(f.Why(waits) == std::vector<std::string>{"lane_paused"});
  f.Restart(CrashKind::kKill, /*pages=*/false);
  ExplainRequest r;
  r.id = waits;
  const uint64_t token = f.Ask(r);
  f.Run();
  CHECK_FALSE(f.replies.contains(token));
  f.reads().OpenPages();
  f.Run();
  REQUIRE(f.replies.contains(token));
  const auto& reasons = std::get<Explained>(f.replies.at(token).body).reasons;
  REQUIRE(reasons.size() == 1);
  CHECK(reasons[0].code == "lane_paused");
}

TEST_CASE("core services: by hash of a value of data, and of the lane") {
  Rig f;
  ServiceSettings settings;
  settings.balance = Balance::kHash;
  settings.hash_by = "/id";
  f.Service(settings);
  for (const char* id : {"a", "b", "c"}) f.Register(id);
  auto at = [&](const std::string& lane, const std::string& data) {
    Rig::Fields fields = Rig::To(lane);
    fields.data = data;
    f.Send(fields);
    const std::string id = f.starts.at(0).instance->id;
    f.EndFirst(Verdict::kSuccess);
    return id;
  };
  std::set<std::string> used;
  for (int i = 0; i < 30; ++i) {
    const std::string n = std::to_string(i);
    const std::string id = at("lane" + n, "{\"id\":" + n + "}");
    CHECK(at("other", "{\"x\":1,\"id\":" + n + ".0}") == id);
    used.insert(id);
  }
  CHECK(used.size() == 3);
  settings.hash_by.clear();
  f.Service(settings);
  CHECK(at("lane", "{}") == at("lane", "{\"id\":5}"));
}

TEST_CASE("core services: changes are conditional, and say whether anything was new") {
  Rig f;
  ServiceAnswer put = f.Told(PutService{"billing", {}, ResourceCondition{.absent = true}});
  CHECK(put.created);
  CHECK(put.kind == Kind::kService);
  CHECK(f.IsStale(PutService{"billing", {}, ResourceCondition{.absent = true}}));
  const uint64_t written = f.image().batch;
  CHECK_FALSE(f.Told(PutService{"billing", {}, {}}).created);
  CHECK(f.image().batch == written);
  ServiceSettings random;
  random.balance = Balance::kRandom;
  CHECK(f.IsStale(PutService{"billing", random, {.prints = std::vector<Fingerprint>{{1, 2}}}}));
  ServiceAnswer changed = f.Told(PutService{"billing", random, {.prints = std::vector{FingerprintOf(put.bytes)}}});
  CHECK(changed.kind == Kind::kService);
  CHECK(changed.bytes != put.bytes);
  CHECK(f.Refusal(GetService{"other"}) == Code::kNotFound);
  CHECK(f.Refusal(GetInstance{"billing", "a"}) == Code::kNotFound);
  CHECK(f.Refusal(DeleteInstance{"billing", "a", {}}) == Code::kNotFound);
  // What is not there is not what anybody has read.
  const ResourceCondition present{.present = true}, read{.prints = std::vector{FingerprintOf("read")}}, absent{.absent = true};
  for (const ResourceCondition& condition : {present, read}) {
    CHECK(f.IsStale(DeleteService{"other", condition}));
    CHECK(f.IsStale(DeleteInstance{"other", "a", condition}));
    CHECK(f.IsStale(DeleteInstance{"billing", "a", condition}));
  }
  CHECK(f.Refusal(DeleteService{"other", absent}) == Code::kNotFound);
  f.Register("a");
  ServiceSettings https;
  https.https = true;
  CHECK(f.Refusal(PutService{"billing", https, {}}) == Code::kUnacceptable);
  CHECK(f.IsStale(DeleteService{"billing", {.prints = std::vector{FingerprintOf(put.bytes)}}}));
  CHECK(f.Told(DeleteService{"billing", {}}).kind == Kind::kDeleted);
  CHECK(f.Refusal(GetService{"billing"}) == Code::kNotFound);
  f.Restart();
  CHECK(f.Refusal(GetService{"billing"}) == Code::kNotFound);
}

TEST_CASE("core services: what the file says cannot be changed here, and gives back what was said before once it says it no more") {
  Rig f;
  ServiceSettings random;
  random.balance = Balance::kRandom;
  f.Service(random);
  f.Register("mine");
  f.Register("a");
  auto flow = std::make_shared<FlowSettings>();
  FileService of_file{"billing", {"default"}, {}, {{"a", {"http://file-a", 1, {}, 0}}, {"b", {"http://file-b", 1, {}, 0}}}};
  of_file.settings.balance = Balance::kRoundRobin;
  flow->services = {of_file, {"other", {"default"}, {}, {{"x", {"http://x", 1, {}, 0}}}}};
  f.Post(FlowSettingsChanged{flow});
  f.Run();
  ServiceView view = f.View();
  CHECK(view.from_file);
  CHECK(view.settings.balance == Balance::kRoundRobin);
  REQUIRE(view.instances.size() == 3);
  CHECK(view.instances[0]->settings.url == "http://file-a");
  CHECK(view.instances[0]->from_file);
  CHECK(f.Refusal(PutService{"billing", {}, {}}) == Code::kConflict);
  CHECK(f.Refusal(DeleteService{"billing", {}}) == Code::kConflict);
  CHECK(f.Refusal(PutInstance{"billing", "a", {"http://a", 1, {}, 0}, {}}) == Code::kConflict);
  CHECK(f.Refusal(DeleteInstance{"billing", "b", {}}) == Code::kConflict);
  CHECK_FALSE(f.Register("mine").created);
  Rig::Fields to_other = Rig::To();
  to_other.host = "service://other";
  f.Send(to_other);
  CHECK(f.starts.at(0).instance->url == "http://x");
  f.EndFirst(Verdict::kSuccess);
  f.Post(FlowSettingsChanged{std::make_shared<const FlowSettings>()});
  f.Run();
  CHECK_FALSE(f.View().from_file);
  CHECK(f.View().settings.balance == Balance::kRandom);
  CHECK(f.View().instances.size() == 1);
  CHECK(f.Refusal(GetService{"other"}) == Code::kNotFound);
  // A start hears of it before it knows what is stored.
  f.Restart();
  f.Post(FlowSettingsChanged{flow});
  f.Run();
  CHECK(f.View().instances.size() == 3);
}

TEST_CASE("core services: lists by prefix and page; the list of instances is waited for") {
  Rig f;
  for (const char* name : {"a", "b1", "b2", "b3", "c"}) f.Told(PutService{name, {}, {}});
  ServiceAnswer page = f.Told(ListServices{{2, "", "b"}});
  REQUIRE(page.services.size() == 2);
  CHECK(page.more);
  page = f.Told(ListServices{{2, "b2", "b"}});
  REQUIRE(page.services.size() == 1);
  CHECK(page.services[0].name == "b3");
  CHECK_FALSE(page.more);

  f.Register("x");
  const Fingerprint etag = FingerprintOf(f.Told(ListInstances{"billing", std::nullopt, 0, {}}).bytes);
  CHECK(f.Told(ListInstances{"billing", etag, 0, {}}).kind == Kind::kUnchanged);
  uint64_t waits = f.Begin(ListInstances{"billing", etag, 10'000, {}});
  f.Pass(9'000);
  CHECK_FALSE(f.replies.contains(waits));
  f.Register("x");  // a beat
  CHECK_FALSE(f.replies.contains(waits));
  f.Register("y");
  REQUIRE(f.replies.contains(waits));
  CHECK(f.AnswerOf(waits).kind == Kind::kInstances);
  CHECK(f.AnswerOf(waits).services.at(0).instances.size() == 2);
  const Fingerprint now = FingerprintOf(f.AnswerOf(waits).bytes);
  CHECK_FALSE(now == etag);
  waits = f.Begin(ListInstances{"billing", now, 10'000, {}});
  f.Pass(10'000);
  REQUIRE(f.replies.contains(waits));
  CHECK(f.AnswerOf(waits).kind == Kind::kUnchanged);

  // "*" is whatever list it is, and of several that are known none is news.
  KnownLists any;
  any.any = true;
  CHECK(f.Told(ListInstances{"billing", any, 0, {}}).kind == Kind::kUnchanged);
  KnownLists both(etag);
  both.prints.push_back(now);
  waits = f.Begin(ListInstances{"billing", any, 10'000, {}});
  const uint64_t knows_both = f.Begin(ListInstances{"billing", both, 10'000, {}});
  f.Told(DeleteInstance{"billing", "y", {}});
  REQUIRE(f.replies.contains(waits));
  CHECK(f.AnswerOf(waits).kind == Kind::kInstances);
  CHECK_FALSE(f.replies.contains(knows_both));
  f.Pass(10'000);
  CHECK(f.AnswerOf(knows_both).kind == Kind::kUnchanged);
  CHECK(FingerprintOf(f.AnswerOf(knows_both).bytes) == etag);
}

TEST_CASE("services: who waits for the list of instances hears at once that the namespace is removed") {
  Rig f;
  f.Register("x");
  const Fingerprint known = FingerprintOf(f.Told(ListInstances{"billing", std::nullopt, 0, {}}).bytes);
  const uint64_t waits = f.Begin(ListInstances{"billing", known, 10'000, {}});
  CHECK_FALSE(f.replies.contains(waits));
  f.Post(Drain{});
  f.Run();
  REQUIRE(f.replies.contains(waits));
  CHECK(Rig::CodeOf(f.replies.at(waits)) == Code::kNotFound);
}

TEST_CASE("services: who waits at one that goes is told, whether he knew of instances or of none") {
  Rig f;
  f.Register("x");
  f.Told(PutService{"empty", {}, {}});
  auto wait_at = [&](const char* name) {
    return f.Begin(ListInstances{name, FingerprintOf(f.Told(ListInstances{name, std::nullopt, 0, {}}).bytes), 10'000, {}});
  };
  const uint64_t some = wait_at("billing"), none = wait_at("empty");
  f.Told(DeleteService{"billing", {}});
  f.Told(DeleteService{"empty", {}});
  REQUIRE(f.replies.contains(some));
  CHECK(f.AnswerOf(some).services.at(0).instances.empty());
  REQUIRE(f.replies.contains(none));
  CHECK(Rig::CodeOf(f.replies.at(none)) == Code::kNotFound);
}

TEST_CASE("services: many who wait for a list cost no copy of it each, before it changes or as they are told") {
  Rig f;
  const std::string path(4'000, 'x');
  for (int i = 0; i < 200; ++i) f.Register("i" + std::to_string(1'000 + i), {"http://h/" + path});
  f.Told(PutService{"other", {}, {}});
  const ServiceAnswer list = f.Told(ListInstances{"billing", std::nullopt, 0, {1'000}});
  CHECK(list.bytes.size() < 100);  // what somebody who waits leaves here
  CHECK(list.more);
  const size_t shown = list.services.at(0).instances.size();
  CHECK(shown * path.size() < kInstancesPageBytes + 2 * path.size());
  std::vector<uint64_t> waiting;
  for (size_t limit = 1; limit <= 50; ++limit) {
    waiting.push_back(f.Begin(ListInstances{"billing", FingerprintOf(list.bytes), 10'000, {limit}}));
    f.Begin(ListInstances{"other", FingerprintOf(f.Told(ListInstances{"other", std::nullopt, 0, {}}).bytes), 9'000, {limit}});
  }
  f.Post(Disconnected{{0, waiting.back()}});
  f.Run();
  waiting.pop_back();
  f.Register("i1000", {.url = "http://elsewhere"});
  for (uint64_t request : waiting) {
    REQUIRE(f.replies.contains(request));
    CHECK(f.AnswerOf(request).kind == ServiceAnswer::Kind::kInstances);
    CHECK(f.AnswerOf(request).services.at(0).instances.at(0) == f.AnswerOf(waiting[0]).services.at(0).instances.at(0));  // one and the same view
  }
  size_t before = f.replies.size();
  f.Pass(9'000);
  CHECK(f.replies.size() == before + 50);
}
