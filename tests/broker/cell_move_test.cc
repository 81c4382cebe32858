// How a namespace goes from one cell to another: the steps, and where each failure leads.
#include "broker/cell_move.h"

#include <random>
#include <vector>

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

using Answer = CellMove::Answer;
using Step = CellMove::Step;

/// Ends each step with the next of `answers`, and gives the steps.
std::vector<Step> Walk(CellMove* move, const std::vector<Answer>& answers) {
  std::vector<Step> steps;
  for (Answer answer : answers) {
    steps.push_back(move->next());
    move->Ended(MonoTime{1}, answer);
  }
  steps.push_back(move->next());
  return steps;
}

constexpr Answer kDone = Answer::kDone, kMore = Answer::kMore, kAgain = Answer::kAgain, kFailed = Answer::kFailed;

}  // namespace

TEST_CASE("cell move: step by step, copying and following as often as there is more") {
  CellMove move;
  CHECK(Walk(&move, {kDone, kDone, kMore, kDone, kMore, kDone, kDone, kDone, kDone, kDone, kDone}) ==
        std::vector<Step>{Step::kLook, Step::kBegin, Step::kCopy, Step::kCopy, Step::kFollow, Step::kFollow, Step::kStand, Step::kFinish,
                          Step::kDepart, Step::kSwitch, Step::kResume, Step::kEnd});
  CHECK_FALSE(move.standing());
}

TEST_CASE("cell move: what has departed is only switched") {
  CellMove move;
  CHECK(Walk(&move, {kMore, kDone, kDone}) == std::vector<Step>{Step::kLook, Step::kSwitch, Step::kResume, Step::kEnd});
}

TEST_CASE("cell move: a failure while it stands still has it served first, then looked at anew") {
  CellMove move;
  CHECK(Walk(&move, {kDone, kDone, kDone, kDone, kDone, kFailed, kDone, kDone}) == std::vector<Step>{Step::kLook, Step::kBegin, Step::kCopy,
                                                                                                     Step::kFollow, Step::kStand, Step::kFinish,
                                                                                                     Step::kResume, Step::kLook, Step::kFollow});
  CHECK_FALSE(move.standing());
  CHECK(move.waits() == false);
}

TEST_CASE("cell move: whether it departed is looked at where nobody answered, and the copy is begun anew where it is of no use") {
  CellMove move;
  CHECK(Walk(&move, {kDone, kDone, kDone, kDone, kDone, kDone, kFailed, kMore, kDone, kDone}) ==
        std::vector<Step>{Step::kLook, Step::kBegin, Step::kCopy, Step::kFollow, Step::kStand, Step::kFinish, Step::kDepart, Step::kLook,
                          Step::kSwitch, Step::kResume, Step::kEnd});
  CellMove again;
  CHECK(Walk(&again, {kDone, kDone, kDone, kAgain, kDone}) ==
        std::vector<Step>{Step::kLook, Step::kBegin, Step::kCopy, Step::kFollow, Step::kLook, Step::kBegin});
}

TEST_CASE("cell move: what cannot be reached is tried again after a pause that grows to its most") {
  CellMove move;
  int64_t before = 0;
  for (int i = 0; i < 8; ++i) {
    move.Ended(MonoTime{0}, kFailed);
    CHECK(move.next() == Step::kLook);
    CHECK(move.pauses_until().ms >= before);
    CHECK(move.waits());
    before = move.pauses_until().ms;
  }
  CHECK(before == 15'000);
}

TEST_CASE("cell move: whatever fails and whenever it is called off, it ends, and is served then") {
  std::mt19937 random(7);
  for (int run = 0; run < 2'000; ++run) {
    CellMove move;
    bool stands = false;
    const int off_at = static_cast<int>(random() % 40);
    for (int i = 0; i < 400 && move.next() != Step::kEnd; ++i) {
      if (i == off_at) move.CallOff();
      if (move.next() == Step::kEnd) break;
      const Step step = move.next();
      const bool needs_stand = step == Step::kFinish || step == Step::kDepart;
      if (needs_stand) REQUIRE(stands);
      if (step == Step::kStand) stands = true;
      if (step == Step::kResume) stands = false;
      move.Ended(MonoTime{i}, static_cast<Answer>(random() % 4));
      REQUIRE(move.standing() == stands);
    }
    REQUIRE(move.next() == Step::kEnd);
    REQUIRE_FALSE(stands);
  }
}

}  // namespace notifyd
