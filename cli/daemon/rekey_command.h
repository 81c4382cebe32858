// `notifyd rekey`: has the whole store sealed anew by the first key of store.encryption_key_file, by the broker that runs on the data directory, which
// goes on working; else by itself. Contract section 9.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace notifyd {

/// Does what `notifyd rekey ...` says, waits for its end, and returns the exit code; nothing where `arguments` (without the program's name) say
/// something else.
std::optional<int> RunRekeyCommand(const std::vector<std::string>& arguments, const std::vector<std::string>& environment);

}  // namespace notifyd
