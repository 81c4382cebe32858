#include "storage/reclaimer.h"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "storage/store_options.h"

namespace notifyd {
namespace {

/// Where the disk takes nothing it is tried again so much later.
constexpr std::chrono::seconds kAgainAfter{10};

}  // namespace

void Reclaimer::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Reclaimer::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Reclaimer::Add(Task task) {
  {
    std::lock_guard lock(mutex_);
    if (std::find(waiting_.begin(), waiting_.end(), task) != waiting_.end()) return;
    waiting_.push_back(std::move(task));
  }
  wake_.notify_all();
}

bool Reclaimer::Has(NamespaceNumber number) {
  const Task task = Task::Of(number);
  std::lock_guard lock(mutex_);
  return doing_ == task || std::find(waiting_.begin(), waiting_.end(), task) != waiting_.end();
}

void Reclaimer::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    doing_ = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const bool done = Reclaim(*doing_);
    lock.lock();
    if (!done) waiting_.push_back(*std::move(doing_));
    doing_.reset();
    if (!done) wake_.wait_for(lock, kAgainAfter, [this] { return stopping_.load(); });
  }
}

/// False: the disk took nothing, and nothing was done.
bool Reclaimer::Reclaim(const Task& task) {
  // CompactRange makes tables of the memtables first, where these hold a key of the range; all families' (atomic_flush), and other namespaces' keys
  // with them. Until then what was deleted there counts with what deleted it.
  if (BytesIn(database_, task.keys, task.memtables) == 0) return true;
  rocksdb::CompactRangeOptions how;
  // Otherwise the deepest level, where most of what is over lies, is left alone.
  how.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  how.exclusive_manual_compaction = false;
  how.canceled = &stopping_;
  const rocksdb::Slice from(task.keys.from), to(task.keys.to);
  auto held = sweeper_.Hold();
  // What deleted the keys lies in memtables and the log alone until now. Whoever takes the tables as they are, as a backup does, must not find whole
  // ones gone and the namespace still there.
  if (task.files && !Done(database_.db()->Flush(rocksdb::FlushOptions(), {database_.main(), database_.notifies()}))) return false;
  for (rocksdb::ColumnFamilyHandle* family : {database_.notifies(), database_.main()}) {
    rocksdb::Status status;
    // Tables that hold nothing else go unread. The deletion that lies above them covers what is left.
    if (task.files) status = rocksdb::DeleteFilesInRange(database_.db(), family, &from, &to, /*include_end=*/false);
    if (status.ok()) status = database_.db()->CompactRange(how, family, &from, &to);
    if (!Done(status) && stopping_) return true;
  }
  return true;
}

/// False: not, or a stop breaks it off. What it cannot read the broker's reads will say, and what it cannot write its writes.
bool Reclaimer::Done(const rocksdb::Status& status) const {
  if (stopping_) return false;
  if (!status.ok())
    Log(LogLevel::kWarn, "a namespace's room could not be given back", {{"detail", TranslateStatus(status, "cannot compact").detail()}});
  return status.ok();
}

uint64_t BytesIn(const Database& database, const KeyRange& keys, bool memtables) {
  const rocksdb::Range range(keys.from, keys.to);
  rocksdb::SizeApproximationOptions how;
  how.include_files = true;
  how.include_memtables = memtables;
  uint64_t bytes = 0;
  for (rocksdb::ColumnFamilyHandle* family : {database.main(), database.notifies()}) {
    uint64_t of_family = 0;
    // What does not read the broker's reads will say.
    database.db()->GetApproximateSizes(how, family, &range, 1, &of_family).PermitUncheckedError();
    bytes += of_family;
  }
  return bytes;
}

}  // namespace notifyd
