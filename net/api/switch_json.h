// Callers and hosts as JSON: what GET and PATCH of /v1/callers and /v1/hosts answer with, and what PATCH takes. Pure but for the reader's memory.
// Contract section 8.
#pragma once

#include <string>

#include "base/json.h"
#include "base/json_reader.h"
#include "base/status.h"
#include "broker/effects.h"
#include "broker/events.h"

namespace notifyd {

/// One caller: what was set for it, and what it did since the time that was asked for and in the last minute, hour, day and the day before.
void WriteCaller(const CallerView& caller, JsonWriter* json);
/// One host: what was set for it, and what is under way and waits.
void WriteHost(const HostView& host, JsonWriter* json);

/// The body of PATCH /v1/callers/{caller}, of PATCH /v1/hosts/{host}: null goes back to the default. Errors: kMalformed, kUnacceptable with a field.
Result<CallerPatch> ParseCallerPatch(JsonReader* reader, const std::string& body);
Result<HostPatch> ParseHostPatch(JsonReader* reader, const std::string& body);

}  // namespace notifyd
