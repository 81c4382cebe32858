// Router: which row of the routes a method and target mean. Pure. Contract section 3, "HTTP API".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "net/api/url.h"

namespace notifyd {

struct RouteRow;

enum class Verb : uint8_t { kGet, kPost, kPut, kPatch, kDelete };  // HEAD is kGet

struct Route {
  const RouteRow* row = nullptr;  // of AllRoutes; null: there is the path, and it does not take the method
  std::string allow;              // where `row` is null: the methods that it takes, as the header Allow has them
  std::string argument;           // the id, the fkey, the lane's mode; percent-decoded like the next
  std::string argument2;          // the lane's name, a key's
  /// The namespace that the path names: /v1/namespaces/{ns} and what is under it, so that it may stand in front of every path under /v1 that is one of
  /// a namespace.
  std::optional<std::string> space;
  std::string_view query;         // borrowed from the target
};

/// `target`: a path and query, a whole URL, or with OPTIONS *, which stands for all paths (RFC 9112 section 3.2). Errors: kMalformed
/// (percent-encoding), kNotFound.
Result<Route> FindRoute(std::string_view method, std::string_view target);

/// RFC 6454: is `origin` another one than the host that the request was sent to? `host`: null where the request has none.
bool IsForeignOrigin(std::string_view origin, const std::string* host);

}  // namespace notifyd
