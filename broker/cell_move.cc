#include "broker/cell_move.h"

#include <algorithm>

namespace notifyd {

using Step = CellMove::Step;

void CellMove::GoOn(Step step) {
  next_ = step;
  failures_ = 0;
  waits_ = false;
}

void CellMove::Fail(MonoTime now) {
  waits_ = true;
  pauses_until_ = {now.ms + std::min(kPauseMs << std::min(failures_, 4), kLongestPauseMs)};
  ++failures_;
}

void CellMove::BeginAnew(MonoTime now) {
  Fail(now);
  next_ = Step::kLook;
}

/// It is served again before anything else is tried.
void CellMove::GiveUpStanding(MonoTime now, Step then) {
  Fail(now);
  pauses_until_ = {};
  next_ = Step::kResume;
  then_ = then;
}

void CellMove::Ended(MonoTime now, Answer answer) {
  const bool done = answer == Answer::kDone, failed = answer == Answer::kFailed;
  if (answer == Answer::kAgain) copied_ = false;
  switch (next_) {
    case Step::kLook:
      if (failed) return standing_ ? GiveUpStanding(now, Step::kLook) : Fail(now);
      if (answer == Answer::kMore) return GoOn(Step::kSwitch);
      if (standing_) return GiveUpStanding(now, copied_ ? Step::kFollow : Step::kBegin);
      return GoOn(copied_ ? Step::kFollow : Step::kBegin);
    case Step::kBegin:
      return done ? GoOn(Step::kCopy) : Fail(now);
    case Step::kCopy:
      if (failed) return Fail(now);
      if (answer == Answer::kAgain) return BeginAnew(now);
      copied_ = done;
      rounds_ = 0;
      return GoOn(done ? Step::kFollow : Step::kCopy);
    case Step::kFollow:
      if (failed) return Fail(now);
      if (answer == Answer::kAgain) return BeginAnew(now);
      return GoOn(done || ++rounds_ >= kMostRounds ? Step::kStand : Step::kFollow);
    case Step::kStand:
      standing_ = true;
      return done ? GoOn(Step::kFinish) : GiveUpStanding(now, Step::kLook);
    case Step::kFinish:
      return done ? GoOn(Step::kDepart) : GiveUpStanding(now, Step::kLook);
    case Step::kDepart:
      // What was not answered may have been done.
      return GoOn(done ? Step::kSwitch : Step::kLook);
    case Step::kSwitch:
      if (!done) return GiveUpStanding(now, Step::kLook);
      next_ = Step::kResume;
      then_ = Step::kEnd;
      return;
    case Step::kResume:
      standing_ = false;
      next_ = then_;
      rounds_ = 0;
      if (waits_) pauses_until_ = {now.ms + kPauseMs};
      return;
    case Step::kEnd:
      return;
  }
}

void CellMove::CallOff() {
  pauses_until_ = {};
  next_ = standing_ ? Step::kResume : Step::kEnd;
  then_ = Step::kEnd;
}

const char* ToString(Step step) {
  switch (step) {
    case Step::kLook:
    case Step::kBegin:
      return "beginning";
    case Step::kCopy:
      return "copying";
    case Step::kFollow:
      return "following";
    case Step::kStand:
    case Step::kFinish:
    case Step::kDepart:
      return "standing_still";
    case Step::kSwitch:
      return "switching";
    case Step::kResume:
    case Step::kEnd:
      break;
  }
  return "ending";
}

}  // namespace notifyd
