// JSON Merge Patch (RFC 7396) on JSON texts: numbers stay digit for digit, members keep their place. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace notifyd {

/// `patch` applied to `target`. What the patch does not name stays as it is spelled; members that it adds come last, in its order. Of a key that
/// occurs twice the last one counts. Error: kMalformed where either is not JSON, or the result nests deeper than 64 levels.
Result<std::string> MergePatch(std::string_view target, std::string_view patch);

}  // namespace notifyd
