// Files of the store that are missing, empty, shorter or older than they were: refused by name, or opened with all that was there.
#include <sys/resource.h>

#include <csignal>

#include "base/log.h"
#include "storage/crash_harness.h"
#include "storage/keys.h"
#include "storage/store_tool.h"

namespace notifyd {
namespace {

struct Damage {
  const char* name;
  std::function<void(const fs::path& log, const fs::path& older)> make;
};

void Shorten(const fs::path& log, uint64_t by) {
  fs::resize_file(log, fs::file_size(log) - by);
}

const std::vector<Damage>& Damages() {
  static const std::vector<Damage> damages = {
      {"deleted", [](const fs::path& log, const fs::path&) { fs::remove(log); }},
      {"emptied", [](const fs::path& log, const fs::path&) { fs::resize_file(log, 0); }},
      {"shorter by half", [](const fs::path& log, const fs::path&) { Shorten(log, fs::file_size(log) / 2); }},
      {"shorter by 100", [](const fs::path& log, const fs::path&) { Shorten(log, 100); }},
      {"a bit flipped in the middle",
       [](const fs::path& log, const fs::path&) {
         std::string bytes = ReadBytes(log);
         bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
         WriteBytes(log, bytes);
       }},
      {"all zeros", [](const fs::path& log, const fs::path&) { WriteBytes(log, std::string(ReadBytes(log).size(), '\0')); }},
      {"an older one", [](const fs::path& log, const fs::path& older) { fs::copy_file(older, log, fs::copy_options::overwrite_existing); }},
  };
  return damages;
}

fs::path TheManifest(const fs::path& directory) {
  for (const fs::path& file : FilesIn(directory))
    if (file.filename().string().starts_with("MANIFEST-")) return directory / file.filename();
  return {};
}

void CheckOpensWhole(Crash& store, const fs::path& copy, uint64_t ids) {
  CHECK(store.IdsAt(copy) == UpTo(ids));
}

TEST_CASE("missing: a log after a clean stop or kill -9, whatever became of it, is refused by name, and opens once it is back") {
  for (bool clean : {true, false}) {
    Crash store;
    store.Fill(4, 0);
    fs::path older = TheLog(store.Copy());
    for (uint64_t id = 5; id <= 8; ++id) store.CommitOne(id, true);
    store.WaitForMark();
    if (clean) store.Close();
    for (const Damage& damage : Damages()) {
      INFO((clean ? "clean stop, " : "kill -9, ") << damage.name);
      fs::path copy = store.Copy(true), log = TheLog(copy);
      std::string whole = ReadBytes(log);
      damage.make(log, older);
      store.CheckRefused(copy, log);
      store.CheckRefused(copy, log);  // and the refusal changes nothing
      WriteBytes(log, whole);
      CheckOpensWhole(store, copy, 8);
    }
    // The last byte is of a mark that nobody was told of.
    fs::path copy = store.Copy(true), log = TheLog(copy);
    Shorten(log, 1);
    if (clean) store.CheckRefused(copy, log);
    else CheckOpensWhole(store, copy, 8);
  }
}

TEST_CASE("missing: right after kill -9 the last synced record has no mark in the log, and its loss is refused all the same") {
  Crash store;
  store.Fill(3, 0);
  fs::path copy = store.Copy(true), log = TheLog(copy);
  std::string bytes = ReadBytes(log);
  // In the last record that is more than a mark.
  fs::resize_file(log, bytes.rfind(EncodeNotifyKey({3})) + 20);
  store.CheckRefused(copy, log);
  copy = store.Copy();
  fs::resize_file(TheLog(copy), bytes.rfind(EncodeNotifyKey({3})) + 20);
  CHECK(store.IdsAt(copy) == UpTo(2));  // which the log alone does not tell
}

TEST_CASE("missing: what had not been synced may be missing from the end of a log after kill -9") {
  Crash store;
  store.Fill(5, 3);
  fs::path copy = store.Copy(true);
  Shorten(TheLog(copy), 1);
  CHECK(store.IdsAt(copy) == UpTo(7));
}

TEST_CASE("missing: a store in which nothing was ever written is judged the same way") {
  for (bool clean : {true, false}) {
    Crash store;
    if (clean) store.Close();
    for (const char* how : {"deleted", "emptied"}) {
      INFO(clean << how);
      fs::path copy = store.Copy(true), log = TheLog(copy);
      if (how == std::string("deleted")) fs::remove(log);
      else fs::resize_file(log, 0);
      store.CheckRefused(copy, log);
    }
  }
}

TEST_CASE("missing: of several logs each is refused by name") {
  Crash store;
  store.Fill(6, 0);
  store.WaitForMark();
  // One log cut into three where records begin: all is in one block, so they are three logs as far as anybody can tell.
  fs::path base = store.Copy(true), first = TheLog(base);
  const std::string log = ReadBytes(first);
  std::vector<size_t> ends;
  for (size_t end = 1; end <= log.size(); ++end)
    if (LogScan scan = ScanLog(std::string_view(log).substr(0, end), 0); scan.record_bytes == end) ends.push_back(end);
  REQUIRE(ends.size() > 6);
  REQUIRE(log.size() < 32768);
  uint64_t number = *LogNumberOf(first.string());
  auto named = [&](const fs::path& directory, uint64_t n) {
    std::string digits = std::to_string(n);
    return directory / (std::string(6 - digits.size(), '0') + digits + ".log");
  };
  WriteBytes(first, log.substr(0, ends[2]));
  WriteBytes(named(base, number + 1000), log.substr(ends[2], ends[4] - ends[2]));
  WriteBytes(named(base, number + 1001), log.substr(ends[4]));
  for (bool clean : {true, false}) {
    SyncedRecord record = **SyncedFile::Read(base.string(), store.StoreId());
    record.closed = clean;
    record.logs.clear();
    for (uint64_t n : {number, number + 1000, number + 1001}) record.logs.push_back({n, clean ? fs::file_size(named(base, n)) : 0});
    REQUIRE(SyncedFile::Open(base.string(), record).ok());
    auto copy_base = [&] {
      fs::path copy = store.copies.path() / std::to_string(++store.copy_count);
      fs::copy(base, copy);
      return copy;
    };
    CHECK(store.IdsAt(copy_base()) == UpTo(6));
    for (uint64_t n : {number, number + 1000, number + 1001}) {
      INFO((clean ? "clean stop, log " : "kill -9, log ") << n);
      fs::path copy = copy_base();
      fs::remove(named(copy, n));
      store.CheckRefused(copy, named(copy, n));
      copy = copy_base();
      fs::resize_file(named(copy, n), 0);
      store.CheckRefused(copy, named(copy, n));
      copy = copy_base();
      Shorten(named(copy, n), 100);
      store.CheckRefused(copy, named(copy, n));
    }
  }
}

TEST_CASE("missing: a log whose records are in tables is not missed") {
  Crash store;
  store.Fill(5, 0);
  REQUIRE(store.rocks().Compact().ok());
  // The new log has no record yet, and the compaction left no sequence numbers in the tables.
  CHECK(store.IdsAt(store.Copy(true)) == UpTo(5));
  store.CommitOne(6, true);
  store.WaitForMark();
  CHECK(store.IdsAt(store.Copy(true)) == UpTo(6));
  fs::path copy = store.Copy(true), log = TheLog(copy);
  fs::remove(log);
  store.CheckRefused(copy, log);
  store.Close();
  CHECK(store.IdsAt(store.Copy(true)) == UpTo(6));
}

TEST_CASE("missing: a clean stop right after a compaction opens, and its empty log is missed") {
  Crash store;
  store.Fill(5, 0);
  REQUIRE(store.rocks().Compact().ok());
  store.Close();
  CHECK(store.IdsAt(store.Copy(true)) == UpTo(5));
  fs::path copy = store.Copy(true), log = TheLog(copy);
  fs::remove(log);
  store.CheckRefused(copy, log);
}

TEST_CASE("missing: while memtables become tables, a kill at any moment leaves what opens whole, and no log of it may go") {
  Crash store(128 << 10);
  uint64_t id = 0;
  for (int round = 0; round < 8; ++round) {
    for (uint64_t last = id + 23; id < last;) store.CommitOne(++id, true, 10'000);
    fs::path copy = store.Copy(true);
    CheckOpensWhole(store, copy, id);
    copy = store.Copy(true);
    fs::path log = TheLog(copy);
    fs::remove(log);
    store.CheckRefused(copy, log);
  }
}

TEST_CASE("missing: a start that was cut short between RocksDB's work and its own leaves what opens") {
  Crash store;
  store.Fill(5, 0);
  store.Close();
  // Replayed and closed by RocksDB, without SYNCED being told: its log is done with. An older notifyd leaves the same.
  REQUIRE(StoreTool::Open(store.Options()).ok());
  CHECK(store.IdsAt(store.Copy(true)) == UpTo(5));
}

TEST_CASE("missing: a SYNCED that names no log is right only where all is in tables") {
  Crash store;
  store.Fill(5, 0);
  store.Close();
  SyncedRecord record = **SyncedFile::Read(store.directory().string(), store.StoreId());
  record.logs.clear();
  for (bool clean : {true, false}) {
    INFO((clean ? "clean stop" : "kill -9"));
    record.closed = clean;
    fs::path copy = store.Copy(true);
    fs::remove(TheLog(copy));
    REQUIRE(SyncedFile::Open(copy.string(), record).ok());
    store.CheckRefused(copy, copy);
  }
  // Replayed: a start that was cut short before it began its log.
  REQUIRE(StoreTool::Open(store.Options()).ok());
  for (bool clean : {true, false}) {
    fs::path copy = store.Copy(true);
    record.closed = clean;
    record.manifest = {};
    REQUIRE(SyncedFile::Open(copy.string(), record).ok());
    CHECK(store.IdsAt(copy) == UpTo(5));
  }
}

TEST_CASE("missing: a store of a notifyd without SYNCED opens as after a crash, and has one from then on") {
  Crash store;
  store.Fill(5, 0);
  store.Close();
  fs::path copy = store.Copy();
  CHECK_FALSE(fs::exists(copy / "SYNCED"));
  CHECK(store.IdsAt(copy) == UpTo(5));
  REQUIRE(fs::exists(copy / "SYNCED"));
  fs::path log = TheLog(copy);
  fs::remove(log);
  store.CheckRefused(copy, log);
}

TEST_CASE("missing: a power cut may leave a SYNCED that says less than the log") {
  Crash store;
  store.Fill(3, 0);
  std::string less = ReadBytes(store.directory() / "SYNCED");
  for (uint64_t id = 4; id <= 8; ++id) store.CommitOne(id, id <= 6);
  fs::path copy = store.Copy(true), log = TheLog(copy);
  WriteBytes(copy / "SYNCED", less);
  Shorten(log, 1);
  CheckOpensWhole(store, copy, 7);
  // What it says holds all the same.
  copy = store.Copy(true);
  WriteBytes(copy / "SYNCED", less);
  fs::resize_file(TheLog(copy), fs::file_size(TheLog(copy)) / 4);
  store.CheckRefused(copy, TheLog(copy));
}

TEST_CASE("missing: a SYNCED that does not read is refused by name; without it the store opens") {
  Crash store;
  store.Fill(5, 0);
  store.Close();
  fs::path copy = store.Copy(true);
  WriteBytes(copy / "SYNCED", "");
  store.CheckRefused(copy, copy / "SYNCED");
  fs::remove(copy / "SYNCED");
  CHECK(store.IdsAt(copy) == UpTo(5));
}

TEST_CASE("missing: MANIFEST, CURRENT and tables that are gone or empty are damage, and named") {
  Crash store;
  store.Fill(20, 0);
  REQUIRE(store.rocks().Compact().ok());
  store.CommitOne(21, true);
  for (bool clean : {false, true}) {
    if (clean) store.Close();
    std::vector<fs::path> names;
    for (const fs::path& file : FilesIn(store.directory())) {
      std::string name = file.filename().string();
      if (name.starts_with("MANIFEST-") || name == "CURRENT" || file.extension() == ".sst") names.push_back(name);
    }
    CHECK(names.size() >= 3);
    for (const fs::path& name : names) {
      for (const char* how : {"deleted", "emptied", "half"}) {
        INFO(name << " " << how << " clean " << clean);
        fs::path copy = store.Copy(true), file = copy / name;
        if (how == std::string("deleted")) fs::remove(file);
        else if (how == std::string("emptied")) fs::resize_file(file, 0);
        else fs::resize_file(file, fs::file_size(file) / 2);
        auto opened = store.OpenAt(copy);
        REQUIRE_FALSE(opened.ok());
        CHECK(opened.status().code() == Code::kCorrupt);
        // What was added to a MANIFEST since the start, and lost, shows in the logs that it then asks for.
        bool shows_in_logs = !clean && how == std::string("half") && name.string().starts_with("MANIFEST-");
        CHECK_THAT(opened.status().detail(), Catch::StartsWith("the store is damaged: " + (shows_in_logs ? copy : file).string()));
      }
    }
  }
}

TEST_CASE(
    "missing: a MANIFEST whose end a power cut tore opens with all there was; one in which something is damaged that was relied on is refused") {
  LogSetLevel(LogLevel::kError);  // each start says what it drops
  Crash store;
  store.Fill(20, 0);
  const fs::path before = store.Copy(true);
  const std::string there = ReadBytes(TheManifest(before));
  REQUIRE(store.rocks().Compact().ok());
  store.CommitOne(21, true);
  const fs::path behind = store.Copy(true);
  const std::string all = ReadBytes(TheManifest(behind));
  REQUIRE(all.starts_with(there));
  const size_t from = there.size();
  size_t end = from + 1;  // of the first record that was added: a sync follows each
  while (end < all.size() && ReadableBytes(std::string_view(all).substr(0, end)) != end) ++end;
  REQUIRE(end - from > 20);
  const fs::path copy = store.copies.path() / "torn";
  for (size_t at = from; at < end; at += 7) {
    INFO(at - from << " of " << end - from);
    std::string front = all.substr(0, end), back = front, flipped = front;
    std::fill(front.begin() + static_cast<std::ptrdiff_t>(at), front.end(), '\0');
    std::fill(back.begin() + static_cast<std::ptrdiff_t>(from), back.begin() + static_cast<std::ptrdiff_t>(at) + 1, '\0');
    flipped[at] ^= 1;
    for (const std::string& torn : {front, back, flipped}) {
      // When the power went RocksDB had taken nothing away yet.
      fs::remove_all(copy);
      fs::copy(before, copy, fs::copy_options::recursive);
      WriteBytes(TheManifest(copy), torn);
      CHECK(store.IdsAt(copy) == UpTo(20));
    }
    // By now it has: the log's records are in a table.
    flipped = all;
    flipped[at] ^= 1;
    WriteBytes(TheManifest(behind), flipped);
    store.CheckRefused(behind, TheManifest(behind));
    CHECK(ReadBytes(TheManifest(behind)) == flipped);
  }
  WriteBytes(TheManifest(behind), all);
  fs::remove_all(copy);
  fs::copy(behind, copy, fs::copy_options::recursive);
  CHECK(store.IdsAt(copy) == UpTo(21));

  // SYNCED names 32 logs at most: where it does not name the one that is gone, that which is there begins too late.
  const Result<std::optional<SyncedRecord>> synced = SyncedFile::Read(behind.string(), store.StoreId());
  REQUIRE((synced.ok() && *synced && (*synced)->logs.size() == 2));
  SyncedRecord newest = **synced;
  newest.logs.erase(newest.logs.begin());
  std::string place = EncodeSynced(newest);
  place.resize(SyncedFile::kPlaceSize, '\0');
  WriteBytes(behind / SyncedFile::kName, place + place);
  std::string flipped = all;
  flipped[from + 10] ^= 1;
  WriteBytes(TheManifest(behind), flipped);
  store.CheckRefused(behind, TheManifest(behind));
}

TEST_CASE("missing: where the end of a MANIFEST that is refused cannot be put back, the refusal says so") {
  Crash store;
  store.Fill(20, 0);
  REQUIRE(store.rocks().Compact().ok());
  store.CommitOne(21, true);
  const fs::path copy = store.Copy(true), manifest = TheManifest(copy);
  const Result<std::optional<SyncedRecord>> synced = SyncedFile::Read(copy.string(), store.StoreId());
  REQUIRE((synced.ok() && *synced));
  const uint64_t from = (*synced)->manifest.bytes;  // what is behind it was added since the start
  std::string bytes = ReadBytes(manifest);
  REQUIRE(bytes.size() > from);
  bytes[from] ^= 1;
  WriteBytes(manifest, bytes);
  store.Close();
  // No file may become longer than what is left of it then.
  struct rlimit before;
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit cut = before;
  cut.rlim_cur = from;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &cut) == 0);
  auto opened = store.OpenAt(copy);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.status().code() == Code::kCorrupt);
  CHECK_THAT(opened.status().detail(), Catch::Contains(manifest.string() + " does not read") && Catch::Contains("cannot be put back"));
  CHECK(ReadBytes(manifest) == bytes.substr(0, from));
}

TEST_CASE("missing: a CURRENT that is gone with all logs and tables is no new store") {
  Crash store;
  store.Fill(5, 0);
  fs::path copy = store.Copy(true);
  for (const fs::path& file : FilesIn(copy))
    if (file.filename() != "FORMAT" && file.filename() != "SYNCED") fs::remove(file);
  store.CheckRefused(copy, copy / "CURRENT");
}

}  // namespace
}  // namespace notifyd
