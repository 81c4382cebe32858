// Text inside of URLs (RFC 3986 section 2). Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ascii.h"

namespace notifyd {

/// Does it stand for itself wherever in a URL it stands (section 2.3)?
constexpr bool IsUnreserved(char c) {
  return IsDigit(c) || (LowerAscii(c) >= 'a' && LowerAscii(c) <= 'z') || c == '-' || c == '.' || c == '_' || c == '~';
}

/// Appends the byte as "%2F".
inline void AppendPercentEncoded(char c, std::string* out) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  const auto byte = static_cast<uint8_t>(c);
  out->append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
}

/// Returns the text as a segment of a path, or a value in a query string: whatever is not unreserved is encoded.
inline std::string PercentEncoded(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (IsUnreserved(c)) out += c;
    else AppendPercentEncoded(c, &out);
  return out;
}

}  // namespace notifyd
