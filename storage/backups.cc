#include "storage/backups.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <system_error>
#include <tuple>
#include <utility>

#include "base/crash_point.h"
#include "base/log.h"
#include "storage/backup_files.h"
#include "storage/descriptor.h"
#include "storage/directory.h"
#include "storage/options.h"

namespace notifyd {
namespace {

namespace fs = std::filesystem;
using BackupPhase = BackupState::Phase;

// Held while a backup is made or removed there, by whichever broker.
constexpr const char* kLockName = ".lock";
// Free space is looked at again after so much.
constexpr uint64_t kLookAgainBytes = 8 << 20;
// Memtables and a compaction may take so much for a moment, where submits go on; of a small file system one part of so many.
constexpr uint64_t kForStoreBytes = 320 << 20, kBackupReserveShare = 4;

Status Stopped() {
  return Status(Code::kUnavailable, "the broker was stopped");
}

/// Others go first: on the processor, and on the disk where its scheduler looks at that. Of the calling thread alone. Not the class that waits until
/// the disk is idle: what others sync may have to wait, in the file system's journal, for what waits there (mq-deadline lets that be 10 s).
void YieldToAll() {
  constexpr int kOfThread = 1, kBestEffort = 2, kClassShift = 13, kLast = 7, kNice = 10;
  const auto self = static_cast<id_t>(::syscall(SYS_gettid));
  ::setpriority(PRIO_PROCESS, self, kNice);
  ::syscall(SYS_ioprio_set, kOfThread, 0, kBestEffort << kClassShift | kLast);
}

Status Unusable(const std::string& directory, const std::string& why) {
  return Status(Code::kUnacceptable, "the setting backup.directory says " + directory + ", which cannot be written to: " + why);
}

/// One writer at a time. Error: kConflict, kUnacceptable.
Result<Descriptor> Lock(const std::string& directory) {
  const std::string path = (fs::path(directory) / kLockName).string();
  Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.open()) return Unusable(directory, std::strerror(errno));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  return Status(Code::kConflict, "another broker writes to " + directory);
}

/// What a kill left of a backup.
bool IsPartial(const fs::directory_entry& entry) {
  std::error_code gone;
  return entry.path().extension() == kPartial && CheckBackupName(entry.path().stem().string()).ok() && !entry.is_symlink(gone) &&
         entry.is_directory(gone);
}

/// Error: kDiskFull.
Status CheckRoom(const std::string& directory, uint64_t bytes, uint64_t reserve) {
  uint64_t free_bytes = 0, total_bytes = 0;
  if (!MeasureDisk(directory, &free_bytes, &total_bytes)) return Status::Ok();
  // As for submits (storage/committer.cc), which must not be refused for a backup's sake.
  if (reserve == kDefaultMinFreeBytes) reserve = std::min(reserve, total_bytes / kBackupReserveShare);
  const uint64_t kept = reserve + std::min(kForStoreBytes, total_bytes / kBackupReserveShare);
  if (free_bytes >= kept && free_bytes - kept >= bytes) return Status::Ok();
  return Status(Code::kDiskFull, "a backup needs " + std::to_string(bytes) + " bytes more, and of the " + std::to_string(free_bytes) +
                                     " that are free in " + directory + " " + std::to_string(kept) +
                                     " are kept for the store (storage.min_free_bytes, and what it takes for moments)");
}

BackupState StateOf(const BackupManifest& manifest) {
  return {BackupPhase::kDone, manifest.name,        {}, manifest.began_at, manifest.ended_at, manifest.files.size(),
          manifest.bytes(),   manifest.copied_bytes};
}

}  // namespace

/// One that is being made.
struct Backups::Job {
  std::string name;
  bool full = false;
  Descriptor lock;
  std::string path;  // once it is made
  BackupManifest manifest;
  std::string older;                            // the newest backup there is; empty: none
  std::map<std::string, BackupFile> shareable;  // of it, by identity
  uint64_t unlooked_bytes = 0;                  // copied since free space was looked at
};

void Backups::Start() {
  Checkpoint::Remove(setup_.store_directory);
  // RocksDB writes it once, when it makes a database.
  struct stat identity {};
  const bool known = stat((fs::path(setup_.store_directory) / "IDENTITY").c_str(), &identity) == 0;
  made_ms_ = known ? identity.st_mtim.tv_sec * int64_t{1'000} : setup_.wall_ms();
  // Not here: where the directory is another machine's, which does not answer, the broker starts all the same.
  if (configured()) RunAside([this] { NoteNewest(); });
}

void Backups::Stop() {
  constexpr std::chrono::milliseconds kMost(kStopMostMs);
  stopping_ = true;
  std::unique_lock begin(begin_mutex_, kMost);
  if (!begin.owns_lock()) {
    left_ = true;
    return;
  }
  if (!thread_.joinable()) return;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !in_store_; });
    left_ = !changed_.wait_for(lock, kMost, [this] { return !working_; });
  }
  if (!left_) return thread_.join();
  Log(LogLevel::kWarn, "backup directory does not answer", {{"directory", setup_.directory}});
  thread_.detach();
}

void Backups::RunAside(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    working_ = true;
  }
  thread_ = std::thread([self = shared_from_this(), work = std::move(work)] {
    work();
    std::lock_guard lock(self->mutex_);
    self->working_ = false;
    self->changed_.notify_all();
  });
}

std::optional<int64_t> Backups::newest_ms() const {
  const int64_t ms = newest_ms_;
  return ms <= 0 ? std::nullopt : std::optional(ms);
}

std::string Backups::PathOf(const std::string& name) const {
  return (fs::path(setup_.directory) / name).string();
}

Status Backups::CheckDirectory() const {
  if (!configured()) return Status(Code::kUnacceptable, "no backup is made before the setting backup.directory says where");
  if (!LiesIn(setup_.directory, setup_.store_directory)) return Status::Ok();
  return Status(Code::kUnacceptable, "the setting backup.directory leads into the data directory");
}

std::vector<BackupManifest> Backups::ReadAll() const {
  std::vector<BackupManifest> all;
  if (!CheckDirectory().ok()) return all;
  std::error_code error;
  for (fs::directory_iterator it(setup_.directory, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    std::error_code gone;
    if (!CheckBackupName(name).ok() || !it->is_directory(gone)) continue;
    Result<BackupManifest> manifest = ReadBackupManifest(it->path().string());
    if (!manifest.ok()) continue;
    manifest->name = name;  // where somebody renamed it
    all.push_back(*std::move(manifest));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return std::tie(a.began_at, a.name) < std::tie(b.began_at, b.name); });
  return all;
}

/// Another store's backups may lie there, too.
void Backups::NoteNewest() {
  int64_t ms = 0;
  uint64_t bytes = 0;
  for (const BackupManifest& manifest : ReadAll()) {
    if (manifest.store != setup_.store) continue;
    ms = manifest.began_at.ms;
    bytes = manifest.bytes();
  }
  newest_bytes_ = bytes;
  newest_ms_ = ms;
}

Result<std::vector<BackupState>> Backups::List() const {
  NOTIFYD_TRY(CheckDirectory());
  std::optional<BackupState> last;
  {
    std::lock_guard lock(mutex_);
    last = last_;
  }
  if (last && last->phase == BackupPhase::kDone) last.reset();
  std::vector<BackupState> list;
  // One that has its name already is not durable before it is through.
  for (const BackupManifest& manifest : ReadAll())
    if (!last || last->phase != BackupPhase::kRunning || last->name != manifest.name) list.push_back(StateOf(manifest));
  if (!last) return list;
  list.push_back(*last);
  if (last->phase == BackupPhase::kRunning) list.back().copied_bytes = copied_;
  return list;
}

Result<BackupState> Backups::Get(const std::string& name) const {
  Result<std::vector<BackupState>> list = List();
  if (!list.ok()) return std::move(list).status();
  auto found = std::find_if(list->begin(), list->end(), [&](const BackupState& state) { return state.name == name; });
  if (found == list->end()) return Status(Code::kNotFound, "there is no such backup");
  return *found;
}

Status Backups::Remove(const std::string& name) {
  std::lock_guard<std::timed_mutex> begin(begin_mutex_);
  Result<BackupState> state = Get(name);
  if (!state.ok()) return std::move(state).status();
  {
    std::lock_guard lock(mutex_);
    if (last_ && last_->phase == BackupPhase::kRunning) return Status(Code::kConflict, "the backup " + last_->name + " is being made");
    if (last_ && last_->phase == BackupPhase::kFailed && last_->name == name) last_.reset();
  }
  if (state->phase == BackupPhase::kFailed) return Status::Ok();
  Result<Descriptor> lock = Lock(setup_.directory);
  if (!lock.ok()) return std::move(lock).status();
  // What a kill leaves of it is no backup any more.
  const std::string partial = PathOf(name) + std::string(kPartial);
  if (::rename(PathOf(name).c_str(), partial.c_str()) != 0) return FileFailed("cannot rename", PathOf(name));
  std::error_code error;
  fs::remove_all(partial, error);
  NoteNewest();
  return error ? Status(Code::kIo, "cannot remove " + partial + ": " + error.message()) : Status::Ok();
}

Result<BackupState> Backups::Begin(const std::string& name, bool full) {
  std::lock_guard<std::timed_mutex> begin(begin_mutex_);
  if (stopping_) return Stopped();
  NOTIFYD_TRY(CheckDirectory());
  NOTIFYD_TRY(CheckBackupName(name));
  {
    std::lock_guard lock(mutex_);
    if (last_ && last_->phase == BackupPhase::kRunning) return Status(Code::kConflict, "the backup " + last_->name + " is being made");
  }
  std::error_code error;
  if (fs::create_directories(setup_.directory, error)) fs::permissions(setup_.directory, fs::perms::owner_all, error);
  if (error) return Unusable(setup_.directory, error.message());
  auto job = std::make_shared<Job>();
  Result<Descriptor> lock = Lock(setup_.directory);
  if (!lock.ok()) return std::move(lock).status();
  job->lock = *std::move(lock);
  if (fs::exists(fs::symlink_status(PathOf(name), error))) return Status(Code::kConflict, PathOf(name) + " is there already");
  if (thread_.joinable()) thread_.join();
  job->name = name;
  job->full = full;
  BackupState state;
  state.name = name;
  state.started_at = WallTime{setup_.wall_ms()};
  copied_ = 0;
  {
    std::lock_guard guard(mutex_);
    last_ = state;
  }
  job->manifest.began_at = state.started_at;
  RunAside([this, job = std::move(job)] { Run(job.get()); });
  return state;
}

void Backups::Run(Job* job) {
  Log(LogLevel::kInfo, "backup begun", {{"name", job->name}});
  const Status done = Make(job);
  std::error_code ignored;
  if (!done.ok() && !job->path.empty()) fs::remove_all(job->path, ignored);
  const BackupManifest& manifest = job->manifest;
  const WallTime ended{setup_.wall_ms()};
  const int64_t took_ms = ended.ms - manifest.began_at.ms;
  if (done.ok()) {
    ++done_;
    newest_bytes_ = manifest.bytes();
    newest_ms_ = manifest.began_at.ms;
    Log(LogLevel::kInfo, "backup done",
        {{"name", job->name},
         {"bytes", manifest.bytes()},
         {"copied_bytes", manifest.copied_bytes},
         {"files", manifest.files.size()},
         {"ms", took_ms}});
  } else {
    ++failed_;
    Log(LogLevel::kError, "backup failed", {{"name", job->name}, {"detail", done.detail()}, {"ms", took_ms}});
  }
  job->lock = Descriptor();
  std::lock_guard lock(mutex_);
  last_->phase = done.ok() ? BackupPhase::kDone : BackupPhase::kFailed;
  last_->detail = done.detail();
  last_->finished_at = ended;
  last_->copied_bytes = copied_;
}

Status Backups::Make(Job* job) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(setup_.directory, error))
    if (IsPartial(entry)) fs::remove_all(entry.path(), error);
  if (error) return Status(Code::kIo, "cannot clear " + setup_.directory + ": " + error.message());
  job->manifest.name = job->name;
  job->manifest.store = setup_.store;
  if (!job->full) {
    for (const BackupManifest& manifest : ReadAll()) {
      // Another store's backups may lie there, too: none of its files are this one's.
      if (manifest.store != setup_.store) continue;
      job->older = PathOf(manifest.name);
      job->shareable.clear();
      for (const BackupFile& file : manifest.files)
        if (!file.identity.empty()) job->shareable.emplace(file.identity, file);
    }
  }
  const std::string partial = PathOf(job->name) + std::string(kPartial);
  if (::mkdir(partial.c_str(), 0700) != 0) return FileFailed("cannot make", partial);
  job->path = partial;
  PassCrashPoint(CrashPoint::kBackupBegun);
  {
    Result<Checkpoint> checkpoint = MakeCheckpoint(&job->manifest);
    if (!checkpoint.ok()) return std::move(checkpoint).status();
    PassCrashPoint(CrashPoint::kBackupCheckpoint);
    // Only now: until here it may hold what the database's own threads wait for.
    YieldToAll();
    NOTIFYD_TRY(CopyAll(job, *checkpoint));
  }
  job->manifest.ended_at = WallTime{setup_.wall_ms()};
  job->manifest.copied_bytes = copied_;
  PassCrashPoint(CrashPoint::kBackupBeforeManifest);
  NOTIFYD_TRY(MakeFileWhole(job->path, kBackupManifest, EncodeBackupManifest(job->manifest)));
  PassCrashPoint(CrashPoint::kBackupBeforeRename);
  if (::rename(partial.c_str(), PathOf(job->name).c_str()) != 0) return FileFailed("cannot rename", partial);
  PassCrashPoint(CrashPoint::kBackupAfterRename);
  job->path = PathOf(job->name);
  return SyncDirectory(setup_.directory);
}

/// The one part that is at the database: not while that may be closed.
Result<Checkpoint> Backups::MakeCheckpoint(BackupManifest* manifest) {
  const auto be_there = [this](bool there) {
    std::lock_guard lock(mutex_);
    if (there && stopping_) return false;
    in_store_ = there;
    changed_.notify_all();
    return true;
  };
  if (!be_there(true)) return Stopped();
  // Of now: what is sealed while it is made is more, not less.
  manifest->sealed = setup_.sealing->on();
  for (;;) {
    const std::shared_ptr<Seal> sealed_by = setup_.sealing->now();
    Result<Checkpoint> checkpoint = Checkpoint::Make(*setup_.database, setup_.store_directory, setup_.store);
    // Another start may have sealed tables meanwhile whose row is in the log alone, of which there is no copy: then once more, without this one.
    if (checkpoint.ok() && setup_.sealing->now() != sealed_by) continue;
    be_there(false);
    return checkpoint;
  }
}

Status Backups::CopyAll(Job* job, const Checkpoint& checkpoint) {
  uint64_t bytes = 0, to_copy = 0;
  for (const Checkpoint::File& file : checkpoint.files()) {
    bytes += file.bytes;
    if (!job->shareable.count(file.identity)) to_copy += file.bytes;
  }
  {
    std::lock_guard lock(mutex_);
    last_->bytes = bytes;
    last_->files = checkpoint.files().size();
  }
  NOTIFYD_TRY(CheckSpace(to_copy));
  for (const Checkpoint::File& file : checkpoint.files()) {
    Result<BackupFile> copied = CopyOne(job, checkpoint, file);
    if (!copied.ok()) return std::move(copied).status();
    job->manifest.files.push_back(*std::move(copied));
  }
  return SyncDirectory(job->path);
}

Result<BackupFile> Backups::CopyOne(Job* job, const Checkpoint& checkpoint, const Checkpoint::File& file) {
  PassCrashPoint(CrashPoint::kBackupBeforeFile);
  const std::string to = (fs::path(job->path) / file.name).string();
  auto shared = job->shareable.find(file.identity);
  if (shared != job->shareable.end() && shared->second.bytes == file.bytes) {
    const fs::path from = fs::path(job->older) / shared->second.name;
    std::error_code error;
    // Where that does not work (removed meanwhile, no links there, too many of them) it is copied.
    if (fs::file_size(from, error) == file.bytes && ::link(from.c_str(), to.c_str()) == 0)
      return BackupFile{file.name, file.bytes, shared->second.sha256, file.identity};
  }
  Result<std::string> sha256 = CopyWhole((fs::path(checkpoint.path()) / file.name).string(), to, file.bytes, [&](uint64_t bytes) {
    if (stopping_) return Stopped();
    copied_ += bytes;
    job->unlooked_bytes += bytes;
    return job->unlooked_bytes >= kLookAgainBytes ? CheckSpace(std::exchange(job->unlooked_bytes, 0)) : Status::Ok();
  });
  if (!sha256.ok()) return std::move(sha256).status();
  return BackupFile{file.name, file.bytes, *std::move(sha256), file.identity};
}

/// Is there room for so much more where backups are, and enough for the store itself, from which the checkpoint keeps what would have been deleted?
Status Backups::CheckSpace(uint64_t bytes) const {
  NOTIFYD_TRY(CheckRoom(setup_.directory, bytes, setup_.min_free_bytes));
  return CheckRoom(setup_.store_directory, 0, setup_.min_free_bytes);
}

}  // namespace notifyd
