#include "net/access/content_digest.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/crypto.h"

namespace notifyd {
namespace {

Status Bad(const char* detail) {
  return Status(Code::kUnacceptable, detail, {});
}

}  // namespace

Status CheckContentDigest(std::string_view field, std::string_view body) {
  bool known = false;
  while (!field.empty()) {
    const size_t end = std::min(field.find(','), field.size());
    const std::string_view item = TrimBlanks(field.substr(0, end));
    field.remove_prefix(std::min(end + 1, field.size()));
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) return Bad("Content-Digest is not readable (RFC 9530)");
    const std::string_view algorithm = item.substr(0, equals);
    if (algorithm != "sha-256" && algorithm != "sha-512") continue;
    // A structured field's bytes, behind which there may be parameters.
    std::string_view value = item.substr(equals + 1);
    const size_t close = value.size() > 1 && value[0] == ':' ? value.find(':', 1) : std::string_view::npos;
    if (close == std::string_view::npos || (close + 1 < value.size() && value[close + 1] != ';'))
      return Bad("Content-Digest is not readable (RFC 9530)");
    const Result<std::string> digest = DecodeBase64(value.substr(1, close - 1));
    if (!digest.ok()) return Bad("Content-Digest is not readable (RFC 9530)");
    const bool same = algorithm == "sha-256" ? *digest == BytesOf(Sha256(body)) : *digest == Sha512(body);
    if (!same) return Bad("the body does not have the digest that Content-Digest says");
    known = true;
  }
  return known ? Status::Ok() : Bad("Content-Digest needs one of sha-256 or sha-512");
}

std::string ContentDigestOf(std::string_view body) {
  return "sha-256=:" + EncodeBase64(BytesOf(Sha256(body))) + ":";
}

}  // namespace notifyd
