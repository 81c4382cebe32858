// Successor: the program that takes this process's place in a restart: where it is, whether it would start, and the exec.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "cli/daemon/handover.h"
#include "cli/daemon/start_check.h"

namespace notifyd {

/// How this process was started; the one that takes its place is started the same way.
struct Launch {
  std::string program;                   // the file, by its full path
  std::vector<std::string> arguments;    // the program's name first
  std::vector<std::string> environment;  // "NAME=value"; without what it was handed
};

/// The path by which a program of that name was started, so that a file that is put in its place, or a link that is turned, is found by a restart;
/// where that is not this program, the path of the file itself.
std::string FindProgram(const std::string& name);

/// Runs the program that is there now with --check-config and the same arguments; `held` is what it will take over. Error: what it said. Blocks, up
/// to 30 s; any thread.
Status CheckSuccessor(const Launch& launch, const Holdings& held);

/// Becomes the program, with these sockets. Returns only where that failed: what the system said.
Status BecomeSuccessor(const Launch& launch, Handover handover);

}  // namespace notifyd
