// The broker's figures as JSON, for /v1/stats. Pure. Contract section 3.
#pragma once

#include <string>

#include "broker/effects.h"
#include "net/api/api_options.h"

namespace notifyd {

std::string RenderStats(const StatsView& stats, const ProcessStats& process, const std::string& version);

}  // namespace notifyd
