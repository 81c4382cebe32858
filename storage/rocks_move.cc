#include "storage/rocks_move.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/crash_point.h"
#include "base/system_error.h"
#include "storage/descriptor.h"
#include "storage/directory.h"
#include "storage/rocks_store.h"

namespace notifyd {
namespace {

namespace fs = std::filesystem;

class RocksSource : public MoveSource {
 public:
  explicit RocksSource(std::unique_ptr<RocksStore> store) : store_(std::move(store)) {}
  const OrderedKv& kv() const override { return store_->kv(); }
  Result<std::map<std::string, std::string>> Elsewhere() override { return std::map<std::string, std::string>(); }
  Status Held() override { return Status::Ok(); }  // by its lock

 private:
  const std::unique_ptr<RocksStore> store_;
};

class RocksTarget : public MoveTarget {
 public:
  RocksTarget(std::string directory, Descriptor lock, std::unique_ptr<RocksStore> store)
      : directory_(std::move(directory)), lock_(std::move(lock)), store_(std::move(store)) {}
  Status Write(const std::function<void(KvWrites&)>& fill) override { return store_->Write(fill); }
  Status Finish() override {
    NOTIFYD_TRY(store_->Close());
    PassCrashPoint(CrashPoint::kMoveStoreClosed);
    if (unlink((fs::path(directory_) / kMovingFile).c_str()) != 0) return SystemError("cannot remove " + directory_ + "/" + kMovingFile);
    return SyncDirectory(directory_);
  }

 private:
  const std::string directory_;
  const Descriptor lock_;
  const std::unique_ptr<RocksStore> store_;
};

/// What is no part of a store, and nothing of somebody else's.
bool IsBeside(const fs::directory_entry& entry) {
  std::error_code error;
  const std::string name = entry.path().filename().string();
  return name == "lost+found" || (name == kControlSocket && entry.is_socket(error));
}

/// All but MOVING, whose lock is held.
Status Empty(const fs::path& directory) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().filename() == kMovingFile || IsBeside(entry)) continue;
    fs::remove_all(entry.path(), error);
    if (error) break;
  }
  if (error) return SystemError("cannot empty " + directory.string(), error.value());
  return SyncDirectory(directory.string());
}

/// The directory is there, holds MOVING and nothing else, and is this process's.
Result<Descriptor> Begin(const std::string& directory) {
  std::error_code error;
  const fs::path moving = fs::path(directory) / kMovingFile;
  if (!fs::exists(moving, error)) {
    for (const auto& entry : fs::directory_iterator(directory, error))
      if (!IsBeside(entry)) return Status(Code::kUnacceptable, directory + " is not empty: a store is moved to where there is nothing");
    NOTIFYD_TRY(MakeStoreDirectory(directory));
    NOTIFYD_TRY(MakeFileWhole(directory, kMovingFile, ""));
  }
  Descriptor lock(open(moving.c_str(), O_RDONLY | O_CLOEXEC));
  if (!lock.open()) return SystemError("cannot open " + moving.string());
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return Status(Code::kUnacceptable, "another move to " + directory + " is under way");
  NOTIFYD_TRY(Empty(directory));
  return lock;
}

}  // namespace

Result<std::unique_ptr<MoveSource>> OpenRocksSource(const StoreOptions& options) {
  std::error_code error;
  if (!fs::exists(FormatPathIn(options.directory), error)) return Status(Code::kNotFound, "there is no store in " + options.directory);
  auto store = RocksStore::Open(options);
  if (!store.ok()) return std::move(store).status();
  return std::unique_ptr<MoveSource>(std::make_unique<RocksSource>(*std::move(store)));
}

Result<std::unique_ptr<MoveTarget>> OpenRocksTarget(const StoreOptions& given, const Fingerprint& id, const RetentionRules& rules) {
  auto lock = Begin(given.directory);
  if (!lock.ok()) return std::move(lock).status();
  StoreOptions options = given;
  options.moving = id;
  options.encryption_key_file.clear();
  auto store = RocksStore::Open(options);
  if (!store.ok()) return std::move(store).status();
  for (const auto& [number, retention] : rules.own) (*store)->SetRetention(number, retention.succeeded_ms, retention.settled_ms);
  return std::unique_ptr<MoveTarget>(std::make_unique<RocksTarget>(options.directory, *std::move(lock), *std::move(store)));
}

}  // namespace notifyd
