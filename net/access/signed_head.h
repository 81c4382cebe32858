// Signed requests: a token's owner proves that he has its secret without showing it. Contract section 8, "signed instead of shown". Pure.
//
//   Authorization: Notify-HMAC-SHA256 id=<token's id>, ts=<seconds since 1970>, nonce=<8-64 of [A-Za-z0-9_-]>, sig=<base64>
//
// sig is HMAC-SHA256, under the token's signing key K = HMAC-SHA256(secret, "notifyd-sign-1"), of these lines, each ended by a line feed:
//
//   notifyd-sign-1
//   <method>                     as sent: "POST"
//   <authority>                  the Host header, or an absolute target's authority, in lower case
//   <target>                     path and query, as sent
//   content-type:<value>         a header that is not there is a line of its name alone, without the colon; values as sent, without blanks around
//   idempotency-key:<value>
//   if-match:<value>
//   content-digest:<value>       RFC 9530; required where there is a body
//   <ts>
//   <nonce>
//
// No value can hold a line feed, so that no two requests have the same lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace notifyd {

inline constexpr std::string_view kSignedScheme = "Notify-HMAC-SHA256";

/// What stands behind the scheme. Borrowed.
struct SignedHead {
  std::string_view id;
  int64_t ts = 0;
  std::string_view nonce;
  std::string signature;  // 32 bytes, decoded
};
/// Nothing where it is not exactly these four, each once, in any order.
std::optional<SignedHead> ParseSignedHead(std::string_view parameters);

/// The lines that are signed. Nothing where one of the headers that count is there twice: which one was meant is not known.
std::optional<std::string> LinesToSign(const HttpRequest& head, int64_t ts, std::string_view nonce);

/// The value of Authorization for a request. `head` has its Content-Digest already. For clients and tests.
std::string SignHead(const HttpRequest& head, std::string_view id, std::string_view secret, int64_t ts, std::string_view nonce);

}  // namespace notifyd
