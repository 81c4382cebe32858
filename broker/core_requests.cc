// Handlers of requests that need to look something up. Each may run several times: until all that it needs is known it only asks (I2).
#include <algorithm>
#include <utility>

#include "broker/core_groups.h"
#include "broker/core_history.h"
#include "broker/core_pauses.h"
#include "broker/core_responses.h"
#include "broker/core_services.h"
#include "broker/core_submits.h"
#include "broker/core_topics.h"
#include "broker/flow.h"
#include "broker/spec.h"
#include "broker/via.h"

namespace notifyd {
WallTime Core::Impl::AtOnce(NotifyId id) {
  WallTime& last = totals_.last_due_at_once;
  if (now_.wall > last) last = now_.wall;
  else if (id < search_.last) ++last.ms;
  search_.last = id;
  return last;
}

DueTime Core::Impl::DueOf(const When& when) const {
  WallTime at = when.kind == When::Kind::kDelay ? WallTime{now_.wall.ms + when.ms} : WallTime{when.ms};
  return {when.kind == When::Kind::kDefault || at <= now_.wall, at};
}

// ---- submit (what becomes of each item: core_submits.cc)

Handled Core::Impl::Handle(Task* task, SubmitRequest& r) {
  if (RefusedStopping(r.request)) return Handled::kDone;
  std::optional<Submits::Taken> taken = Submits(this, task).Take(r);
  if (!taken) return Handled::kParked;
  if (lost_) return ReplyNow(r.request, std::get<Refused>(*std::move(taken)));  // nothing waits for a store that is away
  if (auto* submitted = std::get_if<Submitted>(&*taken); submitted && r.wait_ms > 0 && submitted->items.size() == 1) {
    SubmittedItem& item = submitted->items[0];
    // Of what is told by its id alone, nobody is told the end.
    if (Entry* entry = item.removed || item.id_alone ? nullptr : FindEntry(item.id)) {
      responses_->Wait(r.request, entry, std::move(item), r.wait_ms);
      return Handled::kDone;
    }
  }
  return std::visit([&](auto&& reply) { return ReplyAfter(journal_.Barrier(), r.request, std::move(reply)); }, *std::move(taken));
}

Entry* Core::Impl::ApplySubmit(const SubmitItem& item, std::shared_ptr<const std::string> spec, const RememberedTrigger* early) {
  // Somebody may be asking for this very id: then memory has an entry for it, which says, or will say, that it does not exist.
  NotifyId id{totals_.next_id++};
  Entry* entry = FindEntry(id);
  if (!entry) entry = MakeEntry(id);
  CHECK(!entry->exists);
  entry->known = entry->exists = entry->fresh = true;
  SetEnvelope(entry, item.envelope);
  entry->created_at = now_.wall;
  entry->host = GetHost(item.envelope->host);
  ++entry->host->refs;
  books_.Accept();
  entry->state.due = kWallNever;
  if (item.ttl.kind == When::Kind::kDelay && !item.group_turn) entry->state.expires_at = {now_.wall.ms + item.ttl.ms};
  else if (item.ttl.kind == When::Kind::kAt) entry->state.expires_at = {item.ttl.ms};
  KeepSpec(entry, spec);
  const uint64_t bytes = BytesOf(item, *spec);
  stored_.bytes += bytes;
  figures_.Accepted(item.envelope->caller, bytes, now_.mono);
  history_->OnAccepted(*entry);
  Touch(entry);
  journal_.AskSync();
  DueTime due = early ? early->due : DueOf(item.when);
  due.at_once = due.at_once || due.at <= now_.wall;
  bool holds = !early && !item.envelope->fkey.empty() && (item.when.kind == When::Kind::kDefault || !due.at_once);
  entry->state.phase = holds || item.group_turn ? Phase::kHeld : Phase::kWaiting;
  if (item.group_turn || (holds && item.when.kind == When::Kind::kDefault)) AddIndex(entry, Index::kHeld);
  else SetDue(entry, due);

  auto record = std::make_shared<NotifyRecord>();
  record->id = entry->id;
  record->created_at = entry->created_at;
  record->envelope = item.envelope;
  record->spec = std::move(spec);
  record->state = entry->state;
  Write(PutNotify{std::move(record)});
  if (!item.envelope->fkey.empty()) {
    FkeySlot* slot = fkeys_.at(item.envelope->fkey).get();
    slot->record = FkeyRecord{entry->id, kWallNever, nullptr};
    Touch(slot);
    Write(PutFkey{item.envelope->fkey, *slot->record});
  }
  RememberKey(item, entry->id);
  if (entry->state.expires_at != kWallNever) PutExpiryOf(entry);
  return entry;
}

/// Lets the item's idempotency key, where it has one, answer with `id` from now on.
void Core::Impl::RememberKey(const SubmitItem& item, NotifyId id) {
  if (item.idempotency_key.empty()) return;
  IdempotencyKey key{item.envelope->caller, item.idempotency_key};
  IdempotencySlot* slot = idempotency_.at(key).get();
  const int64_t window_ms = item.idempotency_window_ms > 0 ? item.idempotency_window_ms : limits_.idempotency_window_ms;
  slot->record = IdempotencyRecord{id, item.fields, {now_.wall.ms + window_ms}};
  Touch(slot);
  journal_.AskSync();
  Write(PutIdempotency{std::move(key), *slot->record});
}

void Core::Impl::SetDue(Entry* entry, const DueTime& due) {
  entry->state.due = due.at_once ? AtOnce(entry->id) : due.at;
  entry->state.at_once = due.at_once;
  entry->durable = journal_.open();
  Index index = entry->state.phase == Phase::kHeld ? Index::kHeldDue : Index::kDue;
  // Writes it to the tail in the first place where it would be spilled right away.
  if (due.at_once && Covered(*entry) && !entry->although_paused) {
    Lane* lane = GetLane(entry->envelope->lane);
    if (lane->known && !lane->loading && MustSpill(*lane, *entry, lane->queue.size() + lane->awaiting)) {
      AddIndex(entry, Index::kTail);
      entry->promoted = true;
      NoteSpilled(lane, *entry);
      if (lane->active || !IsPaused(entry->envelope->caller)) Activate(lane);
      return;
    }
  }
  AddIndex(entry, index);
  PlaceEntry(entry);
}

// ---- fkeys

/// Looks up what the fkey names. Returns false where the task was parked; else `*entry` is the notify, held or triggered, or null where nothing was
/// held, or that was cancelled, expired or removed.
bool Core::Impl::NeedHolder(Task* task, const std::string& fkey, Entry** entry, bool to_send) {
  *entry = nullptr;
  FkeySlot* slot = NeedFkey(task, fkey);
  if (!slot) return false;
  if (!slot->record || slot->record->expires_at <= now_.wall || slot->record->remembered) return true;
  Entry* holder = to_send ? NeedEntryToSend(task, slot->record->id) : NeedEntry(task, slot->record->id);
  if (!holder) return false;
  bool gone = !holder->exists || holder->state.phase == Phase::kCancelled || holder->state.phase == Phase::kExpired;
  if (!gone) *entry = holder;
  return true;
}

Handled Core::Impl::Handle(Task* task, TriggerRequest& r) {
  if (RefusedStopping(r.request)) return Handled::kDone;
  Entry* entry;
  if (!NeedHolder(task, r.fkey, &entry, /*to_send=*/true)) return Handled::kParked;
  if (!entry) {
    if (r.remember_ms > 0 && RememberTrigger(r)) return Handled::kDone;
    return RefuseAfter(r.request, Code::kNotFound, kNotHeld);
  }
  if (!entry->pending() || !entry->held(now_.wall)) {
    return ReplyAfter(journal_.Barrier(), r.request, Triggered{entry->id, StateOf(entry->state, entry), false});
  }
  Lane* lane = NeedLane(task, entry->envelope->lane);
  if (r.data && IsHeldEvent(*entry->envelope)) NeedCatalog(task);  // it has the schema that what is merged is judged by
  const bool lacks = entry->state.expires_at <= now_.wall && LacksLastAttempt(*entry);
  if (r.data || lacks) entry = NeedEntry(task, entry->id, r.data ? Reads::kWhole : Reads::kEnd);
  if (!lane || !entry || task->missing > 0) return Handled::kParked;
  if (entry->state.expires_at <= now_.wall) {
    Expire(entry);
    return RefuseAfter(r.request, Code::kNotFound, kNotHeld);
  }
  DueTime due = DueOf(r.when);
  if (IsTooFar(due)) return Refuse(r.request, TooFarAhead(r.when));
  std::shared_ptr<const std::string> merged;
  if (r.data) {
    // As with a change: bodies are read and written outside, and the core compares what that was made of.
    const std::shared_ptr<const std::string>& spec = entry->full->spec;
    if (!r.merge || *r.merge->of != *spec) return ReplyAfter(journal_.Barrier(), r.request, Unmerged{spec});
    merged = r.merge->merged;
    if (IsHeldEvent(*entry->envelope))
      if (Result<NotifySpec> event = DecodeSpec(*merged); event.ok())
        if (Status status = topics_->JudgeHeld(*entry->envelope, *event); !status.ok()) return Refuse(r.request, status);
    if (Status status = StoreMore(entry->full->stored_spec()->size(), merged->size()); !status.ok()) return Refuse(r.request, status);
    KeepForAnswers(*entry);
  }
  Unplace(entry);
  RemoveIndex(entry);
  entry->state.phase = Phase::kWaiting;
  std::shared_ptr<NotifyRecord> record = entry->full;
  SetDue(entry, due);
  if (merged) {
    auto put = std::make_shared<NotifyRecord>(*record);
    put->spec = merged;
    put->bare = nullptr;
    put->state = entry->state;
    KeepSpec(entry, merged);
    entry->full = nullptr;
    ++entry->changes;
    Touch(entry);
    Write(PutNotify{std::move(put)});
  } else {
    ChangeState(entry, std::nullopt);
  }
  journal_.AskSync();
  return ReplyAfter(journal_.Barrier(), r.request, Triggered{entry->id, StateOf(entry->state, entry), true});
}

/// Remembers a trigger for which there is nothing to trigger, and answers it. Returns false, and does nothing, where something was held and is still
/// known.
bool Core::Impl::RememberTrigger(TriggerRequest& r) {
  FkeySlot* slot = fkeys_.at(r.fkey).get();
  if (slot->record && slot->record->expires_at > now_.wall && !slot->record->remembered && FindEntry(slot->record->id)->exists) return false;
  if (Status room = Room("nothing is remembered"); !room.ok()) {
    Refuse(r.request, room);
    return true;
  }
  auto remembered = std::make_shared<RememberedTrigger>();
  remembered->due = DueOf(r.when);
  if (IsTooFar(remembered->due)) {
    Refuse(r.request, TooFarAhead(r.when));
    return true;
  }
  if (r.data && r.data->size() > limits_.max_body_bytes) {
    std::string detail = "data is longer than a body may be (" + std::to_string(limits_.max_body_bytes) + " bytes)";
    Refuse(r.request, Code::kTooLarge, std::move(detail), "/data");
    return true;
  }
  if (Status status = StoreMore(0, r.fkey.size() + (r.data ? r.data->size() : 0) + kRecordBytes); !status.ok()) {
    Refuse(r.request, status);
    return true;
  }
  remembered->data = r.data;
  slot->record = FkeyRecord{NotifyId{}, {now_.wall.ms + r.remember_ms}, std::move(remembered)};
  Touch(slot);
  Write(PutFkey{r.fkey, *slot->record});
  journal_.AskSync();
  ReplyAfter(journal_.Barrier(), r.request, Remembered{});
  return true;
}

Handled Core::Impl::Handle(Task* task, FkeyGetRequest& r) {
  Entry* entry;
  if (!NeedHolder(task, r.fkey, &entry)) return Handled::kParked;
  if (!entry) {
    FkeySlot& slot = *fkeys_.at(r.fkey);
    if (!IsRemembered(slot)) return Refuse(r.request, Code::kNotFound, kNotHeld);
    if (!NeedRemembered(task, &slot)) return Handled::kParked;
    return ReplyAfter(slot.written, r.request, RememberedViewed{r.fkey, slot.record->remembered, slot.record->expires_at});
  }
  ShowWritten(entry->written, r.request, *entry);
  return Handled::kDone;
}

Handled Core::Impl::Handle(Task* task, FkeyCancelRequest& r) {
  if (RefusedStopping(r.request)) return Handled::kDone;
  Entry* entry;
  if (!NeedHolder(task, r.fkey, &entry)) return Handled::kParked;
  if (!entry) {
    FkeySlot* slot = fkeys_.at(r.fkey).get();
    if (!IsRemembered(*slot)) return RefuseAfter(r.request, Code::kNotFound, kNotHeld);
    slot->record->expires_at = now_.wall;
    Touch(slot);
    Write(ExpireFkey{r.fkey, slot->record->id, now_.wall});
    journal_.AskSync();
    return ReplyAfter(journal_.Barrier(), r.request, Withdrawn{});
  }
  if (!entry->pending() || !entry->held(now_.wall))
    return RefuseAfter(r.request, Code::kConflict, "the notify of this fkey was triggered already", "", entry->id);
  Lane* lane = NeedLane(task, entry->envelope->lane);
  if (LacksLastAttempt(*entry)) entry = NeedEntry(task, entry->id, Reads::kEnd);
  if (!lane || !entry || task->missing > 0) return Handled::kParked;
  Settle(entry, Phase::kCancelled, "cancelled", std::nullopt);
  journal_.AskSync();
  ShowAfter(journal_.Barrier(), r.request, *entry);
  return Handled::kDone;
}

// ---- one notify by its id

Handled Core::Impl::Handle(Task* task, GetRequest& r) {
  Entry* entry = NeedEntry(task, r.id);
  if (!entry) return Handled::kParked;
  if (!entry->exists) return Refuse(r.request, Code::kNotFound, "there is no such notify");
  if (!entry->pending() || stopping_) ShowWritten(entry->written, r.request, *entry);
  else AddPoll(r.request, entry, r.wait_ms);
  return Handled::kDone;
}

Handled Core::Impl::Handle(Task* task, CancelRequest& r) {
  if (RefusedStopping(r.request)) return Handled::kDone;
  Entry* entry = NeedEntry(task, r.id);
  if (!entry) return Handled::kParked;
  if (!entry->exists) return RefuseAfter(r.request, Code::kNotFound, "there is no such notify");
  if (!entry->pending())
    return RefuseAfter(r.request, Code::kConflict, std::string("the notify is settled: ") + ToString(static_cast<State>(entry->state.phase)));
  Lane* lane = NeedLane(task, entry->envelope->lane);
  if (LacksLastAttempt(*entry) || r.base) entry = NeedEntry(task, r.id, r.base ? Reads::kWhole : Reads::kEnd);
  if (!lane || !entry || task->missing > 0) return Handled::kParked;
  if (entry->IsOtherThan(r.base)) return ReplyAfter(journal_.Barrier(), r.request, Stale{});
  Settle(entry, Phase::kCancelled, "cancelled", std::nullopt);
  journal_.AskSync();
  ShowAfter(journal_.Barrier(), r.request, *entry);
  return Handled::kDone;
}

Handled Core::Impl::Handle(Task* task, ExpiryDue& r) {
  if (stopping_) return Handled::kDone;
  Entry* entry = NeedEntry(task, r.id);
  if (!entry) return Handled::kParked;
  if (!entry->pending() || entry->in_flight()) return Handled::kDone;  // one in flight is judged when it ends
  if (entry->state.expires_at > now_.wall) {
    TrackExpiry(entry);
    return Handled::kDone;
  }
  Lane* lane = NeedLane(task, entry->envelope->lane);
  if (LacksLastAttempt(*entry)) entry = NeedEntry(task, r.id, Reads::kEnd);
  if (!lane || !entry || task->missing > 0) return Handled::kParked;
  Expire(entry);
  return Handled::kDone;
}

}  // namespace notifyd
