// Lanes that are paused until some time. See core_pauses.h.
#include "broker/core_pauses.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "broker/core_topics.h"
#include "broker/flow.h"

namespace notifyd {
namespace {

constexpr std::string_view kBeforeSubscription = "the subscription ", kBehindSubscription = " was paused";

}  // namespace

Handled Core::Impl::Handle(Task* task, LanePauseOver& r) {
  return pauses_->Handle(task, r);
}

WallTime Core::Impl::PausePart::EndOf(const LaneKey& lane) const {
  const auto& lanes = core_.switches_.all->lanes;
  auto found = lanes.find(lane);
  return found == lanes.end() ? kWallNever : found->second;
}

PauseNoteRef Core::Impl::PausePart::NoteOfSubscription(WallTime since, const std::string& by, const std::string& subscription) {
  return NoteOf({since, by, std::string(kBeforeSubscription) + subscription + std::string(kBehindSubscription), {}});
}

bool Core::Impl::PausePart::IsOfSubscription(const Lane& lane) const {
  if (lane.settings.paused != Paused::kByRequest || EndOf(lane.key) != kWallNever) return false;
  // Of one that was paused when no notes were kept it is not known, and it goes on as it would have then.
  if (!lane.settings.pause.note) return true;
  const std::string_view reason = lane.settings.pause.note->reason;
  return reason.starts_with(kBeforeSubscription) && reason.ends_with(kBehindSubscription);
}

void Core::Impl::PausePart::Explain(const Entry& entry, const Lane& lane, Explained* out) const {
  const FlowFields* flow = entry.envelope->flow.get();
  const bool with_subscription = flow && core_.topics_->IsPaused(flow->subscription);
  if (with_subscription) out->reasons.push_back({"subscription_paused", "its subscription, " + flow->subscription + ", is paused"});
  if (!with_subscription || !IsOfSubscription(lane)) out->reasons.push_back({"lane_paused", Said(lane)});
  const WallTime until = with_subscription ? kWallNever : EndOf(lane.key);
  if (until == kWallNever) out->expected_at.reset();
  else if (out->expected_at) out->expected_at = std::max(*out->expected_at, until);
}

std::string Core::Impl::PausePart::Said(const Lane& lane) const {
  const PauseNote none, &note = lane.settings.pause.note ? *lane.settings.pause.note : none;
  const std::string since = note.since.ms == 0 ? "" : " at " + FormatRfc3339(note.since);
  if (lane.limits.paused == Paused::kByFailure)
    return "its lane paused itself" + since + " when " + (note.failed.value == 0 ? "a notify" : note.failed.ToString()) + " ended without success";
  const WallTime until = EndOf(lane.key);
  std::string said = until == kWallNever ? "its lane is paused" : "its lane is paused until " + FormatRfc3339(until);
  if (note.since.ms != 0) said += ", since " + FormatRfc3339(note.since);
  if (!note.by.empty()) said += ", by " + note.by;
  if (!note.reason.empty()) said += ": " + note.reason;
  return said;
}

void Core::Impl::PausePart::Note(const Lane& lane, const LaneChangeRequest& request, LaneSettings* settings) const {
  const LanePatch& patch = request.patch;
  if (settings->paused == Paused::kNo) {
    settings->pause = {};
  } else if (lane.settings.paused == Paused::kNo) {
    settings->pause = NoteOf({core_.now_.wall, request.by, patch.reason.value_or(""), {}});
  } else if (const bool taken_over = patch.paused == true && IsOfSubscription(lane);
             patch.reason || (patch.paused_until && *patch.paused_until) || taken_over) {
    // Who says that a lane is paused which is so says nothing new, without a reason or a time, unless it would go on with its subscription. A reason
    // stays, with its author, until there is another one.
    PauseNote note = settings->pause.note ? *settings->pause.note : PauseNote();
    if (patch.reason || note.reason.empty() || IsOfSubscription(lane)) {
      note.by = request.by;
      note.reason = patch.reason.value_or("");
    }
    if (settings->paused != Paused::kByFailure) note.failed = {};
    settings->pause = NoteOf(std::move(note));
  }
}

bool Core::Impl::PausePart::PutEnd(const LaneKey& lane, WallTime until) {
  if (EndOf(lane) == until) return true;
  Switches switches = *core_.switches_.all;
  if (until == kWallNever) switches.lanes.erase(lane);
  else if (switches.lanes.size() >= kMostSwitched && !switches.lanes.contains(lane)) return false;
  else switches.lanes[lane] = until;
  core_.PutSwitched(std::move(switches));
  FindNextEnd();
  return true;
}

Status Core::Impl::PausePart::ChangeEnd(const Lane& lane, const LaneSettings& settings, const LanePatch& patch) {
  WallTime until = EndOf(lane.key);
  if (patch.paused || patch.paused_until) until = patch.paused_until ? patch.paused_until->value_or(kWallNever) : kWallNever;
  if (settings.paused != Paused::kByRequest) until = kWallNever;
  return PutEnd(lane.key, until) ? Status::Ok() : core_.TooManySwitched("lanes that are paused until some time");
}

void Core::Impl::PausePart::ChangeSettings(Lane* lane, const LaneSettings& settings) {
  if (settings == lane->settings) return;
  const LaneLimits before = lane->limits;
  core_.PutSettings(lane, settings);
  core_.journal_.AskSync();
  if (before.paused != Paused::kNo && settings.paused == Paused::kNo) core_.ResumeLane(lane);
  if (before.paused == Paused::kNo && settings.paused != Paused::kNo) core_.PauseLane(lane);
  core_.FreeHead(lane);
  core_.Unthrottle(lane);
  if (lane->disk_tail) core_.Activate(lane);
  core_.Kick(lane);
}

void Core::Impl::PausePart::FindNextEnd() {
  next_end_ = kWallNever;
  for (const auto& [lane, until] : core_.switches_.all->lanes)
    if (!ending_.contains(lane)) next_end_ = std::min(next_end_, until);
}

void Core::Impl::PausePart::Fire() {
  if (NextEnd() > core_.now_.wall) return;
  std::vector<LaneKey> over;
  for (const auto& [lane, until] : core_.switches_.all->lanes)
    if (until <= core_.now_.wall && ending_.insert(lane).second) over.push_back(lane);
  FindNextEnd();
  for (LaneKey& lane : over) core_.RunTask(MakeTask(LanePauseOver{std::move(lane)}));
}

Handled Core::Impl::PausePart::Handle(Task* task, LanePauseOver& r) {
  Lane* lane = core_.NeedLane(task, r.lane);
  if (!lane) return Handled::kParked;
  if (lane->has_attempted_head() && !core_.NeedEntry(task, lane->record.blocked_head)) return Handled::kParked;
  if (!core_.NeedCatalog(task)) return Handled::kParked;
  ending_.erase(r.lane);
  FindNextEnd();
  // Somebody has said something else meanwhile, or it goes on after the next start.
  if (core_.stopping_ || core_.closed_ || EndOf(r.lane) > core_.now_.wall) return Handled::kDone;
  PutEnd(r.lane, kWallNever);
  LaneSettings settings = lane->settings;
  if (settings.paused == Paused::kByRequest) {
    // A subscription that is paused has paused it, too: that goes on.
    const std::string* pauser = core_.topics_->PauserOf(r.lane);
    const WallTime since = settings.pause.note ? settings.pause.note->since : WallTime{};
    if (!pauser) settings.paused = Paused::kNo;
    settings.pause = pauser ? NoteOfSubscription(since, {}, *pauser) : PauseNoteRef();
  }
  ChangeSettings(lane, settings);
  return Handled::kDone;
}

}  // namespace notifyd
