// The file BACKUP, which says what a backup consists of: a backup is a directory that has it. docs/storage-format.md describes its lines.
//
//   notifyd backup
//   version 1
//   name nightly
//   store 5b0f3c1de2a94e6f8a7b6c5d4e3f2a1b
//   began_at 2027-03-01T02:00:00.000Z
//   ended_at 2027-03-01T02:03:20.000Z
//   copied_bytes 33554432
//   sealed no
//   file <SHA-256 as hex> <bytes> <which table it is, or -> 000123.sst
//   checksum <SHA-256, as hex, of all before this line>
//
// I1 it is written last, durably, before the directory gets its name: where it is, all else is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "base/time.h"

namespace notifyd {

inline constexpr const char* kBackupManifest = "BACKUP";

struct BackupFile {
  std::string name;
  uint64_t bytes = 0;
  std::string sha256;  // 64 hex digits
  /// Of a table: what no other table ever has, whichever store made it, so that a later backup need not copy it again. Empty: unknown, or no table.
  std::string identity;
  bool operator==(const BackupFile&) const = default;
};

struct BackupManifest {
  std::string name;
  Fingerprint store;
  /// All that was acknowledged before `began_at` is in it.
  WallTime began_at, ended_at;
  uint64_t copied_bytes = 0;  // the others were there in an older backup
  bool sealed = false;        // it takes the keys of then to open it
  std::vector<BackupFile> files;

  uint64_t bytes() const;
  bool operator==(const BackupManifest&) const = default;
};

std::string EncodeBackupManifest(const BackupManifest& manifest);
/// Error: kCorrupt where it does not read or its checksum is wrong; kUnacceptable where it has a later version.
Result<BackupManifest> DecodeBackupManifest(std::string_view text);
/// Of the backup in `directory`; the file is named where it does not read. Errors: those, kNotFound where it has none, kIo.
Result<BackupManifest> ReadBackupManifest(const std::string& directory);

/// May a backup be called so: 1 to 100 letters, digits, "-", "_" and ".", the first one a letter or digit, and the end not that of one that is being
/// made? Error: kUnacceptable, at "/name".
Status CheckBackupName(std::string_view name);
/// Behind the name of one that is being made.
inline constexpr std::string_view kPartial = ".partial";

}  // namespace notifyd
