// The fields of what teams are managed by, as flags: tokens, namespaces, their keys, and what is set by hand for a host or a caller. Contract part 2,
// sections 7, 8 and 10.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client/field_flags.h"

namespace notifyd {

const std::vector<FieldFlag>& TokenFlags();
const std::vector<FieldFlag>& NamespaceFlags();
const std::vector<FieldFlag>& SigningKeyFlags();
const std::vector<FieldFlag>& HostFlags();
const std::vector<FieldFlag>& CallerFlags();

/// "30s", "15m", "12h", "90d" or "4w", in milliseconds: more than none of it, a hundred years at most. A number without its unit is refused. Error:
/// kUnacceptable.
Result<int64_t> ReadDuration(std::string_view text);

}  // namespace notifyd
