#include "storage/backup_files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/hex.h"
#include "storage/descriptor.h"

namespace notifyd {
namespace {

constexpr size_t kPieceBytes = 1 << 20;
// So much may wait to be written at most: what somebody else's fdatasync may have to wait for.
constexpr uint64_t kUnwrittenMost = 1 << 20;

/// SHA-256 of what comes piece by piece.
class Hash {
 public:
  Hash() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) { CHECK(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1); }
  void Add(std::string_view bytes) { CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1); }
  std::string End() {
    unsigned char digest[32];
    unsigned size = 0;
    CHECK(EVP_DigestFinal_ex(context_.get(), digest, &size) == 1 && size == sizeof digest);
    return HexOf({reinterpret_cast<const char*>(digest), sizeof digest});
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

/// Hands the first `bytes` of a file over, piece by piece.
Status ReadPieces(const std::string& path, uint64_t bytes, const std::function<Status(std::string_view piece)>& take) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.open()) return FileFailed("cannot open", path);
  std::string piece(std::min<uint64_t>(kPieceBytes, bytes), '\0');
  for (uint64_t at = 0; at < bytes;) {
    const ssize_t size = ::pread(file.get(), piece.data(), std::min<uint64_t>(piece.size(), bytes - at), static_cast<off_t>(at));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return FileFailed("cannot read", path);
    if (size == 0)
      return Status(Code::kCorrupt, path + " is too short: it has " + std::to_string(at) + " bytes, and should have " + std::to_string(bytes));
    NOTIFYD_TRY(take({piece.data(), static_cast<size_t>(size)}));
    ::posix_fadvise(file.get(), static_cast<off_t>(at), size, POSIX_FADV_DONTNEED);
    at += static_cast<uint64_t>(size);
  }
  return Status::Ok();
}

/// A file that is being made.
class NewFile {
 public:
  explicit NewFile(const std::string& path) : path_(path), file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {}

  Status Open() const { return file_.open() ? Status::Ok() : FileFailed("cannot make", path_); }
  Status Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t size = ::write(file_.get(), bytes.data(), bytes.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return FileFailed("cannot write", path_);
      bytes.remove_prefix(static_cast<size_t>(size));
      written_ += static_cast<uint64_t>(size);
    }
    if (written_ - sent_ >= kUnwrittenMost) SendToDisk();
    return Status::Ok();
  }
  Status Sync() {
    if (::fsync(file_.get()) != 0) return FileFailed("cannot sync", path_);
    ::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED);
    return Status::Ok();
  }

 private:
  /// The data alone, without a commit of the journal. Where the file system does not know how, the sync at the end does it all.
  void SendToDisk() {
    const auto from = static_cast<off_t>(sent_), bytes = static_cast<off_t>(written_ - sent_);
    ::sync_file_range(file_.get(), from, bytes, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    ::posix_fadvise(file_.get(), from, bytes, POSIX_FADV_DONTNEED);
    sent_ = written_;
  }

  const std::string path_;
  const Descriptor file_;
  uint64_t written_ = 0, sent_ = 0;
};

Status CheckLength(const std::string& path, const BackupFile& file) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? Status(Code::kCorrupt, "the backup is damaged: " + path + " is missing") : FileFailed("cannot look at", path);
  }
  if (S_ISREG(info.st_mode) && static_cast<uint64_t>(info.st_size) == file.bytes) return Status::Ok();
  return Status(Code::kCorrupt, "the backup is damaged: " + path +
                                    (S_ISREG(info.st_mode) ? " has " + std::to_string(info.st_size) + " bytes, and had " + std::to_string(file.bytes)
                                                           : " is no file"));
}

Status CheckSum(const std::string& path, const BackupFile& file, const std::string& sha256) {
  if (sha256 == file.sha256) return Status::Ok();
  return Status(Code::kCorrupt, "the backup is damaged: " + path + " is not what was written: its SHA-256 is " + sha256 + ", and was " + file.sha256);
}

}  // namespace

Status FileFailed(const std::string& what, const std::string& path) {
  const int fault = errno;
  return Status(fault == ENOSPC || fault == EDQUOT ? Code::kDiskFull : Code::kIo, what + " " + path + ": " + std::strerror(fault));
}

std::string Sha256Hex(std::string_view bytes) {
  Hash hash;
  hash.Add(bytes);
  return hash.End();
}

Result<std::string> CopyWhole(const std::string& from, const std::string& to, uint64_t bytes, const OnPiece& on_piece) {
  NewFile target(to);
  NOTIFYD_TRY(target.Open());
  Hash hash;
  NOTIFYD_TRY(ReadPieces(from, bytes, [&](std::string_view piece) {
    hash.Add(piece);
    const Status goes_on = on_piece ? on_piece(piece.size()) : Status::Ok();
    return goes_on.ok() ? target.Write(piece) : goes_on;
  }));
  NOTIFYD_TRY(target.Sync());
  return hash.End();
}

Status CheckBackupFile(const std::string& path, const BackupFile& file, const OnPiece& on_piece) {
  NOTIFYD_TRY(CheckLength(path, file));
  Hash hash;
  NOTIFYD_TRY(ReadPieces(path, file.bytes, [&](std::string_view piece) {
    hash.Add(piece);
    return on_piece ? on_piece(piece.size()) : Status::Ok();
  }));
  return CheckSum(path, file, hash.End());
}

Status CopyBackupFile(const std::string& path, const std::string& to, const BackupFile& file, const OnPiece& on_piece) {
  NOTIFYD_TRY(CheckLength(path, file));
  Result<std::string> sha256 = CopyWhole(path, to, file.bytes, on_piece);
  return sha256.ok() ? CheckSum(path, file, *sha256) : std::move(sha256).status();
}

}  // namespace notifyd
