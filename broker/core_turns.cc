// Whose turn it is: lanes, their rates, hosts and what they may have in flight. See core_impl.h, I7.
//
// A lane that could send waits in the ring of its next notify's host; hosts with such lanes take turns, lanes of a host take turns.
// No turn costs O(lanes). A host at its share leaves the round and comes back when a slot that it may use is free.
#include <algorithm>
#include <cmath>
#include <utility>

#include "broker/core_impl.h"

namespace notifyd {

/// A fifo lane: nothing starts before what is decided in this turn is written.
void Core::Impl::Gate(Lane* lane) {
  if (!lane->fifo() || lane->gate == open_.number) return;
  lane->gate = open_.number;
  ++lane->pins;
  after_write_.emplace(open_.number, lane);
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
  if (next->durable > synced_) return false;
  if (lane->fifo()) {
    if (lane->gate > written_) return false;  // I7: Committed kicks the lane
    if (next->place != Place::kHead && !(DueKey{next->state.due.ms, next->id} < wall_.horizon)) {
      HoldAtHorizon(lane);
      return false;
    }
  }
  if (lane->limits.rate_per_s > 0 && TokensOf(*lane) < 1) {
    Throttle(lane, WhenTokens(*lane, 1));
    return false;
  }
  return true;
}

// ---- rates: a bucket of `burst` tokens, one an attempt, refilled at the rate

double Core::Impl::TokensOf(const Lane& lane) const {
  double burst = lane.limits.burst;
  if (lane.refilled.ms < 0) return burst;
  return std::min(burst, lane.tokens + static_cast<double>(now_.mono.ms - lane.refilled.ms) * lane.limits.rate_per_s / 1000);
}

/// When the bucket will hold so many; not before the next millisecond.
MonoTime Core::Impl::WhenTokens(const Lane& lane, double tokens) const {
  double wait_ms = std::ceil((tokens - TokensOf(lane)) * 1000 / lane.limits.rate_per_s);
  return {now_.mono.ms + std::max<int64_t>(1, static_cast<int64_t>(wait_ms))};
}

void Core::Impl::TakeToken(Lane* lane) {
  if (lane->limits.rate_per_s <= 0) return;
  lane->tokens = TokensOf(*lane) - 1;
  lane->refilled = now_.mono;
}

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

void Core::Impl::Kick(Lane* lane) {
  if (lane->ring || !CanStart(lane)) return;
  Host* host = NextOf(lane)->host;
  lane->ring = host;
  lane->ring_prev = host->ring_tail;
  lane->ring_next = nullptr;
  (host->ring_tail ? host->ring_tail->ring_next : host->ring_head) = lane;
  host->ring_tail = lane;
  ++host->ring_size;
  ActivateHost(host);
}

void Core::Impl::Unring(Lane* lane) {
  Host* host = lane->ring;
  if (!host) return;
  (lane->ring_prev ? lane->ring_prev->ring_next : host->ring_head) = lane->ring_next;
  (lane->ring_next ? lane->ring_next->ring_prev : host->ring_tail) = lane->ring_prev;
  lane->ring = nullptr;
  lane->ring_prev = lane->ring_next = nullptr;
  --host->ring_size;
  CheckSleepers(host);
}

void Core::Impl::ActivateHost(Host* host) {
  if (host->active || host->blocked) return;
  host->active = true;
  active_hosts_.push_back(host);
}

void Core::Impl::Unblock(Host* host) {
  if (!host->blocked) return;
  blocked_hosts_.erase({host->blocked_at, host->serial, host});
  host->blocked = false;
}

/// A host's share of what is in flight: its cap, but no more than is still free in all (dynamic thresholds, Choudhury and Hahne 1998): N hung hosts
/// come to rest at 1/(N+1) each, and as much stays free for the others.
uint32_t Core::Impl::HostShare() const {
  uint32_t free = limits_.max_in_flight > in_flight_ ? limits_.max_in_flight - in_flight_ : 0;
  return std::min(limits_.max_in_flight_per_host, std::max<uint32_t>(free, 1));
}

void Core::Impl::Schedule() {
  if (stopping_ || holding_) return;
  while (in_flight_ < limits_.max_in_flight && !active_hosts_.empty()) {
    Host* host = active_hosts_.front();
    active_hosts_.pop_front();
    host->active = false;
    if (host->ring_size == 0) {
      MaybeDropHost(host);
      continue;
    }
    if (host->in_flight >= HostShare()) {
      host->blocked = true;
      host->blocked_at = host->in_flight;
      blocked_hosts_.insert({host->blocked_at, host->serial, host});
      continue;
    }
    Lane* lane = host->ring_head;
    Unring(lane);
    Entry* entry = NextOf(lane);
    if (entry && CanStart(lane) && entry->host == host) {
      // One whose last attempt must be read first takes the way of those whose spec must be: EmitStart looks again.
      if (entry->state.expires_at <= now_.wall && !LacksLastAttempt(*entry)) Expire(entry);
      else StartAttemptOf(entry);
      if (MustGiveWay(*lane, *host)) GiveWay(lane, host);
      RefillTail(lane);
    }
    Kick(lane);
    if (Benched(*lane) && !lane->queue.empty()) SpillQueue(lane);
    MaybeDrop(lane);
    if (host->ring_size > 0) ActivateHost(host);
  }
}

}  // namespace notifyd
