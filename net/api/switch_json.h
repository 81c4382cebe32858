// Callers and hosts as JSON: what GET and PATCH of /v1/callers and /v1/hosts answer with. Pure. Contract section 8.
#pragma once

#include "base/json.h"
#include "broker/effects.h"

namespace notifyd {

/// One caller: what was set for it, and what it did since the time that was asked for and in the last minute, hour, day and the day before.
void WriteCaller(const CallerView& caller, JsonWriter* json);
/// One host: what was set for it, and what is under way and waits.
void WriteHost(const HostView& host, JsonWriter* json);

}  // namespace notifyd
