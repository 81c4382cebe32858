// The web console's files as the API serves them, and who asks.
#include "teams_fixture.h"
#include "net/console/console_files.h"
#include "net/gzip.h"
#include "net/http_response.h"

namespace notifyd {
namespace {

TEST_CASE("console: /console leads to its page, relative, so that it holds behind a proxy") {
  ApiFixture f;
  f.Ask("GET", "/console");
  CHECK(f.Outcome() == "308");
  CHECK(f.Header("Location") == "console/");
  f.Ask("GET", "/console/");
  CHECK(f.Outcome() == "200");
  CHECK(f.Answer().content_type == "text/html; charset=utf-8");
  CHECK_THAT(f.Answer().body, Catch::Contains("console.js") && !Catch::Contains("<style") && !Catch::Contains("style="));
  f.Ask("GET", "/console/nope.js");
  CHECK(f.Outcome() == "404");
  f.Ask("GET", "/console/..%2findex.html");
  CHECK(f.Outcome() == "404");
  f.Ask("POST", "/console/");
  CHECK(f.Outcome() == "405");
}

TEST_CASE("console: no file may load anything from elsewhere, be framed, or be taken for something else") {
  ApiFixture f;
  for (const ConsoleFile& file : ConsoleFiles()) {
    CAPTURE(file.name);
    f.Ask("GET", "/console/" + std::string(file.name));
    REQUIRE(f.Outcome() == "200");
    CHECK(f.Header("Content-Security-Policy") == "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'");
    CHECK(f.Header("Referrer-Policy") == "no-referrer");
    // As it is sent: once each, and in place of what keeps answers out of caches.
    std::string head;
    AppendResponseHead(f.Answer(), HttpFraming::kLength, false, false, &head);
    CHECK_THAT(head, Catch::Contains("Cache-Control: no-cache\r\n") && !Catch::Contains("no-store"));
    CHECK(head.find("nosniff") == head.rfind("nosniff"));
    CHECK(f.Answer().body == file.bytes);
    for (const char* scheme : {"https://fonts", "https://cdn", "//unpkg"}) CHECK(file.bytes.find(scheme) == std::string_view::npos);
  }
}

TEST_CASE("console: who has a file already is told so, and not sent it again") {
  ApiFixture f;
  f.Ask("GET", "/console/console.js");
  const std::string etag = f.Header("ETag");
  CHECK(etag.size() > 10);
  for (const std::string& has : {etag, "W/" + etag, "\"x\", " + etag, std::string("*")}) {
    CAPTURE(has);
    f.Ask("GET", "/console/console.js", "", {{"If-None-Match", has}});
    CHECK(f.Outcome() == "304");
    CHECK(f.Answer().body == "");
    CHECK(f.Header("ETag") == etag);
  }
  f.Ask("GET", "/console/console.js", "", {{"If-None-Match", "\"x\""}});
  CHECK(f.Outcome() == "200");
}

TEST_CASE("console: files are packed for who takes that") {
  const ConsoleFile* script = FindConsoleFile("console.js");
  REQUIRE(script);
  std::string unpacked;
  REQUIRE(GunzipAll(script->gzip, 10 << 20, &unpacked).ok());
  CHECK(unpacked == script->bytes);
  ApiFixture f;
  struct {
    const char* accepts;
    const char* coding;
    std::string_view bytes;
  } const rows[] = {
      {"gzip, deflate, br", "br", script->brotli},
      {"gzip", "gzip", script->gzip},
      {"GZIP;q=0.5", "gzip", script->gzip},
      {"br;q=0, gzip", "gzip", script->gzip},
      {"br;q=0.0,gzip;q=0", "(none)", script->bytes},
      {"identity", "(none)", script->bytes},
      {"br;q=0.1", "br", script->brotli},
  };
  for (const auto& row : rows) {
    CAPTURE(row.accepts);
    f.Ask("GET", "/console/console.js", "", {{"Accept-Encoding", row.accepts}});
    CHECK(f.Header("Content-Encoding") == row.coding);
    CHECK(f.Header("Vary") == "Accept-Encoding");
    CHECK(f.Answer().body == row.bytes);
  }
}

TEST_CASE("console: it is small") {
  size_t whole = 0, packed = 0;
  for (const ConsoleFile& file : ConsoleFiles()) {
    whole += file.bytes.size();
    packed += file.gzip.empty() ? file.bytes.size() : file.gzip.size();
  }
  CAPTURE(whole, packed);
  CHECK(whole <= 300'000);
  CHECK(packed <= 100'000);
}

TEST_CASE("console: a link from another site leads to its page, and to nothing else") {
  ApiFixture f;
  const Headers visit = {{"Host", "127.0.0.1"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Dest", "document"}};
  auto outcome = [&](const std::string& target, const Headers& headers) {
    f.Ask("GET", target, "", headers);
    return f.Outcome();
  };
  CHECK(outcome("/console/", visit) == "200");
  CHECK(outcome("/console", visit) == "308");
  CHECK(outcome("/v1/whoami", visit) == "403");
  CHECK(outcome("/healthz", visit) == "403");
  Headers framed = visit;
  framed[3].second = "iframe";
  CHECK(outcome("/console/", framed) == "403");
  CHECK(outcome("/console/console.js",
                {{"Host", "127.0.0.1"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "no-cors"}, {"Sec-Fetch-Dest", "script"}}) == "403");
}

TEST_CASE("whoami: a token is told what it is and may do") {
  TeamsFixture f;
  Grant grant = f.Of({"one"}, {Scope::kRead, Scope::kOperate});
  grant.lanes = {"a/"};
  grant.caller = "shop";
  const std::string token = f.Give(grant);
  f.Ask("GET", "/v1/whoami", "", {{"Authorization", "Bearer " + token}});
  REQUIRE(f.Outcome() == "200");
  Json who(f.Answer().body);
  CHECK(who.At("/asked") == "true");
  CHECK_THAT(who.At("/name"), Catch::StartsWith("token "));
  CHECK(who.At("/scopes/0") == "read");
  CHECK(who.At("/scopes/1") == "operate");
  CHECK(who.At("/namespaces/0") == "one");
  CHECK(who.At("/lanes/0") == "a/");
  CHECK(who.At("/caller") == "shop");
  CHECK(f.Answer().body.find(token) == std::string::npos);
  f.Ask("GET", "/v1/whoami");
  CHECK(f.Outcome() == "401");
  // Its files are for everybody: what they show is not.
  f.Ask("GET", "/console/");
  CHECK(f.Outcome() == "200");
}

TEST_CASE("whoami: where nobody is asked, anybody may do everything") {
  ApiFixture f;
  f.Ask("GET", "/v1/whoami");
  REQUIRE(f.Outcome() == "200");
  Json who(f.Answer().body);
  CHECK(who.At("/asked") == "false");
  CHECK(who.At("/name") == "anybody");
  CHECK(who.At("/namespaces") == "*");
}

}  // namespace
}  // namespace notifyd
