#include "storage/sweeper.h"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/metadata.h>
#include <rocksdb/options.h>
#include <rocksdb/table_properties.h>

#include <algorithm>

#include "base/log.h"
#include "storage/store_options.h"
#include "storage/table_ages_collector.h"

namespace notifyd {
namespace {

constexpr std::chrono::seconds kInterval{60};
// Rewritten at once: what such a compaction takes of the disk and of a stop's time.
constexpr uint64_t kRewriteBytes = 64 << 20;
// How many tables are asked what they hold in one sweep: opening each is a read or two.
constexpr size_t kAskedTables = 256;
// How long compactions that are under way are waited for, while none begins.
constexpr int kTries = 20;
constexpr std::chrono::milliseconds kTryAgain{100};

/// While it lives no compaction begins in the family by itself.
class NoCompactions {
 public:
  NoCompactions(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family) : db_(db), family_(family), status_(Set("true")) {}
  ~NoCompactions() { Set("false").PermitUncheckedError(); }
  NoCompactions(const NoCompactions&) = delete;
  const rocksdb::Status& status() const { return status_; }

 private:
  rocksdb::Status Set(const char* value) { return db_->SetOptions(family_, {{"disable_auto_compactions", value}}); }

  rocksdb::DB* const db_;
  rocksdb::ColumnFamilyHandle* const family_;
  rocksdb::Status status_;
};

}  // namespace

void Sweeper::Start() {
  thread_ = std::thread([this] {
    while (WaitFor(kInterval)) {
      // What it cannot read the broker's reads will say, and what it cannot write its writes.
      if (Status status = Run(); !status.ok()) Log(LogLevel::kWarn, "retention could not drop tables", {{"detail", status.detail()}});
    }
  });
}

bool Sweeper::WaitFor(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [this] { return stopping_; });
}

Sweep Sweeper::Plan(const std::vector<SweptTable>& tables) const {
  return PlanSweep(tables, wall_ms_(), kRewriteBytes, database_.db()->NumberLevels(database_.notifies()) - 1);
}

void Sweeper::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

/// The tables as they are, with what they hold, as far as that is known by now.
Status Sweeper::Look(std::vector<SweptTable>* tables) {
  tables->clear();
  rocksdb::ColumnFamilyMetaData family;
  database_.db()->GetColumnFamilyMetaData(database_.notifies(), &family);
  std::unordered_map<uint64_t, std::optional<TableAges>> known;
  const std::shared_ptr<const RetentionRules> rules = retention_->Now();
  size_t asked = 0;
  for (const rocksdb::LevelMetaData& level : family.levels) {
    for (const rocksdb::SstFileMetaData& file : level.files) {
      SweptTable table{file.file_number,
                       file.name,
                       level.level,
                       file.smallestkey,
                       file.largestkey,
                       file.size,
                       file.being_compacted,
                       rules->LongestWithin(file.smallestkey, file.largestkey),
                       {}};
      auto seen = ages_.find(table.number);
      if (seen == ages_.end() && asked < kAskedTables) {
        ++asked;
        rocksdb::Range range(table.smallest, table.largest);
        rocksdb::TablePropertiesCollection found;
        rocksdb::Status status = database_.db()->GetPropertiesOfTablesInRange(database_.notifies(), &range, 1, &found);
        if (!status.ok()) return TranslateStatus(status, "cannot read the store", family.name);
        seen = ages_.emplace(table.number, std::nullopt).first;
        for (const auto& [path, properties] : found) {
          if (!path.ends_with(table.name)) continue;
          auto property = properties->user_collected_properties.find(kAgesProperty);
          if (property != properties->user_collected_properties.end()) seen->second = DecodeTableAges(property->second);
        }
      }
      if (seen != ages_.end()) {
        table.ages = seen->second;
        known.insert(*seen);
      }
      tables->push_back(std::move(table));
    }
  }
  ages_ = std::move(known);
  return Status::Ok();
}

Status Sweeper::Run() {
  std::lock_guard lock(sweeping_);
  std::vector<SweptTable> tables;
  if (Status status = Look(&tables); !status.ok()) return status;
  Sweep sweep = Plan(tables);
  if (!sweep.drop.empty()) {
    if (Status status = Drop(); !status.ok()) return status;
  }
  for (const Sweep::Rewrite& rewrite : sweep.rewrites) {
    if (!WaitFor(std::chrono::milliseconds(0))) return Status::Ok();
    if (Status status = Rewrite(tables, rewrite); !status.ok()) return status;
  }
  return Status::Ok();
}

/// Looks again, since until now compactions went on, and drops what is still to be dropped, once none is under way any more. Where one takes long,
/// the next sweep will do.
Status Sweeper::Drop() {
  NoCompactions quiet(database_.db(), database_.notifies());
  if (!quiet.status().ok()) return TranslateStatus(quiet.status(), "cannot write");
  std::vector<SweptTable> tables;
  for (int tries = 0;; ++tries) {
    if (Status status = Look(&tables); !status.ok()) return status;
    if (std::none_of(tables.begin(), tables.end(), [](const SweptTable& table) { return table.busy; })) break;
    if (tries == kTries || !WaitFor(kTryAgain)) return Status::Ok();
  }
  Sweep sweep = Plan(tables);
  std::vector<rocksdb::Slice> bounds;
  bounds.reserve(2 * sweep.drop.size());
  std::vector<rocksdb::RangePtr> ranges;
  uint64_t bytes = 0;
  for (size_t i : sweep.drop) {
    bounds.emplace_back(tables[i].smallest);
    bounds.emplace_back(tables[i].largest);
    ranges.emplace_back(&bounds[bounds.size() - 2], &bounds[bounds.size() - 1]);
    bytes += tables[i].file_bytes;
  }
  if (ranges.empty()) return Status::Ok();
  rocksdb::Status status = rocksdb::DeleteFilesInRanges(database_.db(), database_.notifies(), ranges.data(), ranges.size(), /*include_end=*/true);
  if (!status.ok()) return TranslateStatus(status, "cannot drop tables");
  counters_.dropped_tables += ranges.size();
  counters_.dropped_bytes += bytes;
  return Status::Ok();
}

/// By the compaction filter, which every compaction has. What became of a table since it was looked at does not matter: that is left alone.
Status Sweeper::Rewrite(const std::vector<SweptTable>& tables, const Sweep::Rewrite& rewrite) {
  rocksdb::CompactionOptions how;
  how.compression = rocksdb::kDisableCompressionOption;  // RocksDB's word for: as the family's options say
  how.output_file_size_limit = kRewriteBytes / 2;
  std::vector<std::string> names;
  uint64_t bytes = 0;
  for (size_t i : rewrite.tables) {
    names.push_back(tables[i].name);
    bytes += tables[i].file_bytes;
  }
  rocksdb::Status status = database_.db()->CompactFiles(how, database_.notifies(), names, rewrite.level);
  if (status.IsInvalidArgument() || status.IsAborted() || status.IsIncomplete() || status.IsShutdownInProgress()) return Status::Ok();
  if (status.ok()) counters_.rewritten_bytes += bytes;
  return TranslateStatus(status, "cannot rewrite tables");
}

}  // namespace notifyd
