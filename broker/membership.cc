#include "broker/membership.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace notifyd {

void Membership::Seen(MonoTime now, const Incarnation& own, ClusterImage image) {
  own_ = own;
  image_ = std::move(image);
  std::map<std::string, Sight> sights;
  for (const MemberRow& member : image_.members) {
    const auto before = sights_.find(member.name);
    const bool same = before != sights_.end() && before->second.word == member.word;
    sights[member.name] = {member.word, same ? before->second.since : now};
  }
  sights_ = std::move(sights);
  seen_at_ = now;
  const UnitRow* const registry = Find(kRegistryUnit);
  const uint64_t epoch = registry ? registry->epoch : 0;
  // Of another epoch: somebody led in between.
  if (!NobodyLeads()) vacancy_.reset();
  else if (!vacancy_ || vacancy_->epoch != epoch) vacancy_ = {epoch, now};
  // What was removed.
  std::erase_if(held_, [this](const auto& each) { return each.first != kRegistryUnit && !each.second && !Find(each.first); });
}

void Membership::Heard(MonoTime now, const std::string& name, const OwnerWord& word) {
  const auto sight = sights_.find(name);
  if (sight == sights_.end()) return;
  const OwnerWord& last = sight->second.word;
  // What was overtaken on its way says nothing new, and of another lease the store has to say first that it is the member's now.
  if (word.epoch == last.epoch && word.incarnation == last.incarnation && !last.free && word.renewal > last.renewal) sight->second = {word, now};
}

std::vector<MemberRow> Membership::ToBury(MonoTime now) const {
  std::vector<MemberRow> gone;
  for (const MemberRow& member : image_.members)
    if (member.name != name_ && !member.word.free && sights_.at(member.name).word == member.word && AgeMs(now, member.name) >= times_.stale_ms)
      gone.push_back(member);
  return gone;
}

MonoTime Membership::NextBurial() const {
  MonoTime next = kMonoNever;
  for (const auto& [name, sight] : sights_)
    if (name != name_ && !sight.word.free) next = std::min(next, MonoTime{sight.since.ms + times_.stale_ms});
  return next;
}

std::vector<int64_t> Membership::ToAcquire() const {
  std::vector<int64_t> units;
  if (NobodyLeads() && (MayAnyLead() || !UnfitToLead().contains(name_))) units.push_back(kRegistryUnit);
  for (const UnitRow& unit : image_.units) {
    if (unit.unit == kRegistryUnit || held_.contains(unit.unit) || !IsFor(unit)) continue;
    // One's own, and not held: an answer was lost.
    if (unit.owner == own_ || !OwnerOf(unit)) units.push_back(unit.unit);
  }
  return units;
}

std::vector<int64_t> Membership::ToLeave(const std::function<bool(int64_t unit)>& stranded) const {
  std::vector<int64_t> units;
  for (const auto& [number, leaving] : held_) {
    const UnitRow* unit = Find(number);
    if (leaving || number == kRegistryUnit || !unit || unit->placed == name_ || !FindAlive(unit->placed) || !Renews(unit->placed)) continue;
    if (!stranded || !stranded(number)) units.push_back(number);
  }
  return units;
}

std::vector<UnitRow> Membership::ToRelease() const {
  std::vector<UnitRow> units;
  for (const UnitRow& unit : image_.units)
    if (unit.owner == own_ && !held_.contains(unit.unit) && (unit.unit == kRegistryUnit ? UnfitToLead().contains(name_) : !IsFor(unit)))
      units.push_back(unit);
  return units;
}

std::set<std::string> Membership::UnfitToLead(const std::set<std::string>& leaving) const {
  std::map<std::string, Reach> reaches;
  std::set<std::string> drained = leaving;
  for (const MemberRow& member : image_.members) {
    if (member.word.free) continue;
    reaches[member.name] = member.reach;
    if (member.draining) drained.insert(member.name);
  }
  const MemberRow* leader = OwnerOf(kRegistryUnit);
  std::set<std::string> unfit = FindCutOff(reaches, leader ? leader->name : std::string());
  const bool others =
      std::any_of(reaches.begin(), reaches.end(), [&](const auto& each) { return !unfit.contains(each.first) && !drained.contains(each.first); });
  if (others) unfit.merge(drained);
  return unfit;
}

bool Membership::ToYield(bool cut_off, const std::set<std::string>& leaving) const {
  if (!leads()) return false;
  const std::set<std::string> unfit = UnfitToLead(leaving);
  if (!unfit.contains(name_)) return false;
  if (leads_anyway_ && seen_at_.ms - leads_anyway_->ms < lead_times_.anyway_ms) return false;
  const bool heir = std::any_of(image_.members.begin(), image_.members.end(), [&](const MemberRow& member) {
    return !member.word.free && !unfit.contains(member.name) && !leaving.contains(member.name) && Renews(member.name);
  });
  if (!heir) return false;
  // What is drained is emptied first, by whoever knows it best.
  const bool emptied =
      std::all_of(held_.begin(), held_.end(), [](const auto& each) { return each.first == kRegistryUnit || each.first == kSystemNumber; });
  const MemberRow* self = FindAlive(name_);
  return cut_off || (self && self->draining && emptied);
}

PlacementView Membership::View(std::vector<PlacedNamespace> namespaces, const std::set<std::string>& leaving) const {
  PlacementView view{name_, {}, std::move(namespaces)};
  for (const MemberRow& member : image_.members)
    if (!member.word.free)
      view.members.push_back({member.name, member.draining, leaving.contains(member.name), member.reach, Falters(member.name), member.cells});
  for (PlacedNamespace& space : view.namespaces) {
    const UnitRow* unit = Find(space.number);
    space.served = unit && OwnerOf(*unit);
    if (!unit) continue;
    space.at = unit->placed;
    space.load = unit->load;
  }
  return view;
}

bool Membership::moving() const {
  return std::any_of(image_.units.begin(), image_.units.end(), [this](const UnitRow& unit) {
    if (unit.placed.empty()) return false;
    const MemberRow* owner = OwnerOf(unit);
    return !owner || owner->name != unit.placed;
  });
}

void Membership::Acquired(int64_t unit) {
  held_[unit] = false;
  if (unit == kRegistryUnit) leads_anyway_ = MayAnyLead() && UnfitToLead().contains(name_) ? std::optional(seen_at_) : std::nullopt;
}

void Membership::Leave(int64_t unit) {
  auto held = held_.find(unit);
  CHECK(held != held_.end());
  held->second = true;
}

bool Membership::Serves(int64_t unit) const {
  auto held = held_.find(unit);
  return held != held_.end() && !held->second;
}

const MemberRow* Membership::OwnerOf(int64_t unit) const {
  const UnitRow* row = Find(unit);
  return row ? OwnerOf(*row) : nullptr;
}

const MemberRow* Membership::OwnerOf(const UnitRow& unit) const {
  if (unit.owner == Incarnation()) return nullptr;
  auto found = std::find_if(image_.members.begin(), image_.members.end(),
                            [&](const MemberRow& member) { return !member.word.free && member.word.incarnation == unit.owner; });
  return found == image_.members.end() ? nullptr : &*found;
}

const MemberRow* Membership::FindAlive(const std::string& name) const {
  auto found =
      std::find_if(image_.members.begin(), image_.members.end(), [&](const MemberRow& member) { return !member.word.free && member.name == name; });
  return found == image_.members.end() ? nullptr : &*found;
}

int64_t Membership::AgeMs(MonoTime now, const std::string& name) const {
  auto sight = sights_.find(name);
  return sight == sights_.end() ? 0 : now.ms - sight->second.since.ms;
}

bool Membership::RenewedAfter(MonoTime since, const std::string& name) const {
  auto sight = sights_.find(name);
  return sight != sights_.end() && sight->second.since > since;
}

const UnitRow* Membership::Find(int64_t unit) const {
  auto found = std::lower_bound(image_.units.begin(), image_.units.end(), unit, [](const UnitRow& row, int64_t of) { return row.unit < of; });
  return found == image_.units.end() || found->unit != unit ? nullptr : &*found;
}

bool Membership::NobodyLeads() const {
  if (held_.contains(kRegistryUnit)) return false;
  const MemberRow* owner = OwnerOf(kRegistryUnit);
  // The registry may have been nobody's yet.
  return !owner || owner->word.incarnation == own_;
}

bool Membership::MayAnyLead() const {
  return vacancy_ && seen_at_.ms - vacancy_->since.ms >= lead_times_.fit_first_ms;
}

bool Membership::IsFor(const UnitRow& unit) const {
  return unit.placed == name_;
}

}  // namespace notifyd
