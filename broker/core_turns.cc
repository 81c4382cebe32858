// Lanes and their turns: which lane could start its next notify, its rate, and what it does when its turn has come. Whose turn it is, broker/turns.h
// decides. See core_impl.h, I7.
#include <algorithm>
#include <utility>

#include "broker/core_impl.h"

namespace notifyd {

/// A fifo lane: nothing starts before what is decided in this turn is written.
void Core::Impl::Gate(Lane* lane) {
  if (!lane->fifo() || lane->gate == journal_.open()) return;
  lane->gate = journal_.open();
  ++lane->pins;
  journal_.AfterWrite(journal_.open(), lane);
}

/// The notify that the lane would send next, whether it may yet or not; null where there is none in memory.
Entry* Core::Impl::NextOf(Lane* lane) const {
  if (lane->fifo()) {
    if (lane->head) return lane->head->place == Place::kHead ? lane->head : nullptr;
    if (lane->record.blocked_head.value != 0) return nullptr;
  }
  return lane->queue.empty() ? nullptr : lane->queue.begin()->second;
}

bool Core::Impl::CanStart(Lane* lane) {
  Entry* next = NextOf(lane);
  if (!next || stopping_ || holding_ || lane->limits.paused != Paused::kNo || lane->in_flight >= lane->limits.concurrency) return false;
  if (lane->disk_tail && next->place != Place::kHead && !(next->order() < lane->tail_next)) return false;  // I6
  if (!journal_.IsSynced(next->durable)) return false;
  if (lane->fifo()) {
    if (!journal_.IsWritten(lane->gate)) return false;  // I7: Committed kicks the lane
    if (next->place != Place::kHead && !AllDueLoaded({next->state.due.ms, next->id})) {
      HoldAtHorizon(lane);
      return false;
    }
  }
  if (!HasToken(*lane)) {
    Throttle(lane, WhenTokens(*lane, 1));
    return false;
  }
  return true;
}

// ---- rates

void Core::Impl::Throttle(Lane* lane, MonoTime until) {
  // One that only waits for its bucket to be full again waits for a token now.
  if (lane->throttled && lane->throttle->first <= until) return;
  Unthrottle(lane);
  lane->throttled = true;
  lane->throttle = throttled_.emplace(until, lane);
}

void Core::Impl::Unthrottle(Lane* lane) {
  if (!lane->throttled) return;
  lane->throttled = false;
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
  if (!lane->waits() && CanStart(lane)) turns_.Join(lane, NextOf(lane)->host);
}

/// It waits for no turn any more, nor for a share of its caller.
void Core::Impl::Unring(Lane* lane) {
  if (Target* target = turns_.Leave(lane)) CheckSleepers(static_cast<Host*>(target));
}

/// A lane that several callers use does not wait for the share of one of them, since that would hold up the others; it has its host's share and
/// its own cap.
void Core::Impl::NoteCaller(Lane* lane, const Entry& entry) {
  if (lane->mixed) return;
  if (!lane->caller) lane->caller = entry.head->caller;
  if (*lane->caller == entry.head->caller) return;
  lane->mixed = true;
  if (!lane->flow) return;
  Unring(lane);
  Kick(lane);
}

/// The lanes that wait at a host: those whose callers are at their shares count once they are as many as the host has room for, so that they
/// keep nobody from being woken, and memory is still bounded.
size_t Core::Impl::WaitingAt(const Host& host) const {
  size_t most = ShortOfMemory() ? kWakeTogether : HostRoom();
  return host.ring.size + host.waking + (host.parked > most ? host.parked - most : 0);
}

// ---- turns

/// Its turn at the host: it starts its next notify, or leaves the round until it can.
void Core::Impl::TakeTurn(Lane* lane, Host* host) {
  Unring(lane);
  Entry* entry = NextOf(lane);
  if (entry && CanStart(lane) && entry->host == host) {
    // One whose last attempt must be read first takes the way of those whose spec must be: EmitStart looks again.
    if (entry->state.expires_at <= now_.wall && !LacksLastAttempt(*entry)) {
      Expire(entry);
    } else {
      Caller* caller = turns_.CallerOf(entry->head->caller);
      if (!lane->mixed && turns_.AtShare(*caller, *host)) return turns_.Park(lane, host, caller);
      StartAttemptOf(entry, caller);
    }
    if (MustGiveWay(*lane, *host)) GiveWay(lane, host);
    RefillTail(lane);
  }
  Kick(lane);
  if (Benched(*lane) && !lane->queue.empty()) SpillQueue(lane);
  MaybeDrop(lane);
}

void Core::Impl::Schedule() {
  if (stopping_ || holding_) return;
  while (std::optional<Turns::Turn> turn = turns_.Next()) {
    Host* host = static_cast<Host*>(turn->target);
    ++host->refs;
    if (turn->node) TakeTurn(static_cast<Lane*>(turn->node), host);
    turns_.Done(*turn);
    UnrefHost(host);
  }
}

}  // namespace notifyd
