// What the readers of the configuration file's tables share. Only cli/daemon/settings*.cc include this.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/daemon/settings_access.h"
#include "cli/daemon/settings_listeners.h"
#include "cli/daemon/toml.h"

namespace notifyd {

/// Which of the tables under one name it is, and in which file.
struct TablePlace {
  std::string name;
  size_t number;  // from 1
  std::string file;
  /// "[[listener]] 2: address (notifyd.toml:12): must be ...", with the field "/listener/1/address".
  Status Blame(const std::string& key, const toml::node& node, const std::string& what) const;
};
/// Refuses what stands in the file: `detail` says what it must be.
Status Unacceptable(std::string detail);
/// "notifyd.toml:12".
std::string PlaceOf(const std::string& file, const toml::node& node);

/// The tables of `node`, which stands under `name`: [[name]] lines. Error: kUnacceptable, with the field.
Result<std::vector<const toml::table*>> TablesOf(const toml::node& node, const std::string& name, size_t most, const std::string& file);
/// A text, a list of texts. Error: kUnacceptable, the detail without the name.
Result<std::string> TextOf(const toml::node& node);
Result<std::vector<std::string>> TextsOf(const toml::node& node);
/// Refuses what is no name of a namespace.
Status CheckNamespaceName(const std::string& name);
/// The same of several, "*" too: where a rule holds for those that it names, it would hold for none.
Status CheckNamespaceNames(const std::vector<std::string>& names);

/// The [[listener]] tables. `node`: what stands under that name. Error: kUnacceptable; the detail names the table by its number, the key, the file
/// and the line.
Result<std::vector<ListenerOptions>> ReadListeners(const toml::node& node, const std::string& file);
/// The tables under [auth.peers] and [auth.certificates]; `name` is which. Error: kUnacceptable, the detail names key, file and line.
Result<std::map<std::string, AccessGrant>> ReadGrants(const toml::node& node, const std::string& name, const std::string& file);

}  // namespace notifyd
