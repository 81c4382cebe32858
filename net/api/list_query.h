// The query parameters of the API's GETs. Pure. Contract section 3. Failures name the parameter as their field ("/limit").
#pragma once

#include <cstdint>

#include "base/status.h"
#include "broker/events.h"
#include "net/api/url.h"

namespace notifyd {

/// Filters, limit and cursor of a list. Errors: kUnacceptable, kNotBuilt (fkey, fkey_prefix, url_prefix).
Result<ListQuery> ParseListQuery(const QueryParameters& parameters);

/// wait_ms alone, 0 to 60,000. Error: kUnacceptable.
Result<int64_t> ParseWait(const QueryParameters& parameters);

/// None at all. Error: kUnacceptable, with the first one's name.
Status RefuseParameters(const QueryParameters& parameters);

}  // namespace notifyd
