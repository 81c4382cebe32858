// notifyd(8), out of the rows of its settings. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/daemon/settings.h"

namespace notifyd {

/// The page in the man(7) macros. `settings`: as AllSettings() has them; each becomes an option with its variable, its range and its default.
/// `tables`: as TablesAsToml has them; each becomes a section.
std::string NotifydManual(const std::vector<Setting>& settings, const std::vector<std::pair<std::string, std::string>>& tables,
                          const std::string& version);

}  // namespace notifyd
