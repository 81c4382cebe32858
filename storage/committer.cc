#include "storage/committer.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/clocks.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "storage/batch_points.h"
#include "storage/directory.h"
#include "storage/log_check.h"
#include "storage/options.h"
#include "storage/rocks_kv.h"
#include "storage/store_options.h"

namespace notifyd {
namespace {

using std::chrono::milliseconds;

// A group ends above this, so that one RocksDB batch stays below a memtable, whatever piled up behind a slow sync.
constexpr size_t kMaxGroupBytes = 8 << 20;
// How much one namespace writes before the next one has its turn, where several wait.
constexpr size_t kTurnBytes = 64 << 10;
// How long the thread looks for what it was told to expect: as long as reading a request and deciding on it take, where nothing of it is cached.
constexpr int64_t kExpectedUs = 250;
// After how long with nothing to do a mark in the log says what is synced.
constexpr milliseconds kMarkDelay{20};
constexpr milliseconds kDiskInterval{1000};
constexpr milliseconds kSpaceInterval{20};
// Free space is asked for again at the latest once this part of what was free beyond the reserve has been written.
constexpr uint64_t kSureShare = 8;
// Where nothing was set, the reserve of a small file system is one part of so many: room for a new log, and for the tables made of the memtables that
// are full. Once even that is gone, a write fails and the process stops.
constexpr uint64_t kReserveShare = 4;
// What one compaction may add before it deletes what it read; one runs at a time.
constexpr uint64_t kCompactionBytes = 256 << 20;

int64_t SteadyUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int64_t SteadyMs() {
  return SteadyUs() / 1000;
}

}  // namespace

Committer::Committer(Setup setup)
    : setup_(std::move(setup)),
      db_(setup_.database->db()),
      registry_(std::make_shared<CommitQueue>(kDefaultNumber, nullptr, Totals(), /*awake=*/true)),
      audit_serial_(setup_.audit_serial) {
  synced_sequence_ = marked_sequence_ = db_->GetLatestSequenceNumber();
}

Committer::~Committer() {
  Stop();
}

void Committer::Start(StoreEvents* events) {
  events_ = events;
  thread_ = std::thread([this] { Run(); });
}

void Committer::Stop() {
  if (thread_.joinable()) {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  settled_.notify_all();
}

void Committer::AwaitClosed(NamespaceNumber number) {
  std::unique_lock lock(mutex_);
  settled_.wait(lock, [&] {
    auto it = open_.find(number);
    CHECK(it == open_.end() || it->second->closed_);
    return it == open_.end() || stopped_;
  });
}

std::shared_ptr<CommitQueue> Committer::Open(NamespaceNumber number, std::shared_ptr<Outlet> outlet, const Totals& totals, bool awake) {
  auto queue = std::make_shared<CommitQueue>(number, outlet, totals, awake);
  std::lock_guard lock(mutex_);
  open_[number] = queue;
  if (disk_low_) outlet->Post(DiskSpace{true});
  if (failed_) outlet->Post(WriteFailed{failure_});
  return queue;
}

void Committer::Close(const Queue& queue) {
  std::lock_guard lock(mutex_);
  queue->closed_ = true;
  if (queue->pending_) return;
  open_.erase(queue->space_.number());
  settled_.notify_all();
}

void Committer::Add(const Queue& queue, CommitQueue::Work work) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    queue->arrived_.push_back(std::move(work));
    queue->pending_ = true;
    if (!queue->listed_) {
      queue->listed_ = true;
      wake = arrived_.empty();
      arrived_.push_back(queue);
      arrived_any_ = true;
    }
  }
  if (wake) wake_.notify_one();
}

bool Committer::Expect() {
  const int64_t since_us = rests_since_us_.load(std::memory_order_relaxed);
  const int64_t now_us = SteadyUs();
  if (since_us == kAtWork || now_us - since_us < kRestUs || now_us < expects_from_us_.load(std::memory_order_relaxed)) return false;
  {
    std::lock_guard lock(mutex_);
    // Since it was looked at the thread may have been woken already.
    if (rests_since_us_.load(std::memory_order_relaxed) != since_us || std::exchange(expected_, true)) return false;
  }
  wake_.notify_one();
  return true;
}

void Committer::Run() {
  CheckDisk();
  while (WaitForWork()) {
    if (!failed_ && !turns_.empty()) {
      if (!disk_low_ && unlooked_bytes_ >= sure_bytes_) CheckSpace();
      RenewWhereFull();
      WriteGroup();
      // Behind the group: nobody waits for it there.
      if (!disk_low_ && SteadyMs() - space_checked_ms_ >= kSpaceInterval.count()) CheckSpace();
    }
    if (failed_) DropWork();
    CheckDisk();
  }
  if (!failed_ && unsynced_) Sync();
  if (!failed_) WriteMark();
}

/// Takes what arrived; where there is nothing to do it waits for a while, at most until there is something else to do. False: stop.
bool Committer::WaitForWork() {
  std::unique_lock lock(mutex_);
  auto ready = [this] { return stopping_ || expected_ || !arrived_.empty(); };
  if (turns_.empty()) {
    rests_since_us_ = SteadyUs();
    milliseconds until_check = kDiskInterval - milliseconds(SteadyMs() - disk_checked_ms_);
    if (!failed_ && marked_sequence_ != synced_sequence_ && !wake_.wait_for(lock, kMarkDelay, ready)) {
      lock.unlock();
      WriteMark();
      lock.lock();
    }
    wake_.wait_for(lock, std::max(until_check, milliseconds(0)), ready);
    rests_since_us_ = kAtWork;
    if (std::exchange(expected_, false) && !stopping_ && arrived_.empty()) LookOut(&lock);
  }
  TakeArrived();
  return !turns_.empty() || !stopping_;
}

/// Looks for a moment whether something arrives, so that the thread need not be woken for it. Lets go of the mutex meanwhile.
void Committer::LookOut(std::unique_lock<std::mutex>* lock) {
  lock->unlock();
  const int64_t begun_us = SteadyUs(), until_us = begun_us + patience_.Grant(begun_us, kExpectedUs);
  int64_t now_us = begun_us, away_us = 0;
  for (; !arrived_any_ && now_us < until_us && away_us <= Patience::kAwayMostUs; now_us = SteadyUs()) away_us = std::max(away_us, GiveWayUs());
  if (until_us > begun_us) patience_.Looked(now_us, now_us - begun_us, arrived_any_, away_us);
  expects_from_us_ = patience_.crowded_until_us();
  lock->lock();
}

/// Moves what arrived to the turns of its namespaces. Under the mutex.
void Committer::TakeArrived() {
  arrived_any_ = false;
  for (Queue& queue : arrived_) {
    queue->listed_ = false;
    if (queue->work_.empty()) queue->work_.swap(queue->arrived_);
    else std::move(queue->arrived_.begin(), queue->arrived_.end(), std::back_inserter(queue->work_));
    queue->arrived_.clear();
    if (queue->in_turn_) continue;
    queue->in_turn_ = true;
    turns_.push_back(std::move(queue));
  }
  arrived_.clear();
}

struct Committer::Group {
  explicit Group(const Database* database) : writes(database, &batch) {}
  rocksdb::WriteBatch batch;
  RocksWrites writes;  // into it
  BatchPoints points;
  std::vector<Queue> queues;  // those of which something is in it
  bool sync = false;
  std::vector<NamespaceNumber> dropped;
  std::vector<CommitQueue::Renewal> renewals;
  std::vector<std::function<void()>> audited;
  uint64_t batches = 0;
};

void Committer::WriteGroup() {
  Group group(setup_.database);
  group.batch.PutLogData(EncodeSyncedMark(setup_.store, synced_sequence_));
  while (!turns_.empty() && group.batch.GetDataSize() <= kMaxGroupBytes) {
    Queue queue = std::move(turns_.front());
    turns_.pop_front();
    TakeTurn(queue, &group);
    queue->in_turn_ = queue->taken_ < queue->work_.size();
    if (queue->in_turn_) turns_.push_back(std::move(queue));
  }
  for (const Queue& queue : group.queues) {
    if (!queue->wrote_) continue;
    EncodeLaneChanges(queue->space_, queue->lane_counts_, &group.writes);
    EncodeNamespaceTotals(queue->space_, queue->totals_, &group.writes);
  }
  ++group_;
  if (group.batch.Count() > 0) {
    rocksdb::WriteOptions how;
    how.sync = group.sync;
    PassCrashPoint(CrashPoint::kCommitBeforeWrite);
    group.points.BeforeWrite();
    auto began = std::chrono::steady_clock::now();
    if (Check(TranslateStatus(db_->Write(how, &group.batch), "cannot write"))) {
      PassCrashPoint(CrashPoint::kCommitAfterWrite);
      group.points.AfterWrite();
      if (group.sync) Observe(began);
      written_log_ = setup_.files->written_log();
      marked_sequence_ = synced_sequence_;
      unsynced_ = !group.sync;
      if (group.sync) NoteSynced();
    }
    counters_.syncs += group.sync;
    counters_.written_bytes += group.batch.GetDataSize();
    unlooked_bytes_ += group.batch.GetDataSize();
  } else if (group.sync && unsynced_) {
    Sync();
  }
  Finish(&group);
}

/// Takes as much of one namespace into the group as its turn allows, at least one batch.
void Committer::TakeTurn(const Queue& queue, Group* group) {
  if (!queue->in_group_) {
    queue->in_group_ = true;
    group->queues.push_back(queue);
    if (queue->last_group_ <= synced_group_) queue->synced_number_ = queue->last_number_;
  }
  const size_t most = std::min(group->batch.GetDataSize() + kTurnBytes, kMaxGroupBytes);
  do {
    std::visit([&](const auto& work) { Encode(queue.get(), work, group); }, queue->work_[queue->taken_]);
    ++queue->taken_;
  } while (queue->taken_ < queue->work_.size() && group->batch.GetDataSize() <= most);
}

void Committer::Encode(CommitQueue* queue, const WriteBatch& batch, Group* group) {
  group->sync |= batch.sync;
  ++group->batches;
  queue->last_number_ = batch.number;
  queue->reports_ = true;
  if (batch.ops.empty()) return;
  group->points.Add(batch);
  EncodeOps(batch, queue->space_, *setup_.sealing, &group->writes, &queue->lane_counts_);
  queue->totals_ = batch.totals;
  queue->wrote_ = true;
  if (!queue->awake_) EncodeWake(queue->space_.number(), {}, &group->writes);
  queue->awake_ = true;
}

void Committer::Encode(CommitQueue* queue, const CommitQueue::SleepMark& mark, Group* group) {
  EncodeWake(queue->space_.number(), {NamespaceWake::Asleep{mark.wake, queue->totals_}}, &group->writes);
  queue->awake_ = false;
}

void Committer::Encode(CommitQueue* queue, const RegistryBatch& batch, Group* group) {
  group->sync |= batch.sync;
  ++group->batches;
  queue->last_number_ = batch.number;
  queue->reports_ = true;
  for (const RegistryWrite& write : batch.writes)
    if (const auto* drop = std::get_if<DropNamespace>(&write)) group->dropped.push_back(drop->number);
  // Its tables are dropped next, which no crash takes back: this must be durable before.
  group->sync |= !group->dropped.empty();
  EncodeRegistry(batch, *setup_.sealing, &audit_serial_, &group->writes);
}

void Committer::Encode(CommitQueue*, const CommitQueue::Audited& audited, Group* group) {
  group->sync = true;
  EncodeAuditEntry(audited.entry, &audit_serial_, &group->writes);
  group->audited.push_back(audited.durable);
}

void Committer::Encode(CommitQueue*, const CommitQueue::Renewal& renewal, Group* group) {
  group->sync = true;
  for (const auto& [key, value] : renewal.renewal.rows.puts) group->writes.Put(key, value);
  for (const std::string& key : renewal.renewal.rows.deletes) group->writes.Delete(key);
  group->renewals.push_back(renewal);
}

/// Begins another start of sealing, long before the one in use has no nonce left.
void Committer::RenewWhereFull() {
  const std::shared_ptr<Seal> seal = setup_.sealing->now();
  if (!seal || !seal->full() || !setup_.sealing->BeginRenewal()) return;
  Result<Sealing::Renewal> renewal = setup_.sealing->Renew(nullptr);
  CHECK(renewal.ok());
  Renew(*std::move(renewal), [sealing = setup_.sealing] { sealing->EndRenewal(); });
}

/// Reports the group, where nothing has failed.
void Committer::Finish(Group* group) {
  if (!unsynced_) synced_group_ = group_;
  for (const Queue& queue : group->queues) {
    queue->work_.erase(queue->work_.begin(), queue->work_.begin() + static_cast<ptrdiff_t>(queue->taken_));
    queue->taken_ = 0;
    queue->in_group_ = queue->wrote_ = false;
    if (!queue->lane_counts_.empty()) queue->lane_counts_ = {};
    queue->last_group_ = group_;
    if (synced_group_ == group_) queue->synced_number_ = queue->last_number_;
  }
  if (!failed_) {
    PassCrashPoint(CrashPoint::kCommitBeforeReport);
    counters_.batches += group->batches;
    ++counters_.groups;
    for (const auto& durable : group->audited) durable();
    for (const Queue& queue : group->queues) {
      if (!std::exchange(queue->reports_, false)) continue;
      if (queue == registry_) events_->OnRegistryCommitted(queue->last_number_);
      else queue->outlet_->Post(Committed{queue->last_number_, queue->synced_number_});
    }
    for (NamespaceNumber number : group->dropped)
      if (setup_.dropped) setup_.dropped(number);
    for (const CommitQueue::Renewal& renewal : group->renewals) {
      setup_.sealing->Use(renewal.renewal);
      renewal.used();
    }
    PassCrashPoint(CrashPoint::kCommitAfterReport);
  }
  Settle(group->queues);
}

/// Drops what waits to be written, after a failure.
void Committer::DropWork() {
  std::vector<Queue> dropped(turns_.begin(), turns_.end());
  turns_.clear();
  for (const Queue& queue : dropped) {
    queue->work_.clear();
    queue->in_turn_ = false;
  }
  Settle(dropped);
}

/// Lets go of those that were closed, once nothing of them is left.
void Committer::Settle(const std::vector<Queue>& queues) {
  bool gone = false;
  {
    std::lock_guard lock(mutex_);
    for (const Queue& queue : queues) {
      queue->pending_ = !queue->arrived_.empty() || !queue->work_.empty();
      if (queue->pending_ || !queue->closed_) continue;
      open_.erase(queue->space_.number());
      gone = true;
    }
  }
  if (gone) settled_.notify_all();
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

/// Notes in SYNCED, and for the next reports, that all that was written is synced.
void Committer::NoteSynced() {
  synced_sequence_ = db_->GetLatestSequenceNumber();
  SyncedRecord record = setup_.synced->record();
  record.sequence = synced_sequence_;
  bool begun = record.logs.empty() || record.logs.back().number != written_log_;
  if (begun) record.logs.push_back({written_log_, 0});
  PassCrashPoint(CrashPoint::kCommitBeforeSyncedFile);
  // Durable where a log is new, so that a power cut, too, leaves what tells that it is missing; that is once a memtable.
  Check(begun ? setup_.synced->Write(std::move(record)) : setup_.synced->WriteSoon(std::move(record)));
  PassCrashPoint(CrashPoint::kCommitAfterSyncedFile);
}

/// Writes into the log what is synced. It is not synced itself: it only helps to tell damage, where it gets to the disk.
void Committer::WriteMark() {
  if (marked_sequence_ == synced_sequence_) return;
  PassCrashPoint(CrashPoint::kCommitBeforeMark);
  rocksdb::WriteBatch mark;
  mark.PutLogData(EncodeSyncedMark(setup_.store, synced_sequence_));
  if (Check(TranslateStatus(db_->Write(rocksdb::WriteOptions(), &mark), "cannot write"))) marked_sequence_ = synced_sequence_;
}

bool Committer::Check(const Status& status) {
  if (status.ok()) return true;
  std::lock_guard lock(mutex_);
  failed_ = true;
  failure_ = status;
  for (const auto& [number, queue] : open_) queue->outlet_->Post(WriteFailed{status});
  events_->OnWriteFailed(status);
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
  Log(low ? LogLevel::kWarn : LogLevel::kInfo, low ? "disk space is low" : "disk space is back", {{"free_bytes", free_bytes}, {"reserve", reserve}});
  std::lock_guard lock(mutex_);
  disk_low_ = low;
  for (const auto& [number, queue] : open_) queue->outlet_->Post(DiskSpace{low});
}

}  // namespace notifyd
