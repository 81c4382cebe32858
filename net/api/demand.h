// Demand: what a request's answer may take in memory, told before anything is done for it, so that the server can reserve it. Pure.
#pragma once

#include "broker/effects.h"
#include "net/api/api_options.h"
#include "net/api/router.h"
#include "net/http.h"

namespace notifyd {

/// Of one page of a list: what its records may take, without their payloads. The answer is that, and some 1 KiB of names and defaults a row.
inline constexpr size_t kListPageBytes = 512 << 10;

/// Of a request, as its row says. `route`: the request's.
HttpDemand DemandOf(const HttpRequest& request, const Result<Route>& route, const ApiOptions& options);

// One a kind of row (Foreteller, routes.h).
HttpDemand DemandOfProbe(const Route& route, size_t body_bytes, const ApiOptions& options);
/// Of one process: a probe. Of all members of a cluster: an answer like others.
HttpDemand DemandOfMetrics(const Route& route, size_t body_bytes, const ApiOptions& options);
HttpDemand DemandOfList(const Route& route, size_t body_bytes, const ApiOptions& options);
HttpDemand DemandOfSubmit(const Route& route, size_t body_bytes, const ApiOptions& options);
HttpDemand DemandOfNotify(const Route& route, size_t body_bytes, const ApiOptions& options);
HttpDemand DemandOfInstances(const Route& route, size_t body_bytes, const ApiOptions& options);
HttpDemand DemandOfGroup(const Route& route, size_t body_bytes, const ApiOptions& options);
/// One document of those that are short when they come (requests.h, CheckDocument).
HttpDemand DemandOfDocument(const Route& route, size_t body_bytes, const ApiOptions& options);
HttpDemand DemandOfLanes(const Route& route, size_t body_bytes, const ApiOptions& options);

/// What the answer that shows this notify takes at most.
size_t BytesToShow(const NotifyView& view);

}  // namespace notifyd
