#include "storage/guarded_files.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <string>

#include "storage/log_check.h"

namespace notifyd {
namespace {

using rocksdb::FileOptions;
using rocksdb::FileSystem;
using rocksdb::FSRandomRWFile;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

/// Says that it was written to.
class LogFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  LogFile(std::unique_ptr<FSWritableFile> file, uint64_t number, std::shared_ptr<std::atomic<uint64_t>> written_log)
      : FSWritableFileOwnerWrapper(std::move(file)), number_(number), written_log_(std::move(written_log)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& how, IODebugContext* debug) override {
    written_log_->store(number_, std::memory_order_release);
    return FSWritableFileOwnerWrapper::Append(data, how, debug);
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& how, const rocksdb::DataVerificationInfo& info, IODebugContext* debug) override {
    written_log_->store(number_, std::memory_order_release);
    return FSWritableFileOwnerWrapper::Append(data, how, info, debug);
  }

 private:
  const uint64_t number_;
  const std::shared_ptr<std::atomic<uint64_t>> written_log_;
};

class GuardedFileSystem : public rocksdb::FileSystemWrapper {
 public:
  GuardedFileSystem(const DirectoryGuard* guard, std::shared_ptr<std::atomic<uint64_t>> written_log)
      : FileSystemWrapper(FileSystem::Default()), guard_(guard), written_log_(std::move(written_log)) {}
  const char* Name() const override { return "notifyd.GuardedFileSystem"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& how, std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) override {
    if (IOStatus same = Check(); !same.ok()) return same;
    IOStatus made = FileSystemWrapper::NewWritableFile(name, how, file, debug);
    std::optional<uint64_t> log = LogNumberOf(name);
    if (made.ok() && log) *file = std::make_unique<LogFile>(std::move(*file), *log, written_log_);
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
    Status same = guard_->Check();
    return same.ok() ? IOStatus::OK() : IOStatus::IOError(same.detail());
  }

  const DirectoryGuard* const guard_;
  const std::shared_ptr<std::atomic<uint64_t>> written_log_;
};

}  // namespace

GuardedFiles::GuardedFiles(const DirectoryGuard* guard)
    : written_log_(std::make_shared<std::atomic<uint64_t>>(0)),
      env_(rocksdb::NewCompositeEnv(std::make_shared<GuardedFileSystem>(guard, written_log_))) {}

GuardedFiles::~GuardedFiles() = default;

}  // namespace notifyd
