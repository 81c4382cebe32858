// Log lines about notifies and lanes: "attempt" at debug for each, one at info for the end of each notify, a warning where a lane pauses itself.
#pragma once

#include "broker/effects.h"

namespace notifyd {

void LogAttempt(const AttemptLog& log);
void LogLane(const LaneLog& log);

}  // namespace notifyd
