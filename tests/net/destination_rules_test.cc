// Which URLs a rule is for, and which are refused for what one might read out of them.
#include "net/sender/destination_rules.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

bool Covers(const std::string& pattern, bool https, const char* host, uint16_t port, const char* path) {
  Result<UrlPattern> parsed = UrlPattern::Parse(pattern);
  CAPTURE(pattern);
  REQUIRE(parsed.ok());
  return parsed->Covers({https, host, port, path});
}

DestinationRule RuleFor(const std::string& pattern) {
  DestinationRule rule;
  rule.match = *UrlPattern::Parse(pattern);
  return rule;
}

}  // namespace

TEST_CASE("rules: scheme, host and port of a pattern") {
  CHECK(Covers("https://a.test", true, "a.test", 443, "/"));
  CHECK(Covers("https://A.Test/", true, "a.test", 443, "/x"));
  CHECK(Covers("https://a.test", true, "a.test.", 443, "/"));  // the same host
  CHECK_FALSE(Covers("https://a.test", false, "a.test", 443, "/"));
  CHECK_FALSE(Covers("https://a.test", true, "a.test", 8443, "/"));
  CHECK_FALSE(Covers("https://a.test", true, "b.a.test", 443, "/"));
  CHECK_FALSE(Covers("https://a.test", true, "xa.test", 443, "/"));
  CHECK(Covers("a.test", true, "a.test", 443, "/"));
  CHECK(Covers("a.test", false, "a.test", 80, "/"));
  CHECK_FALSE(Covers("a.test", false, "a.test", 443, "/"));
  CHECK(Covers("a.test:*", false, "a.test", 443, "/"));
  CHECK(Covers("http://a.test:1", false, "a.test", 1, "/"));
  CHECK_FALSE(Covers("http://a.test", false, "a.test", 1, "/"));
  CHECK(Covers("*.a.test", true, "b.a.test", 443, "/"));
  CHECK(Covers("*.a.test", true, "c.b.a.test", 443, "/"));
  CHECK_FALSE(Covers("*.a.test", true, "a.test", 443, "/"));
  CHECK_FALSE(Covers("*.a.test", true, ".a.test", 443, "/"));
  CHECK_FALSE(Covers("*.a.test", true, "xa.test", 443, "/"));
  CHECK(Covers("*", false, "anything", 80, "/"));
  CHECK_FALSE(Covers("*", false, "anything", 81, "/"));
  CHECK(Covers("*:81", false, "anything", 81, "/"));
  CHECK(Covers("http://*:*", false, "anything", 81, "/"));
  CHECK(Covers("http://[::1]:8080/a", false, "::1", 8080, "/a"));
  CHECK(Covers("http://127.1:8080", false, "127.0.0.1", 8080, "/"));
}

TEST_CASE("rules: a path is a prefix in whole segments") {
  for (const char* pattern : {"http://a/v1/orders", "http://a/v1/orders/"}) {
    CHECK(Covers(pattern, false, "a", 80, "/v1/orders"));
    CHECK(Covers(pattern, false, "a", 80, "/v1/orders/"));
    CHECK(Covers(pattern, false, "a", 80, "/v1/orders/5"));
    CHECK_FALSE(Covers(pattern, false, "a", 80, "/v1/orders2"));
    CHECK_FALSE(Covers(pattern, false, "a", 80, "/v1/order"));
    CHECK_FALSE(Covers(pattern, false, "a", 80, "/v1"));
    CHECK_FALSE(Covers(pattern, false, "a", 80, "/V1/orders"));
  }
}

TEST_CASE("rules: what is no pattern is refused") {
  for (const char* text :
       {"", "ftp://a", "https://", "http://a:0", "http://a:70000", "http://a:80:*", "http://u@a", "a b", "*a.test", "a.*.test", "*.127.0.0.1", "*.",
        "http://a/x?y", "http://a/x#y", "http://a/*", "http://a//b", "http://a/../b", "http://a/%2e%2E", "http://a/b\\c"}) {
    CAPTURE(text);
    CHECK_FALSE(UrlPattern::Parse(text).ok());
  }
}

TEST_CASE("rules: the first that holds for namespace, caller and URL is taken") {
  std::vector<DestinationRule> rules{RuleFor("http://a/x"), RuleFor("http://a"), RuleFor("*"), RuleFor("*:*")};
  rules[0].callers = {"shop", "till"};
  rules[1].namespaces = {"sales", "default"};
  rules[2].namespaces = {"sales"};
  const DestinationRules all(rules, {});
  const auto place = [&](const char* ns, const char* caller, RuleTarget target) {
    const DestinationRule* found = all.Find(ns, caller, target);
    return found == nullptr ? 0u : all.PlaceOf(found);
  };
  CHECK(place("default", "till", {false, "a", 80, "/x"}) == 1);
  CHECK(place("default", "other", {false, "a", 80, "/x"}) == 2);
  CHECK(place("sales", "shop", {false, "a", 80, "/x"}) == 2);
  CHECK(place("sales", "shop", {false, "b", 80, "/"}) == 3);
  CHECK(place("sales", "shop", {false, "b", 81, "/"}) == 0);  // the last one names no namespace: it is for default
  CHECK(place("default", "shop", {false, "b", 81, "/"}) == 4);
  CHECK(place("", "shop", {false, "a", 80, "/x"}) == 0);
}

TEST_CASE("rules: a crooked path is refused on the origin of any rule that carries a secret, and there alone") {
  std::vector<DestinationRule> rules{RuleFor("https://a.test/v1"), RuleFor("http://b.test"), RuleFor("https://*.c.test")};
  rules[0].headers = {{"Authorization", "Bearer 12345678"}};
  rules[2].has_certificate = true;
  rules[2].namespaces = {"sales"};
  const DestinationRules all(rules, {});
  for (const char* path : {"/v1/../v2", "/..", "/v1/.", "/./v1", "//v1", "/v1//", "/v1/%2e%2e/v2", "/v1%2Fx", "/v1%5cx", "/v1/\\x", "/%2E"}) {
    CAPTURE(path);
    CHECK(IsCrookedPath(path));
    CHECK_FALSE(all.CheckUrl(std::string("https://a.test") + path).ok());
    CHECK_FALSE(all.CheckUrl(std::string("https://A.test:443") + path + "?q").ok());
    CHECK_FALSE(all.CheckUrl(std::string("https://x.c.test") + path).ok());
    CHECK(all.CheckUrl(std::string("https://a.test:444") + path).ok());
    CHECK(all.CheckUrl(std::string("http://a.test") + path).ok());
    CHECK(all.CheckUrl(std::string("http://b.test") + path).ok());
  }
  for (const char* path : {"", "/", "/v1", "/v1/...", "/v1/.well-known", "/a..b/c", "/v1/%2", "/v1/%20", "/v1/x%2", "/v1?a=//..%2f", "/v1#/../"}) {
    CAPTURE(path);
    CHECK(all.CheckUrl(std::string("https://a.test") + path).ok());
  }
  CHECK(all.CheckUrl("nonsense//..").ok());
}

TEST_CASE("rules: a proxy is an http URL of host and port alone") {
  CHECK(ProxyAddress::Parse("http://Proxy.test:3128")->host == "proxy.test");
  CHECK(ProxyAddress::Parse("http://[::1]:3128/")->host == "::1");
  CHECK(ProxyAddress::Parse("http://proxy")->port == 80);
  for (const char* text : {"", "proxy:3128", "https://proxy", "http://proxy/x", "http://u:p@proxy", "socks5://proxy"}) {
    CAPTURE(text);
    CHECK_FALSE(ProxyAddress::Parse(text).ok());
  }
}
