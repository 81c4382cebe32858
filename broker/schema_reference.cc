#include "broker/schema_reference.h"

#include "base/ascii.h"

namespace notifyd {

std::string WithoutPercents(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string UnescapedToken(std::string_view token) {
  std::string out;
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~') out.push_back(token[++i] == '0' ? '~' : '/');
    else out.push_back(token[i]);
  }
  return out;
}

std::string ResolvedReference(const std::string& base, std::string_view reference) {
  if (reference.empty()) return base;
  const size_t colon = reference.find(':');
  if (colon != std::string_view::npos && colon < reference.find('/')) return std::string(reference);
  const size_t scheme = base.find("://");
  if (reference[0] == '/') return base.substr(0, base.find('/', scheme == std::string::npos ? 0 : scheme + 3)) + std::string(reference);
  const size_t slash = base.rfind('/');
  return (slash == std::string::npos ? "" : base.substr(0, slash + 1)) + std::string(reference);
}

}  // namespace notifyd
