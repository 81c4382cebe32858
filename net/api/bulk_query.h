// The body of a bulk retry, cancel or purge. Pure but for the reader's memory. Contract section 3.
#pragma once

#include <string>

#include "base/status.h"
#include "broker/events.h"
#include "base/json_reader.h"

namespace notifyd {

/// How many one call may touch (contract section 3); what a body without a limit says.
inline constexpr size_t kMaxBulkItems = 10'000;

struct ParsedBulk {
  ListQuery query;  // oldest first; its states are never empty
  bool dry_run = false;
};

/// {"filter":{...},"cursor":...,"dry_run":...,"limit":...}: the filters by the names that the list has them by, `state` required; a string with
/// commas, or an array of strings. Errors: kMalformed, kUnacceptable with a field ("/filter/lane").
Result<ParsedBulk> ParseBulk(JsonReader* reader, const std::string& body);

}  // namespace notifyd
