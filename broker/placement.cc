#include "broker/placement.h"

#include <algorithm>
#include <optional>

namespace notifyd {
namespace {

uint64_t WeightOf(const PlacedNamespace& space) {
  return 1 + space.load;
}

}  // namespace

/// What each member has. Of those that may be given something: they renew their leases, are reached by the others and do not drain, as far as there
/// are such.
struct Placement::Weights {
  Weights(const PlacementView& view, const std::map<std::string, Doubt>& doubts) {
    // From the best to what is left: reached, though it drains; not known to be cut off at this moment; any that renews its lease; any; one that
    // stops.
    for (int worst = 0; of.empty(); ++worst)
      for (const PlacementMember& member : view.members) {
        const Doubt& doubt = doubts.at(member.name);
        const int rank = member.leaving ? 5 : member.falters ? 4 : doubt.found ? 3 : doubt.cut ? 2 : member.draining ? 1 : 0;
        if (rank <= worst) of[member.name] = 0;
        alive.insert(member.name);
        if (member.draining || doubt.cut) emptied.insert(member.name);
        if (member.leaving) leaving.insert(member.name);
        if (member.falters) faltering.insert(member.name);
      }
    for (const PlacedNamespace& space : view.namespaces)
      if (auto has = of.find(space.at); has != of.end()) has->second += WeightOf(space);
    for (const PlacementMember& member : view.members) cells[member.name] = member.cells;
  }
  /// The lightest, by name where several are. There is one.
  const std::string& Lightest() const {
    return std::min_element(of.begin(), of.end(), [](const auto& a, const auto& b) { return a.second < b.second; })->first;
  }
  bool Knows(const std::string& name, const PlacedNamespace& space) const {
    const auto its = cells.find(name);
    return space.cell.empty() || its == cells.end() || !its->second || its->second->contains(space.cell);
  }
  /// Of those that know its cell, if there are such.
  const std::string& LightestFor(const PlacedNamespace& space) const {
    const std::pair<const std::string, uint64_t>* lightest = nullptr;
    for (const auto& each : of)
      if (Knows(each.first, space) && (!lightest || each.second < lightest->second)) lightest = &each;
    return lightest ? lightest->first : Lightest();
  }
  bool IsToLeave(const std::string& name) const { return emptied.contains(name) && !of.contains(name); }
  bool Serves(const PlacedNamespace& space) const { return space.served && alive.contains(space.at); }
  /// Where it is placed it is served by nobody, or not for long.
  bool IsHomeless(const PlacedNamespace& space) const {
    if (!alive.contains(space.at)) return true;
    if (!space.with_leader && !Knows(space.at, space) && Knows(LightestFor(space), space)) return true;
    return !space.with_leader && !of.contains(space.at) && (leaving.contains(space.at) || (!space.served && faltering.contains(space.at)));
  }

  std::set<std::string> alive, emptied, leaving, faltering;
  std::map<std::string, uint64_t> of;
  std::map<std::string, std::optional<std::set<std::string>>> cells;
};

std::vector<PlacementMove> Placement::Decide(MonoTime now, const PlacementView& view) {
  std::vector<PlacementMove> moves;
  if (view.members.empty()) return moves;
  NoteMembers(now, view);
  NoteReach(now, view);
  Weights weights(view, doubts_);

  std::vector<const PlacedNamespace*> homeless;
  for (const PlacedNamespace& space : view.namespaces) {
    if (space.with_leader && space.at != view.leader) moves.push_back({space.number, space.at, view.leader, !weights.Serves(space)});
    else if (weights.IsHomeless(space)) homeless.push_back(&space);
  }
  // The heaviest first, so that the lighter ones even out what they leave.
  std::sort(homeless.begin(), homeless.end(), [](const PlacedNamespace* a, const PlacedNamespace* b) {
    return WeightOf(*a) != WeightOf(*b) ? WeightOf(*a) > WeightOf(*b) : a->number < b->number;
  });
  for (const PlacedNamespace* space : homeless) {
    const std::string to = weights.LightestFor(*space);
    weights.of[to] += WeightOf(*space);
    moves.push_back({space->number, space->at, to, !weights.Serves(*space)});
  }
  // What is to be evened out is seen as it is behind these.
  if (!moves.empty() || now < quiet_until_ || now < next_at_) return moves;
  PlacementMove move;
  if (Drain(view, &weights, &move)) {
    moves.push_back(move);
  } else if (Even(now, view, weights, &move)) {
    moved_at_[move.number] = now;
    moves.push_back(move);
  }
  if (!moves.empty()) next_at_ = {now.ms + rules_.every_ms};
  return moves;
}

/// One that joined is not sent anything for a while: it may be the first of several, or one that comes and goes.
void Placement::NoteMembers(MonoTime now, const PlacementView& view) {
  std::set<std::string> names;
  for (const PlacementMember& member : view.members) names.insert(member.name);
  const bool joined = !std::includes(known_.begin(), known_.end(), names.begin(), names.end());
  if (seen_ && joined) quiet_until_ = {std::max(quiet_until_.ms, now.ms + rules_.quiet_ms)};
  seen_ = true;
  known_ = std::move(names);
  std::erase_if(moved_at_, [&](const auto& each) { return now.ms - each.second.ms >= rules_.rest_ms; });
}

void Placement::NoteReach(MonoTime now, const PlacementView& view) {
  std::map<std::string, Reach> reaches;
  for (const PlacementMember& member : view.members) reaches[member.name] = member.reach;
  const std::set<std::string> found = FindCutOff(reaches, view.leader);
  std::map<std::string, Doubt> doubts;
  for (const auto& [name, reach] : reaches) {
    const auto before = doubts_.find(name);
    Doubt doubt = before == doubts_.end() ? Doubt{false, now} : before->second;
    if (doubt.found != found.contains(name)) doubt = {!doubt.found, now, doubt.cut};
    if (now.ms - doubt.since.ms >= (doubt.found ? rules_.cut_ms : rules_.back_ms)) doubt.cut = doubt.found;
    doubts[name] = doubt;
  }
  doubts_ = std::move(doubts);
}

std::set<std::string> Placement::cut_off() const {
  std::set<std::string> names;
  for (const auto& [name, doubt] : doubts_)
    if (doubt.cut) names.insert(name);
  return names;
}

bool Placement::Drain(const PlacementView& view, Weights* weights, PlacementMove* move) const {
  const PlacedNamespace* first = nullptr;
  for (const PlacedNamespace& space : view.namespaces) {
    if (space.with_leader || !weights->IsToLeave(space.at) || (first && space.number >= first->number)) continue;
    if (!weights->Knows(space.at, space) || weights->Knows(weights->LightestFor(space), space)) first = &space;
  }
  if (!first) return false;
  *move = {first->number, first->at, weights->LightestFor(*first), false};
  return true;
}

bool Placement::Even(MonoTime now, const PlacementView& view, const Weights& weights, PlacementMove* move) const {
  uint64_t sum = 0;
  for (const auto& [name, weight] : weights.of) sum += weight;
  const auto heaviest = std::max_element(weights.of.begin(), weights.of.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const std::string& lightest = weights.Lightest();
  const uint64_t apart = heaviest->second - weights.of.at(lightest);
  const uint64_t slack = rules_.slack_share > 0 ? sum / weights.of.size() / rules_.slack_share : 0;
  if (apart <= slack) return false;
  const PlacedNamespace* best = nullptr;
  uint64_t best_gain = 0;
  for (const PlacedNamespace& space : view.namespaces) {
    if (space.with_leader || space.at != heaviest->first || WeightOf(space) + slack / 2 >= apart || !weights.Knows(lightest, space)) continue;
    const auto moved = moved_at_.find(space.number);
    if (moved != moved_at_.end() && now.ms - moved->second.ms < rules_.rest_ms) continue;
    // By how much the heavier of the two is lighter than the heaviest was. It does not become nearly as heavy as that one: a little more load would
    // send it back.
    const uint64_t gain = std::min(WeightOf(space), apart - WeightOf(space));
    if (gain < best_gain || (gain == best_gain && best && best->number < space.number)) continue;
    best = &space;
    best_gain = gain;
  }
  if (!best) return false;
  *move = {best->number, best->at, lightest, false};
  return true;
}

}  // namespace notifyd
