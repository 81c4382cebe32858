// Router: which endpoint a method and target mean. Pure. Contract section 3, "HTTP API".
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "net/api/url.h"

namespace notifyd {

enum class Endpoint {
  kUnknown,
  kNotifies,
  kNotify,
  kExplain,
  kNotifyRetry,
  kBulkRetry,
  kBulkCancel,
  kBulkPurge,
  kFkey,
  kFkeyTrigger,
  kLanes,
  kLane,
  kStats,
  kMetrics,
  kHealthz,
  kReadyz,
};

enum class Verb { kOther, kGet, kPost, kDelete, kPatch };

/// One path of the contract.
struct RouteRow {
  Endpoint endpoint;
  std::string_view path;   // "/v1/notifies/{id}": what stands in braces is an argument
  std::string_view allow;  // the methods that it takes, as the header Allow has them
};
/// All of them, the literal ones before those with arguments.
std::span<const RouteRow> AllRoutes();

struct Route {
  Endpoint endpoint = Endpoint::kUnknown;
  Verb verb = Verb::kOther;  // HEAD is kGet
  std::string_view allow;    // static
  bool offered = false;      // the path takes this method
  std::string argument;      // the id, the fkey, the lane's mode; percent-decoded like the next
  std::string argument2;     // the lane's name
  std::string_view query;    // borrowed from the target
};

/// `target`: a path and query, or a whole URL (RFC 9112 section 3.2). Errors: kMalformed (percent-encoding), kNotFound.
Result<Route> FindRoute(std::string_view method, std::string_view target);

/// RFC 6454: is `origin` another one than the host that the request was sent to? `host`: null where the request has none.
bool IsForeignOrigin(std::string_view origin, const std::string* host);

}  // namespace notifyd
