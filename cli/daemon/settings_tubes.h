// The [[tube]] tables of the configuration file: what the jobs of beanstalkd's tubes become. Only cli/daemon/settings*.cc include this.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "cli/daemon/toml.h"
#include "net/beanstalkd/beanstalkd_tube.h"

namespace notifyd {

/// `node`: what stands under "tube"; `file`: its name, for errors. Error: kUnacceptable; the detail names the table by its number from 1, the key,
/// the file and the line.
Result<std::vector<BeanstalkdTube>> ReadTubes(const toml::node& node, const std::string& file);

/// What conf/notifyd.toml says about them, commented out.
std::string TubesAsToml();

}  // namespace notifyd
