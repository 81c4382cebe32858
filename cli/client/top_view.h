// TopView as text for people and as JSON. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/client/top_data.h"

namespace notifyd {

/// Returns lines without their ends, none wider than `columns`, `rows` at most: the counters first, then as many lanes as there is room for beside
/// the newest failures. `note`: one more line below the first, where not empty. No control characters.
std::vector<std::string> TopLines(const TopView& view, LaneOrder order, const std::string& note, size_t columns, size_t rows);

/// {"server","stats","rates","lateness_ms":{"p50","p99"},"acknowledgement_ms":{"p99"},"in_flight","oldest_due_at","lanes":[...],"all_lanes",
/// "failures":[...]}; lanes and failures as the broker has them; null where there is no figure.
std::string TopJson(const TopView& view);

}  // namespace notifyd
