// DirectoryGuard: is the directory's path still the directory in which the store was opened, and its FORMAT the file that is locked? Where somebody
// moved, removed or replaced it, another broker may be at work behind the same path, and the two would destroy each other's files.
//
// The path is looked up each time as it was given (links and a relative path included), not held by a descriptor: what must be known is what another
// process finds there.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/status.h"

namespace notifyd {

class DirectoryGuard {
 public:
  /// `locked` is a descriptor of the FORMAT in `directory`, used here only. Error: kIo.
  static Result<DirectoryGuard> Make(const std::string& directory, int locked);

  /// Error: kIo, where path or locked file are not the same any more, or cannot be looked at. Two stat(2); any thread.
  Status Check() const;

 private:
  DirectoryGuard() = default;
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const Identity&) const = default;
  };
  static Result<Identity> IdentityOf(const std::string& path);

  std::string directory_, format_;
  Identity directory_identity_, format_identity_;
};

}  // namespace notifyd
