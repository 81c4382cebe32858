// The store's directory: is it ours, and of a version that this code reads? Answered by a small text file, before RocksDB may touch
// anything: RocksDB would replay, compact and so change whatever database it finds. At Open only.
//
//   FORMAT:  notifyd store
//            format 6
//            id 5b0f3c1de2a94e6f8a7b6c5d4e3f2a1b
#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "storage/descriptor.h"
#include "storage/records.h"

namespace notifyd {

struct PreparedDirectory {
  FormatRecord format;
  Descriptor lock;  // of FORMAT, with a flock: let go of when it is destroyed, or with the process
};

/// Makes the directory (0700, its parent synced) and the file where there is nothing yet, takes the lock, and takes others' rights away
/// (storage/permissions.h). The same record stands in the store under m/format. The format may be an older one: storage/upgrade.h. Errors:
/// kUnacceptable (a newer format; files that are not a notifyd store's), kCorrupt (the database's own entry file is gone, and NoteBegun came back
/// once), kIo (in use, no permission, open to others, ...).
/// `moving`: the id of the store that is being moved there, by whom kMovingFile is held; else a directory with that file is refused, kUnacceptable.
Result<PreparedDirectory> PrepareDirectory(const std::string& directory, const std::optional<Fingerprint>& moving = {});

/// Stands in a directory for as long as what lies there is half a store (storage/rocks_move.h).
inline constexpr const char* kMovingFile = "MOVING";
/// In the data directory, beside the store or where that is elsewhere: the socket at which the token commands of the broker's own user, and of root,
/// are served (contract section 8, "the first one"): plain HTTP, /v1/tokens and what is below, without a credential. A broker that was killed leaves
/// it.
inline constexpr const char* kControlSocket = "control.sock";
/// Makes it (0700), and what it lies in, durably, where it is not there. Error: kIo, kUnacceptable.
Status MakeStoreDirectory(const std::string& directory);

/// The database is there, and synced: from now on a directory without it is damaged, and no new store. Error: kIo.
Status NoteBegun(const std::string& directory);

/// Would PrepareDirectory take it, as far as that can be asked without a change: what it refuses of a directory that is there, and whether one that
/// is not could be made. `lock`: and is it free? Errors: as PrepareDirectory's.
Status CheckDirectory(const std::string& directory, bool lock);

/// FORMAT says `record` from now on, durably: the file stays the same one, since the lock is on it. Error: kIo.
Status RewriteFormatFile(const std::string& directory, const FormatRecord& record);

/// The file that says whose the directory is, and whose lock says that it is in use.
std::string FormatPathIn(const std::string& directory);

/// Makes a file that is there whole or not at all after a crash, for its owner alone, and syncs its directory. One that is there already stays as it
/// is. Error: kIo.
Status MakeFileWhole(const std::string& directory, const std::string& name, const std::string& bytes);

/// What was made, renamed and deleted in it is durable when this returns. Error: kIo.
Status SyncDirectory(const std::string& directory);

/// Is `inner` the directory `outer`, or in it, by way of links too? Neither need be there.
bool LiesIn(const std::string& inner, const std::string& outer);

/// Bytes in all files, and in the logs among them.
struct DirectorySize {
  uint64_t all = 0, logs = 0;
};
DirectorySize MeasureDirectory(const std::string& directory);

/// Of the file system that holds it: free for us, and in all. False where that cannot be said.
bool MeasureDisk(const std::string& directory, uint64_t* free_bytes, uint64_t* total_bytes);

}  // namespace notifyd
