// Target: a URL taken apart for the wire, and where a redirect leads. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace notifyd {

/// `origin`: "http://host:port/", the host as base/authority.h reads it, a default port left out; `target`: path and query byte for byte, at least
/// "/". The fragment is gone.
struct SplitUrl {
  std::string origin;
  std::string target;
};
/// Error: kUnacceptable unless it is an absolute http or https URL with a host and without user info, spaces or control bytes.
Result<SplitUrl> SplitTarget(std::string_view url);

/// The absolute URL that a Location header leads to from `url` (RFC 3986 section 5): a relative one without dot segments, an absolute one as it came,
/// like what is submitted. Error: kUnacceptable: it leads to no http or https URL.
Result<std::string> ResolveRedirect(const std::string& url, const std::string& location);

/// Scheme, host and port are the same, written in whatever way.
bool SameOrigin(const std::string& url, const std::string& other);

}  // namespace notifyd
