// What tests of crashes share: a store whose directory can be copied at any moment, damaged, and opened.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "storage/log_check.h"
#include "storage/rocks_harness.h"
#include "support/slowness.h"

namespace notifyd {

namespace fs = std::filesystem;

/// What stands in a log, without the zeros that are written ahead of records while it is open.
inline std::string RecordsIn(const fs::path& log) {
  std::string bytes = ReadBytes(log);
  if (LogScan scan = ScanLog(bytes, 0); scan.whole) bytes.resize(scan.record_bytes);
  return bytes;
}

/// A store whose files can be copied as a kill -9 would leave them, and the copy opened after some damage.
struct Crash : RocksHarness {
  explicit Crash(size_t memtable_bytes = StoreOptions().memtable_bytes) : RocksHarness(nullptr, memtable_bytes) {}

  TempDir copies;
  int copy_count = 0;

  /// Without SYNCED only the logs themselves say what was synced, as in a store of an older notifyd. The logs end with their records, so that what is
  /// taken away from their ends is of those; CopyWhole leaves the zeros behind them, as a kill -9 does.
  fs::path Copy(bool with_synced_file = false) {
    fs::path target = CopyWhole(with_synced_file);
    for (const fs::path& log : FilesIn(target, ".log")) WriteBytes(log, RecordsIn(log));
    return target;
  }
  fs::path CopyWhole(bool with_synced_file) {
    fs::path target = copies.path() / std::to_string(++copy_count);
    CopyTo(target);
    if (!with_synced_file) fs::remove(target / SyncedFile::kName);
    return target;
  }
  Result<std::unique_ptr<RocksStore>> OpenAt(const fs::path& path) {
    StoreOptions options = Options();
    options.directory = path.string();
    return RocksStore::Open(options);
  }
  /// The ids that are there, oldest first; fails the test where the store does not open.
  std::vector<uint64_t> IdsAt(const fs::path& path) {
    RocksHarness at(&path);
    ListQuery query;
    query.limit = 1000;
    std::vector<uint64_t> ids;
    for (const LoadedNotify& item : at.List(query).items) ids.insert(ids.begin(), item.record->id.value);
    return ids;
  }
  void CheckRefused(const fs::path& path, const fs::path& file) {
    auto store = OpenAt(path);
    REQUIRE_FALSE(store.ok());
    CHECK(store.status().code() == Code::kCorrupt);
    CHECK_THAT(store.status().detail(), Catch::Contains(file.string()));
  }
  void CommitOne(uint64_t id, bool sync, size_t spec_bytes = 40) {
    NotifyRecord record = MakeRecord(id);
    // Not compressible, so that no byte of it is like its neighbour.
    std::string spec(spec_bytes, '\0');
    for (size_t i = 0; i < spec.size(); ++i) spec[i] = static_cast<char>((i * 2654435761u + id * 40503u) >> 7);
    record.spec = std::make_shared<const std::string>(std::move(spec));
    Commit({Put(record)}, sync);
  }
  Fingerprint StoreId() {
    unsigned long long high = 0, low = 0;
    REQUIRE(std::sscanf(ReadBytes(directory() / "FORMAT").c_str(), "notifyd store\nformat %*u\nid %16llx%16llx", &high, &low) == 2);
    return {high, low};
  }
  /// Until the newest log says of all that is in it that it is synced, which an idle store does by itself after some milliseconds.
  void WaitForMark();
  /// Synced ones, then unsynced ones.
  void Fill(uint64_t synced, uint64_t unsynced, size_t spec_bytes = 40) {
    for (uint64_t id = 1; id <= synced; ++id) CommitOne(id, true, spec_bytes);
    for (uint64_t id = synced + 1; id <= synced + unsynced; ++id) CommitOne(id, false, spec_bytes);
  }
};

inline std::vector<uint64_t> UpTo(uint64_t n) {
  std::vector<uint64_t> ids;
  for (uint64_t id = 1; id <= n; ++id) ids.push_back(id);
  return ids;
}

inline fs::path TheLog(const fs::path& directory) {
  auto logs = FilesIn(directory, ".log");
  REQUIRE_FALSE(logs.empty());
  return logs.back();
}

inline void Crash::WaitForMark() {
  auto marked = [log = TheLog(directory()), id = StoreId()] {
    std::string bytes = ReadBytes(log);
    return FindSyncedMark(bytes, id) + 1 == ScanLog(bytes, 0).next_sequence;
  };
  for (int i = 0; i < 10'000 * test::kSlowness && !marked(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  REQUIRE(marked());
}

}  // namespace notifyd
