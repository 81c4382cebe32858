// Arguments of the programs, as their parser wants them.
#pragma once

#include <string>
#include <vector>

namespace notifyd {

/// Returns `arguments` (without the program's name) last first, as CLI11 takes them, with each `--name=` as `--name` and an empty value: CLI11 (2.1) takes
/// the argument behind such a one for its value, so that a script's variable that is not set would swallow `--dry-run`. What stands behind `--` stays as
/// it is.
std::vector<std::string> ArgumentsForParser(const std::vector<std::string>& arguments);

}  // namespace notifyd
