// What each request does to the model, and what its answer must be.
#include <algorithm>
#include <type_traits>

#include "broker/spec.h"
#include "sim/model.h"
#include "sim/workload.h"

namespace notifyd::sim {
namespace {

bool Overlaps(uint16_t states, const std::vector<State>& asked) {
  return std::any_of(asked.begin(), asked.end(), [&](State state) { return (states >> static_cast<int>(state) & 1) != 0; });
}

}  // namespace

Model::Expected Model::Refusal(Code code, uint64_t needs, NotifyId holder) {
  Expected expected;
  expected.needs = needs;
  expected.body = Refused{Status(code, ""), holder};
  return expected;
}

template <class F>
bool Model::Held(const Notify& notify, F as_held) const {
  if (!notify.pending() || notify.state.phase != Phase::kHeld || notify.state.due <= wall()) return false;
  return !DueCame(notify) || as_held();
}

Model::Expected Model::Carry(const Event& request) {
  Expected expected;
  bool read = std::holds_alternative<GetRequest>(request) || std::holds_alternative<FkeyGetRequest>(request) ||
              std::holds_alternative<ExplainRequest>(request) || std::holds_alternative<StatsRequest>(request);
  if ((stopping_ || closed_) && !read) {
    expected = Refusal(closed_ ? Code::kNotFound : Code::kUnavailable, 0);
    expected.may_be_nothing = std::holds_alternative<BulkRequest>(request);
  } else {
    std::visit(
        [&](const auto& r) {
          if constexpr (requires { this->On(r); }) expected = On(r);
          else violation_("a request was decided that needs no decision");
        },
        request);
  }
  expected.decided = true;
  return expected;
}

// ---- submit

WallTime Model::AtOnce(NotifyId id) {
  // An older one goes behind those that were due at once before it, in the same millisecond or with a clock that stepped back, too.
  if (wall() > sums_.last_due_at_once) sums_.last_due_at_once = wall();
  else if (id < sums_.last_at_once) ++sums_.last_due_at_once.ms;
  sums_.last_at_once = id;
  return sums_.last_due_at_once;
}

void Model::Resolve(const When& when, bool* at_once, WallTime* due) const {
  *due = {when.kind == When::Kind::kDelay ? wall().ms + when.ms : when.ms};
  *at_once = when.kind == When::Kind::kDefault || *due <= wall();
}

void Model::SetDue(NotifyId id, Notify* notify, bool at_once, WallTime due) {
  notify->state.due = at_once ? AtOnce(id) : due;
  notify->state.at_once = at_once;
  notify->due_set_t = clock_->t();
  notify->durable = batch_;
}

Model::Expected Model::On(const SubmitRequest& r) {
  Expected expected;
  Submitted submitted;
  size_t before = undo_.size();
  Sums sums = sums_;
  Touched touched = touched_;
  bool maybe = false;
  std::set<std::string> here;  // fkeys that this very request holds something under
  // A batch is refused as a whole: nothing of it happened.
  auto refuse = [&](Code code, NotifyId holder) {
    uint64_t needs = expected.needs;
    while (undo_.size() > before) UndoLast();
    touched_ = std::move(touched);
    sums_ = sums;
    expected = Refusal(code, needs == batch_ ? 0 : needs, holder);
    expected.any_refusal = maybe;
    return expected;
  };
  for (const SubmitItem& item : r.items) {
    SubmittedItem answer;
    uint16_t states = 0;
    bool unsure = false;
    Status status = SubmitOne(item, r.each, &answer, &states, &expected.needs, &unsure, here);
    maybe |= unsure;
    if (unsure) states = kAnything;
    if (!status.ok() && !r.each) return refuse(status.code(), here.count(item.envelope->fkey) ? NotifyId{} : answer.id);
    if (!status.ok()) {
      answer.refused = status;
    } else if (!answer.duplicate && !answer.kept && !item.envelope->fkey.empty()) {
      here.insert(item.envelope->fkey);
    }
    submitted.items.push_back(std::move(answer));
    expected.states.push_back(states);
  }
  // What makes something writes it: an item was refused because of one of which nobody can tell.
  if (!r.each && maybe && slice_.empty() && undo_.size() > before) return refuse(Code::kConflict, {});
  expected.body = std::move(submitted);
  expected.any_refusal = maybe && !r.each;
  return expected;
}

/// A refusal's `answer->id`: who is in the way.
Status Model::SubmitOne(const SubmitItem& item, bool each, SubmittedItem* answer, uint16_t* states, uint64_t* needs, bool* unsure,
                        const std::set<std::string>& here) {
  auto need = [&](uint64_t batch) { *needs = std::max(*needs, batch); };
  auto show = [&](NotifyId id) {
    const Notify& notify = notifies_.at(id);
    need(notify.batch);
    answer->id = id;
    answer->due = notify.state.due;
    answer->lane = notify.envelope->lane;
    *states = StatesOf(id, notify);
  };
  const std::string& fkey = item.envelope->fkey;
  IdempotencyKey key{item.envelope->caller, item.idempotency_key};
  auto remember_key = [&](NotifyId id) {
    if (item.idempotency_key.empty()) return;
    const int64_t window_ms = item.idempotency_window_ms > 0 ? item.idempotency_window_ms : profile_.limits.idempotency_window_ms;
    ChangeKey(key).record = {id, item.fields, {wall().ms + window_ms}};
    need(batch_);
  };
  if (auto known = keys_.find(key); !item.idempotency_key.empty() && known != keys_.end() && known->second.record.expires_at > wall()) {
    need(known->second.batch);
    if (known->second.record.fields != item.fields) return Status(Code::kUnacceptable, "");
    answer->duplicate = true;
    NotifyId id = known->second.record.id;
    if (notifies_.at(id).exists) {
      show(id);
    } else {
      need(notifies_.at(id).batch);
      answer->id = id;
      answer->removed = true;
    }
    return Status::Ok();
  }
  if (item.ttl.kind == When::Kind::kAt && item.ttl.ms <= wall().ms) return Status(Code::kUnacceptable, "");
  NotifyId next{sums_.next_id};
  NotifyId replaced;
  std::shared_ptr<const RememberedTrigger> early;
  if (auto own = fkeys_.find(fkey); !fkey.empty() && own != fkeys_.end() && own->second.record.expires_at > wall()) {
    need(own->second.batch);
    const FkeyRecord& record = own->second.record;
    if (record.remembered) {
      early = record.remembered;
    } else if (const Notify& holder = notifies_.at(record.id); true) {
      bool was_here = here.count(fkey) > 0;
      auto as_held = [&] {
        // Who is kept has the item's key from then on, and nobody else has.
        if (item.on_held == OnHeld::kKeep && !item.idempotency_key.empty()) {
          const bool kept = slice_.Remembers(key, record.id);
          *unsure |= !kept && !each && slice_.empty();
          return kept;
        }
        if (item.on_held != OnHeld::kReplace) {
          // Kept or in the way, or refused for want of room: nothing is written either way.
          *unsure |= (!each && slice_.empty()) || sums_.pending() >= limits_.max_pending || disk_low_;
          return !slice_.HoldsUnder(fkey, next);
        }
        const NotifyState* state = slice_.StateOf(record.id);
        return state && state->phase == Phase::kCancelled && state->reason == "replaced";
      };
      if (Held(holder, as_held) && (holder.state.expires_at > wall() || was_here)) {
        if (item.on_held == OnHeld::kReject) {
          need(holder.batch);
          answer->id = record.id;
          return Status(Code::kConflict, "");
        }
        if (item.on_held == OnHeld::kKeep) {
          if (disk_low_ && !item.idempotency_key.empty()) return Status(Code::kDiskFull, "");
          answer->kept = true;
          NotifyId kept = record.id;
          show(kept);
          remember_key(kept);
          return Status::Ok();
        }
        replaced = record.id;
      }
    }
  }
  if (disk_low_) return Status(Code::kDiskFull, "");
  if (replaced.value == 0 && sums_.pending() >= limits_.max_pending) return Status(Code::kTooMany, "");
  if (replaced.value != 0) Settle(replaced, Phase::kCancelled, "replaced");
  NotifyId id{sums_.next_id++};
  ++sums_.accepted;
  Notify& notify = Change(id);
  notify = {};
  notify.batch = batch_;
  notify.durable = batch_;
  notify.envelope = item.envelope;
  notify.spec = item.spec;
  notify.created_at = wall();
  notify.due_set_t = clock_->t();
  if (early && early->data) notify.spec = Merged(*item.spec, *early->data);
  if (item.ttl.kind == When::Kind::kDelay) notify.state.expires_at = {wall().ms + item.ttl.ms};
  if (item.ttl.kind == When::Kind::kAt) notify.state.expires_at = {item.ttl.ms};
  bool at_once;
  WallTime due;
  Resolve(item.when, &at_once, &due);
  if (early) {
    ++awaited_;
    due = early->due.at;
    at_once = early->due.at_once || due <= wall();
  }
  bool holds = !early && !fkey.empty() && (item.when.kind == When::Kind::kDefault || !at_once);
  notify.state.phase = holds ? Phase::kHeld : Phase::kWaiting;
  if (holds && item.when.kind == When::Kind::kDefault) notify.state.due = kWallNever;
  else SetDue(id, &notify, at_once, due);
  if (!fkey.empty()) ChangeFkey(fkey).record = FkeyRecord{id, kWallNever, nullptr};
  remember_key(id);
  show(id);
  StepAside(item);
  return Status::Ok();
}

/// Others pass one that says so while it waits for its next attempt, if it may have one, and nobody has said what its lane does.
void Model::StepAside(const SubmitItem& item) {
  const LaneKey& key = item.envelope->lane;
  const RetryPolicy& retry = item.envelope->retry_policy();
  if (!item.steps_aside || key.mode != Mode::kFifo || SaysOnRetry(key)) return;
  if (item.envelope->reply_none || (retry.max_attempts == 1 && !retry.later_on)) return;
  Lane& lane = ChangeLane(key);
  lane.settings.on_retry = OnRetry::kSkip;
  lane.batch = batch_;
  lane.blocked_head = {};
}

// ---- fkeys

/// What the fkey names, held or triggered; null where nothing was, or that was cancelled, expired or removed.
const Model::Notify* Model::HolderOf(const std::string& fkey, NotifyId* id, uint64_t* needs) const {
  auto own = fkeys_.find(fkey);
  if (own == fkeys_.end()) return nullptr;
  *needs = own->second.batch;
  const FkeyRecord& record = own->second.record;
  if (record.expires_at <= wall() || record.remembered) return nullptr;
  *id = record.id;
  const Notify& holder = notifies_.at(record.id);
  *needs = std::max(*needs, holder.batch);
  bool gone = !holder.exists || holder.state.phase == Phase::kCancelled || holder.state.phase == Phase::kExpired;
  return gone ? nullptr : &holder;
}

Model::Expected Model::On(const TriggerRequest& r) {
  NotifyId id;
  uint64_t needs = 0;
  const Notify* holder = HolderOf(r.fkey, &id, &needs);
  bool at_once;
  WallTime due;
  Resolve(r.when, &at_once, &due);
  if (!holder) {
    bool was_held = id.value != 0 && notifies_.at(id).exists;
    if (r.remember_ms == 0 || was_held) return Refusal(Code::kNotFound, needs);
    if (disk_low_) return Refusal(Code::kDiskFull, 0);
    auto remembered = std::make_shared<RememberedTrigger>();
    remembered->due = {at_once, due};
    remembered->data = r.data;
    ChangeFkey(r.fkey).record = FkeyRecord{{}, {wall().ms + r.remember_ms}, std::move(remembered)};
    Expected expected;
    expected.needs = batch_;
    expected.body = Remembered{};
    return expected;
  }
  Expected expected;
  // The first of two steps writes nothing that would tell.
  bool unmerged = r.data && (!r.merge || *r.merge->of != *holder->spec);
  if (unmerged && Held(*holder, [] { return true; })) {
    expected.needs = holder->batch;
    expected.states = {StatesOf(id, *holder)};
    expected.body = Unmerged{holder->spec};
    if (!Held(*holder, [] { return false; })) expected.or_repeat = id;
    return expected;
  }
  if (!Held(*holder, [&] { return slice_.StateOf(id) != nullptr; })) {
    expected.needs = holder->batch;
    expected.states = {StatesOf(id, *holder)};
    expected.body = Triggered{id, State::kReady, false};
    return expected;
  }
  Notify& notify = Change(id);
  if (r.data) notify.spec = Merged(*notify.spec, *r.data);
  notify.state.phase = Phase::kWaiting;
  SetDue(id, &notify, at_once, due);
  expected.needs = batch_;
  expected.states = {StatesOf(id, notify)};
  expected.body = Triggered{id, State::kReady, true};
  return expected;
}

Model::Expected Model::View(NotifyId id, uint64_t needs) const {
  Expected expected;
  expected.needs = needs;
  expected.id = id;
  expected.viewed = *Find(id);
  expected.body = Viewed{};
  return expected;
}

const Model::Fkey* Model::RememberedUnder(const std::string& fkey) const {
  auto own = fkeys_.find(fkey);
  bool waits = own != fkeys_.end() && own->second.record.remembered && own->second.record.expires_at > wall();
  return waits ? &own->second : nullptr;
}

Model::Expected Model::On(const FkeyGetRequest& r) {
  NotifyId id;
  uint64_t needs = 0;
  const Notify* holder = HolderOf(r.fkey, &id, &needs);
  if (holder) return View(id, 0);
  const Fkey* own = RememberedUnder(r.fkey);
  if (!own) return Refusal(Code::kNotFound, 0);
  Expected expected;
  expected.needs = own->batch;
  expected.body = RememberedViewed{r.fkey, own->record.remembered, own->record.expires_at};
  return expected;
}

Model::Expected Model::On(const FkeyCancelRequest& r) {
  NotifyId id;
  uint64_t needs = 0;
  const Notify* holder = HolderOf(r.fkey, &id, &needs);
  if (!holder) {
    if (!RememberedUnder(r.fkey)) return Refusal(Code::kNotFound, needs);
    ChangeFkey(r.fkey).record.expires_at = wall();
    Expected expected;
    expected.needs = batch_;
    expected.body = Withdrawn{};
    return expected;
  }
  if (!Held(*holder, [&] { return slice_.StateOf(id) != nullptr; })) return Refusal(Code::kConflict, needs, id);
  Settle(id, Phase::kCancelled, "cancelled");
  return View(id, batch_);
}

// ---- one by its id

Model::Expected Model::On(const GetRequest& r) {
  const Notify* notify = Find(r.id);
  if (!notify || !notify->exists) return Refusal(Code::kNotFound, 0);
  return View(r.id, 0);
}

Model::Expected Model::On(const CancelRequest& r) {
  const Notify* notify = Find(r.id);
  if (!notify || !notify->exists) return Refusal(Code::kNotFound, notify ? notify->batch : 0);
  if (!notify->pending()) return Refusal(Code::kConflict, notify->batch);
  if (auto stale = RefusedAsStale(r.base, *notify)) return *stale;
  Settle(r.id, Phase::kCancelled, "cancelled");
  return View(r.id, batch_);
}

Model::Expected Model::On(const RetryRequest& r) {
  const Notify* notify = Find(r.id);
  if (!notify || !notify->exists) return Refusal(Code::kNotFound, notify ? notify->batch : 0);
  if (HasFlight(r.id)) return Refusal(Code::kConflict, 0);
  if (auto stale = RefusedAsStale(r.base, *notify)) return *stale;
  if (!notify->pending() && sums_.pending() >= limits_.max_pending) return Refusal(Code::kTooMany, 0);
  if (auto breaker = breakers_.find(notify->envelope->host); breaker != breakers_.end()) breaker->second.ProbeNow(mono());
  ApplyRetry(r.id);
  notify = Find(r.id);
  Expected expected;
  expected.needs = notify->batch;
  expected.states = {StatesOf(r.id, *notify)};
  expected.body = Retried{r.id, State::kReady};
  return expected;
}

void Model::ApplyRetry(NotifyId id) {
  const NotifyState& before = notifies_.at(id).state;
  const NotifyState* written = slice_.StateOf(id);
  if (IsSettled(before.phase)) {
    Notify& notify = Change(id);
    NotifyState& state = notify.state;
    ++sums_.revived;
    state.phase = Phase::kWaiting;
    state.attempts_before = state.attempts_made;
    state.laters = 0;
    state.reason.clear();
    state.settled_at = {};
    state.next_attempt_at = {};
    if (state.expires_at != kWallNever) {
      Result<NotifySpec> spec = DecodeSpec(*notify.spec);
      int64_t ttl_ms = spec.ok() && spec->ttl_ms ? *spec->ttl_ms : state.expires_at.ms - notify.created_at.ms;
      state.expires_at = {wall().ms + std::max<int64_t>(1, ttl_ms)};
    }
    SetDue(id, &notify, true, {});
    if (auto own = fkeys_.find(notify.envelope->fkey); !notify.envelope->fkey.empty() && own != fkeys_.end() && own->second.record.id == id)
      ChangeFkey(notify.envelope->fkey).record.expires_at = kWallNever;
  } else if (before.phase == Phase::kRetrying) {
    // One whose wait is over is in its lane, or on its way: then there is nothing to do.
    bool over = before.retry_at <= mono() || notifies_.at(id).restarted;
    if (over && !written) return;
    Notify& notify = Change(id);
    notify.state.retry_at = mono();
    notify.state.next_attempt_at = wall();
  } else if (!before.at_once && before.due > wall()) {
    if (DueCame(notifies_.at(id)) && !written) return;  // it came before the clock stepped back
    Notify& notify = Change(id);
    notify.state.phase = Phase::kWaiting;
    SetDue(id, &notify, true, {});
  } else if (written && before.at_once && before.due > wall()) {
    Notify& notify = Change(id);
    notify.state.phase = Phase::kWaiting;
    SetDue(id, &notify, true, {});
  }
}

std::optional<Model::Expected> Model::RefusedChange(NotifyId id) const {
  const Notify* notify = Find(id);
  if (!notify || !notify->exists) return Refusal(Code::kNotFound, notify ? notify->batch : 0);
  if (!notify->pending()) return Refusal(Code::kConflict, notify->batch);
  if (HasFlight(id)) return Refusal(Code::kConflict, 0);
  return std::nullopt;
}

std::optional<Model::Expected> Model::RefusedAsStale(const std::shared_ptr<const NotifyRecord>& base, const Notify& now) const {
  if (!base || (*base->spec == *now.spec && base->envelope->priority == now.envelope->priority && base->envelope->retry_policy() == PolicyOf(now) &&
                base->state.due == now.state.due && base->state.expires_at == now.state.expires_at))
    return std::nullopt;
  Expected expected;
  expected.needs = now.batch;
  expected.body = Stale{};
  return expected;
}

Model::Expected Model::On(const ChangeReadRequest& r) {
  if (auto refused = RefusedChange(r.id)) return *refused;
  return View(r.id, Find(r.id)->batch);
}

Model::Expected Model::On(const ChangeRequest& r) {
  if (auto refused = RefusedChange(r.id)) return *refused;
  const Notify& now = *Find(r.id);
  if (auto stale = RefusedAsStale(r.base, now)) return *stale;
  const NotifyRecord* written = slice_.RecordOf(r.id);
  auto own = fkeys_.find(now.envelope->fkey);
  // Its time had come, and its fkey was given to another: it is not held again when the clock steps back.
  bool lost = now.state.phase == Phase::kHeld && (own == fkeys_.end() || own->second.record.id != r.id);
  bool held = !lost && Held(now, [&] { return written && (written->state.phase == Phase::kHeld || (r.when && written->state.due == kWallNever)); });
  Notify& notify = Change(r.id);
  NotifyState& state = notify.state;
  if (lost) state.phase = Phase::kWaiting;
  notify.envelope = r.envelope;
  notify.spec = r.spec;
  if (r.ttl) {
    state.expires_at =
        r.ttl->kind == When::Kind::kDefault ? kWallNever : WallTime{r.ttl->kind == When::Kind::kAt ? r.ttl->ms : wall().ms + r.ttl->ms};
  }
  notify.durable = batch_;
  if (r.when && held && r.when->kind == When::Kind::kDefault) {
    state.due = kWallNever;
    notify.due_set_t = clock_->t();
  } else if (r.when) {
    bool at_once;
    WallTime due;
    Resolve(*r.when, &at_once, &due);
    // One that is held stays so until then; one that was attempted waits for that time instead of its next attempt's.
    if (!held || at_once) state.phase = Phase::kWaiting;
    state.next_attempt_at = {};
    if (const Lane* lane = LaneOf(notify.envelope->lane); lane && lane->blocked_head == r.id) ChangeLane(notify.envelope->lane).blocked_head = {};
    SetDue(r.id, &notify, at_once, due);
  }
  return View(r.id, batch_);
}

Model::Expected Model::On(const ExplainRequest& r) {
  const Notify* notify = Find(r.id);
  if (!notify || !notify->exists) return Refusal(Code::kNotFound, 0);
  Expected expected;
  expected.id = r.id;
  expected.body = Explained{};
  return expected;
}

// ---- many at once, lanes, counts

void Model::CarryItem(const BulkRequest& bulk, NotifyId id) {
  const Notify* notify = Find(id);
  const ListQuery& query = bulk.query;
  std::string name = id.ToString();
  if (!notify || !notify->exists) return violation_("P1 a bulk request is carried out on " + name + ", which does not exist");
  const Envelope& envelope = *notify->envelope;
  bool matches = (!query.lane || envelope.lane.name == *query.lane) && (!query.mode || envelope.lane.mode == *query.mode) &&
                 (!query.caller || envelope.caller == *query.caller) && (!query.fkey_prefix || envelope.fkey.starts_with(*query.fkey_prefix)) &&
                 Overlaps(StatesOf(id, *notify), query.states) && id > query.above;
  if (query.url_prefix && !std::string(PeekUrl(*notify->spec)).starts_with(*query.url_prefix)) matches = false;
  if (!matches || bulk.dry_run) violation_("P1 a bulk request is carried out on " + name + ", which it is not about");
  switch (bulk.kind) {
    case BulkKind::kRetry:
      if (HasFlight(id)) return violation_("P1 a bulk retry is carried out on " + name + ", which is in flight");
      return ApplyRetry(id);
    case BulkKind::kCancel:
      if (!notify->pending()) return violation_("P1 a bulk cancel is carried out on " + name + ", which is settled");
      return Settle(id, Phase::kCancelled, "cancelled");
    case BulkKind::kPurge: {
      if (notify->pending() || HasFlight(id)) return violation_("P1 a purge is carried out on " + name + ", which is not settled");
      Notify& purged = Change(id);
      purged.exists = false;
      if (auto own = fkeys_.find(envelope.fkey); !envelope.fkey.empty() && own != fkeys_.end() && own->second.record.id == id)
        ChangeFkey(envelope.fkey).record.expires_at = wall();
      return;
    }
  }
}

Model::Expected Model::On(const BulkRequest&) {
  Expected expected;
  expected.body = BulkDone{};
  return expected;
}

Model::Expected Model::On(const LaneChangeRequest& r) {
  const Lane* own = LaneOf(r.lane);
  LaneSettings before = own ? own->settings : LaneSettings();
  LaneSettings settings = before;
  const LanePatch& patch = r.patch;
  if (patch.paused && *patch.paused != (settings.paused != Paused::kNo)) settings.paused = *patch.paused ? Paused::kByRequest : Paused::kNo;
  // Who paused it, and why, stays until somebody resumes it, or gives another reason.
  if (settings.paused == Paused::kNo) {
    settings.pause = {};
  } else if (before.paused == Paused::kNo || patch.reason) {
    PauseNote note = before.pause.note ? *before.pause.note : PauseNote{};
    if (before.paused == Paused::kNo) note = {wall(), {}, {}, {}};
    note.by = r.by;
    note.reason = patch.reason.value_or("");
    settings.pause.note = std::make_shared<const PauseNote>(std::move(note));
  }
  if (patch.concurrency) settings.concurrency = *patch.concurrency;
  if (patch.rate_per_s) settings.rate_per_s = *patch.rate_per_s;
  if (patch.burst) settings.burst = *patch.burst;
  if (patch.on_retry) settings.on_retry = *patch.on_retry;
  if (patch.on_failure) settings.on_failure = *patch.on_failure;
  // A burst goes with a rate, of its own or of the first rule that matches: without one it is refused, and a rate that is taken back takes it along.
  if (settings.burst && (patch.rate_per_s || patch.burst) && settings.rate_per_s.value_or(RuleRate(r.lane)) == 0) {
    if (patch.burst) return Refusal(Code::kUnacceptable, 0);
    settings.burst.reset();
  }
  if (settings != before) {
    Lane& lane = ChangeLane(r.lane);
    lane.settings = settings;
    lane.batch = batch_;
    if (r.lane.mode == Mode::kFifo && OnRetryOf(r.lane) == OnRetry::kSkip) lane.blocked_head = {};
  }
  Expected expected;
  own = LaneOf(r.lane);
  expected.needs = own ? own->batch : 0;
  LaneView view;
  view.lane = r.lane;
  view.own = settings;
  expected.body = LaneViewed{view};
  return expected;
}

Model::Expected Model::On(const StatsRequest&) {
  StatsView view;
  view.totals.accepted = sums_.accepted;
  view.totals.revived = sums_.revived;
  view.totals.succeeded = sums_.succeeded;
  view.totals.failed = sums_.failed;
  view.totals.cancelled = sums_.cancelled;
  view.totals.expired = sums_.expired;
  view.totals.attempts = sums_.attempts;
  view.totals.retries = sums_.retries;
  for (const auto& [id, flight] : flights_) view.sending += notifies_.at(id).pending();
  view.in_flight = flights_.size();
  Expected expected;
  expected.body = view;
  return expected;
}

}  // namespace notifyd::sim
