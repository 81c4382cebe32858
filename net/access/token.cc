#include "net/access/token.h"

#include <algorithm>

#include "base/crypto.h"

namespace notifyd {
namespace {

constexpr std::string_view kPrefix = "ntf_";
constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr size_t kIdSize = 12, kSecretSize = 36;
constexpr size_t kMostSecretSize = 128;
constexpr std::string_view kSigningLabel = "notifyd-sign-1";

/// Each of the 62 with the same chance: bytes beyond the last whole multiple of 62 are thrown away.
std::string RandomWord(size_t size) {
  std::string out;
  while (out.size() < size) {
    std::string bytes = RandomBytes(size);
    for (char c : bytes) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 4 * kAlphabet.size() && out.size() < size) out.push_back(kAlphabet[byte % kAlphabet.size()]);
    }
    Forget(&bytes);
  }
  return out;
}

}  // namespace

std::optional<TokenText> ParseToken(std::string_view text) {
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  const size_t end = text.find('_');
  if (end == std::string_view::npos) return std::nullopt;
  const TokenText out{text.substr(0, end), text.substr(end + 1)};
  const bool secret =
      !out.secret.empty() && out.secret.size() <= kMostSecretSize && out.secret.find_first_not_of(kAlphabet) == std::string_view::npos;
  return IsTokenId(out.id) && secret ? std::optional(out) : std::nullopt;
}

NewToken MakeToken() {
  return {RandomWord(kIdSize), MakeTokenSecret()};
}

std::string MakeTokenSecret() {
  return RandomWord(kSecretSize);
}

TokenSecret KeepSecret(std::string_view secret, bool signing) {
  TokenSecret out;
  out.hash = Sha256(secret);
  if (signing) out.signing_key = HmacSha256(secret, kSigningLabel);
  return out;
}

const TokenSecret* FindSecret(const TokenRow* row, std::string_view secret, WallTime now) {
  static const TokenSecret kNone = KeepSecret(MakeTokenSecret(), false);
  const Digest256 hash = Sha256(secret);
  const bool old_counts = row != nullptr && row->old_secret && now < row->old_until;
  const bool same = EqualSecrets(BytesOf(hash), BytesOf((row != nullptr ? row->secret : kNone).hash));
  const bool same_old = EqualSecrets(BytesOf(hash), BytesOf((old_counts ? *row->old_secret : kNone).hash));
  if (!(same | same_old) || row == nullptr) return nullptr;
  return same ? &row->secret : &*row->old_secret;
}

}  // namespace notifyd
