#include "cli/daemon/cell_move_host.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "base/crash_point.h"
#include "base/log.h"

namespace notifyd {
namespace {

using std::chrono::milliseconds;
using Answer = CellMove::Answer;
using Step = CellMove::Step;

constexpr milliseconds kLookEach{250}, kSwitchMost{10'000};

}  // namespace

void CellMoveHost::Start() {
  thread_ = std::thread([this] { Run(); });
}

void CellMoveHost::Kick() {
  {
    std::lock_guard lock(mutex_);
    kicked_ = true;
  }
  wake_.notify_all();
}

void CellMoveHost::Quiesce() {
  {
    std::lock_guard lock(mutex_);
    quiet_ = true;
  }
  wake_.notify_all();
}

void CellMoveHost::Rest(std::function<void()> then) {
  {
    std::lock_guard lock(mutex_);
    rests_ = kicked_ = true;
    rested_ = std::move(then);
  }
  wake_.notify_all();
}

void CellMoveHost::Work() {
  std::lock_guard lock(mutex_);
  rests_ = false;
}

std::optional<CellMoveReport> CellMoveHost::Report(NamespaceNumber number) const {
  std::lock_guard lock(mutex_);
  auto found = shown_.find(number);
  return found == shown_.end() ? std::nullopt : std::optional(found->second);
}

void CellMoveHost::Stop() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void CellMoveHost::Run() {
  for (;;) {
    const bool busy = Round();
    std::unique_lock lock(mutex_);
    if (!busy) wake_.wait_for(lock, kLookEach, [this] { return ending_ || kicked_; });
    kicked_ = false;
    if (ending_) return;
  }
}

/// Behind a Compare by which nothing is wanted.
void CellMoveHost::AnswerRest() {
  std::function<void()> rested;
  {
    std::lock_guard lock(mutex_);
    if (moves_.empty()) rested = std::exchange(rested_, nullptr);
  }
  if (rested) rested();
}

/// One step of the first that has one to be done.
bool CellMoveHost::Round() {
  Compare();
  AnswerRest();
  const MonoTime now = setup_.now();
  const auto due = std::find_if(moves_.begin(), moves_.end(), [&](const auto& each) { return each.second.move.pauses_until() <= now; });
  if (due == moves_.end()) {
    Show();
    return false;
  }
  Moving& moving = due->second;
  do Do(&moving);
  while (moving.move.standing());
  if (moving.move.next() == Step::kEnd) {
    Finished(moving);
    moves_.erase(due);
  }
  Show();
  return true;
}

/// What is wanted now beside what is under way.
void CellMoveHost::Compare() {
  bool quiet = false;
  {
    std::lock_guard lock(mutex_);
    quiet = quiet_ || rests_ || ending_;
  }
  std::map<NamespaceNumber, CellWish> wanted;
  if (!quiet)
    for (CellWish& wish : setup_.wishes())
      if (setup_.mine(wish.number)) wanted.emplace(wish.number, std::move(wish));
  for (auto& [number, moving] : moves_) {
    auto found = wanted.find(number);
    if (found == wanted.end() || !(found->second == moving.wish)) moving.move.CallOff();
    if (found != wanted.end()) wanted.erase(found);
  }
  for (auto& [number, wish] : wanted) {
    Moving& moving = moves_[number];
    moving.wish = wish;
    moving.began = setup_.now();
    Log(LogLevel::kInfo, "a namespace is to move to another cell", {{"namespace", wish.name}, {"from", wish.from}, {"to", wish.to}});
  }
}

void CellMoveHost::Do(Moving* moving) {
  CellMove& move = moving->move;
  if (move.next() == Step::kEnd) return;
  move.Ended(setup_.now(), Carry(moving));
  if (!move.waits()) moving->waits.clear();
}

Answer CellMoveHost::Carry(Moving* moving) {
  const CellWish& wish = moving->wish;
  CellStep step;
  switch (moving->move.next()) {
    case Step::kLook:
      step = setup_.store->Look(wish);
      break;
    case Step::kBegin:
      moving->keys = 0;
      step = setup_.store->Begin(wish);
      break;
    case Step::kCopy:
      step = setup_.store->Copy(wish);
      break;
    case Step::kFollow:
      step = setup_.store->Follow(wish);
      break;
    case Step::kFinish:
      step = setup_.store->Finish(wish);
      break;
    case Step::kDepart:
      step = setup_.store->Depart(wish);
      break;
    case Step::kStand:
      return Stand(moving);
    case Step::kSwitch:
      return Switch(moving);
    case Step::kResume:
      setup_.resume(wish.number);
      return Answer::kDone;
    case Step::kEnd:
      return Answer::kDone;
  }
  moving->keys += step.keys;
  if (step.status.ok()) return step.more ? Answer::kMore : Answer::kDone;
  if (std::exchange(moving->waits, step.status.detail()) != step.status.detail())
    Log(LogLevel::kWarn, "a namespace's move to another cell waits", {{"namespace", wish.name}, {"detail", step.status.detail()}});
  return step.status.code() == Code::kConflict ? Answer::kAgain : Answer::kFailed;
}

Answer CellMoveHost::Stand(Moving* moving) {
  const NamespaceNumber number = moving->wish.number;
  moving->stands_since = setup_.now();
  auto stood = std::make_shared<bool>(false);
  setup_.stand_still(number, [this, stood] {
    {
      std::lock_guard lock(mutex_);
      *stood = true;
    }
    wake_.notify_all();
  });
  const auto is_over = [&] { return *stood || ending_; };
  std::unique_lock lock(mutex_);
  if (!wake_.wait_for(lock, milliseconds(setup_.grace_ms), is_over)) {
    lock.unlock();
    setup_.cut(number);
    lock.lock();
    wake_.wait(lock, is_over);
  }
  moving->drained_at = setup_.now();
  return *stood ? Answer::kDone : Answer::kFailed;
}

/// Once the row that says so is published it is durable, and all go by it.
Answer CellMoveHost::Switch(Moving* moving) {
  const CellWish& wish = moving->wish;
  setup_.moved({wish.number, wish.to});
  const auto until = std::chrono::steady_clock::now() + kSwitchMost;
  for (;;) {
    if (setup_.cell(wish.number) == wish.to) break;
    std::unique_lock lock(mutex_);
    if (ending_ || std::chrono::steady_clock::now() > until) return Answer::kFailed;
    kicked_ = false;
    lock.unlock();
    const std::vector<CellWish> wishes = setup_.wishes();
    // It was called off before, or is being removed.
    if (std::find(wishes.begin(), wishes.end(), wish) == wishes.end() && setup_.cell(wish.number) != wish.to) return Answer::kFailed;
    lock.lock();
    wake_.wait_for(lock, milliseconds(20), [this] { return ending_ || kicked_; });
  }
  moving->moved = true;
  PassCrashPoint(CrashPoint::kCellSwitched);
  return Answer::kDone;
}

void CellMoveHost::Finished(const Moving& moving) {
  const CellWish& wish = moving.wish;
  setup_.store->End(wish);
  if (!moving.moved) {
    Log(LogLevel::kInfo, "a namespace's move to another cell is given up", {{"namespace", wish.name}, {"from", wish.from}, {"to", wish.to}});
    return;
  }
  const MonoTime now = setup_.now();
  const int64_t stood_ms = moving.stands_since.ms == 0 ? 0 : now.ms - moving.stands_since.ms;
  const int64_t ends_ms = moving.stands_since.ms == 0 ? 0 : moving.drained_at.ms - moving.stands_since.ms;
  Log(LogLevel::kInfo, "a namespace moved to another cell",
      {{"namespace", wish.name},
       {"from", wish.from},
       {"to", wish.to},
       {"keys", moving.keys},
       {"took_ms", now.ms - moving.began.ms},
       {"stood_ms", stood_ms},
       {"ends_ms", ends_ms}});
}

void CellMoveHost::Show() {
  std::map<NamespaceNumber, CellMoveReport> shown;
  bool first = true;
  for (const auto& [number, moving] : moves_) {
    const bool queued = !first && moving.keys == 0 && moving.move.next() == Step::kLook;
    shown[number] = {queued ? "queued" : ToString(moving.move.next()), moving.waits, moving.keys};
    first = false;
  }
  std::lock_guard lock(mutex_);
  shown_ = std::move(shown);
}

}  // namespace notifyd
