// Services and instances: what a PUT says, what is shown, conditions, and notifies to a service.
#include "api_fixture.h"
#include "broker/figures_events.h"
#include "broker/flow.h"
#include "broker/service_events.h"
#include "net/api/resource.h"

namespace notifyd {
namespace {

template <class Ask>
const Ask& ServiceAsked(ApiFixture& f) {
  const ServiceAsk& ask = *f.Posted<ServiceRequest>().ask;
  REQUIRE(std::holds_alternative<Ask>(ask.what));
  return std::get<Ask>(ask.what);
}

void Answer(ApiFixture& f, ServiceAnswer answer) {
  f.Reply(ServiceAnswered{std::make_shared<const ServiceAnswer>(std::move(answer))});
}

ServiceAnswer One(ServiceAnswer::Kind kind) {
  ServiceAnswer answer;
  answer.kind = kind;
  answer.bytes = "x";
  ServiceView& service = answer.services.emplace_back();
  service.name = "billing";
  service.counts = {1, 0, 0};
  InstanceView instance;
  instance.id = "a:1";
  instance.settings = {"http://a", 2, {"eu"}, 5'000};
  instance.in_flight = 3;
  instance.gone_at = WallTime{1'700'000'000'000};
  service.instances.push_back(std::make_shared<const InstanceView>(std::move(instance)));
  return answer;
}

}  // namespace

TEST_CASE("services: who waited for a list gets room for it as it comes, or is told that there is none") {
  ApiFixture f;
  const auto wait = [&] {
    f.Ask("GET", "/v1/services/billing/instances?wait_ms=1000", "", {{"If-None-Match", "\"x\""}});
    CHECK(f.responder.reserved == 0);
    Answer(f, One(ServiceAnswer::Kind::kInstances));
    return f.Outcome();
  };
  CHECK(wait() == "200");
  CHECK(f.responder.reserved > 0);
  f.responder.reserved = 0;
  f.responder.room = false;
  CHECK(wait() == "429");
}

TEST_CASE("services: a PUT says all of it, and what it leaves out is at its default") {
  ApiFixture f;
  f.Ask(
      "PUT", "/v1/services/billing",
      R"({"balance":"hash","hash_by":"/id","pool":"eu","pool_fallback":"us","https":true,"host_header":"API.example:8443","failover_max":0,)"
      R"("breaker":{"failures":2,"ratio":0.25,"window":10,"open_ms":100,"max_wait_ms":5000,"disable_after_ms":0,"on_open":"fail"},"probe":"/healthz?x=1"})",
      {{"If-Match", "*"}});
  const PutService& put = ServiceAsked<PutService>(f);
  CHECK(put.name == "billing");
  CHECK(put.condition.present);
  CHECK(put.settings.balance == Balance::kHash);
  CHECK(put.settings.hash_by == "/id");
  CHECK(put.settings.pool == "eu");
  CHECK(put.settings.pool_fallback == "us");
  CHECK(put.settings.https);
  CHECK(put.settings.host_header == "api.example:8443");
  CHECK(put.settings.failover_max == 0);
  CHECK(put.settings.probe == ServiceProbe{"/healthz?x=1", 5'000});
  REQUIRE(put.settings.breaker);
  CHECK(*put.settings.breaker == BreakerSettings{true, 2, 25, 10, 100, 5'000, 0, true});
  f.Ask("PUT", "/v1/services/billing", "{}");
  CHECK(ServiceAsked<PutService>(f).settings == ServiceSettings());
  f.Ask("PUT", "/v1/services/billing/instances/a:1", R"({"url":"https://a/api","weight":7,"pools":["us","eu","us"],"ttl_ms":1000})");
  CHECK(ServiceAsked<PutInstance>(f).id == "a:1");
  CHECK(ServiceAsked<PutInstance>(f).settings == InstanceSettings{"https://a/api", 7, {"eu", "us"}, 1'000});
  f.Ask("DELETE", "/v1/services/billing/instances/a:1");
  CHECK(ServiceAsked<DeleteInstance>(f).service == "billing");
  f.Ask("GET", "/v1/services?prefix=b&cursor=c&limit=2");
  CHECK(ServiceAsked<ListServices>(f).page.limit == 2);
}

TEST_CASE("services: what they are refused for") {
  struct Row {
    const char *method, *target, *body, *outcome;
  };
  auto row = GENERATE(values<Row>({
      {"PUT", "/v1/services/Billing", "{}", "422 /name"},
      {"PUT", "/v1/services/-b", "{}", "422 /name"},
      {"GET", "/v1/services/a_b", "", "422 /name"},
      {"PUT", "/v1/services/b", R"({"balance":"fair"})", "422 /balance"},
      {"PUT", "/v1/services/b", R"({"hash_by":"/id"})", "422 /hash_by"},
      {"PUT", "/v1/services/b", R"({"balance":"hash","hash_by":"id"})", "422 /hash_by"},
      {"PUT", "/v1/services/b", R"({"pool":"a b"})", "422 /pool"},
      {"PUT", "/v1/services/b", R"({"failover_max":101})", "422 /failover_max"},
      {"PUT", "/v1/services/b", R"({"host_header":"a/b"})", "422 /host_header"},
      {"PUT", "/v1/services/b", R"({"breaker":{"ratio":2}})", "422 /breaker/ratio"},
      {"PUT", "/v1/services/b", R"({"breaker":{"nope":2}})", "422 /breaker/nope"},
      {"PUT", "/v1/services/b", R"({"probe":"healthz"})", "422 /probe"},
      {"PUT", "/v1/services/b", R"({"probe":"/a#b"})", "422 /probe"},
      {"PUT", "/v1/services/b", R"({"probe":7})", "422 /probe"},
      {"PUT", "/v1/services/b", R"({"probe":{"timeout_ms":5}})", "422 /probe/path"},
      {"PUT", "/v1/services/b", R"({"probe":{"path":"/","timeout_ms":0}})", "422 /probe/timeout_ms"},
      {"PUT", "/v1/services/b", R"({"probe":{"path":"/","interval_ms":5}})", "422 /probe/interval_ms"},
      {"PUT", "/v1/services/b", R"({"name":"b"})", "422 /name"},
      {"PUT", "/v1/services/b", "[]", "422"},
      {"PUT", "/v1/services/b", "", "400"},
      {"PUT", "/v1/services/b/instances/a%20b", R"({"url":"http://h"})", "422 /id"},
      {"PUT", "/v1/services/b/instances/a", "{}", "422 /url"},
      {"PUT", "/v1/services/b/instances/a", R"({"url":"ftp://h"})", "422 /url"},
      {"PUT", "/v1/services/b/instances/a", R"({"url":"http://h?x"})", "422 /url"},
      {"PUT", "/v1/services/b/instances/a", R"({"url":"service://c"})", "422 /url"},
      {"PUT", "/v1/services/b/instances/a", R"({"url":"http://h","weight":-1})", "422 /weight"},
      {"PUT", "/v1/services/b/instances/a", R"({"url":"http://h","ttl_ms":999})", "422 /ttl_ms"},
      {"PUT", "/v1/services/b/instances/a", R"({"url":"http://h","ttl_ms":3600001})", "422 /ttl_ms"},
      {"PUT", "/v1/services/b/instances/a", R"({"url":"http://h","pools":["a","/"]})", "422 /pools/1"},
      {"GET", "/v1/services/b/instances?wait_ms=60001", "", "422 /wait_ms"},
      {"GET", "/v1/services?cursor=x&after=x", "", "422 /after"},
      {"POST", "/v1/services/b", "{}", "405"},
  }));
  CAPTURE(row.target, row.body);
  ApiFixture f;
  f.Ask(row.method, row.target, row.body);
  CHECK(f.Outcome() == row.outcome);
}

TEST_CASE("services: a bound that is no whole number is said as it is") {
  ApiFixture f;
  f.Ask("PUT", "/v1/services/b", R"({"breaker":{"ratio":0}})");
  CHECK(Json(f.Answer().body).At("/detail") == "breaker/ratio must be a number from 0.01 to 1");
}

TEST_CASE("services: what is shown of them") {
  ApiFixture f;
  f.Ask("GET", "/v1/services/billing");
  Answer(f, One(ServiceAnswer::Kind::kService));
  CHECK(f.Answer().status == 200);
  CHECK(f.Header("ETag") != "(none)");
  CHECK(
      f.Answer().body ==
      R"({"name":"billing","balance":"least_active","hash_by":null,"pool":null,"pool_fallback":null,"https":false,"host_header":null,"failover_max":3,)"
      R"("breaker":null,"probe":null,"instances":{"alive":1,"draining":0,"unreachable":0},"from_file":false})");
  f.Ask("PUT", "/v1/services/billing/instances/a:1", R"({"url":"http://a"})");
  ServiceAnswer made = One(ServiceAnswer::Kind::kInstance);
  made.created = true;
  Answer(f, made);
  CHECK(f.Answer().status == 201);
  CHECK(f.Header("Location") == "/v1/services/billing/instances/a%3A1");
  CHECK(
      f.Answer().body ==
      R"({"id":"a:1","url":"http://a","weight":2,"pools":["eu"],"ttl_ms":5000,"state":"alive","in_flight":3,"expires_at":"2023-11-14T22:13:20.000Z",)"
      R"("breaker":{"state":"closed","open_since":null,"next_probe":null},"figures":null,"from_file":false})");
  InstanceView called = *made.services[0].instances[0];
  called.figures = std::make_shared<const HostFigures>(HostFigures{2, 1, 3, 4, {}, "timeout"});
  made.services[0].instances[0] = std::make_shared<const InstanceView>(std::move(called));
  f.Ask("PUT", "/v1/services/billing/instances/a:1", R"({"url":"http://a"})");
  Answer(f, made);
  CHECK(Json(f.Answer().body).At("/figures") == R"({"attempts":2,"failed":1,"p50_ms":3,"p99_ms":4,"failing_since":null,"last_error":"timeout"})");
  f.Ask("DELETE", "/v1/services/billing");
  Answer(f, {.kind = ServiceAnswer::Kind::kDeleted});
  CHECK(f.Answer().status == 204);
  f.Ask("PUT", "/v1/services/billing", "{}", {{"If-None-Match", "*"}});
  CHECK(ServiceAsked<PutService>(f).condition.absent);
  f.Reply(Stale{});
  CHECK(f.Answer().status == 412);
}

TEST_CASE("services: a list of instances is waited for by its ETag") {
  ApiFixture f;
  f.Ask("GET", "/v1/services/billing/instances");
  CHECK_FALSE(ServiceAsked<ListInstances>(f).changed_from);
  Answer(f, One(ServiceAnswer::Kind::kInstances));
  CHECK(Json(f.Answer().body).At("/items/0/id") == "a:1");
  const std::string etag = f.Header("ETag");
  f.Ask("GET", "/v1/services/billing/instances?wait_ms=5000", "", {{"If-None-Match", etag}});
  REQUIRE(ServiceAsked<ListInstances>(f).changed_from);
  CHECK(ServiceAsked<ListInstances>(f).changed_from->prints == std::vector{FingerprintOf("x")});
  CHECK_FALSE(ServiceAsked<ListInstances>(f).changed_from->any);
  CHECK(ServiceAsked<ListInstances>(f).wait_ms == 5'000);
  Answer(f, {.kind = ServiceAnswer::Kind::kUnchanged, .bytes = "x"});
  CHECK(f.Answer().status == 304);
  CHECK(f.Header("ETag") == etag);
  // Of several, of weak ones, and of all (RFC 9110 section 13.1.2); of none that is ours.
  const std::string other = ETagOfBytes("y");
  f.Ask("GET", "/v1/services/billing/instances", "", {{"If-None-Match", "\"a\", " + other}, {"If-None-Match", "W/" + etag}});
  REQUIRE(ServiceAsked<ListInstances>(f).changed_from);
  CHECK(ServiceAsked<ListInstances>(f).changed_from->prints == std::vector{FingerprintOf("y"), FingerprintOf("x")});
  Answer(f, {.kind = ServiceAnswer::Kind::kUnchanged, .bytes = "x"});
  f.Ask("GET", "/v1/services/billing/instances", "", {{"If-None-Match", "*"}});
  REQUIRE(ServiceAsked<ListInstances>(f).changed_from);
  CHECK(ServiceAsked<ListInstances>(f).changed_from->any);
  Answer(f, {.kind = ServiceAnswer::Kind::kUnchanged, .bytes = "x"});
  f.Ask("GET", "/v1/services/billing/instances", "", {{"If-None-Match", "\"a\""}});
  CHECK_FALSE(ServiceAsked<ListInstances>(f).changed_from);
  Answer(f, One(ServiceAnswer::Kind::kInstances));
  // Who waits counts as one who waits.
  for (int i = 0; i < 2; ++i) f.Ask("GET", "/v1/services/billing/instances?wait_ms=5000", "", {{"If-None-Match", etag}});
  f.Ask("GET", "/v1/services/billing/instances?wait_ms=5000", "", {{"If-None-Match", etag}});
  CHECK(f.Outcome() == "429");
}

TEST_CASE("services: a notify to one: its lane, its host, and a pool or an instance of its own") {
  ApiFixture f;
  f.Submit(R"({"url":"service://billing/a/b?c=1"})");
  CHECK(f.Head().lane.name == "service://billing");
  CHECK(f.Head().host == "service://billing");
  CHECK_FALSE(f.Head().flow);
  CHECK(f.Spec().url == "service://billing/a/b?c=1");
  f.Submit(R"({"url":"service://billing","pool":"eu","pool_fallback":"us","instance":"i"})");
  REQUIRE(f.Head().flow);
  CHECK(f.Head().flow->pool == "eu");
  CHECK(f.Head().flow->pool_fallback == "us");
  CHECK(f.Head().flow->instance == "i");
  CHECK(f.Head().lane.name == "service://billing");
  CHECK(ServiceOf(f.Head().host) == "billing");
  CHECK(f.Head().host != "service://billing");
  const Json shown = f.Shown(f.RecordOf(f.Item()), State::kReady);
  CHECK(shown.At("/pool") == "eu");
  CHECK(shown.At("/instance") == "i");
  CHECK(f.SubmitOutcome(R"({"url":"service://Billing"})") == "422 /url");
  CHECK(f.SubmitOutcome(R"({"url":"service://"})") == "422 /url");
  CHECK(f.SubmitOutcome(R"({"url":"service://billing:80/"})") == "422 /url");
  CHECK(f.WithFields(R"("pool":"eu")") == "422 /pool");
  CHECK(f.SubmitOutcome(R"({"url":"service://b","instance":"a/b"})") == "422 /instance");
}

}  // namespace notifyd
