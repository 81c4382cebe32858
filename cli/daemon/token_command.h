// `notifyd token create`: makes a token as whoever owns the store, without one of its own: over the control socket of the broker that runs on the
// data directory, else in the store itself. That is how the first token comes to be. Contract section 8, "the first one".
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace notifyd {

/// Does what `notifyd token ...` says, and returns the exit code; nothing where `arguments` (without the program's name) say something else. Prints
/// the token alone to standard output, all else to standard error.
std::optional<int> RunTokenCommand(const std::vector<std::string>& arguments, const std::vector<std::string>& environment);

/// The command that makes the first token of the broker that runs on that directory, as a shell takes it, wherever one stands.
std::string FirstTokenCommand(const std::string& data_dir);

}  // namespace notifyd
