#include "cli/daemon/roster.h"

#include <algorithm>

namespace notifyd {

void Roster::Unset(NamespaceNumber number, const Wake& wake) {
  if (wake.wall != kWallNever) by_wall_.erase({wake.wall, number});
  if (wake.mono != kMonoNever) by_mono_.erase({wake.mono, number});
}

void Roster::SetWake(NamespaceNumber number, const Wake& wake) {
  auto [place, made] = wakes_.try_emplace(number);
  Wake& old = place->second;
  if (old.wall == wake.wall && old.mono == wake.mono && !made) return;
  Unset(number, old);
  if (wake.wall == kWallNever && wake.mono == kMonoNever) {
    wakes_.erase(place);
    return;
  }
  old = wake;
  if (wake.wall != kWallNever) by_wall_.insert({wake.wall, number});
  if (wake.mono != kMonoNever) by_mono_.insert({wake.mono, number});
}

void Roster::Busy(NamespaceNumber number, MonoTime now) {
  auto [place, made] = busy_at_.try_emplace(number, now);
  if (!made) {
    // Not exact, so that one with much to do costs nothing here.
    if (now.ms - place->second.ms < AShare()) return;
    resting_.erase({place->second, number});
    place->second = now;
  }
  resting_.insert({now, number});
}

void Roster::Rest(NamespaceNumber number) {
  auto found = busy_at_.find(number);
  if (found == busy_at_.end()) return;
  resting_.erase({found->second, number});
  busy_at_.erase(found);
}

std::vector<NamespaceNumber> Roster::TakeDue(const Now& now) {
  std::vector<NamespaceNumber> due;
  auto take = [&](NamespaceNumber number) {
    SetWake(number, {});
    due.push_back(number);
  };
  while (!by_wall_.empty() && by_wall_.begin()->first <= now.wall) take(by_wall_.begin()->second);
  while (!by_mono_.empty() && by_mono_.begin()->first <= now.mono) take(by_mono_.begin()->second);
  return due;
}

MonoTime Roster::NextRested() const {
  if (resting_.empty()) return kMonoNever;
  return MonoTime{resting_.begin()->first.ms + (resting_.size() > most_awake_ ? AShare() : rest_ms_)};
}

std::vector<NamespaceNumber> Roster::TakeRested(MonoTime now) {
  std::vector<NamespaceNumber> rested;
  while (NextRested() <= now) {
    rested.push_back(resting_.begin()->second);
    Rest(rested.back());
  }
  return rested;
}

Wake Roster::Next() const {
  Wake next;
  if (!by_wall_.empty()) next.wall = by_wall_.begin()->first;
  if (!by_mono_.empty()) next.mono = by_mono_.begin()->first;
  next.mono = std::min(next.mono, NextRested());
  return next;
}

}  // namespace notifyd
