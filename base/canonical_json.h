// Canonical JSON: one text for each value, so that equal values are hashed alike. Pure. RFC 8785, but for two things: an integer that has 64 bits
// is written whole instead of being rounded to a double, and keys are ordered by code point.
#pragma once

#include <string>

#include "base/json_tree.h"

namespace notifyd {

/// Of a repeated key the last counts. At most JsonTree::kMaxDepth levels, so it recurses.
std::string CanonicalJson(JsonTree::Value value);

/// A number's text as ECMAScript writes it, or whole where it is an integer of 64 bits. `number`: a JSON number.
std::string CanonicalNumber(std::string_view number);

}  // namespace notifyd
