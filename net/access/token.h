// Tokens as texts: "ntf_<id>_<secret>". Made and shown once; what is kept is a hash. Contract section 8.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/namespace.h"

namespace notifyd {

/// A token's text, taken apart. Borrowed from it.
struct TokenText {
  std::string_view id;
  std::string_view secret;
};
/// Nothing where it is not of that form.
std::optional<TokenText> ParseToken(std::string_view text);

/// A new one: an id of 12 characters (71 random bits) and a secret of 36 (214).
struct NewToken {
  std::string id;
  std::string secret;
  std::string Text() const { return "ntf_" + id + "_" + secret; }
};
NewToken MakeToken();
/// A new secret alone, for a rotation.
std::string MakeTokenSecret();

/// What is kept of a secret. `signing`: with the key by which its owner signs.
TokenSecret KeepSecret(std::string_view secret, bool signing);

/// Which of `row` it is: its secret, or the one before while that counts; borrowed from it. Null: neither. Takes the same time whatever the answer,
/// and for a null row, which has none.
const TokenSecret* FindSecret(const TokenRow* row, std::string_view secret, WallTime now);

}  // namespace notifyd
