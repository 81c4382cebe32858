// Retry-After: what a receiver asks for on 429 and 503 (RFC 9110 section 10.2.3). Pure, any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/time.h"

namespace notifyd {

/// Returns the header's value in ms from `now`: seconds, or a date, of which one that has passed is 0. At most ten years. -1 where it is neither.
int64_t ParseRetryAfter(std::string_view value, WallTime now);

}  // namespace notifyd
