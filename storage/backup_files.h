// Files of backups: copied, and told by what is in them. Any thread; all of it blocks on the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "storage/backup_manifest.h"

namespace notifyd {

/// 64 hex digits.
std::string Sha256Hex(std::string_view bytes);

/// The failure of a system call that just set errno: kDiskFull, else kIo. `what` was tried with the file at `path`.
Status FileFailed(const std::string& what, const std::string& path);

/// Called after each piece of at most 1 MiB with its size, before it is written; an error ends the copy, and is its error. Empty: nobody asks.
using OnPiece = std::function<Status(uint64_t bytes)>;

/// Copies the first `bytes` of `from` to `to`, which must not be there yet, for its owner alone, and syncs that; returns the SHA-256 of what was
/// copied. What it reads and writes does not stay in the page cache, and never is more than some MiB of it unwritten, so that nobody else's sync
/// waits for long. Errors: kDiskFull, kIo; kCorrupt where `from` is shorter.
Result<std::string> CopyWhole(const std::string& from, const std::string& to, uint64_t bytes, const OnPiece& on_piece);

/// Is `path` what `file` says of it? Error: kCorrupt, which names it; kIo.
Status CheckBackupFile(const std::string& path, const BackupFile& file, const OnPiece& on_piece);
/// Copies it to `to` as CopyWhole does, and checks that meanwhile. Errors: both's.
Status CopyBackupFile(const std::string& path, const std::string& to, const BackupFile& file, const OnPiece& on_piece);

}  // namespace notifyd
