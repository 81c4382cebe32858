// URLs, default lanes, query strings.
#include "net/api/url.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

TEST_CASE("url: good ones give their host and the lane's base") {
  struct Row {
    const char *url, *host, *base;
  };
  auto row = GENERATE(values<Row>({
      {"http://h", "h:80", "http://h/"},
      {"http://h/", "h:80", "http://h/"},
      {"HTTP://ExAmple.COM:80/A/b?x=Y#z", "example.com:80", "http://example.com/A/b"},
      {"https://example.com:443", "example.com:443", "https://example.com/"},
      {"https://example.com:80/x", "example.com:80", "https://example.com:80/x"},
      {"http://h:8080?q", "h:8080", "http://h:8080/"},
      {"http://h#f", "h:80", "http://h/"},
      {"http://h./x", "h:80", "http://h./x"},
      {"http://h:0080/", "h:80", "http://h/"},
      {"http://h/a%20b/../c;d={e}|'\"", "h:80", "http://h/a%20b/../c;d={e}|'\""},
      {"http://h/x@y?a@b", "h:80", "http://h/x@y"},
      {"http://127.0.0.1:9000/x", "127.0.0.1:9000", "http://127.0.0.1:9000/x"},
      {"http://0x7f.1/", "127.0.0.1:80", "http://127.0.0.1/"},
      {"http://127.0.0.1./x", "127.0.0.1:80", "http://127.0.0.1/x"},
      {"https://h:/", "h:443", "https://h/"},
      {"http://2130706433/", "127.0.0.1:80", "http://127.0.0.1/"},
      {"http://[::1]:81/", "[::1]:81", "http://[::1]:81/"},
      {"http://[2001:DB8:0::1]", "[2001:db8::1]:80", "http://[2001:db8::1]/"},
      {"http://a_b-c.d9/", "a_b-c.d9:80", "http://a_b-c.d9/"},
  }));
  CAPTURE(row.url);
  Result<CheckedUrl> checked = CheckUrl(row.url);
  REQUIRE(checked.ok());
  CHECK(checked->host == row.host);
  CHECK(checked->base == row.base);
}

TEST_CASE("url: what clients would read in different ways is refused") {
  auto url = GENERATE(as<std::string>(), "", "h", "/x", "//h/x", "http:/h", "http:h", "http://", "http:///x", "http://?x", "http://:80/", "ftp://h/",
                      "httpx://h/", "javascript://h/", " http://h/", "http://h/ x", "http://h/\tx", "http://h/\n", "http://h/\x7f", "http://h\\x",
                      "http://h/\\x", "http://u@h/", "http://u:p@h/", "http://@h/", "http://h/ü", "http://hü/", "http://h:0/", "http://h:65536/",
                      "http://h:99999999999/", "http://h:-1/", "http://h:+80/", "http://h:8a/", "http://h:80:81/", "http://%68/", "http://h%00/",
                      "http://a..b/", "http://.a/", "http://a../", "http://a!b/", "http://a,b/", "http://a'b/", "http://[::1/", "http://[::1]x/",
                      "http://[]/", "http://[::g]/", "http://[fe80::1%25eth0]/", "http://[v1.x]/", "http://::1/", "http://1.2.3.4.5/",
                      "http://256.1.1.1/", "http://1.2.3.999/", "http://999999999999/");
  CAPTURE(url);
  Result<CheckedUrl> checked = CheckUrl(url);
  REQUIRE_FALSE(checked.ok());
  CHECK(checked.status().code() == Code::kUnacceptable);
}

TEST_CASE("url: lengths are bounded") {
  std::string base = "http://h/";
  CHECK(CheckUrl(base + std::string(8192 - base.size(), 'x')).ok());
  CHECK_FALSE(CheckUrl(base + std::string(8193 - base.size(), 'x')).ok());
  CHECK(CheckUrl("http://" + std::string(63, 'a') + "/").ok());
  CHECK_FALSE(CheckUrl("http://" + std::string(64, 'a') + "/").ok());
  CHECK_FALSE(CheckUrl("http://" + std::string(300, 'a') + ".b/").ok());
  std::string nul = "http://h/";
  nul.push_back('\0');
  CHECK_FALSE(CheckUrl(nul).ok());
}

TEST_CASE("default lane: the group follows a hash sign") {
  CHECK(DefaultLane("http://h/", "") == "http://h/");
  CHECK(DefaultLane("http://h/", "g") == "http://h/#g");
}

TEST_CASE("default lane: over 255 bytes it is cut, with a hash that tells it apart") {
  std::string exact = "http://h/" + std::string(246, 'x');
  CHECK(DefaultLane(exact, "") == exact);
  std::string a = DefaultLane(exact + "a", ""), b = DefaultLane(exact + "b", "");
  CHECK(a.size() == 255);
  CHECK(a.substr(0, 239) == exact.substr(0, 238) + "~");
  CHECK(a != b);
  CHECK(a == DefaultLane(exact + "a", ""));
}

TEST_CASE("default lane: it is not cut inside of a code point") {
  std::string lane = DefaultLane("http://h/" + std::string(227, 'x'), "\xc3\xa9" + std::string(100, 'y'));
  CHECK(lane.size() == 254);
  CHECK(lane[236] == '#');
  CHECK(lane[237] == '~');
}

TEST_CASE("query: parameters are decoded, a plus is a space") {
  Result<QueryParameters> query = ParseQuery("a=1&b%20c=x%2By+z&&d&=e&f=g=h");
  REQUIRE(query.ok());
  CHECK(*query == QueryParameters{{"a", "1"}, {"b c", "x+y z"}, {"d", ""}, {"", "e"}, {"f", "g=h"}});
  CHECK(ParseQuery("a=%").status().code() == Code::kMalformed);
  CHECK(ParseQuery("a=%2").status().code() == Code::kMalformed);
  CHECK(ParseQuery("%zz=1").status().code() == Code::kMalformed);
}

}  // namespace
}  // namespace notifyd
