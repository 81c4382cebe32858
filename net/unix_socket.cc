#include "net/unix_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/system_error.h"

namespace notifyd {
namespace {

constexpr int kUnixBacklog = 4096;

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

/// What stands at the path: true for a socket that may be replaced, false for nothing.
Result<bool> Stale(const std::string& path) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return false;
    return SystemError("cannot use " + path);
  }
  if (!S_ISSOCK(found.st_mode)) return Status(Code::kIo, path + " is there, and is no socket");
  if (found.st_uid != geteuid()) return Status(Code::kIo, path + " belongs to another user");
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return SystemError("socket");
  const sockaddr_un address = AddressOf(path);
  const int connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  close(fd);
  if (connected != 0 && error == ECONNREFUSED) return true;
  return Status(Code::kConflict, path + " is in use by another process");
}

Status CheckLength(const std::string& path) {
  if (path.size() <= kUnixPathMostBytes) return Status::Ok();
  return Status(Code::kIo, path + " is longer than the " + std::to_string(kUnixPathMostBytes) + " bytes that a Unix socket's path may have");
}

/// Keeps two processes from replacing the same file at once. Nothing of it is left behind.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder) : fd_(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (fd_ >= 0) locked_ = flock(fd_, LOCK_EX | LOCK_NB) == 0;
  }
  ~FolderLock() {
    if (fd_ >= 0) close(fd_);
  }
  FolderLock(const FolderLock&) = delete;
  Status status() const {
    if (locked_) return Status::Ok();
    return errno == EWOULDBLOCK ? Status(Code::kConflict, "another process makes a socket there") : SystemError("cannot open its directory");
  }

 private:
  int fd_;
  bool locked_ = false;
};

}  // namespace

Result<int> ListenUnix(const std::string& path, mode_t mode) {
  if (Status length = CheckLength(path); !length.ok()) return length;
  const FolderLock lock(FolderOf(path));
  if (Status locked = lock.status(); !locked.ok()) return Status(locked.code(), path + ": " + locked.detail());
  Result<bool> stale = Stale(path);
  if (!stale.ok()) return std::move(stale).status();
  if (*stale && unlink(path.c_str()) != 0) return SystemError("cannot remove " + path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return SystemError("socket");
  const sockaddr_un address = AddressOf(path);
  Status failed = Status::Ok();
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    failed = SystemError("cannot bind " + path);
  } else if (chmod(path.c_str(), mode) != 0 || listen(fd, kUnixBacklog) != 0) {
    failed = SystemError("cannot listen on " + path);
    unlink(path.c_str());
  }
  if (failed.ok()) return fd;
  close(fd);
  return failed;
}

Status CheckUnix(const std::string& path) {
  if (Status length = CheckLength(path); !length.ok()) return length;
  const std::string folder = FolderOf(path);
  if (access(folder.c_str(), W_OK | X_OK) != 0) return SystemError("cannot make a socket in " + folder);
  Result<bool> stale = Stale(path);
  return stale.ok() ? Status::Ok() : std::move(stale).status();
}

void RemoveUnixSocket(const std::string& path) {
  if (path.size() > kUnixPathMostBytes) return;
  const FolderLock lock(FolderOf(path));
  if (!lock.status().ok()) return;
  if (Result<bool> stale = Stale(path); stale.ok() && *stale) unlink(path.c_str());
}

}  // namespace notifyd
