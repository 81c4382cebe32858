#include "storage/guarded_files.h"

#include <fcntl.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/crash_point.h"
#include "base/system_error.h"
#include "storage/descriptor.h"
#include "storage/log_check.h"
#include "storage/table_properties.h"

namespace notifyd {

/// The logs that RocksDB made and has not deleted.
class LiveLogs {
 public:
  struct Log {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;
    std::atomic<uint64_t> written = 0;  // bytes

    Status Check() const {
      // Read first: what is being written meanwhile only makes it longer.
      const uint64_t least = written.load(std::memory_order_acquire);
      struct stat info;
      const std::string was = "the store's log " + path + " was moved, removed or replaced while it was in use";
      if (::stat(path.c_str(), &info) != 0) return SystemError(was);
      if (info.st_dev != device || info.st_ino != inode) return Status(Code::kIo, was + ": it is another file now");
      return IsShort(info, least) ? Shortened() : Status::Ok();
    }
    /// Of the file itself, wherever it is by now: before a write, which would fill what was cut off with zeros.
    Status CheckLength(int fd) const {
      struct stat info;
      const bool is_short = ::fstat(fd, &info) == 0 && IsShort(info, written.load(std::memory_order_acquire));
      return is_short ? Shortened() : Status::Ok();
    }

   private:
    static bool IsShort(const struct stat& info, uint64_t least) { return static_cast<uint64_t>(info.st_size) < least; }
    Status Shortened() const { return Status(Code::kIo, "the store's log " + path + " was cut short while it was in use"); }
  };

  /// The log at `path`, which was just made. Null where it cannot be looked at.
  std::shared_ptr<Log> Add(uint64_t number, const std::string& path) {
    struct stat info;
    if (::stat(path.c_str(), &info) != 0) return nullptr;
    auto log = std::make_shared<Log>();
    log->path = path;
    log->device = info.st_dev;
    log->inode = info.st_ino;
    std::lock_guard lock(mutex_);
    return logs_[number] = log;
  }
  /// It is about to be deleted. No Check that looks for it is under way any more when this returns.
  void Remove(uint64_t number) {
    std::lock_guard lock(mutex_);
    logs_.erase(number);
  }

  /// One that was closed may not be as long on the disk as it should be. RocksDB closes logs where nobody hears of that.
  void NoteFailed(Status status) {
    std::lock_guard lock(mutex_);
    if (failure_.ok()) failure_ = std::move(status);
  }

  Status Check() const {
    std::lock_guard lock(mutex_);
    if (!failure_.ok()) return failure_;
    for (const auto& [number, log] : logs_) {
      if (Status status = log->Check(); !status.ok()) return status;
    }
    return Status::Ok();
  }

  std::vector<SyncedRecord::File> List() const {
    std::lock_guard lock(mutex_);
    std::vector<SyncedRecord::File> list;
    for (const auto& [number, log] : logs_) list.push_back({number, log->written.load(std::memory_order_acquire)});
    return list;
  }

  /// The one that was written to last; 0: none.
  std::atomic<uint64_t> last_written = 0;

 private:
  mutable std::mutex mutex_;
  std::map<uint64_t, std::shared_ptr<Log>> logs_;
  Status failure_;  // the first
};

namespace {

using rocksdb::FileOptions;
using rocksdb::FileSystem;
using rocksdb::FSRandomAccessFile;
using rocksdb::FSRandomRWFile;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

Status CheckAll(const DirectoryGuard& guard, const LiveLogs& logs) {
  Status same = guard.Check();
  return same.ok() ? logs.Check() : same;
}

/// A log: says that it was written to, and how much, and is longer than that while it is open. A sync of a file that has grown writes its inode,
/// too, which is a second trip to the disk, and a commit of the journal where there is one. So zeros are written ahead of the records, many records'
/// worth at once, and in between syncs write data alone. What is left of the zeros is cut off when the log is closed; what a crash leaves of them no
/// reader of logs takes for anything (storage/log_check.h).
class LogFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  LogFile(std::unique_ptr<FSWritableFile> file, Descriptor own, uint64_t number, std::shared_ptr<LiveLogs::Log> log, std::shared_ptr<LiveLogs> logs)
      : FSWritableFileOwnerWrapper(std::move(file)), own_(std::move(own)), number_(number), log_(std::move(log)), logs_(std::move(logs)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& how, IODebugContext* debug) override {
    return Count(data, [&] { return FSWritableFileOwnerWrapper::Append(data, how, debug); });
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& how, const rocksdb::DataVerificationInfo& info, IODebugContext* debug) override {
    return Count(data, [&] { return FSWritableFileOwnerWrapper::Append(data, how, info, debug); });
  }
  IOStatus Sync(const IOOptions& how, IODebugContext* debug) override {
    PassCrashPoint(CrashPoint::kCommitBeforeSync);
    IOStatus synced = FSWritableFileOwnerWrapper::Sync(how, debug);
    PassCrashPoint(CrashPoint::kCommitAfterSync);
    return synced;
  }
  IOStatus Close(const IOOptions& how, IODebugContext* debug) override {
    // Its length is durable, too: after a clean stop a log is records to its last byte.
    if (std::exchange(zeroed_, 0) > 0 && (::ftruncate(own_.get(), static_cast<off_t>(log_->written)) != 0 || ::fdatasync(own_.get()) != 0)) {
      const std::string what = "cannot cut " + log_->path + " to its records: " + std::strerror(errno);
      logs_->NoteFailed(Status(Code::kIo, what));
      return IOStatus::IOError(what);
    }
    return FSWritableFileOwnerWrapper::Close(how, debug);
  }

 private:
  /// Zeros are written up to the next multiple. Each time costs the disk as many bytes, and the sync that follows the inode. A whole number of
  /// RocksDB's blocks, since a file that ends in the middle of a header, be it of zeros, looks torn.
  static constexpr uint64_t kAheadBytes = 256 << 10, kPageBytes = 4096;

  template <class Append>
  IOStatus Count(const rocksdb::Slice& data, Append append) {
    if (Status whole = log_->CheckLength(own_.get()); !whole.ok()) return IOStatus::IOError(whole.detail());
    logs_->last_written.store(number_, std::memory_order_release);
    WriteAhead(log_->written.load(std::memory_order_relaxed) + data.size());
    IOStatus appended = append();
    if (appended.ok()) log_->written.fetch_add(data.size(), std::memory_order_release);
    return appended;
  }

  /// Sees to it that what is written up to `end` does not lengthen the file.
  void WriteAhead(uint64_t end) {
    if (end <= zeroed_) return;
    static constexpr std::array<char, kPageBytes> kZeros{};
    zeroed_ = (end / kAheadBytes + 1) * kAheadBytes;
    // A page a call: what is written in one call the page cache may keep as one large folio, all of which goes to the disk again with each record
    // that falls into it. Where a write fails, as on a full disk, the log grows with each record: whether there is room for those is for their own
    // write to say.
    for (uint64_t from = end; from < zeroed_;) {
      uint64_t bytes = kPageBytes - from % kPageBytes;
      if (::pwrite(own_.get(), kZeros.data(), bytes, static_cast<off_t>(from)) < 0) break;
      from += bytes;
    }
  }

  const Descriptor own_;  // of the same file
  const uint64_t number_;
  const std::shared_ptr<LiveLogs::Log> log_;
  const std::shared_ptr<LiveLogs> logs_;
  uint64_t zeroed_ = 0;
};

class GuardedFileSystem : public rocksdb::FileSystemWrapper {
 public:
  GuardedFileSystem(const DirectoryGuard* guard, std::shared_ptr<LiveLogs> logs)
      : FileSystemWrapper(FileSystem::Default()), guard_(guard), logs_(std::move(logs)) {}
  const char* Name() const override { return "notifyd.GuardedFileSystem"; }

  IOStatus NewRandomAccessFile(const std::string& name, const FileOptions& how, std::unique_ptr<FSRandomAccessFile>* file,
                               IODebugContext* debug) override {
    IOStatus opened = FileSystemWrapper::NewRandomAccessFile(name, how, file, debug);
    uint64_t bytes = 0;
    // What cannot be read here RocksDB finds out when it reads it.
    if (!opened.ok() || !name.ends_with(".sst") || !FileSystemWrapper::GetFileSize(name, how.io_options, &bytes, debug).ok()) return opened;
    const Status sound = CheckTableProperties(bytes, [&](uint64_t offset, uint64_t most) -> std::optional<std::string> {
      std::string scratch(most, '\0');
      rocksdb::Slice read;
      if (!(*file)->Read(offset, most, how.io_options, &read, scratch.data(), debug).ok()) return std::nullopt;
      return read.ToString();
    });
    return sound.ok() ? opened : IOStatus::Corruption(sound.detail() + " in " + name);
  }
  IOStatus NewWritableFile(const std::string& name, const FileOptions& how, std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) override {
    if (IOStatus same = Check(); !same.ok()) return same;
    IOStatus made = FileSystemWrapper::NewWritableFile(name, how, file, debug);
    std::optional<uint64_t> log = LogNumberOf(name);
    if (!made.ok() || !log) return made;
    std::shared_ptr<LiveLogs::Log> live = logs_->Add(*log, name);
    Descriptor own(::open(name.c_str(), O_WRONLY | O_CLOEXEC));
    if (!own.open()) return IOStatus::IOError(name + ", which was just made, cannot be opened", std::strerror(errno));
    if (!live) return IOStatus::IOError(name + " is gone right after it was made");
    *file = std::make_unique<LogFile>(std::move(*file), std::move(own), *log, std::move(live), logs_);
    return made;
  }
  IOStatus ReopenWritableFile(const std::string& name, const FileOptions& how, std::unique_ptr<FSWritableFile>* file,
                              IODebugContext* debug) override {
    IOStatus same = Check();
    return same.ok() ? FileSystemWrapper::ReopenWritableFile(name, how, file, debug) : same;
  }
  IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name, const FileOptions& how, std::unique_ptr<FSWritableFile>* file,
                             IODebugContext* debug) override {
    IOStatus same = Check();
    return same.ok() ? FileSystemWrapper::ReuseWritableFile(name, old_name, how, file, debug) : same;
  }
  IOStatus NewRandomRWFile(const std::string& name, const FileOptions& how, std::unique_ptr<FSRandomRWFile>* file, IODebugContext* debug) override {
    IOStatus same = Check();
    return same.ok() ? FileSystemWrapper::NewRandomRWFile(name, how, file, debug) : same;
  }
  IOStatus NewLogger(const std::string& name, const IOOptions& how, std::shared_ptr<rocksdb::Logger>* logger, IODebugContext* debug) override {
    IOStatus same = Check();
    return same.ok() ? FileSystemWrapper::NewLogger(name, how, logger, debug) : same;
  }
  IOStatus CreateDir(const std::string& name, const IOOptions& how, IODebugContext* debug) override {
    IOStatus same = Check();
    return same.ok() ? FileSystemWrapper::CreateDir(name, how, debug) : same;
  }
  IOStatus CreateDirIfMissing(const std::string& name, const IOOptions& how, IODebugContext* debug) override {
    IOStatus same = Check();
    return same.ok() ? FileSystemWrapper::CreateDirIfMissing(name, how, debug) : same;
  }
  IOStatus DeleteDir(const std::string& name, const IOOptions& how, IODebugContext* debug) override {
    IOStatus same = Check();
    return same.ok() ? FileSystemWrapper::DeleteDir(name, how, debug) : same;
  }
  IOStatus DeleteFile(const std::string& name, const IOOptions& how, IODebugContext* debug) override {
    IOStatus same = Check();
    if (std::optional<uint64_t> log = LogNumberOf(name); same.ok() && log) logs_->Remove(*log);
    return same.ok() ? FileSystemWrapper::DeleteFile(name, how, debug) : same;
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& how, IODebugContext* debug) override {
    IOStatus same = Check();
    return same.ok() ? FileSystemWrapper::RenameFile(from, to, how, debug) : same;
  }
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& how, IODebugContext* debug) override {
    IOStatus same = Check();
    return same.ok() ? FileSystemWrapper::LinkFile(from, to, how, debug) : same;
  }
  IOStatus Truncate(const std::string& name, size_t size, const IOOptions& how, IODebugContext* debug) override {
    IOStatus same = Check();
    return same.ok() ? FileSystemWrapper::Truncate(name, size, how, debug) : same;
  }

 private:
  IOStatus Check() const {
    Status same = CheckAll(*guard_, *logs_);
    return same.ok() ? IOStatus::OK() : IOStatus::IOError(same.detail());
  }

  const DirectoryGuard* const guard_;
  const std::shared_ptr<LiveLogs> logs_;
};

}  // namespace

GuardedFiles::GuardedFiles(const DirectoryGuard* guard)
    : guard_(guard), logs_(std::make_shared<LiveLogs>()), env_(rocksdb::NewCompositeEnv(std::make_shared<GuardedFileSystem>(guard, logs_))) {}

GuardedFiles::~GuardedFiles() = default;

Status GuardedFiles::Check() const {
  return CheckAll(*guard_, *logs_);
}

std::vector<SyncedRecord::File> GuardedFiles::Logs() const {
  return logs_->List();
}

uint64_t GuardedFiles::written_log() const {
  return logs_->last_written.load(std::memory_order_acquire);
}

}  // namespace notifyd
