#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace notifyd {
namespace {

Status CannotBeRead() {
  return Status(Code::kIo, std::string("cannot be read: ") + std::strerror(errno));
}

Result<std::string> ReadOpen(int fd, size_t most_bytes) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return CannotBeRead();
  if (!S_ISREG(info.st_mode)) return Status(Code::kIo, "is not a regular file");
  std::string bytes;
  char piece[16 << 10];
  for (;;) {
    ssize_t size = ::read(fd, piece, sizeof piece);
    if (size == 0) return bytes;
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return CannotBeRead();
    bytes.append(piece, static_cast<size_t>(size));
    if (bytes.size() > most_bytes) return Status(Code::kIo, "is too large, " + std::to_string(most_bytes) + " bytes at most are read");
  }
}

}  // namespace

Result<std::string> ReadFile(const std::string& path, size_t most_bytes) {
  // Opening a pipe waits for whoever writes to it otherwise.
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return CannotBeRead();
  Result<std::string> bytes = ReadOpen(fd, most_bytes);
  ::close(fd);
  return bytes;
}

}  // namespace notifyd
