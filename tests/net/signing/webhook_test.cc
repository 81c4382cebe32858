#include "net/signing/webhook.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <catch2/catch.hpp>

#include "base/base64.h"
#include "base/crypto.h"

namespace notifyd {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

SigningKey Key(const std::string& name, const std::string& text, int64_t created_ms = 0, WallTime valid_until = kWallNever) {
  const Result<KeyText> parsed = ParseKeyText(text);
  REQUIRE(parsed.ok());
  return {name, parsed->kind, parsed->secret, WallTime{created_ms}, valid_until};
}

/// A receiver, written with OpenSSL alone: does one of the signatures verify by this key?
bool Verifies(const Headers& headers, std::string_view body, const SigningKey& key) {
  const std::string content = headers[0].second + "." + headers[1].second + "." + std::string(body);
  std::string signatures = headers[2].second + " ";
  for (size_t end; (end = signatures.find(' ')) != std::string::npos; signatures.erase(0, end + 1)) {
    const std::string each = signatures.substr(0, end);
    const size_t comma = each.find(',');
    const std::string version = each.substr(0, comma), signature = *DecodeBase64(each.substr(comma + 1));
    const auto* bytes = reinterpret_cast<const unsigned char*>(content.data());
    if (version == "v1" && key.kind == SigningKind::kHmac) {
      unsigned char mac[EVP_MAX_MD_SIZE];
      unsigned size = 0;
      HMAC(EVP_sha256(), key.secret.data(), static_cast<int>(key.secret.size()), bytes, content.size(), mac, &size);
      if (signature == std::string(reinterpret_cast<char*>(mac), size)) return true;
    }
    if (version == "v1a" && key.kind == SigningKind::kEd25519) {
      const std::string public_key = Ed25519Public(key.secret);
      EVP_PKEY* pkey =
          EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(public_key.data()), public_key.size());
      EVP_MD_CTX* context = EVP_MD_CTX_new();
      EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, pkey);
      const bool good =
          EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(), bytes, content.size()) == 1;
      EVP_MD_CTX_free(context);
      EVP_PKEY_free(pkey);
      if (good) return true;
    }
  }
  return false;
}

TEST_CASE("webhook: the vectors of the reference libraries") {
  // libraries/go/webhook_symmetric_test.go and webhook_asymmetric_test.go of the specification's repository.
  const SigningKey hmac = Key("main", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  const SigningKey ed25519 = Key("main", "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=");
  const WallTime at{1'614'265'330'999};
  const Headers headers = WebhookHeaders({&hmac, &ed25519}, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, "{\"test\": 2432232314}");
  CHECK(headers == Headers{{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
                           {"webhook-timestamp", "1614265330"},
                           {"webhook-signature",
                            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= "
                            "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=="}});
}

TEST_CASE("webhook: any body verifies by each of its keys, and by no other, and not once it is changed") {
  const std::string body = GENERATE(std::string(), std::string("{}"), std::string("a\0b\xff", 4), std::string(1 << 20, 'x'), std::string("1.2.3"));
  const SigningKey a = {"main", SigningKind::kHmac, MakeKeySecret(), {}, kWallNever},
                   b = {"main", SigningKind::kEd25519, MakeKeySecret(), {}, kWallNever};
  const SigningKey c = {"main", SigningKind::kHmac, MakeKeySecret(), {}, kWallNever},
                   d = {"main", SigningKind::kEd25519, MakeKeySecret(), {}, kWallNever};
  const Headers headers = WebhookHeaders({&a, &b}, "n0000000000000001", WallTime{1'800'000'000'000}, body);
  CHECK(Verifies(headers, body, a));
  CHECK(Verifies(headers, body, b));
  CHECK_FALSE(Verifies(headers, body, c));
  CHECK_FALSE(Verifies(headers, body, d));
  CHECK_FALSE(Verifies(headers, body + ".", a));
  CHECK_FALSE(Verifies(headers, body + ".", b));
  Headers later = headers;
  later[1].second = "1800000001";
  CHECK_FALSE(Verifies(later, body, a));
  CHECK_FALSE(Verifies(later, body, b));
}

TEST_CASE("webhook: a rotation while something waits: both verify during the overlap, then the new one alone") {
  const SigningKey old = {"main", SigningKind::kHmac, MakeKeySecret(), WallTime{0}, WallTime{2000}};
  const SigningKey next = {"main", SigningKind::kHmac, MakeKeySecret(), WallTime{1000}, kWallNever};
  auto sign = [&](std::vector<SigningKey> keys, int64_t ms) {
    return WebhookHeaders(KeysForCall(keys, {}, WallTime{ms}), "n1", WallTime{ms}, "body");
  };
  const Headers before = sign({{"main", SigningKind::kHmac, old.secret, WallTime{0}, kWallNever}}, 500);
  CHECK(Verifies(before, "body", old));
  CHECK_FALSE(Verifies(before, "body", next));
  const Headers during = sign({old, next}, 1999);
  CHECK(Verifies(during, "body", old));
  CHECK(Verifies(during, "body", next));
  const Headers after = sign({old, next}, 2000);
  CHECK_FALSE(Verifies(after, "body", old));
  CHECK(Verifies(after, "body", next));
}

TEST_CASE("webhook: which keys sign: those of the name, else those of the newest one's name") {
  const std::vector<SigningKey> keys = {{"main", SigningKind::kHmac, "a", WallTime{1}, WallTime{100}},
                                        {"edge", SigningKind::kHmac, "b", WallTime{2}, kWallNever},
                                        {"main", SigningKind::kHmac, "c", WallTime{3}, kWallNever},
                                        {"main", SigningKind::kEd25519, "d", WallTime{3}, kWallNever},
                                        {"gone", SigningKind::kHmac, "e", WallTime{9}, WallTime{10}}};
  auto chosen = [&](std::optional<std::string> name, int64_t now) {
    std::string out;
    for (const SigningKey* key : KeysForCall(keys, name, WallTime{now})) out += key->secret;
    return out;
  };
  CHECK(chosen({}, 50) == "acd");
  CHECK(chosen({}, 100) == "cd");
  CHECK(chosen({}, 9) == "e");
  CHECK(chosen("edge", 50) == "b");
  CHECK(chosen("main", 50) == "acd");
  CHECK(chosen("none", 50).empty());
  CHECK(KeysForCall({}, {}, WallTime{0}).empty());
  CHECK(WebhookHeaders({}, "n1", WallTime{0}, "").empty());
}

TEST_CASE("webhook: keys as texts") {
  const std::string secret = MakeKeySecret();
  CHECK(ParseKeyText(FormatKeyText(SigningKind::kHmac, secret))->secret == secret);
  CHECK(ParseKeyText(FormatKeyText(SigningKind::kEd25519, secret))->kind == SigningKind::kEd25519);
  CHECK(FormatPublicKey(secret) == "whpk_" + EncodeBase64(Ed25519Public(secret)));
  const std::vector<std::string> wrong = {"",
                                          "whsec_",
                                          "whsec_!",
                                          "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                          "whpk_" + EncodeBase64(secret),
                                          "whsec_" + EncodeBase64(std::string(23, 'k')),
                                          "whsec_" + EncodeBase64(std::string(65, 'k')),
                                          "whsk_" + EncodeBase64(std::string(31, 'k')),
                                          "whsk_" + EncodeBase64(std::string(64, 'k'))};
  for (const std::string& text : wrong) {
    const Result<KeyText> parsed = ParseKeyText(text);
    REQUIRE_FALSE(parsed.ok());
    CHECK((text.size() < 7 || parsed.status().detail().find(text) == std::string::npos));
  }
}

}  // namespace
}  // namespace notifyd
