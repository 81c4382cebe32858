// The alerts of the configuration file: its [[alert]] tables. Only cli/daemon/settings*.cc include this.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "broker/alerts.h"
#include "cli/daemon/toml.h"

namespace notifyd {

/// `node`: what stands under "alert"; `file`: its name, for errors. Reads the files that hold secrets. Error: kUnacceptable; the detail names the
/// table by its number from 1, the key, the file and the line, and never a secret.
Result<std::vector<AlertRule>> ReadAlertRules(const toml::node& node, const std::string& file);

/// What conf/notifyd.toml says about them, commented out.
std::string AlertRulesAsToml();

}  // namespace notifyd
