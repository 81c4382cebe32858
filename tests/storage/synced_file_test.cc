// The bytes of SYNCED, and that a power cut always leaves one of its two records.
#include "storage/synced_file.h"

#include "storage/hex.h"
#include "storage/rocks_harness.h"

namespace notifyd {
namespace {

namespace fs = std::filesystem;

SyncedRecord Closed() {
  SyncedRecord record;
  record.store = {0x0102030405060708, 0x1112131415161718};
  record.serial = 7;
  record.closed = true;
  record.sequence = 300;
  record.manifest = {5, 500};
  record.logs = {{9, 1000}, {12, 0}};
  return record;
}

SyncedRecord Open(uint64_t sequence) {
  SyncedRecord record = Closed();
  record.closed = false;
  record.sequence = sequence;
  record.logs = {{12, 0}};
  return record;
}

std::optional<SyncedRecord> In(const fs::path& directory) {
  auto read = SyncedFile::Read(directory.string(), Closed().store);
  REQUIRE(read.ok());
  return *read;
}

void Flip(const fs::path& file, size_t at) {
  std::string bytes = ReadBytes(file);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  WriteBytes(file, bytes);
}

TEST_CASE("synced file: golden bytes") {
  CHECK(Hex(EncodeSynced(Closed())) ==
        "01 0102030405060708 1112131415161718 0000000000000007 01 000000000000012c 05f403 02 09e807 0c00 d92eed9f"_hex);
  CHECK(DecodeSynced(EncodeSynced(Closed())) == Closed());
  CHECK(DecodeSynced(EncodeSynced(Open(5)) + std::string(100, 'x')) == Open(5));
}

TEST_CASE("synced file: a record with any bit flipped, or cut short, does not read") {
  std::string bytes = EncodeSynced(Closed());
  for (size_t at = 0; at < bytes.size(); ++at) {
    INFO(at);
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      CHECK_FALSE(DecodeSynced(damaged));
    }
    CHECK_FALSE(DecodeSynced(bytes.substr(0, at)));
  }
}

TEST_CASE("synced file: the newest record holds, whichever place it is in") {
  TempDir temp;
  CHECK_FALSE(In(temp.path()));
  auto file = SyncedFile::Open(temp.path().string(), Open(1));
  REQUIRE(file.ok());
  CHECK(In(temp.path())->sequence == 1);
  CHECK(fs::status(temp.path() / "SYNCED").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  REQUIRE(file->WriteSoon(Open(2)).ok());
  CHECK(In(temp.path())->sequence == 2);
  REQUIRE(file->Write(Open(3)).ok());
  CHECK(In(temp.path())->sequence == 3);
  REQUIRE(file->WriteSoon(Open(4)).ok());
  // Opened anew, serials go on.
  auto again = SyncedFile::Open(temp.path().string(), Open(5));
  REQUIRE(again.ok());
  CHECK(In(temp.path())->sequence == 5);
}

TEST_CASE("synced file: one place torn leaves what the other says; both are damage, and named") {
  TempDir temp;
  fs::path path = temp.path() / "SYNCED";
  auto file = SyncedFile::Open(temp.path().string(), Open(1));
  REQUIRE(file.ok());
  REQUIRE(file->WriteSoon(Open(2)).ok());
  const std::string whole = ReadBytes(path);
  Flip(path, SyncedFile::kPlaceSize + 20);
  CHECK(In(temp.path())->sequence == 1);
  WriteBytes(path, whole);
  Flip(path, 20);
  CHECK(In(temp.path())->sequence == 2);
  Flip(path, SyncedFile::kPlaceSize + 20);
  for (const std::string& bytes : {ReadBytes(path), std::string(), std::string(8192, '\0')}) {
    WriteBytes(path, bytes);
    auto read = SyncedFile::Read(temp.path().string(), Closed().store);
    REQUIRE_FALSE(read.ok());
    CHECK(read.status().code() == Code::kCorrupt);
    CHECK_THAT(read.status().detail(), Catch::Contains("the store is damaged: " + path.string()));
  }
  WriteBytes(path, whole);
  auto foreign = SyncedFile::Read(temp.path().string(), {1, 2});
  REQUIRE_FALSE(foreign.ok());
  CHECK_THAT(foreign.status().detail(), Catch::Contains(path.string()));
}

TEST_CASE("synced file: of more logs than a record holds the newest stay") {
  TempDir temp;
  SyncedRecord record = Open(1);
  record.logs.clear();
  for (uint64_t n = 1; n <= SyncedFile::kLogsMost + 5; ++n) record.logs.push_back({n, 0});
  REQUIRE(SyncedFile::Open(temp.path().string(), record).ok());
  auto read = In(temp.path());
  REQUIRE(read->logs.size() == SyncedFile::kLogsMost);
  CHECK(read->logs.front().number == 6);
}

}  // namespace
}  // namespace notifyd
