// Backups of a store that is in use: what is in them, what a later one copies, what is refused, and what is left where one does not come to its end.
#include "storage/backups.h"

#include <chrono>
#include <thread>

#include "storage/backup_files.h"
#include "storage/rocks_harness.h"

namespace notifyd {
namespace {

namespace fs = std::filesystem;
using BackupPhase = BackupState::Phase;

struct BackupHarness : RocksHarness {
  BackupHarness() : RocksHarness(nullptr) {
    backups = (root.path() / "backups").string();
    Reopen();
  }
  /// Once it has looked at what there is.
  Backups& made() {
    Backups& made = *rocks().backups();
    while (made.configured() && !made.looked()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return made;
  }
  /// Notifies with these ids, in one table.
  void Write(uint64_t first, uint64_t last) {
    std::vector<WriteOp> ops;
    for (uint64_t id = first; id <= last; ++id) ops.push_back(Put(MakeRecord(id)));
    Commit(std::move(ops));
  }
  BackupState Await(const std::string& name) {
    for (;;) {
      Result<BackupState> state = made().Get(name);
      REQUIRE(state.ok());
      if (state->phase != BackupPhase::kRunning) return *state;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  BackupState Make(const std::string& name, bool full = false) {
    ++wall_ms;
    Result<BackupState> begun = made().Begin(name, full);
    if (!begun.ok()) FAIL(begun.status().detail());
    BackupState state = Await(name);
    CHECK(state.detail == "");
    REQUIRE(state.phase == BackupPhase::kDone);
    return state;
  }
  Status Fault(const std::string& name) {
    Result<BackupState> begun = made().Begin(name, false);
    return begun.ok() ? Status::Ok() : begun.status();
  }
  fs::path At(const std::string& name) const { return fs::path(backups) / name; }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const fs::path& path : FilesIn(backups))
      if (path.filename() != ".lock") names.push_back(path.filename().string());
    return names;
  }
  TempDir root;
};

/// The ids that the store in a copy of `backup` has.
std::vector<uint64_t> IdsIn(const fs::path& backup) {
  TempDir dir;
  const fs::path copy = dir.path() / "store";
  fs::copy(backup, copy);
  fs::remove(copy / kBackupManifest);
  RocksHarness store(&copy);
  ListQuery query;
  query.limit = 1000;
  query.oldest_first = true;
  std::vector<uint64_t> ids;
  for (const LoadedNotify& item : store.List(query).items) ids.push_back(item.record->id.value);
  return ids;
}

std::vector<uint64_t> UpTo(uint64_t last) {
  std::vector<uint64_t> ids;
  for (uint64_t id = 1; id <= last; ++id) ids.push_back(id);
  return ids;
}

}  // namespace

TEST_CASE("backups: one has all that was written before it began, and opens as a store") {
  BackupHarness store;
  CHECK_FALSE(store.made().newest_ms());
  store.Write(1, 100);
  const BackupState state = store.Make("first");
  CHECK(state.files >= 5);
  CHECK(state.copied_bytes == state.bytes);
  CHECK(state.finished_at.has_value());
  store.Write(101, 200);
  CHECK(IdsIn(store.At("first")) == UpTo(100));
  CHECK_FALSE(fs::exists(store.directory() / kCheckpointName));
  // Its files are what the manifest says, and nothing else is there.
  Result<BackupManifest> manifest = ReadBackupManifest(store.At("first").string());
  REQUIRE(manifest.ok());
  CHECK(manifest->files.size() + 1 == FilesIn(store.At("first")).size());
  for (const BackupFile& file : manifest->files) CHECK(CheckBackupFile((store.At("first") / file.name).string(), file, {}).ok());
}

TEST_CASE("backups: while it is written to all the time, one has what was there and no half of anything") {
  BackupHarness store;
  store.Write(1, 50);
  for (int round = 0; round < 3; ++round) {
    const std::string name = "b" + std::to_string(round);
    const uint64_t before = 50 + static_cast<uint64_t>(round) * 100;
    REQUIRE(store.made().Begin(name, false).ok());
    for (uint64_t id = before + 1; id <= before + 100; id += 2) store.Write(id, id + 1);
    CHECK(store.Await(name).detail == "");
    const std::vector<uint64_t> ids = IdsIn(store.At(name));
    CHECK(ids.size() >= before);
    CHECK(ids.size() % 2 == 0);  // batches of two
    CHECK(ids == UpTo(ids.size()));
  }
}

TEST_CASE("backups: a later one copies what is new alone, and is whole where the older one is removed") {
  BackupHarness store;
  store.Write(1, 500);
  const BackupState first = store.Make("first");
  store.Write(501, 510);
  const BackupState second = store.Make("second");
  CHECK(second.bytes > first.bytes);
  CHECK(second.copied_bytes < first.bytes);
  Result<BackupManifest> manifest = ReadBackupManifest(store.At("second").string());
  REQUIRE(manifest.ok());
  size_t linked = 0;
  for (const BackupFile& file : manifest->files) linked += fs::hard_link_count(store.At("second") / file.name) == 2;
  CHECK(linked > 0);
  // Also after a restart, and not where all is asked for.
  store.Reopen();
  CHECK(store.made().newest_ms() == second.started_at.ms);
  CHECK(store.made().newest_bytes() == second.bytes);
  const BackupState third = store.Make("third");
  CHECK(third.copied_bytes < third.bytes);
  const BackupState whole = store.Make("whole", /*full=*/true);
  CHECK(whole.copied_bytes == whole.bytes);
  REQUIRE(store.made().Remove("first").ok());
  REQUIRE(store.made().Remove("third").ok());
  CHECK(store.Names() == std::vector<std::string>{"second", "whole"});
  for (const BackupFile& file : manifest->files) CHECK(CheckBackupFile((store.At("second") / file.name).string(), file, {}).ok());
  CHECK(IdsIn(store.At("second")) == UpTo(510));
  CHECK(store.made().Remove("first").code() == Code::kNotFound);
}

TEST_CASE("backups: what another store has put there does not come between") {
  BackupHarness store;
  store.Write(1, 500);
  const BackupState first = store.Make("first");
  // As one that another store has made since: nothing of it is this one's.
  Result<BackupManifest> manifest = ReadBackupManifest(store.At("first").string());
  REQUIRE(manifest.ok());
  manifest->name = "foreign";
  manifest->store = Fingerprint{};
  manifest->began_at.ms += 1;
  for (BackupFile& file : manifest->files) file.identity.clear();
  fs::create_directory(store.At("foreign"));
  WriteBytes(store.At("foreign") / kBackupManifest, EncodeBackupManifest(*manifest));
  const BackupState second = store.Make("second");
  CHECK(second.copied_bytes < first.bytes / 2);
}

TEST_CASE("backups: one flipped bit anywhere is found, and the file named") {
  BackupHarness store;
  store.Write(1, 20);
  store.Make("b");
  Result<BackupManifest> manifest = ReadBackupManifest(store.At("b").string());
  REQUIRE(manifest.ok());
  for (const BackupFile& file : manifest->files) {
    const fs::path path = store.At("b") / file.name;
    const std::string right = ReadBytes(path);
    for (size_t at : {size_t{0}, right.size() / 2, right.size() - 1}) {
      std::string wrong = right;
      wrong[at] = static_cast<char>(wrong[at] ^ 4);
      WriteBytes(path, wrong);
      const Status found = CheckBackupFile(path.string(), file, {});
      CHECK(found.code() == Code::kCorrupt);
      CHECK_THAT(found.detail(), Catch::Contains(file.name));
    }
    WriteBytes(path, right.substr(1));
    CHECK_THAT(CheckBackupFile(path.string(), file, {}).detail(), Catch::Contains("bytes, and had"));
    fs::remove(path);
    CHECK_THAT(CheckBackupFile(path.string(), file, {}).detail(), Catch::Contains("is missing"));
  }
}

TEST_CASE("backups: refused are a wrong name, one that is there, a second one at once, and all where no directory is set") {
  BackupHarness store;
  store.Write(1, 10);
  CHECK(store.Fault("../b").code() == Code::kUnacceptable);
  CHECK(store.Fault("../b").field() == "/name");
  store.Make("b");
  CHECK(store.Fault("b").code() == Code::kConflict);
  CHECK(store.made().Get("c").status().code() == Code::kNotFound);
  CHECK(store.made().Remove("c").code() == Code::kNotFound);
  {
    // Another broker that writes there now.
    RocksHarness other;
    other.backups = store.backups;
    other.Reopen();
    REQUIRE(store.made().Begin("one", false).ok());
    Result<BackupState> second = store.made().Begin("two", false);
    Result<BackupState> elsewhere = other.rocks().backups()->Begin("three", false);
    const BackupState state = store.Await("one");
    CHECK(state.phase == BackupPhase::kDone);
    // Whoever came before it was through was refused; that it was is told by what the first one says.
    if (!second.ok()) CHECK(second.status().code() == Code::kConflict);
    if (!elsewhere.ok()) CHECK(elsewhere.status().code() == Code::kConflict);
  }
  store.backups.clear();
  store.Reopen();
  CHECK_THAT(store.Fault("d").detail(), Catch::Contains("backup.directory"));
  CHECK(store.made().List().status().code() == Code::kUnacceptable);
  store.backups = (store.directory() / "inside").string();
  store.Reopen();
  CHECK_THAT(store.Fault("d").detail(), Catch::Contains("into the data directory"));
  WriteBytes(store.root.path() / "file", "no directory");
  store.backups = (store.root.path() / "file").string();
  store.Reopen();
  CHECK_THAT(store.Fault("d").detail(), Catch::Contains("cannot be written to"));
}

TEST_CASE("backups: what a kill left is removed by the next, and is no backup meanwhile") {
  BackupHarness store;
  store.Write(1, 10);
  fs::create_directories(store.At("killed.partial"));
  WriteBytes(store.At("killed.partial") / "FORMAT", "half");
  WriteBytes(store.At("own.partial"), "a file of somebody's");
  store.Close();
  fs::create_directory(store.directory() / kCheckpointName);
  WriteBytes(store.directory() / kCheckpointName / "000001.sst", "old");
  store.Open();
  CHECK_FALSE(fs::exists(store.directory() / kCheckpointName));
  CHECK(store.made().List()->empty());
  // What is no directory is nobody's half backup, and stays.
  REQUIRE(store.made().Begin("own", false).ok());
  CHECK_THAT(store.Await("own").detail, Catch::Contains("own.partial"));
  store.Make("killed");
  CHECK(store.Names() == std::vector<std::string>{"killed", "own.partial"});
  CHECK(IdsIn(store.At("killed")) == UpTo(10));
}

TEST_CASE("backups: one that fails or is stopped leaves nothing behind, and says why") {
  BackupHarness store;
  store.Write(1, 10);
  store.Make("good");
  // A table that does not read, as a broken disk would make it.
  const fs::path table = FilesIn(store.directory(), ".sst").back();
  const std::string right = ReadBytes(table);
  WriteBytes(table, right.substr(0, right.size() - 60) + std::string(60, 'x'));
  ++store.wall_ms;
  REQUIRE(store.made().Begin("bad", false).ok());
  const BackupState bad = store.Await("bad");
  CHECK(bad.phase == BackupPhase::kFailed);
  CHECK_THAT(bad.detail, Catch::Contains(table.filename().string()));
  CHECK(store.made().counts().failed == 1);
  CHECK(store.made().newest_ms() == store.made().List()->front().started_at.ms);
  WriteBytes(table, right);
  CHECK(store.made().List()->back().name == "bad");
  CHECK(store.Names() == std::vector<std::string>{"good"});
  CHECK(store.made().Remove("bad").ok());
  CHECK(store.made().List()->size() == 1);
  REQUIRE(store.made().Begin("stopped", false).ok());
  store.Close();
  for (const std::string& name : store.Names()) CHECK_FALSE(name.ends_with(kPartial));
  CHECK_FALSE(fs::exists(store.directory() / kCheckpointName));
}

TEST_CASE("backups: none begins where the disk would be fuller than it may be") {
  BackupHarness store;
  store.Write(1, 10);
  store.Close();
  StoreOptions options = store.Options();
  options.min_free_bytes = uint64_t{1} << 59;
  auto opened = RocksStore::Open(options);
  REQUIRE(opened.ok());
  WaitingEvents events;
  (*opened)->Start(&events);
  Backups& made = *(*opened)->backups();
  REQUIRE(made.Begin("b", false).ok());
  Result<BackupState> state = made.Get("b");
  while (state->phase == BackupPhase::kRunning) state = made.Get("b");
  CHECK_THAT(state->detail, Catch::Contains("storage.min_free_bytes"));
  CHECK(store.Names().empty());
}

}  // namespace notifyd
