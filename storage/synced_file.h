// SYNCED: a small file beside the database that says what of its logs had been synced, so that a log that is missing, empty or shorter than it was
// is seen though it took its own marks along (storage/log_check.h has those); the same for the MANIFEST, whose end RocksDB does not miss.
// docs/storage-format.md describes its bytes.
//
//   I1 a record is written only after the sync it speaks of came back: any record that reads is true.
//   I2 there are two places for a record, and never are both under way to the disk at once: after a power cut one of them reads.
//   I3 after a clean stop both hold the same record, and it names every log with its size.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/descriptor.h"

namespace notifyd {

struct SyncedRecord {
  struct File {
    uint64_t number = 0;
    uint64_t bytes = 0;
    bool operator==(const File&) const = default;
  };

  Fingerprint store;
  uint64_t serial = 0;  // of the two records the one with the higher serial holds
  bool closed = false;  // after a clean stop nothing of the logs may be missing
  /// All up to this RocksDB sequence number is synced. It stands in the last of `logs`, or in tables where that one is done with.
  uint64_t sequence = 0;
  /// What the database consists of. Its size is the least that it had, after a clean stop the exact one. A later one may have taken its place.
  File manifest;
  /// Oldest first. While the store is open: those in which something has been synced, the newest kLogsMost, without their sizes (0). Some may be done
  /// with.
  std::vector<File> logs;

  bool operator==(const SyncedRecord&) const = default;
};

/// The bytes of one place.
std::string EncodeSynced(const SyncedRecord& record);
/// Nothing where they do not read. What follows the record is ignored.
std::optional<SyncedRecord> DecodeSynced(std::string_view bytes);

/// The file, open. One thread at a time.
class SyncedFile {
 public:
  static constexpr const char* kName = "SYNCED";
  static constexpr size_t kPlaceSize = 4096;
  static constexpr size_t kLogsMost = 32;

  /// What stands in `directory`: a store that no notifyd with such a file has opened yet has none. Errors: kCorrupt (neither record reads, or it is
  /// another store's), kIo.
  static Result<std::optional<SyncedRecord>> Read(const std::string& directory, const Fingerprint& store);
  /// Opens it, makes it where it is missing (whole or not at all), and writes `record` durably. Error: kIo.
  static Result<SyncedFile> Open(const std::string& directory, const SyncedRecord& record);

  const SyncedRecord& record() const { return record_; }
  /// Both give `record` the next serial. WriteSoon leaves it to the kernel, which keeps it over a kill, but maybe not over a power cut, and costs one
  /// write to memory; Write is durable when it returns. Error: kIo.
  Status WriteSoon(SyncedRecord record);
  Status Write(SyncedRecord record);

 private:
  SyncedFile(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}
  Status Put(int place);
  Status Sync();

  std::string path_;
  Descriptor file_;
  SyncedRecord record_;
};

}  // namespace notifyd
