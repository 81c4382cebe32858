// A store of an older format becomes one of the present one: what it held is there, in the families where it belongs, and each lane's counts are as
// if they had always been kept.
#include <csignal>
#include <cstdio>
#include <map>
#include <optional>
#include <sstream>

#include "base/base64.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "storage/hex.h"
#include "storage/keys.h"
#include "storage/raw.h"
#include "storage/records.h"
#include "storage/rocks_harness.h"
#include "support/process.h"

namespace notifyd {
namespace {

namespace fs = std::filesystem;

NotifyRecord Pending(uint64_t id, const LaneKey& lane, Phase phase, WallTime due = {StoreHarness::kStart}) {
  NotifyRecord record = MakeRecord(id, lane);
  record.state.phase = phase;
  record.state.due = due;
  if (phase == Phase::kRetrying) record.state.retry_at = {50};
  return record;
}

/// One of each kind of place that a pending notify can have, and settled ones beside them.
std::vector<WriteOp> SomeOfEach() {
  int64_t due = StoreHarness::kStart;
  NotifyRecord settled = MakeRecord(8, kFifoLane);
  settled.state = SettledState(Phase::kFailed);
  return {Put(Pending(1, kFifoLane, Phase::kHeld, kWallNever)),
          Put(Pending(2, kFifoLane, Phase::kHeld)),
          PutDue{Clock::kWall, {due, {2}}},
          Put(Pending(3, kFifoLane, Phase::kWaiting)),
          PutDue{Clock::kWall, {due, {3}}},
          Put(Pending(4, kFifoLane, Phase::kRetrying)),
          PutDue{Clock::kMono, {50, {4}}},
          Put(Pending(5, kFifoLane, Phase::kWaiting)),
          PutTail{kFifoLane, {0, {due}, {5}}},
          Put(Pending(6, kFifoLane, Phase::kRetrying)),
          PutTail{kFifoLane, {0, {due}, {6}}},
          Put(Pending(7, kConcurrentLane, Phase::kWaiting)),
          PutDue{Clock::kWall, {due, {7}}},
          Put(settled),
          Put(MakeRecord(9)),
          Change({9}, SettledState(Phase::kSucceeded), MakeAttempt(1))};
}
const IndexCounts kFifoCounts{1, 1, 1, 1, 2}, kConcurrentCounts{0, 0, 1, 0, 0};

std::string FormatBytes(uint32_t version, const Fingerprint& store) {
  std::string out;
  EncodeFormat({version, store}, &out);
  return out;
}

Fingerprint StoreOf(StoreTool& tool) {
  return DecodeFormat(**tool.Get(EncodeMetaKey(kFormatName)))->store;
}

void SetFormatFile(RocksHarness& store, char digit) {
  std::string text = ReadBytes(store.directory() / "FORMAT");
  size_t at = text.find("format ") + 7;
  text[at] = digit;
  WriteBytes(store.directory() / "FORMAT", text);
}

uint32_t FormatFileOf(RocksHarness& store) {
  std::string text = ReadBytes(store.directory() / "FORMAT");
  return static_cast<uint32_t>(text[text.find("format ") + 7] - '0');
}

/// Makes the closed store one of format 1, which has no counts, or 2: one family, and both places that say the format say so.
void MakeOld(RocksHarness& store, uint32_t version = 1) {
  {
    auto tool = StoreTool::Open(store.Options());
    REQUIRE(tool.ok());
    REQUIRE((*tool)->ToOneFamily().ok());
    REQUIRE((*tool)->Put(EncodeMetaKey(kFormatName), FormatBytes(version, StoreOf(**tool))).ok());
  }
  SetFormatFile(store, static_cast<char>('0' + version));
}

std::map<std::string, IndexCounts> CountsIn(RocksHarness& store) {
  std::map<std::string, IndexCounts> counts;
  for (const LaneRow& row : store.ListLanes({}).rows) counts[row.lane.name] = row.counts;
  return counts;
}

std::map<std::string, IndexCounts> Expected() {
  return {{kFifoLane.name, kFifoCounts}, {kConcurrentLane.name, kConcurrentCounts}};
}

TEST_CASE("upgrade: a store of format 1 gets its lanes' counts, and says the present format from then on") {
  RocksHarness store;
  store.next_totals.next_id = 10;
  store.Commit(SomeOfEach());
  REQUIRE(store.ListLanes({}).rows.empty());
  store.Close();
  MakeOld(store);
  store.Open();
  CHECK(CountsIn(store) == Expected());
  CHECK(store.LoadNotify({6}).in_tail);
  CHECK(store.totals().next_id == 10);
  CHECK(FormatFileOf(store) == kFormatVersion);
  Raw(store, [](StoreTool& tool) { CHECK(DecodeFormat(**tool.Get(EncodeMetaKey(kFormatName)))->version == kFormatVersion); });
  // Once: what is counted from then on stays.
  store.Commit({AddLaneCounts{kFifoLane, {0, 0, 4, 0, 0}}});
  store.Reopen();
  CHECK(CountsIn(store)[kFifoLane.name][Index::kDue] == kFifoCounts[Index::kDue] + 4);
}

TEST_CASE("upgrade: values as format 1 wrote them are read, changed and counted") {
  RocksHarness store;
  store.Close();
  MakeOld(store);
  {
    auto tool = StoreTool::Open(store.Options());
    REQUIRE(tool.ok());
    std::string notify = EncodeNotifyKey({0x2a});
    REQUIRE((*tool)
                ->Put(notify, Unhex("01 01 a01f 00 00 feffffffffffffffff01 00 00 00 00 d00f 01 06 6f7264657273 04 683a3830 04 00 00 02 6d65 00 "
                                    "0d 01 00 0a 687474703a2f2f682f78 b8bc3b0c"))
                .ok());
    REQUIRE((*tool)->Merge(notify, Unhex("8102a01f0a00feffffffffffffffff010001000001011206f403016501640162471b3a7e")).ok());
    REQUIRE((*tool)->Put(EncodeMetaKey(kTotalsName), Unhex("0101ac0200000000000000000000000000000100010200000000000022bf53ef")).ok());
  }
  store.Open();
  CHECK(store.totals().accepted == 300);
  CHECK(CountsIn(store)["orders"] == IndexCounts{0, 0, 0, 1, 0});
  NotifyState state = store.LoadNotify({0x2a}).record->state;
  CHECK(state.retry_at.ms == 5);
  state.laters = 3;
  store.Commit({Change({0x2a}, state, MakeAttempt(2))});
  auto record = store.LoadNotify({0x2a}).record;
  CHECK(record->state.laters == 3);
  REQUIRE(record->attempts.size() == 2);
  CHECK(record->attempts[0].error == "e");
}

TEST_CASE("upgrade: one that was cut short is done anew, whatever it had counted") {
  for (bool format_file_first : {false, true}) {
    RocksHarness store;
    store.Commit(SomeOfEach());
    store.Commit({AddLaneCounts{kFifoLane, {9, 9, 9, 9, 9}}, AddLaneCounts{{Mode::kFifo, "none"}, {1, 0, 0, 0, 0}}});
    store.Close();
    MakeOld(store);
    {
      auto tool = StoreTool::Open(store.Options());
      REQUIRE(tool.ok());
      // What an older notifyd makes of operands that it does not know.
      std::string orphan;
      EncodeOrphan(&orphan);
      REQUIRE((*tool)->Put(EncodeNamedLaneKey(KeyKind::kLaneCounts, kConcurrentLane), orphan).ok());
    }
    if (format_file_first) SetFormatFile(store, '2');
    store.Open();
    CHECK(CountsIn(store) == Expected());
    CHECK(FormatFileOf(store) == kFormatVersion);
    store.Reopen();
    CHECK(CountsIn(store) == Expected());
  }
}

TEST_CASE("upgrade: more notifies and lanes than are held at once are all counted") {
  RocksHarness store;
  constexpr uint64_t kNotifies = 12'000, kLanes = 5'000;
  for (uint64_t id = 1; id <= kNotifies;) {
    std::vector<WriteOp> ops;
    for (; id <= kNotifies && ops.size() < 4000; ++id) {
      LaneKey lane{Mode::kFifo, "lane " + std::to_string(id % kLanes)};
      ops.push_back(Put(Pending(id, lane, Phase::kWaiting)));
      if (id % 7 == 0) ops.push_back(PutTail{lane, {0, {StoreHarness::kStart}, {id}}});
    }
    store.Commit(std::move(ops), false);
  }
  store.Close();
  MakeOld(store);
  store.Open();
  IndexCounts sum;
  uint64_t lanes = 0;
  LanesQuery query;
  query.limit = 1000;
  for (;;) {
    LanesDone page = store.ListLanes(query);
    lanes += page.rows.size();
    for (const LaneRow& row : page.rows) sum += row.counts;
    if (!page.more) break;
    query.after = page.next;
  }
  CHECK(lanes == kLanes);
  CHECK(sum == IndexCounts{0, 0, static_cast<int64_t>(kNotifies - kNotifies / 7), 0, static_cast<int64_t>(kNotifies / 7)});
}

TEST_CASE("upgrade: a notify that is damaged stops it by name, and the store stays of format 1") {
  RocksHarness store;
  store.Commit(SomeOfEach());
  store.Close();
  MakeOld(store);
  std::string good;
  auto write = [&](const std::string& value) {
    auto tool = StoreTool::Open(store.Options());
    REQUIRE(tool.ok());
    if (good.empty()) good = **(*tool)->Get(EncodeNotifyKey({3}));
    REQUIRE((*tool)->Put(EncodeNotifyKey({3}), value.empty() ? good : value).ok());
  };
  write("nonsense");
  auto opened = RocksStore::Open(store.Options());
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.status().code() == Code::kCorrupt);
  CHECK_THAT(opened.status().detail(), Catch::Contains(NotifyId{3}.ToString()));
  CHECK(FormatFileOf(store) == 1);
  write("");
  store.Open();
  CHECK(CountsIn(store) == Expected());
}

TEST_CASE("upgrade: a directory of an older format whose database was never made becomes a new store") {
  const char format = GENERATE('1', '2', '3');
  RocksHarness store;
  store.Close();
  SetFormatFile(store, format);
  TempDir temp;
  fs::path bare = temp.path() / "bare";
  fs::create_directory(bare);
  WriteBytes(bare / "FORMAT", ReadBytes(store.directory() / "FORMAT"));
  WriteBytes(bare / "FORMAT.new.store", "");
  RocksHarness opened(&bare);
  CHECK(FormatFileOf(opened) == kFormatVersion);
  opened.Commit({Put(MakeRecord(1))});
  opened.Reopen();
  CHECK(opened.LoadNotify({1}).record);
}

TEST_CASE("upgrade: one that is cut short at any step goes on at the next start, and nothing is missing or twice") {
  for (uint32_t from : {1u, 2u}) {
    RocksHarness store;
    constexpr uint64_t kNotifies = 9000;
    std::vector<WriteOp> ops = SomeOfEach();
    for (uint64_t id = 10; id <= kNotifies; ++id) ops.push_back(Put(MakeRecord(id)));
    store.Commit(std::move(ops));
    store.Commit({Change({kNotifies}, SettledState(Phase::kSucceeded), MakeAttempt(1))});
    store.Close();
    MakeOld(store, from);
    TempDir temp;
    auto step_count = [&](const fs::path& directory, size_t cut) {
      size_t steps = 0;
      StoreOptions options = store.Options();
      options.directory = directory.string();
      options.upgrade_step = [&] { return steps++ < cut ? Status::Ok() : Status(Code::kIo, "cut short"); };
      auto opened = RocksStore::Open(options);
      CHECK(opened.ok() == (steps <= cut));
      return steps;
    };
    auto copy = [&](const std::string& name) {
      fs::path directory = temp.path() / name;
      fs::copy(store.directory(), directory);
      return directory;
    };
    const size_t all = step_count(copy("whole"), SIZE_MAX);
    CHECK(all >= 7);  // several batches among them
    for (size_t cut = 0; cut < all; ++cut) {
      INFO("from format " << from << ", cut at step " << cut);
      fs::path directory = copy(std::to_string(cut));
      step_count(directory, cut);
      // Once more, a step further, where there is one.
      step_count(directory, std::min<size_t>(cut, 1));
      RocksHarness opened(&directory);
      CHECK(FormatFileOf(opened) == kFormatVersion);
      ListQuery query;
      query.limit = kNotifies + 1;
      query.oldest_first = true;
      ListDone list = opened.List(query);
      REQUIRE(list.items.size() == kNotifies);
      for (uint64_t id = 1; id <= kNotifies; ++id) REQUIRE(list.items[id - 1].record->id.value == id);
      CHECK(opened.LoadNotify({kNotifies}).record->attempts.size() == 1);
      CHECK(opened.LoadNotify({5}).in_tail);
      if (from == 1) CHECK(CountsIn(opened)[kFifoLane.name] == kFifoCounts);
    }
  }
}

/// A process of its own opens the store, and dies at that passage of that point; false: it did not come so far.
bool DiesOpening(RocksHarness& store, const std::string& point, int passage) {
  const StoreOptions options = store.Options();
  test::Process opener(DYING_STORE_BINARY,
                       {{options.directory, options.encryption_key_file, std::to_string(options.wall_ms()), point + ":" + std::to_string(passage)}});
  const int code = opener.Wait();
  if (code == 1000 + SIGKILL) return true;
  INFO(opener.error());
  CHECK(code == 0);
  return false;
}

TEST_CASE("upgrade: a process that dies at any of its crash points leaves what the next start makes whole") {
  LogSetLevel(LogLevel::kError);
  for (const char* point : kCrashPointNames) {
    if (!std::string_view(point).starts_with("upgrade.")) continue;
    int passage = 1;
    for (bool dies = true; dies; ++passage) {
      INFO(point << ", the " << passage << "th");
      RocksHarness store;
      std::vector<WriteOp> ops = SomeOfEach();
      for (uint64_t id = 10; id <= 5000; ++id) ops.push_back(Put(MakeRecord(id)));
      store.Commit(std::move(ops));
      store.Close();
      MakeOld(store);
      dies = DiesOpening(store, point, passage);
      store.Open();
      CHECK(FormatFileOf(store) == kFormatVersion);
      CHECK(CountsIn(store)[kFifoLane.name] == kFifoCounts);
      ListQuery query;
      query.limit = 6000;
      CHECK(store.List(query).items.size() == 5000);
    }
    CHECK(passage > 2);  // it is passed, and came to its end
  }
}

/// Lays out a store that stands in a file of tests/storage/data; gives how many notifies its `default` had accepted, where its notifyd had said so.
std::optional<uint64_t> LayOut(const std::string& name, const fs::path& directory) {
  fs::create_directory(directory);
  std::ifstream in(fs::path(NOTIFYD_SOURCE_DIR) / "tests/storage/data" / name);
  REQUIRE(in.is_open());
  std::optional<uint64_t> accepted;
  std::string file, text, line;
  size_t size = 0;
  auto write = [&] {
    if (file.empty()) return;
    std::string bytes = *DecodeBase64(text);
    bytes.resize(size);
    WriteBytes(directory / file, bytes);
  };
  while (std::getline(in, line)) {
    if (line.starts_with("said /v1/namespaces/default/stats ")) {
      unsigned long long number = 0;
      REQUIRE(std::sscanf(line.c_str() + line.find("\"accepted\":"), "\"accepted\":%llu", &number) == 1);
      accepted = number;
    }
    if (line.starts_with("#") || line.starts_with("said ")) continue;
    if (!line.starts_with("file ")) {
      text += line;
      continue;
    }
    write();
    std::istringstream words(line.substr(5));
    REQUIRE(words >> file >> size);
    text.clear();
  }
  write();
  return accepted;
}

TEST_CASE("upgrade: a store that a notifyd of format 3 left is opened with all that it held, and nothing of it is rewritten") {
  TempDir temp;
  const fs::path directory = temp.path() / "store";
  LayOut("format3.txt", directory);
  std::map<std::string, std::string> tables;
  for (const fs::path& table : FilesIn(directory, ".sst")) tables[table.filename()] = ReadBytes(table);
  CHECK(tables.size() == 2);
  {
    RocksHarness store(&directory);
    CHECK(FormatFileOf(store) == kFormatVersion);
    CHECK(store.totals().accepted == 6);
    CHECK(store.totals().next_id == 7);
    CHECK(store.totals().succeeded == 1);
    CHECK(store.totals().failed == 1);
    for (const auto& [name, bytes] : tables) CHECK(ReadBytes(directory / name) == bytes);
    store.wall_ms = 1'795'700'000'000;  // before all retention
    ListQuery query;
    query.oldest_first = true;
    std::vector<State> states;
    for (const LoadedNotify& item : store.List(query).items) states.push_back(static_cast<State>(item.record->state.phase));
    CHECK(states.size() == 6);
    CHECK(store.LoadNotify({1}).record->state.phase == Phase::kSucceeded);
    CHECK(store.LoadNotify({2}).record->state.phase == Phase::kFailed);
    CHECK(store.LoadNotify({3}).record->state.phase == Phase::kRetrying);
    CHECK(store.LoadNotify({3}).record->attempts.size() == 1);
    CHECK(store.LoadFkey("order 4")->id == NotifyId{4});
    CHECK(store.LoadNotify({4}).record->state.expires_at != kWallNever);
    CHECK(store.LoadWholeLane({Mode::kFifo, "orders"}).settings->rate_per_s == 5);
    CHECK(store.LoadPage(DuePage{Clock::kWall, {}, INT64_MAX}).due().size() == 2);
    const auto image = store.rocks().LoadRegistry();
    REQUIRE(image.ok());
    CHECK(image->namespaces.empty());
    REQUIRE(image->states.size() == 1);
    CHECK(image->states[0].awake);
    store.Commit({Put(MakeRecord(7))});
  }
  RocksHarness again(&directory);
  CHECK(again.LoadNotify({7}).record);
  CHECK(again.LoadNotify({6}).record);
}

TEST_CASE("upgrade: from each format of which a notifyd of then left a store, cut short at any step, it is done at the next start") {
  const std::vector<fs::path> kept = FilesIn(fs::path(NOTIFYD_SOURCE_DIR) / "tests/storage/data", ".txt");
  REQUIRE(kept.size() >= 2);
  for (const fs::path& file : kept) {
    size_t cut = 0;
    for (bool opened = false; !opened; ++cut) {
      INFO(file.filename() << ", cut at step " << cut);
      TempDir temp;
      const fs::path directory = temp.path() / "store";
      const uint64_t accepted = LayOut(file.filename(), directory).value_or(6);  // of format 3 nothing says it
      size_t steps = 0;
      StoreOptions options;
      options.directory = directory.string();
      options.upgrade_step = [&] { return steps++ < cut ? Status::Ok() : Status(Code::kIo, "cut short"); };
      opened = RocksStore::Open(options).ok();
      RocksHarness store(&directory);
      CHECK(FormatFileOf(store) == kFormatVersion);
      CHECK(store.totals().accepted == accepted);
    }
    CHECK(cut == 3);
  }
}

TEST_CASE("upgrade: a notify that does not decode is moved as it is, and is an error where it is read") {
  RocksHarness store;
  store.Commit({Put(MakeRecord(1)), Put(MakeRecord(2))});
  store.Close();
  MakeOld(store, 2);
  {
    auto tool = StoreTool::Open(store.Options());
    REQUIRE(tool.ok());
    REQUIRE((*tool)->Put(EncodeNotifyKey({1}), "nonsense").ok());
  }
  store.Open();
  store.store().Read({{1, 1}, {1}});
  CHECK(store.Next<ReadDone>().status.code() == Code::kCorrupt);
  CHECK(store.LoadNotify({2}).record);
}

TEST_CASE("upgrade: the lock is still on the directory afterwards") {
  RocksHarness store;
  store.Close();
  MakeOld(store);
  store.Open();
  auto second = RocksStore::Open(store.Options());
  REQUIRE_FALSE(second.ok());
  CHECK_THAT(second.status().detail(), Catch::Contains("in use by another process"));
}

}  // namespace
}  // namespace notifyd
