// Lanes and hosts: who is next, what is kept of a long lane, which lanes sleep. See core_impl.h, I6 and I7.
//
// Turns: a lane that could send waits in the ring of its next notify's host; hosts with such lanes take turns, lanes of a host take turns.
// No turn costs O(lanes). A host at its share leaves the round and comes back when a slot that it may use is free.
// Spill: what sorts behind a lane's head in memory goes to the lane's tail in the store; a lane for which its host has no room
// in memory at all goes there whole and sleeps: its record stands in its host's list of lanes that have a tail.
#include <algorithm>
#include <cmath>
#include <utility>

#include "broker/core_impl.h"

namespace notifyd {

/// Memory is short: what cannot be sent at once goes to the disk.
bool Core::Impl::Pressed() const {
  return LoadedWeight() > limits_.max_loaded / 4 * 3;
}

/// How many notifies one lane may queue in memory: less as memory fills, and less where its host has much already.
size_t Core::Impl::LaneRoom(const Host& host) const {
  size_t all = LoadedWeight() < limits_.max_loaded ? (limits_.max_loaded - LoadedWeight()) / 4 : 0;
  size_t share = std::max<size_t>(limits_.max_loaded / 8, 1);
  size_t here = host.queued < share ? (share - host.queued) / 2 : 0;
  size_t least = Pressed() ? 1 : 4;
  return std::clamp<size_t>(std::min(all, here), least, std::max<size_t>(limits_.max_loaded_per_lane, least));
}

/// How many lanes may wait in memory for one host: less where many hosts have lanes waiting.
size_t Core::Impl::HostRoom() const {
  return std::clamp<size_t>(limits_.max_loaded / (4 * (blocked_hosts_.size() + active_hosts_.size() + 1)), 4,
                            std::max<size_t>(limits_.max_waiting_lanes_per_host, 4));
}

/// `queued`: what it would come behind, in the queue and, for one that is being written, on its way there.
bool Core::Impl::MustSpill(const Lane& lane, const OrderKey& key, const Host& host, size_t queued) const {
  if (lane.limits.paused != Paused::kNo) return true;        // I8
  if (lane.disk_tail && key >= lane.tail_next) return true;  // I6
  bool last = lane.queue.empty() || key > lane.queue.rbegin()->first;
  // Behind a head that waits for its next attempt nothing is sent for a while.
  if (lane.fifo() && lane.record.blocked_head.value != 0 && !lane.head && LoadedWeight() > limits_.max_loaded / 2) return last;
  if (Benched(lane)) return last;
  if (queued > 0) return queued >= LaneRoom(host) && last;
  // An empty lane where its host has too many waiting, or others that came first sleep: it sleeps, too.
  if (lane.in_flight > 0 || lane.head || lane.active || lane.awaiting > 0) return false;
  return Crowded(host);
}

bool Core::Impl::Crowded(const Host& host) const {
  bool busy = host.ring_size > 0 || host.in_flight >= HostShare() || in_flight_ >= limits_.max_in_flight;
  return host.ring_size >= HostRoom() || (host.sleepers && host.ring_size > 0) || (Pressed() && busy);
}

void Core::Impl::DirtyLane(Lane* lane) {
  if (lane->dirty) return;
  lane->dirty = true;
  dirty_lanes_.push_back(lane);
}

void Core::Impl::WriteLanes() {
  for (Lane* lane : std::exchange(dirty_lanes_, {})) {
    lane->dirty = false;
    if (!lane->record.IsDefault()) {
      if (!lane->stored) ++totals_.lane_records;
      lane->stored = true;
      Write(PutLane{lane->key, lane->record});
    } else if (lane->stored) {
      --totals_.lane_records;
      lane->stored = false;
      Write(DeleteLane{lane->key});
    }
    Touch(lane);
  }
}

/// A lane with a tail stands in its host's list, so that it is found again; a paused one does not, so that nobody passes over it there.
void Core::Impl::Enlist(Lane* lane) {
  LaneRecord& record = lane->record;
  if (!record.tail || record.dormant || lane->limits.paused != Paused::kNo) return;
  record.dormant = true;
  record.dormant_order = totals_.next_dormant_order++;
  ++totals_.dormant_lanes;
  Write(PutDormant{record.dormant_host, {record.dormant_order, lane->key}});
  DirtyLane(lane);
}

void Core::Impl::Delist(Lane* lane) {
  LaneRecord& record = lane->record;
  if (!record.dormant) return;
  Write(DeleteDormant{record.dormant_host, {record.dormant_order, lane->key}});
  --totals_.dormant_lanes;
  record.dormant = false;
  record.dormant_order = 0;
  DirtyLane(lane);
}

void Core::Impl::NoteSpilled(Lane* lane, const OrderKey& key, const Host& host) {
  LaneRecord& record = lane->record;
  if (!record.tail) {
    record.tail = true;
    record.tail_from = key;
    record.dormant_host = host.name;
    DirtyLane(lane);
    Enlist(lane);
  } else if (key < record.tail_from) {
    record.tail_from = key;
    DirtyLane(lane);
  }
  if (!lane->disk_tail) lane->tail_next = key;
  else lane->tail_next = std::min(lane->tail_next, key);
  lane->disk_tail = true;
  if (lane->tail_page && (!lane->spilled || key < *lane->spilled)) lane->spilled = key;
  if (!lane->active) FallAsleep(lane);
}

/// An entry that is in no place in memory goes to the tail.
void Core::Impl::Spill(Lane* lane, Entry* entry) {
  CHECK(entry->place == Place::kIdle);
  OrderKey key = entry->order();
  if (entry->index == Index::kTail) {
    lane->tail_keys.erase(key);
  } else {
    RemoveIndex(entry);
    AddIndex(entry, Index::kTail);
  }
  entry->promoted = true;
  NoteSpilled(lane, key, *entry->host);
  MaybeDrop(entry);
}

void Core::Impl::SpillQueue(Lane* lane) {
  if (lane->queue.empty() && !lane->disk_tail) return;
  while (!lane->queue.empty()) {
    Entry* entry = lane->queue.rbegin()->second;
    Dequeue(entry);
    entry->place = Place::kIdle;
    Spill(lane, entry);
  }
  lane->active = false;
  FallAsleep(lane);
}

/// Committed comes back to it, and to its lane, once its batch is synced.
void Core::Impl::AwaitDurable(Entry* entry) {
  ++entry->pins;
  after_sync_.emplace(entry->durable, entry);
  if (issued_sync_ < entry->durable) sync_asked_ = true;
}

void Core::Impl::EnterLane(Entry* entry) {
  CHECK(entry->place == Place::kIdle && entry->pending());
  Lane* lane = GetLane(entry->head->lane);
  if (!lane->known || lane->loading) {
    entry->place = Place::kArriving;
    lane->arriving.push_back(entry);
    return;
  }
  if (entry->durable > synced_) {
    AwaitDurable(entry);
    // In a fifo lane it takes its place at once and holds the lane until it is durable; elsewhere it holds nobody up.
    if (!lane->fifo()) {
      entry->place = Place::kAwaiting;
      ++lane->awaiting;
      return;
    }
  }
  if (lane->fifo() && lane->record.blocked_head == entry->id) {
    CHECK(!lane->head);
    if (lane->limits.paused != Paused::kNo) return ShelveHead(lane, entry);
    lane->head = entry;
    lane->active = true;
    entry->lane = lane;
    entry->place = Place::kHead;
    CHECK(entry->index == Index::kRetrying);
    Kick(lane);
    return;
  }
  InsertIntoLane(lane, entry);
}

void Core::Impl::InsertIntoLane(Lane* lane, Entry* entry) {
  if (MustSpill(*lane, entry->order(), *entry->host, lane->queue.size())) {
    Spill(lane, entry);
    Activate(lane);
    MaybeDrop(lane);
    return;
  }
  lane->active = true;
  Enqueue(lane, entry);
  if (lane->queue.size() > LaneRoom(*entry->host)) {
    Entry* last = lane->queue.rbegin()->second;
    Dequeue(last);
    last->place = Place::kIdle;
    Spill(lane, last);
  }
  Kick(lane);
  RefillTail(lane);
}

void Core::Impl::Enqueue(Lane* lane, Entry* entry) {
  OrderKey key = entry->order();
  bool inserted = lane->queue.emplace(key, entry).second;
  CHECK(inserted);
  entry->lane = lane;
  entry->place = Place::kQueue;
  ++entry->host->queued;
  if (entry->index == Index::kTail) lane->tail_keys.insert(key);
  // A new front may belong to another host than the one at which the lane waits.
  if (lane->ring && lane->queue.begin()->second == entry) Unring(lane);
}

/// Leaves `place` to the caller.
void Core::Impl::Dequeue(Entry* entry) {
  Lane* lane = entry->lane;
  bool front = lane->queue.begin()->second == entry;
  size_t erased = lane->queue.erase(entry->order());
  CHECK(erased == 1);
  --entry->host->queued;
  entry->lane = nullptr;
  if (front) Unring(lane);
}

/// The last notify of its tail left, from memory too: nobody needs to find the lane any more.
void Core::Impl::DropTailIfEmpty(Lane* lane) {
  if (lane->disk_tail || !lane->tail_keys.empty() || !lane->record.tail || lane->tail_page) return;
  Delist(lane);
  lane->record.tail = false;
  lane->record.tail_from = {};
  lane->record.dormant_host.clear();
  DirtyLane(lane);
}

// ---- tails

/// A lane that has a tail takes part, if its host has room (`has_room`: that was looked at) and no attempted head blocks it: that one
/// wakes it when it is settled.
void Core::Impl::Activate(Lane* lane, bool has_room) {
  if (lane->limits.paused != Paused::kNo) return;
  if (!lane->active && Benched(*lane)) return Throttle(lane, WhenTokens(*lane, 1));
  if (lane->active) return RefillTail(lane);
  if (!lane->disk_tail || lane->record.blocked_head.value != 0) return;
  auto host = hosts_.find(lane->record.dormant_host);
  if (!has_room && host != hosts_.end() && Crowded(*host->second)) return FallAsleep(lane);
  lane->active = true;
  RefillTail(lane);
  Kick(lane);
}

void Core::Impl::RefillTail(Lane* lane) {
  if (!lane->active || !lane->disk_tail || lane->tail_page || stopping_) return;
  if (Benched(*lane)) return Throttle(lane, WhenTokens(*lane, 1));
  if (lane->record.blocked_head.value != 0) return;  // nothing behind it is sent before it is settled
  // While the due window has not caught up with the clock (after a start), memory is for what it brings: it comes first in order.
  if (wall_.horizon.time_ms <= now_.wall.ms) return HoldAtHorizon(lane);
  Host* host = GetHost(lane->record.dormant_host);
  size_t room = std::min(LaneRoom(*host), limits_.page_items);
  MaybeDropHost(host);
  size_t queued = lane->queue.size() + lane->awaiting;
  if (queued > room / 4) return;
  lane->tail_page = true;
  lane->page_from = lane->tail_next;
  lane->spilled.reset();
  AskPage({0, std::max<size_t>(room - queued, 1), TailPage{lane->key, lane->tail_next}});
}

void Core::Impl::OnTailPage(Lane* lane, PageLoaded& page) {
  lane->tail_page = false;
  if (lane->limits.paused != Paused::kNo) {  // since it was asked for: I8
    lane->spilled.reset();
    return MaybeDrop(lane);
  }
  std::optional<OrderKey> spilled = std::exchange(lane->spilled, std::nullopt);
  OrderKey next = lane->page_from;
  for (LoadedTail& item : page.tail) {
    // What was spilled while the page was under way may not be on it: nothing behind that is taken.
    if (spilled && *spilled <= item.key) break;
    next = {item.key.rank, item.key.due, NotifyId{item.key.id.value + 1}};
    Entry* entry = EntryOfPage(item.key.id, item.notify);
    if (!entry->pending() || entry->index != Index::kTail || entry->place != Place::kIdle || entry->order() != item.key) {
      MaybeDrop(entry);
      continue;
    }
    entry->promoted = true;
    if (entry->durable > synced_) AwaitDurable(entry);
    Enqueue(lane, entry);
  }
  bool reached_end = !page.more && !spilled;
  lane->tail_next = spilled ? std::min(*spilled, next) : next;
  lane->disk_tail = !reached_end;
  OrderKey from = lane->tail_keys.empty() ? lane->tail_next : std::min(*lane->tail_keys.begin(), lane->tail_next);
  if (lane->record.tail && lane->record.tail_from < from) {
    lane->record.tail_from = from;
    DirtyLane(lane);
  }
  DropTailIfEmpty(lane);
  Kick(lane);
  RefillTail(lane);
  MaybeDrop(lane);
}

// ---- lanes that sleep

void Core::Impl::FallAsleep(Lane* lane) {
  // One that is blocked is woken by its head, one that is paused by its resume: not in the host's turn.
  if (!lane->record.dormant || lane->record.blocked_head.value != 0 || lane->limits.paused != Paused::kNo) return;
  // One without a token is woken by that, as long as there is room to remember it.
  if (lane->limits.rate_per_s > 0 && TokensOf(*lane) < 1 && RemembersRates()) return Throttle(lane, WhenTokens(*lane, 1));
  Host* host = GetHost(lane->record.dormant_host);
  if (!host->sleepers) host->cursor = lane->record.dormant_order;
  host->cursor = std::min(host->cursor, lane->record.dormant_order);
  host->fell_asleep = std::min(host->fell_asleep, lane->record.dormant_order);
  host->sleepers = true;
  CheckSleepers(host);
}

void Core::Impl::CheckSleepers(Host* host) {
  if (!host->sleepers || host->check) return;
  host->check = true;
  sleeper_checks_.push_back(host);
}

/// Pages of sleeping lanes under way at once, over all hosts.
constexpr uint32_t kSleeperPages = 8;

void Core::Impl::WakeSleepers() {
  if (stopping_ || wall_.horizon.time_ms <= now_.wall.ms) return;
  // Where memory is short, only a host that has nothing to do wakes lanes, a few at a time.
  bool pressed = std::max(LoadedWeight(), lanes_.size()) > limits_.max_loaded / 2;
  std::vector<Host*> hosts = std::exchange(sleeper_checks_, {});
  for (size_t i = 0; i < hosts.size(); ++i) {
    Host* host = hosts[i];
    if (sleeper_pages_ >= kSleeperPages) {
      sleeper_checks_.insert(sleeper_checks_.end(), hosts.begin() + static_cast<ptrdiff_t>(i), hosts.end());
      break;
    }
    host->check = false;
    size_t room = pressed ? 4 : HostRoom();
    if (!host->sleepers) {
      MaybeDropHost(host);
      continue;
    }
    // One that is passed over is looked at again when its ring or its calls in flight get fewer.
    if (host->page || host->ring_size > room / 2 || (pressed && (host->ring_size > 0 || host->in_flight >= HostShare()))) continue;
    host->page = true;
    ++sleeper_pages_;
    host->fell_asleep = UINT64_MAX;
    AskPage({0, std::min(limits_.page_items, room - host->ring_size), DormantPage{host->name, host->cursor}});
  }
}

void Core::Impl::HoldAtHorizon(Lane* lane) {
  if (lane->at_horizon) return;
  lane->at_horizon = true;
  at_horizon_.push_back(lane);
}

/// The due window moved on.
void Core::Impl::ReleaseHorizon() {
  for (Lane* lane : std::exchange(at_horizon_, {})) {
    lane->at_horizon = false;
    Kick(lane);
    RefillTail(lane);
    MaybeDrop(lane);
  }
}

void Core::Impl::OnDormantPage(const std::string& name, PageLoaded& page) {
  Host* host = hosts_.at(name).get();
  host->page = false;
  --sleeper_pages_;
  if (page.more && !page.dormant.empty()) {
    host->cursor = page.dormant.back().order + 1;
  } else {
    host->cursor = UINT64_MAX;
    host->sleepers = false;
  }
  // Who fell asleep meanwhile may not be on the page.
  if (host->fell_asleep != UINT64_MAX) {
    host->cursor = std::min(host->cursor, host->fell_asleep);
    host->sleepers = true;
  }
  host->fell_asleep = UINT64_MAX;
  CheckSleepers(host);
  for (DormantLane& item : page.dormant) {
    Lane* lane = GetLane(item.lane);
    if (lane->known && !lane->loading) {
      if (lane->record.tail && lane->record.dormant_host == name) Activate(lane, true);
      MaybeDrop(lane);
    } else {
      lane->wake = true;
    }
  }
  if (auto found = hosts_.find(name); found != hosts_.end()) MaybeDropHost(found->second.get());
}

void Core::Impl::OnDormantHosts(PageLoaded& page) {
  for (const std::string& name : page.dormant_hosts) {
    Host* host = GetHost(name);
    host->sleepers = true;
    host->cursor = 0;
    host->fell_asleep = 0;  // a page under way began behind them
    CheckSleepers(host);
  }
  if (page.more) AskPage({0, limits_.page_items, DormantHostsPage{page.dormant_hosts.back()}});
}

// ---- turns

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
      if (entry->state.expires_at <= now_.wall && !LacksLastAttempt(*entry)) Settle(entry, Phase::kExpired, "", std::nullopt);
      else StartAttemptOf(entry);
      RefillTail(lane);
    }
    Kick(lane);
    if (Benched(*lane) && !lane->queue.empty()) SpillQueue(lane);
    MaybeDrop(lane);
    if (host->ring_size > 0) ActivateHost(host);
  }
}

}  // namespace notifyd
