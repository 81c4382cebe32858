// The lane rules of the configuration file: its [[lane]] tables. Only cli/settings*.cc include this.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "broker/limits.h"
#include "cli/daemon/toml.h"

namespace notifyd {

/// `node`: what stands under "lane"; `file`: its name, for errors. Error: kUnacceptable; the detail names the table by its number from 1, the key,
/// the file and the line.
Result<std::vector<LaneRule>> ReadLaneRules(const toml::node& node, const std::string& file);

/// What conf/notifyd.toml says about them, commented out.
std::string LaneRulesAsToml();

}  // namespace notifyd
