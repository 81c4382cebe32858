// Lanes seen and steered: lanes, pause, resume, configure. Contract section 3, "GET /v1/lanes" and "PATCH /v1/lanes/{mode}/{name}".
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "cli/client/context.h"

namespace notifyd {

struct LaneListArguments {
  std::string prefix, cursor;  // empty: none
  uint64_t limit = 100;
};
Exit ListLanes(const Context& context, const LaneListArguments& arguments);

/// One lane; `mode` empty: those of that name that there are, kRefused where there is none.
Exit ShowLane(const Context& context, const std::string& name, const std::string& mode);

/// `mode` empty: both lanes of that name, whether they have notifies or not. Says so where there was none.
/// `until`: RFC 3339, when a paused one goes on by itself; empty: not before somebody resumes it.
Exit SetLanePaused(const Context& context, const std::string& name, const std::string& mode, bool paused, const std::string& until,
                   const std::string& reason);

/// `settings`: by the name of the field; "default" takes a setting back. kUsage where a number is none.
Exit ConfigureLane(const Context& context, const std::string& name, const std::string& mode, const std::map<std::string, std::string>& settings);

}  // namespace notifyd
