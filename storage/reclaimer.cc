#include "storage/reclaimer.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <algorithm>

#include "base/log.h"
#include "storage/keys.h"
#include "storage/store_options.h"

namespace notifyd {

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

void Reclaimer::Add(NamespaceNumber number) {
  {
    std::lock_guard lock(mutex_);
    if (std::find(waiting_.begin(), waiting_.end(), number) != waiting_.end()) return;
    waiting_.push_back(number);
  }
  wake_.notify_all();
}

void Reclaimer::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    const NamespaceNumber number = waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    Reclaim(number);
    lock.lock();
  }
}

void Reclaimer::Reclaim(NamespaceNumber number) {
  rocksdb::CompactRangeOptions how;
  // Otherwise the deepest level, where most of what is over lies, is left alone.
  how.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  how.exclusive_manual_compaction = false;
  how.canceled = &stopping_;
  const KeyRange range = RangeOf(number);
  const rocksdb::Slice from(range.from), to(range.to);
  auto held = sweeper_.Hold();
  for (rocksdb::ColumnFamilyHandle* family : {database_.notifies(), database_.main()}) {
    const rocksdb::Status status = database_.db()->CompactRange(how, family, &from, &to);
    if (stopping_) return;
    // What it cannot read the broker's reads will say, and what it cannot write its writes.
    if (!status.ok())
      Log(LogLevel::kWarn, "a namespace's room could not be given back", {{"detail", TranslateStatus(status, "cannot compact").detail()}});
  }
}

}  // namespace notifyd
