// Journal: the batch of writes that is open, how far those before it are written and synced, and what waits for either. It knows batch numbers; what
// waits is opaque to it (a variant of the core's), and it calls nobody. Not thread-safe.
// I1: written >= synced, both below the open batch's number; neither goes back.
// I2: what waits for the same batch is taken in the order in which it came.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "base/time.h"
#include "broker/effects.h"

namespace notifyd {

template <class WhenWritten, class WhenSynced>
class Journal {
 public:
  // ---- the open batch
  template <class Op>
  void Write(Op op) {
    open_.ops.emplace_back(std::move(op));
  }
  /// Whether something that is not written yet (a lane's record, say, which is written once a turn) goes into the open batch before it is closed.
  void ExpectMore(bool more) { expects_more_ = more; }
  uint64_t open() const { return open_.number; }
  size_t ops() const { return open_.ops.size(); }
  /// The open batch is synced with those before it, whether anything is in it or not.
  void AskSync() { sync_asked_ = true; }
  /// As AskSync, where no sync that takes `batch` with it was issued.
  void AskSyncOf(uint64_t batch) {
    if (issued_sync_ < batch) sync_asked_ = true;
  }
  /// Returns the batch that all that was decided so far is in.
  uint64_t Decided() const { return open_.ops.empty() && !expects_more_ ? open_.number - 1 : open_.number; }
  /// As Decided, and sees to it that the batch is synced: for an answer that depends on all that was decided.
  uint64_t Barrier() {
    // Where nothing new is decided in this turn, what was issued last is enough: a sync of it may be under way already.
    bool under_way = issued_sync_ + 1 == open_.number || synced_ + 1 == open_.number;
    if (Decided() < open_.number && under_way) return open_.number - 1;
    sync_asked_ = true;
    return open_.number;
  }
  /// Returns when an unsynced batch must be synced at the latest: `delay_ms` after it was closed; kMonoNever where none is.
  MonoTime SyncDue(int64_t delay_ms) const { return unsynced_since_ ? MonoTime{unsynced_since_->ms + delay_ms} : kMonoNever; }
  /// Returns whether the open batch is to be closed now: something is in it, or a sync was asked for or is due.
  bool MustClose(MonoTime now, int64_t sync_delay_ms) {
    if (now >= SyncDue(sync_delay_ms)) sync_asked_ = true;
    return !open_.ops.empty() || sync_asked_;
  }
  /// Returns the open batch, whole, and opens the next.
  WriteBatch Close(MonoTime now, const Totals& totals) {
    open_.totals = totals;
    open_.sync = std::exchange(sync_asked_, false);
    if (open_.sync) {
      issued_sync_ = open_.number;
      unsynced_since_.reset();
    } else if (!unsynced_since_) {
      unsynced_since_ = now;
    }
    uint64_t number = open_.number;
    return std::exchange(open_, WriteBatch{number + 1, false, {}, {}});
  }

  // ---- those that were closed
  uint64_t written() const { return written_; }
  uint64_t synced() const { return synced_; }
  bool IsWritten(uint64_t batch) const { return batch <= written_; }
  bool IsSynced(uint64_t batch) const { return batch <= synced_; }
  void Advance(uint64_t written, uint64_t synced) {
    written_ = std::max(written_, written);
    synced_ = std::max(synced_, synced);
  }
  void AfterWrite(uint64_t batch, WhenWritten waiting) { after_write_.emplace(batch, std::move(waiting)); }
  /// Asks for no sync.
  void AfterSync(uint64_t batch, WhenSynced waiting) { after_sync_.emplace(batch, std::move(waiting)); }
  /// Returns the next that waited for a batch that is written (synced) now; nothing where none is left.
  std::optional<WhenWritten> TakeWritten() { return Take(&after_write_, written_); }
  std::optional<WhenSynced> TakeSynced() { return Take(&after_sync_, synced_); }
  /// Forgets those that wait for a sync (a write) of which `take` returns true.
  template <class Take>
  void TakeUnsynced(Take take) {
    std::erase_if(after_sync_, [&](auto& each) { return take(each.second); });
  }
  template <class Take>
  void TakeUnwritten(Take take) {
    std::erase_if(after_write_, [&](auto& each) { return take(each.second); });
  }
  /// Returns whether all that was decided is durable, and nothing waits.
  bool idle() const { return synced_ + 1 == open_.number && after_sync_.empty() && after_write_.empty(); }

 private:
  template <class Waiting>
  static std::optional<Waiting> Take(std::multimap<uint64_t, Waiting>* waiting, uint64_t until) {
    auto first = waiting->begin();
    if (first == waiting->end() || first->first > until) return std::nullopt;
    std::optional<Waiting> taken = std::move(first->second);
    waiting->erase(first);
    return taken;
  }

  WriteBatch open_{1, false, {}, {}};
  bool expects_more_ = false;
  bool sync_asked_ = false;
  uint64_t written_ = 0, synced_ = 0;
  uint64_t issued_sync_ = 0;                // the newest batch that was issued with a sync
  std::optional<MonoTime> unsynced_since_;  // an unsynced batch was issued then
  std::multimap<uint64_t, WhenWritten> after_write_;
  std::multimap<uint64_t, WhenSynced> after_sync_;
};

}  // namespace notifyd
