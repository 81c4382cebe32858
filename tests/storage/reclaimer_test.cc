// The room of a namespace that was dropped, as it is given back: what the tables say at that time without the log, which is what a backup takes.
#include "storage/reclaimer.h"

#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "storage/registry_records.h"
#include "storage/retention.h"
#include "storage/rocks_harness.h"
#include "storage/store_options.h"
#include "storage/store_tool.h"
#include "storage/sweeper.h"

namespace notifyd {
namespace {

constexpr NamespaceNumber kDropped = 5;
constexpr uint64_t kCount = 1000;

/// Copies a database without its logs once the first table of it is deleted: its MANIFEST has forgotten that one by then.
class CopyAtFirstLoss : public rocksdb::EventListener {
 public:
  CopyAtFirstLoss(std::filesystem::path from, std::filesystem::path to) : from_(std::move(from)), to_(std::move(to)) {}
  void OnTableFileDeleted(const rocksdb::TableFileDeletionInfo&) override {
    if (!armed || begun_.exchange(true)) return;
    std::filesystem::create_directory(to_);
    for (const auto& file : FilesIn(from_))
      if (file.extension() != ".log" && file.filename() != "LOCK") std::filesystem::copy_file(file, to_ / file.filename());
    copied = true;
  }
  std::atomic<bool> armed = false, copied = false;

 private:
  const std::filesystem::path from_, to_;
  std::atomic<bool> begun_ = false;
};

StoreOptions OptionsOf(const std::filesystem::path& directory) {
  StoreOptions options;
  options.directory = directory.string();
  options.retention_succeeded_ms = options.retention_settled_ms = kKeptForEver;
  options.wall_ms = [] { return StoreHarness::kStart; };
  return options;
}

Database OpenWith(const StoreOptions& in, std::shared_ptr<rocksdb::EventListener> listener) {
  rocksdb::Options options = MakeRocksOptions(in);
  options.create_if_missing = options.create_missing_column_families = true;
  options.disable_auto_compactions = true;
  options.listeners = {std::move(listener)};
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const auto status =
      rocksdb::DB::Open(options, in.directory, FamiliesOf(options, {rocksdb::kDefaultColumnFamilyName, kNotifiesFamily}), &handles, &db);
  if (!status.ok()) FAIL(status.ToString());
  return Database(std::unique_ptr<rocksdb::DB>(db), std::move(handles));
}

}  // namespace

TEST_CASE("reclaimer: whole tables go only once the tables say that their namespace is gone") {
  TempDir dir;
  const std::filesystem::path copy = dir.path() / "copy";
  const StoreOptions options = OptionsOf(dir.path() / "store");
  const auto listener = std::make_shared<CopyAtFirstLoss>(options.directory, copy);
  const KeySpace space(kDropped);
  const KeyRange range = RangeOf(kDropped);
  {
    Database database = OpenWith(options, listener);
    REQUIRE(database.db()->Put({}, database.main(), EncodeNamespaceKey(kDropped), "its row").ok());
    for (uint64_t id = 1; id <= kCount; ++id)
      REQUIRE(database.db()->Put({}, database.notifies(), space.In(EncodeNotifyKey({id})), std::string(100, 'x')).ok());
    REQUIRE(database.db()->Flush(rocksdb::FlushOptions(), {database.main(), database.notifies()}).ok());
    // Level 0 is left alone by what drops whole tables.
    for (rocksdb::ColumnFamilyHandle* family : {database.main(), database.notifies()})
      REQUIRE(database.db()->CompactRange(rocksdb::CompactRangeOptions(), family, nullptr, nullptr).ok());
    rocksdb::WriteBatch drop;
    REQUIRE(drop.Delete(database.main(), EncodeNamespaceKey(kDropped)).ok());
    for (rocksdb::ColumnFamilyHandle* family : {database.main(), database.notifies()}) REQUIRE(drop.DeleteRange(family, range.from, range.to).ok());
    rocksdb::WriteOptions synced;
    synced.sync = true;
    REQUIRE(database.db()->Write(synced, &drop).ok());
    const RetentionTable retention(Retention{kKeptForEver, kKeptForEver});
    Sweeper sweeper(&database, &retention, options.wall_ms);
    Reclaimer reclaimer(&database, &sweeper);
    listener->armed = true;
    reclaimer.Start();
    reclaimer.AddDropped(kDropped);
    for (int waited_ms = 0; !listener->copied && waited_ms < 60'000; ++waited_ms) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    REQUIRE(listener->copied);
    reclaimer.Stop();
  }
  auto tool = StoreTool::Open(OptionsOf(copy));
  REQUIRE(tool.ok());
  const Result<std::optional<std::string>> row = (*tool)->Get(EncodeNamespaceKey(kDropped));
  REQUIRE(row.ok());
  uint64_t notifies = 0;
  REQUIRE((*tool)->ForEach([&](std::string_view key, std::string_view) { notifies += key >= range.from && key < range.to; }).ok());
  CHECK(notifies == (*row ? kCount : 0));
  CHECK_FALSE(*row);
}

}  // namespace notifyd
