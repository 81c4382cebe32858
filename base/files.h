// Files: reading one whole, where half of it, or nothing, must not pass for what it says. Any thread.
#pragma once

#include <cstddef>
#include <string>

#include "base/status.h"

namespace notifyd {

/// The bytes of a regular file, by way of links. Never blocks on something else (a pipe, a device): what is to be read again later must say the same
/// then. Error: kIo, the detail without the path: "cannot be read: No such file or directory", "is not a regular file", "is too large ...".
Result<std::string> ReadFile(const std::string& path, size_t most_bytes);

}  // namespace notifyd
