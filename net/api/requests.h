// The readers of requests: each takes a request of one row of the routes apart and validates what it says. Decides nothing. What takes several steps
// is in steps.h, a bulk submit in ndjson.h. Contract section 3, "HTTP API".
#pragma once

#include "base/status.h"
#include "broker/events.h"
#include "net/api/routes.h"
#include "net/http.h"

namespace notifyd {

/// Reads a request by its row; `route` must have one. `tools` are the calling thread's. Notes in `asker` what a change says. Errors: kMalformed,
/// kNotFound, kForbidden, kUnacceptable, kTooLarge, kUnsupportedMedia, kUnavailable.
Result<Asked> ReadRequest(RequestId id, const Route& route, const HttpRequest& request, const std::shared_ptr<RequestTools>& tools, Asker* asker,
                          bool aside);

/// Is it a bulk submit: NDJSON to a row that takes lines?
bool IsBulkSubmit(const HttpRequest& head, const Route& route);
/// What the head of a bulk submit says.
struct BulkHead {
  int64_t idempotency_window_ms = 0;  // as SubmitItem has it, like the next
  bool steps_aside = false;
};
/// Refused are a Content-Encoding other than gzip, an Idempotency-Key, and query parameters but for idempotency_window_ms and on_retry. Errors:
/// kMalformed, kForbidden, kUnacceptable, kUnsupportedMedia.
Result<BulkHead> ReadBulkHead(const HttpRequest& head, const Route& route, const Asker& asker);

/// May the asker's namespace call what a template names, as far as that can be told before a name is looked up: its URL, and its callback's? On the
/// loop. `at`: before the fields' names. Error: kUnacceptable with the field.
Status CheckDestinations(const Asking& asking, const Envelope& envelope, const std::string& encoded_spec, const std::string& at = "");

/// The body of what is no notify: JSON, there, and short; `patch`: a merge patch, too. Errors: kMalformed, kTooLarge, kUnsupportedMedia.
Status CheckDocument(const HttpRequest& request, bool patch);
/// The body of a submit or a publish, which may be long. Errors: kMalformed, kUnsupportedMedia.
Status CheckSubmitBody(const HttpRequest& request);
/// The one header Idempotency-Key, null where there is none; borrowed. Error: kUnacceptable.
Result<const std::string*> IdempotencyHeader(const HttpRequest& request);

// One reader a row; those of namespaces, tokens and the audit are in admin_requests.h.
Result<Asked> ReadSubmit(const Asking& asking);
Result<Asked> ReadList(const Asking& asking);
template <BulkKind kind>
Result<Asked> ReadBulk(const Asking& asking);
Result<Asked> ReadGet(const Asking& asking);
Result<Asked> ReadChange(const Asking& asking);
Result<Asked> ReadCancel(const Asking& asking);
Result<Asked> ReadExplain(const Asking& asking);
Result<Asked> ReadRetryOfOne(const Asking& asking);
Result<Asked> ReadGroupMaking(const Asking& asking);
Result<Asked> ReadGroups(const Asking& asking);
Result<Asked> ReadGroupGet(const Asking& asking);
Result<Asked> ReadGroupCancel(const Asking& asking);
Result<Asked> ReadFkeyGet(const Asking& asking);
Result<Asked> ReadFkeyCancel(const Asking& asking);
Result<Asked> ReadTrigger(const Asking& asking);
Result<Asked> ReadLanes(const Asking& asking);
Result<Asked> ReadLane(const Asking& asking);
Result<Asked> ReadLaneChange(const Asking& asking);
Result<Asked> ReadCallers(const Asking& asking);
Result<Asked> ReadCaller(const Asking& asking);
Result<Asked> ReadCallerChange(const Asking& asking);
Result<Asked> ReadHosts(const Asking& asking);
Result<Asked> ReadHost(const Asking& asking);
Result<Asked> ReadHostChange(const Asking& asking);
Result<Asked> ReadHostProbe(const Asking& asking);
Result<Asked> ReadStats(const Asking& asking);
Result<Asked> ReadMetrics(const Asking& asking);
Result<Asked> ReadHealthz(const Asking& asking);
Result<Asked> ReadReadyz(const Asking& asking);

}  // namespace notifyd
