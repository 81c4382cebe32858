// Whom the API does not let in, who waits for an answer, and what becomes of a request whose client goes.
#include "api_fixture.h"
#include "broker/figures_events.h"
#include "net/http_response.h"

namespace notifyd {
namespace {

constexpr const char* kId = "n000000000000001f";

TEST_CASE("origin: a foreign one is refused everywhere, before anything else") {
  ApiFixture f;
  f.Ask("GET", "/healthz", "", {{"Host", "127.0.0.1:7300"}, {"Origin", "http://evil.com"}});
  CHECK(f.Outcome() == "403");
  f.Ask("OPTIONS", "/nope", "", {{"Host", "127.0.0.1:7300"}, {"Origin", "null"}});
  CHECK(f.Outcome() == "403");
  f.Ask("GET", "/healthz", "", {{"Host", "127.0.0.1:7300"}, {"Origin", "http://127.0.0.1:7300"}});
  CHECK(f.Outcome() == "200");
}

TEST_CASE("via: a request that this broker has made itself is refused everywhere") {
  ApiFixture f;
  f.api.SetSelf({{.store = "me"}});
  const Headers own = {{"Notify-Via", "other"}, {"notify-via", "another; x=1, me"}};
  f.Submit(R"({"url":"http://h/"})", own);
  CHECK(f.Outcome() == "508");
  f.Ask("POST", "/v1/notifies/n000000000000001f/retry", "", own);
  CHECK(f.Outcome() == "508");
  f.Ask("GET", "/v1/stats", "", own);
  CHECK(f.Outcome() == "508");
  CHECK(Json(f.Answer().body).At("/type") == "urn:notifyd:problem:loop");
  Headers lines = own;
  lines.emplace_back("Content-Type", "application/x-ndjson");
  REQUIRE(f.Open(lines));
  CHECK(f.Outcome() == "508");
  CHECK(f.Answer().close);
  f.Submit(R"({"url":"http://h/"})", {{"Notify-Via", std::string(1025, 'x')}});
  CHECK(f.Outcome() == "508");
  CHECK(f.sink.events.empty());
}

TEST_CASE("via: what a request came through goes into each notify, and into a retry") {
  ApiFixture f;
  f.api.SetSelf({{.store = "me"}});
  const Headers chain = {{"Notify-Via", "a,b"}, {"Notify-Via", "c"}};
  f.Submit(R"({"url":"http://h/","headers":{"X-A":"1"}})", chain);
  CHECK(f.Spec().via == "a, b, c");
  CHECK(f.Spec().headers == Headers{{"X-A", "1"}});
  // Nothing that is shown, or that a change could take away.
  CHECK(f.Shown(f.RecordOf(f.Item()), State::kReady).At("/headers") == R"({"X-A":"1"})");
  f.Submit(R"({"url":"http://h/","headers":{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}})", chain);
  CHECK(f.Spec().via == "a, b, c");
  f.Submit(R"({"url":"http://h/"})");
  CHECK(f.Spec().via.empty());
  f.Ask("POST", "/v1/notifies/n000000000000001f/retry", "", chain);
  CHECK(f.Posted<RetryRequest>().via == "a, b, c");
  f.Ask("POST", "/v1/notifies/retry", R"({"filter":{"state":"failed"}})", chain);
  CHECK(f.Posted<BulkRequest>().via == "a, b, c");
  Headers lines = chain;
  lines.emplace_back("Content-Type", "application/x-ndjson");
  uint64_t token = f.Open(lines) ? f.last_token : 0;
  f.api.OnBody(token, "{\"url\":\"http://h/\"}\n");
  f.api.OnBodyEnd(token);
  CHECK(DecodeSpec(*f.Posted<SubmitRequest>().items.at(0).spec)->via == "a, b, c");
}

TEST_CASE("waiters: so many at once, and no more; one that is answered or gone does not count") {
  ApiFixture f;
  std::string wait = std::string("/v1/notifies/") + kId + "?wait_ms=60000";
  uint64_t first = f.Ask("GET", wait);
  uint64_t second = f.Ask("GET", wait);
  f.Ask("GET", wait);
  CHECK(f.Outcome() == "429");
  CHECK(f.Header("Retry-After") == "1");
  CHECK_THAT(Json(f.Answer().body).At("/detail"), Catch::Contains("wait_ms"));
  f.Ask("GET", std::string("/v1/notifies/") + kId + "?wait_ms=0");
  CHECK_FALSE(f.answered());
  f.api.OnClose(first);
  f.Ask("GET", wait);
  CHECK_FALSE(f.answered());
  f.api.OnReply({{3, second}, Refused{Status(Code::kNotFound, "gone"), {}}});
  f.Ask("GET", wait);
  CHECK_FALSE(f.answered());
  f.Ask("GET", wait);
  CHECK(f.Outcome() == "429");
}

TEST_CASE("waiters: one namespace leaves places to others, whichever loops its requests come to") {
  Waiters waiters;
  for (int i = 0; i < 3; ++i) CHECK(waiters.Take(2, 4, 3) == Waiters::Answer::kTaken);
  CHECK(waiters.Take(2, 4, 3) == Waiters::Answer::kShare);
  CHECK(waiters.Take(3, 4, 3) == Waiters::Answer::kTaken);
  CHECK(waiters.Take(3, 4, 3) == Waiters::Answer::kFull);
  waiters.GiveBack(2);
  CHECK(waiters.load() == 3);
  CHECK(waiters.Take(2, 4, 3) == Waiters::Answer::kTaken);
}

TEST_CASE("waiters: one whose client ends its side is answered at once, and does not count any more") {
  ApiFixture f;
  uint64_t token = f.Ask("GET", std::string("/v1/notifies/") + kId + "?wait_ms=60000");
  f.Ask("GET", std::string("/v1/notifies/") + kId + "?wait_ms=60000");
  size_t before = f.sink.events.size();
  f.api.OnHalfClose(token);
  // Not as a look of its own under the same request: its answer may be on its way already.
  REQUIRE(f.sink.events.size() == before + 1);
  CHECK(std::get<EndWaitAsk>(f.Posted<FiguresRequest>().ask->what).of == RequestId{3, token});
  f.Ask("GET", std::string("/v1/notifies/") + kId + "?wait_ms=60000");
  CHECK_FALSE(f.answered());
  // Any other request goes on.
  before = f.sink.events.size();
  f.Ask("GET", std::string("/v1/notifies/") + kId);
  f.api.OnHalfClose(f.last_token);
  CHECK(f.sink.events.size() == before + 1);
}

TEST_CASE("waiters: a submit whose client ends its side waits on, and gives its place back once the connection is gone") {
  ApiFixture f;
  const auto submit = [&f] { return f.Ask("POST", "/v1/notifies?wait_ms=60000", R"({"url":"http://h/"})"); };
  const uint64_t first = submit();
  submit();
  const size_t before = f.sink.events.size();
  f.api.OnHalfClose(first);
  CHECK(f.sink.events.size() == before);
  submit();
  CHECK(f.Outcome() == "429");
  f.answers.clear();
  f.api.OnClose(first);
  submit();
  CHECK_FALSE(f.answered());
}

TEST_CASE("waiters: room for the answer is asked for once it is known, and where there is none it is refused") {
  ApiFixture f;
  bool room = GENERATE(true, false);
  f.responder.room = room;
  f.Submit(R"({"url":"http://h/","body":")" + std::string(900, 'x') + "\"}");
  auto record = std::make_shared<const NotifyRecord>(f.RecordOf(f.Item()));
  f.Ask("GET", std::string("/v1/notifies/") + kId + "?wait_ms=5");
  f.Reply(Viewed{{record, State::kReady}});
  CHECK(f.Outcome() == (room ? "200" : "429"));
  CHECK(f.responder.reserved > 900);
}

TEST_CASE("demand: probes are known as such, and what shows notifies says what it takes") {
  ApiFixture f;
  auto demand = [&](const std::string& method, const std::string& target, const std::string& body = "") {
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.body = body;
    return f.api.Demand(request);
  };
  for (const char* path : {"/healthz", "/readyz?x", "/metrics"}) {
    CHECK(demand("GET", path).probe);
    CHECK(demand("HEAD", path).probe);
    CHECK_FALSE(demand("POST", path).probe);
  }
  for (const char* path : {"/v1/notifies?limit=5", "/v1/lanes", "/v1/notifies/n000000000000001f", "/v1/fkeys/f"}) {
    CAPTURE(path);
    CHECK_FALSE(demand("GET", path).probe);
    CHECK(demand("GET", path).answer_bytes > 100'000);
    CHECK(demand("GET", path).waits);
  }
  // However many wait, they hold nothing; who asks without waiting does not get past what is reserved by saying so.
  for (const std::string path : {"/v1/notifies/n000000000000001f", "/v1/groups/n000000000000001f", "/v1/services/billing/instances"}) {
    CAPTURE(path);
    CHECK(demand("GET", path + "?wait_ms=1000").answer_bytes == 0);
    CHECK(demand("GET", path + "?wait_ms=0").answer_bytes > 100'000);
    CHECK(demand("GET", path + "?wait_ms=no").answer_bytes > 100'000);
  }
  CHECK(demand("POST", "/v1/notifies", "{}").answer_bytes == 0);
  HttpDemand batch = demand("POST", "/v1/notifies", std::string(100'000, ' '));
  CHECK(batch.answer_bytes > 0);
  CHECK_FALSE(batch.waits);
  CHECK(demand("GET", "/nope").answer_bytes == 0);
}

TEST_CASE("close: a posted request is reported once, an answered one not at all") {
  ApiFixture f;
  uint64_t token = f.Ask("GET", std::string("/v1/notifies/") + kId + "?wait_ms=5");
  f.api.OnClose(token);
  CHECK(f.Posted<Disconnected>().request == RequestId{3, token});
  f.api.OnReply({{3, token}, Retried{}});
  CHECK_FALSE(f.answered());
  f.api.OnClose(token);
  f.Ask("GET", "/healthz");
  f.api.OnClose(f.last_token);
  CHECK(f.sink.events.size() == 2);
}

TEST_CASE("refusals of the server itself are problem documents") {
  ApiFixture f;
  HttpResponse response = f.api.OnRefused(431, "too \"much\"\xff");
  CHECK(response.status == 431);
  CHECK(response.content_type == "application/problem+json");
  CHECK(response.close);
  CHECK(Json(response.body).At("/status") == "431");
  CHECK(Json(response.body).At("/type") == "urn:notifyd:problem:head-too-large");
  CHECK(Json(f.api.OnRefused(418, "").body).At("/status") == "418");
}

}  // namespace
}  // namespace notifyd
