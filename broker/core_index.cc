// The due indexes as seen from memory: which index holds a notify, the windows that keep what is near in memory, paging, marks.
#include <algorithm>
#include <utility>

#include "broker/core_history.h"
#include "broker/core_shedding.h"
#include "broker/core_topics.h"

namespace notifyd {

void Core::Impl::WriteLaneCounts() {
  books_.TakeLaneChanges([this](const LaneKey& lane, const IndexCounts& change) { Write(AddLaneCounts{lane, change}); });
}

void Core::Impl::AddIndex(Entry* entry, Index index) {
  CHECK(entry->index == Index::kNone);
  entry->index = index;
  entry->first_key = std::exchange(entry->fresh, false);
  books_.Enter(index, entry->envelope->lane);
  Touch(entry);
  switch (index) {
    case Index::kHeldDue:
    case Index::kDue: {
      DueKey key{entry->state.due.ms, entry->id};
      totals_.wall_mark = std::min(totals_.wall_mark, key);
      due_beyond_.Forget();
      Write(PutDue{Clock::kWall, key});
      history_->OnDueKey(*entry, 1);
      break;
    }
    case Index::kRetrying: {
      DueKey key{entry->state.retry_at.ms, entry->id};
      totals_.mono_mark = std::min(totals_.mono_mark, key);
      Write(PutDue{Clock::kMono, key});
      history_->OnDueKey(*entry, 1);
      break;
    }
    case Index::kTail:
      Write(PutTail{entry->envelope->lane, entry->order()});
      break;
    default:
      break;
  }
}

/// Takes the entry out of its index. Its key there follows from the entry's state: call it before that changes.
void Core::Impl::RemoveIndex(Entry* entry) {
  SetPromoted(entry, false);
  books_.Leave(entry->index, entry->envelope->lane);
  Touch(entry);
  switch (entry->index) {
    case Index::kHeldDue:
    case Index::kDue:
      Write(DeleteDue{Clock::kWall, {entry->state.due.ms, entry->id}, entry->first_key});
      history_->OnDueKey(*entry, -1);
      break;
    case Index::kRetrying:
      Write(DeleteDue{Clock::kMono, {entry->state.retry_at.ms, entry->id}, entry->first_key});
      history_->OnDueKey(*entry, -1);
      break;
    case Index::kTail: {
      Write(DeleteTail{entry->envelope->lane, entry->order()});
      auto lane = lanes_.find(entry->envelope->lane);
      if (lane == lanes_.end()) break;
      lane->second->tail_keys.erase(entry->order());
      if (lane->second->record.blocked_head == entry->id) lane->second->head_in_tail = false;
      DropTailIfEmpty(lane->second.get());
      // What comes next of the lane may be of a caller that is not paused, or not at its share.
      const std::string& caller = entry->envelope->caller;
      if (!lane->second->active && (IsPaused(caller) || shedding_->IsApart(caller, *lane->second))) FallAsleep(lane->second.get());
      break;
    }
    default:
      break;
  }
  entry->index = Index::kNone;
}

void Core::Impl::SetPromoted(Entry* entry, bool promoted) {
  if (entry->promoted == promoted) return;
  entry->promoted = promoted;
  // What is in a tail is counted as ready by its index; promoted says nothing more of it.
  if (entry->index == Index::kTail || entry->index == Index::kNone) return;
  Index index = entry->index;
  books_.CountPromoted(index, promoted ? 1 : -1);
  // A notify whose time has come is in its lane, and keeps that in memory: GetLane finds it. One that is not counted any more may have no lane left.
  if (promoted) ++GetLane(entry->envelope->lane)->promoted[index];
  else if (auto lane = lanes_.find(entry->envelope->lane); lane != lanes_.end() && lane->second->promoted[index] > 0) --lane->second->promoted[index];
}

void Core::Impl::PutExpiryOf(Entry* entry) {
  DueKey key{entry->state.expires_at.ms, entry->id};
  totals_.expiry_mark = std::min(totals_.expiry_mark, key);
  expiry_beyond_.Forget();
  Write(PutExpiry{key});
  UntrackExpiry(entry);
  TrackExpiry(entry);
}

ExpiryTimer* Core::Impl::AddExpiryTimer(DueKey key) {
  auto* timer = new ExpiryTimer(key.id);
  expiry_.Insert(timer, key.time_ms);
  return timer;
}

void Core::Impl::DropExpiryTimer(ExpiryTimer* timer) {
  if (timer->entry) timer->entry->expiry = nullptr;
  delete timer;
}

/// Gives the entry a timer for its ttl, where that ends soon enough for memory and it has none.
void Core::Impl::TrackExpiry(Entry* entry) {
  DueKey key{entry->state.expires_at.ms, entry->id};
  if (entry->expiry || entry->state.expires_at == kWallNever || !expiry_.Covers(key)) return;
  entry->expiry = AddExpiryTimer(key);
  entry->expiry->entry = entry;
}

/// Takes the timer of its ttl away, so that a notify that settled in time costs no look at the store when the ttl would have ended.
void Core::Impl::UntrackExpiry(Entry* entry) {
  if (!entry->expiry) return;
  expiry_.Remove(entry->expiry);
  DropExpiryTimer(entry->expiry);
}

bool Core::Impl::Covered(const Entry& entry) const {
  DueKey key{entry.state.due.ms, entry.id};
  if (wall_.Covers(key)) return true;
  if (!entry.state.at_once) return false;
  // In a concurrent lane it need not wait until the search has come as far as its key.
  return key < search_.done.cover() || (entry.envelope->lane.mode != Mode::kFifo && IsCaughtUp());
}

void Core::Impl::PlaceEntry(Entry* entry) {
  if (!entry->pending() || entry->place != Place::kIdle) return;
  if (entry->index == Index::kRetrying) {
    int64_t at = entry->state.retry_at.ms;
    if (!mono_.Covers({at, entry->id})) return;
    if (at <= now_.mono.ms) return Promote(entry);
    entry->place = Place::kTimer;
    mono_.Insert(&entry->timer, at);
  } else if (entry->index == Index::kDue || entry->index == Index::kHeldDue) {
    int64_t at = entry->state.due.ms;
    if (!Covered(*entry)) return;
    if (entry->state.at_once || at <= now_.wall.ms) return Promote(entry);
    entry->place = Place::kTimer;
    wall_.Insert(&entry->timer, at);
  }
}

void Core::Impl::Promote(Entry* entry) {
  SetPromoted(entry, true);
  EnterLane(entry);
}

/// Takes the entry out of its wheel, lane or list, without a write. Does nothing for one in flight.
void Core::Impl::Unplace(Entry* entry) {
  switch (entry->place) {
    case Place::kIdle:
    case Place::kFlight:
      return;
    case Place::kTimer:
      (entry->index == Index::kRetrying ? mono_ : wall_).Remove(&entry->timer);
      break;
    case Place::kArriving: {
      auto& arriving = lanes_.at(entry->envelope->lane)->arriving;
      std::erase(arriving, entry);
      break;
    }
    case Place::kAwaiting: {
      Lane* lane = lanes_.at(entry->envelope->lane).get();
      --lane->awaiting;
      entry->place = Place::kIdle;
      RefillTail(lane);
      return;
    }
    case Place::kQueue: {
      Lane* lane = entry->lane;
      Dequeue(entry);
      entry->place = Place::kIdle;
      Kick(lane);
      RefillTail(lane);
      return;
    }
    case Place::kHead: {
      Lane* lane = entry->lane;
      lane->head = nullptr;
      entry->lane = nullptr;
      entry->place = Place::kIdle;
      shedding_->Follow(lane);
      Unring(lane);
      Kick(lane);
      return;
    }
  }
  entry->place = Place::kIdle;
}

void Core::Impl::AdvanceWindows() {
  for (Clock clock : {Clock::kWall, Clock::kMono})
    WindowOf(clock).Advance(NowOf(clock), [this](Entry::Timer* timer) {
      timer->entry->place = Place::kIdle;
      Promote(timer->entry);
    });
  expiry_.Advance(now_.wall.ms, [&](ExpiryTimer* timer) {
    expired_.push_back(timer->id);
    DropExpiryTimer(timer);
  });
  // However many end together, memory has what some of them need at a time.
  while (!expired_.empty() && MayLookUpMore()) {
    const NotifyId id = expired_.front();
    expired_.pop_front();
    RunTask(MakeTask(ExpiryDue{id}));
  }
}

// ---- paging

uint64_t Core::Impl::AskPage(PageEffect page) {
  uint64_t ticket = page.ticket = next_ticket_++;
  page_tickets_.emplace(ticket, page.page);
  // What was decided until now must be there to be read (I4).
  uint64_t after = journal_.Decided();
  if (journal_.IsWritten(after)) out_->pages.push_back(std::move(page));
  else pages_waiting_.emplace_back(after, std::move(page));
  return ticket;
}

void Core::Impl::PageWindows() {
  if (draining_) return;
  for (Clock clock : {Clock::kWall, Clock::kMono}) {
    DueEntries& window = WindowOf(clock);
    if (window.size() > limits_.max_loaded / 4 && !window.horizon().paging()) EvictFarther(clock);
    if (!WindowRoom(clock) || !window.WantsPage(NowOf(clock), limits_.lookahead_ms)) continue;
    DueKey to{NowOf(clock) + limits_.lookahead_ms, {}};
    if (KeysOf(clock) == 0) {
      window.horizon().Set(to);  // the index is empty
      if (clock == Clock::kWall) ReleaseHorizon();
      continue;
    }
    window.horizon().BeginPage(to.time_ms);
    AskPage({0, limits_.page_items, DuePage{clock, window.horizon().at(), to.time_ms}});
  }
  if (SearchRoom()) {
    int64_t to_ms = totals_.last_due_at_once.ms + 1;
    search_.done.BeginPage(to_ms);
    search_.ticket = AskPage({0, limits_.page_items, DuePage{Clock::kWall, Searched(), to_ms}});
  }
  // The window may have caught up without a page: the clock stepped back.
  if (!std::exchange(caught_up_, IsCaughtUp()) && caught_up_) ReleaseHorizon();
  if (expiry_.size() > limits_.max_loaded && !expiry_.horizon().paging()) expiry_.EvictFarther([](ExpiryTimer* timer) { DropExpiryTimer(timer); });
  if (ExpiryRoom() && expiry_.WantsPage(now_.wall.ms, limits_.lookahead_ms)) {
    int64_t to_ms = now_.wall.ms + limits_.lookahead_ms;
    expiry_.horizon().BeginPage(to_ms);
    AskPage({0, limits_.page_items, ExpiryPage{expiry_.horizon().at(), to_ms}});
  }
  if (!hosts_asked_ && totals_.sleeping_lanes > 0) AskPage({0, limits_.page_items, SleeperHostsPage{""}});
  hosts_asked_ = true;
}

/// Returns whether the next page of a window may be asked for. Keeps what waits in its wheel well below what memory holds; what is overdue comes in
/// as long as there is any room.
bool Core::Impl::WindowRoom(Clock clock) const {
  const DueEntries& window = WindowOf(clock);
  if (window.horizon().paging() || LoadedWeight() >= limits_.max_loaded) return false;
  return window.size() < limits_.max_loaded / 8 || window.horizon().at().time_ms <= NowOf(clock);
}

/// Returns whether few tasks wait for what the store is asked for. Those that wait for room are not counted: an expiry may be what makes it.
bool Core::Impl::MayLookUpMore() const {
  return parked_.size() - topics_->TasksWithoutRoom() < 2 * limits_.page_items;
}

/// Returns whether the next expiries may be paged in. Each may need a look at the store: so not while many tasks wait for such.
bool Core::Impl::ExpiryRoom() const {
  return !expiry_.horizon().paging() && expiry_.size() + expired_.size() < limits_.max_loaded / 2 && MayLookUpMore();
}

void Core::Impl::On(PageLoaded& e) {
  if (!e.status.ok()) return Fatal(std::move(e.status));
  auto found = page_tickets_.find(e.ticket);
  CHECK(found != page_tickets_.end());
  auto page = std::move(found->second);
  if (TookBeyond(e)) {
    // It tells when the core is wanted next, and brings nothing in.
  } else if (e.ticket == search_.ticket) {
    OnSearchPage(e);
  } else if (auto* due = std::get_if<DuePage>(&page)) {
    OnDuePage(due->clock, e);
  } else if (std::get_if<ExpiryPage>(&page)) {
    OnExpiryPage(e);
  } else if (auto* tail = std::get_if<TailPage>(&page)) {
    OnTailPage(lanes_.at(tail->lane).get(), e);
  } else if (std::get_if<TailCountPage>(&page)) {
    auto asked = explaining_.find(e.ticket);
    CHECK(asked != explaining_.end());
    OnTailCount(asked->second, e);
    explaining_.erase(asked);
  } else if (std::get_if<RecordsPage>(&page)) {
    auto asked = record_pages_.extract(e.ticket);
    CHECK(!asked.empty());
    asked.mapped()(e.records(), e.more);
  } else if (auto* sleepers = std::get_if<SleepersPage>(&page)) {
    OnSleepersPage(sleepers->host, e);
  } else {
    OnSleeperHosts(e);
  }
  page_tickets_.erase(e.ticket);
  SweepGraveyard();
}

void Core::Impl::OnDuePage(Clock clock, PageLoaded& page) {
  CHECK(!page.more || !page.due().empty());
  WindowOf(clock).horizon().EndPage(page.more ? &page.due().back().key : nullptr);
  for (LoadedDue& item : page.due()) {
    // What memory has of a notify is newer than the page: it may have been settled or moved since that was read.
    Entry* entry = EntryOfPage(item.key.id, item.notify);
    PlaceEntry(entry);
    MaybeDrop(entry);
  }
  if (clock == Clock::kWall) ReleaseHorizon();
}

void Core::Impl::OnSearchPage(PageLoaded& page) {
  CHECK(!page.more || !page.due().empty());
  search_.ticket = 0;
  search_.done.EndPage(page.more ? &page.due().back().key : nullptr);
  for (LoadedDue& item : page.due()) {
    // As in OnDuePage, what memory has is newer.
    bool at_once = item.notify.record && item.notify.record->state.at_once;
    if (!at_once && !FindEntry(item.key.id)) continue;
    Entry* entry = EntryOfPage(item.key.id, item.notify);
    PlaceEntry(entry);
    MaybeDrop(entry);
  }
  ReleaseHorizon();
}

void Core::Impl::OnExpiryPage(PageLoaded& page) {
  CHECK(!page.more || !page.expiries().empty());
  expiry_.horizon().EndPage(page.more ? &page.expiries().back() : nullptr);
  // A notify whose ttl was set while the page was under way has its timer already; two do no harm, since ExpiryDue looks again.
  for (const DueKey& key : page.expiries()) {
    Entry* entry = FindEntry(key.id);
    if (!entry || !entry->known) AddExpiryTimer(key);
    else if (entry->pending()) TrackExpiry(entry);
  }
}

/// Lets the half of a window that is due last go back to being on disk only: more is due soon than memory should hold.
void Core::Impl::EvictFarther(Clock clock) {
  // What is due at once is in no wheel: all of it below the old horizon stays in memory.
  if (clock == Clock::kWall) search_.done.Set(Searched());
  WindowOf(clock).EvictFarther([this](Entry::Timer* timer) {
    timer->entry->place = Place::kIdle;
    MaybeDrop(timer->entry);
  });
}

/// Sets the low-water marks, the least key that each index may still have, from which a start reads. Costs O(loaded), so it is called now and then,
/// with a batch that goes out anyway.
void Core::Impl::UpdateMarks() {
  next_mark_ = {now_.mono.ms + 10'000};
  DueKey wall = wall_.horizon().at(), mono = mono_.horizon().at(), expiry = expiry_.Mark();
  for (const auto& [id, entry] : entries_) {
    if (entry->index == Index::kDue || entry->index == Index::kHeldDue) wall = std::min(wall, DueKey{entry->state.due.ms, id});
    else if (entry->index == Index::kRetrying) mono = std::min(mono, DueKey{entry->state.retry_at.ms, id});
    // A notify in flight whose ttl is over has no timer any more, and is settled when its attempt ends: until then it keeps its key.
    if (entry->pending() && entry->state.expires_at != kWallNever) expiry = std::min(expiry, DueKey{entry->state.expires_at.ms, id});
  }
  // A notify whose ttl is over has left the wheel while it waits to be read from the store, and while it is: the mark stays until that is done.
  // While it stops none is expired any more: that is left to the next start.
  if (stopping_ || !expired_.empty()) expiry = std::min(expiry, totals_.expiry_mark);
  for (const auto& [task, owned] : parked_)
    if (std::holds_alternative<ExpiryDue>(owned->event)) expiry = std::min(expiry, totals_.expiry_mark);
  totals_.wall_mark = wall;
  totals_.mono_mark = mono;
  totals_.expiry_mark = expiry;
}

}  // namespace notifyd
