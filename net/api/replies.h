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
  Replies(const ApiOptions* options, const SecretNames* secrets) : options_(options), secrets_(secrets), renderer_(secrets) {}

  /// Any reply but Unmerged, Waited and FiguresAnswered, which go to Steps (net/api/steps.h). Stale, where no Steps took it, is 412: a resource's
  /// condition did not hold.
  HttpResponse Render(const ReplyBody& body, const Sight& sight = {}) const;

  /// One of a list over several namespaces.
  struct OfSpace {
    NotifyView view;
    std::string space;
  };
  HttpResponse RenderList(const std::vector<OfSpace>& items, const std::optional<std::string>& next, const Sight& sight) const;

 private:
  HttpResponse Of(const Refused& refused, const Sight&) const;
  HttpResponse Of(const Submitted& submitted, const Sight&) const;
  HttpResponse Of(const Triggered& triggered, const Sight&) const;
  HttpResponse Of(const Remembered& remembered, const Sight&) const;
  HttpResponse Of(const RememberedViewed& viewed, const Sight& sight) const;
  HttpResponse Of(const Withdrawn& withdrawn, const Sight&) const;
  HttpResponse Of(const Viewed& viewed, const Sight& sight) const;
  HttpResponse Of(const Stale& stale, const Sight&) const;
  HttpResponse Of(const Unmerged& unmerged, const Sight&) const;
  HttpResponse Of(const Retried& retried, const Sight&) const;
  HttpResponse Of(const Listed& listed, const Sight& sight) const;
  HttpResponse Of(const BulkDone& done, const Sight&) const;
  HttpResponse Of(const Explained& explained, const Sight&) const;
  HttpResponse Of(const LanesListed& listed, const Sight&) const;
  HttpResponse Of(const LaneViewed& viewed, const Sight&) const;
  HttpResponse Of(const CallersListed& listed, const Sight&) const;
  HttpResponse Of(const CallerViewed& viewed, const Sight&) const;
  HttpResponse Of(const HostsListed& listed, const Sight&) const;
  HttpResponse Of(const HostViewed& viewed, const Sight&) const;
  HttpResponse Of(const Waited& waited, const Sight& sight) const;
  HttpResponse Of(const ServiceAnswered& answered, const Sight& sight) const;
  HttpResponse Of(const TopicAnswered& answered, const Sight& sight) const;
  HttpResponse Of(const GroupAnswered& answered, const Sight& sight) const;
  HttpResponse Of(const ScheduleAnswered& answered, const Sight& sight) const;
  HttpResponse Of(const FiguresAnswered& answered, const Sight& sight) const;
  HttpResponse Of(const AlertAnswered& answered, const Sight& sight) const;
  HttpResponse Of(const ResponseViewed& viewed, const Sight& sight) const;
  HttpResponse Of(const StatsView& stats, const Sight& sight) const;

  const ApiOptions* const options_;
  const SecretNames* const secrets_;
  const Renderer renderer_;
};

}  // namespace notifyd
