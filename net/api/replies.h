// The core's replies as HTTP responses. Pure. Contract section 3, "HTTP API".
#pragma once

#include <string>
#include <variant>

#include "broker/effects.h"
#include "net/api/api_options.h"
#include "net/api/render.h"
#include "net/http.h"

namespace notifyd {

HttpResponse JsonResponse(int status, std::string body);

class Replies {
 public:
  /// Both are borrowed.
  Replies(const ApiOptions* options, const SecretNames* secrets) : options_(options), renderer_(secrets) {}

  /// Any reply but Stale and Unmerged, which go to Steps (net/api/steps.h).
  HttpResponse Render(const ReplyBody& body) const;

 private:
  HttpResponse Of(const Refused& refused) const;
  HttpResponse Of(const Submitted& submitted) const;
  HttpResponse Of(const Triggered& triggered) const;
  HttpResponse Of(const Remembered& remembered) const;
  HttpResponse Of(const RememberedViewed& viewed) const;
  HttpResponse Of(const Withdrawn& withdrawn) const;
  HttpResponse Of(const Viewed& viewed) const;
  HttpResponse Of(const Stale& stale) const;
  HttpResponse Of(const Unmerged& unmerged) const;
  HttpResponse Of(const Retried& retried) const;
  HttpResponse Of(const Listed& listed) const;
  HttpResponse Of(const BulkDone& done) const;
  HttpResponse Of(const Explained& explained) const;
  HttpResponse Of(const LanesListed& listed) const;
  HttpResponse Of(const LaneViewed& viewed) const;
  HttpResponse Of(const CallersListed& listed) const;
  HttpResponse Of(const CallerViewed& viewed) const;
  HttpResponse Of(const HostsListed& listed) const;
  HttpResponse Of(const HostViewed& viewed) const;
  HttpResponse Of(const StatsView& stats) const;

  const ApiOptions* const options_;
  const Renderer renderer_;
};

}  // namespace notifyd
