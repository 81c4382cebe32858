// The services of the configuration file: its [[service]] tables. Only cli/settings*.cc include this.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "broker/flow_settings.h"
#include "cli/daemon/toml.h"

namespace notifyd {

/// `node`: what stands under "service"; `file`: its name, for errors. Error: kUnacceptable; the detail names the table by its number from 1, the key,
/// the file and the line.
/// `node`: a table as that of a [[service]]'s breaker, or false: none. Error: kUnacceptable, without a place.
Result<BreakerSettings> ReadFileBreaker(const toml::node& node);

Result<std::vector<FileService>> ReadFileServices(const toml::node& node, const std::string& file);

/// What conf/notifyd.toml says about them, commented out.
std::string FileServicesAsToml();

}  // namespace notifyd
