#include "cli/daemon/lease_keeper.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <utility>

#include "base/clocks.h"
#include "base/crash_point.h"
#include "base/log.h"

namespace notifyd {
namespace {

// The waits' clock stands still while the machine sleeps, the lease's does not.
constexpr int64_t kWaitMostMs = 500;
// Between two reasons why the store does not answer that are logged: several may come in turn.
constexpr int64_t kFaultEachMs = 1'000;
// A clock that is off by more is told of, and once it is off by less than half of that again.
constexpr int64_t kClockDiffersMs = 1'000;
constexpr const char* kTaken =
    "the store says that the lease is not this broker's any more: it was not renewed in time, and others took it or ended it";

Incarnation DrawIncarnation() {
  std::random_device device;
  auto word = [&device] { return uint64_t{device()} << 32 | device(); };
  return {word(), word()};
}

MonoTime BootNow() {
  return {ReadClockMs(CLOCK_BOOTTIME)};
}

std::chrono::milliseconds WaitUntil(MonoTime when) {
  return std::chrono::milliseconds(std::clamp<int64_t>(when.ms - BootNow().ms, 1, kWaitMostMs));
}

}  // namespace

LeaseKeeper::LeaseKeeper(Setup setup)
    : store_(std::move(setup.store)), times_(setup.times), refused_each_ms_(setup.refused_each_ms), owner_(setup.times, DrawIncarnation) {
  if (setup.inherited) owner_.Inherit(*setup.inherited);
}

LeaseKeeper::~LeaseKeeper() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (asker_.joinable()) asker_.join();
  if (watcher_.joinable()) watcher_.join();
}

void LeaseKeeper::Start(std::function<void()> acquired) {
  acquired_ = std::move(acquired);
  asker_ = std::thread([this] { Ask(); });
  watcher_ = std::thread([this] { Watch(); });
}

void LeaseKeeper::OnLost(std::function<void(const char*)> lost) {
  std::lock_guard lock(mutex_);
  on_lost_ = std::move(lost);
}

void LeaseKeeper::OnRenewed(std::function<void()> renewed) {
  std::lock_guard lock(renewed_mutex_);
  renewed_ = std::move(renewed);
}

bool LeaseKeeper::MayAct() {
  if (!lost_.load(std::memory_order_relaxed) && BootNow().ms < until_ms_.load(std::memory_order_acquire)) return true;
  Lose("its lease is over");
  return false;
}

bool LeaseKeeper::went_back() const {
  std::lock_guard lock(mutex_);
  return owner_.went_back();
}

std::string LeaseKeeper::namesake() const {
  std::lock_guard lock(mutex_);
  return namesake_;
}

LeaseKeeper::Sight LeaseKeeper::sight() const {
  std::lock_guard lock(mutex_);
  return sight_;
}

int64_t LeaseKeeper::left_ms() const {
  return std::max<int64_t>(until_ms_.load(std::memory_order_acquire) - BootNow().ms, 0);
}

std::optional<int64_t> LeaseKeeper::clock_ahead_ms() const {
  std::lock_guard lock(mutex_);
  return clock_ahead_ms_;
}

bool LeaseKeeper::Release(int64_t most_ms) {
  std::unique_lock lock(mutex_);
  releasing_ = true;
  until_ms_ = 0;
  owner_.Release();
  changed_.notify_all();
  return changed_.wait_for(lock, std::chrono::milliseconds(most_ms), [this] { return owner_.released(); });
}

std::optional<OwnerWord> LeaseKeeper::owned() const {
  std::lock_guard lock(mutex_);
  return owner_.standing() == Ownership::Standing::kOwning ? std::optional(owner_.word()) : std::nullopt;
}

std::string LeaseKeeper::mark() const {
  std::lock_guard lock(mutex_);
  return mark_;
}

OwnerWord LeaseKeeper::word() const {
  std::lock_guard lock(mutex_);
  return owner_.word();
}

void LeaseKeeper::Fenced() {
  GiveUp("the store refused what this broker wrote, as others own it by now");
}

void LeaseKeeper::Ask() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    const std::optional<OwnerAsk> ask = owner_.Ask(BootNow());
    if (!ask) {
      changed_.wait_for(lock, WaitUntil(owner_.next_at()));
      continue;
    }
    lock.unlock();
    if (ask->kind == OwnerAsk::Kind::kAcquire) PassCrashPoint(CrashPoint::kLeaseBeforeAcquire);
    if (ask->kind == OwnerAsk::Kind::kRelease) PassCrashPoint(CrashPoint::kLeaseBeforeRelease);
    const auto [answer, word] = store_->Do(*ask);
    if (ask->kind == OwnerAsk::Kind::kAcquire && answer == OwnerAnswer::kYes) PassCrashPoint(CrashPoint::kLeaseAcquired);
    lock.lock();
    owner_.Answer(BootNow(), answer, word);
    mark_ = store_->Mark();
    NoteNamesake(*ask, answer, word);
    NoteSight(*ask, answer, word);
    NoteClock(*ask, answer);
    Noted(*ask, answer, &lock);
  }
}

/// Whoever renews a lease lives; one that only stands there may be what a crash left.
void LeaseKeeper::NoteNamesake(const OwnerAsk& ask, OwnerAnswer answer, const OwnerWord& word) {
  if (ask.kind != OwnerAsk::Kind::kLook || answer != OwnerAnswer::kYes) return;
  const bool same = looked_at_ && looked_at_->incarnation == word.incarnation && !word.free;
  if (!same) namesake_.clear();
  else if (looked_at_->renewal != word.renewal) namesake_ = store_->Namesake();
  looked_at_ = word;
}

/// Whoever reads the log learns why it is not answered, once for each reason; and again and again where it is waited for whoever gives it a right.
void LeaseKeeper::NoteSight(const OwnerAsk& ask, OwnerAnswer answer, const OwnerWord& word) {
  if (answer == OwnerAnswer::kYes || answer == OwnerAnswer::kNo) {
    const bool look = ask.kind == OwnerAsk::Kind::kLook;
    const bool others = answer == OwnerAnswer::kNo || (look && !word.free && !owner_.IsOwn(word.incarnation));
    // A server whose commits wait for a standby that is away is read all the same: the change that comes next tells.
    if (look && !others && !fault_.empty() && !fault_of_look_) return;
    sight_ = others ? Sight::kAnothers : Sight::kOwn;
    if (!std::exchange(fault_, {}).empty()) Log(LogLevel::kInfo, "the store answers again");
    return;
  }
  const bool refused = store_->Refuses();
  fault_of_look_ = ask.kind == OwnerAsk::Kind::kLook;
  sight_ = refused ? Sight::kRefused : Sight::kSilent;
  const std::string fault = store_->Fault();
  const MonoTime now = BootNow();
  const int64_t ago_ms = now.ms - fault_at_.ms;
  const bool said = !fault_.empty() && (fault == fault_ ? !refused || ago_ms < refused_each_ms_ : ago_ms < kFaultEachMs);
  if (fault.empty() || said) return;
  fault_ = fault;
  fault_at_ = now;
  if (refused) Log(LogLevel::kError, "the store refuses this broker", {{"detail", fault}});
  else Log(LogLevel::kWarn, "the store does not answer", {{"detail", fault}});
}

/// Due times are by the clock of whoever serves a namespace, which may be another one's the moment after.
void LeaseKeeper::NoteClock(const OwnerAsk& ask, OwnerAnswer answer) {
  if (ask.kind != OwnerAsk::Kind::kRenew || answer != OwnerAnswer::kYes) return;
  clock_ahead_ms_ = store_->ClockAheadMs();
  if (!clock_ahead_ms_) return;
  const int64_t by_ms = std::abs(*clock_ahead_ms_);
  if (clock_differs_ ? by_ms >= kClockDiffersMs / 2 : by_ms <= kClockDiffersMs) return;
  clock_differs_ = !clock_differs_;
  if (clock_differs_) Log(LogLevel::kWarn, "the clock differs from the database's", {{"ahead_ms", *clock_ahead_ms_}});
  else Log(LogLevel::kInfo, "the clock is the database's again", {{"ahead_ms", *clock_ahead_ms_}});
}

/// What came of it is there for all to see.
void LeaseKeeper::Noted(const OwnerAsk& ask, OwnerAnswer answer, std::unique_lock<std::mutex>* lock) {
  changed_.notify_all();
  if (releasing_) return;
  if (owner_.standing() != Ownership::Standing::kOwning) {
    if (!held_ && !owner_.went_back()) return;
    const char* why = owner_.went_back() ? kWentBack : kTaken;
    lock->unlock();
    Lose(why);
    return lock->lock();
  }
  until_ms_.store(owner_.until().ms, std::memory_order_release);
  if (answer != OwnerAnswer::kYes) return;
  if (ask.kind == OwnerAsk::Kind::kRenew) {
    lock->unlock();
    {
      std::lock_guard renewing(renewed_mutex_);
      if (renewed_) renewed_();
    }
    return lock->lock();
  }
  if (ask.kind != OwnerAsk::Kind::kAcquire) return;
  if (std::exchange(held_, true)) return;
  lock->unlock();
  acquired_();
  lock->lock();
}

/// The asker may be waiting for a store that does not answer.
void LeaseKeeper::Watch() {
  std::unique_lock lock(mutex_);
  while (!ending_ && !releasing_) {
    if (held_ && BootNow().ms >= until_ms_) {
      lock.unlock();
      Lose("its lease is over");
      return;
    }
    changed_.wait_for(lock, held_ ? WaitUntil({until_ms_}) : std::chrono::milliseconds(kWaitMostMs));
  }
}

void LeaseKeeper::Lose(const char* why, bool given_up) {
  std::function<void(const char*)> lost;
  {
    std::lock_guard lock(mutex_);
    if (given_up) owner_.Fenced();
    if ((!held_ && !owner_.went_back()) || releasing_ || lost_.exchange(true)) return;
    lost = on_lost_;
  }
  if (lost) lost(why);
}

}  // namespace notifyd
