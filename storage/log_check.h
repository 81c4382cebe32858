// Opening what a crash left: telling a log that a power cut tore at its end, which opens by itself, from one in which something that
// had been synced is damaged, which is refused.
//
// RocksDB's own modes do not tell the two apart: point-in-time recovery drops synced records behind a damaged one without a word, the
// tolerant mode takes a record cut short for a torn one, the absolute mode refuses every torn end, and all of them skip zeros together
// with the rest of their 32 KiB block, be there records or not. So each record of the log begins with a mark: up to which sequence
// number everything was synced when it was written; after a sync with nothing to follow, a mark is written by itself. What is missing takes its marks
// along: so the same stands beside the logs, too (storage/synced_file.h). And our own check reads the live logs before RocksDB may change anything.
//   I1 a mark is written only after the sync it speaks of came back: a valid mark is true whatever became of the bytes around it.
//   I2 the tables and the readable beginning of the logs reach every mark in them, or something that was synced is lost: kCorrupt.
//   I3 the same holds for SYNCED; and the logs that it names are there, unless their records are in tables: after a clean stop to the byte.
//   I4 otherwise nothing says that what lies behind the readable beginning had been synced: it is dropped, and the store opens.
//   I5 the same for the end of a MANIFEST that was added to since SYNCED was made: RocksDB takes no log and no table away before what it adds there
//   is
//      synced. So where they all are there without what does not read, it had not been; otherwise the MANIFEST stays as it is, and is refused.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/database.h"
#include "storage/synced_file.h"

namespace rocksdb {
class DB;
class WalFilter;
struct Options;
}  // namespace rocksdb

namespace notifyd {

class GuardedFiles;

/// The bytes that WriteBatch::PutLogData takes, before any other operation of the batch. `store` makes a mark impossible to forge from
/// what a submitter can put into a body.
std::string EncodeSyncedMark(const Fingerprint& store, uint64_t sequence);

/// What one log file's bytes hold.
struct LogScan {
  /// Of the first byte that is not part of a whole, valid record in sequence; the file's size where all of it is. Zeros up to the end
  /// of the file are no fault.
  uint64_t good_bytes = 0;
  /// Where the last such record ends, zeros or not.
  uint64_t record_bytes = 0;
  bool whole = true;
  /// Those that the first such record begins with, and that the next one must begin with; 0: no record was seen yet.
  uint64_t first_sequence = 0, next_sequence = 0;
};
/// `next_sequence`: as the file before it ended, 0 where this is the first.
LogScan ScanLog(std::string_view bytes, uint64_t next_sequence);
/// The highest sequence number that a valid mark of this store speaks of, anywhere in the bytes; 0: none.
uint64_t FindSyncedMark(std::string_view bytes, const Fingerprint& store);

/// What CURRENT names, of its bytes: all up to a line's end.
std::string_view NameInCurrent(std::string_view bytes);
/// The number of a MANIFEST, by its name as CURRENT has it; nothing where it is no MANIFEST's.
std::optional<uint64_t> ManifestNumberOf(std::string_view name);
/// As far as whole records read, whatever is in them: a MANIFEST is written as a log is. Zeros up to the end are no fault here either.
uint64_t ReadableBytes(std::string_view bytes);
/// The MANIFEST that CURRENT names, and its size; zeros where either does not read.
SyncedRecord::File CurrentManifest(const std::string& directory);

/// The number of a log, by its file's name or path; nothing where it is no log's.
std::optional<uint64_t> LogNumberOf(const std::string& path);

struct OpenedDb {
  std::unique_ptr<rocksdb::WalFilter> filter;  // borrowed by `database`
  Database database;
};
/// `make_families`: those that are missing are made; otherwise it is opened with those that it has. `synced`: what SYNCED says; nothing where there
/// is none. Errors: kCorrupt with the file, kIo, kDiskFull. Says in the log what it dropped.
Result<OpenedDb> OpenChecked(const rocksdb::Options& options, const std::string& directory, const Fingerprint& store,
                             const std::optional<SyncedRecord>& synced, bool make_families);

/// Once after opening, when all is synced: the new log begins with a mark that is synced itself, so that whatever is torn behind it, where
/// the log's sequence numbers begin is known.
Status BeginLog(rocksdb::DB* db, const Fingerprint& store);

/// Syncs and closes it, and writes into `file` what the next start must find, if it is found now: otherwise `file` stays as it is. Nothing may use
/// `database` any more; `files` are those that it was opened with. Errors: kIo, kCorrupt (a log is not what was written to it), kDiskFull; where the
/// sync failed the database is still open.
Status CloseChecked(Database* database, const std::string& directory, const Fingerprint& store, const GuardedFiles& files, SyncedFile* file);

}  // namespace notifyd
