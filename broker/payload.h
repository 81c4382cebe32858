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

/// The same in parts that are borrowed from the spec where they stand there already, so that nothing is copied.
struct WireParts {
  std::string_view url;   // the URL without fragment, and without `data`
  std::string encoded;    // what `data` becomes, where that is not its own text
  bool in_query = false;  // `encoded` goes into the query string
  bool has_body = false;  // the spec's payload as it is, or `encoded`
  bool body_is_payload = false;
  std::string_view content_type;  // empty: none is sent

  std::string_view body(std::string_view payload) const { return !has_body ? std::string_view() : body_is_payload ? payload : encoded; }
  /// What stands between `url` and `encoded`: nothing where that is not in the query string, or is empty.
  std::string_view joint() const;
};

inline constexpr size_t kNoBodyLimit = std::string::npos;

/// Errors: kUnacceptable with field "/data" where the data cannot be encoded (contract section 3: an object is needed for the query string,
/// an object or array for a form); kTooLarge with "/data", "/body" or "/body_base64" where the body as sent, or what data adds to the query
/// string, would be over `max_body_bytes`. Whoever takes a spec from outside gives the limit: a short text can make a form of any size.
Result<WireRequest> BuildWireRequest(const NotifySpec& spec, size_t max_body_bytes = kNoBodyLimit);
Result<WireParts> SplitWireRequest(const NotifySpec& spec, size_t max_body_bytes = kNoBodyLimit);
/// The same of one whose payload stands elsewhere (broker/borrowed_spec.h).
Result<WireParts> SplitWireRequest(const NotifySpec& spec, std::string_view payload, size_t max_body_bytes = kNoBodyLimit);
/// Is its payload sent as another text than it is: as a query string, or a form?
bool EncodesPayload(const NotifySpec& spec);

/// `data` (JSON text) merged over the held one, key by key at the top level; numbers digit for digit. A spec without data or body takes
/// it whole. Keys that are held keep their place, new ones follow; null is a value like any other.
/// Errors, both with field "/data": kUnacceptable (it cannot be merged: a raw body, or either is not an object), kTooLarge (the body as sent
/// would be over `max_body_bytes`).
Result<NotifySpec> MergeTriggerData(NotifySpec spec, std::string_view data, size_t max_body_bytes);

/// PHP 8's http_build_query (RFC 1738 encoding: a space is "+") over an object or array in JSON text, numbers digit for digit.
/// Errors, both with field "/data": kUnacceptable, kTooLarge.
Result<std::string> EncodeForm(std::string_view json, size_t max_bytes = kNoBodyLimit);

}  // namespace notifyd
