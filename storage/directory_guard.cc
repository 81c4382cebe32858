#include "storage/directory_guard.h"

#include <sys/stat.h>

#include "base/system_error.h"
#include "storage/directory.h"

namespace notifyd {

Result<DirectoryGuard::Identity> DirectoryGuard::IdentityOf(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return SystemError(path);
  return Identity{info.st_dev, info.st_ino};
}

Result<DirectoryGuard> DirectoryGuard::Make(const std::string& directory, int locked) {
  DirectoryGuard guard;
  guard.directory_ = directory;
  guard.format_ = FormatPathIn(directory);
  struct stat info;
  if (::fstat(locked, &info) != 0) return SystemError(guard.format_);
  guard.format_identity_ = {info.st_dev, info.st_ino};
  auto identity = IdentityOf(directory);
  if (!identity.ok()) return std::move(identity).status();
  guard.directory_identity_ = *identity;
  // It may have gone between being locked and now.
  if (Status same = guard.Check(); !same.ok()) return same;
  return guard;
}

Status DirectoryGuard::Check() const {
  auto directory = IdentityOf(directory_), format = IdentityOf(format_);
  const std::string was = "the store's directory was moved, removed or replaced while it was in use";
  if (!directory.ok()) return Status(Code::kIo, was + ": " + directory.status().detail());
  if (*directory != directory_identity_) return Status(Code::kIo, was + ": " + directory_ + " is another directory now");
  if (!format.ok()) return Status(Code::kIo, was + ": " + format.status().detail());
  if (*format != format_identity_) return Status(Code::kIo, was + ": " + format_ + " is another file now");
  return Status::Ok();
}

}  // namespace notifyd
