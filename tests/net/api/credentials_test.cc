// What comes of a credential on its way through the Api: answers that are held back, lines in the log, bodies that are not waited for, signed
// requests, the use of a token that is told. Whether one is right is access_test's affair.
#include "net/access/failure_delays.h"
#include "net/gzip.h"
#include "teams_fixture.h"

#include <functional>
#include <optional>

namespace notifyd {
namespace {

/// An Api whose timer is moved by hand.
class TimedFixture : public TeamsFixture {
 public:
  TimedFixture() { MakeApi([this](int64_t delay_ms, std::function<void()> task) { timer = {delay_ms, std::move(task)}; }); }

  /// Asks as a peer of an address.
  std::string From(const char* address, const std::string& authorization) {
    auto peer = std::make_shared<Peer>();
    peer->address = IpAddress::Parse(address);
    HttpRequest request;
    request.method = "GET";
    request.target = "/v1/stats";
    request.headers = {{"Authorization", authorization}};
    request.peer = std::move(peer);
    timed->OnRequest(++last_token, std::move(request));
    return Outcome();
  }
  void Fire() {
    now_us += timer.first * 1000;
    std::exchange(timer.second, nullptr)();
  }

  std::pair<int64_t, std::function<void()>> timer;
  std::unique_ptr<Api> timed;

 private:
  void MakeApi(std::function<void(int64_t, std::function<void()>)> with) {
    ApiOptions options = Options();
    options.timer = std::move(with);
    timed = std::make_unique<Api>(options, &sink);
    timed->SetResponder(&responder);
    auto settings = std::make_shared<AuthSettings>();
    settings->tokens = true;
    timed->SetAuth(settings);
    timed->SetTable(std::make_shared<const AccessTable>(table));
  }
};

TEST_CASE("credentials: the answer to a wrong one is held back, longer each time; a right one never is") {
  TimedFixture f;
  const std::string token = f.Give({"*"}, ScopeSet::All());
  f.timed->SetTable(std::make_shared<const AccessTable>(f.table));
  const std::string wrong = "Bearer " + MakeToken().Text();
  CHECK(f.From("10.0.0.1", wrong) == "posted");  // no answer yet
  const uint64_t first = f.last_token;
  CHECK(f.sink.events.empty());
  CHECK(f.timer.first == 100);
  CHECK(f.From("10.0.0.1", "Bearer " + token) == "posted");
  CHECK(f.sink.events.size() == 1);
  CHECK_FALSE(f.answers.contains(first));
  f.Fire();
  CHECK(f.answers.at(first).status == 401);
  CHECK(f.From("10.0.0.1", wrong) == "posted");
  CHECK(f.timer.first == 200);
  f.Fire();
  CHECK(f.Outcome() == "401");
  // Another peer is another's affair, and a client that goes away is not answered.
  f.From("10.0.0.2", wrong);
  CHECK(f.timer.first == 100);
  f.timed->OnClose(f.last_token);
  f.Fire();
  CHECK_FALSE(f.answered());
}

TEST_CASE("credentials: so many answers are held back at once, and no more") {
  TimedFixture f;
  const std::string wrong = "Bearer " + MakeToken().Text();
  for (size_t i = 0; i < FailureDelays::kMostHeld; ++i) CHECK(f.From("10.0.0.1", wrong) == "posted");
  CHECK(f.From("10.0.0.1", wrong) == "401");
  while (f.timer.second) f.Fire();
  for (uint64_t token = 1; token <= f.last_token; ++token) CHECK(f.answers.at(token).status == 401);
}

TEST_CASE("credentials: a head that is refused is answered before its body, where that is a large one") {
  TeamsFixture f;
  const std::string token = f.Give({"one"}, {Scope::kSubmit});
  auto head = [](const std::string& credential, const std::string& target, Headers more) {
    HttpRequest request;
    request.method = "POST";
    request.target = target;
    request.headers = std::move(more);
    request.headers.emplace_back("Authorization", "Bearer " + credential);
    return request;
  };
  const Headers large{{"Content-Length", "60000000"}}, small{{"Content-Length", "100"}}, chunked{{"Transfer-Encoding", "chunked"}};
  CHECK_FALSE(f.api.TakesPieces(head(token, "/v1/notifies", large)));
  CHECK_FALSE(f.api.TakesPieces(head(MakeToken().Text(), "/v1/notifies", small)));
  struct Row {
    std::string credential;
    const char* target;
    Headers headers;
    int status;
  };
  for (const Row& row : {Row{MakeToken().Text(), "/v1/notifies", large, 401}, Row{MakeToken().Text(), "/v1/notifies", chunked, 401},
                         Row{token, "/v1/notifies/purge", large, 403}, Row{token, "/v1/namespaces/two/notifies", large, 403},
                         Row{token, "/nope", large, 404}}) {
    const HttpRequest request = head(row.credential, row.target, row.headers);
    REQUIRE(f.api.TakesPieces(request));
    f.api.OnHead(++f.last_token, request);
    CHECK(f.Answer().status == row.status);
    CHECK(f.Answer().close);
  }
  // Nor is room reserved for the answer to whoever is refused.
  HttpRequest list = head(MakeToken().Text(), "/v1/notifies?limit=1000", {});
  list.method = "GET";
  CHECK(f.api.Demand(list).answer_bytes == 0);
  list.headers = {{"Authorization", "Bearer " + f.Give({"one"}, {Scope::kRead})}};
  CHECK(f.api.Demand(list).answer_bytes > 0);
}

TEST_CASE("credentials: the use of a token is told once a minute") {
  TeamsFixture f;
  const std::string token = f.Give({"one"}, {Scope::kRead});
  f.As(token, "GET", "/v1/stats");
  f.As(token, "GET", "/v1/stats");
  REQUIRE(f.sink.registry.size() == 1);
  CHECK(f.Registered<TokenUsed>().id == f.last.id);
}

/// A request signed as that token's owner does.
HttpRequest Signed(TeamsFixture& f, const std::string& body, const std::string& nonce, const std::string& type = "application/json",
                   std::optional<std::string> digest = {}) {
  HttpRequest request;
  request.method = "POST";
  request.target = "/v1/notifies";
  request.body = body;
  request.headers = {{"Host", "broker.example"},
                     {"Content-Type", type},
                     {"Content-Length", std::to_string(body.size())},
                     {"Content-Digest", digest.value_or(ContentDigestOf(body))}};
  request.headers.emplace_back("Authorization", SignHead(request, f.last.id, f.last.secret, 1'700'000'000, nonce));
  return request;
}

TEST_CASE("credentials: a signed request counts once, and with the body that was signed alone") {
  TeamsFixture f;
  f.Give(TeamsFixture::Of({"one"}, {Scope::kSubmit}), /*signing=*/true);
  const std::string body = R"({"url":"http://h/"})";
  auto ask = [&](HttpRequest request) {
    f.api.OnRequest(++f.last_token, std::move(request));
    return f.Outcome();
  };
  CHECK(ask(Signed(f, body, "nonce-0001")) == "posted");
  CHECK(ask(Signed(f, body, "nonce-0001")) == "401");
  HttpRequest changed = Signed(f, body, "nonce-0002");
  changed.body = R"({"url":"http://j/"})";
  const size_t events = f.sink.events.size();
  CHECK(ask(changed) == "422");
  HttpRequest unsaid = Signed(f, body, "nonce-0007", "application/json", /*digest=*/"");
  CHECK(ask(unsaid) == "401");
  HttpRequest moved = Signed(f, body, "nonce-0003");
  moved.target = "/v1/namespaces/one/notifies";
  CHECK(ask(moved) == "401");
  CHECK(ask(Signed(f, body, "nonce-0004", "application/x-ndjson")) == "422");
  CHECK(f.sink.events.size() == events);
  // Signed is what is sent.
  HttpRequest packed = Signed(f, Gzip(body), "nonce-0006");
  packed.headers.emplace_back("Content-Encoding", "gzip");
  CHECK(ask(packed) == "posted");
  // The look at the head of a large one does not use its nonce up.
  std::string large = R"({"url":"http://h/","data":")" + std::string(20'000, 'x') + "\"}";
  HttpRequest request = Signed(f, large, "nonce-0005");
  HttpRequest head = request;
  head.body.clear();
  CHECK_FALSE(f.api.TakesPieces(head));
  CHECK(ask(request) == "413 /data");
}

TEST_CASE("credentials: a change that was signed in the second of the start, and may be from before, is asked for again") {
  TeamsFixture f;
  f.wall_ms += 400;
  Api started(f.Options(), &f.sink);
  started.SetResponder(&f.responder);
  auto settings = std::make_shared<AuthSettings>();
  settings->tokens = true;
  started.SetAuth(settings);
  f.Give(TeamsFixture::Of({"one"}, {Scope::kSubmit}), /*signing=*/true);
  started.SetTable(std::make_shared<const AccessTable>(f.table));
  started.OnRequest(++f.last_token, Signed(f, R"({"url":"http://h/"})", "nonce-0001"));
  CHECK(f.Outcome() == "503");
  CHECK(f.Header("Retry-After") == "1");
  CHECK(f.sink.events.empty());
}

TEST_CASE("credentials: a signed request that was turned away, and of which nothing was begun, may come again as it is") {
  TeamsFixture f;
  Grant grant = TeamsFixture::Of({"one"}, {Scope::kSubmit});
  const std::string body = R"({"url":"http://h/"})";
  auto ask = [&] {
    f.api.OnRequest(++f.last_token, Signed(f, body, "nonce-0001"));
    return f.Outcome();
  };
  SECTION("by the core") {
    f.Give(grant, /*signing=*/true);
    for (const auto& [code, outcome] : {std::pair(Code::kTooMany, "429"), std::pair(Code::kUnavailable, "503"), std::pair(Code::kDiskFull, "507")}) {
      REQUIRE(ask() == "posted");
      f.Reply(Refused{Status(code, "not now"), {}});
      CHECK(f.Outcome() == outcome);
    }
    REQUIRE(ask() == "posted");
    const bool known = GENERATE(true, false);
    f.Reply(Refused{Status(known ? Code::kConflict : Code::kOutcomeUnknown, "no"), {}});
    CHECK(f.Outcome() == (known ? "409" : "504"));
    CHECK(ask() == "401");
  }
  SECTION("by the token's rate") {
    grant.submits_per_s = 1;
    const std::string token = f.Give(grant, /*signing=*/true);
    REQUIRE(f.As(token, "POST", "/v1/notifies", body) == "posted");
    CHECK(ask() == "429");
    f.now_us += 2'000'000;
    CHECK(ask() == "posted");
  }
  SECTION("before anything was posted") {
    f.Give(grant, /*signing=*/true);
    const std::string outcome = GENERATE("415", "422", "422 /url", "422 digest");
    HttpRequest request = Signed(f, outcome == "422 /url" ? "{}" : body, "nonce-0001");
    if (outcome == "415") request.headers.emplace_back("Content-Encoding", "br");
    if (outcome == "422 digest") request.body = "{}";
    if (outcome == "422") {
      request.target += "?nope=1";
      request.headers.pop_back();
      request.headers.emplace_back("Authorization", SignHead(request, f.last.id, f.last.secret, 1'700'000'000, "nonce-0001"));
    }
    f.api.OnRequest(++f.last_token, std::move(request));
    CHECK(f.Outcome().substr(0, 3) == outcome.substr(0, 3));
    CHECK(ask() == "posted");
    CHECK(ask() == "401");
  }
  SECTION("not where its client left") {
    f.Give(grant, /*signing=*/true);
    REQUIRE(ask() == "posted");
    f.api.OnClose(f.last_token);
    CHECK(ask() == "401");
  }
}

}  // namespace
}  // namespace notifyd
