// A notify's URL: is it one that can be called, which host does it count against, which lane is its default. And the parts of a request's own
// target: percent-decoding and query parameters. Pure, any thread. Contract section 3, "A notify", url and lane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/status.h"

namespace notifyd {

/// What a notify's url takes at most.
constexpr size_t kMaxUrlBytes = 8192;

struct CheckedUrl {
  std::string host;  // Envelope::host: "name:port" as base/authority.h reads it, without a dot at its end
  std::string base;  // the URL without query and fragment; scheme in lower case, host as above, default port left out, an empty path as "/"
};

/// Only what every HTTP client reads the same way is taken. Error: kUnacceptable, without a field.
Result<CheckedUrl> CheckUrl(std::string_view url);

/// Of a notify: as CheckUrl, or "service://NAME/path?query" (contract section 11), of which host and base are "service://NAME".
Result<CheckedUrl> CheckDestination(std::string_view url);

/// The lane of a URL whose submitter named none: `base`, and "#" and `group` where that is not empty; over 255 bytes cut, with "~" and a hash at
/// the end.
std::string DefaultLane(std::string_view base, std::string_view group);

/// %XX undone; with `plus`, "+" is a space. False: a "%" that two hex digits do not follow.
bool PercentDecode(std::string_view text, bool plus, std::string* out);

using QueryParameters = std::vector<std::pair<std::string, std::string>>;
/// "a=1&b=2", decoded, in order; empty parts are skipped. Error: kMalformed.
Result<QueryParameters> ParseQuery(std::string_view query);

}  // namespace notifyd
