// GET over all namespaces at once: the list of notifies, newest first by their creation, then by id, and the sums. Contract section 7, "all of them".
#pragma once

#include "net/api/routes.h"

namespace notifyd {

/// Says the query namespaces=all?
bool AsksForAll(const QueryParameters& query);
Result<Asked> ReadListOfAll(const Asking& asking);
Result<Asked> ReadStatsOfAll(const Asking& asking);

}  // namespace notifyd
