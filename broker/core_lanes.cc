// Lanes: what of a long lane is kept in memory, which lanes sleep in the store, and when they give up a place in memory and get one. See core_impl.h,
// I6 to I9.
//
// Spill: what sorts behind the front of a lane's queue in memory goes to the lane's tail in the store (l/). A lane for which its host has no room in
// memory at all goes there whole and sleeps: it stands in its host's list of lanes that have a tail (w/), as its own record (q/) says.
// Sleep: the list is a queue. Lanes are woken from its front; a lane that had its quantum of turns while others sleep, and have no room to be
// woken into, goes to its end. So a lane that comes late waits for one quantum of each that sleeps before it, however long all the others are.
//
// An example: lane A of host h, where memory has room for 4 queued notifies of a lane, and h answers one call at a time.
//   a1 .. a5 are submitted   a1 is in flight, a2 .. a5 are in A's queue. Nothing of A is in the tail; A is active.
//   a6 comes                 The queue is full (LaneRoom), and a6 sorts last: Spill. l/A gets a6, q/A says "tail from a6", w/h gets A under order 1.
//                            disk_tail is set, tail_next is a6: what comes now and sorts behind a6 goes to the tail, too (I6).
//   lane B's b1 comes        h has as many lanes waiting as it may (Crowded): b1 is spilled, too. B stands in w/h under order 2, and is not active:
//                            it sleeps. h has sleepers from now on; memory forgets B (MayGo).
//   a1 a2 a3 end             A's fourth attempt, of a4, has started: that was its quantum, and B sleeps. GiveWay: a5 goes to A's tail, A leaves
//                            order 1 of w/h for order 3 (I9), and is not active any more.
//   the turn ends            WakeSleepers reads a page of w/h and finds B under order 2. B's record is loaded, then WakeFrom: B is active, RefillTail
//                            asks for l/B, OnTailPage puts b1 into B's queue and clears disk_tail, since that was all.
//   b1 starts and ends       The last of B's tail is gone: DropTailIfEmpty takes B out of w/h, and q/B is deleted. A is woken next.
#include <algorithm>
#include <utility>

#include "broker/core_shedding.h"

namespace notifyd {
namespace {

/// So much of a host's room must be free to wake lanes into it.
size_t Slack(size_t room) {
  return std::clamp<size_t>(room / 8, 1, 64);
}

}  // namespace

/// Returns whether memory is half full. Then a lane is woken only into a place that another gave up, or where its host has nothing to do.
bool Core::Impl::ShortOfMemory() const {
  return std::max(LoadedWeight(), lanes_.size()) > limits_.max_loaded / 2;
}

/// Returns whether memory is so full that what cannot be sent at once goes to the disk.
bool Core::Impl::Pressed() const {
  return LoadedWeight() > limits_.max_loaded / 4 * 3;
}

/// Returns how many notifies one lane may queue in memory: fewer as memory fills, and fewer where its host has many queued already.
size_t Core::Impl::LaneRoom(const Host& host) const {
  size_t all = LoadedWeight() < limits_.max_loaded ? (limits_.max_loaded - LoadedWeight()) / 4 : 0;
  size_t share = std::max<size_t>(limits_.max_loaded / 8, 1);
  size_t here = host.queued < share ? (share - host.queued) / 2 : 0;
  size_t least = Pressed() ? 1 : 4;
  // Where other lanes sleep, this one gives way after its quantum: more than that would be read and written for nothing.
  size_t most = host.sleepers ? kQuantum : std::max<size_t>(limits_.max_loaded_per_lane, least);
  return std::clamp<size_t>(std::min(all, here), least, most);
}

/// Returns how many lanes may wait in memory for one host: fewer where many hosts have lanes waiting.
size_t Core::Impl::HostRoom() const {
  return std::clamp<size_t>(limits_.max_loaded / (4 * (turns_.Contenders() + 1)), 4, std::max<size_t>(limits_.max_waiting_lanes_per_host, 4));
}

/// Is the first of those that wait in memory of a paused caller? Then all of them wait for that.
bool Core::Impl::HoldsPaused(const Lane& lane) const {
  if (lane.queue.empty()) return false;
  const Entry* first = lane.queue.begin()->second;
  return !first->although_paused && IsPaused(first->envelope->caller);
}

/// Returns whether a notify must go to its lane's tail. `queued`: how many it would come behind, in the queue and, for one that is being
/// written, on its way there.
bool Core::Impl::MustSpill(const Lane& lane, const Entry& entry, size_t queued) const {
  const OrderKey key = entry.order();
  if (lane.paused()) return true;                            // I8
  if (lane.disk_tail && key >= lane.tail_next) return true;  // I6
  bool last = lane.queue.empty() || key > lane.queue.rbegin()->first;
  // Nothing behind an attempted head is sent before that is: until then it need not be in memory.
  if (LoadedWeight() > limits_.max_loaded / 2 && BlockedBy(Wait::kAttempt, lane, nullptr)) return last;
  if (Benched(lane)) return last;
  // What is of a paused caller need not be in memory where that is short.
  if (ShortOfMemory() && IsPaused(entry.envelope->caller)) return last;
  // It would hold the memory that the window, or the search, needs to come as far as this key.
  if (ShortOfMemory() && IsAhead(lane, key)) return last;
  if (queued > 0) return queued >= LaneRoom(*entry.host) && last;
  // A lane with an empty queue sleeps where its host has too many waiting, or where lanes that came before it sleep. So does one that sleeps already
  // or gave way, whatever of it is still in flight: it waits for its turn to be woken.
  if (lane.active || lane.awaiting > 0) return false;
  if (!lane.disk_tail && lane.turns < kQuantum && (lane.in_flight > 0 || lane.head)) return false;
  return Crowded(*entry.host);
}

bool Core::Impl::Crowded(const Host& host) const {
  bool busy = host.ring.size + host.parked > 0 || turns_.AtShare(host) || turns_.full();
  size_t waiting = WaitingAt(host);
  return waiting >= HostRoom() || (host.sleepers && waiting > 0) || (Pressed() && busy);
}

void Core::Impl::DirtyLane(Lane* lane) {
  if (lane->dirty) return;
  lane->dirty = true;
  dirty_lanes_.push_back(lane);
  journal_.ExpectMore(true);
}

void Core::Impl::WriteLanes() {
  journal_.ExpectMore(false);
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

/// Puts a lane that has a tail at the end of its host's list, so that it is found again. A paused one stays out, so that no page of the list has to
/// pass over it.
void Core::Impl::Enlist(Lane* lane) {
  LaneRecord& record = lane->record;
  if (!record.tail || record.listed || lane->paused()) return;
  record.listed = true;
  record.sleeper_order = totals_.next_sleeper_order++;
  lane->served = false;
  ++totals_.sleeping_lanes;
  Write(PutSleeper{record.sleeper_host, {record.sleeper_order, lane->key}});
  DirtyLane(lane);
}

void Core::Impl::Delist(Lane* lane) {
  LaneRecord& record = lane->record;
  if (!record.listed) return;
  Write(DeleteSleeper{record.sleeper_host, {record.sleeper_order, lane->key}});
  --totals_.sleeping_lanes;
  record.listed = false;
  record.sleeper_order = 0;
  DirtyLane(lane);
}

void Core::Impl::NoteSpilled(Lane* lane, const Entry& entry) {
  const OrderKey key = entry.order();
  LaneRecord& record = lane->record;
  if (!record.tail) {
    record.tail = true;
    record.tail_from = key;
    record.sleeper_host = entry.host->name;
    DirtyLane(lane);
    Enlist(lane);
  } else if (key < record.tail_from) {
    record.tail_from = key;
    DirtyLane(lane);
  }
  if (!lane->disk_tail) lane->tail_next = key;
  else lane->tail_next = std::min(lane->tail_next, key);
  lane->disk_tail = true;
  if (lane->tail_page() && (!lane->spilled || key < *lane->spilled)) lane->spilled = key;
  if (lane->active) return;
  // Notifies that came before this one are not durable yet, and are queued once they are: the lane is as good as awake.
  if (lane->awaiting > 0 && !lane->paused()) lane->active = true;
  else FallAsleep(lane, !IsPaused(entry.envelope->caller));
}

/// Moves an entry, whose place must be kIdle, to its lane's tail.
void Core::Impl::Spill(Lane* lane, Entry* entry) {
  CHECK(entry->place == Place::kIdle);
  NoteCaller(lane, *entry);
  OrderKey key = entry->order();
  if (entry->index == Index::kTail) {
    lane->tail_keys.erase(key);
  } else {
    RemoveIndex(entry);
    AddIndex(entry, Index::kTail);
  }
  entry->promoted = true;
  entry->although_paused = false;
  if (lane->record.blocked_head == entry->id) lane->head_in_tail = true;
  NoteSpilled(lane, *entry);
  MaybeDrop(entry);
}

void Core::Impl::SpillQueue(Lane* lane) {
  if (lane->queue.empty() && !lane->disk_tail) return;
  const Entry* first = lane->queue.empty() ? nullptr : lane->queue.begin()->second;
  const bool in_turn = !first || !IsPaused(first->envelope->caller);
  const std::string host = first ? first->host->name : "";
  while (!lane->queue.empty()) {
    Entry* entry = lane->queue.rbegin()->second;
    Dequeue(entry);
    entry->place = Place::kIdle;
    Spill(lane, entry);
  }
  shedding_->MoveToHost(lane, host);
  lane->active = false;
  FallAsleep(lane, in_turn);
}

/// Pins the entry until its batch is synced, and asks for that sync: Committed then comes back to it and to its lane (OnSynced).
void Core::Impl::AwaitDurable(Entry* entry) {
  ++entry->pins;
  journal_.AfterSync(entry->durable, entry);
  journal_.AskSyncOf(entry->durable);
}

void Core::Impl::EnterLane(Entry* entry) {
  CHECK(entry->place == Place::kIdle && entry->pending());
  Lane* lane = GetLane(entry->envelope->lane);
  if (!lane->known || lane->loading) {
    entry->place = Place::kArriving;
    lane->arriving.push_back(entry);
    return;
  }
  if (!journal_.IsSynced(entry->durable)) {
    AwaitDurable(entry);
    // In a fifo lane it is queued at once and holds the lane until it is durable, so that the order holds; in a concurrent one it holds nobody up.
    if (!lane->fifo()) {
      entry->place = Place::kAwaiting;
      ++lane->awaiting;
      return;
    }
  }
  if (lane->fifo() && lane->record.blocked_head == entry->id) {
    CHECK(!lane->head);
    if (lane->paused() && !entry->although_paused) return ShelveHead(lane, entry);
    lane->head = entry;
    lane->active = !lane->paused();
    entry->lane = lane;
    entry->place = Place::kHead;
    CHECK(entry->index == Index::kRetrying);
    shedding_->Follow(lane);
    Kick(lane);
    return;
  }
  InsertIntoLane(lane, entry);
}

void Core::Impl::InsertIntoLane(Lane* lane, Entry* entry) {
  if (entry->although_paused) {
    Enqueue(lane, entry);
    return Kick(lane);
  }
  if (MustSpill(*lane, *entry, lane->queue.size())) {
    Spill(lane, entry);
    if (lane->active || !IsPaused(entry->envelope->caller)) Activate(lane);
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
  NoteCaller(lane, *entry);
  OrderKey key = entry->order();
  bool inserted = lane->queue.emplace(key, entry).second;
  CHECK(inserted);
  entry->lane = lane;
  entry->place = Place::kQueue;
  ++entry->host->queued;
  shedding_->Follow(lane);
  if (entry->index == Index::kTail) lane->tail_keys.insert(key);
  // A new front may belong to another host than the one at which the lane waits.
  if (lane->waits() && lane->queue.begin()->second == entry && !lane->has_ready_head()) Unring(lane);
}

/// Takes the entry out of its lane's queue. Its `place` is the caller's to set.
void Core::Impl::Dequeue(Entry* entry) {
  Lane* lane = entry->lane;
  const bool front = lane->queue.begin()->second == entry;
  size_t erased = lane->queue.erase(entry->order());
  CHECK(erased == 1);
  --entry->host->queued;
  entry->lane = nullptr;
  shedding_->Follow(lane);
  // The turn that it waits for may be that of its attempted head.
  if (front && !lane->has_ready_head()) Unring(lane);
}

/// Takes the lane out of its host's list and forgets its tail once the last notify of that has left it, in memory too: nobody needs to find it there.
void Core::Impl::DropTailIfEmpty(Lane* lane) {
  if (lane->disk_tail || !lane->tail_keys.empty() || !lane->record.tail || lane->tail_page()) return;
  Delist(lane);
  lane->record.tail = false;
  lane->record.tail_from = {};
  lane->record.sleeper_host.clear();
  DirtyLane(lane);
}

// ---- tails

/// Wakes a lane that has a tail, where its host has room (`has_room`: the caller has seen to that) and no attempted head blocks it; else lets it fall
/// asleep. A blocked lane is woken when its head settles, which is fetched first where it is in the tail.
void Core::Impl::Activate(Lane* lane, bool has_room) {
  if (lane->paused()) return;
  if (!lane->active && Benched(*lane)) return Throttle(lane, WhenTokens(*lane, 1));
  if (!lane->head_in_tail) {
    if (lane->active) return RefillTail(lane);
    if (!lane->disk_tail || lane->has_attempted_head()) return;
  }
  auto host = hosts_.find(lane->record.sleeper_host);
  bool crowded = host != hosts_.end() && Crowded(*host->second);
  if (!has_room && (crowded || (ShortOfMemory() && IsAhead(*lane, lane->tail_next)))) return FallAsleep(lane);
  if (lane->head_in_tail) return shedding_->AskHead(lane);
  lane->active = true;
  RefillTail(lane);
  Kick(lane);
}

void Core::Impl::RefillTail(Lane* lane) {
  if (!lane->active || !lane->disk_tail || lane->tail_page() || stopping_) return;
  if (Benched(*lane)) return Throttle(lane, WhenTokens(*lane, 1));
  if (lane->has_attempted_head()) return;  // nothing behind it is sent before it is settled
  // What waits behind its own calls is read as they end, not each time something comes to it.
  if (ShortOfMemory() && !lane->queue.empty() && BlockedOn(*lane, NextOf(*lane)).on == Wait::kCall) return;
  // Until the due window has caught up with the clock (after a start), memory is for what that brings, which comes first in order.
  if (!IsCaughtUp() || IsAhead(*lane, lane->tail_next)) return HoldAtHorizon(lane);
  Host* host = GetHost(lane->record.sleeper_host);
  size_t room = std::min(LaneRoom(*host), limits_.page_items);
  // Where other lanes sleep, reads what is left of its quantum: the rest would go back to the tail.
  if (host->sleepers) room = std::min<size_t>(room, lane->turns < kQuantum ? kQuantum - lane->turns : 1);
  MaybeDropHost(host);
  size_t queued = lane->queue.size() + lane->awaiting;
  if (queued > room / 4) return;
  lane->registered.Add(Wait::kTail);
  lane->page_from = lane->tail_next;
  lane->spilled.reset();
  AskPage({0, std::max<size_t>(room - queued, 1), TailPage{lane->key, lane->tail_next}});
}

void Core::Impl::OnTailPage(Lane* lane, PageLoaded& page) {
  lane->registered.Remove(Wait::kTail);
  EndWaking(lane);
  if (lane->paused() || !lane->active) {  // it was paused (I8), or fell asleep, since the page was asked for
    lane->spilled.reset();
    return MaybeDrop(lane);
  }
  std::optional<OrderKey> spilled = std::exchange(lane->spilled, std::nullopt);
  OrderKey next = lane->page_from;
  for (LoadedTail& item : page.tail()) {
    // The page may lack what was spilled while it was under way: takes nothing that sorts behind that.
    if (spilled && *spilled <= item.key) break;
    next = {item.key.rank, item.key.due, NotifyId{item.key.id.value + 1}};
    Entry* entry = EntryOfPage(item.key.id, item.notify);
    if (!entry->pending() || entry->index != Index::kTail || entry->place != Place::kIdle || entry->order() != item.key) {
      MaybeDrop(entry);
      continue;
    }
    entry->promoted = true;
    if (!journal_.IsSynced(entry->durable)) AwaitDurable(entry);
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
  if (HoldsPaused(*lane)) SpillQueue(lane);
  RefillTail(lane);
  MaybeDrop(lane);
}

// ---- lanes that sleep

/// Lets the lane wait in its host's list to be woken. Moves it to the end of the list if an attempt of it was started under its present place: else
/// it would be woken before all that came after it, however long they have waited (I9). `in_turn`: in its host's turn; else what comes first of it is
/// of a paused caller, and it keeps its place without a turn, so that it is not read over and over. Whoever resumes the caller has all lists gone
/// through anew (hosts_asked_), and whoever takes that notify out of the tail gives the lane its turn back (RemoveIndex).
void Core::Impl::FallAsleep(Lane* lane, bool in_turn) {
  // A blocked lane is woken by its head, unless that is in the tail, a paused one by its resume: neither in its host's turn.
  if (!lane->record.listed || (lane->has_attempted_head() && !lane->head_in_tail) || lane->paused()) return;
  // A lane without a token is woken by its next one, as long as there is room to remember it until then.
  if (!HasToken(*lane) && RemembersRates()) return Throttle(lane, WhenTokens(*lane, 1));
  lane->turns = 0;
  if (lane->served) {
    Delist(lane);
    Enlist(lane);
  }
  if (in_turn) GiveTurn(GetHost(lane->record.sleeper_host), lane->record.sleeper_order);
}

/// Lanes that sleep at the host from that order on are woken in their turn.
void Core::Impl::GiveTurn(Host* host, uint64_t order) {
  if (!host->sleepers) host->cursor = order;
  host->cursor = std::min(host->cursor, order);
  host->fell_asleep = std::min(host->fell_asleep, order);
  host->sleepers = true;
  CheckSleepers(host);
}

/// Returns whether the lane had its quantum of turns while others sleep and there is no room to wake them into but what awake lanes give up.
bool Core::Impl::MustGiveWay(const Lane& lane, const Host& host) const {
  if (!host.sleepers || !lane.active || lane.turns < kQuantum) return false;
  if (!IsCaughtUp()) return false;  // nobody is woken yet
  if (ShortOfMemory()) return true;
  size_t room = HostRoom();
  return WaitingAt(host) + Slack(room) > room;
}

void Core::Impl::GiveWay(Lane* lane, Host* host) {
  SpillQueue(lane);
  lane->active = false;  // even where nothing of it is left: what is submitted to it next sleeps
  ++host->gave_way;
  CheckSleepers(host);
}

/// Returns how many lanes of the host may be woken now; 0 as long as a page of so few would not be worth its read.
size_t Core::Impl::RoomToWake(const Host& host) const {
  size_t waiting = WaitingAt(host), room = HostRoom();
  if (!ShortOfMemory()) {
    size_t left = room > waiting ? room - waiting : 0;
    return left >= Slack(room) ? left : 0;
  }
  size_t idle = waiting == 0 && !turns_.AtShare(host) ? 4 : 0;
  if (host.gave_way < kWakeTogether && waiting > host.gave_way) return 0;
  return std::min(std::max(host.gave_way, idle), room);
}

void Core::Impl::CheckSleepers(Host* host) {
  if (!host->sleepers || host->check) return;
  host->check = true;
  sleeper_checks_.push_back(host);
}

void Core::Impl::WakeSleepers() {
  if (stopping_ || !IsCaughtUp()) return;
  std::vector<Host*> hosts = std::exchange(sleeper_checks_, {});
  for (size_t i = 0; i < hosts.size(); ++i) {
    Host* host = hosts[i];
    if (sleeper_pages_ >= kSleeperPages) {
      sleeper_checks_.insert(sleeper_checks_.end(), hosts.begin() + static_cast<ptrdiff_t>(i), hosts.end());
      break;
    }
    host->check = false;
    if (!host->sleepers) {
      MaybeDropHost(host);
      continue;
    }
    if (host->page) continue;
    shedding_->Trim(host);
    // A host that has no room is looked at again when fewer lanes wait in its ring, or fewer calls of it are in flight (CheckSleepers).
    size_t room = RoomToWake(*host);
    if (room == 0) continue;
    size_t limit = std::min(limits_.page_items, room);
    host->gave_way = ShortOfMemory() ? host->gave_way - std::min(host->gave_way, limit) : 0;
    host->fell_asleep = UINT64_MAX;
    AskSleepers(host, limit, host->cursor);
  }
}

/// Asks for so many of the lanes that sleep at the host, from that order on; no page of it may be under way.
void Core::Impl::AskSleepers(Host* host, size_t limit, uint64_t from) {
  host->page = true;
  ++sleeper_pages_;
  AskPage({0, limit, SleepersPage{host->name, from}});
}

/// Counts the lane as waiting at its host from now until the first page of its tail is there (EndWaking), so that no more lanes are woken than there
/// is room for, even where the horizon holds them.
void Core::Impl::BeginWaking(Lane* lane, Host* host) {
  if (lane->waking) return;
  lane->waking = host;
  ++host->waking;
}

void Core::Impl::EndWaking(Lane* lane) {
  Host* host = std::exchange(lane->waking, nullptr);
  if (!host) return;
  --host->waking;
  CheckSleepers(host);
  MaybeDropHost(host);
}

/// Wakes the lane, which must be known, if it still stands at `order` in the list of its host: since the page was asked for, something else may have
/// woken it, and it may have another place by now (I9).
void Core::Impl::WakeFrom(Lane* lane, uint64_t order, Host* host) {
  const LaneRecord& record = lane->record;
  if (record.tail && record.listed && record.sleeper_order == order && record.sleeper_host == host->name) {
    const bool blocked = lane->has_attempted_head() && !lane->head;
    if (blocked || !lane->active) BeginWaking(lane, host);
    // Whether its head is in its tail is not known of one that was not in memory.
    if (blocked && !lane->head_in_tail) shedding_->AskHead(lane);
    else Activate(lane, true);
  }
  if (!lane->waking_up()) EndWaking(lane);
}

void Core::Impl::HoldAtHorizon(Lane* lane) {
  if (lane->at_horizon()) return;
  lane->registered.Add(Wait::kWindow);
  at_horizon_.push_back(lane);
}

/// Looks again at the lanes that were held at the horizon: the due window, or the search beyond it, has moved on.
void Core::Impl::ReleaseHorizon() {
  for (Lane* lane : std::exchange(at_horizon_, {})) {
    lane->registered.Remove(Wait::kWindow);
    Kick(lane);
    RefillTail(lane);
    if (!lane->waking_up()) EndWaking(lane);
    MaybeDrop(lane);
  }
}

void Core::Impl::OnSleepersPage(const std::string& name, PageLoaded& page) {
  Host* host = hosts_.at(name).get();
  --sleeper_pages_;
  std::optional<uint64_t> next;
  if (page.more && !page.sleepers().empty()) next = page.sleepers().back().order + 1;
  if (!shedding_->TakePage(name, next)) {
    host->cursor = next.value_or(UINT64_MAX);
    host->sleepers = next.has_value();
  }
  // The page may lack lanes that fell asleep while it was under way.
  if (host->fell_asleep != UINT64_MAX) {
    host->cursor = std::min(host->cursor, host->fell_asleep);
    host->sleepers = true;
  }
  host->fell_asleep = UINT64_MAX;
  CheckSleepers(host);
  for (Sleeper& item : page.sleepers()) {
    Lane* lane = GetLane(item.lane);
    if (lane->known && !lane->loading) {
      WakeFrom(lane, item.order, host);
      MaybeDrop(lane);
    } else {
      lane->wake = item.order;
      BeginWaking(lane, host);
    }
  }
  host->page = false;  // until here it kept the host
  MaybeDropHost(host);
}

void Core::Impl::OnSleeperHosts(PageLoaded& page) {
  for (const std::string& name : page.sleeper_hosts()) {
    Host* host = GetHost(name);
    host->sleepers = true;
    host->cursor = 0;
    host->fell_asleep = 0;  // a page under way began behind them
    CheckSleepers(host);
  }
  if (page.more) AskPage({0, limits_.page_items, SleeperHostsPage{page.sleeper_hosts().back()}});
}

}  // namespace notifyd
