#include "net/signing/jwks.h"

#include <catch2/catch.hpp>

#include "net/signing/webhook.h"

namespace notifyd {
namespace {

// RFC 8037, appendix A: RFC 8032's first key.
const unsigned char kSeed[] = {0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
                               0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60};

TEST_CASE("jwks: the example of RFC 8037") {
  const std::string seed(reinterpret_cast<const char*>(kSeed), sizeof kSeed);
  CHECK(KeyThumbprint(seed) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  const SigningKey key{"main", SigningKind::kEd25519, seed, {}, kWallNever};
  CHECK(Jwks({&key}, WallTime{0}) ==
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\","
        "\"kid\":\"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k\",\"use\":\"sig\",\"alg\":\"EdDSA\"}]}");
}

TEST_CASE("jwks: public keys alone, each once, while they are valid") {
  const SigningKey hmac{"a", SigningKind::kHmac, MakeKeySecret(), {}, kWallNever};
  const SigningKey one{"b", SigningKind::kEd25519, MakeKeySecret(), {}, kWallNever},
      two{"c", SigningKind::kEd25519, MakeKeySecret(), {}, WallTime{10}};
  auto count = [](const std::string& text) {
    size_t found = 0;
    for (size_t at = 0; (at = text.find("\"kid\"", at)) != std::string::npos; ++at) ++found;
    return found;
  };
  CHECK(Jwks({}, WallTime{0}) == "{\"keys\":[]}");
  CHECK(Jwks({&hmac}, WallTime{0}) == "{\"keys\":[]}");
  CHECK(count(Jwks({&hmac, &one, &one, &two}, WallTime{9})) == 2);
  CHECK(count(Jwks({&hmac, &one, &one, &two}, WallTime{10})) == 1);
}

}  // namespace
}  // namespace notifyd
