// The readers of requests about figures: history, what falls due, and /v1/live. As in requests.h. Contract section 16.
#pragma once

#include "net/api/routes.h"

namespace notifyd {

Result<Asked> ReadHistory(const Asking& asking);
Result<Asked> ReadDue(const Asking& asking);
Result<Asked> ReadLive(const Asking& asking);

/// A history of the process only: of a cluster, the member that leads keeps it.
bool AsksForProcessAlone(const QueryParameters& query);

/// The longest history that one answer has.
inline constexpr int64_t kMostPoints = 2'880;
HttpDemand DemandOfHistory(const Route& route, size_t body_bytes, const ApiOptions& options);

}  // namespace notifyd
