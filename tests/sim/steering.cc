// The part of the workload that sees and steers: changes of notifies, lanes and many at once.
#include <algorithm>
#include <memory>

#include "broker/spec.h"
#include "sim/workload.h"

namespace notifyd::sim {

LaneKey Workload::DrawLane() {
  bool hot = random_.Chance(0.6);
  size_t lane = random_.Below(static_cast<uint64_t>(hot ? profile_.hot_lanes : profile_.cold_lanes));
  bool fifo = hot ? lane % 2 == 0 : static_cast<double>(lane) < profile_.fifo_share * profile_.cold_lanes;
  return {fifo ? Mode::kFifo : Mode::kConcurrent, (hot ? "hot" : "cold") + std::to_string(lane)};
}

Event Workload::Pausing(bool host, const std::string& name, bool paused) {
  if (host) {
    HostChangeRequest change;
    change.request = NewRequest();
    change.host = name;
    change.patch.paused = paused;
    return change;
  }
  CallerChangeRequest change;
  change.request = NewRequest();
  change.caller = name;
  change.patch.paused = paused;
  return change;
}

int64_t Workload::NextPauseAt() const {
  if (profile_.pause_every_ms == 0) return SimClock::kNever;
  int64_t at = pause_at_;
  for (const auto& [what, resume_at] : resume_at_) at = std::min(at, resume_at);
  return at;
}

/// Some are paused until somebody resumes them in the end.
void Workload::DrawPauses(std::vector<Event>* events) {
  if (profile_.pause_every_ms == 0) return;
  for (auto it = resume_at_.begin(); it != resume_at_.end();) {
    if (it->second > clock_->t()) {
      ++it;
      continue;
    }
    events->push_back(Pausing(it->first.first, it->first.second, false));
    it = resume_at_.erase(it);
  }
  while (pause_at_ <= clock_->t()) {
    pause_at_ += 1 + static_cast<int64_t>(pauses_.Below(static_cast<uint64_t>(2 * profile_.pause_every_ms)));
    const bool host = pauses_.Chance(0.7);
    const std::string name = host ? "h" + std::to_string(pauses_.Below(profile_.hosts.size())) + ".test:80" : "c" + std::to_string(pauses_.Below(3));
    const int64_t ms = 300 + static_cast<int64_t>(pauses_.Below(static_cast<uint64_t>(profile_.pause_ms_max)));
    const bool stays = pauses_.Chance(0.2);
    if (!resume_at_.emplace(std::pair(host, name), stays ? SimClock::kNever : clock_->t() + ms).second) continue;
    events->push_back(Pausing(host, name, true));
  }
}

LaneChangeRequest Workload::DrawLaneChange(RequestId request) {
  LaneChangeRequest change{request, DrawLane(), {}};
  LanePatch& patch = change.patch;
  if (random_.Chance(0.6)) patch.paused = random_.Chance(0.4);
  // Drawn from the request's number, so that what else is drawn stays as it was.
  change.by = "token " + std::to_string(request.token % 3);
  if (patch.paused == true && request.token % 2 == 0) patch.reason = "reason " + std::to_string(request.token);
  if (change.lane.mode == Mode::kFifo) {
    if (random_.Chance(0.3)) patch.on_retry.emplace(random_.Chance(0.3) ? std::optional<OnRetry>() : static_cast<OnRetry>(random_.Below(2)));
    if (random_.Chance(0.3)) patch.on_failure.emplace(random_.Chance(0.3) ? std::optional<OnFailure>() : static_cast<OnFailure>(random_.Below(2)));
  } else if (random_.Chance(0.3)) {
    patch.concurrency.emplace(random_.Chance(0.3) ? std::optional<uint32_t>() : static_cast<uint32_t>(Between(1, 12)));
  }
  if (random_.Chance(0.3)) patch.rate_per_s.emplace(random_.Chance(0.4) ? std::optional<double>() : static_cast<double>(Between(3, 100)));
  if (random_.Chance(0.2)) patch.burst.emplace(random_.Chance(0.4) ? std::optional<uint32_t>() : static_cast<uint32_t>(Between(1, 5)));
  return change;
}

/// Always of one lane or one fkey, so that the auditor's doubts stay few.
ListQuery Workload::DrawBulkQuery() {
  ListQuery query;
  for (int64_t n = Between(1, 4); n > 0; --n) query.states.push_back(static_cast<State>(random_.Below(9)));
  LaneKey lane = DrawLane();
  query.lane = lane.name;
  query.mode = lane.mode;
  if (random_.Chance(0.4)) query.caller = "c" + std::to_string(random_.Below(3));
  if (random_.Chance(0.1)) query.fkey_prefix = "f";
  if (random_.Chance(0.1)) query.url_prefix = "http://h0";
  if (random_.Chance(0.3)) query.above = DrawId();
  query.oldest_first = true;
  query.limit = static_cast<size_t>(Between(1, 30));
  return query;
}

Event Workload::DrawSteering(RequestId request) {
  uint64_t dice = random_.Below(100);
  if (dice < 22) return DrawLaneChange(request);
  if (dice < 37) return ChangeReadRequest{request, DrawId()};
  if (dice < 55 && !bases_.empty()) {
    ChangeRequest change;
    change.request = request;
    size_t which = random_.Below(bases_.size());
    change.base = bases_[which];
    bases_.erase(bases_.begin() + static_cast<ptrdiff_t>(which));
    change.id = change.base->id;
    auto envelope = std::make_shared<Envelope>(*change.base->envelope);
    if (envelope->lane.mode == Mode::kConcurrent && random_.Chance(0.4)) envelope->priority = static_cast<uint8_t>(random_.Below(10));
    change.envelope = std::move(envelope);
    Result<NotifySpec> spec = DecodeSpec(*change.base->spec);
    if (random_.Chance(0.5)) spec->headers = {{"X-Change", std::to_string(request.token)}};
    change.spec = std::make_shared<const std::string>(EncodeSpec(*spec));
    if (random_.Chance(0.5)) change.when = random_.Chance(0.3) ? When{} : DrawWhen();
    if (random_.Chance(0.3)) change.ttl = random_.Chance(0.3) ? When{} : When{When::Kind::kDelay, Between(1, 20'000)};
    // What waits for a "not ready yet" without end must not.
    if (change.ttl && change.ttl->kind == When::Kind::kDefault && change.envelope->retry_policy().later_on) change.ttl.reset();
    return change;
  }
  if (dice < 63) return ExplainRequest{request, DrawId()};
  if (dice < 75) {
    BulkRequest bulk{request, static_cast<BulkKind>(random_.Below(3)), DrawBulkQuery(), random_.Chance(0.2)};
    return bulk;
  }
  if (dice < 81) {
    LanesRequest lanes{request, {}};
    if (random_.Chance(0.4)) lanes.query.only = DrawLane();
    if (random_.Chance(0.3)) lanes.query.prefix = "hot";
    if (random_.Chance(0.2)) lanes.query.configured = true;
    if (random_.Chance(0.3)) lanes.query.after = DrawLane();
    lanes.query.limit = static_cast<size_t>(Between(1, 20));
    return lanes;
  }
  if (dice < 91) {
    TriggerRequest trigger{request, DrawFkey(), std::nullopt, {}};
    trigger.remember_ms = Between(1, 20'000);
    if (random_.Chance(0.5)) trigger.data = "{" + TriggerMark(next_mark_++);
    if (random_.Chance(0.2)) trigger.when = DrawWhen();
    return Keep(std::move(trigger));
  }
  SubmitRequest submit{request, {}, false};
  submit.each = true;
  for (int64_t n = Between(1, 15); n > 0; --n) submit.items.push_back(DrawItem(random_.Chance(0.7)));
  return submit;
}

}  // namespace notifyd::sim
