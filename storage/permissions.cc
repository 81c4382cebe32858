#include "storage/permissions.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "base/log.h"

namespace notifyd {
namespace {

namespace fs = std::filesystem;
constexpr mode_t kOthers = 077;

std::string Octal(mode_t mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
  return text;
}

/// In single quotes, as a shell reads it back whole.
std::string Quoted(const std::string& path) {
  std::string out = "'";
  for (char c : path) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

Status Refusal(const fs::path& path, const struct stat& info, const std::string& directory) {
  std::string what = path.string() + " is open to other users (mode " + Octal(info.st_mode) + ")";
  std::string mend = "chmod -R go= " + Quoted(directory);
  if (info.st_uid != ::geteuid())
    return Status(Code::kIo, what + " and belongs to user " + std::to_string(info.st_uid) + "; mend it with: chown -R " +
                                 std::to_string(::geteuid()) + " " + Quoted(directory) + " && " + mend);
  return Status(Code::kIo, what + ", and its file system keeps it so; mend it with: " + mend + ", or mount it for its owner alone (umask=077)");
}

/// True: they had rights, and have none any more.
Result<bool> CloseOne(const fs::path& path, const std::string& directory, bool change) {
  struct stat info;
  // Files come and go; links are left alone.
  if (::lstat(path.c_str(), &info) != 0 || S_ISLNK(info.st_mode) || (info.st_mode & kOthers) == 0) return false;
  if (info.st_uid != ::geteuid()) return Refusal(path, info, directory);
  if (!change) return false;
  bool changed = ::chmod(path.c_str(), info.st_mode & 07777 & ~kOthers) == 0;
  if (!changed && errno == ENOENT) return false;
  if (::lstat(path.c_str(), &info) != 0) return false;
  if ((info.st_mode & kOthers) != 0) return Refusal(path, info, directory);
  return true;
}

Status Close(const std::string& directory, bool change) {
  // By way of the link, where the directory is one.
  std::error_code error;
  fs::path real = fs::canonical(directory, error);
  if (error) return Status(Code::kIo, "cannot use " + directory + ": " + error.message());
  auto closed = CloseOne(real, directory, change);
  if (!closed.ok()) return std::move(closed).status();
  size_t files = 0;
  for (fs::directory_iterator it(real, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    if (!it->is_regular_file(gone)) continue;
    auto file = CloseOne(it->path(), directory, change);
    if (!file.ok()) return std::move(file).status();
    files += *file;
  }
  if (*closed || files > 0)
    Log(LogLevel::kWarn, "the store was open to other users; it is for its owner alone now", {{"directory", directory}, {"files", files}});
  return Status::Ok();
}

}  // namespace

Status CloseToOthers(const std::string& directory) {
  return Close(directory, /*change=*/true);
}

Status CheckCloseable(const std::string& directory) {
  return Close(directory, /*change=*/false);
}

}  // namespace notifyd
