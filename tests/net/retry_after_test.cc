#include "net/sender/retry_after.h"

#include <catch2/catch.hpp>

#include "net/sender/target.h"

using namespace notifyd;

TEST_CASE("retry-after: seconds") {
  CHECK(ParseRetryAfter("0", {}) == 0);
  CHECK(ParseRetryAfter(" 120 ", {}) == 120'000);
  CHECK(ParseRetryAfter("99999999999999999999999", {}) == 10LL * 366 * 86'400 * 1000);
}

TEST_CASE("retry-after: dates count from now, and one that has passed is at once") {
  const WallTime now{784'111'777'000};  // Sun, 06 Nov 1994 08:49:37 GMT
  for (const char* form : {"Sun, 06 Nov 1994 08:49:40 GMT", "Sunday, 06-Nov-94 08:49:40 GMT", "Sun Nov  6 08:49:40 1994"})
    CHECK(ParseRetryAfter(form, now) == 3000);
  CHECK(ParseRetryAfter("Sun, 06 Nov 1994 08:49:30 GMT", now) == 0);
  CHECK(ParseRetryAfter("Sun, 06 Nov 2094 08:49:30 GMT", now) == 10LL * 366 * 86'400 * 1000);
}

TEST_CASE("retry-after: what is neither is no wish") {
  for (const char* bad : {"", "  ", "-5", "1.5", "soon", "12s", "Sun, 06 Nov", "Sun, 31 Nob 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT"})
    CHECK(ParseRetryAfter(bad, {}) == -1);
}

TEST_CASE("target: path and query stay as they are, the fragment goes") {
  const auto check = [](const char* url, const char* origin, const char* target) {
    Result<SplitUrl> split = SplitTarget(url);
    REQUIRE(split.ok());
    CHECK(split->origin == origin);
    CHECK(split->target == target);
  };
  check("http://h", "http://h/", "/");
  check("HTTPS://H:8443/a/../b?x=%7e#f", "https://h:8443/", "/a/../b?x=%7e");
  check("http://h?", "http://h/", "/?");
  check("http://[::1]:80?a=/b", "http://[::1]/", "/?a=/b");
  check("http://h#/x?y", "http://h/", "/");
}

TEST_CASE("target: what is no plain http URL is refused") {
  for (const char* bad :
       {"", "h", "ftp://h/", "http:///x", "http://user@h/", "http://h\\@other/", "http://h/a b", "http://h/\x01", "http://h/\xC3\xA9"}) {
    CAPTURE(bad);
    CHECK_FALSE(SplitTarget(bad).ok());
  }
}

TEST_CASE("target: redirects resolve against the URL that was called") {
  CHECK(*ResolveRedirect("http://h/a/b?c", "d?e") == "http://h/a/d?e");
  CHECK(*ResolveRedirect("http://h/a/b?c", "/d") == "http://h/d");
  CHECK(*ResolveRedirect("https://h/a", "//other/x") == "https://other/x");
  CHECK_FALSE(ResolveRedirect("http://h/", "ftp://h/").ok());
  CHECK_FALSE(ResolveRedirect("http://h/", "ftp:x").ok());
  for (const auto& [location, why] : {std::pair("http://user:password@h/", "a URL that may not be called: it has user info"),
                                      {"//user@h", "a URL that may not be called: it has user info"},
                                      {"http://h:99999/", "a URL that may not be called: its port must be 1 to 65535"},
                                      {"http://h:0/", "a URL that may not be called: "},
                                      {"http://[", "something that is not a URL"}}) {
    CAPTURE(location);
    const Result<std::string> leads = ResolveRedirect("http://h/", location);
    REQUIRE_FALSE(leads.ok());
    CHECK_THAT(leads.status().detail(), Catch::Matchers::StartsWith(std::string("redirected to ") + why));
  }
  CHECK(SameOrigin("http://H/a", "http://h:80/b"));
  CHECK_FALSE(SameOrigin("http://h/", "https://h/"));
  CHECK_FALSE(SameOrigin("http://h/", "http://h:81/"));
}

TEST_CASE("target: a relative redirect is resolved as RFC 3986 says, an absolute one stays as it is") {
  struct Row {
    const char *url, *location, *leads;
  };
  constexpr const char* kBase = "http://a/b/c/d;p?q";
  for (const Row& row : std::vector<Row>{
           // The examples of its section 5.4.
           {kBase, "g", "http://a/b/c/g"},
           {kBase, "./g", "http://a/b/c/g"},
           {kBase, "g/", "http://a/b/c/g/"},
           {kBase, "/g", "http://a/g"},
           {kBase, "?y", "http://a/b/c/d;p?y"},
           {kBase, "g?y", "http://a/b/c/g?y"},
           {kBase, "#s", "http://a/b/c/d;p?q"},
           {kBase, "g#s", "http://a/b/c/g"},
           {kBase, "", "http://a/b/c/d;p?q"},
           {kBase, ".", "http://a/b/c/"},
           {kBase, "./", "http://a/b/c/"},
           {kBase, "..", "http://a/b/"},
           {kBase, "../g", "http://a/b/g"},
           {kBase, "../..", "http://a/"},
           {kBase, "../../../g", "http://a/g"},
           {kBase, "/../g", "http://a/g"},
           {kBase, "g.", "http://a/b/c/g."},
           {kBase, "..g", "http://a/b/c/..g"},
           {kBase, "./g/.", "http://a/b/c/g/"},
           {kBase, "g/./h", "http://a/b/c/g/h"},
           {kBase, "g/../h", "http://a/b/c/h"},
           {kBase, "g;x=1/../y", "http://a/b/c/y"},
           {kBase, "g?y/../x", "http://a/b/c/g?y/../x"},
           {kBase, "g#s/../x", "http://a/b/c/g"},
           // What was asked for stays as it is where the path is its own.
           {"http://h/a/../b?c", "#x", "http://h/a/../b?c"},
           {"http://h/a/../b?c", "?d", "http://h/a/../b?d"},
           {"http://h/a/b/../c", "../d", "http://h/d"},
           {"http://h", "d", "http://h/d"},
           {"http://h?c", "?d", "http://h/?d"},
           {"http://h//a/b", "..//c", "http://h///c"},
           {"https://h:8443/a?b=/c/d", "e f?g h", "https://h:8443/e%20f?g+h"},
           {"http://h/a", "//other/x/../y", "http://other/y"},
           // No dots to anybody but some; rules look at them.
           {"http://h/a", "b/%2e%2e/c", "http://h/b/%2e%2e/c"},
           {"http://h/a", "http://h/b/../c", "http://h/b/../c"},
       }) {
    CAPTURE(row.url, row.location);
    Result<std::string> leads = ResolveRedirect(row.url, row.location);
    REQUIRE(leads.ok());
    CHECK(leads->substr(0, leads->find('#')) == row.leads);
  }
}
