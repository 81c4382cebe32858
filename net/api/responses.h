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
#include "net/http.h"

namespace notifyd {

/// One object: status, headers, body or body_base64, truncated, received_at.
void WriteResponse(const Response& response, JsonWriter* json);
/// What that takes at most.
size_t BytesToShow(const Response& response);
/// Its body as it came, as nothing that a browser would show or run.
HttpResponse RawResponse(const Response& response);

/// How long whoever submits waits for the end.
struct SubmitWait {
  int64_t wait_ms = 0;             // 0: not
  std::optional<int64_t> applied;  // Preference-Applied: so many seconds, where a header Prefer asked for it
};
/// By ?wait_ms (nothing: it is not given), else by a header `Prefer: wait=S` (RFC 7240), which goes for one notify alone, as 60 s where it is longer,
/// and is passed over where it says nothing. `batch`: several are submitted. Error: kUnacceptable.
Result<SubmitWait> WaitOf(const HttpRequest& request, std::optional<int64_t> wait_ms, bool batch);

/// A submit that waits: answered with the settled notify (200), or as it is once the time is over (202).
std::unique_ptr<Steps> MakeWaitSteps(SubmitRequest submit, const SubmitWait& wait, const Asker& asker, const RouteRow& row,
                                     std::shared_ptr<RequestTools> tools);

Result<Asked> ReadResponse(const Asking& asking);
HttpDemand DemandOfResponse(const Route& route, size_t body_bytes, const ApiOptions& options);

}  // namespace notifyd
