// Attempts: their start, their end and what follows from it; settling.
#include <algorithm>
#include <utility>

#include "broker/callback.h"
#include "broker/core_alerts.h"
#include "broker/core_groups.h"
#include "broker/core_history.h"
#include "broker/core_responses.h"
#include "broker/core_services.h"
#include "broker/core_shedding.h"
#include "broker/core_topics.h"
#include "broker/flow.h"
#include "broker/partition.h"
#include "broker/retry_policy.h"
#include "broker/spec.h"

namespace notifyd {

namespace {

/// The least time between two attempts of which the first was answered by what later_on matches, in ms.
constexpr int64_t kLeastLaterMs = 10;

}  // namespace

/// Starts an attempt of the entry, which must be its lane's next one (TakeTurn). `caller`: the entry's. Reads its spec first where that is not in
/// memory.
void Core::Impl::StartAttemptOf(Entry* entry, Caller* caller) {
  Lane* lane = entry->lane;
  if (entry->place == Place::kQueue) Dequeue(entry);
  entry->lane = lane;
  entry->place = Place::kFlight;
  entry->number = entry->state.attempts_made + 1;
  // One that goes ahead of an attempted head, though the lane is paused, does not take that one's place.
  if (lane->fifo() && (!lane->has_attempted_head() || lane->record.blocked_head == entry->id)) lane->head = entry;
  shedding_->OnStart(lane);
  ++lane->in_flight;
  ++lane->turns;
  lane->served = true;
  entry->caller = caller;
  turns_.Begin(entry->host, caller);
  CountSending(entry, 1);
  lane->bucket.Take(now_.mono, lane->rate());
  if (entry->host->limits.rate_per_s) TakeHostToken(entry->host);
  entry->refused = services_->Refuses(*entry->host);
  if (!entry->refused) entry->call = BeginAtBreaker(entry->host);
  entry->host->by_name = true;
  services_->OnHost(entry->host);
  Decide(Decided::Kind::kTurn, entry->id);
  bool ends = entry->refused || entry->state.expires_at <= now_.wall || topics_->IsLeaving(*entry);
  if (entry->spec && !(ends && LacksLastAttempt(*entry))) return EmitStart(entry);
  entry->start_waits = true;
  LoadRecord(entry, ends ? Reads::kEnd : Reads::kWhole);
}

bool Core::Impl::LacksLastAttempt(const Entry& entry) {
  const auto& flow = entry.envelope->flow;
  const bool of_group = flow && flow->group.value != 0 && entry.state.attempts_made > 0;
  return !entry.full && (of_group || (entry.envelope->callback && (entry.state.attempts_made > 0 || !entry.spec)));
}

/// Counts the entry, which must be in flight, among those that are being sent (1), or not any more (-1): a settled one is in flight, but not sent.
void Core::Impl::CountSending(Entry* entry, int change) {
  pending_sending_ += static_cast<uint64_t>(static_cast<int64_t>(change));
  entry->lane->sending += static_cast<uint32_t>(change);
}

/// Is the entry, which is in flight, to wait after all? While its spec was read, its lane, its caller or its host may have been paused, or is to have
/// fewer calls at once.
bool Core::Impl::IsHeldBack(const Entry& entry) const {
  const Lane& lane = *entry.lane;
  const Host& host = *entry.host;
  return (lane.paused() && !entry.although_paused) || lane.in_flight > lane.limits.concurrency || IsPaused(entry.envelope->caller) ||
         host.settings.paused || host.in_flight > host.cap;
}

void Core::Impl::EmitStart(Entry* entry) {
  entry->start_waits = false;
  // While its spec was read it may have been cancelled, or its ttl ended: then nothing was sent, and nothing is.
  bool expired = entry->pending() && entry->state.expires_at <= now_.wall;
  const bool refused = entry->pending() && entry->refused;
  const bool leaves = entry->pending() && topics_->IsLeaving(*entry);
  if ((expired || refused || leaves) && LacksLastAttempt(*entry)) {
    entry->start_waits = true;
    LoadRecord(entry, Reads::kEnd);
    return;
  }
  if (entry->pending() && !expired && !leaves && IsHeldBack(*entry)) {
    const Kept kept(this, entry->lane);
    TakeBackTurn(entry);
    EnterLane(entry);
    return;
  }
  if (!entry->pending() || expired || refused || leaves) {
    Lane* lane = entry->lane;
    const Kept kept(this, lane);
    TakeBackTurn(entry);
    if (expired) {
      Expire(entry);
    } else if (leaves) {
      topics_->Unsubscribe(entry);
    } else if (refused) {
      Settle(entry, Phase::kFailed, kFailedByBreaker, std::nullopt);
      Decide(Decided::Kind::kExpiry, entry->id);
    }
    Kick(lane);
    RefillTail(lane);
    return;
  }
  std::shared_ptr<const std::string> spec = entry->spec ? entry->spec : entry->full ? entry->full->spec : nullptr;
  if (!spec) {
    // Its record changed while it was read: read it again.
    entry->start_waits = true;
    LoadRecord(entry, Reads::kWhole);
    return;
  }
  if (IsHeldEvent(*entry->envelope)) return topics_->Release(entry, *spec);
  std::shared_ptr<const StartAttempt::Instance> instance;
  if (ServicePart::IsService(*entry->host)) {
    instance = services_->Begin(entry, *spec);
    if (!instance) return services_->PutBack(entry);
  }
  const NotifyState& state = entry->state;
  int64_t late_ms = state.phase == Phase::kRetrying ? now_.mono.ms - state.retry_at.ms : now_.wall.ms - state.due.ms;
  history_->OnStarted(std::max<int64_t>(late_ms, 0));
  if (late_ms >= kLateMs && entry->number == 1) figures_.Late(entry->envelope->caller, now_.mono);
  const uint32_t failures = entry->number - 1 - state.attempts_before - state.laters;
  const bool last = entry->envelope->reply_none || failures + 1 >= entry->envelope->retry_policy().max_attempts;
  const auto over = entry->repeats ? StartAttempt::Over::kNew : last ? StartAttempt::Over::kSure : StartAttempt::Over::kAny;
  out_->starts.push_back({entry->id, entry->number, now_.wall, std::max<int64_t>(late_ms, 0), entry->envelope, std::move(spec), over,
                          services_->IsToTell(*entry), std::move(instance)});
  responses_->SetCapture(*entry, &out_->starts.back());
  Decide(Decided::Kind::kStart, entry->id);
}

/// Takes the entry out of flight. Its lane has it no more: who goes on with that keeps it (Kept).
void Core::Impl::GiveBackPlace(Entry* entry) {
  Lane* lane = entry->lane;
  --lane->in_flight;
  if (lane->head == entry) lane->head = nullptr;
  entry->lane = nullptr;
  entry->place = Place::kIdle;
  turns_.End(entry->host, std::exchange(entry->caller, nullptr));
  services_->OnHost(entry->host);
  CheckSleepers(entry->host);
  groups_->OnGivenBack(*entry);
}

/// Takes back the turn of an entry of which no attempt began, with all that it took: as GiveBackPlace, and its call at the host's breaker.
void Core::Impl::TakeBackTurn(Entry* entry) {
  if (entry->pending()) CountSending(entry, -1);
  if (!entry->refused) {
    entry->host->breaker.Abandon(entry->call);
    if (entry->host->breaker_timed) FollowBreaker(entry->host);
  }
  GiveBackPlace(entry);
  Decide(Decided::Kind::kReturn, entry->id);
}

/// It may be of one that has ended by now, or was forgotten in a crash.
void Core::Impl::On(AttemptReached& e) {
  if (services_->ReachedProbe(e)) return;
  Entry* entry = FindEntry(e.id);
  if (!entry || !entry->in_flight() || entry->start_waits || entry->number != e.number) return;
  if (!services_->Reached(*entry)) ReachAtBreaker(entry->host, entry->call);
  Decide(Decided::Kind::kReached, e.id);
}

void Core::Impl::On(AttemptEnded& e) {
  if (services_->EndedProbe(e)) return;
  Entry* entry = FindEntry(e.id);
  CHECK(entry && entry->in_flight() && !entry->start_waits && e.result.record.number == entry->number);
  Lane* lane = entry->lane;
  const Kept kept(this, lane);
  AttemptResult& result = e.result;
  const RetryPolicy& policy = entry->envelope->retry_policy();
  uint32_t tries = entry->number - entry->state.attempts_before;  // of this budget
  books_.EndAttempt(entry->number);
  responses_->TakeAnswer(e.id, std::move(result.response));
  bool was_settled = !entry->pending();
  if (!was_settled) CountSending(entry, -1);
  GiveBackPlace(entry);
  // One that went to an instance is judged by the breakers of that and of where it is.
  const bool probe_in_vain = services_->End(entry, &result) || (result.record.instance.empty() && EndAtBreaker(entry->host, entry->call, result));
  Gate(lane);
  history_->OnEnded(*entry, result);
  entry->state.attempts_made = std::exchange(entry->number, 0);
  bool later = result.verdict == Verdict::kLater && !was_settled;
  if (later) ++entry->state.laters;
  // Another instance takes it over: the budget counts rounds.
  const bool fails_over = !was_settled && services_->FailsOver(entry, result);
  if (fails_over) {
    ++entry->state.laters;
    journal_.AskSync();  // it waits for nothing else
  }
  uint32_t failures = tries - entry->state.laters;
  // A used connection that was lost before a byte of an answer says nothing of the receiver: one repeat goes out at once, over a new one. That is an
  // attempt like any other but for its wait, and a fifo head does not step aside for it.
  const bool repeated = std::exchange(entry->repeats, false);
  const bool repeat = result.lost_reused && result.verdict == Verdict::kFailure && !repeated;
  if (was_settled) {
    // It was cancelled meanwhile: the attempt is recorded and changes nothing.
    Log(*entry, &result.record, false);
    groups_->OnChanged(*entry, &result.record);
    ChangeState(entry, std::move(result.record));
  } else if (result.verdict == Verdict::kSuccess) {
    Settle(entry, Phase::kSucceeded, "", std::move(result.record), std::move(result.via));
  } else if (entry->state.expires_at <= now_.wall) {
    Settle(entry, Phase::kExpired, "", std::move(result.record), std::move(result.via));
  } else if (result.verdict == Verdict::kFatal) {
    std::string reason = result.record.error == "destination_refused" ? "destination_refused" : "fatal_answer";
    Settle(entry, Phase::kFailed, std::move(reason), std::move(result.record), std::move(result.via));
  } else if (probe_in_vain && !fails_over) {
    RemoveIndex(entry);
    KeepWaiting(&entry->state);
    AwaitRetry(entry, lane, lane->fifo(), std::move(result.record));
  } else if (entry->envelope->reply_none && !fails_over) {
    Settle(entry, Phase::kFailed, "not_sent", std::move(result.record), std::move(result.via));
  } else if (!later && !fails_over && failures >= policy.max_attempts) {
    Settle(entry, Phase::kFailed, "attempts_exhausted", std::move(result.record), std::move(result.via));
  } else {
    const bool at_once = repeat || fails_over;
    int64_t wait_ms = at_once ? 0 : NextWaitMs(policy, std::max<uint32_t>(failures, 1), result.retry_after_ms, random_.Unit());
    entry->repeats = repeat;
    // Answers that say "later" use up no budget: without a pause it would ask as fast as it can, for ever.
    if (later) wait_ms = std::max(wait_ms, kLeastLaterMs);
    RemoveIndex(entry);
    entry->state.phase = Phase::kRetrying;
    entry->state.retry_at = {now_.mono.ms + wait_ms};
    entry->state.next_attempt_at = {now_.wall.ms + wait_ms};
    AwaitRetry(entry, lane, lane->fifo() && (at_once || lane->limits.on_retry == OnRetry::kBlock), std::move(result.record));
  }
  responses_->DropAnswer();
  Decide(Decided::Kind::kEnd, entry->id);
  Kick(lane);
  RefillTail(lane);
  MaybeDrop(entry);
}

/// Puts a notify whose attempt failed, or could not begin (then there is none), where it waits for the next one, which its state says. `blocks`:
/// those behind it in its fifo lane wait too.
void Core::Impl::AwaitRetry(Entry* entry, Lane* lane, bool blocks, std::optional<AttemptRecord> attempt) {
  // One that was sent out of its order does not become its lane's head: it goes back to its place.
  if (std::exchange(entry->although_paused, false)) blocks = lane->record.blocked_head == entry->id;
  AddIndex(entry, Index::kRetrying);
  entry->durable = journal_.open();
  if (lane->fifo() && (lane->record.blocked_head == entry->id) != blocks) {
    lane->record.blocked_head = blocks ? entry->id : NotifyId{};
    DirtyLane(lane);
    if (!blocks && lane->disk_tail) Activate(lane);
  }
  if (attempt) Log(*entry, &*attempt, false);
  ChangeState(entry, std::move(attempt));
  // A lane that stands still gives up its memory where that is short.
  if (blocks && std::max(LoadedWeight(), lanes_.size()) > limits_.max_loaded / 2) SpillQueue(lane);
  PlaceEntry(entry);
  TrackExpiry(entry);
}

/// Settles a notify whose ttl is over. No attempt of it may be under way.
void Core::Impl::Expire(Entry* entry) {
  Settle(entry, Phase::kExpired, "", std::nullopt);
  Decide(Decided::Kind::kExpiry, entry->id);
}

/// Tells logs and metrics that an attempt ended (`record`, or null where none did), that the notify settled, or both.
void Core::Impl::Log(const Entry& entry, const AttemptRecord* record, bool settled) {
  AttemptLog log;
  log.id = entry.id;
  log.envelope = entry.envelope;
  if (record) {
    log.attempt = true;
    log.number = record->number;
    log.status = record->status;
    log.duration_ms = record->duration_ms;
    log.error = record->error;
  }
  log.settled = settled;
  log.phase = entry.state.phase;
  if (settled) log.reason = entry.state.reason;
  log.attempts_made = entry.state.attempts_made;
  out_->logs.push_back(std::move(log));
}

void Core::Impl::ChangeState(Entry* entry, std::optional<AttemptRecord> attempt) {
  auto change = std::make_shared<StateChange>();
  change->state = entry->state;
  change->attempt = std::move(attempt);
  entry->full = nullptr;
  ++entry->changes;
  Touch(entry);
  Write(ChangeNotify{entry->id, std::move(change)});
}

void Core::Impl::EndFkey(const Entry& entry, WallTime until) {
  Write(ExpireFkey{entry.envelope->fkey, entry.id, until});
  auto slot = fkeys_.find(entry.envelope->fkey);
  if (slot == fkeys_.end() || !slot->second->known || !slot->second->record || slot->second->record->id != entry.id) return;
  slot->second->record->expires_at = until;
  Touch(slot->second.get());
}

/// Ends a pending notify as `phase`, with all that follows: its callback, its fkey's end, what waits for the end, its lane's next. Its lane must be
/// known, unless it never was in one. `attempt`: the one that ended it, where one did; then `via` is its spec's.
void Core::Impl::Settle(Entry* entry, Phase phase, std::string reason, std::optional<AttemptRecord> attempt, std::string via) {
  CHECK(entry->pending());
  if (!entry->in_flight()) services_->Forget(entry->id);
  if (entry->in_flight()) CountSending(entry, -1);  // cancelled in flight: its place in flight is given back when the attempt ends
  Unplace(entry);
  RemoveIndex(entry);
  entry->although_paused = false;
  NotifyState& state = entry->state;
  state.phase = phase;
  state.reason = std::move(reason);
  state.settled_at = now_.wall;
  state.at_once = false;
  state.next_attempt_at = {};
  books_.Settle(phase);
  history_->OnSettled(*entry);
  if (phase == Phase::kFailed || phase == Phase::kExpired) figures_.Failed(entry->envelope->caller, now_.mono);
  Log(*entry, attempt ? &*attempt : nullptr, true);
  if (entry->envelope->callback && state.reason != kReplaced && !draining_) {
    const AttemptRecord* last = attempt ? &*attempt : nullptr;
    if (!last && state.attempts_made > 0) {
      CHECK(entry->full && !entry->full->attempts.empty());
      last = &entry->full->attempts.back();
    }
    if (const auto& spec = entry->full ? entry->full->stored_spec() : entry->spec; !attempt && spec) via = ViaOfSpec(*spec);
    SubmitItem callback;
    NotifySpec spec = CallbackSpec(entry->id, *entry->envelope, state, last, std::move(via));
    std::shared_ptr<Envelope> envelope = CallbackEnvelope(*entry->envelope);
    OrderByRule(limits_.lane_rules, spec.payload, entry->id.value, envelope.get());
    callback.envelope = std::move(envelope);
    ApplySubmit(callback, std::make_shared<const std::string>(EncodeSpec(spec)), nullptr);
  }
  groups_->OnChanged(*entry, attempt ? &*attempt : nullptr);
  alerts_->OnSettled(entry->id);
  bool failed_head = phase == Phase::kFailed || (phase == Phase::kExpired && state.attempts_made > state.attempts_before);
  if (entry->envelope->flow) topics_->OnSettled(*entry->envelope);
  responses_->OnSettling(*entry, attempt ? &*attempt : nullptr);
  ChangeState(entry, std::move(attempt));
  if (phase != Phase::kSucceeded) Write(PutSettled{phase, entry->id, now_.wall});
  UntrackExpiry(entry);
  if (state.expires_at != kWallNever) Write(DeleteExpiry{{state.expires_at.ms, entry->id}});
  if (!entry->envelope->fkey.empty()) {
    int64_t kept_ms = phase == Phase::kSucceeded ? limits_.retention_succeeded_ms : limits_.retention_settled_ms;
    EndFkey(*entry, {now_.wall.ms + kept_ms});
  }
  if (entry->envelope->lane.mode == Mode::kFifo) {
    Lane* lane = GetLane(entry->envelope->lane);
    Gate(lane);
    if (lane->record.blocked_head == entry->id) {
      lane->record.blocked_head = {};
      DirtyLane(lane);
      if (lane->disk_tail) Activate(lane);
    }
    if (failed_head && lane->limits.on_failure == OnFailure::kPause) PauseOnFailure(lane, entry->id);
  }
  for (RequestId request : polls_.WaitingFor(entry->id)) {
    EndPoll(request, false);
    responses_->ShowSettled(request, *entry);
  }
}

}  // namespace notifyd
