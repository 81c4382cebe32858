// Files of a store that are damaged at any byte: a log cut short anywhere in its last 64 KiB, single bits flipped in every file. What opens has all
// that had been synced, each with the bytes that were written; all else is refused, and the file named.
//
// A sample of the places, drawn anew each time. NOTIFYD_TEST_PLACES sets how many bits are flipped in each kind of file (10000, say), and has the log
// cut at every byte; NOTIFYD_TEST_SEED draws the same ones again.
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <random>

#include "base/log.h"
#include "base/random.h"
#include "storage/crash_harness.h"
#include "storage/keys.h"
#include "storage/table_properties.h"
#include "support/memory_dir.h"

namespace notifyd {
namespace {

constexpr size_t kCutBytes = 64 << 10;
constexpr uint64_t kUnsynced = 12;

uint64_t NumberFrom(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}
/// 0: a sample.
uint64_t PlacesWanted() {
  static const uint64_t places = NumberFrom("NOTIFYD_TEST_PLACES", 0);
  return places;
}
uint64_t Seed() {
  static const uint64_t seed = NumberFrom("NOTIFYD_TEST_SEED", std::random_device()());
  return seed;
}

/// What became of the damage. A refusal counts where it names a file of the store, be it another one: `elsewhere`.
struct Tally {
  uint64_t opened = 0, refused = 0, elsewhere = 0;
};

/// A store of two families with tables, a MANIFEST that was added to, and a log of more than 64 KiB at whose end stands what was never synced.
class Damaged {
 public:
  Damaged() : store_(1 << 20) {
    LogSetLevel(LogLevel::kError);  // each start says what it drops
    for (uint64_t id = 1; id <= 120; ++id) Add(id, true);
    REQUIRE(store_.rocks().Compact().ok());
    for (uint64_t id = 121; id <= 160; ++id) Add(id, true);
    for (uint64_t id = 1; id <= 20; ++id) Settle(id);
    REQUIRE(store_.rocks().Compact().ok());
    for (uint64_t id = 161; id <= 170; ++id) Add(id, true);
    lagging_ = ReadBytes(store_.directory() / SyncedFile::kName);
    for (uint64_t id = 171; id <= 400; ++id) Add(id, true);
    for (uint64_t id = 21; id <= 40; ++id) Settle(id);
    store_.WaitForMark();
    synced_ = 400;
    for (uint64_t id = synced_ + 1; id <= synced_ + kUnsynced; ++id) Add(id, false);
    killed_ = store_.CopyWhole(true);
    Trim(killed_);
    const std::string log = ReadBytes(TheLog(killed_));
    REQUIRE(log.size() > 2 * kCutBytes);
    unsynced_from_ = RecordsBefore(log, log.find(EncodeNotifyKey({synced_ + 1})));
    // The last record before that is a mark, of which nobody was told.
    synced_to_ = RecordsBefore(log, unsynced_from_ - 1);
    lagging_ids_ = 170;
    store_.Commit({}, true);
    store_.Close();
    closed_ = store_.CopyWhole(true);
  }

  /// As kill -9 leaves it (without the zeros behind the log's records), and as a clean stop does.
  const fs::path& killed() const { return killed_; }
  const fs::path& closed() const { return closed_; }
  uint64_t synced() const { return synced_; }
  uint64_t all() const { return synced_ + kUnsynced; }
  /// Up to where all was synced that anybody was told of, and where the first record begins that was never synced.
  size_t synced_to() const { return synced_to_; }
  size_t unsynced_from() const { return unsynced_from_; }
  /// What SYNCED said when the log had hardly begun, and how many were synced by then: a power cut may leave that.
  const std::string& lagging() const { return lagging_; }
  uint64_t lagging_ids() const { return lagging_ids_; }

  /// A fresh copy of `from`, for one kind of damage.
  const fs::path& Fresh(const fs::path& from) {
    fs::remove_all(copy_);
    fs::create_directory(copy_);
    for (const fs::path& file : FilesIn(from)) fs::copy_file(file, copy_ / file.filename());
    return copy_;
  }

  /// Opening the copy is refused, and this file named.
  void CheckRefused(const fs::path& file) { store_.CheckRefused(copy_, file); }

  /// Opens the copy: all ids up to `least` must be there, as many as follow without a gap up to all(), and nothing else, each as it was written; or
  /// it is refused by name. `file`: the damaged one. How many are there, nothing where it was refused.
  std::optional<uint64_t> Judge(const fs::path& file, uint64_t least, Tally* tally) {
    auto store = store_.OpenAt(copy_);
    Status status = store.ok() ? Status::Ok() : store.status();
    std::vector<LoadedNotify> items, settled;
    if (store.ok()) status = ReadAll(store->get(), &items, &settled);
    if (!status.ok()) {
      CheckRefusal(status, file, tally);
      return std::nullopt;
    }
    ++tally->opened;
    std::map<uint64_t, const NotifyRecord*> there;
    for (const LoadedNotify& item : items) there[item.record->id.value] = item.record.get();
    bool right = there.size() == items.size() && there.size() >= least && there.size() <= all();
    for (uint64_t id = 1; right && id <= there.size(); ++id) right = there.contains(id) && IsAsWritten(*there[id], least >= synced());
    for (const LoadedNotify& item : settled)
      right = right && item.record && item.record->attempts.size() == (item.record->state.phase == Phase::kFailed ? 1 : 0);
    INFO(there.size() << " are there of " << least << " at least");
    CHECK(right);  // else something that was synced is gone, or is not what was written
    return there.size();
  }

 private:
  static std::string BodyOf(uint64_t id) {
    std::string body(420, '\0');
    for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>((i * 2654435761u + id * 40503u) >> 7);
    return body;
  }
  static NotifyRecord RecordOf(uint64_t id) {
    NotifyRecord record = MakeRecord(id);
    record.spec = std::make_shared<const std::string>(BodyOf(id));
    return record;
  }
  void Add(uint64_t id, bool sync) { store_.Commit({Put(RecordOf(id)), PutDue{Clock::kWall, {{StoreHarness::kStart}, {id}}}}, sync); }
  void Settle(uint64_t id) {
    store_.Commit({Change({id}, SettledState(Phase::kFailed), MakeAttempt(1)), DeleteDue{Clock::kWall, {{StoreHarness::kStart}, {id}}, true}});
  }
  /// `whole`: what was synced at the end of the log is there, so that 21 to 40 are settled, too.
  static bool IsAsWritten(const NotifyRecord& record, bool whole) {
    const NotifyRecord wanted = RecordOf(record.id.value);
    const bool settled = record.state.phase == Phase::kFailed;
    const uint64_t id = record.id.value;
    const bool right_state = id <= 20 || (id <= 40 && whole) ? settled : record.state.phase == wanted.state.phase || (settled && id <= 40);
    return right_state && *record.spec == *wanted.spec && record.created_at.ms == wanted.created_at.ms &&
           record.envelope->lane == wanted.envelope->lane;
  }
  /// How many bytes the records have that are whole before `at`.
  static size_t RecordsBefore(const std::string& log, size_t at) {
    REQUIRE(at != std::string::npos);
    return ScanLog(std::string_view(log).substr(0, at), 0).record_bytes;
  }
  void Trim(const fs::path& directory) {
    for (const fs::path& log : FilesIn(directory, ".log")) WriteBytes(log, RecordsIn(log));
  }

  /// `settled`: those that were, whole, which lists are not.
  Status ReadAll(RocksStore* store, std::vector<LoadedNotify>* items, std::vector<LoadedNotify>* settled) {
    WaitingEvents events;
    WaitingSink sink;
    store->Start(&events);
    auto space = store->OpenNamespace(kDefaultNumber, &sink);
    if (!space.ok()) return std::move(space).status();
    ListQuery query;
    query.limit = 1000;
    space->store->List({{2, 1}, query, {{StoreHarness::kStart}, {0}}});
    const auto list = TakeFrom<ListDone>(&sink);
    if (!list.status.ok()) return list.status;
    *items = list.items;
    LoadEffect load{1, {}};
    for (uint64_t id = 1; id <= 40; ++id) load.keys.push_back(NotifyId{id});
    space->store->Load(std::move(load));
    const auto loaded = TakeFrom<Loaded>(&sink);
    for (const LoadedValue& value : loaded.values) settled->push_back(std::get<LoadedNotify>(value));
    return loaded.status;
  }

  template <class T>
  static T TakeFrom(WaitingSink* sink) {
    for (;;) {
      Event event = sink->Take();
      if (auto* wanted = std::get_if<T>(&event)) return std::move(*wanted);
    }
  }

  void CheckRefusal(const Status& status, const fs::path& file, Tally* tally) {
    ++tally->refused;
    INFO(status.detail());
    CHECK((status.code() == Code::kCorrupt || status.code() == Code::kUnacceptable));
    if (status.detail().find(file.string()) != std::string::npos) return;
    if (tally->elsewhere++ < 3 && PlacesWanted() > 0) std::cout << file.filename() << " is damaged: " << status.detail() << std::endl;
    CHECK_THAT(status.detail(), Catch::Contains(copy_.string()));
  }

  Crash store_;
  test::MemoryDir place_;
  const fs::path copy_ = place_.path() / "store";
  fs::path killed_, closed_;
  std::string lagging_;
  uint64_t synced_ = 0, lagging_ids_ = 0;
  size_t synced_to_ = 0, unsynced_from_ = 0;
};

/// One for all cases: none of them changes more than its copies.
Damaged& TheStore() {
  static Damaged store;
  return store;
}

void Flip(const fs::path& file, uint64_t bit) {
  std::string bytes = ReadBytes(file);
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  WriteBytes(file, bytes);
}

bool IsManifest(const fs::path& file) {
  return file.filename().string().starts_with("MANIFEST-");
}

struct Kind {
  const char* name;
  bool (*is)(const fs::path&);
  uint64_t sample;
};
const std::vector<Kind>& Kinds() {
  static const std::vector<Kind> kinds = {
      {"log", [](const fs::path& file) { return file.extension() == ".log"; }, 60},
      {"tables", [](const fs::path& file) { return file.extension() == ".sst"; }, 60},
      {"MANIFEST", &IsManifest, 60},
      {"CURRENT, SYNCED and FORMAT",
       [](const fs::path& file) { return file.filename() == "CURRENT" || file.filename() == SyncedFile::kName || file.filename() == "FORMAT"; }, 40},
  };
  return kinds;
}

void Say(const std::string& what, uint64_t places, const Tally& tally) {
  if (PlacesWanted() == 0) return;
  std::cout << what << ": " << places << " places, " << tally.opened << " opened with all that was synced, " << tally.refused << " refused, "
            << tally.elsewhere << " of them by the name of another file" << std::endl;
}

/// The offsets at which the log is cut: every byte of its last 64 KiB, or a sample with both ends.
std::vector<size_t> Cuts(size_t size, uint64_t sample) {
  std::vector<size_t> cuts;
  if (PlacesWanted() > 0) {
    for (size_t at = size - kCutBytes; at <= size; ++at) cuts.push_back(at);
    return cuts;
  }
  Random random(Seed());
  for (size_t before : {0, 1, 2, 7, 8}) cuts.push_back(size - before);
  for (uint64_t i = 0; i < sample; ++i) cuts.push_back(size - 1 - random.Below(kCutBytes));
  return cuts;
}

}  // namespace

TEST_CASE("corrupt files: a bit flipped anywhere loses nothing that was synced, and no body is another one") {
  INFO("NOTIFYD_TEST_SEED=" << Seed());
  Damaged& store = TheStore();
  for (bool clean : {false, true}) {
    const fs::path& whole = clean ? store.closed() : store.killed();
    for (const Kind& kind : Kinds()) {
      std::vector<fs::path> files;
      uint64_t bits = 0;
      for (const fs::path& file : FilesIn(whole)) {
        if (!kind.is(file)) continue;
        files.push_back(file.filename());
        bits += fs::file_size(file) * 8;
      }
      REQUIRE(bits > 0);
      const uint64_t places = PlacesWanted() > 0 ? PlacesWanted() : kind.sample;
      Random random(Seed());
      Tally tally;
      for (uint64_t i = 0; i < places; ++i) {
        // Each file as often as the others, whatever their sizes.
        const fs::path file = store.Fresh(whole) / files[i % files.size()];
        const uint64_t bit = random.Below(fs::file_size(file) * 8);
        INFO((clean ? "clean stop, " : "kill -9, ") << file << " bit " << bit);
        Flip(file, bit);
        store.Judge(file, clean ? store.all() : store.synced(), &tally);
      }
      Say(std::string(clean ? "bits after a clean stop, " : "bits after kill -9, ") + kind.name, places, tally);
    }
  }
}

TEST_CASE("corrupt files: what RocksDB reads of a table before it looks at a checksum is refused by name where a bit of it is flipped") {
  Damaged& store = TheStore();
  std::vector<fs::path> tables = FilesIn(store.closed(), ".sst");
  for (const fs::path& table : {tables.front(), tables.back()}) {
    const std::string bytes = ReadBytes(table);
    const std::optional<TableBlock> at = FindTableProperties(bytes.size(), [&](uint64_t from, uint64_t most) { return bytes.substr(from, most); });
    REQUIRE(at);
    CHECK(bytes.substr(at->offset, at->bytes).find("rocksdb.") != std::string::npos);
    // How many entries there are, and of what kind the block is, stands in its last four bytes; its trailer has five.
    for (uint64_t bit = (at->offset + at->bytes - 4) * 8; bit < (at->offset + at->bytes + 5) * 8; ++bit) {
      INFO(table.filename() << " bit " << bit);
      const fs::path file = store.Fresh(store.closed()) / table.filename();
      Flip(file, bit);
      store.CheckRefused(file);
    }
  }
}

TEST_CASE("corrupt files: a bit flipped anywhere in a MANIFEST with tables that none replaced is refused by name, and no table is deleted") {
  LogSetLevel(LogLevel::kError);
  Crash store(64 << 10);
  for (uint64_t id = 1; id <= 70; ++id) store.CommitOne(id, true, 3'000);
  store.Close();
  const fs::path whole = store.CopyWhole(true);
  const std::vector<fs::path> files = FilesIn(whole);
  REQUIRE(FilesIn(whole, ".sst").size() >= 4);
  const fs::path manifest = *std::find_if(files.begin(), files.end(), &IsManifest);
  const std::string bytes = ReadBytes(manifest);
  for (uint64_t bit = 0; bit < bytes.size() * 8; ++bit) {
    INFO("bit " << bit);
    Flip(manifest, bit);
    store.CheckRefused(whole, manifest);
    WriteBytes(manifest, bytes);
  }
  CHECK(FilesIn(whole) == files);
  CHECK(store.IdsAt(whole) == UpTo(70));
}

TEST_CASE("corrupt files: a log cut anywhere after kill -9 is refused where that takes what was synced, and opens with the rest where not") {
  INFO("NOTIFYD_TEST_SEED=" << Seed());
  Damaged& store = TheStore();
  const std::vector<size_t> cuts = Cuts(fs::file_size(TheLog(store.killed())), 60);
  Tally tally;
  for (size_t at : cuts) {
    const fs::path log = TheLog(store.Fresh(store.killed()));
    INFO("cut at " << at << ", synced to " << store.synced_to() << ", unsynced from " << store.unsynced_from());
    fs::resize_file(log, at);
    CHECK(store.Judge(log, store.synced(), &tally).has_value() == (at >= store.synced_to()));
  }
  Say("cuts after kill -9", cuts.size(), tally);
}

TEST_CASE("corrupt files: pages of a log's tail that was not synced survive a power cut or do not, in any order: all before them is there") {
  INFO("NOTIFYD_TEST_SEED=" << Seed());
  LogSetLevel(LogLevel::kError);
  constexpr uint64_t kSynced = 40, kAll = 260;
  constexpr size_t kPage = 4096;
  Crash store;
  std::string lagging;
  for (uint64_t id = 1; id <= kSynced; ++id) {
    store.CommitOne(id, true, 420);
    if (id == kSynced / 2) lagging = ReadBytes(store.directory() / SyncedFile::kName);
  }
  const std::string synced = ReadBytes(TheLog(store.directory()));
  for (uint64_t id = kSynced + 1; id <= kAll; ++id) store.CommitOne(id, false, 420);
  const fs::path whole = store.CopyWhole(true);
  const std::string written = ReadBytes(TheLog(whole)), name = TheLog(whole).filename();
  const size_t from = ScanLog(synced, 0).record_bytes / kPage * kPage, records = RecordsIn(TheLog(whole)).size();
  REQUIRE(records - from > 2 * 32768);
  test::MemoryDir place;
  const fs::path copy = place.path() / "store";
  Random random(Seed());
  uint64_t opened_with_more = 0;
  const uint64_t places = PlacesWanted() > 0 ? PlacesWanted() : 60;
  for (uint64_t i = 0; i < places; ++i) {
    fs::remove_all(copy);
    fs::copy(whole, copy);
    // Of a page that has something synced at its beginning, what had been there then is there.
    std::string torn = written;
    const uint64_t survive = random.Below(100);
    for (size_t at = from; at < torn.size(); at += kPage) {
      if (random.Below(100) < survive) continue;
      const size_t end = std::min(at + kPage, torn.size());
      std::string page = at < synced.size() ? synced.substr(at, end - at) : std::string();
      page.resize(end - at);
      torn.replace(at, end - at, page);
    }
    WriteBytes(copy / name, torn);
    if (i % 3 == 0) WriteBytes(copy / SyncedFile::kName, lagging);
    INFO("the " << i << "th, of " << survive << " percent");
    const std::vector<uint64_t> there = store.IdsAt(copy);
    CHECK(there.size() >= kSynced);
    CHECK(there == UpTo(there.size()));
    opened_with_more += there.size() > kSynced;
  }
  CHECK(opened_with_more > 0);
  if (PlacesWanted() > 0) std::cout << "torn tails: " << places << ", " << opened_with_more << " with some of what was not synced" << std::endl;
}

TEST_CASE("corrupt files: a log cut anywhere after a clean stop is refused") {
  INFO("NOTIFYD_TEST_SEED=" << Seed());
  Damaged& store = TheStore();
  const size_t size = fs::file_size(TheLog(store.closed()));
  const std::vector<size_t> cuts = Cuts(size, 40);
  Tally tally;
  for (size_t at : cuts) {
    const fs::path log = TheLog(store.Fresh(store.closed()));
    INFO("cut at " << at << " of " << size);
    fs::resize_file(log, at);
    CHECK(store.Judge(log, store.all(), &tally).has_value() == (at == size));
  }
  Say("cuts after a clean stop", cuts.size(), tally);
}

TEST_CASE("corrupt files: a log cut anywhere by a power cut, which kept an older SYNCED, opens with what comes before the cut") {
  INFO("NOTIFYD_TEST_SEED=" << Seed());
  Damaged& store = TheStore();
  const std::vector<size_t> cuts = Cuts(fs::file_size(TheLog(store.killed())), 40);
  Tally tally;
  for (size_t at : cuts) {
    const fs::path& copy = store.Fresh(store.killed());
    WriteBytes(copy / SyncedFile::kName, store.lagging());
    const fs::path log = TheLog(copy);
    INFO("cut at " << at);
    fs::resize_file(log, at);
    // Which is as far as anything says (docs/storage-format.md, "What cannot be told").
    CHECK(store.Judge(log, store.lagging_ids(), &tally).has_value());
  }
  Say("cuts by a power cut", cuts.size(), tally);
}

}  // namespace notifyd
