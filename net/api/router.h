// Router: which endpoint a method and target mean. Pure. Contract section 3, "HTTP API".
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "net/api/url.h"

namespace notifyd {

enum class Endpoint {
  kUnknown,
  kNotifies,     // /v1/notifies
  kNotify,       // /v1/notifies/{id}
  kExplain,      // /v1/notifies/{id}/explain
  kNotifyRetry,  // /v1/notifies/{id}/retry
  kBulk,         // /v1/notifies/retry, /cancel, /purge
  kFkey,         // /v1/fkeys/{fkey}
  kFkeyTrigger,  // /v1/fkeys/{fkey}/trigger
  kLanes,        // /v1/lanes
  kLane,         // /v1/lanes/{mode}/{name}
  kStats,
  kMetrics,
  kHealthz,
  kReadyz,
};

enum class Verb { kOther, kGet, kPost, kDelete, kPatch };

struct Route {
  Endpoint endpoint = Endpoint::kUnknown;
  Verb verb = Verb::kOther;  // HEAD is kGet
  std::string argument;      // the id or fkey, percent-decoded
  std::string_view query;    // borrowed from the target
};

/// What the contract offers at an endpoint.
struct Offer {
  std::string_view allow;  // the header Allow
  bool offered = false;    // the verb is in the contract
  bool built = false;      // and it is there
};
Offer OfferOf(Endpoint endpoint, Verb verb);

/// `target`: a path and query, or a whole URL (RFC 9112 section 3.2). Errors: kMalformed (percent-encoding), kNotFound.
Result<Route> FindRoute(std::string_view method, std::string_view target);

/// RFC 6454: is `origin` another one than the host that the request was sent to? `host`: null where the request has none.
bool IsForeignOrigin(std::string_view origin, const std::string* host);

}  // namespace notifyd
