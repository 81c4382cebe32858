// The broker's figures, as JSON for /v1/stats and as Prometheus text for /metrics. Pure. Contract section 3.
#pragma once

#include <string>

#include "broker/effects.h"
#include "net/api/api.h"

namespace notifyd {

std::string RenderStats(const StatsView& stats, const ApiOptions::ProcessStats& process, const std::string& version);

/// Text format 0.0.4; its content type is kMetricsContentType.
std::string RenderMetrics(const StatsView& stats, const ApiOptions::ProcessStats& process, const std::string& version);
inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace notifyd
