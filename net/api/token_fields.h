// A token as JSON: the table of what is said of one, and what is shown. Pure. Contract section 8.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/status.h"
#include "broker/namespace.h"
#include "net/api/json_fields.h"

namespace notifyd {

/// What is said of a token.
struct TokenSettings {
  std::string name;
  Grant grant;
  bool signing = false;   // said once, when it is made
  bool disabled = false;  // said by a change
  static TokenSettings Of(const TokenRow& row) { return {row.name, row.grant, row.signing, row.disabled}; }
};

using TokenField = JsonField<TokenSettings>;
/// In the order in which they are shown.
std::span<const TokenField> TokenFields();

/// The body of a POST, or what a patch made of TokenDocument. What is left out stays as it is in `*out`. Errors: kMalformed, kUnacceptable with a field.
Status ReadTokenSettings(JsonReader* reader, const std::string& body, TokenSettings* out);
/// The document that says these.
std::string TokenDocument(const TokenSettings& settings);
/// One token. `text`: its secret, shown once; `used_at`: nothing where it is not known to have been used.
void WriteToken(const TokenRow& row, const std::optional<WallTime>& used_at, const std::string* text, JsonWriter* json);

}  // namespace notifyd
