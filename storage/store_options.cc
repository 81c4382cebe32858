#include "storage/store_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>

#include "storage/database.h"
#include "storage/database_log.h"
#include "storage/keys.h"
#include "storage/merging.h"
#include "storage/sealed_records.h"
#include "storage/table_ages_collector.h"

namespace notifyd {
namespace {

std::string_view BytesOf(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

class Merger : public rocksdb::MergeOperator {
 public:
  const char* Name() const override { return "notifyd.Merger"; }

  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
    std::vector<std::string_view> operands;
    operands.reserve(in.operand_list.size());
    for (const rocksdb::Slice& operand : in.operand_list) operands.push_back(BytesOf(operand));
    std::optional<std::string_view> base;
    if (in.existing_value) base = BytesOf(*in.existing_value);
    out->new_value = MergeFull(BytesOf(in.key), base, operands);
    return true;
  }

  bool PartialMerge(const rocksdb::Slice& key, const rocksdb::Slice& older, const rocksdb::Slice& newer, std::string* out,
                    rocksdb::Logger*) const override {
    return MergePartial(BytesOf(key), BytesOf(older), BytesOf(newer), out);
  }
};

/// Kinds whose keys are written nearly in their order: a memtable begins to look for the place of one where the last one of its kind and namespace
/// went, not at its top. RocksDB remembers that place by prefix alone, of points and range tombstones alike though they lie in lists of their own,
/// and follows it into the wrong one: no range of keys may ever be deleted whose first key is among these. Those of a whole namespace begin with its
/// prefix alone, which is none of them.
class KindInOrder : public rocksdb::SliceTransform {
 public:
  explicit KindInOrder(KeyKind kind) : kind_(kind) {}
  const char* Name() const override { return "notifyd.KindInOrder"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override { return {key.data(), key.size() - PlaceOf(BytesOf(key)).bare.size() + 1}; }
  bool InDomain(const rocksdb::Slice& key) const override { return IsKind(BytesOf(key), kind_); }

 private:
  const KeyKind kind_;
};

/// What a compaction does with each entry that it sees: what is over goes, and while a rekey is due what is left is sealed anew.
class StoreFilter : public rocksdb::CompactionFilter {
 public:
  StoreFilter(std::shared_ptr<const RetentionRules> rules, std::shared_ptr<const Sealing> sealing, int64_t now_ms)
      : rules_(std::move(rules)), sealing_(std::move(sealing)), now_ms_(now_ms) {}
  const char* Name() const override { return "notifyd.RetentionFilter"; }

  // kRemove leaves a tombstone, so that nothing older comes back from a deeper level.
  Decision FilterV2(int, const rocksdb::Slice& key, ValueType type, const rocksdb::Slice& value, std::string* changed, std::string*) const override {
    const bool whole = type == ValueType::kValue;
    if (!whole && type != ValueType::kMergeOperand) return Decision::kKeep;
    if (whole && MayDrop(BytesOf(key), BytesOf(value), *rules_, now_ms_)) return Decision::kRemove;
    if (!sealing_ || !sealing_->rekey_due()) return Decision::kKeep;
    // What cannot be opened stays as it is: the rekey finds it (storage/rekeyer.h).
    Result<std::optional<std::string>> anew = SealAnew(*sealing_, BytesOf(key), BytesOf(value), !whole);
    if (!anew.ok() || !*anew) return Decision::kKeep;
    *changed = **std::move(anew);
    return Decision::kChangeValue;
  }

 private:
  const std::shared_ptr<const RetentionRules> rules_;
  const std::shared_ptr<const Sealing> sealing_;
  const int64_t now_ms_;
};

class StoreFilterFactory : public rocksdb::CompactionFilterFactory {
 public:
  StoreFilterFactory(std::shared_ptr<const RetentionTable> retention, std::shared_ptr<const Sealing> sealing, std::function<int64_t()> wall_ms)
      : retention_(std::move(retention)), sealing_(std::move(sealing)), wall_ms_(std::move(wall_ms)) {}
  const char* Name() const override { return "notifyd.RetentionFilterFactory"; }
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(const rocksdb::CompactionFilter::Context&) override {
    return std::make_unique<StoreFilter>(retention_->Now(), sealing_, wall_ms_());
  }

 private:
  const std::shared_ptr<const RetentionTable> retention_;
  const std::shared_ptr<const Sealing> sealing_;
  const std::function<int64_t()> wall_ms_;
};

std::shared_ptr<rocksdb::Cache> MakeCache(size_t bytes) {
  rocksdb::LRUCacheOptions cache;
  cache.capacity = bytes;
  // Few threads read: four shards of 16 MiB contend little, and one large block cannot fill a shard.
  cache.num_shard_bits = 2;
  // Not strict_capacity_limit: with it a read or a flush that finds the cache full of blocks in use fails (and a failed flush stops all
  // writes) instead of going over for a moment. What can be in use at once is bounded: the memtables, and a few blocks a thread.
  cache.strict_capacity_limit = false;
  // Index and filter blocks outlive the data blocks that a scan brings by.
  cache.high_pri_pool_ratio = 0.5;
  return rocksdb::NewLRUCache(cache);
}

rocksdb::BlockBasedTableOptions MakeTableOptions(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  // Otherwise each open table holds its index and filter outside of the cache, and memory grows with the backlog.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  // Most loads ask for what is not there (a new fkey, a new idempotency key, a lane without a record): 10 bits a key answer 99% of
  // them without reading a data block. Whole keys: no prefix is ever looked up.
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.whole_key_filtering = true;
  table.format_version = 5;
  // About ten notifies a block; twice the default halves the index.
  table.block_size = 8 << 10;
  return table;
}

// Every write goes to the log first, and what one start replays is what the memtables hold: so their number bounds the logs, and where most of what
// is written goes to the default family, whose memtable fills slowly, max_total_wal_size does.
void BoundMemtablesAndLogs(const StoreOptions& in, const std::shared_ptr<rocksdb::Cache>& cache, rocksdb::Options* out) {
  out->write_buffer_size = in.memtable_bytes;
  out->max_write_buffer_number = static_cast<int>(std::clamp<size_t>(in.max_wal_bytes / std::max<size_t>(in.memtable_bytes, 1), 3, 8)) - 1;
  out->max_total_wal_size = in.max_wal_bytes;
  // Charges the memtables to the cache, so that both together keep to one budget.
  size_t memtables = in.memtable_bytes * static_cast<size_t>(out->max_write_buffer_number);
  out->write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(memtables, cache);
  // The families become tables together, cut at one sequence number: so one number says up to where tables reach (storage/log_check.h), no log is
  // kept for a family in which little happens, and after a power cut none is ahead of the others, which a torn log would make RocksDB refuse.
  out->atomic_flush = true;
  // A log that is used again holds old records behind its end, which nobody can tell from damage.
  out->recycle_log_file_num = 0;
  out->wal_compression = rocksdb::kNoCompression;
}

void SetCompaction(const StoreOptions& in, std::shared_ptr<const RetentionTable> retention, std::shared_ptr<const Sealing> sealing,
                   rocksdb::Options* out) {
  // Debian builds RocksDB with LZ4: it halves typical bodies at a cost that no other work here notices.
  out->compression = rocksdb::kLZ4Compression;
  out->level_compaction_dynamic_level_bytes = true;
  // Small files: a compaction's buffers, and the unit in which index and filter come into the cache, stay small.
  out->target_file_size_base = 32 << 20;
  out->max_bytes_for_level_base = 128 << 20;
  out->max_background_jobs = 2;
  out->bytes_per_sync = 1 << 20;  // flushes and compactions write steadily, not in bursts that a log's sync must wait for
  // The due index, tails and sleeping lanes are queues: their tombstones would slow down each page that starts where they are.
  out->table_properties_collector_factories = {rocksdb::NewCompactOnDeletionCollectorFactory(16 * 1024, 8 * 1024, 0.5)};
  if (!retention) retention = std::make_shared<const RetentionTable>(Retention{in.retention_succeeded_ms, in.retention_settled_ms});
  out->compaction_filter_factory = std::make_shared<StoreFilterFactory>(std::move(retention), std::move(sealing), in.wall_ms);
  // Files that nothing else touches come by the filter once a day, so that what retention ended gives its space back.
  out->periodic_compaction_seconds = in.rewrite_age_s;
  out->ttl = 0;
}

/// One of the files of which a database is made, by its name.
bool IsDatabaseFile(std::string_view name) {
  auto numbered = [&](std::string_view before, std::string_view behind) {
    if (!name.starts_with(before) || !name.ends_with(behind) || name.size() <= before.size() + behind.size()) return false;
    std::string_view number = name.substr(before.size(), name.size() - before.size() - behind.size());
    return number.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return name == "CURRENT" || numbered("MANIFEST-", "") || numbered("", ".sst") || numbered("", ".log");
}

/// The first such file that RocksDB's words name: in `directory` where that is given. Empty: none.
std::string FileIn(std::string_view words, const std::string& directory) {
  constexpr std::string_view kAround = " \t\n\"'`,;:()[]";
  for (size_t from = 0; from < words.size();) {
    size_t to = std::min(words.find_first_of(kAround, from), words.size());
    std::string_view word = words.substr(from, to - from);
    while (word.ends_with('.')) word.remove_suffix(1);
    std::string_view name = word.substr(word.rfind('/') == std::string_view::npos ? 0 : word.rfind('/') + 1);
    if (IsDatabaseFile(name)) return directory.empty() ? std::string(word) : directory + (directory.ends_with('/') ? "" : "/") + std::string(name);
    from = to + 1;
  }
  return {};
}

}  // namespace

rocksdb::Options MakeRocksOptions(const StoreOptions& in, std::shared_ptr<const RetentionTable> retention, std::shared_ptr<const Sealing> sealing) {
  rocksdb::Options out;
  std::shared_ptr<rocksdb::Cache> cache = MakeCache(in.block_cache_bytes);
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(MakeTableOptions(cache)));
  out.merge_operator = std::make_shared<Merger>();
  BoundMemtablesAndLogs(in, cache, &out);
  SetCompaction(in, std::move(retention), std::move(sealing), &out);

  // A damaged block is an error where it is read, never data. Opening checks the size of every table file (a stat each).
  out.paranoid_checks = true;
  out.skip_checking_sst_file_sizes_on_db_open = false;
  // Opening must not read each table's properties, nor keep each table open: both grow with the backlog.
  out.skip_stats_update_on_db_open = true;
  out.max_open_files = in.max_open_files;
  // Old logs and tables are deleted by a background thread, not by a read or the commit thread.
  out.avoid_unnecessary_blocking_io = true;
  // What was recovered becomes a table at once: the logs checked at start are then done with (storage/log_check.h).
  out.avoid_flush_during_recovery = false;
  // One thread writes, so the ways of letting several do so only cost.
  out.allow_concurrent_memtable_write = false;
  out.enable_write_thread_adaptive_yield = false;
  out.memtable_insert_with_hint_prefix_extractor = std::make_shared<KindInOrder>(KeyKind::kDue);
  out.max_manifest_file_size = 4 << 20;  // read at each start
  out.info_log = MakeDatabaseLog();
  out.info_log_level = rocksdb::WARN_LEVEL;
  out.stats_dump_period_sec = 0;
  out.stats_persist_period_sec = 0;
  return out;
}

rocksdb::ColumnFamilyOptions NotifiesOptions(const rocksdb::Options& options) {
  rocksdb::ColumnFamilyOptions out(options);
  // No queue is among them; a sweep drops the tables that are over (storage/sweeper.h), and none is rewritten for its age.
  out.table_properties_collector_factories = {NewTableAgesCollector()};
  out.periodic_compaction_seconds = 0;
  // Ids ascend, and what ends is not far behind what begins.
  out.memtable_insert_with_hint_prefix_extractor = std::make_shared<KindInOrder>(KeyKind::kNotify);
  rocksdb::BlockBasedTableOptions table = *options.table_factory->GetOptions<rocksdb::BlockBasedTableOptions>();  // with its cache
  // Some forty notifies a block, compressed together; a look-up of one costs some microseconds more than with 8 KiB, the index halves.
  table.block_size = 16 << 10;
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  // Nearly all look-ups are of ids that are there, and those at the last level need no filter to be found in.
  out.optimize_filters_for_hits = true;
  // What was just written is rewritten soon: not compressed. From then on zstd, at its fastest level, which makes 290 bytes of 350 for
  // less than LZ4 took at every rewrite. A dictionary a table saves 3 bytes more for 0.6 us a notify, level 3 nothing: blocks hold enough to learn
  // from. The same at all levels below, since only then tables move down without being rewritten.
  out.compression_per_level = std::vector<rocksdb::CompressionType>(static_cast<size_t>(out.num_levels), rocksdb::kZSTD);
  out.compression_per_level[0] = rocksdb::kNoCompression;
  out.compression = rocksdb::kZSTD;
  out.compression_opts.level = 1;
  return out;
}

bool IsHinted(std::string_view key) {
  return IsKind(key, KeyKind::kDue) || IsKind(key, KeyKind::kNotify);
}

std::vector<std::string> FamiliesIn(const rocksdb::Options& options, const std::string& directory) {
  std::vector<std::string> names;
  rocksdb::Status status = rocksdb::DB::ListColumnFamilies(options, directory, &names);
  if (!status.ok() || names.empty()) names = {rocksdb::kDefaultColumnFamilyName};
  return names;
}

std::vector<rocksdb::ColumnFamilyDescriptor> FamiliesOf(const rocksdb::Options& options, const std::vector<std::string>& names) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string& name : names)
    families.emplace_back(name, name == kNotifiesFamily ? NotifiesOptions(options) : rocksdb::ColumnFamilyOptions(options));
  return families;
}

Status TranslateStatus(const rocksdb::Status& status, const std::string& what, const std::string& directory) {
  if (status.ok()) return Status::Ok();
  std::string words = status.ToString();
  // A missing table is looked for under its LevelDB name last, and that is the one that RocksDB then speaks of.
  for (size_t at; (at = words.find(".ldb")) != std::string::npos;) words.replace(at, 4, ".sst");
  if (status.IsCorruption() || status.IsPathNotFound()) {
    std::string file = FileIn(words, directory);
    return Status(Code::kCorrupt, "the store is damaged: " + (file.empty() ? what : file) + ": " + words);
  }
  if (status.IsNoSpace()) return Status(Code::kDiskFull, what + ": " + words);
  return Status(Code::kIo, what + ": " + words);
}

}  // namespace notifyd
