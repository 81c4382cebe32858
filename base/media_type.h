// Media types (RFC 9110 section 8.3.1). Pure, any thread.
#pragma once

#include <string_view>

#include "base/ascii.h"

namespace notifyd {

/// Is the Content-Type `text` of media type `wanted`, whatever its parameters?
constexpr bool IsMediaType(std::string_view text, std::string_view wanted) {
  return EqualsIgnoringCase(TrimBlanks(text.substr(0, text.find(';'))), wanted);
}

/// Returns the value of the Content-Type's parameter `charset`, without its quotes; empty where there is none.
constexpr std::string_view CharsetOf(std::string_view text) {
  for (size_t at = text.find(';'); at != std::string_view::npos; at = text.find(';')) {
    text.remove_prefix(at + 1);
    const std::string_view parameter = TrimBlanks(text.substr(0, text.find(';')));
    const size_t equals = parameter.find('=');
    if (equals == std::string_view::npos || !EqualsIgnoringCase(parameter.substr(0, equals), "charset")) continue;
    std::string_view value = parameter.substr(equals + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    return value;
  }
  return {};
}

}  // namespace notifyd
