#include "net/access/signed_head.h"

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "base/base64.h"
#include "net/access/token.h"

namespace notifyd {
namespace {

constexpr std::string_view kSignedHeaders[] = {"content-type", "idempotency-key", "if-match", "content-digest"};
constexpr std::string_view kNonceAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
constexpr size_t kLeastNonce = 8, kMostNonce = 64;

/// Its only value; null where it is not there, nothing where it is there twice.
std::optional<const std::string*> OnlyHeader(const HttpRequest& head, std::string_view name) {
  const std::string* found = nullptr;
  for (const auto& [each, value] : head.headers) {
    if (!EqualsIgnoringCase(each, name)) continue;
    if (found != nullptr) return std::nullopt;
    found = &value;
  }
  return found;
}

bool TakeOnce(std::string_view value, std::string_view* place) {
  if (!place->empty() || value.empty()) return false;
  *place = value;
  return true;
}

}  // namespace

std::optional<SignedHead> ParseSignedHead(std::string_view parameters) {
  SignedHead out;
  std::string_view ts, sig;
  while (!parameters.empty()) {
    const size_t end = std::min(parameters.find(','), parameters.size());
    const std::string_view item = TrimBlanks(parameters.substr(0, end));
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = item.substr(0, equals), value = item.substr(equals + 1);
    const bool taken = name == "id"      ? TakeOnce(value, &out.id)
                       : name == "ts"    ? TakeOnce(value, &ts)
                       : name == "nonce" ? TakeOnce(value, &out.nonce)
                       : name == "sig"   ? TakeOnce(value, &sig)
                                         : false;
    if (!taken) return std::nullopt;
  }
  const auto [end, error] = std::from_chars(ts.data(), ts.data() + ts.size(), out.ts);
  // Written in one way only, since the text is not what is signed.
  if (ts.empty() || error != std::errc() || end != ts.data() + ts.size() || out.ts < 0 || std::to_string(out.ts) != ts) return std::nullopt;
  if (out.nonce.size() < kLeastNonce || out.nonce.size() > kMostNonce || out.nonce.find_first_not_of(kNonceAlphabet) != std::string_view::npos)
    return std::nullopt;
  Result<std::string> signature = DecodeBase64(sig);
  if (!IsTokenId(out.id) || !signature.ok() || signature->size() != sizeof(Digest256)) return std::nullopt;
  out.signature = std::move(*signature);
  return out;
}

std::optional<std::string> LinesToSign(const HttpRequest& head, int64_t ts, std::string_view nonce) {
  std::string out = "notifyd-sign-1\n";
  out += head.method;
  const std::optional<const std::string*> host = OnlyHeader(head, "host");
  if (!host) return std::nullopt;
  out += "\n" + (*host ? LowerAscii(**host) : std::string()) + "\n" + head.target + "\n";
  for (std::string_view name : kSignedHeaders) {
    const std::optional<const std::string*> value = OnlyHeader(head, name);
    if (!value) return std::nullopt;
    out += name;
    if (*value) out.append(":").append(TrimBlanks(**value));
    out += '\n';
  }
  out += std::to_string(ts) + "\n";
  out.append(nonce).append("\n");
  return out;
}

std::string SignHead(const HttpRequest& head, std::string_view id, std::string_view secret, int64_t ts, std::string_view nonce) {
  const TokenSecret kept = KeepSecret(secret, true);
  const std::optional<std::string> lines = LinesToSign(head, ts, nonce);
  const Digest256 signature = HmacSha256(BytesOf(*kept.signing_key), lines ? *lines : std::string());
  return std::string(kSignedScheme) + " id=" + std::string(id) + ", ts=" + std::to_string(ts) + ", nonce=" + std::string(nonce) +
         ", sig=" + EncodeBase64(BytesOf(signature));
}

}  // namespace notifyd
