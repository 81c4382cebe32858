#include "base/secrets.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

constexpr const char* kToken = "abc/d\"e\\f=+9";  // with what each kind of escape changes

SecretValues Of(SecretValues::Headers headers, std::vector<std::string> more = {}) {
  return SecretValues(SecretNames(std::move(more)), headers);
}

}  // namespace

TEST_CASE("secrets: names are secret by pattern, whatever their case") {
  const SecretNames names({"X-Pin"});
  for (const char* name : {"Authorization", "AUTHORIZATION", "cookie", "Proxy-Authorization", "X-Api-Key", "x-api-KEY", "Ocp-Apim-Subscription-Key",
                           "X-Auth-Token", "Private-Token", "X-Client-Secret", "x-pin"}) {
    CAPTURE(name);
    CHECK(names.Contains(name));
  }
  for (const char* name :
       {"Idempotency-Key", "idempotency-key", "Key", "-Key", "X-Keys", "X-Key-Id", "Token", "X-Tokens", "X-Secret-Level", "Accept", "X-Pins", ""}) {
    CAPTURE(name);
    CHECK_FALSE(names.Contains(name));
  }
  CHECK(SecretNames({"Idempotency-Key"}).Contains("idempotency-key"));
}

TEST_CASE("secrets: a value is masked as it is and in each escape") {
  const SecretValues secrets = Of({{"Authorization", std::string("Bearer ") + kToken}});
  for (const char* text : {R"(abc/d"e\f=+9)", R"(abc/d\"e\\f=+9)", R"(abc\/d\u0022e\u005Cf=\u002b9)", R"(\u0061bc/d\"e\u005cf=+9)",
                           "abc%2Fd%22e%5Cf%3D%2B9", "%61bc%2fd%22e%5cf%3d%2b9"}) {
    CAPTURE(text);
    CHECK(secrets.Mask(std::string("<") + text + ">", false) == "<***>");
    CHECK(secrets.Mask(std::string(text) + text, false) == "******");
  }
  CHECK(secrets.Mask(std::string("Authorization: Bearer ") + kToken + "\n", false) == "Authorization: Bearer ***\n");
  CHECK(secrets.Mask("nothing of it, \\ % + %zz \\u12", false) == "nothing of it, \\ % + %zz \\u12");
  CHECK(secrets.Mask("", true).empty());
}

TEST_CASE("secrets: blanks as a form has them, and bytes beyond ASCII") {
  const SecretValues secrets = Of({{"X-Api-Key", "two words \xC3\xA9\xF0\x9F\x94\x91"}});
  CHECK(secrets.Mask("k=two+words+%C3%A9%F0%9F%94%91&", false) == "k=***&");
  CHECK(secrets.Mask("k=two%20words%20%c3%a9%f0%9f%94%91&", false) == "k=***&");
  CHECK(secrets.Mask(R"("two words \u00e9\ud83d\udd11")", false) == "\"***\"");
  CHECK(secrets.Mask(R"("two words \u00e9\ud83d")", false) == R"("two words \u00e9\ud83d")");
}

TEST_CASE("secrets: values of less than 8 bytes, and of other headers, are not looked for") {
  CHECK(Of({{"Authorization", "Bearer 1234567"}}).empty());
  CHECK_FALSE(Of({{"Authorization", "Bearer 12345678"}}).empty());
  CHECK(Of({{"Idempotency-Key", "123456789"}, {"X-Trace", "123456789"}}).empty());
  CHECK_FALSE(Of({{"X-Trace", "123456789"}}, {"x-trace"}).empty());
}

TEST_CASE("secrets: cookies one by one, and any scheme of authorization") {
  const SecretValues secrets = Of({{"Cookie", "theme=dark; sid=0123456789abcdef; t=1"}, {"authorization", "Custom zzzzyyyyxxxx"}});
  CHECK(secrets.Mask(R"({"sid":"0123456789abcdef","theme":"dark","a":"zzzzyyyyxxxx"})", false) == R"({"sid":"***","theme":"dark","a":"***"})");
  CHECK(secrets.Mask("theme=dark; sid=0123456789abcdef; t=1", false) == "***");
}

TEST_CASE("secrets: what a cut text ends with is taken for the secret that it begins") {
  const SecretValues secrets = Of({{"X-Api-Key", "aabaabaac/0123"}});
  for (const char* text :
       {"x aabaabaac/012", "x aaba", "x aabaabaab", "x aabaabaaba", "x aabaabaac%2", "x aabaabaac%", "x aabaabaac\\u00", "x aabaabaac\\"}) {
    CAPTURE(text);
    const std::string masked = secrets.Mask(text, true);
    CHECK(masked.starts_with("x "));
    CHECK(masked.ends_with("***"));
    CHECK(masked.size() <= 8);
    CHECK(secrets.Mask(text, false) == text);
  }
  CHECK(secrets.Mask("x aab", true) == "x aab");
}

TEST_CASE("secrets: a text and a value made to be slow are not") {
  const SecretValues secrets = Of({{"X-Api-Key", std::string(8000, 'a') + "b"}, {"X-Other-Key", "b" + std::string(8000, 'a')}});
  const std::string text(1 << 20, 'a');
  CHECK(secrets.Mask(text, false) == text);
  CHECK(secrets.Mask(text, true).size() == text.size() - 8000 + 3);
}
