// From a spec to the bytes of its HTTP request, and the merge of a trigger's data. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "broker/spec.h"

namespace notifyd {

/// What goes over the wire for one attempt.
struct WireRequest {
  std::string target_url;  // the URL without fragment; `data` of a GET, HEAD or DELETE is in its query string
  std::string body;
  bool has_body = false;
  std::string content_type;  // empty: none is sent
};

inline constexpr size_t kNoBodyLimit = std::string::npos;

/// Errors: kUnacceptable with field "/data" where the data cannot be encoded (contract section 3: an object is needed for the query string,
/// an object or array for a form); kTooLarge with "/data", "/body" or "/body_base64" where the body as sent, or what data adds to the query
/// string, would be over `max_body_bytes`. Whoever takes a spec from outside gives the limit: a short text can make a form of any size.
Result<WireRequest> BuildWireRequest(const NotifySpec& spec, size_t max_body_bytes = kNoBodyLimit);

/// `data` (JSON text) merged over the held one, key by key at the top level; numbers digit for digit. A spec without data or body takes
/// it whole. Keys that are held keep their place, new ones follow; null is a value like any other.
/// Errors, both with field "/data": kUnacceptable (it cannot be merged: a raw body, or either is not an object), kTooLarge (the body as sent
/// would be over `max_body_bytes`).
Result<NotifySpec> MergeTriggerData(NotifySpec spec, std::string_view data, size_t max_body_bytes);

/// PHP 8's http_build_query (RFC 1738 encoding: a space is "+") over an object or array in JSON text, numbers digit for digit.
/// Errors, both with field "/data": kUnacceptable, kTooLarge.
Result<std::string> EncodeForm(std::string_view json, size_t max_bytes = kNoBodyLimit);

}  // namespace notifyd
