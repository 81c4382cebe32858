#include "net/access/token.h"

#include <catch2/catch.hpp>
#include <set>

#include "base/crypto.h"

namespace notifyd {
namespace {

TEST_CASE("token: what is made is of the form, has 192 random bits and more, and is no other") {
  std::set<std::string> ids, secrets;
  for (int i = 0; i < 1000; ++i) {
    const NewToken made = MakeToken();
    const std::string text = made.Text();
    const std::optional<TokenText> parsed = ParseToken(text);
    REQUIRE(parsed);
    REQUIRE(parsed->id == made.id);
    REQUIRE(parsed->secret == made.secret);
    REQUIRE(made.secret.size() >= 33);  // log2(62) bits each
    ids.insert(made.id);
    secrets.insert(made.secret);
  }
  CHECK(ids.size() == 1000);
  CHECK(secrets.size() == 1000);
}

TEST_CASE("token: texts that are none") {
  for (const char* text : {"", "ntf_", "ntf__", "ntf_abcdefgh", "ntf_abcdefgh_", "ntf_abcdefg_x", "NTF_abcdefgh_x", "ntf_abcdefgh_x_y",
                           "ntf_abcdefgh_x y", "ntf_abcd-fgh_x", "ntf_abcdefghijklmnopqrstuvwxyz0123456_x"})
    CHECK_FALSE(ParseToken(text));
  CHECK_FALSE(ParseToken("ntf_abcdefgh_" + std::string(129, 'x')));
  CHECK(ParseToken("ntf_abcdefgh_x"));
}

TEST_CASE("token: only a hash is kept, and the signing key where it signs") {
  const TokenSecret kept = KeepSecret("0123456789abcdefghijklmnopqrstuvwxyz", true);
  CHECK(kept.hash == Sha256("0123456789abcdefghijklmnopqrstuvwxyz"));
  CHECK(kept.signing_key == HmacSha256("0123456789abcdefghijklmnopqrstuvwxyz", "notifyd-sign-1"));
  CHECK_FALSE(KeepSecret("x", false).signing_key);
}

TEST_CASE("token: a secret is that of its row, and of none where there is no row") {
  TokenRow row;
  row.secret = KeepSecret("right", false);
  row.old_secret = KeepSecret("old", false);
  row.old_until = WallTime{1000};
  CHECK(FindSecret(&row, "right", WallTime{5000}) != nullptr);
  CHECK(FindSecret(&row, "old", WallTime{999}) != nullptr);
  CHECK(FindSecret(&row, "old", WallTime{1000}) == nullptr);
  CHECK(FindSecret(&row, "", WallTime{0}) == nullptr);
  CHECK(FindSecret(nullptr, "right", WallTime{0}) == nullptr);
  CHECK(FindSecret(nullptr, "", WallTime{0}) == nullptr);
}

}  // namespace
}  // namespace notifyd
