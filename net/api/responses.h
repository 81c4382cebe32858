// Answers of receivers in the API's: kept ones (GET .../response), and those that come with a submit that waits. Contract section 13.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/status.h"
#include "broker/response.h"
#include "net/api/list_query.h"
#include "net/api/routes.h"
#include "net/api/steps.h"
#include "net/api/waits.h"
#include "net/http.h"

namespace notifyd {

/// One object: status, headers, body or body_base64, truncated, received_at.
void WriteResponse(const Response& response, JsonWriter* json);
/// What that takes at most.
size_t BytesToShow(const Response& response);
/// Its body as it came, as nothing that a browser would show or run.
HttpResponse RawResponse(const Response& response);

/// A submit that waits: answered with the settled notify (200), or as it is once the time is over (202). `first`: a SubmitRequest, or a
/// WaitOnAsk.
std::unique_ptr<Steps> MakeWaitSteps(Event first, const AskedWait& wait, const Asker& asker, const RouteRow& row,
                                     std::shared_ptr<RequestTools> tools);
/// A submit, or a new group, that another broker carried out, as which it waits on here; of the head alone. Errors: kUnacceptable; kMalformed, where
/// the row is none of those.
Result<Asked> ReadWaitOn(const Asking& asking, const CarriedOut& what);

Result<Asked> ReadResponse(const Asking& asking);
HttpDemand DemandOfResponse(const Route& route, size_t body_bytes, const ApiOptions& options);

}  // namespace notifyd
