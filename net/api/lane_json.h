// Lanes as JSON: what GET answers with and what PATCH takes. Pure but for the reader's memory. Contract section 3.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"
#include "broker/effects.h"
#include "broker/events.h"
#include "base/json_reader.h"

namespace notifyd {

/// One lane: counts by state, its head, `settings` (what holds) and `own` (what was set for this lane alone).
void WriteLane(const LaneView& lane, JsonWriter* json);

/// The body of PATCH /v1/lanes/{mode}/{name}: null goes back to the default. Errors: kMalformed, kUnacceptable with a field; what does not go
/// with `mode` is refused unless it is null.
Result<LanePatch> ParseLanePatch(JsonReader* reader, const std::string& body, Mode mode);

}  // namespace notifyd
