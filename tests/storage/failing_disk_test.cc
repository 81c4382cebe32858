// A store whose disk fails it at one call after the other: a process of its own lives through two starts, commits, a flush, a compaction, a backup
// and two stops (failing_store.cc), the Nth sync, write, rename, open, unlink or read goes wrong, N goes up until nothing does. Nothing is told to be
// durable that is not: on a disk that is well again the store opens and has all of it, to the byte. It never hangs, and it says what went wrong.
//
// A sample of the Ns, drawn anew each time; NOTIFYD_TEST_PLACES (to any number) takes each, NOTIFYD_TEST_SEED draws the same sample again.
#include "support/failing_disk.h"

#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "base/log.h"
#include "base/random.h"
#include "storage/failing_store.h"
#include "storage/rocks_harness.h"
#include "support/memory_dir.h"
#include "support/process.h"

namespace notifyd {
namespace {

using test::DiskFault;
namespace fs = std::filesystem;

bool TakesEach() {
  return std::getenv("NOTIFYD_TEST_PLACES") != nullptr;
}
uint64_t Seed() {
  static const uint64_t seed = [] {
    const char* given = std::getenv("NOTIFYD_TEST_SEED");
    return given ? std::strtoull(given, nullptr, 10) : std::random_device()();
  }();
  return seed;
}

struct Life : test::DiskReport {
  int code;
  std::set<uint64_t> acked;
  std::string said;  // what failed, or was refused
};

/// Lives once with the fault, in `root`. `how`: further arguments.
Life LiveWith(const DiskFault& fault, const test::MemoryDir& root, const std::vector<std::string>& how = {}) {
  const std::string directory = (root.path() / "store").string(), report = root.Touch("report");
  std::vector<std::string> arguments = {directory, (root.path() / "backups").string()};
  arguments.insert(arguments.end(), how.begin(), how.end());
  test::Process process(
      FAILING_STORE_BINARY,
      {arguments, {"LD_PRELOAD=" FAILING_DISK_LIBRARY, "ASAN_OPTIONS=verify_asan_link_order=0", FailingDiskVariable(fault, directory, report)}});
  const int code = process.Wait();
  Life life{test::ReadDiskReport(report), code, {}, {}};
  std::istringstream lines(process.output());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("acked ")) life.acked.insert(std::stoull(line.substr(6)));
    else life.said += line + "\n";
  }
  INFO(process.error());
  CHECK(life.code != -1);  // it hangs
  return life;
}

/// What the store has, by id.
std::map<uint64_t, std::string> ReadAll(RocksHarness* store) {
  ListQuery query;
  query.limit = 1000;
  std::map<uint64_t, std::string> there;
  for (const LoadedNotify& item : store->List(query).items) there[item.record->id.value] = *item.record->spec;
  return there;
}

/// On a disk that is well the store opens, has all that was acknowledged, and nothing that was never asked for.
void CheckKept(const Life& life, const fs::path& directory) {
  LogSetLevel(LogLevel::kError);  // each start says what it drops
  RocksHarness store(&directory);
  const std::map<uint64_t, std::string> there = ReadAll(&store);
  for (uint64_t id : life.acked) {
    INFO("notify " << id);
    CHECK(there.contains(id));
  }
  uint64_t before = 0;
  for (const auto& [id, spec] : there) {
    INFO("notify " << id);
    CHECK(id == ++before);  // what was written later is there only where all before it is
    CHECK(id <= 2 * kIdsALife);
    CHECK(spec == *RecordAtFailingStore(id).spec);
  }
  store.Commit({Put(MakeRecord(1'000))});
}

/// A life that had all it asked for, though a sync failed: it was of a file that RocksDB makes of what the log has as well, and makes anew, or of
/// what a backup is copied from. The store that was opened since has no such file any more: one of its name is another one, where a table of a stop
/// failed and was removed before the next start gave its number again. For its directory: of its names.
void CheckMadeAnew(const Life& life, const fs::path& directory) {
  const fs::path file = life.file;
  INFO("the sync of " << file);
  const std::string name = file.filename().string();
  const bool of_backup = life.file.starts_with((directory / "CHECKPOINT").string());
  CHECK((file == directory || of_backup || file.extension() == ".sst" || file.extension() == ".dbtmp" || name.starts_with("MANIFEST-")));
  CHECK((file == directory || life.removed || !fs::exists(file)));
}

/// Goes on from N to N + `step`, until a life comes through without the fault. Lives that met it.
uint64_t Attack(DiskFault fault, uint64_t step, const std::vector<std::string>& how = {}) {
  Random random(Seed());
  uint64_t lives = 0;
  for (fault.nth = TakesEach() ? 1 : 1 + random.Below(step);; fault.nth += TakesEach() ? 1 : step) {
    INFO("the " << fault.nth << "th " << fault.call << ", " << fault.how << (fault.for_good ? " for good" : "") << ", NOTIFYD_TEST_SEED=" << Seed());
    test::MemoryDir root;
    fault.seed = static_cast<unsigned>(fault.nth);
    const Life life = LiveWith(fault, root, how);
    INFO(life.said);
    if (!life.fired) {
      CHECK(life.code == 0);
      CHECK(life.acked.size() == 2 * kIdsALife);
      break;
    }
    ++lives;
    if (fault.how == "cut") CHECK(life.code == test::kPowerWentCode);
    // A file that is not removed, or a backup that fails, hurts nothing; all else that ends it is said.
    else if (life.code == 1) CHECK_FALSE(life.said.empty());
    else CHECK((life.code == 0 && life.acked.size() == 2 * kIdsALife));
    CheckKept(life, root.path() / "store");
    if (fault.call == "sync" && fault.how == "EIO" && life.code == 0) CheckMadeAnew(life, root.path() / "store");
  }
  if (TakesEach()) std::cout << fault.call << " " << fault.how << (fault.for_good ? " for good" : "") << ": " << lives << " places" << std::endl;
  return lives;
}

}  // namespace

TEST_CASE("failing disk: no sync that fails is taken for one that did not, whichever it is") {
  CHECK(Attack({.call = "sync"}, 17) > 0);
}
TEST_CASE("failing disk: a stop in which a sync fails, whichever of its own, is none, and says so") {
  // A table that RocksDB makes of its own accord may be under way at a stop. Where a sync of that fails RocksDB makes it anew (CheckMadeAnew), and
  // the stop is a clean one; so here it makes none.
  test::MemoryDir whole;
  const Life well = LiveWith({.call = "sync", .nth = 1'000'000}, whole, {"quiet"});
  REQUIRE(well.code == 0);
  std::set<std::string> failed;
  // The log's, that of its length, the directory's, and two of SYNCED. How many there are before a stop may differ by some: by fewer than there are
  // commits behind RocksDB's last table.
  for (unsigned long nth = well.calls - 4; nth <= well.calls + 1; ++nth) {
    test::MemoryDir root;
    const Life life = LiveWith({.call = "sync", .nth = nth}, root, {"quiet"});
    INFO("the " << nth << "th of " << well.calls << ", of " << life.file << "\n" << life.said);
    if (life.fired) {
      CHECK(life.code == 1);
      CHECK_FALSE(life.said.empty());
      failed.insert(fs::path(life.file).filename().extension() == ".log" ? "log" : fs::path(life.file).filename().string());
    }
    CheckKept(life, root.path() / "store");
  }
  CHECK(failed.contains("SYNCED"));
  CHECK(failed.contains("log"));
}
TEST_CASE("failing disk: a write that fails loses nothing that was acknowledged, whichever it is") {
  CHECK(Attack({.call = "write"}, 97) > 0);
  CHECK(Attack({.call = "write", .how = "ENOSPC"}, 197) > 0);
}
TEST_CASE("failing disk: renames, opens, removals and reads that fail lose nothing that was acknowledged, whichever they are") {
  CHECK(Attack({.call = "rename"}, 4) > 0);
  CHECK(Attack({.call = "open"}, 41) > 0);
  CHECK(Attack({.call = "unlink"}, 11) > 0);
  CHECK(Attack({.call = "read"}, 131) > 0);
}
TEST_CASE("failing disk: one that takes nothing any more, from whichever call on, has all that was acknowledged") {
  CHECK(Attack({.call = "any", .how = "EROFS", .for_good = true}, 211) > 0);
  CHECK(Attack({.call = "sync", .for_good = true}, 41) > 0);
}
TEST_CASE("failing disk: where the power goes, pages of all that was not synced are there or not, and all that was acknowledged is there") {
  CHECK(Attack({.call = "sync", .how = "cut"}, 19) > 0);
  CHECK(Attack({.call = "write", .how = "cut"}, 89) > 0);
  CHECK(Attack({.call = "rename", .how = "cut"}, 7) > 0);
}
TEST_CASE("failing disk: where the power goes, any pages of logs' long tails that were not synced are there or not, and all before them is there") {
  CHECK(Attack({.call = "sync", .how = "cut"}, 5, {"tails"}) > 0);
  CHECK(Attack({.call = "write", .how = "cut"}, 61, {"tails"}) > 0);
}
TEST_CASE("failing disk: a store that tells of what is not synced yet is seen to lose it when the power goes") {
  size_t lost = 0;
  bool fired = true;
  for (unsigned long nth = 100; fired && lost == 0; nth += 20) {
    test::MemoryDir root;
    const Life life = LiveWith({.call = "write", .nth = nth, .how = "cut", .seed = static_cast<unsigned>(nth)}, root, {"unsynced"});
    fired = life.fired;
    const fs::path directory = root.path() / "store";
    LogSetLevel(LogLevel::kError);
    StoreOptions options;
    options.directory = directory.string();
    options.wall_ms = [] { return StoreHarness::kStart; };
    if (!RocksStore::Open(options).ok()) continue;  // it lost what it knows that it had
    RocksHarness store(&directory);
    const std::map<uint64_t, std::string> there = ReadAll(&store);
    for (uint64_t id : life.acked) lost += !there.contains(id);
  }
  CHECK(lost > 0);
}
TEST_CASE("failing disk: a sync that takes two seconds ends like any other") {
  test::MemoryDir root;
  const Life life = LiveWith({.call = "sync", .nth = 30, .how = "slow"}, root);
  CHECK(life.fired);
  CHECK(life.code == 0);
  CHECK(life.acked.size() == 2 * kIdsALife);
  CheckKept(life, root.path() / "store");
}

}  // namespace notifyd
