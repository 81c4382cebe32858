// What ClusterHost says to other members, and hears of them, so that none of them waits for its next periodic look: a namespace is placed, released
// or taken, a member is gone, one stops, or has renewed its lease. A word that is lost costs that wait. Contract sections 22 and 23.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/log.h"
#include "cli/daemon/cluster_host.h"

namespace notifyd {
namespace {

/// So many members hear of each renewal, the next ones by name: enough that one of them lives, and not more with more members.
constexpr size_t kWatchers = 2;
/// Who stops waits so long for the leader to place what it serves.
constexpr int64_t kPlacedMostMs = 1'500;
/// By so much its clock is to be off otherwise than it said, for it to say so.
constexpr int64_t kClockMs = 100;

/// Those behind one's own in the circle of names. `members` by name.
std::vector<Member> WatchersOf(const std::vector<Member>& members) {
  std::vector<Member> watchers;
  const auto self = std::find_if(members.begin(), members.end(), [](const Member& member) { return member.self; });
  if (self == members.end()) return watchers;
  const size_t at = static_cast<size_t>(self - members.begin());
  for (size_t i = 1; i < members.size() && watchers.size() < kWatchers; ++i) watchers.push_back(members[(at + i) % members.size()]);
  return watchers;
}

}  // namespace

void ClusterHost::Tell(const MemberAt& to, bool look, bool leaving, std::function<void(bool)> then) {
  setup_.tell(to, {setup_.name, setup_.lease(), look, leaving}, [then = std::move(then)](bool taken) {
    if (then) then(taken);
  });
}

void ClusterHost::TellOthersToLook(bool leaving) {
  for (const MemberRow& member : membership_.image().members)
    if (member.name != setup_.name) Tell(member.at(), /*look=*/true, leaving);
}

void ClusterHost::TellOwnersToBe(const std::set<std::string>& names) {
  for (const std::string& name : names)
    if (const MemberRow* member = membership_.FindAlive(name)) Tell(member->at(), /*look=*/true, /*leaving=*/false);
}

void ClusterHost::Renewed() {
  // Its thread may be waiting for a store that answers others.
  LoseIfBlind();
  for (const Member& member : WatchersOf(Members())) Tell(member.at(), /*look=*/false, /*leaving=*/false);
}

void ClusterHost::Hear(MemberWord word, std::function<void(bool)> then) {
  {
    std::lock_guard lock(mutex_);
    if (!ending_) {
      heard_[word.from] = {word.lease, setup_.now()};
      if (word.leaving) leaving_members_[word.from] = word.lease.incarnation;
      if (word.look) askers_.push_back(std::exchange(then, nullptr));
      kicked_ = kicked_ || word.look;
    }
  }
  wake_.notify_all();
  if (then) then(!word.look);
}

/// What was heard counts from when it came: the look that follows shows no less.
void ClusterHost::TakeHeard() {
  std::lock_guard lock(mutex_);
  for (const auto& [name, said] : heard_) membership_.Heard(said.second, name, said.first);
  heard_.clear();
}

/// Of those that asked before the look that has just ended.
void ClusterHost::AnswerAskers(const std::vector<std::function<void(bool)>>& askers, bool looked) {
  {
    std::lock_guard lock(mutex_);
    // Who began anew since is another one.
    const std::vector<MemberRow>& members = membership_.image().members;
    std::erase_if(leaving_members_, [&](const auto& each) {
      return looked && std::none_of(members.begin(), members.end(),
                                    [&](const MemberRow& member) { return member.name == each.first && member.word.incarnation == each.second; });
    });
  }
  for (const auto& then : askers) then(looked);
}

// ---- what all may read in the store

void ClusterHost::TellReach() {
  const std::shared_ptr<const std::set<std::string>> unreached = setup_.unreached ? setup_.unreached() : nullptr;
  if (!unreached || told_reach_ == *unreached) return;
  if (store_->TellReach(*unreached).ok()) told_reach_ = *unreached;
}

void ClusterHost::TellClock() {
  const std::optional<int64_t> ahead_ms = setup_.clock_ahead_ms ? setup_.clock_ahead_ms() : std::nullopt;
  if (!ahead_ms || (told_clock_ms_ && std::abs(*ahead_ms - *told_clock_ms_) < kClockMs)) return;
  if (store_->TellClock(*ahead_ms).ok()) told_clock_ms_ = ahead_ms;
}

// ---- a member that stops

void ClusterHost::Depart(int64_t most_ms, std::function<void()> then) {
  {
    std::lock_guard lock(mutex_);
    departure_ = Departure{setup_.now(), {setup_.now().ms + most_ms}, std::move(then)};
    kicked_ = true;
  }
  wake_.notify_all();
}

bool ClusterHost::departing() const {
  std::lock_guard lock(mutex_);
  return departure_.has_value();
}

bool ClusterHost::IsLeaving(const MemberRow& member) const {
  std::lock_guard lock(mutex_);
  if (member.name == setup_.name) return departure_.has_value();
  const auto said = leaving_members_.find(member.name);
  return said != leaving_members_.end() && said->second == member.word.incarnation;
}

std::set<std::string> ClusterHost::LeavingMembers() const {
  std::set<std::string> names;
  for (const MemberRow& member : membership_.image().members)
    if (IsLeaving(member)) names.insert(member.name);
  return names;
}

/// The leader is asked to place what is served here, which then leaves as what moves does. What nobody takes goes with the lease.
void ClusterHost::GoOnDeparting() {
  std::unique_lock lock(mutex_);
  if (!departure_) return;
  const bool first = !std::exchange(departure_->told, true);
  const MemberRow* leader = membership_.OwnerOf(kRegistryUnit);
  const bool leads = leader && leader->name == setup_.name;
  const size_t alive = membership_.image().members.size();
  if (first && leader && !leads && alive > 1) {
    const MemberAt at = leader->at();
    lock.unlock();
    Tell(at, /*look=*/true, /*leaving=*/true, [this](bool taken) {
      if (taken) return;
      {
        std::lock_guard failing(mutex_);
        departure_->failed = true;
      }
      Kick();
    });
    return;
  }
  // What is the leader's is given back with its lease, which the others are to see at once.
  if (first && leads) {
    lock.unlock();
    TellOthersToLook(/*leaving=*/true);
    lock.lock();
  }
  // What lies where the store does not reach it is not released before it is reached.
  const auto stranded = [this](int64_t unit) { return unit != kRegistryUnit && store_->IsStranded(static_cast<NamespaceNumber>(unit)); };
  bool serves = false;
  for (const UnitRow& unit : membership_.image().units)
    serves =
        serves || (unit.unit != kRegistryUnit && !(leads && unit.unit == kSystemNumber) && membership_.Serves(unit.unit) && !stranded(unit.unit));
  const bool in_vain = alive < 2 || !leader || departure_->failed || setup_.now().ms - departure_->began.ms >= kPlacedMostMs;
  const std::vector<UnitRow> left = membership_.ToRelease();
  const bool releases = !departure_->failed && std::any_of(left.begin(), left.end(), [&](const UnitRow& unit) { return !stranded(unit.unit); });
  const bool leaves = std::any_of(leaving_.begin(), leaving_.end(), [&](const auto& each) { return !stranded(each.first); });
  if (leaves || releases || (serves && !in_vain)) return;
  const std::function<void()> then = std::exchange(departure_->then, nullptr);
  lock.unlock();
  if (then) then();
}

/// The store does not answer: what leaves ends, and nothing more is begun.
void ClusterHost::GiveUpDeparting() {
  {
    std::lock_guard lock(mutex_);
    if (!departure_) return;
    departure_->failed = departure_->told = true;
  }
  GoOnDeparting();
}

}  // namespace notifyd
