// The directory while it is in use: moved, removed or replaced under the store; and who else may read it.
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <set>

#include "storage/directory.h"
#include "storage/keys.h"
#include "storage/rocks_harness.h"

namespace notifyd {
namespace {

namespace fs = std::filesystem;

/// A store in `temp`/data, which tests move about.
struct Moved {
  TempDir temp;
  fs::path data = temp.path() / "data";
  RocksHarness store{&data};

  /// The store says by itself that it stops.
  std::string WaitForFailure() {
    Event event = store.NextEvent();
    while (!std::holds_alternative<WriteFailed>(event)) event = store.NextEvent();
    return std::get<WriteFailed>(event).status.detail();
  }
};

/// Every file's name and bytes.
std::map<std::string, std::string> Contents(const fs::path& directory) {
  std::map<std::string, std::string> contents;
  for (const fs::path& file : FilesIn(directory)) contents[file.filename().string()] = ReadBytes(file);
  return contents;
}

struct Case {
  const char* name;
  std::function<void(const fs::path& data)> make;
};

TEST_CASE("directory: moved, removed or replaced, the store stops by itself and says why") {
  const std::vector<Case> cases = {
      {"moved", [](const fs::path& data) { fs::rename(data, data.string() + ".old"); }},
      {"removed", [](const fs::path& data) { fs::remove_all(data); }},
      {"replaced by a copy",
       [](const fs::path& data) {
         fs::rename(data, data.string() + ".old");
         fs::copy(data.string() + ".old", data);
       }},
      {"a link to another",
       [](const fs::path& data) {
         fs::rename(data, data.string() + ".old");
         fs::create_directory(data.string() + ".other");
         fs::create_directory_symlink(data.string() + ".other", data);
       }},
      {"FORMAT removed", [](const fs::path& data) { fs::remove(data / "FORMAT"); }},
      {"FORMAT replaced by a copy",
       [](const fs::path& data) {
         fs::copy_file(data / "FORMAT", data / "copy");
         fs::rename(data / "copy", data / "FORMAT");
       }},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    Moved moved;
    moved.store.Commit({Put(MakeRecord(1))}, true);
    c.make(moved.data);
    std::string detail = moved.WaitForFailure();
    CHECK_THAT(detail, Catch::Contains("moved, removed or replaced") && Catch::Contains(moved.data.string()));
    // Nothing is acknowledged afterwards.
    WriteBatch late;
    late.number = 2;
    late.sync = true;
    late.ops = {Put(MakeRecord(2))};
    moved.store.store().Commit(std::move(late));
    moved.store.store().Load({9, {NotifyId{1}}});
    CHECK(moved.store.Next<Loaded>().status.ok());
  }
}

TEST_CASE("directory: a path that still leads to the same directory is no fault") {
  TempDir temp;
  fs::path real = temp.path() / "real", link = temp.path() / "link";
  fs::create_directory(real);
  fs::create_directory_symlink(real, link);
  RocksHarness store(&link);
  store.Commit({Put(MakeRecord(1))}, true);
  fs::rename(real, temp.path() / "elsewhere");
  fs::remove(link);
  fs::create_directory_symlink(temp.path() / "elsewhere", link);
  REQUIRE(store.rocks().Compact().ok());
  store.Commit({Put(MakeRecord(2))}, true);
  store.Reopen();
  CHECK(store.LoadNotify({2}).record);
}

TEST_CASE("directory: no file is made, renamed or deleted in one that was put in its place") {
  Moved moved;
  for (uint64_t id = 1; id <= 20; ++id) moved.store.Commit({Put(MakeRecord(id))}, true);
  REQUIRE(moved.store.rocks().Compact().ok());
  for (uint64_t id = 21; id <= 40; ++id) moved.store.Commit({Put(MakeRecord(id))}, true);
  // Another broker's files, of the same names.
  fs::rename(moved.data, moved.data.string() + ".old");
  fs::copy(moved.data.string() + ".old", moved.data);
  auto before = Contents(moved.data);
  // A new log, a new table and MANIFEST, and the old ones deleted: what a busy store does within seconds.
  CHECK_FALSE(moved.store.rocks().Compact().ok());
  moved.WaitForFailure();
  CHECK(Contents(moved.data) == before);
  moved.store.Close();
  CHECK(Contents(moved.data) == before);
}

TEST_CASE("directory: one that is gone at the stop is a failure of the stop") {
  Moved moved;
  moved.store.Commit({Put(MakeRecord(1))}, true);
  fs::remove_all(moved.data);
  Status closed = moved.store.rocks().Close();
  REQUIRE_FALSE(closed.ok());
  CHECK_THAT(closed.detail(), Catch::Contains("moved, removed or replaced"));
  CHECK_FALSE(fs::exists(moved.data));
}

fs::path NewestLog(const fs::path& data) {
  auto logs = FilesIn(data, ".log");
  REQUIRE_FALSE(logs.empty());
  return logs.back();
}

TEST_CASE("directory: a log that goes while it is written to stops the store, and is missed at the next start") {
  const std::vector<Case> cases = {
      {"removed", [](const fs::path& log) { fs::remove(log); }},
      {"moved", [](const fs::path& log) { fs::rename(log, log.string() + ".old"); }},
      {"replaced by an empty one",
       [](const fs::path& log) {
         fs::remove(log);
         WriteBytes(log, "");
       }},
      {"emptied", [](const fs::path& log) { fs::resize_file(log, 0); }},
  };
  for (const Case& c : cases) {
    for (bool waits : {true, false}) {
      INFO(c.name << (waits ? ", found by itself" : ", found by the stop"));
      Moved moved;
      moved.store.Commit({Put(MakeRecord(1))}, true);
      fs::path log = NewestLog(moved.data);
      c.make(log);
      if (waits) CHECK_THAT(moved.WaitForFailure(), Catch::Contains(log.string()) && Catch::Contains("while it was in use"));
      Status closed = moved.store.rocks().Close();
      REQUIRE_FALSE(closed.ok());
      CHECK_THAT(closed.detail(), Catch::Contains(log.string()));
      // The store that failed keeps its lock to the end of the process: what is there is looked at in a copy.
      fs::path copy = moved.temp.path() / "copy";
      fs::copy(moved.data, copy);
      StoreOptions options;
      options.directory = copy.string();
      auto opened = RocksStore::Open(options);
      REQUIRE_FALSE(opened.ok());
      CHECK(opened.status().code() == Code::kCorrupt);
      CHECK_THAT(opened.status().detail(), Catch::Contains((copy / log.filename()).string()));
    }
  }
}

TEST_CASE("directory: a log that was damaged while it was written to is no log of a clean stop") {
  Moved moved;
  moved.store.Commit({Put(MakeRecord(1))}, true);
  fs::path log = NewestLog(moved.data);
  std::string bytes = ReadBytes(log);
  size_t at = bytes.rfind(EncodeNotifyKey({1}));
  REQUIRE(at != std::string::npos);
  // The same file, as long as it was.
  std::fstream(log, std::ios::binary | std::ios::in | std::ios::out).seekp(static_cast<std::streamoff>(at)).put('x');
  moved.store.Commit({Put(MakeRecord(2))}, true);
  Status closed = moved.store.rocks().Close();
  REQUIRE_FALSE(closed.ok());
  CHECK_THAT(closed.detail(), Catch::Contains(log.string()));
  fs::path copy = moved.temp.path() / "copy";
  fs::copy(moved.data, copy);
  StoreOptions options;
  options.directory = copy.string();
  CHECK(RocksStore::Open(options).status().code() == Code::kCorrupt);
}

TEST_CASE("directory: logs that RocksDB begins and deletes are no fault, however often") {
  TempDir temp;
  fs::path data = temp.path() / "data";
  RocksHarness store(&data, 64 << 10);
  std::set<fs::path> seen;
  for (uint64_t id = 1; id <= 300; ++id) {
    NotifyRecord record = MakeRecord(id);
    record.spec = std::make_shared<const std::string>(4'000, 'x');
    store.Commit({Put(record)}, true);
    for (const fs::path& log : FilesIn(data, ".log")) seen.insert(log);
  }
  CHECK(seen.size() > 5);
  REQUIRE(store.rocks().Close().ok());
  store.Open();
  CHECK(store.LoadNotify({300}).record);
}

mode_t ModeOf(const fs::path& path) {
  struct stat info;
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

TEST_CASE("directory: one that others may read, and the files in it, are closed to them at the start") {
  TempDir temp;
  fs::path data = temp.path() / "data", link = temp.path() / "link";
  {
    RocksHarness store(&data);
    store.Commit({Put(MakeRecord(1))});
  }
  fs::create_directory_symlink(data, link);
  mode_t before = ::umask(077);  // as notifyd has it
  for (const fs::path& given : {data, link}) {
    REQUIRE(::chmod(data.c_str(), 0755) == 0);
    for (const fs::path& file : FilesIn(data)) REQUIRE(::chmod(file.c_str(), 0664) == 0);
    RocksHarness store(&given);
    CHECK(ModeOf(data) == 0700);
    for (const fs::path& file : FilesIn(data)) {
      INFO(file);
      // RocksDB may have removed one that it needs no more.
      struct stat info;
      if (::stat(file.c_str(), &info) == 0) CHECK((info.st_mode & 07777) == 0600);
      else CHECK(errno == ENOENT);
    }
    CHECK(store.LoadNotify({1}).record);
  }
  ::umask(before);
}

TEST_CASE("directory: one that others may read and that belongs to somebody else is refused, with the command that mends it") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can give a directory away");
    return;
  }
  TempDir temp;
  fs::path data = temp.path() / "it's data";
  { RocksHarness store(&data); }
  StoreOptions options;
  options.directory = data.string();
  auto refusal = [&] {
    auto store = RocksStore::Open(options);
    REQUIRE_FALSE(store.ok());
    CHECK(store.status().code() == Code::kIo);
    return store.status().detail();
  };
  REQUIRE(::chown(data.c_str(), 65534, 65534) == 0);
  CHECK(RocksStore::Open(options).ok());  // its owner alone may look into it
  REQUIRE(::chmod(data.c_str(), 0755) == 0);
  std::string said = refusal();
  CHECK_THAT(said, Catch::Contains(data.string() + " is open to other users (mode 0755)"));
  CHECK(ModeOf(data) == 0755);
  CHECK(CheckDirectory(data.string(), false).detail() == said);
  size_t at = said.find("chown -R");
  REQUIRE(at != std::string::npos);
  REQUIRE(std::system(said.substr(at).c_str()) == 0);
  CHECK(RocksStore::Open(options).ok());
  CHECK(ModeOf(data) == 0700);
  REQUIRE(::chmod((data / "FORMAT").c_str(), 0644) == 0);
  REQUIRE(::chown((data / "FORMAT").c_str(), 65534, 65534) == 0);
  CHECK_THAT(refusal(), Catch::Contains("FORMAT is open to other users (mode 0644)"));
  // An empty one is left as it is.
  data = temp.path() / "empty";
  options.directory = data.string();
  fs::create_directory(data);
  REQUIRE(::chmod(data.c_str(), 0755) == 0);
  CHECK(CheckDirectory(data.string(), false).ok());
  REQUIRE(::chown(data.c_str(), 65534, 65534) == 0);
  CHECK(CheckDirectory(data.string(), false).detail() == refusal());
  CHECK(fs::is_empty(data));
}

TEST_CASE("directory: a symbolic link that leads nowhere is refused in a sentence, by the check and by the store") {
  TempDir temp;
  fs::path link = temp.path() / "link", round = temp.path() / "round";
  fs::create_symlink(temp.path() / "gone", link);
  fs::create_symlink(round, round);
  for (const fs::path& data : {link, link / "", link / "data", round}) {
    INFO(data);
    StoreOptions options;
    options.directory = data.string();
    auto store = RocksStore::Open(options);
    REQUIRE_FALSE(store.ok());
    const std::string& named = data.string().rfind(link.string(), 0) == 0 ? link.string() : round.string();
    CHECK_THAT(store.status().detail(),
               Catch::StartsWith("cannot use " + named + ": it is a symbolic link to ") && Catch::Contains("cannot be reached"));
    CHECK(CheckDirectory(data.string(), false).detail() == store.status().detail());
  }
  CHECK_FALSE(fs::exists(temp.path() / "gone"));
  // One that leads to a directory is as good as it.
  fs::create_directory(temp.path() / "gone");
  CHECK(CheckDirectory((link / "data").string(), false).ok());
}

TEST_CASE("directory: a place where none can be made is refused, whatever the rights say") {
  for (const char* path : {"/proc/data", "/proc/more/data", "/sys/data"}) {
    INFO(path);
    CHECK_THAT(CheckDirectory(path, false).detail(), Catch::StartsWith(std::string("cannot make the directory ") + path));
    CHECK_FALSE(PrepareDirectory(path).ok());
  }
  TempDir temp;
  std::string too_long = (temp.path() / std::string(300, 'x')).string();
  CHECK_THAT(CheckDirectory(too_long, false).detail(), Catch::Contains("File name too long"));
  CHECK(CheckDirectory("", false).code() == Code::kIo);
}

TEST_CASE("directory: a FORMAT that is no file is an error that names it") {
  TempDir temp;
  fs::create_directories(temp.path() / "data" / "FORMAT");
  for (const Status& status : {CheckDirectory((temp.path() / "data").string(), false), PrepareDirectory((temp.path() / "data").string()).status()}) {
    CHECK(status.code() == Code::kIo);
    CHECK_THAT(status.detail(), Catch::Contains("FORMAT is not a regular file"));
  }
}

}  // namespace
}  // namespace notifyd
