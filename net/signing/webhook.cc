#include "net/signing/webhook.h"

#include <algorithm>

#include "base/base64.h"
#include "base/crypto.h"

namespace notifyd {
namespace {

constexpr std::string_view kHmacPrefix = "whsec_", kSeedPrefix = "whsk_", kPublicPrefix = "whpk_";
constexpr size_t kLeastBytes = 24, kMostBytes = 64, kNewBytes = 32;

std::string Signature(const SigningKey& key, std::string_view content) {
  if (key.kind == SigningKind::kEd25519) return "v1a," + EncodeBase64(Ed25519Sign(key.secret, content));
  return "v1," + EncodeBase64(BytesOf(HmacSha256(key.secret, content)));
}

}  // namespace

Result<KeyText> ParseKeyText(std::string_view text) {
  KeyText out;
  if (text.starts_with(kHmacPrefix)) {
    text.remove_prefix(kHmacPrefix.size());
  } else if (text.starts_with(kSeedPrefix)) {
    out.kind = SigningKind::kEd25519;
    text.remove_prefix(kSeedPrefix.size());
  } else {
    return Status(Code::kUnacceptable, "a key begins with whsec_ (HMAC-SHA256) or whsk_ (Ed25519)");
  }
  Result<std::string> secret = DecodeBase64(text);
  if (!secret.ok()) return Status(Code::kUnacceptable, "behind its prefix a key is base64");
  const size_t size = secret->size();
  if (out.kind == SigningKind::kEd25519 ? size != kEd25519SeedBytes : size < kLeastBytes || size > kMostBytes)
    return Status(Code::kUnacceptable, "a key has 24 to 64 bytes, one of Ed25519 32");
  out.secret = std::move(*secret);
  return out;
}

std::string FormatKeyText(SigningKind kind, std::string_view secret) {
  return std::string(kind == SigningKind::kEd25519 ? kSeedPrefix : kHmacPrefix) + EncodeBase64(secret);
}

std::string FormatPublicKey(std::string_view seed) {
  return std::string(kPublicPrefix) + EncodeBase64(Ed25519Public(seed));
}

std::string MakeKeySecret() {
  return RandomBytes(kNewBytes);
}

std::vector<const SigningKey*> KeysForCall(const std::vector<SigningKey>& keys, const std::optional<std::string>& name, WallTime now) {
  std::vector<const SigningKey*> valid;
  for (const SigningKey& key : keys)
    if (now < key.valid_until && (!name || key.name == *name)) valid.push_back(&key);
  if (valid.empty() || name) return valid;
  // Of two of one time the later one is the newer: they stand in the order in which they came.
  const SigningKey* newest = valid.front();
  for (const SigningKey* key : valid)
    if (key->created_at >= newest->created_at) newest = key;
  std::erase_if(valid, [&](const SigningKey* key) { return key->name != newest->name; });
  return valid;
}

std::vector<std::pair<std::string, std::string>> WebhookHeaders(const std::vector<const SigningKey*>& keys, std::string_view id, WallTime attempt_at,
                                                                std::string_view body) {
  if (keys.empty()) return {};
  // Rounded down, also before 1970.
  const int64_t seconds = attempt_at.ms / 1000 - (attempt_at.ms % 1000 < 0 ? 1 : 0);
  const std::string timestamp = std::to_string(seconds);
  std::string content;
  content.reserve(id.size() + timestamp.size() + body.size() + 2);
  content.append(id).append(".").append(timestamp).append(".").append(body);
  std::string signatures;
  for (const SigningKey* key : keys) {
    if (!signatures.empty()) signatures += ' ';
    signatures += Signature(*key, content);
  }
  return {{"webhook-id", std::string(id)}, {"webhook-timestamp", timestamp}, {"webhook-signature", signatures}};
}

}  // namespace notifyd
