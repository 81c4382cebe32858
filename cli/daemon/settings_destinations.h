// The destination rules of the configuration file: its [[destination]] tables. Only cli/daemon/settings*.cc include this.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "broker/flow_settings.h"
#include "cli/daemon/toml.h"
#include "net/sender/destination_rules.h"

namespace notifyd {

/// What they say of single calls, which the sender goes by, and of whole hosts, which the cores do.
struct FileDestinations {
  DestinationRules rules;
  std::vector<HostRule> hosts;
};

/// `node`: what stands under "destination"; `file`: its name, for errors. Reads the files that the rules name, so that what cannot be read or used is
/// refused here, and so that they are read again whenever the settings are. Error: kUnacceptable; the detail names the table by its number from 1,
/// the key, the file and the line, and never a value that came from a file.
Result<FileDestinations> ReadDestinationRules(const toml::node& node, const std::string& file);

/// What conf/notifyd.toml says about them, commented out.
std::string DestinationRulesAsToml();

}  // namespace notifyd
