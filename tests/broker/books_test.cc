#include "broker/books.h"

#include <map>

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

const LaneKey kA{Mode::kConcurrent, "a"}, kB{Mode::kConcurrent, "b"}, kFifoA{Mode::kFifo, "a"};

std::map<LaneKey, IndexCounts> Taken(Books* books) {
  std::map<LaneKey, IndexCounts> taken;
  books->TakeLaneChanges([&](const LaneKey& lane, const IndexCounts& change) { taken[lane] = change; });
  return taken;
}

bool Balanced(const Totals& t) {
  return t.accepted + t.revived == t.pending() + t.succeeded + t.failed + t.cancelled + t.expired;
}

TEST_CASE("books: one that is accepted, moved, settled and revived leaves them balanced at each step") {
  Books books{Totals()};
  books.Accept();
  books.Enter(Index::kHeldDue, kA);
  CHECK(Balanced(books.totals()));
  books.Leave(Index::kHeldDue, kA);
  books.Enter(Index::kTail, kA);
  CHECK(Balanced(books.totals()));
  CHECK(books.totals().by_index == CountsByIndex<uint64_t>{0, 0, 0, 0, 1});
  for (Phase phase : {Phase::kSucceeded, Phase::kFailed, Phase::kCancelled, Phase::kExpired}) {
    books.Leave(Index::kTail, kA);
    books.Settle(phase);
    CHECK(Balanced(books.totals()));
    CHECK(books.totals().pending() == 0);
    books.Revive();
    books.Enter(Index::kTail, kA);
    CHECK(Balanced(books.totals()));
  }
}

TEST_CASE("books: each end is counted under its own name") {
  Books books{Totals()};
  books.Settle(Phase::kSucceeded);
  for (int i = 0; i < 2; ++i) books.Settle(Phase::kFailed);
  for (int i = 0; i < 3; ++i) books.Settle(Phase::kCancelled);
  for (int i = 0; i < 4; ++i) books.Settle(Phase::kExpired);
  const Totals& t = books.totals();
  CHECK(std::vector{t.succeeded, t.failed, t.cancelled, t.expired} == std::vector<uint64_t>{1, 2, 3, 4});
}

TEST_CASE("books: an attempt behind the first is a retry") {
  Books books{Totals()};
  for (uint32_t number : {1, 2, 3, 1}) books.EndAttempt(number);
  CHECK(books.totals().attempts == 4);
  CHECK(books.totals().retries == 2);
}

TEST_CASE("books: what a batch changes about a lane is its sum, once, and nothing where it is none") {
  Books books{Totals()};
  for (int i = 0; i < 3; ++i) books.Enter(Index::kDue, kA);
  books.Leave(Index::kDue, kA);
  books.Enter(Index::kHeld, kFifoA);
  books.Enter(Index::kRetrying, kB);
  books.Leave(Index::kRetrying, kB);
  std::map<LaneKey, IndexCounts> expected{{kA, {0, 0, 2, 0, 0}}, {kFifoA, {1, 0, 0, 0, 0}}};
  CHECK(Taken(&books) == expected);
  CHECK(Taken(&books).empty());
  books.Leave(Index::kDue, kA);
  CHECK(Taken(&books) == std::map<LaneKey, IndexCounts>{{kA, {0, 0, -1, 0, 0}}});
}

TEST_CASE("books: lanes come in the order in which they first changed, whatever their names") {
  Books books{Totals()};
  std::vector<LaneKey> lanes, taken;
  for (int i = 0; i < 50; ++i) lanes.push_back({i % 2 ? Mode::kFifo : Mode::kConcurrent, "lane" + std::to_string(i * 7919 % 50)});
  for (const LaneKey& lane : lanes) books.Enter(Index::kDue, lane);
  for (const LaneKey& lane : lanes) books.Enter(Index::kHeld, lane);
  books.TakeLaneChanges([&](const LaneKey& lane, const IndexCounts&) { taken.push_back(lane); });
  CHECK(taken == lanes);
}

TEST_CASE("books: they go on from what the store kept") {
  Totals kept;
  kept.accepted = 5;
  kept.succeeded = 3;
  kept.by_index[Index::kDue] = 2;
  Books books(kept);
  books.Leave(Index::kDue, kA);
  books.Settle(Phase::kSucceeded);
  CHECK(books.totals().pending() == 1);
  CHECK(Balanced(books.totals()));
}

TEST_CASE("books: those whose time has come are counted by the index that still holds them") {
  Books books{Totals()};
  books.CountPromoted(Index::kDue, 1);
  books.CountPromoted(Index::kDue, 1);
  books.CountPromoted(Index::kRetrying, 1);
  books.CountPromoted(Index::kDue, -1);
  CHECK(books.promoted() == IndexCounts{0, 0, 1, 1, 0});
}

TEST_CASE("index: where the store keeps a pending one follows from its state") {
  NotifyState state;
  state.phase = Phase::kHeld;
  state.due = kWallNever;
  CHECK(IndexOf(state, false) == Index::kHeld);
  state.due = {5};
  CHECK(IndexOf(state, false) == Index::kHeldDue);
  CHECK(IndexOf(state, true) == Index::kTail);
  state.phase = Phase::kWaiting;
  CHECK(IndexOf(state, false) == Index::kDue);
  state.phase = Phase::kRetrying;
  CHECK(IndexOf(state, false) == Index::kRetrying);
  CHECK(IndexOf(state, true) == Index::kTail);
  for (Phase phase : {Phase::kSucceeded, Phase::kFailed, Phase::kCancelled, Phase::kExpired}) {
    state.phase = phase;
    CHECK(IndexOf(state, false) == Index::kNone);
  }
}

}  // namespace
}  // namespace notifyd
