// Which requests are answered at all: by Host, Origin and Sec-Fetch-Site.
#include "api_fixture.h"
#include "net/api/access.h"

namespace notifyd {
namespace {

/// What a GET with these headers comes to; 200 where it is answered.
int StatusOf(const Headers& headers, const std::vector<std::string>& hosts = {"broker.example", "Other."}) {
  HttpRequest request;
  request.method = "GET";
  request.target = "/v1/stats";
  request.headers = headers;
  NonceMemory nonces;
  std::variant<Granted, Refusal> judged = Access(hosts, &nonces, WallTime{0}).Admit(request, FindRoute(request.method, request.target), WallTime{1});
  const Refusal* refusal = std::get_if<Refusal>(&judged);
  return refusal ? refusal->response.status : 200;
}

TEST_CASE("access: localhost, addresses and the names of the settings are answered, on any port") {
  auto host = GENERATE(as<std::string>(), "localhost", "LOCALHOST:7300", "localhost.", "127.0.0.1", "127.0.0.1:1", "10.1.2.3:65535", "[::1]",
                       "[::1]:7300", "[fd00::5]:80", "broker.example", "Broker.Example:7300", "broker.example.", "other", "localhost:");
  CAPTURE(host);
  CHECK(StatusOf({{"Host", host}}) == 200);
}

TEST_CASE("access: any other Host is misdirected") {
  auto host = GENERATE(as<std::string>(), "evil.example", "evil.example:7300", "", ":7300", "localhost.evil.example", "evil-localhost",
                       "broker.example.evil", "x.broker.example", "127.0.0.1.evil.example", "1.2.3", "0x7f000001", "127.1", "[::1", "[::1]x", "::1",
                       "[127.0.0.1]", "localhost:80:80", "localhost:x", "localhost..");
  CAPTURE(host);
  CHECK(StatusOf({{"Host", host}}) == 421);
  // A page of that name has a matching Origin: it is what the check is for.
  CHECK(StatusOf({{"Host", host}, {"Origin", "http://" + host}}) == 421);
}

TEST_CASE("access: HTTP/1.0 without a Host, which no browser sends, is answered") {
  CHECK(StatusOf({}) == 200);
}

TEST_CASE("access: another origin, several of them, and another site are refused") {
  Headers own = {{"Host", "127.0.0.1:7300"}};
  auto with = [&](Headers more) {
    more.insert(more.begin(), own.begin(), own.end());
    return StatusOf(more);
  };
  CHECK(with({{"Origin", "http://127.0.0.1:7300"}}) == 200);
  CHECK(with({{"Origin", "http://127.0.0.1:7301"}}) == 403);
  CHECK(with({{"Origin", "null"}}) == 403);
  CHECK(with({{"Origin", "http://127.0.0.1:7300"}, {"origin", "http://127.0.0.1:7300"}}) == 403);
  CHECK(with({{"Origin", "http://127.0.0.1:7300"}, {"Origin", "http://evil.example"}}) == 403);
  CHECK(with({{"Sec-Fetch-Site", "cross-site"}}) == 403);
  CHECK(with({{"sec-fetch-site", "Cross-Site"}, {"Origin", "http://127.0.0.1:7300"}}) == 403);
  CHECK(with({{"Sec-Fetch-Site", "same-origin"}}) == 200);
  CHECK(with({{"Sec-Fetch-Site", "none"}}) == 200);
}

TEST_CASE("access: every path is under it, before anything else; the names can change") {
  auto target = GENERATE(as<std::string>(), "/healthz", "/metrics", "/v1/notifies", "/nope", "/v1/notifies?%zz");
  CAPTURE(target);
  ApiFixture f;
  f.Ask("GET", target, "", {{"Host", "new.example"}});
  CHECK(f.Outcome() == "421");
  CHECK(Json(f.Answer().body).At("/type") == "urn:notifyd:problem:misdirected");
  CHECK_THAT(Json(f.Answer().body).At("/detail"), Catch::Contains("new.example") && Catch::Contains("http.hosts"));
  REQUIRE(f.Open({{"Content-Type", "application/x-ndjson"}, {"Host", "new.example"}}));
  CHECK(f.Outcome() == "421");
  f.api.SetHosts({"NEW.example"});
  f.Ask("GET", "/healthz", "", {{"Host", "new.example"}});
  CHECK(f.Outcome() == "200");
  f.Ask("GET", "/healthz", "", {{"Host", "broker.example"}});
  CHECK(f.Outcome() == "421");
}

TEST_CASE("access: the setting takes names, no URLs, ports or wildcards") {
  for (const char* good : {"a", "broker.example", "notifyd.default.svc.cluster.local", "x_1", "name."}) CHECK(CheckHostName(good).ok());
  for (const char* bad : {"", ".", "http://a", "a:80", "*.example", "a b", "a/b", "[::1]", "\xc3\xa9"}) {
    CAPTURE(bad);
    CHECK_FALSE(CheckHostName(bad).ok());
  }
}

}  // namespace
}  // namespace notifyd
