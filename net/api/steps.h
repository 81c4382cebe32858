// Requests that take the core more than one event: PATCH of a notify, a trigger with data, and /metrics. Each is a small state machine without input
// or output of its own: its owner posts what it asks for, one event at a time, and hands the replies in. Dropped where the client goes away.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "base/status.h"
#include "broker/effects.h"
#include "broker/events.h"
#include "net/api/replies.h"
#include "net/api/request_tools.h"
#include "net/http.h"

namespace notifyd {

class Steps {
 public:
  virtual ~Steps() = default;
  /// What is posted first.
  virtual Event First() = 0;
  /// Next takes long, and may be called on another thread.
  virtual bool heavy() const { return false; }
  /// From a reply to what is posted next, or to the answer.
  virtual std::variant<Event, HttpResponse> Next(ReplyBody reply) = 0;
};

/// So often a change is begun, anew where somebody else was faster; then 409. Of several at once one gets through each time, so that as many as
/// this may change a notify at the same time. A try costs one read.
inline constexpr int kMaxChangeTries = 64;

/// Read, check If-Match, patch, change; from the start where the notify was changed in between. Contract section 3, PATCH.
/// `request`: its body is the patch. Errors: what can be said without the notify (ChangeParser::Check). `heavy`: as Steps::heavy says; `tools` are of
/// no other thread then, and it may be made on another one.
Result<std::unique_ptr<Steps>> MakeChangeSteps(RequestId id, NotifyId notify, HttpRequest request, std::shared_ptr<RequestTools> tools, bool heavy);

/// Trigger; where something is held, merge the data into what it has, and trigger it with that; anew where it was changed in between (at most
/// kMaxChangeTries times, then 503). Contract section 3, fkeys. `trigger` has data. `heavy`, `tools`: as MakeChangeSteps has them.
std::unique_ptr<Steps> MakeTriggerSteps(TriggerRequest trigger, std::shared_ptr<RequestTools> tools, bool heavy);

/// The core's figures, then the lanes that have settings of their own.
std::unique_ptr<Steps> MakeMetricsSteps(RequestId id, std::shared_ptr<RequestTools> tools);

}  // namespace notifyd
