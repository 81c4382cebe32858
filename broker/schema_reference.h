// The texts of references in a JSON Schema.
#pragma once

#include <string>
#include <string_view>

namespace notifyd {

/// "a%25b" is "a%b"; what is no escape stays.
std::string WithoutPercents(std::string_view text);

/// Takes a token of a JSON pointer: "a~1b" is "a/b".
std::string UnescapedToken(std::string_view token);

/// Returns what a reference is under a base (RFC 3986 section 5, but for "." and ".." in paths), without a fragment.
std::string ResolvedReference(const std::string& base, std::string_view reference);

}  // namespace notifyd
