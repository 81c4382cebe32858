// What a crash or a bad disk may do to the log, done to real log files: torn ends open, damage to what was synced is refused. By what the logs say
// alone, without SYNCED: missing_test.cc is about that.
#include "storage/log_check.h"

#include "storage/crash_harness.h"
#include "storage/keys.h"

namespace notifyd {
namespace {

/// Where the record begins that put this notify.
size_t RecordOf(const std::string& log, uint64_t id) {
  size_t found = log.find(EncodeNotifyKey({id}));
  REQUIRE(found != std::string::npos);
  size_t begin = 0;
  for (size_t end = 1; end <= found; ++end) {
    LogScan scan = ScanLog(std::string_view(log).substr(0, end), 0);
    if (scan.record_bytes == end) begin = end;
  }
  return begin;
}

TEST_CASE("log: after kill -9 all that was written is there, synced or not") {
  Crash store;
  store.Fill(5, 5);
  CHECK(store.IdsAt(store.Copy()) == UpTo(10));
}

TEST_CASE("log: after a clean stop all is there") {
  Crash store;
  store.Fill(5, 5);
  store.Close();
  CHECK(store.IdsAt(store.Copy()) == UpTo(10));
}

TEST_CASE("log: records do not lengthen it while it is open, and it ends with the last one when it is closed") {
  Crash store;
  store.Fill(1, 0);
  const fs::path log = TheLog(store.directory());
  const uint64_t size = fs::file_size(log);
  uint64_t records = RecordsIn(log).size();
  for (uint64_t id = 2; id <= 20; ++id) {
    store.CommitOne(id, true);
    CHECK(fs::file_size(log) == size);
    CHECK(RecordsIn(log).size() > records);
    records = RecordsIn(log).size();
  }
  // Over several of the steps in which it grows.
  for (uint64_t id = 21; id <= 30; ++id) store.CommitOne(id, true, 100'000);
  CHECK(fs::file_size(log) % 32768 == 0);
  CHECK(store.IdsAt(store.CopyWhole(true)) == UpTo(30));
  store.Close();
  CHECK(RecordsIn(log).size() == fs::file_size(log));
  CHECK(store.IdsAt(store.CopyWhole(true)) == UpTo(30));
}

TEST_CASE("log: zeros behind the last record are nothing, however many a crash left") {
  Crash store;
  store.Fill(5, 3);
  const fs::path whole = store.CopyWhole(true);
  const std::string records = RecordsIn(TheLog(whole));
  for (size_t zeros : {0, 1, 3, 6, 7, 8, 4096, 32768, 70'000}) {
    INFO(zeros);
    fs::path copy = store.CopyWhole(true);
    fs::resize_file(TheLog(copy), records.size() + zeros);
    CHECK(store.IdsAt(copy) == UpTo(8));
  }
  CHECK(store.IdsAt(whole) == UpTo(8));
}

TEST_CASE("log: a record of which a power cut left a part, with zeros behind it, is dropped where it had not been synced, and refused where it had") {
  Crash store;
  store.Fill(5, 1);
  const std::string records = RecordsIn(TheLog(store.directory()));
  for (uint64_t id : {5, 6}) {
    const size_t begin = RecordOf(records, id);
    for (size_t left : {size_t{1}, size_t{7}, size_t{30}}) {
      INFO(id << " " << left);
      fs::path copy = store.CopyWhole(true), log = TheLog(copy);
      std::string bytes = ReadBytes(log);
      std::fill(bytes.begin() + static_cast<ptrdiff_t>(begin + left), bytes.end(), '\0');
      WriteBytes(log, bytes);
      if (id == 6) CHECK(store.IdsAt(copy) == UpTo(5));
      else store.CheckRefused(copy, log);
    }
  }
}

TEST_CASE("log: one that ends in the middle of its last record opens without that record") {
  Crash store;
  store.Fill(5, 1);
  std::string log = RecordsIn(TheLog(store.directory()));
  size_t last = RecordOf(log, 6);
  for (size_t size : {last + 1, last + 6, last + 7, last + 30, log.size() - 1}) {
    INFO(size);
    fs::path copy = store.Copy();
    fs::resize_file(TheLog(copy), size);
    CHECK(store.IdsAt(copy) == UpTo(5));
  }
}

TEST_CASE("log: garbage or zeros behind the last record do not keep it from opening") {
  Crash store;
  store.Fill(5, 0);
  for (const std::string& tail :
       {std::string(5000, '\0'), std::string(70000, '\0'), std::string(3, 'x'), std::string(5000, '\x5a'), std::string(100000, 'y')}) {
    INFO(tail.size());
    fs::path copy = store.Copy();
    WriteBytes(TheLog(copy), ReadBytes(TheLog(copy)) + tail);
    CHECK(store.IdsAt(copy) == UpTo(5));
  }
}

TEST_CASE("log: a torn end that lost pages in any order opens where none of them had been synced") {
  Crash store;
  store.Fill(3, 4);
  std::string log = RecordsIn(TheLog(store.directory()));
  size_t first = RecordOf(log, 4), second = RecordOf(log, 5);
  std::string flipped = log, zeroed = log;
  flipped[first + 20] = static_cast<char>(flipped[first + 20] ^ 1);
  std::fill(zeroed.begin() + static_cast<ptrdiff_t>(first), zeroed.begin() + static_cast<ptrdiff_t>(second), '\0');
  for (const std::string& damaged : {flipped, zeroed}) {
    fs::path copy = store.Copy();
    WriteBytes(TheLog(copy), damaged);
    CHECK(store.IdsAt(copy) == UpTo(3));
  }
}

TEST_CASE("log: a bit flipped anywhere in a synced record with good ones behind it is refused, and the file named") {
  Crash store;
  store.Fill(8, 0);
  fs::path copy = store.Copy(), log_path = TheLog(copy);
  std::string log = ReadBytes(log_path);
  size_t begin = RecordOf(log, 4), end = RecordOf(log, 5);
  REQUIRE(end > begin + 100);
  for (size_t at = begin; at < end; at += at < begin + 22 ? 1 : 9) {
    INFO(at - begin);
    std::string damaged = log;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    WriteBytes(log_path, damaged);
    store.CheckRefused(copy, log_path);
  }
  WriteBytes(log_path, log);
  CHECK(store.IdsAt(copy) == UpTo(8));
}

TEST_CASE("log: the refusal changes nothing, the store opens once the damage is undone") {
  Crash store;
  store.Fill(8, 0);
  fs::path copy = store.Copy(), log_path = TheLog(copy);
  std::string log = ReadBytes(log_path), damaged = log;
  damaged[log.size() / 2] = static_cast<char>(damaged[log.size() / 2] ^ 1);
  WriteBytes(log_path, damaged);
  store.CheckRefused(copy, log_path);
  store.CheckRefused(copy, log_path);
  CHECK(ReadBytes(log_path) == damaged);
  WriteBytes(log_path, log);
  CHECK(store.IdsAt(copy) == UpTo(8));
}

TEST_CASE("log: zeros in place of synced records are refused, which no mode of RocksDB does") {
  Crash store;
  store.Fill(8, 0);
  fs::path copy = store.Copy(), log_path = TheLog(copy);
  std::string log = ReadBytes(log_path);
  size_t begin = RecordOf(log, 4), end = RecordOf(log, 5);
  std::fill(log.begin() + static_cast<ptrdiff_t>(begin), log.begin() + static_cast<ptrdiff_t>(end), '\0');
  WriteBytes(log_path, log);
  store.CheckRefused(copy, log_path);
}

TEST_CASE("log: damage to the very last synced record is refused once the log says that it was synced") {
  Crash store;
  store.Fill(3, 2);
  store.Commit({}, true);
  store.Close();  // writes the mark that an idle store writes after a while
  for (uint64_t id : {1, 4, 5}) {
    INFO(id);
    fs::path copy = store.Copy(), log_path = TheLog(copy);
    std::string log = ReadBytes(log_path);
    log[RecordOf(log, id) + 40] ^= 4;
    WriteBytes(log_path, log);
    store.CheckRefused(copy, log_path);
  }
}

TEST_CASE("log: an idle store says by itself what was synced") {
  Crash store;
  store.Fill(2, 0);
  store.WaitForMark();
  fs::path copy = store.Copy();
  std::string log = ReadBytes(TheLog(copy));
  log[RecordOf(log, 2) + 40] ^= 4;
  WriteBytes(TheLog(copy), log);
  store.CheckRefused(copy, TheLog(copy));
}

TEST_CASE("log: records of many blocks are judged like small ones") {
  Crash store;
  store.Fill(4, 1, 150'000);
  std::string log = RecordsIn(TheLog(store.directory()));
  {
    fs::path copy = store.Copy();
    std::string damaged = log;
    damaged[170'000] ^= 1;
    WriteBytes(TheLog(copy), damaged);
    store.CheckRefused(copy, TheLog(copy));
  }
  for (size_t cut : {1, 40'000, 100'000, 149'000}) {
    INFO(cut);
    fs::path copy = store.Copy();
    fs::resize_file(TheLog(copy), log.size() - cut);
    auto ids = store.IdsAt(copy);
    CHECK(ids.size() >= 4);
    ids.resize(4);
    CHECK(ids == UpTo(4));
  }
  fs::path copy = store.Copy();  // a page in the middle of the unsynced one never reached the disk
  std::string damaged = log;
  std::fill(damaged.end() - 60'000, damaged.end() - 50'000, '\0');
  WriteBytes(TheLog(copy), damaged);
  CHECK(store.IdsAt(copy) == UpTo(4));
}

TEST_CASE("log: a store that was torn goes on as any other, and its next crash is judged anew") {
  Crash store;
  store.Fill(5, 3);
  fs::path copy = store.Copy();
  fs::resize_file(TheLog(copy), fs::file_size(TheLog(copy)) - 90);
  {
    RocksHarness reopened(&copy);
    CHECK(reopened.List({}).items.size() == 7);
    for (uint64_t id = 100; id < 104; ++id) reopened.Commit({Put(MakeRecord(id))});
    fs::path next = store.copies.path() / "next";
    reopened.CopyTo(next);
    std::string log = ReadBytes(TheLog(next));
    log[RecordOf(log, 101) + 30] ^= 1;
    WriteBytes(TheLog(next), log);
    store.CheckRefused(next, TheLog(next));
  }
  CHECK(store.IdsAt(copy).size() == 11);
}

TEST_CASE("log: while memtables become tables no damage to a log loses anything synced in silence") {
  Crash store(128 << 10);
  uint64_t id = 0, refused = 0;
  for (int round = 0; round < 12; ++round) {
    for (uint64_t last = id + 23; id < last;) store.CommitOne(++id, true, 10'000);
    fs::path copy = store.Copy();
    fs::path victim = TheLog(copy);
    std::string log = ReadBytes(victim);
    if (log.size() < 3000) continue;
    // Early in the newest log, whose records are written while the older one's become a table.
    size_t at = (2000 + static_cast<size_t>(round) * 9000) % log.size();
    log[at] = static_cast<char>(log[at] ^ 8);
    WriteBytes(victim, log);
    auto opened = store.OpenAt(copy);
    if (!opened.ok()) {
      ++refused;
      CHECK(opened.status().code() == Code::kCorrupt);
      continue;
    }
    opened = Status(Code::kIo, "closed");
    // It may open where the log was done with; the very last record has no mark behind it yet.
    auto ids = store.IdsAt(copy);
    CHECK(ids.size() >= id - 1);
  }
  CHECK(refused > 0);
}

TEST_CASE("log: a missing log between two others is refused") {
  Crash store;
  store.Fill(4, 0);
  store.Close();
  // One log cut into three where records begin, which is three logs as far as anybody can tell: all is in one block.
  std::string log = RecordsIn(TheLog(store.directory()));
  fs::path copy = store.Copy(), first = TheLog(copy);
  size_t third = RecordOf(log, 3), fourth = RecordOf(log, 4);
  REQUIRE(fourth < 32768);
  std::string stem = first.stem().string();
  auto next_name = [&](int step) {
    std::string number = std::to_string(std::stoul(stem) + static_cast<unsigned long>(step));
    return copy / (std::string(6 - number.size(), '0') + number + ".log");
  };
  WriteBytes(first, log.substr(0, third));
  WriteBytes(next_name(1000), log.substr(third, fourth - third));
  WriteBytes(next_name(1001), log.substr(fourth));
  fs::path whole = store.Copy();
  fs::remove(TheLog(whole));
  for (const fs::path& file : FilesIn(copy, ".log")) fs::copy_file(file, whole / file.filename());
  fs::remove(next_name(1000));
  CHECK(store.IdsAt(whole) == UpTo(4));
  auto refused = store.OpenAt(copy);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.status().code() == Code::kCorrupt);
  CHECK_THAT(refused.status().detail(), Catch::Contains(next_name(1001).string()));
}

TEST_CASE("log: a mark is taken only where a whole record of this store holds it") {
  Crash store;
  store.Fill(3, 0);
  std::string log = RecordsIn(TheLog(store.directory()));
  Fingerprint id = store.StoreId();
  uint64_t synced = FindSyncedMark(log, id);
  CHECK(synced > 0);
  CHECK(FindSyncedMark(log, {id.high, id.low + 1}) == 0);
  // The bytes of a mark in a body, or anywhere else, are no mark.
  CHECK(FindSyncedMark(std::string(100, 'x') + EncodeSyncedMark(id, 1'000'000) + log, id) <= synced);
  CHECK(FindSyncedMark(EncodeSyncedMark(id, 1'000'000), id) == 0);
}

TEST_CASE("log: a directory where a log would stand is refused by its name, and ends nothing") {
  Crash store;
  store.Fill(5, 5);
  fs::path copy = store.Copy();
  fs::create_directory(copy / "999999.log");
  auto opened = store.OpenAt(copy);
  REQUIRE_FALSE(opened.ok());
  CHECK_THAT(opened.status().detail(), Catch::Contains("999999.log"));
}

TEST_CASE("current: the name in it is its first line, and a MANIFEST's number is all behind its beginning") {
  CHECK(NameInCurrent("MANIFEST-000005\nmore") == "MANIFEST-000005");
  CHECK(NameInCurrent("") == "");
  CHECK(ManifestNumberOf("MANIFEST-000005") == 5);
  for (const char* name : {"", "MANIFEST-", "MANIFEST-5x", "MANIFEST--5", "MANIFEST-18446744073709551616", "../MANIFEST-000005", "manifest-000005"})
    CHECK_FALSE(ManifestNumberOf(name));
  // Nothing where it does not read: what there is of it is said by whoever needs it.
  TempDir empty;
  CHECK(CurrentManifest(empty.path().string()).number == 0);
  fs::create_directory(empty.path() / "CURRENT");
  CHECK(CurrentManifest(empty.path().string()).number == 0);
}

}  // namespace
}  // namespace notifyd
