// Demand: what a request's answer may take in memory, told before anything is done for it, so that the server can reserve it. Pure.
#pragma once

#include "broker/effects.h"
#include "broker/resource.h"
#include "net/api/api_options.h"
#include "net/api/router.h"
#include "net/http.h"

namespace notifyd {

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
/// A page of a list that ends early where its rows are large (ResourcesResponse): what is read for it, and what is shown.
HttpDemand DemandOfPage(const Route& route, size_t body_bytes, const ApiOptions& options);
/// An event, and a page of its notifies.
HttpDemand DemandOfEvent(const Route& route, size_t body_bytes, const ApiOptions& options);
/// What has no pages, since there are few of it or each is short.
HttpDemand DemandOfWhole(const Route& route, size_t body_bytes, const ApiOptions& options);

/// What the answer that shows this notify takes at most.
size_t BytesToShow(const NotifyView& view);

/// So many bytes are looked at by whoever shows a core's reply, or patches or merges what it brings; what is never large is not counted.
size_t BytesIn(const ReplyBody& reply);

}  // namespace notifyd
