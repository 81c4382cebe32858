// Lanes and their turns: which lane could start its next notify, its rate, and what it does when its turn has come. Whose turn it is, broker/turns.h
// decides. See core_impl.h, I7.
#include <algorithm>
#include <utility>

#include "broker/core_services.h"
#include "broker/core_topics.h"

namespace notifyd {

/// Lets a fifo lane start nothing before what is decided in this turn is written (I7). A concurrent lane needs none of that.
void Core::Impl::Gate(Lane* lane) {
  if (!lane->fifo() || lane->gate == journal_.open()) return;
  lane->gate = journal_.open();
  ++lane->pins;
  journal_.AfterWrite(journal_.open(), lane);
}

/// Returns the notify that the lane would send next, whether it may yet or not; null where there is none in memory.
Entry* Core::Impl::NextOf(const Lane& lane) const {
  if (lane.fifo()) {
    if (lane.head) return lane.head->place == Place::kHead ? lane.head : nullptr;
    if (lane.has_attempted_head() && (lane.queue.empty() || !lane.queue.begin()->second->although_paused)) return nullptr;
  }
  return lane.queue.empty() ? nullptr : lane.queue.begin()->second;
}

Blocked Core::Impl::BlockedBy(Wait wait, const Lane& lane, const Entry* next) const {
  auto blocked = [wait](bool is, MonoTime until = kMonoNever) { return is ? Blocked{wait, until} : Blocked{}; };
  bool from_queue = next && next->place != Place::kHead;
  // Whoever wants it sent although its lane is paused wants it sent before all others, too.
  bool in_order = !next || !next->although_paused;
  switch (wait) {
    case Wait::kNothing:
      break;
    case Wait::kRestart:
      return blocked(stopping_ || holding_);
    case Wait::kResume:
      return blocked(lane.paused() && in_order);
    case Wait::kCaller:
      return blocked(next && IsPaused(next->envelope->caller));
    case Wait::kAttempt: {
      if (!lane.fifo() || lane.head || !lane.has_attempted_head() || !in_order) break;
      const Entry* head = FindEntry(lane.record.blocked_head);
      return blocked(true, head && head->index == Index::kRetrying ? head->state.retry_at : kMonoNever);
    }
    case Wait::kCall:
      return blocked(lane.in_flight >= lane.limits.concurrency);
    case Wait::kTail:
      return blocked(lane.disk_tail && in_order && (!next || (from_queue && !(next->order() < lane.tail_next))));  // I6
    case Wait::kSync:
      return blocked(next && !journal_.IsSynced(next->durable));
    case Wait::kWrite:
      return blocked(lane.fifo() && !journal_.IsWritten(lane.gate));  // I7
    case Wait::kWindow:
      return blocked(lane.fifo() && from_queue && in_order && !AllDueLoaded({next->state.due.ms, next->id}));  // I7
    case Wait::kToken:
      if (!HasToken(lane)) return blocked(true, WhenTokens(lane, 1));
      break;
  }
  return {};
}

Blocked Core::Impl::BlockedOn(const Lane& lane, const Entry* next) const {
  for (Wait wait : kWaits)
    if (Blocked blocked = BlockedBy(wait, lane, next)) return blocked;
  return {};
}

/// Returns whether the lane may start its next notify now. Where it may not, whoever ends what it waits for comes back to it (Kick); where that is
/// time or the due window, registers it there.
bool Core::Impl::CanStart(Lane* lane) {
  const Entry* next = NextOf(*lane);
  if (!next) return false;
  Blocked blocked = BlockedOn(*lane, next);
  if (blocked.on == Wait::kWindow) HoldAtHorizon(lane);
  if (blocked.on == Wait::kToken) Throttle(lane, blocked.until);
  return !blocked;
}

// ---- rates

void Core::Impl::Throttle(Lane* lane, MonoTime until) {
  // A lane that was registered for its full bucket alone is registered for its next token instead.
  if (lane->throttled() && lane->throttle->first <= until) return;
  Unthrottle(lane);
  lane->registered.Add(Wait::kToken);
  lane->throttle = throttled_.emplace(until, lane);
}

void Core::Impl::Unthrottle(Lane* lane) {
  if (!lane->throttled()) return;
  lane->registered.Remove(Wait::kToken);
  throttled_.erase(lane->throttle);
}

void Core::Impl::FireThrottled() {
  while (!throttled_.empty() && throttled_.begin()->first <= now_.mono) {
    Lane* lane = throttled_.begin()->second;
    Unthrottle(lane);
    if (lane->disk_tail) Activate(lane);
    Kick(lane);
    MaybeDrop(lane);
  }
}

// ---- the lanes that wait

void Core::Impl::Kick(Lane* lane) {
  if (!lane->waits() && CanStart(lane)) turns_.Join(lane, NextOf(*lane)->host);
}

/// Takes the lane out of the ring, or the flow, that it waits in, if any. Its host may then have room to wake another.
void Core::Impl::Unring(Lane* lane) {
  if (Target* target = turns_.Leave(lane)) CheckSleepers(static_cast<Host*>(target));
}

/// Notes whose notifies the lane holds. A lane that several callers use waits for the share of none of them, since that would hold up the others; its
/// host's share and its own cap bound it.
void Core::Impl::NoteCaller(Lane* lane, const Entry& entry) {
  if (lane->mixed) return;
  if (!lane->caller) lane->caller = entry.envelope->caller;
  if (*lane->caller == entry.envelope->caller) return;
  lane->mixed = true;
  if (!lane->flow) return;
  Unring(lane);
  Kick(lane);
}

/// Returns how many lanes wait at the host. Those whose callers are at their shares count only beyond as many as the host has room for: so they keep
/// nobody from being woken, and memory is bounded all the same.
size_t Core::Impl::WaitingAt(const Host& host) const {
  size_t most = ShortOfMemory() ? kWakeTogether : HostRoom();
  return host.ring.size + host.waking + (host.parked > most ? host.parked - most : 0);
}

// ---- turns

/// Takes the lane's turn at the host: starts its next notify, or leaves the round until it can.
void Core::Impl::TakeTurn(Lane* lane, Host* host) {
  const Kept kept(this, lane);
  Unring(lane);
  Entry* entry = NextOf(*lane);
  if (entry && CanStart(lane) && entry->host == host) {
    // Where its last attempt must be read first (for its callback) it starts like one whose spec must be read: EmitStart looks at its ttl again.
    if (entry->state.expires_at <= now_.wall && !LacksLastAttempt(*entry)) {
      Expire(entry);
    } else if (topics_->IsLeaving(*entry) && !LacksLastAttempt(*entry)) {
      topics_->Unsubscribe(entry);
    } else if (services_->Refuses(*host) && !LacksLastAttempt(*entry)) {
      Settle(entry, Phase::kFailed, kFailedByBreaker, std::nullopt);
      Decide(Decided::Kind::kExpiry, entry->id);
    } else {
      Caller* caller = turns_.CallerOf(entry->envelope->caller);
      if (!lane->mixed && turns_.AtShare(*caller, *host)) return turns_.Park(lane, host, caller);
      StartAttemptOf(entry, caller);
    }
    if (MustGiveWay(*lane, *host)) GiveWay(lane, host);
    RefillTail(lane);
  }
  Kick(lane);
  if ((Benched(*lane) && !lane->queue.empty()) || (ShortOfMemory() && HoldsPaused(*lane))) SpillQueue(lane);
}

void Core::Impl::Schedule() {
  if (stopping_ || holding_ || !switches_.known || !topics_->KnowsLeaving()) return;
  while (std::optional<Turns::Turn> turn = turns_.Next()) {
    Host* host = static_cast<Host*>(turn->target);
    ++host->refs;
    if (turn->node) TakeTurn(static_cast<Lane*>(turn->node), host);
    turns_.Done(*turn);
    UnrefHost(host);
  }
}

}  // namespace notifyd
