// Hashes, ciphers and signatures, all of them OpenSSL's. Pure but for RandomBytes, any thread. What fails in here is a fault of the library or of its
// caller (a key of another length), never of what came from outside, unless a function says so.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace notifyd {

using Digest256 = std::array<uint8_t, 32>;
inline std::string_view BytesOf(const Digest256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Digest256 Sha256(std::string_view text);
/// 64 bytes.
std::string Sha512(std::string_view text);
Digest256 HmacSha256(std::string_view key, std::string_view text);
/// Derives a key of `size` bytes (1 to 8,160) from another (RFC 5869).
std::string HkdfSha256(std::string_view key, std::string_view salt, std::string_view info, size_t size);

/// Returns bytes of the system's generator, for keys and secrets.
std::string RandomBytes(size_t size);
/// Compares in the same time wherever they differ. Two of different lengths are not equal, and may be seen to be so.
bool EqualSecrets(std::string_view a, std::string_view b);
/// Overwrites it, so that the secret in it does not stay in memory.
void Forget(std::string* secret);

// AES-256-GCM (NIST SP 800-38D). A key and nonce are used for one text only.
inline constexpr size_t kGcmKeyBytes = 32, kGcmNonceBytes = 12, kGcmTagBytes = 16;
/// Encrypts; returns the cipher text with its tag behind it. `bound`: what is not in it but must be the same when it is opened.
std::string SealGcm(std::string_view key, std::string_view nonce, std::string_view bound, std::string_view plain);
/// Decrypts; returns nothing where a bit of any of them is another one.
std::optional<std::string> OpenGcm(std::string_view key, std::string_view nonce, std::string_view bound, std::string_view sealed);

// AES-256 of one block (FIPS 197): another block for each, and back, by whoever has the key. For what is as random as a hash, and nothing longer.
inline constexpr size_t kAesKeyBytes = 32, kAesBlockBytes = 16;
std::string AesBlock(std::string_view key, std::string_view block);
std::string AesBlockBack(std::string_view key, std::string_view block);

// Ed25519 (RFC 8032).
inline constexpr size_t kEd25519SeedBytes = 32, kEd25519PublicBytes = 32, kEd25519SignatureBytes = 64;
/// Returns the public key of a seed (RFC 8032 calls it the private key).
std::string Ed25519Public(std::string_view seed);
std::string Ed25519Sign(std::string_view seed, std::string_view text);
/// Does the signature hold? `public_key` and `signature` may be anything.
bool Ed25519Verify(std::string_view public_key, std::string_view text, std::string_view signature);

}  // namespace notifyd
