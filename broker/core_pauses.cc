// Lanes that are paused until some time (contract section 3, paused_until): which stand in the namespace's switches, all of them in memory, with
// when. That a lane is paused its settings say; both are written in one batch. The time follows the wall clock, as due times do.
#include <algorithm>
#include <utility>

#include "broker/core_impl.h"

namespace notifyd {

WallTime Core::Impl::PauseEndOf(const LaneKey& lane) const {
  auto found = switches_.all->lanes.find(lane);
  return found == switches_.all->lanes.end() ? kWallNever : found->second;
}

bool Core::Impl::PutPauseEnd(const LaneKey& lane, WallTime until) {
  if (PauseEndOf(lane) == until) return true;
  Switches switches = *switches_.all;
  if (until == kWallNever) switches.lanes.erase(lane);
  else if (switches.lanes.size() >= kMostSwitched && !switches.lanes.contains(lane)) return false;
  else switches.lanes[lane] = until;
  PutSwitched(std::move(switches));
  FindNextPauseEnd();
  return true;
}

Status Core::Impl::ChangePauseEnd(const Lane& lane, const LaneSettings& settings, const LanePatch& patch) {
  WallTime until = PauseEndOf(lane.key);
  if (patch.paused || patch.paused_until) until = patch.paused_until ? patch.paused_until->value_or(kWallNever) : kWallNever;
  if (settings.paused != Paused::kByRequest) until = kWallNever;
  return PutPauseEnd(lane.key, until) ? Status::Ok() : TooManySwitched("lanes that are paused until some time");
}

void Core::Impl::FindNextPauseEnd() {
  next_pause_end_ = kWallNever;
  for (const auto& [lane, until] : switches_.all->lanes)
    if (!ending_pauses_.contains(lane)) next_pause_end_ = std::min(next_pause_end_, until);
}

void Core::Impl::FirePauseEnds() {
  if (NextPauseEnd() > now_.wall) return;
  std::vector<LaneKey> over;
  for (const auto& [lane, until] : switches_.all->lanes)
    if (until <= now_.wall && ending_pauses_.insert(lane).second) over.push_back(lane);
  FindNextPauseEnd();
  for (LaneKey& lane : over) RunTask(MakeTask(LanePauseOver{std::move(lane)}));
}

Handled Core::Impl::Handle(Task* task, LanePauseOver& r) {
  Lane* lane = NeedLane(task, r.lane);
  if (!lane) return Handled::kParked;
  if (lane->has_attempted_head() && !NeedEntry(task, lane->record.blocked_head)) return Handled::kParked;
  ending_pauses_.erase(r.lane);
  FindNextPauseEnd();
  if (stopping_ || closed_ || PauseEndOf(r.lane) > now_.wall) return Handled::kDone;  // somebody has said something else meanwhile
  PutPauseEnd(r.lane, kWallNever);
  LaneSettings settings = lane->settings;
  if (settings.paused == Paused::kByRequest) settings.paused = Paused::kNo;
  ChangeSettings(lane, settings);
  return Handled::kDone;
}

}  // namespace notifyd
