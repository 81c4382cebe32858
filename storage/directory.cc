#include "storage/directory.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <random>
#include <system_error>

#include "base/crash_point.h"
#include "base/files.h"
#include "base/system_error.h"
#include "storage/permissions.h"
#include "storage/synced_file.h"

namespace notifyd {
namespace {

namespace fs = std::filesystem;
constexpr const char* kFormatFile = "FORMAT";
constexpr size_t kFormatMostBytes = 64 << 10;
// Between a file's name and a process number, while it is being written.
constexpr const char* kDraft = ".new.";
// There from before FORMAT is made until the first start is through: without it a FORMAT that stands alone is what is left of a store. Older versions
// of notifyd take it for a draft.
constexpr const char* kBeginning = "FORMAT.new.store";

Status IoError(const std::string& what, const fs::path& path) {
  return SystemError(what + " " + path.string());
}

Status SyncPath(const fs::path& path) {
  Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.open()) return IoError("cannot open", path);
  return ::fsync(directory.get()) == 0 ? Status::Ok() : IoError("cannot sync", path);
}

/// "data" for "data/".
fs::path WithoutSlash(const fs::path& directory) {
  return directory.filename().empty() ? directory.parent_path() : directory;
}

fs::path ParentOf(const fs::path& directory) {
  return directory.has_parent_path() ? directory.parent_path() : fs::path(".");
}

/// What a name leads to: a directory, something else, or nothing.
enum class Found { kDirectory, kOther, kNothing };

/// Error: kIo where it cannot be looked up, or is a link that leads nowhere: no directory can be made in a link's place.
Result<Found> LookUp(const fs::path& name) {
  struct stat info;
  if (::stat(name.c_str(), &info) == 0) return S_ISDIR(info.st_mode) ? Found::kDirectory : Found::kOther;
  int fault = errno;
  if (::lstat(name.c_str(), &info) == 0 && S_ISLNK(info.st_mode)) {
    std::error_code error;
    return Status(Code::kIo, "cannot use " + name.string() + ": it is a symbolic link to " + fs::read_symlink(name, error).string() +
                                 ", which cannot be reached: " + std::strerror(fault));
  }
  errno = fault;
  if (fault == ENOENT && !name.empty()) return Found::kNothing;
  return IoError("cannot make the directory", name);
}

Status NoDirectory(const fs::path& path) {
  return Status(Code::kUnacceptable, path.string() + " is not a directory");
}

Status MakeDirectory(const fs::path& named) {
  const fs::path directory = WithoutSlash(named);
  auto found = LookUp(directory);
  if (!found.ok()) return std::move(found).status();
  if (*found != Found::kNothing) return *found == Found::kDirectory ? Status::Ok() : NoDirectory(directory);
  const fs::path parent = ParentOf(directory);
  if (Status status = MakeDirectory(parent); !status.ok()) return status;
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return IoError("cannot make the directory", directory);
  return SyncPath(parent);
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
  if (fields != 3 || record.version == 0 || text != ToText(record))
    return Status(Code::kCorrupt, "the store is damaged: " + path.string() + " does not read");
  return record;
}

Fingerprint RandomId() {
  std::random_device device;
  auto half = [&] { return uint64_t{device()} << 32 | device(); };
  return {half(), half()};
}

Status CheckEntryFile(const fs::path& directory) {
  if (fs::exists(directory / "CURRENT")) return Status::Ok();
  // Without CURRENT RocksDB would begin an empty database and delete what is there. SYNCED says that there was one, whatever became of its files.
  for (const auto& entry : fs::directory_iterator(directory)) {
    bool table = entry.path().extension() == ".sst", log = entry.path().extension() == ".log", synced = entry.path().filename() == SyncedFile::kName;
    if (table || (log && fs::file_size(entry.path()) > 0) || synced)
      return Status(Code::kCorrupt, "the store is damaged: " + (directory / "CURRENT").string() + " is missing, and there is data beside it");
  }
  if (fs::exists(directory / kBeginning)) return Status::Ok();
  return Status(Code::kCorrupt, "the store is damaged: " + (directory / "CURRENT").string() + " is missing, and " +
                                    (directory / kFormatFile).string() + " says that there was a store");
}

Result<FormatRecord> ReadFormatFile(const fs::path& directory) {
  fs::path path = directory / kFormatFile;
  auto text = ReadFile(path.string(), kFormatMostBytes);
  if (!text.ok()) return Status(Code::kIo, path.string() + " " + text.status().detail());
  auto record = FromText(*text, path);
  if (!record.ok()) return record;
  if (Status status = CheckEntryFile(directory); !status.ok()) return status;
  return record;
}

Result<Descriptor> LockDirectory(const fs::path& directory) {
  fs::path path = directory / kFormatFile;
  Descriptor lock(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!lock.open()) return IoError("cannot open", path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) return Status(Code::kIo, "the store in " + directory.string() + " is in use by another process");
  return IoError("cannot lock", path);
}

/// Where there is no FORMAT there may be nothing else either.
Status CheckForeign(const fs::path& directory) {
  for (const auto& entry : fs::directory_iterator(directory)) {
    std::string name = entry.path().filename().string();
    if (name == kControlSocket && entry.is_socket()) continue;
    if (name == kMovingFile || name == "lost+found" || name.starts_with(std::string(kFormatFile) + kDraft)) continue;
    return Status(Code::kUnacceptable, directory.string() + " is not a notifyd store: it holds other files (" + name + "), and no " + kFormatFile);
  }
  return Status::Ok();
}

Status CheckWhole(const fs::path& directory) {
  if (!fs::exists(directory / kMovingFile)) return Status::Ok();
  return Status(Code::kUnacceptable,
                directory.string() +
                    " is half-made: a store is being moved there, or its move was cut short. Where none is under way, run notifyd "
                    "move again, or remove the directory: what it came from is whole");
}

/// File systems in which the kernel shows itself: access(2) says of their directories what their modes say, and none can be made in them.
bool IsOfTheKernel(const fs::path& directory) {
  static constexpr long kKinds[] = {PROC_SUPER_MAGIC, SYSFS_MAGIC,        DEVPTS_SUPER_MAGIC, DEBUGFS_MAGIC,
                                    SECURITYFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC};
  struct statfs info;
  return ::statfs(directory.c_str(), &info) == 0 &&
         std::find(std::begin(kKinds), std::end(kKinds), static_cast<long>(info.f_type)) != std::end(kKinds);
}

/// Could one be made that is not there? Asks the nearest of its parents that is.
Status CheckMissing(const fs::path& directory) {
  fs::path parent = directory;
  for (;;) {
    parent = ParentOf(WithoutSlash(parent));
    auto found = LookUp(parent);
    if (!found.ok()) return std::move(found).status();
    if (*found == Found::kOther) return NoDirectory(parent);
    if (*found == Found::kDirectory) break;
  }
  if (::access(parent.c_str(), W_OK | X_OK) != 0) return IoError("cannot make the directory", directory);
  if (IsOfTheKernel(parent))
    return Status(Code::kIo, "cannot make the directory " + directory.string() + ": the file system of " + parent.string() + " is the kernel's own");
  return Status::Ok();
}

Status Check(const fs::path& directory, bool lock) {
  auto found = LookUp(WithoutSlash(directory));
  if (!found.ok()) return std::move(found).status();
  if (*found == Found::kNothing) return CheckMissing(directory);
  if (*found == Found::kOther) return NoDirectory(directory);
  if (::access(directory.c_str(), R_OK | W_OK | X_OK) != 0) return IoError("cannot use the directory", directory);
  if (Status status = CheckWhole(directory); !status.ok()) return status;
  if (!fs::exists(directory / kFormatFile)) {
    Status status = CheckForeign(directory);
    return status.ok() ? CheckCloseable(directory.string()) : status;
  }
  if (lock) {
    if (auto free = LockDirectory(directory); !free.ok()) return std::move(free).status();
  }
  auto format = ReadFormatFile(directory);
  return format.ok() ? CheckCloseable(directory.string()) : std::move(format).status();
}

Result<PreparedDirectory> Prepare(const fs::path& directory, const std::optional<Fingerprint>& moving) {
  if (Status status = MakeDirectory(directory); !status.ok()) return status;
  if (Status status = moving ? Status::Ok() : CheckWhole(directory); !status.ok()) return status;
  if (!fs::exists(directory / kFormatFile)) {
    if (Status status = CheckForeign(directory); !status.ok()) return status;
    if (Status status = CheckCloseable(directory.string()); !status.ok()) return status;
    FormatRecord record;
    record.store = moving ? *moving : RandomId();
    if (Status status = MakeFileWhole(directory.string(), kBeginning, ""); !status.ok()) return status;
    PassCrashPoint(CrashPoint::kNewBeforeFormat);
    if (Status status = MakeFileWhole(directory.string(), kFormatFile, ToText(record)); !status.ok()) return status;
    PassCrashPoint(CrashPoint::kNewAfterFormat);
  }
  auto lock = LockDirectory(directory);
  if (!lock.ok()) return std::move(lock).status();
  auto format = ReadFormatFile(directory);
  if (!format.ok()) return std::move(format).status();
  if (Status status = CloseToOthers(directory.string()); !status.ok()) return status;
  return PreparedDirectory{*format, std::move(*lock)};
}

/// The library's own text names its function.
Status Unusable(const std::string& directory, const fs::filesystem_error& error) {
  std::string path = error.path1().empty() ? directory : error.path1().string();
  return Status(Code::kIo, "cannot use " + path + ": " + error.code().message());
}

}  // namespace

std::string FormatPathIn(const std::string& directory) {
  return (fs::path(directory) / kFormatFile).string();
}

Status NoteBegun(const std::string& directory) {
  fs::path path = fs::path(directory) / kBeginning;
  if (::unlink(path.c_str()) == 0) return SyncPath(directory);
  return errno == ENOENT ? Status::Ok() : IoError("cannot remove", path);
}

Status SyncDirectory(const std::string& directory) {
  return SyncPath(directory);
}

Status MakeFileWhole(const std::string& directory, const std::string& name, const std::string& bytes) {
  fs::path path = fs::path(directory) / name, draft = path.string() + kDraft + std::to_string(::getpid());
  {
    Descriptor file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    bool written = file.open() && ::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
    if (!written || ::fsync(file.get()) != 0) return IoError("cannot write", draft);
  }
  // link(2) never puts it over one that another process made meanwhile.
  bool made = ::link(draft.c_str(), path.c_str()) == 0 || errno == EEXIST;
  Status status = made ? Status::Ok() : IoError("cannot make", path);
  ::unlink(draft.c_str());
  return made ? SyncDirectory(directory) : status;
}

Result<PreparedDirectory> PrepareDirectory(const std::string& directory, const std::optional<Fingerprint>& moving) {
  try {
    return Prepare(fs::path(directory), moving);
  } catch (const fs::filesystem_error& error) {
    return Unusable(directory, error);
  }
}

Status MakeStoreDirectory(const std::string& directory) {
  try {
    return MakeDirectory(fs::path(directory));
  } catch (const fs::filesystem_error& error) {
    return Unusable(directory, error);
  }
}

Status CheckDirectory(const std::string& directory, bool lock) {
  try {
    return Check(fs::path(directory), lock);
  } catch (const fs::filesystem_error& error) {
    return Unusable(directory, error);
  }
}

Status RewriteFormatFile(const std::string& directory, const FormatRecord& record) {
  fs::path path = FormatPathIn(directory);
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.open()) return IoError("cannot open", path);
  // One digit differs, so that no crash can leave a mixture.
  std::string text = ToText(record);
  bool done = ::pwrite(file.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) && ::fsync(file.get()) == 0;
  return done ? Status::Ok() : IoError("cannot write", path);
}

bool LiesIn(const std::string& inner, const std::string& outer) {
  std::error_code error;
  // Absolute first: of a relative one the part that is not there would stay so.
  auto whole = [&](const std::string& path) { return WithoutSlash(fs::weakly_canonical(fs::absolute(path, error), error)); };
  const fs::path in = whole(inner), out = whole(outer);
  return std::mismatch(out.begin(), out.end(), in.begin(), in.end()).first == out.end();
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
