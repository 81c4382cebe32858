// Checkpoint: the database as it is at one moment, beside itself: hard links to its tables, which never change, and copies of the few small files
// that name them. It stays whole whatever the database does from then on; of the disk it takes what the database would have given back since.
//
// There is no log in it: all that was written before is in tables first. So it holds all that was acknowledged before Make was called, maybe some of
// what came meanwhile, and opens as after a clean stop.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/database.h"

namespace notifyd {

/// Its directory, in the store's.
inline constexpr const char* kCheckpointName = "CHECKPOINT";

class Checkpoint {
 public:
  struct File {
    std::string name;
    uint64_t bytes = 0;
    std::string identity;  // as BackupFile's
  };

  /// Makes it in `directory`, the store's own, on the caller's thread: a flush, and a link for each table. Errors: kIo, kDiskFull, kCorrupt.
  static Result<Checkpoint> Make(const Database& database, const std::string& directory, const Fingerprint& store);
  /// Removes what is left of one there, whoever made it.
  static void Remove(const std::string& directory);

  Checkpoint(Checkpoint&& other) noexcept
      : directory_(std::move(other.directory_)), path_(std::exchange(other.path_, {})), files_(std::move(other.files_)) {}
  ~Checkpoint();

  const std::string& path() const { return path_; }
  const std::vector<File>& files() const { return files_; }

 private:
  explicit Checkpoint(const std::string& directory);
  Status Fill(const Database& database, const Fingerprint& store);
  Status Add(const std::string& name, uint64_t manifest_bytes, const Fingerprint& store);
  Status AddSmall(const std::string& name, const std::string& from, uint64_t bytes);
  Status AddText(const std::string& name, const std::string& text);
  Status AddTable(const std::string& name, const std::string& from, uint64_t bytes);

  std::string directory_, path_;  // empty: moved from
  std::vector<File> files_;
};

}  // namespace notifyd
