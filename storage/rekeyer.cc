#include "storage/rekeyer.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <utility>

#include "base/crash_point.h"
#include "base/log.h"
#include "storage/sealed_records.h"
#include "storage/store_options.h"

namespace notifyd {
namespace {

// One rewrites what is there, a second what had changes that were only merged by the first. More are for what keeps changing.
constexpr int kMostPasses = 8;
constexpr uint64_t kLookedAtOnce = 4096;

using Steady = std::chrono::steady_clock;

Status StoppedMeanwhile() {
  return Status(Code::kUnavailable, "the broker was stopped");
}

/// Whether something has happened, or will not any more.
class Outcome {
 public:
  void Set(bool good) {
    std::lock_guard lock(mutex_);
    if (set_) return;
    set_ = true;
    good_ = good;
    changed_.notify_all();
  }
  bool Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return set_; });
    return good_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false, good_ = false;
};

}  // namespace

Status Rekeyer::Begin() {
  std::lock_guard begin(begin_mutex_);
  if (stopping_) return StoppedMeanwhile();
  if (!sealing_->on()) return Status(Code::kUnacceptable, "the store does not seal: store.encryption_key_file is not set");
  Result<SealKeys> keys = ReadSealKeys(key_file_);
  if (!keys.ok()) return std::move(keys).status();
  if (State().phase == RekeyState::Phase::kRunning) {
    // Whoever is told that it goes on takes the keys behind his first one for needless at its end.
    if (keys->active() == sealed_by_) return Status::Ok();
    return Status(Code::kConflict, "a rekey by another key is under way; run it again when that is done");
  }
  // So that what does not fit is told to who asks.
  if (Result<Sealing::Renewal> fits = sealing_->Renew(&*keys); !fits.ok()) return std::move(fits).status();
  if (thread_.joinable()) thread_.join();
  sealed_by_ = keys->active();
  {
    std::lock_guard lock(mutex_);
    state_ = {};
    state_.phase = RekeyState::Phase::kRunning;
  }
  thread_ = std::thread([this, keys = *std::move(keys)] { Run(keys); });
  return Status::Ok();
}

RekeyState Rekeyer::State() const {
  std::lock_guard lock(mutex_);
  RekeyState state = state_;
  state.sealed = sealing_->on();
  state.due = sealing_->rekey_due();
  state.needed = sealing_->needed();
  return state;
}

void Rekeyer::Stop() {
  stopping_ = true;
  std::lock_guard begin(begin_mutex_);
  if (thread_.joinable()) thread_.join();
}

void Rekeyer::Run(const SealKeys& keys) {
  const Steady::time_point began = Steady::now();
  Log(LogLevel::kInfo, "rekey begun", {});
  while (!sealing_->BeginRenewal() && !stopping_) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const Status done = stopping_ ? StoppedMeanwhile() : SealAll(keys);
  sealing_->EndRenewal();
  const int64_t took_ms = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - began).count();
  if (done.ok()) Log(LogLevel::kInfo, "rekey done", {{"ms", took_ms}});
  else Log(LogLevel::kWarn, "rekey not done", {{"detail", done.detail()}});
  std::lock_guard lock(mutex_);
  state_.phase = done.ok() ? RekeyState::Phase::kDone : RekeyState::Phase::kFailed;
  state_.detail = done.detail();
  state_.took_ms = took_ms;
}

Status Rekeyer::SealAll(const SealKeys& keys) {
  Result<Sealing::Renewal> renewal = sealing_->Renew(&keys);
  if (!renewal.ok()) return std::move(renewal).status();
  PassCrashPoint(CrashPoint::kRekeyBeforeRenewal);
  NOTIFYD_TRY(Use(*std::move(renewal)));
  PassCrashPoint(CrashPoint::kRekeyAfterRenewal);
  for (int pass = 1;; ++pass) {
    NOTIFYD_TRY(Compact());
    PassCrashPoint(CrashPoint::kRekeyCompacted);
    uint64_t left = 0;
    NOTIFYD_TRY(Look(&left));
    {
      std::lock_guard lock(mutex_);
      state_.entries = left;
    }
    if (left == 0) break;
    if (pass == kMostPasses) return Status(Code::kUnavailable, std::to_string(left) + " entries are still sealed by an older key: try again");
  }
  NOTIFYD_TRY(Use(sealing_->Finish()));
  PassCrashPoint(CrashPoint::kRekeyDone);
  return Status::Ok();
}

Status Rekeyer::Use(Sealing::Renewal renewal) {
  auto outcome = std::make_shared<Outcome>();
  // Where it is destroyed and was not called, the committer has failed.
  auto gone = std::shared_ptr<void>(nullptr, [outcome](void*) { outcome->Set(false); });
  committer_->Renew(std::move(renewal), [outcome, gone = std::move(gone)] { outcome->Set(true); });
  return outcome->Wait() ? Status::Ok() : Status(Code::kIo, "the store cannot be written");
}

Status Rekeyer::Compact() {
  rocksdb::CompactRangeOptions how;
  // Otherwise the deepest level, where most lies, is left alone.
  how.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  // Others go on beside it: writes would stop where no table of level 0 went deeper for so long.
  how.exclusive_manual_compaction = false;
  how.canceled = &stopping_;
  auto held = sweeper_->Hold();
  for (rocksdb::ColumnFamilyHandle* family : {database_.main(), database_.notifies()}) {
    const rocksdb::Status status = database_.db()->CompactRange(how, family, nullptr, nullptr);
    if (stopping_) return StoppedMeanwhile();
    NOTIFYD_TRY(TranslateStatus(status, "cannot compact the store"));
  }
  return Status::Ok();
}

Status Rekeyer::Look(uint64_t* left) {
  rocksdb::ReadOptions how;
  how.fill_cache = false;
  how.readahead_size = 1 << 20;
  for (rocksdb::ColumnFamilyHandle* family : {database_.main(), database_.notifies()}) {
    std::unique_ptr<rocksdb::Iterator> it(database_.db()->NewIterator(how, family));
    uint64_t seen = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      if (++seen % kLookedAtOnce == 0 && stopping_) return StoppedMeanwhile();
      const rocksdb::Slice key = it->key(), value = it->value();
      Result<std::optional<std::string>> anew = SealAnew(*sealing_, {key.data(), key.size()}, {value.data(), value.size()}, /*operand=*/false);
      if (!anew.ok()) return std::move(anew).status();
      *left += anew->has_value();
    }
    NOTIFYD_TRY(TranslateStatus(it->status(), "cannot read the store"));
  }
  return Status::Ok();
}

}  // namespace notifyd
