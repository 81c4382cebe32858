#include "net/signing/jwks.h"

#include <set>

#include "base/base64.h"
#include "base/crypto.h"

namespace notifyd {
namespace {

/// RFC 4648 section 5, without padding.
std::string Base64Url(std::string_view bytes) {
  std::string out = EncodeBase64(bytes);
  while (out.ends_with('=')) out.pop_back();
  for (char& c : out) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return out;
}

}  // namespace

std::string KeyThumbprint(std::string_view seed) {
  const std::string canonical = "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"" + Base64Url(Ed25519Public(seed)) + "\"}";
  return Base64Url(BytesOf(Sha256(canonical)));
}

std::string Jwks(const std::vector<const SigningKey*>& keys, WallTime now) {
  std::string out = "{\"keys\":[";
  std::set<std::string> shown;
  for (const SigningKey* key : keys) {
    if (key->kind != SigningKind::kEd25519 || key->valid_until <= now) continue;
    const std::string name = KeyThumbprint(key->secret);
    if (!shown.insert(name).second) continue;
    if (shown.size() > 1) out += ',';
    out += "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" + Base64Url(Ed25519Public(key->secret)) + "\",\"kid\":\"" + name +
           "\",\"use\":\"sig\",\"alg\":\"EdDSA\"}";
  }
  return out + "]}";
}

}  // namespace notifyd
