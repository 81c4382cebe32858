// The broker's figures as JSON, for /v1/stats. Pure. Contract section 3.
#pragma once

#include <string>

#include "broker/effects.h"
#include "net/api/api_options.h"

namespace notifyd {

/// Adds to `totals`, which are `default`'s of now, what the board knows of all other namespaces, those that were removed included.
void AddOtherNamespaces(const NamespaceBoard& board, Totals* totals);

/// `whole`: with the figures of store, memory and connections, which are of all namespaces.
std::string RenderStats(const StatsView& stats, const ProcessStats& process, const std::string& version, bool whole = true);
/// Of all namespaces, `count` of them.
std::string RenderStatsOfAll(size_t count, const NamespaceFigures& sum, const ProcessStats& process, const std::string& version);

}  // namespace notifyd
