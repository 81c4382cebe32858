// `notifyd restore`: puts a copy of a store where a broker will open it. Its tokens count no more, since some of them may have been deleted since: what
// the copy says of them is of then. Contract section 8.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace notifyd {

/// Does what `notifyd restore ...` says, and returns the exit code; nothing where `arguments` (without the program's name) say something else.
std::optional<int> RunRestoreCommand(const std::vector<std::string>& arguments, const std::vector<std::string>& environment);

}  // namespace notifyd
