// What the commands of whoever owns a store share: notifyd token, notifyd rekey.
#pragma once

#include <string>

#include "base/status.h"

namespace notifyd {

inline constexpr int kCommandDone = 0, kCommandFailed = 1, kCommandUsage = 2;

/// Says it on standard error, and returns `exit_code`.
int Complain(const std::string& text, int exit_code);

/// From the root on, as a client of a socket in it needs it.
std::string WholePath(const std::string& directory);

/// Becomes the owner of the directory where this is root: who writes nothing into a store that its owner could not read afterwards. Error: kIo.
Status BecomeOwner(const std::string& directory);

}  // namespace notifyd
