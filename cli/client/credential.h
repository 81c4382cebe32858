// The token that notifyctl shows to the broker. It comes from a variable or from a file, never from a flag: what stands on a command line is read by
// whoever may list the machine's processes. Contract section 8.
#pragma once

#include <map>
#include <string>

#include "base/status.h"

namespace notifyd {

struct Credential {
  std::string token;   // "ntf_<id>_<secret>"; empty: none
  std::string source;  // for people: "NOTIFYD_TOKEN", a file's path
};

/// Reads NOTIFYD_TOKEN, else the file that NOTIFYD_TOKEN_FILE names, else ~/.config/notifyd/token where there is one; else there is none. An empty
/// variable is one that is not set. Error: kUnacceptable where what was found is no token, and where a file cannot be read, is none, or may be read
/// by others than its owner. The text never holds the token.
Result<Credential> FindCredential();

/// Reads a file that holds a secret: its beginning, 4 KiB at most, without white space around it. Error: kUnacceptable, also where it may be read by
/// others than its owner.
Result<std::string> ReadPrivateFile(const std::string& path);

}  // namespace notifyd
