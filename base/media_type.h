// Media types (RFC 9110 section 8.3.1). Pure, any thread.
#pragma once

#include <string_view>

#include "base/ascii.h"

namespace notifyd {

/// Is the Content-Type `text` of media type `wanted`, whatever its parameters?
constexpr bool IsMediaType(std::string_view text, std::string_view wanted) {
  return EqualsIgnoringCase(TrimBlanks(text.substr(0, text.find(';'))), wanted);
}

}  // namespace notifyd
