// The store is for its owner alone: bodies and credentials lie in it as they were submitted.
#pragma once

#include <string>

#include "base/status.h"

namespace notifyd {

/// Takes the rights of others from the directory and the files in it, where they have any, and says so in the log. Error: kIo, with the command that
/// mends it, where they belong to somebody else or the file system does not do it.
Status CloseToOthers(const std::string& directory);

/// Could that be done, as far as can be asked without a change: does what is open to others belong to this user? Error: as above.
Status CheckCloseable(const std::string& directory);

}  // namespace notifyd
