// Log lines about notifies, lanes and changes: "attempt" at debug for each, one at info for the end of each notify, a warning where a lane pauses
// itself, "audit" for what somebody changed. `space`: the namespace's name, which is left out where it is `default`.
#pragma once

#include <string_view>

#include "broker/effects.h"
#include "broker/registry_events.h"

namespace notifyd {

void LogAttempt(std::string_view space, const AttemptLog& log);
void LogLane(std::string_view space, const LaneLog& log);
/// Its own event, at info, or as a warning.
void LogFlow(std::string_view space, const FlowLog& log);
void LogAudit(const AuditEntry& entry);

}  // namespace notifyd
