// The broker's figures as Prometheus text, for /metrics. Pure. Contract section 3.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/effects.h"
#include "broker/ports.h"
#include "net/api/api_options.h"

namespace notifyd {

/// Of so many lanes with settings of their own there are gauges; a label without bound would make the page as long as there are lanes.
inline constexpr size_t kMaxMetricLanes = 500;

/// Likewise of so many namespaces, the first by name.
inline constexpr size_t kMaxMetricNamespaces = 1000;
/// By name.
using FiguresOfNamespaces = std::vector<std::pair<std::string, NamespaceFigures>>;

/// Text format 0.0.4; its content type is kMetricsContentType. `lanes` and `spaces`: those that are labels.
std::string RenderMetrics(const StatsView& stats, const std::vector<LaneView>& lanes, const FiguresOfNamespaces& spaces, const ProcessStats& process,
                          const std::vector<const NamedHistogram*>& histograms, const std::string& version);
/// Of a label's value in the text format: backslash, quote and line feed.
std::string EscapedLabel(std::string_view text);
inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace notifyd
