// What becomes of the items of a submit. See core_submits.h.
#include "broker/core_submits.h"

#include <algorithm>
#include <utility>

#include "broker/core_merging.h"
#include "broker/core_pauses.h"
#include "broker/core_services.h"
#include "broker/flow.h"
#include "broker/lane_limits.h"
#include "broker/spec.h"

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

/// A notify that an item of a submit refers to: one that is there, or one of an earlier item of this very request.
struct Ref {
  Entry* stored = nullptr;
  size_t item = SIZE_MAX;
  explicit operator bool() const { return stored || item != SIZE_MAX; }
  /// `made`: what became of the items so far. Null where it refers to nothing.
  Entry* In(const std::vector<Entry*>& made) const { return item != SIZE_MAX ? made[item] : stored; }
};

/// What becomes of one item of a submit.
struct Core::Impl::Submits::Plan {
  enum class Kind { kNew, kDuplicate, kKept } kind = Kind::kNew;
  Ref earlier;                                     // kDuplicate, kKept: the earlier notify
  NotifyId removed;                                // kDuplicate without that: it is known by its id alone, retention removed it
  Ref replaced;                                    // kNew: cancelled in its favour
  std::shared_ptr<const RememberedTrigger> early;  // kNew: a trigger that was there before it
  std::shared_ptr<const std::string> spec;         // and the spec with that one's data
  Status refused;                                  // `each`: not taken
  Ref in_the_way;                                  // because of this one
};

/// The items of a submit, to be merged with what came before them.
class Core::Impl::Submits::Source : public MergeSource {
 public:
  explicit Source(const SubmitRequest& r) : items_(r.items), lines_(r.each) {}
  size_t count() const override { return items_.size(); }
  const std::string& fkey(size_t i) const override { return items_[i].envelope->fkey; }
  size_t bytes(size_t i) const override { return items_[i].spec->size(); }
  NotifySpec spec(size_t i) const override {
    Result<NotifySpec> spec = DecodeSpec(*items_[i].spec);
    CHECK(spec.ok());
    return *std::move(spec);
  }
  bool lines() const override { return lines_; }
  Status Refusal(const Status& why) const override {
    std::string detail = "the trigger of this fkey that came before has data that cannot be merged into this notify: " + why.detail();
    return Status(why.code(), std::move(detail), "/fkey");
  }

 private:
  const std::vector<SubmitItem>& items_;
  const bool lines_;
};

/// What the items before one have claimed: their keys, and places below the limit of pending ones.
struct Core::Impl::Submits::Context {
  std::map<IdempotencyKey, size_t> keys;
  std::map<std::string, size_t> fkeys;  // held by that item; SIZE_MAX: by nobody any more
  uint64_t pending = 0;                 // more than before
  uint64_t fresh = 0, bytes = 0;
  std::unique_ptr<std::map<std::string, uint64_t>> by_caller;  // of those, where callers have settings
};

/// Looks whether the item's idempotency key, which it has, is known: then the item is a duplicate.
Status Core::Impl::Submits::PlanKeyed(const SubmitRequest& r, const SubmitItem& item, const Context& context, Plan* plan) {
  IdempotencyKey key{item.envelope->caller, item.idempotency_key};
  auto differs = [] { return Status(Code::kUnacceptable, "this idempotency key was used with other fields", "/idempotency_key"); };
  if (auto here = context.keys.find(key); here != context.keys.end()) {
    if (r.items[here->second].fields != item.fields) return differs();
    plan->kind = Plan::Kind::kDuplicate;
    plan->earlier.item = here->second;
    return Status::Ok();
  }
  const std::optional<IdempotencyRecord>& record = core_.idempotency_.at(key)->record;
  if (!record || record->expires_at <= core_.now_.wall) return Status::Ok();
  if (!HasFields(record->fields, item)) return differs();
  plan->kind = Plan::Kind::kDuplicate;
  Entry* first = core_.FindEntry(record->id);
  if (first->exists) plan->earlier.stored = first;
  else plan->removed = record->id;
  return Status::Ok();
}

/// Looks what the item's fkey, which it has, holds: a notify, which is in the way, kept or replaced, or a trigger that came before the item.
Status Core::Impl::Submits::PlanHeld(const SubmitRequest& r, size_t i, const Context& context, Plan* plan) {
  const SubmitItem& item = r.items[i];
  const std::string& fkey = item.envelope->fkey;
  Ref held;
  if (auto here = context.fkeys.find(fkey); here != context.fkeys.end()) {
    held.item = here->second;
  } else if (const auto& record = core_.fkeys_.at(fkey)->record; record && record->expires_at > core_.now_.wall) {
    if (record->remembered) {
      plan->early = record->remembered;
    } else {
      Entry* entry = core_.FindEntry(record->id);
      if (entry->pending() && entry->held(core_.now_.wall) && entry->state.expires_at > core_.now_.wall) held.stored = entry;
    }
  }
  if (held && item.on_held == OnHeld::kReject) {
    plan->in_the_way = held;
    return Status(Code::kConflict, "a notify is held under this fkey already", "/fkey");
  }
  if (held && item.on_held == OnHeld::kKeep) {
    plan->kind = Plan::Kind::kKept;
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
  if (!plan->early || !plan->early->HasData()) return Status::Ok();
  const MergedEarly* merged = MergePart::Find(task_, i, plan->early);
  if (!merged) return Status::Ok();  // it is planned anew
  plan->spec = merged->spec;
  return merged->refused;
}

Status Core::Impl::Submits::PlanItem(const SubmitRequest& r, size_t i, Context* context, Plan* plan) {
  const SubmitItem& item = r.items[i];
  const bool keyed = !item.idempotency_key.empty();
  if (keyed)
    if (Status status = PlanKeyed(r, item, *context, plan); !status.ok() || plan->kind == Plan::Kind::kDuplicate) return status;
  if (!item.refused.ok()) return item.refused;
  // What a schedule makes waits for its service, as what was taken before it was deleted.
  const bool of_schedule = item.envelope->flow && !item.envelope->flow->schedule.empty();
  if (const std::string_view service = ServiceOf(item.envelope->host); !service.empty() && !of_schedule && !core_.services_->Knows(service))
    return Status(Code::kUnacceptable, "there is no service of this name", "/url");
  if (item.when.kind == When::Kind::kAt && item.when.ms > core_.now_.wall.ms + kMaxAheadMs) return TooFarAhead(item.when);
  if (item.ttl.kind == When::Kind::kAt && item.ttl.ms <= core_.now_.wall.ms) return ExpiryHasPassed();
  const std::string& fkey = item.envelope->fkey;
  if (!fkey.empty())
    if (Status status = PlanHeld(r, i, *context, plan); !status.ok()) return status;
  // What is there already, and changes nothing, is told whatever room there is.
  if (plan->kind == Plan::Kind::kNew || keyed)
    if (Status room = core_.Room(kSubmitsRefused); !room.ok()) return room;
  if (plan->kind == Plan::Kind::kKept && keyed) {
    const uint64_t bytes = kRecordBytes + item.idempotency_key.size();
    if (Status status = core_.CheckStored(context->bytes + bytes); !status.ok()) return status;
    context->bytes += bytes;
  }
  if (plan->kind == Plan::Kind::kNew) {
    const bool in_place = static_cast<bool>(plan->replaced);
    if (!in_place && core_.totals_.claimed() + context->pending >= core_.limits_.max_pending) return core_.TooManyPending();
    uint64_t bytes = 0;
    if (core_.limits_.max_stored_bytes) {
      bytes = core_.BytesOf(item, *(plan->spec ? plan->spec : item.spec));
      if (Status status = core_.CheckStored(context->bytes + bytes); !status.ok()) return status;
    }
    uint64_t* of_caller = nullptr;
    if (!core_.switches_.all->callers.empty()) {
      if (!context->by_caller) context->by_caller = std::make_unique<std::map<std::string, uint64_t>>();
      of_caller = &(*context->by_caller)[item.envelope->caller];
    }
    if (of_caller)
      if (Status status = core_.CheckCaller(item.envelope->caller, *of_caller, !r.each); !status.ok()) return status;
    if (r.each && core_.SubmitTokens() - static_cast<double>(context->fresh) < 1) return core_.SubmitsTooFast();
    context->pending += !in_place;
    ++context->fresh;
    if (of_caller) ++*of_caller;
    context->bytes += bytes;
    if (!fkey.empty()) {
      // An item whose due time has passed is sent at once and holds nothing, like one that was triggered already.
      bool holds = !plan->early && (item.when.kind == When::Kind::kDefault || !core_.DueOf(item.when).at_once);
      context->fkeys[fkey] = holds ? i : SIZE_MAX;
    }
  }
  if (keyed) context->keys[{item.envelope->caller, item.idempotency_key}] = i;
  return Status::Ok();
}

std::optional<Refused> Core::Impl::Submits::PlanAll(const SubmitRequest& r, std::vector<Plan>* plan) {
  Context context;
  for (size_t i = 0; i < r.items.size(); ++i) {
    Plan p;
    Status status = PlanItem(r, i, &context, &p);
    if (!status.ok()) {
      // What is wrong with one before it is said first.
      if (!r.each && task_->unmerged) return std::nullopt;
      if (!r.each) {
        Refused whole;
        if (p.in_the_way.stored) whole.holder = p.in_the_way.stored->id;
        std::string field = r.batch ? "/" + std::to_string(i) + status.field() : status.field();
        whole.status = Status(status.code(), status.detail(), std::move(field));
        if (status.code() == Code::kTooMany) whole.retry_after_ms = core_.CallerMayAgainIn(r.items[i].envelope->caller);
        return whole;
      }
      Plan refused;
      refused.refused = std::move(status);
      refused.in_the_way = p.in_the_way;
      p = std::move(refused);
    }
    plan->push_back(std::move(p));
  }
  if (task_->unmerged) return std::nullopt;
  // A batch that is longer than the burst is taken by a full bucket, and paid for afterwards.
  if (context.fresh == 0) return std::nullopt;
  const auto fresh = static_cast<double>(context.fresh);
  const double needed = std::min<double>(fresh, core_.SubmitRate().burst);
  if (!r.each && core_.SubmitTokens() < needed)
    return Refused{core_.SubmitsTooFast(), {}, core_.submits_.When(needed, core_.now_.mono, core_.SubmitRate()).ms - core_.now_.mono.ms};
  core_.submits_.Take(core_.now_.mono, core_.SubmitRate(), fresh);
  if (context.by_caller)
    for (const auto& [caller, taken] : *context.by_caller) core_.TakeOfCaller(caller, taken);
  return std::nullopt;
}

bool Core::Impl::Submits::Need(const SubmitRequest& r) {
  if (!core_.switches_.known) core_.NeedSwitches(task_);
  for (const SubmitItem& item : r.items) {
    Lane* lane = core_.NeedLane(task_, item.envelope->lane);
    if (lane && lane->has_attempted_head() && BeginsToSkip(item, *lane, core_.limits_)) core_.NeedEntry(task_, lane->record.blocked_head);
    if (!ServiceOf(item.envelope->host).empty()) core_.NeedCatalog(task_);
    if (!item.idempotency_key.empty())
      if (auto* slot = core_.NeedIdempotency(task_, {item.envelope->caller, item.idempotency_key}))
        if (slot->record && slot->record->expires_at > core_.now_.wall) core_.NeedEntry(task_, slot->record->id);
    if (!item.envelope->fkey.empty())
      if (auto* slot = core_.NeedFkey(task_, item.envelope->fkey))
        if (slot->record && slot->record->expires_at > core_.now_.wall && !slot->record->remembered)
          if (Entry* entry = core_.NeedEntry(task_, slot->record->id))
            if (entry->pending()) core_.NeedLane(task_, entry->envelope->lane);
  }
  return task_->missing == 0;
}

std::optional<Core::Impl::Submits::Taken> Core::Impl::Submits::Take(const SubmitRequest& r) {
  if (core_.lost_) return Refused{core_.Room(kSubmitsRefused), {}, 0};
  if (!Need(r)) return std::nullopt;
  std::vector<Plan> plan;
  plan.reserve(r.items.size());
  do {
    if (!core_.merging_->Merge(task_, Source(r))) return std::nullopt;
    plan.clear();
    task_->unmerged = false;
    if (std::optional<Refused> refused = PlanAll(r, &plan)) return *std::move(refused);
  } while (task_->unmerged);
  return CarryOut(r, plan);
}

Submitted Core::Impl::Submits::CarryOut(const SubmitRequest& r, const std::vector<Plan>& plan) {
  Submitted reply;
  reply.batch = r.batch;
  reply.items.reserve(plan.size());
  std::vector<Entry*> made(plan.size(), nullptr);
  for (size_t i = 0; i < plan.size(); ++i) {
    const Plan& p = plan[i];
    if (!p.refused.ok()) {
      reply.items.emplace_back().refused = p.refused;
      if (const Entry* in_the_way = p.in_the_way.In(made)) reply.items.back().id = in_the_way->id;
      continue;
    }
    Entry* entry = p.earlier.In(made);
    SubmittedItem item;
    if (p.kind == Plan::Kind::kNew) {
      if (Entry* replaced = p.replaced.In(made)) core_.Settle(replaced, Phase::kCancelled, kReplaced, std::nullopt);
      entry = core_.ApplySubmit(r.items[i], p.spec ? p.spec : r.items[i].spec, p.early.get());
      Lane* lane = r.items[i].steps_aside ? core_.GetLane(entry->envelope->lane) : nullptr;
      if (lane && BeginsToSkip(r.items[i], *lane, core_.limits_)) {
        LaneSettings settings = lane->settings;
        settings.on_retry = OnRetry::kSkip;
        if (lane->settings.IsDefault()) core_.stored_.bytes += kRecordBytes + lane->key.name.size();
        core_.pauses_->ChangeSettings(lane, settings);
        item.lane_set = true;
      }
    } else if (p.kind == Plan::Kind::kKept) {
      core_.RememberKey(r.items[i], entry->id);
      if (!r.items[i].idempotency_key.empty()) core_.stored_.bytes += kRecordBytes + r.items[i].idempotency_key.size();
    }
    made[i] = entry;
    item.duplicate = p.kind == Plan::Kind::kDuplicate;
    item.kept = p.kind == Plan::Kind::kKept;
    if (entry) {
      item.id = entry->id;
      item.state = core_.StateOf(entry->state, entry);
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

bool Core::Impl::Submits::Judge(const SubmitRequest& r, std::optional<Refused>* refused) {
  if (!Need(r)) return false;
  std::vector<Plan> plan;
  *refused = PlanAll(r, &plan);
  return true;
}

}  // namespace notifyd
