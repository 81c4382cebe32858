// Attempts: their start, their end and what follows from it; settling.
#include <algorithm>
#include <utility>

#include "broker/core_impl.h"
#include "broker/retry_policy.h"

namespace notifyd {

/// The entry is its lane's next one (Schedule).
void Core::Impl::StartAttemptOf(Entry* entry) {
  Lane* lane = entry->lane;
  if (entry->place == Place::kQueue) Dequeue(entry);
  entry->lane = lane;
  entry->place = Place::kFlight;
  entry->number = entry->state.attempts_made + 1;
  if (lane->fifo()) lane->head = entry;
  ++lane->in_flight;
  ++entry->host->in_flight;
  ++in_flight_;
  ++pending_sending_;
  if (entry->spec) return EmitStart(entry);
  entry->start_waits = true;
  LoadRecord(entry);
}

void Core::Impl::EmitStart(Entry* entry) {
  entry->start_waits = false;
  // While its spec was read it may have been cancelled, or its ttl ended: then nothing was sent, and nothing is.
  if (!entry->pending() || entry->state.expires_at <= now_.wall) {
    Lane* lane = entry->lane;
    ReleaseSlot(entry);
    if (entry->pending()) {
      --pending_sending_;
      Settle(entry, Phase::kExpired, "", std::nullopt);
    }
    Kick(lane);
    RefillTail(lane);
    MaybeDrop(lane);
    return;
  }
  std::shared_ptr<const std::string> spec = entry->spec ? entry->spec : entry->full ? entry->full->spec : nullptr;
  if (!spec) {
    // Its record changed while it was read: read it again.
    entry->start_waits = true;
    LoadRecord(entry);
    return;
  }
  out_->starts.push_back({entry->id, entry->number, now_.wall, entry->head, std::move(spec)});
}

void Core::Impl::ReleaseSlot(Entry* entry) {
  Lane* lane = entry->lane;
  --lane->in_flight;
  if (lane->head == entry) lane->head = nullptr;
  entry->lane = nullptr;
  entry->place = Place::kIdle;
  --in_flight_;
  Host* host = entry->host;
  Unblock(host);
  --host->in_flight;
  CheckSleepers(host);
  if (host->ring_size > 0) ActivateHost(host);
  while (!blocked_hosts_.empty() && std::get<0>(*blocked_hosts_.begin()) < HostShare()) {
    Host* freed = std::get<2>(*blocked_hosts_.begin());
    Unblock(freed);
    ActivateHost(freed);
  }
}

void Core::Impl::On(AttemptEnded& e) {
  Entry* entry = FindEntry(e.id);
  CHECK(entry && entry->in_flight() && !entry->start_waits && e.result.record.number == entry->number);
  Lane* lane = entry->lane;
  AttemptResult& result = e.result;
  const RetryPolicy& policy = entry->head->retry_policy();
  uint32_t failures = entry->number - entry->state.attempts_before;
  ++totals_.attempts;
  if (failures > 1) ++totals_.retries;
  bool was_settled = !entry->pending();
  if (!was_settled) --pending_sending_;
  ReleaseSlot(entry);
  Gate(lane);
  entry->state.attempts_made = entry->number;
  entry->number = 0;
  if (was_settled) {
    // It was cancelled meanwhile: the attempt is recorded and changes nothing.
    Log(*entry, result.record, false);
    ChangeState(entry, std::move(result.record));
  } else if (result.verdict == Verdict::kSuccess) {
    Settle(entry, Phase::kSucceeded, "", std::move(result.record));
  } else if (entry->state.expires_at <= now_.wall) {
    Settle(entry, Phase::kExpired, "", std::move(result.record));
  } else if (result.verdict == Verdict::kFatal) {
    std::string reason = result.record.error == "destination_refused" ? "destination_refused" : "fatal_answer";
    Settle(entry, Phase::kFailed, std::move(reason), std::move(result.record));
  } else if (entry->head->reply_none) {
    Settle(entry, Phase::kFailed, "not_sent", std::move(result.record));
  } else if (failures >= policy.max_attempts) {
    Settle(entry, Phase::kFailed, "attempts_exhausted", std::move(result.record));
  } else {
    int64_t wait_ms = NextWaitMs(policy, failures, result.retry_after_ms, random_.Unit());
    RemoveIndex(entry);
    entry->state.phase = Phase::kRetrying;
    entry->state.retry_at = {now_.mono.ms + wait_ms};
    entry->state.next_attempt_at = {now_.wall.ms + wait_ms};
    AddIndex(entry, Index::kRetrying);
    entry->durable = open_.number;
    if (lane->fifo() && lane->record.blocked_head != entry->id) {
      lane->record.blocked_head = entry->id;
      DirtyLane(lane);
    }
    Log(*entry, result.record, false);
    ChangeState(entry, std::move(result.record));
    // A lane that stands still for long gives up its place in memory where that is short.
    if (lane->fifo() && std::max(entries_.size(), lanes_.size()) > limits_.max_loaded / 2) SpillQueue(lane);
    PlaceEntry(entry);
    TrackExpiry(entry);
  }
  Kick(lane);
  RefillTail(lane);
  MaybeDrop(entry);
  MaybeDrop(lane);
}

void Core::Impl::Log(const Entry& entry, const AttemptRecord& record, bool settled) {
  out_->logs.push_back({entry.id, entry.head, record.number, record.status, record.duration_ms, record.error, settled, entry.state.phase});
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

/// From pending to settled. Its lane is known, or it never was in one.
void Core::Impl::Settle(Entry* entry, Phase phase, std::string reason, std::optional<AttemptRecord> attempt) {
  CHECK(entry->pending());
  if (entry->in_flight()) --pending_sending_;  // cancelled in flight: its slot is released when the attempt ends
  Unplace(entry);
  RemoveIndex(entry);
  NotifyState& state = entry->state;
  state.phase = phase;
  state.reason = std::move(reason);
  state.settled_at = now_.wall;
  state.at_once = false;
  state.next_attempt_at = {};
  switch (phase) {
    case Phase::kSucceeded:
      ++totals_.succeeded;
      break;
    case Phase::kFailed:
      ++totals_.failed;
      break;
    case Phase::kCancelled:
      ++totals_.cancelled;
      break;
    default:
      ++totals_.expired;
      break;
  }
  if (attempt) Log(*entry, *attempt, true);
  else Log(*entry, AttemptRecord{}, true);
  ChangeState(entry, std::move(attempt));
  if (phase != Phase::kSucceeded) Write(PutSettled{phase, entry->id, now_.wall});
  UntrackExpiry(entry);
  if (state.expires_at != kWallNever) Write(DeleteExpiry{{state.expires_at.ms, entry->id}});
  if (!entry->head->fkey.empty()) {
    int64_t kept_ms = phase == Phase::kSucceeded ? limits_.retention_succeeded_ms : limits_.retention_settled_ms;
    WallTime until{now_.wall.ms + kept_ms};
    Write(ExpireFkey{entry->head->fkey, entry->id, until});
    auto slot = fkeys_.find(entry->head->fkey);
    if (slot != fkeys_.end() && slot->second->known && slot->second->record && slot->second->record->id == entry->id) {
      slot->second->record->expires_at = until;
      Touch(slot->second.get());
    }
  }
  if (entry->head->lane.mode == Mode::kFifo) {
    Lane* lane = GetLane(entry->head->lane);
    Gate(lane);
    if (lane->record.blocked_head == entry->id) {
      lane->record.blocked_head = {};
      DirtyLane(lane);
      if (lane->disk_tail) Activate(lane);
    }
  }
  if (auto waiting = waiters_by_id_.find(entry->id); waiting != waiters_by_id_.end()) {
    std::vector<RequestId> requests = waiting->second;
    for (RequestId request : requests) {
      EndWaiter(request, false);
      ReadWritten(open_.number, request, entry->id);
    }
  }
}

}  // namespace notifyd
