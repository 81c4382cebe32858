// What users change about a notify. A retry by hand; and, of one that waits, the read that a change starts from, and the change, which is taken only
// where nobody changed the notify in between. The new envelope and spec were made and validated outside; what they mean for lanes and times is
// decided here.
#include <algorithm>
#include <optional>
#include <utility>

#include "broker/core_groups.h"
#include "broker/core_responses.h"
#include "broker/core_topics.h"
#include "broker/flow.h"
#include "broker/spec.h"
#include "broker/via.h"

namespace notifyd {

/// Refuses a change of a notify that is gone, settled or in flight, and returns true; else returns false.
bool Core::Impl::RefusedChange(RequestId request, const Entry& entry) {
  if (!entry.exists) {
    RefuseAfter(request, Code::kNotFound, "there is no such notify");
    return true;
  }
  if (!entry.pending()) {
    RefuseAfter(request, Code::kConflict, std::string("the notify is settled: ") + ToString(static_cast<State>(entry.state.phase)));
    return true;
  }
  if (entry.in_flight()) {
    RefuseAfter(request, Code::kConflict, "an attempt is in flight");
    return true;
  }
  return false;
}

Handled Core::Impl::Handle(Task* task, ChangeReadRequest& r) {
  if (RefusedStopping(r.request)) return Handled::kDone;
  Entry* entry = NeedEntry(task, r.id);
  if (!entry) return Handled::kParked;
  if ((r.in_any_state && entry->exists) || !RefusedChange(r.request, *entry)) ShowAfter(journal_.Barrier(), r.request, *entry);
  return Handled::kDone;
}

namespace {

/// Does the change say what the notify is already? Whoever makes one leaves the objects of `base` where they say the same.
bool SaysTheSame(const ChangeRequest& change) {
  return !change.when && !change.ttl && change.base && change.spec == change.base->spec && change.envelope == change.base->envelope;
}

}  // namespace

bool Entry::IsOtherThan(const std::shared_ptr<const NotifyRecord>& base) const {
  return base && PrintOfChangeable(*base) != PrintOfChangeable(*full);
}

Handled Core::Impl::Handle(Task* task, ChangeRequest& r) {
  if (RefusedStopping(r.request)) return Handled::kDone;
  Entry* entry = NeedEntryToSend(task, r.id);
  if (!entry) return Handled::kParked;
  if (RefusedChange(r.request, *entry)) return Handled::kDone;
  if (GroupPart::AwaitsTurn(*entry) && (r.when || r.ttl))
    return RefuseAfter(r.request, Code::kConflict, std::string(GroupPart::kTurnRefusal) + ": its times cannot be changed before that");
  Lane* lane = NeedLane(task, entry->envelope->lane);
  // Whether it is held still, or its fkey was given to another when its time had come (before the clock stepped back).
  const bool held = entry->state.phase == Phase::kHeld && !entry->envelope->fkey.empty();
  FkeySlot* fkey = held ? NeedFkey(task, entry->envelope->fkey) : nullptr;
  entry = NeedEntry(task, r.id, Reads::kWhole);
  if (!lane || !entry || task->missing > 0) return Handled::kParked;
  if (entry->state.expires_at <= now_.wall) {
    // Its fkey may be another's by now: it is over, whatever the change would have it be.
    Expire(entry);
    RefusedChange(r.request, *entry);
    return Handled::kDone;
  }
  if (entry->IsOtherThan(r.base)) return ReplyAfter(journal_.Barrier(), r.request, Stale{});
  DueTime due;
  if (r.when) {
    due = DueOf(*r.when);
    if (IsTooFar(due)) return Refuse(r.request, TooFarAhead(*r.when));
  }
  if (r.ttl && r.ttl->kind == When::Kind::kAt && r.ttl->ms <= now_.wall.ms) return Refuse(r.request, ExpiryHasPassed());
  std::shared_ptr<const std::string> written = SpecToWrite(*entry->full, r.spec);
  if (Status status = StoreMore(entry->full->stored_spec()->size(), written->size()); !status.ok()) return Refuse(r.request, status);
  if (fkey && !(fkey->record && fkey->record->id == entry->id)) entry->state.phase = Phase::kWaiting;
  CarryOutChange(entry, r, due, std::move(written));
  ShowAfter(journal_.Barrier(), r.request, *entry);
  shown_.at(r.request).unchanged = SaysTheSame(r);
  return Handled::kDone;
}

void Core::Impl::CarryOutChange(Entry* entry, ChangeRequest& r, const DueTime& due, std::shared_ptr<const std::string> written) {
  KeepForAnswers(*entry);
  auto record = std::make_shared<NotifyRecord>(*entry->full);
  NotifyState& state = entry->state;
  bool held = entry->held(now_.wall);
  if (entry->envelope->lane.mode == Mode::kFifo) Gate(GetLane(entry->envelope->lane));
  Unplace(entry);
  RemoveIndex(entry);
  SetEnvelope(entry, r.envelope);
  if (r.ttl) {
    UntrackExpiry(entry);
    if (state.expires_at != kWallNever) Write(DeleteExpiry{{state.expires_at.ms, entry->id}});
    state.expires_at = r.ttl->kind == When::Kind::kDefault ? kWallNever
                       : r.ttl->kind == When::Kind::kAt    ? WallTime{r.ttl->ms}
                                                           : WallTime{now_.wall.ms + r.ttl->ms};
    if (state.expires_at != kWallNever) PutExpiryOf(entry);
  }
  if (r.when && held && r.when->kind == When::Kind::kDefault) {
    state.due = kWallNever;
    AddIndex(entry, Index::kHeld);
  } else if (r.when) {
    // One that is held stays so until then; one that was attempted waits for that time instead of its next attempt's.
    if (!held || due.at_once) state.phase = Phase::kWaiting;
    state.next_attempt_at = {};
    if (entry->envelope->lane.mode == Mode::kFifo) {
      Lane* lane = GetLane(entry->envelope->lane);
      if (lane->record.blocked_head == entry->id) {
        lane->record.blocked_head = {};
        DirtyLane(lane);
        Activate(lane);
        Kick(lane);
      }
    }
    SetDue(entry, due);
  } else {
    entry->durable = journal_.open();
    AddIndex(entry, IndexOf(state, false));
    PlaceEntry(entry);
  }
  record->envelope = entry->envelope;
  record->spec = std::move(written);
  record->bare = nullptr;
  record->state = state;
  KeepSpec(entry, r.spec);
  entry->full = nullptr;
  ++entry->changes;
  Touch(entry);
  journal_.AskSync();
  Write(PutNotify{std::move(record)});
}

Handled Core::Impl::Handle(Task* task, RetryRequest& r) {
  if (RefusedStopping(r.request)) return Handled::kDone;
  Entry* entry = NeedEntryToSend(task, r.id);
  if (!entry) return Handled::kParked;
  if (!entry->exists) return RefuseAfter(r.request, Code::kNotFound, "there is no such notify");
  if (entry->in_flight()) return RefuseAfter(r.request, Code::kConflict, "an attempt is in flight");
  if (GroupPart::AwaitsTurn(*entry)) return RefuseAfter(r.request, Code::kConflict, GroupPart::kTurnRefusal);
  if (TopicPart::HasReleased(*entry))
    return RefuseAfter(r.request, Code::kConflict, "the event that it held has been let go: a replay of the event makes its notifies once more");
  Lane* lane = NeedLane(task, entry->envelope->lane);
  if (!topics_->KnowsLeaving()) NeedCatalog(task);
  const bool revives = !entry->pending();
  if (revives) groups_->NeedGroupOf(task, *entry);
  if (revives || r.base) entry = NeedEntry(task, r.id, r.base ? Reads::kWhole : Reads::kStored);
  if (!lane || !entry || task->missing > 0) return Handled::kParked;
  if (topics_->IsLeaving(*entry))
    return RefuseAfter(r.request, Code::kConflict,
                       "its subscription was deleted, and what it left is still being cancelled: retry it once that is done");
  if (entry->IsOtherThan(r.base)) return ReplyAfter(journal_.Barrier(), r.request, Stale{});
  if (revives && totals_.claimed() >= limits_.max_pending) return Refuse(r.request, TooManyPending());
  const bool probes = entry->host->breaker.state() == Breaker::State::kOpen;
  ProbeByHand(entry->host);
  const bool changed = ApplyRetry(entry, r.via);
  if (revives) groups_->OnRevived(task, {entry});
  return ReplyAfter(journal_.Barrier(), r.request, Retried{entry->id, StateOf(entry->state, entry)}, /*unchanged=*/!changed && !probes);
}

bool Core::Impl::ApplyRetry(Entry* entry, const std::string& via) {
  NotifyState& state = entry->state;
  journal_.AskSync();
  if (!entry->pending()) {
    CHECK(entry->full && entry->full_as >= Reads::kStored);
    Phase before = state.phase;
    std::shared_ptr<NotifyRecord> record = entry->full;
    books_.Revive();
    if (entry->envelope->flow) topics_->OnRevived(*entry->envelope);
    WallTime old_expiry = state.expires_at;
    state.phase = Phase::kWaiting;
    state.attempts_before = state.attempts_made;
    state.laters = 0;
    state.reason.clear();
    state.settled_at = {};
    state.next_attempt_at = {};
    // A ttl starts over with the budget: else an expired notify could never be sent again. That of a member which was cancelled before its turn had
    // not begun.
    const auto& flow = entry->envelope->flow;
    if (old_expiry != kWallNever || (flow && flow->group.value != 0)) {
      Result<NotifySpec> spec = DecodeSpec(*record->stored_spec());
      std::optional<int64_t> ttl_ms;
      if (spec.ok() && spec->ttl_ms) ttl_ms = spec->ttl_ms;
      else if (old_expiry != kWallNever) ttl_ms = old_expiry.ms - entry->created_at.ms;
      if (ttl_ms) state.expires_at = {now_.wall.ms + std::max<int64_t>(1, *ttl_ms)};
    }
    Touch(entry);
    SetDue(entry, DueTime{});
    auto put = std::make_shared<NotifyRecord>(*record);
    put->state = state;
    put->spec = record->stored_spec();
    put->bare = nullptr;
    std::shared_ptr<const std::string> whole = record->spec;  // null: it is read once it is sent
    // Its chain begins anew with whoever asks for the retry. Most have none, and are not decoded for that.
    if (!via.empty() || put->spec->find(kViaHeader) != std::string::npos) {
      put->spec = std::make_shared<const std::string>(SpecWithVia(*put->spec, via));
      whole = record->bare ? nullptr : put->spec;
    }
    KeepSpec(entry, std::move(whole));
    entry->full = nullptr;
    ++entry->changes;
    Write(PutNotify{std::move(put)});
    responses_->Remove(*entry);
    if (before != Phase::kSucceeded) Write(DeleteSettled{before, entry->id});
    if (state.expires_at != kWallNever) PutExpiryOf(entry);
    if (!entry->envelope->fkey.empty()) EndFkey(*entry, kWallNever);
    groups_->OnChanged(*entry, nullptr);
  } else if (state.phase == Phase::kRetrying) {
    // Where it is in its lane or its tail, its wait is over already.
    if ((entry->place != Place::kTimer && entry->place != Place::kIdle) || entry->index != Index::kRetrying) return false;
    Unplace(entry);
    RemoveIndex(entry);
    state.retry_at = now_.mono;
    state.next_attempt_at = now_.wall;
    AddIndex(entry, Index::kRetrying);
    ChangeState(entry, std::nullopt);
    PlaceEntry(entry);
  } else if (!entry->promoted && state.due > now_.wall) {
    Unplace(entry);
    RemoveIndex(entry);
    state.phase = Phase::kWaiting;
    SetDue(entry, DueTime{});
    ChangeState(entry, std::nullopt);
  } else {
    return false;
  }
  return true;
}

}  // namespace notifyd
