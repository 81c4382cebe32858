// The table [store.postgres.cells] of the configuration file: where namespaces lie that are not kept in the store's own database. Only
// cli/daemon/settings*.cc include this.
#pragma once

#include <map>
#include <string>

#include "base/status.h"
#include "cli/daemon/toml.h"

namespace notifyd {

/// DSNs by the cells' names. `node`: what stands under "store.postgres.cells"; `file`: its name, for errors. Error: kUnacceptable; the detail names
/// the cell, the file and the line, and nothing of a DSN.
Result<std::map<std::string, std::string>> ReadCells(const toml::node& node, const std::string& file);

/// What conf/notifyd.toml says about them, commented out.
std::string CellsAsToml();

}  // namespace notifyd
