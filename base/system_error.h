// What the system says of a call that failed. Pure, any thread.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>

#include "base/status.h"

namespace notifyd {

/// Returns kIo, "WHAT: No such file or directory", of the number that a call failed with.
inline Status SystemError(const std::string& what, int error = errno) {
  return Status(Code::kIo, what + ": " + std::strerror(error));
}

}  // namespace notifyd
