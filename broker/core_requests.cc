// Handlers of requests that need to look something up. Each may run several times: until all that it needs is known it only asks (I2).
#include <algorithm>
#include <map>
#include <utility>

#include "broker/core_groups.h"
#include "broker/core_history.h"
#include "broker/core_pauses.h"
#include "broker/core_responses.h"
#include "broker/core_services.h"
#include "broker/core_topics.h"
#include "broker/flow.h"
#include "broker/lane_limits.h"
#include "broker/payload.h"
#include "broker/spec.h"
#include "broker/via.h"

namespace notifyd {
namespace {

/// Does the item's lane begin to skip with it? A lane that does already, as all do behind the first, is not looked at any closer.
bool BeginsToSkip(const SubmitItem& item, const Lane& lane, const CoreLimits& limits) {
  if (!item.steps_aside || !lane.fifo() || lane.limits.on_retry == OnRetry::kSkip) return false;
  const RetryPolicy& retry = item.envelope->retry_policy();
  const bool repeats = !item.envelope->reply_none && (retry.max_attempts > 1 || retry.later_on);
  return repeats && !SaysOnRetry(lane.key, lane.settings, limits);
}

}  // namespace

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

// ---- submit

/// A notify that an item of a submit refers to: one that is there, or one of an earlier item of this very request.
struct Ref {
  Entry* stored = nullptr;
  size_t item = SIZE_MAX;
  explicit operator bool() const { return stored || item != SIZE_MAX; }
  /// `made`: what became of the items so far. Null where it refers to nothing.
  Entry* In(const std::vector<Entry*>& made) const { return item != SIZE_MAX ? made[item] : stored; }
};

/// What becomes of one item of a submit.
struct Core::Impl::SubmitPlan {
  enum class Kind { kNew, kDuplicate, kKept } kind = Kind::kNew;
  Ref earlier;                                     // kDuplicate, kKept: the earlier notify
  NotifyId removed;                                // kDuplicate without that: it is known by its id alone, retention removed it
  Ref replaced;                                    // kNew: cancelled in its favour
  std::shared_ptr<const RememberedTrigger> early;  // kNew: a trigger that was there before it
  std::shared_ptr<const std::string> spec;         // and the spec with that one's data
  Status refused;                                  // `each`: not taken
  Ref in_the_way;                                  // because of this one
};

/// What the items before one have claimed: their keys, and places below the limit of pending ones.
struct Core::Impl::PlanContext {
  std::map<IdempotencyKey, size_t> keys;
  std::map<std::string, size_t> fkeys;  // held by that item; SIZE_MAX: by nobody any more
  uint64_t pending = 0;                 // more than before
  uint64_t fresh = 0, bytes = 0;
  std::unique_ptr<std::map<std::string, uint64_t>> by_caller;  // of those, where callers have settings
};

/// Looks whether the item's idempotency key, which it has, is known: then the item is a duplicate.
Status Core::Impl::PlanKeyed(const SubmitRequest& r, const SubmitItem& item, const PlanContext& context, SubmitPlan* plan) {
  IdempotencyKey key{item.envelope->caller, item.idempotency_key};
  auto differs = [] { return Status(Code::kUnacceptable, "this idempotency key was used with other fields", "/idempotency_key"); };
  if (auto here = context.keys.find(key); here != context.keys.end()) {
    if (r.items[here->second].fields != item.fields) return differs();
    plan->kind = SubmitPlan::Kind::kDuplicate;
    plan->earlier.item = here->second;
    return Status::Ok();
  }
  const std::optional<IdempotencyRecord>& record = idempotency_.at(key)->record;
  if (!record || record->expires_at <= now_.wall) return Status::Ok();
  if (!HasFields(record->fields, item)) return differs();
  plan->kind = SubmitPlan::Kind::kDuplicate;
  Entry* first = FindEntry(record->id);
  if (first->exists) plan->earlier.stored = first;
  else plan->removed = record->id;
  return Status::Ok();
}

/// Looks what the item's fkey, which it has, holds: a notify, which is in the way, kept or replaced, or a trigger that came before the item.
Status Core::Impl::PlanHeld(const SubmitRequest& r, const SubmitItem& item, const PlanContext& context, SubmitPlan* plan) {
  const std::string& fkey = item.envelope->fkey;
  Ref held;
  if (auto here = context.fkeys.find(fkey); here != context.fkeys.end()) {
    held.item = here->second;
  } else if (const auto& record = fkeys_.at(fkey)->record; record && record->expires_at > now_.wall) {
    if (record->remembered) {
      plan->early = record->remembered;
    } else {
      Entry* entry = FindEntry(record->id);
      if (entry->pending() && entry->held(now_.wall) && entry->state.expires_at > now_.wall) held.stored = entry;
    }
  }
  if (held && item.on_held == OnHeld::kReject) {
    plan->in_the_way = held;
    return Status(Code::kConflict, "a notify is held under this fkey already", "/fkey");
  }
  if (held && item.on_held == OnHeld::kKeep) {
    plan->kind = SubmitPlan::Kind::kKept;
    plan->earlier = held;
    return Status::Ok();
  }
  if (held && item.for_caller_alone) {
    const Envelope& envelope = held.stored ? *held.stored->envelope : *r.items[held.item].envelope;
    if (envelope.caller != item.envelope->caller) {
      plan->in_the_way = held;
      return Status(Code::kConflict, "another caller's notify is held under this fkey", "/fkey");
    }
  }
  plan->replaced = held;
  if (!plan->early || !plan->early->data) return Status::Ok();
  Result<NotifySpec> spec = DecodeSpec(*item.spec);
  CHECK(spec.ok());
  Result<NotifySpec> merged = MergeTriggerData(std::move(*spec), *plan->early->data, limits_.max_body_bytes);
  if (!merged.ok()) {
    std::string detail = "the trigger of this fkey that came before has data that cannot be merged into this notify: " + merged.status().detail();
    return Status(merged.status().code(), std::move(detail), "/fkey");
  }
  plan->spec = std::make_shared<const std::string>(EncodeSpec(*merged));
  return Status::Ok();
}

Status Core::Impl::PlanItem(const SubmitRequest& r, size_t i, PlanContext* context, SubmitPlan* plan) {
  const SubmitItem& item = r.items[i];
  const bool keyed = !item.idempotency_key.empty();
  if (keyed)
    if (Status status = PlanKeyed(r, item, *context, plan); !status.ok() || plan->kind == SubmitPlan::Kind::kDuplicate) return status;
  if (!item.refused.ok()) return item.refused;
  // What a schedule makes waits for its service, as what was taken before it was deleted.
  const bool of_schedule = item.envelope->flow && !item.envelope->flow->schedule.empty();
  if (const std::string_view service = ServiceOf(item.envelope->host); !service.empty() && !of_schedule && !services_->Knows(service))
    return Status(Code::kUnacceptable, "there is no service of this name", "/url");
  if (item.when.kind == When::Kind::kAt && item.when.ms > now_.wall.ms + kMaxAheadMs) return TooFarAhead(item.when);
  if (item.ttl.kind == When::Kind::kAt && item.ttl.ms <= now_.wall.ms) return ExpiryHasPassed();
  const std::string& fkey = item.envelope->fkey;
  if (!fkey.empty())
    if (Status status = PlanHeld(r, item, *context, plan); !status.ok()) return status;
  if (plan->kind == SubmitPlan::Kind::kKept && keyed) {
    const uint64_t bytes = kRecordBytes + item.idempotency_key.size();
    if (Status status = CheckStored(context->bytes + bytes); !status.ok()) return status;
    context->bytes += bytes;
  }
  if (plan->kind == SubmitPlan::Kind::kNew) {
    const bool in_place = static_cast<bool>(plan->replaced);
    if (!in_place && totals_.claimed() + context->pending >= limits_.max_pending) return TooManyPending();
    uint64_t bytes = 0;
    if (limits_.max_stored_bytes) {
      bytes = BytesOf(item, *(plan->spec ? plan->spec : item.spec));
      if (Status status = CheckStored(context->bytes + bytes); !status.ok()) return status;
    }
    uint64_t* of_caller = nullptr;
    if (!switches_.all->callers.empty()) {
      if (!context->by_caller) context->by_caller = std::make_unique<std::map<std::string, uint64_t>>();
      of_caller = &(*context->by_caller)[item.envelope->caller];
    }
    if (of_caller)
      if (Status status = CheckCaller(item.envelope->caller, *of_caller, !r.each); !status.ok()) return status;
    if (r.each && SubmitTokens() - static_cast<double>(context->fresh) < 1) return SubmitsTooFast();
    context->pending += !in_place;
    ++context->fresh;
    if (of_caller) ++*of_caller;
    context->bytes += bytes;
    if (!fkey.empty()) {
      // An item whose due time has passed is sent at once and holds nothing, like one that was triggered already.
      bool holds = !plan->early && (item.when.kind == When::Kind::kDefault || !DueOf(item.when).at_once);
      context->fkeys[fkey] = holds ? i : SIZE_MAX;
    }
  }
  if (keyed) context->keys[{item.envelope->caller, item.idempotency_key}] = i;
  return Status::Ok();
}

std::optional<Refused> Core::Impl::PlanSubmit(const SubmitRequest& r, std::vector<SubmitPlan>* plan) {
  PlanContext context;
  for (size_t i = 0; i < r.items.size(); ++i) {
    SubmitPlan p;
    Status status = PlanItem(r, i, &context, &p);
    if (!status.ok()) {
      if (!r.each) {
        Refused whole;
        if (p.in_the_way.stored) whole.holder = p.in_the_way.stored->id;
        std::string field = r.batch ? "/" + std::to_string(i) + status.field() : status.field();
        whole.status = Status(status.code(), status.detail(), std::move(field));
        if (status.code() == Code::kTooMany) whole.retry_after_ms = CallerMayAgainIn(r.items[i].envelope->caller);
        return whole;
      }
      SubmitPlan refused;
      refused.refused = std::move(status);
      refused.in_the_way = p.in_the_way;
      p = std::move(refused);
    }
    plan->push_back(std::move(p));
  }
  // A batch that is longer than the burst is taken by a full bucket, and paid for afterwards.
  if (context.fresh == 0) return std::nullopt;
  const auto fresh = static_cast<double>(context.fresh);
  const double needed = std::min<double>(fresh, SubmitRate().burst);
  if (!r.each && SubmitTokens() < needed)
    return Refused{SubmitsTooFast(), {}, submits_.When(needed, now_.mono, SubmitRate()).ms - now_.mono.ms};
  submits_.Take(now_.mono, SubmitRate(), fresh);
  if (context.by_caller)
    for (const auto& [caller, taken] : *context.by_caller) TakeOfCaller(caller, taken);
  return std::nullopt;
}

std::optional<Refused> Core::Impl::GroupPart::Judge(const SubmitRequest& submit) {
  std::vector<SubmitPlan> plan;
  return core_.PlanSubmit(submit, &plan);
}

void Core::Impl::NeedForSubmit(Task* task, const SubmitRequest& r) {
  if (!switches_.known) NeedSwitches(task);
  for (const SubmitItem& item : r.items) {
    Lane* lane = NeedLane(task, item.envelope->lane);
    if (lane && lane->has_attempted_head() && BeginsToSkip(item, *lane, limits_)) NeedEntry(task, lane->record.blocked_head);
    if (!ServiceOf(item.envelope->host).empty()) NeedCatalog(task);
    if (!item.idempotency_key.empty())
      if (auto* slot = NeedIdempotency(task, {item.envelope->caller, item.idempotency_key}))
        if (slot->record && slot->record->expires_at > now_.wall) NeedEntry(task, slot->record->id);
    if (!item.envelope->fkey.empty())
      if (auto* slot = NeedFkey(task, item.envelope->fkey))
        if (slot->record && slot->record->expires_at > now_.wall && !slot->record->remembered)
          if (Entry* entry = NeedEntry(task, slot->record->id))
            if (entry->pending()) NeedLane(task, entry->envelope->lane);
  }
}

Handled Core::Impl::Handle(Task* task, SubmitRequest& r) {
  if (RefusedStopping(r.request)) return Handled::kDone;
  if (disk_low_ || lost_) return ReplyNow(r.request, std::get<Refused>(TakeSubmit(r)));
  NeedForSubmit(task, r);
  if (task->missing > 0) return Handled::kParked;
  std::variant<Refused, Submitted> taken = TakeSubmit(r);
  if (auto* submitted = std::get_if<Submitted>(&taken); submitted && r.wait_ms > 0 && submitted->items.size() == 1) {
    SubmittedItem& item = submitted->items[0];
    // Of what is told by its id alone, nobody is told the end.
    if (Entry* entry = item.removed || item.id_alone ? nullptr : FindEntry(item.id)) {
      responses_->Wait(r.request, entry, std::move(item), r.wait_ms);
      return Handled::kDone;
    }
  }
  return std::visit([&](auto&& reply) { return ReplyAfter(journal_.Barrier(), r.request, std::move(reply)); }, std::move(taken));
}

std::variant<Refused, Submitted> Core::Impl::TakeSubmit(const SubmitRequest& r) {
  if (Status room = Room("submits are refused"); !room.ok()) return Refused{std::move(room), {}, 0};
  std::vector<SubmitPlan> plan;
  plan.reserve(r.items.size());
  if (std::optional<Refused> refused = PlanSubmit(r, &plan)) return *std::move(refused);
  Submitted reply;
  reply.batch = r.batch;
  reply.items.reserve(plan.size());
  std::vector<Entry*> made(plan.size(), nullptr);
  for (size_t i = 0; i < plan.size(); ++i) {
    const SubmitPlan& p = plan[i];
    if (!p.refused.ok()) {
      reply.items.emplace_back().refused = p.refused;
      if (const Entry* in_the_way = p.in_the_way.In(made)) reply.items.back().id = in_the_way->id;
      continue;
    }
    Entry* entry = p.earlier.In(made);
    SubmittedItem item;
    if (p.kind == SubmitPlan::Kind::kNew) {
      if (Entry* replaced = p.replaced.In(made)) Settle(replaced, Phase::kCancelled, kReplaced, std::nullopt);
      entry = ApplySubmit(r.items[i], p.spec ? p.spec : r.items[i].spec, p.early.get());
      Lane* lane = r.items[i].steps_aside ? GetLane(entry->envelope->lane) : nullptr;
      if (lane && BeginsToSkip(r.items[i], *lane, limits_)) {
        LaneSettings settings = lane->settings;
        settings.on_retry = OnRetry::kSkip;
        if (lane->settings.IsDefault()) stored_.bytes += kRecordBytes + lane->key.name.size();
        pauses_->ChangeSettings(lane, settings);
        item.lane_set = true;
      }
    } else if (p.kind == SubmitPlan::Kind::kKept) {
      RememberKey(r.items[i], entry->id);
      if (!r.items[i].idempotency_key.empty()) stored_.bytes += kRecordBytes + r.items[i].idempotency_key.size();
    }
    made[i] = entry;
    item.duplicate = p.kind == SubmitPlan::Kind::kDuplicate;
    item.kept = p.kind == SubmitPlan::Kind::kKept;
    if (entry) {
      item.id = entry->id;
      item.state = StateOf(entry->state, entry);
      item.due = entry->state.due;
      item.lane = entry->envelope->lane;
      item.id_alone = r.items[i].for_caller_alone && entry->envelope->caller != r.items[i].envelope->caller;
    } else {  // a duplicate of one that was settled and removed
      item.id = p.removed;
      item.removed = true;
      item.lane = r.items[i].envelope->lane;
    }
    reply.items.push_back(std::move(item));
  }
  return reply;
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
    if (lane->known && !lane->loading && MustSpill(*lane, entry->order(), *entry->host, lane->queue.size() + lane->awaiting)) {
      AddIndex(entry, Index::kTail);
      entry->promoted = true;
      NoteSpilled(lane, entry->order(), *entry->host);
      Activate(lane);
      return;
    }
  }
  AddIndex(entry, index);
  PlaceEntry(entry);
}

// ---- fkeys

/// Looks up what the fkey names. Returns false where the task was parked; else `*entry` is the notify, held or triggered, or null where nothing was
/// held, or that was cancelled, expired or removed.
bool Core::Impl::NeedHolder(Task* task, const std::string& fkey, Entry** entry) {
  *entry = nullptr;
  FkeySlot* slot = NeedFkey(task, fkey);
  if (!slot) return false;
  if (!slot->record || slot->record->expires_at <= now_.wall || slot->record->remembered) return true;
  Entry* holder = NeedEntry(task, slot->record->id);
  if (!holder) return false;
  bool gone = !holder->exists || holder->state.phase == Phase::kCancelled || holder->state.phase == Phase::kExpired;
  if (!gone) *entry = holder;
  return true;
}

Handled Core::Impl::Handle(Task* task, TriggerRequest& r) {
  if (RefusedStopping(r.request)) return Handled::kDone;
  Entry* entry;
  if (!NeedHolder(task, r.fkey, &entry)) return Handled::kParked;
  if (!entry) {
    if (r.remember_ms > 0 && RememberTrigger(r)) return Handled::kDone;
    return RefuseAfter(r.request, Code::kNotFound, kNotHeld);
  }
  if (!entry->pending() || !entry->held(now_.wall)) {
    return ReplyAfter(journal_.Barrier(), r.request, Triggered{entry->id, StateOf(entry->state, entry), false});
  }
  Lane* lane = NeedLane(task, entry->envelope->lane);
  if (r.data) entry = NeedEntry(task, entry->id, true);
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
    if (Status status = StoreMore(spec->size(), merged->size()); !status.ok()) return Refuse(r.request, status);
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
    const FkeySlot& slot = *fkeys_.at(r.fkey);
    if (!IsRemembered(slot)) return Refuse(r.request, Code::kNotFound, kNotHeld);
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
  if (!NeedLane(task, entry->envelope->lane)) return Handled::kParked;
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
  if (LacksLastAttempt(*entry) || r.base) entry = NeedEntry(task, r.id, true);
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
  if (LacksLastAttempt(*entry)) entry = NeedEntry(task, r.id, true);
  if (!lane || !entry || task->missing > 0) return Handled::kParked;
  Expire(entry);
  return Handled::kDone;
}

}  // namespace notifyd
