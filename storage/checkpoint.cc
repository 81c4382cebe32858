#include "storage/checkpoint.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table_properties.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "storage/backup_files.h"
#include "storage/directory.h"
#include "storage/keep_files.h"
#include "storage/store_options.h"
#include "storage/synced_file.h"

namespace notifyd {
namespace {

namespace fs = std::filesystem;

std::string PathIn(const std::string& directory, const std::string& name) {
  return (fs::path(directory) / name).string();
}

/// RocksDB names each session of a database at random, and what it makes in it by number. What was made before it did so has no such name.
Result<std::string> IdentityOf(const std::string& path) {
  rocksdb::Options options;
  options.info_log = nullptr;
  rocksdb::SstFileReader reader(options);
  rocksdb::Status status = reader.Open(path);
  if (!status.ok()) return TranslateStatus(status, "cannot read " + path);
  const auto properties = reader.GetTableProperties();
  if (!properties || properties->db_session_id.empty() || properties->orig_file_number == 0) return std::string();
  return properties->db_session_id + "-" + std::to_string(properties->orig_file_number);
}

/// What a start finds to hold of the copy: no log is needed, and the MANIFEST is as long as it was.
std::string SyncedText(const Fingerprint& store, uint64_t manifest, uint64_t bytes) {
  SyncedRecord record;
  record.store = store;
  record.serial = 1;
  record.closed = true;
  record.manifest = {manifest, bytes};
  std::string text = EncodeSynced(record);
  text.resize(SyncedFile::kPlaceSize, '\0');
  return text + text;
}

}  // namespace

Checkpoint::Checkpoint(const std::string& directory) : directory_(directory), path_(PathIn(directory, kCheckpointName)) {}

Checkpoint::~Checkpoint() {
  if (!path_.empty()) Remove(directory_);
}

void Checkpoint::Remove(const std::string& directory) {
  std::error_code ignored;  // what stays is in the next one's way, which says so
  fs::remove_all(PathIn(directory, kCheckpointName), ignored);
}

Result<Checkpoint> Checkpoint::Make(const Database& database, const std::string& directory, const Fingerprint& store) {
  Remove(directory);
  Checkpoint made(directory);
  if (Status filled = made.Fill(database, store); !filled.ok()) return filled;
  return made;
}

Status Checkpoint::Fill(const Database& database, const Fingerprint& store) {
  if (::mkdir(path_.c_str(), 0700) != 0) return FileFailed("cannot make", path_);
  rocksdb::DB* db = database.db();
  rocksdb::FlushOptions flush;
  // Both families together, and not before writes would have to wait for it.
  NOTIFYD_TRY(TranslateStatus(db->Flush(flush, {database.main(), database.notifies()}), "cannot write tables", directory_));
  KeepFiles kept(db);
  NOTIFYD_TRY(TranslateStatus(kept.status(), "cannot keep the tables", directory_));
  std::vector<std::string> names;
  uint64_t manifest_bytes = 0;
  NOTIFYD_TRY(TranslateStatus(db->GetLiveFiles(names, &manifest_bytes, /*flush_memtable=*/false), "cannot list the tables", directory_));
  for (const std::string& path : names) NOTIFYD_TRY(Add(fs::path(path).filename().string(), manifest_bytes, store));
  return Add(fs::path(FormatPathIn(directory_)).filename().string(), manifest_bytes, store);
}

/// What RocksDB lists, by its name: as much of the MANIFEST as it had then, and a CURRENT that names that one, whatever it names by now.
Status Checkpoint::Add(const std::string& name, uint64_t manifest_bytes, const Fingerprint& store) {
  constexpr std::string_view kManifest = "MANIFEST-";
  if (name == "CURRENT") return Status::Ok();
  const std::string from = PathIn(directory_, name);
  if (name.starts_with(kManifest)) {
    NOTIFYD_TRY(AddSmall(name, from, manifest_bytes));
    NOTIFYD_TRY(AddText("CURRENT", name + "\n"));
    return AddText(SyncedFile::kName, SyncedText(store, std::strtoull(name.c_str() + kManifest.size(), nullptr, 10), manifest_bytes));
  }
  std::error_code error;
  const uint64_t bytes = fs::file_size(from, error);
  if (error) return Status(Code::kIo, "cannot look at " + from + ": " + error.message());
  return name.ends_with(".sst") ? AddTable(name, from, bytes) : AddSmall(name, from, bytes);
}

Status Checkpoint::AddSmall(const std::string& name, const std::string& from, uint64_t bytes) {
  Result<std::string> copied = CopyWhole(from, PathIn(path_, name), bytes, {});
  if (!copied.ok()) return std::move(copied).status();
  files_.push_back({name, bytes, {}});
  return Status::Ok();
}

Status Checkpoint::AddText(const std::string& name, const std::string& text) {
  NOTIFYD_TRY(MakeFileWhole(path_, name, text));
  files_.push_back({name, text.size(), {}});
  return Status::Ok();
}

Status Checkpoint::AddTable(const std::string& name, const std::string& from, uint64_t bytes) {
  const std::string to = PathIn(path_, name);
  if (::link(from.c_str(), to.c_str()) != 0) return FileFailed("cannot link", from);
  Result<std::string> identity = IdentityOf(to);
  if (!identity.ok()) return std::move(identity).status();
  files_.push_back({name, bytes, *std::move(identity)});
  return Status::Ok();
}

}  // namespace notifyd
