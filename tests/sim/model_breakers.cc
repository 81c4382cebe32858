// The part of the model that knows the hosts which cannot be reached, and whose time is over: its ttl, or its wait at such a host.
#include <algorithm>

#include "sim/model.h"

namespace notifyd::sim {

const BreakerModel* Model::BreakerOf(const std::string& host) const {
  auto found = breakers_.find(host);
  return found == breakers_.end() ? nullptr : &found->second;
}

bool Model::HeldByBreaker(const std::string& host) const {
  const BreakerModel* breaker = BreakerOf(host);
  return breaker && breaker->Holds(mono());
}

bool Model::IsProbe(const Flight& flight, const std::string& host) const {
  const BreakerModel* breaker = BreakerOf(host);
  return breaker && breaker->IsProbe(flight.era);
}

int64_t Model::BreakerShutAt(const std::string& host) const {
  const BreakerModel* breaker = BreakerOf(host);
  if (breaker && breaker->way() != BreakerModel::Way::kClosed) return clock_->t();
  auto found = shut_t_.find(host);
  return found == shut_t_.end() ? -1 : found->second;
}

void Model::BeginAtBreaker(NotifyId id, const std::string& host, Flight* flight) {
  BreakerModel& breaker = breakers_[host];
  refused_.erase(id);
  if (breaker.MayBegin(mono())) flight->era = breaker.Begin(mono());
  else if (breaker.is_open() && limits_.breaker.fail_on_open) flight->refused = true;
  else violation_("P4 it is the turn of " + id.ToString() + " at " + host + ", whose breaker lets nothing through");
}

void Model::ReturnAtBreaker(NotifyId id, const std::string& host, const Flight& flight) {
  if (flight.refused) refused_.insert(id);
  else breakers_[host].Abandon(flight.era);
  if (breakers_[host].way() != BreakerModel::Way::kClosed) shut_t_[host] = clock_->t();
}

void Model::CarryReached(NotifyId id) {
  Flight* flight = InFlight(id);
  if (!flight || !flight->on_wire || !flight->reached || flight->heard)
    return violation_("P4 " + id.ToString() + " reached its host, says the core, and nobody told it");
  flight->heard = true;
  const std::string& host = Find(id)->envelope->host;
  BreakerModel& breaker = breakers_[host];
  if (breaker.way() != BreakerModel::Way::kClosed) shut_t_[host] = clock_->t();
  if (breaker.Reached(flight->era, mono(), limits_.breaker)) ++reached_;
}

bool Model::EndAtBreaker(NotifyId id, const std::string& host, const Flight& flight, const AttemptResult& truth) {
  if (flight.reached && !flight.heard) violation_("P4 " + id.ToString() + " reached " + host + ", and the core has not heard of it");
  auto said = opened_.find(host);
  const bool shut = breakers_[host].way() != BreakerModel::Way::kClosed;
  const BreakerModel::Ended ended = breakers_[host].End(flight.era, BreakerModel::FoundBy(truth), mono(), limits_.breaker, said != opened_.end());
  if (shut || ended.opened) shut_t_[host] = clock_->t();
  if (!ended.opened) return ended.in_vain;
  if (said == opened_.end()) violation_("P4 the breaker of " + host + " does not open, with " + id.ToString());
  else opened_.erase(said);
  return false;
}

/// A probe in vain uses up nothing: its notify has been due for as long as before, and first in its fifo lane.
void Model::WaitOn(NotifyId id) {
  Notify& notify = notifies_.at(id);
  NotifyState& state = notify.state;
  ++state.laters;
  notify.durable = batch_;
  if (state.phase != Phase::kRetrying) {
    const int64_t waited_ms = std::max<int64_t>(wall().ms - state.due.ms, 0);
    state.phase = Phase::kRetrying;
    state.retry_at = {std::max<int64_t>(mono().ms - waited_ms, 0)};
    state.next_attempt_at = wall();
    notify.restarted = false;
  }
  const LaneKey& key = notify.envelope->lane;
  if (key.mode != Mode::kFifo) return;
  Lane& lane = ChangeLane(key);
  lane.blocked_head = id;
  lane.unsure_head = false;
  lane.repeat_head = true;  // it stands still for it, whatever the lane does with failures
}

void Model::CarryExpiry(NotifyId id) {
  const Notify* notify = Find(id);
  if (!notify || !notify->pending()) return violation_("P6 " + id.ToString() + " expires, and is not pending");
  if (const NotifyState* written = slice_.StateOf(id); written && written->phase == Phase::kFailed) return CarryGivenUp(id);
  if (notify->state.expires_at > wall()) violation_("P6 " + id.ToString() + " expires before its ttl is over");
  if (HasFlight(id)) violation_("P6 " + id.ToString() + " expires while an attempt is in flight");
  Settle(id, Phase::kExpired, "");
}

/// It fails for what its host's breaker is: only where that holds it back, and for as long as one waits.
void Model::CarryGivenUp(NotifyId id) {
  const Notify& notify = notifies_.at(id);
  const NotifyState& state = notify.state;
  const std::string& host = notify.envelope->host;
  const BreakerModel* breaker = BreakerOf(host);
  const bool refused = refused_.erase(id) > 0;
  const std::string name = id.ToString();
  if (HasFlight(id)) violation_("P2 " + name + " fails at a breaker while an attempt is in flight");
  if (IsPaused(notify.envelope->lane)) violation_("P4 " + name + " fails at a breaker in a lane that is paused");
  CheckNotPaused(name + " fails at a breaker", *notify.envelope);
  if (!refused && (!breaker || !breaker->is_open())) {
    violation_("P1 " + name + " fails at the breaker of " + host + ", which is not open");
  } else if (!refused && !(limits_.breaker.fail_on_open && breaker->Holds(mono()))) {
    const int64_t ready_ms = state.phase == Phase::kRetrying ? mono().ms - state.retry_at.ms : wall().ms - state.due.ms;
    const int64_t waited_ms = std::min(ready_ms, mono().ms - breaker->open_since().ms);
    if (waited_ms < limits_.breaker.max_wait_ms)
      violation_("P6 " + name + " fails at the breaker of " + host + " after " + std::to_string(waited_ms) + " ms");
  }
  ++given_up_;
  Settle(id, Phase::kFailed, "breaker_open");
}

void Model::EndRun() {
  for (const std::string& host : opened_) violation_("P4 the breaker of " + host + " opens, and nothing that ended there says so");
  opened_.clear();
}

}  // namespace notifyd::sim
