// CellMove: the steps by which a namespace goes from one cell of a store to another, one at a time. Pure: it is told how each ended, and says what is
// next. Contract section 23, growth.
//
//   look     does the cell that it leaves say already that it is gone? Then all that is left is to switch.
//   begin    the copy begins anew
//   copy     what there is, settled or not, while it is served
//   follow   what was written since, again, until little is left; it is served still
//   stand    it is served no more: no attempt starts, those in flight end, requests wait
//   finish   the rest; the copy is whole, synced, and nobody's
//   depart   the cell that it leaves says so, synced: nobody writes it there any more
//   switch   its row in the home cell names the other cell: the one place that says where it lies
//   resume   it is served, wherever its row says that it lies
//
// I1 it stands still only from `stand` to `resume`, and whatever fails in between leads to `resume`: where it is not known which cell is the right
//    one the store refuses to open it until its row says so.
// I2 the row is switched only once the cell that it leaves has said that it is gone, which it says only of what lies whole in the other.
// I3 what is called off ends at once, wherever it is: what its row says holds, also where the cell that it was to leave says that it is gone.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace notifyd {

class CellMove {
 public:
  enum class Step : uint8_t { kLook, kBegin, kCopy, kFollow, kStand, kFinish, kDepart, kSwitch, kResume, kEnd };
  enum class Answer : uint8_t {
    kDone,
    kMore,    // of kCopy, kFollow: some of it; of kLook: it has departed
    kAgain,   // the copy is of no use any more
    kFailed,  // it was not done, or nobody knows
  };

  /// What is to be done now, where `now` is not before pauses_until().
  Step next() const { return next_; }
  MonoTime pauses_until() const { return pauses_until_; }
  /// How the step that was next ended, at `now`.
  void Ended(MonoTime now, Answer answer);
  /// It is wanted no more, or cannot go on here.
  void CallOff();
  bool standing() const { return standing_; }
  /// The last step failed, and is tried again.
  bool waits() const { return waits_; }

 private:
  // It stands still for what the last rounds left; where it is written faster than it is copied that is more.
  static constexpr int kMostRounds = 200;
  static constexpr int64_t kPauseMs = 1'000, kLongestPauseMs = 15'000;

  void GoOn(Step step);
  void Fail(MonoTime now);
  void BeginAnew(MonoTime now);
  void GiveUpStanding(MonoTime now, Step then);

  Step next_ = Step::kLook;
  Step then_ = Step::kEnd;  // behind kResume
  bool copied_ = false;     // and since then only followed
  bool standing_ = false, waits_ = false;
  int rounds_ = 0, failures_ = 0;
  MonoTime pauses_until_;
};

const char* ToString(CellMove::Step step);

/// What people are shown of one.
struct CellMoveReport {
  std::string state;   // ToString's, or "queued"
  std::string detail;  // why it waits; empty: it does not
  uint64_t keys = 0;   // that were copied
};

}  // namespace notifyd
