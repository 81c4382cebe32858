// Lanes as operators see and steer them: lists, settings, pause and resume. What the store says of a lane (its counts and settings) is laid
// over with what only memory knows: whose time has come, and what is in flight.
#include <algorithm>
#include <utility>

#include "broker/core_groups.h"
#include "broker/core_history.h"
#include "broker/core_pauses.h"

namespace notifyd {

void Core::Impl::On(LanesRequest& e) {
  LaneList& list = lane_lists_[e.request];
  list.one = e.query.only.has_value();
  out_->lanes.push_back({e.request, std::move(e.query)});
}

void Core::Impl::On(LanesDone& e) {
  --reads_under_way_;
  auto found = lane_lists_.find(e.request);
  if (found == lane_lists_.end()) return;
  LaneList list = std::move(found->second);
  lane_lists_.erase(found);
  if (!e.status.ok()) return Fatal(std::move(e.status));
  if (list.one) {
    if (e.rows.empty() && !list.known) {
      Refuse(e.request, Code::kNotFound, "there is no such lane: nothing of it is pending, and it has no settings");
      return;
    }
    LaneRow row;
    if (e.rows.empty()) row.lane = *list.known;
    else row = std::move(e.rows[0]);
    if (list.known) row.settings = list.decided;
    out_->replies.push_back({e.request, LaneViewed{ViewOf(row)}, list.unchanged});
    return;
  }
  LanesListed listed;
  listed.more = e.more;
  listed.next = e.next;
  for (const LaneRow& row : e.rows) listed.lanes.push_back(ViewOf(row));
  ReplyNow(e.request, std::move(listed));
}

LaneView Core::Impl::ViewOf(const LaneRow& row) const {
  LaneView view;
  view.lane = row.lane;
  view.own = row.settings;
  view.paused_until = pauses_->EndOf(row.lane);
  view.limits = LimitsOf(row.lane, row.settings, limits_);
  auto found = lanes_.find(row.lane);
  const Lane* lane = found == lanes_.end() ? nullptr : found->second.get();
  IndexCounts promoted = lane ? lane->promoted : IndexCounts();
  // The counts are of the moment when the store was read, the rest is of now: none goes below zero over that.
  auto count = [](int64_t n) { return static_cast<uint64_t>(std::max<int64_t>(n, 0)); };
  const IndexCounts& counts = row.counts;
  view.held = count(counts[Index::kHeld] + counts[Index::kHeldDue] - promoted[Index::kHeldDue]);
  view.scheduled = count(counts[Index::kDue] - promoted[Index::kDue]);
  view.retrying = count(counts[Index::kRetrying] - promoted[Index::kRetrying]);
  view.sending = lane ? lane->sending : 0;
  view.in_flight = lane ? lane->in_flight : 0;
  int64_t all = counts.Sum();
  view.ready = count(all - static_cast<int64_t>(view.held + view.scheduled + view.retrying + view.sending));
  const Entry* head = lane ? lane->head : nullptr;
  if (head && !head->pending()) head = nullptr;  // cancelled, and not ended yet
  if (!head && lane && lane->has_attempted_head()) head = FindEntry(lane->record.blocked_head);
  if (!head && lane && !lane->queue.empty()) head = lane->queue.begin()->second;
  if (head && head->known && head->pending()) view.oldest_due = head->state.due;
  else if (row.tail_front) view.oldest_due = row.tail_front->due;
  if (view.oldest_due) view.head_age_ms = std::max<int64_t>(0, now_.wall.ms - view.oldest_due->ms);
  return view;
}

/// Answers with the lane and the settings that it has now, once everything up to `batch` is durable.
void Core::Impl::ShowLaneAfter(uint64_t batch, RequestId request, const Lane& lane) {
  LaneList& list = lane_lists_[request];
  list.one = true;
  list.known = lane.key;
  list.decided = lane.settings;
  LanesEffect effect{request, {}};
  effect.query.only = lane.key;
  if (journal_.IsSynced(batch)) out_->lanes.push_back(std::move(effect));
  else journal_.AfterSync(batch, std::move(effect));
}

// ---- settings

Handled Core::Impl::Handle(Task* task, LaneChangeRequest& r) {
  if (RefusedStopping(r.request)) return Handled::kDone;
  Lane* lane = NeedLane(task, r.lane);
  if (!NeedSwitches(task) || !lane) return Handled::kParked;
  if (lane->has_attempted_head() && !NeedEntry(task, lane->record.blocked_head)) return Handled::kParked;
  LaneSettings settings = lane->settings;
  const LanePatch& patch = r.patch;
  if (patch.paused && *patch.paused != (settings.paused != Paused::kNo)) settings.paused = *patch.paused ? Paused::kByRequest : Paused::kNo;
  if (patch.paused_until && *patch.paused_until) settings.paused = **patch.paused_until > now_.wall ? Paused::kByRequest : Paused::kNo;
  pauses_->Note(*lane, r, &settings);
  if (patch.concurrency) settings.concurrency = *patch.concurrency;
  if (patch.rate_per_s) settings.rate_per_s = *patch.rate_per_s;
  if (patch.burst) settings.burst = *patch.burst;
  if (patch.on_retry) settings.on_retry = *patch.on_retry;
  if (patch.on_failure) settings.on_failure = *patch.on_failure;
  // What holds counts: the rate may come from the configuration.
  if (settings.burst && (patch.rate_per_s || patch.burst) && LimitsOf(lane->key, settings, limits_).rate_per_s == 0) {
    if (patch.burst) return Refuse(r.request, Code::kUnacceptable, "a burst says nothing without a rate_per_s", "/burst");
    settings.burst.reset();  // it goes with its rate
  }
  const auto bytes_of = [lane](const LaneSettings& of) {
    return of.IsDefault() ? 0 : kRecordBytes + lane->key.name.size() + (of.pause.note ? of.pause.note->by.size() + of.pause.note->reason.size() : 0);
  };
  if (Status status = StoreMore(bytes_of(lane->settings), bytes_of(settings)); !status.ok()) return Refuse(r.request, status);
  const WallTime end = pauses_->EndOf(lane->key);
  if (Status status = pauses_->ChangeEnd(*lane, settings, patch); !status.ok()) return Refuse(r.request, status);
  const bool unchanged = settings == lane->settings && pauses_->EndOf(lane->key) == end;
  pauses_->ChangeSettings(lane, settings);
  ShowLaneAfter(journal_.Barrier(), r.request, *lane);
  lane_lists_.at(r.request).unchanged = unchanged;
  return Handled::kDone;
}

void Core::Impl::FreeHead(Lane* lane) {
  if (!lane->known || !lane->fifo() || lane->limits.on_retry != OnRetry::kSkip || !lane->has_attempted_head()) return;
  Gate(lane);
  Entry* head = FindEntry(std::exchange(lane->record.blocked_head, NotifyId{}));
  lane->head_in_tail = false;
  DirtyLane(lane);
  if (head && head->place == Place::kHead) {
    Unplace(head);
    EnterLane(head);
  }
  Activate(lane);
}

void Core::Impl::PutSettings(Lane* lane, const LaneSettings& settings) {
  CHECK(lane->known);
  bool before = !lane->settings.IsDefault(), after = !settings.IsDefault();
  lane->settings = settings;
  RefreshLimits(lane);
  totals_.lane_settings += static_cast<uint64_t>(after) - static_cast<uint64_t>(before);
  if (after) Write(PutLaneSettings{lane->key, settings});
  else if (before) Write(DeleteLaneSettings{lane->key});
  Touch(lane);
}

void Core::Impl::RefreshLimits(Lane* lane) {
  lane->limits = LimitsOf(lane->key, lane->settings, limits_);
}

// ---- pause and resume

/// Moves all of the lane that waits in memory to its tail (I8).
void Core::Impl::PauseLane(Lane* lane) {
  Unring(lane);
  if (lane->head && lane->head->place == Place::kHead) {
    Entry* head = lane->head;
    Unplace(head);
    ShelveHead(lane, head);
  }
  SpillQueue(lane);
  Delist(lane);
  lane->active = false;
}

void Core::Impl::ResumeLane(Lane* lane) {
  if (lane->has_attempted_head())
    if (Entry* head = FindEntry(lane->record.blocked_head)) FetchHead(head);
  Enlist(lane);
  Activate(lane);
}

void Core::Impl::ShelveHead(Lane* lane, Entry* entry) {
  CHECK(entry->place == Place::kIdle && entry->index == Index::kRetrying);
  Spill(lane, entry);
}

/// Takes an attempted head out of the tail, back among those that wait for their next attempt.
void Core::Impl::FetchHead(Entry* entry) {
  if (!entry->pending() || entry->index != Index::kTail || entry->place != Place::kIdle) return;
  RemoveIndex(entry);
  AddIndex(entry, Index::kRetrying);
  PlaceEntry(entry);
}

Handled Core::Impl::HistoryPart::Do(Task* task, RequestId request, const SendPausedAsk& ask) {
  if (core_.RefusedStopping(request)) return Handled::kDone;
  Entry* entry = core_.NeedEntryToSend(task, ask.id);
  Lane* lane = entry && entry->exists ? core_.NeedLane(task, entry->envelope->lane) : nullptr;
  if (lane && (!entry->pending() || ask.base)) core_.NeedEntry(task, ask.id, ask.base ? Reads::kWhole : Reads::kStored);
  if (task->missing > 0) return Handled::kParked;
  RetryRequest retry{request, ask.id, ask.via, ask.base};
  if (!lane || !lane->paused() || entry->in_flight() || entry->IsOtherThan(ask.base) || GroupPart::AwaitsTurn(*entry)) return core_.Handle(task, retry);
  // What was settled, or waits for a time, enters its lane by that.
  entry->although_paused = true;
  const Handled handled = core_.Handle(task, retry);
  if (!entry->pending()) entry->although_paused = false;  // it was refused
  if (!entry->although_paused || entry->index != Index::kTail || entry->place != Place::kIdle) return handled;
  if (lane->record.blocked_head == entry->id) {
    core_.FetchHead(entry);
    return handled;
  }
  if (!core_.journal_.IsSynced(entry->durable)) core_.AwaitDurable(entry);
  core_.Enqueue(lane, entry);
  core_.Kick(lane);
  return handled;
}

void Core::Impl::PauseOnFailure(Lane* lane, NotifyId failed) {
  // With its subscription, or at some time, it would go on by itself, which somebody must do now.
  const bool was_paused = lane->paused();
  if (was_paused && !pauses_->IsOfSubscription(*lane) && pauses_->EndOf(lane->key) == kWallNever) return;
  pauses_->PutEnd(lane->key, kWallNever);
  LaneSettings settings = lane->settings;
  settings.paused = Paused::kByFailure;
  settings.pause = PausePart::NoteOf({now_.wall, {}, {}, failed});
  PutSettings(lane, settings);
  if (!was_paused) PauseLane(lane);
  out_->lane_logs.push_back({lane->key, failed});
}

}  // namespace notifyd
