// Requests that become one event: takes them apart and validates what they say. Decides nothing, answers nothing. One a thread.
// What takes several steps is in steps.h, a bulk submit in ndjson.h. Contract section 3, "HTTP API".
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "broker/events.h"
#include "net/api/json_reader.h"
#include "net/api/router.h"
#include "net/api/submit_parser.h"
#include "net/http.h"

namespace notifyd {

/// "n" and 16 hex digits; anything else names no notify. Error: kNotFound.
Result<NotifyId> FindId(const std::string& text);

/// The lane that the path of a route names. Errors: kNotFound (the mode), kUnacceptable (the name).
Result<LaneKey> FindLane(const Route& route);

/// Is the Content-Type one that the body may have? None at all is JSON. Error: kUnsupportedMedia, a Content-Encoding included.
enum class BodyType { kJson, kPatch, kSubmit };  // kPatch: or a merge patch. kSubmit: NDJSON goes elsewhere, but is named
Status CheckContentType(const HttpRequest& request, BodyType type);
/// kMalformed where a body is needed and there is none, else as above.
Status CheckBody(const HttpRequest& request, BodyType type);
bool IsNdjson(const HttpRequest& request);
/// What a bulk submit's head is refused for: a Content-Encoding, an Idempotency-Key, query parameters.
Status CheckBulkHead(const HttpRequest& request, const Route& route);

/// Of a route's query, decoded. Error: kMalformed.
Result<QueryParameters> ReadQuery(const Route& route);
/// For what takes no parameters at all. Errors: kMalformed, kUnacceptable.
Status CheckNoParameters(const Route& route);

class RequestReader {
 public:
  /// `parser` is borrowed.
  explicit RequestReader(SubmitParser* parser) : parser_(parser) {}

  /// `route`: an offered one, but for the probes, /metrics and PATCH of a notify. The event carries `id`. May use up the request's body.
  /// Errors: kMalformed, kNotFound, kUnacceptable, kTooLarge, kUnsupportedMedia.
  Result<Event> Read(RequestId id, const Route& route, HttpRequest* request);

 private:
  Result<Event> Submit(RequestId id, HttpRequest* request);
  Result<Event> Trigger(RequestId id, const std::string& fkey, const QueryParameters& query, HttpRequest* request);
  Result<Event> Bulk(RequestId id, BulkKind kind, HttpRequest* request);
  Result<Event> Lane(RequestId id, const Route& route, HttpRequest* request);

  SubmitParser* const parser_;
  JsonReader reader_;
};

}  // namespace notifyd
