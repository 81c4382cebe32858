// Standard output of a command: what it prints, and whether that arrived. An answer that could not be written (a full disk, a closed descriptor) is a
// failure of the command, for what it said may be the only trace of what was done. Any thread.
//
// A reader that went away (EPIPE) ends a command without a word, as it ends others: by SIGPIPE.
#pragma once

#include <string_view>

namespace notifyd {

/// Call first in main: opens what is closed of the descriptors 0 to 2, so that no file or socket of the program gets their number; reading or
/// writing 0 and 1 still fails then. Takes SIGPIPE as an error of the write (a connection's is no reason to die).
void OpenStandardDescriptors();

/// Prints, buffered. Returns false where this or an earlier write failed: nothing is kept then.
bool PrintOut(std::string_view text);
/// Writes what is buffered, and what others printed by way of stdio. Returns false as above.
bool FlushOut();

/// Flushes, and gives the exit code: `code`; where the output failed 1 in place of 0, said on standard error as "`program`: cannot write to standard
/// output: ...". Where its reader went away it does not return unless SIGPIPE was ignored before OpenStandardDescriptors.
int EndOutput(const char* program, int code);

}  // namespace notifyd
