// Patterns of JSON Schema: ECMA 262's regular expressions as RE2 takes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace notifyd {

/// Returns the RE2 pattern that means the same as one with ECMA's u flag: \uXXXX and \cX are spelled out, and \s, \S and "." stand for what ECMA has
/// them stand for. Nothing where it has an escape that ECMA does not have. What RE2 does not have stays, for RE2 to refuse.
std::optional<std::string> ToRe2Pattern(std::string_view ecma);

}  // namespace notifyd
