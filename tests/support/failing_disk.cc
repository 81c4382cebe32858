// The library that LD_PRELOAD loads (failing_disk.h). Not linked into anything.
//
// A sync that fails leaves the file as Linux does: what was written since the last one that succeeded is gone, as if it had never been, though the
// file is as long as it was. So for each file what it held before each write since its last sync is kept. Names (renames, links, files that were made
// or removed) are taken for durable at once.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/failing_disk.h"

namespace {

/// The C library's function of this name.
template <class Function>
Function Real(const char* name, Function) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}
#define REAL(name) static const auto real_##name = Real(#name, &::name)

struct Write {
  off_t at;
  std::string before, after;
};
/// What was written to a file since its last sync.
struct Unsynced {
  std::string path;
  std::vector<Write> writes;
};
using FileId = std::pair<dev_t, ino_t>;

enum class Verdict { kGoOn, kFail };

constexpr off_t kPageBytes = 4096, kSectorBytes = 512;

class Disk {
 public:
  /// Nothing is ever destroyed: files are written to until the very end of the process.
  static Disk& Get() {
    static Disk* disk = new Disk;
    return *disk;
  }

  /// Is it a file below the directory?
  bool Covers(const char* path) const {
    if (!active_ || !path || std::strncmp(path, directory_.c_str(), directory_.size()) != 0) return false;
    return (path[directory_.size()] == '/' || path[directory_.size()] == '\0') && !std::strstr(path, "/OPTIONS-");
  }
  bool Covers(int fd) const { return active_ && Covers(PathOf(fd).c_str()); }

  /// Counts the call on `file`, a descriptor or a path; it fails with errno set, or the power goes. A failed sync of a descriptor loses what was
  /// written.
  template <class File>
  Verdict Meet(const char* call, File file) {
    std::unique_lock lock(mutex_);
    if (call_ != call && (call_ != "any" || std::strcmp(call, "read") == 0)) return Verdict::kGoOn;
    if (++count_ == nth_) {
      failed_ = PathOf(file);
      if constexpr (std::is_same_v<File, int>) failed_id_ = IdOf(file);
    }
    Report();
    if (count_ != nth_ && !(for_good_ && count_ > nth_)) return Verdict::kGoOn;
    if (how_ == "held") {
      lock.unlock();
      while (::access((report_ + notifyd::test::kHeldSuffix).c_str(), F_OK) == 0) ::usleep(10'000);
      return Verdict::kGoOn;
    }
    if (how_ == "slow") {
      lock.unlock();
      ::sleep(2);
      return Verdict::kGoOn;
    }
    if (how_ == "cut") Cut();
    if constexpr (std::is_same_v<File, int>) {
      if (std::strcmp(call, "sync") == 0) Lose(file);
    }
    errno = how_ == "ENOSPC" ? ENOSPC : how_ == "EROFS" ? EROFS : EIO;
    return Verdict::kFail;
  }

  /// `write` is about to put `size` bytes there; runs it, and remembers what it changes.
  template <class Call>
  ssize_t Remember(int fd, const void* data, size_t size, off_t at, Call call) {
    std::lock_guard lock(mutex_);
    Write write{at, Bytes(fd, at, size), {}};
    ssize_t written = call();
    if (written <= 0) return written;
    write.after.assign(static_cast<const char*>(data), static_cast<size_t>(written));
    write.before.resize(static_cast<size_t>(written));
    Unsynced& file = unsynced_[IdOf(fd)];
    file.path = PathOf(fd);
    file.writes.push_back(std::move(write));
    return written;
  }
  void Synced(int fd) {
    std::lock_guard lock(mutex_);
    unsynced_.erase(IdOf(fd));
  }
  /// The file is about to lose its name; another one may get its number.
  void Forget(const char* path) {
    struct stat info {};
    if (!Covers(path) || ::stat(path, &info) != 0) return;
    std::lock_guard lock(mutex_);
    const FileId id{info.st_dev, info.st_ino};
    unsynced_.erase(id);
    if (failed_id_ != id) return;
    removed_ = true;
    Report();
  }

 private:
  Disk() {
    const char* text = std::getenv("FAILING_DISK");
    char call[16], how[16], directory[512], report[512];
    unsigned for_good = 0;
    if (!text || std::sscanf(text, "%15s %lu %15s %u %u %511s %511s", call, &nth_, how, &for_good, &seed_, directory, report) != 7) return;
    call_ = call;
    how_ = how;
    directory_ = directory;
    report_ = report;
    for_good_ = for_good != 0;
    active_ = true;
  }

  static std::string PathOf(int fd) {
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    char path[512];
    const ssize_t size = ::readlink(link.c_str(), path, sizeof path);
    return std::string(path, size > 0 ? static_cast<size_t>(size) : 0);
  }
  static std::string PathOf(const char* path) { return path; }
  static FileId IdOf(int fd) {
    struct stat info {};
    ::fstat(fd, &info);
    return {info.st_dev, info.st_ino};
  }
  /// What the file holds there; zeros where it ends before.
  static std::string Bytes(int fd, off_t at, size_t size) {
    std::string bytes(size, '\0');
    const int reader = OpenAgain("/proc/self/fd/" + std::to_string(fd), O_RDONLY | O_CLOEXEC);
    REAL(pread);
    if (reader >= 0) {
      (void)real_pread(reader, bytes.data(), size, at);
      ::close(reader);
    }
    return bytes;
  }
  static int OpenAgain(const std::string& path, int flags) {
    REAL(open);
    return real_open(path.c_str(), flags);
  }
  static void Put(int fd, off_t at, const std::string& bytes) {
    REAL(pwrite);
    (void)!real_pwrite(fd, bytes.data(), bytes.size(), at);
  }

  void Report() const {
    const int report = OpenAgain(report_, O_WRONLY | O_CLOEXEC);
    if (report < 0) return;
    Put(report, 0, std::to_string(count_) + (count_ >= nth_ ? " 1 " : " 0 ") + (removed_ ? "1 " : "0 ") + failed_ + "\n");
    ::close(report);
  }
  void Lose(int fd) {
    const auto found = unsynced_.find(IdOf(fd));
    if (found == unsynced_.end()) return;
    const int writer = OpenAgain("/proc/self/fd/" + std::to_string(fd), O_WRONLY | O_CLOEXEC);
    for (auto write = found->second.writes.rbegin(); write != found->second.writes.rend(); ++write) Put(writer, write->at, write->before);
    ::close(writer);
    unsynced_.erase(found);
  }
  /// Of what was not synced some pages made it to the disk and some did not, in no order; some as they were at a moment in between. Or sectors, each
  /// for itself.
  [[noreturn]] void Cut() {
    std::mt19937 random(seed_);
    const off_t unit = random() % 2 == 0 ? kPageBytes : kSectorBytes;
    for (auto& [id, file] : unsynced_) {
      const int writer = OpenAgain(file.path, O_WRONLY | O_CLOEXEC);
      if (writer < 0 || IdOf(writer) != id) continue;  // it has no name any more
      for (auto write = file.writes.rbegin(); write != file.writes.rend(); ++write) Put(writer, write->at, write->before);
      for (const auto& [place, pieces] : PiecesOf(file.writes, unit)) {
        const size_t most = pieces.size(), some = random() % (most + 1);
        const size_t there = random() % 2 == 0 ? 0 : random() % 2 == 0 ? most : some;
        for (size_t i = 0; i < there; ++i) Put(writer, pieces[i].first, pieces[i].second);
      }
      ::close(writer);
    }
    ::_exit(notifyd::test::kPowerWentCode);
  }
  /// What was written to each unit of the file, in its order: where, and what.
  static std::map<off_t, std::vector<std::pair<off_t, std::string>>> PiecesOf(const std::vector<Write>& writes, off_t unit) {
    std::map<off_t, std::vector<std::pair<off_t, std::string>>> pieces;
    for (const Write& write : writes) {
      const off_t end = write.at + static_cast<off_t>(write.after.size());
      for (off_t at = write.at; at < end;) {
        const off_t next = std::min(end, (at / unit + 1) * unit);
        pieces[at / unit].emplace_back(at, write.after.substr(static_cast<size_t>(at - write.at), static_cast<size_t>(next - at)));
        at = next;
      }
    }
    return pieces;
  }

  bool active_ = false, for_good_ = false;
  std::string call_, how_, directory_, report_, failed_;
  std::optional<FileId> failed_id_;  // the file of the descriptor on which the call failed
  bool removed_ = false;             // it lost its name since
  unsigned long nth_ = 0, count_ = 0;
  unsigned seed_ = 1;
  std::mutex mutex_;
  std::map<FileId, Unsynced> unsynced_;
};

int Sync(int fd, int (*real)(int)) {
  Disk& disk = Disk::Get();
  if (!disk.Covers(fd)) return real(fd);
  if (disk.Meet("sync", fd) == Verdict::kFail) return -1;
  const int done = real(fd);
  if (done == 0) disk.Synced(fd);
  return done;
}

template <class Call>
ssize_t WriteAt(int fd, const void* data, size_t size, off_t at, Call call) {
  Disk& disk = Disk::Get();
  if (!disk.Covers(fd)) return call();
  if (disk.Meet("write", fd) == Verdict::kFail) return -1;
  return disk.Remember(fd, data, size, at, call);
}

/// Runs `call`, which is on this file, unless it is to fail.
template <class File, class Call>
auto Guard(const char* kind, File file, Call call) -> decltype(call()) {
  Disk& disk = Disk::Get();
  if (disk.Covers(file) && disk.Meet(kind, file) == Verdict::kFail) return -1;
  return call();
}

mode_t ModeOf(int flags, va_list rest) {
  return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

}  // namespace

extern "C" {

int fdatasync(int fd) {
  REAL(fdatasync);
  return Sync(fd, real_fdatasync);
}
int fsync(int fd) {
  REAL(fsync);
  return Sync(fd, real_fsync);
}

ssize_t write(int fd, const void* data, size_t size) {
  REAL(write);
  return WriteAt(fd, data, size, ::lseek(fd, 0, SEEK_CUR), [&] { return real_write(fd, data, size); });
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  REAL(pwrite);
  return WriteAt(fd, data, size, at, [&] { return real_pwrite(fd, data, size, at); });
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  REAL(pwrite64);
  return WriteAt(fd, data, size, at, [&] { return real_pwrite64(fd, data, size, at); });
}
int ftruncate(int fd, off_t size) noexcept {
  REAL(ftruncate);
  return Guard("write", fd, [&] { return real_ftruncate(fd, size); });
}
int truncate(const char* path, off_t size) noexcept {
  REAL(truncate);
  return Guard("write", path, [&] { return real_truncate(path, size); });
}
int fallocate(int fd, int mode, off_t at, off_t size) {
  REAL(fallocate);
  return Guard("write", fd, [&] { return real_fallocate(fd, mode, at, size); });
}

ssize_t pread(int fd, void* data, size_t size, off_t at) {
  REAL(pread);
  return Guard("read", fd, [&] { return real_pread(fd, data, size, at); });
}
ssize_t pread64(int fd, void* data, size_t size, off64_t at) {
  REAL(pread64);
  return Guard("read", fd, [&] { return real_pread64(fd, data, size, at); });
}
ssize_t read(int fd, void* data, size_t size) {
  REAL(read);
  return Guard("read", fd, [&] { return real_read(fd, data, size); });
}

int rename(const char* from, const char* to) noexcept {
  REAL(rename);
  return Guard("rename", to, [&] {
    Disk::Get().Forget(to);
    return real_rename(from, to);
  });
}
int link(const char* from, const char* to) noexcept {
  REAL(link);
  return Guard("rename", to, [&] { return real_link(from, to); });
}
int unlink(const char* path) noexcept {
  REAL(unlink);
  return Guard("unlink", path, [&] {
    Disk::Get().Forget(path);
    return real_unlink(path);
  });
}
int remove(const char* path) noexcept {
  REAL(remove);
  return Guard("unlink", path, [&] {
    Disk::Get().Forget(path);
    return real_remove(path);
  });
}

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = ModeOf(flags, rest);
  va_end(rest);
  REAL(open);
  return Guard("open", path, [&] { return real_open(path, flags, mode); });
}
int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = ModeOf(flags, rest);
  va_end(rest);
  REAL(open64);
  return Guard("open", path, [&] { return real_open64(path, flags, mode); });
}

}  // extern "C"
