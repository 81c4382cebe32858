#include "cli/daemon/board.h"

#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

NamespaceFigures Of(uint64_t accepted, uint64_t attempts) {
  NamespaceFigures figures;
  figures.awake = true;
  figures.in_flight = 2;
  figures.totals.accepted = accepted;
  figures.totals.attempts = attempts;
  figures.totals.by_index[Index::kDue] = accepted;
  figures.states = {.held = 1, .scheduled = accepted, .ready = 2, .sending = 3, .retrying = 4};
  return figures;
}

}  // namespace

TEST_CASE("board: sums what is known of each, and what was removed") {
  Board board([] { return MonoTime{1'000'000}; });
  board.SetRemoved({.accepted = 100, .failed = 100});
  board.Put(0, Of(5, 4));
  board.Put(7, Of(3, 2));
  CHECK(board.Figures(7).totals.accepted == 3);
  CHECK(board.Figures(8).totals.accepted == 0);
  NamespaceFigures sum = board.Sum();
  CHECK(sum.totals.accepted == 108);
  CHECK(sum.totals.failed == 100);
  CHECK(sum.totals.pending() == 8);
  CHECK(sum.states.held == 2);
  CHECK(sum.states.scheduled == 8);
  CHECK(sum.states.ready == 4);
  CHECK(sum.states.sending == 6);
  CHECK(sum.states.retrying == 8);
  CHECK(board.Figures(7).states.scheduled == 3);
  CHECK(sum.in_flight == 4);
  CHECK(sum.awake);
  board.Remove(7, {.accepted = 103, .failed = 103});
  CHECK(board.Sum().totals.accepted == 108);
  CHECK(board.Sum().in_flight == 2);
}

TEST_CASE("board: counts what came in the last minute") {
  int64_t now_ms = 1'000'000;
  Board board([&] { return MonoTime{now_ms}; });
  // What is heard first was counted before.
  board.Put(0, Of(1000, 900));
  CHECK(board.Figures(0).submits == 0);
  board.Put(0, Of(1010, 904));
  CHECK(board.Figures(0).submits == 10);
  CHECK(board.Figures(0).deliveries == 4);
  now_ms += 30'000;
  board.Put(0, Of(1020, 905));
  CHECK(board.Figures(0).submits == 20);
  CHECK(board.Sum().deliveries == 5);
  now_ms += 30'000;
  CHECK(board.Figures(0).submits == 10);
  now_ms += 30'000;
  CHECK(board.Figures(0).submits == 0);
  CHECK(board.Sum().deliveries == 0);
  now_ms += 3'600'000;
  board.Put(0, Of(1021, 905));
  CHECK(board.Figures(0).submits == 1);
}

TEST_CASE("board: what comes back was counted elsewhere meanwhile, and is none of the last minute's") {
  Board board([] { return MonoTime{1'000'000}; });
  board.Put(7, Of(1000, 900));
  board.Forget(7);
  CHECK(board.Sum().totals.accepted == 0);
  board.Put(7, Of(1500, 1400));
  CHECK(board.Figures(7).submits == 0);
  CHECK(board.Figures(7).deliveries == 0);
}

}  // namespace notifyd::test
