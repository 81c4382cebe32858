// The commands of the configuration file: its [[command]] tables. Only cli/daemon/settings*.cc include this.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "broker/flow_settings.h"
#include "cli/daemon/toml.h"
#include "net/command/command_rules.h"

namespace notifyd {

/// `node`: what stands under "command"; `file`: its name, for errors. Looks at programs, directories and users, so that what could not be run is
/// refused here. Error: kUnacceptable; the detail names the table by its number from 1, the key, the file and the line.
Result<CommandRules> ReadCommandRules(const toml::node& node, const std::string& file);

/// Their max_running, as the cores go by it.
std::vector<HostRule> CapsOf(const CommandRules& rules);

/// What conf/notifyd.toml says about them, commented out.
std::string CommandRulesAsToml();

}  // namespace notifyd
