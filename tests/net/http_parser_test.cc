// HttpParser: what it takes, what it refuses and with which status, and that the cut of the bytes does not matter.
#include "net/http_parser.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "base/random.h"

namespace notifyd {
namespace {

struct Outcome {
  std::vector<HttpRequest> requests;
  int refusal = 0;
  bool idle = false;
};

/// Feeds `bytes` in pieces of 1 to `most` bytes (0: whole).
Outcome Parse(std::string_view bytes, const HttpLimits& limits = {}, uint64_t most = 0, uint64_t seed = 1) {
  Outcome outcome;
  HttpParser parser(&limits);
  Random random(seed);
  while (!bytes.empty()) {
    size_t size = most == 0 ? bytes.size() : std::min<size_t>(bytes.size(), 1 + random.Below(most));
    // A copy of exactly that size, so that a sanitizer sees a read beyond it.
    std::vector<char> piece(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
    std::string_view rest(piece.data(), piece.size());
    while (!rest.empty()) {
      size_t used = 0;
      HttpParser::Step step = parser.Feed(rest, &used);
      REQUIRE(used <= rest.size());
      rest.remove_prefix(used);
      if (step == HttpParser::Step::kHead && parser.KeepBody() == HttpParser::Step::kRefused) step = HttpParser::Step::kRefused;
      if (step == HttpParser::Step::kRefused) {
        outcome.refusal = parser.refusal_status();
        return outcome;
      }
      if (step == HttpParser::Step::kRequest) outcome.requests.push_back(parser.Take());
      if (step == HttpParser::Step::kMore) REQUIRE(rest.empty());
    }
    bytes.remove_prefix(size);
  }
  outcome.idle = parser.idle();
  return outcome;
}

struct Pieces {
  std::string bodies;  // of all requests, one after the other, each with a | at its end
  size_t pieces = 0;
  int refusal = 0;
  bool operator==(const Pieces&) const = default;
};

/// The same with bodies in pieces.
Pieces ParsePieces(std::string_view bytes, const HttpLimits& limits = {}, uint64_t most = 0, uint64_t seed = 1) {
  Pieces outcome;
  HttpParser parser(&limits);
  Random random(seed);
  while (!bytes.empty()) {
    size_t size = most == 0 ? bytes.size() : std::min<size_t>(bytes.size(), 1 + random.Below(most));
    std::vector<char> piece(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
    std::string_view rest(piece.data(), piece.size());
    while (!rest.empty()) {
      size_t used = 0;
      HttpParser::Step step = parser.Feed(rest, &used);
      REQUIRE(used <= rest.size());
      rest.remove_prefix(used);
      if (step == HttpParser::Step::kRefused) {
        outcome.refusal = parser.refusal_status();
        return outcome;
      }
      if (step == HttpParser::Step::kMore) REQUIRE(rest.empty());
      if (step == HttpParser::Step::kHead) parser.StreamBody();
      if (step == HttpParser::Step::kPiece) REQUIRE_FALSE(parser.piece().empty());
      if (step == HttpParser::Step::kPiece || step == HttpParser::Step::kRequest) {
        outcome.bodies += parser.piece();
        outcome.pieces += parser.piece().empty() ? 0 : 1;
      }
      if (step == HttpParser::Step::kRequest) {
        outcome.bodies += "|";
        REQUIRE(parser.Take().body.empty());
      }
      REQUIRE(parser.held_bytes() <= parser.head_held_bytes() + limits.max_head_bytes);
    }
    bytes.remove_prefix(size);
  }
  return outcome;
}

int RefusalOf(const std::string& bytes, const HttpLimits& limits = {}) {
  int whole = Parse(bytes, limits).refusal;
  // Byte by byte it must come to the same.
  CHECK(Parse(bytes, limits, 1).refusal == whole);
  return whole;
}

std::string With(const std::string& headers) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
}
std::string Chunked(const std::string& body) {
  return "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}

TEST_CASE("http parser: a request comes out with its method, target, headers and body") {
  Outcome outcome = Parse("POST /v1/x?a=b HTTP/1.1\r\nHost: h:1\r\nX-Empty:\r\nX-Space:  in the middle \t\r\nContent-Length: 5\r\n\r\nhello");
  REQUIRE(outcome.requests.size() == 1);
  const HttpRequest& request = outcome.requests[0];
  CHECK(request.method == "POST");
  CHECK(request.target == "/v1/x?a=b");
  CHECK(request.body == "hello");
  CHECK(request.body.capacity() - request.body.size() >= HttpRequest::kPaddingBytes);
  REQUIRE(request.headers.size() == 4);
  CHECK(*request.Header("x-empty") == "");
  CHECK(*request.Header("X-SPACE") == "in the middle");
  CHECK(request.Header("x-none") == nullptr);
  CHECK(outcome.idle);
}

TEST_CASE("http parser: any method that is a token is passed on") {
  for (std::string method : {"BREW", "post", "M-SEARCH", "PRI", "SOURCE", "PURGE", "DESCRIBE"}) {
    CAPTURE(method);
    Outcome outcome = Parse(method + " / HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE(outcome.requests.size() == 1);
    CHECK(outcome.requests[0].method == method);
  }
  CHECK(RefusalOf("G(T / HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
}

TEST_CASE("http parser: CONNECT and upgrade requests stay ordinary HTTP") {
  Outcome outcome = Parse(
      "CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n"
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n"
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nok"
      "GET /after HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(outcome.requests.size() == 4);
  CHECK(outcome.requests[0].target == "example.com:443");
  CHECK(outcome.requests[2].body == "ok");
  CHECK(outcome.requests[3].target == "/after");
}

TEST_CASE("http parser: target forms are reduced to a path") {
  auto target = [](const std::string& method, const std::string& text) -> std::string {
    Outcome outcome = Parse(method + " " + text + " HTTP/1.1\r\nHost: a\r\n\r\n");
    if (outcome.requests.size() != 1) return std::to_string(outcome.refusal);
    return outcome.requests[0].target + " " + *outcome.requests[0].Header("host");
  };
  CHECK(target("GET", "http://h.example:80/p?q") == "/p?q h.example:80");
  CHECK(target("GET", "HTTP://h") == "/ h");
  CHECK(target("GET", "https://h?q") == "/?q h");
  CHECK(target("OPTIONS", "http://h") == "* h");
  CHECK(target("OPTIONS", "*") == "* a");
  CHECK(target("GET", "*") == "400");
  CHECK(target("GET", "h:80") == "400");
  CHECK(target("GET", "ftp://h/") == "400");
  CHECK(target("GET", "http:///p") == "400");
  CHECK(target("GET", "p") == "400");
  CHECK(target("GET", "/a#b") == "400");
  CHECK(target("GET", "/\xc3\xa9") == "400");
}

TEST_CASE("http parser: malformed request lines are refused") {
  CHECK(RefusalOf("GET / HTTP/1.1 \r\nHost: a\r\n\r\n") == 400);
  CHECK(RefusalOf("GET  / HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(RefusalOf(" GET / HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(RefusalOf("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(RefusalOf("GET /\r\n\r\n") == 400);
  CHECK(RefusalOf("GET\r\n\r\n") == 400);
  CHECK(RefusalOf("GET / HTTQ/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(RefusalOf("GET / HTTP/1.x\r\nHost: a\r\n\r\n") == 400);
  CHECK(RefusalOf("\x16\x03\x01\x02") == 400);
}

TEST_CASE("http parser: other HTTP versions are refused with 505") {
  CHECK(RefusalOf("GET / HTTP/0.9\r\nHost: a\r\n\r\n") == 505);
  CHECK(RefusalOf("GET / HTTP/1.2\r\nHost: a\r\n\r\n") == 505);
  CHECK(RefusalOf("GET / HTTP/2\r\nHost: a\r\n\r\n") == 505);
  CHECK(RefusalOf("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 505);
}

TEST_CASE("http parser: malformed headers are refused") {
  CHECK(RefusalOf(With("A : b\r\n")) == 400);
  CHECK(RefusalOf(With("A\r\n")) == 400);
  CHECK(RefusalOf(With(": b\r\n")) == 400);
  CHECK(RefusalOf(With("A(: b\r\n")) == 400);
  CHECK(RefusalOf(With(std::string("A: b\0c\r\n", 8))) == 400);
  CHECK(RefusalOf(With("A: b\x01\r\n")) == 400);
  CHECK(RefusalOf(With("A: b\x7f\r\n")) == 400);
  CHECK(RefusalOf(With("A: \x80\xff\r\n")) == 0);
}

TEST_CASE("http parser: two Content-Types are refused") {
  CHECK(RefusalOf(With("Content-Type: application/json\r\ncontent-type: application/x-ndjson\r\n")) == 400);
  CHECK(RefusalOf(With("Content-Type: application/json\r\nContent-Typf: a/b\r\n")) == 0);
}

TEST_CASE("http parser: a folded header is refused") {
  CHECK(RefusalOf(With("A: b\r\n c\r\n")) == 400);
  CHECK(RefusalOf(With("A: b\r\n\tc\r\n")) == 400);
  CHECK(RefusalOf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 5\r\n\r\nhello") == 400);
  CHECK(RefusalOf("GET / HTTP/1.1\r\n Host: a\r\n\r\n") == 400);
}

TEST_CASE("http parser: bare CR and bare LF are refused") {
  CHECK(RefusalOf("GET / HTTP/1.1\nHost: a\r\n\r\n") == 400);
  CHECK(RefusalOf("GET / HTTP/1.1\r\nHost: a\n\r\n") == 400);
  CHECK(RefusalOf("GET / HTTP/1.1\r\nHost: a\r\n\n") == 400);
  CHECK(RefusalOf(With("A: b\rc\r\n")) == 400);
  CHECK(RefusalOf(With("A: b\r\r\n")) == 400);
  CHECK(RefusalOf("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(RefusalOf("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
}

TEST_CASE("http parser: empty lines before a request are skipped") {
  Outcome outcome = Parse("\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n\r\n");
  CHECK(outcome.requests.size() == 2);
  CHECK(outcome.idle);
  CHECK(Parse("\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n", {}, 1).requests.size() == 1);
}

TEST_CASE("http parser: Content-Length is one plain number") {
  auto refusal = [](const std::string& lines) { return RefusalOf("POST / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\nhello"); };
  CHECK(refusal("Content-Length: 5\r\n") == 0);
  CHECK(refusal("Content-Length: 5 \r\n") == 0);
  CHECK(refusal("Content-Length: 5\r\nContent-Length: 5\r\n") == 400);
  CHECK(refusal("Content-Length: 5\r\nContent-Length: 6\r\n") == 400);
  CHECK(refusal("Content-Length: 5, 5\r\n") == 400);
  CHECK(refusal("Content-Length: +5\r\n") == 400);
  CHECK(refusal("Content-Length: -5\r\n") == 400);
  CHECK(refusal("Content-Length: 0x5\r\n") == 400);
  CHECK(refusal("Content-Length: 5 5\r\n") == 400);
  CHECK(refusal("Content-Length:\r\n") == 400);
  CHECK(refusal("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") == 400);
  CHECK(refusal("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") == 400);
  CHECK(refusal("Content-Length: 99999999999999999999999\r\n") == 413);
  CHECK(refusal("Content-Length: 18446744073709551615\r\n") == 413);
}

TEST_CASE("http parser: HTTP/1.1 has exactly one Host, HTTP/1.0 at most one") {
  CHECK(RefusalOf("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(RefusalOf("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n") == 400);
  CHECK(RefusalOf("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n") == 400);
  CHECK(RefusalOf("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n") == 400);
  CHECK(RefusalOf("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n") == 400);
  CHECK(RefusalOf("GET / HTTP/1.0\r\n\r\n") == 0);
  CHECK(RefusalOf("GET / HTTP/1.1\r\nHost:\r\n\r\n") == 0);
}

TEST_CASE("http parser: the authority of an absolute target stands in the place of Host, where there is none, too") {
  for (std::string head : {" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", " HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n", " HTTP/1.0\r\n\r\n"}) {
    CAPTURE(head);
    Outcome outcome = Parse("GET http://user@Evil.example:7300/a?b" + head);
    REQUIRE(outcome.requests.size() == 1);
    REQUIRE(outcome.requests[0].Header("Host"));
    CHECK(*outcome.requests[0].Header("Host") == "Evil.example:7300");
    CHECK(outcome.requests[0].target == "/a?b");
  }
}

TEST_CASE("http parser: transfer codings other than chunked are refused with 501") {
  auto refusal = [](const std::string& value) { return RefusalOf("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: " + value + "\r\n\r\n"); };
  CHECK(refusal("gzip") == 501);
  CHECK(refusal("gzip, chunked") == 501);
  CHECK(refusal("chunked, gzip") == 501);
  CHECK(refusal("xchunked") == 501);
  CHECK(refusal("identity") == 501);
  CHECK(refusal("") == 501);
  CHECK(refusal("chunked\r\nTransfer-Encoding: identity") != 0);
  CHECK(refusal("Chunked") == 0);
  CHECK(RefusalOf("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
}

TEST_CASE("http parser: an expectation other than 100-continue is refused with 417") {
  CHECK(RefusalOf(With("Expect: 100-Continue\r\n")) == 0);
  CHECK(RefusalOf(With("Expect: 200-ok\r\n")) == 417);
  CHECK(RefusalOf("GET / HTTP/1.0\r\nExpect: 200-ok\r\n\r\n") == 0);
}

TEST_CASE("http parser: a chunked body is put together and its trailers thrown away") {
  std::string bytes =
      Chunked("5\r\nhello\r\n6;name=value\r\n world\r\n1;q=\"a b\"\r\n!\r\n0\r\nX-Trailer: a\r\nContent-Length: 9\r\n\r\n") + With("");
  for (uint64_t most : {0, 1, 3, 20}) {
    Outcome outcome = Parse(bytes, {}, most);
    REQUIRE(outcome.requests.size() == 2);
    CHECK(outcome.requests[0].body == "hello world!");
    CHECK(outcome.requests[0].Header("x-trailer") == nullptr);
    CHECK(outcome.requests[1].body.empty());
    CHECK(outcome.idle);
  }
}

TEST_CASE("http parser: malformed chunks are refused") {
  CHECK(RefusalOf(Chunked("x\r\n")) == 400);
  CHECK(RefusalOf(Chunked("\r\n")) == 400);
  CHECK(RefusalOf(Chunked("-1\r\n")) == 400);
  CHECK(RefusalOf(Chunked("0x5\r\nhello\r\n")) == 400);
  CHECK(RefusalOf(Chunked("5 \r\nhello\r\n")) == 400);
  CHECK(RefusalOf(Chunked("5\nhello\r\n")) == 400);
  CHECK(RefusalOf(Chunked("5\r\nhelloXY0\r\n\r\n")) == 400);
  CHECK(RefusalOf(Chunked("5\r\nhello\n0\r\n\r\n")) == 400);
  CHECK(RefusalOf(Chunked("5;a\nb\r\nhello\r\n")) == 400);
  CHECK(RefusalOf(Chunked("5;a=\"\n\"\r\nhello\r\n")) == 400);
  CHECK(RefusalOf(Chunked("11111111111111111\r\n")) == 400);
  CHECK(RefusalOf(Chunked("0\r\nA: b\r\n c\r\n\r\n")) == 400);
  CHECK(RefusalOf(Chunked("0\r\nA: b\n\r\n")) == 400);
  CHECK(RefusalOf(Chunked("0\r\nA b\r\n\r\n")) == 400);
}

TEST_CASE("http parser: chunk extensions and trailers of endless length are refused") {
  HttpLimits limits;
  limits.max_head_bytes = 200;
  CHECK(RefusalOf(Chunked("5;" + std::string(1000, 'a')), limits) == 400);
  CHECK(RefusalOf(Chunked(std::string(1000, '0') + "5\r\n"), limits) == 400);
  CHECK(RefusalOf(Chunked("0\r\nA: " + std::string(1000, 'a')), limits) == 431);
}

TEST_CASE("http parser: many small chunks do not count as extensions") {
  HttpLimits limits;
  limits.max_head_bytes = 200;
  std::string body;
  for (int i = 0; i < 1000; ++i) body += "1\r\nx\r\n";
  for (uint64_t most : {0, 1, 7}) {
    Outcome outcome = Parse(Chunked(body + "0\r\n\r\n"), limits, most);
    REQUIRE(outcome.requests.size() == 1);
    CHECK(outcome.requests[0].body == std::string(1000, 'x'));
  }
}

TEST_CASE("http parser: a body over the limit is refused from what announces it") {
  HttpLimits limits;
  limits.max_body_bytes = 10;
  CHECK(RefusalOf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789", limits) == 0);
  CHECK(RefusalOf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", limits) == 413);
  CHECK(RefusalOf("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n", limits) == 413);
  CHECK(RefusalOf(Chunked("a\r\n0123456789\r\n0\r\n\r\n"), limits) == 0);
  CHECK(RefusalOf(Chunked("b\r\n"), limits) == 413);
  CHECK(RefusalOf(Chunked("6\r\n012345\r\n5\r\n"), limits) == 413);
  CHECK(RefusalOf(Chunked("ffffffffffffffff\r\n"), limits) == 413);
}

TEST_CASE("http parser: a body in pieces comes out as it was sent, of any length") {
  HttpLimits limits;
  limits.max_body_bytes = 10;
  std::string bytes = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz" +
                      Chunked("1a\r\nabcdefghijklmnopqrstuvwxyz\r\n1;a=b\r\n-\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n") + With("") + Chunked("0\r\n\r\n") +
                      "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nend";
  Pieces whole = ParsePieces(bytes, limits);
  CHECK(whole.bodies == "abcdefghijklmnopqrstuvwxyz|abcdefghijklmnopqrstuvwxyz-hello|||end|");
  CHECK(whole.pieces == 5);
  CHECK(whole.refusal == 0);
  for (uint64_t most : {1, 2, 7, 40}) {
    Pieces cut = ParsePieces(bytes, limits, most);
    CHECK(cut.bodies == whole.bodies);
    CHECK(cut.refusal == 0);
  }
}

TEST_CASE("http parser: how much of a body in pieces is to come is known where it is not chunked") {
  HttpLimits limits;
  HttpParser parser(&limits);
  size_t used;
  REQUIRE(parser.Feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n", &used) == HttpParser::Step::kHead);
  CHECK(parser.body_left() == 10);
  CHECK(parser.head().method == "POST");
  CHECK(parser.in_body());
  parser.StreamBody();
  REQUIRE(parser.Feed("0123", &used) == HttpParser::Step::kPiece);
  CHECK(parser.body_left() == 6);
  REQUIRE(parser.Feed("456789next", &used) == HttpParser::Step::kRequest);
  CHECK(used == 6);
  CHECK(parser.piece() == "456789");
  parser.Take();
  CHECK(parser.idle());
}

TEST_CASE("http parser: malformed chunks and endless extensions are refused of a body in pieces, too") {
  for (uint64_t most : {0, 1}) {
    Pieces outcome = ParsePieces(Chunked("3\r\nabc\r\nnonsense\r\n"), {}, most);
    CHECK(outcome.refusal == 400);
    CHECK(outcome.bodies == "abc");
    CHECK(ParsePieces(Chunked("3\r\nabcd\r\n"), {}, most).refusal == 400);
    CHECK(ParsePieces(Chunked("11111111111111111\r\n"), {}, most).refusal == 400);
    CHECK(ParsePieces(Chunked("1;" + std::string(20'000, 'x')), {}, most).refusal == 400);
    CHECK(ParsePieces(Chunked("0\r\nA: " + std::string(20'000, 'x')), {}, most).refusal == 431);
  }
}

TEST_CASE("http parser: head limits hold exactly") {
  HttpLimits limits;
  limits.max_target_bytes = 20;
  limits.max_headers = 3;
  limits.max_head_bytes = 200;
  auto get = [](const std::string& target, const std::string& headers) { return "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n"; };
  CHECK(RefusalOf(get("/" + std::string(19, 'a'), ""), limits) == 0);
  CHECK(RefusalOf(get("/" + std::string(20, 'a'), ""), limits) == 414);
  CHECK(RefusalOf("GET /" + std::string(500, 'a'), limits) == 414);
  CHECK(RefusalOf(get("/", "A: b\r\nB: c\r\n"), limits) == 0);
  CHECK(RefusalOf(get("/", "A: b\r\nB: c\r\nC: d\r\n"), limits) == 431);
  std::string filler = "A: " + std::string(200 - get("/", "A: \r\n").size(), 'x') + "\r\n";
  CHECK(get("/", filler).size() == 200);
  CHECK(RefusalOf(get("/", filler), limits) == 0);
  CHECK(RefusalOf(get("/", "A" + filler), limits) == 431);
  CHECK(RefusalOf("GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(500, 'x'), limits) == 431);
}

TEST_CASE("http parser: keep-alive follows version and Connection") {
  auto keep_alive = [](const std::string& head) {
    HttpLimits limits;
    HttpParser parser(&limits);
    size_t used;
    REQUIRE(parser.Feed(head, &used) == HttpParser::Step::kRequest);
    parser.Take();
    return parser.keep_alive();
  };
  CHECK(keep_alive("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  CHECK_FALSE(keep_alive("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  CHECK_FALSE(keep_alive("GET / HTTP/1.1\r\nHost: a\r\nConnection: TE, Close\r\n\r\n"));
  CHECK_FALSE(keep_alive("GET / HTTP/1.0\r\n\r\n"));
  CHECK(keep_alive("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
}

std::string Mutate(std::string bytes, Random* random) {
  static const std::string_view kPieces[] = {"\r\n",
                                             "\r",
                                             "\n",
                                             " ",
                                             "\t",
                                             ":",
                                             ";",
                                             ",",
                                             "0",
                                             "ffffffffffffffff",
                                             "\r\n\r\n",
                                             "Content-Length: 3\r\n",
                                             "Transfer-Encoding: chunked\r\n",
                                             "HTTP/1.1",
                                             "0\r\n\r\n",
                                             "Host: a\r\n",
                                             "\x80",
                                             "GET / HTTP/1.1\r\n"};
  uint64_t changes = 1 + random->Below(3);
  for (uint64_t i = 0; i < changes; ++i) {
    size_t at = random->Below(bytes.size() + 1);
    switch (random->Below(5)) {
      case 0:
        bytes.insert(at, kPieces[random->Below(std::size(kPieces))]);
        break;
      case 1:
        bytes.erase(at, 1 + random->Below(10));
        break;
      case 2:
        bytes.insert(at, 1, static_cast<char>(random->Below(256)));
        break;
      case 3:
        if (at < bytes.size()) bytes[at] = static_cast<char>(random->Below(256));
        break;
      default:
        bytes.insert(at, bytes.substr(random->Below(bytes.size() + 1), 20));
        break;
    }
  }
  return bytes;
}

TEST_CASE("http parser: mutated requests give the same outcome however they are cut") {
  const std::string seeds[] = {
      With("A: b\r\nC: d\r\n"), "POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world" + With(""),
      Chunked("5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nT: u\r\n\r\n") + With("Connection: close\r\n") + With(""),
      "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\nCONNECT h:1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET http://h/p HTTP/1.0\r\n\r\n",
      "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nUpgrade: x\r\nConnection: upgrade, close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"};
  HttpLimits limits;
  limits.max_body_bytes = 64;
  limits.max_head_bytes = 1024;
  limits.max_target_bytes = 100;
  Random random(20260101);
  size_t refused = 0;
  size_t accepted = 0;
  for (int i = 0; i < 8000; ++i) {
    std::string bytes = Mutate(seeds[random.Below(std::size(seeds))], &random);
    Outcome whole = Parse(bytes, limits);
    Outcome cut = Parse(bytes, limits, 1 + random.Below(30), random.Next());
    CAPTURE(i, bytes);
    REQUIRE(cut.refusal == whole.refusal);
    REQUIRE(cut.requests.size() == whole.requests.size());
    for (size_t k = 0; k < whole.requests.size(); ++k) {
      REQUIRE(cut.requests[k].method == whole.requests[k].method);
      REQUIRE(cut.requests[k].target == whole.requests[k].target);
      REQUIRE(cut.requests[k].headers == whole.requests[k].headers);
      REQUIRE(cut.requests[k].body == whole.requests[k].body);
      REQUIRE(whole.requests[k].body.size() <= limits.max_body_bytes);
    }
    ++(whole.refusal != 0 ? refused : accepted);
  }
  // The mutations reach both sides.
  CHECK(refused > 1000);
  CHECK(accepted > 500);
}

TEST_CASE("http parser: random bytes are refused or wait for more, never worse") {
  Random random(7);
  static const char kAlphabet[] = "GET /:HTP1.0\r\n\r\n\t ;abcdef0123456789";
  for (int i = 0; i < 4000; ++i) {
    std::string bytes(random.Below(300), 0);
    for (char& c : bytes) c = random.Chance(0.9) ? kAlphabet[random.Below(sizeof kAlphabet - 1)] : static_cast<char>(random.Below(256));
    Outcome whole = Parse(bytes);
    Outcome cut = Parse(bytes, {}, 1 + random.Below(10), random.Next());
    REQUIRE(cut.refusal == whole.refusal);
    REQUIRE(cut.requests.size() == whole.requests.size());
  }
}

TEST_CASE("http parser: a large body is not copied over and over as it comes") {
  HttpLimits limits;
  HttpParser parser(&limits);
  size_t size = 48 << 20, used = 0;
  REQUIRE(parser.Feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n", &used) == HttpParser::Step::kHead);
  REQUIRE(parser.KeepBody() == HttpParser::Step::kMore);
  std::string piece(1 << 20, 'x');
  const char* place = nullptr;
  size_t copied = 0;
  for (size_t fed = 0; fed < size; fed += piece.size()) {
    if (parser.head().body.data() != place) copied += fed;
    place = parser.head().body.data();
    HttpParser::Step step = parser.Feed(piece, &used);
    REQUIRE(step == (fed + piece.size() == size ? HttpParser::Step::kRequest : HttpParser::Step::kMore));
  }
  CHECK(copied < (24 << 20));
  CHECK(parser.Take().body.size() == size);
}

}  // namespace
}  // namespace notifyd
