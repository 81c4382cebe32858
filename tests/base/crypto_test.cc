#include "base/crypto.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

std::string FromHex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return out;
}
std::string ToHex(std::string_view bytes) {
  std::string out;
  for (char c : bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    out.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    out.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
  }
  return out;
}

TEST_CASE("crypto: SHA-256 and SHA-512 of FIPS 180-4's example") {
  CHECK(ToHex(BytesOf(Sha256("abc"))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(ToHex(BytesOf(Sha256(""))) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(ToHex(Sha512("abc")).substr(0, 32) == "ddaf35a193617abacc417349ae204131");
}

TEST_CASE("crypto: HMAC-SHA256 of RFC 4231, and with an empty key") {
  CHECK(ToHex(BytesOf(HmacSha256("Jefe", "what do ya want for nothing?"))) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(ToHex(BytesOf(HmacSha256("", ""))) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  CHECK(HmacSha256("", "") == HmacSha256("", ""));
}

TEST_CASE("crypto: HKDF-SHA256 of RFC 5869, cases 1 and 3") {
  const std::string key(22, '\x0b');
  CHECK(ToHex(HkdfSha256(key, FromHex("000102030405060708090a0b0c"), FromHex("f0f1f2f3f4f5f6f7f8f9"), 42)) ==
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  CHECK(ToHex(HkdfSha256(key, "", "", 42)) == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST_CASE("crypto: AES-256-GCM of McGrew and Viega's cases 14 and 16, and nothing changed passes") {
  CHECK(ToHex(SealGcm(std::string(32, '\0'), std::string(12, '\0'), "", std::string(16, '\0'))) ==
        "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
  const std::string key = FromHex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"), nonce = FromHex("cafebabefacedbaddecaf888");
  const std::string bound = FromHex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const std::string plain =
      FromHex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
  const std::string sealed = SealGcm(key, nonce, bound, plain);
  CHECK(ToHex(sealed) ==
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b");
  CHECK(OpenGcm(key, nonce, bound, sealed) == plain);
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string other = sealed;
    other[i] = static_cast<char>(other[i] ^ 1);
    REQUIRE_FALSE(OpenGcm(key, nonce, bound, other));
  }
  CHECK_FALSE(OpenGcm(key, nonce, bound + "x", sealed));
  CHECK_FALSE(OpenGcm(key, nonce, "", sealed));
  CHECK_FALSE(OpenGcm(std::string(32, 'k'), nonce, bound, sealed));
  CHECK_FALSE(OpenGcm(key, std::string(12, 'n'), bound, sealed));
  for (size_t size = 0; size < sealed.size(); ++size) REQUIRE_FALSE(OpenGcm(key, nonce, bound, sealed.substr(0, size)));
  CHECK(OpenGcm(key, nonce, "", SealGcm(key, nonce, "", "")) == "");
}

TEST_CASE("crypto: Ed25519 of RFC 8032, tests 1 and 3") {
  const std::string one = FromHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  CHECK(ToHex(Ed25519Public(one)) == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  CHECK(ToHex(Ed25519Sign(one, "")) ==
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  const std::string three = FromHex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"), text = FromHex("af82");
  const std::string key = Ed25519Public(three), signature = Ed25519Sign(three, text);
  CHECK(ToHex(signature).substr(0, 32) == "6291d657deec24024827e69c3abe01a3");
  CHECK(Ed25519Verify(key, text, signature));
  CHECK_FALSE(Ed25519Verify(key, text + "x", signature));
  CHECK_FALSE(Ed25519Verify(Ed25519Public(one), text, signature));
  CHECK_FALSE(Ed25519Verify(key, text, signature.substr(1)));
  CHECK_FALSE(Ed25519Verify(key, text, ""));
  CHECK_FALSE(Ed25519Verify("short", text, signature));
}

TEST_CASE("crypto: comparing, forgetting, and bytes that are not the same twice") {
  CHECK(EqualSecrets("abc", "abc"));
  CHECK(EqualSecrets("", ""));
  CHECK_FALSE(EqualSecrets("abc", "abd"));
  CHECK_FALSE(EqualSecrets("abc", "ab"));
  std::string secret = "secret";
  Forget(&secret);
  CHECK(secret.empty());
  CHECK(RandomBytes(32) != RandomBytes(32));
  CHECK(RandomBytes(32).size() == 32);
}

}  // namespace
}  // namespace notifyd
