// Which records a list takes by their state: one answer for every store.
#include <algorithm>

#include "broker/effects.h"

namespace notifyd {
namespace {

bool Wants(const std::vector<State>& states, State state) {
  return std::find(states.begin(), states.end(), state) != states.end();
}

}  // namespace

Takes TakesByState(const ListEffect& list, const NotifyState& state) {
  const std::vector<State>& wanted = list.query.states;
  State seen = StateSeen(state, list.now, false);
  if (wanted.empty() || Wants(wanted, seen)) return Takes::kYes;
  // What is in flight is ready here.
  bool ready = Wants(wanted, State::kReady) || Wants(wanted, State::kSending);
  if (IsSettled(seen) || !ready) return Takes::kNo;
  if (seen == State::kReady) return Takes::kYes;
  if (state.phase != Phase::kRetrying && state.due <= list.reached) return Takes::kYes;
  return list.any_tail && state.due != kWallNever ? Takes::kWhereInTail : Takes::kNo;
}

}  // namespace notifyd
