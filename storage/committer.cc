#include "storage/committer.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "storage/directory.h"
#include "storage/keys.h"
#include "storage/log_check.h"
#include "storage/options.h"
#include "storage/records.h"
#include "storage/store_options.h"

namespace notifyd {
namespace {

using std::chrono::milliseconds;

// A group ends above this, so that one RocksDB batch stays below a memtable, whatever piled up behind a slow sync.
constexpr size_t kMaxGroupBytes = 8 << 20;
// So long with nothing to do, and the log is told what is synced.
constexpr milliseconds kMarkDelay{20};
constexpr milliseconds kDiskInterval{1000};
constexpr milliseconds kSpaceInterval{20};
// Free space is asked for again at the latest once so much of what was free beyond the reserve is written.
constexpr uint64_t kSureShare = 8;
// Where nothing was set, the reserve of a small file system is one part of so many: room for a new log, and for the tables made of the memtables that
// are full. Once even that is gone, a write fails and the process stops.
constexpr uint64_t kReserveShare = 4;
// What one compaction may add before it deletes what it read; one runs at a time.
constexpr uint64_t kCompactionBytes = 256 << 20;

int64_t SteadyMs() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct OpEncoder {
  rocksdb::WriteBatch* out;
  rocksdb::ColumnFamilyHandle* notifies;
  LaneChanges* lane_counts;
  std::string value;

  template <class Encode, class Record>
  void Put(const std::string& key, Encode encode, const Record& record) {
    value.clear();
    encode(record, &value);
    out->Put(key, value);
  }
  void Mark(const std::string& key) { out->Put(key, rocksdb::Slice()); }
  void Delete(const std::string& key) { out->Delete(key); }

  void operator()(const PutNotify& op) {
    value.clear();
    EncodeNotify(*op.record, &value);
    out->Put(notifies, EncodeNotifyKey(op.record->id), value);
  }
  void operator()(const ChangeNotify& op) {
    value.clear();
    EncodeChange(*op.change, &value);
    out->Merge(notifies, EncodeNotifyKey(op.id), value);
  }
  void operator()(const DeleteNotify& op) { out->Delete(notifies, EncodeNotifyKey(op.id)); }
  void operator()(const PutDue& op) { Mark(EncodeDueKey(op.clock, op.key)); }
  // RocksDB drops a SingleDelete and the put under it as soon as the two meet, at the latest where their memtable becomes a table; a tombstone would
  // go down to the last level. It must be the only put of that key ever: while the two vanish, an older put may be buried deeper whose own deletion a
  // newer put had displaced, and would come back.
  void operator()(const DeleteDue& op) {
    if (op.once) out->SingleDelete(EncodeDueKey(op.clock, op.key));
    else Delete(EncodeDueKey(op.clock, op.key));
  }
  void operator()(const PutExpiry& op) { Mark(EncodeExpiryKey(op.key)); }
  void operator()(const DeleteExpiry& op) { Delete(EncodeExpiryKey(op.key)); }
  void operator()(const PutTail& op) { Mark(EncodeTailKey(op.lane, op.key)); }
  void operator()(const DeleteTail& op) { Delete(EncodeTailKey(op.lane, op.key)); }
  void operator()(const PutLane& op) { Put(EncodeLaneKey(op.lane), EncodeLane, op.record); }
  void operator()(const DeleteLane& op) { Delete(EncodeLaneKey(op.lane)); }
  void operator()(const PutLaneSettings& op) { Put(EncodeNamedLaneKey(KeyKind::kLaneSettings, op.lane), EncodeLaneSettings, op.settings); }
  void operator()(const DeleteLaneSettings& op) { Delete(EncodeNamedLaneKey(KeyKind::kLaneSettings, op.lane)); }
  void operator()(const AddLaneCounts& op) { (*lane_counts)[op.lane] += op.change; }
  void operator()(const PutSleeper& op) { Put(EncodeSleeperKey(op.host, op.lane.order), EncodeSleeperLane, op.lane.lane); }
  void operator()(const DeleteSleeper& op) { Delete(EncodeSleeperKey(op.host, op.lane.order)); }
  void operator()(const PutFkey& op) { Put(EncodeFkeyKey(op.fkey), EncodeFkey, op.record); }
  void operator()(const ExpireFkey& op) {
    value.clear();
    EncodeFkeyExpiry({op.id, op.expires_at, nullptr}, &value);
    out->Merge(EncodeFkeyKey(op.fkey), value);
  }
  void operator()(const PutIdempotency& op) { Put(EncodeIdempotencyKey(op.key), EncodeIdempotency, op.record); }
  void operator()(const PutSettled& op) { Put(EncodeSettledKey(op.phase, op.id), EncodeSettled, op.settled_at); }
  void operator()(const DeleteSettled& op) { Delete(EncodeSettledKey(op.phase, op.id)); }
};

/// Adds a batch's operations to `out`. Its totals, and what it adds to the lanes' counts, follow once for a group: a busy lane would
/// otherwise leave an operand a batch, all of which the next read of its counts must add up.
void EncodeOps(const WriteBatch& batch, rocksdb::ColumnFamilyHandle* notifies, rocksdb::WriteBatch* out, LaneChanges* lane_counts) {
  OpEncoder encoder{out, notifies, lane_counts, {}};
  for (const WriteOp& op : batch.ops) std::visit(encoder, op);
}

}  // namespace

void EncodeLaneChanges(const LaneChanges& changes, rocksdb::WriteBatch* out) {
  std::string value;
  for (const auto& [lane, change] : changes) {
    if (change.IsZero()) continue;
    value.clear();
    EncodeLaneCountsChange(change, &value);
    out->Merge(EncodeNamedLaneKey(KeyKind::kLaneCounts, lane), value);
  }
}

Committer::Committer(Setup setup) : setup_(std::move(setup)), db_(setup_.db) {
  synced_sequence_ = marked_sequence_ = db_->GetLatestSequenceNumber();
}

Committer::~Committer() {
  Stop();
}

void Committer::Start(EventSink* sink) {
  sink_ = sink;
  thread_ = std::thread([this] { Run(); });
}

void Committer::Stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Committer::Commit(WriteBatch batch) {
  bool wake;
  {
    std::lock_guard lock(mutex_);
    wake = queue_.empty();
    queue_.push_back(std::move(batch));
  }
  if (wake) wake_.notify_one();
}

void Committer::Run() {
  std::deque<WriteBatch> work;
  CheckDisk();
  while (WaitForWork(&work)) {
    while (!work.empty() && !failed_) {
      if (!disk_low_ && (unlooked_bytes_ >= sure_bytes_ || SteadyMs() - space_checked_ms_ >= kSpaceInterval.count())) CheckSpace();
      WriteGroup(&work);
    }
    work.clear();
    CheckDisk();
  }
  if (!failed_ && unsynced_) Sync();
  if (!failed_) WriteMark();
}

/// Fills `work`, or leaves it empty after a while in which there is something else to do. False: stop.
bool Committer::WaitForWork(std::deque<WriteBatch>* work) {
  std::unique_lock lock(mutex_);
  auto ready = [this] { return stopping_ || !queue_.empty(); };
  milliseconds until_check = kDiskInterval - milliseconds(SteadyMs() - disk_checked_ms_);
  if (!failed_ && marked_sequence_ != synced_sequence_ && !wake_.wait_for(lock, kMarkDelay, ready)) {
    lock.unlock();
    WriteMark();
    lock.lock();
  }
  wake_.wait_for(lock, std::max(until_check, milliseconds(0)), ready);
  work->swap(queue_);
  return !work->empty() || !stopping_;
}

void Committer::WriteGroup(std::deque<WriteBatch>* work) {
  rocksdb::WriteBatch group;
  group.PutLogData(EncodeSyncedMark(setup_.store, synced_sequence_));
  bool sync = false;
  size_t taken = 0;
  LaneChanges lane_counts;
  const Totals* totals = nullptr;  // of the last batch that writes anything
  for (const WriteBatch& batch : *work) {
    EncodeOps(batch, setup_.notifies, &group, &lane_counts);
    sync |= batch.sync;
    if (!batch.ops.empty()) totals = &batch.totals;
    ++taken;
    if (group.GetDataSize() > kMaxGroupBytes) break;
  }
  last_number_ = (*work)[taken - 1].number;
  if (totals) {
    EncodeLaneChanges(lane_counts, &group);
    std::string value;
    EncodeTotals(*totals, &value);
    group.Put(EncodeMetaKey(kTotalsName), value);
    rocksdb::WriteOptions how;
    how.sync = sync;
    auto began = std::chrono::steady_clock::now();
    if (!Check(TranslateStatus(db_->Write(how, &group), "cannot write"))) return;
    if (sync) Observe(began);
    written_log_ = setup_.files->written_log();
    marked_sequence_ = synced_sequence_;
    unsynced_ = !sync;
    if (sync) NoteSynced();
    if (failed_) return;
    counters_.syncs += sync;
    counters_.written_bytes += group.GetDataSize();
    unlooked_bytes_ += group.GetDataSize();
  } else if (sync && unsynced_) {
    Sync();
    if (failed_) return;
  }
  if (sync || !unsynced_) synced_number_ = last_number_;
  counters_.batches += taken;
  ++counters_.groups;
  sink_->Post(Committed{last_number_, synced_number_});
  work->erase(work->begin(), work->begin() + static_cast<ptrdiff_t>(taken));
}

void Committer::Observe(std::chrono::steady_clock::time_point began) {
  if (setup_.commits)
    setup_.commits->Observe(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began).count());
}

void Committer::Sync() {
  auto began = std::chrono::steady_clock::now();
  if (!Check(TranslateStatus(db_->SyncWAL(), "cannot sync"))) return;
  Observe(began);
  unsynced_ = false;
  ++counters_.syncs;
  NoteSynced();
}

/// A sync came back.
void Committer::NoteSynced() {
  synced_sequence_ = db_->GetLatestSequenceNumber();
  SyncedRecord record = setup_.synced->record();
  record.sequence = synced_sequence_;
  bool begun = record.logs.empty() || record.logs.back().number != written_log_;
  if (begun) record.logs.push_back({written_log_, 0});
  // Durable where a log is new, so that a power cut, too, leaves what tells that it is missing; that is once a memtable.
  Check(begun ? setup_.synced->Write(std::move(record)) : setup_.synced->WriteSoon(std::move(record)));
}

/// Not synced itself: it only helps to tell damage where it gets to the disk.
void Committer::WriteMark() {
  if (marked_sequence_ == synced_sequence_) return;
  rocksdb::WriteBatch mark;
  mark.PutLogData(EncodeSyncedMark(setup_.store, synced_sequence_));
  if (Check(TranslateStatus(db_->Write(rocksdb::WriteOptions(), &mark), "cannot write"))) marked_sequence_ = synced_sequence_;
}

bool Committer::Check(const Status& status) {
  if (status.ok()) return true;
  failed_ = true;
  failure_ = status;
  sink_->Post(WriteFailed{status});
  return false;
}

void Committer::CheckDisk() {
  int64_t now_ms = SteadyMs();
  if (disk_checked_ms_ != 0 && now_ms - disk_checked_ms_ < kDiskInterval.count()) return;
  disk_checked_ms_ = now_ms;
  if (failed_ || !Check(setup_.files->Check())) return;
  DirectorySize size = MeasureDirectory(setup_.directory);
  counters_.disk_bytes = size.all;
  counters_.wal_bytes = size.logs;
  CheckSpace();
}

/// That space is low is looked for many times a second, since a second of fast submits is more than the reserve; that it is back once in a while
/// only, since compaction takes and gives it back in turns.
void Committer::CheckSpace() {
  unlooked_bytes_ = 0;
  space_checked_ms_ = SteadyMs();
  uint64_t free_bytes = 0, total_bytes = 0;
  if (!MeasureDisk(setup_.directory, &free_bytes, &total_bytes)) return;
  counters_.free_disk_bytes = free_bytes;
  // What somebody set is kept, up to what cannot overflow.
  uint64_t reserve = setup_.min_free_bytes == kDefaultMinFreeBytes ? std::min(kDefaultMinFreeBytes, total_bytes / kReserveShare)
                                                                   : std::min(setup_.min_free_bytes, uint64_t{1} << 60);
  // The memtables need room for the tables that they become, and a compaction for its output beside its input: no longer free. Without a reserve
  // nothing is kept free at all; nor need RocksDB be asked where there is plenty.
  if (reserve > 0 && free_bytes < 2 * (reserve + kCompactionBytes)) {
    uint64_t unflushed_bytes = 0, table_bytes = 0;
    db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &unflushed_bytes);
    db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kLiveSstFilesSize, &table_bytes);
    free_bytes -= std::min(free_bytes, unflushed_bytes + std::min(table_bytes, kCompactionBytes));
  }
  sure_bytes_ = (free_bytes - std::min(free_bytes, reserve)) / kSureShare;
  // Apart by a quarter, so that it does not flap at the edge.
  bool low = disk_low_ ? free_bytes < reserve + reserve / 4 : free_bytes < reserve;
  if (low == disk_low_) return;
  disk_low_ = low;
  Log(low ? LogLevel::kWarn : LogLevel::kInfo, low ? "disk space is low" : "disk space is back", {{"free_bytes", free_bytes}, {"reserve", reserve}});
  sink_->Post(DiskSpace{low});
}

}  // namespace notifyd
