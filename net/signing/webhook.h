// Signed calls, as Standard Webhooks 1.0.0 says (https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md). Contract
// section 10. Pure, any thread. Called at each attempt, so that another key reaches what waits.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "broker/namespace.h"

namespace notifyd {

/// A key as a text: "whsec_" and base64 of an HMAC key of 24 to 64 bytes, or "whsk_" and base64 of an Ed25519 seed.
struct KeyText {
  SigningKind kind = SigningKind::kHmac;
  std::string secret;
};
/// Error: kUnacceptable, without the text in its detail.
Result<KeyText> ParseKeyText(std::string_view text);
std::string FormatKeyText(SigningKind kind, std::string_view secret);
/// "whpk_" and base64 of the public key: what receivers verify by.
std::string FormatPublicKey(std::string_view seed);
/// A new secret of 32 random bytes.
std::string MakeKeySecret();

/// Those of `keys` by which a call at `now` is signed: all of the name that are valid; where none is said, of the newest valid one's name. Borrowed.
std::vector<const SigningKey*> KeysForCall(const std::vector<SigningKey>& keys, const std::optional<std::string>& name, WallTime now);

/// The three headers of a call: webhook-id, webhook-timestamp, and webhook-signature with one signature for each key, separated by blanks. `id`:
/// without a dot in it. Empty where there is no key.
std::vector<std::pair<std::string, std::string>> WebhookHeaders(const std::vector<const SigningKey*>& keys, std::string_view id, WallTime attempt_at,
                                                                std::string_view body);

}  // namespace notifyd
