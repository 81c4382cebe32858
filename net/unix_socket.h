// Unix sockets to listen at: a file that one process makes and others find, with the care that takes. Contract section 8. Any thread; blocks for a
// few system calls.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/status.h"

namespace notifyd {

/// The longest path of a Unix socket, in bytes.
inline constexpr size_t kUnixPathMostBytes = 107;

/// Listens at `path`, as a file of that mode. A socket file of this user at which nobody listens any more is replaced. Whatever else is there is left
/// alone: kConflict where somebody listens, kIo for another user's, for what is no socket, and for what the system says. The caller closes the
/// socket, and removes the file (RemoveUnixSocket).
Result<int> ListenUnix(const std::string& path, mode_t mode);
/// Could ListenUnix? Changes nothing. Errors as above.
Status CheckUnix(const std::string& path);
/// Removes the file at `path`, where it is a socket of this user at which nobody listens: after the last socket that listened there was closed.
void RemoveUnixSocket(const std::string& path);

}  // namespace notifyd
