#include "broker/books.h"

#include "base/check.h"

namespace notifyd {

void Books::Settle(Phase phase) {
  switch (phase) {
    case Phase::kSucceeded:
      ++totals_.succeeded;
      return;
    case Phase::kFailed:
      ++totals_.failed;
      return;
    case Phase::kCancelled:
      ++totals_.cancelled;
      return;
    case Phase::kExpired:
      ++totals_.expired;
      return;
    case Phase::kHeld:
    case Phase::kWaiting:
    case Phase::kRetrying:
      break;
  }
  CHECK(false);
}

void Books::EndAttempt(uint32_t number) {
  ++totals_.attempts;
  if (number > 1) ++totals_.retries;
}

IndexCounts& Books::ChangeOf(const LaneKey& lane) {
  auto [found, fresh] = lane_changes_.try_emplace(lane);
  if (fresh) changed_order_.push_back(&*found);
  return found->second;
}

void Books::Enter(Index index, const LaneKey& lane) {
  CHECK(index != Index::kNone);
  ++totals_.by_index[index];
  ++ChangeOf(lane)[index];
}

void Books::Leave(Index index, const LaneKey& lane) {
  CHECK(index != Index::kNone && totals_.by_index[index] > 0);
  --totals_.by_index[index];
  --ChangeOf(lane)[index];
}

}  // namespace notifyd
