// The command line of notifyctl: what its commands and flags are called, what they say of themselves, and which function each one is. --help, the
// manual page and the completions of shells come from here. Contract section 4.
#pragma once

namespace notifyd {

/// Reads the arguments and does what they say; returns the exit code (cli/client/context.h).
int RunCommandLine(int argc, char** argv);

}  // namespace notifyd
