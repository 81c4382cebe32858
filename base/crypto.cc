#include "base/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include <array>
#include <memory>
#include <string>

#include "base/check.h"
#include "base/free_with.h"

namespace notifyd {
namespace {

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

using CipherPtr = std::unique_ptr<EVP_CIPHER_CTX, FreeWith<EVP_CIPHER_CTX_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using DigestPtr = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using KdfPtr = std::unique_ptr<EVP_KDF_CTX, FreeWith<EVP_KDF_CTX_free>>;

/// Fetched once: OpenSSL looks for an algorithm by its name at each use otherwise.
const EVP_MD* Md256() {
  static EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return md;
}
const EVP_CIPHER* Gcm() {
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return cipher;
}

std::string OneBlock(bool forward, std::string_view key, std::string_view block) {
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-ECB", nullptr);
  CHECK(key.size() == kAesKeyBytes && block.size() == kAesBlockBytes);
  CipherPtr context(EVP_CIPHER_CTX_new());
  CHECK(context != nullptr);
  CHECK(EVP_CipherInit_ex2(context.get(), cipher, Bytes(key), nullptr, forward ? 1 : 0, nullptr) == 1);
  EVP_CIPHER_CTX_set_padding(context.get(), 0);
  std::string out(kAesBlockBytes, '\0');
  int size = 0;
  CHECK(EVP_CipherUpdate(context.get(), Bytes(out), &size, Bytes(block), kAesBlockBytes) == 1 && size == kAesBlockBytes);
  return out;
}

KeyPtr PrivateKey(std::string_view seed) {
  CHECK(seed.size() == kEd25519SeedBytes);
  KeyPtr key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, Bytes(seed), seed.size()));
  CHECK(key != nullptr);
  return key;
}

/// The key of a seed, of this thread, which keeps the last few: making one costs as much as a signature. Borrowed until the next call.
EVP_PKEY* KeptPrivateKey(std::string_view seed) {
  struct Kept {
    std::string seed;
    KeyPtr key;
  };
  constexpr size_t kMost = 4;
  thread_local std::array<Kept, kMost> all;
  thread_local size_t oldest = 0;
  for (const Kept& kept : all)
    if (kept.key != nullptr && kept.seed == seed) return kept.key.get();
  Kept& place = all[oldest++ % kMost];
  place = {std::string(seed), PrivateKey(seed)};
  return place.key.get();
}

CipherPtr BeginGcm(bool seal, std::string_view key, std::string_view nonce, std::string_view bound) {
  CHECK(key.size() == kGcmKeyBytes && nonce.size() == kGcmNonceBytes);
  CipherPtr context(EVP_CIPHER_CTX_new());
  CHECK(context != nullptr);
  CHECK(EVP_CipherInit_ex2(context.get(), Gcm(), Bytes(key), Bytes(nonce), seal ? 1 : 0, nullptr) == 1);
  int size = 0;
  CHECK(EVP_CipherUpdate(context.get(), nullptr, &size, Bytes(bound), static_cast<int>(bound.size())) == 1);
  return context;
}

}  // namespace

Digest256 Sha256(std::string_view text) {
  Digest256 out;
  unsigned size = 0;
  CHECK(EVP_Digest(text.data(), text.size(), out.data(), &size, Md256(), nullptr) == 1 && size == out.size());
  return out;
}

std::string Sha512(std::string_view text) {
  std::string out(64, '\0');
  unsigned size = 0;
  CHECK(EVP_Digest(text.data(), text.size(), Bytes(out), &size, EVP_sha512(), nullptr) == 1 && size == out.size());
  return out;
}

Digest256 HmacSha256(std::string_view key, std::string_view text) {
  // OpenSSL takes a null key for "the one before".
  static constexpr char kNone = 0;
  Digest256 out;
  unsigned size = 0;
  CHECK(HMAC(Md256(), key.empty() ? &kNone : key.data(), static_cast<int>(key.size()), Bytes(text), text.size(), out.data(), &size) != nullptr &&
        size == out.size());
  return out;
}

std::string HkdfSha256(std::string_view key, std::string_view salt, std::string_view info, size_t size) {
  static EVP_KDF* const kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  KdfPtr context(EVP_KDF_CTX_new(kdf));
  CHECK(context != nullptr);
  auto octets = [](const char* name, std::string_view text) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(text.data()), text.size());
  };
  char digest[] = "SHA256";
  OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0), octets(OSSL_KDF_PARAM_KEY, key),
                         octets(OSSL_KDF_PARAM_SALT, salt), octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
  std::string out(size, '\0');
  CHECK(EVP_KDF_derive(context.get(), Bytes(out), out.size(), params) == 1);
  return out;
}

std::string RandomBytes(size_t size) {
  std::string out(size, '\0');
  CHECK(RAND_priv_bytes(Bytes(out), static_cast<int>(size)) == 1);
  return out;
}

bool EqualSecrets(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void Forget(std::string* secret) {
  OPENSSL_cleanse(secret->data(), secret->size());
  secret->clear();
}

std::string SealGcm(std::string_view key, std::string_view nonce, std::string_view bound, std::string_view plain) {
  CipherPtr context = BeginGcm(true, key, nonce, bound);
  std::string out(plain.size() + kGcmTagBytes, '\0');
  int size = 0, rest = 0;
  CHECK(EVP_CipherUpdate(context.get(), Bytes(out), &size, Bytes(plain), static_cast<int>(plain.size())) == 1);
  CHECK(EVP_CipherFinal_ex(context.get(), Bytes(out) + size, &rest) == 1);
  CHECK(static_cast<size_t>(size + rest) == plain.size());
  CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kGcmTagBytes, Bytes(out) + plain.size()) == 1);
  return out;
}

std::optional<std::string> OpenGcm(std::string_view key, std::string_view nonce, std::string_view bound, std::string_view sealed) {
  if (sealed.size() < kGcmTagBytes) return std::nullopt;
  const std::string_view text = sealed.substr(0, sealed.size() - kGcmTagBytes);
  std::string tag(sealed.substr(text.size()));
  CipherPtr context = BeginGcm(false, key, nonce, bound);
  std::string out(text.size(), '\0');
  int size = 0, rest = 0;
  CHECK(EVP_CipherUpdate(context.get(), Bytes(out), &size, Bytes(text), static_cast<int>(text.size())) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kGcmTagBytes, Bytes(tag)) == 1);
  if (EVP_CipherFinal_ex(context.get(), Bytes(out) + size, &rest) != 1) return std::nullopt;
  return out;
}

std::string AesBlock(std::string_view key, std::string_view block) {
  return OneBlock(true, key, block);
}

std::string AesBlockBack(std::string_view key, std::string_view block) {
  return OneBlock(false, key, block);
}

std::string Ed25519Public(std::string_view seed) {
  KeyPtr key = PrivateKey(seed);
  std::string out(kEd25519PublicBytes, '\0');
  size_t size = out.size();
  CHECK(EVP_PKEY_get_raw_public_key(key.get(), Bytes(out), &size) == 1 && size == out.size());
  return out;
}

std::string Ed25519Sign(std::string_view seed, std::string_view text) {
  DigestPtr context(EVP_MD_CTX_new());
  std::string out(kEd25519SignatureBytes, '\0');
  size_t size = out.size();
  CHECK(context != nullptr && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, KeptPrivateKey(seed)) == 1);
  CHECK(EVP_DigestSign(context.get(), Bytes(out), &size, Bytes(text), text.size()) == 1 && size == out.size());
  return out;
}

bool Ed25519Verify(std::string_view public_key, std::string_view text, std::string_view signature) {
  if (public_key.size() != kEd25519PublicBytes) return false;
  KeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(public_key), public_key.size()));
  DigestPtr context(EVP_MD_CTX_new());
  if (!key || !context || EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1) return false;
  return EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(text), text.size()) == 1;
}

}  // namespace notifyd
