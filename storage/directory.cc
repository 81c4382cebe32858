#include "storage/directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <system_error>

namespace notifyd {
namespace {

namespace fs = std::filesystem;
constexpr const char* kFormatFile = "FORMAT";
const std::string kDraft = "FORMAT.new.";

Status IoError(const std::string& what, const fs::path& path) {
  return Status(Code::kIo, what + " " + path.string() + ": " + std::strerror(errno));
}

Status SyncPath(const fs::path& path, int flags) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return IoError("cannot open", path);
  int synced = ::fsync(fd);
  Status status = synced == 0 ? Status::Ok() : IoError("cannot sync", path);
  ::close(fd);
  return status;
}

Status MakeDirectory(fs::path directory) {
  if (directory.filename().empty()) directory = directory.parent_path();  // "data/"
  struct stat info;
  if (::stat(directory.c_str(), &info) == 0) {
    if (!S_ISDIR(info.st_mode)) return Status(Code::kUnacceptable, directory.string() + " is not a directory");
    return Status::Ok();
  }
  fs::path parent = directory.has_parent_path() ? directory.parent_path() : fs::path(".");
  if (Status status = fs::exists(parent) ? Status::Ok() : MakeDirectory(parent); !status.ok()) return status;
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return IoError("cannot make", directory);
  return SyncPath(parent, O_RDONLY | O_DIRECTORY);
}

std::string ToText(const FormatRecord& record) {
  char text[128];
  std::snprintf(text, sizeof text, "notifyd store\nformat %u\nid %016llx%016llx\n", record.version,
                static_cast<unsigned long long>(record.store.high), static_cast<unsigned long long>(record.store.low));
  return text;
}

/// A later version may say more after these lines; its number alone is needed then.
Result<FormatRecord> FromText(const std::string& text, const fs::path& path) {
  FormatRecord record;
  unsigned long long high = 0, low = 0;
  int fields = std::sscanf(text.c_str(), "notifyd store\nformat %u\nid %16llx%16llx", &record.version, &high, &low);
  if (fields >= 1 && record.version > kFormatVersion)
    return Status(Code::kUnacceptable, path.string() + ": the store has format " + std::to_string(record.version) +
                                           ", and this notifyd reads up to format " + std::to_string(kFormatVersion) +
                                           "; use the notifyd that wrote it or a later one");
  record.store = {high, low};
  if (fields != 3 || record.version == 0 || text != ToText(record)) return Status(Code::kCorrupt, path.string() + " is damaged");
  return record;
}

/// Whole or not at all, and never over one that another process made meanwhile: that is what link(2) is for.
Status WriteFormatFile(const fs::path& directory, const FormatRecord& record) {
  fs::path path = directory / kFormatFile, draft = directory / (kDraft + std::to_string(::getpid()));
  {
    std::ofstream out(draft, std::ios::binary | std::ios::trunc);
    out << ToText(record);
    out.flush();
    if (!out) return IoError("cannot write", draft);
  }
  if (Status status = SyncPath(draft, O_RDONLY); !status.ok()) return status;
  bool made = ::link(draft.c_str(), path.c_str()) == 0 || errno == EEXIST;
  Status status = made ? Status::Ok() : IoError("cannot make", path);
  ::unlink(draft.c_str());
  return made ? SyncPath(directory, O_RDONLY | O_DIRECTORY) : status;
}

Fingerprint RandomId() {
  std::random_device device;
  auto half = [&] { return uint64_t{device()} << 32 | device(); };
  return {half(), half()};
}

Status CheckEntryFile(const fs::path& directory) {
  if (fs::exists(directory / "CURRENT")) return Status::Ok();
  // Without CURRENT RocksDB would begin an empty database and delete what is there.
  for (const auto& entry : fs::directory_iterator(directory)) {
    bool table = entry.path().extension() == ".sst", log = entry.path().extension() == ".log";
    if (table || (log && fs::file_size(entry.path()) > 0))
      return Status(Code::kCorrupt, "the store is damaged: " + (directory / "CURRENT").string() + " is missing, and there is data beside it");
  }
  return Status::Ok();
}

Result<FormatRecord> ReadFormatFile(const fs::path& directory) {
  fs::path path = directory / kFormatFile;
  std::ifstream in(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in.is_open() || in.bad()) return IoError("cannot read", path);
  auto record = FromText(text, path);
  if (!record.ok()) return record;
  if (Status status = CheckEntryFile(directory); !status.ok()) return status;
  return record;
}

Result<DirectoryLock> LockDirectory(const fs::path& directory) {
  fs::path path = directory / kFormatFile;
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return IoError("cannot open", path);
  DirectoryLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) return Status(Code::kIo, "the store in " + directory.string() + " is in use by another process");
  return IoError("cannot lock", path);
}

/// Where there is no FORMAT there may be nothing else either.
Status CheckForeign(const fs::path& directory) {
  for (const auto& entry : fs::directory_iterator(directory)) {
    std::string name = entry.path().filename().string();
    if (name == "lost+found" || name.starts_with(kDraft)) continue;
    return Status(Code::kUnacceptable, directory.string() + " is not a notifyd store: it holds other files (" + name + "), and no " + kFormatFile);
  }
  return Status::Ok();
}

/// Could it be made? Asks the nearest of its parents that is there.
Status CheckMissing(fs::path directory) {
  fs::path parent = fs::absolute(directory);
  while (!fs::exists(parent) && parent.has_relative_path()) parent = parent.parent_path();
  if (fs::is_directory(parent) && ::access(parent.c_str(), W_OK | X_OK) == 0) return Status::Ok();
  if (!fs::is_directory(parent)) errno = ENOTDIR;
  return IoError("cannot make the directory", directory);
}

Status Check(const fs::path& directory, bool lock) {
  struct stat info;
  // A name that cannot even be looked up is told like one whose parent does not take it.
  if (::stat(directory.c_str(), &info) != 0) return CheckMissing(directory);
  if (!S_ISDIR(info.st_mode)) return Status(Code::kUnacceptable, directory.string() + " is not a directory");
  if (::access(directory.c_str(), R_OK | W_OK | X_OK) != 0) return IoError("cannot use the directory", directory);
  if (!fs::exists(directory / kFormatFile)) return CheckForeign(directory);
  if (lock) {
    if (auto free = LockDirectory(directory); !free.ok()) return std::move(free).status();
  }
  auto format = ReadFormatFile(directory);
  return format.ok() ? Status::Ok() : std::move(format).status();
}

Result<PreparedDirectory> Prepare(const fs::path& directory) {
  if (Status status = MakeDirectory(directory); !status.ok()) return status;
  if (!fs::exists(directory / kFormatFile)) {
    if (Status status = CheckForeign(directory); !status.ok()) return status;
    FormatRecord record;
    record.store = RandomId();
    if (Status status = WriteFormatFile(directory, record); !status.ok()) return status;
  }
  auto lock = LockDirectory(directory);
  if (!lock.ok()) return std::move(lock).status();
  auto format = ReadFormatFile(directory);
  if (!format.ok()) return std::move(format).status();
  return PreparedDirectory{*format, std::move(*lock)};
}

}  // namespace

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<PreparedDirectory> PrepareDirectory(const std::string& directory) {
  try {
    return Prepare(fs::path(directory));
  } catch (const fs::filesystem_error& error) {
    return Status(Code::kIo, std::string("cannot use ") + directory + ": " + error.what());
  }
}

Status CheckDirectory(const std::string& directory, bool lock) {
  try {
    return Check(fs::path(directory), lock);
  } catch (const fs::filesystem_error& error) {
    return Status(Code::kIo, std::string("cannot use ") + directory + ": " + error.what());
  }
}

Status RewriteFormatFile(const std::string& directory, const FormatRecord& record) {
  fs::path path = fs::path(directory) / kFormatFile;
  int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return IoError("cannot open", path);
  // One digit differs, so that no crash can leave a mixture.
  std::string text = ToText(record);
  bool done = ::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  Status status = done ? Status::Ok() : IoError("cannot write", path);
  ::close(fd);
  return status;
}

DirectorySize MeasureDirectory(const std::string& directory) {
  DirectorySize size;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;  // files come and go meanwhile
    uint64_t bytes = it->file_size(gone);
    if (gone) continue;
    size.all += bytes;
    if (it->path().extension() == ".log") size.logs += bytes;
  }
  return size;
}

bool MeasureDisk(const std::string& directory, uint64_t* free_bytes, uint64_t* total_bytes) {
  struct statvfs info;
  if (::statvfs(directory.c_str(), &info) != 0) return false;
  *free_bytes = uint64_t{info.f_bavail} * info.f_frsize;
  *total_bytes = uint64_t{info.f_blocks} * info.f_frsize;
  return true;
}

}  // namespace notifyd
