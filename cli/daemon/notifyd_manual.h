// notifyd(8), out of the rows of its settings. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/daemon/settings.h"

namespace notifyd {

/// The page in the man(7) macros. `settings`: as AllSettings() has them; each becomes an option with its variable, its range and its default.
/// `lane_rules`: the part of the configuration file that says what [[lane]] tables hold, as comments.
std::string NotifydManual(const std::vector<Setting>& settings, const std::string& lane_rules, const std::string& version);

}  // namespace notifyd
