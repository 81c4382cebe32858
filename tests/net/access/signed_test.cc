// Signed requests: what is signed, and what an Admission makes of them.
#include "net/access/signed_head.h"

#include <catch2/catch.hpp>
#include <functional>
#include <limits>

#include "base/base64.h"
#include "base/crypto.h"
#include "net/access/access_fixture.h"
#include "net/access/content_digest.h"

namespace notifyd {
namespace {

const Need kSignedSubmits{.scopes = {Scope::kSubmit}, .changes = true};
const Need kReads{.scopes = {Scope::kRead}};
constexpr int64_t kTs = kLater.ms / 1000;

struct Signed {
  Signed() {
    stage.Put(stage.NewRow(Grant::Everything(), true));
    head = AccessStage::Request();
    head.headers.emplace_back("Content-Type", "application/json");
    head.headers.emplace_back("Content-Length", "2");
    head.headers.emplace_back("Content-Digest", ContentDigestOf("{}"));
  }
  HttpRequest Sign(const std::string& nonce, int64_t ts = kTs) const {
    HttpRequest out = head;
    out.headers.emplace_back("Authorization", SignHead(head, stage.last.id, stage.last.secret, ts, nonce));
    return out;
  }
  std::variant<Admitted, NotAdmitted> Ask(const HttpRequest& request, const Need& need = kSignedSubmits, WallTime now = kLater) {
    return stage.Ask(request, need, AccessStage::From("10.0.0.1"), now);
  }
  AccessStage stage;
  HttpRequest head;
};

TEST_CASE("signed request: the lines that are signed") {
  HttpRequest head;
  head.method = "PATCH";
  head.target = "/v1/notifies/n1?a=%20b";
  head.headers = {{"HOST", "Broker.Example:7300"}, {"If-Match", " \"x\" "}, {"Accept", "*/*"}, {"Content-Type", ""}};
  CHECK(*LinesToSign(head, 1'800'000'000, "nonce-01") ==
        "notifyd-sign-1\nPATCH\nbroker.example:7300\n/v1/notifies/n1?a=%20b\ncontent-type:\nidempotency-key\nif-match:\"x\"\ncontent-digest\n"
        "1800000000\nnonce-01\n");
  head.headers.emplace_back("content-type", "application/json");
  CHECK_FALSE(LinesToSign(head, 1, "nonce-01"));
}

TEST_CASE("signed request: an example, worked out by another tool") {
  HttpRequest head;
  head.method = "GET";
  head.target = "/v1/stats";
  head.headers = {{"Host", "localhost"}};
  // printf 'notifyd-sign-1\nGET\nlocalhost\n/v1/stats\ncontent-type\nidempotency-key\nif-match\ncontent-digest\n1800000000\nnonce-01\n' |
  //   openssl dgst -sha256 -mac HMAC -macopt hexkey:$(printf notifyd-sign-1 | openssl dgst -sha256 -hmac secret | sed 's/.* //') -binary | base64
  CHECK(SignHead(head, "abcdefgh", "secret", 1'800'000'000, "nonce-01") ==
        "Notify-HMAC-SHA256 id=abcdefgh, ts=1800000000, nonce=nonce-01, sig=4HVfl/o/AHN/R1O4UlB/qflojlMC0UAWk6orwAhvz/k=");
}

TEST_CASE("signed request: headers that are none") {
  const std::string sig = EncodeBase64(std::string(32, 's'));
  CHECK(ParseSignedHead("id=abcdefgh, ts=1, nonce=12345678, sig=" + sig));
  CHECK(ParseSignedHead("sig=" + sig + ",nonce=12345678,ts=1,id=abcdefgh"));
  for (const std::string& text :
       {std::string(), std::string("id=abcdefgh"), "id=abcdefgh, ts=1, nonce=12345678, sig=" + sig + ", x=1",
        "id=abcdefgh, ts=01, nonce=12345678, sig=" + sig, "id=abcdefgh, ts=+1, nonce=12345678, sig=" + sig,
        "id=abcdefgh, ts=-1, nonce=12345678, sig=" + sig, "id=abcdefgh, ts=99999999999999999999, nonce=12345678, sig=" + sig,
        "id=abcdefgh, ts=1, nonce=1234567, sig=" + sig, "id=abcdefgh, ts=1, nonce=" + std::string(65, 'n') + ", sig=" + sig,
        "id=abcdefgh, ts=1, nonce=1234567%, sig=" + sig, "id=abcdefgh, id=abcdefgh, ts=1, nonce=12345678, sig=" + sig,
        "id=abc, ts=1, nonce=12345678, sig=" + sig, "id=abcdefgh, ts=1, nonce=12345678, sig=" + EncodeBase64(std::string(31, 's')),
        "id=abcdefgh, ts=1, nonce=12345678, sig=!" + sig, std::string("id=abcdefgh, ts=1, nonce=12345678")}) {
    CAPTURE(text);
    CHECK_FALSE(ParseSignedHead(text));
  }
}

TEST_CASE("signed request: it passes once, and says which digest its body must have") {
  Signed s;
  const auto answer = s.Ask(s.Sign("nonce-01"));
  REQUIRE(StatusOf(answer) == 200);
  CHECK(std::get<Admitted>(answer).content_digest == ContentDigestOf("{}"));
  CHECK(std::get<Admitted>(answer).principal.token_id() == s.stage.last.id);
  CHECK(ReasonOf(s.Ask(s.Sign("nonce-01"))) == "repeated_nonce");
  CHECK(ReasonOf(s.Ask(s.Sign("nonce-01", kTs + 1))) == "repeated_nonce");
  CHECK(StatusOf(s.Ask(s.Sign("nonce-02"))) == 200);
  // What changes nothing may come again.
  CHECK(StatusOf(s.Ask(s.Sign("nonce-03"), kReads)) == 200);
  CHECK(StatusOf(s.Ask(s.Sign("nonce-03"), kReads)) == 200);
}

TEST_CASE("signed request: one that is refused, or of which nothing was begun, may come again") {
  Signed s;
  const Need elsewhere{.scopes = {Scope::kSubmit}, .changes = true, .named = "three"};
  CHECK(StatusOf(s.Ask(s.Sign("nonce-01"), elsewhere)) == 404);
  s.stage.table.PutNamespace("three", AccessStage::Row("three", 3));
  const auto taken = s.Ask(s.Sign("nonce-01"), elsewhere);
  REQUIRE(StatusOf(taken) == 200);
  CHECK(ReasonOf(s.Ask(s.Sign("nonce-01"), elsewhere)) == "repeated_nonce");
  REQUIRE(std::get<Admitted>(taken).nonce);
  s.stage.Make().GiveBack(*std::get<Admitted>(taken).nonce);
  CHECK(StatusOf(s.Ask(s.Sign("nonce-01"), elsewhere)) == 200);
  CHECK(ReasonOf(s.Ask(s.Sign("nonce-01"), elsewhere)) == "repeated_nonce");
  CHECK_FALSE(std::get<Admitted>(s.Ask(s.Sign("nonce-02"), kReads)).nonce);
}

TEST_CASE("signed request: whatever is changed of what counts, it is not the same request any more") {
  Signed s;
  auto changed = [&](const std::function<void(HttpRequest*)>& change) {
    HttpRequest request = s.Sign("nonce-01");
    change(&request);
    return ReasonOf(s.Ask(request));
  };
  auto set = [](const char* name, const char* value) {
    return [=](HttpRequest* request) {
      for (auto& [each, text] : request->headers)
        if (each == name) text = value;
    };
  };
  CHECK(changed([](HttpRequest* request) { request->method = "PUT"; }) == "wrong_signature");
  CHECK(changed([](HttpRequest* request) { request->target += "?x"; }) == "wrong_signature");
  CHECK(changed(set("Host", "other.example")) == "wrong_signature");
  CHECK(changed(set("Content-Type", "text/plain")) == "wrong_signature");
  CHECK(changed(set("Content-Digest", "sha-256=:AA==:")) == "wrong_signature");
  CHECK(changed([](HttpRequest* request) { request->headers.emplace_back("Idempotency-Key", "k"); }) == "wrong_signature");
  CHECK(changed([](HttpRequest* request) { request->headers.emplace_back("If-Match", "*"); }) == "wrong_signature");
  CHECK(changed([](HttpRequest* request) { request->headers.emplace_back("Content-Digest", "sha-256=:AA==:"); }) == "repeated_header");
  CHECK(changed([](HttpRequest* request) { request->headers.emplace_back("Accept", "*/*"); }) == "");
  // Refused ones leave nothing behind.
  CHECK(s.stage.nonces.size() == 1);
}

TEST_CASE("signed request: its time is within five minutes, and a change is not older than this process") {
  Signed s;
  CHECK(StatusOf(s.Ask(s.Sign("nonce-01", kTs - 300))) == 200);
  CHECK(StatusOf(s.Ask(s.Sign("nonce-02", kTs + 300))) == 200);
  CHECK(ReasonOf(s.Ask(s.Sign("nonce-03", kTs - 302))) == "signed_at_another_time");
  CHECK(ReasonOf(s.Ask(s.Sign("nonce-04", kTs + 301))) == "signed_at_another_time");
  const WallTime soon{kStart.ms + 1000};
  CHECK(ReasonOf(s.Ask(s.Sign("nonce-05", kStart.ms / 1000 - 1), kSignedSubmits, soon)) == "signed_before_start");
  CHECK(StatusOf(s.Ask(s.Sign("nonce-06", kStart.ms / 1000 - 1), kReads, soon)) == 200);
  CHECK(StatusOf(s.Ask(s.Sign("nonce-07", kStart.ms / 1000), kSignedSubmits, soon)) == 200);
  CHECK(ReasonOf(s.Ask(s.Sign("nonce-08", std::numeric_limits<int64_t>::max()))) == "signed_at_another_time");
}

TEST_CASE("signed request: a change of the second of the start, which may be from before it, is to be signed anew") {
  Signed s;
  s.stage.started = WallTime{kStart.ms + 400};
  const WallTime soon{kStart.ms + 700};
  const int64_t second = kStart.ms / 1000;
  const auto answer = s.Ask(s.Sign("nonce-01", second), kSignedSubmits, soon);
  REQUIRE(StatusOf(answer) == 503);
  CHECK(ReasonOf(answer) == "");
  CHECK(s.stage.nonces.size() == 0);
  CHECK(ReasonOf(s.Ask(s.Sign("nonce-01", second - 1), kSignedSubmits, soon)) == "signed_before_start");
  CHECK(StatusOf(s.Ask(s.Sign("nonce-01", second), kReads, soon)) == 200);
  // Who may not at all is told so first.
  CHECK(StatusOf(s.Ask(s.Sign("nonce-01", second), {.scopes = {Scope::kSubmit}, .changes = true, .named = "three"}, soon)) == 404);
  CHECK(StatusOf(s.Ask(s.Sign("nonce-02", second + 1), kSignedSubmits, soon)) == 200);
  CHECK(ReasonOf(s.Ask(s.Sign("nonce-02", second + 1), kSignedSubmits, soon)) == "repeated_nonce");
}

TEST_CASE("signed request: a change of before what it is about was served here is refused, and not as one of a stranger") {
  Signed s;
  Need moved = kSignedSubmits;
  moved.served_since = WallTime{kTs * 1000 + 1};
  const auto answer = s.Ask(s.Sign("nonce-01"), moved);
  REQUIRE(StatusOf(answer) == 503);
  CHECK(ReasonOf(answer) == "");
  CHECK(s.stage.nonces.size() == 0);
  moved.served_since = WallTime{kTs * 1000};
  CHECK(StatusOf(s.Ask(s.Sign("nonce-01"), moved)) == 200);
  CHECK(ReasonOf(s.Ask(s.Sign("nonce-01"), moved)) == "repeated_nonce");
  Need reads = kReads;
  reads.served_since = kLater;
  CHECK(StatusOf(s.Ask(s.Sign("nonce-02", kTs - 100), reads)) == 200);
}

TEST_CASE("signed request: a nonce is remembered for as long as its time would pass") {
  Signed s;
  REQUIRE(StatusOf(s.Ask(s.Sign("nonce-01", kTs + 300))) == 200);
  for (int64_t after = 0; after <= 600; after += 30) {
    CAPTURE(after);
    CHECK(ReasonOf(s.Ask(s.Sign("nonce-01", kTs + 300), kSignedSubmits, WallTime{kLater.ms + after * 1000})) == "repeated_nonce");
  }
  CHECK(ReasonOf(s.Ask(s.Sign("nonce-01", kTs + 300), kSignedSubmits, WallTime{kLater.ms + 602'000})) == "signed_at_another_time");
}

TEST_CASE("signed request: no body without a digest, no stream, and only tokens that sign") {
  Signed s;
  SECTION("a body without a digest") {
    s.head.headers.pop_back();
    CHECK(ReasonOf(s.Ask(s.Sign("nonce-01"))) == "body_not_signed");
  }
  SECTION("a body with one that says nothing") {
    s.head.headers.back().second = GENERATE("", " ", "\t ");
    CHECK(ReasonOf(s.Ask(s.Sign("nonce-01"))) == "body_not_signed");
    s.head.headers[2].second = "0";
    const auto answer = s.Ask(s.Sign("nonce-01"));
    REQUIRE(StatusOf(answer) == 200);
    CHECK(std::get<Admitted>(answer).content_digest == "");
  }
  SECTION("neither") {
    s.head.headers.resize(1);
    const auto answer = s.Ask(s.Sign("nonce-01"));
    REQUIRE(StatusOf(answer) == 200);
    CHECK(std::get<Admitted>(answer).content_digest == "");
  }
  SECTION("chunked") {
    s.head.headers = {{"Host", "x"}, {"Transfer-Encoding", "chunked"}};
    CHECK(ReasonOf(s.Ask(s.Sign("nonce-01"))) == "body_not_signed");
  }
  SECTION("a stream") {
    s.head.headers[1].second = "Application/x-ndjson; charset=utf-8";
    CHECK(StatusOf(s.Ask(s.Sign("nonce-01"))) == 422);
  }
  SECTION("a token that does not sign") {
    s.stage.Put(s.stage.NewRow(Grant::Everything(), false));
    CHECK(ReasonOf(s.Ask(s.Sign("nonce-01"))) == "wrong_signature");
  }
  SECTION("no token") {
    s.stage.table.PutToken(s.stage.last.id, nullptr);
    CHECK(ReasonOf(s.Ask(s.Sign("nonce-01"))) == "unknown_token");
  }
  SECTION("an expired one") {
    TokenRow row = *s.stage.table.FindToken(s.stage.last.id);
    row.grant.expires_at = kStart;
    s.stage.Put(row);
    CHECK(ReasonOf(s.Ask(s.Sign("nonce-01"))) == "expired_token");
    CHECK(s.stage.nonces.size() == 0);
  }
  SECTION("the secret of before a rotation, while it counts") {
    TokenRow row = *s.stage.table.FindToken(s.stage.last.id);
    row.old_secret = row.secret;
    row.secret = KeepSecret("another", true);
    row.old_until = WallTime{kLater.ms + 1};
    s.stage.Put(row);
    CHECK(StatusOf(s.Ask(s.Sign("nonce-01"))) == 200);
    CHECK(ReasonOf(s.Ask(s.Sign("nonce-02"), kSignedSubmits, WallTime{kLater.ms + 1})) == "wrong_signature");
  }
}

}  // namespace
}  // namespace notifyd
