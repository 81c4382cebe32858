// Which directories open, which are refused, and how.
#include <sys/stat.h>

#include "storage/keys.h"
#include "storage/records.h"
#include "storage/rocks_harness.h"
#include "storage/store_tool.h"

namespace notifyd {
namespace {

namespace fs = std::filesystem;

Status OpenStatus(const fs::path& directory) {
  StoreOptions options;
  options.directory = directory.string();
  auto store = RocksStore::Open(options);
  return store.ok() ? Status::Ok() : store.status();
}

std::string FormatOf(const fs::path& directory) {
  return ReadBytes(directory / "FORMAT");
}

TEST_CASE("open: a new store is made with its parents, for its owner alone") {
  TempDir temp;
  fs::path directory = temp.path() / "a" / "b";
  REQUIRE(OpenStatus(directory).ok());
  struct stat info;
  REQUIRE(::stat(directory.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
  CHECK(OpenStatus(directory).ok());
  CHECK(OpenStatus(directory / "").ok());
}

TEST_CASE("open: an empty directory that is there already is taken") {
  TempDir temp;
  fs::create_directory(temp.path() / "lost+found");
  CHECK(OpenStatus(temp.path()).ok());
}

TEST_CASE("open: a store in use is refused, and free again once it is closed") {
  RocksHarness store;
  Status status = OpenStatus(store.directory());
  CHECK(status.code() == Code::kIo);
  CHECK_THAT(status.detail(), Catch::Contains("in use by another process") && Catch::Contains(store.directory().string()));
  store.Close();
  CHECK(OpenStatus(store.directory()).ok());
}

TEST_CASE("open: a newer format is refused, both versions named, and nothing touched") {
  RocksHarness store;
  store.Commit({Put(MakeRecord(1))});
  store.Close();
  std::string format = FormatOf(store.directory());
  std::string newer = format;
  const std::string own = "format " + std::to_string(kFormatVersion), next = "format " + std::to_string(kFormatVersion + 1);
  newer.replace(newer.find(own), own.size(), next);
  WriteBytes(store.directory() / "FORMAT", newer + "something new\n");
  auto before = FilesIn(store.directory(), ".log");
  Status status = OpenStatus(store.directory());
  CHECK(status.code() == Code::kUnacceptable);
  CHECK_THAT(status.detail(), Catch::Contains(next) && Catch::Contains(own));
  CHECK(FilesIn(store.directory(), ".log") == before);
  WriteBytes(store.directory() / "FORMAT", format);
  store.Open();
  CHECK(store.LoadNotify({1}).record);
}

TEST_CASE("open: a newer format inside the database is refused too") {
  RocksHarness store;
  store.Close();
  {
    auto tool = StoreTool::Open(store.Options());
    REQUIRE(tool.ok());
    std::string value;
    EncodeFormat({kFormatVersion + 1, {1, 2}}, &value);
    REQUIRE((*tool)->Put(EncodeMetaKey(kFormatName), value).ok());
  }
  Status status = OpenStatus(store.directory());
  CHECK(status.code() == Code::kUnacceptable);
  CHECK_THAT(status.detail(),
             Catch::Contains("format " + std::to_string(kFormatVersion + 1)) && Catch::Contains("format " + std::to_string(kFormatVersion)));
}

TEST_CASE("open: a directory with other files, or another program's database, is no notifyd store") {
  TempDir temp;
  fs::path files = temp.path() / "files", database = temp.path() / "database";
  fs::create_directory(files);
  WriteBytes(files / "letter.txt", "dear all");
  {
    auto tool = StoreTool::OpenForeign(database.string());
    REQUIRE(tool.ok());
    REQUIRE((*tool)->Put("n-not-ours", "value").ok());
  }
  for (const fs::path& directory : {files, database}) {
    Status status = OpenStatus(directory);
    CHECK(status.code() == Code::kUnacceptable);
    CHECK_THAT(status.detail(), Catch::Contains("not a notifyd store") && Catch::Contains(directory.string()));
    CHECK_FALSE(fs::exists(directory / "FORMAT"));
  }
  auto tool = StoreTool::OpenForeign(database.string());
  REQUIRE(tool.ok());
  CHECK(*(*tool)->Get("n-not-ours") == "value");
}

TEST_CASE("open: a file in place of the directory is refused") {
  TempDir temp;
  WriteBytes(temp.path() / "file", "x");
  CHECK(OpenStatus(temp.path() / "file").code() == Code::kUnacceptable);
}

TEST_CASE("open: the FORMAT file of another store is refused") {
  RocksHarness one, other;
  one.Close();
  other.Close();
  WriteBytes(one.directory() / "FORMAT", FormatOf(other.directory()));
  Status status = OpenStatus(one.directory());
  CHECK(status.code() == Code::kCorrupt);
  CHECK_THAT(status.detail(), Catch::Contains("FORMAT"));
}

TEST_CASE("open: a damaged FORMAT file is refused by name") {
  RocksHarness store;
  store.Close();
  std::string good = FormatOf(store.directory());
  for (const std::string& bad : {std::string(), std::string("notifyd store\n"), good.substr(0, good.size() - 5), "x" + good}) {
    WriteBytes(store.directory() / "FORMAT", bad);
    Status status = OpenStatus(store.directory());
    CHECK(status.code() == Code::kCorrupt);
    CHECK_THAT(status.detail(), Catch::Contains("FORMAT"));
  }
}

TEST_CASE("open: a store that was being made when the machine died is made") {
  RocksHarness store;
  store.Close();
  std::string format = FormatOf(store.directory());
  TempDir temp;
  fs::path only_format = temp.path() / "store";
  fs::create_directory(only_format);
  WriteBytes(only_format / "FORMAT", format);
  WriteBytes(only_format / "FORMAT.new.store", "");
  CHECK(OpenStatus(only_format).ok());
  CHECK(FormatOf(only_format) == format);
  CHECK_FALSE(fs::exists(only_format / "FORMAT.new.store"));
  // Before FORMAT was made, and after all was.
  fs::path nothing = temp.path() / "nothing";
  fs::create_directory(nothing);
  WriteBytes(nothing / "FORMAT.new.store", "");
  CHECK(OpenStatus(nothing).ok());
  WriteBytes(nothing / "FORMAT.new.store", "");
  CHECK(OpenStatus(nothing).ok());
  CHECK_FALSE(fs::exists(nothing / "FORMAT.new.store"));
}

TEST_CASE("open: a FORMAT of which all else is gone is no new store") {
  RocksHarness store;
  store.Commit({Put(MakeRecord(1))}, true);
  store.Close();
  for (const fs::path& file : FilesIn(store.directory()))
    if (file.filename() != "FORMAT") fs::remove(file);
  for (int start = 0; start < 2; ++start) {
    Status status = OpenStatus(store.directory());
    CHECK(status.code() == Code::kCorrupt);
    CHECK_THAT(status.detail(), Catch::Contains((store.directory() / "CURRENT").string()));
    CHECK(FilesIn(store.directory()).size() == 1);
  }
}

TEST_CASE("open: RocksDB keeps no log file of its own, and one that is there is left alone") {
  RocksHarness store;
  CHECK_FALSE(fs::exists(store.directory() / "LOG"));
  WriteBytes(store.directory() / "LOG", "an older one");
  store.Reopen();
  CHECK(ReadBytes(store.directory() / "LOG") == "an older one");
}

TEST_CASE("open: a missing CURRENT beside data is refused, not begun anew") {
  RocksHarness store;
  store.Commit({Put(MakeRecord(1))});
  store.Close();
  std::string current = ReadBytes(store.directory() / "CURRENT");
  fs::remove(store.directory() / "CURRENT");
  Status status = OpenStatus(store.directory());
  CHECK(status.code() == Code::kCorrupt);
  CHECK_THAT(status.detail(), Catch::Contains("CURRENT"));
  WriteBytes(store.directory() / "CURRENT", current);
  store.Open();
  CHECK(store.LoadNotify({1}).record);
}

TEST_CASE("open: a damaged, short or missing table is refused by name") {
  RocksHarness store;
  std::vector<WriteOp> ops;
  for (uint64_t id = 1; id <= 200; ++id) ops.push_back(Put(MakeRecord(id)));
  store.Commit(std::move(ops));
  REQUIRE(store.rocks().Compact().ok());
  store.Close();
  auto tables = FilesIn(store.directory(), ".sst");
  REQUIRE_FALSE(tables.empty());
  std::string table = ReadBytes(tables[0]);
  std::vector<std::string> damaged;
  for (size_t at : {size_t{10}, table.size() / 2, table.size() - 80}) {
    damaged.push_back(table);
    damaged.back()[at] = static_cast<char>(damaged.back()[at] ^ 1);
  }
  damaged.push_back(table.substr(0, table.size() / 2));
  for (const std::string& bytes : damaged) {
    WriteBytes(tables[0], bytes);
    Status status = OpenStatus(store.directory());
    CHECK(status.code() == Code::kCorrupt);
    CHECK_THAT(status.detail(), Catch::Contains(tables[0].filename().string()));
  }
  fs::remove(tables[0]);
  Status status = OpenStatus(store.directory());
  CHECK(status.code() == Code::kCorrupt);
  CHECK_THAT(status.detail(), Catch::Contains(tables[0].filename().string()));
  WriteBytes(tables[0], table);
  store.Open();
  CHECK(store.LoadNotify({150}).record);
}

TEST_CASE("open: a damaged MANIFEST is refused by name") {
  RocksHarness store;
  store.Commit({Put(MakeRecord(1))});
  store.Close();
  for (const auto& entry : fs::directory_iterator(store.directory())) {
    std::string name = entry.path().filename().string();
    if (!name.starts_with("MANIFEST")) continue;
    std::string bytes = ReadBytes(entry.path());
    bytes[bytes.size() / 2] ^= 1;
    WriteBytes(entry.path(), bytes);
    Status status = OpenStatus(store.directory());
    CHECK(status.code() == Code::kCorrupt);
    CHECK_THAT(status.detail(), Catch::Contains(name));
  }
}

TEST_CASE("open: missing totals are refused") {
  RocksHarness store;
  store.Close();
  {
    auto tool = StoreTool::Open(store.Options());
    REQUIRE(tool.ok());
    REQUIRE((*tool)->Delete(EncodeMetaKey(kTotalsName)).ok());
  }
  CHECK(OpenStatus(store.directory()).code() == Code::kCorrupt);
}

}  // namespace
}  // namespace notifyd
