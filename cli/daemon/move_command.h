// `notifyd move`: a whole store from one engine to another. Contract section 22.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace notifyd {

/// Does what `notifyd move ...` says, and returns the exit code; nothing where `arguments` (without the program's name) say something else.
std::optional<int> RunMoveCommand(const std::vector<std::string>& arguments, const std::vector<std::string>& environment);

}  // namespace notifyd
