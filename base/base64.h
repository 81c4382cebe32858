// Base64 (RFC 4648 section 4: the alphabet with + and /, padded). Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace notifyd {

std::string EncodeBase64(std::string_view bytes);

/// Decodes strictly: padding is demanded, line breaks, other alphabets and stray bits behind the last byte are refused, so that each sequence of
/// bytes has one text. Error: kUnacceptable.
Result<std::string> DecodeBase64(std::string_view text);

}  // namespace notifyd
