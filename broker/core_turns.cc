// Whose turn it is: lanes, their rates, hosts and what they may have in flight. See core_impl.h, I7.
//
// A lane that could send waits in the ring of its next notify's host; hosts with such lanes take turns, lanes of a host take turns.
// A host at its share leaves the round and comes back when a slot that it may use is free. A lane of one caller that is at its share leaves
// the ring, and waits with the others of that caller and host (a Flow); a caller that may start one more has its flows take turns, and a flow
// whose host is at its share waits for that. No turn costs O(lanes), O(hosts) or O(callers).
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

void LaneList::PushBack(Lane* lane) {
  lane->list = this;
  lane->prev = tail;
  lane->next = nullptr;
  (tail ? tail->next : head) = lane;
  tail = lane;
  ++size;
}

void LaneList::Remove(Lane* lane) {
  CHECK(lane->list == this);
  (lane->prev ? lane->prev->next : head) = lane->next;
  (lane->next ? lane->next->prev : tail) = lane->prev;
  lane->list = nullptr;
  lane->prev = lane->next = nullptr;
  --size;
}

void Core::Impl::Kick(Lane* lane) {
  if (lane->list || !CanStart(lane)) return;
  lane->host = NextOf(lane)->host;
  lane->host->ring.PushBack(lane);
  ActivateHost(lane->host);
}

/// It waits for no turn any more, nor for a share of its caller.
void Core::Impl::Unring(Lane* lane) {
  if (!lane->list) return;
  lane->list->Remove(lane);
  Host* host = std::exchange(lane->host, nullptr);
  if (Flow* flow = std::exchange(lane->flow, nullptr)) {
    --host->parked;
    if (flow->lanes.size == 0) DropFlow(flow);
  }
  CheckSleepers(host);
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

// ---- shares

/// Dynamic thresholds (Choudhury and Hahne 1998): who shares what may be in flight in all may have `weight` times what is still free beyond `kept`,
/// and his cap at most; one in any case, while a slot is free. So N who hang come to rest at weight/(N*weight + 1) each, and the rest stays free
/// for the others.
uint32_t Core::Impl::ShareOf(uint32_t cap, uint32_t weight, uint32_t kept) const {
  uint64_t taken = uint64_t{in_flight_} + kept;
  uint64_t free = limits_.max_in_flight > taken ? limits_.max_in_flight - taken : 0;
  return static_cast<uint32_t>(std::min<uint64_t>(cap, std::max<uint64_t>(weight * free, 1)));
}

/// Slots that are kept for hosts with nothing in flight, from hosts and from callers alike.
uint32_t Core::Impl::KeptForIdleHosts() const {
  return limits_.max_in_flight / 128;
}

uint32_t Core::Impl::HostShare() const {
  return ShareOf(limits_.max_in_flight_per_host, 1, 1 + KeptForIdleHosts());
}

/// One alone may have nearly all, since one is the rule: with this weight the shares of his hosts stop them before his own does, until some thirty
/// of them hang, so that they hold up none of his others. The last slot of all is for callers that have nothing in flight. `busy`: at a host
/// that has something in flight.
uint32_t Core::Impl::CallerShare(bool busy) const {
  return ShareOf(limits_.max_in_flight, 32, 1 + (busy ? KeptForIdleHosts() : 0));
}

Caller* Core::Impl::GetCaller(const std::string& name) {
  std::unique_ptr<Caller>& caller = callers_[name];
  if (!caller) {
    caller = std::make_unique<Caller>();
    caller->name = name;
  }
  return caller.get();
}

void Core::Impl::MaybeDropCaller(Caller* caller) {
  if (caller->in_flight == 0 && caller->flows.empty()) callers_.erase(std::string(caller->name));
}

void Core::Impl::CountCaller(Caller* caller, int change) {
  LeaveWaiting(caller);
  caller->in_flight += static_cast<uint32_t>(change);
  if (change > 0) caller->waits_since = next_serial_++;  // behind those that have as many in flight and waited longer
  AwaitShare(caller);
}

/// It is in waiting_callers_ as long as lanes of it wait for its share alone.
void Core::Impl::AwaitShare(Caller* caller) {
  for (bool busy : {false, true})
    if (!caller->waiting[busy].empty()) waiting_callers_[busy].insert({caller->in_flight, caller->waits_since, caller});
}

void Core::Impl::LeaveWaiting(Caller* caller) {
  for (bool busy : {false, true})
    if (!caller->waiting[busy].empty()) waiting_callers_[busy].erase({caller->in_flight, caller->waits_since, caller});
}

/// The caller of its next notify is at its share: until it is not, the lane holds up nobody else at the host.
void Core::Impl::Park(Lane* lane, Host* host, Caller* caller) {
  std::unique_ptr<Flow>& flow = caller->flows[host];
  if (!flow) {
    flow = std::make_unique<Flow>();
    ++flows_;
    flow->host = host;
    flow->caller = caller;
    flow->of_host = host->flows.insert(host->flows.end(), flow.get());
    Put(flow.get(), host->in_flight > 0 ? Flow::Waits::kBusyHost : Flow::Waits::kIdleHost);
  }
  flow->lanes.PushBack(lane);
  lane->host = host;
  lane->flow = flow.get();
  ++host->parked;
}

/// Takes it out of the list that it is in, and puts it at the end of another.
void Core::Impl::Put(Flow* flow, Flow::Waits waits) {
  LeaveWaiting(flow->caller);
  auto list = [flow](Flow::Waits which) -> std::list<Flow*>& {
    return which == Flow::Waits::kHost ? flow->host->held : flow->caller->waiting[which == Flow::Waits::kBusyHost];
  };
  if (flow->waits != Flow::Waits::kNothing) list(flow->waits).erase(flow->at);
  flow->waits = waits;
  if (waits != Flow::Waits::kNothing) flow->at = list(waits).insert(list(waits).end(), flow);
  AwaitShare(flow->caller);
}

void Core::Impl::DropFlow(Flow* flow) {
  Caller* caller = flow->caller;
  --flows_;
  Put(flow, Flow::Waits::kNothing);
  flow->host->flows.erase(flow->of_host);
  caller->flows.erase(flow->host);
  MaybeDropCaller(caller);
}

/// Nothing is in flight at it any more: slots are kept for it.
void Core::Impl::OnHostIdle(Host* host) {
  for (Flow* flow : host->flows)
    if (flow->waits == Flow::Waits::kBusyHost) Put(flow, Flow::Waits::kIdleHost);
}

// ---- turns

void Core::Impl::ActivateHost(Host* host) {
  if (host->active || host->blocked) return;
  host->active = true;
  active_hosts_.push_back(host);
}

void Core::Impl::Block(Host* host) {
  host->blocked = true;
  host->blocked_at = host->in_flight;
  host->blocked_since = next_serial_++;
  blocked_hosts_.insert({host->blocked_at, host->blocked_since, host});
}

void Core::Impl::Unblock(Host* host) {
  if (!host->blocked) return;
  blocked_hosts_.erase({host->blocked_at, host->blocked_since, host});
  host->blocked = false;
}

/// Its turn at the host: it starts its next notify, or leaves the round until it can.
void Core::Impl::TakeTurn(Lane* lane, Host* host) {
  Unring(lane);
  Entry* entry = NextOf(lane);
  if (entry && CanStart(lane) && entry->host == host) {
    // One whose last attempt must be read first takes the way of those whose spec must be: EmitStart looks again.
    if (entry->state.expires_at <= now_.wall && !LacksLastAttempt(*entry)) {
      Expire(entry);
    } else {
      Caller* caller = GetCaller(entry->head->caller);
      if (!lane->mixed && caller->in_flight >= CallerShare(host->in_flight > 0)) return Park(lane, host, caller);
      StartAttemptOf(entry, caller);
    }
    if (MustGiveWay(*lane, *host)) GiveWay(lane, host);
    RefillTail(lane);
  }
  Kick(lane);
  if (Benched(*lane) && !lane->queue.empty()) SpillQueue(lane);
  MaybeDrop(lane);
}

/// Of the callers whose share allows it, the one with the least in flight goes on: false where there is none.
bool Core::Impl::ServeWaitingCaller() {
  for (bool busy : {false, true}) {
    auto& callers = waiting_callers_[busy];
    if (callers.empty() || std::get<0>(*callers.begin()) >= CallerShare(busy)) continue;
    Flow* flow = std::get<2>(*callers.begin())->waiting[busy].front();
    Host* host = flow->host;
    if (!busy && host->in_flight > 0) {
      Put(flow, Flow::Waits::kBusyHost);
    } else if (host->in_flight >= HostShare()) {
      Put(flow, Flow::Waits::kHost);
      ActivateHost(host);
    } else {
      Put(flow, flow->waits);  // its hosts take turns
      ++host->refs;
      TakeTurn(flow->lanes.head, host);
      UnrefHost(host);
    }
    return true;
  }
  return false;
}

/// Each step lets at most one host and one caller that were at their shares go on, so that a slot that is free costs no look at all of them.
void Core::Impl::Schedule() {
  if (stopping_ || holding_) return;
  while (in_flight_ < limits_.max_in_flight) {
    if (!blocked_hosts_.empty() && std::get<0>(*blocked_hosts_.begin()) < HostShare()) {
      Host* freed = std::get<2>(*blocked_hosts_.begin());
      Unblock(freed);
      ActivateHost(freed);
    }
    if (ServeWaitingCaller()) continue;
    if (active_hosts_.empty()) break;
    Host* host = active_hosts_.front();
    active_hosts_.pop_front();
    if (host->in_flight >= HostShare() && (host->ring.size > 0 || !host->held.empty())) {
      host->active = false;
      Block(host);
      continue;
    }
    if (!host->held.empty()) Put(host->held.front(), host->in_flight > 0 ? Flow::Waits::kBusyHost : Flow::Waits::kIdleHost);
    if (host->ring.head) TakeTurn(host->ring.head, host);
    host->active = false;  // until here it kept the host
    if (host->ring.size > 0 || !host->held.empty()) ActivateHost(host);
    else MaybeDropHost(host);
  }
}

}  // namespace notifyd
